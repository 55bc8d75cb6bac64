"""Who is alone with a fact on each side: the only one of a kind, of a name, with the most variables in common."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.linking.evidence import Score
    from policyengine.linking.features import Features

CROWD = 2_500
"""How many pairs a shared fact may make: one that more nodes share tells none of them from the others."""
ALONE = 60
"""The points of being alone."""
_FEWEST_VARIABLES = 4
"""How many variables two services must have in common at the least, that this may tell them."""
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
