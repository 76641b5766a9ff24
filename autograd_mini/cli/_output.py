"""How the subcommands print: tables in plain text that fit the terminal, and strict JSON."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any, Sequence

from autograd_mini.render._numbers import columns, padded


def table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of text as aligned columns; the first row is the head, the first `left` columns start at the left.

    A terminal too narrow for that gets a paragraph for each row, every entry behind its head.

    >>> print(table([["name", "value"], ["x", "1.5"], ["long name", "-20"]]))
    name       value
    x            1.5
    long name    -20
    """
    widths = [max(map(columns, column)) for column in zip(*rows)]
    room = shutil.get_terminal_size((0, 0)).columns
    if 0 < room < sum(widths) + 2 * len(widths) - 2:
        head = [f"{padded(name, max(map(columns, rows[0])))}  " for name in rows[0]]
        return "\n\n".join("\n".join(name + cell for name, cell in zip(head, row) if cell) for row in rows[1:])
    lines = ["  ".join(padded(cell, width, right=place >= left) for place, (cell, width) in enumerate(zip(row, widths)))
             for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def json_text(content: Any) -> str:
    """Strict JSON of nested dicts and lists: nan and the infinities, which JSON has not, become texts.

    >>> print(json_text({"cost": float("nan"), "steps": 3}))
    {
      "cost": "nan",
      "steps": 3
    }
    """
    return json.dumps(_strict(content), indent=2, allow_nan=False)


def _strict(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _strict(entry) for key, entry in content.items()}
    if isinstance(content, (list, tuple)):
        return [_strict(entry) for entry in content]
    if hasattr(content, "tolist"):
        return _strict(content.tolist())
    return repr(content) if isinstance(content, float) and not math.isfinite(content) else content
