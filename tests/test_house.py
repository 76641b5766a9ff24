"""The house is built as it is drawn: imports point down only, no circles, and the core is read at one sitting."""

from __future__ import annotations

import ast
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

import autograd_mini

PACKAGE = Path(autograd_mini.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

FLOORS = [
    {"_version", "_core.errors", "_core.columns", "_core.progress", "_core.registry", "_core.sweep"},
    {"_core.extras", "_core.rows"},
    {"primitives"},
    {"_core.special"},
    {"_core.gamma"},
    {"_core.graph", "_core.numbers", "_core.recording", "_core.c_text", "_core.stubs", "_core.kinds", "_core.trees"},
    {"_core.persistence"},
    {"_core.value"},
    {"functions"},
    {"_core.numpy_protocol", "_core.custom", "_core.expression"},
    {"_core.value_array"},
    {"linalg", "_core.reductions"},
    {"_body"},
    {"render"},
    {"program"},
    {"explain", "solvers"},
    {"models"},
    {"testing", "cli"},
    {"__main__"},
]
"""The rooms of the house from the ground up: a wing is its folder; a room doesn't know its neighbours on the floor."""

HEAVY = ["graphviz", "pygraphviz", "sympy", "mpmath", "llvmlite", "matplotlib", "scipy", "tqdm", "sklearn", "IPython",
         "dask", "distributed", "pyarrow"]


def module_of(path):
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path):
    """(modules of ours that a file imports, whether inside a function), as dotted names below the package."""
    return tuple(imported(path))


def imported(path):
    tree = ast.parse(path.read_text())
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
              for node in ast.walk(function)}
    typing_only = {id(node) for choice in ast.walk(tree) if isinstance(choice, ast.If)
                   and "TYPE_CHECKING" in ast.unparse(choice.test) for part in choice.body for node in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import in line {node.lineno}"
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if exists(name) else node.module for name in below]
        for name in names:
            if name.split(".")[0] == "autograd_mini":
                yield name.partition(".")[2], id(node) in inside
            else:
                yield "/" + name, id(node) in inside


def exists(name):
    if (PACKAGE.parent / Path(*name.split("."))).with_suffix(".pyx").exists():
        return True
    path = PACKAGE.parent / Path(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def floor_of(module):
    room = module.split(".")[0]
    return next((height for height, rooms in enumerate(FLOORS) if module in rooms or room in rooms), None)


def test_every_room_has_its_place():
    assert [m for m in map(module_of, FILES) if m not in ("", "_core", "_body") and floor_of(m) is None] == []


@pytest.mark.parametrize("path", [p for p in FILES if module_of(p)], ids=module_of)
def test_imports_point_down(path):
    """An import inside a function counts too."""
    here = module_of(path)
    for target, _ in imports(path):
        if target.startswith("/"):
            continue
        assert target, f"{here} imports the package's public face"
        own_wing = here.split(".")[0] == target.split(".")[0] != "_core"
        assert own_wing or floor_of(target) < floor_of(here), f"{here} imports {target}, which is not below it"


def test_there_is_no_circle():
    graph = {module_of(path): {target for target, inside in imports(path) if not target.startswith("/") and not inside}
             for path in FILES}
    finished, open_ = set(), []

    def visit(module):
        assert module not in open_, f"a circle: {' <- '.join([*open_[open_.index(module):], module])}"
        if module in finished or module not in graph:
            return
        open_.append(module)
        for target in graph[module] - {module}:
            visit(target)
        finished.add(open_.pop())

    for module in graph:
        visit(module)


@pytest.mark.parametrize("path", FILES, ids=lambda p: module_of(p) or "autograd_mini")
def test_heavy_libraries_are_imported_where_they_are_used(path):
    """Inside a function; or at the top of a file that is itself imported inside functions only."""
    heavy = {t[1:].split(".")[0] for t, inside in imports(path) if t.startswith("/") and not inside} & set(HEAVY)
    users = [user for user in FILES for t, inside in imports(user) if not inside and t == module_of(path)]
    assert not heavy or not users


def test_the_table_imports_the_standard_library_only():
    names = {target[1:].split(".")[0] for target, _ in imports(PACKAGE / "primitives.py") if target[0] == "/"}
    assert names <= set(sys.stdlib_module_names)


def test_importing_the_package_imports_nothing_heavy():
    code = f"import autograd_mini, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    root = str(PACKAGE.parent)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"


def lines_of_code(path):
    """Lines that hold code: no blanks, comments or docstrings."""
    tree = ast.parse(path.read_text())
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            told.update(range(node.lineno, node.end_lineno + 1))
    lines = set()
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
                                  tokenize.ENDMARKER):
                lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - told)


def test_the_core_is_read_at_one_sitting():
    """The table, the graph, Value and its gradient: about 900 lines as they stand, docstrings and all."""
    core = ["primitives.py", "_core/graph.py", "_core/value.py", "_body/calculus.py"]
    assert sum(len((PACKAGE / name).read_text().splitlines()) for name in core) <= 1050
    assert sum(lines_of_code(PACKAGE / name) for name in core) <= 760


def test_a_file_is_one_room():
    """Mostly under 300 lines; the table itself is the longest file there is."""
    counts = sorted((len(path.read_text().splitlines()), path.name) for path in FILES)
    assert counts[-1][0] <= 550, counts[-1]
    assert sum(count > 300 for count, _ in counts) <= len(counts) / 6, counts[-12:]


def test_the_public_names_are_sorted_and_there():
    names = autograd_mini.__all__
    assert list(names) == sorted(names) and len(set(names)) == len(names)
    assert [name for name in names if not hasattr(autograd_mini, name)] == []
    undocumented = [name for name in names if not getattr(autograd_mini, name).__doc__]
    assert undocumented == []
