"""Types of the compiled engine: the class and the functions have the types of value.py and functions.pyi."""

from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini._core.value import Value as Value
from autograd_mini.primitives import Primitive

functions: dict[str, Callable[..., Any]]

def room() -> int: ...
def topological_order(*roots: Value) -> list[Value]: ...
def define(primitive: Primitive, documentation: Callable[[Primitive], str],
           add_methods: Callable[..., None]) -> Callable[..., Any]: ...
def connect(table: Sequence[Primitive], documentation: Callable[[Primitive], str],
            add_methods: Callable[..., None], doc: str | None) -> None: ...
