"""`stabilize` over a domain: better where digits were lost, never worse, at points it has not seen. mpmath judges."""

import math
import random

import mpmath
import pytest

import autograd_mini as am
from autograd_mini import Value, stabilize
from autograd_mini._core.graph import topological_order
from autograd_mini.explain._ball import ordinal
from autograd_mini.explain._replay import derivatives, replay

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
    sinh, cosh, tanh, acos, erfc, gamma = am.sinh, am.cosh, am.tanh, am.acos, am.erfc, am.gamma


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


SATURATED = {
    "1 - tanh": (lambda f, x: 1 - f.tanh(x), 20.0), "ln(cosh)": (lambda f, x: f.log(f.cosh(x)), 800.0),
    "ln(sinh)": (lambda f, x: f.log(f.sinh(x)), 800.0), "cosh - sinh": (lambda f, x: f.cosh(x) - f.sinh(x), 20.0),
    "scaled tail": (lambda f, x: f.exp(x * x) * f.erfc(x), 30.0), "ln(erfc)": (lambda f, x: f.log(f.erfc(x)), 30.0),
    "ln(gamma)": (lambda f, x: f.log(f.gamma(x)), 300.0), "acos(1 - x)": (lambda f, x: f.acos(1 - x), 1e-10),
    "logit": (lambda f, x: f.log(x / (1 - x)), 0.5 + 1e-9),
}


@pytest.mark.parametrize("name", SATURATED)
def test_what_saturates_or_overflows_is_told_by_a_function_that_does_not(name):
    f, number = SATURATED[name]
    x = Value(number, "x")
    given = f(Functions, x)
    stable = stabilize(given).value
    stable.backward()
    with mpmath.workdps(900):
        true = f(mpmath, mpmath.mpf(number)), mpmath.diff(lambda t: f(mpmath, t), mpmath.mpf(number))
    assert relative(given.data, true[0]) > 1e-9
    assert relative(stable.data, true[0]) < 2e-15 and relative(x.grad, true[1]) < 2e-15


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


def test_a_call_ends_after_its_seconds_with_what_was_found():
    stable = stabilize(lambda x: am.exp(x) - 1, domain={"x": (-1.0, 1.0)}, seconds=0.0)
    assert stable.changes == [] and stable.value.operation.name == "sub"


def test_ctrl_c_ends_the_search_with_what_was_found(monkeypatch):
    from autograd_mini.explain._searching import Search

    judged = Search._judged
    calls = []

    def interrupted(self, form, steps):
        calls.append(form)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return judged(self, form, steps)

    monkeypatch.setattr(Search, "_judged", interrupted)
    x = Value(1e-9, "x")
    assert str(stabilize(am.exp(x) - 1).value.operation.name) == "expm1" and len(calls) == 3


ONE = (am.exp, am.ln, am.sqrt, am.sin, am.cos, am.atan, am.tanh, am.square, am.expm1, am.log1p, am.sigmoid,
       lambda a: 1 / a, lambda a: a + 1, lambda a: 1 - a, lambda a: -a)


def grown(rng, letters, depth):
    """A random expression in which things cancel: f(a + 1) - f(a), a - b and the like."""
    if not depth:
        return rng.choice(letters)
    a, kind = grown(rng, letters, depth - 1), rng.randrange(6)
    if kind < 3:
        f = rng.choice(ONE)
        return f(a) if kind < 2 else f(a + rng.choice([1.0, rng.choice(letters)])) - f(a)
    b = grown(rng, letters, depth - 1)
    return a - b if kind == 3 else a * b if kind == 4 else a / b


@pytest.mark.parametrize("seed, domain", [
    *[(seed, (1e-8, 1e8)) for seed in (1, 4, 7, 13)], *[(seed, (-30.0, 30.0)) for seed in (20, 21, 25, 28)]])
def test_random_expressions_keep_their_meaning_and_their_digits_at_points_not_seen(seed, domain):
    """Never worse by more than 3 bits over ordinary rounding, and the same function, in balls at the stable graph."""
    stable = stabilize(lambda x: grown(random.Random(seed), [x], 3), domain={"x": domain}).value
    rng = random.Random(-seed)
    for _ in range(25):
        number = rng.uniform(*domain) if rng.random() < 0.5 else min(domain[1], 2.0 ** rng.uniform(-26, 26))
        x = Value(number, "x")
        given = grown(random.Random(seed), [x], 3)
        given.backward()
        values, slopes = derivatives(given, needed=(given, x))
        true = values[id(given)], slopes[id(x)]
        if true[0].is_special() or true[0].log2() < -1022:
            continue
        new = rebuilt(stable, number)
        for old, now, ball in zip((given.data, x.grad), new, true):
            if not ball.is_proven() or float(ball) != float(ball):
                continue
            before, after = (math.log2(1 + abs(ordinal(found) - ordinal(float(ball)))) for found in (old, now))
            assert after <= max(6.0, before + (4.0 if before > 8 else 3.0))
        leaf, = [node for node in topological_order(stable) if not node.operands]
        there = replay(stable, at={id(leaf): number}, needed=[stable])[id(stable)]
        assert not there.is_special() and abs(there.number - true[0].number) <= abs(true[0].number) * 2.0 ** -49
