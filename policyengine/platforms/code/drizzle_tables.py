"""The tables that a drizzle schema declares: `export const users = pgTable("users", { … })`."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.ignoring import compile_patterns
from policyengine.model.nodes import SchemaTable, TableColumn
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.repository.discover import parent
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, arguments, children, inner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tree_sitter import Node

    from policyengine.repository.files import Files

_CONFIG = regex(r"(?:^|/)drizzle[\w.-]*\.[cm]?[jt]s$")
_TABLE = regex(r"(?:pg|mysql|sqlite|singlestore|gel)Table")
_MADE = regex(r"\b(?:pgTableCreator|mysqlTableCreator|sqliteTableCreator|pgSchema|mysqlSchema)\b")
_MOST_FILES = 1_000
"""A schema has fewer files."""
_HANDED = regex(r"^export\s+(?:\*|\{[^}]{0,5000}\})\s+from\s+[\"'](\.[^\"']+)[\"']", re.MULTILINE)
_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])")


class Declared(Struct, frozen=True):
    """The tables of one configuration of drizzle, and why there may be others."""

    tables: tuple[SchemaTable, ...]
    gap: Unknown | None


def tables(files: Files, directories: Collection[str]) -> dict[str, Declared]:
    """The tables whose migrations these folders hold, by folder, for each that a configuration names."""
    found: dict[str, Declared] = {}
    for path in files.holding("drizzle"):
        source = files.read(path) if _CONFIG.search(path) else None
        if source is None or "schema" not in source.text:
            continue
        try:
            code = typescript.read(source)
        except ReadError:
            continue
        told = {
            key[0]: pair.named_children[-1] for pair in code.walk("pair") if (key := code.key(pair.named_children[0]))
        }
        out = code.string(inner(told["out"])) if "out" in told else ("drizzle", source.span(0, 0))
        if out is None or "schema" not in told:
            continue
        directory = _joined(parent(path), out[0])
        if directory in directories and directory not in found:
            found[directory] = _declared(files, code, told, parent(path))
    return found


def _declared(files: Files, code: Code, told: Mapping[str, Node], folder: str) -> Declared:
    """The tables of the files that a configuration in a folder names."""
    named = inner(told["schema"])
    every = [code.string(inner(each)) for each in (children(named) if named.type == "array" else [named])]
    casing = code.string(inner(told["casing"])) if "casing" in told else None
    written = [each[0] for each in every if each]
    paths: list[str] | None = None
    if None not in every:
        wild = any("*" in each for each in written)
        paths = _of_pattern(files, folder, written) if wild else [_joined(folder, each) for each in written]
    if paths is None:
        return Declared((), Unknown("which files hold the schema is computed, or a pattern", code.span(named)))
    made: list[SchemaTable] = []
    reason: Unknown | None = None
    for each in _files(files, paths):
        more, unsure = _tables(files, each, snake=casing is not None and casing[0] == "snake_case")
        made.extend(more)
        reason = reason or unsure
    return Declared(tuple(made), reason)


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _of_pattern(files: Files, folder: str, patterns: list[str]) -> list[str] | None:
    """The files that patterns as `./src/**/*.sql.ts` name."""
    found: list[str] = []
    for pattern in patterns:
        whole = _joined(folder, pattern)
        if any(mark in whole for mark in "{[!("):
            return None
        inside = files.below(posixpath.dirname(whole.partition("*")[0]))
        code = [path for path in inside if path.endswith((".ts", ".mts", ".js"))]
        meant = compile_patterns([f"/{whole}"])
        found += [path for path in code if meant.verdict(path)]
    return found


def _files(files: Files, paths: list[str]) -> Iterator[str]:
    """The files of a schema, with those that they hand on."""
    waiting, seen = list(paths), set[str]()
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        choices = (path, f"{path}.ts", f"{path}/index.ts", f"{path.removesuffix('.js')}.ts", f"{path}.js")
        found = next((each for each in choices if files.exists(each)), None)
        source = files.read(found) if found is not None else None
        if found is None or source is None:
            waiting += [each for each in files.below(path) if each.endswith(".ts") and parent(each) == path]
            continue
        if found == path or found not in seen:
            seen.add(found)
            yield found
            waiting += [_joined(parent(found), each) for each in _HANDED.findall(source.text)]


def _tables(files: Files, path: str, *, snake: bool) -> tuple[list[SchemaTable], Unknown | None]:
    """The tables that a file declares, and why there may be others."""
    source = files.read(path)
    if source is None or "Table" not in source.text:
        return [], None
    try:
        code = typescript.read(source)
    except ReadError:
        return [], Unknown("the schema cannot be read", Span(path, 0, 0))
    made = _MADE.search(source.text)
    gap = None if made is None else Unknown("names of tables are computed", source.span(*made.span()))
    found = []
    for call in code.walk("call_expression"):
        if not _TABLE.fullmatch(code.text(call.children[0])):
            continue
        given = arguments(call)
        name = code.string(given[0]) if given else None
        if name is None:
            gap = gap or Unknown("names of tables are computed", code.span(call))
            continue
        columns, loose = _columns(code, inner(given[1]), snake=snake) if len(given) > 1 else ([], True)
        found.append(SchemaTable(name[0], name[1], tuple(columns), loose))
    return found, gap


def _columns(code: Code, node: Node, *, snake: bool) -> tuple[list[TableColumn], bool]:
    """The columns of a table, and whether there may be more."""
    if node.type != "object":
        return [], True
    found, loose = [], False
    for each in children(node):
        key = code.key(each.named_children[0]) if each.type == "pair" else None
        call = _first(each.named_children[-1]) if key is not None else None
        if key is None or call is None:
            loose = True
            continue
        given = arguments(call)
        told = code.string(given[0]) if given else None
        name = told[0] if told is not None else _HUMP.sub("_", key[0]).lower() if snake else key[0]
        found.append(TableColumn(name, key[1]))
    return found, loose


def _first(node: Node) -> Node | None:
    """The innermost call of a chain: `text("name")` of `text("name").notNull()`."""
    node = inner(node)
    while node.type == "call_expression":
        callee = node.children[0]
        holder = callee.child_by_field_name("object") if callee.type == "member_expression" else None
        if holder is None:
            return node
        if inner(holder).type != "call_expression":
            return node
        node = inner(holder)
    return None
