"""Pictures, pages and formulas: seconds for graphs of growing size, by Graphviz and by our own layout."""

from __future__ import annotations

import random
from typing import Callable

from autograd_mini import Value, draw, scope, sin, text, topological_order, tree

from .timing import compare, table


def tangled(nodes: int) -> Value:
    """A graph of about so many nodes, each made of recent ones."""
    generator = random.Random(0)
    pool = [Value(generator.random(), f"x{i}") for i in range(5)]
    for _ in range(nodes - 9):
        a, b = generator.sample(pool[-8:], 2)
        pool.append(generator.choice([a + b, a * b, sin(a)]))
    return pool[-1] + pool[-2] + pool[-3] + pool[-4]


def chain(nodes: int) -> Value:
    """A chain of so many nodes, a third of it in scopes."""
    v = Value(0.5, "x")
    for _ in range(nodes // 3):
        with scope("inside"):
            v = sin(v)
        v = v * 0.9 + 0.1
    return v


def ways(value: Value) -> dict[str, Callable[[], object]]:
    """Everything that can be made of a graph to look at."""
    return {"SVG by dot": lambda: draw(value).svg(), "SVG, own layout": lambda: draw(value, layout="own").svg(),
            "page": lambda: draw(value).html(), "text": lambda: text(value), "tree": lambda: tree(value)}


def main() -> None:
    """Print the figures of drawing."""
    hundreds, many = tangled(300), chain(100_000)
    figures = []
    for name, value in ((f"{len(topological_order(hundreds))} nodes, all drawn", hundreds),
                        (f"{len(topological_order(many)):,} nodes, folded", many)):
        taken = compare(ways(value), "SVG by dot", rounds=3)
        figures.append([name, *(f"{timing.median * 1e3:.0f} ms" for timing in taken.values())])
    print(table("Drawing", ["graph", *ways(hundreds)], figures))
