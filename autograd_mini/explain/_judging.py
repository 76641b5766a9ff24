"""How good a form is: its wrong bits in the value and in every slope, at points where balls know the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd_mini._core.graph import topological_order
from autograd_mini._core.value import Value
from autograd_mini.explain._ball import Ball, agree, applied, flint, number_of, precision
from autograd_mini.explain._replay import derivatives
from autograd_mini.explain._rewriting import Form, leaf, spelled
from autograd_mini.primitives import Primitive, div, mul, neg

NOISE = 3.0
"""Wrong bits that are ordinary rounding: 7 units in the last place."""

ROUNDED = 2.0 ** -50
"""How far, relatively, a form may be from the function that was given: as far as the coefficients of a short series."""

LUCK, NOTHING = 8.0, 48.0
"""Where more bits are wrong, they are noise, and 4 bits more or less are chance; where nothing is right to be lost."""


def forms_of(root: Any, leaves: Sequence[Any]) -> dict[int, Any]:
    """The form of every node of a graph, by its id; leaves are known by their position."""
    place = {id(node): number for number, node in enumerate(leaves)}
    forms: dict[int, Any] = {}
    for node in topological_order(root):
        forms[id(node)] = leaf(place[id(node)]) if not node.operands else \
            spelled(node.operation, [o if type(o) is float else forms[id(o)] for o in node.operands])
    return forms


def node_of(form: Any, known: dict[Form, Any]) -> Any:
    """The graph of a form; `known` holds nodes for its leaves, and is filled with what is made."""
    return form.read(_apply, known) if type(form) is Form else form


def _apply(primitive: Primitive, operands: Sequence[Any]) -> Any:
    inner = getattr(operands[0], "operation", None)
    if primitive is neg and inner in (mul, div):  # -a * b, as it is written by hand, is -(a * b) to the last bit
        first, second = operands[0].operands
        return _apply(inner, [-first, second])
    for operand in operands:
        if type(operand) is not float:
            return operand.apply(primitive, operands)
    return primitive.number(*operands)


def _in_balls(primitive: Primitive, operands: Sequence[Any]) -> Any:
    return applied(primitive, [number_of(o) if type(o) is float else o for o in operands])


class Judge:
    """Points, the true value and slopes there, and what a form gets wrong of them."""

    def __init__(self, root: Any, leaves: Sequence[Any]) -> None:
        self.root, self.leaves, self.forms = root, list(leaves), forms_of(root, leaves)
        self.start = self.forms[id(root)]
        self.letters = [leaf(place) for place in range(len(leaves))]
        self.points: list[tuple[float, ...]] = []
        self._order = topological_order(root)
        self._nodes: list[dict[Form, Any]] = []
        self._truths: list[list[float]] = []
        self._balls: list[Ball] = []
        self._refuted: dict[Any, list[bool]] = {}
        self._found: dict[Any, Any] = {}

    def add(self, points: Iterable[Sequence[float]]) -> None:
        """More points to judge at; those where the value is not proven to be a number are left out."""
        for point in points:
            at = {id(node): number for node, number in zip(self.leaves, point)}
            values, slopes = derivatives(self.root, at=at, needed=(self.root, *self.leaves))
            balls = [values[id(self.root)], *[slopes[id(node)] for node in self.leaves]]
            if balls[0].is_special() or not balls[0].is_proven():
                continue
            self.points.append(tuple(point))
            self._balls.append(balls[0])
            self._truths.append([float(ball) if ball.is_proven() else math.nan for ball in balls])
            self._nodes.append(self._replayed(point))

    def _replayed(self, point: Sequence[float]) -> dict[Form, Any]:
        """The graph as it was written, at another point, by the forms of its nodes."""
        made: dict[int, Any] = {id(node): Value(number) for node, number in zip(self.leaves, point)}
        for node in self._order:
            if node.operands:
                made[id(node)] = node.operation(*[o if type(o) is float else made[id(o)] for o in node.operands])
        letters = {letter: made[id(node)] for letter, node in zip(self.letters, self.leaves)}
        return {form: made[key] for key, form in self.forms.items() if type(form) is Form} | letters

    @property
    def before(self) -> Any:
        """Wrong bits of what was given."""
        return self.bits(self.start)

    def bits(self, form: Any) -> Any:
        """Wrong bits of the value and of every slope (columns) at every point (rows)."""
        done = self._found.get(form, np.empty((0, 1 + len(self.letters))))
        if len(done) < len(self.points):
            fresh = [_numbers(node_of(form, known), [known[letter] for letter in self.letters])
                     for known in self._nodes[len(done):]]
            done = self._found[form] = np.concatenate([done, self._wrong(fresh, self._truths[len(done):])])
        return done

    def confirm(self, form: Any) -> bool:
        """Whether balls find nothing new against a form: a point where it is another function, or undecided."""
        refuted = self._refuted.setdefault(form, [])
        fresh = [not self._agrees(form, place) for place in range(len(refuted), len(self.points))]
        refuted += fresh
        return not any(fresh)

    def is_settled(self, form: Any) -> bool:
        """Whether a form was compared at all points."""
        return len(self.refuted(form)) == len(self.points)

    def refuted(self, form: Any) -> list[bool]:
        """At which of the points that were tried balls exclude that a form is the function that was given."""
        return self._refuted.get(form, [])

    def _agrees(self, form: Any, place: int) -> bool:
        true = self._balls[place]
        for bits in (256, 2048):
            with precision(bits):
                known = {letter: flint.arb(number) for letter, number in zip(self.letters, self.points[place])}
                found = Ball(form.read(_in_balls, known) if type(form) is Form else number_of(form))
                if found.is_special():
                    return False
                if found.is_proven() or bits == 2048:
                    apart = abs(found.number - true.number)
                    return (agree(found, true) and found.is_proven()) or bool(apart <= abs(true.number) * ROUNDED)
        return False

    def numbers(self, form: Form) -> Any:
        """What a form is at every point, in floats."""
        made = [node_of(form, known) for known in self._nodes]
        return np.array([node if type(node) is float else node.data for node in made])

    def _wrong(self, rows: Sequence[Sequence[float]], truth: Sequence[Sequence[float]]) -> Any:
        """log2 of 1 + how many floats lie between what was found and the truth; 0 where that is undecided."""
        found, truths = np.array(rows), np.array(truth)
        (sizes, signs), (true_sizes, true_signs) = _ordinals(found), _ordinals(truths)
        apart = np.where(signs == true_signs, np.abs(sizes - true_sizes), sizes + true_sizes.astype(float))
        bits = np.log2(1.0 + apart)
        bits[np.isnan(found)] = 64.0
        bits[np.isnan(truths)] = 0.0
        return bits


def _ordinals(numbers: Any) -> tuple[Any, Any]:
    """The floats counted away from 0, and on which side of it."""
    return np.abs(numbers).view(np.int64), np.signbit(numbers)


def _numbers(node: Any, leaves: Sequence[Any]) -> list[float]:
    if type(node) is float:
        return [node, *[0.0] * len(leaves)]
    for one in leaves:
        one.grad = 0.0
    node.backward()
    return [node.data, *[one.grad for one in leaves]]


def weighed(bits: Any) -> Any:
    """The wrong bits at every point, where the slopes together weigh as much as the value."""
    return bits[:, 0] + (bits[:, 1:].mean(axis=1) if bits.shape[1] > 1 else 0.0)


def limits(judge: Judge) -> Any:
    """How many wrong bits a form may have: no more than before, but for rounding and the luck of lost digits."""
    before = judge.before
    return np.where(before > NOTHING, 64.0, np.maximum(before + np.where(before > LUCK, 4.0, 1.0), NOISE))


def worse(judge: Judge, form: Any, slack: float = 0.0) -> Any:
    """At which points a form is worse than what was given, in its value or a slope, or known to be another function."""
    lost = (judge.bits(form) > limits(judge) + slack).any(axis=1)
    refuted = judge.refuted(form)
    lost[:len(refuted)] |= np.array(refuted, dtype=bool)
    return lost


def cures(judge: Judge, form: Any, near: int) -> bool:
    """Whether a form is no worse than what was given at the first point, and next to it by less than it gains there.

    What gains sixty bits of an infinite sum may lose ten of a slope where the sum is finite: exp(a - b) does.
    """
    gained = float((judge.before - judge.bits(form))[0].max())
    return not worse(judge, form)[0] and not worse(judge, form, gained / 6)[:near].any() and judge.confirm(form)
