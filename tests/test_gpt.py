"""examples/gpt.py: a program written for another Value class runs with ours, and as Programs, with the same numbers."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from autograd_mini import Value
from benchmarks.gpt import Plain, example

gpt = example()
ALPHABET, DOCUMENTS = gpt.documents_of(gpt.Path(gpt.__file__).with_name("names.txt"))
SHORT = sorted(DOCUMENTS, key=len)[:3]
STEPS = 4


def numbers(state):
    return np.array([entry.data for matrix in state.values() for row in matrix for entry in row])


@pytest.fixture(scope="module")
def ours():
    state = gpt.parameters(ALPHABET.count)
    return gpt.train(state, SHORT, STEPS), state


def test_it_has_as_many_parameters_as_it_says(ours):
    assert numbers(ours[1]).shape == (4192,)


def test_a_value_class_of_plain_python_takes_the_same_steps(ours):
    state = gpt.parameters(ALPHABET.count, Plain)
    assert gpt.train(state, SHORT, STEPS) == pytest.approx(ours[0], rel=1e-13)
    np.testing.assert_allclose(numbers(state), numbers(ours[1]), rtol=0, atol=1e-9)
    assert gpt.made_up(state, ALPHABET, random.Random(1), 0.5) == gpt.made_up(ours[1], ALPHABET, random.Random(1), 0.5)


def test_programs_take_the_same_steps(ours):
    losses, arrays = gpt.train_traced(gpt.parameters(ALPHABET.count), SHORT, STEPS)
    assert losses == pytest.approx(ours[0], rel=1e-13)
    np.testing.assert_allclose(np.concatenate([array.ravel() for array in arrays.values()]), numbers(ours[1]), rtol=0,
                               atol=1e-9)


def test_gradients_are_those_of_plain_python_to_the_last_digits():
    found = []
    for kind in (Value, Plain):
        state = gpt.parameters(ALPHABET.count, kind)
        gpt.loss(state, SHORT[0]).backward()
        found.append(np.array([entry.grad for matrix in state.values() for row in matrix for entry in row]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("how", [[], ["--trace"]])
def test_the_command(how, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("ab\nba\n")
    gpt.main(["--steps", "2", "--samples", "2", "--names", str(tmp_path / "names.txt"), *how])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 names of 2 letters, 3,424 parameters"
    assert re.fullmatch(r"step 2: mean loss \d\.\d{4}", lines[1]) and len(lines) == 4
