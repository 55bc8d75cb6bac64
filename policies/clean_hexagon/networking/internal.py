"""Containers find each other by their Docker names (HEX501, HEX502)."""

from clean_hexagon.networking.addresses import CLIENTS, address_keys
from clean_hexagon.options import Options
from policyengine.api import (
    Address,
    Compared,
    Container,
    Edit,
    Endpoint,
    Finding,
    Fix,
    Graph,
    Known,
    Located,
    Outcomes,
    Role,
    Severity,
    Side,
    Span,
    Unknown,
    host_kind,
    is_address,
    is_for_browsers,
    is_for_servers,
    is_web,
    port_of_engine,
    rule,
    speaks_of,
    undecided,
)


@rule(
    "HEX501",
    mandate="5.1",
    severity=Severity.ERROR,
    message={
        "default": (
            "'{key}' of '{service}' points to '{endpoint}', which inside a container is that container itself. "
            "Use '{right}' to reach [the service](1) '{sibling}'."
        ),
        "gateway": (
            "'{key}' of '{service}' leaves the network by '{endpoint}' and comes back through a published port. "
            "Use '{right}' to reach [the service](1) '{sibling}'."
        ),
    },
)
def localhost_inside_container(graph: Graph, options: Options) -> Outcomes:
    """A container is told to find a sibling service on localhost.

    Inside a container localhost is the container. `postgres://localhost:5434` works from the laptop's shell, where the
    port is published, and fails with `ECONNREFUSED` in the container (MMGIS#74); in the cloud the host is a name too.

    What counts is the environment that is in force: `environment` over `env_file` over the image's ENV, of
    applications and one-shot jobs. An address is reported when its port is one that a sibling publishes, or else
    listens on. Values are read as URLs, lists of `host:port`, libpq, ADO and Go connection strings, and as `X_HOST`
    with `X_PORT`; a host variable alone is matched by the engine that its name speaks of. `0.0.0.0` in a host variable
    is an address to bind to. `host.docker.internal` towards a sibling works, but by a detour, hence a warning.

    Not reported: the container's own port; addresses for browsers (`NEXT_PUBLIC_*`, origins, callbacks and other
    public URLs, web addresses of a proxy or a developer's tool, and those of a sibling application unless the name
    speaks of calls between servers, as `API_URL` does); health checks; `network_mode: host`, and siblings
    that share one network name space. Containers of one ECS task do share localhost, so the cloud side is not asked.
    The value may hold a password, so only `host:port` is ever shown.
    """
    public = address_keys(graph, options)
    seen: set[Span] = set()
    for container in graph.containers(side=Side.LOCAL):
        if container.role not in CLIENTS or container.service.network == "host":
            continue
        yield from undecided(container.node, container.environment_gap)
        for variable in container.environment.values():
            if isinstance(variable.value, Unknown) and is_address(variable.key):
                yield from undecided(container.node, variable.value)
        siblings = [each for each in graph.neighbours(container) if not _one_network(container, each)]
        if container.addresses:
            yield Compared(container.node)
        for address in container.addresses:
            if address.span in seen or address.variable.key in public:
                continue
            meant = _meant(container, address, siblings)
            if meant is None:
                continue
            seen.add(address.span)
            sibling, port, place = meant
            args = {"key": address.variable.key, "service": container.name, "endpoint": address.endpoint}
            yield Finding(
                subject=container.node,
                at=address.span,
                variant="default" if address.endpoint.loopback else "gateway",
                severity=None if address.endpoint.loopback else Severity.WARNING,
                args=args | {"right": f"{sibling.name}:{port}", "sibling": sibling.name},
                related=(place,),
                fix=_redirected(address, sibling.name, port),
            )


def _meant(container: Container, address: Address, siblings: list[Container]) -> tuple[Container, int, Located] | None:
    """The sibling that an endpoint on localhost or on the Docker host is meant for, its port, and what tells so."""
    endpoint, key = address.endpoint, address.variable.key
    if not (endpoint.loopback or host_kind(endpoint.host) == "gateway") or endpoint.port in container.own_ports:
        return None
    if is_web(endpoint.scheme) and is_for_browsers(key):
        return None
    plausible = [each for each in siblings if _plausible(each.role, key, endpoint)]
    for sibling in plausible:
        port = sibling.published.get(endpoint.port)
        if port is not None and isinstance(port.target, Known):
            return sibling, port.target.value, port
    for sibling in plausible if endpoint.loopback else ():
        if address.words is None and endpoint.port in sibling.listens:
            return sibling, endpoint.port, sibling
        store = None if address.words is None else sibling.store
        if store is not None and isinstance(store.engine, Known) and speaks_of(address.words or (), store.engine.value):
            number = store.port.value if isinstance(store.port, Known) else port_of_engine(store.engine.value)
            if number:
                return sibling, number, sibling
    return None


def _plausible(role: Role, key: str, endpoint: Endpoint) -> bool:
    """Whether a server-side client may mean a sibling of this role.

    A web address of a proxy or a tool is what people open, and so may be that of an application, unless the variable
    speaks of an API or the like. A host variable of an application may be what it binds to.
    """
    if is_web(endpoint.scheme) and role is Role.APP:
        return is_for_servers(key)
    if is_web(endpoint.scheme):
        return role not in {Role.PROXY, Role.TOOL}
    if endpoint.scheme == "host":
        return role not in {Role.APP, Role.PROXY, Role.JOB}
    return True


def _one_network(one: Container, other: Container) -> bool:
    """Whether two containers share one network name space, and so localhost."""
    return one.service.network == other.service.network or one.service.network in other.service.names


@rule(
    "HEX502",
    mandate="5.1",
    severity=Severity.ERROR,
    message=(
        "'{key}' of '{service}' points to '{endpoint}', but that port is only [published to the host](1). "
        "Use '{right}' inside the network."
    ),
)
def published_port_used_internally(graph: Graph, options: Options) -> Outcomes:
    """A container addresses a sibling by its name, but at the port that is published to the host.

    With `ports: ["5434:5432"]` the database listens on 5432; 5434 exists only on the laptop. `db:5434` is refused
    inside the network, and the mistake often hides behind a second, working definition for tools on the host.

    A sibling may be named by its service name, container name, host name, link or network alias. The port is reported
    when the sibling publishes it and does not listen on it: not when it is also a container port, an exposed one, or
    the engine's own. A public URL that names a container is another mistake, and not this rule's.
    """
    public = address_keys(graph, options)
    seen: set[Span] = set()
    for container in graph.containers(side=Side.LOCAL):
        if container.service.network == "host":
            continue
        names = {name: sibling for sibling in graph.neighbours(container) for name in sibling.service.names}
        if container.addresses:
            yield Compared(container.node)
        for address in container.addresses:
            endpoint = address.endpoint
            sibling = names.get(endpoint.host)
            if sibling is None or address.span in seen or address.variable.key in public:
                continue
            port = sibling.published.get(endpoint.port)
            if port is None or not isinstance(port.target, Known) or endpoint.port in sibling.listens:
                continue
            seen.add(address.span)
            right = f"{endpoint.host}:{port.target.value}"
            args = {"key": address.variable.key, "service": container.name, "endpoint": endpoint, "right": right}
            yield Finding(
                subject=container.node,
                at=address.span if address.port is None else address.port,
                args=args,
                related=(port,),
                fix=_redirected(address, endpoint.host, port.target.value),
            )


def _redirected(address: Address, host: str, port: int) -> Fix:
    """The Fix that points a variable at another host and port."""
    description, endpoint, held = f"use {host}:{port}", address.endpoint, address.port
    if not address.exact:
        return Fix(description)
    if endpoint.written and held is None:
        return Fix(description, (Edit(address.span, f"{host}:{port}"),))
    edits = [Edit(address.span, host)] if host != endpoint.host else []
    if port != endpoint.port:
        if held is None or held.span.end - held.span.start != len(held.value):
            return Fix(description)
        edits.append(Edit(held.span, str(port)))
    return Fix(description, tuple(edits))
