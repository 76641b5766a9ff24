"""What each column of a row can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_number(entry: Any) -> bool:
    """Whether an entry is a number."""
    return isinstance(entry, (int, float)) or hasattr(type(entry), "__float__")


def _is_bound(entry: Any) -> bool:
    return is_number(entry) or callable(entry)


def _is_tuple_of(entry: Any, kind: Callable[[Any], bool]) -> bool:
    return isinstance(entry, (tuple, list)) and all(map(kind, entry))


_TEXTS = ("meaning", "c", "text", "latex", "numpy", "scipy", "arrays", "domain", "sympy", "js", "module")
_RULES = ("expansion", "formula", "edge")
_NAMES = ("exact", "lanes")
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_TEXTS, ("a text", lambda entry: isinstance(entry, str))),
    **dict.fromkeys(_RULES, ("a function", callable)),
    **dict.fromkeys(_NAMES, ("a name or a function", lambda entry: isinstance(entry, str) or callable(entry))),
    "jump": ("a number or a function", _is_bound),
    "ulps": ("a pair of numbers or functions", lambda entry: _is_tuple_of(entry, _is_bound) and len(entry) == 2),
    "binds": ("a strength or a pair of them", lambda entry: type(entry) is int or (
        _is_tuple_of(entry, lambda part: type(part) is int) and len(entry) == 2)),
    "at": ("a tuple of points, each a number or a tuple of numbers", lambda entry: _is_tuple_of(
        entry, lambda point: is_number(point) or _is_tuple_of(point, is_number))),
    "course": ("a text for each operand", lambda entry: _is_tuple_of(entry, lambda part: isinstance(part, str))),
    "remake": ("the name of a maker and its arguments", lambda entry: isinstance(entry, tuple) and len(entry) == 2),
    "shortcut": ("a tuple of triples", lambda entry: isinstance(entry, (tuple, list))),
}
"""What each column holds, in words, and whether an entry is that."""


def require_kinds(name: str, columns: dict[str, Any]) -> None:
    """TypeError, with the row and the column, for an entry that is of another kind."""
    for column, entry in columns.items():
        words, fits = _KINDS[column]
        if not fits(entry):
            raise TypeError(f"column {column!r} of primitive {name!r} is {words}, not {entry!r}")
