"""docs/numpy.md is true: every line that works gives the numbers of floats, every impossible one raises."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest

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
    return {"np": np, "autograd_mini": autograd_mini, "functools": functools, "X": np.arange(6.0).reshape(2, 3),
            "v": wrap(0.75), "a": numbers([0.75, -1.25, 2.0], wrap), "M": numbers([[2.0, 1.0], [1.0, 3.0]], wrap)}


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


@pytest.mark.parametrize("line, instead", rows("What follows NumPy's comparisons"))
def test_what_follows_comparisons(line, instead):
    by_numpy, by_rows = (eval(code, names(autograd_mini.Value)) for code in (line, instead))
    np.testing.assert_allclose(data(by_numpy), data(by_rows))
    assert all(isinstance(entry, autograd_mini.Value) for entry in np.asarray(by_rows, dtype=object).ravel())
    variables = names(autograd_mini.Value)
    with pytest.raises(autograd_mini.TracedBranchError):
        trace(lambda a: eval(line, {**variables, "a": a}), data(variables["a"]))


@pytest.mark.parametrize("line, instead", rows("What NumPy makes impossible"))
def test_what_is_impossible_and_what_to_use_instead(line, instead):
    with pytest.raises((TypeError, AttributeError)):
        eval(line, names(autograd_mini.Value))
    found, expected = data(eval(instead, names(autograd_mini.Value))), eval(line, names(float))
    np.testing.assert_allclose(found, np.real(expected), rtol=1e-13, atol=1e-13)


def test_the_lists_are_not_empty():
    assert len(rows("What NumPy makes impossible")) > 10 and sum(map(len, rows("What works"))) > 50
