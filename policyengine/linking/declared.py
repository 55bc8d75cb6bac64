"""What policyengine.yaml says of nodes: facts, names, and which have no counterpart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model import image as images
from policyengine.model.nodes import (
    Datastore,
    Node,
    Service,
    Side,
)
from policyengine.model.source import UsageError
from policyengine.model.value import Known
from policyengine.repository.configuration import where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.model.graph import Graph
    from policyengine.repository.configuration import Config, Configured, ConfiguredPair


def apply_facts(nodes: dict[str, Node], config: Config) -> None:
    """Put declared engines and versions on their nodes."""
    for fact in config.facts:
        found = _stores(nodes.values(), fact.address.text)
        if not found and not config.shared:
            raise UsageError(unknown(config, "facts", fact.address, nodes.values()))
        for node in found:
            if fact.engine:
                node = replace(node, engine=Known(fact.engine.text, fact.engine.span))  # noqa: PLW2901
            version = images.version(fact.version.text) if fact.version else None
            if fact.version and version:
                engine = node.engine.value if isinstance(node.engine, Known) else ""
                node = replace(node, version=images.counted(engine, version, fact.version.span))  # noqa: PLW2901
            nodes[node.id] = node


def check_names(systems: Sequence[tuple[Graph, Config]]) -> None:
    """Refuse a fact or a pair of one configuration that names what is in none of several systems."""
    if not systems:
        return
    config = systems[0][1]
    every = [node for graph, _ in systems for node in graph.nodes]
    for number, fact in enumerate(config.facts):
        if not any(_stores(graph.nodes, own.facts[number].address.text) for graph, own in systems):
            raise UsageError(unknown(config, "facts", fact.address, every))
    for number, pair in enumerate(config.pairs):
        for side in (Side.LOCAL, Side.CLOUD):
            told = [(graph, _end(own.pairs[number], side)) for graph, own in systems]
            if not any(named(graph, text.text, side) for graph, text in told):
                nodes = (node for node in every if node.side is side)
                raise UsageError(unknown(config, "pairs", _end(pair, side), nodes))


def _end(pair: ConfiguredPair, side: Side) -> Configured:
    return pair.local if side is Side.LOCAL else pair.cloud


def _stores(nodes: Iterable[Node], wanted: str) -> list[Datastore]:
    """The datastores that a fact is about."""
    return [
        node
        for node in nodes
        if isinstance(node, Datastore) and wanted in (node.id, node.name, node.id.partition(":")[2])
    ]


def ignored(nodes: Iterable[Node], config: Config) -> tuple[str, ...]:
    """The ids of the nodes that `ignore` declares to have no counterpart, sorted."""
    wanted = {Side.LOCAL: set(config.ignore_local), Side.CLOUD: set(config.ignore_cloud)}
    return tuple(sorted(node.id for node in nodes if names(node) & wanted.get(node.side, set())))


def names(node: Node) -> set[str]:
    """The names a person may use for a node."""
    plain = node.id.partition(":")[2]
    return {node.id, node.name, plain, plain.partition("#")[0]}


def named(graph: Graph, text: str, side: Side) -> list[Node]:
    """The nodes of a side that answer to a name: the one whose id it is, else all that a person may call so."""
    nodes = list(graph.all(Node, side=side))
    exact = [node for node in nodes if text in (node.id, node.id.partition(":")[2])]
    return exact or [node for node in nodes if text in names(node)]


def unknown(config: Config, key: str, text: Configured, nodes: Iterable[Node]) -> str:
    """The sentence for a name in the configuration that is no node's."""
    known = sorted({node.id.partition(":")[2] for node in nodes if isinstance(node, Service | Datastore)})
    listed = ", ".join(known[:8]) or "none"
    return f"{told_at(config, text)}: '{key}' names '{text.text}', which is not in the graph; known are {listed}"


def told_at(config: Config, text: Configured) -> str:
    """Where the configuration says it."""
    return where(config.source, text.span) if config.source is not None else config.path
