"""`bound`: how far rounding can carry a function and its derivatives, proven for every point of a box.

Every operation is widened by its own rounding, so balls hold whatever the engine can compute; by the mean value
theorem the error of the result is at most the sum, over all operations, of the slope over those balls times the
rounding made there. The box is bisected where that sum is largest, until it is known to a few percent. (A. Solovyev
et al., Rigorous Estimation of Floating-Point Round-off Errors with Symbolic Taylor Expansions, TOPLAS 2018.)
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from autograd_mini._body.calculus import gradient
from autograd_mini._core import sweep
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini._core.kinds import ByNode, Loss
from autograd_mini.explain._ball import Ball, applied, flint, local, precision
from autograd_mini.explain._check import recorded
from autograd_mini.explain._patience import Patience
from autograd_mini.primitives import Primitive

Interval = tuple[float, float]

SHARP = 1.05
"""A bound is sharp when it is no more than this times what the same sum is at some point of the box."""

SMALLEST = 2.0 ** -10
"""A box is not bisected into smaller parts of its sides: there the bound jumps, at a power of two or a branch."""

_BITS = 80
_LARGEST = 1.7976931348623157e308


class Bound(NamedTuple):
    """Proven bounds of rounding errors over a box: of the value, and of each derivative by its name.

    `sharp` says whether they are all within 5 % of what this method would prove for a single point of the box; inf
    stands where nothing could be proven, as near a pole.
    """

    value: float
    slopes: dict[str, float]
    sharp: bool

    def __str__(self) -> str:
        lines = [f"value: off by at most {self.value:.3g}"]
        lines += [f"derivative by {name}: off by at most {error:.3g}" for name, error in self.slopes.items()]
        return "\n".join(lines + ([] if self.sharp else ["smaller bounds may hold"]))


def bound(f: Loss, box: ByNode[Interval], seconds: float = 10.0, rounded_inputs: bool = False) -> Bound:
    """A proven bound of the rounding error of f, and of each of its derivatives, over a box.

    f               a Value, or a function of numbers, which is recorded and may not branch on data
    box             {leaf, or its name: (low, high)}; other leaves stay at their number
    seconds         after which, or at Ctrl-C, bisection ends, for the value and all derivatives together
    rounded_inputs  whether the inputs are real numbers that were rounded to floats, rather than floats

    Where a rounded operand of a comparison may flip a branch, the jump between the branches is part of the bound.

    >>> errors = bound(lambda x, y: x * y + x, {"x": (1.0, 2.0), "y": (0.0, 1.0)})
    >>> f"{errors.value:.2g}"
    '6.7e-16'

    Raises ValueError for a name that f does not depend on or an interval that is none, ImportError without the extra
    `symbolic`.
    """
    root: Any = f if hasattr(f, "operands") else recorded(f, None, box)
    leaves = [node for node in topological_order(root) if not node.operands]
    named = {node.name: node for node in leaves if node.name}
    sides: dict[int, Interval] = {}
    for key, (low, high) in box.items():
        node = named.get(key) if isinstance(key, str) else key
        if node is None or all(node is not leaf for leaf in leaves):
            raise ValueError(f"the result does not depend on {key!r}: it does on {', '.join(named)}")
        if not -_LARGEST <= low <= high <= _LARGEST:
            raise ValueError(f"{key!r} needs an interval (low, high) of finite numbers, not {(low, high)!r}")
        sides[id(node)] = (float(low), float(high))
    inputs = [node for node in leaves if id(node) in sides]
    results = [root, *gradient(root, inputs)]
    share = seconds / len(results)
    patience = Patience("bounding", "box", seconds)
    found = [_search(result, sides, share, rounded_inputs, patience) for result in results]
    names = [node.name or f"an input in {sides[id(node)]}" for node in inputs]
    return Bound(found[0][0], dict(zip(names, [error for error, _ in found[1:]])), all(sharp for _, sharp in found))


def _search(root: Any, sides: Mapping[int, Interval], seconds: float, rounded_inputs: bool,
            patience: Patience) -> tuple[float, bool]:
    """The largest error over a box, by bisecting where the bound is largest; and whether it is sharp."""
    order, number = topological_order(root), itertools.count()
    end = patience.ends_before(time.monotonic() + seconds)

    def error(part: Mapping[int, Interval]) -> float:
        return _error(root, order, part, rounded_inputs)

    reached = 0.0
    with precision(_BITS):
        parts: list[tuple[float, int, dict[int, Interval]]] = [(-error(sides), next(number), dict(sides))]
        last = parts[:]
        with patience:
            while time.monotonic() < end:
                worst, _, part = parts[0]
                middle = {key: (low / 2 + high / 2,) * 2 for key, (low, high) in part.items()}
                reached = max(reached, error(middle))
                widest = max(part, key=lambda key: _share(part[key], sides[key]), default=None)
                if -worst <= SHARP * reached or widest is None or _share(part[widest], sides[widest]) < SMALLEST:
                    break
                low, high = part[widest]
                halves = [{**part, widest: half} for half in ((low, middle[widest][0]), (middle[widest][0], high))]
                last = [(-error(half), next(number), half) for half in halves]
                heapq.heapreplace(parts, last[0])
                heapq.heappush(parts, last[1])
                patience.update()
    worst = -min(parts[0], *last)[0]  # Ctrl-C may have come between the two
    return worst, worst <= SHARP * reached


def _share(part: Interval, whole: Interval) -> float:
    return (part[1] - part[0]) / (whole[1] - whole[0]) if whole[1] > whole[0] else 0.0


def _error(root: Any, order: Sequence[Any], sides: Mapping[int, Interval], rounded_inputs: bool) -> float:
    """The sum of slope times rounding over all operations, over one box."""
    values: dict[int, Ball] = {}
    roundings: dict[int, float] = {}
    uncertain: dict[int, bool] = {}
    for node in order:
        key = id(node)
        if not node.operands:
            low, high = sides.get(key, (node.data, node.data))
            exact = Ball(flint.arb(low).union(flint.arb(high)) if low < high else flint.arb(low))
            roundings[key] = math.ulp(max(abs(low), abs(high))) / 2 if rounded_inputs and key in sides else 0.0
        else:
            operands = [values[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
            exact = Ball(applied(node.operation, [operand.number for operand in operands]))
            flips = [is_node(o) and uncertain[id(o)] for o in node.operands]
            roundings[key] = _rounding(node.operation, node.operands, operands, flips, exact)
        if exact.is_special() or not exact.number.is_finite() or math.isinf(roundings[key]):
            return math.inf
        uncertain[key] = roundings[key] > 0 or any(is_node(o) and uncertain[id(o)] for o in node.operands)
        values[key] = Ball(exact.number + flint.arb(0, roundings[key])) if roundings[key] else exact
    totals = sweep.pull(reversed(order), _edges, {root: Ball(flint.arb(1))},
                        lambda total, node, position: _part(total, node, position, values))
    error = flint.arb(0)
    for node in order:
        if node in totals and roundings[id(node)]:
            error += totals[node].number.abs_upper() * flint.arb(roundings[id(node)])
    if not error.is_finite():
        return math.inf
    return 0.0 if error.is_zero() else math.nextafter(float(error.upper()), math.inf)


def _edges(node: Any) -> list[tuple[int, Any]]:
    """The operands whose rounding the node passes on: all but those of a condition or a step, whose jump counts."""
    is_a_copy = len(node.operands) == 1 and node.operation.jump is None
    return [edge for edge in sweep.node_edges(node) if node.operation.partials[edge[0]] is not None or is_a_copy]


def _part(total: Ball, node: Any, position: int, values: Mapping[int, Ball]) -> Ball:
    operands = [values[id(o)] if is_node(o) else Ball.of(o) for o in node.operands]
    slope = _passed(node.operation, operands) if node.operation.partials[position] is None else \
        local(node.operation, position, values[id(node)], operands)
    if total.is_special() or slope.is_special():
        return Ball(flint.arb.nan())
    return Ball(total.number * slope.number)


def _passed(primitive: Primitive, operands: Sequence[Ball]) -> Ball:
    """The slope of a row that has none for derivatives, such as stop_gradient: that of its formula in one operand."""
    if primitive.formula is None:
        return Ball(flint.arb.nan())
    series = Ball.of(primitive.formula(Ball(flint.arb_series([operands[0].number, 1], 2)))).number
    return Ball(series[1] if type(series) is flint.arb_series else flint.arb(0))


def _rounding(primitive: Primitive, given: Sequence[Any], operands: Sequence[Ball], flips: Sequence[bool],
              exact: Ball) -> float:
    """How far this operation alone can be from what it should be, given its operands."""
    if exact.is_special() or not exact.number.is_finite():
        return math.inf
    jumped = _jump(primitive, operands, flips, exact)
    scale = 1.0 if primitive.ulps[0] == 0 else _power_of_two(primitive, given)
    if scale:
        return jumped + (0.0 if scale >= 1 else math.ulp(0.0))
    largest = float(exact.number.abs_upper())
    if not largest < _LARGEST:
        return math.inf
    ulps: Any = primitive.ulps[0]
    if callable(ulps):
        corners = itertools.product(*[{float(o.number.lower()), float(o.number.upper())} for o in operands])
        ulps = max(ulps(*corner) for corner in corners)
    return jumped + float(ulps) * math.ulp(largest)


def _jump(primitive: Primitive, operands: Sequence[Ball], flips: Sequence[bool], exact: Ball) -> float:
    """How far the value jumps if a rounded operand may have crossed an edge, or a condition may be another."""
    if primitive.jump is None or not any(flips):
        return 0.0
    edge = operands[0] if primitive.edge is None else Ball.of(primitive.edge(exact, *operands))
    if edge.is_special() or edge.number.is_exact() or not edge.number.contains(0):
        return 0.0
    jump = primitive.jump(exact, *operands) if callable(primitive.jump) else primitive.jump
    return float(Ball.of(jump).number.abs_upper())


def _power_of_two(primitive: Primitive, given: Sequence[Any]) -> float:
    """The power of two by which this multiplies, which loses nothing but what ends below the smallest float; else 0."""
    if sum(map(is_node, given)) != 1 or primitive.ulps[0] != 0.5:
        return 0.0
    scale, thrice = (primitive.number(*[number if is_node(o) else o for o in given]) for number in (1.0, 3.0))
    return abs(scale) if thrice == 3 * scale and math.frexp(scale)[0] in (0.5, -0.5) else 0.0
