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
from typing import TYPE_CHECKING, Any, Optional

from autograd_mini._core.errors import MissingColumnError
from autograd_mini.primitives import Operators, Primitive

if TYPE_CHECKING:
    import flint
else:
    try:
        import flint
    except ImportError:
        flint = None

ENOUGH = 64
"""Correct bits that prove a number: more than a float can show."""

_BELOW_FLOATS = -1100
"""log2 of what is 0 to a float by a wide margin."""

_lock = threading.RLock()


def require_flint() -> None:
    """Raise ImportError, in one line that says what to install, where python-flint is missing."""
    if flint is None:
        raise ImportError("exact arithmetic needs python-flint: pip install 'autograd_mini[symbolic]'")


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
    if hasattr(number, "_mpf_") and number - number == 0:
        sign, mantissa, exponent, _ = number._mpf_
        return flint.arb(-int(mantissa) if sign else int(mantissa)) * flint.arb(2) ** int(exponent)
    if type(number) is float or (hasattr(number, "__float__") and not isinstance(number, (int, Fraction, flint.arb))):
        number = float(number)
        return flint.arb(number) if math.isfinite(number) else number
    if isinstance(number, Fraction):
        return flint.arb(number.numerator) / number.denominator
    return flint.arb(number) if isinstance(number, int) else number


def _centre(number: Any) -> Any:
    return number[0] if type(number) is flint.arb_series else number


def _is_finite(number: Any) -> bool:
    return type(number) is not float and bool(_centre(number).is_finite())


# What the rows mean over balls and power series -----------------------------------------------------------------------


def _less(a: Any, b: Any) -> Optional[bool]:
    """Whether a < b; None where that is undecided."""
    a, b = _centre(a), _centre(b)
    if type(a) is float or type(b) is float:
        return bool((a if type(a) is float else 0.0) < (b if type(b) is float else 0.0))
    return True if a < b else False if a >= b else None


def _equal(a: Any, b: Any) -> Optional[bool]:
    a, b = _centre(a), _centre(b)
    if type(a) is float or type(b) is float:
        return type(a) is type(b) and a == b
    return True if a.is_exact() and b.is_exact() and a == b else None if a.overlaps(b) else False


def _less_equal(a: Any, b: Any) -> Optional[bool]:
    if any(type(n) is float and n != n for n in (a, b)):
        return False
    above = _less(b, a)
    return None if above is None else not above


def _truth(decided: Optional[bool]) -> Any:
    return flint.arb(0.5, 0.5) if decided is None else flint.arb(int(decided))


def _either(decided: Optional[bool], a: Any, b: Any) -> Any:
    """a or b, or the union of both."""
    if decided is not None:
        return a if decided else b
    if type(a) is float or type(b) is float:
        return a if type(a) is type(b) and (a == b or (a != a and b != b)) else flint.arb.nan()
    if flint.arb_series in (type(a), type(b)):
        a, b = flint.arb_series([0]) + a, flint.arb_series([0]) + b
        return flint.arb_series([a[i].union(b[i]) for i in range(flint.ctx.cap)])
    return a.union(b)


def _where(condition: Any, a: Any, b: Any) -> Any:
    zero = _equal(condition, flint.arb(0))
    return _either(None if zero is None else not zero, a, b)


def _maximum(a: Any, b: Any) -> Any:
    if any(type(n) is float and n != n for n in (a, b)):
        return math.nan
    return (a + b) / 2 if _equal(a, b) and type(a) is not float else _either(_less(b, a), a, b)


def _minimum(a: Any, b: Any) -> Any:
    return _negated(_maximum(_negated(a), _negated(b)))


def _negated(a: Any) -> Any:
    return -a


def _sign(a: Any) -> Any:
    zero = flint.arb(0)
    return a if type(a) is float and a != a else \
        flint.arb(0) if _equal(a, zero) else _either(_less(zero, a), flint.arb(1), flint.arb(-1))


def _absolute(a: Any) -> Any:
    return abs(a) if type(a) is float else _sign(a) * a


def _relu(a: Any) -> Any:
    return a if type(a) is float and a != a else _either(_less(flint.arb(0), a), a, flint.arb(0))


def _chain(cotangent: Any, slope: Any) -> Any:
    for factor in (cotangent, slope):
        if type(factor) is not float and _equal(factor, flint.arb(0)):
            return flint.arb(0)
    return cotangent * slope if float not in (type(cotangent), type(slope)) else None


def _away(a: Any) -> Any:
    return a if type(a) is float or not _equal(a, flint.arb(0)) else math.inf


def _power(a: Any, b: Any) -> Any:
    exponent = _centre(b)
    if exponent.is_exact() and exponent.is_integer() and abs(exponent) < 2 ** 20 and _is_constant(b):
        whole = int(float(exponent))
        return a ** whole if whole >= 0 else 1 / a ** -whole
    return (a.log() * b).exp()


def _is_constant(number: Any) -> bool:
    return type(number) is not flint.arb_series or all(number[i] == 0 for i in range(1, number.length()))


def _cbrt(a: Any) -> Any:
    negative = _less(a, flint.arb(0))
    return _either(negative, -((-a).log() / 3).exp(), (a.log() / 3).exp())


def _grown(start: Any, slope: Callable[[Any], Any], a: Any) -> Any:
    """The power series with that first term whose derivative by the operand is known."""
    return start + (slope(a) * a.derivative()).integral()


def _log2_of(a: Any) -> Any:
    return a.log() / flint.arb(2).log()


def _atan2(a: Any, b: Any) -> Any:
    return flint.arb.atan2(a, b)


_CHOICES: dict[str, Callable[..., Any]] = {
    "where": _where, "maximum": _maximum, "minimum": _minimum, "relu": _relu, "sign": _sign, "abs": _absolute,
    "less": lambda a, b: _truth(_less(a, b)), "less_equal": lambda a, b: _truth(_less_equal(a, b)),
    "equal": lambda a, b: _truth(_equal(a, b)), "chain": _chain, "away": _away, "neg": _negated,
    "defined": lambda y, p: y if type(y) is float and y != y else p, "stop_gradient": _centre}
"""Rows that decide, and so take infinities and nan too; None asks the row's own value."""

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "pow": _power, "ln": lambda a: a.log(), "exp2": lambda a: (a * flint.arb(2).log()).exp(), "square": lambda a: a * a,
    "log2": _log2_of, "log10": lambda a: a.log() / flint.arb(10).log(), "cbrt": _cbrt,
    "norm_cdf": lambda a: (-a / flint.arb(2).sqrt()).erfc() / 2,
    "norm_pdf": lambda a: (-a * a / 2).exp() / (2 * flint.arb.pi()).sqrt(), "floor": lambda a: _centre(a).floor(),
    "hypot": lambda a, b: (a * a + b * b).sqrt(), "atan2": _atan2}
"""Other rows that are no method of `arb` by their own name."""

_SERIES: dict[str, Callable[..., Any]] = {
    "expm1": lambda a: a.exp() - 1, "log1p": lambda a: (1 + a).log(), "cosh": lambda a: (a.exp() + (-a).exp()) / 2,
    "sinh": lambda a: (a.exp() - (-a).exp()) / 2, "tanh": lambda a: 1 - 2 / ((2 * a).exp() + 1),
    "asinh": lambda a: _grown(a[0].asinh(), lambda a: 1 / (a * a + 1).sqrt(), a),
    "acosh": lambda a: _grown(a[0].acosh(), lambda a: 1 / ((a - 1).sqrt() * (a + 1).sqrt()), a),
    "atanh": lambda a: _grown(a[0].atanh(), lambda a: 1 / (1 - a * a), a),
    "atan2": lambda a, b: _angle(a + flint.arb_series([0]), b + flint.arb_series([0]))}
"""Rows that are a method of `arb` but not of `arb_series`."""


def _angle(a: Any, b: Any) -> Any:
    turn = (a.derivative() * b - a * b.derivative()) / (a * a + b * b)
    return _atan2(a[0], b[0]) + turn.integral()


def _reading(primitive: Primitive, in_series: bool) -> Callable[..., Any]:
    """What a row means over numbers of flint."""
    name = primitive.name if primitive.index >= 0 else ""
    told = primitive.exact
    if told is not None and not isinstance(told, str):
        return _told(primitive)
    if not told:
        if in_series and name in _SERIES:
            return _SERIES[name]
        if name in _FUNCTIONS:
            return _FUNCTIONS[name]
    method = getattr(flint.arb_series if in_series else flint.arb, told or name or "-", None)
    if method is not None:
        return method
    if told:
        if not hasattr(flint.arb, told):
            raise MissingColumnError(f"column 'exact' of primitive {primitive.name!r} is {told!r}, "
                                     "which is no method of flint.arb")
        return _told(primitive)
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
    numbers = [_centre(n) if rule is None and primitive.name != "defined" else n
               for n, rule in zip(numbers, primitive.partials)]
    choice = _CHOICES.get(primitive.name) if primitive.index >= 0 else None
    result = choice(*numbers) if choice is not None else None
    if result is None and float not in map(type, numbers):
        in_series = flint.arb_series in map(type, numbers)
        reading = _reading(primitive, in_series)
        try:
            result = reading(*numbers)
        except (ZeroDivisionError, ValueError):
            result = flint.arb.nan()
        if in_series and _is_finite(result) and primitive.exact is None and hasattr(flint.arb, primitive.name):
            result = _precise(primitive, numbers, result)
    if result is not None and (type(result) is float or _is_finite(result)):
        return result
    value = _by_the_row(primitive, [_centre(n) for n in numbers])
    if flint.arb_series in map(type, numbers) and type(value) is flint.arb:
        return flint.arb_series([value, *[flint.arb.nan()] * (flint.ctx.cap - 1)])
    return value


def _precise(primitive: Primitive, numbers: Sequence[Any], series: Any) -> Any:
    """The series with a first term that did not cancel."""
    if type(series) is not flint.arb_series or primitive.name not in _SERIES:
        return series
    first = _reading(primitive, False)(*[_centre(n) for n in numbers])
    return series - series[0] + first if first.is_finite() and not first.contains(series[0]) else series


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


def wrong_bits(found: float, true: Ball) -> Optional[float]:
    """log2 of how many floats lie between a float and the one next to the truth, 0 to 64; None where undecided.

    This is the measure of FPBench and Herbie: 0 is as good as a float can be, 64 is nothing right.

    >>> wrong_bits(1.0, Ball.of(1.0)), wrong_bits(math.nan, Ball.of(1.0))
    (0.0, 64.0)
    """
    if not true.is_proven():
        return None
    best = float(true)
    if found != found or best != best:
        return 0.0 if found != found and best != best else 64.0
    return math.log2(1 + abs(_ordinal(found) - _ordinal(best)))


def _ordinal(number: float) -> int:
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
