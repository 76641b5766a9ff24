"""The readable scalar interpreter: one example, one operation after the other, by the rows' values."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini.program.body import Body


def run(body: Body, numbers: Sequence[float]) -> list[float]:
    """The outputs of a body for one example, given the number of each input."""
    slots = [*numbers, *body.constants]
    for primitive, operands in body.operations:
        slots.append(float(primitive.value(*[slots[slot] for slot in operands])))
    return [slots[slot] for slot in body.outputs]
