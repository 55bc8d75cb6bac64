"""Which local node mirrors which cloud node, and who is left without a twin.

Explicit pairs win: policyengine.yaml, then a Compose label or `x-parity`, then a Terraform tag. The rest is scored
among nodes of one family, and in each connected part the matching with the largest sum is taken. What one node can
mirror several of (a region, a shard, a second instance of the only engine) is paired with each; where candidates tie,
all of them are pairs that say so, and a rule reports only what all of them agree on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import nlargest
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.names import duties
from policyengine.linking.alone import (
    ALONE,
    CROWD,
    Groups,
    alone,
    by_name,
    by_variables,
    by_word,
    candidates,
    grouped,
    lasting,
)
from policyengine.linking.datastores import offered
from policyengine.linking.declared import named, told_at, unknown
from policyengine.linking.evidence import NOTHING, Score, says_little, score
from policyengine.linking.features import APPLICATION, Features, Reading, family
from policyengine.linking.matching import matched
from policyengine.linking.variants import holds_another, one_definition, together, variants, without_stand_ins
from policyengine.model.graph import Candidate, Graph, Pair, Unpaired
from policyengine.model.nodes import Bucket, Cache, Database, Datastore, Node, Queue, Role, Search, Service, Side
from policyengine.model.source import UsageError
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.linking.evidence import Evidence
    from policyengine.repository.configuration import Config, ConfiguredPair

CERTAIN, POSSIBLE = 60, 40
"""A score from which a pair is certain, and one from which it is made at all."""
_NEAREST = 3
"""How many candidates an unpaired node is shown with."""

_ENGINE = "the only one of its engine on each side"
_EMULATED = "the only one that what runs locally can stand in for"
_NAME = "the only one of its name on each side"
_WORD = "the only ones with a word in their names"
_LANGUAGE = "the only ones of their language"
_MOST_VARIABLES = "more than twice as many variables in common as with any other"

_LEFT = "nearest to each other of those that are left"
_BESIDE = "most others of its engine are on it"
_REST = "the only one of its engine that is left"
_ONLY = "the only one of its engine on the local side"
_HOLDS = "the only server that may hold it"
_FEW = 2
"""So many queues or buckets that no variable names may be all that a local server of them is there for."""
_LEAST = 11
"""So many points two services must have to be a pair because they are alone: more than that neither has a command."""
_SHARING = 30
"""So many points two applications must have to be a pair because no other is as near: a port and many variables."""
_NEAR = 15
"""From so many points on a candidate is worth a look; two services without a command have ten."""
_MOST_TIED = 20
"""So many twins that would all do are compared with each."""

_PAIRED = frozenset({Role.APP, Role.FUNCTION, Role.JOB, Role.PROXY, Role.SIDECAR, Role.TOOL})


class Pairing(Struct, frozen=True):
    """All pairs, sorted by their ids, and who has none."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[Unpaired, ...]


def pairing(graph: Graph, config: Config, evidence: Sequence[Evidence] = (), project: str = "") -> Pairing:
    """The pairs of a graph: those that people name, then those that the evidence makes.

    `project` is what the system as a whole is called, which says nothing in the names of its parts.

    Raises:
        UsageError: the configuration names what is not there, or what several nodes answer to.
    """
    explicit = list(_explicit(graph, config))
    taken = {each for pair in explicit for each in (pair.local, pair.cloud)}
    reading = Reading.of(graph, project)
    families: dict[str, tuple[list[Node], list[Node]]] = {}
    for node in graph.nodes:
        if node.side in (Side.LOCAL, Side.CLOUD) and _mirrors(node) and node.id not in graph.ignored:
            families.setdefault(family(node), ([], []))[node.side is Side.CLOUD].append(node)
    found = list(explicit)
    left: list[Unpaired] = []
    for name in sorted(families, key=lambda each: (each != APPLICATION, each)):
        local, cloud = ([reading.features(node) for node in side] for side in families[name])
        local = without_stand_ins(local)
        one = _Family(graph, _free(local, taken), _free(cloud, taken), tuple(evidence))
        made = list(one.pairs())
        found.extend(made)
        if name == APPLICATION:
            reading = reading.after(found)
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
        self.locals = together([each for each in local if not each.aside] or local, variants)
        self.clouds = together([each for each in cloud if not each.aside] or cloud, one_definition)
        self.local, self.cloud = ([group[0] for group in side] for side in (self.locals, self.clouds))
        self.scores = self._scored()

    def _scored(self) -> dict[tuple[int, int], Score]:
        """The scores of all candidates: those that share a fact which few share."""
        local, cloud = self.local, self.cloud
        if len(local) * len(cloud) <= CROWD:
            near = {(row, column) for row in range(len(local)) for column in range(len(cloud))}
        else:
            near = candidates(local, cloud)
        found = {}
        for row, column in sorted(near):
            one = score(self.graph, local[row], cloud[column], self.evidence)
            if one is not NOTHING:
                found[row, column] = one
        engines = ["" if each.emulates else each.engine for each in local], [each.engine for each in cloud]
        servers = [index for index, each in enumerate(local) if not each.emulates and not each.once]
        staying = [index for index in lasting(cloud) if not cloud[index].once]
        if len({cloud[index].repository or index for index in staying}) == 1:
            staying = [index for index in staying if not duties(cloud[index].stem)] or staying
        ending = [[index for index, each in enumerate(side) if each.once] for side in (local, cloud)]
        everybody: Groups = {"stays": (servers, staying), "ends": (ending[0], ending[1])}
        standing = [each.engine if each.emulates and self._is_told(each) else "" for each in local]
        least = 0 if any(isinstance(each.node, Datastore) for each in local) else _LEAST
        alone(found, everybody, "the only one of its kind on each side", least)
        if len(servers) < len(local):
            alone(found, grouped(standing, engines[1]), _EMULATED, least)
        if len(local) > 1 or len(cloud) > 1:
            alone(found, grouped(*engines), _ENGINE, least)
            alone(found, by_name(local, cloud), _NAME, least)
            if local and not isinstance(local[0].node, Datastore):
                alone(found, by_word(local, cloud), _WORD, least, points=ALONE // 4)
                languages = grouped(*([each.runtime for each in side] for side in (local, cloud)))
                alone(found, languages, _LANGUAGE, _NEAR, points=ALONE // 2)
                alone(found, by_variables(local, cloud, found), _MOST_VARIABLES, 0, points=25)
        return found

    def _is_told(self, emulated: Features) -> bool:
        """Whether an emulator of several services is told to start this one."""
        node = emulated.node
        service = self.graph.get(Service, node.service) if isinstance(node, Datastore) else None
        return service is not None and offered(service) is not None

    def pairs(self) -> Iterator[Pair]:
        """The matching with the largest sum, ties with all that tie, and stores whose engine has one place to run."""
        weights = {place: each.points for place, each in self.scores.items() if each.points >= POSSIBLE}
        best = matched(weights)
        rows, columns = dict(best), {column: row for row, column in best}
        done: set[tuple[int, int]] = set()
        for row, column in best:
            tied = self._tied(weights, (row, column), rows, columns)
            if len(tied) > _MOST_TIED:
                continue  # a crowd under one name: who mirrors whom is left to the configuration
            for place in sorted({(row, column), *tied} - done):
                done.add(place)
                yield from self._made(place, self.scores[place], tied=bool(tied))
        yield from self._sharing(done)
        yield from self._beside(done)
        yield from self._nearest(done)
        yield from self._left_over(done)

    def _tied(
        self, weights: dict[tuple[int, int], int], place: tuple[int, int], rows: dict[int, int], columns: dict[int, int]
    ) -> set[tuple[int, int]]:
        """The places beside one of the matching that would do as well, and are nobody else's by more points."""
        row, column = place
        points = weights[place]
        holds_many = isinstance(self.local[row].node, Bucket | Queue)
        across = {
            (row, other)
            for other in range(len(self.cloud) if not holds_many else 0)
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

    def _sharing(self, done: set[tuple[int, int]]) -> Iterator[Pair]:
        """Who certainly mirrors what another has taken: two databases of one server, two tasks of one container.

        What is found is added to `done`.
        """
        rows, columns = dict(done), {column: row for row, column in done}
        near: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for place, found in sorted(self.scores.items()):
            least = POSSIBLE if isinstance(self.cloud[place[1]].node, Service) else CERTAIN
            if found.points >= least:
                near.setdefault(("row", place[0]), []).append(place)
                near.setdefault(("column", place[1]), []).append(place)
        for (which, _), places in near.items():
            (row, column), alone = places[0], len(places) == 1
            here, there = self.local[row], self.cloud[column]
            if which == "row":
                shares = row not in rows and isinstance(here.node, Database | Cache | Search)
            else:
                taken = self.cloud[rows[row]] if row in rows else there
                alike = bool(there.repository) and (there.stem, there.repository) == (taken.stem, taken.repository)
                shares = column not in columns and row in rows and alike
            if alone and shares:
                done.add((row, column))
                yield from self._made((row, column), self.scores[row, column], tied=False)

    def _beside(self, done: set[tuple[int, int]]) -> Iterator[Pair]:
        """Local stores that the matching left, of an engine that the cloud has once, for most of the others."""
        rows = {row for row, _ in done}
        for row, here in enumerate(self.local):
            if row in rows or not here.engine or not isinstance(here.node, Database | Cache | Search):
                continue
            columns = [column for column, each in enumerate(self.cloud) if each.engine == here.engine]
            if len(columns) != 1:
                continue
            same = [other for other, each in enumerate(self.local) if each.engine == here.engine]
            there = sum(1 for other in same if (other, columns[0]) in done)
            if there > len(same) // 2:
                found = self.scores.get((row, columns[0]), NOTHING)
                yield from self._made((row, columns[0]), found.plus(POSSIBLE - found.points, _BESIDE), tied=False)

    def _nearest(self, done: set[tuple[int, int]]) -> Iterator[Pair]:
        """Applications that the matching left, with variables and a port in common that neither shares with another.

        Without a port where no other has half as many of the variables; only where neither name tells of anything.

        What is found is added to `done`.
        """
        rows, columns = {row for row, _ in done}, {column for _, column in done}
        free: dict[tuple[int, int], Score] = {}
        for (row, column), found in self.scores.items():
            nodes = self.local[row].node, self.cloud[column].node
            apps = all(isinstance(each, Service) and each.role is Role.APP for each in nodes)
            if apps and row not in rows and column not in columns:
                free[row, column] = found
        of_row, of_column = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        for (row, column), found in free.items():
            of_row[row].append(found.points)
            of_column[column].append(found.points)
        best = [{at: nlargest(2, points) for at, points in each.items()} for each in (of_row, of_column)]
        for place, found in free.items():
            here, there = self.local[place[0]], self.cloud[place[1]]
            common = bool(here.environment & there.environment) and says_little(here) and says_little(there)
            common = common and bool(here.ports & there.ports or _MOST_VARIABLES in found.reasons)
            tops = [nearest[at] for nearest, at in zip(best, place, strict=True)]
            alone_first = all(first == found.points and found.points not in rest for first, *rest in tops)
            if _SHARING <= found.points < POSSIBLE and common and alone_first:
                done.add(place)
                yield from self._made(place, found.plus(POSSIBLE - found.points, _LEFT), tied=False)

    def _left_over(self, done: set[tuple[int, int]]) -> Iterator[Pair]:
        """Stores of the cloud that the matching left: twins of the only local one of their engine, or of one of them.

        Not of those that are settled, which have a certain twin, where nothing but the engine speaks for it, nor of one
        that holds the database of its twin alone.
        """
        paired = {column for _, column in done}
        settled = {place[0] for place in done if self.scores[place].points >= CERTAIN}
        named = {row for row, column in done if self.local[row].database == self.cloud[column].database}
        left = Counter(each.engine for column, each in enumerate(self.cloud) if column not in paired)
        told = {row for (row, _), found in self.scores.items() if found.points >= POSSIBLE}
        for column, each in enumerate(self.cloud):
            if column in paired or not isinstance(each.node, Datastore):
                continue
            if not isinstance(each.node, Database | Cache | Search):
                yield from self._held(column, told if left[each.engine] <= _FEW else set(range(len(self.local))))
                continue
            same = [row for row, one in enumerate(self.local) if one.engine and one.engine == each.engine]
            here = {one.engine for one in self.local}
            same = [row for row in same if row not in named or not holds_another(self.graph, self.local[row], each)]
            if here.isdisjoint(other.engine for other in self.cloud):
                same = list(range(len(self.local)))
            most = max((self._points((row, column)) for row in same), default=0)
            if len(same) > 1 and most < POSSIBLE and settled.issuperset(same):
                continue  # each of them has a twin of its own
            nearest = [row for row in same if self._points((row, column)) == most]
            rest = [row for row in nearest if row not in settled] if most < POSSIBLE else []
            nearest = rest or nearest
            if len(nearest) > _MOST_TIED:
                continue  # a crowd, as above
            for row in nearest:
                reason = _ONLY if len(same) == 1 else _REST
                reason = "one of several that it may be" if len(nearest) > 1 else reason
                found = self.scores.get((row, column), NOTHING)
                sure = max(0, CERTAIN - found.points) if len(same) == 1 or len(rest) == left[each.engine] == 1 else 0
                yield from self._made((row, column), found.plus(sure, reason), tied=len(nearest) > 1)

    def _held(self, column: int, told: set[int]) -> Iterator[Pair]:
        """A queue or bucket, held by the servers that variables tell of it, or by the only one that is `told` none."""
        same = [row for row, one in enumerate(self.local) if one.engine == self.cloud[column].engine != ""]
        for row in range(len(self.local)):
            found = self.scores.get((row, column), NOTHING)
            if same == [row] and found.points and row not in told and not self.local[row].emulates:
                found = found.plus(POSSIBLE - found.points, _HOLDS)
            if found.points >= POSSIBLE:
                yield from self._made((row, column), found, tied=False)

    def _points(self, place: tuple[int, int]) -> int:
        return self.scores.get(place, NOTHING).points

    def _made(self, place: tuple[int, int], found: Score, *, tied: bool) -> Iterator[Pair]:
        """The pairs of all variants of a local node with all instances of one definition of the cloud."""
        for here in self.locals[place[0]]:
            for there in self.clouds[place[1]]:
                certain = found.points >= CERTAIN and not tied
                yield Pair(here.node.id, there.node.id, found.points, found.reasons, certain=certain, tied=tied)

    def unpaired(self, having: set[str], local: Sequence[Features], cloud: Sequence[Features]) -> Iterator[Unpaired]:
        """Who has no twin, each with its nearest candidates of the other side."""
        near: dict[str, list[Candidate]] = {}
        for (row, column), found in self.scores.items():
            one, other = self.local[row].node.id, self.cloud[column].node.id
            near.setdefault(one, []).append(Candidate(other, found.points, found.reasons))
            near.setdefault(other, []).append(Candidate(one, found.points, found.reasons))
        like = [Counter(other.once for other in side) for side in (cloud, local)]
        for each, others in (*((one, like[0]) for one in local), *((one, like[1]) for one in cloud)):
            if each.node.id not in having:
                candidates = [one for one in near.get(each.node.id, ()) if one.score >= _NEAR]
                candidates.sort(key=lambda one: (-one.score, one.node))
                yield Unpaired(each.node.id, tuple(candidates[:_NEAREST]), others[each.once], each.aside)


def _explicit(graph: Graph, config: Config) -> Iterator[Pair]:
    """The pairs that policyengine.yaml names, then those that nodes name themselves."""
    done: set[str] = set()
    for each in config.pairs:
        if config.shared and not (
            named(graph, each.local.text, Side.LOCAL) and named(graph, each.cloud.text, Side.CLOUD)
        ):
            continue  # it is another system's
        local, cloud = _meant(graph, config, each)
        done |= {local.id, cloud.id}
        yield Pair(local.id, cloud.id, 100, ("policyengine.yaml says so",))
    for side, other in ((Side.LOCAL, Side.CLOUD), (Side.CLOUD, Side.LOCAL)):
        for node in graph.all(Node, side=side):
            parity = node.parity if isinstance(node, Service | Datastore) else None
            if not isinstance(parity, Known) or not _open(graph, node, done):
                continue
            fitting = (each for each in named(graph, parity.value, other) if _mirrors(each))
            twins = [each for each in fitting if family(each) == family(node)]
            if twins and _open(graph, twins[0], done):
                done |= {node.id, twins[0].id}
                ids = (node.id, twins[0].id) if side is Side.LOCAL else (twins[0].id, node.id)
                yield Pair(*ids, 100, (f"'{node.name}' names it",))


def _open(graph: Graph, node: Node, done: set[str]) -> bool:
    """Whether a node may still be paired by what nodes say."""
    return _mirrors(node) and node.id not in done and node.id not in graph.ignored


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
            f"{told_at(config, pair.local)}: 'pairs' holds '{pair.local.text}' ({_role(one)}) against "
            f"'{pair.cloud.text}' ({_role(other)}); a pair is of one role"
        )
    if len(fitting) > 1:
        listed = ", ".join(sorted({node.id.partition(":")[2] for couple in fitting for node in couple}))
        raise UsageError(
            f"{told_at(config, pair.local)}: '{pair.local.text}' against '{pair.cloud.text}' fits several nodes; "
            f"name one of {listed}"
        )
    return fitting[0]


def _role(node: Node) -> str:
    """The role that a pair must share where people name it; they may well mean another engine."""
    return "service" if isinstance(node, Service) else type(node).__name__.lower()
