"""Exercises in Python and in the terminal: what is right is taken, what is wrong named, nothing passes by a trick."""

import base64
import io
import zlib

import pytest
from test_page import RIGHT, WRONG, sigmoid_loss

import autograd_mini as am
from autograd_mini import Value, exercise
from autograd_mini.cli import main
from autograd_mini.explain._exercise import generated


@pytest.fixture(scope="module")
def quiz():
    return exercise(sigmoid_loss())


def test_it_asks_from_the_root_down(quiz):
    assert [question.asked for question in quiz.questions][:6] == ["da", "da/dz", "dz", "dz/dw1", "dw1", "dz/dw2"]
    assert [question.asked for question in quiz.questions][-2:] == ["dz/db", "db"]
    x = Value(2.0, "x")
    assert [question.asked for question in exercise(x**3 + x).questions] == ["dx"]
    chosen = exercise(sigmoid_loss(), wrt=["z", "b"])
    assert [question.asked for question in chosen.questions] == ["da/dz", "dz", "dz/db", "db"]


@pytest.mark.parametrize("text", RIGHT)
def test_right_answers_in_every_hand(quiz, text):
    assert quiz.check("dz", text)


JUDGED = [(text, told) for text, told in WRONG.items() if told not in ("cannot be read", "not known")]


@pytest.mark.parametrize("text, told", JUDGED)
def test_wrong_answers_and_their_slips(quiz, text, told):
    verdict = quiz.check("dz", text)
    assert not verdict and told in str(verdict.hints)


@pytest.mark.parametrize("text", ["", "(a - y", "a2", "a 2", "frob(a)", "import os", "a.b"])
def test_what_cannot_be_read_is_no_answer(quiz, text):
    assert not quiz.check("dz", text)


def test_the_terminal_takes_arguments_in_any_order(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("2u\n"))
    assert main(["practise", "--wrt", "u", "u = 3*x; u²", "x=2"]) == 0
    assert capsys.readouterr().out.startswith("u = 3 * x\nu ** 2\n\nWrite each")


def test_local_derivatives_and_what_they_may_use(quiz):
    assert quiz.check("da/dz", "a(1-a)") and quiz.check("da/dz", "a*(1-a)")
    assert quiz.check("da/dz", "exp(-z)/(1+exp(-z))^2") and not quiz.check("da/dz", "da/dz")
    assert quiz.check("dw1", "x1*dz") and quiz.check("dw1", "dz*dz/dw1") and not quiz.check("dw1", "x1")
    assert quiz.check("da", "-y/a + (1-y)/(1-a)") and not quiz.check("da", "-y/a - (1-y)/(1-a)")
    with pytest.raises(ValueError, match="'dq' is not asked: there are da, da/dz"):
        quiz.check("dq", "1")


def test_hints_end_in_the_answer(quiz):
    pytest.importorskip("sympy")
    assert quiz.rule("dz").endswith("dz = da * da/dz") and quiz.answer("dz").endswith("dL/dz = a - y")
    assert quiz.answer("da/dz").endswith("da/dz = a - a**2")


def test_a_notebook_gets_the_page(quiz):
    shown = quiz._repr_html_()
    page = zlib.decompress(base64.b64decode(shown.split("atob('")[1].split("')")[0])).decode()
    assert shown.startswith("<iframe srcdoc=") and page == quiz.html() and '"exercises":[[' in page


def test_generated_ones_are_reproducible_and_have_answers():
    asked = [generated(seed) for seed in range(12)]
    assert len({am.text(quiz.root) for quiz in asked}) > 8
    assert am.text(generated(4).root) == am.text(asked[4].root)
    pytest.importorskip("sympy")
    for quiz in asked[:4]:
        for question in quiz.questions:
            formula = quiz.answer(question.asked).rpartition(" = ")[2]
            assert quiz.check(question.asked, formula), (am.text(quiz.root), question.asked, formula)


def test_nothing_to_ask():
    with pytest.raises(ValueError, match="name the parts"):
        exercise(Value(1.0) * 2)


def test_practise_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("a - a²\n\ny − a\na − y\n"))
    assert main(["practise", "--wrt", "z"]) == 0
    out = capsys.readouterr().out
    for told in ("L = -y * ln(a)", "da * da/dz", "Only the sign is wrong.", "An empty line gives the rule",
                 "Right.", "2 of 2 solved"):
        assert told in out
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert main(["practise", "--wrt", "z", "--lang", "zh"]) == 1 and "已完成 0 / 2" in capsys.readouterr().out
