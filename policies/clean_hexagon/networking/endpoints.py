"""Network endpoints inside the values of environment variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import port_of_scheme, regex

if TYPE_CHECKING:
    from collections.abc import Iterator


_LONGEST = 16_384
_URL = regex(r"\b([a-zA-Z][a-zA-Z0-9+.-]*)://([^\s/?#;'\"<>\\]+)")
_TCP = regex(r"@tcp\(([^()\s]+)\)")
_KEYWORDS = regex(r"(?:^|[\s;])(?:host|server|data source)\s*=\s*(?P<host>[^\s;,]+)", re.IGNORECASE)
_PORT_KEYWORD = regex(r"(?:^|[\s;])port\s*=\s*(\d{1,5})(?=[\s;]|\Z)", re.IGNORECASE)
_ADDRESS = regex(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)(?::(\d{1,5}))?")
_BARE = regex(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):\d{1,5}"
    r"(?:,\s*(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):\d{1,5})*(?:/[^\s:]*)?"
)


class Endpoint(Struct, frozen=True):
    """A host and a port inside a text. `[start, end)` covers `host:port`, or the host alone without a written port."""

    scheme: str
    host: str
    port: int
    start: int
    end: int
    written: bool = True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def endpoints(text: str) -> tuple[Endpoint, ...]:
    """The endpoints in a value: of URLs, of lists of `host:port`, of libpq, ADO and Go connection strings."""
    if len(text) > _LONGEST:
        return ()
    return tuple(_found(text))


def _found(text: str) -> Iterator[Endpoint]:
    urls = False
    for match in _URL.finditer(text):
        urls = True
        start = match.start(2) + match[2].rfind("@") + 1
        yield from _addresses(match[1].lower(), text, start, match.end(2))
    for match in _TCP.finditer(text):
        urls = True
        yield from _addresses("mysql", text, match.start(1), match.end(1))
    if urls:
        return
    if keyword := _KEYWORDS.search(text):
        port = _PORT_KEYWORD.search(text)
        host = keyword["host"].removeprefix("tcp:")
        if port is not None:
            yield Endpoint(
                "keywords", _plain(host), int(port[1]), keyword.start("host"), keyword.end("host"), written=False
            )
        return
    stripped = text.strip()
    if _BARE.fullmatch(stripped):
        start = text.index(stripped)
        yield from _addresses("", text, start, start + len(stripped.partition("/")[0]))


def _addresses(scheme: str, text: str, start: int, end: int) -> Iterator[Endpoint]:
    """The comma-separated addresses of an authority."""
    at = start
    for part in text[start:end].split(","):
        lead = len(part) - len(part.lstrip())
        match = _ADDRESS.fullmatch(part.strip())
        if match is not None:
            port = int(match[2]) if match[2] else port_of_scheme(scheme) or 0
            if port:
                first = at + lead
                yield Endpoint(scheme, _plain(match[1]), port, first, first + len(match[0]), match[2] is not None)
        at += len(part) + 1


def _plain(host: str) -> str:
    return host.strip("[]").lower()
