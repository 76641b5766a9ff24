"""Nested arguments: lists, tuples, named tuples, dicts and arrays as one flat list and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini._core import registry

Rebuild = Callable[[list[Any]], Any]
_CONTAINERS = (list, tuple, dict, np.ndarray)


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a nested structure, and the function that puts a list of as many into the same structure.

    Containers are lists, tuples, named tuples, dicts (in their own order) and NumPy arrays; all else is a leaf.

    >>> leaves, rebuild = flatten({"w": [1, 2], "b": 3})
    >>> leaves, rebuild([10, 20, 30])
    ([1, 2, 3], {'w': [10, 20], 'b': 30})
    """
    leaves: list[Any] = []
    build = _walk(tree, leaves)

    def rebuild(replacements: list[Any]) -> Any:
        if len(replacements) != len(leaves):
            raise ValueError(f"the structure has {len(leaves)} leaves, not {len(replacements)}")
        return build(replacements)

    return leaves, rebuild


def blocks(tree: Any) -> tuple[list[tuple[int, ...]], Rebuild]:
    """The shapes of the arrays and numbers in a nested structure, and the function that puts as many objects there.

    An array is one block here, where `flatten` would take it apart; a number is a block of shape ().

    >>> shapes, rebuild = blocks([np.zeros((2, 3)), 1.0])
    >>> shapes, rebuild(["matrix", "number"])
    ([(2, 3), ()], ['matrix', 'number'])
    """
    arrays: list[Any] = []
    build = _walk(tree, arrays, whole_arrays=True)
    return [array.shape if isinstance(array, np.ndarray) else () for array in arrays], build


def outline(tree: Any) -> str:
    """The structure and the shapes of a tree as text, to compare and to show: `*` is a number.

    >>> outline({"w": np.zeros((2, 3)), "b": (1, 2)})
    "{'w': array(2, 3), 'b': (*, *)}"
    """
    if isinstance(tree, np.ndarray) and tree.ndim:
        return f"array{tree.shape}"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {outline(entry)}" for key, entry in tree.items()) + "}"
    if isinstance(tree, (list, tuple)):
        inside = ", ".join(map(outline, tree))
        return f"[{inside}]" if isinstance(tree, list) else f"({inside})"
    return "*"


def _walk(tree: Any, leaves: list[Any], whole_arrays: bool = False) -> Rebuild:
    if isinstance(tree, np.ndarray) and not whole_arrays:
        start, count, shape = len(leaves), tree.size, tree.shape
        leaves.extend(tree.ravel().tolist())
        return lambda new: array_of(new[start:start + count], shape)
    if isinstance(tree, dict):
        parts = {key: _walk(entry, leaves, whole_arrays) for key, entry in tree.items()}
        return lambda new: {key: part(new) for key, part in parts.items()}
    if isinstance(tree, (list, tuple)):
        kind: Any = type(tree)
        make: Callable[[Any], Any] = tuple if isinstance(tree, tuple) else list
        make = getattr(kind, "_make", make)  # a named tuple
        if not any(issubclass(entry, _CONTAINERS) for entry in set(map(type, tree))):
            start, count = len(leaves), len(tree)
            leaves.extend(tree)
            return lambda new: make(new[start:start + count])
        branches = [_walk(entry, leaves, whole_arrays) for entry in tree]
        return lambda new: make([branch(new) for branch in branches])
    position = len(leaves)
    leaves.append(tree)
    return lambda new: new[position]


def array_of(entries: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """An array of floats where all entries are numbers, of objects where some are Values."""
    if all(issubclass(kind, (float, int, np.floating)) for kind in set(map(type, entries))):
        return np.array(entries, dtype=float).reshape(shape)
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def values(tree: Any, role: str) -> list[Any]:
    """The Values in a nested structure, where None is an empty one; TypeError where something else is in it."""
    if tree is None:
        return []
    if hasattr(tree, "parameters") and not registry.is_value(tree):
        tree = tree.parameters
        tree = tree() if callable(tree) else tree
    leaves = flatten(tree)[0]
    for leaf in leaves:
        if not registry.is_value(leaf):
            raise TypeError(f"{role} must be a Value, not {type(leaf).__name__}")
    return leaves
