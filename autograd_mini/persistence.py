"""Pickling and copying graphs of any depth, with the identity of shared nodes kept.

Pickle follows references recursively, and a chain of a million nodes would overflow its stack. So a node first hands
over all its ancestors, operands before users, as one flat tuple; while the pickler is inside that tuple, each node
refers to its operands only, which the pickler has met by then and knows by identity.
"""

from __future__ import annotations

import threading
from typing import Any, Optional

from autograd_mini.graph import topological_order
from autograd_mini.primitives import Primitive, lookup
from autograd_mini.recording import Note

_flat = threading.local()


class _Mark:
    """Switches flat pickling on before the ancestors of a node, and back to what it was behind them."""

    def __init__(self, ids: Optional[frozenset[int]]) -> None:
        self.ids = ids

    def __reduce__(self) -> tuple[Any, ...]:
        _flat.ids = self.ids
        return bool, ()


def reduce(node: Any, engine: str) -> tuple[Any, ...]:
    """What `__reduce__` of a node returns."""
    ids = getattr(_flat, "ids", None)
    if (ids is None or id(node) not in ids) and node.operands:
        order = topological_order(node)[:-1]
        return _last, (_Mark(frozenset(map(id, order))), *order, _Mark(ids), (_restore, *_fields(node, engine)))
    return _restore, _fields(node, engine)


def _fields(node: Any, engine: str) -> tuple[Any, ...]:
    operation = node.operation
    stale = any(type(operand) is not float and operand.stamp > node.stamp for operand in node.operands)
    return (engine, node.data, node.name, operation and operation.name, node.operands, node.partials, node.grad,
            0 if stale else 1, node.note)


def _last(*parts: Any) -> Any:
    build, *fields = parts[-1]
    return build(*fields)


def _restore(engine: str, data: float, name: Optional[str], operation: Optional[str], operands: tuple[Any, ...],
             partials: tuple[Any, ...], grad: Optional[float], stamp: int, note: Optional[Note]) -> Any:
    from autograd_mini.value import engines  # the class is looked up when a pickle is read: value imports this file

    kind = engines.get(engine) or next(iter(engines.values()))
    row: Optional[Primitive] = lookup(operation) if operation else None
    return kind.restore(data, name, row, operands, partials, grad, stamp, note)


def deepcopy(node: Any, memo: dict[int, Any]) -> Any:
    """What `__deepcopy__` of a node returns: a copy of its whole graph, sharing where the original shares."""
    for original in topological_order(node):
        if id(original) not in memo:
            operands = tuple(memo.get(id(operand), operand) for operand in original.operands)
            memo[id(original)] = shallow_copy(original, operands)
    return memo[id(node)]


def shallow_copy(node: Any, operands: Optional[tuple[Any, ...]] = None) -> Any:
    """A node of its own with the same number, gradient and operands."""
    return type(node).restore(node.data, node.name, node.operation, node.operands if operands is None else operands,
                              node.partials, node.grad, node.stamp, node.note)
