"""Containers find each other by their Docker names (HEX501, HEX502)."""

from collections.abc import Mapping, Sequence
from functools import cache, partial

from msgspec import structs

from clean_hexagon.networking.addresses import CLIENTS, address_keys
from clean_hexagon.networking.names import answering, sibling_named
from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Address,
    Compared,
    Container,
    Edit,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Known,
    Located,
    Origin,
    Outcomes,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    holds_all_of,
    hosts,
    is_address,
    is_for_the_laptop,
    known,
    names_another,
    rule,
    speaks_of_stores,
    undecided,
    words_of,
)


@rule(
    "HEX501",
    mandate="5.1",
    severity=Severity.ERROR,
    remedy="Address the sibling by its service name and the port that it listens on.",
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

    Not reported: the container's own port; a host in an example of an env file (`DB_HOST`) where the whole address is
    given too (`DATABASE_URL`), or where another env file beside it names the sibling; addresses for browsers
    (`NEXT_PUBLIC_*`, origins, callbacks and other public URLs, web addresses of a proxy or a developer's tool, and
    those of a sibling application unless the name speaks of calls between servers, as `API_URL` does); health checks;
    `network_mode: host`, and siblings that share one network name space. Containers of one ECS task do share localhost,
    so the cloud side is not asked.
    The value may hold a password, so only `host:port` is ever shown.
    """
    public = address_keys(graph, options)
    seen: set[Span] = set()
    found = doors(graph)
    names = _names(graph)
    called_after = cache(partial(_called_after, names))  # many services load one example
    joined = {group: " ".join("".join(words) for words, _ in each) for group, each in names.items()}

    def elsewhere(container: Container, key: str) -> bool:
        """Whether a variable names somebody whose name is in that of no service."""
        among = joined.get(container.service.group, "")
        return names_another(key) and not any(word in among for word in words_of(key) if len(word) > _TELLING)

    for container in graph.containers(side=Side.LOCAL):
        if container.role not in CLIENTS or container.service.network == "host":
            continue
        yield from undecided(container.node, container.environment_gap)
        for variable in container.environment.values():
            if isinstance(variable.value, Unknown) and not variable.endpoints and is_address(variable.key):
                others = called_after(container.service.group, variable.key) - {container.id}
                # else HEX506 asks it, or it is the address of somebody after whom no service is called
                blank = _blank(graph, variable.value)
                told = blank or variable.key in public or elsewhere(container, variable.key)
                spoken = others or speaks_of_stores(words_of(variable.key))
                asked = not told or (spoken and not (blank and _told_of_store(container)))
                yield from undecided(container.node, variable.value) if asked else ()
        if container.addresses:
            yield Compared(container.node)
        for address in container.addresses:
            if address.span in seen or address.variable.key in public or not at_home(container, address):
                continue
            if is_part_of_another(container, address) and _of_example(graph, address.variable.value.span):
                continue
            near = behind(found, container, address.endpoint.port)
            meant = meant_by(address, [each for each in near if not one_network(container, each)])
            if meant is None:
                continue
            sibling, port, place = meant
            if not _beside(graph, address).isdisjoint(sibling.service.names):
                continue
            seen.add(address.span)
            yield redirected(container, address, sibling.name, port, place)


def _blank(graph: Graph, value: Unknown) -> bool:
    """Whether a value is not known because an example of an env file leaves it blank."""
    return value.span.start == value.span.end and _of_example(graph, value.span)


def _told_of_store(container: Container) -> bool:
    """Whether it is told the address of a store, so that a blank one of another is optional."""
    return any(speaks_of_stores(words_of(each.variable.key)) for each in container.addresses)


def _of_example(graph: Graph, span: Span) -> bool:
    file = graph.get(EnvironmentFile, f"env:{span.path}")
    return file is not None and file.example


def _beside(graph: Graph, address: Address) -> set[str]:
    """The hosts that other env files for the laptop beside an example have for its variable, which may be loaded."""
    place, key = address.variable.value.span, address.variable.key
    if not _of_example(graph, place):
        return set()
    folder = place.path.rpartition("/")[0]
    others = (each for each in graph.all(EnvironmentFile) if each.path != place.path and is_for_the_laptop(each.path))
    near = (each for each in others if each.path.rpartition("/")[0] == folder)
    told = (known(each.value, "") for file in near for each in file.variables if each.key == key)
    return {host for text in told for host in hosts(text)}


_Names = list[tuple[tuple[str, ...], str]]
"""The names of services as words, with the ids of the services."""


def _names(graph: Graph) -> dict[str, _Names]:
    found: dict[str, _Names] = {}
    for each in graph.all(Service, side=Side.LOCAL):
        found.setdefault(each.group, []).extend((words_of(name), each.id) for name in each.names)
    return found


def _called_after(names: Mapping[str, _Names], group: str, key: str) -> set[str]:
    """The services of a project that a variable is called after."""
    parts = set(words_of(key))
    return {service for words, service in names[group] if parts.issuperset(words)}


_TELLING = 2
"""A word of so few letters may be in any name."""

Doors = Mapping[tuple[Side, str, int | None], Sequence[Container]]
"""The containers of each project by the ports that they publish or listen at, and those that are stores under None."""


def doors(graph: Graph) -> Doors:
    """By which ports containers are found, so that an address need not ask all of them."""
    found: dict[tuple[Side, str, int | None], list[Container]] = {}
    for each in graph.containers():
        for port in {*each.published, *each.listens, *([None] if each.store is not None else [])}:
            found.setdefault((each.side, each.service.group, port), []).append(each)
    return found


def behind(found: Doors, container: Container, port: int | None) -> list[Container]:
    """The other containers of its project that an address with that port may mean, in the order of ids."""
    place = (container.side, container.service.group)
    near = {each.id: each for key in {port, None} for each in found.get((*place, key), ())}
    return [near[name] for name in sorted(near) if name != container.id]


def at_home(container: Container, address: Address) -> bool:
    """Whether an address leads to localhost or the Docker host, and is not the container's own."""
    endpoint = address.endpoint
    if not (endpoint.loopback or endpoint.gateway) or address.for_browsers:
        return False
    return endpoint.port not in container.own_ports


def is_part_of_another(container: Container, address: Address) -> bool:
    """Whether an address is a host alone, and another variable holds the whole address, which code then takes."""
    if address.endpoint.scheme != "host":
        return False
    whole = (each for name, each in container.environment.items() if holds_all_of(name, address.variable.key))
    return any(known(each.value, "-") for each in whole)


def meant_by(address: Address, siblings: list[Container]) -> tuple[Container, int, Located] | None:
    """The sibling that an endpoint on localhost or on the Docker host is meant for, its port, and what tells so."""
    endpoint = address.endpoint
    roles = {role for role in {each.role for each in siblings} if _plausible(role, address)}
    plausible = [each for each in siblings if each.role in roles]
    for sibling in plausible:
        port = sibling.published.get(endpoint.port)
        if port is not None and isinstance(port.target, Known):
            return sibling, port.target.value, port
    for sibling in plausible if endpoint.loopback else ():
        if address.words is None and endpoint.port in sibling.listens:
            return sibling, endpoint.port, sibling
        engine = None if sibling.store is None else known(sibling.store.engine, "")
        if engine and address.speaks_of(engine) and sibling.store_port:
            return sibling, sibling.store_port, sibling
    return None


def _plausible(role: Role, address: Address) -> bool:
    """Whether a server-side client may mean a sibling of this role.

    A web address of a proxy or a tool is what people open, and so may be that of an application, unless the variable
    speaks of an API or the like. A host variable of an application may be what it binds to.
    """
    if address.endpoint.web:
        return address.for_servers if role is Role.APP else role not in {Role.PROXY, Role.TOOL}
    return address.endpoint.scheme != "host" or role not in {Role.APP, Role.PROXY, Role.JOB}


def one_network(one: Container, other: Container) -> bool:
    """Whether two containers share one network name space, and so localhost."""
    return one.service.network == other.service.network or one.service.network in other.service.names


@rule(
    "HEX502",
    mandate="5.1",
    severity=Severity.ERROR,
    remedy="Use the port that the sibling listens on, and not the one that is published to the host.",
    precision="very-high",
    message={
        "default": (
            "'{key}' of '{service}' points to '{endpoint}', but that port is only [published to the host](1). "
            "Use '{right}' inside the network."
        ),
        "nobody": (
            "'{key}' of '{service}' points to '{endpoint}', but [the service](1) '{sibling}' does not listen there. "
            "Use '{right}'."
        ),
    },
)
def published_port_used_internally(graph: Graph, options: Options) -> Outcomes:
    """A container addresses a sibling by its name, but at the port that is published to the host.

    With `ports: ["5434:5432"]` the database listens on 5432; 5434 exists only on the laptop. `db:5434` is refused
    inside the network, and the mistake often hides behind a second, working definition for tools on the host.

    A sibling may be named by its service name, container name, host name, link or network alias. The port is reported
    when the sibling publishes it and does not listen on it: not when it is also a container port, an exposed one, or
    the engine's own. A relational database that nothing moves to another port listens at its engine's own alone, so
    any other is reported. A public URL that names a container is another mistake, and not this rule's.
    """
    public = address_keys(graph, options)
    seen: set[Span] = set()
    named, siblings = answering(graph), doors(graph)
    for container in graph.containers(side=Side.LOCAL):
        if container.service.network == "host":
            continue
        if container.addresses:
            yield Compared(container.node)
        for address in container.addresses:
            endpoint = address.endpoint
            other = sibling_named(named, container, endpoint.host)
            if other is None or address.span in seen or address.variable.key in public:
                continue
            port = other.published.get(endpoint.port)
            if port is not None and isinstance(port.target, Known) and endpoint.port not in other.listens:
                seen.add(address.span)
                yield redirected(container, address, endpoint.host, port.target.value, port)
            elif port is None and endpoint.port and _is_plain(other) and endpoint.port not in other.listens:
                seen.add(address.span)
                near = (each for each in behind(siblings, container, endpoint.port) if _is_plain(each))
                meant = next((each for each in near if endpoint.port in each.published), None)
                if meant is not None:  # the database beside it, whose published port this is
                    yield redirected(
                        container, address, meant.name, meant.store_port or 0, meant.published[endpoint.port]
                    )
                    continue
                found = redirected(container, address, endpoint.host, other.store_port or 0, other)
                yield structs.replace(found, variant="nobody")


def _is_plain(store: Container) -> bool:
    """Whether a relational database listens at its engine's own port, which nothing that it is given may move."""
    given = (each for each in store.environment.values() if each.origin is not Origin.IMAGE)
    moved = not isinstance(store.service.command, Absent) or any("PORT" in each.key.upper() for each in given)
    relational = store.store is not None and known(store.store.engine, "") in _ONE_PORT
    return relational and store.store_port is not None and store.service.build is None and not moved


_ONE_PORT = frozenset({"mariadb", "mysql", "postgres"})
"""Engines whose images listen at one port; brokers do at several."""


def redirected(container: Container, address: Address, host: str, port: int, place: Located) -> Finding:
    """The finding that a variable is to point at another host, or at another port of its host, as `place` tells."""
    right, endpoint, key = f"{host}:{port}", address.endpoint, address.variable.key
    at = address.port if host == endpoint.host and address.port is not None else address.span
    variant, severity = ("gateway", Severity.WARNING) if endpoint.gateway else ("default", None)
    args = {"key": key, "service": container.name, "endpoint": endpoint, "right": right, "sibling": host}
    own = container.side is Side.LOCAL and address.span.path == container.span.path  # an env file may serve others
    return Finding(
        subject=container.node,
        at=at,
        variant=variant,
        severity=severity,
        args=args,
        related=(place,),
        fix=Fix(f"use {right}", _edits(address, host, port) if address.exact else (), own),
    )


def _edits(address: Address, host: str, port: int) -> tuple[Edit, ...]:
    """The edits that point a variable at another host and port; none where the port does not stand by itself."""
    endpoint, held = address.endpoint, address.port
    if endpoint.written and held is None:
        return (Edit(address.span, f"{host}:{port}"),)
    edits = (Edit(address.span, host),) if host != endpoint.host else ()
    if port == endpoint.port:
        return edits
    if held is None or held.span.end - held.span.start != len(held.value):
        return ()
    return (*edits, Edit(held.span, str(port)))
