"""Libraries that only some uses need: which extra of the package brings which."""

from __future__ import annotations

import importlib
from typing import Any

from autograd_mini._core.errors import MissingExtraError

_EXTRAS = {"sympy": ("SymPy", "symbolic"), "mpmath": ("mpmath", "symbolic"), "flint": ("python-flint", "symbolic"),
           "llvmlite": ("llvmlite", "jit"), "scipy": ("SciPy", "numerics"), "PIL": ("Pillow", "viz"),
           "sklearn": ("scikit-learn", "")}
"""By what is imported: the library, and the extra that brings it, where one does."""


def library(module: str, purpose: str) -> Any:
    """A module of a library; raises MissingExtraError, one line that says what to install, where it is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        root = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != root:
            raise  # it is there, and misses something itself
        name, extra = _EXTRAS[root]
        wanted = f"'autograd_mini[{extra}]'" if extra else name
        raise MissingExtraError(f"{purpose} needs {name}: pip install {wanted}") from None
