"""What is tried: methods and functions, pickles, the state of Programs, expressions. Each in every engine there is.

A target takes `Choices` and gives what happened, or raises `Undocumented`.
"""

from __future__ import annotations

import copy
import io
import pickle
import pickletools
import traceback
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from choices import Choices

import autograd_mini as ag
from autograd_mini import render
from autograd_mini._body.body import Body
from autograd_mini._core import persistence, registry
from autograd_mini._core.expression import evaluate, names
from autograd_mini.primitives import ROWS, TABLE
from autograd_mini.program import Program, trace
from autograd_mini.program._layout import Part

DOCUMENTED = (ag.AutogradError, TypeError, ValueError, OverflowError, ArithmeticError, AttributeError, LookupError,
              MemoryError, pickle.PickleError, EOFError, ImportError, NotImplementedError, np.ma.MaskError,
              RecursionError)  # the last is Python's word for lists that hold themselves
ENGINES = list(registry.engines.values())


class Undocumented(Exception):
    """A case ended as no page says it may."""


def attempt(action: Callable[[], Any], documented: tuple[type[BaseException], ...] = DOCUMENTED) -> tuple[Any, Any]:
    """The result of an action, and what its error was and where it came from, None without one."""
    try:
        return action(), None
    except documented as error:
        if not str(error) and not isinstance(error, (MemoryError, EOFError)):
            raise Undocumented(f"an error without a word: {error!r}") from None
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "autograd_mini" in frame.filename]
        return None, (type(error).__name__, frames[-1][:2] if frames else str(error)[:30])
    except Undocumented:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise Undocumented(f"{type(error).__name__} at {where.filename}, {where.lineno}: {error}") from None


class Shifty:
    """A number whose conversion does something to the nodes at hand."""

    def __init__(self, choices: Choices, pool: list[Any]) -> None:
        self.choices, self.pool = choices, pool

    def __float__(self) -> float:
        target = self.choices.of(self.pool)
        way = self.choices.below(5)
        if way == 0:
            del self.pool[1:]
        elif isinstance(target, registry.engine_of(()).kind):
            [lambda: setattr(target, "name", None), target.backward, lambda: setattr(target, "data", 3.0),
             lambda: target.__init__(4.0)][way - 1]()
        return 2.0


STRANGE = [
    0, 1, -1, 0.0, -0.0, 2.5, 1e308, 5e-324, float("nan"), float("inf"), True, 10**400, -(10**400), 2**31, 2**63, 2**64,
    "", "x", "\0", "\ud800", "a" * 5000, b"x", None, (), (1.0,), [], [1.0, 2.0], {}, {"a": 1.0}, {1.0}, 1j, object(),
    Fraction(1, 3), Decimal("1.5"), Decimal("sNaN"), np.float64(2), np.float32(2), np.longdouble("1e400"), np.int8(3),
    np.bool_(True), np.datetime64("2020"), np.array(2.0), np.array([1.0, 2.0]), np.zeros((0, 3)), np.array([None, 1.0]),
    np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.masked, np.zeros(2, dtype=[("a", float)]), np.array([1.0, 2.0], ">f8"),
    np.float16(1.5), np.array([1j]), np.array("text"), range(3), slice(1), len,
    ..., NotImplemented, type, int, ag, Part,
    TABLE["mul"], TABLE["where"], TABLE["exp"],
]
PUBLIC = ["gradient", "grad", "hessian", "jacobian", "jvp", "vjp", "hvp", "value_and_grad", "trace", "leaves",
          "topological_order", "scope", "stop_gradient", "text", "latex", "tree", "derive"]


def a_thing(choices: Choices, pool: list[Any]) -> Any:
    way = choices.below(8)
    if way < 4:
        return choices.of(pool)
    if way < 7:
        return choices.of(STRANGE)
    return Shifty(choices, pool)


def a_step(choices: Choices, kind: type, functions: dict[str, Any], pool: list[Any]) -> tuple[str, Callable[[], Any]]:
    """Something to do with a class, its functions and what lies about, and how to say it."""
    things = [a_thing(choices, pool) for _ in range(choices.below(4))]
    way = choices.below(6)
    if way < 3:
        name = choices.of(sorted({*vars(kind), "__init__", "__new__"} - {"__doc__", "__module__"}))
        found = vars(kind).get(name)
        if name in ("data", "grad", "name") and things:
            return f"{name} set", lambda: found.__set__(*(things * 2)[:2])
        if hasattr(type(found), "__set__"):
            return f"{name} got", lambda: found.__get__(choices.of(STRANGE))
        called = getattr(kind, name)
        if name == "__new__":
            things = [choices.of([kind, *things]), *things]
        return f"Value.{name}", lambda: called(*things)
    if way < 5:
        name = choices.of(sorted(functions))
        return name, lambda: functions[name](*things)
    name = choices.of(PUBLIC)
    return name, lambda: getattr(ag, name)(*things)


def methods(choices: Choices, show: bool) -> Any:
    """Every method and function with whatever lies about: wrong selves, nodes without init, numbers that act."""
    engine = choices.of(ENGINES)
    x = engine.kind(2.0, "x")
    pool = [x, x * x, engine.functions["exp"](x), engine.kind.__new__(engine.kind)]
    seen = []
    for _ in range(1 + choices.below(6)):
        title, step = a_step(choices, engine.kind, engine.functions, pool)
        if show:
            print(title, flush=True)
        result, error = attempt(step)
        seen.append((title, error or type(result).__name__))
        if error is None and not isinstance(result, (str, bytes)):
            pool.append(result)
        if show:
            print("   ", error or type(result).__name__, flush=True)
    for node in pool:
        if type(node) is engine.kind:
            attempt(node.backward)
            attempt(lambda node=node: (repr(node), node.operands, node.partials, copy.deepcopy(node)))
    return tuple(seen[-2:])


class Careful(pickle.Unpickler):
    """Finds nothing outside the package and NumPy, for bytes at random may name anything."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".", maxsplit=1)[0] in ("autograd_mini", "numpy") or (module, name) == ("builtins", "bool"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError("not here")


def some_pickles() -> list[bytes]:
    saved = []
    for engine in ENGINES:
        x, f = engine.kind(0.5, "x"), engine.functions
        y = f["where"](x > 0, x * x + 1, f["exp"](x)) / 3
        y.backward()
        for thing in (x, y, [y, x, y * y], ag.gradient(y, x)):
            saved += [pickle.dumps(thing, 2), pickle.dumps(thing, 4)]
    program = trace(ag.value_and_grad(lambda w, x: ag.softplus(w[0] * x + w[1])), np.ones(2), 1.0)
    return [*saved, pickle.dumps(program), pickle.dumps(program.body)]


PICKLES = some_pickles()


def used(thing: Any) -> None:
    """What one does with something that was loaded."""
    if isinstance(thing, (list, tuple)):
        for entry in thing[:3]:
            used(entry)
    if any(type(thing) is engine.kind for engine in ENGINES):
        thing.backward()
        repr(thing), render.text(thing), pickle.dumps(thing), ag.leaves(thing), thing + 1
    if isinstance(thing, Program):
        numbers = [np.ones(part.dimensions) if type(part) is Part else 1.0 for part in thing.arguments]
        for executor in (None, "native", "python"):
            attempt(lambda executor=executor: thing(*numbers, executor=executor))
        attempt(lambda: thing(*numbers))
        attempt(lambda: thing.sum(*[np.ones((3, *np.shape(number))) for number in numbers]))
        thing.listing(), repr(thing), thing.explain()


def pickles(choices: Choices, show: bool) -> Any:
    """Pickles of graphs and Programs with some bytes, or some fields of a node, that are others.

    "deallocated bytearray object has exported buffers" is CPython 3.10 and 3.11 speaking: it frees a bytearray of a
    size that no memory has (`pickle.loads(b"\\x96" + bytes(7) + b"\\x40")`) before all its fields are set.
    """
    if choices.below(2):
        raw = bytearray(choices.of(PICKLES))
        for _ in range(1 + choices.below(4)):
            at, way = choices.below(len(raw)), choices.below(3)
            if way == 0:
                raw[at] = choices.below(256)
            elif way == 1:
                del raw[at:at + 1 + choices.below(8)]
            else:
                raw[at:at] = raw[choices.below(len(raw)):][:1 + choices.below(8)]
        if show:
            attempt(lambda: pickletools.dis(bytes(raw)), (Exception,))
        load = Careful(io.BytesIO(bytes(raw))).load
    else:
        engine = choices.of(ENGINES)
        x = engine.kind(1.0)
        fields = ["native", 1.0, "x", TABLE[choices.of(sorted(TABLE))], (x, x), (1.0, 1.0), 1.0, 1, None]
        if choices.below(2):
            fields[4:6] = (x * 2,) * len(fields[3].partials), (1.0,) * len(fields[3].partials)
        pool = [x, x * 2, (x,), (x, 2.0), (1.0, None), engine.kind.__new__(engine.kind)]
        for _ in range(choices.below(4)):
            fields[choices.below(9)] = a_thing(choices, pool)
        if show:
            print(fields, flush=True)
        load = lambda: persistence._restore(*fields)
    thing, error = attempt(load)
    return error or attempt(lambda: used(thing))[1]


EXAMPLE = trace(lambda w, x: [ag.sigmoid(w @ x), w * x[0]], np.ones(3), np.ones(3))
BESSEL = ag.primitive("fuzz_cube", lambda a: a**3, [lambda y, a: 3 * a * a])


def programs(choices: Choices, show: bool) -> Any:
    """Programs whose saved state does not fit: slots, counts, layouts and names of other kinds or sizes."""
    inputs, constants, rows, code, outputs = EXAMPLE.body.__getstate__()
    body = [inputs, constants, rows, code, outputs]
    words = list(memoryview(code).cast("i"))
    for _ in range(choices.below(3)):
        words[choices.below(len(words))] = choices.of([-1, 0, 1, 5, 2**31 - 1, -(2**31), 100])
    body[3] = np.array(words, np.int32).tobytes()
    strange = [0, -1, 2**31, 2**62, (), (0,), (2**40,), (-1,), b"", b"abc", (1.0,) * 9, [TABLE["where"]] * 9,
               tuple(ROWS), None, {}, "x", 1.5, (BESSEL,)]
    for _ in range(choices.below(3)):
        body[choices.below(5)] = choices.of(strange)
    state = list(EXAMPLE.__getstate__())
    state[5] = attempt(lambda: made(Body, tuple(body)))[0] or EXAMPLE.body
    for _ in range(choices.below(3)):
        part = Part(choices.of(["w", "", None, 5]), choices.of([0, 1, 3, -1, 6, 2**31, 2**62, 1.5, None]),
                    choices.of([None, (), (3,), (0,), (-1,), (2**20, 2**20), (1,) * 70, "ab", 3]))
        layouts = [(part, EXAMPLE.arguments[1]), (part,), part, [part, part], {"a": part}, None]
        state[3 + choices.below(2)] = choices.of(layouts)
    for _ in range(choices.below(2)):
        state[choices.below(len(state))] = choices.of([None, (), {}, 5, "x", [1], "a" * 1000, {0: 5}, {"x": "y"}])
    if show:
        print(state, flush=True)
    program, error = attempt(lambda: made(Program, tuple(state)))
    return error or attempt(lambda: used(program))[1]


def made(kind: type, state: Any) -> Any:
    thing = kind.__new__(kind)
    thing.__setstate__(state)
    return thing


TOKENS = [
    "x", "y", "1", "2.5", "1e400", "0x", "1_000", "+", "-", "*", "/", "**", "(", ")", ",", "exp", "ln", "max",
    "where", " ", "\n", ";", "=", "==", "<", "<=", "!=", " if ", " else ", " and ", "not ", "lambda:", "[", "]",
    ".", "'", '"', "#", "²", "×", "−", "（", "π", "e", "nan", "\\", "\t", "\0", "\ud800", "：", "{", "}", "@", "%",
    "^", ":=", "...", "j", "é", "t = ", "x = ", "L = ", "9" * 400, "(" * 300, "-" * 300, "\n" * 3000, "**2" * 50,
    "x" * 3000, "1+" * 2000,
]


def expressions(choices: Choices, show: bool) -> Any:
    """Texts from the signs of the expression language, in any order."""
    source = "".join(choices.of(TOKENS) for _ in range(1 + choices.below(30)))
    if show:
        print(repr(source), flush=True)
    point = {"x": ENGINES[0].kind(1.5), "y": 2.0}
    _, error = attempt(lambda: names(source))
    result, wrong = attempt(lambda: evaluate(source, point))
    return error, wrong or type(result).__name__


TARGETS: dict[str, Callable[[Choices, bool], Any]] = {
    "methods": methods, "pickles": pickles, "programs": programs, "expressions": expressions}
