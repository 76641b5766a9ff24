"""What is noted while a graph is built: strictness, named scopes, and the line of code a node came from.

The settings are context variables, so each thread and each asyncio task has its own. Engines call `observe` for a
new node only while some `with` block is open anywhere: `watchers` are told how many there are.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from contextvars import ContextVar
from typing import Any, Callable, Iterator, NamedTuple, Optional, Sequence

from autograd_mini._core.errors import NonFiniteError
from autograd_mini._core.rows import Primitive


class Note(NamedTuple):
    """What a node remembers of where it was built."""

    scope: tuple[str, ...] = ()
    source: Optional[tuple[str, int]] = None

    @property
    def place(self) -> Optional[str]:
        """The line of code in words, without the folders, which differ from machine to machine."""
        if self.source is None:
            return None
        file, line = self.source
        return f"line {line} of {'a notebook cell' if 'ipykernel' in file else os.path.basename(file)}"


class _Settings(NamedTuple):
    strict: bool = False
    source: bool = False
    note: Note = Note()


_NOTHING = _Settings()
_settings: ContextVar[_Settings] = ContextVar("autograd_mini_recording", default=_NOTHING)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
open_blocks = 0
watchers: list[Callable[[int], None]] = []


@contextlib.contextmanager
def _set(**changes: Any) -> Iterator[None]:
    global open_blocks
    token = _settings.set(_settings.get()._replace(**changes))
    open_blocks += 1
    for watch in watchers:
        watch(open_blocks)
    try:
        yield
    finally:
        open_blocks -= 1
        for watch in watchers:
            watch(open_blocks)
        _settings.reset(token)  # last: it raises ValueError where a block is closed in another thread or task


def strict() -> contextlib.AbstractContextManager[None]:
    """Inside `with strict():`, the first nan or infinity made from finite operands raises NonFiniteError."""
    return _set(strict=True)


def scope(name: str) -> contextlib.AbstractContextManager[None]:
    """Nodes built inside `with scope("layer1"):` belong together; drawings fold them into one box. Scopes nest."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"a scope needs a name, a text that is not empty, not {name!r}")
    return _set(note=Note((*_settings.get().note.scope, name)))


def record_source() -> contextlib.AbstractContextManager[None]:
    """Nodes built inside `with record_source():` remember the file and line of the code that built them.

    It costs a few hundred nanoseconds a node while the block is open, nothing outside.
    """
    return _set(source=True)


def observe(primitive: Primitive, operands: Sequence[Any], result: float) -> Optional[Note]:
    """What the new node should remember; raises NonFiniteError where `strict()` asks for it."""
    settings = _settings.get()
    if settings.strict and not math.isfinite(result):
        numbers = [operand if type(operand) is float else operand.data for operand in operands]
        if all(map(math.isfinite, numbers)):
            shown = ", ".join(f"{operand.name} = {number!r}" if getattr(operand, "name", None) else repr(number)
                              for operand, number in zip(operands, numbers))
            raise NonFiniteError(f"{primitive.name}({shown}) is {result!r}")
    if settings.source:
        return Note(settings.note.scope, _caller())
    return settings.note if settings.note.scope else None


_differentiating: ContextVar[bool] = ContextVar("autograd_mini_differentiating", default=False)


@contextlib.contextmanager
def differentiating() -> Iterator[None]:
    """Inside, a function runs that is being differentiated or traced: copies keep their gradient."""
    token = _differentiating.set(True)
    try:
        yield
    finally:
        _differentiating.reset(token)


def is_differentiating() -> bool:
    """Whether a function that is being differentiated or traced runs in this thread or task."""
    return _differentiating.get()


def _caller() -> Optional[tuple[str, int]]:
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
