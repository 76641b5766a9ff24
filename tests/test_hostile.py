"""Whatever is handed to a Value, both engines answer alike: with a result or with a documented error."""

from __future__ import annotations

import array
import datetime
import enum
import math
import operator
import re
import types
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from conftest import ENGINES

import autograd_mini as ag
from autograd_mini import gradient
from autograd_mini.primitives import TABLE
from autograd_mini.program import trace

pytestmark = pytest.mark.filterwarnings("ignore")


class Half(float):
    """A subclass of float."""


class Aloof(float):
    """A float that wants nothing to do with NumPy."""

    __array_ufunc__ = None


class Breaking:
    def __float__(self): raise ArithmeticError("this number breaks")


class Lying:
    def __float__(self): return "text"


class Index:
    def __index__(self): return 3


class Proud:
    """Answers addition itself, and leaves the rest to others."""

    def __radd__(self, other): return 42

    def __rmul__(self, other): return NotImplemented


class Silent:
    __array_ufunc__ = None


class Odd:
    __hash__ = None

    def __eq__(self, other): return "odd"


class Three(enum.IntEnum):
    THREE = 3


OBJECTS = [
    1, 0, -0.0, True, 10 ** 308, 10 ** 400, -10 ** 400, Half(2.5), Three.THREE, Aloof(2.0), Fraction(1, 3),
    Decimal("1.5"), Decimal("nan"), Decimal("sNaN"), Decimal("1e400"), math.nan, math.inf, "3", "", b"3",
    bytearray(b"3"), None, [], [1.0], (), (1.0,), {}, {1}, frozenset(), 1j, np.float16(1.5), np.float32(1.5),
    np.float64(1.5), np.longdouble(1.5), np.longdouble("1e400"), np.int8(3), np.uint64(2 ** 64 - 1), np.bool_(True),
    np.complex64(1), np.str_("a"), np.bytes_(b"a"), np.datetime64("2020"), np.timedelta64(3, "s"), np.void(b"ab"),
    np.array(2.0), np.array([2.0]), np.array([[2.0]]), np.array([1.0, 2.0]), np.array([]), np.array(2.0, dtype=object),
    np.array("a"), np.array(None, dtype=object), np.array([1, 2], dtype=np.float32), np.array([None, 1.0]),
    np.ma.masked, np.ma.array([1.0, 2.0], mask=[0, 1]), object(), Breaking(), Lying(), Index(), Proud(), Silent(),
    Odd(), math, int, float, range(3), len, iter([1]), ..., NotImplemented, slice(1), memoryview(b"a"),
    array.array("d", [1.0]), datetime.timedelta(1), datetime.date(2020, 1, 1), types.SimpleNamespace(), ValueError("x"),
]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.lt, operator.le,
             operator.gt, operator.ge, operator.eq, operator.ne, operator.floordiv, operator.mod, operator.matmul]


def assigned(node, attribute, thing):
    setattr(node, attribute, thing)
    return getattr(node, attribute)


def uses(engine, thing):
    """Every way to hand a thing to a Value, by a title."""
    make, f = engine.Value, engine.functions
    yield "data", lambda: make(thing)
    yield "name", lambda: make(1.0, thing).name
    yield "seed", lambda: (make(1.0) * 2).backward(thing)
    yield "data =", lambda: assigned(make(1.0), "data", thing)
    yield "grad =", lambda: assigned(make(1.0), "grad", thing)
    yield "wrt", lambda: gradient(make(2.0) * 2, thing)
    yield "y", lambda: gradient(thing, make(2.0))
    yield "apply", lambda: make(2.0).apply(TABLE["mul"], (make(2.0), thing))
    for operation in OPERATORS:
        yield operation.__name__, lambda operation=operation: operation(make(2.0), thing)
        if not isinstance(thing, (bytearray, array.array)):  # they speak for themselves
            yield "r" + operation.__name__, lambda operation=operation: operation(thing, make(2.0))
    for name in ("exp", "abs", "maximum", "pow", "hypot", "where"):
        others = len(TABLE[name].partials) - 1
        yield f"{name}()", lambda name=name, others=others: f[name](*[thing] * (others + 1))
        if others:
            yield name + " left", lambda name=name, others=others: f[name](make(2.0), *[thing] * others)
            yield name + " right", lambda name=name, others=others: f[name](*[thing] * others, make(2.0))
    for ufunc in (np.add, np.multiply, np.maximum, np.power, np.arctan2, np.less):
        yield f"np.{ufunc.__name__}", lambda ufunc=ufunc: ufunc(make(2.0), thing)
        yield f"np.{ufunc.__name__} right", lambda ufunc=ufunc: ufunc(thing, make(2.0))


def told(result, kind):
    """A result in words that are the same for both engines."""
    if isinstance(result, kind):
        operation = result.operation and result.operation.name
        return f"Value {result.data!r} {operation} {[told(o, kind) for o in result.operands]} {result.partials!r}"
    if isinstance(result, np.ndarray):
        return f"{result.dtype} {result.shape} {[told(entry, kind) for entry in result.ravel().tolist()]}"
    return f"{type(result).__name__} {result!r}"


def outcome(use, kind):
    try:
        return told(use(), kind)
    except (TypeError, OverflowError, ValueError) as error:
        text = re.sub(r" at 0x[0-9a-f]+", "", str(error)).replace("autograd_mini.Value", "Value")  # Python's own words
        return f"{type(error).__name__}: {text}"
    except ArithmeticError as error:  # of Breaking, and of comparing a signalling nan
        return f"its own {type(error).__name__}"
    except AttributeError as error:
        assert "ndim" in str(error)  # np.ma.masked asks any operand for it
        return "np.ma's AttributeError"


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda x: f"{type(x).__name__} {str(x).split(' at 0x')[0][:16]}")
def test_both_engines_answer_alike_and_with_documented_errors(thing):
    answers = [{title: outcome(use, engine.Value) for title, use in uses(engine, thing)} for engine in ENGINES]
    assert len(answers[0]) > 40
    for answer in answers[1:]:
        assert answer == answers[0]


@pytest.mark.parametrize("thing", [x for x in OBJECTS if not isinstance(x, (float, int, np.generic, np.ndarray))],
                         ids=lambda x: f"{type(x).__name__} {str(x).split(' at 0x')[0][:16]}")
def test_no_answer_is_a_bare_number(engine, thing):
    """Arithmetic with a Value gives Values, or what the other operand's own operator says, never a float."""
    for title, use in uses(engine, thing):
        if title in ("add", "sub", "mul", "truediv", "pow", "rsub", "rmul", "rtruediv", "rpow"):
            answer = outcome(use, engine.Value)
            assert not answer.startswith("float"), (title, answer)


DOUBLE = trace(lambda x: x * 2, 1.0)
FUNCTIONS = {
    "grad of": lambda t: ag.grad(t)(1.0), "grad at": ag.grad(lambda x: x * x),
    "grad giving": lambda t: ag.grad(lambda x: t)(1.0), "argnums": lambda t: ag.grad(lambda x: x, t)(1.0),
    "aux": lambda t: ag.grad(lambda x: t, has_aux=True)(1.0), "value_and_grad": ag.value_and_grad(ag.sin),
    "jacobian": lambda t: ag.jacobian(lambda x: [x, t])(1.0), "hessian": lambda t: ag.hessian(lambda x: x * t)(1.0),
    "jvp": lambda t: ag.jvp(ag.sin, (1.0,), (t,)), "jvp at": lambda t: ag.jvp(ag.sin, t, (1.0,)),
    "vjp": ag.vjp(ag.sin, 1.0)[1], "hvp": lambda t: ag.hvp(ag.sin, (1.0,), (t,)),
    "trace of": lambda t: trace(t, 1.0), "trace on": lambda t: trace(lambda x: x, t),
    "trace giving": lambda t: trace(lambda x: t, 1.0), "program": DOUBLE, "map": DOUBLE.map, "sum": DOUBLE.sum,
    "executor": lambda t: DOUBLE(1.0, executor=t), "out": lambda t: DOUBLE.map([1.0], out=t),
    "stop_gradient": ag.stop_gradient, "text": ag.text, "latex": ag.latex, "tree": ag.tree, "draw": ag.draw,
    "leaves": ag.leaves, "topological_order": ag.topological_order, "scope": ag.scope,
}


@pytest.mark.parametrize("title", FUNCTIONS)
def test_transforms_programs_and_texts_answer_with_documented_errors(title):
    for thing in OBJECTS:
        try:
            FUNCTIONS[title](thing)
        except (TypeError, ValueError, OverflowError) as error:
            assert str(error), thing
        except ArithmeticError as error:
            assert "breaks" in str(error)


def test_a_masked_number_is_none(Value):
    for use in (lambda: Value(np.ma.masked), lambda: Value(1.0) + np.ma.array([1.0], mask=[True])[0]):
        with pytest.raises((TypeError, AttributeError)):
            use()
