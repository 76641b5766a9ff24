"""Assertions for test suites: derivatives that are right, and a message to act on where they are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_mini._core.kinds import ByNode, Loss
from autograd_mini.explain._check import DerivationReport, check_derivation
from autograd_mini.explain._gradients import check_gradients
from autograd_mini.explain._report import Report


def assert_gradients(f: Callable[..., Any], *args: Any, **settings: Any) -> Report:
    """Fail unless the derivatives of f hold; arguments are those of `check_gradients`. Returns its report.

    >>> report = assert_gradients(lambda x, y: x * y ** 2, 3.0, 2.0, closed_form=lambda x, y: (y ** 2, 2 * x * y))

    Raises AssertionError whose text is the report: every derivative by every witness, and the odd one out.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    report = check_gradients(f, *args, **settings)
    if not report.ok:
        raise AssertionError(f"\n{report}")
    return report


def assert_derivation(loss: Loss, claims: ByNode[Any], **settings: Any) -> DerivationReport:
    """Fail unless every claimed derivative holds; arguments are those of `check_derivation`. Returns its report.

    >>> report = assert_derivation(lambda x, y: x * y ** 2, {"x": "y**2", "y": "2*x*y"})

    Raises AssertionError whose text is the report: every claim, and the first wrong step with what it should be.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    report = check_derivation(loss, claims, **settings)
    if not report.ok:
        raise AssertionError(f"\n{report}")
    return report
