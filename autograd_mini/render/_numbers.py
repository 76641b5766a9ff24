"""Numbers as people read them: four digits for looking at, all digits for reading back."""

from __future__ import annotations

import math
import unicodedata
from typing import Optional

UNKNOWN = "–"
"""What stands for a gradient that no backward pass has computed."""


def short(number: float) -> str:
    """About four significant digits, whole numbers as they are.

    >>> [short(x) for x in (2.0, 0.71094950, -1234.5678, 6.02e23, 1e-9)]
    ['2', '0.7109', '-1235', '6.02e23', '1e-9']
    """
    if not math.isfinite(number):
        return str(number)
    if number == 0 or (number == math.floor(number) and abs(number) < 1e6):
        return f"{number:.0f}"
    if 1e-4 <= abs(number) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(number))))
        plain = f"{number:.{digits}f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, exponent = f"{number:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def pretty(number: Optional[float]) -> str:
    """`short` with a real minus sign and an infinity sign, for pictures; an en dash for None."""
    return UNKNOWN if number is None else short(number).replace("-", "−").replace("inf", "∞")


def exact(number: float) -> str:
    """Digits that read back as the same float; whole numbers without a point."""
    return str(int(number)) if 0 < abs(number) < 1e15 and number == math.floor(number) else \
        "0" if number == 0 and math.copysign(1, number) > 0 else repr(number)


def bracketed(number: float) -> str:
    """`pretty`, with brackets around a negative number, as a factor or a summand."""
    return f"({pretty(number)})" if number < 0 else pretty(number)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese, Japanese and Korean characters take two, accents none.

    >>> columns("w1"), columns("权重")
    (2, 4)
    """
    return sum(0 if unicodedata.combining(char) else 1 + is_wide(char) for char in text)


def is_wide(char: str) -> bool:
    """Whether a character is as wide as Chinese ones are."""
    return unicodedata.east_asian_width(char) in "WF"


def padded(text: str, width: int, right: bool = False) -> str:
    """A text with spaces up to a number of columns, behind it or, for `right`, before it."""
    spaces = " " * (width - columns(text))
    return spaces + text if right else text + spaces
