"""The address at which people open the application: canonical, and published (HEX506, HEX507)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clean_hexagon.networking import public_urls
from policyengine.api import (
    Compared,
    Edit,
    EnvironmentFile,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Node,
    Outcome,
    Port,
    Role,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    is_placeholder_host,
    regex,
    rule,
    undecided,
    web_origin,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Container, Endpoint

_FRONT = frozenset({Role.APP, Role.PROXY, Role.TOOL, Role.JOB})
_REFERENCE = regex(r"\$\{[^}]*\}")
_NOT_LOCAL = regex(
    r"prod|stag|preview|deploy|test|\bci\b|e2e|remote|cloud|backup|(?:^|[/.])(?:archived?|old|bak)(?:[/.]|$)",
    re.IGNORECASE,
)


@rule(
    "HEX506",
    mandate="5.2",
    severity=Severity.ERROR,
    message={
        "default": "'{key}' of '{where}' is '{url}', not the canonical local address '{canonical}'.",
        "loopback": "'{key}' of '{where}' is '{url}'. Locally it must be http on 127.0.0.1, or cookies are lost.",
        "cloud": "'{key}' of '{where}' is '{url}', but in the cloud it must be a public '{scheme}' address.",
    },
)
def auth_url_not_canonical(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The address that authentication builds its cookies and redirects on is not the canonical one.

    To a browser `localhost` and `127.0.0.1` are two sites, and so are two ports to an OAuth provider's list of
    redirects: a session that starts on one is gone on the other, and the login loops (next-auth#2094). So one address
    holds everywhere locally. In the cloud it must be a public https address, or the secure cookies are never sent.

    `NEXTAUTH_URL`, or what `public_url.keys` names, must be the canonical address itself: that of `public_url.local`,
    by default the mandate's `http://127.0.0.1:3005`. `AUTH_URL` (where Auth.js is a dependency), `BETTER_AUTH_URL` and
    `APP_URL` are held to it exactly only when the configuration states it; otherwise http on 127.0.0.1 at any port
    will do, since another application may well have another port. `APP_URL` is no auth key: a warning, and without a
    stated address only when it is on the machine itself. Scheme, host and port count; a path does not.

    The local side is the environment in force in Compose services, and env files in the repository that are not for
    production, tests or CI, and not put aside; in a file that nothing loads, a public https address is a template for
    production. An empty value says nothing. `NEXTAUTH_URL_INTERNAL` is another variable, for the server's calls to
    itself.
    """
    keys = public_urls.keys(graph, options)
    seen: set[Span] = set()
    for side in (Side.LOCAL, Side.CLOUD):
        for container in graph.containers(side=side):
            if container.role not in public_urls.CLIENTS:
                continue
            service = container.node
            for variable in container.environment.values():
                key = keys.get(variable.key)
                if key is None or variable.value.span in seen:
                    continue
                seen.add(variable.value.span)
                yield from undecided(service, variable.value)
                if isinstance(variable.value, Floating) and _origin(variable) is None:
                    yield from undecided(service, Unknown("the address is known only after apply", variable.value.span))
                yield Compared(service)
                yield from _address(service, variable, key, options, cloud=side is Side.CLOUD)
    for file in graph.all(EnvironmentFile):
        if _NOT_LOCAL.search(file.path):
            continue
        for variable in file.variables:
            key = keys.get(variable.key)
            found = _origin(variable)
            if key is None or found is None or variable.value.span in seen:
                continue
            if is_placeholder_host(found.host) or (found.scheme == "https" and not found.loopback):
                continue
            seen.add(variable.value.span)
            yield Compared(file)
            yield from _address(file, variable, key, options, cloud=False)


@rule(
    "HEX507",
    mandate="5.2",
    severity=Severity.ERROR,
    message={
        "default": "'{service}' publishes '{published}', but '{key}' sends [browsers](1) to port '{port}'.",
        "unpublished": "'{service}' publishes no port, but '{key}' sends [browsers](1) to port '{port}'.",
    },
)
def public_url_port_not_published(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The application's local address has a port that nothing publishes.

    With `NEXTAUTH_URL=http://127.0.0.1:3005` and `ports: ["3000:3000"]` the page opens on 3000 and every redirect goes
    to 3005, where nobody answers. Logging in then fails for a reason that no log of the application shows.

    The address is the fixed point, so the port mapping is the place to edit: that of the service that holds the
    address, or its name when it publishes nothing. A port is fine when any application, proxy or tool of the same
    stack publishes it: a worker may well hold the address of the web process. An address that HEX506 reports is not
    reported again. With `network_mode: host` every port is open, so nothing is asked.
    """
    keys = public_urls.keys(graph, options)
    reported: set[tuple[str, int]] = set()
    clients = [each for each in graph.containers(side=Side.LOCAL) if each.role in public_urls.CLIENTS]
    for client in sorted(clients, key=lambda each: (not each.published, each.id)):
        front = [each for each in (client, *graph.beside(client)) if each.role in _FRONT]
        if any(each.service.network == "host" for each in front):
            continue
        for variable in client.environment.values():
            key, found = keys.get(variable.key), _origin(variable)
            if key is None or found is None or not found.loopback:
                continue
            if (client.service.group, found.port) in reported or public_urls.wrong_locally(key, found, options):
                continue
            yield Compared(client.node)
            if any(found.port in each.published for each in front):
                continue
            hidden = [port.published for each in front for port in each.ports if isinstance(port.published, Unknown)]
            if hidden:
                yield from undecided(client.node, *hidden)
                continue
            reported.add((client.service.group, found.port))
            yield _unpublished(client, variable, key, found)


def _origin(variable: Variable) -> Endpoint | None:
    match variable.value:
        case Known(text):
            return web_origin(text)
        case Floating(text):  # a host that a resource of the cloud gives: `http://${aws_lb.main.dns_name}`
            return web_origin(_REFERENCE.sub(lambda match: re.sub(r"[^\w.-]", "", match[0]), text))
        case _:
            return None


def _address(
    subject: Node, variable: Variable, key: public_urls.Key, options: Options, *, cloud: bool
) -> Iterator[Finding]:
    found = _origin(variable)
    if found is None:
        return
    wrong = public_urls.wrong_in_cloud(found, options) if cloud else public_urls.wrong_locally(key, found, options)
    if not wrong:
        return
    canonical = options.public_url.canonical
    args: dict[str, object] = {"key": variable.key, "where": subject.name, "url": _shown(variable, found)}
    if cloud:
        variant, fix = "cloud", Fix("name the public address")
        args["scheme"] = options.public_url.cloud_scheme
    elif key.exact:
        variant, fix = "default", _rewrite(variable, found, canonical)
        args["canonical"] = canonical
    else:
        variant = "loopback"
        port = f":{found.port}" if found.written else ""
        fix = _rewrite(variable, found, f"http://127.0.0.1{port}") if found.loopback else Fix("use http on 127.0.0.1")
    yield Finding(
        subject=subject,
        at=variable.value,
        severity=None if key.severity is Severity.ERROR else key.severity,
        variant=variant,
        args=args,
        fix=fix,
    )


def _shown(variable: Variable, found: Endpoint) -> str:
    """The origin as it is written: with the reference in it where a resource of the cloud gives the host."""
    if not isinstance(variable.value, Floating) or "@" in variable.value.value:
        return found.origin
    written = re.match(r"https?://(?:\$\{[^}]*\}|[^/?#\s$])+", variable.value.value, re.IGNORECASE)
    return written[0] if written is not None else found.origin


def _rewrite(variable: Variable, found: Endpoint, address: str) -> Fix:
    """The Fix that puts another origin before the path of the value."""
    description = f"set {variable.key} to {address}"
    if not isinstance(variable.value, Known):
        return Fix(description)
    text, span = variable.value.value, variable.value.span
    old = found.origin
    if span.end - span.start != len(text) or not text.lower().startswith(old):
        return Fix(description)
    return Fix(description, (Edit(Span(span.path, span.start, span.start + len(old)), address),))


def _unpublished(client: Container, variable: Variable, key: public_urls.Key, found: Endpoint) -> Finding:
    published = [port for port in client.published.values() if port.protocol == "tcp"]
    description = f"publish port {found.port}"
    numbers = ", ".join(map(str, client.published))
    return Finding(
        subject=client.node,
        at=published[0].span if published else client,
        variant="default" if published else "unpublished",
        severity=None if key.severity is Severity.ERROR else key.severity,
        args={"service": client.name, "key": variable.key, "port": found.port}
        | ({"published": numbers} if published else {}),
        related=(variable.value,),
        fix=_republish(published, found.port, description),
    )


def _republish(ports: list[Port], number: int, description: str) -> Fix:
    """The Fix that publishes the only mapped port under another number."""
    published = ports[0].published if len(ports) == 1 else None
    if not isinstance(published, Known):
        return Fix(description)
    span = published.span
    exact = span != ports[0].target.span and span.end - span.start == len(str(published.value))
    return Fix(description, (Edit(span, str(number)),) if exact else ())
