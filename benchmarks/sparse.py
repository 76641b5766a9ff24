"""Sparse Hessians beside CasADi's, and beside the dense one: how long until the first is there, and each after it."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

from autograd_mini import trace

from .timing import available, compare, table


def chained(x: Any) -> Any:
    """The chained quadratic of the tables: tridiagonal second derivatives."""
    return ((x[:-1] ** 2 - x[1:]) ** 2).sum() + ((x - 1) ** 2).sum()


def main() -> None:
    """Print the table."""
    print(hessians())


def hessians(sizes: tuple[int, ...] = (300, 1_000, 10_000, 100_000)) -> str:
    """Times a call and an entry; how many times as long the others take; seconds from the function to the first."""
    return table("Hessian of a chained quadratic: time a call, and how many times as long the others take",
                 ["numbers", "entries", "ready", "a call", "an entry", "CasADi ready", "CasADi", "dense"],
                 [_line(size) for size in sizes])


def _line(size: int) -> list[str]:
    x = np.linspace(0.1, 1.0, size)
    started = time.perf_counter()
    second = trace(chained, x).sparse_hessian()
    found = second(x)
    ready = time.perf_counter() - started
    contestants: dict[str, Callable[[], Any]] = {"ours": lambda: second(x)}
    peer_ready = ""
    if available("casadi") and size <= 10_000:
        started = time.perf_counter()
        contestants["casadi"] = _casadi(x, found)
        peer_ready = f"{time.perf_counter() - started:.3f} s"
    if size <= 300:
        dense = trace(chained, x).hessian()
        contestants["dense"] = lambda: dense(x)
    timings = compare(contestants, "ours", rounds=9, seconds=0.02)
    ours = timings["ours"].median
    ratios = [f"{timings[name].ratio:.1f}" if name in timings else "" for name in ("casadi", "dense")]
    entry = f"{ours / second.nnz * 1e9:.1f} ns"
    return [f"{size:,}", f"{second.nnz:,}", f"{ready:.3f} s", f"{ours * 1e6:,.1f} µs", entry, peer_ready, *ratios]


def _casadi(x: np.ndarray, expected: Any) -> Callable[[], Any]:
    import casadi

    symbols = casadi.SX.sym("x", len(x))
    y = casadi.sumsqr(symbols[:-1] ** 2 - symbols[1:]) + casadi.sumsqr(symbols - 1)
    function = casadi.Function("f", [symbols], [casadi.hessian(y, symbols)[0]])
    np.testing.assert_allclose(function(x).sparse().toarray() if len(x) <= 1_000 else function(x).nonzeros()[:1],
                               expected.toarray() if len(x) <= 1_000 else expected.data[:1], rtol=1e-10)
    return lambda: function(x)
