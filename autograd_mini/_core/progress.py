"""A progress bar on a terminal, for what takes long, where tqdm is installed; else nothing."""

from __future__ import annotations

from typing import Any, Optional


class _Nothing:
    """A bar that does not show."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, count: float = 1) -> None:
        pass

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        pass


def bar(title: str, unit: str, total: Optional[float] = None, delay: float = 2.0, **settings: Any) -> Any:
    """A bar with `update(count)`, to be used in a with statement, `delay` seconds later; `settings` are tqdm's."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Nothing()
    return tqdm(desc=title, unit=unit, total=total, delay=delay, leave=False, disable=None, **settings)
