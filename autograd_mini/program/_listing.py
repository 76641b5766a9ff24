"""A Program as text: its inputs, its operations with their names, its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from autograd_mini._body.body import Body
from autograd_mini.primitives import SUM


class _Operand(str):
    """A name or a number inside a row's text; a negative number is bracketed, but not where a sum begins."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return f"({self})" if spec > str(SUM) and self.startswith("-") else str(self)


def slot_names(body: Body, inputs: Sequence[str], names: Mapping[int, str]) -> list[str]:
    """What each slot is called: an input's or node's own name where it is still free, a number for a constant, t7."""
    found = list(inputs) + [repr(number) for number in body.constants]
    taken = set(inputs)
    for slot in range(body.first_operation, body.slots):
        name = names.get(slot, "")
        if not name or name in taken:
            name = f"t{slot}"
            while name in taken:
                name += "_"
        taken.add(name)
        found.append(name)
    return found


def listing(title: str, body: Body, inputs: Sequence[str], outputs: Sequence[str], names: Mapping[int, str],
            limit: Optional[int] = None) -> str:
    """The text of a program; of more than `limit` operations, the first and the last are shown."""
    slots = [_Operand(name) for name in slot_names(body, inputs, names)]
    count = len(body.operations)
    lines = [f"{title}: {len(inputs)} inputs, {count} operations, {len(outputs)} outputs"]
    lines += [f"  inputs   {_some(inputs, limit)}"]
    shown = range(count) if limit is None or count <= limit else [*range(limit // 2), *range(count - limit // 2, count)]
    previous = -1
    width = max((len(slots[body.first_operation + place]) for place in shown), default=0)
    for place in shown:
        if place != previous + 1:
            lines.append(f"  ... {place - previous - 1} operations more")
        primitive, operands = body.operations[place]
        text = primitive.text.format(*[slots[slot] for slot in operands])
        lines.append(f"  {slots[body.first_operation + place]:{width}} = {text}")
        previous = place
    results = [name if name == slots[slot] else f"{name} = {slots[slot]}" for name, slot in zip(outputs, body.outputs)]
    return "\n".join([*lines, f"  outputs  {_some(results, limit)}"])


def _some(entries: Sequence[str], limit: Optional[int]) -> str:
    if limit is None or len(entries) <= limit:
        return ", ".join(entries)
    return f"{', '.join(entries[:limit])}, ... {len(entries) - limit} more"
