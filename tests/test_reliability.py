"""Random graphs against SymPy and mpmath, high orders, threads, pickles, nonsense as arguments, memory over time."""

import copy
import math
import os
import pickle
import random
import sys
import threading
import time
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, example, given, settings, strategies as st

import autograd_mini as ag
from autograd_mini import (
    Value,
    check_gradients,
    custom_gradient,
    grad,
    gradient,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autograd_mini.explain._witnesses import rounding_bound
from autograd_mini.models import MLP, Adam, GradientDescent, lbfgs, minimise

STEPS = {
    "sum": lambda lib, a, b: (a + b) / 2,
    "difference": lambda lib, a, b: a - b / 3,
    "product": lambda lib, a, b: a * b,
    "quotient": lambda lib, a, b: a / (1 + b * b),
    "cube": lambda lib, a, b: a ** 3 / 4,
    "sin": lambda lib, a, b: lib.sin(a * 2),
    "cos": lambda lib, a, b: lib.cos(a - b),
    "exp": lambda lib, a, b: lib.exp(-a * a),
    "tanh": lambda lib, a, b: lib.tanh(a + b),
    "atan": lambda lib, a, b: lib.atan(a),
    "ln": lambda lib, a, b: lib.log(2 + a * a),
    "sqrt": lambda lib, a, b: lib.sqrt(1 + a * a + b * b),
}
"""Operations that every library spells alike, and that keep numbers of moderate size moderate."""

points = st.tuples(*[st.integers(-1500, 1500).map(lambda n: n / 1000)] * 2)
unhurried = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def random_program(seed, length):
    """Steps of a calculation: each an operation and the two earlier results that it takes."""
    generator = random.Random(seed)
    return [(generator.choice(list(STEPS)), generator.randrange(i + 2), generator.randrange(max(0, i - 6), i + 2))
            for i in range(length)]


programs = st.builds(random_program, st.integers(0, 2 ** 32), st.integers(3, 9))


def run(program, lib, x, y):
    results = [x, y]
    for name, i, j in program:
        results.append(STEPS[name](lib, results[i], results[j]))
    return sum(results[2:][-3:])


def assert_near(node, truth):
    """The engine's number is as near to the truth as the rounding of its own graph allows."""
    truth = float(truth)
    assert abs(node.data - truth) <= 16 * rounding_bound(node) + 2.0 ** -50 * abs(truth) + 1e-40, (node.data, truth)


class TestRandomGraphs:
    @unhurried
    @given(programs, points)
    def test_first_and_second_derivatives_against_sympy(self, program, point):
        u, v = sympy.symbols("u v")
        formula = run(program, sympy, u, v)
        at = {u: sympy.Rational(point[0]), v: sympy.Rational(point[1])}
        x, y = map(Value, point)
        root = run(program, ag, x, y)
        slopes = gradient(root, [x, y])
        for slope, symbol in zip(slopes, (u, v)):
            derivative = sympy.diff(formula, symbol)
            assert_near(slope, derivative.evalf(40, subs=at))
            for second, other in zip(gradient(slope, [x, y]), (u, v)):
                assert_near(second, sympy.diff(derivative, other).evalf(40, subs=at))

    @unhurried
    @given(programs, points)
    def test_up_to_fourth_order_against_mpmath(self, program, point):
        x, y = point
        variable = Value(x)
        node = run(program, ag, variable, Value(y))
        with mpmath.workdps(60):
            truths = [mpmath.diff(lambda t: run(program, mpmath, t, mpmath.mpf(y)), mpmath.mpf(x), n) for n in range(5)]
        for truth in truths:
            assert_near(node, truth)
            node = gradient(node, variable)
        derivative, numbers = (lambda t: run(program, ag, t, y)), []
        for mode in (jacfwd, jacrev, jacfwd, grad):
            derivative = mode(derivative)
            numbers.append(derivative(x))
        scale = max(abs(float(truth)) for truth in truths)
        np.testing.assert_allclose(numbers, [float(truth) for truth in truths[1:]], rtol=1e-9, atol=1e-11 * scale)

    @settings(deadline=None, max_examples=6)
    @given(st.integers(0, 2 ** 32), st.integers(1000, 4000), points)
    @example(413, 1000, (0.0, 0.0))  # its root does not depend on y
    def test_thousands_of_nodes_against_differences_at_60_digits(self, seed, length, point):
        program = random_program(seed, length)
        x, y = map(Value, point)
        root = run(program, ag, x, y)
        slopes = gradient(root, [x, y])
        root.backward([x, y])
        with mpmath.workdps(60):
            u, v = map(mpmath.mpf, point)
            h = mpmath.mpf(10) ** -25
            truths = [(run(program, mpmath, u + h, v) - run(program, mpmath, u - h, v)) / (2 * h),
                      (run(program, mpmath, u, v + h) - run(program, mpmath, u, v - h)) / (2 * h)]
        for leaf, slope, truth in zip((x, y), slopes, truths):
            assert_near(slope, truth)
            assert slope.data == leaf.grad
        forward = jvp(lambda a, b: run(program, ag, a, b), point, (1.0, 0.0))[1]
        assert abs(forward - float(truths[0])) <= 16 * rounding_bound(slopes[0]) + 1e-15 * abs(forward)


def test_threads_do_not_disturb_each_other():
    programs_ = [random_program(seed, 60) for seed in range(8)]

    def work(program):
        return [hessian(lambda x: run(program, ag, x[0], x[1]))(np.array([0.3 + k / 50, -0.7])) for k in range(6)]

    alone = [work(program) for program in programs_]
    together = [None] * len(programs_)

    def worker(i):
        together[i] = work(programs_[i])

    threads = [threading.Thread(target=worker, args=(i,)) for i in range(len(programs_))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(alone, together)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2 ** 32), points)
@pytest.mark.parametrize("duplicate", [lambda node: pickle.loads(pickle.dumps(node)), copy.deepcopy])
def test_copied_graphs_have_the_same_derivatives_to_the_bit(duplicate, seed, point):
    x, y = map(Value, point)
    slope = gradient(run(random_program(seed, 40), ag, x, y), x)
    again, u, v = duplicate([slope, x, y])
    assert again.data == slope.data or (again.data != again.data and slope.data != slope.data)
    for ours, theirs in zip(gradient(slope, [x, y]), gradient(again, [u, v])):
        assert ours.data == theirs.data


nonsense = st.recursive(
    st.one_of(st.none(), st.text(max_size=3), st.binary(max_size=3), st.complex_numbers(), st.just(object()),
              st.floats(), st.integers(), st.booleans(), st.just(math.sin), st.just(Value(1.0)), st.just(Value),
              st.just(np.array(["a", "b"])), st.just(np.zeros((2, 0))), st.just(np.array([1j])), st.just({1, 2}),
              st.just(np.array([None, 1.0], dtype=object)), st.just(range(3))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner),
                            st.dictionaries(st.text(max_size=2), inner, max_size=2)), max_leaves=4)
documented = (TypeError, ValueError, OverflowError, FloatingPointError)

CALLS = {
    "grad": lambda a, b: grad(lambda x: x * x)(a),
    "grad argnums": lambda a, b: grad(lambda x, y: x, a)(1.0, b),
    "grad of nonsense": lambda a, b: grad(lambda x: a)(1.0),
    "grad with aux": lambda a, b: grad(lambda x: a, has_aux=True)(1.0),
    "value_and_grad": value_and_grad(lambda x, y: x, (0, 1)),
    "transform": lambda a, b: grad(a)(b),
    "jacobian": lambda a, b: jacobian(lambda x: [x, a])(b),
    "hessian": lambda a, b: hessian(abs)(a),
    "jvp": lambda a, b: jvp(lambda x: x, a, b),
    "jvp tangents": lambda a, b: jvp(lambda x: x, (a,), (b,)),
    "vjp": lambda a, b: vjp(lambda x: x, a)[1](b),
    "hvp": lambda a, b: hvp(lambda x: x, (a,), (b,)),
    "gradient": gradient,
    "stop_gradient": lambda a, b: stop_gradient(a),
    "custom_gradient": lambda a, b: custom_gradient(a, b, name="nonsense"),
    "custom rule": lambda a, b: grad(custom_gradient(lambda x: a, lambda y, x: b, name="nonsense"))(1.0),
    "check_gradients": lambda a, b: check_gradients(lambda x: x, a, order=1, points=0),
    "check_gradients closed form": lambda a, b: check_gradients(lambda x: x, 1.0, closed_form=lambda x: a, points=0),
    "check_gradients settings": lambda a, b: check_gradients(lambda x: x, 1.0, modes=a, domain=b, points=1),
    "minimise": lambda a, b: minimise(lambda x: (a, b), 1.0, Adam(), steps=1),
    "lbfgs": lambda a, b: lbfgs(value_and_grad(lambda x: x), a, steps=1),
    "Adam": lambda a, b: Adam(a, decay=b),
    "MLP": MLP,
}


@pytest.mark.parametrize("name", CALLS)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(nonsense, nonsense)
def test_nonsense_gives_nothing_but_documented_errors(name, a, b):
    try:
        CALLS[name](a, b)
    except documented as error:
        assert str(error).strip()


def resident():
    """Bytes of memory in use by this process, where the system tells."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") if pages.exists() else 0


def test_memory_is_stable_over_a_hundred_thousand_training_steps():
    w, b, optimiser = Value(0.1), Value(0.0), GradientDescent(1e-3)
    began, done, sizes = time.perf_counter(), 0, []
    while done < 100_000 and time.perf_counter() - began < 40:
        for _ in range(2_000):
            (ag.tanh(w * 0.5 + b) - 0.3).backward()
            optimiser.step([w, b])
        done += 2_000
        sizes.append((sys.getallocatedblocks(), resident()))
    warm = len(sizes) // 5
    assert done >= 10_000
    assert sizes[-1][0] - sizes[warm][0] < 500
    assert sizes[-1][1] - sizes[warm][1] < 2_000_000
