"""`derive` finds the derivations of the textbooks, and shows nothing that 50 digits do not confirm."""

import json
import math
import subprocess
import sys

import pytest
import sympy

from autograd_mini import (
    StaleGraphError,
    Value,
    cos,
    cosh,
    exp,
    floor,
    gradient,
    ln,
    maximum,
    minimum,
    norm_cdf,
    primitive,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    stop_gradient,
    tanh,
    where,
)
from autograd_mini._core.expression import evaluate
from autograd_mini.explain import derive
from autograd_mini.explain._elimination import TookTooLong, time_limit
from autograd_mini.explain._lines import over_an_index


def named(node, name):
    node.name = name
    return node


def variables(**numbers):
    return [Value(number, name) for name, number in numbers.items()]


def logistic():
    x1, x2, w1, w2, b, y = variables(x1=1.5, x2=-2.0, w1=0.3, w2=0.1, b=0.2, y=1.0)
    z = named(w1 * x1 + w2 * x2 + b, "z")
    a = named(1 / (1 + exp(-z)), "a")
    return -y * ln(a) - (1 - y) * ln(1 - a), [a, z, w1, w2, b]


def logistic_in_small_steps():
    z, y = variables(z=0.45, y=1.0)
    t = named(1 + exp(-z), "t")
    a = named(1 / t, "a")
    return -y * ln(a) - (1 - y) * ln(1 - a), [z]


def softmax(taken=None):
    z = variables(z1=0.3, z2=-0.5, z3=1.1)
    y = variables(y1=0.0, y2=1.0, y3=0.0)
    e = [exp(score) for score in z]
    total = e[0] + e[1] + e[2]
    p = [named(part / total, f"p{i + 1}") for i, part in enumerate(e)]
    return (-(y[0] * ln(p[0]) + y[1] * ln(p[1]) + y[2] * ln(p[2])) if taken is None else -ln(p[taken])), z, p


def tanh_from_exponentials():
    x, = variables(x=0.4)
    return named((exp(x) - exp(-x)) / (exp(x) + exp(-x)), "t"), [x]


def softplus():
    z, = variables(z=0.4)
    return named(ln(1 + exp(z)), "s"), [z]


def least_squares():
    w, b, x1, x2, y1, y2 = variables(w=0.4, b=0.1, x1=0.5, x2=1.5, y1=0.7, y2=1.4)
    r1, r2 = named(w * x1 + b - y1, "r1"), named(w * x2 + b - y2, "r2")
    return (r1 ** 2 + r2 ** 2) / 2, [w, b]


def two_layers():
    x1, x2, y, c = variables(x1=0.5, x2=-0.3, y=1.0, c=0.2)
    hidden, scores = [], c
    for i, v in enumerate(variables(v1=0.7, v2=-0.4), 1):
        wa, wb, bias = variables(**{f"w{i}1": 0.2 * i, f"w{i}2": -0.3 * i, f"b{i}": 0.1 * i})
        hidden.append(named(tanh(named(wa * x1 + wb * x2 + bias, f"z{i}")), f"h{i}"))
        scores = scores + v * hidden[-1]
    a = named(1 / (1 + exp(-named(scores, "z"))), "a")
    return -y * ln(a) - (1 - y) * ln(1 - a), ["w11", "b2", "v1", "c"]


def gaussian():
    x, mu, sigma = variables(x=1.2, mu=0.5, sigma=0.8)
    return named(-ln(sigma) - (x - mu) ** 2 / (2 * sigma ** 2), "l"), [mu, sigma]


def standardised_gaussian():
    x, mu, sigma = variables(x=1.2, mu=0.5, sigma=0.8)
    u = named((x - mu) / sigma, "u")
    return named(-ln(sigma) - u ** 2 / 2, "l"), [mu, sigma]


def quotient():
    x, = variables(x=3.0)
    return named((x ** 2 + 1) / (x - 1), "f"), [x]


def composed_power():
    x, = variables(x=3.0)
    u = named(x ** 2 + 1, "u")
    return named(u ** 5, "f"), [x]


def arc_length():
    p, = variables(p=0.7)
    return named(sqrt(1 + p ** 2), "s"), [p]


def polar_radius():
    x, y = variables(x=0.7, y=0.9)
    return named(sqrt(x ** 2 + y ** 2), "r"), [x, y]


def black_scholes():
    S, K, r, sigma, T = variables(S=100.0, K=95.0, r=0.03, sigma=0.2, T=0.75)
    d1 = named((ln(S / K) + (r + sigma * sigma / 2) * T) / (sigma * sqrt(T)), "d1")
    d2 = named(d1 - sigma * sqrt(T), "d2")
    return named(S * norm_cdf(d1) - K * exp(-r * T) * norm_cdf(d2), "C"), [S]


def activations():
    w, x = variables(w=2.0, x=0.7)
    z = named(w * x, "z")
    h = named(relu(z), "h")
    return h * h, [w]


TEXTBOOK = {
    logistic: {"dL/da": "-y/a + (1 - y)/(1 - a)", "da/dz": "a - a**2", "dL/dz": "a - y", "dL/dw1": "x1*(a - y)",
               "dL/dw2": "x2*(a - y)", "dL/db": "a - y"},
    logistic_in_small_steps: {"da/dt": "-1/t**2", "dt/dz": "1 - t", "dL/dz": "a - y"},
    tanh_from_exponentials: {"dt/dx": "1 - t**2"},
    softplus: {"ds/dz": "exp(z)/(exp(z) + 1)"},
    least_squares: {"dL/dw": "r1*x1 + r2*x2", "dL/db": "r1 + r2"},
    two_layers: {"dL/dw11": "v1*x1*(1 - h1**2)*(a - y)", "dL/db2": "v2*(1 - h2**2)*(a - y)", "dL/dv1": "h1*(a - y)",
                 "dL/dc": "a - y"},
    gaussian: {"dl/dmu": "(x - mu)/sigma**2", "dl/dsigma": "-1/sigma + (x - mu)**2/sigma**3"},
    standardised_gaussian: {"dl/dmu": "u/sigma", "dl/dsigma": "(u**2 - 1)/sigma"},
    quotient: {"df/dx": "(x**2 - 2*x - 1)/(x - 1)**2"},
    composed_power: {"df/dx": "10*u**4*x"},
    arc_length: {"ds/dp": "p/s"},
    polar_radius: {"dr/dx": "x/r", "dr/dy": "y/r"},
    black_scholes: {"dC/dd1": "0", "dC/dS": "norm_cdf(d1)"},
    activations: {"dh/dz": "(1 if z > 0 else 0)"},
}


@pytest.mark.parametrize("example", TEXTBOOK, ids=lambda example: example.__name__)
def test_the_results_are_those_of_the_textbook_and_are_confirmed(example):
    loss, wrt = example()
    derivation = derive(loss, wrt)
    for claim, result in TEXTBOOK[example].items():
        assert str(derivation[claim]) == f"{claim} = {result}"
    assert all(step.verified and not step.note for step in derivation)


def test_softmax_with_cross_entropy_gives_p_minus_y():
    loss, z, _ = softmax()
    derivation = derive(loss, z, assume=["y1 + y2 + y3 = 1"])
    assert [str(derivation[score]) for score in z] == [f"dL/dz{i} = p{i} - y{i}" for i in (1, 2, 3)]
    assert str(derivation["dp1/dz1"]) == "dp1/dz1 = p1 - p1**2" and str(derivation["dp2/dz1"]) == "dp2/dz1 = -p1*p2"
    assert all(step.verified for step in derivation)


def test_a_softmax_of_many_classes_is_not_too_much():
    z = [Value(0.1 * i, f"z{i}") for i in range(5)]
    y = [Value(float(i == 2), f"y{i}") for i in range(5)]
    e = [exp(score) for score in z]
    total = e[0] + e[1] + e[2] + e[3] + e[4]
    p = [named(part / total, f"p{i}") for i, part in enumerate(e)]
    loss = sum(-label * ln(share) for label, share in zip(y, p))
    assert str(derive(loss, z[2], assume=["y0 + y1 + y2 + y3 + y4 = 1"])[z[2]]) == "dL/dz2 = p2 - y2"


def test_named_nodes_beside_the_loss_can_be_used():
    loss, z, p = softmax(taken=1)
    derivation = derive(loss, z, using=p)
    assert [str(derivation[score]) for score in z] == ["dL/dz1 = p1", "dL/dz2 = p2 - 1", "dL/dz3 = p3"]


def test_the_text_shows_the_chain_from_the_definitions_to_a_minus_y():
    loss, wrt = logistic()
    assert derive(loss, wrt[:3]).text() == """\
z      = w1*x1 + w2*x2 + b
a      = 1/(1 + exp(-z))
L      = -y*ln(a) - (1 - y)*ln(1 - a)

da     = dL/da = -y/a + (1 - y)/(1 - a)
da/dz  = exp(-z)/(1 + exp(-z))**2 = a - a**2
dz     = dL/dz = da * da/dz = a - y
dz/dw1 = x1
dw1    = dL/dw1 = dz * dz/dw1 = x1*dz = x1*(a - y)"""


def test_numbers_are_substituted_on_request():
    z, y = variables(z=0.0, y=1.0)
    a = named(1 / (1 + exp(-z)), "a")
    lines = derive(-y * ln(a) - (1 - y) * ln(1 - a), [z]).text(numbers=True).splitlines()
    assert lines[0] == "a     = 1/(1 + exp(-z)) = 1/(1 + exp(-0)) = 0.5"
    assert lines[-1] == "dz    = dL/dz = da * da/dz = a - y = 0.5 - 1 = -0.5"


def test_latex_is_one_aligned_block():
    loss, wrt = logistic()
    derivation = derive(loss, wrt[:2])
    block = derivation.latex()
    assert block.startswith("\\begin{aligned}") and block.endswith("\\end{aligned}")
    assert r"\frac{\partial L}{\partial z} &= \frac{\partial L}{\partial a} \, \frac{\partial a}{\partial z} = a - y" \
        in block
    assert derivation._repr_latex_() == f"$$\n{block}\n$$"


def test_steps_are_objects_in_the_order_of_the_chain_rule():
    loss, wrt = logistic()
    derivation = derive(loss, wrt[:2])
    assert [(step.kind, step.claim) for step in derivation] == [
        ("definition", "z"), ("definition", "a"), ("definition", "L"), ("chain", "dL/da"), ("local", "da/dz"),
        ("chain", "dL/dz")]
    assert derivation[wrt[1]] is derivation["dL/dz"] and str(derivation["dL/dz"].result) == "a - y"
    with pytest.raises(KeyError, match="it has z, a, L"):
        derivation["dL/dq"]


def test_several_paths_are_added_up_and_a_direct_one_is_written_out():
    x, = variables(x=0.5)
    u = named(x ** 2, "u")
    derivation = derive(named(u * x + cos(u), "f"), [x])
    assert "dx    = df/dx = u + du * du/dx" in derivation.text()
    assert str(derivation[x]) == "df/dx = u + 2*x*(x - sin(u))"


def test_a_step_that_takes_too_long_is_shown_unsimplified_and_says_so():
    loss, wrt = logistic()
    derivation = derive(loss, wrt[:2], seconds=1e-4)
    assert "not simplified: it took longer than 0.0001 s" in derivation.text()
    assert all(step.verified for step in derivation)


def test_a_time_limit_interrupts_and_leaves_nothing_behind():
    with pytest.raises(TookTooLong), time_limit(0.05):
        while True:
            pass
    with time_limit(60.0):
        pass


def test_cases_and_rows_of_ones_own_are_differentiated_by_their_rules():
    r, = variables(r=0.7)
    huber = named(where(abs(r) < 1, r * r / 2, abs(r) - 0.5), "h")
    assert str(derive(huber, [r])[r]) == "dh/dr = (r if abs(r) < 1 else sign(r))"
    twice = primitive("derive_twice", lambda a: 2 * a, [lambda y, a: 2.0], formula=lambda a: 2 * a)
    assert str(derive(named(twice(r), "f"), [r])[r]) == "df/dr = 2"


def test_names_that_meet_are_kept_apart_and_inputs_without_one_get_one():
    u, v, w = Value(1.0, "x"), Value(2.0, "x"), Value(3.0)
    derivation = derive(named(u * v * w, "f"), [u, v, w])
    assert [str(derivation[node]) for node in (u, v, w)] == ["df/dx = v1*x_2", "df/dx_2 = v1*x", "df/dv1 = x*x_2"]


def test_floats_are_printed_as_they_were_written_and_read_exactly():
    x, = variables(x=0.5)
    assert str(derive(named(0.1 * x, "f"), [x])[x]) == "df/dx = 0.1"


@pytest.mark.parametrize("ask, error", [
    (lambda f, x: derive(3.0), "only a Value can be derived, not float"),
    (lambda f, x: derive(f, ["q"]), "no node is called 'q'"),
    (lambda f, x: derive(f, [Value(1.0, "q")]), "not part of the graph"),
    (lambda f, x: derive(f, [x], assume=["x + 1"]), "an assumption is an equation"),
])
def test_bad_requests_are_told(ask, error):
    x, = variables(x=0.5)
    with pytest.raises((TypeError, ValueError), match=error):
        ask(named(sigmoid(x), "f"), x)


def test_a_stale_graph_is_not_derived():
    x, = variables(x=0.5)
    f = named(sigmoid(x), "f")
    x.data = 0.6
    with pytest.raises(StaleGraphError):
        derive(f, [x])


def test_sympy_is_imported_only_when_used():
    code = "import sys, autograd_mini; assert not {'sympy', 'mpmath'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_row_without_a_formula_is_derived_by_its_rules_and_said_to_be_unconfirmed():
    x, = variables(x=2.0)
    cube = primitive("derive_cube", lambda a: a ** 3, [lambda y, a: 3 * a * a])
    step = derive(cube(x) * x, [x])[x]
    assert str(step) == "dL/dx = 3*x**3 + derive_cube(x)"
    assert step.verified is None and "not verified" in step.note


def test_the_root_itself_may_be_asked_for():
    x, = variables(x=2.0)
    assert str(derive(x, [x])) == "dx = dx/dx = 1"


def test_nodes_are_told_apart_by_identity_not_by_their_numbers():
    x, = variables(x=1.0)
    u = named(x * x, "u")
    f = named(u ** 3, "f")
    assert f.data == u.data == x.data
    assert str(derive(f, [x])[x]) == "df/dx = 6*x**5"


def test_latex_of_the_readme_s_example():
    x, w, b, y = Value(1.5, "x1"), Value(0.5, "w1"), Value(0.25, "b"), Value(1.0, "y")
    z = w * x + b
    z.name = "z"
    a = 1 / (1 + exp(-z))
    a.name = "a"
    typeset = derive(-y * ln(a) - (1 - y) * ln(1 - a), wrt=[a, z, w]).latex()
    assert r"\frac{\partial L}{\partial z}" in typeset and "x_{1}" in typeset


def test_a_named_part_that_cancels_has_derivative_zero():
    u, v = Value(1.0, "u"), Value(2.0, "v")
    p = v * 3
    p.name = "p"
    q = u + 0 * p
    q.name = "q"
    text = str(derive(q, wrt=[u, p, v]))
    assert "dp    = dq/dp = 0" in text and "dv    = dq/dv = dp * dp/dv = 0" in text


def test_decimals_stay_decimals_and_halves_stay_fractions():
    x = Value(1.5, "x")
    text = str(derive(x * 0.3 + x ** 2 * 0.1 + x ** 3 / 2, wrt=[x]))
    assert all(part in text for part in ("0.1*x**2", "0.3*x", "x**3/2", "0.2*x")) and "360287" not in text


def test_the_latex_of_every_stage_can_be_set_and_names_are_set_as_a_book_does():
    x, lam, w_1, weight = variables(x=0.5, lam=2.0, w_1=0.5, 权重=1.5)
    block = derive(named(lam * named(0.3 * x, "x_hat") ** 2 + w_1 * weight, "loss"), [x, lam, w_1]).latex()
    assert r"\frac{\partial \mathrm{loss}}{\partial x} &=" in block and r"0.3 \frac{\partial \mathrm{loss}}" in block
    assert all(part in block for part in (r"\lambda", r"\hat{x}", "w_{1}", r"\text{权重}")) and "_hat" not in block


def test_a_part_that_cancels_has_a_derivative_of_zero():
    x, t = variables(x=1.0, t=2.0)
    derivation = derive(named(x * x, "u") + 0 * named(t * t, "v"))
    assert str(derivation[t]) == "dL/dt = 0" and str(derivation[x]) == "dL/dx = 2*x"


@pytest.mark.parametrize("f, at, expected", [
    (lambda x: x * stop_gradient(x), 3.0, "x"),
    (lambda x: stop_gradient(x) ** 2 + x, 3.0, "1"),
    (lambda x: x * floor(x) + x * sign(x), 1.3, "floor(x) + sign(x)"),
    (lambda x: abs(ln(x)), 1.3, "sign(ln(x))/x"),
    (lambda x: maximum(x, 1), 1.0, "(1 if x > 1 else (1/2 if x == 1 else 0))"),
    (lambda x: minimum(x, 0), 0.0, "(1 if x < 0 else (1/2 if x == 0 else 0))"),
])
def test_kinks_jumps_and_ties_are_derived_as_the_contract_promises(f, at, expected):
    x, = variables(x=at)
    step = derive(f(x))[x]
    assert str(step) == f"dL/dx = {expected}"
    assert evaluate(expected, {"x": at}) == gradient(f(x), x).data


@pytest.mark.parametrize("f, expected", [
    (lambda x: 0.3 / x, "-0.3/x**2"), (lambda x: x ** 0.7, "0.7/x**0.3"),
    (lambda x: sin(2 * math.pi * x), "2*pi*cos(2*pi*x)"), (lambda x: x * math.sqrt(2) / 3, "sqrt(2)/3"),
    (lambda x: x * math.e, "e"), (lambda x: x / math.sqrt(2 * math.pi), "sqrt(2)/(2*sqrt(pi))"),
    (lambda x: x * 1e-5, "1e-05"), (lambda x: x / 3 * 1.25, "5/12"), (lambda x: x * 0.123456789012, "0.123456789012"),
    (lambda x: sinh(x) * tanh(x) / cosh(x), "2*(1 - tanh(x)**2)*tanh(x)"), (lambda x: sin(x) ** 2 + cos(x) ** 2, "0"),
])
def test_numbers_and_functions_are_written_as_a_person_writes_them(f, expected):
    x, = variables(x=0.5)
    step = derive(f(x))[x]
    assert str(step) == f"dL/dx = {expected}" and step.verified


def test_the_lines_between_are_those_of_a_course():
    loss, wrt = logistic()
    derivation = derive(loss, wrt[:2], steps=True)
    assert derivation.text().partition("\n\n")[2] == """\
da    = dL/da = -y/a + (1 - y)/(1 - a)    (sum rule: each term by itself)
da/dz = -1/u**2 * (-exp(-z))    (chain rule: outer 1/u, inner u = 1 + exp(-z))
      = exp(-z)/(1 + exp(-z))**2
      = a*(1 - a)    (with exp(-z) = (1 - a)/a)
      = a - a**2
dz    = dL/dz = da * da/dz = (-y/a + (1 - y)/(1 - a)) * a*(1 - a)    (put in)
      = -y*(1 - a) + a*(1 - y)    (multiplied out)
      = -y + a*y + a - a*y    (a*y cancels)
      = a - y"""
    assert r"&= \left(- \frac{y}{a} + \frac{1 - y}{1 - a}\right) \cdot a" in derivation.latex()
    assert derive(loss, wrt[:2])["da/dz"].lines == ()


@pytest.mark.parametrize("f, rule, line", [
    (lambda x: sin(x ** 2), "chain rule: outer sin(u), inner u = x**2", "cos(u) * 2*x"),
    (lambda x: x ** 2 * sin(x), "product rule: x**2 and sin(x)", "2*x * sin(x) + x**2 * cos(x)"),
    (lambda x: (x ** 2 + 1) / (x - 3), "quotient rule: (x**2 + 1)/(x - 3)",
     "(2*x*(x - 3) - (x**2 + 1)*1)/(x - 3)**2"),
    (lambda x: 3 * exp(-x * x), "constant factor 3; chain rule: outer exp(u), inner u = -x**2",
     "3 * (exp(u) * (-2*x))"),
    (lambda x: x ** 7, "power rule", "7*x**6"), (lambda x: 2.0 ** x, "exponential rule", "2**x*ln(2)"),
    (lambda x: x ** 2 + sin(x), "sum rule: each term by itself", "2*x + cos(x)"),
    (lambda x: (Value(2.0, "m") - 1) * exp(x), "constant factor m - 1; derivative of exp(x)", "(m - 1) * (exp(x))"),
])
def test_the_rule_of_every_step_is_named_with_what_it_gives(f, rule, line):
    x, = variables(x=0.7)
    first, *_ = derive(f(x), steps=True)[x].lines
    assert (first.rule, first.text) == (rule, line)


def test_the_face_of_a_derivation_is_plain_data():
    loss, wrt = logistic()
    face = json.loads(json.dumps(derive(loss, wrt[:2], steps=True).face()))
    line = next(line for line in face if line["name"] == "da/dz")
    assert line["formula"] == "a - a**2" and line["latex"] == "a - a^{2}" and line["rule"].startswith("chain rule")
    assert [algebra["text"] for algebra in line["algebra"]][-1] == "a*(1 - a)"


def test_sums_over_examples_are_written_over_an_index():
    w1, w2, b, lam = variables(w1=0.3, w2=-0.2, b=0.1, lam=0.5)
    cost = lam * w1 ** 2
    for k, (first, second, label) in enumerate(((0.5, 1.5, 1.0), (-0.4, 0.3, 0.0), (1.2, -0.7, 1.0)), 1):
        x1, x2, y = variables(**{f"x{k}1": first, f"x{k}2": second, f"y{k}": label})
        a = named(sigmoid(named(w1 * x1 + w2 * x2 + b, f"z{k}")), f"a{k}")
        cost = cost - (y * ln(a) + (1 - y) * ln(1 - a)) / 3
    derivation = derive(named(cost, "J"), [w2, b], steps=True)
    assert derivation[w2].summed == ("1/3*sum_k x_k2*(a_k - y_k)",
                                     r"\frac{1}{3} \sum_k x_{k2} \left(a_{k} - y_{k}\right)")
    assert derivation[b].summed[0] == "1/3*sum_k (a_k - y_k)"
    assert derivation["J"].summed[0] == "-1/3*sum_k (y_k*ln(a_k) + (1 - y_k)*ln(1 - a_k)) + lam*w1**2"
    assert "= 1/3*sum_k x_k2*(a_k - y_k)" in derivation.text() and derivation["z1"].summed is None


@pytest.mark.parametrize("terms, expected", [
    ("w1*x1 + w2*x2 + w3*x3", "sum_k w_k*x_k"), ("w1*x11 + w2*x12 + w3*x13 + b", "sum_k w_k*x_1k + b"),
    ("2*w1*x1 + w2*x2 + w3*x3", None), ("w1*x1 + w2*x2", None), ("w1*x2 + w2*x3 + w3*x1", None), ("a + b + c", None),
])
def test_an_index_is_only_seen_where_there_is_one(terms, expected):
    summed = over_an_index(sympy.sympify(terms, {name: sympy.Symbol(name, real=True) for name in "abc"}))
    assert (summed and summed[0]) == expected
