"""Containers find each other by their Docker names (HEX501, HEX502)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from clean_hexagon.networking import public_urls
from clean_hexagon.networking.containers import CLIENTS, effective, host_ports, network_mode_of, shares_host
from clean_hexagon.networking.endpoints import Endpoint, endpoints
from policyengine.api import (
    Datastore,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Port,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    host_kind,
    is_address,
    is_for_browsers,
    is_for_servers,
    is_web,
    port_of_engine,
    rule,
    speaks_of,
    split_host,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clean_hexagon.options import Options


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
def localhost_inside_container(graph: Graph, options: Options) -> Iterator[Outcome]:
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
    public = public_urls.keys(graph, options)
    seen: set[Span] = set()
    for service in _clients(graph):
        yield from undecided(service, service.environment_gap)
        environment = effective(graph, service)
        for variable in environment.values():
            if isinstance(variable.value, Unknown) and is_address(variable.key):
                yield from undecided(service, variable.value)
            for use in _uses(variable, environment):
                place = use.span
                if place in seen or variable.key in public:
                    continue
                target = _misdirected(graph, service, variable.key, use)
                if target is not None:
                    seen.add(place)
                    yield _localhost(service, variable.key, use, target)


@rule(
    "HEX502",
    mandate="5.1",
    severity=Severity.ERROR,
    message=(
        "'{key}' of '{service}' points to '{endpoint}', but that port is only [published to the host](1). "
        "Use '{right}' inside the network."
    ),
)
def published_port_used_internally(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A container addresses a sibling by its name, but at the port that is published to the host.

    With `ports: ["5434:5432"]` the database listens on 5432; 5434 exists only on the laptop. `db:5434` is refused
    inside the network, and the mistake often hides behind a second, working definition for tools on the host.

    A sibling may be named by its service name, container name, host name, link or network alias. The port is reported
    when the sibling publishes it and does not listen on it: not when it is also a container port, an exposed one, or
    the engine's own. A public URL that names a container is another mistake, and not this rule's.
    """
    public = public_urls.keys(graph, options)
    seen: set[Span] = set()
    for service in graph.all(Service, side=Side.LOCAL):
        if shares_host(service):
            continue
        environment = effective(graph, service)
        names = {name: sibling for sibling in graph.siblings(service) for name in _names(sibling)}
        for variable in environment.values():
            if variable.key in public:
                continue
            for use in _uses(variable, environment):
                sibling = names.get(use.endpoint.host)
                if sibling is None or use.span in seen or use.endpoint.port in _listening(graph, sibling):
                    continue
                port = _published(sibling, use.endpoint.port)
                if port is None or not isinstance(port.target, Known):
                    continue
                seen.add(use.span)
                right = f"{use.endpoint.host}:{port.target.value}"
                yield Finding(
                    subject=service,
                    at=use.at_port,
                    args={
                        "key": variable.key,
                        "service": service.name,
                        "endpoint": use.endpoint,
                        "right": right,
                    },
                    related=(port.span,),
                    fix=use.redirect(use.endpoint.host, port.target.value),
                )


class _Use(Struct, frozen=True):
    """An endpoint that a variable names, where it stands, and the variable with its port where that is another."""

    endpoint: Endpoint
    span: Span
    exact: bool
    port: Known[str] | None = None
    words: frozenset[str] | None = None

    @property
    def at_port(self) -> Span:
        """The place of the port: another variable's value, or that of the endpoint."""
        return self.span if self.port is None else self.port.span

    def redirect(self, host: str, port: int) -> Fix:
        """The Fix that points it at another host and port."""
        description = f"use {host}:{port}"
        if not self.exact:
            return Fix(description)
        edits: list[Edit] = []
        if self.endpoint.written and self.port is None:
            edits.append(Edit(self.span, f"{host}:{port}"))
        else:
            if host != self.endpoint.host:
                edits.append(Edit(self.span, host))
            if port != self.endpoint.port:
                if self.port is None or self.port.span.end - self.port.span.start != len(self.port.value):
                    return Fix(description)
                edits.append(Edit(self.port.span, str(port)))
        return Fix(description, tuple(edits))


def _uses(variable: Variable, environment: Mapping[str, Variable]) -> Iterator[_Use]:
    """The endpoints that a variable names."""
    if not isinstance(variable.value, Known):
        return
    text, span = variable.value.value, variable.value.span
    exact = span.end - span.start == len(text)
    found = endpoints(text)
    for endpoint in found:
        place = Span(span.path, span.start + endpoint.start, span.start + endpoint.end) if exact else span
        yield _Use(endpoint, place, exact)
    split = None if found else split_host(variable.key)
    host = text.strip().lower()
    if split is None or not host or host == "0.0.0.0" or not re.fullmatch(r"[a-z0-9_.:-]+", host):  # noqa: S104  read
        return
    port = environment.get(split.port)
    match None if port is None else port.value:
        case Known(number) as value if number.isascii() and number.isdigit() and len(number) <= 5:
            yield _Use(Endpoint("host", host, int(number), 0, len(text), written=False), span, exact, value)
        case None:
            yield _Use(Endpoint("host", host, 0, 0, len(text), written=False), span, exact, words=split.words)
        case _:
            pass


class _Target(Struct, frozen=True):
    """The sibling that an endpoint is meant for, its container port, and the place that tells so."""

    sibling: Service
    port: int
    place: Span
    gateway: bool = False


def _misdirected(graph: Graph, service: Service, key: str, use: _Use) -> _Target | None:
    """The sibling that an endpoint on the container itself, or on the Docker host, is meant for."""
    endpoint = use.endpoint
    gateway = host_kind(endpoint.host) == "gateway"
    if not gateway and host_kind(endpoint.host) != "loopback":
        return None
    web = is_web(endpoint.scheme)
    if web and is_for_browsers(key):
        return None
    if endpoint.port in _own(graph, service):
        return None
    siblings = [each for each in graph.siblings(service) if not _one_name_space(service, each)]
    for sibling in siblings:
        port = _published(sibling, endpoint.port)
        if port is not None and isinstance(port.target, Known) and _plausible(sibling, key, endpoint):
            return _Target(sibling, port.target.value, port.span, gateway)
    if gateway:
        return None
    for sibling in siblings:
        if not _plausible(sibling, key, endpoint):
            continue
        if use.words is not None:
            engine, port_number = _engine(graph, sibling)
            if engine and port_number and speaks_of(use.words, engine):
                return _Target(sibling, port_number, sibling.span)
        elif endpoint.port in _listening(graph, sibling):
            return _Target(sibling, endpoint.port, sibling.span)
    return None


def _plausible(sibling: Service, key: str, endpoint: Endpoint) -> bool:
    """Whether a server-side client may mean this sibling.

    A web address of a proxy or a tool is what people open, and so may be that of an application, unless the variable
    speaks of an API or the like. A host variable of an application may be what it binds to.
    """
    if is_web(endpoint.scheme) and sibling.role is Role.APP:
        return is_for_servers(key)
    if is_web(endpoint.scheme):
        return sibling.role not in {Role.PROXY, Role.TOOL}
    if endpoint.scheme == "host":
        return sibling.role not in {Role.APP, Role.PROXY, Role.JOB}
    return True


def _localhost(service: Service, key: str, use: _Use, target: _Target) -> Finding:
    name = target.sibling.name
    return Finding(
        subject=service,
        at=use.span,
        variant="gateway" if target.gateway else "default",
        severity=Severity.WARNING if target.gateway else None,
        args={
            "key": key,
            "service": service.name,
            "endpoint": use.endpoint if use.endpoint.port else use.endpoint.host,
            "right": f"{name}:{target.port}",
            "sibling": name,
        },
        related=(target.place,),
        fix=use.redirect(name, target.port),
    )


def _clients(graph: Graph) -> Iterator[Service]:
    for service in graph.all(Service, side=Side.LOCAL):
        if service.role in CLIENTS and not shares_host(service):
            yield service


def _name_space(service: Service) -> str:
    """The service whose network a service uses: its own, or that of `network_mode: service:x`."""
    kind, _, name = network_mode_of(service).partition(":")
    return name if kind in {"service", "container"} else service.name


def _one_name_space(one: Service, other: Service) -> bool:
    return _name_space(one) == _name_space(other) or _name_space(one) in _names(other)


def _names(service: Service) -> tuple[str, ...]:
    """The names by which siblings find a service."""
    aliases = (alias for network in service.networks for alias in network.aliases)
    return tuple(name.lower() for name in (service.name, *service.hostnames, *aliases))


def _published(service: Service, number: int) -> Port | None:
    """The mapping that publishes a port to the host."""
    for port in service.ports:
        if isinstance(port.published, Known) and port.published.value == number:
            return port
    return None


def _listening(graph: Graph, service: Service) -> frozenset[int]:
    """The ports on which a container listens: mapped, exposed, or its engine's own."""
    ports = {port.target.value for port in service.ports if isinstance(port.target, Known)}
    match graph.stage(service):
        case Known(stage):
            ports |= {port.target.value for port in stage.exposed if isinstance(port.target, Known)}
        case _:
            pass
    if not ports:
        _, own = _engine(graph, service)
        ports |= {own} if own else set()
    return frozenset(ports)


def _own(graph: Graph, service: Service) -> frozenset[int]:
    """The ports at which a container may mean itself: those it listens on or publishes, and its variable PORT."""
    ports = {*_listening(graph, service), *host_ports(service)}
    match effective(graph, service).get("PORT"):
        case Variable(value=Known(number)) if number.isascii() and number.isdigit() and len(number) <= 5:
            ports.add(int(number))
        case _:
            pass
    return frozenset(ports)


def _engine(graph: Graph, service: Service) -> tuple[str, int]:
    """The engine of the datastore that a service runs, and the port it listens on; empty and 0 for none."""
    for store in graph.all(Datastore):
        if store.service == service.id and isinstance(store.engine, Known):
            engine = store.engine.value
            port = store.port.value if isinstance(store.port, Known) else port_of_engine(engine) or 0
            return engine, port
    return "", 0
