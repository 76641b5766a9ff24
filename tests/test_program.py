"""Programs: what a traced function computes is what the function computes."""

import pickle

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import StaleGraphError, TracedBranchError, Value, gradient
from autograd_mini.program import Program, trace


def cost(w, b, x, y):
    z = x @ w + b
    z.name = "z"
    return am.softplus(z) - y * z


def cost_and_gradient(w, b, x, y):
    result = cost(w, b, x, y)
    return result, gradient(result, (w, b))


W, B = np.array([0.1, -0.2, 0.3]), 0.5
X = np.random.default_rng(0).normal(size=(9001, 3))
Y = (X[:, 0] > 0.3).astype(int)


@pytest.fixture(scope="module")
def step() -> Program:
    return trace(cost_and_gradient, W, B, X[0], Y[0])


def by_hand(w, b, x, y):
    z = x @ w + b
    dz = 1 / (1 + np.exp(-z)) - y
    return np.log1p(np.exp(z)) - y * z, x * dz[:, None], dz


def test_one_example_is_what_the_function_gives_on_values(step):
    w, b = [Value(number) for number in W], Value(B)
    value, (dw, db) = cost_and_gradient(np.array(w), b, X[0], float(Y[0]))
    traced, (traced_dw, traced_db) = step(W, B, X[0], Y[0])
    assert traced == value.data and traced_db == db.data
    assert traced_dw.tolist() == [entry.data for entry in dw]


def test_map_gives_every_row(step):
    value, (dw, db) = step.map(W, B, X, Y)
    expected, expected_dw, expected_db = by_hand(W, B, X, Y)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(dw, expected_dw, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(db, expected_db, rtol=1e-11, atol=1e-15)


def test_mean_and_sum_are_those_of_map(step):
    value, (dw, db) = step.map(W, B, X, Y)
    mean, (mean_dw, mean_db) = step.mean(W, B, X, Y)
    np.testing.assert_allclose(mean, value.mean(), rtol=1e-14)
    np.testing.assert_allclose(mean_dw, dw.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(step.sum(W, B, X, Y)[1][1], db.sum(), rtol=1e-13)
    assert isinstance(mean, float) and isinstance(mean_db, float)


def test_a_program_pickles_and_equals_itself(step):
    copy = pickle.loads(pickle.dumps(step))
    assert copy == step and hash(copy) == hash(step)
    assert copy(W, B, X[0], Y[0])[0] == step(W, B, X[0], Y[0])[0]
    assert step != trace(cost, W, B, X[0], Y[0])


def test_repr_lists_the_operations_with_names(step):
    text = repr(step)
    assert "inputs   w[0], w[1], w[2], b, x[0], x[1], x[2], y" in text
    assert "= softplus(z)" in text and "= y * z" in text and "result[1][1] = " in text


@pytest.mark.parametrize("arguments, named", [
    ((W[:2], B, X, Y), "'w'"), ((W, B, X[:, :2], Y), "'x'"), ((W, B, X, Y[:5]), "'y'"), ((W, "b", X, Y), "'b'"),
    ((W, B, X[0], Y[0]), "none of the arguments"), ((W, B, X), "takes 4 arguments"), ((W, Value(1.0), X, Y), "Value"),
    ((W, 1j, X, Y), "'b'"), ((W, None, X, Y), "'b'"), ((W, B, [[1.0], [1.0, 2.0]], Y), "'x'"),
])
def test_a_wrong_argument_is_one_error_that_names_it(step, arguments, named):
    for call in (step.map, step.sum, step.mean):
        with pytest.raises(TypeError, match=named):
            call(*arguments)


def test_no_rows(step):
    assert step.sum(W, B, X[:0], Y[:0])[0] == 0.0
    assert np.isnan(step.mean(W, B, X[:0], Y[:0])[0])
    assert step.map(W, B, X[:0], Y[:0])[1][0].shape == (0, 3)


def test_a_branch_raises():
    with pytest.raises(TracedBranchError, match="where"):
        trace(lambda x: x if x > 0 else -x, 1.0)


def test_a_captured_value_raises_and_names_it():
    weight = Value(2.0, name="weight")
    with pytest.raises(TypeError, match=r"'weight'.*argument"):
        trace(lambda x: x * weight, 1.0)


def test_values_that_the_function_makes_itself_are_constants():
    program = trace(lambda x: [x + Value(2.0), gradient(x * x, Value(1.0))], 3.0)
    assert program(5.0) == [7.0, 0.0]


def test_an_outer_trace_is_refused():
    with pytest.raises(TypeError, match="'x'"):
        trace(lambda x: trace(lambda y: x * y, 1.0)(2.0), 3.0)


def test_a_stale_graph_raises():
    def assigns(x):
        y = x * x
        x.data = 7.0
        return y

    with pytest.raises(StaleGraphError):
        trace(assigns, 3.0)


def test_derivatives_of_any_order_trace_like_any_function():
    def f(v):
        return am.exp(v[0]) * am.sin(v[1]) + v[0] ** 3

    point = np.array([0.3, 0.7])
    value, slope = trace(am.value_and_grad(f), point)(point)
    assert value == pytest.approx(np.exp(0.3) * np.sin(0.7) + 0.027, rel=1e-15)
    np.testing.assert_allclose(slope, [np.exp(0.3) * np.sin(0.7) + 0.27, np.exp(0.3) * np.cos(0.7)], rtol=1e-15)
    second = [[np.exp(0.3) * np.sin(0.7) + 1.8, np.exp(0.3) * np.cos(0.7)],
              [np.exp(0.3) * np.cos(0.7), -np.exp(0.3) * np.sin(0.7)]]
    np.testing.assert_allclose(trace(am.hessian(f), point)(point), second, rtol=1e-15)
    tangent = trace(lambda p, v: am.jvp(f, (p,), (v,)), point, point)(point, np.array([1.0, 2.0]))[1]
    assert tangent == pytest.approx(slope @ [1.0, 2.0], rel=1e-15)


def test_explain_says_which_executor_ran_and_why(step):
    step.mean(W, B, X, Y, executor="numpy")
    assert step.explain().startswith("numpy for") and "as asked for" in step.explain()
    fresh = pickle.loads(pickle.dumps(step))
    assert "nothing has run" in fresh.explain()
    fresh.mean(W, B, X[:10], Y[:10])
    assert "10 rows, as the quickest for that" in fresh.explain()


@pytest.mark.parametrize("wrong", ["fortran", "LLVM"])
def test_an_unknown_executor_is_an_error_that_lists_them(step, wrong):
    for call in (lambda: step(W, B, X[0], Y[0], executor=wrong), lambda: step.sum(W, B, X, Y, executor=wrong)):
        with pytest.raises(ValueError, match="python, native, numpy, llvm"):
            call()


def test_no_threads_is_an_error(step):
    with pytest.raises(ValueError, match="threads=0"):
        step.sum(W, B, X, Y, threads=0)


@pytest.mark.parametrize("executor", ["python", "numpy", "llvm"])
@pytest.mark.parametrize("shift", [0, 1, 17, 4096])
def test_results_may_be_written_over_the_arguments(executor, shift):
    if executor == "llvm":
        pytest.importorskip("llvmlite")
    program = trace(lambda x: am.where(am.less(x, 0.5), x * x, 1.0), 0.5)
    memory = np.random.default_rng(1).random(9000)
    expected = program.map(memory[:9000 - shift].copy(), executor=executor)
    assert np.array_equal(program.map(memory[:9000 - shift], out=memory[shift:], executor=executor), expected)
