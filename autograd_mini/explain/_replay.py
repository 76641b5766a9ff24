"""Recorded graphs computed again in balls: proven values, proven derivatives, or the word that they are undecided.

`replay` starts from the floats in the leaves; `derivatives` goes backward as well; `true_derivatives` gives those of
every order, the higher ones by no rule at all. Precision is doubled until every number asked for is proven, or a limit
is reached.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional

from autograd_mini._core import sweep
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.explain._ball import ENOUGH, Ball, applied, flint, local, number_of, precision
from autograd_mini.primitives import add, chain

FIRST, LIMIT = 192, 12_288
"""Bits of precision at which a replay begins, and at which it gives up, for a small graph."""

_MOST_WORK = 60_000_000
"""Nodes times bits: what one replay of a large graph may cost, some seconds."""



def replay(*roots: Any, at: Optional[Mapping[int, Any]] = None, bits: float = ENOUGH,
           needed: Optional[Iterable[Any]] = None) -> dict[int, Ball]:
    """Every node that the roots reach, computed again from the leaves: {id(node): Ball}.

    Precision is doubled until the `needed` nodes (all, by default) have so many proven bits or the limit is reached:
    `is_proven` says which. `at` gives nodes, by their id, other numbers than they have (floats, ints, Fractions, arbs):
    leaves to move, or inner nodes to cut the graph at.

    >>> from autograd_mini import Value
    >>> x = Value(1e-20); y = (1 + x) - 1
    >>> y.data, float(replay(y)[id(y)]) == x.data
    (0.0, True)
    """
    order = topological_order(*roots)
    keys = {id(node) for node in (order if needed is None else needed)}
    return _proven(len(order), bits, lambda: (values := _forward(order, at or {}),
                                              [values[key] for key in keys]))


def derivatives(root: Any, at: Optional[Mapping[int, Any]] = None, bits: float = ENOUGH,
                needed: Optional[Iterable[Any]] = None) -> tuple[dict[int, Ball], dict[int, Ball]]:
    """The values of all nodes that root depends on, and the derivatives of root by them, as `replay` gives them.

    >>> from autograd_mini import Value, cos
    >>> x = Value(1e-30); y = (1 - cos(x)) / x ** 2
    >>> derivatives(y)[1][id(x)]
    -8.33333e-32
    """
    order = topological_order(root)
    keys = {id(node) for node in (order if needed is None else needed)}

    def both() -> tuple[Any, list[Ball]]:
        values = _forward(order, at or {})
        slopes = _backward(root, order, values, at or {})
        return (values, slopes), [values[id(root)], *[slopes[key] for key in keys]]

    return _proven(len(order), bits, both)


def _along(root: Any, nodes: Sequence[Any], direction: Mapping[int, float], order: int) -> list[Ball]:
    """The derivatives 0, 1, ... order along a direction, at the precision that is set."""
    moved = {id(node): flint.arb_series([flint.arb(node.data), direction[id(node)]])
             for node in nodes if not node.operands and id(node) in direction and math.isfinite(node.data)}
    result = _forward(nodes, moved)[id(root)].number
    if type(result) is not flint.arb_series:
        return [Ball(result), *[Ball(flint.arb(0) if type(result) is flint.arb else flint.arb.nan())] * order]
    return [Ball(result[k] * math.factorial(k)) for k in range(order + 1)]


def true_derivatives(root: Any, variables: Sequence[Any], order: int) -> dict[tuple[int, ...], Optional[Ball]]:
    """The derivatives of root to one order, {positions of variables, ascending: Ball}; None where one is undecided.

    First ones are swept backward over local power series; higher ones are Taylor coefficients along sums and
    differences of the axes, so that no rule is used but at kinks and edges of first derivatives.

    >>> from autograd_mini import Value
    >>> x, y = Value(3.0), Value(2.0)
    >>> true_derivatives(x * x * y, [x, y], 2)
    {(0, 0): 4, (0, 1): 6, (1, 1): 0}
    """
    positions = range(len(variables))
    if order == 1:
        slopes = derivatives(root, needed=[])[1]
        lacking = [v for v in variables if id(v) in slopes and not slopes[id(v)].is_proven()]
        slopes = derivatives(root, needed=lacking)[1] if lacking else slopes
        firsts = {(i,): slopes.get(id(variables[i]), Ball.of(0)) for i in positions}
        return {place: ball if ball.is_proven() else None for place, ball in firsts.items()}
    nodes = topological_order(root)
    return {place: _mixed(root, nodes, [id(variables[position]) for position in place])
            for place in itertools.combinations_with_replacement(positions, order)}


def _mixed(root: Any, nodes: Sequence[Any], keys: Sequence[int]) -> Optional[Ball]:
    """A derivative by several leaves in turn, from those along the sums and differences of their axes."""
    order = len(keys)

    def combined() -> tuple[Ball, list[Ball]]:
        total = flint.arb(0)
        for signs in itertools.product((1, -1), repeat=order - 1):
            direction = dict.fromkeys(keys, 0.0)
            for key, sign in zip(keys, (1, *signs)):
                direction[key] += sign
            number = _along(root, nodes, direction, order)[order].number
            total += math.prod(signs) * (flint.arb.nan() if type(number) is float else number)
        ball = Ball(total / (2 ** (order - 1) * math.factorial(order)))
        return ball, [ball]

    ball: Ball = _proven(len(nodes), ENOUGH, combined, order + 1)
    return ball if ball.is_proven() else None


def _proven(size: int, bits: float, compute: Callable[[], tuple[Any, list[Ball]]], terms: int = 2) -> Any:
    """What is computed, at the first precision at which the balls beside it are proven, or at the limit."""
    working = max(FIRST, int(2 * bits))
    limit = max(working, min(LIMIT, max(8 * FIRST, _MOST_WORK // (size or 1))))
    while True:
        with precision(working, terms):
            result, balls = compute()
            if 2 * working > limit or all(ball.is_proven(bits) for ball in balls):
                return result
        working *= 2


def _forward(order: Sequence[Any], at: Mapping[int, Any]) -> dict[int, Ball]:
    values: dict[int, Ball] = {}
    for node in order:
        if id(node) in at or not node.operands:
            values[id(node)] = Ball.of(at.get(id(node), node.data))
        else:
            numbers = [values[id(o)].number if is_node(o) else number_of(o) for o in node.operands]
            values[id(node)] = Ball(applied(node.operation, numbers))
    return values


def _backward(root: Any, order: Sequence[Any], values: Mapping[int, Ball], at: Mapping[int, Any]) -> dict[int, Ball]:
    """The derivative of root by every node, in the order of `Value.backward`."""
    def edges(node: Any) -> list[tuple[int, Any]]:
        return [] if id(node) in at else \
            [edge for edge in sweep.node_edges(node) if node.operation.partials[edge[0]] is not None]

    def share(total: Ball, node: Any, position: int) -> Ball:
        if type(total.number) is flint.arb and total.number.is_zero():
            return total
        operands = [values[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
        slope = local(node.operation, position, values[id(node)], operands)
        return Ball(applied(chain, (total.number, slope.number)))

    zero = Ball(flint.arb(0))
    totals = sweep.pull(reversed(order), edges, {root: Ball(flint.arb(1))}, share,
                        lambda a, b: Ball(applied(add, (a.number, b.number))))
    return {id(node): totals.get(node, zero) for node in order}
