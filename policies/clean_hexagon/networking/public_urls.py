"""The address at which people open the application: which variables hold it, and which values are right where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import Graph, Package, Role, Severity, web_origin

if TYPE_CHECKING:
    from clean_hexagon.options import Options
    from policyengine.api import Endpoint

CLIENTS = frozenset({Role.APP, Role.JOB})
"""The containers whose environment says what the application connects to."""


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


def wrong_locally(key: Key, found: Endpoint, options: Options) -> bool:
    """Whether a local value breaks mandate 5.2."""
    canonical = web_origin(options.public_url.canonical)
    if canonical is None or _same(found, canonical):
        return False
    if key.exact:
        return True
    if not key.sure and not found.loopback:
        return False
    return not (found.scheme == "http" and found.host == "127.0.0.1")


def _same(one: Endpoint, other: Endpoint) -> bool:
    """Whether a browser takes both for one origin."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def wrong_in_cloud(found: Endpoint, options: Options) -> bool:
    """Whether a cloud value is not a public address: loopback, or another scheme than the cloud's."""
    return found.loopback or found.scheme != options.public_url.cloud_scheme
