"""Machine code from LLVM IR: target, compilation, and the scalar routines that compiled code may call.

llvmlite is imported when something is compiled, not before. Compilation is under one lock; a target machine belongs
to one engine (shared ones break when the first engine is released); every module has a context of its own, which is
released with it, so a process that compiles for ever does not grow.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import threading
import weakref
from collections import OrderedDict
from typing import Any

from autograd_mini._core.extras import library
from autograd_mini.primitives import Primitive, lookup

lock = threading.RLock()
"""Held while something is compiled. A fork waits for it, so no child is left with half of an engine."""

KEPT = 32
compiled: OrderedDict[tuple[str, bool], Machine] = OrderedDict()
_routines: dict[str, Any] = {}
_own_rows: dict[Primitive, int] = {}
"""A number for each row of a user's own, of which several may have one name."""
_failures = threading.local()


class Machine:
    """Compiled functions, by name. They live as long as this object."""

    def __init__(self, engine: Any, context: Any) -> None:
        self._engine = engine
        weakref.finalize(self, _release, engine, context)

    def address(self, name: str) -> int:
        return int(self._engine.get_function_address(name))

    def function(self, name: str, arguments: int) -> Any:
        """A callable of that many addresses or integers; it releases the interpreter's lock while it runs."""
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)
        function = prototype(self.address(name))
        function.machine = self  # type: ignore[attr-defined]
        return function


def _release(engine: Any, context: Any) -> None:
    """Free an engine, then the context its module lives in; the garbage collector would take them in any order."""
    engine.close()
    context.close()


@functools.lru_cache(maxsize=1)
def _target() -> tuple[Any, Any, str, str]:
    """llvmlite, the target, and this processor with its features."""
    llvm = library("llvmlite.binding", "compiling a Program to machine code")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return (llvm, llvm.Target.from_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def has_feature(name: str) -> bool:
    """Whether this processor has an extension, by LLVM's name for it."""
    return f"+{name}" in _target()[3].split(",")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def compile_text(text: str, optimized: bool) -> Machine:
    """The machine code of a module; the same text is compiled once as long as it is among the last ones used.

    There is nothing for LLVM's passes over the text to do, which is written without repetitions; `optimized` is
    about generating machine code. False is for very large graphs: time grows in proportion to the text.
    """
    key = (text, optimized)
    with lock:
        known = compiled.get(key)
        if known is None:
            known = compiled[key] = _build(text, optimized)
        compiled.move_to_end(key)
        while len(compiled) > KEPT:
            compiled.popitem(last=False)
    return known


def _build(text: str, optimized: bool) -> Machine:
    llvm, target, processor, features = _target()
    machine = target.create_target_machine(cpu=processor, features=features, opt=2 if optimized else 0, jit=True)
    context = llvm.create_context()
    module = llvm.parse_assembly(text, context)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return Machine(engine, context)


def routine(row: Primitive) -> str:
    """The symbol of a row's scalar routine: the C library's function, or a call back to the row's `value`."""
    with lock:
        number = row.index if row.index >= 0 else f"own{_own_rows.setdefault(row, len(_own_rows))}"
        symbol = f"row.{row.name}.{number}"
        if symbol not in _routines:
            llvm = _target()[0]
            value: Any = row.value
            if getattr(value, "restype", None) is not ctypes.c_double:
                kind = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * len(row.partials))
                value = kind(_reporting(row))
            _routines[symbol] = value
            llvm.add_symbol(symbol, ctypes.cast(value, ctypes.c_void_p).value)
    return symbol


def _reporting(row: Primitive) -> Any:
    """The row's value as a callback: an exception is kept and raised when the compiled code has returned."""

    def value(*operands: float) -> float:
        try:
            return row.number(*operands)
        except Exception as error:
            _failures.error = error
            return math.nan

    return value


def raise_failure() -> None:
    """Raise what a row's own function raised inside code that this thread called, if anything."""
    error = getattr(_failures, "error", None)
    if error is not None:
        del _failures.error
        raise error


def library_routine(name: str) -> str:
    """The symbol of the C library's function of a built-in row."""
    return routine(lookup(name))


def library_power() -> str:
    """The symbol of the C library's pow, without the special cases of the row."""
    from autograd_mini.primitives import _c_pow

    function: Any = _c_pow
    symbol = "row.c_pow"
    with lock:
        if symbol not in _routines:
            _routines[symbol] = function
            _target()[0].add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
    return symbol
