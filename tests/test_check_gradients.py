"""check_gradients finds what is wrong, says who is the odd one out, and does not cry wolf."""

import math

import numpy as np
import pytest
from scipy import special

import autograd_mini as ag
from autograd_mini import check_gradients, primitives
from autograd_mini.explain import _differences as differences
from autograd_mini.explain._replay import true_derivatives
from autograd_mini.explain._report import SHOWN, Case, Report
from autograd_mini.testing import assert_gradients

off_by_a_millionth = ag.primitive("off_by_a_millionth", math.sin, [lambda y, a: ag.cos(a) * 1.000001],
                                  formula=ag.sin)
off_by_a_little = ag.primitive("off_by_a_little", math.sin, [lambda y, a: ag.cos(a) + 1e-6],
                               formula=ag.sin)
wrong_second = ag.primitive("wrong_second", math.sin, [lambda y, a: ag.stop_gradient(ag.cos(a))],
                            formula=ag.sin)
one_sided = ag.custom_gradient(abs, lambda y, a: 1.0 + 0 * a, name="one_sided", operands=1)
black_box = ag.custom_gradient(special.expit, lambda y, a: y * (1 - y), name="checked_expit", operands=1)
wrong_box = ag.custom_gradient(special.expit, lambda y, a: y * (1 + y), name="wrong_expit", operands=1)


def cost(w, b):
    z = w @ np.array([1.0, -2.0]) + b
    return ag.softplus(z) - 0.3 * z


def cost_gradient(w, b):
    dz = ag.sigmoid(w @ np.array([1.0, -2.0]) + b) - 0.3
    return dz * np.array([1.0, -2.0]), dz


class TestWhatIsRight:
    def test_structures_of_arrays_with_their_closed_form(self):
        report = check_gradients(cost, np.array([0.2, 0.1]), 0.5, closed_form=cost_gradient, order=3, points=1)
        assert report.ok and report and not report.findings
        assert len(report.cases) == 2 * (3 + 9 + 27)

    @pytest.mark.parametrize("row", [row for row in primitives.ROWS if row.at and row.name not in primitives.HELPERS],
                             ids=lambda row: row.name)
    def test_every_row_of_the_table_at_its_sample_points(self, row):
        for point in row.at:
            moderate = all(1e-100 < abs(operand) < 1e100 for operand in point)
            report = check_gradients(row, *point, order=3 if moderate else 1, points=0)
            assert report.ok, report

    def test_kinks_and_ends_are_no_errors(self):
        assert check_gradients(lambda x: abs(x) + ag.relu(x) + ag.floor(x), 0.0)
        assert check_gradients(ag.sqrt, 0.0) and check_gradients(ag.ln, -1.0)
        assert check_gradients(lambda x, y: ag.maximum(x, y) * x, 1.0, 1.0, points=0)

    def test_a_cancelled_sum_is_judged_by_its_terms(self):
        assert check_gradients(lambda x: ((x + 1e8) - 1e8) ** 2, 1e-3)
        assert check_gradients(lambda x: ag.exp(x) - 1 - x - x * x / 2, 1e-5)

    def test_outputs_of_any_structure(self):
        report = check_gradients(lambda x: {"a": [x ** 2, x], "b": x * np.ones(2)}, 2.0, points=0, order=1)
        assert report.ok
        assert [case.cells[1] for case in report.cases] == [
            "df['a'][0]/dx", "df['a'][1]/dx", "df['b'][0]/dx", "df['b'][1]/dx"]

    def test_the_gradient_of_a_function_can_be_the_function_that_is_checked(self):
        assert check_gradients(ag.grad(lambda x: x[0] ** 2 * x[1]), np.array([3.0, 2.0]), order=1,
                               closed_form=lambda x: np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 0.0]]))

    def test_values_from_outside_are_left_alone(self):
        w = ag.Value(2.0)
        assert check_gradients(lambda x: w * x ** 2, 3.0, closed_form=lambda x: 4 * x)
        assert w.grad is None

    def test_a_black_box_without_true_numbers(self):
        report = check_gradients(black_box, 0.3, closed_form=lambda x: special.expit(x) * special.expit(-x))
        assert report.ok and "formula" in report.findings[0]

    def test_a_function_that_cannot_be_recorded(self):
        report = check_gradients(math.erf, 0.5, closed_form=lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x))
        assert report.ok and "cannot record" in report.findings[0]


class TestWhatIsWrong:
    def test_a_closed_form(self):
        report = check_gradients(cost, np.array([0.2, 0.1]), 0.5, order=1, points=1,
                                 closed_form=lambda w, b: (cost_gradient(w, b)[0], cost_gradient(w, b)[1] * 1.000001))
        assert [case.cells[:2] for case in report.failures] == [(0, "df/db"), (1, "df/db")]
        assert "the closed form is the odd one out" in report.findings[0] and len(report.findings) == 2

    @pytest.mark.parametrize("row", [off_by_a_millionth, off_by_a_little])
    @pytest.mark.parametrize("modes", [("fwd",), ("rev",)])
    def test_a_rule_of_the_table_is_named(self, row, modes):
        report = check_gradients(lambda x: 3 * row(ag.exp(x)), 0.1, order=1, points=0, modes=modes)
        assert not report.ok
        assert f"the engine ({modes[0]}) is the odd one out" in report.findings[0]
        assert f"the cause is primitive {row.__name__!r} at (1.1051709180756477)" in report.findings[0]

    def test_a_rule_with_a_wrong_derivative_of_its_own(self):
        report = check_gradients(lambda x: wrong_second(x) * 2, 0.7, order=2, points=0)
        assert [case.cells[1] for case in report.failures] == ["d2f/dx dx"]
        assert "the cause is primitive 'wrong_second'" in report.findings[0]

    def test_the_rule_of_a_black_box(self):
        report = check_gradients(lambda x: wrong_box(x) ** 2, 0.3, order=1, points=0)
        assert not report.ok and "the cause is primitive 'wrong_expit'" in report.findings[0]
        report = check_gradients(wrong_box, 0.3, order=1, points=0,
                                 closed_form=lambda x: special.expit(x) * special.expit(-x))
        assert "the engine is the odd one out" in report.findings[0]
        report = check_gradients(black_box, 0.3, order=1, points=0, closed_form=special.expit)
        assert "the closed form is the odd one out" in report.findings[0]

    def test_a_gradient_lost_on_the_way(self):
        report = check_gradients(lambda x: x * x.data, 2.0, order=1, points=0)
        assert not report.ok and "a way that its graph does not show" in report.findings[0]

    def test_numbers_that_overflow_on_the_way(self):
        report = check_gradients(lambda z: ag.ln(1 + ag.exp(z)), 800.0, order=1, points=0)
        assert not report.ok and "exp(800.0) is inf" in report.findings[0]

    def test_a_closed_form_of_a_function_that_cannot_be_recorded(self):
        report = check_gradients(math.erf, 0.5, closed_form=lambda x: math.exp(-x * x))
        assert not report.ok and "closed form and differences contradict" in report.findings[-1]

    def test_a_right_formula_that_loses_digits_is_told_from_a_wrong_one(self):
        def loss(z):
            return ag.softplus(z)

        def textbook(z):
            a = 1 / (1 + ag.exp(-z))
            return (-1 / a + 0 + 1 / a) + (1 / (1 - a)) * (a - a * a)

        report = check_gradients(loss, 38.0, closed_form=textbook, order=1, points=0)
        assert report.ok and "loses its digits" in report.findings[0]
        assert not check_gradients(loss, 38.0, closed_form=lambda z: textbook(z) + 1e-6, order=1, points=0)


class TestPoints:
    def test_they_are_where_the_domain_says_and_repeat_with_the_seed(self):
        seen = []

        def f(x, y):
            seen.append((x.data, y.data) if isinstance(x, ag.Value) else (x, y))
            return x * y

        first = check_gradients(f, 1.0, 20.0, domain=[(0, 1), (20, 30)], points=3, order=1, seed=5)
        assert first.ok and len(first.cases) == 8
        again = check_gradients(f, 1.0, 20.0, domain=[(0, 1), (20, 30)], points=3, order=1, seed=5)
        assert [case.cells for case in first.cases] == [case.cells for case in again.cases]
        slopes = [case.cells[2] for case in first.cases if case.cells[1] == "df/dx"]
        assert all(20 <= slope <= 30 for slope in slopes) and len(set(slopes)) == 4

    def test_without_a_domain_both_sides_of_zero_are_tried(self):
        report = check_gradients(lambda x: x @ x, np.array([-1.0, 0.0, 1.0]), points=4, order=1)
        slopes = np.array([case.cells[2] for case in report.cases]).reshape(5, 3)
        assert np.array_equal(np.sign(slopes[:, 0]), [-1, -1, 1, -1, 1])
        assert np.array_equal(np.sign(slopes[:, 1]), [0, 1, -1, 1, -1])
        assert not check_gradients(one_sided, 1.0, order=1) and not check_gradients(one_sided, 0.0, order=1)

    def test_where_the_function_ends_the_other_side_is_left_out(self):
        report = check_gradients(ag.ln, 2.0, order=1, points=4)
        assert report.ok and all(case.cells[2] > 0 for case in report.cases)


class TestWhatNothingCanJudge:
    def test_nan_against_a_number_is_wrong(self):
        report = check_gradients(ag.custom_gradient(math.sin, lambda y, a: ag.ln(a - 5.0), operands=1), 0.7, order=1)
        assert len(report.failures) == 3 and "its rule gives nan" in str(report)

    @pytest.mark.parametrize("fault, is_found", [(1e-5, True), (1e-8, True), (0.0, False)])
    def test_a_black_box_is_judged_by_the_error_of_the_differences(self, fault, is_found):
        box = ag.custom_gradient(math.sin, lambda y, a: ag.cos(a) * (1 + fault), operands=1)
        report = check_gradients(box, 0.7, order=1)
        assert bool(report.failures) is is_found and not report.undecided

    def test_no_case_holds_without_a_witness(self):
        box = ag.custom_gradient(math.sin, lambda y, a: ag.cos(a), operands=1)
        report = check_gradients(box, 1e12, order=1)
        assert not report.ok and not report.failures and len(report.undecided) == 3
        assert "3 of 3 cases could not be judged" in str(report) and "no witness" in report.findings[0]
        assert check_gradients(ag.sin, 1e12).ok

    @pytest.mark.parametrize("f, at, label", [
        (lambda x: ag.where(primitives.equal(x, 2.0), 5.0, x ** 2), 2.0, "df/dx"),
        (lambda x: ag.Value(1.0) if x == 0 else ag.sin(x) / x, 0.0, "d2f/dx dx"),
        (lambda x: x * 0 + 9 if x == 3 else x ** 2, 3.0, "df/dx")])
    def test_a_comparison_that_holds_only_here_is_the_suspect(self, f, at, label):
        report = check_gradients(f, at, points=0)
        assert label in [case.cells[1] for case in report.failures]
        assert any(label in words and "the suspect is a comparison" in words for words in report.findings)

    def test_digits_that_rounding_took_are_a_finding_though_no_rule_is_wrong(self):
        report = check_gradients(lambda x: (1 - ag.cos(x)) / x ** 2, 1e-8, order=1, points=0)
        assert report.ok and "diagnose() says where" in report.findings[0]


class TestDifferences:
    def test_the_error_estimate_is_honest(self):
        x = np.array([0.7])
        for f, slope in [(np.sin, math.cos(0.7)), (np.exp, math.exp(0.7)), (lambda x: 1 / x ** 9, -9 / 0.7 ** 10)]:
            estimate = differences.central(f, x, 0)
            assert abs(estimate.slope[0] - slope) <= estimate.error[0] < 1e-9 * abs(slope)

    def test_a_kink_is_noticed(self):
        assert differences.central(np.abs, np.array([0.0]), 0).error[0] == math.inf

    @pytest.mark.parametrize("f, x, slope", [
        (np.sin, 1e12, math.cos(1e12)), (special.erf, 5.0, 2 / math.sqrt(math.pi) * math.exp(-25)),
        (lambda x: np.round(x, 3), 0.5004, 0.0), (lambda x: np.sin(1e5 * x), 1.0, 1e5 * math.cos(1e5)),
        (lambda x: np.float32(np.exp(x)), 1.0, math.e), (lambda x: x ** 40, 3.0, 40 * 3.0 ** 39),
        (lambda x: np.where(x == 2, 5.0, x ** 2), 2.0, 4.0)])
    def test_the_error_estimate_is_honest_where_functions_are_not_smooth(self, f, x, slope):
        found, error = differences.central(f, np.array([x]), 0)
        assert abs(found[0] - slope) <= 8 * error[0]

    def test_true_derivatives(self):
        import mpmath

        x, y = ag.Value(0.7), ag.Value(0.2)
        with mpmath.workdps(50):
            def f(s, t):
                return mpmath.exp(mpmath.sin(s) * t) + mpmath.atan2(s, t)

            for order in (1, 2, 3):
                found = true_derivatives(ag.exp(ag.sin(x) * y) + ag.atan2(x, y), [x, y], order)
                for place, ball in found.items():
                    truth = mpmath.diff(f, (mpmath.mpf(x.data), mpmath.mpf(y.data)), (place.count(0), place.count(1)))
                    assert abs(float(ball) - truth) <= 1e-15 * abs(truth)


class TestReport:
    def test_wrong_cases_are_always_shown(self):
        report = Report("many", ("n",), [Case((n,), n != 99) for n in range(100)])
        assert "99   <- wrong" in str(report) and f"and {99 - SHOWN} more that hold" in str(report)


def test_assert_gradients_fails_with_the_whole_table():
    assert assert_gradients(cost, np.array([0.2, 0.1]), 0.5, closed_form=cost_gradient).ok
    with pytest.raises(AssertionError, match=r"(?s)of cost: 2 of 3 cases are wrong.*true.*odd one out"):
        assert_gradients(cost, np.array([0.2, 0.1]), 0.5, order=1, points=0,
                         closed_form=lambda w, b: (w, cost_gradient(w, b)[1]))


@pytest.mark.parametrize("call, error, words", [
    (lambda: check_gradients(3), TypeError, "takes a function"),
    (lambda: check_gradients(abs, 1.0, closed_form=1.0), TypeError, "closed_form is a function"),
    (lambda: check_gradients(abs, 1.0, order=0), ValueError, "order"),
    (lambda: check_gradients(abs, 1.0, modes="fwd"), ValueError, "modes"),
    (lambda: check_gradients(abs, 1.0, modes=("sideways",)), ValueError, "modes"),
    (lambda: check_gradients(abs, 1.0, points=-1), ValueError, "points"),
    (lambda: check_gradients(abs, 1.0, domain=3), ValueError, "domain"),
    (lambda: check_gradients(abs, 1.0, domain=(2, 1)), ValueError, "domain"),
    (lambda: check_gradients(abs, "x"), TypeError, "str"),
    (lambda: check_gradients(abs, 1.0, closed_form=lambda x: [x]), ValueError, r"\*, not \[\*\]"),
])
def test_a_wrong_argument_gives_one_clear_error(call, error, words):
    with pytest.raises(error, match=words):
        call()
