"""What containers reach and read: datastores by their variables, configuration modules by their folders."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge.images import image
from policyengine.knowledge.languages import endings
from policyengine.knowledge.settings import is_of_node
from policyengine.model.endpoint import hosts
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import (
    Build,
    Command,
    ConfigModule,
    Node,
    Package,
    Role,
    Service,
    Side,
    Stage,
)
from policyengine.model.value import Absent, Floating, Known, Unknown, known
from policyengine.patterns import regex
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence


_ARGUMENT = regex(r"\$\{?(\w+)\}?")


def connected(nodes: dict[str, Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → Datastore for a local variable that names the sibling which runs it."""
    runs = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.RUNS}
    groups: dict[tuple[Side, str], dict[str, str]] = {}
    for service in nodes.values():
        if isinstance(service, Service) and service.side is not Side.CLOUD and service.id in runs:
            named = groups.setdefault((service.side, service.group), {})
            named.update((name, runs[service.id]) for name in service.names)
    for service in list(nodes.values()):
        if not isinstance(service, Service):
            continue
        for variable in service.environment:
            around = (each.host for each in variable.endpoints)
            for host in (*hosts(known(variable.value, "")), *around):
                target = groups.get((service.side, service.group), {}).get(host)
                if target and target != runs.get(service.id):
                    yield Edge(EdgeKind.CONNECTS, service.id, target, variable.key)


def configured(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service, or a stage that is pushed → ConfigModule of the application that its image holds.

    An image that is not built here has no module of ours, but for one that is not told where one Dockerfile and one
    module are all there is. Neither has one that may be of several builds, whose arguments choose other applications.
    """
    everything = list(nodes)
    every = [node for node in everything if isinstance(node, ConfigModule)]
    modules = [node for node in every if not node.stands_in]
    if not every:
        return
    packages = {_folder(node.directory): node.name for node in everything if isinstance(node, Package)}
    stages = [node for node in everything if isinstance(node, Stage)]
    built_by: dict[str, list[str]] = {}
    for source, target in sorted((each.source, each.target) for each in edges if each.kind is EdgeKind.BUILT_BY):
        built_by.setdefault(source, []).append(target)
    built_from = dict(sorted((edge.source, edge.target) for edge in edges if edge.kind is EdgeKind.BUILT_FROM))
    by_id = {node.id: node for node in everything}
    own = {
        node.id: node if isinstance(node, Build) else node.build
        for node in everything
        if isinstance(node, Build | Service)
    }
    of_stage = {stage: build for source, stage in built_from.items() if (build := own.get(source)) is not None}
    images = {_repository(node): node for node in everything if isinstance(node, Service) and node.build is not None}
    alone = len(modules) == 1 and len({stage.dockerfile for stage in stages}) < 2
    for service in everything:
        if not isinstance(service, Service) or service.role is not Role.APP or service.side is Side.PIPELINE:
            continue
        twin = images.get(_repository(service)) if service.build is None and _repository(service) else None
        made = [service.id, *built_by.get(service.id, ()), twin.id if twin is not None else ""]
        stage = next((by_id[built_from[each]] for each in made if each in built_from), None)
        build = next((each for name in made if (each := own.get(name)) is not None), None)
        build = build or (of_stage.get(stage.id) if stage is not None else None)
        module = modules[0] if alone and (build or isinstance(service.image, Unknown | Floating)) else None
        if build is not None and isinstance(build.context, Known):
            named = _named(stage, stages, packages, _given(build)) if isinstance(stage, Stage) else []
            module = _module(build, build.context.value, modules, packages, named)
            module = module or _module(build, build.context.value, every, packages, named)
            others = [each for name in built_by.get(service.id, ())[1:] if (each := own.get(name)) is not None]
            if isinstance(stage, Stage) and any(
                _named(stage, stages, packages, _given(each)) != named
                for each in others
                if known(each.dockerfile, "") == stage.dockerfile
            ):
                continue
        if module is not None and not module.path.endswith(endings("javascript")) and _runs_node(service, stage):
            continue
        if module is not None and module.programs and not _runs_one(service, build, stage, stages, module):
            continue
        if module is not None and not (isinstance(stage, Stage) and _is_proxy(stage)):
            yield Edge(EdgeKind.CONFIGURED_BY, service.id, module.id, f"reads {module.path}")
    for build in (node for node in everything if isinstance(node, Build)):
        stage = by_id.get(built_from.get(build.id, "")) if build.pushes else None
        if isinstance(stage, Stage) and stage.last and isinstance(build.context, Known) and not _is_proxy(stage):
            named = _named(stage, stages, packages, _given(build))
            module = _module(build, build.context.value, modules, packages, named)
            if module is not None and not module.programs:
                yield Edge(EdgeKind.CONFIGURED_BY, stage.id, module.id, f"reads {module.path}")


def _is_proxy(stage: Stage) -> bool:
    """Whether an image is built on a proxy, such as nginx, which runs no code of ours."""
    known = image(stage.base.value.repository) if isinstance(stage.base, Known | Floating) else None
    return known is not None and known.purpose == "proxy"


def _repository(service: Service) -> str | None:
    return service.image.value.repository if isinstance(service.image, Known | Floating) else None


def _module(
    build: Build,
    context: str,
    modules: Sequence[ConfigModule],
    packages: Mapping[str, str],
    named: Sequence[set[str]],
) -> ConfigModule | None:
    """The module of the folder that an image is built in, or of the one package below it that it is made of.

    A Dockerfile in the folder of a package builds that package, whatever its context.
    """
    folders = {_folder(context)}
    if isinstance(build.dockerfile, Known):
        own = _folder(PurePosixPath(build.dockerfile.value).parent.as_posix())
        folders = {own} if own and own in packages else folders | {own}
    below = [{each for each in level if _under(each, _folder(context)) and each not in folders} for level in named]
    started, *others = *below, set[str](), set[str]()
    inside = [module for module in modules if _folder(module.directory) in folders]
    if inside and not started:
        return _only(inside)
    told = next((level for level in (started, *others) if level), None)
    inside = [module for module in modules if any(_under(module.directory, folder) for folder in folders)]
    if told is not None:
        return _only([module for module in inside if _folder(module.directory) in told])
    applications = {folder for folder in packages if any(_under(folder, each) for each in folders)}
    return _only(inside) if len(applications) < 2 else None


def _only(modules: Sequence[ConfigModule]) -> ConfigModule | None:
    files = {module.path: module for module in reversed(modules)}  # one may be what another takes of it
    return next(iter(files.values())) if len(files) == 1 else None


def _given(build: Build) -> set[str]:
    """The words of the arguments of a build, which may name what it builds: `PROJECT=Shop.Api`."""
    return {each.value.value for each in build.args if isinstance(each.value, Known)}


def _named(
    stage: Stage, stages: Sequence[Stage], packages: Mapping[str, str], given: Collection[str]
) -> list[set[str]]:
    """The folders of packages that a Dockerfile names, the surest first; `given` are the arguments of the build.

    What is started and where; which package is built; what the image takes; what the stages before it take.
    """
    behind = _behind(stage, stages)
    commands = [each.value.words for each in (stage.entrypoint, stage.command) if isinstance(each, Known)]
    started = [word for words in commands for word in words]
    started += [stage.workdir.value] if isinstance(stage.workdir, Known) else []
    ran = {word.rpartition("=")[2].strip("./^{}") for one in behind for run in one.runs for word in run.argv}
    takes = [
        [each for copy in one.copies for each in (*copy.sources, copy.target) if isinstance(each, str)]
        for one in (stage, *behind[1:])
    ]
    paths = (started, takes[0], [each for one in takes[1:] for each in one])
    first, *rest = [{folder for folder in packages if folder and _holds(words, folder)} for words in paths]
    told = {*given, *(PurePosixPath(each).name.removesuffix(".dll") for each in started if each.endswith(".dll"))}
    first |= {folder for folder in packages if folder and (folder in told or PurePosixPath(folder).name in told)}
    return [first, {folder for folder, name in packages.items() if folder and name and name in ran}, *rest]


def _behind(stage: Stage, stages: Sequence[Stage]) -> list[Stage]:
    """A stage, and those of its file that it is made of."""
    behind = [stage]
    for one in behind:
        sources = {one.parent, *(copy.stage for copy in one.copies)}
        own = [each for each in stages if each.dockerfile == stage.dockerfile and each not in behind]
        behind += [each for each in own if not sources.isdisjoint({each.id, each.name, str(each.index)})]
    return behind


def _runs_one(
    service: Service, build: Build | None, stage: object, stages: Sequence[Stage], module: ConfigModule
) -> bool:
    """Whether a service surely runs a program that loads a module: the one that `go build` makes, or that it starts."""
    if not isinstance(stage, Stage):
        return False
    own = {PurePosixPath("/", each).relative_to(PurePosixPath("/", module.directory)) for each in module.programs}
    made = [one for each in _behind(stage, stages) for run in each.runs for one in _made(run.argv, each, build)]
    if len(set(made)) == 1 and "..." not in made[0].parts:
        (told,) = set(made)
        inner = isinstance(stage.workdir, Known) and not told.parts and PurePosixPath(stage.workdir.value).name
        named = {each.name for each in own} - {""}
        return told in own or (inner in named if inner else bool(told.name) and told.name in named)
    names = {PurePosixPath(each).name for each in module.programs}
    started = [each.value.words for each in _starts(service, stage)]
    return any(PurePosixPath(word).name in names for words in started for text in words for word in text.split())


_VALUED = frozenset({"-o", "-C", "-p", "-tags", "-ldflags", "-gcflags", "-asmflags", "-mod", "-buildmode", "-overlay"})


def _made(words: Sequence[str], stage: Stage, build: Build | None) -> Iterator[PurePosixPath]:
    """The folders of the programs that `go build` makes, with what a build gives its arguments."""
    if not {"build", "install"}.intersection(words[1:2]) or PurePosixPath(words[0]).name != "go":
        return
    every = (*stage.args, *(build.args if build is not None else ()))
    given = {each.key: text for each in every if (text := known(each.value, ""))}
    rest = [word for before, word in pairwise(words[1:]) if not word.startswith("-") and before not in _VALUED]
    for word in rest or ["."]:
        path = PurePosixPath(_ARGUMENT.sub(lambda match: given.get(match[1], match[0]), word))
        yield path.parent if path.suffix == ".go" else path


def _starts(service: Service, stage: object) -> Iterator[Known[Command]]:
    """The entrypoint and the command of a service, of its own or of its image."""
    image = (stage.entrypoint, stage.command) if isinstance(stage, Stage) else (Absent(service.span),) * 2
    for own, other in zip((service.entrypoint, service.command), image, strict=True):
        value = other if isinstance(own, Absent) else own
        if isinstance(value, Known):
            yield value


def _runs_node(service: Service, stage: object) -> bool:
    """Whether a service only builds or serves what browsers get, beside an application in another language."""
    value = [*_starts(service, stage)][-1:]
    found = [each for one in value for each in shell.shell_commands(one.value, one.span)]
    return bool(found) and all(is_of_node(PurePosixPath(each.program).name) for each in found)


def _holds(words: Iterable[str], folder: str) -> bool:
    return any(f"/{folder}/" in f"/{part}/" for word in words for part in word.split())


def _under(directory: str, folder: str) -> bool:
    return not folder or _folder(directory).startswith(folder + "/")


def _folder(path: str) -> str:
    return "" if path in (".", "") else path.rstrip("/")
