"""Programs that compute the derivatives of a Program: body to body, without running anything."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Union

from autograd_mini._body.body import Body
from autograd_mini._body.calculus import derivative
from autograd_mini.program import _layout as layouts
from autograd_mini.program._layout import Part

Argnums = Union[int, Sequence[int]]


def gradient(program: Any, argnums: Argnums, with_value: bool) -> tuple[Any, Body]:
    """The layout and the body of the gradient, or of the pair (value, gradient), of a program with one number."""
    layout, inputs = chosen(program, argnums)
    value = one_number(program)
    found = derivative(program.body, inputs)
    if not with_value:
        return layouts.moved(layout, 0, "gradient"), found.with_outputs(found.outputs[1:])
    return (value, layouts.moved(layout, 1, "gradient")), found


def jacobian(program: Any, argnums: Argnums) -> tuple[Any, Body]:
    """The layout and the body of the Jacobian: in the mode that takes fewer operations."""
    layout, inputs = chosen(program, argnums)
    both = [derivative(program.body, inputs, forward) for forward in (False, True)]
    found = min(both, key=lambda body: len(body.code))
    return _in_blocks(found, len(program.body.outputs), inputs, program.result, layout, "jacobian")


def hessian(program: Any, argnums: Argnums) -> tuple[Any, Body]:
    """The layout and the body of the Hessian of a program with one number: one triangle is computed."""
    layout, inputs = chosen(program, argnums)
    one_number(program)
    first = derivative(program.body, inputs)
    found = derivative(first.with_outputs(first.outputs[1:]), inputs, triangle=True)
    return _in_blocks(found, len(inputs), inputs, layouts.moved(layout, 0, ""), layout, "hessian")


def chosen(program: Any, argnums: Argnums) -> tuple[Any, list[int]]:
    """The layout of the arguments to differentiate by, and their inputs."""
    single = not isinstance(argnums, (tuple, list))
    try:
        places = [operator.index(place) for place in ([argnums] if single else argnums)]  # type: ignore
    except TypeError:
        raise TypeError(f"argnums is the position of an argument or a tuple of positions, not {argnums!r}") from None
    count = len(program.arguments)
    for place in places:
        if not -count <= place < count:
            raise ValueError(f"argnums asks for argument {place} of {program.name}, which has {count}: count from 0")
    if len({place % count for place in places}) < len(places):
        raise ValueError(f"argnums names an argument of {program.name} twice: {argnums}")
    chosen = tuple(program.arguments[place] for place in places)
    inputs = [slot for layout in chosen for part in layouts.parts(layout)
              for slot in range(part.start, part.start + part.size)]
    return chosen[0] if single else chosen, inputs


def one_number(program: Any) -> Part:
    if type(program.result) is not Part or program.result.size != 1:
        raise TypeError(f"{program.name} returns {len(program.body.outputs)} numbers, nested or in an array, and a "
                        "gradient needs one number: use jacobian")
    return Part(program.result.name, 0, None)


def _in_blocks(found: Body, rows: int, inputs: list[int], result: Any, chosen: Any, name: str) -> tuple[Any, Body]:
    """Structures of the argument inside the structure of the result: an array of shape s + t for s by t."""
    column = {slot: place for place, slot in enumerate(inputs)}
    order: list[int] = []

    def row(part: Part) -> Any:
        def block(inner: Part) -> Part:
            start, shape = len(order), (*part.dimensions, *inner.dimensions)
            order.extend(rows + at * len(inputs) + column[inner.start + k]
                         for at in range(part.start, part.start + part.size) for k in range(inner.size))
            return Part(f"{name}[{start}]" if name else inner.name, start, shape or None)

        return layouts.fill(chosen, block)

    layout = layouts.fill(result, row)
    return layout, found.with_outputs([found.outputs[place] for place in order])
