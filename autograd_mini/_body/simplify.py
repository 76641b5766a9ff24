"""Building the body of a Program, simplified on the way without changing a bit of any result.

What is done: an operation on constants is carried out; a row's `shortcut` is taken; an operation that is there
already is used again; what no output needs is left out. What is never done: 0 * x, x + 0.0 and the like, which are
not the same for infinite, nan or signed-zero x.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini._body.body import Body, Operation
from autograd_mini.primitives import Operators, Primitive


class Builder:
    """Collects operations.

    A reference to a number is the input's index, `inputs` + the operation's, or -1 - the constant's; `body(outputs)`
    gives every number that is needed its slot. Rows that `expands` picks are written in basic rows.
    """

    def __init__(self, inputs: int, simplified: bool = True,
                 expands: Callable[[Primitive], bool] = lambda primitive: False) -> None:
        self.inputs, self.simplified, self.expands = inputs, simplified, expands
        self.constants: list[float] = []
        self.operations: list[Operation] = []
        self._constant_at: dict[bytes, int] = {}
        self._operation_at: dict[Operation, int] = {}

    def constant(self, number: float) -> int:
        """The reference to a constant; equal bits share one."""
        bits = struct.pack("d", number)
        reference = self._constant_at.get(bits)
        if reference is None:
            self.constants.append(number)
            reference = self._constant_at[bits] = -len(self.constants)
        return reference

    def apply(self, primitive: Primitive, references: tuple[int, ...]) -> int:
        """The reference to the result of a primitive."""
        operation = (primitive, references)
        if self.simplified:
            known = self._operation_at.get(operation)
            if known is None:
                known = self._operation_at[operation] = self._shortest(operation)
            return known
        return self._append(operation)

    def _append(self, operation: Operation) -> int:
        self.operations.append(operation)
        return self.inputs + len(self.operations) - 1

    def _shortest(self, operation: Operation) -> int:
        primitive, references = operation
        if max(references) < 0:
            return self.constant(primitive.number(*[self.constants[-1 - reference] for reference in references]))
        if primitive.shortcut is not None:
            shorter = primitive.shortcut(*[self.term(reference) for reference in references])
            if shorter is not None:
                return self.reference(shorter)
        if self.expands(primitive):
            return self.reference(primitive.require("expansion", "writing it in basic rows")(
                *[Term(self, reference) for reference in references]))
        return self._append(operation)

    def term(self, reference: int) -> Any:
        """What a shortcut is called with: a float for a constant, else a Term."""
        return self.constants[-1 - reference] if reference < 0 else Term(self, reference)

    def reference(self, term: Any) -> int:
        """The reference to what a rule returned: a Term of this builder or a number."""
        return term.reference if type(term) is Term else self.constant(float(term))

    def body(self, outputs: Sequence[int]) -> tuple[Body, Callable[[int], int]]:
        """The body that computes the outputs, and the function from a reference to its slot, or -1 if left out."""
        needed = bytearray(len(self.operations))
        used = dict.fromkeys(reference for reference in outputs if reference < 0)
        for reference in outputs:
            if reference >= self.inputs:
                needed[reference - self.inputs] = 1
        for position in range(len(self.operations) - 1, -1, -1):
            if needed[position]:
                for reference in self.operations[position][1]:
                    if reference >= self.inputs:
                        needed[reference - self.inputs] = 1
                    elif reference < 0:
                        used[reference] = None
        slots = {reference: self.inputs + place for place, reference in enumerate(sorted(used, reverse=True))}
        constants = [self.constants[-1 - reference] for reference in slots]
        slots.update((slot, slot) for slot in range(self.inputs))
        operations: list[Operation] = []
        first = self.inputs + len(constants)
        for position, (primitive, references) in enumerate(self.operations):
            if needed[position]:
                slots[self.inputs + position] = first + len(operations)
                operations.append((primitive, tuple([slots[reference] for reference in references])))
        body = Body(self.inputs, constants, operations, [slots[reference] for reference in outputs])
        return body, lambda reference: slots.get(reference, -1)


class Term(Operators):
    """A number of a body under construction: the reading of a rule as operations."""

    __slots__ = ("builder", "reference")

    def __init__(self, builder: Builder, reference: int) -> None:
        self.builder, self.reference = builder, reference

    @property
    def operation(self) -> Any:
        at = self.reference - self.builder.inputs
        return self.builder.operations[at][0] if at >= 0 else None

    @property
    def operands(self) -> tuple[Any, ...]:
        at = self.reference - self.builder.inputs
        return tuple(map(self.builder.term, self.builder.operations[at][1])) if at >= 0 else ()

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Term:
        reference = self.builder.apply(primitive, tuple(map(self.builder.reference, operands)))
        return Term(self.builder, reference)


def expand(body: Body, keep: Callable[[Primitive], bool] = lambda primitive: False) -> Body:
    """The body with every composite row that `keep` refuses written in basic rows, by the row's `expansion`.

    What expansions have in common is computed once: those of `softplus(z)` and `sigmoid(z)` share an exponential.
    """
    return _rebuilt(body, body.outputs, Builder(body.inputs, expands=lambda row: row.expansion is not None
                                                and not keep(row)))


def computing(body: Body, slots: Sequence[int]) -> Body:
    """The part of a body that the given slots need, with them as its outputs."""
    return _rebuilt(body, slots, Builder(body.inputs, simplified=False))


def _rebuilt(body: Body, outputs: Sequence[int], builder: Builder) -> Body:
    references = list(range(body.inputs)) + [builder.constant(number) for number in body.constants]
    for primitive, operands in body.operations:
        references.append(builder.apply(primitive, tuple([references[slot] for slot in operands])))
    return builder.body([references[slot] for slot in outputs])[0]
