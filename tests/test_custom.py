"""Rules of the user's own: rows, black boxes with a rule, numbers that count as constants."""

import math
import pickle

import numpy as np
import pytest
from scipy import optimize, special

import autograd_mini as ag
from autograd_mini import Value, custom_gradient, grad, gradient, hessian, jacfwd, jacrev, jvp, stop_gradient
from autograd_mini.program import trace

expit = custom_gradient(special.expit, lambda y, a: y * (1 - y), name="scipy_expit", operands=1)
bessel0 = custom_gradient(special.j0, lambda y, a: -bessel1(a), name="bessel0")
bessel1 = custom_gradient(special.j1, lambda y, a: bessel0(a) - y / a, name="bessel1")


def kepler(mean_anomaly, eccentricity):
    return optimize.brentq(lambda e: e - eccentricity * math.sin(e) - mean_anomaly, -10, 10, xtol=1e-15, rtol=1e-15)


def kepler_rule(e, mean_anomaly, eccentricity):
    return 1 / (1 - eccentricity * ag.cos(e)), ag.sin(e) / (1 - eccentricity * ag.cos(e))


anomaly = custom_gradient(kepler, kepler_rule)


class TestCustomGradient:
    def test_a_scipy_function_with_its_rule_to_order_3(self):
        ours, reference = expit, ag.sigmoid
        for _ in range(4):
            assert ours(0.3) == pytest.approx(reference(0.3), rel=1e-13)
            ours, reference = grad(ours), grad(reference)

    def test_two_black_boxes_may_be_each_others_derivatives(self):
        x = 1.7
        assert grad(bessel0)(x) == -special.j1(x)
        assert grad(grad(bessel0))(x) == pytest.approx(special.jvp(0, x, 2), rel=1e-13)
        assert grad(grad(grad(bessel0)))(x) == pytest.approx(special.jvp(0, x, 3), rel=1e-12)

    def test_the_implicit_function_theorem_gives_the_derivatives_of_a_root(self):
        m, e = 0.8, 0.3
        root = kepler(m, e)
        slope = 1 - e * math.cos(root)
        assert anomaly.__name__ == "kepler"
        assert grad(anomaly, (0, 1))(m, e) == pytest.approx((1 / slope, math.sin(root) / slope), rel=1e-13)
        second = hessian(anomaly)(m, e)
        assert second == pytest.approx(-e * math.sin(root) / slope ** 3, rel=1e-12)
        assert jacfwd(jacfwd(anomaly))(m, e) == pytest.approx(second, rel=1e-13)
        assert jvp(anomaly, (m, e), (1.0, 0.0))[1] == pytest.approx(1 / slope, rel=1e-13)

    def test_arrays_go_elementwise(self):
        x = np.array([0.1, 0.2])
        np.testing.assert_allclose(jacrev(expit)(x), np.diag(special.expit(x) * special.expit(-x)), rtol=1e-14)

    def test_a_rule_on_bare_floats_gives_first_derivatives_and_says_so(self):
        f = custom_gradient(math.sin, lambda y, a: math.cos(a), name="sin_by_floats")
        assert grad(f)(0.3) == math.cos(0.3)
        with pytest.raises(TypeError, match="'sin_by_floats' needs bare floats, so it gives first derivatives only"):
            grad(grad(f))(0.3)

    def test_a_traced_program_calls_the_black_box(self):
        program = trace(ag.value_and_grad(lambda x: x * expit(x)), 1.0)
        x = np.linspace(-2, 2, 9)
        s = special.expit(x)
        value, slope = program.map(x)
        np.testing.assert_allclose(value, x * s, rtol=1e-15)
        np.testing.assert_allclose(slope, s + x * s * (1 - s), rtol=1e-14)

    def test_graphs_with_it_pickle(self):
        x = Value(0.4, name="x")
        copy = pickle.loads(pickle.dumps(expit(x)))
        copy.backward()
        assert ag.leaves(copy)[0].grad == pytest.approx(grad(ag.sigmoid)(0.4), rel=1e-15)

    def test_names_are_free_ones(self):
        first, second = (custom_gradient(lambda a, k=k: k * a, lambda y, a, k=k: k, operands=1) for k in (2.0, 3.0))
        assert first.__name__ == second.__name__ == "custom"
        x = Value(1.0)
        assert gradient(first(x) * second(x), x).data == 12.0
        assert custom_gradient(math.sin, lambda y, a: ag.cos(a)).__name__ == "sin_2"

    @pytest.mark.parametrize("make, error, words", [
        (lambda: custom_gradient(3, abs), TypeError, "its f is of type int"),
        (lambda: custom_gradient(abs, "rule"), TypeError, "its rule is of type str"),
        (lambda: custom_gradient(lambda *a: 0.0, lambda y, *a: a), TypeError, "say operands="),
        (lambda: custom_gradient(abs, abs, name="exp"), ValueError, "built-in"),
        (lambda: custom_gradient(abs, abs, name="two words"), ValueError, "identifier"),
        (lambda: grad(custom_gradient(lambda a, b: a, lambda y, a, b: (1.0,), name="short"))(1.0, 2.0), TypeError,
         "'short' returned 1 derivatives for 2 operands"),
        (lambda: custom_gradient(lambda a: "text", lambda y, a: 1.0, name="texts")(1.0), TypeError,
         "the result of 'texts'"),
        (lambda: grad(custom_gradient(lambda a: a, lambda y, a: None, name="nothing"))(1.0), TypeError,
         "the rule of 'nothing'"),
    ])
    def test_mistakes_are_named(self, make, error, words):
        with pytest.raises(error, match=words):
            make()


class TestStopGradient:
    @pytest.mark.parametrize("mode", [jacfwd, jacrev])
    def test_it_is_a_constant_to_every_order_in_both_modes(self, mode):
        def f(x):
            return x * x * stop_gradient(x)

        assert f(3.0) == 27.0 and mode(f)(3.0) == 18.0
        assert mode(mode(f))(3.0) == 6.0 and mode(mode(mode(f)))(3.0) == 0.0

    def test_structures_keep_their_form(self):
        held = stop_gradient({"a": np.array([1.0, 2.0]), "b": (Value(3.0), 4)})
        np.testing.assert_array_equal(held["a"], [1.0, 2.0])
        assert held["b"][0].data == 3.0 and held["b"][1] == 4.0

    def test_programs_hold_it_too(self):
        program = trace(ag.value_and_grad(lambda x: x * stop_gradient(ag.exp(x))), 1.0)
        x = np.linspace(-1, 1, 5)
        np.testing.assert_array_equal(program.map(x)[1], trace(ag.exp, 1.0).map(x))

    def test_a_straight_through_estimator(self):
        def rounded(x):
            return x + stop_gradient(ag.floor(x + 0.5) - x)

        assert rounded(2.7) == 3.0 and grad(lambda x: rounded(x) ** 2)(2.7) == 6.0


def test_a_row_of_ones_own_works_in_every_mode():
    cube = ag.primitive("own_cube", lambda a: a ** 3, [lambda y, a: 3 * a * a])
    for mode in (grad, jacfwd, jacrev):
        assert mode(cube)(2.0) == 12.0 and mode(mode(cube))(2.0) == 12.0 and mode(mode(mode(cube)))(2.0) == 6.0
