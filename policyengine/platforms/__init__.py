"""Lowering: what Docker, Terraform and GitHub make of located values. Graph nodes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from policyengine.model.graph import Choice, Edge
    from policyengine.model.nodes import Node
    from policyengine.model.source import ReadError


class Lowered(Struct, frozen=True):
    """What one lowering step made: nodes, edges between them, what it chose, and what it could not read."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    choices: tuple[Choice, ...] = ()
    problems: tuple[ReadError, ...] = ()
