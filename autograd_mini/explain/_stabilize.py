"""`stabilize`: the same function written so that it keeps its digits.

Each rule recognises one form that overflows, saturates or cancels and gives the form to write instead. Rules look at
one node whose operands are stable already, so they build on each other: 1/(1 + exp(-z)) becomes sigmoid(z), then
1 - sigmoid(z) becomes sigmoid(-z), and its logarithm log_sigmoid(-z).
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from autograd_mini._core.graph import is_node, require_fresh, topological_order
from autograd_mini._core.value import functions as f
from autograd_mini.render._formulas import text


class Change(NamedTuple):
    """One form that was replaced: the node it was, the node it became, and why."""

    rule: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{_formula(self.before)}  ->  {_formula(self.after)}   ({self.rule})"


class Stabilized(NamedTuple):
    """The rewritten graph, over the same leaves, and what was changed."""

    value: Any
    changes: list[Change]

    def __str__(self) -> str:
        if not self.changes:
            return "nothing to change"
        return "\n".join([*map(str, self.changes), f"stable form: {text(self.value)}"])


def stabilize(loss: Any) -> Stabilized:
    """Rewrite a graph into the form that keeps its digits; leaves are shared, so it has the same gradients to ask for.

    >>> from autograd_mini import Value, exp, ln
    >>> z = Value(-800.0, "z")
    >>> stable, changes = stabilize(-ln(1 / (1 + exp(-z))))
    >>> stable.backward(); stable.data, z.grad
    (800.0, -1.0)
    >>> print(changes[-1])
    ln(sigmoid(z))  ->  log_sigmoid(z)   (the logarithm of a sigmoid under- or overflows)

    Raises TypeError for what is not a Value, StaleGraphError where a leaf was assigned since.
    """
    if not hasattr(loss, "operands"):
        raise TypeError(f"only a Value can be stabilised, not {type(loss).__name__}")
    order = topological_order(loss)
    require_fresh(order)
    new: dict[int, Any] = {}
    changes: list[Change] = []
    for node in order:
        if not node.operands:
            new[id(node)] = node
            continue
        operands = [new[id(operand)] if is_node(operand) else operand for operand in node.operands]
        same = all(new[id(operand)] is operand for operand in node.operands if is_node(operand))
        current = node if same else next(filter(is_node, operands)).apply(node.operation, operands)
        for _ in range(6):
            found = next(((why, after) for why, rule in RULES for after in [rule(current)] if after is not None), None)
            if found is None:
                break
            changes.append(Change(found[0], current, found[1]))
            current = found[1]
        if current is not node and node.name and current.operands and not current.name:
            current.name = node.name
        new[id(node)] = current
    return Stabilized(new[id(loss)], changes)


def _formula(node: Any) -> str:
    """A node's own formula in the names of its parts; of a node that has a name, what is behind the name."""
    return text(node).splitlines()[-1]


def _is(node: Any, name: str) -> bool:
    return getattr(node, "operation", None) is not None and node.operation.name == name


def _constant(operand: Any, number: float) -> bool:
    return type(operand) is float and operand == number


def _sum_with_one(node: Any) -> Any:
    """x of 1 + x or x + 1, else None."""
    if _is(node, "add"):
        a, b = node.operands
        return b if _constant(a, 1.0) else a if _constant(b, 1.0) else None
    return None


def _one_minus(node: Any) -> Any:
    """x of 1 - x, else None."""
    if not _is(node, "sub") or not _constant(node.operands[0], 1.0):
        return None
    return node.operands[1]


def _exponent(node: Any) -> Any:
    return node.operands[0] if _is(node, "exp") else None


def _negative(operand: Any) -> Any:
    return operand.operands[0] if _is(operand, "neg") else -operand


def _squared(node: Any) -> Any:
    """x of x * x, x ** 2 or square(x), else None."""
    if _is(node, "square"):
        return node.operands[0]
    if _is(node, "mul") and node.operands[0] is node.operands[1]:
        return node.operands[0]
    return node.operands[0] if _is(node, "pow") and _constant(node.operands[1], 2.0) else None


def _exponents(node: Any) -> Optional[list[Any]]:
    """The exponents of a sum of exponentials (a 1 counts as exp(0)), else None."""
    found: list[Any] = []
    pending = [node]
    while pending:
        part = pending.pop()
        if _is(part, "add"):
            pending.extend(reversed(part.operands))
        elif _constant(part, 1.0):
            found.append(0.0)
        elif _exponent(part) is not None:
            found.append(_exponent(part))
        else:
            return None
    return found if len(found) > 1 else None


def _log_sum_exp(exponents: list[Any]) -> Any:
    total = exponents[0]
    for exponent in exponents[1:]:
        total = f["logaddexp"](total, exponent)
    return total


def _share(node: Any) -> Any:
    """exp(a) / (exp(a) + exp(b) + ...) as sigmoid(a - ln(exp(b) + ...)); also 1 / (1 + exp(b))."""
    if not _is(node, "div") and not _is(node, "reciprocal"):
        return None
    above, below = node.operands if _is(node, "div") else (1.0, node.operands[0])
    exponents = _exponents(below)
    own = 0.0 if _constant(above, 1.0) else _exponent(above)
    if exponents is None or own is None:
        return None
    place = next((i for i, e in enumerate(exponents) if e is own or (_constant(e, 0.0) and _constant(own, 0.0))), None)
    if place is None:
        return None
    others = _log_sum_exp(exponents[:place] + exponents[place + 1:])
    return f["sigmoid"](_negative(others) if _constant(own, 0.0) else own if _constant(others, 0.0) else own - others)


def _log_of_one_and(node: Any) -> Any:
    rest = _sum_with_one(node.operands[0]) if _is(node, "ln") else None
    if rest is None or not is_node(rest):
        return None
    return f["softplus"](_exponent(rest)) if _exponent(rest) is not None else f["log1p"](rest)


def _log_of_one_minus(node: Any) -> Any:
    rest = _one_minus(node.operands[0]) if _is(node, "ln") else None
    return None if rest is None else f["log1p"](-rest)


def _log_of_sum(node: Any) -> Any:
    exponents = _exponents(node.operands[0]) if _is(node, "ln") else None
    return None if exponents is None else _log_sum_exp(exponents)


def _minus_one(node: Any) -> Any:
    """exp(x) of exp(x) - 1 or exp(x) + -1, else None."""
    if _is(node, "sub") and _constant(node.operands[1], 1.0):
        return _exponent(node.operands[0])
    return _exponent(node.operands[0]) if _is(node, "add") and _constant(node.operands[1], -1.0) else None


def _difference_of_squares(node: Any) -> Any:
    roots: list[Any] = [_squared(operand) for operand in node.operands] if _is(node, "sub") else [None]
    return None if any(root is None for root in roots) else (roots[0] - roots[1]) * (roots[0] + roots[1])


def _length(node: Any) -> Any:
    inside: Any = node.operands[0] if _is(node, "sqrt") else None
    roots = [_squared(operand) for operand in inside.operands] if _is(inside, "add") else [None]
    if any(root is None for root in roots):
        one = _sum_with_one(inside)
        root = None if one is None else _squared(one)
        return None if root is None else f["hypot"](1.0, root)
    return f["hypot"](*roots)


def _hyperbolic_tangent(node: Any) -> Any:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)), else None."""
    if not (_is(node, "div") and _is(node.operands[0], "sub") and _is(node.operands[1], "add")):
        return None
    above, below = ([_exponent(o) for o in part.operands] for part in node.operands)
    if any(e is None for e in above + below) or any(a is not b for a, b in zip(map(_core, above), map(_core, below))):
        return None
    x, y = above
    return f["tanh"](x) if _is(y, "neg") and y.operands[0] is x else None


def _core(exponent: Any) -> Any:
    return exponent.operands[0] if _is(exponent, "neg") else exponent


def _of(name: str, inner: str, build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A rule for a function of a function: ln(exp(x)), say."""
    def apply(node: Any) -> Any:
        return build(node.operands[0].operands[0]) if _is(node, name) and _is(node.operands[0], inner) else None

    return apply


def _when(part: Callable[[Any], Any], build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(node: Any) -> Any:
        found = part(node)
        return None if found is None else build(found)

    return apply


def _inside(part: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """The operand of a function of that name, where `part` finds one."""
    def find(node: Any) -> Any:
        found = part(node)
        return found.operands[0] if _is(found, name) else None

    return find


RULES: list[tuple[str, Callable[[Any], Any]]] = [
    ("a quotient of exponentials overflows", _hyperbolic_tangent),
    ("a quotient of exponentials overflows and saturates", _share),
    ("the logarithm of a sigmoid under- or overflows", _of("ln", "sigmoid", f["log_sigmoid"])),
    ("1 minus a saturated sigmoid cancels", _when(_inside(_one_minus, "sigmoid"), lambda z: f["sigmoid"](-z))),
    ("the exponential may overflow before its logarithm is taken", _of("ln", "exp", lambda x: x)),
    ("ln(1 + x) loses the digits of a small x, and exp overflows", _log_of_one_and),
    ("ln(1 - x) loses the digits of a small x", _log_of_one_minus),
    ("a sum of exponentials overflows before its logarithm is taken", _log_of_sum),
    ("exp(x) - 1 cancels for a small x", _when(_minus_one, f["expm1"])),
    ("1 - exp(x) cancels for a small x", _when(_inside(_one_minus, "exp"), lambda x: -f["expm1"](x))),
    ("1 - cos(x) cancels for a small x", _when(_inside(_one_minus, "cos"),
                                                lambda x: 2.0 * f["square"](f["sin"](x / 2.0)))),
    ("a difference of squares cancels and overflows", _difference_of_squares),
    ("squares overflow under a root", _length),
]
"""(why, node -> the stable form or None), tried in this order."""
