"""`scan`: a loop that is Python's for numbers and Values, and one operation where it is traced."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Optional, TypeVar

import numpy as np

from autograd_mini._body.recorded import Dependents, Record, assemble, example_of, latest, leaf, number_at
from autograd_mini._core import recording, registry, trees
from autograd_mini._core.numbers import value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value

Step = Callable[[Any, Any], tuple[Any, Any]]
Carry = TypeVar("Carry")


def scan(step: Callable[[Any, Any], tuple[Carry, Any]], init: Any, xs: Any = None,
         length: Optional[int] = None) -> tuple[Carry, Any]:
    """Repeat a step along the first axis of `xs`: `(carry, x) -> (carry, y)`; returns the last carry and all y.

    It is `jax.lax.scan`. `xs` is an array, whose first axis is gone along, or a nesting of arrays of equally many rows;
    a list or tuple of numbers counts as an array. Without `xs` the step is taken `length` times and gets None for x.
    The carry is a number, an array or any nesting of them, and keeps its structure; y is one too, or None, and its
    numbers come stacked along a new first axis.

    For numbers and Values it is Python's loop, with the same bits. While a function is traced it is one operation of
    the Program, whatever the number of steps, and the step is run once; derivatives are loops again. The derivative
    in reverse keeps one carry and the results of elementary functions for each step.

    >>> scan(lambda total, x: (total + x, total * x), 0.0, [1.0, 2.0, 3.0])
    (6.0, array([0., 2., 9.]))
    >>> scan(lambda c, _: (c * 1.5, None), 1.0, length=3)
    (3.375, None)

    Raises TypeError where the step returns no pair or another structure than it was given, ValueError where the lengths
    differ or there is none.
    """
    if not callable(step):
        raise TypeError(f"scan takes a function (carry, x) -> (carry, y) first, not {type(step).__name__}")
    arrays: list[np.ndarray] = []
    build = _axes(xs, arrays)
    trips = _length(arrays, length)
    entries = [*_flat(init)[0], *(entry for array in arrays if array.dtype == object for entry in array.flat)]
    if trips and any(entry.is_traced for entry in filter(is_value, entries)):
        return _recorded(step, init, arrays, build, trips)
    rows = [array.tolist() if array.ndim == 1 else array for array in arrays]
    if not trips:
        probe = [array_of_values(array.shape[1:]) for array in arrays]
        return init, _stacked([_pair(step(_as_values(init), build(probe)))[1]], 0)
    carry, made = init, []
    for place in range(trips):
        carry, y = _pair(step(carry, build([row[place] for row in rows])))
        made.append(y)
        if place == 0:
            _require_structure(init, carry)
            if any(entry.is_traced for entry in filter(is_value, _flat((carry, y))[0])):
                return _recorded(step, init, arrays, build, trips)  # the step takes a traced number from outside
    return carry, _stacked(made, trips)


def _axes(xs: Any, arrays: list[np.ndarray]) -> Callable[[Sequence[Any]], Any]:
    """Collect the arrays of `xs`; returns what puts an entry of each into the structure."""
    found = trees.branches(xs)
    is_list = isinstance(xs, (list, tuple))
    if found is not None and not (is_list and all(map(_is_number, {type(entry): entry for entry in xs}.values()))):
        parts = [_axes(entry, arrays) for entry in found.entries]
        return lambda entries: found.make([part(entries) for part in parts])
    if trees.is_static(xs):
        return lambda entries: xs
    array = trees.array_of([*xs], (len(xs),)) if is_list else np.asarray(trees.as_array(xs, "xs"))
    if array.ndim == 0:
        raise TypeError(f"scan goes along the first axis of its xs, and {type(xs).__name__} has none: give arrays, or "
                        "length= without xs")
    if array.dtype.kind not in "fiubO":
        raise TypeError(f"scan takes arrays of real numbers, not of {array.dtype}")
    for entry in () if array.dtype != object or _are_values(array) else array.flat:
        _number(entry)
    place = len(arrays)
    arrays.append(array)
    return lambda entries: entries[place]


def _is_number(entry: Any) -> bool:
    return trees.branches(entry) is None and not isinstance(trees.as_array(entry), np.ndarray)


def _flat(tree: Any) -> tuple[list[Any], trees.Rebuild]:
    """The numbers of a structure, which may be no more than None, and what puts others in their place."""
    return ([], lambda entries: tree) if trees.is_static(tree) else trees.flatten(tree)


def _length(arrays: Sequence[np.ndarray], length: Any) -> int:
    lengths = {len(array) for array in arrays}
    if length is not None:
        try:
            lengths.add(operator.index(length))
        except TypeError:
            raise TypeError(f"length is the number of steps, an integer, not {type(length).__name__}") from None
    if len(lengths) != 1:
        raise ValueError("scan needs xs or length=" if not lengths else
                         f"scan takes as many steps as xs has rows, and these are {sorted(lengths)}")
    trips = lengths.pop()
    if trips < 0:
        raise ValueError(f"length={trips}: there cannot be fewer than no steps")
    return trips


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"a step of scan returns a pair (carry, y), not {type(result).__name__}: "
                        "return (carry, None) where nothing is to be kept")
    return result


def _require_structure(before: Any, after: Any) -> None:
    if trees.outline(before) != trees.outline(after):
        raise TypeError("a step of scan returns a carry of the structure and the shapes it was given: "
                        f"{trees.outline(before)}, not {trees.outline(after)}")


def _stacked(results: Sequence[Any], trips: int) -> Any:
    """What the steps gave besides, along a new first axis: of as many results, or of one of them the empty form."""
    shapes, rebuild = trees.blocks(results[0])
    outline = trees.outline(results[0])
    for result in results:
        if trees.outline(result) != outline:
            raise TypeError("every step of scan returns a y of the same structure and shapes: "
                            f"{outline}, not {trees.outline(result)}")
    rows = [_flat(result)[0] for result in results]
    return rebuild([trees.array_of([entry for row in rows[:trips] for entry in row[span]], (trips, *shape))
                    for span, shape in trees.spans(shapes)])


def array_of_values(shape: tuple[int, ...]) -> Any:
    """A Value, or an array of them, at 1, which shows what a step makes of one."""
    return _as_values(np.ones(shape)) if shape else Value(1.0)


def _as_values(tree: Any) -> Any:
    entries, rebuild = _flat(tree)
    return rebuild([entry if is_value(entry) else Value(entry) for entry in entries])


# Under trace ----------------------------------------------------------------------------------------------------------

def _recorded(step: Step, init: Any, arrays: Sequence[np.ndarray], build: Callable[[Sequence[Any]], Any],
              trips: int) -> tuple[Any, Any]:
    """One loop: the step is run once, on nodes of its own."""
    since = latest()
    entries, rebuild = _flat(init)
    before = [value_or_real(entry, "the carry of scan") for entry in entries]
    carry = [leaf(number_at(entry), "carry") for entry in before]
    streams = [column for array in arrays for column in _columns(array)]
    now = [leaf(number_at(column[0]), "x") for column in streams]
    rows = [trees.array_of(now[span], shape) if shape else now[span.start]
            for span, shape in trees.spans(array.shape[1:] for array in arrays)]
    with recording.differentiating():
        after, y = _pair(step(rebuild(carry), build(rows)))
    _require_structure(init, after)
    then = _flat(after)[0]
    changed = [place for place, node in enumerate(carry) if then[place] is not node]
    fixed = [place for place, node in enumerate(carry) if then[place] is node]
    emitted = _flat(y)[0]
    outputs = [*map(_number, (*(then[place] for place in changed), *emitted))]

    shared = Dependents([*carry, *now], since).border([*filter(is_value, outputs)])
    inputs = [*(carry[place] for place in (*changed, *fixed)), *shared, *now]
    record = Record(trips, assemble(outputs, inputs).body, [before[place] for place in changed],
                    [*(before[place] for place in fixed), *shared], streams, [*map(example_of, inputs)])
    last, columns = record.results()
    for place, node in zip(changed, last):
        before[place] = node
    shapes, restack = trees.blocks(y)
    stacked = [trees.array_of([*itertools.chain(*zip(*columns[span]))], (trips, *shape))
               for span, shape in trees.spans(shapes)]
    return rebuild(before), restack(stacked)


def _columns(array: np.ndarray) -> list[list[Any]]:
    """Each number of a row as a list along the first axis."""
    flat = array.reshape(len(array), -1)
    if array.dtype != object:
        return flat.T.astype(float).tolist()
    if _are_values(array):
        return flat.T.tolist()
    return [[_number(entry) for entry in column] for column in flat.T.tolist()]


def _are_values(array: np.ndarray) -> bool:
    return all(issubclass(kind, registry.kinds) for kind in set(map(type, array.flat)))


def _number(entry: Any) -> Any:
    return value_or_real(entry, "a number in scan")
