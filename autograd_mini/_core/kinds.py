"""The kinds of things that the public functions take and give, for type checkers; nothing here runs.

`exp` of a number is a float, of a Value a Value, of an array an array: `Unary`, `Binary` and `Ternary` say so for the
functions of rows, `Function` for those of a user's own, which may have any number of operands.
"""

# mypy: disable-error-code=overload-overlap
# (of overloads that overlap, the first that fits is meant)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, TypeVar, Union, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from autograd_mini._core.value import Value

P = ParamSpec("P")
R = TypeVar("R")
"""The parameters of a function that is transformed, and what it returns."""

Number = Union[float, Fraction, Decimal, np.floating[Any], np.integer[Any], np.bool_]
Scalar = Union["Value", Number]
Floats = npt.NDArray[np.float64]
Numbers = Union[npt.NDArray[np.floating[Any]], npt.NDArray[np.integer[Any]], npt.NDArray[np.bool_]]
Values = npt.NDArray[np.object_]
"""An array of Values."""
Operand = Union[Scalar, Numbers, Values]


Row = Union[Sequence[Any], npt.NDArray[Any]]
"""The numbers of one example, which may be Values."""
Seed = Union[int, "np.random.Generator"]


class HasGraph(Protocol):
    """What stands for a Value: a Program does, by the graph of its example."""

    def graph(self) -> Value: ...


Graph = Union["Value", HasGraph]


Entry = TypeVar("Entry")
ByNode = Union[Mapping[Union["Value", str], Entry], Mapping["Value", Entry], Mapping[str, Entry]]
"""Something for each of some nodes, or of their names."""
Nodes = Union["Value", str, Sequence[Union["Value", str]]]
"""Nodes or their names; one stands for a list of one."""


Loss = Union["Value", Callable[..., Any]]
"""A graph, or a function of numbers that is recorded."""


class HasFields(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class HasParameters(Protocol):
    """A network."""

    def parameters(self) -> list[Value]: ...


Nested = Union["Value", list[Any], tuple[Any, ...], dict[Any, Any], npt.NDArray[Any], HasFields]
"""A Value, or any nesting of Values."""
Tree = TypeVar("Tree", bound=Nested)


class Unary(Protocol):
    """The function of a row with one operand."""

    @overload
    def __call__(self, a: Value, /) -> Value: ...
    @overload
    def __call__(self, a: Number, /) -> float: ...
    @overload
    def __call__(self, a: Values, /) -> Values: ...
    @overload
    def __call__(self, a: Numbers, /) -> Floats: ...


class Binary(Protocol):
    """The function of a row with two operands."""

    @overload
    def __call__(self, a: Value, b: Scalar, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Value, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Number, /) -> float: ...
    @overload
    def __call__(self, a: Values, b: Operand, /) -> Values: ...
    @overload
    def __call__(self, a: Union[Scalar, Numbers], b: Values, /) -> Values: ...
    @overload
    def __call__(self, a: Value, b: Numbers, /) -> Values: ...
    @overload
    def __call__(self, a: Numbers, b: Value, /) -> Values: ...
    @overload
    def __call__(self, a: Numbers, b: Union[Number, Numbers], /) -> Floats: ...
    @overload
    def __call__(self, a: Number, b: Numbers, /) -> Floats: ...


def elementwise(f: Callable[[Any, Any], Any]) -> Binary:
    """A function of two operands, written in rows alone, so that it takes what they take."""
    return f


class Ternary(Protocol):
    """The function of a row with three operands."""

    @overload
    def __call__(self, a: Value, b: Scalar, c: Scalar, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Value, c: Scalar, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Number, c: Value, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Number, c: Number, /) -> float: ...
    @overload
    def __call__(self, a: Union[Number, Numbers], b: Union[Number, Numbers],
                 c: Union[Number, Numbers], /) -> Floats: ...
    @overload
    def __call__(self, a: Operand, b: Operand, c: Operand, /) -> Values: ...


class Function(Protocol):
    """The function of a row of a user's own."""

    __name__: str

    @overload
    def __call__(self, a: Value, /, *others: Scalar) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Value, /, *others: Scalar) -> Value: ...
    @overload
    def __call__(self, a: Number, /, *others: Number) -> float: ...
    @overload
    def __call__(self, a: Values, /, *others: Operand) -> Values: ...
    @overload
    def __call__(self, a: Operand, /, *others: Operand) -> Any: ...


class Operator(Protocol):
    """An operator of Value, or a method with one more operand."""

    @overload
    def __call__(self, other: Scalar, /) -> Value: ...
    @overload
    def __call__(self, other: Union[Numbers, Values], /) -> Values: ...
