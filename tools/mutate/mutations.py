"""Every place where a source file can be made a little wrong: another operator, a constant off by one, a branch
swapped, a statement left out.

Python is read as a tree, so that annotations, messages and docstrings stay as they are; Cython and JavaScript as lines.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is",
               "in": "not in", "not in": "in"}
OPERATORS = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "*", "**": "*", "@": "*", "&": "|", "|": "&",
             "^": "&", "<<": ">>", ">>": "<<"}
WORDS = {"and": "or", "or": "and"}
SYMBOLS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
           ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Add: "+", ast.Sub: "-", ast.Mult: "*",
           ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@", ast.BitAnd: "&",
           ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.And: "and", ast.Or: "or"}
IN_TEXT = re.compile(r" (<=|<|>=|==|!=|\+|-|\*|and|or|&&|\|\|) |(?<![\w.])(\d+)(?![\w.])")
SAID = re.compile(r"\"\"\".*?\"\"\"|\"(?:\\.|[^\"\n])*\"|'(?:\\.|[^'\n])*'|`[^`]*`|#[^\n]*|//[^\n]*|/\*.*?\*/",
                  re.DOTALL)


@dataclass(frozen=True)
class Mutant:
    """One wrong version of one file: the bytes from `start` to `end` are others."""

    path: Path
    line: int
    start: int
    end: int
    old: str
    new: str
    context: str

    @property
    def identity(self) -> str:
        """The same as long as the line and the function around it stay the same, wherever they move."""
        return hashlib.sha256(f"{self.path.as_posix()}|{self.context}|{self.old}|{self.new}".encode()).hexdigest()[:10]

    def __str__(self) -> str:
        old, new = (" ".join(text.split())[:60] for text in (self.old, self.new))
        return f"{self.identity}  {self.path.as_posix()}:{self.line}  {old}  ->  {new or 'nothing'}"

    def spoil(self, source: bytes) -> bytes:
        return source[:self.start] + self.new.encode() + source[self.end:]


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its lines; each of them can be compiled."""
    source = (root / path).read_bytes()
    if path.suffix != ".py":
        return [Mutant(path, source[:start].count(b"\n") + 1, start, start + len(old), old, new, context)
                for start, old, new, context in in_text(source.decode())]
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for (first, column), (last, last_column), instead, around in in_tree(ast.parse(source)):
        start, end = starts[first - 1] + column, starts[last - 1] + last_column
        old = source[start:end].decode()
        if isinstance(instead, tuple):      # an operator, which stands somewhere between its operands
            symbol, new = instead
            place = re.search(r"\s+".join(map(re.escape, symbol.split())), old)
            start += len(old[:place.start()].encode())
            end, old = start + len(place[0].encode()), place[0]
        else:
            new = instead.replace("{}", old)
        line = source[:start].count(b"\n")
        text, indent = source[starts[line]:starts[line + 1]].decode(), start - starts[line]
        context = f"{around}|{text.strip()}|{indent - len(text) + len(text.lstrip())}"
        found.append(Mutant(path, line + 1, start, end, old, new, context))
    return sorted(found, key=lambda mutant: mutant.start)


Place = tuple[int, int]
Change = tuple[Place, Place, "str | tuple[str, str]"]
"""From where to where (line and column), and what stands there instead: a text, whose `{}` is what stood there, or an
operator and the other one."""


def in_tree(tree: ast.AST, around: str = "") -> Iterator[tuple[Place, Place, str | tuple[str, str], str]]:
    """All changes below a node, with the function around each."""
    for name, field in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for node in field if isinstance(field, list) else [field]:
            if not isinstance(node, ast.AST) or isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            inside = f"{around}.{node.name}" if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else around
            yield from ((*change, inside) for change in changes(node))
            if not isinstance(node, ast.Raise):     # what an error says is for its reader
                yield from in_tree(node, inside)


def changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare():
            for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators):
                yield end_of(left), start_of(right), pair(COMPARISONS, operator)
        case ast.BinOp() if not isinstance(node.left, (ast.Constant, ast.JoinedStr)) or not isinstance(
                getattr(node.left, "value", 0), str):
            yield end_of(node.left), start_of(node.right), pair(OPERATORS, node.op)
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:]):
                yield end_of(left), start_of(right), pair(WORDS, node.op)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            line, column = start_of(node)
            yield (line, column), (line, column + (3 if isinstance(node.op, ast.Not) else 1)), " "
        case ast.Constant(value=bool()):
            yield start_of(node), end_of(node), str(not node.value)
        case ast.Constant(value=int()):
            yield start_of(node), end_of(node), str(node.value + 1)
        case ast.Constant(value=float()):
            yield start_of(node), end_of(node), repr(node.value * 1.5 if node.value else 1.5)
        case ast.If() | ast.While() | ast.IfExp():
            yield start_of(node.test), end_of(node.test), "not ({})"
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Continue() | ast.Break():
            yield start_of(node), end_of(node), "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield start_of(node), end_of(node), "pass"
        case ast.AugAssign():
            yield start_of(node), end_of(node), "pass"
            yield end_of(node.target), start_of(node.value), pair(OPERATORS, node.op)


def pair(others: dict[str, str], operator: ast.AST) -> tuple[str, str]:
    symbol = SYMBOLS[type(operator)]
    return symbol, others[symbol]


def start_of(node: ast.AST) -> Place:
    return node.lineno, node.col_offset


def end_of(node: ast.AST) -> Place:
    return node.end_lineno, node.end_col_offset


def in_text(text: str) -> Iterator[tuple[int, str, str, str]]:
    """(byte, what stands there, what stands there instead, the line), outside of comments and strings."""
    others = {**COMPARISONS, **OPERATORS, **WORDS, "&&": "||", "||": "&&"}
    bare = SAID.sub(lambda said: re.sub(r"[^\n]", "\0", said[0]), text)
    for found in IN_TEXT.finditer(bare):
        old = found[1] or found[2]
        start = found.start(1) if found[1] else found.start(2)
        first = text.rfind("\n", 0, start) + 1
        context = text[first:].split("\n", 1)[0].strip()
        if not context.startswith(("cimport", "from", "import", "cdef extern")):
            yield len(text[:start].encode()), old, others[old] if found[1] else str(int(old) + 1), \
                f"{context}|{start - first}"
