"""How Values and NumPy arrays meet.

An array of Values is an object array. One that a user builds with `np.array` is a plain one, to which NumPy applies
functions element by element, by the methods of Value. What the package hands out, and what comes of that, is a
`ValueArray`: there NumPy's and SciPy's names mean the rows of the table, whether an entry is a Value or a number, and
sums are balanced trees. Arithmetic stays with NumPy's own loops in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini._core import registry, trees
from autograd_mini._core.numbers import branch_on_traced, real, value_or_real
from autograd_mini._core.rows import ROWS, TABLE, Primitive
from autograd_mini._core.value import Value  # noqa: F401  (engines register when they are imported)

_NO_VALUE: Any = vars(np)["_NoValue"]  # what a reduction of NumPy gets where no initial number was given
_ASKED = (np.isnan, np.isinf, np.isfinite, np.signbit)
_OPERATORS: dict[Any, Callable[..., Any]] = {
    np.greater: lambda a, b: a > b, np.greater_equal: lambda a, b: a >= b, np.not_equal: lambda a, b: a != b,
    np.less: lambda a, b: a < b, np.less_equal: lambda a, b: a <= b, np.equal: lambda a, b: a == b,
    np.add: lambda a, b: a + b, np.subtract: lambda a, b: a - b, np.multiply: lambda a, b: a * b,
    np.divide: lambda a, b: a / b, np.power: lambda a, b: a ** b, np.negative: lambda a: -a, np.positive: lambda a: +a,
    np.absolute: abs, np.fabs: abs, np.conjugate: lambda a: +a, np.float_power: lambda a, b: a ** b,
    np.deg2rad: lambda a: a * (np.pi / 180), np.rad2deg: lambda a: a * (180 / np.pi),
    np.radians: lambda a: a * (np.pi / 180), np.degrees: lambda a: a * (180 / np.pi),
    np.logical_and: lambda a, b: _truth(a) * _truth(b), np.logical_or: lambda a, b: _truth(abs(a) + abs(b)),
    np.logical_not: lambda a: 1 - _truth(a), np.logical_xor: lambda a, b: abs(_truth(a) - _truth(b)),
    **{ask: lambda a, ask=ask: _decided(ask, a) for ask in _ASKED},
}


_OF_CONDITIONS = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.bitwise_xor: np.logical_xor,
                  np.invert: np.logical_not}
"""What `&`, `|`, `^` and `~` are for the conditions of a trace, which are 1 or 0; other Values have no bits."""

_BY_OPERATOR = {ufunc.__name__ for ufunc in _OPERATORS}
_THE_SAME = {"add", "subtract", "multiply", "divide", "power", "negative", "absolute"}
"""Operators that do what the row of their ufunc does, for all operands."""


_TWINS = {"fmax": "autograd_mini.maximum", "fmin": "autograd_mini.minimum",
          "heaviside": "autograd_mini.where(autograd_mini.less(0, v), 1, 0)", "divmod": "v // a and v % a",
          "copysign": "autograd_mini.abs(v) * autograd_mini.sign(a)", "_zeta": "autograd_mini.polygamma",
          "loggamma": "autograd_mini.lgamma", "erfcinv": "autograd_mini.erfinv(1 - v)",
          "rel_entr": "autograd_mini.xlogy(a, a / b)", "modf": "autograd_mini.trunc(v) and v - autograd_mini.trunc(v)"}
"""What to write for functions that are no row."""


def _decided(ask: Any, value: Any) -> bool:
    if not registry.is_value(value):
        return bool(ask(value))
    if value.is_traced:
        raise branch_on_traced(f"np.{ask.__name__}")
    return bool(ask(value.data))


def _truth(condition: Any) -> Any:
    """A condition as 1 or 0; the conditions of a trace are Values."""
    return 1 - registry.apply(TABLE["equal"], [condition, 0.0])


def _equivalent(ufunc: Any, operands: Sequence[Any]) -> Any:
    """The function of Values that a ufunc stands for, or None."""
    if ufunc in _OF_CONDITIONS and any(map(_is_traced, operands)):
        ufunc = _OF_CONDITIONS[ufunc]
    if ufunc in _OPERATORS:
        return _OPERATORS[ufunc]
    row = _row(ufunc.__name__)
    return None if row is None else registry.engine_of(operands).functions[row.name]


def _row(name: str) -> Optional[Primitive]:
    """The row that NumPy or scipy.special knows by that name."""
    found = [row for row in TABLE.values() if name in (row.numpy, row.scipy)]
    return found[0] if found else TABLE.get(name)


def array_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """NumPy's operation over Values and arrays: an object array of Values, or a Value where nothing is an array."""
    if method == "reduce" and not isinstance(inputs[0], np.ndarray) and ufunc in _REDUCED:
        return inputs[0]  # np.sum(v): a Value is one number
    if ufunc is np.matmul or method not in ("__call__", "outer"):
        return NotImplemented
    apply = _equivalent(ufunc, inputs)
    if apply is None:
        twin = _TWINS.get(ufunc.__name__, "a function of autograd_mini")
        raise TypeError(f"np.{ufunc.__name__} has no derivative rule for a Value: use {twin}, "
                        "or v.data for the bare number")
    unknown = set(keywords) - {"out"}
    if unknown:
        if ufunc in _COMPARISONS and any(map(_is_traced, inputs)):
            raise branch_on_traced(f"np.{ufunc.__name__}")
        raise TypeError(f"np.{ufunc.__name__} on a Value does not take {', '.join(sorted(unknown))}=")
    arrays = [_boxed(operand) for operand in inputs]
    if method == "outer":
        arrays[0] = arrays[0].reshape(arrays[0].shape + (1,) * arrays[1].ndim)
    with np.errstate(all="ignore"):  # as for single numbers, nan and inf come without a warning
        result = np.frompyfunc(apply, len(inputs), 1)(*arrays)
    if "out" in keywords:
        out, = keywords["out"]
        out[...] = result
        return out
    return result.astype(bool) if ufunc in _ASKED and isinstance(result, np.ndarray) else of_values(result)


def _boxed(operand: Any) -> np.ndarray:
    """An operand as an object array; a Value is one element of it, whatever NumPy would guess."""
    if registry.is_value(operand):
        box = np.empty((), dtype=object)
        box[()] = operand
        return box
    array = np.asarray(operand)
    if array.dtype == np.longdouble:  # its scalars would ask NumPy again instead of asking a Value
        return np.asarray(np.frompyfunc(real, 1, 1)(array.astype(object)), dtype=object)
    return array.astype(object)


def entries(array: Any) -> np.ndarray:
    """A plain array of Values and floats, of anything that makes an array; TypeError for what is no number in it."""
    if hasattr(array, "toarray"):
        raise TypeError(f"a sparse {type(array).__name__} holds no Values: give its .toarray()")
    found = np.asarray(trees.as_array(array, "an array"), dtype=object)
    result = np.empty(found.shape, dtype=object)
    result[...] = np.frompyfunc(lambda entry: value_or_real(entry, "an entry"), 1, 1)(found)
    return result


def over_array(primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A row where an operand is an array: floats if all entries are numbers, else an object array."""
    boxes = [_boxed(operand) for operand in operands]
    entries = [box[()] for box in boxes if not box.ndim]
    if len(entries) == len(boxes):  # no array after all
        return registry.apply(primitive, [value_or_real(o, "an operand") for o in entries])

    def apply(*numbers: Any) -> Any:
        return registry.apply(primitive, numbers)

    with np.errstate(all="ignore"):
        result = np.frompyfunc(apply, len(operands), 1)(*boxes)
    return result.view(ValueArray) if any(map(registry.is_value, result.flat)) else result.astype(float)


# Arrays of Values -----------------------------------------------------------------------------------------------------

_COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}
_LOOPS = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.matmul, np.power}
"""What NumPy's loops over objects do right, by the operators of the entries."""

_LOGIC = {np.logical_and, np.logical_or, np.logical_not, np.logical_xor}
_REDUCED = {np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.hypot}
_REDUCED_IN_A_TRACE = {np.logical_and, np.logical_or}


class ValueArray(np.ndarray):
    """An array of Values and numbers, on which NumPy's and SciPy's names mean the rows of the table."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        is_reduced = ufunc in _REDUCED or (ufunc in _REDUCED_IN_A_TRACE and _is_traced(inputs[0]))
        if method == "reduce" and is_reduced and keywords.get("where", True) is True:
            return _tree(ufunc, inputs[0], **{key: given for key, given in keywords.items() if key != "where"})
        if method == "accumulate" and ufunc in _REDUCED - _LOOPS:
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
        self.sort(axis)


def _is_loop(ufunc: Any, inputs: Sequence[Any]) -> bool:
    """Whether NumPy's loop over objects is right: for arithmetic, a user's own ufunc, and a comparison that decides."""
    is_of_objects = set("".join(ufunc.types)) <= set("O->")
    decides = ufunc in _COMPARISONS or ufunc in _LOGIC
    return ufunc in _LOOPS or is_of_objects or (decides and not any(map(_is_traced, inputs)))


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


def _is_traced(operand: Any) -> bool:
    return any(registry.is_value(entry) and entry.is_traced for entry in _boxed(operand).flat)


def plain(operand: Any) -> Any:
    """An array as NumPy's own kind."""
    return operand.view(np.ndarray) if isinstance(operand, ValueArray) else operand


def of_values(result: Any) -> Any:
    """What NumPy returned; an array of objects as one of Values."""
    if isinstance(result, np.ndarray) and isinstance(result, ValueArray) != (result.dtype == object):
        return result.view(ValueArray if result.dtype == object else np.ndarray)
    return result


@np.errstate(all="ignore")
def _tree(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
          initial: Any = _NO_VALUE) -> Any:
    """A reduction as one balanced tree: neighbours first."""
    array = np.asarray(array).view(np.ndarray)
    reduced = range(array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = sorted(place % array.ndim for place in reduced) if array.ndim else []
    kept = [place for place in range(array.ndim) if place not in axes]
    shape = tuple(1 if place in axes else size for place, size in enumerate(array.shape))
    level = array.transpose([*axes, *kept]).reshape((-1, *[array.shape[place] for place in kept]))
    if not len(level):
        return ufunc.reduce(level, initial=initial)
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
    return ufunc if ufunc in _LOOPS else np.frompyfunc(_equivalent(ufunc, array.ravel().tolist()), 2, 1)


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


def _quantile(a: Any, q: Any, axis: Optional[int] = None, keepdims: bool = False) -> Any:
    """By straight lines between the sorted entries, which is NumPy's `method="linear"`."""
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
registry.array_ufunc = array_ufunc
registry.over_array = over_array
registry.ufunc_rows.update({getattr(np, row.numpy): row.index for row in ROWS
                            if row.numpy and (row.numpy not in _BY_OPERATOR or row.numpy in _THE_SAME)})
