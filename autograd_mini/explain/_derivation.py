"""A derivation as an object: its steps, and how they are printed as text and LaTeX."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Union

from autograd_mini.explain._formulas import latex_of, short, text_of
from autograd_mini.explain._lines import Line
from autograd_mini.render._numbers import columns, padded
from autograd_mini.render._words import translated


@dataclass(frozen=True)
class Step:
    """One line of a derivation.

    kind       "definition" of a named node, "local" derivative of one by another, or "chain": the root by a node
    claim      what the line is about, as text: "a", "da/dz", "dL/dz"
    forms      its formula in the stages shown, each as the terms of a sum (SymPy)
    verified   True where the result was confirmed at 50 digits; None where no point could be found to test it at
    note       why a result is not simplified; empty as a rule
    lines      with `steps=True`, the rule by which it was taken and the algebra between, each line confirmed
    summed     with `steps=True`, the result as a sum over an index k where it is one, as text and LaTeX
    """

    kind: str
    claim: str
    node: Any
    by: Any
    latex_claim: str
    product: str
    latex_product: str
    forms: tuple[tuple[Any, ...], ...]
    verified: Optional[bool] = None
    note: str = ""
    lines: tuple[Line, ...] = ()
    summed: Optional[tuple[str, str]] = None

    @property
    def result(self) -> Any:
        """The final formula as a SymPy expression."""
        import sympy as sp

        return sp.Add(*self.forms[-1])

    @property
    def texts(self) -> list[str]:
        """The formula in each of its stages, as text."""
        return list(map(text_of, self.forms))

    def __str__(self) -> str:
        return f"{self.claim} = {self.texts[-1]}"


@dataclass(frozen=True)
class Derivation:
    """The steps from a root to the derivatives that were asked for; prints as text, shows as LaTeX in a notebook."""

    root: Any
    steps: tuple[Step, ...]
    numbers: Mapping[Any, float] = field(repr=False)
    aliases: Mapping[Any, str] = field(repr=False)

    def __getitem__(self, claim: Union[str, Any]) -> Step:
        """The step of a claim ("da/dz", "dL/dz") or of the derivative by a node."""
        for step in self.steps:
            if step.claim == claim if isinstance(claim, str) else step.kind == "chain" and step.node is claim:
                return step
        raise KeyError(f"no step derives {claim!r}: it has {', '.join(step.claim for step in self.steps)}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def text(self, numbers: bool = False, language: str = "en") -> str:
        """The derivation as text, an equals sign under the other; with `numbers`, the numbers of the graph put in.

        The rules of `steps=True` are named in the language, "en" or "zh".
        """
        rows: list[tuple[str, str, list[str], str, tuple[Line, ...], int, Any]] = []
        for step in self.steps:
            sides = ([step.claim] if step.kind == "chain" else []) + [step.product] * bool(step.product)
            opened = len(sides)
            sides += [text_of(form) for form in step.forms]
            if numbers:
                sides += self._numbers(step, sides[-1])
            left = str(self.aliases_of(step.node)) if step.kind == "chain" else step.claim
            rows.append((step.kind, left, sides, step.note, step.lines, opened, step.summed))
        width = max((columns(left) for _, left, *_ in rows), default=0)
        lines, before = [], ""
        for kind, left, sides, note, between, opened, summed in rows:
            lines += [""] * (before == "definition" != kind)
            remark = f"    ({translated(note, language)})" if note else ""
            if between:
                shown = [f"{line.text}    ({translated(line.rule, language)})" if line.rule else line.text
                         for line in between]
                shown += [sides[-1] + remark] * (between[-1].text != sides[-1])
                lines += [f"{padded(left, width)} = {' = '.join([*sides[:opened], shown[0]])}"]
                lines += [f"{'':{width}} = {line}" for line in shown[1:]]
            else:
                lines.append(f"{padded(left, width)} = {' = '.join(sides)}{remark}")
            lines += [f"{'':{width}} = {summed[0]}"] if summed else []
            before = kind
        return "\n".join(lines)

    def aliases_of(self, node: Any) -> str:
        """The short name of the root's derivative by a node: dz for dL/dz."""
        return next(step.by for step in self.steps if step.kind == "chain" and step.node is node)

    def face(self) -> list[dict[str, Any]]:
        """The derivation as plain data, a dictionary a step, for pages and files: texts, LaTeX and lines between."""
        return [{"name": step.claim, "kind": step.kind, "product": step.product, "formula": step.texts[-1],
                 "forms": step.texts, "latex": latex_of(step.forms[-1], self.aliases), "verified": step.verified,
                 "note": step.note, "rule": step.lines[0].rule if step.lines else "",
                 "summed": dict(zip(("text", "latex"), step.summed or ())),
                 "algebra": [{"rule": line.rule, "text": line.text, "latex": line.latex} for line in step.lines]}
                for step in self.steps]

    def _numbers(self, step: Step, last: str) -> list[str]:
        substituted = text_of(step.forms[-1], self.numbers)
        number = short(number_of(step.result, self.numbers))
        return [text for text in dict.fromkeys((substituted, number)) if text != last]

    def latex(self, numbers: bool = False) -> str:
        """An `aligned` block that can be pasted into a paper."""
        lines = []
        for step in self.steps:
            sides = [step.latex_product] * bool(step.latex_product)
            sides += [line.latex for line in step.lines]
            sides += [latex_of(form, self.aliases) for form in step.forms[-1 if step.lines else 0:]]
            sides += [step.summed[1]] if step.summed else []
            if numbers:
                sides += [text.replace("*", r" \cdot ") for text in self._numbers(step, "")[-1:]]
            between = " \\\\[4pt]\n&= " if step.lines else " = "
            lines.append(f"{step.latex_claim} &= {between.join(dict.fromkeys(sides))}")
        return "\\begin{aligned}\n" + " \\\\[4pt]\n".join(lines) + "\n\\end{aligned}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def number_of(expression: Any, numbers: Mapping[Any, float]) -> float:
    """The value of a formula, nan where it has no real one."""
    value = expression.evalf(20, subs=dict(numbers))
    return float(value) if value.is_extended_real and value.is_number else math.nan
