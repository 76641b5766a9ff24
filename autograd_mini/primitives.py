"""The table: one row says all that is ever said about a primitive.

A row holds the function's value, its partial derivatives and how it is written in C, text and LaTeX. The
partials are written in the table's own primitives and operators, so one lambda serves every reading of it, see
`Operators`. A partial is called with the result `y` and then the operands; None stands for a derivative that is zero
everywhere. Rules hold no `if` and no comparison: conditions are primitives too (`less`, `equal`, `where`), so that a
rule means the same for a number, a row of data and a symbol.
"""

from __future__ import annotations

import ctypes
import math
import sys
from typing import Any

from autograd_mini._core.errors import MissingColumnError
from autograd_mini._core.rows import (
    ATOM,
    BUILT_IN,
    FACTOR,
    INNER,
    MOST_OPERANDS,
    NAN,
    NEGATION,
    NUMBER,
    POWER,
    PRODUCT,
    ROWS,
    SIGN,
    SUM,
    TABLE,
    TRUE,
    Operators,
    Primitive,
    Real,
    Rule,
    lookup,
    number,
    primitive,
)

__all__ = [
    "ATOM", "BUILT_IN", "FACTOR", "INNER", "MOST_OPERANDS", "NAN", "NEGATION", "NUMBER", "POWER", "PRODUCT", "ROWS",
    "SIGN", "SUM", "TABLE", "TRUE", "MissingColumnError", "Operators", "Primitive", "Real", "Rule", "lookup", "number",
    "primitive",
]

_library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)


def _c(name: str, arity: int = 1) -> Rule:
    """A function of the C library, the one that the compiled engine calls too, so that both give the same bits."""
    function = getattr(_library, name)
    function.argtypes, function.restype = [ctypes.c_double] * arity, ctypes.c_double
    return function


def _quotient(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if a == 0 or a != a or b != b else math.copysign(math.inf, a) * math.copysign(1.0, b)


_c_pow = _c("pow", 2)


def _power(a: float, b: float) -> float:
    if b in (2, 3, 4):
        return a * a if b == 2 else a * a * a if b == 3 else (a * a) * (a * a)
    return _quotient(1.0, a) if b == -1 else _c_pow(a, b)


SMALLEST_NORMAL, LARGEST = 2.0 ** -1022, math.nextafter(math.inf, 0.0)


_c_hypot = _c("hypot", 2)


def _hypot_ulps(a: float, b: float) -> float:
    """a / y has the digits of y: 4 ulps, while y is neither subnormal nor beyond the range of floats."""
    return 4 if SMALLEST_NORMAL <= _c_hypot(a, b) <= LARGEST else math.inf


def _atan2_ulps(a: float, b: float) -> float:
    """4 ulps, while neither the hypotenuse nor the ratio of a side to it is subnormal or beyond range."""
    h = _c_hypot(a, b)
    smallest = min([math.fabs(side) / h for side in (a, b) if side], default=1.0)
    return 4 if smallest >= SMALLEST_NORMAL else math.inf


def _power_ulps(a: float, b: float) -> float:
    """4 ulps; a subnormal power has few digits, and these are multiplied by b, b / a or ln a."""
    if a == 0 or math.fabs(_power(a, b)) >= SMALLEST_NORMAL:
        return 4
    return 4 + math.fabs(b) * (1 + math.fabs(_quotient(1.0, a))) + math.fabs(math.log(math.fabs(a)))


LN2, LN10, SQRT2 = math.log(2), math.log(10), math.sqrt(2)
LOG2_E, LOG10_E = 1.4426950408889634, 0.4342944819032518
TWO_OVER_SQRT_PI, ONE_OVER_SQRT_2PI = 1.1283791670955126, 0.3989422804014327

# Arithmetic -----------------------------------------------------------------------------------------------------------

add = primitive("add", lambda a, b: a + b, (lambda y, a, b: 1.0,
                                            lambda y, a, b: 1.0),
                meaning="the sum", c="{0} + {1}", text="{0:1} + {1:2}", latex="{0:1} + {1:2}", binds=SUM, numpy="add",
                at=((0.3, -2.0), (1e300, 1.0)), lanes="direct.add", ulps=(0.5, 4), exact="add", sympy="Add")
sub = primitive("sub", lambda a, b: a - b, (lambda y, a, b: 1.0,
                                            lambda y, a, b: -1.0),
                meaning="the difference",
                c="{0} - {1}", text="{0:1} - {1:2}", latex="{0:1} - {1:2}", binds=SUM, numpy="subtract",
                at=((0.3, -2.0), (1.5, 1.25)), lanes="direct.sub", ulps=(0.5, 4), exact="sub", sympy="sub")
mul = primitive("mul", lambda a, b: a * b, (lambda y, a, b: b,
                                            lambda y, a, b: a),
                meaning="the product", c="{0} * {1}", text="{0:2} * {1:3}", latex=r"{0:2} \, {1:4}", binds=PRODUCT,
                numpy="multiply", shortcut=((0, 1.0, 1), (1, 1.0, 0), (0, -1.0, ("neg", 1)), (1, -1.0, ("neg", 0))),
                at=((0.3, -2.0), (1e200, 1e-200)), lanes="direct.mul", ulps=(0.5, 4), exact="mul", sympy="Mul")
div = primitive("div", _quotient, (lambda y, a, b: 1 / b,
                                   lambda y, a, b: -y / b),
                meaning="the quotient", c="{0} / {1}", text="{0:2} / {1:3}", latex=r"\frac{{{0}}}{{{1}}}",
                binds=PRODUCT, numpy="divide", shortcut=((1, 1.0, 0),), domain="b != 0",
                at=((0.3, -2.0), (1e-200, 3e-200)), course=("1/b", "-a/b**2"), lanes="direct.div", ulps=(0.5, 4),
                exact="div", sympy="div")
neg = primitive("neg", lambda a: -a, (lambda y, a: -1.0,),
                meaning="the negative", c="-{0}", text="-{0:4}", latex="-{0:2}", binds=(SIGN, SUM), numpy="negative",
                shortcut=((0, NEGATION, INNER),),
                at=(-0.7, 20.0), lanes="direct.neg", ulps=(0, 4), exact="neg", sympy="neg")
pow = primitive("pow", _power,
                (lambda y, a, b: where(chain(1 - equal(b - 1 + 1, b) * (1 - equal(b - 1, b)), 1 - equal(a, 0)),
                                       chain(b, y) / a, chain(b, a ** (b - 1))),
                 lambda y, a, b: y * ln(a + equal(a, 0) * (1 - less(b, 0)))),
                meaning="a to the power of b",
                c="{1} == 2 ? {0} * {0} : {1} == 3 ? {0} * {0} * {0} : {1} == 4 ? ({0} * {0}) * ({0} * {0}) : "
                  "{1} == 1 ? {0} : {1} == -1 ? 1 / {0} : pow({0}, {1})",
                text="{0:5} ** {1:3}", latex="{0:5}^{{{1}}}", binds=POWER, numpy="power",
                shortcut=((1, 1.0, 0), (1, 2.0, ("square", 0)), (1, -1.0, ("reciprocal", 0)), (1, 0.0, 1.0)),
                domain="a > 0, or b an integer (a != 0 where b < 0)",
                at=((1.3, -2.0), (0.3, 0.1), (-2.0, 3.0), (2.5, 2.0)),
                ulps=(3, _power_ulps), course=("b*a**(b - 1)", "a**b*ln(a)"), lanes="direct.power",
                arrays="where(b == 2, a * a, where(b == 3, a * a * a, where(b == 4, (a * a) * (a * a), "
                       "where(b == -1, 1 / a, power(a, b + zeros_like(a))))))",  # a lone 0.5 would be read as sqrt
                exact="pow", sympy="Pow")

# Powers, exponentials and logarithms ----------------------------------------------------------------------------------

exp = primitive("exp", _c("exp"), (lambda y, a: y,), meaning="the exponential function",
                c="exp({0})", latex="e^{{{0}}}", binds=(ATOM, POWER), numpy="exp",
                at=(-0.7, 20.0), lanes="exponential.exp", exact="exp", sympy="exp")
expm1 = primitive("expm1", _c("expm1"), (lambda y, a: exp(a),), meaning="exp(a) - 1, with all digits near 0",
                  c="expm1({0})", latex="e^{{{0}}} - 1", binds=(ATOM, SUM), numpy="expm1", at=(-1e-9, -0.7, 20.0),
                  formula=lambda a: exp(a) - 1, lanes="exponential.expm1", exact="expm1")
exp2 = primitive("exp2", _c("exp2"), (lambda y, a: y * LN2,), meaning="2 to the power of a", c="exp2({0})",
                 latex="2^{{{0}}}", binds=(ATOM, POWER), numpy="exp2", at=(-0.7, 20.0), formula=lambda a: 2 ** a,
                 course=("2**a*ln(2)",), lanes="exponential.exp2", exact="exp2")
ln = primitive("ln", _c("log"), (lambda y, a: defined(y, 1 / (a + 0.0)),), meaning="the natural logarithm",
               c="log({0})", latex=r"\ln\left({0}\right)", numpy="log", domain="a > 0", at=(0.7, 20.0), course=("1/a",),
               lanes="exponential.ln", exact="log", sympy="log")
log1p = primitive("log1p", _c("log1p"), (lambda y, a: defined(y, 1 / (1 + a)),),
                  meaning="ln(1 + a), with all digits near 0", c="log1p({0})",
                  latex=r"\ln\left(1 + {0:1}\right)", numpy="log1p", domain="a > -1", at=(-0.7, 1e-9, 20.0),
                  formula=lambda a: ln(1 + a), course=("1/(1 + a)",), lanes="exponential.log1p", exact="log1p")
log2 = primitive("log2", _c("log2"), (lambda y, a: defined(y, 1 / (a + 0.0) * LOG2_E),),
                 meaning="the logarithm to base 2", c="log2({0})", latex=r"\log_2\left({0}\right)", numpy="log2",
                 domain="a > 0", at=(0.7, 20.0), formula=lambda a: ln(a) / ln(2), course=("1/(a*ln(2))",),
                 lanes="exponential.log2", exact="log2", sympy="log2")
log10 = primitive("log10", _c("log10"), (lambda y, a: defined(y, 1 / (a + 0.0) * LOG10_E),),
                  meaning="the logarithm to base 10", c="log10({0})", latex=r"\log_{{10}}\left({0}\right)",
                  numpy="log10", domain="a > 0", at=(0.7, 20.0), formula=lambda a: ln(a) / ln(10),
                  course=("1/(a*ln(10))",), lanes="exponential.log10", exact="log10", sympy="log10")
sqrt = primitive("sqrt", _c("sqrt"), (lambda y, a: 0.5 / (y + 0.0),), meaning="the square root", c="sqrt({0})",
                 latex=r"\sqrt{{{0}}}", numpy="sqrt", domain="a >= 0", at=(0.7, 20.0), course=("1/(2*y)",),
                 lanes="direct.sqrt", ulps=(0.5, 4), exact="sqrt", sympy="sqrt")
cbrt = primitive("cbrt", _c("cbrt"), (lambda y, a: 1 / (3 * square(y)),),
                 meaning="the cube root, of negative numbers too", c="cbrt({0})", latex=r"\sqrt[3]{{{0}}}",
                 numpy="cbrt", at=(-0.7, 20.0), ulps=(4, 10),  # the C library's is within 4, its square within 8
                 lanes="trigonometric.cbrt", exact="cbrt", sympy="cbrt")
square = primitive("square", lambda a: a * a, (lambda y, a: 2 * a,), meaning="the square", c="{0} * {0}",
                   latex="{0:5}^{{2}}", binds=(ATOM, POWER), numpy="square", at=(-0.7, 20.0), formula=lambda a: a ** 2,
                   lanes="direct.square", ulps=(0.5, 4))
reciprocal = primitive("reciprocal", lambda a: _quotient(1.0, a), (lambda y, a: -square(y),),
                       meaning="one divided by a", c="1 / {0}", latex=r"\frac{{1}}{{{0}}}", binds=(ATOM, PRODUCT),
                       numpy="reciprocal", domain="a != 0", at=(-0.7, 20.0), formula=lambda a: 1 / a,
                       course=("-1/a**2",), lanes="direct.reciprocal", ulps=(0.5, 4))

# Trigonometric and hyperbolic functions -------------------------------------------------------------------------------

sin = primitive("sin", _c("sin"), (lambda y, a: cos(a),), meaning="the sine of an angle in radians",
                c="sin({0})", latex=r"\sin\left({0}\right)", numpy="sin",
                at=(-0.7, 20.0), lanes="trigonometric.sin", exact="sin", sympy="sin")
cos = primitive("cos", _c("cos"), (lambda y, a: -sin(a),), meaning="the cosine of an angle in radians",
                c="cos({0})", latex=r"\cos\left({0}\right)", numpy="cos",
                at=(-0.7, 20.0), lanes="trigonometric.cos", exact="cos", sympy="cos")
tan = primitive("tan", _c("tan"), (lambda y, a: 1 + square(y),), meaning="the tangent of an angle in radians",
                c="tan({0})", latex=r"\tan\left({0}\right)", numpy="tan", domain="cos(a) != 0", at=(-0.7, 20.0),
                course=("1 + y**2",), lanes="trigonometric.tan", exact="tan", sympy="tan")
asin = primitive("asin", _c("asin"), (lambda y, a: 1 / sqrt(one_minus_square(a)),),
                 meaning="the angle, from -pi/2 to pi/2, whose sine is a", c="asin({0})",
                 latex=r"\arcsin\left({0}\right)", numpy="arcsin", domain="-1 <= a <= 1", at=(-0.7, 0.2),
                 course=("1/sqrt(1 - a**2)",), lanes="trigonometric.asin", exact="asin", sympy="asin")
acos = primitive("acos", _c("acos"), (lambda y, a: -1 / sqrt(one_minus_square(a)),),
                 meaning="the angle, from 0 to pi, whose cosine is a", c="acos({0})",
                 latex=r"\arccos\left({0}\right)", numpy="arccos", domain="-1 <= a <= 1", at=(-0.7, 0.2),
                 course=("-1/sqrt(1 - a**2)",), lanes="trigonometric.acos", exact="acos", sympy="acos")
atan = primitive("atan", _c("atan"), (lambda y, a: square(1 / hypot(1, a)),),
                 meaning="the angle, from -pi/2 to pi/2, whose tangent is a", c="atan({0})",
                 latex=r"\arctan\left({0}\right)", numpy="arctan", at=(-0.7, 20.0), course=("1/(1 + a**2)",),
                 lanes="trigonometric.atan", exact="atan", sympy="atan")
atan2 = primitive("atan2", _c("atan2", 2),
                  (lambda y, a, b: b / away(hypot(a, b)) / away(hypot(a, b)),
                   lambda y, a, b: -a / away(hypot(a, b)) / away(hypot(a, b))),
                  meaning="the angle, from -pi to pi, of the point with y = a and x = b",
                  c="atan2({0}, {1})", latex=r"\operatorname{{atan2}}\left({0}, {1}\right)", numpy="arctan2",
                  at=((0.3, -2.0), (-1e-200, 1e-200)), ulps=(2, _atan2_ulps),
                  course=("b/(a**2 + b**2)", "-a/(a**2 + b**2)"), lanes="trigonometric.atan2",
                  exact="atan2", sympy="atan2")
sinh = primitive("sinh", _c("sinh"), (lambda y, a: cosh(a),), meaning="the hyperbolic sine",
                 c="sinh({0})", latex=r"\sinh\left({0}\right)",
                 numpy="sinh", at=(-0.7, 20.0), lanes="exponential.sinh", exact="sinh", sympy="sinh")
cosh = primitive("cosh", _c("cosh"), (lambda y, a: sinh(a),), meaning="the hyperbolic cosine",
                 c="cosh({0})", latex=r"\cosh\left({0}\right)",
                 numpy="cosh", at=(-0.7, 20.0), lanes="exponential.cosh", exact="cosh", sympy="cosh")
tanh = primitive("tanh", _c("tanh"), (lambda y, a: 4 * logistic_pdf(2 * a),), meaning="the hyperbolic tangent",
                 c="tanh({0})", latex=r"\tanh\left({0}\right)", numpy="tanh", at=(-0.7, 20.0), course=("1 - y**2",),
                 lanes="exponential.tanh", exact="tanh", sympy="tanh")
asinh = primitive("asinh", _c("asinh"), (lambda y, a: 1 / hypot(1, a),), meaning="the inverse of sinh", c="asinh({0})",
                  latex=r"\operatorname{{arsinh}}\left({0}\right)", numpy="arcsinh", at=(-0.7, 20.0),
                  course=("1/sqrt(a**2 + 1)",), lanes="exponential.asinh", exact="asinh", sympy="asinh")
acosh = primitive("acosh", _c("acosh"), (lambda y, a: 1 / (sqrt(a - 1) * sqrt(a + 1)),),
                  meaning="the inverse of cosh, not negative", c="acosh({0})",
                  latex=r"\operatorname{{arcosh}}\left({0}\right)", numpy="arccosh", domain="a >= 1", at=(1.7, 20.0),
                  course=("1/sqrt(a**2 - 1)",), lanes="exponential.acosh", exact="acosh", sympy="acosh")
atanh = primitive("atanh", _c("atanh"), (lambda y, a: defined(y, 1 / one_minus_square(a)),),
                  meaning="the inverse of tanh", c="atanh({0})",
                  latex=r"\operatorname{{artanh}}\left({0}\right)", numpy="arctanh", domain="-1 <= a <= 1",
                  at=(-0.7, 0.2), course=("1/(1 - a**2)",), lanes="exponential.atanh", exact="atanh", sympy="atanh")

# Pieces and conditions: a comparison is 1.0 or 0.0 --------------------------------------------------------------------

abs = primitive("abs", math.fabs, (lambda y, a: sign(a),), meaning="the absolute value", c="fabs({0})",
                latex=r"\left|{0}\right|", numpy="absolute", at=(-0.7, 20.0), lanes="direct.absolute",
                edge=lambda y, a: a, ulps=(0, 4), exact="absolute", sympy="Abs")
sign = primitive("sign", lambda a: a if a != a else float((a > 0) - (a < 0)), (lambda y, a: defined(y, 0.0),),
                 meaning="-1, 0 or 1: the sign", c="{0} != {0} ? {0} : (double)(({0} > 0) - ({0} < 0))",
                 latex=r"\operatorname{{sgn}}\left({0}\right)", numpy="sign", at=(-0.7, 20.0), course=("0",),
                 lanes="direct.sign", edge=lambda y, a: a, jump=2, ulps=(0, 4), exact="sign", sympy="sign")
floor = primitive("floor", _c("floor"), (lambda y, a: defined(y, 0.0),),
                  meaning="the largest integer that is not above a", c="floor({0})",
                  latex=r"\left\lfloor {0} \right\rfloor", numpy="floor", at=(-0.7, 20.5), course=("0",),
                  lanes="direct.floor", edge=lambda y, a: a - y, jump=1, ulps=(0, 4), exact="floor", sympy="floor")
maximum = primitive("maximum", lambda a, b: a if a > b or a != a else b,
                    (lambda y, a, b: defined(y, (1 + less(b, a) - less(a, b)) / 2),
                     lambda y, a, b: defined(y, (1 + less(a, b) - less(b, a)) / 2)),
                    meaning="the larger one; nan if one is nan",
                    c="{0} > {1} || {0} != {0} ? {0} : {1}", latex=r"\max\left({0}, {1}\right)",
                    numpy="maximum", at=((0.3, -2.0), (-1.0, 2.0)), course=("less(b, a)", "less(a, b)"),
                    lanes="direct.maximum", arrays="where((a > b) | isnan(a), a, b)",
                    edge=lambda y, a, b: a - b, ulps=(0, 4), exact="maximum", sympy="maximum")
minimum = primitive("minimum", lambda a, b: a if a < b or a != a else b,
                    (lambda y, a, b: defined(y, (1 + less(a, b) - less(b, a)) / 2),
                     lambda y, a, b: defined(y, (1 + less(b, a) - less(a, b)) / 2)),
                    meaning="the smaller one; nan if one is nan",
                    c="{0} < {1} || {0} != {0} ? {0} : {1}", latex=r"\min\left({0}, {1}\right)",
                    numpy="minimum", at=((0.3, -2.0), (-1.0, 2.0)), course=("less(a, b)", "less(b, a)"),
                    lanes="direct.minimum", arrays="where((a < b) | isnan(a), a, b)",
                    edge=lambda y, a, b: a - b, ulps=(0, 4), exact="minimum", sympy="minimum")
relu = primitive("relu", lambda a: a if a > 0 or a != a else 0.0, (lambda y, a: defined(y, less(0, a)),),
                 meaning="the rectifier: a where it is positive, else 0", c="{0} > 0 || {0} != {0} ? {0} : 0.0",
                 latex=r"\operatorname{{relu}}\left({0}\right)", at=(-0.7, 20.0), formula=lambda a: maximum(a, 0),
                 course=("less(0, a)",), lanes="direct.relu", arrays="where((a > 0) | isnan(a), a, 0.0)",
                 edge=lambda y, a: a, ulps=(0, 4), exact="relu", sympy="relu")
where = primitive("where", lambda c, a, b: a if c else b, (None,
                                                           lambda y, c, a, b: where(c, 1.0, 0.0),
                                                           lambda y, c, a, b: where(c, 0.0, 1.0)),
                  meaning="a where the condition c is not 0, else b", c="{0} != 0 ? {1} : {2}", numpy="where",
                  latex=r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
                  shortcut=((0, 0.0, 2), (0, TRUE, 1)), at=((1.0, 0.3, -2.0), (0.0, 0.3, -2.0)),
                  course=("0", "less(0, c)", "1 - less(0, c)"), lanes="direct.where", arrays="where(a != 0, b, c)",
                  jump=lambda y, c, a, b: a - b, ulps=(0, 4), exact="where", sympy="where")
less = primitive("less", lambda a, b: float(a < b), (None, None), meaning="1 if a < b, else 0", c="(double)({0} < {1})",
                 latex=r"\left[{0:1} < {1:1}\right]", numpy="less", at=((0.3, -2.0), (-1.0, 2.0)), lanes="direct.less",
                 edge=lambda y, a, b: a - b, jump=1, ulps=(0, 4), exact="less", sympy="less")
less_equal = primitive("less_equal", lambda a, b: float(a <= b), (None, None), meaning="1 if a <= b, else 0",
                       c="(double)({0} <= {1})", latex=r"\left[{0:1} \leq {1:1}\right]", numpy="less_equal",
                       at=((0.3, -2.0), (2.0, 2.0)), lanes="direct.less_equal", edge=lambda y, a, b: a - b, jump=1,
                       ulps=(0, 4), exact="less_equal", sympy="less_equal")
equal = primitive("equal", lambda a, b: float(a == b), (None, None), meaning="1 if a and b are the same number, else 0",
                  c="(double)({0} == {1})",
                  latex=r"\left[{0:1} = {1:1}\right]", numpy="equal", at=((0.3, -2.0), (2.0, 2.0)),
                  lanes="direct.equal", edge=lambda y, a, b: a - b, jump=1, ulps=(0, 4), exact="equal", sympy="equal")

# What every point of choice is made of --------------------------------------------------------------------------------


def _chain(cotangent: float, derivative: float) -> float:
    product = cotangent * derivative
    return product if product == product or (cotangent != 0 and derivative != 0) else 0.0


chain = primitive("chain", _chain, (lambda y, g, d: d,
                                    lambda y, g, d: g),
                  meaning="the chain rule's product, in which 0 times anything is 0",
                  c="({0} == 0 || {1} == 0) && {0} * {1} != {0} * {1} ? 0.0 : {0} * {1}",
                  latex=r"{0:2} \cdot {1:4}", binds=(ATOM, PRODUCT),
                  shortcut=((0, 0.0, 0.0), (1, 0.0, 0.0), (0, FACTOR, ("mul", 0, 1)), (1, FACTOR, ("mul", 0, 1))),
                  at=((0.3, -2.0), (0.0, math.inf)), course=("d", "g"), lanes="direct.chain",
                  arrays="where(isnan(a * b) & ((a == 0) | (b == 0)), 0.0, a * b)",
                  ulps=(0.5, 4), exact="chain", sympy="Mul")
defined = primitive("defined", lambda y, p: y if y != y else p, (None, lambda y, r, p: defined(r, 1.0)),
                    meaning="p, but nan where the result y is nan",
                    c="{0} != {0} ? {0} : {1}", latex="{1}", binds=(ATOM, SUM), at=((0.3, -2.0), (math.nan, 1.0)),
                    shortcut=((0, NUMBER, 1), (0, NAN, math.nan)), course=("0", "1"), lanes="direct.defined",
                    arrays="where(isnan(a), a, b)", ulps=(0, 4), exact="defined", sympy="defined")
stop_gradient = primitive("stop_gradient", lambda a: a, (None,), meaning="the same number as a constant",
                          c="{0}", at=(-0.7, 20.0), formula=lambda a: a,
                          expansion=lambda a: a, latex=r"\operatorname{{stop}}\left({0}\right)",
                          ulps=(0, 4), exact="stop_gradient", sympy="stop_gradient")
one_minus_square = primitive("one_minus_square", lambda a: (1 - a) * (1 + a), (lambda y, a: -2 * a,),
                             meaning="1 - a^2 without cancellation near 1 and -1", c="(1 - {0}) * (1 + {0})",
                             latex="1 - {0:5}^2", binds=(ATOM, SUM), at=(-0.7, 0.2), formula=lambda a: 1 - a ** 2)
away = primitive("away", lambda a: a if a != 0 else math.inf, (lambda y, a: 1 - equal(a, 0),),
                 meaning="a, but infinity for 0: a divisor",
                 c="{0} == 0 ? INFINITY : {0}", latex="{0}", binds=(ATOM, SUM), at=(-0.7, 20.0), course=("1",),
                 lanes="direct.away", arrays="where(a == 0, inf, a)", ulps=(0, 4), exact="away", sympy="away")

# Composite rows: `expansion` is the stable form, `formula` the textbook one -------------------------------------------


def gaussian(a: Any, power: float) -> Any:
    """exp(power a^2) without the error of rounding a^2: a = h + l where h has few enough bits for h^2 to be exact."""
    a = minimum(maximum(a, -40.0), 40.0)
    h = floor(a * 1024 + 0.5) / 1024
    return exp(power * h * h) * exp(power * (a - h) * (a + h))


def _logaddexp_ulps(a: float, b: float) -> float:
    """Rounding a - b moves exp(a - b) by that many ulps; near the zero of the sum the digits of both terms cancel."""
    return (2 + math.fabs(a - b)) * (1 + math.fabs(_quotient(max(a, b), logaddexp.number(a, b))))


decay = primitive("decay", None, (lambda y, a: -y * sign(a),), meaning="the exponential of -|a|",
                  latex=r"e^{{-\left|{0}\right|}}", binds=(ATOM, POWER), at=(-0.7, 20.0), c="exp(-fabs({0}))",
                  expansion=lambda a: exp(-abs(a)), formula=lambda a: exp(-abs(a)), lanes="direct.decay")
log1p_decay = primitive("log1p_decay", None, (lambda y, a: -sign(a) * sigmoid(-abs(a)),),
                        meaning="ln(1 + exp(-|a|)), what softplus adds to relu", at=(-0.7, 20.0),
                        latex=r"\ln\left(1 + e^{{-\left|{0}\right|}}\right)", c="log1p(exp(-fabs({0})))",
                        expansion=lambda a: log1p(decay(a)), formula=lambda a: ln(1 + exp(-abs(a))),
                        lanes="direct.log1p_decay")
sigmoid = primitive("sigmoid", None, (lambda y, a: logistic_pdf(a),),
                    meaning="the logistic function: the probability of the logit a",
                    latex=r"\sigma\left({0}\right)", at=(-0.7, 20.0),
                    scipy="expit", expansion=lambda a: where(less(a, 0), decay(a), 1.0) / (1 + decay(a)),
                    formula=lambda a: 1 / (1 + exp(-a)), course=("y*(1 - y)",))
logistic_pdf = primitive("logistic_pdf", None, (lambda y, a: -y * tanh(a / 2),),
                         meaning="the density of the logistic distribution, the slope of sigmoid", ulps=(3, 4),
                         latex=r"\sigma'\left({0}\right)", at=(-0.7, 1e-9, 20.0),
                         expansion=lambda a: decay(a) / square(1 + decay(a)),
                         formula=lambda a: exp(-a) / (1 + exp(-a)) ** 2)
log_sigmoid = primitive("log_sigmoid", None, (lambda y, a: sigmoid(-a),),
                        meaning="the logarithm of sigmoid, which does not underflow",
                        latex=r"\ln\sigma\left({0}\right)",
                        scipy="log_expit", expansion=lambda a: minimum(a, 0.0) - log1p_decay(a), at=(-0.7, 20.0),
                        formula=lambda a: ln(1 / (1 + exp(-a))))
softplus = primitive("softplus", None, (lambda y, a: sigmoid(a),), meaning="the smooth relu, which does not overflow",
                     latex=r"\operatorname{{softplus}}\left({0}\right)",
                     expansion=lambda a: maximum(a, 0.0) + log1p_decay(a), at=(-0.7, 20.0),
                     formula=lambda a: ln(1 + exp(a)))
logaddexp = primitive("logaddexp", None, (lambda y, a, b: sigmoid(a - b),
                                          lambda y, a, b: sigmoid(b - a)),
                      meaning="the logarithm of a sum of two exponentials, which does not overflow",
                      expansion=lambda a, b: where(equal(a, b), a + LN2, maximum(a, b) + log1p_decay(a - b)),
                      formula=lambda a, b: ln(exp(a) + exp(b)), numpy="logaddexp",
                      latex=r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)", at=((0.3, -2.0), (2.0, 2.0)),
                      ulps=(_logaddexp_ulps, lambda a, b: 4 + math.fabs(a - b)))  # exp(a - b) after rounding a - b
hypot = primitive("hypot", _c_hypot, (lambda y, a, b: a / away(y),
                                            lambda y, a, b: b / away(y)),
                  meaning="the hypotenuse of a right triangle",
                  c="hypot({0}, {1})", formula=lambda a, b: sqrt(a ** 2 + b ** 2), numpy="hypot",
                  latex=r"\sqrt{{{0:5}^2 + {1:5}^2}}", at=((0.3, -2.0), (1e200, 1e200)),
                ulps=(2, _hypot_ulps), course=("a/y", "b/y"), lanes="trigonometric.hypot")

# The error function and the normal distribution -----------------------------------------------------------------------

erf = primitive("erf", _c("erf"), (lambda y, a: TWO_OVER_SQRT_PI * gaussian(a, -1.0),), meaning="the error function",
                c="erf({0})", latex=r"\operatorname{{erf}}\left({0}\right)", at=(-0.7, 3.0),
                course=("2/sqrt(pi)*exp(-a**2)",), lanes="special.erf", exact="erf", sympy="erf")
erfc = primitive("erfc", _c("erfc"), (lambda y, a: -TWO_OVER_SQRT_PI * gaussian(a, -1.0),),
                 meaning="1 - erf(a), with all digits of the tail", c="erfc({0})",
                 latex=r"\operatorname{{erfc}}\left({0}\right)", at=(-0.7, 3.0), course=("-2/sqrt(pi)*exp(-a**2)",),
                 lanes="special.erfc", exact="erfc", sympy="erfc")
norm_cdf = primitive("norm_cdf", None, (lambda y, a: ONE_OVER_SQRT_2PI * gaussian(a, -0.5),),
                     meaning="the probability that a standard normal number is below a",
                     scipy="ndtr", expansion=lambda a: 0.5 * erfc(-a / SQRT2), formula=lambda a: erfc(-a / sqrt(2)) / 2,
                     latex=r"\Phi\left({0}\right)", at=(-0.7, 3.0),
                     ulps=(lambda a: 3 + 2 * a * min(a, 0.0), 4),  # a / sqrt(2) is rounded before exp(-a^2 / 2)
                     course=("exp(-a**2/2)/sqrt(2*pi)",), exact="norm_cdf", sympy="norm_cdf")

HELPERS = frozenset({"chain", "defined", "away", "decay", "log1p_decay", "one_minus_square", "stop_gradient",
                     "erfcx_slope"})
"""Rows that are no functions of calculus: what rules are made of, and what cuts a graph."""

FIRST_PAGE = tuple(TABLE)
"""The rows of this file: what every course uses, and what the rows of the second page are written in."""
