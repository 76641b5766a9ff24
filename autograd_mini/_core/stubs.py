"""The table read as types: what `setup.py` writes for type checkers beside the kernels."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from autograd_mini.primitives import TABLE, Primitive

WRITTEN = '"""Written by setup.py from {}: change that, not this file."""\n'
KINDS = {1: "Unary", 2: "Binary", 3: "Ternary"}
"""The kinds of functions by their number of operands."""

OPERATORS = ["__{}add__", "__{}sub__", "__{}mul__", "__{}truediv__", "__{}pow__", "__{}mod__", "__{}floordiv__"]
COMPARISONS = ["__lt__", "__le__", "__gt__", "__ge__"]
ALONE = ["__neg__", "__pos__", "__abs__", "__floor__", "__ceil__", "__trunc__", "__round__"]


def functions(rows: Mapping[str, Primitive] = TABLE) -> str:
    """The text of functions.pyi: the function of every row, and the methods that Value has by the table."""
    lines = [WRITTEN.format("the table of primitives"),
             "from autograd_mini._core.kinds import Binary, Operand, Operator, Ternary, Unary",
             "from autograd_mini._core.value import Value", ""]
    for name in sorted({*rows, "log"}):
        row = rows["ln" if name == "log" else name]
        lines.append(f"{name}: {KINDS[len(row.partials)]}")
    lines += ["", "class Methods:", *("    " + line for line in _methods(rows.values()))]
    return "\n".join([*lines, ""])


def _methods(rows: Iterable[Primitive]) -> Iterator[str]:
    for side in ("", "r"):
        yield from (f"{operator.format(side)}: Operator" for operator in OPERATORS)
    yield from (f"{operator}: Operator" for operator in COMPARISONS)
    yield from (f"def {operator}(self) -> Value: ..." for operator in ALONE)
    counts = {name: len(row.partials) for row in rows for name in (row.name, row.numpy) if name}
    for name, count in sorted(counts.items()):
        yield {1: f"def {name}(self) -> Value: ...", 2: f"{name}: Operator",
               3: f"def {name}(self, b: Operand, c: Operand, /) -> Value: ..."}[count]


def package(source: str, rows: Mapping[str, Primitive] = TABLE) -> str:
    """The text of __init__.pyi: the public names, from where the package's own __init__ says that they are."""
    homes: dict[str, Sequence[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and \
                node.targets[0].id in ("_NOW", "_LATER"):
            homes.update(ast.literal_eval(node.value))
    taken = {name for names in homes.values() for name in names}
    homes["functions"] = [*homes["functions"], *(name for name in rows if name not in taken)]
    names = sorted({name for names in homes.values() for name in names})
    lines = [WRITTEN.format("autograd_mini/__init__.py and the table of primitives"),
             "from autograd_mini._version import __version__ as __version__"]
    for home in sorted(homes):
        if homes[home]:
            lines += [f"from autograd_mini.{home} import (", _listed(homes[home]), ")"]
    return "\n".join([*lines, "", "__all__ = [", _listed(f'"{name}"' for name in names), "]", ""])


def _listed(names: Iterable[str]) -> str:
    return textwrap.fill(", ".join(sorted(names)), 119, initial_indent="    ", subsequent_indent="    ") + ","
