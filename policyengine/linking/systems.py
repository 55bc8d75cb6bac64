"""Which systems a repository holds: parts with a local and a cloud side of their own, each compared on its own."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.names import folder_kinds
from policyengine.model.nodes import Datastore, Service, Side, Stage, Workflow
from policyengine.repository.discover import CONFIGURATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.graph import Graph
    from policyengine.repository.discover import Tree

_WORKFLOWS = "/.github/workflows/"


class System(Struct, frozen=True):
    """One of several systems of a repository.

    `own` are the folders and files that no other system reads; what is nobody's own is read by all. One that stands
    `apart` is a repository within the repository: its only folder is read as if it were scanned alone.
    """

    name: str
    own: tuple[str, ...] = ()
    apart: bool = False

    def holds(self, path: str) -> bool:
        """Whether a file is its own."""
        return any(path == each or path.startswith(f"{each}/") for each in self.own)


def systems(tree: Tree) -> tuple[System, ...]:
    """The systems of a tree by their names; none where it is one system."""
    folders = _repositories(tree)
    found = [System(each, (each,), apart=True) for each in folders]
    if any(not any(each.holds(path) for each in found) for path in tree.ending(".tf", ".yml", ".yaml")):
        found.insert(0, System("."))
    return tuple(found) if len(found) > 1 else ()


def seen_by(system: System, others: Sequence[System], tree: Tree) -> Tree:
    """The files that a system is made of: its own, and those that are nobody's own."""
    if system.apart:
        return tree.inside(system.own[0])
    return tree.only(lambda path: system.holds(path) or not any(each.holds(path) for each in others))


def is_sided(graph: Graph) -> bool:
    """Whether something runs in a system, on either side."""
    return any(node.side in (Side.LOCAL, Side.CLOUD) and isinstance(node, Service | Datastore) for node in graph.nodes)


def stands_for_something(graph: Graph) -> bool:
    """Whether a graph holds more than files about files."""
    return any(isinstance(node, Service | Datastore | Workflow | Stage) for node in graph.nodes)


def _repositories(tree: Tree) -> Iterator[str]:
    """The folders that are repositories of their own: with a configuration, or with workflows and both sides."""
    configured = {posixpath.dirname(path) for path in tree.named(*CONFIGURATIONS)}
    working = {path.rpartition(_WORKFLOWS)[0] for path in tree.holding(_WORKFLOWS)}
    root = bool(tree.below(_WORKFLOWS.strip("/")))
    former = "\0"
    for folder in sorted(configured | working, key=lambda each: f"{each}/"):
        if not folder or folder_kinds(f"{folder}/") or folder.startswith(f"{former}/"):
            continue
        below = tree.below(folder)
        sides = {path.rpartition(".")[2] for path in below} >= {"tf"} and any("compose" in path for path in below)
        if (folder in working and sides) or (folder in configured and not root):
            former = folder
            yield folder
