"""`diagnose`: the doctor. Which node first went wrong, how many digits were lost, and what to write instead.

The graph is replayed in balls, with as many digits as cancellation in it takes. Every value and every gradient is
compared with its proven counterpart, so a lost digit is a measured one; what stays undecided is said to be so. From a
bad result, the doctor walks back through the bad operands to the node whose own operands are still good: that is where
it happened.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from autograd_mini._body import calculus
from autograd_mini._core.graph import count, is_node, require_fresh, topological_order
from autograd_mini._core.value import Value
from autograd_mini.explain._ball import Ball, relative_error
from autograd_mini.explain._formulas import short
from autograd_mini.explain._replay import derivatives
from autograd_mini.explain._stabilize import LONGEST, Stabilized, stabilize
from autograd_mini.render._formulas import text

FULL = 16.0
"""Digits of a float: so many are lost where nothing of the true number is left."""

TROUBLE = 4.0
"""More lost digits than ordinary rounding explains."""

TRACE = 1.5
"""Lost digits in an operand that are followed back, once a result is in trouble."""

_BEYOND, _SUBNORMAL = 1024.0, -1022.0
"""log2 of where the range of floats ends, and of where their digits do."""

CURED = 4.0
"""A form may leave so many of 16 digits lost and still be called a cure."""


class Trouble(NamedTuple):
    """One thing that went wrong: in the value or the gradient at `node`, of what kind, and how it spread from there."""

    what: str
    kind: str
    node: Any
    reason: str
    source: Optional[tuple[str, int]]
    spread: list[Any]


class Diagnosis:
    """What `diagnose` found. True where nothing is wrong; prints as a table and in words.

    troubles   what went wrong, that of the value before that of the gradients
    """

    def __init__(self, root: Any, wrt: Sequence[Any], exact: tuple[Mapping[int, Any], Mapping[int, Any]],
                 lost: tuple[Mapping[int, float], Mapping[int, float]], gradients: Mapping[int, float],
                 troubles: list[Trouble]) -> None:
        self.root, self.wrt, self.troubles = root, list(wrt), troubles
        self._values, self._slopes = exact
        self._lost_values, self._lost_gradients = lost
        self._gradients = gradients

    @cached_property
    def stabilized(self) -> Stabilized:
        """The stable form of the graph, with what was changed; searched for when it is first asked for."""
        return stabilize(self.root)

    @property
    def ok(self) -> bool:
        """Whether the value and the gradients asked for have their digits."""
        return not self.troubles

    def __bool__(self) -> bool:
        return self.ok

    def digits_lost(self, node: Any) -> float:
        """Digits lost in a node's value, 0 to 16, and 0 where that is undecided.

        `draw(loss, color=diagnosis.digits_lost)` colours by them.
        """
        return self._lost_values[id(node)]

    def gradient_digits_lost(self, node: Any) -> float:
        """Digits lost in the gradient by a node, 0 to 16."""
        return self._lost_gradients[id(node)]

    def exact(self, node: Any) -> Any:
        """The true value of a node, a ball: float() and str() of it are proven, or it says that it is undecided."""
        return self._values[id(node)]

    def exact_gradient(self, node: Any) -> Any:
        """The true derivative of the result by a node, a ball too."""
        return self._slopes[id(node)]

    def __str__(self) -> str:
        from autograd_mini.explain._report import Case, Report

        root = self.root
        cases = [Case(("value", short(root.data), str(self._values[id(root)]), _lost(self._lost_values[id(root)])),
                      _good(root.data, self._lost_values[id(root)]))]
        cases += [Case((f"gradient by {_name(node)}", short(self._gradients[id(node)]), str(self._slopes[id(node)]),
                        _lost(self._lost_gradients[id(node)])),
                       _good(self._gradients[id(node)], self._lost_gradients[id(node)])) for node in self.wrt]
        words = [line for trouble in self.troubles for line in _in_words(trouble)]
        undecided = [what for what, ball in self._asked() if not ball.is_proven()]
        if undecided:
            words.append(f"undecided, whatever the precision: {', '.join(undecided)}")
        if self.troubles and self.stabilized.changes:
            words += self._measured_remedy()
        return str(Report("diagnose", ("what", "found", "true", "digits lost"), cases, words))

    __repr__ = __str__

    def _asked(self) -> list[tuple[str, Ball]]:
        return [("value", self._values[id(self.root)]),
                *[(f"gradient by {_name(node)}", self._slopes[id(node)]) for node in self.wrt]]

    def _measured_remedy(self) -> list[str]:
        """The stable form, with what it leaves lost; nothing where it cures nothing, or ruins what was right."""
        form = self.stabilized.value
        found = calculus.gradients(form)
        leaves = [node for node in self.wrt if not node.operands]
        value = _lost_digits(form.data, self._values[id(self.root)])
        slopes = [_lost_digits(found.get(id(node), 0.0), self._slopes[id(node)]) for node in leaves]
        before = [self._lost_values[id(self.root)], *[self._lost_gradients[id(node)] for node in leaves]]
        gains = [old - new for old, new in zip(before, [value, *slopes])]
        if max(gains) < 1.0 or min(gains) < -1.0:
            return []
        left = [("the value", value), *[(f"the gradient by {_name(node)}", lost) for node, lost in zip(leaves, slopes)]]
        uncured = [what for what, lost in left if lost > CURED]
        remark = [f"tried here, it leaves digits of {', '.join(uncured)} lost"] if uncured else []
        is_short = count(form) <= LONGEST
        remedy = text(form).splitlines() if is_short else self.stabilized.listed()
        return [*remark, "write instead", *[f"  {line}" for line in remedy]]


def diagnose(loss: Value, wrt: Optional[Sequence[Value]] = None) -> Diagnosis:
    """Compare a graph and its gradients with proven numbers, and find where digits were lost.

    `wrt` holds the nodes whose gradients are to be judged; by default all leaves. Built inside `with record_source():`,
    the graph also knows the line of code to blame.

    >>> from autograd_mini import Value, exp, ln
    >>> z = Value(40.0, "z"); a = 1 / (1 + exp(-z)); a.name = "a"
    >>> diagnosis = diagnose(-ln(1 - a))
    >>> diagnosis.ok, diagnosis.troubles[0].kind
    (False, 'cancelled')
    >>> diagnosis.stabilized.value.data
    40.0

    Raises TypeError for what is not a Value, StaleGraphError where a leaf was assigned since.
    """
    if not hasattr(loss, "operands"):
        raise TypeError(f"only a Value can be diagnosed, not {type(loss).__name__}")
    order = topological_order(loss)
    require_fresh(order)
    targets = [node for node in order if not node.operands] if wrt is None else \
        list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    outside = [node for node in targets if all(node is not other for other in order)] if wrt is not None else []
    if outside:
        raise ValueError(f"the result does not depend on {outside[0]!r}")
    values, slopes = derivatives(loss)
    found = calculus.gradients(loss)
    lost_values = {id(node): _lost_digits(node.data, values[id(node)]) for node in order}
    lost_gradients = {id(node): _lost_digits(found[id(node)], slopes[id(node)]) for node in order}
    troubles = []
    if not _good(loss.data, lost_values[id(loss)]):
        troubles.append(_trouble_in_value(loss, values, lost_values))
    bad = [node for node in targets if not _good(found[id(node)], lost_gradients[id(node)])]
    if bad:
        worst = max(bad, key=lambda n: lost_gradients[id(n)])
        troubles.append(_trouble_in_gradient(worst, order, values, lost_values, found, lost_gradients, slopes))
    lost = lost_values, lost_gradients
    return Diagnosis(loss, targets, (values, slopes), lost, found, troubles)


def _lost_digits(found: float, true: Ball) -> float:
    """How many of a float's 16 digits are wrong; 0 where the truth is undecided."""
    size = true.log2()
    if not true.is_proven() or found == true.number:
        return 0.0
    if size >= _BEYOND and math.isinf(found) and not true.is_special():
        return 0.0 if (found > 0) == (true.number > 0) else FULL
    if size < _SUBNORMAL and abs(found) <= 2.0 ** -1021:
        return 0.0  # below the range of floats: nothing a float could have held
    return min(FULL, max(0.0, FULL + relative_error(found, true) * math.log10(2)))


def _good(found: float, lost: float) -> bool:
    return math.isfinite(found) and lost <= TROUBLE


def _trouble_in_value(root: Any, values: Mapping[int, Any], lost: Mapping[int, float]) -> Trouble:
    """Back from a bad result through bad operands, to the node whose operands are good."""
    node, spread = root, [root]
    while True:
        worse = [o for o in node.operands if is_node(o)
                 and (not math.isfinite(o.data) or lost[id(o)] > TRACE or _vanished(o, values))]
        if not worse:
            break
        node = max(worse, key=lambda o: (not math.isfinite(o.data), lost[id(o)]))
        spread.append(node)
    kind, reason = _cause(node, values, lost)
    return Trouble("value", kind, node, reason, _source(node), spread[::-1])


def _vanished(node: Any, values: Mapping[int, Any]) -> bool:
    """Whether a number that is not 0 became 0 because floats end at 5e-324."""
    return bool(node.data == 0 and not _is_zero(values[id(node)]) and node.operands)


def _is_zero(ball: Ball) -> bool:
    """Whether a ball can be 0."""
    return not ball.is_special() and bool(ball.number.contains(0))


def _trouble_in_gradient(node: Any, order: Sequence[Any], values: Mapping[int, Any], lost_values: Mapping[int, float],
                         gradients: Mapping[int, float], lost: Mapping[int, float],
                         slopes: Mapping[int, Any]) -> Trouble:
    """Back up the chain rule from a bad gradient to the first step that is bad though its own input is good."""
    users: dict[int, list[tuple[Any, int]]] = {}
    for user in order:
        for place, operand in enumerate(user.operands):
            if is_node(operand):
                users.setdefault(id(operand), []).append((user, place))
    spread = [node]
    while True:
        reached = [user for user, _ in users.get(id(node), []) if not _is_zero(slopes[id(user)])]
        worse = [user for user in reached if not _good(gradients[id(user)], lost[id(user)])]
        if not worse:
            break
        node = max(worse, key=lambda user: (not math.isfinite(gradients[id(user)]), lost[id(user)]))
        spread.append(node)
    for user, place in users.get(id(node), []):
        operands = [o for o in (user, *user.operands) if is_node(o)]
        if _is_zero(slopes[id(user)]):
            continue
        if not math.isfinite(user.partials[place]):
            bad = next((o for o in operands if not _good(o.data, lost_values[id(o)]) or _vanished(o, values)), None)
            if bad is None:
                reason = f"the derivative of {_what(user)} is {user.partials[place]} there"
                return Trouble("gradient", "infinite", user, reason, _source(user), spread[::-1])
            cause = _trouble_in_value(bad, values, lost_values)
            reason = f"the derivative of {_what(user)} is {user.partials[place]}: {cause.reason}"
            return cause._replace(what="gradient", reason=reason, spread=spread[::-1])
        bad = next((o for o in operands if lost_values[id(o)] > TROUBLE), None)
        if bad is not None:
            return _trouble_in_value(bad, values, lost_values)._replace(what="gradient", spread=spread[::-1])
    paths = len(users.get(id(node), []))
    reason = f"the {paths} terms of the gradient by {_what(node)} nearly cancel" if paths > 1 else \
        f"the product of the chain rule at {_what(node)} leaves the range of floats"
    return Trouble("gradient", "cancelled" if paths > 1 else "overflowed", node, reason, _source(node), spread[::-1])


def _cause(node: Any, values: Mapping[int, Any], lost: Mapping[int, float]) -> tuple[str, str]:
    """What went wrong at a node whose operands are good."""
    true = values[id(node)]
    numbers = [o.data if is_node(o) else o for o in node.operands]
    shown = _what(node)
    if not node.operands:
        return "given", f"{shown} was given as {node.data}"
    if node.data != node.data:
        if any(map(math.isinf, numbers)):
            return "made a nan", f"{shown} is an indefinite form of {', '.join(map(repr, numbers))}"
        return "made a nan", f"{shown} is outside its domain at {', '.join(map(short, numbers))}"
    if math.isinf(node.data):
        if true.is_special() or true.log2() < _BEYOND:
            return ("divided by zero" if "!= 0" in node.operation.domain else "infinite"), \
                f"{shown} is infinite at {', '.join(map(short, numbers))}"
        return "overflowed", f"{shown} is {true}, beyond the range of floats (1.8e308)"
    if _vanished(node, values) and true.log2() < _SUBNORMAL:
        return "underflowed", f"{shown} is {true}, below the range of floats (4.9e-324)"
    is_a_sum = len(numbers) == 2 and {abs(slope) for slope in node.partials if slope is not None} == {1.0}
    if is_a_sum and abs(node.data) < 0.1 * max(map(abs, numbers)):
        saturated = next((o for o in node.operands if is_node(o) and abs(o.data) == abs(_other(node, o))
                          and relative_error(o.data, values[id(o)]) > -math.inf), None)
        if node.data == 0 and saturated is not None:
            return "cancelled", (f"{shown} is 0 but should be {true}: {_what(saturated)} is saturated, "
                                 f"it rounded to {saturated.data!r}")
        return "cancelled", (f"{shown} is the difference of {abs(numbers[0])!r} and {abs(numbers[1])!r}: "
                             f"{lost[id(node)]:.0f} digits cancel")
    return "ill-conditioned", f"{shown} magnifies the rounding of its operand by 1e{lost[id(node)]:.0f}"


def _other(node: Any, operand: Any) -> float:
    a, b = node.operands
    other = b if operand is a else a
    return other.data if is_node(other) else other


def _name(node: Any) -> str:
    return node.name or f"an input that is {short(node.data)}"


def _what(node: Any) -> str:
    """A node as a reader would point at it."""
    if not node.operands:
        return _name(node)
    formula = text(node).splitlines()[-1] if len(topological_order(node)) <= 200 else f"{node.operation.name}(...)"
    formula = formula if len(formula) <= 60 else f"{node.operation.name}(...)"
    return f"{node.name} = {formula}" if node.name else formula


def _source(node: Any) -> Optional[tuple[str, int]]:
    return node.note.source if node.note is not None else None


def _lost(lost: float) -> str:
    return "all" if lost >= FULL else f"{lost:.0f}"


def _in_words(trouble: Trouble) -> list[str]:
    lines = [f"{trouble.what}: {trouble.kind}: {trouble.reason}"]
    if trouble.node.note is not None and trouble.node.note.place:
        lines.append(f"  written on {trouble.node.note.place}")
    if len(trouble.spread) > 1:
        steps = [_what(node) for node in trouble.spread]
        shown = steps if len(steps) <= 6 else [*steps[:3], "...", *steps[-2:]]
        lines.append("  from there: " + "  ->  ".join(shown))
    return lines
