"""`autograd-mini practise`: derivatives asked for one by one, and every answer judged."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from autograd_mini._core.expression import evaluate, names
from autograd_mini._core.value import Value
from autograd_mini.cli._arguments import InputError, add_language, assignments, count
from autograd_mini.explain._exercise import Exercise, generated
from autograd_mini.render import text
from autograd_mini.render._words import say

LOGISTIC = "z = w*x + b; a = 1/(1 + exp(-z)); L = -y*ln(a) - (1 - y)*ln(1 - a)"
NUMBERS = {"w": 0.5, "x": 1.5, "b": 0.25, "y": 1.0}


def register(commands: Any) -> None:
    """Add the subcommand to the command line."""
    command = commands.add_parser(
        "practise", help="exercises: write the derivatives yourself, and have them judged",
        description="Asks for the derivatives of an expression in turn, by default of the logistic loss. Answer as you "
                    "write it: a−y, x·(a − y), da*da/dz. An empty line gives the rule, the next one the answer; "
                    "q leaves.")
    command.add_argument("expression", metavar="EXPR", nargs="?", help="default: the logistic loss")
    command.add_argument("values", nargs="*", metavar="NAME=NUMBER", help="numbers of the variables")
    command.add_argument("--wrt", action="extend", nargs="+", default=[], metavar="NAME", help="only by these")
    command.add_argument("--seed", type=count, help="an exercise made up by this seed instead")
    add_language(command)
    command.set_defaults(run=run, otherwise=LOGISTIC)


def run(options: argparse.Namespace) -> int:
    """Ask until all is solved; 1 if the student leaves before."""
    quiz = generated(options.seed, options.lang) if options.seed is not None else _quiz(options)
    *parts, last = text(quiz.root).splitlines()
    print("\n".join([*parts, f"{quiz.root.name} = {last}" if quiz.root.name else last]))
    print(f"\n{say('practise', options.lang)}\n")
    solved = 0
    for question in quiz.questions:
        if not _asked(quiz, question.asked):
            break
        solved += 1
    print(say("score", options.lang, solved, len(quiz.questions)))
    return 0 if solved == len(quiz.questions) else 1


def _quiz(options: argparse.Namespace) -> Exercise:
    given = {**NUMBERS, **assignments(options.values)}
    variables = {name: Value(given.get(name, 0.5 + i / 4), name) for i, name in enumerate(names(options.expression))}
    result = evaluate(options.expression, variables)
    if not isinstance(result, Value):
        raise InputError(f"the expression is the number {result!r}: there is nothing to derive by")
    try:
        return Exercise(result, options.wrt or None, options.lang)
    except ValueError as error:
        raise InputError(str(error)) from None


def _asked(quiz: Exercise, asked: str) -> bool:
    """Whether one question was answered in the end."""
    hints = [quiz.rule, quiz.answer]
    while True:
        print(f"{asked} = ", end="", flush=True)
        answer = sys.stdin.readline() if sys.stdin is not None else ""  # None where it is closed
        if not answer or answer.strip() == "q":
            print()
            return False
        if not answer.strip():
            print("  " + (hints.pop(0)(asked) if hints else say("nohint", quiz.language)))
            continue
        verdict = quiz.check(asked, answer)
        for hint in verdict.hints:
            print("  " + hint.replace("\n", "\n  "))
        if verdict:
            print("  " + say("correct", quiz.language))
            return True
