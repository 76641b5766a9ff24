"""Matrices of derivatives of many outputs by many inputs: as numbers and as graphs, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini._body import calculus
from autograd_mini._core import registry, sweep, trees
from autograd_mini._core.graph import count, topological_order
from autograd_mini._core.rows import TABLE
from autograd_mini._core.value import Value, compiled

LANES = 8
"""How many directions go through a graph together."""
LANE = 0.07
"""What one direction more costs, measured in backward passes over the same graph."""


def backward(outputs: Sequence[Any], nodes: list[Value]) -> np.ndarray:
    """The matrix of numbers, one backward pass for each output; the nodes are leaves that belong to this call."""
    found = np.zeros((len(outputs), len(nodes)))
    active = [place for place, y in enumerate(outputs) if registry.is_value(y)]
    values = [outputs[place] for place in active]
    if values and compiled is not None and type(values[0]) is compiled.Value:
        results = np.zeros((len(values), len(nodes)))
        compiled.cotangents(values, nodes, results)
        found[active] = results
        return found
    for place, y in zip(active, values):
        slopes = calculus.gradients(y)
        found[place] = [slopes.get(id(node), 0.0) for node in nodes]
    return found


def columns(outputs: Sequence[Any], nodes: list[Value]) -> np.ndarray:
    """The matrix of numbers, tangents of all inputs going forward."""
    return forward(outputs, nodes, np.eye(len(nodes)))


def forward(outputs: Sequence[Any], nodes: list[Value], directions: np.ndarray) -> np.ndarray:
    """The tangents of every output (rows) in some directions (columns), whose rows are the nodes' tangents."""
    found = np.zeros((len(outputs), directions.shape[1]))
    active = [place for place, y in enumerate(outputs) if registry.is_value(y)]
    values = [outputs[place] for place in active]
    if values and compiled is not None and type(values[0]) is compiled.Value:
        results = np.zeros((len(values), directions.shape[1]))
        compiled.tangents(values, nodes, np.ascontiguousarray(directions, dtype=float), results)
        found[active] = results
    elif values:
        order, chain = topological_order(*values), TABLE["chain"].value
        for column in range(directions.shape[1]):
            totals = sweep.push(order, sweep.node_edges, dict(zip(nodes, directions[:, column].tolist())),
                                lambda total, node, position: chain(total, node.partials[position]))
            found[active, column] = [totals.get(y, 0.0) for y in values]
    return found


def forward_is_cheaper(outputs: Sequence[Any], nodes: Sequence[Value]) -> bool:
    """Whether tangents of all inputs cost less than a backward pass for each output: operations are counted.

    Of the outputs the one in the middle stands for all.
    """
    values = [y for y in outputs if registry.is_value(y)]
    if not values or len(nodes) >= LANES * len(values):
        return False
    behind = len(values) * count(values[len(values) // 2])
    ahead = count(*values) * (1 + LANE * LANES * -(-len(nodes) // LANES))
    return ahead < behind


def graph_rows(outputs: Sequence[Any], nodes: Sequence[Value], triangle: bool = False) -> np.ndarray:
    """The matrix as graphs, one reverse pass for each output; of a `triangle`, what lies below is left out."""
    matrix = np.empty((len(outputs), len(nodes)), dtype=object)
    for i, y in enumerate(outputs):
        chosen = nodes[i:] if triangle else nodes
        matrix[i, len(nodes) - len(chosen):] = calculus.pull([(y, 1.0)], chosen) if registry.is_value(y) else \
            [type(node)(0.0) for node in chosen]
    return matrix


def graph_columns(outputs: Sequence[Any], nodes: Sequence[Value]) -> np.ndarray:
    """The matrix as graphs, one forward pass for each input."""
    matrix = np.empty((len(outputs), len(nodes)), dtype=object)
    for j, node in enumerate(nodes):
        matrix[:, j] = push_graph(outputs, [node], [1.0])
    return matrix


def push_graph(outputs: Sequence[Any], nodes: Sequence[Value], directions: Sequence[Any]) -> list[Any]:
    """The tangent of every output, where each node has a tangent, as graphs."""
    values = [y for y in outputs if registry.is_value(y)]
    found = iter(calculus.push([*zip(nodes, directions)], values) if values else [])
    return [next(found) if registry.is_value(y) else Value(0.0) for y in outputs]


def in_blocks(matrix: np.ndarray, result: Any, arguments: Any) -> Any:
    """Rows and columns of a Jacobian in the structures of the outputs and of the inputs."""
    row_shapes, outer = trees.blocks(result)
    column_shapes, inner = trees.blocks(arguments)
    rows = []
    for down, row_shape in trees.spans(row_shapes):
        row = []
        for across, column_shape in trees.spans(column_shapes):
            shape = (*row_shape, *column_shape)
            row.append(matrix[down, across].reshape(shape) if shape else matrix[down, across].item())
        rows.append(inner(row))
    return outer(rows)
