"""quad: values and derivatives of every order, by limits and parameters, are mpmath's, in every executor."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import NoSolutionError, Value, grad, hessian, quad, root, trace, value_and_grad

pytest.importorskip("scipy")
EXECUTORS = ["python", "numpy", *["native"] * (ag.engine == "native"), "llvm"]


def wave(a, b, p):
    return quad(lambda x: ag.sin(p * x) / (1 + x * x), a, b)


def true_wave(a, b, p):
    return mpmath.quad(lambda x: mpmath.sin(p * x) / (1 + x * x), [a, b])


def true_derivative(f, point, orders):
    with mpmath.workdps(30):
        return float(mpmath.diff(f, tuple(point), tuple(orders)))


def test_first_and_second_derivatives_by_limits_and_parameters():
    point = (0.1, 2.0, 1.5)
    slopes, curved = grad(wave, (0, 1, 2))(*point), hessian(wave, (0, 1, 2))(*point)
    for i in range(3):
        assert slopes[i] == pytest.approx(true_derivative(true_wave, point, [int(k == i) for k in range(3)]), rel=1e-12)
    for i, j in itertools.product(range(3), repeat=2):
        truth = true_derivative(true_wave, point, [(k == i) + (k == j) for k in range(3)])
        assert curved[i][j] == pytest.approx(truth, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_program_integrates_anew_for_other_data(executor):
    program = trace(value_and_grad(wave, (0, 1, 2)), 0.1, 2.0, 1.5)
    mapped = program.map([0.2, 0.3], 1.0, 2.0, executor=executor)
    for k, a in enumerate((0.2, 0.3)):
        assert program(a, 1.0, 2.0, executor=executor) == value_and_grad(wave, (0, 1, 2))(a, 1.0, 2.0)
        assert mapped[0][k] == pytest.approx(float(true_wave(a, 1.0, 2.0)), rel=1e-13)
        assert mapped[1][0][k] == pytest.approx(-math.sin(2 * a) / (1 + a * a), rel=1e-14)


def test_infinite_limits_also_those_that_a_program_meets_later():
    laplace = lambda s: quad(lambda x: ag.exp(-s * x) * ag.sin(x), 0.0, math.inf)             # 1/(1 + s^2)
    for order in range(4):
        assert laplace(0.7) == pytest.approx(true_derivative(lambda s: 1 / (1 + s * s), (0.7,), (order,)), rel=1e-9)
        laplace = grad(laplace)
    tail = trace(value_and_grad(lambda b: quad(lambda x: x * ag.exp(-x), 0.0, b)), 1.0)
    assert tail(math.inf) == (pytest.approx(1.0, rel=1e-13), 0.0)
    assert tail(2.0) == pytest.approx((1 - 3 * math.exp(-2), 2 * math.exp(-2)), rel=1e-13)


def test_the_period_of_a_pendulum():
    period = lambda top: 4 * quad(lambda u: 1 / ag.sqrt(1 - (ag.sin(top / 2) * ag.sin(u)) ** 2), 0.0, math.pi / 2)
    truth = lambda top: 4 * mpmath.ellipk(mpmath.sin(top / 2) ** 2)
    assert [period(1.0), grad(period)(1.0), grad(grad(period))(1.0)] == pytest.approx(
        [true_derivative(truth, (1.0,), (order,)) for order in range(3)], rel=1e-12)


def test_what_a_function_takes_from_around_counts_and_numbers_stay_numbers():
    a = Value(2.0)
    area = quad(lambda x, p: a * x ** p["n"], 0.0, 1.0, {"n": 3, "name": "cubic"})
    area.backward()
    assert (round(area.data, 14), round(a.grad, 14)) == (0.5, 0.25)
    assert type(quad(lambda x: Value(1.0) * x, 0, 1)) is float
    assert quad(lambda x: abs(x - 0.3), 0, 1, points=[0.3]) == pytest.approx(0.29, rel=1e-14)
    assert grad(lambda k: quad(lambda x: ag.relu(x - k), 0.0, 1.0, points=[0.3]))(0.3) == pytest.approx(-0.7, rel=1e-12)


@pytest.mark.parametrize(("f", "truth"), [
    (lambda x: 1e-20 * math.exp(-x * x), 1e-20 * math.sqrt(math.pi) * math.erf(5)),
    (math.sin, 0.0), (lambda x: 0.0, 0.0),
    (lambda x: math.log(x + 5), 10 * math.log(10) - 10), (lambda x: math.sin(20 * x) ** 2, 5 - math.sin(200) / 40)])
def test_accuracy_is_relative_to_the_function(f, truth):
    scale = quad(lambda x: abs(f(x)), -5, 5, points=[0.0])
    assert abs(quad(f, -5, 5) - truth) <= 1e-9 * scale
    assert quad(lambda x: x ** -0.9, 0, 1) == pytest.approx(10.0, rel=1e-8)


def test_a_quantile_is_the_root_of_an_integral():
    def quantile(level, shape):
        density = lambda x: x ** (shape - 1) * ag.exp(-x) / ag.gamma(shape)
        return root(lambda q: quad(density, 0.0, q) - level, shape)

    from scipy import special
    slopes = grad(quantile, (0, 1))(0.9, 2.5)
    q = special.gammaincinv(2.5, 0.9)
    moved = (special.gammaincinv(2.5 + 1e-5, 0.9) - special.gammaincinv(2.5 - 1e-5, 0.9)) / 2e-5
    assert quantile(0.9, 2.5) == pytest.approx(q, rel=1e-10)
    assert slopes[0] == pytest.approx(special.gamma(2.5) / (q ** 1.5 * math.exp(-q)), rel=1e-8)
    assert slopes[1] == pytest.approx(moved, rel=1e-6)
    assert trace(quantile, 0.5, 2.0)(0.9, 2.5) == pytest.approx(q, rel=1e-10)


@pytest.mark.parametrize(("call", "what"), [
    (lambda: quad(lambda x: 1 / x, 0, 1), "not found to 8 digits"),
    (lambda: quad(lambda x: 1 / x, -1, 1), "cannot be computed at x = 0"),
    (lambda: quad(lambda x: x, 0, math.inf), "not found to 8 digits"),
    (lambda: quad(ag.sin, 0, math.inf), "not found to 8 digits"),
    (lambda: quad(ag.sqrt, -1, 1), "f is nan at x = -0.97"),
    (lambda: quad(lambda x: x, math.nan, 1), "limit is nan"),
    (lambda: grad(lambda t: quad(lambda u: 1 / ag.sqrt(ag.cos(u) - ag.cos(t)), 0.0, t))(1.0), "not found to 8 digits"),
    (lambda: trace(lambda p: quad(lambda x: x ** p, 0.0, 1.0), 1.0)(-2.0), "not found to 8 digits"),
])
def test_what_has_no_integral_is_one_error(call, what):
    with pytest.raises(NoSolutionError, match=what):
        call()


@pytest.mark.parametrize(("call", "error", "what"), [
    (lambda: quad(1.0, 0, 1), TypeError, "takes a function"),
    (lambda: quad(lambda x: [x], 0, 1), TypeError, "function that quad integrates"),
    (lambda: quad(lambda x: x, "a", 1), TypeError, "lower limit of quad"),
    (lambda: grad(lambda a: quad(lambda x: a * x if x < 1 else x, 0.0, 2.0))(1.0), ag.TracedBranchError, "where"),
])
def test_misuse_is_one_error(call, error, what):
    with pytest.raises(error, match=what):
        call()


def test_random_parameters_agree_with_differences():
    draw = np.random.default_rng(5)
    f = lambda p: quad(lambda x: ag.exp(-p[0] * x * x) * ag.cos(p[1] * x + p[2]), p[3], p[4] + 2)
    for _ in range(4):
        p, v = draw.uniform(0.3, 1.5, size=5), draw.normal(size=5)
        assert grad(f)(p) @ v == pytest.approx((f(p + 1e-5 * v) - f(p - 1e-5 * v)) / 2e-5, rel=1e-6, abs=1e-8)
        turned = (grad(f)(p + 1e-5 * v) - grad(f)(p - 1e-5 * v)) / 2e-5
        assert hessian(f)(p) @ v == pytest.approx(turned, rel=1e-6, abs=1e-8)
