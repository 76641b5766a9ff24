"""The usual mistakes in a derivation, recognised by what they do to its numbers at every point.

A wrong claim is compared with the right terms changed in one way: a sign, a term or a path left out, a factor too many
or too few. Only a change that explains the claim exactly at all points is reported.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any, Iterator, NamedTuple, Optional, Sequence

from autograd_mini._core.graph import dependents
from autograd_mini.explain._formulas import text_of
from autograd_mini.explain._symbolic import Names, expression_of

TOLERANCE = 1e-12
"""Claims may hold constants rounded to floats, so agreement is asked to 12 digits of the 50."""

DIGITS = 80


@lru_cache(maxsize=1)
def context() -> Any:
    """Arithmetic of 80 digits, for what is computed from proven numbers."""
    import mpmath

    many = mpmath.MPContext()
    many.dps = DIGITS
    return many


class At(NamedTuple):
    """Everything known at one point: values, local derivatives, true derivatives, and what the claims lead to."""

    leaves: dict[int, Any]
    values: dict[int, Any]
    locals: dict[tuple[int, int], Any]
    true: dict[int, Any]
    expected: dict[int, Any]
    shares: dict[int, list[tuple[Any, Any]]]
    claimed: dict[int, Any]


def error(a: Any, b: Any, point: At, key: int) -> float:
    """The relative difference of two derivatives, where the terms of the true one are the least size that counts."""
    size = max(abs(a), abs(b), *(abs(share) * 1e-35 for _, share in point.shares[key]), 1e-300)
    return float(abs(a - b) / size)


def agree(a: Any, b: Any, point: At, key: int) -> bool:
    """Whether two derivatives by the node with this id are the same at a point."""
    return error(a, b, point, key) <= TOLERANCE


class Slips:
    """Looks for the slip behind a wrong claim."""

    def __init__(self, root: Any, order: Sequence[Any], names: Names) -> None:
        self.root, self.order, self.names = root, order, names

    def find(self, node: Any, points: Sequence[At]) -> Optional[str]:
        """The usual mistake that explains a claim exactly at every point, if there is one."""
        key = id(node)
        tested = [p for p in points if all(abs(x[key]) < float("inf") for x in (p.claimed, p.expected))
                  and p.expected[key] != 0]
        if len(tested) < 2:
            return None
        forgotten = self._forgotten(node, tested)
        if forgotten:
            return forgotten
        paths = [None, *range(len(tested[0].shares[key]))] if len(tested[0].shares[key]) > 1 else [None]
        for text, factors in self._changes(node, tested):
            for path in paths:
                if all(agree(p.claimed[key], self._changed(p, key, path, factor), p, key)
                       for p, factor in zip(tested, factors)):
                    return text if path is None else f"{text}, {self._through(tested[0].shares[key][path][0], node)}"
        return None

    def _forgotten(self, node: Any, tested: Sequence[At]) -> Optional[str]:
        """The paths through named nodes whose shares, left out, give the claim."""
        users = self.names.users(node)
        shares = []
        for point in tested:
            slopes = self._inner_slopes(node, point, through_names=False)
            handed = {**point.expected, **point.claimed, id(self.root): 1}
            shares.append({id(user): handed[id(user)] * slopes[id(user)] for user in users})
        for count in range(1, min(len(users), 5)):
            for left_out in itertools.combinations(users, count):
                if all(agree(p.claimed[id(node)], p.expected[id(node)] - sum(share[id(u)] for u in left_out), p,
                                   id(node)) for p, share in zip(tested, shares)):
                    names = " and ".join(self.names.names[id(user)] for user in left_out)
                    return f"the path through {names} is forgotten" if count == 1 else \
                        f"the paths through {names} are forgotten"
        return None

    def _changed(self, point: At, key: int, path: Optional[int], factor: Any) -> Any:
        if path is None:
            return point.expected[key] * factor
        share = point.shares[key][path][1]
        return point.expected[key] - share + share * factor

    def _through(self, user: Any, node: Any) -> str:
        named = next((n for n in self.names.users(node) if user is n), None)
        what = self.names.names[id(named)] if named is not None else self._formula(user)
        return f"in the term that comes through {what}"

    def _formula(self, node: Any) -> str:
        return text_of([expression_of(node, self.names.symbols)])

    def _changes(self, node: Any, tested: Sequence[At]) -> Iterator[tuple[str, list[Any]]]:
        """(what went wrong, by what factor a term is changed by it at each point), the commonest first."""
        m = context()
        ten = m.ln(10)
        for text, factor in (("the sign is wrong", -1), ("a term is forgotten", 0),
                             ("a factor 1/ln(10) is missing: ln taken for log base 10", ten),
                             ("a factor 1/ln(10) is too much: log base 10 taken for ln", 1 / ten),
                             ("a factor 2 is missing", m.mpf(0.5)), ("a factor 2 is too much", m.mpf(2))):
            yield text, [factor] * len(tested)
        for text, values in self._factors(node, tested):
            if 0 not in values and any(value not in (1, -1) for value in values):
                yield f"{text} is missing", [1 / value for value in values]
                yield f"{text} is missing, and the sign is wrong", [-1 / value for value in values]
                yield f"{text} is too much", list(values)

    def _factors(self, node: Any, tested: Sequence[At]) -> Iterator[tuple[str, list[Any]]]:
        """What could have been forgotten: inner derivatives on the way to the node, and named quantities."""
        inner = [n for n in self.order if id(n) in dependents(self.order, [node]) and n is not node]
        slopes = [self._inner_slopes(node, p) for p in tested]
        for part in inner:
            values = [slope[id(part)] for slope in slopes]
            yield f"the inner derivative of {self.names.names.get(id(part)) or self._formula(part)}", values
        for named in self.names.nodes:
            if named is not self.root:
                yield f"a factor {self.names.names[id(named)]}", [p.values[id(named)] for p in tested]

    def _inner_slopes(self, node: Any, point: At, through_names: bool = True) -> dict[int, Any]:
        """The derivative of every node by this one; without `through_names`, along unnamed nodes only."""
        slopes: dict[int, Any] = {id(n): 0 for n in self.order}
        slopes[id(node)] = 1
        for part in self.order:
            for place, operand in enumerate(part.operands):
                open_ = through_names or operand is node or id(operand) not in self.names.names
                if (id(part), place) in point.locals and part is not node and open_:
                    slopes[id(part)] += point.locals[id(part), place] * slopes[id(operand)]
        return slopes
