"""Points of a domain, so that every size of number in it is met: near 0 and far out, on both sides of 0."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Union

from autograd_mini.explain._ball import ordinal
from autograd_mini.primitives import LARGEST

Range = Union[tuple[float, float], list[float]]
"""An interval (low, high), or a list of numbers."""

USUAL = 40
"""Half of the points are drawn with sizes between 2**-USUAL and 2**USUAL, where people work."""


def drawn(domain: Sequence[Range], count: int, seed: int) -> list[tuple[float, ...]]:
    """Random points of a domain."""
    rng = random.Random(seed)
    return [tuple([_drawn(rng, side) for side in domain]) for _ in range(count)]


def _drawn(rng: random.Random, side: Range) -> float:
    if isinstance(side, list):
        return float(rng.choice(side))
    low, high = side
    kind = rng.randrange(4)
    if kind == 0 and high - low < 1e300:
        return rng.uniform(low, high)
    if kind == 1:
        return _float(rng.randint(ordinal(low), ordinal(high)))
    for _ in range(50):
        number = rng.choice((-1, 1)) * 2.0 ** rng.uniform(-USUAL, USUAL)
        if low <= number <= high:
            return number
    return _float(rng.randint(ordinal(low), ordinal(high)))


def checked(domain: Mapping[str, Any], names: Sequence[str]) -> list[Range]:
    """The ranges of some names in their order, with the ends of floats for infinite ends.

    Raises ValueError for a name without a range, a range without a name, and what is no range.
    """
    unknown = [name for name in domain if name not in names]
    if unknown:
        raise ValueError(f"the result does not depend on {unknown[0]!r}: it does on {', '.join(names)}")
    ranges: list[Range] = []
    for name in names:
        given = domain.get(name)
        if isinstance(given, list) and given and all(map(math.isfinite, given)):
            ranges.append([float(number) for number in given])
        elif isinstance(given, tuple) and len(given) == 2 and given[0] <= given[1]:
            ranges.append((max(float(given[0]), -LARGEST), min(float(given[1]), LARGEST)))
        else:
            raise ValueError(f"{name!r} needs an interval (low, high) or a list of numbers, not {given!r}")
    return ranges


def contains(domain: Sequence[Range], point: Sequence[float]) -> bool:
    return all(number in side if isinstance(side, list) else side[0] <= number <= side[1]
               for number, side in zip(point, domain))


def between_points(one: Sequence[float], other: Sequence[float], count: int) -> list[tuple[float, ...]]:
    """So many points on the way from one to another, evenly by the count of floats."""
    ways = [(ordinal(a), ordinal(b)) for a, b in zip(one, other)]
    return [tuple([_float(a + (b - a) * step // (count + 1)) for a, b in ways]) for step in range(1, count + 1)]


def near(point: Sequence[float], count: int, seed: int) -> list[tuple[float, ...]]:
    """The point, and others next to it; what is 0 or 1, as labels are, is also the other one."""
    rng = random.Random(seed)

    def moved(number: float) -> float:
        if number in (0.0, 1.0):
            return rng.choice((0.0, 1.0, number))
        return number * (1 + rng.choice((-1, 0, 1)) * 2.0 ** -rng.uniform(1, 12))

    return [tuple(point), *[tuple(map(moved, point)) for _ in range(count)]]


def far(point: Sequence[float], count: int, seed: int, free: Sequence[bool]) -> list[tuple[float, ...]]:
    """Points of every usual size, some numbers of them as they are; on both sides of 0 where they are free to be."""
    rng = random.Random(seed)

    def moved(number: float, is_free: bool) -> float:
        kind = rng.randrange(4)
        if kind == 0 or (0.0 <= number <= 1.0 and kind == 1):
            return rng.choice((0.0, 1.0)) if 0.0 <= number <= 1.0 else number
        size = rng.uniform(1.0, rng.choice((40.0, 1500.0))) if kind == 2 else 2.0 ** rng.uniform(-USUAL, USUAL)
        return rng.choice((-1, 1)) * size if is_free else math.copysign(size, number)

    return [tuple(map(moved, point, free)) for _ in range(count)]


def ranges_around(point: Sequence[float]) -> list[Range]:
    """A domain in which a point lies, with both sides of 0."""
    return [[0.0, 1.0] if number in (0.0, 1.0) else (-max(8 * abs(number), 2.0), max(8 * abs(number), 2.0))
            for number in point]


def _float(place: int) -> float:
    """The float with this ordinal."""
    return math.copysign(struct.unpack("<d", struct.pack("<q", abs(place)))[0], place)
