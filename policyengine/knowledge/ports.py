"""What nobody writes down of an address: the port of a scheme or of a server, and which host names mean a machine."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table


class Default(Struct, frozen=True, forbid_unknown_fields=True):
    """A TCP port."""

    port: int
    source: str


class Scheme(Struct, frozen=True, forbid_unknown_fields=True):
    """The TCP port of a URL's scheme; `web` when browsers speak it."""

    port: int
    source: str
    web: bool = False


HostKind = Literal["gateway", "loopback"]
"""What a host name means in a container: the machine that runs Docker, or the container itself."""


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """What a host name means in every container."""

    kind: HostKind
    source: str


class Ports(FactTable, frozen=True):
    """The table: ports by the scheme of a URL, and by the engine; host names."""

    hosts: dict[str, Host]
    schemes: dict[str, Scheme]
    engines: dict[str, Default]


def port_of_scheme(scheme: str) -> int | None:
    """The port of a URL that names none; what stands before the `+` of `postgresql+asyncpg` tells it."""
    schemes = table("ports", Ports).schemes
    found = schemes.get(scheme) or schemes.get(scheme.partition("+")[0])
    return None if found is None else found.port


def port_of_engine(engine: str) -> int | None:
    """The port on which a server listens that is not told otherwise."""
    found = table("ports", Ports).engines.get(engine)
    return None if found is None else found.port


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
