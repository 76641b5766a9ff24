"""Models trained through the scalar engine: logistic regression, the worked example, and its data."""

from autograd_mini.functions import sigmoid
from autograd_mini.models import closed_forms
from autograd_mini.models.dataset import DataError, Dataset, load_breast_cancer, read_csv, scaling, split
from autograd_mini.models.logistic import LogisticRegression, cost, descend, logit, loss, loss_from_logit

__all__ = [
    "DataError", "Dataset", "LogisticRegression", "closed_forms", "cost", "descend", "load_breast_cancer", "logit",
    "loss", "loss_from_logit", "read_csv", "scaling", "sigmoid", "split",
]
