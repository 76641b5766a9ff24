"""Proven bounds against FPTaylor's published ones, and against errors measured with many digits."""

import random

import flint
import mpmath
import pytest

from autograd_mini import Value, bound, exp, ln, maximum, primitive, sin, sqrt, stop_gradient, value_and_grad, where


def doppler(u, v, T):
    speed = 331.4 + 0.6 * T
    return -speed * v / ((speed + u) * (speed + u))


def jet(x1, x2):
    t, d = 3 * x1 * x1 + 2 * x2 - x1, x1 * x1 + 1
    s, u = t / d, (3 * x1 * x1 + 2 * x2 - x1) / d
    return x1 + ((2 * x1 * s * (s - 3) + x1 * x1 * (4 * s - 6)) * d + 3 * x1 * x1 * s + x1 * x1 * x1 + x1 + 3 * u)


def himmelblau(x, y):
    a, b = x * x + y - 11, x + y * y - 7
    return a * a + b * b


FPTAYLOR = {  # Solovyev et al., TOPLAS 2018: inputs are real numbers that are rounded first
    "rigidBody1": (lambda x1, x2, x3: -(x1 * x2) - 2 * x2 * x3 - x1 - x3, dict.fromkeys(("x1", "x2", "x3"), (-15, 15)),
                   2.95e-13),
    "rigidBody2": (lambda x1, x2, x3: 2 * x1 * x2 * x3 + 3 * x3 * x3 - x2 * x1 * x2 * x3 + 3 * x3 * x3 - x2,
                   dict.fromkeys(("x1", "x2", "x3"), (-15, 15)), 3.61e-11),
    "himmilbeau": (himmelblau, dict.fromkeys(("x", "y"), (-5, 5)), 1.00e-12),
    "turbine1": (lambda v, w, r: 3 + 2 / (r * r) - 0.125 * (3 - 2 * v) * (w * w * r * r) / (1 - v) - 4.5,
                 {"v": (-4.5, -0.3), "w": (0.4, 0.9), "r": (3.8, 7.8)}, 1.67e-14),
    "doppler1": (doppler, {"u": (-100, 100), "v": (20, 20000), "T": (-30, 50)}, 1.22e-13),
    "jet": (jet, {"x1": (-5, 5), "x2": (-20, 5)}, 1.07e-11),
}


@pytest.mark.parametrize("name", FPTAYLOR)
def test_bounds_are_as_small_as_those_that_were_published(name):
    f, box, published = FPTAYLOR[name]
    assert bound(f, box, seconds=6, rounded_inputs=True).value <= 1.5 * published


@pytest.mark.parametrize("f, in_many_digits, box", [
    (doppler, doppler, {"u": (-100, 100), "v": (20, 20000), "T": (-30, 50)}),
    (lambda x, y: exp(x) * sin(y) / sqrt(x + 2), lambda x, y: mpmath.exp(x) * mpmath.sin(y) / mpmath.sqrt(x + 2),
     {"x": (-1.0, 3.0), "y": (0.0, 6.0)}),
    (lambda x, y: ln(x * x + 1) - maximum(x, y), lambda x, y: mpmath.log(x * x + 1) - max(x, y),
     {"x": (-2.0, 2.0), "y": (-1.0, 1.0)}),
])
def test_no_error_of_value_or_derivative_is_larger_than_its_bound(f, in_many_digits, box):
    errors, generator = bound(f, box, seconds=1), random.Random(0)
    derivative, largest = value_and_grad(f, argnums=tuple(range(len(box)))), 0.0
    for _ in range(200):
        point = [generator.uniform(*side) for side in box.values()]
        value, slopes = derivative(*point)
        with mpmath.workdps(60):
            exact = [mpmath.mpf(number) for number in point]
            off = abs(value - in_many_digits(*exact))
            assert off <= errors.value
            largest = max(largest, float(off))
            for position, (slope, allowed) in enumerate(zip(slopes, errors.slopes.values())):
                h = mpmath.mpf(10) ** -25
                sides = [in_many_digits(*[n + step if i == position else n for i, n in enumerate(exact)])
                         for step in (h, -h)]
                assert abs(slope - (sides[0] - sides[1]) / (2 * h)) <= allowed
    assert errors.value < 100 * largest


def test_a_branch_that_rounding_may_flip_counts_with_its_jump():
    def step(x):
        return where(0.1 * x * 3 < 0.3, 1.0, 5.0)

    assert bound(step, {"x": (0.0, 2.0)}, seconds=1).value >= 4
    assert bound(step, {"x": (0.0, 0.5)}, seconds=1).value == 0
    assert bound(lambda x: where(x < 1, 1.0, 5.0), {"x": (0.0, 2.0)}, seconds=1).value == 0


def test_a_row_of_ones_own_says_where_it_jumps_and_how_far():
    row = primitive("bounded_step", lambda a: 3.0 * (a > 0), [lambda y, a: 0.0], edge=lambda y, a: a, jump=3,
                    exact=lambda a: flint.arb(1.5, 1.5) if a.contains(0) else flint.arb(3 * int(a > 0)), ulps=(0, 0))
    assert bound(lambda x: row(0.1 * x * 3 - 0.3), {"x": (0.0, 2.0)}, seconds=0.5).value == pytest.approx(3)
    assert bound(lambda x: row(0.1 * x * 3 - 0.3), {"x": (0.0, 0.5)}, seconds=0.5).value == 0


def test_where_nothing_is_proven_the_bound_is_infinite():
    assert bound(lambda x: 1 / x, {"x": (-1.0, 1.0)}, seconds=0.2).value == float("inf")


def test_a_graph_has_bounds_by_the_names_of_its_leaves():
    x, y = Value(1.0, "x"), Value(2.0, "y")
    errors = bound(x * y + x, {x: (1.0, 2.0)})
    assert list(errors.slopes) == ["x"] and "derivative by x" in str(errors)
    with pytest.raises(ValueError, match="'q'"):
        bound(x * y, {"q": (0.0, 1.0)})
    with pytest.raises(ValueError, match="interval"):
        bound(x * y, {"x": (2.0, 1.0)})


def test_what_passes_through_stop_gradient_is_rounded_all_the_same():
    through = bound(lambda x: x * stop_gradient(sin(3 * x)), {"x": (1.0, 2.0)}, seconds=1)
    assert through.value == pytest.approx(bound(lambda x: x * sin(3 * x), {"x": (1.0, 2.0)}, seconds=1).value, rel=0.1)
    assert through.slopes["x"] >= 2.0 ** -53
