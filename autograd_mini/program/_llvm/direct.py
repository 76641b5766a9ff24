"""Arithmetic, choices and powers over lanes: what takes constants as they are, or looks at what it is written in.

The bits are those of the eager engine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini.program._llvm import exponential, special
from autograd_mini.program._llvm.engine import library_power
from autograd_mini.program._llvm.ir import Code, Lanes, call_each, floor as _floor, select, sqrt as _sqrt

Operand = Any
"""Lanes, or a float for a constant; at least one operand of an operation is Lanes."""


FUNCTION = ".function"
"""What the symbol of an elementary function of our own has between its name and the number of lanes."""


def _number(truth: Lanes) -> Lanes:
    result = select(truth, 1.0, 0.0)
    truth.code.truths[result.name] = truth.name
    return result


def _truth(number: Operand, code: Code) -> Lanes:
    number = lanes(number, code)
    known = code.truths.get(number.name)
    return code.wrap(known, "b") if known else number.compare("une", 0.0)


def lanes(operand: Operand, code: Code) -> Lanes:
    return operand if isinstance(operand, Lanes) else code.constant(operand)


def power(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes):
        a = lanes(a, code)
        product = _PRODUCTS.get(b)
        return product(a) if product else _usual_power(code, a, code.constant(b))
    a = lanes(a, code)
    result = _usual_power(code, a, b)
    for exponent, product in _PRODUCTS.items():
        result = select(b.same(exponent), product(a), result)
    return result


_PRODUCTS: dict[float, Callable[[Lanes], Lanes]] = {
    2.0: lambda a: a * a, 3.0: lambda a: a * a * a, 4.0: lambda a: (a * a) * (a * a), -1.0: lambda a: 1.0 / a}


def _usual_power(code: Code, a: Lanes, b: Lanes) -> Lanes:
    if code.library:
        return call_each(code, library_power(), [a, b])
    return outlined(code, "pow", special.general_pow, (a, b))


def maximum(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes) and b == b:
        return select(a.compare("ugt", b), a, b)
    a = lanes(a, code)
    return select((a > b) | a.is_nan(), a, b)


def minimum(code: Code, a: Operand, b: Operand) -> Lanes:
    if not isinstance(b, Lanes) and b == b:
        return select(a.compare("ult", b), a, b)
    a = lanes(a, code)
    return select((a < b) | a.is_nan(), a, b)


def chain(code: Code, g: Operand, d: Operand) -> Lanes:
    g, d = lanes(g, code), lanes(d, code)
    product = g * d
    if not code.careful:
        return product
    return select(product.is_nan() & (g.same(0.0) | d.same(0.0)), 0.0, product)


chain.hides_nan = False  # type: ignore[attr-defined]
"""The row gives 0 for 0 times nan, what is written here nan: it is looked for afterwards."""


def outlined(code: Code, name: str, elementary: Callable[..., Lanes], operands: Sequence[Lanes]) -> Lanes:
    """An elementary function: written in place, or as a call where it is used often."""
    if code.called is not None and name not in code.called:
        return elementary(*operands)
    symbol, definition, declarations = _function(name, elementary, len(operands), code.lanes)
    code.declarations.update(declarations)
    code.declare(symbol, definition)
    kind = code.type("f")
    return code.wrap(code.value(f"call {kind} {symbol}({', '.join(f'{kind} {o.name}' for o in operands)})"))


@functools.lru_cache(maxsize=256)
def _function(name: str, elementary: Callable[..., Lanes], arity: int, lanes: int) -> tuple[str, str, dict[str, str]]:
    code = Code(lanes)
    kind, symbol = code.type("f"), f"@{name}{FUNCTION}{lanes}"
    result = elementary(*[code.wrap(f"%x{place}") for place in range(arity)])
    listed = ", ".join(f"{kind} %x{place}" for place in range(arity))
    text = "\n".join([f"define internal {kind} {symbol}({listed}) noinline {{", "entry:", *code.lines,
                      f"  ret {kind} {result.name}", "}"])
    return symbol, text, code.declarations


def log1p_decay(code: Code, a: Lanes) -> Lanes:
    return outlined(code, "log1p_fraction", exponential.log1p_fraction, [decay(code, a)])


def decay(code: Code, a: Lanes) -> Lanes:
    """exp(-|a|), once for each operand: softplus and sigmoid both have it."""
    if a.name not in code.decays:
        code.decays[a.name] = outlined(code, "decay", exponential.decay, [a])
    return code.decays[a.name]


def where(code: Code, c: Operand, a: Operand, b: Operand) -> Lanes:
    return select(_truth(c, code), lanes(a, code), b)


def relu(code: Code, a: Lanes) -> Lanes:
    return select(a.compare("ugt", 0.0), a, 0.0)


def sign(code: Code, a: Lanes) -> Lanes:
    return select(a > 0.0, 1.0, select(a < 0.0, -1.0, select(a.same(0.0), 0.0, a)))


def add(code: Code, a: Operand, b: Operand) -> Lanes: return a + b
def sub(code: Code, a: Operand, b: Operand) -> Lanes: return a - b
def mul(code: Code, a: Operand, b: Operand) -> Lanes: return a * b
def div(code: Code, a: Operand, b: Operand) -> Lanes: return a / b
def neg(code: Code, a: Lanes) -> Lanes: return -a
def square(code: Code, a: Lanes) -> Lanes: return a * a
def reciprocal(code: Code, a: Lanes) -> Lanes: return 1.0 / a
def sqrt(code: Code, a: Lanes) -> Lanes: return _sqrt(a)
def absolute(code: Code, a: Lanes) -> Lanes: return abs(a)
def floor(code: Code, a: Lanes) -> Lanes: return _floor(a)
def less(code: Code, a: Operand, b: Operand) -> Lanes: return _number(lanes(a, code) < b)
def less_equal(code: Code, a: Operand, b: Operand) -> Lanes: return _number(lanes(a, code) <= b)
def equal(code: Code, a: Operand, b: Operand) -> Lanes: return _number(lanes(a, code).same(b))
def defined(code: Code, y: Operand, p: Operand) -> Lanes: return select(lanes(y, code).is_nan(), y, p)
def away(code: Code, a: Lanes) -> Lanes: return select(a.same(0.0), math.inf, a)
