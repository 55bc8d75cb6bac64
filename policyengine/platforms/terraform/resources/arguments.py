"""Arguments as the values that nodes hold, whatever shape they are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from policyengine.model.value import Absent, Known
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.nodes import Command
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown, Value
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree

T = TypeVar("T")


class BlockView(Struct, frozen=True):
    """Arguments and nested blocks. Of several names the first that is given counts.

    A value that is not given is the `default` that the provider documents, or Absent, at `span`: the place of the name
    of what lacks it, or `place`.
    """

    section: Section
    place: Span | None = None

    @property
    def span(self) -> Span:
        """Where an argument that is missing would be reported."""
        return self.place or self.section.span

    def tree(self, *names: str) -> Tree | None:
        """An argument as it was evaluated; None where it is not given, or null."""
        return next((tree for name in names if (tree := self.section.get(name)) is not None), None)

    def text(self, *names: str, default: str | None = None) -> Value[str]:
        """A string."""
        return self._or(default, self._read(names, facts.text))

    def boolean(self, *names: str, default: bool | None = None) -> Value[bool]:
        """A bool."""
        return self._or(default, self._read(names, facts.boolean))

    def integer(self, *names: str, default: int | None = None) -> Value[int]:
        """A whole number."""
        return self._or(default, self._read(names, facts.integer))

    def command(self, *names: str) -> Value[Command]:
        """A command: a list of words, or a string that is one."""
        return self._read(names, facts.command)

    def blocks(self, name: str) -> tuple[BlockView, ...]:
        """The nested blocks of a type, or the objects of an argument."""
        return tuple(BlockView(each) for each in self.section.blocks(name).sections)

    def gap(self, name: str) -> Unknown | None:
        """Why there may be more nested blocks of a type."""
        return self.section.blocks(name).gap

    def _or(self, default: T | None, found: Value[T]) -> Value[T]:
        return found if default is None or not isinstance(found, Absent) else Known(default, self.span)

    def _read(self, names: tuple[str, ...], read: Callable[[Tree | None, Span], Value[T]]) -> Value[T]:
        return read(self.tree(*names), self.span)
