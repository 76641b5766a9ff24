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

import numpy as np

from autograd_mini import Value, engine, exp, gradient, jacfwd, jacobian, jacrev, ln, tanh, topological_order, trace

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
    "XAD": ("xad", xad, 100_000), "HIPS autograd": ("autograd", hips_autograd, 1_000),
    "PyTorch scalars": ("torch", pytorch, 1_000),
}
"""Name -> module, run, and the most examples it is asked for."""


def as_arrays(rows: list[Any]) -> list[Any]:
    """The same examples as they come out of a NumPy array: every number an np.float64."""
    return [tuple(row) for row in np.array(rows)]


def per_operation() -> str:
    """Nanoseconds an operation and ratios, at three sizes, and over the elements of an array."""
    rows = []
    for count, of in ((1_000, ""), (1_000, " of an array"), (10_000, ""), (100_000, "")):
        data = as_arrays(examples(count)) if of else examples(count)
        runs: dict[str, Callable[[], object]] = {"bare floats": lambda d=data: bare_floats(d),  # type: ignore[misc]
                                                 "autograd_mini": lambda d=data: ours(d)}  # type: ignore[misc]
        for name, (module, run, most) in PEERS.items():
            if available(module) and count <= most:
                runs[name] = lambda r=run, d=data: r(d)  # type: ignore[misc]
        timings: dict[str, Timing] = compare(runs, "bare floats", rounds=7, seconds=0.2)
        mine = timings["autograd_mini"]
        for name, timing in timings.items():
            rows.append([f"{count:,}{of}", name, f"{timing.median / count / OPERATIONS * 1e9:.0f} ns",
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


def numpy_scalars() -> str:
    """A product with NumPy's numbers and a function by NumPy's name, beside Python's own."""
    v, double = Value(1.1), np.float64(2)
    runs: dict[str, Callable[[], object]] = {"v * 2.0": lambda: v * 2.0}
    for number in (double, np.float32(2), np.int64(2)):
        runs[f"v * {type(number).__name__}"] = lambda number=number: v * number  # type: ignore[misc]
    runs |= {"np.float64 * v": lambda: double * v, "exp(v)": lambda: exp(v), "np.exp(v)": lambda: np.exp(v)}  # type: ignore[call-overload]
    timings = compare(runs, "v * 2.0", rounds=7, seconds=0.02)
    return table("NumPy's numbers, one operation", ["operation", "time", "times v * 2.0"],
                 [[name, f"{timing.median * 1e9:.0f} ns", f"{timing.ratio:.1f}"] for name, timing in timings.items()])


def chain_of_products(x: Any) -> Any:
    """10,000 operations one after the other."""
    y = x
    for _ in range(5_000):
        y = y * x + 1.0
    return y


def tangled(inputs: int = 50, terms: int = 200) -> tuple[Value, list[Value]]:
    """A graph in which inputs are used again and again, and its inputs."""
    xs = [Value(0.1 * i) for i in range(inputs)]
    total = Value(0.0)
    for k in range(terms):
        z = xs[k % inputs] * xs[(k + 1) % inputs] + xs[(k + 7) % inputs]
        total = total + ln(1 + exp(-z)) * tanh(z)
    return total, xs


def determinant(rows: list[list[Any]]) -> Any:
    """By cofactors: the same minors again and again."""
    if len(rows) == 1:
        return rows[0][0]
    return sum((-1) ** j * rows[0][j] * determinant([row[:j] + row[j + 1:] for row in rows[1:]])
               for j in range(len(rows)))


def derivative_graphs() -> str:
    """What writing a gradient as a graph, and tracing, cost beside recording."""
    recorded = median(lambda: chain_of_products(Value(1.0001))) / 10_000
    y, xs = tangled()
    before = len(topological_order(y))
    new = len(topological_order(*gradient(y, xs))) - before
    written = median(lambda: gradient(y, xs)) / new
    traced = compare({"f": lambda: chain_of_products(Value(1.0001)), "trace": lambda: trace(chain_of_products, 1.0001)},
                     "f", rounds=9)["trace"].ratio
    matrix = np.random.default_rng(0).normal(size=(6, 6)).tolist()
    program = trace(determinant, matrix)
    both = program.value_and_gradient()
    lines = [["recording an operation", f"{recorded * 1e9:.0f} ns", "1"],
             [f"gradient(), a new node of {new:,}", f"{written * 1e9:.0f} ns", f"{written / recorded:.1f} recordings"],
             ["trace() of 10,000 operations", "", f"{traced:.1f} times running the function"],
             ["determinant 6 x 6 by cofactors", f"{len(program.body.operations):,} operations", ""],
             ["its value and gradient", f"{len(both.body.operations):,} operations",
              f"{median(program.value_and_gradient) * 1e3:.2f} ms to write"]]
    return table("Derivatives as graphs, and tracing", ["work", "figure", "beside"], lines)


def jacobians() -> str:
    """`jacobian` beside the two modes it chooses from."""
    times = np.linspace(0, 1, 200).tolist()
    cases: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "residuals: 4 to 200": (lambda w: [w[0] * exp(-w[1] * t) + w[2] * t + w[3] for t in times], np.ones(4)),
        "products: 40 to 5": (lambda x: [sum(x[i] * x[(i + k) % 40] for i in range(40)) for k in range(5)],
                              np.linspace(0, 1, 40)),
        "elementwise: 100 to 100": (lambda x: x * x, np.linspace(0, 1, 100)),
        "a shared chain: 2 to 50": (lambda x: [chain * k for chain in [chain_of_products(x[0] * 1e-4) + x[1]]
                                               for k in range(50)], np.ones(2))}
    lines = []
    for name, (f, x) in cases.items():
        timings = compare({kind.__name__: lambda kind=kind, f=f, x=x: kind(f)(x)  # type: ignore[misc]
                           for kind in (jacobian, jacfwd, jacrev)}, "jacobian", rounds=7, seconds=0.02)
        best = min(timings["jacfwd"].median, timings["jacrev"].median)
        lines.append([name, *(f"{timings[kind].median * 1e3:.2f} ms" for kind in ("jacobian", "jacfwd", "jacrev")),
                      f"{timings['jacobian'].median / best:.2f}"])
    header = ["work", "jacobian", "jacfwd", "jacrev", "times the better"]
    return table("Jacobians, with the running of the function", header, lines)


def median(run: Callable[[], object]) -> float:
    """Seconds, by the median of rounds after a warm-up."""
    return compare({"it": run}, "it", rounds=7)["it"].median


def main() -> None:
    """Print the eager figures."""
    print(per_operation())
    print(numpy_scalars())
    print(derivative_graphs())
    print(jacobians())
    print(bytes_a_node())
    print(deep_chain())
