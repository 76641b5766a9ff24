"""text, latex and tree: what they write is what the graph computes."""

import re

import pytest

import autograd_mini as am
from autograd_mini import Value, latex, text, tree
from autograd_mini._core.expression import ExpressionError, evaluate, names
from autograd_mini._core.registry import engines
from autograd_mini.primitives import HELPERS, ROWS


def logistic():
    w1, x1, w2, x2, b, y = (Value(v, n) for v, n in zip((.5, 2., -1., .3, .1, 1.), ("w1", "x1", "w2", "x2", "b", "y")))
    z = w1 * x1 + w2 * x2 + b
    z.name = "z"
    a = am.sigmoid(z)
    a.name = "a"
    return -y * am.ln(a) - (1 - y) * am.ln(1 - a)


def read_back(formula, value):
    """Run the text as Python with the public functions, and through the expression language: the same number."""
    aliases = dict(re.findall(r"^# (\w+) is '(.*)'$", formula, re.M))
    named = {node.name: type(node)(node.data) for node in am.leaves(value) if node.name}
    named.update({alias: named[name] for alias, name in aliases.items() if name in named})
    scope = {"inf": float("inf"), "nan": float("nan"), **{name: getattr(am, name) for name in am.__all__}, **named}
    *definitions, last = [line for line in formula.splitlines() if not line.startswith("#")]
    exec("\n".join(definitions), scope)
    result, again = eval(last, scope), evaluate(formula, {n: v for n, v in named.items() if n.isidentifier()})
    assert str(getattr(again, "data", again)) == str(getattr(result, "data", result))
    return getattr(result, "data", result)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_reads_back(row):
    for point in row.at:
        leaves = [Value(number, "abc"[i]) for i, number in enumerate(point)]
        value = getattr(am, row.name)(*leaves)
        assert str(read_back(text(value), value)) == str(value.data)
        nested = getattr(am, row.name)(*[-leaf * 2 - -3 for leaf in leaves]) ** 2 - (value - (1 - value))
        assert str(read_back(text(nested), nested)) == str(nested.data)


def binary_trees(depth):
    q, r, s = Value(1.7, "q"), Value(-2.3, "r"), Value(0.6, "s")
    level = [q, r, s, 2.0]
    combine = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: -a + b,
               lambda a, b: am.square(a) ** b if isinstance(a, Value) else b ** 2 ** a]
    for _ in range(depth):
        level = [f(a, b) for f in combine for a, b in zip(level, level[1:] + level[:1])
                 if isinstance(a, Value) or isinstance(b, Value)]
    return level


@pytest.mark.parametrize("value", binary_trees(3)[::7])
def test_brackets_keep_the_order_of_operations(value):
    assert str(read_back(text(value), value)) == str(value.data)


def test_shared_and_named_parts_are_defined_once():
    loss = logistic()
    assert text(loss).splitlines() == ["z = w1 * x1 + w2 * x2 + b", "a = sigmoid(z)",
                                       "-y * ln(a) - (1 - y) * ln(1 - a)"]
    x = Value(2.0, "x")
    e = am.exp(x)
    for _ in range(60):
        e = e * e / 3
    assert len(text(e)) < 3000, "a graph that doubles must not double its text"
    assert read_back(text(e), e) == e.data


def test_generated_names_never_meet_given_ones():
    t1, x = Value(5.0, "t1"), Value(2.0, "x")
    shared = am.exp(x)
    value = shared * shared + t1
    assert read_back(text(value), value) == value.data


@pytest.mark.parametrize("name", ['<b>&"x', "a b", "1x", "exp", "lambda", "pi", "温度", "é", "n" * 1000, "a\nb", "x'y"])
def test_names_that_cannot_be_typed_get_an_alias_and_a_legend(name):
    value = am.sin(Value(0.5, name)) + Value(1.5, name + "2") * 2
    formula = text(value)
    assert formula.startswith("# ") == (not name.isidentifier() or name in {"exp", "lambda", "pi"}), formula
    if "\n" not in name and "'" not in name:
        assert read_back(formula, value) == value.data


def test_two_leaves_of_one_name_are_told_apart():
    value = Value(2.0, "x") - Value(3.0, "x")
    assert len(set(re.findall(r"\w+", text(value).splitlines()[-1]))) == 2


@pytest.mark.parametrize("engine", [engine.kind for engine in engines.values()], ids=engines)
def test_a_chain_of_any_length_is_written_in_short_lines(engine):
    x = engine(0.5, "x")
    chain = x
    for _ in range(20_000):
        chain = chain.sin() + 1e-3
    formula = text(chain)
    assert max(map(len, formula.splitlines())) < 220
    if engine is Value:
        assert read_back(formula, chain) == chain.data
    assert "more nodes" in tree(chain) and len(tree(chain).splitlines()) == 201


@pytest.mark.parametrize("row", [row for row in ROWS if row.at and row.name not in {"where", *HELPERS}],
                         ids=lambda row: row.name)
def test_latex_is_typeset(row):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    leaves = [Value(number, name) for number, name in zip(row.at[0], ("alpha", "w_12", "50 %"))]
    apply = getattr(am, row.name)
    letters = [Value(number, name) for number, name in zip(row.at[0], "abc")]
    for value in (apply(*leaves), apply(*letters), apply(*[-leaf / 3 for leaf in leaves]) ** 2 * 1e-7):
        mathtext.MathTextParser("path").parse(f"${latex(value)}$")


@pytest.mark.parametrize(("value", "expected"), [
    (lambda a, b: -a * b, r"-a \, b"),
    (lambda a, b: a - -b, r"a - \left(-b\right)"),
    (lambda a, b: (a + b) ** 2, r"\left(a + b\right)^{2}"),
    (lambda a, b: a / (b + 1), r"\frac{a}{b + 1}"),
    (lambda a, b: a * 2, r"a \cdot 2"),
    (lambda a, b: a * (b - 1), r"a \, \left(b - 1\right)"),
    (lambda a, b: 1e-7 * a, r"10^{-7} \, a"),
    (lambda a, b: am.exp(-a) ** b, r"\left(e^{-a}\right)^{b}"),
])
def test_latex_brackets(value, expected):
    assert latex(value(Value(1.0, "a"), Value(2.0, "b"))) == expected


def test_latex_of_names_that_are_no_latex():
    written = latex(am.sin(Value(1.0, "50 % of\x00 $x_1^2 \\{")))
    assert written == "\\sin\\left(\\mathrm{50\\ \\%\\ of\ufffd\\ \\$x\\_1\\hat{}2\\ \\backslash{}\\{}\\right)"


def test_latex_of_a_derivation_is_aligned():
    written = latex(logistic())
    assert written.startswith(r"\begin{aligned} z &= w_{1} \, x_{1}") and written.count(r"\\") == 2


def test_tree_shows_numbers_gradients_and_shared_parts():
    loss = logistic()
    assert "–" in tree(loss)
    loss.backward()
    lines = tree(loss).splitlines()
    assert sum("a = sigmoid" in line for line in lines) == 2 and sum("a = sigmoid ↑" in line for line in lines) == 1
    assert any(re.search(r"z = \+ +0\.8 +grad -0\.31$", line) for line in lines)


@pytest.mark.parametrize("engine", [engine.kind for engine in engines.values()], ids=engines)
def test_repr_and_format(engine):
    a = engine(0.71094950, name="a")
    a.grad = -0.28
    assert repr(a) == "Value(0.7109, name='a', grad=-0.28)"
    assert repr(engine(2)) == "Value(2)" and f"{a:.3f}" == "0.711" and f"{a}" == repr(a)


def test_a_stale_graph_is_not_written():
    x = Value(1.0, "x")
    y = x * 2
    x.data = 3.0
    for writer in (text, latex, tree):
        with pytest.raises(am.StaleGraphError):
            writer(y)


def test_definitions_are_part_of_the_expression_language():
    source = "# a comment\nt = exp(-x)\nu = t + 1\nt / u"
    assert names(source) == ["x"] and evaluate(source, {"x": 0.0}) == 0.5
    assert evaluate("(1 +\n 2) * x == 6", {"x": 2.0}) == 1.0
    assert evaluate("t = x + 1; L = t*t", {"x": 1.0}) == 4.0
    for wrong in ("t = 1; exp(; t", "t = 1; 2 + 2; t"):
        with pytest.raises(ExpressionError):
            evaluate(wrong, {})
