"""What the subcommands' options are made of: numbers, counts, `name=value` pairs, and the error for bad input."""

from __future__ import annotations

import argparse
import math
import re
import unicodedata
from typing import Iterable, Sequence

from autograd_mini._core.errors import InputError
from autograd_mini.render._words import LANGUAGES


def typed(text: str) -> str:
    """What was typed with full-width signs or a long minus, in plain ones: `ｘ＝−３` is `x=-3`."""
    return unicodedata.normalize("NFKC", text).replace("−", "-")


def number(text: str) -> float:
    """A real number, as an argparse type; inf and nan are numbers.

    >>> number("-1e-3"), number("−０．５")
    (-0.001, -0.5)
    """
    try:
        return float(typed(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def positive(text: str) -> float:
    """A finite number above 0."""
    result = number(text)
    if not 0 < result < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return result


def not_negative(text: str) -> float:
    """A finite number, 0 or more."""
    result = number(text)
    if not 0 <= result < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of 0 or more")
    return result


def count(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def add_language(command: argparse.ArgumentParser, of: str = "the language") -> None:
    command.add_argument("--lang", choices=LANGUAGES, default="en", help=f"{of} (default: en)")


def settle(options: argparse.Namespace) -> None:
    """Sort out an expression that stands behind an option of several names: `derive --wrt a z EXPR x=1`."""
    if getattr(options, "expression", "") is not None:
        return
    swallowed = options.wrt if getattr(options, "wrt", None) else []
    start = next((i for i, text in enumerate(swallowed) if not text.isidentifier()), len(swallowed))
    if start == len(swallowed):
        options.expression = getattr(options, "otherwise", None)
        if options.expression is not None:
            return
        raise InputError("the expression is missing: write one, such as 'z = w*x + b; sigmoid(z)'")
    options.wrt, (options.expression, *values) = swallowed[:start], swallowed[start:]
    options.values = [*values, *options.values]


def required(given: Iterable[str], wanted: Sequence[str], all_given: bool = True) -> None:
    """Raise InputError for a name that is not among the variables, and for a variable that has no value."""
    for name in given:
        if name not in wanted:
            raise InputError(f"the expression has no variable {name!r}: it has {', '.join(wanted) or 'none'}")
    missing = [name for name in wanted if name not in given]
    if missing and all_given:
        raise InputError(f"{', '.join(map(repr, missing))} of the expression has no value: add {missing[0]}=1.5")


def assignments(pairs: Iterable[str]) -> dict[str, float]:
    """`["x=1.5", "y=2"]` as a dict, for options such as `--at x=1.5 y=2`.

    >>> assignments(["x=1.5", "y=-inf"]), assignments(["x", "=", "1.5", "y＝２"])
    ({'x': 1.5, 'y': -inf}, {'x': 1.5, 'y': 2.0})

    Raises InputError for what is not a name, an equals sign and a number, and for a name given twice.
    """
    values: dict[str, float] = {}
    for pair in re.sub(r"\s*=\s*", "=", typed(" ".join(pairs))).split():
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"{pair!r} gives no variable a value: write it as x=1.5")
        if name in values:
            raise InputError(f"{name!r} is given twice: {values[name]!r} and {text}")
        if not text:
            raise InputError(f"{name!r} has no number behind its equals sign: write it as {name}=1.5")
        try:
            values[name] = float(text)
        except ValueError:
            if re.fullmatch(r"[-+]?\d*,\d+", text):
                raise InputError(f"{text!r} has a decimal comma: write {text.replace(',', '.')}") from None
            raise InputError(f"{text!r} is not a number, as the value of {name!r}") from None
    return values
