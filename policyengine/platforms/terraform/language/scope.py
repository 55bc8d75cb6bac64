"""What an expression sees: the text it stands in, and where its names lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.budget import Budget
    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.syntax.hcl.syntax import Expression, Operation, Part, Step

HERE = "/repository"
"""Stands for the root of the scan in absolute paths: where it lies does not matter."""


class HclScope(Protocol):
    """Where names lead: a module instance. `budget` is what evaluation draws from."""

    budget: Budget

    def named(self, root: str, steps: Sequence[Step], frame: HclFrame, span: Span) -> tuple[Tree, int]:
        """The value that a reference begins with, and how many of its steps that took."""
        ...

    def file(self, path: str) -> Source | None:
        """A file by the path that an expression of this module gives, None where there is none inside the root."""
        ...

    def listing(self, folder: str) -> Sequence[str] | None:
        """The files below a folder, relative to it; None where it lies outside the root."""
        ...


class HclFrame(Struct, frozen=True):
    """What an expression sees: the text it stands in, its module, and the names of enclosing `for` and `dynamic`.

    `depth` counts template files within template files.
    """

    source: Source
    scope: HclScope
    names: Mapping[str, Tree] = field(default_factory=dict)
    depth: int = 0

    def span(self, node: Expression | Step | Part | Operation) -> Span:
        """The place of a node of the syntax."""
        return self.source.span(node.start, node.end)

    def binding(self, **names: Tree) -> HclFrame:
        """The frame with further names; an empty one is left out."""
        return HclFrame(self.source, self.scope, {**self.names, **names}, self.depth)

    def bound(self, key: str, value: str, pair: tuple[Tree, Tree]) -> HclFrame:
        """The frame in which an element of a collection has its names; an empty `key` is none."""
        names = {value: pair[1]}
        return self.binding(**{key: pair[0], **names} if key else names)
