"""`diagnose` finds where digits were lost; `stabilize` writes the form that keeps them. mpmath is the judge."""

import inspect
import itertools
import math

import mpmath
import pytest

import autograd_mini as am
from autograd_mini import (
    StaleGraphError,
    Value,
    cos,
    diagnose,
    draw,
    exp,
    gradient,
    ln,
    primitive,
    record_source,
    sigmoid,
    sin,
    sqrt,
    stabilize,
    tanh,
    where,
)
from autograd_mini._core.graph import topological_order
from autograd_mini.explain._ball import agree
from autograd_mini.explain._replay import derivatives, replay


def cross_entropy(z, y):
    z, y = Value(z, "z"), Value(y, "y")
    a = 1 / (1 + exp(-z))
    a.name = "a"
    return -y * ln(a) - (1 - y) * ln(1 - a), z


@pytest.mark.parametrize("z, y, loss, slope, kind, place", [
    (40.0, 0.0, 40.0, 1.0, "cancelled", "1 - a"), (-800.0, 1.0, 800.0, -1.0, "overflowed", "exp(-z)"),
    (30.0, 0.0, 30.0, 1.0, "cancelled", "1 - a")])
def test_the_saturated_cross_entropy_is_found_explained_and_cured(z, y, loss, slope, kind, place):
    root, leaf = cross_entropy(z, y)
    diagnosis = diagnose(root, [leaf])
    assert not diagnosis.ok
    for trouble in diagnosis.troubles:
        assert trouble.kind == kind and place in trouble.reason
    assert diagnosis.digits_lost(root) > 10 and float(diagnosis.exact_gradient(leaf)) == pytest.approx(slope, abs=1e-12)
    stable = diagnosis.stabilized.value
    stable.backward()
    assert stable.data == pytest.approx(loss, abs=1e-12) and leaf.grad == pytest.approx(slope, abs=1e-12)
    assert str(diagnosis).endswith("write instead\n  -y * log_sigmoid(z) - (1 - y) * log_sigmoid(-z)")


def test_a_derivative_without_a_digit_is_warned_of():
    x = Value(1e-5, "x")
    diagnosis = diagnose((1 - cos(x)) / x ** 2)
    assert diagnosis.gradient_digits_lost(x) == 16 and 8 < diagnosis.digits_lost(diagnosis.root) < 11
    assert float(diagnosis.exact_gradient(x)) == pytest.approx(-8.3333333e-7)
    assert {trouble.node.operation.name for trouble in diagnosis.troubles} == {"sub"}
    assert diagnose(diagnosis.stabilized.value).digits_lost(diagnosis.stabilized.value) < 1


def test_a_healthy_graph_has_nothing_to_report():
    root, _ = cross_entropy(0.7, 1.0)
    diagnosis = diagnose(root)
    assert diagnosis and not diagnosis.troubles and "all 3 cases hold" in str(diagnosis)


def inputs(**numbers):
    return [Value(number, name) for name, number in numbers.items()]


def test_a_slope_of_terms_that_cancel_to_the_last_digit_is_shown_as_it_is():
    x = Value(1e-30, "x")
    with mpmath.workdps(100):
        t = mpmath.mpf(x.data)
        true = mpmath.diff(lambda t: (mpmath.mpf(1) / 2 - t**2 / 24 + t**4 / 720), t)
    assert float(diagnose((1 - cos(x)) / x**2).exact_gradient(x)) == pytest.approx(float(true), rel=1e-15)
    x, e = Value(1e-40, "x"), Value(1e-40, "e")
    slope = diagnose(sin(x + e) - sin(x)).exact_gradient(x)
    assert float(slope) == pytest.approx(-1.5e-80, rel=1e-15) and str(slope) == "-1.5e-80"


def test_what_no_precision_decides_is_said_and_is_no_number():
    x = Value(2.0, "x")
    diagnosis = diagnose(where(sqrt(x) ** 2 <= x, x, 3 * x))
    assert "undecided, whatever the precision: value, gradient by x" in str(diagnosis)
    assert not diagnosis.exact(diagnosis.root).is_proven()


def test_a_primitive_of_ones_own_is_diagnosed_by_its_exact_column():
    row = primitive("diagnosed_lgamma", math.lgamma, [lambda y, x: y], exact="lgamma")
    x = Value(3.5, "x")
    diagnosis = diagnose(row(x) * 2)
    assert float(diagnosis.exact(diagnosis.root)) == pytest.approx(2 * math.lgamma(3.5), rel=1e-15)
    assert float(diagnosis.exact_gradient(x)) == pytest.approx(2 * float(mpmath.digamma(3.5)), rel=1e-15)
    assert not diagnosis.ok  # its rule is wrong, and balls do not believe rules


@pytest.mark.parametrize("build, numbers, kind", [
    (lambda x: ln(x) * 2, {"x": -1.0}, "made a nan"),
    (lambda x: 3 / x, {"x": 0.0}, "divided by zero"),
    (ln, {"x": 0.0}, "infinite"),
    (lambda x: sqrt(x) + 1, {"x": 0.0}, "infinite"),
    (lambda x: ln(exp(x)), {"x": 1000.0}, "overflowed"),
    (lambda x: sqrt(x * x + 1), {"x": 1e200}, "overflowed"),
    (lambda x: ln(exp(x)), {"x": -1000.0}, "underflowed"),
    (lambda x, y: (x + y) - x, {"x": 1e16, "y": 1.2345}, "cancelled"),
    (lambda x: ln(1 + x), {"x": 1e-13}, "ill-conditioned"),
    (lambda x: exp(x) / exp(x + 1), {"x": 800.0}, "overflowed"),
    (lambda x: x * 1.0 - 1.0, {"x": math.nan}, "given"),
])
def test_each_kind_of_trouble_has_its_name(build, numbers, kind):
    diagnosis = diagnose(build(*inputs(**numbers)))
    assert diagnosis.troubles[0].kind == kind, diagnosis


def test_the_way_from_the_cause_to_the_result_is_told():
    root, _ = cross_entropy(40.0, 0.0)
    spread = diagnose(root).troubles[0].spread
    assert [node.operation.name for node in spread] == ["sub", "ln", "mul", "sub"] and spread[-1] is root


def test_the_line_of_code_is_blamed_where_it_was_recorded():
    with record_source():
        z = Value(40.0, "z")
        a = 1 / (1 + exp(-z))
        bad = 1 - a
        line = inspect.currentframe().f_lineno - 1
        root = ln(bad)
    diagnosis = diagnose(root)
    assert diagnosis.troubles[0].source == (__file__, line)
    assert f"written on line {line} of test_diagnose.py" in str(diagnosis)


def test_the_graph_is_left_as_it_was():
    root, z = cross_entropy(40.0, 0.0)
    z.grad = 7.0
    diagnose(root)
    assert z.grad == 7.0 and root.grad is None


def test_a_drawing_can_be_coloured_by_lost_digits():
    root, _ = cross_entropy(30.0, 0.0)
    assert "digits lost" in draw(root, color=diagnose(root).digits_lost).svg()


def test_a_big_graph_is_told_in_a_few_lines():
    losses = [cross_entropy(z / 3.0, 0.0)[0] for z in range(200)]
    total = sum(losses)
    text = str(diagnose(total, [total]))
    assert len(text.splitlines()) < 20 and "at 200 places" in text


def test_requests_that_cannot_be_met_are_told():
    x = Value(1.0, "x")
    with pytest.raises(TypeError, match="only a Value can be diagnosed"):
        diagnose(1.0)
    with pytest.raises(TypeError, match="only a Value can be stabilised"):
        stabilize(1.0)
    with pytest.raises(ValueError, match="does not depend"):
        diagnose(exp(x), [Value(2.0, "q")])
    y = exp(x)
    x.data = 2.0
    for ask in (diagnose, stabilize):
        with pytest.raises(StaleGraphError):
            ask(y)


SMALL = (-700.0, -40.0, -1.0, -1e-5, -1e-12, 1e-12, 1e-5, 0.3, 1.0, 40.0, 700.0)
FORMS = {
    "sigmoid": (lambda z: 1 / (1 + exp(-z)), "sigmoid(z)"),
    "sigmoid of -z": (lambda z: 1 / (1 + exp(z)), "sigmoid(-z)"),
    "sigmoid with exp above": (lambda z: exp(z) / (1 + exp(z)), None),
    "complement": (lambda z: 1 - sigmoid(z), "sigmoid(-z)"),
    "log sigmoid": (lambda z: ln(1 / (1 + exp(-z))), "log_sigmoid(z)"),
    "log complement": (lambda z: ln(1 - 1 / (1 + exp(-z))), "log_sigmoid(-z)"),
    "softplus": (lambda z: ln(1 + exp(z)), "softplus(z)"),
    "log exp": (lambda z: ln(exp(z)), "z"),
    "expm1": (lambda z: exp(z) - 1, "expm1(z)"),
    "1 - exp": (lambda z: 1 - exp(z), "-expm1(z)"),
    "1 - cos": (lambda z: 1 - cos(z), "2 * square(sin(z / 2))"),
    "log1p": (lambda z: ln(1 + z * z), "log1p(z * z)"),
    "log of 1 minus": (lambda z: ln(1 - sin(z) / 2), None),
    "hypot": (lambda z: sqrt(z ** 2 + (3 * z) ** 2), None),
    "root of 1 + x^2": (lambda z: sqrt(1 + z * z), "hypot(z, 1)"),
    "tanh": (lambda z: (exp(z) - exp(-z)) / (exp(z) + exp(-z)), "tanh(z)"),
    "log-sum-exp": (lambda z: ln(exp(z) + exp(2 * z)), None),
    "cross-entropy, y = 0": (lambda z: -ln(1 - 1 / (1 + exp(-z))), "-log_sigmoid(-z)"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_stable_form_is_the_same_function_and_never_loses_more(name):
    build, formula = FORMS[name]
    helped = False
    for number in (*SMALL, 1e200) if "hypot" in str(formula) or name == "hypot" else SMALL:
        z = Value(number, "z")
        before = build(z)
        after, changes = stabilize(before)
        if not changes:  # nothing was wrong at the points tried
            continue
        if formula:
            assert str(stabilize(before)).splitlines()[-1] == f"stable form: {formula}"
        same = replay(before, after, needed=(before, after))
        assert agree(same[id(before)], same[id(after)])
        values, slopes = derivatives(before)
        with mpmath.workdps(60):
            true, slope = (mpmath.mpf(ball.centre.str(50, radius=False))
                           for ball in (values[id(before)], slopes[id(z)]))
            errors = []
            for node in (before, after):
                node.backward()
                errors.append((relative(node.data, true), relative(z.grad, slope)))
        assert errors[1][0] <= max(errors[0][0], 1e-15) and errors[1][1] <= max(errors[0][1], 1e-14)
        helped |= errors[1][0] < errors[0][0] / 10 or errors[1][1] < errors[0][1] / 10
    assert helped


def relative(found, true):
    if not math.isfinite(found):
        return 0.0 if abs(true) > 1.79e308 else math.inf
    if true == 0 or (abs(true) < 1e-307 and abs(found) < 1e-307):
        return 0.0
    return float(min(abs((found - true) / true), 1e300))


@pytest.mark.parametrize("scores", list(itertools.permutations((800.0, -5.0, 2.0))))
def test_log_softmax_keeps_every_digit(scores):
    z = [Value(score, f"z{i}") for i, score in enumerate(scores)]
    e = [exp(score) for score in z]
    loss, _ = stabilize(-ln(e[0] / (e[0] + e[1] + e[2])))
    loss.backward()
    with mpmath.workdps(400):
        shares = [mpmath.exp(score) for score in scores]
        true = -mpmath.log(shares[0] / sum(shares))
        assert abs(loss.data - true) <= 1e-15 * true + 1e-308
        for i, node in enumerate(z):
            assert abs(node.grad - (shares[i] / sum(shares) - (i == 0))) <= 1e-15


def test_the_stable_form_of_the_cross_entropy_is_softplus_minus_y_z():
    for number, y in zip(SMALL, itertools.cycle((0.0, 0.3, 1.0))):
        root, z = cross_entropy(number, y)
        stable, _ = stabilize(root)
        with mpmath.workdps(400):
            assert relative(stable.data, mpmath.log1p(mpmath.exp(number)) - mpmath.mpf(y) * number) < 1e-15
            assert relative(gradient(stable, z).data, 1 / (1 + mpmath.exp(-mpmath.mpf(number))) - mpmath.mpf(y)) < 1e-13


def test_names_and_leaves_are_kept_and_what_is_stable_is_not_touched():
    root, z = cross_entropy(1.0, 1.0)
    stable, _ = stabilize(root)
    assert any(node is z for node in topological_order(stable))
    y = tanh(z) * z + 1
    assert stabilize(y).value is y and str(stabilize(y)) == "nothing to change"


@pytest.mark.parametrize("f, at", [
    (lambda x: am.ln(x + 1) - am.ln(x), 1e8), (lambda x: (am.exp(2 * x) - 1) / (am.exp(2 * x) + 1), 800.0),
    (lambda x: 1 - am.norm_cdf(x), 9.0), (lambda x: am.sqrt(x * x + 1) - x, 1e9),
])
def test_a_remedy_that_cures_nothing_is_not_printed(f, at):
    diagnosis = am.diagnose(f(am.Value(at, "x")))
    assert not diagnosis.ok
    shown = str(diagnosis)
    if "write instead" in shown:  # then it was measured, and keeps digits that were lost
        form = diagnosis.stabilized.value
        assert abs(form.data / float(diagnosis.exact(diagnosis.root)) - 1) < 1e-8


def test_a_remedy_that_cures_is_printed():
    z = am.Value(40.0, "z")
    shown = str(am.diagnose(-am.ln(1 - 1 / (1 + am.exp(-z)))))
    assert shown.endswith("write instead\n  -log_sigmoid(-z)") and "tried here" not in shown
