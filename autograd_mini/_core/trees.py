"""Nested arguments: what is a container, what a number, and what is only carried along; here and nowhere else.

Containers are lists, tuples, named tuples, dicts, dataclasses and arrays: NumPy's, and whatever hands one out by
`__array__` or the buffer protocol (pandas, polars, pyarrow, torch, jax). None, strings, functions and objects that
are neither numbers nor collections are static: they stay where they are. All else is a leaf.
"""

from __future__ import annotations

import array
import copy
import dataclasses
import enum
import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._core import registry

Rebuild = Callable[[Sequence[Any]], Any]


class Branches(NamedTuple):
    """A container's entries, their keys, how a key is written (`.w`, `['w']`), and what makes the like of others."""

    keys: Iterable[Any]
    form: str
    entries: Sequence[Any]
    make: Callable[[Sequence[Any]], Any]

    @property
    def paths(self) -> list[str]:
        """What stands behind the container's name for each entry."""
        return [self.form.format(key) for key in self.keys]


_BY_KEY, _BY_FIELD = "[{!r}]", ".{}"


def branches(tree: Any) -> Optional[Branches]:
    """The branches of a container that is no array; None for everything else."""
    kind: Any = type(tree)
    if issubclass(kind, dict):
        return Branches(tree.keys(), _BY_KEY, [*tree.values()], lambda new: _dict_like(tree, zip(tree, new)))
    if issubclass(kind, (list, tuple)):
        fields = getattr(kind, "_fields", None)
        if fields is not None:
            return Branches(fields, _BY_FIELD, tree, _maker(kind))
        return Branches(range(len(tree)), _BY_KEY, tree, _maker(kind))
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return Branches(names, _BY_FIELD, [getattr(tree, name) for name in names],
                        lambda new: _record_like(tree, zip(names, new)))
    return None


def _maker(kind: Any) -> Callable[[Sequence[Any]], Any]:
    """What makes a list, a tuple or a named tuple of its entries."""
    return getattr(kind, "_make", list if issubclass(kind, list) else tuple)


def _dict_like(tree: Any, entries: Any) -> Any:
    if type(tree) is dict:
        return dict(entries)
    made = copy.copy(tree)
    made.update(entries)
    return made


def _record_like(tree: Any, fields: Any) -> Any:
    """A copy with other fields that does not run __init__, whose checks are about numbers."""
    made = copy.copy(tree)
    for name, entry in fields:
        object.__setattr__(made, name, entry)
    return made


def as_array(tree: Any, role: str = "an argument") -> Any:
    """The NumPy array that an object is or hands out, which is not copied; anything else as it is.

    Raises TypeError for a masked array.
    """
    if isinstance(tree, np.ma.MaskedArray):
        raise TypeError(f"{role} is a masked array, whose mask would not be seen: give its .compressed() numbers, or "
                        ".filled(nan) where nan may come out")
    if isinstance(tree, np.ndarray):
        return tree
    is_numpy_number = isinstance(tree, np.generic)
    if (hasattr(type(tree), "__array__") and not is_numpy_number) or isinstance(tree, (array.array, memoryview)):
        found = np.asarray(tree.detach() if hasattr(tree, "detach") else tree)  # torch's own graph ends here
        return found if found.ndim else found.item()
    return tree


def is_static(leaf: Any) -> bool:
    """Whether something is neither a number nor a collection that could hold some."""
    kind: Any = type(leaf)
    return isinstance(leaf, type) or _is_static(kind)


@functools.lru_cache(maxsize=256)
def _is_static(kind: type) -> bool:
    if issubclass(kind, (str, bytes, enum.Enum)):
        return True
    if issubclass(kind, (numbers.Number, *registry.kinds)) or dataclasses.is_dataclass(kind):
        return False
    return not any(hasattr(kind, method) for method in _NUMBER_OR_COLLECTION)


_NUMBER_OR_COLLECTION = ("__float__", "__index__", "__iter__", "__len__", "__next__", "__array__")


def flatten(tree: Any, strict: bool = False) -> tuple[list[Any], Rebuild]:
    """The leaves of a nested structure, and the function that puts a list of as many into the same structure.

    A static object that is no entry of anything is a leaf; `strict` makes leaves of its like everywhere.

    >>> leaves, rebuild = flatten({"w": [1, 2], "b": 3, "name": "layer"})
    >>> leaves, rebuild([10, 20, 30])
    ([1, 2, 3], {'w': [10, 20], 'b': 30, 'name': 'layer'})
    """
    leaves, build = _walked(tree, _Manner(strict=strict or is_static(tree)))

    def rebuild(replacements: Sequence[Any]) -> Any:
        if len(replacements) != len(leaves):
            raise ValueError(f"the structure has {len(leaves)} leaves, not {len(replacements)}")
        return build(replacements)

    return leaves, rebuild


def ravel(tree: Any) -> tuple[np.ndarray, Rebuild]:
    """All numbers of a nested structure as one flat array, and the function that takes such an array back.

    It is what joins parameters as people hold them to SciPy's optimisers. The array is of floats, or of objects where
    a number is a Value; what goes back may be an array or list of floats or of Values, also under `grad` and `trace`.

    >>> flat, back = ravel({"w": np.eye(2), "b": 3.0, "name": "layer"})
    >>> flat
    array([1., 0., 0., 1., 3.])
    >>> back(2 * flat)["b"]
    6.0

    Raises ValueError where what goes back has another length.
    """
    leaves, rebuild = flatten(tree)

    def back(flat: Any) -> Any:
        flat = as_array(flat)
        return rebuild(flat.ravel().tolist() if isinstance(flat, np.ndarray) else flat)

    return array_of(leaves, (len(leaves),)), back


def blocks(tree: Any) -> tuple[list[tuple[int, ...]], Rebuild]:
    """The shapes of the arrays and numbers in a nested structure, and the function that puts as many objects there.

    An array is one block here, where `flatten` would take it apart; a number is a block of shape ().

    >>> shapes, rebuild = blocks([np.zeros((2, 3)), 1.0])
    >>> shapes, rebuild(["matrix", "number"])
    ([(2, 3), ()], ['matrix', 'number'])
    """
    found, build = _walked(tree, _Manner(whole_arrays=True))
    return [block.shape if isinstance(block, np.ndarray) else () for block in found], build


def spans(shapes: Iterable[tuple[int, ...]]) -> Iterator[tuple[slice, tuple[int, ...]]]:
    """Where each array of some shapes lies in one flat list of all their numbers, and its shape.

    >>> list(spans([(2, 3), ()]))
    [(slice(0, 6, None), (2, 3)), (slice(6, 7, None), ())]
    """
    start = 0
    for shape in shapes:
        stop = start + math.prod(shape)
        yield slice(start, stop), shape
        start = stop


def outline(tree: Any) -> str:
    """The structure and the shapes of a tree as text, to compare and to show: `*` is a number.

    >>> outline({"w": np.zeros((2, 3)), "b": (1, 2)})
    "{'w': array(2, 3), 'b': (*, *)}"
    """
    tree = as_array(tree)
    if isinstance(tree, np.ndarray) and tree.ndim:
        return f"array{tree.shape}"
    found = branches(tree)
    if found is None:
        return repr(tree) if is_static(tree) else "*"
    if isinstance(tree, list):
        return f"[{', '.join(map(outline, tree))}]"
    if isinstance(tree, tuple):
        return f"({', '.join(map(outline, tree))})"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {outline(entry)}" for key, entry in tree.items()) + "}"
    fields = ", ".join(f"{path[1:]}={outline(entry)}" for path, entry in zip(found.paths, found.entries))
    return f"{type(tree).__name__}({fields})"


def labels(tree: Any, name: str) -> list[str]:
    """A name for every number of a structure, in the order of `flatten`.

    >>> labels({"w": np.zeros(2), "b": 3.0}, "p")
    ["p['w'][0]", "p['w'][1]", "p['b']"]
    """
    found = branches(tree)
    if found is not None:
        return [label for path, entry in zip(found.paths, found.entries) for label in labels(entry, name + path)]
    tree = as_array(tree)
    if isinstance(tree, np.ndarray):
        return entry_names(name, tree.shape)
    return [] if is_static(tree) else [name]


def entry_names(name: str, shape: tuple[int, ...]) -> list[str]:
    """The name of each entry of an array; that of one without dimensions is the array's."""
    if len(shape) == 1:
        return [f"{name}[{place}]" for place in range(shape[0])]
    return [f"{name}[{', '.join(map(str, index))}]" if index else name for index in np.ndindex(shape)]


class _Manner(NamedTuple):
    """How a walk takes arrays (whole, or number by number) and what is static (as it is, or as a leaf)."""

    whole_arrays: bool = False
    strict: bool = False


def too_deep(tree: Any) -> ValueError:
    """The error for a container that holds itself, or nests as deep as Python's calls may."""
    return ValueError(f"a {type(tree).__name__} is nested in itself, or too deeply")


def _walked(tree: Any, manner: _Manner) -> tuple[list[Any], Rebuild]:
    leaves: list[Any] = []
    try:
        return leaves, _walk(tree, leaves, manner)
    except RecursionError:
        raise too_deep(tree) from None


def _walk(tree: Any, leaves: list[Any], manner: _Manner) -> Rebuild:
    start = len(leaves)
    if _is_plain(type(tree)):
        leaves.append(tree)
        return lambda new: new[start]
    if isinstance(tree, (list, tuple)) and all(map(_is_plain, set(map(type, tree)))):
        leaves.extend(tree)
        behind = len(leaves)
        make = _maker(type(tree))
        return lambda new: make(new[start:behind])
    found = branches(tree)
    if found is not None:
        parts = [_walk(entry, leaves, manner) for entry in found.entries]
        return lambda new: found.make([part(new) for part in parts])
    tree = as_array(tree)
    if isinstance(tree, np.ndarray) and not manner.whole_arrays:
        leaves.extend(tree.ravel().tolist())
        behind, shape = len(leaves), tree.shape
        return lambda new: array_of(new[start:behind], shape)
    if not manner.strict and not isinstance(tree, np.ndarray) and is_static(tree):
        return lambda new: tree
    leaves.append(tree)
    return lambda new: new[start]


def _is_plain(kind: type) -> bool:
    return kind is float or kind is int or issubclass(kind, registry.kinds)


def array_of(entries: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """An array of floats where all entries are numbers, of objects where some are Values."""
    if all(issubclass(kind, (float, int, np.floating)) for kind in set(map(type, entries))):
        return np.array(entries, dtype=float).reshape(shape)
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape).view(registry.array_kind)


def values(tree: Any, role: str) -> list[Any]:
    """The Values in a nested structure, where None is an empty one; TypeError where something else is in it."""
    if tree is None:
        return []
    if hasattr(tree, "parameters") and not registry.is_value(tree):
        tree = tree.parameters
        tree = tree() if callable(tree) else tree
    leaves = flatten(tree, strict=True)[0]
    for leaf in leaves:
        if not registry.is_value(leaf):
            raise TypeError(f"{role} must be a Value, not {type(leaf).__name__}")
    return leaves
