"""The table's third page: the gamma function, its logarithm and the derivatives of that.

Three series serve all of it. About 2 the logarithm of gamma is a power series whose coefficients are values of
Hurwitz's zeta function, and a few factors lead there from up to 7.35; about its root digamma is another; beyond, and
for the zeta function itself, Stirling's series and its derivatives hold. The coefficients are computed here, from
Bernoulli's numbers, when they are first used. (NIST Digital Library of Mathematical Functions, 5.7, 5.11, 25.11.)
"""

from __future__ import annotations

import functools
import math
from typing import Any

from autograd_mini._core.special import cos_pi, polynomial, sin_pi
from autograd_mini.primitives import (
    Primitive,
    abs,
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
    pow,
    primitive,
    sqrt,
    square,
    where,
)

FAR = 7.35
"""From here on Stirling's series has all digits."""
TINY = 1e-300
"""Below, gamma(a) is 1 / a, which may be infinite where a ratio of two is not."""


BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
             854513 / 138]
"""B2, B4, ... B22."""
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI[:10], 1)]
_EULER = [b / math.factorial(2 * k) for k, b in enumerate(BERNOULLI, 1)]
_SHIFTS = 12


def _zeta(s: Any, q: Any) -> Any:
    """The sum of (q + k)^-s over k = 0, 1, 2, ... for s > 1 and q > 0: up to twelve terms, then Euler-Maclaurin."""
    q = minimum(q, 1e200)
    near = less(q, _SHIFTS + s)
    total: Any = 0.0
    for k in range(_SHIFTS - 1, 0, -1):
        total = total + _powers(s, q, float(k))
    total = where(near, total + pow(q, -s), 0.0)
    base = where(near, q + float(_SHIFTS), q)
    rest: Any = 0.0
    for j in range(len(_EULER), 0, -1):
        rest = _EULER[j - 1] + (s + (2 * j - 1)) * (s + 2 * j) / square(base) * rest
    power = where(near, _powers(s - 1, q, float(_SHIFTS)), pow(q, 1 - s))
    return total + power * (1 / (s - 1) + (0.5 + s * rest / base) / base)


def _powers(s: Any, q: Any, k: float) -> Any:
    """(q + k)^-s, with what rounding takes from q + k made up for: the power has it s-fold."""
    base = q + k
    moved = base - q
    return pow(base, -s) * (1 - s * ((q - (base - moved)) + (k - moved)) / base)


@functools.cache
def _about_2() -> list[float]:
    """The power series of ln gamma(2 + t) / t."""
    return [1 - 0.5772156649015329, *[(-1) ** k * _zeta(float(k), 2.0) / k for k in range(2, 38)]]


_ROOT, _ROOT_REST = 1.4616321449683622, 9.549995429965697e-17


@functools.cache
def _about_root() -> list[float]:
    """The power series of digamma(root + s) / s."""
    return [(-1) ** k * _zeta(float(k + 2), _ROOT) for k in range(38)]


# The logarithm of gamma, and gamma ------------------------------------------------------------------------------------

HALF_LN_2PI, SQRT_2PI, SQRT_2PI_REST = 0.9189385332046727, 2.5066282746310002, 2.608034100454709e-16


def _near_2(t: Any) -> Any:
    """ln gamma(2 + t) for t between -0.65 and 1/2."""
    return t * polynomial(t, _about_2())


def _ladder(z: Any, nearest: Any) -> Any:
    """(z - 1)(z - 2) ... down to what lies about 2."""
    product: Any = 1.0
    for k in range(1, 6):
        product = product * where(less(nearest, k + 2.0), 1.0, z - float(k))
    return product


def _stirling(z: Any) -> Any:
    """What Stirling's formula leaves of ln gamma(z) beside (z - 1/2) ln z - z + ln(2 pi) / 2."""
    return polynomial(1 / square(z), _STIRLING) / z


def _pole_or(z: Any, value: Any, pole: float) -> Any:
    """The value at -z, where z is no integer."""
    return where(equal(floor(z), z), pole, value)


def _lgamma(a: Any) -> Any:
    z = abs(a)
    nearest = floor(z + 0.65)
    t = minimum(z, FAR) - minimum(nearest, FAR)
    middle = _near_2(t) + where(less(z, 1.35), -log1p(t), ln(_ladder(z, nearest)))
    far = (z - 0.5) * (ln(z) - 1) + (HALF_LN_2PI - 0.5 + _stirling(maximum(z, FAR)))
    right = where(less(z, FAR), middle, far)
    left = _pole_or(z, ln(math.pi / (z * abs(sin_pi(z)))) - right, math.inf)
    small = minimum(maximum(a, -0.5), 0.5)
    about_0 = _near_2(small) - ln(abs(small) * (1 + small))
    return where(less(z, 0.5), about_0, where(less(a, 0), left, right))


def _gamma(a: Any) -> Any:
    z = abs(a)
    nearest = floor(z + 0.65)
    t = minimum(z, FAR) - minimum(nearest, FAR)
    middle = exp(_near_2(t)) * _ladder(z, nearest) / where(less(z, 1.35), z, 1.0)
    far = minimum(maximum(z, FAR), 200.0)
    halves = where(less(far, 143), 1.0, 2.0)
    power = pow(far, (far - 0.5) / halves)
    root = SQRT_2PI + (SQRT_2PI_REST + SQRT_2PI * expm1(_stirling(far)))
    first, second = power * exp(-far), where(equal(halves, 2), power, 1.0) * root
    is_middle = less(z, FAR)
    first, second = where(is_middle, middle, first), where(is_middle, 1.0, second)
    left = _pole_or(z, -math.pi / (z * sin_pi(z)) / first / second, math.nan)
    small = minimum(maximum(a, -0.5), 0.5)
    about_0 = exp(_near_2(small)) / (small * (1 + small))
    return where(less(z, 0.5), about_0, where(less(a, 0), left, first * second))

# The derivatives of ln gamma ------------------------------------------------------------------------------------------

_DIGAMMA = [b / (2 * k) for k, b in enumerate(BERNOULLI[:10], 1)]


def _digamma_from_1(z: Any) -> Any:
    """Digamma for z >= 1: a series about its root up to 2, from there one step for each unit, Stirling's beyond."""
    steps = maximum(floor(minimum(z, FAR)) - 1, 0.0)
    total: Any = 0.0
    for k in range(1, 7):
        total = total + where(less(steps, float(k)), 0.0, 1 / maximum(z - float(k), 1.0))
    near = minimum(z, FAR) - steps
    s = (near - _ROOT) - _ROOT_REST
    inverse = 1 / square(maximum(z, FAR))
    far = ln(maximum(z, FAR)) - (0.5 / maximum(z, FAR) + inverse * polynomial(inverse, _DIGAMMA))
    return where(less(z, FAR), s * polynomial(s, _about_root()) + total, far)


def _digamma(a: Any) -> Any:
    z = abs(a)
    is_left = less(a, 0)
    rest = where(is_left, math.pi * (cos_pi(z) / sin_pi(z)), -1 / a)
    from_1 = _digamma_from_1(where(is_left, 1 - a, where(less(a, 1), 1 + a, a)))
    return where(is_left, _pole_or(z, from_1 + rest, math.nan), where(less(a, 1), from_1 + rest, from_1))


def _trigamma(a: Any) -> Any:
    is_left = less(a, -0.5)
    right = _squares(where(is_left, 1 - a, a))
    return where(is_left, square(math.pi / sin_pi(abs(a))) - right, right)


def _squares(z: Any) -> Any:
    """The sum of 1 / (z + k)^2 over k = 0, 1, 2, ..."""
    total: Any = 0.0
    for k in range(7, -1, -1):
        total = total + 1 / square(z + float(k))
    inverse = 1 / (z + 8.0)
    return total + (inverse + square(inverse) * (0.5 + inverse * polynomial(square(inverse), BERNOULLI[:9])))


def _polygamma(n: Any, a: Any) -> Any:
    parity = 2 * (n - 2 * floor(n / 2)) - 1  # 1 for an odd order, -1 for an even one
    is_left = less(a, 0)
    rest = abs(a) - floor(abs(a))
    right = _zeta(n + 1, where(is_left, 1 - rest, a))
    left = right + parity * (_zeta(n + 1, where(is_left, rest, 0.5)) - _zeta(n + 1, 1 - minimum(a, 0.0)))
    at_pole = where(equal(parity, 1), math.inf, math.nan)
    usual = parity * gamma(n + 1) * where(is_left, where(equal(rest, 0), at_pole, left), right)
    usual = where(equal(n, 0), digamma(a), where(equal(n, 1), trigamma(a), usual))
    return where(less(n, 0), math.nan, where(equal(floor(n), n), usual, math.nan))


def _cancelled(terms: float, result: float) -> float:
    """Error bound, in ulps of the result, of a sum of terms of that size: 4 of its own, and 3 of theirs."""
    return 4 + 3 * terms / math.fabs(result) if result else math.inf


def _lgamma_ulps(a: float) -> float:
    if a > -0.5:
        return 4
    result = lgamma.number(a)
    return _cancelled(2 * lgamma.number(-a) + math.fabs(result), result) if math.isfinite(result) else 4


def _digamma_ulps(a: float) -> float:
    result = digamma.number(a)
    return 4 if a >= 0 or not math.isfinite(result) else _cancelled(1 + 2 * digamma.number(1 - a), result)


def _polygamma_ulps(n: float, a: float) -> float:
    if n == 0:
        return _digamma_ulps(a)
    result = polygamma.number(n, a)
    return 5 if a >= 0 or not math.isfinite(result) else 1 + _cancelled(polygamma_size(n, a), result)


def polygamma_size(n: float, a: float) -> float:
    """The size of what is added up for a negative operand."""
    rest = -a - math.floor(-a)
    return sum(math.fabs(polygamma.number(n, x)) for x in (rest, 1 - rest, 1 - a)) if rest else math.inf


polygamma: Primitive = primitive("polygamma", None, (None,
                                                     lambda y, a, b: polygamma(a + 1, b)),
                                 meaning="the derivative of order a of digamma at b",
                                 expansion=_polygamma, latex=r"\psi^{{\left({0}\right)}}\left({1}\right)",
                                 at=((2.0, 0.7), (3.0, 4.5), (2.0, -1.3)), exact="polygamma", sympy="polygamma",
                                 domain="a = 0, 1, 2 ...; b > 0, or b no integer",
                                 ulps=(_polygamma_ulps, lambda n, a: _polygamma_ulps(n + 1, a)))
trigamma = primitive("trigamma", None, (lambda y, a: polygamma(2.0, a),), meaning="the slope of digamma",
                     expansion=_trigamma, at=(0.7, 4.5, -1.3), latex=r"\psi'\left({0}\right)", exact="trigamma",
                     sympy="trigamma", ulps=(lambda a: 4 if a > -0.5 else 5, lambda a: _polygamma_ulps(2.0, a)))
digamma = primitive("digamma", None, (lambda y, a: trigamma(a),), meaning="the slope of lgamma", expansion=_digamma,
                    at=(0.7, 4.5, -1.3), scipy="psi", latex=r"\psi\left({0}\right)", domain="a > 0, or a no integer",
                    exact="digamma", sympy="digamma", ulps=(_digamma_ulps, 5))
gamma: Primitive = primitive("gamma", None, (lambda y, a: y * digamma(a),),
                             meaning="the gamma function, (a - 1)! for a whole number", expansion=_gamma,
                             at=(0.7, 4.5, -1.3), latex=r"\Gamma\left({0}\right)", domain="a > 0, or a no integer",
                             exact="gamma", sympy="gamma", course=("y*digamma(a)",),
                             ulps=(lambda a: 4 if a > -0.5 else 5, lambda a: 6 + _digamma_ulps(a)))
lgamma = primitive("lgamma", None, (lambda y, a: digamma(a),),
                   meaning="the logarithm of the size of gamma, which does not overflow", expansion=_lgamma,
                   at=(0.7, 4.5, -1.3), scipy="gammaln", latex=r"\ln\left|\Gamma\left({0}\right)\right|",
                   exact="lgamma", sympy="loggamma", ulps=(_lgamma_ulps, _digamma_ulps))

# The beta function and its logarithm ----------------------------------------------------------------------------------


def _falling(p: Any, q: Any) -> Any:
    """ln(gamma(q) / gamma(p + q)) + p ln q for q from FAR on."""
    return p - (p + q - 0.5) * log1p(p / q) + (_stirling(q) - _stirling(p + q))


def _lbeta(a: Any, b: Any) -> Any:
    p, q = minimum(a, b), maximum(a, b)
    far = maximum(q, FAR)
    near = lgamma(p) + (lgamma(q) - lgamma(p + q))
    mixed = lgamma(p) - p * ln(far) + _falling(minimum(p, FAR), far)
    large = maximum(p, FAR)
    both = HALF_LN_2PI + (_stirling(large) + _stirling(far) - _stirling(large + far)) - 0.5 * ln(far) \
        + (large - 0.5) * ln(large / (large + far)) - far * log1p(large / far)
    return _positive(p, where(less(q, FAR), near, where(less(p, FAR), mixed, both)))


def _beta(a: Any, b: Any) -> Any:
    p, q = minimum(a, b), maximum(a, b)
    total = minimum(p, FAR) + minimum(q, FAR)
    lost = (minimum(p, FAR) - (total - minimum(q, FAR)))  # what rounding took from p + q
    ratio = where(less(total, TINY), total / q, gamma(minimum(q, FAR)) / gamma(total))  # where both are infinite
    near = gamma(p) * ratio * (1 - lost * (ln(total) - 0.5 / maximum(total, TINY)))
    return _positive(p, where(less(q, FAR), near, where(less(p, FAR), _beta_mixed(p, q), _beta_far(p, q))))


def _beta_mixed(p: Any, q: Any) -> Any:
    """gamma(p) (q/s)^(q - 1/2) e^p s^-p and what Stirling's series leaves, with s = p + q, for q from FAR on."""
    p, far = minimum(p, FAR), minimum(maximum(q, FAR), 1e20)
    s = p + far
    lost = p - (s - far)
    ratio, rest = _ratio(far, s, lost)
    tail = _stirling(far) - _stirling(s) + (far - 0.5) * rest - p * lost / s
    return gamma(p) * (pow(ratio, far - 0.5) * exp(p)) * pow(p + maximum(q, FAR), -p) * exp(tail)


def _beta_far(p: Any, q: Any) -> Any:
    """(p/s)^p (q/s)^q (2 pi s / (p q))^(1/2) and what Stirling's series leaves, for both from FAR on.

    What is left is large only where the powers are 0.
    """
    p, q = (minimum(maximum(operand, FAR), 1e290) for operand in (p, q))
    s = p + q
    lost = p - (s - q)
    (first, rest), (second, rest_of_second) = _ratio(p, s, lost), _ratio(q, s, lost)
    tail = _stirling(p) + _stirling(q) - _stirling(s) + p * rest + q * rest_of_second
    return SQRT_2PI * sqrt(s / q / p) * pow(first, p) * pow(second, q) * exp(minimum(tail, 700.0))


def _ratio(a: Any, s: Any, lost: Any) -> tuple[Any, Any]:
    """a/s, and how far, relatively, it is below a/(s + lost): powers have that a-fold. (Dekker's exact product.)"""
    ratio = a / s
    product = ratio * s
    (r, r_rest), (t, t_rest) = _halves(ratio), _halves(s)
    missed = ((r * t - product) + r * t_rest + r_rest * t) + r_rest * t_rest
    return ratio, ((a - product) - missed - ratio * lost) / a


def _halves(a: Any) -> tuple[Any, Any]:
    """Two numbers of 26 bits whose sum is a."""
    moved = 134217729.0 * a
    high = moved - (moved - a)
    return high, a - high


def _positive(p: Any, value: Any) -> Any:
    return where(less(p, 0), math.nan, value)


def _digamma_step(a: Any, b: Any) -> Any:
    """digamma(a) - digamma(a + b)."""
    far = maximum(a, FAR)
    inverse, moved = 1 / square(far), 1 / square(far + b)
    series = -log1p(b / far) - 0.5 * b / (far * (far + b)) \
        - (inverse * polynomial(inverse, _DIGAMMA) - moved * polynomial(moved, _DIGAMMA))
    return where(less(a, FAR), digamma(a) - digamma(a + b), series)


def _steps_ulps(a: float, b: float) -> float:
    sizes = [math.fabs(digamma.number(x)) for x in (a, b, a + b)]
    steps = number(_digamma_step, a, b), number(_digamma_step, b, a)
    return max(_cancelled(1 + size + sizes[2], step) for size, step in zip(sizes, steps))


def _lbeta_ulps(a: float, b: float) -> float:
    terms = sum(math.fabs(lgamma.number(x)) for x in (a, b)) + min(a, b) * math.fabs(math.log(max(a, b, 1e-300)))
    return _cancelled(1 + terms, lbeta.number(a, b))


lbeta = primitive("lbeta", None, (lambda y, a, b: _positive(b, _digamma_step(a, b)),
                                  lambda y, a, b: _positive(a, _digamma_step(b, a))),
                  meaning="the logarithm of beta, which does not underflow", expansion=_lbeta, scipy="betaln",
                  latex=r"\ln \mathrm{{B}}\left({0}, {1}\right)", domain="a > 0 and b > 0",
                  at=((0.7, 2.5), (3.0, 20.0), (30.0, 20.0)), ulps=(_lbeta_ulps, _steps_ulps),
                  formula=lambda a, b: lgamma(a) + lgamma(b) - lgamma(a + b),
                  course=("digamma(a) - digamma(a + b)", "digamma(b) - digamma(a + b)"))
beta = primitive("beta", None, (lambda y, a, b: y * _positive(b, _digamma_step(a, b)),
                                lambda y, a, b: y * _positive(a, _digamma_step(b, a))),
                 meaning="Euler's beta function of two positive numbers", expansion=_beta,
                 latex=r"\mathrm{{B}}\left({0}, {1}\right)", domain="a > 0 and b > 0",
                 at=((0.7, 2.5), (3.0, 20.0), (30.0, 20.0)), formula=lambda a, b: gamma(a) * gamma(b) / gamma(a + b),
                 ulps=(6, lambda a, b: 7 + _steps_ulps(a, b)),
                 course=("y*(digamma(a) - digamma(a + b))", "y*(digamma(b) - digamma(a + b))"))
