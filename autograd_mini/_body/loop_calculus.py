"""The chain rule through recorded loops: the derivative of a loop is a loop.

Backward, a loop runs the other way round. It carries the cotangents of the carry, adds up those of what the steps
share, and emits those of the streams. What it needs of each step forward comes as streams: the carry before the step
and the results of elementary functions, which the loop forward emits from then on; arithmetic is done again. Forward,
tangents are carried beside the stored carry in the same way. Both steps come from running the step on nodes and going
through that graph, which may hold loops again.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Optional

from autograd_mini._body import sweeps
from autograd_mini._body.body import Body, result_count
from autograd_mini._body.recorded import Column, Dependents, Record, assemble, leaf, number_at, play, results_under
from autograd_mini._core.rows import Primitive

Seeds = list[tuple[Any, Any]]


def pull(seeds: Sequence[tuple[Any, Any]], targets: Sequence[Any]) -> list[Any]:
    """Reverse mode, through loops too: the cotangents of the targets, None where nothing comes."""
    if not any(node.is_traced for node, _ in seeds):
        return sweeps.pull(seeds, targets)
    depends = Dependents(targets)
    depends.visit([node for node, _ in seeds])
    totals: list[Any] = [None] * len(targets)
    shares: dict[Record, dict[int, Any]] = defaultdict(dict)
    emitted: dict[Record, list[tuple[int, Column]]] = defaultdict(list)
    pending = [*seeds]
    while True:
        if pending:
            results = [node for node in results_under([node for node, _ in pending])
                       if depends.includes(node.note.record)]
            found = sweeps.pull(pending, [*targets, *results])
            totals = [_sum(total, share) for total, share in zip(totals, found)]
            for node, share in zip(results, found[len(targets):]):
                if share is not None:
                    known = shares[node.note.record]
                    known[node.note.index] = _sum(known.get(node.note.index), share)
        waiting = {*shares, *emitted}
        if not waiting:
            return totals
        record = max(waiting, key=lambda record: record.number)
        pending, columns = _pulled(record, shares.pop(record, {}), emitted.pop(record, []), depends)
        for column, share in columns:
            emitted[column.record].append((column.number, share))


def push(seeds: Sequence[tuple[Any, Any]], outputs: Sequence[Any]) -> list[Any]:
    """Forward mode, through loops too: the tangents of the outputs, None where nothing comes."""
    if not any(node.is_traced for node in outputs):
        return sweeps.push(seeds, outputs)
    depends = Dependents([node for node, _ in seeds])
    depends.visit(outputs)
    tangents: dict[Record, Callable[[int], Any]] = {}
    columns: dict[Column, Column] = {}

    def pushed(nodes: Sequence[Any]) -> list[Any]:
        results = [(node, tangents[node.note.record](node.note.index)) for node in results_under(nodes)
                   if node.note.record in tangents]
        return sweeps.push([*seeds, *(pair for pair in results if pair[1] is not None)], nodes) if nodes else []

    for record in depends.records():
        nodes = record.nodes()
        known = dict(zip(map(id, nodes), pushed(nodes)))
        tangents[record] = _pushed(record, known, columns)
    return pushed(outputs)


def derivative(body: Body, inputs: Sequence[int], forward: bool, triangle: bool) -> Body:
    """`calculus.derivative` of a body with loops."""
    nodes = [leaf(1.0) for _ in range(body.inputs)]
    roots = play(body, nodes)
    rows: list[list[Any]] = [[None] * len(inputs) for _ in roots]
    known = [place for place, root in enumerate(roots) if type(root) is not float]
    for at, slot in enumerate(inputs if forward else []):
        for place, tangent in zip(known, push([(nodes[slot], 1.0)], [roots[place] for place in known])):
            rows[place][at] = tangent
    for place in [] if forward else known:
        start = place if triangle else 0
        rows[place][start:] = pull([(roots[place], 1.0)], [nodes[slot] for slot in inputs[start:]])
    if triangle:
        rows = [[rows[min(i, j)][max(i, j)] for j in range(len(inputs))] for i in range(len(inputs))]
    return assemble([*roots, *(0.0 if entry is None else entry for row in rows for entry in row)], nodes).body


def _sum(total: Any, share: Any) -> Any:
    return share if total is None else total if share is None else total + share


# One loop -------------------------------------------------------------------------------------------------------------

class _Played:
    """The step of a loop on nodes of its own, for a loop that goes over the same steps."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.count, self.known = len(record.carry), len(record.carry) + len(record.shared)
        self.inputs = [leaf(number) for number in record.example]
        body = record.step
        self.slots = play(body, self.inputs, every=True)
        self.outputs = [self.slots[output] for output in body.outputs]
        at = body.first_operation
        self.stored: dict[int, int] = {}
        for row, _ in body.statements:
            if isinstance(row, Primitive):
                if is_elementary(row) and type(self.slots[at]) is not float:
                    self.stored[at] = at
                at += 1
            else:
                at += row.results

    def loop(self, carry: Sequence[tuple[Any, Any, Any]], emitted: Sequence[Any],
             given: Sequence[tuple[Any, Any, bool]], is_reversed: bool) -> Record:
        """A loop beside this one. A carry is (node, before the first step, after a step), what comes from outside
        (node, what it stands for, whether that is a stream)."""
        record, own = self.record, self.inputs
        kept = [*own[:self.count], *(self.slots[slot] for slot in self.stored)]
        slots = [*range(self.count), *self.stored]
        shared = [*own[self.count:self.known], *(node for node, _, is_stream in given if not is_stream)]
        known = [*record.shared, *(entry for _, entry, is_stream in given if not is_stream)]
        passing = [*own[self.known:], *(node for node, _, is_stream in given if is_stream)]
        streams = [*record.streams, *(entry for _, entry, is_stream in given if is_stream)]
        inputs = [*(node for node, _, _ in carry), *shared, *kept, *passing]
        outputs = [*(after for _, _, after in carry), *emitted]
        body = assemble(outputs, inputs).body
        first, behind = len(carry), len(carry) + len(shared)
        steady = _steady(body, range(first, behind))
        known += play(body.part(range(first, behind), steady), known)
        body = body.part([*range(behind), *steady, *range(behind, len(inputs))], body.outputs)
        examples = [*map(number_at, inputs[:behind]), *map(number_at, known[len(shared):]),
                    *map(number_at, inputs[behind:])]
        behind += len(steady)
        last = behind + len(kept)
        used = {slot for _, operands in body.statements for slot in operands}.union(body.outputs)
        places = [place for place in range(first, body.inputs) if place in used]
        return Record(record.trips, body.part([*range(first), *places], body.outputs),
                      [before for _, before, _ in carry],
                      [known[place - first] for place in places if place < behind],
                      [record.emit(slots[place - behind]) if place < last else streams[place - last]
                       for place in places if place >= behind],
                      [examples[place] for place in (*range(first), *places)], is_reversed)


def _steady(body: Body, shared: range) -> list[int]:
    """The results that are the same in every step, as they depend on nothing else, and that others use."""
    varies = body.dependent(lambda slot: slot not in shared)
    used = {*body.outputs}
    at = body.first_operation
    for row, operands in body.statements:
        if varies[at]:
            used.update(operands)
        at += result_count(row)
    return [slot for slot in sorted(used) if slot >= body.first_operation and not varies[slot]]


@functools.cache
def is_elementary(row: Primitive) -> bool:
    """Whether a result is kept for the way back rather than computed again: it takes a call of the C library."""
    return row.c is None or bool(set(re.findall(r"([a-z]\w*)\(", row.c)) - {"fabs", "sqrt", "floor"})


def _pulled(record: Record, shares: dict[int, Any], emitted: Sequence[tuple[int, Column]],
            depends: Dependents) -> tuple[Seeds, list[tuple[Column, Column]]]:
    """The loop backward: (node, cotangent) for the nodes that go in, (column, cotangents) for the columns that do."""
    played = _Played(record)
    count, known, trips = played.count, played.known, record.trips
    last = {index: share for index, share in shares.items() if index < count}
    by_column: dict[int, list[Any]] = {}
    for index, share in shares.items():
        if index >= count:
            by_column.setdefault((index - count) // trips, [0.0] * trips)[(index - count) % trips] = share
    streams: list[tuple[int, Any]] = [(column, _as_one(stream)) for column, stream in by_column.items()]
    streams += emitted
    coming = [stream if type(stream) is float else leaf(1.0) for _, stream in streams]

    asked = [place for place, entry in enumerate(record.shared) if type(entry) is not float and entry in depends]
    passing = [place for place, stream in enumerate(record.streams) if (
        depends.includes(stream.record) if isinstance(stream, Column)
        else any(type(entry) is not float and entry in depends for entry in stream))]
    sources = [*(count + place for place in asked), *(known + place for place in passing)]
    active = _active(played, [place for place, entry in enumerate(record.carry)
                              if type(entry) is not float and entry in depends], sources)
    live = [place for place in active if place in last]
    targets = [played.inputs[place] for place in (*active, *sources)]
    fixed: dict[int, Any] = {}
    while True:
        carried = {place: fixed[place] if type(fixed.get(place)) is float else leaf(1.0) for place in live}
        seeds = [(played.outputs[place], node) for place, node in carried.items()]
        seeds += [(played.outputs[count + column], node) for (column, _), node in zip(streams, coming)]
        seeds = [pair for pair in seeds if type(pair[0]) is not float]
        found = dict(zip([*active, *sources], pull(seeds, targets) if seeds else [None] * len(targets)))
        more = [place for place in active if found[place] is not None and place not in live]
        live += more
        if not more:
            same = {place: last[place] for place in live if found[place] is carried[place] and place not in fixed}
            if not same:
                break
            fixed.update(same)  # the cotangent of a sum, for one, is the same in every step
    moving = [place for place in live if place not in fixed]
    carry = [(carried[place], last.get(place, 0.0), 0.0 if found[place] is None else found[place]) for place in moving]
    asked = [place for place in asked if found[count + place] is not None]
    totals = [leaf(0.0) for _ in asked]
    carry += [(total, 0.0, total + found[count + place]) for total, place in zip(totals, asked)]
    passing = [place for place in passing if found[known + place] is not None]
    given = [(node, stream, isinstance(stream, (list, Column))) for (_, stream), node in zip(streams, coming)]
    given += [(carried[place], share, False) for place, share in fixed.items()]
    given = [entry for entry in given if type(entry[0]) is not float]
    made = played.loop(carry, [found[known + place] for place in passing], given, not record.is_reversed)
    pending: Seeds = [(record.carry[place], share) for place, share in fixed.items()]
    pending += [(record.carry[place], made.result(at)) for at, place in enumerate(moving)]
    pending += [(record.shared[place], made.result(at)) for at, place in enumerate(asked, len(moving))]
    columns = []
    for at, place in enumerate(passing):
        stream = record.streams[place]
        if isinstance(stream, Column):
            columns.append((stream, Column(made, at)))
            continue
        first = len(carry) + at * trips
        pending += [(entry, made.result(first + step)) for step, entry in enumerate(stream)]
    return [pair for pair in pending if type(pair[0]) is not float and pair[0] in depends], columns


def _as_one(stream: list[Any]) -> Any:
    """What every entry of a stream is, or the stream."""
    first = stream[0]
    same = {repr(entry) if type(entry) is float else id(entry) for entry in stream}
    return first if len(same) == 1 else stream


def _active(played: _Played, first: Sequence[int], sources: Sequence[int]) -> list[int]:
    """The carries that depend on what is asked for, before the first step or by way of the steps."""
    active = [*first]
    while True:
        depends = Dependents([played.inputs[place] for place in (*active, *sources)])
        depends.visit([node for node in played.outputs[:played.count] if type(node) is not float])
        more = [place for place in range(played.count) if place not in active
                and type(played.outputs[place]) is not float and played.outputs[place] in depends]
        if not more:
            return sorted(active)
        active += more


def _pushed(record: Record, known: dict[int, Any], columns: dict[Column, Column]) -> Callable[[int], Any]:
    """The loop of tangents, given those of the nodes that go in, by their ids; returns those of the results."""
    played = _Played(record)
    count, trips = played.count, record.trips
    before = {place: known[id(entry)] for place, entry in enumerate(record.carry) if known.get(id(entry)) is not None}
    given: list[tuple[Any, Any, bool]] = []
    steady: Seeds = []

    def take(place: int, entry: Any, is_stream: bool) -> None:
        node = leaf(1.0)
        given.append((node, entry, is_stream))
        steady.append((played.inputs[place], node))

    for place, entry in enumerate(record.shared, count):
        if known.get(id(entry)) is not None:
            take(place, known[id(entry)], False)
    for place, stream in enumerate(record.streams, played.known):
        if isinstance(stream, Column):
            if stream in columns:
                take(place, columns[stream], True)
        elif any(known.get(id(entry)) is not None for entry in stream):
            tangents = [known.get(id(entry)) for entry in stream]
            take(place, [0.0 if tangent is None else tangent for tangent in tangents], True)
    live = [*before]
    while True:
        carried = {place: leaf(1.0) for place in live}
        seeds = [*steady, *((played.inputs[place], node) for place, node in carried.items())]
        outputs = [node for node in played.outputs if type(node) is not float]
        found = dict(zip(map(id, outputs), push(seeds, outputs)))
        more = [place for place in range(count) if place not in live
                and found.get(id(played.outputs[place])) is not None]
        if not more:
            break
        live += more
    after = [found.get(id(played.outputs[place])) for place in live]
    emitting = [column for column in range(record.columns) if found.get(id(played.outputs[count + column])) is not None]
    made = played.loop([(carried[place], before.get(place, 0.0), 0.0 if tangent is None else tangent)
                        for place, tangent in zip(live, after)],
                       [found[id(played.outputs[count + column])] for column in emitting], given, record.is_reversed)
    columns.update((Column(record, column), Column(made, at)) for at, column in enumerate(emitting))

    def tangent(index: int) -> Optional[Any]:
        if index < count:
            return made.result(live.index(index)) if index in live else None
        column, step = divmod(index - count, trips)
        return made.result(len(live) + emitting.index(column) * trips + step) if column in emitting else None

    return tangent

