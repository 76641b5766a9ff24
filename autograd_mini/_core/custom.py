"""Derivative rules of the user's own: black boxes with a rule, and numbers that count as constants.

A formula that can be written in the table's operations is better off as a row, see `autograd_mini.primitive`; what is
here serves functions that cannot, such as a SciPy function or the solution of an equation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Optional, TypeVar

from autograd_mini._core import registry, trees
from autograd_mini._core.kinds import Function
from autograd_mini._core.numbers import real
from autograd_mini._core.rows import BUILT_IN, TABLE, Real, primitive

T = TypeVar("T")


def stop_gradient(x: T) -> T:
    """The same numbers, which count as constants: derivatives of every order by them are 0.

    x is a number, a Value, an array, or any nesting of lists, tuples and dicts of them.

    >>> from autograd_mini import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    entries, rebuild = trees.flatten(x)
    return rebuild([TABLE["stop_gradient"](entry) for entry in entries])


def custom_gradient(f: Callable[..., Any], rule: Callable[..., Any], name: Optional[str] = None,
                    operands: Optional[int] = None, **columns: Any) -> Function:
    """A function of Values with the values of f, which may be any code over floats, and the derivatives of `rule`.

    `rule(y, *operands)` is given the result and the operands and returns the derivative by each operand: a tuple, or
    one number where there is one operand. Write it with operators and functions of autograd_mini, those made by
    `custom_gradient` included; then it can be differentiated itself, to any order. A rule that needs bare floats works
    too, for first derivatives only. `operands` says how many there are where f's signature doesn't.

    `columns` are those of a row, such as `exact=` or `c=`.

    `name` (default: f's own) is what texts and pictures show. The row behind the function is the function's own and
    goes with it; a pickled graph finds it by import, so make the function at the top of a module to pickle.

    The cube root as the solution y of y**3 = a. The implicit function theorem gives its derivative, 1 / (3 y**2):

    >>> from autograd_mini import grad
    >>> from scipy.optimize import brentq
    >>> root = custom_gradient(lambda a: brentq(lambda y: y ** 3 - a, 0, 10, xtol=1e-15),
    ...                        lambda y, a: 1 / (3 * y ** 2), name="root")
    >>> round(grad(root)(8.0), 12), round(grad(grad(root))(8.0), 12)   # 1/12 and -1/144
    (0.083333333333, -0.006944444444)

    Raises TypeError where f or rule is no function, where the rule returns another number of derivatives than there
    are operands, and where a rule that needs bare floats is to be differentiated.
    """
    for role, function in (("f", f), ("rule", rule)):
        if not callable(function):
            raise TypeError(f"custom_gradient takes two functions, and its {role} is of type {type(function).__name__}")
    count = operands if operands is not None else _count(f, rule)
    if name is None:
        name = _name_of(f)
        name += "_" * (name in BUILT_IN)  # f may be another library's function of the same name

    def derivative(position: int, y: Any, *numbers: Any) -> Any:
        shares = _derivatives(name, rule, y, numbers)
        if len(shares) != count:
            raise TypeError(f"the rule of {name!r} returned {len(shares)} derivatives for {count} operands")
        share = shares[position]
        return real(share, f"the rule of {name!r}") if type(y) is Real and type(share) is not Real else share

    def by(position: int) -> Callable[..., Any]:
        return lambda y, *numbers: derivative(position, y, *numbers)

    return registry.function_of(primitive(name, lambda *numbers: real(f(*numbers), f"the result of {name!r}"),
                                          [by(position) for position in range(count)], named=False, **columns))


def _derivatives(name: str, rule: Callable[..., Any], y: Any, numbers: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        shares = rule(y, *numbers)
    except TypeError as error:
        if type(y) is not Real:
            raise TypeError(f"the rule of {name!r} needs bare floats, so it gives first derivatives only: write it "
                            f"with operators and functions of autograd_mini to differentiate it ({error})") from error
        shares = rule(y.number, *[number.number for number in numbers])
    return tuple(shares) if isinstance(shares, (tuple, list)) else (shares,)


def _count(f: Callable[..., Any], rule: Callable[..., Any]) -> int:
    """How many operands a function takes, by its own signature or by that of its rule."""
    for function, others in ((f, 0), (rule, 1)):
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            continue
        kinds = [parameter.kind for parameter in parameters]
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            required = [p for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
            return len(required) - others
    raise TypeError("custom_gradient cannot tell from the signatures how many operands there are: say operands=2")


def _name_of(f: Callable[..., Any]) -> str:
    name = getattr(f, "__name__", "")
    if not name.isidentifier():
        return "custom"
    return f"{name}_2" if name in BUILT_IN else name
