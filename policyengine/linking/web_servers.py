"""The port at which nginx listens, by the settings that its image holds or that are mounted over them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from policyengine.knowledge.ports import port_of_web_server
from policyengine.model.value import Floating, Known, known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.nodes import Build, Mount, Stage
    from policyengine.repository.files import Files

_HOME = "/etc/nginx"
_LISTEN = regex(r"^[ \t]*listen[ \t]+(?:\[[^\]]*\]:|[\d.*]+:)?(\d{2,5}|[^;\s]+)", re.MULTILINE)
_INCLUDE = regex(r"^[ \t]*include[ \t]+\S*conf\.d/", re.MULTILINE)
_DEFAULT = frozenset({"/etc/nginx/conf.d/default.conf", "/etc/nginx/templates/default.conf.template"})


def listens(stage: Stage, mounts: Sequence[Mount], builds: Sequence[Build], files: Files) -> Known[int] | None:
    """The one port at which the nginx of an image listens; None for another server and where files do not tell."""
    base = stage.base.value if isinstance(stage.base, Known | Floating) else None
    port = None if base is None else port_of_web_server(base.name)
    if port is None or stage.parent or not _starts_itself(stage):
        return None
    found = {port: Known(port, stage.base.span)}
    for target, path in _settings(stage, mounts, builds):
        source = None if path is None else files.read(path)
        whole = target == f"{_HOME}/nginx.conf"
        if source is None:
            return None
        if target in _DEFAULT or (whole and _INCLUDE.search(source.text) is None):
            found.pop(port, None)
        for match in _LISTEN.finditer(source.text):
            if not match[1].isdecimal():
                return None
            found[int(match[1])] = Known(int(match[1]), source.span(*match.span(1)))
    for command in stage.runs:
        named = [word.text for word in command.words if _HOME in word.text]
        if named and (command.program != "rm" or not _DEFAULT.issuperset(named)):
            return None
        if named and found.get(port) == Known(port, stage.base.span):
            found.pop(port)
    return next(iter(found.values())) if len(found) == 1 else None


def _starts_itself(stage: Stage) -> bool:
    """Whether an image starts nginx by itself."""
    command = known(stage.command, None)
    return command is not None and "nginx" in command.words[:1]


def _settings(stage: Stage, mounts: Sequence[Mount], builds: Sequence[Build]) -> Iterator[tuple[str, str | None]]:
    """The files below /etc/nginx that are none of the image at the bottom: their places there, and here if known."""
    contexts = {known(build.context, None) for build in builds}
    context = contexts.pop() if len(contexts) == 1 else None
    for copy in stage.copies:
        if not isinstance(copy.target, str) or not copy.target.startswith(_HOME):
            continue
        for source in copy.sources:
            name = source if isinstance(source, str) else ""
            told = name and not copy.stage and context is not None
            yield _place(copy.target, name), posixpath.normpath(posixpath.join(context or "", name)) if told else None
    for mount in mounts:
        target = known(mount.target, "")
        if target.startswith(_HOME):
            here = known(mount.source, None)
            yield _place(target, here or ""), None if here is None else posixpath.normpath(here)


def _place(target: str, source: str) -> str:
    """Where a file ends up that is put to a place, which may be a folder."""
    folder = target.endswith("/") or target in (_HOME, f"{_HOME}/conf.d", f"{_HOME}/templates")
    return posixpath.join(target, posixpath.basename(source)) if folder else target
