"""A placed picture as SVG that stands alone, in a file or in the middle of a page, light or dark."""

from __future__ import annotations

import html
import math

from autograd_mini.render._formulas import clean
from autograd_mini.render._numbers import is_wide
from autograd_mini.render._picture import BOLD, SIZES, Box, Edge, Picture, Span, row_height
from autograd_mini.render._placing import Placement, Point
from autograd_mini.render._theme import FONT, INK, LIGHT, SECONDARY, WIDE_FONT, Look, box_look, edge_look, span_look

STANDALONE = ("<style>svg{color:#1c2128;color-scheme:light dark}"
              "@media(prefers-color-scheme:dark){svg{color:#e8eaed}}</style>")


def svg_source(picture: Picture, placed: Placement, style: str = "") -> str:
    """SVG of a picture; the ids inside begin with a digest of the content, so that several share a page."""
    import hashlib

    body = [_edge(i, edge, placed) for i, edge in enumerate(picture.edges)]
    body += [_box(i, box, placed.centers[i]) for i, box in enumerate(picture.boxes)]
    width, height = placed.width, placed.height
    if picture.scale:
        body.append(_legend(picture.scale, height))
        width, height = max(width, 330.0), height + 26
    inner = "\n".join(body)
    digest = "g" + hashlib.sha256(f"{picture.title}{inner}".encode()).hexdigest()[:10]
    title = html.escape(picture.title)
    place = f'color="{LIGHT.ink}"' if style else 'style="max-width:100%;height:auto"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" id="{digest}" class="autograd-mini" role="img" '
            f'aria-label="{title}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
            f'{place} font-family="{FONT}" fill="currentColor">{style}'
            f"<title>{title}</title>\n{inner.replace('@@', digest)}\n</svg>\n")


def _box(place: int, box: Box, center: Point) -> str:
    width, height = box.size
    left, top = center[0] - width / 2, center[1] - height / 2
    look = box_look(box, INK)
    shapes = (f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:g}" height="{height:g}" '
              f'rx="{11 if box.kind == "constant" else 8}" fill="{look.fill}" fill-opacity="{look.fill_share:.3g}" '
              f'{_stroke(look, "4 3")}/>')
    if box.kind == "fold":  # the edge of another card behind
        shapes = (f'<path d="M{left + 9:.2f} {top - 3.5:.2f}H{left + width - 9:.2f}" stroke="{look.stroke}" '
                  f'stroke-opacity=".55" fill="none"/>{shapes}')
    texts = []
    if box.kind == "constant":
        texts.append(_text(center[0], center[1] + 4, box.rows[0], ' text-anchor="middle"'))
    else:
        y = top + 6.5
        for row in box.rows:
            y += row_height(row)
            texts.append(_text(left + 11, y - 0.3 * max(SIZES[span.role] for span in row), row))
    return (f'<g id="@@-n{place}" class="box {box.kind}"><title>{html.escape(box.hover)}</title>{shapes}'
            f'{"".join(texts)}</g>')


def _stroke(look: Look, dashes: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if look.dashed else ""
    return f'stroke="{look.stroke}" stroke-opacity="{look.stroke_share:g}" stroke-width="{look.weight:g}"{dashed}'


def _text(x: float, y: float, row: list[Span], align: str = "") -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}"{align}>{"".join(_span(span, i) for i, span in enumerate(row))}</text>'


def _span(span: Span, position: int) -> str:
    color, share = span_look(span, INK)
    look = "" if color == INK.ink else f' fill="{color}"'
    look += "" if share == 1 else f' fill-opacity="{share}"'
    look += f' font-family="{WIDE_FONT}"' if any(map(is_wide, span.text)) else ""
    look += ' font-weight="bold"' if span.role in BOLD or span.mark == "nan" else ""
    look += ' dx="7"' if position else ""
    return f'<tspan class="{span.role}" font-size="{SIZES[span.role]:g}"{look}>{html.escape(clean(span.text))}</tspan>'


def _edge(place: int, edge: Edge, placed: Placement) -> str:
    path, (x, y) = placed.paths[place], placed.labels[place]
    look = edge_look(edge, INK)
    steps = f"M{path[0][0]:g} {path[0][1]:g}C" + " ".join(f"{px:g} {py:g}" for px, py in _shortened(path)[1:])
    label = ""
    if edge.label:
        label = (f'<text x="{x:g}" y="{y + 3.4:.2f}" text-anchor="middle" font-size="{SIZES["label"]:g}" '
                 f'fill="{look.fill}" fill-opacity="{look.fill_share:g}">{html.escape(clean(edge.label))}</text>')
    if edge.mark_slot:
        (x, y), (dx, dy) = _direction(path)
        label += (f'<text x="{x - 10 * dx + 4 * dy:.2f}" y="{y - 10 * dy - 4 * abs(dx):.2f}" text-anchor="middle" '
                  f'class="slot" font-size="7.5" fill-opacity="{SECONDARY}">{edge.slot + 1}</text>')
    return (f'<g id="@@-e{place}" class="edge"><title>{html.escape(edge.hover)}</title><path d="{steps}" fill="none" '
            f'{_stroke(look, "3 3")}/><path d="{_arrow(path)}" fill="{look.stroke}" '
            f'fill-opacity="{max(look.stroke_share, 0.5):g}"/>{label}</g>')


def _direction(path: list[Point]) -> tuple[Point, Point]:
    """The end of a path and the unit vector that it arrives with."""
    end = path[-1]
    start = next((p for p in reversed(path) if math.dist(p, end) > 0.01), (end[0] - 1, end[1]))
    length = math.dist(start, end)
    return end, ((end[0] - start[0]) / length, (end[1] - start[1]) / length)


def _shortened(path: list[Point]) -> list[Point]:
    """The path of a line, as far as the foot of the arrow; Graphviz gives the arrow's tip as a point of its own."""
    if len(path) % 3 == 2:
        return path[:-1]
    (x, y), (dx, dy) = _direction(path)
    return [*path[:-1], (round(x - 5 * dx, 2), round(y - 5 * dy, 2))]


def _arrow(path: list[Point]) -> str:
    (x, y), (dx, dy) = _direction(path)
    back = (x - 6.5 * dx, y - 6.5 * dy)
    sides = [(back[0] - 2.7 * dy, back[1] + 2.7 * dx), (back[0] + 2.7 * dy, back[1] - 2.7 * dx)]
    return f"M{x:g} {y:g}" + "".join(f"L{px:.2f} {py:.2f}" for px, py in sides) + "Z"


def _legend(scale: tuple[str, str, str], top: float) -> str:
    title, low, high = (html.escape(text) for text in scale)
    swatches = "".join(f'<rect x="{10 + 14 * i}" y="{top + 4:g}" width="14" height="10" fill="{INK.accent}" '
                       f'fill-opacity="{0.05 + 0.0825 * i:.3g}"/>' for i in range(5))
    return (f'<g class="legend" font-size="10">{swatches}<text x="88" y="{top + 12.5:g}" fill-opacity="{SECONDARY}">'
            f"{title}: {low} to {high}</text></g>")
