"""Colours. In SVG the ink is `currentColor`, so a picture is dark on a light page and light on a dark one by itself;
the accents are of middle lightness and read on both. DOT cannot say that and gets one palette for each.
"""

from __future__ import annotations

from typing import NamedTuple

from autograd_mini.render.picture import Box, Edge, Span

ACCENT, LIT, BAD, ZERO, FOLD = "#3b82d6", "#e0701a", "#dc3f4d", "#b9820f", "#8a6fd1"
FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', system-ui, sans-serif"


class Palette(NamedTuple):
    """The colours of a page that cannot follow its reader's theme."""

    page: str
    ink: str
    muted: str
    line: str
    card: str
    accent: str = ACCENT
    lit: str = LIT
    bad: str = BAD
    zero: str = ZERO
    fold: str = FOLD


LIGHT = Palette("#ffffff", "#1c2128", "#6a737d", "#a6adb5", "#f7f8f9", accent="#2f74c8", bad="#cf2f3e", zero="#986801")
DARK = Palette("#14181d", "#e8eaed", "#9aa3ad", "#59626c", "#20252b", accent="#6aa9f0", bad="#f2707b", zero="#dca93a")


def mix(over: str, under: str, share: float) -> str:
    """One colour over another as `#rrggbb`; a share of 1 hides the lower one."""
    pairs = [(int(over[i:i + 2], 16), int(under[i:i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def accent(box: Box, palette: Palette) -> tuple[str, float]:
    """The colour that a box is tinted with, and how strongly."""
    if box.mark == "nan":
        return palette.bad, 0.12
    if box.tint is not None:
        return palette.accent, 0.05 + 0.33 * box.tint
    if box.kind == "fold":
        return palette.fold, 0.12
    if box.kind == "leaf":
        return palette.accent, 0.08
    return palette.ink, {"root": 0.09, "constant": 0.0}.get(box.kind, 0.035)


def box_style(box: Box, palette: Palette) -> tuple[str, str, float, bool]:
    """Fill, outline, its weight and whether it is dashed."""
    color, share = accent(box, palette)
    fill = mix(color, palette.page, share)
    if box.mark == "nan":
        return fill, palette.bad, 1.5, False
    if box.lit:
        return fill, palette.lit, 1.8, False
    outline = {"root": palette.ink, "fold": palette.fold, "leaf": mix(palette.accent, palette.page, 0.6)}
    return fill, outline.get(box.kind, palette.line), 1.4 if box.kind == "root" else 1.0, box.mark == "zero"


def edge_style(edge: Edge, palette: Palette) -> tuple[str, float, bool]:
    """Colour, weight and whether it is dashed."""
    color = palette.lit if edge.lit else palette.bad if edge.mark == "nan" else palette.line
    return color, 1.9 if edge.lit else 1.1, edge.mark == "zero"


def span_color(span: Span, palette: Palette) -> str:
    """The colour of a piece of text."""
    if span.mark:
        return palette.bad if span.mark == "nan" else palette.zero
    return {"sign": palette.muted, "caption": palette.muted, "constant": palette.muted,
            "grad": palette.accent}.get(span.role, palette.ink)
