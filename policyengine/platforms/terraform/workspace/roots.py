"""Finds the root modules of a tree, and the environment and variable files that stand for production."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct

from policyengine.knowledge.names import distance_to_production, environment, environment_words, is_foundation
from policyengine.model.graph import Choice
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.platforms import Settings
    from policyengine.platforms.terraform.part import TerraformPart
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder

_WORD = regex(r"[^a-z0-9]+")
_ASIDE = regex(r"(?:^|/)(?:examples?|tests?|fixtures?|samples?|test-fixtures|\.github|bootstrap|tutorials?)(?:/|$)")


class Root(Struct, frozen=True):
    """A root module that is read, with the files of variables it is applied with, in order."""

    path: str
    var_files: tuple[str, ...]


def environment_of(text: str) -> str:
    """The environment that a name tells (`prod`, `staging` …), or an empty string."""
    words = _WORD.split(text.lower())
    return next((word for word in words if distance_to_production(environment(word)) is not None), "")


def _same(word: str, wanted: str) -> bool:
    if word == wanted.lower():
        return True
    return environment(word) != "" and environment(word) == environment(wanted.lower())


def find_roots(
    folders: Mapping[str, ModuleFolder],
    called: frozenset[str],
    paths: Sequence[str],
    settings: Settings[TerraformPart],
    exists: Callable[[str], bool],
) -> tuple[list[Root], list[Choice]]:
    """The root modules to read, each with its variable files, and what was chosen.

    `paths` are the files of variable values; `exists` tells of any path whether there is such a file.
    """
    choices: list[Choice] = []
    wanted = settings.environment or "prod"
    root = settings.part.root
    if root is not UNSET:
        named = [root] if isinstance(root, str) else root
        normal = (posixpath.normpath(each.strip("/") or ".") for each in named)
        chosen = ["" if each == "." else each for each in normal]
    else:
        found = candidates(folders, called)
        if settings.pieces is not None:
            found = [path for path in found if path in settings.pieces]
        chosen, told = _one_environment(found, wanted)
        choices.extend(told)
    roots: list[Root] = []
    for path in chosen:
        if settings.part.var_files:
            files = tuple(_configured(path, each, exists) for each in settings.part.var_files)
            roots.append(Root(path, tuple(file for file in files if file)))
            continue
        file, reason = own_variable_file(path, paths, wanted)
        if file:
            choices.append(Choice("Terraform variables", file, reason))
        roots.append(Root(path, (file,) if file else ()))
    if root is UNSET:
        choices.extend(Choice("Terraform root", path or ".", _why(path)) for path in chosen)
        others = (path for path in folders if path not in called and _declares(folders[path]) and _ASIDE.search(path))
        choices.extend(Choice("Terraform left out", path, _LEFT_OUT) for path in sorted(set(others) - set(chosen)))
    return roots, choices


_LEFT_OUT = "for examples, tests or the first set-up; set terraform.root for it"


def _why(path: str) -> str:
    """Why a directory is read as a root module."""
    return "what all systems stand on" if is_foundation(path) else "it is called by no other module"


def candidates(folders: Mapping[str, ModuleFolder], called: frozenset[str]) -> list[str]:
    """The directories that seem to be applied by themselves, in whatever environment."""
    free = [path for path in sorted(folders) if path not in called and _declares(folders[path])]
    serious = [path for path in free if folders[path].is_root_like and not _ASIDE.search(path)]
    if serious:
        # A directory without a backend or provider that nothing calls is a module on its own, or is applied by hand.
        others = [path for path in free if path not in serious and not _ASIDE.search(path) and not _is_module(path)]
        return sorted([*serious, *others])
    rest = [path for path in free if not _ASIDE.search(path) and not _is_module(path)]
    return rest or [path for path in free if not _ASIDE.search(path)] or free


def _declares(folder: ModuleFolder) -> bool:
    return bool(folder.resources or folder.modules)


def _is_module(path: str) -> bool:
    return re.search(r"(?:^|/)modules?(?:/|$)", path) is not None


def by_environment(candidates: Iterable[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The directories that name no environment, and the others with theirs, in groups that differ in nothing else."""
    groups: dict[str, dict[str, str]] = {}
    kept: list[str] = []
    for path in candidates:
        parts = path.split("/")
        at = _environment_part(parts)
        if at is None:
            kept.append(path)
        else:
            key = "/".join([*parts[:at], "*", *parts[at + 1 :]])
            groups.setdefault(key, {})[path] = environment_of(parts[at])
    return kept, groups


def _one_environment(candidates: Iterable[str], wanted: str) -> tuple[list[str], list[Choice]]:
    """Of directories that differ only in the environment, the one wanted, or the one nearest to production."""
    kept, groups = by_environment(candidates)
    choices: list[Choice] = []
    for members in groups.values():
        chosen, reason = choose_environment(members, wanted)
        kept.append(chosen)
        if len(members) > 1:
            choices.append(Choice("environment", chosen, reason))
    return sorted(kept), choices


def _environment_part(parts: Sequence[str]) -> int | None:
    """Which part of a path names the environment. `live` is also what a folder of all environments is called."""
    found = [index for index, part in enumerate(parts) if environment_of(part)]
    return next((index for index in found if environment_of(parts[index]) != "live"), found[0] if found else None)


def choose_environment(members: Mapping[str, str], wanted: str) -> tuple[str, str]:
    """Of paths by the environment that each names, the wanted one or the one nearest to production, and why."""
    for path, named in sorted(members.items()):
        if _same(named, wanted):
            return path, f"it is named after the environment {wanted!r}"
    nearest = min(sorted(members), key=lambda path: distance_to_production(environment(members[path])) or 0)
    return nearest, f"there is no {wanted!r}, and {members[nearest]!r} is nearest to production"


def nearest(paths: Sequence[str], wanted: str) -> str:
    """Of paths that name environments, the wanted one or the one nearest to production; else the first."""
    named: dict[str, str] = {}
    for path in sorted(paths):
        parts = path.split("/")
        at = _environment_part(parts)
        if at is not None:
            named[path] = environment_of(parts[at])
    return choose_environment(named, wanted)[0] if named else min(paths)


_VAR_FOLDERS = regex(
    r"^(?:\.{0,2}/?)?(?:environments?|envs?|vars?|variables?|tfvars|configs?|workspaces?|settings)(?:/|$)"
)


def own_variable_file(root: str, paths: Sequence[str], wanted: str) -> tuple[str, str]:
    """The variable file of the wanted environment, and why; empty where there is none to choose."""
    prefix = f"{root}/" if root else ""
    found: dict[str, str] = {}
    for path in paths:
        if not path.endswith((".tfvars", ".tfvars.json")) or not path.startswith(prefix):
            continue
        inner = path[len(prefix) :]
        name = PurePosixPath(inner).name
        if name.startswith("terraform.tfvars") and "/" not in inner:
            continue
        if name.endswith((".auto.tfvars", ".auto.tfvars.json")):
            continue
        if "/" in inner and not (_VAR_FOLDERS.match(inner) or environment_of(inner)):
            continue
        environment = environment_of(inner.removesuffix(".json").removesuffix(".tfvars"))
        if environment:
            found[path] = environment
    if not found:
        return "", ""
    chosen, reason = choose_environment(found, wanted)
    return chosen, reason


def _configured(root: str, file: str, exists: Callable[[str], bool]) -> str:
    """A configured variable file: relative to the root module, or to the root of the tree."""
    for path in (f"{root}/{file}" if root else file, file):
        if exists(path):
            return path
    return ""


def workspace_of(words: frozenset[str], settings: Settings[TerraformPart]) -> str:
    """The environment's name as the files spell it, of the words for production in them; or as configured."""
    if settings.part.workspace:
        return settings.part.workspace
    alike = (settings.environment, *environment_words("prod")) if _same(settings.environment or "prod", "prod") else ()
    return next((word for word in alike if word in words), settings.environment or "default")
