"""A function as a body: what it does to numbers of its own, and to the Values that it takes from around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._body.calculus import derivative
from autograd_mini._body.recorded import Dependents, assemble, latest, leaf, leaves_under, number_at
from autograd_mini._body.transforms import now
from autograd_mini._core import recording, registry, trees
from autograd_mini._core.numbers import value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import Operators, Primitive, Real
from autograd_mini._core.value import Value
from autograd_mini.program._executors import Executors

Function = Callable[..., Any]

KEPT = 256
"""Systems of equations and integrals that are kept, with what was derived of them: loops in Python meet them again."""
REMEMBERED = 8192
"""Solutions that are kept: the components of one are asked for one by one, over blocks of rows as well."""


class Captured(NamedTuple):
    """A body whose inputs are the function's own numbers and, behind them, the Values around it."""

    body: Body
    around: list[Any]


def capture(f: Function, numbers: Sequence[float], what: str, is_traced: bool) -> Captured:
    """Run f on nodes of its own, one for each number, and keep what it did.

    Where the nodes are traced, f cannot decide by their numbers, and so does the same everywhere.
    """
    since, began = latest(), now()
    own = [leaf(number) if is_traced else Value(number) for number in numbers]
    with recording.differentiating():
        outputs = [value_or_real(entry, f"a result of {what}") for entry in f(own)]
    around = Dependents(own, since).border([*filter(is_value, outputs)])
    if all(node.stamp >= began for node in leaves_under(around)):
        around = []
    return Captured(assemble(outputs, [*own, *around]).body, around)


def plain(tree: Any) -> Any:
    """A structure with numbers for its Values."""
    if trees.is_static(tree):
        return tree
    entries, rebuild = trees.flatten(tree)
    return rebuild([number_at(entry) if is_value(entry) else entry for entry in entries])


def are_traced(tree: Any) -> bool:
    """Whether a Value in a structure is an argument of a function that is being traced, or depends on one."""
    return not trees.is_static(tree) and any(entry.is_traced for entry in filter(is_value, trees.flatten(tree)[0]))


def hold_values(tree: Any) -> bool:
    """Whether a structure holds Values."""
    return not trees.is_static(tree) and any(map(is_value, trees.flatten(tree)[0]))


class Numbers:
    """What a body and its derivatives by some inputs are, as numbers."""

    def __init__(self, body: Body, inputs: Sequence[int] = ()) -> None:
        self._executors = Executors(derivative(body, inputs) if inputs else body)
        self._outputs = len(body.outputs)

    def __call__(self, numbers: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """The outputs, and the matrix of their derivatives."""
        found = np.array(self._executors.run(np.array(numbers, dtype=float), None))
        return found[:self._outputs], found[self._outputs:].reshape(self._outputs, -1)


def apply(row: Primitive, operands: Sequence[Any]) -> Any:
    """A row on operators, Values or numbers: without a function for it, whose help would ask for its derivatives."""
    kinds: Any = (Operators, *registry.kinds)
    for operand in operands:
        if isinstance(operand, kinds):
            return operand.apply(row, operands)
    return row.number(*operands)


def read(body: Body, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a body in any reading of the table."""
    slots = body.read(apply, inputs)
    return [slots[output] for output in body.outputs]


def numbers_of(operands: Sequence[Any]) -> tuple[float, ...]:
    """The numbers of operands that are read as numbers."""
    return tuple([operand.number if type(operand) is Real else float(operand) for operand in operands])


