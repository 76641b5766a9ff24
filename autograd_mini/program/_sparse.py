"""Jacobians and Hessians of which only the entries that can be other than 0 are computed: read off the graph.

Reverse mode goes from each output through what that output depends on, and no further. So the pattern is exact, as
far as it does not depend on the numbers, no colouring is needed, and the work grows with the entries.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, Generic, Optional, overload

import numpy as np

from autograd_mini._body.calculus import sparse_derivative
from autograd_mini._core import trees
from autograd_mini._core.extras import library
from autograd_mini._core.kinds import P
from autograd_mini.program import _derivatives
from autograd_mini.program._derivatives import Argnums
from autograd_mini.program._layout import Part
from autograd_mini.program._program import Program
from autograd_mini.program._tracing import trace


class SparseProgram(Generic[P]):
    """A sparse matrix of derivatives as a function of a program's own arguments.

    program    the Program of the entries, row by row
    rows, columns, shape    where they stand

    Called on one example it gives a `scipy.sparse.csr_array`, which is the caller's own. Rows and columns count the
    numbers of the results and of the arguments in order, those of nested ones too.
    """

    def __init__(self, program: Program[P, Any], rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> None:
        self.program, self.rows, self.columns, self.shape = program, rows, columns, shape

    @functools.cached_property
    def _pattern(self) -> Any:
        csr_array = library("scipy.sparse", "a sparse matrix").csr_array
        starts = np.zeros(self.shape[0] + 1, dtype=np.intc)
        np.cumsum(np.bincount(self.rows, minlength=self.shape[0]), out=starts[1:])
        made = csr_array((np.zeros(len(self.rows)), self.columns.astype(np.intc), starts), shape=self.shape)
        made.has_canonical_format = True
        return made

    @overload
    def __call__(self, *arguments: P.args, **keywords: P.kwargs) -> Any: ...
    @overload
    def __call__(self, *arguments: Any, executor: Optional[str], **keywords: Any) -> Any: ...

    def __call__(self, *arguments: Any, executor: Optional[str] = None, **keywords: Any) -> Any:  # type: ignore[misc]
        """The matrix at one example. Raises TypeError for Values, which a matrix of SciPy's cannot hold."""
        pattern = self._pattern
        made = copy.copy(pattern)
        made.indices, made.indptr = pattern.indices.copy(), pattern.indptr.copy()
        made.data = self.program(*arguments, executor=executor, **keywords)
        if made.data.dtype == object:
            raise TypeError(f"{self.program.name} gives a matrix of numbers, and an argument holds a Value: give its "
                            ".data, or call .program, which gives the entries as Values")
        return made

    @property
    def nnz(self) -> int:
        """How many entries there are."""
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<{self.program.name}: {self.shape[0]} x {self.shape[1]}, {self.nnz} entries>"


def jacobian(program: Program, argnums: Argnums = 0) -> SparseProgram:
    """The derivatives of all results of a program by the numbers of some arguments."""
    _, inputs = _derivatives.chosen(program, argnums)
    return _made("sparse_jacobian", program, inputs, len(program.body.outputs), second=False)


def hessian(program: Program, argnums: Argnums = 0) -> SparseProgram:
    """The second derivatives of a program with one number by the numbers of some arguments."""
    _, inputs = _derivatives.chosen(program, argnums)
    _derivatives.one_number(program)
    return _made("sparse_hessian", program, inputs, len(inputs), second=True)


def _made(kind: str, program: Program, inputs: list[int], height: int, second: bool) -> SparseProgram:
    body, rows, columns = sparse_derivative(program.body, inputs, second)
    entries: Program[..., Any] = Program(
        f"{kind}({program.name})", program.parameters, program.positional, program.arguments,
        Part(kind, 0, (len(rows),)), body, {}, program.example)
    return SparseProgram(entries, rows, columns, (height, len(inputs)))


def sparse_jacobian(f: Callable[P, object], argnums: Argnums = 0) -> Callable[P, Any]:
    """The function that gives the Jacobian of f as a `scipy.sparse.csr_array` of shape (results, arguments).

    Results and the arguments `argnums` are counted number by number, those of nested ones too. f is traced when it is
    called with arguments of a new structure, see `trace`: what it takes from outside is fixed from then on.

    >>> import numpy as np
    >>> print(sparse_jacobian(lambda x: x[1:] * x[:-1])(np.array([1.0, 2.0, 3.0])).toarray())
    [[2. 1. 0.]
     [0. 3. 2.]]

    Raises what `trace` raises, ImportError without SciPy.
    """
    return _transform("sparse_jacobian", jacobian, f, argnums)


def sparse_hessian(f: Callable[P, object], argnums: Argnums = 0) -> Callable[P, Any]:
    """The function that gives the Hessian of f, which returns one number, as a `scipy.sparse.csr_array`.

    >>> import numpy as np
    >>> print(sparse_hessian(lambda x: ((x[1:] - x[:-1]) ** 2).sum())(np.ones(3)).toarray())
    [[ 2. -2.  0.]
     [-2.  4. -2.]
     [ 0. -2.  2.]]

    Arguments and errors are those of `sparse_jacobian`; TypeError where f does not return one number.
    """
    return _transform("sparse_hessian", hessian, f, argnums)


def _transform(kind: str, make: Callable[[Program, Argnums], SparseProgram], f: Callable[P, object],
               argnums: Argnums) -> Callable[P, Any]:
    if not callable(f):
        raise TypeError(f"{kind} takes a function, not {type(f).__name__}")
    made: dict[str, SparseProgram] = {}

    @functools.wraps(f)
    def matrix(*arguments: Any, **keywords: Any) -> Any:
        key = trees.outline((arguments, keywords))
        if key not in made:
            made[key] = make(trace(f, *arguments, **keywords), argnums)
        return made[key](*arguments, **keywords)

    matrix.__name__ = f"{kind}({getattr(f, '__name__', type(f).__name__)})"
    return matrix
