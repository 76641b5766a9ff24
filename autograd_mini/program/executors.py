"""Which executor runs a program, and the threads it runs on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini.program import interpreter
from autograd_mini.program.body import Body
from autograd_mini.program.layout import Data
from autograd_mini.program.reduction import blocks
from autograd_mini.program.vectorized import Batch, Vectorized

NAMES = ("python", "native", "numpy", "llvm")


class Executors:
    """The executors of one body, made when they are first needed."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._made: dict[Any, Any] = {}
        self._chosen = "nothing has run yet"

    def run(self, numbers: np.ndarray, executor: Optional[str]) -> Sequence[float]:
        """The outputs for one example."""
        return interpreter.run(self.body, numbers.tolist())

    def sums(self, batch: Batch, executor: Optional[str], threads: Optional[int]) -> np.ndarray:
        """The sums of the outputs over each block, an array of shape (blocks, outputs)."""
        sums = np.zeros((blocks(batch.rows), len(self.body.outputs)))
        kernel = self._over_data(batch)
        _share(blocks(batch.rows), threads, lambda first, last: kernel.sums(batch, first, last, sums))
        return sums

    def rows(self, batch: Batch, out: Sequence[Data], executor: Optional[str], threads: Optional[int]) -> None:
        """Write the outputs for each row."""
        kernel = self._over_data(batch)
        _share(blocks(batch.rows), threads, lambda first, last: kernel.rows(batch, first, last, out))

    def explain(self) -> str:
        return self._chosen

    def _over_data(self, batch: Batch) -> Any:
        is_data = [False] * self.body.inputs
        for start, array in batch.data:
            is_data[start:start + array.shape[1]] = [True] * array.shape[1]
        key = tuple(is_data)
        if key not in self._made:
            self._made[key] = Vectorized(self.body, is_data)
        return self._made[key]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _share(count: int, threads: Optional[int], work: Callable[[int, int], None]) -> None:
    """Do the work on `count` blocks, in contiguous shares, one for each thread."""
    threads = min(cores() if threads is None else threads, count)
    if threads <= 1:
        return work(0, count)
    from concurrent.futures import ThreadPoolExecutor

    bounds = [count * place // threads for place in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for finished in [pool.submit(work, first, last) for first, last in itertools.pairwise(bounds)]:
            finished.result()
