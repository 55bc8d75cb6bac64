"""Network endpoints inside the values of environment variables, and what the name of a variable tells of its reader."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  read, never bound
"""The names by which a container reaches nothing but itself."""

GATEWAY = frozenset({"host.docker.internal", "gateway.docker.internal", "docker.for.mac.localhost"})
"""The names of the machine that runs Docker."""

WEB = frozenset({"", "http", "https", "ws", "wss"})
"""Schemes that a browser speaks; the empty one is an address without a scheme."""

DEFAULT_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "http": 80,
        "ws": 80,
        "https": 443,
        "wss": 443,
        "postgres": 5432,
        "postgresql": 5432,
        "mysql": 3306,
        "mariadb": 3306,
        "redis": 6379,
        "rediss": 6379,
        "valkey": 6379,
        "valkeys": 6379,
        "mongodb": 27017,
        "amqp": 5672,
        "amqps": 5671,
        "nats": 4222,
        "memcached": 11211,
        "clickhouse": 9000,
        "sqlserver": 1433,
    }
)
"""The port of a URL without one, by scheme: IANA's registry, or the vendor's own documentation."""

ENGINE_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "postgres": 5432,
        "mysql": 3306,
        "mariadb": 3306,
        "mongo": 27017,
        "mongodb": 27017,
        "redis": 6379,
        "valkey": 6379,
        "memcached": 11211,
        "elasticsearch": 9200,
        "opensearch": 9200,
        "rabbitmq": 5672,
        "kafka": 9092,
        "nats": 4222,
        "s3": 9000,
        "dynamodb": 8000,
    }
)
"""The port on which an engine's image listens unless told otherwise, by engine."""

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
            port = int(match[2]) if match[2] else DEFAULT_PORTS.get(scheme.rpartition("+")[0] or scheme, 0)
            if port:
                first = at + lead
                yield Endpoint(scheme, _plain(match[1]), port, first, first + len(match[0]), match[2] is not None)
        at += len(part) + 1


def _plain(host: str) -> str:
    return host.strip("[]").lower()


_BROWSER_PREFIXES = (
    "NEXT_PUBLIC_",
    "VITE_",
    "REACT_APP_",
    "NUXT_PUBLIC_",
    "PUBLIC_",
    "GATSBY_",
    "EXPO_PUBLIC_",
    "VUE_APP_",
    "NG_APP_",
)
_BROWSER_WORDS = frozenset(
    """PUBLIC EXTERNAL BROWSER CORS ORIGIN ORIGINS REDIRECT CALLBACK FRONTEND CLIENT WEBSITE SITE DOMAIN DOMAINS
    COOKIE CSRF ISSUER WEBAPP WEB HEALTH HEALTHCHECK ALLOWED TRUSTED LANDING DASHBOARD CONSOLE UI RETURN SUCCESS CANCEL
    LOGOUT LOGIN SIGNIN INVITE STUDIO PORTAL CDN ASSET ASSETS STATIC MEDIA AUTHORIZE AUTHORIZATION CANONICAL
    HOMEPAGE""".split()  # noqa: SIM905  words read best as words
)
_OWN = regex(r"(?:APP|BASE|ROOT|SERVER|HOST|SELF|INSTANCE|DEPLOYMENT|SERVICE)(?:_BASE|_ROOT)?_?(?:URL|URI)|URL|URI")
_CONNECTION = regex(
    r"(?:^|_)(?:URL|URI|DSN|HOST|HOSTS|HOSTNAME|ENDPOINT|ENDPOINTS|ADDR|ADDRESS|BROKER|BROKERS|SERVER|SERVERS|NODES)$"
)
_HOST_KEY = regex(
    r"(?P<prefix>.+?)_(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)|(?P<pg>PG)HOST|"
    r"HOST_(?P<suffix>DB|DATABASE|POSTGRES|PG|MYSQL|MONGO|REDIS|CACHE)"
)


_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])")  # between the words of `Storage__PublicUrl`


def is_browser_key(key: str) -> bool:
    """Whether a web address under this name is for people's browsers, not for the container that holds it."""
    name = _HUMP.sub("_", key).upper()
    words = set(name.split("_"))
    if "INTERNAL" in words:
        return False
    return name.startswith(_BROWSER_PREFIXES) or not words.isdisjoint(_BROWSER_WORDS) or bool(_OWN.fullmatch(name))


_SERVER_WORDS = frozenset(
    {
        "API",
        "BACKEND",
        "SERVICE",
        "INTERNAL",
        "UPSTREAM",
        "ENDPOINT",
        "GATEWAY",
        "TARGET",
        "GRPC",
        "RPC",
        "GRAPHQL",
        "SERVER",
    }
)


def is_server_key(key: str) -> bool:
    """Whether a web address under this name is for calls between servers: `API_URL`, `ORDERS_SERVICE_URL`."""
    return not _SERVER_WORDS.isdisjoint(_HUMP.sub("_", key).upper().split("_"))


def is_connection_key(key: str) -> bool:
    """Whether a variable of this name holds the address of something."""
    return _CONNECTION.search(key.upper()) is not None


def is_loopback(host: str) -> bool:
    """Whether a host name is the container itself."""
    return host in LOOPBACK or host.startswith("127.") or host.endswith(".localhost")


class Split(Struct, frozen=True):
    """A variable that holds only a host: `words` of its prefix, and the name of the variable with the port."""

    words: frozenset[str]
    port_key: str


def split_host(key: str) -> Split | None:
    """How `DB_HOST` or `HOST_DB` goes with `DB_PORT` or `PORT_DB`; None for other names, and for a bare `HOST`."""
    match = _HOST_KEY.fullmatch(key.upper())
    if match is None:
        return None
    if match["pg"]:
        return Split(frozenset({"PG"}), "PGPORT")
    if match["suffix"]:
        return Split(frozenset({match["suffix"]}), f"PORT_{key[len('HOST_') :]}")
    return Split(frozenset(match["prefix"].split("_")), f"{key[: len(match['prefix'])]}_PORT")


_ENGINE_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "postgres": frozenset({"DB", "DATABASE", "PG", "POSTGRES", "POSTGRESQL", "SQL", "RDS"}),
        "mysql": frozenset({"DB", "DATABASE", "MYSQL", "SQL", "RDS"}),
        "mariadb": frozenset({"DB", "DATABASE", "MYSQL", "MARIADB", "SQL"}),
        "mongo": frozenset({"DB", "DATABASE", "MONGO", "MONGODB"}),
        "mongodb": frozenset({"DB", "DATABASE", "MONGO", "MONGODB"}),
        "redis": frozenset({"REDIS", "CACHE", "QUEUE"}),
        "valkey": frozenset({"VALKEY", "REDIS", "CACHE", "QUEUE"}),
        "memcached": frozenset({"MEMCACHED", "MEMCACHE", "CACHE"}),
        "rabbitmq": frozenset({"RABBITMQ", "RABBIT", "AMQP", "QUEUE", "MQ"}),
        "elasticsearch": frozenset({"ELASTICSEARCH", "ELASTIC", "ES", "SEARCH"}),
        "opensearch": frozenset({"OPENSEARCH", "SEARCH"}),
    }
)


def names_engine(words: frozenset[str], engine: str) -> bool:
    """Whether the words of a variable's name speak of an engine: `DB` of postgres, `CACHE` of redis."""
    return not words.isdisjoint(_ENGINE_WORDS.get(engine, frozenset({engine.upper()})))
