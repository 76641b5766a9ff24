"""Powers, the error function and its complement over lanes.

pow needs the logarithm of its base to 68 bits: 2^k c (1 + r), where c is one of 128 numbers whose logarithms stand in
a table, written here with exact integer arithmetic, and a short series in r is added up in two doubles. Zero,
subnormal, infinite and nan bases and huge exponents go to the C library's routine.

erfc(x) = exp(-x^2) P((x - 3) / (x + 3)) / (1 + 2 x) for x >= 0, after Shepherd and Laframboise (Mathematics of
Computation 36, 1981), with the rounding of x^2 made up for; erf(x) is a series in x^2 up to 0.9 and 1 - erfc(x) beyond.
"""

from __future__ import annotations

import decimal
import functools
import math
import struct

from autograd_mini.program._llvm.engine import library_power
from autograd_mini.program._llvm.exponential import exp_of_sum
from autograd_mini.program._llvm.ir import (
    Lanes,
    constant_table,
    floor,
    fma,
    lookup,
    polynomial,
    repaired,
    select,
    with_sign_of,
)

_OFFSET = 0x3FE6955500000000
_LN2_SHORT, _LN2_REST = 0.6931471805598903, 5.497923018708371e-14
_SIZE = 128

# (erf(x) / x - 2 / sqrt(pi)) / x^2 for |x| <= 0.9
_TWO_OVER_ROOT_PI, _TWO_OVER_ROOT_PI_LOW = 1.1283791670955126, 1.533545961316588e-17
_ERF = (-0.37612638903183754, 0.11283791670955123, -0.02686617064513016, 0.005223977625417265, -0.0008548327020511896,
        0.00012055332777073977, -1.492564130459908e-05, 1.6461850169366824e-06, -1.636068283912295e-07,
        1.4740151482218583e-08, -1.1731299732173197e-09, 6.657778392957156e-11)
# (1 + 2 x) exp(x^2) erfc(x) in powers of (x - 3) / (x + 3), for 0 <= x <= 28.5
_ERFC = (1.2530080582697296, -0.13562110612458114, -0.04756229435345084, 0.12964515870275686, -0.11927366341529652,
         0.06830802734414, -0.023770514919066194, 0.002529391812945556, 0.0018886903653138976,
         -0.0007798322393389747, -0.00010515984515844357, 0.00012509914547530692, 4.949671459859353e-06,
         -2.009973878254467e-05, -7.319407453193151e-07, 3.4702539986953465e-06, 3.573075515041016e-07,
         -6.129993909272552e-07, -1.4152102343119508e-07, 9.801222204173403e-08, 4.09887378378769e-08,
         -1.1007740382192729e-08, -7.653237249649277e-09, 3.8346921318502707e-10, 5.903589577745315e-10)


@functools.lru_cache(maxsize=1)
def _logarithm_tables() -> tuple[list[float], list[float], list[float]]:
    """1/c with 8 bits, so that z/c - 1 is exact; ln c on a grid of 2^-42; and what that misses."""
    inverses, logarithms, rests = [], [], []
    with decimal.localcontext() as context:
        context.prec = 40
        for index in range(_SIZE):
            bits = _OFFSET + (index << 45) + (1 << 44)
            bits -= (bits - _OFFSET) >> 52 << 52
            center = _as_double(bits)
            inverse = round(_SIZE / center) / _SIZE if center < 1 else round(2 * _SIZE / center) / (2 * _SIZE)
            exact = -decimal.Decimal(inverse).ln()
            short = math.floor(float(exact) * 2.0 ** 42 + 0.5) / 2.0 ** 42
            inverses.append(inverse)
            logarithms.append(short)
            rests.append(float(exact - decimal.Decimal(short)))
    return inverses, logarithms, rests


def _as_double(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def _long_logarithm(a: Lanes) -> tuple[Lanes, Lanes]:
    """ln(a) as a sum of two doubles, for positive normal a."""
    code = a.code
    tables = [lookup(constant_table(code, name, entries), _SIZE, ((a.bits() - _OFFSET) >> 45) & (_SIZE - 1))
              for name, entries in zip(("inverses", "logarithms", "rests"), _logarithm_tables())]
    inverse, logarithm, rest = tables
    raised = a.bits() + (0x3FF0000000000000 - _OFFSET)
    exponent = raised & (0x7FF << 52)
    mantissa = (a.bits() - (exponent - 0x3FF0000000000000)).as_float()
    k = ((raised >> 52) | 0x4330000000000000).as_float() - (2.0 ** 52 + 1023)
    r = fma(mantissa, inverse, -1.0)
    first = fma(k, _LN2_SHORT, logarithm)
    second = first + r
    low = (first - second) + r + fma(k, _LN2_REST, rest)
    half_square = r * -0.5 * r
    high = second + half_square
    low = low + ((second - high) + half_square) + fma(r * -0.5, r, -half_square)
    series = polynomial(r, [1 / 3, -1 / 4, 1 / 5, -1 / 6, 1 / 7, -1 / 8, 1 / 9])
    low = fma(r * r * r, series, low)
    total = high + low
    return total, (high - total) + low


def general_pow(a: Lanes, b: Lanes) -> Lanes:
    """What the C library's pow gives, within a unit in the last place or so."""
    size = abs(a)
    high, low = _long_logarithm(size)
    product = b * high
    result = exp_of_sum(product, fma(b, low, fma(b, high, -product)))
    whole = floor(b).same(b)
    odd = whole & floor(b * 0.5).compare("une", b * 0.5)
    negative = a < 0.0
    result = select(negative, select(whole, select(odd, -result, result), math.nan), result)
    ordinary = (size >= 2.0 ** -1022) & (size < math.inf) & (abs(b) < 2.0 ** 70)
    return repaired(result, ordinary.otherwise(), library_power(), [a, b])


def _erfc_positive(x: Lanes) -> Lanes:
    x = select(x > 28.0, 28.0, x)
    square = x * x
    t = (x - 3.0) / (x + 3.0)
    rising = polynomial(t, _ERFC[1:])
    top, bottom = fma(t, rising, _ERFC[0]), x * 2.0 + 1.0
    ratio = top / bottom
    # what roundings took from top, bottom and their ratio, relative to the ratio: top is between 1 and 1.4
    lost = fma(t, rising, _ERFC[0] - top) + fma(-ratio, bottom, top) - ratio * (x * 2.0 - (bottom - 1.0))
    return exp_of_sum(-square, fma(lost, 0.85, -fma(x, x, -square)), ratio)


def _erf_near_zero(x: Lanes) -> Lanes:
    u = x * x
    return fma(x, _TWO_OVER_ROOT_PI, x * fma(u, polynomial(u, _ERF), _TWO_OVER_ROOT_PI_LOW))


def erfc(x: Lanes) -> Lanes:
    tail = _erfc_positive(abs(x))
    far = select(x < 0.0, 2.0 - tail, tail)
    return select((x > -0.9) & (x < 0.5), 1.0 - _erf_near_zero(x), far)


def erf(x: Lanes) -> Lanes:
    near = select(abs(x) < 1e-300, x * _TWO_OVER_ROOT_PI, _erf_near_zero(x))
    return select(abs(x) < 0.9, near, with_sign_of(1.0 - _erfc_positive(abs(x)), x))
