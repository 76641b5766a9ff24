"""`derive`: the chain rule as a person writes it, with the formulas found rather than looked up.

Every named node is a quantity of the derivation. Its definition in the named nodes below it is differentiated, the
local derivatives are multiplied along each path and added over the paths, and what comes out is simplified in terms
of the names by elimination. No simplification is shown that 50-digit arithmetic has not confirmed on the graph.
"""

from __future__ import annotations

import math
from typing import Any, Iterator, Mapping, Optional, Sequence

from autograd_mini._core.extras import library
from autograd_mini._core.graph import require_fresh, roots
from autograd_mini._core.kinds import Graph, Nodes
from autograd_mini._core.value import Value
from autograd_mini.explain._derivation import Derivation, Step, number_of
from autograd_mini.explain._elimination import (
    TookTooLong,
    by_trigonometry,
    cost,
    divides_anew,
    eliminate,
    forms,
    functions,
    shortest,
    time_limit,
)
from autograd_mini.explain._formulas import latex_of, text_of
from autograd_mini.explain._lines import MOST, UNREADABLE, Line, chain_lines, local_lines, over_an_index
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._points import Points, relation
from autograd_mini.explain._symbolic import Names, gradient_symbol, unstopped


def derive(loss: Graph, wrt: Optional[Nodes] = None, assume: Sequence[str] = (), using: Sequence[Value] = (),
           seconds: float = 5.0, seed: int = 0, steps: bool = False) -> Derivation:
    """Derive the derivatives of a graph, or of a Program with one number, as formulas in its named nodes.

    `wrt` holds named nodes or leaves, or their names; by default all that are named. `assume` gives relations between
    the inputs that may be used, such as "y1 + y2 + y3 = 1", and `using` named nodes that the root does not depend on
    but that formulas may be written with (all the probabilities of a softmax, where the loss takes one). A step whose
    simplification takes longer than `seconds` is shown unsimplified and says so; Ctrl-C ends with the steps so far.
    With `steps` the rule of every step is named and the algebra between the raw product and the result is shown.

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
    loss = roots(loss)
    if not hasattr(loss, "operands"):
        raise TypeError(f"only a Value can be derived, not {type(loss).__name__}")
    return _Deriver(loss, wrt, assume, using, seconds, seed, steps).derivation()


class _Deriver:
    """The working state of one derivation."""

    def __init__(self, loss: Any, wrt: Optional[Nodes], assume: Sequence[str], using: Sequence[Any],
                 seconds: float, seed: int, steps: bool) -> None:
        sp = library("sympy", "derive")
        self.sp, self.loss, self.seconds, self.steps = sp, loss, seconds, steps
        given = list(wrt) if isinstance(wrt, (list, tuple)) else [] if wrt is None else [wrt]
        self.names = Names(loss, cut=[n for n in given if not isinstance(n, str)], using=list(using))
        require_fresh(self.names.order)
        by_name = {self.names.names[id(node)]: node for node in self.names.nodes}
        self.wrt = [self._target(target, by_name) for target in given] or \
                   [node for node in self.names.nodes if node.name and node is not loss]
        self.root_name = self.names.names[id(loss)]
        defining = [node for node in self.names.inner
                    if node is not loss or (loss.name and functions(self.names.definitions[id(loss)]))]
        self.definitions = {self.names.of(node): unstopped(self.names.definitions[id(node)]) for node in defining}
        self.assumptions = [relation(text, self.names) for text in assume]
        self.aliases = {id(node): gradient_symbol(self._alias(self.names.names[id(node)], by_name))
                        for node in self.names.nodes}
        self.gradients: dict[int, Any] = {id(loss): sp.Integer(1)}
        self.shown: dict[int, Any] = {id(loss): (sp.Integer(1),)}
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
        needed = self._needed()
        steps = [self._definition(node) for node in self.names.inner]
        order = [node for node in self.names.backwards(self.names.nodes) if id(node) in needed]
        with Patience("deriving", "step", math.inf, len(order)) as patience:
            for node in order:
                users = self.names.users(node)
                locals_ = {id(user): self._local(user, node) for user in users}
                steps += [step for user, step in zip(users, locals_.values()) if user is not self.loss]
                steps.append(self._chain(node, users, locals_))
                patience.update()
        numbers: dict[Any, float] = {self.names.of(node): node.data for node in self.names.nodes}
        names = {}
        for step in steps:
            if step.kind == "chain":
                alias = self.aliases[id(step.node)]
                numbers[alias] = number_of(step.result, numbers)
                names[alias] = step.latex_claim
        return Derivation(self.loss, tuple(steps), numbers, names)

    def _needed(self) -> set[int]:
        """The nodes whose gradient is asked for or passed on the way."""
        needed, pending = set(), list(self.wrt)
        while pending:
            node = pending.pop()
            if id(node) not in needed:
                needed.add(id(node))
                pending += [user for user in self.names.users(node) if user is not self.loss]
        return needed

    def _definition(self, node: Any) -> Step:
        definition = self.names.definitions[id(node)]
        return Step("definition", self.names.names[id(node)], node, None, latex_of([self.names.of(node)]), "", "",
                    (tuple(self._in_order(definition)),), True, summed=self._summed(definition))

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
        slopes = [unstopped(sp.diff(term, symbol)) for term in terms if symbol in term.free_symbols]
        raw = tuple(slope for slope in slopes if slope != 0) or (sp.Integer(0),)
        termwise, whole, note = self._local_forms(raw)
        candidates: list[tuple[Any, ...]] = [termwise]
        if any(functions(term) for term in termwise) or 2 * cost(whole) <= cost(sp.Add(*termwise, evaluate=False)):
            candidates.insert(0, (whole,))
        truths = self.points.local(user, node)
        shown, verified, unverified = self._confirmed(candidates, truths)
        as_it_is = sp.Add(*shown) == sp.Add(*raw) or (user is self.loss and shown is termwise)
        stages = (shown,) if as_it_is else (raw, shown)
        lines = self._lines(local_lines(definition, symbol, sp.Add(*shown), self.names.of(user)), stages, truths)
        return self._step("local", user, node, stages, verified, note or unverified, lines=lines)

    def _lines(self, proposed: Iterator[Line], stages: Sequence[Any],
               truths: Sequence[tuple[int, Any]]) -> tuple[Line, ...]:
        """Of the lines that are proposed those that are confirmed and say something new."""
        lines: list[Line] = []
        if not self.steps:
            return ()
        seen = {text_of(stages[-1])}
        try:
            with time_limit(self.seconds):
                for line in proposed:
                    if (line.text not in seen or (not lines and line.rule)) and len(lines) < MOST and truths \
                            and not UNREADABLE.search(line.text) \
                            and all(self.points.agrees(line.formula, point, truth) for point, truth in truths):
                        lines.append(line)
                        seen.add(line.text)
        except TookTooLong:
            pass
        return tuple(lines)

    def _summed(self, formula: Any) -> Optional[tuple[str, str]]:
        return over_an_index(formula) if self.steps else None

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
        if not users:  # the root itself, or a node that it does not depend on
            self.gradients[id(node)] = sp.Integer(int(node is self.loss))
            return self._step("chain", self.loss, node, ((sp.Integer(int(node is self.loss)),),), True, "")
        if len(users) == 1 and users[0] is self.loss:
            only = locals_[id(self.loss)]
            self.gradients[id(node)] = only.result
            return self._step("chain", self.loss, node, only.forms, only.verified, only.note, lines=only.lines)
        by_alias = (sp.Add(*(locals_[id(user)].result * (self.aliases[id(user)] if user is not self.loss else 1)
                             for user in users)),)
        product = sp.Add(*(self.gradients[id(user)] * locals_[id(user)].result for user in users))
        final, note = self._simplified(product)
        final = shortest([product, final]) if not note else final
        too_long = cost(final) > 2 * cost(sp.Add(*by_alias)) + 12
        candidates = [by_alias] if too_long else [(final,), by_alias]
        shown, verified, unverified = self._confirmed(candidates, self.points.total(node))
        stages = [shown]
        if shown is not by_alias and cost(by_alias[0]) <= cost(final) and by_alias[0] != final:
            stages.insert(0, by_alias)
        self.gradients[id(node)] = sp.Add(*shown)
        paths = " + ".join(f"{self.aliases[id(user)].name} * {self._fraction(user, node)}" if user is not self.loss
                           else text_of(locals_[id(user)].forms[-1]) for user in users)
        latex = " + ".join(self._latex_fraction(self.loss, user) + r" \, " + self._latex_fraction(user, node)
                           if user is not self.loss else latex_of(locals_[id(user)].forms[-1]) for user in users)
        factors = [(self.shown[id(user)], locals_[id(user)].result) for user in users]
        lines = self._lines(chain_lines(factors), stages, self.points.total(node))
        return self._step("chain", self.loss, node, tuple(stages), verified, note or unverified, paths, latex, lines)

    def _step(self, kind: str, user: Any, node: Any, stages: Sequence[Any], verified: Optional[bool], note: str,
              product: str = "", latex_product: str = "", lines: tuple[Line, ...] = ()) -> Step:
        if kind == "chain":
            self.shown[id(node)] = stages[-1]
            self.points.gradients[self.aliases[id(node)]] = node
        summed = self._summed(self.sp.Add(*stages[-1])) if kind == "chain" else None
        return Step(kind, self._fraction(user, node), node, self.aliases[id(node)].name if kind == "chain" else user,
                    self._latex_fraction(user, node), product, latex_product, tuple(stages), verified, note, lines,
                    summed)

    def _fraction(self, user: Any, node: Any) -> str:
        return f"d{self.names.names[id(user)]}/d{self.names.names[id(node)]}"

    def _latex_fraction(self, user: Any, node: Any) -> str:
        return rf"\frac{{\partial {latex_of([self.names.of(user)])}}}{{\partial {latex_of([self.names.of(node)])}}}"

    def _simplified(self, expression: Any) -> tuple[Any, str]:
        """The expression by elimination, or as it is with the reason."""
        try:
            with time_limit(self.seconds):
                short, *others = eliminate(expression, self.definitions, self.assumptions)
                found = [short, *by_trigonometry(expression), *by_trigonometry(short), *others, expression]
                return shortest([form for form in found if not divides_anew(form, expression)]), ""
        except TookTooLong:
            return expression, f"not simplified: it took longer than {self.seconds:g} s"
        except (self.sp.PolynomialError, NotImplementedError, ZeroDivisionError):
            return expression, "not simplified: it is not a rational function of its parts"

    def _confirmed(self, candidates: Sequence[tuple[Any, ...]],
                   truths: Sequence[tuple[int, Any]]) -> tuple[tuple[Any, ...], Optional[bool], str]:
        """The first candidate that has the true value at every point."""
        for candidate in candidates:
            if truths and all(self.points.agrees(self.sp.Add(*candidate), point, truth) for point, truth in truths):
                return candidate, True, ""
        if not truths:
            return candidates[-1], None, "not verified: no point was found where everything is finite"
        return candidates[-1], False, "not confirmed at 50 digits"
