"""What services that are built from a Dockerfile run, told by the image at its bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.components import family, is_told_by_command, stands_in_for
from policyengine.knowledge.extensions import brought_by_package
from policyengine.knowledge.names import words
from policyengine.knowledge.ports import port_of_engine
from policyengine.knowledge.variables import database_variables, engine_of_variable, is_address, speaks_of
from policyengine.model import image as images
from policyengine.model.endpoint import hosts
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import (
    Bucket,
    Database,
    Datastore,
    Node,
    Queue,
    Role,
    Service,
    Side,
    Stage,
    SupabaseStack,
)
from policyengine.model.value import Floating, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import datastore, image_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def complete(nodes: dict[str, Node], edges: set[Edge]) -> None:
    """Give services the role and the datastore of what is at the bottom of their image."""
    _built(nodes, edges)
    having = {node.service for node in nodes.values() if isinstance(node, Datastore)}
    for service in [node for node in nodes.values() if isinstance(node, Service) and node.side is not Side.PIPELINE]:
        if service.id in having:
            continue
        cloud = service.side is Side.CLOUD
        store = datastore(service, service.image, _database_name(service)) if cloud else None
        store = store or _told(service)
        if store is not None and store.id not in nodes:
            nodes[store.id] = store
            nodes[service.id] = replace(service, role=Role.DATABASE if service.role is Role.APP else service.role)


_SUPABASE = "supabase"


def emulated(nodes: Iterable[Node]) -> Iterator[tuple[Datastore, Edge]]:
    """What local emulators of several services stand in for: a store for each engine of the cloud."""
    every = list(nodes)
    cloud = [node for node in every if isinstance(node, Datastore) and node.side is Side.CLOUD]
    kinds = {each.engine.value: type(each) for each in reversed(cloud) if isinstance(each.engine, Known)}
    for service in every:
        if not isinstance(service, Service) or service.side is not Side.LOCAL or service.role is not Role.EMULATOR:
            continue
        image = service.image
        engine = images.engine_of(image.value, image.span) if isinstance(image, Known | Floating) else None
        if engine is None:
            continue
        told = offered(service)
        may_be = stands_in_for(engine.name) & kinds.keys()
        for name in sorted(may_be if told is None else may_be & told):
            kind = kinds[name]
            if not (issubclass(kind, Bucket | Queue) or family(name) == "tables"):
                continue
            store = kind(
                id=f"{service.id}/{name}",
                name=service.name,
                side=service.side,
                span=service.span,
                engine=Known(engine.name, service.image.span, service.image.via),
                version=Unknown("the version of an emulator is not that of the service", service.image.span),
                service=service.id,
                emulates=name,
                parity=service.parity,
                doubt=service.doubt,
            )
            yield store, Edge(EdgeKind.RUNS, service.id, store.id, f"stands in for {name}")


def of_supabase(nodes: Iterable[Node]) -> Iterator[Database]:
    """The database that `supabase start` brings up, where a project of Supabase is in the cloud and none else here."""
    every = list(nodes)
    stores = [node for node in every if isinstance(node, Database)]
    if any(each.side is Side.LOCAL for each in stores) or not any(each.flavour == _SUPABASE for each in stores):
        return
    for stack in every:
        if isinstance(stack, SupabaseStack):
            yield Database(
                id=f"{stack.id}/database",
                name=_SUPABASE,
                side=stack.side,
                span=stack.span,
                engine=Known("postgres", stack.span),
                version=stack.version,
                flavour=_SUPABASE,
            )


def offered(emulator: Service) -> frozenset[str] | None:
    """The services that an emulator is told to start, by its command or a variable; None where it is not told which."""
    image = emulator.image
    program = images.engine_of(image.value, image.span) if isinstance(image, Known | Floating) else None
    if program is not None and is_told_by_command(program.name):
        told = (each.value.words for each in (emulator.entrypoint, emulator.command) if isinstance(each, Known))
        return frozenset(" ".join(word for words in told for word in words).split())
    listed = emulator.variable("SERVICES")
    if listed is None or not isinstance(listed.value, Known) or not listed.value.value:
        return None
    return frozenset(listed.value.value.replace(" ", "").split(","))


def _told(service: Service) -> Database | None:
    """The database that a container of an unknown image is: it has the variables of an engine and its port."""
    ports = {port.target.value for port in service.ports if isinstance(port.target, Known)}
    for key in database_variables():
        variable, engine = service.variable(key), engine_of_variable(key)
        if service.role is not Role.APP or variable is None or port_of_engine(engine) not in ports:
            continue
        reason = Unknown("what its image holds is not known", service.image.span, service.image.via)
        return Database(
            id=f"{service.id}/database",
            name=service.name,
            side=service.side,
            span=service.span,
            engine=Known(engine, variable.key_span),
            version=reason,
            service=service.id,
            image=service.image,
            database_name=variable.value,
            port=service.ports[0].target,
            parity=service.parity,
            vector=reason,
        )
    return None


def _built(nodes: dict[str, Node], edges: set[Edge]) -> None:
    """Give services that are built the role and the datastore of what is at the bottom of their Dockerfile."""
    built = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_FROM}
    for service in [node for node in nodes.values() if isinstance(node, Service) and node.id in built]:
        stage = nodes[built[service.id]]
        if not isinstance(stage, Stage) or not isinstance(stage.base, Known):
            continue
        engine = images.engine_of(stage.base.value, stage.base.span)
        if engine is not None and _reaches_another(service, engine.name):
            continue
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
        if isinstance(store, Database) and store.extensions is not None:
            store = _with_packages(store, stage)
        former = nodes.get(store.id)
        if isinstance(former, Datastore):
            store = replace(store, database_name=former.database_name or store.database_name, port=former.port)
        elif isinstance(former, Node):
            continue
        for other in [node.id for node in nodes.values() if isinstance(node, Datastore) and node.service == service.id]:
            del nodes[other]
        nodes[store.id] = store
        edges.add(Edge(EdgeKind.RUNS, service.id, store.id, f"is built from {stage.base.value.name}"))


def _reaches_another(service: Service, engine: str) -> bool:
    """Whether a container is told where a store of the engine is: it is none then, and uses the image's programs."""
    own = {*service.names, "localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104  no address to listen on
    return any(
        is_address(each.key)
        and speaks_of(words(each.key), engine)
        and isinstance(each.value, Known)
        and not hosts(each.value.value) <= own
        for each in service.environment
    )


def running(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → the Datastore that it is by its public image."""
    built = {edge.target for edge in edges if edge.kind is EdgeKind.RUNS}
    for store in nodes:
        if isinstance(store, Datastore) and store.service and store.id not in built:
            image = store.image
            name = image.value.name if isinstance(image, Known | Floating) else "its image"
            yield Edge(EdgeKind.RUNS, store.service, store.id, f"runs {name}")


def _database_name(service: Service) -> Value[str] | None:
    """The database that an official image creates at its first start."""
    for key in database_variables():
        variable = service.variable(key)
        if variable is not None:
            return variable.value
    return None


def _vector(package: str) -> bool:
    return "pgvector" in package


def _with_packages(store: Database, stage: Stage) -> Database:
    """A database with the extensions that its Dockerfile installs, and the version of pgvector as far as it is pinned.

    What the Dockerfile does besides installing packages may bring more.
    """
    brought = store.extensions.value if isinstance(store.extensions, Known) else ()
    pinned = store.vector_version
    unknown = store.extensions if isinstance(store.extensions, Unknown) else None
    for package in stage.packages:
        found = brought_by_package(package.value) if isinstance(package, Known) else None
        if found is not None:
            brought = (*brought, *found)
        elif not isinstance(package, Known) or package.value.startswith("postgresql-"):
            unknown = unknown or Unknown("what the Dockerfile installs is not known", package.span)
    words = [word for run in stage.runs for word in run.words]
    if _copies(stage) or any(word.text in _FETCHES for word in words):
        unknown = unknown or Unknown("the Dockerfile builds or copies what it installs", stage.span)
    for word in words:
        match = _PINNED.search(word.text)
        given = None if match is None else images.version(match[1] or match[2])
        if given is not None:
            pinned = Known(given, word.span)
    pinned = pinned or Unknown("the version of pgvector is not pinned", stage.span)
    return replace(store, extensions=unknown or Known(brought, stage.span), vector_version=pinned)


_FETCHES = frozenset({"make", "cargo", "git", "curl", "wget", "dpkg", "pip", "pip3", "pgxn", "cmake", "trunk"})
_PINNED = regex(r"-pgvector=(\d+\.\d+\.\d+)|^v(0\.\d+\.\d+)$")


def _installs_vector(stage: Stage) -> bool:
    return any(isinstance(package, Known) and _vector(package.value) for package in stage.packages)


def _opaque(stage: Stage) -> bool:
    """Whether a Dockerfile may bring pgvector in a way that is no package: from source, by COPY, by a script."""
    words = (word.text for command in stage.runs for word in command.words)
    return any("vector" in word or word in ("make", "cargo") for word in words) or _copies(stage)


def _copies(stage: Stage) -> bool:
    """Whether a Dockerfile copies what may be an extension."""
    return any(
        isinstance(source, Unknown) or "vector" in source or "extension" in source
        for copy in stage.copies
        for source in copy.sources
    )
