"""Container definitions in the spelling of the API, or in that of Terraform modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.sections import nested_of
from policyengine.platforms.terraform.resources.arguments import BlockView

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.values import Tree

_UPPER = regex(r"(?<!^)([A-Z])")


class Fields(BlockView, frozen=True):
    """Arguments whose names are those of the API (`readOnly`); `read_only` of modules and `ReadOnly` count as well."""

    def tree(self, *names: str) -> Tree | None:
        """An argument in either spelling; one that is known counts more than one that is not."""
        for name in names:
            found = self.section.get(name)
            if found is None or isinstance(found, Unknown):
                spelled = (_UPPER.sub(lambda match: f"_{match[1].lower()}", name), name[:1].upper() + name[1:])
                other = next((tree for each in spelled if (tree := self.section.get(each)) is not None), None)
                found = other if other is not None else found
            if found is not None:
                return found
        return None

    def blocks(self, name: str) -> tuple[Fields, ...]:
        """The objects of an argument."""
        return tuple(Fields(each) for each in nested_of(self.tree(name)).sections)

    def gap(self, name: str) -> Unknown | None:
        """Why there may be more objects in an argument."""
        return nested_of(self.tree(name)).gap

    def first(self, name: str) -> Fields | None:
        """The one object that an argument is."""
        return next(iter(self.blocks(name)), None)
