"""What the package needs, and what it does without."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini import cli


def test_without_tqdm_there_is_no_bar_and_all_else(monkeypatch, capsys):
    pytest.importorskip("sympy")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    x = ag.Value(0.5, "x")
    assert "cos(x)" in str(ag.derive(ag.sin(x), wrt=x))
    assert ag.trace(lambda a: a * a, 1.0).sum([1.0, 2.0]) == 5.0
    assert cli.main(["logistic", "--steps", "3", "--json"]) in (0, None)
    assert '"engine"' in capsys.readouterr().out


def test_nothing_but_numpy_and_graphviz_has_to_be_there():
    configuration = Path(__file__).resolve().parent.parent / "setup.cfg"
    if not configuration.exists():
        pytest.skip("this is not a checkout")
    required = configuration.read_text().partition("install_requires =")[2].partition("[")[0].split()
    assert [name.partition(">")[0] for name in required] == ["numpy", "graphviz"]
