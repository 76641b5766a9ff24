"""Value: a number that remembers the primitive and the operands it was made from.

This is the readable engine. `_native.pyx` is the same class, compiled; where it was built, `Value` and `functions`
below are the compiled ones and `engine` says so. AUTOGRAD_MINI_ENGINE=python asks for the readable ones.

A very deep chain of readable nodes is freed by CPython itself, whose version 3.13 wants up to a megabyte of the
thread's stack for it; compiled nodes want none.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from autograd_mini import primitives
from autograd_mini._core import (
    gamma,  # noqa: F401  (the table's last page)
    graph,
    persistence,
    recording,
    registry,
    rows,
    special,
    sweep,
    trees,
)
from autograd_mini._core.errors import TracedValueError
from autograd_mini._core.numbers import (
    TracedNumber,
    branch_on_traced,
    is_foreign,
    loses_gradient,
    no_digits,
    no_seed_or_parameters,
    real,
)
from autograd_mini._core.recording import Note
from autograd_mini._core.rows import Operators, Primitive, Rule

if TYPE_CHECKING:
    from autograd_mini._core.kinds import Function, HasParameters, Nested, Number, Scalar
    from autograd_mini.functions import Methods
else:
    Methods = object

rows.complete()
_clock = 1
_passes = 0.0


class Value(Methods):
    """A number in a computation graph.

    >>> x = Value(3.0, name="x")
    >>> y = x * x + 1
    >>> y.backward()
    >>> y.data, x.grad
    (10.0, 6.0)

    A leaf is made from any real number, kept as float64; every operation on Values makes a new node. `grad` is None
    until there was a backward pass, and then 0 in a leaf that it did not reach.

    Raises TypeError for what is not one real number.
    """

    __slots__ = ("_number", "_grad", "_name", "operation", "operands", "partials", "stamp", "is_traced", "note",
                 "_is_made", "_pass")
    __module__ = "autograd_mini"
    __array_priority__ = 1000

    _grad: Optional[float]
    operation: Optional[Primitive]
    operands: tuple[Union[Value, float], ...]
    partials: tuple[Optional[float], ...]
    note: Optional[Note]
    stamp: int
    is_traced: bool
    _is_made: bool
    _pass: float
    """The number of the backward pass that left `grad` in this node, or that came before it was made or assigned."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> Value:
        node = super().__new__(cls)
        node._number, node._name, node._grad = 0.0, None, None
        node.operation, node.operands, node.partials = None, (), ()
        node.stamp, node.is_traced, node.note, node._is_made, node._pass = _clock, False, None, False, _passes
        return node

    def __init__(self, data: Number, name: Optional[str] = None) -> None:
        if self._is_made:
            raise TypeError("a Value cannot be initialised again: make a new one, or assign to its data")
        self._number = real(data)
        self.name = name
        self._is_made = True

    @classmethod
    def restore(cls, data: float, name: Optional[str], operation: Optional[Primitive], operands: tuple[Any, ...],
                partials: tuple[Optional[float], ...], grad: Optional[float], stamp: int, note: Optional[Note],
                is_traced: bool = False) -> Value:
        """A node with exactly these fields; what pickling, copying and tracing are made of.

        Raises TypeError where they do not fit together.
        """
        count = 0 if operation is None else len(operation.partials)
        fits = len(operands) == len(partials) == count and all(
            type(partial) is float if type(operand) is cls else type(operand) is float and partial is None
            for operand, partial in zip(operands, partials))
        if not fits:
            raise TypeError(f"a node of {operation!r} takes {count} operands and a partial for each that is a Value")
        node = cls.__new__(cls)
        node._number, node.name, node.grad = float(data), name, grad
        node.operation, node.operands, node.partials = operation, operands, partials
        node.stamp, node.note, node._is_made = stamp, note, True
        node.is_traced = is_traced or any(o.is_traced for o in operands if type(o) is not float)
        return node

    @property
    def data(self) -> float:
        """The number. A leaf's may be assigned; graphs built from it before are stale from then on."""
        if self.is_traced and recording.is_differentiating():
            return TracedNumber(self._number)  # type: ignore[return-value]
        return self._number

    @data.setter
    def data(self, number: Number) -> None:
        global _clock
        if self.operation is not None:
            raise AttributeError(f"the data of a {self.operation.name!r} node follows from its operands: "
                                 "assign the leaves and build the expression again")
        self._number = real(number)
        self._is_made = True
        _clock += 1
        self.stamp = _clock

    @property
    def grad(self) -> Optional[float]:
        """The gradient that the last backward pass left here; None where there was none since the node was made.

        It is 0 in a leaf that no pass has reached since.
        """
        if self._grad is None and self.operation is None and self._pass < _passes and not self.is_traced:
            return 0.0
        if self.is_traced and self._grad is not None and recording.is_differentiating():
            raise TracedValueError("grad of a traced Value would freeze a number into the program: take the derivative "
                                   "with autograd_mini.gradient, or trace value_and_grad(f)")
        return self._grad

    @grad.setter
    def grad(self, number: Optional[Number]) -> None:
        if self._grad is None or number is None:
            self._pass = _passes
        self._grad = None if number is None else real(number, "grad")

    @property
    def name(self) -> Optional[str]:
        """The name that texts and drawings use, on any node; None where there is none."""
        return self._name

    @name.setter
    def name(self, name: Optional[str]) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"a name is a text or None, not {type(name).__name__}")
        self._name = name

    def apply(self, primitive: Primitive, operands: Sequence[Scalar]) -> Value:
        """Record a primitive: its result, with the local derivatives at this point."""
        taken: Any = tuple(operands)
        if len(taken) != len(primitive.partials):
            raise TypeError(f"{primitive!r} cannot be applied to {len(taken)} operands")
        taken = tuple(o if type(o) in (type(self), float) else real(o, "an operand") for o in taken)
        numbers = [o if type(o) is float else o._number for o in taken]
        data = primitive.value(*numbers)
        data = data if type(data) is float else primitive.real("value", data)
        note = recording.observe(primitive, taken, data) if recording.open_blocks else None
        partials = tuple(None if type(o) is float else primitive.partial(i, data, *numbers)
                         for i, o in enumerate(taken))
        return self.restore(data, None, primitive, taken, partials, None, _clock, note)

    def _record(self, primitive: Primitive, left: Any, right: Any) -> Any:
        other = right if left is self else left
        if type(other) is not type(self) and type(other) is not float and is_foreign(other):
            return NotImplemented
        return self.apply(primitive, (left, right))

    def backward(self, parameters: Union[Nested, HasParameters, Number, None] = None, seed: Number = 1.0) -> None:
        """Set `grad` of every node this one depends on to the derivative of this one by it, times `seed`.

        One pass in reverse topological order applies the chain rule: every node hands its gradient, times the local
        derivative, to its operands, and an operand used several times gets the sum. What an earlier call left is
        overwritten, never added to. `parameters`, a Value or any nesting of lists, tuples, dicts and arrays of them,
        are set too where this node does not depend on them: to 0.

        Raises TypeError for a parameter that is no Value, StaleGraphError for a graph that mixes two points: one part
        built before a leaf was assigned, another one behind it.
        """
        global _passes
        parameters, seed = no_seed_or_parameters(parameters, seed)
        unreached = trees.values(parameters, "a parameter")
        order = graph.topological_order(self)
        graph.require_one_point(order, self.stamp)
        _passes += 1
        for node in (*unreached, *order):
            node._grad, node._pass = 0.0, _passes
        chain = primitives.chain.value
        totals = sweep.pull(reversed(order), sweep.node_edges, {**dict.fromkeys(order, 0.0), self: seed},
                            lambda total, node, position: chain(total, node.partials[position]))
        for node, total in totals.items():
            node._grad = total

    if not TYPE_CHECKING:  # their types stand in functions.pyi, which is made from the table
        def __add__(self, other): return self._record(primitives.add, self, other)              # a + b
        def __sub__(self, other): return self._record(primitives.sub, self, other)              # a - b
        def __rsub__(self, other): return self._record(primitives.sub, other, self)             # b - a
        def __mul__(self, other): return self._record(primitives.mul, self, other)              # a b
        def __rmul__(self, other): return self._record(primitives.mul, other, self)             # b a
        def __truediv__(self, other): return self._record(primitives.div, self, other)          # a / b
        def __rtruediv__(self, other): return self._record(primitives.div, other, self)         # b / a
        def __pow__(self, other): return self._record(primitives.pow, self, other)              # a^b
        def __rpow__(self, other): return self._record(primitives.pow, other, self)             # b^a
        def __neg__(self): return self.apply(primitives.neg, (self,))                           # -a
        def __abs__(self): return self.apply(primitives.abs, (self,))                           # |a|
        def __mod__(self, other): return self._record(special.mod, self, other)                 # a mod b
        def __rmod__(self, other): return self._record(special.mod, other, self)                # b mod a
        def __floordiv__(self, other): return self._record(special.floordiv, self, other)       # floor(a / b)
        def __rfloordiv__(self, other): return self._record(special.floordiv, other, self)      # floor(b / a)
        def __lt__(self, other): return self._record(primitives.less, self, other)              # [a < b]
        def __le__(self, other): return self._record(primitives.less_equal, self, other)        # [a <= b]
        def __gt__(self, other): return self._record(primitives.less, other, self)              # [b < a]
        def __ge__(self, other): return self._record(primitives.less_equal, other, self)        # [b <= a]
        def __floor__(self): return self.apply(primitives.floor, (self,))                       # what np.floor asks
        def __ceil__(self): return self.apply(special.ceil, (self,))                            # what math asks
        def __trunc__(self): return self.apply(special.trunc, (self,))
        def __pos__(self): return self

        def __round__(self, digits=None):
            no_digits(digits)
            return self.apply(special.round, (self,))

        def __radd__(self, other):                                                              # b + a
            if type(other) is int and other == 0:  # where sum() starts
                return self
            return self._record(primitives.add, other, self)

        def __float__(self): raise loses_gradient("float")
        def __int__(self): raise loses_gradient("int")
        def __complex__(self): raise loses_gradient("complex")

    def __divmod__(self, other: Any) -> tuple[Value, Value]: return self // other, self % other
    def __rdivmod__(self, other: Any) -> tuple[Value, Value]: return other // self, other % self

    def conjugate(self) -> Value:
        """The number itself, which is real; np.var and np.vdot ask for it."""
        return self

    def __eq__(self, other: Any) -> bool:
        is_node = type(other) is type(self)
        if not is_node and (is_foreign(other) or not hasattr(type(other), "__float__")):
            return NotImplemented
        if self.is_traced or (is_node and other.is_traced):
            raise branch_on_traced("==")
        return self._number == (other._number if is_node else other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        if self.is_traced:
            raise branch_on_traced("the truth")
        return self._number != 0

    def __repr__(self) -> str:
        return registry.represent(self)

    def __format__(self, spec: str) -> str:
        if not isinstance(spec, str):
            raise TypeError(f"a format is a text, not {type(spec).__name__}")
        return format(self.data, spec) if spec else str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return registry.mimebundle(self) if registry.mimebundle else {"text/plain": repr(self)}

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return registry.array_ufunc(ufunc, method, inputs, keywords) if registry.array_ufunc else NotImplemented

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return registry.array_function(function, args, keywords) if registry.array_function else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return persistence.reduce(self, "python")

    def __copy__(self) -> Value:
        return persistence.shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return persistence.deepcopy(self, memo)

    def __init_subclass__(cls) -> None:
        raise TypeError("Value cannot be subclassed: every operation makes plain Values; add a primitive instead")


def make_function(primitive: Primitive, kind: Any) -> Callable[..., Any]:
    """The public function of a row: floats -> float, Values -> Value, arrays -> elementwise."""
    arity = len(primitive.partials)

    def function(*operands: Any) -> Any:
        if len(operands) != arity:
            raise TypeError(f"{primitive.name}() takes {arity} operand{'s' * (arity > 1)}, got {len(operands)}")
        for operand in operands:
            if isinstance(operand, Operators):
                return operand.apply(primitive, operands)
            if type(operand) not in (kind, float) and is_foreign(operand) and registry.over_array:
                return registry.over_array(primitive, operands)
        for operand in operands:
            if type(operand) is kind:
                return operand.apply(primitive, operands)
        return primitive.number(*[real(operand, "an operand") for operand in operands])

    function.primitive = primitive  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = primitive.name
    function.__module__ = "autograd_mini"
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in primitive.operand_names()])
    return function


def describe(function: Any, text: str) -> None:
    """Put a docstring to the function of a row."""
    function.__doc__ = text


_method_names: set[str] = set()


def add_methods(kind: Any, primitive: Primitive, function: Callable[..., Any],
                attach: Callable[[Any, str, Any], None]) -> None:
    """Give a class of nodes the methods of a row: its own name and NumPy's, which object arrays look for."""
    for name in (primitive.name, primitive.numpy):
        if name and not (hasattr(kind, name) and name not in _method_names):
            _method_names.add(name)
            attach(kind, name, function)


PythonValue = Value
PythonValue.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
    *inspect.signature(PythonValue.__init__).parameters.values()][1:])
python_functions: dict[str, Callable[..., Any]] = {}


def _define(primitive: Primitive) -> Callable[..., Any]:
    """The function of a row; one with a name of its own in the table is a method too."""
    function = make_function(primitive, PythonValue)
    if primitives.TABLE.get(primitive.name) is primitive:
        python_functions[primitive.name] = function
        add_methods(PythonValue, primitive, function, setattr)
    if registry.document:
        describe(function, registry.document(primitive, function))
    return function


for _row in primitives.ROWS:
    _define(_row)
registry.add_engine("python", registry.Engine(PythonValue, python_functions, _define, describe))

# The engine in use --------------------------------------------------------------------------------------------------

engine = "python"
compiled: Any = None
functions = python_functions
_wanted = os.environ.get("AUTOGRAD_MINI_ENGINE", "native")

if _wanted not in ("native", "python"):
    raise ImportError(f"AUTOGRAD_MINI_ENGINE is {_wanted!r}: it can be native or python")

if not TYPE_CHECKING and _wanted == "native":
    try:
        compiled = importlib.import_module("autograd_mini._core._native")
    except ModuleNotFoundError:
        pass  # installed without a C compiler
    else:
        compiled.connect(primitives.ROWS, add_methods, PythonValue.__doc__)
        graph.compiled_kind = compiled.Value
        graph.compiled_order, graph.compiled_leaves = compiled.topological_order, compiled.leaves
        graph.compiled_count = compiled.count
        engine, Value, functions = "native", compiled.Value, compiled.functions
        registry.add_engine("native", registry.Engine(Value, functions, compiled.define, compiled.describe))


def function_of(row: Primitive) -> Callable[..., Any]:
    """The public function of a row, in the engine in use; a new row that has a name gets one in every engine."""
    known = functions.get(row.name)
    if known is not None and registry.row_of(known) is row:
        return known
    made = [engine.define(row) for engine in registry.engines.values()]
    return made[0]


registry.function_of = function_of


def primitive(name: str, value: Optional[Rule], partials: Sequence[Optional[Rule]],
              **columns: Any) -> Function:
    """Add a primitive of your own: one row, with the columns of `autograd_mini.primitives.Primitive`.

    Returns its function. It works wherever the built-in ones do, as a method of Value too; what needs a column that
    was not given (C source needs `c`, for one) raises an error that names the column.

    >>> cube = primitive("cube", lambda a: a ** 3, [lambda y, a: 3 * a * a])
    >>> x = Value(2.0); y = cube(x); y.backward(); x.grad
    12.0
    """
    return function_of(rows.primitive(name, value, partials, **columns))
