"""Arguments and nested blocks: one way to read what is configured, from a block or from an object value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from policyengine.platforms.terraform.language.values import (
    List,
    Object,
    decided,
    null,
    through,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown
    from policyengine.platforms.terraform.language.values import Tree


class Section(Protocol):
    """Arguments and nested blocks."""

    @property
    def span(self) -> Span:
        """The place of its name: where an argument that is missing would be reported."""
        ...

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        ...

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type."""
        ...


class Nested(Struct, frozen=True):
    """Nested blocks; `gap` says why there may be more."""

    sections: tuple[Section, ...] = ()
    gap: Unknown | None = None


def given(tree: Tree | None) -> Tree | None:
    """An argument as it counts: None where it is null."""
    return None if tree is None or null(tree) else tree


class ObjectSection(Struct, frozen=True):
    """A section that is an object value."""

    tree: Object
    span: Span

    def get(self, name: str) -> Tree | None:
        """An argument; Unknown where the object may have it."""
        found = self.tree.entries.get(name)
        if found is None:
            return self.tree.gap
        return given(through(found, *self.tree.via))

    def blocks(self, name: str) -> Nested:
        """The objects of an argument that is an object or a list of them."""
        return nested_of(self.get(name))


def nested_of(tree: Tree | None) -> Nested:
    """The objects that a value is made of, as sections."""
    match tree:
        case None:
            return Nested()
        case Object(span=span):
            return Nested((ObjectSection(tree, span),))
        case List(items, span, via, gap=gap):
            sections: list[Section] = []
            for item in items:
                if isinstance(item, Object):
                    sections.append(ObjectSection(through(item, *via), item.span))
                elif not decided(item):
                    gap = gap or unknown_of(item)
            return Nested(tuple(sections), gap)
        case _ if decided(tree):
            return Nested()
        case _:
            return Nested((), unknown_of(tree))
