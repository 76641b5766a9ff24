"""The table read as formulas: a recorded graph becomes SymPy expressions in the names of its nodes."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, Iterable, Mapping, Sequence

from autograd_mini._core.graph import is_node, topological_order
from autograd_mini.primitives import MissingColumnError, Operators, Primitive


class Symbolic(Operators):
    """A SymPy expression under the table's operators."""

    __slots__ = ("expression",)

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Symbolic:
        parts = [o if type(o) is Symbolic else Symbolic(constant(o)) for o in operands]
        cuts_the_graph = all(rule is None for rule in primitive.partials)
        if primitive.sympy is None and primitive.formula is not None and not cuts_the_graph:
            result = primitive.formula(*parts)
            return result if type(result) is Symbolic else Symbolic(constant(result))
        return Symbolic(_function(primitive)(*[part.expression for part in parts]))


def constant(number: Any) -> Any:
    """A float as the rational number that it is; nan and the infinities as SymPy's."""
    import sympy as sp

    number = float(number)
    if number != number:
        return sp.nan
    if number in (float("inf"), float("-inf")):
        return sp.oo if number > 0 else -sp.oo
    exact = Fraction(number)
    return sp.Rational(exact.numerator, exact.denominator)


def unstopped(expression: Any) -> Any:
    """A formula without its stop_gradient(), which matters only where it is still to be differentiated."""
    from autograd_mini.explain._notions import stop_gradient

    return expression.replace(stop_gradient, lambda inner: inner)


def gradient_symbol(name: str) -> Any:
    """A symbol that is written behind the others of a product: x1*dz."""
    import sympy as sp

    class NameOfGradient(sp.Symbol):
        def sort_key(self, order: Any = None) -> Any:
            _, (count, _), *rest = super().sort_key(order)
            return sp.Symbol.class_key(), (count, (f"~{self.name}",)), *rest

    return NameOfGradient(name, real=True)


@cache
def _function(primitive: Primitive) -> Any:
    """The function that the row's column names, or one of the row's name whose slopes are the row's own rules."""
    import sympy as sp

    from autograd_mini.explain import _notions

    if primitive.sympy is not None:
        function = vars(_notions).get(primitive.sympy) or getattr(sp, primitive.sympy, None)
        if function is None:
            raise MissingColumnError(f"column 'sympy' of primitive {primitive.name!r} is {primitive.sympy!r}, "
                                     "which is no function of SymPy")
        return function

    def fdiff(self: Any, argindex: int = 1) -> Any:
        rule = primitive.partials[argindex - 1]
        if rule is None:
            return sp.Integer(0)
        result = rule(Symbolic(self), *map(Symbolic, self.args))
        return result.expression if type(result) is Symbolic else constant(result)

    def evalf(self: Any, prec: int) -> Any:
        numbers = [argument._eval_evalf(prec) for argument in self.args]
        return sp.Float(primitive.number(*map(float, numbers))) if all(n.is_Float for n in numbers) else None

    columns = {"nargs": len(primitive.partials), "fdiff": fdiff, "_eval_evalf": evalf}
    return type(primitive.name, (sp.Function,), columns)


class Names:
    """The symbols of a graph: one for every named node and every leaf, in evaluation order."""

    def __init__(self, root: Any, root_name: str = "L", cut: Sequence[Any] = (), using: Sequence[Any] = ()) -> None:
        import sympy as sp

        self.order = topological_order(*using, root)
        self.root = root
        chosen = {id(node) for node in cut}
        used: set[str] = {node.name for node in self.order if node.name}
        self.names: dict[int, str] = {}
        taken: set[str] = set()
        unnamed = 0
        for node in self.order:
            name = node.name
            if name is None and node is root:
                name = next(n for n in (root_name, "loss", "result", "root_1") if n not in used)
            elif name is None and (not node.operands or id(node) in chosen):
                while name is None or name in used:
                    unnamed += 1
                    name = f"v{unnamed}"
            if name is not None:
                first, again = name, 1
                while name in taken:
                    again += 1
                    name = f"{first}_{again}"
                taken.add(name)
                self.names[id(node)] = name
        self.nodes = [node for node in self.order if id(node) in self.names]
        self.symbols = {key: sp.Symbol(name, real=True) for key, name in self.names.items()}
        self.inner = [node for node in self.nodes if node.operands]
        self.definitions = {id(node): expression_of(node, self.symbols) for node in self.inner}
        self._below_root = {id(node) for node in topological_order(root)}
        self._rank = self._ranks()

    def of(self, node: Any) -> Any:
        """The symbol of a named node or leaf."""
        return self.symbols[id(node)]

    def _ranks(self) -> dict[int, tuple[int, int]]:
        """A place for every node: the root first, then nodes by their distance from it, in evaluation order."""
        level = {id(node): 0 for node in self.nodes}
        for node in reversed(self.inner):
            for below in self.nodes:
                if self.of(below) in self.definitions[id(node)].free_symbols:
                    level[id(below)] = max(level[id(below)], level[id(node)] + 1)
        return {id(node): (level[id(node)], place) for place, node in enumerate(self.nodes)}

    def backwards(self, nodes: Iterable[Any]) -> list[Any]:
        """Nodes in the order in which the chain rule reaches them."""
        return sorted(nodes, key=lambda node: self._rank[id(node)])

    def users(self, node: Any) -> list[Any]:
        """The named nodes between this one and the root whose definition contains it, nearest the root first."""
        symbol = self.of(node)
        return self.backwards(user for user in self.inner if id(user) in self._below_root
                              and symbol in self.definitions[id(user)].free_symbols)


def expression_of(root: Any, symbols: Mapping[int, Any]) -> Any:
    """A graph as one expression, cut where a node has a symbol (the root itself is always opened)."""
    expressions: dict[int, Symbolic] = {}
    pending: list[tuple[Any, bool]] = [(root, False)]
    while pending:
        node, finished = pending.pop()
        if id(node) in expressions:
            continue
        if (node is not root and id(node) in symbols) or not node.operands:
            expressions[id(node)] = Symbolic(symbols.get(id(node)) if id(node) in symbols else constant(node.data))
        elif finished:
            operands = [expressions[id(o)] if is_node(o) else Symbolic(constant(o)) for o in node.operands]
            expressions[id(node)] = operands[0].apply(node.operation, operands)
        else:
            pending.append((node, True))
            pending.extend((o, False) for o in node.operands if is_node(o))
    return expressions[id(root)].expression

