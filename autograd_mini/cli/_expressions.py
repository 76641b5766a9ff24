"""`autograd-mini grad` and `autograd-mini draw`: an expression on the command line, differentiated and drawn."""

from __future__ import annotations

import argparse
from typing import Any

from autograd_mini._core.expression import evaluate, names
from autograd_mini._core.value import Value
from autograd_mini.cli._arguments import InputError, add_language, assignments, required
from autograd_mini.cli._output import json_text, table
from autograd_mini.render import NoLayoutError, draw, text, tree
from autograd_mini.render._words import translated

ENDINGS = (".svg", ".png", ".pdf", ".html", ".gv")


def register(commands: Any) -> None:
    """Add the subcommands to the command line."""
    grad = commands.add_parser("grad", help="the value and the gradients of an expression",
                               description="The value of an expression, its gradients, and its graph as a tree: "
                                           "autograd-mini grad 'x*y + sin(x)' x=2 y=3")
    add_expression(grad)
    grad.add_argument("--wrt", action="append", metavar="NAME", help="only the gradient by this variable; repeatable")
    add_language(grad)
    grad.add_argument("--json", action="store_true", help="print JSON instead")
    grad.set_defaults(run=run_grad)
    picture = commands.add_parser("draw", help="the graph of an expression as a picture",
                                  description="The graph of an expression as a picture, or as a page that lives: "
                                              "autograd-mini draw 'x*y + sin(x)' x=2 y=3 -o graph.svg")
    add_expression(picture)
    picture.add_argument("-o", "--output", metavar="FILE", help=f"ends in {', '.join(ENDINGS)}; - prints SVG")
    picture.add_argument("--show", action="store_true", help="open the live page in the browser")
    add_language(picture, "the words of the page")
    picture.add_argument("--wrt", action="append", metavar="NAME",
                         help="highlight the paths to this variable; repeatable")
    picture.add_argument("--labels", choices=("number", "formula", "none"), default="number",
                         help="the local derivatives on the edges (default: number)")
    picture.add_argument("--color", action="store_true", help="colour by the size of the gradient")
    picture.add_argument("--rankdir", choices=("LR", "RL", "TB", "BT"), default="LR", help="direction (default: LR)")
    picture.add_argument("--layout", choices=("dot", "own"), help="default: Graphviz where there is one, else our own")
    picture.add_argument("--dark", action="store_true", help="dark .png and .pdf; .svg and .html follow their reader")
    picture.set_defaults(run=run_draw)


def add_expression(command: argparse.ArgumentParser) -> None:
    command.add_argument("expression", metavar="EXPR", nargs="?", help="such as 'z = w*x + b; sigmoid(z)'")
    command.add_argument("values", nargs="*", metavar="NAME=NUMBER", help="a number for each variable")


def _evaluated(options: argparse.Namespace) -> tuple[Value, dict[str, Value]]:
    """The expression as a graph that was differentiated, and its variables."""
    given = assignments(options.values)
    wanted = names(options.expression)
    required([*given, *(options.wrt or ())], wanted)
    variables = {name: Value(given[name], name) for name in wanted}
    result = evaluate(options.expression, variables)
    value = result if isinstance(result, Value) else Value(result)
    value.backward()
    return value, variables


def run_grad(options: argparse.Namespace) -> None:
    """Print value, gradients and tree."""
    value, variables = _evaluated(options)
    chosen = {name: variable for name, variable in variables.items() if not options.wrt or name in options.wrt}
    gradients = {name: 0.0 if variable.grad is None else variable.grad for name, variable in chosen.items()}
    if options.json:
        print(json_text({"expression": text(value), "value": value.data, "gradients": gradients,
                         "at": {name: variable.data for name, variable in variables.items()}}))
        return
    print(f"{text(value)}\n\n{translated('value', options.lang)}  {value.data!r}\n")
    if gradients:
        rows = [[translated(key, options.lang) for key in ("variable", "at", "gradient")]]
        rows += [[name, repr(variables[name].data), repr(gradient)] for name, gradient in gradients.items()]
        print(table(rows) + "\n")
    print(tree(value))


def run_draw(options: argparse.Namespace) -> None:
    """Write the picture, whole or not at all."""
    if not options.output and not options.show:
        raise InputError("say where the picture goes: -o graph.svg, or --show for the live page in the browser")
    if options.output and options.output != "-" and not options.output.lower().endswith(ENDINGS):
        raise InputError(f"{options.output!r} ends in none of {', '.join(ENDINGS)}: the ending says what is written")
    value, variables = _evaluated(options)
    highlight = [variables[name] for name in options.wrt or ()]
    try:
        drawing = draw(value, labels=options.labels, color="grad" if options.color else None, highlight=highlight,
                       rankdir=options.rankdir, layout=options.layout, dark=options.dark,
                       language=options.lang)
        if options.output == "-":
            print(drawing.svg(), end="")
        elif options.output:
            drawing.save(options.output)
            print(translated(f"{options.output}: {drawing.picture.title}", options.lang))
        if options.show:
            drawing.show()
    except NoLayoutError as error:
        raise InputError(str(error)) from None
