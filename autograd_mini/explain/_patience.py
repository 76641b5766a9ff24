"""How long a call may take: seen as a bar on a terminal, over by itself or at Ctrl-C. What was found then counts."""

from __future__ import annotations

import math
import time
from typing import Any, Optional

from autograd_mini._core import progress


class Patience:
    """Time for the loops of one call. In a with statement, Ctrl-C ends the loop and all that come after it.

    >>> with Patience("searching", "form", seconds=60.0) as patience:
    ...     raise KeyboardInterrupt
    >>> patience.is_over
    True
    """

    def __init__(self, title: str, unit: str, seconds: float, total: Optional[float] = None) -> None:
        self._end = time.monotonic() + seconds
        self._bar, self._depth = progress.bar(title, unit, total), 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._end

    def ends_before(self, moment: float) -> float:
        """The earlier of its end and a moment of `time.monotonic()`."""
        return min(self._end, moment)

    def update(self, count: float = 1) -> None:
        """Move the bar by so many units."""
        self._bar.update(count)

    def __enter__(self) -> Patience:
        if not self._depth:
            self._bar.__enter__()
        self._depth += 1
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        self._depth -= 1
        if not self._depth:
            self._bar.__exit__(kind, error, trace)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._end = -math.inf
            return True
        return False
