"""What every witness says of the derivatives of a function at one point: the material of `check_gradients`."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._body.calculus import gradient
from autograd_mini._body.jacobians import in_blocks
from autograd_mini._body.transforms import jacfwd, jacrev
from autograd_mini._core import trees as structure
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini._core.numbers import real
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value
from autograd_mini.explain import _differences as differences
from autograd_mini.explain._ball import Ball
from autograd_mini.explain._replay import replay, true_derivatives
from autograd_mini.primitives import MissingColumnError, Primitive, chain

MODES = {"fwd": jacfwd, "rev": jacrev}
Function = Callable[..., Any]


class Entry(NamedTuple):
    """One derivative at one point, by every witness; None where a witness has nothing to say."""

    label: str
    order: int
    output: Any                      # the node that is differentiated
    node: Any                        # its derivative, as a graph
    engine: dict[str, float]         # by mode
    bound: float                     # how far rounding may carry the engine
    formula: Optional[float]         # the closed form
    formula_is_exact: bool           # the closed form holds in proven arithmetic
    difference: Optional[float]      # None where its error is too large to mean anything
    difference_error: float
    exact: Optional[float]
    rate: float                      # the number differentiated, by a unit of its variable: what is far less is 0

    @property
    def is_outside(self) -> bool:
        """Whether the function itself is no number there, nor its derivative to the engine."""
        return self.output is not None and not math.isfinite(self.output.data) \
            and not any(map(math.isfinite, self.engine.values()))


class Point:
    """A function at one point, as every witness sees it."""

    def __init__(self, f: Function, args: tuple[Any, ...], closed_form: Optional[Function],
                 modes: tuple[str, ...]) -> None:
        self.f, self.args, self.closed_form, self.modes = f, args, closed_form, modes
        numbers, self.rebuild = structure.flatten(args)
        self.x = np.array(numbers, dtype=float)
        self.names = [name for parameter, arg in zip(_parameters(f, len(args)), args)
                      for name in structure.labels(arg, parameter)]
        self.remarks: list[str] = []
        self.variables = [Value(number) for number in self.x]
        self.outputs: Optional[list[Any]] = None
        try:
            self.result = f(*self.rebuild(self.variables))
            self.outputs = [y if is_value(y) else Value(y) for y in structure.flatten(self.result)[0]]
        except Exception as error:
            self.result = f(*args)
            self.remarks.append(f"the engine cannot record this function, so only its values were used: {error}")
        self.heads = structure.labels(self.result, "f")

    def entries(self, order: int) -> Iterator[Entry]:
        """Every derivative up to an order, lowest order first; of a function that cannot be recorded the first ones."""
        lower: dict[str, Function] = dict.fromkeys(self.modes, self._flat)
        nodes: Any = None if self.outputs is None else structure.array_of(self.outputs, (len(self.outputs),))
        for level in range(1, order + 1 if self.outputs is not None else 2):
            source = self._values if level == 1 else lower[self.modes[-1]]
            levels = np.nan_to_num(np.abs(_floats(nodes if nodes is not None else self._values(self.x))), posinf=0.0)
            noise = None if nodes is None else np.reshape([*map(rounding_bound, nodes.ravel())], nodes.shape)
            estimates = [differences.central(source, self.x, position, noise) for position in range(len(self.x))]
            truths = [self._exact(y, level) for y in self.outputs or self.heads]
            formula = self._formula() if level == 1 and self.closed_form is not None else {}
            engine: dict[str, np.ndarray] = {}
            if self.outputs is not None:
                nodes = _gradients(nodes, self.variables)
                lower = {mode: _in_floats(MODES[mode](function)) for mode, function in lower.items()}
                engine = {mode: function(self.x) for mode, function in lower.items()}
            for place in itertools.product(range(len(self.heads)), *[range(len(self.x))] * level):
                head, *positions = place
                truth = truths[head].get(tuple(sorted(positions)))
                if truth is None and truths[head]:
                    truth = _at_an_end(nodes[place])
                told, told_node = formula.get(place, (None, None))
                slope, doubt = (float(part[place[:-1]]) for part in estimates[positions[-1]])
                yield Entry(
                    _derivative(self.heads[head], [self.names[position] for position in positions]), level,
                    self.outputs[head] if self.outputs is not None else None,
                    None if nodes is None else nodes[place],
                    {mode: float(numbers[place]) for mode, numbers in engine.items()},
                    0.0 if nodes is None else rounding_bound(nodes[place]),
                    told, truth is not None and told_node is not None and _holds(told_node, truth),
                    slope if doubt < math.inf and math.isfinite(slope) else None, doubt,
                    None if truth is None else float(truth),
                    levels[place[:-1]] / max(1.0, abs(float(self.x[positions[-1]]))))

    def _flat(self, x: Any) -> np.ndarray:
        """f from n numbers or Values to an array of m."""
        outputs = structure.flatten(self.f(*self.rebuild(list(x))))[0]
        return structure.array_of([y if is_value(y) else float(y) for y in outputs], (len(outputs),))

    def _values(self, x: np.ndarray) -> np.ndarray:
        return _floats(self._flat(x.tolist() if self.outputs is None else map(Value, x)))

    def _exact(self, y: Any, order: int) -> dict[tuple[int, ...], Optional[Ball]]:
        if self.outputs is None:
            return {}
        try:
            return true_derivatives(y, self.variables, order)
        except MissingColumnError as error:
            self.remarks.append(f"without true numbers to compare with: {error}")
            return {}

    def is_pinned(self) -> bool:
        """Whether f is recorded otherwise on both sides than here: a comparison decided that holds only at this point.
        """
        if self.outputs is None:
            return False
        return all(self._is_other_at(side * 2.0 ** -20) for side in (1, -1))

    def _is_other_at(self, step: float) -> bool:
        """Whether, a little way off, other operations are recorded than here, or a comparison of them is another."""
        moved = self.x + step * np.where(self.x == 0, 1.0, np.abs(self.x))
        try:
            found = [y for y in self._flat(list(map(Value, moved))) if is_value(y)]
        except (ArithmeticError, ValueError):
            return False
        here, there = topological_order(*self.outputs or ()), topological_order(*found)
        if [node.operation for node in here] != [node.operation for node in there]:
            return True
        return any(node.data != other.data for node, other in zip(here, there)
                   if node.operands and not any(node.operation.partials))

    def _formula(self) -> dict[tuple[int, ...], tuple[float, Any]]:
        """The numbers that the closed form gives, each with what it came as: a Value, if it can be called with some."""
        assert self.closed_form is not None
        pattern = in_blocks(np.arange(float(len(self.heads) * len(self.x))).reshape(len(self.heads), len(self.x)),
                            self.result, self.args[0] if len(self.args) == 1 else self.args)
        try:
            given = self.closed_form(*self.rebuild([Value(number) for number in self.x]))
        except Exception:
            given = self.closed_form(*self.args)
        if structure.outline(given) != structure.outline(pattern):
            raise ValueError("closed_form must return its derivatives in the structure that jacobian gives them, "
                             f"{structure.outline(pattern)}, not {structure.outline(given)}")
        places = [divmod(int(index), len(self.x)) for index in structure.flatten(pattern)[0]]
        entries = structure.flatten(given)[0]
        numbers = [y.data if is_value(y) else real(y, "the result of closed_form") for y in entries]
        return dict(zip(places, zip(numbers, entries)))


def rounding_bound(node: Any) -> float:
    """How far rounding may have carried the number of a node, to first order.

    The sum over all nodes below it of what each one's own rounding error, so many units in the last place as its row
    states, does to the result. It is large where terms that cancel are, however small their sum.
    """
    cotangents = {id(node): 1.0}
    bound = 0.0
    for inner in reversed(topological_order(node)):
        cotangent = cotangents.get(id(inner), 0.0)
        if not inner.operands:
            continue
        bound += abs(chain.value(cotangent, inner.data * _relative_error(inner)))
        for operand, partial in zip(inner.operands, inner.partials):
            if is_node(operand) and partial is not None:
                cotangents[id(operand)] = cotangents.get(id(operand), 0.0) + chain.value(cotangent, partial)
    return bound


def _relative_error(node: Any) -> float:
    ulps = node.operation.ulps[0]
    if callable(ulps):
        ulps = ulps(*[operand.data if is_node(operand) else operand for operand in node.operands])
    return float(ulps) * 2.0 ** -52


def local_error(primitive: Primitive, operands: tuple[float, ...], order: int) -> Optional[str]:
    """The first derivative of a primitive, up to an order, that differences of its exact function contradict."""
    variables: list[Any] = [Value(operand) for operand in operands]
    y = variables[0].apply(primitive, variables)
    nodes: Any = structure.array_of([y], (1,))
    for level in range(1, order + 1):
        nodes = _gradients(nodes, variables)
        try:
            truths: dict[tuple[int, ...], Any] = true_derivatives(y, variables, level)
        except MissingColumnError:
            truths = _slopes(primitive, operands) if level == 1 else {}
        for positions, truth in truths.items():
            place = (0, *positions)
            node = nodes[place]
            if truth is None or float(truth) != float(truth):
                continue
            tolerance = truth.error if type(truth) is Estimated else 16 * rounding_bound(node)
            if not close(node.data, float(truth), tolerance):
                shown = ", ".join(map(repr, operands))
                by = " and ".join(map(str, positions))
                return f"primitive {primitive.name!r} at ({shown}), by operand {by}: its rule gives {node.data!r}, " \
                       f"the truth is {float(truth)!r}"
    return None


class Estimated(float):
    """A number from differences, and how far off it may be."""

    error: float


def _slopes(primitive: Primitive, operands: tuple[float, ...]) -> dict[tuple[int, ...], Optional[Estimated]]:
    """The partials of a row that balls cannot compute, from differences of its value."""
    x = np.array(operands)
    found: dict[tuple[int, ...], Optional[Estimated]] = {}
    for position in range(len(x)):
        slope, error = differences.central(lambda x: np.array(primitive.number(*x)), x, position)
        estimate = Estimated(slope)
        estimate.error = 8 * float(error)
        found[(position,)] = estimate if estimate.error <= 1e-4 * abs(estimate) else None
    return found


def close(number: float, reference: float, tolerance: float) -> bool:
    """Whether two numbers agree: both nan, the same infinity, or no further apart than that."""
    if number != number or reference != reference:
        return number != number and reference != reference
    if math.isinf(number) or math.isinf(reference):
        return number == reference
    tolerance = tolerance if math.isfinite(tolerance) else 2.0 ** -30 * abs(reference)
    return abs(number - reference) <= tolerance + 2.0 ** -50 * abs(reference) + 1e-300


def _floats(numbers: Any) -> np.ndarray:
    entries, _ = structure.flatten(numbers)
    return np.array([y.data if is_value(y) else float(y) for y in entries]).reshape(np.shape(numbers))


def _in_floats(derivative: Function) -> Function:
    """A derivative that gives Values only where it is given some, not where f uses Values of its own."""
    def numbers(x: np.ndarray) -> Any:
        result = derivative(x)
        return result if x.dtype == object else _floats(result)

    return numbers


def _gradients(nodes: np.ndarray, variables: list[Any]) -> np.ndarray:
    """The derivative of every node by every variable, along a new last axis."""
    rows = [gradient(node, variables) for node in nodes.ravel()]
    return structure.array_of([entry for row in rows for entry in row], (*nodes.shape, len(variables)))


def _at_an_end(node: Any) -> Optional[Ball]:
    """The nan or infinity that a derivative's own graph proves, where the function has an end: the rule is the promise.
    """
    try:
        ball = replay(node, needed=[node])[id(node)] if not math.isfinite(node.data) else Ball.of(0.0)
    except MissingColumnError:
        return None
    return ball if ball.is_special() else None


def _holds(node: Any, truth: Any) -> bool:
    """Whether a formula, computed again in balls, gives the truth, apart from its constants' rounding."""
    if not is_value(node):
        return close(float(node), float(truth), 0.0)
    try:
        number = replay(node, needed=[node])[id(node)]
    except MissingColumnError:
        return False
    return number.is_proven() and close(float(number), float(truth), 1e-14 * abs(float(truth)))


def _parameters(f: Function, count: int) -> list[str]:
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"argument{position}" for position in range(count)]


def _derivative(head: str, names: list[str]) -> str:
    power = len(names) if len(names) > 1 else ""
    return f"d{power}{head}/{' '.join(f'd{name}' for name in names)}"
