"""GitHub Actions: workflows, the jobs they run, what the steps of these do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import NoPart, Platform, Settings, Unit, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files


@hookimpl
def policyengine_platforms() -> list[Platform[NoPart]]:
    """GitHub Actions."""
    return [Platform(name="github", title="workflows", wants=Wanted(parts=(".github/workflows/",)), units=units)]


def units(_: Files, __: Settings[NoPart]) -> Iterator[Unit]:
    """All workflows, since some call others."""
    from policyengine.platforms.github import workflows  # noqa: PLC0415  only where there are some

    yield Unit("workflows", workflows.lower)
