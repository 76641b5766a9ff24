"""Programs: record a scalar function once, run it at native speed over a lot of data."""

from autograd_mini.program._file import load, save
from autograd_mini.program._program import Program
from autograd_mini.program._sparse import SparseProgram, sparse_hessian, sparse_jacobian
from autograd_mini.program._tracing import trace

__all__ = ["Program", "SparseProgram", "load", "save", "sparse_hessian", "sparse_jacobian", "trace"]
