"""A Program as C99, JavaScript or Python, for people who want to take it away: one operation a statement."""

from __future__ import annotations

import itertools
import keyword
import math
import re
from collections.abc import Container, Sequence
from typing import Any, Optional

from autograd_mini._body.body import Body
from autograd_mini._body.builder import expand
from autograd_mini._core import persistence
from autograd_mini._core.rows import BUILT_IN, Primitive
from autograd_mini.program import _layout as layouts
from autograd_mini.program._statements import JAVASCRIPT, C, Language, Statements
from autograd_mini.render import _javascript

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


def c_source(title: str, body: Body, inputs: Sequence[str], outputs: Sequence[str], name: Optional[str]) -> str:
    """A C function `void name(const double *inputs, double *outputs)`.

    Raises MissingColumnError where a row has neither C text nor an expansion.
    """
    lines = [_HEAD.format(title=_comment(title)),
             f"void {identifier(name or title)}(const double *inputs, double *outputs)", "{",
             *(f"    /* inputs[{slot}] is {_comment(entry)} */" for slot, entry in enumerate(inputs))]
    made, numbers = _statements(C, body)
    if made.memory:
        lines[0] = lines[0].replace("#include <math.h>", "#include <math.h>\n#include <stdlib.h>")
        lines.append(f"    double *const m = malloc({made.memory} * sizeof(double));  /* what loops emit */")
        lines.append("    if (m == NULL) abort();")
    lines += made.lines
    lines += [f"    outputs[{place}] = {number};  /* {_comment(entry)} */"
              for place, (number, entry) in enumerate(zip(numbers, outputs))]
    return "\n".join([*lines, *["    free(m);"] * bool(made.memory), "}", ""])


def js_source(title: str, body: Body, inputs: Sequence[str], outputs: Sequence[str], name: Optional[str]) -> str:
    """A JavaScript function of an array of inputs, which returns an array of outputs; it stands alone.

    Raises MissingColumnError where a row has no C text, or one that calls what JavaScript has not.
    """
    comments = [f"// inputs[{slot}] is {_line(entry)}" for slot, entry in enumerate(inputs)]
    comments += [f"// the result's [{place}] is {_line(entry)}" for place, entry in enumerate(outputs)]
    made, numbers = _statements(JAVASCRIPT, body)
    memory = [f"    const m = new Float64Array({made.memory});  // what loops emit"] * bool(made.memory)
    return "\n".join([f"// {_line(title)}", *comments, f"const {identifier(name or title)} = (() => {{",
                      _javascript.library(), "return function (inputs) {", *memory, *made.lines,
                      f"    return [{', '.join(numbers)}];", "};", "})();", ""])


def _statements(language: Language, body: Body) -> tuple[Statements, list[str]]:
    """What computes a body, and what its outputs are called."""
    if not body.has_loops:
        body = expand(body, keep=lambda row: row.c is not None)
    made = Statements(language, body.first_operation)
    return made, made.body(body, [f"inputs[{slot}]" for slot in range(body.inputs)])


def python_source(program: Any, name: Optional[str]) -> str:
    """A Python function of the program's own arguments, written with the functions of this package.

    It takes what the traced function took, Values too, and has the program's bits.
    """
    body: Body = program.body
    names = [name.split("[", maxsplit=1)[0] for name in program.parameters]
    taken = {*names, *(f"t{slot}" for slot in range(body.slots))}
    package = next(free for free in ("am", "am_", "am__", "am___") if free not in taken)
    modules: dict[str, None] = {}
    lines: list[str] = []
    fresh = itertools.count(body.first_operation)

    def line(row: Primitive, operands: list[str]) -> str:
        name = f"t{next(fresh)}"
        lines.append(f"    {name} = {_call(row, operands, package, modules)}")
        return name

    slots = body.read(line, program.input_names, _python_number)

    def content(part: layouts.Part) -> Any:
        found = [slots[slot] for slot in body.outputs[part.start:part.start + part.size]]
        return _Text(found[0] if part.shape is None else f"np.array([{', '.join(found)}]).reshape({part.shape})")

    result = layouts.fill(program.result, content)
    head = ["import numpy as np", "", f"import autograd_mini as {package}", *(f"import {home}" for home in modules)]
    call = f"{identifier(name or program.name, keyword.kwlist)}({', '.join(_parameters(names))})"
    return "\n".join([*head, "", "", f"def {call}:", *lines, f"    return {result!r}", ""])


class _Text(str):
    """Code among the entries of a result, which is printed as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


_OPERATOR = re.compile(r"-\{0\}|\{0\} [-+*] \{1\}")
"""The C of rows that Python's own operators carry out on floats, without raising."""


def _call(row: Primitive, operands: Sequence[str], package: str, modules: dict[str, None]) -> str:
    built_in = BUILT_IN.get(row.name) is row
    if built_in and row.c is not None and _OPERATOR.fullmatch(row.c):
        return row.c.format(*operands)
    home, called = package, row.name
    if row.remake is not None:
        raise TypeError(f"{row.name!r} solves for what it gives, which is no text of Python: save the program")
    if not built_in:
        _, (home, called, *_) = persistence.saved_row(row)
        modules[home] = None
    return f"{home}.{called}({', '.join(operands)})"


def _python_number(number: float) -> str:
    text = repr(number)
    return f"({text})" if text.startswith("-") else f'float("{text}")' if text in ("nan", "inf") else text


def _parameters(names: Sequence[str]) -> list[str]:
    """The parameters of a function whose arguments have these names; a name that comes back is that of its rest."""
    return [name if names.count(name) == 1 else f"*{name}" for name in dict.fromkeys(names)]


def identifier(name: str, words: Container[str] = ()) -> str:
    """A name for a function that C and JavaScript take, and a language with some more words."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name).strip("_") or "program"
    taken = found in words or found in _RESERVED or found.rstrip("fl") in _LIBRARY
    return f"f_{found}" if found[0].isdigit() or taken else found


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIBRARY = {*dir(math), *_javascript.FUNCTIONS} | _words("""
    abs drem exp10 fdim finite fma fmax fmin gamma ilogb isinf isnan j0 j1 jn lgamma_r llrint llround logb lrint lround
    nan nearbyint pow pow10 rint round roundeven scalb scalbln scalbn signgam significand sincos y0 y1 yn""")
"""Functions of C's mathematical library, which have forms that end in f and l, and those of JavaScript."""
_RESERVED = _words("""
    INFINITY Infinity NAN NaN arguments auto await break case catch char class const continue debugger default
    delete do double else enum eval export extends extern float for function goto if implements import in inline
    inputs instanceof int interface let long main new null outputs package private protected public register
    restrict return run short signed sizeof static struct super switch this throw typedef typeof undefined union
    unsigned var void volatile while with yield""")
"""Words of C and of JavaScript, and names in the texts."""


def _comment(text: str) -> str:
    return _line(text).replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def _line(text: str) -> str:
    return " ".join(text.split())
