"""Pickling and copying graphs of any depth, with the identity of shared nodes kept.

Pickle follows references recursively, and a chain of a million nodes would overflow its stack. So a node first hands
over its ancestors, operands before users, as one flat sequence; while the pickler is inside that, each node refers to
its operands only, which the pickler has met by then and knows by identity. A `_Token` notes what a pickler was handed,
so that nothing is handed over twice; it lives in the pickler's memo and goes with it.
"""

from __future__ import annotations

import binascii
import importlib
import sys
import threading
import types
import weakref
from collections.abc import Container, Iterator
from typing import Any, Optional

from autograd_mini._core import recording, registry
from autograd_mini._core.errors import TracedValueError, UnknownRowError
from autograd_mini._core.recording import Note
from autograd_mini._core.rows import BUILT_IN, TABLE, Primitive, Symbol, noted

_thread = threading.local()


class _Token:
    """What a pickler has been handed. A pickler that has not met it asks for its `__reduce__`, and so gets its own."""

    def __init__(self) -> None:
        self.handed: set[int] = set()
        self.inside = False
        _thread.token = weakref.ref(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return bool, ((_Token(),) if self.handed else ())


def _token() -> _Token:
    reference = getattr(_thread, "token", None)
    return (reference and reference()) or _Token()


class _Inside:
    """Switches flat pickling on before the ancestors of a node, and off behind them."""

    def __init__(self, inside: bool) -> None:
        self.inside = inside

    def __reduce__(self) -> tuple[Any, ...]:
        _token().inside = self.inside
        return bool, ()


class _Ancestors:
    """What a node depends on and this pickler was not handed yet, operands before users."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def __reduce__(self) -> tuple[Any, ...]:
        handed = _token().handed
        order = _unmet(self.node, handed)
        handed.update(map(id, order))
        return _nothing, (_Inside(True), *order[:-1], _Inside(False))


def _unmet(root: Any, met: Container[int]) -> list[Any]:
    """A topological order of what a node depends on, without going beyond nodes whose ids were met before."""
    order: list[Any] = []
    seen: set[int] = set()
    pending = [(root, False)]
    while pending:
        node, finished = pending.pop()
        if finished:
            order.append(node)
        elif id(node) not in seen and id(node) not in met:
            seen.add(id(node))
            pending.append((node, True))
            pending.extend((operand, False) for operand in reversed(node.operands) if type(operand) is not float)
    return order


def reduce(node: Any, engine: str) -> tuple[Any, ...]:
    """What `__reduce__` of a node returns."""
    if recording.is_differentiating():
        raise TracedValueError("a Value cannot be pickled while a function of it is differentiated or traced: what is "
                               "made from the pickle would have no gradient")
    token = _token()
    if not node.operands or (token.inside and id(node) in token.handed):
        return _restore, _fields(node, engine)
    return _last, (token, _Ancestors(node), (_restore, *_fields(node, engine)))


def _nothing(*parts: Any) -> None:
    return None


def _fields(node: Any, engine: str) -> tuple[Any, ...]:
    operation = node.operation
    stale = any(type(operand) is not float and operand.stamp > node.stamp for operand in node.operands)
    return (engine, node.data, node.name, operation, node.operands, node.partials, node.grad,
            0 if stale else 1, node.note)


def _last(*parts: Any) -> Any:
    build, *fields = parts[-1]
    return build(*fields)


def _restore(engine: str, data: float, name: Optional[str], operation: Optional[Primitive], operands: tuple[Any, ...],
             partials: tuple[Any, ...], grad: Optional[float], stamp: int, note: Optional[Note]) -> Any:
    known = registry.engines.get(engine) or registry.engine_of(())
    return known.kind.restore(data, name, operation, operands, partials, grad, stamp, note)


def deepcopy(node: Any, memo: dict[int, Any]) -> Any:
    """What `__deepcopy__` of a node returns: a copy of its whole graph, sharing where the original shares.

    While a function is differentiated or traced it is a number that depends on the original, which gets its gradient.
    """
    if recording.is_differentiating():
        return shallow_copy(node)
    for original in _unmet(node, memo):
        operands = tuple(memo.get(id(operand), operand) for operand in original.operands)
        memo[id(original)] = shallow_copy(original, operands)
    return memo[id(node)]


def shallow_copy(node: Any, operands: Optional[tuple[Any, ...]] = None) -> Any:
    """A node of its own with the same number, gradient and operands; see `deepcopy` for one inside a function."""
    if recording.is_differentiating():
        return node.apply(TABLE["mul"], (node, 1.0))
    return type(node).restore(node.data, node.name, node.operation, node.operands if operands is None else operands,
                              node.partials, node.grad, node.stamp, node.note)


# Rows -----------------------------------------------------------------------------------------------------------------

def saved_row(row: Primitive) -> tuple[Any, ...]:
    """What pickle keeps of a row: its name, and for one of the user's own where to import it and a fingerprint.

    Raises TypeError for a row that cannot be found again by import.
    """
    if BUILT_IN.get(row.name) is row:
        return built_in_row, (row.name,)
    if row.remake is not None:
        return remade_row, row.remake
    return own_row, (row.module, _attribute(row), row.name, fingerprint(row))


def _attribute(row: Primitive) -> Optional[str]:
    """The name of the row's function in its module; None for a row that is found in the table."""
    module = sys.modules.get(row.module)
    for name, thing in list(vars(module).items()) if module else []:
        if callable(thing) and registry.row_of(thing) is row:
            return name
    if TABLE.get(row.name) is row:
        return None
    raise TypeError(f"the primitive {row.name!r} cannot be saved, for it could not be found again by import: make its "
                    "function at the top of a module, with a name of its own")


def built_in_row(name: str) -> Primitive:
    """The row of the package of that name."""
    if name not in BUILT_IN:
        raise UnknownRowError(f"no primitive is called {name!r} in this version of the package")
    return BUILT_IN[name]


def remade_row(maker: str, arguments: tuple[Any, ...]) -> Primitive:
    """A row that is made of its arguments."""
    return registry.remake(maker, arguments)


def own_row(module: str, attribute: Optional[str], name: str, saved: str) -> Primitive:
    """The row of the user's own that was saved. Raises UnknownRowError where it is missing or is another one."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise UnknownRowError(f"what is loaded uses the primitive {name!r} of the module {module!r}, which cannot be "
                              f"imported ({error}): make it importable, then load again") from None
    return imported_row(module, attribute, name, saved)


def imported_row(module: str, attribute: Optional[str], name: str, saved: str) -> Primitive:
    """The same, of a module that must have been imported already."""
    home = sys.modules.get(module)
    if home is None:
        raise UnknownRowError(f"it uses the primitive {name!r} of the module {module!r}: import that first")
    row = registry.row_of(vars(home).get(attribute)) if attribute else TABLE.get(name)
    if row is None:
        raise UnknownRowError(f"no primitive is called {name!r}: define it in the module {module!r} with "
                              "custom_gradient or primitive, as it was when this was saved, then load again")
    if not _is_same(saved, fingerprint(row)):
        raise UnknownRowError(f"the primitive {name!r} of the module {module!r} is not the one that this was saved "
                              "with: its value or a derivative was changed since")
    return row


def fingerprint(row: Primitive) -> str:
    """What a row computes, in few letters: the steps of its derivatives, then, by Python's version, its code."""
    steps = [row.name, str(len(row.partials)), row.c or ""]
    for position, rule in enumerate(row.partials):
        try:
            steps.append("None" if rule is None else repr([(step.name, *operands) for step, operands
                                                           in noted(row, position).steps]))
        except Exception:   # a rule that needs bare floats, or looks at them
            steps.append("floats")
    code = [part for rule in (row.value, *row.partials) for part in _code(rule, set())]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return "-".join([_short("|".join(steps)), version, _short("|".join(code))])


def value_print(row: Primitive) -> str:
    """How the value of a row is computed, in few letters: its C text, or the steps of its expansion."""
    if row.c is not None or row.expansion is None:
        return _short(f"{row.name}|{len(row.partials)}|{row.c}")
    made: list[Any] = [len(row.partials)]
    result = row.expansion(*[Symbol(made, place) for place in range(len(row.partials))])
    steps = [(step.name, *operands) for step, operands in made[1:]]
    return _short(f"{row.name}|{steps}|{result.at if type(result) is Symbol else result}")


def _is_same(saved: str, found: str) -> bool:
    """Fingerprints agree; code is compared where one version of Python made both."""
    steps, _, rest = saved.partition("-")
    version, _, code = rest.partition("-")
    our_steps, our_version, our_code = found.split("-")
    return steps == our_steps and (version != our_version or code == our_code)


def _short(text: str) -> str:
    return f"{binascii.crc32(text.encode()):08x}"


def _code(thing: Any, seen: set[int]) -> Iterator[str]:
    """The code of a function, of what it encloses, and the constants in them."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, types.CodeType):
        yield thing.co_code.hex() + repr(thing.co_names)
        for constant in thing.co_consts:
            yield from _code(constant, seen)
    elif isinstance(thing, types.FunctionType):
        yield from _code(thing.__code__, seen)
        for cell in thing.__closure__ or ():
            yield from _code(cell.cell_contents, seen)
    elif thing is None or isinstance(thing, (str, bytes, int, float, complex)):
        yield repr(thing)
    elif isinstance(thing, (tuple, list, frozenset)):
        for entry in sorted(thing, key=repr) if isinstance(thing, frozenset) else thing:
            yield from _code(entry, seen)
    else:
        yield getattr(thing, "__qualname__", type(thing).__qualname__)


registry.saved_row = saved_row
