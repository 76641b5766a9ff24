"""The one staged form of a graph: a flat list of operations in single-assignment form.

Every number has a slot. The inputs come first, then the constants, then one slot for each operation, in an order in
which operands come before their users:

    slots   0 ... inputs - 1        the inputs
            first_constant ...      the constants
            first_operation ...     the result of each operation

A body knows no names and no shapes, so functions that compute the same thing have equal bodies; what is made from a
body (compiled code, above all) is kept by it. A `Builder` makes bodies; `read` is how everything else looks at one.
"""

from __future__ import annotations

import contextlib
import gc
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from autograd_mini._core.rows import Primitive

Operation = tuple[Primitive, tuple[int, ...]]


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
    rows         the rows that the operations use, in the order of their first use
    code         32-bit integers: for each operation the place of its row in `rows`, then its operands' slots
    outputs      the slots of the results; an output may be an input or a constant

    Raises ValueError where an operation has the wrong number of operands or uses a slot that is not there yet.
    """

    inputs: int
    constants: tuple[float, ...]
    rows: tuple[Primitive, ...]
    code: bytes
    outputs: tuple[int, ...]

    def __init__(self, inputs: int, constants: Sequence[float], operations: Iterable[Operation],
                 outputs: Sequence[int]) -> None:
        place: dict[Primitive, int] = {}
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

    def _set(self, inputs: int, constants: tuple[float, ...], rows: tuple[Primitive, ...], code: bytes,
             outputs: tuple[int, ...]) -> None:
        self.inputs, self.constants, self.rows, self.code, self.outputs = inputs, constants, rows, code, outputs

    def _check(self) -> None:
        limit = self.first_operation
        for row, operands in self.operations:
            if len(operands) != len(row.partials) or not all(0 <= slot < limit for slot in operands):
                raise ValueError(f"this is no body: {row!r} is applied to the slots {operands}, and there are {limit}")
            limit += 1
        if not all(0 <= slot < limit for slot in self.outputs):
            raise ValueError(f"this is no body: its outputs are the slots {self.outputs}, and there are {limit}")

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """(primitive, operand slots) for each operation."""
        with _uncollected():
            return tuple(self._decoded())

    def _decoded(self) -> Iterator[Operation]:
        code = memoryview(self.code).cast("i").tolist()
        at = 0
        while at < len(code):
            if not 0 <= code[at] < len(self.rows):
                raise ValueError(f"this is no body: it has {len(self.rows)} rows and uses row {code[at]}")
            row = self.rows[code[at]]
            behind = at + 1 + len(row.partials)
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
        return self.first_operation + len(self.operations)

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
             constant: Callable[[float], Any] = float) -> list[Any]:
        """What every slot holds under a reading: given the inputs, what a constant is, what applying a row means.

        >>> from autograd_mini.primitives import add, mul
        >>> body = Body(2, [3.0], [(mul, (0, 1)), (add, (3, 2))], [4])
        >>> body.read(lambda row, operands: row.value(*operands), [2.0, 5.0])
        [2.0, 5.0, 3.0, 10.0, 13.0]
        """
        slots = [*inputs, *map(constant, self.constants)]
        for row, operands in self.operations:
            slots.append(apply(row, [slots[slot] for slot in operands]))
        return slots

    def dependent(self, sources: Callable[[int], bool]) -> list[bool]:
        """For every slot: whether it is an input that `sources` accepts, or depends on one."""
        return self.read(lambda row, operands: any(operands), [*map(sources, range(self.inputs))], lambda number: False)

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
            wrong = self.inputs < 0 or not all(isinstance(row, Primitive) for row in self.rows)
        except (TypeError, ValueError) as error:
            raise ValueError(f"this is no body: {error}") from None
        if wrong:
            raise ValueError("this is no body: its inputs are fewer than none, or a row is none of the table")
        self._check()

    def __repr__(self) -> str:
        return (f"<body of {self.inputs} inputs, {len(self.constants)} constants, {len(self.operations)} operations, "
                f"{len(self.outputs)} outputs>")
