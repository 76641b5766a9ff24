"""Models trained through the scalar engine: logistic regression with its data, networks, and optimisers."""

from autograd_mini.functions import sigmoid
from autograd_mini.models import _closed_forms as closed_forms
from autograd_mini.models._dataset import DataError, Dataset, load_breast_cancer, read_csv, scaling, split
from autograd_mini.models._descent import descent
from autograd_mini.models._estimator import FitWarning
from autograd_mini.models._logistic import LogisticRegression, cost, descend, logit, loss, loss_from_logit
from autograd_mini.models._networks import MLP, Layer, Neuron
from autograd_mini.models._optimisers import Adam, AdamW, GradientDescent, Minimum, lbfgs, minimise

__all__ = [
    "Adam", "AdamW", "DataError", "Dataset", "FitWarning", "GradientDescent", "Layer", "LogisticRegression", "MLP",
    "Minimum", "Neuron", "closed_forms", "cost", "descend", "descent", "lbfgs", "load_breast_cancer", "logit", "loss",
    "loss_from_logit", "minimise", "read_csv", "scaling", "sigmoid", "split",
]
