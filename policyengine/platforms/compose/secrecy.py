"""The secrets of a Compose project, by their names in its effective configuration and in its env files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.platforms.compose.located import Branch, Items, Leaf
from policyengine.syntax.secrecy import Path, told
from policyengine.syntax.secrecy import secrets_of as of_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.value import Sealed
    from policyengine.platforms.compose.environment import Readable
    from policyengine.platforms.compose.load import ComposeProject
    from policyengine.platforms.compose.located import Node


def secrets_of(project: ComposeProject) -> Iterator[Sealed]:
    """The secrets of the configuration, and of the environment of each service."""
    yield from _below(project.model, ())
    held = project.model.get("secrets")
    for member in held.entries.values() if isinstance(held, Branch) else ():
        name = member.node.get("environment") if isinstance(member.node, Branch) else None
        if isinstance(name, Leaf) and (text := project.known.get(str(name.value))) is not None:
            yield from told(("secrets", "content"), text)
    for environment in project.environments.values():
        for key, assigned in environment.variables.items():
            if assigned.text is not None:
                yield from told((key,), assigned.text)


def written(files: Readable, path: str) -> Iterator[Sealed]:
    """The secrets of a file of a project that Compose refuses, wholly or at a place, as far as it is YAML."""
    from policyengine.syntax import yaml  # noqa: PLC0415 - rare

    source = files.read(path)
    with contextlib.suppress(ReadError):
        for document in yaml.read_all(source, []) if source is not None else ():
            yield from of_document(document)


def _below(node: Node, path: Path) -> Iterator[Sealed]:
    match node:
        case Branch(entries):
            for key, member in entries.items():
                yield from _below(member.node, (*path, key))
        case Items(items):
            for item in items:
                yield from _below(item, (*path, "[]"))
        case Leaf(value=str() | int()):
            yield from told(path, node.written)
        case _:
            return
