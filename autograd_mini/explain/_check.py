"""`check_derivation`: is a gradient derived by hand right, and if not, which step is the first wrong one?

Claims are compared with the derivative of the graph at many points, in balls: numbers that are proven, with local
derivatives that are coefficients of power series. A point where something is undecided is skipped. A claim is also
compared with what the chain rule makes of the *other* claims, so that an error is blamed on the step that made it and
not on those that inherit it.
"""

from __future__ import annotations

import inspect
import itertools
import random
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from autograd_mini._core.expression import evaluate
from autograd_mini._core.graph import is_node, require_fresh, topological_order
from autograd_mini._core.value import Value, functions
from autograd_mini.explain._ball import Ball, local, precision
from autograd_mini.explain._formulas import short, text_of
from autograd_mini.explain._replay import as_mpf, derivatives, replay
from autograd_mini.explain._report import Case, Report
from autograd_mini.explain._slips import At, Slips, agree, context, error
from autograd_mini.explain._symbolic import Names
from autograd_mini.primitives import chain

BITS = 200
"""Proven bits of every number that a verdict rests on."""

Domain = Mapping[Any, Union[tuple[float, float], list[float]]]


class DerivationReport(Report):
    """A Report that also says, for programs: the verdict of every claim, the first wrong step, its slip and remedy."""

    def __init__(self, cases: Sequence[Case], findings: Sequence[str], verdicts: Mapping[str, str],
                 first_wrong: Optional[str], should_be: Optional[str], slip: Optional[str]) -> None:
        super().__init__("check_derivation", ("claim", "verdict", "worst at", "claimed", "true"), cases, findings)
        self.verdicts, self.first_wrong, self.should_be, self.slip = dict(verdicts), first_wrong, should_be, slip


def check_derivation(loss: Any, claims: Mapping[Any, Any], domain: Optional[Domain] = None, points: int = 12,
                     seed: int = 0, at: Optional[Mapping[str, float]] = None,
                     assume: Sequence[str] = ()) -> DerivationReport:
    """Check claimed derivatives of a loss, each by a node of its graph, and name the first wrong step.

    loss     a Value, or a function of numbers: it is recorded on `at` ({argument: number}), and may not branch on data
    claims   {node or its name: derivative}; a derivative is a Value, a text in the expression language (which may use
             every name, and dz for an earlier claim about z), a SymPy expression, a number, or a function whose
             parameters are names
    domain   {leaf or its name: (low, high) or a list of numbers}; by default any number at which all is finite
    points   how many random points to try beside the given one and the structured and extreme ones
    assume   equations between inputs, such as "y1 + y2 = 1", under which the claims are made

    >>> from autograd_mini import exp, ln
    >>> z, y = Value(0.5, "z"), Value(1.0, "y")
    >>> a = 1 / (1 + exp(-z)); a.name = "a"
    >>> loss = -y * ln(a) - (1 - y) * ln(1 - a)
    >>> check_derivation(loss, {a: -y / a + (1 - y) / (1 - a), z: a - y}).ok
    True
    >>> report = check_derivation(loss, {"a": "-y/a + (1 - y)/(1 - a)", "z": "y - a"})
    >>> report.first_wrong, report.slip, report.should_be
    ('dL/dz', 'the sign is wrong', 'a - y')

    Raises ValueError for a name that is not in the graph, TypeError for what cannot be a claim.
    """
    if not claims:
        raise ValueError("there are no claims to check: give {node: derivative}")
    root = loss if hasattr(loss, "operands") else recorded(loss, at, domain)
    return _Checker(root, claims, domain or {}, points, seed, assume).report()


def recorded(loss: Any, at: Optional[Mapping[str, float]], domain: Optional[Domain]) -> Any:
    """A function as a graph of traced inputs, so that it cannot decide by their numbers."""
    if not callable(loss):
        raise TypeError(f"a loss is a Value or a function of numbers, not {type(loss).__name__}")
    parameters = list(inspect.signature(loss).parameters)
    numbers = {**dict.fromkeys(parameters, 0.5),
               **{str(name): sum(values) / len(values) for name, values in (domain or {}).items()}, **(at or {})}
    inputs = [Value.restore(float(numbers[name]), name, None, (), (), None, 0, None, True) for name in parameters]
    result = loss(*inputs)
    if not hasattr(result, "operands"):
        raise TypeError(f"the loss must return a Value that depends on its arguments, not {type(result).__name__}")
    return result


class _Checker:
    """The working state of one check."""

    def __init__(self, root: Any, claims: Mapping[Any, Any], domain: Domain, points: int, seed: int,
                 assume: Sequence[str]) -> None:
        self.root, self.count, self.assume = root, points, assume
        self.random = random.Random(seed)
        self.names = Names(root, cut=[key for key in claims if not isinstance(key, str)])
        self.order = topological_order(root)
        require_fresh(self.order)
        self.by_name = {self.names.names[id(node)]: node for node in self.names.nodes}
        self.domain = {id(self._node(key)): values for key, values in domain.items()}
        nodes = {id(self._node(key)): claim for key, claim in claims.items()}
        self.claimed = self.names.backwards([node for node in self.names.nodes if id(node) in nodes])
        self.claims: dict[int, Any] = {}
        for node in self.claimed:
            self.claims[id(node)] = self._claim(nodes[id(node)], self._fraction(node))
        self.leaves = [node for node in self.order if not node.operands]
        self.points = list(self._points())
        self.slips = Slips(root, self.order, self.names)

    def _node(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.by_name:
                raise ValueError(f"no node is called {key!r}: named are {', '.join(self.by_name)}")
            return self.by_name[key]
        if id(key) not in self.names.symbols:
            raise ValueError(f"{key!r} is not part of the graph: the loss does not depend on it")
        return key

    def _fraction(self, node: Any) -> str:
        return f"d{self.names.names[id(self.root)]}/d{self.names.names[id(node)]}"

    def _claim(self, claim: Any, label: str) -> Any:
        """A claim as a node."""
        earlier = {f"d{self.names.names[key]}": node for key, node in self.claims.items()}
        variables = {**earlier, **self.by_name}
        if isinstance(claim, str):
            claim = evaluate(claim, variables)
        elif hasattr(claim, "free_symbols"):
            claim = _from_sympy(claim, variables, label)
        elif callable(claim):
            parameters = inspect.signature(claim).parameters
            unknown = [name for name in parameters if name not in variables]
            if unknown:
                raise ValueError(f"the claim about {label} has a parameter {unknown[0]!r}: "
                                 f"names are {', '.join(variables)}")
            claim = claim(*[variables[name] for name in parameters])
        if hasattr(claim, "operands"):
            return claim
        try:
            return Value(claim)
        except TypeError as error:
            raise TypeError(f"the claim about {label}: {error}") from None

    def _points(self) -> Iterator[At]:
        """The given point, structured and extreme ones, and random ones, as far as everything is finite there."""
        from autograd_mini.explain._points import relation, satisfy

        relations = [relation(text, self.names) for text in self.assume]
        m, borders = context(), self._borders()
        self.count += 2 * len(borders)
        for draw in itertools.islice(self._draws(), 1 + 4 * self.count + 8 + 2 * len(borders)):
            leaves = {id(node): m.mpf(number) for node, number in zip(self.leaves, draw)}
            for assumption in relations:
                satisfy(assumption, self.names, leaves)
            balls = replay(self.root, *self.claims.values(), at=leaves, bits=BITS)
            values = {key: m.mpf(as_mpf(ball, BITS)) for key, ball in balls.items()}
            if all(abs(values[id(node)]) < float("inf") for node in self.order) and not self._at_a_kink(values):
                point = self._at(m, leaves, values, balls)
                if point is not None:
                    yield point
                    self.count -= 1
            if self.count < 0:
                return

    def _at_a_kink(self, values: Mapping[int, Any]) -> bool:
        """Whether a case is undecided there, so that one-sided derivatives differ and no formula is right."""
        for node in self.order:
            if node.operands and node.operation.edge is not None:
                numbers = [values[id(o)] if is_node(o) else o for o in node.operands]
                if node.operation.edge(values[id(node)], *numbers) == 0:
                    return True
        return False

    def _draws(self) -> Iterator[list[float]]:
        given = [node.data for node in self.leaves]
        yield given
        yield [self._drawn(node, self._near(node.data, 0.5)) for node in self.leaves]
        for number in (1.0, -1.0):
            yield [self._drawn(node, number) for node in self.leaves]
        for border in self._borders():
            for side in (-0.5, 0.5):
                yield [self._drawn(node, border + side * (abs(border) or 1.0)) for node in self.leaves]
        for scale in (30.0, 1e-3):
            yield [self._drawn(node, scale * (node.data or 1.0)) for node in self.leaves]
        while True:
            kind = self.random.choice(("near", "between 0 and 1", "normal", "wide"))
            yield [self._drawn(node, self._near(node.data, 0.3) if kind == "near" else
                               self.random.random() if kind == "between 0 and 1" else
                               self.random.gauss(0.0, 1.0 if kind == "normal" else 3.0)) for node in self.leaves]

    def _borders(self) -> list[float]:
        """The constants at which a case of the loss or of a claim begins, the first few of them."""
        found: dict[float, None] = {}
        for node in topological_order(self.root, *self.claims.values()):
            if node.operands and node.operation.edge is not None:
                found.update(dict.fromkeys(o for o in node.operands if not is_node(o)))
        return list(found)[:6]

    def _near(self, centre: float, octaves: float) -> float:
        move = self.random.gauss(0.0, octaves)
        return centre * 2 ** move if centre else move

    def _drawn(self, node: Any, number: float) -> float:
        """The number, or one from the node's domain where it has one."""
        allowed = self.domain.get(id(node))
        if allowed is None:
            return number
        if isinstance(allowed, tuple):
            low, high = allowed
            return low + (high - low) * self.random.random()
        return self.random.choice(list(allowed))

    def _at(self, m: Any, leaves: dict[int, Any], values: dict[int, Any], balls: dict[int, Ball]) -> Optional[At]:
        """What is known at a point; None where a slope or a claim is undecided."""
        if any(not balls[id(claim)].is_proven(BITS) for claim in self.claims.values()):
            return None
        locals_ = {}
        for node in self.order:
            operands = [balls[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
            for place, operand in enumerate(node.operands):
                if is_node(operand) and node.operation.partials[place] is not None:
                    with precision(4 * BITS):
                        slope = local(node.operation, place, balls[id(node)], operands)
                    if not slope.is_proven():
                        return None
                    locals_[id(node), place] = m.mpf(as_mpf(slope))
        claimed = {id(node): values[id(self.claims[id(node)])] for node in self.claimed}
        slopes = derivatives(self.root, at=leaves, bits=BITS, needed=self.claimed)[1]
        if any(not slopes[id(node)].is_proven(BITS) for node in self.claimed):
            return None
        true = {id(node): m.mpf(as_mpf(slopes[id(node)], BITS)) for node in self.claimed}
        expected, shares = self._sweep(m, locals_, claimed)
        return At(leaves, values, locals_, true, expected, shares, claimed)

    def _sweep(self, m: Any, locals_: Mapping[tuple[int, int], Any],
               given: Mapping[int, Any]) -> tuple[dict[int, Any], dict[int, list[tuple[Any, Any]]]]:
        """The chain rule backward, where what is given for a node is handed on instead of what reached it."""
        totals: dict[int, Any] = {id(node): m.zero for node in self.order}
        totals[id(self.root)] = m.one
        shares: dict[int, list[tuple[Any, Any]]] = {id(node): [] for node in self.order}
        for node in reversed(self.order):
            handed = given.get(id(node), totals[id(node)])
            for place, operand in enumerate(node.operands):
                if (id(node), place) in locals_:
                    share = chain.value(handed, locals_[id(node), place])
                    totals[id(operand)] += share
                    shares[id(operand)].append((node, share))
        return totals, shares

    def report(self) -> DerivationReport:
        cases, verdicts = [], {}
        wrong: list[Any] = []
        for node in self.claimed:
            verdict, cell = self._verdict(node)
            verdicts[self._fraction(node)] = verdict
            cases.append(Case((self._fraction(node), verdict, *cell), verdict == "holds"))
            if verdict in ("does not hold", "holds only here"):
                wrong.append(node)
        if not wrong:
            return DerivationReport(cases, [], verdicts, None, None, None)
        first = wrong[0]
        should_be, slip = self._should_be(first), self.slips.find(first, self.points)
        findings = [f"the first wrong step is {self._fraction(first)}"
                    + (f": it should be {should_be}" if should_be else "") + (f"; {slip}" if slip else "")]
        for node in wrong[1:]:
            slip_here = self.slips.find(node, self.points)
            findings.append(f"{self._fraction(node)} is wrong in itself" + (f": {slip_here}" if slip_here else ""))
        return DerivationReport(cases, findings, verdicts, self._fraction(first), should_be, slip)

    def _verdict(self, node: Any) -> tuple[str, tuple[Any, ...]]:
        key = id(node)
        tested = [p for p in self.points if abs(p.claimed[key]) < float("inf") and abs(p.true[key]) < float("inf")]
        if not tested:
            undefined = self.points and not any(abs(p.claimed[key]) < float("inf") for p in self.points)
            return "does not hold" if undefined else "could not be tested", (None, None, None)
        right = [agree(p.claimed[key], p.true[key], p, key) for p in tested]
        worst = max(tested, key=lambda p: error(p.claimed[key], p.true[key], p, key))
        cell = (self._place(worst), short(worst.claimed[key]), short(worst.true[key]))
        if all(right):
            return "holds", cell
        follows = all(agree(p.claimed[key], p.expected[key], p, key) for p in tested)
        if follows:
            return "follows from a wrong step", cell
        return "holds only here" if right[0] and tested[0] is self.points[0] else "does not hold", cell

    def _place(self, point: At) -> str:
        shown = [f"{self.names.names[id(node)]}={short(point.leaves[id(node)])}"
                 for node in self.leaves if id(node) in self.names.names]
        return " ".join(shown[:5] + ["..."] * (len(shown) > 5))

    def _should_be(self, node: Any) -> Optional[str]:
        from autograd_mini.explain._deriving import derive

        steps = derive(self.root, [node], assume=self.assume, seconds=3.0)
        return text_of(steps[node].forms[-1])


def _from_sympy(expression: Any, variables: Mapping[str, Any], label: str) -> Any:
    """A SymPy expression in the names of the graph, as a node."""
    import sympy as sp

    symbols = sorted(expression.free_symbols, key=str)
    unknown = [str(symbol) for symbol in symbols if str(symbol) not in variables]
    if unknown:
        raise ValueError(f"the claim about {label} has a symbol {unknown[0]!r}: names are {', '.join(variables)}")
    known = {**functions, "log": functions["ln"], "Abs": functions["abs"], "Max": functions["maximum"],
             "Min": functions["minimum"], "pi": float(sp.pi), "E": float(sp.E)}
    call = sp.lambdify(symbols, expression, modules=[known, "math"])
    return call(*[variables[str(symbol)] for symbol in symbols])
