"""Config modules: the one file of an application that checks its environment when it starts.

Among the files whose names suggest it, those count that really check: a schema that is fed `process.env`, t3-env's
`createEnv`, envalid's `cleanEnv`, or a throw by hand. An application gets one module, its best; further files that
check are named in the module's `gap`. A file that reads the environment without any check has an empty `library`.

An application that takes its check from a package of the same tree gets the variables of what it imports. Applications
in other languages get a module without keys whose `gap` says that their settings are not read.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge import settings, validators
from policyengine.knowledge.languages import endings
from policyengine.model.nodes import ConfigModule, Package
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code import code_reads
from policyengine.platforms.code.config_candidate import Candidate, best, unless_refused
from policyengine.platforms.code.config_languages import application, other_candidates, other_reads
from policyengine.platforms.code.env_reads import purpose
from policyengine.platforms.code.package import set_aside
from policyengine.syntax.typescript import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.nodes import CodeReads
    from policyengine.platforms.code.config_imports import Modules
    from policyengine.repository.files import Files

_MANIFESTS = ("package.json", "deno.json", "deno.jsonc")
_READS = regex(
    r"\b(?:process|meta|Bun|Deno)\s*\??\.\s*env\b|\bProcessEnv\b|\bvalidationSchema\b|\bplainTo(?:Instance|Class)\b"
    r"|\w\(\s*[\"'`][A-Z][A-Z0-9_]*[\"'`]\s*[,)]"  # required("DATABASE_URL"), brought in from elsewhere
)
_ASKS = regex(r"\bprocess\??\.env\b|[cC]onfig(?:Service)?\.get")
_TELLING = ("process.env", "process?.env", "onfig.get", "onfigService.get")
"""What a text holds that `_ASKS` finds something in, each looked for many times faster."""
_ENTRIES = frozenset({"app", "bootstrap", "index", "instrumentation", "layout", "main", "server", "worker"})


def lower(files: Files) -> Lowered:
    """At most one ConfigModule for each folder with a package manifest, with what other files of it read."""
    code = files.ending(*endings("javascript"))
    paths = [path for path in code if settings.may_hold_settings(path) and not set_aside(path)]
    texts = {path: source.text for path in paths if (source := files.read(path)) is not None}
    relevant = [path for path, text in texts.items() if _READS.search(text) or validators.reads_environment(text)]
    nodes: dict[str, ConfigModule] = {}
    if relevant:
        nodes |= _of_node(files, relevant)
    for directory, candidates in other_candidates(files).items():
        own = nodes.get(directory)
        if own is None or not own.library:
            made = best(directory, candidates)
            nodes[directory] = replace(made, programs=_programs(files, made))
    found = (*other_reads(files).items(), *_node_reads(files).items())
    for directory, reads in ((directory, reads) for directory, reads in found if reads):
        own = nodes.get(directory) or Candidate(reads[0].path, directory, "", (), "").module(directory)
        others = tuple(each for each in reads if each.path != own.path or not own.library)
        nodes[directory] = replace(own, reads=(*own.reads, *others))
    return Lowered(nodes=tuple(sorted(nodes.values(), key=lambda node: node.id)))


def _node_reads(files: Files) -> Mapping[str, tuple[CodeReads, ...]]:
    """What the files of each package for Node read, but for tests, scripts and tools."""
    from policyengine.platforms.code import package  # noqa: PLC0415  as in `_of_node`
    from policyengine.platforms.code.config_imports import Modules  # noqa: PLC0415  as above

    manifests = files.named(*_MANIFESTS)
    paths = [path for path in files.ending(*endings("javascript", "jsx")) if manifests and not set_aside(path)]
    reading: dict[str, list[str]] = defaultdict(list)
    for path in paths if len(paths) <= code_reads.MOST else ():
        source = None if path.endswith((".min.js", ".d.ts")) else files.read(path)
        told = source is not None and any(each in source.text for each in _TELLING) and _ASKS.search(source.text)
        if source is not None and told and purpose(path, source.text) not in ("test", "tool"):
            reading[application(path, _MANIFESTS, files)].append(path)
    if not reading:
        return {}
    found = package.packages(files, files.named("package.json")).nodes
    packages = [node for node in found if isinstance(node, Package) and node.ecosystem == "npm"]
    folders = {node.name: node.directory for node in packages if node.directory}
    used = {node.directory: [each.key for each in node.dependencies] for node in packages}
    return code_reads.of_node(files, paths, reading, Modules(files, folders, {}).candidates, used)


def _programs(files: Files, module: ConfigModule) -> tuple[str, ...]:
    """The programs that load a module, where the application is several and not all of them do."""
    if not module.path.endswith(".go"):
        return ()
    from policyengine.platforms.code import go_programs  # noqa: PLC0415  only where there is Go

    return go_programs.users(files, module.directory, module.path)


def _of_node(files: Files, paths: Sequence[str]) -> dict[str, ConfigModule]:
    from policyengine.platforms.code import package  # noqa: PLC0415  only where a file may check
    from policyengine.platforms.code.config_imports import Modules  # noqa: PLC0415  as above

    found = package.packages(files, files.named("package.json")).nodes
    packages = {node.directory: node for node in found if isinstance(node, Package) and node.ecosystem == "npm"}
    modules = Modules(files, {node.name: folder for folder, node in packages.items() if folder}, {})
    by_folder: dict[str, list[Candidate]] = defaultdict(list)
    for path in paths:
        candidate = _candidate(modules, path)
        if candidate is not None:
            by_folder[candidate.directory].append(candidate)
    nodes = {directory: best(directory, candidates) for directory, candidates in sorted(by_folder.items())}
    return nodes | dict(_shared(modules, packages, by_folder))


def _candidate(modules: Modules, path: str) -> Candidate | None:
    from policyengine.platforms.code.config_checks import checked  # noqa: PLC0415  as in `_of_node`

    directory = application(path, _MANIFESTS, modules.files)
    code = modules.code(path)
    if isinstance(code, str):
        return Candidate(path, directory, "", (), f"'{path}' is not read: it {code}")
    found = checked(modules, code)
    asked = [key.span.path for key in found.keys if isinstance(key.required, Known) and key.required.value]
    own = settings.is_plainly_settings(path) or not asked
    if not own and all(application(each, _MANIFESTS, modules.files) != directory for each in asked):
        return None  # another package checks
    named = found.library or found.gap == "validation is switched off"
    server = any(not key.client and key.key not in ("NODE_ENV", "CI") for key in found.keys)
    if not named and not (server and settings.is_plainly_settings(path)):
        return None
    order = int(found.library == "manual")
    keys = unless_refused(found.keys, code.source)
    return Candidate(path, directory, found.library, keys, found.gap, found.bypass, order)


# Modules shared in a monorepo


def _shared(
    modules: Modules, packages: Mapping[str, Package], by_folder: Mapping[str, Sequence[Candidate]]
) -> Iterator[tuple[str, ConfigModule]]:
    """For a package without a check of its own: what it imports of a package that checks."""
    checking = {
        packages[folder].name: [each for each in candidates if each.library]
        for folder, candidates in by_folder.items()
        if folder and folder in packages and any(each.library for each in candidates)
    }
    for folder, package in sorted(packages.items()):
        used = {name for each in package.dependencies if (name := each.key) in checking}
        own = by_folder.get(folder, ())
        if not used or package.name in checking or any(each.library or each.gap for each in own):
            continue
        offered = {each.path: each for name in used for each in checking[name]}
        taken = sorted(_taken(modules, folder, used, offered), key=lambda each: each.rank)
        if taken:
            keys = {key.key: key for each in taken for key in each.keys}
            yield folder, replace(taken[0], keys=tuple(keys.values())).module(folder)
        elif len(offered) == 1 or any(settings.speaks_of_settings(name) for name in used):
            first = min(offered.values(), key=lambda each: each.rank)
            gap = f"the environment is checked in '{first.path}' of a package it depends on"
            yield folder, replace(first, keys=()).module(folder, gap)


def _taken(modules: Modules, folder: str, used: set[str], offered: Mapping[str, Candidate]) -> Iterator[Candidate]:
    """The files with checks that an application imports, each with the variables of what is imported from it."""
    from policyengine.platforms.code.config_checks import checked  # noqa: PLC0415  as in `_of_node`

    paths = [path for path in modules.files.below(folder) if path.endswith(endings("javascript", "jsx"))]
    first = [
        path
        for path in paths
        if PurePosixPath(path).name.partition(".")[0] in _ENTRIES or settings.may_hold_settings(path)
    ]
    wanted = _wanted(modules, first, used, offered) or _wanted(modules, paths, used, offered)
    for path, names in sorted(wanted.items()):
        code = modules.code(path)
        if "*" in names or isinstance(code, str):
            yield offered[path]
        else:
            yield replace(offered[path], keys=checked(modules, code, frozenset(names)).keys)


def _wanted(
    modules: Modules, paths: Sequence[str], used: set[str], offered: Mapping[str, Candidate]
) -> dict[str, set[str]]:
    """What files import of files with checks."""
    from policyengine.platforms.code.config_values import Outside  # noqa: PLC0415  as in `_of_node`

    named = [text for name in used for text in _spelled(modules.packages.get(name, ""), name, offered)]
    wanted: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        source = modules.files.read(path)
        code = modules.code(path) if source is not None and any(text in source.text for text in named) else ""
        origins = [modules.find(code, each, each.name) for each in code.brought()] if isinstance(code, Code) else []
        for origin in origins:
            if not isinstance(origin, Outside) and origin[0].source.path in offered:
                wanted[origin[0].source.path].add(origin[1])
    return wanted


def _spelled(folder: str, name: str, offered: Mapping[str, Candidate]) -> Iterator[str]:
    """How imports of files of a package end, and of the package itself."""
    yield from (f'{name}"', f"{name}'")
    for path in offered:
        inside = path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else ""
        stem = inside.rpartition(".")[0].removesuffix("/index").removeprefix("src/")
        if stem:
            yield from (f"{name}/{stem}", f"{name}/src/{stem}", f"{name}/{stem.rpartition('/')[0] or stem}")
