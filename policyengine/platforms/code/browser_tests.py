"""Playwright's configuration as a node: which address its tests open, and whether it starts servers for them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.nodes import BrowserTests, Side
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, arguments, children, inner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from policyengine.repository.files import Files

_FILE = regex(r"(?:.*/)?playwright(?:[.-][\w-]+)*\.config(?:\.[\w-]+)*\.[cm]?[jt]s")
_VARIABLE = regex(r"process\.env(?:\.|\[['\"])(\w+)(?:['\"]\])?")
_ASKED = regex(rf"{_VARIABLE.pattern}(?:\s*(?:\|\||\?\?)\s*{_VARIABLE.pattern})*")
_DEEPEST = 16


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
    use, server = _property(code, given, "use"), _property(code, given, "webServer")
    options = None if use is None else _object(code, use)
    url = None if options is None else _property(code, options, "baseURL")
    place = Span(path, 0, 0)
    found: set[str] = set()
    node = BrowserTests(
        id=f"playwright:{path}",
        name=path,
        side=Side.SOURCE,
        span=place,
        path=path,
        directory=posixpath.dirname(path),
        base_url=Absent(place) if url is None else _text(code, url, found),
        keys=tuple(sorted(found)),
        starts=server is not None and inner(server).type not in ("undefined", "null"),
    )
    return Lowered(nodes=(node,))


def _object(code: Code, node: Node, depth: int = 0) -> Node | None:
    """The object that an expression gives: itself, what a name stands for, or the argument of `defineConfig`."""
    node = inner(node)
    match node.type:
        case "object":
            return node
        case "identifier" | "shorthand_property_identifier" if (
            depth < _DEEPEST and (value := _declared(code, node)) is not None
        ):
            return _object(code, value, depth + 1)
        case "call_expression" if arguments(node):
            return _object(code, arguments(node)[0], depth + 1) if depth < _DEEPEST else None
        case _:
            return None


def _declared(code: Code, node: Node) -> Node | None:
    declared = code.declared.get(code.text(node))
    return declared.child_by_field_name("value") if declared is not None else None


def _property(code: Code, node: Node, name: str) -> Node | None:
    """What an object holds under a name, the last where there are several."""
    found = None
    for each in children(node):
        key = each.child_by_field_name("key")
        if each.type == "pair" and key is not None and (code.key(key) or ("", None))[0] == name:
            found = each.child_by_field_name("value")
        elif each.type == "shorthand_property_identifier" and code.text(each) == name:
            found = each
    return found


def _text(code: Code, node: Node, keys: set[str], depth: int = 0) -> Value[str]:
    """What an expression says where the variables of the environment that it asks first, put in `keys`, are not set."""
    node, span = inner(node), code.span(inner(node))
    plain = code.string(node)
    if plain is not None:
        return Known(*plain)
    if depth < _DEEPEST:
        match node.type:
            case "number":
                return Known(code.text(node), span)
            case "identifier" | "shorthand_property_identifier" if (value := _declared(code, node)) is not None:
                return _text(code, value, keys, depth + 1)
            case "binary_expression" if code.text(node.children[1]) in ("||", "??"):
                asked = _ASKED.fullmatch(code.text(inner(node.children[0])))
                if asked is not None:
                    keys.update(_VARIABLE.findall(asked[0]))
                    return _text(code, node.children[-1], keys, depth + 1)
            case "template_string":
                parts = list(_parts(code, node, keys, depth))
                if all(isinstance(part, str) for part in parts):
                    return Known("".join(map(str, parts)), span)
            case _:
                pass
    return Unknown("an address that code computes", span)


def _parts(code: Code, node: Node, keys: set[str], depth: int) -> Iterator[str | None]:
    for each in node.named_children:
        if each.type != "template_substitution":
            yield code.text(each)
            continue
        value = _text(code, each.named_children[0], keys, depth + 1) if each.named_children else None
        yield value.value if isinstance(value, Known) else None
