"""The repository's own files about files: env files, .gitignore and .dockerignore."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge.names import is_example
from policyengine.model.nodes import EnvironmentFile, IgnoreFile, Side
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.lost_lines import choices

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_ENV = regex(
    r"\.env(?:\.[\w.-]+)?|[\w-]+\.env(?:\.(?:example|sample|template|dist))?"
    r"|\.?env[._-](?:example|sample|template|dist)|(?:example|sample|template)[_-]env"
)

_OTHER = regex(
    r"\.(?:ts|js|py|sh|yml|yaml|json|tf|age|asc|enc|gpg|sops|vault|golden|snap|patch|diff|rej|swp|lock"
    r"|in|j2|jinja2?|tmpl|tpl|erb|ejs|hbs|mustache|gotmpl)\Z"
)
"""Ends of names that make something else of `.env.…`: code, what is encrypted, patches, templates."""


def paths(files: Files) -> list[str]:
    """The env files and ignore files of a tree."""
    named = (path for path in files.holding("env") if _is_env_file(path))
    return sorted({*named, *(path for path in files.ending(".gitignore", ".dockerignore") if _ignores(path))})


def lower(path: str, files: Files) -> Lowered:
    """An EnvironmentFile node for an env file that git keeps, an IgnoreFile node for an ignore file."""
    source = files.read(path)
    if source is None:
        return Lowered()
    if _is_env_file(path):
        return _env_file(source)
    return Lowered(nodes=(_ignore_file(source, _ignores(path)),))


def _is_env_file(path: str) -> bool:
    name = PurePosixPath(path).name
    return _ENV.fullmatch(name) is not None and _OTHER.search(name) is None


_MENTIONED = regex(r"^[ \t]*#+[ \t]*(?:export )?([A-Za-z_]\w*)[ \t]*=", re.MULTILINE)


def _ignores(path: str) -> str:
    """Who reads an ignore file: `git` or `docker`; empty for another file."""
    name = PurePosixPath(path).name
    return "git" if name == ".gitignore" else "docker" if name.endswith(".dockerignore") else ""


def _env_file(source: Source) -> Lowered:
    from policyengine.platforms.code.env_file import variables  # noqa: PLC0415  only trees with env files pay for it

    found, lost = variables(source)
    name = PurePosixPath(source.path).name
    node = EnvironmentFile(
        id=f"env:{source.path}",
        name=source.path,
        side=Side.LOCAL,
        span=source.span(0, 0),
        path=source.path,
        variables=found,
        example=is_example(name),
        mentioned=tuple(sorted({match[1] for match in _MENTIONED.finditer(source.text)})),
    )
    return Lowered(nodes=(node,), choices=choices(lost, lambda _: source))


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
