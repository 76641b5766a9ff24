"""Recording a function as a Program: run it once on Values, then flatten the graph that came out.

A derivative inside the function is part of the graph like all else, so a Program never sees a derivative.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, overload

from autograd_mini._body.recorded import assemble, leaf, leaves_under
from autograd_mini._core import recording, trees
from autograd_mini._core.errors import TracedValueError
from autograd_mini._core.kinds import P, R
from autograd_mini._core.numbers import real
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value
from autograd_mini.program._layout import Part, fill, lay_out, of_graph, parts
from autograd_mini.program._program import Program


@overload
def trace(f: Callable[P, R], *example: P.args, **keywords: P.kwargs) -> Program[P, R]: ...
@overload
def trace(f: Callable[P, R], *example: Any, simplify: bool, **keywords: Any) -> Program[P, R]: ...


def trace(f: Callable[..., Any], *example: Any, simplify: bool = True, **keywords: Any) -> Any:  # type: ignore[misc]
    """Record f once, on one example, as a Program that runs at native speed over many.

    The example's arguments and f's result may be numbers, arrays, and lists, tuples, dicts and dataclasses of them,
    nested as you like; only their structure counts, the numbers do not, except that they must be usable: f is run on
    them. None, strings, functions and the like in them are fixed in the Program. `keywords` are arguments of f too.
    `simplify=False` keeps every operation as recorded.

    >>> from autograd_mini import exp
    >>> step = trace(lambda w, x: exp(w * x), 2.0, 0.0)
    >>> step(0.0, 3.0)
    1.0
    >>> step.sum(0.0, [3.0, 4.0, 5.0])
    3.0

    Raises TypeError where the example holds a Value, where f returns something that is not a number, or uses a Value
    that it takes from outside; TracedBranchError where f decides by the number of an argument; StaleGraphError where
    it assigned a leaf after using it.
    """
    names = [*_argument_names(f, example), *_free(keywords)]
    layouts: list[Any] = []
    numbers: list[float] = []
    for name, argument in zip(names, (*example, *keywords.values())):
        layout, found, _ = lay_out(argument, name, len(numbers))
        layouts.append(layout)
        numbers.extend([entry if type(entry) is float else _example_number(entry, name) for entry in found])
    slot_names = [slot for layout in layouts for part in parts(layout) for slot in part.names()]

    def call(*arguments: Any) -> Any:
        return f(*arguments[:len(example)], **dict(zip(keywords, arguments[len(example):])))

    inputs, result = _run(call, layouts, numbers, slot_names)
    output_layout, outputs, _ = lay_out(result, "result")
    if not outputs and trees.is_static(result):
        raise TypeError(f"a traced function returns numbers, Values and nestings of them, not {result!r}")
    outputs = [_output(entry, name) for entry, name in
               zip(outputs, (slot for part in parts(output_layout) for slot in part.names()))]
    made = assemble(outputs, inputs, simplify)
    body = made.body
    _refuse_captured(made.constant_leaves, lambda: _run(call, layouts, numbers, slot_names)[1])
    first = body.first_operation
    named = {at: name for slot, name in made.names.items()
             if slot >= len(inputs) and (at := made.place(slot)) >= first}     # the inputs are the first slots
    name = getattr(f, "__name__", type(f).__name__)
    return Program(name, names, len(example), layouts, output_layout, body, named, numbers)


def _argument_names(f: Callable[..., Any], example: Sequence[Any]) -> list[str]:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names.extend(f"{parameter.name}[{place}]" for place in range(len(example) - len(names)))
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return [names[place] if place < len(names) else f"x{place}" for place in range(len(example))]


def _free(keywords: dict[str, Any]) -> list[str]:
    """The names of keyword arguments, which must not be those that a call of a Program has for itself."""
    for name in keywords:
        if name in ("out", "batches", "executor", "threads"):
            raise ValueError(f"a program's calls have a keyword {name!r} of their own: give this argument by position, "
                             "or another name")
    return [*keywords]


def _example_number(entry: Any, name: str) -> float:
    if is_value(entry):
        raise of_graph(name)
    return real(entry, f"argument {name!r} of the example")


def _run(f: Callable[..., Any], layouts: Sequence[Any], numbers: Sequence[float],
         names: Sequence[str]) -> tuple[list[Value], Any]:
    """Fresh traced inputs, and what f makes of them."""
    inputs = [*map(leaf, numbers, names)]

    def content(part: Part) -> Any:
        if part.shape is None:
            return inputs[part.start]
        return trees.array_of(inputs[part.start:part.start + part.size], part.shape)

    with recording.differentiating():
        return inputs, f(*[fill(layout, content) for layout in layouts])


def _output(entry: Any, name: str) -> Any:
    if is_value(entry):
        return entry
    try:
        return real(entry, name)
    except TracedValueError:
        raise
    except TypeError:
        raise TypeError(f"a traced function returns numbers, Values and nestings of them, but {name} is of type "
                        f"{type(entry).__name__}") from None


def _refuse_captured(foreign: Sequence[Value], again: Callable[[], Any]) -> None:
    """Raise TypeError if one of these leaves of the graph, which are no inputs, was not made by f itself.

    f is run once more if there are any: what is the same object in both graphs is from outside.
    """
    for node in foreign:
        if node.is_traced:
            raise TypeError(f"the function uses {node.name!r}, an argument of a function that is being traced around "
                            "it: trace the outer function only, or pass the Value as an argument")
    if not foreign:
        return
    met = {id(node): node for node in foreign}
    for node in leaves_under([*filter(is_value, lay_out(again(), "result")[1])]):
        if id(node) in met:
            who = repr(node.name) if node.name else f"a Value, {node.data!r},"
            raise TypeError(f"the function uses {who} from outside, which would be frozen into the program: pass it as "
                            "an argument, or use its .data where a constant is meant")
