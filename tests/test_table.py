"""The generated table of derivatives: right at every sample point, and the page in the docs is the generated one."""

import json
import pathlib

import pytest

from autograd_mini._core.expression import evaluate
from autograd_mini.cli import main
from autograd_mini.primitives import TABLE, number
from autograd_mini.render._course import CourseLine, course_table, verify
from autograd_mini.render._table import derivative_table, markdown

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "table.md"


@pytest.mark.parametrize("entry", derivative_table(), ids=lambda entry: entry.name)
def test_every_formula_is_the_derivative_and_the_meaning(entry):
    row = TABLE[entry.name]
    for point in row.at:
        y = row.number(*point)
        known = dict(zip("abc", point), y=y)
        assert len(entry.derivatives) == len(point)
        for rule, formula in zip(row.partials, entry.derivatives):
            expected = 0.0 if rule is None else number(rule, y, *point)
            if max(map(abs, point)) < 1e100 and min(map(abs, point)) > 1e-100:  # a course's formulas overflow too
                assert evaluate(formula, known) == pytest.approx(expected, rel=1e-9, abs=1e-16, nan_ok=True)
        for written in entry.function.split(" = ") if max(map(abs, point)) < 1e100 else ():  # textbook forms overflow
            assert evaluate(written, known) == pytest.approx(y, rel=1e-6, abs=1e-300)


def test_points_of_choice_are_found():
    choices = {entry.name: entry.choices for entry in derivative_table()}
    assert choices["abs"] == ["a = 0: 0"] and choices["sqrt"] == ["a = 0: inf"] and choices["ln"] == ["a = 0: inf"]
    assert "a = 0, b = 0: 0.5 and 0.5" in choices["maximum"] and choices["sin"] == [] == choices["exp"]
    assert "a = 0, b = 0.5: inf and 0" in choices["pow"] and choices["hypot"] == ["a = 0, b = 0: 0 and 0"]


def test_the_page_in_the_docs_is_up_to_date():
    assert PAGE.read_text("utf-8") == markdown(), "run: autograd-mini table --format markdown > docs/table.md"


@pytest.mark.parametrize("entry", [e for e in derivative_table(latex=True) if e.name != "where"], ids=lambda e: e.name)
def test_the_page_is_typeset(entry):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    for formula in [entry.function, *entry.derivatives]:
        mathtext.MathTextParser("path").parse(f"${formula.replace('tfrac', 'frac')}$")


def test_the_command(capsys):
    assert main(["table", "sin", "ln"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1].split() == ["ln", "ln(a)", "1", "/", "a", "a", ">", "0", "a", "=", "0:", "inf"]
    assert main(["table", "--format", "json", "relu"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["choices"] == ["a = 0: 0"]
    assert main(["table", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == markdown()
    assert main(["table", "sine"]) == 2 and main(["table", "sin", "--format", "markdown"]) == 2


@pytest.mark.parametrize("line", course_table(), ids=lambda line: line.name)
def test_the_lines_of_a_course_are_what_sympy_derives(line):
    sp = pytest.importorskip("sympy")
    x, (u, v, f) = sp.Symbol("x", positive=True), sp.symbols("u v f", cls=sp.Function)
    known = {"x": x, "u": u(x), "v": v(x), "du": u(x).diff(x), "dv": v(x).diff(x), "f": f, "sign": sp.sign,
             "cbrt": sp.cbrt, "ln": sp.log, "abs": sp.Abs,
             "df": lambda inner: sp.Subs(f(x).diff(x), x, inner)}
    read = [sp.sympify(text.replace("f'", "df").replace("u'", "du").replace("v'", "dv"), known)
            for text in (line.function, line.derivative)]
    assert sp.simplify(read[0].diff(x) - read[1]).doit() == 0


def test_a_wrong_line_of_a_course_is_not_printed():
    for name, function, derivative in (("power", "x**n", "n*x**n"), ("quotient rule", "u/v", "u'/v'")):
        with pytest.raises(ArithmeticError, match=name):
            verify(CourseLine(name, function, derivative))


def test_the_course_is_printed(capsys):
    assert main(["table", "--course"]) == 0
    assert "quotient rule" in (text := capsys.readouterr().out) and "(u'*v - u*v')/v**2" in text
    assert main(["table", "--course", "--format", "markdown"]) == 0
    page = capsys.readouterr().out
    assert r"| product rule | $`u \, v`$ | $`u' \, v + u \, v'`$ |" in page and r"\sqrt{\pi}" in page
    assert main(["table", "--course", "--format", "json"]) == 0
    assert {"name": "sine", "function": "sin(x)", "derivative": "cos(x)"} in json.loads(capsys.readouterr().out)
    assert main(["table", "sin", "--course"]) == 2
