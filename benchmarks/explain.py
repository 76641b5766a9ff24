"""Explaining: the derivation of the logistic loss in a fresh process, and the diagnosis of a large graph."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from autograd_mini import Value, diagnose, exp, ln
from autograd_mini._core.graph import topological_order

from .timing import table

_DERIVE = """
from autograd_mini import Value, derive, exp, ln
z, y = Value(0.3, "z"), Value(1.0, "y")
a = 1 / (1 + exp(-z))
a.name = "a"
loss = -y * ln(a) - (1 - y) * ln(1 - a)
loss.name = "L"
assert "a - y" in str(derive(loss, wrt=[a, z]))
"""


def derivation(rounds: int = 5) -> list[str]:
    """Seconds of a whole process that derives dz = a - y: Python's start and all imports included."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", _DERIVE], check=True)
        times.append(time.perf_counter() - start)
    return ["derive the logistic loss, a whole process", f"{statistics.median(times):.1f} s"]


def diagnosis(examples: int = 660) -> list[str]:
    """Seconds of one diagnosis of a sum of cross-entropies, some of them saturated."""
    w, b = Value(1.5, "w"), Value(-0.5, "b")
    losses = []
    for i in range(examples):
        a = 1 / (1 + exp(-(w * (i % 40 - 20) + b)))
        y = Value(float(i % 2), f"y{i}")
        losses.append(-y * ln(a) - (1 - y) * ln(1 - a))
    total = sum(losses[1:], losses[0])
    start = time.perf_counter()
    diagnose(total)
    return [f"diagnose a graph of {len(topological_order(total)):,} nodes", f"{time.perf_counter() - start:.1f} s"]


def main() -> None:
    """Print the figures of the wing that explains."""
    print(table("Explaining", ["work", "time"], [derivation(), diagnosis()]))
