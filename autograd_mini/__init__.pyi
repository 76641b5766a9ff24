"""Written by setup.py from autograd_mini/__init__.py and the table of primitives: change that, not this file."""

from autograd_mini._version import __version__ as __version__
from autograd_mini._body.calculus import (
    gradient,
)
from autograd_mini._body.scan import (
    scan,
)
from autograd_mini._body.transforms import (
    grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp,
)
from autograd_mini._core.custom import (
    custom_gradient, stop_gradient,
)
from autograd_mini._core.errors import (
    AutogradError, DataError, ExpressionError, MissingColumnError, MissingExtraError, NoLayoutError, NoSolutionError,
    NonFiniteError, SavedFileError, StaleGraphError, TracedBranchError, TracedValueError, UnknownRowError,
)
from autograd_mini._core.graph import (
    leaves, topological_order,
)
from autograd_mini._core.recording import (
    record_source, scope, strict,
)
from autograd_mini._core.reductions import (
    log_softmax, logsumexp, softmax,
)
from autograd_mini._core.trees import (
    ravel,
)
from autograd_mini._core.value import (
    Value, engine, primitive,
)
from autograd_mini.explain import (
    Derivation, Diagnosis, bound, check_derivation, check_gradients, derive, diagnose, exercise, stabilize,
)
from autograd_mini.functions import (
    abs, acos, acosh, add, asin, asinh, atan, atan2, atanh, away, beta, cbrt, ceil, chain, clip, cos, cosh, decay,
    defined, digamma, div, entr, equal, erf, erfc, erfcx, erfcx_slope, erfinv, exp, exp2, expm1, exprel, floor,
    floordiv, fmod, gamma, hypot, lbeta, less, less_equal, lgamma, ln, log, log10, log1mexp, log1p, log1p_decay, log2,
    log_norm_cdf, log_sigmoid, logaddexp, logistic_pdf, logit, logsubexp, maximum, minimum, mod, mul, neg, norm_cdf,
    norm_pdf, norm_ppf, one_minus_square, polygamma, pow, reciprocal, relu, round, sigmoid, sign, sin, sinc, sinh,
    softplus, sqrt, square, sub, tan, tanh, trigamma, trunc, where, xlog1py, xlogy,
)
from autograd_mini.program import (
    Program, SparseProgram, load, save, sparse_hessian, sparse_jacobian, trace,
)
from autograd_mini.render import (
    Drawing, draw, latex, text, tree,
)
from autograd_mini.solvers import (
    fixed_point, odeint, quad, root,
)

__all__ = [
    "AutogradError", "DataError", "Derivation", "Diagnosis", "Drawing", "ExpressionError", "MissingColumnError",
    "MissingExtraError", "NoLayoutError", "NoSolutionError", "NonFiniteError", "Program", "SavedFileError",
    "SparseProgram", "StaleGraphError", "TracedBranchError", "TracedValueError", "UnknownRowError", "Value", "abs",
    "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "away", "beta", "bound", "cbrt", "ceil",
    "chain", "check_derivation", "check_gradients", "clip", "cos", "cosh", "custom_gradient", "decay", "defined",
    "derive", "diagnose", "digamma", "div", "draw", "engine", "entr", "equal", "erf", "erfc", "erfcx", "erfcx_slope",
    "erfinv", "exercise", "exp", "exp2", "expm1", "exprel", "fixed_point", "floor", "floordiv", "fmod", "gamma",
    "grad", "gradient", "hessian", "hvp", "hypot", "jacfwd", "jacobian", "jacrev", "jvp", "latex", "lbeta", "leaves",
    "less", "less_equal", "lgamma", "ln", "load", "log", "log10", "log1mexp", "log1p", "log1p_decay", "log2",
    "log_norm_cdf", "log_sigmoid", "log_softmax", "logaddexp", "logistic_pdf", "logit", "logsubexp", "logsumexp",
    "maximum", "minimum", "mod", "mul", "neg", "norm_cdf", "norm_pdf", "norm_ppf", "odeint", "one_minus_square",
    "polygamma", "pow", "primitive", "quad", "ravel", "reciprocal", "record_source", "relu", "root", "round", "save",
    "scan", "scope", "sigmoid", "sign", "sin", "sinc", "sinh", "softmax", "softplus", "sparse_hessian",
    "sparse_jacobian", "sqrt", "square", "stabilize", "stop_gradient", "strict", "sub", "tan", "tanh", "text",
    "topological_order", "trace", "tree", "trigamma", "trunc", "value_and_grad", "vjp", "where", "xlog1py", "xlogy",
]
