"""Compiled code over data: any layout, any length, any number of threads, and the chain rule's zero."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini._body.body import Body
from autograd_mini.primitives import TABLE
from autograd_mini.program import trace
from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Data
from autograd_mini.program._reduction import BLOCK, blocks, join
from autograd_mini.program._scalar import Interpreter
from autograd_mini.program._vectorized import Vectorized

pytest.importorskip("llvmlite")

from autograd_mini.program._llvm import Rows, Scalar, engine

rng = np.random.default_rng(0)


def arithmetic(width):
    """A body that has the same bits in every executor, over an array of columns, a shared number and labels."""

    def f(w, x, y):
        z = sum((w * x[i] - x[i] / 3 for i in range(width)), start=am.sqrt(abs(x[0])))
        residual = am.maximum(z, 0.25) - y
        return residual * residual, z, am.where(am.less(z, 0), x[0], y)

    return trace(am.value_and_grad(lambda *a: f(*a)[0], argnums=1), 0.5, np.ones(width), 1.0).body


def batch_of(w, x, y):
    return Batch(np.array([w] + [0.0] * (x.shape[1] + 1)), [Data(1, x), Data(1 + x.shape[1], y[:, np.newaxis])], len(x))


def run_sums(executor, batch, outputs, share=None):
    count = blocks(batch.rows)
    sums = np.empty((count, outputs))
    for first, last in share or [(0, count)]:
        executor.sums(batch, first, last, sums)
    return join(sums)


def run_rows(executor, batch, outputs, order="C"):
    out = np.full((batch.rows, outputs), 7.0, order=order)
    executor.rows(batch, 0, blocks(batch.rows), [Data(0, out)])
    return out


def same(a, b):
    """Equal bit for bit, but for the bits of nan."""
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a[a == 0]), np.signbit(b[b == 0]))


def spread(x):
    """The same numbers in every layout that an array can have."""
    wide = np.zeros((len(x) * 2, x.shape[1] * 3), dtype=x.dtype)
    wide[::2, ::3] = x
    inner = np.zeros((len(x), x.shape[1] + 2), dtype=x.dtype)
    inner[:, 1:-1] = x
    unaligned = np.frombuffer(b"\0" * 1 + np.ascontiguousarray(x).tobytes(), dtype=np.uint8)[1:].view(x.dtype)
    return {"C": np.ascontiguousarray(x), "Fortran": np.asfortranarray(x), "strided": wide[::2, ::3],
            "inner columns": inner[:, 1:-1], "upside down": np.ascontiguousarray(x[::-1])[::-1],
            "mirrored": np.ascontiguousarray(x[:, ::-1])[:, ::-1], "one row": np.broadcast_to(x[:1], x.shape),
            "unaligned": unaligned.reshape(x.shape),
            "foreign byte order": x.astype(x.dtype.newbyteorder())}


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("layout", spread(np.ones((2, 2))))
def test_every_layout_has_the_bits_of_the_readable_executor(width, layout):
    body = arithmetic(width)
    x = spread(rng.normal(size=(1003, width)))[layout]
    batch = batch_of(0.3, x, rng.random(1003))
    compiled, readable = Rows(body, batch.is_data()), Vectorized(body, batch.is_data())
    count = len(body.outputs)
    assert same(run_sums(compiled, batch, count), run_sums(readable, batch, count))
    for order in "CF":
        assert same(run_rows(compiled, batch, count, order), run_rows(readable, batch, count))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
@pytest.mark.parametrize("layout", ["C", "Fortran", "strided"])
def test_every_dtype_is_read_as_what_it_is(dtype, layout):
    body = arithmetic(5)
    x = spread((rng.normal(size=(100, 5)) * 50).astype(dtype))[layout]
    batch = batch_of(0.3, x, rng.integers(0, 2, 100).astype(dtype))
    compiled, readable = Rows(body, batch.is_data()), Vectorized(body, batch.is_data())
    assert same(run_rows(compiled, batch, len(body.outputs)), run_rows(readable, batch, len(body.outputs)))


@pytest.mark.parametrize("dtype", ["f2", ">f8", ">i4"])
def test_a_dtype_that_is_converted_goes_block_by_block(dtype):
    body, x = arithmetic(2), (rng.normal(size=(2 * BLOCK + 21, 2)) * 9).astype(dtype)
    batch = batch_of(0.3, x, rng.random(len(x)))
    compiled, readable, count = Rows(body, batch.is_data()), Vectorized(body, batch.is_data()), len(body.outputs)
    assert same(run_sums(compiled, batch, count), run_sums(readable, batch, count))
    assert same(run_rows(compiled, batch, count), run_rows(readable, batch, count))


def test_integers_beyond_53_bits_are_rounded_like_numpy_does():
    body = Body(1, (1.0,), [(TABLE["mul"], (0, 1))], [2])
    x = np.array([[2 ** 63 - 1], [-2 ** 63], [2 ** 53 + 1], [2 ** 53 + 3]] * 8)
    batch = Batch(np.zeros(1), [Data(0, x)], len(x))
    assert same(run_rows(Rows(body, [True]), batch, 1), x.astype(float))


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 15, 16, 17, 31, 4095, 4096, 4097, 4100, 8192, 12305])
def test_any_number_of_rows(rows):
    body = arithmetic(3)
    batch = batch_of(0.3, rng.normal(size=(rows, 3)), rng.random(rows))
    compiled, readable = Rows(body, batch.is_data()), Vectorized(body, batch.is_data())
    count = len(body.outputs)
    assert same(run_sums(compiled, batch, count), run_sums(readable, batch, count))
    assert same(run_rows(compiled, batch, count), run_rows(readable, batch, count))


def test_shares_of_blocks_and_threads_never_change_a_bit():
    program = trace(am.value_and_grad(lambda w, x, y: am.softplus(w * x) - y * w * x), 0.1, 0.2, 1.0)
    x, y = rng.normal(size=(50_001, 1)), rng.integers(0, 2, 50_001)
    batch = Batch(np.array([0.7, 0, 0]), [Data(1, x), Data(2, y[:, np.newaxis])], len(x))
    compiled, count = Rows(program.body, batch.is_data()), blocks(len(x))
    whole = run_sums(compiled, batch, 2)
    assert same(whole, run_sums(compiled, batch, 2, share=[(i, i + 1) for i in range(count)]))
    sums, failures = np.empty((count, 2)), []

    def work(first, last):
        try:
            for _ in range(20):
                compiled.sums(batch, first, last, sums)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i * count // 4, (i + 1) * count // 4)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert same(whole, join(sums))


@pytest.mark.parametrize("function", [
    lambda w, x: am.where(am.less(x, 0), w * x, am.sqrt(w * x)),        # the side not taken is nan
    lambda w, x: w * x * am.sqrt(am.floor(w * x)),                      # 0 times infinity
    lambda w, x: am.minimum(am.ln(w * am.relu(x)), 3.0) * 0.0,          # -inf times 0, and nan that choices swallow
    lambda w, x: am.less(am.sqrt(am.relu(x * w)) * w, 1.0) * w,         # a nan that a comparison would swallow
    lambda w, x: (w * x) ** 2 + am.hypot(w * x, 0.0)])
def test_a_product_with_zero_is_zero_in_the_chain_rule(function):
    """The eager engine is the judge; rows with a nan on the way are few, many, at block edges and in tails."""
    body = trace(am.value_and_grad(function), 1.0, 2.0).body
    for share in (0.0005, 0.2, 1.0):
        x = np.abs(rng.normal(size=(2 * BLOCK + 37, 1))) + 0.1
        x[rng.random(len(x)) < share] = rng.choice([0.0, -0.0, -1.0, -2.5])
        x[[0, BLOCK - 1, BLOCK, -1]] = 0.0
        batch = Batch(np.array([1.25, 0.0]), [Data(1, x)], len(x))
        expected = np.array([[y.data, w.grad] for y, w in (_eager(function, number) for number in x[:, 0].tolist())])
        compiled = Rows(body, batch.is_data())
        close = {"rtol": 1e-14, "atol": 0, "equal_nan": True}
        np.testing.assert_allclose(run_rows(compiled, batch, 2), expected, **close)
        one = np.array([Scalar(body).run(np.array([1.25, number])) for number in x[:40, 0]])
        np.testing.assert_allclose(one, expected[:40], **close)
        total = run_sums(compiled, batch, 2)
        assert (np.isnan(total) == np.isnan(expected.sum(axis=0))).all()
        np.testing.assert_allclose(total, expected.sum(axis=0), rtol=1e-11, equal_nan=True)


def _eager(function, number):
    w = am.Value(1.25)
    y = function(w, number)
    y.backward()
    return y, w


def test_outputs_may_be_inputs_constants_and_the_same_twice():
    body = Body(2, (2.5,), [(TABLE["mul"], (0, 1)), (TABLE["add"], (0, 0))], [3, 1, 0, 2, 3, 4])
    x = np.arange(40.0)[:, np.newaxis]
    batch = Batch(np.array([3.0, 0.0]), [Data(1, x)], 40)
    compiled = Rows(body, batch.is_data())
    assert run_rows(compiled, batch, 6)[7].tolist() == [21.0, 7.0, 3.0, 2.5, 21.0, 6.0]
    assert run_sums(compiled, batch, 6).tolist() == [2340.0, 780.0, 120.0, 100.0, 2340.0, 240.0]
    assert Scalar(body).run(np.array([3.0, 7.0])).tolist() == [21.0, 7.0, 3.0, 2.5, 21.0, 6.0]


def long_body(operations):
    """A chain of sums, products and now and then a function, with values used again much later."""
    body = [(TABLE["sin"], (0,)), (TABLE["mul"], (1, 0))]
    for i in range(operations - 2):
        slot = 2 + len(body)
        kind = i % 5
        row = ("add", "mul", "tanh", "sub", "maximum")[kind]
        body.append((TABLE[row], (slot - 1,) if kind == 2 else (slot - 1, max(0, slot - 1 - (i * 37) % 900))))
    return Body(2, (), body, [1 + operations, 2, 0])


@pytest.mark.parametrize("operations", [199, 200, 201, 2000, 6000])
def test_large_graphs_in_pieces_have_the_same_bits_for_one_row_and_many(operations):
    body = long_body(operations)
    x = rng.normal(size=(37, 1))
    batch = Batch(np.array([0.0, 0.9]), [Data(0, x)], 37)
    compiled = Rows(body, batch.is_data())
    together = run_rows(compiled, batch, 3)
    one = [run_rows(compiled, Batch(batch.numbers, [Data(0, x[at:at + 1])], 1), 3)[0] for at in range(37)]
    assert same(together, np.array(one))
    scalar, readable = Scalar(body), Interpreter(body)
    for number in x[:5, 0].tolist():
        assert scalar.run(np.array([number, 0.9])).tolist() == readable.run([number, 0.9])
    by_arrays = run_rows(Vectorized(body, batch.is_data()), batch, 3)
    np.testing.assert_allclose(together, by_arrays, rtol=1e-9)
    lanes = run_sums(compiled, batch, 3)
    np.testing.assert_allclose(lanes, together.sum(axis=0), rtol=1e-12)


def test_a_row_of_the_user_is_called_and_its_exceptions_arrive():
    def picky(a):
        if a > 90:
            raise ValueError("too large for picky")
        return a * a * a

    am.primitive("picky_cube", picky, [lambda y, a: 3 * a * a])
    row = TABLE["picky_cube"]
    body = Body(1, (), [(row, (0,))], [1])
    x = np.arange(50.0)[:, np.newaxis]
    batch = Batch(np.zeros(1), [Data(0, x)], 50)
    assert same(run_rows(Rows(body, [True]), batch, 1), x ** 3)
    assert Scalar(body).run(np.array([3.0])) == 27.0
    with pytest.raises(ValueError, match="too large for picky"):
        run_rows(Rows(body, [True]), Batch(np.zeros(1), [Data(0, x * 2)], 50), 1)
    with pytest.raises(ValueError, match="too large for picky"):
        Scalar(body).run(np.array([91.0]))


def test_compiling_from_several_threads_is_safe():
    results, failures = {}, []

    def work(number):
        try:
            for shift in range(5):
                body = Body(1, (float(number), float(shift)), [(TABLE["exp"], (0,)), (TABLE["add"], (3, 1)),
                                                               (TABLE["mul"], (4, 2))], [5])
                results[number, shift] = Scalar(body).run(np.array([0.0]))[0]
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert results == {(n, s): (1.0 + n) * s for n in range(6) for s in range(5)}


def test_the_same_program_is_compiled_once_and_the_cache_is_bounded():
    def body(number):
        return Body(1, (number,), [(TABLE["mul"], (0, 1))], [2])

    assert Scalar(body(3.0)).function.machine is Scalar(body(3.0)).function.machine
    kept = Scalar(body(0.125))
    assert kept.run(np.array([8.0])) == 1.0
    for number in range(engine.KEPT + 5):
        Scalar(body(float(number))).run(np.array([1.0]))
    assert len(engine.compiled) == engine.KEPT
    assert kept.run(np.array([8.0])) == 1.0


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_memory_does_not_grow_with_the_number_of_compiled_programs():
    if not hasattr(__import__("os"), "sched_getaffinity"):
        pytest.skip("reads memory from /proc")

    def compile_some(first, count):
        for number in range(first, first + count):
            body = Body(1, (float(number),), [(TABLE["tanh"], (0,)), (TABLE["mul"], (2, 1))], [3])
            assert Scalar(body).run(np.array([0.0])) == 0.0
        gc.collect()
        return _resident()

    start = compile_some(0, engine.KEPT + 50)
    assert compile_some(10_000, 150) - start < 4e6
