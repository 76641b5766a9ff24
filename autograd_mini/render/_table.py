"""The table of derivatives that every calculus course hands out, generated from the table of primitives.

The points of choice are found, not listed: where a derivative is infinite, or differs from left to right, the table
says what is promised there.
"""

from __future__ import annotations

import math
from typing import Iterator, NamedTuple

from autograd_mini.primitives import BUILT_IN, HELPERS, Primitive, number as evaluate_rule
from autograd_mini.render._derivatives import Term, derivative_of
from autograd_mini.render._formulas import Formulas, Written
from autograd_mini.render._numbers import short

_NEAR, _BRACES = 1e-7, str.maketrans("", "", "{}")
_POINTS: dict[int, list[tuple[float, ...]]] = {
    1: [(-1.0,), (0.0,), (1.0,)],
    2: [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.5), (0.0, 2.0), (-2.0, 3.0)]}

HEAD = """# The table of derivatives

Generated from the table of primitives by `autograd-mini table --format markdown`. The operands are a and b, the result
is y. Outside its domain a function and its derivatives are nan. The last column says what is promised at the points
where calculus leaves a choice, or where the derivative is infinite.

| function | meaning | derivative | domain | at special points |
| --- | --- | --- | --- | --- |
"""


class Entry(NamedTuple):
    """A primitive with its derivatives, one for each operand, written as text or in LaTeX."""

    name: str
    function: str
    derivatives: list[str]
    domain: str
    choices: list[str]


def derivative_table(latex: bool = False) -> list[Entry]:
    """Every built-in primitive that people call, in the order of the table.

    >>> [entry.derivatives for entry in derivative_table() if entry.name in ("mul", "sin", "ln", "sqrt")]
    [['b', 'a'], ['1 / a'], ['1 / (2 * y)'], ['cos(a)']]
    """
    return [_entry(row, latex) for row in BUILT_IN.values() if row.name not in HELPERS]


def _entry(row: Primitive, latex: bool) -> Entry:
    writer = Formulas([], latex)
    operands = [Written(letter, latex=latex) for letter in "abc"[:len(row.partials)]]
    function = writer.applied(row, operands).content
    if row.formula is not None:
        meaning = row.formula(*[Term(writer, operand) for operand in operands]).written.content
        if meaning.translate(_BRACES) != function.translate(_BRACES):
            function = f"{function} = {meaning}"
    y = Written("y", latex=latex)
    derivatives = [derivative_of(row, i, y, operands, writer).content for i in range(len(operands))]
    return Entry(row.name, function, derivatives, row.domain, list(_choices(row)))


def _choices(row: Primitive) -> Iterator[str]:
    """What is promised where a derivative is infinite, or jumps."""
    letters = "abc"
    for point in _POINTS.get(len(row.partials), []):
        promised = [_partial(row, slot, point) for slot in range(len(point))]
        if math.isnan(row.number(*point)) or not any(_is_special(row, slot, point) for slot in range(len(point))):
            continue
        place = ", ".join(f"{letter} = {short(x)}" for letter, x in zip(letters, point))
        yield f"{place}: {' and '.join(map(short, promised))}"


def _partial(row: Primitive, slot: int, point: tuple[float, ...]) -> float:
    rule = row.partials[slot]
    return 0.0 if rule is None else evaluate_rule(rule, row.number(*point), *point)


def _is_special(row: Primitive, slot: int, point: tuple[float, ...]) -> bool:
    if row.partials[slot] is None:
        return False
    here = _partial(row, slot, point)
    around = [_partial(row, slot, tuple(x + step * (i == moved) for i, x in enumerate(point)))
              for moved in range(len(point)) for step in (-_NEAR, _NEAR)]
    return not math.isfinite(here) or any(math.isfinite(near) and abs(near - here) > 1e-3 * max(1.0, abs(here))
                                          for near in around)


def markdown() -> str:
    """The page docs/table.md: the table with its formulas in LaTeX, as GitHub renders them."""
    lines = []
    for entry in derivative_table(latex=True):
        cells = [f"`{entry.name}`", _math(entry.function), ", ".join(map(_math, entry.derivatives)),
                 f"`{entry.domain}`" if entry.domain else "", "; ".join(entry.choices)]
        lines.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def _math(formula: str) -> str:
    return "$`" + formula.replace("|", r"\vert ") + "`$"
