"""Scalar automatic differentiation: a graph that can be differentiated, drawn, explained and compiled."""

from importlib import import_module as _import_module
from typing import Any as _Any

from autograd_mini._core import registry as _registry
from autograd_mini._version import __version__ as __version__

_NOW = {
    "_core.value_array": (),  # it lends itself to Value, and brings NumPy's protocol
    "_core.reductions": ("log_softmax", "logsumexp", "softmax"),
    "linalg": (),  # it lends itself to np.linalg
    "_core.errors": ("AutogradError", "DataError", "ExpressionError", "MissingColumnError", "MissingExtraError",
                     "NoLayoutError", "NoSolutionError", "NonFiniteError", "SavedFileError", "StaleGraphError",
                     "TracedBranchError", "TracedValueError", "UnknownRowError"),
    "_core.value": ("Value", "engine", "primitive"),
    "_core.graph": ("leaves", "topological_order"),
    "_core.trees": ("ravel",),
    "_core.recording": ("record_source", "scope", "strict"),
    "_body.calculus": ("gradient",),
    "_body.scan": ("scan",),
    "_body.transforms": ("grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad", "vjp"),
    "render": ("Drawing", "draw", "latex", "text", "tree"),
    "functions": ("log",),
    "_core.custom": ("custom_gradient", "stop_gradient"),
}
_LATER = {
    "explain": ("Derivation", "Diagnosis", "bound", "check_derivation", "check_gradients", "derive", "diagnose",
                "exercise", "stabilize"),
    "program": ("Program", "SparseProgram", "load", "save", "sparse_hessian", "sparse_jacobian", "trace"),
    "solvers": ("fixed_point", "odeint", "quad", "root"),
}
"""What is public, by module. The latter wings are imported when they are first used: they would double the time that
importing the package takes."""

from autograd_mini._core.value import functions as _functions  # noqa: E402
from autograd_mini.functions import *  # noqa: E402, F403  (the function of every row)

for _module, _names in _NOW.items():
    _home = _import_module(f"autograd_mini.{_module}")
    globals().update({name: getattr(_home, name) for name in _names})

__all__ = [*sorted({name for names in (*_NOW.values(), *_LATER.values(), tuple(_functions)) for name in names})]  # noqa: PLE0604


def __getattr__(name: str) -> _Any:
    for wing, names in _LATER.items():
        if name in names:
            found = globals()[name] = getattr(_import_module(f"autograd_mini.{wing}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _derive(value: _Any, wrt: _Any) -> _Any:
    return __getattr__("derive")(value, wrt, seconds=1.0, steps=True)


def _remake(maker: str, arguments: tuple[_Any, ...]) -> _Any:
    return _import_module("autograd_mini.solvers").remade(maker, arguments)


_registry.derive = _derive
_registry.remake = _remake


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
