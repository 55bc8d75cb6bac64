"""Package manifests → what a folder depends on, its scripts and the engines it asks for.

package.json is read whole. Of the manifests of other ecosystems only the names of dependencies are taken, line by
line: enough to tell the ecosystem and whether a library is used.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.names import folder_kinds
from policyengine.model.nodes import Package, Side, Variable
from policyengine.model.source import ReadError
from policyengine.model.value import Absent, Known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.repository.discover import parent
from policyengine.syntax import json
from policyengine.syntax.tree import Mapping as Object
from policyengine.syntax.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

_ASIDE = frozenset({"built", "example", "fixture", "foreign"})
_DEPENDENCY_TABLES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def set_aside(path: str, *, tests: bool = True) -> bool:
    """Whether a path is no part of the application: brought in, built, an example, a fixture, or (`tests`) a test."""
    kinds = folder_kinds(path)
    return not _ASIDE.isdisjoint(kinds) or (tests and "test" in kinds)


def packages(files: Files, paths: Iterable[str]) -> Lowered:
    """A Package node for each of these manifests that is the application's."""
    nodes: list[Package] = []
    problems: list[ReadError] = []
    for path in paths:
        kind = _kind(path)
        if kind is None or set_aside(path, tests=False):
            continue
        source = files.read(path)
        if source is None:
            continue
        if kind.ecosystem == "npm":
            try:
                nodes.append(_npm(source))
            except ReadError as error:
                problems.append(error)
        else:
            nodes.append(_other(source, kind))
    return Lowered(nodes=tuple(nodes), problems=tuple(problems))


def manifests(files: Files) -> Sequence[str]:
    """The paths that may be package manifests by their names, sorted."""
    requirements = (path for path in files.holding("requirements") if path.endswith((".txt", ".in")))
    return sorted({*files.named(*_NAMES), *files.ending(".gemspec", ".csproj", ".fsproj"), *requirements})


_NAMES = (
    "package.json",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "Gemfile",
    "go.mod",
    "composer.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "libs.versions.toml",
    "build.sbt",
    "Cargo.toml",
    "Directory.Packages.props",
    "mix.exs",
)


def is_manifest(path: str) -> bool:
    """Whether a path is a package manifest of the application."""
    return _kind(path) is not None and not set_aside(path, tests=False)


def dependencies(source: Source) -> tuple[Variable, ...]:
    """The dependencies that a manifest names.

    Raises:
        ReadError: a package.json is not valid JSON.
    """
    kind = _kind(source.path)
    if kind is None:
        return ()
    return _npm(source).dependencies if kind.ecosystem == "npm" else tuple(_dependencies(source, kind.syntax))


def scripts(files: Files) -> Mapping[str, Mapping[str, Variable]]:
    """The npm scripts of every package.json that is not brought in, by folder (`""` is the root) and name."""
    found: dict[str, Mapping[str, Variable]] = {}
    for path in files.named("package.json"):
        if not folder_kinds(path).isdisjoint({"built", "foreign"}):
            continue
        source = files.read(path)
        if source is None:
            continue
        try:
            package = _npm(source)
        except ReadError:
            continue  # lower() reports it
        found[parent(path)] = MappingProxyType({script.key: script for script in package.scripts})
    return MappingProxyType(found)


def _npm(source: Source) -> Package:
    document = json.read(source)
    if not isinstance(document, Object):
        raise ReadError("package.json holds no object", document.span, "write an object")
    name = document.get("name")
    named = name if isinstance(name, Scalar) and not name.plain and name.text else None
    return Package(
        id=f"package:{source.path}",
        name=named.text if named else _folder_name(source.path),
        side=Side.SOURCE,
        span=named.span if named else source.span(0, 0),
        path=source.path,
        directory=parent(source.path),
        ecosystem="npm",
        scripts=tuple(_table(document.get("scripts"))),
        dependencies=tuple(each for table in _DEPENDENCY_TABLES for each in _table(document.get(table))),
        engines=tuple(_table(document.get("engines"))),
        workspaces=document.get("workspaces") is not None,
    )


def _table(document: Document | None) -> Iterator[Variable]:
    """The string members of an object."""
    for key, value in document.entries if isinstance(document, Object) else ():
        if isinstance(value, Scalar) and not value.plain:
            yield Variable(key.text, key.span, Known(value.text, value.span))


def _folder_name(path: str) -> str:
    return PurePosixPath(path).parent.name or PurePosixPath(path).name


class _Kind(NamedTuple):
    """What a manifest's file name tells: the ecosystem, and how its dependencies are written."""

    ecosystem: str
    syntax: str


_KINDS = (
    (regex(r"package\.json"), _Kind("npm", "json")),
    (regex(r"pyproject\.toml|Pipfile"), _Kind("python", "toml")),
    (regex(r"(?:[\w.-]*[-_.])?requirements(?:[-_.][\w.-]*)?\.(?:txt|in)"), _Kind("python", "requirements")),
    (regex(r"setup\.(?:py|cfg)"), _Kind("python", "setup")),
    (regex(r"Gemfile|[\w-]+\.gemspec"), _Kind("ruby", "gem")),
    (regex(r"go\.mod"), _Kind("go", "go")),
    (regex(r"composer\.json"), _Kind("php", "composer")),
    (regex(r"pom\.xml"), _Kind("java", "maven")),
    (regex(r"build\.gradle(?:\.kts)?|libs\.versions\.toml"), _Kind("java", "gradle")),
    (regex(r"build\.sbt"), _Kind("java", "sbt")),
    (regex(r"Cargo\.toml"), _Kind("rust", "toml")),
    (regex(r"[\w.-]+\.(?:cs|fs)proj|Directory\.Packages\.props"), _Kind("dotnet", "msbuild")),
    (regex(r"mix\.exs"), _Kind("elixir", "mix")),
)


def _kind(path: str) -> _Kind | None:
    name = PurePosixPath(path).name
    for pattern, kind in _KINDS:
        if pattern.fullmatch(name):
            return kind
    if name.endswith(".txt") and PurePosixPath(path).parent.name == "requirements":
        return _Kind("python", "requirements")
    return None


def _other(source: Source, kind: _Kind) -> Package:
    pattern = _OWN_NAMES.get(kind.syntax)
    match = pattern.search(source.text) if pattern else None
    return Package(
        id=f"package:{source.path}",
        name=match[1] if match else _folder_name(source.path),
        side=Side.SOURCE,
        span=source.span(*match.span(1)) if match else source.span(0, 0),
        path=source.path,
        directory=parent(source.path),
        ecosystem=kind.ecosystem,
        dependencies=tuple(_dependencies(source, kind.syntax)),
        engines=tuple(_go(source)) if kind.ecosystem == "go" else (),
    )


_GO = regex(r"^(go)[ \t]+(\d{1,4}(?:\.\d{1,4}){0,2})\b", re.MULTILINE)
"""The least release of Go that a module asks for (Go Modules Reference, `go` directive)."""


def _go(source: Source) -> Iterator[Variable]:
    for found in _GO.finditer(source.text):
        span = source.span(*found.span(2))
        yield Variable(found[1], source.span(*found.span(1)), Known(found[2], span))


_OWN_NAMES = MappingProxyType(
    {
        "toml": regex(r"^name[ \t]*=[ \t]*[\"']([^\"'\n]+)[\"']", re.MULTILINE),
        "go": regex(r"^module[ \t]+(\S+)", re.MULTILINE),
        "composer": regex(r'"name"\s*:\s*"([^"\\\n]+)"'),
    }
)

_LINES = MappingProxyType(
    {
        "requirements": regex(r"^[ \t]*([A-Za-z0-9][\w.-]*)(?=[ \t]*(?:$|[\[=<>!~;@,#\r]))", re.MULTILINE),
        "setup": regex(
            r"[\"'\n][ \t]*([A-Za-z][\w.-]*)(?:\[[^\]\n]*\])?[ \t]*(?:[<>!~]=?|==|(?=[\"']))[^\"'\n]*(?=[\"'\n])"
        ),
        "gem": regex(r"^[ \t]*(?:gem|\w+\.add(?:_\w+)?_dependency)[ \t(]+[\"']([^\"'\n]+)[\"']", re.MULTILINE),
        "go": regex(r"^(?:require[ \t]+|[ \t]+)([\w.-]+\.[\w.-]+/\S+)[ \t]+v[\w.+-]+", re.MULTILINE),
        "composer": regex(r'"([a-z0-9][\w.-]*/[\w.-]+)"\s*:\s*"'),
        "maven": regex(r"<artifactId>\s*([\w.-]+)\s*</artifactId>"),
        "gradle": regex(r"[\"']([\w.-]+:[\w.-]+)(?::[^\"'\n]*)?[\"']|\bid[ \t(]+[\"']([\w.-]+)[\"']"),
        "sbt": regex(r"\"[\w.-]+\"[ \t]*%%?%?[ \t]*\"([\w.-]+)\""),
        "msbuild": regex(r"<Package(?:Reference|Version)\b[^<>\n]{0,300}?\bInclude=\"([^\"\n]+)\""),
        "mix": regex(r"^[ \t]*\[?\{:(\w+),", re.MULTILINE),
    }
)
_TOML_HEADER = regex(r"^[ \t]*\[\[?[ \t]*([^\]\n]+?)[ \t]*\]\]?[ \t]*(?:#.*)?$", re.MULTILINE)
_TOML_KEY = regex(r"^[ \t]*[\"']?([A-Za-z0-9][\w.-]*)[\"']?[ \t]*=", re.MULTILINE)
_TOML_LIST = regex(r"^[ \t]*[\"']?[\w.-]+[\"']?[ \t]*=[ \t]*\[", re.MULTILINE)
_TOML_ITEM = regex(r"#[^\n]*|\]|([\"'])[ \t]*([A-Za-z0-9][\w.-]*)[^\"'\n]*(?:[\"'][^\"'\n\],]*)*?\1|([\"'])[^\n]*?\3")
_TABLE_OF_NAMES = regex(
    r"(?:tool\.poetry(?:\.group\.[\w-]+)?\.(?:dev-)?dependencies|packages|dev-packages"
    r"|(?:target\.[^\n]+\.)?(?:dev-|build-)?dependencies|workspace\.dependencies)"
)
_TABLE_OF_LISTS = regex(r"project\.optional-dependencies|dependency-groups|tool\.uv")
_TOML_SUBTABLE = regex(r"(?:workspace\.)?(?:dev-|build-)?dependencies\.([\w-]+)")


def _dependencies(source: Source, syntax: str) -> Iterator[Variable]:
    if syntax == "toml":
        yield from _toml(source)
        return
    pattern = _LINES.get(syntax)
    for match in pattern.finditer(source.text) if pattern else ():
        yield _dependency(source, match.start(match.lastindex or 1), match.end(match.lastindex or 1))


def _dependency(source: Source, start: int, end: int) -> Variable:
    span = source.span(start, end)
    return Variable(source.text[start:end], span, Absent(span))


def _toml(source: Source) -> Iterator[Variable]:
    """The dependencies of pyproject.toml, Pipfile and Cargo.toml, by their tables."""
    text = source.text
    headers = [(match[1], match.start(1), match.end()) for match in _TOML_HEADER.finditer(text)]
    ends = [start for _, start, _ in headers[1:]] + [len(text)]
    for (name, name_start, start), end in zip(headers, ends if headers else [], strict=True):
        if subtable := _TOML_SUBTABLE.fullmatch(name):
            yield _dependency(source, name_start + subtable.start(1), name_start + subtable.end(1))
        elif _TABLE_OF_NAMES.fullmatch(name):
            for match in _TOML_KEY.finditer(text, start, end):
                yield _dependency(source, *match.span(1))
        elif name in ("project", "tool.pdm.dev-dependencies") or _TABLE_OF_LISTS.fullmatch(name):
            at = start
            while listed := _TOML_LIST.search(text, at, end):
                wanted = name != "project" or listed[0].split("=")[0].strip() == "dependencies"
                at = listed.end()
                while item := _TOML_ITEM.search(text, at, end):
                    at = item.end()
                    if item[0] == "]":
                        break
                    if wanted and item[2]:
                        yield _dependency(source, *item.span(2))
                else:
                    break
