"""The transforms against mathematics: structure, nesting, both modes, and no confusion of who is differentiated by."""

import math
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import optimize

import autograd_mini as ag
from autograd_mini import Value, grad, gradient, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from autograd_mini.program import trace

Layer = namedtuple("Layer", "weight bias")
near = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 3))


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def rosenbrock_gradient(x):
    x = np.asarray(x)
    slope = np.zeros_like(x)
    slope[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    slope[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return slope


class TestStructure:
    def test_the_gradient_has_the_structure_of_the_argument(self):
        def f(layers):
            return layers["first"].weight.sum() * 2 + layers["first"].bias * 3 + layers["rest"][1] * 5

        given_layers = {"first": Layer(np.ones((2, 3)), 1.0), "rest": [0.0, 1]}
        result = grad(f)(given_layers)
        assert isinstance(result["first"], Layer) and isinstance(result["rest"], list)
        np.testing.assert_array_equal(result["first"].weight, np.full((2, 3), 2.0))
        assert result["first"].weight.dtype == float
        assert result["first"].bias == 3.0 and result["rest"] == [0.0, 5.0]

    @pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 0), (2, 3, 2)])
    def test_arrays_of_any_shape(self, shape):
        x = np.random.default_rng(0).normal(size=shape)
        result = grad(lambda x: np.sum(x * x))(x)
        assert result.shape == shape and result.dtype == float
        np.testing.assert_array_equal(result, 2 * x)

    def test_argnums_and_keywords(self):
        def f(a, b, *, scale):
            return scale * a * b * b

        assert grad(f, 1)(2.0, 3.0, scale=1.0) == 12.0
        assert grad(f, -1)(2.0, 3.0, scale=1.0) == 12.0
        assert grad(f, (1, 0))(2.0, 3.0, scale=2.0) == (24.0, 18.0)
        assert grad(f, [0])(2, 3, scale=1) == (9.0,)
        assert grad(f, np.int64(1))(2, 3, scale=1) == 12.0

    def test_aux_comes_back_as_plain_numbers(self):
        def f(x):
            y = x * x
            return y, {"y": y, "label": "square", "table": np.array([y, x])}

        result, aux = grad(f, has_aux=True)(3.0)
        assert result == 6.0 and aux["y"] == 9.0 and type(aux["y"]) is float and aux["label"] == "square"
        np.testing.assert_array_equal(aux["table"], [9.0, 3.0])
        (value, aux), slope = value_and_grad(f, has_aux=True)(3.0)
        assert (value, slope, aux["y"]) == (9.0, 6.0, 9.0)
        assert jacobian(f, has_aux=True)(3.0)[0] == 6.0
        assert hessian(f, has_aux=True)(3.0)[0] == 2.0 and hessian(f, has_aux=True)(3.0)[1]["y"] == 9.0
        assert jvp(f, (3.0,), (1.0,), has_aux=True)[2]["y"] == 9.0
        assert vjp(f, 3.0, has_aux=True)[2]["y"] == 9.0

    def test_a_jacobian_has_output_shape_and_then_input_shape(self):
        a, x = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 0.5])
        result = jacobian(lambda a, x: {"product": a @ x, "first": x[0]}, (0, 1))(a, x)
        np.testing.assert_array_equal(result["product"][0], np.einsum("ij,k->ijk", np.eye(2), x))
        np.testing.assert_array_equal(result["product"][1], a)
        np.testing.assert_array_equal(result["first"][0], np.zeros((2, 3)))
        np.testing.assert_array_equal(result["first"][1], [1.0, 0.0, 0.0])

    def test_a_hessian_nests_like_its_argument(self):
        result = hessian(lambda p: p["w"] @ p["w"] * p["b"])({"w": np.array([1.0, 2.0]), "b": 3.0})
        np.testing.assert_array_equal(result["w"]["w"], 6 * np.eye(2))
        np.testing.assert_array_equal(result["w"]["b"], [2.0, 4.0])
        np.testing.assert_array_equal(result["b"]["w"], [2.0, 4.0])
        assert result["b"]["b"] == 0.0

    def test_what_f_does_not_depend_on_has_derivative_zero(self):
        assert grad(lambda x, y: x, 1)(1.0, 2.0) == 0.0
        assert grad(lambda x: 7)(1.0) == 0.0
        assert jacobian(lambda x: [7, x])(1.0) == [0.0, 1.0]
        assert jvp(lambda x: [7, x], (1.0,), (5.0,)) == ([7.0, 1.0], [0.0, 5.0])
        assert vjp(lambda x: [7, x], 1.0)[1]([3.0, 4.0]) == (4.0,)


class TestNesting:
    def test_to_any_order(self):
        f = ag.sin
        for derivative in (math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin, math.cos):
            f = grad(f)
            assert f(0.7) == pytest.approx(derivative(0.7), rel=1e-15)

    @pytest.mark.parametrize("outer", [grad, jacobian, jacfwd, jacrev])
    @pytest.mark.parametrize("inner", [grad, jacobian, jacfwd, jacrev])
    def test_in_each_other(self, outer, inner):
        assert outer(inner(lambda x: x ** 5))(2.0) == 160.0
        assert outer(outer(inner(lambda x: x ** 5)))(2.0) == 240.0

    def test_jvp_and_vjp_nest_too(self):
        def slope(x):
            return jvp(lambda y: y ** 3, (x,), (1.0,))[1]

        def pulled(x):
            return vjp(lambda y: y ** 3, x)[1](1.0)[0]

        assert grad(slope)(2.0) == grad(pulled)(2.0) == jvp(slope, (2.0,), (1.0,))[1] == 12.0
        assert grad(grad(slope))(2.0) == grad(grad(pulled))(2.0) == 6.0

    def test_the_inner_variable_is_not_the_outer_one(self):
        assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
        assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0) == 6.0
        assert grad(lambda x: x * jvp(lambda y: x * y, (1.0,), (1.0,))[1])(3.0) == 6.0
        assert jvp(lambda x: x * jvp(lambda y: x * y, (x,), (1.0,))[1], (3.0,), (1.0,))[1] == 6.0

    def test_the_same_value_passed_twice_counts_once_in_each_role(self):
        x = Value(3.0)
        by_a, by_b = grad(lambda a, b: a * b * b, (0, 1))(x, x)
        assert (by_a.data, by_b.data) == (9.0, 18.0)
        assert grad(lambda a, b: a * b * b)(x, x).data == 9.0
        assert grad(lambda a: a * x * x)(x).data == 9.0

    def test_an_argument_that_depends_on_another_is_held_fixed(self):
        x = Value(3.0)
        assert grad(lambda a, b: a * b)(x, x * x).data == 9.0

    def test_values_give_graphs_that_can_be_differentiated(self):
        x = Value(2.0)
        slope = grad(lambda a: a ** 3)(x)
        assert isinstance(slope, Value) and slope.data == 12.0 and gradient(slope, x).data == 12.0
        slope.backward()
        assert x.grad == 12.0

    def test_no_gradient_of_a_value_from_outside_is_lost(self):
        w = Value(2.0)
        slope = grad(lambda x: w * w * x)(5.0)
        assert slope.data == 4.0 and gradient(slope, w).data == 4.0
        assert w.grad is None

    def test_a_constant_that_f_makes_for_itself_is_no_value_from_outside(self):
        def f(x):
            total = Value(0.0)
            for power in range(3):
                total = total + x ** power
            return total

        assert type(grad(f)(2.0)) is float and grad(grad(f))(2.0) == 2.0

    def test_a_cotangent_may_be_the_value_itself(self):
        x = Value(3.0)
        value, pullback = vjp(lambda a: a * a, x)
        assert pullback(value)[0].data == 54.0 and gradient(pullback(value)[0], x).data == 54.0

    @pytest.mark.parametrize("w", [0.0, -0.0, 1e-200])
    def test_a_zero_cotangent_does_not_swallow_a_second_derivative(self, w):
        def f(w):
            return (w * 3.0) ** 2

        assert hessian(f)(w) == jacfwd(jacfwd(f))(w) == jacrev(jacrev(f))(w) == jacfwd(jacrev(f))(w) == 18.0
        assert hvp(f, (w,), (1.0,)) == 18.0

    def test_minus_zero_stays_minus_zero_through_nesting(self):
        assert math.copysign(1, value_and_grad(lambda x: 1.0 * x)(Value(-0.0))[0].data) == -1


class TestTraced:
    @pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, jacfwd, jacrev, hessian,
                                           lambda f: grad(lambda x: jacobian(grad(f))(x).sum())])
    def test_a_traced_transform_is_the_transform(self, transform):
        def f(x):
            return ag.exp(x[0]) * x[1] ** 2 + ag.where(x[1] > 0, x[0] * x[1], 0.0)

        derivative = transform(f)
        program = trace(derivative, np.array([0.1, 0.2]))
        for point in ([0.5, -0.25], [1.5, 2.0]):
            for ours, theirs in zip(program(np.array(point)), derivative(np.array(point))):
                np.testing.assert_allclose(ours, theirs, rtol=1e-15)

    def test_directional_derivatives_too(self):
        def f(x):
            return (x ** 4).sum()

        x, v = np.array([1.0, 2.0]), np.array([1.0, -1.0])
        np.testing.assert_array_equal(trace(lambda x, v: hvp(f, (x,), (v,)), x, v)(x, v), [12.0, -48.0])
        assert trace(lambda x, v: jvp(f, (x,), (v,)), x, v)(x, v) == (17.0, -28.0)
        np.testing.assert_array_equal(trace(lambda x, c: vjp(f, x)[1](c)[0], x, 1.0)(x, 2.0), [8.0, 64.0])

    def test_scipy_takes_programs(self):
        start = np.array([-1.2, 1.0, -1.2])
        found = optimize.minimize(trace(value_and_grad(rosenbrock), start), start, jac=True, method="trust-exact",
                                  hess=trace(hessian(rosenbrock), start), options={"gtol": 1e-10})
        np.testing.assert_allclose(found.x, 1.0, rtol=1e-9)


class TestModesAgree:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(near, min_size=3, max_size=3), st.lists(near, min_size=3, max_size=3))
    def test_on_a_smooth_map(self, point, direction):
        def f(x):
            return np.array([ag.exp(x[0]) * x[1], x[1] ** 2 - x[2], ag.tanh(x[0] * x[2]), x.sum()])

        x, v = np.array(point), np.array(direction)
        forward, reverse = jacfwd(f)(x), jacrev(f)(x)
        np.testing.assert_allclose(forward, reverse, rtol=1e-14, atol=1e-14)
        np.testing.assert_array_equal(jacobian(f)(x), forward)
        np.testing.assert_allclose(jvp(f, (x,), (v,))[1], forward @ v, rtol=1e-13, atol=1e-12)
        np.testing.assert_allclose(vjp(f, x)[1](np.ones(4))[0], np.ones(4) @ forward, rtol=1e-13, atol=1e-12)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(near, min_size=3, max_size=3), st.lists(near, min_size=3, max_size=3))
    def test_hvp_is_the_hessian_times_the_vector(self, point, direction):
        x, v = np.array(point), np.array(direction)
        matrix = hessian(rosenbrock)(x)
        np.testing.assert_allclose(hvp(rosenbrock, (x,), (v,)), matrix @ v, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(jvp(grad(rosenbrock), (x,), (v,))[1], matrix @ v, rtol=1e-12, atol=1e-9)

    def test_hvp_differentiates_the_chosen_gradient_along_all_arguments(self):
        def f(a, b):
            return a * a * b

        assert hvp(f, (2.0, 3.0), (1.0, 10.0)) == 2 * 3 + 2 * 2 * 10
        assert hvp(f, (2.0, 3.0), (1.0, 10.0), argnums=(0, 1)) == (46.0, 4.0)

    def test_the_gradient_has_the_bits_of_the_backward_pass(self):
        x = np.linspace(-1.2, 1.1, 50)
        nodes = [Value(number) for number in x]
        rosenbrock(nodes).backward()
        np.testing.assert_array_equal(grad(rosenbrock)(x), [node.grad for node in nodes])
        np.testing.assert_allclose(grad(rosenbrock)(x), rosenbrock_gradient(x), rtol=1e-13, atol=1e-12)


class TestCost:
    """Counted in passes, not in seconds."""

    @pytest.fixture
    def passes(self, monkeypatch):
        count = []
        from autograd_mini._body import jacobians as sweeps

        forward, backward = sweeps.forward, sweeps.backward
        monkeypatch.setattr(sweeps, "forward", lambda *a: (count.append("forward"), forward(*a))[1])
        monkeypatch.setattr(sweeps, "backward", lambda *a: (count.append("backward"), backward(*a))[1])
        return count

    def test_one_input_and_thousands_of_outputs_take_one_forward_pass(self, passes):
        result = jacobian(lambda t: np.array([t * i for i in range(3000)]))(2.0)
        np.testing.assert_array_equal(result, np.arange(3000.0))
        assert passes == ["forward"]

    def test_a_thousand_inputs_and_one_output_take_one_backward_pass(self, passes):
        x = np.linspace(-1, 1, 1000)
        np.testing.assert_allclose(grad(rosenbrock)(x), rosenbrock_gradient(x), rtol=1e-12, atol=1e-12)
        assert passes == ["backward"]
        passes.clear()
        assert jacobian(lambda x: [rosenbrock(x)])(x)[0].shape == (1000,)
        assert passes == ["backward"]

    def test_hvp_takes_one_backward_pass_and_no_hessian(self, passes):
        x = np.linspace(-1, 1, 300)
        hvp(rosenbrock, (x,), (x,))
        assert passes == ["backward"]

    def test_depth_is_not_limited_by_a_stack(self):
        def f(x):
            y = x
            for _ in range(50_000):
                y = y + x
            return y

        assert grad(f)(1.0) == 50_001.0 and jvp(f, (1.0,), (1.0,))[1] == 50_001.0


@pytest.mark.parametrize("call, error, words", [
    (lambda: grad(3), TypeError, "takes a function"),
    (lambda: grad(abs, "x"), TypeError, "argnums"),
    (lambda: grad(abs, 0.5), TypeError, "argnums"),
    (lambda: grad(abs, None), TypeError, "argnums"),
    (lambda: grad(abs, 1)(1.0), ValueError, "argument 1 of abs, which got 1"),
    (grad(abs), ValueError, "argument 0 of abs, which got 0"),
    (lambda: grad(lambda a, b: a, (0, 0))(1.0, 2.0), ValueError, "twice"),
    (lambda: grad(abs)("1"), TypeError, "argument 0 of abs cannot be of type str"),
    (lambda: grad(abs)(None), TypeError, "NoneType"),
    (lambda: grad(abs)(1j), TypeError, "real"),
    (lambda: grad(abs)({"a": {1, 2}}), TypeError, "set"),
    (lambda: grad(abs)(10 ** 400), OverflowError, "float64"),
    (lambda: grad(np.sum)(np.array(["a"])), TypeError, "str"),
    (lambda: grad(lambda x: x)(np.ones(3)), TypeError, r"shape \(3,\).*jacobian"),
    (lambda: grad(lambda x: [x])(1.0), TypeError, "list.*jacobian"),
    (lambda: grad(lambda x: None)(1.0), TypeError, "NoneType"),
    (lambda: grad(lambda x: "y")(1.0), TypeError, "str"),
    (lambda: jacobian(lambda x: [x, "y"])(1.0), TypeError, "result of <lambda>"),
    (lambda: grad(lambda x: x, has_aux=True)(1.0), TypeError, "pair"),
    (lambda: jvp(abs, 1.0, 1.0), TypeError, "tuple"),
    (lambda: jvp(abs, (1.0,), 1.0), TypeError, "tangents as a tuple"),
    (lambda: jvp(abs, (1.0,), (1.0, 2.0)), ValueError, "tangents must have the structure"),
    (lambda: jvp(np.sum, (np.ones(2),), (np.ones(3),)), ValueError, r"array\(2,\).*not.*array\(3,\)"),
    (lambda: jvp(abs, (1.0,), ("a",)), TypeError, "element of tangents"),
    (lambda: vjp(abs, 1.0)[1]([1.0]), ValueError, "cotangent must have the structure"),
    (lambda: hvp(abs, 1.0, (1.0,)), TypeError, "tuple"),
    (lambda: hvp(lambda x: [x], (1.0,), (1.0,)), TypeError, "one number"),
    (lambda: grad(math.exp)(1.0), TypeError, "autograd_mini.exp"),
])
def test_a_wrong_argument_gives_one_clear_error(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_derivative_is_named_after_its_function():
    def cost(x):
        """What it costs."""
        return x

    assert grad(cost).__name__ == "grad(cost)" and hessian(cost).__doc__ == "What it costs."
