"""What higher wings of the house lend to `Value`, which may not import them: its text, its picture, its arrays.

A wing registers by assigning: `registry.represent = ...`. Both engines ask here, so both look the same.
"""

from __future__ import annotations

from typing import Any, Callable, Optional


def _plain(node: Any) -> str:
    return f"Value({node.data!r})"


represent: Callable[[Any], str] = _plain
"""node -> its `repr`."""

mimebundle: Optional[Callable[[Any], dict[str, Any]]] = None
"""node -> what a notebook shows for it, by MIME type."""

array_ufunc: Optional[Callable[..., Any]] = None
"""(ufunc, method, inputs, keywords) -> NumPy's operation over Values."""

over_array: Optional[Callable[..., Any]] = None
"""(function of a row, operands) -> the function applied elementwise, where an operand is an array."""
