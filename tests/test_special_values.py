"""Every primitive at every special value: the same in every executor and for any number of rows."""

import itertools
import math

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import trace
from autograd_mini.primitives import ROWS

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1e308,
           -1e308, 1e-8, 710.0, -746.0, 2.0 ** 53]
EXECUTORS = ["numpy", *(["native"] if am.engine == "native" else [])]
try:
    import llvmlite  # noqa: F401
    EXECUTORS.append("llvm")
except ImportError:
    pass


def points(row):
    grid = np.array([*itertools.product(SPECIAL, repeat=min(2, len(row.partials)))])
    thirds = np.resize(SPECIAL[::3], (len(grid), max(0, len(row.partials) - 2)))
    return np.column_stack([grid, thirds])


def agree(found, expected, ulps):
    """The same nan, infinities, zeros and signs; elsewhere within some units in the last place."""
    nan, edge = np.isnan(expected), np.isinf(expected) | (expected == 0)
    close = np.abs(found - expected) <= ulps * np.spacing(np.abs(expected))
    same = (found == expected) & (np.signbit(found) == np.signbit(expected))
    return np.where(nan, np.isnan(found), np.where(edge, same, close))


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_means_the_same_everywhere(row, executor):
    data = points(row)
    program = trace(lambda *operands: row(*operands), *[0.75] * len(row.partials))  # noqa: PLW0108
    expected = np.array([program(*point, executor="python") for point in data])
    columns = [np.ascontiguousarray(column) for column in data.T]
    with np.errstate(all="ignore"):
        found = program.map(*columns, executor=executor)
        subnormal = (np.abs(expected) < 2.0 ** -1022) & (expected != 0)
        right = agree(found, expected, 8) | (subnormal & (np.abs(found - expected) <= 2e-323))
    assert right.all(), [(point, a, b) for point, a, b, ok in zip(data.tolist(), found, expected, right) if not ok][:5]
    many = program.map(*[np.tile(column, 5_000 // len(column) + 13) for column in columns], executor=executor)
    for start in range(0, len(many) - len(data), len(data)):
        assert np.array_equal(many[start:start + len(data)].view(int), found.view(int)) or executor == "numpy"
    ten = program.map(*[column[:10] for column in columns], executor=executor)
    assert np.array_equal(ten.view(int), found[:10].view(int)) or executor == "numpy"


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("power", [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.0, 3.0, 4.0, 5.0, -2.0, -3.0, 0.1, 1 / 3,
                                   math.inf, -math.inf, math.nan])
def test_constant_powers_at_special_values(power, executor):
    """Also where a row of a shorter form stands in for them."""
    program = trace(lambda x: x ** power, 2.0)
    x = np.array(SPECIAL)
    expected = np.array([program(number, executor="python") for number in x])
    for count in (len(x), 10, 5_000):
        rows = np.resize(x, count)
        with np.errstate(all="ignore"):
            found = program.map(rows, executor=executor)
            right = agree(found, np.resize(expected, count), 4)
        assert right.all(), [*zip(rows[~right].tolist(), found[~right])][:5]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_derivatives_of_a_row_mean_the_same_everywhere(row, executor):
    """Special results are the same; others agree to what rounding inside a rule leaves."""
    data = points(row)
    count = len(row.partials)
    program = trace(lambda *operands: row(*operands), *[0.75] * count).gradient(argnums=tuple(range(count)))  # noqa: PLW0108
    expected = np.array([program(*point, executor="python") for point in data])
    with np.errstate(all="ignore"):
        found = np.column_stack(program.map(*[np.ascontiguousarray(column) for column in data.T], executor=executor))
        size = np.abs(expected)
        close = np.abs(found - expected) <= 1e-12 * size + 1e-307
        right = np.where(np.isnan(expected), np.isnan(found), np.where(np.isinf(expected), found == expected, close))
    assert right.all(), [*zip(data[~right.all(axis=1)].tolist(), found[~right.all(axis=1)].tolist(),
                              expected[~right.all(axis=1)].tolist())][:4]
