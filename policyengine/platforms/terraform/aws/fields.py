"""Container definitions in the spelling of the API, or in that of Terraform modules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.sections import Nested, nested_of

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree


class Fields:
    """A container definition in the spelling of the API, or in that of Terraform modules (`read_only`)."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.span = section.span

    def get(self, name: str) -> Tree | None:
        """An argument, in either spelling."""
        found = self.section.get(name)
        if found is None or isinstance(found, Unknown):
            other = self.section.get(re.sub(r"(?<!^)([A-Z])", lambda match: f"_{match[1].lower()}", name))
            found = other if other is not None else found
        return found

    def nested(self, name: str) -> Nested:
        """The objects of an argument."""
        return nested_of(self.get(name))

    def section_of(self, name: str) -> Fields | None:
        """The one object that an argument is."""
        found = self.nested(name).sections
        return Fields(found[0]) if found else None
