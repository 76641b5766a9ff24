"""The contract for numbers and bad input: every row of it is a test, in both engines and in every mode."""

from __future__ import annotations

import copy
import importlib.util
import math
import pickle
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np
import points_of_choice as choice
import pytest
from points_of_choice import POINTS, identity, inf, nan, same

import autograd_mini as ag
from autograd_mini import NonFiniteError, grad, gradient, hessian, jacfwd, jacrev, jvp, strict, value_and_grad
from autograd_mini.program import trace

IDS = [f"{i}-{identity(point)}" for i, point in enumerate(POINTS)]


def agree(found, promised):
    assert all(same(float(a), float(b)) for a, b in zip(found, promised)), f"{found}, where {promised} is promised"


# The points of choice, mode by mode -----------------------------------------------------------------------------------

@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_backward_at_a_point_of_choice(point, engine):
    x = engine.Value(point.at)
    y = point.function(engine.f, x)
    y.backward()
    agree([y.data, x.grad], point.promised[:2])


@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_gradient_at_a_point_of_choice_to_order_3(point, engine):
    x = engine.Value(point.at)
    y = point.function(engine.f, x)
    found = []
    for _ in point.promised:
        found.append(y.data)
        y = gradient(y, x)
    agree(found, point.promised)


@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_backward_through_a_gradient_at_a_point_of_choice(point, engine):
    x = engine.Value(point.at)
    y = point.function(engine.f, x)
    for order in range(2, len(point.promised)):
        y = gradient(y, x)
        x.grad = 0.0  # stays, where the derivative is a constant
        y.backward()
        agree([x.grad], point.promised[order:order + 1])


def forward(f):
    return lambda x: jvp(f, (x,), (1.0,))[1]


MODES = {"grad": grad, "jacfwd": jacfwd, "jacrev": jacrev, "jvp": forward}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_transforms_at_a_point_of_choice_to_order_3(point, mode):
    def function(x):
        return point.function(ag, x)

    found = []
    for _ in point.promised:
        y = function(ag.Value(point.at)) if not found else function(point.at)
        found.append(y.data if isinstance(y, ag.Value) else y)
        function = MODES[mode](function)
    agree(found, point.promised)


@pytest.mark.parametrize("point", [p for p in POINTS if len(p.promised) > 2], ids=identity)
def test_mixed_modes_at_a_point_of_choice(point):
    def function(x):
        return point.function(ag, x)

    agree([hessian(function)(point.at), forward(grad(function))(point.at), grad(forward(function))(point.at)],
          point.promised[2:3] * 3)


EXECUTORS = ["python", "numpy", *["native"] * (ag.engine == "native"),
             *["llvm"] * (importlib.util.find_spec("llvmlite") is not None)]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_programs_at_a_point_of_choice_to_order_3(point, executor):
    """Traced elsewhere, on the ordinary number 0.75, and run at the point: nothing was decided when it was traced.

    The machine code has functions of its own, within 4 ulps; everything that is 0, inf or nan is the same.
    """
    def function(x):
        return point.function(ag, x)

    for order, promised in enumerate(point.promised):
        program = trace(function, 0.75)
        row = program.map(np.array([0.75, point.at, 0.75]), executor=executor)[1]
        for found in (program(point.at, executor=executor), row):
            tolerance = 2e-15 if executor != "llvm" else 4e-15
            assert same(found, promised) or math.isclose(found, promised, rel_tol=tolerance), (order, found, promised)
        function = grad(function)


def test_a_tie_of_two_operands_is_shared(engine):
    for name in ("maximum", "minimum"):
        a, b = engine.Value(1.5), engine.Value(1.5)
        engine.functions[name](a, b).backward()
        assert (a.grad, b.grad) == (0.5, 0.5)


@pytest.mark.parametrize("y, by_x, by_y", [(2.5, (0, 0, inf), 0), (2.0, (0, 2, 0), 0), (1.5, (0, inf), 0),
                                           (1.0, (1, 0, 0), 0), (0.5, (inf, -inf), 0), (0.1, (inf, -inf), 0),
                                           (0.0, (0, 0, 0), 0)])
def test_a_power_of_two_values_at_base_zero(engine, y, by_x, by_y):
    base, exponent = engine.Value(0.0), engine.Value(y)
    z = base ** exponent
    z.backward()
    agree([base.grad, exponent.grad], [by_x[0], by_y])
    for promised in by_x:
        z = gradient(z, base)
        agree([z.data], [promised])


@pytest.mark.parametrize("y", [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
def test_a_negative_base_and_an_integer_exponent_as_a_value(engine, y):
    x, exponent = engine.Value(-2.0), engine.Value(y)
    z = x ** exponent
    z.backward()
    agree([z.data, x.grad], [(-2.0) ** y, y * (-2.0) ** (y - 1)])
    assert math.isnan(exponent.grad)
    agree([gradient(gradient(z, x), x).data], [y * (y - 1) * (-2.0) ** (y - 2)])


def test_hypot_and_atan2_of_two_values_are_flat_at_the_origin(engine):
    for name in ("hypot", "atan2"):
        a, b = engine.Value(0.0), engine.Value(0.0)
        y = engine.functions[name](a, b)
        y.backward()
        assert (y.data, a.grad, b.grad) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_atan2_and_hypot_neither_underflow_nor_overflow_on_the_way(engine, scale):
    a, b = engine.Value(3 * scale), engine.Value(-4 * scale)
    engine.f.hypot(a, b).backward()
    agree([a.grad, b.grad], [0.6, -0.8])
    engine.f.atan2(a, b).backward()
    agree([a.grad, b.grad], [-4 / 25 / scale, -3 / 25 / scale])


@pytest.mark.parametrize("x", [0.3, -2.0, 1e-3, 17.0])
def test_the_hessian_of_a_square_survives_a_zero_cotangent(engine, x):
    w = engine.Value(0.0)
    for loss in ((w * x) ** 2, engine.f.square(w * x), (w * x) * (w * x)):
        agree([gradient(gradient(loss, w), w).data], [2 * x * x])


def test_the_branch_cut_of_atan2(engine):
    assert engine.f.atan2(engine.Value(-0.0), -1.0).data == -math.pi
    assert engine.f.atan2(engine.Value(0.0), -1.0).data == math.pi


# The page -------------------------------------------------------------------------------------------------------------

def test_the_page_is_the_table():
    assert choice.PAGE.read_text() == choice.page(), "run python tests/points_of_choice.py"


@pytest.mark.parametrize("name", choice.PEERS)
def test_what_is_said_of_others_is_what_they_do(name):
    import json
    from importlib.metadata import version
    package, derivatives = choice.PEERS[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{name} is not installed")
    answers = json.loads(choice.RECORDED.read_text())
    if version(package) != answers["versions"][name]:
        pytest.skip(f"{name} {version(package)} is not the version the page speaks of")
    for point in POINTS[::9]:
        agree(answers[identity(point)][name], derivatives(point))


# Numbers that are not numbers -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("build, expected", [
    (lambda f, v: f.ln(v(-1.0)), nan), (lambda f, v: v(0.0) / 0.0, nan), (lambda f, v: f.exp(v(1000.0)), inf),
    (lambda f, v: 1 / v(0.0), inf), (lambda f, v: -1 / v(0.0), -inf), (lambda f, v: 1 / v(-0.0), -inf),
    (lambda f, v: v(1.0) / 0, inf), (lambda f, v: v(-8.0) ** (1 / 3), nan), (lambda f, v: v(0.0) ** -1, inf),
    (lambda f, v: 10.0 ** v(400.0), inf), (lambda f, v: v(1e308) * 10, inf), (lambda f, v: v(inf) - inf, nan),
    (lambda f, v: f.sqrt(v(-1.0)), nan), (lambda f, v: f.sin(v(inf)), nan), (lambda f, v: f.acos(v(2.0)), nan),
    (lambda f, v: f.floor(v(inf)), inf), (lambda f, v: f.sinh(v(1000.0)), inf), (lambda f, v: f.log1p(v(-1.0)), -inf),
])
def test_ieee_754_and_never_an_exception(engine, build, expected):
    y = build(engine.f, engine.Value)
    y.backward()
    assert type(y.data) is float
    assert y.data == expected or (math.isnan(y.data) and math.isnan(expected))


def test_functions_of_bare_floats_do_not_raise_either(engine):
    f = engine.f
    assert f.exp(1000.0) == inf and f.ln(0.0) == -inf and math.isnan(f.ln(-1.0)) and f.div(1.0, 0.0) == inf
    assert f.pow(0.0, -1.0) == inf and math.isnan(f.pow(-8.0, 1 / 3)) and f.reciprocal(-0.0) == -inf


def test_strict_names_primitive_operands_and_names(engine):
    x = engine.Value(-1.0, name="x")
    with strict(), pytest.raises(NonFiniteError, match=r"ln\(x = -1\.0\) is nan"):
        engine.f.ln(x)
    with strict(), pytest.raises(NonFiniteError, match=r"div\(1\.0, zero = 0\.0\) is inf"):
        1 / engine.Value(0.0, name="zero")
    with strict(), pytest.raises(FloatingPointError):
        engine.f.exp(engine.Value(1000.0))
    assert math.isnan(engine.f.ln(x).data)
    with strict():
        assert engine.f.exp(engine.Value(-inf)).data == 0.0
        assert (engine.Value(inf) + 1).data == inf  # infinite already: not made here


# What is data ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data, kind", [
    ("1.0", "str"), (b"1", "bytes"), (None, "NoneType"), ([1.0], "list"), ((1.0,), "tuple"), ({1.0}, "set"),
    ({"a": 1}, "dict"), (1j, "complex"), (np.complex128(1), "complex"), (np.array([1.0, 2.0]), "array of shape"),
    (np.array([]), "array of shape"), (np.array(1j), "complex"), (object(), "object"), (math, "module"),
    (float, "type"), (lambda: 1.0, "function"), (range(3), "range"), (np.array("a"), "str"), (np.str_("1.0"), "str"),
    (np.datetime64("2020-01-01"), "date"),
], ids=lambda x: repr(x)[:20])
def test_data_that_is_no_number_names_its_type_and_what_to_do(engine, data, kind):
    with pytest.raises(TypeError) as error:
        engine.Value(data)
    assert kind in str(error.value) and ":" in str(error.value)


def test_a_value_is_not_data(engine):
    with pytest.raises(TypeError, match="it is a Value already"):
        engine.Value(engine.Value(1.0))


@pytest.mark.parametrize("data, number", [
    (3, 3.0), (True, 1.0), (Fraction(1, 3), 1 / 3), (Decimal("0.1"), 0.1), (np.float64(2.5), 2.5), (10 ** 300, 1e300),
    (np.float32(0.1), float(np.float32(0.1))), (np.int8(-3), -3.0), (np.uint64(2 ** 64 - 1), 2.0 ** 64),
    (np.bool_(True), 1.0), (np.array(2.0), 2.0), (np.array([2.0]), 2.0), (np.array([[7]]), 7.0), (np.float16(0.5), 0.5),
    (np.longdouble("0.1"), 0.1), (2 ** 53 + 1, 2.0 ** 53), (inf, inf), (Decimal("-Infinity"), -inf),
    (np.float64("inf"), inf), (np.array(3, dtype=object), 3.0), (10 ** 15 + 1, 1e15 + 1),
], ids=lambda x: repr(x)[:24])
def test_every_real_number_becomes_float64(engine, data, number):
    made = engine.Value(data)
    assert type(made.data) is float and made.data == number
    if not isinstance(data, np.ndarray):
        assert (engine.Value(1.0) * data).data == number
        assert type((data * engine.Value(1.0)).data) is float
        assert engine.f.square(data) == number * number


def test_nan_is_a_number_too(engine):
    for data in (nan, Decimal("nan"), np.float32("nan")):
        assert math.isnan(engine.Value(data).data)


class Half(float):
    pass


def test_a_subclass_of_float_becomes_a_float(engine):
    assert type(engine.Value(Half(0.5)).data) is float
    y = engine.Value(1.0) * Half(0.5)
    assert y.data == 0.5 and [type(o) for o in y.operands] == [engine.Value, float]


@pytest.mark.parametrize("data", [10 ** 400, -(10 ** 400), Fraction(10 ** 400), Decimal("1e400"),
                                  np.longdouble("1e400")], ids=lambda x: repr(x)[:16])
def test_what_is_beyond_float64_is_an_overflow_error(engine, data):
    for use in (engine.Value, lambda x: engine.Value(1.0) + x, lambda x: x * engine.Value(1.0), engine.f.exp):
        with pytest.raises(OverflowError, match="beyond the range"):
            use(data)


@pytest.mark.parametrize("operand", ["1", None, 1j, b"1"], ids=repr)
def test_operands_that_are_no_numbers(engine, operand):
    x = engine.Value(1.0)
    for use in (lambda: x + operand, lambda: operand * x, lambda: x ** operand, lambda: x < operand,
                lambda: engine.f.maximum(x, operand), lambda: engine.f.maximum(operand, 1.0),
                lambda: engine.f.exp(operand)):
        with pytest.raises(TypeError, match=r"cannot be of type|unsupported"):
            use()


def test_a_foreign_object_may_answer_itself(engine):
    class Mine:
        def __radd__(self, other): return "mine"
        def __add__(self, other): return "mine"

    x = engine.Value(1.0)
    assert x + Mine() == "mine" and Mine() + x == "mine"
    with pytest.raises(TypeError):
        x * Mine()


@pytest.mark.parametrize("convert", [float, int, complex, math.exp, math.sqrt, np.float64], ids=repr)
def test_a_gradient_is_never_lost_silently(engine, convert):
    with pytest.raises(TypeError, match=r"v\.data"):
        convert(engine.Value(1.0))


def test_wrong_numbers_of_operands(engine):
    x = engine.Value(1.0)
    for name, operands in (("exp", ()), ("exp", (x, x)), ("maximum", (x,)), ("where", (x, x)), ("pow", (x, x, x)),
                           ("hypot", (1.0,))):
        with pytest.raises(TypeError, match=name):
            engine.functions[name](*operands)


# Gradients of what does not depend ------------------------------------------------------------------------------------

def test_what_does_not_matter_has_derivative_zero(engine):
    x, other = engine.Value(2.0), engine.Value(3.0)
    y = x * x
    assert gradient(y, other).data == 0.0
    assert gradient(gradient(y, other), x).data == 0.0
    assert gradient(y, [x, other])[1].data == 0.0
    y.backward()
    assert other.grad == 0.0


@pytest.mark.parametrize("wrt", [1.0, "x", None, [1.0], {"a": None}, np.array([1.0])], ids=repr)
def test_wrt_must_be_values(engine, wrt):
    with pytest.raises(TypeError, match="with respect to Values"):
        gradient(engine.Value(1.0) * 2, wrt)


@pytest.mark.parametrize("y", [1.0, None, "y", [1.0]], ids=repr)
def test_only_a_value_has_a_gradient(engine, y):
    with pytest.raises(TypeError, match="only a Value has a gradient"):
        gradient(y, engine.Value(1.0))


# Threads, pickles -----------------------------------------------------------------------------------------------------

def test_threads_with_their_own_graphs(engine):
    results = {}

    def work(k):
        for _ in range(30):
            x = engine.Value(float(k))
            y = x
            for _ in range(100):
                y = y * 1.01 + engine.f.sin(x)
            y.backward()
            results.setdefault(k, set()).add((y.data, x.grad))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(6)) and all(len(found) == 1 for found in results.values())


def test_pickle_copy_deepcopy(engine):
    x = engine.Value(2.0, name="x")
    y = engine.f.exp(x) * x
    y.backward()
    for again in (pickle.loads(pickle.dumps(y)), copy.copy(y), copy.deepcopy(y)):
        assert type(again) is engine.Value and again is not y
        assert (again.data, again.grad, again.operation) == (y.data, y.grad, y.operation)


def test_value_and_grad_meets_the_contract_too():
    value, slope = value_and_grad(ag.ln)(-1.0)
    assert math.isnan(value) and math.isnan(slope)
