"""The points of choice: where a derivative is a decision, what is promised there, and what others decided.

One source for the tests and for docs/contract.md. `python tests/points_of_choice.py` writes the page;
with `--record` it first asks JAX, PyTorch and CasADi again and stores their answers in points_of_choice.json.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, NamedTuple

inf, nan = math.inf, math.nan
HERE = Path(__file__).parent
RECORDED = HERE / "points_of_choice.json"
PAGE = HERE.parent / "docs" / "contract.md"


class Point(NamedTuple):
    """A function of one number, written for any namespace of functions; its value and derivatives at a point."""

    text: str
    function: Callable[[Any, Any], Any]
    at: float
    promised: tuple[float, ...]     # the value, then as many derivatives as are promised


class Group(NamedTuple):
    title: str
    why: str
    points: list[Point]


GROUPS = [
    Group("Kinks", "Both one-sided derivatives are subgradients; the one of least norm is taken.", [
        Point("abs(x)", lambda f, x: f.abs(x), 0.0, (0, 0, 0, 0)),
        Point("abs(x)", lambda f, x: f.abs(x), -0.0, (0, 0, 0, 0)),
        Point("relu(x)", lambda f, x: f.relu(x), 0.0, (0, 0, 0, 0)),
        Point("maximum(x, 1)", lambda f, x: f.maximum(x, 1.0), 1.0, (1, 0.5, 0, 0)),
        Point("maximum(1, x)", lambda f, x: f.maximum(1.0, x), 1.0, (1, 0.5, 0, 0)),
        Point("minimum(x, 1)", lambda f, x: f.minimum(x, 1.0), 1.0, (1, 0.5, 0, 0)),
        Point("maximum(x, x)", lambda f, x: f.maximum(x, x), 3.0, (3, 1, 0, 0)),
        Point("maximum(x, 0) ** 2", lambda f, x: f.maximum(x, 0.0) ** 2, 0.0, (0, 0)),
        Point("hypot(x, 0)", lambda f, x: f.hypot(x, 0.0), 0.0, (0, 0)),
        Point("atan2(x, 0)", lambda f, x: f.atan2(x, 0.0), 0.0, (0, 0)),
        Point("atan2(0, x)", lambda f, x: f.atan2(0.0, x), 0.0, (0, 0)),
    ]),
    Group("Steps", "The derivative is 0 wherever the function is defined, on the step too.", [
        Point("sign(x)", lambda f, x: f.sign(x), 0.0, (0, 0, 0, 0)),
        Point("sign(x)", lambda f, x: f.sign(x), -2.0, (-1, 0, 0, 0)),
        Point("floor(x)", lambda f, x: f.floor(x), 2.0, (2, 0, 0, 0)),
        Point("floor(x)", lambda f, x: f.floor(x), 2.5, (2, 0, 0, 0)),
    ]),
    Group("nan in, nan out", "Value and derivative are nan; a step or a kink does not hide it.", [
        Point("abs(x)", lambda f, x: f.abs(x), nan, (nan, nan)),
        Point("relu(x)", lambda f, x: f.relu(x), nan, (nan, nan)),
        Point("sign(x)", lambda f, x: f.sign(x), nan, (nan, nan)),
        Point("floor(x)", lambda f, x: f.floor(x), nan, (nan, nan)),
        Point("maximum(x, 1)", lambda f, x: f.maximum(x, 1.0), nan, (nan, nan)),
        Point("minimum(1, x)", lambda f, x: f.minimum(1.0, x), nan, (nan, nan)),
    ]),
    Group("Outside the domain", "Value and derivatives are nan, although the formula of the derivative has a number.", [
        Point("ln(x)", lambda f, x: f.ln(x), -1.0, (nan, nan, nan, nan)),
        Point("log1p(x)", lambda f, x: f.log1p(x), -2.0, (nan, nan, nan, nan)),
        Point("log2(x)", lambda f, x: f.log2(x), -1.0, (nan, nan, nan, nan)),
        Point("log10(x)", lambda f, x: f.log10(x), -1.0, (nan, nan, nan, nan)),
        Point("sqrt(x)", lambda f, x: f.sqrt(x), -1.0, (nan, nan, nan, nan)),
        Point("acosh(x)", lambda f, x: f.acosh(x), 0.5, (nan, nan, nan, nan)),
        Point("acosh(x)", lambda f, x: f.acosh(x), -2.0, (nan, nan, nan, nan)),
        Point("asin(x)", lambda f, x: f.asin(x), 2.0, (nan, nan, nan, nan)),
        Point("acos(x)", lambda f, x: f.acos(x), -2.0, (nan, nan, nan, nan)),
        Point("atanh(x)", lambda f, x: f.atanh(x), 2.0, (nan, nan, nan, nan)),
        Point("x ** (1/3)", lambda f, x: x ** (1 / 3), -8.0, (nan, nan, nan, nan)),
    ]),
    Group("Edges of the domain", "The limit, which may be infinite.", [
        Point("ln(x)", lambda f, x: f.ln(x), 0.0, (-inf, inf, -inf, inf)),
        Point("ln(x)", lambda f, x: f.ln(x), -0.0, (-inf, inf, -inf, inf)),
        Point("log1p(x)", lambda f, x: f.log1p(x), -1.0, (-inf, inf, -inf, inf)),
        Point("sqrt(x)", lambda f, x: f.sqrt(x), 0.0, (0, inf, -inf, inf)),
        Point("sqrt(x)", lambda f, x: f.sqrt(x), -0.0, (0, inf, -inf, inf)),
        Point("cbrt(x)", lambda f, x: f.cbrt(x), 0.0, (0, inf)),
        Point("cbrt(x)", lambda f, x: f.cbrt(x), -0.0, (0, inf)),
        Point("asin(x)", lambda f, x: f.asin(x), 1.0, (math.pi / 2, inf, inf)),
        Point("acos(x)", lambda f, x: f.acos(x), 1.0, (0, -inf, -inf)),
        Point("acosh(x)", lambda f, x: f.acosh(x), 1.0, (0, inf, -inf)),
        Point("atanh(x)", lambda f, x: f.atanh(x), 1.0, (inf, inf, inf)),
        Point("1 / x", lambda f, x: 1.0 / x, 0.0, (inf, -inf, inf, -inf)),
        Point("exp(x)", lambda f, x: f.exp(x), 1000.0, (inf, inf, inf, inf)),
    ]),
    Group("Powers", "Constant exponents are exact also at 0 and for negative bases; x ** 0 is 1 everywhere.", [
        Point("x ** 0", lambda f, x: x ** 0, 0.0, (1, 0, 0, 0)),
        Point("x ** 0", lambda f, x: x ** 0, -2.0, (1, 0, 0, 0)),
        Point("x ** 1", lambda f, x: x ** 1, 0.0, (0, 1, 0, 0)),
        Point("x ** 2", lambda f, x: x ** 2, 0.0, (0, 0, 2, 0)),
        Point("x ** 3", lambda f, x: x ** 3, 0.0, (0, 0, 0, 6)),
        Point("x ** 3", lambda f, x: x ** 3, -2.0, (-8, 12, -12, 6)),
        Point("x ** -1", lambda f, x: x ** -1, -2.0, (-0.5, -0.25, -0.25, -0.375)),
        Point("x ** -2", lambda f, x: x ** -2, -2.0, (0.25, 0.25, 0.375, 0.75)),
        Point("x ** 2.5", lambda f, x: x ** 2.5, 0.0, (0, 0, 0, inf)),
        Point("x ** 1.5", lambda f, x: x ** 1.5, 0.0, (0, 0, inf)),
        Point("x ** 0.5", lambda f, x: x ** 0.5, 0.0, (0, inf, -inf)),
        Point("x ** 0.1", lambda f, x: x ** 0.1, 0.0, (0, inf, -inf)),
        Point("0 ** y", lambda f, y: 0.0 ** y, 2.0, (0, 0, 0, 0)),
        Point("0 ** y", lambda f, y: 0.0 ** y, 0.5, (0, 0, 0, 0)),
        Point("0 ** y", lambda f, y: 0.0 ** y, 0.0, (1, 0, 0, 0)),
        Point("(-2) ** y", lambda f, y: (-2.0) ** y, 3.0, (-8, nan)),
        Point("2 ** y", lambda f, y: 2.0 ** y, 3.0, (8, 8 * math.log(2), 8 * math.log(2) ** 2, 8 * math.log(2) ** 3)),
    ]),
    Group("Far out", "Small derivatives are accurate, not flushed to 0.", [
        Point("tanh(x)", lambda f, x: f.tanh(x), 20.0, (1, 1.6993417021166355e-17, -3.398683404233271e-17)),
        Point("sigmoid(x)", lambda f, x: f.sigmoid(x), -700.0, (9.85967654375977e-305, 9.85967654375977e-305)),
        Point("sigmoid(x)", lambda f, x: f.sigmoid(x), 40.0, (1, 4.248354255291589e-18, -4.248354255291589e-18)),
        Point("erf(x)", lambda f, x: f.erf(x), 6.0, (1, 2.617301239249265e-16)),
        Point("softplus(x)", lambda f, x: f.softplus(x), -700.0, (9.85967654375977e-305, 9.85967654375977e-305)),
        Point("x / 3e-200", lambda f, x: x / 3e-200, 1e-200, (1 / 3, 3.3333333333333333e199)),
        Point("1e200 / x", lambda f, x: 1e200 / x, 3e200, (1 / 3, -1.1111111111111111e-201)),
        Point("hypot(x, 1e200)", lambda f, x: f.hypot(x, 1e200), 1e200, (math.sqrt(2) * 1e200, math.sqrt(0.5))),
        Point("hypot(x, 1e-200)", lambda f, x: f.hypot(x, 1e-200), 1e-200, (math.sqrt(2) * 1e-200, math.sqrt(0.5))),
        Point("atan2(x, 1e200)", lambda f, x: f.atan2(x, 1e200), 1e200, (math.pi / 4, 5e-201)),
        Point("atan2(x, 1e-200)", lambda f, x: f.atan2(x, 1e-200), 1e-200, (math.pi / 4, 5e199)),
    ]),
    Group("0 times anything in the chain rule", "0, also when the other factor is inf or nan, at every order. "
          "Its price is the last line: the true derivative of sqrt(x) ** 2 is 1.", [
        Point("0 * sqrt(x)", lambda f, x: 0.0 * f.sqrt(x), 0.0, (0, 0, 0, 0)),
        Point("where(0 < x, ln(x), 0)", lambda f, x: f.where(f.less(0.0, x), f.ln(x), 0.0), -1.0, (0, 0, 0, 0)),
        Point("where(0 < x, sqrt(x), x)", lambda f, x: f.where(f.less(0.0, x), f.sqrt(x), x), 0.0, (0, 1, 0, 0)),
        Point("where(x < 1, x, exp(1000 x))", lambda f, x: f.where(f.less(x, 1.0), x, f.exp(1000.0 * x)), 0.9,
              (0.9, 1, 0, 0)),
        Point("(3 x) ** 2", lambda f, x: (3.0 * x) ** 2, 0.0, (0, 0, 18, 0)),
        Point("square(3 x)", lambda f, x: f.square(3.0 * x), 0.0, (0, 0, 18, 0)),
        Point("x * abs(x)", lambda f, x: x * f.abs(x), 0.0, (0, 0, 0)),
        Point("sqrt(x) ** 2", lambda f, x: f.sqrt(x) ** 2, 0.0, (0, 0)),
    ]),
]

POINTS = [point for group in GROUPS for point in group.points]


def identity(point: Point) -> str:
    return f"{point.text} at {point.at!r}"


def same(a: float, b: float) -> bool:
    """Equal, or both nan, or apart by rounding only."""
    return a == b or (a != a and b != b) or (math.isfinite(a) and math.isclose(a, b, rel_tol=2e-15, abs_tol=0))


INPUTS = [
    ("What is a number", [
        "Value(3)", "Value(True)", "Value(Fraction(1, 3))", "Value(Decimal('0.1'))", "Value(np.float32(0.5))",
        "Value(np.array([2.0]))", "Value(10 ** 400)", "Value('1.0')", "Value(None)", "Value([1.0, 2.0])", "Value(1j)",
        "Value(np.array([1.0, 2.0]))", "Value(v)", "v + None", "exp('1')"]),
    ("What leaves the domain", [
        "ln(Value(-1.0))", "1 / Value(0.0)", "exp(Value(1000.0))", "Value(-8.0) ** (1 / 3)",
        "with strict(): ln(Value(-1.0, name='x'))"]),
    ("What would lose a gradient, and what does not", [
        "math.exp(v)", "float(v)", "int(v)", "np.array([v], dtype=float)", "exp(v)", "np.exp(v)", "np.float64(2) * v",
        "np.array([1.0, 2.0]) * v"]),
    ("Decisions", [
        "v == 2.0", "v < 3", "bool(v)", "trace(lambda x: x if x < 1 else 1.0, 0.5)", "trace(lambda x: x == 1.0, 0.5)",
        "trace(lambda x: where(less(x, 1.0), x, 1.0), 0.5)(3.0)"]),
    ("Gradients and graphs", [
        "gradient(v * v, v)", "gradient(v * v, Value(1.0))", "gradient(v * v, 2.0)", "gradient(4.0, v)",
        "(v * v).backward(seed='1')", "(v * v).data = 3.0", "w = v * v; v.data = 3.0; gradient(w, v)"]),
]
"""What bad input says, and what is no bad input: the page shows what each line gives when it runs."""


def outcome(code: str) -> str:
    """The text of what a line of code gives, or its error."""
    import decimal
    import fractions

    import numpy as np

    import autograd_mini as ag
    from autograd_mini.program import trace

    names = {**vars(ag), "np": np, "math": math, "trace": trace, "Fraction": fractions.Fraction,
             "Decimal": decimal.Decimal, "v": ag.Value(2.0)}
    try:
        return f"`{eval(code, names)!r}`"
    except SyntaxError:
        pass  # a statement
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    try:
        exec(code, names)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"


# What others do ------------------------------------------------------------------------------------------------------

def jax_derivatives(point: Point) -> list[float]:
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    f = SimpleNamespace(abs=jnp.abs, sign=jnp.sign, floor=jnp.floor, maximum=jnp.maximum, minimum=jnp.minimum,
                        relu=jax.nn.relu, ln=jnp.log, log1p=jnp.log1p, log2=jnp.log2, log10=jnp.log10, sqrt=jnp.sqrt,
                        cbrt=jnp.cbrt, acosh=jnp.arccosh, asin=jnp.arcsin, acos=jnp.arccos, atanh=jnp.arctanh,
                        exp=jnp.exp, hypot=jnp.hypot, atan2=jnp.arctan2, tanh=jnp.tanh, sigmoid=jax.nn.sigmoid,
                        erf=jax.scipy.special.erf, softplus=jax.nn.softplus, where=jnp.where, less=jnp.less,
                        square=jnp.square)
    function = lambda x: point.function(f, x)
    found = []
    for _ in point.promised:
        found.append(float(function(jnp.float64(point.at))))
        function = jax.grad(function)
    return found


def torch_derivatives(point: Point) -> list[float]:
    import torch
    torch.set_num_threads(1)

    def tensor(x: Any) -> Any:
        return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)

    def lifted(function: Any) -> Any:
        return lambda *operands: function(*map(tensor, operands))

    functions = SimpleNamespace(
        abs=torch.abs, sign=torch.sign, floor=torch.floor, maximum=torch.maximum, minimum=torch.minimum,
        relu=torch.relu, ln=torch.log, log1p=torch.log1p, log2=torch.log2, log10=torch.log10, sqrt=torch.sqrt,
        cbrt=lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), acosh=torch.acosh, asin=torch.asin, acos=torch.acos,
        atanh=torch.atanh, exp=torch.exp, hypot=torch.hypot, atan2=torch.atan2, tanh=torch.tanh,
        sigmoid=torch.sigmoid, erf=torch.erf, softplus=torch.nn.functional.softplus, where=torch.where, less=torch.lt,
        square=torch.square)
    f = SimpleNamespace(**{name: lifted(function) for name, function in vars(functions).items()})
    x = torch.tensor(point.at, dtype=torch.float64, requires_grad=True)
    y = point.function(f, x)
    found = []
    for _ in point.promised:
        found.append(float(y.detach()))
        if y.requires_grad:
            y, = torch.autograd.grad(y, x, create_graph=True, allow_unused=True)
        else:
            y = None
        y = torch.tensor(0.0, dtype=torch.float64) if y is None else y
    return found


def casadi_derivatives(point: Point) -> list[float]:
    import casadi as ca
    f = SimpleNamespace(abs=ca.fabs, sign=ca.sign, floor=ca.floor, maximum=ca.fmax, minimum=ca.fmin,
                        relu=lambda x: ca.fmax(x, 0), ln=ca.log, log1p=ca.log1p, log2=lambda x: ca.log(x) / math.log(2),
                        log10=ca.log10, sqrt=ca.sqrt, cbrt=lambda x: ca.sign(x) * ca.fabs(x) ** (1 / 3),
                        acosh=ca.acosh, asin=ca.asin, acos=ca.acos, atanh=ca.atanh, exp=ca.exp, hypot=ca.hypot,
                        atan2=ca.atan2, tanh=ca.tanh, sigmoid=lambda x: 1 / (1 + ca.exp(-x)), erf=ca.erf,
                        softplus=lambda x: ca.log1p(ca.exp(x)), where=ca.if_else, less=ca.lt, square=lambda x: x * x)
    x = ca.SX.sym("x")
    y = ca.SX(point.function(f, x))
    found = []
    for _ in point.promised:
        found.append(float(ca.Function("y", [x], [y])(point.at)))
        y = ca.gradient(y, x)
    return found


PEERS = {"JAX": ("jax", jax_derivatives), "PyTorch": ("torch", torch_derivatives),
         "CasADi": ("casadi", casadi_derivatives)}


def record() -> None:
    from importlib.metadata import version
    answers: dict[str, Any] = {"versions": {name: version(package) for name, (package, _) in PEERS.items()}}
    for point in POINTS:
        answers[identity(point)] = {name: derivatives(point) for name, (_, derivatives) in PEERS.items()}
    RECORDED.write_text(json.dumps(answers, indent=1) + "\n")


# The page ------------------------------------------------------------------------------------------------------------

INTRODUCTION = """\
# Numbers at the edges: the contract

Values are IEEE 754 doubles throughout: `ln(-1)` is nan, `1 / x` at 0 is inf, nothing raises and nothing becomes
complex. Where a function has a derivative, that is what you get. Where it has none, a decision is needed, and here is
every one of them. The rule: the derivative where there is one; else the subgradient of least norm; else the limit,
which may be infinite; outside a function's domain value and derivatives are nan; `+ - * /` are plain IEEE 754.

In the tables, *promised* is the value and then the derivatives of first, second ... order as far as they are promised;
the same numbers come out of `backward`, `gradient`, `grad`, `jacfwd`, `jacrev` and traced programs, in both engines.
The other columns are what {versions} give
(`cbrt`, `relu`, `log2` and the like written with what they have); a number in **bold** differs from the promise.
"""

BAD_INPUT = """\
Two exceptions to the rule, both taken because optimisers and statistics need them: the derivative of `0 ** y` by `y`
is 0 also at `y = 0`, and of a negative base by a Value exponent it is nan also where the exponent is an integer (the
function has no neighbours there). Second derivatives of `maximum`, `minimum` and `relu` are 0 also at nan.

## Bad input

Every line below was run when this page was written. Numbers of any kind become float64; what is not one real number is
an error that names it; nothing loses a gradient without a word.
"""

CLOSING = """\
## Accuracy

Every value is within 2 and every first derivative within 4 units in the last place of the true one, except where a row
of the table states its own bound. (Machine code over data has elementary functions of its own, within 4 of the true
value.) The bounds of their own:

| function | value | derivatives | why |
| --- | --- | --- | --- |
| `cbrt` | 4 | 10 | the C library's own cube root |
| `logaddexp(a, b)` | (2 + d)(1 + m) | 4 + d | d = abs(a - b) is rounded before exp; m = abs(max(a, b) / result) |
| `norm_cdf(a)` for a < 0 | 3 + 2 a^2 | 4 | a / sqrt(2) is rounded before exp(-a^2 / 2) |
| `x ** y` with a subnormal result | 2 | 4 + abs(y)(1 + 1/abs(x)) + abs(ln x) | a subnormal result has few digits |
| `entr` | 3 | 4 + 1/abs(1 + ln a) | 1 + ln a has no digits near its zero, 1/e |
| `exprel` | 3 | 4 | |
| `sinc` | 4 | 4 + 2/abs(cos(pi a) - y) | the derivative has no digits near its zeros |
| `norm_pdf` | 4 | 5, and abs(a) more from 37 on | a subnormal result has few digits |
| `erfcx`, `log_norm_cdf`, `norm_ppf`, `erfinv` | 4 | 8, 6, 5, 5 | |
| `logsubexp(a, b)` | 4 + 3(1 + abs(a) + abs(y - a))/abs(y) | 5 + abs(a - b) | two terms may cancel |
| `gamma` | 4; 5 for a < -0.5 | 6 + the bound of `digamma` | |
| `lgamma` | 4, also near 1 and 2; for a < -0.5, 4 + 3 s/abs(y) | as `digamma` | s: the size of what cancels there |
| `digamma` | 4, also near its root; for a < 0, 4 + 3 s/abs(y) | 5 | the same |
| `trigamma`, `polygamma` | 5; for a < 0, 6 + 3 s/abs(y) | as the next order | the same |
| `lbeta(a, b)` | 4 + 3 s/abs(y) | 4 + 3 s/abs(y) | sums of lgamma and of digamma of that size |
| `beta(a, b)` | 6 | 7 + that of `lbeta` | a few powers and values of gamma |
| `hypot`, `atan2` of operands near 1e-308 or 1e308 | 2 | none | the hypotenuse itself is subnormal or infinite there |

Second and third derivatives are as good as the rounding of the operations that they are made of: no worse than the
sum, over these operations, of the bound above times the effect of that operation on the result.

This page is written by `python tests/points_of_choice.py` from the table that the tests check.
"""


def shown(numbers: Any, promised: Any = None) -> str:
    texts = [f"{number:.6g}" for number in numbers]
    if promised is not None:
        texts = [text if same(number, float(right)) or f"{right:.6g}" == text else f"**{text}**"
                 for text, number, right in zip(texts, numbers, promised)]
    return ", ".join(texts)


def page() -> str:
    answers = json.loads(RECORDED.read_text())
    versions = [f"{name} {answers['versions'][name]}" for name in PEERS]
    parts = [INTRODUCTION.format(versions=", ".join(versions[:-1]) + " and " + versions[-1])]
    for group in GROUPS:
        rows = []
        for point in group.points:
            others = [shown(answers[identity(point)][name], point.promised) for name in PEERS]
            rows.append(f"| `{point.text}` at {point.at:g} | {' | '.join([shown(point.promised), *others])} |")
        parts.append("\n".join([f"## {group.title}\n", f"{group.why}\n",
                                f"| | promised | {' | '.join(PEERS)} |", "| --- " * (2 + len(PEERS)) + "|", *rows, ""]))
    parts.append(BAD_INPUT)
    for title, lines in INPUTS:
        rows = [f"| `{code}` | {outcome(code)} |" for code in lines]
        parts.append("\n".join([f"### {title}\n", "| with `v = Value(2.0)` | gives |", "| --- | --- |", *rows, ""]))
    return "\n".join([*parts, CLOSING])


if __name__ == "__main__":
    if "--record" in sys.argv[1:]:
        record()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
