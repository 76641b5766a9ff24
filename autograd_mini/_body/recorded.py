"""Loops in a graph that is being traced: what stands for them, and how the graph becomes a body.

A recorded loop hangs between nodes. What it takes from the graph are nodes; what it gives back are leaves, whose note
is the `Result` that leads on to the loop. `assemble` makes a body of such a graph, in which each loop is one operation,
and leaves out what of a loop nothing needs.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Optional, Union

from autograd_mini._body.body import Body
from autograd_mini._body.builder import builder
from autograd_mini._body.loops import Loop
from autograd_mini._core.errors import LoopError
from autograd_mini._core.graph import leaves, topological_order
from autograd_mini._core.numbers import as_shown
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value

_made = 0


def latest() -> int:
    """The number of the loop that was recorded last."""
    return _made


class Column(NamedTuple):
    """What a recorded loop emits, as a stream of another one."""

    record: Record
    number: int


Stream = Union[list[Any], Column]


class Record:
    """A loop over nodes: operands and results are those of `Loop`.

    carry, shared   nodes or floats
    streams         for each either one node or float a step, or a column of an older record
    example         a number for each input of the step, at which it can be run
    """

    def __init__(self, trips: int, step: Body, carry: Sequence[Any], shared: Sequence[Any], streams: Sequence[Stream],
                 example: Sequence[float], is_reversed: bool = False) -> None:
        global _made
        _made = self.number = _made + 1
        self.trips, self.step, self.is_reversed = trips, step, is_reversed
        self.carry, self.shared, self.streams, self.example = [*carry], [*shared], [*streams], [*example]
        self._columns: dict[int, int] = {}

    @property
    def columns(self) -> int:
        return len(self.step.outputs) - len(self.carry)

    def emit(self, slot: int) -> Column:
        """The column of the number in a slot of the step, which is emitted from now on."""
        if slot not in self._columns:
            self._columns[slot] = self.columns
            self.step = self.step.part(range(self.step.inputs), [*self.step.outputs, slot])
        return Column(self, self._columns[slot])

    def nodes(self) -> list[Any]:
        """Every node that goes in."""
        streams = [entry for stream in self.streams if type(stream) is list for entry in stream]
        return [entry for entry in (*self.carry, *self.shared, *streams) if type(entry) is not float]

    def sources(self) -> list[Record]:
        """The loops whose columns go in."""
        return [stream.record for stream in self.streams if type(stream) is Column]

    def results(self) -> tuple[list[Any], list[list[Any]]]:
        """Nodes for the last carry, and for each column one for each step."""
        numbers = self.numbers()
        count = len(self.carry)
        last = [self.result(place, numbers[place]) for place in range(count)]
        return last, [[self.result(count + self.trips * column + place, numbers[count + column])
                       for place in range(self.trips)] for column in range(self.columns)]

    def numbers(self) -> list[float]:
        """The outputs of the step, run on the example."""
        slots = self.step.read(lambda row, operands: row.number(*operands), self.example,
                               loop=lambda loop, given: [given[0] if given else 0.0] * loop.results)
        return [slots[output] for output in self.step.outputs]

    def result(self, index: int, number: float = 1.0) -> Any:
        """The node of one result."""
        return Value.restore(number, None, None, (), (), None, 0, Result(self, index), True)  # type: ignore[arg-type]


class Result:
    """The note of a leaf that is a result of a recorded loop."""

    __slots__ = ("record", "index")
    scope: tuple[str, ...] = ()
    source = place = None

    def __init__(self, record: Record, index: int) -> None:
        self.record, self.index = record, index

    def number(self) -> float:
        """The number at which it was traced."""
        count = len(self.record.carry)
        return self.record.numbers()[self.index if self.index < count
                                     else count + (self.index - count) // self.record.trips]

    def __reduce__(self) -> Any:
        raise LoopError("this is a result of a scan that is being traced, which cannot be saved or copied by itself: "
                        "return it from the traced function, and save the Program")


def example_of(node: Any) -> float:
    """The number at which a node was traced, for running steps at."""
    return as_shown(node.data)


def number_at(entry: Any) -> float:
    """The number of a node, a result or a float, for running steps at."""
    if type(entry) is Result:
        return entry.number()
    return entry if type(entry) is float else example_of(entry)


def is_result(node: Any) -> bool:
    """Whether a node is a result of a recorded loop."""
    return type(node.note) is Result


def results_under(values: Sequence[Any], stops: Iterable[int] = ()) -> list[Any]:
    """The results of recorded loops among the nodes that some nodes reach, not going beyond the ids of `stops`."""
    if not values or not any(type(node.note) is Result for node in leaves(*values)):
        return []
    needed, stops, found = {id(value) for value in values}, set(stops), []
    for node in reversed(topological_order(*values)):
        if id(node) in needed and id(node) not in stops:
            if is_result(node):
                found.append(node)
            needed.update(id(operand) for operand in node.operands if type(operand) is not float)
    return found


def leaves_under(values: Sequence[Any]) -> list[Any]:
    """The leaves that some nodes reach, also by way of loops, whose results are none."""
    found: list[Any] = []
    known: set[Record] = set()
    pending = [*values]
    while pending:
        reached = leaves(*pending)
        found += [node for node in reached if not is_result(node)]
        new = {node.note.record for node in reached if is_result(node)} - known
        pending = []
        while new:
            known |= new
            pending += [node for record in new for node in record.nodes()]
            new = {source for record in new for source in record.sources()} - known
    return found


class Dependents:
    """What depends on some nodes, also by way of loops recorded after loop number `since`."""

    def __init__(self, sources: Iterable[Any], since: int = 0) -> None:
        self.nodes = {id(source): source for source in sources}
        self._since = since
        self._records: dict[Record, bool] = {}

    def visit(self, nodes: Sequence[Any]) -> None:
        """Look at all that some nodes reach."""
        for node in topological_order(*nodes) if nodes else []:
            operands = node.operands
            if id(node) not in self.nodes and (
                    any(id(operand) in self.nodes for operand in operands) if operands
                    else is_result(node) and self.includes(node.note.record)):
                self.nodes[id(node)] = node

    def includes(self, record: Record) -> bool:
        """Whether a loop depends on them."""
        if record not in self._records:
            self._records[record] = False
            if record.number > self._since:
                nodes = record.nodes()
                self.visit(nodes)
                sources = [self.includes(source) for source in record.sources()]
                self._records[record] = any(sources) or any(node in self for node in nodes)
        return self._records[record]

    def records(self) -> list[Record]:
        """The loops that depend on them, in the order in which they were recorded."""
        found = [record for record, depends in self._records.items() if depends]
        return sorted(found, key=lambda record: record.number)

    def __contains__(self, node: Any) -> bool:
        return id(node) in self.nodes

    def border(self, roots: Sequence[Any]) -> list[Any]:
        """The nodes that do not depend on them, of which the roots and what depends on them are made."""
        self.visit(roots)
        found: dict[int, Any] = {}
        taken = [operand for node in self.nodes.values() for operand in node.operands if type(operand) is not float]
        for record, depends in self._records.items():
            if depends:
                record.streams = [self._as_nodes(stream) for stream in record.streams]
                taken += record.nodes()
        for node in (*roots, *taken):
            if node not in self:
                found[id(node)] = node
        return [*found.values()]

    def _as_nodes(self, stream: Stream) -> Stream:
        if type(stream) is not Column or self.includes(stream.record):
            return stream
        start = len(stream.record.carry) + stream.number * stream.record.trips
        return [stream.record.result(start + place) for place in range(stream.record.trips)]


def leaf(number: float, name: Optional[str] = None) -> Any:
    """A traced leaf: an input of a function that is being recorded, or a node of a step's own."""
    return Value.restore(number, name, None, (), (), None, 0, None, True)


def play(body: Body, inputs: Sequence[Any], every: bool = False) -> list[Any]:
    """The outputs of a body on nodes, or what is in every slot; its loops are recorded."""
    nodes: dict[Any, Any] = {}

    def node(entry: Any) -> Any:
        if type(entry) is not Result:
            return entry
        key = entry.record, entry.index
        if key not in nodes:
            nodes[key] = entry.record.result(entry.index, entry.number())
        return nodes[key]

    def apply(row: Any, operands: Sequence[Any]) -> Any:
        given = [*map(node, operands)]
        first = next((entry for entry in given if type(entry) is not float), None)
        return row.number(*given) if first is None else first.apply(row, given)

    def loop(operation: Loop, given: Sequence[Any]) -> list[Any]:
        behind, trips = operation.carry + operation.shared, operation.trips
        runs = [given[at:at + trips] for at in range(behind, len(given), trips)]
        example = [*map(number_at, (*given[:behind], *(run[0] for run in runs)))]
        record = Record(trips, operation.step, [*map(node, given[:operation.carry])],
                        [*map(node, given[operation.carry:behind])],
                        [_column(run) or [*map(node, run)] for run in runs], example, operation.is_reversed)
        return [Result(record, index) for index in range(operation.results)]

    slots = body.read(apply, inputs, loop=loop)
    return [*map(node, slots)] if every else [node(slots[output]) for output in body.outputs]


def _column(run: Sequence[Any]) -> Optional[Column]:
    """The column that a stream is, where it is one."""
    first = run[0]
    if type(first) is not Result:
        return None
    column, place = divmod(first.index - len(first.record.carry), first.record.trips)
    if place or len(run) != first.record.trips or column < 0:
        return None
    if any(type(entry) is not Result or entry.record is not first.record or entry.index != first.index + at
           for at, entry in enumerate(run)):
        return None
    return Column(first.record, column)


# Bodies ---------------------------------------------------------------------------------------------------------------

class _Needed:
    """What of a recorded loop is needed."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.nodes: dict[int, Any] = {}
        self.wanted: set[int] = set()
        """Places among the outputs of the step."""

    def note(self, node: Any) -> None:
        self.nodes[id(node)] = node
        self.wanted.add(self.output(node.note.index))

    def output(self, index: int) -> int:
        count = len(self.record.carry)
        return index if index < count else count + (index - count) // self.record.trips

    def settle(self) -> None:
        """Find the part of the loop that what is wanted needs: `loop`, and what goes in, `operands`."""
        record = self.record
        step, count, shared = record.step, len(record.carry), len(record.shared)
        slots = step.read(_either, [1 << place for place in range(step.inputs)], lambda number: 0,
                          lambda loop, given: [_either(None, given)] * loop.results)
        needs = [slots[output] for output in step.outputs]
        kept: list[int] = sorted(self.wanted)
        before: list[int] = []
        inputs = 0
        while kept != before:
            before, inputs = kept, _either(None, [needs[output] for output in kept])
            kept = sorted({*kept, *(place for place in range(count) if inputs >> place & 1)})
        carry = [place for place in kept if place < count]
        used = [place for place in range(count, step.inputs) if inputs >> place & 1]
        self.place = {output: at for at, output in enumerate(kept)}
        if len(carry) + len(used) < step.inputs or len(kept) < len(step.outputs):
            step = step.part([*carry, *used], [step.outputs[output] for output in kept])
        self.loop = Loop(record.trips, step, len(carry), sum(place < count + shared for place in used),
                         record.is_reversed)
        given = [*record.carry, *record.shared]
        self.operands = [given[place] for place in (*carry, *used) if place < count + shared]
        self.streams = [record.streams[place - count - shared] for place in used if place >= count + shared]

    def result(self, index: int) -> int:
        """The place of a result of the record among the loop's."""
        output, count = self.output(index), len(self.record.carry)
        if output < count:
            return self.place[output]
        return self.column(output - count) + (index - count) % self.record.trips

    def column(self, column: int) -> int:
        """Where a column of the record begins among the loop's results."""
        at = self.place[len(self.record.carry) + column]
        return self.loop.carry + self.record.trips * (at - self.loop.carry)


def _either(_: Any, masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _needed(values: Sequence[Any], inputs: Sequence[Any]) -> list[_Needed]:
    """The loops that some nodes need, beginning from the inputs, in the order in which they were recorded."""
    stops = {id(node) for node in inputs}
    pending: dict[Record, _Needed] = {}
    found: list[_Needed] = []

    def look(nodes: Sequence[Any]) -> None:
        for node in results_under(nodes, stops):
            pending.setdefault(node.note.record, _Needed(node.note.record)).note(node)

    look(values)
    while pending:
        now = pending.pop(max(pending, key=lambda record: record.number))
        now.settle()
        found.append(now)
        columns = [stream for stream in now.streams if type(stream) is Column]
        look([entry for run in (now.operands, *(stream for stream in now.streams if type(stream) is list))
              for entry in run if type(entry) is not float])
        for record, column in columns:
            pending.setdefault(record, _Needed(record)).wanted.add(len(record.carry) + column)
    return found[::-1]


class Assembled(NamedTuple):
    """A body, the slot in it of a slot of the builder it came from, and the leaves that became constants."""

    body: Body
    place: Callable[[int], int]
    constant_leaves: list[Any]
    names: dict[int, str]


def assemble(outputs: Sequence[Any], inputs: Sequence[Any], simplify: bool = True) -> Assembled:
    """The body of nodes and floats, given the nodes that are its inputs; other leaves are constants."""
    loops = _needed([*filter(is_value, outputs)], inputs)
    given = [entry for needed in loops for entry in (*needed.operands, *itertools.chain.from_iterable(
        stream for stream in needed.streams if type(stream) is list))]
    results = [node for needed in loops for node in needed.nodes.values()]
    made = builder(simplify, simplify)
    wanted = [*outputs, *given]
    slots = iter(made.load([entry for entry in wanted if type(entry) is not float], [*inputs, *results]))
    body = made.body([made.constant(entry) if type(entry) is float else next(slots) for entry in wanted])
    if not loops:
        return Assembled(body, made.place, made.constant_leaves, made.names)
    spliced, table = _spliced(body, len(inputs), len(outputs), loops)
    return Assembled(spliced, lambda slot: table[made.place(slot)] if made.place(slot) >= 0 else -1,
                     made.constant_leaves, made.names)


def _spliced(body: Body, inputs: int, outputs: int, loops: Sequence[_Needed]) -> tuple[Body, list[int]]:
    """The body with loops between the operations, and where its slots are now.

    Its inputs from the given number on are results of the loops, its outputs from the given number on their operands.
    An operation comes behind the loops it depends on: how many these are is its level.
    """
    after = [level for level, needed in enumerate(loops, 1) for _ in needed.nodes]
    levels = body.read(lambda row, operands: max(operands), [0] * inputs + after, lambda number: 0)
    at_level: list[list[int]] = [[] for _ in range(len(loops) + 1)]
    for slot in range(body.first_operation, body.slots):
        at_level[levels[slot]].append(slot)
    operations = body.operations
    table = [-1] * body.slots
    table[:inputs] = range(inputs)
    table[body.inputs:body.first_operation] = range(inputs, inputs + len(body.constants))
    rows: dict[Any, int] = {}
    code = array("i")
    at, result = inputs + len(body.constants), inputs
    first: dict[Record, tuple[_Needed, int]] = {}
    given = iter(body.outputs[outputs:])
    for level, slots in enumerate(at_level):
        for slot in slots:
            row, operands = operations[slot - body.first_operation]
            code.append(rows.setdefault(row, len(rows)))
            code.extend([table[operand] for operand in operands])
            table[slot] = at
            at += 1
        if level == len(loops):
            break
        needed = loops[level]
        code.append(rows.setdefault(needed.loop, len(rows)))
        code.extend([table[slot] for slot in itertools.islice(given, len(needed.operands))])
        for stream in needed.streams:
            if type(stream) is Column:
                source, start = first[stream.record]
                start += source.column(stream.number)
                code.extend(range(start, start + needed.loop.trips))
            else:
                code.extend([table[slot] for slot in itertools.islice(given, needed.loop.trips)])
        first[needed.record] = needed, at
        for node in needed.nodes.values():
            table[result] = at + needed.result(node.note.index)
            result += 1
        at += needed.loop.results
    spliced = Body.of_code(inputs, body.constants, tuple(rows), code.tobytes(),
                           tuple([table[slot] for slot in body.outputs[:outputs]]))
    return spliced, table
