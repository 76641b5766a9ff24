"""The two passes as pictures: the same boxes in the same places, with the numbers that are known at each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.primitives import chain
from autograd_mini.render._numbers import UNKNOWN, pretty
from autograd_mini.render._picture import Box, Picture


def frames(root: Any, picture: Picture) -> list[Picture]:
    """Forward, box by box, the values; backward, in the order of `backward()`, the gradients as they add up."""
    order = topological_order(root)
    place = {id(node): i for i, box in enumerate(picture.boxes) for node in box.nodes}
    operations = list(dict.fromkeys(place[id(node)] for node in order if node.operands))
    known = {i for i in range(len(picture.boxes)) if i not in operations}
    shown = [_frame(picture, known, {}, None)]
    for box in operations:
        known = known | {box}
        shown.append(_frame(picture, known, {}, box))
    grads = {id(root): 1.0}
    shown.append(_frame(picture, known, grads, place[id(root)]))
    for box in reversed(operations):
        handed = False
        for node in reversed(picture.boxes[box].nodes):
            for operand, partial in zip(node.operands, node.partials):
                if is_node(operand) and id(node) in grads:
                    handed = True
                    grads[id(operand)] = grads.get(id(operand), 0.0) + chain.value(grads[id(node)], partial)
        if handed:
            shown.append(_frame(picture, known, grads, box))
    return shown


def _frame(picture: Picture, known: set[int], grads: dict[int, float], now: Any) -> Picture:
    boxes = [_box(box, i in known, grads, i == now) for i, box in enumerate(picture.boxes)]
    return replace(picture, boxes=boxes, edges=[replace(edge, lit=edge.head == now) for edge in picture.edges])


def _box(box: Box, known: bool, grads: dict[int, float], now: bool) -> Box:
    """A box with its value where it is known, and of its gradient what has been added up so far."""
    grad = pretty(grads.get(id(box.shown))) if box.shown is not None else UNKNOWN
    rows = [[span._replace(text=grad, mark="") if span.role == "grad" else
             span if known or span.role != "value" else span._replace(text=UNKNOWN, mark="") for span in row]
            for row in box.rows]
    return replace(box, rows=rows, lit=now, tint=None, room=box.size)
