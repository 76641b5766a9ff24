"""Scalar automatic differentiation: a graph that can be differentiated, drawn, explained and compiled."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from autograd_mini._body.calculus import gradient
from autograd_mini._body.transforms import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from autograd_mini._core import numpy_protocol as _numpy_protocol  # noqa: F401  (registers itself)
from autograd_mini._core.custom import custom_gradient, stop_gradient
from autograd_mini._core.graph import StaleGraphError, leaves, topological_order
from autograd_mini._core.numbers import TracedBranchError
from autograd_mini._core.recording import NonFiniteError, record_source, scope, strict
from autograd_mini._core.value import Value, engine, primitive
from autograd_mini._version import __version__ as __version__
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
from autograd_mini.primitives import MissingColumnError
from autograd_mini.render import Drawing, NoLayoutError, draw, latex, text, tree

if _TYPE_CHECKING:
    from autograd_mini.explain import (
        Derivation,
        Diagnosis,
        _stabilize as stabilize,
        check_derivation,
        check_gradients,
        derive,
        diagnose,
    )
    from autograd_mini.program import Program, trace

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

_WINGS = {
    "explain": ("Derivation", "Diagnosis", "check_derivation", "check_gradients", "derive", "diagnose", "stabilize"),
    "program": ("Program", "trace"),
}
"""What is imported when it is first used: these wings would double the time that importing the package takes."""


def __getattr__(name: str) -> _Any:
    for wing, names in _WINGS.items():
        if name in names:
            found = globals()[name] = getattr(_import_module(f"autograd_mini.{wing}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
