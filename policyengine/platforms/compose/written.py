"""A Compose project that a text of another platform writes, such as the script that starts a machine."""

from __future__ import annotations

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


def lower(written: Written) -> Lowered:
    """The services that the project runs, and what Compose refuses."""
    files = _Files(written.texts)
    try:
        project = load(files, "", (written.main,), name=written.name, origins=written.texts)
        made = tuple(services.lower(project, lambda _: None))
    except ReadError as error:
        return Lowered(problems=(error,))
    running = {f"compose:services.{name}" for name in project.enabled}
    nodes = tuple(each for each in made if (each.id if isinstance(each, Service) else each.service) in running)
    return Lowered(nodes=nodes, problems=project.warnings)


class _Files:
    """The written files, as a reader asks for them."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._sources = {path: Source(path, text.masked(LETTER)) for path, text in texts.items()}

    def read(self, path: str) -> Source | None:
        return self._sources.get(path)
