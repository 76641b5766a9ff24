"""A Program as text: its inputs, its operations with their names, its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from autograd_mini._body.body import Body, result_count
from autograd_mini._body.loops import Loop
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
    lines = [f"{title}: {len(inputs)} inputs, {len(body.statements)} operations, {len(outputs)} outputs"]
    lines += [f"  inputs   {_some(inputs, limit)}", *_lines(body, slots, limit)]
    results = [name if name == slots[slot] else f"{name} = {slots[slot]}" for name, slot in zip(outputs, body.outputs)]
    return "\n".join([*lines, f"  outputs  {_some(results, limit)}"])


def _lines(body: Body, slots: Sequence[str], limit: Optional[int]) -> list[str]:
    """A line for each operation, and a paragraph for each loop."""
    count, lines, previous = len(body.statements), [], -1
    shown = range(count) if limit is None or count <= limit else [*range(limit // 2), *range(count - limit // 2, count)]
    first = [body.first_operation]
    for row, _ in body.statements:
        first.append(first[-1] + result_count(row))
    width = max((len(slots[first[place]]) for place in shown if not isinstance(body.statements[place][0], Loop)),
                default=0)
    for place in shown:
        if place != previous + 1:
            lines.append(f"  ... {place - previous - 1} operations more")
        row, operands = body.statements[place]
        given = [slots[slot] for slot in operands]
        if isinstance(row, Loop):
            lines += _loop_lines(row, given, slots[first[place]:first[place + 1]], limit)
        else:
            lines.append(f"  {slots[first[place]]:{width}} = {row.text.format(*given)}")
        previous = place
    return lines


def _loop_lines(loop: Loop, given: Sequence[str], results: Sequence[str], limit: Optional[int]) -> list[str]:
    """A loop: what it begins with and goes over, its step, what it ends with and emits."""
    carry, known, trips = loop.carry, loop.carry + loop.shared, loop.trips
    names = [*(f"c{place}" for place in range(carry)), *given[carry:known], *(f"x{k}" for k in range(loop.streams))]
    step = [_Operand(name) for name in slot_names(loop.step, names, {})]
    after = [step[slot] for slot in loop.step.outputs]
    head = [f"{name} = {entry}" for name, entry in zip(names, given[:carry])]
    head += [f"{name} over {_run(given[known + at * trips:known + at * trips + trips])}"
             for at, name in enumerate(names[known:])]
    tail = [f"{name} = {after[at]}, last {results[at]}" for at, name in enumerate(names[:carry])]
    tail += [f"{_run(results[carry + at * trips:carry + at * trips + trips])} = {entry}"
             for at, entry in enumerate(after[carry:])]
    order = ", the last first" if loop.is_reversed else ""
    return [f"  loop of {trips} steps{order}: {_some(head, limit)}",
            *("  " + line for line in _lines(loop.step, step, limit)), f"    then {_some(tail, limit)}"]


def _run(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}"


def _some(entries: Sequence[str], limit: Optional[int]) -> str:
    if limit is None or len(entries) <= limit:
        return ", ".join(entries)
    return f"{', '.join(entries[:limit])}, ... {len(entries) - limit} more"
