"""Ways down a slope: gradient descent, Adam and, through SciPy, L-BFGS.

Two ways to use them. With Values: after `loss.backward()`, `optimiser.step(parameters)` assigns the parameters. With
functions: `minimise(value_and_gradient, start, optimiser)` takes anything that returns the pair, such as
`value_and_grad(f)` or a Program over data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograd_mini._core import trees as structure
from autograd_mini._core.numbers import real


class Optimiser(Protocol):
    """Anything that says where to go next from where one is and the gradient there."""

    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray: ...


class _Steps:
    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def step(self, parameters: Sequence[Any]) -> None:
        """Assign every parameter, a Value, by the gradient that the last `backward()` left in it."""
        for parameter in parameters:
            if parameter.grad is None:
                raise ValueError(f"the parameter {parameter.name or parameter.data!r} has no gradient: "
                                 "call backward() on a loss that depends on it first")
        moved = self.update(np.array([parameter.data for parameter in parameters]),
                            np.array([parameter.grad for parameter in parameters]))
        for parameter, number in zip(parameters, moved.tolist()):
            parameter.data = number


class GradientDescent(_Steps):
    """x := x - rate * v, where v := momentum * v + gradient.

    >>> from autograd_mini import Value
    >>> x = Value(3.0); optimiser = GradientDescent(rate=0.25)
    >>> (x * x).backward(); optimiser.step([x]); x.data
    1.5
    """

    def __init__(self, rate: float = 0.1, momentum: float = 0.0) -> None:
        self.rate, self.momentum = _positive(rate, "rate"), _share(momentum, "momentum")
        self._velocity: Any = 0.0

    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """The next point after `numbers`, where the gradient is `slopes`; both of one shape."""
        self._velocity = self.momentum * self._velocity + slopes
        return numbers - self.rate * self._velocity


class Adam(_Steps):
    """Steps of about `rate` in every coordinate, by running means of the gradient and of its square.

    (D. P. Kingma, J. Ba, "Adam", 2015, algorithm 1.)

    >>> from autograd_mini import Value
    >>> x = Value(3.0); optimiser = Adam(rate=0.5)
    >>> (x * x).backward(); optimiser.step([x]); round(x.data, 6)
    2.5
    """

    def __init__(self, rate: float = 0.001, decay: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8) -> None:
        self.rate, self.epsilon = _positive(rate, "rate"), _positive(epsilon, "epsilon")
        self.decay = _share(decay[0], "decay"), _share(decay[1], "decay")
        self._steps = 0
        self._mean: np.ndarray = np.zeros(())
        self._square: np.ndarray = np.zeros(())

    def update(self, numbers: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """The next point after `numbers`, where the gradient is `slopes`; both of one shape."""
        self._steps += 1
        first, second = self.decay
        self._mean = first * self._mean + (1 - first) * slopes
        self._square = second * self._square + (1 - second) * slopes ** 2
        mean, square = self._mean / (1 - first ** self._steps), self._square / (1 - second ** self._steps)
        return numbers - self.rate * mean / (np.sqrt(square) + self.epsilon)


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
    from scipy.optimize import minimize

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


def _positive(number: Any, what: str) -> float:
    number = real(number, what)
    if not 0 < number < math.inf:
        raise ValueError(f"{what} is a positive number, not {number!r}")
    return number


def _share(number: Any, what: str) -> float:
    number = real(number, what)
    if not 0 <= number < 1:
        raise ValueError(f"{what} is at least 0 and less than 1, not {number!r}")
    return number
