"""A user's module, over every wing: type checkers find nothing in it, and what they reveal is what it is."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (it knows nothing of what a lambda without annotations takes)

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import autograd_mini as am
from autograd_mini import (
    Program,
    Value,
    atan2,
    draw,
    exp,
    grad,
    gradient,
    hypot,
    less,
    ln,
    log,
    maximum,
    primitive,
    softplus,
    trace,
    value_and_grad,
    where,
)
from autograd_mini.explain import Report
from autograd_mini.models import (
    MLP,
    Adam,
    LogisticRegression,
    Neuron,
    load_breast_cancer,
    loss,
    minimise,
    scaling,
    split,
)
from autograd_mini.testing import assert_gradients

Array = NDArray[np.float64]

# Numbers, Values and arrays -------------------------------------------------------------------------------------------

x, y, numbers = Value(3.0, "x"), Value(np.float32(2), name="y"), np.linspace(0.0, 1.0, 5).astype(np.float64)
values = np.array([x, y])

assert_type(exp(1.0), float)
assert_type(exp(np.float32(1)), float)
assert_type(exp(x), Value)
assert_type(exp(numbers), Array)
assert_type(log(np.arange(1, 4)), Array)
assert_type(maximum(x, 1.0), Value)
assert_type(maximum(1, x), Value)
assert_type(hypot(3.0, 4), float)
assert_type(atan2(numbers, 1.0), Array)
assert_type(where(less(x, y), x, 0.0), Value)
assert_type(where(less(1.0, 2.0), 1.0, 2.0), float)
assert_type(x + 1, Value)
assert_type(2.0 ** x - 1 / y, Value)
assert_type(np.float64(2.0) * x, Value)
assert_type(-x, Value)
assert_type(abs(x), Value)
assert_type(round(x), Value)
assert_type(x < y, Value)
assert_type(x == y, bool)
assert_type(x.exp(), Value)
assert_type(x.arctan2(y), Value)
assert_type(x.data, float)
assert_type(x.name, "str | None")

z = x * y + softplus(-x)
z.name = "z"
z.backward()
z.backward([x, y], seed=2.0)
slope = x.grad
assert slope is not None
assert_type(slope + 1.0, float)
x.data -= 0.1 * slope
x.data = 4

total: Value = sum([x * 2.0, y], Value(0.0))
print((values * numbers[:2]).sum(), f"{z:.3f}", z.operands, z.operation)


class Point(NamedTuple):
    w: Value
    b: Value


w, b = gradient(z, [x, y])
assert_type(w, Value)
assert_type(gradient(z, x), Value)
assert_type(gradient(z, Point(x, y)), Point)
assert_type(gradient(z, {"x": x}), "dict[str, Value]")

cube = primitive("cube_of_a_user", lambda a: a ** 3, [lambda y, a: 3 * a * a], at=(0.5, 2.0))
assert_type(cube(2.0), float)
assert_type(cube(x), Value)

# Functions ------------------------------------------------------------------------------------------------------------


def cost(w: Array, b: float, *, ridge: float = 0.0) -> float:
    return softplus(float(w @ w) + b) + ridge


def pair(t: float) -> tuple[float, str]:
    return t * t, "told"


assert_type(value_and_grad(cost)(numbers, 1.0, ridge=0.1), "tuple[float, Any]")
slopes: tuple[Array, float] = grad(cost, argnums=(0, 1))(numbers, b=1.0)
curvature: Array = am.hessian(cost)(numbers, 1.0)
print(grad(grad(lambda t: t ** 4))(1.0), am.jacobian(lambda t: [t, t ** 2])(2.0), am.jacfwd(cost)(numbers, 0.0))
value, tangent, told = am.jvp(pair, (1.0,), (1.0,), has_aux=True)
assert_type(told, str)
result, pull = am.vjp(cost, numbers, 1.0)
assert_type(result, float)
print(pull(1.0), am.hvp(cost, (numbers, 1.0), (numbers, 0.0)), am.ravel({"w": numbers})[0].sum())
assert_type(am.stop_gradient(x), Value)


def step(carry: float, number: Any) -> tuple[float, float]:
    return carry + number, carry


last, kept = am.scan(step, 0.0, numbers)
assert_type(last, float)

# Programs -------------------------------------------------------------------------------------------------------------

program = trace(cost, numbers, 1.0)
assert_type(program(numbers, 2.0), float)
assert_type(program.mean(numbers, numbers), float)
assert_type(program(numbers, 2.0, executor="python"), float)
rows = np.zeros((10, 5))
print(program.map(rows, 1.0), program.sum(rows, 1.0, threads=1), program.c_source("f"), program.explain())
both = program.value_and_gradient(argnums=(0, 1))
assert_type(both(numbers, 1.0), "tuple[float, Any]")
print(trace(lambda u: am.sin(u) * u, 1.0).sparse_hessian().nnz, am.sparse_hessian(cost)(numbers, 1.0))
program.save("program.json")
again: Program[..., Any] = Program.load("program.json")
am.save({"z": z}, "graph.json")
print(am.load("graph.json"), again.input_names, program.graph().data)

# Looking and explaining -----------------------------------------------------------------------------------------------

draw(z, fold=False, labels="formula", highlight=x).save("z.svg")
picture: str = draw([z, w]).svg()
print(draw(program), am.text(z), am.latex(z), am.tree(z, limit=20))
for derived in am.derive(z, wrt=[x, "y"], steps=True).steps:
    print(derived.claim, derived.verified)
assert_type(am.check_derivation(z, {x: "y - sigmoid(-x)"}).ok, bool)
report: Report = am.check_gradients(cost, numbers, 1.0, points=1)
assert_gradients(cost, numbers, 1.0)
stable, changes = am.stabilize(lambda n: ln(n + 1) - ln(n), domain={"n": (1.0, 10.0)})
print(am.diagnose(z).troubles, am.bound(z, {"x": (1.0, 2.0)}).value, am.exercise(z).check("x", "y").right)
with am.scope("layer"), am.strict(), am.record_source():
    deep = am.tanh(z)
print(am.leaves(deep)[0].name, am.topological_order(deep)[-1].data, am.engine, am.__version__)

# Models ---------------------------------------------------------------------------------------------------------------

train, test = split(load_breast_cancer(["worst_area", "worst_smoothness"]), seed=0)
model = LogisticRegression(ridge=0.01).fit(scaling(train.X).apply(train.X), train.y)
assert_type(model.score(test.X, test.y), float)
net, optimiser = MLP(2, [4, 1], "tanh", seed=1), Adam(rate=0.01)
error = loss(am.sigmoid(Neuron(2)([0.5, x])), 1.0)
assert_type(error, Value)
optimiser.step(error, net)
print(minimise(value_and_grad(lambda p: (p["a"] - 1) ** 2), {"a": 5.0}, optimiser).value, net.numbers.sum())
