"""Programs among Values: called inside other functions, drawn, derived, written out in other languages."""

import json
import keyword
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import Value, grad, gradient, hessian, trace
from autograd_mini.program._sources import identifier

DRAW = np.random.default_rng(3)


def loss(w, b, x, y):
    z = x @ w + b
    z.name = "z"
    return am.softplus(z) - y * z


W, B, X, Y = np.array([0.5, -0.25]), 0.1, np.array([1.5, 2.0]), 1.0
STEP = trace(loss, W, B, X, Y)


def test_a_call_on_values_has_the_number_and_the_gradients_of_the_function():
    nodes = [Value(number) for number in (*W, B)]
    called = STEP(nodes[:2], nodes[2], X, Y)
    direct = loss(np.array(nodes[:2]), nodes[2], X, Y)
    assert called.data == direct.data == STEP(W, B, X, Y)
    slopes, expected = [[entry.data for entry in gradient(y, nodes)] for y in (called, direct)]
    assert slopes == pytest.approx(expected, rel=1e-15)


def test_gradients_flow_through_a_call_to_any_order():
    cube = trace(lambda x: x * x * x, 2.0)
    assert grad(lambda x: cube(2.0 * x))(1.0) == 24.0
    assert hessian(lambda x: cube(x[0] * x[1]))(np.array([1.0, 2.0])).tolist() == [[48.0, 36.0], [36.0, 12.0]]
    assert grad(cube.gradient())(5.0) == 30.0
    assert grad(lambda x: x * grad(lambda y: cube(y) * x)(x))(2.0) == 96.0   # (3 x^4)' = 12 x^3


def test_a_program_inside_a_traced_function_becomes_its_operations():
    def total(w, b, x, y):
        return STEP(w, b, x, y) + 0.5 * (w @ w)

    assert trace(total, W, B, X, Y).body == trace(lambda w, b, x, y: loss(w, b, x, y) + 0.5 * (w @ w), W, B, X, Y).body
    step = trace(STEP.value_and_gradient(argnums=(0, 1)), W, B, X, Y)
    cost, (dw, db) = step.mean(W, B, DRAW.normal(size=(9, 2)), np.ones(9))
    assert dw.shape == (2,) and math.isfinite(cost + db)


def test_the_structure_of_the_result_is_the_programs_own():
    program = trace(lambda x: {"s": x[0] + x[1], "all": (2.0 * x, 3.0)}, np.ones(2))
    found = program([Value(1.0), 2.0])
    assert found["s"].data == 3.0 and found["all"][1] == 3.0
    assert [type(entry) for entry in found["all"][0]] == [Value, float]


def test_values_of_another_shape_and_in_data_are_refused():
    with pytest.raises(TypeError, match=r"argument 'x' has the shape \(3,\), and \(2,\) in the example"):
        STEP(W, Value(1.0), np.ones(3), Y)
    with pytest.raises(TypeError, match=r"argument 'b' is or holds a Value.*program\.gradient"):
        STEP.mean(W, Value(1.0), np.ones((3, 2)), Y)


def test_a_program_is_drawn_and_derived_at_its_example():
    assert "3 nodes" in repr(am.draw(trace(lambda x, y: x * y, 2.0, 3.0)))
    assert "z" in am.draw(STEP).dot
    pytest.importorskip("sympy")
    derivation = str(am.derive(trace(lambda x, y: am.exp(x * y), 2.0, 3.0), wrt=["x"]))
    assert "y*exp(x*y)" in derivation.replace(" ", "")


# Sources --------------------------------------------------------------------------------------------------------------

def everything(x, w):
    """All rows that C, JavaScript and Python know, over numbers of all sizes."""
    a, b = w["a"], x[0, 1]
    found = [am.abs(b), am.atan2(a, b), am.cbrt(b), am.erf(a), am.erfc(b), am.exp(a), am.expm1(b), am.hypot(a, b),
             am.ln(b), am.log1p(a), am.maximum(a, b), am.softplus(b), am.sigmoid(a), a ** 3, b ** 0.5, a / x[1, 0],
             -a - 2, am.norm_cdf(b), am.where(am.less(a, b), a, 1 / b), am.logaddexp(a, b), a * float("inf"), am.tan(a)]
    return {"all": found, "w": np.array([a, b]) * x[1]}


POINTS = [(np.array([[1.0, b], [c, -1.5]]), {"a": a}) for a, b, c in
          [(0.3, 2.5, 1.0), (-3.0, 0.0, -0.0), (1e-300, 1e200, 7.0), (math.inf, -1.0, 0.0), (math.nan, 1.0, 2.0)]]
EVERYTHING = trace(everything, *POINTS[0])


def numbers(tree):
    if isinstance(tree, dict):
        return [entry for part in tree.values() for entry in numbers(part)]
    return [entry for part in tree for entry in numbers(part)] if isinstance(tree, (list, tuple)) \
        else np.ravel(tree).tolist()


def run_in_node(program, name, points):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run JavaScript")
    text = program.js_source(name)
    code = f"{text}\nconst show = x => Object.is(x, -0) ? '-0' : String(x);\n" \
           f"const points = {json.dumps(points)}.map(point => point.map(Number));\n" \
           f"console.log(JSON.stringify(points.map(point => {name}(point).map(show))));"
    found = subprocess.run([node, "-"], input=code, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr
    return [[float(entry.replace("Infinity", "inf").replace("NaN", "nan")) for entry in point]
            for point in json.loads(found.stdout)]


def test_javascript_computes_the_same():
    given = [[*map(str, numbers(x)), str(w["a"])] for x, w in POINTS]
    given = [[entry.replace("inf", "Infinity").replace("nan", "NaN") for entry in point] for point in given]
    for found, point in zip(run_in_node(EVERYTHING, "go", given), POINTS):
        np.testing.assert_allclose(found, numbers(EVERYTHING(*point)), rtol=4e-15, atol=0)


def test_python_computes_the_same_bits_and_takes_values():
    space = {}
    exec(EVERYTHING.python_source("again"), space)
    for point in POINTS:
        assert repr(numbers(space["again"](*point))) == repr(numbers(EVERYTHING(*point)))
    assert trace(space["again"], *POINTS[0]).body == EVERYTHING.body


def test_python_of_functions_with_a_rest_and_of_rows_of_ones_own():
    space = {}
    exec(trace(lambda first, *rest: first * rest[0] - rest[1], 1.0, 2.0, 3.0).python_source("f"), space)
    assert space["f"](2.0, 5.0, 1.0) == 9.0
    program = trace(lambda x: _twice(x) + 1.0, 1.0)
    exec(program.python_source("g"), space)
    assert space["g"](4.0) == 9.0
    private = am.custom_gradient(lambda x: 2 * x, lambda y, x: 2.0)
    with pytest.raises(TypeError, match="cannot be saved"):
        trace(lambda x: private(x), 1.0).python_source()  # noqa: PLW0108


_twice = am.custom_gradient(lambda x: 2 * x, lambda y, x: 2.0)


@pytest.mark.parametrize("name", ["double", "int", "exp", "expf", "class", "lambda", "x*/ y", "", "2x", "größe", "t3",
                                  "main", "NaN", "new", "y1", "log2l"])
def test_a_hostile_name_gives_sources_that_compile(name, tmp_path):
    def f(x):
        return am.exp(x) * 2.0 + am.ln(x)

    f.__name__ = name
    program = trace(f, 1.0)
    space = {}
    exec(program.python_source(), space)
    assert space[identifier(name, keyword.kwlist)](1.0) == program(1.0)
    compiler = shutil.which("cc")
    if compiler:
        (tmp_path / "f.c").write_text(program.c_source())
        flags = ["-std=c99", "-Wall", "-Werror", "-O2", "-c"]
        subprocess.run([compiler, *flags, "f.c", "-o", "f.o"], cwd=tmp_path, check=True)
    if shutil.which("node"):
        subprocess.run(["node", "--check", "-"], input=program.js_source(), text=True, check=True)


def test_sources_of_many_inputs():
    program = trace(lambda x: x[0] + x[-1], np.ones(70_000))
    assert run_in_node(program, "f", [["1"] * 69_999 + ["2"]]) == [[3.0]]
    assert sys.getsizeof(program.python_source()) < 2_000


# Peers ----------------------------------------------------------------------------------------------------------------

PAGE = (pathlib.Path(__file__).resolve().parent.parent / "docs" / "programs.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```py\n(import (\w+)[^\n]*\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("recipe", "peer"), RECIPES, ids=[peer for _, peer in RECIPES])
def test_a_program_is_a_function_of_a_peer(recipe, peer):
    """The recipe of the page, whose last line compares, behind the first block of the page."""
    pytest.importorskip(peer)
    first = re.search(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", first[1] + recipe], capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stderr


def test_there_are_three_recipes():
    assert [peer for _, peer in RECIPES] == ["torch", "jax", "dask"]
