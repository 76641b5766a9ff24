"""Random graphs, small ones to fourth order and large ones of thousands of nodes, against SymPy and against mpmath."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st
from mpmath import mp, mpf
from reference import FUNCTIONS, Undefined
from rounding import rounding_of

import autograd_mini as ag
from autograd_mini import Value, gradient, hessian
from autograd_mini._core.graph import topological_order
from autograd_mini.program import trace

UNARY = ["exp", "ln", "sqrt", "sin", "cos", "tan", "tanh", "square", "sigmoid", "softplus", "atan", "reciprocal",
         "log1p", "erf", "cosh", "sinh", "asinh", "expm1", "cbrt", "exp2", "log2", "norm_cdf", "log_sigmoid", "erfc",
         "atanh"]
BINARY = ["add", "sub", "mul", "div", "pow", "hypot", "logaddexp", "atan2", "add", "mul"]
TAME = ["sin", "cos", "tanh", "sigmoid", "atan", "erf", "softplus", "asinh"]


def small(seed):
    """Steps (operation, places of operands) over two inputs, each step using what came shortly before."""
    rng = random.Random(seed)
    steps = []
    for k in range(rng.randint(2, 7)):
        name = rng.choice(UNARY if rng.random() < 0.6 else BINARY)
        first = k + 1 if k else rng.randrange(2)
        steps.append((name, [first, rng.randrange(k + 2)][:2 if name in BINARY else 1]))
    return steps


def large(seed, size):
    """Thousands of steps that neither blow up nor die away: means, tame functions, small products."""
    rng = random.Random(seed)
    steps, count = [], 2
    while len(steps) < size:
        a, b = (rng.randrange(max(0, count - 300), count) for _ in range(2))
        name = rng.choice([*TAME, "add", "sub", "mul", "hypot"])
        steps.append((name, [a] if name in TAME else [a, b]))
        count += 1
        if name in ("add", "sub", "hypot", "softplus"):
            steps.append(("tanh", [count - 1]))
            count += 1
    for a in range(count - 60, count):  # a result that most of them lead to
        steps.append(("add", [a, len(steps) + 1]))
    return steps


def run(steps, functions, inputs):
    nodes = list(inputs)
    for name, places in steps:
        nodes.append(functions[name](*[nodes[place] for place in places]))
    return nodes[-1]


def of_values():
    return {name: getattr(ag, name) for name in [*UNARY, *BINARY, *TAME]}


def sympy_functions():
    import sympy as sp
    return {
        "exp": sp.exp, "ln": sp.log, "sqrt": sp.sqrt, "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "tanh": sp.tanh,
        "atan": sp.atan, "erf": sp.erf, "erfc": sp.erfc, "cosh": sp.cosh, "sinh": sp.sinh, "asinh": sp.asinh,
        "atanh": sp.atanh, "atan2": sp.atan2, "square": lambda a: a ** 2, "reciprocal": lambda a: 1 / a,
        "log1p": lambda a: sp.log(1 + a), "expm1": lambda a: sp.exp(a) - 1, "cbrt": lambda a: a ** sp.Rational(1, 3),
        "exp2": lambda a: 2 ** a, "log2": lambda a: sp.log(a) / sp.log(2), "sigmoid": lambda a: 1 / (1 + sp.exp(-a)),
        "log_sigmoid": lambda a: -sp.log(1 + sp.exp(-a)), "softplus": lambda a: sp.log(1 + sp.exp(a)),
        "norm_cdf": lambda a: sp.erfc(-a / sp.sqrt(2)) / 2, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "pow": lambda a, b: a ** b,
        "hypot": lambda a, b: sp.sqrt(a ** 2 + b ** 2), "logaddexp": lambda a, b: sp.log(sp.exp(a) + sp.exp(b))}


def usable(node):
    return all(1e-8 < abs(part.data) < 1e8 for part in topological_order(node))


def test_small_graphs_to_fourth_order_against_sympy():
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    symbolic = sympy_functions()
    orders = Counter()
    for seed in range(400):
        if orders[4] >= 25:
            break
        steps = small(seed)
        a, b = Value(0.625), Value(1.375)
        node = run(steps, of_values(), [a, b])
        if not usable(node):
            continue
        formula = run(steps, symbolic, [x, y])
        for order, (variable, leaf) in enumerate([(x, a), (y, b), (x, a), (x, a)], 1):
            formula, node = sp.diff(formula, variable), gradient(node, leaf)
            if sp.count_ops(formula) > 400 or len(topological_order(node)) > 400:
                break
            exact = sp.N(formula.subs({x: sp.Rational(5, 8), y: sp.Rational(11, 8)}), 40, maxn=2000)
            if not exact.is_real:
                break  # the principal cube root of a negative number
            assert abs(node.data - exact) <= rounding_of(node) + 1e-15 * abs(exact) + 1e-25, (seed, steps, order)
            orders[order] += 1
    assert orders[4] >= 20 and orders[1] >= orders[2] >= orders[3] >= orders[4]


def differences(function, point, h, order):
    """A central difference of a function of one number: (sum of (-1)^k C(n, k) f(x + (n/2 - k) h)) / h^n."""
    return sum((-1) ** k * math.comb(order, k) * function(point + (mpf(order) / 2 - k) * h)
               for k in range(order + 1)) / h ** order


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10 ** 9))
def test_small_graphs_to_fourth_order_against_mpmath(seed):
    steps = small(seed)
    a, b = Value(0.625), Value(1.375)
    node = run(steps, of_values(), [a, b])
    if not usable(node):
        return
    with mp.workdps(260):
        for order in range(1, 5):
            node = gradient(node, a)
            try:
                exact = differences(lambda t: run(steps, FUNCTIONS, [t, mpf(1.375)]), mpf(0.625), mpf(10) ** -40, order)
            except Undefined:
                return
            if len(topological_order(node)) > 2000:
                return
            assert abs(node.data - exact) <= rounding_of(node) + 1e-15 * abs(exact) + 1e-25, (steps, order)


@pytest.mark.parametrize("seed, size", [(1, 300), (2, 1000), (3, 3000), (4, 9000)])
def test_large_graphs_against_mpmath(seed, size):
    steps = large(seed, size)
    inputs = [Value(0.3), Value(-0.8)]
    node = run(steps, of_values(), inputs)
    assert len(topological_order(node)) > 0.4 * size
    with mp.workdps(60):
        h = mpf(10) ** -20
        for place, leaf in enumerate(inputs):
            def at(t, place=place):
                return run(steps, FUNCTIONS, [t if i == place else mpf(x.data) for i, x in enumerate(inputs)])

            exact = differences(at, mpf(leaf.data), h, 1)
            first = gradient(node, leaf)
            leaf.grad = 0.0  # stays, where the result does not depend on it
            node.backward()
            assert first.data == leaf.grad
            assert abs(first.data - exact) <= rounding_of(first) + 1e-15 * abs(exact)


@pytest.mark.parametrize("seed, size", [(5, 200), (6, 1500)])
def test_second_derivatives_of_large_graphs_against_mpmath(seed, size):
    steps = large(seed, size)

    def function(x):
        return run(steps, of_values(), list(x))

    with mp.workdps(80):
        def at(t):
            return run(steps, FUNCTIONS, [t, mpf(-0.8)])

        exact = differences(at, mpf(0.3), mpf(10) ** -25, 2)
    found = hessian(function)([0.3, -0.8])
    x = Value(0.3)
    second = gradient(gradient(run(steps, of_values(), [x, Value(-0.8)]), x), x)
    limit = rounding_of(second) + 1e-15 * abs(exact)
    assert abs(second.data - exact) <= limit and abs(found[0][0] - exact) <= 2 * limit
    assert found[0][1] == pytest.approx(found[1][0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed, size", [(7, 300), (8, 2000)])
def test_a_program_of_a_large_graph_and_its_gradient(seed, size):
    steps = large(seed, size)

    def both(x, y):
        z = run(steps, of_values(), [x, y])
        return (z, *gradient(z, [x, y]))

    eager = both(Value(0.3), Value(-0.8))
    program = trace(both, 0.5, 0.5)
    for executor in ("numpy", *["native"] * (ag.engine == "native")):
        found = program(0.3, -0.8, executor=executor)
        assert found[0] == pytest.approx(eager[0].data, rel=1e-13)
        for a, b in zip(found[1:], eager[1:]):
            assert abs(a - b.data) <= rounding_of(b) + 1e-15 * abs(b.data)
