"""Which executor runs a program, and the threads it runs on.

    python   the readable interpreter, one operation of one example after the other
    native   the same, compiled: the quickest to start
    numpy    each operation over a block of rows
    llvm     machine code of the program's own: the fastest, once compiling it has paid

All compute the same: the same bits but for the elementary functions of numpy and llvm, which are within a few units
in the last place of those of the scalar engine.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import math
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Optional, TypeVar

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._core import c_text
from autograd_mini._core.extras import library
from autograd_mini._core.value import engine
from autograd_mini.primitives import ROWS
from autograd_mini.program._batch import Batch, Blocks
from autograd_mini.program._layout import Data, Part, fill
from autograd_mini.program._reduction import blocks
from autograd_mini.program._scalar import Interpreter, RowByRow
from autograd_mini.program._vectorized import LoopsOverArrays, Vectorized

NAMES = ("python", "native", "numpy", "llvm")


class Cost(NamedTuple):
    """What an executor takes, in seconds, as measured: it decides which one runs, and nothing else."""

    start: float            # making it ready
    start_operation: float  # ... for each operation
    operation: float        # each operation on a row
    block: float            # each operation on a block, whatever its rows

    def to_start(self, operations: int) -> float:
        return self.start + self.start_operation * operations

    def to_run(self, operations: int, rows: int) -> float:
        return operations * (self.operation * rows + self.block * blocks(rows))


COSTS = {
    "python": Cost(0.0, 0.0, 200e-9, 0.0),
    "native": Cost(0.0, 0.0, 1.6e-9, 0.0),
    "numpy": Cost(0.0, 0.0, 2e-9, 1.5e-6),
    "llvm": Cost(20e-3, 20e-6, 0.2e-9, 0.0),
}
LONGEST = 200_000
"""Operations beyond which machine code for one example, which leaving Python waits for, would take many seconds."""
GAIN = 4
"""How many times as long as compiling a call over data must be expected to take for it to wait for machine code."""
ROUNDS, TRIALS = 9, 3
"""How often two take turns before one is kept, and how often each is tried over data before it may lose."""
TURNS = 20e-3
"""Seconds after which a call over data takes no more turns."""
HOPELESS = 4.0
"""How many times as long as the quickest one an executor may be expected to take and still be tried."""
THREAD = 0.5e-3
"""The work, in seconds, that is worth a thread."""


@functools.cache
def _built() -> Any:
    """The module of the compiled interpreter, or None where it was not built or the readable engine is in use."""
    if engine != "native":
        return None
    try:
        return importlib.import_module("autograd_mini.program._interpreter")
    except ModuleNotFoundError:
        return None


@functools.cache
def compiled_interpreter() -> Any:
    """The same, once it is sure that it was made from this table of primitives."""
    module = _built()
    if module and not c_text.is_stamp_of(module.FINGERPRINT, ROWS[:module.ROWS]):
        raise ImportError("the compiled interpreter was built from another table of primitives: build it again with "
                          "`pip install .` (or `python setup.py build_ext --inplace`), or set "
                          "AUTOGRAD_MINI_ENGINE=python to use the readable one")
    return module


Method = TypeVar("Method", bound=Callable[..., Any])


def quick(method: Method) -> Method:
    """A method of Programs, which the extension calls without a line of Python where a program has a caller for it."""
    module = _built()
    return module.Quick(method) if module else method


@functools.cache
def llvm_is_installed() -> bool:
    """Whether llvmlite can be imported; looked up once."""
    return importlib.util.find_spec("llvmlite") is not None


_background: Optional[ThreadPoolExecutor] = None


def _compile(lock: Any, work: Callable[..., Any], *arguments: Any) -> tuple[int, Future[Any]]:
    """Have it done by the thread that compiles, under the lock that a fork waits for.

    Returned with the process that the thread is in, as a child has no such thread.
    """
    global _background

    def locked() -> Any:
        with lock:
            return work(*arguments)

    if _background is None:
        _background = ThreadPoolExecutor(1, "autograd_mini compiles")  # which is waited for when Python ends
    return os.getpid(), _background.submit(locked)


def _forget_threads() -> None:
    global _background
    _background = None
    _pools.clear()


_pools: dict[int, ThreadPoolExecutor] = {}


def _helpers(count: int) -> ThreadPoolExecutor:
    """Threads that are kept, as starting one takes longer than handing it work."""
    if count not in _pools:
        _pools[count] = ThreadPoolExecutor(count, "autograd_mini rows")
    return _pools[count]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


class Executors:
    """The executors of one body, made when they are first needed, and the choice between them."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._stories: dict[bool, tuple[Any, ...]] = {}
        self._native = compiled_interpreter()
        self._scalar = "native" if self._native else "python"
        self._has_llvm = llvm_is_installed()
        self._made: dict[Any, Any] = {}
        self._spent: dict[Any, float] = {}
        self._seen: dict[Any, dict[str, list[float]]] = defaultdict(dict)
        # the best times of one thread, and of several
        self._shared: dict[Any, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        self._jobs: dict[Any, tuple[int, Future[Any]]] = {}
        self._one = self._scalar
        self._numbers: Any = None
        self._ran: Any = None
        self._lock = threading.RLock()

    # Making them --------------------------------------------------------------------------------------------------

    def scalar(self, name: str) -> Any:
        """What runs one example: an object with `run(numbers)`."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make_scalar(name)
            return self._made[name]

    def _make_scalar(self, name: str) -> Any:
        if name == "python":
            return Interpreter(self.body)
        if name == "numpy":
            return _OneRow(self._vectorized((False,) * self.body.inputs))
        if name == "llvm":
            compiled = self._llvm().Scalar(self.body)
            if self._native is None or self._calls_back():
                return compiled
            address = compiled.function.machine.address("scalar")
            return self._native.Interpreter(self.body, address, compiled.text.frame, compiled)
        if self._native is None:
            raise ImportError("executor='native' needs the compiled extension: install with a C compiler and without "
                              "AUTOGRAD_MINI_ENGINE=python, or use executor='numpy', which works everywhere")
        return self._native.Interpreter(self.body)

    def over_data(self, name: str, is_data: tuple[bool, ...]) -> Any:
        """What runs over data: an object with `sums` and `rows`."""
        by_block = name == "numpy" or (name == "llvm" and not self.body.has_loops)
        key = (name, is_data) if by_block else (name, "rows")
        with self._lock:
            if key not in self._made:
                if name == "numpy":
                    self._made[key] = self._vectorized(is_data)
                elif name == "llvm" and not self.body.has_loops:
                    self._made[key] = self._llvm().Rows(self.body, is_data)
                else:
                    self._made[key] = RowByRow(self.scalar(name), len(self.body.outputs))
            return self._made[key]

    def _vectorized(self, is_data: tuple[bool, ...]) -> Blocks:
        return LoopsOverArrays(self.body) if self.body.has_loops else Vectorized(self.body, is_data)

    def _llvm(self) -> Any:
        if not self._has_llvm:
            library("llvmlite", "executor='llvm'")
        return importlib.import_module("autograd_mini.program._llvm.execution")

    # Running ------------------------------------------------------------------------------------------------------

    def run(self, numbers: np.ndarray, executor: Optional[str]) -> Sequence[float]:
        """The outputs for one example."""
        name, self._numbers = executor or self._one, numbers
        self._tell(_known(name), executor, None, "")
        return self.scalar(name).run(numbers)

    def caller(self, arguments: Sequence[Any], result: Any,
               executor: Optional[str]) -> Optional[Callable[[tuple[Any, ...]], Any]]:
        """What calls the program quickly where its arguments are the usual ones, and else returns NotImplemented.

        Where no executor is named it begins with the interpreter. Once machine code would have paid it is spent and
        returns NotImplemented; asking again has machine code made in the background and timed beside the interpreter,
        and gives one that calls the winner. None without the extension.
        """
        if self._native is None or executor in ("python", "numpy") or (executor == "llvm" and self._calls_back()):
            return None
        known = self._made.get(("caller", executor))
        if known is not None and not known.is_spent:
            return known
        native, name, most, more, times = self._native, executor or "native", sys.maxsize, "", None
        operations = max(1, self.body.work)
        if executor is None and not self._has_llvm:
            more = "; llvmlite is not installed"
        elif executor is None and self._calls_back():
            more = "; rows of your own are called"
        elif executor is None and operations > LONGEST and not self.body.has_loops:
            more = "; compiling would take too long"
        elif executor is None:
            most = int(COSTS["llvm"].to_start(self.body.length) / COSTS["native"].to_run(operations, 1))
            more = f"; llvm is tried after {most:,} calls"
            if known is not None:
                times = self._result("one", self._time_one, self.scalar("native"), self._numbers)
                more = "; llvm is being compiled"
            if known is not None and times is not None:
                name = self._one = _quickest(times)
                most, more = sys.maxsize, ""

        def place(part: Part) -> Any:
            return native.Place(part.start, part.shape)

        self._tell(name, executor, None, more, times)
        made = native.Caller(self.scalar(name), tuple([fill(layout, place) for layout in arguments]),
                             fill(result, place), most)
        self._made["caller", executor] = made
        return made

    def _result(self, key: Any, work: Callable[..., Any], *arguments: Any) -> Any:
        """What a job for the background gave, None while it is under way; raises what it raised."""
        process, job = self._jobs.get(key, (None, None))
        if job is None or process != os.getpid():
            self._jobs[key] = _compile(self._llvm().engine.lock, work, *arguments)
            return None
        return job.result() if job.done() else None

    def _time_one(self, interpreter: Any, numbers: np.ndarray) -> dict[str, list[float]]:
        """Seconds for one example: machine code, which is made here, and the interpreter, in turn."""
        made = {"native": interpreter, "llvm": self._make_scalar("llvm")}
        self._made["llvm"] = made["llvm"]
        times: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(ROUNDS):
            for name, executor in made.items():
                times[name].append(_seconds(lambda: executor.run(numbers)))  # noqa: B023
        return times

    def batch_caller(self, arguments: Sequence[Any], result: Any, batch: Batch, purpose: str,
                     executor: Optional[str], threads: Optional[int]) -> Any:
        """What calls machine code quickly where arguments are laid out as in this batch, and else NotImplemented.

        None where machine code is not what ran last, without the extension, where a layout takes more than is done
        there, and for several threads.
        """
        if self._native is None or self._ran is not self._made.get(("llvm", batch.is_data())) \
                or (threads or 1) > 1 or self._calls_back():
            return None
        # what wins for some rows does for more of them too
        least, most = 1 if executor else 1 << batch.rows.bit_length() - 1, sys.maxsize
        if threads is None and cores() > 1:
            shared = math.ceil(2 * THREAD / self._cost("llvm", 1))  # rows that threads may be worth
            most = shared - 1
            if batch.rows >= shared:
                if self._threads("llvm", batch, purpose == "map") > 1:
                    return None
                most = 2 ** batch.rows.bit_length() - 1
        return self._llvm().batch_caller(self._native, self._ran, arguments, result, batch, purpose, least, most)

    def wins(self, caller: Callable[[], Any], another: Callable[[str], Any], batch: Batch, by_row: bool) -> bool:
        """Whether a call of machine code is as quick as the best of the others, with which it takes turns here."""
        seen = self._seen[_class(batch, by_row)]
        others = {name: times for name, times in seen.items() if name != "llvm"}
        if not others:
            return True
        rival = _quickest(others)
        seen["llvm"], seen[rival] = [], []  # whole calls now, which were kernels
        until = time.perf_counter() + TURNS
        for _ in range(ROUNDS):
            _note(_seconds(caller), seen["llvm"])
            _note(_seconds(lambda: another(rival)), seen[rival])
            if time.perf_counter() > until:
                break
        self._tell(_quickest(seen), None, batch.rows, "", seen)
        return _quickest(seen) == "llvm"

    def _calls_back(self) -> bool:
        """Whether an operation is a row that the compiled interpreter does not know."""
        return any(row.index < 0 for row in self.body.primitives)

    def sums(self, batch: Batch, executor: Optional[str], threads: Optional[int]) -> np.ndarray:
        """The sums of the outputs over each block, an array of shape (blocks, outputs)."""
        sums = np.zeros((blocks(batch.rows), len(self.body.outputs)))
        self._run(batch, (), executor, threads, lambda kernel, first, last: kernel.sums(batch, first, last, sums))
        return sums

    def rows(self, batch: Batch, out: Sequence[Data], executor: Optional[str], threads: Optional[int]) -> None:
        """Write the outputs for each row."""
        self._run(batch, out, executor, threads, lambda kernel, first, last: kernel.rows(batch, first, last, out))

    def _run(self, batch: Batch, out: Sequence[Data], executor: Optional[str], threads: Optional[int],
             work: Callable[[Any, int, int], None]) -> None:
        """Choose, run and note the time it took."""
        is_data = batch.is_data()
        seen = self._seen[_class(batch, bool(out))]
        name, more = (_known(executor), "") if executor else self._choose(batch, out, is_data, seen)
        self._ran = kernel = self.over_data(name, is_data)
        count = self._threads(name, batch, bool(out)) if threads is None else threads
        seconds = _seconds(lambda: self._share(batch, count, functools.partial(work, kernel)))
        if threads is None:
            _note(seconds, self._shared[name, _class(batch, bool(out))][count > 1])
        if not executor:
            _note(seconds, seen.setdefault(name, []))
            self._spent[is_data] = self._spent.get(is_data, 0.0) + seconds
        self._tell(name, executor, batch.rows, more, None if executor else seen)

    def _choose(self, batch: Batch, out: Sequence[Data], is_data: tuple[bool, ...],
                seen: dict[str, list[float]]) -> tuple[str, str]:
        """The executor that was quickest for about as many rows, and why it is.

        Once the others have taken as long as compiling would, machine code is made in the background, and tried.
        """
        if self.body.has_loops:  # machine code of one example after the other is compiled in a moment
            late = self._has_llvm and self._spent.get(is_data, 0.0) > COSTS["llvm"].start
            return self._trial((self._scalar, "numpy", *["llvm"] * late), batch, seen), ""
        operations = self.body.work
        usual = self._trial((self._scalar, "numpy"), batch, seen)
        if not self._has_llvm:
            return usual, "; llvmlite is not installed"
        compiling = COSTS["llvm"].to_start(operations)
        at_once = COSTS[usual].to_run(operations, batch.rows) > GAIN * compiling
        if batch.rows == 0 or not (at_once or self._spent.get(is_data, 0.0) >= compiling):
            return usual, f"; llvm is tried after {compiling:.2g} s of work"
        kernel, key = self._made.get(("llvm", is_data)), (is_data, bool(out))
        if at_once and (kernel is None or not kernel.is_ready(batch, out)):
            self._make_rows(is_data, batch, out)
        elif kernel is None or not kernel.is_ready(batch, out):
            if self._result(key, self._make_rows, is_data, batch, out) is not None:
                del self._jobs[key]  # it was for another layout
            return usual, "; llvm is being compiled"
        return self._trial(("llvm", usual), batch, seen), ""

    def _trial(self, names: Sequence[str], batch: Batch, seen: dict[str, list[float]]) -> str:
        """The quickest of these for about as many rows; who has not been tried often enough, and may win, is tried."""
        expected = {name: COSTS[name].to_run(self.body.work, batch.rows) for name in names}
        limit = HOPELESS * min(expected.values())
        for name in names:
            if len(seen.get(name, ())) < TRIALS and expected[name] <= limit:
                return name
        return _quickest({name: seen[name] for name in names if name in seen})

    def _make_rows(self, is_data: tuple[bool, ...], batch: Batch, out: Sequence[Data]) -> bool:
        """Machine code for batches laid out like this one."""
        kernel = self._made.get(("llvm", is_data)) or self._llvm().Rows(self.body, is_data)
        kernel.make_ready(batch, out)
        self._made["llvm", is_data] = kernel
        return True

    def _tell(self, name: str, executor: Optional[str], rows: Optional[int], more: str, times: Any = None) -> None:
        self._stories.pop(rows is None, None)
        self._stories[rows is None] = name, executor, rows, more, times

    def explain(self) -> str:
        """What was chosen, and why: a line for one example and one for data, the later first."""
        return "\n".join(map(self._told, reversed(self._stories.values()))) or "nothing has run yet"

    def _told(self, story: tuple[Any, ...]) -> str:
        name, executor, rows, more, times = story
        why, amount = "as asked for" if executor else "as the quickest for that", "one example"
        if rows is not None:
            amount = f"{rows:,} rows"
        found = [f"{name} {min(seconds) * 1e6:,.1f} us" for name, seconds in sorted((times or {}).items())]
        took = "; took " + ", ".join(found) if found else ""
        return f"{name} for {self.body.work:,} operations over {amount}, {why}{more}{took}"

    def _cost(self, name: str, rows: int) -> float:
        """What a run takes, in seconds, by the table of costs."""
        return COSTS[name].to_run(self.body.work + self.body.inputs, rows)

    def _threads(self, name: str, batch: Batch, by_row: bool) -> int:
        """How many threads to take: where several may be worth it, what was quicker for about as many rows."""
        most = min(cores(), blocks(batch.rows), int(self._cost(name, batch.rows) / THREAD))
        if most <= 1:
            return 1
        alone, together = self._shared[name, _class(batch, by_row)]
        if len(together) < TRIALS:
            return most
        return 1 if len(alone) < TRIALS or alone[0] <= together[0] else most

    def _share(self, batch: Batch, threads: int, work: Callable[[int, int], None]) -> None:
        """Do the work on the blocks of a batch, in contiguous shares, one for each thread."""
        if threads < 1:
            raise ValueError(f"threads={threads}: at least one thread is needed")
        count = blocks(batch.rows)
        threads = min(threads, count)
        if threads <= 1:
            return work(0, count)
        bounds = [count * place // threads for place in range(threads + 1)]
        others = [_helpers(threads - 1).submit(work, *share) for share in itertools.pairwise(bounds[1:])]
        try:
            work(0, bounds[1])
        finally:
            for finished in others:
                finished.result()


class _OneRow:
    """One example as a batch of one row."""

    def __init__(self, vectorized: Any) -> None:
        self.vectorized = vectorized

    def run(self, numbers: np.ndarray) -> np.ndarray:
        batch = Batch(np.asarray(numbers, dtype=np.float64), (), 1)
        return self.vectorized.block(self.vectorized.prepare(batch), batch, 0, 1)[0]


def _class(batch: Batch, by_row: bool) -> Any:
    """What batches have in common that take about as long."""
    return batch.is_data(), by_row, batch.rows.bit_length()


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _note(seconds: float, best: list[float]) -> None:
    """Keep a time among the best ones, as many as there are trials."""
    best[:] = sorted([*best, seconds])[:TRIALS]


def _quickest(times: dict[str, list[float]]) -> str:
    """Who had the shortest time of all, which others working on the machine lengthen least."""
    return min(times, key=lambda name: min(times[name]))


def _known(executor: str) -> str:
    if executor not in NAMES:
        raise ValueError(f"no executor is called {executor!r}: choose from {', '.join(NAMES)}")
    return executor


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
