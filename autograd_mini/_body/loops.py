"""A loop as one operation of a body: the same step, so many times, with what it carries from one time to the next.

Its operands are runs of slots, one after the other, and so are its results:

    operands   the carry before the first step | what every step shares | stream 0, `trips` numbers | stream 1 | ...
    results    the carry after the last step | what column 0 emits, `trips` numbers | column 1 | ...

A step is a body of its own, which may hold loops again. Its inputs are the carry, what is shared and one number of each
stream; its outputs the next carry and one number for each column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional


class Loop(NamedTuple):
    """`trips` steps, the last first where `is_reversed`: streams are read, and columns written, at the same place."""

    trips: int
    step: Any
    carry: int
    shared: int
    is_reversed: bool = False

    @property
    def streams(self) -> int:
        """How many streams there are."""
        return self.step.inputs - self.carry - self.shared

    @property
    def columns(self) -> int:
        """How many numbers each step emits."""
        return len(self.step.outputs) - self.carry

    @property
    def operands(self) -> int:
        """How many operands there are."""
        return self.carry + self.shared + self.trips * self.streams

    @property
    def results(self) -> int:
        """How many results there are."""
        return self.carry + self.trips * self.columns

    def places(self) -> range:
        """The place of each step in the streams and columns, in the order of the steps."""
        return range(self.trips - 1, -1, -1) if self.is_reversed else range(self.trips)

    def unrolled(self, apply: Callable[[Any, list[Any]], Any], given: Sequence[Any],
                 constant: Callable[[float], Any] = float, loop: Optional[Callable[..., Any]] = None) -> list[Any]:
        """The results under a reading (see `Body.read`), one step after the other."""
        carry, behind = [*given[:self.carry]], self.carry + self.shared
        shared, streams = [*given[self.carry:behind]], given[behind:]
        emitted: list[Any] = [None] * (self.trips * self.columns)
        for place in self.places():
            now = streams[place::self.trips]
            slots = self.step.read(apply, [*carry, *shared, *now], constant, loop)
            made = [slots[output] for output in self.step.outputs]
            carry = made[:self.carry]
            emitted[place::self.trips] = made[self.carry:]
        return [*carry, *emitted]

    def __repr__(self) -> str:
        return f"<loop of {self.trips} steps of {self.step.work} operations>"
