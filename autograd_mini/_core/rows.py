"""What a row of the table is, and how one is added.

A row holds a function's value, its partial derivatives and how it is written. The partials are written in the table's
own primitives and operators, so one lambda serves every reading of it: called with `Real`s it gives a number, with
`Symbol`s the steps that write a derivative down, with C operands a list of C statements. To read a rule in a new way,
subclass `Operators` and say what applying a primitive means.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Optional, Union

from autograd_mini._core import registry
from autograd_mini._core.columns import is_number, require_kinds
from autograd_mini._core.errors import MissingColumnError

Rule = Callable[..., Any]

SUM, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5
"""Binding strengths. A template's `{0:2}` brackets operand 0 when it binds more loosely than 2."""

MOST_OPERANDS = 1024
"""How many operands a primitive can have."""

FACTOR, TRUE, NUMBER, NAN, NEGATION, INNER = "finite, not 0", "not 0", "not nan", "nan", "a negation", "its operand"
"""What a shortcut can ask of an operand besides being a certain number; INNER stands for what is negated."""

Shortcut = tuple[int, Union[float, str], Union[int, float, str, tuple[Any, ...]]]


@dataclass(frozen=True, eq=False, repr=False)
class Primitive:
    """A row of the table. Calling it applies the primitive to numbers of any kind, Values and arrays included.

    name       an identifier
    value      floats -> float, by IEEE 754 rules
    partials   for each operand (y, *operands) -> derivative, or None where it is zero everywhere
    meaning    what it is, in a few words for `help`
    c          C expression of the value, `{0}` for the first operand
    text       as Python would write it
    latex      as LaTeX writes it
    binds      binding strength of the text and of the LaTeX
    at         sample points for the tests that a row brings with it, a tuple for each
    numpy      the ufunc of the same meaning
    scipy      the ufunc of scipy.special of the same meaning, where its name is not the row's
    arrays     expression of the value over NumPy arrays, where it is no ufunc: `a`, `b`, `c` are the operands
    expansion  operands -> the same value in basic rows, in the form that is numerically stable
    formula    operands -> the textbook form, which exact arithmetic and symbolic algebra read
    shortcut   (position, condition, result) triples: with the same bits and derivatives, something simpler
    domain     where the function is defined, as text; empty for all real numbers
    ulps       error bounds of the value and of the partials, in units in the last place: numbers, or functions
               of the operands
    exact      how exact arithmetic reads it, where it has no formula: the name of a function of explain/_arbs.py or
               of a method of `flint.arb`, or a function of arbs
    sympy      how symbolic algebra reads it, where it has no formula: the name of a function of explain/_notions.py
               or of SymPy
    edge       (y, *operands) -> a number that is 0 where two pieces meet, so that the derivative is one-sided there
    jump       how far the value can jump where an operand crosses an edge, or where its first operand, a condition,
               changes: a number, or a function (y, *operands)
    lanes      machine code over lanes: "module.function" below program/_llvm, or such a function
    js         JavaScript expression of the value, where `c` is not nearly one
    course     the partials as a course writes them, away from kinks and edges: expressions in `y` and the operands
               `a`, `b`, `c`; () where the rules themselves read well
    remake     how a row that no module holds is made again: the name of a maker (`registry.remake`), its arguments
    index      its number in the compiled engine; -1 for a row of the user's own
    module     where it was defined
    """

    name: str
    value: Rule
    partials: tuple[Optional[Rule], ...]
    meaning: str = ""
    c: Optional[str] = None
    text: str = ""
    latex: str = ""
    binds: tuple[int, int] = (ATOM, ATOM)
    at: tuple[tuple[float, ...], ...] = ()
    numpy: Optional[str] = None
    scipy: Optional[str] = None
    arrays: Optional[str] = None
    expansion: Optional[Rule] = None
    formula: Optional[Rule] = None
    shortcut: tuple[Shortcut, ...] = ()
    domain: str = ""
    ulps: tuple[Any, Any] = (2, 4)
    exact: Optional[Union[str, Rule]] = None
    sympy: Optional[str] = None
    edge: Optional[Rule] = None
    jump: Optional[Union[float, Rule]] = None
    lanes: Optional[Union[str, Rule]] = None
    js: Optional[str] = None
    course: tuple[str, ...] = ()
    remake: Optional[tuple[str, tuple[Any, ...]]] = None
    index: int = -1
    module: str = ""
    steps: dict[int, Steps] = field(default_factory=dict)
    """What each partial does, once it was asked for."""

    def __call__(self, *operands: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Operators):
                return operand.apply(self, operands)
        if all(type(operand) is float for operand in operands):
            return self.number(*operands)
        return registry.apply(self, operands)

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
        return registry.saved_row(self)


class Operators:
    """Arithmetic for one reading of the table: `apply(primitive, operands)` says what a primitive means there."""

    __slots__ = ()

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        raise TypeError(f"{type(self).__name__} does not say what applying {primitive.name!r} means")

    def __add__(self, other: Any) -> Any: return TABLE["add"](self, other)
    def __radd__(self, other: Any) -> Any: return TABLE["add"](other, self)
    def __sub__(self, other: Any) -> Any: return TABLE["sub"](self, other)
    def __rsub__(self, other: Any) -> Any: return TABLE["sub"](other, self)
    def __mul__(self, other: Any) -> Any: return TABLE["mul"](self, other)
    def __rmul__(self, other: Any) -> Any: return TABLE["mul"](other, self)
    def __truediv__(self, other: Any) -> Any: return TABLE["div"](self, other)
    def __rtruediv__(self, other: Any) -> Any: return TABLE["div"](other, self)
    def __pow__(self, other: Any) -> Any: return TABLE["pow"](self, other)
    def __rpow__(self, other: Any) -> Any: return TABLE["pow"](other, self)
    def __neg__(self) -> Any: return TABLE["neg"](self)
    def __abs__(self) -> Any: return TABLE["abs"](self)


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


class Steps(NamedTuple):
    """What the chain rule does on one edge, as straight-line code.

    Numbers 0, 1, 2 ... are the cotangent, the result, the operands, and then the result of each step; a float is a
    constant. `result` is one of the former.
    """

    steps: tuple[tuple[Primitive, tuple[Union[int, float], ...]], ...]
    result: int


class Symbol(Operators):
    """A number of a rule whose steps are noted."""

    __slots__ = ("made", "at")

    def __init__(self, made: list[Any], at: int) -> None:
        self.made, self.at = made, at

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Symbol:
        self.made.append((primitive, tuple([o.at if type(o) is Symbol else float(o) for o in operands])))
        return Symbol(self.made, self.made[0] + len(self.made) - 2)


def chain_steps(primitive: Primitive, position: int) -> Steps:
    """The steps of `chain(cotangent, derivative by the operand)`, noted when they are first asked for."""
    if position not in primitive.steps:
        primitive.steps[position] = noted(primitive, position)
    return primitive.steps[position]


def noted(primitive: Primitive, position: int) -> Steps:
    """The same, noted now."""
    given = len(primitive.partials) + 2
    made: list[Any] = [given]
    cotangent, result, *operands = [Symbol(made, place) for place in range(given)]
    rule: Any = primitive.partials[position]
    share = TABLE["chain"](cotangent, rule(result, *operands))
    return Steps(tuple(made[1:]), share.at)


TABLE: dict[str, Primitive] = {}
"""Every row that has a name of its own."""
ROWS: list[Primitive] = []
"""The rows that come with the package; a row's place is its number in the compiled engine."""
BUILT_IN: dict[str, Primitive] = {}
"""The same by name, once the table is complete."""


def lookup(name: str) -> Primitive:
    """The row of that name."""
    if name not in TABLE:
        raise LookupError(f"no primitive is called {name!r}: define it with primitive({name!r}, ...) first")
    return TABLE[name]


def complete() -> None:
    """The table holds all rows that come with the package: what is added from now on is the user's own."""
    BUILT_IN.update(TABLE)


def primitive(name: str, value: Optional[Rule], partials: Sequence[Optional[Rule]], *, named: bool = True,
              **columns: Any) -> Primitive:
    """Add a row to the table and return it; the columns are those of `Primitive`.

    `value` may be None where `expansion` is given. A row that is not `named` is known by its function only.

    Raises ValueError for a name or template that cannot be used, TypeError for a rule that cannot be called.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"a primitive needs an identifier as its name, not {name!r}")
    if name in BUILT_IN:
        raise ValueError(f"{name!r} is a built-in primitive and cannot be redefined: choose another name")
    rules = _rules(name, partials)
    unknown = sorted(set(columns) - set(Primitive.__dataclass_fields__) | set(columns) & {"index", "steps"})
    if unknown:
        raise TypeError(f"a primitive has no column {unknown[0]!r}")
    expansion = columns.get("expansion")
    if value is None:
        if expansion is None:
            raise TypeError(f"primitive {name!r} has neither a value nor an expansion: give one of them")
        value = lambda *operands: number(expansion, *operands)
    if not callable(value):
        raise TypeError(f"value of primitive {name!r} is {type(value).__name__}: give a function floats -> float")
    slots = ", ".join(f"{{{i}}}" for i in range(len(rules)))
    escaped = name.replace("_", r"\_")
    columns = {column: entry for column, entry in columns.items() if entry is not None}
    require_kinds(name, columns)
    columns["text"] = columns.get("text") or f"{name}({slots})"
    columns["latex"] = columns.get("latex") or rf"\operatorname{{{{{escaped}}}}}\left({slots}\right)"
    binds = columns.get("binds", ATOM)
    columns["binds"] = binds if isinstance(binds, tuple) else (binds, binds)
    columns["at"] = tuple(tuple(p) if isinstance(p, (tuple, list)) else (p,) for p in columns.get("at", ()))
    columns["shortcut"] = tuple(columns.get("shortcut", ()))
    columns.setdefault("module", _module_of_the_caller())
    row = Primitive(name, value, rules, index=-1 if BUILT_IN else len(ROWS), **columns)
    _check(row)
    if row.index >= 0:
        ROWS.append(row)
    if named:
        TABLE[name] = row
    return row


def _rules(name: str, partials: Any) -> tuple[Optional[Rule], ...]:
    if isinstance(partials, str) or not hasattr(partials, "__iter__"):
        raise TypeError(f"partials of primitive {name!r} are {type(partials).__name__}: "
                        "give a list of one function for each operand")
    rules = tuple(partials)
    if not rules:
        raise ValueError(f"primitive {name!r} needs one partial for each operand, and at least one operand")
    if len(rules) > MOST_OPERANDS:
        raise ValueError(f"primitive {name!r} has {len(rules)} operands, and {MOST_OPERANDS} are the most: "
                         "put it together from smaller ones")
    for position, rule in enumerate(rules):
        if rule is not None and not callable(rule):
            raise TypeError(f"partial {position} of primitive {name!r} is {type(rule).__name__}: "
                            "give a function (y, *operands) -> derivative, or None for zero")
    return rules


def _check(row: Primitive) -> None:
    count = len(row.partials)
    for column in ("c", "text", "latex", "js"):
        template = getattr(row, column)
        try:
            parts = [part for part in string.Formatter().parse(template or "") if part[1] is not None]
            fields = [field or "" for _, field, _, _ in parts]
        except ValueError as error:
            raise ValueError(f"column {column!r} of primitive {row.name!r} is no template: "
                             f"{error} in {template!r}") from None
        if any(conversion or (spec and not (spec.isdigit() and column in ("text", "latex")))
               for _, _, spec, conversion in parts):
            raise ValueError(f"column {column!r} of primitive {row.name!r} is no template: it can hold {{0}} and, in a "
                             f"text or LaTeX, {{0:2}} for brackets, not {template!r}")
        if any(not field.isdigit() or int(field) >= count for field in fields):
            slots = ", ".join(f"{{{i}}}" for i in range(count))
            raise ValueError(f"column {column!r} of primitive {row.name!r} may refer to {slots} only: {template!r}")
    for point in row.at:
        if len(point) != count:
            raise ValueError(f"column 'at' of primitive {row.name!r} needs {count} numbers a point, not {point!r}")
    if row.course and len(row.course) != count:
        raise ValueError(f"column 'course' of primitive {row.name!r} needs one text for each of {count} operands")
    for entry in row.shortcut:
        if not (isinstance(entry, tuple) and len(entry) == 3 and type(entry[0]) is int and 0 <= entry[0] < count):
            raise TypeError(f"column 'shortcut' of primitive {row.name!r} holds (position, condition, result) triples, "
                            f"not {entry!r}")
        if not (is_number(entry[1]) or entry[1] in (FACTOR, TRUE, NUMBER, NAN, NEGATION)):
            raise ValueError(f"column 'shortcut' of primitive {row.name!r} asks for a number or for one of "
                             f"{', '.join(map(repr, (FACTOR, TRUE, NUMBER, NAN, NEGATION)))}, not {entry[1]!r}")
        if BUILT_IN and not _is_outcome(entry[2], entry[1], count):
            raise ValueError(f"column 'shortcut' of primitive {row.name!r} can give an operand's position, a number "
                             f"or (a built-in row, positions), not {entry[2]!r}")


def _is_outcome(outcome: Any, condition: Any, count: int) -> bool:
    """Whether a shortcut can give that: an operand, a number, what is negated, or a built-in row of operands."""
    if type(outcome) is tuple and outcome and type(outcome[0]) is str:
        known = BUILT_IN.get(outcome[0])
        return known is not None and len(outcome) - 1 == len(known.partials) and \
            all(type(place) is int and 0 <= place < count for place in outcome[1:])
    if outcome == INNER:
        return condition == NEGATION
    return 0 <= outcome < count if type(outcome) is int else type(outcome) is float


def _module_of_the_caller() -> str:
    """The module that defines a row: the first one up the stack that is not of this package."""
    frame: Any = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("autograd_mini."):
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))
