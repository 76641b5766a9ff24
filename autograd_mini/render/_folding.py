"""What is drawn as one box: scopes, long sums and what is repeated in them, and beyond a limit all that is far away."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Iterable, Iterator, Union

from autograd_mini._core.graph import is_node
from autograd_mini._core.rows import PRODUCT, SUM

Fold = Union[bool, str, Iterable[str]]
_KEPT, _REST_BOXES, _LEAVES_APART, _TERMS, _REPEATED, _PART, _LOOKS = 60, 6, 3, 8, 4, 400, 10


def grouped(order: list[Any], fold: Fold, limit: int) -> dict[int, Any]:
    """For the id of every node the key of its box: its own id, or a tuple that says what it is folded into."""
    groups = _scoped(order, fold)
    if fold is True:
        free = [node for node in order if groups[id(node)] == id(node)]
        for root, members, repeated in sums(order, {id(node) for node in free}):
            groups.update((id(member), ("sum", id(root), repeated)) for member in members)
    _gather_leaves(order, groups)
    return _capped(order, groups, limit)


def sums(order: list[Any], free: set[int]) -> Iterator[tuple[Any, list[Any], int]]:
    """Long sums and dot products, and sums of parts that are built alike, such as the losses of fifty examples.

    Each with all that is folded into it, which is `free`, and how many parts are alike (0 where it is many terms only).
    """
    uses = Counter(id(operand) for node in order for operand in node.operands if is_node(operand))
    taken: set[int] = set()
    budget = _LOOKS * len(order)  # sums inside sums would be looked through again and again
    for root in reversed(order):
        if not _binds(root, SUM) or id(root) in taken or id(root) not in free:
            continue

        def inner(operand: Any) -> bool:
            return is_node(operand) and uses[id(operand)] == 1 and id(operand) in free

        members: list[Any] = [root]
        terms: list[Any] = []
        for member in members:
            for operand in member.operands:
                additive = inner(operand) and not operand.name and _binds(operand, SUM)
                (members if additive else terms).append(operand)
        alike: dict[Any, list[list[Any]]] = {}
        often = Counter(term.operation for term in terms if is_node(term) and term.operands)
        if max(often.values(), default=0) >= _REPEATED and budget > 0:
            most = min(budget, _PART * len(terms))
            parts = _parts(terms, uses, free, most)
            budget -= sum(map(len, parts)) or most
            for part in parts:
                if 1 < len(part) <= _PART:
                    alike.setdefault(_shape(part), []).append(part)
        repeated = [same for same in alike.values() if len(same) >= _REPEATED]
        members += [node for same in repeated for part in same for node in part]
        if len(terms) >= _TERMS:
            known = set(map(id, members))
            members += [t for t in terms if inner(t) and not t.name and _binds(t, PRODUCT) and id(t) not in known]
        taken.update(map(id, members))
        if repeated or len(terms) >= _TERMS:
            yield root, members, max(map(len, repeated), default=0)


def _parts(terms: list[Any], uses: Counter[int], free: set[int], most: int) -> list[list[Any]]:
    """The operations below a sum that nothing else uses, by what hangs together: the losses of examples one by one.

    None where there are more operations than `most`.
    """
    private: list[Any] = []
    seen = Counter[int]()

    def use(operand: Any) -> None:
        if is_node(operand) and operand.operands and id(operand) in free:
            seen[id(operand)] += 1
            if seen[id(operand)] == uses[id(operand)]:
                private.append(operand)

    for term in terms:
        use(term)
    for node in private:
        if len(private) > most:
            return []
        for operand in node.operands:
            use(operand)
    parent = {id(node): id(node) for node in private}
    for node in private:
        for operand in node.operands:
            if id(operand) in parent:
                parent[_find(parent, id(operand))] = _find(parent, id(node))
    parts: dict[int, list[Any]] = {}
    for node in private:
        parts.setdefault(_find(parent, id(node)), []).append(node)
    return list(parts.values())


def _find(parent: dict[Any, Any], key: Any) -> Any:
    """The one that stands for all that hang together with a key."""
    while parent[key] != key:
        parent[key] = key = parent[parent[key]]
    return key


def _shape(part: list[Any]) -> tuple[Any, ...]:
    """How a part is built: its operations, which of them they use, and which nodes outside; two leaves are alike."""
    place = {id(node): i for i, node in enumerate(part)}

    def operand_shape(operand: Any) -> Any:
        if not is_node(operand) or not operand.operands:
            return "leaf"
        return place.get(id(operand), (id(operand),))

    return tuple((node.operation, *map(operand_shape, node.operands)) for node in part)


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
    """Leaves that only one folded box uses become one box in front of it; those that all its parts share stay apart."""
    users: dict[int, set[Any]] = {}
    uses = Counter(id(operand) for node in order for operand in node.operands if is_node(operand))
    for node in order:
        for operand in node.operands:
            if is_node(operand) and not operand.operands:
                users.setdefault(id(operand), set()).add(groups[id(node)])
    alone = {key: next(iter(found)) for key, found in users.items() if len(found) == 1}
    alone = {key: group for key, group in alone.items()
             if not (isinstance(group, tuple) and group[0] == "sum" and 0 < group[2] <= uses[key])}
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

    for group, below in operands.items():
        for other in below:
            if group in parent and other in parent:
                parent[_find(parent, other)] = _find(parent, group)
    parts = list(dict.fromkeys(_find(parent, group) for group in parent))
    names = {part: ("rest", i if len(parts) <= _REST_BOXES else 0) for i, part in enumerate(parts)}
    return {key: group if group in kept else names[_find(parent, group)] for key, group in groups.items()}
