"""What speaks for a pair, in points. Versions are never compared here, since closeness would hide a mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.graph import EdgeKind, Graph
from policyengine.model.nodes import (
    Cache,
    Database,
    Datastore,
    Node,
    Service,
)
from policyengine.model.value import Floating, Known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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


class Evidence(Struct, frozen=True):
    """One thing that speaks for a pair: its points, the words for it, and how far it holds (0 to 1) for two nodes."""

    points: int
    words: str
    holds: Callable[[Graph, Node, Node], float]


class Score(Struct, frozen=True):
    """How much speaks for a pair, and what."""

    points: int
    reasons: tuple[str, ...]


def score(graph: Graph, here: Node, there: Node, *, alone: bool, more: Sequence[Evidence] = ()) -> Score:
    """The points and reasons of a local and a cloud node; `alone` when each is the only candidate of its side.

    `more` is evidence that plug-ins bring, beside the strategy's own.
    """
    points, reasons = 0, []
    for each in (*_EVIDENCE, *more):
        share = each.holds(graph, here, there)
        if share:
            points += round(each.points * share)
            reasons.append(each.words)
    if alone:
        points += 60
        reasons.append("the only one of its kind on each side")
    return Score(points, tuple(reasons))


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


_EVIDENCE = (
    Evidence(50, "built from the same Dockerfile", _same_dockerfile),
    Evidence(40, "reached by the same variable", _same_keys),
    Evidence(30, "alike in name", _same_name),
    Evidence(25, "the same engine", _same_engine),
    Evidence(20, "the same image name", _same_image),
    Evidence(20, "the same database name", _same_database),
    Evidence(15, "the same container port", _same_port),
    Evidence(15, "shared variables", _shared_environment),
    Evidence(10, "the same kind of command", _same_command),
)
"""What speaks for a pair by the strategy."""
