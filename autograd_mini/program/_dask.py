"""Programs over Dask arrays: the blocks stay where they are, and what moves are sums and loose rows.

A task for each chunk makes a `Span`, which holds the sums of its whole blocks and fewer than two blocks of loose rows;
spans are merged eight at a time. The graph holds the program once, and a process keeps the programs that it has met
with their machine code, so that the next step of a descent compiles nothing.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini._core import trees
from autograd_mini.program import _layout as layouts
from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Part
from autograd_mini.program._spans import Span

FAN_IN = 8
"""How many spans one task merges."""


def is_dask(given: Any) -> bool:
    """Whether something is an array of Dask's."""
    return type(given).__module__.startswith("dask.array")


def is_dask_among(tree: Any) -> bool:
    """Whether one of some nested arguments is an array of Dask's."""
    found = None if is_dask(tree) else trees.branches(tree)
    try:
        return is_dask(tree) if found is None else any(map(is_dask_among, found.entries))
    except RecursionError:
        raise trees.too_deep(tree) from None


class Chunks:
    """The arguments of a call, those that are Dask arrays by chunks of rows.

    numbers    what is shared
    parts      which parts of the arguments are data
    arrays     the data, all with the same chunks of rows
    """

    def __init__(self, inputs: int, matched: Sequence[tuple[Part, Any]]) -> None:
        import dask.array as da

        self.numbers = np.zeros(inputs)
        self.parts: list[Part] = []
        self.arrays: list[Any] = []
        for part, given in matched:
            if is_dask(given):
                self._take(part, given)
                continue
            array = layouts.number_array(given, part.name)
            if array.shape != part.dimensions:
                raise TypeError(f"argument {part.name!r} has the shape {array.shape} beside Dask arrays: give "
                                f"{part.dimensions} to share it, or dask.array.from_array(...) for rows of data")
            self.numbers[part.start:part.start + part.size] = array.ravel()
        rows = self.arrays[0].chunks[0]
        for part, array in zip(self.parts, self.arrays):
            if array.shape[0] != sum(rows):
                raise TypeError(f"argument {part.name!r} has {array.shape[0]} rows and argument {self.parts[0].name!r} "
                                f"has {sum(rows)}")
        self.arrays = [array.rechunk({0: rows, **dict.fromkeys(range(1, array.ndim), -1)}) for array in self.arrays]
        self.rows, self.da = rows, da

    def _take(self, part: Part, given: Any) -> None:
        if given.shape[1:] != part.dimensions:
            raise TypeError(f"argument {part.name!r} has the shape {given.shape}: a Dask array is rows of data, "
                            f"{('m', *part.dimensions)}".replace("'m'", "m"))
        if np.isnan(given.shape[0]):
            raise TypeError(f"argument {part.name!r} is a Dask array of unknown length: call .compute_chunk_sizes() "
                            "first")
        if given.dtype.kind not in "fiub":
            raise TypeError(f"argument {part.name!r} cannot be a Dask array of {given.dtype}: give real numbers")
        self.parts.append(part)
        self.arrays.append(given)

    def blocks(self) -> list[tuple[Any, ...]]:
        """The chunks of all arrays, one tuple for each stretch of rows, as delayed objects."""
        return [*zip(*(array.to_delayed().ravel().tolist() for array in self.arrays))]


def sums(program: Any, matched: Sequence[tuple[Part, Any]], executor: Optional[str],
         threads: Optional[int]) -> tuple[Any, int]:
    """The sums over all rows, to be computed where the data is, and how many rows there are."""
    from dask import delayed

    given = Chunks(program.body.inputs, matched)
    work = delayed(Work(program, given.numbers, given.parts, executor, threads), pure=False, traverse=False)
    firsts = itertools.accumulate(given.rows[:-1], initial=0)
    spans = [delayed(_span, pure=False)(work, first, *chunk) for first, chunk in zip(firsts, given.blocks())]
    while len(spans) > FAN_IN:
        spans = [delayed(_merged, pure=False)(work, spans[at:at + FAN_IN]) for at in range(0, len(spans), FAN_IN)]
    return delayed(_total, pure=False)(work, spans), sum(given.rows)


def rows(program: Any, matched: Sequence[tuple[Part, Any]], executor: Optional[str], threads: Optional[int]) -> Any:
    """The result for every row, as Dask arrays with the chunks of the data."""
    from dask import delayed

    given = Chunks(program.body.inputs, matched)
    work = delayed(Work(program, given.numbers, given.parts, executor, threads), pure=False, traverse=False)
    made = [delayed(_rows, pure=False)(work, *chunk) for chunk in given.blocks()]
    numbers = itertools.count()

    def stacked(part: Part) -> Any:
        place = next(numbers)
        return given.da.concatenate([
            given.da.from_delayed(chunk[place], (count, *part.dimensions), float)
            for chunk, count in zip(made, given.rows)])

    return layouts.fill(program.result, stacked)


class Work:
    """What all tasks of a call share: the program, the numbers that all rows share, which parts are data."""

    def __init__(self, program: Any, numbers: np.ndarray, parts: Sequence[Part], executor: Optional[str],
                 threads: Optional[int]) -> None:
        self.program, self.numbers, self.parts = program, numbers, parts
        self.executor, self.threads = executor, threads

    def run(self, batch: Batch) -> np.ndarray:
        """The sums over the blocks of a batch. A worker has threads enough of its own."""
        return kept(self.program)._executors.sums(batch, self.executor, self.threads or 1)

    def batch(self, chunks: Sequence[Any]) -> Batch:
        """Some rows of all arguments that are data."""
        data = [entry for part, chunk in zip(self.parts, chunks)
                for entry in layouts.columns(part.start, layouts.number_array(chunk, part.name))]
        return Batch(self.numbers, data, len(chunks[0]))

    def span(self) -> Span:
        """One without rows."""
        return Span([slot for part in self.parts for slot in range(part.start, part.start + part.size)])


@functools.lru_cache(maxsize=32)
def kept(program: Any) -> Any:
    """The first program of this content that the process has met, with its machine code."""
    return program


def _span(work: Work, first: int, *chunks: Any) -> Span:
    span = work.span()
    span.take(work.batch(chunks), first, work.run)
    return span


def _merged(work: Work, spans: Sequence[Span]) -> Span:
    found = work.span()
    for span in spans:
        found.merge(span, work.numbers, work.run)
    return found


def _total(work: Work, spans: Sequence[Span]) -> np.ndarray:
    return _merged(work, spans).total(work.numbers, len(work.program.body.outputs), work.run)


def _rows(work: Work, *chunks: Any) -> list[np.ndarray]:
    program, batch = kept(work.program), work.batch(chunks)
    out = layouts.fill(program.result, lambda part: np.empty((batch.rows, *part.dimensions)))
    program._executors.rows(batch, list(program._columns(out, batch.rows)), work.executor, work.threads or 1)
    return [array for _, array in layouts.match(program.result, out, "out")]
