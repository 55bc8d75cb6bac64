"""Docker Compose: the project that counts, its effective configuration, its services as nodes."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge.names import folder_kind
from policyengine.model.graph import Choice
from policyengine.model.source import ReadError
from policyengine.platforms import Lowered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.platforms import Settings
    from policyengine.platforms.compose import ComposePart
    from policyengine.repository.files import Files


def lower(tree: Files, settings: Settings[ComposePart]) -> Lowered:
    """The services and datastores of the canonical Compose project, which one that is, and what Compose refuses."""
    from policyengine.platforms.compose import services  # noqa: PLC0415 - trees without Compose files do not pay
    from policyengine.platforms.compose.load import NAMES, load  # noqa: PLC0415

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
        return Lowered(choices=choices, problems=(*problems, error))
    nodes = tuple(services.lower(project, tree.read))
    return Lowered(nodes=nodes, choices=choices, problems=(*problems, *project.warnings))


def choose(
    tree: Files, settings: Settings[ComposePart]
) -> tuple[tuple[str, ...], Choice | None, tuple[ReadError, ...]]:
    """The Compose files that count: those configured, else the default-named ones nearest to the root.

    Where none has a default name, `docker-compose.dev.yml` and the like do, if there is one.
    """
    from policyengine.platforms.compose.load import NAMES, default_files  # noqa: PLC0415 - see lower

    if settings.part.canonical:
        problems = tuple(
            ReadError(
                f"the Compose file '{each}' is not there",
                settings.place("canonical", number),
                "correct compose.canonical",
            )
            for number, each in enumerate(settings.part.canonical)
            if not tree.exists(posixpath.normpath(each))
        )
        if problems:
            return (), None, problems
        paths = tuple(posixpath.normpath(each) for each in settings.part.canonical)
        return paths, Choice("Compose project", ", ".join(paths), "configured as compose.canonical"), ()
    found = tree.named(*NAMES)
    folders = sorted({posixpath.dirname(path) for path in found}, key=_rank)
    folders = [folder for folder in folders if not _stands_beside(folder)]
    if not folders:
        return _for_work(tree.ending(".yml", ".yaml"))
    paths = default_files(tree, folders[0])
    others = len(folders) - 1
    reason = "the default-named file nearest to the root"
    if others:
        reason += f", of {others + 1} folders with one; set compose.canonical for another"
    return paths, Choice("Compose project", ", ".join(paths), reason), ()


def _for_work(paths: Sequence[str]) -> tuple[tuple[str, ...], Choice | None, tuple[ReadError, ...]]:
    """Without a file of a default name, the one that says that it is for development, nearest to the root."""
    pattern = re.compile(r"(?:docker-)?compose[.-](?:local|dev|development)\.ya?ml")
    found = [path for path in paths if pattern.fullmatch(posixpath.basename(path))]
    found = [path for path in found if not _rank(posixpath.dirname(path))[0]]
    folder = min((posixpath.dirname(path) for path in found), key=_rank, default="")
    meant = [path for path in found if posixpath.dirname(path) == folder]
    if len(meant) != 1:
        return (), None, ()
    reason = "no file has a default name, and this one says that it is for development"
    return (meant[0],), Choice("Compose project", meant[0], reason), ()


def _stands_beside(folder: str) -> bool:
    """Whether a Compose project stands beside the application, and is never its local side."""
    return any(folder_kind(part.lower()) in ("beside", "foreign") for part in folder.split("/"))


def _rank(folder: str) -> tuple[bool, int, str]:
    """Folders of examples and tests last, then the nearest to the root, then by name."""
    parts: Sequence[str] = folder.split("/") if folder else ()
    return any(folder_kind(part.lower()) is not None for part in parts), len(parts), folder


__all__ = ["choose", "lower"]
