"""The table read as C: one statement an operation, so that no text ever nests.

`setup.py` writes the kernels of the compiled engine with it, and Programs write themselves out with it.
"""

from __future__ import annotations

import binascii
import math
import os.path
from collections.abc import Sequence
from typing import Any

from autograd_mini.primitives import ROWS, Operators, Primitive, Rule


def literal(number: float) -> str:
    """A double constant that C reads back to the same bits."""
    if math.isnan(number):
        return "NAN"
    if math.isinf(number):
        return "INFINITY" if number > 0 else "(-INFINITY)"
    return f"({number!r})" if math.copysign(1.0, number) < 0 else repr(number)


class Block:
    """C statements in the order of evaluation; what was computed before is not computed again."""

    def __init__(self, prefix: str = "t") -> None:
        self.prefix = prefix
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def assign(self, expression: str) -> str:
        """The name of a constant that holds an expression."""
        if expression not in self._names:
            name = self._names[expression] = f"{self.prefix}{len(self._names)}"
            self.lines.append(f"const double {name} = {expression};")
        return self._names[expression]

    def result(self, rule: Rule, *operands: str) -> str:
        """The name or literal that holds what a rule gives for these names."""
        outcome = rule(*[CNumber(self, operand) for operand in operands])
        return outcome.text if isinstance(outcome, CNumber) else literal(float(outcome))


class CNumber(Operators):
    """A name or literal in a block of C."""

    __slots__ = ("block", "text")

    def __init__(self, block: Block, text: str) -> None:
        self.block, self.text = block, text

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> CNumber:
        numbers = [o if isinstance(o, CNumber) else CNumber(self.block, literal(float(o))) for o in operands]
        if primitive.expansion is not None and primitive.c is None:
            return primitive.expansion(*numbers)
        template = primitive.require("c", "C code")
        return CNumber(self.block, self.block.assign(template.format(*[number.text for number in numbers])))


def _case(row: Primitive) -> list[str]:
    names = [f"x{i}" for i in range(len(row.partials))]
    value = Block("v")
    result = value.result(row, *names)
    lines = [f"case {row.index}: {{  /* {row.name} */",
             "    " + " ".join(f"const double {name} = x[{i}];" for i, name in enumerate(names)),
             *("    " + line for line in value.lines),
             f"    const double r = {result};", "    *y = r;"]
    for i, rule in enumerate(row.partials):
        if rule is None:
            lines.append(f"    p[{i}] = 0.0;")
            continue
        block = Block("d")
        derivative = block.result(rule, "r", *names)
        lines += [f"    if (need & {1 << i}) {{", *("        " + line for line in block.lines),
                  f"        p[{i}] = {derivative};", "    }"]
    return [*lines, "    break;", "}"]


def kernels(rows: Sequence[Primitive] = ROWS) -> str:
    """C code of one function that computes value and partials of every row: a switch over the rows' numbers.

    `need` has a bit for each operand whose partial is asked for.
    """
    return "\n".join([
        "static inline void am_kernel(int row, int need, const double *x, double *y, double *p)", "{", "switch (row) {",
        *(line for row in rows for line in _case(row)), "}", "}", ""])


def interpreter(rows: Sequence[Primitive] = ROWS) -> str:
    """C code of a function that carries out instructions: for each a row's number and the slots of its operands.

    It begins at `now`, writes one result after the other, and returns the first instruction whose row is none of these.
    Each row jumps straight to the next one where the compiler can do that, which a processor predicts better.
    """
    cases = []
    for row in rows:
        names = [f"x{i}" for i in range(len(row.partials))]
        block = Block("v")
        result = block.result(row, *names)
        operands = [f"const double {name} = slots[now->operand[{i}]];" for i, name in enumerate(names)]
        cases += [f"ROW({row.index})  /* {row.name} */",
                  "    {",
                  "        " + " ".join(operands),
                  *("        " + line for line in block.lines),
                  f"        *result++ = {result};",
                  "    }",
                  "    NEXT"]
    labels = ", ".join(f"&&row_{row.index}" for row in rows)
    return "\n".join([
        "typedef struct { int32_t row, operand[3]; } am_instruction;", "",
        "static const am_instruction *am_run(const am_instruction *now, const double *slots, double *result)", "{",
        "#ifdef __GNUC__",
        f"    static const void *const labels[] = {{{labels}, &&other}};",
        "#define ROW(number) row_##number:",
        "#define NEXT now++; goto *labels[now->row];",
        "    goto *labels[now->row];",
        "#else",
        "#define ROW(number) case number:",
        "#define NEXT now++; continue;",
        "    for (;;) switch (now->row) {",
        "    default: goto other;",
        "#endif",
        *cases,
        "#ifndef __GNUC__",
        "    }",
        "#endif",
        "#undef ROW",
        "#undef NEXT",
        "other:",
        "    return now;", "}", ""])


SOURCES = ("primitives.py", "_core/special.py", "_core/gamma.py", "_core/rows.py", "_core/c_text.py")
"""What the kernels are made from, below the package."""


def stamp(rows: Sequence[Primitive] = ROWS) -> str:
    """What tells two versions of the generated code apart, and of what it was made from."""
    return f"{binascii.crc32(kernels(rows).encode()):08x}-{_sources()}"


def is_stamp_of(built: str, rows: Sequence[Primitive] = ROWS) -> bool:
    """Whether code with that stamp was made from these rows: from the very same sources, which is quickly seen, or from
    others that give the same code."""
    code, _, sources = built.partition("-")
    return (sources != "" and sources == _sources()) or code == stamp(rows).partition("-")[0]


def _sources() -> str:
    """A checksum of the sources; empty where they are not there."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    checksum = 0
    for name in SOURCES:
        try:
            with open(os.path.join(package, name), "rb") as source:
                checksum = binascii.crc32(source.read().replace(b"\r\n", b"\n"), checksum)
        except OSError:
            return ""
    return f"{checksum:08x}"
