"""`derive`: the chain rule as a person writes it, with the formulas found rather than looked up.

Every named node is a quantity of the derivation. Its definition in the named nodes below it is differentiated, the
local derivatives are multiplied along each path and added over the paths, and what comes out is simplified in terms
of the names by elimination. No simplification is shown that 50-digit arithmetic has not confirmed on the graph.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from autograd_mini.explain.elimination import TookTooLong, cost, eliminate, forms, shortest, time_limit
from autograd_mini.explain.exact import derivatives, replay
from autograd_mini.explain.formulas import latex_of, short, text_of
from autograd_mini.explain.symbolic import Names, Symbolic, gradient_symbol
from autograd_mini.expression import evaluate
from autograd_mini.graph import require_fresh

DIGITS = 50


@dataclass(frozen=True)
class Step:
    """One line of a derivation.

    kind       "definition" of a named node, "local" derivative of one by another, or "chain": the root by a node
    claim      what the line is about, as text: "a", "da/dz", "dL/dz"
    forms      its formula in the stages shown, each as the terms of a sum (SymPy)
    verified   True where the result was confirmed at 50 digits; None where no point could be found to test it at
    note       why a result is not simplified; empty as a rule
    """

    kind: str
    claim: str
    node: Any
    by: Any
    latex_claim: str
    product: str
    latex_product: str
    forms: tuple[tuple[Any, ...], ...]
    verified: Optional[bool] = None
    note: str = ""

    @property
    def result(self) -> Any:
        """The final formula as a SymPy expression."""
        import sympy as sp

        return sp.Add(*self.forms[-1])

    def __str__(self) -> str:
        return f"{self.claim} = {text_of(self.forms[-1])}"


@dataclass(frozen=True)
class Derivation:
    """The steps from a root to the derivatives that were asked for; prints as text, shows as LaTeX in a notebook."""

    root: Any
    steps: tuple[Step, ...]
    numbers: Mapping[Any, float] = field(repr=False)
    aliases: Mapping[Any, str] = field(repr=False)

    def __getitem__(self, claim: Union[str, Any]) -> Step:
        """The step of a claim ("da/dz", "dL/dz") or of the derivative by a node."""
        for step in self.steps:
            if step.claim == claim if isinstance(claim, str) else step.kind == "chain" and step.node is claim:
                return step
        raise KeyError(f"no step derives {claim!r}: it has {', '.join(step.claim for step in self.steps)}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def text(self, numbers: bool = False) -> str:
        """The derivation as text, an equals sign under the other; with `numbers`, the numbers of the graph put in."""
        rows = []
        for step in self.steps:
            sides = ([step.claim] if step.kind == "chain" else []) + [step.product] * bool(step.product)
            sides += [text_of(form) for form in step.forms]
            if numbers:
                sides += self._numbers(step, sides[-1])
            left = str(self.aliases_of(step.node)) if step.kind == "chain" else step.claim
            rows.append((step.kind, left, sides, step.note))
        width = max(len(left) for _, left, _, _ in rows)
        lines, before = [], rows[0][0]
        for kind, left, sides, note in rows:
            lines += [""] * (before == "definition" != kind)
            lines.append(f"{left.ljust(width)} = {' = '.join(sides)}" + (f"    ({note})" if note else ""))
            before = kind
        return "\n".join(lines)

    def aliases_of(self, node: Any) -> str:
        """The short name of the root's derivative by a node: dz for dL/dz."""
        return next(step.by for step in self.steps if step.kind == "chain" and step.node is node)

    def _numbers(self, step: Step, last: str) -> list[str]:
        substituted = text_of(step.forms[-1], self.numbers)
        value = step.result.evalf(20, subs=dict(self.numbers))
        number = short(value) if value.is_real else str(value)
        return [text for text in dict.fromkeys((substituted, number)) if text != last]

    def latex(self, numbers: bool = False) -> str:
        """An `aligned` block that can be pasted into a paper."""
        lines = []
        for step in self.steps:
            sides = [step.latex_product] * bool(step.latex_product)
            sides += [latex_of(form, self.aliases) for form in step.forms]
            if numbers:
                sides += [text.replace("*", r" \cdot ") for text in self._numbers(step, "")[-1:]]
            lines.append(f"{step.latex_claim} &= {' = '.join(dict.fromkeys(sides))}")
        return "\\begin{aligned}\n" + " \\\\[4pt]\n".join(lines) + "\n\\end{aligned}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def derive(loss: Any, wrt: Optional[Sequence[Any]] = None, assume: Sequence[str] = (), using: Sequence[Any] = (),
           seconds: float = 5.0, seed: int = 0) -> Derivation:
    """Derive the derivatives of a graph as formulas in its named nodes.

    `wrt` holds named nodes or leaves, or their names; by default all that are named. `assume` gives relations between
    the inputs that may be used, such as "y1 + y2 + y3 = 1", and `using` named nodes that the root does not depend on
    but that formulas may be written with (all the probabilities of a softmax, where the loss takes one). A step whose
    simplification takes longer than `seconds` is shown unsimplified and says so; Ctrl-C leaves at any time.

    >>> from autograd_mini import Value, exp, ln
    >>> z, y = Value(0.5, "z"), Value(1.0, "y")
    >>> a = 1 / (1 + exp(-z)); a.name = "a"
    >>> print(derive(-y * ln(a) - (1 - y) * ln(1 - a), wrt=[z]))
    a     = 1/(1 + exp(-z))
    L     = -y*ln(a) - (1 - y)*ln(1 - a)
    <BLANKLINE>
    da    = dL/da = -y/a + (1 - y)/(1 - a)
    da/dz = exp(-z)/(1 + exp(-z))**2 = a - a**2
    dz    = dL/dz = da * da/dz = a - y

    Raises TypeError for what is not a Value, ValueError for a name or node that the root does not depend on,
    StaleGraphError where a leaf was assigned since.
    """
    if not hasattr(loss, "operands"):
        raise TypeError(f"only a Value can be derived, not {type(loss).__name__}")
    return _Deriver(loss, wrt, assume, using, seconds, seed).derivation()


class _Deriver:
    """The working state of one derivation."""

    def __init__(self, loss: Any, wrt: Optional[Sequence[Any]], assume: Sequence[str], using: Sequence[Any],
                 seconds: float, seed: int) -> None:
        import sympy as sp

        self.sp, self.loss, self.seconds = sp, loss, seconds
        given = list(wrt) if isinstance(wrt, (list, tuple)) else [] if wrt is None else [wrt]
        self.names = Names(loss, cut=[n for n in given if not isinstance(n, str)], using=list(using))
        require_fresh(self.names.order)
        by_name = {self.names.names[id(node)]: node for node in self.names.nodes}
        self.wrt = [self._target(target, by_name) for target in given] or \
                   [node for node in self.names.nodes if node.name and node is not loss]
        self.root_name = self.names.names[id(loss)]
        self.definitions = {self.names.of(node): self.names.definitions[id(node)] for node in self.names.inner
                            if node is not loss or (loss.name and _has_function(self.names.definitions[id(loss)]))}
        self.assumptions = [relation(text, self.names) for text in assume]
        self.aliases = {id(node): gradient_symbol(self._alias(self.names.names[id(node)], by_name))
                        for node in self.names.nodes}
        self.gradients: dict[int, Any] = {id(loss): sp.Integer(1)}
        self.points = Points(self.names, self.assumptions, seed)

    def _target(self, target: Any, by_name: Mapping[str, Any]) -> Any:
        if isinstance(target, str):
            if target not in by_name:
                raise ValueError(f"no node is called {target!r}: named are {', '.join(by_name)}")
            return by_name[target]
        if id(target) not in self.names.symbols:
            raise ValueError(f"{target!r} is not part of the graph: derive by a node that the result depends on")
        return target

    def _alias(self, name: str, by_name: Mapping[str, Any]) -> str:
        return f"d{name}" if f"d{name}" not in by_name else f"d{self.root_name}_d{name}"

    def derivation(self) -> Derivation:
        from tqdm import tqdm

        loss, needed = self.loss, self._needed()
        steps = [self._definition(node) for node in self.names.inner]
        order = [node for node in self.names.backwards(self.names.nodes) if id(node) in needed and node is not loss]
        for node in tqdm(order, desc="deriving", unit="step", delay=2.0, leave=False, disable=None):
            users = self.names.users(node)
            locals_ = {id(user): self._local(user, node) for user in users}
            steps += [step for user, step in zip(users, locals_.values()) if user is not self.loss]
            steps.append(self._chain(node, users, locals_))
        numbers: dict[Any, float] = {self.names.of(node): node.data for node in self.names.nodes}
        names = {}
        for step in steps:
            if step.kind == "chain":
                alias = self.aliases[id(step.node)]
                numbers[alias] = float(step.result.evalf(20, subs=numbers))
                names[alias] = step.latex_claim
        return Derivation(self.loss, tuple(steps), numbers, names)

    def _needed(self) -> set[int]:
        """The nodes whose gradient is asked for or passed on the way."""
        needed, pending = set(), list(self.wrt)
        while pending:
            node = pending.pop()
            if id(node) not in needed:
                needed.add(id(node))
                pending += self.names.users(node)
        return needed

    def _definition(self, node: Any) -> Step:
        definition = self.names.definitions[id(node)]
        return Step("definition", self.names.names[id(node)], node, None, latex_of([self.names.of(node)]), "", "",
                    (tuple(self._in_order(definition)),), True)

    def _in_order(self, expression: Any) -> list[Any]:
        """The terms of a sum as the graph meets their names; a sum with a constant is left to the printer."""
        place = {self.names.of(node): place for place, node in enumerate(self.names.nodes)}
        terms = self.sp.Add.make_args(expression)
        if not all(term.free_symbols for term in terms):
            return [expression]
        return sorted(terms, key=lambda term: min(place[symbol] for symbol in term.free_symbols))

    def _local(self, user: Any, node: Any) -> Step:
        """The partial derivative of one named node by another, other names held fixed."""
        sp, symbol = self.sp, self.names.of(node)
        definition = self.names.definitions[id(user)]
        terms = [part for term in self._in_order(definition) for part in sp.Add.make_args(term)]
        slopes = [sp.diff(term, symbol) for term in terms if symbol in term.free_symbols]
        raw = tuple(slope for slope in slopes if slope != 0) or (sp.Integer(0),)
        termwise, whole, note = self._local_forms(raw)
        candidates: list[tuple[Any, ...]] = [termwise]
        if any(_has_function(term) for term in termwise) or 2 * cost(whole) <= cost(sp.Add(*termwise, evaluate=False)):
            candidates.insert(0, (whole,))
        truths = self.points.local(user, node)
        shown, verified, unverified = self._confirmed(candidates, truths)
        as_it_is = sp.Add(*shown) == sp.Add(*raw) or (user is self.loss and shown is termwise)
        stages = (shown,) if as_it_is else (raw, shown)
        return self._step("local", user, node, stages, verified, note or unverified)

    def _local_forms(self, raw: Sequence[Any]) -> tuple[tuple[Any, ...], Any, str]:
        """Each term shortened by itself, and the whole by elimination."""
        try:
            with time_limit(self.seconds):
                termwise = tuple(shortest([term, *forms(term)]) for term in raw)
        except TookTooLong:
            termwise = tuple(raw)
        return termwise, *self._simplified(self.sp.Add(*raw))

    def _chain(self, node: Any, users: Sequence[Any], locals_: Mapping[int, Step]) -> Step:
        """The derivative of the root by a node: over every path, the gradient so far times the local derivative."""
        sp = self.sp
        if not users:
            return self._step("chain", self.loss, node, ((sp.Integer(0),),), True, "")
        products = [self.gradients[id(user)] * locals_[id(user)].result for user in users]
        by_alias = tuple(locals_[id(user)].result * (self.aliases[id(user)] if user is not self.loss else 1)
                         for user in users)
        if users == [self.loss]:
            only = locals_[id(self.loss)]
            self.gradients[id(node)] = only.result
            return self._step("chain", self.loss, node, only.forms, only.verified, only.note)
        by_alias = (sp.Add(*by_alias),)
        final, note = self._simplified(sp.Add(*products))
        final = shortest([sp.Add(*products), final]) if not note else final
        too_long = cost(final) > 2 * cost(sp.Add(*by_alias)) + 12
        candidates = [by_alias] if too_long else [(final,), by_alias]
        shown, verified, unverified = self._confirmed(candidates, self.points.total(node), self.points.gradients)
        stages = [shown]
        if shown is not by_alias and cost(by_alias[0]) <= cost(final) and by_alias[0] != final:
            stages.insert(0, by_alias)
        self.gradients[id(node)] = sp.Add(*shown)
        self.points.gradients[self.aliases[id(node)]] = node
        product = " + ".join(f"{self.aliases[id(user)].name} * {self._fraction(user, node)}" if user is not self.loss
                             else text_of(locals_[id(user)].forms[-1]) for user in users)
        latex = " + ".join(self._latex_fraction(self.loss, user) + r" \, " + self._latex_fraction(user, node)
                           if user is not self.loss else latex_of(locals_[id(user)].forms[-1]) for user in users)
        return self._step("chain", self.loss, node, tuple(stages), verified, note or unverified, product, latex)

    def _step(self, kind: str, user: Any, node: Any, stages: Sequence[Any], verified: Optional[bool], note: str,
              product: str = "", latex_product: str = "") -> Step:
        if kind == "chain":
            self.points.gradients[self.aliases[id(node)]] = node
        return Step(kind, self._fraction(user, node), node, self.aliases[id(node)].name if kind == "chain" else user,
                    self._latex_fraction(user, node), product, latex_product, tuple(stages), verified, note)

    def _fraction(self, user: Any, node: Any) -> str:
        return f"d{self.names.names[id(user)]}/d{self.names.names[id(node)]}"

    def _latex_fraction(self, user: Any, node: Any) -> str:
        return rf"\frac{{\partial {latex_of([self.names.of(user)])}}}{{\partial {latex_of([self.names.of(node)])}}}"

    def _simplified(self, expression: Any) -> tuple[Any, str]:
        """The expression by elimination, or as it is with the reason."""
        try:
            with time_limit(self.seconds):
                return eliminate(expression, self.definitions, self.assumptions)[0], ""
        except TookTooLong:
            return expression, f"not simplified: it took longer than {self.seconds:g} s"
        except (self.sp.PolynomialError, NotImplementedError, ZeroDivisionError):
            return expression, "not simplified: it is not a rational function of its parts"

    def _confirmed(self, candidates: Sequence[tuple[Any, ...]], truths: Sequence[tuple[Any, Any]],
                   gradients: Optional[Mapping[Any, Any]] = None) -> tuple[tuple[Any, ...], Optional[bool], str]:
        """The first candidate that has the true value at every point."""
        for candidate in candidates:
            if truths and all(self.points.agrees(self.sp.Add(*candidate), point, truth) for point, truth in truths):
                return candidate, True, ""
        if not truths:
            return candidates[-1], None, "not verified: no point was found where everything is finite"
        return candidates[-1], False, "not confirmed at 50 digits"


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
    """Give one input of a relation, in which it is linear, the number that makes it hold."""
    import mpmath
    import sympy as sp

    nodes = {names.of(node): node for node in names.nodes if not node.operands}
    for symbol in sorted(assumption.free_symbols & set(nodes), key=str, reverse=True):
        slope = sp.diff(assumption, symbol)
        if symbol not in slope.free_symbols and slope != 0:
            others = {s: sp.Float(mpmath.mpf(leaves[id(nodes[s])]), 80) for s in assumption.free_symbols
                      if s in nodes and s != symbol}
            solved = sp.N(((slope * symbol - assumption) / slope).expand().subs(others), 80)
            if solved.is_Float or solved.is_Rational:
                leaves[id(nodes[symbol])] = mpmath.mp.make_mpf(sp.Float(solved, 80)._mpf_)
                return


def _has_function(expression: Any) -> bool:
    import sympy as sp

    return any(not f.is_Pow or not f.exp.is_Integer for f in expression.atoms(sp.Function, sp.Pow))


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
                values = replay(self.names.nodes, DIGITS + 10, leaves)
                if all(abs(number) < float("inf") for number in values.values()):
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
                self._totals[number] = derivatives(self.names.root, DIGITS + 10, at=leaves)
        return [(number, self._totals[number][id(node)]) for number in range(len(self.points()))]

    def local(self, user: Any, node: Any) -> list[tuple[int, Any]]:
        """The same for the partial derivative of one named node by another."""
        truths = []
        for number, (leaves, values) in enumerate(self.points()):
            held = {id(n): values[id(n)] for n in self.names.nodes if n is not user and n.operands}
            truths.append((number, derivatives(user, DIGITS + 10, at={**leaves, **held})[id(node)]))
        return truths

    def agrees(self, expression: Any, point: int, truth: Any) -> bool:
        """Whether a formula has this value at a point, to 40 of 50 digits."""
        import mpmath
        import sympy as sp

        _, values = self.points()[point]
        numbers = {self.names.of(node): values[id(node)] for node in self.names.nodes}
        for alias, node in self.gradients.items():
            if alias in expression.free_symbols:
                numbers[alias] = self.total(node)[point][1]
        used = {symbol: sp.Float(number, DIGITS + 20) for symbol, number in numbers.items()
                if symbol in expression.free_symbols}
        number = sp.N(expression, DIGITS + 10, subs=used) if used else sp.N(expression, DIGITS + 10)
        if not number.is_Float and not number.is_Integer and not number.is_Rational:
            return False
        with mpmath.workdps(DIGITS + 20):
            found = mpmath.mp.make_mpf(sp.Float(number, DIGITS + 10)._mpf_)
            terms = [abs(complex(sp.N(term, 15, subs=used))) for term in sp.Add.make_args(expression)]
            size = max(abs(truth), abs(found), *terms, self.size if expression == 0 else 0)
            return bool(abs(found - truth) <= size * mpmath.mpf(10) ** -40)

