"""What the expressions of a Python module are when variables are not set."""

from __future__ import annotations

import ast
import re
from functools import partial
from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import Account
from policyengine.platforms.code.config_values import (
    ALWAYS,
    NOTHING,
    OPAQUE,
    SOMETIMES,
    Control,
    Guard,
    Items,
    Lit,
    Outside,
    Record,
    Val,
    constant,
    made_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.source import Source, Span

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_LINES = re.compile(r"\r\n|\r|\n")
_SIGNS = {ast.Eq: "===", ast.NotEq: "!==", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class Scope:
    """Names of a module, a class or a function, and what they stand for."""

    def __init__(self, source: Source, outer: Scope | None = None) -> None:
        self.source, self.outer = source, outer
        self.names: dict[str, Val] = {}
        self.lines: list[int] = outer.lines if outer else [0, *(each.end() for each in _LINES.finditer(source.text))]


class Function:
    """A function, and the names that it sees."""

    def __init__(self, node: Definition, scope: Scope) -> None:
        self.node, self.scope = node, scope


class Class(Record):
    """A class, which stands for its objects too. `outside` are those that it extends in the end, the nearest first."""

    def __init__(self, node: ast.ClassDef, scope: Scope, bases: Sequence[Val]) -> None:
        super().__init__()
        self.node, self.scope = node, scope
        self.parents = [base.only for base in bases if isinstance(base.only, Class)]
        own = [base.only for base in bases if isinstance(base.only, Outside)]
        theirs = [each for parent in self.parents for each in parent.outside]
        self.outside: tuple[Outside, ...] = tuple(dict.fromkeys([*own, *theirs]))


class Frame(Control):
    """What runs, and the names that it sees."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope


class Expressions(Account[Frame]):
    """Follows expressions."""

    def __init__(self, source: Source) -> None:
        super().__init__(Frame(Scope(source)), {})
        self.waiting: dict[int, Function] = {}
        self.made: list[tuple[Class, ast.Call]] = []
        self.schemes: dict[str, Val] = {}

    def test(self, value: Val) -> Val:
        """The same value, as a condition. An empty list is none."""
        value = builtins.member(value.only, "length") if isinstance(value.only, Items) else value
        return super().test(value)

    def block(self, statements: Sequence[ast.stmt]) -> bool | None:
        """Follow statements."""
        raise NotImplementedError

    def bind(self, target: ast.expr, value: Val) -> None:
        """Give a name a value."""
        raise NotImplementedError

    def place(self, node: ast.expr, scope: Scope | None = None) -> Span:
        """Where a node stands; of a text, what is between its quotation marks."""
        source, lines = (scope or self.frame.scope).source, (scope or self.frame.scope).lines

        def offset(line: int, column: int) -> int:
            start = lines[min(line, len(lines)) - 1]
            return start + len(source.text[start : start + column].encode()[:column].decode(errors="ignore"))

        start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno or 1, node.end_col_offset or 0)
        inner = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        if inner == "" and end - start == len("''"):
            return source.span(start + 1, end - 1)
        if inner and source.text.count(inner, start, end) == 1:
            start = source.text.index(inner, start)
            end = start + len(inner)
        return source.span(start, end)

    def value(self, node: ast.expr) -> Val:
        """What an expression is."""
        self.step()
        match node:
            case ast.Constant(value=None):
                return NOTHING
            case ast.Constant(value=bool() | str() | int() | float() as literal):
                place, kept = self.place(node), literal if isinstance(literal, bool | str) else float(literal)
                return constant(Lit(kept, place, self.frame.scope.source.slice(place)))
            case ast.Name(id=name):
                scope: Scope | None = self.frame.scope
                while scope is not None and name not in scope.names:
                    scope = scope.outer
                return scope.names[name] if scope is not None else constant(Outside("", (name,), name))
            case ast.Attribute(value=owner, attr=name):
                return self._member(self.needs(self.value(owner)), name)
            case ast.Subscript(value=owner, slice=index):
                receiver, key = self.value(owner), self.value(index)
                if self.does(receiver.only) == "environment":
                    return self.asked(key, "asks", None)
                return made_of(self.needs(receiver), key)
            case ast.Call():
                return self._call(node)
            case ast.BoolOp(op=sign, values=[first, *rest]):
                left = self.value(first)
                for each in rest:
                    left = self.operated(left, partial(self.value, each), alternative=isinstance(sign, ast.Or))
                return left
            case ast.UnaryOp(op=ast.Not(), operand=inside):
                return values.negated(self.test(self.value(inside)))
            case ast.UnaryOp(op=ast.USub(), operand=inside):
                return builtins.signed(self.value(inside), "-")
            case ast.Compare(left=left_node, ops=[sign], comparators=[right_node]):
                return self.test(self._compared(sign, self.value(left_node), self.value(right_node)))
            case ast.IfExp(test=test, body=body, orelse=other):
                tested = self.test(self.value(test))
                return self.choice(tested, partial(self.value, body), partial(self.value, other))
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return constant(Items((value, (ALWAYS,)) for value in [self.value(each) for each in parts]))
            case ast.Dict(keys=keys, values=parts):
                return self._dictionary(keys, [self.value(each) for each in parts])
            case ast.ListComp(elt=part, generators=[one]) | ast.GeneratorExp(elt=part, generators=[one]):
                return self._comprehended(part, one)
            case ast.JoinedStr(values=parts) if any(isinstance(each, ast.Constant) and each.value for each in parts):
                return made_of(*(self.value(each) for each in parts), rest="truthy")
            case ast.Lambda():
                return self._function(node)
            case ast.Await(value=inside) | ast.Starred(value=inside):
                return self.value(inside)
        return made_of(*(self.value(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)))

    def _compared(self, sign: ast.cmpop, left: Val, right: Val) -> Val:
        thing, positive = right.only, not isinstance(sign, ast.IsNot | ast.NotIn)
        if isinstance(sign, ast.Is | ast.IsNot) and thing is values.UNDEFINED:
            found = values.negated(values.present(left))
        elif isinstance(sign, ast.In | ast.NotIn) and self.does(thing) == "environment" and left.text:
            found = values.present(self.asked(left, "reads", None))
        elif isinstance(sign, ast.In | ast.NotIn) and isinstance(thing, Items) and thing.closed:
            wanted = {getattr(each.only, "value", None) for each, _ in thing.items}
            told = all(isinstance(each.only, Lit | values.Undefined) for each, _ in thing.items)
            found = values.mapped(
                left, lambda each: Lit(getattr(each, "value", None) in wanted) if told else None, keeps=False
            )
        else:
            name = _SIGNS.get(type(sign))
            return made_of(left, right) if name is None else values.compared(name, left, right)
        return found if positive else values.negated(found)

    def _member(self, value: Val, name: str) -> Val:
        """`value.name`."""
        match value.only:
            case Outside() as thing:
                return constant(thing._replace(path=(*thing.path, name)))
            case Record(fields=fields):
                return fields.get(name, made_of(value))
        return made_of(value)

    def _dictionary(self, keys: Sequence[ast.expr | None], parts: Sequence[Val]) -> Val:
        record = Record()
        for key, value in zip(keys, parts, strict=True):
            name = self.value(key).only if key is not None else None
            if isinstance(name, Lit) and isinstance(name.value, str) and name.span is not None:
                record.fields[name.value], record.names[name.value] = value, name.span
            else:
                record.rest.append(value)
        return constant(record)

    def _comprehended(self, part: ast.expr, one: ast.comprehension) -> Val:
        """`[name for name in names if not os.getenv(name)]`."""
        thing, names = self.value(one.iter).only, dict(self.frame.scope.names)
        found = Items(closed=isinstance(thing, Items) and thing.closed)

        def follow(item: Val) -> None:
            self.bind(one.target, item)
            for each in one.ifs:
                self.frame.path = values.product(self.frame.path, values.branch(self.test(self.value(each)), want=True))
            if self.frame.path:
                found.items.append((self.value(part), self.frame.path))

        self.rounds(items_of(thing), follow)
        self.frame.scope.names = names
        return constant(found)

    # Calls

    def does(self, thing: object) -> str:
        """What something does with the environment, by its path."""
        told = _function(thing)
        return "" if told is None else told.does

    def _call(self, node: ast.Call) -> Val:
        owner, name = None, ""
        if isinstance(node.func, ast.Attribute):  # asked once: a chain of calls would double with each
            owner, name = self.value(node.func.value), node.func.attr
        function = self.value(node.func) if owner is None else self._member(self.needs(owner), name)
        given = [self.value(each) for each in node.args]
        named = {each.arg: self.value(each.value) for each in node.keywords if each.arg is not None}
        thing = function.only
        if owner is not None and not isinstance(thing, Function | Class):
            found = self._method(owner, name, given)
            if found is not None:
                return found
        match thing:
            case Function():
                return self.run(thing, given, named)
            case Class():
                self.made.append((thing, node))
                constructor = thing.fields.get("__init__", OPAQUE).only
                if isinstance(constructor, Function):
                    self.run(constructor, [constant(thing), *given], named)
                return function
            case Outside():
                return self._outside(thing, self.place(node.func), given, named)
        return made_of(function, *given, *named.values())

    def _outside(self, thing: Outside, place: Span, given: list[Val], named: Mapping[str, Val]) -> Val:
        first = given[0] if given else NOTHING
        told = _function(thing)
        match told.does if told is not None else ".".join(thing.path):
            case "ends":
                self.stop()
                return values.NEVER
            case "needs":
                return made_of(self.needs(first))
            case "makes":
                schemes = {f"{key}": value for key, value in named.items() if isinstance(value.only, Items)}
                self.schemes |= {key: builtins.item(value.only, 1) for key, value in schemes.items()}
                return constant(thing._replace(path=(*thing.path[:-1], f"{thing.path[-1]}()")))
            case "sets":
                self.given.add(first.text or "*")
                return OPAQUE
            case "reads" | "asks" | "open" as does if told is not None:
                first = constant(Lit(told.key, place, told.key)) if told.key and not given else first
                default = named.get("default", given[told.default] if 0 < told.default < len(given) else None)
                return self.asked(first, does, default if default is not None else self.schemes.get(first.text or ""))
            case "bool":
                return values.negated(values.negated(self.test(first)))
            case "str" | "list" | "tuple" | "set" | "sorted" | "dict" if isinstance(first.only, Items | Record | Lit):
                return first
            case "list" | "set" if not given:
                return constant(Items())
            case "len":
                return builtins.member(first.only, "length") if isinstance(first.only, Items) else made_of(first)
            case "any" | "all" if isinstance(first.only, Items):
                return self._several(first.only, thing.path == ("any",))
        if told is None:
            self.elsewhere(thing.path[-1], given)
        return made_of(*given, *named.values())

    def _several(self, thing: Items, some: bool) -> Val:  # noqa: FBT001  `any`, else `all`
        """`any(…)` and `all(…)`: true where one is, false where one is not."""
        others: Sequence[Guard] = (ALWAYS,)
        found: dict[tuple[Guard, object], None] = {}
        kept: values.Rest = "falsy" if some else "truthy"
        for value, guards in thing.items:
            ends = values.product(guards, values.branch(value, want=some))
            found |= dict.fromkeys((guard, Lit(value=some)) for guard in ends if guard.absent)
            others = values.product(others, values.branch(value, want=not some))
            if value.rest not in (kept, "none") or values.truth(value.only) is some:
                kept = "any" if value.rest == "any" or kept == "any" else "truthy" if some else "falsy"
        found |= dict.fromkeys((guard, Lit(value=not some)) for guard in others if guard.absent)
        keys = made_of(*(value for value, _ in thing.items)).keys
        return Val(tuple(found), kept if thing.closed else "any", keys)

    def _method(self, receiver: Val, name: str, given: Sequence[Val]) -> Val | None:
        thing, first = receiver.only, given[0] if given else NOTHING
        match thing, name:
            case Items(), "append" | "add":
                thing.items.append((first, self.frame.path))
                return NOTHING
            case Record(), "items" | "values" | "keys" if name not in thing.fields:
                return constant(builtins.listed(thing, {"items": "entries"}.get(name, name)))
            case Record(), "get" if first.text is not None and "get" not in thing.fields:
                return thing.fields.get(first.text, given[1] if len(given) > 1 else OPAQUE)
            case Lit(value=str() as text), "lower" | "upper" | "strip":
                return constant(Lit(getattr(text, name)()))
        if receiver.read and name in ("strip", "lower", "upper", "rstrip", "lstrip"):
            return self.needs(receiver)
        return None

    def _function(self, node: Definition) -> Val:
        made = Function(node, self.frame.scope)
        self.waiting.setdefault(id(node), made)
        return constant(made)

    def run(self, function: Function, given: Sequence[Val] | None, named: Mapping[str, Val]) -> Val:
        """Follow a function with arguments; without them as whoever calls it from elsewhere may."""
        self.waiting.pop(id(function.node), None)
        frame = Frame(Scope(function.scope.source, function.scope))
        found = self.called(frame, partial(self._body, function.node, given, named))
        return OPAQUE if found is None else found

    def _body(self, node: Definition, given: Sequence[Val] | None, named: Mapping[str, Val]) -> Val:
        parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        lacking = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
        defaults = dict(enumerate([*node.args.defaults, *node.args.kw_defaults], lacking))
        for index, each in enumerate(parameters):
            default = defaults.get(index)
            own = given[index] if given is not None and index < len(given) else named.get(each.arg)
            fallback = OPAQUE if default is None or given is None else self.value(default)
            self.frame.scope.names[each.arg] = own if own is not None else fallback
        if isinstance(node, ast.Lambda):
            return self.value(node.body)
        if self.block(node.body):
            self.frame.returned.append((self.frame.path, NOTHING))
        return self.result()


def items_of(thing: object) -> list[tuple[Val, tuple[Guard, ...]]]:
    """What a loop walks: what is known, and once more for what is not."""
    if isinstance(thing, Record):
        thing = Items((constant(Lit(key, thing.names.get(key), key)), (ALWAYS,)) for key in thing.fields)
    more = not isinstance(thing, Items) or not thing.closed
    return [*(thing.items if isinstance(thing, Items) else ()), *([(OPAQUE, (SOMETIMES,))] if more else ())]


def _function(thing: object) -> settings.SettingsFunction | None:
    return settings.function("Python", ".".join(thing.path)) if isinstance(thing, Outside) else None
