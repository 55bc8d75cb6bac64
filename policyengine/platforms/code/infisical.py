"""`.infisical.json` → the project of Infisical that a folder works with, and its environment where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import InfisicalProject, Side
from policyengine.model.source import ReadError
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent
from policyengine.syntax import json
from policyengine.syntax.tree import Mapping, Scalar

if TYPE_CHECKING:
    from policyengine.model.value import Value
    from policyengine.repository.files import Files


def paths(files: Files) -> list[str]:
    """Such files of a tree."""
    return [path for path in files.named(".infisical.json") if not set_aside(path)]


def lower(path: str, files: Files) -> Lowered:
    """One file (https://infisical.com/docs/cli/project-config)."""
    source = files.read(path)
    if source is None:
        return Lowered()
    try:
        document = json.read(source)
    except ReadError as error:
        return Lowered(problems=(error,))
    place = source.span(0, 0)
    told = {key.text: value for key, value in document.entries} if isinstance(document, Mapping) else {}

    branches = told.get("gitBranchToEnvironmentMapping")
    by_branch = None
    if isinstance(branches, Mapping) and branches.entries:
        by_branch = Unknown("the branch decides it", branches.span)

    def text(name: str) -> Value[str]:
        found = told.get(name)
        return Known(found.text, found.span) if isinstance(found, Scalar) and not found.plain else Absent(place)

    node = InfisicalProject(
        id=f"infisical:{path}",
        name=path,
        side=Side.SOURCE,
        span=place,
        path=path,
        directory=parent(path),
        project=text("workspaceId"),
        environment=by_branch or text("defaultEnvironment"),
    )
    return Lowered(nodes=(node,))
