"""Types that hold: the stubs are what the table says, and type checkers judge users' code rightly by them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini
from autograd_mini._core import c_text, registry, stubs
from autograd_mini._core.value import functions
from autograd_mini.primitives import BUILT_IN, ROWS

PACKAGE = Path(autograd_mini.__file__).parent
TYPED = Path(__file__).parent / "typed"
PYRIGHT = shutil.which("pyright") or os.environ.get("PYRIGHT")


def builtin(names):
    return {name for name in names if registry.row_of(functions[name]).index >= 0}


def test_the_stubs_are_what_setup_writes():
    """Otherwise: python setup.py build_ext --inplace."""
    assert (PACKAGE / "functions.pyi").read_text() == stubs.functions(BUILT_IN)
    source = (PACKAGE / "__init__.py").read_text()
    assert (PACKAGE / "__init__.pyi").read_text() == stubs.package(source, BUILT_IN)


def test_the_stubs_name_what_is_there():
    trees = {name: ast.parse((PACKAGE / name).read_text()) for name in ("__init__.pyi", "functions.pyi")}
    public = {node.value for node in ast.walk(trees["__init__.pyi"].body[-1]) if isinstance(node, ast.Constant)}
    assert public == {name for name in autograd_mini.__all__ if name not in functions} | builtin(functions) | {"log"}
    methods, = (node for node in trees["functions.pyi"].body if isinstance(node, ast.ClassDef))
    told = {node.target.id if isinstance(node, ast.AnnAssign) else node.name for node in methods.body}
    for engine in registry.engines.values():
        rows = {name for name, method in vars(engine.kind).items() if registry.row_of(method) is not None}
        assert told >= {name for name in rows if registry.row_of(vars(engine.kind)[name]).index >= 0}
        assert [name for name in told if not hasattr(engine.kind, name)] == []


def test_the_kernels_know_which_table_they_are_of():
    code, _, sources = c_text.stamp(ROWS).partition("-")
    assert c_text.is_stamp_of(f"{code}-00000000", ROWS)  # only a comment is another one
    assert c_text.is_stamp_of(f"00000000-{sources}", ROWS)  # not asked further: the sources are the same
    assert not c_text.is_stamp_of("00000000-00000000", ROWS) and not c_text.is_stamp_of("00000000-", ROWS)
    assert not c_text.is_stamp_of(f"{code}-00000000", ROWS[:-1])


def findings(command, *paths):
    """The lines that a checker finds fault with, by file, and all that it said."""
    checkout = {} if PACKAGE.parent.name == "site-packages" else {
        "MYPYPATH": str(PACKAGE.parent), "PYTHONPATH": str(PACKAGE.parent)}
    ran = subprocess.run([*command, *map(str, paths)], check=False, capture_output=True, text=True, cwd=TYPED,
                         env={**os.environ, **checkout})
    lines = {path.name: set() for path in paths}
    for name, line in re.findall(r"(\w+\.py):(\d+)(?::\d+)?(?:: | - )error", ran.stdout):
        lines[name].add(int(line))
    return lines, ran.stdout + ran.stderr


def marked(path):
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if "# wrong" in line}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers_find_what_is_wrong_and_nothing_else(checker):
    if checker == "mypy":
        pytest.importorskip("mypy")
        command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
                   f"--cache-dir={PACKAGE.parent / '.mypy_cache'}"]
    elif PYRIGHT is None:
        pytest.skip("there is no pyright")
    else:
        command = [PYRIGHT, "--pythonpath", sys.executable]
    right, wrong = TYPED / "user.py", TYPED / "wrong.py"
    lines, said = findings(command, right, wrong)
    assert lines["user.py"] == set(), said
    assert lines["wrong.py"] == marked(wrong), said
    assert len(marked(wrong)) > 60
