"""One suite over two engines: a test that asks for `engine` runs with the readable and with the compiled one.

The whole suite (pytest without files) runs on every core where pytest-xdist is installed, a few files in this process.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from autograd_mini._core import value

collect_ignore = ["typed"]  # read by type checkers, not run


class Engine(NamedTuple):
    """One implementation of Value and of the functions of the table."""

    name: str
    Value: Any
    functions: Any

    def __repr__(self) -> str:
        return self.name

    @property
    def f(self) -> SimpleNamespace:
        return SimpleNamespace(**self.functions)


ENGINES = [Engine("python", value.PythonValue, value.python_functions)]
if value.engine == "native":
    ENGINES.append(Engine("native", value.Value, value.functions))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Neighbours stay with one worker as long as it is not late, for the sake of what a module prepares once."""
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    if whole and getattr(config.option, "numprocesses", 0) is None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.numprocesses, config.option.dist = "logical", "worksteal"


@pytest.fixture(params=ENGINES, ids=repr)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture
def Value(engine: Engine) -> Any:
    return engine.Value


@pytest.fixture
def f(engine: Engine) -> SimpleNamespace:
    return engine.f
