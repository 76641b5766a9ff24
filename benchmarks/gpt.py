"""The GPT of examples/gpt.py, one step: our Values, its Programs, and a Value class of plain Python in their place."""

from __future__ import annotations

import importlib.util
import math
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from autograd_mini import Value

from .timing import compare, table


class Plain:
    """A number of a graph as such programs define it: children, local derivatives, a recursive sort."""

    __slots__ = ("data", "grad", "_children", "_slopes")

    def __init__(self, data: float, children: tuple[Plain, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad, self._children, self._slopes = data, 0.0, children, slopes

    def __add__(self, other: Any) -> Plain:
        if isinstance(other, Plain):
            return Plain(self.data + other.data, (self, other), (1.0, 1.0))
        return Plain(self.data + other, (self,), (1.0,))

    def __mul__(self, other: Any) -> Plain:
        if isinstance(other, Plain):
            return Plain(self.data * other.data, (self, other), (other.data, self.data))
        return Plain(self.data * other, (self,), (other,))

    def __pow__(self, power: float) -> Plain:
        return Plain(self.data ** power, (self,), (power * self.data ** (power - 1),))

    def log(self) -> Plain:
        return Plain(math.log(self.data), (self,), (1 / self.data,))

    def exp(self) -> Plain:
        raised = math.exp(self.data)
        return Plain(raised, (self,), (raised,))

    def relu(self) -> Plain:
        return Plain(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Plain: return self * -1.0
    def __radd__(self, other: float) -> Plain: return self + other
    def __rmul__(self, other: float) -> Plain: return self * other
    def __sub__(self, other: Any) -> Plain: return self + -other
    def __rsub__(self, other: float) -> Plain: return -self + other
    def __truediv__(self, other: Any) -> Plain: return self * other ** -1

    def backward(self) -> None:
        order: list[Plain] = []
        met: set[Plain] = set()

        def visit(node: Plain) -> None:
            if node not in met:
                met.add(node)
                for child in node._children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, slope in zip(node._children, node._slopes):
                child.grad += slope * node.grad


def example() -> ModuleType:
    """The module examples/gpt.py."""
    path = Path(__file__).parents[1] / "examples" / "gpt.py"
    spec = importlib.util.spec_from_file_location("gpt_example", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    gpt = example()
    alphabet, documents = gpt.documents_of(Path(gpt.__file__).with_name("names.txt"))
    tokens = next(document for document in documents if len(document) == 8)

    def gradients(kind: Any) -> Any:
        state = gpt.parameters(alphabet.count, kind)

        def step() -> float:
            found = gpt.loss(state, tokens)
            found.backward()
            return float(found.data)

        return step

    arrays = {name: gpt.np.array([[entry.data for entry in row] for row in matrix])
              for name, matrix in gpt.parameters(alphabet.count, Plain).items()}
    started = time.perf_counter()
    programs = gpt.Steps()
    programs(arrays, tokens)
    ready = time.perf_counter() - started
    timings = compare({"Values": gradients(Value), "a Value class of plain Python": gradients(Plain),
                       "its Program": lambda: programs(arrays, tokens)}, "Values", rounds=9)
    size = sum(array.size for array in arrays.values())
    print(table(f"A GPT of {size:,} parameters: loss and gradient of a name of 6 letters (the Program is ready after "
                f"{ready:.2f} s)", ["by", "a step", "times our Values"],
                [[name, f"{timing.median * 1e3:.2f} ms", f"{timing.ratio:.3g}"] for name, timing in timings.items()]))
    print(table("1,000 steps with Adam", ["by", "seconds"], [
        [name, f"{_seconds(train, gpt.parameters(alphabet.count), documents, 1000):.1f}"]
        for name, train in (("Values", gpt.train), ("Programs, tracing them included", gpt.train_traced))]))


def _seconds(train: Any, *given: Any) -> float:
    started = time.perf_counter()
    train(*given)
    return time.perf_counter() - started
