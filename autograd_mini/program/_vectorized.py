"""The readable executor over data: NumPy carries out each operation on a block of rows.

What depends on shared arguments only is computed once, by the scalar interpreter. Arithmetic has the bits of the
scalar engine; elementary functions are NumPy's own and agree with it within a few units in the last place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._body.builder import computing, expand, expanded
from autograd_mini.primitives import Primitive
from autograd_mini.program._batch import Batch, Blocks
from autograd_mini.program._scalar import Interpreter

Reading = Callable[..., Any]


def reading(primitive: Primitive) -> Reading:
    """What a row does to arrays: by its `arrays` or `numpy` column, or element by element where it has neither."""
    if primitive.arrays is not None:
        return eval(f"lambda {', '.join('abc'[:len(primitive.partials)])}: {primitive.arrays}", dict(vars(np)))
    ufunc = getattr(np, primitive.numpy or "", None)
    if ufunc is not None:
        return ufunc
    return functools.partial(_element_by_element, primitive.number)


def _element_by_element(function: Reading, *operands: Any) -> np.ndarray:
    """What `np.frompyfunc` does, for any number of operands."""
    spread = [operand.tolist() for operand in np.broadcast_arrays(*operands)]
    return np.array([*map(function, *spread)] if isinstance(spread[0], list) else function(*spread))


def _side_by_side(outputs: Sequence[Any], rows: int) -> np.ndarray:
    """Outputs, each an array of the rows or a number for all of them, as columns."""
    results = np.empty((rows, len(outputs)))
    for place, output in enumerate(outputs):
        results[:, place] = output
    return results


class LoopsOverArrays(Blocks):
    """A body with loops: every step is carried out over a block of rows."""

    constant = np.float64

    def __init__(self, body: Body) -> None:
        self.body = body
        self.known: dict[Primitive, Reading] = {}

    def prepare(self, batch: Batch) -> list[Any]:
        """The numbers that are the same for every row, and None for data."""
        return [None if data else number for number, data in zip(map(np.float64, batch.numbers), batch.is_data())]

    def apply(self, row: Primitive, operands: Sequence[Any]) -> Any:
        """A row over arrays; a composite one by its expansion."""
        if row.expansion is not None and row.arrays is None:
            return expanded(self, row, operands)
        if row not in self.known:
            self.known[row] = reading(row)
        return np.asarray(self.known[row](*operands), dtype=np.float64)

    def block(self, prepared: list[Any], batch: Batch, start: int, stop: int) -> np.ndarray:
        inputs = [*prepared]
        for first, array in batch.data:
            inputs[first:first + array.shape[1]] = np.array(array[start:stop].T, dtype=np.float64, order="C")
        with np.errstate(all="ignore"):
            slots = self.body.read(self.apply, inputs, self.constant)
        return _side_by_side([slots[slot] for slot in self.body.outputs], stop - start)


class Vectorized(Blocks):
    """A body made ready for batches in which the given inputs are data."""

    def __init__(self, body: Body, is_data: Sequence[bool]) -> None:
        self.body = expand(body)
        varies = self.body.dependent(lambda slot: is_data[slot])
        first = self.body.first_operation
        inner = [slot for slot in range(first, self.body.slots) if not varies[slot]]
        self.uniform = Interpreter(computing(self.body, inner))
        self.uniform_slots = inner
        last_use = {slot: place for place, (_, operands) in enumerate(self.body.operations) for slot in operands}
        for slot in self.body.outputs:
            last_use[slot] = len(self.body.operations)
        self.steps = [(reading(primitive), operands, first + place,
                       [slot for slot in set(operands) if varies[slot] and last_use[slot] == place])
                      for place, (primitive, operands) in enumerate(self.body.operations) if varies[first + place]]

    def prepare(self, batch: Batch) -> dict[int, Any]:
        """The numbers that are the same for every row, by slot."""
        known = dict(enumerate([*map(np.float64, batch.numbers), *map(np.float64, self.body.constants)]))
        known.update(zip(self.uniform_slots, map(np.float64, self.uniform.run(batch.numbers))))
        return known

    def block(self, prepared: dict[int, Any], batch: Batch, start: int, stop: int) -> np.ndarray:
        slots = dict(prepared)
        for first, array in batch.data:
            columns = np.array(array[start:stop].T, dtype=np.float64, order="C")
            slots.update(enumerate(columns, first))
        with np.errstate(all="ignore"):
            for apply, operands, result, finished in self.steps:
                slots[result] = np.asarray(apply(*[slots[slot] for slot in operands]), dtype=np.float64)
                for slot in finished:
                    del slots[slot]
        return _side_by_side([slots[slot] for slot in self.body.outputs], stop - start)
