"""The graph: nodes, typed edges and mirror pairs, and the queries that rules use."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct, field

from policyengine.knowledge.mirrors import is_public
from policyengine.knowledge.programs import words_of
from policyengine.model.declared import Declared
from policyengine.model.ignoring import compile_patterns, left_out_by_docker
from policyengine.model.image import engine_of
from policyengine.model.nodes import Build, Datastore, IgnoreFile, Job, Node, Package, Role, Service, Side, Stage
from policyengine.model.relations import (
    PRODUCTION_PROJECT,
    PROJECT,
    Candidate,
    Choice,
    Edge,
    EdgeKind,
    Pair,
    PublishedImage,
    Unpaired,
)
from policyengine.model.settings import settings
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from policyengine.model.command import ShellCommand
    from policyengine.model.container import Container
    from policyengine.model.declaration import Declarations
    from policyengine.model.ignoring import GitPatterns
    from policyengine.model.nodes import ComposeUp, Happening, Workflow
    from policyengine.model.settings import Settings
    from policyengine.model.value import Sealed, Value

__all__ = [
    "PRODUCTION_PROJECT",
    "PROJECT",
    "Candidate",
    "Choice",
    "Edge",
    "EdgeKind",
    "Graph",
    "Pair",
    "PublishedImage",
    "Unpaired",
    "sorted_nodes",
]

N = TypeVar("N", bound=Node)


class Graph(Struct, Declared, frozen=True, eq=False):
    """What all files together describe. Nodes and edges are sorted by id, so two runs give the same graph.

    `paths` are all files of the tree, `ignored` the ids of nodes that the configuration leaves out of pairing,
    `running` what is in force in each container, `published` the images that the pipeline pushes, `sealed` the secrets
    that readers met, which no output shows, `called` what the system as a whole is called, `systems` the graphs of
    the systems by their names, where this is the sum of several, `declaring` all that the files declare. Every question
    is answered from an index, so that a rule which asks it of each node stays linear.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    pairs: tuple[Pair, ...] = ()
    choices: tuple[Choice, ...] = ()
    equivalences: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    without_twin: tuple[Unpaired, ...] = ()
    running: tuple[Container, ...] = ()
    published: tuple[PublishedImage, ...] = ()
    sealed: tuple[Sealed, ...] = ()
    systems: Mapping[str, Graph] = {}
    called: str = ""
    declaring: tuple[Declarations, ...] = ()
    _by_id: dict[str, Node] = field(default_factory=dict)
    _by_type: dict[type[Node], tuple[Node, ...]] = field(default_factory=dict)
    _groups: dict[tuple[Side, str], list[Service]] = field(default_factory=dict)
    _out: dict[tuple[EdgeKind, str], list[Edge]] = field(default_factory=dict)
    _into: dict[tuple[EdgeKind, str], list[Edge]] = field(default_factory=dict)
    _running: dict[str, Container] = field(default_factory=dict)
    _pairs_of: dict[str, list[Pair]] = field(default_factory=dict)
    _best: dict[tuple[str, str], Pair] = field(default_factory=dict)
    _ignoring: dict[str, GitPatterns] = field(default_factory=dict)
    _stages: dict[str, dict[str, Stage]] = field(default_factory=dict)
    _made_of: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.nodes:
            self._by_id[node.id] = node
            if isinstance(node, Service):
                self._groups.setdefault((node.side, node.group), []).append(node)
        for edge in self.edges:
            self._out.setdefault((edge.kind, edge.source), []).append(edge)
            self._into.setdefault((edge.kind, edge.target), []).append(edge)
        self._running.update((container.id, container) for container in self.running)
        for pair in self.pairs:
            self._pairs_of.setdefault(pair.local, []).append(pair)
            self._pairs_of.setdefault(pair.cloud, []).append(pair)
            self._best.setdefault((pair.local, pair.cloud), pair)
            self._best.setdefault((pair.cloud, pair.local), pair)
        for node_id, pairs in self._pairs_of.items():
            self._best[node_id, ""] = max(pairs, key=lambda pair: (not pair.tied, pair.score))

    def paired(self, pairs: tuple[Pair, ...], without_twin: tuple[Unpaired, ...] = (), called: str = "") -> Graph:
        """The same graph with other pairs, of a system that is called so."""
        return self._with(pairs=pairs, without_twin=without_twin, called=called or self.called)

    def connected(self, more: tuple[Edge, ...]) -> Graph:
        """The same graph with further edges."""
        edges = sorted({*self.edges, *more}, key=lambda edge: (edge.kind, edge.source, edge.target, edge.reason))
        return self._with(edges=tuple(edges))

    def equipped(self, running: tuple[Container, ...], published: tuple[PublishedImage, ...] = ()) -> Graph:
        """The same graph with what is in force in its containers, and what is published."""
        return self._with(running=running, published=published)

    def without(self, names: AbstractSet[str]) -> Graph:
        """The graph without services and datastores that are another system's."""
        gone = {each.id for each in self.nodes if each.id in names and isinstance(each, Service | Datastore)}
        if not gone:
            return self
        return self._with(
            nodes=tuple(each for each in self.nodes if each.id not in gone),
            edges=tuple(each for each in self.edges if gone.isdisjoint((each.source, each.target))),
            pairs=tuple(each for each in self.pairs if gone.isdisjoint((each.local, each.cloud))),
            without_twin=tuple(each for each in self.without_twin if each.node not in gone),
            running=tuple(each for each in self.running if each.id not in gone),
        )

    def sealing(self, sealed: tuple[Sealed, ...]) -> Graph:
        """The same graph with the secrets of more than its own files."""
        return self._with(sealed=sealed)

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """The same graph with more nodes, which have no edges."""
        return self._with(nodes=sorted_nodes((*self.nodes, *nodes)))

    def _with(self, **changed: object) -> Graph:
        kept = {name: getattr(self, name) for name in self.__struct_fields__ if not name.startswith("_")}
        return Graph(**(kept | changed))

    def all(self, kind: type[N], *, side: Side | None = None) -> Iterator[N]:
        """Every node of a type, in the order of ids."""
        found = self._by_type.get(kind)
        if found is None:
            found = self._by_type[kind] = tuple(node for node in self.nodes if isinstance(node, kind))
        return (node for node in cast("tuple[N, ...]", found) if side is None or node.side is side)

    def get(self, kind: type[N], node_id: str) -> N | None:
        """The node with that id if it is of that type, or None."""
        node = self._by_id.get(node_id)
        return node if isinstance(node, kind) else None

    def targets(self, kind: type[N], edge: EdgeKind, source: Node) -> Iterator[N]:
        """The nodes of a type that edges of one kind lead to."""
        for each in self._out.get((edge, source.id), ()):
            node = self.get(kind, each.target)
            if node is not None:
                yield node

    def sources(self, kind: type[N], edge: EdgeKind, target: Node) -> Iterator[N]:
        """The nodes of a type from which edges of one kind come."""
        for each in self._into.get((edge, target.id), ()):
            node = self.get(kind, each.source)
            if node is not None:
                yield node

    def into(self, edge: EdgeKind, target: Node) -> tuple[Edge, ...]:
        """The edges of one kind that lead to a node."""
        return tuple(self._into.get((edge, target.id), ()))

    def out_of(self, edge: EdgeKind, source: Node) -> tuple[Edge, ...]:
        """The edges of one kind that lead away from a node."""
        return tuple(self._out.get((edge, source.id), ()))

    def mirrors(self, kind: type[N], *, engine: str | None = None) -> Iterator[tuple[N, N]]:
        """Pairs of a local and a cloud node of a type; with `engine`, datastores of that engine on both sides."""
        for pair in self.pairs:
            local, cloud = self.get(kind, pair.local), self.get(kind, pair.cloud)
            if local is None or cloud is None:
                continue
            if engine is not None and not all(_runs(node, engine) for node in (local, cloud)):
                continue
            yield local, cloud

    def mirror(self, node: N) -> N | None:
        """The twin of a node on the other side, the one that most speaks for where there are several, or None."""
        pair = self.pair_of(node)
        return None if pair is None else self.get(type(node), pair.cloud if node.id == pair.local else pair.local)

    def pair_of(self, node: Node, against: Node | None = None) -> Pair | None:
        """The pair of a node with `against`, or the one of its pairs that most speaks for; None when there is none."""
        return self._best.get((node.id, "" if against is None else against.id))

    def pairs_of(self, node: Node) -> tuple[Pair, ...]:
        """All pairs of a node: one may mirror several, such as a region each, or any of several that tie."""
        return tuple(self._pairs_of.get(node.id, ()))

    def unpaired(self, kind: type[N], *, side: Side) -> Iterator[N]:
        """The nodes of a type on one side that mirror nothing, without those the configuration ignores."""
        ignored = set(self.ignored)
        return (node for node in self.all(kind, side=side) if node.id not in self._pairs_of and node.id not in ignored)

    def container(self, node: Service | Stage) -> Container:
        """What is in force when a service runs, or when the image that ends in this stage is started by itself.

        Raises:
            LookupError: the stage is not the last one of its Dockerfile, or the graph was not linked.
        """
        found = self._running.get(node.id)
        if found is None:
            raise LookupError(f"the graph holds no container of '{node.id}'")
        return found

    def containers(self, *, side: Side | None = None, role: Role | None = None) -> Iterator[Container]:
        """What runs as a service, on one side and in one role where they are given, in the order of ids."""
        for service in self.all(Service, side=side):
            if role is None or service.role is role:
                yield self.container(service)

    def settings(self, store: Datastore) -> Settings:
        """What a database or cache server is told of its configuration, by its command line or its parameter group."""
        return settings(store, self._running.get(store.service))

    def neighbours(self, container: Container) -> Iterator[Container]:
        """The other containers of the same side and group: of one Compose project, of one task."""
        return (self.container(each) for each in self.siblings(container.service))

    def mirrored(self, *, role: Role | None = None) -> Iterator[tuple[Container, Container]]:
        """Pairs of a local and a cloud service, in one role where it is given: what is in force in each.

        A function of the cloud is no container: its platform says how it is run.
        """
        for local, cloud in self.mirrors(Service):
            if (role is None or local.role is role) and cloud.role is not Role.FUNCTION:
                yield self.container(local), self.container(cloud)

    def deployed(self, *, role: Role | None = None) -> Iterator[Container]:
        """What runs in the cloud, without services that are scaled to zero."""
        for container in self.containers(side=Side.CLOUD, role=role):
            count = container.node.count if isinstance(container.node, Service) else None
            if not (isinstance(count, Known) and count.value == 0):
                yield container

    def apps(self, side: Side) -> Iterator[Service]:
        """The application services of one side."""
        return (service for service in self.all(Service, side=side) if service.role is Role.APP)

    def stage(self, node: Node) -> Value[Stage]:
        """The Dockerfile stage of a service or a build: Unknown when built elsewhere, Absent for a public image."""
        for stage in self.targets(Stage, EdgeKind.BUILT_FROM, node):
            return Known(stage, stage.span)
        match node:
            case Service(build=None, image=Absent() | Unknown(), span=span):
                return Unknown("the image is not known", span)
            case Service(build=None, image=Known(ref) | Floating(ref), span=span) if engine_of(ref, span) is not None:
                return Absent(span)
            case _:
                return Unknown(f"no Dockerfile is known for the image of '{node.name}'", node.span)

    def made_by_others(self, service: Service) -> bool:
        """Whether a service runs an image that others publish, as far as its name and what is built here tell.

        Nothing here builds it, and its name shares no word with that of the system.
        """
        image, twin = service.image, self.mirror(service)
        if not isinstance(image, Known | Floating) or not self.called or service.build is not None:
            return False
        if isinstance(twin, Service) and twin.build is not None:
            return False
        ref, called = image.value, "".join(words_of(self.called))
        public = isinstance(ref.registry, str) and is_public(ref.registry)
        made = any(self.targets(Build, EdgeKind.BUILT_BY, service))
        return public and not made and not any(len(word) > 2 and word in called for word in words_of(ref.repository))

    def ingredients(self, stage: Stage) -> tuple[Stage, ...]:
        """A stage with those of its Dockerfile that it is built on or copies from, directly or through others."""
        if not self._stages:
            for one in self.all(Stage):
                called = self._stages.setdefault(one.dockerfile, {})
                called.update((name, one) for name in (one.id, one.name.lower(), str(one.index)))
        known = self._stages.get(stage.dockerfile, {})
        found: dict[str, Stage] = {}
        waiting = [stage]
        while waiting:
            each = waiting.pop()
            if each.id not in found:
                found[each.id] = each
                names = (each.parent, *(copy.stage.lower() for copy in each.copies))
                waiting.extend(known[name] for name in names if name in known)
        return tuple(sorted(found.values(), key=lambda each: each.index))

    def jobs(self, workflow: Workflow) -> tuple[Job, ...]:
        """The jobs of a workflow in source order."""
        return tuple(job for name in workflow.jobs if (job := self.get(Job, name)) is not None)

    def happenings(self, workflow: Workflow) -> tuple[Happening, ...]:
        """What the jobs of a workflow do, in order."""
        return tuple(happening for job in self.jobs(workflow) for happening in job.happenings)

    def started(self, up: ComposeUp) -> tuple[Container, ...]:
        """What `docker compose up` starts of the local side, in the order of ids.

        The services it names, else those of no other profile, and what these depend on.
        """
        found: dict[str, Container] = {}
        waiting = []
        for container in self.containers(side=Side.LOCAL):
            profiles = container.service.profiles
            asked = container.name in up.services if up.services else not profiles
            if asked or (not up.services and not set(profiles).isdisjoint(up.profiles)):
                waiting.append(container)
        while waiting:
            container = waiting.pop()
            if container.id not in found:
                found[container.id] = container
                needed = {each.service for each in container.service.depends_on}
                waiting += (other for other in self.neighbours(container) if other.name in needed)
        return tuple(found[name] for name in sorted(found))

    def needs(self, job: Job) -> Mapping[str, Job]:
        """The jobs that must succeed before a job starts, directly or through others, by id."""
        found: dict[str, Job] = {}
        waiting = list(job.needs)
        while waiting:
            name = waiting.pop()
            needed = self.get(Job, name)
            if needed is not None and name not in found:
                found[name] = needed
                waiting.extend(needed.needs)
        return found

    def callers(self, job: Job) -> tuple[Job, ...]:
        """The job and those whose calls it comes from, from the inside out."""
        found = [job]
        while (caller := self.get(Job, found[-1].caller)) is not None:
            found.append(caller)
        return tuple(found)

    def beside(self, job: Job, other: Job | None = None) -> Job:
        """The job, or the one whose call it comes from, that can name `other` in `needs`; without it the outermost."""
        around = {each.caller for each in self.callers(other)} if other is not None else {""}
        return next(each for each in self.callers(job) if each.caller in around or not each.caller)

    @property
    def dependencies(self) -> frozenset[str]:
        """The names of what the packages of the tree depend on."""
        return frozenset(each.key for package in self.all(Package) for each in package.dependencies)

    def commands(self) -> Iterator[ShellCommand]:
        """Every command of the steps of every job."""
        return (command for job in self.all(Job) for step in job.steps for command in step.commands)

    def equivalent(self, one: str, other: str) -> bool:
        """Whether two engines count as the same: equal, or declared so under `equivalences`."""
        return one == other or (one, other) in self.equivalences or (other, one) in self.equivalences

    def holds(self, path: str) -> bool:
        """Whether the tree holds a file of that path, or a folder of it with files; the root is empty or `.`."""
        path = "" if path == "." else path
        at = bisect_left(self.paths, path)
        below = bisect_left(self.paths, f"{path}/") if path else 0
        return self.paths[at : at + 1] == (path,) or any(
            each.startswith(f"{path}/" if path else "") for each in self.paths[below : below + 1]
        )

    def ignored_by_git(self, path: str) -> Value[bool]:
        """Whether git ignores a path of the tree; Unknown without any .gitignore, since one may lie above the root."""
        files = [each for each in self.all(IgnoreFile) if each.kind == "git" and _above(each.path, path)]
        if not files:
            return Unknown("no .gitignore lies in the scanned tree", Span(path, 0, 0))
        for file in sorted(files, key=lambda each: -each.path.count("/")):
            spec = self._ignoring.get(file.id)
            if spec is None:
                spec = self._ignoring[file.id] = compile_patterns(pattern for pattern, _ in file.patterns)
            verdict = spec.verdict(path.removeprefix(_folder(file.path)))
            if verdict is not None:
                return Known(verdict, file.span)
        return Known(value=False, span=files[0].span)

    def ignored_by_docker(self, context: str, dockerfile: str, path: str) -> Value[bool]:
        """Whether a build leaves a path of its context out: `<Dockerfile>.dockerignore` first, else `.dockerignore`.

        `context` and both paths are relative to the root (https://docs.docker.com/build/concepts/context/).
        """
        folder = "" if context in ("", ".") else context.rstrip("/") + "/"
        for name in (f"{dockerfile}.dockerignore", f"{folder}.dockerignore"):
            for file in self.all(IgnoreFile):
                if file.path == name:
                    patterns = [pattern for pattern, _ in file.patterns]
                    return Known(left_out_by_docker(patterns, path.removeprefix(folder)), file.span)
        return Known(value=False, span=Span(dockerfile, 0, 0))

    def siblings(self, service: Service) -> Iterator[Service]:
        """The other services of the same side and group."""
        group = self._groups.get((service.side, service.group), ())
        return (other for other in group if other.id != service.id)


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _above(ignore_file: str, path: str) -> bool:
    return path.startswith(_folder(ignore_file))


def _runs(node: Node, engine: str) -> bool:
    return isinstance(node, Datastore) and isinstance(node.engine, Known) and node.engine.value == engine


def sorted_nodes(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes in the graph's order."""
    return tuple(sorted(nodes, key=lambda node: (node.id, node.span)))
