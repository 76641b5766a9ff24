"""Ways down a slope: gradient descent, Adam, AdamW and, through SciPy, L-BFGS.

Three ways to use them. `optimiser.step(loss)` does a whole step of Values: backward pass and assignment. After
`loss.backward()`, `optimiser.step(parameters)` assigns the parameters. With functions,
`minimise(value_and_gradient, start, optimiser)` takes anything that returns the pair, such as `value_and_grad(f)` or a
Program over data.

A gradient moves a parameter once: `step` uses it up (`grad` is None again). What an earlier backward pass left behind
moves no parameter either: the gradient by the last loss is 0 where it does not reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Optional, Protocol, Union

import numpy as np

from autograd_mini._core import registry, trees as structure
from autograd_mini._core.extras import library
from autograd_mini._core.graph import leaves
from autograd_mini._core.kinds import HasParameters, Nested
from autograd_mini._core.numbers import real

Rate = Union[float, Callable[[int], float]]


class Optimiser(Protocol):
    """Anything that says where to go next from where one is and the gradient there."""

    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray: ...


class _Steps:
    """What the optimisers share; each adds `direction`, and says how many numbers it remembers of a parameter.

    `rate` is a number, which may be assigned between steps, or a function of the steps done so far. The gradient is
    first shortened to the Euclidean norm `clip`; then `weight_decay` times the parameter is added to it.
    """

    remembered: int

    def __init__(self, rate: Rate, weight_decay: float, clip: Optional[float]) -> None:
        self.rate = rate if callable(rate) else _positive(rate, "rate")
        self.weight_decay = real(weight_decay, "weight_decay")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is a finite number, 0 or more, not {weight_decay!r}")
        self.clip = None if clip is None else _positive(clip, "clip")
        self.steps = 0
        self._places: dict[Any, int] = {}
        self._memory: np.ndarray = np.zeros((self.remembered, 0))

    def direction(self, slopes: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """What `rate` multiplies, of shape (n,); `memory`, of shape (remembered, n), is brought up to date."""
        raise NotImplementedError

    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """The next point after `numbers`, where the gradient is `slopes`; both of one shape, at every step the same."""
        numbers, slopes = np.asarray(numbers, dtype=float), np.asarray(slopes, dtype=float)
        if self._memory.shape[1] == 0:
            self._memory = np.zeros((self.remembered, numbers.size))
        if not self._memory.shape[1] == numbers.size == slopes.size:
            raise ValueError(f"this optimiser walks with {self._memory.shape[1]} numbers, not with {numbers.size} and "
                             f"{slopes.size} slopes: use a new one")
        return self._move(numbers.ravel(), slopes.ravel(), self._memory).reshape(numbers.shape)

    def step(self, loss: Union[Nested, HasParameters],
             parameters: Union[Nested, HasParameters, None] = None) -> None:
        """One step: of `step(loss)`, or of `step(parameters)` by the gradients that `loss.backward()` left in them.

        `parameters` are Values in any nesting of lists, tuples, dicts and arrays, or a network. Those that the loss
        does not depend on have the gradient 0. `step(loss)` without them moves every leaf that is in the loss or was
        in an earlier one; numbers that are data are left as floats.

        Raises ValueError where no parameter has a gradient or one is given twice, FloatingPointError for a gradient
        that is not finite: no parameter is moved then.
        """
        root: Any = loss
        if registry.is_value(root) and (parameters is not None or root.operation is not None):
            moved = structure.values(parameters, "a parameter") or [*dict.fromkeys([*self._places, *leaves(root)])]
            root.backward(moved)
        elif parameters is not None:
            raise TypeError(f"the loss must be a Value, not {type(loss).__name__}")
        else:
            moved = structure.values(loss, "a parameter")
        slopes = self._slopes(moved)
        places = [self._places.setdefault(parameter, len(self._places)) for parameter in moved]
        missing = len(self._places) - self._memory.shape[1]
        if missing > 0:
            self._memory = np.pad(self._memory, ((0, 0), (0, missing)))
        memory = self._memory[:, places]
        numbers = self._move(np.array([parameter.data for parameter in moved]), slopes, memory)
        self._memory[:, places] = memory
        for parameter, number in zip(moved, numbers.tolist()):
            parameter.data, parameter.grad = number, None

    def _slopes(self, parameters: list[Any]) -> np.ndarray:
        if len(set(parameters)) < len(parameters):
            raise ValueError("a parameter is given twice")
        for parameter in parameters:
            if parameter.operation is not None:
                raise TypeError(f"a parameter is a leaf, not the result of {parameter.operation.name!r}")
            if parameter.grad is not None and not math.isfinite(parameter.grad):
                raise FloatingPointError(f"the gradient of {_called(parameter)} is {parameter.grad}: choose a smaller "
                                         "rate, or see autograd_mini.diagnose")
        if parameters and all(parameter.grad is None for parameter in parameters):
            raise ValueError(f"the parameter {_called(parameters[0])} has no gradient, nor has any other: a step uses "
                             "them up; call backward() on a loss that depends on them first")
        last = max((parameter._pass for parameter in parameters if parameter.grad is not None), default=0.0)
        return np.array([parameter.grad or 0.0 if parameter._pass == last else 0.0 for parameter in parameters])

    def _move(self, numbers: np.ndarray, slopes: np.ndarray, memory: np.ndarray) -> np.ndarray:
        rate = _positive(self.rate(self.steps), "rate", least=0.0) if callable(self.rate) else self.rate
        self.steps += 1
        if self.clip is not None:
            slopes = slopes * min(1.0, self.clip / max(float(np.linalg.norm(slopes)), self.clip))
        return self._down(numbers, slopes, memory, rate)

    def _down(self, numbers: np.ndarray, slopes: np.ndarray, memory: np.ndarray, rate: float) -> np.ndarray:
        return numbers - rate * self.direction(slopes + self.weight_decay * numbers, memory)


class GradientDescent(_Steps):
    """x := x - rate * v, where v := momentum * v + gradient.

    >>> from autograd_mini import Value
    >>> x = Value(3.0); optimiser = GradientDescent(rate=0.25)
    >>> optimiser.step(x * x); x.data
    1.5

    `rate` is a number or a function of the steps done; `weight_decay` and `clip` (a norm) act on the gradient first.
    """

    remembered = 1

    def __init__(self, rate: Rate = 0.1, momentum: float = 0.0, weight_decay: float = 0.0,
                 clip: Optional[float] = None) -> None:
        super().__init__(rate, weight_decay, clip)
        self.momentum = _share(momentum, "momentum")

    def direction(self, slopes: np.ndarray, memory: np.ndarray) -> np.ndarray:
        memory[0] = self.momentum * memory[0] + slopes
        return memory[0]


class Adam(_Steps):
    """Steps of about `rate` in every coordinate, by running means of the gradient and of its square.

    (D. P. Kingma, J. Ba, "Adam", 2015, algorithm 1.)

    >>> from autograd_mini import Value
    >>> x = Value(3.0); optimiser = Adam(rate=0.5)
    >>> optimiser.step(x * x); round(x.data, 6)
    2.5

    `rate` is a number or a function of the steps done; `weight_decay` and `clip` (a norm) act on the gradient first.
    """

    remembered = 3

    def __init__(self, rate: Rate = 0.001, decay: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8,
                 weight_decay: float = 0.0, clip: Optional[float] = None) -> None:
        super().__init__(rate, weight_decay, clip)
        self.epsilon = _positive(epsilon, "epsilon")
        try:
            first, second = decay
        except (TypeError, ValueError):
            raise TypeError(f"decay is a pair of shares, of the mean and of that of squares, not {decay!r}") from None
        self.decay = _share(first, "decay"), _share(second, "decay")

    def direction(self, slopes: np.ndarray, memory: np.ndarray) -> np.ndarray:
        first, second = self.decay
        mean, square, steps = memory
        mean[:] = first * mean + (1 - first) * slopes
        square[:] = second * square + (1 - second) * slopes ** 2
        steps += 1
        return mean / (1 - first ** steps) / (np.sqrt(square / (1 - second ** steps)) + self.epsilon)


class AdamW(Adam):
    """Adam whose weight decay shortens the parameter itself: x := (1 - rate * weight_decay) x, then Adam's step.

    (I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.)

    >>> from autograd_mini import Value
    >>> x = Value(1.0); AdamW(rate=0.5, weight_decay=0.2).step(x * x); round(x.data, 6)
    0.4
    """

    def _down(self, numbers: np.ndarray, slopes: np.ndarray, memory: np.ndarray, rate: float) -> np.ndarray:
        return (1 - rate * self.weight_decay) * numbers - rate * self.direction(slopes, memory)


class Minimum(NamedTuple):
    """Where a search ended: the point in the structure of the start, the value there, and the values on the way."""

    x: Any
    value: float
    history: list[float]


def minimise(value_and_gradient: Callable[[Any], tuple[Any, Any]], start: Any, optimiser: Optimiser, steps: int = 1000,
             tolerance: float = 0.0) -> Minimum:
    """Walk downhill from `start`, any nesting of numbers and arrays, for so many steps.

    It stops earlier where no slope is larger than `tolerance`.

    >>> from autograd_mini import value_and_grad
    >>> found = minimise(value_and_grad(lambda p: (p["a"] - 1) ** 2), {"a": 5.0}, GradientDescent(0.25), tolerance=1e-9)
    >>> round(found.x["a"], 6)
    1.0

    Raises FloatingPointError where the value is no longer finite: a sign that the rate is too large.
    """
    entries, rebuild = structure.flatten(start)
    x, history = np.array([real(entry, "an element of start") for entry in entries]), []
    for step in range(steps + 1):
        value, gradient = value_and_gradient(rebuild(x.tolist()))
        slopes = np.array(structure.flatten(gradient)[0], dtype=float)
        value = real(value, "the value")
        history.append(value)
        if not math.isfinite(value):
            raise FloatingPointError(f"the value is {value} after {step} steps: choose a smaller rate or another start")
        if step == steps or np.all(np.abs(slopes) <= tolerance):
            break
        x = optimiser.update(x, slopes)
    return Minimum(rebuild(x.tolist()), history[-1], history)


def lbfgs(value_and_gradient: Callable[[Any], tuple[Any, Any]], start: Any, steps: int = 1000,
          tolerance: float = 1e-9) -> Minimum:
    """SciPy's L-BFGS-B from `start`, any nesting of numbers and arrays, until no slope is larger than `tolerance`.

    >>> from autograd_mini import value_and_grad
    >>> found = lbfgs(value_and_grad(lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2), [-1.2, 1.0])
    >>> [round(number, 6) for number in found.x]
    [1.0, 1.0]

    Raises FloatingPointError where the search ends at a value that is not finite.
    """
    minimize = library("scipy.optimize", "lbfgs").minimize
    entries, rebuild = structure.flatten(start)
    history: list[float] = []

    def flat(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(rebuild(x.tolist()))
        return float(value), np.array(structure.flatten(gradient)[0], dtype=float)

    def watch(intermediate_result: Any) -> None:
        history.append(float(intermediate_result.fun))

    x = np.array([real(entry, "an element of start") for entry in entries])
    found = minimize(flat, x, jac=True, method="L-BFGS-B", callback=watch,
                     options={"maxiter": steps, "gtol": tolerance, "ftol": 0.0, "maxfun": 20 * steps})
    if not math.isfinite(found.fun):
        raise FloatingPointError(f"the value is {found.fun} after {found.nit} steps: choose another start")
    return Minimum(rebuild(found.x.tolist()), float(found.fun), history)


def _called(parameter: Any) -> str:
    return repr(parameter.name or parameter.data)


def _positive(number: Any, what: str, least: float = math.ulp(0.0)) -> float:
    number = real(number, what)
    if not least <= number < math.inf:
        raise ValueError(f"{what} is a positive number, not {number!r}")
    return number


def _share(number: Any, what: str) -> float:
    number = real(number, what)
    if not 0 <= number < 1:
        raise ValueError(f"{what} is at least 0 and less than 1, not {number!r}")
    return number
