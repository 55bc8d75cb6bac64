"""Small changes of Python code, each of which a test should notice.

Comparisons are turned around, operands of `and` and `or` dropped, conditions negated, guards removed, words and
numbers changed, steps of one turned back, open questions left out. Documentation, types and the options of classes
stay as they are, since no behaviour hangs on them.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TURNED: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}
_TYPES = frozenset({"TypeVar", "cast", "Protocol", "NewType"})
_CLASS_OPTIONS = frozenset({"frozen", "kw_only", "eq", "order", "forbid_unknown_fields", "tag", "gc", "omit_defaults"})


class Change(NamedTuple):
    """One change: the code points `[start, end)` of a file become `text`. `line` is where it stands, from 1."""

    path: str
    line: int
    start: int
    end: int
    text: str
    kind: str
    was: str

    def applied(self, source: str) -> str:
        """The changed source."""
        return source[: self.start] + self.text + source[self.end :]

    @property
    def shown(self) -> str:
        """What it does, on one line."""
        return f"{_line(self.was)}  →  {_line(self.text)}"


def _line(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= 110 else f"{joined[:107]}…"


def changes(path: str, source: str) -> list[Change]:
    """Every change that a file offers, in the order of their places."""
    return sorted(set(_Finder(path, source).found()))


class _Finder:
    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.lines = source.splitlines()

    def found(self) -> Iterator[Change]:
        yield from self._inside(ast.parse(self.source))

    def _inside(self, node: ast.AST) -> Iterator[Change]:
        yield from self._of(node)
        for child in _children(node):
            yield from self._inside(child)

    def _of(self, node: ast.AST) -> Iterator[Change]:
        match node:
            case ast.Compare(ops=ops):
                for number, operator in enumerate(ops):
                    turned = copy.copy(node)
                    turned.ops = [*ops[:number], _TURNED[type(operator)], *ops[number + 1 :]]
                    yield self._made(node, turned, "comparison")
            case ast.BoolOp(op=operator, values=values):
                for number in range(len(values)):
                    left = [*values[:number], *values[number + 1 :]]
                    kept = left[0] if len(left) == 1 else ast.BoolOp(operator, left)
                    yield self._made(node, kept, "operand")
                other = ast.Or() if isinstance(operator, ast.And) else ast.And()
                yield self._made(node, ast.BoolOp(other, values), "operator")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._made(node, operand, "condition")
            case ast.If(test=test) if _is_for_types_or_the_command(test):
                return
            case ast.If(test=test, body=[only], orelse=[]) if _leaves(only):
                yield self._made(test, ast.Constant(value=False), "guard")
                yield self._negated(test)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield self._negated(test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield self._negated(test)
            case ast.match_case(guard=ast.expr() as guard):
                yield self._negated(guard)
            case ast.YieldFrom(value=ast.Call(func=ast.Name(id="undecided"))):
                yield self._made(node.value, ast.Tuple([], ast.Load()), "open question")
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=int())):
                other_step = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
                yield self._made(node, ast.BinOp(left, other_step, node.right), "step")
            case ast.Constant(value=bool(value)):
                yield self._made(node, ast.Constant(value=not value), "constant")
            case ast.Constant(value=int(value)):
                yield self._made(node, ast.Constant(value=value + 1), "constant")
            case ast.Constant(value=str(value)):
                yield self._made(node, ast.Constant(value=f"zz{value}"), "word")
            case _:
                pass

    def _negated(self, test: ast.expr) -> Change:
        return self._made(test, ast.UnaryOp(ast.Not(), test), "condition")

    def _made(self, old: ast.expr, new: ast.expr, kind: str) -> Change:
        start, end = self._offset(old.lineno, old.col_offset), self._offset(old.end_lineno, old.end_col_offset)
        text = ast.unparse(new)
        if not isinstance(new, ast.Constant):
            text = f"({text})"
        return Change(self.path, old.lineno, start, end, text, kind, self.source[start:end])

    def _offset(self, line: int | None, column: int | None) -> int:
        """The code point of a line and of a column that counts bytes."""
        written = self.lines[(line or 1) - 1]
        return self.starts[(line or 1) - 1] + len(written.encode()[: column or 0].decode())


def _is_for_types_or_the_command(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "__name__ == '__main__'"}


def _leaves(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Continue | ast.Return | ast.Break | ast.Raise)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node can change behaviour: no documentation, no type, no option of a class, no part of an f-string."""
    match node:
        case ast.JoinedStr():
            yield from (each.value for each in node.values if isinstance(each, ast.FormattedValue))
            return
        case ast.AnnAssign():
            yield from [] if node.value is None else [node.value]
            return
        case ast.arg() | ast.Import() | ast.ImportFrom():
            return
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return
        case ast.If(test=test) if _is_for_types_or_the_command(test):
            yield from node.orelse
            return
        case ast.Call(func=ast.Name(id=name)) if name in _TYPES:
            return
        case ast.ClassDef():
            yield from (each for each in node.keywords if each.arg not in _CLASS_OPTIONS)
            yield from [*_undocumented(node.body), *node.decorator_list]
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from [node.args, *_undocumented(node.body), *node.decorator_list]
            return
        case ast.Module():
            yield from _undocumented(node.body)
            return
        case _:
            yield from ast.iter_child_nodes(node)


def _undocumented(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements without texts that stand alone, which are documentation."""
    for statement in body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement
