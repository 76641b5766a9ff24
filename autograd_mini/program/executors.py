"""Which executor runs a program, and the threads it runs on.

    python   the readable interpreter, one operation of one example after the other
    native   the same, compiled: the quickest to start
    numpy    each operation over a block of rows
    llvm     machine code of the program's own: the fastest, once compiling has paid

All compute the same: the same bits but for the elementary functions of numpy and llvm, which are within a few units
in the last place of those of the scalar engine.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

from autograd_mini import c_text
from autograd_mini.primitives import ROWS
from autograd_mini.program.batch import Batch
from autograd_mini.program.body import Body
from autograd_mini.program.interpreter import Interpreter, RowByRow
from autograd_mini.program.layout import Data, Part, fill
from autograd_mini.program.reduction import blocks
from autograd_mini.program.vectorized import Vectorized
from autograd_mini.value import engine

NAMES = ("python", "native", "numpy", "llvm")

# What was measured, in seconds: compiling, and an operation in each executor. It only decides which one runs
COMPILE, COMPILE_OPERATION = 15e-3, 0.2e-3
SCALAR_OPERATION = {"python": 200e-9, "native": 2e-9, "llvm": 0.7e-9}
BLOCK_OPERATION, ROW_OPERATION, LLVM_ROW_OPERATION = 1.5e-6, 1e-9, 0.2e-9
THREAD = 1e-3  # the work that is worth a thread


def compiled_interpreter() -> Any:
    """The compiled interpreter's module, or None where the package is installed or asked for without it."""
    if engine != "native":
        return None
    try:
        module = importlib.import_module("autograd_mini.program._interpreter")
    except ModuleNotFoundError:
        return None
    if c_text.fingerprint(c_text.kernels(ROWS[:module.ROWS])) != module.FINGERPRINT:
        raise ImportError("the compiled interpreter was built from another table of primitives: build it again with "
                          "`pip install .` (or `python setup.py build_ext --inplace`), or set "
                          "AUTOGRAD_MINI_ENGINE=python to use the readable one")
    return module


def have_llvm() -> bool:
    """Whether llvmlite is installed."""
    return importlib.util.find_spec("llvmlite") is not None


class Executors:
    """The executors of one body, made when they are first needed, and the choice between them."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.operations = max(1, len(body.operations))
        self.native = compiled_interpreter()
        self.done: dict[Any, int] = {}
        self.story = "nothing has run yet"
        self._made: dict[Any, Any] = {}
        self._lock = threading.RLock()

    def interpreter(self, name: str) -> Any:
        """What runs one example: an object with `run(numbers)`."""
        if name == "numpy":
            return self._make("numpy", lambda: _OneRow(Vectorized(self.body, [False] * self.body.inputs)))
        if name == "native":
            return self._make("native", lambda: self._require_native().Interpreter(self.body))
        return self._make("python", lambda: Interpreter(self.body))

    def _require_native(self) -> Any:
        if self.native is None:
            raise ImportError("executor='native' needs the compiled extension: install with a C compiler, without "
                              "AUTOGRAD_MINI_ENGINE=python; executor='numpy' works everywhere")
        return self.native

    def over_data(self, name: str, batch: Batch) -> Any:
        """What runs over data: an object with `sums` and `rows`."""
        is_data = batch.is_data()
        if name == "numpy":
            return self._make(("numpy", is_data), lambda: Vectorized(self.body, is_data))
        return self._make(("rows", name), lambda: RowByRow(self.interpreter(name), len(self.body.outputs)))

    def _make(self, key: Any, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._made:
                made = make()
                self._made[key] = made
            return self._made[key]

    def run(self, numbers: np.ndarray, executor: Optional[str]) -> Sequence[float]:
        """The outputs for one example."""
        name = _known(executor) or ("native" if self.native else "python")
        self._tell(name, executor, "one example")
        return self.interpreter(name).run(numbers)

    def caller(self, arguments: Sequence[Any], result: Any) -> Callable[[tuple[Any, ...]], Any]:
        """What calls the compiled interpreter with usual arguments and returns NotImplemented for others."""
        if self.native is None:
            return lambda arguments: NotImplemented
        native = self.native

        def place(part: Part) -> Any:
            return native.Place(part.start, part.shape)

        return native.Caller(self.interpreter("native"), tuple([fill(layout, place) for layout in arguments]),
                             fill(result, place))

    def sums(self, batch: Batch, executor: Optional[str], threads: Optional[int]) -> np.ndarray:
        """The sums of the outputs over each block, an array of shape (blocks, outputs)."""
        sums = np.zeros((blocks(batch.rows), len(self.body.outputs)))
        kernel = self.over_data(self.choose(batch, executor), batch)
        self._share(batch, threads, lambda first, last: kernel.sums(batch, first, last, sums))
        return sums

    def rows(self, batch: Batch, out: Sequence[Data], executor: Optional[str], threads: Optional[int]) -> None:
        """Write the outputs for each row."""
        kernel = self.over_data(self.choose(batch, executor), batch)
        self._share(batch, threads, lambda first, last: kernel.rows(batch, first, last, out))

    def choose(self, batch: Batch, executor: Optional[str]) -> str:
        """The executor for a batch, by what each would take."""
        scalar = "native" if self.native else "python"
        one_by_one = SCALAR_OPERATION[scalar] * batch.rows
        in_blocks = BLOCK_OPERATION * blocks(batch.rows) + ROW_OPERATION * batch.rows
        name = _known(executor) or (scalar if one_by_one < in_blocks else "numpy")
        self._tell(name, executor, f"{batch.rows:,} rows")
        return name

    def _tell(self, name: str, executor: Optional[str], amount: str) -> None:
        why = "as asked for" if executor else "as the quickest for it"
        self.story = f"{name} ran the last call, {self.operations:,} operations over {amount}, {why}"

    def _share(self, batch: Batch, threads: Optional[int], work: Callable[[int, int], None]) -> None:
        """Do the work on the blocks of a batch, in contiguous shares, one for each thread."""
        count = blocks(batch.rows)
        if threads is None:
            threads = min(cores(), int(batch.rows * self.operations * LLVM_ROW_OPERATION / THREAD))
        elif threads < 1:
            raise ValueError(f"threads={threads}: at least one thread is needed")
        threads = min(threads, count)
        if threads <= 1:
            return work(0, count)
        from concurrent.futures import ThreadPoolExecutor

        bounds = [count * place // threads for place in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            for finished in [pool.submit(work, first, last) for first, last in itertools.pairwise(bounds)]:
                finished.result()


class _OneRow:
    """One example as a batch of one row."""

    def __init__(self, vectorized: Vectorized) -> None:
        self.vectorized = vectorized

    def run(self, numbers: np.ndarray) -> np.ndarray:
        batch = Batch(np.asarray(numbers, dtype=np.float64), (), 1)
        return self.vectorized.block(self.vectorized.prepare(batch), batch, 0, 1)[0]


def _known(executor: Optional[str]) -> Optional[str]:
    if executor is not None and executor not in NAMES:
        raise ValueError(f"no executor is called {executor!r}: choose from {', '.join(NAMES)}")
    return executor


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
