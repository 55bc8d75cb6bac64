"""A graph of nodes as if they had been read from an empty tree: with what is in force in each container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.api import Compared, Graph
from policyengine.linking.containers import containers
from policyengine.repository.discover import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyengine.api import Node, Outcome, Pair


def linked(*nodes: Node, pairs: tuple[Pair, ...] = ()) -> Graph:
    graph = Graph(nodes, pairs=pairs)
    return graph.equipped(tuple(containers(graph, Tree(Path(), ()))))


def said(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What a rule found and left open, without what it compared."""
    return [each for each in outcomes if not isinstance(each, Compared)]
