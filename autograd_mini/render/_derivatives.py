"""The rules of the table as a person writes them: the derivative of each primitive as a formula.

A rule is run on written operands. At a point that is not special, what guards the special points says nothing, so
`equal` of two different things is 0 here, `defined` and `away` are left out, and what 0 and 1 do to a term is done.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

from autograd_mini._core.graph import is_node
from autograd_mini.primitives import (
    ATOM,
    LN2,
    LN10,
    LOG2_E,
    LOG10_E,
    ONE_OVER_SQRT_2PI,
    SQRT2,
    TWO_OVER_SQRT_PI,
    Operators,
    Primitive,
)
from autograd_mini.render._formulas import Formulas, Written
from autograd_mini.render._numbers import pretty

_LONGEST = 26
_FAR = 30.0
_NAMED = {LN2: ("ln(2)", r"\ln 2"), LN10: ("ln(10)", r"\ln 10"), SQRT2: ("sqrt(2)", r"\sqrt{2}"),
          LOG2_E: ("(1 / ln(2))", r"\tfrac{1}{\ln 2}"), LOG10_E: ("(1 / ln(10))", r"\tfrac{1}{\ln 10}"),
          TWO_OVER_SQRT_PI: ("(2 / sqrt(pi))", r"\tfrac{2}{\sqrt{\pi}}"),
          -TWO_OVER_SQRT_PI: ("(-2 / sqrt(pi))", r"\tfrac{-2}{\sqrt{\pi}}"),
          ONE_OVER_SQRT_2PI: ("(1 / sqrt(2 * pi))", r"\tfrac{1}{\sqrt{2 \pi}}")}


class Term(Operators):
    """A written formula that the rules of the table compute with; `constant` where it is a plain number."""

    __slots__ = ("constant", "operands", "operation", "written", "writer")

    def __init__(self, writer: Formulas, written: Written, constant: Optional[float] = None,
                 operation: Optional[Primitive] = None, operands: tuple[Term, ...] = ()) -> None:
        self.writer, self.written, self.constant = writer, written, constant
        self.operation, self.operands = operation, operands

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Term:
        terms = tuple(o if isinstance(o, Term) else self.of(float(o)) for o in operands)
        shorter = self._shorter(primitive.name, terms)
        if shorter is not None:
            return shorter
        if all(term.constant is not None for term in terms):
            return self.of(primitive.number(*[term.constant for term in terms if term.constant is not None]))
        written = self.writer.applied(primitive, [term.written for term in terms])
        return Term(self.writer, written, None, primitive, terms)

    def of(self, constant: float) -> Term:
        """A number as a term."""
        if constant in _NAMED:
            return Term(self.writer, Written(_NAMED[constant][self.writer.latex], ATOM), constant)
        return Term(self.writer, self.writer.number(constant), constant)

    def _shorter(self, name: str, terms: tuple[Term, ...]) -> Optional[Term]:
        """What a term becomes at a point that is not special, or None where it stays as it is."""
        a, b = terms[0], terms[-1]
        zero, one = [t.constant == 0 for t in terms], [t.constant == 1 for t in terms]
        same = len(terms) == 2 and a.written.content == b.written.content
        if name == "defined":
            return b
        if name == "away":
            return a
        if name in ("minimum", "maximum") and b.constant is not None and abs(b.constant) > _FAR:  # against overflow
            return a
        if name == "div" and a.operation is not None and a.operation.name == "floor":  # a, rounded to a few bits
            return a.operands[0].operands[0]
        if name == "equal" and (a.constant is None or b.constant is None):
            return self.of(float(same))
        if name == "where" and a.constant is not None:
            return terms[1] if a.constant else terms[2]
        if name == "add" and any(zero):
            return b if zero[0] else a
        if name == "add" and b.constant is not None and a.operation is not None and a.operation.name == "sub" \
                and a.operands[1].constant == b.constant:  # b - 1 + 1
            return a.operands[0]
        if name == "sub" and (zero[1] or same):
            return a if zero[1] else self.of(0.0)
        if name in ("mul", "chain") and any(zero):
            return self.of(0.0)
        if name in ("mul", "chain") and any(one):
            return b if one[0] else a
        if name == "mul" and a.constant == -1 and b.constant is None:
            return -b
        if name == "chain":
            return a * b
        if name in ("div", "pow") and one[1]:
            return a
        return None


def derivative_of(row: Primitive, position: int, y: Written, operands: Sequence[Union[Written, float]],
                  writer: Formulas) -> Written:
    """The derivative of a primitive by one operand, with these names for the result and the operands, or numbers."""
    rule = row.partials[position]
    if rule is None:
        return writer.number(0.0)
    result = Term(writer, y)
    result = rule(result, *[result.of(o) if isinstance(o, float) else Term(writer, o) for o in operands])
    return result.written if isinstance(result, Term) else writer.number(float(result))


def derivative(formulas: Formulas, node: Any, slot: int) -> str:
    """The local derivative of a node by one operand, for an edge: a formula, or a number where that is too long."""
    operands = [formulas.operand(operand) if is_node(operand) else operand for operand in node.operands]
    try:
        formula = derivative_of(node.operation, slot, formulas.references[id(node)], operands, formulas).content
    except Exception:  # a rule of the user's own may ask for bare floats
        return pretty(node.partials[slot])
    return formula.replace(" * ", " ").replace("-", "−") if len(formula) <= _LONGEST else pretty(node.partials[slot])
