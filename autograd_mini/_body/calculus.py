"""Derivatives as graphs: of Values, where the results are Values again, and of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini._body import loop_calculus
from autograd_mini._body.body import Body
from autograd_mini._body.builder import builder
from autograd_mini._core import registry, sweep, trees
from autograd_mini._core.graph import topological_order
from autograd_mini._core.kinds import Tree
from autograd_mini._core.rows import TABLE
from autograd_mini._core.value import Value


def gradient(y: Value, wrt: Tree) -> Tree:
    """The derivatives of y by the Values in `wrt`, as a graph: they can be differentiated, drawn and compiled again.

    `wrt` is a Value or any nesting of lists, tuples, dicts and object arrays of Values, inner nodes included; the
    result has the same structure. What y does not depend on has derivative 0.

    >>> x = Value(3.0)
    >>> dy = gradient(x ** 3, x)
    >>> dy.data, gradient(dy, x).data
    (27.0, 18.0)

    Raises TypeError where `y` or an entry of `wrt` is not a Value, StaleGraphError where a leaf was assigned since.
    """
    if not registry.is_value(y):
        raise TypeError(f"only a Value has a gradient, not {type(y).__name__}")
    targets, rebuild = trees.flatten(wrt, strict=True)
    for target in targets:
        if not registry.is_value(target):
            raise TypeError(f"a gradient is taken with respect to Values, not {type(target).__name__}: "
                            "use the Value itself, not its data, and not a constant")
    return rebuild(pull([(y, 1.0)], targets))


def pull(seeds: Sequence[tuple[Any, Any]], targets: Sequence[Any]) -> list[Any]:
    """Reverse mode over a graph of Values: what (node, cotangent) pairs give as the cotangents of the targets.

    Cotangents are Values or floats; those of the targets are Values.
    """
    kind = type(seeds[0][0])
    return [entry if registry.is_value(entry) else kind(entry or 0.0) for entry in loop_calculus.pull(seeds, targets)]


def push(seeds: Sequence[tuple[Any, Any]], outputs: Sequence[Any]) -> list[Any]:
    """Forward mode over a graph of Values: what (node, tangent) pairs give as the tangents of the outputs."""
    kind = type(outputs[0])
    return [entry if registry.is_value(entry) else kind(entry or 0.0) for entry in loop_calculus.push(seeds, outputs)]


def gradients(value: Any) -> dict[int, float]:
    """What `backward()` would set, by the ids of the nodes, without setting anything."""
    order = topological_order(value)
    chain = TABLE["chain"].value
    found = sweep.pull(reversed(order), sweep.node_edges, {**dict.fromkeys(order, 0.0), value: 1.0},
                       lambda total, node, position: chain(total, node.partials[position]))
    return {id(node): total for node, total in found.items()}


def derivative(body: Body, inputs: Sequence[int], forward: bool = False, triangle: bool = False) -> Body:
    """The body of the outputs, and behind them their derivatives by some inputs, a row for each output.

    Of a `triangle`, what is below its diagonal is taken from above. Equal operations are one here before they are
    differentiated, which is safe for inputs, and makes derivatives of graphs with much in common much smaller. Sums may
    come in another order than in `backward`.
    """
    if body.has_loops:
        return loop_calculus.derivative(body, inputs, forward, triangle)
    made = builder()
    slots = made.load_body(body)
    one, zero = made.constant(1.0), made.constant(0.0)
    roots = [slots[output] for output in body.outputs]
    if forward:
        matrix = np.transpose([made.push({place: one}, roots) for place in inputs])
        matrix[matrix < 0] = zero
    else:
        matrix = np.full((len(roots), len(inputs)), zero)
        rows, columns, slots = _entries(made, roots, inputs, triangle)
        matrix[rows, columns] = slots
        if triangle:
            matrix[columns, rows] = slots
    return made.body([*roots, *matrix.ravel().tolist()])


def sparse_derivative(body: Body, inputs: Sequence[int], second: bool) -> tuple[Body, np.ndarray, np.ndarray]:
    """The body of those derivatives of the outputs by some inputs that can be other than 0; their rows and columns.

    Of an output's `second` derivatives one triangle is computed. They come row by row, by rising columns.
    """
    made = builder()
    slots = made.load_body(body)
    roots = [slots[output] for output in body.outputs]
    if second:
        roots = made.pull({roots[0]: made.constant(1.0)}, inputs)
    rows, columns, found = _entries(made, roots, inputs, second)
    if second:
        above = columns > rows
        rows, columns, found = (np.concatenate([entries, others[above]]) for entries, others in
                                ((rows, columns), (columns, rows), (found, found)))
    order = np.lexsort((columns, rows))
    whole = made.body(found[order].tolist())
    outputs = np.array(whole.outputs, dtype=int)
    numbers = np.zeros(whole.first_operation)
    numbers[whole.first_constant:] = whole.constants
    is_zero = (outputs >= whole.first_constant) & (outputs < whole.first_operation)
    is_zero[is_zero] = numbers[outputs[is_zero]] == 0
    kept = ~is_zero
    return whole.with_outputs(outputs[kept].tolist()), rows[order][kept], columns[order][kept]


def _entries(made: Any, roots: Sequence[int], inputs: Sequence[int],
             triangle: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and slots of the derivatives of the roots by the inputs."""
    found = np.frombuffer(made.sparse(roots, inputs, triangle), dtype=np.intc).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]
