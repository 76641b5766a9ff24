"""A pytest plugin that notes which functions of the package a test file calls, and how long it takes.

`sys.monitoring` (Python 3.12) tells the first call of each function only, so that noting costs nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType

import pytest

PACKAGE = Path.cwd() / "autograd_mini"
called: list[CodeType] = []


def note(code: CodeType, offset: int) -> object:
    called.append(code)
    return sys.monitoring.DISABLE


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop():
    watch = sys.monitoring
    watch.use_tool_id(watch.COVERAGE_ID, "mutate")
    watch.register_callback(watch.COVERAGE_ID, watch.events.PY_START, note)
    watch.set_events(watch.COVERAGE_ID, watch.events.PY_START)
    began = time.process_time()
    yield
    seconds = time.process_time() - began
    watch.free_tool_id(watch.COVERAGE_ID)
    files = (Path(code.co_filename) for code in called if code.co_name != "<module>")
    functions = Counter(file.relative_to(Path.cwd()).as_posix() for file in files if file.is_relative_to(PACKAGE))
    Path(os.environ["MUTATE_NOTES"]).write_text(json.dumps({"seconds": seconds, "functions": functions}))
