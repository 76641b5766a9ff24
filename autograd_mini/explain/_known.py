"""What a check knows at one point: values, derivatives, and what the claims make of each other, all in balls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

from autograd_mini._core.graph import is_node
from autograd_mini.explain._ball import Ball, applied, flint, local
from autograd_mini.explain._replay import derivatives
from autograd_mini.primitives import chain

BITS = 200
"""Proven bits of every number that a verdict rests on."""

TOLERANCE = 1e-12
"""Claims may hold constants rounded to floats, so agreement is asked to 12 digits."""


class At(NamedTuple):
    """Everything known at one point: values, local derivatives, true derivatives, and what the claims lead to."""

    leaves: dict[int, Any]
    values: dict[int, Any]
    locals: dict[tuple[int, int], Any]
    true: dict[int, Any]
    expected: dict[int, Any]
    shares: dict[int, list[Any]]
    claimed: dict[int, Any]
    slopes: dict[int, Any]           # the true derivative of the root by every node

    def handed(self, node: Any) -> Any:
        """What a node hands on to its operands: what is claimed of it, or what reached it."""
        return self.claimed.get(id(node), self.expected[id(node)])

    def is_finite(self, key: int) -> bool:
        """Whether a claim is a number here, and the true derivative too."""
        return type(self.claimed[key]) is not float and type(self.true[key]) is not float


def error(a: Any, b: Any, point: At, key: int) -> float:
    """The relative difference of two derivatives, where the terms of the true one are the least size that counts."""
    size = flint.arb(1e-300)
    for number in (a, b, *[share * 1e-35 for share in point.shares[key]]):
        size = size.max(abs(number))
    return float(abs(a - b) / size)


def agree(a: Any, b: Any, point: At, key: int) -> bool:
    """Whether two derivatives by the node with this id are the same at a point."""
    return error(a, b, point, key) <= TOLERANCE


def known_at(order: Sequence[Any], claims: Mapping[int, Any], leaves: dict[int, Any],
             balls: dict[int, Ball]) -> Optional[At]:
    """What is known at a point of the graph that ends with the last node; None where something is undecided."""
    if any(not balls[id(claim)].is_proven(BITS) for claim in claims.values()):
        return None
    locals_ = {}
    for node in order:
        operands = [balls[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
        for place, operand in enumerate(node.operands):
            if is_node(operand) and node.operation.partials[place] is not None:
                slope = local(node.operation, place, balls[id(node)], operands)
                if slope.is_special() or not slope.is_proven():
                    return None
                locals_[id(node), place] = slope.number
    claimed_nodes = [node for node in order if id(node) in claims]
    slopes = derivatives(order[-1], at=leaves, bits=BITS, needed=claimed_nodes)[1]
    if any(not slopes[id(node)].is_proven(BITS) for node in claimed_nodes):
        return None
    values = {key: ball.number for key, ball in balls.items()}
    claimed = {key: values[id(claim)] for key, claim in claims.items()}
    true = {id(node): slopes[id(node)].number for node in claimed_nodes}
    return At(leaves, values, locals_, true, *_swept(order, locals_, claimed), claimed,
              {key: slope.number for key, slope in slopes.items()})


def _swept(order: Sequence[Any], locals_: Mapping[tuple[int, int], Any],
           given: Mapping[int, Any]) -> tuple[dict[int, Any], dict[int, list[Any]]]:
    """The chain rule backward, where what is given for a node is handed on instead of what reached it."""
    totals: dict[int, Any] = {id(node): flint.arb(0) for node in order}
    totals[id(order[-1])] = flint.arb(1)
    shares: dict[int, list[Any]] = {id(node): [] for node in order}
    for node in reversed(order):
        handed = given.get(id(node), totals[id(node)])
        for place, operand in enumerate(node.operands):
            if (id(node), place) in locals_:
                share = applied(chain, (handed, locals_[id(node), place]))
                totals[id(operand)] += flint.arb.nan() if type(share) is float else share
                shares[id(operand)].append(share)
    return totals, shares
