"""The repository's own files about files: env files, .gitignore and .dockerignore."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.nodes import EnvironmentFile, IgnoreFile, Node, Side
from policyengine.patterns import regex
from policyengine.platforms import Lowered

if TYPE_CHECKING:
    from policyengine.model.source import ReadError, Source
    from policyengine.repository.files import Files

_ENV = regex(r"\.env(?:\.[\w.-]+)?|[\w-]+\.env(?:\.(?:example|sample|template|dist))?|env\.(?:example|sample)")
_EXAMPLE = regex(r"example|sample|template|dist\b|defaults?\b|schema|test|ci\b", re.IGNORECASE)


def lower(files: Files) -> Lowered:
    """An EnvironmentFile node for each env file that git keeps, an IgnoreFile node for each ignore file."""
    nodes: list[Node] = []
    problems: list[ReadError] = []
    for path in sorted({*files.holding("env"), *files.ending(".gitignore", ".dockerignore")}):
        name = PurePosixPath(path).name
        if _ENV.fullmatch(name) and not name.endswith((".ts", ".js", ".py", ".sh", ".yml", ".yaml", ".json", ".tf")):
            source = files.read(path)
            if source is not None:
                node, found = _env_file(source)
                nodes.append(node)
                problems.extend(found)
        elif name == ".gitignore" or name.endswith(".dockerignore"):
            source = files.read(path)
            if source is not None:
                nodes.append(_ignore_file(source, "git" if name == ".gitignore" else "docker"))
    return Lowered(nodes=tuple(nodes), problems=tuple(problems))


def _env_file(source: Source) -> tuple[EnvironmentFile, tuple[ReadError, ...]]:
    from policyengine.platforms.code.env_file import variables  # noqa: PLC0415  only trees with env files pay for it

    found, problems = variables(source)
    name = PurePosixPath(source.path).name
    node = EnvironmentFile(
        id=f"env:{source.path}",
        name=source.path,
        side=Side.LOCAL,
        span=source.span(0, 0),
        path=source.path,
        variables=found,
        example=_EXAMPLE.search(name) is not None,
    )
    return node, problems


def _ignore_file(source: Source, kind: str) -> IgnoreFile:
    patterns = tuple(
        (line.strip(), source.span(start, start + len(line)))
        for number, start in enumerate(source.starts, 1)
        if (line := source.line(number)).strip() and not line.lstrip().startswith("#")
    )
    return IgnoreFile(
        id=f"{kind}ignore:{source.path}",
        name=source.path,
        side=Side.SOURCE,
        span=source.span(0, 0),
        path=source.path,
        kind=kind,
        patterns=patterns,
    )
