"""The chain rule over a graph of Values that has no loops in it, once in each direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_mini._body.builder import builder
from autograd_mini._core import registry
from autograd_mini._core.rows import TABLE


def pull(seeds: Sequence[tuple[Any, Any]], targets: Sequence[Any]) -> list[Any]:
    """Reverse mode: what (node, cotangent) pairs give as the cotangents of the targets: Values, floats, or None."""
    roots = [node for node, _ in seeds]
    made, _, totals, places = _loaded(roots, seeds, targets)
    return _found(made, made.pull(totals, places))


def push(seeds: Sequence[tuple[Any, Any]], outputs: Sequence[Any]) -> list[Any]:
    """Forward mode: what (node, tangent) pairs give as the tangents of the outputs: Values, floats, or None."""
    made, slots, totals, _ = _loaded(outputs, seeds, [])
    return _found(made, made.push(totals, slots))


def _found(made: Any, slots: Sequence[int]) -> list[Any]:
    return [None if slot < 0 else entry for slot, entry in zip(slots, made.nodes(slots, float))]


def _loaded(roots: Sequence[Any], seeds: Sequence[tuple[Any, Any]],
            others: Sequence[Any]) -> tuple[Any, list[int], dict[int, int], list[int]]:
    """A builder with the graph of the roots, their slots, the seeds by the slots of their nodes, the others' slots.

    A seed that is a Value comes in as an input, so that what it depends on is not gone through.
    """
    made = builder(merged=False, kind=type(roots[0]))
    slots = made.load(roots, exactly=True, others=[*(node for node, _ in seeds), *others])
    behind = len(roots) + len(seeds)
    totals: dict[int, int] = {}
    for slot, (_, seed) in zip(slots[len(roots):behind], seeds):
        if slot >= 0:
            share = made.node(seed) if registry.is_value(seed) else made.constant(float(seed))
            totals[slot] = made.apply(TABLE["add"], (totals[slot], share)) if slot in totals else share
    return made, slots[:len(roots)], totals, slots[behind:]
