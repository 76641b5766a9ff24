"""`stabilize`: the same function written so that it keeps its digits.

Rules suggest forms, balls know the truth, and what is chosen is what was measured: wrong bits in the value and in every
slope, at the point and around it, or over a stated domain. A form that is worse than what was given, in anything at any
point tried, is not taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._core.graph import count, leaves, require_fresh, topological_order
from autograd_mini._core.kinds import Loss
from autograd_mini._core.value import Value
from autograd_mini.explain._check import recorded
from autograd_mini.explain._choosing import WINDOW, Choice, as_a_whole, images, in_parts, unchanged
from autograd_mini.explain._domains import (
    Range,
    between_points,
    checked,
    contains,
    drawn,
    ranges_around,
)
from autograd_mini.explain._judging import LUCK, Judge, node_of, weighed, worse
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._rewriting import Form, spelled, window
from autograd_mini.explain._searching import Candidate, Search, Step, expansions
from autograd_mini.explain._splitting import Piece, Split, Splitter, between, form_of
from autograd_mini.primitives import abs as absolute
from autograd_mini.render._formulas import text

SEARCH = 3.0
"""Seconds for the search over a domain; at a point less is enough."""

FIRST, MORE, ROUNDS, PROMISING = 40, 24, 4, 60
"""Points of a domain at first, and how many new ones a choice is tried at in each round; forms that are tried there."""

LARGEST = 60
"""Nodes of a graph that is searched as a whole."""

LONGEST, WIDEST, MOST = 40, 160, 12
"""A form of more nodes is not printed as a whole; a change of more characters is not; and no more changes are."""


class Change(NamedTuple):
    """One form that was replaced: the node it was, the node it became, why, and at how many places like this one."""

    rule: str
    before: Any
    after: Any
    places: int = 1

    def __str__(self) -> str:
        places = f", at {self.places} places" if self.places > 1 else ""
        formulas = f"{_formula(self.before)}  ->  {_formula(self.after)}"
        return f"{formulas if len(formulas) <= WIDEST else 'a long formula'}   ({self.rule}{places})"


class Stabilized:
    """The rewritten graph, over the same leaves, and what was changed. Unpacks as `value, changes`.

    value     the root of the new graph
    changes   what was replaced on the way, in order
    before    {"value": bits, name of a leaf: bits}: how many of 64 bits were wrong, on the mean of all points tried
    after     the same of the new graph
    """

    def __init__(self, value: Value, changes: list[Change], before: dict[str, float], after: dict[str, float]) -> None:
        self.value, self.changes, self.before, self.after = value, changes, before, after

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.changes))

    def __str__(self) -> str:
        if not self.changes:
            return "nothing to change"
        is_long = count(self.value) > LONGEST
        return "\n".join([*self.listed(), *[f"stable form: {text(self.value)}"] * (not is_long), *self.left()])

    def listed(self) -> list[str]:
        """The changes in words."""
        lines = list(dict.fromkeys(map(str, self.changes)))
        return lines[:MOST] + [f"and so on: {len(lines)} changes in all"] * (len(lines) > MOST)

    def left(self) -> list[str]:
        """What the new form does not cure, in words."""
        lost = [_what(name) for name, bits in self.after.items() if bits > LUCK]
        shown = lost if len(lost) <= MOST else [*lost[:3], f"{len(lost) - 3} more"]
        return [f"it leaves digits of {', '.join(shown)} lost"] if lost else []

    __repr__ = __str__


def stabilize(loss: Loss, domain: Optional[Mapping[str, Range]] = None, seconds: float = 10.0) -> Stabilized:
    """The same function written so that it keeps its digits, over the same leaves.

    loss     a Value; or, with a domain, a function of numbers, which is recorded and may not branch on data
    domain   {name of a leaf: (low, high) or [numbers]}: where the new form has to be as good as the old one or better,
             in its value and in every slope. Without it, at the leaves' own numbers and around them.
    seconds  after which, or at Ctrl-C, the best form that was found so far is taken

    >>> from autograd_mini import Value, exp, ln
    >>> z = Value(-800.0, "z")
    >>> stable, changes = stabilize(-ln(1 / (1 + exp(-z))))
    >>> stable.backward(); stable.data, z.grad
    (800.0, -1.0)
    >>> print(changes[-1])
    ln(1 / (1 + exp(-z)))  ->  log_sigmoid(z)   (logarithms are taken inside, where nothing overflows)

    Raises TypeError for what is not a Value, StaleGraphError where a leaf was assigned since, ValueError for a domain
    that does not fit, ImportError without the extra `symbolic`.
    """
    patience = Patience("stabilising", "form", seconds)
    if hasattr(loss, "operands"):
        require_fresh(topological_order(loss))
        inputs: list[Any] = leaves(loss)
        if domain is None:
            return _at_the_point(loss, inputs, patience)
        return _result(_over(loss, inputs, checked(domain, [node.name for node in inputs]), patience), loss)
    if domain is None or not callable(loss):
        raise TypeError(f"only a Value can be stabilised, not {type(loss).__name__}"
                        + (": give a function a domain" if callable(loss) else ""))
    traced = recorded(loss, None, None)
    names = [node.name for node in leaves(traced)]
    ranges = checked(domain, names)
    starts = [Value(side[0] if isinstance(side, list) else between(*side), name) for side, name in zip(ranges, names)]
    judge = Judge(traced, leaves(traced))
    root = node_of(judge.start, dict(zip(judge.letters, starts)))
    return _result(_over(root, starts, ranges, patience), root)


def _at_the_point(root: Any, inputs: list[Any], patience: Patience) -> Stabilized:
    choice = in_parts(root, inputs, patience) if count(root) > LARGEST else \
        as_a_whole(root, inputs, [True] * len(inputs), patience)
    judge = choice.judge
    if choice.search is not None and (judge.bits(choice.form)[0] > [LUCK, *[2 * LUCK] * len(inputs)]).any():
        other = _over(root, inputs, ranges_around([node.data for node in inputs]), patience, choice.search)
        here = [weighed(judge.bits(form))[0] for form in (choice.form, other.form)]
        if here[1] < here[0] / 2 and not worse(judge, other.form)[0]:
            return _result(other, root)
    return _result(choice, root)


def _over(root: Any, inputs: list[Any], domain: list[Range], patience: Patience,
          search: Optional[Search] = None) -> Choice:
    judge = Judge(root, inputs)
    judge.add(drawn(domain, FIRST, 0))
    if not judge.points:
        return unchanged(judge)
    candidates: dict[Any, Candidate] = {}
    for found in (search, Search(judge, patience, SEARCH)):
        candidates.update(found.found if found is not None else {})
    for candidate in expansions(judge.start):
        candidates.setdefault(candidate.form, candidate)
    prices = {form: candidates[form].price for form in _promising(judge, candidates)}
    judge.add(drawn(domain, 2 * MORE, 1))
    axes = _axes(judge)
    with patience:
        for number in range(ROUNDS):
            if not patience.is_over:
                judge.add(_trials(judge, domain, _confirmed(judge, prices, axes, patience), number + 2))
    piece = _confirmed(judge, prices, axes, patience)
    used = tuple(dict.fromkeys(step for form in _pieces(piece) for step in candidates[form].steps))
    became = {} if type(piece) is Split else images(judge.start, used)
    return Choice(form_of(piece), used, judge, None, became)


def _promising(judge: Judge, candidates: Mapping[Any, Candidate]) -> list[Any]:
    """The forms that are good on the whole at the first points, and those that are best at one of them."""
    forms = list(candidates)
    costs = np.array([weighed(judge.bits(form)) + candidates[form].price for form in forms])
    order = costs.mean(axis=1).argsort()[:PROMISING].tolist()
    return [forms[place] for place in dict.fromkeys([0, *order, *costs.argmin(axis=0).tolist()])]


def _confirmed(judge: Judge, prices: Mapping[Any, float], axes: list[Form], patience: Patience) -> Piece:
    """The best pieces that balls have nothing against, in the time that there is."""
    while not patience.is_over:
        piece = Splitter(judge, prices, axes).best()[0]
        if not [form for form in _pieces(piece) if not judge.confirm(form)]:
            return piece
    known = {form: price for form, price in prices.items() if form is judge.start or judge.is_settled(form)}
    return Splitter(judge, known, axes).best()[0]


def _axes(judge: Judge) -> list[Form]:
    """What a domain may be split along: the leaves, their sizes, and where there are several, the parts of the form."""
    sides = [axis for letter in judge.letters for axis in (letter, spelled(absolute, [letter]))]
    inner = [part for part in judge.start.order if part.operation is not None] if len(judge.letters) > 1 else []
    return [*sides, *inner[:12]]


def _pieces(piece: Piece) -> list[Any]:
    return [*_pieces(piece.below), *_pieces(piece.above)] if type(piece) is Split else [piece]


def _trials(judge: Judge, domain: list[Range], piece: Piece, seed: int) -> list[tuple[float, ...]]:
    """New points of a domain: random ones, and some on the way across every split."""
    rng = random.Random(seed)
    trials = drawn(domain, MORE, seed)
    for split in piece.splits() if type(piece) is Split else ():
        numbers = judge.numbers(split.axis)
        below = numbers < between(*split.gap)
        low = judge.points[int(np.where(below, numbers, -np.inf).argmax())]
        high = judge.points[int(np.where(below, np.inf, numbers).argmin())]
        across = between_points(low, high, 8)
        letters = [part.key for part in split.axis.order if part.operation is None]
        trials += across
        if len(letters) == 1:
            place, = letters
            trials += [(*base[:place], step[place], *base[place + 1:])
                       for step, base in zip(across, rng.choices(judge.points, k=len(across)))]
    return [trial for trial in trials if contains(domain, trial)]


def _result(choice: Choice, root: Any) -> Stabilized:
    form, steps, judge, _, images = choice
    known = {judge.forms[id(node)]: node for node in topological_order(root)} | dict(zip(judge.letters, judge.leaves))
    alike: dict[Any, list[Step]] = {}
    for step in steps:
        alike.setdefault((step.why, _shape(step.before), _shape(step.after)), []).append(step)
    changes = [Change(same[0].why, node_of(same[0].before, known), node_of(same[0].after, known), len(same))
               for same in alike.values()]
    value = node_of(form, known) if type(form) is Form else Value(form)
    given = {id(node) for node in topological_order(root)}
    for node in topological_order(root):
        image = known.get(images.get(judge.forms[id(node)]))
        if node.name and image is not None and id(image) not in given and not image.name:
            image.name = node.name
    return Stabilized(value, changes, *_means(judge, form))


def _shape(form: Any) -> Any:
    return window(form, WINDOW)[0] if type(form) is Form and form.operation is not None else form


def _means(judge: Judge, form: Any) -> list[dict[str, float]]:
    names = ["value", *[node.name or f"input {place}" for place, node in enumerate(judge.leaves)]]
    return [dict(zip(names, map(float, bits.mean(axis=0)))) for bits in (judge.before, judge.bits(form))] \
        if judge.points else [{}, {}]


def _what(name: str) -> str:
    return "the value" if name == "value" else f"the gradient by {name}"


def _formula(node: Any) -> str:
    """A node's own formula in the names of its parts; of a node that has a name, what is behind the name."""
    return repr(node) if type(node) is float else text(node).splitlines()[-1]
