"""Dockerfiles: their stages, and what a public image is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import NoPart, Platform, Settings, Unit, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files


@hookimpl
def policyengine_platforms() -> list[Platform[NoPart]]:
    """Docker."""
    return [
        Platform(name="docker", title="Dockerfiles", wants=Wanted(parts=("ockerfile", "ontainerfile")), units=units)
    ]


def units(view: Files, _: Settings[NoPart]) -> Iterator[Unit]:
    """Each Dockerfile."""
    from policyengine.platforms.docker import image  # noqa: PLC0415  only where there are some

    for path in view.holding("ockerfile", "ontainerfile"):
        if image.is_dockerfile(path):
            yield Unit(path, partial(image.lower, path))
