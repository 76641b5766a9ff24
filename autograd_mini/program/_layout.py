"""How nested arguments and results lie in the flat slots of a Program, and which arguments are data.

A part is one number or one array; a layout is a nesting of containers of parts, and of what is no number as it is.
Unlike a closure, a layout can be pickled and compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._core import trees
from autograd_mini._core.numbers import real
from autograd_mini._core.registry import is_value

MOST_DIMENSIONS = 32
"""Of an array in an argument or a result: what every NumPy has."""


class Part(NamedTuple):
    """A number (`shape` is None) or an array in the slots from `start` on."""

    name: str
    start: int
    shape: Optional[tuple[int, ...]]

    @property
    def size(self) -> int:
        return 1 if self.shape is None else math.prod(self.shape)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The shape, which for a number is ()."""
        return self.shape or ()

    @property
    def is_sound(self) -> bool:
        """Whether the fields, which may come from a file, are of their kinds."""
        shape = () if self.shape is None else self.shape
        return isinstance(self.name, str) and type(shape) is tuple and len(shape) <= MOST_DIMENSIONS \
            and all(type(side) is int and side >= 0 for side in shape)

    def names(self) -> list[str]:
        """The name of each slot."""
        return trees.entry_names(self.name, self.dimensions) if self.size else []


def lay_out(tree: Any, name: str, start: int = 0) -> tuple[Any, list[Any], int]:
    """The layout of a nested structure from slot `start` on, its numbers in slot order, and the next free slot."""
    numbers: list[Any] = []
    try:
        layout = _lay_out(tree, name, start, numbers)
    except RecursionError:
        raise trees.too_deep(tree) from None
    return layout, numbers, start + len(numbers)


def _lay_out(tree: Any, name: str, start: int, numbers: list[Any]) -> Any:
    found = trees.branches(tree)
    if found is not None:
        return found.make([_lay_out(entry, name + path, start, numbers)
                           for path, entry in zip(found.paths, found.entries)])
    tree = trees.as_array(tree, f"argument {name!r}")
    at = start + len(numbers)
    if isinstance(tree, np.ndarray) and tree.ndim:
        numbers.extend(tree.ravel().tolist())
        return Part(name, at, tree.shape)
    if not isinstance(tree, np.ndarray) and trees.is_static(tree):
        return tree
    numbers.append(tree.item() if isinstance(tree, np.ndarray) else tree)
    return Part(name, at, None)


def fill(layout: Any, content: Callable[[Part], Any]) -> Any:
    """The nested structure with each part replaced by its content."""
    if type(layout) is Part:
        return content(layout)
    found = trees.branches(layout)
    return layout if found is None else found.make([fill(entry, content) for entry in found.entries])


def rebuilt(layout: Any, entries: Sequence[Any]) -> Any:
    """The nested structure with these numbers or Values in its slots."""
    def content(part: Part) -> Any:
        if part.shape is None:
            return entries[part.start]
        return trees.array_of(entries[part.start:part.start + part.size], part.shape)

    return fill(layout, content)


def moved(layout: Any, start: int, name: str) -> Any:
    """The layout in slots from `start` on, with names of its own."""
    after = start

    def place(part: Part) -> Part:
        nonlocal after
        at, after = after, after + part.size
        return Part(f"{name}[{part.name}]" if name else part.name, at, part.shape)

    return fill(layout, place)


def parts(layout: Any) -> list[Part]:
    """All parts of a layout, in slot order."""
    found: list[Part] = []
    fill(layout, found.append)
    return found


def covers(layout: Any, slots: int) -> bool:
    """Whether the parts of a layout lie one behind the other in exactly so many slots."""
    try:
        found = parts(layout)
    except RecursionError:  # it is nested in itself
        return False
    after = 0
    for part in found:
        if not part.is_sound or part.start != after:
            return False
        after += part.size
    return after == slots


def is_simple(layout: Any) -> bool:
    """Whether a layout is made of lists, tuples, named tuples and dicts of parts alone, as C reads them."""
    if type(layout) is Part:
        return True
    found = trees.branches(layout)
    is_known = type(layout) in (list, dict) or isinstance(layout, tuple)
    return found is not None and is_known and all(map(is_simple, found.entries))


def match(layout: Any, given: Any, name: str) -> Iterator[tuple[Part, Any]]:
    """Each part of an argument's layout with what the caller gave for it.

    An array may stand for a list or tuple of numbers. Raises TypeError, naming the argument, where the nesting differs.
    """
    if type(layout) is Part:
        yield layout, given
        return
    asked, found = trees.branches(layout), trees.branches(given)
    if asked is None:
        _same_static(layout, given, name)
    elif found is not None and _is_like(layout, asked, given, found):
        entries = found.entries if not isinstance(layout, dict) else [given[key] for key in layout]
        for path, part, entry in zip(asked.paths, asked.entries, entries):
            yield from match(part, entry, name + path)
    else:
        shape = _shape(layout)
        if shape is None or found is not None or not isinstance(trees.as_array(given, name), np.ndarray):
            raise TypeError(f"argument {name!r} was {_described(layout, asked)} when the program was traced, and now "
                            f"is {_described(given, found)}")
        yield Part(name, parts(layout)[0].start, shape), given


def _is_like(layout: Any, asked: trees.Branches, given: Any, found: trees.Branches) -> bool:
    """Whether a container can stand for the one in the example: by keys or fields, or in order."""
    if isinstance(layout, dict) or isinstance(given, dict):
        return isinstance(layout, dict) and isinstance(given, dict) and layout.keys() == given.keys()
    is_sequence = isinstance(layout, (list, tuple)) and isinstance(given, (list, tuple))
    return len(asked.entries) == len(found.entries) and (is_sequence or type(layout) is type(given))


def _described(tree: Any, found: Optional[trees.Branches]) -> str:
    if isinstance(tree, dict):
        return f"a dict with the keys {sorted(map(str, tree))}"
    kind = type(tree).__name__
    return f"of type {kind}" if found is None else f"a {kind} of {len(found.entries)} entries"


def _same_static(expected: Any, given: Any, name: str) -> None:
    """Raise TypeError where what is no number is not what it was."""
    same = given is expected or (trees.is_static(given) and bool(given == expected))
    if not same:
        raise TypeError(f"argument {name!r} was {expected!r} when the program was traced, and now is {given!r}: what "
                        "is no number is fixed in a program, so trace again with it")


def _shape(layout: Any) -> Optional[tuple[int, ...]]:
    """The shape of a list or tuple that is as good as an array, else None."""
    if type(layout) is Part:
        return layout.dimensions
    if not isinstance(layout, (list, tuple)) or not layout:
        return None
    shapes = [_shape(entry) for entry in layout]
    return None if shapes[0] is None or any(shape != shapes[0] for shape in shapes) else (len(layout), *shapes[0])


class Data(NamedTuple):
    """Numbers that differ from row to row: an array of shape (m, columns), in any layout, for slots from `start` on."""

    start: int
    array: np.ndarray


_KINDS = "fiub"


def number_array(given: Any, name: str) -> np.ndarray:
    """What the caller gave, as an array of real numbers that is not copied if it is one already.

    Raises TypeError, naming the argument, for anything else, and for Values.
    """
    if type(given) is not np.ndarray:
        if is_value(given):
            raise of_graph(name)
        if type(given).__module__.startswith("dask."):
            raise TypeError(f"argument {name!r} is an object of Dask's, which is taken as rows of data only: "
                            ".compute() it")
        given = trees.as_array(given, f"argument {name!r}")
        try:
            given = np.asarray(given)
        except ValueError:
            raise TypeError(f"argument {name!r} cannot be made an array: its rows differ in length") from None
        except RecursionError:
            raise trees.too_deep(given) from None
    if given.dtype.kind not in _KINDS or given.dtype.itemsize > 8:
        if given.dtype == object:
            if any(map(is_value, given.flat)):
                raise of_graph(name)
            return np.array([real(entry, f"argument {name!r}") for entry in given.flat]).reshape(given.shape)
        if given.dtype.kind != "f":
            raise TypeError(f"argument {name!r} cannot be an array of {given.dtype}: give real numbers")
        return given.astype(np.float64)
    return given


class HoldsValues(TypeError):
    """A Value stands where numbers are needed."""


def of_graph(name: str) -> HoldsValues:
    """The error for a Value among the rows of data of a Program, or in the example of a trace."""
    return HoldsValues(f"argument {name!r} is or holds a Value, where a program takes bare numbers: give its .data; to "
                       "differentiate over data take program.gradient() or trace(value_and_grad(f), ...)")


def columns(start: int, array: np.ndarray) -> Iterator[Data]:
    """An array of shape (m,) + shape as data of two dimensions each, without a copy whatever its strides."""
    if array.ndim == 1:
        yield Data(start, array[:, np.newaxis])
    elif array.ndim == 2:
        if array.shape[1]:
            yield Data(start, array)
    elif array.flags.c_contiguous:
        yield Data(start, array.reshape(len(array), math.prod(array.shape[1:])))
    else:
        step = math.prod(array.shape[2:])
        for place in range(array.shape[1]):
            yield from columns(start + place * step, array[:, place])
