"""Derivatives from function values alone: in floats with an honest error estimate, and at many digits.

Neither knows a rule of the engine, so both can testify against it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini.explain import _exact as exact

_STEP, _LIMITS = 20, (1200, 150)
"""Exact differences take steps of 10**-20 relative, and have an error of about the square of that. A value, and a sum
of derivatives, that is undecided at so many digits counts as settled: sums are judged by the size of their terms."""


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


def at_many_digits(root: Any, variables: Sequence[Any], order: int, digits: int = 50) -> dict[tuple[int, ...], Any]:
    """The derivatives of a recorded number to one order, by differences of exact replays: {positions: mpf or None}.

    Positions are those of the variables, in ascending order; None stands where the derivative one order lower has a
    kink or an end. Costs 4**(order - 1) exact backward passes for every choice of order - 1 variables.
    """
    import mpmath

    centres = [mpmath.mp.mpf(variable.data) for variable in variables]
    digits += _STEP * (order - 1)

    def slopes(offsets: dict[int, Any]) -> list[Any]:
        moved = {id(variables[i]): exact.context(3 * digits).mpf(centres[i]) + offset for i, offset in offsets.items()}
        found = exact.derivatives(root, digits, at=moved, limits=_LIMITS)
        return [found.get(id(variable), mpmath.mp.mpf(0)) for variable in variables]

    results: dict[tuple[int, ...], Any] = {}
    here = slopes({}) if order > 1 else []
    for chosen in itertools.combinations_with_replacement(range(len(variables)), order - 1):
        with mpmath.mp.workdps(3 * digits):
            rows = [_nested(slopes, chosen, [multiple * _step(centres[i]) for i in chosen]) for multiple in (1, 2)] \
                if chosen else [slopes({})] * 2
            size = max((abs(slope) for slope in rows[0]), default=0)
            for last in range(chosen[-1] if chosen else 0, len(variables)):
                near, far = rows[0][last], rows[1][last]
                positions = (*chosen, last)
                inside = not chosen or abs(here[last]) < math.inf or (here[last] != here[last] and near != near)
                inside = inside and all(math.isfinite(variables[i].data) for i in chosen)
                results[positions] = near if inside and _agree(near, far, size) else None
    return results


def _step(centre: Any) -> Any:
    import mpmath

    return mpmath.mp.mpf(10) ** -_STEP * (abs(centre) or 1)


def _nested(slopes: Callable[[dict[int, Any]], list[Any]], chosen: Sequence[int], steps: Sequence[Any]) -> list[Any]:
    """Central differences in every chosen direction, one inside the other."""
    total: Optional[list[Any]] = None
    for signs in itertools.product((1, -1), repeat=len(chosen)):
        offsets: dict[int, Any] = {}
        for i, sign, step in zip(chosen, signs, steps):
            offsets[i] = offsets.get(i, 0) + sign * step
        share = [math.prod(signs) * slope for slope in slopes(offsets)]
        total = share if total is None else [a + b for a, b in zip(total, share)]
    return [entry / math.prod(2 * step for step in steps) for entry in total or []]


def _agree(near: Any, far: Any, size: Any) -> bool:
    if near != near or far != far or abs(near) == math.inf:
        return bool(near == far or (near != near and far != far))
    largest = max(abs(near), abs(far))
    return bool(abs(near - far) <= 1e-6 * largest or largest <= 1e-25 * size)
