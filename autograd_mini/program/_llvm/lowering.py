"""One operation of a body in LLVM IR, by the column `lanes` of its row.

A row's reading is a function of the modules beside this one. Those of `direct` take the code and the operands, which
may be constants; all others are elementary functions of lanes, written in place or called. A row without one, a user's
own for one, is a call of its scalar routine for each lane. Composite rows without one are written out in basic rows
before they come here.

The product of the chain rule is 0 where a factor is 0 and the product is nan. Checking that costs more than the
product, so kernels over data are written with plain products, and nan in what they made is looked for once a block;
a block with a nan is computed again by a `careful` kernel. `watched` finds the products that need a check of their
own because a nan of theirs may vanish on the way to the results.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_mini._body.body import Body
from autograd_mini._core.rows import Primitive
from autograd_mini.program._llvm import direct
from autograd_mini.program._llvm.engine import routine
from autograd_mini.program._llvm.ir import Code, Lanes, call_each

REPEATED = 6
"""A function that is used more often than this is called, not written in place."""

Step = tuple[Primitive, Sequence[int], int]
"""(row, operand slots, result slot)"""

Operand = Any
"""Lanes, or a float for a constant; at least one operand of an operation is Lanes."""


@functools.lru_cache(maxsize=1024)
def reading(row: Primitive) -> Any:
    """The function that the column `lanes` names; None where there is none."""
    if not isinstance(row.lanes, str):
        return row.lanes
    module, _, name = row.lanes.rpartition(".")
    return getattr(importlib.import_module(f"{__package__}.{module}"), name)


def has_reading(row: Primitive) -> bool:
    """Whether a row has machine code of its own."""
    return row.lanes is not None


def is_elementary(row: Primitive) -> bool:
    """Whether a row is an elementary function of lanes, dear enough to be called where there are many."""
    return isinstance(row.lanes, str) and not row.lanes.startswith("direct.")


def steps(body: Body) -> list[Step]:
    """The operations of a body, expanded, with their result slots."""
    return _late([(row, operands, slot) for slot, (row, operands) in enumerate(body.operations, body.first_operation)])


def _late(found: Sequence[Step]) -> list[Step]:
    """The same steps, each as short before its first use as can be: fewer numbers are alive at a time."""
    first_use: dict[int, int] = {}
    for place, (_, operands, _) in enumerate(found):
        for slot in operands:
            first_use.setdefault(slot, place)
    order = sorted(range(len(found)), key=lambda place: (first_use.get(found[place][2], place), place))
    return [found[place] for place in order]


def repeated(steps: Iterable[Step]) -> frozenset[str]:
    """The elementary functions that these steps use so often that each is compiled once and called."""
    uses = Counter(name for row, _, _ in steps for name in _functions(row))
    return frozenset(name for name, count in uses.items() if count > REPEATED)


@functools.lru_cache(maxsize=1024)
def _functions(row: Primitive) -> tuple[str, ...]:
    """The elementary functions that the reading of a row uses."""
    if row.lanes is None:
        return ()
    code = Code(1, called=None)
    lower(code, row, [code.wrap(f"%x{place}") for place in range(len(row.partials))])
    return tuple(symbol[1:].partition(direct.FUNCTION)[0] for symbol in code.declarations if direct.FUNCTION in symbol)


def lower(code: Code, row: Primitive, operands: Sequence[Operand]) -> Lanes:
    """Write one operation and return its result."""
    if not any(isinstance(operand, Lanes) for operand in operands):
        operands = [direct.lanes(operand, code) for operand in operands]
    function = reading(row)
    if function is not None and not is_elementary(row):
        return function(code, *operands)
    lanes = [direct.lanes(operand, code) for operand in operands]
    if function is None or code.library:
        return call_each(code, routine(row), lanes)
    return direct.outlined(code, row.name, function, lanes)


@functools.lru_cache(maxsize=1024)
def _passes_nan_on(row: Primitive) -> bool:
    """Whether a nan in any operand makes the result nan, in kernels that are not careful."""
    if reading(row) is None or getattr(reading(row), "hides_nan", None) is False:
        return reading(row) is not None
    others = (0.0, 0.3, 1.0, -2.0, math.inf)
    count = len(row.partials)
    points = [[*rest[:place], math.nan, *rest[place:]] for place in range(count)
              for rest in itertools.product(others, repeat=count - 1)]
    return all(math.isnan(row.number(*point)) for point in points)


def watched(operations: Iterable[Step], outputs: Iterable[int]) -> list[int]:
    """Products of the chain rule of which a nan might not reach the outputs given.

    Operations come with operands before users.
    """
    visible = set(outputs)
    found: list[int] = []
    for row, operands, result in reversed(list(operations)):
        if getattr(reading(row), "hides_nan", None) is False and result not in visible:
            found.append(result)
            visible.add(result)
        if result in visible and _passes_nan_on(row):
            visible.update(operands)
    return found
