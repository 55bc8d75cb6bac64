"""The address at which people open the application: which variables hold it, and which values are right where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import Graph, Package, Severity, host_kind, is_placeholder_host, port_of_scheme, regex

if TYPE_CHECKING:
    from clean_hexagon.options import Options

_URL = regex(
    r"(https?)://(?:[^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?(?=[/?#]|\Z)", re.IGNORECASE
)


class Origin(Struct, frozen=True):
    """Scheme, host and port of a web address."""

    scheme: str
    host: str
    port: int
    written: bool

    @property
    def loopback(self) -> bool:
        """Whether it is on the machine itself."""
        return host_kind(self.host) == "loopback"

    @property
    def placeholder(self) -> bool:
        """Whether the host is one that documentation uses for yours."""
        return is_placeholder_host(self.host)

    def same(self, other: Origin) -> bool:
        """Whether a browser takes both for one origin."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}" if self.written else f"{self.scheme}://{host}"


def origin(text: str) -> Origin | None:
    """The origin of a web address; None for anything else, such as an empty or a templated value."""
    match = _URL.match(text.strip())
    if match is None:
        return None
    scheme = match[1].lower()
    port = int(match[3]) if match[3] else port_of_scheme(scheme) or 0
    return Origin(scheme, match[2].strip("[]").lower(), port, match[3] is not None)


class Key(Struct, frozen=True):
    """A variable that holds the public address.

    `exact` demands the canonical address itself; otherwise http on 127.0.0.1 will do, at any port. `sure` is False
    where the name may as well hold the address of another system.
    """

    name: str
    severity: Severity
    exact: bool
    sure: bool


def keys(graph: Graph, options: Options) -> dict[str, Key]:
    """The variables that hold the public address in this repository, by name.

    The configured ones are the house's own. `BETTER_AUTH_URL` is Better Auth's; `AUTH_URL` is taken for Auth.js only
    where that is a dependency, since any system may call its identity provider so; `APP_URL` is no auth key.
    """
    declared = options.public_url.declared
    found = {
        "BETTER_AUTH_URL": Key("BETTER_AUTH_URL", Severity.ERROR, declared, sure=True),
        "NEXTAUTH_URL": Key("NEXTAUTH_URL", Severity.ERROR, declared, sure=True),
        "APP_URL": Key("APP_URL", Severity.WARNING, declared, sure=False),
    }
    if _uses_auth_js(graph):
        found["AUTH_URL"] = Key("AUTH_URL", Severity.ERROR, declared, sure=True)
    for name in options.public_url.keys:
        severity = Severity.WARNING if name == "APP_URL" else Severity.ERROR
        found[name] = Key(name, severity, exact=True, sure=True)
    return found


def _uses_auth_js(graph: Graph) -> bool:
    return any(
        dependency.key == "next-auth" or dependency.key.startswith("@auth/")
        for package in graph.all(Package)
        for dependency in package.dependencies
    )


def wrong_locally(key: Key, found: Origin, options: Options) -> bool:
    """Whether a local value breaks mandate 5.2."""
    canonical = origin(options.public_url.canonical)
    if canonical is None or found.same(canonical):
        return False
    if key.exact:
        return True
    if not key.sure and not found.loopback:
        return False
    return not (found.scheme == "http" and found.host == "127.0.0.1")


def wrong_in_cloud(found: Origin, options: Options) -> bool:
    """Whether a cloud value is not a public address: loopback, or another scheme than the cloud's."""
    return found.loopback or found.scheme != options.public_url.cloud_scheme
