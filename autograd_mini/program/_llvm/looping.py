"""Bodies with loops as machine code for one example: each loop is a loop, its carry in registers.

Every body is a function of (numbers, results, frame), as `kernels.scalar` writes them, and the frame holds the result
of each operation. A loop whose step is short is written in place: what it carries are phi nodes, what the steps share
is loaded before it, streams and columns are walked along in memory. A long step, or one with loops of its own, is a
function that the loop calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini._body.body import Body, result_count
from autograd_mini._body.loops import Loop
from autograd_mini._core.rows import Operators, Primitive
from autograd_mini.program._llvm.ir import Code, double
from autograd_mini.program._llvm.kernels import OPTIMIZED, PIECE, Text, module_text
from autograd_mini.program._llvm.lowering import has_reading, lower

FEW = 4
"""Numbers up to which each is stored by itself."""
_ARGUMENTS = "ptr noalias %numbers, ptr noalias %results, ptr noalias %frame"


def scalar(body: Body) -> Text:
    """The module of one example's function."""
    writer = _Writer()
    frame = writer.function("scalar", body)
    functions = [*writer.functions]
    functions[-1] = functions[-1].replace("internal void @scalar", "void @scalar").replace("noinline ", "")
    return Text(module_text(functions, writer.declarations), frame, body.length <= OPTIMIZED)


class _Lowered(Operators):
    """A number in the code: the reading of an expansion."""

    __slots__ = ("code", "number")

    def __init__(self, code: Code, number: Any) -> None:
        self.code, self.number = code, number

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> _Lowered:
        numbers = [operand.number if type(operand) is _Lowered else float(operand) for operand in operands]
        return _Lowered(self.code, _apply(self.code, primitive, numbers))


def _apply(code: Code, row: Primitive, numbers: Sequence[Any]) -> Any:
    if row.expansion is None or (has_reading(row) and not code.library):
        return lower(code, row, numbers)
    made = row.expansion(*[_Lowered(code, number) for number in numbers])
    return made.number if type(made) is _Lowered else float(made)


class _Writer:
    """Writes the functions of a module, those called before their callers."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.declarations: dict[str, str] = {}

    def function(self, name: str, body: Body) -> int:
        """Write the function of a body; returns how many numbers its frame holds."""
        room = _Room(body)
        calls: list[str] = []
        piece: list[Any] = []
        first = body.first_operation
        for row, operands in body.statements:
            if isinstance(row, Loop) or len(piece) == PIECE:
                calls += self._piece(f"{name}.{len(calls)}", room, piece)
                piece = []
            if isinstance(row, Loop):
                calls.append(f"{name}.{len(calls)}")
                self._loop(calls[-1], room, row, operands, first)
            else:
                piece.append((row, operands, first))
            first += result_count(row)
        calls += self._piece(f"{name}.{len(calls)}", room, piece)
        lines = [f"  call void @{call}(ptr %numbers, ptr %results, ptr %frame)" for call in calls]
        code = self._code()
        self.gather(code, room, body.outputs, "%results", name)
        self._finish(f"internal void @{name}({_ARGUMENTS}) noinline", ["entry:", *lines, *code.lines], code)
        return room.size

    def gather(self, code: Code, room: _Room, slots: Sequence[int], target: str, name: str) -> None:
        """Copy some slots into memory, one behind the other: run by run, and constants from a table."""
        body = room.body
        if sum(map(body.is_constant, slots)) > FEW:
            numbers = [body.constant(slot) if body.is_constant(slot) else 0.0 for slot in slots]
            self._copy(code, target, self.table(f"@{name}.numbers", numbers), len(slots))
            filled = True
        else:
            filled = False
        for start, run in _runs(slots, (body.inputs, body.first_operation)):
            if body.is_constant(run[0]) and filled:
                continue
            if len(run) > FEW:
                self._copy(code, _at(code, target, start), room.address(code, run[0]), len(run))
                continue
            for place, slot in enumerate(run, start):
                code.write(f"store double {_name(code, room.load(code, slot))}, ptr {_at(code, target, place)}")

    def table(self, symbol: str, numbers: Sequence[float]) -> str:
        """Constants in memory."""
        listed = ", ".join(f"double {double(number)}" for number in numbers)
        self.declarations[symbol] = f"{symbol} = internal constant [{len(numbers)} x double] [{listed}]"
        return symbol

    def _copy(self, code: Code, target: str, source: str, count: int) -> None:
        copy = "@llvm.memcpy.p0.p0.i64"
        self.declarations[copy] = f"declare void {copy}(ptr, ptr, i64, i1)"
        code.write(f"call void {copy}(ptr {target}, ptr {source}, i64 {8 * count}, i1 false)")

    def _code(self) -> Code:
        return Code(1, careful=True, called=frozenset(), library=True)

    def _finish(self, head: str, lines: Sequence[str], code: Code) -> None:
        self.declarations.update(code.declarations)
        self.functions.append("\n".join([f"define {head} {{", *lines, "  ret void", "}"]))

    def _piece(self, name: str, room: _Room, piece: Sequence[Any]) -> list[str]:
        """Operations without a loop."""
        if not piece:
            return []
        code = self._code()
        known: dict[int, Any] = {}
        for row, operands, slot in piece:
            known.update((operand, room.load(code, operand)) for operand in operands if operand not in known)
            known[slot] = _apply(code, row, [known[operand] for operand in operands])
            room.store(code, slot, known[slot])
        self._finish(f"internal void @{name}({_ARGUMENTS}) noinline", ["entry:", *code.lines], code)
        return [name]

    def _loop(self, name: str, room: _Room, loop: Loop, operands: Sequence[int], first: int) -> None:
        """A loop: its carry as phi nodes, and the step written in place or called."""
        carry, known, trips, body = loop.carry, loop.carry + loop.shared, loop.trips, loop.step
        code = self._code()
        before = [_name(code, room.load(code, slot)) for slot in operands[:carry]]
        shared = [room.load(code, slot) for slot in operands[carry:known]]
        streams = [_Stream(self, code, room, operands[at:at + trips], f"{name}.{at}")
                   for at in range(known, len(operands), trips)]
        columns = [room.address(code, first + carry + at * trips) for at in range(loop.columns)]
        is_called = body.has_loops or len(body.statements) > PIECE
        if is_called:
            size = self.function(f"{name}.step", body)
            given = room.reserve(code, body.inputs)
            made, frame = room.reserve(code, len(body.outputs)), room.reserve(code, size)
            for at, number in enumerate(shared, carry):
                code.write(f"store double {_name(code, number)}, ptr {_at(code, given, at)}")
        entered = code.block
        code.write("br label %step")
        code.start_block("step")
        head = len(code.lines)
        place = code.fresh(f"sub i64 {trips - 1}, %trip") if loop.is_reversed else "%trip"
        now = [stream.load(code, place) for stream in streams]
        held = [code.wrap(f"%carried{at}") for at in range(carry)]
        if is_called:
            for at, number in [*enumerate(held), *enumerate(now, known)]:
                code.write(f"store double {_name(code, number)}, ptr {_at(code, given, at)}")
            code.write(f"call void @{name}.step(ptr {given}, ptr {made}, ptr {frame})")
            after = [code.wrap(code.fresh(f"load double, ptr {_at(code, made, at)}"))
                     for at in range(len(body.outputs))]
        else:
            slots = body.read(lambda row, numbers: _apply(code, row, numbers), [*held, *shared, *now])
            after = [slots[output] for output in body.outputs]
        for column, number in zip(columns, after[carry:]):
            code.write(f"store double {_name(code, number)}, ptr {_at(code, column, place)}")
        ends = [_name(code, number) for number in after[:carry]]
        code.write("%next = add i64 %trip, 1")
        code.write(f"%more = icmp ult i64 %next, {trips}")
        code.write("br i1 %more, label %step, label %done")
        phi = [f"  %trip = phi i64 [ 0, %{entered} ], [ %next, %{code.block} ]"]
        phi += [f"  %carried{at} = phi double [ {start}, %{entered} ], [ {end}, %{code.block} ]"
                for at, (start, end) in enumerate(zip(before, ends))]
        code.lines[head:head] = phi
        code.start_block("done")
        for at, end in enumerate(ends):
            code.write(f"store double {end}, ptr {_at(code, '%frame', room.place(first + at))}")
        self._finish(f"internal void @{name}({_ARGUMENTS}) noinline", ["entry:", *code.lines], code)


class _Room:
    """Where the slots of a body are."""

    def __init__(self, body: Body) -> None:
        self.body, self.size = body, body.slots - body.first_operation

    def place(self, slot: int) -> int:
        return slot - self.body.first_operation

    def reserve(self, code: Code, count: int) -> str:
        """Further memory in the frame."""
        self.size += count
        return _at(code, "%frame", self.size - count)

    def address(self, code: Code, slot: int) -> str:
        if self.body.is_input(slot):
            return _at(code, "%numbers", slot)
        return _at(code, "%frame", self.place(slot))

    def load(self, code: Code, slot: int) -> Any:
        if self.body.is_constant(slot):
            return self.body.constant(slot)
        return code.wrap(code.fresh(f"load double, ptr {self.address(code, slot)}"))

    def store(self, code: Code, slot: int, number: Any) -> None:
        code.write(f"store double {_name(code, number)}, ptr {self.address(code, slot)}")


class _Stream:
    """A stream of a loop: one number, a run in memory, a table of constants, or what is packed before the loop."""

    def __init__(self, writer: _Writer, code: Code, room: _Room, slots: Sequence[int], name: str) -> None:
        self.stride, self.number, self.base = 1, None, ""
        places, body = np.asarray(slots, dtype=np.int64), room.body
        steps = np.diff(places)
        if not steps.any():
            self.number = room.load(code, slots[0])
        elif body.is_constant(int(places.min())) and body.is_constant(int(places.max())):
            self.base = writer.table(f"@{name}.numbers", [*map(body.constant, slots)])
        elif (steps == steps[0]).all() and (body.is_input(int(places.max()))
                                            or int(places.min()) >= body.first_operation):
            self.base, self.stride = room.address(code, slots[0]), int(steps[0])
        else:
            self.base = room.reserve(code, len(slots))
            writer.gather(code, room, slots, self.base, name)

    def load(self, code: Code, place: str) -> Any:
        if self.number is not None:
            return self.number
        if self.stride != 1:
            place = code.fresh(f"mul i64 {place}, {self.stride}")
        return code.wrap(code.fresh(f"load double, ptr {_at(code, self.base, place)}"))


def _runs(slots: Sequence[int], borders: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    """Slots that follow each other and lie on the same side of every border, with the place of the first one."""
    places = np.asarray(slots, dtype=np.int64)
    ends = np.diff(places) != 1
    for border in borders:
        ends |= (places[:-1] < border) & (places[1:] >= border)
    cuts = [0, *(np.flatnonzero(ends) + 1).tolist(), len(slots)]
    return [(start, slots[start:stop]) for start, stop in itertools.pairwise(cuts) if stop > start]


def _at(code: Code, base: str, place: Any) -> str:
    return code.fresh(f"getelementptr double, ptr {base}, i64 {place}")


def _name(code: Code, number: Any) -> str:
    return code.constant(number).name if isinstance(number, float) else number.name
