"""Parameters as people hold them: nestings, dataclasses, what is no number, arrays of other packages; keywords."""

import array
import enum
import math
import pickle
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import pytest

from autograd_mini import Value, exp, grad, hessian, hvp, jacobian, jvp, ravel, value_and_grad
from autograd_mini.program import trace


@dataclass(frozen=True)
class Layer:
    w: Any
    b: Any
    name: str = "layer"
    activation: Any = None

    def __post_init__(self) -> None:
        float(np.sum(np.asarray(self.w, dtype=float)))  # refuses Values: a copy must not come here


@dataclass
class Net:
    layers: list[Layer]
    scale: float = 2.0
    cache: dict = field(default_factory=dict)


Pair = namedtuple("Pair", "left right")


class Kind(enum.Enum):
    MEAN = "mean"


def output(net: Net, x: float) -> Any:
    total = 0.0
    for layer in net.layers:
        inner = sum(layer.w * x) + layer.b
        total = total + (inner if layer.activation is None else layer.activation(inner))
    return net.scale * total


NET = Net([Layer(np.array([0.5, -0.25]), 0.125), Layer(np.array([0.25]), -1.0, "last", exp)])


def test_dataclasses_go_through_grad_with_what_is_no_number():
    found = grad(output)(NET, 3.0)
    assert isinstance(found, Net) and [layer.name for layer in found.layers] == ["layer", "last"]
    assert found.layers[0].activation is None and found.layers[1].activation is exp
    assert found.layers[0].w.tolist() == [6.0, 6.0] and found.layers[0].b == 2.0
    slope = 2 * math.exp(0.75 - 1.0)
    assert math.isclose(found.layers[1].b, slope, rel_tol=1e-15)
    assert NET.layers[0].w.tolist() == [0.5, -0.25]  # the original is as it was


def test_dataclasses_are_arguments_and_results_of_programs():
    program = trace(value_and_grad(output), NET, 1.0)
    other = Net([Layer(np.array([1.0, 2.0]), 3.0), Layer(np.array([4.0]), 5.0, "last", exp)], 6.0)
    value, gradient = program(other, 0.5)
    expected, wanted = value_and_grad(output)(other, 0.5)
    assert value == expected and gradient.layers[0].w.tolist() == wanted.layers[0].w.tolist()
    assert gradient.layers[1].name == "last" and gradient.scale == wanted.scale
    assert program.map(other, [0.5, 0.25])[0].tolist() == [program(other, 0.5)[0], program(other, 0.25)[0]]
    again = pickle.loads(pickle.dumps(program))
    assert again(other, 0.5)[0] == value
    assert program.gradient is not None and "net.layers[0].w[1]" in program.input_names


def test_what_is_no_number_is_fixed_in_a_program():
    program = trace(lambda p, kind: p["x"] * (2 if p["mode"] == "twice" and kind is Kind.MEAN else 1),
                    {"x": 1.0, "mode": "twice", "seed": None}, Kind.MEAN)
    assert program({"x": 3.0, "mode": "twice", "seed": None}, Kind.MEAN) == 6.0
    assert program.map({"x": [3.0], "mode": "twice", "seed": None}, Kind.MEAN).tolist() == [6.0]
    with pytest.raises(TypeError, match=r"argument \"p\['mode'\]\" was 'twice' .* now is 'once': .*trace again"):
        program({"x": 3.0, "mode": "once", "seed": None}, Kind.MEAN)
    with pytest.raises(TypeError, match="seed"):
        program({"x": 3.0, "mode": "twice", "seed": 1.0}, Kind.MEAN)
    with pytest.raises(TypeError, match=r"Kind\.MEAN"):
        program({"x": 3.0, "mode": "twice", "seed": None}, "mean")


@pytest.mark.parametrize("tree", [
    OrderedDict(b=1.0, a=2.0), defaultdict(list, a=1.0), Pair(1.0, [2.0]), (1.0, None, "name"),
    {"f": math.sin, "x": 3.0},
])
def test_the_kind_of_container_is_kept(tree):
    found = grad(lambda t: sum(ravel(t)[0] ** 2))(tree)
    assert type(found) is type(tree)
    assert ravel(found)[0].tolist() == (2 * ravel(tree)[0]).tolist()
    if isinstance(tree, defaultdict):
        assert found["unknown"] == []


def others():
    yield "array", lambda numbers: array.array("d", numbers)
    yield "memoryview", lambda numbers: memoryview(np.array(numbers))
    for package, make in [("pandas", lambda m, n: m.Series(n, index=list("abc"))), ("polars", lambda m, n: m.Series(n)),
                          ("pyarrow", lambda m, n: m.array(n)), ("pyarrow", lambda m, n: m.chunked_array([n])),
                          ("torch", lambda m, n: m.tensor(n, dtype=m.float64)),
                          ("torch", lambda m, n: m.nn.Parameter(m.tensor(n, dtype=m.float64))),
                          ("jax.numpy", lambda m, n: m.asarray(n))]:
        yield package, lambda numbers, package=package, make=make: make(pytest.importorskip(package), numbers)


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in others()])
def test_arrays_of_other_packages(make):
    x = make([1.0, 2.0, 3.0])
    assert grad(lambda x: sum(x * x))(x).tolist() == [2.0, 4.0, 6.0]
    assert hessian(lambda p: sum(p["x"]) ** 2)({"x": x})["x"]["x"].tolist() == np.full((3, 3), 2.0).tolist()
    program = trace(lambda w, x: w * x, 1.0, 0.0)
    assert program.map(2.0, x).tolist() == [2.0, 4.0, 6.0]
    assert trace(sum, x)(x) == 6.0
    assert jvp(sum, (x,), (x,)) == (6.0, 6.0)


def test_ravel_joins_parameters_to_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    start = {"w": np.zeros((2, 2)), "b": [0.0, 1.0], "name": "layer", "off": None}
    flat, back = ravel(start)
    assert flat.dtype == float and flat.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]

    def loss(flat: Any) -> Any:
        p = back(flat)
        assert p["name"] == "layer" and p["off"] is None and np.shape(p["w"]) == (2, 2)
        return np.sum((p["w"] - np.array([[1.0, 2.0], [3.0, 4.0]])) ** 2) + (p["b"][0] - p["b"][1]) ** 2

    for jac in (value_and_grad(loss), trace(value_and_grad(loss), flat)):
        found = back(optimize.minimize(jac, flat, jac=True).x)
        assert np.allclose(found["w"], [[1, 2], [3, 4]], atol=1e-5) and math.isclose(*found["b"], abs_tol=1e-5)
    with pytest.raises(ValueError, match="6 leaves, not 5"):
        back(flat[:5])
    mixed, _ = ravel([Value(1.0), 2.0])
    assert mixed.dtype == object


@pytest.mark.parametrize("tree, words", [
    ({1.0, 2.0}, "set"), ({"a": {1.0}}, "set"), (iter([1.0]), "iterator"), (np.array(["a"]), "str"), (1j, "complex"),
    ({"a": 1j}, "complex"), ("name", "str"), (None, "NoneType"),
    (np.array([None, 1.0]), "NoneType"), (range(3), "range"),
    (np.ma.array([1.0, 2.0], mask=[True, False]), "masked"), (np.array(["2020-01-01"], dtype="M8[D]"), "date"),
])
def test_what_could_hold_numbers_is_never_passed_over(tree, words):
    uses = [grad(lambda t: 1.0), lambda t: hvp(lambda t: 1.0, (t,), (t,))]
    if not (tree is None or isinstance(tree, str)):
        uses.append(lambda t: trace(lambda t: 1.0, t))
    for use in uses:
        with pytest.raises(TypeError, match=words):
            use(tree)


def test_keywords():
    def loss(w: Any, x: Any, y: Any = 0.0, *, ridge: Any, mode: Optional[str] = None) -> Any:
        return (w * x - y) ** 2 + ridge * w * w + (100.0 if mode == "shifted" else 0.0)

    program = trace(loss, 1.0, 2.0, ridge=0.5, y=1.0)
    assert program(3.0, 2.0, y=1.0, ridge=0.5) == program(x=2.0, w=3.0, ridge=0.5, y=1.0) == 29.5
    assert program.mean(3.0, [2.0, 2.0], y=[1.0, 1.0], ridge=0.5) == program.sum(3.0, x=[2.0], y=1.0, ridge=0.5) == 29.5
    assert program.map(3.0, [2.0], ridge=0.5, y=1.0).tolist() == [29.5]
    assert program.gradient()(3.0, x=2.0, y=1.0, ridge=0.5) == 23.0
    assert program.gradient(argnums=(0, 2))(3.0, x=2.0, y=1.0, ridge=0.5) == (23.0, 9.0)
    assert trace(loss, 1.0, 2.0, ridge=0.0, mode="shifted")(0.0, 0.0, ridge=0.0, mode="shifted") == 100.0
    for arguments, keywords, words in [((3.0, 2.0), {"ridge": 0.5}, "without y"), ((3.0, 2.0), {"x": 1.0}, "'x' twice"),
                                       ((3.0, 2.0), {"rigde": 1.0}, "no argument 'rigde'.*w, x, ridge, y"),
                                       ((3.0, 2.0, 1.0, 1.0, 1.0), {}, "4 arguments .*not 5")]:
        with pytest.raises(TypeError, match=words):
            program(*arguments, **keywords)
    with pytest.raises(ValueError, match="'out' of their own"):
        trace(lambda x, out: x, 1.0, out=2.0)


def test_jacobians_by_dataclasses():
    found = jacobian(lambda p: p.left * p.right[0])(Pair(2.0, [3.0]))
    assert found == Pair(3.0, [2.0])


def test_a_program_whose_parts_lie_elsewhere_is_refused():
    program = trace(lambda x: x * x, [1.0, 2.0][0])
    state = list(program.__getstate__())
    part = state[3][0]
    for place, wrong in [(3, (part._replace(start=10**9),)), (3, ()), (4, part._replace(shape=(10**6,))), (5, None),
                         (3, 7), (1, ())]:
        broken = [*state]
        broken[place] = wrong
        with pytest.raises(ValueError, match="no program"):
            type(program).__new__(type(program)).__setstate__(tuple(broken))
    with pytest.raises(ValueError, match="no program"):
        type(program).__new__(type(program)).__setstate__(tuple(state[:3]))


def test_what_holds_itself_is_one_error():
    endless: list[Any] = [1.0]
    endless.append({"again": endless})
    for use in (grad(lambda t: t[0]), lambda t: trace(lambda t: t[0], t), ravel):
        with pytest.raises(ValueError, match="a list is nested in itself"):
            use(endless)
