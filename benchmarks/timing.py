"""Fair timings on a noisy machine: contestants take turns, and ratios are taken round by round."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Callable, NamedTuple, Optional


class Timing(NamedTuple):
    """Seconds of one contestant, and its ratio to the reference round by round."""

    median: float
    ratio: float


def compare(contestants: dict[str, Callable[[], object]], reference: str, rounds: int = 7,
            seconds: float = 0.0) -> dict[str, Timing]:
    """Run all contestants in turn, `rounds` times after a warm-up; medians, and medians of the paired ratios.

    `seconds` is the least time a measurement should take: quick contestants are repeated within a round.
    """
    repeats = {name: _repeats(run, seconds) for name, run in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            taken[name].append(_clock(run, repeats[name]))
    return {name: Timing(statistics.median(times),
                         statistics.median(t / r for t, r in zip(times, taken[reference], strict=True)))
            for name, times in taken.items()}


def _repeats(run: Callable[[], object], seconds: float) -> int:
    """How often to run so that it takes that long, found after a warm-up: first calls compile, load and allocate."""
    run()
    repeats = 1
    while (taken := _clock(run, repeats) * repeats) < seconds:
        repeats = min(10 * repeats, int(repeats * seconds / taken) + 1)
    return repeats


def _clock(run: Callable[[], object], repeats: int) -> float:
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        return (time.perf_counter() - start) / repeats
    finally:
        if enabled:
            gc.enable()


def processor() -> str:
    """The name of the processor the figures were taken on."""
    import platform
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def available(module: str) -> Optional[str]:
    """The version of an installed peer, or None."""
    import importlib.metadata
    import importlib.util
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return "?"


def table(title: str, header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([f"### {title}", "", line(header), "|" + "|".join("-" * (w + 2) for w in widths) + "|",
                      *map(line, rows), ""])
