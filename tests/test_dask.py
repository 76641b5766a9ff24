"""Programs over Dask arrays: the bits of one process, on a cluster, with a worker killed in the middle."""

import os
import pickle
import signal

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import trace, value_and_grad
from autograd_mini.program import _dask

da = pytest.importorskip("dask.array")

DRAW = np.random.default_rng(11)
ROWS = 60_011
X, Y = DRAW.normal(size=(ROWS, 3)), DRAW.normal(size=ROWS) > 0
W, B = np.array([0.5, -0.25, 2.0]), 0.1
EXECUTOR = "native" if am.engine == "native" else "python"


def loss(w, b, x, y):
    z = x @ w + b
    return am.softplus(z) - y * z


STEP = trace(value_and_grad(loss, argnums=(0, 1)), W, B, X[0], Y[0])
WHOLE = STEP.mean(W, B, X, Y, executor=EXECUTOR)


def bits(tree):
    return [bits(entry) for entry in tree] if isinstance(tree, (tuple, list)) else np.asarray(tree).tobytes()


@pytest.mark.parametrize("chunks", [60_011, 4_096, 5_000, ((1, 60_000, 10),), ((0, 30_000, 0, 30_011),)], ids=str)
def test_any_chunks_give_the_bits_of_one_process(chunks):
    height = chunks if isinstance(chunks, int) else chunks[0]
    x, y = da.from_array(X, chunks=7_000).rechunk({0: height, 1: 2}), da.from_array(Y)
    assert bits(STEP.mean(W, B, x, y, executor=EXECUTOR)) == bits(WHOLE)
    assert bits(STEP.sum(W, b=B, x=x, y=y, executor=EXECUTOR)) == bits(STEP.sum(W, B, X, Y, executor=EXECUTOR))


def test_map_gives_dask_arrays_of_the_same_chunks():
    x, y = da.from_array(X, chunks=20_000), da.from_array(Y, chunks=15_000)
    costs, (dw, db) = STEP.map(W, B, x, y, executor=EXECUTOR)
    assert isinstance(dw, da.Array) and dw.chunks == ((20_000, 20_000, 20_000, 11), (3,))
    expected = STEP.map(W, B, X, Y, executor=EXECUTOR)
    assert bits(da.compute(costs, (dw, db))) == bits(expected)


def test_nested_arguments_and_dtypes():
    program = trace(lambda model, rows: model["w"] @ rows["x"] + rows["k"], {"w": W}, {"x": X[0], "k": 1.0})
    k = np.arange(ROWS, dtype=np.int16) % 7
    found = program.sum({"w": W}, {"x": da.from_array(X.astype(np.float32)), "k": da.from_array(k)})
    assert found == program.sum({"w": W}, {"x": X.astype(np.float32), "k": k})


def test_what_does_not_fit_is_an_error_that_names_the_argument():
    x, y = da.from_array(X), da.from_array(Y)
    unknown = x[da.from_array(Y)]
    for arguments, words in [((W, B, x, Y), r"'y' has the shape \(60011,\) beside Dask"),
                             ((W, B, x, y[:9]), "'y' has 9 rows"),
                             ((W, B, x[:, :2], y), r"'x' has the shape .*rows of data, \(m, 3\)"),
                             ((W, B, unknown, y), "compute_chunk_sizes"),
                             ((W, B, x.astype(complex), y), "'x' cannot be a Dask array of complex128")]:
        with pytest.raises(TypeError, match=words):
            STEP.mean(*arguments)
    with pytest.raises(TypeError, match="out="):
        STEP.map(W, B, x, y, out=())


def test_the_graph_is_of_kilobytes_and_holds_no_data():
    x = da.random.normal(size=(100_000_000, 3), chunks=(1_000_000, 3))
    y = da.zeros(100_000_000, chunks=1_000_000)
    lazy, rows = _dask.sums(STEP, [*STEP._matched((W, B, x, y))], None, None)
    data = sum(len(pickle.dumps(dict(array.dask))) for array in (x, y))
    assert rows == 100_000_000 and len(pickle.dumps(dict(lazy.dask))) < data + 200_000   # 2 kilobytes a chunk


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
            distributed.Client(cluster) as made:
        yield made


def dies_once(chunk, marker):
    """A chunk whose worker is killed when it is first asked for."""
    if chunk.size and not os.path.exists(marker):
        with open(marker, "w"):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk


def test_on_a_cluster_with_a_worker_killed_in_the_middle(client, tmp_path):
    x, y = da.from_array(X, chunks=7_000), da.from_array(Y, chunks=7_000)
    assert bits(STEP.mean(W, B, x, y, executor=EXECUTOR)) == bits(WHOLE)
    broken = x.map_blocks(dies_once, marker=str(tmp_path / "died"), dtype=x.dtype, meta=np.empty((0, 3)))
    assert bits(STEP.mean(W, B, broken, y, executor=EXECUTOR)) == bits(WHOLE)
    assert (tmp_path / "died").exists()
