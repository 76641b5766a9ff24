"""`autograd-mini grad` and `autograd-mini draw`."""

import json

import pytest

from autograd_mini.cli import main

SIGMOID = ["z = w*x + b; a = sigmoid(z); -ln(a)", "w=1", "x=2", "b=-1"]


def test_grad_prints_value_gradients_and_tree(capsys):
    assert main(["grad", *SIGMOID]) == 0
    out = capsys.readouterr().out
    assert "value  0.3132616875182228" in out and "w          1.0   -0.53788284273999" in out
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
    assert ('"op":"sigmoid"' if ending == "html" else "0.53788284273999") in target.read_text()
    assert capsys.readouterr().out == f"{target}: Computation graph of 0.3133: 8 nodes\n"


@pytest.mark.parametrize("arguments, message", [
    (["grad", "x +* 1", "x=1"], "  x +* 1\n     ^"),
    (["grad", "x + q", "x=1"], "'q' of the expression has no value: add q=1.5"),
    (["grad", "x", "x=1", "y=2"], "the expression has no variable 'y': it has x"),
    (["grad", "x", "x=1", "--wrt", "w"], "the expression has no variable 'w'"),
    (["grad", "__import__('os')", "x=1"], "error"),
    (["draw", "x", "x=1", "-o", "graph.jpg"], "'graph.jpg' ends in none of .svg, .png"),
    (["draw", "x", "x=1"], "-o graph.svg, or --show"),
    (["draw", "x", "x=1", "-o", "no/such/place.svg"], "no/such/place.svg: No such file or directory"),
    (["grad", "lg(x)", "x=1"], "log10(x) for the logarithm to base 10; ln(x), and log(x) too, is the natural one"),
    (["derive", "--wrt", "z"], "the expression is missing"),
    (["check", "x", "--claim", "x=1", "--claim", "x=2"], "'x' is given twice: '1' and '2'"),
    (["check", "x", "--claim", "-x=1"], "no node is called '-x'"),
])
def test_bad_input_is_named_with_exit_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == "" and "Traceback" not in captured.err


@pytest.mark.parametrize("source, same", [
    ("-y*ln(a)", "-(y*ln(a))"), ("-y", "0 - y"), ("a×y", "a*y"), ("a·y÷2", "a*y/2"), ("（a−y）", "a - y"),
    ("a² + y³", "a**2 + y**3"), ("π*a + y", "pi*a + y"), ("２*a + y", "2*a + y"), ("u = a*y; L = ln(u)", "ln(a*y)")])
def test_what_is_written_by_hand_is_read(source, same, capsys):
    answers = []
    for expression in (source, same):
        values = [f"{name}={number}" for name, number in (("y", 1.5), ("a", 0.5)) if name in same]
        assert main(["grad", expression, *values, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0]["value"] == pytest.approx(answers[1]["value"], rel=1e-15)
    assert answers[0]["gradients"] == pytest.approx(answers[1]["gradients"], rel=1e-15)


def test_the_beginner_s_path_in_chinese(capsys):
    assert main(["grad", "w*x", "w=2", "x=3", "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "值  6.0" in out and "变量  取值  梯度\nw      2.0   3.0" in out
    assert main(["grad", "w*x", "w=2", "--lang", "zh"]) == 2
    assert "表达式中的 'x' 没有数值：请加上 x=1.5" in capsys.readouterr().err


def test_the_expression_may_stand_behind_names(capsys):
    pytest.importorskip("sympy")
    assert main(["derive", "--wrt", "z", "a = 1/(1 + exp(-z)); L = -ln(a)"]) == 0
    assert "dz    = dL/dz = da * da/dz = a - 1" in capsys.readouterr().out


def test_a_claim_is_judged_where_the_domain_is(capsys):
    assert main(["check", "abs(x)", "--claim", "x=-1", "--domain", "x=-5:-1"]) == 0
    assert "x=-3" in capsys.readouterr().out


def test_columns_of_chinese_names_are_aligned(capsys):
    assert main(["grad", "权重*x", "权重=2", "x=3"]) == 0
    out = capsys.readouterr().out
    assert "权重      2.0       3.0\nx         3.0       2.0" in out and "├─ 权重  2  grad 3\n└─ x     3  grad 2" in out
    assert main(["draw", "权重*x", "权重=2", "x=3", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("<svg")


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
