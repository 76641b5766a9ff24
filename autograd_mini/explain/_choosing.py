"""The form that is chosen at a point: of a small graph as a whole, of a large one in its parts.

The parts of a large graph are the same again and again. Logarithms are taken inside everywhere at once, then each
shape that is seen through a window of a few operations is searched once. What comes out is measured as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

from autograd_mini._core.graph import topological_order
from autograd_mini._core.value import Value
from autograd_mini.explain._domains import far, near
from autograd_mini.explain._judging import NOISE, Judge, cures, node_of, weighed, worse
from autograd_mini.explain._logarithms import in_logarithms
from autograd_mini.explain._patience import Patience
from autograd_mini.explain._rewriting import Form, filled, leaf, spelled, window
from autograd_mini.explain._searching import INSIDE, Search, Step

NEAR, FAR = 12, 24
"""Points next to the one that was given, and points of every usual size."""

NODES = 6_000
"""So many nodes of a large graph are computed at points next to the given one, at which its forms are measured."""

WINDOW, WINDOWS, DEEPEST = 9, 2.0, 20
"""Nodes of a window; seconds for all windows; how deep."""


class Choice(NamedTuple):
    """The form that was chosen, how it came about, who judged it, and what parts of the given form became."""

    form: Any
    steps: tuple[Step, ...]
    judge: Judge
    search: Optional[Search]
    images: Mapping[Form, Any]


def unchanged(judge: Judge) -> Choice:
    return Choice(judge.start, (), judge, None, {})


def as_a_whole(root: Any, inputs: list[Any], free: list[bool], patience: Patience, seconds: float = 1.0) -> Choice:
    """The best form at a point and around it: nowhere near worse than what was given, and better farther out."""
    point = [node.data for node in inputs]
    judge = Judge(root, inputs)
    judge.add(near(point, NEAR, 0))
    strict = len(judge.points)
    judge.add(far(point, FAR, 1, free))
    if not strict or (judge.before <= NOISE).all():
        return unchanged(judge)
    search = Search(judge, patience, seconds)

    def cost(form: Any) -> float:
        candidate = search.found[form]
        farther = candidate.costs[strict:] ** 2 / 64 + 6 * worse(judge, form)[strict:]
        elsewhere = farther.mean() if len(farther) else 0.0
        return candidate.price + float(candidate.costs[0] + candidate.costs[:strict].mean() + elsewhere)

    for form in sorted(search.found, key=cost):
        if cures(judge, form, strict):
            break
    steps = search.found[form].steps
    return Choice(form, steps, judge, search, images(judge.start, steps))


def images(start: Form, steps: Sequence[Step]) -> dict[Form, Any]:
    """What the parts of a form become by some replacements."""
    found: dict[Form, Any] = {part: part for part in start.order}
    for step in steps:
        found = {part: image.replaced(step.before, step.after) if type(image) is Form else image
                 for part, image in found.items()}
    return found


def in_parts(root: Any, inputs: list[Any], patience: Patience) -> Choice:
    """The best of what comes out where logarithms are taken inside, where windows are gone through, and after both."""
    order = topological_order(root)
    judge = Judge(root, inputs)
    judge.add(near([node.data for node in inputs], min(NEAR, NODES // len(order)), 0))
    start = judge.start
    if not judge.points or (judge.before <= NOISE).all():
        return unchanged(judge)
    known = {judge.forms[id(node)]: node for node in reversed(order)}
    became, taken = in_logarithms(start)
    found = [unchanged(judge), _windows(unchanged(judge), known, patience)]
    if taken and type(became[start]) is Form:
        node_of(became[start], known)
        steps = [Step(INSIDE, part, became[part]) for part in taken]
        found.append(Choice(became[start], tuple(steps), judge, None, became))
        found.append(_windows(found[-1], known, patience))
    for choice in sorted(found, key=lambda choice: float(weighed(judge.bits(choice.form)).mean())):
        if cures(judge, choice.form, len(judge.points)):
            return choice
    return unchanged(judge)


def _windows(given: Choice, known: dict[Form, Any], patience: Patience) -> Choice:
    """A form, from its leaves to its root, through a window of a few operations at a time.

    What is seen through a window is the same again and again in a large graph, so each shape is searched once.
    """
    end = patience.ends_before(time.monotonic() + WINDOWS)
    shapes: dict[Form, Optional[Choice]] = {}
    done: dict[Form, Any] = {form: form for form in given.form.order if form.operation is None}
    steps = list(given.steps)

    def settled(form: Any, depth: int) -> Any:
        for part in form.order if type(form) is Form else ():
            if part not in done:
                current = spelled(part.operation, [done[o] if type(o) is Form else o for o in part.operands])
                better = improved(current) if type(current) is Form and current not in done else current
                done[part] = better if better is current or depth > DEEPEST else settled(better, depth + 1)
        return done[form] if type(form) is Form else form

    def improved(form: Form) -> Any:
        choice: Optional[Choice]
        shape, behind = window(form, WINDOW)
        if shape not in shapes and time.monotonic() < end:
            numbers = [node_of(part, known) for part in behind]
            letters = [Value(number if type(number) is float else number.data) for number in numbers]
            free = [type(part) is Form and part.operation is None for part in behind]
            top = node_of(shape, {leaf(place): letter for place, letter in enumerate(letters)})
            choice = as_a_whole(top, letters, free, patience, 0.2)
            shapes[shape] = choice if _gain(choice) > 1.0 else None
        choice = shapes.get(shape)
        if choice is None:
            return form
        bound = dict(enumerate(behind))
        steps.extend(Step(step.why, filled(step.before, bound), filled(step.after, bound)) for step in choice.steps)
        return filled(choice.form, bound)

    form = settled(given.form, 0)
    became = {part: done.get(image, image) for part, image in given.images.items()} if given.images else done
    return given._replace(form=form, steps=tuple(steps), images=became)


def _gain(choice: Choice) -> float:
    """Bits that are right by the choice and were wrong before, at the point itself."""
    bits = [weighed(choice.judge.bits(form)) for form in (choice.judge.start, choice.form)]
    return float(bits[0][0] - bits[1][0]) if len(bits[0]) else 0.0
