"""What following a file learns: the variables it reads, what names stand for, what calls do, where the program ends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_libraries as libraries
from policyengine.platforms.code import config_schema as schemas
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import WHERE_USED, Account
from policyengine.platforms.code.config_values import OPAQUE, Environment, Guard, Outside, Record, Val, constant
from policyengine.syntax.typescript import Code, Import, children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tree_sitter import Node

    from policyengine.model.source import Span
    from policyengine.model.value import Value
    from policyengine.platforms.code.config_imports import Modules

_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
_ASSERTS = frozenset({"invariant", "assert", "nullthrows", "ensure", "tinyInvariant", "ok"})
_ENDS = frozenset({("process", "exit"), ("process", "abort"), ("Deno", "exit")})
_ENVIRONMENTS: dict[tuple[str, ...], Environment] = {
    ("process", "env"): Environment(),
    ("Bun", "env"): Environment(),
    ("import.meta", "env"): Environment(meta=True),
}

FILES = 16
"""How many files are followed from one."""


class Reader(Account[values.Frame]):
    """What is learnt of one file."""

    def __init__(self, modules: Modules, code: Code) -> None:
        self.modules = modules
        self.scopes = {code.source.path: values.Scope(code)}
        super().__init__(values.Frame(self.scopes[code.source.path]), modules.names)
        self.made: dict[tuple[str, int], values.Function] = {}
        self.ran: set[tuple[str, int]] = set()
        self.formats: dict[str, Val] = {}
        self.computed = False
        self.bypass: Value[str] | None = None

    @property
    def code(self) -> Code:
        """The file in which control is."""
        return self.frame.scope.code

    def value(self, node: Node) -> Val:
        """What an expression is."""
        raise NotImplementedError

    def block(self, statements: Iterable[Node]) -> bool | None:
        """Follow statements: True when control goes on behind them, None when the program ends."""
        raise NotImplementedError

    def spread(self, record: Record, value: Val) -> None:
        """`{ ...value }`."""
        raise NotImplementedError

    def parameters(self, function: values.Function, given: Sequence[Val] | None) -> None:
        """Give the parameters of a function what it is called with."""
        raise NotImplementedError

    # Names

    def name(self, name: str) -> Val:
        """What a name stands for."""
        scope = self.frame.scope
        while name not in scope.names and scope.outer is not None:
            scope = scope.outer
        return self.of_file(scope, name)

    def of_file(self, scope: values.Scope, name: str) -> Val:
        """What a name of a file stands for, followed when it is first asked for."""
        if name not in scope.names:
            code = scope.code
            scope.names[name] = OPAQUE
            if name in code.declared:
                scope.names[name] = self.at(scope, lambda: self._declared(name, code.declared[name]))
            elif name in code.imports:
                scope.names[name] = self.imported(code, code.imports[name], name)
            elif name == "undefined":
                scope.names[name] = values.NOTHING
            else:
                path = () if name in ("globalThis", "global") else (name,)
                scope.names[name] = constant(Outside("", path, name))
        return scope.names[name]

    def at(self, scope: values.Scope, follow: Callable[[], Val]) -> Val:
        """What an expression is in another scope."""
        with self.within(values.Frame(scope)):
            return follow()

    def _declared(self, name: str, node: Node) -> Val:
        if node.type == "variable_declarator":
            self.block([node])
            return self.frame.scope.names[name]
        if node.type != "enum_declaration":
            return self.value(node)
        members = [each for each in children(node.child_by_field_name("body")) if each.type == "enum_assignment"]
        return constant(Record({self.code.text(each.children[0]): self.value(each.children[-1]) for each in members}))

    def imported(self, importer: Code, wanted: Import, local: str) -> Val:
        """What is imported: from a file of the tree, a library that is known, or from outside."""
        return self.exported(self.modules.find(importer, wanted, local))

    def exported(self, found: tuple[Code, str] | Outside) -> Val:
        """What stands at the origin of a name that is imported."""
        if isinstance(found, Outside):
            return constant(_ENVIRONMENTS.get(found.path, found) if not found.library else found)
        code, name = found
        if code.source.path not in self.scopes and len(self.scopes) >= FILES:
            return OPAQUE
        scope = self.scopes.setdefault(code.source.path, values.Scope(code))
        if name in code.declared:
            return self.of_file(scope, name)
        if name not in scope.names:
            scope.names[name] = OPAQUE  # to itself
            if name == "*" and code.exports:
                given = {each: self.exported(self.modules.origin(code, each)) for each in code.exports}
                scope.names[name] = constant(Record(given))
            elif code.default:
                default = self.at(scope, lambda: self.value(code.default[-1]))
                scope.names[name] = default if name in ("default", "*") else self.get(default, name, None)
        return scope.names[name]

    # Members

    def get(self, value: Val, name: str, span: Span | None) -> Val:
        """`value.name`."""
        parts = [((guard,), self._get(thing, name, span)) for guard, thing in value.cases]
        return values.merged([*parts, ((values.SOMETIMES,), values.made_of(value))] if value.rest != "none" else parts)

    def _get(self, thing: object, name: str, span: Span | None) -> Val:
        match thing:
            case Environment() if span is not None:
                return self.read(name, span, thing)
            case Record():
                return self.field(thing, name, span)
            case Outside():
                found = thing._replace(path=(*thing.path, name))
                return constant(_ENVIRONMENTS.get(found.path, found) if not found.library else found)
            case schemas.Schema():
                return schemas.member(thing, name)
            case values.Undefined():
                return values.NOTHING
            case _:
                return builtins.member(thing, name)

    def field(self, record: Record, name: str, span: Span | None) -> Val:
        """A property of an object."""
        if name in record.fields:
            found = record.fields[name]
            getter = isinstance(found.only, values.Function) and found.only.getter
            return self.call(found, []) if getter else found
        for rest in reversed(record.rest):
            if any(isinstance(thing, (Environment, Record)) for thing in rest.things):
                return self.get(rest, name, span)
        return OPAQUE if record.rest else values.NOTHING

    # Calls

    def function(self, node: Node) -> values.Function:
        """A function that is made here."""
        made = values.Function(node, self.frame.scope)
        self.made.setdefault(made.id, made)
        return made

    def invoke(self, receiver: Val, name: str, given: list[Val], span: Span) -> Val:
        """`receiver.name(given)`."""
        parts: list[tuple[Sequence[Guard], Val]] = []
        for guard, thing in receiver.cases:
            if isinstance(thing, (values.Lit, values.Items, values.Undefined)):
                found = builtins.method(self, thing, name, given)
            else:
                found = self.call(
                    OPAQUE if isinstance(thing, Environment) else self._get(thing, name, span), given, span
                )
            parts.append(((guard,), found))
        if receiver.rest != "none" or not parts:
            if name == "getOrThrow" and given and given[0].text is not None:  # of Nest's ConfigService
                self.stop(values.branch(self.get(constant(Environment()), given[0].text, _place(given[0])), want=False))
            kept = builtins.keeps_truth(name)
            found = self.unknown(given, receiver)._replace(rest=receiver.rest if kept else "any")
            if name == "get" and given and self._asks(given[0]):
                value = self.get(constant(Environment()), given[0].text or "", _place(given[0]))
                lazily = tuple((guard._replace(when=WHERE_USED), thing) for guard, thing in value.cases)
                found = value._replace(cases=lazily) if len(given) == 1 else self.test(value)
            parts.append(((values.SOMETIMES,), found))
        result = values.merged(parts)
        return result._replace(read=receiver.read if builtins.keeps_truth(name) else "") if receiver.read else result

    def _asks(self, name: Val) -> bool:
        """Whether a text is the name of a variable that Nest's ConfigService may be asked for."""
        asked = _place(name) is not None and _UPPER.match(name.text or "") is not None
        return asked and any(each.module == "@nestjs/config" for each in self.code.imports.values())

    def call(self, function: Val, given: list[Val], span: Span | None = None) -> Val:
        """What a call gives."""
        parts: list[tuple[Sequence[Guard], Val]] = []
        for guard, thing in function.cases:
            match thing:
                case values.Function():
                    found = self.under((guard,), partial(self.run, thing, given))
                case Outside():
                    found = self._outside(thing, given, span)
                case schemas.Schema():
                    found = schemas.method(self, thing, "", given)
                case schemas.Method():
                    found = schemas.method(self, thing.schema, thing.name, given)
                case _:
                    found = self.unknown(given)
            parts.append(((guard,), found))
        if function.rest != "none" or not parts:
            parts.append(((values.SOMETIMES,), self.unknown(given, function)))
        return values.merged(parts) if len(parts) > 1 else parts[0][1]

    def _outside(self, thing: Outside, given: list[Val], span: Span | None) -> Val:
        name = thing.path[-1] if thing.path else thing.name
        if thing.path in _ENDS:
            self.stop()
            return values.NEVER
        if thing.path == ("Deno", "env", "get") and given and given[0].text is not None:
            return self.get(constant(Environment()), given[0].text, _place(given[0]))
        if name in _ASSERTS and given and not thing.library:
            self.stop(guard for guard in values.branch(self.test(given[0]), want=False) if guard.absent)
            return given[0]
        if thing.path == ("require",) and given and given[0].text is not None:
            return self.imported(self.code, Import("*", given[0].text), name)
        found = builtins.call(self, thing.path, given) if not thing.library else None
        found = libraries.call(self, thing, given, span) if found is None else found
        return self.unknown(given) if found is None else found

    def unknown(self, given: Sequence[Val], *more: Val) -> Val:
        """What a function gives that is not in reach. It may call functions and judge results that it is given."""
        for value in given:
            thing = value.only
            if isinstance(thing, values.Function) and thing.id not in self.ran:
                self.run(thing, None)
            elif isinstance(thing, Record) and thing.failed:
                self.stop(new for guard in thing.failed if (new := values.both(guard, schemas.JUDGED_ELSEWHERE)))
            elif isinstance(thing, Outside) and thing.library == "fastify-env" and not thing.path:
                libraries.call(self, thing, list(given), None)
        return values.made_of(*given, *more)

    def run(self, function: values.Function, given: Sequence[Val] | None) -> Val:
        """Follow a function with arguments; without them as whoever calls it from elsewhere may."""
        self.ran.add(function.id)
        frame = values.Frame(values.Scope(function.scope.code, function.scope))
        found = self.called(frame, partial(self._body, function, given))
        return OPAQUE if found is None else found

    def _body(self, function: values.Function, given: Sequence[Val] | None) -> Val:
        self.parameters(function, given)
        body = function.node.child_by_field_name("body")
        if body is None or body.type != "statement_block":
            return OPAQUE if body is None else self.value(body)
        returned = self.frame.returned
        if self.block(children(body)):
            returned.append((self.frame.path, values.NOTHING))
        return self.result()


def _place(value: Val) -> Span | None:
    return value.only.span if isinstance(value.only, values.Lit) else None
