"""The expression language: the same numbers and graphs as the Python code it looks like, and clear errors."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies as st

from autograd_mini import Value
from autograd_mini._core.expression import LONGEST, LONGEST_SOURCE, ExpressionError, evaluate, names
from autograd_mini._core.value import functions
from autograd_mini.primitives import ROWS, Operators

BUILT_IN = [row for row in ROWS if row.at]


class Name(str):
    """An operand that fills a template's slot without brackets."""

    def __format__(self, spec):
        return str(self)


def same(a, b):
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
def test_every_row_is_read_back_from_its_text(row):
    operands = [Name("abc"[position]) for position in range(len(row.partials))]
    for point in row.at:
        variables = dict(zip(operands, point))
        assert same(evaluate(row.text.format(*operands), variables), row.number(*point))
        assert same(evaluate(f"{row.name}({', '.join(operands)})", variables), row.number(*point))


OPERATORS = ["+", "-", "*", "/", "**", "<", "<=", ">", ">=", "==", "!="]
LEAVES = st.sampled_from(["x", "y", "2", "0.5", "3", "1e-3"])
EXPRESSIONS = st.recursive(LEAVES, lambda inner: st.one_of(
    st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
    inner.map("-{}".format), inner.map("({})".format), inner.map("sin({})".format), inner.map("abs({})".format),
    st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})")), max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_precedence_and_values_are_pythons(source):
    """Python itself evaluates the same text; where it raises (1/0, overflow, complex) it has no say."""
    try:
        expected = eval(source, {"x": 1.25, "y": -0.75, "sin": math.sin, "abs": math.fabs})
    except (ArithmeticError, ValueError, TypeError):
        return
    if isinstance(expected, complex) or (isinstance(expected, int) and abs(expected) > 2**53):
        return
    found = evaluate(source, {"x": 1.25, "y": -0.75})
    assert same(found, float(expected)) or math.isclose(found, expected, rel_tol=1e-14)


@pytest.mark.parametrize("source, expected", [
    ("-x ** 2", -9.0), ("2 ** -x", 0.125), ("2 ** x ** 2", 512.0), ("x - 1 - 1", 1.0), ("1 / x / 2", 1 / 6),
    ("+x", 3.0), ("0 < x < 4", 1.0), ("0 < x < 4 < 2", 0.0), ("x != 3", 0.0), ("x >= 3", 1.0),
    ("x if x > 5 else -x", -3.0), ("log(e)", 1.0), ("max(x, 1) + min(x, 1)", 4.0), ("cos(pi)", -1.0),
    ("inf - inf", math.nan), ("1 / 0", math.inf), ("ln(-1)", math.nan), ("1e999", math.inf), ("nan", math.nan),
    ("(x\n + 1)", 4.0), ("  7 ", 7.0), ("1_000", 1000.0), ("0x10", 16.0), ("9**9**9", math.inf),
])
def test_numbers(source, expected):
    assert same(evaluate(source, {"x": 3}), expected)


def test_a_graph_comes_out_as_from_code():
    x, w, b = Value(1.5, "x"), Value(-0.5, "w"), Value(0.25, "b")
    loss = evaluate("softplus(w*x + b) - 1 * (w*x + b)", {"x": x, "w": w, "b": b})
    loss.backward()
    code = functions["softplus"](w * x + b) - 1 * (w * x + b)
    found = (loss.data, x.grad, w.grad, b.grad)
    code.backward()
    assert found == (code.data, x.grad, w.grad, b.grad)


def test_any_reading_of_the_table_can_be_a_variable():
    class Count(Operators):
        """How many operations went into a result."""

        def __init__(self, made):
            self.made = made

        def apply(self, primitive, operands):
            return Count(1 + sum(o.made for o in operands if type(o) is Count))

    assert evaluate("exp(-x) / (1 + exp(-x)) if x > 0 else x", {"x": Count(0)}).made == 8


def test_a_long_sum_is_no_deep_recursion():
    assert evaluate(" + ".join(["x"] * 900), {"x": 1}) == 900.0


@pytest.mark.parametrize("source, expected", [
    ("y*ln(a) + (1 - y)*ln(1 - a)", ["y", "a"]), ("b if a < c else sigmoid(d)*a", ["b", "a", "c", "d"]),
    ("pi*e + inf", []), ("f", ["f"]), ("ß*ñ", ["ß", "ñ"]), ("3", []),
])
def test_names(source, expected):
    assert names(source) == expected


def test_a_variable_may_hide_a_constant_but_not_a_function():
    assert evaluate("e + 1", {"e": 4}) == 5.0
    with pytest.raises(ExpressionError, match="'exp' is a function"):
        evaluate("exp + 1", {"exp": 4})


@pytest.mark.parametrize("source, message, marked", [
    ("2*sin x", r"takes brackets: write sin\(x\)", "s"), ("1 + |x - y|", r"write abs\(x - y\)", "|"),
    ("x + sigmod(x)", "did you mean 'sigmoid'", "s"), ("x + yy", "'yy' has no value", "y"),
    ("1 + exp(1, 2)", "exp takes 1 operand, not 2", "e"), ("hypot(*x)", "by position", "h"),
    ("exp(a=1)", "by position", "e"), ("ß + y.real", "attribute", "y"), ("x[0]", "index", "x"),
    ("1 + (x ^ 2)", r"\*\* for a power", "x"),
    ("x and x", "multiply", "x"), ("not x", "1 - condition", "n"), ("x is x", "not part of the language", "x"),
    ("'3'", "not a real number", "'"), ("x + 2j", "not a real number", "2"), ("True", "not a real number", "T"),
    ("1" + "0" * 400, "beyond the range of float64", "1"), ("x x", "not an expression", "x"),
    ("(x", "not an expression", "("), ("__import__('os').system('id')", "attribute", "_"),
    ("(lambda: x)()", "lambda", "("), ("[x for x in x]", "not part of the language", "["), ("x # y", "comment", "#"),
    ("x, x", "one at a time", "x"), ("(x := 3)", "not part of the language", "x"), ("f'{x}'", "not part", "f"),
    ("x + ", "not an expression", ""), ("exp", "write exp", "e"), ("x\0", "not an expression", None),
])
def test_errors_point_at_the_place(source, message, marked):
    with pytest.raises(ExpressionError, match=message) as caught:
        evaluate(source, {"x": 1.0, "y": 2.0, "ß": 3.0})
    _, shown, caret = str(caught.value).split("\n")
    assert caret.strip() == "^"
    if marked is not None:
        assert shown[caret.index("^"):][:1] == marked


@pytest.mark.parametrize("source", ["", "  \n", "(" * 150 + "x", "-" * 9000 + "x", "(" * 5000 + ")" * 5000,
                                    "x" * (LONGEST + 1), "f(" * 3000, "9" * 5000])
def test_empty_deep_and_huge_input_is_one_clear_error(source):
    with pytest.raises(ExpressionError) as caught:
        names(source)
    assert max(map(len, str(caught.value).split("\n"))) < 120


def test_the_caret_is_right_in_the_middle_of_a_long_expression():
    with pytest.raises(ExpressionError) as caught:
        evaluate(" + ".join(["x"] * 100 + ["wrong"] + ["x"] * 100), {"x": 1})
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^"):].startswith("wrong") and len(shown) < 90


@pytest.mark.parametrize("source", [None, 3, b"x"])
def test_what_is_not_text(source):
    with pytest.raises(TypeError, match="an expression is a text"):
        evaluate(source)


ENDLESS = """
import contextlib, resource, sys
from autograd_mini._core.expression import LONGEST_SOURCE, ExpressionError, evaluate, names
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
UNITS = ["\\n", " ", "\\t\\n", "x\\n", "x = 1\\n", "x = x;", "#\\n", "# x\\n", ";",
         "a", "a ", "²", "=", "x=", "1<", "a\\r"]
for unit in UNITS:
    source = unit * ((LONGEST_SOURCE - 1) // len(unit)) + "x"
    for read in (names, lambda source: evaluate(source, {"x": 1.0})):
        with contextlib.suppress(ExpressionError):
            read(source)
print("read")
"""


def test_no_text_keeps_the_reader_busy():
    """Twenty thousand empty lines once took six seconds; ten times as many, as here, would take ten minutes."""
    pytest.importorskip("resource")
    child = subprocess.run([sys.executable, "-c", ENDLESS], check=False, capture_output=True, text=True)
    assert (child.stdout, child.stderr) == ("read\n", "")


def test_a_text_beyond_the_limit_is_refused_before_it_is_read():
    for source in ("x" * (LONGEST_SOURCE + 1), "x = 1\n" * LONGEST_SOURCE + "x", "\n" * 10**7):
        with pytest.raises(ExpressionError, match=f"more than {LONGEST_SOURCE}: build it in Python"):
            names(source)
