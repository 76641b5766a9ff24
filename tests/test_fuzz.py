"""The fuzzer finds what was planted and makes it small; what it once found stays mended. `.ci/run` lets it search."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ENGINES

import autograd_mini
from autograd_mini import trace
from autograd_mini._body.body import MOST_SLOTS, Body
from autograd_mini.primitives import TABLE
from autograd_mini.program import Program
from autograd_mini.program._layout import Part

ROOM = Path(__file__).resolve().parent.parent / "tools" / "fuzz"
pytestmark = pytest.mark.skipif(not ROOM.exists() or not hasattr(os, "fork"), reason="it needs tools/fuzz and fork")


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOM))
    specification = importlib.util.spec_from_file_location("fuzz_main", ROOM / "__main__.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    yield module
    for name in ("choices", "targets"):
        sys.modules.pop(name, None)


def planted(harm):
    def target(choices, show):
        picks = [choices.below(10) for _ in range(12)]
        if 7 in picks and 9 in picks:
            harm()
        return tuple(sorted(set(picks)))
    return target


@pytest.mark.parametrize("harm, kind", [
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "dies by SIGKILL"), (lambda: os._exit(3), "ends the process"),
    (lambda: {}["x"], "the fuzzer itself")])
def test_what_is_planted_is_found_and_made_small(fuzz, monkeypatch, harm, kind):
    monkeypatch.setitem(fuzz.TARGETS, "planted", planted(harm))
    _, found = fuzz.hunt("planted", 1, 0.3)
    [(failed, case)] = found
    assert failed.startswith((kind, "ends the process"))
    assert len(case) <= 12
    assert sorted({choice % 10 for choice in case} - {0}) == [7, 9]
    assert fuzz.in_child("planted", case)


def test_an_undocumented_error_is_told_from_a_documented_one(fuzz):
    assert fuzz.TARGETS["expressions"](fuzz.Choices([]), False)
    attempt = sys.modules["targets"].attempt
    assert attempt(lambda: ENGINES[0].Value("x"))[1][0] == "TypeError"
    with pytest.raises(fuzz.Undocumented, match="SystemError"):
        attempt(lambda: (_ for _ in ()).throw(SystemError("inner")))


def test_every_target_runs_a_few_cases():
    """In a process of its own: beside other threads a child may be born with a lock that one of them held."""
    package = Path(autograd_mini.__file__).parent.parent
    ran = subprocess.run([sys.executable, str(ROOM), "--seconds", "2", "--seed", "5"], check=False, timeout=200,
                         text=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(package)})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = re.findall(r"^(\w+): (\d+) cases, 0 failures", ran.stdout, re.MULTILINE)
    assert len(told) == 4 and all(int(count) > 0 for _, count in told)


def test_a_format_is_a_text(Value):
    for spec in (5, None, np.float64(2.0), Value(1.0)):
        with pytest.raises(TypeError, match="a format is a text, not"):
            Value(1.0).__format__(spec)


PROGRAM = trace(lambda w, x: [w @ x, w], np.ones(3), np.ones(3))


def loaded(place, entry):
    state = list(PROGRAM.__getstate__())
    state[place] = entry
    program = Program.__new__(Program)
    program.__setstate__(tuple(state))
    return program


ENDLESS: list = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize("arguments", [
    (), (Part("w", 0, (3,)),), (Part("w", 0, (3,)), Part("x", 4, (3,))), (Part("w", 0, (2**62,)), Part("x", 3, (3,))),
    (Part("w", 3, (3,)), Part("x", 0, (3,))), (Part("w", 0, (-3,)), Part("x", -3, (9,))), (Part(5, 0, (3,)), "x"), None,
    (Part("w", 0, (1,) * 40 + (3,)), Part("x", 3, (3,))), ("ab", "cd"), (ENDLESS,), [Part("w", 0, (6,))]])
def test_a_layout_that_does_not_fit_its_body_is_refused(arguments):
    with pytest.raises(ValueError, match="no program"):
        loaded(3, arguments)


@pytest.mark.parametrize("place, entry", [
    (0, None), (1, None), (1, ("w", 5)), (2, "x"), (2, 7), (4, Part("y", 0, None)), (4, {"a": 1}), (5, None), (6, 5),
    (6, {"a": "b"}), (7, None), (7, (1.0,))])
def test_a_state_of_other_kinds_is_refused(place, entry):
    with pytest.raises(ValueError, match="no program"):
        loaded(place, entry)
    assert loaded(3, PROGRAM.arguments) == PROGRAM


@pytest.mark.parametrize("fields", [
    (MOST_SLOTS, (), (), b"", ()), (2**62, (), (), b"", ()), (-1, (), (), b"", ()),
    (1, (), (TABLE["exp"],), b"abc", ()),
    (1, (), (TABLE["exp"],), np.array([0, 1], np.int32).tobytes(), ()), (1, (), ("exp",), b"", (0,)),
    (1, (), (TABLE["exp"],), np.array([0, 0], np.int32).tobytes(), (2,)), (1, (None,), (), b"", ()), ()])
def test_a_body_of_wrong_slots_is_refused(fields):
    with pytest.raises(ValueError, match="no body"):
        Body.__new__(Body).__setstate__(fields)
