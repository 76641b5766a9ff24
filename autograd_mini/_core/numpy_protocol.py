"""How Values and NumPy arrays meet.

An array of Values is an object array. One that a user builds with `np.array` is a plain one, to which NumPy applies
functions element by element, by the methods of Value. What the package hands out, and what comes of that, is a
`ValueArray`: there NumPy's and SciPy's names mean the rows of the table, whether an entry is a Value or a number, and
sums are balanced trees. Arithmetic stays with NumPy's own loops in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini._core import registry, trees
from autograd_mini._core.numbers import branch_on_traced, real, value_or_real
from autograd_mini._core.rows import ROWS, TABLE, Primitive
from autograd_mini._core.value import Value  # noqa: F401  (engines register when they are imported)

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

COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}
REDUCED = {np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.hypot}

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


def equivalent(ufunc: Any, operands: Sequence[Any]) -> Any:
    """The function of Values that a ufunc stands for, or None."""
    if ufunc in _OF_CONDITIONS and any(map(is_traced, operands)):
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
    if method == "reduce" and not isinstance(inputs[0], np.ndarray) and ufunc in REDUCED:
        return inputs[0]  # np.sum(v): a Value is one number
    if ufunc is np.matmul or method not in ("__call__", "outer"):
        return NotImplemented
    apply = equivalent(ufunc, inputs)
    if apply is None:
        twin = _TWINS.get(ufunc.__name__, "a function of autograd_mini")
        raise TypeError(f"np.{ufunc.__name__} has no derivative rule for a Value: use {twin}, "
                        "or v.data for the bare number")
    unknown = set(keywords) - {"out"}
    if unknown:
        if ufunc in COMPARISONS and any(map(is_traced, inputs)):
            raise branch_on_traced(f"np.{ufunc.__name__}")
        raise TypeError(f"np.{ufunc.__name__} on a Value does not take {', '.join(sorted(unknown))}=")
    arrays = [boxed(operand) for operand in inputs]
    if method == "outer":
        arrays[0] = arrays[0].reshape(arrays[0].shape + (1,) * arrays[1].ndim)
    with np.errstate(all="ignore"):  # as for single numbers, nan and inf come without a warning
        result = np.frompyfunc(apply, len(inputs), 1)(*arrays)
    if "out" in keywords:
        out, = keywords["out"]
        out[...] = result
        return out
    return result.astype(bool) if ufunc in _ASKED and isinstance(result, np.ndarray) else of_values(result)


def boxed(operand: Any) -> np.ndarray:
    """An operand as an object array; a Value is one element of it, whatever NumPy would guess."""
    if registry.is_value(operand):
        box = np.empty((), dtype=object)
        box[()] = operand
        return box
    array = np.asarray(trees.as_array(operand, "an operand"))
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


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that an `axis` argument of NumPy means, in order; AxisError for one that is not there."""
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for place in axes:
        if not -ndim <= place < ndim:
            raise np.exceptions.AxisError(place, ndim)
    if len({place % ndim for place in axes}) < len(axes):
        raise ValueError(f"axis={axis} names an axis twice")
    return tuple(place % ndim for place in axes)


def over_array(primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A row where an operand is an array: floats if all entries are numbers, else an object array."""
    boxes = [boxed(operand) for operand in operands]
    entries = [box[()] for box in boxes if not box.ndim]
    if len(entries) == len(boxes):  # no array after all
        return registry.apply(primitive, [value_or_real(o, "an operand") for o in entries])

    def apply(*numbers: Any) -> Any:
        return registry.apply(primitive, numbers)

    with np.errstate(all="ignore"):
        result = np.frompyfunc(apply, len(operands), 1)(*boxes)
    return result.view(registry.array_kind) if any(map(registry.is_value, result.flat)) else result.astype(float)


def is_traced(operand: Any) -> bool:
    return any(registry.is_value(entry) and entry.is_traced for entry in boxed(operand).flat)


def plain(operand: Any) -> Any:
    """An array as NumPy's own kind."""
    return operand.view(np.ndarray) if isinstance(operand, registry.array_kind) else operand


def of_values(result: Any) -> Any:
    """What NumPy returned; an array of objects as one of Values."""
    if isinstance(result, np.ndarray) and isinstance(result, registry.array_kind) != (result.dtype == object):
        return result.view(registry.array_kind if result.dtype == object else np.ndarray)
    return result


registry.array_ufunc = array_ufunc
registry.over_array = over_array
registry.ufunc_rows.update({getattr(np, row.numpy): row.index for row in ROWS
                            if row.numpy and (row.numpy not in _BY_OPERATOR or row.numpy in _THE_SAME)})
