"""One form here and another there: where to split a domain so that each piece has the form that is best in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

import numpy as np

from autograd_mini.explain._judging import Judge, weighed, worse
from autograd_mini.explain._rewriting import Form, spelled
from autograd_mini.primitives import less, where

DEPTH, TRIED, PRICE = 3, 2, 0.4
"""A piece is split so often at most, along the most promising axes; each split costs so many bits everywhere."""

FINALISTS = 8
"""So many forms that are good on the whole are tried in pieces, beside those that are best somewhere."""

WORSE, NEVER = 100.0, 1e6
"""What it costs to be worse than before at a point: while pieces are sought, and in the end."""


class Split(NamedTuple):
    """One form below a gap between two numbers of an axis, another above."""

    axis: Form
    gap: tuple[float, float]
    below: Any
    above: Any

    def splits(self) -> Iterator[Split]:
        """This split and those in its pieces."""
        yield self
        for piece in (self.below, self.above):
            if type(piece) is Split:
                yield from piece.splits()


Piece = Union[Form, float, Split]


def form_of(piece: Piece) -> Any:
    """The forms of all pieces, joined by `where`."""
    if type(piece) is not Split:
        return piece
    condition = spelled(less, [piece.axis, between(*piece.gap)])
    return spelled(where, [condition, form_of(piece.below), form_of(piece.above)])


def between(low: float, high: float) -> float:
    """A short number that is above `low` and not above `high`."""
    middle = 0.0 if low < 0 <= high else math.copysign(math.sqrt(abs(low)) * math.sqrt(abs(high)), high or low)
    for digits in range(17):
        number = float(f"{middle:.{digits}e}")
        if low < number <= high:
            return number
    return high


class Splitter:
    """Finds the pieces that cost least at the points of a judge, from {form: what it costs everywhere by itself}."""

    def __init__(self, judge: Judge, given: Mapping[Any, float], axes: Sequence[Form]) -> None:
        forms = list(given)
        costs = np.array([weighed(judge.bits(form)) + price for form, price in given.items()])
        lost = np.array([worse(judge, form) for form in forms])
        kept = sorted({int(place) for place in (costs + WORSE * lost).argmin(axis=0)}
                      | {int(place) for place in (costs + WORSE * lost).sum(axis=1).argsort()[:FINALISTS]}
                      | {int(place) for place in (costs + NEVER * lost).sum(axis=1).argsort()[:1]})
        self.forms = [forms[place] for place in kept]
        self.sought, self.strict = (costs[kept] + price * lost[kept] for price in (WORSE, NEVER))
        self.axes = [(axis, judge.numbers(axis)) for axis in axes]
        self.price = PRICE * costs.shape[1]

    def best(self) -> tuple[Piece, float]:
        """The pieces, and what they cost."""
        return self._best(np.arange(self.sought.shape[1]), DEPTH)

    def _best(self, rows: Any, depth: int) -> tuple[Piece, float]:
        totals = self.strict[:, rows].sum(axis=1)
        best: tuple[Piece, float] = self.forms[int(totals.argmin())], float(totals.min())
        if not depth or best[1] < self.price:
            return best
        for _, axis, gap, below, above in sorted(self._splits(rows), key=lambda found: found[0])[:TRIED]:
            (low, low_cost), (high, high_cost) = self._best(below, depth - 1), self._best(above, depth - 1)
            cost = low_cost + high_cost + self.price
            if cost < best[1]:
                best = Split(axis, gap, low, high), cost
        return best

    def _splits(self, rows: Any) -> Iterator[tuple[float, Form, tuple[float, float], Any, Any]]:
        """The best split along every axis, with the widest gap that is as good."""
        for axis, everywhere in self.axes:
            order = rows[np.argsort(everywhere[rows], kind="stable")]
            numbers, table = everywhere[order], self.sought[:, order]
            cuts = np.flatnonzero(numbers[1:] > numbers[:-1]) + 1
            if not len(cuts):
                continue
            sums = np.concatenate([np.zeros((len(table), 1)), table.cumsum(axis=1)], axis=1)
            low, high = sums[:, cuts], sums[:, -1:] - sums[:, cuts]
            costs = low.min(axis=0) + high.min(axis=0)
            place = int(costs.argmin())
            pair = low[int(low[:, place].argmin())] + high[int(high[:, place].argmin())]
            alike = pair <= costs[place] + 0.02 * self.price
            first = last = place
            while first > 0 and alike[first - 1]:
                first -= 1
            while last + 1 < len(cuts) and alike[last + 1]:
                last += 1
            gap = float(numbers[cuts[first] - 1]), float(numbers[cuts[last]])
            inside = numbers < between(*gap)
            yield float(costs[place]), axis, gap, order[inside], order[~inside]
