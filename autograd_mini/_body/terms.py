"""Writing derivatives down: what a rule of the table looks like when it is read with the nodes of a graph.

A rule always takes the same steps for the same kind of operands, so for the built-in rows the steps are noted the first
time and repeated from then on: a graph of derivatives is then written several times faster than by reading the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd_mini._core.graph import is_node
from autograd_mini.primitives import BUILT_IN, Operators, Primitive, chain, neg


class Term(Operators):
    """A node or a constant, for writing derivatives down: constants are folded and rows' shortcuts are taken.

    Both keep the bits of the number and of every derivative.
    """

    __slots__ = ("content",)

    def __init__(self, content: Any) -> None:
        self.content = content

    @property
    def operation(self) -> Any:
        return self.content.operation

    @property
    def operands(self) -> tuple[Term, ...]:
        return tuple(map(Term, self.content.operands))

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Term:
        contents = [o.content if type(o) is Term else float(o) for o in operands]
        nodes: list[Any] = [content for content in contents if is_node(content)]
        if not nodes:
            return Term(primitive.number(*contents))
        if primitive.shortcut is not None:
            shorter = primitive.shortcut(*[Term(c) if is_node(c) else c for c in contents])
            if shorter is not None:
                return shorter if type(shorter) is Term else Term(float(shorter))
        return Term(nodes[0].apply(primitive, contents))


class _Steps(NamedTuple):
    """What a rule did: primitives with their operands, constants or numbers of nodes, and what came out."""

    steps: list[tuple[Primitive, tuple[Any, ...], int]]
    result: Any


class _Slot:
    """Stands for a node while the steps of a rule are noted.

    Nodes are numbered: those given (factor, result, operands), as many again for what those negate, then those made.
    """

    def __init__(self, number: int, made: list[Any], given: int, is_negation: bool = False) -> None:
        self.number, self.made, self.given = number, made, given
        self.operation = neg if is_negation else None
        self.operands: tuple[_Slot, ...] = (_Slot(number + given, made, given),) if is_negation else ()

    def apply(self, primitive: Primitive, contents: Sequence[Any]) -> _Slot:
        operands = tuple(content if type(content) is float else content.number for content in contents)
        self.made.append((primitive, operands, self.number))
        slot = _Slot(2 * self.given + len(self.made) - 1, self.made, self.given)
        if primitive is neg:
            slot.operation, slot.operands = neg, (self,)
        return slot


_known: dict[Any, _Steps] = {}


def share(factor: Term, node: Any, position: int) -> Term:
    """The chain rule on one edge: a cotangent or tangent times the derivative of a node by one of its operands."""
    row: Primitive = node.operation
    given = [factor.content, node, *node.operands]
    if BUILT_IN.get(row.name) is not row:
        return _by_rule(row, position, given)
    key = (row, position, *map(_kind, given))
    known = _known.get(key)
    if known is None:
        if len(_known) > 10_000:
            _known.clear()  # graphs full of different constants
        known = _known[key] = _note(row, position, given)
    if type(known.result) is float:
        return Term(known.result)
    nodes = given + [content.operands[0] if kind is neg else None for content, kind in zip(given, key[2:])]
    for primitive, operands, first in known.steps:
        nodes.append(nodes[first].apply(primitive, [nodes[o] if type(o) is int else o for o in operands]))
    return Term(nodes[known.result])


def _by_rule(row: Primitive, position: int, given: Sequence[Any]) -> Term:
    factor, result, *operands = map(Term, given)
    rule: Any = row.partials[position]
    local = rule(result, *operands)
    return chain(factor, local if type(local) is Term else Term(float(local)))


def _kind(content: Any) -> Any:
    """All that a rule can see of an operand: the bits of a constant, or whether a node is a negation."""
    if type(content) is float:
        return content if content else str(content)  # 0.0 and -0.0 are equal
    return neg if content.operation is neg else None


def _note(row: Primitive, position: int, given: Sequence[Any]) -> _Steps:
    steps: list[Any] = []
    slots = [content if type(content) is float else _Slot(number, steps, len(given), content.operation is neg)
             for number, content in enumerate(given)]
    result = _by_rule(row, position, slots).content
    return _Steps(steps, result if type(result) is float else result.number)
