"""Neurons, layers and multilayer perceptrons: each is one formula over its parameters, which are Values.

A neuron computes activation(w1 x1 + ... + wn xn + b). Call a network on the features of one example, build a loss out
of what it returns, and call `backward()`. `apply` is the same formula for parameters from elsewhere, so a whole
training step can be traced into a Program, or given to SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, Union

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini._core.kinds import Row, Seed
from autograd_mini._core.recording import scope
from autograd_mini._core.value import Value
from autograd_mini.functions import relu, sigmoid, sin, softplus, tanh


def linear(z: Any) -> Any:
    """z itself: no activation."""
    return z


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": linear, "relu": relu, "sigmoid": sigmoid, "sin": sin, "softplus": softplus, "tanh": tanh,
}
Activation = Union[str, Callable[[Any], Any]]
Output = TypeVar("Output")


class Network(Generic[Output]):
    """What neurons, layers and perceptrons share: parameters in one order, as Values and as an array."""

    inputs: int
    _parameters: list[Value]

    def apply(self, parameters: Row, x: Row) -> Any:
        """The output for one example, with these numbers or Values as parameters."""
        raise NotImplementedError

    def __call__(self, x: Row) -> Output:
        """The output for the features of one example, as a graph over the network's own parameters.

        Its layers and neurons are scopes, which pictures fold; noting them takes time, which `apply` does not.
        """
        if len(x) != self.inputs:
            raise ValueError(f"the network takes {self.inputs} inputs, and the example has {len(x)}")
        return self._run(x)

    def _run(self, x: Row) -> Output:
        return self.apply(self._parameters, x)

    def parameters(self) -> list[Value]:
        """Every weight and bias, in the order in which `apply` takes them."""
        return list(self._parameters)

    @property
    def numbers(self) -> np.ndarray:
        """The numbers of all parameters, shape (count,); assigning such an array changes the network."""
        return np.array([parameter.data for parameter in self._parameters])

    @numbers.setter
    def numbers(self, numbers: ArrayLike) -> None:
        array = np.asarray(numbers, dtype=float)
        if array.shape != (len(self._parameters),):
            raise ValueError(f"the network has {len(self._parameters)} parameters, not an array of shape {array.shape}")
        for parameter, number in zip(self._parameters, array.tolist()):
            parameter.data = number


class Neuron(Network[Value]):
    """activation(w1 x1 + ... + wn xn + b).

    >>> neuron = Neuron(2, "linear")
    >>> neuron.numbers = [2.0, -1.0, 0.5]            # w1, w2, b
    >>> neuron([1.0, 3.0]).data
    -0.5

    `activation` is a name in `ACTIVATIONS` or a function of a Value. Weights start normally distributed, with a
    standard deviation of sqrt(2 / inputs) for relu (He et al., 2015) and sqrt(1 / inputs) for all others (LeCun et al.,
    1998), biases at 0; `seed` is a number or a NumPy Generator.
    """

    def __init__(self, inputs: int, activation: Activation = "tanh", seed: Seed = 0) -> None:
        self.inputs = _count(inputs, "inputs")
        self.activation = _activation(activation)
        spread = math.sqrt((2 if activation == "relu" else 1) / inputs)
        weights = np.random.default_rng(seed).normal(scale=spread, size=inputs)
        self._parameters = [*(Value(w, f"w{i}") for i, w in enumerate(weights, 1)), Value(0.0, "b")]

    def apply(self, parameters: Row, x: Row) -> Any:
        z = parameters[self.inputs]
        for w_i, x_i in zip(parameters, x):
            z = z + w_i * x_i
        return self.activation(z)


class Layer(Network[list[Value]]):
    """Neurons side by side: from a list of inputs to a list of outputs.

    >>> [output.data for output in Layer(2, 3, "relu")([0.0, 0.0])]
    [0.0, 0.0, 0.0]
    """

    def __init__(self, inputs: int, outputs: int, activation: Activation = "tanh", seed: Seed = 0) -> None:
        generator = np.random.default_rng(seed)
        self.inputs = _count(inputs, "inputs")
        self.neurons = [Neuron(inputs, activation, generator) for _ in range(_count(outputs, "outputs"))]
        self._parameters = _named("neuron", self.neurons)

    def apply(self, parameters: Row, x: Row) -> list[Any]:
        width = self.inputs + 1
        return [neuron.apply(parameters[i * width:(i + 1) * width], x) for i, neuron in enumerate(self.neurons)]

    def _run(self, x: Row) -> list[Value]:
        outputs = []
        for place, neuron in enumerate(self.neurons, 1):
            with scope(f"neuron{place}"):
                outputs.append(neuron(x))
        return outputs


class MLP(Network[Any]):
    """A multilayer perceptron: layers of the given sizes, one after another; a single output comes without a list.

    >>> net = MLP(2, [8, 8, 1], seed=1)
    >>> len(net.parameters()), type(net([0.5, -0.5])).__name__, net.parameters()[0].name
    (105, 'Value', 'layer1.neuron1.w1')

    `activation` is that of the hidden layers, `output` that of the last one.
    """

    def __init__(self, inputs: int, sizes: Sequence[int], activation: Activation = "tanh",
                 output: Activation = "linear", seed: Seed = 0) -> None:
        if not isinstance(sizes, (list, tuple, np.ndarray)) or not len(sizes):
            raise ValueError(f"sizes is a list with the size of every layer, at least one layer, such as [8, 1], "
                             f"not {sizes!r}")
        generator = np.random.default_rng(seed)
        self.inputs = _count(inputs, "inputs")
        widths = [inputs, *sizes]
        self.layers = [Layer(widths[i], widths[i + 1], activation if i < len(sizes) - 1 else output, generator)
                       for i in range(len(sizes))]
        self._parameters = _named("layer", self.layers)

    def apply(self, parameters: Row, x: Row) -> Any:
        start = 0
        for layer in self.layers:
            end = start + len(layer.neurons) * (layer.inputs + 1)
            x = layer.apply(parameters[start:end], x)
            start = end
        return x[0] if len(x) == 1 else x

    def _run(self, x: Row) -> Any:
        for place, layer in enumerate(self.layers, 1):
            with scope(f"layer{place}"):
                x = layer(x)
        return x[0] if len(x) == 1 else x


def _named(kind: str, parts: Sequence[Network[Any]]) -> list[Any]:
    """The parameters of all parts, each with the name of its part before its own."""
    for place, part in enumerate(parts, 1):
        for parameter in part.parameters():
            parameter.name = f"{kind}{place}.{parameter.name}"
    return [parameter for part in parts for parameter in part.parameters()]


def _count(number: Any, what: str) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
        raise ValueError(f"{what} is a number of neurons, 1 or more, not {number!r}")
    return int(number)


def _activation(activation: Activation) -> Callable[[Any], Any]:
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise ValueError(f"an activation is a function or one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    return activation
