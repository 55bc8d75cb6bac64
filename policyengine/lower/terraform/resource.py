"""An evaluated resource, and readings of its attributes as the graph's four-valued facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyengine.lower.terraform.values import (
    Composite,
    Encoded,
    Instance,
    List,
    Object,
    Reference,
    Tree,
    encoded_text,
    to_bool,
    to_number,
    to_string,
    unknown_of,
)
from policyengine.lower.terraform.values import Invalid as InvalidValue
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.source import Span


@dataclass(frozen=True, slots=True)
class Resource:
    """One instance of a resource or data source, evaluated as far as the files decide.

    `address` has its module path and instance key; `span` is its name label. `attributes` holds arguments by name, and
    nested blocks as a List of Objects under the block's type. `hashes` tells whether the text of its triggers calls a hash
    function or `timestamp()`.
    """

    address: str
    type: str
    name: str
    span: Span
    attributes: Mapping[str, Tree]
    data: bool = False
    hashes: bool = False

    def get(self, name: str) -> Tree | None:
        """An argument, or the blocks of a type; None when it is not given or null."""
        return given(self.attributes.get(name))

    def blocks(self, name: str) -> Iterator[Object]:
        """The nested blocks of a type as far as they are known."""
        return objects(self.get(name))

    def text(self, name: str) -> Value[str]:
        """An argument as text."""
        return text(self.get(name), self.span)

    def flag(self, name: str) -> Value[bool]:
        """An argument as a boolean."""
        return flag(self.get(name), self.span)

    def number(self, name: str) -> Value[int]:
        """An argument as a whole number."""
        return number(self.get(name), self.span)


def given(tree: Tree | None) -> Tree | None:
    """The tree, or None for null."""
    return None if isinstance(tree, Known) and tree.value is None else tree


def objects(tree: Tree | None) -> Iterator[Object]:
    """The objects of a list, or the one that stands alone."""
    match tree:
        case Object():
            yield tree
        case List(items):
            for item in items:
                if isinstance(item, Object):
                    yield item
        case _:
            return


def text(tree: Tree | None, place: Span) -> Value[str]:
    """A tree as text: Unknown where a part of it is not decided, Absent (at `place`) where it is not given."""
    match tree:
        case None:
            return Absent(place)
        case Known(None):
            return Absent(place)
        case Known(value, span, via):
            return Known(to_string(value), span, via)
        case Composite(parts, span, via) if all(isinstance(part, Known) for part in parts):
            return Known("".join(part.value for part in parts if isinstance(part, Known)), span, via)
        case Encoded(span=span, via=via):
            try:
                return Known(encoded_text(tree), span, via)
            except Exception:  # noqa: BLE001  an undecided part, whatever it is
                return unknown_of(tree)
        case _:
            return unknown_of(tree)


def flag(tree: Tree | None, place: Span) -> Value[bool]:
    """A tree as a boolean; see `text`."""
    match tree:
        case None | Known(None):
            return Absent(place)
        case Known(value, span, via):
            try:
                return Known(to_bool(value), span, via)
            except InvalidValue:
                return Unknown("the value is no boolean", span, via)
        case _:
            return unknown_of(tree)


def number(tree: Tree | None, place: Span) -> Value[int]:
    """A tree as a whole number; see `text`."""
    match tree:
        case None | Known(None):
            return Absent(place)
        case Known(value, span, via):
            try:
                return Known(int(to_number(value)), span, via)
            except InvalidValue:
                return Unknown("the value is no number", span, via)
        case _:
            return unknown_of(tree)


def references(tree: Tree | None) -> Iterator[Reference]:
    """Every reference to a resource that a tree is made of."""
    match tree:
        case Reference():
            yield tree
        case Instance(address, span, via=via):
            yield Reference(address, "", span, via)
        case Composite(parts):
            for part in parts:
                if isinstance(part, Reference):
                    yield part
        case Encoded(inner):
            yield from references(inner)
        case List(items):
            for item in items:
                yield from references(item)
        case Object(entries):
            for item in entries.values():
                yield from references(item)
        case _:
            return


def sources(tree: Tree | None) -> tuple[str, ...]:
    """The addresses that a value is made of: resources, and the variables and locals that it came through."""
    found: dict[str, None] = {}
    trees: list[Tree] = [] if tree is None else [tree]
    while trees:
        each = trees.pop()
        for step in each.via:
            if step.what.startswith(("var.", "local.", "module.", "data.")):
                found.setdefault(step.what)
        match each:
            case Reference():
                found.setdefault(each.text)
            case Instance(address):
                found.setdefault(address)
            case Composite(parts):
                trees.extend(parts)
            case Encoded(inner):
                trees.append(inner)
            case List(items):
                trees.extend(items)
            case Object(entries):
                trees.extend(entries.values())
            case _:
                continue
    return tuple(sorted(found))
