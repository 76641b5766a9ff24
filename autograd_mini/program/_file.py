"""Files of Programs and graphs that last: JSON that runs nothing, with floats to the last bit, or refused.

    {"format": "autograd_mini", "version": 1, "kind": "program",
     "name": ..., "parameters": [name], "positional": 2, "arguments": [layout],
     "result": layout, "names": {slot: name}, "example": [number],
     "body": {"inputs": 2, "constants": [number], "rows": [row], "operations": [[row, slot, slot]], "outputs": [slot]}}

Numbers are hexadecimal floats as text. A layout is ["part", name, start, shape], ["list", [layout]], ["tuple",
[layout]], ["dict", [[key, layout]]], ["class", module, name, [layout]] for named tuples and dataclasses, or ["fixed",
text or null]. A row of the package is its name and what computes its value; a loop is its step, which is a body, and
how often; a row that solves equations says what it is made of. A row of the user's own also says where it is: its
module, like those of classes, must have been imported before, since loading imports none of them. A graph has
leaves, [name, number], instead of arguments.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import struct
import sys
from typing import Any, NoReturn, Optional, Sequence, Union

from autograd_mini._body.body import Body, operand_count
from autograd_mini._body.builder import builder
from autograd_mini._body.loops import Loop
from autograd_mini._core import persistence, recording, registry, trees
from autograd_mini._core.errors import SavedFileError, TracedValueError, UnknownRowError
from autograd_mini._core.graph import topological_order
from autograd_mini._core.kinds import Graph, Nested
from autograd_mini._core.registry import is_value
from autograd_mini._core.rows import BUILT_IN, Primitive
from autograd_mini._core.value import Value
from autograd_mini.program import _layout as layouts
from autograd_mini.program._layout import Part
from autograd_mini.program._program import Program
from autograd_mini.render._saving import whole_file

FORMAT, VERSION = "autograd_mini", 1
Path = Union[str, os.PathLike[str]]


def save(thing: Union[Graph, Nested], path: Path) -> None:
    """Write a Program, or the graph of a Value or of a nesting of Values, to a JSON file that `load` reads.

    Of a graph, names, scopes and gradients are kept; its numbers are computed anew when it is loaded. A file is there
    whole or not at all.

    >>> import tempfile
    >>> from autograd_mini import Value, exp, load, trace
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(trace(lambda w, x: exp(w * x), 2.0, 0.0), folder + "/step.json")
    ...     load(folder + "/step.json")(0.0, 3.0)
    1.0

    Raises TypeError for anything else, and where a primitive of your own cannot be found again by import;
    StaleGraphError where a leaf was assigned since; OSError, with the path, where it cannot be written.
    """
    content = _program(thing) if isinstance(thing, Program) else _graph(thing)
    head = {"format": FORMAT, "version": VERSION, **content}
    text = ",\n".join(f"{json.dumps(key)}: {json.dumps(entry, allow_nan=False)}" for key, entry in head.items())
    with whole_file(path) as place:
        place.write_text("{" + text + "}\n", encoding="utf-8")


def load(path: Path) -> Any:
    """The Program or the graph in a file that `save` wrote. Nothing in the file is executed, and nothing is imported.

    Raises SavedFileError, with the reason, where the file is damaged, of another version, or uses a primitive that is
    not here or is another one; OSError where it cannot be read.
    """
    with open(os.fspath(path), "rb") as file:
        raw = file.read()
    try:
        content = json.loads(raw.decode("utf-8"), parse_constant=lambda word: _refuse(f"{word} is no JSON"),
                             object_pairs_hook=_object)
        return _loaded(content)
    except _Refused as refused:
        reason = str(refused)
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:  # the text is no JSON, or no UTF-8
        reason = f"it is not, or no longer, JSON ({error})"
    raise SavedFileError(f"{os.fspath(path)} cannot be loaded: {reason}")


def load_program(path: Path) -> Program:
    """The Program in a file; SavedFileError where it holds a graph."""
    found = load(path)
    if not isinstance(found, Program):
        raise SavedFileError(f"{os.fspath(path)} holds a graph, not a Program: load it with autograd_mini.load")
    return found


class _Refused(Exception):
    """Why a file does not fit."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        _refuse(f"{_short(next(name for name in names if names.count(name) > 1))} stands in it twice")
    return found


def _refuse(reason: str) -> NoReturn:
    raise _Refused(reason)


def _loaded(content: Any) -> Any:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        _refuse("it holds no Program and no graph of autograd_mini")
    version = content.get("version")
    if version != VERSION or type(version) is not int:
        _refuse(f"its format is version {version!r}, and this package reads version {VERSION}")
    kind = content.get("kind")
    if kind not in ("program", "graph"):
        _refuse(f"it holds {kind!r}, neither a program nor a graph")
    return _program_of(content) if kind == "program" else _graph_of(content)


# Programs -------------------------------------------------------------------------------------------------------------

def _program(program: Program) -> dict[str, Any]:
    return {"kind": "program", "name": program.name, "parameters": list(program.parameters),
            "positional": program.positional, "arguments": [*map(_layout, program.arguments)],
            "result": _layout(program.result), "names": {str(slot): name for slot, name in program.names.items()},
            "example": [*map(_hex, program.example)], "body": _body(program.body)}


def _program_of(content: dict[str, Any]) -> Program:
    body = _body_of(_get(content, "body", dict))
    arguments = [_layout_of(layout) for layout in _get(content, "arguments", list)]
    result = _layout_of(_get(content, "result", list))
    _fits(arguments, body.inputs, "arguments")
    _fits(result, len(body.outputs), "result")
    parameters, positional = _texts(_get(content, "parameters", list)), _get(content, "positional", int)
    if len(parameters) != len(arguments) or not 0 <= positional <= len(arguments):
        _refuse(f"it has {len(arguments)} arguments, {positional} of them positional, and {len(parameters)} names")
    example = [_number_of(text) for text in _get(content, "example", list)]
    if len(example) != body.inputs:
        _refuse(f"its example has {len(example)} numbers, and there are {body.inputs} inputs")
    names = _by_slot(_get(content, "names", dict), body.slots)
    return Program(_get(content, "name", str), parameters, positional, arguments, result, body, names, example)


def _fits(layout: Any, slots: int, what: str) -> None:
    if not layouts.covers(layout, slots):
        _refuse(f"the parts of its {what} do not lie one behind the other in {slots} slots")


# Graphs ---------------------------------------------------------------------------------------------------------------

def _graph(tree: Any) -> dict[str, Any]:
    layout, roots, _ = layouts.lay_out(tree, "root")
    for root in roots or [tree]:
        if not is_value(root):
            raise TypeError("a Program, or the graph of a Value or of a nesting of Values, can be saved, not "
                            f"{type(root).__name__}")
    if recording.is_differentiating():
        raise TracedValueError("a graph cannot be saved while a function of its leaves is differentiated or traced")
    order = topological_order(*roots)
    made = builder(simplified=False, merged=False)
    slots = made.load(roots, exactly=True, others=order)
    body = made.body(slots[:len(roots)])
    places = [made.place(slot) for slot in slots[len(roots):]]
    leaves = sorted((place, node) for place, node in zip(places, order) if place < body.inputs)
    inner = [(str(place), node) for place, node in zip(places, order) if place >= body.first_operation]
    return {"kind": "graph", "result": _layout(layout), "leaves": [[node.name, _hex(node.data)] for _, node in leaves],
            "names": {slot: node.name for slot, node in inner if node.name},
            "scopes": {slot: list(node.note.scope) for slot, node in inner if node.note and node.note.scope},
            "gradients": {str(place): _hex(node.grad) for place, node in zip(places, order) if node.grad is not None},
            "body": _body(body)}


def _graph_of(content: dict[str, Any]) -> Any:
    body = _body_of(_get(content, "body", dict))
    if body.has_loops:
        _refuse("it is a graph with a loop, and graphs have none")
    result = _layout_of(_get(content, "result", list))
    _fits(result, len(body.outputs), "result")
    leaves = [_leaf_of(entry) for entry in _get(content, "leaves", list)]
    if len(leaves) != body.inputs:
        _refuse(f"it has {len(leaves)} leaves, and its body has {body.inputs} inputs")
    names = _by_slot(_get(content, "names", dict), body.slots)
    scopes = {slot: _texts(scope) for slot, scope in _by_slot(_get(content, "scopes", dict), body.slots, list).items()}
    place = body.first_operation

    def apply(row: Primitive, operands: Sequence[Any]) -> Any:
        nonlocal place
        if not any(map(is_value, operands)):
            _refuse(f"the operation of slot {place} has no node among its operands")
        with contextlib.ExitStack() as stack:
            for name in scopes.get(place, ()):
                stack.enter_context(recording.scope(name))
            node = row(*operands)
        node.name = names.get(place)
        place += 1
        return node

    slots = body.read(apply, leaves)
    for slot, text in _by_slot(_get(content, "gradients", dict), body.slots).items():
        if not is_value(slots[slot]):
            _refuse(f"slot {slot} is a constant, which has no gradient")
        slots[slot].grad = _number_of(text)
    for output in body.outputs:
        if not is_value(slots[output]):
            _refuse("its result is a constant, not a node")
    return layouts.rebuilt(result, [slots[output] for output in body.outputs])


def _leaf_of(entry: Any) -> Value:
    if type(entry) is not list or len(entry) != 2 or not (entry[0] is None or type(entry[0]) is str):
        _refuse(f"{_short(entry)} is no leaf")
    return Value(_number_of(entry[1]), entry[0])


# Bodies and rows ------------------------------------------------------------------------------------------------------

def _body(body: Body) -> dict[str, Any]:
    place = {row: at for at, row in enumerate(body.rows)}
    return {"inputs": body.inputs, "constants": [*map(_hex, body.constants)], "rows": [*map(_row, body.rows)],
            "operations": [[place[row], *operands] for row, operands in body.statements], "outputs": list(body.outputs)}


def _body_of(content: dict[str, Any]) -> Body:
    inputs = _get(content, "inputs", int)
    if not 0 <= inputs < 2 ** 31:
        _refuse(f"its body has {inputs} inputs")
    rows = [_row_of(entry) for entry in _get(content, "rows", list)]
    constants = [_number_of(text) for text in _get(content, "constants", list)]
    operations = []
    for entry in _get(content, "operations", list):
        row, *operands = _slots(entry) or _refuse("an operation is empty")
        if row >= len(rows):
            _refuse(f"an operation has row {row}, and there are {len(rows)}")
        if len(operands) != operand_count(rows[row]):
            _refuse(f"{rows[row]!r} is applied to {len(operands)} operands")
        operations.append((rows[row], tuple(operands)))
    try:
        return Body(inputs, constants, operations, _slots(_get(content, "outputs", list)))
    except ValueError as error:
        _refuse(str(error))


def _row(row: Any) -> dict[str, Any]:
    if isinstance(row, Loop):
        return {"trips": row.trips, "carry": row.carry, "shared": row.shared, "reversed": row.is_reversed,
                "step": _body(row.step)}
    name, value = row.name, persistence.value_print(row)
    if BUILT_IN.get(name) is row:
        return {"name": name, "value": value}
    if row.remake is not None:
        return {"name": name, "made": [row.remake[0], *map(_argument, row.remake[1])]}
    _, (module, attribute, _, print_) = persistence.saved_row(row)
    return {"name": name, "value": value, "module": module, "attribute": attribute, "print": print_}


def _row_of(entry: Any) -> Union[Primitive, Loop]:
    if type(entry) is not dict:
        _refuse(f"{_short(entry)} is no row")
    if "step" in entry:
        return _loop_of(entry)
    if "made" in entry:
        return _made_of(_get(entry, "made", list))
    name, value = _get(entry, "name", str), _get(entry, "value", str)
    try:
        if "module" in entry:
            attribute = entry.get("attribute")
            row = persistence.imported_row(_get(entry, "module", str), attribute if type(attribute) is str else None,
                                           name, _get(entry, "print", str))
        else:
            row = persistence.built_in_row(name)
    except UnknownRowError as error:
        _refuse(str(error))
    if persistence.value_print(row) != value:
        _refuse(f"the primitive {name!r} of this version of the package computes its value in another way")
    return row


def _argument(argument: Any) -> Any:
    """What a row is made of: bodies, whole numbers, texts, None and tuples of floats."""
    if isinstance(argument, Body):
        return _body(argument)
    return [*map(_hex, argument)] if isinstance(argument, tuple) else argument


def _made_of(entry: list[Any]) -> Primitive:
    maker, *parts = entry or [None]
    arguments = [_body_of(part) if type(part) is dict else tuple(map(_number_of, part)) if type(part) is list else part
                 for part in parts]
    try:
        return registry.remake(maker, tuple(arguments))
    except (LookupError, TypeError, ValueError) as error:
        _refuse(f"{_short(maker)} makes no row of this: {error}")


def _loop_of(entry: dict[str, Any]) -> Loop:
    step = _body_of(_get(entry, "step", dict))
    trips, carry, shared = (_get(entry, key, int) for key in ("trips", "carry", "shared"))
    if min(trips, carry, shared) < 0 or carry + shared > step.inputs or carry > len(step.outputs):
        _refuse(f"a loop of {trips} steps with {carry} carried and {shared} shared numbers does not fit its step")
    loop = Loop(trips, step, carry, shared, _get(entry, "reversed", bool))
    if loop.operands + loop.results >= 2 ** 31:
        _refuse(f"a loop of {trips} steps is too long")
    return loop


# Layouts and numbers --------------------------------------------------------------------------------------------------

_KEYS = (str, int, bool, type(None))


def _layout(layout: Any) -> list[Any]:
    if type(layout) is Part:
        return ["part", layout.name, layout.start, None if layout.shape is None else list(layout.shape)]
    found, kind = trees.branches(layout), type(layout)
    if found is None and (layout is None or kind is str):
        return ["fixed", layout]
    if found is None:
        raise TypeError(f"a program with {layout!r} in its arguments or its result cannot be saved as JSON: pickle it")
    entries = [*map(_layout, found.entries)]
    if kind is dict and all(type(key) in _KEYS for key in layout):
        return ["dict", [list(pair) for pair in zip(layout, entries)]]
    if kind in (list, tuple):
        return [kind.__name__, entries]
    if isinstance(layout, dict):
        raise TypeError(f"a program with a {kind.__name__} of the keys {[*layout]} cannot be saved as JSON: use texts")
    return ["class", kind.__module__, kind.__qualname__, entries]


def _layout_of(content: Any) -> Any:
    kind, *fields = content if type(content) is list and content else [None]
    if kind == "part" and len(fields) == 3:
        name, start, shape = fields
        if type(name) is str and type(start) is int and start >= 0:
            return Part(name, start, None if shape is None else tuple(_slots(shape)))
    if kind == "fixed" and len(fields) == 1 and (fields[0] is None or type(fields[0]) is str):
        return fields[0]
    if kind in ("list", "tuple") and len(fields) == 1 and type(fields[0]) is list:
        return (list if kind == "list" else tuple)(map(_layout_of, fields[0]))
    if kind == "dict" and len(fields) == 1 and type(fields[0]) is list:
        pairs = fields[0]
        if all(type(pair) is list and len(pair) == 2 and type(pair[0]) in _KEYS for pair in pairs):
            found = {key: _layout_of(entry) for key, entry in pairs}
            if len(found) == len(pairs):
                return found
    if kind == "class" and len(fields) == 3 and type(fields[2]) is list:
        return _of_class(fields[0], fields[1], [*map(_layout_of, fields[2])])
    _refuse(f"{_short(content)} is no layout")


def _of_class(module: Any, name: Any, entries: list[Any]) -> Any:
    """A named tuple or a dataclass of a module that is imported already; no __init__ runs."""
    home = sys.modules.get(module) if type(module) is str else None
    found: Any = vars(home).get(name) if home and type(name) is str else None
    made: Any
    kind: Any = found
    is_class = isinstance(found, type)
    if is_class and issubclass(found, tuple) and hasattr(found, "_fields"):
        names, made = found._fields, tuple.__new__(found, entries)
    elif is_class and dataclasses.is_dataclass(found):
        names, made = [field.name for field in dataclasses.fields(found)], object.__new__(kind)
        for field, entry in zip(names, entries):
            object.__setattr__(made, field, entry)
    else:
        _refuse(f"the named tuple or dataclass {name!r} of the module {module!r} is not there: import the module first")
    if len(names) != len(entries):
        _refuse(f"the class {name!r} has other fields now")
    return made


def _hex(number: float) -> str:
    """A float as text with all its bits; nans that are not the usual one by their bits."""
    if math.isnan(number):
        bits = struct.pack(">d", number).hex()
        return "nan" if bits == "7ff8000000000000" else f"nan {bits}"
    return float(number).hex()


def _number_of(text: Any) -> float:
    if type(text) is not str:
        _refuse(f"{_short(text)} is no number: numbers are hexadecimal floats as text")
    try:
        if text.startswith("nan "):
            found: float = struct.unpack(">d", bytes.fromhex(text[4:]))[0]
            if math.isnan(found):
                return found
            raise ValueError
        return float.fromhex(text)
    except (ValueError, OverflowError, struct.error):
        _refuse(f"{_short(text)} is no hexadecimal float")


def _get(content: dict[str, Any], key: str, kind: type) -> Any:
    found = content.get(key)
    if type(found) is not kind:
        _refuse(f"its {key!r} is {_short(found)}, and not of type {kind.__name__}")
    return found


def _slots(entries: Any) -> list[int]:
    if type(entries) is not list or not all(type(entry) is int and 0 <= entry < 2 ** 31 for entry in entries):
        _refuse(f"{_short(entries)} holds something that is no slot")
    return entries


def _texts(entries: Any) -> list[str]:
    if not all(type(entry) is str for entry in entries):
        _refuse(f"{_short(entries)} holds something that is no name")
    return entries


def _by_slot(content: dict[str, Any], count: int, kind: type = str) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for key, entry in content.items():
        if not (key.isascii() and key.isdigit() and len(key) < 10 and int(key) < count) or type(entry) is not kind:
            _refuse(f"{_short(key)}: {_short(entry)} belongs to no slot")
        found[int(key)] = entry
    return found


def _short(content: Optional[Any]) -> str:
    text = repr(content)
    return text if len(text) <= 60 else f"{text[:57]}..."
