"""What is built from what: services and builds to stages, deployed images to the builds that make them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.mirrors import in_cloud
from policyengine.knowledge.names import folder_kinds, is_for_production, is_for_tests, speaks_of_development
from policyengine.linking.naming import affixes, bare, stem, telling, words
from policyengine.model import image as images
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import (
    Build,
    Node,
    Repository,
    Role,
    Service,
    Side,
    Stage,
)
from policyengine.model.nodes.container import TASK_FILES
from policyengine.model.value import Floating, Known, Unknown, Value, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.graph import Graph
    from policyengine.repository.files import Files


def in_lower_case(nodes: Iterable[Node], files: Files) -> Iterator[Node]:
    """Builds and services of a `Dockerfile` that is called `dockerfile`, which BuildKit takes where there is no other.

    Source: github.com/moby/moby/issues/10858.
    """
    named = frozenset(files.named("dockerfile"))
    for node in nodes if named else ():
        build = node if isinstance(node, Build) else node.build if isinstance(node, Service) else None
        path = PurePosixPath(known(build.dockerfile, "")) if build is not None else PurePosixPath()
        other = str(path.with_name("dockerfile")) if path.name == "Dockerfile" else ""
        if build is not None and other in named and not files.exists(str(path)):
            made = replace(build, dockerfile=replace(build.dockerfile, value=other))
            yield made if isinstance(node, Build) else replace(node, build=made)


def built_from(nodes: Iterable[Node], stages: Sequence[Stage]) -> Iterator[Edge]:
    """Service and Build → the stage that its Dockerfile and target name."""
    by_file: dict[str, list[Stage]] = {}
    for stage in stages:
        by_file.setdefault(stage.dockerfile, []).append(stage)
    for node in nodes:
        build = node if isinstance(node, Build) else node.build if isinstance(node, Service) else None
        if build is None or build.inline or not isinstance(build.dockerfile, Known):
            continue
        found = _target(by_file.get(build.dockerfile.value, []), build.target)
        if found is not None:
            yield Edge(EdgeKind.BUILT_FROM, node.id, found.id, f"builds {found.dockerfile}")


def _target(stages: Sequence[Stage], target: Value[str]) -> Stage | None:
    """The stage that a build target names: by name without regard to case, by number, the last without a target.

    The last one, too, where no stage has the name: the build fails, but it is of that file.
    """
    match target:
        case Known(name):
            lowered = name.lower()
            named = [stage for stage in stages if stage.name.lower() == lowered]
            found = named or [stage for stage in stages if str(stage.index) == name]
            if found or any("$" in stage.name for stage in stages):  # an argument gives the name of one
                return found[-1] if found else None
        case Unknown():
            return None
    return next((stage for stage in stages if stage.last), None)


def lent(graph: Graph) -> Iterator[Edge]:
    """Deployed applications of whose image nothing is known → the stage that their twin is built from.

    A certain pair lends its Dockerfile, where its name and target do not speak of development. Of several in one
    folder, but for those of other services, it is that for production, or the only one not for anything else. Where the
    pipeline pushes images, one of another name is not made of what is here, but for one of a cloud's registry that is
    called as the twin: people push it.
    """
    pushed, nameless = _pushed_by_pipeline(graph), bool(_nameless(graph))
    project = frozenset(words(graph.called))
    beside: dict[str, set[str]] = {}
    last = {stage.dockerfile: stage for stage in graph.all(Stage) if stage.last}
    for stage in graph.all(Stage):
        beside.setdefault(str(PurePosixPath(stage.dockerfile).parent), set()).add(stage.dockerfile)
    built = {each.id: known(each.build.dockerfile, "") for each in graph.apps(Side.LOCAL) if each.build is not None}
    for pair in graph.pairs:
        local, cloud = graph.get(Service, pair.local), graph.get(Service, pair.cloud)
        if local is None or cloud is None or not pair.certain or pair.tied or local.build is None:
            continue
        if Role.APP not in (local.role, cloud.role) or local.role is not cloud.role or cloud.build is not None:
            continue
        ref = cloud.image.value if isinstance(cloud.image, Known | Floating) else None
        if ref is not None and images.engine_of(ref, cloud.image.span) is not None:
            continue
        if ref is not None and pushed:
            own = _kept(ref, cloud) or _pulled(graph, cloud)
            image, name = stem(ref.basename, project), stem(local.name, project)
            if nameless or not own or not (image <= name or name <= image):
                continue
        known_by = (*graph.targets(Stage, EdgeKind.BUILT_FROM, cloud), *graph.targets(Build, EdgeKind.BUILT_BY, cloud))
        for stage in graph.targets(Stage, EdgeKind.BUILT_FROM, local) if not known_by else ():
            path = PurePosixPath(stage.dockerfile)
            target = local.build.target.value if isinstance(local.build.target, Known) else ""
            others = {dockerfile for service, dockerfile in built.items() if service != local.id}
            near = (beside[str(path.parent)] - others) | {stage.dockerfile}
            made = _for_production(near) if not speaks_of_development(target) else ""
            if made == stage.dockerfile:
                yield Edge(EdgeKind.BUILT_FROM, cloud.id, stage.id, f"its twin builds {made}")
            elif made and last.get(made) is not None and _place(made, project) == _place(stage.dockerfile, project):
                yield Edge(EdgeKind.BUILT_FROM, cloud.id, last[made].id, f"{made} lies beside that of its twin")


def _for_production(dockerfiles: Iterable[str]) -> str:
    """The one of the Dockerfiles of a folder that is called after production, else the only one not for anything else.

    Empty where several are.
    """
    alike = [each for each in dockerfiles if not _aside(each)]
    called = [each for each in alike if is_for_production(PurePosixPath(each).name)]
    found = called or alike
    return found[0] if len(found) == 1 else ""


def _pushed_by_pipeline(graph: Graph) -> bool:
    """Whether a pipeline pushes images whose names are known."""
    builds = graph.all(Build, side=Side.PIPELINE)
    return any(build.pushes and build.references and not build.by_hand for build in builds)


def _nameless(graph: Graph) -> list[Build]:
    """The builds of a pipeline that push images whose names are not in the files."""
    builds = graph.all(Build, side=Side.PIPELINE)
    return [build for build in builds if build.pushes and not build.references and not build.by_hand]


def pushed_alike(graph: Graph) -> Iterator[Edge]:
    """Deployed applications of whose image nothing is known → the build of a nameless image called as they are.

    Only for an image of a cloud's registry, and where one such build has a Dockerfile that is called so.
    """
    own = _own(graph)
    nameless = [(each, stage.value) for each in _nameless(graph) if isinstance(stage := graph.stage(each), Known)]
    known_by = {edge.source for edge in graph.edges if edge.kind in (EdgeKind.BUILT_FROM, EdgeKind.BUILT_BY)}
    project = frozenset(words(graph.called))
    called: dict[frozenset[str], dict[str, tuple[Build, Stage]]] = {}
    for each in nameless:
        for name in _called(each[1].dockerfile, project):
            called.setdefault(name, {})[each[0].id] = each
    for service in graph.all(Service, side=Side.CLOUD) if called else ():
        ref = service.image.value if isinstance(service.image, Known | Floating) else None
        if service.build is not None or service.id in known_by or ref is None:
            continue
        if ref.repository not in own and not _kept(ref, service) and not _pulled(graph, service):
            continue
        asked = (stem(ref.basename, project), stem(service.name, project))
        found = {build.id: stage for name in asked for build, stage in called.get(name, {}).values()}
        if len({stage.id for stage in found.values()}) == 1:
            made = next(iter(found.values()))
            reason = f"a build pushes {made.dockerfile}, which is called as {ref.repository!r} is"
            yield Edge(EdgeKind.BUILT_FROM, service.id, made.id, reason)
            yield from (Edge(EdgeKind.BUILT_BY, service.id, build, reason) for build in found)


def called_alike(graph: Graph) -> Iterator[Edge]:
    """Deployed applications of whose image nothing is known → the one Dockerfile that is called as they are.

    Only for an image of a registry's repository that the system itself makes, of a cloud's registry, or of a variable
    that people give, and where no pipeline pushes images: a script that people run does. A Dockerfile is called by its
    folder or what its name adds to `Dockerfile`; of two that are called alike the one for production is meant. The only
    one of the tree makes the only such image of the system's own repositories.
    """
    own = _own(graph)
    if _pushed_by_pipeline(graph):
        return
    known_by = {edge.source for edge in graph.edges if edge.kind in (EdgeKind.BUILT_FROM, EdgeKind.BUILT_BY)}
    ran: dict[str, list[Service]] = {}
    for service in graph.all(Service, side=Side.CLOUD):
        ref = service.image.value if isinstance(service.image, Known | Floating) else None
        if service.role is not Role.APP or service.build is not None:
            continue
        if ref is None and isinstance(service.image, Unknown):  # a variable, which people give
            ran.setdefault(service.name, []).append(service)
        elif ref is not None and (ref.repository in own or _kept(ref, service) or _pulled(graph, service)):
            ran.setdefault(ref.repository, []).append(service)
    if not ran:
        return
    project = frozenset(words(graph.called))
    made = [stage for stage in graph.all(Stage) if stage.last and not _aside(stage.dockerfile)]
    real = {_place(each.dockerfile, project) for each in made if is_for_production(PurePosixPath(each.dockerfile).name)}
    made = [
        stage
        for stage in made
        if _place(stage.dockerfile, project) not in real or is_for_production(PurePosixPath(stage.dockerfile).name)
    ]
    called: dict[frozenset[str], dict[str, Stage]] = {}
    for stage in made:
        for name in _called(stage.dockerfile, project):
            called.setdefault(name, {})[stage.id] = stage
    for repository, services in ran.items():
        asked = {stem(repository.rpartition("/")[2], project), *(stem(each.name, project) for each in services)}
        alike = {stage.id: stage for name in asked for stage in called.get(name, {}).values()}
        only = len(made) == len(ran) == 1 and repository in own
        for stage in made if only else alike.values() if len(alike) == 1 else ():
            why = "is the only Dockerfile of the only image" if only else f"is called as {repository!r} is"
            for service in services:
                if service.id not in known_by:
                    yield Edge(EdgeKind.BUILT_FROM, service.id, stage.id, f"{stage.dockerfile} {why}")


def _own(graph: Graph) -> frozenset[str]:
    """The repositories of registries that the system itself makes."""
    return frozenset(each.repository.value for each in graph.all(Repository) if isinstance(each.repository, Known))


def _kept(ref: images.ImageRef, service: Service) -> bool:
    """Whether an image is one of a cloud's customer: no sample, and nothing that the tables know."""
    return in_cloud(ref.text) and not ref.is_sample and images.engine_of(ref, service.image.span) is None


def _pulled(graph: Graph, service: Service) -> bool:
    """Whether an image is of a repository that the system itself makes, by whatever name."""
    return any(graph.targets(Repository, EdgeKind.PULLS, service))


def _called(dockerfile: str, project: frozenset[str]) -> Iterator[frozenset[str]]:
    """What a Dockerfile is called: `api/Dockerfile`, `docker/Dockerfile.api`, `docker/api.dockerfile`."""
    path = PurePosixPath(dockerfile)
    added = path.name.lower().replace("dockerfile", "").replace("containerfile", "").strip(".-_")
    said = project | {"docker"}
    for name in (path.parent.name, added):
        if telling(name, said):
            yield stem(name, said)


def _place(dockerfile: str, project: frozenset[str]) -> tuple[str, frozenset[frozenset[str]]]:
    """The folder of a Dockerfile, and what it is called there."""
    return str(PurePosixPath(dockerfile).parent), frozenset(_called(dockerfile, project))


def _aside(dockerfile: str) -> bool:
    """Whether a Dockerfile is for developers, for tests, or of others."""
    path = PurePosixPath(dockerfile)
    return bool(folder_kinds(dockerfile)) or speaks_of_development(path.name) or is_for_tests(path.name)


def same_local_image(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Compose services without `build` whose image another service builds: a worker beside its app."""
    stage_of = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    services = [node for node in nodes if isinstance(node, Service) and node.side is Side.LOCAL]
    made = {
        service.image.value: stage_of[service.id]
        for service in services
        if isinstance(service.image, Known | Floating) and service.id in stage_of
    }
    for service in services:
        if service.build is None and isinstance(service.image, Known | Floating) and service.image.value in made:
            yield Edge(
                EdgeKind.BUILT_FROM, service.id, made[service.image.value], "runs the image another service builds"
            )


def deployed(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Cloud Service → the Build of its image and that build's stage, joined by the image repository.

    Of the pipeline's builds, or where none of these makes it of those that people run by hand.
    """
    everything = list(nodes)
    builds = [node for node in everything if isinstance(node, Build) and node.side is not Side.LOCAL]
    stage_of = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    repositories = [node for node in everything if isinstance(node, Repository)]
    sources = []
    for by_hand in (False, True):
        some = [build for build in builds if build.by_hand is by_hand]
        names = _by_name(some)
        replaced = by_hand and any(build.pushes and not build.by_hand for build in builds)
        sources.append((names, () if replaced else _only_builds(some, everything, repositories)))
        for repository in repositories:
            if isinstance(repository.repository, Known):
                for build in names.get(repository.repository.value, ()):
                    yield Edge(EdgeKind.PUBLISHES, build.id, repository.id, f"pushes {repository.repository.value}")
    for service in everything:
        if not isinstance(service, Service) or service.role is not Role.APP or service.id in stage_of:
            continue
        if service.side is Side.PIPELINE or service.build is not None:
            continue
        told = (_put_in(service, builds), *(_makers(service, names, only) for names, only in sources))
        makers, reason = next((each for each in told if each[0]), ((), ""))
        for build in makers:
            yield Edge(EdgeKind.BUILT_BY, service.id, build.id, reason)
        stages = sorted({stage_of[build.id] for build in makers if build.id in stage_of})
        if len(stages) == 1:
            yield Edge(EdgeKind.BUILT_FROM, service.id, stages[0], reason)


def _put_in(service: Service, builds: Sequence[Build]) -> tuple[Sequence[Build], str]:
    """The builds of an image that a workflow puts into a task definition: those of the only one that it pushes."""
    if not isinstance(service.image, Unknown) or not service.group.startswith(TASK_FILES):
        return [], ""
    pushed = [each for each in builds if each.pushes and each.workflow == service.image.span.path]
    one = len({known(each.dockerfile, each.id) for each in pushed}) == 1
    return (pushed, "the only image that its workflow pushes") if one else ([], "")


def _by_name(builds: Iterable[Build]) -> dict[str, list[Build]]:
    """The builds by the repositories that they push to.

    Also by the last parts of their names, behind a slash; with `-` for `/` in them; and by what is left of them without
    what is common to all, behind `~`.
    """
    names: dict[str, list[Build]] = {}
    builds = list(builds)
    common = affixes(ref.basename for build in builds if build.pushes for ref in build.references)
    for build in builds:
        for name in {tag.repository for tag in build.references}:
            names.setdefault(name, []).append(build)
            names.setdefault(f"/{PurePosixPath(name).name}", []).append(build)
            rest = bare(PurePosixPath(name).name, common) if common else ""
            for each in (*_flat(name), *([f"~{rest}"] if rest else ())):
                names.setdefault(each, []).append(build)
    return names


def _flat(repository: str) -> set[str]:
    """A repository of a registry with `-` for `/`, whole and its last two parts: `acme/shop/api`, `acme/shop-api`."""
    parts = repository.split("/")
    names = {"-".join(parts), "-".join(parts[-2:]), parts[-1]}
    return {f"-{each}" for each in names if "-" in each}


def _makers(service: Service, names: dict[str, list[Build]], only: Sequence[Build]) -> tuple[Sequence[Build], str]:
    """The builds that make a cloud service's image: by repository, or the `only` pushed build for the only image.

    `names` are the builds by the repositories that they push to, and by the last parts of their names.
    """
    if isinstance(service.image, Known | Floating):
        ref = service.image.value
        if images.engine_of(ref, service.image.span) is not None:
            return [], ""
        name = service.name if ref.is_sample else ref.basename
        rest = bare(ref.basename, frozenset()) if isinstance(ref.registry, Unknown) else ""
        alike = (*sorted(_flat(ref.repository)), f"~{rest or '/'}") if service.side is Side.CLOUD else ()
        asked = (ref.repository, f"/{name}", *alike)
        named = [found for each in asked if (found := names.get(each))]
        pushed = ([build for build in found if build.pushes] for found in named)  # the others may be for a check
        found = next(filter(None, (*pushed, *named)), None)
        if found:
            return found, f"the build pushes {name if ref.is_sample else ref.repository}"
    elif service.side is Side.CLOUD and isinstance(service.image, Unknown):
        called = [build for build in names.get(f"/{service.name}", ()) if build.pushes]
        if len({known(build.dockerfile, build.id) for build in called}) == 1:
            return called, f"the build pushes an image that is called {service.name}"
    if service.side is not Side.CLOUD or not only:
        return [], ""
    return only, "the only image that is pushed for the only image that runs"


def _only_builds(builds: Sequence[Build], nodes: Sequence[Node], repositories: Sequence[Repository]) -> Sequence[Build]:
    """The builds of the only image that the pipeline pushes, where the cloud runs one image; none otherwise.

    What runs may be a placeholder until the first deployment, but not one of the system's `repositories`, or of a
    cloud's registry, by a name that shares no word with what is pushed.
    """
    used = {
        node.image.value.repository if isinstance(node.image, Known | Floating) else node.id
        for node in nodes
        if isinstance(node, Service) and node.side is Side.CLOUD and node.role is Role.APP
    }
    pushed = [build for build in builds if not (isinstance(build.push, Known) and not build.push.value)]
    files = {build.dockerfile.value for build in pushed if isinstance(build.dockerfile, Known)}
    if len(used) != 1 or len(files) != 1 or not all(isinstance(build.dockerfile, Known) for build in pushed):
        return ()
    own = {each.repository.value for each in repositories if isinstance(each.repository, Known)}
    named = {stem(ref.basename) for build in pushed for ref in build.references}
    own |= {
        node.image.value.repository
        for node in nodes
        if isinstance(node, Service) and isinstance(node.image, Known | Floating) and _kept(node.image.value, node)
    }
    other = named and used <= own and all(stem(name).isdisjoint(each) for name in used for each in named)
    return () if other else pushed
