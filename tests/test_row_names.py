"""Nothing outside the table asks which row it has: what a wing must know of a row stands in a column of the row."""

import ast
from pathlib import Path

import pytest

import autograd_mini
from autograd_mini.primitives import BUILT_IN

PACKAGE = Path(autograd_mini.__file__).parent

NO_ROWS = {"kind", "role", "activation"}
"""Words whose values happen to be spelled like rows: the kind of a step ("chain"), the role of a piece of text
("sign"), and the activation of a layer, which a user chooses by its name."""

ALLOWED = {
    "primitives.py": "the table itself",
    "_core/special.py": "the second page of the table",
    "_body/builder.py": "the column `shortcut` says 'a negation', and that is the row neg",
    "models/_networks.py": "the activations that a user can choose, by name",
    "render/_javascript.py": "names of the functions that web/functions.js brings",
    "_body/loop_calculus.py": "C functions that are as cheap to call again as to store",
    "_core/value_array.py": "the keyword `where` of NumPy's ufuncs",
    "explain/_expanding.py": "the algebra of short series, which is about sums, products and roots",
    "explain/_judging.py": "a minus sign before a product is written as by hand",
    "explain/_logarithms.py": "the algebra of logarithms, which is about sums, products, powers and exponentials",
    "explain/_polynomials.py": "lowest terms: which rows are sums, products, powers and roots of polynomials",
    "explain/_rewriting.py": "the spelling of forms, in sums, products and roots",
}


def questions_about_rows(source, rows=frozenset(BUILT_IN)):
    """(line, what) for every comparison with a row or a row's name, and every collection keyed by them."""
    tree = ast.parse(source)
    imported = {alias.asname or alias.name for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("primitives")
                for alias in node.names if alias.name in rows}

    def is_name(node):
        return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in rows

    def is_row(node):
        if isinstance(node, ast.Subscript):
            return is_name(node.slice)
        return (isinstance(node, ast.Name) and node.id in imported) or \
            (isinstance(node, ast.Attribute) and ast.unparse(node.value) == "primitives" and node.attr in rows)

    def holds(node):
        return is_name(node) or is_row(node) or \
            (isinstance(node, (ast.Tuple, ast.List, ast.Set)) and any(map(holds, node.elts)))

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = {getattr(side, "attr", getattr(side, "id", "")) for side in sides}
            found = any(map(holds, sides)) and not named & NO_ROWS
        elif isinstance(node, ast.Dict):
            found = sum(key is not None and (is_name(key) or is_row(key)) for key in node.keys) > 1
        elif isinstance(node, (ast.Set, ast.Tuple, ast.List)):
            found = sum(map(is_name, node.elts)) > max(1, len(node.elts) / 2)
        else:
            found = isinstance(node, ast.MatchValue) and holds(node.value)
        if found:
            yield node.lineno, ast.unparse(node)


FILES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", [file for file in FILES if file not in ALLOWED])
def test_no_file_outside_the_table_asks_for_a_row_by_name(file):
    found = list(questions_about_rows((PACKAGE / file).read_text(encoding="utf-8")))
    assert not found, f"{file} tests rows by name: {found}; say it in a column of the row"


@pytest.mark.parametrize("source", [
    'if node.operation.name == "pow": pass',
    'name = node.operation.name\nif name in ("exp", "ln"): pass',
    'if "where" == row.name: pass',
    'READINGS = {"where": 1, "maximum": 2}',
    'EXACT = frozenset({"add", "sub"})',
    'from autograd_mini.primitives import pow\nif operation is pow: pass',
    'from autograd_mini import primitives\nif operation in (primitives.pow, primitives.exp): pass',
    'if row is TABLE["where"]: pass',
    'from autograd_mini.primitives import exp, ln\nRULES = {exp: 1, ln: 2}',
    'match row.name:\n    case "pow": pass'])
def test_a_planted_test_of_a_row_is_found(source):
    assert list(questions_about_rows(source))


@pytest.mark.parametrize("source", [
    'if step.kind == "chain": pass', 'if words == "powder": pass', 'f = TABLE["exp"](x)', 'x = {"exp": 1}["exp"]',
    'from autograd_mini.primitives import pow\ny = pow(x, 2)'])
def test_what_does_not_ask_for_a_row_is_left_alone(source):
    assert not list(questions_about_rows(source))


@pytest.mark.parametrize("file", [file for file in ALLOWED if "table" not in ALLOWED[file]])
def test_every_allowance_is_used(file):
    assert list(questions_about_rows((PACKAGE / file).read_text(encoding="utf-8")))
