"""The expression language: one line of arithmetic as text, read over floats, Values or any reading of the table.

The grammar is Python's own, parsed by `ast` and never evaluated by Python: numbers, names, `+ - * / // % **`,
comparisons, `a if c else b`, and a call of any function of the table. Each becomes the row of that meaning, so an
expression gives the same number, and the same graph, as the code it looks like. Nothing else is let in: no attribute,
index or import.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from typing import Any, Callable, Iterator, Mapping, NoReturn, Optional, Sequence

from autograd_mini._core.errors import ExpressionError
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import functions
from autograd_mini.primitives import lookup

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
ALIASES = {"log": "ln", "max": "maximum", "min": "minimum"}
LONGEST = 20_000
"""Characters of one expression, and of one definition."""
LONGEST_SOURCE = 1_000_000
"""Characters of a source with all its definitions."""
_BY_HAND = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "−": "-", "–": "-", "—": "-",
                          "≤": "<=", "≥": ">=", "≠": "!="})
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_ROOT = re.compile(r"√\s*(?:(?=\()|([\w.]+))")
_ADJACENT = re.compile(r"((?<![\w.])(?:\d+(?:\.\d*)?|\.\d+)|\))\s*"
                       r"(?!(?:if|else|and|or|in|is|not|e\d)\b)([^\W\d]\w*|\()")
_BARE = re.compile(r"([^\W\d]\w*)\s+([^\W\d]\w*|\d+(?:\.\d+)?)")
_BETWEEN_BARS = re.compile(r"\|([^|]+)\|")
_COMMENT = re.compile(r"(?m)^[^\S\n]*#.*\n?")
_DEFINITION = re.compile(r"(?:^|(?<=[;\n]))[^\S\n]*([^\W\d]\w*)[^\S\n]*=(?!=)\s*([^;\n]*)")

_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
           ast.Mod: "mod", ast.FloorDiv: "floordiv"}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt:    functions["less"],
    ast.LtE:   functions["less_equal"],
    ast.Gt:    lambda a, b: functions["less"](b, a),
    ast.GtE:   lambda a, b: functions["less_equal"](b, a),
    ast.Eq:    functions["equal"],
    ast.NotEq: lambda a, b: functions["sub"](1.0, functions["equal"](a, b)),
}
_OUTSIDE = {
    ast.BoolOp: "'and' and 'or' are not part of the language: multiply comparisons, or take their maximum",
    ast.Not: "'not' is not part of the language: write 1 - condition",
    ast.BitXor: "'^' is not part of the language: write ** for a power",
    ast.Attribute: "an attribute is not part of the language: write a function as exp(x)",
    ast.Subscript: "an index is not part of the language: give each element a name of its own",
    ast.Tuple: "a list of expressions is not an expression: give one at a time",
    ast.Lambda: "a lambda is not part of the language: write the expression itself",
}
_UNKNOWN = "this is not part of the language: it has numbers, names, + - * / // % **, comparisons, a if c else b, calls"


def evaluate(source: str, variables: Optional[Mapping[str, Any]] = None) -> Any:
    """The value of an expression: a float where every variable is a number, a Value where one is a Value.

    Variables may be numbers, Values, arrays, or any other reading of the table (`primitives.Operators`). A variable
    may hide the constants pi, e, inf and nan. Depth costs memory, not stack.

    >>> evaluate("sigmoid(w*x + b) if x > 0 else -x ** 2", {"w": 1.0, "x": 3.0, "b": -3.0})
    0.5

    Parts may be defined first, one on each line or before a semicolon, as `render.text` writes them; lines that begin
    with # are comments.

    >>> evaluate("t = exp(-x); t / (1 + t)", {"x": 0.0})
    0.5

    Raises ExpressionError for what is not an expression, or names something unknown.
    """
    known = {**CONSTANTS, **(variables or {})}
    met = {id(value) for value in known.values()}
    for name, definition in _statements(source):
        result = _evaluate(definition, known)
        if name and is_value(result) and id(result) not in met:
            result.name = name  # so that texts and drawings call the part what the expression calls it
            met.add(id(result))
        known[name] = result
    return known[""]


def plain(source: str) -> str:
    """An expression as it is written by hand in the signs of the language: 2×x², （a−y）÷3, x·y, √(x).

    >>> plain("（a−y）×x²"), plain("√2·x⁻¹")
    ('(a-y)*x**2', 'sqrt(2)*x**(-1)')
    """
    powers = _RAISED.sub(_power, source)  # before NFKC, which makes x² the name x2
    signs = unicodedata.normalize("NFKC", powers.translate(_BY_HAND))
    return _ROOT.sub(lambda root: f"sqrt({root[1]})" if root[1] else "sqrt", signs)


def _power(raised: re.Match[str]) -> str:
    exponent = unicodedata.normalize("NFKC", raised[0]).replace("−", "-")
    return f"**{exponent}" if exponent.isalnum() else f"**({exponent})"


def _statements(source: str) -> list[tuple[str, str]]:
    """The definitions of a source with their names, and behind them the expression, under an empty name."""
    if isinstance(source, str):
        if len(source) > LONGEST_SOURCE:
            raise ExpressionError(f"the text has {len(source)} characters, more than {LONGEST_SOURCE}: "
                                  "build it in Python")
        source = _COMMENT.sub("", plain(source))
    if not isinstance(source, str) or not _DEFINITION.search(source):
        return [("", source)]
    lines = [line for line in re.split(r"[;\n]", source) if line.strip()]
    parts = [(line, _DEFINITION.match(line)) for line in lines]
    for line, part in parts[:-1]:
        if part is None:
            raise ExpressionError("a line before the last one defines a name, such as t = exp(-x)", line.strip())
    found = [(part[1] if part else "", part[2] if part else line) for line, part in parts]
    return [*found, ("", found[-1][0])] if found[-1][0] else found  # L = ... at the end: L is the expression


def _evaluate(source: str, known: Mapping[str, Any]) -> Any:
    source, tree = _parse(source)
    results: list[Any] = []
    for node in _operands_first(source, tree):
        if isinstance(node, ast.Name):
            if node.id not in known:
                _reject(f"{node.id!r} has no value", source, node, _suggestion(node.id, known))
            results.append(known[node.id])
        elif isinstance(node, ast.Constant):
            results.append(_number(source, node))
        else:
            function, operands = _reading(source, node)
            first = len(results) - len(operands)
            results[first:] = [function(*results[first:])]
    return results[0]


def names(source: str) -> list[str]:
    """The free variables of an expression, each once, in the order in which they are read.

    >>> names("y*ln(a) + (1 - y)*ln(1 - a) + pi")
    ['y', 'a']

    Raises ExpressionError for what is not an expression.
    """
    free: dict[str, None] = {}
    defined = set(CONSTANTS)
    for name, definition in _statements(source):
        found = [node for node in _operands_first(*_parse(definition)) if isinstance(node, ast.Name)]
        found.sort(key=lambda node: node.col_offset)
        free.update(dict.fromkeys(node.id for node in found if node.id not in defined))
        defined.add(name)
    return list(free)


def _parse(source: str) -> tuple[str, ast.expr]:
    if not isinstance(source, str):
        raise TypeError(f"an expression is a text, not {type(source).__name__}")
    source = " ".join(source.split())
    if not source:
        raise ExpressionError("the expression is empty: write something like x**2 + 1")
    if len(source) > LONGEST:
        raise ExpressionError(f"the expression has {len(source)} characters, more than {LONGEST}: build it in Python")
    if "#" in source:
        raise ExpressionError("a comment is not part of the language", source, source.index("#"))
    try:
        return source, ast.parse(source, mode="eval").body
    except SyntaxError as error:
        position = error.offset - 1 if error.offset else len(source)  # no offset: it ends too early
        unsigned = _ADJACENT.search(source)
        if unsigned:
            product = f"{unsigned[1]}*{unsigned[2]}".replace(")*", "(...)*").replace("*(", "*(...)")
            raise ExpressionError(f"a product needs its sign: write {product}", source, unsigned.start(2)) from None
        bare = next((found for found in _BARE.finditer(source) if found[1] in functions or found[1] in ALIASES), None)
        if bare:
            raise ExpressionError(f"a function takes brackets: write {bare[1]}({bare[2]})",
                                  source, bare.start(1)) from None
        bars = _BETWEEN_BARS.search(source)
        if bars:
            raise ExpressionError(f"the absolute value is abs: write abs({bars[1].strip()})",
                                  source, bars.start()) from None
        message = error.msg.partition(": ")[0]
        raise ExpressionError(f"this is not an expression: {message}", source, position) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply: build it in Python", source) from None
    except ValueError as error:
        raise ExpressionError(f"this is not an expression: {error}", source) from None


def _operands_first(source: str, tree: ast.expr) -> Iterator[ast.expr]:
    """Every node of the expression behind its operands; anything that is not part of the language is an error."""
    pending: list[tuple[ast.expr, bool]] = [(tree, False)]
    while pending:
        node, finished = pending.pop()
        if finished or isinstance(node, ast.Constant):
            yield node
        elif isinstance(node, ast.Name):
            if node.id in functions or node.id in ALIASES:
                _reject(f"{node.id!r} is a function: write {node.id}(...)", source, node)
            yield node
        else:
            pending.append((node, True))
            pending.extend((operand, False) for operand in reversed(_reading(source, node)[1]))


def _reading(source: str, node: ast.expr) -> tuple[Callable[..., Any], Sequence[ast.expr]]:
    """What an operation means as a function of the table, and its operands."""
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return functions[_BINARY[type(node.op)]], (node.left, node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return functions["neg"] if isinstance(node.op, ast.USub) else lambda a: a, (node.operand,)
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
        steps = [_COMPARISONS[type(op)] for op in node.ops]
        return lambda *operands: _all(steps, operands), (node.left, *node.comparators)
    if isinstance(node, ast.IfExp):
        return lambda a, c, b: functions["where"](c, a, b), (node.body, node.test, node.orelse)
    if isinstance(node, ast.Call):
        return _called(source, node), node.args
    kind = type(node.op) if isinstance(node, (ast.BinOp, ast.UnaryOp)) else type(node)
    _reject(_OUTSIDE.get(kind, _UNKNOWN), source, node)


def _all(steps: Sequence[Callable[[Any, Any], Any]], operands: Sequence[Any]) -> Any:
    """a < b < c: the product of its comparisons, each 0 or 1."""
    result = steps[0](operands[0], operands[1])
    for step, a, b in zip(steps[1:], operands[1:], operands[2:]):
        result = functions["mul"](result, step(a, b))
    return result


def _called(source: str, node: ast.Call) -> Callable[..., Any]:
    if not isinstance(node.func, ast.Name):
        message = "only a function can be called: a product needs its sign, as in 2*(x + 1)"
        _reject(_OUTSIDE.get(type(node.func), message), source, node)
    name = node.func.id
    if name not in functions and name not in ALIASES:
        advice = _suggestion(name, {**functions, **ALIASES}) or f"a product needs its sign, {name}*(...)"
        _reject(f"no function is called {name!r}", source, node, advice)
    row = lookup(ALIASES.get(name, name))
    arity = len(row.partials)
    if node.keywords or any(isinstance(operand, ast.Starred) for operand in node.args):
        _reject(f"{name} takes its operands by position, such as {name}({', '.join('abc'[:arity])})", source, node)
    if len(node.args) != arity:
        _reject(f"{name} takes {arity} operand{'s' * (arity > 1)}, not {len(node.args)}", source, node)
    return functions[row.name]


def _number(source: str, node: ast.Constant) -> float:
    if type(node.value) not in (int, float):
        _reject(f"{node.value!r} is not a real number", source, node)
    try:
        return float(node.value)  # type: ignore[arg-type]
    except OverflowError:
        _reject("this number is beyond the range of float64 (about 1.8e308)", source, node)


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    if name == "lg":
        return "write log10(x) for the logarithm to base 10; ln(x), and log(x) too, is the natural one"
    import difflib

    close = difflib.get_close_matches(name, known, n=1) if len(name) < 50 and len(known) < 1000 else []
    if close:
        return f"did you mean {close[0]!r}?"
    given = [key for key in known if key not in CONSTANTS and key not in functions and key not in ALIASES]
    return f"known names are {', '.join(given)}" if 0 < len(given) <= 8 else ""


def _reject(message: str, source: str, node: ast.expr, advice: str = "") -> NoReturn:
    position = len(source.encode()[:node.col_offset].decode(errors="replace"))
    raise ExpressionError(f"{message}: {advice}" if advice else message, source, position)
