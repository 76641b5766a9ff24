"""`autograd-mini table`: the table of derivatives, for the terminal or as a page."""

from __future__ import annotations

import argparse
from typing import Any

from autograd_mini.cli._arguments import InputError, add_language
from autograd_mini.cli._output import json_text, table
from autograd_mini.render._course import course_markdown, course_table
from autograd_mini.render._table import derivative_table, markdown
from autograd_mini.render._words import translated


def register(commands: Any) -> None:
    """Add the subcommand to the command line."""
    command = commands.add_parser("table", help="the table of derivatives",
                                  description="Every primitive with its derivatives, domain and points of choice.")
    command.add_argument("names", nargs="*", metavar="NAME", help="only these primitives")
    command.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    command.add_argument("--course", action="store_true",
                         help="the rules and derivatives of a calculus course, each verified as it is printed")
    add_language(command, "the language of --course")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    if options.course:
        run_course(options)
        return
    entries = derivative_table()
    known = [entry.name for entry in entries]
    for name in options.names:
        if name not in known:
            raise InputError(f"no primitive is called {name!r}: there are {', '.join(known)}")
    chosen = [entry for entry in entries if not options.names or entry.name in options.names]
    if options.format == "markdown":
        if options.names:
            raise InputError("--format markdown prints the whole page: leave the names out")
        print(markdown(), end="")
    elif options.format == "json":
        print(json_text([entry._asdict() for entry in chosen]))
    else:
        rows = [["name", "function", "derivative", "domain", "at special points"]]
        rows += [[entry.name, entry.function, ";  ".join(entry.derivatives), entry.domain, "; ".join(entry.choices)]
                 for entry in chosen]
        print(table(rows, left=5))


def run_course(options: argparse.Namespace) -> None:
    """Print the table of a course."""
    if options.names:
        raise InputError("--course prints the whole table: leave the names out")
    if options.format == "markdown":
        print(course_markdown(), end="")
    elif options.format == "json":
        print(json_text([line._asdict() for line in course_table()]))
    else:
        head = [translated(name, options.lang) for name in ("rule", "function", "derivative by x")]
        rows = [[translated(rule, options.lang), *formulas] for rule, *formulas in course_table()]
        print(table([head, *rows], left=3))
