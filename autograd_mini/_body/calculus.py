"""Derivatives as graphs: the rules of the table, read with the nodes themselves as operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from autograd_mini._body import terms
from autograd_mini._body.terms import Term
from autograd_mini._core import trees as structure
from autograd_mini._core.graph import dependents, is_node, require_fresh, topological_order
from autograd_mini._core.value import Value, engines
from autograd_mini.primitives import chain


def gradient(y: Value, wrt: Any) -> Any:
    """The derivatives of y by the Values in `wrt`, as a graph: they can be differentiated, drawn and compiled again.

    `wrt` is a Value or any nesting of lists, tuples, dicts and object arrays of Values, inner nodes included; the
    result has the same structure. What y does not depend on has derivative 0.

    >>> x = Value(3.0)
    >>> dy = gradient(x ** 3, x)
    >>> dy.data, gradient(dy, x).data
    (27.0, 18.0)

    Raises TypeError where `y` or an entry of `wrt` is not a Value, StaleGraphError where a leaf was assigned since.
    """
    kinds = tuple(engines.values())
    if not isinstance(y, kinds):
        raise TypeError(f"only a Value has a gradient, not {type(y).__name__}")
    targets, rebuild = structure.flatten(wrt)
    for target in targets:
        if not isinstance(target, kinds):
            raise TypeError(f"a gradient is taken with respect to Values, not {type(target).__name__}: "
                            "use the Value itself, not its data, and not a constant")
    order = topological_order(y)
    require_fresh(order)
    cotangents = pull(order, targets, {id(y): Term(1.0)})
    return rebuild([as_node(cotangents.get(id(target)), type(y)) for target in targets])


def pull(order: Sequence[Any], targets: Sequence[Any], cotangents: dict[int, Term]) -> dict[int, Term]:
    """Reverse mode: cotangents of some nodes become those of all nodes between them and the targets.

    `order` is a topological order. Sums are taken in the order of `Value.backward`. Keys are the ids of nodes.
    """
    relevant = dependents(order, targets)
    for node in reversed(order):
        cotangent = cotangents.get(id(node))
        if cotangent is None or id(node) not in relevant or not node.operands:
            continue
        for position, (operand, rule) in enumerate(zip(node.operands, node.operation.partials)):
            if rule is None or id(operand) not in relevant:
                continue
            share = terms.share(cotangent, node, position)
            earlier = cotangents.get(id(operand))
            cotangents[id(operand)] = share if earlier is None else earlier + share
    return cotangents


def push(order: Sequence[Any], tangents: dict[int, Term]) -> dict[int, Term]:
    """Forward mode: tangents of some nodes become those of all nodes that depend on them, in one sweep."""
    for node in order:
        if id(node) in tangents:
            continue
        for position, operand in enumerate(node.operands):
            tangent = tangents.get(id(operand))
            if tangent is None or node.operation.partials[position] is None:
                continue
            share = terms.share(tangent, node, position)
            earlier = tangents.get(id(node))
            tangents[id(node)] = share if earlier is None else earlier + share
    return tangents


def as_node(term: Optional[Term], kind: Any) -> Any:
    """The node that a term stands for; a constant, or None for zero, becomes a leaf."""
    content = 0.0 if term is None else term.content
    return content if is_node(content) else kind(content)


def gradients(value: Any) -> dict[int, float]:
    """What `backward()` would set, by the ids of the nodes, without setting anything."""
    order = topological_order(value)
    found = {id(node): 0.0 for node in order}
    found[id(value)] = 1.0
    for node in reversed(order):
        for operand, partial in zip(node.operands, node.partials):
            if is_node(operand):
                found[id(operand)] += chain.value(found[id(node)], partial)
    return found
