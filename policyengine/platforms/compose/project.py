"""Docker Compose: the project that counts, its effective configuration, its services as nodes."""

from __future__ import annotations

import posixpath
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import replace

from policyengine.knowledge.names import deploys, speaks_of_development
from policyengine.model.graph import PRODUCTION_PROJECT, PROJECT, Choice
from policyengine.model.nodes import Datastore, Service, Side
from policyengine.model.nodes.container import PRODUCTION_COMPOSE
from policyengine.model.source import ReadError
from policyengine.model.value import Floating, Known, known
from policyengine.platforms import Lowered, lost_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.nodes import Build, Node
    from policyengine.platforms import Settings
    from policyengine.platforms.compose import ComposePart, Texts
    from policyengine.platforms.compose.given import Given
    from policyengine.platforms.compose.services import Place
    from policyengine.repository.files import Files


_TOLD = (Known, Floating)


def lower(tree: Files, settings: Settings[ComposePart]) -> Lowered:
    """The services and datastores of the Compose project that developers start."""
    from policyengine.platforms.compose import flavours, services, sketch  # noqa: PLC0415 - others do not pay
    from policyengine.platforms.compose.load import default_files  # noqa: PLC0415

    paths, choice, problems = choose(tree, settings)
    if choice is None or not paths:
        return Lowered(choices=() if choice is None else (choice,), problems=problems)
    named = bool(settings.part.canonical) or paths != default_files(tree, posixpath.dirname(paths[0]))
    place = services.Place()
    if settings.pieces is not None and (folder := posixpath.dirname(paths[0])):
        place = services.Place(prefix=f"compose:{folder}/services.")
    made, _ = _project(tree, paths, choice, place, settings.part.profiles or None, named=named)
    read = frozenset({*paths, *(node.span.path for node in made.nodes)})
    more = flavours.lower(tree, settings, paths)
    nodes = (*made.nodes, *sketch.others(tree, read), *more.nodes)
    return replace(made, nodes=nodes, sealed=tuple(dict.fromkeys((*made.sealed, *more.sealed))))


def production(tree: Files, settings: Settings[ComposePart]) -> Lowered:
    """What the Compose project that production runs starts there, on the cloud side.

    What a profile leaves out is of it where the local project has a service of that name: people start it by hand. Not
    so a datastore of another file, nor what only gets a profile there, or one for the laptop: that is how a base loses
    a service.
    """
    from policyengine.platforms.compose import deploying, given, producing, services, sketch  # noqa: PLC0415 - see lower

    paths = settings.part.production
    if paths is UNSET:
        paths, choice = producing.for_production(tree, settings.pieces)
    else:
        paths = tuple(map(posixpath.normpath, paths))
        choice = Choice(PRODUCTION_PROJECT, ", ".join(paths), "configured as compose.production", paths=paths)
    if not paths or choice is None or (settings.shared and not all(map(tree.exists, paths))):
        return Lowered()
    place = services.Place(Side.CLOUD, f"compose:{deploying.main(paths)}:services.", PRODUCTION_COMPOSE)
    told = given.given(tree, deploying.scripts(tree), posixpath.dirname(paths[0]))
    made, enabled = _project(tree, paths, choice, place, deployed=told)
    nodes = [each for each in made.nodes if isinstance(each, Service | Datastore)]
    here = choose(tree, settings)[0]
    stores = {each.service for each in nodes if isinstance(each, Datastore) and here[: len(paths)] != paths}
    local = sketch.sketch(tree, here).complete if enabled else frozenset()
    local &= sketch.sketch(tree, (deploying.main(paths),)).complete
    by_hand = (each for each in nodes if isinstance(each, Service) and each.name in local and each.id not in stores)
    running = {f"{place.prefix}{each}" for each in enabled}
    running.update(each.id for each in by_hand if not any(map(speaks_of_development, each.profiles)))
    running.update(each.id for each in nodes if isinstance(each, Service) and any(map(deploys, each.profiles)))
    started = [each for each in nodes if (each.id if isinstance(each, Service) else each.service) in running]
    nodes = started or nodes
    others = producing.building(tree, paths)
    built = tuple(_built_elsewhere(tree, nodes, others)) if others else ()
    return replace(made, nodes=(*nodes, *built))  # profiles may be called after machines, each has its own


def _built_elsewhere(tree: Files, nodes: Sequence[Node], paths: tuple[str, ...]) -> Iterator[Build]:
    """How the file of these paths builds the images that production's services pull: as people build by hand."""
    from policyengine.platforms.compose import services  # noqa: PLC0415 - see lower
    from policyengine.platforms.compose.load import load  # noqa: PLC0415

    try:
        project = load(tree, posixpath.dirname(paths[0]), paths, name=tree.name or "project", budget=tree.budget)
    except ReadError:
        return  # it is told where it is the project
    pulled = {each.name: each.image for each in nodes if isinstance(each, Service) and each.build is None}
    for each in services.lower(project, tree.read, services.Place(prefix=f"compose:{paths[0]}#")):
        image = pulled.get(each.name) if isinstance(each, Service) else None
        if not isinstance(each, Service) or each.build is None or each.doubt is not None:
            continue
        told = (known(each.build.dockerfile, ""), known(each.build.target, ""))
        if isinstance(image, _TOLD) and not any(speaks_of_development(posixpath.basename(one)) for one in told):
            yield replace(
                each.build,
                id=f"{each.id}/build",
                side=Side.PIPELINE,
                job=f"script:{paths[0]}",
                tags=Known((image.value,), image.span),
                push=Known(value=False, span=each.span),
            )


def _project(
    tree: Files,
    paths: tuple[str, ...],
    choice: Choice,
    place: Place,
    profiles: Texts | None = None,
    *,
    named: bool = True,
    deployed: Given | None = None,
) -> tuple[Lowered, frozenset[str]]:
    """The nodes of a project, its secrets, what Compose refuses, and the services that no profile leaves out.

    `named` tells that its files are given with `-f`, and not found by their names, `deployed` what it is given else.
    """
    from policyengine.platforms.compose import services  # noqa: PLC0415 - see lower
    from policyengine.platforms.compose.declarations import declarations  # noqa: PLC0415
    from policyengine.platforms.compose.load import load  # noqa: PLC0415
    from policyengine.platforms.compose.secrecy import secrets_of, written  # noqa: PLC0415

    directory = posixpath.dirname(paths[0])
    name = PurePosixPath(directory).name or tree.name or "project"
    try:
        project = load(
            tree,
            directory,
            paths if named else (),
            profiles=profiles,
            name=name,
            budget=tree.budget,
            deployed=deployed,
        )
    except ReadError as error:
        secret = tuple(dict.fromkeys(each for path in paths for each in written(tree, path)))
        return Lowered(choices=(choice,), problems=(error,), sealed=secret), frozenset()
    nodes = tuple(services.lower(project, tree.read, place))
    refused = {*project.files, *(each.span.path for each in project.faults)} if project.faults else ()
    everything = chain(secrets_of(project), *(written(tree, path) for path in sorted(refused)))
    secret = tuple(dict.fromkeys(everything))
    called = (project.called,) if project.called else ()
    chosen = (choice, *lost_lines.choices(project.lost, tree.read))
    found = Lowered(
        nodes=nodes,
        choices=chosen,
        problems=project.warnings,
        sealed=secret,
        names=called,
        declaring=(declarations(project, place),),
    )
    return found, project.enabled


def choose(
    tree: Files, settings: Settings[ComposePart]
) -> tuple[tuple[str, ...], Choice | None, tuple[ReadError, ...]]:
    """The Compose files that count: those configured, else those that developers seem to start."""
    from policyengine.platforms.compose import choosing  # noqa: PLC0415 - see lower

    if not settings.part.canonical:
        return *choosing.choose(tree, settings.pieces), ()
    paths = tuple(posixpath.normpath(each) for each in settings.part.canonical)
    problems = tuple(
        ReadError(
            f"the Compose file '{each}' is not there", settings.place("canonical", number), "correct compose.canonical"
        )
        for number, each in enumerate(settings.part.canonical)
        if not tree.exists(paths[number])
    )
    if problems and settings.shared:
        return (), Choice(PROJECT, "none", "compose.canonical names files of another part"), ()
    if problems:
        return (), None, problems
    return paths, Choice(PROJECT, ", ".join(paths), "configured as compose.canonical", paths=paths), ()


__all__ = ["choose", "lower", "production"]
