"""The lines between: by which rule a derivative was taken, and the algebra from the raw product to the final form.

A line is what a person would write below the one before. Lines are proposed here and confirmed by who asks: one that
is not the same number at every tried point is not shown.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Callable, Iterator, NamedTuple, Optional, Sequence

from autograd_mini.explain._elimination import cost
from autograd_mini.explain._formulas import Terms, joined, latex_of, text_of
from autograd_mini.render._formulas import latex_name

UNREADABLE = re.compile(r"\d{10}")
"""A number with so many digits is nobody's: a line with one is left out."""

MOST = 5
"""How many lines may stand between the first and the last; with more a reader is better served by the result."""


class Line(NamedTuple):
    """One line: the rule or the reason, the formula as text and as LaTeX, and as a SymPy expression."""

    rule: str
    text: str
    latex: str
    formula: Any


def local_lines(definition: Any, symbol: Any, result: Any, user: Any) -> Iterator[Line]:
    """From a definition to its derivative by a symbol: the rule, what it gives, and the relation that shortens it."""
    import sympy as sp

    inner = next(_unused(definition))
    yield from _by_rule(definition, symbol, inner)
    raw = definition.diff(symbol)
    for part in definition.atoms(sp.Function) if result.has(user) else ():
        solved = _solved(definition, part, user) if part.has(symbol) else None
        if solved is not None and raw.has(part):
            yield Line("", *_both([raw]), raw)
            shorter = raw.subs(part, solved).simplify()
            yield Line(f"with {text_of([part])} = {text_of([solved])}", *_both([shorter]), shorter)


def chain_lines(factors: Sequence[tuple[Terms, Any]]) -> Iterator[Line]:
    """From (gradient, local derivative) of every path to what is left when all is multiplied and added."""
    import sympy as sp

    total = sp.Add(*[sp.Add(*gradient) * local for gradient, local in factors])
    products = [_product(gradient, _tidy(local)) for gradient, local in factors]
    text, latex = map(joined, zip(*products))
    yield Line("put in", text, latex, total)
    multiplied = [_tidy(sp.cancel(term * local)) for gradient, local in factors
                  for part in gradient for term in sp.Add.make_args(part)]
    put_in = sum(cost(sp.Add(*gradient)) + cost(local) + 1 for gradient, local in factors)
    if cost(sp.Add(*multiplied, evaluate=False)) < put_in:
        yield Line("multiplied out", *_both(multiplied), total)
    numerator, denominator = sp.fraction(sp.together(total))
    if denominator.free_symbols and len(multiplied) > 1:
        yield Line("over a common denominator", *_both([sp.expand(numerator) / denominator]), total)
    expanded = [term for product in multiplied for term in sp.Add.make_args(sp.expand(product))]
    cancelled = [term for term in expanded if -term in expanded]
    if cancelled:
        gone = text_of([next(term for term in cancelled if not term.could_extract_minus_sign())])
        yield Line(f"{gone} cancels", *_both(expanded), total)


def over_an_index(total: Any) -> Optional[tuple[str, str]]:
    """A sum of three or more terms that differ in an index only as a sum over k, as text and LaTeX; else None.

    1/3*sum_k x_k1*(a_k - y_k) + lam*w1 is what x11*(a1 - y1)/3 + x21*(a2 - y2)/3 + x31*(a3 - y3)/3 + lam*w1 gives.
    """
    import sympy as sp

    for place in (slice(None), slice(0, 1), slice(-1, None)):
        found: dict[Any, dict[str, Any]] = {}
        for term in sp.Add.make_args(total.expand() if total.is_Mul else total):
            general = {symbol: _indexed(symbol.name, place) for symbol in term.free_symbols}
            indices = {index for index, _, _ in general.values() if index}
            if len(indices) == 1:
                symbols = {symbol: sp.Symbol(name, real=True) for symbol, (_, name, _) in general.items()}
                found.setdefault(term.xreplace(symbols), {})[indices.pop()] = term
        ranges = Counter(frozenset(terms) for terms in found.values() if len(terms) >= 3)
        if ranges:
            chosen = max(ranges, key=len)
            summed = {template: terms for template, terms in found.items() if frozenset(terms) == chosen}
            rest = total - sp.Add(*[term for terms in summed.values() for term in terms.values()])
            coefficient, body = sp.factor_terms(sp.Add(*summed)).as_coeff_Mul()
            names = {sp.Symbol(name, real=True): latex for symbol in total.free_symbols
                     for _, name, latex in [_indexed(symbol.name, place)]}
            return (_sum(coefficient, text_of([body]), body.is_Add, rest.expand(), "*sum_k ", text_of),
                    _sum(coefficient, latex_of([body], names), body.is_Add, rest.expand(), r" \sum_k ", latex_of))
    return None


def _sum(coefficient: Any, body: str, is_sum: bool, rest: Any, sign: str, write: Callable[[Terms], str]) -> str:
    bracket = "({})" if write is text_of else r"\left({}\right)"
    before = {1: "", -1: "-"}.get(coefficient, write([coefficient]))
    text = before + (sign if before.strip("-") else sign.lstrip("* ")) + (bracket.format(body) if is_sum else body)
    return f"{text} + {write([rest])}" if rest != 0 else text


def _indexed(name: str, place: slice) -> tuple[str, str, str]:
    """(index, the name with k in its place, that in LaTeX): x12 gives ("1", "x_k2", "x_{k2}"); no index is empty."""
    match = re.fullmatch(r"(.*?[^\W\d])_?(\d+)", name)
    if match is None or (place != slice(None) and len(match[2]) > 2):
        return "", name, latex_name(name)
    stem, digits = match.groups()
    index = digits[place]
    below = digits.replace(index, "k", 1) if place != slice(-1, None) else digits[:-1] + "k"
    return index, f"{stem}_{below}", f"{latex_name(stem)}_{{{below}}}"


def _by_rule(definition: Any, symbol: Any, u: Any) -> Iterator[Line]:
    """The rule by which a formula is differentiated, with what it gives before anything is simplified."""
    import sympy as sp

    constant, moving = definition.as_independent(symbol, as_Add=definition.is_Add)
    if definition.is_Add:
        if not moving.is_Add:
            yield from _by_rule(moving, symbol, u)
            return
        yield Line("sum rule: each term by itself", *_both([term.diff(symbol) for term in moving.args]),
                   moving.diff(symbol))
        return
    if definition.is_Mul and moving == symbol:
        yield Line("constant factor", *_both([constant]), constant)
        return
    if constant != 1 and definition.is_Mul:
        for rule, text, latex, formula in _by_rule(moving, symbol, u):
            before = ("-", "-") if constant == -1 else (
                f"{_bracketed(constant, False)} * ", rf"{_bracketed(constant, True)} \cdot ")
            yield Line(f"constant factor {text_of([constant])}; {rule}", f"{before[0]}({text})",
                       rf"{before[1]}\left({latex}\right)", constant * formula)
        return
    slope = moving.diff(symbol)
    numerator, denominator = sp.fraction(moving)
    if numerator.has(symbol) and denominator.has(symbol):
        parts = numerator.diff(symbol), denominator, numerator, denominator.diff(symbol)
        up, down, top, below = (_bracketed(part, False) for part in parts)
        latex_up, latex_down, latex_top, latex_below = (_bracketed(part, True) for part in parts)
        yield Line(f"quotient rule: ({text_of([numerator])})/({text_of([denominator])})",
                   f"({up}*{down} - {top}*{below})/{down}**2",
                   rf"\frac{{{latex_up} \cdot {latex_down} - {latex_top} \cdot {latex_below}}}{{{latex_down}^2}}",
                   slope)
    elif moving.is_Mul and denominator == 1:
        factors = moving.args
        terms = [[*factors[:i], factor.diff(symbol), *factors[i + 1:]] for i, factor in enumerate(factors)]
        text, latex = (" + ".join(_times(term, which) for term in terms if 0 not in term) for which in (False, True))
        yield Line(f"product rule: {' and '.join(text_of([factor]) for factor in factors)}", text, latex, slope)
    else:
        yield _chained(moving, symbol, u, slope)


def _chained(function: Any, symbol: Any, u: Any, slope: Any) -> Line:
    """A function of the symbol, or of an inner function of it."""
    import sympy as sp

    moving = [argument for argument in function.args if argument.has(symbol)]
    name = "power rule" if function.is_Pow and not function.exp.has(symbol) else \
        "exponential rule" if function.is_Pow else f"derivative of {text_of([function])}"
    if function == symbol or moving == [symbol] or len(moving) != 1 or isinstance(function, sp.Piecewise):
        return Line(name if function != symbol else "derivative of the variable itself", *_both([slope]), slope)
    inner = moving[0]
    outer = function.subs(inner, u)
    pair = outer.diff(u), inner.diff(symbol)
    return Line(f"chain rule: outer {text_of([outer])}, inner {u} = {text_of([inner])}", _times(pair, False),
                _times(pair, True), slope)


def _solved(definition: Any, part: Any, name: Any) -> Any:
    """The part of a definition by the name of the whole, where it is linear in it: exp(-z) = (1 - a)/a."""
    import sympy as sp

    stand_in = sp.Dummy(real=True)
    numerator = sp.fraction(sp.together(name - definition.subs(part, stand_in)))[0].expand()
    if not numerator.is_polynomial(stand_in) or sp.degree(numerator, stand_in) != 1:
        return None
    slope = numerator.coeff(stand_in, 1)
    solved = sp.cancel(-(numerator - slope * stand_in).expand() / slope)
    return None if solved.atoms(sp.Function) else solved


def _tidy(formula: Any) -> Any:
    """A formula factored where that is no longer, with 1 - a rather than a - 1."""
    import sympy as sp

    factored = sp.factor(formula)
    if not factored.is_Mul:
        return formula
    turned = [factor for factor in factored.args if factor.is_Add and factor.as_coeff_Add()[0] == -1]
    sign = (-1) ** len(turned)
    tidy = sp.Mul(sign, *[-factor if factor in turned else factor for factor in factored.args])
    return tidy if cost(tidy) <= cost(formula) + (sign < 0) else formula


def _product(gradient: Terms, local: Any) -> tuple[str, str]:
    if len(gradient) == 1 and not gradient[0].is_Add:
        return _times((gradient[0], local), False), _times((gradient[0], local), True)
    return (f"({text_of(gradient)}) * {_bracketed(local, False)}",
            rf"\left({latex_of(gradient)}\right) \cdot {_bracketed(local, True)}")


def _times(factors: Sequence[Any], latex: bool) -> str:
    shown = [factor for factor in factors if factor != 1] or list(factors[:1])
    first = latex_of([shown[0]]) if latex else text_of([shown[0]])
    texts = [_bracketed(shown[0], latex) if shown[0].is_Add else first]
    texts += [_bracketed(factor, latex) for factor in shown[1:]]
    return (r" \cdot " if latex else " * ").join(texts)


def _bracketed(formula: Any, latex: bool) -> str:
    text = latex_of([formula]) if latex else text_of([formula])
    if formula.is_Add or text.startswith("-"):
        return rf"\left({text}\right)" if latex else f"({text})"
    return text


def _both(terms: Terms) -> tuple[str, str]:
    return text_of(terms), latex_of(terms)


def _unused(formula: Any) -> Iterator[Any]:
    """Names for an inner function that the formula does not have."""
    import sympy as sp

    taken = {symbol.name for symbol in formula.free_symbols}
    return (sp.Symbol(name, real=True) for name in ("u", "v", "s", "t", "u_1", "u_2") if name not in taken)
