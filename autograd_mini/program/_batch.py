"""Running over rows of data, a block after the other: what the executors that work in blocks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.program._layout import Data
from autograd_mini.program._reduction import BLOCK, block_sums


class Batch(NamedTuple):
    """What a program runs over: a number for each input, arrays for the inputs that are data, and how many rows."""

    numbers: np.ndarray
    data: Sequence[Data]
    rows: int

    def is_data(self) -> tuple[bool, ...]:
        """Which inputs are data."""
        found = [False] * len(self.numbers)
        for start, array in self.data:
            found[start:start + array.shape[1]] = [True] * array.shape[1]
        return tuple(found)


class Blocks:
    """An executor over data. It says what to prepare for a batch, and what the outputs for a block of rows are."""

    def prepare(self, batch: Batch) -> Any:
        """What is the same for every block."""
        raise NotImplementedError

    def block(self, prepared: Any, batch: Batch, start: int, stop: int) -> np.ndarray:
        """The outputs for the rows from `start` to `stop`, of shape (rows, outputs)."""
        raise NotImplementedError

    def sums(self, batch: Batch, first: int, last: int, sums: np.ndarray) -> None:
        """Write the sums over each of the blocks from `first` to `last` into the row of `sums` of the same number."""
        prepared = self.prepare(batch)
        for place in range(first, last):
            sums[place] = block_sums(self.block(prepared, batch, place * BLOCK, min(place * BLOCK + BLOCK, batch.rows)))

    def rows(self, batch: Batch, first: int, last: int, out: Sequence[Data]) -> None:
        """Write the outputs for the rows of the blocks from `first` to `last` into the arrays of `out`."""
        prepared = self.prepare(batch)
        for place in range(first, last):
            start, stop = place * BLOCK, min(place * BLOCK + BLOCK, batch.rows)
            results = self.block(prepared, batch, start, stop)
            for column, array in out:
                array[start:stop] = results[:, column:column + array.shape[1]]
