"""The line of policyengine.yaml that names the Compose files of both sides, where names alone leave it open."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from policyengine.knowledge.names import folder_kinds, is_for_tests, speaks_of_development
from policyengine.model.graph import PROJECT
from policyengine.model.nodes import Beside, Service, Side
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.graph import Graph

_PLAIN = regex(r"[\w./-]+")
_MOST = 3
"""So many files are named that may be meant as well."""


def production(graph: Graph) -> str:
    """The line that says what developers and what production start, and in a comment which other files there are.

    It is a proposal: the chain of files that is read is what production starts without what is for development; else
    another file starts some of the same services. Empty where there is no other file.
    """
    files = next((list(each.paths) for each in graph.choices if each.what == PROJECT), [])
    others = [path for _, path in sorted(_others(graph, files))] if files else []
    work = [each for each in others if speaks_of_development(each)]
    if work and not any(map(speaks_of_development, files)):
        canonical, running = _together(graph, files, work[0]), files
    elif len(files) > 1:
        canonical, running = files, files[:1]
    elif plain := [each for each in others if each not in work]:
        canonical, running = files, plain[:1]
    else:
        return ""
    left = [each for each in others if each not in (*canonical, *running)]
    more = f"  # or {', '.join(left[:_MOST])}{' …' if len(left) > _MOST else ''}" if left else ""
    return f"compose: {{canonical: {_written(canonical)}, production: {_written(running)}}}{more}"


def _others(graph: Graph, files: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The other Compose files that start services of the project, or stand beside it for development.

    Those that start the most of them come first.
    """
    names = {each.name.lower() for each in graph.all(Service, side=Side.LOCAL)}
    for each in graph.all(Beside):
        near = posixpath.dirname(each.path) == posixpath.dirname(files[0]) and speaks_of_development(each.path)
        aside = is_for_tests(each.path) or folder_kinds(each.path) or ".devcontainer" in each.path
        if not aside and (near or not names.isdisjoint(each.names)):
            yield -len(names.intersection(each.names)), each.path


def _together(graph: Graph, files: Sequence[str], path: str) -> list[str]:
    """A file for development, on top of the others unless it starts datastores or most services by itself."""
    names = {each.name.lower() for each in graph.all(Service, side=Side.LOCAL)}
    own = next(set(each.names) for each in graph.all(Beside) if each.path == path)
    return [path] if 2 * len(own & names) > len(names) else [*files, path]


def _written(files: Sequence[str]) -> str:
    return f"[{', '.join(each if _PLAIN.fullmatch(each) else json.dumps(each) for each in files)}]"
