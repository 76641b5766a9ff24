"""Scalar automatic differentiation: a graph that can be differentiated, drawn, explained and compiled."""

from autograd_mini import numpy_protocol as _numpy_protocol  # noqa: F401  (registers itself)
from autograd_mini._version import __version__ as __version__
from autograd_mini.calculus import gradient
from autograd_mini.conversion import TracedBranchError
from autograd_mini.custom import custom_gradient, stop_gradient
from autograd_mini.explain import Derivation, Diagnosis, check_derivation, check_gradients, derive, diagnose, stabilize
from autograd_mini.functions import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    away,
    cbrt,
    chain,
    cos,
    cosh,
    defined,
    div,
    equal,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    floor,
    hypot,
    less,
    less_equal,
    ln,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    logaddexp,
    maximum,
    minimum,
    mul,
    neg,
    norm_cdf,
    pow,
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    square,
    sub,
    tan,
    tanh,
    where,
)
from autograd_mini.graph import StaleGraphError, leaves, topological_order
from autograd_mini.primitives import MissingColumnError
from autograd_mini.program import Program, trace
from autograd_mini.recording import NonFiniteError, record_source, scope, strict
from autograd_mini.render import Drawing, NoLayoutError, draw, latex, text, tree
from autograd_mini.transforms import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from autograd_mini.value import Value, engine, primitive

__all__ = [
    "Derivation", "Diagnosis", "Drawing", "MissingColumnError", "NoLayoutError", "NonFiniteError", "Program",
    "StaleGraphError", "TracedBranchError", "Value", "abs", "acos", "acosh", "add", "asin", "asinh", "atan",
    "atan2", "atanh", "away", "cbrt", "chain", "check_derivation", "check_gradients", "cos", "cosh",
    "custom_gradient", "defined", "derive", "diagnose", "div", "draw", "engine", "equal", "erf", "erfc", "exp",
    "exp2", "expm1", "floor", "grad", "gradient", "hessian", "hvp", "hypot", "jacfwd", "jacobian", "jacrev", "jvp",
    "latex", "leaves", "less", "less_equal", "ln", "log", "log10", "log1p", "log2", "log_sigmoid", "logaddexp",
    "maximum", "minimum", "mul", "neg", "norm_cdf", "pow", "primitive", "reciprocal", "record_source", "relu",
    "scope", "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "square", "stabilize", "stop_gradient", "strict",
    "sub", "tan", "tanh", "text", "topological_order", "trace", "tree", "value_and_grad", "vjp", "where",
]
