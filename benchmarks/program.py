"""Programs over data and over one example, beside NumPy's closed form, PyTorch, JAX jit and CasADi.

Threads are fixed when a numerical library starts, so each setting is a process of its own: `python -m
benchmarks.program 1` is the one with one thread, `python -m benchmarks.program all` has all cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini import trace, value_and_grad

from .timing import Timing, available, compare, table

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}


def main() -> None:
    """Print the figures of Programs, in a process for each number of threads."""
    for threads in ("1", "all"):
        environment = {**os.environ, **(ONE_THREAD if threads == "1" else {})}
        subprocess.run([sys.executable, "-m", "benchmarks.program", threads], env=environment, check=True)


def cases() -> Iterator[tuple[str, int, Callable[[], Any]]]:
    """(title, rows, what makes the case)"""
    from . import cases

    for features, most in ((2, 1_000_000), (20, 1_000_000), (200, 100_000)):
        for order in "CF":
            few = (1, 10, 100, 1_000) if order == "C" and features <= 20 else ()
            for rows in (*few, 10_000, most):
                yield (f"logistic, {features} features, {order} order", rows,
                       lambda r=rows, f=features, o=order: cases.logistic(r, f, o))  # type: ignore[misc]
    for features, rows in ((2, 1_000_000), (20, 200_000)):
        yield (f"its Hessian, {features} features", rows,
               lambda r=rows, f=features: cases.logistic_hessian(r, f))  # type: ignore[misc]
    yield "Black-Scholes, gradient and Hessian", 1_000_000, lambda: cases.black_scholes(1_000_000)
    yield "perceptron 8-16-1", 100_000, lambda: cases.mlp(100_000)
    yield "mixture of three Gaussians", 1_000_000, lambda: cases.mixture(1_000_000)


def over_data(threads: int | None) -> str:
    """Nanoseconds a row, and how many times as long every peer takes."""
    if threads == 1 and available("torch"):
        import torch

        torch.set_num_threads(1)
    peers = ("NumPy", "numba by hand", "PyTorch", "JAX jit", "CasADi")
    lines = []
    for title, rows, make in cases():
        case = make()
        agree(title, case)
        timings: dict[str, Timing] = compare(case, "autograd_mini", rounds=7, seconds=0.02)
        lines.append([title, f"{rows:,}", f"{timings['autograd_mini'].median / rows * 1e9:.2f} ns",
                      *(f"{timings[peer].ratio:.2f}" if peer in timings else "" for peer in peers)])
    count = "one thread" if threads == 1 else f"all {os.cpu_count()} cores"
    return table(f"Programs over data, {count}: time a row, and how many times as long the peers take",
                 ["work", "rows", "autograd_mini", *peers], lines)


def agree(title: str, case: dict[str, Callable[[], Any]]) -> None:
    """Stop if two contestants do not compute the same."""
    results = {name: _flat(run()) for name, run in case.items()}
    expected = results.pop("autograd_mini")
    for name, found in results.items():
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9, err_msg=f"{title}: {name} differs")


def _flat(tree: Any) -> np.ndarray:
    if isinstance(tree, (tuple, list)):
        return np.concatenate([_flat(entry) for entry in tree])
    return np.asarray(tree).ravel()


def reading() -> str:
    """What only reading the data takes, as NumPy sums it: the floor of a program over wide rows."""
    from .cases import logistic_loss, logistic_rows

    lines = []
    for features in (2, 20):
        w, b, x, y = logistic_rows(1_000_000, features, "F")
        program = trace(value_and_grad(logistic_loss, argnums=(0, 1)), w, b, x[0], y[0])
        timings = compare({"read": lambda x=x: [column.sum() for column in x.T],  # type: ignore[misc]
                           "program": lambda p=program, a=(w, b, x, y): p.mean(*a)}, "program")
        times = [f"{timings[name].median * 1e3:.2f} ns" for name in ("read", "program")]
        lines.append([str(features), *times, f"{timings['read'].ratio:.0%}"])
    return table("Reading alone: 1,000,000 rows in Fortran order, time a row",
                 ["features", "sum of each column", "cost and gradient", "reading / program"], lines)


def calls() -> str:
    """One example with small arrays, called from Python."""
    from .cases import logistic_loss

    lines = []
    for features in (2, 20, 200):
        w, b, x, y = np.linspace(-1, 1, features), 0.1, np.linspace(0.2, 1, features), 1.0
        program = trace(value_and_grad(logistic_loss, argnums=(0, 1)), w, b, x, y)
        case: dict[str, Callable[[], Any]] = {
            "autograd_mini": lambda p=program, a=(w, b, x, y): p(*a)}  # type: ignore[misc]
        if available("casadi"):
            case |= _casadi_calls(w, b, x, y)
        timings = compare(case, "autograd_mini", rounds=9, seconds=0.02)
        ratios = [f"{timings[name].ratio:.1f}" if name in timings else "" for name in ("CasADi", "CasADi buffers")]
        lines.append([str(features), f"{len(program.body.operations)}",
                      f"{timings['autograd_mini'].median * 1e6:.2f} µs", *ratios])
    return table("One example: logistic cost and gradient called from Python, and how many times as long CasADi takes",
                 ["features", "operations", "autograd_mini", "CasADi", "CasADi buffers"], lines)


def _casadi_calls(w: np.ndarray, b: float, x: np.ndarray, y: float) -> dict[str, Callable[[], Any]]:
    import casadi

    sw, sb, sx, sy = casadi.SX.sym("w", len(w)), casadi.SX.sym("b"), casadi.SX.sym("x", len(w)), casadi.SX.sym("y")
    z = casadi.dot(sw, sx) + sb
    loss = casadi.fmax(z, 0) + casadi.log1p(casadi.exp(-casadi.fabs(z))) - sy * z
    function = casadi.Function("f", [sw, sb, sx, sy], [loss, casadi.gradient(loss, sw), casadi.gradient(loss, sb)])
    buffer, run = function.buffer()
    kept: list[Any] = [w, np.array([b]), x, np.array([y]), np.empty(1), np.empty(len(w)), np.empty(1)]
    for place, numbers in enumerate(list(kept)):
        (buffer.set_arg if place < 4 else buffer.set_res)(place % 4, memoryview(numbers))
    kept += [function, buffer]  # the buffer keeps addresses only
    return {"CasADi": lambda: function(w, b, x, y), "CasADi buffers": lambda: (run(), kept)[0]}


def growing(sizes: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000)) -> str:
    """From function to machine code as the graph grows."""
    return table("Tracing and compiling as the graph grows",
                 ["operations", "trace", "first call", "LLVM for one example", "LLVM over data",
                  "a later call, an operation: interpreter", "LLVM", "CasADi"], [_growing(size) for size in sizes])


def _growing(size: int) -> list[str]:
    point = np.linspace(0.1, 0.5, 8)

    def f(x: Any) -> Any:
        numbers = list(x)
        for place in range(size // 3):
            numbers[place % 8] = (numbers[(place * 3 + 1) % 8] * numbers[(place * 5 + 2) % 8]
                                  + numbers[(place + 4) % 8] - 0.25)
        return numbers

    def later(run: Callable[[], Any]) -> str:
        return f"{min(_timed(run)[1] for _ in range(7)) / size * 1e9:.2f} ns"

    program, tracing = _timed(lambda: trace(f, point))
    _, packing = _timed(lambda: program(point))
    compiling, running = ["", ""], [later(lambda: program(point)), "", ""]
    if available("llvmlite") and size <= 100_000:
        compiling = [f"{_timed(lambda: program(point, executor='llvm'))[1] * 1e3:.0f} ms",
                     f"{_timed(lambda: program.sum(np.tile(point, (64, 1)), executor='llvm'))[1] * 1e3:.0f} ms"]
        running[1] = later(lambda: program(point, executor="llvm"))
    if available("casadi") and size <= 100_000:
        import casadi

        symbols = casadi.SX.sym("x", 8)
        function = casadi.Function("f", [symbols], [casadi.vertcat(*f([symbols[place] for place in range(8)]))])
        buffer, run = function.buffer()
        result = np.empty(8)
        buffer.set_arg(0, memoryview(point))
        buffer.set_res(0, memoryview(result))
        running[2] = later(run)
    return [f"{size:,}", f"{tracing * 1e3:.1f} ms", f"{packing * 1e3:.1f} ms", *compiling, *running]


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1] == "1":
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print(over_data(1))
        print(reading())
        print(calls())
        print(growing())
    else:
        print(over_data(None))
