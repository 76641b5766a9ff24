"""The arrays that the package hands out, on which NumPy's and SciPy's names mean the rows of the table.

Arithmetic stays with NumPy's own loops over objects; sums are balanced trees, and what would decide
by numbers goes to the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini._core import registry
from autograd_mini._core.numpy_protocol import (
    COMPARISONS,
    REDUCED,
    array_ufunc,
    axes_of,
    equivalent,
    is_traced,
    of_values,
    over_array,
    plain,
)
from autograd_mini._core.rows import TABLE

_NO_VALUE: Any = vars(np)["_NoValue"]  # what a reduction of NumPy gets where no initial number was given
_LOOPS = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.matmul, np.power}
"""What NumPy's loops over objects do right, by the operators of the entries."""

_LOGIC = {np.logical_and, np.logical_or, np.logical_not, np.logical_xor}
_REDUCED_IN_A_TRACE = {np.logical_and, np.logical_or}


class ValueArray(np.ndarray):
    """An array of Values and numbers, on which NumPy's and SciPy's names mean the rows of the table."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        is_reduced = ufunc in REDUCED or (ufunc in _REDUCED_IN_A_TRACE and is_traced(inputs[0]))
        if method == "reduce" and is_reduced and keywords.get("where", True) is True:
            return _tree(ufunc, inputs[0], **{key: given for key, given in keywords.items() if key != "where"})
        if method == "accumulate" and ufunc in REDUCED - _LOOPS:
            return _running(ufunc, *inputs, **keywords)
        if not _is_loop(ufunc, inputs) and method in ("__call__", "outer") and self.dtype == object:
            return array_ufunc(ufunc, method, inputs, keywords)
        bare = [plain(operand) for operand in inputs]
        if keywords.get("out"):
            keywords["out"] = tuple(plain(array) for array in keywords["out"])
        return of_values(getattr(ufunc, method)(*bare, **keywords))

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return array_function(function, args, keywords)

    @np.errstate(all="ignore")
    def sort(self, axis: Any = -1, kind: Any = None, order: Any = None, **keywords: Any) -> None:
        """In place, in ascending order: a network of minima and maxima, which shares the derivative at ties.

        It is Batcher's odd-even merge (Knuth, The Art of Computer Programming 3, 5.2.2), for any length: the same
        comparisons whatever the data, n (log2 n)^2 / 4 of them. nan spreads.
        """
        rows = _rows_along(self, axis)
        smaller, larger = _join(np.minimum, self), _join(np.maximum, self)
        for lower, upper in _comparisons(len(rows)):
            pair = rows[lower].copy(), rows[upper].copy()
            rows[lower], rows[upper] = smaller(*pair), larger(*pair)

    def partition(self, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> None:
        """In place, and sorted: NumPy asks for it on the way to medians and quantiles."""
        self.sort(axis)


def _is_loop(ufunc: Any, inputs: Sequence[Any]) -> bool:
    """Whether NumPy's loop over objects is right: for arithmetic, a user's own ufunc, and a comparison that decides."""
    is_of_objects = set("".join(ufunc.types)) <= set("O->")
    decides = ufunc in COMPARISONS or ufunc in _LOGIC
    return ufunc in _LOOPS or is_of_objects or (decides and not any(map(is_traced, inputs)))


def _comparisons(count: int) -> Iterator[tuple[int, int]]:
    """The places that a network for sorting compares, in order."""
    size = 1
    while size < count:
        step = size
        while step >= 1:
            for start in range(step % size, count - step, 2 * step):
                for lower in range(start, min(start + step, count - step)):
                    if lower // (2 * size) == (lower + step) // (2 * size):
                        yield lower, lower + step
            step //= 2
        size *= 2


@np.errstate(all="ignore")
def _tree(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
          initial: Any = _NO_VALUE) -> Any:
    """A reduction as one balanced tree: neighbours first."""
    array = np.asarray(array).view(np.ndarray)
    axes = sorted(axes_of(axis, array.ndim)) if array.ndim else []
    kept = [place for place in range(array.ndim) if place not in axes]
    shape = tuple(1 if place in axes else size for place, size in enumerate(array.shape))
    level = array.transpose([*axes, *kept]).reshape((-1, *[array.shape[place] for place in kept]))
    if not len(level):
        return ufunc.reduce(level.astype(float), initial=initial)
    join = _join(ufunc, level)
    while len(level) > 1:
        pairs = join(level[:-1:2], level[1::2])
        level = np.concatenate([pairs, level[-1:]]) if len(level) % 2 else pairs
    if initial is not _NO_VALUE:
        level = join(level, np.asarray([initial], dtype=object))
    result = of_values(level.reshape(shape)) if keepdims else of_values(level[0])
    if out is not None:
        out[0][...] = result
        return out[0]
    return result


@np.errstate(all="ignore")
def _running(ufunc: Any, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    """`ufunc.accumulate` for ufuncs that NumPy's loop would decide by numbers."""
    result, join = np.array(array, dtype=object), _join(ufunc, array)
    rows = _rows_along(result, axis)
    for place in range(1, len(rows)):
        rows[place] = join(rows[place - 1], rows[place])
    return of_values(result)


def _rows_along(array: np.ndarray, axis: int) -> np.ndarray:
    """A view of an array of objects whose rows, which are arrays too, go along an axis."""
    return np.moveaxis(array.view(np.ndarray), axis, 0)[:, None]


def _join(ufunc: Any, array: np.ndarray) -> Any:
    """A ufunc as a loop over objects that means the row of the table."""
    return ufunc if ufunc in _LOOPS else np.frompyfunc(equivalent(ufunc, array.ravel().tolist()), 2, 1)


def array_function(function: Any, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """A function of NumPy where an argument is a Value or an array of them."""
    if function in functions:
        return of_values(functions[function](*args, **keywords))
    if function.__module__ == "numpy.linalg" and function.__name__ not in _SUMS_OF_PRODUCTS:
        raise TypeError(f"np.linalg.{function.__name__} has no derivative here: autograd_mini.linalg has solve, "
                        "solve_triangular, inv, det, slogdet, cholesky and norm")
    return of_values(function._implementation(*args, **keywords))


_SUMS_OF_PRODUCTS = {"matrix_power", "multi_dot", "outer", "cross", "matmul", "tensordot", "trace", "diagonal",
                     "vecdot", "matrix_transpose"}
"""Functions of np.linalg that NumPy's loops over objects compute."""


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) == 2 and np.asarray(condition).dtype == object:
        return over_array(TABLE["where"], [condition, *choices])
    return np.where._implementation(plain(condition), *map(plain, choices))  # type: ignore[attr-defined]


def _isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return abs(np.subtract(a, b)) <= atol + rtol * abs(np.asarray(b).view(ValueArray) + 0.0)


def _clip(a: Any, low: Any = None, high: Any = None, **keywords: Any) -> Any:
    low, high = keywords.pop("min", low), keywords.pop("max", high)
    if keywords:
        raise TypeError(f"np.clip on Values does not take {', '.join(keywords)}=")
    return over_array(TABLE["clip"], [a, -np.inf if low is None else low, np.inf if high is None else high])


def _select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    found = default
    for condition, choice in zip(reversed(conditions), reversed(choices)):
        found = _where(condition, choice, found)
    return found


def _quantile(a: Any, q: Any, axis: Optional[int] = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    """By straight lines between the sorted entries."""
    if method != "linear":
        raise ValueError(f"quantiles of Values have method='linear', not {method!r}")
    if not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= 1)):
        raise ValueError("quantiles are in the range from 0 to 1, percentiles from 0 to 100")
    array = np.asarray(a).view(ValueArray)
    rows = np.moveaxis(np.sort(array, axis=axis), -1 if axis is None else axis, 0)
    place = np.asarray(q, dtype=float) * (len(rows) - 1)
    below = np.clip(np.floor(place).astype(int), 0, max(len(rows) - 2, 0))
    above = np.minimum(below + 1, len(rows) - 1)
    share = (place - below).reshape(place.shape + (1,) * (rows.ndim - 1))
    found = rows[below] + (rows[above] - rows[below]) * share
    shape = [1 if axis in (None, at, at - array.ndim) else size for at, size in enumerate(array.shape)]
    return np.reshape(found, (*place.shape, *shape)) if keepdims else found


def _row_of_arrays(name: str) -> Callable[..., Any]:
    return lambda a: over_array(TABLE[name], [a])


functions: dict[Any, Callable[..., Any]] = {
    np.where: _where, np.isclose: _isclose, np.clip: _clip, np.sinc: _row_of_arrays("sinc"),
    np.select: _select, np.quantile: _quantile,
    np.percentile: lambda a, q, *axis, **keywords: _quantile(a, np.asarray(q, dtype=float) / 100, *axis, **keywords)}
"""Functions of NumPy that are no ufuncs and would look at numbers, by what they mean; np.linalg's register here."""

registry.array_function, registry.array_kind = array_function, ValueArray
