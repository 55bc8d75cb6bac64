"""Which nodes of a side are one, which stands in for another, and which may hold another besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.names import environment, words
from policyengine.model.nodes import Database, Service, Side
from policyengine.model.nodes.container import TASK_FILES
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from policyengine.linking.features import Features
    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node

_MOST_GROUPS = 50


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
