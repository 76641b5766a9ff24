"""The command `autograd-mini`. Every file of this package with a function `register` is a group of subcommands.

`register(commands)` adds parsers with `commands.add_parser(name, help=...)` and says what runs with
`set_defaults(run=...)`: a function of the parsed options that prints to stdout and returns the exit status, 0 or None
when all is well and 1 for a "no" (a check that found a fault). For bad input it raises InputError: this file makes that
one line on stderr and exit status 2.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import re
import sys
from typing import Any, NoReturn, Optional, Sequence

from autograd_mini._core.errors import MissingExtraError
from autograd_mini._core.expression import ExpressionError
from autograd_mini._core.value import engine
from autograd_mini._version import __version__
from autograd_mini.cli._arguments import InputError, settle
from autograd_mini.render._words import translated

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 128 + 2, 128 + 13


class _Parser(argparse.ArgumentParser):
    """argparse with its errors in one line."""

    def _parse_optional(self, arg_string: str) -> Any:
        """What begins with a minus sign is an expression, unless it looks like an option that there is."""
        attached = arg_string[:2] in self._option_string_actions and not re.search(r"[*(+ ]", arg_string)
        if arg_string.startswith("-") and arg_string != "-" and not arg_string.startswith("--") and not attached:
            return None
        return super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The command line with every subcommand of the package."""
    top = _Parser(prog="autograd-mini", description="Scalar automatic differentiation, drawn, explained and checked.")
    top.add_argument("--version", action="version", version=f"autograd-mini {__version__} ({engine} engine)")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for module in pkgutil.iter_modules(__path__):
        register = getattr(importlib.import_module(f"{__name__}.{module.name}"), "register", None)
        if register is not None:
            register(commands)
    return top


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit status: 0, 1 for a "no", 2 for bad input, 130 after Ctrl-C.

    >>> main(["--version"])  # doctest: +ELLIPSIS
    autograd-mini ... engine)
    0
    """
    top = parser()
    told = " ".join(sys.argv[1:] if argv is None else argv)
    language = "zh" if re.search(r"(^| )--lang[ =]zh\b", told) else "en"  # for what cannot be parsed too
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without blocks and Greek shows ? instead
    try:
        options = top.parse_args(argv)
        if options.command is None:
            top.print_help()
            return 0
        if sys.stdout is None:
            return _fail("the standard output is closed", language)
        settle(options)
        status = options.run(options)
        sys.stdout.flush()
        return status or 0
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except (InputError, ExpressionError, MissingExtraError) as error:
        return _fail(error, language)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        if error.filename is not None:
            return _fail(f"{error.filename}: {error.strerror}", language)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"the standard output: {error.strerror}", language)
    except KeyboardInterrupt:
        print("\nautograd-mini: interrupted", file=sys.stderr)
        return INTERRUPTED


def _fail(reason: object, language: str) -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    print(translated(f"autograd-mini: error: {reason}", language), file=sys.stderr)
    return BAD_INPUT
