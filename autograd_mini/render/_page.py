"""The live page: the flat list of operations, a JavaScript function for every row, and the lines of the derivation.

Python sends no frames. The browser computes values, local derivatives and gradients itself, whenever a number moves;
so the page carries what a graph is made of, and the rooms of web/ in one file that asks the network for nothing.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
import zlib
from collections import deque
from typing import Any, Optional, Sequence

from autograd_mini._core import registry
from autograd_mini._core.errors import MissingColumnError
from autograd_mini._core.expression import ALIASES
from autograd_mini._core.graph import is_node, topological_order
from autograd_mini._core.rows import Primitive
from autograd_mini.primitives import BUILT_IN, FIRST_PAGE
from autograd_mini.render import _javascript
from autograd_mini.render._derivatives import derivative_of
from autograd_mini.render._folding import grouped, sums
from autograd_mini.render._formulas import Formulas, Written, clean, order_matters, symbol, text
from autograd_mini.render._words import stored, translated, words

ROOMS = ("elements", "functions", "rows", "engine", "formulas", "groups", "view", "layout", "picture", "camera",
         "steps", "panels", "derivation", "exercises", "controls")
_DERIVED, _NAMED, _WIDEST, _OUTPUTS = 120, 16, 40, 4
"""Up to how many nodes, names, operations between names, and outputs a page brings derivations: algebra takes long."""
_MOST, _FOLDED, _KEPT = 1000, 50_000, 300
"""How many nodes a page takes; how many where folding leaves few boxes; and to how many nodes a graph of more is
cut: what those are computed from stands as numbers, which can be moved."""
_SPARE = re.compile(r"""("(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)| ?(=>|[!=]==|&&|\|\||[=,;:?(){}<>\[\]]) ?""")
_UNPACK = ("<script>new Response(new Blob([Uint8Array.from(atob('{}'),c=>c.charCodeAt(0))]).stream()"
           ".pipeThrough(new DecompressionStream('deflate'))).text()"
           ".then(page=>{{document.open();document.write(page);document.close()}})</script>")
LABEL = re.compile(r"(y|t|label|target)\d*", re.IGNORECASE)


def page(values: Sequence[Any], title: str, language: str = "en",
         exercises: Optional[Sequence[tuple[Any, Any]]] = None) -> str:
    """One self-contained HTML page for the graph of some Values; the last one is differentiated.

    `exercises` are pairs of nodes, the derivative of one by the other to be asked for: the page opens with them.
    """
    whole = topological_order(*values)
    order = _nearest(whole, values)
    expression = clean_lines(text(values[-1])) if len(order) <= _DERIVED else ""
    place = {id(node): i for i, node in enumerate(order)}
    rows = _rows(sorted({node.operation for node in order if node.operands}, key=str))
    scopes: dict[tuple[str, ...], int] = {}
    derivations = [_lines(value, place) if len(values) <= _OUTPUTS else [] for value in values]
    data = {"nodes": [_node(node, place, rows, scopes) for node in order],
            "scopes": [list(map(clean, scope)) for scope in scopes], "roots": [place[id(value)] for value in values],
            "repeats": _repeats(order, place), "derivations": derivations, "language": language, "aliases": ALIASES,
            "cut": [len(whole), len(order)] if len(order) < len(whole) else None, "expression": expression}
    if exercises is not None:
        data["exercises"] = [[place[id(of)], place[id(by)]] for of, by in exercises]
    plain = f"<p>{html.escape(title)}</p><pre>{html.escape(expression)}</pre>"
    return assemble("live", title, language, data, plain, {"rows": _table(rows)}, ROOMS)


def assemble(name: str, title: str, language: str, data: Any, plain: str, made: dict[str, str],
             rooms: Sequence[str]) -> str:
    """A page of web/NAME.html and its style with the scripts of some rooms; `made` are rooms written just now."""
    body = stored(f"web/{name}.html")
    script = "\n".join(made[room] if room in made else _short(stored(f"web/{room}.js")) for room in rooms)
    said = {key: pair for key, pair in words().items() if f'"{key}"' in script + body}
    told = clean(json.dumps({**data, "words": said}, separators=(",", ":"), ensure_ascii=False, allow_nan=False))
    parts = {"title": html.escape(title), "language": "zh-Hans" if language == "zh" else "en", "plain": plain,
             "style": stored("web/page.css") + stored(f"web/{name}.css"), "body": body,
             "data": told.replace("<", "\\u003c"), "script": script}
    head, *rest = stored("web/page.html").split("{{")
    return head + "".join(parts[key] + after for key, after in (part.split("}}", 1) for part in rest))


def _short(script: str) -> str:
    """A script without comments and most spaces, a third of its size; texts in quotes stay as they are."""
    lines = (line.strip() for line in script.splitlines())
    code = "\n".join(line.partition("  // ")[0] for line in lines if line and not line.startswith("//"))
    return _SPARE.sub(lambda found: found[1] or found[2], code)


def frame(content: str, svg: str) -> str:
    """A page for a notebook in a frame of its own, and beside it a picture that survives where frames are taken out.

    The page is packed, which takes half the place in the notebook's file, and is unpacked by the browser.
    """
    packed, picture = (base64.b64encode(part).decode() for part in (zlib.compress(content.encode()), svg.encode()))
    still = f'<details><summary>SVG</summary><img src="data:image/svg+xml;base64,{picture}"></details>' if svg else ""
    return (f'<iframe srcdoc="{_UNPACK.format(packed)}" style="width:100%;height:560px;border:0;border-radius:10px">'
            f"</iframe>{still}")


def clean_lines(text: str) -> str:
    """A text of several lines without what XML cannot hold."""
    return "\n".join(map(clean, text.splitlines()))


# What a graph is made of ----------------------------------------------------------------------------------------------


def jsonable(number: float) -> Any:
    """A number for JSON, which has neither nan nor the infinities; the page reads the texts."""
    return number if math.isfinite(number) and (number or math.copysign(1, number) > 0) else repr(number)


def _nearest(order: list[Any], values: Sequence[Any]) -> list[Any]:
    """The nodes of a graph in order; of one that is too large for a page, even folded, those nearest to the roots."""
    if len(order) <= _MOST:
        return order
    if len(order) <= _FOLDED and len(set(grouped(order, True, len(order)).values())) <= _KEPT:
        return order
    kept = {id(value): value for value in values}
    pending = deque(values)
    while pending and len(kept) < _KEPT:
        for operand in pending.popleft().operands:
            if is_node(operand) and id(operand) not in kept:
                kept[id(operand)] = operand
                pending.append(operand)
    return [node for node in order if id(node) in kept]


def _repeats(order: list[Any], place: dict[int, int]) -> list[list[Any]]:
    """Sums of parts that are built alike, outside scopes: how many parts, and the places of all that is folded."""
    kept = [node for node in order if all(id(o) in place for o in node.operands if is_node(o))]
    free = {id(node) for node in kept if node.operands and not (node.note is not None and node.note.scope)}
    return [[count, sorted(place[id(member)] for member in members)]
            for _, members, count in sums(kept, free) if count]


def _node(node: Any, place: dict[int, int], rows: dict[str, dict[str, Any]],
          scopes: dict[tuple[str, ...], int]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": clean(node.name)} if node.name else {}
    if node.note is not None and node.note.scope:
        entry["scope"] = scopes.setdefault(node.note.scope, len(scopes))
    if not all(id(operand) in place for operand in node.operands if is_node(operand)):
        return {**entry, "x": jsonable(node.data)}  # what it is computed from is further away than the page goes
    if not node.operands:
        toggle = {"toggle": 1} if node.data in (0, 1) and LABEL.fullmatch(node.name or "") else {}
        return {**entry, "x": jsonable(node.data), **toggle}
    entry["op"] = node.operation.name
    entry["in"] = [place[id(o)] if is_node(o) else {"c": jsonable(o)} for o in node.operands]
    if "value" not in rows[node.operation.name]:
        entry["kept"] = {"value": jsonable(node.data), "partials": list(map(jsonable, node.partials))}
    return entry


class _Hole:
    """Operand `place` of a template: what is left in its LaTeX for the page to fill."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __format__(self, strength: str) -> str:
        return f"@{self.place}:{strength}@"


def _rows(used: Sequence[Primitive]) -> dict[str, dict[str, Any]]:
    """The rows that a page brings: the table's first page, and of others those that are used and what rules call."""
    rows = {row.name: _row(row) for row in [*map(BUILT_IN.__getitem__, FIRST_PAGE), *used]}
    called = set(re.findall(r"([a-z]\w*)\(", str([entry["rules"] for entry in rows.values()])))
    missing = [BUILT_IN[name] for name in sorted(called & set(BUILT_IN) - set(rows))]
    return _rows([*used, *missing]) if missing else rows


def _row(row: Primitive) -> dict[str, Any]:
    """A row for the page: how it is written, and what it computes where that can be said in JavaScript."""
    count = len(row.partials)
    entry: dict[str, Any] = {"sign": symbol(row), "latex": row.latex.format(*map(_Hole, range(count))),
                             "binds": row.binds[1], "rules": _rules(row)}
    entry["symmetric"] = not order_matters(row)
    try:
        entry["value"], entry["partials"] = _javascript.row(row)
    except (MissingColumnError, TypeError):
        entry["partials"] = ["null"] * count
    return entry


def _rules(row: Primitive) -> Optional[list[str]]:
    """The derivatives of a row as a course writes them, in u, v, w and the result y."""
    if len(row.partials) > 3:
        return None
    letters = [Written(letter) for letter in "uvw"[:len(row.partials)]]
    try:
        return [derivative_of(row, i, Written("y"), letters, Formulas([])).content for i in range(len(letters))]
    except Exception:  # a rule of the user's own may ask for bare floats
        return None


def _table(rows: dict[str, dict[str, Any]]) -> str:
    """The table as a JavaScript object: functions as code, everything else as JSON."""
    lines = []
    for name, entry in rows.items():
        told = [f"{key}:{json.dumps(entry[key])}" for key in entry if key not in ("value", "partials")]
        code = [f"value:{entry['value']}"] if "value" in entry else []
        code.append(f"partials:[{','.join(entry['partials'])}]")
        code = [re.sub(r"\B | \B", "", function) for function in code]
        lines.append(f"{json.dumps(name)}: {{{','.join(told + code)}}}")
    return "const ROWS = {\n" + ",\n".join(lines) + "};"


def _lines(value: Any, place: dict[int, int]) -> list[dict[str, Any]]:
    """The derivation, line by line, where the wing that derives can be had; names are for the page to look up."""
    order = topological_order(value)
    named = {node.name: node for node in order if node.name}
    wrt = [node for node in named.values() if node is not value and not LABEL.fullmatch(node.name)]
    if registry.derive is None or len(order) > _DERIVED or not 0 < len(named) <= _NAMED or not value.operands:
        return []
    width: dict[int, int] = {}  # how many operations a node is when all between names is written out
    for node in order:
        parts = [1 if o.name else width[id(o)] for o in node.operands if is_node(o)]
        width[id(node)] = bool(node.operands) + sum(parts)
    if max(width.values()) > _WIDEST:
        return []
    try:
        steps = list(registry.derive(value, wrt))
    except Exception:  # whatever symbolic algebra cannot do, or is not there to do, the page does without
        return []
    lines = []
    for step in steps:
        by = place[id(step.node)]
        of = {"definition": by, "chain": place[id(value)]}.get(step.kind, place.get(id(step.by)))
        algebra = [[line.text, line.rule, translated(line.rule, "zh")] for line in step.lines]
        lines.append({"kind": step.kind, "of": of, "by": by, "product": step.product, "forms": step.texts,
                      "note": step.note, "algebra": algebra})
    return lines
