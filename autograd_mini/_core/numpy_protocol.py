"""How Values and NumPy arrays meet.

An array of Values is an object array, and NumPy applies functions to it element by element, by the methods of Value.
What reaches this module is the other case: a NumPy function called on a Value itself, or a bare array beside one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini._core import registry
from autograd_mini._core.numbers import branch_on_traced, real
from autograd_mini._core.rows import ROWS, TABLE, Primitive
from autograd_mini._core.value import Value  # noqa: F401  (engines register when they are imported)

_OPERATORS: dict[Any, Callable[..., Any]] = {
    np.greater: lambda a, b: a > b, np.greater_equal: lambda a, b: a >= b, np.not_equal: lambda a, b: a != b,
    np.less: lambda a, b: a < b, np.less_equal: lambda a, b: a <= b, np.equal: lambda a, b: a == b,
    np.add: lambda a, b: a + b, np.subtract: lambda a, b: a - b, np.multiply: lambda a, b: a * b,
    np.divide: lambda a, b: a / b, np.power: lambda a, b: a ** b, np.negative: lambda a: -a, np.positive: lambda a: +a,
    np.absolute: abs, np.fabs: abs, np.float_power: lambda a, b: a ** b,
    np.deg2rad: lambda a: a * (np.pi / 180), np.rad2deg: lambda a: a * (180 / np.pi),
    np.radians: lambda a: a * (np.pi / 180), np.degrees: lambda a: a * (180 / np.pi),
    **{ask: lambda a, ask=ask: _decided(ask, a) for ask in (np.isnan, np.isinf, np.isfinite, np.signbit)},
}


_BY_OPERATOR = {ufunc.__name__ for ufunc in _OPERATORS}
_THE_SAME = {"add", "subtract", "multiply", "divide", "power", "negative", "absolute"}
"""Operators that do what the row of their ufunc does, for all operands."""


def _decided(ask: Any, value: Any) -> bool:
    if value.is_traced:
        raise branch_on_traced(f"np.{ask.__name__}")
    return bool(ask(value.data))


def _equivalent(ufunc: Any, operands: Sequence[Any]) -> Any:
    """The function of Values that a ufunc stands for, or None."""
    if ufunc in _OPERATORS:
        return _OPERATORS[ufunc]
    for row in TABLE.values():
        if row.numpy == ufunc.__name__:
            return registry.engine_of(operands).functions[row.name]
    return None


def array_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """NumPy's operation over Values and arrays: an object array of Values, or a Value where nothing is an array."""
    if method == "reduce" and ufunc in (np.add, np.multiply, np.maximum, np.minimum):
        return inputs[0]  # np.sum(v): a Value is one number
    if ufunc is np.matmul or method not in ("__call__", "outer"):
        return NotImplemented
    apply = _equivalent(ufunc, inputs)
    if apply is None:
        raise TypeError(f"np.{ufunc.__name__} has no derivative rule for a Value: use a function of autograd_mini, "
                        "or v.data for the bare number")
    unknown = set(keywords) - {"out"}
    if unknown:
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
    return result


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


def over_array(primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A row where an operand is an array: floats if all entries are numbers, else an object array."""
    boxes = [_boxed(operand) for operand in operands]
    entries = [box[()] for box in boxes if not box.ndim]
    if len(entries) == len(boxes):  # no array after all
        return registry.apply(primitive, [o if registry.is_value(o) else real(o, "an operand") for o in entries])

    def apply(*numbers: Any) -> Any:
        return registry.apply(primitive, numbers)

    with np.errstate(all="ignore"):
        result = np.frompyfunc(apply, len(operands), 1)(*boxes)
    return result if any(map(registry.is_value, result.flat)) else result.astype(float)


registry.array_ufunc = array_ufunc
registry.over_array = over_array
registry.ufunc_rows.update({getattr(np, row.numpy): row.index for row in ROWS
                            if row.numpy and (row.numpy not in _BY_OPERATOR or row.numpy in _THE_SAME)})
