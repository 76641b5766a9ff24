"""Explaining: derivations and checks in fresh processes, the diagnosis of a large graph, and the tables of accuracy."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from autograd_mini import Value, diagnose, exp, ln
from autograd_mini._core.graph import topological_order

from . import accuracy
from .timing import table

_LOGISTIC = """
from autograd_mini import Value, check_derivation, derive, exp, ln
z, y = Value(0.3, "z"), Value(1.0, "y")
a = 1 / (1 + exp(-z))
a.name = "a"
loss = -y * ln(a) - (1 - y) * ln(1 - a)
loss.name = "L"
"""
_SOFTMAX = """
from autograd_mini import Value, derive, exp, ln
z = [Value(0.3 * i - 0.5, f"z{i}") for i in range(3)]
y = [Value(float(i == 1), f"y{i}") for i in range(3)]
e = [exp(score) for score in z]
p = [share / (e[0] + e[1] + e[2]) for share in e]
for i in range(3):
    p[i].name = f"p{i}"
loss = -(y[0]*ln(p[0]) + y[1]*ln(p[1]) + y[2]*ln(p[2]))
assert str(derive(loss, wrt=z, assume=["y0 + y1 + y2 = 1"])[z[1]]) == "dL/dz1 = p1 - y1"
"""
_BLACK_SCHOLES = """
from autograd_mini import Value, check_derivation, derive, exp, ln, norm_cdf, sqrt
S, K, r, s, T = (Value(x, name) for x, name in ((100., "S"), (95., "K"), (.05, "r"), (.2, "s"), (1., "T")))
d1 = (ln(S/K) + (r + s**2/2)*T) / (s*sqrt(T))
d2 = d1 - s*sqrt(T)
d1.name, d2.name = "d1", "d2"
price = S*norm_cdf(d1) - K*exp(-r*T)*norm_cdf(d2)
"""
WORK = {
    "derive the logistic loss": _LOGISTIC + 'assert "a - y" in str(derive(loss, wrt=[a, z]))',
    "derive a softmax of three classes": _SOFTMAX,
    "derive Black-Scholes' delta": _BLACK_SCHOLES + 'assert "norm_cdf(d1)" in str(derive(price, wrt=[S]))',
    "check two claims about the logistic loss": _LOGISTIC + 'assert check_derivation(loss, {z: "a - y", y: "-z"}).ok',
    "find the slip in Black-Scholes' delta":
        _BLACK_SCHOLES + 'assert "d2 stands" in check_derivation(price, {S: "norm_cdf(d2)"}).slip'}


def process(title: str, code: str, rounds: int = 3) -> list[str]:
    """Seconds of a whole process: Python's start and all imports included."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return [f"{title}, a whole process", f"{statistics.median(times):.1f} s"]


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
    print(table("Explaining", ["work", "time"], [*(process(*work) for work in WORK.items()), diagnosis()]))
    accuracy.main()
