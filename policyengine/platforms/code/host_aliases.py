"""Lines for a hosts file as nodes: `127.0.0.1 shop.local` in such a file, a script, a Makefile or a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.ports import is_local_name
from policyengine.model.nodes import HostAlias, Side
from policyengine.model.source import Span
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_LINE = regex(r"(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3}|::1)((?:[ \t]+[A-Za-z0-9][\w-]*(?:\.[\w-]+)+)+)")
_NAME = regex(r"\S+")
_NAMED = ("Caddyfile", "GNUmakefile", "Justfile", "Makefile", "hosts", "justfile", "makefile")
_TELLING = (".hosts", ".just", ".md", ".mk", ".sh")
_SETTINGS = (".conf", ".env", ".example", ".json", ".local", ".template", ".tf", ".toml", ".yaml", ".yml")
_CODE = (".go", ".html", ".java", ".js", ".mjs", ".php", ".py", ".rb", ".ts", ".tsx")
_DEEPEST = 2
"""Below so many folders a document says nothing of how the whole is set up."""


def lower(files: Files) -> Lowered:
    """Each name of such a line that nothing but a hosts file resolves."""
    telling = [*files.named(*_NAMED), *(path for path in files.ending(*_TELLING) if _counts(path))]
    found = {(source.path, each[0]): each for source in _sources(files, telling) for each in _lines(source)}
    names = {name for name, _, _ in found.values()}
    written = dict.fromkeys(names, 0)
    for source in _sources(files, [*telling, *files.ending(*_SETTINGS), *files.ending(*_CODE)]):
        if all(number > 1 for number in written.values()):
            break
        text = source.text.lower()
        for name in names:
            written[name] += text.count(name)
    return Lowered(
        nodes=tuple(
            HostAlias(
                id=f"hosts:{path}#{name}",
                name=name,
                side=Side.LOCAL,
                span=Span(path, start, start + len(name)),
                path=path,
                address=address,
                used=written[name] > 1,
            )
            for (path, _), (name, address, start) in found.items()
        )
    )


def _counts(path: str) -> bool:
    return not path.endswith(".md") or path.count("/") <= _DEEPEST


def _sources(files: Files, paths: list[str]) -> Iterator[Source]:
    for path in dict.fromkeys(paths):
        source = None if set_aside(path, tests=False) else files.read(path)
        if source is not None:
            yield source


def _lines(source: Source) -> Iterator[tuple[str, str, int]]:
    """The names, their addresses, and where the names stand."""
    for match in _LINE.finditer(source.text):
        for name in _NAME.finditer(match[2]):
            if is_local_name(name[0].lower()):
                yield name[0].lower(), match[1], match.start(2) + name.start()
