"""A Compose project that a text of another platform writes or starts, such as the script of a machine."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.nodes import Service
from policyengine.model.source import ReadError, Source
from policyengine.platforms import Lowered
from policyengine.platforms.compose import services
from policyengine.platforms.compose.load import load
from policyengine.platforms.compose.standing import LETTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.text import Text
    from policyengine.platforms import Written
    from policyengine.repository.files import Files


def lower(tree: Files, written: Written) -> Lowered:
    """The services that the project runs, and what Compose refuses; nothing where its files are not there."""
    texts = dict(written.texts)
    paths = (written.main,) if written.main in texts else _in_tree(tree, (written.main, *written.over))
    if not paths:
        return Lowered()
    if written.main not in texts:
        beside = posixpath.join(posixpath.dirname(paths[0]), ".env")
        copied = [text for path, text in texts.items() if posixpath.basename(path) == ".env"]
        texts |= dict.fromkeys((beside,), copied[0]) if len(copied) == 1 else {}
    files = _Files(texts, None if written.main in texts else tree)
    try:
        project = load(files, "", paths, name=written.name, origins=texts)
        made = tuple(services.lower(project, lambda _: None))
    except ReadError as error:
        return Lowered(problems=(error,))
    running = {f"compose:services.{name}" for name in project.enabled}
    nodes = tuple(each for each in made if (each.id if isinstance(each, Service) else each.service) in running)
    return Lowered(nodes=nodes, problems=project.warnings)


def _in_tree(tree: Files, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The files of the tree that paths on a machine lead to: by the longest end that is one; none where one is not."""
    found = []
    for path in paths:
        parts = posixpath.normpath(path).strip("/").split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        named = tree.named(parts[-1])
        alone = named[0] if len(named) == 1 else ""
        there = next((each for each in ends if "/" in each and tree.exists(each)), alone)
        if not there:
            return ()
        found.append(there)
    return tuple(found)


class _Files:
    """The written files, as a reader asks for them, and those of the tree."""

    def __init__(self, texts: Mapping[str, Text], tree: Files | None) -> None:
        self._sources = {path: Source(path, text.masked(LETTER)) for path, text in texts.items()}
        self._tree = tree

    def read(self, path: str) -> Source | None:
        found = self._sources.get(path)
        return found or (self._tree.read(path) if self._tree is not None and not path.startswith("/") else None)
