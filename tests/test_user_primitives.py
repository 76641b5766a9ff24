"""Rows of the user's own: one row works in both engines, as a function and as a method, and to any order."""

from __future__ import annotations

import copy
import gc
import math
import pickle

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import MissingColumnError, gradient
from autograd_mini._core.graph import topological_order
from autograd_mini._core.value import primitive
from autograd_mini.primitives import ROWS, TABLE, lookup
from autograd_mini.program import trace

scipy_special = pytest.importorskip("scipy.special")


@pytest.fixture
def row(request):
    """Defines a row and forgets it again, so that no test meets another's."""
    defined = []

    def define(name, *columns, **more):
        defined.append(name)
        return primitive(name, *columns, **more)

    yield define
    for name in defined:
        TABLE.pop(name, None)


@pytest.fixture(scope="module")
def lgamma():
    """ln of the gamma function; its derivatives are the polygamma functions, each one the derivative of the last."""
    functions = {}

    def polygamma(order):
        name = f"polygamma{order}"
        functions[name] = primitive(name, lambda a: float(scipy_special.polygamma(order, a)),
                                    [lambda y, a: TABLE[f"polygamma{order + 1}"](a)])

    for order in range(3, -1, -1):
        polygamma(order)
    functions["log_gamma"] = primitive("log_gamma", lambda a: float(scipy_special.gammaln(a)),
                                    [lambda y, a: TABLE["polygamma0"](a)],
                                    latex=r"\ln\Gamma\left({0}\right)", at=(0.7,))
    yield functions
    for name in functions:
        TABLE.pop(name, None)


def of(engine, name):
    return engine.functions[name]


@pytest.mark.parametrize("x", [0.1, 0.7, 1.0, 3.5, 20.0])
def test_lgamma_with_its_polygammas_to_third_order(engine, lgamma, x):
    a = engine.Value(x)
    y = of(engine, "log_gamma")(a)
    assert y.data == float(scipy_special.gammaln(x))
    y.backward()
    assert a.grad == float(scipy_special.polygamma(0, x))
    for order in range(3):
        y = gradient(y, a)
        assert y.data == float(scipy_special.polygamma(order, x))


def test_it_composes_with_built_in_rows(engine, lgamma):
    a, b = engine.Value(2.5), engine.Value(1.5)
    gamma = of(engine, "log_gamma")
    log_beta = gamma(a) + gamma(b) - gamma(a + b)
    assert engine.f.exp(log_beta).data == pytest.approx(scipy_special.beta(2.5, 1.5), rel=1e-14)
    second = gradient(gradient(log_beta, a), b)
    assert second.data == pytest.approx(-float(scipy_special.polygamma(1, 4.0)), rel=1e-14)


def test_it_is_a_function_of_numbers_and_arrays_and_a_method(engine, lgamma):
    function = of(engine, "log_gamma")
    assert function(3.0) == math.log(2) and type(function(3)) is float
    assert function(np.array([1.0, 3.0])).tolist() == [0.0, math.log(2)]
    values = np.array([engine.Value(1.0), engine.Value(3.0)])
    assert [v.data for v in function(values)] == [0.0, math.log(2)]
    assert engine.Value(3.0).log_gamma().data == math.log(2)
    assert function.__name__ == "log_gamma" and "log_gamma" in function.__doc__


def test_it_is_shown_pickled_and_copied(engine, lgamma):
    y = of(engine, "log_gamma")(engine.Value(3.0, name="x")) * 2
    assert "log_gamma(x)" in ag.text(y) and r"\Gamma" in ag.latex(y)
    for twin in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y)):
        twin.backward()
        assert topological_order(twin)[0].grad == 2 * float(scipy_special.polygamma(0, 3.0))


def test_a_pickle_of_an_unknown_row_says_what_is_missing(engine, row):
    row("only_here", lambda a: a, [lambda y, a: 1.0])
    pickled = pickle.dumps(of(engine, "only_here")(engine.Value(1.0)))
    TABLE.pop("only_here")
    with pytest.raises(LookupError, match=r"no primitive is called 'only_here': define it"):
        pickle.loads(pickled)


def test_a_missing_column_is_named():
    bare = primitive("bare", lambda a: a + 1, [lambda y, a: 1.0])
    with pytest.raises(MissingColumnError, match=r"'bare' has no column 'c', which C source needs: give c="):
        TABLE["bare"].require("c", "C source")
    assert TABLE["exp"].require("c", "C source") == "exp({0})"
    assert bare(1.0) == 2.0
    TABLE.pop("bare")


def test_a_row_runs_in_a_program(row):
    cube = row("cubed", lambda a: a ** 3, [lambda y, a: 3 * a * a], expansion=lambda a: a * a * a)
    program = trace(lambda x: cube(x) + 1, 2.0)
    assert program(2.0) == 9.0 and program.map([1.0, 2.0]).tolist() == [2.0, 9.0]


def test_an_expansion_is_value_enough(engine, row):
    row("silu", None, [lambda y, a: TABLE["sigmoid"](a) + y * TABLE["sigmoid"](-a)],
        expansion=lambda a: a * TABLE["sigmoid"](a))
    x = engine.Value(0.5)
    y = of(engine, "silu")(x)
    y.backward()
    s = 1 / (1 + math.exp(-0.5))
    assert y.data == pytest.approx(0.5 * s, rel=1e-15) and x.grad == pytest.approx(s + 0.5 * s * (1 - s), rel=1e-15)


def slope(k):
    return lambda y, *a: float(k)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 31, 32, 33, 40, 64])
def test_rows_of_many_operands(engine, row, count):
    name = f"weighted{count}"
    row(name, lambda *a: math.fsum(k * x for k, x in enumerate(a, 1)), [slope(k) for k in range(1, count + 1)])
    slopes = tuple(map(float, range(1, count + 1)))
    xs = [engine.Value(1.0) for _ in range(count)]
    y = of(engine, name)(*xs)
    assert y.data == sum(slopes) and y.partials == slopes
    y.backward()
    assert tuple(x.grad for x in xs) == slopes == tuple(g.data for g in gradient(y, xs))
    for few in (1, count // 3, count - 1):
        mixed = of(engine, name)(*xs[:few], *[2.0] * (count - few)) if few else y
        assert mixed.partials == (slopes[:few] + (None,) * (count - few) if few else slopes)
        assert mixed.operands[few:] == (2.0,) * (count - few) or not few
        assert pickle.loads(pickle.dumps(mixed)).partials == mixed.partials
        last = of(engine, name)(*[2.0] * (count - 1), xs[0])
        assert last.partials == (None,) * (count - 1) + (float(count),)


def test_a_column_of_zeros_is_none(engine, row):
    row("rounded", lambda a, b: float(round(a / b)) * b, (None, lambda y, a, b: y / b))
    a, b = engine.Value(7.2), engine.Value(2.0)
    y = of(engine, "rounded")(a, b)
    y.backward()
    assert (y.data, a.grad, b.grad) == (8.0, 0.0, 4.0)
    assert gradient(y, a).data == 0.0


# Mistakes -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    (("two words", abs, [None]), ValueError, "identifier"), ((3, abs, [None]), ValueError, "identifier"),
    (("", abs, [None]), ValueError, "identifier"), (("exp", math.exp, [None]), ValueError, "built-in primitive"),
    (("mine", math.exp, []), ValueError, "one partial for each operand"),
    (("mine", math.exp, [1.0]), TypeError, "partial 0 of primitive 'mine' is float"),
    (("mine", None, [None]), TypeError, "neither a value nor an expansion"),
    (("mine", 3.0, [None]), TypeError, "value of primitive 'mine' is float"),
    (("mine", math.exp, None), TypeError, "partials of primitive 'mine'"),
    (("mine", math.exp, lambda y, a: y), TypeError, "partials of primitive 'mine'"),
])
def test_a_bad_row_is_refused_and_leaves_nothing_behind(arguments, error, message):
    before = len(ROWS), set(TABLE)
    with pytest.raises(error, match=message):
        primitive(*arguments)
    assert (len(ROWS), set(TABLE)) == before


@pytest.mark.parametrize("columns, message", [
    ({"c": "exp({1})"}, "column 'c'"), ({"text": "f({x})"}, "column 'text'"),
    ({"latex": "e^{{{0}}} {2}"}, "column 'latex'"), ({"c": "exp({0)"}, "column 'c'"), ({"text": "{}"}, "column 'text'"),
    ({"at": [(1.0, 2.0)]}, "column 'at'"),
])
def test_a_bad_column_is_named(columns, message):
    before = len(ROWS), set(TABLE)
    with pytest.raises(ValueError, match=message):
        primitive("mine", math.exp, [lambda y, a: y], **columns)
    assert (len(ROWS), set(TABLE)) == before


def test_a_row_named_like_a_part_of_value_is_a_function_only(engine, row):
    for name in ("data", "grad", "backward", "name", "operands"):
        row(name, lambda a: 7.0, [lambda y, a: 3.0])
        x = engine.Value(1.0)
        y = of(engine, name)(x)
        y.backward()
        assert (y.data, x.grad, x.data, y.operands[0] is x) == (7.0, 3.0, 1.0, True)


def test_an_unknown_column_is_a_type_error():
    with pytest.raises(TypeError, match="derivative"):
        primitive("mine", math.exp, [lambda y, a: y], derivative=1)


def test_a_redefined_row_replaces_function_and_method(engine, row):
    row("twist", lambda a: 2 * a, [lambda y, a: 2.0])
    old = of(engine, "twist")(engine.Value(3.0))
    row("twist", lambda a: 5 * a, [lambda y, a: 5.0])
    x = engine.Value(3.0)
    for new in (of(engine, "twist")(x), x.twist()):
        new.backward()
        assert (new.data, x.grad) == (15.0, 5.0)
    leaf = old.operands[0]
    old.backward()
    assert leaf.grad == 2.0 and gradient(old, leaf).data == 2.0 and lookup("twist").value(1.0) == 5.0


def test_an_exception_of_a_users_rule_comes_out_and_leaves_all_in_order(engine, row):
    def picky(a):
        if a < 0:
            raise ArithmeticError("picky does not take negative numbers")
        return a

    row("picky", picky, [lambda y, a: 1.0])
    row("lazy", lambda a: a, [lambda y, a: {}["missing"]])
    x = engine.Value(-1.0)
    for use in (lambda: of(engine, "picky")(x), lambda: of(engine, "picky")(-1.0), x.picky):
        with pytest.raises(ArithmeticError, match="picky does not take"):
            use()
    with pytest.raises(KeyError, match="missing"):
        of(engine, "lazy")(x)
    y = of(engine, "picky")(engine.Value(2.0)) * x
    y.backward()
    assert x.grad == 2.0
    gc.collect()


@pytest.mark.parametrize("result", ["text", None, [1.0], 1j], ids=repr)
def test_a_rule_that_gives_no_number(engine, row, result):
    row("odd", lambda a: result, [lambda y, a: 1.0])
    row("odd_slope", lambda a: a, [lambda y, a: result])
    for name in ("odd", "odd_slope"):
        with pytest.raises((TypeError, ValueError)) as error:
            of(engine, name)(engine.Value(1.0))
        assert name in str(error.value), str(error.value)


@pytest.mark.parametrize("result", [2, True, np.float64(2.5), np.float32(0.5), np.array(3.0)], ids=repr)
def test_a_rule_may_give_any_real_number(engine, row, result):
    row("kind", lambda a: result, [lambda y, a: result])
    y = of(engine, "kind")(engine.Value(1.0))
    assert type(y.data) is float and y.data == float(result) == y.partials[0]


def test_a_rule_may_build_graphs_of_its_own(engine, row):
    """Re-entrancy: a value that solves a little problem with Values, while another graph is being built."""
    def newton(a):
        root = 1.0
        for _ in range(40):
            guess = engine.Value(root)
            error = guess * guess - a
            error.backward()
            root -= error.data / guess.grad
        return root

    row("newton_root", newton, [lambda y, a: 0.5 / y])
    x = engine.Value(2.0)
    y = of(engine, "newton_root")(x) * x
    y.backward()
    assert x.grad == pytest.approx(1.5 * math.sqrt(2), rel=1e-15)


def test_a_rule_may_define_a_row_while_it_runs(engine, row):
    def growing(a):
        row("grown_inside", lambda b: b, [lambda y, b: 1.0])
        return a

    row("growing", growing, [lambda y, a: 1.0])
    assert of(engine, "growing")(engine.Value(1.0)).data == 1.0
    assert of(engine, "grown_inside")(engine.Value(2.0)).data == 2.0


def test_apply_takes_what_arithmetic_takes(engine):
    x = engine.Value(2.0)
    for three in (3, np.float64(3), np.array(3.0), np.array(3.0, dtype=object)):
        x.apply(TABLE["mul"], (x, 17.0))
        y = x.apply(TABLE["mul"], (x, three))
        assert (y.data, y.partials, y.operands[1]) == (6.0, (3.0, None), 3.0)
    for operands in ((x,), (x, x, x), ()):
        with pytest.raises(TypeError, match="mul"):
            x.apply(TABLE["mul"], operands)
    with pytest.raises(TypeError, match="cannot be of type str"):
        x.apply(TABLE["mul"], (x, "3"))


def test_a_row_that_was_refused_leaves_the_later_ones_right():
    for refused in ({"numpy": 3}, {"partials": [None] * 1025}, {"text": "{7}"}):
        with pytest.raises((TypeError, ValueError)):
            ag.primitive("refused", lambda *a: 1.0, **{"partials": [lambda y, a: 1.0], **refused})
        assert "refused" not in TABLE
        triple = ag.primitive("triple_after_refusal", lambda a: 3 * a, [lambda y, a: 3.0])
        x = ag.Value(2.0)
        result = triple(x) + 1
        result.backward()
        assert (result.data, x.grad) == (7.0, 3.0)


@pytest.mark.parametrize("executor", ["python", "native", "numpy", "llvm"])
def test_rows_of_one_name_are_told_apart_in_programs(executor):
    if executor == "llvm":
        pytest.importorskip("llvmlite")
    elif executor == "native" and ag.engine != "native":
        pytest.skip("the compiled engine is not there")
    twice, thrice = (ag.custom_gradient(lambda a, k=k: k * a, lambda y, a, k=k: k, name="scaled", operands=1)
                     for k in (2.0, 3.0))
    program = ag.trace(lambda x: twice(x) + 10 * thrice(x), 1.0)
    assert program(5.0, executor=executor) == 160.0
    assert program.map([5.0, 6.0], executor=executor).tolist() == [160.0, 192.0]


@pytest.mark.parametrize("place", [0, 6, 31, 63, 64, 70, 99])
def test_a_value_may_stand_anywhere_among_many_operands(engine, row, place):
    """A place beyond the bits of a machine word was once taken for another one, whose constant was read as a node."""
    rules = [(lambda y, *operands, factor=i: operands[0] * 0 + factor + 1) for i in range(100)]
    weigh = row("weigh", lambda *operands: sum((i + 1) * x for i, x in enumerate(operands)), rules)
    operands = [float(i) for i in range(100)]
    x = engine.Value(operands[place])
    operands[place] = x
    y = x.apply(lookup("weigh"), operands)
    y.backward()
    assert [i for i, operand in enumerate(y.operands) if operand is x] == [place]
    assert (y.data, x.grad, gradient(y, x).data) == (sum(i * (i + 1.0) for i in range(100)), place + 1.0, place + 1.0)
    program = trace(lambda x: weigh(*operands[:place], x, *operands[place + 1:]), 2.0)
    assert program.gradient()(float(place)) == place + 1.0 and program(float(place)) == y.data
