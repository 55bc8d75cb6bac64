"""What nobody writes down of an address: the port of a scheme or of a server, and which host names mean a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence


class Default(Struct, frozen=True, forbid_unknown_fields=True):
    """A TCP port, and the schemes of URLs by which clients reach a server there; none where that is not listed."""

    port: int
    source: str
    schemes: tuple[str, ...] = ()


class Scheme(Struct, frozen=True, forbid_unknown_fields=True):
    """The TCP port of a URL's scheme; `web` when browsers speak it."""

    port: int
    source: str
    web: bool = False


HostKind = Literal["gateway", "loopback", "placeholder"]
"""What a host name means in a container: the machine that runs Docker, the container itself; a word to be replaced."""


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """What a host name means in every container."""

    kind: HostKind
    source: str


class Zone(Struct, frozen=True, forbid_unknown_fields=True):
    """The end of host names that no public name server knows; `resolved` where the platform has one that does."""

    source: str
    resolved: bool = False


class Ports(FactTable, frozen=True):
    """The table: ports by the scheme of a URL, the engine, the key of Supabase's settings; host names; options."""

    hosts: dict[str, Host]
    schemes: dict[str, Scheme]
    engines: dict[str, Default]
    web_servers: dict[str, Default]
    port_options: dict[str, Cited]
    supabase: dict[str, Default]
    local_zones: dict[str, Zone]


def is_local_name(host: str) -> bool:
    """Whether a host name (in lower case) has no meaning outside of a machine's own hosts file or network."""
    zones = table("ports", Ports).local_zones
    ends = [host[at + 1 :] for at, sign in enumerate(host) if sign == "."]
    return any(end in zones for end in ends) and not any(end in zones and zones[end].resolved for end in ends)


_PORT = regex(r"(?:.*:)?(\d{2,5})")


def port_given(words: Sequence[str]) -> int | None:
    """The port that the words of a command tell its server to listen at: `--port 3000`, `--bind=0.0.0.0:8000`."""
    options = table("ports", Ports).port_options
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        found = _PORT.fullmatch(value if equals else following) if name in options else None
        if found is not None:
            return int(found[1])
    return None


def port_of_scheme(scheme: str) -> int | None:
    """The port of a URL that names none; what stands before the `+` of `postgresql+asyncpg` tells it."""
    schemes = table("ports", Ports).schemes
    found = schemes.get(scheme) or schemes.get(scheme.partition("+")[0])
    return None if found is None else found.port


def port_of_engine(engine: str) -> int | None:
    """The port on which a server listens that is not told otherwise."""
    found = table("ports", Ports).engines.get(engine)
    return None if found is None else found.port


def port_of_web_server(image: str) -> int | None:
    """The port at which a web server listens by the settings that its image brings; None for another image."""
    found = table("ports", Ports).web_servers.get(image)
    return None if found is None else found.port


def supabase_ports() -> dict[str, int]:
    """The ports that `supabase start` takes where its settings name no others, by their keys."""
    return {key: entry.port for key, entry in table("ports", Ports).supabase.items()}


def schemes_of(engine: str) -> tuple[str, ...]:
    """The schemes of URLs by which clients reach a server, the usual one first; none where they are not listed."""
    found = table("ports", Ports).engines.get(engine)
    return () if found is None else found.schemes


def speaks_scheme(engine: str, scheme: str) -> bool | None:
    """Whether a server answers at its port to a scheme of URLs, by any word around a `+`; None where nothing tells."""
    allowed, parts = schemes_of(engine), scheme.split("+")
    if not allowed or not any(part in table("ports", Ports).schemes for part in parts):
        return None
    return any(part in allowed for part in parts)


def is_web(scheme: str) -> bool:
    """Whether browsers speak a scheme; an address without one may be theirs."""
    found = table("ports", Ports).schemes.get(scheme)
    return not scheme or (found is not None and found.web)


def host_kind(host: str) -> HostKind | None:
    """What a host name (in lower case) means in every container, or None."""
    found = table("ports", Ports).hosts.get(host)
    if found is None and (host.startswith("127.") or host.endswith(".localhost")):
        return "loopback"
    return None if found is None else found.kind
