"""What names stand for while a file is followed: scopes, functions and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.platforms.code.config_values import ALWAYS, OPAQUE, Record, Val, constant

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyengine.platforms.code.config_values import Guard
    from policyengine.syntax.typescript import Code


class Scope:
    """Names and what they stand for; those of a file are followed when they are first asked for."""

    def __init__(self, code: Code, outer: Scope | None = None, this: Val | None = None) -> None:
        self.code = code
        self.outer = outer
        self.this: Val = this or (outer.this if outer else OPAQUE)
        self.names: dict[str, Val] = {}


class Function:
    """A function and the names that it sees."""

    def __init__(self, node: Node, scope: Scope) -> None:
        self.node = node
        self.scope = scope
        self.id = scope.code.source.path, scope.code.offset(node.start_byte)
        named = node.child_by_field_name("name")
        self.name = scope.code.text(named) if named is not None else ""
        self.getter = any(child.type == "get" for child in node.children)


class Class(Record):
    """A class, which stands for its objects too, and the names that it sees."""

    def __init__(self, node: Node, scope: Scope) -> None:
        super().__init__()
        self.node = node
        self.scope = Scope(scope.code, scope, constant(self))
        self.rest.append(OPAQUE)


class Frame:
    """A function that runs: under which conditions control is where it is, and what it returned so far."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.path: tuple[Guard, ...] = (ALWAYS,)
        self.returned: list[tuple[tuple[Guard, ...], Val]] = []
