"""What the automatic choice of an executor costs, once it is warm and on the way there.

Each graph repeats one kind of operation. A fresh Program is called for a while; its longest call after the first
is noted.
Then the choice takes turns with every executor that is asked for by name.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Program, erf, exp, sin, tanh, trace

from .timing import table

KINDS: dict[str, Callable[[Any, float], Any]] = {
    "cubes": lambda x, c: (x + c) ** 3,
    "sin": lambda x, c: sin(x + c),
    "tanh": lambda x, c: tanh(x + c),
    "erf": lambda x, c: erf(x + c),
    "exp": lambda x, c: exp(x * c),
    "polynomials": lambda x, c: (x * c + 0.5) * x - c,
}
OPERATIONS = (100, 1_000, 10_000, 100_000)
ROWS = (1, 10, 100, 1_000, 10_000)
MOST = 20_000_000
"""Operations times rows beyond which a case would take minutes by the slower executors."""
WARM, ROUNDS = 10.0, 7
"""Seconds of the processor after which the choice is judged even if it has not settled, and how often it is judged."""


def main() -> None:
    """Print, for each kind and size, how the choice compares with the best executor, and its longest call."""
    header = ["operations", "rows", "chosen", "quickest", "a call", "of the quickest", "longest call", "interpreter"]
    for kind in KINDS:
        sizes = [(count, rows) for count in OPERATIONS for rows in (0, *ROWS) if count * max(rows, 1) <= MOST]
        print(table(f"The choice, graphs of {kind}", header, [_line(kind, *size) for size in sizes]))


def program_of(kind: str, count: int) -> Program:
    """A sum of `count` operations of a kind, or a few more; every term has a constant of its own."""
    def total(x: Any) -> Any:
        found, term = 0.0, KINDS[kind]
        for place in range(count // 3):
            found = found + term(x, 1.0 + place / count)
        return found

    return trace(total, 0.3)


def _line(kind: str, count: int, rows: int) -> list[str]:
    """One example where there are no rows."""
    program, data = program_of(kind, count), np.linspace(0.1, 0.7, rows) if rows else 0.3
    run: Callable[..., Any] = program.mean if rows else program
    run(data)
    longest, until = 0.0, time.process_time() + WARM
    while time.process_time() < until and any(word in program.explain() for word in ("tried", "compiled")):
        longest = max(longest, _seconds(lambda: run(data)))
    for _ in range(ROUNDS):
        longest = max(longest, _seconds(lambda: run(data)))
    chosen = program.explain().split()[0]
    names = ("native", "llvm", *["numpy"] * bool(rows)) if count * max(rows, 1) <= MOST // 10 else ("native", "llvm")
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, asked in (("choice", {}), *((name, {"executor": name}) for name in names)):
            once = _seconds(lambda: run(data, **asked))  # noqa: B023
            repeats = max(1, min(200, int(2e-3 / once)))
            taken = _seconds(lambda: [run(data, **asked) for _ in range(repeats)]) / repeats  # noqa: B023
            best[name] = min(best.get(name, math.inf), taken)
    quickest = min(names, key=best.__getitem__)
    return [f"{count:,}", f"{rows:,}" if rows else "one example", chosen, quickest, f"{best['choice'] * 1e6:,.1f} µs",
            f"{best['choice'] / best[quickest]:.2f}", f"{longest * 1e3:,.0f} ms", f"{best['native'] * 1e3:,.1f} ms"]


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
