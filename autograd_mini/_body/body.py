"""The one staged form of a graph: a flat list of operations in single-assignment form.

Every number has a slot. The inputs come first, then the constants, then one slot for each operation, in an order in
which operands come before their users:

    slots   0 ... inputs - 1        the inputs
            first_constant ...      the constants
            first_operation ...     the result of each operation

A body knows no names and no shapes, so functions that compute the same thing have equal bodies; what is made from a
body (compiled code, above all) is kept by it. A `Builder` makes bodies; `read` is how everything else looks at one.

An operation may also be a `Loop`, which has any number of operands and of results: its results take as many slots, one
after the other. Who knows rows only asks for `operations`, which refuses a body with loops, or reads it: unless a
reading says what a loop means, every step is read by itself.
"""

from __future__ import annotations

import contextlib
import gc
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Optional, Union

from autograd_mini._body.loops import Loop
from autograd_mini._core.errors import LoopError
from autograd_mini._core.rows import Primitive

Operation = tuple[Primitive, tuple[int, ...]]
Statement = tuple[Union[Primitive, Loop], tuple[int, ...]]

MOST_SLOTS = 2 ** 31
"""How many slots there can be: they are numbered by 32 bits."""


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would look at a million new tuples again and again and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Body:
    """Operations in single-assignment form; equal, and with equal hashes, where the content is the same bit for bit.

    inputs       how many inputs there are
    constants    the numbers that the operations and outputs use
    rows         the rows and loops that the operations use, in the order of their first use
    code         32-bit integers: for each operation the place of its row in `rows`, then its operands' slots
    outputs      the slots of the results; an output may be an input or a constant

    Raises ValueError where an operation has the wrong number of operands or uses a slot that is not there yet.
    """

    inputs: int
    constants: tuple[float, ...]
    rows: tuple[Union[Primitive, Loop], ...]
    code: bytes
    outputs: tuple[int, ...]

    def __init__(self, inputs: int, constants: Sequence[float], operations: Iterable[Statement],
                 outputs: Sequence[int]) -> None:
        place: dict[Any, int] = {}
        code = array("i")
        for row, operands in operations:
            code.append(place.setdefault(row, len(place)))
            code.extend(operands)
        self._set(inputs, tuple(constants), tuple(place), code.tobytes(), tuple(outputs))
        self._check()

    @classmethod
    def of_code(cls, *fields: Any) -> Body:
        """A body with exactly these fields, which are right."""
        body = cls.__new__(cls)
        body._set(*fields)
        return body

    def _set(self, inputs: int, constants: tuple[float, ...], rows: tuple[Union[Primitive, Loop], ...], code: bytes,
             outputs: tuple[int, ...]) -> None:
        self.inputs, self.constants, self.rows, self.code, self.outputs = inputs, constants, rows, code, outputs

    def _check(self) -> None:
        limit = self.first_operation
        for row, operands in self.statements:
            if len(operands) != operand_count(row) or not all(0 <= slot < limit for slot in operands):
                raise ValueError(f"this is no body: {row!r} is applied to the slots {operands}, and there are {limit}")
            limit += result_count(row)
        if not all(0 <= slot < limit for slot in self.outputs):
            raise ValueError(f"this is no body: its outputs are the slots {self.outputs}, and there are {limit}")

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """(primitive or loop, operand slots) for each operation."""
        with _uncollected():
            return tuple(self._decoded())

    @property
    def operations(self) -> tuple[Operation, ...]:
        """(primitive, operand slots) for each operation; LoopError where one of them is a loop."""
        if self.has_loops:
            raise LoopError("this works on single operations, and the function has a loop, a recorded `scan`: "
                            "write that loop in Python where it is wanted")
        return self.statements  # type: ignore[return-value]

    @cached_property
    def has_loops(self) -> bool:
        """Whether some operation is a loop."""
        return any(type(row) is Loop for row in self.rows)

    @cached_property
    def primitives(self) -> frozenset[Primitive]:
        """The rows that are used, in loops as well."""
        found: set[Primitive] = set()
        for row in self.rows:
            if isinstance(row, Loop):
                found |= row.step.primitives
            else:
                found.add(row)
        return frozenset(found)

    @cached_property
    def work(self) -> int:
        """How many operations are carried out, those of a loop for each of its steps."""
        if not self.has_loops:
            return len(self.statements)
        return sum(row.trips * row.step.work if isinstance(row, Loop) else 1 for row, _ in self.statements)

    @cached_property
    def length(self) -> int:
        """How many operations are written, those of a step once."""
        return sum(row.step.length if isinstance(row, Loop) else 1 for row, _ in self.statements)

    def _decoded(self) -> Iterator[Statement]:
        code = memoryview(self.code).cast("i").tolist()
        at = 0
        while at < len(code):
            if not 0 <= code[at] < len(self.rows):
                raise ValueError(f"this is no body: it has {len(self.rows)} rows and uses row {code[at]}")
            row = self.rows[code[at]]
            behind = at + 1 + operand_count(row)
            yield row, tuple(code[at + 1:behind])
            at = behind

    @property
    def first_constant(self) -> int:
        return self.inputs

    @property
    def first_operation(self) -> int:
        return self.inputs + len(self.constants)

    @property
    def slots(self) -> int:
        """How many slots there are in all."""
        return self.first_operation + sum(result_count(row) for row, _ in self.statements)

    def with_outputs(self, outputs: Sequence[int]) -> Body:
        """The same operations with other slots as outputs."""
        return Body.of_code(self.inputs, self.constants, self.rows, self.code, tuple(outputs))

    def is_input(self, slot: int) -> bool:
        return slot < self.inputs

    def is_constant(self, slot: int) -> bool:
        return self.inputs <= slot < self.first_operation

    def constant(self, slot: int) -> float:
        """The number in a constant's slot."""
        return self.constants[slot - self.inputs]

    def read(self, apply: Callable[[Primitive, list[Any]], Any], inputs: Sequence[Any],
             constant: Callable[[float], Any] = float,
             loop: Optional[Callable[[Loop, list[Any]], Sequence[Any]]] = None) -> list[Any]:
        """What every slot holds under a reading: given the inputs, what a constant is, what applying a row means.

        `loop` is what applying a loop means; without it the steps of loops are read too, one after the other.

        >>> from autograd_mini.primitives import add, mul
        >>> body = Body(2, [3.0], [(mul, (0, 1)), (add, (3, 2))], [4])
        >>> body.read(lambda row, operands: row.value(*operands), [2.0, 5.0])
        [2.0, 5.0, 3.0, 10.0, 13.0]
        """
        slots = [*inputs, *map(constant, self.constants)]
        for row, operands in self.statements:
            given = [slots[slot] for slot in operands]
            if not isinstance(row, Loop):
                slots.append(apply(row, given))
            else:
                slots.extend(loop(row, given) if loop else row.unrolled(apply, given, constant))
        return slots

    def dependent(self, sources: Callable[[int], bool]) -> list[bool]:
        """For every slot: whether it is an input that `sources` accepts, or depends on one."""
        return self.read(lambda row, operands: any(operands), [*map(sources, range(self.inputs))],
                         lambda number: False, lambda loop, operands: [any(operands)] * loop.results)

    def part(self, inputs: Sequence[int], outputs: Sequence[int]) -> Body:
        """What some slots, the outputs, need beginning from other slots, which become the inputs."""
        given = set(inputs)
        needed = [False] * self.slots
        for slot in outputs:
            needed[slot] = slot not in given
        first, kept = self.slots, []
        for row, operands in reversed(self.statements):
            results = range(first - result_count(row), first)
            first = results.start
            if any(needed[slot] for slot in results):
                kept.append((row, operands, results))
                for slot in operands:
                    needed[slot] = slot not in given
        constants = [slot for slot in range(self.inputs, self.first_operation) if needed[slot]]
        place = {slot: at for at, slot in enumerate([*inputs, *constants])}
        for _, _, results in reversed(kept):
            place.update(zip(results, range(len(place), len(place) + len(results))))
        return Body(len(inputs), [self.constant(slot) for slot in constants],
                    [(row, tuple([place[slot] for slot in operands])) for row, operands, _ in reversed(kept)],
                    [place[slot] for slot in outputs])

    @cached_property
    def _content(self) -> tuple[Any, ...]:
        bits = struct.pack(f"{len(self.constants)}d", *self.constants)
        return self.inputs, bits, self.rows, self.code, self.outputs

    @cached_property
    def _hash(self) -> int:
        return hash(self._content)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Body):
            return NotImplemented
        return self is other or (hash(self) == hash(other) and self._content == other._content)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.inputs, self.constants, self.rows, self.code, self.outputs

    def __setstate__(self, state: Any) -> None:
        try:
            inputs, constants, rows, code, outputs = state
            self._set(int(inputs), tuple(map(float, constants)), tuple(rows), bytes(code), tuple(map(int, outputs)))
            is_sound = 0 <= self.inputs < MOST_SLOTS and all(isinstance(row, (Primitive, Loop)) for row in self.rows) \
                and self.slots < MOST_SLOTS
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this is no body: {error}") from None
        if not is_sound:
            raise ValueError("this is no body: it has too few slots or too many, or a row that is none of the table")
        self._check()

    def __repr__(self) -> str:
        return (f"<body of {self.inputs} inputs, {len(self.constants)} constants, {len(self.statements)} operations, "
                f"{len(self.outputs)} outputs>")


def operand_count(row: Union[Primitive, Loop]) -> int:
    """How many operands a row or a loop has."""
    return row.operands if isinstance(row, Loop) else len(row.partials)


def result_count(row: Union[Primitive, Loop]) -> int:
    """How many slots its results take."""
    return row.results if isinstance(row, Loop) else 1
