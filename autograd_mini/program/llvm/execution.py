"""Running compiled bodies: one example, and rows of data.

`Scalar` and `Rows` have the interfaces of the readable executors: the same batches, sums of the same blocks in the
same order. `Rows` writes code for the layout and dtype of each array the first time it meets them; the rows that do
not fill a tile go through the scalar function, which has the same bits.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.program.batch import Batch
from autograd_mini.program.body import Body
from autograd_mini.program.layout import Data
from autograd_mini.program.llvm import engine, kernels
from autograd_mini.program.llvm.kernels import RowsPlan
from autograd_mini.program.llvm.loading import TILE, addresses, loadable, source
from autograd_mini.program.llvm.lowering import Step, steps, watched
from autograd_mini.program.reduction import BLOCK, LANES, join
from autograd_mini.program.simplify import expand


class Scalar:
    """A body compiled for one example.

    run(numbers)    numbers: an array of float64, one for each input; returns an array, one number for each output

    Safe to call from several threads; the frame of a large graph is made anew for every call.
    """

    def __init__(self, body: Body) -> None:
        body = expand(body)
        self._prepare(body.inputs, body.constants, steps(body), body.outputs)

    @classmethod
    def of_steps(cls, inputs: int, constants: Sequence[float], made: Sequence[Step], outputs: Sequence[int]) -> Scalar:
        self = cls.__new__(cls)
        self._prepare(inputs, constants, made, outputs)
        return self

    def _prepare(self, inputs: int, constants: Sequence[float], made: Sequence[Step], outputs: Sequence[int]) -> None:
        self.text = kernels.scalar(inputs, constants, made, outputs)
        self.inputs, self.outputs = inputs, len(outputs)

    @cached_property
    def function(self) -> Any:
        """scalar(address of the numbers, of the results, of the frame)"""
        return engine.compile_text(self.text.module, self.text.optimized).function("scalar", 3)

    def run(self, numbers: np.ndarray) -> np.ndarray:
        results, frame = np.empty(self.outputs), np.empty(self.text.frame)
        numbers = np.ascontiguousarray(numbers, dtype=np.float64)
        self.function(numbers.ctypes.data, results.ctypes.data, frame.ctypes.data)
        engine.raise_failure()
        return results

    def run_rows(self, table: np.ndarray) -> np.ndarray:
        """The outputs for each row of a table of shape (rows, inputs)."""
        results, frame = np.empty((len(table), self.outputs)), np.empty(self.text.frame)
        for number, given in enumerate(table):
            self.function(given.ctypes.data, results[number].ctypes.data, frame.ctypes.data)
        engine.raise_failure()
        return results


class _Arrays:
    """The arrays of a batch, as compiled code is told of them."""

    def __init__(self, batch: Batch) -> None:
        self.data = [Data(at, loadable(array)) for at, array in batch.data]
        self.layouts = tuple([source(at, array) for at, array in self.data])
        self.strides = np.array([array.strides[0] for _, array in self.data], dtype=np.int64)
        self.addresses = np.array([address for layout, (_, array) in zip(self.layouts, self.data)
                                   for address in addresses(layout, array)], dtype=np.int64)


class Rows:
    """A body compiled for rows in which the given inputs are data.

    sums(batch, first, last, sums)    write the sums over the blocks from `first` to `last` into `sums[first:last]`
    rows(batch, first, last, out)     write the outputs for the rows of those blocks

    Both may be called from several threads, for different blocks.
    """

    def __init__(self, body: Body, is_data: Sequence[bool]) -> None:
        self.body = expand(body)
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
        self._once = Scalar.of_steps(self.body.inputs, self.body.constants,
                                     _needed([step for step in every if not varies[step[2]]], self.shared),
                                     list(self.shared))
        self._tail = Scalar(body)
        # an output that is asked for twice is added up once
        self.summed = tuple(dict.fromkeys(self.body.outputs))
        self.place = [self.summed.index(slot) for slot in self.body.outputs]
        self.first_position = [self.body.outputs.index(slot) for slot in self.summed]
        self._kernels: dict[Any, tuple[Any, int, int]] = {}
        self._lock = threading.Lock()

    def sums(self, batch: Batch, first: int, last: int, sums: np.ndarray) -> None:
        start, stop = first * BLOCK, min(last * BLOCK, batch.rows)
        arrays = _Arrays(batch)
        lanes = np.zeros((last - first, len(self.summed), LANES))
        run = functools.partial(self._run, arrays, self._shared(batch), summed=self.summed)
        made = run(start, (stop - start) // TILE, careful=False)
        for block in np.flatnonzero(np.isnan(made.sum(axis=2)).any(axis=1)).tolist():
            begin = start + block * BLOCK
            again = run(begin, (min(begin + BLOCK, stop) - begin) // TILE, careful=True)
            made[block, :len(self.summed)] = again[0]
        lanes[:len(made)] = made[:, :len(self.summed)]
        rest = stop - (stop - start) % TILE
        for row, numbers in enumerate(self._tail_rows(arrays, batch, rest, stop)):
            lanes[-1, :, row % LANES] += numbers[self.first_position]
        sums[first:last] = join(np.moveaxis(lanes, 2, 0))[:, self.place]

    def rows(self, batch: Batch, first: int, last: int, out: Sequence[Data]) -> None:
        start, stop = first * BLOCK, min(last * BLOCK, batch.rows)
        arrays = _Arrays(batch)
        columns = {at + column: array[:, column] for at, array in out for column in range(array.shape[1])}
        targets = [(self.body.outputs[position], column) for position, column in columns.items()]
        run = functools.partial(self._run, arrays, self._shared(batch), targets=targets)
        made = run(start, (stop - start) // TILE, careful=False)
        for block in np.flatnonzero(np.isnan(made).any(axis=(1, 2))).tolist():
            begin = start + block * BLOCK
            run(begin, (min(begin + BLOCK, stop) - begin) // TILE, careful=True)
        rest = stop - (stop - start) % TILE
        if rest < stop:
            tail = self._tail_rows(arrays, batch, rest, stop)
            for position, column in columns.items():
                column[rest:stop] = tail[:, position]

    def _shared(self, batch: Batch) -> np.ndarray:
        return self._once.run(batch.numbers) if self.shared else np.zeros(1)

    def _tail_rows(self, arrays: _Arrays, batch: Batch, start: int, stop: int) -> np.ndarray:
        """The outputs for a few rows, one after the other."""
        table = np.empty((stop - start, self.body.inputs))
        table[:] = batch.numbers
        for at, array in arrays.data:
            table[:, at:at + array.shape[1]] = array[start:stop]
        return self._tail.run_rows(table)

    def _run(self, arrays: _Arrays, shared: np.ndarray, start: int, tiles: int, careful: bool,
             summed: Sequence[int] = (), targets: Sequence[tuple[int, np.ndarray]] = ()) -> np.ndarray:
        """Run a kernel over whole tiles; returns the lanes of the sums, of shape (blocks, summed and watched, 8)."""
        written = tuple((slot, column.strides[0] == 8) for slot, column in targets)
        key = arrays.layouts, written, careful, bool(summed)
        known = self._kernels.get(key)
        if known is None:
            with self._lock:
                known = self._kernels[key] = self._compile(arrays.layouts, written, summed, careful)
        function, count, frame_size = known
        lanes = _aligned(-(-tiles * TILE // BLOCK), count, LANES)
        if not tiles:
            return lanes
        outs = np.array([(column.ctypes.data, column.strides[0]) for _, column in targets], dtype=np.int64).T.copy()
        frame = _aligned(frame_size)
        function(start, tiles, arrays.addresses.ctypes.data, arrays.strides.ctypes.data, shared.ctypes.data,
                 frame.ctypes.data, lanes.ctypes.data, outs.ctypes.data, outs.ctypes.data + outs.nbytes // 2)
        engine.raise_failure()
        return lanes

    def _compile(self, layouts: Any, written: Any, summed: Sequence[int], careful: bool) -> tuple[Any, int, int]:
        watch = [] if careful else watched(self.steps, summed)
        plan = RowsPlan(self.steps, layouts, self.constants, self.shared, [*summed, *watch], written, careful)
        text = kernels.rows(plan)
        function = engine.compile_text(text.module, text.optimized).function("kernel", 9)
        return function, len(plan.summed), text.frame


def _needed(made: Sequence[Step], wanted: Any) -> list[Step]:
    """Those steps that the wanted slots depend on."""
    found, slots = [], set(wanted)
    for row, operands, result in reversed(made):
        if result in slots:
            found.append((row, operands, result))
            slots.update(operands)
    return found[::-1]


def _aligned(*shape: int) -> np.ndarray:
    """An array whose numbers begin at a multiple of 64 bytes."""
    size = math.prod(shape)
    memory = np.empty(size + 8)
    offset = -memory.ctypes.data % 64 // 8
    return memory[offset:offset + size].reshape(shape)
