"""The body of a Program: a flat list of operations in single-assignment form.

Every number has a slot. The inputs come first, then the constants, then one slot for each operation, in an order in
which operands come before their users:

    slots   0 ... inputs - 1        the inputs
            first_constant ...      the constants
            first_operation ...     the result of each operation

A body knows no names and no shapes, so programs that compute the same thing have equal bodies; what is made from a
body (compiled code, above all) is kept by it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cached_property

from autograd_mini.primitives import Primitive

Operation = tuple[Primitive, tuple[int, ...]]


class Body:
    """Operations in single-assignment form; equal, and with equal hashes, where the content is the same bit for bit.

    inputs       how many inputs there are
    constants    the numbers that the operations and outputs use
    operations   (primitive, operand slots) for each operation
    outputs      the slots of the results; an output may be an input or a constant
    """

    inputs: int
    constants: tuple[float, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[int, ...]

    def __init__(self, inputs: int, constants: Sequence[float], operations: Sequence[Operation],
                 outputs: Sequence[int]) -> None:
        self.inputs = inputs
        self.constants, self.operations, self.outputs = tuple(constants), tuple(operations), tuple(outputs)

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

    def is_input(self, slot: int) -> bool:
        return slot < self.inputs

    def is_constant(self, slot: int) -> bool:
        return self.inputs <= slot < self.first_operation

    def constant(self, slot: int) -> float:
        """The number in a constant's slot."""
        return self.constants[slot - self.inputs]

    def dependent(self, sources: Callable[[int], bool]) -> list[bool]:
        """For every slot: whether it is an input that `sources` accepts, or depends on one."""
        found = [sources(slot) for slot in range(self.inputs)] + [False] * len(self.constants)
        for _, operands in self.operations:
            found.append(any(found[slot] for slot in operands))
        return found

    @cached_property
    def _constant_bits(self) -> bytes:
        return struct.pack(f"{len(self.constants)}d", *self.constants)

    @cached_property
    def _hash(self) -> int:
        return hash((self.inputs, self._constant_bits, self.operations, self.outputs))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Body):
            return NotImplemented
        return self is other or (
            (self.inputs, self.outputs, self._constant_bits) == (other.inputs, other.outputs, other._constant_bits)
            and hash(self) == hash(other) and self.operations == other.operations)

    def __getstate__(self) -> tuple[object, ...]:
        return self.inputs, self.constants, self.operations, self.outputs

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.inputs, self.constants, self.operations, self.outputs = state  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (f"<body of {self.inputs} inputs, {len(self.constants)} constants, {len(self.operations)} operations, "
                f"{len(self.outputs)} outputs>")
