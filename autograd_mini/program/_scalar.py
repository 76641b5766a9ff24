"""The readable scalar interpreter: one example, one operation after the other, by the rows' values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini.program._batch import Batch, Blocks


class Interpreter:
    """A body, carried out by Python; `_interpreter` has the same, compiled."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def run(self, numbers: Sequence[float] | np.ndarray) -> list[float]:
        """The outputs for one example, given the number of each input."""
        slots = self.body.read(lambda row, operands: float(row.value(*operands)), [*map(float, numbers)])
        return [slots[slot] for slot in self.body.outputs]

    def rows(self, numbers: np.ndarray, columns: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
        """Fill out[row] with the outputs for each row of `columns`, whose columns are the inputs at `places`."""
        example = np.array(numbers)
        for row, entries in enumerate(columns):
            example[places] = entries
            out[row] = self.run(example.tolist())


class RowByRow(Blocks):
    """Runs a scalar interpreter over data."""

    def __init__(self, interpreter: Any, outputs: int) -> None:
        self.interpreter, self.outputs = interpreter, outputs

    def prepare(self, batch: Batch) -> np.ndarray:
        """The inputs that are data, in the order of their columns."""
        return np.flatnonzero(batch.is_data()).astype(np.intc)

    def block(self, prepared: np.ndarray, batch: Batch, start: int, stop: int) -> np.ndarray:
        columns = np.empty((stop - start, len(prepared)))
        at = 0
        for _, array in batch.data:
            columns[:, at:at + array.shape[1]] = array[start:stop]
            at += array.shape[1]
        out = np.empty((stop - start, self.outputs))
        self.interpreter.rows(batch.numbers, columns, prepared, out)
        return out
