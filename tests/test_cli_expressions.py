"""`autograd-mini grad` and `autograd-mini draw`."""

import json

import pytest

from autograd_mini.cli import main

SIGMOID = ["z = w*x + b; a = sigmoid(z); -ln(a)", "w=1", "x=2", "b=-1"]


def test_grad_prints_value_gradients_and_tree(capsys):
    assert main(["grad", *SIGMOID]) == 0
    out = capsys.readouterr().out
    assert "value  0.3132616875182228" in out and "w          1.0  -0.5378828427399902" in out
    assert "└─ a = sigmoid" in out and "z = +" in out


def test_grad_as_json(capsys):
    assert main(["grad", "x**3 * y", "x=2", "y=-1", "--json", "--wrt", "x"]) == 0
    assert json.loads(capsys.readouterr().out) == {"expression": "x ** 3 * y", "value": -8.0, "gradients": {"x": -12.0},
                                                   "at": {"x": 2.0, "y": -1.0}}


def test_grad_of_a_constant_and_of_nan(capsys):
    assert main(["grad", "2 + 3"]) == 0 and "value  5.0" in capsys.readouterr().out
    assert main(["grad", "ln(x)", "x=-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gradients"] == {"x": "nan"}


@pytest.mark.parametrize("ending, start", [("svg", b"<svg"), ("html", b"<!doctype"), ("gv", b"digraph")])
def test_draw_writes_the_picture(ending, start, tmp_path, capsys):
    target = tmp_path / f"graph.{ending}"
    assert main(["draw", *SIGMOID, "--wrt", "w", "--labels", "formula", "--color", "-o", str(target)]) == 0
    assert target.read_bytes().startswith(start)
    assert "0.5378828427399902" in target.read_text()
    assert capsys.readouterr().out == f"{target}: Computation graph of 0.3133: 8 nodes\n"


@pytest.mark.parametrize("arguments, message", [
    (["grad", "x +* 1", "x=1"], "  x +* 1\n     ^"),
    (["grad", "x + q", "x=1"], "'q' of the expression has no value: add q=1.5"),
    (["grad", "x", "x=1", "y=2"], "the expression has no variable 'y': it has x"),
    (["grad", "x", "x=1", "--wrt", "w"], "the expression has no variable 'w'"),
    (["grad", "__import__('os')", "x=1"], "error"),
    (["draw", "x", "x=1", "-o", "graph.jpg"], "'graph.jpg' ends in none of .svg, .png"),
    (["draw", "x", "x=1"], "-o/--output"),
    (["draw", "x", "x=1", "-o", "no/such/place.svg"], "No such file or directory"),
])
def test_bad_input_is_named_with_exit_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == "" and "Traceback" not in captured.err


def test_nothing_is_left_behind_where_there_is_no_layout(tmp_path, monkeypatch, capsys):
    import sys

    import graphviz

    def missing(*arguments, **options):
        raise graphviz.ExecutableNotFound(["dot"])

    monkeypatch.setattr(graphviz, "pipe", missing)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert main(["draw", *SIGMOID, "-o", str(tmp_path / "graph.png")]) == 2
    assert "autograd_mini[viz]" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
    assert main(["draw", *SIGMOID, "-o", str(tmp_path / "graph.svg")]) == 0
