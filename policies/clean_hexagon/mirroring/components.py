"""What the cloud runs runs locally too (HEX102)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.api import (
    Bucket,
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
    Severity,
    Side,
    Unknown,
    environment,
    is_dead_letters,
    known,
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
    from policyengine.api import Container, Span

_SHORTEST = 3
"""The letters of the shortest word that may begin another."""


@rule(
    "HEX102",
    mandate="1.1",
    severity=Severity.ERROR,
    message={
        "default": "The {noun} '{name}' is never run locally.",
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
    local = list(graph.containers(side=Side.LOCAL))
    if local:
        yield from _containers(graph, local)
        yield from _datastores(graph, local)


def _containers(graph: Graph, local: list[Container]) -> Iterator[Outcome]:
    yield from (Compared(each) for each in graph.apps(Side.CLOUD))
    seen: set[Span] = set()
    paired = [each for each in graph.containers(side=Side.CLOUD) if graph.pair_of(each.node) is not None]
    for container in graph.deployed(role=Role.APP):
        service, name = container.service, container.name
        if graph.pair_of(service) is not None or service.id in graph.ignored or role_by_name(name) is not None:
            continue
        if any(_alike(each.name, name) for each in local):
            continue
        if any(_same_container(each, container) for each in paired):
            continue
        if service.essential is not None and not known(service.essential, default=True):
            continue
        if isinstance(service.image, Unknown) and service.image == service.environment_gap:
            yield from undecided(service, service.image)  # which containers there are is not known
        elif service.span not in seen:  # one definition, for several regions
            seen.add(service.span)
            fix = Fix(f"add a Compose service that runs the image of '{name}' with the same command")
            yield Finding(subject=service, at=service, args={"noun": container.noun, "name": name}, fix=fix)


def _datastores(graph: Graph, local: list[Container]) -> Iterator[Outcome]:
    yield from (Compared(each) for each in graph.all(Datastore, side=Side.CLOUD) if not isinstance(each, Bucket))
    seen: set[Span] = set()
    emulated = any(each.role is Role.EMULATOR for each in local)
    joined = next((network for each in local for network in each.service.networks if network.external), None)
    queues = [each for each in graph.unpaired(Queue, side=Side.CLOUD) if not is_dead_letters(each.name)]
    for store in graph.unpaired(Datastore, side=Side.CLOUD):
        if isinstance(store, Queue) and (emulated or store not in queues[:1]):
            continue
        if isinstance(store, Bucket) or store.span in seen or _held_locally(graph, store):
            continue
        if not isinstance(store.engine, Known):
            yield from undecided(store, store.engine)
            continue
        seen.add(store.span)
        if joined is not None:
            reason = "a datastore may be on the external network that the local services join"
            yield from undecided(store, Unknown(reason, joined.span))
            continue
        args = {"engine": product(store.engine.value), "name": store.name}
        fix = Fix(f"add a Compose service that runs {args['engine']}")
        yield Finding(subject=store, at=store, variant="data", severity=Severity.WARNING, args=args, fix=fix)


def _alike(one: str, other: str) -> bool:
    """Whether one name is the other, or a part of it: `worker` and `worker_fast`, `page` and `shop-page`."""
    mine, theirs = _words(one), _words(other)
    if _covers(mine, theirs) or _covers(theirs, mine):
        return True
    return re.sub(r"\W|_", "", one).lower() == re.sub(r"\W|_", "", other).lower()


def _words(name: str) -> set[str]:
    """The words of a name, without that of an environment: `prod-api` is `api`."""
    words = set(words_of(name))
    return {word for word in words if environment(word) in ("", "test")} or words


def _covers(longer: set[str], shorter: set[str]) -> bool:
    """Whether each word of one name is a word of the other, or begins one: `front-web` and `frontend-webserver`."""
    return all(
        any(each == word or (len(word) >= _SHORTEST and each.startswith(word)) for each in longer) for word in shorter
    )


def _same_container(one: Container, other: Container) -> bool:
    """Whether two containers of the cloud run one image with one command."""
    if not isinstance(one.image, Known | Floating) or not isinstance(other.image, Known | Floating):
        return False
    commands = [each.service.command for each in (one, other)]
    words = [each.value if isinstance(each, Known) else None for each in commands]
    return one.image.value.repository == other.image.value.repository and words[0] == words[1]


def _held_locally(graph: Graph, store: Datastore) -> bool:
    """Whether a local server of that kind may hold it, or the local side uses an embedded engine (HEX103)."""
    if isinstance(store, Database) and any(known(each.engine, "") == "sqlite" for each in graph.all(OrmSchema)):
        return True
    for local in graph.all(type(store), side=Side.LOCAL):
        if not isinstance(local.engine, Known) or not isinstance(store.engine, Known) or isinstance(store, Queue):
            return True
        here, there = local.engine.value, store.engine.value
        if graph.equivalent(here, there) or serves(here, there):
            return True
    return False
