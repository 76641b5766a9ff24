"""Pickling and copying graphs of any depth, with the identity of shared nodes kept.

Pickle follows references recursively, and a chain of a million nodes would overflow its stack. So a node first hands
over its ancestors, operands before users, as one flat sequence; while the pickler is inside that, each node refers to
its operands only, which the pickler has met by then and knows by identity. A `_Token` notes what a pickler was handed,
so that nothing is handed over twice; it lives in the pickler's memo and goes with it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Container
from typing import Any, Optional

from autograd_mini._core.recording import Note
from autograd_mini.primitives import Primitive, lookup

_thread = threading.local()


class _Token:
    """What a pickler has been handed. A pickler that has not met it asks for its `__reduce__`, and so gets its own."""

    def __init__(self) -> None:
        self.handed: set[int] = set()
        self.inside = False
        _thread.token = weakref.ref(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return bool, ((_Token(),) if self.handed else ())


def _token() -> _Token:
    reference = getattr(_thread, "token", None)
    return (reference and reference()) or _Token()


class _Inside:
    """Switches flat pickling on before the ancestors of a node, and off behind them."""

    def __init__(self, inside: bool) -> None:
        self.inside = inside

    def __reduce__(self) -> tuple[Any, ...]:
        _token().inside = self.inside
        return bool, ()


class _Ancestors:
    """What a node depends on and this pickler was not handed yet, operands before users."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def __reduce__(self) -> tuple[Any, ...]:
        handed = _token().handed
        order = _unmet(self.node, handed)
        handed.update(map(id, order))
        return _nothing, (_Inside(True), *order[:-1], _Inside(False))


def _unmet(root: Any, met: Container[int]) -> list[Any]:
    """A topological order of what a node depends on, without going beyond nodes whose ids were met before."""
    order: list[Any] = []
    seen: set[int] = set()
    pending = [(root, False)]
    while pending:
        node, finished = pending.pop()
        if finished:
            order.append(node)
        elif id(node) not in seen and id(node) not in met:
            seen.add(id(node))
            pending.append((node, True))
            pending.extend((operand, False) for operand in reversed(node.operands) if type(operand) is not float)
    return order


def reduce(node: Any, engine: str) -> tuple[Any, ...]:
    """What `__reduce__` of a node returns."""
    token = _token()
    if not node.operands or (token.inside and id(node) in token.handed):
        return _restore, _fields(node, engine)
    return _last, (token, _Ancestors(node), (_restore, *_fields(node, engine)))


def _nothing(*parts: Any) -> None:
    return None


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
    from autograd_mini._core.value import (
        engines,  # the class is looked up when a pickle is read: value imports this file
    )

    kind = engines.get(engine) or next(iter(engines.values()))
    row: Optional[Primitive] = lookup(operation) if operation else None
    return kind.restore(data, name, row, operands, partials, grad, stamp, note)


def deepcopy(node: Any, memo: dict[int, Any]) -> Any:
    """What `__deepcopy__` of a node returns: a copy of its whole graph, sharing where the original shares."""
    for original in _unmet(node, memo):
        operands = tuple(memo.get(id(operand), operand) for operand in original.operands)
        memo[id(original)] = shallow_copy(original, operands)
    return memo[id(node)]


def shallow_copy(node: Any, operands: Optional[tuple[Any, ...]] = None) -> Any:
    """A node of its own with the same number, gradient and operands."""
    return type(node).restore(node.data, node.name, node.operation, node.operands if operands is None else operands,
                              node.partials, node.grad, node.stamp, node.note)
