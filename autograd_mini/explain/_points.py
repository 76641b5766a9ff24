"""Points at which formulas are confirmed: random ones near the recorded one, with exact values and derivatives."""

from __future__ import annotations

import random
from typing import Any, Optional, Sequence

from autograd_mini._core.expression import evaluate
from autograd_mini.explain._ball import Ball, flint, precision
from autograd_mini.explain._replay import derivatives, replay
from autograd_mini.explain._symbolic import Names, Symbolic
from autograd_mini.primitives import MissingColumnError

DIGITS, BITS = 50, 200


def relation(text: str, names: Names) -> Any:
    """An equation between named nodes, such as "y1 + y2 = 1", as an expression that is 0."""
    import sympy as sp

    left, equals, right = text.replace("==", "=").partition("=")
    if not equals:
        raise ValueError(f"an assumption is an equation, such as 'y1 + y2 = 1', not {text!r}")
    symbols = {names.names[id(node)]: Symbolic(names.of(node)) for node in names.nodes}
    sides = [evaluate(side, {**symbols, "pi": Symbolic(sp.pi)}) for side in (left, right)]
    first, second = (side.expression if isinstance(side, Symbolic) else sp.nsimplify(side) for side in sides)
    return first - second


def satisfy(assumption: Any, names: Names, leaves: dict[int, Any]) -> None:
    """Give one input of a relation, in which it is linear, the number that makes it hold, to 80 digits."""
    import sympy as sp

    nodes = {names.of(node): node for node in names.nodes if not node.operands}
    for symbol in sorted(assumption.free_symbols & set(nodes), key=str, reverse=True):
        slope = sp.diff(assumption, symbol)
        if symbol not in slope.free_symbols and slope != 0:
            others = {s: digits_of(Ball.of(leaves[id(nodes[s])])) for s in assumption.free_symbols
                      if s in nodes and s != symbol}
            solved = sp.N(((slope * symbol - assumption) / slope).expand().subs(others), 80)
            if solved.is_Float or solved.is_Rational:
                leaves[id(nodes[symbol])] = ball_of(solved).mid()
                return


def digits_of(ball: Ball) -> Any:
    """The middle of a ball as a number of SymPy's, to 80 digits; nan where it is proven to be none."""
    import sympy as sp

    return sp.Float(ball.number if ball.is_special() else ball.centre.mid().str(80, radius=False), 80)


def ball_of(number: Any) -> Any:
    """A number of SymPy's as an arb, to 80 digits."""
    with precision(2 * BITS):
        return flint.arb(str(number.n(80)))


class Points:
    """Random points near the recorded one at which a graph is finite, with its true values and derivatives there."""

    size = 1.0
    """What counts as the size of a formula that is 0."""

    def __init__(self, names: Names, assumptions: Sequence[Any], seed: int, count: int = 3) -> None:
        self.names, self.assumptions, self.count = names, assumptions, count
        self.random = random.Random(seed)
        self.gradients: dict[Any, Any] = {}
        self._points: Optional[list[tuple[dict[int, Any], dict[int, Any]]]] = None
        self._totals: dict[int, dict[int, Any]] = {}

    def points(self) -> list[tuple[dict[int, Any], dict[int, Any]]]:
        """(values of the leaves, exact values of all nodes) at each point."""
        if self._points is None:
            self._points = []
            for attempt in range(40):
                leaves = self._leaves(attempt)
                try:
                    values = replay(*self.names.nodes, at=leaves, bits=BITS)
                except MissingColumnError:  # a row that exact arithmetic cannot read: nothing can be confirmed
                    break
                if all(ball.is_proven(BITS) and not ball.is_special() for ball in values.values()):
                    self._points.append((leaves, values))
                if len(self._points) == self.count:
                    break
        return self._points

    def _leaves(self, attempt: int) -> dict[int, Any]:
        leaves = {}
        for node in self.names.nodes:
            if not node.operands:
                spread, centre = (0.0, 0.3, 1.0)[min(attempt, 2)], node.data
                drawn = self.random.gauss(0.0, 1.0)
                leaves[id(node)] = centre * 2.718281828 ** (spread * drawn) if centre and abs(centre) < 1e6 \
                    else spread * drawn
        for assumption in self.assumptions:
            satisfy(assumption, self.names, leaves)
        return leaves

    def total(self, node: Any) -> list[tuple[int, Any]]:
        """(number of the point, true derivative of the root by the node) at every point."""
        for number, (leaves, _) in enumerate(self.points()):
            if number not in self._totals:
                self._totals[number] = derivatives(self.names.root, at=leaves, bits=BITS)[1]
        return [(number, self._totals[number][id(node)]) for number in range(len(self.points()))]

    def local(self, user: Any, node: Any) -> list[tuple[int, Any]]:
        """The same for the partial derivative of one named node by another."""
        truths = []
        for number, (leaves, values) in enumerate(self.points()):
            held = {id(n): values[id(n)].centre.mid() for n in self.names.nodes if n is not user and n.operands}
            slopes = derivatives(user, at={**leaves, **held}, bits=BITS, needed=(node,))[1]
            truths.append((number, slopes[id(node)]))
        return truths

    def agrees(self, expression: Any, point: int, truth: Any) -> bool:
        """Whether a formula has this value at a point, to 40 of 50 digits."""
        import sympy as sp

        if truth.is_special() or not truth.is_proven(BITS):
            return False
        _, values = self.points()[point]
        numbers = {self.names.of(node): values[id(node)] for node in self.names.nodes}
        for alias, node in self.gradients.items():
            if alias in expression.free_symbols:
                numbers[alias] = self.total(node)[point][1]
        used = {symbol: digits_of(number) for symbol, number in numbers.items() if symbol in expression.free_symbols}
        number = sp.N(expression, DIGITS + 10, subs=used) if used else sp.N(expression, DIGITS + 10)
        if not number.is_Float and not number.is_Integer and not number.is_Rational:
            return False
        terms = [abs(complex(sp.N(term, 15, subs=used))) for term in sp.Add.make_args(expression)]
        with precision(2 * BITS):
            found, size = ball_of(number), flint.arb(max(*terms, self.size if expression == 0 else 0.0, 0.0))
            for one in (found, truth.centre):
                size = size.max(abs(one))
            return bool(abs(found - truth.centre) <= size * flint.arb(10) ** -40)
