"""The picture as a DOT text: for Graphviz to lay out, to make PNG and PDF of, and for people to take away."""

from __future__ import annotations

import html

from autograd_mini.render.formulas import clean
from autograd_mini.render.picture import BOLD, SIZES, Box, Edge, Picture, Span
from autograd_mini.render.theme import DARK, LIGHT, Palette, box_style, edge_style, span_color

_MANY = 60


def dot_source(picture: Picture, sized: bool = False, dark: bool = False) -> str:
    """DOT of a picture; `sized` gives empty boxes of the size that our own text needs, for the layout alone."""
    import graphviz

    palette = DARK if dark else LIGHT
    graph = graphviz.Digraph(
        "graph", graph_attr={"rankdir": picture.rankdir, "nodesep": "0.22", "ranksep": "0.3", "pad": "0.2",
                             "bgcolor": palette.page, "tooltip": clean(picture.title)},
        node_attr={"shape": "box", "style": "rounded,filled", "fontname": "Helvetica", "margin": "0.12,0.06",
                   "penwidth": "1"},
        edge_attr={"fontname": "Helvetica", "arrowsize": "0.55", "penwidth": "1.1"})
    if len(picture.edges) > _MANY:
        graph.graph_attr.update(nslimit="2", nslimit1="2")  # else dot may take seconds to save the last few points
    for place, box in enumerate(picture.boxes):
        if sized:
            width, height = box.size
            graph.node(f"n{place}", "", width=f"{width / 72:.4f}", height=f"{height / 72:.4f}", fixedsize="true")
            continue
        fill, stroke, weight, dashed = box_style(box, palette)
        shape = {"margin": "0.07,0.03"} if box.kind == "constant" else {}
        style = "rounded,filled,dashed" if dashed else "rounded,filled"
        graph.node(f"n{place}", _table(box, palette), fillcolor=fill, color=stroke, penwidth=f"{weight:g}", style=style,
                   tooltip=_quoted(box.hover), **({"height": "0.2", "width": "0.2"} | shape))
    for place, edge in enumerate(picture.edges):
        ends = f"n{edge.tail}", f"n{edge.head}"
        if sized:
            width, height = edge.label_size
            room = f'BORDER="0" FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"'
            graph.edge(*ends, f"<<TABLE {room}><TR><TD></TD></TR></TABLE>>" if edge.label else "", id=f"e{place}")
            continue
        graph.edge(*ends, _label(edge, palette), id=f"e{place}", tooltip=_quoted(edge.hover), **_line(edge, palette))
    return graph.source


def _quoted(text: str) -> str:
    return clean(text.replace("\n", "; ")).replace("\\", "\\\\")


def _line(edge: Edge, palette: Palette) -> dict[str, str]:
    stroke, weight, dashed = edge_style(edge, palette)
    return {"color": stroke, "penwidth": f"{weight:g}", "style": "dashed" if dashed else "solid"}


def _label(edge: Edge, palette: Palette) -> str:
    if not edge.label:
        return ""
    color = palette.bad if edge.mark == "nan" else palette.lit if edge.lit else palette.muted
    return f'<<FONT POINT-SIZE="{SIZES["label"]:g}" COLOR="{color}">{html.escape(clean(edge.label))}</FONT>>'


def _table(box: Box, palette: Palette) -> str:
    lines = [" ".join(_font(span, palette) for span in row) for row in box.rows]
    rows = "".join(f'<TR><TD ALIGN="LEFT">{line}</TD></TR>' for line in lines)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def _font(span: Span, palette: Palette) -> str:
    text = html.escape(clean(span.text)) or " "
    if span.role in BOLD:
        text = f"<B>{text}</B>"
    return f'<FONT POINT-SIZE="{SIZES[span.role]:g}" COLOR="{span_color(span, palette)}">{text}</FONT>'


