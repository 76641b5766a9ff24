"""The usual mistakes in a derivation, recognised by what they do to its numbers at every point.

A slip is tried on the right derivative, or mended in the claim: a factor left out, a sign, a name that stands for
another, a term or path forgotten, a rule taken for another rule. Only what explains the claim exactly at all points is
reported; of several, the first in that order. All numbers are balls of many digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional

from autograd_mini._core.graph import dependents, is_node, topological_order
from autograd_mini.explain._ball import applied, flint, number_of
from autograd_mini.explain._formulas import text_of
from autograd_mini.explain._known import At, agree
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._symbolic import Names, expression_of
from autograd_mini.explain._wrong_rules import WRONG_RULES

Factor = Callable[[At], Any]
Numbers = Callable[[At], tuple[Any, Any]]
"""Two numbers at a point that are the same if a slip explains the claim."""


class Slips:
    """Looks for the slip behind a wrong claim."""

    def __init__(self, root: Any, order: Sequence[Any], names: Names, claims: Mapping[int, Any]) -> None:
        self.root, self.order, self.names, self.claims = root, order, names, claims

    def find(self, node: Any, points: Sequence[At], patience: Patience) -> Optional[str]:
        """The usual mistake that explains a claim exactly at every point, if there is one."""
        key = id(node)
        tested = [p for p in points if p.is_finite(key)]
        if sum(not p.expected[key].contains(0) for p in tested) < 2:
            return None
        for text, numbers in self._slips(_Flow(self, node), self.claims[key], tested):
            if patience.is_over:
                break
            if self._explains(numbers, tested, key):
                return text
        return None

    def _explains(self, numbers: Numbers, tested: Sequence[At], key: int) -> bool:
        """Whether the two numbers agree at all points, of which two at least are known to many digits."""
        decided = 0
        for p in tested:
            pair = numbers(p)
            if any(number is None or type(number) is float or not number.is_finite() for number in pair):
                return False
            if all(number.rel_accuracy_bits() > 64 or number.is_exact() for number in pair):
                decided += not p.expected[key].contains(0)
                if not agree(*pair, p, key):
                    return False
            elif not pair[0].overlaps(pair[1]):
                return False
        return decided > 1

    def _slips(self, flow: _Flow, claim: Any, tested: Sequence[At]) -> Iterator[tuple[str, Numbers]]:
        """(what went wrong, the two numbers that are the same then), the commonest first."""
        key = id(flow.node)
        factors = [(text, factor) for text, factor in self._factors(flow, tested)
                   if any(abs(factor(p)) != 1 for p in tested)]
        for text, factor in factors:
            yield f"{text} is missing", _bound(lambda p, f: (p.claimed[key] * f(p), p.expected[key]), factor)
        yield "the sign is wrong", lambda p: (-p.claimed[key], p.expected[key])
        for text, factor in factors:
            yield f"{text} is missing, and the sign is wrong", \
                _bound(lambda p, f: (-p.claimed[key] * f(p), p.expected[key]), factor)
        yield from self._exchanged(flow.node, claim)
        yield from self._forgotten(flow)
        yield from flow.changed_terms(factors)
        yield from flow.wrong_rules()
        for text, factor in factors:
            yield f"{text} is too much", _bound(lambda p, f: (p.claimed[key], p.expected[key] * f(p)), factor)

    def what(self, node: Any) -> str:
        """A node as a reader knows it: by its name, or as a formula."""
        name = self.names.names.get(id(node)) if node is not self.root or not node.operands else None
        return name or text_of([expression_of(node, self.names.symbols)])

    def _factors(self, flow: _Flow, tested: Sequence[At]) -> Iterator[tuple[str, Factor]]:
        """What could have been left out: derivatives above, inputs, inner derivatives, 1/m, 2, other names."""
        for end in flow.ends():
            if end is not self.root:
                yield f"the upstream derivative d{self.what(end)}", _bound(At.handed, end)
        leaves = [node for node in self.names.nodes if not node.operands]
        inner = [node for node in self.names.nodes if node.operands and node is not self.root]
        for named in leaves:
            yield f"a factor {self.what(named)}", _bound(_value, named)
        for part in flow.parts:
            if part is not self.root:
                yield f"the inner derivative of {self.what(part)}", _bound(flow.only_through, part)
        is_constant = all(agree(p.expected[id(flow.node)], tested[0].expected[id(flow.node)], p, id(flow.node))
                          for p in tested)  # then any number is as good a reason as another
        for number in dict.fromkeys((2.0, 0.5, *flow.constants()) if not is_constant else ()):
            shown = f"{number:g}" if number >= 1 else f"1/{1 / number:g}"
            yield f"a factor {shown}", _bound(lambda p, number: flint.arb(number), number)
        for base in (2, 10):
            yield f"a factor 1/ln({base}), ln taken for log base {base},", \
                _bound(lambda p, b: 1 / flint.arb(b).log(), base)
            yield f"a factor ln({base}), log base {base} taken for ln,", _bound(lambda p, b: flint.arb(b).log(), base)
        for named in inner:
            yield f"a factor {self.what(named)}", _bound(_value, named)
        for named in [*inner, *leaves]:
            yield f"a factor 1 - {self.what(named)}", _bound(lambda p, named: 1 - _value(p, named), named)

    def _exchanged(self, node: Any, claim: Any) -> Iterator[tuple[str, Numbers]]:
        """A name in the claim that stands for another one, at one place or at all, and two names that are exchanged."""
        key = id(node)
        earlier = itertools.takewhile(lambda of: of != key, self.claims)
        known = {**{id(self.claims[of]): f"d{self.names.names[of]}" for of in earlier}, **self.names.names}
        written = _Written(claim, known)
        edges: dict[int, list[Any]] = {}
        for edge in written.edges:
            edges.setdefault(id(edge[2]), []).append(edge[:2])
        for used, places in edges.items():
            choices = [places, *[[place] for place in places]] if len(places) > 1 else [places]
            for other in [name for name in known if name != used]:
                for chosen in choices:
                    yield f"{known[used]} stands where {known[other]} should", \
                        _bound(lambda p, chosen, other: (
                            written.at(p, dict.fromkeys(chosen, p.values[other])), p.expected[key]), chosen, other)
            for chosen in choices:
                yield f"{known[used]} stands where 1 - {known[used]} should, or the other way round", \
                    _bound(lambda p, chosen, used: (
                        written.at(p, dict.fromkeys(chosen, 1 - p.values[used])), p.expected[key]), chosen, used)
        for one, other in itertools.combinations(edges, 2):
            yield f"{known[one]} and {known[other]} are exchanged", _bound(lambda p, one, other: (written.at(p, {
                **dict.fromkeys(edges[one], p.values[other]), **dict.fromkeys(edges[other], p.values[one])}),
                p.expected[key]), one, other)

    def _forgotten(self, flow: _Flow) -> Iterator[tuple[str, Numbers]]:
        """The paths through named nodes whose shares, left out, give the claim; and terms that are a name."""
        users, key = self.names.users(flow.node), id(flow.node)
        named, above = set(self.names.names), [part for part in flow.parts if id(part) in self.names.names]

        def without(p: At, left_out: Sequence[Any], closed: set[int]) -> tuple[Any, Any]:
            slopes = flow.along(p, closed)
            return p.claimed[key], p.expected[key] - sum((p.handed(u) * slopes[id(u)] for u in left_out), flint.arb(0))

        for through, most, closed in ((users, min(len(users) - 1, 4), named), (above, 3, flow.claimed)):
            for count in range(1, most + 1):
                for left_out in itertools.combinations(through, count):
                    names = " and ".join(self.names.names[id(user)] for user in left_out)
                    text = f"the paths through {names} are forgotten" if count > 1 else \
                        f"the path through {names} is forgotten" if left_out[0] is not self.root else \
                        f"the path that leads straight to {names} is forgotten"
                    yield text, _bound(without, left_out, closed)
        for node, sign in itertools.product(self.names.nodes, (1, -1)):
            yield f"the term {'-' * (sign < 0)}{self.what(node)} is forgotten", \
                _bound(lambda p, node, sign: (p.claimed[key] + sign * _value(p, node), p.expected[key]), node, sign)


class _Flow:
    """How a node moves what depends on it, up to the nodes that have claims of their own."""

    def __init__(self, slips: Slips, node: Any) -> None:
        self.slips, self.node = slips, node
        self.claimed = {key for key in slips.claims if key != id(node)}
        above = dependents(slips.order, [node])
        self.parts = [part for part in slips.order if id(part) in above and part is not node]
        self._slopes: dict[tuple[int, frozenset[int]], dict[int, Any]] = {}

    def ends(self) -> list[Any]:
        """The nodes with a claim, or the root, that the node reaches without another claim between."""
        open_ = {id(self.node)}
        found = []
        for part in self.parts:
            if any(is_node(o) and id(o) in open_ for o in part.operands):
                if id(part) in self.claimed or part is self.slips.root:
                    found.append(part)
                else:
                    open_.add(id(part))
        return found

    def constants(self) -> Iterator[float]:
        """1/m for the whole numbers m by which something above is divided or multiplied."""
        for part in self.parts:
            for operand in part.operands:
                number = abs(operand) if type(operand) is float else 0.0
                if number > 2 and number == int(number):
                    yield 1 / number
                elif 0 < number < 1 and abs(round(1 / number) * number - 1) < 1e-15:
                    yield number

    def at(self, point: At) -> dict[int, Any]:
        return self.along(point, self.claimed)

    def only_through(self, point: At, part: Any) -> Any:
        """The derivative of a part, where the node acts through it alone; nan where there are other paths."""
        slope, key = self.at(point)[id(part)], id(self.node)
        is_alone = agree(point.handed(part) * slope, point.expected[key], point, key)
        return slope if is_alone else flint.arb.nan()

    def along(self, point: At, closed: set[int]) -> dict[int, Any]:
        """The derivative of every part by the node, not through nodes that are closed."""
        key = id(point), frozenset(closed)
        if key not in self._slopes:
            slopes = {id(part): flint.arb(0) for part in self.slips.order}
            slopes[id(self.node)] = flint.arb(1)
            for part in self.parts:
                for place, operand in self.moving(part):
                    if (id(part), place) in point.locals and (operand is self.node or id(operand) not in closed):
                        slopes[id(part)] += point.locals[id(part), place] * slopes[id(operand)]
            self._slopes[key] = slopes
        return self._slopes[key]

    def moving(self, part: Any) -> list[tuple[int, Any]]:
        """The operands of a part that can carry the node's change."""
        return [(place, operand) for place, operand in enumerate(part.operands) if is_node(operand)]

    def changed_terms(self, factors: Sequence[tuple[str, Factor]]) -> Iterator[tuple[str, Numbers]]:
        """One term of a sum, or of a product rule, left out, with the wrong sign, or with a factor left out."""
        key = id(self.node)
        reached = {id(self.node), *map(id, self.parts)}
        terms = [(part, place, operand) for part in self.parts for place, operand in self.moving(part)
                 if id(operand) in reached and (operand is self.node or id(operand) not in self.claimed)]
        several = [term for term in terms if sum(other[0] is term[0] or other[2] is term[2] for other in terms) > 1]

        def changed(p: At, part: Any, place: int, operand: Any, factor: Factor) -> tuple[Any, Any]:
            slope = p.locals.get((id(part), place), flint.arb(0))
            term = p.handed(part) * slope * self.at(p)[id(operand)]
            return p.claimed[key], p.expected[key] + term * (factor(p) - 1)

        for text, factor in [("a term is forgotten", _bound(lambda p: flint.arb(0))),
                             ("the sign is wrong", _bound(lambda p: flint.arb(-1))),
                             *[(f"{text} is missing", _bound(lambda p, f: 1 / f(p), f)) for text, f in factors],
                             *[(f"{text} is too much", f) for text, f in factors]]:
            for part, place, operand in several:
                yield f"{text}, in the term that comes through {self.slips.what(part)}", \
                    _bound(changed, part, place, operand, factor)

    def wrong_rules(self) -> Iterator[tuple[str, Numbers]]:
        """A rule taken for another one at one node on the way, up to the next claims or to the root."""
        key = id(self.node)

        def spoiled(p: At, part: Any, rule: Callable[..., Any], closed: set[int]) -> tuple[Any, Any]:
            slopes = self.along(p, closed)
            moves = [slopes[id(o)] if is_node(o) and (o is self.node or id(o) not in closed) else flint.arb(0)
                     for o in part.operands]
            numbers = [p.values[id(o)] if is_node(o) else flint.arb(o) for o in part.operands]
            wrong = rule(part.operation, p.values[id(part)], numbers, moves)
            reached, handed = (p.expected[key], p.handed(part)) if closed else (p.true[key], p.slopes[id(part)])
            return p.claimed[key], None if wrong is None else reached + handed * (wrong - slopes[id(part)])

        for closed in (self.claimed, set()) if self.claimed else (set(),):
            for part, (text, rule) in itertools.product(self.parts, WRONG_RULES):
                yield text.format(self.slips.what(part)), \
                    _bound(spoiled, part, rule, closed)


class _Written:
    """A claim as it was written: operations on names, so that a name can be put for another."""

    def __init__(self, claim: Any, known: Mapping[int, Any]) -> None:
        self.claim = claim
        self.order = [node for node in topological_order(claim) if id(node) not in known]
        inside: set[int] = set()
        pending = [claim] if id(claim) not in known else []
        while pending:
            node = pending.pop()
            if id(node) not in inside:
                inside.add(id(node))
                pending += [o for o in node.operands if is_node(o) and id(o) not in known]
        self.order = [node for node in self.order if id(node) in inside]
        self.edges = [(id(node), place, operand) for node in self.order for place, operand in enumerate(node.operands)
                      if is_node(operand) and id(operand) in known and any(node.operation.partials)]
        if id(claim) in known:
            self.edges = [(0, 0, claim)]

    def at(self, point: At, put: Mapping[tuple[int, int], Any]) -> Any:
        """Its number at a point, with other numbers put for names at some places (id of the operation, operand)."""
        if (0, 0) in put:
            return put[0, 0]
        values: dict[int, Any] = {}
        for node in self.order:
            numbers = [put.get((id(node), place), values.get(id(o), point.values.get(id(o))) if is_node(o)
                               else number_of(o)) for place, o in enumerate(node.operands)]
            values[id(node)] = applied(node.operation, numbers) if node.operands else point.values[id(node)]
        return values[id(self.claim)]


def _bound(function: Callable[..., Any], *others: Any) -> Callable[[At], Any]:
    """A function of a point, the other arguments given."""
    return lambda p: function(p, *others)


def _value(p: At, node: Any) -> Any:
    return p.values[id(node)]
