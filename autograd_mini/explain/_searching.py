"""The search for a better form: rules and lowest terms tried at every part, the best few kept, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.explain._expanding import series_of
from autograd_mini.explain._judging import Judge, weighed
from autograd_mini.explain._logarithms import in_logarithms
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._polynomials import normal_forms, tidied
from autograd_mini.explain._rewriting import RULED, Form, kind_of

BEAM, ROUNDS, IN_VAIN = 8, 10, 3
LONGEST = 3
SIZE, STEP, ALGEBRA = 0.02, 0.02, 0.3
ALIKE = 2
LOWEST_TERMS, SERIES = "in lowest terms", "a short series near 0"
INSIDE = "logarithms are taken inside, where nothing overflows"


class Step(NamedTuple):
    why: str
    before: Any
    after: Any


class Candidate(NamedTuple):
    """A form, how it came about, what it costs at every point and on the whole."""

    form: Any
    steps: tuple[Step, ...]
    costs: Any
    price: float

    @property
    def score(self) -> float:
        """What it costs on the whole."""
        return float(self.costs.mean()) + self.price


class Search:
    """Forms of the same function, found from one of them, as they were met: {form: candidate}."""

    def __init__(self, judge: Judge, patience: Patience, seconds: float = 1.0) -> None:
        self.judge, self.patience = judge, patience
        self.found: dict[Any, Candidate] = {}
        self._moves: dict[Form, list[tuple[str, Any]]] = {}
        first = self._judged(judge.start, ())
        with patience:
            self._run(first, patience.ends_before(time.monotonic() + seconds))

    def _run(self, first: Candidate, end: float) -> None:
        beam, best, since = [first], first.score, 0
        became, taken = in_logarithms(first.form)
        if taken:
            steps = tuple(Step(INSIDE, part, became[part]) for part in taken)
            beam.append(self._judged(became[first.form], steps))
        rounded = first.form.is_rounded()
        largest = LONGEST * len(first.form.order) + 20
        for _ in range(ROUNDS):
            fresh = []
            for candidate in beam:
                for form, made in self._changed(candidate.form):
                    steps = (*candidate.steps, *made)
                    if form in self.found:
                        self._shortened(form, steps)
                    elif type(form) is not Form or (len(form.order) <= largest and form.is_rounded() <= rounded):
                        fresh.append(self._judged(form, steps))
                        self.patience.update()
                    if time.monotonic() > end:
                        return
            beam = self._kept(fresh)
            if not beam:
                return
            since = 0 if beam[0].score < best - 0.01 else since + 1
            best = min(best, beam[0].score)
            if since > IN_VAIN:
                return

    def _kept(self, fresh: list[Candidate]) -> list[Candidate]:
        """The best on the whole, then those that are best where the others are not."""
        alike: dict[bytes, list[Candidate]] = {}
        for candidate in fresh:
            if type(candidate.form) is Form:
                alike.setdefault(candidate.costs.tobytes(), []).append(candidate)
        fresh = [c for same in alike.values() for c in sorted(same, key=lambda c: c.score)[:ALIKE]]
        kept: list[Candidate] = []
        reached: Any = np.inf
        while fresh and len(kept) < BEAM:
            gains = [float(np.minimum(reached, c.costs).mean()) + 0.1 * c.score for c in fresh]
            kept.append(fresh.pop(gains.index(min(gains))))
            reached = np.minimum(reached, kept[-1].costs)
        return kept

    def _shortened(self, form: Any, steps: tuple[Step, ...]) -> None:
        """Another way to a form that was met before."""
        if _price(form, steps) < self.found[form].price:
            self.found[form] = self.found[form]._replace(steps=steps, price=_price(form, steps))

    def _judged(self, form: Any, steps: tuple[Step, ...]) -> Candidate:
        costs = weighed(self.judge.bits(form))
        candidate = self.found[form] = Candidate(form, steps, costs, _price(form, steps))
        return candidate

    def _changed(self, form: Form) -> Iterator[tuple[Any, list[Step]]]:
        """The form with one part changed by a rule, and with all of its parts that the rule fits."""
        alike: dict[str, list[Step]] = {}
        for part in form.order:
            if part.operation is None:
                continue
            if part not in self._moves:
                self._moves[part] = list(_moves(part))
            for why, after in self._moves[part]:
                yield form.replaced(part, after), [Step(why, part, after)]
            for why, after in reversed(self._moves[part]):
                alike.setdefault(why, []).append(Step(why, part, after))
        for steps in alike.values():
            made, changed = self._at_once(form, steps)
            if len(made) > 1:
                yield changed, made

    def _at_once(self, form: Any, steps: Sequence[Step]) -> tuple[list[Step], Any]:
        """The first change of every part that is still there after those before it."""
        made: dict[Form, Step] = {}
        for step in reversed(steps):
            if type(form) is Form and step.before not in made and step.before in form.order:
                form = form.replaced(step.before, step.after)
                made[step.before] = step
        return list(made.values()), form


def _moves(part: Form) -> Iterator[tuple[str, Any]]:
    for rule in RULED:
        for after in rule.applied(part):
            if after is not part:
                yield rule.why, tidied(after)
                yield rule.why, after
                if type(after) is Form:
                    for form in normal_forms(after):
                        yield rule.why, form
    if kind_of(part) is not None:
        for form in normal_forms(part):
            if form is not part:
                yield LOWEST_TERMS, form


def expansions(form: Form) -> Iterator[Candidate]:
    """The form with a short series around 0 for one of its parts that have one letter only."""
    for part in form.order:
        letters = [inner for inner in part.order if inner.operation is None]
        if part.operation is not None and len(letters) == 1:
            for series in series_of(part, letters[0]):
                expanded, step = form.replaced(part, series), Step(SERIES, part, series)
                yield Candidate(expanded, (step,), None, _price(expanded, (step,)))


def _price(form: Any, steps: Sequence[Step]) -> float:
    algebra = sum(step.why is LOWEST_TERMS and _size(step.after) > _size(step.before) / 2 for step in steps)
    return STEP * len(steps) + ALGEBRA * algebra + SIZE * _size(form)


def _size(form: Any) -> int:
    return len(form.order) if type(form) is Form else 0
