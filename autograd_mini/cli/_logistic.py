"""`autograd-mini logistic`: the worked example on real data, every derivative beside its closed form."""

from __future__ import annotations

import argparse
import math
import pathlib
import sys
import time
import warnings
from typing import Any, NamedTuple, Sequence

import numpy as np

from autograd_mini._body.calculus import gradient
from autograd_mini._core import progress
from autograd_mini._core.value import Value, engine
from autograd_mini.cli import _cost_curve as cost_curve
from autograd_mini.cli._arguments import InputError, add_language, count, not_negative, number, positive
from autograd_mini.cli._output import json_text, table
from autograd_mini.functions import sigmoid
from autograd_mini.models import (
    DataError,
    Dataset,
    FitWarning,
    LogisticRegression,
    _closed_forms as closed_forms,
    descent,
    load_breast_cancer,
    logit,
    loss,
    loss_from_logit,
    read_csv,
    scaling,
    split,
)
from autograd_mini.render._drawing import draw
from autograd_mini.render._saving import whole_file
from autograd_mini.render._words import say, translated

FILES = ("loss.svg", "loss.html", "descent.html", "cost.svg", "result.json")
TWO_FEATURES = ("worst_area", "worst_smoothness")
SHOWN_WEIGHTS = 6


class Comparison(NamedTuple):
    """One derivative by the engine and by its closed form."""

    name: str
    formula: str
    engine: float
    closed_form: float
    size: float = 0.0
    """The mean size of the terms that the closed form adds up: a sum that is 0 but for rounding is judged by them."""

    @property
    def relative_error(self) -> float:
        """|engine - closed form| / |closed form|, or / size where that is larger; 0 where both are the same."""
        if self.engine == self.closed_form or (math.isnan(self.engine) and math.isnan(self.closed_form)):
            return 0.0
        scale = max(abs(self.closed_form), self.size)
        return abs(self.engine - self.closed_form) / scale if scale else math.inf

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "formula": self.formula, "engine": self.engine, "closed_form": self.closed_form,
                "relative_error": self.relative_error}


class Example(NamedTuple):
    """One example's loss, taken apart by back-propagation."""

    position: int
    x: list[float]
    y: float
    L: Value
    numbers: dict[str, float]
    derivatives: list[Comparison]


def register(commands: Any) -> None:
    """Add the subcommand to the command line."""
    command = commands.add_parser(
        "logistic", help="train logistic regression on real data, each derivative beside its closed form",
        description="Train logistic regression through the scalar engine, on the Wisconsin breast-cancer table or on a "
                    "CSV file of your own, and compare every derivative with its closed form.")
    command.add_argument("--data", metavar="FILE", help="a CSV file with a header (default: the breast-cancer table)")
    command.add_argument("--target", metavar="COLUMN", help="the column of the class in FILE: two different entries")
    command.add_argument("--positive", metavar="CLASS", help="the entry of COLUMN that is y = 1 (default: the larger)")
    command.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="such as gbk (default: utf-8)")
    command.add_argument("--drop-missing", action="store_true", help="leave out rows with empty cells")
    command.add_argument("--features", metavar="A,B,...", help="the columns to learn from; 'all' takes every column "
                         f"(default: {','.join(TWO_FEATURES)}, or all of FILE)")
    command.add_argument("--steps", type=count, default=200, help="steps of gradient descent (default: 200)")
    command.add_argument("--learning-rate", type=positive, default=1.0, metavar="ALPHA", help="default: 1")
    command.add_argument("--ridge", type=not_negative, default=0.0, metavar="LAMBDA",
                         help="adds LAMBDA/2 |w|^2 to the cost (default: 0)")
    command.add_argument("--held-out", type=number, default=0.25, metavar="SHARE",
                         help="share of the rows to test on (default: 0.25)")
    command.add_argument("--seed", type=count, default=0, help="draws the rows to test on (default: 0)")
    command.add_argument("--example", type=count, metavar="N", help="the training row, from 1, whose derivatives are "
                         "shown (default: the one that the model is least sure of)")
    add_language(command)
    command.add_argument("--json", action="store_true", help="print everything as JSON instead")
    command.add_argument("--out", metavar="DIR", type=pathlib.Path,
                         help="write there loss.svg, the graph of one example's loss, loss.html, where it lives, "
                              "descent.html, gradient descent to play with, cost.svg and result.json")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, compare, print."""
    data = _data(options)
    train, test = split(data, options.held_out, options.seed)
    if options.example is not None and not 1 <= options.example <= len(train.y):
        raise InputError(f"--example {options.example}: the training rows are 1 to {len(train.y)}")
    if options.out is not None and options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out {options.out}: this is a file, but the results need a folder")
    scale = scaling(train.X)
    X = scale.apply(train.X)
    started = time.perf_counter()
    model = _train(options, X, train.y)
    seconds = time.perf_counter() - started
    accuracy = model.score(scale.apply(test.X), test.y) if len(test.y) else math.nan
    position = options.example or 1 + int(np.argmin(np.abs(model.decision_function(X))))
    example = take_apart(model, X[position - 1].tolist(), float(train.y[position - 1]), position)
    totals = compare_totals(model, X, train.y)
    result = {
        "data": {"file": options.data or "Wisconsin diagnostic breast cancer", "target": data.target,
                 "classes": data.classes, "features": data.features, "rows": len(data.y),
                 "training_rows": len(train.y), "held_out_rows": len(test.y), "seed": options.seed},
        "training": {"engine": engine, "steps": options.steps, "learning_rate": options.learning_rate,
                     "ridge": options.ridge, "seconds": seconds, "cost": model.history},
        "model": {"w": dict(zip(data.features, model.coefficients)), "b": model.intercept,
                  "original_units": _original_units(model, scale, data.features),
                  "mean": dict(zip(data.features, scale.mean)),
                  "deviation": dict(zip(data.features, scale.deviation))},
        "held_out_accuracy": accuracy,
        "class_counts": [int((data.y == label).sum()) for label in (0.0, 1.0)],
        "baseline_accuracy": float(max(data.y.mean(), 1 - data.y.mean())),
        "example": {"training_row": position, "x": example.x, "y": example.y, **example.numbers,
                    "derivatives": [comparison.as_dict() for comparison in example.derivatives]},
        "all_rows": {"comparisons": [comparison.as_dict() for comparison in totals],
                     "largest_relative_error": max(comparison.relative_error for comparison in totals)},
    }
    if options.out is not None:
        named = [say("standardised", options.lang, name) for name in data.features]
        page = descent(X, train.y, features=named, seed=options.seed, language=options.lang)
        _write(options, result, example, model, page)
    print(json_text(result) if options.json else _page(options, data, result, example, totals))
    return 0


def _original_units(model: LogisticRegression, scale: Any, features: Sequence[str]) -> dict[str, Any]:
    """The same model for the features as they stand in the table: w / deviation, and b less what the means add."""
    w = model.coefficients / scale.deviation
    return {"w": dict(zip(features, w)), "b": float(model.intercept - w @ scale.mean)}


def take_apart(model: LogisticRegression, x: Sequence[float], y: float, position: int = 1) -> Example:
    """da, da/dz, dz, dw and db of one example from L(a, y), by the engine and by the closed forms."""
    w: list[Any] = [Value(w_i.data, w_i.name) for w_i in model.w]
    b: Any = Value(model.intercept, "b")
    xs = [Value(x_i, f"x{i}") for i, x_i in enumerate(x, 1)]
    z = logit(w, b, xs)
    a: Any = sigmoid(z)
    z.name, a.name = "z", "a"
    L = loss(a, Value(y, "y"))
    L.name = "L"
    L.backward()
    da = closed_forms.da(a.data, y) if 0 < a.data < 1 else math.nan
    derivatives = [Comparison("da", "-y/a + (1-y)/(1-a)", a.grad, da),
                   Comparison("da/dz", "a - a^2", gradient(a, z).data, closed_forms.da_dz(a.data)),
                   Comparison("dz", "a - y", z.grad, closed_forms.dz(a.data, y)),
                   *(Comparison(f"d{w_i.name}", f"x{i} (a - y)", w_i.grad, closed_forms.dw(x_i, a.data, y))
                     for i, (w_i, x_i) in enumerate(zip(w, x), 1)),
                   Comparison("db", "a - y", b.grad, closed_forms.db(a.data, y))]
    numbers = {"z": z.data, "a": a.data, "L": L.data, "L_from_logit": loss_from_logit(z.data, y)}
    return Example(position, list(x), y, L, numbers, derivatives)


def compare_totals(model: LogisticRegression, X: np.ndarray, y: np.ndarray) -> list[Comparison]:
    """J, dJ/dw and dJ/db over all rows: what the last backward pass left, and NumPy's closed form."""
    with np.errstate(all="ignore"):  # where training has diverged the closed form says so by its number
        J, dw, db = closed_forms.cost_and_gradient(model.coefficients, model.intercept, X, y, model.ridge)
    slopes = np.abs(model.predict_proba(X)[:, 1] - y)
    sizes = (np.abs(X) * slopes[:, None]).mean(axis=0)
    return [Comparison("J", "", model.history[-1], J),
            *(Comparison(f"dJ/d{w_i.name}", "", by_engine, float(by_numpy), float(size))
              for w_i, by_engine, by_numpy, size in zip(model.w, model.gradient[:-1], dw, sizes)),
            Comparison("dJ/db", "", model.gradient[-1], db, float(slopes.mean()))]


def _data(options: argparse.Namespace) -> Dataset:
    if (options.data is None) != (options.target is None):
        missing = "--target COLUMN" if options.target is None else "--data FILE"
        raise InputError(f"--data FILE and --target COLUMN belong together: {missing} is missing")
    if not 0 <= options.held_out < 1:
        raise InputError(f"--held-out {options.held_out}: the share is at least 0 and below 1")
    chosen = [name.strip() for name in options.features.split(",")] if options.features is not None else None
    try:
        if options.data is not None:
            return read_csv(options.data, options.target, None if chosen == ["all"] else chosen,
                            positive=options.positive, encoding=options.encoding, drop_missing=options.drop_missing)
        return load_breast_cancer(None if chosen == ["all"] else chosen or TWO_FEATURES)
    except DataError as error:
        raise InputError(str(error)) from None


def _train(options: argparse.Namespace, X: np.ndarray, y: np.ndarray) -> LogisticRegression:
    model = LogisticRegression(options.steps, options.learning_rate, options.ridge, solver="gd")
    with progress.bar("training", "step", options.steps, delay=0.0, ncols=79) as bar:
        def watch(step: int, J: float) -> None:
            bar.set_postfix_str(f"cost {J:.6f}", refresh=False)
            bar.update(min(step, 1))

        try:
            with warnings.catch_warnings(record=True) as problems:
                warnings.simplefilter("always", FitWarning)
                model.fit(X, y, watch=watch)
        except FloatingPointError as error:
            raise InputError(f"--learning-rate {options.learning_rate:g}: {error}") from None
    for problem in problems:
        print(f"autograd-mini: {problem.message}", file=sys.stderr)
    return model


def _write(options: argparse.Namespace, result: dict[str, Any], example: Example, model: LogisticRegression,
           descending: str) -> None:
    folder = options.out
    folder.mkdir(parents=True, exist_ok=True)
    result["files"] = [str(folder / name) for name in FILES]
    drawing = draw(example.L, language=options.lang)
    for name in ("loss.svg", "loss.html"):
        drawing.save(folder / name)
    for name, content in (("cost.svg", cost_curve.svg(model.history, translated("Cost J(w, b)", options.lang))),
                          ("descent.html", descending), ("result.json", json_text(result) + "\n")):
        with whole_file(folder / name) as path:
            path.write_text(content, encoding="utf-8")


def _page(options: argparse.Namespace, data: Dataset, result: dict[str, Any], example: Example,
          totals: list[Comparison]) -> str:
    """The result for a terminal of 80 columns."""
    about, training = result["data"], result["training"]

    def head(*names: str) -> list[str]:
        return [translated(name, options.lang) for name in names]

    weights = range(1, len(data.features) + 1)
    names = [f"x{i} = {name}" for i, name in zip(weights, data.features)]
    ones = f"y = 1 is {data.target}" if data.classes == ("0", "1") else f"y = 1 is {data.target} = {data.classes[1]}"
    lines = [
        f"Logistic regression: {about['file']}",
        f"{about['rows']} rows, {about['training_rows']} to train on, {about['held_out_rows']} held out "
        f"(seed {about['seed']}); {ones}", "",
        f"  z = {_sum_of_products(len(names))}",
        "  a = sigmoid(z) = 1/(1 + e^-z)",
        "  L = -y ln(a) - (1-y) ln(1-a)",
        *(f"  {name}, standardised" for name in names[:SHOWN_WEIGHTS]), *_more(len(names) - SHOWN_WEIGHTS, "features"),
        "",
        f"Training: w := w - alpha dJ/dw, alpha = {training['learning_rate']:g}"
        + (f", ridge = {training['ridge']:g}" if training["ridge"] else ""), "",
        "step   cost J", *cost_curve.bars(training["cost"], 46), "",
        f"{training['steps']} steps in {training['seconds']:.2f} s ({training['engine']} engine), "
        f"{_accuracy(result['held_out_accuracy'], about['held_out_rows'])}", "",
        f"{result['class_counts'][0]} rows of y = 0, {result['class_counts'][1]} of y = 1: "
        f"always guessing the larger gives {result['baseline_accuracy']:.1%}", "",
        table([head("coefficient", "standardised", "original units"), *_coefficients(result, data.features)]),
        *_more(len(names) - SHOWN_WEIGHTS, "weights"), "",
        f"One example by back-propagation, from L(a, y): training row {example.position}",
        f"  {_given(example)}", "",
        table([head("", "formula", "engine", "closed form", "rel.err."),
               *([c.name, c.formula, f"{c.engine:.13g}", f"{c.closed_form:.13g}", _error(c)]
                 for c in _abridged(example.derivatives, 3))], left=2),
        *_more(len(names) - SHOWN_WEIGHTS, "weights"), *_saturated(example), "",
        f"All {about['training_rows']} training rows, after the last step", "",
        table([head("", "engine", "NumPy's closed form", "rel.err."),
               *([c.name, f"{c.engine:.15g}", f"{c.closed_form:.15g}", _error(c)]
                 for c in _abridged(totals, 1))]),
        *_more(len(names) - SHOWN_WEIGHTS, "weights"),
        f"largest relative error: {result['all_rows']['largest_relative_error']:.1e}",
    ]
    if "files" in result:
        lines += ["", "written: " + ", ".join(result["files"])]
    return translated("\n".join(lines), options.lang)


def _coefficients(result: dict[str, Any], features: Sequence[str]) -> list[list[str]]:
    """The fitted model for standardised features, and for features in their own units."""
    fitted, original = result["model"], result["model"]["original_units"]
    return [*([f"w{i} {name}", f"{fitted['w'][name]:.6g}", f"{original['w'][name]:.6g}"]
              for i, name in enumerate(features[:SHOWN_WEIGHTS], 1)),
            ["b", f"{fitted['b']:.6g}", f"{original['b']:.6g}"]]


def _sum_of_products(n: int) -> str:
    terms = [f"w{i} x{i}" for i in range(1, n + 1)]
    return " + ".join(terms if n <= 4 else [*terms[:2], "...", terms[-1]]) + " + b"


def _more(hidden: int, what: str) -> list[str]:
    return [f"  and {hidden} more {what} (--json shows all)"] if hidden > 0 else []


def _abridged(comparisons: list[Comparison], before: int) -> list[Comparison]:
    """Without the weights beyond the first few: `before` entries come before them, and one behind."""
    return [*comparisons[:-1][:before + SHOWN_WEIGHTS], comparisons[-1]]


def _error(comparison: Comparison) -> str:
    return f"{comparison.relative_error:.1e}" if comparison.relative_error else "0"


def _accuracy(accuracy: float, rows: int) -> str:
    return f"held-out accuracy {accuracy:.1%} ({round(accuracy * rows)} of {rows})" if rows else "no row held out"


def _given(example: Example) -> str:
    xs = [f"x{i} = {x:.4g}" for i, x in enumerate(example.x[:3], 1)] + ["..."] * (len(example.x) > 3)
    numbers = [f"{name} = {example.numbers[name]:.4g}" for name in ("z", "a", "L")]
    return ", ".join([*xs, f"y = {example.y:g}", *numbers])


def _saturated(example: Example) -> list[str]:
    """Why the derivation's own formula has no number, where it has none."""
    if math.isfinite(example.numbers["L"]) and 0 < example.numbers["a"] < 1:
        return []
    return [f"  a has rounded to {example.numbers['a']:g}, where L(a, y) is not finite;",
            f"  from the logit the loss is softplus(z) - y z = {example.numbers['L_from_logit']:.6g}"]
