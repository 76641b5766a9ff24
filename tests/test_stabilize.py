"""`stabilize` over a domain: better where digits were lost, never worse, at points it has not seen. mpmath judges."""

import math
import random

import mpmath
import pytest

import autograd_mini as am
from autograd_mini import Value, stabilize
from autograd_mini._core.graph import topological_order

WRONG = {"value": 0, "slope": 1}
CASES = {
    "2sqrt": (lambda f, x: f.sqrt(x + 1) - f.sqrt(x), (1.0, 1e15)),
    "2log": (lambda f, x: f.log(x + 1) - f.log(x), (1.0, 1e15)),
    "2frac": (lambda f, x: 1 / (x + 1) - 1 / x, (1.0, 1e15)),
    "2cbrt": (lambda f, x: f.cbrt(x + 1) - f.cbrt(x), (1.0, 1e15)),
    "cos2": (lambda f, x: (1 - f.cos(x)) / (x * x), (1e-9, 3.0)),
    "exp2": (lambda f, x: f.exp(x) - 2 + f.exp(-x), (1e-9, 100.0)),
    "invcot": (lambda f, x: 1 / x - 1 / f.tan(x), (1e-9, 1.5)),
    "sintan": (lambda f, x: (x - f.sin(x)) / (x - f.tan(x)), (1e-6, 1.5)),
    "tanh": (lambda f, x: (f.exp(2 * x) - 1) / (f.exp(2 * x) + 1), (1e-9, 30.0)),
}


class Functions:
    """The names of a course over Values."""

    sqrt, log, cbrt, cos, sin, tan, exp = am.sqrt, am.ln, am.cbrt, am.cos, am.sin, am.tan, am.exp


def relative(found, true):
    return 1.0 if not math.isfinite(found) else float(min(abs((mpmath.mpf(found) - true) / true), 1))


def rebuilt(root, number):
    """The graph at another number of its one leaf."""
    leaf, = [node for node in topological_order(root) if not node.operands]
    leaf.data = number
    moved = Value(number)
    made = {id(leaf): moved}
    for node in topological_order(root):
        if node.operands:
            made[id(node)] = node.operation(*[o if type(o) is float else made[id(o)] for o in node.operands])
    made[id(root)].backward()
    return made[id(root)].data, moved.grad


@pytest.mark.parametrize("name", CASES)
def test_a_classic_case_keeps_its_digits_at_points_not_seen(name):
    f, (low, high) = CASES[name]
    stable = stabilize(lambda x: f(Functions, x), domain={"x": (low, high)})
    rng = random.Random(7)
    before, after = [], []
    for _ in range(40):
        number = math.exp(rng.uniform(math.log(low), math.log(high)))
        x = Value(number)
        given = f(Functions, x)
        given.backward()
        with mpmath.workdps(120):
            true = f(mpmath, mpmath.mpf(number)), mpmath.diff(lambda t: f(mpmath, t), mpmath.mpf(number))
            new = rebuilt(stable.value, number)
            before.append([relative(a, b) for a, b in zip((given.data, x.grad), true)])
            after.append([relative(a, b) for a, b in zip(new, true)])
    for place in WRONG.values():
        old, new = ([row[place] for row in rows] for rows in (before, after))
        assert all(b <= max(16 * a, 2.0 ** -48) for a, b in zip(old, new))
        assert max(new) < 1e-9 < max(old)


@pytest.mark.parametrize("number, y", [(800.0, 1.0), (40.0, 0.0), (-800.0, 1.0)])
def test_the_cross_entropy_ends_in_a_form_that_is_exact_for_labels(number, y):
    z, label = Value(number, "z"), Value(y, "y")
    loss = -(label * am.ln(am.sigmoid(z)) + (1 - label) * am.ln(1 - am.sigmoid(z)))
    stable = stabilize(loss).value
    with mpmath.workdps(400):
        true = mpmath.log1p(mpmath.exp(-mpmath.mpf(number) if y else mpmath.mpf(number)))
    assert stable.data == pytest.approx(float(true), rel=1e-15, abs=1e-300)


def test_what_ruins_a_slope_is_no_cure():
    a, b = Value(1e-10, "a"), Value(1.0, "b")
    stable = stabilize(a * a - b * b).value
    stable.backward()
    assert a.grad == pytest.approx(2e-10, rel=1e-14) and b.grad == -2.0


def test_a_cure_at_the_point_is_taken_though_it_loses_elsewhere():
    """Far from here, where b is much larger than a, the product loses digits of the slope by a."""
    a, b = Value(1.000000001, "a"), Value(1.0, "b")
    stable = stabilize(a * a - b * b).value
    with mpmath.workdps(40):
        assert stable.data == float(mpmath.mpf(a.data) ** 2 - 1)


def test_a_domain_that_does_not_fit_is_told():
    with pytest.raises(ValueError, match="does not depend on 'y'"):
        stabilize(lambda x: am.exp(x) + 1, domain={"x": (0.0, 1.0), "y": (0.0, 1.0)})
    with pytest.raises(ValueError, match="needs an interval"):
        stabilize(lambda x: am.exp(x) + 1, domain={"x": (1.0, 0.0)})
    with pytest.raises(TypeError, match="give a function a domain"):
        stabilize(lambda x: am.exp(x) + 1)


def mixture(terms, number):
    """The logarithm of a sum of weighted exponentials."""
    return am.ln(sum([math.exp(-0.01 * k) * am.exp(number[k]) for k in range(1, terms)], am.exp(number[0])))


def cross_entropy(terms, scores):
    """Softmax and the logarithm of one of its probabilities."""
    shares = [am.exp(score) for score in scores]
    return -am.ln(shares[terms // 2] / sum(shares[1:], shares[0]))


@pytest.mark.parametrize("loss", [mixture, cross_entropy])
@pytest.mark.parametrize("terms, centre", [(12, 800.0), (12, -900.0), (150, 800.0), (150, -900.0)])
def test_sums_of_any_number_of_exponentials_neither_over_nor_underflow(loss, terms, centre):
    rng = random.Random(terms)
    scores = [Value(rng.gauss(centre, 10.0), f"z{k}") for k in range(terms)]
    given = loss(terms, scores)
    assert not math.isfinite(given.data)
    stable = stabilize(given)
    stable.value.backward()
    with mpmath.workdps(40):
        shares = [mpmath.exp(mpmath.mpf(score.data)) for score in scores]
        if loss is mixture:
            shares = [share * (mpmath.mpf(math.exp(-0.01 * k)) if k else 1) for k, share in enumerate(shares)]
        true, total = [share / sum(shares) for share in shares], mpmath.log(sum(shares))
        if loss is cross_entropy:
            total -= scores[terms // 2].data
            true[terms // 2] -= 1
    assert stable.value.data == pytest.approx(float(total), rel=1e-14)
    assert [score.grad for score in scores] == pytest.approx([*map(float, true)], rel=1e-11)
    assert len(str(stable)) < 3000


def test_a_mean_of_saturated_losses_is_cured_in_every_term_and_told_once():
    w, b = Value(8.0, "w"), Value(-0.5, "b")
    rows = [(random.Random(i).gauss(0, 20), float(i % 2)) for i in range(100)]
    losses = []
    for x, y in rows:
        a = 1 / (1 + am.exp(-(w*x + b)))
        losses.append(-y*am.ln(a) - (1 - y)*am.ln(1 - a))
    stable = stabilize(sum(losses[1:], losses[0]) / len(rows))
    stable.value.backward()
    with mpmath.workdps(60):
        z = [mpmath.mpf(8.0 * x) - 0.5 for x, _ in rows]
        cost = sum(mpmath.log1p(mpmath.exp(score)) - y*score for score, (_, y) in zip(z, rows)) / len(rows)
        slope = sum((1 / (1 + mpmath.exp(-score)) - y) * x for score, (x, y) in zip(z, rows)) / len(rows)
    assert stable.value.data == pytest.approx(float(cost), rel=1e-13)
    assert w.grad == pytest.approx(float(slope), rel=1e-12)
    assert "at 100 places" in str(stable) and len(stable.changes) < 5


def test_a_part_keeps_its_name_in_the_stable_form():
    z, y = Value(-800.0, "z"), Value(0.3, "y")
    p = 1 / (1 + am.exp(-z))
    p.name = "p"
    stable = stabilize(p * y - am.ln(p)).value
    names = {node.name: node.operation.name for node in topological_order(stable) if node.operands and node.name}
    assert names == {"p": "sigmoid"} and p.operation.name == "div"
