"""How nested arguments and results lie in the flat slots of a Program, and which arguments are data.

A part is one number or one array; a layout is a nesting of lists, tuples and dicts of parts. Unlike a closure, a
layout can be pickled and compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Optional

import numpy as np

from autograd_mini._core.numbers import real
from autograd_mini._core.registry import is_value


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

    def names(self) -> list[str]:
        """The name of each slot."""
        if self.shape is None:
            return [self.name]
        return [f"{self.name}[{', '.join(map(str, index))}]" for index in np.ndindex(self.shape)]


def lay_out(tree: Any, name: str, start: int = 0) -> tuple[Any, list[Any], int]:
    """The layout of a nested structure from slot `start` on, its numbers in slot order, and the next free slot."""
    numbers: list[Any] = []
    layout = _lay_out(tree, name, start, numbers)
    return layout, numbers, start + len(numbers)


def _lay_out(tree: Any, name: str, start: int, numbers: list[Any]) -> Any:
    at = start + len(numbers)
    if isinstance(tree, np.ndarray) and tree.ndim:
        numbers.extend(tree.ravel().tolist())
        return Part(name, at, tree.shape)
    if isinstance(tree, dict):
        return {key: _lay_out(entry, f"{name}[{key!r}]", start, numbers) for key, entry in tree.items()}
    if isinstance(tree, (list, tuple)):
        entries = [_lay_out(entry, f"{name}[{place}]", start, numbers) for place, entry in enumerate(tree)]
        return _container(tree, entries)
    numbers.append(tree.item() if isinstance(tree, np.ndarray) else tree)
    return Part(name, at, None)


def _container(like: Any, entries: list[Any]) -> Any:
    if isinstance(like, list):
        return entries
    return type(like)(*entries) if hasattr(like, "_fields") else tuple(entries)


def fill(layout: Any, content: Callable[[Part], Any]) -> Any:
    """The nested structure with each part replaced by its content."""
    if type(layout) is Part:
        return content(layout)
    if isinstance(layout, dict):
        return {key: fill(entry, content) for key, entry in layout.items()}
    return _container(layout, [fill(entry, content) for entry in layout])


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


def layout_name(layout: Any) -> str:
    """The name of an argument, which its first part's name begins with."""
    found = parts(layout)
    return found[0].name.split("[", maxsplit=1)[0] if found else "an empty argument"


def match(layout: Any, given: Any, name: str) -> Iterator[tuple[Part, Any]]:
    """Each part of an argument's layout with what the caller gave for it.

    An array may stand for a list or tuple of numbers. Raises TypeError, naming the argument, where the nesting differs.
    """
    if type(layout) is Part:
        yield layout, given
    elif isinstance(layout, dict):
        if not isinstance(given, dict) or given.keys() != layout.keys():
            shown = f"one with the keys {sorted(map(str, given))}" if isinstance(given, dict) else type(given).__name__
            raise TypeError(f"argument {name!r} was a dict with the keys {sorted(map(str, layout))} when the program "
                            f"was traced, and now is {shown}")
        for key, entry in layout.items():
            yield from match(entry, given[key], f"{name}[{key!r}]")
    elif isinstance(given, (list, tuple)) and len(given) == len(layout):
        for place, entry in enumerate(layout):
            yield from match(entry, given[place], f"{name}[{place}]")
    else:
        shape = _shape(layout)
        if shape is None or not hasattr(given, "__array__"):
            shown = f"one of {len(given)}" if isinstance(given, (list, tuple)) else type(given).__name__
            raise TypeError(f"argument {name!r} was a {type(layout).__name__} of {len(layout)} entries when the "
                            f"program was traced, and now is {shown}")
        yield Part(name, parts(layout)[0].start, shape), given


def _shape(layout: Any) -> Optional[tuple[int, ...]]:
    """The shape of a list or tuple that is as good as an array, else None."""
    if type(layout) is Part:
        return layout.shape or ()
    if isinstance(layout, dict) or not layout:
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
        if isinstance(given, np.ma.MaskedArray):
            raise TypeError(f"argument {name!r} is a masked array, whose mask a program would not see: give its "
                            ".compressed() numbers, or .filled(nan) where nan may come out")
        try:
            given = np.asarray(given)
        except ValueError:
            raise TypeError(f"argument {name!r} cannot be made an array: its rows differ in length") from None
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
