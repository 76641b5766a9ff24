"""The command line as a user meets it: exit statuses, one line for bad input, pipes that close."""

import json
import math
import os
import struct
import subprocess
import sys

import pytest

from autograd_mini import __version__, engine
from autograd_mini.cli import _output as output, main
from autograd_mini.cli._arguments import InputError, assignments
from autograd_mini.render._saving import whole_file


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
    ("x=", "'x' has no number behind its equals sign: write it as x=1.5"), ("x=1,5", "decimal comma: write 1.5"),
    ("x=1，5", "decimal comma: write 1.5")])
def test_assignments_that_are_none(pair, message):
    with pytest.raises(InputError, match=message):
        assignments([pair])


def test_assignments():
    assert assignments(["x=1.5", " y = -2e3", "z=inf"]) == {"x": 1.5, "y": -2000.0, "z": math.inf}
    assert assignments(["x", "=", "1", "y=", "2", "ｚ＝−３"]) == {"x": 1.0, "y": 2.0, "z": -3.0}
    with pytest.raises(InputError, match="'x' is given twice"):
        assignments(["x=1", "x=2"])


def test_json_is_strict():
    text = output.json_text({"a": [math.nan, -math.inf, 1.5], "n": 3})
    assert json.loads(text, parse_constant=pytest.fail) == {"a": ["nan", "-inf", 1.5], "n": 3}


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "curve.svg"
    with whole_file(target) as path:
        path.write_text("first")
    with pytest.raises(KeyboardInterrupt), whole_file(target) as path:
        path.write_text("sec")
        raise KeyboardInterrupt
    assert target.read_text() == "first" and os.listdir(tmp_path) == ["curve.svg"]


def test_a_full_disk_and_a_closed_output_are_one_line():
    for where, told in (("> /dev/full", ": No space left on device"), (">&-", " is closed")):
        done = subprocess.run(["sh", "-c", f'"$0" -m autograd_mini grad x x=1 {where}', sys.executable], check=False,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr == f"autograd-mini: error: the standard output{told}\n"


def test_a_page_on_a_full_disk_leaves_the_old_one(tmp_path, monkeypatch):
    from autograd_mini import Value, draw

    target = tmp_path / "page.html"
    target.write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device", "temporary")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match=r"page\.html"):
        draw(Value(1.0, "x") * 2).save(target)
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["page.html"]


def test_a_table_fits_a_narrow_terminal(monkeypatch):
    rows = [["name", "derivative"], ["sine", "cos(a)"], ["权重", "2"]]
    assert output.table(rows, left=2) == "name  derivative\nsine  cos(a)\n权重  2"
    monkeypatch.setenv("COLUMNS", "12")
    assert output.table(rows, left=2) == "name        sine\nderivative  cos(a)\n\nname        权重\nderivative  2"


def test_a_reader_that_has_seen_enough_is_no_error():
    """As in `autograd-mini logistic | head -1`, the pipe closed before anything is printed."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run([sys.executable, "-m", "autograd_mini", "logistic", "--steps", "1"], stdout=pipe,
                              stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    assert done.returncode == 141 and done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="needs /dev/stdin")
def test_data_may_come_through_a_pipe():
    rows = "x,y\n" + "".join(f"{x},{x % 2}\n" for x in range(8))
    done = run("logistic", "--data", "/dev/stdin", "--target", "y", "--steps", "1", "--json", input=rows)
    assert done.returncode == 0 and json.loads(done.stdout)["data"]["rows"] == 8


def test_ctrl_c_is_one_line(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograd_mini.cli._logistic.LogisticRegression.fit", interrupt)
    assert main(["logistic"]) == 130
    assert capsys.readouterr().err == "\nautograd-mini: interrupted\n"


def test_a_terminal_that_cannot_show_blocks_still_gets_the_page():
    done = run("logistic", "--steps", "1", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and "0.693147" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_progress_bar_on_a_terminal_only():
    pytest.importorskip("tqdm")
    import fcntl
    import pty
    import termios

    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "autograd_mini", "logistic", "--steps", "300", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=side, text=True) as process:
        os.close(side)
        shown = b""
        with os.fdopen(terminal, "rb", buffering=0) as screen:
            while True:
                try:
                    piece = screen.read(1000)
                except OSError:  # Linux's way to say that the other side was closed
                    break
                if not piece:
                    break
                shown += piece
        assert json.loads(process.stdout.read())["training"]["steps"] == 300
    assert b"training:   0%" in shown and b"/300" in shown
