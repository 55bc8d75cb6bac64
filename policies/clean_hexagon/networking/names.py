"""Names that lead from one container of a Compose project to another (HEX503, HEX504, HEX512)."""

import difflib
from collections.abc import Iterator, Mapping

from clean_hexagon.networking.addresses import CLIENTS
from clean_hexagon.options import Options
from policyengine.api import (
    Address,
    Attachment,
    Beside,
    Change,
    Compared,
    Container,
    Edit,
    Finding,
    Fix,
    Graph,
    Outcomes,
    Put,
    Role,
    Severity,
    Side,
    Span,
    Unknown,
    host_kind,
    is_address,
    is_placeholder_host,
    known,
    port_of_scheme,
    rule,
    schemes_of,
    speaks_scheme,
    undecided,
)

Answering = Mapping[tuple[Side, str, str], list[Container]]
"""The services of Compose by side, project and each name that they answer to, in lower case."""


def answering(graph: Graph) -> Answering:
    """Who answers to which name."""
    found: dict[tuple[Side, str, str], list[Container]] = {}
    for each in composed(graph):
        for name in dict.fromkeys(each.service.names):
            found.setdefault((each.side, each.service.group, name), []).append(each)
    return found


def sibling_named(named: Answering, container: Container, host: str) -> Container | None:
    """The other service of the same project that answers to a name: the one of that name, else the last so called."""
    others = named.get((container.side, container.service.group, host), ())
    return next((each for each in reversed(others) if each.id != container.id), None)


def composed(graph: Graph) -> Iterator[Container]:
    """The services that Docker's resolver knows: of the local side, and of Compose in production."""
    return (each for each in graph.containers() if each.side is Side.LOCAL or each.is_composed)


_ASKED = CLIENTS | {Role.TOOL}
_PRODUCTIVE = frozenset(Role) - {Role.TOOL, Role.SIDECAR, Role.JOB}


@rule(
    "HEX503",
    mandate="5.1",
    severity=Severity.WARNING,
    remedy="Name a service of the project, or add the host under 'extra_hosts'.",
    message={
        "default": "'{key}' of '{service}' names the host '{host}', to which nothing in the Compose project answers.",
        "near": (
            "'{key}' of '{service}' names the host '{host}', to which nothing in the Compose project answers. "
            "The nearest is [the service](1) '{near}'."
        ),
    },
)
def unresolvable_internal_host(graph: Graph, _: Options) -> Outcomes:
    """A container is told to reach a host that no container of its project answers to.

    Docker's resolver knows services, container names, host names, aliases and links of the networks that a container is
    on. A name without a dot that is none of them is looked up nowhere else, and fails with `ENOTFOUND` or
    `could not translate host name`: mostly a service that was renamed, or one of another Compose file.

    Asked is what URLs, lists of `host:port`, connection strings and `X_HOST` with `X_PORT` name; a host variable alone
    only where its name speaks of a store. Web addresses count with a port and unless they are for browsers: without one
    they are often mere identifiers. Names of `extra_hosts` pass, words that are there to be replaced, and what stands
    under a profile on either side, which production leaves out on purpose. What another Compose file of the repository,
    or another project on an external network, may answer to is an open question. A host that cannot be told from a part
    of a password is left alone.
    """
    named = answering(graph)
    optional = {name for each in composed(graph) if each.service.profiles for name in each.service.names}
    elsewhere = {name: each.path for each in graph.all(Beside) for name in each.names}
    projects: dict[tuple[Side, str], dict[str, None]] = {}
    for side, group, name in named:
        projects.setdefault((side, group), {})[name] = None
    seen: set[Span] = set()
    for container in composed(graph):
        service = container.service
        if container.role not in _ASKED or service.network == "host":
            continue
        around = projects.get((container.side, service.group), {})
        passed = {name.lower() for name in service.extra_hosts}
        for address in container.addresses:
            host = address.endpoint.host
            if not _leads_to_a_name(address) or address.span in seen:
                continue
            seen.add(address.span)
            yield Compared(container.node)
            if host in around or host in passed or host in optional:
                continue
            outside = next((each.network for each in service.networks if each.external), "")
            if outside or host in elsewhere:
                where = f"on the network '{outside}'" if outside else f"of '{elsewhere[host]}'"
                yield from undecided(container.node, Unknown(f"a container {where} may answer to it", address.span))
                continue
            near = _nearest(graph, container, address, [*around]) if len(around) <= _MANY else None
            yield _lost(container, address, near)


_MANY = 500
"""In a project of more names none is looked for that is nearly the one that is asked for."""


def _leads_to_a_name(address: Address) -> bool:
    """Whether an address names a host that only Docker's resolver may know."""
    endpoint, variable = address.endpoint, address.variable
    host, told = endpoint.host, known(variable.value, "")
    if "." in host or ":" in host or not any(each.isalpha() for each in host) or "@" in told[endpoint.end :]:
        return False
    if host_kind(host) is not None or is_placeholder_host(host):
        return False
    if endpoint.scheme == "host":
        return address.port is not None or address.speaks_of_stores
    if endpoint.scheme == "":
        return is_address(variable.key)
    if endpoint.web:
        return endpoint.written and not address.for_browsers
    return endpoint.scheme == "keywords" or port_of_scheme(endpoint.scheme) is not None


def _nearest(graph: Graph, container: Container, address: Address, names: list[str]) -> Container | None:
    """The service whose name is nearly the one that is asked for, or the only one that is meant by scheme or words.

    Many engines speak http, as applications do: such an address means an engine only at its port.
    """
    endpoint, others = address.endpoint, list(graph.neighbours(container))
    near = difflib.get_close_matches(endpoint.host, names, n=1, cutoff=0.7)
    found = [each for each in others if near and near[0] in each.service.names]
    if not found:
        engines = [(each, known(each.store.engine, "")) for each in others if each.store is not None]
        plain = [(each, engine) for each, engine in engines if not endpoint.web or endpoint.port == each.store_port]
        found = [each for each, engine in engines if address.speaks_of(engine)]
        found = found or [each for each, engine in plain if speaks_scheme(engine, endpoint.scheme)]
    return found[0] if len(found) == 1 else None


def _lost(container: Container, address: Address, near: Container | None) -> Finding:
    endpoint = address.endpoint
    place = address.span._replace(end=address.span.start + len(endpoint.host))
    exact = address.exact and endpoint.end - endpoint.start >= len(endpoint.host) and ":" not in endpoint.host
    args = {"key": address.variable.key, "service": container.name, "host": endpoint.host}
    if near is None:
        fix = Fix("name a service, or add the host to extra_hosts")
        return Finding(subject=container.node, at=address.span, args=args, fix=fix)
    return Finding(
        subject=container.node,
        at=address.span,
        variant="near",
        args={**args, "near": near.name},
        related=(near,),
        fix=Fix(f"name the service {near.name}", (Edit(place, near.name),) if exact else (), near.side is Side.LOCAL),
    )


@rule(
    "HEX504",
    mandate="5.1",
    severity=Severity.WARNING,
    remedy="Use the scheme of the server behind the address.",
    message="'{key}' of '{service}' speaks '{scheme}' to '{endpoint}', where [the service](1) runs '{engine}'.",
)
def scheme_mismatch(graph: Graph, _: Options) -> Outcomes:
    """An address names a scheme that the server behind it does not speak.

    Whether `http://db:5432` works is up to the client: one takes host and port and drops the scheme, the next one
    refuses it, or sends an HTTP request to Postgres. In the cloud the same variable holds another text.

    Asked is an address of a sibling that runs a known engine, at that engine's port: a management page on another port
    is spoken to in http. Any word around a `+` may be the scheme (`postgresql+asyncpg`, `db+postgresql`), and a scheme
    that no table knows passes. Whether the connection is encrypted is another question.
    """
    named = answering(graph)
    seen: set[Span] = set()
    for container in composed(graph):
        for address in container.addresses:
            endpoint = address.endpoint
            other = sibling_named(named, container, endpoint.host)
            engine = "" if other is None or other.store is None else known(other.store.engine, "")
            spoken = speaks_scheme(engine, endpoint.scheme)
            if other is None or spoken is None or endpoint.port != other.store_port:
                continue
            yield Compared(container.node)
            if spoken or address.span in seen:
                continue
            seen.add(address.span)
            right, text = schemes_of(engine)[0], known(address.variable.value, "")
            span = address.variable.value.span
            start = text.find("://", 0, endpoint.start) - len(endpoint.scheme)
            place = span._replace(start=span.start + start, end=span.start + start + len(endpoint.scheme))
            single = address.exact and start >= 0 and text.count("://") == 1
            args = {"key": address.variable.key, "service": container.name, "scheme": endpoint.scheme}
            yield Finding(
                subject=container.node,
                at=place if single else address.span,
                args={**args, "endpoint": endpoint, "engine": engine},
                related=(other,),
                fix=Fix(f"use {right}://", (Edit(place, right),) if single else (), container.side is Side.LOCAL),
            )


@rule(
    "HEX512",
    mandate="5.1",
    severity=Severity.ERROR,
    remedy="Put both containers on one network.",
    message={
        "default": "'{key}' of '{service}' names '{host}', but it shares no network with [that service](1).",
        "outside": "'{key}' of '{service}' names '{host}', but one of both is on the host's own network [here](1).",
        "host": "'{service}' runs on the host's network, where no service is found by its name.",
    },
)
def network_topology(graph: Graph, _: Options) -> Outcomes:
    """Containers that talk to each other share no network, or one leaves Docker's networks.

    Docker resolves the name of a container only for those on a network with it: `api` on `backend` cannot find `db` on
    `data` alone, and each of both looks right by itself. With `network_mode: host` a container is on no such network:
    names lead nowhere, `ports` are ignored, and on a Mac it is the network of a virtual machine.

    An error is a name in the environment that is so out of reach, at the place of the address; not where the value
    stands in an env file that a service loads, too, which does reach the host. `network_mode: host` of a service that
    talks to nobody by name is a warning; tools, jobs and log routers may have their reasons. An alias is heard only on
    its own network. `network_mode: service:x` has the networks of `x`; `extra_hosts` go before all names.
    """
    named = answering(graph)
    apart: dict[Span, tuple[Container, Address, Container]] = {}
    heard: set[Span] = set()
    for container in composed(graph):
        for address in container.addresses:
            host = address.endpoint.host
            others = named.get((container.side, container.service.group, host), ())
            others = [each for each in others if each.id != container.id]
            mapped = host in map(str.lower, container.service.extra_hosts)
            if not others or mapped or address.for_browsers:
                continue
            yield Compared(container.node)
            if any(_reaches(named, container, other, host) for other in others):
                heard.add(address.span)
            else:
                apart.setdefault(address.span, (container, address, others[-1]))
    for span in sorted(apart.keys() - heard):
        yield _apart(*apart[span])
    talking = {container.id for span, (container, *_) in apart.items() if span not in heard}
    for container in composed(graph):
        told = container.service.network_mode
        if container.service.network == "host" and told is not None and container.role in _PRODUCTIVE:
            yield Compared(container.node)
            if container.id not in talking:
                fix = Fix("leave the host's network, and publish the ports that are needed")
                args, low = {"service": container.name}, Severity.WARNING
                yield Finding(subject=container.node, at=told, variant="host", severity=low, args=args, fix=fix)


def _apart(container: Container, address: Address, other: Container) -> Finding:
    host = address.endpoint.host
    args = {"key": address.variable.key, "service": container.name, "host": host}
    mode = next((each.service.network_mode for each in (container, other) if each.service.network == "host"), None)
    shared = [each.network for each in other.service.networks if not each.external]
    edits: tuple[Change, ...] = ()
    if mode is None and shared and container.service.networks:
        edits = (Put(container.span, ("networks", "-"), shared[0]),)
    return Finding(
        subject=container.node,
        at=address.span,
        variant="default" if mode is None else "outside",
        args=args,
        related=(other if mode is None else mode,),
        fix=Fix(
            f"put both on one network for '{host}'" if mode is None else "put both on the project's networks",
            edits,
            container.side is Side.LOCAL,
        ),
    )


def _reaches(named: Answering, one: Container, other: Container, host: str) -> bool:
    """Whether a container finds another one by a name."""
    if "host" in (one.service.network, other.service.network):
        return False
    mine = {each.network for each in _networks(named, one)}
    heard = (host == other.name.lower(), host in map(str.lower, other.service.hostnames))
    theirs = {each.network for each in _networks(named, other) if any(heard) or host in map(str.lower, each.aliases)}
    return one.service.network == other.service.network or not mine or not theirs or not mine.isdisjoint(theirs)


def _networks(named: Answering, container: Container) -> tuple[Attachment, ...]:
    """The networks that a container is on, or those of the one whose network it uses."""
    owner = container.service
    if owner.network != container.name:
        holder = named.get((container.side, owner.group, owner.network.lower()), ())
        owner = holder[-1].service if holder else owner
    return owner.networks
