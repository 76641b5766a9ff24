"""The table of derivatives as a course hands it out, every line verified by the engine when it is asked for.

A line is a function and its derivative by x, written in the language of expressions; u and v stand for functions of x,
u' and v' for their derivatives, f for a function of its own, and a, c, n for constants.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from autograd_mini._body.calculus import gradient
from autograd_mini._core.expression import evaluate
from autograd_mini._core.value import Value
from autograd_mini.render._formulas import latex

LINES = """
constant            | c               | 0
power               | x**n            | n*x**(n - 1)
square root         | sqrt(x)         | 1/(2*sqrt(x))
cube root           | cbrt(x)         | 1/(3*cbrt(x)**2)
reciprocal          | 1/x             | -1/x**2
exponential         | exp(x)          | exp(x)
exponential, base a | a**x            | a**x*ln(a)
logarithm           | ln(x)           | 1/x
logarithm, base a   | ln(x)/ln(a)     | 1/(x*ln(a))
x to the x          | x**x            | x**x*(ln(x) + 1)
absolute value      | abs(x)          | sign(x)
sine                | sin(x)          | cos(x)
cosine              | cos(x)          | -sin(x)
tangent             | tan(x)          | 1/cos(x)**2
cotangent           | cos(x)/sin(x)   | -1/sin(x)**2
secant              | 1/cos(x)        | sin(x)/cos(x)**2
cosecant            | 1/sin(x)        | -cos(x)/sin(x)**2
arc sine            | asin(x)         | 1/sqrt(1 - x**2)
arc cosine          | acos(x)         | -1/sqrt(1 - x**2)
arc tangent         | atan(x)         | 1/(1 + x**2)
hyperbolic sine     | sinh(x)         | cosh(x)
hyperbolic cosine   | cosh(x)         | sinh(x)
hyperbolic tangent  | tanh(x)         | 1 - tanh(x)**2
area sine           | asinh(x)        | 1/sqrt(x**2 + 1)
area cosine         | acosh(x)        | 1/sqrt(x**2 - 1)
area tangent        | atanh(x)        | 1/(1 - x**2)
logistic            | 1/(1 + exp(-x)) | exp(-x)/(1 + exp(-x))**2
softplus            | ln(1 + exp(x))  | 1/(1 + exp(-x))
error function      | erf(x)          | 2*exp(-x**2)/sqrt(pi)
constant factor     | c*u             | c*u'
sum rule            | u + v           | u' + v'
difference rule     | u - v           | u' - v'
product rule        | u*v             | u'*v + u*v'
quotient rule       | u/v             | (u'*v - u*v')/v**2
reciprocal rule     | 1/v             | -v'/v**2
chain rule          | f(u)            | f'(u)*u'
power of a function | u**n            | n*u**(n - 1)*u'
exponential of one  | exp(u)          | exp(u)*u'
logarithm of one    | ln(u)           | u'/u
function to another | u**v            | u**v*(v'*ln(u) + v*u'/u)
"""

BAR = r"\vert "
_AT = (-2.6, -1.3, -0.6, 0.2, 0.45, 0.8, 1.4, 2.5, 5.0)
_CONSTANTS = {"a": 2.5, "c": -1.7, "n": 3.25}
_FUNCTIONS = {"u": "x**2 + sin(x) + 2", "v": "exp(x/2) + x"}
_ENOUGH, _RELATIVE = 3, 64 * 2.0 ** -52


class CourseLine(NamedTuple):
    """A line of the table: what it is called, the function and its derivative, as text or in LaTeX."""

    name: str
    function: str
    derivative: str


def course_table(in_latex: bool = False) -> list[CourseLine]:
    """Every line of the table, each verified by the engine at points of its domain.

    >>> [line.derivative for line in course_table() if line.name in ("power", "product rule")]
    ['n*x**(n - 1)', "u'*v + u*v'"]

    Raises ArithmeticError where the engine says otherwise.
    """
    lines = [CourseLine(*(cell.strip() for cell in line.split("|"))) for line in LINES.strip().splitlines()]
    for line in lines:
        verify(line)
    return [line._replace(function=_typeset(line.function), derivative=_typeset(line.derivative))
            for line in lines] if in_latex else lines


def verify(line: CourseLine) -> None:
    """Compare a line with the engine's gradient wherever the function is finite; ArithmeticError where they differ."""
    tried = 0
    for at in _AT:
        x = Value(at, "x")
        parts = {name: evaluate(function, {"x": x}) for name, function in _FUNCTIONS.items()}
        result = evaluate(_plain(line.function), {"x": x, **parts, **_CONSTANTS}) + 0 * x
        if not math.isfinite(result.data):
            continue
        numbers = {name: part.data for name, part in parts.items()}
        slopes = {f"d{name}": gradient(part, x).data for name, part in parts.items()}
        claimed = float(evaluate(_plain(line.derivative), {"x": at, **numbers, **slopes, **_CONSTANTS}))
        true = gradient(result, x).data
        if not abs(claimed - true) <= _RELATIVE * max(1.0, abs(true)):
            raise ArithmeticError(f"{line.name}: {line.derivative} is {claimed!r} at x = {at}; the engine: {true!r}")
        tried += 1
    if tried < _ENOUGH:
        raise ArithmeticError(f"{line.name}: {line.function} is finite at {tried} points only")


def _plain(formula: str) -> str:
    """The formula as the language of expressions reads it: u' is du, and f is tried as the sine."""
    tried = re.sub(r"\bf(?=\()", "sin", re.sub(r"\bf'(?=\()", "cos", formula))
    return tried.replace("u'", "du").replace("v'", "dv")


def _typeset(formula: str) -> str:
    names = ("x", "a", "c", "n", "u", "v", "du", "dv", "pi")
    graph: Any = evaluate(_plain(formula), {name: Value(0.7, name) for name in names})
    if not isinstance(graph, Value):
        return formula
    written = latex(graph)
    if re.search(r"\bf'?\(", formula):
        written = written.replace(r"\cos", "f'").replace(r"\sin", "f")
    return written.replace(r"\mathrm{du}", "u'").replace(r"\mathrm{dv}", "v'")


def course_markdown() -> str:
    """The table as a page of Markdown, its formulas in LaTeX as GitHub renders them."""
    head = "| rule | function | derivative by x |\n| --- | --- | --- |\n"
    cells = ([line.name, f"$`{line.function}`$", f"$`{line.derivative}`$"] for line in course_table(in_latex=True))
    return head + "".join(f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |\n" for row in cells)
