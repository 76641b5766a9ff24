"""A Program as C99, for people who want to take it away: one operation a statement."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograd_mini._body.body import Body
from autograd_mini._body.builder import expand
from autograd_mini._core.c_text import literal

_HEAD = """/* {title}
 *
 * Compile with any C99 compiler and link with -lm. The results have the bits of the scalar engine, given the same C
 * library, as long as the compiler keeps to IEEE 754: no -ffast-math; contraction is switched off here.
 */
#include <math.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize ("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif
"""


def c_source(name: str, body: Body, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """A C function `void name(const double *inputs, double *outputs)`.

    Raises MissingColumnError where a row has neither C text nor an expansion.
    """
    body = expand(body, keep=lambda row: row.c is not None)
    slots = [f"inputs[{slot}]" for slot in range(body.inputs)] + [literal(number) for number in body.constants]
    slots += [f"t{slot}" for slot in range(body.first_operation, body.slots)]
    function = re.sub(r"\W", "_", name).strip("_") or "program"
    function = f"f_{function}" if function[0].isdigit() else function
    lines = [_HEAD.format(title=name.replace("*/", "")),
             f"void {function}(const double *inputs, double *outputs)", "{",
             *(f"    /* inputs[{slot}] is {_comment(entry)} */" for slot, entry in enumerate(inputs))]
    for slot, (primitive, operands) in enumerate(body.operations, body.first_operation):
        expression = primitive.require("c", "C source").format(*[slots[operand] for operand in operands])
        lines.append(f"    const double t{slot} = {expression};")
    lines += [f"    outputs[{place}] = {slots[slot]};  /* {_comment(entry)} */"
              for place, (slot, entry) in enumerate(zip(body.outputs, outputs))]
    return "\n".join([*lines, "}", ""])


def _comment(text: str) -> str:
    return text.replace("*/", "* /")
