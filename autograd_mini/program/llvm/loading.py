"""Bringing rows of any layout and dtype into lanes: sixteen rows of a column at a time, as doubles.

A `Source` says how one array of shape (m, columns) lies in memory. `unit` columns are contiguous down the rows and
are loaded as they are; in `packed` and `spaced` arrays the numbers of a row are neighbours, and blocks of sixteen
rows and four columns are loaded by row and transposed in registers; in `strided` ones every number is loaded alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autograd_mini.program.llvm.ir import Code, Lanes

TILE = 16
AHEAD = {"unit": 8, "packed": 1}

"""How many tiles ahead memory is asked for, by the kind of layout: measured, not derived."""

_TYPES = {"f8": ("double", ""), "f4": ("float", "fpext"), "b1": ("i8", "uitofp")}
for _bytes in (1, 2, 4, 8):
    _TYPES[f"i{_bytes}"] = (f"i{8 * _bytes}", "sitofp")
    _TYPES[f"u{_bytes}"] = (f"i{8 * _bytes}", "uitofp")


class Source(NamedTuple):
    """The layout of an array for which code is written: its first slot, columns, dtype and kind."""

    start: int
    columns: int
    dtype: str
    kind: str

    @property
    def pointers(self) -> int:
        """How many entries it has in the table of addresses."""
        return self.columns if self.kind in ("unit", "strided") else 1


class Line(NamedTuple):
    """A cache line of a later tile: the number of its array's or column's address, rows ahead, bytes a row, offset."""

    pointer: int
    ahead: int
    width: int
    offset: int


def lines_ahead(layouts: Sequence[Source]) -> list[Line]:
    """What to ask memory for while a tile is computed."""
    found, pointer = [], 0
    for layout in layouts:
        width = np.dtype(layout.dtype).itemsize * (layout.columns if layout.kind == "packed" else 1)
        for place in range(pointer, pointer + layout.pointers):
            if layout.kind in AHEAD:
                found += [Line(place, TILE * AHEAD[layout.kind], width, at) for at in range(0, TILE * width, 64)]
        pointer += layout.pointers
    return found


def is_loadable(array: np.ndarray) -> bool:
    """Whether compiled code can read its dtype."""
    return array.dtype.isnative and array.dtype.str[1:] in _TYPES


def source(start: int, array: np.ndarray) -> Source:
    """The layout of an array of shape (m, columns)."""
    (down, across), size, columns = array.strides, array.itemsize, array.shape[1]
    if down == size:
        kind = "unit"
    elif across == size and columns > 1:
        kind = "packed" if down == size * columns else "spaced"
    else:
        kind = "strided"
    return Source(start, columns, array.dtype.str[1:], kind)


def address_of(array: np.ndarray) -> int:
    """Where its first number lies."""
    return int(array.ctypes.data)


def addresses(layout: Source, array: np.ndarray) -> list[int]:
    """Its entries in the table of addresses."""
    base = address_of(array)
    return [base + column * array.strides[1] for column in range(layout.pointers)]


class Loader:
    """Writes the loads of one array into a function whose row number is `%row`."""

    def __init__(self, code: Code, layout: Source, pointer: Sequence[str], stride: str) -> None:
        self.code, self.layout, self.pointer, self.stride = code, layout, pointer, stride
        self.type, self.conversion = _TYPES[layout.dtype]
        self.loaded: dict[int, Lanes] = {}

    def column(self, place: int) -> Lanes:
        """Sixteen rows of one column."""
        if place not in self.loaded:
            kind, columns = self.layout.kind, self.layout.columns
            if kind == "unit":
                at = self.code.value(f"getelementptr {self.type}, ptr {self.pointer[place]}, i64 %row")
                self._found(place, self.code.value(f"load <{TILE} x {self.type}>, ptr {at}, align 1"))
            elif kind == "strided":
                self._found(place, self._one_by_one(self.pointer[place], 0))
            else:
                self._group(*next((at, width) for at, width in groups(columns) if at <= place < at + width))
        return self.loaded[place]

    def _found(self, place: int, name: str) -> None:
        if self.conversion:
            name = self.code.value(f"{self.conversion} <{TILE} x {self.type}> {name} to <{TILE} x double>")
        self.loaded[place] = self.code.wrap(name)

    def _row(self, row: int, column: int) -> str:
        """The address of a number, `row` rows below `%row`."""
        code, pointer = self.code, self.pointer[0]
        if self.layout.kind == "packed":
            tile = code.value(f"getelementptr [{self.layout.columns} x {self.type}], ptr {pointer}, i64 %row")
            return code.value(f"getelementptr {self.type}, ptr {tile}, i64 {row * self.layout.columns + column}")
        offset = code.value(f"mul i64 {code.value(f'add i64 %row, {row}')}, {self.stride}")
        start = code.value(f"getelementptr i8, ptr {pointer}, i64 {offset}")
        return code.value(f"getelementptr {self.type}, ptr {start}, i64 {column}")

    def _one_by_one(self, pointer: str, column: int) -> str:
        code, result = self.code, "poison"
        for row in range(TILE):
            if self.layout.kind == "strided":
                offset = code.value(f"mul i64 {code.value(f'add i64 %row, {row}')}, {self.stride}")
                at = code.value(f"getelementptr i8, ptr {pointer}, i64 {offset}")
            else:
                at = self._row(row, column)
            number = code.value(f"load {self.type}, ptr {at}, align 1")
            result = code.value(f"insertelement <{TILE} x {self.type}> {result}, {self.type} {number}, i64 {row}")
        return result

    def _group(self, first: int, width: int) -> None:
        """Load and transpose `width` neighbouring columns."""
        if width == 1:
            self._found(first, self._one_by_one("", first))
            return
        code = self.code
        rows = [code.value(f"load <{width} x {self.type}>, ptr {self._row(row, first)}, align 1")
                for row in range(TILE)]
        halves = [self._transposed(rows[:8], width), self._transposed(rows[8:], width)]
        for column in range(width):
            self._found(first + column, self._shuffle(8, halves[0][column], halves[1][column], range(16)))

    def _transposed(self, rows: Sequence[str], width: int) -> list[str]:
        """The columns of eight rows of two or four numbers."""
        if width == 2:
            fours = [self._shuffle(2, rows[i], rows[i + 1], range(4)) for i in range(0, 8, 2)]
            eights = [self._shuffle(4, fours[i], fours[i + 1], range(8)) for i in (0, 2)]
            return [self._shuffle(8, eights[0], eights[1], range(column, 16, 2)) for column in range(2)]
        far = [self._shuffle(4, rows[i], rows[i + 4], range(8)) for i in range(4)]
        even = [0, 8, 2, 10, 4, 12, 6, 14]
        mixed = [[self._shuffle(8, far[i], far[i + 1], [place + odd for place in even]) for odd in (0, 1)]
                 for i in (0, 2)]
        low = [0, 1, 8, 9, 4, 5, 12, 13]
        return [self._shuffle(8, mixed[0][column % 2], mixed[1][column % 2],
                              [place + column // 2 * 2 for place in low]) for column in range(4)]

    def _shuffle(self, width: int, left: str, right: str, places: Sequence[int]) -> str:
        kind, listed = f"<{width} x {self.type}>", ", ".join(f"i32 {place}" for place in places)
        return self.code.value(f"shufflevector {kind} {left}, {kind} {right}, <{len(places)} x i32> <{listed}>")


def groups(columns: int) -> list[tuple[int, int]]:
    """Neighbouring columns in groups of four, then two, then one: (first, width)."""
    found, at = [], 0
    for width in (4, 2, 1):
        while columns - at >= width:
            found.append((at, width))
            at += width
    return found


def splat(code: Code, number: str) -> Lanes:
    """A double in every lane."""
    if code.lanes == 1:
        return code.wrap(number)
    kind = code.type("f")
    one = code.value(f"insertelement {kind} poison, double {number}, i64 0")
    return code.wrap(code.value(f"shufflevector {kind} {one}, {kind} poison, <{code.lanes} x i32> zeroinitializer"))


def half(code: Code, lanes: Lanes, which: int) -> str:
    """The first or the last eight of sixteen lanes."""
    listed = ", ".join(f"i32 {place}" for place in range(8 * which, 8 * which + 8))
    kind = code.type("f")
    return code.value(f"shufflevector {kind} {lanes.name}, {kind} poison, <8 x i32> <{listed}>")


