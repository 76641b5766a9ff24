"""The one way to make a `Body`, and to write derivatives down: operations are folded, shortened and found again.

A builder numbers what it is given and what it makes: inputs, constants and operations each get the next slot. What is
done, without changing a bit of any result: an operation on constants is carried out; a row's `shortcut` is taken; an
operation that is there already is used again (where `merged`); what no output needs is left out. What is never done:
0 * x, x + 0.0 and the like, which are not the same for infinite, nan or signed-zero x.

This is the readable builder; `_native.pyx` has the same, compiled, and `builder()` gives the one of the engine in use.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from autograd_mini._body.body import Body
from autograd_mini._core import registry, sweep
from autograd_mini._core.graph import require_fresh, topological_order
from autograd_mini._core.rows import (
    BUILT_IN,
    FACTOR,
    INNER,
    NAN,
    NEGATION,
    NUMBER,
    TABLE,
    TRUE,
    Operators,
    Primitive,
    chain_steps,
)
from autograd_mini._core.value import PythonValue, compiled

_CONDITIONS: dict[Any, Callable[[float], bool]] = {
    FACTOR: lambda number: number != 0 and math.isfinite(number),
    TRUE: lambda number: number != 0,
    NUMBER: lambda number: number == number,
    NAN: lambda number: number != number,
}


class Builder:
    """Collects operations in slots.

    simplified   fold constants and take shortcuts
    merged       use an operation again that is there already; not safe for graphs of Values whose nodes can be
                 differentiated by, each in a role of its own
    """

    def __init__(self, simplified: bool = True, merged: bool = True) -> None:
        self.simplified, self.merged = simplified, merged
        self.names: dict[int, str] = {}
        """The name of the first named node that was loaded into a slot."""
        self.constant_leaves: list[Any] = []
        """The leaves that were loaded as constants."""
        self._inputs: list[int] = []
        self._numbers: dict[int, float] = {}
        self._operations: dict[int, tuple[Primitive, tuple[int, ...]]] = {}
        self._nodes: dict[int, Any] = {}
        self._known: dict[Any, int] = {}
        self._places: dict[int, int] = {}
        self._count = 0

    # Slots ------------------------------------------------------------------------------------------------------------

    def input(self) -> int:
        """A new input."""
        self._inputs.append(self._next())
        return self._inputs[-1]

    def constant(self, number: float) -> int:
        """The slot of a constant; equal bits share one."""
        bits = struct.pack("d", number)
        if bits not in self._known:
            slot = self._known[bits] = self._next()
            self._numbers[slot] = number
        return self._known[bits]

    def apply(self, primitive: Primitive, operands: Sequence[int]) -> int:
        """The slot of what a row makes of the numbers in some slots."""
        operands = tuple(operands)
        if not self.simplified:
            return self._append(primitive, operands)
        if all(slot in self._numbers for slot in operands):
            return self.constant(primitive.number(*[self._numbers[slot] for slot in operands]))
        shorter = self._shorter(primitive, operands)
        if shorter is not None:
            return shorter
        if not self.merged:
            return self._append(primitive, operands)
        key = (primitive, operands)
        if key not in self._known:
            self._known[key] = self._append(primitive, operands)
        return self._known[key]

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _append(self, primitive: Primitive, operands: tuple[int, ...]) -> int:
        slot = self._next()
        self._operations[slot] = (primitive, operands)
        return slot

    def _shorter(self, primitive: Primitive, operands: tuple[int, ...]) -> Optional[int]:
        for position, condition, result in primitive.shortcut:
            if not self._meets(operands[position], condition):
                continue
            if type(result) is int:
                return operands[result]
            if result == INNER:
                return self._operations[operands[position]][1][0]
            if isinstance(result, tuple):
                return self.apply(TABLE[result[0]], [operands[place] for place in result[1:]])
            return self.constant(float(result))
        return None

    def _meets(self, slot: int, condition: Any) -> bool:
        if condition == NEGATION:
            return slot in self._operations and self._operations[slot][0] is TABLE["neg"]
        number = self._numbers.get(slot)
        if number is None:
            return False
        return number == condition if type(condition) is float else _CONDITIONS[condition](number)

    # Loading ----------------------------------------------------------------------------------------------------------

    def load(self, roots: Sequence[Any], inputs: Sequence[Any] = (), exactly: bool = False,
             others: Sequence[Any] = ()) -> list[int]:
        """Take in the graph of some Values; returns their slots, and those of `others`, -1 where they are not in it.

        `inputs` are the inputs, in this order. Every node gets a slot of its own where `exactly`, else as `apply` has
        it. Other leaves are constants, but inputs where `exactly`. Raises StaleGraphError where a leaf was assigned
        since.
        """
        slots = {id(node): self.input() for node in inputs}
        order = topological_order(*roots)
        require_fresh(order)
        for node in order:
            if id(node) not in slots:
                slots[id(node)] = self._load(node, slots, exactly)
            if node.name:
                self.names.setdefault(slots[id(node)], node.name)
            if exactly:
                self._nodes[slots[id(node)]] = node
        return [slots.get(id(node), -1) for node in [*roots, *others]]

    def node(self, value: Any) -> int:
        """The slot of a Value that was not loaded: an input."""
        slot = self.input()
        self._nodes[slot] = value
        return slot

    def _load(self, node: Any, slots: Mapping[int, int], exactly: bool) -> int:
        if node.operation is None:
            if exactly:
                return self.input()
            self.constant_leaves.append(node)
            return self.constant(node._number)
        operands = tuple([self.constant(operand) if type(operand) is float else slots[id(operand)]
                          for operand in node.operands])
        return self._append(node.operation, operands) if exactly else self.apply(node.operation, operands)

    def load_body(self, body: Body, given: Optional[Sequence[int]] = None) -> list[int]:
        """Take in a body; returns the slot of each of its own.

        Its inputs lie in the slots `given`, or become inputs; its loops are written out.
        """
        inputs = [self.input() for _ in range(body.inputs)] if given is None else given
        return body.read(self.apply, inputs, self.constant)

    # Derivatives ------------------------------------------------------------------------------------------------------

    def pull(self, seeds: Mapping[int, int], targets: Sequence[int]) -> list[int]:
        """Reverse mode: the slots of the cotangents of the targets, -1 where nothing comes, given those of some slots.

        Sums are taken in the order of `Value.backward`.
        """
        relevant = set(targets)
        for slot, (_, operands) in self._operations.items():
            if any(operand in relevant for operand in operands):
                relevant.add(slot)

        def edges(slot: int) -> list[tuple[int, int]]:
            return [edge for edge in self._edges(slot) if edge[1] in relevant] if slot in relevant else []

        totals = sweep.pull(range(self._count - 1, -1, -1), edges, dict(seeds), self._share, self._sum)
        return [totals.get(target, -1) for target in targets]

    def push(self, seeds: Mapping[int, int], outputs: Sequence[int]) -> list[int]:
        """Forward mode: the slots of the tangents of the outputs, -1 where nothing comes, given those of some slots."""
        totals = sweep.push(range(self._count), self._edges, dict(seeds), self._share, self._sum)
        return [totals.get(output, -1) for output in outputs]

    def sparse(self, roots: Sequence[int], targets: Sequence[int], triangle: bool = False) -> bytes:
        """Reverse mode for many roots, each over its own cone: (row, column, slot) of every derivative that there is.

        They are 32-bit integers, row after row; a root of -1 has no derivatives. Of a `triangle`, columns before the
        row are left out. What it takes grows with the sizes of the cones, not with that of the whole.
        """
        column_of = {target: column for column, target in enumerate(targets)}
        last = {slot: column_of.get(slot, -1) for slot in range(self._count)}
        for slot in self._operations:
            last[slot] = max([last[slot], *(last[operand] for _, operand in self._edges(slot))])
        found, one = array("i"), self.constant(1.0)
        for row, root in enumerate(roots):
            lowest = row if triangle else 0

            def edges(slot: int, lowest: int = lowest) -> list[tuple[int, int]]:
                return [edge for edge in self._edges(slot) if last[edge[1]] >= lowest]

            if root < 0 or last[root] < lowest:
                continue
            cone = sorted(_reached(root, edges), reverse=True)
            totals = sweep.pull(cone, edges, {root: one}, self._share, self._sum)
            for slot in reversed(cone):
                if column_of.get(slot, -1) >= lowest:
                    found.extend((row, column_of[slot], totals[slot]))
        return found.tobytes()

    def _edges(self, slot: int) -> list[tuple[int, int]]:
        if slot not in self._operations:
            return []
        row, operands = self._operations[slot]
        return [edge for edge, rule in zip(enumerate(operands), row.partials) if rule is not None]

    def _sum(self, earlier: int, share: int) -> int:
        return self.apply(TABLE["add"], (earlier, share))

    def _share(self, factor: int, slot: int, position: int) -> int:
        """The chain rule on one edge: a cotangent or tangent times the derivative of a slot by one of its operands."""
        row, operands = self._operations[slot]
        if BUILT_IN.get(row.name) is not row:
            return share_by_rule(self, row, position, (factor, slot, *operands))
        steps, result = chain_steps(row, position)
        slots = [factor, slot, *operands]

        def found(place: Any) -> int:
            if type(place) is float:
                return self.constant(place)
            if place >= len(slots):
                primitive, places = steps[place - len(slots)]
                made[place] = made[place] if place in made else self.apply(primitive, [*map(found, places)])
                return made[place]
            return slots[place]

        made: dict[int, int] = {}
        return found(result)

    # What comes out ---------------------------------------------------------------------------------------------------

    def body(self, outputs: Sequence[int]) -> Body:
        """The body that computes the outputs."""
        needed = set(outputs)
        for slot in reversed(self._operations):
            if slot in needed:
                needed.update(self._operations[slot][1])
        constants = [slot for slot in self._numbers if slot in needed]
        operations = [slot for slot in self._operations if slot in needed]
        self._places = {slot: place for place, slot in enumerate([*self._inputs, *constants, *operations])}
        return Body(len(self._inputs), [self._numbers[slot] for slot in constants],
                    [(row, tuple([self._places[slot] for slot in operands]))
                     for row, operands in map(self._operations.__getitem__, operations)],
                    [self._places[slot] for slot in outputs])

    def place(self, slot: int) -> int:
        """Where a slot is in the body that was made last, or -1 if it was left out."""
        return self._places.get(slot, -1)

    def nodes(self, slots: Sequence[int], kind: Any) -> list[Any]:
        """Values for some slots, after `load(..., exactly=True)`; -1 is a 0."""
        pending = [slot for slot in slots if slot not in self._nodes and slot in self._operations]
        needed: set[int] = set()
        while pending:
            slot = pending.pop()
            if slot not in needed:
                needed.add(slot)
                pending.extend(operand for operand in self._operations[slot][1]
                               if operand not in self._nodes and operand in self._operations)
        for slot in sorted(needed):
            row, places = self._operations[slot]
            operands = [self._numbers[place] if place in self._numbers else self._nodes[place] for place in places]
            node: Any = next(operand for operand in operands if type(operand) is not float)
            self._nodes[slot] = node.apply(row, operands)
        return [self._nodes[slot] if slot in self._nodes else kind(self._numbers.get(slot, 0.0)) for slot in slots]


def _reached(root: int, edges: Callable[[int], list[tuple[int, int]]]) -> set[int]:
    """A slot and all that it depends on."""
    found, pending = {root}, [root]
    while pending:
        fresh = {operand for _, operand in edges(pending.pop())} - found
        found |= fresh
        pending.extend(fresh)
    return found


class Slot(Operators):
    """A number in a builder, or in what else has `apply` and `constant`: the reading of a rule as operations."""

    __slots__ = ("builder", "slot")

    def __init__(self, builder: Any, slot: Any) -> None:
        self.builder, self.slot = builder, slot

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Slot:
        return Slot(self.builder, self.builder.apply(primitive, [slot_in(self.builder, o) for o in operands]))


def slot_in(builder: Any, result: Any) -> Any:
    """The slot of what a rule works with: a Slot of this builder, or a number."""
    return result.slot if type(result) is Slot else builder.constant(float(result))


def expanded(builder: Any, row: Primitive, operands: Sequence[Any]) -> Any:
    """The slot of a composite row, by its expansion."""
    rule: Any = row.expansion
    return slot_in(builder, rule(*[Slot(builder, operand) for operand in operands]))


def share_by_rule(builder: Any, row: Primitive, position: int, given: Sequence[int]) -> int:
    """The chain rule on one edge by the rule itself, which for a row of the user's own may change from call to call."""
    factor, result, *operands = [Slot(builder, slot) for slot in given]
    rule: Any = row.partials[position]
    return slot_in(builder, TABLE["chain"](factor, rule(result, *operands)))


CompiledBuilder: Any = Builder

if not TYPE_CHECKING and compiled is not None:
    class CompiledBuilder(compiled.Builder):
        """The compiled builder, which knows bodies, and asks here for the rules of the user's own rows."""

        def load_body(self, body: Body, given: Optional[Sequence[int]] = None) -> list[int]:
            inputs = [self.input() for _ in range(body.inputs)] if given is None else [*given]
            if body.has_loops:
                return body.read(self.apply, inputs, self.constant)
            return self.load_code(inputs, body.constants, body.rows, body.code)

        def by_rule(self, row: Primitive, position: int, given: Sequence[int]) -> int:
            return share_by_rule(self, row, position, given)

        def body(self, outputs: Sequence[int]) -> Body:
            return Body.of_code(*self.fields(outputs))

        def nodes(self, slots: Sequence[int], kind: Any) -> list[Any]:
            return self.made(slots, kind)


def builder(simplified: bool = True, merged: bool = True, kind: Any = None) -> Any:
    """A builder of the engine that a class of Values belongs to, or of the engine in use."""
    made: Any = Builder if (kind or registry.kinds[0]) is PythonValue else CompiledBuilder
    return made(simplified, merged)


class _Expander:
    """Applies rows in a builder, composite ones by their expansions."""

    def __init__(self, builder: Any, keep: Callable[[Primitive], bool]) -> None:
        self.builder, self.keep = builder, keep
        self.constant = builder.constant
        self.known: dict[Any, int] = {}

    def apply(self, row: Primitive, operands: Sequence[int]) -> int:
        if row.expansion is None or self.keep(row):
            return self.builder.apply(row, operands)
        key = (row, *operands)
        if key not in self.known:
            self.known[key] = expanded(self, row, operands)
        return self.known[key]


def expand(body: Body, keep: Callable[[Primitive], bool] = lambda primitive: False) -> Body:
    """The body with every composite row that `keep` refuses written in basic rows, by the row's `expansion`.

    What expansions have in common is computed once: those of `softplus(z)` and `sigmoid(z)` share an exponential.
    """
    made = builder()
    slots = body.read(_Expander(made, keep).apply, [made.input() for _ in range(body.inputs)], made.constant)
    return made.body([slots[output] for output in body.outputs])


def computing(body: Body, slots: Sequence[int]) -> Body:
    """The part of a body that the given slots need, with them as its outputs."""
    made = builder(simplified=False)
    places = made.load_body(body)
    return made.body([places[slot] for slot in slots])
