"""The descent page: the cost over two parameters, gradient descent on it, the data, and the loss of one example.

What it computes is a Program's own graph read as JavaScript: the loss of a row of data with its derivatives by every
parameter, and the prediction.
"""

from __future__ import annotations

from typing import Any, Sequence

from autograd_mini.render._formulas import clean
from autograd_mini.render._javascript import program
from autograd_mini.render._page import assemble, jsonable
from autograd_mini.render._words import say, words

ROOMS = ("elements", "functions", "programs", "descent")


def descent_page(example: Any, predict: Any, rows: Sequence[Sequence[float]], parameters: Sequence[str],
                 start: Sequence[float], window: Sequence[tuple[float, float]], language: str = "en") -> str:
    """One self-contained page that descends from `start` on the mean of a loss over rows.

    `example` is a Body of parameters and one row that gives the loss and its derivatives by each parameter, `predict`
    one of parameters and features that gives the prediction. A row is the features and the class, 0 or 1; `window` is
    the range in which each parameter is shown.
    """
    data = {"rows": [list(map(jsonable, row)) for row in rows], "parameters": list(map(clean, parameters)),
            "start": list(map(jsonable, start)), "window": [list(map(jsonable, ends)) for ends in window],
            "language": language, "words": words()}
    made = {"programs": program("example", example) + "\n" + program("predict", predict)}
    title = say("descentTitle", language)
    return assemble("descent", title, language, data, f"<p>{title}</p>", made, ROOMS)
