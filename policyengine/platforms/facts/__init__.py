"""Facts that travel: one side of another repository's system, exported there and read here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import FileOption, NoPart, Platform, Settings, Unit
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files


@hookimpl
def policyengine_platforms() -> list[Platform[NoPart]]:
    """Exported facts."""
    return [
        Platform(
            name="facts",
            title="facts",
            options=(FileOption("facts", "what 'policyengine facts' exported elsewhere: that side of the system"),),
            units=units,
        )
    ]


def units(_: Files, settings: Settings[NoPart]) -> Iterator[Unit]:
    """The documents that `facts` of the configuration and `--facts` name.

    Raises:
        UsageError: one that an option names cannot be read, or is none.
    """
    from policyengine.platforms.facts import document  # noqa: PLC0415  few runs have one

    written = settings.written
    for entry in written.items if isinstance(written, Sequence) else ():
        if isinstance(entry, Mapping) and isinstance(file := entry.get("file"), Scalar):
            age = entry.get("max_age")
            most = document.days(age.text) if isinstance(age, Scalar) else None
            yield Unit(file.text, lambda view, file=file, most=most: document.lower(view, file, most))  # type: ignore[misc]
    for path in settings.given.get("facts", ()):
        found = document.given(path)
        yield Unit(str(path), lambda _, found=found: found)  # type: ignore[misc]
