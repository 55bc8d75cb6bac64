"""What is known of the environment variables with which a command starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.variables import given_by

if TYPE_CHECKING:
    from collections.abc import Mapping


class Environment(Struct, frozen=True):
    """Variables by name, None where only the run gives the value.

    With `closed` a variable that is not listed is not set, unless machines and tools set it on their own.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    closed: bool = False

    def get(self, name: str) -> str | None:
        """The value, empty where the variable is not set; None where that is not known."""
        if name in self.variables:
            return self.variables[name]
        return "" if self.closed and not given_by(name, "machine") else None

    def given(self, more: Mapping[str, str | None]) -> Environment:
        """The environment with further variables."""
        return replace(self, variables={**self.variables, **more}) if more else self

    def opened(self) -> Environment:
        """The environment where anything else may be set."""
        return replace(self, closed=False)
