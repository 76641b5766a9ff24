"""The coefficients of erfcx in `_core/special.py`: `python tests/erfcx_coefficients.py` prints them.

Both erfcx(x) (1 + 2 x) and minus its derivative times (1 + 2 x)^2 are smooth from 0 to infinity. Their Chebyshev series
in t = (x - 3) / (x + 3), as Shepherd and Laframboise have it (Mathematics of Computation 36, 1981), are cut where they
fall below a quarter of an ulp, and written in powers of t.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

DIGITS, NODES = 50, 120


def erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x) if x < 30 else mp.hyper([0.5, 1], [], -1 / (x * x)) / (x * mp.sqrt(mp.pi))


def scaled_value(x: Any) -> Any:
    return (1 + 2 * x) * erfcx(x)


def scaled_slope(x: Any) -> Any:
    with mp.workdps(3 * DIGITS):
        return (1 + 2 * x) ** 2 * (2 / mp.sqrt(mp.pi) - 2 * x * erfcx(x))


def coefficients(function: Callable[[Any], Any]) -> list[float]:
    """The powers of t, lowest first."""
    with mp.workdps(DIGITS):
        angles = [mp.pi * (k + mpf(1) / 2) / NODES for k in range(NODES)]
        values = [function(3 * (1 + mp.cos(angle)) / (1 - mp.cos(angle))) for angle in angles]
        series = [2 * mp.fsum(v * mp.cos(j * angle) for v, angle in zip(values, angles)) / NODES for j in range(NODES)]
        series[0] /= 2
        while abs(series[-1]) < mpf(2) ** -56:
            series.pop()
        powers = [mpf(0)] * len(series)
        before, now = [mpf(1)], [mpf(0), mpf(1)]
        for factor in series:
            for k, c in enumerate(before):
                powers[k] += factor * c
            after = [mpf(0), *(2 * c for c in now)]
            for k, c in enumerate(before):
                after[k] -= c
            before, now = now, after
        return [float(power) for power in powers]


if __name__ == "__main__":
    for function in (scaled_value, scaled_slope):
        print(f"{function.__name__}: {coefficients(function)}")
