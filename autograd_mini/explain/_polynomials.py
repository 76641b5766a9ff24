"""The algebra of a form: sums, products and quotients brought to lowest terms, in flint's polynomials.

What is no arithmetic is an unknown of the polynomial, with three relations: the square of a root is what stands under
it, the cube of a cube root too, and exp(2*x) is the square of exp(x).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from autograd_mini.explain._ball import flint
from autograd_mini.explain._rewriting import EXACT, PRODUCT, SUM, Form, Part, joined, kind_of, parts, spelled
from autograd_mini.primitives import Primitive, add, cbrt, exp, mul, neg, pow, sqrt, square, sub

MOST_UNKNOWNS, MOST_TERMS, HIGHEST = 8, 24, 6
"""Beyond these, a form is not brought to lowest terms: nobody would write what comes out."""

ROOTS = {sqrt: 2, cbrt: 3}

Quotient = tuple[Any, Any]
"""Two polynomials: what stands above the line and below."""


class _NoNormalForm(Exception):
    """A form whose lowest terms are not worth having, or that divides by 0."""


def normal_forms(form: Form) -> Iterator[Any]:
    """The form in lowest terms, factored, and expanded above the line."""
    try:
        algebra = _Algebra(form)
        above, below = algebra.lowest(algebra.quotient(form))
    except _NoNormalForm:
        return
    under = [(not inverse, part) for inverse, part in algebra.factors(below)]
    yield joined([*algebra.factors(above), *under], PRODUCT)
    yield joined([(False, algebra.expanded(above)), *under], PRODUCT)
    for place in range(len(algebra.unknowns)):
        if above.degrees()[place] == 1:
            yield joined([(False, algebra.collected(above, place)), *under], PRODUCT)


def tidied(form: Any) -> Any:
    """The form with every sum and product in it in lowest terms, where that is shorter."""
    if type(form) is not Form:
        return form
    known: dict[Form, Any] = {part: part for part in form.order if part.operation is None}

    def tidy(primitive: Primitive, operands: Sequence[Any]) -> Any:
        part = spelled(primitive, operands)
        shorter = normal_forms(part) if kind_of(part) is not None else ()
        return min([part, *shorter], key=lambda one: len(one.order) if type(one) is Form else 0)

    return form.read(tidy, known)


def _is_arithmetic(form: Any) -> bool:
    if type(form) is float:
        return True
    if form.operation is pow:
        exponent = form.operands[1]
        return type(exponent) is float and exponent == int(exponent) and abs(exponent) <= HIGHEST
    return form.operation in EXACT


def scaled(form: Any) -> tuple[Fraction, Any]:
    """(c, a) of a form that is c * a for a number c."""
    (inverse, inner), *others = parts(form, SUM)
    if others:
        return Fraction(1), form
    number, rest = Fraction(-1 if inverse else 1), []
    for turned, part in parts(inner, PRODUCT):
        if type(part) is float and part:
            number *= 1 / Fraction(part) if turned else Fraction(part)
        else:
            rest.append((turned, part))
    return number, joined(rest, PRODUCT)


class _Algebra:
    """The unknowns of a form, and the form as a quotient of polynomials in them."""

    def __init__(self, form: Form) -> None:
        self.units: dict[Any, Fraction] = {}
        found: dict[Form, None] = {}
        pending = [form]
        while pending:
            part = pending.pop()
            if type(part) is float:
                continue
            if _is_arithmetic(part) or part.operation in ROOTS:
                pending.extend(part.operands)
            if part.operation is exp:
                number, base = scaled(part.operands[0])
                before = self.units.get(base, number)
                shared = before.denominator * number.denominator
                self.units[base] = Fraction(math.gcd(int(before * shared), int(number * shared)), shared)
            elif not _is_arithmetic(part):
                found[part] = None
        self.unknowns: list[Any] = [*found, *[("exp", base) for base in self.units]]
        if len(self.unknowns) > MOST_UNKNOWNS:
            raise _NoNormalForm
        self.ring = flint.fmpq_mpoly_ctx.get([f"u{i}" for i in range(len(self.unknowns))], "lex")
        self.one = self.ring.constant(1)
        self.place = {unknown: i for i, unknown in enumerate(self.unknowns)}

    def quotient(self, form: Any) -> Quotient:
        if type(form) is float:
            if not math.isfinite(form):
                raise _NoNormalForm
            return self.ring.constant(flint.fmpq(*Fraction(form).as_integer_ratio())), self.one
        if form.operation is exp:
            number, base = scaled(form.operands[0])
            return self._power((self.ring.gen(self.place["exp", base]), self.one), int(number / self.units[base]))
        if not _is_arithmetic(form):
            return self.ring.gen(self.place[form]), self.one
        if form.operation is pow:
            return self._power(self.quotient(form.operands[0]), int(form.operands[1]))
        inner = [self.quotient(operand) for operand in form.operands]
        if form.operation is square:
            return self._power(inner[0], 2)
        (a, b), (c, d) = inner[0], inner[-1]
        if form.operation is neg:
            return -a, b
        if form.operation in (add, sub):
            return self._small(a * d + (c * b if form.operation is add else -c * b), b * d)
        if form.operation is mul:
            return self._small(a * c, b * d)
        return self._small(a * d, b * c) if len(inner) == 2 else (b, a)

    def _power(self, given: Quotient, exponent: int) -> Quotient:
        a, b = given if exponent >= 0 else given[::-1]
        return self._small(a ** abs(exponent), b ** abs(exponent))

    def _small(self, *given: Any) -> Any:
        if any(len(polynomial) > MOST_TERMS for polynomial in given):
            raise _NoNormalForm
        return given

    def lowest(self, given: Quotient) -> Quotient:
        above, below = map(self._without_squared_roots, given)
        if not below:
            raise _NoNormalForm
        common = above.gcd(below) if above else below
        number = (below / common).factor()[0]
        return above / common / number, below / common / number

    def _without_squared_roots(self, polynomial: Any) -> Any:
        for place, unknown in enumerate(self.unknowns):
            degree = ROOTS.get(unknown.operation) if type(unknown) is Form else None
            if degree is None or polynomial.degrees()[place] < degree:
                continue
            inside, line = self.quotient(unknown.operands[0])
            if line != self.one:
                continue
            total = self.ring.constant(0)
            for exponents, number in polynomial.terms():
                left = list(map(int, exponents))
                times, left[place] = divmod(left[place], degree)
                total += self.ring.from_dict({tuple(left): number}) * inside ** times
            polynomial, = self._small(total)
            return self._without_squared_roots(polynomial)
        return polynomial

    # Back to forms ----------------------------------------------------------------------------------------------------

    def factors(self, polynomial: Any) -> list[Part]:
        """The factors of a polynomial as parts of a product."""
        if not polynomial:
            return [(False, 0.0)]
        number, found = polynomial.factor()
        product: list[Part] = self._number(number)
        for factor, times in found:
            form = self.expanded(factor)
            product.append((False, spelled(pow, [form, float(times)]) if times > 1 else form))
        return product

    def expanded(self, polynomial: Any) -> Any:
        """A polynomial as a sum of terms, positive ones first."""
        terms = []
        for exponents, number in polynomial.terms():
            product = self._number(number if number > 0 else -number)
            product += [part for place, times in enumerate(map(int, exponents)) if times
                        for part in self._power_of(place, times)]
            terms.append((bool(number < 0), joined(product, PRODUCT)))
        return joined(terms, SUM)

    def collected(self, polynomial: Any, place: int) -> Any:
        """u * a + b, for one unknown u."""
        u = self.ring.gen(place)
        rest = polynomial.subs({f"u{place}": 0})
        factor = (polynomial - rest) / u
        return joined([(False, joined([*self._power_of(place, 1), (False, self.expanded(factor))], PRODUCT)),
                       (False, self.expanded(rest))], SUM)

    def _number(self, number: Any) -> list[Part]:
        above, below = float(int(number.p)), float(int(number.q))
        return [part for part in ((False, above), (True, below)) if part[1] != 1.0]

    def _power_of(self, place: int, times: int) -> list[Part]:
        unknown = self.unknowns[place]
        if type(unknown) is Form:
            return [(False, unknown if times == 1 else spelled(pow, [unknown, float(times)]))]
        number = self.units[unknown[1]] * times
        whole = [(False, float(number.numerator)), (True, float(number.denominator))]
        exponent = joined([part for part in whole if part[1] != 1.0] + [(False, unknown[1])], PRODUCT)
        return [(False, spelled(exp, [exponent]))]
