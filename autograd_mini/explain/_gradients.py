"""check_gradients: the derivatives of a function by every way there is, side by side, and the odd one out named.

The witnesses are the engine in each mode, a formula found by hand, differences of the function itself, and the truth:
the recorded graph read in balls, and its derivatives as coefficients of power series. The last two know no rule of the
engine, except at kinks and ends, where the rule is the promise.

How far the engine may be from the truth follows from its own graph: every node of a derivative's graph is rounded
once, and what that does to the result is one more derivative. So a sum that cancels is judged by the size of its
terms and not by the little that is left of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini._core import trees as structure
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini._core.numbers import real
from autograd_mini._core.registry import is_value
from autograd_mini.explain._report import Case, Report
from autograd_mini.explain._witnesses import MODES, Entry, Point, close, local_error

_MOST_FINDINGS = 8


def check_gradients(f: Callable[..., Any], *args: Any, closed_form: Optional[Callable[..., Any]] = None,
                    order: int = 2, modes: Sequence[str] = ("fwd", "rev"), domain: Any = None, points: int = 2,
                    seed: int = 0) -> Report:
    """Check every derivative of f up to an order, at the point `args` and at a few random ones.

    f takes numbers, arrays and nestings of them and returns the like. It is called with Values; where it cannot be, as
    a black box, the closed form is checked against differences alone.

    closed_form  takes the same arguments and returns the first derivatives as `jacobian` does: in the structure of the
                 argument, or as a tuple where there are several. If it can be called with Values, a formula that is
                 right but loses digits is told from one that is wrong
    order        1 for gradients, 2 for second derivatives as well, and so on
    modes        "fwd", "rev" or both: forward and reverse mode
    domain       where random points are taken: (low, high) for every number, or such a pair for each argument. By
                 default each number is multiplied by something between 1/2 and 2, and at every second point by -1 too,
                 if f is finite there; a number that is 0 is moved to one side and then to the other
    points       how many random points; with 0, only `args` is checked
    seed         of the random points

    The report is true if all witnesses agree; a nan that all of them find is agreement. It prints as a table, says
    which witness is the odd one out, and which primitive's rule is to blame where that can be told.

    >>> from autograd_mini import sigmoid
    >>> check_gradients(sigmoid, 0.5, closed_form=lambda z: sigmoid(z) * (1 - sigmoid(z))).ok
    True
    >>> check_gradients(lambda z: z ** 3, 2.0, closed_form=lambda z: 2 * z ** 2).ok
    False

    Raises TypeError or ValueError for arguments that make no sense; what f raises on plain numbers comes through.
    """
    _require(f, closed_form, order, modes, points)
    told = ["closed form"] if closed_form is not None else []
    cases: list[Case] = []
    findings: list[str] = []
    for index, place in enumerate(_places(f, args, domain, points, seed)):
        point = Point(f, place, closed_form, tuple(modes))
        for entry in point.entries(order):
            complaint = _odd_one_out(entry)
            numbers = [*(entry.engine.get(mode) for mode in modes), *[entry.formula for _ in told],
                       entry.difference if _has_usable_differences(entry) else None, entry.exact]
            is_judged = complaint is not None or _is_judged(entry)
            cases.append(Case((index, entry.label, *numbers), complaint is None if is_judged else None))
            if complaint is not None:
                findings.append(f"{entry.label} at point {index}: {complaint}{_culprit(entry)}{_suspect(point, entry)}")
            elif not is_judged:
                findings.append(f"{entry.label} at point {index}: no witness could judge it; differences of the "
                                "function mean nothing there")
            elif _has_lost_its_digits(entry):
                findings.append(f"{entry.label} at point {index}: the rule is right, but rounding leaves "
                                f"{next(iter(entry.engine.values()))!r} of {entry.exact!r}: diagnose() says where")
            elif entry.formula_is_exact and not close(entry.formula or 0.0, entry.exact or 0.0, 1e-6 * _size(entry)):
                findings.append(f"{entry.label} at point {index}: the closed form is right, but in floats it loses its "
                                f"digits: {entry.formula!r} for {entry.exact!r}")
        findings += point.remarks
    findings = list(dict.fromkeys(findings))
    if len(findings) > _MOST_FINDINGS:
        findings[_MOST_FINDINGS:] = [f"and {len(findings) - _MOST_FINDINGS} more such findings"]
    return Report(f"derivatives of {getattr(f, '__name__', 'f')}",
                  ("point", "derivative", *modes, *told, "differences", "true"), cases, findings)


def _require(f: Any, closed_form: Any, order: Any, modes: Any, points: Any) -> None:
    if not callable(f):
        raise TypeError(f"check_gradients takes a function and its arguments, not {type(f).__name__}")
    if closed_form is not None and not callable(closed_form):
        raise TypeError("closed_form is a function of the same arguments, such as lambda x: 2 * x, "
                        f"not {type(closed_form).__name__}")
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order is 1, 2 or more, not {order!r}")
    if isinstance(modes, str) or not modes or not set(modes) <= set(MODES):
        raise ValueError(f"modes is a selection of 'fwd' and 'rev', such as ('rev',), not {modes!r}")
    if not isinstance(points, int) or points < 0:
        raise ValueError(f"points says how many random points to try, 0 or more, not {points!r}")


def _places(f: Callable[..., Any], args: tuple[Any, ...], domain: Any, points: int,
            seed: int) -> Iterator[tuple[Any, ...]]:
    """The arguments as given, and random ones of the same structure."""
    numbers, rebuild = structure.flatten(args)
    given = np.array([real(entry, "an argument of f") for entry in numbers])
    low = high = np.zeros(0)
    if domain is not None:
        pairs = np.asarray(domain, dtype=float)
        if pairs.shape not in ((2,), (len(args), 2)) or not np.all(pairs[..., 0] <= pairs[..., 1]):
            raise ValueError(f"domain is a pair (low, high), or one such pair for each argument, not {domain!r}")
        counts = [len(structure.flatten(arg)[0]) for arg in args]
        low, high = np.repeat(np.broadcast_to(pairs, (len(args), 2)), counts, axis=0).T
    yield rebuild(given.tolist())
    generator = np.random.default_rng(seed)
    for index in range(points):
        share = generator.random(len(given))
        if domain is not None:
            yield rebuild((low + share * (high - low)).tolist())
            continue
        beside = np.where(given == 0, share, given * 2 ** (2 * share - 1))
        other_side = rebuild((-beside).tolist())
        yield other_side if index % 2 and _is_finite(f, other_side) else rebuild(beside.tolist())


def _is_finite(f: Callable[..., Any], place: tuple[Any, ...]) -> bool:
    try:
        return all(math.isfinite(y.data if is_value(y) else y) for y in structure.flatten(f(*place))[0])
    except Exception:
        return False


def _size(entry: Entry) -> float:
    """The size of the terms that a derivative is the sum of."""
    reference = entry.exact if entry.exact is not None else entry.difference
    size = max(abs(reference or 0.0), entry.bound * 2.0 ** 50)
    return size if math.isfinite(size) else 0.0


def _odd_one_out(entry: Entry) -> Optional[str]:
    """Who is contradicted by the others, in words; None where all agree."""
    if entry.exact is None:
        return _by_majority(entry)
    for mode, number in entry.engine.items():
        if not close(number, entry.exact, 16 * entry.bound):
            return f"the engine ({mode}) is the odd one out: {number!r}, where the truth is {entry.exact!r}"
    if entry.formula is not None and not entry.formula_is_exact \
            and not close(entry.formula, entry.exact, 1e-9 * _size(entry)):
        return f"the closed form is the odd one out: {entry.formula!r}, but engine and truth are {entry.exact!r}"
    if _differences_contradict(entry, entry.exact):
        return (f"the differences are the odd ones out: {entry.difference!r}, but engine and truth are "
                f"{entry.exact!r}. The function depends on this argument by a way that its graph does not show, such "
                "as .data, stop_gradient or rounding")
    return None


def _is_judged(entry: Entry) -> bool:
    """Whether anything beside the engine has a say."""
    told = entry.formula is not None and bool(entry.engine)
    return entry.exact is not None or told or entry.is_outside or _has_usable_differences(entry)


def _has_lost_its_digits(entry: Entry) -> bool:
    return entry.exact is not None and any(abs(number - entry.exact) > 1e-4 * abs(entry.exact) + 1e-300
                                           for number in entry.engine.values())


def _suspect(point: Point, entry: Entry) -> str:
    """What made the engine differ from the function beside the point, where the rules are right."""
    if entry.exact is None or entry.difference is None or _differences_agree(entry, entry.exact):
        return ""
    if not point.is_pinned():
        return ""
    return ("; the suspect is a comparison that holds at this point only (==, equal, an early exit): on both sides the "
            "function is another one than was recorded here")


def _by_majority(entry: Entry) -> Optional[str]:
    """The verdict without true numbers: two that agree outvote the third, and differences break a tie."""
    engine = next(iter(entry.engine.values()), None)
    for mode, number in entry.engine.items():
        if not close(number, engine or 0.0, 16 * entry.bound):
            return f"the modes contradict each other: {number!r} ({mode}) and {engine!r}"
    against_engine = engine is not None and _differences_contradict(entry, engine)
    formula = entry.formula
    if formula is None:
        return f"the engine and differences contradict each other: {engine!r} and {entry.difference!r}" \
            if against_engine else None
    if engine is not None and close(formula, engine, 1e-9 * max(_size(entry), abs(engine))):
        return f"the differences are the odd ones out: {entry.difference!r}, where engine and closed form give " \
               f"{engine!r}" if against_engine else None
    against_formula = _differences_contradict(entry, formula)
    if engine is None:
        return f"the closed form and differences contradict each other: {formula!r} and {entry.difference!r}" \
            if against_formula else None
    if against_formula == against_engine:
        return f"all contradict each other: engine {engine!r}, closed form {formula!r}, differences " \
               f"{entry.difference!r}"
    return f"the closed form is the odd one out: {formula!r}, where engine and differences give {engine!r}" \
        if against_formula else \
        f"the engine is the odd one out: {engine!r}, where closed form and differences give {formula!r}"


def _has_usable_differences(entry: Entry) -> bool:
    """Whether differences are sure enough of themselves to have a say, by their own estimate of their error."""
    slope, error = entry.difference, entry.difference_error
    return slope is not None and error <= 1e-3 * abs(slope) + 2.0 ** -20 * max(_size(entry), entry.rate)


def _differences_agree(entry: Entry, number: float) -> bool:
    assert entry.difference is not None
    return close(number, entry.difference, 8 * entry.difference_error + 16 * entry.bound
                 + 2.0 ** -46 * abs(entry.difference))


def _differences_contradict(entry: Entry, number: float) -> bool:
    """Whether usable differences say that this number is wrong; nan against a number is wrong."""
    return _has_usable_differences(entry) and not math.isinf(number) and not _differences_agree(entry, number)


def _culprit(entry: Entry) -> str:
    """Which primitive is to blame where the engine is wrong."""
    if entry.node is None or all(close(number, entry.exact or 0.0, 16 * entry.bound)
                                 for number in entry.engine.values()):
        return ""
    for node in topological_order(entry.output):
        if node.operands:
            numbers = tuple(operand.data if is_node(operand) else operand for operand in node.operands)
            fault = local_error(node.operation, numbers, entry.order)
            if fault is not None:
                return f"; the cause is {fault}"
    for node in topological_order(entry.node):
        numbers = tuple(operand.data if is_node(operand) else operand for operand in node.operands)
        if numbers and not math.isfinite(node.data) and all(map(math.isfinite, numbers)):
            shown = ", ".join(map(repr, numbers))
            return f"; on the way, {node.operation.name}({shown}) is {node.data!r}: diagnose() names the stable form"
    return ""
