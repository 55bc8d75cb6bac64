"""What of a tree's root modules may be the cloud side of a system, told by their declarations alone."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_resources import makes_nothing, module_type, resource_type
from policyengine.model.nodes import Side
from policyengine.patterns import regex
from policyengine.platforms import Piece
from policyengine.platforms.terraform.workspace.roots import by_environment, candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder

_SOURCE = regex(r'\bsource"?\s*[=:]\s*"([^"$]*)"')


def pieces(folders: Mapping[str, ModuleFolder], called: frozenset[str]) -> Iterator[Piece]:
    """The root modules, those that differ in the environment only as one."""
    kept, groups = by_environment(candidates(folders, called))
    for paths in [[path] for path in kept] + [sorted(each) for each in groups.values()]:
        common = posixpath.commonpath([f"/{path}" for path in paths])[1:]
        known = {each for path in paths for each in _running(folders, path, set())}
        yield Piece(Side.CLOUD, tuple(paths), common, runs=bool(known), sure=True in known)


def _running(folders: Mapping[str, ModuleFolder], path: str, done: set[str]) -> Iterator[bool]:
    """For each thing that runs a service, declared by a module or one that it calls: whether it does for certain."""
    folder = folders.get(path)
    if folder is None or path in done:
        return
    done.add(path)
    for declared in folder.resources.values():
        known = resource_type(declared.block.label(0)) if declared.block.type == "resource" else None
        if known is not None and known.node == "Service":
            yield True
    for declared in folder.modules.values():
        source = _source(declared)
        if source.startswith("."):
            yield from _running(folders, posixpath.normpath(posixpath.join(path, source)), done)
        elif (known := module_type(source)) is not None:
            yield from [True] if known.node == "Service" else []
        elif not makes_nothing(source):
            yield False  # nobody here knows what it runs


def _source(declared: Declared) -> str:
    """The source of a module call, empty where it is not written out."""
    found = _SOURCE.search(declared.source.text, declared.block.body_start, declared.block.body_end)
    return found[1] if found is not None else ""
