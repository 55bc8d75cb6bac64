"""Follow the statements of a configuration module, and say of each variable what its absence does.

A variable is required where its absence throws or ends the process, through whatever the code does on the way: names,
functions, lists that are walked, schemas. It is required under a condition where files do not decide whether control
comes there. It is optional where a default or a test stands in.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import TooLong
from policyengine.platforms.code.config_expressions import Expressions
from policyengine.platforms.code.config_values import ALWAYS, NEVER, OPAQUE, SOMETIMES, Guard, Items, constant, product
from policyengine.syntax.parsing import Incomplete, part
from policyengine.syntax.typescript import FUNCTIONS, Code, children, inner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from policyengine.model.nodes import ConfigKey
    from policyengine.model.value import Value
    from policyengine.platforms.code.config_imports import Modules


class Checked(NamedTuple):
    """What a file says: the library that checks (`manual` for a throw), its variables, why there may be more."""

    library: str
    keys: tuple[ConfigKey, ...]
    gap: str
    bypass: Value[str] | None


class Run(Expressions):
    """Follows statements. One tells whether control goes on behind it: True, False for a return, None for an end."""

    def file(self, wanted: frozenset[str] | None = None) -> None:
        """Follow the file from its first statement to its last, then the functions that nothing in it calls.

        Others call those that are `wanted`, or all.
        """
        code = self.code
        told = [node for name, node in code.declared.items() if wanted is not None and name not in wanted]
        unasked = [code.span(node) for node in told]
        try:
            self.block(children(code.root))
            self.assumed = True
            while waiting := sorted(set(self.made) - self.ran):
                self.frame.path = (ALWAYS,)
                self.ran.add(waiting[0])
                path, start = waiting[0]
                if path == code.source.path and not any(each.start <= start < each.end for each in unasked):
                    self.run(self.made[waiting[0]], None)
        except (TooLong, RecursionError):
            self.gaps.append("the code is too long to be followed")

    def block(self, statements: Iterable[Node]) -> bool | None:
        """Follow statements in order, with the functions among them known before."""
        waiting = list(statements)
        for node in waiting:
            for declared in (node, *children(node)) if node.type == "export_statement" else (node,):
                named = declared.child_by_field_name("name") if declared.type in FUNCTIONS else None
                if named is not None:
                    self.frame.scope.names[self.code.text(named)] = constant(self.function(declared))
        for node in waiting:
            try:
                goes_on = self._statement(node)
            except Incomplete:
                goes_on = True
            if not goes_on:
                return goes_on
        return True

    def _statement(self, node: Node) -> bool | None:
        match node.type:
            case "statement_block" | "else_clause" | "finally_clause" | "switch_case" | "switch_default":
                return self.block(children(node))
            case "lexical_declaration" | "variable_declaration":
                return self.block(children(node))
            case "export_statement" if node.child_by_field_name("source") is None:
                return self.block(each for each in children(node) if each.type != "export_clause")
            case "variable_declarator":
                given = node.child_by_field_name("value")
                value = self.value(given) if given is not None else values.NOTHING
                self.bind(part(node, "name"), value)
                return None if value is NEVER else True
            case "if_statement":
                return self._if(node)
            case "return_statement":
                value = self.value(children(node)[0]) if children(node) else values.NOTHING
                self.frame.returned.append((self.frame.path, value))
                return None if value is NEVER else False
            case "throw_statement":
                self.value(children(node)[0])
                self.stop()
                return None
            case "break_statement" | "continue_statement":
                return False
            case "for_in_statement" | "for_statement" | "while_statement" | "do_statement":
                return self._loop(node)
            case "switch_statement":
                return self._switch(node)
            case "try_statement":
                return self._try(node)
            case "class_declaration" | "abstract_class_declaration":
                self.frame.scope.names[self.code.text(part(node, "name"))] = self.value(node)
                return True
            case kind if kind.endswith(("_declaration", "_statement")) and kind != "expression_statement":
                return True
        return None if self.value(node) is NEVER else True

    def _if(self, node: Node) -> bool | None:
        tested = self.test(self.value(part(node, "condition")))
        bodies = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
        ways = [None if body is None else partial(self.block, [body]) for body in bodies]
        return self.either(tested, zip((True, False), ways, strict=True))

    def _loop(self, node: Node) -> bool:
        """Follow the body for each item that is known, once under a condition for others."""
        pattern, body = node.child_by_field_name("left"), part(node, "body")

        def follow(item: values.Val) -> None:
            if pattern is not None:
                self.bind(pattern, item)
            self.block([body])

        self.rounds(self._rounds(node), follow)
        return True

    def _rounds(self, node: Node) -> Iterator[tuple[values.Val, tuple[Guard, ...]]]:
        start, condition = node.child_by_field_name("initializer"), node.child_by_field_name("condition")
        if node.type == "for_in_statement":
            thing = self.value(part(node, "right")).only
            if isinstance(thing, values.Record) and self.code.text(part(node, "operator")) == "in":
                thing = Items((constant(values.Lit(key, thing.names.get(key), key)), (ALWAYS,)) for key in thing.fields)
            if isinstance(thing, Items):
                yield from list(thing.items)
            if not isinstance(thing, Items) or not thing.closed:
                yield OPAQUE, (SOMETIMES,)
            return
        if start is not None:
            self.block([start])
        limit = inner(condition) if condition is not None else node
        self.value(limit) if condition is not None else None
        walked = limit.named_children[-1].child_by_field_name("object") if limit.type == "binary_expression" else None
        thing = self.value(walked).only if walked is not None else None
        if isinstance(thing, Items) and thing.closed:  # for (let i = 0; i < names.length; i++)
            for index in range(len(thing.items)):
                self.frame.scope.names[self.code.text(part(limit, "left"))] = constant(values.Lit(float(index)))
                yield OPAQUE, (ALWAYS,)
        else:
            yield OPAQUE, (SOMETIMES,)

    def _switch(self, node: Node) -> bool:
        value, before = self.test(self.value(part(node, "value"))), self.frame.path
        for case in children(part(node, "body")):
            wanted = case.child_by_field_name("value")
            told = values.compared("===", value, self.value(wanted)) if wanted is not None else OPAQUE
            self.frame.path = product(before, values.branch(told, want=True))
            if self.frame.path:
                self.block(each for each in children(case) if each != wanted)
        self.frame.path = before
        return True

    def _try(self, node: Node) -> bool | None:
        """What ends the program in the block comes to the handler, which may end it, or not."""
        handler, last = node.child_by_field_name("handler"), node.child_by_field_name("finalizer")
        name = handler.child_by_field_name("parameter") if handler is not None else None

        def caught() -> bool | None:
            if name is not None:
                self.bind(name, constant(values.Caught()))
            return self.block([part(handler, "body")]) if handler is not None else True

        goes_on = self.attempt(partial(self.block, [part(node, "body")]), None if handler is None else caught)
        if last is not None:
            self.block([last])
        return goes_on


def checked(modules: Modules, code: Code, wanted: frozenset[str] | None = None) -> Checked:
    """What a file says of the environment; `wanted` are the names of it that an application uses, all by default."""
    run = Run(modules, code)
    run.file(wanted)
    for node in code.walk("member_expression", "subscript_expression") if wanted is None else ():  # not followed to
        if code.text(node.children[0]) in ("process.env", "import.meta.env", "Bun.env"):
            key = code.key(node.named_children[-1]) if node.named_children[-1].type != "identifier" else None
            if key is not None:
                run.read(*key, values.Environment(meta=code.text(node).startswith("import")))
    libraries = [guard.check for guard in run.found if guard.check not in ("", "crash")]
    manual = any(guard.absent and not guard.check for guard in run.found)
    library = libraries[0] if libraries else "manual" if manual else ""
    gap = next(iter(run.gaps), "")
    if not gap and not library and run.computed and run.throws:
        gap = "the names that it checks are computed"
    return Checked(library, run.keys(), gap, run.bypass)
