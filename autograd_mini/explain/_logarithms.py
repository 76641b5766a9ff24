"""Logarithms taken inside: ln(a*b + c) is logaddexp(ln(a) + ln(b), ln(c)), and ln(exp(a)) is a.

Over many terms no rule of two parts is found by a window that sees a few of them, and none is needed: a probability
that over- or underflows is computed by its logarithm from its leaves to its root.
"""

from __future__ import annotations

from typing import Any

from autograd_mini._core.special import logsubexp
from autograd_mini.explain._rewriting import (
    PRODUCT,
    RULED,
    SUM,
    Form,
    Part,
    filled,
    joined,
    kind_of,
    leaf,
    parts,
    spelled,
)
from autograd_mini.primitives import (
    Primitive,
    div,
    exp,
    ln,
    log_sigmoid,
    logaddexp,
    mul,
    pow,
    sigmoid,
    sqrt,
    square,
)

LETTER = leaf("a")
KNOWN: dict[Primitive, Any] = {rule.pattern.operands[0].operation: rule.replacement for rule in RULED
                               if rule.pattern.operation is ln and rule.pattern.operands[0].operands == (LETTER,)}
"""The logarithm of a row of one letter, where a rule says it: {exp: a, sigmoid: log_sigmoid(a), ...}."""


def in_logarithms(form: Form) -> tuple[dict[Form, Any], list[Form]]:
    """What the parts of a form become where logarithms are taken inside and quotients by their logarithms; and which
    parts these logarithms and quotients are.
    """
    starts = [part.operands[0] for part in form.order if part.operation is ln]
    starts += [part for part in form.order if part.operation is div]
    logs = _Logarithms(starts)
    for part in form.order:
        logs.add(part)
    became = logs.plain[form]
    used = set(became.order) if type(became) is Form else {became}
    return logs.plain, [part for part in logs.taken if logs.plain[part] in used]


class _Logarithms:
    """What every part of a form becomes, and the logarithms of those whose logarithm is asked for."""

    def __init__(self, starts: list[Any]) -> None:
        self.plain: dict[Any, Any] = {}
        self.logs: dict[Any, Any] = {}
        self.sums: dict[tuple[Any, ...], Any] = {}
        self.terms: dict[Any, list[list[Any]]] = {}
        self.asked = _reached(starts)
        self.growing: set[Any] = set()
        self.taken: list[Form] = []

    def add(self, part: Form) -> None:
        if part in self.asked:
            if part.operation in KNOWN or any(inner in self.growing for _, inner in _inside(part)):
                self.growing.add(part)
            self.logs[part] = self._log(part)
        is_taken = part in self.growing if part.operation is div else \
            part.operation is ln and part.operands[0] in self.growing
        if is_taken:
            self.taken.append(part)
            self.plain[part] = _exponential(self.log(part)) if part.operation is div else self.log(part.operands[0])
        else:
            self.plain[part] = part if part.operation is None else \
                spelled(part.operation, [self._plain_of(operand) for operand in part.operands])

    def log(self, part: Any) -> Any:
        """The logarithm of a part, of which nothing is known as ln of what it became."""
        known = self.logs.get(part)
        if known is None:
            return 0.0 if part == 1.0 else spelled(ln, [self._plain_of(part)])
        return known

    def _log(self, part: Form) -> Any:
        if part not in self.growing:
            return None
        kind = kind_of(part)
        if kind is SUM:
            added, taken = self._terms(part, False), self._terms(part, True)
            if not added or not taken:
                return self._total(part, False, 0, len(added)) if added else None
            sides = [self._total(part, side, 0, len(given)) for side, given in ((False, added), (True, taken))]
            return spelled(logsubexp, sides)
        if kind is PRODUCT:
            return self._of_product(parts(part, PRODUCT))
        if part.operation in KNOWN:
            return filled(KNOWN[part.operation], {LETTER.key: self._plain_of(part.operands[0])})
        times = {sqrt: 0.5, square: 2.0}.get(part.operation) or self._plain_of(part.operands[1])
        return spelled(mul, [times, self.log(part.operands[0])])

    def _of_product(self, given: list[Part]) -> Any:
        """A sum of logarithms; of a share of a sum, the logarithm of a sigmoid."""
        above = [inner for inverse, inner in given if not inverse] or [1.0]
        terms: list[Part] = []
        for whole in [inner for inverse, inner in given if inverse]:
            summed = self._terms(whole, False)
            share = next((one for one in above if one in summed), None)
            if share is None or len(summed) < 2 or self._terms(whole, True):
                terms.append((True, self.log(whole)))
                continue
            above.remove(share)
            others = self._total(whole, False, 0, len(summed), summed.index(share))
            terms.append((False, spelled(log_sigmoid, [joined([(False, self.log(share)), (True, others)], SUM)])))
        return joined([*[(False, self.log(one)) for one in above], *terms], SUM)

    def _terms(self, whole: Any, taken: bool) -> list[Any]:
        """What is added in a sum, or taken away."""
        if whole not in self.terms:
            given = parts(whole, SUM)
            self.terms[whole] = [[inner for inverse, inner in given if inverse is side] for side in (False, True)]
        return self.terms[whole][taken]

    def _total(self, whole: Form, taken: bool, low: int, high: int, but: int = -1) -> Any:
        """The logarithm of the terms low to high of a sum, one left out: in halves, so that most are shared."""
        if high - low == 1:
            return self.log(self._terms(whole, taken)[low])
        but = but if low <= but < high else -1
        key = whole, taken, low, high, but
        if key not in self.sums:
            middle = (low + high) // 2
            halves = [(a, b) for a, b in ((low, middle), (middle, high)) if (a, b) != (but, but + 1)]
            totals = [self._total(whole, taken, a, b, but) for a, b in halves]
            self.sums[key] = spelled(logaddexp, totals) if len(totals) == 2 else totals[0]
        return self.sums[key]

    def _plain_of(self, operand: Any) -> Any:
        return self.plain.get(operand, operand)


def _reached(starts: list[Any]) -> set[Any]:
    """The parts whose logarithms are asked for in turn."""
    asked: set[Any] = set()
    pending = starts
    while pending:
        part = pending.pop()
        if part not in asked and type(part) is Form:
            asked.add(part)
            pending.extend(inner for _, inner in _inside(part))
    return asked


def _inside(part: Form) -> list[Part]:
    """The parts of sums and products, and what stands under a power."""
    kind = kind_of(part)
    if kind is not None:
        return parts(part, kind)
    return [(False, part.operands[0])] if part.operation in (pow, sqrt, square) else []


def _exponential(log: Any) -> Any:
    if type(log) is Form and log.operation is log_sigmoid:
        return spelled(sigmoid, log.operands)
    return spelled(exp, [log])
