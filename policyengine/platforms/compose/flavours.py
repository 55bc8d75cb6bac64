"""The services of the project as other Compose files of the tree have them: for tests, for another way to work."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import UNSET

from policyengine.knowledge.names import environment, folder_kind, is_retired, words
from policyengine.model.nodes import Flavour, Service
from policyengine.model.source import ReadError
from policyengine.platforms import Lowered
from policyengine.platforms.compose import candidates, producing, services
from policyengine.platforms.compose.load import default_files, load
from policyengine.platforms.compose.secrecy import secrets_of, written
from policyengine.platforms.compose.sketch import sketch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.value import Sealed
    from policyengine.platforms import Settings
    from policyengine.platforms.compose import ComposePart, Texts
    from policyengine.repository.files import Files

_MOST = 12
"""So many files are read beside those of the project."""


def lower(tree: Files, settings: Settings[ComposePart], chosen: Texts) -> Lowered:
    """A Flavour for each service that a file beside the project has, too; `chosen` are the project's files."""
    production = settings.part.production
    deployed = producing.for_production(tree, settings.pieces)[0] if production is UNSET else production
    ours = sketch(tree, chosen)
    nodes: list[Flavour] = []
    secret: list[Sealed] = []
    for paths in list(_beside(tree, chosen, deployed))[:_MOST]:
        directory = posixpath.dirname(paths[0])
        try:
            project = load(tree, directory, paths, name=tree.name or "project", budget=tree.budget)
        except ReadError:
            secret.extend(each for path in paths for each in written(tree, path))
            continue  # it is not the project: what Docker refuses of it is not told
        secret.extend(secrets_of(project))
        place = services.Place(prefix=f"compose:{paths[-1]}#")
        nodes.extend(
            Flavour(id=node.id, name=node.name, side=node.side, span=node.span, path=paths[-1], service=node)
            for node in services.lower(project, tree.read, place)
            if isinstance(node, Service) and node.name in ours.complete and node.doubt is None
        )
    return Lowered(nodes=tuple(nodes), sealed=tuple(dict.fromkeys(secret)))


def _beside(tree: Files, chosen: Texts, deployed: Texts) -> Iterator[Texts]:
    """Files of the folder of the project, or that build an application of it, with the base that they change."""
    folder, ours = posixpath.dirname(chosen[0]), sketch(tree, chosen)
    for path in tree.ending(".yml", ".yaml"):
        said, home = words(posixpath.basename(path)), posixpath.dirname(path)
        if "compose" not in said or path in (*chosen, *deployed) or {"prod", "staging"} & {*map(environment, said)}:
            continue
        if any(folder_kind(part.lower()) not in (None, "test") for part in home.split("/") if part):
            continue
        own = sketch(tree, (path,))
        if candidates.runs_on(path) or own.title in ("prod", "retired") or is_retired(path):
            continue  # production's, or nobody's
        if home != folder and own.builds.isdisjoint(ours.builds):
            continue
        base = next(iter(default_files(tree, home)), "")
        if base and base != path and ((own.partial | own.needs) - own.complete or own.changes):
            yield base, path
        elif own.complete:
            yield (path,)


__all__ = ["lower"]
