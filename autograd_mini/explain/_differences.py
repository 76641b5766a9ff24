"""Derivatives from function values alone, in floats, with an honest error estimate: a witness that knows no rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Optional

import numpy as np


class Estimate(NamedTuple):
    """Derivatives by one variable, and how far off they may be; an infinite error says that they mean nothing."""

    slope: np.ndarray
    error: np.ndarray


def central(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, position: int,
            noise: Optional[np.ndarray] = None) -> Estimate:
    """Central differences of f by x[position], extrapolated to step 0 by Ridders' method.

    f maps n numbers to an array of any shape. Steps halve from 1/16 of the number; of all extrapolations of an entry
    the one counts that agrees best with its neighbours. Where the slopes on both sides differ, the error is infinite.
    `noise` says how far rounding may carry the values of f; by default a few units in the last place.
    (C. J. F. Ridders, Advances in Engineering Software 4, 1982.)
    """
    size = abs(x[position]) or 1.0

    def at(step: float) -> np.ndarray:
        moved = x.copy()
        moved[position] += step
        return np.asarray(f(moved), dtype=float)

    with np.errstate(all="ignore"):
        here = at(0.0)
        best, error = np.full(here.shape, math.nan), np.full(here.shape, math.inf)
        noise = 2.0 ** -50 * np.abs(here) if noise is None else noise
        above: list[np.ndarray] = []
        for level in range(12):
            step = size / 16 / 2 ** level
            row = [(at(step) - at(-step)) / (2 * step)]
            for column, coarser in enumerate(above, 1):
                row.append(row[-1] + (row[-1] - coarser) / (4 ** column - 1))
                guess = np.fmax(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser)) + noise / step
                better = guess < error
                best, error = np.where(better, row[-1], best), np.where(better, guess, error)
            above = row
        small = size * 2.0 ** -20
        right, left = (at(small) - here) / small, (here - at(-small)) / small
        has_kink = ~(np.abs(right - left) <= 1e-3 * (np.abs(right) + np.abs(left) + np.abs(here) * 1e-3) + error)
    return Estimate(best, np.where(has_kink, math.inf, error))
