"""Who watches the tests? Every partial of every row is spoiled in turn, and the tests of the table must notice.

A partial is off by one part in a million, or by 1e-6 absolutely. `python tests/mutation.py` runs the tests of each row
against each of its spoiled partials and prints those that nobody noticed; it ends with status 1 if there are any.
(In a checkout that is not installed: `PYTHONPATH=. python tests/mutation.py`.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reference import FUNCTIONS, derivative

from autograd_mini.primitives import ROWS, Primitive, number

AMOUNT = 1e-6
Check = Callable[[Primitive], None]


def scaled(rule: Any) -> Any:
    return rule and (lambda y, *operands: rule(y, *operands) * (1 + AMOUNT))


def shifted(rule: Any) -> Any:
    return (lambda y, *operands: rule(y, *operands) + AMOUNT) if rule else (lambda y, *operands: AMOUNT)


SPOILERS = {"times 1 + 1e-6": scaled, "plus 1e-6": shifted}


@contextmanager
def spoiled(row: Primitive, position: int, spoil: Callable[[Any], Any]) -> Iterator[None]:
    whole = row.partials
    wrong = tuple(spoil(rule) if i == position else rule for i, rule in enumerate(whole))
    object.__setattr__(row, "partials", wrong)  # a row is frozen for everybody else
    try:
        yield
    finally:
        object.__setattr__(row, "partials", whole)


def is_zero(row: Primitive, position: int) -> bool:
    """Whether a partial is 0 wherever it is a number: such a one times anything is still itself."""
    rule = row.partials[position]
    points = [*row.at, *[(x,) * len(row.partials) for x in (-2.5, 0.3, 7.0)]]
    return rule is None or all(number(rule, row.number(*p), *p) == 0 for p in points)


def is_judged(row: Primitive, position: int) -> bool:
    """Whether there is a derivative to compare with; a whole number, such as an order, has none."""
    unit = [place == position for place in range(len(row.partials))]
    return any(derivative(row.name, point, unit) is not None for point in row.at if all(map(math.isfinite, point)))


def mutants() -> Iterator[tuple[Primitive, int, str]]:
    for row in ROWS:
        if row.name in FUNCTIONS:
            for position in range(len(row.partials)):
                for title in SPOILERS if is_judged(row, position) else ():
                    if title == "plus 1e-6" or not is_zero(row, position):
                        yield row, position, title


def survivors(check: Check, chosen: Callable[[int], bool] = lambda count: True) -> tuple[int, list[str]]:
    """How many mutants were tried, and those that `check`, which raises AssertionError, let pass."""
    passed, tried = [], 0
    for count, (row, position, title) in enumerate(mutants()):
        if chosen(count):
            tried += 1
            with spoiled(row, position, SPOILERS[title]):
                try:
                    check(row)
                except AssertionError:
                    continue
            passed.append(f"partial {position} of {row.name} {title}")
    return tried, passed


def sample_points(row: Primitive) -> None:
    """The quick check: the sample points of the row's own, and a few numbers."""
    from test_primitives import failures

    points = [p for p in row.at if all(map(math.isfinite, p))] + [(x,) * len(row.partials) for x in (0.3, -1.7, 2.5)]
    for point in points:
        message = next(failures(row, point), None)
        assert message is None, message


def whole_test(row: Primitive) -> None:
    """The test that pytest runs."""
    from test_primitives import test_value_and_partials_are_within_their_ulps

    test_value_and_partials_are_within_their_ulps(row.name)


if __name__ == "__main__":
    tried, passed = survivors(whole_test)
    print("\n".join([f"{tried} spoiled partials, {len(passed)} unnoticed", *passed]))
    sys.exit(bool(passed))
