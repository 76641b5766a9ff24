"""Gradients and Hessians of random functions beside those of autograd, CasADi, JAX and PyTorch, where installed."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_mini as ag

SIZE = 4
NAMES = ("exp", "log", "sin", "cos", "tanh", "sqrt", "sinh", "atan")

OPERATIONS = (
    lambda f, a, b: a * b / 2, lambda f, a, b: a - b, lambda f, a, b: a / (2 + f.sin(b)), lambda f, a, b: f.exp(-a * a),
    lambda f, a, b: f.log(1 + a * a) + b, lambda f, a, b: f.sqrt(0.5 + b * b), lambda f, a, b: f.tanh(a + b),
    lambda f, a, b: f.atan(a) * b, lambda f, a, b: (1.5 + f.cos(a)) ** (0.3 * f.tanh(b)),
    lambda f, a, b: f.sinh(f.sin(a)), lambda f, a, b: a ** 3 - b ** 2)


def random_function(seed):
    """Sixteen operations that stay inside every domain and near 1, said in the words of any library."""
    rng = random.Random(seed)
    steps = [(rng.randrange(len(OPERATIONS)), rng.random(), rng.random()) for _ in range(16)]

    def function(f, x):
        known = [x[i] for i in range(SIZE)]
        for kind, first, second in steps:
            a, b = known[int(first * len(known))], known[-1 - int(second * second * len(known))]
            known.append(OPERATIONS[kind](f, a, b))
        return sum(known[SIZE + 1:], known[SIZE])

    return function


def words(home, **others):
    return SimpleNamespace(**{name: getattr(home, others.get(name, name)) for name in NAMES})


def of_autograd(function, at):
    autograd, numpy = pytest.importorskip("autograd"), pytest.importorskip("autograd.numpy")
    f = lambda x: function(words(numpy, atan="arctan"), x)
    return autograd.grad(f)(at), autograd.hessian(f)(at)


def of_casadi(function, at):
    casadi = pytest.importorskip("casadi")
    x = casadi.SX.sym("x", SIZE)
    hessian, slope = casadi.hessian(function(words(casadi), x), x)
    both = casadi.Function("f", [x], [slope, hessian])(at)
    return np.array(both[0]).ravel(), np.array(both[1])


def of_jax(function, at):
    jax = pytest.importorskip("jax")
    f = lambda x: function(words(jax.numpy, atan="arctan"), x)
    jax.config.update("jax_enable_x64", True)
    return np.array(jax.grad(f)(at)), np.array(jax.hessian(f)(at))


def of_torch(function, at):
    torch = pytest.importorskip("torch")
    f, point = (lambda x: function(words(torch), x)), torch.tensor(at)
    return torch.func.grad(f)(point).numpy(), torch.func.hessian(f)(point).numpy()


@pytest.mark.parametrize("peer", [of_autograd, of_casadi, of_jax, of_torch], ids=lambda peer: peer.__name__[3:])
def test_gradients_and_hessians_are_those_of(peer):
    draw = np.random.default_rng(5)
    for seed in range(2 if peer is of_jax else 12):     # there each is compiled
        function, at = random_function(seed), draw.uniform(-1.5, 1.5, SIZE)
        f = lambda x, function=function: function(words(ag, log="ln"), x)
        slope, hessian = peer(function, at)
        tolerance = 1e-11 * max(1.0, *np.abs(hessian).ravel())
        for ours in (ag.grad(f)(at), ag.trace(ag.grad(f), at)(at * 1.0)):
            np.testing.assert_allclose(ours, slope, rtol=1e-11, atol=tolerance)
        np.testing.assert_allclose(ag.hessian(f)(at), hessian, rtol=1e-11, atol=tolerance)
