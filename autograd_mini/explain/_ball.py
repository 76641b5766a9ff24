"""The arbiter: the table read in balls, numbers that carry a proven bound of their own error.

`Ball` is one more reading of the table, over python-flint's `arb` and `arb_series`. What a ball does not decide says so
and is never passed off as a number.

A comparison that a ball cannot decide is the ball [0, 1], and a choice by it the union of both sides. Where a function
leaves the reals, its row's own float value is asked at the ends of the operands, so ln(0) is minus infinity here too.
Local slopes are coefficients of power series and know no rule of the table, except at kinks and edges, where the rule
is the promise. flint's precision is one global of the process, so everything here holds one lock.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from autograd_mini._core.errors import MissingColumnError
from autograd_mini._core.extras import library
from autograd_mini.explain import _arbs
from autograd_mini.explain._arbs import centre as _centre, flint
from autograd_mini.primitives import Operators, Primitive

ENOUGH = 64
"""Correct bits that prove a number: more than a float can show."""

_BELOW_FLOATS = -1100
"""log2 of what is 0 to a float by a wide margin."""

_lock = threading.RLock()


def require_flint() -> None:
    """Raise ImportError, in one line that says what to install, where python-flint is missing."""
    if flint is None:
        library("flint", "exact arithmetic")


@contextlib.contextmanager
def precision(bits: int, terms: int = 2) -> Iterator[None]:
    """So many bits, and power series of so many terms, for what is computed inside; one thread at a time."""
    require_flint()
    with _lock:
        before = flint.ctx.prec, flint.ctx.cap
        flint.ctx.prec, flint.ctx.cap = bits, terms
        try:
            yield
        finally:
            flint.ctx.prec, flint.ctx.cap = before


class Ball(Operators):
    """A number with a proven error bound: an `arb`, an `arb_series`, or a float where it is proven to be nan or inf.

    >>> from autograd_mini.primitives import sigmoid
    >>> with precision(100):
    ...     print(sigmoid(Ball.of(-800.0)))
    3.66787e-348
    """

    __slots__ = ("number",)

    def __init__(self, number: Any) -> None:
        self.number = number

    @classmethod
    def of(cls, number: Any) -> Ball:
        """A float, int, Fraction, arb or Ball as a ball."""
        return number if type(number) is Ball else cls(number_of(number))

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Ball:
        numbers = [o.number if type(o) is Ball else number_of(o) for o in operands]
        return Ball(applied(primitive, numbers))

    @property
    def centre(self) -> Any:
        """The value itself, where this is a power series."""
        return _centre(self.number)

    def is_special(self) -> bool:
        """Whether this is proven to be nan or infinite."""
        return type(self.number) is float

    def is_proven(self, bits: float = ENOUGH) -> bool:
        """Whether so many bits are certain, or that a float cannot tell it from 0."""
        number = self.centre
        if type(number) is float:
            return True
        if not number.is_finite():
            return False
        return bool(number.is_exact() or number.rel_accuracy_bits() >= bits
                    or number.abs_upper() < flint.arb(2) ** _BELOW_FLOATS)

    def log2(self) -> float:
        """log2 of the size of its middle: -inf for 0."""
        if self.is_special():
            return math.inf if self.number == self.number else math.nan
        mantissa, exponent = self.centre.mid().man_exp()
        return math.log2(abs(int(mantissa))) + int(exponent) if mantissa else -math.inf

    def __float__(self) -> float:
        """The float next to its middle; beyond the range of floats, infinity."""
        number = self.centre
        return number if type(number) is float else float(number.mid()) if number.is_finite() else math.nan

    def __str__(self) -> str:
        number = self.centre
        if type(number) is float:
            return str(number)
        if not number.is_finite():
            return "undecided"
        if number.is_exact() or number.rel_accuracy_bits() >= 24:
            return _decimal(number.mid())
        return "0" if self.is_proven() else f"undecided, below {_decimal(number.abs_upper())}"

    __repr__ = __str__


def _decimal(number: Any) -> str:
    """Six significant digits, as Python writes them."""
    text = str(number.str(6, radius=False))
    size = abs(float(number))
    return f"{float(number):.6g}" if 1e-300 < size < 1e300 else "0" if number.is_zero() else text


def number_of(number: Any) -> Any:
    if type(number) is float or (hasattr(number, "__float__") and not isinstance(number, (int, Fraction, flint.arb))):
        number = float(number)
        return flint.arb(number) if math.isfinite(number) else number
    if isinstance(number, Fraction):
        return flint.arb(number.numerator) / number.denominator
    return flint.arb(number) if isinstance(number, int) else number


def _is_finite(number: Any) -> bool:
    return type(number) is not float and bool(_centre(number).is_finite())


def _reading(primitive: Primitive, in_series: bool) -> Callable[..., Any]:
    """What a row means over numbers of flint."""
    told = primitive.exact
    if told is not None and not isinstance(told, str):
        return _told(primitive)
    if told is not None:
        if not hasattr(flint.arb, told) and told not in _arbs.FUNCTIONS:
            raise MissingColumnError(f"column 'exact' of primitive {primitive.name!r} is {told!r}, "
                                     "which is no method of flint.arb")
        kind = flint.arb_series if in_series else flint.arb
        return _arbs.FUNCTIONS.get(told) or getattr(kind, told, None) or _told(primitive)
    formula = primitive.formula
    if formula is None:
        raise MissingColumnError(
            f"primitive {primitive.name!r} has neither a column 'exact' nor a 'formula', one of which exact arithmetic "
            f"needs: give primitive({primitive.name!r}, ...) exact=, a method of flint.arb or a function of arbs")
    return lambda *operands: _plain(formula(*map(Ball, operands)))


def _told(primitive: Primitive) -> Callable[..., Any]:
    """A user's function of arbs, continued to a power series by the row's rules."""
    told: Any = getattr(flint.arb, primitive.exact) if isinstance(primitive.exact, str) else primitive.exact

    def value(*operands: Any) -> Any:
        centres = [_centre(operand) for operand in operands]
        result = _plain(told(*centres))
        if all(type(operand) is flint.arb for operand in operands) or not _is_finite(result):
            return result
        total = flint.arb_series([result])
        for operand, rule in zip(operands, primitive.partials):
            if rule is not None and type(operand) is flint.arb_series:
                slope = _plain(rule(Ball(result), *map(Ball, centres)))
                total += (operand - operand[0]) * (slope if type(slope) is flint.arb else flint.arb.nan())
        kept = [total[0], total[1], *[flint.arb.nan()] * (flint.ctx.cap - 2)]
        return flint.arb_series(kept)

    return value


def _plain(result: Any) -> Any:
    return result.number if type(result) is Ball else number_of(result)


def applied(primitive: Primitive, numbers: Sequence[Any]) -> Any:
    """A row of numbers, each an arb, a power series, or a special float."""
    numbers = [_centre(n) if rule is None else n for n, rule in zip(numbers, primitive.partials)]
    in_series, result = flint.arb_series in map(type, numbers), None
    reading = _reading(primitive, in_series)
    if float not in map(type, numbers) or reading in _arbs.CHOICES:
        try:
            result = reading(*numbers)
        except (ZeroDivisionError, ValueError):
            result = flint.arb.nan()
    if result is not None and (type(result) is float or _is_finite(result)):
        return result
    value = _by_the_row(primitive, [_centre(n) for n in numbers])
    if in_series and type(value) is flint.arb:
        return flint.arb_series([value, *[flint.arb.nan()] * (flint.ctx.cap - 1)])
    return value


def _by_the_row(primitive: Primitive, numbers: Sequence[Any]) -> Any:
    """Where balls have no answer: the row's own float value at both ends of every operand, if it is always the same."""
    if any(type(n) is not float and not n.is_finite() for n in numbers):
        return flint.arb.nan()
    answers = {repr(float(primitive.value(*ends))) for ends in itertools.product(*map(_ends, numbers))}
    answer = float(answers.pop()) if len(answers) == 1 else 0.5
    if not math.isfinite(answer):
        return answer
    return flint.arb(answer) if answer == int(answer) else flint.arb.nan()


def _ends(number: Any) -> set[float]:
    if type(number) is float:
        return {number}
    return {_inside(number.lower()), _inside(number.upper())}


def _inside(end: Any) -> float:
    """A float on the same side of 0, and no infinity."""
    size = float(end)
    if size == 0:
        return 0.0 if end.is_zero() else 5e-324 if end > 0 else -5e-324
    return math.copysign(min(abs(size), 1.7976931348623157e308), size)


def local(primitive: Primitive, position: int, result: Ball, operands: Sequence[Ball]) -> Ball:
    """The derivative of a row by one operand: a coefficient of its power series, or the rule at kinks and edges."""
    rule: Any = primitive.partials[position]
    if rule is None:
        return Ball(flint.arb(0))
    numbers = [_centre(operand.number) for operand in operands]
    if all(map(_is_finite, numbers)):
        moved: list[Any] = list(numbers)
        moved[position] = flint.arb_series([numbers[position], 1], 2)
        series = applied(primitive, moved)
        if type(series) is flint.arb_series and series[1].is_finite():
            return Ball(series[1])
        if type(series) is flint.arb and series.is_finite():
            return Ball(flint.arb(0))
        if not all(n.is_exact() for n in numbers) and not result.is_special():
            return Ball(flint.arb.nan())
    return Ball.of(rule(result, *operands))


def ordinal(number: float) -> int:
    """The floats counted upward from 0."""
    bits: int = struct.unpack("<q", struct.pack("<d", abs(number)))[0]
    return -bits if number < 0 else bits


def agree(one: Ball, other: Ball) -> bool:
    """Whether two balls can be the same number."""
    if one.is_special() or other.is_special():
        a, b = float(one), float(other)
        return one.is_special() and other.is_special() and (a == b or (a != a and b != b))
    return bool(one.centre.overlaps(other.centre))


def relative_error(found: float, true: Ball) -> float:
    """log2 of the relative error of a float: -inf where it is exact, inf where nothing of the truth is left."""
    if true.is_special() or not math.isfinite(found):
        return -math.inf if agree(Ball.of(found), true) else math.inf
    with precision(int(true.centre.bits()) + 128):
        off = Ball(abs(flint.arb(found) - true.centre.mid()))
    return off.log2() - true.log2() if not off.number.is_zero() else -math.inf
