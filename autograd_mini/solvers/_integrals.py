"""Definite integrals, with derivatives by Leibniz' rule.

The integral of f(x, p) from a to b moves with its limits as f(b, p) and -f(a, p), and with p as the integral of df/dp,
which is an integral again.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Optional

from autograd_mini._body.body import Body
from autograd_mini._body.calculus import derivative
from autograd_mini._core.errors import NoSolutionError
from autograd_mini._core.extras import library
from autograd_mini._core.numbers import value_or_real
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import MOST_OPERANDS, TABLE, Primitive, primitive
from autograd_mini.solvers._captured import (
    KEPT,
    REMEMBERED,
    Function,
    Numbers,
    apply,
    capture,
    hold_values,
    plain,
    read,
)

ACCURACY = 1e-11
"""The error that SciPy is asked for, in parts of the integral."""
WORST = 1e-8
"""The estimated error that is an error, in parts of the integral of |f|."""
EXTRAPOLATED = 0.9
"""How much of it may be extrapolated: of 1/x**2 from 0 to 1 SciPy's extrapolation finds -1, without a warning."""


def quad(f: Function, a: Any, b: Any, *args: Any, points: Optional[Sequence[float]] = None, limit: int = 200) -> Any:
    """The integral of f(x, *args) over x from a to b, which may be infinite: `scipy.integrate.quad`.

    f returns one number; `args` are any nesting of numbers, arrays and what is none. `points` are places inside finite
    limits where f is not smooth, `limit` is the most intervals that it is divided into.

    Derivatives of every order by a, b, the args and what f takes from around it are Leibniz' rule: f(b), -f(a) and the
    integral of df/dp. Where a function is traced, each call of the Program integrates anew, in every executor, by
    calling back to Python. Where derivatives are wanted, f decides by `where`; they do not see a jump of f that moves
    with p: divide the integral there, the place being a limit.

    >>> from autograd_mini import exp, grad
    >>> round(quad(lambda x: exp(-x * x), -math.inf, math.inf) ** 2, 12)
    3.14159265359
    >>> round(grad(lambda s: quad(lambda x: exp(-s * x), 0, math.inf))(2.0), 12)      # of 1/s
    -0.25

    Raises NoSolutionError (an ArithmeticError) where the estimated error is beyond 1e-8 of the integral of |f|, as in
    one that diverges or oscillates too much, and where f is nan or infinite inside; TypeError where f gives no number.
    """
    if not callable(f):
        raise TypeError(f"quad takes a function first, not {type(f).__name__}")
    limits = [value_or_real(a, "the lower limit of quad"), value_or_real(b, "the upper limit of quad")]

    def of(given: tuple[Any, ...]) -> Callable[[Sequence[Any]], list[Any]]:
        def outputs(x: Sequence[Any]) -> list[Any]:
            return [value_or_real(f(x[0], *given), "the function that quad integrates")]

        return outputs

    points = None if points is None else tuple(map(float, points))
    if not hold_values(args) and not any(map(is_value, limits)):
        found: list[Any] = []

        def number(x: float) -> float:
            found[:] = [*filter(is_value, found), *of(args)([x])]
            return plain(found[-1])

        total = _integrated(number, limits[0], limits[1], points, limit)
        if not any(map(is_value, found)):
            return total
    captured = capture(of(args), [_inside(*plain(limits))], "quad", True)
    return apply(_integral(captured.body, points, limit).row, [*limits, *captured.around])


def _inside(a: float, b: float) -> float:
    """A number between two limits, any of which may be infinite."""
    if math.isinf(a) or math.isinf(b):
        return 0.0 if math.isinf(a) and math.isinf(b) else b - 1.0 if math.isinf(a) else a + 1.0
    return a + (b - a) / math.pi


def _integrated(f: Callable[[float], Any], a: float, b: float, points: Optional[tuple[float, ...]],
                limit: int) -> float:
    """The integral as a number; raises NoSolutionError where it is not found to full accuracy."""
    integrate = library("scipy.integrate", "an integral")
    if math.isnan(a) or math.isnan(b):
        raise NoSolutionError(f"quad: a limit is nan: from {a:.6g} to {b:.6g}")

    def value(x: float) -> float:
        try:
            number = float(f(x))
        except (ZeroDivisionError, OverflowError) as error:
            raise NoSolutionError(f"quad: f cannot be computed at x = {x:.6g} ({error}): divide the integral "
                                  "there") from error
        if not math.isfinite(number):
            raise NoSolutionError(f"quad: f is {number} at x = {x:.6g}: divide the integral there, or see whether it "
                                  "exists")
        return number

    def integral(g: Callable[[float], float], accuracy: float) -> tuple[float, float, bool]:
        """The integral, its error, and whether it is all but certain that it exists."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", integrate.IntegrationWarning)
            total, error, parts, *trouble = integrate.quad(g, a, b, epsabs=0.0, epsrel=accuracy, limit=limit,
                                                           points=points, full_output=1)
        found = parts["rlist"][:parts["last"]]
        if abs(total - sum(found)) > EXTRAPOLATED * sum(map(abs, found)):
            error = math.inf
        return total, error, not trouble and math.isfinite(error)

    total, error, is_certain = integral(value, ACCURACY)
    if not is_certain:
        scale = integral(lambda x: abs(value(x)), 1e-2)[0]
        if not error <= WORST * abs(scale):
            raise NoSolutionError(f"quad: the integral from {a:.6g} to {b:.6g} is not found to 8 digits: {total:.6g} "
                                  f"with an error of perhaps {error:.2g}; it may diverge, or need points= or another "
                                  "variable")
    return float(total)


class _Integral:
    """The integral of a body of one number over its first input; the others are parameters.

    Its row takes both limits and then the parameters.
    """

    def __init__(self, body: Body, points: Optional[tuple[float, ...]], limit: int) -> None:
        if body.inputs >= MOST_OPERANDS:
            raise TypeError(f"quad depends on {body.inputs - 1} Values, and {MOST_OPERANDS - 2} are the most: pass "
                            "numbers where no derivative is wanted")
        self.body, self.points, self.limit = body, points, limit
        self.value = functools.lru_cache(REMEMBERED)(self._value)
        self._numbers = Numbers(body)
        self._by: dict[int, _Integral] = {}

    @functools.cached_property
    def row(self) -> Primitive:
        partials = [self._at(0, -1.0), self._at(1, 1.0), *map(self._under, range(1, self.body.inputs))]
        return primitive("quad", self.value, partials, named=False,
                         remake=("integral", (self.body, self.points, self.limit)))

    def _value(self, *numbers: float) -> float:
        a, b, *parameters = numbers
        return _integrated(lambda x: self._numbers((x, *parameters))[0][0], a, b, self.points, self.limit)

    def _at(self, place: int, sign: float) -> Callable[..., Any]:
        """By a limit: f there, which vanishes at infinity."""
        def partial(y: Any, *operands: Any) -> Any:
            limit = operands[place]
            there = read(self.body, [limit, *operands[2:]])[0] * sign
            return TABLE["where"](TABLE["less"](TABLE["abs"](limit), math.inf), there, 0.0)

        return partial

    def _under(self, place: int) -> Callable[..., Any]:
        """By a parameter: the integral of the derivative."""
        def partial(y: Any, *operands: Any) -> Any:
            if place not in self._by:
                found = derivative(self.body, [place])
                self._by[place] = _integral(found.with_outputs(found.outputs[1:]), self.points, self.limit)
            return apply(self._by[place].row, operands)

        return partial


_integral = functools.lru_cache(KEPT)(_Integral)


def integral_row(body: Body, points: Optional[tuple[float, ...]], limit: int) -> Primitive:
    """The row of the integral of a body over its first input; ValueError where there is none."""
    if body.inputs < 1 or len(body.outputs) != 1 or type(limit) is not int or limit < 1:
        raise ValueError("this is no integral")
    return _integral(body, points, limit).row
