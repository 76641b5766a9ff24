"""Our own layout of a layered drawing, for machines without Graphviz.

The method of Sugiyama, Tagawa and Toda (1981) in its plain form: columns by longest path, long edges cut into pieces,
the order in a column by the median of the neighbours, and places that are as near to the neighbours as the boxes allow.
Between any two columns of boxes lies one for the labels, so nothing can meet anything.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Sequence

Point = tuple[float, float]
Size = tuple[float, float]
_ROW_GAP, _LABEL_GAP, _COLUMN_GAP, _SWEEPS = 14.0, 6.0, 24.0, 12


def layered(sizes: Sequence[Size], ends: Sequence[tuple[int, int]], label_sizes: Sequence[Size]
            ) -> tuple[Size, list[Point], list[list[Point]], list[Point]]:
    """Page size, the centre of each box, each edge's Bezier path from tail to head, and the centre of each label.

    Edges run from left to right, except those that would close a circle.
    """
    columns = _columns(len(sizes), ends)
    size = list(sizes)
    rows: list[list[int]] = [[] for _ in range(max(columns) + 1)]
    for box, column in enumerate(columns):
        rows[column].append(box)
    chains: list[list[int]] = []
    label_at: list[int] = []
    for (tail, head), label in zip(ends, label_sizes):
        start, stop = (tail, head) if columns[tail] < columns[head] else (head, tail)
        chain = [start]
        for column in range(columns[start] + 1, columns[stop]):
            chain.append(len(size))
            rows[column].append(len(size))
            size.append((0.0, 0.0))
        middle = chain[-1] if len(chain) > 1 else start
        if len(chain) > 1:
            size[middle] = label
        label_at.append(middle)
        chains.append([*chain, stop] if start == tail else [stop, *reversed(chain)])
    before: list[list[int]] = [[] for _ in size]
    after: list[list[int]] = [[] for _ in size]
    for chain in chains:
        for one, other in pairwise(chain if columns[chain[0]] < columns[chain[-1]] else chain[::-1]):
            after[one].append(other)
            before[other].append(one)
    _untangle(rows, before, after)
    room = [(height / 2 + _ROW_GAP / 2,) * 2 if item < len(sizes) else (height + _LABEL_GAP / 2, _LABEL_GAP / 2)
            for item, (_, height) in enumerate(size)]  # above and below: a label stands on its line
    y = _heights(rows, room, before, after)
    x = [0.0] * len(size)
    left = 0.0
    for row in rows:
        width = max(size[item][0] for item in row)
        for item in row:
            x[item] = left + width / 2
        left += width + _COLUMN_GAP
    top = min(height - above for height, (above, _) in zip(y, room)) + _ROW_GAP / 2
    y = [height - top for height in y]
    page = (left - _COLUMN_GAP, max(height + below for height, (_, below) in zip(y, room)) - _ROW_GAP / 2)
    width_of = {item: max(size[other][0] for other in row) for row in rows for item in row}
    paths = [_path(chain, x, y, size, width_of) for chain in chains]
    labels = [(x[item], y[item] - size[item][1] / 2) for item in label_at]
    return page, [(x[i], y[i]) for i in range(len(sizes))], paths, labels


def _columns(count: int, ends: Sequence[tuple[int, int]]) -> list[int]:
    """Even columns for boxes: as near to the box that uses it as the longest path to the root allows."""
    users: list[list[int]] = [[] for _ in range(count)]
    for tail, head in ends:
        users[tail].append(head)
    depth, state = [0] * count, [0] * count
    for root in range(count):
        pending = [(root, False)]
        while pending:
            box, finished = pending.pop()
            if finished:
                depth[box] = max((depth[user] + 1 for user in users[box] if state[user] == 2), default=0)
                state[box] = 2
            elif state[box] == 0:
                state[box] = 1
                pending.append((box, True))
                pending.extend((user, False) for user in users[box] if state[user] == 0)
    deepest = max(depth, default=0)
    return [2 * (deepest - d) for d in depth]


def _untangle(rows: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    place = {item: float(i) for row in rows for i, item in enumerate(row)}
    best, fewest = [list(row) for row in rows], _crossings(rows, after, place)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            near = before if sweep % 2 == 0 else after
            key = {item: _median([place[other] for other in near[item]]) if near[item] else place[item] for item in row}
            row.sort(key=lambda item: key[item])
            place.update((item, float(i)) for i, item in enumerate(row))
        count = _crossings(rows, after, place)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    rows[:] = best


def _median(numbers: list[float]) -> float:
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(numbers) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _crossings(rows: list[list[int]], after: list[list[int]], place: dict[int, float]) -> int:
    total = 0
    for row in rows:
        seen: list[float] = []
        for item in row:
            reached = sorted(place[other] for other in after[item])
            total += sum(earlier > later for later in reached for earlier in seen)
            seen += reached
    return total


def _heights(rows: list[list[int]], room: list[Size], before: list[list[int]], after: list[list[int]]) -> list[float]:
    """Every item as near to the middle of its neighbours as its column allows: a few sweeps to and fro."""
    y = [0.0] * len(room)
    for row in rows:
        _spread(row, room, [0.0] * len(row), y)
    for sweep in range(_SWEEPS):
        near = (before, after)[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean([y[other] for other in near[item]]) if near[item] else y[item] for item in row]
            _spread(row, room, wanted, y)
    return y


def _spread(row: list[int], room: list[Size], wanted: list[float], y: list[float]) -> None:
    """Least squares in a fixed order with room for everything: neighbours that push each other move as one block."""
    blocks: list[tuple[float, int]] = []  # where the block would like to begin, and of how many items it is
    offset, offsets = 0.0, []
    for item, wish in zip(row, wanted):
        above, below = room[item]
        offset += above
        offsets.append(offset)
        blocks.append((wish - offset, 1))
        offset += below
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (start, count), (other, more) = blocks[-2], blocks.pop()
            blocks[-1] = ((start * count + other * more) / (count + more), count + more)
    starts = [start for start, count in blocks for _ in range(count)]
    for item, start, place in zip(row, starts, offsets):
        y[item] = start + place


def _path(chain: list[int], x: list[float], y: list[float], size: list[Size], width: dict[int, float]) -> list[Point]:
    """Level through every column, bent only between them."""
    turn = 1 if x[chain[0]] < x[chain[-1]] else -1
    path: list[Point] = [(x[chain[0]] + turn * size[chain[0]][0] / 2, y[chain[0]])]
    for item, following in pairwise(chain):
        if size[item][0] < width[item]:
            _line(path, (x[item] + turn * width[item] / 2, y[item]))
        enter = (x[following] - turn * width[following] / 2, y[following])
        half = (path[-1][0] + enter[0]) / 2
        path += [(half, path[-1][1]), (half, enter[1]), enter]
        if following is chain[-1] and size[following][0] < width[following]:
            _line(path, (x[following] - turn * size[following][0] / 2, y[following]))
    return path


def _line(path: list[Point], end: Point) -> None:
    path += [path[-1], end, end]
