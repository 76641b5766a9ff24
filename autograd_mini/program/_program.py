"""Program: a recorded function that runs over one example or over many rows of data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Optional, Union, overload

import numpy as np

from autograd_mini._body.body import Body
from autograd_mini._core.kinds import P, R
from autograd_mini.program import _composing, _dask, _derivatives, _executors as executors, _layout as layouts, _sources
from autograd_mini.program._batch import Batch
from autograd_mini.program._derivatives import Argnums
from autograd_mini.program._layout import Data, Part
from autograd_mini.program._listing import listing
from autograd_mini.program._reduction import join
from autograd_mini.program._spans import stream

if TYPE_CHECKING:
    from autograd_mini._core.value import Value
    from autograd_mini.program._sparse import SparseProgram


def _key(purpose: str, executor: Optional[str], threads: Optional[int]) -> Any:
    """Under which a caller is kept: the method's name alone where nothing else was asked for."""
    return purpose if executor is threads is None else (purpose, executor, threads)


class Program(Generic[P, R]):
    """A recorded function, made by `trace`.

    >>> from autograd_mini.program import trace
    >>> area = trace(lambda width, height: width * height, 1.0, 1.0)
    >>> area
    <lambda>: 2 inputs, 1 operations, 1 outputs
      inputs   width, height
      t2 = width * height
      outputs  result = t2
    >>> area(2.0, 3.0), area.map(2.0, [1.0, 2.0, 3.0]), area.mean([1.0, 3.0], 5.0)
    (6.0, array([2., 4., 6.]), 10.0)

    Over data, each argument (each array or number in it, where it is nested) is shared by every row if it has the
    shape it had in the example, and data if its shape is (m,) + that shape. Anything else is an error that names the
    argument. Numbers may be of any real dtype and arrays in any layout; results are float64.
    """

    name: str
    parameters: tuple[str, ...]
    positional: int
    arguments: tuple[Any, ...]
    result: Any
    body: Body
    names: dict[int, str]
    example: tuple[float, ...]
    """The numbers that it was traced with; they play no part in what it computes, nor in comparisons."""

    def __init__(self, name: str, parameters: Sequence[str], positional: int, arguments: Sequence[Any], result: Any,
                 body: Body, names: Mapping[int, str], example: Sequence[float]) -> None:
        self.name, self.parameters, self.positional = name, tuple(parameters), positional
        self.arguments, self.result, self.body, self.names = tuple(arguments), result, body, dict(names)
        self.example = tuple(example)
        self._prepare()

    def _prepare(self) -> None:
        self._is_simple = all(map(layouts.is_simple, (*self.arguments, self.result)))
        self._executors = executors.Executors(self.body)
        self._callers: dict[Any, Callable[..., Any]] = {}

    @overload
    def __call__(self, *arguments: P.args, **keywords: P.kwargs) -> R: ...
    @overload
    def __call__(self, *arguments: Any, executor: Optional[str], **keywords: Any) -> R: ...
    @overload
    def __call__(self, first: Value, /, *others: Any, **keywords: Any) -> Any: ...

    @executors.quick  # type: ignore[misc]
    def __call__(self, *arguments: Any, executor: Optional[str] = None, **keywords: Any) -> Any:
        """The result for one example, of the structure and shapes it was traced with.

        Values may be among the arguments: the result is a graph on them then, and gradients flow through the call.

        >>> from autograd_mini import grad, trace
        >>> square = trace(lambda x: x * x, 1.0)
        >>> grad(lambda x: square(square(x)))(3.0)
        108.0
        """
        if keywords:
            arguments = self._in_order(arguments, keywords)
        caller = self._callers.get(_key("__call__", executor, None))
        if caller is not None:
            result = caller(arguments)
            if result is not NotImplemented:
                return result
        return self._call(arguments, executor)

    def _call(self, arguments: tuple[Any, ...], executor: Optional[str]) -> Any:
        numbers = np.empty(self.body.inputs)
        for part, given in self._matched(arguments):
            try:
                array = layouts.number_array(given, part.name)
            except layouts.HoldsValues:
                return _composing.play(self, arguments)
            if array.shape != part.dimensions:
                raise TypeError(f"argument {part.name!r} has the shape {array.shape}, and {part.dimensions} in the "
                                "example: use .map, .sum or .mean for many rows")
            numbers[part.start:part.start + part.size] = array.ravel()
        outputs = self._executors.run(numbers, executor)
        caller = self._executors.caller(self.arguments, self.result, executor) if self._is_simple else None
        if caller is not None:
            self._callers[_key("__call__", executor, None)] = caller
        return self._rebuild(outputs)

    @executors.quick
    def map(self, *arguments: Any, out: Any = None, executor: Optional[str] = None,
            threads: Optional[int] = None, **keywords: Any) -> Any:
        """The result for every row, stacked: each number of the result becomes (m,), each array (m,) + its shape.

        Of Dask arrays it gives Dask arrays, chunk by chunk, which are computed when you ask for them.

        `out` takes arrays of float64 in the result's structure, which are filled and returned. They may be the
        arguments' own memory, also shifted: such arguments are copied first.
        """
        if keywords:
            arguments = self._in_order(arguments, keywords)
        is_new = out is None
        caller = self._callers.get(_key("map", executor, threads))
        if caller is not None:
            result = caller(arguments, out)
            if result is not NotImplemented:
                return result
        if _dask.is_dask_among(arguments):
            if not is_new:
                raise TypeError("out= is for data in memory: Dask arrays have results of their own")
            return _dask.rows(self, [*self._matched(arguments)], executor, threads)
        batch = self._batch(arguments)
        if is_new:
            out = layouts.fill(self.result, lambda part: np.empty((batch.rows, *part.dimensions)))
        columns = list(self._columns(out, batch.rows))
        if not is_new:
            batch = batch._replace(data=[
                Data(at, array.copy() if any(np.may_share_memory(array, column) for _, column in columns) else array)
                for at, array in batch.data])
        self._executors.rows(batch, columns, executor, threads)
        if all(array.flags.c_contiguous for _, array in layouts.match(self.result, out, "out")):
            self._keep_caller(batch, arguments, "map", executor, threads)
        return out

    @executors.quick
    def sum(self, *arguments: Any, batches: Optional[Iterable[Any]] = None, executor: Optional[str] = None,
            threads: Optional[int] = None, **keywords: Any) -> R:
        """The result summed over the rows; 0 for no rows.

        Data may be Dask arrays: each chunk is added up where it is, with the bits of one process. What stands beside
        them is shared.

        `batches` is for data beyond memory: the arguments are the shared ones then, the first ones, and each item holds
        the others, an array or a tuple or list of them, with any number of rows. The sum has the bits of the whole
        array, and each item can be overwritten when the next one is asked for. On a terminal a bar says how far it is.

        >>> from autograd_mini.program import trace
        >>> trace(lambda w, x: w * x, 1.0, 1.0).sum(2.0, batches=([x, x + 1.0] for x in range(3)))
        18.0
        """
        return self._reduce("sum", arguments, keywords, batches, executor, threads)

    @executors.quick
    def mean(self, *arguments: Any, batches: Optional[Iterable[Any]] = None, executor: Optional[str] = None,
             threads: Optional[int] = None, **keywords: Any) -> R:
        """The mean of the result over the rows; nan for no rows. `batches` is as in `sum`."""
        return self._reduce("mean", arguments, keywords, batches, executor, threads)

    def _stream(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any], batches: Iterable[Any],
                executor: Optional[str], threads: Optional[int]) -> tuple[np.ndarray, int]:
        """The sums over batches of data, and how many rows they had."""
        if keywords:
            raise TypeError(f"with batches={self.name} takes what is shared by position: the data comes in the items")
        missing = len(self.parameters) - len(arguments)
        return stream(self._batch, arguments, missing, batches, self.body.inputs, len(self.body.outputs),
                      lambda batch: self._executors.sums(batch, executor, threads))

    def _reduce(self, purpose: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any],
                batches: Optional[Iterable[Any]], executor: Optional[str], threads: Optional[int]) -> Any:
        if batches is not None:
            return self._reduced(purpose, *self._stream(arguments, keywords, batches, executor, threads))
        if keywords:
            arguments = self._in_order(arguments, keywords)
        caller = self._callers.get(_key(purpose, executor, threads))
        if caller is not None:
            result = caller(arguments)
            if result is not NotImplemented:
                return result
        if _dask.is_dask_among(arguments):
            lazy, rows = _dask.sums(self, [*self._matched(arguments)], executor, threads)
            return self._reduced(purpose, lazy.compute(), rows)
        batch = self._batch(arguments)
        found = join(self._executors.sums(batch, executor, threads))
        self._keep_caller(batch, arguments, purpose, executor, threads)
        return self._reduced(purpose, found, batch.rows)

    def _reduced(self, purpose: str, sums: np.ndarray, rows: int) -> Any:
        """A sum, or the mean over so many rows, which is nan without any."""
        if purpose == "mean":
            sums = sums / rows if rows else np.full_like(sums, np.nan)
        return self._rebuild(sums)

    def _keep_caller(self, batch: Batch, arguments: tuple[Any, ...], purpose: str, executor: Optional[str],
                     threads: Optional[int]) -> None:
        """The next call with arguments laid out like these goes straight to machine code, where that ran and wins."""
        if batch.rows and self._is_simple:
            caller = self._executors.batch_caller(self.arguments, self.result, batch, purpose, executor, threads)

            def another(name: str) -> Any:
                return getattr(self, purpose)(*arguments, executor=name, threads=1)

            if caller is not None and (executor or self._executors.wins(
                    lambda: caller(arguments), another, batch, purpose == "map")):
                self._callers[_key(purpose, executor, threads)] = caller

    def gradient(self, argnums: Argnums = 0) -> Program[P, Any]:
        """The Program of the derivatives by one argument, or by several, of a Program with one number.

        They have the structure and the shapes of the argument, or are a tuple where `argnums` is one. Equal operations
        are one before they are differentiated, so sums may come in another order than in a traced `grad(f)`.

        >>> from autograd_mini.program import trace
        >>> trace(lambda w: w[0] ** 2 * w[1], [1.0, 1.0]).gradient()([3.0, 2.0])
        [12.0, 9.0]

        Raises TypeError where the Program has other than one number, ValueError for an argument that is not there.
        """
        return self._derived("gradient", *_derivatives.gradient(self, argnums, with_value=False))

    def value_and_gradient(self, argnums: Argnums = 0) -> Program[P, tuple[R, Any]]:
        """The Program of the pair (value, gradient); see `gradient`."""
        return self._derived("value_and_gradient", *_derivatives.gradient(self, argnums, with_value=True))

    def jacobian(self, argnums: Argnums = 0) -> Program[P, Any]:
        """The Program of the derivatives of every output: of shape s + t for an array of shape s by one of shape t."""
        return self._derived("jacobian", *_derivatives.jacobian(self, argnums))

    def hessian(self, argnums: Argnums = 0) -> Program[P, Any]:
        """The Program of the second derivatives of a Program with one number, which are symmetric; see `gradient`."""
        return self._derived("hessian", *_derivatives.hessian(self, argnums))

    def sparse_jacobian(self, argnums: Argnums = 0) -> SparseProgram[P]:
        """The derivatives of all results by some arguments as a function to a `scipy.sparse.csr_array`.

        It takes the program's own arguments, computes the entries that can be other than 0 and no others, and can be
        called many times. Results and arguments are counted number by number, those of nested ones too.
        """
        from autograd_mini.program._sparse import jacobian

        return jacobian(self, argnums)

    def sparse_hessian(self, argnums: Argnums = 0) -> SparseProgram[P]:
        """The second derivatives of a Program with one number, likewise.

        >>> import numpy as np
        >>> from autograd_mini.program import trace
        >>> second = trace(lambda x: ((x[1:] - x[:-1]) ** 2).sum(), np.ones(1000)).sparse_hessian()
        >>> second
        <sparse_hessian(<lambda>): 1000 x 1000, 2998 entries>
        >>> float(second(np.ones(1000)).sum())
        0.0
        """
        from autograd_mini.program._sparse import hessian

        return hessian(self, argnums)

    def _derived(self, kind: str, result: Any, body: Body) -> Program[P, Any]:
        name = f"{kind}({self.name})"
        return Program(name, self.parameters, self.positional, self.arguments, result, body, {}, self.example)

    def graph(self) -> Value:
        """The result as Values, on leaves named like the inputs, at the numbers that the program was traced with.

        `draw`, `derive` and whatever else takes a Value take a Program by it.

        >>> from autograd_mini import trace, text
        >>> text(trace(lambda x, y: x * y + 1.0, 2.0, 3.0).graph())
        'x * y + 1'
        """
        return _composing.graph(self)

    def explain(self) -> str:
        """Which executor ran the last calls, over data and over one example, and why; the later of the two first."""
        return self._executors.explain()

    def listing(self) -> str:
        """Every operation of the program as text, in order; `repr` leaves out the middle of a long one."""
        return self._listing(None)

    def _listing(self, limit: Optional[int]) -> str:
        return listing(self.name, self.body, self.input_names, self.output_names, self.names, limit)

    def c_source(self, name: Optional[str] = None) -> str:
        """The program as a C99 function of one example, `void name(const double *inputs, double *outputs)`.

        Raises MissingColumnError where a primitive has neither C text nor an expansion.
        """
        return _sources.c_source(self.name, self.body, self.input_names, self.output_names, name)

    def js_source(self, name: Optional[str] = None) -> str:
        """The program as JavaScript: `name(inputs)` takes an array of numbers and returns one; nothing else is needed.

        Raises MissingColumnError where JavaScript has not what a primitive calls.
        """
        return _sources.js_source(self.name, self.body, self.input_names, self.output_names, name)

    def python_source(self, name: Optional[str] = None) -> str:
        """The program as a Python function of its own arguments, in the functions of this package.

        >>> from autograd_mini import exp, trace
        >>> print(trace(lambda w, x: exp(w * x), 2.0, 0.0).python_source("f"))
        import numpy as np
        <BLANKLINE>
        import autograd_mini as am
        <BLANKLINE>
        <BLANKLINE>
        def f(w, x):
            t2 = w * x
            t3 = am.exp(t2)
            return t3
        <BLANKLINE>

        Raises TypeError where a primitive of your own cannot be found again by import.
        """
        return _sources.python_source(self, name)

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the program to a JSON file that `Program.load` and `autograd_mini.load` read; see there."""
        from autograd_mini.program._file import save

        save(self, path)

    @staticmethod
    def load(path: Union[str, os.PathLike[str]]) -> Program[..., Any]:
        """The Program in a file that `save` wrote; see `autograd_mini.load`.

        Raises SavedFileError where the file does not fit, or holds a graph.
        """
        from autograd_mini.program._file import load_program

        return load_program(path)

    def llvm_ir(self) -> str:
        """The program as LLVM IR of one example, as it is handed to LLVM."""
        from autograd_mini.program._llvm import Scalar

        return Scalar(self.body).text.module

    @property
    def input_names(self) -> list[str]:
        """What each number of the arguments is called, in the order of their slots."""
        return [name for layout in self.arguments for part in layouts.parts(layout) for name in part.names()]

    @property
    def output_names(self) -> list[str]:
        """What each number of the result is called."""
        return [name for part in layouts.parts(self.result) for name in part.names()]

    def _in_order(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[Any, ...]:
        """All arguments by position, those given by keyword included."""
        if len(arguments) > self.positional:
            raise self._wrong_number(len(arguments))
        given = dict(zip(self.parameters, arguments))
        for name, argument in keywords.items():
            if name not in self.parameters or name in given:
                fault = f"got {name!r} twice" if name in given else f"has no argument {name!r}"
                raise TypeError(f"{self.name} {fault}: its arguments are {', '.join(self.parameters)}")
            given[name] = argument
        missing = [name for name in self.parameters if name not in given]
        if missing:
            raise TypeError(f"{self.name} was called without {', '.join(missing)}")
        return tuple(given[name] for name in self.parameters)

    def _wrong_number(self, count: int) -> TypeError:
        names = ", ".join(self.parameters)
        return TypeError(f"{self.name} takes {len(self.parameters)} arguments ({names}), not {count}")

    def _matched(self, arguments: Sequence[Any]) -> Iterator[tuple[Part, Any]]:
        if len(arguments) != len(self.arguments):
            raise self._wrong_number(len(arguments))
        for name, layout, argument in zip(self.parameters, self.arguments, arguments):
            yield from layouts.match(layout, argument, name)

    def _batch(self, arguments: Sequence[Any]) -> Batch:
        numbers = np.zeros(self.body.inputs)
        data: list[Data] = []
        rows, witness = -1, ""
        for part, given in self._matched(arguments):
            array = layouts.number_array(given, part.name)
            shape = part.dimensions
            if array.shape == shape:
                numbers[part.start:part.start + part.size] = array.ravel()
            elif array.ndim == len(shape) + 1 and array.shape[1:] == shape:
                if rows not in (-1, len(array)):
                    raise TypeError(f"argument {part.name!r} has {len(array)} rows and argument {witness!r} has {rows}")
                rows, witness = len(array), part.name
                data.extend(layouts.columns(part.start, array))
            else:
                raise TypeError(f"argument {part.name!r} has the shape {array.shape}: give {shape}, as in the example, "
                                f"to share it, or {('m', *shape)} for m rows of data".replace("'m'", "m"))
        if rows < 0:
            raise TypeError(f"none of the arguments of {self.name} is data: at least one needs a shape (m,) + its "
                            "shape in the example; for one example, call the program itself")
        return Batch(numbers, data, rows)

    def _columns(self, out: Any, rows: int) -> Iterator[Data]:
        for part, array in layouts.match(self.result, out, "out"):
            shape = (rows, *part.dimensions)
            if type(array) is not np.ndarray or array.dtype != np.float64 or array.shape != shape \
                    or not array.flags.writeable:
                raise TypeError(f"out for {part.name!r} must be a writeable array of float64 of shape {shape}")
            yield from layouts.columns(part.start, array)

    def _rebuild(self, numbers: Any) -> Any:
        flat = np.asarray(numbers, dtype=np.float64)

        def content(part: Part) -> Any:
            if part.shape is None:
                return float(flat[part.start])
            return flat[part.start:part.start + part.size].reshape(part.shape).copy()

        return layouts.fill(self.result, content)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self.__getstate__()[:-1] == other.__getstate__()[:-1]

    def __hash__(self) -> int:
        return hash((self.body, len(self.arguments)))

    def __getstate__(self) -> tuple[Any, ...]:
        return (self.name, self.parameters, self.positional, self.arguments, self.result, self.body, self.names,
                self.example)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        try:
            self.__init__(*state)  # type: ignore[misc]
            texts = (self.name, *self.parameters, *self.names.values())
            fits = type(self.body) is Body and all(isinstance(text, str) for text in texts) \
                and all(type(slot) is int for slot in (self.positional, *self.names)) \
                and 0 <= self.positional <= len(self.parameters) == len(self.arguments) \
                and layouts.covers(self.arguments, self.body.inputs) and len(self.example) == self.body.inputs \
                and layouts.covers(self.result, len(self.body.outputs))
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"this is no program: {error}") from None
        if not fits:
            raise ValueError("this is no program: its arguments and its result are not laid out as its operations ask")

    def __repr__(self) -> str:
        return self._listing(100)
