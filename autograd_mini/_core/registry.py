"""Which engines there are, and what higher floors of the house lend to lower ones, which may not import them.

An engine registers with `add_engine`; a wing lends by assigning, as in `registry.represent = ...`. Both engines ask
here, so both look and behave the same.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Sequence


class Engine(NamedTuple):
    """One implementation of Value: its class, its functions by name, how it makes one, and how it puts a text to it."""

    kind: Any
    functions: dict[str, Callable[..., Any]]
    define: Callable[[Any], Callable[..., Any]]
    describe: Callable[[Any, str], None]


engines: dict[str, Engine] = {}
"""By name; the one in use comes first."""

kinds: tuple[Any, ...] = ()
"""The classes of Values, of every engine."""


def add_engine(name: str, engine: Engine) -> None:
    """Take an engine into use: before those that are there."""
    global kinds
    others = dict(engines)
    engines.clear()
    engines.update({name: engine, **others})
    kinds = tuple(engine.kind for engine in engines.values())


def is_value(number: Any) -> bool:
    """Whether something is a Value, of any engine."""
    return isinstance(number, kinds)


def engine_of(operands: Sequence[Any]) -> Engine:
    """The engine whose Values are among the operands; without any, the one in use."""
    found = [engine for engine in engines.values() if any(type(operand) is engine.kind for operand in operands)]
    if len(found) > 1:
        raise TypeError("Values of the readable and of the compiled engine cannot meet in one graph")
    return found[0] if found else next(iter(engines.values()))


def apply(primitive: Any, operands: Sequence[Any]) -> Any:
    """Apply a row to numbers of any kind: Values, arrays, numbers that are no floats."""
    return function_in(engine_of(operands), primitive)(*operands)


def function_in(engine: Engine, primitive: Any) -> Callable[..., Any]:
    """The function of a row in an engine."""
    function = engine.functions.get(primitive.name)
    return function if function is not None and row_of(function) is primitive else engine.define(primitive)


def row_of(function: Any) -> Any:
    """The row that a public function applies; None where it is no function of a row."""
    return getattr(getattr(function, "__self__", None) or function, "primitive", None)


# What is lent ---------------------------------------------------------------------------------------------------------

def _plain(node: Any) -> str:
    return f"Value({node.data!r})"


represent: Callable[[Any], str] = _plain
"""node -> its `repr`."""

mimebundle: Optional[Callable[[Any], dict[str, Any]]] = None
"""node -> what a notebook shows for it, by MIME type."""

document: Optional[Callable[[Any, Callable[..., Any]], str]] = None
"""(row, its function) -> what `help` says of it."""

array_ufunc: Optional[Callable[..., Any]] = None
"""(ufunc, method, inputs, keywords) -> NumPy's operation over Values."""

array_function: Optional[Callable[..., Any]] = None
"""(function, args, keywords) -> a function of NumPy that is no ufunc, where an argument is a Value."""

array_kind: Any = None
"""The kind of array that holds Values."""

over_array: Optional[Callable[..., Any]] = None
"""(function of a row, operands) -> the function applied elementwise, where an operand is an array."""

saved_row: Callable[[Any], tuple[Any, ...]]
"""row -> what pickle keeps of it."""

remake: Callable[[str, tuple[Any, ...]], Any]
"""(name of a maker, arguments) -> a row that is made of them, as one that solves the equations of a body is."""

function_of: Callable[[Any], Callable[..., Any]]
"""row -> its public function."""

ufunc_rows: dict[Any, int] = {}
"""The number of the row that a ufunc of NumPy stands for."""

derive: Optional[Callable[[Any, Any], Any]] = None
"""(node, by which nodes) -> the steps of its derivation."""
