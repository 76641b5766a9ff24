"""What a drawing shows, before anybody decides where: boxes with lines of text, and edges with labels.

A node is a box and an edge is a local derivative. Scopes fold into one box, and beyond a limit so does all that is far
from the root; so a picture stays small while the graph may be of any size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Union

from autograd_mini._core.graph import dependents, is_node, require_fresh, topological_order
from autograd_mini.primitives import chain
from autograd_mini.render._derivatives import derivative
from autograd_mini.render._folding import Fold, grouped
from autograd_mini.render._formulas import Formulas, clean, order_matters, symbol
from autograd_mini.render._numbers import exact, is_wide, pretty

Color = Union[None, str, Mapping[Any, float], Callable[[Any], Optional[float]]]

SIZES = {"title": 13.0, "symbol": 16.0, "sign": 12.0, "value": 12.0, "caption": 9.5, "grad": 11.0, "constant": 11.5,
         "label": 10.0}
BOLD = frozenset({"title", "symbol"})
_PADDING, _LEADING, _WRAP = 11.0, 1.36, 34
EXPLAINED = 3000


class Span(NamedTuple):
    """A piece of a line in a box; its role gives size, weight and colour. `mark` is nan, zero or nothing."""

    text: str
    role: str
    mark: str = ""


@dataclass
class Box:
    """One box: a node, a constant, or a number of nodes folded together; `shown` is the node whose numbers it has."""

    kind: str
    rows: list[list[Span]]
    hover: str = ""
    mark: str = ""
    lit: bool = False
    tint: Optional[float] = None
    nodes: list[Any] = field(default_factory=list)
    shown: Any = None
    room: Optional[tuple[float, float]] = None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points; `room` where something longer may stand there."""
        if self.room is not None:
            return self.room
        if self.kind == "constant":
            return max(22.0, math.ceil(span_width(self.rows[0][0]) + 14)), 22.0
        width = max(sum(span_width(span) + 7 for span in row) - 7 for row in self.rows)
        return math.ceil(max(46.0, width + 2 * _PADDING)), math.ceil(sum(map(row_height, self.rows)) + 13)


@dataclass
class Edge:
    """From an operand to the node that uses it, by their places among the boxes; `slot` is the operand's position."""

    tail: int
    head: int
    label: str = ""
    hover: str = ""
    mark: str = ""
    lit: bool = False
    slot: int = -1
    mark_slot: bool = False
    count: int = 1

    @property
    def label_size(self) -> tuple[float, float]:
        """Width and height of the label; nothing where there is none."""
        return (math.ceil(span_width(Span(self.label, "label")) + 6), 14.0) if self.label else (0.0, 0.0)


@dataclass
class Picture:
    """Boxes in topological order where no fold is in the way, edges, and what to say below them."""

    boxes: list[Box]
    edges: list[Edge]
    rankdir: str
    title: str
    nodes: int
    scale: Optional[tuple[str, str, str]] = None


def row_height(row: list[Span]) -> float:
    """The height of a line of text."""
    return max(SIZES[span.role] for span in row) * _LEADING


def span_width(span: Span) -> float:
    """The width of a text in a sans-serif face such as Helvetica or Arial, a little on the wide side."""
    ems = sum(map(_ems, span.text))
    return ems * SIZES[span.role] * (1.1 if span.role in BOLD else 1.04)


def _ems(char: str) -> float:
    if ord(char) > 0x2E7F or is_wide(char):
        return 1.05
    if char in "ijl.,:;'|!I ftr()[]{}/\\-":
        return 0.36
    if char in "mwMW@%–−+=<>×÷…∂":
        return 0.9 if char in "mwMW@%…" else 0.6
    return 0.72 if char.isupper() else 0.57 if ord(char) < 0x250 else 0.8


def build(values: Sequence[Any], fold: Fold, limit: int, labels: str, color: Color, highlight: list[Any],
          rankdir: str, fresh: bool = True) -> Picture:
    """The picture of everything that a Value was computed from, with the gradients that lie in the nodes.

    Raises StaleGraphError like every reader of a graph.
    """
    order, value = topological_order(*values), values[-1]
    if fresh:
        require_fresh(order)
    groups = grouped(order, fold, limit)
    formulas = Formulas(order) if len(order) <= EXPLAINED else None
    lit = dependents(order, highlight) if highlight else set()
    tints, scale = _tints([node for node in order if groups[id(node)] == id(node)], color)
    places: dict[Any, int] = {}
    boxes: list[Box] = []
    for node in order:
        group = groups[id(node)]
        if group not in places:
            places[group] = len(boxes)
            alone = group == id(node)
            boxes.append(_node_box(node, values, formulas, labels) if alone else Box("fold", []))
            boxes[-1].tint = tints.get(group) if alone else None
        box = boxes[places[group]]
        box.nodes.append(node)
        box.lit |= id(node) in lit
    shared = {id(operand) for node in order for operand in node.operands
              if is_node(operand) and groups[id(operand)] != groups[id(node)]} | set(map(id, values))
    for group, place in places.items():
        if boxes[place].kind == "fold":
            _describe_fold(boxes[place], group, [node for node in boxes[place].nodes if id(node) in shared])
    edges = _edges(order, groups, places, boxes, formulas if labels == "formula" else None, labels, lit)
    return Picture(boxes, edges, rankdir, _title(value, order), len(order), scale)


def _title(value: Any, order: list[Any]) -> str:
    named = f"{clean(value.name)} = " if value.name else ""
    return f"Computation graph of {named}{pretty(value.data)}: {len(order):,} node{'s' * (len(order) > 1)}"


def _describe_fold(box: Box, group: tuple[Any, ...], results: list[Any]) -> None:
    kind, count = group[0], len(box.nodes)
    if kind == "sum":
        box.shown = results[0]
        name = [Span(line, "title") for line in wrapped(box.shown.name)] if box.shown.name else []
        sign = f"Σ ×{group[2]}" if group[2] else "Σ"
        box.rows = [[*name, Span(sign, "sign" if name else "symbol"), Span(f"{count:,} nodes", "sign")]]
        box.rows += _numbers(box.shown.data, box.shown.grad)
        alike = f"a sum of {group[2]} parts that are built alike" if group[2] else "a sum of many terms"
        box.hover = f"{alike}: {count:,} nodes"
        box.mark = "" if math.isfinite(box.shown.data) else "nan"
        return
    operations = sum(bool(node.operands) for node in box.nodes)
    counted = f"{count:,} {'nodes' if operations else 'leaves'}"
    if kind == "scope":
        box.rows = [[Span(line, "title")] for line in wrapped(group[-1])] + [[Span(counted, "sign")]]
        if len(results) == 1:
            box.rows += _numbers(results[0].data, results[0].grad)
            box.shown = results[0]
        box.hover = f"scope {' / '.join(map(clean, group[1:]))}: {counted}"
    elif kind == "leaves":
        names = [clean(node.name) for node in box.nodes if node.name]
        shown = ", ".join(names[:3 if len("".join(names[:3])) < _WRAP - 6 else 1]) + ", …" * (len(names) > 3)
        box.rows = [[Span(shown if names and len(shown) <= _WRAP else "inputs", "title")], [Span(counted, "sign")]]
        box.hover = "\n".join(f"{clean(node.name or 'leaf')} = {exact(node.data)}" for node in box.nodes[:40])
    else:
        box.rows = [[Span("…", "symbol")], [Span(f"{count:,} more {counted.split()[1]}", "sign")]]
        box.hover = f"{counted} that are further from the root than this picture goes"
    box.mark = "nan" if any(not math.isfinite(node.data) for node in box.nodes) else ""


# Boxes and edges ------------------------------------------------------------------------------------------------------


def wrapped(text: str) -> list[str]:
    """A text in lines of a bearable length, nothing left out."""
    text = clean(text)
    return [text[i:i + _WRAP] for i in range(0, len(text), _WRAP)] or [""]


def _numbers(data: float, grad: Optional[float]) -> list[list[Span]]:
    bad = "nan" if not math.isfinite(data) else ""
    mark = "" if grad is None else "nan" if not math.isfinite(grad) else "zero" if grad == 0 else ""
    return [[Span(pretty(data), "value", bad)], [Span("grad", "caption"), Span(pretty(grad), "grad", mark)]]


def _node_box(node: Any, roots: Sequence[Any], formulas: Optional[Formulas], labels: str) -> Box:
    sign = symbol(node.operation) if node.operands else ""
    title = node.name or ""
    if not title and formulas and labels == "formula" and node.operands and len(_written(formulas, node)) > 12:
        title = formulas.names.get(id(node), "")
    first = [[Span(line, "title")] for line in wrapped(title)] if title else []
    if sign and first:
        first[-1].append(Span(sign, "sign"))
    elif sign:
        first = [[Span(sign, "symbol" if len(sign) == 1 else "title")]]
    numbers = _numbers(node.data, node.grad)
    if not first:
        first, numbers = [[numbers[0][0]._replace(role="title")]], numbers[1:]
    marks = [span.mark for row in numbers + first for span in row]
    mark = "nan" if "nan" in marks else "zero" if "zero" in marks else ""
    kind = "root" if any(node is root for root in roots) else "operation" if node.operands else "leaf"
    return Box(kind, first + numbers, _hover(node, formulas), mark, shown=node)


def _hover(node: Any, formulas: Optional[Formulas]) -> str:
    lines = [f"{clean(node.name)} = {exact(node.data)}" if node.name else exact(node.data)]
    if formulas and node.operands:
        lines.append(f"formula: {_written(formulas, node)}")
    lines.append(f"gradient: {'not computed' if node.grad is None else exact(node.grad)}")
    if node.note is not None and node.note.scope:
        lines.append(f"scope: {' / '.join(map(clean, node.note.scope))}")
    if node.note is not None and node.note.place:
        lines.append(node.note.place)
    return "\n".join(lines)


def _written(formulas: Formulas, node: Any) -> str:
    return formulas.definitions[id(node)].content


def _edges(order: list[Any], groups: dict[int, Any], places: dict[Any, int], boxes: list[Box],
           formulas: Optional[Formulas], labels: str, lit: set[int]) -> list[Edge]:
    edges: list[Edge] = []
    merged: dict[tuple[int, int], Edge] = {}
    slopes: dict[tuple[int, int], list[tuple[int, float]]] = {}
    inside = {place: _inside(box) for place, box in enumerate(boxes) if box.kind == "fold" and box.shown is not None}
    for node in order:
        group = groups[id(node)]
        single = group == id(node)
        head = places[group]
        ordered = bool(node.operands) and order_matters(node.operation)
        for slot, operand in enumerate(node.operands):
            if not is_node(operand):
                if single:
                    boxes.append(Box("constant", [[Span(pretty(operand), "constant")]], f"constant {exact(operand)}"))
                    edges.append(Edge(len(boxes) - 1, head, slot=slot, mark_slot=ordered))
                continue
            if groups[id(operand)] == group:
                continue
            tail = places[groups[id(operand)]]
            shines = id(operand) in lit and id(node) in lit
            if single and groups[id(operand)] == id(operand):
                partial = node.partials[slot]
                mark = "nan" if not math.isfinite(partial) else "zero" if partial == 0 else ""
                label = "" if labels == "none" else pretty(partial)
                if formulas:
                    label = derivative(formulas, node, slot)
                edges.append(Edge(tail, head, label, f"local derivative {exact(partial)}", mark, shines, slot, ordered))
            else:
                if (tail, head) not in merged:
                    merged[tail, head] = Edge(tail, head, count=0)
                    edges.append(merged[tail, head])
                edge = merged[tail, head]
                edge.lit |= shines
                edge.count += 1
                edge.hover = f"{edge.count:,} edge{'s' * (edge.count > 1)}"
                if head in inside or single:
                    through = chain.value(1.0 if single else inside[head].get(id(node), 0.0), node.partials[slot])
                    slopes.setdefault((tail, head), []).append((id(operand), through))
    for (tail, head), found in slopes.items():
        if labels == "number" and len({operand for operand, _ in found}) == 1:  # of one node: its derivative, in all
            merged[tail, head].label = pretty(sum(slope for _, slope in found))
    return edges


def _inside(box: Box) -> dict[int, float]:
    """The derivative of a folded box's result by each of its nodes, along paths that stay inside."""
    members = {id(node) for node in box.nodes}
    slopes = dict.fromkeys(members, 0.0)
    slopes[id(box.shown)] = 1.0
    for node in reversed(box.nodes):
        for operand, partial in zip(node.operands, node.partials):
            if is_node(operand) and id(operand) in members:
                slopes[id(operand)] += chain.value(slopes[id(node)], partial)
    return slopes


def _tints(nodes: list[Any], color: Color) -> tuple[dict[int, float], Optional[tuple[str, str, str]]]:
    """How strongly each node is coloured, from 0 to 1, and the legend: what it says, at its weakest and strongest."""
    if color is None:
        return {}, None
    by_gradient = color == "grad"
    if by_gradient:
        numbers = {id(node): abs(node.grad) for node in nodes if node.grad is not None}
    elif isinstance(color, Mapping):
        given = {id(node): float(number) for node, number in color.items()}
        numbers = {id(node): given[id(node)] for node in nodes if id(node) in given}
    elif callable(color):
        found = {id(node): color(node) for node in nodes}
        numbers = {key: float(number) for key, number in found.items() if number is not None}
    else:
        raise ValueError(f"color is 'grad', a function of a node or a dict of nodes and numbers, not {color!r}")
    finite = [number for number in numbers.values() if math.isfinite(number) and (number or not by_gradient)]
    if not finite:
        return {}, None
    low, high = min(finite), max(finite)
    if by_gradient:
        low = max(low, high * 1e-6)
        tints = {key: _share(math.log(max(number, low)), math.log(low), math.log(high))
                 for key, number in numbers.items() if math.isfinite(number) and number}
    else:
        tints = {key: 1.0 if number == math.inf else _share(number, low, high) for key, number in numbers.items()
                 if number > -math.inf}
        high = math.inf if math.inf in numbers.values() else high
    title = "size of the gradient" if by_gradient else getattr(color, "__name__", "colour").replace("_", " ")
    return tints, ("colour" if title == "<lambda>" else title, pretty(low), pretty(high))


def _share(number: float, low: float, high: float) -> float:
    return (number - low) / (high - low) if high > low else 1.0
