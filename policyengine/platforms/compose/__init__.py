"""Docker Compose: the project that counts, its effective configuration, its services as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from policyengine.hooks import hookimpl
from policyengine.platforms import Lowered, Piece, Platform, Settings, Unit, Wanted, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Side
    from policyengine.repository.files import Files


Texts = tuple[str, ...]


class ComposePart(Struct, frozen=True, forbid_unknown_fields=True):
    """How Docker Compose is run."""

    canonical: Annotated[
        Annotated[Texts, Meta(min_length=1)] | UnsetType,
        Meta(description="Files as given to docker compose -f, in order, relative to this file."),
    ] = UNSET
    profiles: Annotated[Texts, Meta(description="Profiles that a developer has on.")] = ()
    production: Annotated[
        Texts | UnsetType,
        Meta(description="Files as given to docker compose -f where production runs on Compose; [] where it does not."),
    ] = UNSET


@hookimpl
def policyengine_platforms() -> list[Platform[ComposePart]]:
    """Compose."""
    wants = Wanted(endings=(".yml", ".yaml"))
    return [
        Platform(
            name="compose", title="Compose", part=ComposePart, wants=wants, units=units, reads=reads, pieces=pieces
        )
    ]


def units(_: Files, settings: Settings[ComposePart]) -> Iterator[Unit]:
    """The Compose project that developers start, and the one that runs in production."""
    from policyengine.platforms.compose import project  # noqa: PLC0415  only where there may be one

    yield Unit("project", lambda view: project.lower(view, settings))
    yield Unit("production", lambda view: project.production(view, settings))


def pieces(files: Files, settings: Settings[ComposePart], side: Side) -> Iterator[Piece]:
    """The projects for work, or those for production, unless the configuration names them."""
    from policyengine.platforms.compose import choosing  # noqa: PLC0415  as above

    if settings.part.canonical or settings.part.production:
        return iter(())
    return choosing.pieces(files, side)


def reads(files: Files, written: Written) -> Lowered:
    """A Compose project that a text of another platform writes, or starts."""
    from policyengine.platforms.compose import written as project  # noqa: PLC0415  few texts write one

    return project.lower(files, written)
