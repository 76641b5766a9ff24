"""What makes a model one of scikit-learn's estimators, without scikit-learn: parameters, names of columns, tags.

The messages are scikit-learn's own where its `check_estimator` or its tools read them.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from typing import Any, Optional, cast

import numpy as np

from autograd_mini._core.extras import library


class FitWarning(UserWarning):
    """A fit that has no unique or no finite optimum, or has not reached it; the message says which and what to do."""


class Classifier:
    """The protocol of an estimator of two classes; what is set in `__init__` are parameters, as they were given."""

    _estimator_type = "classifier"
    classes_: np.ndarray
    """(2,): the two labels, sorted; the second is the one whose probability is sigmoid(z)."""
    n_features_in_: int
    """The number of columns of X."""

    @classmethod
    def _parameters(cls) -> dict[str, Any]:
        """The parameters of `__init__` and their defaults."""
        return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **parameters: Any) -> Any:
        """Assign parameters by name; the model itself is returned."""
        for name, value in parameters.items():
            if name not in self._parameters():
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}: it has "
                                 + ", ".join(self._parameters()))
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [f"{name}={getattr(self, name)!r}" for name, default in self._parameters().items()
                   if repr(getattr(self, name)) != repr(default)]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        tags = library("sklearn.utils", "an estimator's tags")
        return tags.Tags(estimator_type="classifier", target_tags=tags.TargetTags(required=True),
                         classifier_tags=tags.ClassifierTags(multi_class=False))

    def _require_fit(self) -> None:
        if not hasattr(self, "classes_"):
            validation = sys.modules.get("sklearn.exceptions")
            error = cast(type[Exception], validation.NotFittedError if validation else ValueError)
            raise error(f"this {type(self).__name__} is not fitted yet: call fit(X, y) first")

    def _fitted_columns(self, X: Any) -> np.ndarray:
        """X as numbers, for the columns the model was fitted to."""
        self._require_fit()
        self._compare_names(X)
        array = examples(X)
        if array.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {array.shape[1]} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input")
        return array

    def _remember_columns(self, X: Any, array: np.ndarray) -> None:
        self.n_features_in_ = array.shape[1]
        names = column_names(X)
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _compare_names(self, X: Any) -> None:
        known, given = getattr(self, "feature_names_in_", None), column_names(X)
        model = type(self).__name__
        if known is None and given is not None:
            warnings.warn(f"X has feature names, but {model} was fitted without feature names", stacklevel=4)
        elif known is not None and given is None:
            warnings.warn(f"X does not have valid feature names, but {model} was fitted with feature names",
                          stacklevel=4)
        elif known is not None and given is not None and list(known) != list(given):
            unseen, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
            problem = _bullets("Feature names unseen at fit time:", unseen)
            problem += _bullets("Feature names seen at fit time, yet now missing:", missing)
            raise ValueError("The feature names should match those that were passed during fit.\n"
                             + (problem or "Feature names must be in the same order as they were in fit.\n"))


def examples(X: Any) -> np.ndarray:
    """X as an array of float64 of shape (m, n), a row for each example; ValueError or TypeError for anything else."""
    if hasattr(X, "toarray"):
        raise TypeError("X is a sparse matrix: pass X.toarray(), the dense array")
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: X has to be real")
    array = np.asarray(array, dtype=float)
    if array.ndim != 2:
        raise ValueError(f"Expected 2D array: X has to have shape (m, n), a row for each example, not {array.shape}. "
                         "Reshape your data: X.reshape(-1, 1) is one column, X.reshape(1, -1) one row")
    for count, what in zip(array.shape, ("sample", "feature")):
        if not count:
            raise ValueError(f"Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required.")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"X[{row}, {column}] is {array[row, column]}: every feature has to be a finite number, "
                         "and NaN and inf are none")
    return array


def two_classes(y: Any, rows: int, model: Any) -> tuple[np.ndarray, np.ndarray]:
    """(the two labels, sorted; 0.0 or 1.0 for each row); ValueError for anything but two classes."""
    if y is None:
        raise ValueError(f"{type(model).__name__} requires y to be passed, but the target y is None")
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        exceptions = sys.modules.get("sklearn.exceptions")
        kind = exceptions.DataConversionWarning if exceptions else UserWarning
        warnings.warn("A column-vector y was passed when a 1d array was expected: use y.ravel()", kind, stacklevel=3)
        labels = labels.ravel()
    if labels.shape != (rows,):
        raise ValueError(f"X has {rows} rows, so y has to have shape ({rows},), not {labels.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        place = int(np.argmin(np.isfinite(labels)))
        raise ValueError(f"y[{place}] is {labels[place]}: NaN and inf are no class")
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        place = int(np.argmax(labels != np.floor(labels)))
        raise ValueError(f"Unknown label type: continuous. y[{place}] is {labels[place]}: y holds the classes")
    if labels.dtype.kind == "O" and any(label is None or label != label for label in labels.tolist()):
        raise ValueError("y has a missing class: leave such rows out")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) > 2:
        raise ValueError(f"Only binary classification is supported. y has {len(classes)} classes: {_few(classes)}")
    if len(classes) == 1:
        raise ValueError(f"y has 1 class, {classes.tolist()[0]!r}: logistic regression needs two classes")
    return classes, codes.astype(float)


def row_weights(sample_weight: Any, rows: int) -> np.ndarray:
    """The weights of the rows, shape (rows,), by default ones; ValueError where they are no weights."""
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=float)
    if weights.ndim == 0:
        weights = np.full(rows, float(weights))
    if weights.shape != (rows,):
        raise ValueError(f"Sample weights must be 1D array or scalar: X has {rows} rows, so sample_weight has to have "
                         f"shape ({rows},), not {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        place = int(np.argmin(np.isfinite(weights) & (weights >= 0)))
        raise ValueError(f"sample_weight[{place}] is {weights[place]}: a weight is a finite number, 0 or more")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def column_names(X: Any) -> Optional[np.ndarray]:
    """The names of the columns of a table, such as pandas and polars have, if all are texts."""
    names = getattr(X, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return np.array(list(names), dtype=object)


def _bullets(title: str, names: list[str]) -> str:
    shown = [f"- {name}" for name in names[:5]] + ["- ..."] * (len(names) > 5)
    return "\n".join([title, *shown]) + "\n" if names else ""


def _few(classes: np.ndarray) -> str:
    return ", ".join(map(repr, classes[:5].tolist())) + ", ..." * (len(classes) > 5)
