"""Exercises: a student writes da, da/dz, dz, dw, db in turn, and every answer is judged, offline.

An answer is judged as a function, not as a text: at fifty points, drawn by a seed, against the graph's own derivatives.
A wrong one gets a point where it fails and the kind of slip; then the rule, and the answer on demand. The page of
`render` does the same in the browser, and says it in the same words.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Sequence

from autograd_mini._core.errors import ExpressionError
from autograd_mini._core.expression import ALIASES, evaluate, plain
from autograd_mini._core.graph import is_node, require_fresh, topological_order
from autograd_mini._core.kinds import Nodes
from autograd_mini._core.registry import apply
from autograd_mini._core.value import Value, functions
from autograd_mini.explain._deriving import derive
from autograd_mini.primitives import BUILT_IN, HELPERS
from autograd_mini.render import text
from autograd_mini.render._numbers import short
from autograd_mini.render._page import LABEL, page
from autograd_mini.render._words import say, translated

POINTS, TOLERANCE, TRIES = 50, 1e-7, 20
_TOKEN = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|\w+|\S)")
_INPUT = re.compile(r"x_?\d*")
_SIGMOID = re.compile(r"\bσ\s*\(")
_SLOPE = re.compile(r"\bd([^\W\d_]\w*)\s*/\s*d([^\W\d_]\w*)")


class Question(NamedTuple):
    """The derivative of one named node by another; `asked` is how it is written: "da/dz", or "dz" for the root's."""

    of: Any
    by: Any
    asked: str


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right; if not, hints, each telling more than the one before."""

    right: bool
    hints: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return "\n".join(self.hints)


class Exercise:
    """Questions about a graph. Shown by a notebook as a page; `check` judges an answer in Python."""

    def __init__(self, root: Value, wrt: Optional[Nodes] = None, language: str = "en", seed: int = 0) -> None:
        self.root, self.language = root, language
        self.order = topological_order(root)
        require_fresh(self.order)
        self.named: dict[str, Any] = {node.name: node for node in reversed(self.order) if node.name}
        self.questions = list(self._questions(wrt))
        if not self.questions:
            raise ValueError("there is nothing to ask: name the parts and the leaves, as in Value(0.5, 'w')")
        self._points = list(self._drawn(random.Random(seed)))

    def _questions(self, wrt: Any) -> Iterator[Question]:
        """From the root down: for each part what it is made of, then the root's own derivative by it."""
        named = [node for node in reversed(self.order) if node.name and node is not self.root]
        parts, leaves = [n for n in named if n.operands], [n for n in reversed(named) if not n.operands]
        wanted = _parameters([*parts, *leaves]) if wrt is None else \
            [self._node(node) if isinstance(node, str) else node
             for node in (wrt if isinstance(wrt, (list, tuple)) else [wrt])]
        for by in [node for node in [*parts, *leaves] if any(node is one for one in wanted)]:
            for of in parts:
                if of is not by and self._directly(of, by):
                    yield Question(of, by, f"d{of.name}/d{by.name}")
            yield Question(self.root, by, f"d{by.name}")

    def _node(self, name: str) -> Any:
        if name not in self.named:
            raise ValueError(f"no node is called {name!r}: named are {', '.join(self.named)}")
        return self.named[name]

    def _directly(self, of: Any, by: Any) -> bool:
        """Whether a node is made of another without a named one between."""
        pending = [of]
        while pending:
            for operand in filter(is_node, pending.pop().operands):
                if operand is by:
                    return True
                if not operand.name:
                    pending.append(operand)
        return False

    def _drawn(self, generator: random.Random) -> Iterator[dict[int, Any]]:
        """The graph built again at points where all is finite: for the id of every node its twin there."""
        found = 0
        for _ in range(TRIES * POINTS):
            twins: dict[int, Any] = {}
            for node in self.order:
                if node.operands:
                    twins[id(node)] = apply(node.operation, [twins[id(o)] if is_node(o) else o for o in node.operands])
                elif node.data in (0, 1) and LABEL.fullmatch(node.name or ""):
                    twins[id(node)] = Value(generator.choice([0.0, 1.0, generator.random()]))
                else:
                    size = max(5.0, 2 * abs(node.data)) / 2
                    twins[id(node)] = Value(generator.uniform(-size, size))
            if all(math.isfinite(twin.data) for twin in twins.values()):
                yield twins
                found += 1
            if found == POINTS:
                return

    def _known(self, twins: Mapping[int, Any], of: Any, by: Any) -> tuple[dict[str, float], float]:
        """At one point the numbers of all names but the one asked for, and the true answer."""
        known: dict[str, float] = {name: twins[id(node)].data for name, node in self.named.items()}
        targets = {id(of): of, id(self.root): self.root}
        for node in self.named.values():
            if node.operands:
                targets.setdefault(id(node), node)
        truth = math.nan
        for target in targets.values():
            root = twins[id(target)]
            root.backward(list(twins.values()))
            for name, node in self.named.items():
                slope = twins[id(node)].grad or 0.0
                if target is of and node is by:
                    truth = slope
                    continue
                if target.name and target is not node:
                    known.setdefault(_slope(target.name, name), slope)
                if target is self.root:
                    known.setdefault(f"d{name}", slope)
        return known, truth

    def check(self, asked: str, answer: str) -> Verdict:
        """Judge an answer, typed as one writes it: `a−y`, `da·(a − a²)`, `x1*(a-y)`, `^` for a power.

        >>> from autograd_mini import exp, ln
        >>> z, y = Value(0.5, "z"), Value(1.0, "y")
        >>> a = 1 / (1 + exp(-z)); a.name = "a"
        >>> loss = -y*ln(a) - (1 - y)*ln(1 - a); loss.name = "L"
        >>> quiz = exercise(loss, wrt=[z])
        >>> [question.asked for question in quiz.questions]
        ['da/dz', 'dz']
        >>> quiz.check("dz", "a − y").right, quiz.check("dz", "y - a").hints[-1]
        (True, 'Only the sign is wrong.')

        Raises ValueError for a question that is not asked.
        """
        question = next((q for q in self.questions if asked in (q.asked, f"d{q.of.name}/d{q.by.name}")), None)
        if question is None:
            raise ValueError(f"{asked!r} is not asked: there are {', '.join(q.asked for q in self.questions)}")
        given = plain(answer).strip(" \n.;,。")
        left, equals, right = given.partition("=")
        if equals and left.strip() in (question.asked, f"d{question.of.name}/d{question.by.name}"):
            given = right  # the answer with what it is the answer to: dz = a - y
        if "σ" not in self.named:
            given = _SIGMOID.sub("sigmoid(", given)
        typed = _multiplied(_SLOPE.sub(lambda found: _slope(found[1], found[2]), given.replace("^", "**")))
        own = {question.asked, _slope(question.of.name or "", question.by.name)}
        if question.of is self.root:
            own.add(f"d{question.by.name}")
        if own & set(re.findall(r"\w+", typed)):
            return Verdict(False, (self._say("itself", question.asked),))
        tried: list[tuple[float, float, dict[str, float]]] = []
        for twins in self._points:
            known, truth = self._known(twins, question.of, question.by)
            try:
                got = evaluate(typed, known)
            except (ExpressionError, ArithmeticError) as error:
                return Verdict(False, (translated(str(error), self.language),))
            if math.isfinite(truth):
                tried.append((float(got), truth, known))
        if len(tried) < POINTS / 5:
            return Verdict(False, (self._say("nowhere"),))
        wrong = next((t for t in tried if not _agree(t[0], t[1])), None)
        if wrong is None:
            return Verdict(True, (self._say("right"),))
        leaves = [f"{name} = {short(wrong[2][name])}" for name, node in self.named.items() if not node.operands]
        point = self._say("wrong", ", ".join(reversed(leaves)), short(wrong[0]), short(wrong[1]))
        return Verdict(False, tuple(filter(None, (point, self._slip(tried)))))

    def _slip(self, tried: list[tuple[float, float, dict[str, float]]]) -> str:
        """What kind of mistake makes this answer everywhere."""

        def everywhere(repaired: Callable[[float, dict[str, float]], float]) -> bool:
            return all(_agree(repaired(got, known), truth) for got, truth, known in tried)

        if everywhere(lambda got, _: -got):
            return self._say("sign")
        if everywhere(lambda got, _: 1 / got if got else math.nan):
            return self._say("upsideDown")
        if everywhere(lambda got, _: got * math.log(10)) or everywhere(lambda got, _: got / math.log(10)):
            return self._say("log10")
        for name in self.named:
            for factor, of in ((name, lambda known, name=name: known[name]),
                               (f"1 − {name}", lambda known, name=name: 1 - known[name])):
                for sense in (1, -1):
                    shown = factor if sense > 0 else f"−{factor}" if factor == name else f"−({factor})"
                    if everywhere(lambda got, known: got * sense * of(known)):  # noqa: B023
                        return self._say("missing", shown)
                    if everywhere(lambda got, known: got / (sense * of(known) or math.nan)):  # noqa: B023
                        return self._say("tooMany", shown)
                    if everywhere(lambda got, known: got + sense * of(known)):  # noqa: B023
                        return self._say("term", shown)
        got, truth = next(((got, truth) for got, truth, _ in tried if got and truth), (0.0, 0.0))
        if got and everywhere(lambda other, _: other * truth / got):
            return self._say("scaled", short(got / truth))
        return self._say("shifted", short(got - truth)) if everywhere(lambda other, _: other + truth - got) else ""

    def rule(self, asked: str) -> str:
        """What to do for a question: the definition to differentiate, or the product of the chain rule."""
        question = next(q for q in self.questions if q.asked == asked)
        above = [node for node in self.named.values() if node.operands and node is not question.of
                 and self._directly(node, question.by)]
        if self._directly(question.of, question.by) or not above:
            return f"{self._say('differentiate')} {text(question.of).splitlines()[-1]}"
        products = [f"d{node.name} * d{node.name}/d{question.by.name}" for node in above]
        return f"{self._say('chainRule')} {question.asked} = {' + '.join(products)}"

    def answer(self, asked: str) -> str:
        """The answer as `derive` writes it; the extra `symbolic` is needed."""
        question = next(q for q in self.questions if q.asked == asked)
        is_root = question.of is self.root
        found = [step for step in derive(self.root, [question.by]) if step.node is question.by
                 and (step.kind == "chain" if is_root else step.kind == "local" and step.by is question.of)]
        return f"{self._say('answer')} {found[0]}" if found else self._say("nohint")

    def _say(self, key: str, *insets: Any) -> str:
        return say(key, self.language, *insets)

    def html(self) -> str:
        """The page that asks these questions, with the picture beside them."""
        title = self._say("exercises")
        asked = [(question.of, question.by) for question in self.questions]
        return page([self.root], title, self.language, exercises=asked)

    def __repr__(self) -> str:
        return f"<Exercise: {', '.join(question.asked for question in self.questions)}>"

    def _repr_html_(self) -> str:
        from autograd_mini.render._page import frame

        return frame(self.html(), "")


def exercise(root: Value, wrt: Optional[Nodes] = None, *, language: str = "en", seed: int = 0) -> Exercise:
    """Questions about the derivatives of a graph by its named nodes, judged as answers come: see `Exercise.check`.

    `wrt` holds named nodes or their names; by default all but labels (y, t) and, beside other leaves, inputs (x, x1).
    Raises ValueError where nothing is named,
    StaleGraphError where a leaf was assigned since.
    """
    return Exercise(root, wrt, language, seed)


def generated(seed: int, language: str = "en") -> Exercise:
    """An exercise made up by a seed: u, a function of the table of x, and a function or arithmetic of u.

    >>> generated(3).questions[0].asked, generated(3).check("du", "1/0").right
    ('du', False)
    """
    generator = random.Random(seed)
    rows = [row for row in BUILT_IN.values() if row.name not in HELPERS and row.course != ("0",) * len(row.partials)]
    for _ in range(100):
        x = Value(round(generator.uniform(0.5, 2), 1), "x")
        inner, outer = (generator.choice([row for row in rows if len(row.partials) <= most]) for most in (1, 2))
        u = apply(inner, [x * generator.randint(2, 4)])
        root = apply(outer, generator.sample([u, x], len(outer.partials)) if len(outer.partials) == 2 else [u])
        u.name, root.name = "u", "f"
        quiz = Exercise(root, None, language, seed)
        if len(quiz._points) == POINTS:
            return quiz
    raise ValueError(f"seed {seed} gives no exercise: take another")


def _slope(of: str, by: str) -> str:
    """The name that stands for da/dz among the numbers of a point."""
    return f"d_{of}_by_d_{by}"


def _parameters(named: Sequence[Any]) -> list[Any]:
    """What is asked for: parts and leaves without labels, and without inputs where there are other leaves."""
    unlabelled = [node for node in named if not LABEL.fullmatch(node.name)]
    chosen = [node for node in unlabelled if node.operands or not _INPUT.fullmatch(node.name)]
    return chosen if any(not node.operands for node in chosen) else unlabelled


def _multiplied(typed: str) -> str:
    """An answer with the signs of products that are left out by hand: 2a(1 - a) is 2*a*(1 - a).

    >>> _multiplied("2a(1-a) + exp(x)(a-y)x")
    '2*a*(1-a)+exp(x)*(a-y)*x'
    """
    written = ""
    before = ""
    for token in _TOKEN.findall(typed):
        if re.fullmatch(r"[\w.]+|\)", before) and re.fullmatch(r"[\w.]+|\(", token):
            called = token == "(" and (before in functions or before in ALIASES or before == "lg")
            spaced = token[0].isdigit() or {"if", "else"} & {before, token}
            written += "" if called else " " if spaced else "*"
        written += token
        before = token
    return written


def _agree(got: float, truth: float) -> bool:
    return math.isfinite(got) and abs(got - truth) <= TOLERANCE * max(1e-3, abs(got), abs(truth))
