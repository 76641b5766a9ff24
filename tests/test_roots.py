"""Roots and fixed points: values by SciPy, derivatives of every order those of mpmath, in every executor."""

import itertools
import pickle
import re

import mpmath
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import NoSolutionError, Value, fixed_point, grad, hessian, jacobian, root, trace, value_and_grad

pytest.importorskip("scipy")
EXECUTORS = ["python", "numpy", *["native"] * (ag.engine == "native"), "llvm"]


def kepler(M, e):
    return root(lambda E: E - e * ag.sin(E) - M, M)


def true_kepler(M, e):
    return mpmath.findroot(lambda E: E - e * mpmath.sin(E) - M, M)


def true_derivatives(f, point, orders):
    with mpmath.workdps(40):
        return float(mpmath.diff(f, tuple(point), tuple(orders), h=mpmath.mpf("1e-8")))


def market(p):
    """Prices at which demand meets supply, for two goods."""
    def excess(price):
        x, y = price["x"], price["y"]
        return [p["a"] - x + 0.3 * y - ag.exp(p["b"] * x), p["c"] - y + 0.2 * x - y ** 2]

    return root(excess, {"x": 0.5, "y": 0.5})


def true_market(a, b, c):
    return mpmath.findroot(lambda x, y: [a - x + 0.3 * y - mpmath.exp(b * x), c - y + 0.2 * x - y ** 2], (0.5, 0.5))


@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (1, 2)])
def test_derivatives_of_a_scalar_root_of_every_order(orders):
    f = kepler
    for place, order in enumerate(orders):
        for _ in range(order):
            f = grad(f, argnums=place)
    for point in ((0.8, 0.3), (2.5, 0.7)):
        assert f(*point) == pytest.approx(true_derivatives(true_kepler, point, orders), rel=1e-11)


def test_derivatives_of_a_vector_root_whose_parameters_are_a_dict():
    point = {"a": 2.0, "b": 0.4, "c": 1.5}
    found, slopes = market(point), jacobian(market)(point)
    curved = hessian(lambda p: market(p)["x"] * market(p)["y"])(point)
    for row, name in enumerate("xy"):
        assert found[name] == pytest.approx(float(true_market(*point.values())[row]), rel=1e-14)
        for place, key in enumerate(point):
            orders = [int(k == place) for k in range(3)]
            truth = true_derivatives(lambda *p, row=row: true_market(*p)[row], point.values(), orders)
            assert slopes[name][key] == pytest.approx(truth, rel=1e-11)
    for (i, first), (j, second) in itertools.product(enumerate(point), enumerate(point)):
        orders = [(k == i) + (k == j) for k in range(3)]
        truth = true_derivatives(lambda *p: true_market(*p)[0] * true_market(*p)[1], point.values(), orders)
        assert curved[first][second] == pytest.approx(truth, rel=1e-10)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_program_solves_anew_for_other_data(executor):
    program = trace(value_and_grad(kepler, (0, 1)), 0.8, 0.3)
    data = np.linspace(0.2, 3.0, 5)
    mapped = program.map(data, 0.6, executor=executor)
    for k, M in enumerate(data.tolist()):
        value, slopes = value_and_grad(kepler, (0, 1))(M, 0.6)
        assert program(M, 0.6, executor=executor) == (value, slopes)
        assert mapped[0][k] == value == pytest.approx(float(true_kepler(M, 0.6)), rel=1e-14)
        assert [mapped[1][place][k] for place in range(2)] == pytest.approx(slopes, rel=1e-13)
    curved = trace(lambda p: market(dict(zip("abc", p)))["x"], np.array([2.0, 0.4, 1.5])).hessian()
    other = np.array([1.5, 0.6, 2.0])
    truth = true_derivatives(lambda *p: true_market(*p)[0], other, (1, 0, 1))
    assert curved(other, executor=executor)[0, 2] == pytest.approx(truth, rel=1e-10)


def test_what_a_function_takes_from_around_counts_and_numbers_stay_numbers():
    a = Value(4.0)
    y = root(lambda x: x ** 2 - a * Value(1.0), 1.0)
    y.backward()
    assert (y.data, a.grad) == (2.0, 0.25)
    assert grad(lambda a: root(lambda x, p: [x[0] - p["k"][0] ** 2], [0.0], {"k": [a], "name": "s"})[0])(3.0) == 6.0
    assert type(root(lambda x: x ** 3 - Value(8.0), 1.0)) is float
    assert isinstance(root(lambda x: x ** 3 - np.array([8.0, 27.0]), np.ones(2)), np.ndarray)
    assert grad(lambda x0: root(lambda x: x ** 2 - 2, x0))(1.0) == 0.0


def test_the_start_may_be_traced_and_decides_which_root_is_found():
    program = trace(lambda x0, a: root(lambda x: x ** 2 - a, x0), 1.0, 2.0)
    assert program(-1.0, 4.0) == -2.0 and program(1.0, 4.0) == 2.0


def test_roots_inside_roots_and_stationary_points():
    inner = lambda a: root(lambda y: y ** 3 + y - a, 0.5)
    outer = lambda b: root(lambda x: inner(x) * x - b, 1.0)                 # x y = b with y^3 + y = x: y^4 + y^2 = b
    y = lambda b: mpmath.sqrt((mpmath.sqrt(1 + 4 * b) - 1) / 2)
    truth = lambda b: y(b) ** 3 + y(b)
    assert grad(grad(outer))(1.7) == pytest.approx(true_derivatives(truth, (1.7,), (2,)), rel=1e-10)
    lowest = lambda p: root(grad(lambda x: ag.exp(x) - p * x), 0.0)         # x = ln(p)
    found = [lowest(2.0), grad(lowest)(2.0), grad(grad(lowest))(2.0)]
    assert found == pytest.approx([np.log(2), 0.5, -0.25], rel=1e-14)
    assert trace(grad(lowest), 2.0)(5.0) == pytest.approx(0.2, rel=1e-14)


def test_python_may_decide_by_x_where_nothing_is_traced():
    def bent(x, a):
        return x - a if x < 1 else x * x - a

    assert grad(lambda a: root(bent, 0.1, a))(4.0) == 0.25
    with pytest.raises(ag.TracedBranchError):
        trace(lambda a: root(bent, 0.1, a), 4.0)


@pytest.mark.parametrize("f", [
    lambda p: root(lambda x: [x[0] ** 2 + x[1] - p[0], x[0] - x[1] * p[1]], np.ones(2)).sum(),
    lambda p: root(lambda x: x ** 3 - p[0] * p[1], 0.0, bracket=(0.0, 5.0)),
    lambda p: fixed_point(lambda x: ag.cos(p[0] * x) / 4 + p[1], 0.5),
    lambda p: ag.quad(lambda x: ag.exp(-p[0] * x * x), p[1], 3.0, points=[1.5])])
def test_a_program_that_solves_is_saved_and_loaded(f, tmp_path):
    point, other = np.array([3.0, 1.0]), np.array([2.0, 0.7])
    for program in (trace(f, point), trace(f, point).hessian()):
        program.save(tmp_path / "solves.json")
        loaded = ag.load(tmp_path / "solves.json")
        assert loaded == program == pickle.loads(pickle.dumps(program))
        assert np.array_equal(loaded(other), program(other))
        with pytest.raises(TypeError, match="solves for what it gives"):
            program.python_source()
    text = (tmp_path / "solves.json").read_text()
    for made in ('["solution", 3', '["system"', '["linear", 2'):
        (tmp_path / "solves.json").write_text(re.sub(r'\["(solution|linear|integral)"', made, text))
        with pytest.raises(ag.SavedFileError, match="makes no row"):
            ag.load(tmp_path / "solves.json")


def test_a_bracket_holds_the_root():
    f = lambda a: root(lambda x: ag.tan(x) - a * x, 4.4, bracket=(np.pi, 4.71))
    truth = lambda a: mpmath.findroot(lambda x: mpmath.tan(x) - a * x, 4.49)
    assert f(1.0) == pytest.approx(float(truth(1)), rel=1e-15)
    assert grad(f)(1.0) == pytest.approx(true_derivatives(truth, (1.0,), (1,)), rel=1e-11)
    assert root(lambda x: x ** 3 - 1e-30, 0.0, bracket=(-1.0, 2.0)) == pytest.approx(1e-10, rel=1e-15)


@pytest.mark.parametrize("rate", [-0.9, 0.0, 0.5, 0.999])
def test_fixed_points_of_slow_contractions_have_all_digits(rate):
    found = lambda r: fixed_point(lambda x: r * x + 1, 0.0)
    assert found(rate) == pytest.approx(1 / (1 - rate), rel=1e-12)
    assert grad(grad(found))(rate) == pytest.approx(2 / (1 - rate) ** 3, rel=1e-9)


def test_a_stationary_distribution_is_a_fixed_point():
    def stationary(P):
        return fixed_point(lambda q: q @ P / (q @ P).sum(), np.full(3, 1 / 3))

    P = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
    values, vectors = np.linalg.eig(P.T)
    truth = np.real(vectors[:, np.argmax(values.real)])
    assert stationary(P) == pytest.approx(truth / truth.sum(), rel=1e-13)
    step = 1e-6 * np.array([[1, -1, 0], [0, 0, 0], [0, 0, 0]])
    moved = (stationary(P + step) - stationary(P - step)) / 2e-6
    slopes = jacobian(stationary)(P)
    assert slopes[:, 0, 0] - slopes[:, 0, 1] == pytest.approx(moved, abs=1e-8)
    other = P.T / P.T.sum(1, keepdims=True)
    assert trace(stationary, P)(other) == pytest.approx(stationary(other))


def square_root():
    return trace(lambda a: root(lambda x: x * x - a, 1.0), 4.0)


@pytest.mark.parametrize(("call", "what"), [
    (lambda: root(lambda x: x * x + 1, 1.0), "singular|no solution"),
    (lambda: root(ag.exp, 1.0), "no solution was found: the search ended at x = "),
    (lambda: root(lambda x: x ** 2, 1.0), "singular at x = "),
    (lambda: root(lambda x: (x - 1) ** 3, 3.0), "singular at x = 1"),
    (lambda: root(lambda x: [x[0] + x[1] - 1, 2 * x[0] + 2 * x[1] - 2], [0.0, 0.0]), "singular"),
    (lambda: root(ag.ln, -1.0), "f is nan at the start x0 = -1"),
    (lambda: root(lambda x: ag.sqrt(x) + 1, 1.0), "not finite at x = "),
    (lambda: root(lambda x: x - 3, 0.0, bracket=(0, 1)), "one sign at both ends of the bracket: -3 at 0, -2 at 1"),
    (lambda: root(lambda x: 1 / x, 1.0, bracket=(-1, 2)), "not finite|no solution"),
    (lambda: root(lambda x: x - float("nan"), 0.0, bracket=(0, 1)), "nan at x = 0"),
    (lambda: fixed_point(lambda x: 3.2 * x * (1 - x), 0.3), "leads to no fixed point"),
    (lambda: fixed_point(lambda x: 2 * x + 1, 1.0), "leads to no fixed point"),
    (lambda: square_root()(-4.0), "singular|no solution"),
    (lambda: square_root().map([4.0, -4.0], executor="llvm"), "singular|no solution"),
    (lambda: square_root()(float("nan")), "nan"),
])
def test_what_cannot_be_solved_is_one_error(call, what):
    with pytest.raises(NoSolutionError, match=what):
        call()


@pytest.mark.parametrize(("call", "what"), [
    (lambda: root(1.0, 2.0), "takes a function"),
    (lambda: root(lambda x: [x, x], 2.0), "as many equations as unknowns: f gives 2 numbers for 1"),
    (lambda: root(lambda x: x, "a"), "cannot be of type str"),
    (lambda: root(lambda x: x, []), "at least one number"),
    (lambda: root(lambda x: x, [1.0, 2.0], bracket=(0, 1)), "encloses one number"),
    (lambda: root(lambda x: x, 1.0, bracket=3), "pair of numbers"),
    (lambda: fixed_point(lambda x: [x], 2.0), "of the structure of x"),
])
def test_misuse_is_a_type_error(call, what):
    with pytest.raises(TypeError, match=what):
        call()


def test_randomly_made_systems_have_the_derivatives_that_differences_have():
    draw = np.random.default_rng(3)

    def loss(A, b):
        return ag.sin(root(lambda x: A @ x + ag.tanh(x) - b, np.zeros(len(A)))).sum()

    for n in (2, 3, 5):
        A, b = draw.normal(size=(n, n)) / n + 2 * np.eye(n), draw.normal(size=n)
        slopes, curved = grad(loss, (0, 1))(A, b), hessian(loss)(A, b)
        for _ in range(3):
            dA, db, h = draw.normal(size=(n, n)), draw.normal(size=n), 1e-5
            moved = (loss(A + h * dA, b + h * db) - loss(A - h * dA, b - h * db)) / (2 * h)
            assert (slopes[0] * dA).sum() + slopes[1] @ db == pytest.approx(moved, rel=1e-7, abs=1e-9)
            turned = (grad(loss)(A + h * dA, b) - grad(loss)(A - h * dA, b)) / (2 * h)
            assert np.tensordot(curved, dA, 2) == pytest.approx(turned, rel=1e-6, abs=1e-8)
