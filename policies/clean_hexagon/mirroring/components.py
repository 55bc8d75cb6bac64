"""What the cloud runs runs locally too (HEX102)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.api import (
    Bucket,
    Cache,
    Compared,
    Database,
    Datastore,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    OrmSchema,
    Outcome,
    Queue,
    Role,
    Search,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    environment,
    is_dead_letters,
    product,
    role_by_name,
    rule,
    serves,
    undecided,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


@rule(
    "HEX102",
    mandate="1.1",
    severity=Severity.ERROR,
    message={
        "default": "The ECS container '{name}' is never run locally.",
        "data": "The '{engine}' '{name}' exists only in the cloud.",
    },
)
def cloud_only_component(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A component of the cloud has no twin in the Compose stack.

    What does not run locally is never tested before it is deployed: a worker that only ECS starts fails for the first
    time in production, and a queue that only the cloud has is mocked away.

    An essential ECS container of the application is an error, a datastore a warning. Sidecars (log routers, tracing
    agents, mesh proxies), migration tasks and services with `desired_count = 0` are no components of their own. A
    container whose name is that of a local service, or a part of it, is run locally, whatever it was paired with. One
    local server may hold several databases or indexes, so a second managed database of an engine that runs locally is
    not reported; of several queues the first speaks for all, and a dead-letter queue is part of another. An emulator
    such as LocalStack stands in for every AWS service. Where local services join an external network, a datastore of
    another project may be on it, which leaves the question undecided. A repository without any Compose service has
    nothing to mirror with, and is left alone.
    """
    del options
    local = list(graph.all(Service, side=Side.LOCAL))
    if not local:
        return
    yield from (Compared(each) for each in graph.apps(Side.CLOUD))
    yield from (Compared(each) for each in graph.all(Datastore, side=Side.CLOUD) if not isinstance(each, Bucket))
    seen: set[Span] = set()
    paired = [each for each in graph.all(Service, side=Side.CLOUD) if graph.mirror(each) is not None]
    for service in graph.unpaired(Service, side=Side.CLOUD):
        if service.role is not Role.APP or role_by_name(service.name) is not None or not _runs(service):
            continue
        if any(_alike(each.name, service.name) for each in local):
            continue
        if any(_same_container(each, service) for each in paired):
            continue
        if isinstance(service.essential, Known) and not service.essential.value:
            continue
        if isinstance(service.image, Unknown) and service.image == service.environment_gap:
            yield from undecided(service, service.image)  # which containers there are is not known
            continue
        if service.span in seen:  # one definition, for several regions
            continue
        seen.add(service.span)
        yield Finding(
            subject=service,
            at=service,
            args={"name": service.name},
            fix=Fix(f"add a Compose service that runs the image of '{service.name}' with the same command"),
        )
    emulated = any(service.role is Role.EMULATOR for service in local)
    joined = next((each for service in local for each in service.networks if each.external), None)
    reason = "a datastore may be on the external network that the local services join"
    elsewhere = None if joined is None else Unknown(reason, joined.span)
    queue_reported = False
    for store in graph.unpaired(Datastore, side=Side.CLOUD):
        if isinstance(store, Queue):
            if queue_reported or is_dead_letters(store.name):
                continue
            queue_reported = True
        if isinstance(store, Bucket) or (emulated and isinstance(store, Queue)) or _held_locally(graph, store):
            continue
        if isinstance(store.engine, Known):
            if store.span in seen:
                continue
            seen.add(store.span)
            if elsewhere is not None:
                yield from undecided(store, elsewhere)
                continue
            yield Finding(
                subject=store,
                at=store,
                variant="data",
                severity=Severity.WARNING,
                args={"engine": product(store.engine.value), "name": store.name},
                fix=Fix(f"add a Compose service that runs {product(store.engine.value)}"),
            )
        else:
            yield from undecided(store, store.engine)


def _alike(one: str, other: str) -> bool:
    """Whether one name is the other, or a part of it: `worker` and `worker_fast`, `page` and `shop-page`."""
    mine, theirs = (_words(name) for name in (one, other))
    if _covers(mine, theirs) or _covers(theirs, mine):
        return True
    return re.sub(r"\W|_", "", one).lower() == re.sub(r"\W|_", "", other).lower()


_SHORTEST = 3


def _words(name: str) -> set[str]:
    """The words of a name, without that of an environment: `prod-api` is `api`."""
    words = set(words_of(name))
    return {word for word in words if environment(word) in ("", "test")} or words


def _covers(longer: set[str], shorter: set[str]) -> bool:
    """Whether each word of one name is a word of the other, or begins one: `front-web` and `frontend-webserver`."""
    return all(
        any(each == word or (len(word) >= _SHORTEST and each.startswith(word)) for each in longer) for word in shorter
    )


def _same_container(one: Service, other: Service) -> bool:
    """Whether two containers of the cloud run one image with one command."""
    if not isinstance(one.image, Known | Floating) or not isinstance(other.image, Known | Floating):
        return False
    words = [each.command.value if isinstance(each.command, Known) else None for each in (one, other)]
    return one.image.value.repository == other.image.value.repository and words[0] == words[1]


def _runs(service: Service) -> bool:
    return not (isinstance(service.count, Known) and service.count.value == 0)


def _held_locally(graph: Graph, store: Datastore) -> bool:
    """Whether a local server of that kind may hold it, or the local side uses an embedded engine (HEX103)."""
    kind = next(each for each in (Database, Cache, Search, Queue, Bucket) if isinstance(store, each))
    if isinstance(store, Database) and any(_engine(schema) == "sqlite" for schema in graph.all(OrmSchema)):
        return True
    for local in graph.all(kind, side=Side.LOCAL):
        if not isinstance(local.engine, Known) or not isinstance(store.engine, Known):
            return True
        here, there = local.engine.value, store.engine.value
        if graph.equivalent(here, there) or serves(here, there) or isinstance(store, Queue):
            return True
    return False


def _engine(schema: OrmSchema) -> str:
    return schema.engine.value if isinstance(schema.engine, Known) else ""
