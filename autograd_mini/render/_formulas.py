r"""A graph as formulas: `text` for reading back, `latex` for looking at, `tree` for a terminal.

The rows of the table say how each primitive is written; a template's `{0:2}` brackets operand 0 where it binds more
loosely than 2, which the operands do themselves in `__format__`. A named part, and one that is used more than once, is
defined on a line of its own and referred to by name, so a formula is never longer than its graph.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from typing import Any, Iterator, NamedTuple

from autograd_mini._core.expression import plain
from autograd_mini._core.graph import is_node, require_fresh, topological_order
from autograd_mini._core.numbers import as_shown
from autograd_mini._core.value import Value
from autograd_mini.primitives import ATOM, POWER, PRODUCT, SIGN, SUM, TABLE, Primitive
from autograd_mini.render._numbers import UNKNOWN, columns, exact, padded, short

_RESERVED = {"pi", "e", "inf", "nan", "log", "max", "min"}
_LONGEST, _DEEPEST = 100, 30
SIGNED = (SUM + PRODUCT) / 2  # -a: tighter than a sum, and a product may begin with it but not go on with it
_GREEK = re.compile("alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|"
                    "phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega")
_SHORT_GREEK = {"lam": "lambda", "eps": "epsilon"}
_ACCENTS = {"hat", "bar", "tilde", "dot", "vec"}
_ESCAPES = {"\\": r"\backslash{}", "^": r"\hat{}", "~": r"\sim{}", **{c: "\\" + c for c in "_{}$%&#"}}


class Written(NamedTuple):
    """A formula with the strength that holds it together; as an operand in a template it brackets itself."""

    content: str
    strength: float = ATOM
    depth: int = 0
    latex: bool = False

    def __format__(self, spec: str) -> str:
        if not spec or self.strength >= int(spec):
            return self.content
        return rf"\left({self.content}\right)" if self.latex else f"({self.content})"


class Formulas:
    """How every node of a graph is written: in `definitions` by its operands, in `references` as an operand itself.

    Nodes that are referred to by name are in `names`; those of them that are computed are the `parts`, in order.
    """

    def __init__(self, order: list[Any], latex: bool = False) -> None:
        self.latex = latex
        self.references: dict[int, Written] = {}
        self.definitions: dict[int, Written] = {}
        self.names: dict[int, str] = {}
        self.legend: dict[str, str] = {}
        self.parts: list[tuple[str, Any]] = []
        uses = Counter(id(operand) for node in order for operand in node.operands if is_node(operand))
        self._taken = {node.name for node in order if node.name and _is_plain(node.name)}
        self._given: set[str] = set()
        self._count = 0
        for node in order:
            written = self._definition(node)
            self.definitions[id(node)] = written
            root = node is order[-1]
            is_part = bool(node.operands) and not root and (
                bool(node.name) or uses[id(node)] > 1 or len(written.content) > _LONGEST or written.depth > _DEEPEST)
            if is_part or (node.name and (not node.operands or root)):
                self.names[id(node)] = name = self._name(node)
                if is_part:
                    self.parts.append((name, node))
                written = Written(name, latex=latex)
            self.references[id(node)] = written

    def _definition(self, node: Any) -> Written:
        if not node.operands:
            return self.number(node.data)
        return self.applied(node.operation, [self.operand(operand) for operand in node.operands])

    def operand(self, operand: Any) -> Written:
        """An operand of a node as it is referred to."""
        return self.references[id(operand)] if is_node(operand) else self.number(operand)

    def applied(self, row: Primitive, operands: list[Written]) -> Written:
        """A primitive of operands that are written already."""
        template = row.latex if self.latex else row.text
        depth = 1 + max(o.depth for o in operands)
        strength: float = row.binds[self.latex]
        if self.latex and template.startswith("{0:2}") and operands[0].strength == SIGNED:  # -a b needs no brackets
            operands = [operands[0]._replace(strength=PRODUCT), *operands[1:]]
        last = operands[-1]
        if self.latex and last.content[:1].isdigit() and last.strength >= POWER:  # "x 2" would read as x times nothing
            template = template.replace(r"\,", r"\cdot")
        if self.latex and template.startswith("-"):
            strength = SIGNED
        return Written(template.format(*operands), strength, depth, self.latex)

    def number(self, number: float) -> Written:
        """A constant, exactly."""
        digits = exact(number)
        strength = ATOM if not digits.startswith("-") else SIGNED if self.latex else SIGN
        if self.latex:
            digits = digits.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
            if "e" in digits:
                mantissa, exponent = digits.split("e")
                scale = f"10^{{{int(exponent)}}}"
                digits = scale if mantissa == "1" else rf"{mantissa} \cdot {scale}"
                strength = min(strength, PRODUCT)
        return Written(digits, strength, latex=self.latex)

    def _name(self, node: Any) -> str:
        """A name of its own: the node's where it is a free identifier, else an alias that the legend explains."""
        if node.name and _is_plain(node.name) and node.name not in self._given:
            name = node.name
        else:
            stem = re.sub(r"\W+", "_", node.name or "", flags=re.ASCII).strip("_")[:20] if node.name else ""
            name = self._fresh(stem if stem.isidentifier() else "v" if node.name else "t")
            if node.name:
                self.legend[name] = node.name
        self._given.add(name)
        return latex_name(node.name or name) if self.latex else name

    def _fresh(self, stem: str) -> str:
        while True:
            self._count += 1
            name = f"{stem}{'_' if len(stem) > 1 else ''}{self._count}"
            if name not in self._taken and name not in self._given and _is_plain(name):
                return name


def _is_plain(name: str) -> bool:
    return name == plain(name) and name.isidentifier() and not keyword.iskeyword(name) and name not in _RESERVED \
        and name not in TABLE


def clean(text: str) -> str:
    """A text without what XML cannot hold: control characters and halves of surrogate pairs become a sign."""
    return re.sub("[^\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]", "\ufffd", " ".join(text.split("\n")))


def latex_name(name: str) -> str:
    r"""A name in LaTeX: Greek letters, subscripts, accents, anything else upright and escaped.

    >>> [latex_name(name) for name in ("w1", "alpha", "x_max", "cost", "50 %")]
    ['w_{1}', '\\alpha', 'x_{\\mathrm{max}}', '\\mathrm{cost}', '\\mathrm{50\\ \\%}']
    >>> [latex_name(name) for name in ("lam", "w_1", "x_hat", "x_hat_2", "权重")]
    ['\\lambda', 'w_{1}', '\\hat{x}', '\\hat{x}_{2}', '\\text{权重}']
    """
    match = re.fullmatch(r"([^\W\d_]+)(\d*)((?:_[^\W_]+)*)_?", name)
    if match is None:
        return r"\mathrm{" + "".join(_ESCAPES.get(c, r"\ " if c.isspace() else c) for c in clean(name)) + "}"
    stem, number, rest = match.groups()
    written, below = _word(stem), [number] if number else []
    for part in rest.split("_")[1:]:
        if part in _ACCENTS:
            written = rf"\{part}{{{written}}}"
        else:
            below.append(_word(part))
    return written + (f"_{{{','.join(below)}}}" if below else "")


def _word(word: str) -> str:
    word = _SHORT_GREEK.get(word, word)
    if _GREEK.fullmatch(word):
        return "\\" + word
    if not word.isascii() and not re.fullmatch("[\u0370-\u03ff]", word):
        return rf"\text{{{word}}}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


def _formulas(value: Value, latex: bool) -> Formulas:
    order = topological_order(value)
    require_fresh(order)
    return Formulas(order, latex)


def text(value: Value) -> str:
    """The formula of a Value as one would type it; `expression.evaluate` reads it back to the same number.

    Named parts and shared ones come first, each on a line of its own. A name that is no identifier gets an alias,
    which a comment explains.

    >>> from autograd_mini import Value, exp
    >>> x = Value(2.0, "x"); e = exp(-x)
    >>> print(text(e / (1 + e)))
    t1 = exp(-x)
    t1 / (1 + t1)

    Raises StaleGraphError where a leaf was assigned after the graph was built.
    """
    formulas = _formulas(value, latex=False)
    lines = [f"# {alias} is {' '.join(name.split())!r}" for alias, name in formulas.legend.items()]
    lines += [f"{name} = {formulas.definitions[id(node)].content}" for name, node in formulas.parts]
    return "\n".join([*lines, _root(formulas, value)])


def latex(value: Value) -> str:
    r"""The formula of a Value in LaTeX, for KaTeX and MathJax, without dollar signs.

    >>> from autograd_mini import Value, sigmoid
    >>> w1, x1 = Value(0.5, "w1"), Value(2.0, "x1")
    >>> print(latex(sigmoid(w1 * x1) ** 2))
    \sigma\left(w_{1} \, x_{1}\right)^{2}

    Named parts and shared ones are lines of an `aligned` environment. Raises StaleGraphError like `text`.
    """
    formulas = _formulas(value, latex=True)
    if not formulas.parts:
        return _root(formulas, value)
    lines = [rf"{name} &= {formulas.definitions[id(node)].content}" for name, node in formulas.parts]
    name = formulas.references[id(value)].content if value.name else ""
    lines.append(f"{name} &= {_root(formulas, value)}" if name else f"& {_root(formulas, value)}")
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def _root(formulas: Formulas, value: Any) -> str:
    return (formulas.definitions if value.operands else formulas.references)[id(value)].content


def symbol(row: Primitive) -> str:
    """The sign of a primitive for a picture: what its text puts between the operands, else its name."""
    if "(" in row.text:
        return row.name
    sign = re.sub(r"\{[^}]*\}", "", row.text).strip()
    return {"*": "×", "/": "÷", "-": "−", "**": "^"}.get(sign, sign) or row.name


def order_matters(row: Primitive) -> bool:
    """Whether a primitive's operands may not change places, as its sample points tell."""
    return len(row.partials) > 1 and not (
        len(row.partials) == 2 and bool(row.at) and all(row.number(*at) == row.number(*reversed(at)) for at in row.at))


def tree(value: Value, limit: int = 200) -> str:
    """The graph of a Value as lines for a terminal: operation, number and gradient, operands indented below.

    A part that is used again is referred to, not repeated; after `limit` lines the rest is only counted.

    >>> from autograd_mini import Value
    >>> x = Value(3.0, "x"); y = x * x + 1; y.backward(); print(tree(y))
    +          10  grad 1
    ├─ ×       9   grad 1
    │  ├─ x    3   grad 6
    │  └─ x ↑
    └─ 1

    Raises StaleGraphError where a leaf was assigned after the graph was built.
    """
    order = topological_order(value)
    require_fresh(order)
    rows: list[tuple[str, str, str]] = []
    seen: set[int] = set()
    lines = _lines(value, seen)
    for row in lines:
        rows.append(row)
        if len(rows) == limit:
            break
    label_width = max(columns(label) for label, _, _ in rows)
    data_width = max(len(data) for _, data, _ in rows)
    shown = [f"{padded(label, label_width)}  {data:{data_width}}  {grad}".rstrip() for label, data, grad in rows]
    hidden = len(order) - len(seen)
    return "\n".join(shown + [f"… and {hidden:,} more nodes"] * bool(hidden))


def _lines(root: Any, seen: set[int]) -> Iterator[tuple[str, str, str]]:
    pending: list[tuple[Any, str, str]] = [(root, "", "")]
    while pending:
        operand, first, rest = pending.pop()
        if not is_node(operand):
            yield first + short(operand), "", ""
            continue
        name = clean(operand.name or "")
        title = symbol(operand.operation) if operand.operation else ""
        label = first + (" = ".join(filter(None, (name, title))) or short(operand.data))
        if id(operand) in seen:
            yield f"{label} ↑", "", ""
            continue
        seen.add(id(operand))
        yield label, short(operand.data), f"grad {UNKNOWN if operand.grad is None else short(operand.grad)}"
        below = operand.operands
        for position in range(len(below) - 1, -1, -1):
            last = position == len(below) - 1
            pending.append((below[position], rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")))


def represent(value: Value) -> str:
    """The `repr` of a Value: number, name and gradient on one line."""
    name = f", name={value.name!r}" if value.name is not None else ""
    grad = f", grad={short(value.grad)}" if value.grad is not None else ""
    return f"Value({short(as_shown(value.data))}{name}{grad})"
