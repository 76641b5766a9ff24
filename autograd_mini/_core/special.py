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
    SQRT2,
    SUM,
    TWO_OVER_SQRT_PI,
    Primitive,
    _c,
    _quotient,
    abs,
    atanh,
    away,
    defined,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    floor,
    gaussian,
    less,
    ln,
    log1p,
    maximum,
    minimum,
    norm_cdf,
    number,
    primitive,
    sign,
    sin,
    sqrt,
    where,
)


def polynomial(a: Any, coefficients: Sequence[float]) -> Any:
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


ceil = primitive("ceil", None, (lambda y, a: defined(y, 0.0),), meaning="the smallest integer that is not below a",
                 expansion=lambda a: -floor(-a), numpy="ceil", formula=lambda a: -floor(-a),
                 latex=r"\left\lceil {0} \right\rceil", at=(-0.7, 20.5), course=("0",), edge=lambda y, a: a - y, jump=1)
trunc = primitive("trunc", None, (lambda y, a: defined(y, 0.0),), meaning="the integer part, towards 0", numpy="trunc",
                  at=(-0.7, 20.5), course=("0",), expansion=lambda a: where(less(a, 0), -floor(-a), floor(a)),
                  formula=lambda a: sign(a) * floor(abs(a)), edge=lambda y, a: a - y, jump=1)
round = primitive("round", None, (lambda y, a: defined(y, 0.0),), meaning="the nearest integer, halves to the even one",
                  numpy="rint", at=(-0.7, 2.5, 20.5), course=("0",),
                  expansion=lambda a: where(less(a, 0), -_to_even(-a), _to_even(a)),
                  exact=_nearest_ball, edge=lambda y, a: abs(a - y) - 0.5, jump=1)
fmod = primitive("fmod", _c("fmod", 2), (lambda y, a, b: defined(y, 1.0),
                                         lambda y, a, b: -round((a - y) / b)),
                 meaning="the remainder of a / b with the sign of a, as in C",
                 c="fmod({0}, {1})", js="{0} % {1}", numpy="fmod", domain="b != 0", at=((7.3, -2.0), (-7.3, 2.0)),
                 formula=lambda a, b: a - b * trunc(a / b), course=("1", "-trunc(a/b)"),
                 edge=lambda y, a, b: y, jump=lambda y, a, b: b)
mod = primitive("mod", None, (lambda y, a, b: defined(y, 1.0),
                              lambda y, a, b: -round((a - y) / b)),
                meaning="the remainder of a / b with the sign of b, as in Python",
                expansion=lambda a, b: fmod(a, b) + where(equal(fmod(a, b), 0), 0.0,
                                                          where(equal(less(fmod(a, b), 0), less(b, 0)), 0.0, b)),
                formula=lambda a, b: a - b * floor(a / b), text="{0:2} % {1:3}", binds=PRODUCT,
                latex=r"{0:2} \; \mathrm{{mod}} \; {1:3}", numpy="remainder", domain="b != 0",
                at=((7.3, -2.0), (-7.3, 2.0)), course=("1", "-floor(a/b)"),
                edge=lambda y, a, b: y, jump=lambda y, a, b: b)
floordiv = primitive("floordiv", None, (lambda y, a, b: defined(y, 0.0),
                                        lambda y, a, b: defined(y, 0.0)),
                     meaning="the quotient rounded down, as Python's a // b",
                     expansion=lambda a, b: where(equal(b, 0), a / b, round((a - mod(a, b)) / b)),
                     formula=lambda a, b: floor(a / b), numpy="floor_divide",
                     latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor", domain="b != 0",
                     at=((7.3, -2.0), (-7.3, 2.0)), course=("0", "0"), edge=lambda y, a, b: a - y * b, jump=1)
clip = primitive("clip", None,
                 (lambda y, a, b, c: defined(y, _share(a, b) * _share(c, maximum(a, b)) * (1 - _pinned(a, b, c))),
                  lambda y, a, b, c: defined(y, _share(b, a) * _share(c, maximum(a, b)) * (1 - _pinned(a, b, c))),
                  lambda y, a, b, c: defined(y, _share(maximum(a, b), c))),
                 meaning="a brought between b and c", expansion=lambda a, b, c: minimum(maximum(a, b), c),
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
                  meaning="a ln(b), and 0 for a = 0",
                  expansion=lambda a, b: where(equal(a, 0), defined(b, 0.0), a * ln(b)), domain="b > 0, or a = 0",
                  latex=r"{0:2} \ln\left({1}\right)", exact="xlogy", formula=lambda a, b: a * ln(b),
                  binds=(ATOM, PRODUCT), at=((0.3, 2.0), (-2.0, 0.7)), course=("ln(b)", "a/b"))
xlog1py = primitive("xlog1py", None, (lambda y, a, b: defined(y, log1p(b)),
                                      lambda y, a, b: where(equal(a, 0), defined(b, 0.0), defined(y, a / (1 + b)))),
                    meaning="a ln(1 + b), and 0 for a = 0",
                    expansion=lambda a, b: where(equal(a, 0), defined(b, 0.0), a * log1p(b)), domain="b > -1, or a = 0",
                    latex=r"{0:2} \ln\left(1 + {1:1}\right)", exact="xlog1py", formula=lambda a, b: a * ln(1 + b),
                    binds=(ATOM, PRODUCT), at=((0.3, 2.0), (-2.0, -0.7)), course=("ln(1 + b)", "a/(1 + b)"))
entr = primitive("entr", None, (lambda y, a: -1 - ln(a),),
                 meaning="the entropy -a ln(a) of one outcome, and 0 for a = 0",
                 latex=r"-{0:2} \ln\left({0}\right)", binds=(ATOM, SUM),
                 expansion=lambda a: where(less(0, a), -a * ln(a), where(less(a, 0), -math.inf, defined(a, 0.0))),
                 exact="entr", formula=lambda a: -a * ln(a), domain="a >= 0", at=(0.7, 20.0), course=("-ln(a) - 1",),
                 ulps=(3, lambda a: 4 + math.fabs(1 / (1 + math.log(a)))))  # 1 + ln a has no digits near its zero, 1/e
log1mexp = primitive("log1mexp", None, (lambda y, a: defined(y, exp(a) / expm1(a)),),
                     meaning="ln(1 - exp(a)), with all digits", domain="a < 0",
                     expansion=lambda a: where(less(-LN2, a), ln(-expm1(a)), log1p(-exp(a))),
                     formula=lambda a: ln(1 - exp(a)), latex=r"\ln\left(1 - e^{{{0}}}\right)", at=(-1e-3, -0.7, -20.0),
                     course=("-exp(a)/(1 - exp(a))",))

# (e^a - 1) / a and sin(pi a) / (pi a) ---------------------------------------------------------------------------------

# what Taylor's series say of the derivatives near 0
_EXPREL_SLOPE = [1 / (math.factorial(k) * (k + 2)) for k in range(22)]
_SINC_SLOPE = [(-1) ** k * 2 * k * math.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(1, 13)]

exprel = primitive("exprel", None, (lambda y, a: where(less(abs(a), 1.5), polynomial(a, _EXPREL_SLOPE),
                                                       where(less(a, 0), (exp(a) - y) / away(a),
                                                             y * (1 - 1 / away(a)) + 1 / away(a))),),
                   meaning="(exp(a) - 1) / a, and 1 at 0",
                   expansion=lambda a: where(equal(a, 0), 1.0, where(less(a, 700), expm1(a) / away(a),
                                                                     exp(a / 2) / minimum(a, 800.0) * exp(a / 2))),
                   exact="exprel",
                   formula=lambda a: (exp(a) - 1) / a, latex=r"\frac{{e^{{{0}}} - 1}}{{{0}}}", binds=(ATOM, PRODUCT),
                   at=(-0.7, 1e-3, 20.0), ulps=(3, 4), course=("(exp(a) - y)/a",))


PI_REST = 1.2246467991473532e-16


def sin_pi(a: Any) -> Any:
    """sin(pi a) for a >= 0: what is left beside an integer is exact."""
    rest = a - 2 * floor(a / 2)
    angle = where(less(1.5, rest), rest - 2, where(less(0.5, rest), 1 - rest, rest))
    return sin(math.pi * angle + PI_REST * angle)


def cos_pi(a: Any) -> Any:
    rest = a - 2 * floor(a / 2)
    return sin(math.pi * (0.5 - where(less(1, rest), 2 - rest, rest)))


def _sinc_ulps(a: float) -> float:
    """cos(pi a) - sinc(a) has no digits near its zeros."""
    slope = math.fabs(number(cos_pi, math.fabs(a)) - sinc.number(a))
    return 4 + 2 / slope if slope else math.inf


sinc = primitive("sinc", None, (lambda y, a: where(less(abs(a), 0.5), a * polynomial(a * a, _SINC_SLOPE),
                                                   (cos_pi(abs(a)) - y) / away(a)),),
                 meaning="sin(pi a) / (pi a), and 1 at 0",
                 expansion=lambda a: where(equal(a, 0), 1.0, sin_pi(abs(a)) / (math.pi * away(abs(a)))),
                 formula=lambda a: sin(math.pi * a) / (math.pi * a), at=(-0.7, 1e-3, 1.25),
                 latex=r"\operatorname{{sinc}}\left({0}\right)", exact="sinc_pi", sympy="sinc_pi",
                 ulps=(4, _sinc_ulps), course=("(cos(pi*a) - y)/a",))

# The tails of the normal distribution ---------------------------------------------------------------------------------


def _norm_pdf_ulps(a: float) -> float:
    """The slope -a y has the digits of y, few where that is subnormal."""
    return 5 if math.fabs(a) < 37 else 5 + math.fabs(a)


norm_pdf = primitive("norm_pdf", None, (lambda y, a: -a * y,),
                     meaning="the density of the standard normal distribution", course=("-a*y",),
                     expansion=lambda a: ONE_OVER_SQRT_2PI * gaussian(a, -0.5),
                     formula=lambda a: exp(-a ** 2 / 2) / sqrt(2 * math.pi), latex=r"\varphi\left({0}\right)",
                     at=(-0.7, 3.0), ulps=(4, _norm_pdf_ulps), exact="norm_pdf", sympy="norm_pdf")


SQRT_2_OVER_PI, SQRT_PI_OVER_2, SQRT_PI = 0.7978845608028654, 1.2533141373155003, 1.772453850905516

# tests/erfcx_coefficients.py computes these
_ERFCX = (
    1.2530080582697296, -0.13562110612458117, -0.0475622943534492, 0.1296451587027594, -0.11927366341538638,
    0.0683080273440099, -0.02377051491717134, 0.0025293918156939696, 0.0018886903449991718, -0.0007798322696543306,
    -0.00010515971958448065, 0.0001250993424583729, 4.949196649968345e-06, -2.0100542268525612e-05,
    -7.308281468783614e-07, 3.472370944977168e-06, 3.5576086684080595e-07, -6.166011460398726e-07,
    -1.4047654315428462e-07, 1.0183620603842736e-07, 4.1064013667940355e-08, -1.3312919661038687e-08,
    -8.217595058711455e-09, 9.862533510345587e-10, 8.393734858690877e-10)
_ERFCX_SLOPE = (
    2.6642407403514707, -0.20547056079930345, -0.6936084288393594, 0.866275414790496, -0.4719294741333821,
    0.019277493313852385, 0.16887802107994104, -0.12551965353626235, 0.03175691296454818, 0.00991897336087909,
    -0.00801503722647452, -0.00023673646292723366, 0.0014813052934880397, -6.582700602165238e-05,
    -0.0002834178860926518, 9.019905344180866e-06, 5.828997267304885e-05, 3.174771117940825e-06,
    -1.2181932798194466e-05, -2.4695088459899376e-06, 2.3560790446313313e-06, 9.842615667303603e-07,
    -3.7353332250282683e-07, -2.765718926816367e-07, 4.052504788446828e-08, 5.1929113851195156e-08,
    -2.0715153752994308e-09, -4.89936054506745e-09)


def _erfcx_right(x: Any, coefficients: Sequence[float]) -> Any:
    """erfcx(x) (1 + 2 x), or what its derivative is made of, for x >= 0."""
    far = minimum(x, 1e30)
    return polynomial((far - 3) / (far + 3), coefficients)


def _erfcx(a: Any) -> Any:
    right = _erfcx_right(abs(a), _ERFCX) / 2 / (abs(a) + 0.5)
    return where(less(a, 0), 2 * gaussian(minimum(a, 0.0), 1.0) - right, right)


def _erfcx_slope(a: Any) -> Any:
    right = -_erfcx_right(abs(a), _ERFCX_SLOPE) / 4 / (abs(a) + 0.5) / (abs(a) + 0.5)
    return where(less(a, 0), 2 * a * erfcx(a) - TWO_OVER_SQRT_PI, right)


erfcx_slope: Primitive = primitive("erfcx_slope", None, (lambda y, a: 2 * (erfcx(a) + a * y),),
                                   meaning="the slope of erfcx, without cancellation", at=(-0.7, 0.3, 3.0),
                                   expansion=_erfcx_slope, exact="erfcx_slope",
                                   latex=r"\operatorname{{erfcx}}'\left({0}\right)",
                                   ulps=(8, lambda a: 20 + 20 * max(a, 0.0) * a))
erfcx: Primitive = primitive("erfcx", None, (lambda y, a: erfcx_slope(a),),
                             meaning="erfc times exp(a^2), which does not underflow", expansion=_erfcx,
                             at=(-0.7, 0.3, 3.0), latex=r"\operatorname{{erfcx}}\left({0}\right)",
                             course=("2*a*y - 2/sqrt(pi)",), ulps=(4, 8), formula=lambda a: exp(a ** 2) * erfc(a))


def _log_norm_cdf(a: Any) -> Any:
    x = abs(a)
    ratio = erfcx(x / SQRT2) / 2
    tail = where(less(x, 1), erfc(x / SQRT2) / 2, ratio * gaussian(x, -0.5))
    return where(less(a, 0), where(less(-1, a), ln(tail), ln(ratio) - a * a / 2), log1p(-tail))


log_norm_cdf = primitive("log_norm_cdf", None,
                         (lambda y, a: where(less(a, 0), SQRT_2_OVER_PI / erfcx(abs(a) / SQRT2),
                                             norm_pdf(a) / exp(y)),),
                         meaning="the logarithm of norm_cdf, which does not underflow", expansion=_log_norm_cdf,
                         formula=lambda a: ln(norm_cdf(a)), at=(-0.7, 0.3, 3.0), scipy="log_ndtr",
                         latex=r"\ln\Phi\left({0}\right)", course=("norm_pdf(a)/norm_cdf(a)",), ulps=(4, 6))

# The inverse of the normal distribution function ----------------------------------------------------------------------


def _quantile(middle: Any, tail: Any) -> Any:
    """The x >= 0 up to which lies `middle` of the normal distribution, beyond it `tail`: together 1/2.

    Winitzki's closed form has two digits; two steps of Halley's method, for the logarithm of the tail where that is
    small, triple them twice.
    """
    is_tail = less(tail, 0.25)
    height = ln(4 * tail * (1 - tail)) / 2
    shifted = 2 / (math.pi * 0.147) + height
    x = SQRT2 * sqrt(maximum(sqrt(shifted * shifted - 2 * height / 0.147) - shifted, 0.0))
    for _ in range(2):
        hazard = SQRT_2_OVER_PI / erfcx(x / SQRT2)
        in_tail = (ln(tail) - log_norm_cdf(-x)) / hazard
        in_middle = (erf(x / SQRT2) / 2 - middle) / norm_pdf(x)
        x = x - where(is_tail, in_tail / (1 - in_tail * (hazard - x) / 2), in_middle / (1 + in_middle * x / 2))
    return where(equal(tail, 0), math.inf, where(less(tail, 0), math.nan, x))


def _tail(a: Any) -> Any:
    """The smaller of a and 1 - a, with the slope of the right side where they meet."""
    return where(less(a, 0.5), a, 1 - a)


def _size(a: Any) -> Any:
    """|a|, with slope 1 at 0."""
    return where(less(a, 0), -a, a)


def _quantile_slope(x: Any, tail: Any, unit: Any) -> Any:
    """1 / density, from the tail and how it compares to the density, which moves less than the density does."""
    return where(equal(tail, 0), math.inf, unit * erfcx(_size(x)) / tail)


norm_ppf = primitive("norm_ppf", None, (lambda y, a: _quantile_slope(y / SQRT2, _tail(a), SQRT_PI_OVER_2),),
                     meaning="the quantile of the standard normal distribution: the inverse of norm_cdf",
                     expansion=lambda a: sign(a - 0.5) * _quantile(abs(a - 0.5), _tail(a)), at=(0.3, 0.7, 1e-9),
                     scipy="ndtri", latex=r"\Phi^{{-1}}\left({0}\right)", domain="0 <= a <= 1", exact="norm_ppf",
                     sympy="norm_ppf", course=("1/norm_pdf(y)",), ulps=(4, 5))
erfinv = primitive("erfinv", None, (lambda y, a: _quantile_slope(y, 1 - _size(a), SQRT_PI / 2),),
                   meaning="the inverse of erf", domain="-1 <= a <= 1",
                   expansion=lambda a: where(less(abs(a), 1e-9), SQRT_PI / 2 * a,
                                             sign(a) * _quantile(abs(a) / 2, (1 - abs(a)) / 2) / SQRT2),
                   latex=r"\operatorname{{erf}}^{{-1}}\left({0}\right)", at=(0.3, -0.7, 1e-9), exact="erfinv",
                   sympy="erfinv", course=("sqrt(pi)/2*exp(y**2)",), ulps=(4, 5))

# Logarithms of odds and of differences --------------------------------------------------------------------------------


def _logsubexp_ulps(a: float, b: float) -> float:
    """The two terms of a + ln(1 - exp(b - a)) may cancel."""
    result = logsubexp.number(a, b)
    return 4 + 3 * _quotient(1 + math.fabs(a) + math.fabs(result - a), math.fabs(result))


logit = primitive("logit", None, (lambda y, a: defined(y, 1 / ((a + 0.0) * (1 - a))),),
                  meaning="the logarithm of the odds of the probability a: the inverse of sigmoid",
                  domain="0 <= a <= 1",
                  expansion=lambda a: where(less(abs(a - 0.5), 0.25), 2 * atanh(2 * a - 1), ln(a / (1 - a))),
                  formula=lambda a: ln(a / (1 - a)), latex=r"\operatorname{{logit}}\left({0}\right)",
                  at=(0.3, 0.7, 1e-9), course=("1/(a*(1 - a))",))
logsubexp = primitive("logsubexp", None, (lambda y, a, b: defined(y, 1 / abs(expm1(b - a))),
                                          lambda y, a, b: defined(y, -exp(b - a) / abs(expm1(b - a)))),
                      meaning="the logarithm of a difference of two exponentials, which does not overflow",
                      domain="a >= b",
                      expansion=lambda a, b: where(equal(b, -math.inf), a, a + log1mexp(b - a)),
                      formula=lambda a, b: ln(exp(a) - exp(b)), latex=r"\ln\left(e^{{{0}}} - e^{{{1}}}\right)",
                      at=((0.3, -2.0), (2.0, 1.5)), course=("exp(a - y)", "-exp(b - y)"),
                      ulps=(_logsubexp_ulps, lambda a, b: 5 + math.fabs(a - b)))  # exp(a - b) after rounding a - b
