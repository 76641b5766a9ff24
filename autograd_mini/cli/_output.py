"""How the subcommands print and save: tables in plain text, strict JSON, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
import tempfile
from typing import Any, Iterator, Sequence


def table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of text as aligned columns; the first row is the head, the first `left` columns start at the left.

    >>> print(table([["name", "value"], ["x", "1.5"], ["long name", "-20"]]))
    name       value
    x            1.5
    long name    -20
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) if place < left else cell.rjust(width)
                       for place, (cell, width) in enumerate(zip(row, widths))) for row in rows]
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


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block ends well.

    An error or an interruption inside the block leaves what was at `path` as it was, and nothing else behind.
    """
    target = pathlib.Path(path)
    handle, name = tempfile.mkstemp(prefix=".", suffix=target.name, dir=target.parent)
    os.close(handle)
    try:
        yield pathlib.Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
