"""Derivatives from function values alone, in floats, with an honest error estimate.

They know no rule of the engine, so they can testify against it, and against black boxes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Optional

import numpy as np

_FIRST = (4, 16, 28)
"""Extrapolation begins at 2**-4 of a number; where that is no small step for the function, at a smaller one."""

_LEVELS, _FINEST = 12, 44


class Estimate(NamedTuple):
    """Derivatives by one variable, and how far off they may be; an infinite error says that they mean nothing."""

    slope: np.ndarray
    error: np.ndarray


def central(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, position: int,
            noise: Optional[np.ndarray] = None) -> Estimate:
    """Central differences of f by x[position], extrapolated to step 0 by Ridders' method.

    f maps n numbers to an array of any shape. Of all extrapolations of an entry the one counts that agrees best with
    its neighbours, if plain differences of much smaller steps confirm it. Where the slopes on both sides differ, the
    error is infinite; what f is at x itself is not asked, so a number that holds only there changes nothing.
    `noise` says how far rounding may carry the values of f: a few units in the last place at least, and as much as
    third differences of neighbouring values, which would be 0 without it.
    (C. J. F. Ridders, Advances in Engineering Software 4, 1982.)
    """
    size = 2.0 ** math.floor(math.log2(abs(x[position]))) if 0 < abs(x[position]) < math.inf else 1.0

    def at(step: float) -> np.ndarray:
        moved = x.copy()
        moved[position] += step
        return np.asarray(f(moved), dtype=float)

    def secant(step: float) -> np.ndarray:
        return (at(step) - at(-step)) / (2 * step)

    with np.errstate(all="ignore"):
        near = [at(k * size * 2.0 ** -24) for k in (1, 2, 3, 4)]
        ragged = np.abs(near[3] - 3 * near[2] + 3 * near[1] - near[0])
        level = np.abs(at(size / 16))
        ragged = np.where(ragged <= 2.0 ** -16 * level, ragged, 0.0)  # more is no rounding, but waves as short as that
        noise = np.fmax(np.fmax(2.0 ** -50 * level, ragged), 0.0 if noise is None else noise)
        steps = size * 2.0 ** -np.arange(_FIRST[0] + _LEVELS, _FINEST + 1, 4)
        confirming = [(secant(step), 8 * noise / step) for step in steps]
        best, error = np.full(noise.shape, math.nan), np.full(noise.shape, math.inf)
        for first in _FIRST:
            slope, guess = _extrapolated(secant, size / 2 ** first, noise)
            for step, (plain, doubt) in zip(steps, confirming):
                if step < size / 2 ** first:
                    guess = guess + np.fmax(np.abs(plain - slope) - doubt - 64 * guess, 0)
            better = guess < error
            best, error = np.where(better, slope, best), np.where(better, guess, error)
            if np.all(error <= 1e-9 * np.abs(best) + 16 * noise / size):
                break
        has_kink, wider = np.full(noise.shape, True), np.full(noise.shape, math.inf)
        for small in (size * 2.0 ** -12, size * 2.0 ** -20):
            right, left = (at(2 * small) - at(small)) / small, (at(-small) - at(-2 * small)) / small
            steepness = np.abs(right) + np.abs(left) + noise * 2.0 ** 40 / size
            gap = np.abs(right - left)
            closing = gap <= wider / 16     # at a kink it stays, at a smooth minimum it shrinks with the step
            has_kink &= ~((gap <= 1e-3 * steepness + error + 8 * noise / small) | (closing & np.isfinite(wider)))
            wider = gap
    return Estimate(best, np.where(has_kink, math.inf, error))


def _extrapolated(secant: Callable[[float], np.ndarray], first: float,
                  noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best extrapolation of differences over halved steps, and how far it is from its neighbours."""
    best, error = np.full(noise.shape, math.nan), np.full(noise.shape, math.inf)
    above: list[np.ndarray] = []
    for level in range(_LEVELS):
        step = first / 2 ** level
        row = [secant(step)]
        for column, coarser in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - coarser) / (4 ** column - 1))
            guess = np.fmax(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser)) + noise / step
            better = guess < error
            best, error = np.where(better, row[-1], best), np.where(better, guess, error)
        above = row
    return best, error
