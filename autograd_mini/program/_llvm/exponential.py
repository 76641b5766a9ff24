"""Exponentials, logarithms and hyperbolic functions over lanes, branch-free.

Exponentials: x = k ln 2 + r with |r| <= ln(2)/2, a polynomial in r, then 2^k put into the exponent in two factors, so
that overflow and subnormal results come out with a single rounding. Logarithms: x = 2^k (1 + f) with 1 + f between
sqrt(1/2) and sqrt(2), then a series in f / (2 + f): faster than a polynomial in f, which would have 22 terms. Nan,
infinities, zeros of either sign and subnormal numbers come out as C99 has them. Coefficients: interpolation at
Chebyshev nodes, computed with 90 digits.

The tests hold these functions to 4 units in the last place; measured, exp and ln are within 1, all within 3.
"""

from __future__ import annotations

import math

from autograd_mini.program._llvm.ir import Lanes, fma, polynomial, scale_by_power, select, sqrt, with_sign_of

LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 0.6931471805599453, 2.3190468138462996e-17
SHIFT = 1.5 * 2.0 ** 52
"""Adding it rounds to an integer, which then stands in the low bits of the sum."""

SHIFT_BITS = 0x4338000000000000

# ln 2 and log10 2 with so few bits that their product with an exponent is exact, and what is missing
_LN2_SHORT, _LN2_REST = 0.6931471805598903, 5.497923018708371e-14
_LOG10_2_SHORT, _LOG10_2_REST = 0.30102999566383914, 1.42050232272661e-13
_LOG2_E_LOW, _LOG10_E, _LOG10_E_LOW = 2.0355273740931033e-17, 0.4342944819032518, 1.098319650216765e-17
_TINY = 2.0 ** -1022
_SQRT_HALF_BITS, _ONE_BITS, _TWO_52_BITS = 0x3FE6A09E667F3BCD, 0x3FF0000000000000, 0x4330000000000000
_EXPONENT_ONLY, _MANTISSA_ONLY = 0x7FF << 52, (1 << 52) - 1

# (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2
_EXP = (0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326112, 0.001388888888888373, 0.0001984126987490126,
        2.480158732560532e-05, 2.7557255297969643e-06, 2.7557273570104184e-07, 2.5105259538448494e-08,
        2.0914717341098887e-09)
# (sinh(r) / r - 1) / r^2 and (cosh(r) - 1) / r^2 in powers of r^2
_SINH = (0.16666666666666669, 0.008333333333330051, 0.00019841269863105968, 2.7557268378684192e-06,
         2.5100424157005067e-08)
_COSH = (0.5, 0.04166666666666668, 0.0013888888888879043, 2.4801587336526005e-05, 2.755726318947621e-07,
         2.0918170876658783e-09)
# ln((1 + s) / (1 - s)) = 2 s + s^3 (...) in powers of s^2, for |s| <= 0.1716
_LOG = (0.666666666666667, 0.3999999999989949, 0.28571428625982637, 0.22222211133627373, 0.18182889210338452,
        0.15331718772652658, 0.14616484638725868)


def clamped(x: Lanes, low: float, high: float) -> Lanes:
    """x, or the bound it is beyond; nan stays nan."""
    x = select(x < low, low, x)
    return select(x > high, high, x)


def split_exponent(x: Lanes) -> tuple[Lanes, Lanes]:
    """k + SHIFT, whose low bits are the integer k, and r with x = k ln 2 + r."""
    shifted = fma(x, LOG2_E, SHIFT)
    k = shifted - SHIFT
    return shifted, fma(k, -LN2_LOW, fma(k, -LN2_HIGH, x))


def scaled(y: Lanes, shifted: Lanes) -> Lanes:
    """y 2^k, rounded once, for |k| < 2000."""
    direct = scale_by_power(y, shifted - SHIFT)
    if direct is not None:
        return direct
    both = shifted.bits() + (2046 - SHIFT_BITS)
    half = both >> 1
    return y * (half << 52).as_float() * ((both - half) << 52).as_float()


def exp_of_sum(x: Lanes, tail: Lanes, factor: Lanes | float = 1.0) -> Lanes:
    """factor exp(x + tail), where the tail is tiny: what powers and the error function need."""
    k, r = split_exponent(clamped(x, -1000.0, 1000.0))
    r = r + tail
    return scaled(fma(r * r, polynomial(r, _EXP), r) * factor + factor, k)


def exp(x: Lanes) -> Lanes:
    k, r = split_exponent(clamped(x, -1000.0, 1000.0))
    return scaled(fma(r * r, polynomial(r, _EXP), r) + 1.0, k)


def exp2(x: Lanes) -> Lanes:
    x = clamped(x, -1400.0, 1400.0)
    shifted = x + SHIFT
    r = (x - (shifted - SHIFT)) * LN2_HIGH
    return scaled(fma(r * r, polynomial(r, _EXP), r) + 1.0, shifted)


def expm1(x: Lanes) -> Lanes:
    k, r = split_exponent(clamped(x, -60.0, 710.0))
    half_power = ((k.bits() + (1022 - SHIFT_BITS)) << 52).as_float()   # 2^(k-1), so that 2^1024 is not needed
    result = fma(half_power, fma(r * r, polynomial(r, _EXP), r), half_power - 0.5) * 2.0
    return select(abs(x) < 1e-17, x, result)


def _hyperbolic(a: Lanes) -> tuple[Lanes, Lanes]:
    """sinh(a) / 4 and cosh(a) / 4 for 0 <= a: (P e + Q o, Q e + P o) with P, Q = (2^k -+ 2^-k) / 8."""
    k, r = split_exponent(select(a > 1000.0, 1000.0, a))
    u = r * r
    odd, even = fma(r * u, polynomial(u, _SINH), r), fma(u, polynomial(u, _COSH), 1.0)
    up = ((k.bits() + (1020 - SHIFT_BITS)) << 52).as_float()
    down = ((_constant(k, 1020 + SHIFT_BITS) - k.bits()) << 52).as_float()
    down = select(a > 600.0, 0.0, down)
    p, q = up - down, up + down
    return fma(p, even, q * odd), fma(q, even, p * odd)


def _constant(like: Lanes, number: int) -> Lanes:
    return like.code.constant(number, "i")


def sinh(x: Lanes) -> Lanes:
    a = abs(x)
    result = select(a > 711.0, math.inf, _hyperbolic(a)[0] * 4.0)
    return select(a < 1e-9, x, with_sign_of(result, x))


def cosh(x: Lanes) -> Lanes:
    a = abs(x)
    return select(a > 711.0, math.inf, _hyperbolic(a)[1] * 4.0)


def tanh(x: Lanes) -> Lanes:
    a = abs(x)
    half_sinh, half_cosh = _hyperbolic(select(a > 25.0, 25.0, a))
    return select(a < 1e-9, x, with_sign_of(half_sinh / half_cosh, x))


def split_mantissa(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """k as a double, f with x = 2^k (1 + f), and 2^(1-k); x is positive and normal."""
    raised = x.bits() + (_ONE_BITS - _SQRT_HALF_BITS)
    mantissa = (raised & _MANTISSA_ONLY) + _SQRT_HALF_BITS
    k = ((raised >> 52) | _TWO_52_BITS).as_float() - (2.0 ** 52 + 1023)
    double_down = (_constant(raised, (2047 << 52)) - (raised & _EXPONENT_ONLY)).as_float()
    return k, mantissa.as_float() - 1.0, double_down


def _curve(f: Lanes) -> Lanes:
    """ln(1 + f) - f, as in fdlibm: s (h + R) - h with s = f / (2 + f) and h = f^2 / 2."""
    s, h = f / (f + 2.0), f * 0.5 * f
    square = s * s
    return fma(s, fma(square, polynomial(square, _LOG), h), -h)


def _positive_normal(x: Lanes) -> tuple[Lanes, Lanes]:
    """x, or x 2^54 where x is subnormal (zero and negative x too), and how much that adds to the exponent."""
    small = x < _TINY
    return select(small, x * 2.0 ** 54, x), select(small, -54.0, 0.0)


def _logarithm(x: Lanes, result: Lanes) -> Lanes:
    """The result, but what a logarithm is at 0, at infinity, at nan and below 0."""
    below = select(x.same(0.0), -math.inf, math.nan)
    return select(x > 0.0, select(x.same(math.inf), x, result), below)


def _sum_with_exponent(k_part: Lanes, f: Lanes, rest: Lanes) -> Lanes:
    """k_part + f + rest with one rounding that counts."""
    high = k_part + f
    return high + ((k_part - high) + f + rest)


def ln(x: Lanes) -> Lanes:
    normal, extra = _positive_normal(x)
    k, f, _ = split_mantissa(normal)
    k = k + extra
    return _logarithm(x, _sum_with_exponent(k * _LN2_SHORT, f, fma(k, _LN2_REST, _curve(f))))


def log1p(x: Lanes) -> Lanes:
    # u + lost is 1 + x exactly; ln(u + lost) = ln(u) + lost / u, and 1 / u is needed to a few bits only
    u = x + 1.0
    most = u - 1.0
    lost = (1.0 - (u - most)) + (x - most)
    k, f, double_down = split_mantissa(u)
    part = lost * double_down * fma(f, fma(f, 0.4375, -0.5), 0.5)
    result = _sum_with_exponent(k * _LN2_SHORT, f, fma(k, _LN2_REST, _curve(f) + part))
    edge = select(x.same(-1.0), -math.inf, math.nan)
    return with_sign_of(select(x > -1.0, select(x.same(math.inf), x, result), edge), x)


def log1p_fraction(x: Lanes) -> Lanes:
    """log1p of an operand that is known to lie between 0 and 1, or is nan: what is left of e^-|a|."""
    u = x + 1.0
    lost = x - (u - 1.0)
    high = u > 1.4142135623730951
    half_or_one = select(high, 0.5, 1.0)
    f = fma(u, half_or_one, -1.0)
    part = lost * half_or_one * fma(f, fma(f, 0.875, -1.0), 1.0)
    return _sum_with_exponent(select(high, LN2_HIGH, 0.0), f, _curve(f) + (part + select(high, LN2_LOW, 0.0)))


def decay(a: Lanes) -> Lanes:
    """exp(-|a|), whose operand needs no look at large positive numbers."""
    x = -abs(a)
    k, r = split_exponent(select(x < -1000.0, -1000.0, x))
    return scaled(fma(r * r, polynomial(r, _EXP), r) + 1.0, k)


def _other_base(x: Lanes, factor: float, factor_low: float, power: float, power_low: float) -> Lanes:
    normal, extra = _positive_normal(x)
    k, f, _ = split_mantissa(normal)
    k, curve = k + extra, _curve(f)
    high = f + curve
    low = (f - high) + curve
    product = high * factor
    rest = fma(high, factor, -product) + fma(high, factor_low, low * factor)
    return _logarithm(x, _sum_with_exponent(k * power, product, fma(k, power_low, rest)))


def log2(x: Lanes) -> Lanes:
    return _other_base(x, LOG2_E, _LOG2_E_LOW, 1.0, 0.0)


def log10(x: Lanes) -> Lanes:
    return _other_base(x, _LOG10_E, _LOG10_E_LOW, _LOG10_2_SHORT, _LOG10_2_REST)


def atanh(x: Lanes) -> Lanes:
    a = abs(x)
    result = log1p((a + a) / (1.0 - a)) * 0.5
    result = select(a.same(1.0), math.inf, result)
    return select(a < 1e-9, x, with_sign_of(result, x))


def asinh(x: Lanes) -> Lanes:
    a = abs(x)
    square = select(a > 2.0 ** 500, 0.0, a * a)
    huge = a > 2.0 ** 60
    operand = select(huge, a, a + square / (sqrt(square + 1.0) + 1.0))
    result = log1p(operand) + select(huge, LN2_HIGH, 0.0)
    return select(a < 1e-9, x, with_sign_of(result, x))


def acosh(x: Lanes) -> Lanes:
    beyond = x - 1.0
    huge = x > 2.0 ** 60
    operand = select(huge, x, beyond + sqrt(beyond * 2.0 + beyond * beyond))
    result = log1p(operand) + select(huge, LN2_HIGH, 0.0)
    return select(x < 1.0, math.nan, result)
