"""The page that plays a graph: the forward pass box by box, then the backward pass in the order `backward()` uses."""

from __future__ import annotations

import html
import json
from typing import Any, Optional

from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.primitives import ATOM, chain
from autograd_mini.render._formulas import SIGNED, Formulas, Written, clean, symbol
from autograd_mini.render._numbers import bracketed, exact, pretty
from autograd_mini.render._picture import EXPLAINED, Picture, product_text

_LONGEST = 26


class _Step:
    """One frame: the box in turn, what it changes, and the words beside it."""

    def __init__(self, kind: str, title: str, box: Optional[int] = None) -> None:
        self.kind, self.title, self.box = kind, title, box
        self.lines: list[str] = []
        self.known: list[int] = []
        self.inputs: list[int] = []
        self.fed: list[int] = []
        self.products: dict[int, str] = {}
        self.grads: dict[int, tuple[str, str]] = {}

    def item(self) -> str:
        """The step as an entry of the page's list."""
        lines = "".join(f'<span class="share">{line}</span>' for line in self.lines)
        return f"<li><small>{self.kind}</small><b>{html.escape(self.title)}</b>{lines}</li>"

    def data(self) -> dict[str, Any]:
        """The step for the page's script."""
        return {"box": self.box, "known": self.known, "inputs": self.inputs, "fed": self.fed,
                "products": self.products, "grads": self.grads}


class _Player:
    def __init__(self, value: Any, picture: Picture) -> None:
        self.picture, self.order = picture, topological_order(value)
        self.place = {id(node): place for place, box in enumerate(picture.boxes) for node in box.nodes}
        self.last = {self.place[id(node)]: node for node in self.order if node.operands}
        self.first = {self.place[id(node)]: node for node in reversed(self.order) if node.operands}
        self.by_slot = {(edge.head, edge.slot): i for i, edge in enumerate(picture.edges) if edge.slot >= 0}
        self.by_ends = {(edge.tail, edge.head): i for i, edge in enumerate(picture.edges) if edge.slot < 0}
        self.into: dict[int, list[int]] = {}
        for i, edge in enumerate(picture.edges):
            self.into.setdefault(edge.head, []).append(i)
        self.formulas = Formulas(self.order) if len(self.order) <= EXPLAINED else None
        self.steps: list[_Step] = []

    def single(self, node: Any) -> bool:
        return self.picture.boxes[self.place[id(node)]].kind != "fold"

    def shows(self, node: Any) -> bool:
        """Whether a box shows the numbers of this very node."""
        return self.picture.boxes[self.place[id(node)]].shown is node

    def name(self, node: Any) -> str:
        if node.name:
            return clean(node.name)
        if not node.operands:
            return pretty(node.data)
        formula = self.formulas.definitions[id(node)].content if self.formulas else ""
        return formula if 0 < len(formula) <= _LONGEST else symbol(node.operation)

    def edge(self, node: Any, slot: int) -> Optional[int]:
        """The edge that an operand comes in by, if it is to be seen."""
        head, tail = self.place[id(node)], self.place[id(node.operands[slot])]
        if tail == head:
            return None
        if self.single(node) and self.single(node.operands[slot]):
            return self.by_slot[head, slot]
        return self.by_ends[tail, head]

    def forward(self) -> None:
        start = _Step("start", "The inputs")
        start.lines = [f"{html.escape(self.name(node))} = {pretty(node.data)}" for node in self.order
                       if not node.operands and node.name and self.single(node)]
        start.known = [i for i in range(len(self.picture.boxes)) if i not in self.last]
        self.steps.append(start)
        for node in self.order:
            place = self.place[id(node)]
            if not node.operands or (not self.single(node) and node is not self.last[place]):
                continue
            step = _Step("forward", self.title(node), place)
            step.known, step.inputs = [place], self.into.get(place, [])
            step.products = dict.fromkeys(step.inputs, "")
            if self.single(node):
                numbers = [o.data if is_node(o) else o for o in node.operands]
                written = [Written(pretty(number), SIGNED if number < 0 else ATOM) for number in numbers]
                applied = node.operation.text.format(*written).replace(" * ", " × ").replace("-", "−")
                step.lines.append(f"{html.escape(applied)} = {pretty(node.data)}")
            self.steps.append(step)

    def title(self, node: Any) -> str:
        if not self.single(node):
            box = self.picture.boxes[self.place[id(node)]]
            return ", ".join(row[0].text for row in box.rows[:2])
        return f"{clean(node.name)} = {symbol(node.operation)}" if node.name else symbol(node.operation)

    def backward(self) -> None:
        root = self.order[-1]
        grads = {id(node): 0.0 for node in self.order}
        met: set[int] = set()
        grads[id(root)] = 1.0
        seed = _Step("backward", f"Begin at {self.name(root)}", self.place[id(root)])
        seed.lines.append(f"the gradient of {html.escape(self.name(root))} by itself is 1")
        if self.shows(root):
            seed.grads = {self.place[id(root)]: ("1", "1.0")}
        self.steps.append(seed)
        waiting: dict[int, _Step] = {}
        for node in reversed(self.order):
            if not node.operands:
                continue
            place = self.place[id(node)]
            step = waiting.setdefault(place, _Step("backward", self.title(node), place))
            if self.single(node):
                step.lines.append(f"its gradient is <i>{pretty(grads[id(node)])}</i>, handed on times each local "
                                  "derivative:")
            for slot, (operand, partial) in enumerate(zip(node.operands, node.partials)):
                if not is_node(operand):
                    continue
                before, share = grads[id(operand)], chain.value(grads[id(node)], partial)
                after = grads[id(operand)] = before + share
                edge = self.edge(node, slot)
                if edge is None:
                    continue
                product = product_text(grads[id(node)], partial) if self.single(node) or self.shows(operand) else ""
                step.products[edge] = product if self.single(node) and self.single(operand) else ""
                if self.shows(operand):
                    step.fed.append(self.place[id(operand)])
                    step.lines.append(self.share(operand, product, share, before, after, id(operand) in met))
                met.add(id(operand))
            if self.single(node) or node is self.first[place]:
                step.lines = step.lines[:12] + ["…"] * (len(step.lines) > 12)
                reached = {target: grads[id(self.picture.boxes[target].shown)] for target in step.fed}
                step.grads = {target: (pretty(grad), exact(grad)) for target, grad in reached.items()}
                self.steps.append(step)

    def share(self, operand: Any, product: str, share: float, before: float, after: float, meets: bool) -> str:
        """One += in words."""
        name = html.escape(self.name(operand))
        line = f"<b>{name}</b> += {product} = <i>{pretty(share)}</i>"
        if meets:
            line += f' <span class="meet">they meet: {pretty(before)} + {bracketed(share)} = {pretty(after)}</span>'
        return line


def page(value: Any, picture: Picture, svg: str) -> str:
    """One self-contained HTML page: everything on it can be read without JavaScript, and played with it."""
    import importlib.resources

    player = _Player(value, picture)
    player.forward()
    player.backward()
    data = json.dumps([step.data() for step in player.steps], separators=(",", ":"), allow_nan=False)
    parts = {"title": html.escape(picture.title), "svg": svg, "last": str(len(player.steps) - 1),
             "summary": "Forward, every box computes its value from its operands. Backward, from the root, every box "
                        "hands its gradient times the local derivative to its operands, where shares add up.",
             "steps": "\n".join(step.item() for step in player.steps), "data": data.replace("<", "\\u003c")}
    template = importlib.resources.files("autograd_mini.render").joinpath("page.html").read_text("utf-8")
    head, *rest = template.split("{{")
    return head + "".join(parts[key] + text for key, text in (part.split("}}", 1) for part in rest))

