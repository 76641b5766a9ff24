"""Trigonometric functions, their inverses and roots over lanes, branch-free.

sin, cos and tan take multiples of pi/2 away in three parts, which leaves r as a double and a small rest; that is
right up to |x| = 2^30, and lanes beyond go through the C library's routine. Inverse functions reduce their operand
until a short series in its square is enough.
"""

from __future__ import annotations

import math

from autograd_mini.program._llvm.engine import library_routine
from autograd_mini.program._llvm.exponential import SHIFT
from autograd_mini.program._llvm.ir import Lanes, fma, polynomial, repaired, select, sqrt, with_sign_of

_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_TWO_OVER_PI = 0.6366197723675814
_REACH = 2.0 ** 30

# (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2 / 2) / r^4 for |r| <= pi/4
_SIN = (-0.16666666666666666, 0.008333333333330946, -0.0001984126983675497, 2.755731610068303e-06,
        -2.5051131455427946e-08, 1.591810123027412e-10)
_COS = (0.041666666666666664, -0.0013888888888887395, 2.4801587298763433e-05, -2.7557317270560326e-07,
        2.0876146024689747e-09, -1.1382614868556325e-11)
# (atan(t) / t - 1) / t^2 for |t| <= tan(pi/8), (asin(t) / t - 1) / t^2 for t^2 <= 1/4
_ATAN = (-0.3333333333333333, 0.19999999999995519, -0.14285714284666276, 0.11111111015234812, -0.09090904577248296,
         0.0769218317048485, -0.06664511160859166, 0.058581464238093545, -0.050854367132677145,
         0.039231282023743305, -0.019176426315546866)
_ASIN = (0.16666666666666669, 0.07499999999998425, 0.04464285714637338, 0.030381944137085216, 0.022372173002005596,
         0.017352391265909227, 0.013971235301124539, 0.011478952690257387, 0.010324318288744113,
         0.00545087818772055, 0.017419357964884856, -0.014881409392818066, 0.02877844261259304)
# a start for 1 / cbrt(x) at 1 <= x < 8, right to 12 bits
_INVERSE_CBRT = (1.6772358933521707, -1.253185436511175, 0.890615557810312, -0.4251186107815017, 0.13538848006079304,
                 -0.02882186021457926, 0.004044548480193702, -0.00035864788075836145, 1.8194225226982337e-05,
                 -4.0211072161749635e-07)


def _sin_cos(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """sin(r), cos(r) and n, in the low bits of an integer, where x = n pi/2 + r."""
    shifted = fma(x, _TWO_OVER_PI, SHIFT)
    n = shifted - SHIFT
    first = fma(n, -_HALF_PI[0], x)
    r = fma(n, -_HALF_PI[1], first)
    rest = fma(n, -_HALF_PI[2], (first - r) + n * -_HALF_PI[1])
    u = r * r
    sine = r + fma(r * u, polynomial(u, _SIN), rest)
    half = u * 0.5
    most = half * -1.0 + 1.0
    cosine = most + (((1.0 - most) - half) + fma(u * u, polynomial(u, _COS), r * rest * -1.0))
    return sine, cosine, shifted.bits()


def _odd(n: Lanes) -> Lanes:
    """Whether the integer is odd, as a truth value: its last bit, read as the sign of a double."""
    return (((n & 1) << 62).as_float()) > 0.0


def _turned(y: Lanes, n: Lanes) -> Lanes:
    """y, negated where the second bit of n is set."""
    return y.code.wrap(y.code.value(f"xor {y.code.type('i')} {y.bits().name}, {((n & 2) << 62).name}"), "i").as_float()


def sin(x: Lanes) -> Lanes:
    sine, cosine, n = _sin_cos(x)
    result = select(abs(x) < 1e-9, x, _turned(select(_odd(n), cosine, sine), n))
    return repaired(result, abs(x) > _REACH, library_routine("sin"), [x])


def cos(x: Lanes) -> Lanes:
    sine, cosine, n = _sin_cos(x)
    result = _turned(select(_odd(n), sine, cosine), n + 1)
    return repaired(result, abs(x) > _REACH, library_routine("cos"), [x])


def tan(x: Lanes) -> Lanes:
    sine, cosine, n = _sin_cos(x)
    odd = _odd(n)
    quotient = select(odd, -cosine, sine) / select(odd, sine, cosine)
    return repaired(select(abs(x) < 1e-9, x, quotient), abs(x) > _REACH, library_routine("tan"), [x])


def atan(x: Lanes) -> Lanes:
    a = abs(x)
    big, middle = a > 2.414213562373095, a > 0.41421356237309503
    top = select(big, -1.0, select(middle, a - 1.0, a))
    bottom = select(big, a, select(middle, a + 1.0, 1.0))
    t = top / bottom
    u = t * t
    offset = select(big, math.pi / 2, select(middle, math.pi / 4, 0.0))
    missing = select(big, 6.123233995736766e-17, select(middle, 3.061616997868383e-17, 0.0))
    return with_sign_of(offset + (t + fma(t * u, polynomial(u, _ATAN), missing)), x)


def atan2(y: Lanes, x: Lanes) -> Lanes:
    a, b = abs(y), abs(x)
    steep = a > b
    small, large = select(steep, b, a), select(steep, a, b)
    both_infinite = small.same(math.inf) & large.same(math.inf)
    small, large = select(both_infinite, 1.0, small), select(both_infinite, 1.0, large)
    factor = select(large > 2.0 ** 1000, 2.0 ** -60, select(large < 2.0 ** -900, 2.0 ** 120, 1.0))
    small, large = small * factor, large * factor
    middle = small > large * 0.41421356237309503
    t = select(middle, small - large, small) / select(middle, small + large, large)
    t = select(small.same(0.0) & large.same(0.0), 0.0, t)
    u = t * t
    missing = select(middle, 3.061616997868383e-17, 0.0)
    angle = select(middle, math.pi / 4, 0.0) + (t + fma(t * u, polynomial(u, _ATAN), missing))
    # |angle| away from the nearer axis: from 0 or pi where y is the smaller one, else from pi/2
    left = with_sign_of(x.code.constant(1.0), x) < 0.0
    quarter = select(steep, math.pi / 2, select(left, math.pi, 0.0))
    rest = select(steep, _HALF_PI[1], select(left, 2 * _HALF_PI[1], 0.0))
    return with_sign_of(quarter + (rest + select(steep ^ left, -angle, angle)), y)


def _arc(a: Lanes) -> tuple[Lanes, Lanes, Lanes, Lanes, Lanes]:
    """The reduction that asin and acos share: asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)) where a > 1/2.

    Whether that is taken, the root, the reduced argument, its series, and what rounding the root has lost.
    """
    outer = a > 0.5
    u = select(outer, (1.0 - a) * 0.5, a * a)
    root = sqrt(u)
    t = select(outer, root, a)
    series = t * u * polynomial(u, _ASIN)
    lost = select(root > 0.0, fma(root, root, -u) / (root + root), 0.0)
    return outer, root, t, series, lost


def asin(x: Lanes) -> Lanes:
    a = abs(x)
    outer, root, _, series, lost = _arc(a)
    near_one = math.pi / 2 - (root * 2.0 + ((series - lost) * 2.0 - 6.123233995736766e-17))
    return with_sign_of(select(outer, near_one, select(a < 1e-9, a, a + series)), x)


def acos(x: Lanes) -> Lanes:
    outer, root, t, series, lost = _arc(abs(x))
    edge = (root + (series - lost)) * 2.0
    far = math.pi - (root * 2.0 + ((series - lost) * 2.0 - 1.2246467991473532e-16))
    signed = with_sign_of(t, x)
    inner = math.pi / 2 - (signed + (with_sign_of(series, x) - 6.123233995736766e-17))
    return select(outer, select(x < 0.0, far, edge), inner)


def hypot(a: Lanes, b: Lanes) -> Lanes:
    a, b = abs(a), abs(b)
    swap = a < b
    large, small = select(swap, b, a), select(swap, a, b)
    up, down = large > 2.0 ** 500, large < 2.0 ** -450
    x = large * select(up, 2.0 ** -600, select(down, 2.0 ** 600, 1.0))
    y = small * select(up, 2.0 ** -600, select(down, 2.0 ** 600, 1.0))
    square = x * x
    root = sqrt(square + fma(y, y, fma(x, x, -square)))
    result = root * select(up, 2.0 ** 600, select(down, 2.0 ** -600, 1.0))
    infinite = a.same(math.inf) | b.same(math.inf)
    return select(infinite, math.inf, result)


def cbrt(x: Lanes) -> Lanes:
    a = abs(x)
    small = a < 2.0 ** -1022
    normal = select(small, a * 2.0 ** 54, a)
    # exponent = 3 third + left, with left = 0, 1 or 2; the division by 3 is exact for exponents
    exponent = normal.bits() >> 52
    third = (exponent * 21846) >> 16
    mantissa = (normal.bits() - ((third * 3 - 1023) << 52)).as_float()
    inverse = polynomial(mantissa, _INVERSE_CBRT)
    for _ in range(2):
        # Newton's method for 1 / y^3 = mantissa, which needs no division
        error = fma(mantissa * inverse * -1.0, inverse * inverse, 1.0)
        inverse = fma(inverse * (1 / 3), error, inverse)
    third_slope = inverse * inverse * (1 / 3)
    y = mantissa * inverse * inverse
    square = y * y
    y = y - (fma(square, y, -mantissa) + fma(y, y, -square) * y) * third_slope
    scale = ((third + (1023 - 341)) << 52).as_float() * select(small, 2.0 ** -18, 1.0)
    usual = (a > 0.0) & (a < math.inf)
    return select(usual, with_sign_of(y * scale, x), x)
