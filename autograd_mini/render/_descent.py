"""The descent page: the cost over two parameters, gradient descent on it, the data, and the loss of one example.

What it computes are Programs as they write themselves in JavaScript: the loss of a row of data with its derivatives by
every parameter, and the prediction.
"""

from __future__ import annotations

from typing import Sequence

from autograd_mini.render._formulas import clean
from autograd_mini.render._page import assemble, jsonable
from autograd_mini.render._words import say

ROOMS = ("elements", "programs", "descent")


def descent_page(programs: Sequence[str], rows: Sequence[Sequence[float]], parameters: Sequence[str],
                 features: Sequence[str], start: Sequence[float], window: Sequence[tuple[float, float]],
                 language: str = "en") -> str:
    """One self-contained page that descends from `start` on the mean of a loss over rows.

    `programs` are the JavaScript of `example`, from parameters and one row to the loss and its derivatives by each
    parameter, and of `predict`, from parameters and features to the prediction. A row is the features and the class, 0
    or 1; `window` is the range in which each parameter is shown.
    """
    data = {"rows": [list(map(jsonable, row)) for row in rows], "parameters": list(map(clean, parameters)),
            "features": list(map(clean, features)), "start": list(map(jsonable, start)),
            "window": [list(map(jsonable, ends)) for ends in window],
            "language": language}
    title = say("descentTitle", language)
    return assemble("descent", title, language, data, f"<p>{title}</p>", {"programs": "\n".join(programs)}, ROOMS)
