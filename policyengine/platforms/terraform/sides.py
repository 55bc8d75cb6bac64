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
        runs = any(_runs(folders, path, set()) for path in paths)
        yield Piece(Side.CLOUD, tuple(paths), common, runs=runs)


def _runs(folders: Mapping[str, ModuleFolder], path: str, done: set[str]) -> bool:
    """Whether a module, or one that it calls, declares something that runs a service."""
    folder = folders.get(path)
    if folder is None or path in done:
        return False
    done.add(path)
    for declared in folder.resources.values():
        known = resource_type(declared.block.label(0)) if declared.block.type == "resource" else None
        if known is not None and known.node == "Service":
            return True
    for declared in folder.modules.values():
        source = _source(declared)
        inner = posixpath.normpath(posixpath.join(path, source)) if source.startswith(".") else None
        known = module_type(source) if inner is None else None
        if known is not None and known.node == "Service":
            return True
        if inner is None and known is None and not makes_nothing(source):
            return True  # nobody here knows what it runs
        if inner is not None and _runs(folders, inner, done):
            return True
    return False


def _source(declared: Declared) -> str:
    """The source of a module call, empty where it is not written out."""
    found = _SOURCE.search(declared.source.text, declared.block.body_start, declared.block.body_end)
    return found[1] if found is not None else ""
