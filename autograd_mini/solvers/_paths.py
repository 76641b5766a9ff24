"""Paths of ordinary differential equations by Runge-Kutta steps, whose sensitivities are derivatives of the steps.

Adaptive step lengths are numbers: a derivative is that of the path by the steps that were chosen. So derivatives are as
accurate as the path, and every order exists.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import functions as F
from autograd_mini._body.scan import scan
from autograd_mini._core import trees
from autograd_mini._core.custom import stop_gradient
from autograd_mini._core.errors import NoSolutionError
from autograd_mini._core.numbers import value_or_real
from autograd_mini.solvers._captured import Function, are_traced, hold_values, plain

Slope = Callable[[Any, Any], Any]
Carry = tuple[Any, Any, Any, Any]
"""(y, slope, time, step) in front of a step."""

_STAGES = (  # Dormand and Prince, 1980: the place of each stage in the step, and its weights of the stages before
    (1 / 5, (1 / 5,)),
    (3 / 10, (3 / 40, 9 / 40)),
    (4 / 5, (44 / 45, -56 / 15, 32 / 9)),
    (8 / 9, (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729)),
    (1.0, (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656)),
    (1.0, (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""The weights of the difference between the solutions of fifth and fourth order."""
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
"""How a step follows from the error of the one before: times 0.9 error^(-1/5), which is kept between two factors."""


def odeint(f: Function, y0: Any, t: Any, *args: Any, method: str = "rk45", rtol: float = 1e-8, atol: float = 1e-10,
           steps: int = 1, max_steps: int = 500) -> Any:
    """The path of dy/dt = f(y, t, *args) from y0 at t[0], at all times t: y's structure with a new first axis.

    It is `jax.experimental.ode.odeint`. y is a number, an array or a nesting of them and f returns the like; `t` is an
    array of times that rise or fall. With method "rk45" (Dormand and Prince) step lengths keep the local error below
    atol + rtol |y|; "rk4" takes `steps` steps of one length between each two times.

    Derivatives of every order by y0, t, the args and what f takes from around it are those of the steps that were
    taken. A traced function becomes a loop of the Program, in every executor: "rk4" one over its steps; "rk45" one that
    chooses step lengths anew in each call, `max_steps` at the most between two times, which are all carried out; where
    they do not suffice the path is nan from there on.

    >>> from autograd_mini import grad
    >>> odeint(lambda y, t: -y, 1.0, [0.0, 1.0, 2.0]).round(8)
    array([1.        , 0.36787944, 0.13533528])
    >>> round(grad(lambda rate: odeint(lambda y, t: -rate * y, 1.0, [0.0, 1.0])[-1])(2.0), 7)     # -exp(-2)
    -0.1353353

    Raises NoSolutionError (an ArithmeticError) where `max_steps` do not suffice or steps get too short, as on a path
    that leaves the numbers; TypeError and ValueError for arguments that do not fit.
    """
    if not callable(f):
        raise TypeError(f"odeint takes a function (y, t, *args) -> dy/dt first, not {type(f).__name__}")
    if method not in ("rk45", "rk4"):
        raise ValueError(f"method is 'rk45' or 'rk4', not {method!r}")
    entries, rebuild = trees.flatten(y0)
    start = trees.array_of([value_or_real(entry, "the y0 of odeint") for entry in entries], (len(entries),))
    times = _times(t)

    def slope_with(given: tuple[Any, ...]) -> Slope:
        calls = itertools.count()

        def slope(y: Any, now: Any) -> Any:
            change = f(rebuild(y.tolist()), now, *given)
            if not next(calls):
                _require_like(y0, change)
            return trees.array_of([value_or_real(entry, "a slope of odeint") for entry in trees.flatten(change)[0]],
                                  (len(start),))

        return slope

    if method == "rk4":
        path = _fixed(slope_with(args), start, times, _count(steps, "steps"))
    else:
        control = _Control(float(rtol), float(atol), _count(max_steps, "max_steps"))
        path = _adaptive(slope_with, args, start, times, control)
    shapes, restack = trees.blocks(y0)
    rows = np.array(path, dtype=object)
    return restack([trees.array_of(rows[:, span].ravel().tolist(), (len(times), *shape))
                    for span, shape in trees.spans(shapes)])


def _times(t: Any) -> list[Any]:
    array = trees.as_array(t, "t")
    times = [*array] if isinstance(array, (list, tuple, np.ndarray)) and np.ndim(array) == 1 else []
    times = [value_or_real(entry, "a time of odeint") for entry in times]
    numbers = plain(times)
    rises = {later > sooner for sooner, later in itertools.pairwise(numbers)}
    if not times or not all(map(math.isfinite, numbers)) or len(rises) > 1 or len(set(numbers)) < len(numbers):
        raise ValueError("t is an array of times that rise or fall, the first of which is that of y0")
    return times


def _count(number: Any, name: str) -> int:
    if type(number) is not int or number < 1:
        raise ValueError(f"{name} is a whole number from 1 on, not {number!r}")
    return number


def _require_like(y: Any, change: Any) -> None:
    """TypeError where dy/dt is not like y; lists, tuples and arrays of equally many numbers are alike."""
    flat = (list, tuple, np.ndarray)
    if trees.outline(change) != trees.outline(y) and not (
            isinstance(y, flat) and isinstance(change, flat) and np.shape(y) == np.shape(change)):
        raise TypeError(f"f returns dy/dt in the structure of y, {trees.outline(y)}, not {trees.outline(change)}")


# Steps of one length --------------------------------------------------------------------------------------------------

def _fixed(slope: Slope, start: Any, times: Sequence[Any], steps: int) -> list[Any]:
    def between(y: Any, ends: Any) -> tuple[Any, Any]:
        begin, end = ends
        length = (end - begin) / steps

        def step(y: Any, place: Any) -> tuple[Any, None]:
            now = begin + place * length
            first = slope(y, now)
            second = slope(y + length / 2 * first, now + length / 2)
            third = slope(y + length / 2 * second, now + length / 2)
            fourth = slope(y + length * third, now + length)
            return y + length / 6 * (first + 2 * second + 2 * third + fourth), None

        y = scan(step, y, np.arange(float(steps)))[0]
        return y, y

    if len(times) == 1:
        return [start]
    return [start, *scan(between, start, (times[:-1], times[1:]))[1]]


# Steps of chosen lengths ----------------------------------------------------------------------------------------------

class _Control(NamedTuple):
    """What step lengths are chosen by."""

    rtol: float
    atol: float
    max_steps: int

    def size(self, change: Any, *states: Any) -> Any:
        """The root mean square of a change, in parts of what is tolerated."""
        largest = functools.reduce(F.maximum, map(F.abs, states))
        parts = change / (self.atol + self.rtol * largest)
        return F.sqrt((parts * parts).sum() / len(parts))

    def first(self, y: Any, slope: Any, begin: Any, end: Any) -> Any:
        """A step to begin with, by which y changes by a hundredth (Hairer, Norsett and Wanner, II.4)."""
        state, speed = self.size(y, y), self.size(slope, y)
        is_known = F.less(1e-5, state) * F.less(1e-5, speed)
        length = F.where(is_known, 0.01 * state / F.where(is_known, speed, 1.0), 1e-6)
        return stop_gradient(F.minimum(length, F.abs(end - begin)) * F.sign(end - begin))

    def attempt(self, slope: Slope, carry: Carry, end: Any) -> tuple[Carry, Any]:
        """A step towards the end: what is carried on, and (whether it is taken, whether it is the last one)."""
        y, first, now, length = carry
        left = end - now
        is_last = F.less_equal(F.abs(left), F.abs(length))
        step = F.where(is_last, left, length)
        after, last, error = _step(slope, y, first, now, step)
        size = self.size(error, y, after)
        is_taken = F.less_equal(size, 1.0)
        factor = F.clip(_SAFETY * F.maximum(size, 1e-10) ** -0.2, _LEAST, _MOST)
        factor = F.where(F.less_equal(size, 1e10), factor, _LEAST)  # the size may be nan
        following = F.where(is_taken * is_last, length, step * factor)
        then = F.where(is_last, end, now + step)
        carry = (F.where(is_taken, after, y), F.where(is_taken, last, first), F.where(is_taken, then, now),
                 stop_gradient(following))
        return carry, (is_taken, is_last)


def _step(slope: Slope, y: Any, first: Any, now: Any, length: Any) -> tuple[Any, Any, Any]:
    """The state after a step, the slope there, and the error; `first` is the slope in front of it."""
    slopes, after = [first], y
    for place, weights in _STAGES:
        after = y + length * _weighted(weights, slopes)
        slopes.append(slope(after, now + place * length))
    return after, slopes[-1], length * _weighted(_ERROR, slopes)


def _weighted(weights: Sequence[float], slopes: Sequence[Any]) -> Any:
    return functools.reduce(operator.add, (weight * slope for weight, slope in zip(weights, slopes) if weight))


def _adaptive(slope_with: Callable[[Any], Slope], args: Any, start: Any, times: Sequence[Any],
              control: _Control) -> list[Any]:
    slope = slope_with(args)
    first = slope(start, times[0])
    if len(times) == 1:
        return [start]
    if are_traced((start, times, first)):
        return _searched(slope, first, start, times, control)
    lengths, path = _chosen(slope_with(plain(args)), plain(start), plain(times), control)
    if not hold_values((start, times, first)):
        return path
    y, path = start, [start]
    for begin, end, chosen in zip(times, times[1:], lengths):
        now = begin
        for length in chosen:
            y, first, _ = _step(slope, y, first, now, length)
            now = now + length
        y, first, _ = _step(slope, y, first, now, end - now)
        path.append(y)
    return path


def _chosen(slope: Slope, start: Any, times: Sequence[float],
            control: _Control) -> tuple[list[list[float]], list[Any]]:
    """The lengths of the steps between each two times, but for the last step, and the path as numbers."""
    def plain_slope(y: Any, now: float) -> Any:
        return np.array(plain(slope(y, now)), dtype=float)

    first = plain_slope(start, times[0])
    carry = (start, first, times[0], control.first(start, first, times[0], times[1]))
    found: list[list[float]] = []
    path = [start]
    for end in times[1:]:
        lengths: list[float] = []
        for _ in range(control.max_steps):
            _, _, now, length = carry
            if not abs(length) > 1e-15 * abs(now):
                raise NoSolutionError(f"odeint: steps get too short at t = {now:.6g}: the path ends there, or is stiff")
            carry, (is_taken, is_last) = control.attempt(plain_slope, carry, end)
            if is_taken and is_last:
                break
            if is_taken:
                lengths.append(length)
        else:
            raise NoSolutionError(f"odeint: {control.max_steps} steps lead to t = {carry[2]:.6g} only, on the way to "
                                  f"{end:.6g}: give more max_steps or times; a stiff equation needs very many")
        found.append(lengths)
        path.append(carry[0])
    return found, path


def _searched(slope: Slope, first: Any, start: Any, times: Sequence[Any], control: _Control) -> list[Any]:
    """The same where numbers are not known yet: lengths are chosen in the loop that takes the steps."""
    def between(carry: Any, end: Any) -> tuple[Any, Any]:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            return control.attempt(slope, carry, end)[0], None

        carry = scan(step, carry, length=control.max_steps)[0]
        y, _, now, _ = carry
        return carry, F.where(F.equal(now, end), y, math.nan)

    carry = (start, first, times[0], control.first(start, first, times[0], times[1]))
    return [start, *scan(between, carry, times[1:])[1]]
