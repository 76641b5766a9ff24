"""What a check found: a table of cases, each right or wrong, and what follows from them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from autograd_mini.render._numbers import columns, padded
from autograd_mini.render._words import translated

SHOWN = 24
"""So many cases that are right are printed at most; those that are wrong always are."""


_MARKS = {True: "", False: "<- wrong", None: "<- not judged"}


class Case(NamedTuple):
    """One line of a report: its cells in the order of the columns, and whether it is right; None is undecided."""

    cells: tuple[Any, ...]
    ok: Optional[bool]


class Report:
    """The result of a check. It is true if everything held, and prints as a table.

    >>> report = Report("squares", ("x", "x**2"), [Case((2.0, 4.0), True), Case((3.0, 9.1), False)], ["3 * 3 is 9"])
    >>> print(report)
    squares: 1 of 2 cases is wrong
      x     x**2
      2.0   4.0
      3.0   9.1    <- wrong
    3 * 3 is 9
    >>> report.ok, bool(report), len(report.failures)
    (False, False, 1)
    """

    def __init__(self, title: str, columns: Sequence[str], cases: Sequence[Case], findings: Sequence[str] = ()) -> None:
        self.title, self.columns = title, tuple(columns)
        self.cases, self.findings = list(cases), list(findings)

    @property
    def ok(self) -> bool:
        """Whether every case is right; one that could not be judged is not."""
        return all(case.ok for case in self.cases)

    @property
    def failures(self) -> list[Case]:
        """The cases that are wrong."""
        return [case for case in self.cases if case.ok is False]

    @property
    def undecided(self) -> list[Case]:
        """The cases that nothing could judge: they neither hold nor are wrong."""
        return [case for case in self.cases if case.ok is None]

    def __bool__(self) -> bool:
        return self.ok

    def text(self, language: str = "en") -> str:
        """The report as it prints, its words in "en" or "zh"."""
        wrong, count = len(self.failures), len(self.cases)
        summary = (f"all {count} cases hold" if count != 1 else "the one case holds") if not wrong else \
            f"{wrong} of {count} cases {'is' if wrong == 1 else 'are'} wrong"
        if self.undecided:
            summary = f"{len(self.undecided)} of {count} cases could not be judged" + f", {summary}" * bool(wrong)
        return "\n".join([f"{self.title}: {translated(summary, language)}", *self._table(language),
                          *[translated(finding, language) for finding in self.findings]])

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _table(self, language: str) -> list[str]:
        shown: list[Case] = []
        hidden = 0
        for case in self.cases:
            if case.ok and len(shown) >= SHOWN:
                hidden += 1
            else:
                shown.append(case)
        lines = [[translated(_text(cell), language) for cell in line]
                 for line in (self.columns, *[case.cells for case in shown])]
        widths = [max(map(columns, column)) for column in zip(*lines)]
        marks = ["", *[translated(_MARKS[case.ok], language) for case in shown]]
        table = ["  " + "   ".join([*map(padded, line, widths), mark]).rstrip() for line, mark in zip(lines, marks)]
        return table + ([translated(f"  ... and {hidden} more that hold", language)] if hidden else [])


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:.12g}" if isinstance(cell, float) and repr(cell) != f"{cell:.1f}" else str(cell)
