"""`autograd-mini derive`, `check` and `diagnose`."""

import json

import pytest

from autograd_mini.cli import main

LOSS = "z = w*x + b; a = 1/(1 + exp(-z)); -y*ln(a) - (1 - y)*ln(1 - a)"


def test_derive_ends_at_a_minus_y(capsys):
    assert main(["derive", LOSS, "--wrt", "z", "w"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "dz    = dL/dz = da * da/dz = a - y" in lines
    assert lines[-1] == "dw    = dL/dw = dz * dz/dw = x*dz = x*(a - y)"


def test_derive_as_json_as_latex_and_with_numbers(capsys):
    assert main(["derive", LOSS, "--wrt", "z", "--json"]) == 0
    steps = {step["claim"]: step for step in json.loads(capsys.readouterr().out)}
    assert steps["dL/dz"]["forms"] == ["a - y"] and steps["dL/dz"]["verified"] is True
    assert main(["derive", LOSS, "--wrt", "z", "--latex"]) == 0
    assert capsys.readouterr().out.startswith("\\begin{aligned}")
    assert main(["derive", "x**2", "x=3", "--numbers"]) == 0
    assert capsys.readouterr().out.endswith("dx = dL/dx = 2*x = 2*3 = 6\n")


def test_derive_finds_numbers_where_the_expression_is_finite(capsys):
    assert main(["derive", "ln(x - 1)", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["verified"] is True


def test_assumptions_are_passed_on(capsys):
    softmax = "p = exp(s)/(exp(s) + exp(t)); -y*ln(p) - v*ln(1 - p)"
    assert main(["derive", softmax, "--wrt", "s", "--assume", "y + v = 1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("= p - y")


def test_check_says_yes_with_0_and_no_with_1(capsys):
    assert main(["check", LOSS, "--claim", "z=a - y", "--claim", "w=x*dz"]) == 0
    assert "all 2 cases hold" in capsys.readouterr().out
    assert main(["check", LOSS, "--claim", "z=y - a", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["first_wrong"], result["should_be"], result["slip"]) == ("dL/dz", "a - y", "the sign is wrong")
    assert main(["check", "abs(x)", "--claim", "x=1"]) == 1
    assert main(["check", "abs(x)", "--claim", "x=1", "--domain", "x=1:2"]) == 0


def test_hints_tell_less_than_the_answer(capsys):
    told = []
    for hint in ("1", "2", "3"):
        assert main(["check", "u = x**2; sin(u)", "--claim", "x=2*cos(u)", "--hint", hint]) == 1
        told.append(capsys.readouterr().out)
    assert ["a factor x is missing" in text for text in told] == [False, True, True]
    assert ["the rule" in text for text in told] == [False, False, True]
    assert not any("it should be" in text for text in told)


def test_diagnose_tells_cause_and_remedy(capsys):
    assert main(["diagnose", "a = 1/(1 + exp(-z)); -ln(1 - a)", "z=40"]) == 1
    assert "a = 1 / (1 + exp(-z)) is saturated" in capsys.readouterr().out
    assert main(["diagnose", "(1 - cos(x))/x**2", "x=1e-5", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["gradients"]["x"]["digits_lost"] == 16 and "where(less(abs(x)" in result["stable_form"]
    assert main(["diagnose", "exp(x)", "x=1", "--wrt", "x", "--latex"]) == 0
    assert capsys.readouterr().out == "e^{x}\n"


@pytest.mark.parametrize("arguments, message", [
    (["derive", "x +* 1"], "  x +* 1\n     ^"),
    (["derive", "x", "y=1"], "the expression has no variable 'y'"),
    (["derive", "2 + 3"], "the expression is the number 5.0"),
    (["derive", "x**2", "--wrt", "q"], "no node is called 'q'"),
    (["derive", "x**2", "--numbers"], "'x' of the expression has no value"),
    (["derive", "x**2", "--assume", "x"], "an assumption is an equation"),
    (["check", "x**2"], "--claim"),
    (["check", "x**2", "--claim", "2*x"], "write it as --claim x='2*x'"),
    (["check", "x**2", "--claim", "q=2*x"], "no node is called 'q'"),
    (["check", "x**2", "--claim", "x=2*+"], "2*+"),
    (["check", "x**2", "--claim", "x=2*x", "--domain", "x=3"], "write it as --domain x=0:1"),
    (["diagnose", "x**2"], "'x' of the expression has no value: add x=1.5"),
    (["diagnose", "x**2", "x=1", "--wrt", "q"], "the expression has no variable 'q'"),
])
def test_bad_input_is_named_with_exit_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == "" and "Traceback" not in captured.err
