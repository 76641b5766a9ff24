"""The picture as a DOT text: for Graphviz to lay out, to make PNG and PDF of, and for people to take away."""

from __future__ import annotations

import html

from autograd_mini.render._formulas import clean
from autograd_mini.render._picture import BOLD, SIZES, Box, Picture, Span
from autograd_mini.render._theme import DARK, LIGHT, Look, Palette, box_look, edge_look, mix, span_look

_MANY = 60


def dot_source(picture: Picture, sized: bool = False, dark: bool = False) -> str:
    """DOT of a picture; `sized` gives empty boxes of the size that our own text needs, for the layout alone."""
    import graphviz

    palette = DARK if dark else LIGHT
    graph = graphviz.Digraph(
        "graph", graph_attr={"rankdir": picture.rankdir, "nodesep": "0.22", "ranksep": "0.3", "pad": "0.2",
                             "bgcolor": palette.page, "tooltip": _quoted(picture.title)},
        node_attr={"shape": "box", "fontname": "Helvetica", "margin": "0.12,0.06",
                   "width": "0.2", "height": "0.2"},
        edge_attr={"fontname": "Helvetica", "arrowsize": "0.55"})
    if len(picture.edges) > _MANY:
        graph.graph_attr.update(nslimit="2", nslimit1="2")  # else dot may take seconds to save the last few points
    if picture.scale and not sized:
        legend = _font("{}: {} to {}".format(*picture.scale), SIZES["label"], palette.ink)
        graph.attr(label=f"<{legend}>", labeljust="l", fontname="Helvetica")
    for place, box in enumerate(picture.boxes):
        if sized:
            width, height = box.size
            graph.node(f"n{place}", "", width=f"{width / 72:.4f}", height=f"{height / 72:.4f}", fixedsize="true")
            continue
        look = box_look(box, palette)
        shape = {"margin": "0.07,0.03"} if box.kind == "constant" else {}
        graph.node(f"n{place}", _table(box, palette), fillcolor=mix(look.fill, palette.page, look.fill_share),
                   tooltip=_quoted(box.hover), **_stroke(look, palette, "rounded,filled"), **shape)
    for place, edge in enumerate(picture.edges):
        ends = f"n{edge.tail}", f"n{edge.head}"
        if sized:
            width, height = edge.label_size
            room = f'BORDER="0" FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"'
            graph.edge(*ends, f"<<TABLE {room}><TR><TD></TD></TR></TABLE>>" if edge.label else "", id=f"e{place}")
            continue
        look = edge_look(edge, palette)
        label = f"<{_font(edge.label, SIZES['label'], mix(look.fill, palette.page, look.fill_share))}>"
        graph.edge(*ends, label if edge.label else "", id=f"e{place}", tooltip=_quoted(edge.hover),
                   **_stroke(look, palette, "solid"))
    return graph.source


def _quoted(text: str) -> str:
    """A text that is no markup, whatever it begins and ends with."""
    import graphviz

    return graphviz.nohtml(clean(text.replace("\n", "; ")).replace("\\", "\\\\"))


def _stroke(look: Look, palette: Palette, style: str) -> dict[str, str]:
    return {"color": mix(look.stroke, palette.page, look.stroke_share), "penwidth": f"{look.weight:g}",
            "style": style + ",dashed" * look.dashed}


def _table(box: Box, palette: Palette) -> str:
    rows = "".join(f'<TR><TD ALIGN="LEFT">{" ".join(_piece(span, palette) for span in row)}</TD></TR>'
                   for row in box.rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def _piece(span: Span, palette: Palette) -> str:
    color, share = span_look(span, palette)
    text = _font(span.text or " ", SIZES[span.role], mix(color, palette.page, share))
    return f"<B>{text}</B>" if span.role in BOLD else text


def _font(text: str, size: float, color: str) -> str:
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{color}">{html.escape(clean(text))}</FONT>'
