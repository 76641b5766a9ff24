"""Derivatives as graphs: the rules of the table, read with the nodes themselves as operands."""

from __future__ import annotations

from typing import Any, Sequence

from autograd_mini import structure
from autograd_mini.graph import dependents, is_node, require_fresh, topological_order
from autograd_mini.primitives import Operators, Primitive, chain
from autograd_mini.value import Value, engines


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
    cotangents = _cotangents(y, order, dependents(order, targets))
    return rebuild([_as_node(cotangents.get(id(target), Term(0.0)).content, type(y)) for target in targets])


def _cotangents(y: Value, order: Sequence[Any], relevant: set[int]) -> dict[int, Term]:
    """The derivative of y by every relevant node, in the order and with the sums of `Value.backward`."""
    cotangents = {id(y): Term(1.0)}
    for node in reversed(order):
        cotangent = cotangents.get(id(node))
        if cotangent is None or id(node) not in relevant or not node.operands:
            continue
        operands = [Term(operand) for operand in node.operands]
        for operand, rule in zip(node.operands, node.operation.partials):
            if rule is None or id(operand) not in relevant:
                continue
            local = rule(Term(node), *operands)
            share = chain(cotangent, local if type(local) is Term else Term(float(local)))
            earlier = cotangents.get(id(operand))
            cotangents[id(operand)] = share if earlier is None else earlier + share
    return cotangents


def _as_node(content: Any, kind: Any) -> Any:
    return content if is_node(content) else kind(content)
