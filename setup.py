"""The compiled engine: kernels written from the table of primitives, and the extensions that include them.

Everything else about the package stands in setup.cfg. The extensions are optional: without a C compiler the install
succeeds and the readable engine is used.
"""

import importlib
import os
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


def write_from_the_table():
    """What is made from the table: the kernels of the engine, the interpreter of Programs, and types of both."""
    load("_core.gamma")  # the table's last page
    c_text, stubs, rows = load("_core.c_text"), load("_core.stubs"), load("primitives").ROWS
    write("functions.pyi", [stubs.functions()])
    write("__init__.pyi", [stubs.package((PACKAGE / "__init__.py").read_text())])
    code = c_text.kernels(rows)
    shared = ["/* Written by setup.py from autograd_mini/primitives.py: change the table, not this file. */",
              "#include <math.h>",
              *EXACT_IN_HARDWARE,
              f"#define AM_ROWS {len(rows)}",
              f'#define AM_FINGERPRINT "{c_text.stamp(rows)}"']
    write("_core/_kernels.h", [*shared, *(f"#define AM_{row.name.upper()} {row.index}" for row in rows), code])
    write("program/_interpreter.h", [*shared, "#include <stdint.h>", c_text.interpreter(rows)])


def write(name, lines):
    """A generated file, rewritten only when it changed, so that builds stay incremental."""
    target, text = PACKAGE / name, "\n".join(lines)
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


def extensions():
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    write_from_the_table()
    flags = ["/O2", "/fp:precise"] if sys.platform == "win32" else [
        "-O3", "-ffp-contract=off", "-fno-builtin", "-fno-math-errno"]
    stripped = ["-Wl,-s"] if sys.platform == "linux" and "CFLAGS" not in os.environ else []  # a tenth of the size
    native = Extension("autograd_mini._core._native", ["autograd_mini/_core/_native.pyx"], extra_compile_args=flags,
                       extra_link_args=stripped,
                       depends=["autograd_mini/_core/_kernels.h", *sorted(glob("autograd_mini/_core/native/*.*"))])
    built = [native]
    try:
        import numpy
    except ImportError:
        pass  # Programs then use the readable interpreter
    else:
        built.append(Extension("autograd_mini.program._interpreter", ["autograd_mini/program/_interpreter.pyx"],
                               include_dirs=[numpy.get_include()], extra_compile_args=flags,
                               extra_link_args=stripped,
                               define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                               depends=["autograd_mini/program/_interpreter.h", "autograd_mini/program/_rows.pxi"]))
    built = cythonize(built, language_level=3)
    for extension in built:
        extension.optional = True  # cythonize does not hand this on
    return built


setup(ext_modules=extensions())
