"""`help` of every function says what its row says, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import math
import pydoc

import numpy as np
import pytest
import scipy.special

import autograd_mini as ag
from autograd_mini._core import registry
from autograd_mini.primitives import BUILT_IN

ENTRIES = ("derivative", "domain", "accuracy", "takes")


def failures(text, names):
    test = doctest.DocTestParser().get_doctest(text, names, "example", None, None)
    return doctest.DocTestRunner(verbose=False).run(test).failed, len(test.examples)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_row_says_all(name, engine):
    row, function = BUILT_IN[name], engine.functions[name]
    text = function.__doc__
    lines = text.splitlines()
    assert row.meaning and row.meaning in " ".join(lines)
    assert [entry for entry in ENTRIES if not any(line.startswith(entry) for line in lines)] == []
    assert row.domain.replace(" ", "") in text.replace(" ", "").replace("\n", "")
    assert sum(line.startswith("derivative") for line in lines) == len(row.partials)
    assert "by its rule" not in text and max(map(len, lines)) <= 75
    assert failures(text, {name: function}) == (0, 1)
    assert list(inspect.signature(function).parameters) == row.operand_names()


@pytest.mark.parametrize("name", ["sigmoid", "erf", "atan2", "norm_ppf", "xlogy", "exp", "logsubexp", "cbrt"])
def test_the_derivatives_that_help_tells_are_right(name):
    """Read back by Python, with SciPy's functions, at the row's first point."""
    row = BUILT_IN[name]
    point = dict(zip(row.operand_names(), row.at[0]))
    names = {**vars(scipy.special), **{f: getattr(np, f) for f in ("exp", "sqrt", "square", "pi")}, "ln": np.log,
             "norm_pdf": lambda a: np.exp(-a * a / 2) / np.sqrt(2 * np.pi), **point, "y": row.number(*row.at[0])}
    told = [line[16:] for line in ag.__dict__[name].__doc__.splitlines() if line.startswith("derivative")]
    assert len(told) == len(point)
    for place, formula in enumerate(told):
        promised = row.partial(place, row.number(*row.at[0]), *row.at[0])
        assert eval(formula, names) == pytest.approx(promised, rel=1e-13)


def test_a_row_of_ones_own_says_it_too(engine):
    cube = ag.primitive("cube_told", lambda a: a ** 3, [lambda y, a: 3 * a * a], at=(2.0,), meaning="a times a times a")
    told = registry.engines[engine.name].functions["cube_told"].__doc__
    assert told.startswith("cube_told(a): a times a times a\n") and "derivative      3 * a * a" in told
    assert failures(told, {"cube_told": cube}) == (0, 1)

    def bare(a):
        """The number of the beast, times a."""
        return 666.0 * a / math.sqrt(a)  # which fails at the point that it is given

    beast = ag.primitive("beast", bare, [lambda y, a: float(a) * 0 + 666.0], at=(-1.0,))
    assert beast.__doc__.startswith("beast(a): The number of the beast, times a.")
    assert "by its rule" in beast.__doc__ and "accuracy" not in beast.__doc__ and ">>>" not in beast.__doc__


def test_help_and_signatures_say_what_to_give():
    text = pydoc.render_doc(ag.softplus, renderer=pydoc.plaintext)
    assert "\n    softplus(a) = ln(1 + exp(a)): " in text and max(map(len, text.splitlines())) <= 80
    assert str(inspect.signature(ag.where)) == "(c, a, b, /)"
    data, name = inspect.signature(ag.Value).parameters.values()
    assert (data.name, name.name, name.default) == ("data", "name", None)
