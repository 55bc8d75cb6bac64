"""The only cross-side step: what is built from what, what runs what, and which local node mirrors which cloud node.

Explicit pairs win: policyengine.yaml, then a Compose label or `x-parity`, then a Terraform tag. The rest is scored, and
the matching with the largest sum is taken. Versions are never compared here, since closeness would hide a mismatch.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.linking.matching import best_matching
from policyengine.model import image as images
from policyengine.model.graph import Edge, EdgeKind, Graph, Pair, sorted_nodes
from policyengine.model.nodes import (
    Bucket,
    Build,
    Cache,
    ConfigModule,
    Database,
    Datastore,
    Node,
    Queue,
    Repository,
    Role,
    Search,
    Service,
    Side,
    Stage,
)
from policyengine.model.source import UsageError
from policyengine.model.value import Floating, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import datastore, image_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from policyengine.platforms import Lowered
    from policyengine.repository.configuration import Config, Text

CERTAIN, POSSIBLE = 60, 40
"""A score from which a pair is certain, and one from which it is made at all."""

_KINDS: tuple[type[Datastore], ...] = (Database, Cache, Search, Queue, Bucket)
_TOKEN = regex(r"[a-z0-9]+")
_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])")  # between the words of `ApiContainer`
_NOISE = frozenset(
    [
        "aws",
        "ecs",
        "rds",
        "elasticache",
        "task",
        "definition",
        "service",
        "container",
        "cluster",
        "instance",
        "replication",
        "group",
        "the",
        "this",
        "main",
        "default",
        "prod",
        "production",
        "staging",
        "stage",
        "dev",
        "development",
        "local",
        "app",
        "application",
        "module",
    ]
)
_KIND_WORDS = {
    "db": "database", "postgres": "database", "postgresql": "database", "mysql": "database", "pg": "database",
    "redis": "cache", "valkey": "cache", "memcached": "cache", "backend": "api", "server": "api",
    "webapp": "web", "frontend": "web", "client": "web", "ui": "web",
    "workers": "worker", "sidekiq": "worker", "celery": "worker",
}  # fmt: skip


def link(parts: Sequence[Lowered], config: Config, paths: Sequence[str]) -> Graph:
    """One graph of what the lowering steps made.

    Raises:
        UsageError: the configuration names a service or an address that is not there.
    """
    nodes = {node.id: node for part in parts for node in part.nodes}
    edges = {edge for part in parts for edge in part.edges}
    stages = [node for node in nodes.values() if isinstance(node, Stage)]

    edges |= set(_built_from(nodes.values(), stages))
    edges |= set(_same_local_image(nodes.values(), edges))
    _complete(nodes, edges)
    edges |= set(_deployed(nodes.values(), edges))
    edges |= set(_connected(nodes, edges))
    edges |= set(_configured(nodes.values(), edges))
    _apply_facts(nodes, config)
    ignored = _ignored(nodes.values(), config)
    graph = Graph(
        nodes=sorted_nodes(nodes.values()),
        edges=tuple(sorted(edges, key=lambda edge: (edge.kind, edge.source, edge.target, edge.reason))),
        choices=tuple(choice for part in parts for choice in part.choices),
        equivalences=config.equivalences,
        paths=tuple(paths),
        ignored=ignored,
    )
    return graph.paired(tuple(_pairs(graph, config)))


def _built_from(nodes: Iterable[Node], stages: Sequence[Stage]) -> Iterator[Edge]:
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
    """The stage that a build target names: by name without regard to case, by number, the last without a target."""
    match target:
        case Known(name):
            lowered = name.lower()
            named = [stage for stage in stages if stage.name.lower() == lowered]
            found = named or [stage for stage in stages if str(stage.index) == name]
            return found[-1] if found else None
        case Unknown():
            return None
        case _:
            return next((stage for stage in stages if stage.last), None)


def _same_local_image(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Compose services without `build` whose image another service builds: a worker beside its app."""
    stage_of = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    services = [node for node in nodes if isinstance(node, Service) and node.side is Side.LOCAL]
    made = {
        service.image.value: stage_of[service.id]
        for service in services
        if service.build is not None and isinstance(service.image, Known | Floating) and service.id in stage_of
    }
    for service in services:
        if service.build is None and isinstance(service.image, Known | Floating) and service.image.value in made:
            yield Edge(
                EdgeKind.BUILT_FROM, service.id, made[service.image.value], "runs the image another service builds"
            )


def _complete(nodes: dict[str, Node], edges: set[Edge]) -> None:
    """Give services that are built the role and the datastore of what is at the bottom of their Dockerfile."""
    built = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    for service in [node for node in nodes.values() if isinstance(node, Service) and node.id in built]:
        stage = nodes[built[service.id]]
        if not isinstance(stage, Stage) or not isinstance(stage.base, Known):
            continue
        engine = images.engine_of(stage.base.value, stage.base.span)
        role = image_role(engine)
        store = datastore(service, stage.base, _database_name(service))
        if service.role is Role.APP and role is not Role.APP:
            nodes[service.id] = replace(service, role=role)
        if store is None:
            continue
        if isinstance(store, Database) and _installs_vector(stage):
            place = next(package for package in stage.packages if isinstance(package, Known) and _vector(package.value))
            store = replace(store, vector=Known(value=True, span=place.span))
        elif (
            isinstance(store, Database)
            and isinstance(store.vector, Known)
            and not store.vector.value
            and _opaque(stage)
        ):
            store = replace(store, vector=Unknown("the Dockerfile builds or copies what it installs", stage.span))
        former = nodes.get(store.id)
        if isinstance(former, Datastore):
            store = replace(store, database_name=former.database_name or store.database_name, port=former.port)
        elif isinstance(former, Node):
            continue
        for other in [node.id for node in nodes.values() if isinstance(node, Datastore) and node.service == service.id]:
            del nodes[other]
        nodes[store.id] = store
        edges.add(Edge(EdgeKind.RUNS, service.id, store.id, f"is built from {stage.base.value.name}"))


def _database_name(service: Service) -> Value[str] | None:
    """The database that an official image creates at its first start."""
    for key in ("POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE", "MONGO_INITDB_DATABASE"):
        variable = service.variable(key)
        if variable is not None:
            return variable.value
    return None


def _vector(package: str) -> bool:
    return "pgvector" in package


def _installs_vector(stage: Stage) -> bool:
    return any(isinstance(package, Known) and _vector(package.value) for package in stage.packages)


def _opaque(stage: Stage) -> bool:
    """Whether a Dockerfile may bring pgvector in a way that is no package: from source, by COPY, by a script."""
    words = (word.text for command in stage.runs for word in command.words)
    return any("vector" in word or word in ("make", "cargo") for word in words) or any(
        "vector" in source or "extension" in source for copy in stage.copies for source in copy.sources
    )


def _deployed(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Cloud Service → the pipeline's Build of its image and that build's stage, joined by the image repository."""
    everything = list(nodes)
    builds = [node for node in everything if isinstance(node, Build) and node.side is not Side.LOCAL]
    stage_of = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    names: dict[str, list[Build]] = {}
    for build in builds:
        if isinstance(build.tags, Known):
            for name in {_repository(tag) for tag in build.tags.value}:
                names.setdefault(name, []).append(build)
    repositories = [node for node in everything if isinstance(node, Repository)]
    for repository in repositories:
        if isinstance(repository.repository, Known):
            for build in names.get(repository.repository.value, ()):
                yield Edge(EdgeKind.PUBLISHES, build.id, repository.id, f"pushes {repository.repository.value}")
    for service in everything:
        if not isinstance(service, Service) or service.role is not Role.APP or service.id in stage_of:
            continue
        if service.side is Side.PIPELINE or service.build is not None:
            continue
        makers, reason = _makers(service, names, builds, everything)
        for build in makers:
            yield Edge(EdgeKind.BUILT_BY, service.id, build.id, reason)
        stages = sorted({stage_of[build.id] for build in makers if build.id in stage_of})
        if len(stages) == 1:
            yield Edge(EdgeKind.BUILT_FROM, service.id, stages[0], reason)


def _repository(ref: images.ImageRef) -> str:
    return ref.repository


def _makers(
    service: Service, names: dict[str, list[Build]], builds: Sequence[Build], nodes: Sequence[Node]
) -> tuple[list[Build], str]:
    """The builds that make a cloud service's image: by repository, or the only pushed build for the only image."""
    if isinstance(service.image, Known | Floating):
        ref = service.image.value
        if images.engine_of(ref, service.image.span) is not None:
            return [], ""
        found = names.get(ref.repository) or [
            build for name, group in names.items() if PurePosixPath(name).name == ref.basename for build in group
        ]
        if found:
            return found, f"the build pushes {ref.repository}"
    if service.side is not Side.CLOUD:
        return [], ""
    used = {
        node.image.value.repository if isinstance(node.image, Known | Floating) else node.id
        for node in nodes
        if isinstance(node, Service) and node.side is Side.CLOUD and node.role is Role.APP
    }
    pushed = [build for build in builds if not (isinstance(build.push, Known) and not build.push.value)]
    files = {build.dockerfile.value for build in pushed if isinstance(build.dockerfile, Known)}
    if len(used) == 1 and len(files) == 1 and all(isinstance(build.dockerfile, Known) for build in pushed):
        return pushed, "the only image that the pipeline builds for the only image that runs"
    return [], ""


def _connected(nodes: dict[str, Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → Datastore for a local variable that names the sibling which runs it."""
    runs = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.RUNS}
    groups: dict[tuple[Side, str], dict[str, str]] = {}
    for service in nodes.values():
        if isinstance(service, Service) and service.side is not Side.CLOUD and service.id in runs:
            hosts = groups.setdefault((service.side, service.group), {})
            for host in (service.name, *service.hostnames, *(each for net in service.networks for each in net.aliases)):
                hosts[host] = runs[service.id]
    for service in list(nodes.values()):
        if not isinstance(service, Service):
            continue
        for variable in service.environment:
            if isinstance(variable.value, Known):
                for host in _hosts(variable.value.value):
                    target = groups.get((service.side, service.group), {}).get(host)
                    if target and target != runs.get(service.id):
                        yield Edge(EdgeKind.CONNECTS, service.id, target, variable.key)


_URL_HOST = regex(r"[a-z][a-z0-9+.-]*://(?:[^@/\s]*@)?([A-Za-z0-9_.-]+)")
_BARE_HOST = regex(r"([A-Za-z0-9_.-]+)(?::\d+)?\Z")


def _hosts(text: str) -> list[str]:
    found = _URL_HOST.findall(text)
    bare = _BARE_HOST.match(text)
    return [*found, *([bare[1]] if bare else [])]


def _configured(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → ConfigModule: of the folder its image is built from, or the only one there is."""
    everything = list(nodes)
    modules = [node for node in everything if isinstance(node, ConfigModule)]
    if not modules:
        return
    built_by = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_BY}
    by_id = {node.id: node for node in everything}
    for service in everything:
        if not isinstance(service, Service) or service.role is not Role.APP or service.side is Side.PIPELINE:
            continue
        build = service.build or by_id.get(built_by.get(service.id, ""))
        module = _module(build if isinstance(build, Build) else None, modules)
        if module is not None:
            yield Edge(EdgeKind.CONFIGURED_BY, service.id, module.id, f"reads {module.path}")


def _module(build: Build | None, modules: Sequence[ConfigModule]) -> ConfigModule | None:
    if build is None or not isinstance(build.context, Known):
        return modules[0] if len(modules) == 1 else None
    folders = {_folder(build.context.value)}
    if isinstance(build.dockerfile, Known):
        folders.add(_folder(PurePosixPath(build.dockerfile.value).parent.as_posix()))
    inside = [module for module in modules if _folder(module.directory) in folders]
    if not inside:
        inside = [module for module in modules if any(_under(module.directory, folder) for folder in folders)]
    return inside[0] if len(inside) == 1 else None


def _under(directory: str, folder: str) -> bool:
    return not folder or _folder(directory).startswith(folder + "/")


def _folder(path: str) -> str:
    return "" if path in (".", "") else path.rstrip("/")


def _apply_facts(nodes: dict[str, Node], config: Config) -> None:
    """Put declared engines and versions on their nodes."""
    for fact in config.facts:
        wanted = fact.address.text
        found = [
            node
            for node in nodes.values()
            if isinstance(node, Datastore) and wanted in (node.id, node.name, node.id.partition(":")[2])
        ]
        if not found:
            raise UsageError(_unknown(config, "facts", fact.address, nodes.values()))
        for node in found:
            if fact.engine:
                node = replace(node, engine=Known(fact.engine.text, fact.engine.span))  # noqa: PLW2901
            version = images.version(fact.version.text) if fact.version else None
            if fact.version and version:
                engine = node.engine.value if isinstance(node.engine, Known) else ""
                node = replace(node, version=images.counted(engine, version, fact.version.span))  # noqa: PLW2901
            nodes[node.id] = node


def _ignored(nodes: Iterable[Node], config: Config) -> tuple[str, ...]:
    wanted = {Side.LOCAL: set(config.ignore_local), Side.CLOUD: set(config.ignore_cloud)}
    return tuple(sorted(node.id for node in nodes if _names(node) & wanted.get(node.side, set())))


def _names(node: Node) -> set[str]:
    """The names a person may use for a node."""
    plain = node.id.partition(":")[2]
    return {node.id, node.name, plain, plain.partition("#")[0]}


class _Score(Struct, frozen=True):
    points: int
    reasons: tuple[str, ...]


def _pairs(graph: Graph, config: Config) -> Iterator[Pair]:
    taken: set[str] = set()
    kinds: list[tuple[type[Service | Datastore], Role | None]] = [
        (Service, Role.APP),
        (Service, Role.JOB),
        (Service, Role.PROXY),
        *((each, None) for each in _KINDS),
    ]
    for kind, role in kinds:
        local = [node for node in graph.all(kind, side=Side.LOCAL) if _candidate(graph, node, role)]
        cloud = [node for node in graph.all(kind, side=Side.CLOUD) if _candidate(graph, node, role)]
        explicit = list(_explicit(graph, config, kind, role))
        yield from explicit
        taken.update(each for pair in explicit for each in (pair.local, pair.cloud))
        local = [node for node in local if node.id not in taken]
        cloud = [node for node in cloud if node.id not in taken]
        yield from _scored(graph, local, cloud)


def _candidate(graph: Graph, node: Node, role: Role | None) -> bool:
    return node.id not in graph.ignored and (role is None or (isinstance(node, Service) and node.role is role))


def _explicit(graph: Graph, config: Config, kind: type[Node], role: Role | None) -> Iterator[Pair]:
    def find(side: Side, text: Text) -> Node | None:
        named = [node for node in graph.all(Node, side=side) if text.text in _names(node)]
        if not named:
            raise UsageError(_unknown(config, "pairs", text, graph.all(Node, side=side)))
        fitting = [node for node in named if isinstance(node, kind) and _candidate(graph, node, role)]
        return fitting[0] if fitting else None

    done: set[str] = set()
    for pair in config.pairs:
        local, cloud = find(Side.LOCAL, pair.local), find(Side.CLOUD, pair.cloud)
        if local and cloud and not {local.id, cloud.id} & done:
            done |= {local.id, cloud.id}
            yield Pair(local.id, cloud.id, 100, ("policyengine.yaml says so",))
    for side, other in ((Side.LOCAL, Side.CLOUD), (Side.CLOUD, Side.LOCAL)):
        for node in graph.all(kind, side=side):
            named = node.parity if isinstance(node, Service | Datastore) else None
            if not isinstance(named, Known) or node.id in done or not _candidate(graph, node, role):
                continue
            twin = next((each for each in graph.all(kind, side=other) if named.value in _names(each)), None)
            if twin is not None and twin.id not in done and _candidate(graph, twin, role):
                done |= {node.id, twin.id}
                ids = (node.id, twin.id) if side is Side.LOCAL else (twin.id, node.id)
                yield Pair(*ids, 100, (f"'{node.name}' names it",))


def _unknown(config: Config, where: str, text: Text, nodes: Iterable[Node]) -> str:
    known = sorted({node.id.partition(":")[2] for node in nodes if isinstance(node, Service | Datastore)})
    listed = ", ".join(known[:8]) or "none"
    return f"{config.path}: '{where}' names '{text.text}', which is not in the graph; known are {listed}"


def _scored(graph: Graph, local: Sequence[Node], cloud: Sequence[Node]) -> Iterator[Pair]:
    alone = len(local) == len(cloud) == 1
    scores = [[_score(graph, here, there, alone=alone) for there in cloud] for here in local]
    weights = [[score.points if score.points >= POSSIBLE else 0 for score in row] for row in scores]
    for row, column in best_matching(weights):
        score = scores[row][column]
        points = score.points
        if _ambiguous(weights, row, column):
            points = min(points, CERTAIN - 1)
        yield Pair(local[row].id, cloud[column].id, points, score.reasons, certain=points >= CERTAIN)


def _ambiguous(weights: list[list[int]], row: int, column: int) -> bool:
    """Whether another pairing of this row or this column has the same weight."""
    points = weights[row][column]
    across = Counter(weights[row])[points] > 1
    down = Counter(line[column] for line in weights)[points] > 1
    return across or down


def _score(graph: Graph, here: Node, there: Node, *, alone: bool) -> _Score:
    points, reasons = 0, []
    for weight, reason, holds in _EVIDENCE:
        share = holds(graph, here, there)
        if share:
            points += round(weight * share)
            reasons.append(reason)
    if alone:
        points += 60
        reasons.append("the only one of its kind on each side")
    return _Score(points, tuple(reasons))


def _same_dockerfile(graph: Graph, here: Node, there: Node) -> float:
    one, other = graph.stage(here), graph.stage(there)
    if isinstance(one, Known) and isinstance(other, Known) and one.value.dockerfile == other.value.dockerfile:
        return 1.0
    return 0.0


def _same_keys(graph: Graph, here: Node, there: Node) -> float:
    return float(bool(_connecting(graph, here) & _connecting(graph, there)))


def _connecting(graph: Graph, node: Node) -> set[str]:
    return {edge.reason for edge in graph.edges if edge.kind is EdgeKind.CONNECTS and edge.target == node.id}


_PART_OF_NAME = 0.8
"""How far a name holds that is part of the other: `django` in `django-q`, `api` in `shop-api`."""


def _same_name(_: Graph, here: Node, there: Node) -> float:
    one, other = _tokens(here.name), _tokens(there.name)
    if isinstance(here, Datastore):
        one, other = one - {_kind_word(here)}, other - {_kind_word(here)}
    if not one or not other:
        return 0.0
    return 1.0 if one == other else _PART_OF_NAME * len(one & other) / min(len(one), len(other))


def _kind_word(node: Node) -> str:
    return {Database: "database", Cache: "cache"}.get(type(node), "")


def _tokens(name: str) -> set[str]:
    words = _TOKEN.findall(_HUMP.sub("-", name).lower())
    kept = {_KIND_WORDS.get(word, word) for word in words if word not in _NOISE}
    return kept or set(words)


def _same_image(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Service) and isinstance(there, Service) and isinstance(there.image, Known | Floating)):
        return 0.0
    cloud = _tokens(there.image.value.basename)
    own = _tokens(here.image.value.basename) if isinstance(here.image, Known | Floating) else set()
    return float(cloud == own or cloud == _tokens(here.name))


def _same_database(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Datastore) and isinstance(there, Datastore)):
        return 0.0
    one, other = here.database_name, there.database_name
    return float(isinstance(one, Known) and isinstance(other, Known) and one.value == other.value)


def _same_engine(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Datastore) and isinstance(there, Datastore)):
        return 0.0
    one, other = here.engine, there.engine
    return float(isinstance(one, Known) and isinstance(other, Known) and one.value == other.value)


def _same_port(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Service) and isinstance(there, Service)):
        return 0.0
    return float(bool(_ports(here) & _ports(there)))


def _ports(service: Service) -> set[int]:
    return {port.target.value for port in service.ports if isinstance(port.target, Known)}


def _shared_environment(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Service) and isinstance(there, Service)):
        return 0.0
    one, other = ({variable.key for variable in service.environment} for service in (here, there))
    return len(one & other) / len(one | other) if one and other else 0.0


def _same_command(_: Graph, here: Node, there: Node) -> float:
    if not (isinstance(here, Service) and isinstance(there, Service)):
        return 0.0
    one, other = here.command, there.command
    if isinstance(one, Known) and isinstance(other, Known):
        return float(one.value.words[-1:] == other.value.words[-1:])
    return float(not isinstance(one, Known) and not isinstance(other, Known))


_EVIDENCE: tuple[tuple[int, str, Callable[[Graph, Node, Node], float]], ...] = (
    (50, "built from the same Dockerfile", _same_dockerfile),
    (40, "reached by the same variable", _same_keys),
    (30, "alike in name", _same_name),
    (25, "the same engine", _same_engine),
    (20, "the same image name", _same_image),
    (20, "the same database name", _same_database),
    (15, "the same container port", _same_port),
    (15, "shared variables", _shared_environment),
    (10, "the same kind of command", _same_command),
)
"""What speaks for a pair: the points, the words for it, and how far it holds (0 to 1)."""
