"""What `help` says of a row's function: all of it is read off the row."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from autograd_mini._core.rows import Primitive
from autograd_mini.render._derivatives import Term, derivative_of
from autograd_mini.render._formulas import Formulas, Written

_WIDTH, _LABEL, _LONGEST = 75, 15, 200


def documentation(row: Primitive, function: Callable[..., Any]) -> str:
    """The docstring of the function of a row: meaning, formula, derivatives, domain, accuracy and an example."""
    writer = Formulas([])
    operands = [Written(name) for name in row.operand_names()]
    call = f"{row.name}({', '.join(name.content for name in operands)})"
    formula = _formula(row, writer, operands)
    head = call + (f" = {formula}" if formula and formula != call else "")
    lines = [f"{head}: {row.meaning or _own_meaning(row)}", ""]
    for place, operand in enumerate(operands):
        by = f" by {operand.content}" if len(operands) > 1 else ""
        lines.append(_entry(f"derivative{by}", _derivative(row, place, operands, writer)))
    if any(re.search(r"\by\b", line) for line in lines[2:]):
        lines.append(_entry("", "where y is the result"))
    if row.domain or row.index >= 0:
        lines.append(_entry("domain", row.domain + "; nan elsewhere" if row.domain else "all real numbers"))
    lines += [_entry("accuracy", accuracy) for accuracy in _accuracy(row)]
    lines += [_entry("takes", "numbers, Values and arrays of them, elementwise"), *_example(row, function)]
    return "\n".join([_wrapped(lines[0]), *lines[1:]])


def _own_meaning(row: Primitive) -> str:
    """What a row of the user's own is, which has no column for it: what its function says of itself."""
    told = (row.value.__doc__ or "").strip().splitlines()
    return told[0] if told else f"a primitive of {row.module}" if row.module else "a primitive"


def _entry(label: str, text: str) -> str:
    return _wrapped(f"{label:{_LABEL}} {text}", " " * (_LABEL + 1))


def _wrapped(line: str, indent: str = "") -> str:
    return line if len(line) <= _WIDTH else textwrap.fill(line, _WIDTH, subsequent_indent=indent)


def _formula(row: Primitive, writer: Formulas, operands: list[Written]) -> str:
    try:
        if row.formula is not None:
            return row.formula(*[Term(writer, operand) for operand in operands]).written.content
        return writer.applied(row, operands).content
    except Exception:  # a formula of the user's own may use what is not there yet
        return ""


def _derivative(row: Primitive, place: int, operands: list[Written], writer: Formulas) -> str:
    if row.course:
        return row.course[place]
    try:
        written = derivative_of(row, place, Written("y"), list(operands), writer).content
    except Exception:  # a rule of the user's own may ask for bare floats, or for a function that is not there yet
        return "by its rule"
    return written if len(written) <= _LONGEST else "by its rule, a long formula"


def _accuracy(row: Primitive) -> Iterator[str]:
    """The bounds of the built-in rows; of a user's own nobody has proven any."""
    if row.index < 0:
        return
    value, slope = (bound if isinstance(bound, (int, float)) else None for bound in row.ulps)
    several = "the derivatives" if len(row.partials) > 1 else "the derivative"
    if value is None and slope is None:
        yield "bounds that depend on the operands: see docs/contract.md"
    else:
        words = ["the operands say how many" if bound is None else _ulps(bound) for bound in (value, slope)]
        yield f"{words[0]}; {several}: {words[1]}"


def _ulps(bound: float) -> str:
    return "exact" if bound == 0 else "correctly rounded" if bound == 0.5 else f"within {bound:g} ulps"


def _example(row: Primitive, function: Callable[..., Any]) -> list[str]:
    if not row.at:
        return []
    try:
        result = function(*map(float, row.at[0]))
    except Exception:  # a function of the user's own, at a point where it fails
        return []
    return ["", f">>> {row.name}({', '.join(map(repr, map(float, row.at[0])))})", repr(result)]
