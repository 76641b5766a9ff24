"""Colours. In SVG the ink is `currentColor`, so a picture is dark on a light page and light on a dark one by itself;
the accents are of middle lightness and read on both. DOT cannot say that and gets one palette for each.
"""

from __future__ import annotations

from typing import NamedTuple

from autograd_mini.render._picture import Box, Edge, Span

FONT = "Helvetica, Arial, 'Liberation Sans', system-ui, sans-serif"
WIDE_FONT = "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
"""For texts with Chinese: a renderer that looks at the first font only, as cairosvg does, finds the signs there."""
SECONDARY = 0.62
"""How strong the ink of the less important texts is."""


class Palette(NamedTuple):
    """The ink, the page below it, and the accents."""

    page: str
    ink: str
    accent: str = "#3b82d6"
    lit: str = "#e0701a"
    bad: str = "#dc3f4d"
    zero: str = "#b9820f"
    fold: str = "#8a6fd1"


INK = Palette("none", "currentColor")
LIGHT = Palette("#ffffff", "#1c2128", accent="#2f74c8", bad="#cf2f3e", zero="#986801")
DARK = Palette("#14181d", "#e8eaed", accent="#6aa9f0", bad="#f2707b", zero="#dca93a")


class Look(NamedTuple):
    """Fill and stroke, each with how strong it is, the weight of the stroke, and whether it is dashed."""

    fill: str
    fill_share: float
    stroke: str
    stroke_share: float
    weight: float = 1.0
    dashed: bool = False


def mix(over: str, under: str, share: float) -> str:
    """One colour over another as `#rrggbb`; a share of 1 hides the lower one."""
    pairs = [(int(over[i:i + 2], 16), int(under[i:i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def box_look(box: Box, palette: Palette) -> Look:
    """What a box looks like: red beats the highlight, the highlight beats its kind."""
    kinds = {"leaf": Look(palette.accent, 0.08, palette.accent, 0.55),
             "fold": Look(palette.fold, 0.12, palette.fold, 0.8),
             "root": Look(palette.ink, 0.09, palette.ink, 0.75, 1.4),
             "constant": Look(palette.ink, 0.0, palette.ink, 0.28)}
    look = kinds.get(box.kind, Look(palette.ink, 0.035, palette.ink, 0.28))
    if box.tint is not None:
        look = look._replace(fill=palette.accent, fill_share=0.05 + 0.33 * box.tint)
    if box.mark == "nan":
        look = Look(palette.bad, 0.12, palette.bad, 1.0, 1.5)
    elif box.lit:
        look = look._replace(stroke=palette.lit, stroke_share=1.0, weight=1.8)
    return look._replace(dashed=box.mark == "zero" and not box.lit)


def edge_look(edge: Edge, palette: Palette) -> Look:
    """What an edge looks like; its fill is that of its label."""
    if edge.lit or edge.mark == "nan":
        color = palette.lit if edge.lit else palette.bad
        return Look(color, 1.0, color, 1.0, 1.9 if edge.lit else 1.1, edge.mark == "zero")
    return Look(palette.ink, SECONDARY, palette.ink, 0.34, 1.1, edge.mark == "zero")


def span_look(span: Span, palette: Palette) -> tuple[str, float]:
    """The colour of a piece of text, and how strong it is."""
    if span.mark:
        return palette.bad if span.mark == "nan" else palette.zero, 1.0
    if span.role == "grad":
        return palette.accent, 1.0
    return palette.ink, SECONDARY if span.role in ("sign", "caption", "constant") else 1.0
