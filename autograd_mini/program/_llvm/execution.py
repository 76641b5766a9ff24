"""Running compiled bodies: one example, and rows of data.

`Scalar` and `Rows` have the interfaces of the readable executors: the same batches, sums of the same blocks in the
same order. `Rows` writes code for the layout and dtype of each array the first time it meets them; the last rows are
copied into a padded tile, so one code computes every row. `_rows.pxi` does the same, compiled, for the usual calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._body.builder import expand
from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Data, Part, fill, parts
from autograd_mini.program._llvm import engine, kernels, looping
from autograd_mini.program._llvm.kernels import RowsPlan
from autograd_mini.program._llvm.loading import TILE, Source, address_of, addresses, is_loadable, padded_tile, source
from autograd_mini.program._llvm.lowering import Step, has_reading, steps, watched
from autograd_mini.program._reduction import BLOCK, LANES, blocks


class Scalar:
    """A body compiled for one example, with the bits of the eager engine: it calls the C library.

    `of_steps` has our own functions, whose bits are those of rows of data.

    run(numbers)    numbers: an array of float64, one for each input; returns an array, one number for each output

    Safe to call from several threads; the frame of a large graph is made anew for every call.
    """

    def __init__(self, body: Body) -> None:
        if body.has_loops:
            self.text, self.inputs, self.outputs = looping.scalar(body), body.inputs, len(body.outputs)
            return
        body = expand(body)
        self._prepare(body.inputs, body.constants, steps(body), body.outputs, library=True)

    @classmethod
    def of_steps(cls, inputs: int, constants: Sequence[float], made: Sequence[Step], outputs: Sequence[int]) -> Scalar:
        self = cls.__new__(cls)
        self._prepare(inputs, constants, made, outputs, library=False)
        return self

    def _prepare(self, inputs: int, constants: Sequence[float], made: Sequence[Step], outputs: Sequence[int],
                 library: bool) -> None:
        self.text = kernels.scalar(inputs, constants, made, outputs, library)
        self.inputs, self.outputs = inputs, len(outputs)

    @cached_property
    def function(self) -> Any:
        """scalar(address of the numbers, of the results, of the frame)"""
        return engine.compile_text(self.text.module, self.text.optimized).function("scalar", 3)

    def run(self, numbers: np.ndarray) -> np.ndarray:
        """The outputs for one example, given the number of each input."""
        return self.run_rows(np.ascontiguousarray(numbers, dtype=np.float64)[np.newaxis])[0]

    def run_rows(self, table: np.ndarray) -> np.ndarray:
        """The outputs for each row of a contiguous table of shape (rows, inputs)."""
        results, frame = np.empty((len(table), self.outputs)), np.empty(self.text.frame)
        given, made, between = address_of(table), address_of(results), address_of(frame)
        for row in range(len(table)):
            self.function(given + row * table.strides[0], made + row * results.strides[0], between)
        engine.raise_failure()
        return results


    def rows(self, numbers: np.ndarray, columns: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
        """Fill out[row] with the outputs for each row of `columns`, whose columns are the inputs at `places`."""
        table = np.repeat(numbers[np.newaxis], len(columns), axis=0)
        table[:, places] = columns
        out[:] = self.run_rows(table)


class Rows:
    """A body compiled for rows in which the given inputs are data.

    sums(batch, first, last, sums)    write the sums over the blocks from `first` to `last` into `sums[first:last]`
    rows(batch, first, last, out)     write the outputs for the rows of those blocks

    Both may be called from several threads, for different blocks.
    """

    def __init__(self, body: Body, is_data: Sequence[bool]) -> None:
        self.body = expand(body, keep=has_reading)
        first = self.body.first_operation
        varies = self.body.dependent(lambda slot: is_data[slot])
        every = steps(self.body)
        self.steps: list[Step] = [step for step in every if varies[step[2]]]
        constants = {slot: self.body.constant(slot) for slot in range(self.body.inputs, first)}
        needed = dict.fromkeys(slot for _, operands, _ in self.steps for slot in operands)
        needed.update(dict.fromkeys(self.body.outputs))
        self.shared = {slot: place for place, slot in enumerate(
            slot for slot in needed if not varies[slot] and slot not in constants)}
        self.constants = constants
        self.once = Scalar.of_steps(self.body.inputs, self.body.constants,
                                     _needed([step for step in every if not varies[step[2]]], self.shared),
                                     list(self.shared))
        # an output that is asked for twice is added up once
        self.summed = tuple(dict.fromkeys(self.body.outputs))
        self.place = [self.summed.index(slot) for slot in self.body.outputs]
        self._kernels: dict[Any, tuple[Any, int, int]] = {}

    def is_ready(self, batch: Batch, out: Sequence[Data]) -> bool:
        """Whether nothing needs compiling for a batch laid out like this."""
        run = self._run_of(batch, out)
        return (run.layouts, run.written, not out, False) in self._kernels

    def make_ready(self, batch: Batch, out: Sequence[Data]) -> None:
        """Compile what a batch laid out like this needs; sums where there is no `out`."""
        run = self._run_of(batch, out)
        self.kernel(run.layouts, run.written, run.summed, False)

    def _run_of(self, batch: Batch, out: Sequence[Data]) -> _Run:
        if not all(is_loadable(array) for _, array in batch.data):
            batch = _one_block(batch, 0)
        columns = {at + column: array[:, column] for at, array in out for column in range(array.shape[1])}
        targets = [(self.body.outputs[position], column) for position, column in columns.items()]
        return _Run(self, batch, () if out else self.summed, targets)

    def sums(self, batch: Batch, first: int, last: int, sums: np.ndarray) -> None:
        if all(is_loadable(array) for _, array in batch.data):
            self._sums(batch, first, last, sums)
        else:
            for place in range(first, last):
                self._sums(_one_block(batch, place), 0, 1, sums[place:place + 1])

    def rows(self, batch: Batch, first: int, last: int, out: Sequence[Data]) -> None:
        if all(is_loadable(array) for _, array in batch.data):
            self._rows(batch, first, last, out)
        else:
            for place in range(first, last):
                block = [Data(at, array[place * BLOCK:place * BLOCK + BLOCK]) for at, array in out]
                self._rows(_one_block(batch, place), 0, 1, block)

    def _sums(self, batch: Batch, first: int, last: int, sums: np.ndarray) -> None:
        start, stop = first * BLOCK, min(last * BLOCK, batch.rows)
        run = _Run(self, batch, self.summed, ())
        joined = _joined(run.lanes(start, stop))
        for block in np.flatnonzero(np.isnan(joined).any(axis=1)).tolist():
            begin = start + block * BLOCK
            again = _joined(run.lanes(begin, min(begin + BLOCK, stop), careful=True))
            joined[block, :len(self.summed)] = again[0]
        sums[first:last] = joined[:, self.place]

    def _rows(self, batch: Batch, first: int, last: int, out: Sequence[Data]) -> None:
        start, stop = first * BLOCK, min(last * BLOCK, batch.rows)
        columns = {at + column: array[:, column] for at, array in out for column in range(array.shape[1])}
        run = _Run(self, batch, (), [(self.body.outputs[position], column) for position, column in columns.items()])
        watched_lanes = run.lanes(start, stop)
        for block in np.flatnonzero(np.isnan(watched_lanes).any(axis=(1, 2))).tolist():
            begin = start + block * BLOCK
            run.lanes(begin, min(begin + BLOCK, stop), careful=True)

    def shared_numbers(self, batch: Batch) -> np.ndarray:
        """What is the same for every row."""
        return self.once.run(batch.numbers) if self.shared else np.empty(1)

    def kernel(self, layouts: tuple[Source, ...], written: tuple[tuple[int, bool], ...], summed: Sequence[int],
               careful: bool) -> tuple[Any, int, int]:
        """The function for these layouts, how many slots it adds up, and how many numbers its frame holds."""
        key = layouts, written, bool(summed), careful
        known = self._kernels.get(key)
        if known is None:
            with engine.lock:
                known = self._kernels[key] = self._compile(layouts, written, summed, careful)
        return known

    def _compile(self, layouts: Any, written: Any, summed: Sequence[int], careful: bool) -> tuple[Any, int, int]:
        watch = [] if careful else watched(self.steps, summed)
        plan = RowsPlan(self.steps, layouts, self.constants, self.shared, [*summed, *watch], written, careful)
        text = kernels.rows(plan)
        function = engine.compile_text(text.module, text.optimized).function("kernel", 10)
        return function, len(plan.summed), text.frame


def batch_caller(native: Any, rows: Rows, arguments: Sequence[Any], result: Any, batch: Batch, purpose: str,
                 least: int, most: int) -> Any:
    """The compiled caller for arguments laid out as in this batch; None where a part takes more than is done there."""
    layouts = tuple([source(at, array) for at, array in batch.data if is_loadable(array)])
    columns: dict[int, Any] = {}
    first = 0
    for number, layout in enumerate(layouts):
        columns[layout.start] = layout, first, number
        first += layout.pointers
    found: list[Any] = []

    def place(part: Part) -> Any:
        if part.start not in columns:
            return native.Place(part.start, part.shape)
        layout, first, number = columns[part.start]
        if layout.columns == part.size:
            found.append(native.Column(part.shape, layout.dtype, layout.kind, first, number, layout.pointers))
        return found[-1] if found else None

    asked = tuple([fill(layout, place) for layout in arguments])
    if not len(found) == len(layouts) == len(batch.data):
        return None
    by_row = purpose == "map"
    written = tuple([(slot, part.size == 1) for part in parts(result)
                     for slot in rows.body.outputs[part.start:part.start + part.size]]) if by_row else ()

    def kernel(careful: bool) -> tuple[Any, int, int, int]:
        function, count, frame = rows.kernel(layouts, written, () if by_row else rows.summed, careful)
        return function, count, frame, function.machine.address("kernel")

    return native.RowsCaller(
        asked, tuple(found), fill(result, lambda part: native.Place(part.start, part.shape)), _shared(native, rows),
        (lambda: kernel(False), lambda: kernel(True)), len(rows.body.outputs), [] if by_row else rows.place,
        purpose == "mean", min(least, TILE), most, len(rows.steps), BLOCK, TILE)


def _shared(native: Any, rows: Rows) -> Any:
    """What computes the numbers that are the same for every row."""
    shape = SimpleNamespace(inputs=rows.body.inputs, outputs=rows.shared, statements=(), constants=(),
                            slots=rows.body.inputs, work=0)
    if not rows.shared:
        return native.Interpreter(shape)
    return native.Interpreter(shape, rows.once.function.machine.address("scalar"), rows.once.text.frame, rows.once)


class _Run:
    """One call of a kernel or several, over the same arrays."""

    def __init__(self, rows: Rows, batch: Batch, summed: Sequence[int],
                 targets: Sequence[tuple[int, np.ndarray]]) -> None:
        self.rows, self.summed = rows, summed
        self.arrays = [array for _, array in batch.data]
        self.outs = [column for _, column in targets]
        self.layouts = tuple([source(at, array) for at, array in batch.data])
        self.written = tuple([(slot, column.strides[0] == 8) for slot, column in targets])
        self.shared = rows.shared_numbers(batch)

    def lanes(self, start: int, stop: int, careful: bool = False) -> np.ndarray:
        """Run over the rows from `start` to `stop`; the lanes of the sums, of shape (blocks, summed and watched, 8)."""
        function, count, frame = self.rows.kernel(self.layouts, self.written, self.summed, careful)
        shape = (blocks(stop - start), count, LANES)
        size = math.prod(shape)
        memory: np.ndarray = np.zeros(size + frame + 8)
        memory = memory[-address_of(memory) % 64 // 8:]
        sums, room = address_of(memory), address_of(memory) + 8 * size

        def run(first: int, tiles: int, live: int, arrays: Sequence[np.ndarray], outs: Sequence[np.ndarray],
                into: int) -> None:
            columns = [at for layout, array in zip(self.layouts, arrays) for at in addresses(layout, array)]
            tables = [np.array(table, dtype=np.int64) for table in (
                columns, [array.strides[0] for array in arrays],
                [address_of(column) for column in outs], [column.strides[0] for column in outs])]
            inputs, strides, results, distances = map(address_of, tables)
            function(first, tiles, live, inputs, strides, address_of(self.shared), room, into, results, distances)

        tiles, rest = divmod(stop - start, TILE)
        if tiles:
            run(start, tiles, TILE, self.arrays, self.outs, sums)
        if rest:
            padded = [padded_tile(layout, array[stop - rest:stop]) for layout, array in zip(self.layouts, self.arrays)]
            outs = [np.empty(2 * TILE)[::1 if unit else 2] for _, unit in self.written]
            run(0, 1, rest, padded, outs, sums + 8 * (size - count * LANES))
            for column, made in zip(self.outs, outs):
                column[stop - rest:stop] = made[:rest]
        engine.raise_failure()
        return memory[:size].reshape(shape)


def _one_block(batch: Batch, place: int) -> Batch:
    """A block of a batch, as a batch of its own and as float64."""
    rows = slice(place * BLOCK, min(place * BLOCK + BLOCK, batch.rows))
    data = [Data(at, array[rows].astype(np.float64)) for at, array in batch.data]
    return Batch(batch.numbers, data, rows.stop - rows.start)


def _joined(lanes: np.ndarray) -> np.ndarray:
    """The sums of eight lanes each, over the last axis, in the order of `reduction`."""
    pairs = lanes[..., ::2] + lanes[..., 1::2]
    fours = pairs[..., ::2] + pairs[..., 1::2]
    return np.asarray(fours[..., 0] + fours[..., 1])


def _needed(made: Sequence[Step], wanted: Any) -> list[Step]:
    """Those steps that the wanted slots depend on."""
    found, slots = [], set(wanted)
    for row, operands, result in reversed(made):
        if result in slots:
            found.append((row, operands, result))
            slots.update(operands)
    return found[::-1]
