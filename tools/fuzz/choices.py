"""A case is what a function does with a list of choices, so that any case can be changed, kept and made smaller."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

LENGTH = 60
"""How many choices a new case holds; behind the last one every choice is the first one, so that each case ends."""


class Choices:
    """Numbers to choose by, and which of them were used."""

    def __init__(self, given: Sequence[int]) -> None:
        self.given = given
        self.taken: list[int] = []

    def below(self, limit: int) -> int:
        at = len(self.taken)
        self.taken.append(self.given[at] % limit if at < len(self.given) else 0)
        return self.taken[-1]

    def of(self, things: Sequence[Any]) -> Any:
        return things[self.below(len(things))]

    def happens(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1


def fresh(start: Sequence[int], source: random.Random) -> list[int]:
    """A case that begins with some choices."""
    return [*start, *(source.randrange(1 << 16) for _ in range(LENGTH - len(start)))]


def changed(case: Sequence[int], source: random.Random) -> list[int]:
    """A neighbour of a case: some choices are others, a part is gone, or comes twice."""
    new = list(case)
    for _ in range(source.randrange(1, 4)):
        start = source.randrange(len(new) + 1)
        end = min(len(new), start + source.randrange(1, 9))
        way = source.randrange(4)
        if way == 0:
            del new[start:end]
        elif way == 1:
            new[start:start] = new[start:end]
        elif start < len(new):
            new[start] = source.randrange(1 << source.randrange(1, 12))
    return new


def smallest(case: Sequence[int], still_fails: Callable[[list[int]], bool], tries: int = 400) -> list[int]:
    """A case that fails as well, from which no part can be left out and no choice be made the first one."""
    best, length = list(case), max(1, len(case) // 2)
    while length and tries > 0:
        smaller = False
        for start in range(0, len(best), length):
            for replacement in ([], [0] * len(best[start:start + length])):
                candidate = best[:start] + replacement + best[start + length:]
                if candidate != best and (len(candidate), sum(candidate)) < (len(best), sum(best)) and tries > 0:
                    tries -= 1
                    if still_fails(candidate):
                        best, smaller = candidate, True
        if not smaller:
            length //= 2
    return best
