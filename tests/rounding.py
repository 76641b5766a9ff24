"""What rounding may do to a graph's result, to first order: the measure of tests that compare with exact numbers."""

from __future__ import annotations

import math
from typing import Any

from autograd_mini._core.graph import topological_order


def bound(limit: Any, operands: Any) -> float:
    """A row's error bound at its operands: a number, or a function of them."""
    return limit(*operands) if callable(limit) else limit


def rounding_of(node: Any) -> float:
    """The sum of what every operation may be off by, by its own row's bound, times its effect on the result."""
    node.backward()
    error = 0.0
    for part in topological_order(node):
        if part.operands and part.grad:
            operands = [o if type(o) is float else o.data for o in part.operands]
            error += abs(part.grad) * bound(part.operation.ulps[0], operands) * math.ulp(part.data)
    return error
