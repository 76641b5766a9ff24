"""Linear algebra over arrays of Values and numbers: `np.linalg` in the table's own operations.

    solve, solve_triangular, inv, det, slogdet, cholesky, norm

Names and arguments are NumPy's (SciPy's for `solve_triangular`). A matrix is anything that makes an array of shape
(n, n), its entries Values and numbers as they come; of numbers alone the work is NumPy's and so are the results.
Derivatives of any order come through the algebra, in `grad`, in traces and inside `scan`.

Elimination exchanges rows so that every pivot is the largest of its column, as LAPACK does. For numbers and Values that
is decided by the numbers; in a trace the two rows are selected by `where`, so that a Program finds the pivots of each
row of its data, and rounds as the eager code does. The selection doubles the operations of the elimination. Where
there is no solution, eager code raises `numpy.linalg.LinAlgError`; a Program, which runs over many matrices, gives inf
or nan for that one. nan gives nan.

Inside a function that is differentiated `np.linalg.solve` and its neighbours come here; on an array that was built by
`np.array` NumPy lets nobody answer, so there call these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Optional, Union

import numpy as np
from numpy.linalg import LinAlgError

from autograd_mini._core import registry, trees, value_array
from autograd_mini._core.numpy_protocol import axes_of, entries
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import TABLE

__all__ = ["LinAlgError", "SlogdetResult", "cholesky", "det", "inv", "norm", "slogdet", "solve", "solve_triangular"]


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x = b`; b of shape (n,) or (n, k), and x of the same.

    >>> from autograd_mini import grad
    >>> grad(lambda a: solve(a, [1.0, 2.0])[0])(np.array([[0.0, 2.0], [4.0, 1.0]]))
    array([[ 0.046875,  0.0625  ],
           [-0.09375 , -0.125   ]])

    Raises LinAlgError where a is singular or not square, ValueError where b has not n rows.
    """
    matrix = _square(a, "solve")
    right = _right_side(b, matrix, "solve")
    if _are_numbers(matrix, right):
        return np.linalg.solve(matrix.astype(float), right.astype(float))
    n = len(matrix)
    tableau = np.concatenate([matrix, right[:, None] if right.ndim == 1 else right], axis=1)
    _eliminate(tableau, n, _require_pivot)
    return _array(_substituted(tableau[:, :n], tableau[:, n:]).reshape(right.shape))


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with `a @ x = b`, where only the upper triangle of a is read, or the lower one.

    >>> solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True)
    array([1., 2.])

    Raises LinAlgError for a 0 on the diagonal, and where a is not square; ValueError where b has not n rows.
    """
    matrix = _square(a, "solve_triangular")
    right = _right_side(b, matrix, "solve_triangular")
    for place, pivot in enumerate(matrix.diagonal()):
        _require_pivot(pivot, place)
    columns = right[:, None] if right.ndim == 1 else right
    if lower:
        return _array(_substituted(matrix[::-1, ::-1], columns[::-1])[::-1].reshape(right.shape))
    return _array(_substituted(matrix, columns).reshape(right.shape))


def inv(a: Any) -> Any:
    """The inverse of a matrix. To solve equations `solve` is quicker, and loses fewer digits.

    >>> inv([[0.0, 2.0], [4.0, 1.0]])
    array([[-0.125,  0.25 ],
           [ 0.5  ,  0.   ]])

    Raises LinAlgError where a is singular or not square.
    """
    matrix = _square(a, "inv")
    return np.linalg.inv(matrix.astype(float)) if _are_numbers(matrix) else solve(matrix, np.eye(len(matrix)))


def det(a: Any) -> Any:
    """The determinant of a matrix.

    >>> from autograd_mini import grad
    >>> grad(det)(np.array([[1.0, 2.0], [2.0, 4.0]]))
    array([[ 4., -2.],
           [-2.,  1.]])

    Its first two derivatives are right for singular matrices too, of any rank. To that end the pivot is the largest
    entry of all that remain, and the last two rows are multiplied out. (The third is 0 where the rank is n - 3.)

    Raises LinAlgError where a is not square.
    """
    matrix = _square(a, "det")
    if _are_numbers(matrix):
        return float(np.linalg.det(matrix.astype(float)))
    n = len(matrix)
    if n == 1:
        return matrix[0, 0]
    tableau = matrix.copy()
    sign = _eliminate(tableau, n - 2, whole=True)
    last = tableau[-2, -2] * tableau[-1, -1] - tableau[-2, -1] * tableau[-1, -2]
    return sign * math.prod(tableau.diagonal()[:-2]) * last


def slogdet(a: Any) -> SlogdetResult:
    """(sign, logabsdet) of a matrix: the sign of the determinant, and the logarithm of its absolute value.

    >>> slogdet([[0.0, 2.0], [4.0, 1.0]])
    SlogdetResult(sign=-1.0, logabsdet=2.0794415416798357)

    A singular matrix has the sign 0 and the logarithm -inf. Raises LinAlgError where a is not square.
    """
    matrix = _square(a, "slogdet")
    if _are_numbers(matrix):
        return SlogdetResult(*map(float, np.linalg.slogdet(matrix.astype(float))))
    tableau = matrix.copy()
    sign = _eliminate(tableau, len(matrix))
    pivots = tableau.diagonal()
    return SlogdetResult(math.prod([sign, *_apply("sign", pivots)]), np.sum(_apply("ln", abs(pivots))))


def cholesky(a: Any, *, upper: bool = False) -> Any:
    """The lower triangular matrix L with positive diagonal and `L @ L.T = a`; with `upper`, its transpose.

    `a` is symmetric and positive definite. It is read as (a + a.T) / 2, so that its derivatives are symmetric, as
    JAX's and PyTorch's are.

    >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
    array([[2., 0.],
           [1., 2.]])

    Raises LinAlgError where a is not positive definite or not square, ValueError where one of its
    triangles is all zeros and the other is not.
    """
    matrix = _square(a, "cholesky")
    below = np.tri(len(matrix), k=-1, dtype=bool)
    if all(map(_is_zero, matrix[below])) != all(map(_is_zero, matrix.T[below])):
        raise ValueError("cholesky needs the whole symmetric matrix: one of its triangles is all zeros")
    matrix = (matrix + matrix.T) / 2
    if _are_numbers(matrix):
        factor = np.linalg.cholesky(matrix.astype(float))
        return factor.T if upper else factor
    factor = np.zeros(matrix.shape, dtype=object)
    for j in range(len(matrix)):
        column = matrix[j:, j]
        for k in range(j):
            column = column - factor[j:, k] * factor[j, k]
        if _holds(column[0] <= 0):
            raise LinAlgError(f"Matrix is not positive definite: pivot {j} is {column[0]:.4g}")
        root = _apply("sqrt", column[0])
        factor[j, j], factor[j + 1:, j] = root, column[1:] / root
    return _array(factor.T if upper else factor)


def norm(x: Any, ord: Union[float, str, None] = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of a vector or a matrix, or along an axis (a pair of axes for matrices), as `np.linalg.norm`.

    Of vectors `ord` is 2 (when none is given), 1, inf, -inf, 0 or any number p; of matrices "fro" (when none is given),
    1, -1, inf or -inf.

    >>> from autograd_mini import grad
    >>> grad(norm)(np.array([3e200, 4e200]))
    array([0.6, 0.8])
    >>> grad(norm)(np.zeros(2))
    array([0., 0.])

    The lengths of vectors are trees of `hypot`: nothing overflows on the way, and the gradient at the zero vector is
    0, the subgradient of least norm. Where entries are equal in size, norms by maxima share the derivative.

    Raises ValueError for other orders; the norms of matrices by singular values (2, -2, "nuc") are not there.
    """
    array = entries(x)
    if _are_numbers(array):
        return _plain(np.linalg.norm(array.astype(float), ord, axis, keepdims))  # type: ignore[arg-type]
    array = _array(array.reshape(array.shape or (1,)))
    axes = axes_of(axis, array.ndim)
    size = _size(abs(array), ord, axes)
    return size if keepdims else _plain(size.reshape([n for place, n in enumerate(array.shape) if place not in axes]))


def _size(magnitudes: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The norm of absolute values along axes, which are kept."""
    along: dict[str, Any] = {"axis": axes, "keepdims": True}
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return np.hypot.reduce(magnitudes, **along)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        sums = magnitudes.sum(axis=axes[abs(ord) != 1], keepdims=True)
        return sums.max(**along) if ord > 0 else sums.min(**along)
    if len(axes) == 1 and isinstance(ord, (int, float)):
        if math.isinf(ord):
            return magnitudes.max(**along) if ord > 0 else magnitudes.min(**along)
        if ord == 0:
            return (1 - _apply("equal", magnitudes, 0.0)).sum(**along)
        return magnitudes.sum(**along) if ord == 1 else (magnitudes ** ord).sum(**along) ** (1 / ord)
    raise ValueError(f"norm of Values with ord={ord!r} along {len(axes)} axes is not there: for vectors give a number, "
                     "for matrices 'fro', 1, -1, inf or -inf")


# Elimination ----------------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")
def _eliminate(tableau: np.ndarray, steps: int, check: Optional[Callable[[Any, int], None]] = None,
               whole: bool = False) -> Any:
    """Clear what is below the first pivots, in place; returns the sign of the exchanges.

    With `whole` the pivot is the largest entry of all that remain, and columns are exchanged too. A pivot of 0, below
    which all is 0, leaves the rows as they are.
    """
    sign: Any = 1.0
    for k in range(steps):
        sign = _exchange(tableau[k:, k:], sign, whole)
        if whole:
            sign = _exchange(tableau[k:, k:].T, sign, False)
        if check is not None:
            check(tableau[k, k], k)
        below = [i for i in range(k + 1, len(tableau)) if not _is_zero(tableau[i, k])]
        factors = tableau[below, k] / _apply("away", tableau[k, k])
        tableau[below, k + 1:] = tableau[below, k + 1:] - np.multiply.outer(factors, tableau[k, k + 1:])
    return sign


def _exchange(rows: np.ndarray, sign: Any, whole: bool) -> Any:
    """Bring the row with the largest first entry (with `whole`, the largest of all) up, in place; returns the sign."""
    sizes = [math.nan] * len(rows)
    for place, row in enumerate(rows):
        sizes[place] = _array(abs(row)).max() if whole else abs(row[0])
    for place in range(1, len(rows)):
        if _is_zero(sizes[place]):
            continue
        is_larger = sizes[0] < sizes[place]
        rows[0], rows[place] = _exchanged(is_larger, rows[0].copy(), rows[place].copy())
        sizes[0], sizes[place] = _exchanged(is_larger, sizes[0], sizes[place])
        sign = _exchanged(is_larger, sign, -sign)[0]
    return sign


def _exchanged(condition: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """The two, exchanged where the condition holds: that is decided by numbers, and selected in a trace."""
    if is_value(condition) and condition.is_traced:
        return _apply("where", condition, second, first), _apply("where", condition, first, second)
    return (second, first) if condition else (first, second)


@np.errstate(all="ignore")
def _substituted(triangle: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution of equations with an upper triangle, from the last up."""
    solution = right.copy()
    for k in reversed(range(len(triangle))):
        solution[k] = solution[k] / triangle[k, k]
        solution[:k] = solution[:k] - np.multiply.outer(triangle[:k, k], solution[k])
    return solution


# Entries --------------------------------------------------------------------------------------------------------------


def _require_pivot(pivot: Any, place: int) -> None:
    if _holds(_apply("equal", pivot, 0.0)):
        raise LinAlgError(f"Singular matrix: pivot {place} is 0")


def _holds(condition: Any) -> bool:
    """Whether a condition is known to hold: in a trace that differs from call to call."""
    return not (is_value(condition) and condition.is_traced) and bool(condition)


def _apply(name: str, *operands: Any) -> Any:
    """A row of the table on Values, numbers and arrays of them."""
    return registry.apply(TABLE[name], operands)


def _square(array: Any, name: str) -> np.ndarray:
    matrix = entries(array)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        advice = f"; of several: [{name}(a) for a in matrices]" if matrix.ndim > 2 else ""
        raise LinAlgError(f"{name} takes one square matrix, not an array of shape {matrix.shape}{advice}")
    return matrix


def _right_side(array: Any, matrix: np.ndarray, name: str) -> np.ndarray:
    right = entries(array)
    if right.ndim not in (1, 2) or len(right) != len(matrix):
        raise ValueError(f"{name} takes a right side of shape ({len(matrix)},) or ({len(matrix)}, k) beside this "
                         f"matrix, not {right.shape}")
    return right


def _are_numbers(*arrays: np.ndarray) -> bool:
    return not any(is_value(entry) for array in arrays for entry in array.flat)


def _is_zero(entry: Any) -> bool:
    """Whether an entry is the number 0, whatever the data."""
    return not is_value(entry) and entry == 0


def _array(array: np.ndarray) -> np.ndarray:
    return trees.array_of(array.ravel().tolist(), array.shape)


def _plain(result: Any) -> Any:
    """An array, or the number in one without dimensions."""
    return result if np.ndim(result) else np.asarray(result).item()


value_array.functions.update({getattr(np.linalg, function.__name__): function
                              for function in (cholesky, det, inv, norm, slogdet, solve)})
