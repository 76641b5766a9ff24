"""Where everything goes: the layout by Graphviz (the system's `dot`, else pygraphviz), else our own.

Graphviz gets boxes and labels of fixed size and gives back places, so that every way of laying out ends in the same
drawing. Coordinates are points, the origin at the top left.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from autograd_mini._core.errors import NoLayoutError
from autograd_mini.render._dot import dot_source
from autograd_mini.render._layered import layered
from autograd_mini.render._picture import Picture

Point = tuple[float, float]
MARGIN = 10.0


@dataclass
class Placement:
    """The size of the page, the centre of each box, and each edge as a Bezier path with the centre of its label."""

    width: float
    height: float
    centers: list[Point]
    paths: list[list[Point]]
    labels: list[Point]


def run_dot(source: str, output: str) -> bytes:
    """Graphviz' `dot` on a DOT text: the system's, else the one that pygraphviz brings. Raises NoLayoutError."""
    import subprocess

    import graphviz

    reason = "there is no Graphviz on this machine"
    try:
        return graphviz.pipe("dot", output, source.encode(), quiet=True)
    except graphviz.ExecutableNotFound:
        pass
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"Graphviz' dot fails ({error})"
    try:
        import pygraphviz

        return pygraphviz.AGraph(source).draw(format=output, prog="dot")
    except (ImportError, OSError, ValueError):
        raise NoLayoutError(f"{reason}: install it, or autograd_mini[viz], which brings it; "
                            ".svg, .html and .gv can be saved without") from None


def by_graphviz(picture: Picture) -> Placement:
    """The layout of `dot`. Raises NoLayoutError where there is none."""
    layout = json.loads(run_dot(dot_source(picture, sized=True), "json0"))
    left, bottom, right, top = map(float, layout["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")[-2:]
        return round(float(x) - left + MARGIN, 2), round(top - float(y) + MARGIN, 2)

    centers = [(0.0, 0.0)] * len(picture.boxes)
    for node in layout.get("objects", []):
        centers[int(node["name"][1:])] = point(node["pos"])
    paths: list[list[Point]] = [[] for _ in picture.edges]
    labels = [(0.0, 0.0)] * len(picture.edges)
    for edge in layout.get("edges", []):
        place = int(edge["id"][1:])
        end, *path = edge["pos"].split()
        paths[place] = [*map(point, path), point(end)]
        if "lp" in edge:
            labels[place] = point(edge["lp"])
    return Placement(right - left + 2 * MARGIN, top - bottom + 2 * MARGIN, centers, paths, labels)


def by_ourselves(picture: Picture) -> Placement:
    """Our own layered layout, good for some sixty boxes."""
    vertical = picture.rankdir in ("TB", "BT")
    sizes = [box.size[::-1] if vertical else box.size for box in picture.boxes]
    label_sizes = [edge.label_size[::-1] if vertical else edge.label_size for edge in picture.edges]
    ends = [(edge.tail, edge.head) for edge in picture.edges]
    (width, height), centers, paths, labels = layered(sizes, ends, label_sizes)

    def turn(point: Point) -> Point:
        x, y = point
        if picture.rankdir in ("RL", "BT"):
            x = width - x
        x, y = (y, x) if vertical else (x, y)
        return round(x + MARGIN, 2), round(y + MARGIN, 2)

    if vertical:
        page = (height + 2 * MARGIN, width + 2 * MARGIN)
    else:
        page = (width + 2 * MARGIN, height + 2 * MARGIN)
    return Placement(*page, [turn(p) for p in centers], [[turn(p) for p in path] for path in paths],
                     [turn(p) for p in labels])
