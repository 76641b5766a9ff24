"""The compiled engine: kernels written from the table of primitives, and the extension that includes them.

Everything else about the package stands in setup.cfg. The extension is optional: without a C compiler the install
succeeds and the readable engine is used.
"""

import importlib
import sys
import types
from glob import glob
from pathlib import Path

from setuptools import Extension, setup

# functions that are exact, so that a compiler may put an instruction in the place of the call
EXACT_IN_HARDWARE = ["#ifdef __GNUC__", "#define fabs __builtin_fabs", "#define sqrt __builtin_sqrt", "#endif"]
PACKAGE = Path(__file__).resolve().parent / "autograd_mini"


def load(name):
    """A module of the package, without running the package's own __init__, which needs what is being built."""
    if "autograd_mini" not in sys.modules:
        bare = types.ModuleType("autograd_mini")
        bare.__path__ = [str(PACKAGE)]
        sys.modules["autograd_mini"] = bare
    return importlib.import_module(f"autograd_mini.{name}")


def write_kernels():
    """autograd_mini/_kernels.h, rewritten only when the table changed, so that builds stay incremental."""
    c_text, rows = load("c_text"), load("primitives").ROWS
    code = c_text.kernels(rows)
    header = "\n".join([
        "/* Written by setup.py from autograd_mini/primitives.py: change the table, not this file. */",
        "#include <math.h>",
        *EXACT_IN_HARDWARE,
        f"#define AM_ROWS {len(rows)}",
        f'#define AM_FINGERPRINT "{c_text.fingerprint(code)}"',
        *(f"#define AM_{row.name.upper()} {row.index}" for row in rows),
        code])
    target = PACKAGE / "_kernels.h"
    if not target.exists() or target.read_text() != header:
        target.write_text(header)


def extensions():
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    write_kernels()
    flags = ["/O2", "/fp:precise"] if sys.platform == "win32" else [
        "-O3", "-ffp-contract=off", "-fno-builtin", "-fno-math-errno"]
    native = Extension("autograd_mini._native", ["autograd_mini/_native.pyx"], extra_compile_args=flags,
                       depends=["autograd_mini/_kernels.h", *sorted(glob("autograd_mini/native/*.pxi"))])
    built = cythonize([native], language_level=3)
    for extension in built:
        extension.optional = True  # cythonize does not hand this on
    return built


setup(ext_modules=extensions())
