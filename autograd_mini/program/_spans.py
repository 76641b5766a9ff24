"""Sums over data that come in parts: whole blocks are added up where they are, loose rows join those of the next part.

A `Span` is all that has to be kept, or sent, of the rows of a part. Spans that meet make one, in any order, and what
comes out in the end has the bits of one pass over all rows, whatever the borders of the parts were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini._core import progress
from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Data
from autograd_mini.program._reduction import BLOCK, Tree

STAGE = 4 * BLOCK
"""How many rows of small batches are collected before they are added up."""
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
                self.copy(batch, start, stop, rows)
        self._join(batch.numbers, run)

    def copy(self, batch: Batch, start: int, stop: int, rows: np.ndarray) -> None:
        """Copy some rows of a batch into an array of shape (rows, columns)."""
        for at, array in batch.data:
            column = self.places.index(at)
            rows[:, column:column + array.shape[1]] = array[start:stop]

    def batch(self, numbers: np.ndarray, rows: np.ndarray) -> Batch:
        """A batch of copied rows."""
        starts = [column for column, place in enumerate(self.places)
                  if column == 0 or place != self.places[column - 1] + 1]
        data = [Data(self.places[column], rows[:, column:end])
                for column, end in zip(starts, [*starts[1:], len(self.places)])]
        return Batch(numbers, data, len(rows))

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
        self.tree.add(first // BLOCK, run(self.batch(numbers, self.loose.pop(first))))


def places(batch: Batch) -> list[int]:
    """The inputs that are data."""
    return np.flatnonzero(batch.is_data()).tolist()


def _part(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(batch.numbers, [Data(at, array[start:stop]) for at, array in batch.data], stop - start)


def stream(batch_of: Callable[[tuple[Any, ...]], Batch], shared: tuple[Any, ...], missing: int, items: Iterable[Any],
           inputs: int, outputs: int, run: Run) -> tuple[np.ndarray, int]:
    """The sums over the rows of all items, and how many rows there were; see `Program.sum`.

    An item holds the `missing` arguments.
    """
    stage = _Stage(Span(()), np.zeros(inputs), run)
    with progress.bar("adding up", " rows", unit_scale=True) as bar:
        for number, batch in enumerate(_batches(batch_of, shared, missing, items)):
            widths = [(at, array.shape[1]) for at, array in batch.data]
            if number == 0:
                stage, known = _Stage(Span(places(batch)), batch.numbers, run), widths
            elif widths != known:
                raise TypeError(f"batch {number} has other arguments as data than the batches before it")
            stage.take(batch)
            bar.update(batch.rows)
    stage.flush()
    return stage.span.total(stage.numbers, outputs, run), stage.span.rows


class _Stage:
    """Collects the rows of small batches for a few blocks at a time, so that a span is given whole blocks."""

    def __init__(self, span: Span, numbers: np.ndarray, run: Run) -> None:
        self.span, self.numbers, self.run = span, numbers, run
        self.room, self.held = np.empty((STAGE, len(span.places))), 0

    def take(self, batch: Batch) -> None:
        """Take in the rows of a batch: a large one is added up where it is, but for its borders."""
        start = 0
        while start < batch.rows:
            left, missing = batch.rows - start, -self.held % BLOCK
            if left >= STAGE and not missing:
                self.flush()
                count = left // BLOCK * BLOCK
                self.span.take(_part(batch, start, start + count), self.span.rows, self.run)
            else:
                count = missing if left >= STAGE else min(left, STAGE - self.held)
                self.span.copy(batch, start, start + count, self.room[self.held:self.held + count])
                self.held += count
                if self.held == STAGE:
                    self.flush()
            start += count

    def flush(self) -> None:
        """Add up what is held."""
        if self.held:
            rows = self.room[:self.held]
            self.span.take(self.span.batch(self.numbers, rows), self.span.rows, self.run)
            self.held = 0


def _batches(batch_of: Callable[[tuple[Any, ...]], Batch], shared: tuple[Any, ...], missing: int,
             items: Iterable[Any]) -> Iterator[Batch]:
    for number, item in enumerate(items):
        is_one = missing == 1 and not (type(item) is tuple and len(item) == 1)
        try:
            batch = batch_of((*shared, *([item] if is_one or not isinstance(item, (tuple, list)) else item)))
        except TypeError as error:
            raise TypeError(f"batch {number}: {error}") from None
        yield batch
