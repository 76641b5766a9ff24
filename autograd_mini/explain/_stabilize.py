"""`stabilize`: the same function written so that it keeps its digits.

Rules suggest forms, balls know the truth, and what is chosen is what was measured: wrong bits in the value and in every
slope, at the point and around it, or over a stated domain. A form that is worse than what was given, in anything at any
point tried, is not taken.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._core.graph import count, leaves, require_fresh, topological_order
from autograd_mini._core.value import Value
from autograd_mini.explain._check import recorded
from autograd_mini.explain._domains import (
    Range,
    between_points,
    checked,
    contains,
    drawn,
    far,
    near,
    ranges_around,
)
from autograd_mini.explain._judging import LUCK, NOISE, Judge, forms_of, node_of, worse
from autograd_mini.explain._rewriting import Form, filled, leaf, spelled, window
from autograd_mini.explain._searching import Candidate, Search, Step, expansions
from autograd_mini.explain._splitting import Piece, Split, Splitter, between, form_of
from autograd_mini.primitives import abs as absolute
from autograd_mini.render._formulas import text

NEAR, FAR = 12, 24
"""Points next to the one that was given, and points of every usual size."""

FIRST, MORE, ROUNDS = 40, 24, 4
"""Points of a domain at first, and how many new ones a choice is tried at in each round."""

LARGEST, WINDOW, WINDOWS, DEEPEST = 60, 9, 2.0, 150
"""Nodes of a graph that is searched as a whole; of a window in a larger one; seconds for all windows; how deep."""


class Change(NamedTuple):
    """One form that was replaced: the node it was, the node it became, and why."""

    rule: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{_formula(self.before)}  ->  {_formula(self.after)}   ({self.rule})"


class Stabilized:
    """The rewritten graph, over the same leaves, and what was changed. Unpacks as `value, changes`.

    value     the root of the new graph
    changes   what was replaced on the way, in order
    before    {"value": bits, name of a leaf: bits}: how many of 64 bits were wrong, on the mean of all points tried
    after     the same of the new graph
    """

    def __init__(self, value: Any, changes: list[Change], before: dict[str, float], after: dict[str, float]) -> None:
        self.value, self.changes, self.before, self.after = value, changes, before, after

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.changes))

    def __str__(self) -> str:
        if not self.changes:
            return "nothing to change"
        return "\n".join([*map(str, self.changes), f"stable form: {text(self.value)}", *self.left()])

    def left(self) -> list[str]:
        """What the new form does not cure, in words."""
        lost = [_what(name) for name, bits in self.after.items() if bits > LUCK]
        return [f"it leaves digits of {', '.join(lost)} lost"] if lost else []

    __repr__ = __str__


def stabilize(loss: Any, domain: Optional[Mapping[str, Range]] = None) -> Stabilized:
    """The same function written so that it keeps its digits, over the same leaves.

    loss     a Value; or, with a domain, a function of numbers, which is recorded and may not branch on data
    domain   {name of a leaf: (low, high) or [numbers]}: where the new form has to be as good as the old one or better,
             in its value and in every slope. Without it, at the leaves' own numbers and around them.

    >>> from autograd_mini import Value, exp, ln
    >>> z = Value(-800.0, "z")
    >>> stable, changes = stabilize(-ln(1 / (1 + exp(-z))))
    >>> stable.backward(); stable.data, z.grad
    (800.0, -1.0)
    >>> print(changes[-1])
    ln(sigmoid(z))  ->  log_sigmoid(z)   (the logarithm of a sigmoid underflows)

    Raises TypeError for what is not a Value, StaleGraphError where a leaf was assigned since, ValueError for a domain
    that does not fit, ImportError without the extra `symbolic`.
    """
    if hasattr(loss, "operands"):
        require_fresh(topological_order(loss))
        inputs = leaves(loss)
        if domain is None:
            return (_at_the_point if count(loss) <= LARGEST else _in_windows)(loss, inputs)
        return _over(loss, inputs, checked(domain, [node.name for node in inputs]))
    if domain is None or not callable(loss):
        raise TypeError(f"only a Value can be stabilised, not {type(loss).__name__}"
                        + (": give a function a domain" if callable(loss) else ""))
    traced = recorded(loss, None, None)
    names = [node.name for node in leaves(traced)]
    ranges = checked(domain, names)
    starts = [Value(side[0] if isinstance(side, list) else between(*side), name) for side, name in zip(ranges, names)]
    judge = Judge(traced, leaves(traced))
    return _over(node_of(judge.start, dict(zip(judge.letters, starts))), starts, ranges)


def _at_the_point(root: Any, inputs: list[Any]) -> Stabilized:
    point = [node.data for node in inputs]
    choice = _chosen(root, inputs, [True] * len(inputs))
    judge = choice.judge
    if choice.search is not None and (judge.bits(choice.form)[0] > LUCK).any():
        split = _over(root, inputs, ranges_around(point), choice.search)
        if split.changes:
            return split
    return _result(judge, root, choice.steps, choice.form)


class _Choice(NamedTuple):
    """The form that was chosen at a point, how it came about, and who judged it."""

    form: Any
    steps: tuple[Step, ...]
    judge: Judge
    search: Optional[Search]


def _chosen(root: Any, inputs: list[Any], free: list[bool], seconds: float = 1.0) -> _Choice:
    """The best form at a point and around it: nowhere near worse than what was given, and better farther out."""
    point = [node.data for node in inputs]
    judge = Judge(root, inputs)
    judge.add(near(point, NEAR, 0))
    strict = len(judge.points)
    judge.add(far(point, FAR, 1, free))
    if not strict or (judge.before <= NOISE).all():
        return _Choice(judge.start, (), judge, None)
    search = Search(judge, seconds)

    def cost(form: Any) -> float:
        candidate = search.found[form]
        farther = candidate.costs[strict:] ** 2 / 64 + 6 * worse(judge, form)[strict:]
        return candidate.price + float(candidate.costs[:strict].mean() + (farther.mean() if len(farther) else 0.0))

    for form in sorted(search.found, key=cost):
        if not worse(judge, form)[:strict].any() and judge.confirm(form):
            break
    return _Choice(form, search.found[form].steps, judge, search)


def _in_windows(root: Any, inputs: list[Any]) -> Stabilized:
    """A large graph, from its leaves to its root, through a window of a few operations at a time.

    What is seen through a window is the same again and again in a large graph, so each shape is searched once.
    """
    forms = forms_of(root, inputs)
    known = {forms[id(node)]: node for node in reversed(topological_order(root)) if type(forms[id(node)]) is Form}
    end = time.monotonic() + WINDOWS
    shapes: dict[Form, Optional[_Choice]] = {}
    done: dict[Form, Any] = {form: form for form in known if form.operation is None}
    changes: list[Change] = []

    def settled(form: Any, depth: int) -> Any:
        for part in form.order if type(form) is Form else ():
            if part not in done:
                current = spelled(part.operation, [done[o] if type(o) is Form else o for o in part.operands])
                better = improved(current) if type(current) is Form and current not in done else current
                done[part] = better if better is current or depth > DEEPEST else settled(better, depth + 1)
        return done[form] if type(form) is Form else form

    def improved(form: Form) -> Any:
        shape, behind = window(form, WINDOW)
        if shape not in shapes and time.monotonic() < end:
            letters = [Value(node_of(part, known).data if type(part) is Form else part) for part in behind]
            free = [type(part) is Form and part.operation is None for part in behind]
            top = node_of(shape, {leaf(place): letter for place, letter in enumerate(letters)})
            shapes[shape] = _chosen(top, letters, free, 0.2)
        choice = shapes.get(shape)
        if choice is None or not choice.steps:
            return form
        bound = dict(enumerate(behind))
        for step in choice.steps:
            before, after = (node_of(filled(side, bound), known) for side in (step.before, step.after))
            changes.append(Change(step.why, before, after))
        return filled(choice.form, bound)

    return Stabilized(node_of(settled(forms[id(root)], 0), known), changes, {}, {})


def _over(root: Any, inputs: list[Any], domain: list[Range], search: Optional[Search] = None) -> Stabilized:
    judge = Judge(root, inputs)
    judge.add(drawn(domain, FIRST, 0))
    if not judge.points:
        return _result(judge, root, (), judge.start)
    candidates: dict[Any, Candidate] = {}
    for found in (search, Search(judge)):
        candidates.update(found.found if found is not None else {})
    for candidate in expansions(judge.start):
        candidates.setdefault(candidate.form, candidate)
    prices = {form: candidate.price for form, candidate in candidates.items()}
    judge.add(drawn(domain, 2 * MORE, 1))
    axes = _axes(judge)
    for number in range(ROUNDS):
        judge.add(_trials(judge, domain, _confirmed(judge, prices, axes), number + 2))
    piece = _confirmed(judge, prices, axes)
    used = dict.fromkeys(step for form in _pieces(piece) for step in candidates[form].steps)
    return _result(judge, root, tuple(used), form_of(piece))


def _confirmed(judge: Judge, prices: Mapping[Any, float], axes: list[Form]) -> Piece:
    """The best pieces that balls have nothing against."""
    while True:
        piece = Splitter(judge, prices, axes).best()[0]
        if not [form for form in _pieces(piece) if not judge.confirm(form)]:
            return piece


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


def _result(judge: Judge, root: Any, steps: tuple[Step, ...], form: Any) -> Stabilized:
    known = {judge.forms[id(node)]: node for node in topological_order(root)} | dict(zip(judge.letters, judge.leaves))
    changes = []
    for step in steps:
        before, after = node_of(step.before, known), node_of(step.after, known)
        changes.append(Change(step.why, before, after))
    return Stabilized(node_of(form, known), changes, *_means(judge, form))


def _means(judge: Judge, form: Any) -> list[dict[str, float]]:
    names = ["value", *[node.name or f"input {place}" for place, node in enumerate(judge.leaves)]]
    return [dict(zip(names, map(float, bits.mean(axis=0)))) for bits in (judge.before, judge.bits(form))] \
        if judge.points else [{}, {}]


def _what(name: str) -> str:
    return "the value" if name == "value" else f"the gradient by {name}"


def _formula(node: Any) -> str:
    """A node's own formula in the names of its parts; of a node that has a name, what is behind the name."""
    return repr(node) if type(node) is float else text(node).splitlines()[-1]
