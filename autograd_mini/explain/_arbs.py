"""What rows mean over `flint.arb` and its power series: the functions that the column `exact` names.

A row that is a method of both by its own name needs none of these. An undecided comparison is the ball [0, 1], and a
choice by it the union of both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    import flint
else:
    try:
        import flint
    except ImportError:
        flint = None

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What `exact` can name beside the methods of `flint.arb`."""

CHOICES: set[Callable[..., Any]] = set()
"""Functions that decide, and so take infinities and nan too; None asks the row's own value."""


def _meaning(function: Callable[..., Any]) -> Callable[..., Any]:
    FUNCTIONS[function.__name__] = function
    return function


def _choice(function: Callable[..., Any]) -> Callable[..., Any]:
    CHOICES.add(function)
    return _meaning(function)


def centre(number: Any) -> Any:
    """The number itself, of a power series the first term."""
    return number[0] if type(number) is flint.arb_series else number


def _is_nan(number: Any) -> bool:
    return type(number) is float and number != number


# Conditions and choices -----------------------------------------------------------------------------------------------


def _before(a: Any, b: Any) -> Optional[bool]:
    """Whether a < b; None where that is undecided."""
    a, b = centre(a), centre(b)
    if type(a) is float or type(b) is float:
        return bool((a if type(a) is float else 0.0) < (b if type(b) is float else 0.0))
    return True if a < b else False if a >= b else None


def _same(a: Any, b: Any) -> Optional[bool]:
    a, b = centre(a), centre(b)
    if type(a) is float or type(b) is float:
        return type(a) is type(b) and a == b
    return True if a.is_exact() and b.is_exact() and a == b else None if a.overlaps(b) else False


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


@_choice
def less(a: Any, b: Any) -> Any:
    return _truth(_before(a, b))


@_choice
def less_equal(a: Any, b: Any) -> Any:
    after = _before(b, a)
    return _truth(False if _is_nan(a) or _is_nan(b) else None if after is None else not after)


@_choice
def equal(a: Any, b: Any) -> Any:
    return _truth(_same(a, b))


@_choice
def where(condition: Any, a: Any, b: Any) -> Any:
    is_zero = _same(condition, flint.arb(0))
    return _either(None if is_zero is None else not is_zero, a, b)


@_choice
def maximum(a: Any, b: Any) -> Any:
    if _is_nan(a) or _is_nan(b):
        return math.nan
    return (a + b) / 2 if _same(a, b) and type(a) is not float else _either(_before(b, a), a, b)


@_choice
def minimum(a: Any, b: Any) -> Any:
    return neg(maximum(neg(a), neg(b)))


@_choice
def sign(a: Any) -> Any:
    zero = flint.arb(0)
    return a if _is_nan(a) else zero if _same(a, zero) else _either(_before(zero, a), flint.arb(1), flint.arb(-1))


@_choice
def absolute(a: Any) -> Any:
    return abs(a) if type(a) is float else sign(a) * a


@_choice
def relu(a: Any) -> Any:
    return a if _is_nan(a) else _either(_before(flint.arb(0), a), a, flint.arb(0))


@_choice
def neg(a: Any) -> Any:
    return -a


@_choice
def chain(cotangent: Any, slope: Any) -> Any:
    for factor in (cotangent, slope):
        if type(factor) is not float and _same(factor, flint.arb(0)):
            return flint.arb(0)
    return cotangent * slope if float not in (type(cotangent), type(slope)) else None


@_choice
def away(a: Any) -> Any:
    return a if type(a) is float or not _same(a, flint.arb(0)) else math.inf


@_choice
def defined(y: Any, p: Any) -> Any:
    return y if _is_nan(y) else p


@_choice
def stop_gradient(a: Any) -> Any:
    return centre(a)


# Arithmetic and functions ---------------------------------------------------------------------------------------------


@_meaning
def add(a: Any, b: Any) -> Any: return a + b

@_meaning
def sub(a: Any, b: Any) -> Any: return a - b

@_meaning
def mul(a: Any, b: Any) -> Any: return a * b

@_meaning
def div(a: Any, b: Any) -> Any: return a / b


@_meaning
def pow(a: Any, b: Any) -> Any:
    exponent = centre(b)
    if exponent.is_exact() and exponent.is_integer() and abs(exponent) < 2 ** 20 and _is_constant(b):
        whole = int(float(exponent))
        return a ** whole if whole >= 0 else 1 / a ** -whole
    return (a.log() * b).exp()


def _is_constant(number: Any) -> bool:
    return type(number) is not flint.arb_series or all(number[i] == 0 for i in range(1, number.length()))


@_meaning
def exp2(a: Any) -> Any: return (a * flint.arb(2).log()).exp()

@_meaning
def log2(a: Any) -> Any: return a.log() / flint.arb(2).log()

@_meaning
def log10(a: Any) -> Any: return a.log() / flint.arb(10).log()

@_meaning
def cbrt(a: Any) -> Any: return _either(_before(a, flint.arb(0)), -((-a).log() / 3).exp(), (a.log() / 3).exp())

@_meaning
def floor(a: Any) -> Any: return centre(a).floor()

@_meaning
def norm_cdf(a: Any) -> Any: return (-a / flint.arb(2).sqrt()).erfc() / 2

@_meaning
def norm_pdf(a: Any) -> Any: return (-a * a / 2).exp() / (2 * flint.arb.pi()).sqrt()


def _polygammas(n: int, a: Any) -> Any:
    """The derivative of that order of digamma: over a power series, its Taylor series."""
    point = centre(a)
    terms = [flint.acb(point).polygamma(n + k).real / math.factorial(k)
             for k in range(1 if a is point else flint.ctx.cap)]
    total = terms.pop()
    for term in reversed(terms):
        total = term + (a - point) * total
    return total


@_meaning
def lgamma(a: Any) -> Any: return a.lgamma() if centre(a) > 0 else absolute(a.gamma()).log()

@_meaning
def digamma(a: Any) -> Any: return _polygammas(0, a)

@_meaning
def trigamma(a: Any) -> Any: return _polygammas(1, a)


@_meaning
def polygamma(n: Any, a: Any) -> Any:
    return _polygammas(int(float(n)), a) if n.is_exact() and n.is_integer() and n >= 0 else None


@_choice
def xlogy(a: Any, b: Any) -> Any: return a * b.log() if _is_positive(b) and type(a) is not float else None

@_choice
def xlog1py(a: Any, b: Any) -> Any: return xlogy(a, 1 + b)

@_choice
def entr(a: Any) -> Any: return -a * a.log() if _is_positive(a) else None


def _is_positive(a: Any) -> bool:
    return type(a) is not float and bool(centre(a) > 0)


@_meaning
def exprel(a: Any) -> Any:
    if not _same(a, flint.arb(0)):
        return (a.exp() - 1) / a
    total = flint.arb(0)
    for k in range(flint.ctx.cap, 0, -1):
        total = (1 + a * total) / k
    return total


@_meaning
def erfcx_slope(a: Any) -> Any: return 2 * a * (a * a).exp() * a.erfc() - 2 / flint.arb.pi().sqrt()


@_meaning
def norm_ppf(a: Any) -> Any:
    first = -flint.arb(2).sqrt() * (2 * centre(a)).erfcinv()
    return _inverse(a, first, lambda y: (y * y / 2).exp() * (2 * flint.arb.pi()).sqrt())


@_meaning
def erfinv(a: Any) -> Any:
    return _inverse(a, centre(a).erfinv(), lambda y: (y * y).exp() * flint.arb.pi().sqrt() / 2)


def _inverse(a: Any, first: Any, slope: Callable[[Any], Any]) -> Any:
    """What starts there and has that derivative, a function of itself: every round finds one more term."""
    if type(a) is not flint.arb_series:
        return first
    whole = flint.arb_series([first])
    for _ in range(flint.ctx.cap):
        whole = first + _grown(slope(whole), a)
    return whole


# Methods of arb that arb_series does not have -------------------------------------------------------------------------


def _continued(name: str, series: Callable[..., Any]) -> None:
    """A method of arb, continued to power series: the first term is the method's own, so that it does not cancel."""
    def meaning(*operands: Any) -> Any:
        first = getattr(flint.arb, name)(*map(centre, operands))
        if flint.arb_series not in map(type, operands):
            return first
        whole = series(*[flint.arb_series([0]) + operand for operand in operands])
        return whole - whole[0] + first if first.is_finite() and not first.contains(whole[0]) else whole

    FUNCTIONS[name] = meaning


def _grown(slope: Any, a: Any) -> Any:
    """The power series, but for its first term, of a function whose derivative is known."""
    return (slope * a.derivative()).integral()


_continued("expm1", lambda a: a.exp() - 1)
_continued("log1p", lambda a: (1 + a).log())
_continued("cosh", lambda a: (a.exp() + (-a).exp()) / 2)
_continued("sinh", lambda a: (a.exp() - (-a).exp()) / 2)
_continued("tanh", lambda a: 1 - 2 / ((2 * a).exp() + 1))
_continued("asinh", lambda a: a[0].asinh() + _grown(1 / (a * a + 1).sqrt(), a))
_continued("acosh", lambda a: a[0].acosh() + _grown(1 / ((a - 1).sqrt() * (a + 1).sqrt()), a))
_continued("atanh", lambda a: a[0].atanh() + _grown(1 / (1 - a * a), a))
_continued("atan2", lambda a, b: flint.arb.atan2(a[0], b[0])
           + ((a.derivative() * b - a * b.derivative()) / (a * a + b * b)).integral())
_continued("sinc_pi", lambda a: (flint.arb.pi() * a).sin() / (flint.arb.pi() * a))
