"""Where primitives are tested: their own sample points, numbers where things go wrong, and numbers of every size."""

from __future__ import annotations

import math
import random
import struct
from itertools import product

LARGEST, SMALLEST_NORMAL, SMALLEST = math.nextafter(math.inf, 0), 2.0 ** -1022, 5e-324
SPECIAL = [0.0, SMALLEST, 3e-310, SMALLEST_NORMAL, 1e-200, 1e-20, 1e-9, 2.0 ** -27, 1e-3, 0.1, 1 / 3, 0.5,
           math.log(2), 0.7, 1 - 2.0 ** -53, 1 - 2.0 ** -30, 1.0, 1 + 2.0 ** -52, 1 + 2.0 ** -30, 1.25, 1.5,
           math.pi / 2, 2.0, 2.5, math.e, 3.0, math.pi, 4.0, 5.5, 8.3, 10.0, 18.7, 20.0, 26.5, 37.5, 38.4, 40.0,
           100.0, 355.0, 700.0, 709.7, 710.4, 745.1, 1023.9, 1074.5, 2.0 ** 27 + 1, 2.0 ** 53 + 2,
           1e15, 1e22, 1e100, 1e154, 1e200, 1e300, LARGEST]


def any_float(rng: random.Random) -> float:
    """A finite float with every bit pattern equally likely: all exponents, both signs, subnormal ones too."""
    while True:
        number, = struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))
        if math.isfinite(number):
            return number


def one_number(rng: random.Random) -> float:
    kind = rng.randrange(8)
    if kind == 0:
        return any_float(rng)
    if kind == 1:
        return rng.choice((-1, 1)) * rng.choice(SPECIAL)
    if kind == 2:
        return rng.uniform(-1, 1)
    if kind == 3:
        return rng.uniform(-40, 40)
    if kind == 4:
        return rng.uniform(-760, 760)
    if kind == 5:
        return rng.choice((-1, 1)) * 10 ** rng.uniform(-20, 20)
    if kind == 6:
        return rng.choice((-1, 1)) * (1 + rng.choice((-1, 1)) * 2.0 ** -rng.randint(1, 52))
    return rng.gauss(0, 3)


def several_numbers(rng: random.Random, arity: int) -> tuple[float, ...]:
    first = one_number(rng)
    others = []
    for _ in range(arity - 1):
        near_first = first * rng.choice((-1, 1)) * (1 + rng.choice((0, 1, -1, 3)) * 2.0 ** -rng.randint(1, 52))
        others.append(rng.choice((one_number(rng), one_number(rng), near_first, float(rng.randint(-6, 6)))))
    return tuple(x if math.isfinite(x) else 1.0 for x in (first, *others))


def points(arity: int, count: int, seed: int) -> list[tuple[float, ...]]:
    """All specials (or pairs of some) and `count` random points, the same ones for the same seed."""
    rng = random.Random(seed)
    special = [s * x for x in SPECIAL for s in (1, -1)]
    if arity == 1:
        fixed = [(x,) for x in special]
    else:
        fixed = list(product(rng.sample(special, 14), repeat=arity)) if arity == 2 else []
    return fixed + [several_numbers(rng, arity) for _ in range(count)]
