"""Exact arithmetic against mpmath used directly, and against what is known on paper."""

import math

import mpmath
import pytest

from autograd_mini import Value, cos, exp, ln, norm_cdf, relu, softplus, sqrt, topological_order, where
from autograd_mini.explain._exact import Exact, context, derivatives, difference, partial, replay
from autograd_mini.primitives import HELPERS, ROWS, MissingColumnError, primitive, sigmoid

POINTS = [(row, point) for row in ROWS for point in row.at]


def relative(a, b):
    with mpmath.workdps(120):
        a, b = mpmath.mpf(a), mpmath.mpf(b)
        if mpmath.isnan(a) and mpmath.isnan(b):
            return 0.0
        return float(abs(a - b) / abs(b)) if b else float(abs(a))


@pytest.mark.parametrize("row, point", POINTS, ids=str)
def test_every_row_reads_the_same_in_exact_arithmetic_as_in_floats(row, point):
    assert relative(row.number(*point), row(*map(Exact, point)).number) <= 8 * 2.0**-53


@pytest.mark.parametrize("row, point", POINTS, ids=str)
def test_every_rule_is_the_slope_of_its_own_function(row, point):
    operands = [Exact(number) for number in point]
    result = row(*operands)
    for position, rule in enumerate(row.partials):
        if rule is not None and row.name not in HELPERS:
            by_rule, by_difference = (partial(row, position, result, operands, way) for way in (False, True))
            assert relative(by_rule, by_difference) <= 8 * 2.0**-53


@pytest.mark.parametrize("name, arguments, expected", [
    ("sigmoid", (-800,), lambda: 1 / (1 + mpmath.exp(800))),
    ("softplus", (-800,), lambda: mpmath.log1p(mpmath.exp(-800))),
    ("log_sigmoid", (800,), lambda: -mpmath.log1p(mpmath.exp(-800))),
    ("logaddexp", (-2000, -2001), lambda: -2000 + mpmath.log1p(mpmath.exp(-1))),
    ("log10", (2,), lambda: mpmath.log10(2)),
    ("norm_cdf", (-40,), lambda: mpmath.ncdf(-40)),
    ("exp2", ("0.5",), lambda: mpmath.sqrt(2)),
    ("cbrt", (-8,), lambda: mpmath.mpf(-2)),
    ("pow", (-2, 3), lambda: mpmath.mpf(-8)),
])
def test_fifty_digits_are_fifty_digits_where_the_textbook_form_cancels(name, arguments, expected):
    with mpmath.workdps(60):
        row = next(row for row in ROWS if row.name == name)
        assert relative(row(*map(Exact, arguments)).number, expected()) < 1e-49


@pytest.mark.parametrize("name, arguments, expected", [
    ("ln", (-1,), math.nan), ("ln", (0,), -math.inf), ("sqrt", (-1,), math.nan), ("div", (1, 0), math.inf),
    ("div", (0, 0), math.nan), ("pow", (-8, 1 / 3), math.nan), ("pow", (0, -2), math.inf), ("pow", (0, 0), 1.0),
    ("acos", (2,), math.nan), ("erfc", (1e300,), 0.0), ("atan2", (0, 0), 0.0)])
def test_outside_a_domain_it_is_nan_or_infinite_and_never_raises_or_turns_complex(name, arguments, expected):
    row = next(row for row in ROWS if row.name == name)
    number = float(row(*map(Exact, arguments)).number)
    assert number == expected or (math.isnan(number) and math.isnan(expected))


def cross_entropy(z, y):
    z = Value(z, name="z")
    a = 1 / (1 + exp(-z))
    return z, -y * ln(a) - (1 - y) * ln(1 - a)


@pytest.mark.parametrize("z", [-5000.0, -800.0, -3.0, 0.0, 40.0, 800.0])
@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("by", ["differences", "rules"])
def test_a_saturated_cross_entropy_and_its_slope_keep_their_digits(z, y, by):
    leaf, loss = cross_entropy(z, y)
    with mpmath.workdps(2300):
        true_loss = mpmath.log1p(mpmath.exp(z)) - y * mpmath.mpf(z)
        true_slope = 1 / (1 + mpmath.exp(-mpmath.mpf(z))) - y
        assert abs(replay(loss)[id(loss)] - true_loss) <= abs(true_loss) * mpmath.mpf(10) ** -48
        assert abs(derivatives(loss, by=by)[id(leaf)] - true_slope) <= abs(true_slope) * mpmath.mpf(10) ** -45


def test_derivatives_do_not_need_the_digits_of_the_constants_in_a_rule():
    x = Value(0.7)
    y = norm_cdf(x)
    with mpmath.workdps(60):
        truth = mpmath.npdf(x.data)
        assert relative(derivatives(y)[id(x)], truth) < 1e-48
        assert 1e-18 < relative(derivatives(y, by="rules")[id(x)], truth) < 1e-15


def test_at_a_kink_the_derivative_is_the_one_the_table_promises():
    x = Value(0.0)
    for y, slope in ((abs(x), 0), (relu(x), 0), (where(x < 1, 3 * x, x), 3), (sqrt(x), math.inf), (cos(x), 0)):
        assert derivatives(y)[id(x)] == slope


def test_a_whole_difference_agrees_with_the_chain_rule_for_leaves_and_inner_nodes():
    x = Value(0.3)
    u = x * x + exp(x)
    y = softplus(u) / u + cos(x)
    for node in topological_order(y):
        assert relative(difference(y, node), derivatives(y)[id(node)]) < 1e-45


def test_nodes_can_be_given_other_numbers():
    x = Value(2.0)
    u = x * x
    y = u + x
    assert replay(y, at={id(x): 3})[id(y)] == 12
    assert replay(y, at={id(u): 100})[id(y)] == 102


def test_nobody_elses_precision_is_touched():
    before = mpmath.mp.dps
    context(200).sin(1)
    derivatives(exp(Value(1.0)), digits=100)
    assert mpmath.mp.dps == before


def test_what_cancels_altogether_is_accepted_at_the_limit():
    x = Value(2.0)
    rest = sqrt(x) ** 2 - x
    assert rest.data != 0 and abs(replay(rest)[id(rest)]) < mpmath.mpf("1e-700")


def test_a_row_without_a_formula_says_which_column_is_missing():
    row = primitive("exactless", math.exp, [lambda y, a: y])
    with pytest.raises(MissingColumnError, match=r"exactless.*'formula'"):
        row(Exact(1.0))


def test_an_unknown_way_of_differentiating_is_an_error():
    with pytest.raises(ValueError, match="'differences' or by 'rules'"):
        derivatives(Value(1.0), by="magic")


def test_a_formula_of_ones_own_is_read_exactly():
    row = primitive("exact_logit", lambda a: math.log(a / (1 - a)), [lambda y, a: 1 / (a * (1 - a))],
                    formula=lambda a: -primitives_ln(1 / a - 1))
    with mpmath.workdps(60):
        assert relative(row(Exact("0.3")).number, mpmath.log(mpmath.mpf("0.3") / mpmath.mpf("0.7"))) < 1e-48
    assert float(sigmoid(row(Exact("0.3"))).number) == pytest.approx(0.3, abs=1e-15)


def primitives_ln(operand):
    from autograd_mini.primitives import ln as row

    return row(operand)
