"""One suite over two engines: a test that asks for `engine` runs with the readable and with the compiled one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from autograd_mini._core import value


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


@pytest.fixture(params=ENGINES, ids=repr)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture
def Value(engine: Engine) -> Any:
    return engine.Value


@pytest.fixture
def f(engine: Engine) -> SimpleNamespace:
    return engine.f
