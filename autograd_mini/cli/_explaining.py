"""`autograd-mini derive`, `check` and `diagnose`: an expression explained, a derivation checked, lost digits found."""

from __future__ import annotations

import argparse
import math
from typing import Any, Mapping, Optional

from autograd_mini._core.expression import ExpressionError, evaluate, names
from autograd_mini._core.value import Value
from autograd_mini.cli._arguments import InputError, add_language, assignments, required, typed
from autograd_mini.cli._expressions import add_expression
from autograd_mini.cli._output import json_text
from autograd_mini.explain import Diagnosis, check_derivation, derive, diagnose
from autograd_mini.render import latex, text


def register(commands: Any) -> None:
    """Add the subcommands to the command line."""
    deriving = commands.add_parser(
        "derive", help="the derivatives of an expression as formulas, step by step",
        description="The chain rule written out in the names of the expression: "
                    "autograd-mini derive 'a = 1/(1 + exp(-z)); -y*ln(a) - (1 - y)*ln(1 - a)' --wrt z")
    _add(deriving, "by what to derive: names of variables or parts (default: all)")
    deriving.add_argument("--assume", action="append", default=[], metavar="EQUATION",
                          help="a relation between variables that may be used, such as 'y1 + y2 = 1'; repeatable")
    deriving.add_argument("--numbers", action="store_true", help="put the numbers in; each variable needs one")
    deriving.add_argument("--seconds", type=float, default=5.0, help="time for simplifying one step (default: 5)")
    deriving.add_argument("--steps", action="store_true", help="the rule of every step and the algebra between")
    add_language(deriving)
    deriving.set_defaults(run=run_derive)
    checking = commands.add_parser(
        "check", help="is this derivation right, and if not, which step is the first wrong one?",
        description="Claimed derivatives judged at many points with 50 digits; exit status 1 if one is wrong: "
                    "autograd-mini check 'u = x**2; sin(u)' x=0.8 --claim 'u=cos(u)' --claim 'x=2*x*cos(u)'")
    _add(checking, None)
    checking.add_argument("--claim", action="append", default=[], metavar="NAME=EXPR", required=True,
                          help="the derivative of the expression by a variable or part; repeatable")
    checking.add_argument("--assume", action="append", default=[], metavar="EQUATION",
                          help="a relation between variables under which the claims are made; repeatable")
    checking.add_argument("--domain", action="append", default=[], metavar="NAME=LOW:HIGH",
                          help="where a variable may lie (default: wherever all is finite); repeatable")
    checking.add_argument("--hint", type=int, choices=(1, 2, 3), help="no answer, only: 1 where it fails, 2 what kind "
                          "of slip it is, 3 by which rule it is found (default: all, with the answer)")
    checking.add_argument("--points", type=int, default=12, help="how many points to try (default: 12)")
    checking.add_argument("--seed", type=int, default=0, help="of the random points (default: 0)")
    add_language(checking)
    checking.set_defaults(run=run_check)
    doctor = commands.add_parser(
        "diagnose", help="where an expression loses digits, why, and what to write instead",
        description="Value and gradients compared with 50 digits; exit status 1 if digits are lost: "
                    "autograd-mini diagnose '(1 - cos(x))/x**2' x=1e-5")
    _add(doctor, "whose gradients to judge (default: every variable)")
    doctor.set_defaults(run=run_diagnose)


def _add(command: argparse.ArgumentParser, wrt: Optional[str]) -> None:
    add_expression(command)
    if wrt:
        command.add_argument("--wrt", action="extend", nargs="+", default=[], metavar="NAME", help=wrt)
    command.add_argument("--json", action="store_true", help="print JSON instead")
    command.add_argument("--latex", action="store_true", help="print LaTeX instead")


def _graph(options: argparse.Namespace, all_given: bool,
           within: Optional[Mapping[str, tuple[float, float]]] = None) -> tuple[Value, dict[str, Value]]:
    """The expression as a graph, and its named nodes; variables without a number get one where all is finite."""
    middles = {name: (low + high) / 2 for name, (low, high) in (within or {}).items()}
    given = {**middles, **assignments(options.values)}
    wanted = names(options.expression)
    required(given, wanted, all_given)
    for start in (0.4, 1.5, -0.4, 4.0):
        numbers = {name: given.get(name, start + start / 8 * place) for place, name in enumerate(wanted)}
        variables = {name: Value(numbers[name], name) for name in wanted}
        result = evaluate(options.expression, variables)
        if not isinstance(result, Value):
            raise InputError(f"the expression is the number {result!r}: there is nothing to derive by")
        if math.isfinite(result.data) or set(wanted) <= set(given):
            break
    return result, variables


def _asked(call: Any) -> Any:
    """What a call gives; a name or an equation it does not know is bad input."""
    try:
        return call()
    except ExpressionError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from None


def run_derive(options: argparse.Namespace) -> None:
    """Print the derivation."""
    loss, _ = _graph(options, all_given=options.numbers)
    derivation = _asked(lambda: derive(loss, options.wrt or None, assume=options.assume, seconds=options.seconds,
                                       steps=options.steps))
    if options.json:
        print(json_text([{"claim": step["name"], **step} for step in derivation.face()]))
    elif options.latex:
        print(derivation.latex(numbers=options.numbers))
    else:
        print(derivation.text(options.numbers, options.lang))


def run_check(options: argparse.Namespace) -> int:
    """Print the report; 1 if a claim is wrong."""
    claims = _pairs(options.claim, "--claim x='2*x'")
    domain = {name: _range(name, pair) for name, pair in _pairs(options.domain, "--domain x=0:1").items()}
    loss, _ = _graph(options, all_given=False, within=domain)
    report = _asked(lambda: check_derivation(loss, claims, domain=domain, points=options.points, seed=options.seed,
                                             assume=options.assume, hint=options.hint))
    if options.json:
        print(json_text({"ok": report.ok, "verdicts": report.verdicts, "first_wrong": report.first_wrong,
                         "should_be": report.should_be, "slip": report.slip, "findings": report.findings}))
    elif options.latex:
        print(derive(loss, list(claims), assume=options.assume).latex())
    else:
        print(report.text(options.lang))
    return 0 if report.ok else 1


def _pairs(texts: list[str], example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in texts:
        name, equals, content = pair.replace("＝", "=").partition("=")
        name = typed(name)
        if name.strip() in pairs:
            raise InputError(f"{name.strip()!r} is given twice: {pairs[name.strip()]!r} and {content.strip()!r}")
        if not equals or not name.strip() or not content.strip():
            raise InputError(f"{pair!r} is not a name, an equals sign and what it is: write it as {example}")
        pairs[name.strip()] = content.strip()
    return pairs


def _range(name: str, pair: str) -> tuple[float, float]:
    low, _, high = typed(pair).partition(":")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = math.nan, math.nan
    if not bounds[0] < bounds[1]:
        raise InputError(f"{pair!r} is no range for {name!r}: write it as --domain {name}=0:1")
    return bounds


def run_diagnose(options: argparse.Namespace) -> int:
    """Print the diagnosis; 1 if digits are lost."""
    loss, variables = _graph(options, all_given=True)
    required(options.wrt, list(variables), all_given=False)
    diagnosis = _asked(lambda: diagnose(loss, [variables[name] for name in options.wrt] or None))
    if options.json:
        print(json_text(_as_json(diagnosis)))
    elif options.latex:
        print(latex(diagnosis.stabilized.value))
    else:
        print(diagnosis)
    return 0 if diagnosis.ok else 1


def _as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "ok": diagnosis.ok, "value": diagnosis.root.data, "true_value": str(diagnosis.exact(diagnosis.root)),
        "digits_lost": diagnosis.digits_lost(diagnosis.root),
        "gradients": {node.name: {"true": str(diagnosis.exact_gradient(node)),
                                  "digits_lost": diagnosis.gradient_digits_lost(node)} for node in diagnosis.wrt},
        "troubles": [{"what": trouble.what, "kind": trouble.kind, "at": text(trouble.node).splitlines()[-1],
                      "reason": trouble.reason} for trouble in diagnosis.troubles],
        "stable_form": text(diagnosis.stabilized.value),
        "changes": list(map(str, diagnosis.stabilized.changes)),
    }
