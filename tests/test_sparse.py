"""Sparse derivatives: the entries that can be other than 0, no others, and their numbers."""

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import hessian, jacobian, sparse_hessian, sparse_jacobian, trace
from autograd_mini._body.builder import Builder, builder

sparse = pytest.importorskip("scipy.sparse")
optimize = pytest.importorskip("scipy.optimize")

DRAW = np.random.default_rng(5)


def rosenbrock(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def quotients(x):
    return (x / x[0]).sum()


def constrained(x):
    return np.array([x[0] * x[1] - x[3], am.sin(x[2]), x[1] ** 2 / x[4], 3.0 * x[0], x[2] * 0.0])


def mixed(x):
    turned = am.atan2(x[1], x[4]) + x[3] ** 3 * x[3] + am.hypot(x[0], 2.0)
    return am.exp(x[0] * x[1]) + am.maximum(x[2], x[3]) * x[4] + turned


@pytest.mark.parametrize("n", [2, 3, 50])
def test_the_hessian_of_rosenbrocks_function_is_scipys(n):
    x = DRAW.normal(size=n)
    found = sparse_hessian(rosenbrock)(x)
    assert type(found) is sparse.csr_array and found.shape == (n, n) and found.nnz == 3 * n - 2
    assert found.has_canonical_format
    np.testing.assert_allclose(found.toarray(), optimize.rosen_hess(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("f", "size"), [(quotients, 10), (mixed, 5), (rosenbrock, 6), (lambda x: x.sum() * x[2], 4)],
                         ids=["quotients", "mixed", "rosenbrock", "product"])
def test_the_pattern_of_a_hessian_is_that_of_algebra(f, size):
    """A pattern that SymPy's second derivatives have: of x / x0, 19 entries."""
    sympy = pytest.importorskip("sympy")
    symbols = np.array(sympy.symbols(f"x:{size}", positive=True))
    if f is mixed:
        y = (sympy.exp(symbols[0] * symbols[1]) + sympy.Max(symbols[2], symbols[3]) * symbols[4]
             + sympy.atan2(symbols[1], symbols[4]) + symbols[3] ** 4 + sympy.sqrt(symbols[0] ** 2 + 4))
    else:
        y = f(symbols)
    expected = np.array([[sympy.simplify(y.diff(a, b)) != 0 for b in symbols] for a in symbols])
    if f is mixed:
        expected[2:4, 2:4] = [[False, False], [False, True]]  # of max: steps, 0 where they are defined
    found = trace(f, np.full(size, 0.5)).sparse_hessian()
    pattern = np.zeros((size, size), dtype=bool)
    pattern[found.rows, found.columns] = True
    assert (pattern <= expected).all() and found.nnz == expected.sum()
    if f is quotients:
        assert found.nnz == 19


@pytest.mark.parametrize("f", [constrained, lambda x: x[1:] / x[0], lambda x: {"a": x[3], "b": [x[0] * 2.0, 7.0]},
                               lambda x: x[0]])
def test_numbers_are_those_of_the_dense_jacobian(f):
    x = DRAW.uniform(0.5, 2.0, size=5)
    found = sparse_jacobian(f)(x)
    blocks = jacobian(f)(x)
    rows = [blocks["a"], *blocks["b"]] if isinstance(blocks, dict) else blocks
    expected = np.reshape(rows, (-1, 5))
    assert found.shape == expected.shape and found.nnz == np.count_nonzero(expected)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-14)


@pytest.mark.parametrize("f", [quotients, mixed, rosenbrock])
def test_numbers_are_those_of_the_dense_hessian(f):
    x = DRAW.uniform(0.5, 2.0, size=5)
    found = sparse_hessian(f)(x).toarray()
    np.testing.assert_allclose(found, hessian(f)(x), rtol=1e-12, atol=1e-14)
    assert np.array_equal(found, found.T)


def test_the_readable_builder_finds_the_same_entries():
    for f in (quotients, mixed, rosenbrock):
        body = trace(f, np.full(7, 0.5)).body
        found = []
        for made in (Builder(), builder()):
            slots = made.load_body(body)
            roots = made.pull({slots[body.outputs[0]]: made.constant(1.0)}, range(7))
            entries = np.frombuffer(made.sparse(roots, range(7), True), dtype=np.intc).reshape(-1, 3)
            found.append((entries[:, :2].tolist(), made.body(entries[:, 2].tolist())))
        assert found[0] == found[1] and found[0][0]


def test_arguments_are_the_programs_own():
    def loss(w, data, *, scale):
        return scale * (w["a"] @ data) ** 2 + w["b"][0] * w["b"][1]

    w = {"a": np.array([1.0, 2.0]), "b": [3.0, 4.0]}
    program = trace(loss, w, np.array([0.5, -1.0]), scale=2.0)
    second = program.sparse_hessian()
    assert second.shape == (4, 4) and second.nnz == 6
    assert second(w, data=[0.5, -1.0], scale=2.0).toarray()[:2, :2].tolist() == [[1.0, -2.0], [-2.0, 4.0]]
    both = program.sparse_jacobian(argnums=(1, 0))(w, [0.5, -1.0], scale=2.0)
    assert both.shape == (1, 6) and both.toarray()[0, 4:].tolist() == [4.0, 3.0]
    assert "4 x 4, 6 entries" in repr(second)
    with pytest.raises(TypeError, match="shape"):
        second(w, np.ones(3), scale=2.0)


def test_a_result_is_the_callers_own():
    second = trace(rosenbrock, np.ones(4)).sparse_hessian()
    first = second(np.ones(4))
    first.data[:] = 0.0
    first.eliminate_zeros()
    again = second(np.ones(4))
    assert again.nnz == 10
    np.testing.assert_allclose(again.toarray(), optimize.rosen_hess(np.ones(4)))


def test_values_are_refused_and_the_entries_take_them():
    second = trace(rosenbrock, np.ones(3)).sparse_hessian()
    x = [am.Value(0.5), 1.0, 2.0]
    with pytest.raises(TypeError, match=r"give its \.data"):
        second(x)
    corner = second.program(x)[0]
    assert am.gradient(corner, x[0]).data == pytest.approx(2400 * 0.5)       # of 1200 x^2 - 400 y + 2


def test_nothing_to_differentiate_is_an_empty_matrix():
    assert sparse_hessian(lambda x: 3.0 * x.sum())(np.ones(3)).nnz == 0
    assert sparse_jacobian(lambda x: 2.0)(np.ones(3)).shape == (1, 3)
    assert sparse_hessian(lambda x: 1.0)(np.ones(2)).shape == (2, 2)
    assert sparse_jacobian(lambda x: x)(np.ones(0)).shape == (0, 0)


def test_what_is_infinite_or_undecided_stays():
    def f(x):
        return np.array([am.sqrt(x[0]) * 0.0, am.ln(x[1]), x[0] * float("nan")])

    found = sparse_jacobian(f)(np.array([0.0, -1.0]))
    assert found.nnz == 2 and np.isnan(found.toarray()[1, 1]) and np.isnan(found.toarray()[2, 0])


def test_a_transform_follows_the_structure_of_its_arguments():
    second = sparse_hessian(rosenbrock)
    assert [second(np.ones(n)).shape for n in (3, 5, 3)] == [(3, 3), (5, 5), (3, 3)]
    assert second.__name__ == "sparse_hessian(rosenbrock)"
    with pytest.raises(TypeError, match="one number"):
        sparse_hessian(lambda x: x)(np.ones(2))
    with pytest.raises(TypeError, match="takes a function"):
        sparse_jacobian(3.0)
    with pytest.raises(ValueError, match="argument 1"):
        sparse_jacobian(rosenbrock, argnums=1)(np.ones(2))


def test_a_tridiagonal_hessian_of_many_numbers():
    x = DRAW.normal(size=20_000)
    found = trace(rosenbrock, x).sparse_hessian()(x)
    band = [found.diagonal(offset) for offset in (-1, 0, 1)]
    assert found.nnz == 59_998 and np.array_equal(band[0], band[2])
    np.testing.assert_allclose(band[2], -400 * x[:-1], rtol=1e-13)
    np.testing.assert_allclose(band[1][1:-1], 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:], rtol=1e-11)


# Constrained optimisation ---------------------------------------------------------------------------------------------

def constraint(f, low, high, start, count):
    """A constraint low <= f(v) <= high with its sparse Jacobian, and the Hessian of f(v) @ m for multipliers m."""
    residuals = trace(f, start)
    bending = trace(lambda v, m: f(v) @ m, start, np.ones(count)).sparse_hessian()
    return optimize.NonlinearConstraint(residuals, low, high, jac=residuals.sparse_jacobian(), hess=bending)


def van_der_pol(n, T=5.0):
    """The least integral of x1^2 + x2^2 + u^2 that drives van der Pol's oscillator, by n trapezoids."""
    def rates(v):
        x1, x2, u = v.reshape(n + 1, 3).T
        return np.stack([(1 - x2 ** 2) * x1 - x2 + u, x1, x1 ** 2 + x2 ** 2 + u ** 2])

    def cost(v):
        running = rates(v)[2]
        return (running[1:] + running[:-1]).sum() * (T / n / 2)

    def defects(v):
        slopes, states = rates(v)[:2], v.reshape(n + 1, 3).T[:2]
        steps = states[:, 1:] - states[:, :-1] - (slopes[:, 1:] + slopes[:, :-1]) * (T / n / 2)
        return np.concatenate([steps.ravel(), states[:, 0] - np.array([0.0, 1.0])])

    start = np.zeros(3 * (n + 1))
    costs = trace(cost, start)
    bounds = optimize.Bounds(np.tile([-np.inf, -np.inf, -0.3], n + 1), np.tile([np.inf, np.inf, 1.0], n + 1))
    found = optimize.minimize(costs.value_and_gradient(), start, jac=True, hess=costs.sparse_hessian(), bounds=bounds,
                              method="trust-constr", constraints=constraint(defects, 0, 0, start, 2 * n + 2),
                              options={"gtol": 1e-7})
    assert found.status == 1 and found.constr_violation < 1e-8
    return found.fun


def test_van_der_pols_oscillator_costs_what_is_published():
    """2.8672595 by SNOPT on 60 collocation points (TOMLAB's examples); trapezoids err by the square of their width."""
    coarse, fine = van_der_pol(50), van_der_pol(100)
    assert (4 * fine - coarse) / 3 == pytest.approx(2.8672595, abs=1e-4)


def test_a_race_car_of_303_variables_takes_what_casadi_finds():
    """CasADi's race car: the quickest way round a track with a speed limit, in 100 steps of RK4; 1.904634 s."""
    n = 100

    def parts(v):
        return v[:n + 1], v[n + 1:2 * n + 2], v[2 * n + 2:3 * n + 2], v[3 * n + 2]

    def gaps(v):
        place, speed, pedal, time = parts(v)
        x, h = np.stack([place[:-1], speed[:-1]]), time / n

        def rates(x):
            return np.stack([x[1], pedal - x[1]])

        k1 = rates(x)
        k2 = rates(x + h / 2 * k1)
        k3 = rates(x + h / 2 * k2)
        k4 = rates(x + h * k3)
        reached = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return np.concatenate([place[1:] - reached[0], speed[1:] - reached[1], [place[0], speed[0], place[-1] - 1.0]])

    def room(v):
        place, speed, _, _ = parts(v)
        return 1 - am.sin(2 * np.pi * place) / 2 - speed

    start = np.concatenate([np.linspace(0, 1, n + 1), np.ones(n + 1), np.full(n, 0.5), [1.0]])
    free = np.full(2 * n + 2, np.inf)
    bounds = optimize.Bounds([*-free, *np.zeros(n), 0.1], [*free, *np.ones(n), np.inf])
    time = trace(lambda v: parts(v)[3], start)
    found = optimize.minimize(
        time.value_and_gradient(), start, jac=True, hess=time.sparse_hessian(), method="trust-constr",
        constraints=[constraint(gaps, 0, 0, start, 2 * n + 3), constraint(room, 0, np.inf, start, n + 1)],
        bounds=bounds, options={"gtol": 1e-6, "maxiter": 200})
    assert len(start) == 303 and found.constr_violation < 1e-6
    assert found.fun == pytest.approx(1.904634, abs=1e-3)
