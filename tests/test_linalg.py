"""autograd_mini.linalg against NumPy, mpmath and closed forms; and a Program against the eager code, bit for bit."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

import autograd_mini as ag
from autograd_mini import Value, grad, hessian, jacobian, linalg, scan, trace

BOTH_ENGINES = list(ag._registry.engines.values())


def values(array, kind=Value):
    array = np.asarray(array, dtype=float)
    return np.array([kind(x) for x in array.ravel()] + [None], dtype=object)[:-1].reshape(array.shape)


def numbers(result):
    entries = np.asarray(result, dtype=object)
    data = [x.data if hasattr(x, "backward") else x for x in entries.ravel()]
    return np.array(data, dtype=float).reshape(entries.shape)


def parts(result):
    return [numbers(part) for part in (result if isinstance(result, tuple) else (result,))]


VECTOR = np.array([1.0, -2.0, 0.5, 3.0])
SPREAD = 10 * np.eye(4)
FUNCTIONS = {
    "solve": lambda package, a: package.solve(a, VECTOR),
    "solve with a matrix": lambda package, a: package.solve(a, a * a),
    "inv": lambda package, a: package.inv(a),
    "det": lambda package, a: package.det(a),
    "slogdet": lambda package, a: tuple(package.slogdet(a)),
    "cholesky": lambda package, a: package.cholesky(a @ a.T + SPREAD),
    "norm": lambda package, a: package.norm(a),
    "norm 1": lambda package, a: package.norm(a, 1),
    "norm inf": lambda package, a: package.norm(a, np.inf),
    "norm -1": lambda package, a: package.norm(a, -1),
    "norm of rows": lambda package, a: package.norm(a, axis=1, keepdims=True),
    "norm 3 of columns": lambda package, a: package.norm(a, 3, axis=0),
    "norm 0": lambda package, a: package.norm(a[0], 0),
    "norm -inf": lambda package, a: package.norm(a[0], -np.inf),
}


def matrices(seed=0):
    """Random ones, and one whose every first choice of a pivot is 0."""
    generator = np.random.default_rng(seed)
    return [*generator.normal(size=(2, 4, 4)), np.eye(4)[[1, 2, 3, 0]] + np.diag([1.0, 0, 0], k=1)]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("matrix", matrices(), ids=["random", "other", "permuted"])
def test_values_are_numpy_s(name, matrix):
    f = FUNCTIONS[name]
    expected = parts(f(np.linalg, matrix))
    for kind in (engine.kind for engine in BOTH_ENGINES):
        for found, number in zip(parts(f(linalg, values(matrix, kind))), expected):
            np.testing.assert_allclose(found, number, rtol=1e-13, atol=1e-14)
    for found, number in zip(parts(f(linalg, matrix)), expected):
        assert np.array_equal(found, number) and "object" not in str(found.dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_chooses_the_pivots_of_its_data(name):
    """Traced on one matrix, run on others whose pivots are elsewhere: the bits of eager code, over rows too."""
    traced, *others = matrices(1)
    program = trace(lambda a: FUNCTIONS[name](linalg, a), traced)
    several = parts(program.map(np.array(others)))
    for place, matrix in enumerate(others):
        eager = parts(FUNCTIONS[name](linalg, values(matrix)))
        for found, expected in zip(parts(program(matrix)), eager):
            assert np.array_equal(found, expected)
        for found, expected in zip(several, eager):
            np.testing.assert_allclose(found[place], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("executor", ["python", "numpy", "llvm"] + ["native"] * (ag.engine == "native"))
def test_every_executor(executor):
    traced, *others = matrices(2)
    program = trace(grad(lambda a: linalg.det(a) + linalg.solve(a, VECTOR)[0]), traced)
    for matrix in others:
        inverse = np.linalg.inv(matrix)
        expected = np.linalg.det(matrix) * inverse.T - np.outer(inverse[0], inverse @ VECTOR)
        np.testing.assert_allclose(program.map(matrix[None], executor=executor)[0], expected, rtol=1e-12, atol=1e-12)


def test_derivatives_are_the_closed_forms():
    """Of the inverse: -inv dA inv; of the determinant: det inv.T; of ln|det|: inv.T, and its Hessian -inv ⊗ inv."""
    for matrix in matrices(3):
        inverse = np.linalg.inv(matrix)
        np.testing.assert_allclose(jacobian(linalg.inv)(matrix), -np.einsum("ik,lj->ijkl", inverse, inverse),
                                   rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(grad(linalg.det)(matrix), np.linalg.det(matrix) * inverse.T, rtol=1e-12, atol=1e-12)
        curvature = hessian(lambda a: linalg.slogdet(a).logabsdet)(matrix)
        np.testing.assert_allclose(curvature, -np.einsum("jk,li->ijkl", inverse, inverse), rtol=1e-11, atol=1e-12)


def test_the_derivative_of_cholesky():
    """dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ takes the lower triangle and half of the diagonal; symmetric in dA."""
    matrix = matrices()[0] @ matrices()[0].T + np.eye(4)
    lower = np.linalg.cholesky(matrix)
    slopes = jacobian(linalg.cholesky)(matrix)
    for i, j in np.ndindex(4, 4):
        change = np.zeros((4, 4))
        change[i, j] += 0.5
        change[j, i] += 0.5
        inner = np.linalg.solve(lower, np.linalg.solve(lower, change).T)
        np.testing.assert_allclose(slopes[:, :, i, j], lower @ (np.tril(inner) - np.diag(np.diag(inner)) / 2),
                                   rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("singular, adjugate", [
    ([[1, 2], [2, 4]], [[4, -2], [-2, 1]]),
    ([[0, 1, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [-1, 0, 0], [0, 0, 0]]),
    ([[0, 0, 0], [0, 2, 0], [0, 0, 3]], [[6, 0, 0], [0, 0, 0], [0, 0, 0]]),
    (np.ones((3, 3)), np.zeros((3, 3))),
    (np.diag([0, 0, 2, 3.0]), np.zeros((4, 4))),
])
def test_the_determinant_of_a_singular_matrix(singular, adjugate):
    singular = np.array(singular, dtype=float)
    program = trace(grad(linalg.det), np.random.default_rng(0).normal(size=singular.shape))
    assert linalg.det(values(singular)).data == 0
    assert np.array_equal(grad(linalg.det)(singular), adjugate) and np.array_equal(program(singular), adjugate)


def test_second_derivatives_of_the_determinant_of_a_singular_matrix():
    """det has no square of an entry: its second derivatives are minors of what two entries leave."""
    curvature = hessian(linalg.det)(np.diag([0, 0, 2, 3.0]))
    assert curvature[0, 0, 1, 1] == 6 and curvature[0, 1, 1, 0] == -6 and np.abs(curvature).sum() == 24


def test_hilbert_matrices_lose_no_more_than_their_condition():
    n = 8
    matrix = scipy.linalg.hilbert(n)
    loss = np.linalg.cond(matrix) * np.finfo(float).eps
    with mpmath.workdps(60):
        exact = mpmath.matrix(matrix.tolist())
        inverse = np.array((exact ** -1).tolist(), dtype=float)
        determinant = float(mpmath.det(exact))
        factor = np.array(mpmath.cholesky(exact).tolist(), dtype=float)
    held = values(matrix)
    assert np.abs(numbers(linalg.inv(held)) - inverse).max() < loss * np.abs(inverse).max()
    assert abs(linalg.det(held).data / determinant - 1) < loss
    assert abs(linalg.slogdet(held).logabsdet.data - np.log(determinant)) < loss
    assert np.abs(numbers(linalg.cholesky(held)) - factor).max() < loss
    slope = grad(lambda a: linalg.slogdet(a)[1])(matrix)
    assert np.abs(slope - inverse).max() < loss * np.abs(inverse).max()


def test_pivots_keep_the_digits():
    """Without an exchange of rows the answer is 0, in eager code and in a Program that was traced elsewhere."""
    program = trace(lambda a: linalg.solve(a, [1.0, 2.0]), np.eye(2))
    matrix = np.array([[1e-20, 1.0], [1.0, 1.0]])
    assert program(matrix).tolist() == numbers(linalg.solve(values(matrix), [1.0, 2.0])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("lower", [False, True])
def test_triangular_systems(lower):
    matrix, right = matrices()[0], matrices()[1][:, :2]
    triangle = np.tril(matrix) if lower else np.triu(matrix)
    expected = scipy.linalg.solve_triangular(matrix, right, lower=lower)
    np.testing.assert_allclose(linalg.solve_triangular(matrix, right, lower=lower), expected, rtol=1e-13)
    slope = grad(lambda a: linalg.solve_triangular(a, right, lower=lower).sum())(matrix)
    dual = np.linalg.solve(triangle.T, np.ones((4, 2)))
    np.testing.assert_allclose(slope, (np.tril if lower else np.triu)(-dual @ expected.T), rtol=1e-12, atol=1e-13)


def test_norms_neither_overflow_nor_break_at_zero():
    for at, size, slope in [([3e200, 4e200], 5e200, [0.6, 0.8]), ([3e-200, 4e-200], 5e-200, [0.6, 0.8]),
                            ([0.0, 0.0], 0.0, [0.0, 0.0]), ([-2.0], 2.0, [-1.0])]:
        found, slopes = ag.value_and_grad(linalg.norm)(np.array(at))
        assert found == pytest.approx(size, rel=1e-15) and slopes.tolist() == pytest.approx(slope, rel=1e-15)
    assert grad(lambda a: linalg.norm(a, np.inf))(np.array([1.0, -1.0])).tolist() == [0.5, -0.5]


def test_inside_a_loop():
    def last(a):
        return scan(lambda x, _: (linalg.solve(a, x), linalg.det(a) * x[0]), np.ones(2), length=3)[0].sum()

    matrix = np.array([[0.5, 2.0], [1.0, 0.25]])
    slope = grad(last)(matrix)
    np.testing.assert_allclose(trace(grad(last), np.eye(2))(matrix), slope, rtol=1e-14)
    change = np.array([[0.0, 1.0], [0.0, 0.0]])
    powers = [np.linalg.matrix_power(np.linalg.inv(matrix), k) for k in range(4)]
    assert slope[0, 1] == pytest.approx(-sum((powers[k] @ change @ powers[4 - k]).sum() for k in (1, 2, 3)))


def test_numpy_s_names_come_here():
    matrix = matrices()[0]
    for name in ("inv", "det", "cholesky", "norm"):
        def f(a, package):
            return np.sum(getattr(package, name)(a @ a.T))  # noqa: B023

        assert np.array_equal(grad(f)(matrix, np.linalg), grad(f)(matrix, linalg))
    assert grad(lambda a: np.linalg.solve(a, VECTOR)[0])(matrix).shape == (4, 4)
    assert grad(lambda a: np.linalg.slogdet(a).logabsdet)(matrix).shape == (4, 4)
    with pytest.raises(TypeError, match=r"np.linalg.eigvalsh has no derivative here: autograd_mini.linalg has solve"):
        grad(lambda a: np.linalg.eigvalsh(a)[0])(matrix)


LIKE = values([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize("call, error, text", [
    (lambda: linalg.solve(LIKE, [1, 2]), np.linalg.LinAlgError, "Singular matrix: pivot 1 is 0"),
    (lambda: linalg.inv(0 * LIKE), np.linalg.LinAlgError, "Singular matrix: pivot 0 is 0"),
    (lambda: linalg.inv([[1, 2], [2, 4]]), np.linalg.LinAlgError, "Singular matrix"),
    (lambda: linalg.solve_triangular(0 * LIKE, [1, 2]), np.linalg.LinAlgError, "Singular matrix"),
    (lambda: linalg.cholesky(-LIKE), np.linalg.LinAlgError, "not positive definite: pivot 0 is -1"),
    (lambda: linalg.cholesky([[1, 0], [2, 5]]), ValueError, "one of its triangles is all zeros"),
    (lambda: linalg.det(LIKE[:1]), np.linalg.LinAlgError, r"one square matrix, not an array of shape \(1, 2\)"),
    (lambda: linalg.det(np.stack([LIKE, LIKE])), np.linalg.LinAlgError, r"\[det\(a\) for a in matrices\]"),
    (lambda: linalg.solve(LIKE, [1, 2, 3]), ValueError, r"shape \(2,\) or \(2, k\) beside this matrix, not \(3,\)"),
    (lambda: linalg.det([[1, "a"], [2, 3]]), TypeError, "an entry cannot be of type str"),
    (lambda: linalg.det([[1j, 1], [2, 3]]), TypeError, "an entry cannot be of type complex"),
    (lambda: linalg.norm(LIKE, 2), ValueError, "for matrices 'fro', 1, -1, inf or -inf"),
    (lambda: linalg.norm(LIKE, axis=2), IndexError, "axis 2 is out of bounds"),
])
def test_what_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_what_a_program_gives_where_there_is_no_solution():
    inverse, factor = trace(linalg.inv, np.eye(2)), trace(linalg.cholesky, np.eye(2))
    assert not np.isfinite(inverse(np.ones((2, 2)))).any()
    assert np.isnan(factor(-np.eye(2))[0, 0])
    nan = np.array([[1.0, np.nan], [0.0, 1.0]])
    assert np.isnan(numbers(linalg.det(values(nan)))) and np.isnan(numbers(linalg.inv(values(nan)))).all()


def test_nothing_is_a_matrix_too():
    assert linalg.det(np.zeros((0, 0))) == 1.0 and linalg.slogdet(np.zeros((0, 0))) == (1.0, 0.0)
    for empty in (linalg.solve(np.zeros((0, 0)), []), linalg.solve_triangular(np.zeros((0, 0)), [])):
        assert empty.shape == (0,)
