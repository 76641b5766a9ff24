"""Sums over data that come in parts: whole blocks are added up where they are, loose rows join those of the next part.

A `Span` is all that has to be kept, or sent, of the rows of a part. Spans that meet make one, in any order, and what
comes out in the end has the bits of one pass over all rows, whatever the borders of the parts were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Data
from autograd_mini.program._reduction import BLOCK, Tree

Run = Callable[[Batch], np.ndarray]
"""The sums over the blocks of a batch."""


class Span:
    """What is known of some rows of a data set.

    rows     how many there are
    tree     the sums of their whole blocks
    loose    the rows of blocks that are not whole yet, as float64 arrays of shape (rows, columns), by their number in
             the data set
    """

    def __init__(self, places: Sequence[int]) -> None:
        self.places = list(places)
        """The inputs that are data, in the order of the columns."""
        self.rows = 0
        self.tree = Tree()
        self.loose: dict[int, np.ndarray] = {}

    def take(self, batch: Batch, first: int, run: Run) -> None:
        """Take in a batch whose first row is number `first` of the data set."""
        self.rows += batch.rows
        head = min(-first % BLOCK, batch.rows)
        tail = head + (batch.rows - head) // BLOCK * BLOCK
        if tail > head:
            self.tree.add((first + head) // BLOCK, run(_part(batch, head, tail)))
        for start, stop in ((0, head), (tail, batch.rows)):
            if stop > start:
                rows = self.loose[first + start] = np.empty((stop - start, len(self.places)))
                for at, array in batch.data:
                    column = self.places.index(at)
                    rows[:, column:column + array.shape[1]] = array[start:stop]
        self._join(batch.numbers, run)

    def merge(self, other: Span, numbers: np.ndarray, run: Run) -> None:
        """Take in the rows of another span."""
        self.rows += other.rows
        self.tree.merge(other.tree)
        self.loose.update(other.loose)
        self._join(numbers, run)

    def total(self, numbers: np.ndarray, outputs: int, run: Run) -> np.ndarray:
        """The sums over all rows, once all are there."""
        for first in [*self.loose]:  # the last block, which is not a whole one
            self._finish(first, numbers, run)
        return np.zeros(outputs) + self.tree.total()

    def _join(self, numbers: np.ndarray, run: Run) -> None:
        """Put neighbouring rows of a block together; blocks that are whole now are added up."""
        before = -1
        for first in sorted(self.loose):
            if before >= 0 and first % BLOCK and before + len(self.loose[before]) == first:
                self.loose[before] = np.concatenate([self.loose[before], self.loose.pop(first)])
            else:
                before = first
            if len(self.loose[before]) == BLOCK:
                self._finish(before, numbers, run)
                before = -1

    def _finish(self, first: int, numbers: np.ndarray, run: Run) -> None:
        rows = self.loose.pop(first)
        data = [Data(self.places[column], rows[:, column:column + 1]) for column in range(len(self.places))]
        self.tree.add(first // BLOCK, run(Batch(numbers, data, len(rows))))


def places(batch: Batch) -> list[int]:
    """The inputs that are data."""
    return np.flatnonzero(batch.is_data()).tolist()


def _part(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(batch.numbers, [Data(at, array[start:stop]) for at, array in batch.data], stop - start)


def stream(batch_of: Callable[[tuple[Any, ...]], Batch], shared: tuple[Any, ...], items: Iterable[Any], inputs: int,
           outputs: int, run: Run) -> tuple[np.ndarray, int]:
    """The sums over the rows of all items, and how many rows there were; see `Program.sum`."""
    found, numbers = Span(()), np.zeros(inputs)
    with _bar() as bar:
        for number, batch in enumerate(_batches(batch_of, shared, items)):
            if number == 0:
                found, numbers = Span(places(batch)), batch.numbers
            elif places(batch) != found.places:
                raise TypeError(f"batch {number} has other arguments as data than the batches before it")
            found.take(batch, found.rows, run)
            bar.update(batch.rows)
    return found.total(numbers, outputs, run), found.rows


def _batches(batch_of: Callable[[tuple[Any, ...]], Batch], shared: tuple[Any, ...],
             items: Iterable[Any]) -> Iterator[Batch]:
    for number, item in enumerate(items):
        try:
            batch = batch_of((*shared, *(item if type(item) is tuple else (item,))))
        except TypeError as error:
            raise TypeError(f"batch {number}: {error}") from None
        yield batch


class _NoBar:
    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def update(self, rows: int) -> None:
        """Nothing to show."""


def _bar() -> Any:
    """A progress bar on a terminal, for what takes longer than two seconds, where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(desc="adding up", unit=" rows", unit_scale=True, delay=2.0, leave=False, disable=None)
