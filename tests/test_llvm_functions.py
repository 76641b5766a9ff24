"""Every row of the table as machine code: against mpmath, the eager engine and itself with other lanes."""

from __future__ import annotations

import math
import re
import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from points import LARGEST, SMALLEST, SPECIAL, points
from reference import FUNCTIONS, ulps, value, within_reach

from autograd_mini._body.body import Body
from autograd_mini._core.value import functions
from autograd_mini.primitives import ROWS, TABLE
from autograd_mini.program._batch import Batch
from autograd_mini.program._layout import Data

pytest.importorskip("llvmlite")

from autograd_mini.program._llvm import Rows, Scalar, kernels
from autograd_mini.program._llvm.ir import Code
from autograd_mini.program._llvm.lowering import is_elementary

BUILT_IN = [row.name for row in ROWS if row.name in FUNCTIONS]
EXACT = ["add", "sub", "mul", "div", "neg", "sqrt", "square", "reciprocal", "abs", "sign", "floor", "maximum",
         "minimum", "relu", "where", "less", "less_equal", "equal", "chain", "defined", "away"]
BOUND = 4.0
COMPOSITE = {name for name in BUILT_IN if TABLE[name].expansion is not None}


def body_of(row):
    arity = len(row.partials)
    return Body(arity, (), [(row, tuple(range(arity)))], [arity])


def over_rows(row, columns):
    """The row's value for arrays of operands, as machine code over data."""
    count = len(columns[0])
    batch = Batch(np.zeros(len(columns)), [Data(i, column[:, np.newaxis]) for i, column in enumerate(columns)], count)
    out = np.empty((count, 1))
    Rows(body_of(row), [True] * len(columns)).rows(batch, 0, -(-count // 4096), [Data(0, out)])
    return out[:, 0]


def columns_of(arity, count, seed):
    """Specials in every combination, random bit patterns, and numbers of usual size."""
    rng = np.random.default_rng(seed)
    special = [*SPECIAL, math.inf, math.nan, 2.0 ** 30, 2.0 ** 31, 27.226, 708.4, 711.3]
    special += [-x for x in special]
    fixed = np.array(list(product(special if arity == 1 else special[::arity + 1], repeat=arity))[:200_000]).T
    bits = rng.integers(0, 2 ** 64, (arity, count // 4), dtype=np.uint64).view(np.float64)
    usual = [rng.uniform(-1, 1, (arity, count // 4)), rng.normal(size=(arity, count // 4)) * 20,
             rng.uniform(-760, 760, (arity, count - 3 * (count // 4)))]
    return np.concatenate([fixed, bits, *usual], axis=1)


def same_bits(a, b):
    return (a.view(np.uint64) == b.view(np.uint64)) | (np.isnan(a) & np.isnan(b))


def eager(row, columns):
    function = functions[row.name]  # which has the bits of the row itself: see test_primitives.py
    return np.array([function(*operands) for operands in zip(*[column.tolist() for column in columns])])


def steps_between(a, b):
    """How many doubles lie between two, counting the second: 1 for neighbours."""
    first, second = (np.where(x < 0, np.iinfo(np.int64).min - x, x) for x in (a.view(np.int64), b.view(np.int64)))
    return np.where(first > second, first.view(np.uint64) - second.view(np.uint64),
                    second.view(np.uint64) - first.view(np.uint64))


@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_and_choices_have_the_bits_of_the_eager_engine(name):
    row = TABLE[name]
    columns = columns_of(len(row.partials), 100_000, seed=1)
    assert same_bits(over_rows(row, columns), eager(row, columns)).all()


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in EXACT])
def test_very_many_points_agree_with_the_eager_engine(name):
    """Two numbers within 4 ulps of the truth are within 8 of each other; most are within 1."""
    row = TABLE[name]
    columns = columns_of(len(row.partials), 300_000 if name not in COMPOSITE else 50_000, seed=2)
    machine, engine = over_rows(row, columns), eager(row, columns)
    assert (np.isnan(machine) == np.isnan(engine)).all()
    defined = ~np.isnan(engine)
    apart = steps_between(machine[defined], engine[defined])
    limit = np.array([_bound(row, point) for point in columns.T[defined][apart > 4]]) + 4
    assert (apart[apart > 4] <= limit).all(), (columns.T[defined][apart.argmax()], apart.max())
    sign = (machine == 0) & defined
    assert (np.signbit(machine[sign]) == np.signbit(engine[sign])).all()


def _bound(row, point):
    limit = row.ulps[0]
    return max(BOUND, limit(*map(float, point)) if callable(limit) else limit)


@pytest.mark.parametrize("name", BUILT_IN)
def test_values_are_within_4_ulps_of_mpmath(name):
    row = TABLE[name]
    where = [point for point in points(len(row.partials), 500, seed=3) if within_reach(name, point)]
    machine = over_rows(row, np.array(where, dtype=float).T.copy())
    for point, number in zip(where, machine.tolist()):
        exact = value(name, point)
        if exact is None:
            assert not math.isfinite(number), (point, number)
        else:
            assert ulps(number, exact) <= _bound(row, point), (point, number)


PAGE = (Path(__file__).resolve().parent.parent / "docs" / "machine_code.md").read_text(encoding="utf-8")
CLAIMED = {name: float(limit) for names, limit in re.findall(r"\| ([a-z0-9, ]+) \| ([0-9.]+) (?=\|)", PAGE)
           for name in names.split(", ")}
USUAL = {"exp": (-745, 709), "expm1": (-1, 1), "exp2": (-1074, 1023), "ln": (0, 3), "log1p": (-1, 3), "log2": (0, 3),
         "log10": (0, 3), "cbrt": (-10, 10), "sin": (-10, 10), "cos": (-10, 10), "tan": (-10, 10), "asin": (-1, 1),
         "acos": (-1, 1), "atan": (-5, 5), "sinh": (-3, 3), "cosh": (-3, 3), "tanh": (-3, 3), "asinh": (-3, 3),
         "acosh": (1, 3), "atanh": (-1, 1), "erf": (-4, 4), "erfc": (-4, 26), "pow": (0.01, 20),
         "hypot": (-3, 3), "atan2": (-3, 3)}


def test_the_page_tells_the_exactness_of_every_function():
    assert set(CLAIMED) == set(USUAL) == {"pow", *(row.name for row in ROWS if is_elementary(row))}
    assert max(CLAIMED.values()) < BOUND


@pytest.mark.parametrize("name", USUAL)
def test_functions_are_as_exact_as_the_page_says(name):
    low, high = USUAL[name]
    columns = np.random.default_rng(8).uniform(low, high, (len(TABLE[name].partials), 1500))
    for point, number in zip(columns.T.tolist(), over_rows(TABLE[name], columns).tolist()):
        assert ulps(number, value(name, point)) <= CLAIMED[name], (point, number)


@pytest.mark.parametrize("name", BUILT_IN)
def test_one_example_has_the_bits_of_the_eager_engine(name):
    row = TABLE[name]
    columns = columns_of(len(row.partials), 5000, seed=4)
    assert same_bits(Scalar(body_of(row)).run_rows(columns.T.copy())[:, 0], eager(row, columns)).all()


@pytest.mark.parametrize("name", BUILT_IN)
def test_one_row_a_block_and_a_tail_have_the_same_bits(name):
    row = TABLE[name]
    columns = columns_of(len(row.partials), 2000, seed=4)
    whole = over_rows(row, columns)
    for start, stop in ((5, 20), (3, 1000), (7, 8), (1999, 2000)):
        part = over_rows(row, columns[:, start:stop].copy())
        assert same_bits(part, whole[start:stop]).all()


@pytest.fixture
def plain_processor(monkeypatch):
    """Compile for the oldest processor of this kind: no wide registers, no fused multiply-add, no scaling."""
    llvm, target, _, _ = kernels.engine._target()
    monkeypatch.setattr(kernels.engine, "_target", lambda: (llvm, target, "", ""))
    monkeypatch.setattr(kernels.engine, "compiled", type(kernels.engine.compiled)())


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in COMPOSITE or name in ("gamma", "norm_ppf")])
def test_the_oldest_processor_has_the_same_bits(name, request):
    """The rows that have code of their own, and two that are written in them."""
    row = TABLE[name]
    columns = columns_of(len(row.partials), 4_000, seed=5)
    here = over_rows(row, columns)
    request.getfixturevalue("plain_processor")
    assert not kernels.engine.has_feature("avx512f")
    assert same_bits(over_rows(row, columns), here).all()


def test_no_fast_math_and_no_fusing_is_asked_for():
    texts = [Scalar(body_of(TABLE[name])).text.module for name in BUILT_IN]
    for word in (" fast ", " nnan ", " ninf ", " nsz ", " arcp ", " contract ", " reassoc ", " afn ", "fmuladd",
                 "maxnum", "minnum"):
        assert not any(word in text for text in texts), word


def test_a_product_and_a_sum_are_rounded_separately():
    a = 1 + 2.0 ** -30
    fused_would_keep = Body(3, (), [(TABLE["mul"], (0, 1)), (TABLE["add"], (3, 2))], [4])
    numbers = np.array([[a, a, -(a * a)]] * 32)
    assert (Scalar(fused_would_keep).run_rows(numbers) == 0).all()
    out = np.empty((32, 1))
    Rows(fused_would_keep, [True] * 3).rows(Batch(np.zeros(3), [Data(0, numbers)], 32), 0, 1, [Data(0, out)])
    assert (out == 0).all()


@pytest.mark.parametrize("exponent", [2.0, -1.0, 0.5, 3.0, 4.0, -2.0, 2.5])
def test_a_constant_exponent_is_as_good_as_one_that_varies(exponent):
    row = TABLE["pow"]
    base = columns_of(1, 3900, seed=6)[0]
    constant = Body(1, (exponent,), [(row, (0, 1))], [2])
    out, columns = np.empty((len(base), 1)), np.array([base, np.full_like(base, exponent)])
    Rows(constant, [True]).rows(Batch(np.zeros(1), [Data(0, base[:, np.newaxis])], len(base)), 0, 1, [Data(0, out)])
    assert same_bits(out[:, 0], over_rows(row, columns)).all()
    one = Scalar(constant).run_rows(base[:, np.newaxis].copy())[:, 0]
    assert same_bits(one, eager(row, columns)).all()
    if exponent in (2.0, -1.0, 3.0, 4.0):
        assert same_bits(one, out[:, 0]).all()


def test_an_instruction_is_written_once():
    code = Code(1)
    x = code.wrap("%x")
    assert (x * x + 1.0).name == (x * x + 1.0).name
    assert len(code.lines) == 2


def test_constants_are_exact_to_the_bit():
    for number in (0.1, -0.0, SMALLEST, LARGEST, math.inf, math.nan):
        text = Code(1).constant(number).name
        assert struct.pack(">d", number) == bytes.fromhex(text[2:])
