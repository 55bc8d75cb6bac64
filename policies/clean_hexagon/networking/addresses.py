"""The address at which people open the application: canonical, and published (HEX506, HEX507)."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Container,
    Endpoint,
    EnvironmentFile,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Node,
    Origin,
    Outcomes,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Value,
    Variable,
    is_for_people,
    is_for_the_laptop,
    is_placeholder_host,
    origin_of,
    rule,
    shown_origin,
    undecided,
    web_origin,
)

CLIENTS = frozenset({Role.APP, Role.JOB})
"""The containers whose environment says what the application connects to."""


class Key(Struct, frozen=True):
    """A variable that holds the public address.

    `exact` demands the canonical address itself; otherwise http on 127.0.0.1 will do, at any port. `sure` is False
    where the name may as well hold the address of another system.
    """

    severity: Severity | None
    exact: bool
    sure: bool


def address_keys(graph: Graph, options: Options) -> dict[str, Key]:
    """The variables that hold the public address in this repository, by name.

    The configured ones are the house's own. `BETTER_AUTH_URL` is Better Auth's; `AUTH_URL` is taken for Auth.js only
    where that is a dependency, since any system may call its identity provider so; `APP_URL` is no auth key.
    """
    declared = options.public_url.declared
    names, own = ["BETTER_AUTH_URL", "NEXTAUTH_URL", "APP_URL"], options.public_url.keys
    if any(name == "next-auth" or name.startswith("@auth/") for name in graph.dependencies):
        names.append("AUTH_URL")
    return {
        name: Key(
            Severity.WARNING if name == "APP_URL" else None,
            exact=declared or name in own,
            sure=name != "APP_URL" or name in own,
        )
        for name in (*names, *own)
    }


def is_wrong(key: Key, found: Endpoint, options: Options, *, cloud: bool) -> bool:
    """Whether a value breaks mandate 5.2: not public in the cloud, or not the canonical one, or its like, locally."""
    if cloud:
        return found.loopback or found.scheme != options.public_url.cloud_scheme
    canonical = web_origin(options.public_url.canonical)
    if canonical is None or found.same_origin(canonical) or not (key.exact or key.sure or found.loopback):
        return False
    return key.exact or (found.scheme, found.host) != ("http", "127.0.0.1")


def inner_hosts(graph: Graph) -> frozenset[str]:
    """The names that only containers know: of Compose services, where no container runs the browser."""
    composed = [each for each in graph.containers() if each.side is Side.LOCAL or each.is_composed]
    knowing = {(each.side, each.service.group) for each in composed if each.runs_browsers}
    outside = (each.service for each in composed if (each.side, each.service.group) not in knowing)
    return frozenset(name for each in outside for name in each.names if "." not in name)


_FRONT = frozenset({Role.APP, Role.PROXY, Role.TOOL, Role.JOB})


@rule(
    "HEX506",
    mandate="5.2",
    severity=Severity.ERROR,
    remedy="Set the variable to the canonical address locally, and to the public one in the cloud.",
    message={
        "default": "'{key}' of '{where}' is '{url}', not the canonical local address '{canonical}'.",
        "loopback": "'{key}' of '{where}' is '{url}'. Locally it must be http on 127.0.0.1, or cookies are lost.",
        "cloud": "'{key}' of '{where}' is '{url}', but in the cloud it must be a public '{scheme}' address.",
    },
)
def auth_url_not_canonical(graph: Graph, options: Options) -> Outcomes:
    """The address that authentication builds its cookies and redirects on is not the canonical one.

    To a browser `localhost` and `127.0.0.1` are two sites, and so are two ports to an OAuth provider's list of
    redirects: a session that starts on one is gone on the other, and the login loops (next-auth#2094). So one address
    holds everywhere locally. In the cloud it must be a public https address, or the secure cookies are never sent.

    `NEXTAUTH_URL`, or what `public_url.keys` names, must be the canonical address itself: that of `public_url.local`,
    by default the mandate's `http://127.0.0.1:3005`. `AUTH_URL` (where Auth.js is a dependency), `BETTER_AUTH_URL` and
    `APP_URL` are held to it exactly only when the configuration states it; otherwise http on 127.0.0.1 at any port
    will do, since another application may well have another port. `APP_URL` is no auth key: a warning, and without a
    stated address only when it is on the machine itself. Scheme, host and port count; a path does not. Of containers
    of the cloud, other addresses that people open are asked too, with a warning (`APP_BASE_URL`, `SITE_URL`).

    The local side is the environment in force in Compose services, and env files in the repository that are not for
    production, tests or CI, and not put aside; in a file that nothing loads, a public https address is a template for
    production. An empty value says nothing. `NEXTAUTH_URL_INTERNAL` is another variable, for the server's calls to
    itself, and the name of a container is another mistake (HEX509). Where none is stated and all local addresses
    agree, another one than the canonical is a convention, and so is a local `APP_URL`.
    """
    keys, inner = address_keys(graph, options), inner_hosts(graph)
    seen: set[Span] = set()
    local = (origin_of(each.value) for node, each in _held(graph) if each.key in keys and node.side is not Side.CLOUD)
    consistent = len({each.origin for each in local if each is not None}) == 1
    for subject, variable in _held(graph):
        found, cloud = origin_of(variable.value), subject.side is Side.CLOUD
        key = keys.get(variable.key) or _of_people(graph, subject, variable.key, found)
        if variable.origin is Origin.SECRET and isinstance(variable.value, Unknown):
            continue  # what a manager holds no file tells
        if key is None or variable.value.span in seen or (found is not None and found.host in inner):
            continue
        if isinstance(subject, EnvironmentFile):
            template = found is not None and (found.scheme == "https" and not found.loopback)
            if found is None or template or is_placeholder_host(found.host):
                continue
        seen.add(variable.value.span)
        yield Compared(subject)
        yield from undecided(subject, variable.value)
        if found is None and isinstance(variable.value, Floating):
            yield from undecided(subject, Unknown("the address is known only after apply", variable.value.span))
        elif found is not None and is_wrong(key, found, options, cloud=cloud):
            taste = (consistent or not key.sure) and not cloud and not options.public_url.declared
            yield replace(_not_canonical(subject, variable, key, found, options), convention=taste)


def _of_people(graph: Graph, subject: Node, name: str, found: Endpoint | None) -> Key | None:
    """The key of another variable for links that people follow, asked where a cloud runs the container."""
    if subject.side is not Side.CLOUD or not isinstance(subject, Service) or found is None or not is_for_people(name):
        return None
    inner = "." not in found.host or found.host.endswith((".local", ".internal"))
    if graph.container(subject).is_composed or (inner and not found.loopback):
        return None
    return Key(Severity.WARNING, exact=False, sure=False)


def _held(graph: Graph) -> Iterator[tuple[Node, Variable]]:
    """The variables in force in clients, local ones first, and those of env files that are for the laptop."""
    for side in (Side.LOCAL, Side.CLOUD):
        for container in graph.containers(side=side):
            if container.role in CLIENTS:
                yield from ((container.node, variable) for variable in container.environment.values())
    for file in graph.all(EnvironmentFile):
        if is_for_the_laptop(file.path):
            yield from ((file, variable) for variable in file.variables)


def _not_canonical(subject: Node, variable: Variable, key: Key, found: Endpoint, options: Options) -> Finding:
    canonical, scheme = options.public_url.canonical, options.public_url.cloud_scheme
    if subject.side is Side.CLOUD:
        variant, fix = "cloud", Fix("name the public address")
    elif key.exact:
        variant, fix = (
            "default",
            rewritten(variable.value, found, canonical, f"set {variable.key} to {canonical}", safe=True),
        )
    else:
        local = f"http://127.0.0.1:{found.port}" if found.written else "http://127.0.0.1"
        variant, fix = "loopback", rewritten(variable.value, found, local, f"set {variable.key} to {local}", safe=True)
        fix = fix if found.loopback else Fix("use http on 127.0.0.1")
    url, value, severity = shown_origin(variable.value, found), variable.value, key.severity
    args = {"key": variable.key, "where": subject.name, "url": url, "scheme": scheme, "canonical": canonical}
    return Finding(subject=subject, at=value, severity=severity, variant=variant, args=args, fix=fix)


@rule(
    "HEX507",
    mandate="5.2",
    severity=Severity.ERROR,
    remedy="Publish the port of the address.",
    message={
        "default": "'{service}' publishes '{published}', but '{key}' sends [browsers](1) to port '{port}'.",
        "unpublished": "'{service}' publishes no port, but '{key}' sends [browsers](1) to port '{port}'.",
    },
)
def public_url_port_not_published(graph: Graph, options: Options) -> Outcomes:
    """The application's local address has a port that nothing publishes.

    With `NEXTAUTH_URL=http://127.0.0.1:3005` and `ports: ["3000:3000"]` the page opens on 3000 and every redirect goes
    to 3005, where nobody answers. Logging in then fails for a reason that no log of the application shows.

    The address is the fixed point, so the port mapping is the place to edit: that of the service that holds the
    address, or its name when it publishes nothing. A port is fine when any application, proxy or tool of the same
    stack publishes it: a worker may well hold the address of the web process. An address that HEX506 reports is not
    reported again. With `network_mode: host` every port is open, so nothing is asked.
    """
    keys = address_keys(graph, options)
    reported: set[tuple[str, int]] = set()
    clients = [each for each in graph.containers(side=Side.LOCAL) if each.role in CLIENTS]
    fronts: dict[str, list[Container]] = {}
    for each in graph.containers(side=Side.LOCAL):
        if each.role in _FRONT:
            fronts.setdefault(each.service.group, []).append(each)
    on_host = {group for group, front in fronts.items() if any(each.service.network == "host" for each in front)}
    published = {group: {port for each in front for port in each.published} for group, front in fronts.items()}
    for client in sorted(clients, key=lambda each: (not each.published, each.id)):
        group = client.service.group
        if group in on_host:
            continue
        for variable in client.environment.values():
            key, found = keys.get(variable.key), origin_of(variable.value)
            if key is None or found is None or not found.loopback:
                continue
            place = (client.service.group, found.port)
            if place in reported or is_wrong(key, found, options, cloud=False):
                continue
            yield Compared(client.node)
            if found.port in published.get(group, ()):
                continue
            front = fronts.get(group, ())
            hidden = [port.published for each in front for port in each.ports if isinstance(port.published, Unknown)]
            yield from undecided(client.node, *hidden)
            if not hidden:
                reported.add(place)
                yield _unpublished(client, variable, key, found.port)


def _unpublished(client: Container, variable: Variable, key: Key, port: int) -> Finding:
    published = [each for each in client.published.values() if each.protocol == "tcp"]
    fix = Fix(f"publish port {port}")
    if len(published) == 1 and isinstance(published[0].published, Known):
        old = published[0].published
        if old.span != published[0].target.span:
            fix = Fix.replacing(fix.description, old.span, str(old.value), str(port), safe=True)
    variant, at = ("default", published[0].span) if published else ("unpublished", client.span)
    numbers, related, severity = ", ".join(map(str, client.published)), (variable.value,), key.severity
    args = {"service": client.name, "key": variable.key, "port": port, "published": numbers}
    return Finding(subject=client.node, at=at, variant=variant, severity=severity, args=args, related=related, fix=fix)


def rewritten(value: Value[str], found: Endpoint, address: str, description: str, *, safe: bool) -> Fix:
    """The Fix that puts another origin before the path of a value, where that begins with the one that was found."""
    old = found.origin
    match value:
        case Known(text, span) if span.end - span.start == len(text) and text.lower().startswith(old):
            return Fix.replacing(description, span._replace(end=span.start + len(old)), old, address, safe=safe)
        case _:
            return Fix(description)
