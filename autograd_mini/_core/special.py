"""The table's second page: steps, remainders and special functions, written in the rows of the first.

Nearly all are composite: their `expansion` says them in basic rows, so that every executor has them from one text.
Where a derivative written down plainly would lose its digits, near 0 or far out, it is a series there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autograd_mini.primitives import (
    ATOM,
    LN2,
    ONE_OVER_SQRT_2PI,
    PRODUCT,
    SUM,
    _c,
    _gaussian,
    abs,
    away,
    defined,
    equal,
    exp,
    expm1,
    floor,
    less,
    ln,
    log1p,
    maximum,
    minimum,
    number,
    primitive,
    sign,
    sin,
    sqrt,
    where,
)


def _polynomial(a: Any, coefficients: Sequence[float]) -> Any:
    """Horner's scheme; the constant comes first."""
    result: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = coefficient + a * result
    return result


# Steps and remainders -------------------------------------------------------------------------------------------------


def _to_even(a: Any) -> Any:
    """The nearest integer to a >= 0; of two that are equally near, the even one."""
    below = floor(a)
    is_odd = below - 2 * floor(below / 2)
    return below + where(equal(a - below, 0.5), is_odd, where(less(a - below, 0.5), 0.0, 1.0))


def _nearest_ball(a: Any) -> Any:
    """The same of exact numbers."""
    above, below = (a + 0.5).floor(), (a - 0.5).ceil()
    return above - (above - below) * (above - 2 * (above / 2).floor())


ceil = primitive("ceil", None, (lambda y, a: defined(y, 0.0),), expansion=lambda a: -floor(-a), numpy="ceil",
                 formula=lambda a: -floor(-a), latex=r"\left\lceil {0} \right\rceil", at=(-0.7, 20.5), course=("0",),
                 edge=lambda y, a: a - y, jump=1)
trunc = primitive("trunc", None, (lambda y, a: defined(y, 0.0),), numpy="trunc", at=(-0.7, 20.5), course=("0",),
                  expansion=lambda a: where(less(a, 0), -floor(-a), floor(a)),
                  formula=lambda a: sign(a) * floor(abs(a)), edge=lambda y, a: a - y, jump=1)
round = primitive("round", None, (lambda y, a: defined(y, 0.0),), numpy="rint", at=(-0.7, 2.5, 20.5), course=("0",),
                  expansion=lambda a: where(less(a, 0), -_to_even(-a), _to_even(a)),
                  exact=_nearest_ball, edge=lambda y, a: abs(a - y) - 0.5, jump=1)
fmod = primitive("fmod", _c("fmod", 2), (lambda y, a, b: defined(y, 1.0),
                                         lambda y, a, b: -round((a - y) / b)),
                 c="fmod({0}, {1})", js="{0} % {1}", numpy="fmod", domain="b != 0", at=((7.3, -2.0), (-7.3, 2.0)),
                 formula=lambda a, b: a - b * trunc(a / b), course=("1", "-trunc(a/b)"),
                 edge=lambda y, a, b: y, jump=lambda y, a, b: b)
mod = primitive("mod", None, (lambda y, a, b: defined(y, 1.0),
                              lambda y, a, b: -round((a - y) / b)),
                expansion=lambda a, b: fmod(a, b) + where(equal(fmod(a, b), 0), 0.0,
                                                          where(equal(less(fmod(a, b), 0), less(b, 0)), 0.0, b)),
                formula=lambda a, b: a - b * floor(a / b), text="{0:2} % {1:3}", binds=PRODUCT,
                latex=r"{0:2} \; \mathrm{{mod}} \; {1:3}", numpy="remainder", domain="b != 0",
                at=((7.3, -2.0), (-7.3, 2.0)), course=("1", "-floor(a/b)"),
                edge=lambda y, a, b: y, jump=lambda y, a, b: b)
floordiv = primitive("floordiv", None, (lambda y, a, b: defined(y, 0.0),
                                        lambda y, a, b: defined(y, 0.0)),
                     expansion=lambda a, b: where(equal(b, 0), a / b, round((a - mod(a, b)) / b)),
                     formula=lambda a, b: floor(a / b), numpy="floor_divide",
                     latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor", domain="b != 0",
                     at=((7.3, -2.0), (-7.3, 2.0)), course=("0", "0"), edge=lambda y, a, b: a - y * b, jump=1)
clip = primitive("clip", None,
                 (lambda y, a, b, c: defined(y, _share(a, b) * _share(c, maximum(a, b)) * (1 - _pinned(a, b, c))),
                  lambda y, a, b, c: defined(y, _share(b, a) * _share(c, maximum(a, b)) * (1 - _pinned(a, b, c))),
                  lambda y, a, b, c: defined(y, _share(maximum(a, b), c))),
                 expansion=lambda a, b, c: minimum(maximum(a, b), c),
                 formula=lambda a, b, c: minimum(maximum(a, b), c), at=((0.3, -1.0, 2.0), (3.0, -1.0, 2.0)),
                 latex=r"\operatorname{{clip}}\left({0}, {1}, {2}\right)",
                 course=("less(b, a)*less(a, c)", "less(a, b)*less(b, c)", "less(c, maximum(a, b))"),
                 edge=lambda y, a, b, c: (a - b) * (a - c))


def _share(a: Any, b: Any) -> Any:
    """The derivative of max(a, b) by a."""
    return (1 + less(b, a) - less(a, b)) / 2


def _pinned(a: Any, b: Any, c: Any) -> Any:
    """Whether a number is where both its bounds are: moving it, or the lower one, changes nothing."""
    return equal(a, b) * equal(b, c)


# Products that are 0 where a factor is 0, and logarithms near 0 -------------------------------------------------------

xlogy = primitive("xlogy", None, (lambda y, a, b: defined(y, ln(b)),
                                  lambda y, a, b: where(equal(a, 0), defined(b, 0.0), defined(y, a / b))),
                  expansion=lambda a, b: where(equal(a, 0), defined(b, 0.0), a * ln(b)), domain="b > 0, or a = 0",
                  latex=r"{0:2} \ln\left({1}\right)", formula=lambda a, b: a * ln(b), binds=(ATOM, PRODUCT),
                  at=((0.3, 2.0), (-2.0, 0.7)), course=("ln(b)", "a/b"))
xlog1py = primitive("xlog1py", None, (lambda y, a, b: defined(y, log1p(b)),
                                      lambda y, a, b: where(equal(a, 0), defined(b, 0.0), defined(y, a / (1 + b)))),
                    expansion=lambda a, b: where(equal(a, 0), defined(b, 0.0), a * log1p(b)),
                    domain="b > -1, or a = 0", latex=r"{0:2} \ln\left(1 + {1:1}\right)",
                    formula=lambda a, b: a * ln(1 + b), binds=(ATOM, PRODUCT), at=((0.3, 2.0), (-2.0, -0.7)),
                    course=("ln(1 + b)", "a/(1 + b)"))
entr = primitive("entr", None, (lambda y, a: -1 - ln(a),), latex=r"-{0:2} \ln\left({0}\right)", binds=(ATOM, SUM),
                 expansion=lambda a: where(less(0, a), -a * ln(a), where(less(a, 0), -math.inf, defined(a, 0.0))),
                 formula=lambda a: -a * ln(a), domain="a >= 0", at=(0.7, 20.0), course=("-ln(a) - 1",),
                 ulps=(3, lambda a: 4 + math.fabs(1 / (1 + math.log(a)))))  # 1 + ln a has no digits near its zero, 1/e
log1mexp = primitive("log1mexp", None, (lambda y, a: defined(y, exp(a) / expm1(a)),), domain="a < 0",
                     expansion=lambda a: where(less(-LN2, a), ln(-expm1(a)), log1p(-exp(a))),
                     formula=lambda a: ln(1 - exp(a)), latex=r"\ln\left(1 - e^{{{0}}}\right)", at=(-1e-3, -0.7, -20.0),
                     course=("-exp(a)/(1 - exp(a))",))

# (e^a - 1) / a and sin(pi a) / (pi a) ---------------------------------------------------------------------------------

# what Taylor's series say of the derivatives near 0
_EXPREL_SLOPE = [1 / (math.factorial(k) * (k + 2)) for k in range(22)]
_SINC_SLOPE = [(-1) ** k * 2 * k * math.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(1, 13)]

exprel = primitive("exprel", None, (lambda y, a: where(less(abs(a), 1.5), _polynomial(a, _EXPREL_SLOPE),
                                                       where(less(a, 0), (exp(a) - y) / away(a),
                                                             y * (1 - 1 / away(a)) + 1 / away(a))),),
                   expansion=lambda a: where(equal(a, 0), 1.0, where(less(a, 700), expm1(a) / away(a),
                                                                     exp(a / 2) / minimum(a, 800.0) * exp(a / 2))),
                   formula=lambda a: (exp(a) - 1) / a, latex=r"\frac{{e^{{{0}}} - 1}}{{{0}}}", binds=(ATOM, PRODUCT),
                   at=(-0.7, 1e-3, 20.0), ulps=(3, 4), course=("(exp(a) - y)/a",))


def _sin_pi(a: Any) -> Any:
    """sin(pi a) for a >= 0: what is left beside an integer is exact."""
    rest = a - 2 * floor(a / 2)
    return sin(math.pi * where(less(1.5, rest), rest - 2, where(less(0.5, rest), 1 - rest, rest)))


def _cos_pi(a: Any) -> Any:
    rest = a - 2 * floor(a / 2)
    return sin(math.pi * (0.5 - where(less(1, rest), 2 - rest, rest)))


def _sinc_ulps(a: float) -> float:
    """cos(pi a) - sinc(a) has no digits near its zeros."""
    slope = math.fabs(number(_cos_pi, math.fabs(a)) - sinc.number(a))
    return 4 + 2 / slope if slope else math.inf


sinc = primitive("sinc", None, (lambda y, a: where(less(abs(a), 0.5), a * _polynomial(a * a, _SINC_SLOPE),
                                                   (_cos_pi(abs(a)) - y) / away(a)),),
                 expansion=lambda a: where(equal(a, 0), 1.0, _sin_pi(abs(a)) / (math.pi * away(abs(a)))),
                 formula=lambda a: sin(math.pi * a) / (math.pi * a), at=(-0.7, 1e-3, 1.25),
                 latex=r"\operatorname{{sinc}}\left({0}\right)", exact="sinc_pi",
                 ulps=(4, _sinc_ulps), course=("(cos(pi*a) - y)/a",))

# The tails of the normal distribution ---------------------------------------------------------------------------------


def _norm_pdf_ulps(a: float) -> float:
    """The slope -a y has the digits of y, few where that is subnormal."""
    return 5 if math.fabs(a) < 37 else 5 + math.fabs(a)


norm_pdf = primitive("norm_pdf", None, (lambda y, a: -a * y,), course=("-a*y",),
                     expansion=lambda a: ONE_OVER_SQRT_2PI * _gaussian(a, -0.5),
                     formula=lambda a: exp(-a ** 2 / 2) / sqrt(2 * math.pi), latex=r"\varphi\left({0}\right)",
                     at=(-0.7, 3.0), ulps=(4, _norm_pdf_ulps), exact="norm_pdf")
