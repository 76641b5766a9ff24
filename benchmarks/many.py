"""Sums over more than one process and more than memory: what parts cost, and what a thousand cores would make of it."""

from __future__ import annotations

import heapq
import random
import tempfile
from typing import Any, Callable, Iterator, NamedTuple

import numpy as np

from autograd_mini import hessian, trace, value_and_grad

from .cases import logistic_loss
from .timing import available, compare, table


def main() -> None:
    """Print the tables."""
    print(streams())
    if available("distributed"):
        print(cluster())
    print(outlook())


def _step(features: int) -> tuple[Any, np.ndarray, float]:
    w = np.linspace(-1, 1, features)
    return trace(value_and_grad(logistic_loss, argnums=(0, 1)), w, 0.1, np.zeros(features), 1.0), w, 0.1


def streams(rows: int = 2_000_000, features: int = 20) -> str:
    """A memory map, added up batch by batch, beside one call with the whole array."""
    step, w, b = _step(features)
    draw = np.random.default_rng(0)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        x = np.lib.format.open_memmap(file.name, "w+", float, (rows, features))
        for start in range(0, rows, 100_000):
            x[start:start + 100_000] = draw.normal(size=(min(100_000, rows - start), features))
        y = draw.integers(0, 2, size=rows).astype(float)

        def parts(size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return ((x[start:start + size], y[start:start + size]) for start in range(0, rows, size))

        sizes = (100, 1_000, 10_000, 100_000)
        contestants: dict[str, Callable[[], Any]] = {"whole": lambda: step.mean(w, b, x, y, threads=1)}
        for size in sizes:
            contestants[f"{size:,}"] = lambda size=size: step.mean(w, b, batches=parts(size), threads=1)  # type: ignore
        timings = compare(contestants, "whole", rounds=3)
    lines = [[name, f"{timing.median / rows * 1e9:.1f} ns", f"{timing.ratio:.2f}"] for name, timing in timings.items()]
    return table(f"Mean cost and gradient over {rows:,} rows of {features} features in a memory map, one thread",
                 ["rows a batch", "a row", "of the whole at once"], lines)


def cluster(features: int = 20) -> str:
    """Dask's local cluster of two processes beside one process with one thread, the data being where it is needed."""
    import dask.array as da
    from distributed import Client, LocalCluster, wait

    step, w, b = _step(features)
    second = trace(hessian(logistic_loss), w, b, np.zeros(features), 1.0)
    lines = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made, Client(made):
        for name, program, rows, chunk in (
                ("cost and gradient", step, 100_000, 10_000), ("cost and gradient", step, 4_000_000, 50_000),
                ("cost and gradient", step, 4_000_000, 1_000_000), ("Hessian", second, 4_000_000, 1_000_000),
                ("Hessian", second, 8_000_000, 2_000_000)):
            x = da.random.normal(size=(rows, features), chunks=(chunk, features)).persist()
            y = da.random.randint(0, 2, size=rows, chunks=chunk).astype(float).persist()
            wait([x, y])
            here = np.asarray(x), np.asarray(y)
            timings = compare({"one": lambda here=here, p=program: p.mean(w, b, *here, threads=1),  # type: ignore
                               "dask": lambda x=x, y=y, p=program: p.mean(w, b, x, y)}, "one", rounds=5)  # type: ignore
            tasks = rows // chunk
            one, dask = timings["one"].median, timings["dask"].median
            lines.append([name, f"{rows:,}", f"{tasks}", f"{one * 1e3:.1f} ms", f"{dask * 1e3:.1f} ms",
                          f"{2 * timings['dask'].ratio:.2f}", f"{max(0.0, dask - one / 2) / tasks * 1e3:.1f} ms"])
            del x, y, here
    return table(f"Dask, two worker processes: means, {features} features",
                 ["work", "rows", "chunks", "one thread", "Dask", "of half of that", "beyond it, a chunk"], lines)


# The tree of sums, simulated ------------------------------------------------------------------------------------------

class Machine(NamedTuple):
    """What a cluster is made of; times in seconds, sizes in bytes."""

    cores: int
    read: float             # bytes a second that one core reads and adds up
    chunk: float            # bytes of a chunk
    span: float             # bytes of the span of a chunk: sums and loose rows
    network: float          # bytes a second between two machines
    task: float             # of the scheduler, for each task, one after the other
    failures: float         # that a core has in an hour
    fan_in: int = 8


def simulate(machine: Machine, data: float, seed: int = 0) -> dict[str, float]:
    """Chunks on all cores, spans merged where one of them lies, a core lost now and then: its chunks are done again.

    An event for each task. The scheduler hands out tasks one by one; a merge waits for its spans and moves all but one.
    """
    draw = random.Random(seed)
    chunks = int(data / machine.chunk)
    work = machine.chunk / machine.read
    free = [(0.0, core) for core in range(machine.cores)]
    heapq.heapify(free)
    scheduler = moved = lost = 0.0
    finished = []
    for _ in range(chunks):
        at, core = heapq.heappop(free)
        scheduler = max(scheduler, at) + machine.task
        end = scheduler + work * draw.uniform(0.9, 1.2)
        while draw.random() < machine.failures * (end - scheduler) / 3600:
            lost += 1
            end += 60.0 + work                      # noticed after a minute, and done anew elsewhere
        finished.append(end)
        heapq.heappush(free, (end, core))
    level, merges = sorted(finished), 0
    mapped = level[-1]
    while len(level) > 1:
        groups = [level[at:at + machine.fan_in] for at in range(0, len(level), machine.fan_in)]
        level = []
        for group in groups:
            scheduler = max(scheduler, group[-1]) + machine.task
            level.append(scheduler + (len(group) - 1) * machine.span / machine.network)
            moved += (len(group) - 1) * machine.span
            merges += 1
    return {"chunks": chunks, "ideal": data / machine.read / machine.cores, "mapped": mapped, "total": level[0],
            "moved": moved, "merges": merges, "lost": lost}


def outlook() -> str:
    """A hundred terabytes on a thousand cores, by chunks of several sizes and by the scheduler's time a task."""
    lines = []
    for chunk, task in ((0.1e9, 1e-3), (1e9, 1e-3), (10e9, 1e-3), (1e9, 1e-4)):
        machine = Machine(cores=1_000, read=0.5e9, chunk=chunk, span=1.4e6, network=1e9, task=task, failures=0.001)
        found = simulate(machine, 100e12)
        lines.append([f"{chunk / 1e9:g} GB", f"{task * 1e3:g} ms", f"{found['chunks']:,.0f}",
                      f"{found['total']:,.0f} s", f"{found['total'] / found['ideal']:.2f}",
                      f"{found['total'] - found['mapped']:.1f} s", f"{found['moved'] / 1e9:,.0f} GB"])
    return table("Simulation: 100 TB, 1,000 cores of 0.5 GB/s, one of them lost every hour",
                 ["chunk", "scheduler, a task", "chunks", "one pass", "of the ideal", "after the last chunk", "moved"],
                 lines)
