"""A short series of a form near 0, where no rewrite keeps the digits: powers of the one letter, Laurent's included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from autograd_mini.explain._ball import Ball, applied, flint, number_of, precision
from autograd_mini.explain._rewriting import EXACT, PRODUCT, SUM, Form, joined, spelled
from autograd_mini.primitives import Primitive, div, mul, pow, reciprocal, sqrt, square

TERMS, WORKING, BITS = 8, 32, 400
"""So many terms of a series that are not 0 are written at most; how many are computed, and with how many bits."""


class _Laurent(NamedTuple):
    """x to the power `shift`, times a power series that does not begin with 0."""

    shift: int
    series: Any

    @classmethod
    def of(cls, series: Any, shift: int = 0) -> _Laurent:
        for place in range(min(series.length(), WORKING)):
            if series[place] != 0:
                kept = flint.arb_series([series[i] for i in range(place, series.length())])
                return cls(shift + place, kept)
        return cls(0, flint.arb_series([0]))

    def plain(self) -> Any:
        if self.shift < 0:
            raise ArithmeticError("a pole")
        return self.series * flint.arb_series([0] * self.shift + [1]) if self.shift else self.series


def _applied(primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A row of Laurent series and floats."""
    given = [o if type(o) is _Laurent else _Laurent.of(flint.arb_series([number_of(o)])) for o in operands]
    (shift, series), (other, last) = given[0], given[-1]
    if primitive is mul:
        return _Laurent.of(series * last, shift + other)
    if primitive is div:
        return _Laurent.of(series / last, shift - other)
    if primitive is square:
        return _Laurent.of(series * series, 2 * shift)
    if primitive is reciprocal:
        return _Laurent.of(1 / series, -shift)
    if primitive in EXACT and min(shift, other) < 0:
        least = min(shift, other)
        result = _applied(primitive, [_Laurent(one.shift - least, one.series) for one in given][:len(operands)])
        return _Laurent(result.shift + least, result.series)
    if primitive is sqrt and shift % 2 == 0:
        return _Laurent.of(series.sqrt(), shift // 2)
    result = applied(primitive, [one.plain() for one in given])
    if type(result) is float or not Ball(result).centre.is_finite():
        raise ArithmeticError("a singularity")
    return _Laurent.of(result if type(result) is flint.arb_series else flint.arb_series([result]))


def series_of(form: Form, letter: Form) -> Iterator[Any]:
    """The series of a form of one letter around 0, with 1, 2, ... terms; nothing where it has none."""
    with precision(BITS, WORKING):
        try:
            shift, series = form.read(_applied, {letter: _Laurent(1, flint.arb_series([1]))})
            numbers = [series[place] for place in range(min(series.length(), WORKING // 2))]
        except (ArithmeticError, ValueError, NotImplementedError):
            return
        if not all(number.is_finite() for number in numbers):
            return
        terms = [(shift + place, float(number.mid())) for place, number in enumerate(numbers) if number != 0]
    for count in range(1, min(len(terms), TERMS) + 1):
        yield _polynomial(terms[:count], letter)


def _polynomial(terms: Sequence[tuple[int, float]], letter: Form) -> Any:
    """Horner's scheme in the lowest power that all steps share."""
    powers = [power for power, _ in terms]
    total: Any = terms[-1][1]
    for (power, number), following in reversed(list(zip(terms, powers[1:]))):
        total = joined([(number < 0, abs(number)), (False, _times_power(total, letter, following - power))], SUM)
    return _times_power(total, letter, powers[0])


def _times_power(form: Any, letter: Form, power: int) -> Any:
    if not power:
        return form
    return joined([(False, form), (power < 0, spelled(pow, [letter, float(abs(power))]))], PRODUCT)
