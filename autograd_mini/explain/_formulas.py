"""Printing derived formulas as a textbook would: `ln`, floats as they were written, a positive term first."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar, Mapping, Optional, Sequence

from autograd_mini.render._formulas import latex_name

Terms = Sequence[Any]
"""A formula as the terms of a sum, in the order in which they are to be read."""


def text_of(terms: Terms, numbers: Optional[Mapping[Any, float]] = None) -> str:
    """A sum as text; with `numbers`, every symbol is replaced by its number, to six digits."""
    printer = _printers()[0]({"numbers": numbers or {}})
    return joined([printer.doprint(as_written(term)) for term in terms])


def latex_of(terms: Terms, symbol_names: Optional[Mapping[Any, str]] = None) -> str:
    """A sum as LaTeX."""
    printer = _printers()[1]({"symbol_names": dict(symbol_names or {}), "ln_notation": True})
    return joined([printer.doprint(as_written(term)) for term in terms])


def short(number: float) -> str:
    """A number to six digits."""
    return f"{float(number):.6g}"


def joined(texts: Sequence[str]) -> str:
    joined = texts[0]
    for text in texts[1:]:
        joined += f" - {text[1:].lstrip()}" if text.startswith("-") else f" + {text}"
    return joined


def as_written(formula: Any) -> Any:
    """A formula with its floats as a person writes them: 0.3, 2*pi, sqrt(2), 1/3, and simple fractions as they are."""
    import sympy as sp

    floats = [number for number in formula.atoms(sp.Rational)
              if number.q > 1e6 or (number.q > 16 and not number.q & (number.q - 1))]
    return formula.xreplace({number: _recognised(number) for number in floats})


def _recognised(number: Any) -> Any:
    """A rational that stands for a float: a simple multiple of a constant, or the decimal."""
    import sympy as sp

    value = float(number)
    if len(f"{value:.15g}".lstrip("-0.").replace(".", "").partition("e")[0]) > 10:
        for constant, size in _constants().items():
            simple = Fraction(value / size).limit_denominator(64)
            if simple and abs(float(simple) * size / value - 1) < 1e-15 and abs(simple.numerator) < 1000:
                return sp.Rational(simple.numerator, simple.denominator) * constant
    return sp.Float(value)


@lru_cache(maxsize=1)
def _constants() -> dict[Any, float]:
    import sympy as sp

    above = [*map(sp.sqrt, (2, 3, 5, 6, 7, 10)), sp.pi, sp.E, *map(sp.log, (2, 3, 10)), sp.sqrt(sp.pi)]
    simple = [*above, *[1 / constant for constant in above[-6:]]]
    known = [sp.Integer(1), *simple, sp.pi ** 2, sp.pi ** -2, *[a * b for a, b in combinations(simple, 2)]]
    return {constant: float(constant.evalf(30)) for constant in known}


@lru_cache(maxsize=1)
def _printers() -> tuple[Any, Any]:
    from sympy.printing.latex import LatexPrinter
    from sympy.printing.str import StrPrinter

    def positive_first(terms: list[Any]) -> list[Any]:
        return sorted(terms, key=lambda term: term.could_extract_minus_sign())

    class Text(StrPrinter):
        _default_settings: ClassVar[dict[str, Any]] = {**StrPrinter._default_settings, "numbers": {}}

        def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
            return positive_first(super()._as_ordered_terms(expr, order))

        def _print_Symbol(self, expr: Any) -> str:
            number = self._settings["numbers"].get(expr)
            if number is None:
                return str(expr.name)
            return short(number) if number >= 0 else f"({short(number)})"

        def _print_log(self, expr: Any) -> str:
            return f"ln({self._print(expr.args[0])})"

        def _print_loggamma(self, expr: Any) -> str:
            return f"lgamma({self._print(expr.args[0])})"

        def _print_polygamma(self, expr: Any) -> str:
            name = {0: "digamma", 1: "trigamma"}.get(expr.args[0])
            return f"{name}({self._print(expr.args[1])})" if name else self._print_Function(expr)

        def _print_Float(self, expr: Any) -> str:
            return f"{float(expr):.15g}"

        def _print_Abs(self, expr: Any) -> str:
            return f"abs({self._print(expr.args[0])})"

        def _print_Exp1(self, expr: Any) -> str:
            return "e"

        def _print_Relational(self, expr: Any) -> str:
            return f"{self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)}"

        def _print_Piecewise(self, expr: Any) -> str:
            (value, condition), *others = expr.args
            text = self._print(others[-1][0]) if others else "nan"
            for other, when in reversed([(value, condition), *others[:-1]]):
                text = f"({self._print(other)} if {self._print(when)} else {text})"
            return text

    class Latex(LatexPrinter):
        def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
            return positive_first(super()._as_ordered_terms(expr, order))

        def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
            return self._settings["symbol_names"].get(expr) or latex_name(expr.name)

        def _print_Float(self, expr: Any) -> str:
            digits, power, exponent = f"{float(expr):.15g}".partition("e")
            return rf"{digits} \cdot 10^{{{int(exponent)}}}" if power else digits

    return Text, Latex
