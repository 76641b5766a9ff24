"""Passes through a recorded graph: forward and backward, as numbers and as graphs; what the transforms are made of.

As numbers, a pass uses the local derivatives that every node keeps. As graphs, it writes the rules of the table down,
see `calculus`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini import primitives
from autograd_mini._body.calculus import as_node, pull, push
from autograd_mini._body.terms import Term
from autograd_mini._core import trees as structure
from autograd_mini._core.graph import require_fresh, topological_order
from autograd_mini._core.value import Value, engines

KINDS = tuple(engines.values())
"""The classes of Values: of the compiled engine, where it was built, and of the readable one."""


def is_value(number: Any) -> bool:
    """Whether something is a Value of any engine."""
    return isinstance(number, KINDS)


def backward(y: Any, nodes: Sequence[Value]) -> list[float]:
    """The derivatives of y by leaves that belong to this call, as numbers."""
    for node in nodes:
        node.grad = None
    if is_value(y):
        y.backward()
    return [0.0 if node.grad is None else node.grad for node in nodes]


def rows(outputs: Sequence[Any], nodes: Sequence[Value]) -> np.ndarray:
    rows = [backward(y, nodes) for y in outputs]
    return np.array(rows, dtype=float).reshape(len(outputs), len(nodes))


def columns(outputs: Sequence[Any], nodes: Sequence[Value]) -> np.ndarray:
    directions = [1.0] if len(nodes) == 1 else np.eye(len(nodes))
    return np.array(forward(outputs, nodes, directions), dtype=float).reshape(len(outputs), len(nodes))


def forward(outputs: Sequence[Any], nodes: Sequence[Value], directions: Any) -> list[Any]:
    """The tangent of every output, where each node has a tangent: a number, or an array with one for each direction."""
    tangents = {id(node): direction for node, direction in zip(nodes, directions)}
    times = _chain if len(directions) and type(directions[0]) is not float else primitives.chain.value
    with np.errstate(all="ignore"):
        for node in topological_order(*filter(is_value, outputs)):
            total = None
            for operand, partial in zip(node.operands, node.partials):
                tangent = tangents.get(id(operand))
                if tangent is not None and partial is not None:
                    share = times(tangent, partial)
                    total = share if total is None else total + share
            if total is not None:
                tangents[id(node)] = total
    nothing = np.zeros_like(directions[0]) if len(directions) and times is _chain else 0.0
    return [tangents.get(id(y), nothing) for y in outputs]


def _chain(tangent: np.ndarray, partial: float) -> np.ndarray:
    """The row `chain` of the table over an array: 0 where either factor is 0."""
    if partial == 0:
        return np.zeros_like(tangent)
    share = tangent * partial
    return share if math.isfinite(partial) else np.where(tangent == 0, 0.0, share)


def graph_rows(outputs: Sequence[Any], nodes: Sequence[Value]) -> np.ndarray:
    matrix = np.empty((len(outputs), len(nodes)), dtype=object)
    for i, y in enumerate(outputs):
        order = topological_order(y) if is_value(y) else []
        require_fresh(order)
        cotangents = pull(order, nodes, {id(y): Term(1.0)}) if order else {}
        matrix[i] = [as_node(cotangents.get(id(node)), type(node)) for node in nodes]
    return matrix


def graph_columns(outputs: Sequence[Any], nodes: Sequence[Value]) -> np.ndarray:
    matrix = np.empty((len(outputs), len(nodes)), dtype=object)
    for j, node in enumerate(nodes):
        matrix[:, j] = push_graph(outputs, [node], [1.0])
    return matrix


def push_graph(outputs: Sequence[Any], nodes: Sequence[Value], directions: Sequence[Any]) -> list[Any]:
    order = topological_order(*filter(is_value, outputs))
    require_fresh(order)
    tangents = push(order, {id(node): Term(direction) for node, direction in zip(nodes, directions)})
    return [as_node(tangents.get(id(y)), Value) for y in outputs]


def in_blocks(matrix: np.ndarray, result: Any, arguments: Any) -> Any:
    """Rows and columns of a Jacobian in the structures of the outputs and of the inputs."""
    row_shapes, outer = structure.blocks(result)
    column_shapes, inner = structure.blocks(arguments)
    rows = []
    top = 0
    for row_shape in row_shapes:
        height, left, row = int(np.prod(row_shape)), 0, []
        for column_shape in column_shapes:
            width = int(np.prod(column_shape))
            block = matrix[top:top + height, left:left + width]
            shape = (*row_shape, *column_shape)
            row.append(block.reshape(shape) if shape else block.item())
            left += width
        rows.append(inner(row))
        top += height
    return outer(rows)
