"""The chain rule over a graph, once in each direction, for totals and shares of any kind.

A total is a number, a slot of a `Builder`, a ball ...: whatever `share` makes of one and `add` adds up. An edge is
(position, operand); keys are nodes, ids of nodes or slots.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
Total = TypeVar("Total")
Edges = Callable[[Key], Iterable[tuple[int, Key]]]


def pull(backwards: Iterable[Key], edges: Edges[Key], totals: dict[Key, Total],
         share: Callable[[Total, Key, int], Total],
         add: Callable[[Total, Total], Total] = operator.add) -> dict[Key, Total]:
    """Reverse mode: every key hands its total, times the local derivative, to its operands.

    `backwards` has users before their operands. `totals` holds those of some keys, and gets those of all they reach.

    >>> product = {"y": [(0, "a"), (1, "b")]}                  # y = a * b at a = 2, b = 3
    >>> local = {("y", 0): 3.0, ("y", 1): 2.0}
    >>> pull("yab", lambda key: product.get(key, ()), {"y": 1.0}, lambda total, *edge: total * local[edge])
    {'y': 1.0, 'a': 3.0, 'b': 2.0}
    """
    for key in backwards:
        if key not in totals:
            continue
        for position, operand in edges(key):
            part = share(totals[key], key, position)
            totals[operand] = add(totals[operand], part) if operand in totals else part
    return totals


def push(order: Iterable[Key], edges: Edges[Key], totals: dict[Key, Total], share: Callable[[Total, Key, int], Total],
         add: Callable[[Total, Total], Total] = operator.add) -> dict[Key, Total]:
    """Forward mode: every key adds up the totals of its operands, times the local derivatives.

    `order` has operands before their users. `totals` holds those of some keys, which stay, and gets all others.
    """
    given = set(totals)
    for key in order:
        if key in given:
            continue
        for position, operand in edges(key):
            if operand in totals:
                part = share(totals[operand], key, position)
                totals[key] = add(totals[key], part) if key in totals else part
    return totals


def node_edges(node: Any) -> list[tuple[int, Any]]:
    """The edges of a node to its operands that are nodes."""
    return [(position, operand) for position, operand in enumerate(node.operands) if type(operand) is not float]
