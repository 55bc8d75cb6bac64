"""Playwright's configuration as a node: which address its tests open, and whether it starts servers for them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.budget import Budget, Exhausted
from policyengine.model.nodes import BrowserTests, Side
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Absent
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.web_servers import declared, property_of, text_of, web_servers
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, arguments, inner

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyengine.repository.files import Files

_FILE = regex(r"(?:.*/)?playwright(?:[.-][\w-]+)*\.config(?:\.[\w-]+)*\.[cm]?[jt]s")
_DEEPEST = 16
_STEPS = 20_000
"""So many expressions of one configuration are followed."""


def paths(files: Files) -> list[str]:
    """The configurations of Playwright in a tree."""
    return [path for path in files.holding("playwright") if _FILE.fullmatch(path)]


def lower(path: str, files: Files) -> Lowered:
    """One configuration; nothing where it cannot be read, or gives no object."""
    source = files.read(path)
    try:
        code = None if source is None else typescript.read(source)
    except ReadError as error:
        return Lowered(problems=(error,))
    given = None if code is None or not code.default else _object(code, code.default[-1])
    if code is None or given is None:
        return Lowered()
    use = property_of(code, given, "use")
    options = None if use is None else _object(code, use)
    url = None if options is None else property_of(code, options, "baseURL")
    place = Span(path, 0, 0)
    found: set[str] = set()
    budget = Budget(_STEPS)
    try:
        starts, servers = web_servers(code, budget, given, posixpath.dirname(path))
        address = Absent(place) if url is None else text_of(code, budget, url, found)
    except Exhausted as error:
        problem = ReadError(str(error), place)
        return Lowered(problems=(problem,))
    node = BrowserTests(
        id=f"playwright:{path}",
        name=path,
        side=Side.SOURCE,
        span=place,
        path=path,
        directory=posixpath.dirname(path),
        base_url=address,
        keys=tuple(sorted(found)),
        starts=starts,
        servers=servers,
    )
    return Lowered(nodes=(node,))


def _object(code: Code, node: Node, depth: int = 0) -> Node | None:
    """The object that an expression gives: itself, what a name stands for, or the argument of `defineConfig`."""
    node = inner(node)
    match node.type:
        case "object":
            return node
        case "identifier" | "shorthand_property_identifier" if (
            depth < _DEEPEST and (value := declared(code, node)) is not None
        ):
            return _object(code, value, depth + 1)
        case "call_expression" if arguments(node):
            return _object(code, arguments(node)[0], depth + 1) if depth < _DEEPEST else None
        case _:
            return None
