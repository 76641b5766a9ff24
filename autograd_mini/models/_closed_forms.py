"""The derivatives of logistic regression as derived by hand: what the engine is compared with.

Each of the first five is one line of the derivation, for one example. They take floats, arrays, Values or symbols.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def da(a: Any, y: Any) -> Any:
    """dL/da = -y/a + (1 - y)/(1 - a)."""
    return -y / a + (1 - y) / (1 - a)


def da_dz(a: Any) -> Any:
    """da/dz = a - a^2, of a = 1/(1 + e^-z): with t = 1 + e^-z, it is -1/t^2 times the inner derivative -e^-z."""
    return a - a * a


def dz(a: Any, y: Any) -> Any:
    """dL/dz = dL/da da/dz = a - y."""
    return a - y


def dw(x: Any, a: Any, y: Any) -> Any:
    """dL/dw_i = dL/dz dz/dw_i = x_i (a - y)."""
    return x * (a - y)


def db(a: Any, y: Any) -> Any:
    """dL/db = dL/dz = a - y."""
    return a - y


def cost_and_gradient(w: Any, b: float, X: Any, y: Any, ridge: float = 0.0) -> tuple[float, np.ndarray, float]:
    """J, dJ/dw and dJ/db over all rows, by NumPy alone: w of shape (n,), X (m, n), y (m,).

    >>> J, dw, db = cost_and_gradient([0.0], 0.0, [[1.0], [3.0]], [0.0, 1.0])
    >>> round(J, 6), dw.tolist(), db
    (0.693147, [-0.5], 0.0)
    """
    w, X, y = np.asarray(w, dtype=float), np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    z = X @ w + b
    J = np.mean(np.logaddexp(0, z) - y * z) + ridge / 2 * (w @ w)
    a = np.exp(-np.logaddexp(0, -z))
    return float(J), X.T @ (a - y) / len(y) + ridge * w, float(np.mean(a - y))
