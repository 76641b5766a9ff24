"""The public function of every row of the table: floats -> float, Values -> Value, arrays -> elementwise."""

from autograd_mini._core.value import functions

globals().update(functions)
log = functions["ln"]

__all__ = ["log", *functions]  # noqa: PLE0604
