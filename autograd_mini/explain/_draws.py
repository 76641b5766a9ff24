"""Points at which claims are tried: the given one, on both sides of borders between cases, extreme and random ones."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Union

from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.primitives import number as number_of_rule

Domain = Mapping[Any, Union[tuple[float, float], list[float]]]

MOST_BORDERS = 8
"""On both sides of so many borders between cases a claim is tried."""


class Draws:
    """Numbers for leaves, point after point without end, inside the domain {id(leaf): (low, high) or a list}.

    `borders` holds (leaf, number) where a case of one of the roots begins as this leaf alone is moved.
    """

    def __init__(self, leaves: Sequence[Any], roots: Iterable[Any], domain: Mapping[int, Any], seed: int) -> None:
        self.leaves, self.domain, self.random = leaves, domain, random.Random(seed)
        self.borders = list(itertools.islice(self._borders(roots), MOST_BORDERS))

    def __iter__(self) -> Iterator[list[float]]:
        given = [node.data for node in self.leaves]
        if all(map(self.is_inside, self.leaves, given)):
            yield given
        yield [self._drawn(node, self._near(node.data, 0.5)) for node in self.leaves]
        for number in (1.0, -1.0):
            yield [self._drawn(node, number) for node in self.leaves]
        for leaf, border in self.borders:
            for step in (-0.5, -1e-3, 1e-3, 0.5):
                moved = border + step * (abs(border) or 1.0)
                if self.is_inside(leaf, moved):
                    yield [moved if node is leaf else self._drawn(node, self._near(node.data, 0.3))
                           for node in self.leaves]
        for scale in (30.0, 1e-3):
            yield [self._drawn(node, scale * (node.data or 1.0)) for node in self.leaves]
        while True:
            kind = self.random.choice(("near", "between 0 and 1", "normal", "wide"))
            yield [self._drawn(node, self._near(node.data, 0.3) if kind == "near" else
                               self.random.random() if kind == "between 0 and 1" else
                               self.random.gauss(0.0, 1.0 if kind == "normal" else 3.0)) for node in self.leaves]

    def _borders(self, roots: Iterable[Any]) -> Iterator[tuple[Any, float]]:
        """(leaf, number) where a case of the loss or of a claim begins as this leaf alone is moved."""
        for node in topological_order(*roots):
            if not node.operands or node.operation.edge is None:
                continue
            order = topological_order(node)
            for leaf in [leaf for leaf in order if not leaf.operands]:
                tried = [(number, _edge_at(order, leaf, number)) for number in sorted((*_SCALES, leaf.data))]
                for (low, before), (high, after) in itertools.pairwise(tried):
                    if (before < 0) != (after < 0) and math.isfinite(before) and math.isfinite(after):
                        yield leaf, _bisected(partial(_edge_at, order, leaf), low, high)

    def _near(self, centre: float, octaves: float) -> float:
        move = self.random.gauss(0.0, octaves)
        return centre * 2 ** move if centre else move

    def _drawn(self, node: Any, number: float) -> float:
        """The number, or one from the node's domain where it has one."""
        allowed = self.domain.get(id(node))
        if allowed is None:
            return number
        if not isinstance(allowed, tuple):
            return self.random.choice(list(allowed))
        low, high = allowed
        if math.isinf(low) or math.isinf(high):  # so far inside as a number is from 0
            inside = abs(number) or 1.0
            return low + inside if math.isinf(high) and not math.isinf(low) else \
                high - inside if math.isinf(low) and not math.isinf(high) else number
        return low + (high - low) * self.random.random()

    def is_inside(self, node: Any, number: float) -> bool:
        allowed = self.domain.get(id(node))
        if allowed is None:
            return True
        return allowed[0] <= number <= allowed[1] if isinstance(allowed, tuple) else number in allowed


_SCALES = (0.0, *(sign * 10.0 ** (k / 2) for sign in (-1, 1) for k in range(-6, 13)))


def _bisected(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes its sign, as the upper of two neighbours."""
    below = f(low) < 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (f(middle) < 0) == below else (low, middle)
    return high


def _edge_at(order: Sequence[Any], leaf: Any, number: float) -> float:
    """How far the last node is from its edge, in floats, where one leaf is moved to a number."""
    values: dict[int, float] = {}
    for node in order:
        operands = [values[id(o)] if is_node(o) else float(o) for o in node.operands]
        values[id(node)] = node.operation.number(*operands) if operands else number if node is leaf else node.data
    return number_of_rule(order[-1].operation.edge, values[id(order[-1])], *operands)
