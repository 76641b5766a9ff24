"""A pytest plugin that notes which functions of the package each test file calls, and how long the file takes."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

import pytest

met: dict[int, CodeType] = {}


def note(frame: FrameType, event: str, argument: object) -> None:
    met.setdefault(id(frame.f_code), frame.f_code)


def pytest_configure() -> None:
    threading.settrace(note)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop():
    began = time.process_time()
    sys.settrace(note)
    yield
    sys.settrace(None)
    package = Path.cwd() / "autograd_mini"
    files = (Path(code.co_filename) for code in met.values() if code.co_name != "<module>")
    functions = Counter(file.relative_to(Path.cwd()).as_posix() for file in files if file.is_relative_to(package))
    told = {"seconds": time.process_time() - began, "functions": functions}
    Path(os.environ["MUTATE_NOTES"]).write_text(json.dumps(told))
