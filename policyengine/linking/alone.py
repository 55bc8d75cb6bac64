"""Who is alone with a fact on each side: a kind, a name, the most variables in common; and which nodes are one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.names import environment, words
from policyengine.model.nodes import Database, Service, Side
from policyengine.model.nodes.container import TASK_FILES
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policyengine.linking.evidence import Score
    from policyengine.linking.features import Features
    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node

CROWD = 2_500
"""How many pairs a shared fact may make: one that more nodes share tells none of them from the others."""
ALONE = 60
"""The points of being alone."""
_FEWEST_VARIABLES = 4
"""How many variables two services must have in common at the least, that this may tell them."""
_MOST_GROUPS = 50
_MOST_TASKS = 20
"""So many agents of one name are each the twin of the one that runs locally."""

Groups = dict[Hashable, tuple[list[int], list[int]]]
"""Places of local and of cloud nodes by a fact that they share."""


def grouped(local: Sequence[Hashable], cloud: Sequence[Hashable]) -> Groups:
    """The places of both sides by their facts, but for empty ones."""
    found: Groups = {}
    for which, facts in enumerate((local, cloud)):
        for index, fact in enumerate(facts):
            if fact:
                found.setdefault(fact, ([], []))[which].append(index)
    return found


def lasting(cloud: Sequence[Features]) -> list[int]:
    """The places of what is there for certain and runs all the time; all where nothing does."""
    every = list(range(len(cloud)))
    return [index for index in every if not cloud[index].function and cloud[index].node.doubt is None] or every


def by_name(local: Sequence[Features], cloud: Sequence[Features]) -> Groups:
    """Groups of those of one name, that of a container with or without its task's."""
    stems = [each.stem for each in local]
    places = set()
    for names in ([each.stem for each in cloud], [each.long or each.stem for each in cloud]):
        shared = grouped(stems, names).values()
        places |= {(rows[0], columns[0]) for rows, columns in shared if len(rows) == len(columns) == 1}
    return {place: ([place[0]], [place[1]]) for place in places}


def by_word(local: Sequence[Features], cloud: Sequence[Features]) -> Groups:
    """Groups of those whose names share words that no other name of their side has; of equal names there are others.

    A function does one thing of many, so it takes two words: `api_waf_sync` is not `api`; so do names of which each has
    words of its own: `ai-family` is not `ai-planner`. Agents that stand beside several tasks under one name are one.
    """
    words: Groups = {}
    for which, side in enumerate((local, cloud)):
        for index, each in enumerate(side):
            for word in each.stem:
                words.setdefault(word, ([], []))[which].append(index)
    found: Groups = {}
    for rows, columns in words.values():
        agents = len(columns) <= _MOST_TASKS and all(cloud[column].aside for column in columns)
        one = len({cloud[column].stem for column in columns} if agents else columns)
        if len(rows) != 1 or one != 1:
            continue
        for row, column in ((rows[0], column) for column in columns):
            here, there = local[row], cloud[column]
            part = there.aside or here.stem < there.stem or there.stem < here.stem
            if here.stem != there.stem and len(here.stem & there.stem) > (there.function or not part):
                found[row, column] = ([row], [column])
    return found


def by_variables(local: Sequence[Features], cloud: Sequence[Features], near: Iterable[tuple[int, int]]) -> Groups:
    """Groups of those that have more than twice as many variables in common as either has with any other."""
    most: dict[tuple[str, int], list[int]] = {}
    common = {}
    for row, column in near:
        shared = common[row, column] = len(local[row].environment & cloud[column].environment)
        for side in (("row", row), ("column", column)):
            most[side] = sorted([*most.get(side, (0, 0)), shared])[-2:]
    return {
        (row, column): ([row], [column])
        for (row, column), shared in common.items()
        if shared >= _FEWEST_VARIABLES
        and all(seen[1] == shared and shared > 2 * seen[0] for seen in (most["row", row], most["column", column]))
    }


def alone(scores: dict[tuple[int, int], Score], groups: Groups, reason: str, least: int, points: int = ALONE) -> None:
    """More points for two nodes of `least` points that are each the only one of their group on their side."""
    for rows, columns in groups.values():
        for place in zip(rows, columns, strict=True) if len(rows) == len(columns) == 1 else ():
            if place in scores and scores[place].points >= least:
                scores[place] = scores[place].plus(points, reason)


def together(nodes: Sequence[Features], alike: Callable[[Features, Features], bool]) -> list[list[Features]]:
    """The nodes in groups of those that are alike; only those of one name can be."""
    groups: list[list[Features]] = []
    named_alike: dict[Hashable, list[list[Features]]] = {}
    for each in nodes:
        known = named_alike.setdefault((each.stem, each.long, each.repository, each.engine), [])
        group = next((one for one in known[:_MOST_GROUPS] if alike(one[0], each)), None)
        if group is None:
            group = []
            groups.append(group)
            known.append(group)
        group.append(each)
    return groups


def one_definition(one: Features, other: Features) -> bool:
    """Whether two nodes of the cloud that are named alike are one block, or one thing in several places."""
    if one.node.span == other.node.span:
        return True
    if not isinstance(one.node, Service):
        return bool(one.stem)
    return bool(one.repository) or (one.node.group.startswith(TASK_FILES) and not one.nameless)


def variants(one: Features, other: Features) -> bool:
    """Whether two local services that are named alike are one: for other profiles, or as `app-dev` and `app-prod`."""
    match one.node, other.node:
        case Service() as here, Service() as there:
            meant = {environment_of(here), environment_of(there)}
            told = len(meant) > 1 and meant.isdisjoint({"", "test"}) and one.dockerfile == other.dockerfile != ""
            return here.profiles != there.profiles or told
    return False


def environment_of(service: Node) -> str:
    """The environment that a word of a service's name tells, or an empty text."""
    return next(filter(None, map(environment, words(service.name))), "")


def without_stand_ins(local: Sequence[Features]) -> list[Features]:
    """Local services, of which those aside that stand in for one that is built: `api-dev` of a language's image."""
    built = {each.stem for each in local if isinstance(each.node, Service) and each.node.build is not None}
    return [
        replace(each, aside=True) if each.stem in built and each.stock and environment_of(each.node) else each
        for each in local
    ]


def holds_another(graph: Graph, here: Features, there: Features) -> bool:
    """Whether a local database is told to make one of another name, and no file of the local side speaks of that one.

    A server that is built, or is given scripts to begin with, may hold any number of databases.
    """
    store = here.node
    service = graph.get(Service, store.service) if isinstance(store, Database) else None
    if service is None or not here.database or not there.database or here.database == there.database:
        return False
    if service.build is not None or any(each.kind == "bind" for each in service.mounts):
        return False
    values = (each.value for one in graph.all(Service, side=Side.LOCAL) for each in one.environment)
    return not any(not isinstance(each, Known) or there.database in each.value for each in values)


def candidates(local: Sequence[Features], cloud: Sequence[Features]) -> set[tuple[int, int]]:
    """The places of nodes that share a fact, but for facts that a crowd shares."""
    having: dict[tuple[str, object], tuple[list[int], list[int]]] = {}
    for which, nodes in enumerate((local, cloud)):
        for index, each in enumerate(nodes):
            for fact in each.shared:
                having.setdefault(fact, ([], []))[which].append(index)
    return {
        (row, column)
        for rows, columns in having.values()
        if len(rows) * len(columns) <= CROWD
        for row in rows
        for column in columns
    }
