"""`scan`: Python's loop for numbers and Values; under trace one operation, whose derivatives are loops again."""

import ctypes
import importlib.util
import json
import pickle
import random
import re
import shutil
import subprocess

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import Value, grad, hessian, hvp, jvp, scan, trace, value_and_grad

EXECUTORS = ["python", "numpy", *["native"] * (am.engine == "native"),
             *["llvm"] * (importlib.util.find_spec("llvmlite") is not None)]


def by_hand(step, init, rows):
    """The same loop as Python writes it."""
    carry, made = init, []
    for row in rows:
        carry, y = step(carry, row)
        made.append(y)
    return carry, made


def ulps(found, expected):
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    return np.max(np.abs(found - expected) / np.spacing(np.maximum(np.abs(expected), 1e-300)), initial=0.0)


# The convention -------------------------------------------------------------------------------------------------------

def test_the_carry_and_what_is_stacked():
    carry, ys = scan(lambda c, x: (c + x, c * x), 0.5, np.array([1.0, 2.0, 3.0]))
    assert carry == 6.5
    assert ys.tolist() == [0.5, 3.0, 10.5]


def test_trees_for_the_carry_x_and_y():
    def step(carry, x):
        state = carry["state"] * 0.5 + x["u"]
        return {"state": state, "count": carry["count"] + 1.0}, (state.sum(), {"u": x["u"] * x["v"]}, None)

    u, v = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])
    carry, (totals, inner, nothing) = scan(step, {"state": np.zeros(2), "count": 0.0}, {"u": u, "v": v})
    assert carry["count"] == 3.0 and nothing is None
    assert totals.shape == (3,) and inner["u"].shape == (3, 2)
    assert np.array_equal(inner["u"], u * v[:, None])
    program = trace(lambda u, v: scan(step, {"state": np.zeros(2), "count": 0.0}, {"u": u, "v": v})[0], u, v)
    again = program(u, v)
    assert np.array_equal(again["state"], carry["state"]) and again["count"] == 3.0


def test_a_list_of_numbers_is_an_array_and_a_list_of_arrays_is_a_tree():
    assert scan(lambda c, x: (c + x, None), 0.0, [1, 2, 3]) == (6.0, None)
    assert scan(lambda c, x: (c + x[0] * x[1], None), 0.0, [np.arange(3.0), np.ones(3)]) == (3.0, None)


def test_length_alone_gives_none_for_x():
    seen = []
    assert scan(lambda c, x: (seen.append(x) or c * 2.0, c), 1.0, length=3)[0] == 8.0
    assert seen == [None] * 3
    program = trace(lambda a: scan(lambda c, _: (c * a, None), 1.0, length=5)[0], 2.0)
    assert program(3.0) == 243.0


def test_no_steps_return_the_carry_and_empty_arrays():
    carry, (ys, zs) = scan(lambda c, x: (c / x.sum(), (c, x)), 4.0, np.zeros((0, 3)))
    assert carry == 4.0 and ys.shape == (0,) and zs.shape == (0, 3)
    program = trace(lambda p: scan(lambda c, x: (c * p, c), p, length=0)[0], 2.0)
    assert program(3.0) == 3.0 and program.gradient()(3.0) == 1.0


@pytest.mark.parametrize("arguments, error, text", [
    ((None, 0.0, [1.0]), TypeError, "takes a function"),
    ((lambda c, x: (c, x), 0.0), ValueError, "xs or length="),
    ((lambda c, x: (c, x), 0.0, (np.ones(2), np.ones(3))), ValueError, r"\[2, 3\]"),
    ((lambda c, x: (c, x), 0.0, [1.0], 2), ValueError, r"\[1, 2\]"),
    ((lambda c, x: (c, x), 0.0, None, -1), ValueError, "fewer than no steps"),
    ((lambda c, x: (c, x), 0.0, None, 2.0), TypeError, "an integer"),
    ((lambda c, x: (c, x), 0.0, 3.0), TypeError, "first axis"),
    ((lambda c, x: (c, x), 0.0, ["a"]), TypeError, "number"),
    ((lambda c, x: c + x, 0.0, [1.0]), TypeError, "returns a pair"),
    ((lambda c, x: ((c, c), None), 0.0, [1.0]), TypeError, r"\*, not \(\*, \*\)"),
])
def test_what_is_no_scan_is_an_error(arguments, error, text):
    with pytest.raises(error, match=text):
        scan(*arguments)


def test_ys_of_different_shapes_are_an_error():
    sizes = iter((1, 2))
    with pytest.raises(TypeError, match="same structure"):
        scan(lambda c, _: (c, np.zeros(next(sizes))), 0.0, length=2)


def test_values_are_looped_over_by_python():
    p = Value(0.5)
    carry, ys = scan(lambda c, x: (c * p + x, c), Value(1.0), [1.0, 2.0])
    carry.backward()
    assert carry.data == 2.75 and p.grad == 1.0 * 2 * 0.5 + 1.0
    assert [y.data for y in ys] == [1.0, 1.5]


# One operation --------------------------------------------------------------------------------------------------------

def recurrence(p, x):
    carry, ys = scan(lambda c, x: (am.tanh(c * p[0] + x * p[1]), c * x * p[2]), p[0], x)
    return carry * p[1] + sum(ys) + ys[2] * ys[3]


def nested(p, x):
    def outer(carry, row):
        last, ys = scan(lambda a, b: (am.sin(a * p[0] + b * carry), a * b), carry * p[1], row)
        return last * p[2] + carry, (last, ys)

    carry, (lasts, ys) = scan(outer, 1.0, x)
    return carry + (ys * ys).sum() + (lasts * lasts[::-1]).sum()


def overlapping(p, x):
    def step(c, now):
        before, after = now
        return c + (after - p[0] * before - p[1]) ** 2 * am.exp(p[2] * c), None

    return scan(step, 0.0, (x[:-1], x[1:]))[0]


def two_loops(p, x):
    first, ys = scan(lambda c, x: (c * p[0] + x, am.exp(-c * c)), p[2], x)
    return scan(lambda c, now: (c * now[0] + p[1] * now[1] * first, None), first, (ys[::-1], x))[0]


def emitted_only(p, x):
    return (scan(lambda _, x: (None, am.exp(x * p[0]) * p[1]), None, x)[1] ** 2).sum() * p[2]


def unchanged_carry(p, x):
    (a, b), ys = scan(lambda c, x: ((c[0], c[1] * c[0] + x), c[0] * c[1]), (p[0], p[1]), x)
    return a * b + ys.sum() * p[2]


def a_gradient_in_the_step(p, x):
    def step(c, x):
        slope = grad(lambda c: am.sin(c * p[0]) * c + x * c * c)(c)
        return c - 0.1 * slope, slope

    carry, slopes = scan(step, p[1], x)
    return carry + (slopes * p[2]).sum()


CASES = [(recurrence, 6), (nested, (3, 4)), (overlapping, 6), (two_loops, 5), (emitted_only, 4), (unchanged_carry, 5),
         (a_gradient_in_the_step, 4)]
cases = pytest.mark.parametrize("f, shape", CASES, ids=[f.__name__ for f, _ in CASES])


def point(shape):
    return np.array([0.3, 0.7, -1.1]), np.random.default_rng(0).normal(size=shape)


@cases
def test_a_traced_scan_has_the_bits_of_the_loop_in_every_executor(f, shape):
    p, x = point(shape)
    program = trace(f, p, x)
    assert program.body.has_loops
    expected = value_and_grad(f, (0, 1))(p, x)[0]
    for executor in EXECUTORS:
        found = program(p, x, executor=executor)
        assert found == expected or (executor == "numpy" and ulps(found, expected) < 100)


@cases
def test_derivatives_are_those_of_the_loop_in_python(f, shape):
    p, x = point(shape)
    value, slopes = value_and_grad(f, (0, 1))(p, x)
    program = trace(f, p, x)
    for found in (program.value_and_gradient((0, 1)), trace(value_and_grad(f, (0, 1)), p, x)):
        assert found.body.has_loops
        for executor in EXECUTORS:
            number, gradients = found(p, x, executor=executor)
            assert ulps(number, value) < 100
            for gradient, slope in zip(gradients, slopes):
                assert np.allclose(gradient, slope, rtol=1e-13, atol=1e-14)


@cases
def test_second_derivatives(f, shape):
    p, x = point(shape)
    expected = hessian(f)(p, x)
    v = np.array([1.0, -2.0, 0.5])
    program = trace(f, p, x)
    assert np.allclose(program.hessian()(p, x), expected, rtol=1e-11, atol=1e-12)
    assert np.allclose(trace(hessian(f), p, x)(p, x), expected, rtol=1e-11, atol=1e-12)
    assert np.allclose(program.gradient().jacobian()(p, x), expected, rtol=1e-11, atol=1e-12)
    assert np.allclose(trace(lambda p, x: hvp(lambda p: f(p, x), (p,), (v,)), p, x)(p, x), expected @ v, rtol=1e-11)


@cases
def test_forward_mode(f, shape):
    p, x = point(shape)
    v, w = np.array([1.0, -2.0, 0.5]), np.random.default_rng(1).normal(size=shape)
    expected = jvp(f, (p, x), (v, w))
    found = trace(lambda p, x: jvp(f, (p, x), (v, w)), p, x)
    assert found.body.has_loops
    assert np.allclose(found(p, x), expected, rtol=1e-12)


def test_third_derivatives_of_nested_loops():
    def f(t):
        def outer(c, _):
            return scan(lambda a, _: (am.sin(a * t) + c, None), c, length=2)[0], None
        return scan(outer, t, length=3)[0]

    third = grad(grad(grad(f)))
    assert trace(third, 0.4)(0.4) == pytest.approx(third(0.4), rel=1e-12)


def test_the_number_of_steps_changes_neither_program_nor_its_derivatives():
    def f(p, x):
        return scan(lambda c, x: (am.tanh(c * p + x), None), 0.0, x)[0]

    sizes = [len(trace(f, 0.5, np.ones(n)).value_and_gradient().body.statements) for n in (10, 1000)]
    assert sizes[0] == sizes[1] < 10


def test_what_does_not_change_is_computed_before_the_loop():
    def f(p, x):
        return scan(lambda c, x: (c * am.exp(p) + am.sin(p) * x, None), 0.0, x)[0]

    body = trace(f, 0.5, np.ones(9)).body
    loop = next(row for row in body.rows if hasattr(row, "trips"))
    assert {row.name for row in loop.step.primitives} == {"mul", "add"}
    assert {"exp", "sin"} < {row.name for row in body.primitives}


def test_what_nothing_needs_is_left_out():
    def f(p, x):
        (kept, _), (_, ys) = scan(lambda c, x: ((c[0] * p + x, am.exp(c[1])), (am.sin(x), c[0])), (p, p), x)
        return kept + ys[0]

    assert {row.name for row in trace(f, 0.5, np.ones(9)).body.primitives} == {"mul", "add"}


def test_the_way_back_keeps_one_carry_and_the_elementary_results_of_each_step():
    def f(p, x):
        return scan(lambda c, x: (am.exp(c * p) * x + c * c * x, None), 0.1, x)[0]

    body = trace(f, 0.5, np.ones(9)).gradient().body
    loops = [row for row in body.rows if hasattr(row, "trips")]
    assert [loop.columns for loop in loops] == [2, 0]
    assert "exp" not in {row.name for row in loops[1].step.primitives}


def test_shared_parameters_and_their_cotangents_are_added_up():
    def f(w, x):
        return scan(lambda h, row: (am.tanh(w @ h + row), None), np.zeros(3), x)[0].sum()

    rng = np.random.default_rng(2)
    w, x = rng.normal(size=(3, 3)), rng.normal(size=(7, 3))
    assert np.allclose(trace(f, w, x).gradient()(w, x), grad(f)(w, x), rtol=1e-12)


def test_rows_of_data_in_every_executor():
    def f(p, x):
        return scan(lambda c, x: (am.tanh(c * p + x), None), 0.0, x)[0]

    data = np.random.default_rng(3).normal(size=(21, 6))
    program = trace(f, 0.5, data[0])
    expected = np.array([f(0.5, row) for row in data])
    slopes = np.array([grad(f)(0.5, row) for row in data])
    for executor in EXECUTORS:
        assert np.allclose(program.map(0.5, data, executor=executor), expected, rtol=1e-13)
        assert program.mean(0.5, data, executor=executor) == pytest.approx(expected.mean(), rel=1e-13)
        assert program.gradient().sum(0.5, data, executor=executor) == pytest.approx(slopes.sum(), rel=1e-12)


def test_a_program_with_a_loop_can_be_saved_compared_and_shown():
    p, x = point(6)
    program = trace(recurrence, p, x)
    again = pickle.loads(pickle.dumps(program))
    assert again == program and hash(again) == hash(program) and again(p, x) == recurrence(p, x)
    assert "loop of 6 steps" in repr(program) and "tanh" in program.listing()


def test_a_value_from_outside_a_step_is_refused_as_one_from_outside_the_function():
    outside = Value(2.0, name="outside")
    for f in (lambda p: scan(lambda c, x: (c * outside, None), p, [1.0, 2.0])[0],
              lambda p: scan(lambda c, x: (scan(lambda a, _: (a * outside, None), c, length=2)[0], None), p, [1.0])[0]):
        with pytest.raises(TypeError, match="'outside' from outside"):
            trace(f, 0.3)
    assert trace(lambda p: scan(lambda c, x: (c * Value(2.0), None), p, [1.0, 2.0])[0], 0.3)(1.0) == 4.0


def test_special_values_go_through_a_loop_as_through_pythons():
    def f(p, x):
        return scan(lambda c, x: (am.where(c > 1.0, c * 0.5, am.exp(c) * x + p), None), p, x)[0]

    program = trace(value_and_grad(f), 0.5, np.ones(3))
    for p in (-0.0, float("inf"), -800.0, 0.3):
        for x in (np.array([1.0, -0.0, 2.0]), np.array([np.inf, 1.0, -1.0]), np.array([np.nan, 1.0, 2.0])):
            assert np.array_equal(program(p, x), value_and_grad(f)(p, x), equal_nan=True)

# C and machine code ---------------------------------------------------------------------------------------------------

@cases
def test_c_source_writes_a_loop_with_the_same_bits(f, shape, tmp_path):
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler")
    p, x = point(shape)
    program = trace(f, p, x).value_and_gradient((0, 1))
    source = program.c_source()
    assert source.count("for (") >= 2
    (tmp_path / "run.c").write_text(source)
    library = tmp_path / "run.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", tmp_path / "run.c", "-o", library, "-lm"], check=True)
    inputs, outputs = np.concatenate([p, x.ravel()]), np.empty(len(program.body.outputs))
    double = ctypes.POINTER(ctypes.c_double)
    run = getattr(ctypes.CDLL(library), re.search(r"void (\w+)\(", source)[1])
    run(inputs.ctypes.data_as(double), outputs.ctypes.data_as(double))
    value, (slopes, others) = program(p, x, executor="python")
    assert np.array_equal(outputs, [value, *slopes, *others.ravel()])


def test_javascript_writes_loops():
    """All cases in one run of node; its own exp and tanh may differ from the C library's in the last place."""
    node = shutil.which("node") or pytest.skip("there is no node")
    texts, expected = [], []
    for f, shape in CASES:
        p, x = point(shape)
        program = trace(f, p, x).value_and_gradient((0, 1))
        source = program.js_source(f.__name__)
        assert source.count("for (") >= 2
        inputs = np.concatenate([p, x.ravel()]).tolist()
        texts.append(f"{source}\nconsole.log(JSON.stringify({f.__name__}({json.dumps(inputs)})));")
        value, (slopes, others) = program(p, x)
        expected.append([value, *slopes, *others.ravel()])
    found = subprocess.run([node, "-"], input="\n".join(texts), capture_output=True, text=True, check=True).stdout
    for line, numbers in zip(found.splitlines(), expected, strict=True):
        np.testing.assert_allclose(json.loads(line), numbers, rtol=1e-14, atol=1e-15)


def test_machine_code_loops_whatever_a_loop_takes_and_gives():
    pytest.importorskip("llvmlite")

    def f(p, x):
        rows = scan(lambda c, row: (c + (row * row).sum(), row * c), p, x)[1]             # columns of a table
        mixed = np.array([p, 1.0, x[0, 0], 1.0, 2.0, x[1, 1], p * p, 3.0, x[2, 0]], dtype=object)
        last, ys = scan(lambda c, x: (am.tanh(c * x), c), 0.3, mixed)                     # scattered and constant
        many = scan(lambda c, x: (c * x + am.exp(-c), None), last, np.linspace(0.0, 1.0, 50))[0]
        return many, ys, rows, x[:, 1], 2.0

    x = np.random.default_rng(8).normal(size=(9, 2))
    program = trace(f, 0.7, x)
    found, expected = program(0.7, x, executor="llvm"), program(0.7, x, executor="python")
    assert all(np.array_equal(a, b) for a, b in zip(found, expected))


def test_a_long_loop_is_not_written_out():
    def f(p, x):
        return scan(lambda c, x: (am.tanh(c * p + x), None), 0.0, x)[0]

    program = trace(f, 0.5, np.ones(20_000)).value_and_gradient()
    assert program.c_source().count("const double") < 60
    assert len(program.llvm_ir()) < 20_000


# Steps nobody wrote ---------------------------------------------------------------------------------------------------

UNARY = [am.sin, am.tanh, am.sigmoid, lambda a: a * a, lambda a: -a, am.relu, lambda a: am.exp(-a * a), am.atan,
         lambda a: am.sqrt(1.0 + a * a)]
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b * 0.5, lambda a, b: a / (1.5 + b * b), am.maximum,
          lambda a, b: am.where(a < b, a, b * 0.5)]


def random_step(rng, carries, streams, emitted, shared):
    """A step that is a random graph, as a function of what is shared too."""
    plan = [(rng.choice(BINARY), rng.random(), rng.random()) if rng.random() < 0.6 else
            (rng.choice(UNARY), rng.random(), None) for _ in range(rng.randint(3, 9))]
    ends = [rng.random() for _ in range(carries + emitted)]

    def step(p, carry, x):
        known = [*carry, *x, *p[:shared]]
        for function, first, second in plan:
            operands = [known[int(place * len(known))] for place in (first, second) if place is not None]
            known.append(function(*operands))
        found = [known[-1 - int(place * min(len(known), 6))] for place in ends]
        return tuple(found[:carries]), tuple(found[carries:])

    return step


@pytest.mark.parametrize("seed", range(40))
def test_random_steps_agree_with_the_loop_written_out(seed):
    rng = random.Random(seed)
    carries, streams, emitted = rng.randint(1, 3), rng.randint(0, 3), rng.randint(0, 2)
    step = random_step(rng, carries, streams, emitted, rng.randint(0, 2))
    trips = rng.randint(1, 6)
    table = np.random.default_rng(seed).normal(size=(trips, max(streams, 1)))
    is_nested = rng.random() < 0.3

    def f(p, table, repeat=scan):
        columns = tuple(table[:, place] for place in range(streams))

        def body(carry, x):
            if is_nested:
                carry, _ = repeat(lambda c, _: (step(p, c, x or ())[0], None), carry, None, 2)
            return step(p, carry, x or ())

        carry, ys = repeat(body, tuple(p[place] for place in range(carries)), columns if streams else None, trips)
        return sum(carry) + sum((y * y).sum() for y in ys)

    def written_out(step, init, xs, length):
        carry, made = init, []
        for place in range(length):
            carry, y = step(carry, None if xs is None else tuple(x[place] for x in xs))
            made.append(y)
        return carry, made[0] if made[0] is None else tuple(np.array([*each]) for each in zip(*made))

    p = np.random.default_rng(seed + 1).normal(size=3)
    program = trace(f, p, table)
    plain = trace(lambda p, table: f(p, table, written_out), p, table)
    assert program(p, table) == plain(p, table) == value_and_grad(f, (0, 1))(p, table)[0]
    for argument in (0, 1):
        expected = plain.gradient(argument)(p, table)
        assert np.allclose(program.gradient(argument)(p, table), expected, rtol=1e-11, atol=1e-13)
        assert np.allclose(trace(grad(f, argument), p, table)(p, table), expected, rtol=1e-11, atol=1e-13)
    assert np.allclose(program.hessian()(p, table), plain.hessian()(p, table), rtol=1e-9, atol=1e-11)


# Others' numbers ------------------------------------------------------------------------------------------------------

def test_gradient_of_a_scan_as_jax_has_it():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", True)

    def f(module, repeat):
        def loss(w, x):
            def step(carry, row):
                h, c = carry
                c = 0.5 * c + module.tanh(w[0] * row + w[1] * h)
                h = module.tanh(c) * w[2]
                return (h, c), h * h
            (h, c), ys = repeat(step, (0.0, 0.1), x)
            return h + c + (ys * x).sum()
        return loss

    rng = np.random.default_rng(4)
    w, x = rng.normal(size=3), rng.normal(size=12)
    program = trace(f(am, scan), w, x)
    value, slope = jax.value_and_grad(f(jnp, jax.lax.scan), (0, 1))(jnp.asarray(w), jnp.asarray(x))
    found = program.value_and_gradient((0, 1))(w, x)
    assert found[0] == pytest.approx(float(value), rel=1e-13)
    assert np.allclose(found[1][0], slope[0], rtol=1e-12) and np.allclose(found[1][1], slope[1], rtol=1e-12)
    second = jax.hessian(f(jnp, jax.lax.scan))(jnp.asarray(w), jnp.asarray(x))
    assert np.allclose(program.hessian()(w, x), second, rtol=1e-11)


def test_runge_kutta_ends_where_scipys_solution_does():
    from scipy.integrate import solve_ivp

    def slope(y, mu):
        return np.array([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])

    def end(mu, steps=400, h=2.0 / 400):
        def step(y, _):
            a = slope(y, mu)
            b = slope(y + 0.5 * h * a, mu)
            c = slope(y + 0.5 * h * b, mu)
            d = slope(y + h * c, mu)
            return y + h / 6.0 * (a + 2.0 * b + 2.0 * c + d), None
        return scan(step, np.array([2.0, 0.0]), length=steps)[0]

    def solved(mu):
        return solve_ivp(lambda t, y: slope(y, mu), (0.0, 2.0), [2.0, 0.0], rtol=1e-12, atol=1e-13).y[:, -1]

    program = trace(end, 1.5)
    assert np.allclose(program(1.5), solved(1.5), rtol=1e-9)
    central = (solved(1.5 + 1e-4) - solved(1.5 - 1e-4)) / 2e-4
    assert np.allclose(program.jacobian()(1.5), central, rtol=1e-6)


def test_a_kalman_filter_has_statsmodels_likelihood():
    statsmodels = pytest.importorskip("statsmodels.tsa.statespace.structural")
    y = np.cumsum(np.random.default_rng(5).normal(size=50)) + np.random.default_rng(6).normal(size=50)

    def log_likelihood(variances, y):
        noise, drift = variances

        def step(carry, y):
            mean, variance = carry
            total = variance + noise
            gain = variance / total
            error = y - mean
            term = -0.5 * (np.log(2 * np.pi) + am.ln(total) + error * error / total)
            return (mean + gain * error, variance * (1.0 - gain) + drift), term

        _, terms = scan(step, (0.0, 1e6), y)
        return terms[1:].sum()  # the first observation starts the filter

    model = statsmodels.UnobservedComponents(y, "local level")
    program = trace(log_likelihood, [1.0, 1.0], y)
    for variances in ([1.0, 1.0], [0.5, 2.0]):
        assert program(variances, y) == pytest.approx(model.loglike(variances), rel=1e-9)
        assert np.allclose(program.gradient()(variances, y), model.score(variances), rtol=1e-4)
