"""Derivative graphs written from noted steps are those that the rules give when they are read."""

import math

import pytest

from autograd_mini import Value, gradient, primitive, text
from autograd_mini._body import terms
from autograd_mini._body.terms import Term
from autograd_mini.primitives import ROWS, TABLE

SHAPES = [Value, lambda x: -Value(-x), lambda x: x]
"""A leaf, a negation, a constant."""


def same(ours, theirs):
    if type(ours) is float or type(theirs) is float:
        return repr(ours) == repr(theirs)
    return text(ours) == text(theirs) and repr(ours.data) == repr(theirs.data)


@pytest.mark.parametrize("row", [row for row in ROWS if row.at], ids=lambda row: row.name)
@pytest.mark.parametrize("factor", [lambda: Value(0.7), lambda: -Value(0.7), lambda: 0.0, lambda: -0.0, lambda: 1.0,
                                    lambda: -1.0, lambda: 2.5])
def test_noted_steps_are_the_rule(row, factor):
    for point in (*row.at, *row.at):  # the second time from notes
        for shapes in [(shape, *SHAPES[::-1][:len(point) - 1]) for shape in SHAPES[:2]]:
            operands = [shape(number) for shape, number in zip(shapes, point)]
            node = next(o for o in operands if type(o) is not float).apply(row, operands)
            for position, rule in enumerate(row.partials):
                if rule is not None:
                    ours = terms.share(Term(factor()), node, position).content
                    theirs = terms._by_rule(row, position, [factor(), node, *operands]).content
                    assert same(ours, theirs), (text(ours), text(theirs))


def test_constants_of_one_kind_do_not_stand_for_each_other():
    x = Value(1.5)
    assert [gradient(x ** power, x).data for power in (2.0, 3.0, 2.0, -1.0)] == [3.0, 6.75, 3.0, -1 / 2.25]
    assert math.copysign(1, gradient(x * 0.0, x).data) == 1 and math.copysign(1, gradient(x * -0.0, x).data) == -1


def test_a_row_of_ones_own_is_read_anew_each_time():
    factor = [2.0]
    scaled = primitive("scaled_by_a_setting", lambda a: factor[0] * a, [lambda y, a: factor[0]])
    x = Value(1.0)
    assert gradient(scaled(x), x).data == 2.0
    factor[0] = 3.0
    assert gradient(scaled(x), x).data == 3.0
    assert "scaled_by_a_setting" in TABLE
