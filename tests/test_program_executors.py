"""Every executor, one result: parametrised over the table of primitives and over the executors that are there."""

import ctypes
import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from points import points
from reference import mp, ulps

import autograd_mini as am
from autograd_mini import primitives
from autograd_mini._body.builder import expand
from autograd_mini._core import value
from autograd_mini.primitives import ROWS, TABLE
from autograd_mini.program import _executors as executors, _reduction as reduction, trace

BUILT_IN = [row for row in ROWS if row.name in primitives.BUILT_IN]
HAVE_LLVM = importlib.util.find_spec("llvmlite") is not None
EXECUTORS = ["numpy"] + ["native"] * (am.engine == "native") + ["llvm"] * HAVE_LLVM
EXACT = {"add", "sub", "mul", "div", "neg", "square", "reciprocal", "sqrt", "abs", "sign", "floor", "maximum",
         "minimum", "relu", "where", "less", "less_equal", "equal", "chain", "defined", "away"}
"""Rows whose result every executor has to give to the last bit."""


def program_of(row):
    function = value.functions[row.name]
    return trace(lambda *operands: function(*operands), *row.at[0])  # noqa: PLW0108  (a signature to read)


def table_of_points(row, count=3000):
    """Sample points as columns, with infinities and nans among them."""
    arity = len(row.partials)
    odd = [0.0, -0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, math.nan]
    special = np.array(np.meshgrid(*[odd] * arity)).reshape(arity, -1).T
    return np.concatenate([np.array(row.at), special, points(arity, count, seed=7)])


def assert_same_bits(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    same = (found.view(np.int64) == expected.view(np.int64)) | (np.isnan(found) & np.isnan(expected))
    assert same.all(), f"{found[~same][:3]} instead of {expected[~same][:3]} at {np.flatnonzero(~same)[:3]}"


def ulps_apart(found, expected):
    """How far apart in units in the last place; zero where both are nan."""
    with np.errstate(all="ignore"):
        apart = np.abs(found - expected) / np.spacing(np.abs(expected))
    return np.where((found == expected) | (np.isnan(found) & np.isnan(expected)), 0.0, apart)


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_row_over_data(row, executor):
    program, at = program_of(row), table_of_points(row)
    expected = np.array([row.number(*point) for point in at.tolist()])
    found = program.map(*at.T, executor=executor)
    if row.name in EXACT or executor == "native":
        return assert_same_bits(found, expected)
    bound = np.array([row.ulps[0](*point) if callable(row.ulps[0]) else row.ulps[0] for point in at.tolist()])
    apart = ulps_apart(found, expected)
    wrong = ~((apart == 0) | (apart <= bound + 4))
    assert not wrong.any(), f"{at[wrong][0]}: {found[wrong][0]!r} instead of {expected[wrong][0]!r}"


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
def test_one_example_has_the_bits_of_the_engine(row):
    program = program_of(row)
    for point in row.at:
        assert_same_bits([program(*point), program(*point, executor="python")], [row.number(*point)] * 2)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_c_source_has_the_bits_of_the_engine(tmp_path):
    programs = {row.name: program_of(row) for row in BUILT_IN}
    sources = [program.c_source().replace("void lambda(", f"void run_{name}(") for name, program in programs.items()]
    (tmp_path / "rows.c").write_text("\n".join(sources))
    subprocess.run(["cc", "-std=c99", "-O2", "-fno-builtin", "-Wall", "-Wno-unknown-pragmas", "-Werror", "-shared",
                    "-fPIC", "-o", "rows.so", "rows.c", "-lm"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "rows.so"))
    for row in BUILT_IN:
        at = np.ascontiguousarray(table_of_points(row, 300))
        found = np.empty(len(at))
        run = getattr(library, f"run_{row.name}")
        for place, point in enumerate(at):
            run(point.ctypes.data_as(ctypes.c_void_p), found[place:].ctypes.data_as(ctypes.c_void_p))
        assert_same_bits(found, [row.number(*point) for point in at.tolist()])


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
@pytest.mark.parametrize("executor", [executor for executor in EXECUTORS if executor != "numpy"])
def test_one_example_has_the_bits_of_the_engine_in_every_executor(row, executor):
    program, at = program_of(row), np.array([*row.at, *table_of_points(row, 1)[:30]])
    found = [program(*point, executor=executor) for point in at.tolist()]
    assert_same_bits(found, [row.number(*point) for point in at.tolist()])


@pytest.mark.parametrize("exponent", [0.5, 1.5, -0.5, 3.0, 4.0, 1 / 3])
def test_special_values_are_the_same_for_few_rows_and_many(exponent):
    program = trace(lambda x: x ** exponent, 1.0)
    for number in (0.0, -0.0, math.inf, -math.inf, math.nan, -1.0, 5e-324, 1.0):
        for executor in (None, *EXECUTORS):
            for rows in (10, 5000):
                found = program.map(np.full(rows, number), executor=executor)
                assert_same_bits(found[[0, -1]], [TABLE["pow"].number(number, exponent)] * 2)


@pytest.mark.parametrize("exponent", [3, 4])
def test_small_powers_are_products_within_three_roundings(exponent):
    program, x = trace(lambda x: x ** exponent, 1.0), np.random.default_rng(4).normal(size=2000) * 10
    exact = [mp.mpf(number) ** exponent for number in x.tolist()]
    for executor in (None, *EXECUTORS):
        found = program.map(x, executor=executor)
        assert_same_bits(found, [TABLE["pow"].number(number, float(exponent)) for number in x.tolist()])
        assert max(ulps(number, truth) for number, truth in zip(found.tolist(), exact)) <= 3


def test_c_source_of_a_row_without_c_names_the_column():
    triple = am.primitive("triple", lambda a: 3 * a, [lambda y, a: 3.0])
    program = trace(lambda x: triple(x) + 1, 2.0)
    assert program(5.0) == 16.0 and program(5.0, executor="python") == 16.0
    with pytest.raises(am.MissingColumnError, match=r"'triple'.*'c'"):
        program.c_source()
    for executor in EXECUTORS:
        assert program.sum([1.0, 2.0], executor=executor) == 11.0


# Simplification -------------------------------------------------------------------------------------------------------

UNARY = [row.name for row in BUILT_IN if len(row.partials) == 1]
BINARY = [row.name for row in BUILT_IN if len(row.partials) == 2 and row.name != "chain"]
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.5, math.inf, math.nan])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(UNARY + BINARY), st.integers(0, 9), st.one_of(st.integers(0, 9), NUMBERS)),
                min_size=1, max_size=25), st.lists(NUMBERS, min_size=2, max_size=2))
def test_simplification_keeps_every_bit(steps, point):
    def f(a, b):
        known = [a, b]
        for name, first, second in steps:
            left = known[-1 - first % len(known)]
            right = known[-1 - second % len(known)] if isinstance(second, int) else second
            known.append(value.functions[name](left) if name in UNARY else value.functions[name](left, right))
        return known

    plain, simple = trace(f, 1.0, 1.0, simplify=False), trace(f, 1.0, 1.0)
    assert_same_bits(simple(*point), plain(*point))
    assert len(simple.body.operations) <= len(plain.body.operations)


def test_what_is_simplified_and_what_is_not():
    def size(f):
        return len(trace(f, 2.0).body.operations)

    assert size(lambda x: 1 * x) == size(lambda x: x / 1) == size(lambda x: x ** 1) == 0
    assert size(lambda x: am.neg(am.neg(x))) == 0
    assert size(lambda x: x + am.exp(am.Value(1.0)) * 2) == 1
    assert size(lambda x: am.exp(x) * am.exp(x)) == 2
    assert size(lambda x: 0 * x) == size(lambda x: x + 0.0) == size(lambda x: x - x) == size(lambda x: x / x) == 1


def test_expansions_share_what_they_have_in_common():
    body = trace(lambda z: (am.softplus(z), am.sigmoid(z)), 0.5).body
    names = [row.name for row, _ in expand(body).operations]
    assert names.count("exp") == 1 and "softplus" not in names


# Data -----------------------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(3)
DATA = RNG.integers(-3, 4, size=(10_007, 5)).astype(float)
LABELS = DATA[:, 0] > 0
WEIGHTS = np.array([0.5, -0.25, 1.0, 2.0, -1.5])


def squares(w, x, y):
    residual = x @ w - y
    return residual * residual, am.gradient(residual * residual, w)


@pytest.fixture(scope="module")
def residuals():
    return trace(squares, WEIGHTS, DATA[0], 1.0)


LAYOUTS = {
    "C": DATA, "Fortran": np.asfortranarray(DATA), "rows reversed": DATA[::-1].copy()[::-1],
    "strided": np.repeat(np.repeat(DATA, 2, axis=0), 3, axis=1)[::2, ::3], "float32": DATA.astype(np.float32),
    "int8": DATA.astype(np.int8), "int64": DATA.astype(np.int64), "big-endian": DATA.astype(">f8"),
    "long double": DATA.astype(np.longdouble), "half": DATA.astype(np.float16), "objects": DATA.astype(object),
    "list": DATA.tolist(),
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_of_every_layout(residuals, layout, executor, tmp_path):
    """All numbers are small multiples of 1/4, so that every sum is exact."""
    expected = (DATA @ WEIGHTS - LABELS) ** 2
    slopes = 2 * (DATA @ WEIGHTS - LABELS)[:, None] * DATA
    total, slope = residuals.sum(WEIGHTS, LAYOUTS[layout], LABELS, executor=executor)
    assert total == expected.sum() and slope.tolist() == slopes.sum(axis=0).tolist()
    each, each_slope = residuals.map(WEIGHTS, LAYOUTS[layout], LABELS, executor=executor)
    assert_same_bits(each, expected)
    assert np.array_equal(each_slope, slopes)


def test_a_memory_map_is_data(residuals, tmp_path):
    DATA.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", dtype=float, mode="r", shape=DATA.shape)
    assert residuals.sum(WEIGHTS, mapped, LABELS)[0] == ((DATA @ WEIGHTS - LABELS) ** 2).sum()


@pytest.mark.parametrize("order", "CF")
def test_out_is_filled_and_returned(residuals, order):
    out = np.full(len(DATA), np.nan), np.full(DATA.shape, np.nan, order=order)
    assert residuals.map(WEIGHTS, DATA, LABELS, out=out) is out
    assert_same_bits(out[0], residuals.map(WEIGHTS, DATA, LABELS)[0])
    for wrong in (out[0][1:], out[0].astype(int), out[0].tolist()):
        with pytest.raises(TypeError, match=r"result\[0\]"):
            residuals.map(WEIGHTS, DATA, LABELS, out=(wrong, out[1]))


def test_data_of_three_dimensions():
    program = trace(lambda a: (a * a).sum(), np.zeros((2, 3)))
    cube = RNG.integers(-3, 4, size=(50, 2, 3)).astype(float)
    for data in (cube, np.asfortranarray(cube), cube.transpose(0, 2, 1).copy().transpose(0, 2, 1)):
        assert np.array_equal(program.map(data), (cube ** 2).sum(axis=(1, 2)))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_results_that_are_inputs_constants_shared_or_repeated(executor):
    program = trace(lambda w, x: [x, 2.0, w * 3, w * 3, x * w, w], 1.0, 1.0)
    numbers = np.arange(20.0)
    mapped = program.map(4.0, numbers, executor=executor)
    assert [column[19] for column in mapped] == [19.0, 2.0, 12.0, 12.0, 76.0, 4.0]
    assert program.sum(4.0, numbers, executor=executor) == [190.0, 40.0, 240.0, 240.0, 760.0, 80.0]
    assert program(4.0, 19.0, executor=executor) == [19.0, 2.0, 12.0, 12.0, 76.0, 4.0]


def test_programs_of_nothing_and_for_nothing():
    assert trace(lambda: 2.0)() == 2.0
    assert trace(lambda x: (), 1.0)(3.0) == () and trace(lambda x: (), 1.0).sum([1.0, 2.0]) == ()
    empty = trace(lambda w, x: w.sum() + x, np.zeros(0), 1.0)
    assert empty(np.zeros(0), 2.0) == 2.0 and empty.map(np.zeros((3, 0)), 2.0).tolist() == [2.0] * 3


def test_nested_arguments_and_results():
    def f(parameters, pair):
        return {"sum": parameters["w"] @ parameters["v"], "pair": [pair[1], (pair[0],)]}

    example = {"w": np.ones(2), "v": [1.0, 2.0]}, (3.0, 4.0)
    program = trace(f, *example)
    assert program(*example) == {"sum": 3.0, "pair": [4.0, (3.0,)]}
    assert program({"v": np.array([5.0, 6.0]), "w": [1, 2]}, (3, 4))["sum"] == 17.0
    rows = program.map({"w": np.ones((4, 2)), "v": [1.0, np.arange(4)]}, (3.0, np.ones(4)))
    assert rows["sum"].tolist() == [1.0, 2.0, 3.0, 4.0] and rows["pair"][1][0].tolist() == [3.0] * 4
    with pytest.raises(TypeError, match=r"'parameters'.*\['v', 'w'\]"):
        program({"w": np.ones(2)}, (3.0, 4.0))
    with pytest.raises(TypeError, match="'pair'"):
        program(example[0], (3.0, 4.0, 5.0))


# Sums -----------------------------------------------------------------------------------------------------------------

def documented_sum(numbers):
    """reduction.py's docstring, word for word."""
    def join(entries):
        while len(entries) > 1:
            entries = [sum(entries[i:i + 2][1:], entries[i]) for i in range(0, len(entries), 2)]
        return entries[0]

    sums = []
    for start in range(0, len(numbers), reduction.BLOCK):
        lanes = [0.0] * 8
        for row, number in enumerate(numbers[start:start + reduction.BLOCK]):
            lanes[row % 8] += number
        sums.append(join(lanes))
    return join(sums)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("rows", [1, 7, 8, 17, 4096, 4099, 5 * 4096 + 21])
def test_sums_are_formed_as_documented_whatever_the_threads(executor, rows):
    numbers = RNG.normal(size=rows) * 10.0 ** RNG.integers(-8, 8, size=rows)
    program = trace(lambda x: x, 1.0)
    expected = documented_sum(numbers.tolist())
    assert [program.sum(numbers, executor=executor, threads=threads) for threads in (None, 1, 2, 3)] == [expected] * 4


@pytest.mark.parametrize("executor", EXECUTORS)
def test_no_nan_leaks_from_the_side_not_taken(executor):
    def f(x):
        y = am.where(am.less(0, x), am.sqrt(x), 0.0) + 0 * am.sqrt(x * 0)
        return y, am.gradient(y, x)

    y, slope = trace(f, 1.0).map(np.array([4.0, 0.0, -4.0]), executor=executor)
    assert y.tolist() == [2.0, 0.0, 0.0] and slope.tolist() == [0.25, 0.0, 0.0]


# Calls ----------------------------------------------------------------------------------------------------------------

def test_unusual_arguments_of_a_call_are_converted():
    program = trace(lambda w, x: (w @ w * x, w), np.ones(3), 1.0)
    plain = program(np.array([1.0, 2.0, 3.0]), 2.0)
    for w in ([1, 2, 3], np.array([1, 2, 3]), np.array([1.0, 0, 2.0, 0, 3.0])[::2], np.array([1, 2, 3], np.float32)):
        for x in (2, np.float64(2), np.int8(2), np.array(2.0), True + True):
            assert program(w, x)[0] == plain[0] == 28.0
            assert program(w, x)[1].tolist() == [1.0, 2.0, 3.0]
    for wrong in (np.ones(2), np.ones((3, 1)), 1.0):
        with pytest.raises(TypeError, match="'w'"):
            program(wrong, 1.0)
    with pytest.raises(TypeError, match="'x'"):
        program(np.ones(3), "1")


def test_a_long_graph_runs_without_a_stack():
    def f(x):
        for _ in range(20_000):
            x = x * 0.5 + 1.0
        return x

    program = trace(f, 0.0)
    assert len(program.body.operations) == 40_000
    assert program(5.0) == 2.0
    assert len(repr(program).splitlines()) < 120
    assert len(program.listing().splitlines()) == 40_003


def test_a_program_may_be_called_from_within_itself_and_from_many_threads():
    programs = []

    def again(a):
        return 1.0 if a <= 1 else a * programs[0](a - 1)

    factorial = am.primitive("factorial_again", again, [None])
    programs.append(trace(lambda n: factorial(n) + 0.0 * n, 1.0))
    assert programs[0](10.0) == math.factorial(10)
    results = {}

    def work(which):
        results[which] = [programs[0](float(which)) for _ in range(200)]

    threads = [threading.Thread(target=work, args=(which,)) for which in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {which: [float(math.factorial(which))] * 200 for which in range(1, 9)}


def test_calls_move_on_to_machine_code_once_it_has_paid(monkeypatch):
    if "native" not in EXECUTORS or "llvm" not in EXECUTORS:
        pytest.skip("needs the extension and llvmlite")
    program = trace(lambda x: x * x + 1, 2.0)
    assert program(2.0) == 5.0 and "llvm is tried after" in program.explain()
    monkeypatch.setitem(executors.COSTS, "llvm", executors.Cost(1e-8, 0.0, 1e-10, 0.0))
    monkeypatch.setattr(executors, "GAIN", math.inf)
    program = trace(lambda x: x * x + 1, 2.0)
    for _ in range(2):
        assert [program(float(x)) for x in range(20)] == [x * x + 1.0 for x in range(20)]
        finish_compiling()
    one = re.search(r"^(\w+) for .* one example.*took llvm ([0-9.]+) us, native ([0-9.]+) us", program.explain())
    times = {"llvm": float(one[2]), "native": float(one[3])}
    assert times[one[1]] == min(times.values())
    assert program(3) == program(np.array(3.0)) == 10.0
    for purpose, x in (("sum", np.arange(40.0)), ("map", np.arange(40.0)), ("sum", np.arange(80.0)[::2])):
        for _ in range(3):
            assert np.sum(getattr(program, purpose)(x)) == np.sum(x * x + 1)
            finish_compiling()
    assert re.match(r"\w+ for 2 operations over 40 rows, .* took llvm [0-9.]+ us, native [0-9.]+ us", program.explain())


def test_a_first_call_that_is_long_waits_for_machine_code():
    """A thousand terms over 200,000 rows are seconds for an interpreter, and compiled in less."""
    if "llvm" not in EXECUTORS:
        pytest.skip("needs llvmlite")
    program = trace(lambda x: sum((x * (k * 0.5) for k in range(1_000)), start=x), 2.0)
    assert program.sum(np.ones(500)) == pytest.approx(500 * (1 + 0.5 * 999 * 500), rel=1e-12)
    assert not program.explain().startswith("llvm")
    program.sum(np.ones(200_000))
    assert program.explain().startswith("llvm for 1,999 operations over 200,000 rows")


def finish_compiling():
    """Wait for what is compiled in the background."""
    if executors._background is not None:
        executors._background.submit(int).result()


def test_very_long_bodies_are_never_compiled_for_one_example(monkeypatch):
    monkeypatch.setattr(executors, "LONGEST", 10)
    monkeypatch.setitem(executors.COSTS, "llvm", executors.Cost(1e-8, 0.0, 1e-10, 0.0))
    program = trace(lambda x: sum((am.sin(k * x) for k in range(20)), start=x), 2.0)
    for _ in range(50):
        program(1.5)
    assert "one example" in program.explain() and not program.explain().startswith("llvm")
    assert not program._executors._jobs


FORK = """
import os
import autograd_mini as am
from autograd_mini.program import _executors as executors, trace
executors.COSTS["llvm"] = executors.Cost(1e-8, 0.0, 1e-10, 0.0)
def grown(depth):
    def f(x):
        for k in range(depth):
            x = am.tanh(x * 1.01) + k
        return x
    return trace(am.value_and_grad(f), 1.0)
program = grown(300)
for _ in range(5):
    program(0.5)
child = os.fork()
for _ in range(5):
    program(0.5)
if child == 0:
    executors._background.submit(int).result()
    program.sum([0.5, 0.25], executor="llvm")
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
last = grown(2000)
for _ in range(5):
    last(0.5)
"""


@pytest.mark.skipif(not hasattr(os, "fork") or "native" not in EXECUTORS or "llvm" not in EXECUTORS,
                    reason="forks while machine code is made")
def test_a_fork_and_the_end_of_python_come_while_machine_code_is_made():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout.split(), done.returncode) == (["7"], 0), done.stderr


def test_llvm_ir_is_a_module_that_llvm_reads():
    binding = pytest.importorskip("llvmlite.binding")
    text = trace(lambda x: am.exp(x) * x, 2.0).llvm_ir()
    module = binding.parse_assembly(text)
    module.verify()
    assert "scalar" in [function.name for function in module.functions] and "fast" not in text


def test_several_threads_are_used_only_where_they_were_quicker(monkeypatch):
    """Threads that are slow, or quick, by a clock of the test's own."""
    x, now = np.arange(50_000.0), [0.0]
    monkeypatch.setattr(executors.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "THREAD", 1e-9)
    share = executors.Executors._share
    for slow in (2, 1):
        taken = []

        def timed(self, batch, threads, work, slow=slow, taken=taken):
            taken.append(threads)
            share(self, batch, threads, work)
            now[0] += 2.0 if threads == slow else 1.0

        monkeypatch.setattr(executors.Executors, "_share", timed)
        program = trace(lambda x: x * x + 1, 2.0)
        sums = {program.sum(x, executor="numpy") for _ in range(10)}
        assert len(sums) == 1 and set(taken[:6]) == {1, 2} and set(taken[6:]) == {3 - slow}
        program.sum(x, executor="numpy", threads=3)
        assert taken[-1] == 3
