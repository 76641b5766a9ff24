"""LLVM IR of straight-line code over a fixed number of lanes, written with Python's operators.

A `Code` collects the instructions of one function, a `Lanes` names one of its values: a row of doubles, of 64-bit
integers or of truth values. With one lane the same Python code writes scalar instructions, so one row, a block and a
tail give the same bits. An instruction is written once: asking for it again returns the earlier value, which makes
the text small without any optimiser (two functions of the same operand share their range reduction).

No fast-math flag is ever written, and LLVM never fuses a product with a sum by itself. `fma` is asked for by name,
and only inside elementary functions: it rounds once on every machine, so bits don't depend on the hardware; a
processor without the instruction pays with a slow call.
"""

from __future__ import annotations

import struct
from typing import Any, Collection, Iterable, Optional, Sequence, Union

Number = Union[int, float]
_OPERATION = {"f": {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"},
              "i": {"+": "add", "-": "sub", "*": "mul", "<<": "shl", ">>": "lshr", "&": "and", "|": "or"},
              "b": {"&": "and", "|": "or", "^": "xor"}}
_SCALAR = {"f": "double", "i": "i64", "b": "i1"}


def double(number: float) -> str:
    """A float as LLVM writes it, exact to the bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Code:
    """The instructions of one function over `lanes` rows, and what it needs declared beside it.

    Elementary functions are those of the C library where `library` says so; else our own, written in place but for
    the `called` ones, which are functions of the module (None: all of them).
    """

    def __init__(self, lanes: int, careful: bool = True, called: Optional[Collection[str]] = (), scales: bool = False,
                 library: bool = False) -> None:
        self.lanes, self.careful, self.called, self.library = lanes, careful, called, library
        self.scales = scales and lanes == 16
        self.truths: dict[str, str] = {}
        self.decays: dict[str, Lanes] = {}
        self.lines: list[str] = []
        self.before: list[str] = []
        self.declarations: dict[str, str] = {}
        self.block = "entry"
        self._known: dict[str, str] = {}
        self._count = 0

    def type(self, kind: str) -> str:
        return _SCALAR[kind] if self.lanes == 1 else f"<{self.lanes} x {_SCALAR[kind]}>"

    def suffix(self, kind: str) -> str:
        scalar = {"f": "f64", "i": "i64", "b": "i1"}[kind]
        return scalar if self.lanes == 1 else f"v{self.lanes}{scalar}"

    def write(self, instruction: str) -> None:
        """An instruction without a result: a store, a branch, a call for its effect."""
        self.lines.append("  " + instruction)

    def fresh(self, instruction: str) -> str:
        """An instruction whose result may differ each time it is asked for, such as a load."""
        self._count += 1
        self.lines.append(f"  %v{self._count} = {instruction}")
        return f"%v{self._count}"

    def value(self, instruction: str) -> str:
        """An instruction whose result depends on its operands only; written once."""
        name = self._known.get(instruction)
        if name is None:
            name = self._known[instruction] = self.fresh(instruction)
        return name

    def entry(self, table: str, kind: str, place: int) -> str:
        """An entry of a table that is an argument of the function, read once, before any loop."""
        name = f"%{table}.{place}"
        if name not in self._known:
            self._known[name] = name
            self.before += [f"  {name}.at = getelementptr {kind}, ptr %{table}, i64 {place}",
                            f"  {name} = load {kind}, ptr {name}.at"]
        return name

    def start_block(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def label(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def constant(self, number: Number, kind: str = "f") -> Lanes:
        text = double(number) if kind == "f" else str(int(number))
        return Lanes(self, kind, text if self.lanes == 1 else f"splat ({_SCALAR[kind]} {text})")

    def wrap(self, name: str, kind: str = "f") -> Lanes:
        return Lanes(self, kind, name)

    def declare(self, name: str, text: str) -> str:
        self.declarations[name] = text
        return name

    def intrinsic(self, name: str, *operands: Lanes) -> Lanes:
        """A call of an LLVM intrinsic on doubles, such as fma."""
        kind = self.type("f")
        full = f"@llvm.{name}.{self.suffix('f')}"
        self.declare(full, f"declare {kind} {full}({', '.join([kind] * len(operands))})")
        return self.wrap(self.value(f"call {kind} {full}({', '.join(f'{kind} {o.name}' for o in operands)})"))


class Lanes:
    """One value of a `Code`: kind f (doubles), i (64-bit integers) or b (truth values), in every lane."""

    __slots__ = ("code", "kind", "name")

    def __init__(self, code: Code, kind: str, name: str) -> None:
        self.code, self.kind, self.name = code, kind, name

    def _with(self, symbol: str, other: Any, swapped: bool = False) -> Lanes:
        if not isinstance(other, Lanes):
            other = self.code.constant(other, self.kind)
        left, right = (other, self) if swapped else (self, other)
        if symbol in "+*" and right.name.startswith("%") and not left.name.startswith("%"):
            left, right = right, left  # so that 1 + x and x + 1 are the same instruction
        operation = f"{_OPERATION[self.kind][symbol]} {self.code.type(self.kind)} {left.name}, {right.name}"
        return Lanes(self.code, self.kind, self.code.value(operation))

    def __add__(self, other: Any) -> Lanes: return self._with("+", other)
    def __radd__(self, other: Any) -> Lanes: return self._with("+", other, True)
    def __sub__(self, other: Any) -> Lanes: return self._with("-", other)
    def __rsub__(self, other: Any) -> Lanes: return self._with("-", other, True)
    def __mul__(self, other: Any) -> Lanes: return self._with("*", other)
    def __rmul__(self, other: Any) -> Lanes: return self._with("*", other, True)
    def __truediv__(self, other: Any) -> Lanes: return self._with("/", other)
    def __rtruediv__(self, other: Any) -> Lanes: return self._with("/", other, True)
    def __and__(self, other: Any) -> Lanes: return self._with("&", other)
    def __or__(self, other: Any) -> Lanes: return self._with("|", other)
    def __xor__(self, other: Any) -> Lanes: return self._with("^", other)
    def __lshift__(self, other: Any) -> Lanes: return self._with("<<", other)
    def __rshift__(self, other: Any) -> Lanes: return self._with(">>", other)
    def __neg__(self) -> Lanes: return self.code.wrap(self.code.value(f"fneg {self.code.type('f')} {self.name}"))
    def __abs__(self) -> Lanes: return self.code.intrinsic("fabs", self)
    def __lt__(self, other: Any) -> Lanes: return self.compare("olt", other)
    def __le__(self, other: Any) -> Lanes: return self.compare("ole", other)
    def __gt__(self, other: Any) -> Lanes: return self.compare("ogt", other)
    def __ge__(self, other: Any) -> Lanes: return self.compare("oge", other)

    def compare(self, predicate: str, other: Any) -> Lanes:
        """A truth value in each lane, by the name of LLVM's comparison of doubles: oeq, une, uno, ..."""
        if not isinstance(other, Lanes):
            other = self.code.constant(other)
        comparison = f"fcmp {predicate} {self.code.type('f')} {self.name}, {other.name}"
        return Lanes(self.code, "b", self.code.value(comparison))

    def same(self, other: Any) -> Lanes: return self.compare("oeq", other)
    def is_nan(self) -> Lanes: return self.compare("uno", 0.0)

    def otherwise(self) -> Lanes:
        """Not, of a truth value."""
        return self ^ self.code.constant(-1, "b")

    def bits(self) -> Lanes:
        """The doubles as 64-bit integers, bit for bit; `as_float` is the way back."""
        return self._cast("f", "i")

    def as_float(self) -> Lanes:
        return self._cast("i", "f")

    def _cast(self, old: str, new: str) -> Lanes:
        cast = f"bitcast {self.code.type(old)} {self.name} to {self.code.type(new)}"
        return Lanes(self.code, new, self.code.value(cast))


def scale_by_power(y: Lanes, k: Lanes) -> Optional[Lanes]:
    """y 2^k by one instruction, where the processor has it; the same bits as any other way that rounds once."""
    code = y.code
    if not code.scales:
        return None
    name = "@llvm.x86.avx512.mask.scalef.pd.512"
    code.declare(name, f"declare <8 x double> {name}(<8 x double>, <8 x double>, <8 x double>, i8, i32)")
    parts = []
    for at in range(0, code.lanes, 8):
        places = ", ".join(f"i32 {place}" for place in range(at, at + 8))
        left, right = (code.value(f"shufflevector {code.type('f')} {x.name}, {code.type('f')} poison, "
                                  f"<8 x i32> <{places}>") for x in (y, k))
        parts.append(code.value(f"call <8 x double> {name}(<8 x double> {left}, <8 x double> {right}, "
                                "<8 x double> zeroinitializer, i8 -1, i32 4)"))
    places = ", ".join(f"i32 {place}" for place in range(code.lanes))
    return code.wrap(code.value(f"shufflevector <8 x double> {parts[0]}, <8 x double> {parts[1]}, "
                                f"<{code.lanes} x i32> <{places}>"))


def select(condition: Lanes, yes: Any, no: Any) -> Lanes:
    """In each lane one of two, never a mixture: what is not taken may be nan."""
    code = condition.code
    kind = next((x.kind for x in (yes, no) if isinstance(x, Lanes)), "f")
    yes, no = (x if isinstance(x, Lanes) else code.constant(x, kind) for x in (yes, no))
    return Lanes(code, kind, code.value(f"select {code.type('b')} {condition.name}, {code.type(kind)} {yes.name}, "
                                        f"{code.type(kind)} {no.name}"))


def fma(a: Any, b: Any, c: Any) -> Lanes:
    """a b + c, rounded once."""
    code = next(x.code for x in (a, b, c) if isinstance(x, Lanes))
    return code.intrinsic("fma", *[x if isinstance(x, Lanes) else code.constant(x) for x in (a, b, c)])


def sqrt(a: Lanes) -> Lanes: return a.code.intrinsic("sqrt", a)
def floor(a: Lanes) -> Lanes: return a.code.intrinsic("floor", a)


def with_sign_of(magnitude: Lanes, sign: Lanes) -> Lanes:
    return sign.code.intrinsic("copysign", magnitude, sign)


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """c[0] + c[1] x + c[2] x^2 + ..., four neighbours at a time, so that no operation waits for many others."""
    square = x * x
    pairs: list[Any] = [fma(high, x, low) for low, high in zip(coefficients[::2], coefficients[1::2])]
    pairs += coefficients[len(pairs) * 2:]
    terms = [fma(high, square, low) for low, high in zip(pairs[::2], pairs[1::2])]
    terms += pairs[len(terms) * 2:]
    fourth = square * square
    total = terms[-1]
    for term in terms[-2::-1]:
        total = fma(fourth, total, term)
    return total


def lookup(table: str, size: int, index: Lanes) -> Lanes:
    """table[index] in each lane, from a global array of doubles; an index is between 0 and size - 1."""
    code = index.code
    address = f"getelementptr [{size} x double], ptr {table}, i64 0, {code.type('i')} {index.name}"
    if code.lanes == 1:
        return code.wrap(code.value(f"load double, ptr {code.value(address)}"))
    n, kind = code.lanes, code.type("f")
    gather = f"@llvm.masked.gather.v{n}f64.v{n}p0"
    modern = f"{kind} {gather}(<{n} x ptr>, i32, <{n} x i1>, {kind})"
    code.declare(gather, f"declare {modern}")
    pointers = code.value(address)
    return code.wrap(code.value(f"call {kind} {gather}(<{n} x ptr> {pointers}, i32 8, <{n} x i1> splat (i1 true), "
                                f"{kind} poison)"))


def constant_table(code: Code, name: str, entries: Iterable[float]) -> str:
    """A read-only array of doubles beside the function."""
    entries = list(entries)
    listed = ", ".join(f"double {double(entry)}" for entry in entries)
    return code.declare(f"@{name}", f"@{name} = internal constant [{len(entries)} x double] [{listed}], align 64")


def call_each(code: Code, symbol: str, operands: Sequence[Lanes]) -> Lanes:
    """A scalar routine called for every lane: what a primitive without vector code is lowered to."""
    never = code.constant(0.0)
    return _slow_lanes(code, symbol, operands, never, code.constant(1, "b"))


def repaired(result: Lanes, unsafe: Lanes, symbol: str, operands: Sequence[Lanes]) -> Lanes:
    """`result`, but lanes where `unsafe` holds by a scalar routine; one test skips it where no lane is unsafe."""
    code = result.code
    slow, done = code.label("slow"), code.label("done")
    before = code.block
    if code.lanes == 1:
        anywhere = unsafe.name
    else:
        reduce = f"@llvm.vector.reduce.or.{code.suffix('b')}"
        code.declare(reduce, f"declare i1 {reduce}({code.type('b')})")
        anywhere = code.fresh(f"call i1 {reduce}({code.type('b')} {unsafe.name})")
    code.write(f"br i1 {anywhere}, label %{slow}, label %{done}, !prof !0")
    code.start_block(slow)
    mended = _slow_lanes(code, symbol, operands, result, unsafe)
    code.write(f"br label %{done}")
    code.start_block(done)
    return code.wrap(code.fresh(f"phi {code.type('f')} [ {result.name}, %{before} ], [ {mended.name}, %{slow} ]"))


def _slow_lanes(code: Code, symbol: str, operands: Sequence[Lanes], result: Lanes, unsafe: Lanes) -> Lanes:
    arity = len(operands)
    code.declare(f"@{symbol}", f"declare double @{symbol}({', '.join(['double'] * arity)})")
    listed = ", ".join(f"{code.type('f')} {operand.name}" for operand in operands)
    if code.lanes == 1:
        return code.wrap(code.fresh(f"call double @{symbol}({listed})"))
    helper = f"@{symbol}.lanes{code.lanes}"
    code.declare(helper, _lane_loop(helper, symbol, code.lanes, arity))
    return code.wrap(code.fresh(f"call {code.type('f')} {helper}({listed}, {code.type('f')} {result.name}, "
                                f"{code.type('b')} {unsafe.name})"))


def _lane_loop(helper: str, symbol: str, lanes: int, arity: int) -> str:
    """A function that walks over the lanes and calls the scalar routine where it is asked to."""
    vector, names = f"<{lanes} x double>", [f"%x{i}" for i in range(arity)]
    spill = "\n".join(f"  %a{i} = alloca {vector}\n  store {vector} %x{i}, ptr %a{i}" for i in range(arity))
    fetch = "\n".join(f"  %p{i} = getelementptr double, ptr %a{i}, i64 %lane\n  %y{i} = load double, ptr %p{i}"
                      for i in range(arity))
    return f"""define internal {vector} {helper}({", ".join(f"{vector} {n}" for n in names)}, {vector} %known, \
<{lanes} x i1> %unsafe) noinline cold {{
entry:
{spill}
  %results = alloca {vector}
  store {vector} %known, ptr %results
  %bytes = zext <{lanes} x i1> %unsafe to <{lanes} x i8>
  %flags = alloca <{lanes} x i8>
  store <{lanes} x i8> %bytes, ptr %flags
  br label %test
test:
  %lane = phi i64 [ 0, %entry ], [ %next, %step ]
  %flagged = getelementptr i8, ptr %flags, i64 %lane
  %flag = load i8, ptr %flagged
  %wanted = icmp ne i8 %flag, 0
  br i1 %wanted, label %call, label %step
call:
{fetch}
  %y = call double @{symbol}({", ".join(f"double %y{i}" for i in range(arity))})
  %place = getelementptr double, ptr %results, i64 %lane
  store double %y, ptr %place
  br label %step
step:
  %next = add i64 %lane, 1
  %more = icmp ult i64 %next, {lanes}
  br i1 %more, label %test, label %end
end:
  %all = load {vector}, ptr %results
  ret {vector} %all
}}"""

