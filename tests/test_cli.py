"""The command line as a user meets it: exit statuses, one line for bad input, pipes that close."""

import json
import math
import os
import subprocess
import sys

import pytest

from autograd_mini import __version__, engine
from autograd_mini.cli import main, output
from autograd_mini.cli.arguments import InputError, assignments


def run(*arguments, **keywords):
    return subprocess.run([sys.executable, "-m", "autograd_mini", *arguments], capture_output=True, text=True,
                          check=False, timeout=60, **keywords)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"autograd-mini {__version__} ({engine} engine)\n"


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0
    assert "COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_one_line_and_exit_status_2():
    done = run("nonsense")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "invalid choice: 'nonsense'" in done.stderr


@pytest.mark.parametrize("pair, message", [
    ("x", "write it as x=1.5"), ("=3", "write it as"), ("2x=3", "write it as"), ("x=abc", "'abc' is not a number"),
    ("x=", "not a number")])
def test_assignments_that_are_none(pair, message):
    with pytest.raises(InputError, match=message):
        assignments([pair])


def test_assignments():
    assert assignments(["x=1.5", " y = -2e3", "z=inf"]) == {"x": 1.5, "y": -2000.0, "z": math.inf}
    with pytest.raises(InputError, match="'x' is given twice"):
        assignments(["x=1", "x=2"])


def test_json_is_strict():
    text = output.json_text({"a": [math.nan, -math.inf, 1.5], "n": 3})
    assert json.loads(text, parse_constant=pytest.fail) == {"a": ["nan", "-inf", 1.5], "n": 3}


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "curve.svg"
    with output.whole_file(target) as path:
        path.write_text("first")
    with pytest.raises(KeyboardInterrupt), output.whole_file(target) as path:
        path.write_text("sec")
        raise KeyboardInterrupt
    assert target.read_text() == "first" and os.listdir(tmp_path) == ["curve.svg"]
