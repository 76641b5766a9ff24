"""The table: one row says all that is ever said about a primitive.

A row holds the function's value, its partial derivatives and how it is written in C, text and LaTeX. The
partials are written in the table's own primitives and operators, so one lambda serves every reading of it: called
with `Real`s it gives a number, with graph nodes a differentiable graph, with C operands a list of C statements.
To read a rule in a new way, subclass `Operators` and say what applying a primitive means.

A partial is called with the result `y` and then the operands; None stands for a derivative that is zero everywhere.
Rules hold no `if` and no comparison: conditions are primitives too (`less`, `equal`, `where`), so that a rule means
the same for a number, a row of data and a symbol.
"""

from __future__ import annotations

import ctypes
import math
import string
import sys
from typing import Any, Callable, Optional, Sequence, Union

Rule = Callable[..., Any]


class MissingColumnError(TypeError):
    """A primitive is used in a way that needs a column its row does not have."""


class Primitive:
    """A row of the table. Calling it applies the primitive to numbers of any kind that understands `apply`."""

    __slots__ = ("name", "value", "partials", "c", "text", "latex", "binds", "at",
                 "numpy", "expansion", "formula", "shortcut", "domain", "ulps", "index")

    name: str
    value: Rule
    partials: tuple[Optional[Rule], ...]
    c: Optional[str]
    text: str
    latex: str
    binds: tuple[int, int]
    at: tuple[tuple[float, ...], ...]
    numpy: Optional[str]
    expansion: Optional[Rule]
    formula: Optional[Rule]
    shortcut: Optional[Rule]
    domain: str
    ulps: tuple[Any, Any]
    index: int

    def __call__(self, *operands: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Operators):
                return operand.apply(self, operands)
        return self.number(*operands)

    def number(self, *operands: float) -> float:
        """The value as a float, by IEEE 754 rules: nan and inf, never an exception of the built-in rows."""
        return self.real("value", self.value(*map(float, operands)))

    def partial(self, position: int, y: float, *operands: float) -> float:
        """The derivative by one operand as a float, given the result and the operands."""
        rule = self.partials[position]
        if rule is None:
            return 0.0
        slope = rule(Real(y), *map(Real, operands))
        return slope.number if type(slope) is Real else self.real(f"partial {position}", slope)

    def real(self, column: str, result: Any) -> float:
        """What a rule gave as a float; TypeError with the name of the row where it is no real number."""
        if isinstance(result, (str, bytes)) or not hasattr(type(result), "__float__"):
            raise TypeError(f"{column} of primitive {self.name!r} gave {type(result).__name__}: return a real number")
        return float(result)

    def operand_names(self) -> list[str]:
        """What the rules of the row call the operands."""
        for rule in self.partials:
            code = getattr(rule, "__code__", None)
            if code is not None and code.co_argcount == len(self.partials) + 1:
                return list(code.co_varnames[1:code.co_argcount])
        return ["a", "b", "c"][:len(self.partials)] if len(self.partials) < 4 else \
            [f"x{i}" for i in range(len(self.partials))]

    def require(self, column: str, purpose: str) -> Any:
        """The entry of a column, or an error that names the primitive and the column that is missing."""
        entry = getattr(self, column)
        if entry is None:
            raise MissingColumnError(f"primitive {self.name!r} has no column {column!r}, which {purpose} needs: "
                                     f"give {column}= to primitive({self.name!r}, ...)")
        return entry

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return lookup, (self.name,)


class Operators:
    """Arithmetic for one reading of the table: `apply(primitive, operands)` says what a primitive means there."""

    __slots__ = ()

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        raise TypeError(f"{type(self).__name__} does not say what applying {primitive.name!r} means")

    def __add__(self, other: Any) -> Any: return add(self, other)
    def __radd__(self, other: Any) -> Any: return add(other, self)
    def __sub__(self, other: Any) -> Any: return sub(self, other)
    def __rsub__(self, other: Any) -> Any: return sub(other, self)
    def __mul__(self, other: Any) -> Any: return mul(self, other)
    def __rmul__(self, other: Any) -> Any: return mul(other, self)
    def __truediv__(self, other: Any) -> Any: return div(self, other)
    def __rtruediv__(self, other: Any) -> Any: return div(other, self)
    def __pow__(self, other: Any) -> Any: return pow(self, other)
    def __rpow__(self, other: Any) -> Any: return pow(other, self)
    def __neg__(self) -> Any: return neg(self)
    def __abs__(self) -> Any: return abs(self)


class Real(Operators):
    """A float whose arithmetic never raises: the reading of a rule as a number."""

    __slots__ = ("number",)

    def __init__(self, number: float) -> None:
        self.number = number

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Real:
        return Real(primitive.value(*[o.number if type(o) is Real else float(o) for o in operands]))


def number(rule: Rule, *operands: float) -> float:
    """Evaluate a rule of the table (a partial, an expansion) on plain floats."""
    result = rule(*map(Real, operands))
    return result.number if type(result) is Real else float(result)


TABLE: dict[str, Primitive] = {}
BUILT_IN: dict[str, Primitive] = {}
"""The rows that come with the package, by name."""


def lookup(name: str) -> Primitive:
    """The row of that name, as pickled graphs refer to it."""
    if name not in TABLE:
        raise LookupError(f"no primitive is called {name!r}: define it with primitive({name!r}, ...) first")
    return TABLE[name]


MOST_OPERANDS = 64
"""How many operands a primitive can have."""

SUM, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5
"""Binding strengths. A template's `{0:2}` brackets operand 0 when it binds more loosely than 2."""


def primitive(name: str, value: Optional[Rule], partials: Sequence[Optional[Rule]], c: Optional[str] = None,
              text: Optional[str] = None, latex: Optional[str] = None,
              binds: Union[int, tuple[int, int]] = ATOM, at: Sequence[Any] = (), numpy: Optional[str] = None,
              expansion: Optional[Rule] = None, formula: Optional[Rule] = None, shortcut: Optional[Rule] = None,
              domain: str = "", ulps: tuple[Any, Any] = (2, 4)) -> Primitive:
    """Add a row to the table and return it.

    name       an identifier; the built-in names are taken
    value      floats -> float. May be None where `expansion` is given
    partials   one rule for each operand: (y, *operands) -> derivative, or None where it is zero everywhere
    c          C expression of the value, `{0}` for the first operand
    text       as Python would write it; default `name({0}, ...)`
    latex      default `\\operatorname{name}(...)`
    binds      binding strength of the text, or of the text and the LaTeX
    at         sample points for the tests that a row brings with it: numbers, or tuples for several operands
    numpy      the ufunc of the same meaning
    expansion  operands -> the same value in basic rows, in the form that is numerically stable
    formula    operands -> the textbook form, which exact arithmetic and symbolic algebra read
    shortcut   operands -> something simpler with the same bits and the same derivatives, or None
    domain     where the function is defined, as text; empty for all real numbers
    ulps       error bounds of the value and of the partials, in units in the last place: numbers, or functions
               of the operands

    Raises ValueError for a name or template that cannot be used, TypeError for a rule that cannot be called.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"a primitive needs an identifier as its name, not {name!r}")
    if name in BUILT_IN:
        raise ValueError(f"{name!r} is a built-in primitive and cannot be redefined: choose another name")
    if isinstance(partials, str) or not hasattr(partials, "__iter__"):
        raise TypeError(f"partials of primitive {name!r} are {type(partials).__name__}: "
                        "give a list of one function for each operand")
    partials = tuple(partials)
    if not partials:
        raise ValueError(f"primitive {name!r} needs one partial for each operand, and at least one operand")
    if len(partials) > MOST_OPERANDS:
        raise ValueError(f"primitive {name!r} has {len(partials)} operands, and {MOST_OPERANDS} are the most: "
                         "put it together from smaller ones")
    if numpy is not None and not isinstance(numpy, str):
        raise TypeError(f"column 'numpy' of primitive {name!r} is the name of a ufunc, a text, not {numpy!r}")
    for position, rule in enumerate(partials):
        if rule is not None and not callable(rule):
            raise TypeError(f"partial {position} of primitive {name!r} is {type(rule).__name__}: "
                            "give a function (y, *operands) -> derivative, or None for zero")
    if value is None:
        if expansion is None:
            raise TypeError(f"primitive {name!r} has neither a value nor an expansion: give one of them")
        value = lambda *operands: number(expansion, *operands)
    if not callable(value):
        raise TypeError(f"value of primitive {name!r} is {type(value).__name__}: give a function floats -> float")
    slots = [f"{{{i}}}" for i in range(len(partials))]
    row = Primitive()
    row.name, row.value, row.partials = name, value, partials
    row.c = c
    row.text = text or f"{name}({', '.join(slots)})"
    escaped = name.replace("_", r"\_")
    row.latex = latex or rf"\operatorname{{{{{escaped}}}}}\left({', '.join(slots)}\right)"
    row.binds = binds if isinstance(binds, tuple) else (binds, binds)
    row.at = tuple(p if isinstance(p, tuple) else (p,) for p in at)
    row.numpy, row.expansion, row.formula = numpy, expansion, formula
    row.shortcut, row.domain, row.ulps = shortcut, domain, ulps
    for column in ("c", "text", "latex"):
        template = getattr(row, column)
        try:
            fields = [field for _, field, _, _ in string.Formatter().parse(template or "") if field is not None]
        except ValueError as error:
            raise ValueError(f"column {column!r} of primitive {name!r} is no template: "
                             f"{error} in {template!r}") from None
        if any(not field.isdigit() or int(field) >= len(partials) for field in fields):
            raise ValueError(f"column {column!r} of primitive {name!r} may refer to {', '.join(slots)} only: "
                             f"{template!r}")
    for point in row.at:
        if len(point) != len(partials):
            raise ValueError(f"column 'at' of primitive {name!r} needs {len(partials)} numbers a point, not {point!r}")
    row.index = len(ROWS)
    ROWS.append(row)
    TABLE[name] = row
    return row


ROWS: list[Primitive] = []
"""Every row in the order of definition; a row's index is its number in the compiled engine."""

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
    return a * a if b == 2 else _quotient(1.0, a) if b == -1 else _c_pow(a, b)


def _is(number: float) -> Callable[[Any], bool]:
    return lambda operand: type(operand) is float and operand == number


def _is_factor(operand: Any) -> bool:
    return type(operand) is float and operand != 0 and math.isfinite(operand)


_zero, _one, _minus_one = _is(0.0), _is(1.0), _is(-1.0)
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
                c="{0} + {1}", text="{0:1} + {1:2}", latex="{0:1} + {1:2}", binds=SUM, numpy="add",
                at=((0.3, -2.0), (1e300, 1.0)))
sub = primitive("sub", lambda a, b: a - b, (lambda y, a, b: 1.0,
                                            lambda y, a, b: -1.0),
                c="{0} - {1}", text="{0:1} - {1:2}", latex="{0:1} - {1:2}", binds=SUM, numpy="subtract",
                at=((0.3, -2.0), (1.5, 1.25)))
mul = primitive("mul", lambda a, b: a * b, (lambda y, a, b: b,
                                            lambda y, a, b: a),
                c="{0} * {1}", text="{0:2} * {1:3}", latex=r"{0:2} \, {1:4}", binds=PRODUCT, numpy="multiply",
                shortcut=lambda a, b: (b if _one(a) else a if _one(b) else
                                       -b if _minus_one(a) else -a if _minus_one(b) else None),
                at=((0.3, -2.0), (1e200, 1e-200)))
div = primitive("div", _quotient, (lambda y, a, b: 1 / b,
                                   lambda y, a, b: -y / b),
                c="{0} / {1}", text="{0:2} / {1:3}", latex=r"\frac{{{0}}}{{{1}}}", binds=PRODUCT, numpy="divide",
                shortcut=lambda a, b: a if _one(b) else None, domain="b != 0",
                at=((0.3, -2.0), (1e-200, 3e-200)))
neg = primitive("neg", lambda a: -a, (lambda y, a: -1.0,),
                c="-{0}", text="-{0:4}", latex="-{0:2}", binds=(SIGN, SUM), numpy="negative",
                shortcut=lambda a: a.operands[0] if getattr(a, "operation", None) is neg else None,
                at=(-0.7, 20.0))
pow = primitive("pow", _power,
                (lambda y, a, b: where(chain(1 - equal(b - 1 + 1, b) * (1 - equal(b - 1, b)), 1 - equal(a, 0)),
                                       chain(b, y) / a, chain(b, a ** (b - 1))),
                 lambda y, a, b: y * ln(a + equal(a, 0) * (1 - less(b, 0)))),
                c="{1} == 2 ? {0} * {0} : {1} == 1 ? {0} : {1} == -1 ? 1 / {0} : pow({0}, {1})",
                text="{0:5} ** {1:3}", latex="{0:5}^{{{1}}}", binds=POWER, numpy="power",
                shortcut=lambda a, b: (a if _one(b) else square(a) if _is(2.0)(b) else
                                       reciprocal(a) if _minus_one(b) else 1.0 if _zero(b) else None),
                domain="a > 0, or b an integer", at=((1.3, -2.0), (0.3, 0.1), (-2.0, 3.0), (2.5, 2.0)),
                ulps=(2, _power_ulps))

# Powers, exponentials and logarithms ----------------------------------------------------------------------------------

exp = primitive("exp", _c("exp"), (lambda y, a: y,), c="exp({0})", latex="e^{{{0}}}", binds=(ATOM, POWER), numpy="exp",
                at=(-0.7, 20.0))
expm1 = primitive("expm1", _c("expm1"), (lambda y, a: exp(a),), c="expm1({0})", latex="e^{{{0}}} - 1",
                  binds=(ATOM, SUM), numpy="expm1", at=(-1e-9, -0.7, 20.0), formula=lambda a: exp(a) - 1)
exp2 = primitive("exp2", _c("exp2"), (lambda y, a: y * LN2,), c="exp2({0})", latex="2^{{{0}}}",
                 binds=(ATOM, POWER), numpy="exp2", at=(-0.7, 20.0), formula=lambda a: 2 ** a)
ln = primitive("ln", _c("log"), (lambda y, a: defined(y, 1 / (a + 0.0)),), c="log({0})",
               latex=r"\ln\left({0}\right)", numpy="log", domain="a > 0", at=(0.7, 20.0))
log1p = primitive("log1p", _c("log1p"), (lambda y, a: defined(y, 1 / (1 + a)),), c="log1p({0})",
                  latex=r"\ln\left(1 + {0:1}\right)", numpy="log1p", domain="a > -1", at=(-0.7, 1e-9, 20.0),
                  formula=lambda a: ln(1 + a))
log2 = primitive("log2", _c("log2"), (lambda y, a: defined(y, 1 / (a + 0.0) * LOG2_E),), c="log2({0})",
                 latex=r"\log_2\left({0}\right)", numpy="log2", domain="a > 0", at=(0.7, 20.0),
                 formula=lambda a: ln(a) / ln(2))
log10 = primitive("log10", _c("log10"), (lambda y, a: defined(y, 1 / (a + 0.0) * LOG10_E),), c="log10({0})",
                  latex=r"\log_{{10}}\left({0}\right)", numpy="log10", domain="a > 0", at=(0.7, 20.0),
                  formula=lambda a: ln(a) / ln(10))
sqrt = primitive("sqrt", _c("sqrt"), (lambda y, a: 0.5 / (y + 0.0),), c="sqrt({0})", latex=r"\sqrt{{{0}}}",
                 numpy="sqrt", domain="a >= 0", at=(0.7, 20.0))
cbrt = primitive("cbrt", _c("cbrt"), (lambda y, a: 1 / (3 * square(y)),), c="cbrt({0})", latex=r"\sqrt[3]{{{0}}}",
                 numpy="cbrt", at=(-0.7, 20.0), ulps=(4, 10))  # the C library's is within 4, its square within 8
square = primitive("square", lambda a: a * a, (lambda y, a: 2 * a,), c="{0} * {0}", latex="{0:5}^{{2}}",
                   binds=(ATOM, POWER), numpy="square", at=(-0.7, 20.0), formula=lambda a: a ** 2)
reciprocal = primitive("reciprocal", lambda a: _quotient(1.0, a), (lambda y, a: -square(y),), c="1 / {0}",
                       latex=r"\frac{{1}}{{{0}}}", binds=(ATOM, PRODUCT), numpy="reciprocal", domain="a != 0",
                       at=(-0.7, 20.0), formula=lambda a: 1 / a)

# Trigonometric and hyperbolic functions -------------------------------------------------------------------------------

sin = primitive("sin", _c("sin"), (lambda y, a: cos(a),), c="sin({0})", latex=r"\sin\left({0}\right)", numpy="sin",
                at=(-0.7, 20.0))
cos = primitive("cos", _c("cos"), (lambda y, a: -sin(a),), c="cos({0})", latex=r"\cos\left({0}\right)", numpy="cos",
                at=(-0.7, 20.0))
tan = primitive("tan", _c("tan"), (lambda y, a: 1 + square(y),), c="tan({0})", latex=r"\tan\left({0}\right)",
                numpy="tan", domain="cos(a) != 0", at=(-0.7, 20.0))
asin = primitive("asin", _c("asin"), (lambda y, a: 1 / sqrt((1 - a) * (1 + a)),), c="asin({0})",
                 latex=r"\arcsin\left({0}\right)", numpy="arcsin", domain="-1 <= a <= 1", at=(-0.7, 0.2))
acos = primitive("acos", _c("acos"), (lambda y, a: -1 / sqrt((1 - a) * (1 + a)),), c="acos({0})",
                 latex=r"\arccos\left({0}\right)", numpy="arccos", domain="-1 <= a <= 1", at=(-0.7, 0.2))
atan = primitive("atan", _c("atan"), (lambda y, a: square(1 / hypot(1, a)),), c="atan({0})",
                 latex=r"\arctan\left({0}\right)", numpy="arctan", at=(-0.7, 20.0))
atan2 = primitive("atan2", _c("atan2", 2),
                  (lambda y, a, b: b / away(hypot(a, b)) / away(hypot(a, b)),
                   lambda y, a, b: -a / away(hypot(a, b)) / away(hypot(a, b))),
                  c="atan2({0}, {1})", latex=r"\operatorname{{atan2}}\left({0}, {1}\right)", numpy="arctan2",
                  at=((0.3, -2.0), (-1e-200, 1e-200)), ulps=(2, _atan2_ulps))
sinh = primitive("sinh", _c("sinh"), (lambda y, a: cosh(a),), c="sinh({0})", latex=r"\sinh\left({0}\right)",
                 numpy="sinh", at=(-0.7, 20.0))
cosh = primitive("cosh", _c("cosh"), (lambda y, a: sinh(a),), c="cosh({0})", latex=r"\cosh\left({0}\right)",
                 numpy="cosh", at=(-0.7, 20.0))
tanh = primitive("tanh", _c("tanh"), (lambda y, a: square(1 / cosh(a)),), c="tanh({0})",
                 latex=r"\tanh\left({0}\right)", numpy="tanh", at=(-0.7, 20.0))
asinh = primitive("asinh", _c("asinh"), (lambda y, a: 1 / hypot(1, a),), c="asinh({0})",
                  latex=r"\operatorname{{arsinh}}\left({0}\right)", numpy="arcsinh", at=(-0.7, 20.0))
acosh = primitive("acosh", _c("acosh"), (lambda y, a: 1 / (sqrt(a - 1) * sqrt(a + 1)),), c="acosh({0})",
                  latex=r"\operatorname{{arcosh}}\left({0}\right)", numpy="arccosh", domain="a >= 1", at=(1.7, 20.0))
atanh = primitive("atanh", _c("atanh"), (lambda y, a: defined(y, 1 / ((1 - a) * (1 + a))),), c="atanh({0})",
                  latex=r"\operatorname{{artanh}}\left({0}\right)", numpy="arctanh", domain="-1 <= a <= 1",
                  at=(-0.7, 0.2))

# Pieces and conditions: a comparison is 1.0 or 0.0 --------------------------------------------------------------------

abs = primitive("abs", math.fabs, (lambda y, a: sign(a),), c="fabs({0})", latex=r"\left|{0}\right|", numpy="absolute",
                at=(-0.7, 20.0))
sign = primitive("sign", lambda a: a if a != a else float((a > 0) - (a < 0)), (lambda y, a: defined(y, 0.0),),
                 c="{0} != {0} ? {0} : (double)(({0} > 0) - ({0} < 0))",
                 latex=r"\operatorname{{sgn}}\left({0}\right)", numpy="sign", at=(-0.7, 20.0))
floor = primitive("floor", _c("floor"), (lambda y, a: defined(y, 0.0),), c="floor({0})",
                  latex=r"\left\lfloor {0} \right\rfloor", numpy="floor", at=(-0.7, 20.5))
maximum = primitive("maximum", lambda a, b: a if a > b or a != a else b,
                    (lambda y, a, b: defined(y, (1 + less(b, a) - less(a, b)) / 2),
                     lambda y, a, b: defined(y, (1 + less(a, b) - less(b, a)) / 2)),
                    c="{0} > {1} || {0} != {0} ? {0} : {1}", latex=r"\max\left({0}, {1}\right)",
                    numpy="maximum", at=((0.3, -2.0), (-1.0, 2.0)))
minimum = primitive("minimum", lambda a, b: a if a < b or a != a else b,
                    (lambda y, a, b: defined(y, (1 + less(a, b) - less(b, a)) / 2),
                     lambda y, a, b: defined(y, (1 + less(b, a) - less(a, b)) / 2)),
                    c="{0} < {1} || {0} != {0} ? {0} : {1}", latex=r"\min\left({0}, {1}\right)",
                    numpy="minimum", at=((0.3, -2.0), (-1.0, 2.0)))
relu = primitive("relu", lambda a: a if a > 0 or a != a else 0.0, (lambda y, a: defined(y, less(0, a)),),
                 c="{0} > 0 || {0} != {0} ? {0} : 0.0", latex=r"\operatorname{{relu}}\left({0}\right)", at=(-0.7, 20.0),
                 formula=lambda a: maximum(a, 0))
where = primitive("where", lambda c, a, b: a if c else b, (None,
                                                           lambda y, c, a, b: where(c, 1.0, 0.0),
                                                           lambda y, c, a, b: where(c, 0.0, 1.0)),
                  c="{0} != 0 ? {1} : {2}", numpy="where",
                  latex=r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
                  shortcut=lambda c, a, b: (a if c else b) if type(c) is float else None,
                  at=((1.0, 0.3, -2.0), (0.0, 0.3, -2.0)))
less = primitive("less", lambda a, b: float(a < b), (None, None), c="(double)({0} < {1})",
                 latex=r"\left[{0:1} < {1:1}\right]", numpy="less", at=((0.3, -2.0), (-1.0, 2.0)))
less_equal = primitive("less_equal", lambda a, b: float(a <= b), (None, None), c="(double)({0} <= {1})",
                       latex=r"\left[{0:1} \leq {1:1}\right]", numpy="less_equal", at=((0.3, -2.0), (2.0, 2.0)))
equal = primitive("equal", lambda a, b: float(a == b), (None, None), c="(double)({0} == {1})",
                  latex=r"\left[{0:1} = {1:1}\right]", numpy="equal", at=((0.3, -2.0), (2.0, 2.0)))

# What every point of choice is made of --------------------------------------------------------------------------------


def _chain(cotangent: float, derivative: float) -> float:
    product = cotangent * derivative
    return product if product == product or (cotangent != 0 and derivative != 0) else 0.0


def _shorter_chain(g: Any, d: Any) -> Any:
    if _zero(g) or _zero(d):
        return 0.0
    return g * d if _is_factor(g) or _is_factor(d) else None


chain = primitive("chain", _chain, (lambda y, g, d: d,
                                    lambda y, g, d: g),
                  c="({0} == 0 || {1} == 0) && {0} * {1} != {0} * {1} ? 0.0 : {0} * {1}",
                  latex=r"{0:2} \cdot {1:4}", binds=(ATOM, PRODUCT), shortcut=_shorter_chain,
                  at=((0.3, -2.0), (0.0, math.inf)))
defined = primitive("defined", lambda y, p: y if y != y else p, (None, lambda y, r, p: defined(r, 1.0)),
                    c="{0} != {0} ? {0} : {1}", latex="{1}", binds=(ATOM, SUM), at=((0.3, -2.0), (math.nan, 1.0)),
                    shortcut=lambda y, p: (p if y == y else math.nan) if type(y) is float else None)
away = primitive("away", lambda a: a if a != 0 else math.inf, (lambda y, a: 1 - equal(a, 0),),
                 c="{0} == 0 ? INFINITY : {0}", latex="{0}", binds=(ATOM, SUM), at=(-0.7, 20.0))

# Composite rows: `expansion` is the stable form, `formula` the textbook one -------------------------------------------


def _gaussian(a: Any, power: float) -> Any:
    """exp(power a^2) without the error of rounding a^2: a = h + l where h has few enough bits for h^2 to be exact."""
    a = minimum(maximum(a, -40.0), 40.0)
    h = floor(a * 1024) / 1024
    return exp(power * h * h) * exp(power * (a - h) * (a + h))


def _logaddexp_ulps(a: float, b: float) -> float:
    """Rounding a - b moves exp(a - b) by that many ulps; near the zero of the sum the digits of both terms cancel."""
    return (2 + math.fabs(a - b)) * (1 + math.fabs(_quotient(max(a, b), logaddexp.number(a, b))))


sigmoid = primitive("sigmoid", None, (lambda y, a: y * sigmoid(-a),), latex=r"\sigma\left({0}\right)", at=(-0.7, 20.0),
                    expansion=lambda a: where(less(a, 0), exp(-abs(a)), 1.0) / (1 + exp(-abs(a))),
                    formula=lambda a: 1 / (1 + exp(-a)))
log_sigmoid = primitive("log_sigmoid", None, (lambda y, a: sigmoid(-a),), latex=r"\ln\sigma\left({0}\right)",
                        expansion=lambda a: minimum(a, 0.0) - log1p(exp(-abs(a))), at=(-0.7, 20.0),
                        formula=lambda a: ln(1 / (1 + exp(-a))))
softplus = primitive("softplus", None, (lambda y, a: sigmoid(a),), latex=r"\operatorname{{softplus}}\left({0}\right)",
                     expansion=lambda a: maximum(a, 0.0) + log1p(exp(-abs(a))), at=(-0.7, 20.0),
                     formula=lambda a: ln(1 + exp(a)))
logaddexp = primitive("logaddexp", None, (lambda y, a, b: sigmoid(a - b),
                                          lambda y, a, b: sigmoid(b - a)),
                      expansion=lambda a, b: where(equal(a, b), a + LN2, maximum(a, b) + log1p(exp(-abs(a - b)))),
                      formula=lambda a, b: ln(exp(a) + exp(b)), numpy="logaddexp",
                      latex=r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)", at=((0.3, -2.0), (2.0, 2.0)),
                      ulps=(_logaddexp_ulps, lambda a, b: 4 + math.fabs(a - b)))  # exp(a - b) after rounding a - b
hypot = primitive("hypot", _c_hypot, (lambda y, a, b: a / away(y),
                                            lambda y, a, b: b / away(y)),
                  c="hypot({0}, {1})", formula=lambda a, b: sqrt(a ** 2 + b ** 2), numpy="hypot",
                  latex=r"\sqrt{{{0:5}^2 + {1:5}^2}}", at=((0.3, -2.0), (1e200, 1e200)),
                ulps=(2, _hypot_ulps))

# The error function and the normal distribution -----------------------------------------------------------------------

erf = primitive("erf", _c("erf"), (lambda y, a: TWO_OVER_SQRT_PI * _gaussian(a, -1.0),), c="erf({0})",
                latex=r"\operatorname{{erf}}\left({0}\right)", at=(-0.7, 3.0))
erfc = primitive("erfc", _c("erfc"), (lambda y, a: -TWO_OVER_SQRT_PI * _gaussian(a, -1.0),), c="erfc({0})",
                 latex=r"\operatorname{{erfc}}\left({0}\right)", at=(-0.7, 3.0))
norm_cdf = primitive("norm_cdf", None, (lambda y, a: ONE_OVER_SQRT_2PI * _gaussian(a, -0.5),),
                     expansion=lambda a: 0.5 * erfc(-a / SQRT2), formula=lambda a: erfc(-a / sqrt(2)) / 2,
                     latex=r"\Phi\left({0}\right)", at=(-0.7, 3.0),
                     ulps=(lambda a: 3 + 2 * a * min(a, 0.0), 4))  # a / sqrt(2) is rounded before exp(-a^2 / 2)

HELPERS = frozenset({"chain", "defined", "away"})
"""Rows that rules are made of and people seldom call."""

BUILT_IN.update(TABLE)
