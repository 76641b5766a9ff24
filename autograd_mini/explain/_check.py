"""`check_derivation`: is a gradient derived by hand right, and if not, which step is the first wrong one?

Claims are compared with the derivative of the graph at many points, in balls: numbers that are proven, with local
derivatives that are coefficients of power series. A point where something is undecided is skipped. A claim is also
compared with what the chain rule makes of the *other* claims, so that an error is blamed on the step that made it and
not on those that inherit it.
"""

from __future__ import annotations

import inspect
import itertools
import math
import re
from typing import Any, Iterator, Mapping, Optional, Sequence

import numpy as np

from autograd_mini._body.recorded import leaf
from autograd_mini._core import trees as structure
from autograd_mini._core.expression import evaluate
from autograd_mini._core.extras import library
from autograd_mini._core.graph import is_node, require_fresh, topological_order
from autograd_mini._core.kinds import ByNode, Loss
from autograd_mini._core.value import Value, functions
from autograd_mini.explain._ball import Ball, precision
from autograd_mini.explain._draws import Domain, Draws
from autograd_mini.explain._formulas import short, text_of
from autograd_mini.explain._known import BITS, TOLERANCE, At, agree, error, known_at
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._replay import replay
from autograd_mini.explain._report import Case, Report
from autograd_mini.explain._slips import Slips
from autograd_mini.explain._symbolic import Names, expression_of

UNTESTED, FOLLOWS = "could not be tested", "follows from a wrong step"

ANSWER = 8.0
"""Seconds that the steps of the right answer may take together, most of which take far less."""


class DerivationReport(Report):
    """A Report that also says, for programs: the verdict of every claim, the first wrong step, its slip and remedy."""

    def __init__(self, cases: Sequence[Case], findings: Sequence[str], verdicts: Mapping[str, str],
                 first_wrong: Optional[str], should_be: Optional[str], slip: Optional[str]) -> None:
        super().__init__("check_derivation", ("claim", "verdict", "worst at", "claimed", "true"), cases, findings)
        self.verdicts, self.first_wrong, self.should_be, self.slip = dict(verdicts), first_wrong, should_be, slip


def check_derivation(loss: Loss, claims: ByNode[Any], domain: Optional[Domain] = None, points: int = 12,
                     seed: int = 0, at: Optional[Mapping[str, float]] = None,
                     assume: Sequence[str] = (), hint: Optional[int] = None, seconds: float = 30.0) -> DerivationReport:
    """Check claimed derivatives of a loss, each by a node of its graph, and name the first wrong step.

    loss     a Value, or a function: it is recorded on `at` ({argument: number or array}), and may not branch on data
    claims   {node or its name: derivative}; a derivative is a Value, a text in the expression language (which may use
             every name, and dz for an earlier claim about z), a SymPy expression, a number, or a function whose
             parameters are names. The name of an array, w for w[0], w[1] ... or w1, w2 ..., takes an array, or a
             function of arrays
    domain   {leaf or its name: (low, high) or a list of numbers}; by default any number at which all is finite
    points   how many random points to try beside the given one and the structured and extreme ones
    assume   equations between inputs, such as "y1 + y2 = 1", under which the claims are made
    hint     for who wants to find it alone: 1 tells only where a claim fails, 2 the kind of slip too, 3 the rule too;
             the right answer is told where no hint is asked for
    seconds  after which, or at Ctrl-C, what was tried so far is reported

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
    library("sympy", "check_derivation")
    if not claims:
        raise ValueError("there are no claims to check: give {node: derivative}")
    root = loss if hasattr(loss, "operands") else recorded(loss, at, domain)
    patience = Patience("checking", "point or claim", seconds)
    return _Checker(root, claims, domain or {}, points, seed, assume, patience).report(hint)


def recorded(loss: Any, at: Optional[Mapping[str, float]], domain: Optional[Domain]) -> Any:
    """A function as a graph of traced inputs, so that it cannot decide by their numbers."""
    if not callable(loss):
        raise TypeError(f"a loss is a Value or a function of numbers, not {type(loss).__name__}")
    parameters = list(inspect.signature(loss).parameters)
    middles = {str(name): sum(values) / len(values) for name, values in (domain or {}).items()}
    numbers = {**dict.fromkeys(parameters, 0.5),
               **{name: middle if math.isfinite(middle) else 0.5 for name, middle in middles.items()}, **(at or {})}
    inputs = []
    for name in parameters:
        entries, rebuild = structure.flatten(numbers[name])
        names = structure.labels(numbers[name], name)
        inputs.append(rebuild([*map(leaf, map(float, entries), names)]))
    result = loss(*inputs)
    if not hasattr(result, "operands"):
        raise TypeError(f"the loss must return a Value that depends on its arguments, not {type(result).__name__}")
    return result


class _Checker:
    """The working state of one check."""

    def __init__(self, root: Any, claims: Mapping[Any, Any], domain: Domain, points: int, seed: int,
                 assume: Sequence[str], patience: Patience) -> None:
        self.root, self.count, self.assume, self.patience = root, points, assume, patience
        self.names = Names(root, cut=[key for key in claims if not isinstance(key, str)])
        self.order = topological_order(root)
        require_fresh(self.order)
        self.by_name = {self.names.names[id(node)]: node for node in self.names.nodes}
        self.domain = {id(self._node(key)): values for key, values in domain.items()}
        nodes = {id(node): claim for key, told in claims.items() for node, claim in self._entries(key, told)}
        self.claimed = self.names.backwards([node for node in self.names.nodes if id(node) in nodes])
        self.claims: dict[int, Any] = {}
        for node in self.claimed:
            self.claims[id(node)] = self._claim(nodes[id(node)], self._fraction(node))
        self.leaves = [node for node in self.order if not node.operands]
        self.draws = Draws(self.leaves, (root, *self.claims.values()), self.domain, seed)
        self.points: list[At] = []
        with precision(4 * BITS), patience:
            for point in self._points():
                self.points.append(point)
                patience.update()
                if patience.is_over:
                    break
        self.slips = Slips(root, self.order, self.names, self.claims)

    def _node(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.by_name:
                raise ValueError(f"no node is called {key!r}: named are {', '.join(self.by_name)}")
            return self.by_name[key]
        if id(key) not in self.names.symbols:
            raise ValueError(f"{key!r} is not part of the graph: the loss does not depend on it")
        return key

    def _entries(self, key: Any, claim: Any) -> list[tuple[Any, Any]]:
        """(node, its claim): one, or one for each entry of an array that is named as a whole."""
        nodes = self._array(key) if isinstance(key, str) and key not in self.by_name else []
        if not nodes:
            return [(self._node(key), claim)]
        if callable(claim) and not hasattr(claim, "operands"):
            arrays = {name: self.by_name.get(name, np.array(self._array(name), dtype=object))
                      for name in inspect.signature(claim).parameters}
            claim = claim(*arrays.values())
        entries = np.asarray(claim, dtype=object).ravel().tolist()
        if len(entries) != len(nodes):
            raise ValueError(f"the claim about {key!r} has {len(entries)} entries, and {key} has {len(nodes)}")
        return list(zip(nodes, entries))

    def _array(self, name: str) -> list[Any]:
        """The nodes w[0], w[1] ... or w1, w2 ... of an array called w, by their indices."""
        found = {tuple(map(int, re.findall(r"\d+", label[len(name):]))): node for label, node in self.by_name.items()
                 if re.fullmatch(re.escape(name) + r"(_?\d+|\[[\d,]+\])", label)}
        return [found[index] for index in sorted(found)]

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
        self.count += 4 * len(self.draws.borders)
        for draw in itertools.islice(self.draws, 9 + 4 * self.count):
            leaves: dict[int, Any] = {id(node): number for node, number in zip(self.leaves, draw)}
            for assumption in relations:
                satisfy(assumption, self.names, leaves)
            balls = replay(self.root, *self.claims.values(), at=leaves, bits=BITS)
            graph = [balls[id(node)] for node in self.order]
            if not any(ball.is_special() or not ball.is_proven(BITS) for ball in graph) and not self._at_a_kink(balls):
                point = known_at(self.order, self.claims, leaves, balls)
                if point is not None:
                    yield point
                    self.count -= 1
            if self.count < 0:
                return

    def _at_a_kink(self, balls: Mapping[int, Ball]) -> bool:
        """Whether a case is undecided there, so that one-sided derivatives differ and no formula is right."""
        for node in self.order:
            if node.operands and node.operation.edge is not None:
                operands = [balls[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
                if Ball.of(node.operation.edge(balls[id(node)], *operands)).number.contains(0):
                    return True
        return False

    def report(self, hint: Optional[int]) -> DerivationReport:
        cases, verdicts = [], {}
        wrong: list[Any] = []
        with precision(4 * BITS):
            for node in self.claimed:
                verdict, ok, cell = self._verdict(node)
                verdicts[self._fraction(node)] = verdict
                cases.append(Case((self._fraction(node), verdict, *cell), ok))
                if not ok and verdict not in (UNTESTED, FOLLOWS):
                    wrong.append(node)
            slips: list[Optional[str]] = []
            with self.patience:
                for node in wrong if hint is None or hint > 1 else []:
                    slips.append(self.slips.find(node, self.points, self.patience))
                    self.patience.update()
        skipped = [fraction for fraction, verdict in verdicts.items() if verdict == UNTESTED]
        findings = [f"{', '.join(skipped)}: no point was found where everything is decided"] if skipped else []
        if not wrong:
            return DerivationReport(cases, findings, verdicts, None, None, None)
        first, slip = wrong[0], slips[0] if slips else None
        should_be = self._should_be(first) if hint is None else None
        findings += [f"the first wrong step is {self._fraction(first)}"
                     + (f": it should be {should_be}" if should_be else "") + (f"; {slip}" if slip else "")]
        if hint is not None and hint > 2:
            findings.append(f"the rule: {self._rule(first)}")
        for node, slip_here in itertools.zip_longest(wrong[1:], slips[1:]):
            findings.append(f"{self._fraction(node)} is wrong in itself" + (f": {slip_here}" if slip_here else ""))
        return DerivationReport(cases, findings, verdicts, self._fraction(first), should_be, slip)

    def _verdict(self, node: Any) -> tuple[str, bool, tuple[Any, ...]]:
        """What can be said of a claim, whether it is right, and where it is worst."""
        key = id(node)
        defined = [p for p in self.points if type(p.true[key]) is not float]
        tested = [p for p in defined if p.is_finite(key)]
        if not tested:
            return ("does not hold", False, (None,) * 3) if defined else (UNTESTED, False, (None,) * 3)
        off = [error(p.claimed[key], p.true[key], p, key) for p in tested]
        worst = tested[off.index(max(off)) if max(off) > TOLERANCE else 0]
        cell = (self._place(worst), short(worst.claimed[key]), short(worst.true[key]))
        right = [p for p, amount in zip(tested, off) if amount <= TOLERANCE]
        side = self._side(right, [p for p in defined if all(p is not good for good in right)])
        if len(right) == len(tested):
            return f"holds for {side}" if side else "holds", True, cell
        if all(agree(p.claimed[key], p.expected[key], p, key) for p in tested):
            return FOLLOWS, False, cell
        if side:
            return f"holds for {side} only", False, cell
        is_right_here = tested[0] is self.points[0] and right and right[0] is tested[0]
        return "holds only here" if is_right_here else "does not hold", False, cell

    def _side(self, right: Sequence[At], wrong: Sequence[At]) -> Optional[str]:
        """A condition such as x > 0 that tells the points where a claim is right from the others."""
        if len(right) < 3 or len(wrong) < 2:
            return None
        inner = [node for node in self.names.inner if node is not self.root]
        borders = dict.fromkeys((0.0, *(border for _, border in self.draws.borders)))
        for node, border in itertools.product([*self.leaves, *inner], borders):
            above = [[p.values[id(node)] > border for p in points] for points in (right, wrong)]
            if all(above[0]) and not any(above[1]):
                return f"{self.names.names[id(node)]} > {border:g}"
            if all(above[1]) and not any(above[0]):
                return f"{self.names.names[id(node)]} < {border:g}"
        return None

    def _rule(self, node: Any) -> str:
        """By which rule a derivative is found: what is multiplied and added, or how its definition is taken."""
        from autograd_mini.explain._lines import local_lines

        users, name = self.names.users(node), self.names.names
        if users != [self.root]:
            return f"{self._fraction(node)} = " + " + ".join(
                f"d{name[id(user)]} * d{name[id(user)]}/d{name[id(node)]}" if user is not self.root else
                self._fraction(node) for user in users)
        definition, symbol = self.names.definitions[id(self.root)], self.names.of(node)
        return next(local_lines(definition, symbol, definition, self.names.of(self.root))).rule

    def _place(self, point: At) -> str:
        shown = [f"{self.names.names[id(node)]}={short(point.leaves[id(node)])}"
                 for node in self.leaves if id(node) in self.names.names]
        return " ".join(shown[:5] + ["..."] * (len(shown) > 5))

    def _should_be(self, node: Any) -> Optional[str]:
        from autograd_mini.explain._deriving import derive

        seconds = max(0.5, ANSWER / len(self.names.nodes))
        steps = derive(self.root, [node], assume=self.assume, seconds=seconds)
        found = text_of(steps[node].forms[-1])
        written = text_of([expression_of(self.claims[id(node)], self.names.symbols)])
        return found if found != written else None


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
