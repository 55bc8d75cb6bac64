"""Which variables of the environment each JavaScript or TypeScript file reads by name, and where."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.knowledge.languages import endings
from policyengine.model.nodes import EnvironmentReads, Side
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_READ = regex(
    r"(?<![:\\\"'`])//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"  # comments; an address is none
    r"|\b(?:process|Bun|import\.meta)\??\.env(?:\??\.([A-Za-z_]\w*+)(?!\s*=[^=>])|\??\.?\[\s*[\"'`](\w+)[\"'`]\s*\])"
    r"|\bDeno\.env\.get\(\s*[\"'`](\w+)[\"'`]"
    r"|\{([\w\s,:=\"'.-]{1,2000})\}\s*=\s*(?:process|Bun|import\.meta)\.env\b(?!\s*[.\[])"
)
_MENTIONS = ("process.env", "process?.env", "import.meta.env", "Bun.env", "Deno.env")
_NAME = regex(r"(?:^|,)\s*([A-Za-z_]\w*)")
_TOOL = regex(
    r"(?:.*\.)?(?:config|setup|stories|mock|d)\.[cm]?[jt]sx?|.*(?:gulpfile|gruntfile|[.-]seed|seed)\.[cm]?[jt]s"
)
_TEST = regex(r".*[._-](?:test|spec|e2e|cy)\.[cm]?[jt]sx?|(?:jest|vitest|test)[\w.-]*\.[cm]?[jt]s")
_SERVER = regex(
    r"(?:.*/)?(?:server|middleware|instrumentation)(?:/.*|[\w.-]*\.[cm]?[jt]sx?)|(?:(?:.*/)?(?:app|pages)/)?api/.*"
    r"|.*/(?:route|\+server|\+page\.server|\+layout\.server|[\w-]+\.server)\.[cm]?[jt]sx?"
)
_FUNCTION = regex(r"(?:.*/)?(?:serverless|lambdas?)/.*")
_MARKED = regex(r"\A\s*(?:[\"']use server[\"']|import\s+[\"']server-only[\"'])")
_PAGE = regex(r"(?:.*/)?app/(?:.*/)?(?:layout|page|template|default|not-found|loading)\.[jt]sx?")
_CLIENT = regex(r"\A(?:\s|//[^\n]*|/\*[\s\S]*?\*/)*[\"']use client[\"']")
_AT_REQUEST = regex(
    r"\b(?:await\s+(?:auth|cookies|headers|draftMode|connection|getServerSession|getSession|currentUser|searchParams)\b"
    r"|unstable_noStore\(|noStore\(|dynamic\s*=\s*[\"']force-dynamic)"
)
"""What makes Next.js run a server component for each request, rather than once when it is built."""


def lower(files: Files) -> Lowered:
    """An EnvironmentReads node for each file of the application that reads a variable by its name."""
    folders = {parent(path) for path in files.named("package.json", "deno.json", "deno.jsonc")}
    nodes = []
    for path in files.ending(*endings("javascript", "jsx", "components")) if folders else ():
        if set_aside(path, tests=False) or path.endswith((".min.js", ".d.ts")):
            continue
        source = files.read(path)
        if source is None or not any(each in source.text for each in _MENTIONS):
            continue
        reads = tuple(_reads(source))
        if reads:
            nodes.append(
                EnvironmentReads(
                    id=f"reads:{path}",
                    name=path,
                    side=Side.SOURCE,
                    span=source.span(0, 0),
                    path=path,
                    directory=next((each for each in _above(path) if each in folders), ""),
                    reads=reads,
                    purpose=purpose(path, source.text),
                )
            )
    return Lowered(nodes=tuple(nodes))


def _reads(source: Source) -> Iterator[Known[str]]:
    for match in _READ.finditer(source.text):
        for group in (1, 2, 3):
            if match[group]:
                yield Known(match[group], source.span(*match.span(group)))
        for name in _NAME.finditer(match[4] or ""):
            at = match.start(4)
            yield Known(name[1], source.span(at + name.start(1), at + name.end(1)))


def _above(path: str) -> Iterator[str]:
    """The folders that a file lies in, from the inside out."""
    folder = parent(path)
    while folder:
        yield folder
        folder = parent(folder)


def purpose(path: str, text: str) -> str:
    """What a file is for: `test`, `tool`, `settings`, `server`; empty for the rest."""
    name = PurePosixPath(path).name
    if set_aside(path) or _TEST.fullmatch(name):
        return "test"
    if _TOOL.fullmatch(name) or _FUNCTION.fullmatch(path) or settings.serves_upkeep(path):
        return "tool"
    if settings.may_hold_settings(path):
        return "settings"
    at_request = _PAGE.fullmatch(path) and not _CLIENT.match(text) and _AT_REQUEST.search(text)
    return "server" if _SERVER.fullmatch(path) or _MARKED.search(text) or at_request else ""
