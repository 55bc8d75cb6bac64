"""Which blocks must be parsed: those of the resources that make nodes, and all that their texts name, to any depth.

It is found from the unparsed texts, a little too much rather than too little, so that the blocks can be parsed in
parallel before they are evaluated. What it misses is parsed when it is asked for.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.source import Source
    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder
    from policyengine.platforms.terraform.workspace.reach import Reach
    from policyengine.syntax.hcl import RawAttribute, RawBlock

_NAME = regex(r"(?<![\w.-])(?:data\.)?([A-Za-z_][\w-]*)\.([A-Za-z_][\w-]*)(?:(?:\[[^\]\n]*\])?\.([A-Za-z_][\w-]*))?")
_SOURCE = regex(r'\bsource"?\s*[=:]\s*"(\.{1,2}(?:/[^"$]*)?)"')


def closure(reaches: Iterable[Reach], kinds: frozenset[str]) -> Iterator[tuple[Source, RawBlock | RawAttribute]]:
    """The blocks and local values that their interesting resources need, each once."""
    seen: set[tuple[str, int]] = set()
    for reach in reaches:
        for source, raw in _of(reach, kinds):
            key = (source.path, raw.start)
            if key not in seen:
                seen.add(key)
                yield source, raw


_REMOTE = regex(r"rds|aurora|elasticache|redis|postgres|ecs|ecr|sqs|s3|secret|container|opensearch|database|db")


def telling(reach: Reach, folder: ModuleFolder, kinds: frozenset[str]) -> frozenset[str]:
    """The directories that declare resources of these types, or call a module that may, to any depth."""
    calls: dict[str, set[str]] = {}
    found: set[str] = set()
    queue = [folder]
    while queue:
        current = queue.pop()
        if current.path in calls:
            continue
        calls[current.path] = set()
        if any(kind in kinds or (mode == "data" and f"data.{kind}" in kinds) for mode, kind, _ in current.resources):
            found.add(current.path)
        for declared in current.modules.values():
            inner = called(reach, current, declared)
            if inner is not None:
                calls[current.path].add(inner.path)
                queue.append(inner)
            elif _REMOTE.search(declared.source.text, declared.block.body_start, declared.block.body_end):
                found.add(current.path)
    while True:
        more = {path for path, inner in calls.items() if path not in found and inner & found}
        if not more:
            return frozenset(found)
        found |= more


def called(reach: Reach, folder: ModuleFolder, declared: Declared) -> ModuleFolder | None:
    """The directory in the repository that a module call names, or None."""
    return _called(reach, folder, declared.source, declared.block)


def _of(reach: Reach, kinds: frozenset[str]) -> Iterator[tuple[Source, RawBlock | RawAttribute]]:
    queue: list[tuple[ModuleFolder, Source, RawBlock | RawAttribute]] = []
    visited: set[str] = set()
    folders = [reach.folder]
    useful = telling(reach, reach.folder, kinds)
    while folders:
        folder = folders.pop()
        if folder.path in visited:
            continue
        visited.add(folder.path)
        for (mode, kind, _), declared in folder.resources.items():
            if kind in kinds or (mode == "data" and f"data.{kind}" in kinds):
                queue.append((folder, declared.source, declared.block))
        for declared in folder.modules.values():
            inner = called(reach, folder, declared)
            if inner is None or inner.path in useful:
                queue.append((folder, declared.source, declared.block))
            if inner is not None and inner.path in useful:
                folders.append(inner)
    done: set[tuple[str, int]] = set()
    while queue:
        folder, source, raw = queue.pop()
        if (source.path, raw.start) in done:
            continue
        done.add((source.path, raw.start))
        yield source, raw
        queue.extend(_named(reach, folder, source.text[raw.start : raw.end]))


def _called(reach: Reach, folder: ModuleFolder, source: Source, block: RawBlock) -> ModuleFolder | None:
    match = _SOURCE.search(source.text, block.body_start, block.body_end)
    if match is None:
        return reach.installed_folder(folder, block.label(0)) if reach.installed else None
    path = posixpath.normpath(posixpath.join(folder.path, match[1]))
    return reach.open_folder("" if path == "." else path)


def _named(
    reach: Reach, folder: ModuleFolder, text: str
) -> Iterator[tuple[ModuleFolder, Source, RawBlock | RawAttribute]]:
    for match in _NAME.finditer(text):
        first, second, third = match.groups()
        match first:
            case "var":
                declared = folder.variables.get(second)
            case "local":
                value = folder.locals.get(second)
                if value is not None:
                    yield folder, value.source, value.attribute
                continue
            case "module":
                declared = folder.modules.get(second)
                if declared is not None and third:
                    inner = _called(reach, folder, declared.source, declared.block)
                    output = inner.outputs.get(third) if inner is not None else None
                    if inner is not None and output is not None:
                        yield inner, output.source, output.block
            case _:
                mode = "data" if match[0].startswith("data.") else "resource"
                declared = folder.resources.get((mode, first, second))
        if declared is not None:
            yield folder, declared.source, declared.block
