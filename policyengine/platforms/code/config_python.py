"""Follow a Python module of settings: which variables it demands, by what it does when they are not set."""

from __future__ import annotations

import ast
import re
import warnings
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import WHERE_USED, TooLong
from policyengine.platforms.code.config_python_values import Class, Expressions, Frame, Function, Scope, items_of
from policyengine.platforms.code.config_values import (
    NOTHING,
    OPAQUE,
    SOMETIMES,
    Guard,
    Outside,
    Record,
    Val,
    constant,
    made_of,
    merged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policyengine.model.source import Source

T = TypeVar("T")
_CATCHES = re.compile(r"Exception|KeyError|LookupError|TypeError|ValueError|EnvError|Improperly|UndefinedValue").search


class Program(Expressions):
    """Follows a module from its first statement to its last. `imported` gives the file that an import names."""

    def __init__(self, source: Source, imported: Callable[[str, str], Source | None]) -> None:
        super().__init__(source)
        self.imported = imported
        self.scopes: dict[str, Scope] = {}
        self.classes: list[Class] = []

    def follow(self, telling: Callable[[str], object] = bool) -> None:
        """Follow the module, then the functions that nothing in it calls, of which `telling` says that they read."""
        from policyengine.platforms.code import config_pydantic  # noqa: PLC0415  which asks this module

        try:
            self.module(self.frame.scope.source)
            config_pydantic.declared(self)
            self.assumed = True
            for key, function in list(self.waiting.items()):
                if key in self.waiting and telling(self._text(function)):
                    self.frame.path = (Guard(when=WHERE_USED),)
                    self.run(function, None, {})
        except (TooLong, RecursionError):
            self.gaps.append("the code is too long to be followed")

    def _text(self, function: Function) -> str:
        """The lines of a function."""
        node, lines = function.node, [*function.scope.lines, len(function.scope.source.text)]
        return function.scope.source.text[lines[node.lineno - 1] : lines[min(node.end_lineno or 0, len(lines) - 1)]]

    def module(self, source: Source) -> Scope:
        """Follow the statements of a file, once."""
        if source.path not in self.scopes:
            scope = self.scopes[source.path] = Scope(source)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    tree = ast.parse(source.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self.gaps.append(f"'{source.path}' is not read as Python")
                return scope
            self.inside(scope, lambda: self.block(tree.body))
        return self.scopes[source.path]

    def inside(self, scope: Scope, follow: Callable[[], T]) -> T:
        """Follow what runs in another scope, under the conditions that hold here."""
        frame, self.frame = self.frame, Frame(scope)
        self.frame.path = frame.path
        try:
            return follow()
        finally:
            self.frame = frame

    # Statements

    def block(self, statements: Iterable[ast.stmt]) -> bool | None:
        """Follow statements: True when control goes on behind them, False for a return, None for an end."""
        for node in statements:
            goes_on = self._statement(node)
            if not goes_on:
                return goes_on
        return True

    def _statement(self, node: ast.stmt) -> bool | None:
        names = self.frame.scope.names
        match node:
            case ast.Expr(value=given):
                return None if self.value(given) is values.NEVER else True
            case ast.Assign(targets=targets, value=given):
                value = self.value(given)
                for target in targets:
                    self.bind(target, value)
                return None if value is values.NEVER else True
            case ast.AnnAssign(target=target, value=ast.expr() as given):
                self.bind(target, self.value(given))
            case ast.AugAssign(target=target, value=given):
                self.bind(target, made_of(self.value(given), self.value(target)))
            case ast.Return(value=given):
                self.frame.returned.append((self.frame.path, NOTHING if given is None else self.value(given)))
                return False
            case ast.Raise():
                self.stop()
                return None
            case ast.Assert(test=test):
                self.stop(values.branch(self.test(self.value(test)), want=False))
            case ast.If(test=test, body=body, orelse=other):
                ways = ((True, partial(self.block, body)), (False, partial(self.block, other) if other else None))
                return self.either(self.test(self.value(test)), ways)
            case ast.For(target=target, iter=given, body=body):
                self.rounds(items_of(self.value(given).only), partial(self._round, target, body))
            case ast.While(body=body):
                self.rounds([(OPAQUE, (SOMETIMES,))], lambda _: self.block(body))
            case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=last):
                caught = (each.body for each in handlers if each.type is None or _CATCHES(ast.unparse(each.type)))
                handler = next(caught, None)
                failed = None if handler is None else partial(self.block, handler)
                goes_on = self.attempt(partial(self.block, body + other), failed)
                after = self.block(last)
                return goes_on if after else after
            case ast.With(items=items, body=body):
                made_of(*(self.value(item.context_expr) for item in items))
                return self.block(body)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names[name] = self._function(node)
            case ast.ClassDef(name=name, body=body):
                made = Class(node, Scope(self.frame.scope.source, self.frame.scope), list(map(self.value, node.bases)))
                names[name] = constant(made)
                self.classes.append(made)
                self.inside(made.scope, lambda: self.block(body))
                made.fields = made.scope.names
            case ast.Import(names=aliases):
                for alias in aliases:
                    path = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or path] = constant(Outside("", tuple(path.split(".")), path))
            case ast.ImportFrom(module=module, names=aliases, level=level):
                self._import("." * level + (module or ""), aliases)
            case ast.Break() | ast.Continue():
                return False
        return True

    def _round(self, target: ast.expr, body: Sequence[ast.stmt], item: Val) -> None:
        self.bind(target, item)
        self.block(body)

    def _import(self, module: str, aliases: Sequence[ast.alias]) -> None:
        names, here = self.frame.scope.names, self.frame.scope.source.path
        source = self.imported(here, module)
        found = self.module(source).names if source is not None else {}
        for alias in aliases:
            if alias.name == "*":
                names |= found
            elif alias.name in found:
                names[alias.asname or alias.name] = found[alias.name]
            else:
                inner = self.imported(here, f"{module}.{alias.name}" if module.strip(".") else module + alias.name)
                outside = constant(Outside("", (*module.split("."), alias.name), alias.name))
                scope = self.module(inner) if inner is not None else None
                names[alias.asname or alias.name] = constant(Record(scope.names)) if scope is not None else outside

    def bind(self, target: ast.expr, value: Val) -> None:
        """Give a name, or what else may stand on the left, a value."""
        match target:
            case ast.Name(id=name):
                names = self.frame.scope.names  # a new one is nothing elsewhere: Python ends where it is asked for
                old = names.get(name)
                names[name] = merged([(self.frame.path, value)]) if old is None else self.replaced(old, value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for index, each in enumerate(parts):
                    self.bind(each, builtins.item(value.only, index))
            case ast.Attribute(value=owner, attr=name) if isinstance(thing := self.value(owner).only, Record):
                thing.fields[name] = value
            case ast.Subscript(value=owner, slice=index) if self.does(self.value(owner).only) == "environment":
                self.given.add(self.value(index).text or "*")
