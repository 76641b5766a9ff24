"""The first page: what it says is so, in both languages, and both say the same."""

import doctest
import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"
TWINS = [DOCS / "start.md", DOCS / "start_zh.md"]


@pytest.mark.parametrize("page", TWINS, ids=lambda page: page.stem)
def test_every_line_of_it_is_so(page, tmp_path, monkeypatch):
    pytest.importorskip("sympy")
    monkeypatch.chdir(tmp_path)
    assert doctest.testfile(str(page), module_relative=False).failed == 0
    assert (tmp_path / "loss.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_twins_say_the_same():
    pages = [page.read_text("utf-8").replace(', language="zh"', "").replace("只是符号错了。", "Only the sign is wrong.")
             for page in TWINS]
    for pattern in (r"```python\n.*?```", r"^#+ ", r"\$`.*?`\$", r"x1 \(a - y\)|-1/t²|α"):
        found = [re.findall(pattern, page, re.S | re.M) for page in pages]
        assert found[0] == found[1] and found[0], pattern
