"""Who follows CONTRIBUTING adds a primitive in one file: its block, put at the end of a copy of the table, works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini

PAGE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"
PACKAGE = Path(autograd_mini.__file__).parent

USE = '''
import math
import mpmath
import numpy as np
import autograd_mini as ag
from autograd_mini import Value, check_gradients, derive, gradient, grad, latex, text, trace
from autograd_mini._core import c_text
from autograd_mini.primitives import ROWS, TABLE

x = Value(-0.7, "x")
y = x.softsign()
exact = mpmath.diff(lambda a: a / (1 + abs(a)), -0.7, 2)
assert abs(gradient(gradient(y, x), x).data - exact) < 1e-13 and grad(ag.softsign)(0.0) == 1.0
assert "meaning" not in ag.softsign.__doc__ and "heavy tails" in ag.softsign.__doc__
assert text(y) == "softsign(x)" and latex(y).startswith(r"\\operatorname{softsign}")
assert "abs(x)" in str(derive(y, wrt=[x]))
assert "1 + fabs(" in c_text.kernels(ROWS)

row, own, asked = TABLE["softsign"], TABLE["softsign"].lanes, []
object.__setattr__(row, "lanes", lambda code, a: asked.append(a) or own(code, a))
program, rows = trace(lambda a: ag.softsign(a) * 3, 0.5), np.linspace(-5, 5, 3001)
expected = 3 * (rows / (1 + np.abs(rows)))
for executor in ("python", "numpy", "llvm"):
    np.testing.assert_allclose(program.map(rows, executor=executor), expected, rtol=5e-16)
assert asked
assert "1 + fabs(" in program.c_source() and "absolute" in TABLE["softsign"].arrays

report = check_gradients(ag.softsign, -0.7, order=2)
assert report.ok and not report.undecided, report
'''


@pytest.mark.skipif(not (PACKAGE / "primitives.py").exists() or not PAGE.exists(), reason="needs the page")
def test_a_primitive_is_added_in_one_file(tmp_path):
    for library in ("llvmlite", "sympy", "flint", "mpmath"):
        pytest.importorskip(library)
    block, = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    unbuilt = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    copy = shutil.copytree(PACKAGE, tmp_path / "autograd_mini", ignore=unbuilt)
    with open(copy / "primitives.py", "a", encoding="utf-8") as table:
        table.write("\n" + block)
    done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=False, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(tmp_path), "AUTOGRAD_MINI_ENGINE": "python"})
    assert done.returncode == 0, done.stderr
