"""What is known of the environment variables with which a command starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_MACHINE = regex(
    r"(?:GITHUB|RUNNER|ACTIONS|AWS|AZURE|GCP|GOOGLE|DOCKER|BUILDKIT|LC|XDG|JAVA|ANDROID|GO|PYTHON|NODE|NPM|GRADLE|"
    r"CONDA|HOMEBREW|CHROME|DOTNET|POSTGRESQL|SSH|SUDO)_|"
    r"(?:HOME|PATH|USER|LOGNAME|UID|SHELL|PWD|OLDPWD|LANG|TERM|TMPDIR|TEMP|HOSTNAME|DISPLAY|EDITOR|MAKE\w*|IMAGE_?OS|"
    r"ImageOS|ImageVersion|DEBIAN_FRONTEND|VIRTUAL_ENV)\Z|\w+(?:HOME|PATH|_ROOT)\Z"
)


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
        return "" if self.closed and _OF_THE_MACHINE.match(name) is None else None

    def given(self, more: Mapping[str, str | None]) -> Environment:
        """The environment with further variables."""
        return replace(self, variables={**self.variables, **more}) if more else self

    def opened(self) -> Environment:
        """The environment where anything else may be set."""
        return replace(self, closed=False)
