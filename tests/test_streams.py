"""Sums over data that come in parts: the bits of one pass, whatever the parts are."""

import itertools

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import trace, value_and_grad
from autograd_mini.program._reduction import Tree, join

DRAW = np.random.default_rng(11)
ROWS = 50_003
X, Y = DRAW.normal(size=(ROWS, 3)), DRAW.normal(size=ROWS) > 0
W, B = np.array([0.5, -0.25, 2.0]), 0.1


def loss(w, b, x, y):
    z = x @ w + b
    return am.softplus(z) - y * z


STEP = trace(value_and_grad(loss, argnums=(0, 1)), W, B, X[0], Y[0])


def cut(*borders):
    borders = [0, *borders, ROWS]
    return [(X[start:stop], Y[start:stop]) for start, stop in itertools.pairwise(borders)]


def bits(tree):
    return [bits(entry) for entry in tree] if isinstance(tree, (tuple, list)) else np.asarray(tree).tobytes()


@pytest.mark.parametrize("executor", ["native", "numpy", "llvm"])
@pytest.mark.parametrize("parts", [
    cut(), cut(1), cut(4096), cut(4095), cut(4097, 8192), cut(0, 0, 7, 7), cut(*range(1000, ROWS, 1000)),
    cut(40_000, 40_001), cut(*sorted(DRAW.integers(0, ROWS, size=40).tolist()))], ids=len)
def test_any_parts_give_the_bits_of_the_whole(parts, executor):
    if executor == "llvm":
        pytest.importorskip("llvmlite")
    if executor == "native" and am.engine != "native":
        pytest.skip("no compiled engine")
    whole = STEP.sum(W, B, X, Y, executor=executor)
    found = STEP.sum(W, B, batches=iter(parts), executor=executor)
    if executor == "numpy":  # whose own functions may round differently at another place of an array
        np.testing.assert_allclose(found[1][0], whole[1][0], rtol=1e-13)
    else:
        assert bits(found) == bits(whole)
        assert bits(STEP.mean(W, B, batches=parts, executor=executor)) == bits(STEP.mean(W, B, X, Y, executor=executor))


def test_arithmetic_has_the_bits_of_the_whole_without_a_word():
    program = trace(lambda w, x: (w @ x) * x[0] / (x[1] * x[1] + 1.0), W, X[0])
    whole = program.sum(W, X)
    assert all(program.sum(W, batches=(X[start:start + size] for start in range(0, ROWS, size))) == whole
               for size in (999, 4096, 20_000))


def test_items_are_arrays_of_any_kind_and_memory_may_be_used_again(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    program = trace(lambda w, x: (w @ x) ** 2, W, X[0])
    assert program.sum(W, batches=np.array_split(mapped, 7)) == program.sum(W, mapped)
    assert program.sum(W, batches=[X[:100].tolist(), np.asfortranarray(X[100:])]) == program.sum(W, X)
    room = np.empty((1000, 3))

    def filled():
        for start in range(0, 50_000, 1000):
            room[:] = X[start:start + 1000]
            yield room

    assert program.sum(W, batches=filled()) == program.sum(W, X[:50_000])


def test_parquet_comes_batch_by_batch(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "y": Y.astype(float)})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=7_000)
    program = trace(lambda w, a, b, y: (w[0] * a + w[1] * b - y) ** 2, W, 1.0, 1.0, 1.0)
    batches = parquet.ParquetFile(tmp_path / "t.parquet").iter_batches(3_000)
    assert program.mean(W, batches=(batch.columns for batch in batches)) == program.mean(W, X[:, 0], X[:, 1], Y)


def test_an_argument_that_is_a_tuple_itself_is_one_item():
    program = trace(lambda w, pair: w * pair[0] + pair[1], 1.0, (1.0, 2.0))
    pairs = [(X[:3000, 0], X[:3000, 1]), (X[3000:, 0], X[3000:, 1])]
    assert program.sum(2.0, batches=pairs) == program.sum(2.0, batches=[(pair,) for pair in pairs]) \
        == program.sum(2.0, (X[:, 0], X[:, 1]))


def test_no_items_and_no_rows():
    assert STEP.sum(W, B, batches=[])[0] == 0.0 and STEP.sum(W, B, batches=[(X[:0], Y[:0])])[1][0].tolist() == [0, 0, 0]
    assert np.isnan(STEP.mean(W, B, batches=iter(()))[0])


def test_items_that_do_not_fit_are_named():
    with pytest.raises(TypeError, match=r"batch 1: argument 'x' has the shape \(5, 2\)"):
        STEP.sum(W, B, batches=[(X[:5], Y[:5]), (X[:5, :2], Y[:5])])
    with pytest.raises(TypeError, match=r"batch 0: .* takes 4 arguments"):
        STEP.sum(W, B, batches=[X[:5]])
    with pytest.raises(TypeError, match="batch 1 has other arguments as data"):
        STEP.sum(W, B, batches=[(X[:5], Y[:5]), (X[:5], 1.0)])
    with pytest.raises(TypeError, match=r"batch 0: .* takes 4 arguments"):
        STEP.sum(W, B, batches=[(X[:5], Y[:5], Y[:5])])
    with pytest.raises(TypeError, match="by position"):
        STEP.sum(w=W, b=B, batches=[(X, Y)])
    with pytest.raises(ValueError, match="keyword 'batches' of their own"):
        trace(lambda batches: batches, batches=1.0)


def test_the_tree_is_one_whatever_the_order():
    sums = DRAW.normal(size=(37, 2)) * 10.0 ** DRAW.integers(-8, 8, size=(37, 1))
    for seed in range(30):
        draw = np.random.default_rng(seed)
        borders = [0, *sorted(draw.choice(np.arange(1, 37), size=draw.integers(0, 12), replace=False)), 37]
        trees = []
        for start, stop in itertools.pairwise(borders):
            trees.append(Tree())
            trees[-1].add(int(start), sums[start:stop])
        while len(trees) > 1:
            other = trees.pop(int(draw.integers(len(trees))))
            trees[int(draw.integers(len(trees)))].merge(other)
        assert bits(trees[0].total()) == bits(join(sums))
    missing = Tree()
    missing.add(1, sums[1:3])
    with pytest.raises(ValueError, match="missing at the beginning"):
        missing.total()
    missing.add(9, sums[9:])
    with pytest.raises(ValueError, match="blocks are missing before number 9"):
        missing.total()
