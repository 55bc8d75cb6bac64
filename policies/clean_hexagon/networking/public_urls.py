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

    severity: Severity
    exact: bool
    sure: bool


def keys(graph: Graph, options: Options) -> dict[str, Key]:
    """The variables that hold the public address in this repository, by name.

    The configured ones are the house's own. `BETTER_AUTH_URL` is Better Auth's; `AUTH_URL` is taken for Auth.js only
    where that is a dependency, since any system may call its identity provider so; `APP_URL` is no auth key.
    """
    declared = options.public_url.declared
    names = ["BETTER_AUTH_URL", "NEXTAUTH_URL", "APP_URL", *(["AUTH_URL"] if _uses_auth_js(graph) else [])]
    own = options.public_url.keys
    return {
        name: Key(
            Severity.WARNING if name == "APP_URL" else Severity.ERROR,
            exact=declared or name in own,
            sure=name != "APP_URL" or name in own,
        )
        for name in (*names, *own)
    }


def _uses_auth_js(graph: Graph) -> bool:
    return any(
        dependency.key == "next-auth" or dependency.key.startswith("@auth/")
        for package in graph.all(Package)
        for dependency in package.dependencies
    )


def is_wrong(key: Key, found: Endpoint, options: Options, *, cloud: bool) -> bool:
    """Whether a value breaks mandate 5.2: not public in the cloud, or not the canonical one, or its like, locally."""
    if cloud:
        return found.loopback or found.scheme != options.public_url.cloud_scheme
    canonical = web_origin(options.public_url.canonical)
    if canonical is None or _same(found, canonical) or not (key.exact or key.sure or found.loopback):
        return False
    return key.exact or (found.scheme, found.host) != ("http", "127.0.0.1")


def _same(one: Endpoint, other: Endpoint) -> bool:
    """Whether a browser takes both for one origin."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
