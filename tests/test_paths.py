"""odeint: paths are SciPy's, sensitivities mpmath's, JAX's and those of closed forms, in every executor."""

import math

import mpmath
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import NoSolutionError, Value, grad, hessian, jacobian, odeint, trace, value_and_grad

EXECUTORS = ["python", "numpy", *["native"] * (ag.engine == "native"), "llvm"]
METHODS = [{"method": "rk45"}, {"method": "rk4", "steps": 200}]
TIMES = np.array([0.0, 0.7, 1.5, 3.0])


def predators(y, t, p):
    return [p["a"] * y[0] - p["b"] * y[0] * y[1], p["d"] * y[0] * y[1] - p["g"] * y[1]]


RATES = {"a": 1.5, "b": 1.0, "d": 3.0, "g": 1.0}


@pytest.mark.parametrize("how", METHODS)
def test_paths_are_those_of_scipy(how):
    integrate = pytest.importorskip("scipy.integrate")
    for times in (TIMES, -TIMES / 10):
        truth = integrate.solve_ivp(lambda t, y: predators(y, t, RATES), (times[0], times[-1]), [1.0, 1.0],
                                    t_eval=times, method="DOP853", rtol=1e-12, atol=1e-13).y.T
        assert odeint(predators, np.ones(2), times, RATES, **how) == pytest.approx(truth, rel=1e-7)


@pytest.mark.parametrize("how", METHODS)
def test_logistic_growth_has_the_derivatives_of_its_closed_form(how):
    def last(y0, begin, end, rate):
        return odeint(lambda y, t, r: r * y * (1 - y) + t * 0, y0, [begin, end], rate, **how)[-1]

    def truth(y0, begin, end, rate):
        return 1 / (1 + (1 / y0 - 1) * mpmath.exp(-rate * (end - begin)))

    point = (0.1, 0.3, 2.0, 1.7)
    slopes, curved = grad(last, (0, 1, 2, 3))(*point), hessian(last, (0, 1, 2, 3))(*point)
    for i in range(4):
        assert slopes[i] == pytest.approx(float(mpmath.diff(truth, point, [int(k == i) for k in range(4)])), rel=1e-6)
        for j in range(4):
            second = float(mpmath.diff(truth, point, [(k == i) + (k == j) for k in range(4)]))
            assert curved[i][j] == pytest.approx(second, rel=1e-5, abs=1e-6)


def test_an_equation_that_depends_on_time():
    forced = lambda y, t, w: -y + ag.sin(w * t)
    closed = lambda t, w: (mpmath.exp(-t) * w + mpmath.sin(w * t) - w * mpmath.cos(w * t)) / (1 + w * w)
    last = lambda t, w: odeint(forced, 0.0, [0.0, 1.0, t], w)[2]
    assert last(2.5, 1.3) == pytest.approx(float(closed(2.5, 1.3)), rel=1e-7)
    assert grad(last, (0, 1))(2.5, 1.3) == pytest.approx([float(mpmath.diff(closed, (2.5, 1.3), order))
                                                        for order in ((1, 0), (0, 1))], rel=1e-6)


def fit(y0, t, p, how):
    return ((odeint(predators, y0, t, p, **how) - 0.5) ** 2).sum()


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("how", [{"method": "rk45", "rtol": 1e-5, "max_steps": 40}, {"method": "rk4", "steps": 5}])
def test_a_program_takes_the_steps_that_its_own_data_ask_for(how, executor):
    loss = lambda y0, t, p: fit(y0, t, p, how)
    program = trace(value_and_grad(loss, (0, 1, 2)), np.ones(2), TIMES[:3], RATES)
    other = (np.array([0.4, 2.0]), np.array([0.0, 1.5, 2.0]), {"a": 0.7, "b": 2.0, "d": 2.5, "g": 1.4})
    value, slopes = value_and_grad(loss, (0, 1, 2))(*other)
    found, traced = program(*other, executor=executor)
    assert found == pytest.approx(value, rel=1e-13)
    for mine, theirs in zip(map(ag.ravel, traced), map(ag.ravel, slopes)):
        assert mine[0] == pytest.approx(theirs[0], rel=1e-9, abs=1e-12)


def test_a_program_whose_steps_do_not_suffice_gives_nan():
    path = trace(lambda rate: odeint(lambda y, t: -rate * y, 1.0, [0.0, 1.0, 2.0], max_steps=30), 1.0)
    assert np.isfinite(path(2.0)).all()
    assert np.isnan(path(500.0)[1:]).all() and path(500.0)[0] == 1.0


def test_sensitivities_are_the_differences_of_paths_of_scipy():
    integrate = pytest.importorskip("scipy.integrate")

    def loss(y0, p):
        path = integrate.solve_ivp(lambda t, y: predators(y, t, p), (0.0, 3.0), y0, t_eval=TIMES, method="DOP853",
                                   rtol=1e-13, atol=1e-14).y.T
        return ((path - 0.5) ** 2).sum()

    flat, back = ag.ravel((np.ones(2), RATES))
    slopes = ag.ravel(grad(lambda y0, p: fit(y0, TIMES, p, {}), (0, 1))(np.ones(2), RATES))[0]
    for place, step in enumerate(1e-5 * np.eye(6)):
        moved = (loss(*back(flat + step)) - loss(*back(flat - step))) / 2e-5
        assert slopes[place] == pytest.approx(moved, rel=1e-6)


def test_structures_and_what_is_taken_from_around():
    k = Value(2.0)
    path = odeint(lambda y, t: {"x": y["v"], "v": -k * y["x"]}, {"x": 1.0, "v": 0.0}, [0.0, 1.0])
    path["x"][1].backward()
    assert path["x"][1].data == pytest.approx(math.cos(math.sqrt(2)), rel=1e-7)
    assert k.grad == pytest.approx(-math.sin(math.sqrt(2)) / (2 * math.sqrt(2)), rel=1e-6)
    assert odeint(lambda y, t: -y, np.eye(2), [0.0, 1.0]).shape == (2, 2, 2)
    assert odeint(lambda y, t: -y, 1.0, [0.0]).tolist() == [1.0]
    rotation = jacobian(lambda a: odeint(lambda y, t: a @ y, np.array([1.0, 0.0]), [0.0, 1.0])[1])
    slopes = rotation(np.array([[0.0, -1.0], [1.0, 0.0]]))
    assert slopes[:, 0, 0] + slopes[:, 1, 1] == pytest.approx([math.cos(1), math.sin(1)], rel=1e-6)    # by a + s I


@pytest.mark.parametrize(("call", "error", "what"), [
    (lambda: odeint(lambda y, t: y * y, 1.0, [0.0, 2.0]), NoSolutionError, "too short at t = 1|max_steps"),
    (lambda: odeint(lambda y, t: -1e6 * y, 1.0, [0.0, 1.0]), NoSolutionError, "500 steps lead to t = "),
    (lambda: odeint(lambda y, t: ag.ln(-y), 1.0, [0.0, 2.0]), NoSolutionError, "too short|max_steps"),
    (lambda: odeint(1.0, 1.0, [0.0, 2.0]), TypeError, "takes a function"),
    (lambda: odeint(lambda y, t: [y], 1.0, [0.0, 2.0]), TypeError, "in the structure of y"),
    (lambda: odeint(lambda y, t: {"b": 1.0, "a": 2.0}, {"a": 1.0, "b": 1.0}, [0, 1]), TypeError, "structure of y"),
    (lambda: odeint(lambda y, t: y, 1.0, [0.0, 2.0, 1.0]), ValueError, "times that rise or fall"),
    (lambda: odeint(lambda y, t: y, 1.0, 2.0), ValueError, "times that rise or fall"),
    (lambda: odeint(lambda y, t: y, 1.0, [0.0, math.nan]), ValueError, "times that rise or fall"),
    (lambda: odeint(lambda y, t: y, 1.0, [0.0, 1.0], method="euler"), ValueError, "'rk45' or 'rk4'"),
    (lambda: odeint(lambda y, t: y, 1.0, [0.0, 1.0], steps=0, method="rk4"), ValueError, "whole number"),
])
def test_what_cannot_be_is_one_error(call, error, what):
    with pytest.raises(error, match=what):
        call()
