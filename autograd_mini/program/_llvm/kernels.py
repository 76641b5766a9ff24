"""The functions that a body is compiled to, as LLVM IR.

`scalar` is one example: `scalar(numbers, results, frame)`. `rows` walks over tiles of sixteen rows:

    kernel(first row, tiles, live, addresses, strides, shared, frame, sums, outs, out strides)

    live                 how many rows of a tile count in the sums: 16, or what a padded tile holds
    addresses, strides   of the arrays of data, one address a column or array, one stride an array
    shared               the numbers that are the same for every row, computed beforehand
    frame                memory for numbers between the pieces of a large graph
    sums                 for each block of 4,096 rows and each summed slot the sums of eight lanes, which it adds to
    outs, out strides    for each slot written row by row its address and the distance between rows

A large graph is written in pieces of at most 200 operations, each a function, as the time LLVM takes grows faster than
a function's length; what one piece makes and another needs goes through the frame, whose places are used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Optional

from autograd_mini.program._llvm import engine
from autograd_mini.program._llvm.ir import Code
from autograd_mini.program._llvm.loading import TILE, Line, Loader, Source, address, half, lines_ahead, splat
from autograd_mini.program._llvm.lowering import Operand, Step, lower, repeated
from autograd_mini.program._reduction import BLOCK, LANES

PIECE = 200
OPTIMIZED = 5_000
"""Longer graphs are compiled without optimisation."""


class Text(NamedTuple):
    """A module, how many numbers its frame holds, and whether it is worth optimising."""

    module: str
    frame: int
    optimized: bool


def module_text(functions: Sequence[str], declarations: dict[str, str]) -> str:
    metadata = '!0 = !{!"branch_weights", i32 1, i32 100000}\n!1 = !{}\n'
    return "\n".join([*declarations.values(), *functions, metadata])


class Pieces:
    """A list of steps cut into pieces, with the frame's places for what crosses from one to another."""

    def __init__(self, steps: Sequence[Step], outputs: Iterable[int], reserved: int = 0) -> None:
        self.pieces = [steps[at:at + PIECE] for at in range(0, len(steps), PIECE)] or [steps]
        made = {result: piece for piece, part in enumerate(self.pieces) for _, _, result in part}
        last = dict(made)
        for piece, part in enumerate(self.pieces):
            for _, operands, _ in part:
                for slot in operands:
                    if slot in made:
                        last[slot] = piece
        finished: list[list[int]] = [[] for _ in self.pieces]
        self.place: dict[int, int] = {}
        free: list[int] = []
        self.size = reserved
        for piece, part in enumerate(self.pieces):
            for _, _, result in part:
                if last[result] > piece:
                    if not free:
                        free.append(self.size)
                        self.size += 1
                    self.place[result] = free.pop()
                    finished[last[result]].append(result)
            free.extend(self.place[slot] for slot in finished[piece])
        self.outputs = set(outputs)


def write_piece(code: Code, part: Sequence[Step], fetch: Callable[[int], Operand],
                made: Callable[[int, Operand], None]) -> dict[int, Operand]:
    """Write the steps of one piece; `fetch` brings what was made before, `made` is told every result."""
    known: dict[int, Operand] = {}
    for row, operands, result in part:
        for slot in operands:
            if slot not in known:
                known[slot] = fetch(slot)
        known[result] = lower(code, row, [known[slot] for slot in operands])
        made(result, known[result])
    return known


def scalar(inputs: int, constants: Sequence[float], steps: Sequence[Step], outputs: Sequence[int],
           library: bool) -> Text:
    """The module of one example's function, with the C library's elementary functions or with our own."""
    cut = Pieces(steps, outputs)
    first_step = inputs + len(constants)
    wanted: dict[int, list[int]] = {}
    for position, slot in enumerate(outputs):
        wanted.setdefault(slot, []).append(position)
    called = repeated(steps)
    declarations: dict[str, str] = {}
    functions: list[str] = []
    arguments = "ptr noalias %numbers, ptr noalias %results, ptr noalias %frame"
    for piece, part in enumerate(cut.pieces):
        code = Code(1, careful=True, called=called, library=library)

        def fetch(slot: int, code: Code = code) -> Operand:
            if inputs <= slot < first_step:
                return constants[slot - inputs]
            base, place = ("%numbers", slot) if slot < inputs else ("%frame", cut.place[slot])
            at = code.value(f"getelementptr double, ptr {base}, i64 {place}")
            return code.wrap(code.value(f"load double, ptr {at}"))

        def made(slot: int, number: Operand, code: Code = code) -> None:
            places = [("%results", position) for position in wanted.get(slot, ())]
            if slot in cut.place:
                places.append(("%frame", cut.place[slot]))
            for base, place in places:
                number = number if not isinstance(number, float) else code.constant(number)
                at = code.value(f"getelementptr double, ptr {base}, i64 {place}")
                code.write(f"store double {number.name}, ptr {at}")

        write_piece(code, part, fetch, made)
        if piece == 0:
            for slot in wanted:
                if slot < first_step:
                    made(slot, fetch(slot))
        declarations.update(code.declarations)
        functions.append(_function(f"internal void @piece{piece}({arguments}) noinline", code))
    calls = "\n".join(f"  call void @piece{piece}(ptr %numbers, ptr %results, ptr %frame)"
                      for piece in range(len(cut.pieces)))
    functions.append(f"define void @scalar({arguments}) {{\n{calls}\n  ret void\n}}")
    return Text(module_text(functions, declarations), cut.size, len(steps) <= OPTIMIZED)


def _function(head: str, code: Code) -> str:
    return "\n".join([f"define {head} {{", "entry:", *code.lines, "  ret void", "}"])


class RowsPlan(NamedTuple):
    """What a kernel over rows computes.

    steps      the operations that differ from row to row
    constants  numbers by slot
    shared     places in `shared` by slot
    summed     slots added up over the rows of a block
    written    slots written row by row, with whether their rows lie one after the other
    careful    whether products of the chain rule are checked one by one
    """

    steps: Sequence[Step]
    sources: Sequence[Source]
    constants: dict[int, float]
    shared: dict[int, int]
    summed: Sequence[int]
    written: Sequence[tuple[int, bool]]
    careful: bool


_ARGUMENTS = ("i64 %first, i64 %tiles, i64 %live, ptr noalias %addresses, ptr noalias %strides, "
              "ptr noalias %shared, ptr noalias %frame, ptr noalias %sums, ptr noalias %outs, ptr noalias %out.strides")
_PIECE = ("i64 %row, i64 %live, ptr noalias %addresses, ptr noalias %strides, ptr noalias %shared, "
          "ptr noalias %frame, ptr noalias %block, ptr noalias %outs, ptr noalias %out.strides")
_CALL = ("i64 %row, i64 %live, ptr %addresses, ptr %strides, ptr %shared, ptr %frame, ptr %block, ptr %outs, "
         "ptr %out.strides")


def rows(plan: RowsPlan) -> Text:
    """The module of a kernel over rows."""
    cut = Pieces(plan.steps, [*plan.summed, *(slot for slot, _ in plan.written)])
    called = repeated(plan.steps)
    declarations: dict[str, str] = {}
    functions: list[str] = []
    single = len(cut.pieces) == 1
    in_registers = single and len(plan.summed) <= 12
    writer, ahead = None, lines_ahead(plan.sources)
    for piece, part in enumerate(cut.pieces):
        writer = _RowsWriter(plan, cut, called, in_registers, ahead)
        writer.code.block = "tile" if single else "entry"
        writer.write(part, final=piece == len(cut.pieces) - 1)
        declarations.update(writer.code.declarations)
        if not single:
            lines = writer.code.before + writer.code.lines
            functions.append("\n".join([f"define internal void @piece{piece}({_PIECE}) noinline {{", "entry:", *lines,
                                        "  ret void", "}"]))
    assert writer is not None
    if single:
        entry, tile, last = writer.code.before, writer.code.lines, writer.code.block
    else:
        entry, last = [], "tile"
        tile = [f"  call void @piece{piece}({_CALL})" for piece in range(len(cut.pieces))]
    functions.append(_loops(plan, entry, tile, last, writer.totals if in_registers else None))
    return Text(module_text(functions, declarations), cut.size * TILE, len(plan.steps) <= OPTIMIZED)


class _RowsWriter:
    """Writes one piece of a kernel over rows."""

    def __init__(self, plan: RowsPlan, cut: Pieces, called: frozenset[str], in_registers: bool,
                 lines: list[Line]) -> None:
        self.plan, self.cut, self.in_registers = plan, cut, in_registers
        self.code = Code(TILE, careful=plan.careful, called=called, scales=engine.has_feature("avx512f"))
        self.code.before += [
            "  %live.first = insertelement <8 x i64> poison, i64 %live, i64 0",
            "  %live.all = shufflevector <8 x i64> %live.first, <8 x i64> poison, <8 x i32> zeroinitializer",
            *(f"  %alive{which} = icmp ult <8 x i64> <{_numbered(8 * which)}>, %live.all" for which in (0, 1))]
        self.loaders: dict[int, tuple[Loader, int]] = {}
        place = 0
        for number, layout in enumerate(plan.sources):
            loader = Loader(self.code, layout, place, number)
            for column in range(layout.columns):
                self.loaders[layout.start + column] = loader, column
            place += layout.pointers
        self.lines, self.share = lines, -(-len(lines_ahead(plan.sources)) // max(1, len(plan.steps)))
        self.sums: dict[int, list[int]] = {}
        for position, slot in enumerate(plan.summed):
            self.sums.setdefault(slot, []).append(position)
        self.totals: dict[int, str] = {}
        self.outs: dict[int, list[tuple[int, bool]]] = {}
        for position, (slot, unit) in enumerate(plan.written):
            self.outs.setdefault(slot, []).append((position, unit))

    def _prefetch(self, count: int) -> None:
        """Ask for the next lines of later data: spread over the operations, so that no queue fills up."""
        for pointer, ahead, width, offset in self.lines[:count]:
            row = self.code.value(f"add i64 %row, {ahead}")
            start = self.code.value(f"getelementptr [{width} x i8], ptr {address(self.code, pointer)}, i64 {row}")
            at = self.code.value(f"getelementptr i8, ptr {start}, i64 {offset}")
            name = self.code.declare("@llvm.prefetch.p0", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
            self.code.write(f"call void {name}(ptr {at}, i32 0, i32 3, i32 1)")
        del self.lines[:count]

    def write(self, part: Sequence[Step], final: bool) -> None:
        write_piece(self.code, part, self._fetch, self._made)
        if final:  # what is asked for may also be an input, or the same for every row
            made = {result for _, _, result in self.plan.steps}
            for slot in dict.fromkeys([*self.sums, *self.outs]):
                if slot not in made:
                    self._deliver(slot, self._fetch(slot))

    def _fetch(self, slot: int) -> Operand:
        code, plan = self.code, self.plan
        if slot in plan.constants:
            return plan.constants[slot]
        if slot in plan.shared:
            at = code.value(f"getelementptr double, ptr %shared, i64 {plan.shared[slot]}")
            return splat(code, code.value(f"load double, ptr {at}, !invariant.load !1"))
        if slot in self.loaders:
            loader, column = self.loaders[slot]
            return loader.column(column)
        at = code.value(f"getelementptr {code.type('f')}, ptr %frame, i64 {self.cut.place[slot]}")
        return code.wrap(code.value(f"load {code.type('f')}, ptr {at}, align 64"))

    def _made(self, slot: int, number: Operand) -> None:
        if slot in self.cut.place:
            kind = self.code.type("f")
            at = self.code.value(f"getelementptr {kind}, ptr %frame, i64 {self.cut.place[slot]}")
            self.code.write(f"store {kind} {number.name}, ptr {at}, align 64")
        self._deliver(slot, number)
        self._prefetch(self.share)

    def _deliver(self, slot: int, number: Operand) -> None:
        """Add to the sums and write to the results that ask for this slot."""
        code = self.code
        if isinstance(number, float):
            number = code.constant(number)
        for position in self.sums.get(slot, ()):
            at = code.value(f"getelementptr <8 x double>, ptr %block, i64 {position}")
            total = f"%sum{position}" if self.in_registers else code.fresh(f"load <8 x double>, ptr {at}, align 64")
            for which in (0, 1):
                longer = code.fresh(f"fadd <8 x double> {total}, {half(code, number, which)}")
                total = code.fresh(f"select <8 x i1> %alive{which}, <8 x double> {longer}, <8 x double> {total}")
            self.totals[position] = total
            if not self.in_registers:
                code.write(f"store <8 x double> {total}, ptr {at}, align 64")
        for position, unit in self.outs.get(slot, ()):
            self._write_rows(position, unit, number.name)

    def _write_rows(self, position: int, unit: bool, name: str) -> None:
        code, kind, out = self.code, self.code.type("f"), self.code.entry("outs", "ptr", position)
        if unit:
            at = code.value(f"getelementptr double, ptr {out}, i64 %row")
            code.write(f"store {kind} {name}, ptr {at}, align 1")
            return
        stride = code.entry("out.strides", "i64", position)
        for row in range(TILE):
            number = code.value(f"extractelement {kind} {name}, i64 {row}")
            offset = code.value(f"mul i64 {code.value(f'add i64 %row, {row}')}, {stride}")
            at = code.value(f"getelementptr i8, ptr {out}, i64 {offset}")
            code.write(f"store double {number}, ptr {at}, align 1")


def _numbered(first: int) -> str:
    return ", ".join(f"i64 {first + place}" for place in range(LANES))


def _loops(plan: RowsPlan, entry: Sequence[str], tile: Sequence[str], last: str,
           totals: Optional[dict[int, str]]) -> str:
    """The kernel: a loop over blocks around a loop over tiles. `totals` are the sums, where registers hold them."""
    sums = range(len(plan.summed))
    places = [f"  %place{i} = getelementptr <8 x double>, ptr %block, i64 {i}" for i in sums]
    carried, store = [], []
    if totals is not None:
        places += [f"  %before{i} = load <8 x double>, ptr %place{i}, align 64" for i in sums]
        carried = [f"  %sum{i} = phi <8 x double> [ %before{i}, %blocks ], [ {totals[i]}, %{last} ]" for i in sums]
        store = [f"  store <8 x double> {totals[i]}, ptr %place{i}, align 64" for i in sums]
    return "\n".join([
        f"define void @kernel({_ARGUMENTS}) {{", "start:", *entry, "  br label %blocks", "blocks:",
        "  %from = phi i64 [ %first, %start ], [ %stop, %next ]",
        "  %left = phi i64 [ %tiles, %start ], [ %rest, %next ]",
        "  %block = phi ptr [ %sums, %start ], [ %block.next, %next ]",
        f"  %short = icmp ult i64 %left, {BLOCK // TILE}", f"  %now = select i1 %short, i64 %left, i64 {BLOCK // TILE}",
        "  %rest = sub i64 %left, %now", f"  %length = mul i64 %now, {TILE}", "  %stop = add i64 %from, %length",
        *places, "  br label %tile", "tile:",
        f"  %row = phi i64 [ %from, %blocks ], [ %row.next, %{last} ]", *carried, *tile,
        f"  %row.next = add i64 %row, {TILE}", "  %more = icmp ult i64 %row.next, %stop",
        "  br i1 %more, label %tile, label %next", "next:", *store,
        f"  %block.next = getelementptr <8 x double>, ptr %block, i64 {len(sums)}",
        "  %again = icmp ugt i64 %rest, 0", "  br i1 %again, label %blocks, label %end", "end:", "  ret void", "}"])
