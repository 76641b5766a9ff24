"""What each row of the table is in LLVM IR: the bits of the eager engine for arithmetic, sqrt, floor, choices.

`lower` writes one operation. A row that has no entry here, a user's own for one, is a call of its scalar routine for
each lane. Composite rows are written out in basic rows before they come here.

The product of the chain rule is 0 where a factor is 0 and the product is nan. Checking that costs more than the
product, so kernels over data are written with plain products, and nan in what they made is looked for once a block;
a block with a nan is computed again by a `careful` kernel. `watched` finds the products that need a check of their
own because a nan of theirs may vanish on the way to the results.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd_mini._body.body import Body, Operation
from autograd_mini.primitives import Primitive
from autograd_mini.program._llvm import exponential, special, trigonometric
from autograd_mini.program._llvm.engine import routine
from autograd_mini.program._llvm.ir import Code, Lanes, call_each, floor, select, sqrt

Step = tuple[Primitive, Sequence[int], int]
"""(row, operand slots, result slot)"""

Operand = Any
"""Lanes, or a float for a constant; at least one operand of an operation is Lanes."""


def _number(truth: Lanes) -> Lanes:
    result = select(truth, 1.0, 0.0)
    truth.code.truths[result.name] = truth.name
    return result


def _truth(number: Operand, code: Code) -> Lanes:
    number = _lanes(number, code)
    known = code.truths.get(number.name)
    return code.wrap(known, "b") if known else number.compare("une", 0.0)


def _lanes(operand: Operand, code: Code) -> Lanes:
    return operand if isinstance(operand, Lanes) else code.constant(operand)


def _pow(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes):
        a = _lanes(a, code)
        if b in (2.0, -1.0):
            return a * a if b == 2 else 1.0 / a
        return _outlined(code, "pow", special.general_pow, (a, code.constant(b)))
    a = _lanes(a, code)
    usual = _outlined(code, "pow", special.general_pow, (a, b))
    return select(b.same(2.0), a * a, select(b.same(-1.0), 1.0 / a, usual))


def _maximum(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes) and b == b:
        return select(a.compare("ugt", b), a, b)
    a = _lanes(a, code)
    return select((a > b) | a.is_nan(), a, b)


def _minimum(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes) and b == b:
        return select(a.compare("ult", b), a, b)
    a = _lanes(a, code)
    return select((a < b) | a.is_nan(), a, b)


def _chain(code: Code, g: Operand, d: Operand) -> Lanes:
    g, d = _lanes(g, code), _lanes(d, code)
    product = g * d
    if not code.careful:
        return product
    return select(product.is_nan() & (g.same(0.0) | d.same(0.0)), 0.0, product)


_DIRECT: dict[str, Callable[..., Lanes]] = {
    "add": lambda code, a, b: a + b,
    "sub": lambda code, a, b: a - b,
    "mul": lambda code, a, b: a * b,
    "div": lambda code, a, b: a / b,
    "neg": lambda code, a: -a,
    "square": lambda code, a: a * a,
    "reciprocal": lambda code, a: 1.0 / a,
    "sqrt": lambda code, a: sqrt(a),
    "abs": lambda code, a: abs(a),
    "floor": lambda code, a: floor(a),
    "sign": lambda code, a: select(a > 0.0, 1.0, select(a < 0.0, -1.0, select(a.same(0.0), 0.0, a))),
    "maximum": _maximum,
    "minimum": _minimum,
    "relu": lambda code, a: select(a.compare("ugt", 0.0), a, 0.0),
    "where": lambda code, c, a, b: select(_truth(c, code), _lanes(a, code), b),
    "less": lambda code, a, b: _number(_lanes(a, code) < b),
    "less_equal": lambda code, a, b: _number(_lanes(a, code) <= b),
    "equal": lambda code, a, b: _number(_lanes(a, code).same(b)),
    "chain": _chain,
    "defined": lambda code, y, p: select(_lanes(y, code).is_nan(), y, p),
    "away": lambda code, a: select(a.same(0.0), math.inf, a),
    "pow": _pow,
}

ELEMENTARY: dict[str, Callable[..., Lanes]] = {
    "exp": exponential.exp, "exp_below_zero": exponential.exp_below_zero, "expm1": exponential.expm1,
    "exp2": exponential.exp2, "ln": exponential.ln, "log1p": exponential.log1p,
    "log1p_below_one": exponential.log1p_below_one, "log2": exponential.log2, "log10": exponential.log10,
    "sinh": exponential.sinh, "cosh": exponential.cosh, "tanh": exponential.tanh,
    "asinh": exponential.asinh, "acosh": exponential.acosh, "atanh": exponential.atanh,
    "sin": trigonometric.sin, "cos": trigonometric.cos, "tan": trigonometric.tan,
    "asin": trigonometric.asin, "acos": trigonometric.acos, "atan": trigonometric.atan,
    "atan2": trigonometric.atan2, "hypot": trigonometric.hypot, "cbrt": trigonometric.cbrt,
    "erf": special.erf, "erfc": special.erfc,
}


def _special_row(name: str) -> Primitive:
    return Primitive(name, math.nan.__add__, (None,))


_BELOW_ZERO, _BELOW_ONE = _special_row("exp_below_zero"), _special_row("log1p_below_one")


def steps(body: Body) -> list[Step]:
    """The operations of a body, expanded, with their result slots.

    ln(1 + e^-|a|), which is in softplus, log_sigmoid and logaddexp, has functions of its own that need not look at
    operands that cannot come. What is used follows from the body alone, so that one row and many have the same bits.
    """
    made = dict(enumerate(body.operations, body.first_operation))
    found: list[Step] = []
    for slot, (row, operands) in made.items():
        if row.name == "exp" and _is(made, operands[0], "neg") and _is(made, made[operands[0]][1][0], "abs"):
            made[slot] = _BELOW_ZERO, operands
        elif row.name == "log1p" and _is(made, operands[0], _BELOW_ZERO.name):
            made[slot] = _BELOW_ONE, operands
        found.append((*made[slot], slot))
    return _late(found)


def _late(found: Sequence[Step]) -> list[Step]:
    """The same steps, each as short before its first use as can be: fewer numbers are alive at a time."""
    first_use: dict[int, int] = {}
    for place, (_, operands, _) in enumerate(found):
        for slot in operands:
            first_use.setdefault(slot, place)
    order = sorted(range(len(found)), key=lambda place: (first_use.get(found[place][2], place), place))
    return [found[place] for place in order]


def _is(made: dict[int, Operation], slot: int, name: str) -> bool:
    return slot in made and made[slot][0].name == name


def lower(code: Code, row: Primitive, operands: Sequence[Operand]) -> Lanes:
    """Write one operation and return its result."""
    if not any(isinstance(operand, Lanes) for operand in operands):
        operands = [_lanes(operand, code) for operand in operands]
    direct = _DIRECT.get(row.name)
    if direct is not None:
        return direct(code, *operands)
    lanes = [_lanes(operand, code) for operand in operands]
    elementary = ELEMENTARY.get(row.name)
    if elementary is None:
        return call_each(code, routine(row), lanes)
    return _outlined(code, row.name, elementary, lanes)


def _outlined(code: Code, name: str, elementary: Callable[..., Lanes], operands: Sequence[Lanes]) -> Lanes:
    """An elementary function: written in place, or as a call where that keeps a large graph's code small."""
    if code.inlines:
        return elementary(*operands)
    symbol, definition, declarations = _function(name, elementary, len(operands), code.lanes)
    code.declarations.update(declarations)
    code.declare(symbol, definition)
    kind = code.type("f")
    return code.wrap(code.value(f"call {kind} {symbol}({', '.join(f'{kind} {o.name}' for o in operands)})"))


@functools.lru_cache(maxsize=256)
def _function(name: str, elementary: Callable[..., Lanes], arity: int, lanes: int) -> tuple[str, str, dict[str, str]]:
    code = Code(lanes)
    kind, symbol = code.type("f"), f"@{name}.function{lanes}"
    result = elementary(*[code.wrap(f"%x{place}") for place in range(arity)])
    listed = ", ".join(f"{kind} %x{place}" for place in range(arity))
    text = "\n".join([f"define internal {kind} {symbol}({listed}) noinline {{", "entry:", *code.lines,
                      f"  ret {kind} {result.name}", "}"])
    return symbol, text, code.declarations


_PASSES_NAN_ON = {"add", "sub", "mul", "div", "neg", "square", "reciprocal", "sqrt", "abs", "floor", "sign", "maximum",
                  "minimum", "relu", "chain", "defined", "away"} | set(ELEMENTARY) - {"hypot"}


def watched(operations: Iterable[Step], outputs: Iterable[int]) -> list[int]:
    """Products of the chain rule of which a nan might not reach the outputs given.

    Operations come with operands before users.
    """
    visible = set(outputs)
    found: list[int] = []
    for row, operands, result in reversed(list(operations)):
        if row.name == "chain" and result not in visible:
            found.append(result)
            visible.add(result)
        if result in visible and row.name in _PASSES_NAN_ON:
            visible.update(operands)
    return found
