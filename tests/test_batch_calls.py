"""Batch calls straight to machine code: whatever the layout, they give what the call before them gave."""

from __future__ import annotations

import collections
import inspect
import pickle
import threading

import numpy as np
import pytest
from test_llvm_rows import same, spread

import autograd_mini as am
from autograd_mini.program import trace
from autograd_mini.program._reduction import BLOCK

pytest.importorskip("llvmlite")
pytestmark = pytest.mark.skipif(am.engine != "native", reason="the compiled extension calls machine code")

rng = np.random.default_rng(0)
PURPOSES = ("sum", "mean", "map")


def residual(w, x, y):
    z = sum((w * x[i] - x[i] / 3 for i in range(len(x))), start=am.sqrt(abs(x[0])))
    return {"square": (am.maximum(z, 0.25) - y) ** 2, "rest": [z, (x, w, 2.5)]}


def flat(tree):
    if isinstance(tree, dict):
        return flat(list(tree.values()))
    if isinstance(tree, (list, tuple)):
        return np.concatenate([flat(entry) for entry in tree])
    return np.ravel(tree)


def quick(program, purpose, arguments):
    """What the direct call gives; the first call, which writes the code, is not it."""
    getattr(program, purpose)(*arguments, executor="llvm")
    return program._callers[purpose, "llvm", None](arguments)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("layout", [name for name in spread(np.ones((2, 2))) if name != "foreign byte order"])
@pytest.mark.parametrize("rows", [1, 5, 16, 37, 2 * BLOCK + 3])
def test_every_layout_and_count_has_the_bits_of_the_readable_executor(purpose, layout, rows):
    x, y = spread(rng.normal(size=(rows, 3)))[layout], rng.random(rows)
    program = trace(residual, 0.3, np.ones(3), 1.0)
    found = quick(program, purpose, (0.7, x, y))
    expected = getattr(program, purpose)(0.7, x, y, executor="numpy")
    assert same(flat(found), flat(expected))
    assert type(found) is dict and type(found["rest"]) is list and type(found["rest"][1]) is tuple


@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
def test_every_dtype_is_read_as_what_it_is(dtype):
    x, y = (rng.normal(size=(55, 2)) * 50).astype(dtype), rng.integers(0, 2, 55).astype(dtype)
    program = trace(residual, 0.3, np.ones(2), 1.0)
    assert same(flat(quick(program, "sum", (0.7, x, y))), flat(program.sum(0.7, x, y, executor="numpy")))


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("bad", [[0], [20], [3 * BLOCK + 6], [5, BLOCK, BLOCK + 1], range(3 * BLOCK + 7)])
def test_rows_where_the_chain_rule_meets_zero_times_infinity(purpose, bad):
    """A product with a zero is zero, so the slope stays what it is without those rows."""
    f = am.value_and_grad(lambda w, x: am.where(am.less(x, 0), w * x, am.sqrt(w * x)))
    program, x = trace(f, 1.0, 2.0), rng.random(3 * BLOCK + 7) + 0.5
    x[list(bad)] = -2.0
    value, slope = quick(program, purpose, (1.25, x))
    values = np.where(x < 0, 1.25 * x, np.sqrt(1.25 * np.abs(x)))
    slopes = np.where(x < 0, x, 0.5 * np.sqrt(np.abs(x) / 1.25))
    judge = {"sum": np.sum, "mean": np.mean, "map": np.asarray}[purpose]
    np.testing.assert_allclose(value, judge(values), rtol=1e-12)
    np.testing.assert_allclose(slope, judge(slopes), rtol=1e-12)


def test_a_row_has_the_same_bits_whatever_the_number_of_rows():
    f = am.value_and_grad(lambda w, x: am.tanh(w @ x) * am.exp(-w[0] * x[1]) + am.sin(x[0]) ** 2.5)
    program, w, x = trace(f, np.ones(2), np.ones(2)), np.array([0.7, -0.2]), rng.normal(size=(100, 2))
    whole = quick(program, "map", (w, x))
    for first, last in ((0, 1), (99, 100), (3, 20), (50, 57), (7, 71)):
        assert same(flat(quick(program, "map", (w, x[first:last]))),
                    np.concatenate([whole[0][first:last], whole[1][first:last].ravel()]))


def test_what_is_laid_out_in_another_way_is_still_right():
    program, w = trace(residual, 0.3, np.ones(2), 1.0), 0.7
    x, y = rng.normal(size=(40, 2)), rng.random(40)
    expected = flat(program.sum(w, x, y, executor="numpy"))
    for given in ((w, x, y), (w, np.asfortranarray(x), y), (w, x.tolist(), y), (w, x, y.tolist()),
                  (np.float32(0.7), x, y), (w, x, y), (np.array(w), x, y), (w, x.astype(">f8"), y)):
        for _ in range(2):
            exact = given[0] if type(given[0]) is float else float(given[0])
            wanted = expected if exact == w else flat(program.sum(exact, x, y, executor="numpy"))
            assert same(flat(program.sum(*given, executor="llvm")), wanted)
    for wrong in ((w, x[:, :1], y), (w, x, y[:5]), (w, x), (w, x[0], y[0]), (w, None, y)):
        with pytest.raises(TypeError):
            program.sum(*wrong, executor="llvm")
    assert program.sum(w, x[:0], y[:0], executor="llvm")["square"] == 0.0
    assert np.isnan(program.mean(w, x[:0], y[:0], executor="llvm")["square"])


def test_named_tuples_matrices_and_many_arguments():
    Point = collections.namedtuple("Point", "a b")
    program = trace(lambda p, m: Point(p.a * m[0, 0], [p.b - m[1, 1]]), Point(1.0, 2.0), np.ones((2, 2)))
    p, m = Point(rng.random(21), 0.5), rng.random((21, 2, 2))
    for purpose, judge in (("sum", np.sum), ("map", np.asarray)):
        for given in (m, m.swapaxes(1, 2)):
            found = getattr(program, purpose)(p, given, executor="llvm"), getattr(program, purpose)(p, given)
            for result in found:
                assert type(result) is Point
                np.testing.assert_allclose(result.a, judge(p.a * given[:, 0, 0]), rtol=1e-14)
                np.testing.assert_allclose(result.b[0], judge(0.5 - given[:, 1, 1]), rtol=1e-13)
    wide = trace(lambda *columns: sum(columns), *[1.0] * 90)
    columns = [rng.random(19) for _ in range(90)]
    np.testing.assert_allclose(quick(wide, "map", tuple(columns)), np.sum(columns, axis=0), rtol=1e-13)


def test_masked_arrays_are_refused():
    program, x = trace(lambda x: x * x, 1.0), np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    for purpose in PURPOSES:
        with pytest.raises(TypeError, match=r"'x' is a masked array.*compressed"):
            getattr(program, purpose)(x)


def test_threads_call_side_by_side_and_exceptions_stay_in_their_thread():
    def picky(a):
        if a < 0:
            raise ValueError("picky")
        return a * a

    picky_row = am.primitive("picky_square", picky, [lambda y, a: 2 * a])
    careful, plain = trace(lambda x: picky_row(x) + 1, 2.0), trace(lambda w, x: am.exp(w * x), 1.0, 2.0)
    x, caught, wrong = rng.random(50), [], []
    expected = plain.sum(0.5, x, executor="llvm")

    def fails():
        for _ in range(100):
            try:
                careful.sum(-x, executor="llvm")
            except ValueError:
                caught.append(1)

    def works():
        for _ in range(300):
            if careful.sum(x, executor="llvm") < 50 or plain.sum(0.5, x, executor="llvm") != expected:
                wrong.append(1)

    threads = [threading.Thread(target=target) for target in (fails, works, works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(caught) == 100 and not wrong


class Emptying(np.float32):
    """A number whose conversion empties the list that it, or the data beside it, lies in."""

    victim: list | None = None

    def __float__(self):
        self.victim.clear()
        return 1.5


def test_numbers_that_change_the_arguments_while_they_are_read():
    program = trace(lambda a, b: [a[0] * a[1] * b], [1.0, 2.0], 3.0)
    assert program([1.0, 2.0], 3.0) == [6.0]
    arguments = Emptying.victim = [Emptying(1), 2.0]
    assert program(arguments, 3.0) == [6.0]
    quick(program, "sum", ([np.ones(200_000), np.ones(200_000)], 2.0))
    Emptying.victim = [np.ones(200_000), np.ones(200_000)]
    assert program.sum(Emptying.victim, Emptying(2), executor="llvm") == [4e5]


def test_data_lives_as_long_as_the_call_that_reads_it():
    program = trace(lambda a: am.exp(a[0]) * a[0], [1.0])
    data, running = [np.ones(400_000)], True
    expected = program.sum(data, executor="llvm")

    def replace():
        while running:
            data[0] = np.ones(400_000)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        assert all(program.sum(data, executor="llvm") == expected for _ in range(40))
    finally:
        running = False
        thread.join()


class Handed:
    """Hands out an array, as tables and tensors of other packages do."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, dtype=None, copy=None):
        return self.numbers if dtype is None else self.numbers.astype(dtype)

    def __len__(self):
        return len(self.numbers)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("kind", [list, Handed, memoryview, np.ndarray.tolist])
def test_lists_and_what_hands_out_an_array_go_straight_to_machine_code(purpose, kind):
    w, x, y = np.array([0.25, -2.0]), rng.normal(size=(37, 2)), rng.random(37)
    program = trace(lambda w, x, y: {"a": (w @ x - y) ** 2, "b": w * y}, w, x[0], 1.0)
    expected = getattr(program, purpose)(w, x, y, executor="llvm")
    assert same(flat(quick(program, purpose, (kind(w), kind(x), kind(y)))), flat(expected))
    caller = program._callers[purpose, "llvm", None]
    assert same(flat(caller((w.astype(np.float32), kind(x), y))), flat(expected))
    for wrong in (["a"] * 37, [[1.0], [2.0, 3.0]], None, "x", [am.Value(1.0)] * 37, np.ma.masked_array(y, y > 0.5)):
        assert caller((w, x, wrong)) is NotImplemented


def test_results_are_written_where_asked():
    x, y = rng.normal(size=(37, 2)), rng.random(37)
    program = trace(lambda x, y: {"a": x * y, "b": [y * 2.0]}, x[0], 1.0)
    program.map(x, y, executor="llvm")
    caller, expected = program._callers["map", "llvm", None], program.map(x, y, executor="numpy")
    out = {"a": np.full((37, 2), 9.0), "b": [np.empty(37)]}
    assert caller((x, y), out)["a"] is out["a"] and same(flat(out), flat(expected))
    assert program.map(x, y, out=out, executor="llvm") is out
    strange = [{"a": np.empty((36, 2)), "b": [np.empty(37)]}, {"a": np.empty((37, 2)), "b": [np.empty(74)[::2]]},
               {"a": np.empty((37, 2), np.float32), "b": [np.empty(37)]}, {"a": x, "b": [np.empty(37)]},
               {"a": out["a"]}, {"a": out["a"], "b": (out["b"][0],)}, {"a": np.empty((37, 2)), "b": [y[:]]}]
    for other in strange:
        assert caller((x, y), other) is NotImplemented
    frozen = np.empty(37)
    frozen.flags.writeable = False
    assert caller((x, y), {"a": np.empty((37, 2)), "b": [frozen]}) is NotImplemented
    before = x.copy()
    program.map(x, y, out={"a": x, "b": [y]}, executor="llvm")      # the arguments' own memory
    assert same(flat({"a": x, "b": y}), flat(expected)) and not np.array_equal(x, before)


def test_methods_that_are_called_from_c_are_methods_still():
    """Taken before the first call, pickled, with a signature; without keywords they go where the last call went."""
    program = trace(residual, 0.3, np.ones(3), 1.0)
    x, y = rng.normal(size=(7, 3)), rng.random(7)
    early, expected = program.sum, program.sum(0.7, x, y, executor="numpy")
    program.sum(0.7, x, y, executor="llvm")
    caller = program._callers["sum"] = program._callers["sum", "llvm", None]
    assert same(flat(early(0.7, x, y)), flat(expected)) and caller.rows == 7
    assert same(flat(early(0.7, x=x[:5], y=y[:5])), flat(program.sum(0.7, x[:5], y[:5], executor="numpy")))
    assert same(flat(pickle.loads(pickle.dumps(early))(0.7, x, y)), flat(expected))
    assert list(inspect.signature(early).parameters) == ["arguments", "batches", "executor", "threads", "keywords"]
    assert early.__name__ == "sum" and early.__doc__ == type(program).sum.__doc__
