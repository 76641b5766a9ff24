"""Loops beside numba written by hand and JAX's scan: until the first value and gradient is there, and each after it."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

from autograd_mini import ln, scan, sigmoid, sin, tanh, trace

from .timing import available, compare, table


def garch(p: Any, returns: Any) -> Any:
    """Twice the negative log-likelihood of GARCH(1, 1), without its constant."""
    def step(carry: Any, r: Any) -> Any:
        variance, total = carry
        variance = p[0] + p[1] * r * r + p[2] * variance
        return (variance, total + ln(variance) + r * r / variance), None

    return scan(step, (1.0, 0.0), returns)[0][1]


def main() -> None:
    """Print the tables."""
    print(garch_table())
    print(other_loops())


def garch_table(sizes: tuple[int, ...] = (1_000, 100_000)) -> str:
    """Value and gradient: ours, and how many times as long the others take."""
    lines = [_garch_line(size) for size in sizes]
    return table("GARCH(1, 1), value and gradient: time a call, and how many times as long the others take",
                 ["observations", "traced", "compiled", "a call", "numba by hand", "JAX scan"], lines)


def _garch_line(size: int) -> list[str]:
    p, returns = np.array([0.1, 0.1, 0.8]), np.random.default_rng(0).normal(size=size)
    started = time.perf_counter()
    traced = trace(garch, p, returns).value_and_gradient()
    after = time.perf_counter()
    traced(p, returns, executor="llvm")
    ready = time.perf_counter()
    contestants: dict[str, Callable[[], Any]] = {"ours": lambda: traced(p, returns, executor="llvm")}
    if available("numba"):
        by_hand = garch_by_hand()
        contestants["numba"] = lambda: by_hand(p, returns)
        assert np.allclose(by_hand(p, returns)[1], traced(p, returns)[1])
    if available("jax"):
        contestants["JAX scan"] = garch_in_jax(p, returns)
    times = compare(contestants, "ours", rounds=15, seconds=0.02)
    return [f"{size:,}", f"{after - started:.2f} s", f"{(ready - after) * 1e3:.0f} ms",
            f"{times['ours'].median * 1e6:,.1f} us",
            *(f"{times[name].ratio:.2f}" if name in times else "" for name in ("numba", "JAX scan"))]


def garch_by_hand() -> Callable[..., Any]:
    """The same, forward and backward, as one writes it for numba."""
    import numba

    @numba.njit
    def value_and_gradient(p: Any, returns: Any) -> Any:
        count = len(returns)
        variances = np.empty(count + 1)
        variances[0] = 1.0
        total = 0.0
        for i in range(count):
            square = returns[i] * returns[i]
            variances[i + 1] = p[0] + p[1] * square + p[2] * variances[i]
            total += np.log(variances[i + 1]) + square / variances[i + 1]
        slope, cotangent = np.zeros(3), 0.0
        for i in range(count - 1, -1, -1):
            square, variance = returns[i] * returns[i], variances[i + 1]
            cotangent += 1.0 / variance - square / (variance * variance)
            slope[0] += cotangent
            slope[1] += cotangent * square
            slope[2] += cotangent * variances[i]
            cotangent *= p[2]
        return total, slope

    return value_and_gradient


def garch_in_jax(p: np.ndarray, returns: np.ndarray) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss(p: Any, returns: Any) -> Any:
        def step(carry: Any, r: Any) -> Any:
            variance, total = carry
            variance = p[0] + p[1] * r * r + p[2] * variance
            return (variance, total + jax.numpy.log(variance) + r * r / variance), None

        return jax.lax.scan(step, (1.0, 0.0), returns)[0][1]

    both = jax.jit(jax.value_and_grad(loss))
    given = jax.numpy.asarray(p), jax.numpy.asarray(returns)
    return lambda: jax.block_until_ready(both(*given))


def recurrence(p: Any) -> Any:
    return scan(lambda c, _: (sin(c * p[0]) + p[1], None), p[0], length=20_000)[0]


def runge_kutta(mu: Any) -> Any:
    """A thousand steps of the van der Pol oscillator."""
    h = 0.01

    def slope(y: Any) -> Any:
        return np.array([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])

    def step(y: Any, _: Any) -> Any:
        a = slope(y)
        b = slope(y + h / 2 * a)
        c = slope(y + h / 2 * b)
        return y + h / 6 * (a + 2 * b + 2 * c + slope(y + h * c)), None

    return scan(step, np.array([2.0, 0.0]), length=1_000)[0][0]


def lstm(weights: Any, x: Any) -> Any:
    """Eight units over 60 steps."""
    def step(carry: Any, row: Any) -> Any:
        h, c = carry
        z = weights @ np.concatenate([row, h, [1.0]])
        c = sigmoid(z[:8]) * c + sigmoid(z[8:16]) * tanh(z[16:24])
        return (sigmoid(z[24:]) * tanh(c), c), None

    return (scan(step, (np.zeros(8), np.zeros(8)), x)[0][0] ** 2).sum()


def kalman(variances: Any, y: Any) -> Any:
    """The likelihood of a local level."""
    def step(carry: Any, now: Any) -> Any:
        mean, variance = carry
        total = variance + variances[0]
        gain, error = variance / total, now - mean
        return (mean + gain * error, variance * (1.0 - gain) + variances[1]), ln(total) + error * error / total

    return scan(step, (0.0, 10.0), y)[1].sum()


def other_loops() -> str:
    """Value and gradient, and second derivatives where they are few."""
    rng = np.random.default_rng(0)
    cases: list[tuple[str, Callable[..., Any], tuple[Any, ...], bool]] = [
        ("recurrence, 20,000 steps", recurrence, (np.array([0.9, 0.1]),), True),
        ("Runge-Kutta, 1,000 steps", runge_kutta, (1.5,), True),
        ("LSTM, 60 steps", lstm, (rng.normal(size=(32, 13)) / 4, rng.normal(size=(60, 4))), False),
        ("Kalman, 1,000 observations", kalman, (np.array([1.0, 0.5]), rng.normal(size=1_000)), True)]
    lines = [_line(*case) for case in cases]
    return table("Other loops: ready with the gradient, time of a value, and how many times as long derivatives take",
                 ["", "ready", "value", "value and gradient", "Hessian"], lines)


def _line(name: str, f: Callable[..., Any], arguments: tuple[Any, ...], has_hessian: bool) -> list[str]:
    started = time.perf_counter()
    program = trace(f, *arguments)
    both = program.value_and_gradient()
    both(*arguments, executor="llvm")
    ready = time.perf_counter() - started
    contestants: dict[str, Callable[[], Any]] = {
        "value": lambda: program(*arguments, executor="llvm"), "both": lambda: both(*arguments, executor="llvm")}
    if has_hessian:
        second = program.hessian()
        contestants["hessian"] = lambda: second(*arguments, executor="llvm")
    times = compare(contestants, "value", rounds=9, seconds=0.01)
    return [name, f"{ready:.2f} s", f"{times['value'].median * 1e6:,.0f} us",
            *(f"{times[kind].ratio:.1f}" if kind in times else "" for kind in ("both", "hessian"))]
