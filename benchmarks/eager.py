"""The eager engine: build, backward pass and freeing of a graph, a node at a time, against other scalar engines.

The work is the logistic cost of section one of the derivation, `a = 1 / (1 + exp(-z))` spelled out, 16 operations an
example. Bare floats means the same formula in plain Python, forward only: the floor that any recording stands on.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
import time
from typing import Any, Callable

from autograd_mini import Value, engine, exp, ln

from .timing import Timing, available, compare, table

OPERATIONS = 16


def examples(count: int) -> list[tuple[float, float, float]]:
    """Rows (x1, x2, y) of made-up data; the labels follow the first feature, with noise."""
    draw = random.Random(0)
    rows = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(count)]
    return [(x1, x2, float(x1 + draw.gauss(0, 1) > 0)) for x1, x2 in rows]


def cost(rows: list[tuple[float, float, float]], w1: Any, w2: Any, b: Any, exp: Any, ln: Any) -> Any:
    """The sum over the examples of -y ln(a) - (1-y) ln(1-a)."""
    total = 0.0
    for x1, x2, y in rows:
        a = 1 / (1 + exp(-(w1 * x1 + w2 * x2 + b)))
        total = total + -(y * ln(a) + (1 - y) * ln(1 - a))
    return total


def ours(rows: list[Any]) -> float:
    w1, w2, b = Value(0.5), Value(-0.3), Value(0.1)
    cost(rows, w1, w2, b, exp, ln).backward()
    assert w1.grad is not None
    return w1.grad


def bare_floats(rows: list[Any]) -> float:
    return cost(rows, 0.5, -0.3, 0.1, math.exp, math.log)


def xad(rows: list[Any]) -> float:
    import xad.adj_1st as adjoint
    import xad.math
    with adjoint.Tape() as tape:
        w1, w2, b = adjoint.Real(0.5), adjoint.Real(-0.3), adjoint.Real(0.1)
        for parameter in (w1, w2, b):
            tape.registerInput(parameter)
        tape.newRecording()
        total = cost(rows, w1, w2, b, xad.math.exp, xad.math.log)
        tape.registerOutput(total)
        total.derivative = 1.0
        tape.computeAdjoints()
        return w1.derivative


def hips_autograd(rows: list[Any]) -> float:
    import autograd
    import autograd.numpy as anp
    return autograd.grad(lambda w1: cost(rows, w1, -0.3, 0.1, anp.exp, anp.log))(0.5)


def pytorch(rows: list[Any]) -> float:
    import torch
    w1, w2, b = (torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (0.5, -0.3, 0.1))
    cost(rows, w1, w2, b, torch.exp, torch.log).backward()
    return float(w1.grad)


PEERS: dict[str, tuple[str, Callable[[list[Any]], float], int]] = {
    "XAD": ("xad", xad, 10_000), "HIPS autograd": ("autograd", hips_autograd, 1_000),
    "PyTorch scalars": ("torch", pytorch, 1_000),
}
"""Name -> module, run, and the most examples it is asked for."""


def per_operation() -> str:
    """Nanoseconds an operation and ratios, at three sizes."""
    rows = []
    for count in (1_000, 10_000, 100_000):
        data = examples(count)
        runs: dict[str, Callable[[], object]] = {"bare floats": lambda d=data: bare_floats(d),  # type: ignore[misc]
                                                 "autograd_mini": lambda d=data: ours(d)}  # type: ignore[misc]
        for name, (module, run, most) in PEERS.items():
            if available(module) and count <= most:
                runs[name] = lambda r=run, d=data: r(d)  # type: ignore[misc]
        timings: dict[str, Timing] = compare(runs, "bare floats", rounds=7, seconds=0.2)
        mine = timings["autograd_mini"]
        for name, timing in timings.items():
            rows.append([f"{count:,}", name, f"{timing.median / count / OPERATIONS * 1e9:.0f} ns",
                         f"{timing.ratio:.1f}", f"{timing.median / mine.median:.2f}"])
    return table(f"Eager: build + backward + free of the logistic cost, per operation ({engine} engine)",
                 ["examples", "engine", "per operation", "times bare floats", "times autograd_mini"], rows)


_MEMORY = """
import gc, resource
from autograd_mini import Value, exp
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
x = Value(1.0)
before, nodes = resident(), [x]
v = x
for _ in range(2_000_000):
    v = v * 1.0000001
print((resident() - before) / 2_000_000)
"""


def bytes_a_node() -> str:
    """Resident memory a node, in a fresh process."""
    try:
        run = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
        figure = f"{float(run.stdout):.0f} bytes"
    except (subprocess.CalledProcessError, ValueError):
        figure = "not measured on this system"
    return table("Memory", ["what", "figure"], [["a node, resident, of a chain of 2,000,000", figure]])


def deep_chain(nodes: int = 5_000_000) -> str:
    """Build, backward and free of one chain, in a thread with an ordinary stack."""
    figures: list[list[str]] = []

    def work() -> None:
        x = Value(1.0)
        start = time.perf_counter()
        v = x
        for _ in range(nodes):
            v = v * 1.0000001
        built = time.perf_counter()
        v.backward()
        done = time.perf_counter()
        del v
        freed = time.perf_counter()
        for name, seconds in (("build", built - start), ("backward", done - built), ("free", freed - done)):
            figures.append([name, f"{seconds / nodes * 1e9:.0f} ns"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return table(f"A chain of {nodes:,} nodes, per node", ["phase", "time"], figures)


def main() -> None:
    """Print the eager figures."""
    print(per_operation())
    print(bytes_a_node())
    print(deep_chain())
