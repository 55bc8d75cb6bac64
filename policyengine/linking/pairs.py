"""Which local node mirrors which cloud node.

Explicit pairs win: policyengine.yaml, then a Compose label or `x-parity`, then a Terraform tag. The rest is scored, and
the matching with the largest sum is taken.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from policyengine.linking.declared import names, unknown
from policyengine.linking.evidence import score
from policyengine.linking.matching import best_matching
from policyengine.model.graph import Graph, Pair
from policyengine.model.nodes import (
    Bucket,
    Cache,
    Database,
    Datastore,
    Node,
    Queue,
    Role,
    Search,
    Service,
    Side,
)
from policyengine.model.source import UsageError
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.linking.evidence import Evidence
    from policyengine.repository.configuration import Config, Text


CERTAIN, POSSIBLE = 60, 40
"""A score from which a pair is certain, and one from which it is made at all."""


_KINDS: tuple[type[Datastore], ...] = (Database, Cache, Search, Queue, Bucket)


def pairs(graph: Graph, config: Config, evidence: Sequence[Evidence] = ()) -> Iterator[Pair]:
    """The pairs of every kind: those that people name, then those that the evidence makes."""
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
        yield from _scored(graph, local, cloud, evidence)


def _candidate(graph: Graph, node: Node, role: Role | None) -> bool:
    return node.id not in graph.ignored and (role is None or (isinstance(node, Service) and node.role is role))


def _explicit(graph: Graph, config: Config, kind: type[Node], role: Role | None) -> Iterator[Pair]:
    def find(side: Side, text: Text) -> Node | None:
        named = [node for node in graph.all(Node, side=side) if text.text in names(node)]
        if not named:
            raise UsageError(unknown(config, "pairs", text, graph.all(Node, side=side)))
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
            twin = next((each for each in graph.all(kind, side=other) if named.value in names(each)), None)
            if twin is not None and twin.id not in done and _candidate(graph, twin, role):
                done |= {node.id, twin.id}
                ids = (node.id, twin.id) if side is Side.LOCAL else (twin.id, node.id)
                yield Pair(*ids, 100, (f"'{node.name}' names it",))


def _scored(graph: Graph, local: Sequence[Node], cloud: Sequence[Node], evidence: Sequence[Evidence]) -> Iterator[Pair]:
    alone = len(local) == len(cloud) == 1
    scores = [[score(graph, here, there, alone=alone, more=evidence) for there in cloud] for here in local]
    weights = [[score.points if score.points >= POSSIBLE else 0 for score in row] for row in scores]
    for row, column in best_matching(weights):
        found = scores[row][column]
        points = found.points
        if _ambiguous(weights, row, column):
            points = min(points, CERTAIN - 1)
        yield Pair(local[row].id, cloud[column].id, points, found.reasons, certain=points >= CERTAIN)


def _ambiguous(weights: list[list[int]], row: int, column: int) -> bool:
    """Whether another pairing of this row or this column has the same weight."""
    points = weights[row][column]
    across = Counter(weights[row])[points] > 1
    down = Counter(line[column] for line in weights)[points] > 1
    return across or down
