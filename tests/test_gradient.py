"""gradient: derivatives as graphs, to any order, by any node; and the derivation of logistic regression."""

from __future__ import annotations

import math
import random
from collections import namedtuple

import numpy as np
import pytest
from conftest import ENGINES
from hypothesis import given, settings, strategies as st
from mpmath import mp, mpf
from points import points
from reference import FUNCTIONS, Undefined, ulps

from autograd_mini import StaleGraphError, gradient
from autograd_mini._core.graph import topological_order

Pair = namedtuple("Pair", "first second")


# What it gives --------------------------------------------------------------------------------------------------------

def test_the_shape_of_wrt(Value):
    x, y = Value(2.0), Value(5.0)
    z = x * x * y
    assert gradient(z, x).data == 20.0
    assert [g.data for g in gradient(z, [x, y])] == [20.0, 4.0]
    by_tuple, by_dict = gradient(z, (x, (y,))), gradient(z, {"x": x, "all": [x, y]})
    assert isinstance(by_tuple, tuple) and by_tuple[1][0].data == 4.0 and by_dict["all"][0].data == 20.0
    by_pair = gradient(z, Pair(x, y))
    assert isinstance(by_pair, Pair) and by_pair.second.data == 4.0
    array = np.array([[x, y], [y, x]], dtype=object)
    assert [[g.data for g in line] for line in gradient(z, array)] == [[20.0, 4.0], [4.0, 20.0]]
    assert gradient(z, []) == [] and gradient(z, {}) == {}


def test_what_comes_back_is_a_value_always(Value):
    x, y = Value(2.0), Value(5.0)
    for g in (gradient(x + y, x), gradient(x, x), gradient(x, y), gradient(x * 3, x), gradient(x * x, x)):
        assert type(g) is Value
    assert gradient(x, x).data == 1.0 and gradient(x, y).data == 0.0


def test_the_same_value_twice_in_wrt(Value):
    x = Value(3.0)
    first, second = gradient(x * x, [x, x])
    assert (first.data, second.data) == (6.0, 6.0)


def test_a_gradient_of_a_gradient_and_of_itself(Value):
    x = Value(1.5)
    y = x ** 5
    for order in range(1, 6):
        y = gradient(y, x)
        assert y.data == pytest.approx(math.perm(5, order) * 1.5 ** (5 - order), rel=1e-15)
    assert gradient(y, x).data == 0.0
    dy = gradient(x ** 2, x)
    assert gradient(dy, dy).data == 1.0 and gradient(dy * dy, dy).data == 2 * dy.data


def test_fourth_derivatives(engine):
    x = engine.Value(0.7)
    for name, fourth in (("sin", math.sin(0.7)), ("exp", math.exp(0.7)), ("ln", -6 / 0.7 ** 4)):
        y = engine.functions[name](x)
        for _ in range(4):
            y = gradient(y, x)
        assert y.data == pytest.approx(fourth, rel=1e-14)


def test_mixed_derivatives_do_not_depend_on_the_order(engine):
    x, y = engine.Value(0.8), engine.Value(1.7)
    z = engine.f.sin(x * y) * engine.f.exp(x / y) + x ** y
    one, other = gradient(gradient(z, x), y), gradient(gradient(z, y), x)
    assert one.data == pytest.approx(other.data, rel=1e-13)


def test_inner_nodes(engine):
    """da/dz for the sigmoid inside of a loss; and inside only: not by the way around."""
    z = engine.Value(0.3) * 2
    a = engine.f.sigmoid(z)
    loss = -engine.f.ln(a)
    assert gradient(a, z).data == pytest.approx(a.data * (1 - a.data), rel=1e-15)
    assert gradient(loss, a).data == pytest.approx(-1 / a.data, rel=1e-15)
    assert gradient(loss, [a, z])[1].data == pytest.approx(a.data - 1, rel=1e-15)
    assert gradient(z, a).data == 0.0  # a depends on z, z not on a
    assert gradient(gradient(a, z), z).data == pytest.approx(a.data * (1 - a.data) * (1 - 2 * a.data), rel=1e-14)


def test_an_inner_node_and_what_is_below_it(Value):
    x = Value(3.0)
    u = x * x
    y = u * x
    by_u, by_x = gradient(y, [u, x])
    assert (by_u.data, by_x.data) == (3.0, 27.0)


def test_gradients_are_graphs_of_the_same_engine(engine):
    x = engine.Value(2.0)
    g = gradient(engine.f.tanh(x) * x, x)
    assert all(type(node) is engine.Value for node in topological_order(g))
    g.backward()
    assert x.grad == gradient(g, x).data


def test_it_changes_nothing_it_walks_over(Value):
    x = Value(2.0, name="x")
    y = x * x
    y.backward()
    before = [(n.data, n.grad, n.name, n.partials) for n in topological_order(y)]
    gradient(gradient(y, x), x)
    assert [(n.data, n.grad, n.name, n.partials) for n in topological_order(y)] == before


def test_small_graphs_stay_small(engine):
    """Constants fold and products with 1 vanish: the gradient of a sum of squares has a node or two for each term."""
    xs = [engine.Value(float(k)) for k in range(50)]
    total = sum(engine.f.square(x) for x in xs)
    assert len(topological_order(*gradient(total, xs))) <= 4 * 50
    linear = sum(3.0 * x for x in xs)
    assert all(not g.operands and g.data == 3.0 for g in gradient(linear, xs))


def test_deep_graphs(engine):
    depth = 50_000 if engine.name == "native" else 20_000
    x = y = engine.Value(1.0)
    for _ in range(depth):
        y = y * 1.00001
    assert gradient(y, x).data == pytest.approx(1.00001 ** depth, rel=1e-9)
    y = x
    for _ in range(depth // 10):
        y = engine.f.sin(y)
    assert gradient(gradient(y, x), x).data < 0


def test_stale_graphs_are_refused(Value):
    x = Value(2.0)
    y = x * x
    g = gradient(y, x)
    x.data = 3.0
    for graph in (y, g):
        with pytest.raises(StaleGraphError):
            gradient(graph, x)


# Random expressions against mpmath ------------------------------------------------------------------------------------

OPERATIONS = ["add", "sub", "mul", "div", "exp", "ln", "sqrt", "sin", "cos", "tanh", "square", "sigmoid", "softplus",
              "atan", "hypot", "reciprocal", "log1p", "erf", "cosh", "asinh", "pow", "maximum", "logaddexp"]



def expression(seed, size):
    """Steps (operation, places of its operands) of a random expression over two inputs."""
    rng = random.Random(seed)
    steps = []
    for k in range(size):
        name = rng.choice(OPERATIONS)
        binary = name in ("add", "sub", "mul", "div", "hypot", "pow", "maximum", "logaddexp")
        steps.append((name, [rng.randrange(max(0, k - 6), k + 2) for _ in range(1 + binary)]))
    return steps


def evaluate(steps, functions, inputs):
    nodes = list(inputs)
    for name, places in steps:
        nodes.append(functions[name](*[nodes[place] for place in places]))
    return nodes[-1]


def condition(y):
    """What rounding every operation's operands and result may do to a result, to first order."""
    y.backward()
    total = 0.0
    for node in topological_order(y):
        if node.operands and node.grad:
            total += abs(node.grad * node.data)
    return total * 2.0 ** -50


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10 ** 9), st.integers(2, 14), st.sampled_from([0.4, 1.3, 2.2]), st.sampled_from([0.7, 1.1, 3.0]))
def test_random_expressions_against_mpmath(seed, size, x, y):
    steps = expression(seed, size)
    engine = ENGINES[-1]
    a, b = engine.Value(x), engine.Value(y)
    z = evaluate(steps, engine.functions, [a, b])
    if not math.isfinite(z.data) or any(not 1e-30 < abs(n.data) < 1e30 for n in topological_order(z)):
        return
    with mp.workdps(120):
        for place, node in enumerate((a, b)):
            def exact(t, place=place):
                return evaluate(steps, FUNCTIONS, [t if place == 0 else mpf(x), t if place == 1 else mpf(y)])

            h = mpf(10) ** -30
            try:
                left, here, right = (exact(mpf((x, y)[place]) + k * h) for k in (-1, 0, 1))
            except Undefined:
                return  # on the edge of a domain
            slope, curve = (right - left) / (2 * h), (right - 2 * here + left) / h ** 2
            if abs(curve) > 1e25:
                return  # on a kink
            first = gradient(z, node)
            second = gradient(first, node)
            assert abs(first.data - slope) <= condition(first) + 1e-14 * abs(slope) + 1e-18
            assert abs(second.data - curve) <= condition(second) + 1e-13 * abs(curve) + 1e-15


# Logistic regression, by hand and by the engine -----------------------------------------------------------------------

def spelled_out(engine, w, x, b, y):
    """The graph of L(a, y) with a = 1 / (1 + exp(-z)), and its nodes."""
    f = engine.f
    w, x, b = engine.Value(w), engine.Value(x), engine.Value(b)
    z = w * x + b
    a = 1 / (1 + f.exp(-z))
    loss = -y * f.ln(a) - (1 - y) * f.ln(1 - a)
    return w, x, b, z, a, loss


LOGITS = [k / 8 for k in range(-160, 161, 3)] + [0.0, 20.0, -20.0]


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_da_dz_dw_db_against_the_closed_forms(engine, y):
    """At 50 digits, within 4 ulps for y = 1; for y = 0 the subtraction 1 - a costs 2 e^z more.

    da is compared from the engine's own a. a - y is not, for y = 1: rounding a moves a - 1 by e^z ulps, and the engine,
    which multiplies local derivatives, does better than that; so a comes from the engine's z there, at 50 digits.
    """
    rng = random.Random(5)
    for logit in LOGITS:
        w_, x_ = rng.uniform(-2, 2), rng.choice((1.0, rng.uniform(0.1, 3)))
        w, _, b, z, a, loss = spelled_out(engine, w_, x_, logit - w_ * x_, y)
        loss.backward()
        bound = 4 + (2 * math.exp(z.data) if y == 0 else 0)
        with mp.workdps(50):
            own, exact = mpf(a.data), 1 / (1 + mp.exp(-mpf(z.data)))
            dz = exact - y if y else own
            closed = {"a": -y / own + (1 - y) / (1 - own), "z": dz, "w": mpf(x_) * dz, "b": dz}
            for name, node in (("a", a), ("z", z), ("w", w), ("b", b)):
                assert ulps(node.grad, closed[name]) <= bound, (name, logit, node.grad, closed[name])
            assert ulps(gradient(a, z).data, exact - exact ** 2) <= 4


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("form", ["a - y from sigmoid", "from the logit"])
def test_through_sigmoid_and_from_the_logit_within_4_ulps_everywhere(engine, y, form):
    f = engine.f
    for logit in [*LOGITS, -700.0, -300.0, -40.0, 40.0, 300.0, 700.0, 1e-9, -1e-9]:
        z = engine.Value(logit)
        if form == "from the logit":
            loss = f.softplus(z) - y * z
        elif y == 1.0:
            loss = -f.log_sigmoid(z)
        else:
            loss = -f.log_sigmoid(-z)
        loss.backward()
        with mp.workdps(400):
            exact = 1 / (1 + mp.exp(-mpf(logit))) - y
            terms = 1 if y and form == "from the logit" else 0  # a - 1: near a = 1 its terms cancel, by definition
            error = abs(mpf(z.grad) - exact)
            assert error <= 4 * math.ulp(max(abs(float(exact)), terms * 0.5)), (logit, z.grad, exact)


def test_the_derivation_holds_as_graphs_too(engine):
    w, _, b, z, a, loss = spelled_out(engine, 0.5, 2.0, -0.25, 1.0)
    da, dz, dw, db = gradient(loss, [a, z, w, b])
    assert dz.data == pytest.approx((da * gradient(a, z)).data, rel=1e-15)
    assert dw.data == pytest.approx((dz * gradient(z, w)).data, rel=1e-15)
    assert db.data == pytest.approx(dz.data, rel=1e-15)
    assert gradient(dz, z).data == pytest.approx(a.data * (1 - a.data), rel=1e-14)


def test_every_node_of_a_random_graph_has_the_gradient_of_the_graph_cut_there():
    """gradient(y, inner) is what a leaf in its place would have."""
    for engine in ENGINES:
        for a, b in points(2, 12, seed=3)[-12:]:
            if max(abs(a), abs(b)) > 1e6:
                continue
            x, y = engine.Value(a), engine.Value(b)
            u = engine.f.tanh(x * y + x)
            z = engine.f.sin(u * 3) + u * x
            cut = engine.Value(u.data)
            replaced = engine.f.sin(cut * 3) + cut * x
            assert gradient(z, u).data == gradient(replaced, cut).data
