"""Whatever is handed to a Value, both engines answer alike: with a result or with a documented error."""

from __future__ import annotations

import array
import contextvars
import datetime
import enum
import math
import operator
import os
import re
import subprocess
import sys
import threading
import types
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from conftest import ENGINES

import autograd_mini as ag
from autograd_mini import cli, gradient
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


# Code that plays tricks ----------------------------------------------------------------------------------------------

class Moving:
    """A number whose conversion assigns a leaf."""

    def __init__(self, leaf): self.leaf = leaf

    def __float__(self):
        self.leaf.data = 5.0
        return 3.0


@pytest.mark.parametrize("use", [
    lambda x, n, f: x * n, lambda x, n, f: n - x, lambda x, n, f: x ** n, lambda x, n, f: x % n, lambda x, n, f: x < n,
    lambda x, n, f: f["hypot"](x, n), lambda x, n, f: f["atan2"](n, x), lambda x, n, f: f["where"](x, n, x),
    lambda x, n, f: x.apply(TABLE["mul"], (x, n))])
def test_a_number_that_assigns_the_other_operand_is_read_first(engine, use):
    x = engine.Value(2.0)
    node, expected = use(x, Moving(x), engine.functions), use(engine.Value(5.0), 3.0, engine.functions)
    assert (node.data, node.partials) == (expected.data, expected.partials)


def itself():
    inner = [1.0]
    inner.append(inner)
    return inner


@pytest.mark.parametrize("use", [
    DOUBLE.map, DOUBLE.sum, lambda t: trace(lambda x: x, t), ag.ravel, ag.grad(lambda x: 1.0),
    lambda t: ag.Value(1.0).backward(t), lambda t: gradient(ag.Value(1.0), t),
    ag.stop_gradient, lambda t: ag.scan(lambda c, x: (c, x), t, [1.0]), lambda t: ag.save(t, "never")])
def test_what_holds_itself_is_one_clear_error(use):
    with pytest.raises(ValueError, match="nested in itself"):
        use(itself())


def test_a_mask_is_never_stripped(engine):
    masked = np.ma.array([1.0, 2.0], mask=[True, False])
    for use in (lambda: engine.functions["exp"](masked), lambda: engine.functions["hypot"](engine.Value(1.0), masked),
                lambda: DOUBLE.sum(masked), lambda: ag.grad(lambda x: x[0])(masked)):
        with pytest.raises(TypeError, match="masked"):
            use()
    assert np.ma.is_masked(engine.Value(2.0) * masked)


COLUMNS = [
    {"at": 5}, {"at": "ab"}, {"at": (("a",),)}, {"at": ((1.0, 2.0),)}, {"ulps": 5}, {"ulps": (1,)}, {"domain": 5},
    {"meaning": 5}, {"course": 5}, {"course": (5,)}, {"c": 5}, {"c": "{0:x}"}, {"c": "{0.__class__}"},
    {"text": "{0!r}"}, {"text": "{"}, {"latex": "{5}"}, {"binds": "x"}, {"binds": (1, 2, 3)}, {"numpy": 5},
    {"scipy": 5}, {"arrays": 5},
    {"expansion": 5}, {"formula": 5}, {"exact": 5}, {"sympy": 5}, {"edge": 5}, {"jump": "x"}, {"lanes": 5}, {"js": 5},
    {"module": 5}, {"index": 3}, {"nope": 1}, {"shortcut": 5}, {"shortcut": ("ab",)}, {"shortcut": ((9, 1.0, 0),)},
    {"shortcut": ((0, "nonsense", 0),)}, {"shortcut": ((0, 1.0, 7),)}, {"shortcut": ((0, 1.0, "its operand"),)},
    {"shortcut": ((0, 1.0, ("nope", 0)),)}, {"shortcut": ((0, 1.0, ("exp", 5)),)},
    {"shortcut": ((0, 1.0, ("add",) + (0,) * 40),)},  # it wrote behind the end of an array
]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_a_column_of_another_kind_is_refused_when_the_row_is_made(columns):
    with pytest.raises((TypeError, ValueError), match=next(iter(columns))):
        ag.primitive("refused", lambda a: a, [lambda y, a: 1.0], **columns)
    assert "refused" not in TABLE


COMPILED = """
import faulthandler, sys
faulthandler.enable()
import autograd_mini as ag
from autograd_mini._body.builder import builder

program = ag.trace(lambda x: x * x, 1.0)
program(2.0)
entry = type(program.__call__)
row = type(ag.exp.__self__) if hasattr(ag.exp, "__self__") else object
uses = [lambda: builder().load(["a"]), lambda: builder().load([5]), lambda: builder().node(5),
        lambda: builder().pull({7: 9}, [3]), lambda: builder().push({-1: 0}, [0]),
        lambda: builder().made([0], ag.Value), lambda: builder().fields([4]), lambda: builder().sparse([0], [5]),
        lambda: builder().load_code(0, (), (ag.trace(ag.sin, 1.0).body.rows), bytes([0, 0, 0, 0, 9, 0, 0, 0])),
        lambda: repr(entry.__new__(entry)), lambda: entry.__new__(entry)(1.0), lambda: entry.__new__(entry).x,
        lambda: entry.__reduce__(5), lambda: type(vars(ag.Program)["__call__"]).__get__(5, None, None),
        lambda: row.__new__(row).name, lambda: ag.Value.backward(5), lambda: ag.Value.data.__get__(5),
        lambda: ag.Value.__format__(7, ".3f"), lambda: ag.Value.restore(1.0, None, ag, (), (), None, 1, None)]
for number, use in enumerate(uses):
    try:
        use()
    except Exception as error:
        print(number, type(error).__name__)
    else:
        print(number, "fine")
"""


def test_compiled_classes_survive_what_was_never_initialised_and_what_is_no_node():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 19


def test_a_block_that_is_closed_elsewhere_is_closed():
    """A generator keeps `with scope(...)` open and is finished by another thread: an error, and nothing stays."""
    def told():
        with ag.scope("layer"):
            yield

    from autograd_mini._core import recording

    open_before, generator, found = recording.open_blocks, told(), []
    contextvars.copy_context().run(next, generator)

    def close():
        try:
            list(generator)
        except ValueError as error:
            found.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert len(found) == 1 and recording.open_blocks == open_before


def test_a_saved_file_says_each_thing_once(tmp_path):
    path = tmp_path / "program.json"
    DOUBLE.save(path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 2, "version": 1'))
    with pytest.raises(ag.SavedFileError, match="'version' stands in it twice"):
        ag.load(path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
def test_a_full_disk_is_named():
    with pytest.raises(OSError, match="/dev/full"):
        DOUBLE.save("/dev/full")


def test_an_exercise_whose_input_is_closed_ends(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["practise", "sin(x)", "x=1"]) == 1
    assert "Traceback" not in capsys.readouterr().err
