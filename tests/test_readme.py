"""README and docs keep their word: code prints what they say, commands run, links lead somewhere."""

import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini
from autograd_mini.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^(?: *print\(.*\) +)?#(?: (.*))?$", re.MULTILINE)
RUN = [README, *(ROOT / "docs" / name for name in (
    "calculus.md", "examples.md", "explaining.md", "numbers.md", "numpy.md", "primitives.md", "programs.md",
    "solving.md", "testing.md"))]


def blocks(page, language):
    return [code for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_code_prints_what_its_comments_say(page, tmp_path):
    """All blocks of a page in order, as one program: `print(...)  # expected`, or the expected lines below it."""
    pytest.importorskip("scipy")
    pytest.importorskip("sympy")
    code = "\n".join(blocks(page, "python"))
    assert PRINTED.search(code)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120,
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(autograd_mini.__path__[0]).parent)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == PRINTED.findall(code)
    assert (tmp_path / "loss.svg").exists() == (page == README)


def commands():
    return [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("autograd-mini ")]


@pytest.mark.parametrize("command", commands())
def test_the_commands_run(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


def near(word, expected):
    """Whether a word is the expected one, or a number near it: another C library may round another way."""
    try:
        return math.isclose(float(word), float(expected), rel_tol=1e-9, abs_tol=1e-11)
    except ValueError:
        return word == expected


def test_the_page_of_the_main_job_is_the_one_shown(capsys):
    assert main(["logistic"]) == 0
    printed = capsys.readouterr().out.splitlines()
    shown, = blocks(README, "text")
    start = printed.index(shown.splitlines()[0])
    for line, expected in zip(printed[start:], shown.splitlines()):
        assert all(near(*words) for words in zip(line.split(), expected.split(), strict=True)), line


def test_there_are_exactly_two_whole_lines_for_a_fresh_machine():
    lines = [line for block in blocks(README, "sh") for line in block.splitlines() if ".venv" in line]
    assert len(lines) == 2 and all(line.startswith("python3 -m venv .venv && ") for line in lines)
    assert lines[0].endswith("autograd-mini logistic") and lines[1].endswith("python -m pytest")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    package = Path(autograd_mini.__path__[0]).parent  # beside the tests in a checkout, elsewhere when installed
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()
               and not (link.startswith("autograd_mini/") and (package / link).exists())]
    assert not missing


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if page.name != "index.md" and f"]({page.name})" not in index] == []
