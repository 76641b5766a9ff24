"""The table read as JavaScript: a row's C text is nearly that already, and one statement an operation never nests."""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from autograd_mini._core.errors import MissingColumnError
from autograd_mini._core.rows import Operators, Primitive, Rule

_FROM_C = (("(double)", "+"), ("fabs(", "abs("), ("pow(", "power("), ("INFINITY", "Infinity"), ("NAN", "NaN"))
FUNCTIONS = frozenset({
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp",
    "exp2", "expm1", "floor", "hypot", "log", "log10", "log1p", "log2", "power", "sin", "sinh", "sqrt", "tan", "tanh"})
"""What web/functions.js brings: the functions of the C library that the rows call."""


def literal(number: float) -> str:
    """A number that JavaScript reads back to the same bits."""
    if math.isnan(number):
        return "NaN"
    digits = "Infinity" if math.isinf(number) else repr(abs(number))
    return f"(-{digits})" if math.copysign(1.0, number) < 0 else digits


def expression(primitive: Primitive, operands: Sequence[str]) -> str:
    """An operation of a row that has JavaScript or C.

    Raises MissingColumnError where it has neither, or calls what JavaScript has not.
    """
    found = (primitive.js or primitive.require("c", "JavaScript")).format(*operands)
    for c, javascript in _FROM_C:
        found = found.replace(c, javascript)
    unknown = set(re.findall(r"([A-Za-z_]\w*)\(", found)) - FUNCTIONS
    if unknown:
        raise MissingColumnError(f"column 'c' of primitive {primitive.name!r} calls {min(unknown)}, "
                                 "which JavaScript does not have")
    return found


class _Number(Operators):
    """A name or literal among JavaScript statements, which grow with each operation."""

    __slots__ = ("statements", "text")

    def __init__(self, statements: dict[str, str], text: str) -> None:
        self.statements, self.text = statements, text

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> _Number:
        numbers = [o if isinstance(o, _Number) else _Number(self.statements, literal(float(o))) for o in operands]
        if primitive.expansion is not None and primitive.c is None:
            return primitive.expansion(*numbers)
        code = expression(primitive, [number.text for number in numbers])
        name = self.statements.setdefault(code, f"t{len(self.statements)}")
        return _Number(self.statements, name)


def function(rule: Rule, parameters: Sequence[str]) -> str:
    """A JavaScript function of a rule of the table, a value or a partial.

    >>> from autograd_mini.primitives import TABLE
    >>> function(TABLE["atan2"], ["a", "b"]), function(TABLE["sqrt"].partials[0], ["y", "a"])
    ('(a, b) => atan2(a, b)', '(y, a) => { const t0 = y + 0.0; return 0.5 / t0; }')

    Raises MissingColumnError where a row has no C, or one that calls what JavaScript has not.
    """
    statements: dict[str, str] = {}
    outcome = rule(*[_Number(statements, name) for name in parameters])
    result = outcome.text if isinstance(outcome, _Number) else literal(float(outcome))
    head = f"({', '.join(parameters)}) => "
    lines = [(name, code) for code, name in statements.items()]
    if lines and lines[-1][0] == result:
        result = lines.pop()[1]
    if not lines:
        return head + result
    return head + "{ " + "".join(f"const {name} = {code}; " for name, code in lines) + f"return {result}; }}"


def row(primitive: Primitive) -> tuple[str, list[str]]:
    """The JavaScript functions of a row: its value by its operands, its partials by its result and its operands."""
    letters = [f"a{i}" for i in range(len(primitive.partials))] if len(primitive.partials) > 3 else list("abc")
    operands = letters[:len(primitive.partials)]
    partials = [function(rule or (lambda *_: 0.0), ["y", *operands]) for rule in primitive.partials]
    return function(primitive, operands), partials


def library() -> str:
    """The functions that the rows call, as a text that stands before theirs."""
    return pathlib.Path(__file__).with_name("web").joinpath("functions.js").read_text(encoding="utf-8").rstrip()
