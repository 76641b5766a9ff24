"""The table read at any number of digits: the arbiter between an engine, a formula and a finite difference.

`Exact` is one more reading of the table, in mpmath. `replay` computes a recorded graph again with it, from the floats
in its leaves; `derivatives` goes backward through it. Both watch how rounding errors spread and raise the working
precision until every number asked for has its digits, so that `ln(1 - 1/(1 + exp(-800)))` comes out as -800 and not
as minus infinity.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from autograd_mini import primitives
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.primitives import Operators, Primitive, chain

LIMIT, SUM_LIMIT = 12_000, 600
"""Working digits at which a value, or a sum of derivatives, that has not settled is accepted, for a small graph.

Sums of derivatives often cancel altogether (a loss that does not change along a direction), hence the smaller limit.
"""

_BITS = math.log2(10)
_ANY_NUMBER = frozenset({"add", "sub", "mul", "neg", "square", "maximum", "minimum", "relu", "where", "less",
                         "less_equal", "equal", "sign", "chain", "defined", "away"})
_NEVER_ROUNDS = frozenset({"neg", "abs", "maximum", "minimum", "relu", "where", "less", "less_equal", "equal", "sign",
                           "floor", "defined", "away"})


def _quotient(m: Any, a: Any, b: Any) -> Any:
    return a / b if b else m.nan if a == 0 or a != a or b != b else m.inf * m.sign(a)


def _power(m: Any, a: Any, b: Any) -> Any:
    if b == 0 or a == 1:
        return m.one
    return _quotient(m, m.one, m.zero ** -b) if a == 0 and b < 0 else m.mpf(a) ** b


def _normal(m: Any, a: Any) -> Any:
    return m.erfc(m.mpf(-a) / m.sqrt(2)) / 2


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "div": _quotient, "pow": _power, "reciprocal": lambda m, a: _quotient(m, m.one, a),
    "cbrt": lambda m, a: m.sign(a) * m.cbrt(m.fabs(a)), "abs": lambda m, a: m.fabs(a),
    "log2": lambda m, a: m.ln(a) / m.ln(2), "log10": lambda m, a: m.ln(a) / m.ln(10),
    "norm_cdf": lambda m, a: m.mpf(_normal(context(2 * m.dps), a)),
    **{name: (lambda m, *operands, _name=name: getattr(m, _name)(*operands)) for name in (
        "exp", "expm1", "ln", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
        "tanh", "asinh", "acosh", "atanh", "floor", "hypot", "erf", "erfc")}}
"""The exact function of each basic row, given an mpmath context; other rows are read from their formula."""


class Exact(Operators):
    """A number of many digits, whose arithmetic never raises: outside a function's domain it is nan.

    >>> from autograd_mini.primitives import sigmoid
    >>> print(sigmoid(Exact(-800.0, digits=20)))
    3.6678745841776872135e-348

    `number` is any real number, a decimal text, or an mpf. Zero has no sign here, and infinity is the only overflow.
    """

    __slots__ = ("number",)

    def __init__(self, number: Any, digits: int = 50) -> None:
        self.number = context(digits).mpf(number)

    @classmethod
    def of(cls, number: Any) -> Exact:
        """An mpf as it is, with the precision of its context."""
        exact = cls.__new__(cls)
        exact.number = number
        return exact

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Exact:
        m = self.number.context
        return Exact.of(_value(m, primitive, [o.number if type(o) is Exact else m.mpf(o) for o in operands]))

    def __repr__(self) -> str:
        return str(self.number)


_contexts = threading.local()


def context(digits: int) -> Any:
    """The mpmath context of this thread with so many decimal digits: nobody else's precision is touched."""
    import mpmath

    known: dict[Any, Any] = _contexts.__dict__
    if digits not in known:
        known[digits] = mpmath.MPContext()
        known[digits].dps = digits
    return known[digits]


def _value(m: Any, primitive: Primitive, numbers: Sequence[Any]) -> Any:
    """A primitive of mpf numbers: real, or nan."""
    name = primitive.name
    if name in _ANY_NUMBER:
        return m.mpf(primitive.value(*numbers))
    if name not in _FUNCTIONS:
        return _by_formula(m, primitive, numbers)
    if any(number != number for number in numbers) and not (name == "pow" and (numbers[0] == 1 or numbers[1] == 0)):
        return m.nan
    try:
        result = _FUNCTIONS[name](m, *numbers)
    except (ValueError, ZeroDivisionError, OverflowError):
        return m.zero if name == "erfc" else m.nan  # erfc of a number beyond 1e300 is the one that overflows inward
    return result if isinstance(result, m.mpf) else m.nan


def _by_formula(m: Any, primitive: Primitive, numbers: Sequence[Any]) -> Any:
    """A composite row from its textbook form, with as many digits on the way as cancellation in it takes."""
    formula, bits = primitive.require("formula", "exact arithmetic"), m.prec
    working = m.dps + 10
    while True:
        wide = context(working)
        result = formula(*[Tracked(Exact.of(wide.mpf(number)), -math.inf) for number in numbers])
        missing = result.missing(bits)
        if missing <= 0 or working > LIMIT:
            return m.mpf(result.exact.number)
        working = more(working, missing)


def magnitude(number: Any) -> float:
    """log2 |number| of an mpf: -inf for 0, inf for an infinity, nan for nan."""
    _, mantissa, exponent, _ = number._mpf_
    if mantissa:
        return math.log2(mantissa) + float(max(min(exponent, 10**300), -10**300))
    return -math.inf if number == 0 else math.inf if number == number else math.nan


def add_magnitudes(a: float, b: float) -> float:
    """log2(2^a + 2^b)."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf or high == math.inf else high + math.log2(1 + 2 ** max(low - high, -60.0))


def missing_bits(size: float, error: float, bits: float) -> float:
    """How many bits of working precision a number of that log2 size and error lacks to have so many correct bits."""
    if error == -math.inf or size != size or size == math.inf:
        return 0.0
    return math.inf if size == -math.inf else error + bits - size


def more(working: int, missing: float) -> int:
    """The next working precision: what is missing and a little, or double where that is unknown."""
    return 2 * working if missing == math.inf else working + math.ceil(missing / _BITS) + 10


class Tracked(Operators):
    """An exact number with log2 of a bound for the rounding error it has inherited; to first order."""

    __slots__ = ("error", "exact")

    def __init__(self, exact: Exact, error: float) -> None:
        self.exact, self.error = exact, error

    def missing(self, bits: float) -> float:
        """Bits of working precision that this number lacks; 0 or less where it has settled."""
        return missing_bits(magnitude(self.exact.number), self.error, bits)

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Tracked:
        m = self.exact.number.context
        parts = [o if type(o) is Tracked else Tracked(Exact.of(m.mpf(o)), -math.inf) for o in operands]
        numbers = [part.exact.number for part in parts]
        result = Exact.of(_value(m, primitive, numbers))
        error = -math.inf
        for part, rule in zip(parts, primitive.partials):
            if rule is not None and part.error > -math.inf:
                local = magnitude(_number(m, rule(result, *[p.exact for p in parts])))
                error = add_magnitudes(error, local + part.error if local > -math.inf else -math.inf)
        if error > -math.inf or not _is_exact(m, primitive.name, result.number, numbers):
            error = add_magnitudes(error, magnitude(result.number) - m.prec)
        return Tracked(result, error)


def _is_exact(m: Any, name: str, result: Any, numbers: Sequence[Any]) -> bool:
    """Whether this result of exact operands certainly needed no rounding."""
    if name in _NEVER_ROUNDS or result == 0:
        return True
    if name in ("add", "sub"):
        a, b = numbers[0], numbers[1] if name == "add" else -numbers[1]
        return bool(result - a == b and result - b == a)
    if name in ("mul", "square", "chain"):
        return numbers[0]._mpf_[3] + numbers[-1]._mpf_[3] <= m.prec
    if name == "pow" and numbers[1] >= 0 and numbers[1] == int(numbers[1]):
        return numbers[0]._mpf_[3] * int(numbers[1]) <= m.prec
    return False


def _number(m: Any, result: Any) -> Any:
    return result.number if type(result) is Exact else m.mpf(result)


def replay(roots: Any, digits: int = 50, at: Optional[Mapping[int, Any]] = None) -> dict[int, Any]:
    """Every node that the roots (a node or several) reach, computed again from the leaves: {id(node): mpf}.

    Each number is correct to `digits` digits, however much cancels on the way; one that is still undecided at `LIMIT`
    digits (as sqrt(2)**2 - 2 is) is taken as it is. `at` gives nodes, by their id, other numbers than they have: leaves
    to move, or inner nodes to cut the graph at.

    >>> from autograd_mini import Value
    >>> x = Value(1e-20); y = (1 + x) - 1
    >>> y.data, replay(y)[id(y)] == x.data
    (0.0, True)
    """
    order = topological_order(*_as_tuple(roots))
    forward = _settled(order, digits, lambda m: _forward(m, order, at or {}))
    return {key: _plain(tracked.exact.number) for key, tracked in forward.items()}


def derivatives(root: Any, digits: int = 50, by: str = "differences", at: Optional[Mapping[int, Any]] = None,
                limits: tuple[int, int] = (LIMIT, SUM_LIMIT)) -> dict[int, Any]:
    """The derivative of root by every node it depends on, to `digits` digits: {id(node): mpf}.

    by="differences" takes each local derivative from central differences of the exact function at three times the
    digits, and asks the table's rule only where the function has a kink or an end there, so that a rule is checked by
    something that does not know it. by="rules" takes the rules themselves, whose constants have the digits of a float.
    `limits` are the most working digits that a value and a sum of derivatives are given.
    """
    if by not in ("differences", "rules"):
        raise ValueError(f"derivatives are taken by 'differences' or by 'rules', not by {by!r}")
    order = topological_order(root)

    def sweep(m: Any) -> dict[Any, Tracked]:
        forward = _forward(m, order, at or {})
        backward = _backward(m, root, order, forward, at or {}, by == "differences")
        return {**forward, **{("by", key): tracked for key, tracked in backward.items()}}

    settled = _settled(order, digits, sweep, limits)
    return {id(node): _plain(settled["by", id(node)].exact.number) for node in order}


def difference(root: Any, node: Any, digits: int = 50) -> Any:
    """The derivative of root by one node, leaf or inner, as a central difference of the whole replayed function.

    It uses no rule of the table and no chain rule. Where the function has a kink at the point, it is the mean of the
    derivatives from both sides.
    """
    m = context(3 * digits + 20)
    centre = m.mpf(replay(node, digits)[id(node)] if node.operands else node.data)
    step = m.mpf(10) ** -digits * (min(m.fabs(centre), m.one) or m.one)
    above, below = (m.mpf(replay(root, 3 * digits, {id(node): centre + move})[id(root)]) for move in (step, -step))
    return _plain(context(digits).mpf((above - below) / (2 * step)))


def _as_tuple(roots: Any) -> tuple[Any, ...]:
    return tuple(roots) if isinstance(roots, (list, tuple)) else (roots,)


def _plain(number: Any) -> Any:
    """An mpf of mpmath's own context with all its digits."""
    import mpmath

    return mpmath.mp.make_mpf(number._mpf_)


def _settled(order: Sequence[Any], digits: int, sweep: Callable[[Any], dict[Any, Tracked]],
             limits: tuple[int, int] = (LIMIT, SUM_LIMIT)) -> dict[Any, Tracked]:
    """The sweep at the first working precision at which every number has its digits, or at the limit."""
    working, limit = digits + 10, max(digits + 10, min(limits[0], max(800, 2_000_000 // max(len(order), 1))))
    sums, values = max(digits + 10, min(limit, limits[1])), {id(node) for node in order}
    while True:
        results = sweep(context(working))
        lacking = {key: tracked.missing(digits * _BITS) for key, tracked in results.items()}
        open_ = [bits for key, bits in lacking.items() if working < (limit if key in values else sums)]
        missing = max(open_, default=0.0)
        if missing <= 0:
            return results
        working = min(more(working, missing), limit)


def _forward(m: Any, order: Sequence[Any], at: Mapping[int, Any]) -> dict[int, Tracked]:
    values: dict[int, Tracked] = {}
    for node in order:
        if id(node) in at or not node.operands:
            values[id(node)] = Tracked(Exact.of(m.mpf(at.get(id(node), node.data))), -math.inf)
        else:
            operands = [values[id(o)] if is_node(o) else Tracked(Exact.of(m.mpf(o)), -math.inf) for o in node.operands]
            values[id(node)] = operands[0].apply(node.operation, operands)
    return values


def _backward(m: Any, root: Any, order: Sequence[Any], forward: Mapping[int, Tracked],
              at: Mapping[int, Any], by_differences: bool) -> dict[int, Tracked]:
    """The derivative of root by every node, in the order of `Value.backward`, with error bounds."""
    totals: dict[int, Tracked] = {id(node): Tracked(Exact.of(m.zero), -math.inf) for node in order}
    totals[id(root)] = Tracked(Exact.of(m.one), -math.inf)
    for node in reversed(order):
        total = totals[id(node)]
        if not node.operands or id(node) in at or (total.exact.number == 0 and total.error == -math.inf):
            continue
        result = forward[id(node)].exact
        operands = [forward[id(o)].exact if is_node(o) else Exact.of(m.mpf(o)) for o in node.operands]
        for position, operand in enumerate(node.operands):
            if not is_node(operand) or node.operation.partials[position] is None:
                continue
            local = partial(node.operation, position, result, operands, by_differences)
            share = chain.value(total.exact.number, local)
            size, is_unit = magnitude(local), local in (0, 1, -1)
            error = size + total.error if total.error > -math.inf and size > -math.inf else -math.inf
            if not is_unit:
                error = add_magnitudes(error, magnitude(share) - m.prec + 4)
            earlier = totals[id(operand)]
            totals[id(operand)] = Tracked(Exact.of(earlier.exact.number + share), add_magnitudes(earlier.error, error))
    return totals


def partial(primitive: Primitive, position: int, result: Exact, operands: Sequence[Exact], by_differences: bool) -> Any:
    """The local derivative of a primitive by one operand, as an mpf of the operands' precision."""
    m = result.number.context
    if by_differences and primitive.name not in primitives.HELPERS:
        difference = _difference(m, primitive, position, [operand.number for operand in operands])
        if difference is not None:
            return difference
    rule: Any = primitive.partials[position]
    return _number(m, rule(result, *operands))
def _difference(m: Any, primitive: Primitive, position: int, numbers: Sequence[Any]) -> Optional[Any]:
    """A central difference at three times the digits, or None where one-sided differences do not agree."""
    centre: Union[Any, float] = numbers[position]
    if not all(m.isfinite(number) for number in numbers):
        return None
    sizes = [*map(magnitude, filter(None, numbers)), 0.0]
    if max(sizes) - min(sizes) > LIMIT * _BITS:
        return None
    wide = context(3 * m.dps + math.ceil((max(sizes) - min(sizes)) / _BITS))
    step = wide.mpf(10) ** -m.dps * (min(wide.fabs(centre), wide.one) or wide.one)

    def moved(multiple: int) -> Any:
        shifted = [wide.mpf(number) for number in numbers]
        shifted[position] += multiple * step
        return _value(wide, primitive, shifted)

    below, here, above, far = map(moved, (-1, 0, 1, 2))
    central, tolerance = (above - below) / (2 * step), wide.mpf(10) ** -(m.dps // 2)
    one_sided = (here - below) / step, (above - here) / step, (far - here) / (2 * step)
    agree = central != 0 and all(wide.fabs(slope - central) <= tolerance * wide.fabs(central) for slope in one_sided)
    return m.mpf(central) if agree else None
