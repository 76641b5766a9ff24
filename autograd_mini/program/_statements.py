"""Bodies as statements of C or JavaScript: a loop is a `for`, what it emits lies in memory of the function's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._body.builder import expanded
from autograd_mini._body.loops import Loop
from autograd_mini._core.c_text import literal
from autograd_mini._core.rows import Primitive
from autograd_mini.render import _javascript

_ENTRY = re.compile(r"(inputs|m)\[(\d+)\]")


class Language(NamedTuple):
    """What its texts differ in: how numbers that stay, numbers that change and counters begin, literals, operations."""

    constant: str
    variable: str
    counter: str
    literal: Callable[[float], str]
    operation: Callable[[Primitive, Sequence[str]], str]


C = Language("const double", "double", "long", literal, lambda row, given: row.require("c", "C source").format(*given))
JAVASCRIPT = Language("const", "let", "let", _javascript.literal, _javascript.expression)


class Statements:
    """Collects the statements that compute a body; `memory` is how many numbers of `m` they use."""

    def __init__(self, language: Language, first: int) -> None:
        self.lines: list[str] = []
        self.memory = 0
        self.language, self.constant = language, language.literal
        self._indent, self._count = "    ", first

    def write(self, line: str) -> None:
        self.lines.append(self._indent + line)

    def name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count - 1}"

    def apply(self, row: Primitive, given: Sequence[str]) -> str:
        """The name of a result."""
        if row.c is None and row.expansion is not None:
            return expanded(self, row, given)
        code = self.language.operation(row, given)
        name = self.name("t")
        self.write(f"{self.language.constant} {name} = {code};")
        return name

    def body(self, body: Body, given: Sequence[str]) -> list[str]:
        """Write a body, given what its inputs are called; returns what its outputs are called."""
        slots = body.read(self.apply, given, self.constant, self.loop)
        return [slots[output] for output in body.outputs]

    def loop(self, loop: Loop, given: Sequence[str]) -> list[str]:
        """Write a loop; returns what its results are called."""
        known, trips = loop.carry + loop.shared, loop.trips
        streams = [self._stream(given[at:at + trips]) for at in range(known, len(given), trips)]
        carry, k, first = [self.name("c") for _ in range(loop.carry)], self.name("k"), self.memory
        self.memory += loop.columns * trips
        for name, start in zip(carry, given):
            self.write(f"{self.language.variable} {name} = {start};")
        steps = f"{k} = {trips - 1}; {k} >= 0; {k}--" if loop.is_reversed else f"{k} = 0; {k} < {trips}; {k}++"
        self.write(f"for ({self.language.counter} {steps}) {{")
        self._indent += "    "
        now = [stream.replace("%", k) for stream in streams]
        made = self.body(loop.step, [*carry, *given[loop.carry:known], *now])
        after = [self.name("n") for _ in carry]
        for name, number in zip(after, made):
            self.write(f"{self.language.constant} {name} = {number};")
        for at, number in enumerate(made[loop.carry:]):
            self.write(f"m[{first + at * trips} + {k}] = {number};")
        for name, number in zip(carry, after):
            self.write(f"{name} = {number};")
        self._indent = self._indent[:-4]
        self.write("}")
        return [*carry, *(f"m[{place}]" for place in range(first, first + loop.columns * trips))]

    def _stream(self, entries: Sequence[str]) -> str:
        """A stream at step %: one number, equal distances in an array, or what is packed before the loop."""
        if len(set(entries)) == 1:
            return entries[0]
        found = [_ENTRY.fullmatch(entry) for entry in entries]
        if all(found) and len({entry[1] for entry in found if entry}) == 1:
            places = np.array([int(entry[2]) for entry in found if entry])
            steps = np.diff(places)
            if (steps == steps[0]).all():
                return f"{entries[0].partition('[')[0]}[{places[0]} + {steps[0]} * %]"
        first = self.memory
        self.memory += len(entries)
        for place, entry in enumerate(entries, first):
            self.write(f"m[{place}] = {entry};")
        return f"m[{first} + %]"
