"""Printing derived formulas as a textbook would: `ln`, floats as they were written, a positive term first."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, Mapping, Optional, Sequence

Terms = Sequence[Any]
"""A formula as the terms of a sum, in the order in which they are to be read."""


def text_of(terms: Terms, numbers: Optional[Mapping[Any, float]] = None) -> str:
    """A sum as text; with `numbers`, every symbol is replaced by its number, to six digits."""
    printer = _printers()[0]({"numbers": numbers or {}})
    return _joined([printer.doprint(_with_decimals(term)) for term in terms])


def latex_of(terms: Terms, symbol_names: Optional[Mapping[Any, str]] = None) -> str:
    """A sum as LaTeX."""
    printer = _printers()[1]({"symbol_names": dict(symbol_names or {}), "ln_notation": True})
    return _joined([printer.doprint(_with_decimals(term)) for term in terms])


def _with_decimals(term: Any) -> Any:
    """The term with rationals that stand for floats such as 0.3 as names that read so; halves and quarters stay."""
    import sympy as sp

    floats = [number for number in term.atoms(sp.Rational) if number.q > 4 and not number.q & (number.q - 1)]
    return term.xreplace({number: (1 if number > 0 else -1) * sp.Symbol(repr(abs(float(number)))) for number in floats})


def short(number: float) -> str:
    """A number to six digits."""
    return f"{float(number):.6g}"


def _joined(texts: Sequence[str]) -> str:
    joined = texts[0]
    for text in texts[1:]:
        joined += f" - {text[1:].lstrip()}" if text.startswith("-") else f" + {text}"
    return joined


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

        def _print_Abs(self, expr: Any) -> str:
            return f"abs({self._print(expr.args[0])})"

        def _print_Piecewise(self, expr: Any) -> str:
            (value, condition), *others = expr.args
            text = self._print(others[-1][0]) if others else "nan"
            for other, when in reversed([(value, condition), *others[:-1]]):
                text = f"({self._print(other)} if {self._print(when)} else {text})"
            return text

    class Latex(LatexPrinter):
        def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
            return positive_first(super()._as_ordered_terms(expr, order))

    return Text, Latex
