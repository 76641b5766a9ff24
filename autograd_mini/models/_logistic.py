"""Logistic regression, the worked example: the loss, the cost, gradient descent, and a model that trains by them.

    z = w1 x1 + ... + b        a = sigmoid(z)        L(a, y) = -y ln(a) - (1 - y) ln(1 - a)
    J(w, b) = (1/m) sum of L over the m examples     w := w - alpha dJ/dw,  b := b - alpha dJ/db

Everything is written for one number at a time, so it means the same for floats, Values, and arrays element by element.
L(a, y) is how the loss is taught; `loss_from_logit` is the same number, finite also where the sigmoid has rounded to
0 or 1, and that is what training uses.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Optional, Sequence

import numpy as np

from autograd_mini._body.transforms import value_and_grad
from autograd_mini._core.value import Value
from autograd_mini.functions import ln, sigmoid, softplus, square
from autograd_mini.program import trace

LARGE = 5_000_000
"""Numbers read in all steps of a training from which on the cost is a Program over the rows."""


def logit(w: Sequence[Any], b: Any, x: Sequence[Any]) -> Any:
    """z = w1 x1 + w2 x2 + ... + b of one example; w and x have the same length.

    >>> logit([2.0, -1.0], 0.5, [1.0, 3.0])
    -0.5
    """
    if len(w) != len(x):
        raise ValueError(f"the example has {len(x)} features, but there are {len(w)} weights")
    return sum(w_i * x_i for w_i, x_i in zip(w, x)) + b


def loss(a: Any, y: Any) -> Any:
    """L(a, y) = -y ln(a) - (1 - y) ln(1 - a), the cross-entropy of the prediction a and the class y, 0 or 1.

    >>> loss(0.5, 1.0)
    0.6931471805599453

    It is nan where a has rounded to exactly 0 or 1: use `loss_from_logit` there.
    """
    return -y * ln(a) - (1 - y) * ln(1 - a)


def loss_from_logit(z: Any, y: Any) -> Any:
    """The same loss from the logit, softplus(z) - y z, which no finite z makes overflow, cancel badly or turn to nan.

    It follows from ln(a) = z - softplus(z) and ln(1 - a) = -softplus(z).

    >>> loss_from_logit(0.0, 1.0), loss_from_logit(-800.0, 1.0)
    (0.6931471805599453, 800.0)
    """
    return softplus(z) - y * z


def cost(w: Sequence[Any], b: Any, X: Iterable[Sequence[float]], y: Iterable[float], ridge: float = 0.0) -> Any:
    """J(w, b), the mean loss of the examples, plus ridge/2 (w1^2 + w2^2 + ...).

    X is m rows of n features, y their m classes. Raises ValueError where there is no example, or unequal m or n.
    """
    rows, labels = _listed(X), _listed(y)
    if len(rows) != len(labels):
        raise ValueError(f"X has {len(rows)} rows, but y has {len(labels)} classes")
    if not rows:
        raise ValueError("the cost is a mean over examples, but there is none")
    J = sum(loss_from_logit(logit(w, b, x), label) for x, label in zip(rows, labels)) / len(rows)
    return J + sum(square(w_i) for w_i in w) * (ridge / 2) if ridge else J


def descend(parameters: Iterable[Value], learning_rate: float) -> None:
    """One step of gradient descent, w := w - alpha dJ/dw, by the gradients of the last `backward()`.

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> descend([w], learning_rate=0.25)
    >>> w.data
    1.5

    Raises ValueError for a parameter that no backward pass has reached.
    """
    for parameter in parameters:
        if parameter.grad is None:
            raise ValueError(f"the parameter {parameter.name or parameter.data!r} has no gradient: "
                             "call backward() on a cost that depends on it first")
        parameter.data -= learning_rate * parameter.grad


class LogisticRegression:
    """Logistic regression for two classes, trained through the scalar engine by gradient descent.

    >>> model = LogisticRegression(steps=100).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> model.predict([[-5.0], [8.0]]).tolist()
    [0.0, 1.0]

    Over a lot of data the loss of one example is recorded as a Program, which gives the same numbers up to rounding.
    `ridge` adds ridge/2 |w|^2 to the cost; the intercept is not penalised. scikit-learn's C is 1/(m ridge). Names and
    shapes are scikit-learn's.
    """

    def __init__(self, steps: int = 200, learning_rate: float = 1.0, ridge: float = 0.0) -> None:
        self.steps, self.learning_rate, self.ridge = steps, learning_rate, ridge
        self.w: list[Value] = []
        self.b = Value(0.0, "b")
        self.history: list[float] = []
        """The cost before each step, and after the last."""
        self.gradient: np.ndarray = np.zeros(0)
        """dJ/dw1, dJ/dw2, ..., dJ/db after the last step, shape (n + 1,)."""

    def fit(self, X: Any, y: Any, watch: Optional[Callable[[int, float], None]] = None) -> LogisticRegression:
        """Train from w = 0, b = 0 on X of shape (m, n) and classes y of shape (m,); `watch(step, J)` sees each cost.

        Raises ValueError for shapes that do not match, classes other than 0 and 1 and numbers that are not finite,
        FloatingPointError where the cost diverges.
        """
        X, y = _examples(X), np.asarray(y, dtype=float)
        if y.shape != X.shape[:1]:
            raise ValueError(f"X has {X.shape[0]} rows, so y has to have shape ({X.shape[0]},), not {y.shape}")
        if not np.isin(y, (0.0, 1.0)).all():
            raise ValueError("the classes y have to be 0 and 1")
        self.w = [Value(0.0, f"w{i}") for i in range(1, X.shape[1] + 1)]
        self.b = Value(0.0, "b")
        self.history = []
        evaluate = self._by_graph(X, y) if X.size * self.steps < LARGE else self._by_program(X, y)
        for step in range(self.steps + 1):
            if step:
                descend([*self.w, self.b], self.learning_rate)
            J = evaluate()
            self.history.append(J)
            if watch is not None:
                watch(step, J)
            if not math.isfinite(J):
                raise FloatingPointError(f"the cost is {J} after step {step}: choose a smaller learning rate")
        self.gradient = np.array([parameter.grad for parameter in (*self.w, self.b)], dtype=float)
        return self

    def _by_graph(self, X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        """What gives J and sets the gradients of w and b: a graph of all examples, built anew for every step."""
        rows, labels = X.tolist(), y.tolist()

        def evaluate() -> float:
            J = cost(self.w, self.b, rows, labels, self.ridge)
            J.backward()
            return J.data

        return evaluate

    def _by_program(self, X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        """The same by the graph of one example's loss and its gradient, recorded once and run over all rows."""
        def example(w: Any, b: Any, x: Any, label: Any) -> Any:
            return loss_from_logit(logit(w, b, x), label)

        program = trace(value_and_grad(example, argnums=(0, 1)), np.zeros(len(self.w)), 0.0, X[0], y[0])

        def evaluate() -> float:
            w = self.coefficients
            J, (dw, self.b.grad) = program.mean(w, self.b.data, X, y)
            for w_i, dw_i in zip(self.w, dw + self.ridge * w):
                w_i.grad = float(dw_i)
            return J + self.ridge / 2 * float(w @ w) if self.ridge else J

        return evaluate

    @property
    def coefficients(self) -> np.ndarray:
        """The weights w, shape (n,)."""
        return np.array([w_i.data for w_i in self.w])

    @property
    def intercept(self) -> float:
        """The number b."""
        return self.b.data

    def decision_function(self, X: Any) -> np.ndarray:
        """The logits z of the rows of X, shape (m,)."""
        X = _examples(X)
        if X.shape[1] != len(self.w):
            raise ValueError(f"X has {X.shape[1]} columns, but the model was fitted to {len(self.w)} features"
                             + ("" if self.w else ": call fit(X, y) first"))
        return X @ self.coefficients + self.intercept

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of class 0 and of class 1, shape (m, 2)."""
        z = self.decision_function(X)
        return np.stack([sigmoid(-z), sigmoid(z)], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """The more probable class of each row, 0.0 or 1.0, shape (m,)."""
        return (self.decision_function(X) > 0).astype(float)

    def score(self, X: Any, y: Any) -> float:
        """The share of rows whose class is predicted."""
        return float(np.mean(self.predict(X) == np.asarray(y)))

    def cost(self, X: Any, y: Any) -> Value:
        """J of these examples at the fitted w and b, as a graph."""
        return cost(self.w, self.b, X, y, self.ridge)


def _examples(X: Any) -> np.ndarray:
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"X has to have shape (m, n), a row for each example, not {X.shape}")
    if not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(f"X[{row}, {column}] is {X[row, column]}: every feature has to be a finite number")
    return X


def _listed(rows: Any) -> list[Any]:
    """Lists of plain floats, which the engine is quickest with."""
    return rows.tolist() if isinstance(rows, np.ndarray) else list(rows)
