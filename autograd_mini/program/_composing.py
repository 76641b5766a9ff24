"""A Program among Values: its operations are played into the graph, so that gradients flow through a call of it.

While a function is traced or differentiated around the call they become operations of that function; a loop stays a
loop where it is traced, and is written out among Values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from autograd_mini._body import recorded
from autograd_mini._body.builder import builder
from autograd_mini._core.numbers import value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value
from autograd_mini.program._layout import rebuilt


def play(program: Any, arguments: Sequence[Any]) -> Any:
    """What a program makes of one example that holds Values: Values where the result depends on them, else floats."""
    inputs: list[Any] = [0.0] * program.body.inputs
    for part, given in program._matched(arguments):
        array = np.asarray(given, dtype=object)
        if array.shape != part.dimensions:
            raise TypeError(f"argument {part.name!r} has the shape {array.shape}, and {part.dimensions} in the "
                            "example: with Values a program is called on one example")
        inputs[part.start:part.start + part.size] = [
            entry if type(entry) is float or is_value(entry) else value_or_real(entry, f"argument {part.name!r}")
            for entry in array.ravel().tolist()]
    return rebuilt(program.result, _outputs(program, inputs))


def graph(program: Any) -> Any:
    """The result as Values, on leaves with the names and the numbers of the example that the program was traced with.

    Inner nodes have the names that they had in the function.
    """
    inputs = [*map(Value, program.example, program.input_names)]
    found = _outputs(program, inputs, program.names)
    return rebuilt(program.result, [entry if is_value(entry) else Value(entry) for entry in found])


def _outputs(program: Any, inputs: Sequence[Any], names: Mapping[int, str] = MappingProxyType({})) -> list[Any]:
    body, values = program.body, [entry for entry in inputs if type(entry) is not float]
    wanted = [*names, *body.outputs]
    if any(entry.is_traced for entry in values):
        slots = recorded.play(body, inputs, every=True)
        found = [slots[slot] for slot in wanted]
    else:
        made = builder(merged=False, kind=type(values[0]) if values else None)
        made.load((), exactly=True)
        given = [made.constant(entry) if type(entry) is float else made.node(entry) for entry in inputs]
        slots = made.load_body(body, given)
        found = made.nodes([slots[slot] for slot in wanted], float)
    for name, node in zip(names.values(), found):
        if is_value(node):
            node.name = name
    return found[len(names):]
