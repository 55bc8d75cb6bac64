"""Files that name the version of a language → RuntimeVersion nodes: .nvmrc, .python-version, .tool-versions."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge.runtimes import runtime_of_file, runtime_of_plugin, version_files
from policyengine.model.nodes import RuntimeVersion, Side
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.repository.files import Files

_TOOLS = ".tool-versions"
_LINE = regex(r"(?m)^[ \t]*([\w./*-]+)(?:[ \t]+([\w./*-]+))?")


def paths(files: Files) -> Sequence[str]:
    """The paths of such files, sorted."""
    return sorted(files.named(*version_files(), _TOOLS))


def lower(path: str, files: Files) -> Lowered:
    """A node for the version that a file holds; of .tool-versions one for each language.

    The first version counts, as it does for the programs that read these files; the rest of a line is a fallback.
    """
    source = files.read(path)
    if source is None:
        return Lowered()
    name = PurePosixPath(path).name
    nodes: dict[str, RuntimeVersion] = {}
    for line in _LINE.finditer(source.text):
        group = 1 if name != _TOOLS else 2
        runtime = runtime_of_file(name) if group == 1 else runtime_of_plugin(line[1])
        if runtime and line[group] and runtime not in nodes:
            span = source.span(*line.span(group))
            nodes[runtime] = RuntimeVersion(
                id=f"runtime:{path}#{runtime}",
                name=path,
                side=Side.SOURCE,
                span=span,
                path=path,
                directory=parent(path),
                runtime=runtime,
                version=Known(line[group], span),
            )
    return Lowered(nodes=tuple(nodes.values()))
