"""The models that Programs are measured on, each written for every peer in the form that suits the peer best.

A case maps a contestant's name to a function without arguments that runs it over all rows and returns NumPy numbers
or arrays, so that the results can be compared before any clock is started. float64 everywhere, everything compiled and
warmed up, arrays contiguous and already in the peer's own type.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import (
    Program,
    exp,
    gradient,
    hessian,
    ln,
    logaddexp,
    norm_cdf,
    softplus,
    sqrt,
    tanh,
    trace,
    value_and_grad,
)

from .timing import available

Case = dict[str, Callable[[], Any]]
OURS = "autograd_mini"


def _ours(program: Program, over: str, arguments: tuple[Any, ...]) -> Callable[[], Any]:
    """The call that a user writes, once the choice of an executor has settled."""
    run = getattr(program, over)
    until = time.perf_counter() + 1.0
    while time.perf_counter() < until and not program.explain().startswith("llvm"):
        run(*arguments)
    return lambda: run(*arguments)


def logistic_rows(rows: int, features: int, order: str) -> tuple[Any, ...]:
    """Weights, bias, data in C or Fortran order, labels."""
    draw = np.random.default_rng(0)
    data = np.asarray(draw.normal(size=(rows, features)), order=order)  # type: ignore[call-overload]
    weights = draw.normal(size=features) / np.sqrt(features)
    return weights, 0.1, data, (data @ weights + draw.normal(size=rows) > 0).astype(float)


def logistic_loss(w: Any, b: Any, x: Any, y: Any) -> Any:
    z = x @ w + b
    return softplus(z) - y * z


def logistic(rows: int, features: int, order: str) -> Case:
    """Mean logistic cost and its gradient."""
    w, b, x, y = arguments = logistic_rows(rows, features, order)
    program = trace(value_and_grad(logistic_loss, argnums=(0, 1)), w, b, x[0], y[0])

    def numpy_closed_form() -> Any:
        z = x @ w + b
        e = np.exp(-np.abs(z))
        cost = np.mean(np.maximum(z, 0) + np.log1p(e) - y * z)
        dz = np.where(z < 0, e, 1.0) / (1 + e) - y
        return cost, (dz @ x / rows, dz.mean())

    case: Case = {OURS: _ours(program, "mean", arguments), "NumPy": numpy_closed_form}
    if available("numba"):
        by_hand = _numba_logistic()
        case["numba by hand"] = lambda: by_hand(*arguments)
    if available("torch"):
        import torch

        tw, tb = torch.tensor(w, requires_grad=True), torch.tensor(b, dtype=torch.float64, requires_grad=True)
        tx, ty = torch.from_numpy(x), torch.from_numpy(y)
        cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits

        def pytorch() -> Any:
            cost = cross_entropy(tx @ tw + tb, ty)
            dw, db = torch.autograd.grad(cost, (tw, tb))
            return cost.item(), (dw.numpy(), db.item())

        case["PyTorch"] = pytorch
    if available("jax"):
        jax, jnp = _jax()

        def cost(w: Any, b: Any, x: Any, y: Any) -> Any:
            z = x @ w + b
            return jnp.mean(jax.nn.softplus(z) - y * z)

        case["JAX jit"] = _jitted(jax, jax.value_and_grad(cost, (0, 1)), arguments)
    if available("casadi") and rows * features <= 200_000:
        case["CasADi"] = _casadi_logistic(w, b, x, y)
    return case


@functools.cache
def _numba_logistic() -> Callable[..., Any]:
    """Cost and gradient as one loop over the rows, written out by hand."""
    import numba

    @numba.njit
    def cost_and_gradient(w: Any, b: float, x: Any, y: Any) -> Any:
        rows, features = x.shape
        cost, dw, db = 0.0, np.zeros(features), 0.0
        for row in range(rows):
            z = b
            for column in range(features):
                z += x[row, column] * w[column]
            e = math.exp(-abs(z))
            cost += max(z, 0.0) + math.log1p(e) - y[row] * z
            dz = (1.0 if z >= 0 else e) / (1.0 + e) - y[row]
            db += dz
            for column in range(features):
                dw[column] += dz * x[row, column]
        return cost / rows, (dw / rows, db / rows)

    return cost_and_gradient


def _casadi_logistic(w: np.ndarray, b: float, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    import casadi

    rows, features = x.shape
    sw, sb, sx, sy = casadi.SX.sym("w", features), casadi.SX.sym("b"), casadi.SX.sym("x", features), casadi.SX.sym("y")
    z = casadi.dot(sw, sx) + sb
    loss = casadi.fmax(z, 0) + casadi.log1p(casadi.exp(-casadi.fabs(z))) - sy * z
    parameters = casadi.vertcat(sw, sb)
    each = casadi.Function("each", [parameters, casadi.vertcat(sx, sy)],
                           [casadi.vertcat(loss, casadi.gradient(loss, parameters))])
    every = each.map("every", "serial", rows, [0], [0])
    buffer, run = every.buffer()
    result = np.empty(features + 2)
    kept = [np.append(w, b), np.column_stack([x, y]).ravel(), result, every, buffer]  # the buffer keeps addresses only
    buffer.set_arg(0, memoryview(kept[0]))
    buffer.set_arg(1, memoryview(kept[1]))
    buffer.set_res(0, memoryview(result))

    def casadi_map() -> Any:
        assert kept
        run()
        return result[0] / rows, (result[1:-1] / rows, result[-1] / rows)

    return casadi_map


def logistic_hessian(rows: int, features: int) -> Case:
    """The Hessian of the mean logistic cost by the weights, data in C order."""
    w, b, x, y = arguments = logistic_rows(rows, features, "C")
    program = trace(hessian(logistic_loss), w, b, x[0], y[0])

    def numpy_closed_form() -> Any:
        e = np.exp(-np.abs(x @ w + b))
        return x.T @ ((e / np.square(1 + e) / rows)[:, None] * x)

    case: Case = {OURS: _ours(program, "mean", arguments), "NumPy": numpy_closed_form}
    if available("jax"):
        jax, jnp = _jax()

        def cost(w: Any, b: Any, x: Any, y: Any) -> Any:
            z = x @ w + b
            return jnp.mean(jax.nn.softplus(z) - y * z)

        case["JAX jit"] = _jitted(jax, jax.hessian(cost), arguments)
    return case


def call_price(p: Any) -> Any:
    """Black and Scholes: spot, strike, years, rate, volatility."""
    spot, strike, years, rate, volatility = p
    deviation = volatility * sqrt(years)
    d1 = (ln(spot / strike) + (rate + volatility * volatility / 2) * years) / deviation
    return spot * norm_cdf(d1) - strike * exp(-rate * years) * norm_cdf(d1 - deviation)


def black_scholes(rows: int) -> Case:
    """Price, gradient and Hessian of each option by all five arguments."""
    draw = np.random.default_rng(1)
    low, high = [80.0, 80.0, 0.1, 0.0, 0.1], [120.0, 120.0, 2.0, 0.05, 0.5]
    options = draw.uniform(low, high, size=(rows, 5))

    def greeks(p: Any) -> Any:
        price = call_price(p)
        slopes = gradient(price, list(p))
        return price, slopes, [gradient(slope, list(p)) for slope in slopes]

    program = trace(greeks, options[0])
    out = program.map(options)
    case: Case = {OURS: lambda: program.map(options, out=out)}
    if available("sympy"):
        case["NumPy"] = _black_scholes_by_sympy(options)
    if available("jax"):
        jax, jnp = _jax()

        def price(p: Any) -> Any:
            spot, strike, years, rate, volatility = p
            deviation = volatility * jnp.sqrt(years)
            d1 = (jnp.log(spot / strike) + (rate + volatility * volatility / 2) * years) / deviation
            cdf = jax.scipy.special.ndtr
            return spot * cdf(d1) - strike * jnp.exp(-rate * years) * cdf(d1 - deviation)

        everything = jax.vmap(lambda p: (price(p), jax.grad(price)(p), jax.hessian(price)(p)), out_axes=-1)
        case["JAX jit"] = _jitted(jax, everything, (options,))
    return case


def _black_scholes_by_sympy(options: np.ndarray) -> Callable[[], Any]:
    """The closed forms by SymPy, with all common subexpressions shared, as NumPy code."""
    import sympy
    from scipy.special import ndtr

    symbols = sympy.symbols("S K T r v", positive=True)
    spot, strike, years, rate, volatility = symbols
    cdf = sympy.Function("cdf")
    deviation = volatility * sympy.sqrt(years)
    d1 = (sympy.log(spot / strike) + (rate + volatility ** 2 / 2) * years) / deviation
    density = sympy.Lambda(symbols[0], sympy.exp(-symbols[0] ** 2 / 2) / sympy.sqrt(2 * sympy.pi))

    class Cdf(sympy.Function):
        def fdiff(self, argindex: int = 1) -> Any:
            return density(self.args[0])

    price = spot * Cdf(d1) - strike * sympy.exp(-rate * years) * Cdf(d1 - deviation)
    first = [sympy.diff(price, symbol) for symbol in symbols]
    second = [sympy.diff(slope, symbol) for place, slope in enumerate(first) for symbol in symbols[place:]]
    run = sympy.lambdify(symbols, [price, *first, *second], [{"Cdf": ndtr}, "numpy"], cse=True)
    columns = [np.ascontiguousarray(column) for column in options.T]
    del cdf

    def numpy_closed_form() -> Any:
        price, *rest = run(*columns)
        half = iter(rest[5:])
        matrix = {(i, j): next(half) for i in range(5) for j in range(i, 5)}
        return price, rest[:5], [[matrix[min(i, j), max(i, j)] for j in range(5)] for i in range(5)]

    return numpy_closed_form


def mlp(rows: int) -> Case:
    """Mean squared error of a perceptron 8-16-1 with tanh, and its gradient."""
    draw = np.random.default_rng(2)
    parameters = (draw.normal(size=(16, 8)) / 3, draw.normal(size=16) / 3, draw.normal(size=16) / 4, 0.1)
    x = draw.normal(size=(rows, 8))
    y = np.sin(x.sum(axis=1))

    def loss(first: Any, bias: Any, second: Any, offset: Any, x: Any, y: Any) -> Any:
        error = second @ np.array([tanh(z) for z in first @ x + bias]) + offset - y
        return error * error

    argnums = (0, 1, 2, 3)
    program = trace(value_and_grad(loss, argnums), *parameters, x[0], y[0])

    def numpy_closed_form() -> Any:
        first, bias, second, offset = parameters
        hidden = np.tanh(x @ first.T + bias)
        error = hidden @ second + offset - y
        slope = 2 * error / rows
        inner = (slope[:, None] * second) * (1 - np.square(hidden))
        return np.mean(error * error), (inner.T @ x, inner.sum(axis=0), slope @ hidden, slope.sum())

    case: Case = {OURS: _ours(program, "mean", (*parameters, x, y)), "NumPy": numpy_closed_form}
    if available("torch"):
        import torch

        tensors = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in parameters]
        tx, ty = torch.from_numpy(x), torch.from_numpy(y)

        def pytorch() -> Any:
            first, bias, second, offset = tensors
            cost = torch.nn.functional.mse_loss(torch.tanh(torch.addmm(bias, tx, first.T)) @ second + offset, ty)
            return cost.item(), tuple(slope.numpy() for slope in torch.autograd.grad(cost, tensors))

        case["PyTorch"] = pytorch
    if available("jax"):
        jax, jnp = _jax()

        def cost(first: Any, bias: Any, second: Any, offset: Any, x: Any, y: Any) -> Any:
            return jnp.mean(jnp.square(jnp.tanh(x @ first.T + bias) @ second + offset - y))

        case["JAX jit"] = _jitted(jax, jax.value_and_grad(cost, argnums), (*parameters, x, y))
    return case


def mixture(rows: int) -> Case:
    """Mean log-likelihood of a mixture of three Gaussians, and its gradient; weights as logits, scales as logs."""
    draw = np.random.default_rng(3)
    logits, means, scales = np.array([0.1, -0.2, 0.3]), np.array([-2.0, 0.5, 3.0]), np.array([0.2, -0.3, 0.4])
    x = draw.choice(means, size=rows) + draw.normal(size=rows)

    def likelihood(logits: Any, means: Any, scales: Any, x: Any) -> Any:
        terms = [weight - scale - ((x - mean) * exp(-scale)) ** 2 / 2
                 for weight, mean, scale in zip(logits, means, scales)]
        return (logaddexp(logaddexp(terms[0], terms[1]), terms[2])
                - logaddexp(logaddexp(logits[0], logits[1]), logits[2]))

    argnums = (0, 1, 2)
    program = trace(value_and_grad(likelihood, argnums), logits, means, scales, x[0])

    def numpy_closed_form() -> Any:
        u = (x[:, None] - means) * np.exp(-scales)
        terms = logits - scales - u * u / 2
        most = terms.max(axis=1)
        parts = np.exp(terms - most[:, None])
        total = parts.sum(axis=1)
        share = np.exp(logits) / np.exp(logits).sum()
        r = parts / total[:, None]
        mean = np.mean(most + np.log(total)) - np.log(np.exp(logits).sum())
        return mean, (r.mean(axis=0) - share, (r * u).mean(axis=0) * np.exp(-scales), (r * (u * u - 1)).mean(axis=0))

    case: Case = {OURS: _ours(program, "mean", (logits, means, scales, x)), "NumPy": numpy_closed_form}
    if available("torch"):
        import torch

        tensors = [torch.tensor(p, requires_grad=True) for p in (logits, means, scales)]
        tx = torch.from_numpy(x)

        def pytorch() -> Any:
            weight, mean, scale = tensors
            terms = torch.log_softmax(weight, 0) - scale - ((tx[:, None] - mean) * torch.exp(-scale)).square() / 2
            cost = torch.logsumexp(terms, 1).mean()
            return cost.item(), tuple(slope.numpy() for slope in torch.autograd.grad(cost, tensors))

        case["PyTorch"] = pytorch
    if available("jax"):
        jax, jnp = _jax()

        def cost(logits: Any, means: Any, scales: Any, x: Any) -> Any:
            terms = jax.nn.log_softmax(logits) - scales - jnp.square((x[:, None] - means) * jnp.exp(-scales)) / 2
            return jnp.mean(jax.nn.logsumexp(terms, axis=1))

        case["JAX jit"] = _jitted(jax, jax.value_and_grad(cost, argnums), (logits, means, scales, x))
    return case


def _jax() -> Any:
    import jax
    import jax.numpy

    jax.config.update("jax_enable_x64", True)
    return jax, jax.numpy


def _jitted(jax: Any, function: Any, arguments: tuple[Any, ...]) -> Callable[[], Any]:
    compiled = jax.jit(function)
    given = [jax.device_put(argument) for argument in arguments]
    return lambda: jax.block_until_ready(compiled(*given))
