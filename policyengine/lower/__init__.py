"""Lowering: what Docker, Terraform and GitHub make of located values. Graph nodes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyengine.graph import Choice, Edge
    from policyengine.nodes import Node
    from policyengine.source import ReadError


@dataclass(frozen=True, slots=True)
class Lowered:
    """What one lowering step made: nodes, edges between them, what it chose, and what it could not read."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    choices: tuple[Choice, ...] = ()
    problems: tuple[ReadError, ...] = ()
