"""What the values of variables point to: URLs, lists of `host:port`, connection strings, `X_HOST` with `X_PORT`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.ports import host_kind, is_web, port_of_scheme
from policyengine.knowledge.variables import is_for_browsers, is_for_servers, speaks_of, speaks_of_stores, split_host
from policyengine.model.source import Span
from policyengine.model.value import Floating, Known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.nodes import Variable
    from policyengine.model.value import Value

_LONGEST = 16_384
OPEN = "%"
"""What stands in a text for each character that the files do not decide: it is in no host and no port."""
_NAME = regex(r"[a-z0-9_.:-]+")
_REFERENCE = regex(r"\$\{[^}]*\}")
_NO_HOST = regex(r"[^\w.-]")
_WRITTEN = regex(r"https?://(?:\$\{[^}]*\}|[^/?#\s$])+", re.IGNORECASE)
_WEB = regex(r"\s*https?://", re.IGNORECASE)
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
    """A host and a port inside a text.

    `[start, end)` covers `host:port`, or the host alone where the port is not `written` and comes from the scheme; it
    is 0 where the scheme does not tell. The scheme is empty for a bare `host:port`, `keywords` for a connection string
    such as libpq's, and `host` for a variable that holds a host alone.
    """

    scheme: str
    host: str
    port: int
    start: int
    end: int
    written: bool = True

    @property
    def loopback(self) -> bool:
        """Whether it is on the machine, or in the container, itself."""
        return host_kind(self.host) == "loopback"

    @property
    def gateway(self) -> bool:
        """Whether it is on the machine that runs Docker, seen from a container."""
        return host_kind(self.host) == "gateway"

    @property
    def web(self) -> bool:
        """Whether it is an http or https address."""
        return is_web(self.scheme)

    @property
    def origin(self) -> str:
        """Scheme, host and port as a browser shows them."""
        return f"{self.scheme}://{self if self.written else self._host}"

    def same_origin(self, other: Endpoint) -> bool:
        """Whether a browser takes both for one origin."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self._host}:{self.port}" if self.port else self._host


class Address(Struct, frozen=True):
    """An endpoint that a variable names.

    `span` is the place of the endpoint when it is `exact`, else that of the whole value. `port` is the variable that
    holds the port, where that is another one. `words` are those before `_HOST` of a variable that no port goes with.
    """

    variable: Variable
    endpoint: Endpoint
    span: Span
    exact: bool
    port: Known[str] | None = None
    words: frozenset[str] | None = None

    @property
    def for_browsers(self) -> bool:
        """Whether it is a web address that people open, by the name of the variable."""
        return self.endpoint.web and is_for_browsers(self.variable.key)

    @property
    def for_servers(self) -> bool:
        """Whether the variable speaks of calls between servers, as `API_URL` does."""
        return is_for_servers(self.variable.key)

    def speaks_of(self, engine: str) -> bool:
        """Whether the name of a host variable without a port speaks of an engine."""
        return self.words is not None and speaks_of(self.words, engine)

    @property
    def speaks_of_stores(self) -> bool:
        """Whether the name of a host variable without a port speaks of a store."""
        return self.words is not None and speaks_of_stores(self.words)


def addresses(environment: Mapping[str, Variable]) -> Iterator[Address]:
    """What the variables of an environment point to, in their order."""
    for variable in environment.values():
        if isinstance(variable.value, Known):
            yield from _addressed(variable, variable.value, environment)
        for endpoint in variable.endpoints:
            yield Address(variable, endpoint, variable.value.span, exact=False)


def _addressed(variable: Variable, value: Known[str], environment: Mapping[str, Variable]) -> Iterator[Address]:
    text, span = value.value, value.span
    exact = span.end - span.start == len(text)
    found = endpoints(text)
    for endpoint in found:
        place = Span(span.path, span.start + endpoint.start, span.start + endpoint.end) if exact else span
        yield Address(variable, endpoint, place, exact)
    split = None if found else split_host(variable.key)
    host = text.strip().lower()
    if split is None or host == "0.0.0.0" or not _NAME.fullmatch(host):  # noqa: S104  read, to listen on
        return
    port = environment.get(split.port)
    match None if port is None else port.value:
        case Known(number) as held if number.isascii() and number.isdigit() and len(number) <= 5:
            yield Address(variable, _alone(host, int(number), len(text)), span, exact, held)
        case None:
            yield Address(variable, _alone(host, 0, len(text)), span, exact, words=split.words)
        case _:
            pass


def _alone(host: str, port: int, length: int) -> Endpoint:
    return Endpoint("host", host, port, 0, length, written=False)


def web_origin(text: str) -> Endpoint | None:
    """The endpoint of a text that is one http or https address; None for anything else."""
    found = endpoints(text) if _WEB.match(text) else ()
    return found[0] if found and is_web(found[0].scheme) else None


def origin_of(value: Value[str]) -> Endpoint | None:
    """The origin of a value that is one web address; its host may be what a resource of the cloud gives.

    `http://${aws_lb.main.dns_name}` has the host `aws_lb.main.dns_name`.
    """
    match value:
        case Known(text):
            return web_origin(text)
        case Floating(text):
            return web_origin(_REFERENCE.sub(lambda match: _NO_HOST.sub("", match[0]), text))
        case _:
            return None


def shown_origin(value: Value[str], origin: Endpoint) -> str:
    """The origin of a value as it is written: with the reference in it where one gives the host; never a password."""
    text = value.value if isinstance(value, Floating) else "@"
    written = None if "@" in text else _WRITTEN.match(text)
    return origin.origin if written is None else written[0]


def hosts(text: str) -> frozenset[str]:
    """The hosts that a value names, in lower case; a text that is nothing but a name is one."""
    bare = _NAME.fullmatch(text.lower())
    names = (bare[0],) if bare is not None and ":" not in bare[0] else ()
    return frozenset((*(each.host for each in endpoints(text)), *names))


def endpoints(text: str) -> tuple[Endpoint, ...]:
    """The endpoints in a value: of URLs, of lists of `host:port`, of libpq, ADO and Go connection strings."""
    if len(text) > _LONGEST:
        return ()
    return tuple(_found(text))


def endpoints_around(text: str) -> tuple[Endpoint, ...]:
    """The endpoints in a text of which parts are `OPEN`, none of them in the endpoint itself."""
    return tuple(each for each in endpoints(text) if OPEN not in each.host) if text.strip(OPEN) else ()


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
            first = at + lead
            yield Endpoint(scheme, _plain(match[1]), port, first, first + len(match[0]), match[2] is not None)
        at += len(part) + 1


def _plain(host: str) -> str:
    return host.strip("[]").lower()
