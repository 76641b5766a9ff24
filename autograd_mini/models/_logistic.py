"""Logistic regression, the worked example: the loss, the cost, gradient descent, and a model that trains by them.

    z = w1 x1 + ... + b        a = sigmoid(z)        L(a, y) = -y ln(a) - (1 - y) ln(1 - a)
    J(w, b) = (1/m) sum of L over the m examples     w := w - alpha dJ/dw,  b := b - alpha dJ/db

Everything is written for one number at a time, so it means the same for floats, Values, and arrays element by element.
L(a, y) is how the loss is taught; `loss_from_logit` is the same number, finite also where the sigmoid has rounded to
0 or 1, and that is what training uses.
"""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any, Callable, Iterable, Optional, Sequence, overload

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini._body.transforms import value_and_grad
from autograd_mini._core.kinds import Row, Scalar, elementwise
from autograd_mini._core.value import Value
from autograd_mini.functions import ln, sigmoid, softplus, square
from autograd_mini.models._estimator import Classifier, FitWarning, examples, row_weights, two_classes
from autograd_mini.models._inference import Summary, inference
from autograd_mini.models._newton import newton
from autograd_mini.program import trace

Watch = Optional[Callable[[int, float], None]]

LARGE = 5_000_000
"""Numbers read in all steps of a training from which on the cost is a Program over the rows."""


@overload
def logit(w: Sequence[Value], b: Scalar, x: Row) -> Value: ...
@overload
def logit(w: Sequence[float], b: float, x: Sequence[float]) -> float: ...
@overload
def logit(w: Row, b: Scalar, x: Row) -> Any: ...


def logit(w: Any, b: Any, x: Any) -> Any:
    """z = w1 x1 + w2 x2 + ... + b of one example; w and x have the same length.

    >>> logit([2.0, -1.0], 0.5, [1.0, 3.0])
    -0.5
    """
    if len(w) != len(x):
        raise ValueError(f"the example has {len(x)} features, but there are {len(w)} weights")
    return sum(w_i * x_i for w_i, x_i in zip(w, x)) + b


@elementwise
def loss(a: Any, y: Any) -> Any:
    """L(a, y) = -y ln(a) - (1 - y) ln(1 - a), the cross-entropy of the prediction a and the class y, 0 or 1.

    >>> loss(0.5, 1.0)
    0.6931471805599453

    It is nan where a has rounded to exactly 0 or 1: use `loss_from_logit` there.
    """
    return -y * ln(a) - (1 - y) * ln(1 - a)


@elementwise
def loss_from_logit(z: Any, y: Any) -> Any:
    """The same loss from the logit, softplus(z) - y z, which no finite z makes overflow, cancel badly or turn to nan.

    It follows from ln(a) = z - softplus(z) and ln(1 - a) = -softplus(z).

    >>> loss_from_logit(0.0, 1.0), loss_from_logit(-800.0, 1.0)
    (0.6931471805599453, 800.0)
    """
    return softplus(z) - y * z


@overload
def cost(w: Sequence[Value], b: Scalar, X: Iterable[Row], y: Iterable[Any], ridge: float = 0.0,
         weights: Optional[Row] = None) -> Value: ...
@overload
def cost(w: Row, b: Scalar, X: Iterable[Row], y: Iterable[Any], ridge: float = 0.0,
         weights: Optional[Row] = None) -> Any: ...


def cost(w: Any, b: Any, X: Any, y: Any, ridge: float = 0.0, weights: Any = None) -> Any:
    """J(w, b), the mean loss of the examples, plus ridge/2 (w1^2 + w2^2 + ...).

    X is m rows of n features, y their m classes, `weights` their m weights in the mean. Raises ValueError where there
    is no example, or unequal m or n.
    """
    rows, labels = _listed(X), _listed(y)
    if len(rows) != len(labels):
        raise ValueError(f"X has {len(rows)} rows, but y has {len(labels)} classes")
    if not rows:
        raise ValueError("the cost is a mean over examples, but there is none")
    losses = (loss_from_logit(logit(w, b, x), label) for x, label in zip(rows, labels))
    if weights is None:
        J = sum(losses) / len(rows)
    else:
        J = sum(weight * L for weight, L in zip(weights, losses)) / sum(weights)
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


class LogisticRegression(Classifier):
    """Logistic regression for two classes of any labels, an estimator of scikit-learn's kind.

    >>> model = LogisticRegression(ridge=0.1).fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    >>> model, model.predict([[-5.0], [8.0]]).tolist(), model.coef_.round(3).tolist()
    (LogisticRegression(ridge=0.1), ['no', 'yes'], [[1.508]])

    `solver="newton"` takes a handful of steps with the exact gradient and Hessian, to the optimum, on columns as they
    are; `steps` is the most it takes, by default 100. `solver="gd"` is the course's gradient descent: `steps` steps, by
    default 200, of `learning_rate`, by default 1.0, on columns that should be standardised. The cost is the mean of the
    losses plus ridge/2 |w|^2; the intercept is not penalised. `C`, in place of `ridge`, is scikit-learn's: the ridge is
    1/(C m) for m rows. By default there is no penalty, as in statsmodels.
    """

    def __init__(self, steps: Optional[int] = None, learning_rate: Optional[float] = None, ridge: float = 0.0, *,
                 C: Optional[float] = None, solver: str = "newton") -> None:
        self.steps, self.learning_rate, self.ridge, self.C, self.solver = steps, learning_rate, ridge, C, solver

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: Optional[ArrayLike] = None,
            watch: Watch = None) -> LogisticRegression:
        """Train from w = 0, b = 0 on X of shape (m, n) and labels y of shape (m,); `watch(step, J)` sees each cost.

        `sample_weight` of shape (m,) counts a row so many times. Sets `coef_` (1, n), `intercept_` (1,), `classes_`
        (2,), `n_iter_` (1,), `n_features_in_`, and `feature_names_in_` where X is a table with named columns.

        Raises ValueError for shapes that do not match, labels that are not two classes, numbers that are not finite and
        parameters that are none; FloatingPointError where gradient descent diverges. Warns, once and with a FitWarning,
        where gradient descent overshoots, and where Newton's method has not converged, classes are separated, or
        columns make each other up.
        """
        steps, learning_rate = self._checked()
        table, array = X, examples(X)
        classes, codes = two_classes(y, len(array), self)
        weights = row_weights(sample_weight, len(array))
        counted = weights > 0
        array, codes, weights = array[counted], codes[counted], weights[counted]
        if len(np.unique(codes)) < 2:
            raise ValueError("rows whose weight is not 0 have 1 class: logistic regression needs two classes")
        self._remember_columns(table, array)
        self.classes_ = classes
        self._w, self._b = [Value(0.0, f"w{i}") for i in range(1, array.shape[1] + 1)], Value(0.0, "b")
        self._ridge = self.ridge if self.C is None else 1 / (self.C * float(weights.sum()))
        self._history: list[float] = []
        self._covariance: Optional[np.ndarray] = None
        self._problem = ""
        if self.solver == "newton":
            self._newton(array, codes, weights, steps, watch)
        else:
            self._descend(array, codes, None if sample_weight is None else weights, steps, learning_rate, watch)
        self.coef_, self.intercept_ = self.coefficients[None, :], np.array([self.intercept])
        self.n_iter_ = np.array([len(self._history) - 1], dtype=np.int32)
        if self._problem:
            warnings.warn(self._problem, FitWarning, stacklevel=2)
        return self

    def _checked(self) -> tuple[int, float]:
        """(steps, learning rate) for the solver; ValueError for parameters that are none."""
        if self.solver not in ("newton", "gd"):
            raise ValueError(f"solver is 'newton' or 'gd', not {self.solver!r}")
        if self.solver == "newton" and self.learning_rate is not None:
            raise ValueError("learning_rate is for gradient descent: pass solver='gd' too")
        if not (isinstance(self.ridge, Real) and 0 <= self.ridge < math.inf):
            raise ValueError(f"ridge is a finite number, 0 or more, not {self.ridge!r}")
        if self.C is not None and not (isinstance(self.C, Real) and self.C > 0):
            raise ValueError(f"C is a positive number, not {self.C!r}")
        if self.C is not None and self.ridge:
            raise ValueError("give ridge or C, not both: C is 1/(m ridge)")
        steps = self.steps if self.steps is not None else 100 if self.solver == "newton" else 200
        if not isinstance(steps, (int, np.integer)) or steps < 0:
            raise ValueError(f"steps is a whole number, 0 or more, not {steps!r}")
        return int(steps), 1.0 if self.learning_rate is None else self.learning_rate

    def _newton(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, steps: int, watch: Watch) -> None:
        total = float(weights.sum())
        found = newton(loss_from_logit, X, y, weights, self._ridge * total, steps, self._names("column {}", 0),
                       lambda step, J: watch(step, J / total) if watch is not None else None)
        for parameter, number in zip((*self._w, self._b), (*found.w.tolist(), found.b)):
            parameter.data = number
        self._history = [J / total for J in found.history]
        self._gradient, self._covariance, self._problem = found.slopes / total, found.covariance, found.problem

    def _descend(self, X: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray], steps: int, learning_rate: float,
                 watch: Watch) -> None:
        evaluate = (self._by_graph if X.size * steps < LARGE else self._by_program)(X, y, weights)
        for step in range(steps + 1):
            if step:
                descend([*self._w, self._b], learning_rate)
            J = evaluate()
            self._history.append(J)
            if watch is not None:
                watch(step, J)
            if not math.isfinite(J):
                raise FloatingPointError(f"the cost is {J} after step {step}: choose a smaller learning rate")
        self._gradient = np.array([parameter.grad for parameter in (*self._w, self._b)], dtype=float)
        lowest = min(self._history)
        if J - lowest > 1e-9 * (self._history[0] - lowest) + 1e-12:
            self._problem = (f"not converged: gradient descent overshoots, the cost was {lowest:.4g} and is {J:.4g} "
                             f"after {steps} steps: choose a smaller learning rate, or standardise the columns")

    def _by_graph(self, X: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray]) -> Callable[[], float]:
        """What gives J and sets the gradients of w and b: a graph of all examples, built anew for every step."""
        rows, labels = X.tolist(), y.tolist()
        counts = None if weights is None else weights.tolist()

        def evaluate() -> float:
            J = cost(self._w, self._b, rows, labels, self._ridge, counts)
            J.backward()
            return J.data

        return evaluate

    def _by_program(self, X: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray]) -> Callable[[], float]:
        """The same by the graph of one example's loss and its gradient, recorded once and run over all rows."""
        def example(w: Any, b: Any, x: Any, label: Any, share: Any) -> Any:
            return share * loss_from_logit(logit(w, b, x), label)

        program = trace(value_and_grad(example, argnums=(0, 1)), np.zeros(len(self._w)), 0.0, X[0], y[0], 1.0)
        shares = 1.0 if weights is None else weights / weights.mean()

        def evaluate() -> float:
            w = self.coefficients
            J, (dw, self._b.grad) = program.mean(w, self._b.data, X, y, shares)
            for w_i, dw_i in zip(self._w, dw + self._ridge * w):
                w_i.grad = float(dw_i)
            return J + self._ridge / 2 * float(w @ w) if self._ridge else J

        return evaluate

    @property
    def w(self) -> list[Value]:
        """The fitted weights as Values."""
        self._require_fit()
        return self._w

    @property
    def b(self) -> Value:
        """The fitted intercept as a Value."""
        self._require_fit()
        return self._b

    @property
    def history(self) -> list[float]:
        """The cost before each step, and after the last."""
        self._require_fit()
        return self._history

    @property
    def gradient(self) -> np.ndarray:
        """dJ/dw1, dJ/dw2, ..., dJ/db after the last step, shape (n + 1,)."""
        self._require_fit()
        return self._gradient

    @property
    def coefficients(self) -> np.ndarray:
        """The weights w, shape (n,)."""
        return np.array([w_i.data for w_i in self.w])

    @property
    def intercept(self) -> float:
        """The number b."""
        return self.b.data

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """The logits z of the rows of X, shape (m,)."""
        return self._fitted_columns(X) @ self.coef_[0] + self.intercept_[0]

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """The probabilities of the two classes, shape (m, 2), in the order of `classes_`."""
        z = self.decision_function(X)
        return np.stack([sigmoid(-z), sigmoid(z)], axis=1)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Their logarithms, finite also where a probability has rounded to 0."""
        z = self.decision_function(X)
        return -np.stack([softplus(z), softplus(-z)], axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The more probable class of each row, shape (m,)."""
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(int)]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: Optional[ArrayLike] = None) -> float:
        """The share of rows whose class is predicted, weighted by `sample_weight`."""
        weights: Any = sample_weight
        return float(np.average(self.predict(X) == np.asarray(y), weights=weights))

    def cost(self, X: ArrayLike, y: ArrayLike) -> Value:
        """J of these examples at the fitted w and b, as a graph."""
        codes = np.asarray(np.asarray(y) == self.classes_[1], dtype=float)
        return cost(self.w, self.b, examples(X), codes, self._ridge)

    def summary(self, level: float = 0.95) -> Summary:
        """Estimates, standard errors, z, p-values and intervals, from the inverse of the exact Hessian.

        As statsmodels' Logit: the estimates are normally distributed for many rows, and weights count rows. Raises
        ValueError where there is a penalty, under which the estimates are biased and have no such errors, and where
        the fit warned or was not Newton's.
        """
        self._require_fit()
        if self._ridge:
            raise ValueError("there are no standard errors under a penalty: fit with ridge=0")
        if self._covariance is None:
            raise ValueError("standard errors need the optimum: fit with solver='newton'")
        if self._problem:
            raise ValueError(f"there are no standard errors: {self._problem}")
        return inference([*self._names("x{}", 1), "intercept"], np.append(self.coef_[0], self.intercept_),
                         np.sqrt(np.diag(self._covariance)), level)

    def _names(self, form: str, first: int) -> list[str]:
        """The names of the columns; of such as have none, their places in this form."""
        unnamed = [form.format(i) for i in range(first, first + self.n_features_in_)]
        return [str(name) for name in getattr(self, "feature_names_in_", unnamed)]


def _listed(rows: Any) -> list[Any]:
    """Lists of plain floats, which the engine is quickest with."""
    return rows.tolist() if isinstance(rows, np.ndarray) else list(rows)
