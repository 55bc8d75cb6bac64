"""Docker Compose: the project that counts, its effective configuration, its services as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import Platform, Settings, Unit, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.discover import Files


@hookimpl
def policyengine_platforms() -> list[Platform]:
    """Compose."""
    return [Platform(name="compose", title="Compose", wants=Wanted(endings=(".yml", ".yaml")), units=units)]


def units(_: Files, settings: Settings) -> Iterator[Unit]:
    """The Compose project that counts."""
    from policyengine.platforms.compose import project  # noqa: PLC0415  only where there may be one

    yield Unit("project", lambda view: project.lower(view, settings.config))
