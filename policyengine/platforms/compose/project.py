"""Docker Compose: the project that counts, its effective configuration, its services as nodes."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.graph import Choice
from policyengine.model.source import ReadError
from policyengine.platforms import Lowered

if TYPE_CHECKING:
    from policyengine.platforms import Settings
    from policyengine.platforms.compose import ComposePart
    from policyengine.repository.files import Files


def lower(tree: Files, settings: Settings[ComposePart]) -> Lowered:
    """The services and datastores of the canonical Compose project, which one that is, and what Compose refuses."""
    from policyengine.platforms.compose import services  # noqa: PLC0415 - trees without Compose files do not pay
    from policyengine.platforms.compose.load import NAMES, load  # noqa: PLC0415
    from policyengine.platforms.compose.secrecy import secrets_of, written  # noqa: PLC0415

    paths, choice, problems = choose(tree, settings)
    choices = () if choice is None else (choice,)
    if not paths:
        return Lowered(choices=choices, problems=problems)
    directory = posixpath.dirname(paths[0])
    named = bool(settings.part.canonical) or PurePosixPath(paths[0]).name not in NAMES
    try:
        project = load(
            tree,
            directory,
            paths if named else (),
            profiles=settings.part.profiles or None,
            name=PurePosixPath(directory).name or tree.name or "project",
        )
    except ReadError as error:
        secret = tuple(dict.fromkeys(each for path in paths for each in written(tree, path)))
        return Lowered(choices=choices, problems=(*problems, error), sealed=secret)
    nodes = tuple(services.lower(project, tree.read))
    secret = tuple(dict.fromkeys(secrets_of(project)))
    return Lowered(nodes=nodes, choices=choices, problems=(*problems, *project.warnings), sealed=secret)


def choose(
    tree: Files, settings: Settings[ComposePart]
) -> tuple[tuple[str, ...], Choice | None, tuple[ReadError, ...]]:
    """The Compose files that count: those configured, else those that developers seem to start."""
    from policyengine.platforms.compose import choosing  # noqa: PLC0415 - see lower

    if not settings.part.canonical:
        return *choosing.choose(tree), ()
    paths = tuple(posixpath.normpath(each) for each in settings.part.canonical)
    problems = tuple(
        ReadError(
            f"the Compose file '{each}' is not there", settings.place("canonical", number), "correct compose.canonical"
        )
        for number, each in enumerate(settings.part.canonical)
        if not tree.exists(paths[number])
    )
    if problems:
        return (), None, problems
    return paths, Choice("Compose project", ", ".join(paths), "configured as compose.canonical"), ()


__all__ = ["choose", "lower"]
