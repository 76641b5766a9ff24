"""Newton's method for the logistic cost: a handful of steps, on columns as they are.

The loss of one example depends on w and b through z = w x + b alone. A Program gives L, dL/dz and d2L/dz2 of every
row; what is linear is NumPy's matrix product. Columns are centred and scaled inside, which changes no optimum, only the
rounding.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from autograd_mini._body.transforms import grad
from autograd_mini._core.extras import library
from autograd_mini.program import Program, trace

SMALL = 1e-8
"""Of a last step: in standard errors of the parameters, and of one logit."""
HALVINGS = 60
ROUNDING = 1e-13
"""Of a sum of losses, as a share of it: what a step may raise it by."""


class Optimum(NamedTuple):
    """Where Newton's method ended."""

    w: np.ndarray
    """(n,): the weights of the columns as they were given."""
    b: float
    history: list[float]
    """The sum of the losses and the penalty before each step, and after the last."""
    slopes: np.ndarray
    """(n + 1,): the gradient of that sum by w and b."""
    covariance: np.ndarray
    """(n + 1, n + 1): the inverse of its Hessian by w and b."""
    steps: int
    problem: str
    """What is wrong with this optimum, in a sentence; empty where nothing is."""


def newton(loss: Callable[[Any, Any], Any], X: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: float,
           most_steps: int, names: list[str], watch: Callable[[int, float], None]) -> Optimum:
    """The minimum of sum(weights * loss(X w + b, y)) + penalty/2 |w|^2, from w = 0, b = 0."""
    center = np.average(X, axis=0, weights=weights)
    spread = np.average(np.abs(X - center), axis=0, weights=weights)
    is_constant = np.ptp(X, axis=0) == 0
    center, spread = np.where(is_constant, X[0], center), np.where(is_constant | (spread == 0), 1.0, spread)
    A = np.column_stack([(X - center) / spread, np.ones(len(X))])
    ridge = np.append(penalty / spread ** 2, 0.0)
    problem = "" if penalty else dependent_columns(A, names, is_constant)
    example = slopes_of(loss)

    def at(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        z = A @ theta
        L, first, second = example.map(z, y)
        return (float(weights @ L + ridge @ theta ** 2 / 2), A.T @ (weights * first) + ridge * theta,
                (A * (weights * second)[:, None]).T @ A + np.diag(ridge), z)

    theta = np.zeros(A.shape[1])
    value, slope, curvature, z = at(theta)
    history = [value]
    watch(0, value)
    step, is_done = 0, False
    while step < most_steps and not is_done:
        direction = -pseudo_inverse(curvature) @ slope
        decrement = -float(slope @ direction)
        change = float(np.abs(A @ direction).max())
        is_done = decrement <= SMALL ** 2 and change <= SMALL ** 0.5
        share = 1.0
        for _ in range(HALVINGS):
            found = at(theta + share * direction)
            if found[0] <= value - 1e-4 * share * decrement + ROUNDING * abs(value):
                break
            share /= 2
        else:
            break
        theta, step = theta + share * direction, step + 1
        value, slope, curvature, z = found
        history.append(value)
        watch(step, value)
        if not penalty and (z * (2 * y - 1) > 0).all():
            problem = ("complete separation: a plane divides the classes, so the weights have no finite optimum, and "
                       "those of the first such plane are kept")
            break
    if not is_done and not problem.startswith("complete"):
        problem = (not penalty and separation(A, y)) or f"not converged after {step} steps: raise `steps`"
    to_w = np.append(1 / spread, 1.0)
    back = np.diag(to_w)
    back[-1, :-1] = -center / spread
    original = back @ theta
    return Optimum(original[:-1], float(original[-1]), history, np.linalg.solve(back.T, slope),
                   back @ pseudo_inverse(curvature) @ back.T, step, problem)


@functools.lru_cache(maxsize=8)
def slopes_of(loss: Callable[[Any, Any], Any]) -> Program:
    """The Program of one example: the loss and its first two derivatives by z."""
    return trace(lambda z, y: (loss(z, y), grad(loss)(z, y), grad(grad(loss))(z, y)), 0.5, 1.0)


def pseudo_inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric matrix, its rows and columns scaled first; of a singular one the pseudo-inverse."""
    diagonal = np.diag(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return scale[:, None] * np.linalg.pinv(matrix * np.outer(scale, scale), rcond=1e-14, hermitian=True) * scale


def dependent_columns(A: np.ndarray, names: list[str], is_constant: np.ndarray) -> str:
    """Which columns of A (centred, with ones behind them) the others make up, as a sentence."""
    R = np.linalg.qr(A[:, :-1][:, ~is_constant], mode="r")
    _, sizes, directions = np.linalg.svd(R)
    sizes = np.append(sizes, np.zeros(len(directions) - len(sizes)))
    null = directions[sizes <= 1e-12 * max(sizes, default=0.0)]
    told = []
    if is_constant.any():
        told.append(f"{_listed([name for name, there in zip(names, is_constant) if there])} "
                    "is constant, as the intercept is")
    varying = [name for name, there in zip(names, is_constant) if not there]
    if len(null):
        involved = np.abs(null).max(axis=0) > 1e-6
        told.append(f"{_listed([name for name, there in zip(varying, involved) if there])} make each other up")
    return f"columns that cannot be told apart, {' and '.join(told)}: the smallest weights are taken" if told else ""


def separation(A: np.ndarray, y: np.ndarray) -> Optional[str]:
    """Whether some plane has each class on its own side or on itself, by a linear program, as a sentence."""
    linprog = library("scipy.optimize", "telling why a fit has no finite optimum").linprog
    signed = A * (2 * y - 1)[:, None]
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(A)), bounds=(-1, 1))
    if found.status == 0 and -found.fun > 1e-6:
        return "quasi-complete separation: a plane divides the classes but for rows on it, so some weight has no " \
               "finite optimum, and those of the last step are kept"
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
