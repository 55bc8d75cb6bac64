"""Which local node mirrors which cloud node, and who is left without a twin.

Explicit pairs win: policyengine.yaml, then a Compose label or `x-parity`, then a Terraform tag. The rest is scored
among nodes of one family, and in each connected part the matching with the largest sum is taken. What one node can
mirror several of (a region, a shard, a second instance of the only engine) is paired with each; where candidates tie,
all of them are pairs that say so, and a rule reports only what all of them agree on.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.linking.declared import named, unknown
from policyengine.linking.evidence import NOTHING, Score, score
from policyengine.linking.features import Features, Reading, family
from policyengine.linking.matching import matched
from policyengine.model.graph import Candidate, Graph, Pair, Unpaired
from policyengine.model.nodes import Datastore, Node, Role, Service, Side
from policyengine.model.source import UsageError
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.linking.evidence import Evidence
    from policyengine.repository.configuration import Config, ConfiguredPair

CERTAIN, POSSIBLE = 60, 40
"""A score from which a pair is certain, and one from which it is made at all."""
_ALONE = 60
_CROWD = 2_500
"""How many pairs a shared fact may make: one that more nodes share tells none of them from the others."""
_NEAREST = 3
"""How many candidates an unpaired node is shown with."""

_ENGINE = "the only one of its engine on each side"
_NAME = "the only one of its name on each side"
_Groups = dict[Hashable, tuple[list[int], list[int]]]
"""Places of local and of cloud nodes by a fact that they share."""

_PAIRED = frozenset({Role.APP, Role.JOB, Role.PROXY})


class Pairing(Struct, frozen=True):
    """All pairs, sorted by their ids, and who has none."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[Unpaired, ...]


def pairing(graph: Graph, config: Config, evidence: Sequence[Evidence] = ()) -> Pairing:
    """The pairs of a graph: those that people name, then those that the evidence makes.

    Raises:
        UsageError: the configuration names what is not there, or what several nodes answer to.
    """
    explicit = list(_explicit(graph, config))
    taken = {each for pair in explicit for each in (pair.local, pair.cloud)}
    reading = Reading.of(graph)
    families: dict[str, tuple[list[Features], list[Features]]] = {}
    for node in graph.nodes:
        if node.side in (Side.LOCAL, Side.CLOUD) and _mirrors(node) and node.id not in graph.ignored:
            local, cloud = families.setdefault(family(node), ([], []))
            (local if node.side is Side.LOCAL else cloud).append(reading.features(node))
    found = list(explicit)
    left: list[Unpaired] = []
    for name in sorted(families):
        local, cloud = families[name]
        one = _Family(graph, _free(local, taken), _free(cloud, taken), tuple(evidence))
        made = list(one.pairs())
        found.extend(made)
        having = taken | {each for pair in made for each in (pair.local, pair.cloud)}
        left.extend(one.unpaired(having, local, cloud))
    return Pairing(
        tuple(sorted(found, key=lambda pair: (pair.local, pair.cloud))),
        tuple(sorted(left, key=lambda each: each.node)),
    )


def _mirrors(node: Node) -> bool:
    return isinstance(node, Datastore) or (isinstance(node, Service) and node.role in _PAIRED)


def _free(nodes: Sequence[Features], taken: set[str]) -> list[Features]:
    return [each for each in nodes if each.node.id not in taken]


class _Family:
    """The nodes of one family on both sides, on their way into pairs."""

    def __init__(
        self, graph: Graph, local: list[Features], cloud: list[Features], evidence: tuple[Evidence, ...]
    ) -> None:
        self.graph, self.evidence = graph, evidence
        proper = [each for each in local if not each.test]
        self.local, self.cloud = proper or local, cloud
        self.scores = self._scored()

    def _scored(self) -> dict[tuple[int, int], Score]:
        """The scores of all candidates: those that share a fact which few share."""
        local, cloud = self.local, self.cloud
        if len(local) * len(cloud) <= _CROWD:
            near = {(row, column) for row in range(len(local)) for column in range(len(cloud))}
        else:
            near = _candidates(local, cloud)
        found = {}
        for row, column in sorted(near):
            one = score(self.graph, local[row], cloud[column], self.evidence)
            if one is not NOTHING:
                found[row, column] = one
        everybody: _Groups = {"": (list(range(len(local))), list(range(len(cloud))))}
        _alone(found, everybody, "the only one of its kind on each side")
        if len(local) > 1 or len(cloud) > 1:
            _alone(found, _groups([each.engine for each in local], [each.engine for each in cloud]), _ENGINE)
            _alone(found, _groups([each.stem for each in local], [each.stem for each in cloud]), _NAME)
        return found

    def pairs(self) -> Iterator[Pair]:
        """The matching with the largest sum, ties with all that tie, and the further twins of those that have one."""
        weights = {place: each.points for place, each in self.scores.items() if each.points >= POSSIBLE}
        best = matched(weights)
        rows, columns = dict(best), {column: row for row, column in best}
        done: set[tuple[int, int]] = set()
        for row, column in best:
            tied = self._tied(weights, row, column, rows, columns)
            for place in sorted({(row, column), *tied}):
                if place not in done:
                    done.add(place)
                    yield self._pair(*place, tied=bool(tied))
        yield from self._further(done)

    def _tied(
        self,
        weights: dict[tuple[int, int], int],
        row: int,
        column: int,
        rows: dict[int, int],
        columns: dict[int, int],
    ) -> set[tuple[int, int]]:
        """The places beside one of the matching that would do as well, and are nobody else's by more points."""
        points = weights[row, column]
        across = {
            (row, other)
            for other in range(len(self.cloud))
            if other != column
            and weights.get((row, other)) == points
            and weights.get((columns.get(other, -1), other), 0) <= points
        }
        down = {
            (other, column)
            for other in range(len(self.local))
            if other != row
            and weights.get((other, column)) == points
            and weights.get((other, rows.get(other, -1)), 0) <= points
        }
        return across | down

    def _pair(self, row: int, column: int, *, tied: bool) -> Pair:
        found = self.scores[row, column]
        return Pair(
            self.local[row].node.id,
            self.cloud[column].node.id,
            found.points,
            found.reasons,
            certain=found.points >= CERTAIN and not tied,
            tied=tied,
        )

    def _further(self, done: set[tuple[int, int]]) -> Iterator[Pair]:
        """Pairs of nodes that the matching left over: of one definition with a paired one, or of the only engine."""
        rows, columns = {row for row, _ in done}, {column for _, column in done}
        for row, column in sorted(done):
            for other, each in enumerate(self.cloud):
                if other not in columns and _one_definition(self.cloud[column], each):
                    columns.add(other)
                    yield self._twin(row, other, f"one definition with '{self.cloud[column].node.name}'")
            for other, each in enumerate(self.local):
                if other not in rows and _variant(self.local[row], each):
                    rows.add(other)
                    yield self._twin(other, column, f"a variant of '{self.local[row].node.name}' for another profile")
        for column, each in enumerate(self.cloud):
            if column in columns or not isinstance(each.node, Datastore):
                continue
            same = [row for row, one in enumerate(self.local) if one.engine and one.engine == each.engine]
            if not same and not any(one.engine in {other.engine for other in self.cloud} for one in self.local):
                same = list(range(len(self.local)))
            if len(same) == 1:
                yield self._twin(same[0], column, "the only one of its engine on the local side")
            elif same:
                most = max(self._points(row, column) for row in same)
                nearest = [row for row in same if self._points(row, column) == most]
                for row in nearest:
                    yield self._twin(row, column, "one of several that it may be", tied=len(nearest) > 1)

    def _points(self, row: int, column: int) -> int:
        return self.scores.get((row, column), NOTHING).points

    def _twin(self, row: int, column: int, reason: str, *, tied: bool = False) -> Pair:
        found = self.scores.get((row, column), NOTHING)
        points = found.points if tied else max(found.points, CERTAIN)
        return Pair(
            self.local[row].node.id,
            self.cloud[column].node.id,
            points,
            (*found.reasons, reason),
            certain=not tied,
            tied=tied,
        )

    def unpaired(self, having: set[str], local: Sequence[Features], cloud: Sequence[Features]) -> Iterator[Unpaired]:
        """Who has no twin, each with its nearest candidates of the other side."""
        near: dict[str, list[Candidate]] = {}
        for (row, column), found in self.scores.items():
            one, other = self.local[row].node.id, self.cloud[column].node.id
            near.setdefault(one, []).append(Candidate(other, found.points, found.reasons))
            near.setdefault(other, []).append(Candidate(one, found.points, found.reasons))
        for each in (*local, *cloud):
            if each.node.id not in having:
                candidates = sorted(near.get(each.node.id, ()), key=lambda one: (-one.score, one.node))
                yield Unpaired(each.node.id, tuple(candidates[:_NEAREST]))


def _groups(local: Sequence[Hashable], cloud: Sequence[Hashable]) -> _Groups:
    groups: _Groups = {}
    for which, facts in enumerate((local, cloud)):
        for index, fact in enumerate(facts):
            if fact:
                groups.setdefault(fact, ([], []))[which].append(index)
    return groups


def _alone(scores: dict[tuple[int, int], Score], groups: _Groups, reason: str) -> None:
    """More points for two nodes that are each the only one of their group on their side."""
    for rows, columns in groups.values():
        place = (rows[0], columns[0]) if len(rows) == len(columns) == 1 else None
        if place is not None and place in scores:
            scores[place] = scores[place].plus(_ALONE, reason)


def _candidates(local: Sequence[Features], cloud: Sequence[Features]) -> set[tuple[int, int]]:
    """The places of nodes that share a fact, but for facts that a crowd shares."""
    having: dict[tuple[str, object], tuple[list[int], list[int]]] = {}
    for which, nodes in enumerate((local, cloud)):
        for index, each in enumerate(nodes):
            for fact in each.shared:
                having.setdefault(fact, ([], []))[which].append(index)
    return {
        (row, column)
        for rows, columns in having.values()
        if len(rows) * len(columns) <= _CROWD
        for row in rows
        for column in columns
    }


def _one_definition(one: Features, other: Features) -> bool:
    """Whether two nodes of the cloud are one block, or one service under one name in several places."""
    if one.node.span == other.node.span:
        return True
    if isinstance(one.node, Service):
        return bool(one.repository) and (one.stem, one.repository) == (other.stem, other.repository)
    return bool(one.stem) and (one.stem, one.engine) == (other.stem, other.engine)


def _variant(one: Features, other: Features) -> bool:
    """Whether two local services are one for different profiles: `app-dev` and `app-prod`."""
    here, there = one.node, other.node
    if not isinstance(here, Service) or not isinstance(there, Service):
        return False
    return one.stem == other.stem and here.profiles != there.profiles


def _explicit(graph: Graph, config: Config) -> Iterator[Pair]:
    """The pairs that policyengine.yaml names, then those that nodes name themselves."""
    done: set[str] = set()
    for each in config.pairs:
        local, cloud = _meant(graph, config, each)
        done |= {local.id, cloud.id}
        yield Pair(local.id, cloud.id, 100, ("policyengine.yaml says so",))
    for side, other in ((Side.LOCAL, Side.CLOUD), (Side.CLOUD, Side.LOCAL)):
        for node in graph.all(Node, side=side):
            if not isinstance(node, Service | Datastore) or not isinstance(node.parity, Known) or node.id in done:
                continue
            twins = [
                each
                for each in named(graph, node.parity.value, other)
                if family(each) == family(node) and each.id not in graph.ignored
            ]
            if twins and twins[0].id not in done and node.id not in graph.ignored:
                done |= {node.id, twins[0].id}
                ids = (node.id, twins[0].id) if side is Side.LOCAL else (twins[0].id, node.id)
                yield Pair(*ids, 100, (f"'{node.name}' names it",))


def _meant(graph: Graph, config: Config, pair: ConfiguredPair) -> tuple[Node, Node]:
    """The local and the cloud node that an entry of `pairs` names: one name may be a service's and its datastore's."""
    sides = []
    for side, text in ((Side.LOCAL, pair.local), (Side.CLOUD, pair.cloud)):
        found = [node for node in named(graph, text.text, side) if isinstance(node, Service | Datastore)]
        if not found:
            raise UsageError(unknown(config, "pairs", text, graph.all(Node, side=side)))
        sides.append(found)
    fitting = [(one, other) for one in sides[0] for other in sides[1] if _role(one) == _role(other)]
    if not fitting:
        one, other = sides[0][0], sides[1][0]
        raise UsageError(
            f"{config.path}: 'pairs' holds '{pair.local.text}' ({_role(one)}) against '{pair.cloud.text}' "
            f"({_role(other)}); a pair is of one role"
        )
    if len(fitting) > 1:
        listed = ", ".join(sorted({node.id.partition(":")[2] for couple in fitting for node in couple}))
        raise UsageError(
            f"{config.path}: '{pair.local.text}' against '{pair.cloud.text}' fits several nodes; name one of {listed}"
        )
    return fitting[0]


def _role(node: Node) -> str:
    """The role that a pair must share where people name it; they may well mean another engine."""
    return "service" if isinstance(node, Service) else type(node).__name__.lower()
