"""Files of proxies and development servers as nodes: which variables of the environment they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Passing, Side
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside

if TYPE_CHECKING:
    from policyengine.repository.files import Files

_FILE = regex(
    r"(?:.*/)?(?:Caddyfile[\w.]*|(?:vite|next|nuxt|astro|svelte|rsbuild|webpack)\.config(?:\.\w+)?\.[cm]?[jt]s"
    r"|setupProxy\.[jt]s|proxy\.conf\.[cm]?js(?:on)?|[\w.-]+\.conf\.template|nginx[\w.-]*\.conf)"
)
_KEY = regex(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


def paths(files: Files) -> list[str]:
    """Such files of a tree."""
    found = files.holding("Caddyfile", ".config.", "setupProxy.", "proxy.conf.", ".conf.template", "nginx")
    return [path for path in found if _FILE.fullmatch(path) and not set_aside(path, tests=False)]


def lower(path: str, files: Files) -> Lowered:
    """One file, where it names variables."""
    source = files.read(path)
    keys = tuple(sorted(set(_KEY.findall(source.text)))) if source is not None else ()
    if source is None or not keys:
        return Lowered()
    place = source.span(0, 0)
    node = Passing(id=f"passing:{path}", name=path, side=Side.SOURCE, span=place, path=path, keys=keys)
    return Lowered(nodes=(node,))
