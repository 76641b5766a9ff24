"""`python -m benchmarks [group ...]`: all figures, or those of the named groups of `GROUPS`."""

from __future__ import annotations

import importlib
import platform
import sys

import numpy

import autograd_mini

from .timing import available, processor

GROUPS = ("eager", "program", "choice", "loops", "sparse", "many", "gradbench", "gpt", "drawing", "explain")


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(GROUPS))
    if unknown:
        print(f"no group of benchmarks is called {', '.join(unknown)}: choose from {', '.join(GROUPS)}",
              file=sys.stderr)
        return 2
    peers = ("torch", "jax", "casadi", "xad", "autograd", "llvmlite")
    versions = ", ".join(f"{peer} {available(peer)}" for peer in peers if available(peer))
    print(f"{processor()}; Python {platform.python_version()}, NumPy {numpy.__version__}; {versions}; "
          f"autograd_mini {autograd_mini.__version__} with the {autograd_mini.engine} engine\n")
    for name in names or GROUPS:
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
