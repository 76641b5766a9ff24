"""The public function of every row of the table: floats -> float, Values -> Value, arrays -> elementwise."""

from autograd_mini.value import functions

globals().update(functions)
log = functions["ln"]
