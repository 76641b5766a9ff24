"""Balls against mpmath used directly, and against what is known on paper."""

import math
import threading

import flint
import mpmath
import pytest
from reference import FUNCTIONS, Undefined

from autograd_mini import (
    Value,
    abs,
    cos,
    exp,
    ln,
    maximum,
    norm_cdf,
    relu,
    sin,
    sqrt,
    stop_gradient,
    tanh,
    where,
)
from autograd_mini.explain._ball import Ball, local, precision
from autograd_mini.explain._replay import derivatives, replay, true_derivatives
from autograd_mini.primitives import HELPERS, ROWS, MissingColumnError, primitive

POINTS = [(row, point) for row in ROWS for point in row.at]


def exactly(ball):
    """The middle of a ball as an mpf."""
    mantissa, exponent = ball.centre.mid().man_exp()
    return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))


def close(ball, truth, digits=40):
    with mpmath.workdps(60):
        return mpmath.fabs(exactly(ball) - truth) <= mpmath.mpf(10) ** -digits * mpmath.fabs(truth)


@pytest.mark.parametrize("row, point", POINTS, ids=str)
def test_every_row_is_read_as_mpmath_has_it(row, point):
    with precision(400):
        ball = row(*map(Ball.of, point))
        assert ball.is_proven(150) or ball.is_special()
    with mpmath.workdps(60):
        try:
            truth = FUNCTIONS[row.name](*map(mpmath.mpf, point))
        except Undefined:
            assert ball.is_special()
            return
        if not ball.is_special() and row.name != "chain":  # 0 times anything is 0 there
            assert close(ball, truth)


@pytest.mark.parametrize("row, point", [(r, p) for r, p in POINTS if r.name not in HELPERS], ids=str)
def test_local_slopes_are_those_of_the_rules_though_no_rule_was_used(row, point):
    with precision(400):
        operands = [Ball.of(number) for number in point]
        result = row(*operands)
        for position, rule in enumerate(row.partials):
            if rule is not None:
                slope = float(local(row, position, result, operands))
                by_rule = row.partial(position, float(result), *point)
                assert slope == pytest.approx(by_rule, rel=20 * 2.0**-52, abs=0, nan_ok=True)


@pytest.mark.parametrize("name, operands, expected", [
    ("ln", (-1,), math.nan), ("ln", (0,), -math.inf), ("sqrt", (-1,), math.nan), ("div", (1, 0), math.inf),
    ("div", (0, 0), math.nan), ("pow", (-8, 1 / 3), math.nan), ("pow", (0, -2), math.inf), ("pow", (0, 0), 1.0),
    ("acos", (2,), math.nan), ("erfc", (1e300,), 0.0), ("atan2", (0, 0), 0.0), ("minimum", (math.inf, 2), 2.0)])
def test_outside_a_domain_it_is_nan_or_infinite_as_in_floats(name, operands, expected):
    row = next(row for row in ROWS if row.name == name)
    with precision(192):
        number = float(row(*map(Ball.of, operands)))
    assert number == expected or (math.isnan(number) and math.isnan(expected))


def test_what_leaves_the_domain_only_at_one_end_of_a_ball_is_undecided():
    with precision(192):
        for row in ROWS:
            if row.name in ("ln", "reciprocal"):
                assert not row(Ball(flint.arb(0, 1e-30))).is_proven()


def test_an_undecided_comparison_chooses_both_sides():
    less, choose = (next(row for row in ROWS if row.name == name) for name in ("less", "where"))
    with precision(192):
        decided = less(Ball(flint.arb(0, 1e-30)), Ball.of(0))
        assert decided.number.contains(0) and decided.number.contains(1)
        union = choose(decided, Ball.of(2), Ball.of(5)).number
        assert union.contains(2) and union.contains(5)


@pytest.mark.parametrize("z", [-5000.0, -800.0, -3.0, 0.0, 40.0, 800.0])
@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
def test_a_saturated_cross_entropy_and_its_slope_keep_their_digits(z, y):
    leaf = Value(z)
    a = 1 / (1 + exp(-leaf))
    loss = -y * ln(a) - (1 - y) * ln(1 - a)
    values, slopes = derivatives(loss, bits=150)
    with mpmath.workdps(2300):
        for ball, truth in ((values[id(loss)], mpmath.log1p(mpmath.exp(z)) - y * mpmath.mpf(z)),
                            (slopes[id(leaf)], 1 / (1 + mpmath.exp(-mpmath.mpf(z))) - y)):
            assert ball.is_proven(150)
            assert close(ball, truth) or mpmath.fabs(exactly(ball) - truth) < mpmath.mpf(2) ** -1074


def test_what_cancels_is_computed_again_until_it_is_proven():
    x, e = Value(1e-40), Value(1e-40)
    slope = derivatives(sin(x + e) - sin(x))[1][id(x)]
    with mpmath.workdps(200):
        assert close(slope, mpmath.cos(2 * mpmath.mpf(1e-40)) - mpmath.cos(mpmath.mpf(1e-40)), 17)
    x = Value(1e-30)
    assert float(derivatives((1 - cos(x)) / x**2)[1][id(x)]) == pytest.approx(-1e-30 / 12, rel=1e-15)


def test_what_cancels_altogether_is_zero_to_a_float_and_says_no_digits():
    x = Value(2.0)
    rest = sqrt(x) ** 2 - x
    ball = replay(rest)[id(rest)]
    assert rest.data != 0 and ball.is_proven() and str(ball) == "0" and abs(float(ball)) < 1e-300


def test_what_cannot_be_decided_is_no_number():
    x = Value(2.0)
    choice = where(sqrt(x) ** 2 <= x, 1.0, 3.0)
    ball = replay(choice)[id(choice)]
    assert not ball.is_proven() and str(ball).startswith("undecided")


def test_at_kinks_and_edges_slopes_are_those_the_contract_promises():
    x = Value(0.0)
    for y, slope in ((abs(x), 0), (relu(x), 0), (maximum(x, 0.0), 0.5), (where(x < 1, 3 * x, x), 3),
                     (sqrt(x), math.inf), (x**2.5, 0), (0 * sqrt(x), 0), (sqrt(x) ** 2, 0)):
        assert float(derivatives(y)[1][id(x)]) == slope
    assert float(derivatives(stop_gradient(x + 3) * x)[1][id(x)]) == 3


def test_the_density_of_the_normal_distribution_has_all_its_digits():
    x = Value(0.7)
    y = norm_cdf(x)
    with mpmath.workdps(60):
        assert close(derivatives(y, bits=200)[1][id(x)], mpmath.npdf(x.data))


@pytest.mark.parametrize("name, point", [
    ("sinc", (0.0,)), ("sinc", (1.3,)), ("exprel", (0.0,)), ("exprel", (1e-20,)), ("entr", (0.0,)),
    ("xlogy", (0.0, 0.0)), ("xlog1py", (0.0, -1.0)), ("log_norm_cdf", (-40.0,)), ("norm_ppf", (1e-20,)),
    ("lgamma", (-1.3,)), ("digamma", (1.4616321449683622,)), ("logit", (0.5,)), ("erfcx", (30.0,))])
def test_special_functions_are_proven_where_formulas_are_not_defined(name, point):
    row = next(row for row in ROWS if row.name == name)
    leaves = list(map(Value, point))
    y = getattr(leaves[0], name)(*leaves[1:])
    values, slopes = derivatives(y, bits=100)
    assert float(values[id(y)]) == pytest.approx(row.number(*point), rel=1e-15, abs=1e-300)
    for i, leaf in enumerate(leaves):
        assert slopes[id(leaf)].is_proven(90)
        assert float(slopes[id(leaf)]) == pytest.approx(row.partial(i, y.data, *point), rel=1e-14, abs=1e-300)


def test_derivatives_of_any_order_are_found_without_a_rule():
    x = Value(0.7)
    with mpmath.workdps(60):
        for order in range(1, 5):
            truth = mpmath.diff(lambda t: mpmath.exp(mpmath.tanh(t)), mpmath.mpf(0.7), order)
            assert close(true_derivatives(exp(tanh(x)), [x], order)[(0,) * order], truth, 18)


def test_nodes_can_be_given_other_numbers():
    x = Value(2.0)
    u = x * x
    y = u + x
    assert float(replay(y, at={id(x): 3})[id(y)]) == 12
    assert float(replay(y, at={id(u): 100})[id(y)]) == 102


def test_a_row_of_ones_own_says_how_exact_arithmetic_reads_it():
    log_gamma = primitive("ball_lgamma", math.lgamma, [lambda y, x: digamma(x)], exact="lgamma")
    digamma = primitive("ball_digamma", lambda x: float(mpmath.digamma(x)), [None], exact=lambda x: x.digamma())
    x = Value(3.5)
    slopes = derivatives(log_gamma(x) * 2, bits=150)[1]
    with mpmath.workdps(60):
        assert close(slopes[id(x)], 2 * mpmath.digamma(3.5))
    y = digamma(x)
    assert float(replay(y)[id(y)]) == pytest.approx(1.1031566406452432, rel=1e-15)


def test_a_row_that_exact_arithmetic_cannot_read_says_what_to_give():
    row = primitive("ball_less", math.exp, [lambda y, a: y])
    with pytest.raises(MissingColumnError, match=r"ball_less.*exact="):
        replay(row(Value(1.0)))


def test_precision_is_given_back_and_threads_do_not_disturb_each_other():
    before = flint.ctx.prec, flint.ctx.cap
    x, found = Value(0.3), []
    y = sin(x) - x
    threads = [threading.Thread(target=lambda bits=bits: found.append(replay(y, bits=bits)[id(y)].is_proven(bits)))
               for bits in (64, 500, 3000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 3 and (flint.ctx.prec, flint.ctx.cap) == before
