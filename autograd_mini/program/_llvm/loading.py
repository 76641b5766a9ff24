"""Bringing rows of any layout and dtype into lanes: sixteen rows of a column at a time, as doubles.

A `Source` says how one array of shape (m, columns) lies in memory. `unit` columns are contiguous down the rows and
are loaded as they are; in `packed` and `spaced` arrays the numbers of a row are neighbours, and blocks of sixteen
rows and four columns are loaded by row and transposed in registers; in `strided` ones every number is loaded alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from autograd_mini.program._llvm.ir import Code, Lanes

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


def padded_tile(layout: Source, rows: np.ndarray) -> np.ndarray:
    """A few rows as a whole tile in the layout that code was written for; the last row fills it up."""
    order: Literal["C", "F"] = "F" if layout.kind in ("unit", "strided") else "C"
    tile = np.empty((TILE, layout.columns), dtype=rows.dtype, order=order)
    tile[:len(rows)], tile[len(rows):] = rows, rows[-1]
    return tile


def address(code: Code, place: int) -> str:
    """An entry of the table of addresses."""
    return code.entry("addresses", "ptr", place)


class Loader:
    """Writes the loads of one array into a function whose row number is `%row`.

    `first` is the place of its first address in `%addresses`, `number` that of its stride in `%strides`.
    """

    def __init__(self, code: Code, layout: Source, first: int, number: int) -> None:
        self.code, self.layout, self.first, self.number = code, layout, first, number
        self.type, self.conversion = _TYPES[layout.dtype]
        self.loaded: dict[int, Lanes] = {}

    def column(self, place: int) -> Lanes:
        """Sixteen rows of one column."""
        if place not in self.loaded:
            kind, columns = self.layout.kind, self.layout.columns
            if kind == "unit":
                base = address(self.code, self.first + place)
                at = self.code.value(f"getelementptr {self.type}, ptr {base}, i64 %row")
                self._found(place, self.code.value(f"load <{TILE} x {self.type}>, ptr {at}, align 1"))
            elif kind == "strided":
                self._found(place, self._one_by_one([self._strided(place, row) for row in range(TILE)]))
            else:
                self._group(*next((at, width) for at, width in groups(columns) if at <= place < at + width))
        return self.loaded[place]

    def _found(self, place: int, name: str) -> None:
        if self.conversion:
            name = self.code.value(f"{self.conversion} <{TILE} x {self.type}> {name} to <{TILE} x double>")
        self.loaded[place] = self.code.wrap(name)

    def _strided(self, pointer: int, row: int) -> str:
        """Where `row` rows below `%row` the array begins that has this address."""
        offset = self.code.value(f"mul i64 {self.code.value(f'add i64 %row, {row}')}, "
                                 f"{self.code.entry('strides', 'i64', self.number)}")
        return self.code.value(f"getelementptr i8, ptr {address(self.code, self.first + pointer)}, i64 {offset}")

    def _in_row(self, row: int, column: int) -> str:
        """The address of a number, where the numbers of a row are neighbours."""
        if self.layout.kind == "spaced":
            return self.code.value(f"getelementptr {self.type}, ptr {self._strided(0, row)}, i64 {column}")
        tile = self.code.value(f"getelementptr [{self.layout.columns} x {self.type}], "
                               f"ptr {address(self.code, self.first)}, i64 %row")
        return self.code.value(f"getelementptr {self.type}, ptr {tile}, i64 {row * self.layout.columns + column}")

    def _one_by_one(self, places: Sequence[str]) -> str:
        result = "poison"
        for row, at in enumerate(places):
            number = self.code.value(f"load {self.type}, ptr {at}, align 1")
            result = self.code.value(f"insertelement <{TILE} x {self.type}> {result}, {self.type} {number}, i64 {row}")
        return result

    def _group(self, first: int, width: int) -> None:
        """Load and transpose `width` neighbouring columns."""
        if width == 1:
            self._found(first, self._one_by_one([self._in_row(row, first) for row in range(TILE)]))
            return
        rows = [self.code.value(f"load <{width} x {self.type}>, ptr {self._in_row(row, first)}, align 1")
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


