"""Without the libraries of an extra, what needs one says which in one line, and all else works."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

HIDE = """
import sys

for name in "sympy mpmath flint llvmlite scipy PIL sklearn tqdm dask".split():
    sys.modules[name] = None
"""
NEEDS = {
    "am.derive(z)": "symbolic", "am.check_derivation(z, {'x': '2*x'})": "symbolic", "am.diagnose(z)": "symbolic",
    "am.check_gradients(am.sin, 1.0)": "symbolic", "am.stabilize(z)": "symbolic",
    "am.stabilize(lambda x: x, domain={'x': (0.0, 1.0)})": "symbolic", "am.bound(z, {'x': (0.0, 1.0)})": "symbolic",
    "am.trace(am.sin, 1.0)(1.0, executor='llvm')": "jit", "am.trace(am.sin, 1.0).llvm_ir()": "jit",
    "am.sparse_hessian(lambda v: (v * v).sum())(np.ones(2))": "numerics",
    "models.lbfgs(am.value_and_grad(lambda v: v @ v), np.ones(2))": "numerics",
}
WORKS = ["am.draw(z).html()", "am.exercise(z).check('dx', '2*x').right", "am.text(z)", "am.grad(am.sin)(1.0)",
         "am.trace(am.sin, 1.0).sum([1.0, 2.0])", "models.LogisticRegression(ridge=0.1).fit(np.eye(4), [0, 1, 0, 1])",
         "am.norm_ppf(0.3)", "z._repr_mimebundle_()", "models.descent([[0.0], [1.0]], [0, 1])"]


def ran(code):
    return subprocess.run([sys.executable, "-c", HIDE + textwrap.dedent(code)], capture_output=True, text=True,
                          check=False, timeout=120)


def test_what_needs_an_extra_names_it_and_all_else_works():
    done = ran(f"""
        import numpy as np
        import autograd_mini as am
        from autograd_mini import models
        x = am.Value(0.7, "x"); z = x * x; z.name = "z"
        for code, extra in {NEEDS!r}.items():
            try:
                eval(code)
            except am.MissingExtraError as error:
                assert str(error).splitlines()[0].endswith(f"pip install 'autograd_mini[{{extra}}]'"), (code, error)
            else:
                raise AssertionError(code)
        for code in {WORKS!r}:
            eval(code)
        print("done")
        """)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("command", [["derive", "x*x", "--wrt", "x"], ["check", "x*x", "x=1", "--claim", "x=2*x"]])
def test_a_command_that_needs_an_extra_is_one_line(command):
    done = ran(f"""
        from autograd_mini.cli import main
        sys.exit(main({command!r}))
        """)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "needs SymPy: pip install 'autograd_mini[symbolic]'" in done.stderr
