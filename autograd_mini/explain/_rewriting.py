"""Formulas as values that can be compared, taken apart and put together: what rewriting stands on.

A `Form` is one more reading of the table. Equal forms are the same object, and every form is written in one spelling
(`_rules.SPELLINGS`), so that a rule has to be said once. A pattern is a form whose leaves are letters. Sums and
products match in any order, with any part left over, and with the other sign or upside down as well.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Optional

from autograd_mini._core.expression import evaluate
from autograd_mini._core.graph import topological_order
from autograd_mini.explain._rules import RULES, SPELLINGS
from autograd_mini.primitives import Operators, Primitive, add, div, mul, neg, reciprocal, sqrt, square, sub

EXACT = frozenset({add, sub, mul, div, neg, square, reciprocal})
"""Rows whose value on fractions is a fraction."""

NUMBERS = frozenset("mn")
"""Letters of a pattern that stand for numbers only."""

COMMON = frozenset({0.0, 1.0, 2.0, -1.0, 0.5})
"""Numbers that belong to the shape of a form; others stand in it as they come."""

Part = tuple[bool, Any]
Bindings = dict[Any, Any]


class Form(Operators):
    """A formula: a row of forms and floats, or a leaf, which is known by its key. Equal forms are identical."""

    __slots__ = ("operation", "operands", "key", "_order", "__weakref__")
    operation: Any
    operands: tuple[Any, ...]
    key: Any
    _order: Any

    def __new__(cls, operation: Optional[Primitive], operands: tuple[Any, ...] = (), key: Any = None) -> Form:
        known = _known.get((operation, operands, key))
        if known is None:
            known = super().__new__(cls)
            known.operation, known.operands, known.key, known._order = operation, operands, key, None
            _known[operation, operands, key] = known
        return known

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        return spelled(primitive, [o if type(o) is Form else float(o) for o in operands])

    @property
    def order(self) -> list[Form]:
        """All forms in this one, operands first."""
        if self._order is None:
            self._order = topological_order(self)
        found: list[Form] = self._order
        return found

    def read(self, apply: Callable[[Primitive, list[Any]], Any], known: dict[Form, Any]) -> Any:
        """This form in another reading; `known` holds what its leaves are, and is filled with what its parts are."""
        for form in self.order:
            if form not in known:
                known[form] = apply(form.operation, [known[o] if type(o) is Form else o for o in form.operands])
        return known[self]

    def is_rounded(self) -> bool:
        """Whether a part is made of numbers only, which a graph rounds."""
        return any(part.operands and all(type(o) is float for o in part.operands) for part in self.order)

    def replaced(self, part: Form, by: Any) -> Any:
        """This form with another part in the place of one, wherever it stands."""
        return self.read(spelled, {leaf: leaf for leaf in self.order if leaf.operation is None} | {part: by})


_known: Any = weakref.WeakValueDictionary()


def leaf(key: Any) -> Form:
    return Form(None, (), key)


# One spelling ---------------------------------------------------------------------------------------------------------


def spelled(primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A row of forms and floats, in the spelling of all forms; numbers are folded where nothing is rounded."""
    if all(type(o) is float for o in operands):
        folded = _folded(primitive, operands)
        if folded is not None:
            return folded
    form = Form(primitive, tuple(operands))
    for pattern, replacement in _spellings.get(primitive, ()):
        for bound in _literally(pattern, form, {}):
            return filled(replacement, bound)
    return form


def _folded(primitive: Primitive, operands: Sequence[float]) -> Optional[float]:
    if primitive not in EXACT:
        number = primitive.number(*operands)
        square_root = primitive is sqrt and number * number == operands[0] and number.is_integer()
        return number if square_root or {number, *operands} <= {0.0, 1.0} else None
    try:
        exact = primitive.value(*map(Fraction, operands))
        return float(exact) if Fraction(float(exact)) == exact else None
    except (OverflowError, ValueError, ZeroDivisionError):
        return None


def _literally(pattern: Any, form: Any, bound: Bindings) -> Iterator[Bindings]:
    """The same as `matches`, with operands as they stand."""
    if type(pattern) is float or pattern.operation is None:
        yield from _matches_leaf(pattern, form, bound)
    elif type(form) is Form and form.operation is pattern.operation:
        found = [bound]
        for inner, operand in zip(pattern.operands, form.operands):
            found = [better for earlier in found for better in _literally(inner, operand, earlier)]
        yield from found


def filled(replacement: Any, bound: Bindings) -> Any:
    """A replacement with forms in the places of its letters."""
    if type(replacement) is float:
        return replacement
    letters = {form: bound[form.key] for form in replacement.order if form.operation is None}
    return replacement.read(spelled, letters)


def _operands_first(form: Form, inside: Mapping[Form, Any]) -> list[Form]:
    order: dict[Form, None] = {}
    pending = [(form, False)]
    while pending:
        part, finished = pending.pop()
        if finished:
            order[part] = None
        elif part in inside and part not in order:
            pending.append((part, True))
            pending.extend((o, False) for o in reversed(part.operands) if type(o) is Form)
    return list(order)


def window(form: Form, size: int) -> tuple[Form, list[Any]]:
    """The top of a form, of so many operations, over leaves 0, 1, ...; and what stands behind each of these leaves."""
    inside: dict[Form, None] = {}
    pending = [form]
    while pending and len(inside) < size:
        part = pending.pop(0)
        if part.operation is not None and part not in inside:
            inside[part] = None
            pending.extend(operand for operand in part.operands if type(operand) is Form)
    behind: dict[Any, Form] = {}
    known: dict[Form, Any] = {}

    def seen(operand: Any) -> Any:
        if operand in known or (type(operand) is float and operand in COMMON):
            return known.get(operand, operand)
        return behind.setdefault(operand, leaf(len(behind)))

    for part in _operands_first(form, inside):
        known[part] = spelled(part.operation, [seen(operand) for operand in part.operands])
    return known[form], list(behind)


# Matching -------------------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """Sums or products: what joins their parts, what joins an inverse part, what inverts, and the neutral number."""

    join: Primitive
    join_inverse: Primitive
    invert: Callable[[Any], Any]
    neutral: float


SUM = Kind(add, sub, lambda form: spelled(neg, [form]), 0.0)
PRODUCT = Kind(mul, div, lambda form: spelled(div, [1.0, form]), 1.0)
KIND = {add: SUM, sub: SUM, neg: SUM, mul: PRODUCT, div: PRODUCT}


def kind_of(form: Any) -> Optional[Kind]:
    return KIND.get(form.operation) if type(form) is Form else None


def parts(form: Any, kind: Kind) -> list[Part]:
    """The (is it inverse, part) of a sum or product; numbers of a sum are positive."""
    found: list[Part] = []
    pending = [(False, form)]
    while pending:
        inverse, part = pending.pop()
        if kind_of(part) is kind:
            turned = len(part.operands) == 1 or part.operation is kind.join_inverse
            pending.append((inverse != turned, part.operands[-1]))
            if len(part.operands) == 2:
                pending.append((inverse, part.operands[0]))
        elif type(part) is float and kind is SUM and part < 0:
            found.append((not inverse, -part))
        else:
            found.append((inverse, part))
    return found


def joined(given: Sequence[Part], kind: Kind) -> Any:
    """The sum or product of some parts."""
    ordered = sorted(given, key=lambda part: part[0])
    if not ordered:
        return kind.neutral
    total = kind.invert(ordered[0][1]) if ordered[0][0] else ordered[0][1]
    for inverse, part in ordered[1:]:
        total = spelled(kind.join_inverse if inverse else kind.join, [total, part])
    return total


def matches(pattern: Any, form: Any, bound: Bindings) -> Iterator[Bindings]:
    """The ways in which a form is what a pattern says, given what some letters stand for."""
    if type(pattern) is float or pattern.operation is None:
        yield from _matches_leaf(pattern, form, bound)
        return
    kind = kind_of(pattern)
    if kind is not None:
        for found, _ in _assigned(parts(pattern, kind), parts(form, kind), kind, bound, True):
            yield found
    elif type(form) is Form and form.operation is pattern.operation:
        first, *last = pattern.operands
        for found in matches(first, form.operands[0], bound):
            yield from matches(last[0], form.operands[1], found) if last else (found,)


def _matches_leaf(pattern: Any, form: Any, bound: Bindings) -> Iterator[Bindings]:
    if type(pattern) is float:
        if type(form) is float and form == pattern:
            yield bound
    elif pattern.key in bound:
        if bound[pattern.key] is form or (type(form) is float and bound[pattern.key] == form):
            yield bound
    elif pattern.key not in NUMBERS or type(form) is float:
        yield {**bound, pattern.key: form}


def _assigned(wanted: Sequence[Part], given: Sequence[Part], kind: Kind, bound: Bindings,
              whole: bool) -> Iterator[tuple[Bindings, list[Part]]]:
    """The ways to find the parts of a pattern among given ones, with what is left, which is nothing of a `whole`."""
    if not wanted:
        if not (whole and given):
            yield bound, list(given)
        return
    (inverse, pattern), *others = wanted
    free = type(pattern) is Form and pattern.operation is None and pattern.key not in bound \
        and pattern.key not in NUMBERS
    if free and not others and len(given) > 1:
        rest = joined(given, kind)
        yield {**bound, pattern.key: kind.invert(rest) if inverse else rest}, []
        if whole:
            return
    for place, (turned, part) in enumerate(given):
        if turned != inverse and (not free or kind is PRODUCT):
            continue
        wanted_part = part if turned == inverse else kind.invert(part)
        for found in matches(pattern, wanted_part, bound):
            yield from _assigned(others, [*given[:place], *given[place + 1:]], kind, found, whole)


class Rule(NamedTuple):
    """Why, and the pattern and its replacement."""

    why: str
    pattern: Form
    replacement: Any

    def applied(self, form: Form) -> Iterator[Any]:
        """What a form becomes by this rule, in every way in which it matches."""
        kind = kind_of(self.pattern)
        if kind is None:
            for bound in matches(self.pattern, form, {}):
                yield filled(self.replacement, bound)
        elif kind_of(form) is kind:
            given, wanted = parts(form, kind), _structured_first(parts(self.pattern, kind))
            if len(given) < len(wanted):
                return
            for turned in (False, True):
                turned_parts = [(inverse != turned, part) for inverse, part in given]
                for bound, rest in _assigned(wanted, turned_parts, kind, {}, False):
                    total = joined([*rest, *parts(filled(self.replacement, bound), kind)], kind)
                    yield kind.invert(total) if turned else total


def _structured_first(given: Sequence[Part]) -> list[Part]:
    return sorted(given, key=lambda part: type(part[1]) is Form and part[1].operation is None)


def _read(text: str) -> Any:
    names = {letter: leaf(letter) for letter in "abcdmnxyz"}
    return evaluate(text, names)


_spellings: dict[Primitive, list[tuple[Any, Any]]] = {}


def _spell() -> dict[Primitive, list[tuple[Any, Any]]]:
    found: dict[Primitive, list[tuple[Any, Any]]] = {}
    for line in SPELLINGS.strip().splitlines():
        pattern, replacement = map(_read, line.split("|"))
        found.setdefault(pattern.operation, []).append((pattern, replacement))
    return found


_spellings.update(_spell())


def _ruled() -> list[Rule]:
    lines: list[Sequence[str]] = [line.split("|") for line in RULES.strip().splitlines()]
    return [Rule(why.strip(), _read(pattern), _read(replacement)) for why, pattern, replacement in lines]


RULED: list[Rule] = _ruled()
