"""`draw`: a graph as a picture that can be looked at, saved, and moved by its numbers."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Optional, Union

from autograd_mini._core import trees
from autograd_mini._core.errors import StaleGraphError
from autograd_mini._core.extras import library
from autograd_mini._core.graph import roots, topological_order
from autograd_mini._core.kinds import Graph, Nested
from autograd_mini._core.registry import is_value
from autograd_mini._core.value import Value
from autograd_mini.render._dot import dot_source
from autograd_mini.render._folding import Fold
from autograd_mini.render._formulas import latex
from autograd_mini.render._picture import Color, Picture, build
from autograd_mini.render._placing import NoLayoutError, Placement, by_graphviz, by_ourselves, run_dot
from autograd_mini.render._saving import whole_file
from autograd_mini.render._svg import STANDALONE, svg_source

if TYPE_CHECKING:
    import pathlib

OWN_LIMIT, _SMALL, _LIVE, _READABLE = 80, 40, 300, 400


class Drawing:
    """A drawn graph: shown by Jupyter as it is, saved by `save`, as text by `dot`, `svg()` and `html()`."""

    def __init__(self, values: list[Any], picture: Picture, placed: Placement, dark: bool, language: str) -> None:
        self.values, self.picture, self.language = values, picture, language
        self._placed, self._dark = placed, dark

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz' language, with HTML-like labels."""
        return dot_source(self.picture, dark=self._dark)

    def svg(self) -> str:
        """SVG for a page: its ink is `currentColor`, so it follows the page from light to dark."""
        return svg_source(self.picture, self._placed)

    def html(self) -> str:
        """One self-contained page: move a number, and forward pass, backward pass and derivation follow."""
        from autograd_mini.render._page import page

        return page(self.values, self.picture.title, self.language)

    def save(self, path: Union[str, os.PathLike[str]]) -> Drawing:
        """Write .svg, .png, .pdf, .html or .gv, as the path's ending says, and return the drawing.

        Raises ValueError for another ending; NoLayoutError for .png and .pdf where there is no Graphviz.
        """
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending == ".svg":
            content = svg_source(self.picture, self._placed, STANDALONE).encode()
        elif ending == ".html":
            content = self.html().encode()
        elif ending in (".gv", ".dot"):
            content = self.dot.encode()
        elif ending in (".png", ".pdf"):
            content = self._painted(ending[1:])
        else:
            raise ValueError(f"a drawing is saved as .svg, .png, .pdf, .html or .gv, not {ending or 'without ending'}: "
                             f"{os.fspath(path)!r}")
        with whole_file(path) as whole:
            whole.write_bytes(content)
        return self

    def frames(self, folder: Union[str, os.PathLike[str]], kind: str = "svg") -> list[pathlib.Path]:
        """Both passes, a picture for each step, for slides: "svg", "png" (needs Graphviz) or one "gif" (Pillow too).

        Returns the files, `frame_000.svg` and so on, in the folder, which is made. Raises ValueError for another kind.
        """
        import pathlib

        from autograd_mini.render._frames import frames

        if kind not in ("svg", "png", "gif"):
            raise ValueError(f"frames are svg, png or gif, not {kind!r}")
        os.makedirs(folder, exist_ok=True)
        pictures = frames(self.values[-1], self.picture)
        files = [pathlib.Path(folder, f"frame_{i:03}.{kind}") for i in range(len(pictures))]
        if kind == "gif":
            return [_film([run_dot(dot_source(picture, dark=self._dark), "png") for picture in pictures], files[0])]
        for picture, file in zip(pictures, files):
            with whole_file(file) as whole:
                whole.write_bytes(svg_source(picture, self._placed, STANDALONE).encode() if kind == "svg" else
                                  run_dot(dot_source(picture, dark=self._dark), "png"))
        return files

    def show(self) -> Drawing:
        """Open the live page in the browser, from a file in the folder for temporary ones."""
        import tempfile
        import webbrowser

        with tempfile.NamedTemporaryFile("w", suffix=".html", delete=False, encoding="utf-8") as file:
            file.write(self.html())
        webbrowser.open("file://" + file.name)
        return self

    def png(self, dpi: int = 144) -> bytes:
        """The picture as PNG. Raises NoLayoutError where there is no Graphviz."""
        return self._painted("png", dpi)

    def _painted(self, output: str, dpi: int = 144) -> bytes:
        source = self.dot
        if output == "png":
            source = source.replace("graph [", f"graph [dpi={dpi} ", 1)
        return run_dot(source, output)

    def __repr__(self) -> str:
        return f"<Drawing: {self.picture.title}>"

    def _repr_html_(self) -> str:
        from autograd_mini.render._page import frame

        still = svg_source(self.picture, self._placed, STANDALONE)
        return frame(self.html(), still) if self.picture.nodes <= _LIVE else self.svg()


def _film(images: list[bytes], path: pathlib.Path) -> pathlib.Path:
    """PNG images as one GIF, a second for each."""
    import io

    Image = library("PIL.Image", "a film")
    frames = [Image.open(io.BytesIO(image)).convert("P") for image in images]
    with whole_file(path) as whole:
        frames[0].save(whole, "GIF", save_all=True, append_images=frames[1:], duration=1000, loop=0)
    return path


def draw(value: Union[Graph, Nested], *, fold: Fold = True, limit: int = 300, labels: str = "number",
         color: Color = None, highlight: Union[Value, Iterable[Value], None] = None, rankdir: str = "LR",
         layout: Optional[str] = None, dark: bool = False, language: str = "en") -> Drawing:
    """The computation graph of a Value, or of several in a list, as a picture; the last one is differentiated.

    A Program is drawn at the numbers that it was traced with.

    fold       scopes as single boxes: True for the outermost ones, False for none, or the names of those to fold
    limit      how many boxes there may be; beyond, only those nearest to the root are drawn and the rest is counted
    labels     the local derivative on each edge: "number", "formula" or "none"
    color      None, "grad" for the size of the gradient, or a number for each node: a dict or a function
    highlight  a Value, or several: the paths from there to the root
    rankdir    "LR", "RL", "TB" or "BT"
    layout     "dot" for Graphviz, "own" for our own; None takes Graphviz where there is one
    dark       for .png and .pdf, which cannot follow the page as SVG does
    language   the words of the page saved as .html: "en" or "zh"

    >>> from autograd_mini import Value
    >>> x = Value(3.0, "x")
    >>> draw(x * x + 1)
    <Drawing: Computation graph of 10: 3 nodes>

    Raises StaleGraphError where a leaf was assigned after the graph was built, TypeError for what is not a Value.
    """
    values = list(value) if isinstance(value, (list, tuple)) else trees.flatten(roots(value))[0]
    for one in values:
        if not is_value(one):
            raise TypeError(f"only a Value can be drawn, not {type(one).__name__}")
    if not values:
        raise ValueError("there is nothing to draw: give a Value, or several in a list")
    for option, given, known in (("labels", labels, ("number", "formula", "none")),
                                 ("rankdir", rankdir, ("LR", "RL", "TB", "BT")),
                                 ("layout", layout, (None, "dot", "own")), ("language", language, ("en", "zh"))):
        if given not in known:
            raise ValueError(f"{option} is {given!r}: it can be {', '.join(map(repr, known))}")
    if limit < 1:
        raise ValueError(f"limit is {limit!r}: a picture has at least one box")
    nodes: Any = highlight
    highlighted = [] if nodes is None else [nodes] if is_value(nodes) else list(nodes)
    for node in highlighted:
        if not is_value(node):
            raise TypeError(f"highlight takes Values, not {type(node).__name__}")

    def picture(boxes: int) -> Picture:
        return build(values, fold, boxes, labels, color, highlighted, rankdir)

    if layout != "own":
        whole = picture(limit)
        try:
            return Drawing(values, whole, by_graphviz(whole), dark, language)
        except NoLayoutError:
            if layout == "dot":
                raise
    small = picture(min(limit, OWN_LIMIT))
    return Drawing(values, small, by_ourselves(small), dark, language)


def mimebundle(value: Value) -> dict[str, Any]:
    """What a notebook shows for a Value: the live page of a small graph, the formula of a larger one, always its repr.

    A stale graph shows its picture greyed, with the reason.
    """
    bundle: dict[str, Any] = {"text/plain": repr(value)}
    try:
        nodes = len(topological_order(value))
        if 1 < nodes <= _SMALL:
            drawing = draw(value)
            bundle["text/html"] = drawing._repr_html_()
            bundle["image/svg+xml"] = svg_source(drawing.picture, drawing._placed, STANDALONE)
        elif 1 < nodes <= _READABLE:
            bundle["text/latex"] = f"$$ {latex(value)} $$"
    except StaleGraphError as reason:
        picture = build([value], True, OWN_LIMIT, "number", None, [], "LR", fresh=False)
        grey = svg_source(picture, by_ourselves(picture))
        bundle["text/html"] = f'<p>{html.escape(str(reason))}</p><div style="opacity:.45">{grey}</div>'
    except Exception:  # looking at a cell's last line must never end in a traceback
        bundle = {"text/plain": repr(value)}
    return {kind: content for kind, content in bundle.items() if content is not None}
