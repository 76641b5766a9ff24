"""What is drawn as one box: scopes, long sums, and beyond a limit all that is far from the root."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Iterable, Union

from autograd_mini._core.graph import is_node
from autograd_mini._core.rows import PRODUCT, SUM

Fold = Union[bool, str, Iterable[str]]
_KEPT, _REST_BOXES, _LEAVES_APART, _TERMS = 60, 6, 3, 8


def grouped(order: list[Any], fold: Fold, limit: int) -> dict[int, Any]:
    """For the id of every node the key of its box: its own id, or a tuple that says what it is folded into."""
    groups = _scoped(order, fold)
    if fold is True:
        _summed(order, groups)
    _gather_leaves(order, groups)
    return _capped(order, groups, limit)


def _summed(order: list[Any], groups: dict[int, Any]) -> None:
    """Sums and dot products of many terms: the additions between, and the products that only they use."""
    uses = Counter(id(operand) for node in order for operand in node.operands if is_node(operand))
    taken: set[int] = set()
    for root in reversed(order):
        if not _binds(root, SUM) or id(root) in taken or groups[id(root)] != id(root):
            continue

        def inner(operand: Any) -> bool:
            key = id(operand)
            return is_node(operand) and not operand.name and uses[key] == 1 and groups[key] == key

        members: list[Any] = [root]
        terms: list[Any] = []
        for member in members:
            for operand in member.operands:
                additive = inner(operand) and _binds(operand, SUM)
                (members if additive else terms).append(operand)
        taken.update(map(id, members))
        if len(terms) >= _TERMS:
            products = [term for term in terms if inner(term) and _binds(term, PRODUCT)]
            groups.update((id(member), ("sum", id(root))) for member in [*members, *products])


def _binds(node: Any, strength: int) -> bool:
    """Whether a node is written as a sum, or as a product or quotient."""
    return bool(node.operands) and node.operation.binds[0] == strength


def _scoped(order: list[Any], fold: Fold) -> dict[int, Any]:
    groups: dict[int, Any] = {id(node): id(node) for node in order}
    if fold is False:
        return groups
    scopes = {id(node): node.note.scope for node in order if node.note is not None and node.note.scope}
    if not scopes:
        return groups
    shared, chosen = 0, frozenset[str]()
    if fold is True:
        operations = [node for node in order if node.operands]
        if len(operations) == sum(id(node) in scopes for node in operations):
            first, last = min(scopes.values()), max(scopes.values())
            shared = next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))
    else:
        chosen = frozenset([fold] if isinstance(fold, str) else fold)
        missing = chosen.difference(*scopes.values())
        if missing:
            known = sorted(set().union(*scopes.values()))
            raise ValueError(f"no scope of this graph is called {sorted(missing)[0]!r}: there are {', '.join(known)}")
    for key, scope in scopes.items():
        depth = shared + 1 if fold is True else next((i + 1 for i, name in enumerate(scope) if name in chosen), 0)
        if 0 < depth <= len(scope):
            groups[key] = ("scope", *scope[:depth])
    counts = Counter(groups.values())
    return {key: key if counts[group] == 1 else group for key, group in groups.items()}


def _gather_leaves(order: list[Any], groups: dict[int, Any]) -> None:
    """Leaves that only one folded box uses become one box in front of it."""
    users: dict[int, set[Any]] = {}
    for node in order:
        for operand in node.operands:
            if is_node(operand) and not operand.operands:
                users.setdefault(id(operand), set()).add(groups[id(node)])
    alone = {key: next(iter(found)) for key, found in users.items() if len(found) == 1}
    crowds = Counter(group for group in alone.values() if isinstance(group, tuple))
    for key, group in alone.items():
        if crowds[group] > _LEAVES_APART:
            groups[key] = ("leaves", group)


def _capped(order: list[Any], groups: dict[int, Any], limit: int) -> dict[int, Any]:
    """The boxes nearest to the root as they are, the rest folded by what hangs together."""
    if len(set(groups.values())) <= limit:
        return groups
    operands: dict[Any, dict[Any, None]] = {}
    for node in order:
        below = operands.setdefault(groups[id(node)], {})
        for operand in node.operands:
            if is_node(operand):
                below[groups[id(operand)]] = None
    root = groups[id(order[-1])]
    kept, pending = {root}, deque([root])
    while pending:
        for group in operands[pending.popleft()]:
            if group not in kept and len(kept) < min(limit, _KEPT):
                kept.add(group)
                pending.append(group)
    parent = {group: group for group in operands if group not in kept}

    def find(group: Any) -> Any:
        while parent[group] is not group:
            parent[group] = group = parent[parent[group]]
        return group

    for group, below in operands.items():
        for other in below:
            if group in parent and other in parent:
                parent[find(other)] = find(group)
    parts = list(dict.fromkeys(find(group) for group in parent))
    names = {part: ("rest", i if len(parts) <= _REST_BOXES else 0) for i, part in enumerate(parts)}
    return {key: group if group in kept else names[find(group)] for key, group in groups.items()}
