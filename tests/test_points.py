"""Where formulas are confirmed: what is drawn, that it is true there, and that nothing almost right passes."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import sympy

from autograd_mini import Value, exp, ln, maximum, sin, where
from autograd_mini.explain._ball import Ball
from autograd_mini.explain._draws import MOST_BORDERS, Draws
from autograd_mini.explain._points import Points, relation
from autograd_mini.explain._symbolic import Names


def setting(seed=0, assume=(), x=0.5, y=-2.0):
    leaves = x, y = Value(x, "x"), Value(y, "y")
    u = x * y
    u.name = "u"
    root = exp(u) * sin(x)
    names = Names(root)
    points = Points(names, [relation(text, names) for text in assume], seed)
    return points, leaves, u, root


def in_many_digits(number):
    """A ball, an arb or a float as mpmath's number."""
    return mpmath.mpf(Ball.of(number).centre.str(70, radius=False))


def test_the_first_point_is_the_recorded_one_and_the_others_move_away():
    points, (x, y), _, _ = setting()
    places = [(leaves[id(x)], leaves[id(y)]) for leaves, _ in points.points()]
    assert places[0] == (0.5, -2.0) and len(set(places)) == 3
    assert all(a > 0 > b for a, b in places)                                # a sign is kept
    assert 0 < abs(math.log(places[1][0] / 0.5)) < 0.3 * 4                  # near, then farther away
    again, (x, y), *_ = setting()
    assert places == [(leaves[id(x)], leaves[id(y)]) for leaves, _ in again.points()]
    other, (x, y), *_ = setting(seed=1)
    assert [leaves[id(x)] for leaves, _ in other.points()][1:] != [a for a, _ in places][1:]


def test_what_is_zero_or_huge_is_moved_by_a_number():
    points, (x, y), *_ = setting(x=0.0, y=1e6)
    moved = [(leaves[id(x)], leaves[id(y)]) for leaves, _ in points.points()]
    assert moved[0][0] == 0.0 and all(0 < abs(a) < 5 and abs(b) < 5 for a, b in moved[1:])


def test_a_point_where_the_graph_is_not_finite_is_none():
    x = Value(0.3, "x")
    points = Points(Names(ln(1 - x) * 1.0), [], 0)
    assert len(points.points()) == 3 and all(leaves[id(x)] < 1 for leaves, _ in points.points())
    hopeless = Value(-1.0, "x")
    assert Points(Names(ln(hopeless) * 1.0), [], 0).points() == []


def test_values_and_derivatives_are_true_to_forty_five_digits():
    points, (x, y), u, root = setting()
    with mpmath.workdps(60):
        for number, (leaves, values) in enumerate(points.points()):
            a, b = mpmath.mpf(leaves[id(x)]), mpmath.mpf(leaves[id(y)])
            e, s, c = mpmath.exp(a * b), mpmath.sin(a), mpmath.cos(a)
            for found, exact in [(values[id(root)], e * s), (values[id(u)], a * b),
                                 (points.total(x)[number][1], b * e * s + e * c),
                                 (points.total(y)[number][1], a * e * s), (points.total(u)[number][1], e * s),
                                 (points.local(u, x)[number][1], b),
                                 (points.local(root, u)[number][1], e * s), (points.local(root, x)[number][1], e * c)]:
                assert abs(in_many_digits(found) - exact) <= abs(exact) * mpmath.mpf(10) ** -45
    assert [number for number, _ in points.total(x)] == [number for number, _ in points.local(u, x)] == [0, 1, 2]


@pytest.mark.parametrize("off, agrees", [("0", True), ("1e-44", True), ("1e-38", False), ("-2", False)])
def test_a_formula_agrees_to_forty_digits_or_not_at_all(off, agrees):
    points, (x, y), _, root = setting()
    symbols = {name: points.names.of(node) for name, node in (("x", x), ("y", y))}
    formula = sympy.exp(symbols["x"] * symbols["y"]) * sympy.sin(symbols["x"]) * (1 + sympy.Rational(off))
    for number, (_, values) in enumerate(points.points()):
        assert points.agrees(formula, number, values[id(root)]) is agrees


def test_a_formula_that_is_no_number_agrees_with_nothing():
    points, *_ = setting()
    one = Ball.of(1)
    assert points.agrees(sympy.zoo, 0, one) is False and points.agrees(sympy.I, 0, one) is False
    assert points.agrees(sympy.Integer(0), 0, Ball.of(0)) and not points.agrees(sympy.Integer(0), 0, one)


@pytest.mark.parametrize("text, check", [
    ("x + y = 1", lambda a, b: a + b - 1), ("3*y - x == 2", lambda a, b: 3 * b - a - 2),
    ("x*y = 1", lambda a, b: a * b - 1)])
def test_an_assumption_holds_at_every_point(text, check):
    points, (x, y), *_ = setting(assume=[text])
    with mpmath.workdps(70):
        found = [(in_many_digits(leaves[id(x)]), in_many_digits(leaves[id(y)])) for leaves, _ in points.points()]
        assert len(found) == 3 and len({a for a, _ in found}) > 1
        assert all(abs(check(a, b)) < mpmath.mpf(10) ** -60 for a, b in found)


def test_an_assumption_without_a_sign_of_equality_is_told():
    with pytest.raises(ValueError, match="an assumption is an equation"):
        setting(assume=["x + y"])


# Claims ---------------------------------------------------------------------------------------------------------------

def drawn(root, leaves, domain=None, seed=0):
    domain = {id(leaf): allowed for leaf, allowed in (domain or {}).items()}
    return Draws(leaves, [root], domain, seed)


def test_claims_are_tried_at_the_given_point_at_one_far_out_near_zero_and_at_random():
    x, y = Value(0.75, "x"), Value(-3.0, "y")
    places = list(itertools.islice(drawn(x * y, [x, y]), 60))
    assert places[0] == [0.75, -3.0] and [1.0, 1.0] in places[:4] and [-1.0, -1.0] in places[:4]
    assert [22.5, -90.0] in places and [0.75e-3, -3e-3] in places
    rest = places[6:]
    assert {a > 0 for a, _ in rest} == {True, False} and any(0 < a < 1 and 0 < b < 1 for a, b in rest)
    assert any(abs(a) > 2 for a, _ in rest) and len({tuple(p) for p in rest}) == len(rest)
    assert places == list(itertools.islice(drawn(x * y, [x, y]), 60))
    assert places[6:] != list(itertools.islice(drawn(x * y, [x, y], seed=1), 60))[6:]


@pytest.mark.parametrize("root, border", [
    (lambda x: maximum(x, 2.5), 2.5), (lambda x: abs(x + 300), -300.0), (lambda x: where(2 * x < 3, x, 1.0), 1.5)])
def test_claims_are_tried_close_to_a_border_on_both_sides(root, border):
    x = Value(0.7, "x")
    draws = drawn(root(x), [x])
    (leaf, found), *more = draws.borders
    assert leaf is x and not more and found == pytest.approx(border, rel=1e-12)
    places = [p[0] for p in itertools.islice(draws, 12)]
    for step in (-0.5, -1e-3, 1e-3, 0.5):
        assert any(p == pytest.approx(border + step * abs(border), rel=1e-9) for p in places)


def test_two_borders_in_one_power_of_ten_are_both_seen():
    x = Value(0.7, "x")
    assert [border for _, border in drawn(maximum((x - 20) * (x - 50), 0), [x]).borders] == pytest.approx([20, 50])


def test_borders_are_few():
    x = Value(0.7, "x")
    assert len(drawn(sum(abs(x - k) for k in range(20)), [x]).borders) == MOST_BORDERS


@pytest.mark.parametrize("allowed", [
    (0.1, 0.2), (2.0, math.inf), (-math.inf, -3.0), [0.0, 1.0], (-math.inf, math.inf)], ids=str)
def test_a_domain_is_never_left(allowed):
    x = Value(0.7, "x")
    places = [p[0] for p in itertools.islice(drawn(abs(x - 0.15), [x], {x: allowed}), 80)]
    inside = (lambda p: p in allowed) if isinstance(allowed, list) else (lambda p: allowed[0] <= p <= allowed[1])
    assert all(map(inside, places)) and len(set(places)) > (1 if isinstance(allowed, list) else 50)
