"""What a node has that its twin may share. Made once for each node, so that pairing does not compare all with all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import components, names
from policyengine.knowledge.variables import whose
from policyengine.linking import naming
from policyengine.model.endpoint import hosts
from policyengine.model.graph import EdgeKind, Graph, Pair
from policyengine.model.image import engine_of, parse
from policyengine.model.nodes import Bucket, Database, Datastore, Node, Queue, Role, Service, Side, Stage
from policyengine.model.nodes.container import TASK_FILES
from policyengine.model.value import Floating, Known, Value
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import image_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from policyengine.model.image import ImageRef
    from policyengine.model.source import Span

Words = frozenset[str]
_TYPE = regex(r"(?:^|(?<=\.))[a-z]+_\w+\.(?=[\w-]+(?:\[[^\]]*\])?$)")
_NONE: Words = frozenset()
APPLICATION = "application"
"""The family of the services that make up the system."""


class Features(Struct, frozen=True):
    """The shareable facts of a node. What a kind of node does not have is empty.

    `stem` are the words of the name without affixes, `whole` those of the project where it has no others, `long`
    are the words of its address with it where it has one; `aside` is
    what no other environment has: a service for tests, a bucket for logs; `image` are the words of the image's
    basename; `called` is what variables of others call a local service; `keys` the variables by which others reach a
    datastore, `reachers` the pairs of services that do; `named` is what variables call the buckets or queues that a
    local server of them holds; `folder` is what a build is called by its folder or stage; `runtime` is the
    language that its image is for. `nameless` is a service that is called `app`, or as the project is.
    """

    node: Node
    stem: Words
    aside: bool
    long: Words = _NONE
    whole: Words = _NONE
    called: frozenset[Words] = frozenset()
    folder: Words = _NONE
    runtime: str = ""
    nameless: bool = False
    dockerfile: str = ""
    image: Words = _NONE
    repository: str = ""
    keys: Words = _NONE
    reachers: Words = _NONE
    named: frozenset[Words] = frozenset()
    database: str = ""
    engine: str = ""
    ports: frozenset[int] = frozenset()
    environment: Words = _NONE
    command: str | None = None

    @property
    def emulates(self) -> bool:
        """Whether it is what a program that stands in for several services makes of one of them."""
        return isinstance(self.node, Datastore) and bool(self.node.emulates)

    @property
    def once(self) -> bool:
        """Whether it runs once and ends."""
        return isinstance(self.node, Service) and self.node.role is Role.JOB

    @property
    def function(self) -> bool:
        """Whether it runs only when it is called."""
        return isinstance(self.node, Service) and self.node.role is Role.FUNCTION

    @property
    def stock(self) -> bool:
        """Whether it runs the public image of a language: the sources are mounted into it."""
        image = self.node.image if isinstance(self.node, Service) and self.node.build is None else None
        engine = engine_of(image.value, image.span) if isinstance(image, Known | Floating) else None
        return engine is not None and engine.purpose == "runtime"

    @property
    def shared(self) -> frozenset[tuple[str, object]]:
        """What makes two nodes candidates for a pair when both have it."""
        found: set[tuple[str, object]] = set()
        if self.dockerfile:
            found.add(("dockerfile", self.dockerfile))
        found.update(("word", word) for word in self.stem | self.long | self.image)
        found.update(("key", key) for key in self.keys | self.reachers)
        found.update(("word", word) for words in self.named for word in words)
        found.update(("variable", key) for key in self.environment)
        if self.database:
            found.add(("database", self.database))
        if self.engine:
            found.add(("engine", self.engine))
        return frozenset(found)


class Reading(Struct, frozen=True):
    """What features of a graph are read with: the keys by which stores are reached, and the affixes of each side.

    `shared` holds what the modules around containers of one name are called, where that is what tells them apart, and
    `called` what variables call the services to whose addresses they lead. `reachers` are the pairs of services that
    reach a store.
    """

    graph: Graph
    keys: Mapping[str, Words]
    holders: Mapping[str, frozenset[Words]]
    affixes: Mapping[Side, Words]
    shared: Mapping[str, str]
    called: Mapping[str, frozenset[Words]]
    reachers: Mapping[str, Words] = {}

    @classmethod
    def of(cls, graph: Graph, project: str) -> Reading:
        """The reading of a graph. `project` is what the system is called, which names often begin with."""
        keys: dict[str, set[str]] = {}
        for edge in graph.edges:
            if edge.kind is EdgeKind.CONNECTS:
                keys.setdefault(edge.target, set()).add(edge.reason)
        holders: dict[str, set[Words]] = {}
        for service in graph.all(Service, side=Side.LOCAL):
            for variable in service.environment:
                if (held := names.held(variable.key)) is not None:
                    value = variable.value.value if isinstance(variable.value, Known) else ""
                    holders.setdefault(variable.key, set()).update(map(naming.stem, (" ".join(held), value)))
        sides = {}
        for side in (Side.LOCAL, Side.CLOUD):
            shared = naming.affixes(service.name for service in graph.all(Service, side=side))
            sides[side] = shared | frozenset(naming.words(project))
        named = {key: frozenset(each - {_NONE}) for key, each in holders.items()}
        reached = {store: frozenset(each) for store, each in keys.items()}
        return cls(graph, reached, named, sides, _shared(graph, sides), _called(graph, sides[Side.LOCAL]))

    def after(self, pairs: Iterable[Pair]) -> Reading:
        """The reading with the pairs of services whose local end reaches one store of a family, as the other does."""
        stores = {each.id: family(each) for each in self.graph.all(Datastore)}
        reached: dict[str, dict[str, set[str]]] = {}
        for edge in self.graph.edges:
            if edge.kind is EdgeKind.CONNECTS and edge.target in stores:
                reached.setdefault(edge.source, {}).setdefault(stores[edge.target], set()).add(edge.target)
        found: dict[str, set[str]] = {}
        for pair in pairs:
            here, there = reached.get(pair.local, {}), reached.get(pair.cloud, {})
            for kind in here.keys() & there.keys():
                if len(here[kind]) == len(there[kind]) == 1 and not pair.tied:
                    for store in here[kind] | there[kind]:
                        found.setdefault(store, set()).add(f"{pair.local} = {pair.cloud}")
        return replace(self, reachers={store: frozenset(each) for store, each in found.items()})

    def features(self, node: Node) -> Features:
        """The features of one node."""
        affixes = self.affixes.get(node.side, _NONE)
        aside = naming.for_tests(node.name, affixes)
        if isinstance(node, Datastore):
            holds = isinstance(node, Bucket | Queue) and node.side is Side.LOCAL
            held = self.holders if holds else {}
            return Features(
                node,
                _bare(naming.stem(_labels(node), affixes), node),
                aside
                or (isinstance(node, Bucket) and self._beside_storage(node))
                or (isinstance(node, Queue) and names.is_dead_letters(node.name)),
                keys=self.keys.get(node.id, _NONE) | frozenset(held),
                reachers=self.reachers.get(node.id, _NONE),
                named=frozenset(plain(words - {"bucket", "queue"}) for each in held.values() for words in each),
                database=_text(node.database_name),
                engine=_engine(node),
            )
        if not isinstance(node, Service):
            return Features(node, naming.stem(node.name, affixes), aside)
        stage = self.graph.stage(node)
        image = node.image.value if isinstance(node.image, Known | Floating) else None
        address = _address(node)
        long = naming.stem(f"{address} {node.name}", affixes) if address else _NONE
        stem = naming.stem(node.name, affixes) if naming.telling(node.name, affixes) or not long else long
        nameless = not naming.telling(f"{address} {node.name}", affixes)
        if node.id in self.shared:
            stem, nameless = naming.stem(self.shared[node.id], affixes), False
        elif nameless and naming.telling(around := _around(node), affixes):
            long = naming.stem(around, affixes)
        folder = self._folder(node, stage)
        local = node.side is Side.LOCAL
        if local and names.may_be_any(frozenset(naming.words(node.name))) and any(map(names.is_part, folder)):
            stem = folder
        return Features(
            node,
            stem,
            aside
            or serves_developers(node)
            or (node.role is Role.FUNCTION and naming.for_upkeep(f"{address} {node.name}")),
            long=long,
            whole=_NONE if naming.telling(node.name, affixes) else _words_of(node.name),
            called=self.called.get(node.id, frozenset()),
            folder=folder,
            runtime=_runtime(stage),
            nameless=nameless,
            dockerfile=stage.value.dockerfile if isinstance(stage, Known) else "",
            image=naming.stem(image.basename, affixes) if image is not None else _NONE,
            repository=_repository(image),
            ports=frozenset(port.target.value for port in node.ports if isinstance(port.target, Known)),
            environment=frozenset(variable.key for variable in node.environment),
            command=" ".join(node.command.value.words[-1:]) if isinstance(node.command, Known) else None,
        )

    def _beside_storage(self, bucket: Bucket) -> bool:
        """Whether a bucket holds no files of the application: logs, state, or a static site."""
        words = _bare(naming.stem(_labels(bucket), self.affixes.get(bucket.side, _NONE)), bucket)
        return naming.for_upkeep(bucket.name) or (bool(words) and all(map(names.speaks_of_sites, words)))

    def _folder(self, service: Service, stage: Value[Stage]) -> Words:
        """What a build is called by its folder, and by its stage where the local service's own name tells nothing."""
        if not isinstance(stage, Known):
            return _NONE
        affixes = self.affixes.get(service.side, _NONE)
        folder = stage.value.dockerfile.rpartition("/")[0].rpartition("/")[2]
        found = naming.stem(folder, affixes) if naming.telling(folder, affixes) else _NONE
        if (
            service.side is Side.CLOUD
            or naming.telling(service.name, affixes)
            or not naming.telling(stage.value.name, affixes)
        ):
            return found
        return found | naming.stem(stage.value.name, affixes)


def _words_of(name: str) -> Words:
    """The words of a name that says something, if only what the project is called."""
    return naming.stem(name) if naming.telling(name) else _NONE


def _address(service: Service) -> str:
    """The address of the resource that a container belongs to, without the modules around it; empty for Compose.

    Of a task definition in JSON what its file is called.
    """
    if service.side is not Side.CLOUD:
        return ""
    if service.group.startswith(TASK_FILES):
        return service.group.rpartition("/")[2].removeprefix(TASK_FILES).removesuffix(".json")
    resource = service.id.partition(":")[2].partition("#")[0].partition("@")[0]
    return resource.rpartition(".")[2] if "." in resource else resource


_NUMBER = regex(r"(?:^|(?<=[-_]))\d+(?:$|(?=[-_]))")


def _around(service: Service) -> str:
    """What the module around a container is called, or the folder of its root module: `api` of `services/30-api`."""
    if service.side is not Side.CLOUD:
        return ""
    address, _, root = service.id.partition(":")[2].partition("#")[0].partition("@")
    told = names.label(address)
    folder = root.rpartition("/")[2]
    return told if naming.telling(told) or names.tells_no_system(folder) else _NUMBER.sub("", folder)


def _shared(graph: Graph, affixes: Mapping[Side, Words]) -> dict[str, str]:
    """What modules are called that are one with other inputs, for the containers of one name in them.

    Only where a local service is called as one of them: the copies of a region hold what their containers are called.
    """
    local = {naming.stem(each.name, affixes[Side.LOCAL]) for each in graph.all(Service, side=Side.LOCAL)}
    copies: dict[tuple[Span, str], dict[str, str]] = {}
    for each in graph.all(Service, side=Side.CLOUD):
        told = _around(each)
        if told and told != _address(each):
            copies.setdefault((each.span, each.name), {})[each.id] = told
    found: dict[str, str] = {}
    for named in copies.values():
        stems = {naming.stem(told, affixes[Side.CLOUD]) for told in named.values()}
        if len(stems) > 1 and not local.isdisjoint(stems):
            found.update(named)
    return found


def _called(graph: Graph, affixes: Words) -> dict[str, frozenset[Words]]:
    """What variables call the local services whose addresses they hold; not by a name that another one has.

    `API_URL=http://app:8080` calls `app` so.
    """
    services = list(graph.all(Service, side=Side.LOCAL))
    by_name = {(each.group, name): each for each in services for name in each.names}
    own = {naming.stem(each.name, affixes) for each in services}
    found: dict[str, set[Words]] = {}
    for service in services:
        for variable in service.environment:
            if not isinstance(variable.value, Known) or not (told := whose(variable.key)):
                continue
            words = naming.stem(told, affixes)
            for host in hosts(variable.value.value) if words not in own else ():
                other = by_name.get((service.group, host))
                if other is not None and other.id != service.id:
                    found.setdefault(other.id, set()).add(words)
    return {each: frozenset(words) for each, words in found.items()}


def _labels(store: Datastore) -> str:
    """The name of a store; of a resource its label and those of the modules around it, without its type."""
    return _TYPE.sub("", store.name) if store.side is Side.CLOUD and not store.service else store.name


def serves_developers(service: Service) -> bool:
    """Whether a service is a tool or an agent by its image, or is called as one: `grafana`."""
    if service.role in (Role.TOOL, Role.SIDECAR):
        return True
    name = service.name
    named = [parse(f"{place}{name}/{name}") for place in ("", "quay.io/")] if service.role is Role.APP else []
    engines = [engine_of(each, service.span) for each in named if each is not None]
    return any(each is not None and image_role(each) is Role.TOOL for each in engines)


def family(node: Node) -> str:
    """What only nodes of the same can mirror one another: relational databases, caches, applications."""
    if isinstance(node, Service):
        return "tool" if serves_developers(node) else APPLICATION
    if isinstance(node, Database):
        found = components.family(_engine(node))
        return "database" if found == "relational" else found
    return type(node).__name__.lower()


def _engine(store: Datastore) -> str:
    return store.emulates or components.spoken(_text(store.engine))


def plain(words: Words) -> Words:
    """Words without the sign of the plural: `reports` is `report`."""
    return frozenset(word.removesuffix("s") for word in words)


def _bare(stem: Words, store: Datastore) -> Words:
    """A datastore's name without the word for what it is; nothing is left of `db` and of `redis`."""
    kind = {"Database": "database", "Cache": "cache"}.get(type(store).__name__, type(store).__name__.lower())
    return stem - {kind, _text(store.engine)}


def _runtime(stage: Value[Stage]) -> str:
    """The language of the image that a stage is built on at the bottom: `python`; empty for what is of none."""
    base = stage.value.base if isinstance(stage, Known) else None
    found = engine_of(base.value, base.span) if isinstance(base, Known | Floating) else None
    return found.name if found is not None and found.purpose == "runtime" else ""


def _repository(image: ImageRef | None) -> str:
    return "" if image is None else image.repository.replace("_", "-").lower()


def _text(value: Value[str] | None) -> str:
    return value.value if isinstance(value, Known | Floating) else ""
