"""docs/numpy.md is true: every line that works gives the numbers of floats, every impossible one raises."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import autograd_mini
from autograd_mini.program import trace

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "numpy.md").read_text(encoding="utf-8")


def section(title):
    return re.split(r"^## ", PAGE.split(f"## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title):
    lines = [line for line in section(title).splitlines() if line.startswith("| ")][2:]
    return [re.findall(r"`([^`]+)`", line) for line in lines]


def numbers(entries, wrap):
    array = np.array([wrap(float(entry)) for entry in np.ravel(entries)])
    return array.reshape(np.shape(entries))


def names(wrap):
    """The variables of the page, with floats or with Values in the place of Values."""
    return {"np": np, "scipy": scipy, "autograd_mini": autograd_mini, "functools": functools,
            "X": np.arange(6.0).reshape(2, 3), "v": wrap(0.75), "a": numbers([0.75, -1.25, 2.0], wrap),
            "M": numbers([[2.0, 1.0], [1.0, 3.0]], wrap)}


def data(result):
    found = np.array([getattr(entry, "data", entry) for entry in np.asarray(result, dtype=object).ravel()])
    return found.astype(float).reshape(np.shape(result))


def holds_values(result):
    return any(isinstance(entry, autograd_mini.Value) for entry in np.asarray(result, dtype=object).ravel())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("line", [line for row in rows("What works") for line in row])
def test_what_works(line):
    found = eval(line, names(autograd_mini.Value))
    assert holds_values(found)
    np.testing.assert_allclose(data(found), eval(line, names(float)), rtol=1e-14)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("line", [line for row in rows("What works on arguments of grad and trace") for line in row])
def test_what_works_on_arguments(line):
    variables, bare = names(autograd_mini.Value), names(float)

    def at(a, M, v):
        return eval(line, {**variables, "a": a, "M": M, "v": v})

    def total(*arguments):
        return np.sum(at(*arguments))

    expected = eval(line, bare)
    arguments = [data(bare[name]) if name != "v" else 0.75 for name in ("a", "M", "v")]
    np.testing.assert_allclose(trace(at, *arguments)(*arguments), expected, rtol=1e-14, atol=1e-16)
    gradients = autograd_mini.grad(total, (0, 1, 2))(*arguments)
    for slope, traced in zip(gradients, trace(autograd_mini.grad(total, (0, 1, 2)), *arguments)(*arguments)):
        np.testing.assert_allclose(slope, traced, rtol=1e-14, atol=1e-16)
    if "sign" not in line:
        assert sum(np.abs(slope).sum() for slope in gradients) > 0


def names_of_scipy():
    sentence = PAGE.split("SciPy's functions of a Value")[1].split("\n\n")[0]
    return re.findall(r"`(?:scipy\.special\.)?(\w+)(?:\(v\))?`", sentence)


@pytest.mark.parametrize("name", names_of_scipy())
def test_names_of_scipy_on_a_value(name):
    function = getattr(scipy.special, name)
    others = [0.6] * (function.nin - 1)
    found = function(autograd_mini.Value(0.3), *others)
    assert isinstance(found, autograd_mini.Value) and found.data == pytest.approx(function(0.3, *others), rel=1e-14)


@pytest.mark.parametrize("line, instead", rows("What follows NumPy's comparisons"))
def test_what_follows_comparisons(line, instead):
    by_numpy, by_rows = (eval(code, names(autograd_mini.Value)) for code in (line, instead))
    np.testing.assert_allclose(data(by_numpy), data(by_rows))
    assert all(isinstance(entry, autograd_mini.Value) for entry in np.asarray(by_rows, dtype=object).ravel())
    variables, order = names(autograd_mini.Value), "arg" in line

    def traced():
        return trace(lambda a: eval(line, {**variables, "a": a}), data(variables["a"]))(data(variables["a"]))

    if order:
        with pytest.raises(autograd_mini.TracedBranchError):
            traced()
    else:
        np.testing.assert_allclose(traced(), data(by_rows))


def test_the_maximum_of_a_trace_follows_its_arguments():
    assert trace(np.max, np.zeros(3))(np.array([1.0, 5.0, 2.0])) == 5.0
    assert autograd_mini.grad(np.max)(np.array([1.0, 1.0])).tolist() == [0.5, 0.5]


FOLLOWING = ["np.sort(a)", "np.median(a)", "np.percentile(a, [20, 70])", "np.maximum.accumulate(a)",
             "np.where((a > -1) & (a < 2) | (a > 4), a, 0.)", "np.where(~(a > 0) ^ (a < 1), a, 0.)",
             "np.any(a > 4) + 2 * np.all(a > -2)", "np.select([a > 4, a > 0], [a, 2 * a], -a)"]


@pytest.mark.parametrize("line", FOLLOWING)
def test_a_trace_follows_the_order_of_its_arguments(line):
    generator = np.random.default_rng(0)
    program = trace(lambda a: eval(line, {"np": np, "a": a}), np.arange(7.0))
    for data in (3 * generator.normal(size=7), np.array([5.0, -3, 5, 1, 0, -1, 2])):
        np.testing.assert_allclose(program(data), eval(line, {"np": np, "a": data}), rtol=1e-15)


@pytest.mark.parametrize("count", [*range(9), 33])
def test_sorting(count):
    generator = np.random.default_rng(count)
    data = generator.integers(0, 10, (3, count)).astype(float)
    slopes = autograd_mini.jacobian(lambda a: np.sort(a, axis=1))(data)
    assert np.array_equal(np.tensordot(slopes, data, 2), np.sort(data, axis=1))
    assert np.array_equal(slopes.sum(axis=(2, 3)), np.ones((3, count)))
    assert np.array_equal(slopes.sum(axis=(0, 1)), np.ones((3, count)))


def test_ties_and_nan_in_order():
    assert autograd_mini.grad(np.median)(np.array([1.0, 1.0, 3.0])).tolist() == [0.5, 0.5, 0.0]
    assert np.isnan(trace(np.median, np.zeros(3))(np.array([1.0, np.nan, 2.0])))


@pytest.mark.parametrize("axis, keepdims", [(None, False), (0, False), (1, True)])
def test_the_softmax_family(axis, keepdims):
    M = np.array([[0.5, -1000.0, 2.0], [-np.inf, 1000.0, 3.0]])
    wrapped = numbers(M, autograd_mini.Value)
    for name, more in (("logsumexp", {"keepdims": keepdims}), ("softmax", {}), ("log_softmax", {})):
        ours, theirs = (functools.partial(getattr(home, name), axis=axis, **more)
                        for home in (autograd_mini, scipy.special))
        for found in (ours(M), data(ours(wrapped)), trace(ours, np.zeros((2, 3)))(M)):
            np.testing.assert_allclose(found, theirs(M), rtol=1e-14)
            assert np.asarray(found).dtype == float
    slope = autograd_mini.grad(lambda a: np.sum(autograd_mini.logsumexp(a, axis)))(M)
    np.testing.assert_allclose(slope, scipy.special.softmax(M, axis), rtol=1e-14)


def test_axes_that_are_not_there():
    for f in (np.sum, np.max, autograd_mini.logsumexp, np.sort, np.median, autograd_mini.linalg.norm):
        with pytest.raises(IndexError, match="axis 1 is out of bounds"):
            autograd_mini.grad(lambda a, f=f: np.sum(f(a, axis=1)))(np.ones(2))
    with pytest.raises(ValueError, match="method='linear', not 'lower'"):
        autograd_mini.grad(lambda a: np.quantile(a, 0.5, method="lower"))(np.ones(2))
    with pytest.raises(ValueError, match="from 0 to 1"):
        autograd_mini.grad(lambda a: np.quantile(a, 1.5))(np.ones(2))


def test_a_sum_of_exponentials_of_one_and_of_none():
    v = autograd_mini.Value(2.0)
    assert autograd_mini.logsumexp(v).data == 2.0 and autograd_mini.logsumexp([]) == -np.inf
    assert autograd_mini.logsumexp([v, 2.0]).data == 2.0 + np.log(2)


@pytest.mark.parametrize("f, twin", [
    (lambda a: np.max([*a]), "np.max decides .* use np.stack"),
    (np.argmax, "np.argmax decides by the numbers .* use np.max"),
    (lambda a: np.take(a, np.argsort(a)), "np.argsort decides .* use np.sort"),
    (np.unique, "np.unique decides .* use autograd_mini.where"),
    (lambda a: sorted(a)[0], "the truth of a traced Value .* use autograd_mini.where"),
    (scipy.special.logsumexp, "scipy.special.logsumexp decides .* use autograd_mini.logsumexp"),
    (scipy.special.log_softmax, "scipy.special.log_softmax decides .* use autograd_mini.log_softmax"),
])
def test_a_decision_of_numpy_or_scipy_names_who_decides(f, twin):
    refused = "object arrays are not supported"     # SciPy 1.15, the last one for Python 3.10, in log_softmax
    with pytest.raises((autograd_mini.TracedBranchError, ValueError), match=f"{twin}|{refused}"):
        trace(f, np.arange(3.0))


def test_a_sum_is_a_balanced_tree():
    depth = {}
    total = []
    autograd_mini.grad(lambda a: total.append(np.sum(a)) or total[0])(np.ones(1000))
    for node in autograd_mini.topological_order(total[0]):
        depth[id(node)] = 1 + max((depth[id(o)] for o in node.operands), default=0)
    assert depth[id(total[0])] == 11


@pytest.mark.parametrize("line, instead", rows("What NumPy makes impossible"))
def test_what_is_impossible_and_what_to_use_instead(line, instead):
    with pytest.raises((TypeError, AttributeError, ValueError)):
        eval(line, names(autograd_mini.Value))
    found, expected = data(eval(instead, names(autograd_mini.Value))), eval(line, names(float))
    np.testing.assert_allclose(found, np.real(expected), rtol=1e-13, atol=1e-13)


def test_the_lists_are_not_empty():
    assert len(rows("What NumPy makes impossible")) > 10 and sum(map(len, rows("What works"))) > 50
