"""The rules of the table as a person writes them: the derivative of each primitive as a formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional, Union

from autograd_mini._core.expression import evaluate
from autograd_mini._core.graph import is_node
from autograd_mini._core.rows import ATOM, Operators, Primitive
from autograd_mini.render._formulas import Formulas, Written
from autograd_mini.render._numbers import pretty

_LONGEST = 26
_NAMED = {math.pi: ("pi", r"\pi"), math.log(2): ("ln(2)", r"\ln 2"), math.log(10): ("ln(10)", r"\ln 10"),
          math.sqrt(2): ("sqrt(2)", r"\sqrt{2}"), math.sqrt(2 * math.pi): ("sqrt(2*pi)", r"\sqrt{2 \, \pi}")}


class Term(Operators):
    """A written formula that the rules of the table compute with; `constant` where it is a plain number."""

    __slots__ = ("constant", "writer", "written")

    def __init__(self, writer: Formulas, written: Written, constant: Optional[float] = None) -> None:
        self.writer, self.written, self.constant = writer, written, constant

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Term:
        terms = [o if isinstance(o, Term) else self.of(float(o)) for o in operands]
        numbers = [term.constant for term in terms if term.constant is not None]
        if len(numbers) == len(terms):
            return self.of(primitive.number(*numbers))
        return Term(self.writer, self.writer.applied(primitive, [term.written for term in terms]))

    def of(self, constant: float) -> Term:
        """A number as a term."""
        if constant in _NAMED:
            return Term(self.writer, Written(_NAMED[constant][self.writer.latex], ATOM))
        return Term(self.writer, self.writer.number(constant), constant)


def derivative_of(row: Primitive, position: int, y: Written, operands: Sequence[Union[Written, float]],
                  writer: Formulas) -> Written:
    """The derivative of a primitive by one operand, with these names for the result and the operands, or numbers."""
    rule = row.partials[position]
    if rule is None and not row.course:
        return writer.number(0.0)
    result = Term(writer, y)
    terms = [result.of(o) if isinstance(o, float) else Term(writer, o) for o in operands]
    if row.course:
        known = dict(zip(row.operand_names(), terms), y=result, pi=result.of(math.pi))
        found = evaluate(row.course[position], known)
    else:
        found = rule(result, *terms) if rule else 0.0
    return found.written if isinstance(found, Term) else writer.number(float(found))


def derivative(formulas: Formulas, node: Any, slot: int) -> str:
    """The local derivative of a node by one operand, for an edge: a formula, or a number where that is too long."""
    operands = [formulas.operand(operand) if is_node(operand) else operand for operand in node.operands]
    try:
        formula = derivative_of(node.operation, slot, formulas.references[id(node)], operands, formulas).content
    except Exception:  # a rule of the user's own may ask for bare floats
        return pretty(node.partials[slot])
    return formula.replace(" * ", " ").replace("-", "−") if len(formula) <= _LONGEST else pretty(node.partials[slot])
