"""Programs as machine code, by LLVM: `Scalar` runs one example, `Rows` many rows of data.

    Scalar(body).run(numbers)                        the outputs for one example
    Rows(body, is_data).sums(batch, first, last, sums)     sums over blocks of rows
    Rows(body, is_data).rows(batch, first, last, out)      the outputs row by row

Both have the interfaces of the other executors and need llvmlite (the extra `jit`), which is imported when the first
code is compiled. Arithmetic, sqrt, floor and choices have the bits of the eager engine; elementary functions are
our own, within 4 units in the last place, with the same bits for one row, a block or a tail on every machine.

    ir             writing LLVM IR with Python's operators      loading    rows of any layout and dtype into lanes
    exponential    exp, ln, tanh and their relatives            kernels    the functions a body is compiled to
    trigonometric  sin, atan, cbrt and their relatives          engine     compiling, and the routines that code calls
    special        pow, erf, erfc                               execution  Scalar and Rows
    lowering       what each row of the table is in LLVM IR
"""

from autograd_mini.program._llvm.execution import Rows, Scalar

__all__ = ["Rows", "Scalar"]
