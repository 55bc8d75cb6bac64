"""What may be laid over the files of a root module while it is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown
    from policyengine.platforms.terraform.language.expansion import Expansion
    from policyengine.platforms.terraform.language.values import Tree


class Over(Protocol):
    """What is known of a root module from elsewhere than its files: it is laid over what they decide.

    In each method the tree or expansion is what the files give, and `place` where what stands for it would be.
    """

    def knows(self, variable: str) -> bool:
        """Whether there is a value of a variable of the root module."""
        ...

    def variable(self, name: str, tree: Tree, place: Span) -> Tree:
        """A variable of the root module."""
        ...

    def attribute(self, address: str, name: str, tree: Tree, place: Span) -> Tree:
        """An attribute of an instance of a resource, as other expressions see it."""
        ...

    def expansion(self, base: str, found: Expansion | Unknown, place: Span) -> Expansion | Unknown:
        """The instances of a block; `base` is its address without a key."""
        ...
