"""Derivatives of functions, with JAX's names and argument order.

A function takes numbers, arrays of any shape, and lists, tuples, dicts and named tuples of them; derivatives come in
the same trees. Called with plain numbers, a transform gives plain numbers; called with a Value anywhere, also in
what the function takes from outside, it gives Values whose graphs can be differentiated again. So transforms nest
to any order and can be traced.

Each call differentiates by nodes of its own, one for each element of its arguments. A Value that is passed twice, or
that the function also reaches by another way, therefore counts once in each of its roles.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, Union, overload

import numpy as np

from autograd_mini._body import jacobians
from autograd_mini._body.calculus import pull
from autograd_mini._core import recording, registry, trees
from autograd_mini._core.graph import leaves
from autograd_mini._core.kinds import P, R
from autograd_mini._core.numbers import real, value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import TABLE
from autograd_mini._core.value import Value

Function = Callable[..., Any]
Argnums = Union[int, Sequence[int]]
Arguments = Union[tuple[Any, ...], list[Any]]
Aux = TypeVar("Aux")
_stamp = operator.attrgetter("stamp")


def grad(f: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]:
    """The function that gives the gradient of f, which must return one number.

    `argnums` says which positional arguments to differentiate by: the gradient has the structure and the shapes of
    that argument, or is a tuple where `argnums` is a sequence. With `has_aux`, f returns a pair (number, anything)
    and the result is (gradient, anything).

    >>> grad(lambda w: w["a"] ** 2 * w["b"])({"a": 3.0, "b": 2.0})
    {'a': 12.0, 'b': 9.0}
    >>> grad(grad(grad(lambda x: x ** 4)))(1.0)
    24.0

    Raises TypeError where f does not return one number or an argument is not made of numbers, ValueError where
    `argnums` asks for an argument that is not there.
    """
    both: Function = value_and_grad(f, argnums, has_aux)

    @_named("grad", f)
    def gradient_of(*args: Any, **keywords: Any) -> Any:
        value, gradients = both(*args, **keywords)
        return (gradients, value[1]) if has_aux else gradients

    return gradient_of


def value_and_grad(f: Callable[P, R], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, tuple[R, Any]]:
    """The function that gives the pair (value, gradient); with `has_aux`, ((value, anything), gradient).

    It is what SciPy's `minimize(..., jac=True)` takes. Arguments and errors are those of `grad`.

    >>> value_and_grad(lambda x: x @ x)(np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """
    argnums = _checked(f, argnums)

    @_named("value_and_grad", f)
    def value_and_gradient_of(*args: Any, **keywords: Any) -> Any:
        inputs = _Inputs(f, args, argnums)
        result, aux = _split(f, inputs.call(f, keywords), has_aux)
        y = _scalar(f, result)
        if inputs.are_numbers_for([y]):
            derivatives = jacobians.backward([y], inputs.nodes)[0].tolist()
            value: Any = _number(y)
            aux = _numbers(aux)
        else:
            value = y if is_value(y) else Value(y)
            derivatives = pull([(value, 1.0)], inputs.nodes)
        return ((value, aux) if has_aux else value), inputs.rebuild(derivatives)

    return value_and_gradient_of


def jacobian(f: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]:
    """The function that gives the derivatives of every output of f by every input.

    For each array or number that f returns (of shape s) there is one structure like the argument, in which an array
    of shape t became one of shape s + t; `argnums` and `has_aux` are as in `grad`. It goes forward or backward through
    the graph, whichever takes fewer operations; `jacfwd` and `jacrev` insist on one.

    >>> jacobian(lambda x: x ** 2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(f, argnums, has_aux, "jacobian")


def jacfwd(f: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]:
    """As `jacobian`, always in forward mode: tangents of all inputs go through the graph in one sweep.

    >>> jacfwd(lambda x: [x, x ** 2, x ** 3])(2.0)
    [1.0, 4.0, 12.0]
    """
    return _jacobian(f, argnums, has_aux, "jacfwd")


def jacrev(f: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]:
    """As `jacobian`, always in reverse mode: one backward pass for each output.

    >>> jacrev(lambda x: [x, x ** 2, x ** 3])(2.0)
    [1.0, 4.0, 12.0]
    """
    return _jacobian(f, argnums, has_aux, "jacrev")


def _jacobian(f: Callable[P, object], argnums: Argnums, has_aux: bool, kind: str) -> Callable[P, Any]:
    argnums = _checked(f, argnums)

    @_named(kind, f)
    def jacobian_of(*args: Any, **keywords: Any) -> Any:
        inputs = _Inputs(f, args, argnums)
        result, aux = _split(f, inputs.call(f, keywords), has_aux)
        outputs = _outputs(f, result)
        forward = kind == "jacfwd" or (kind == "jacobian" and jacobians.forward_is_cheaper(outputs, inputs.nodes))
        if inputs.are_numbers_for(outputs):
            aux = _numbers(aux)
            matrix = (jacobians.columns if forward else jacobians.backward)(outputs, inputs.nodes)
        else:
            matrix = (jacobians.graph_columns if forward else jacobians.graph_rows)(outputs, inputs.nodes)
        found = jacobians.in_blocks(matrix, result, inputs.tree)
        return (found, aux) if has_aux else found

    return jacobian_of


def hessian(f: Callable[P, object], argnums: Argnums = 0, has_aux: bool = False) -> Callable[P, Any]:
    """The function that gives the second derivatives of f, which must return one number: the Jacobian of `grad`.

    For an array of shape s the result has shape s + s; structures nest, as in {"a": {"a": ..., "b": ...}, ...}. It is
    symmetric: one triangle is computed.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    argnums = _checked(f, argnums)

    @_named("hessian", f)
    def hessian_of(*args: Any, **keywords: Any) -> Any:
        inputs = _Inputs(f, args, argnums)
        result, aux = _split(f, inputs.call(f, keywords), has_aux)
        y = _scalar(f, result)
        slopes = pull([(y, 1.0)], inputs.nodes) if is_value(y) else [0.0] * len(inputs.nodes)
        if inputs.are_numbers_for([y]):
            aux = _numbers(aux)
            forward = jacobians.forward_is_cheaper(slopes, inputs.nodes)
            matrix = (jacobians.columns if forward else jacobians.backward)(slopes, inputs.nodes)
        else:
            matrix = jacobians.graph_rows(slopes, inputs.nodes, triangle=True)
        below = np.tril_indices(len(matrix), -1)
        matrix[below] = matrix.T[below]
        found = jacobians.in_blocks(matrix, inputs.tree, inputs.tree)
        return (found, aux) if has_aux else found

    return hessian_of


@overload
def jvp(f: Callable[..., R], primals: Arguments, tangents: Arguments,
        has_aux: Literal[False] = False) -> tuple[R, R]: ...
@overload
def jvp(f: Callable[..., tuple[R, Aux]], primals: Arguments, tangents: Arguments,
        has_aux: Literal[True]) -> tuple[R, R, Aux]: ...


def jvp(f: Function, primals: Arguments, tangents: Arguments, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of f at the arguments `primals` and its derivative in the direction `tangents`: forward mode.

    `primals` holds the positional arguments of f and `tangents` one tangent of the same structure for each. Returns
    (value, tangent of the value), and what else f returned with `has_aux`. One sweep, however many outputs.

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)

    Raises TypeError where primals or tangents are not sequences of numbers, ValueError where they do not match.
    """
    _checked(f, 0)
    for name, sequence in (("primals", primals), ("tangents", tangents)):
        if not isinstance(sequence, (tuple, list)):
            raise TypeError(f"jvp takes its {name} as a tuple with one entry for each argument of f, "
                            f"not {type(sequence).__name__}")
    inputs = _Inputs(f, tuple(primals), tuple(range(len(primals))))
    directions = _matching("tangents", tuple(tangents), "primals", tuple(primals))
    result, aux = _split(f, inputs.call(f, {}), has_aux)
    outputs = _outputs(f, result)
    rebuild = trees.flatten(result)[1]
    if inputs.are_numbers_for(outputs) and not any(map(is_value, directions)):
        aux = _numbers(aux)
        values: list[Any] = [_number(y) for y in outputs]
        column = np.array(directions, dtype=float).reshape(-1, 1)
        pushed = jacobians.forward(outputs, inputs.nodes, column)[:, 0].tolist()
    else:
        values = [y if is_value(y) else Value(y) for y in outputs]
        pushed = jacobians.push_graph(values, inputs.nodes, directions)
    answer = (rebuild(values), rebuild(pushed))
    return (*answer, aux) if has_aux else answer


@overload
def vjp(f: Callable[..., R], *primals: Any,
        has_aux: Literal[False] = False) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(f: Callable[..., tuple[R, Aux]], *primals: Any,
        has_aux: Literal[True]) -> tuple[R, Callable[[Any], tuple[Any, ...]], Aux]: ...


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of f and the function that pulls a cotangent of the value back to every argument: reverse mode.

    Returns (value, pullback), and what else f returned with `has_aux`. The pullback takes one cotangent of the
    structure of the value and returns a tuple with one entry for each argument; it can be called many times.

    >>> value, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> value, pullback(1.0)
    (6.0, (3.0, 2.0))
    """
    _checked(f, 0)
    inputs = _Inputs(f, primals, tuple(range(len(primals))))
    result, aux = _split(f, inputs.call(f, {}), has_aux)
    outputs = _outputs(f, result)
    rebuild = trees.flatten(result)[1]
    plain = inputs.are_numbers_for(outputs)
    values = [_number(y) if plain else y if is_value(y) else Value(y) for y in outputs]

    def pullback(cotangent: Any) -> Any:
        seeds = _matching("a cotangent", cotangent, "the value of f", result)
        if plain and not any(map(is_value, seeds)):
            total = sum(y * seed for y, seed in zip(outputs, seeds) if is_value(y))
            return inputs.rebuild(jacobians.backward([total], inputs.nodes)[0].tolist())
        pairs = [(y, seed) for y, seed in zip(outputs, seeds) if is_value(y)]
        return inputs.rebuild(pull(pairs, inputs.nodes) if pairs else [type(node)(0.0) for node in inputs.nodes])

    answer = (rebuild(values), pullback)
    return (*answer, _numbers(aux) if plain else aux) if has_aux else answer


def hvp(f: Function, primals: Arguments, tangents: Arguments, argnums: Argnums = 0) -> Any:
    """The product of the Hessian of f with a vector, from one graph of a few times the size of f's and no Hessian.

    It is the derivative of the gradient by `argnums` in the direction `tangents`, `jvp(grad(f), primals, tangents)[1]`
    in JAX's words, taken the cheaper way round: the gradient of the directional derivative.

    >>> hvp(lambda x: x[0] ** 2 * x[1], (np.array([3.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([4., 6.])
    """
    def slope(*args: Any) -> Any:
        y, tangent = jvp(f, args, tangents)
        _scalar(f, y)
        return tangent

    if not isinstance(primals, (tuple, list)):
        raise TypeError("hvp takes its primals as a tuple with one entry for each argument of f, "
                        f"not {type(primals).__name__}")
    return grad(_named("f", f)(slope), argnums)(*primals)


class _Inputs:
    """The arguments of one call, with a node of its own for each number that is differentiated by."""

    def __init__(self, f: Function, args: tuple[Any, ...], argnums: Argnums) -> None:
        positions = _positions(f, argnums, len(args))
        self.began = now()
        self.tree = tuple(args[position] for position in positions)
        if isinstance(argnums, int):
            self.tree = self.tree[0]
        numbers, self.rebuild = trees.flatten(self.tree)
        role = f"an element of argument {' or '.join(map(str, positions))} of {_name(f)}"
        kinds = set(map(type, numbers))
        self.are_numbers = not any(issubclass(kind, registry.kinds) for kind in kinds)
        self.nodes = [*map(Value, numbers)] if kinds == {float} else [
            number.apply(TABLE["mul"], (number, 1.0)) if is_value(number) else Value(real(number, role))
            for number in numbers]
        replaced = self.rebuild(self.nodes)
        parts = (replaced,) if isinstance(argnums, int) else replaced
        self.args = list(args)
        for position, part in zip(positions, parts):
            self.args[position] = part

    def call(self, f: Function, keywords: dict[str, Any]) -> Any:
        with recording.differentiating():
            return f(*self.args, **keywords)

    def are_numbers_for(self, outputs: Sequence[Any]) -> bool:
        """Whether plain numbers can be the answer: no input is a Value, and no output depends on an older one."""
        stamps = map(_stamp, leaves(*filter(is_value, outputs)))
        return self.are_numbers and min(stamps, default=self.began) >= self.began


def now() -> int:
    """A point in time that divides the leaves made before from those made after: assigning a leaf moves the clock."""
    clock = Value(0.0)
    clock.data = 0.0
    return clock.stamp


def _number(y: Any) -> float:
    return y.data if is_value(y) else float(y)


def _checked(f: Function, argnums: Argnums) -> Argnums:
    if not callable(f):
        raise TypeError(f"a transform takes a function, not {type(f).__name__}")
    try:
        if isinstance(argnums, (tuple, list)):
            return tuple(map(operator.index, argnums))
        return operator.index(argnums)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"argnums is the position of an argument or a tuple of positions, not {argnums!r}") from None


def _positions(f: Function, argnums: Argnums, count: int) -> list[int]:
    positions = [argnums] if isinstance(argnums, int) else list(argnums)
    for position in positions:
        if not -count <= position < count:
            raise ValueError(f"argnums asks for argument {position} of {_name(f)}, which got {count} positional "
                             f"argument{'s' * (count != 1)}: count from 0")
    positions = [position % count for position in positions]
    if len(set(positions)) < len(positions):
        raise ValueError(f"argnums names an argument of {_name(f)} twice: {argnums}")
    return positions


def _name(f: Function) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def _named(kind: str, f: Function) -> Callable[[Function], Function]:
    """Give a derivative the name and the text of its function, as far as it has them."""
    def name(derivative: Function) -> Function:
        functools.update_wrapper(derivative, f)
        derivative.__name__ = f"{kind}({_name(f)})" if kind != "f" else _name(f)
        return derivative

    return name


def _split(f: Function, result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"with has_aux=True {_name(f)} must return a pair (result, anything), "
                        f"not {type(result).__name__}")
    return result


def _scalar(f: Function, result: Any) -> Any:
    """The one number that a function returned, as a Value or a float."""
    if isinstance(result, np.ndarray) and result.ndim == 0:
        result = result.item()
    if is_value(result):
        return result
    shape = f"an array of shape {result.shape}" if isinstance(result, np.ndarray) else f"a {type(result).__name__}"
    if isinstance(result, (np.ndarray, list, tuple, dict)):
        raise TypeError(f"{_name(f)} returned {shape}, and a gradient needs one number: "
                        "use jacobian, or add the results up")
    return real(result, f"the result of {_name(f)}")


def _outputs(f: Function, result: Any) -> list[Any]:
    """All numbers that a function returned, as Values or floats."""
    return [value_or_real(y, f"the result of {_name(f)}") for y in trees.flatten(result, strict=True)[0]]


def _numbers(tree: Any) -> Any:
    """What a function returned besides, with numbers for the Values of this call."""
    entries, rebuild = trees.flatten(tree)
    if not any(map(is_value, entries)):
        return tree
    return rebuild([entry.data if is_value(entry) else entry for entry in entries])


def _matching(name: str, tree: Any, pattern_name: str, pattern: Any) -> list[Any]:
    """The numbers of a tree that must have the structure and the shapes of another one."""
    for entry, expected in zip(trees.flatten(tree, strict=True)[0], trees.flatten(pattern, strict=True)[0]):
        if trees.is_static(entry) and not trees.is_static(expected):
            real(entry, f"an element of {name}")
    numbers, _ = trees.flatten(tree)
    if trees.outline(tree) != trees.outline(pattern):
        raise ValueError(f"{name} must have the structure and the shapes of {pattern_name}: "
                         f"{trees.outline(pattern)}, not {trees.outline(tree)}")
    return [value_or_real(number, f"an element of {name}") for number in numbers]
