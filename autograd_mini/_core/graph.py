"""Walking a graph: anything whose nodes have `operands` (nodes, or plain floats for constants).

Every walk is iterative, so depth is limited by memory only, and visits operands before the nodes that use them, first
operand first. The compiled engine walks in the same order, so both add gradients up in the same order too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from autograd_mini._core.errors import StaleGraphError


class HasOperands(Protocol):
    """A node of any graph: of Values, or of forms."""

    @property
    def operands(self) -> Any: ...


Node = TypeVar("Node", bound=HasOperands)

compiled_kind: Any = None
compiled_order: Any = None
compiled_leaves: Any = None
compiled_count: Any = None
"""The class of compiled nodes and its own walks, which `value` sets where the compiled engine was built."""


def is_node(operand: Any) -> bool:
    """Whether an operand is a node of the graph; a constant is a plain float."""
    return type(operand) is not float


def roots(thing: Any) -> Any:
    """What something is among Values: its `graph()` where it has one, as a Program does, else itself."""
    return thing.graph() if callable(getattr(thing, "graph", None)) else thing


def topological_order(*roots: Node) -> list[Node]:
    """Every node that the roots reach, operands before users; each node once."""
    if {*map(type, roots)} == {compiled_kind}:
        return compiled_order(*roots)
    for root in roots:
        if not hasattr(root, "operands"):
            raise TypeError(f"a graph ends in a Value, not in something of type {type(root).__name__}")
    order: list[Any] = []
    seen: set[int] = set()
    pending: list[tuple[Any, bool]] = [(root, False) for root in reversed(roots)]
    while pending:
        node, finished = pending.pop()
        if finished:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            pending.append((node, True))
            pending.extend((operand, False) for operand in reversed(node.operands) if type(operand) is not float)
    return order


def count(*roots: Any) -> int:
    """How many nodes the roots reach."""
    if {*map(type, roots)} == {compiled_kind}:
        return compiled_count(*roots)
    return len(topological_order(*roots))


def leaves(*roots: Node) -> list[Node]:
    """The nodes without operands that the roots reach, in the order in which they are first met."""
    if {*map(type, roots)} == {compiled_kind}:
        return compiled_leaves(*roots)
    return [node for node in topological_order(*roots) if not node.operands]


def dependents(order: Iterable[Any], sources: Iterable[Any]) -> set[int]:
    """The ids of those nodes of a topological order that are a source or depend on one."""
    found = {id(source) for source in sources}
    for node in order:
        if id(node) not in found and any(id(operand) in found for operand in node.operands):
            found.add(id(node))
    return found


def require_fresh(order: Iterable[Any]) -> None:
    """Raise StaleGraphError if a leaf of these nodes was assigned after a node that uses it was built."""
    for node in order:
        for operand in node.operands:
            if type(operand) is not float and operand.stamp > node.stamp:
                who = repr(operand.name) if operand.name else f"a leaf that is now {operand.data!r}"
                raise StaleGraphError(f"{who} was assigned after this graph was built from it: "
                                      "build the expression again, then ask")


def require_one_point(order: Iterable[Any], now: int) -> None:
    """Raise StaleGraphError if a leaf was assigned after one of these nodes was built from it, but before `now`."""
    nodes = list(order)
    for node in nodes:
        for operand in node.operands:
            if type(operand) is not float and node.stamp < operand.stamp <= now:
                who = repr(operand.name) if operand.name else f"a leaf that is now {operand.data!r}"
                raise StaleGraphError(f"{who} was assigned between the parts of this graph, which so belong to two "
                                      "points: build the expression again, then ask")
