"""The page on which logistic regression descends: the Programs of one example, traced, and data to drag."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini._body.transforms import value_and_grad
from autograd_mini.functions import sigmoid
from autograd_mini.models._logistic import LogisticRegression, logit, loss_from_logit
from autograd_mini.program import trace
from autograd_mini.render._descent import descent_page

MOST_ROWS = 200
"""How many rows a page takes: it computes the cost of all of them some two thousand times for one picture."""


def descent(X: ArrayLike, y: ArrayLike, names: Optional[Sequence[str]] = None, *,
            features: Optional[Sequence[str]] = None, seed: int = 0, language: str = "en") -> str:
    """An HTML page with the cost of logistic regression on X (m, n) and y (m,), over w and b or the first two weights.

    `names` are those of the parameters, by default w and b or w1 ... wn and b; `features` those of the columns of X,
    by default x or x1 ... xn. The picture is centred where a hundred
    steps of gradient descent arrive. Beyond 200 rows a sample is shown, drawn by the seed.

    >>> descent([[0.0], [1.0]], [0, 1]).splitlines()[0]
    '<!doctype html>'
    """
    X, y = np.atleast_2d(np.asarray(X, float)), np.asarray(y, float).ravel()
    if len(X) != len(y) or not len(y):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}: one class for each row, and at least one")
    if not np.isin(y, (0, 1)).all() or not np.isfinite(X).all():
        raise ValueError("a class is 0 or 1, and what stands in X a finite number")
    if len(y) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(y), MOST_ROWS, replace=False))
        X, y = X[chosen], y[chosen]
    n = X.shape[1]

    def cost(w: Any, b: Any, x: Any, label: Any) -> Any:
        return loss_from_logit(logit(w, b, x), label)

    w, x = np.zeros(n), np.asarray(X[0])
    example = trace(value_and_grad(cost, argnums=(0, 1)), w, 0.0, x, 1.0)
    predict = trace(lambda w, b, x: sigmoid(logit(w, b, x)), w, 0.0, x)
    programs = [example.js_source("example"), predict.js_source("predict")]
    fitted = LogisticRegression(steps=100, solver="gd").fit(X, y)
    middle = [*fitted.coefficients, fitted.intercept]
    reach = [max(4.0, 1.5 * abs(c)) for c in middle]
    window = [(c - r, c + r) for c, r in zip(middle, reach)]
    start = [c + share * r for c, share, r in zip(middle, [-0.7, 0.75, *[0.0] * n], reach)]
    parameters = names or (["w", "b"] if n == 1 else [*(f"w{i}" for i in range(1, n + 1)), "b"])
    features = features or (["x"] if n == 1 else [f"x{i}" for i in range(1, n + 1)])
    rows = np.column_stack([X, y]).tolist()
    return descent_page(programs, rows, parameters, features, start, window, language)
