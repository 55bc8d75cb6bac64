"""Ports that have to be one: at which somebody listens, and to which requests are sent (HEX511, HEX513)."""

from collections.abc import Iterable, Iterator

from clean_hexagon.options import Options
from policyengine.api import (
    Address,
    Beside,
    Change,
    Compared,
    Container,
    EdgeKind,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Package,
    Port,
    Role,
    Service,
    Severity,
    Side,
    Span,
    SupabaseStack,
    Swap,
    Unknown,
    Value,
    addresses,
    assigned,
    is_for_the_laptop,
    known,
    regex,
    rule,
    service_called,
    speaks_of,
    speaks_scheme,
    undecided,
    variables,
    words_of,
)


@rule(
    "HEX513",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Let the container take requests at the port to which they are sent.",
    message={
        "default": "'{local}' takes requests at port '{here}', but [the {what}](1) at port '{there}'.",
        "balancer": "The load balancer sends requests to port '{there}' of '{service}', which has [port](1) '{here}'.",
        "listens": "'{service}' is given requests at port '{here}', but [it listens](1) on '{there}'.",
        "unnamed": "'{service}' names no port, so requests come at '{here}', but [it listens](1) on '{there}'.",
    },
)
def container_port_mismatch(graph: Graph, _: Options) -> Outcomes:
    """A container takes requests at another port than the one to which they are sent.

    An image that listens on 3001 behind a load balancer that was told 3000 starts, stays unhealthy and is replaced
    until the deployment is rolled back. On the laptop the same mistake shows as an empty page.

    Three things are held against each other. The ports of a Compose service (else the EXPOSE of its image) and those of
    its twin in the cloud: a finding where both are known and none is shared, so that a port for a debugger does not
    matter. It is a convention where the difference is meant: the laptop runs a development server, variables such as
    PORT tell each side its own, or another container of the task takes requests at that port. The port to which a load
    balancer sends requests and those that the container names. And the port at which it listens: what the settings of
    nginx say (`listen 80`) or the command (`--port 3001`), else the variable PORT where the image sets or exposes it
    too or the configuration module reads it; a variable such as PORTGATEWAY that holds the port which the service names
    may be the one that the code reads. Cloud Run sends requests to 8080 where its service names none. A port that only
    EXPOSE names is documentation, and does not outweigh the others.
    """
    for container in graph.containers():
        if container.role is Role.APP or container.serves is not None:
            yield from _within(graph, container)
    for local, cloud in graph.mirrored(role=Role.APP):
        here, there = list(_named(local)), list(_named(cloud))
        if not here:
            here = [] if isinstance(cloud.told_port, Known) else _numbers(local.ports)
        there += [edge.port for edge in graph.into(EdgeKind.ROUTES, cloud.service) if edge.port is not None]
        if not here or not there:
            continue
        yield Compared(local.node, cloud.node)
        open_ends = [each for each in (*here, *there) if not isinstance(each, Known)]
        yield from undecided(local.node, *open_ends)
        mine, theirs = _shown(here), _shown(there)
        if not open_ends and set(mine).isdisjoint(theirs):
            yield Finding(
                subject=local.node,
                at=here[0],
                convention=_explained(graph, local, cloud, mine, theirs),
                args={"local": local.name, "here": ", ".join(mine), "what": cloud.noun, "there": ", ".join(theirs)},
                related=(there[0],),
                against=cloud.node,
                fix=Fix(
                    f"take requests at port {theirs[0]} on both sides",
                    _moved(local, here[0], mine[0], theirs[0]) if len(mine) == 1 else (),
                ),
            )


def _moved(local: Container, here: Value[int], mine: str, theirs: str) -> tuple[Change, ...]:
    """Another port of the container, for what listens too where a variable tells it."""
    told = assigned(local, "PORT", theirs) if _listens(local, [mine]) else ()
    check = local.service.healthcheck
    asked = known(check.test, None) if check is not None else None
    if check is not None and asked is not None and f":{mine}" in str(asked):
        told = (*told, Swap(check.test.span, f":{mine}", f":{theirs}"))
    return (Swap(here.span, mine, theirs), *told)


def _listens(container: Container, ports: list[str]) -> bool:
    """Whether the variable PORT says of one of the ports that the container listens there."""
    told = container.environment.get("PORT")
    return told is not None and known(told.value, "") in ports


def _explained(graph: Graph, local: Container, cloud: Container, mine: list[str], theirs: list[str]) -> bool:
    """Whether ports differ as programs do: a development server and a web server, or each as it was told.

    What the laptop has in one container may be two of a task, of which another one takes requests at that port.
    """
    apart = known(local.stage, None) is not known(cloud.stage, None)
    told = _names(cloud, theirs) and (_names(local, mine) or apart)
    serves = any(each.does("serve-dev") for each in local.commands)
    beside = (each for each in graph.all(Service, side=Side.CLOUD) if each.group == cloud.service.group)
    return told or serves or any(str(known(port.target, 0)) in mine for each in beside for port in each.ports)


def _names(container: Container, ports: list[str]) -> bool:
    """Whether a variable such as PORT or HTTP_PORT holds one of the ports."""
    return any(known(each.value, "") in ports for key, each in container.environment.items() if "PORT" in key.upper())


def _within(graph: Graph, container: Container) -> Outcomes:
    """What does not fit in one container: the load balancer in front of it, and the port at which it listens."""
    named = list(_named(container))
    if not named:
        yield from _unnamed(graph, container)
    if not named or any(not isinstance(each, Known) for each in named):
        return
    numbers = _shown(named)
    for edge in graph.into(EdgeKind.ROUTES, container.service):
        if isinstance(edge.port, Known):
            yield Compared(container.node)
            if str(edge.port.value) not in numbers:
                yield _finding(container, "balancer", named, edge.port)
        yield from undecided(container.node, edge.port)
    told = container.told_port
    given = {known(each.value, "") for key, each in container.environment.items() if "PORT" in key.upper() != "PORT"}
    if isinstance(told, Known):
        yield Compared(container.node)
        if str(told.value) not in numbers and given.isdisjoint(numbers):
            yield _finding(container, "listens", named, told)


def _unnamed(graph: Graph, container: Container) -> Outcomes:
    """A service of Cloud Run that names no port and listens at another than the usual one, whatever PORT says."""
    run, told, given = service_called("cloudrun"), container.told_port, container.environment.get("PORT")
    if run is None or container.service.noun != f"{run.title} service" or not isinstance(told, Known):
        return
    beside = any(each.service.ports for each in graph.neighbours(container))
    if beside or (given is not None and told.span == given.value.span):
        return
    yield Compared(container.node)
    if told.value != run.port:
        args = {"service": container.name, "here": run.port, "there": told.value}
        fix = Fix(f"name port {told.value}")
        at: Span = container.span
        yield Finding(subject=container.node, at=at, variant="unnamed", args=args, related=(told,), fix=fix)


def _finding(container: Container, variant: str, named: list[Value[int]], told: Known[int]) -> Finding:
    """What is said of two ports: at that of the load balancer, else at that to which requests are sent."""
    at, right = (told, named[0]) if variant == "balancer" else (named[0], told)
    fix = Fix(f"name port {known(right, 0)}")
    if len(named) == 1 and (variant == "balancer" or container.side is Side.LOCAL):
        safe = container.side is Side.LOCAL
        fix = Fix.replacing(fix.description, at.span, str(known(at, 0)), str(known(right, 0)), safe=safe)
    args = {"service": container.name, "here": ", ".join(_shown(named)), "there": told.value}
    return Finding(subject=container.node, at=at, variant=variant, args=args, related=(right,), fix=fix)


def _named(container: Container) -> Iterator[Value[int]]:
    """The ports that the service names, without those that only its image exposes."""
    return (port.target for port in container.service.ports if port.protocol == "tcp")


def _numbers(ports: Iterable[Port]) -> list[Value[int]]:
    return [port.target for port in ports if port.protocol == "tcp"]


def _shown(values: Iterable[Value[int]]) -> list[str]:
    return [str(number) for number in dict.fromkeys(known(each, 0) for each in values) if number]


@rule(
    "HEX511",
    mandate="5.1",
    severity=Severity.WARNING,
    remedy="Use the port at which the store is published.",
    message="'{key}' in '{file}' goes to '{endpoint}', but [the service](1) '{service}' is published at '{port}'.",
)
def host_env_port_mismatch(graph: Graph, _: Options) -> Outcomes:
    """An env file for the laptop names a port of localhost at which the stack's store is not published.

    With `ports: ["5434:5432"]` a program that is started on the laptop, outside of any container, reaches the database
    at `localhost:5434`. `localhost:5432` in the env file is refused, or worse, answered by another project's database.

    Asked are addresses on localhost, in env files for the laptop that no service loads, of a store whose engine the
    scheme or the variable's name tells (`postgresql://`, `REDIS_HOST` with `REDIS_PORT`), where the Compose project
    runs that engine outside of all profiles and publishes it. The port is fine when anything takes it: another service,
    another Compose file of the repository, `supabase start`, a package's script, the file's own PORT. A store that is
    not published says nothing: then another one is meant. Files for tests have stores of their own, and so has a file
    that is called after another Compose file.
    """
    local = list(graph.containers(side=Side.LOCAL))
    others = [set(words_of(each.path)) for each in graph.all(Beside)]
    loaded = {name for each in local for file in each.service.env_files for name in (file.path, file.stand_in)}
    effective = {variable.value.span for each in local for variable in each.environment.values()}
    taken = {number for each in local for number in each.published}
    taken.update(known(port, 0) for each in graph.all(Beside) for port in each.ports)
    taken.update(known(port, 0) for each in graph.all(SupabaseStack) for port in each.ports)
    for package in graph.all(Package):
        taken.update(int(number) for script in package.scripts for number in _NUMBER.findall(known(script.value, "")))
    hidden = [port.published for each in local for port in each.ports if isinstance(port.published, Unknown)]
    stores = [each for each in local if each.store is not None and not each.service.profiles and each.published]
    for file in graph.all(EnvironmentFile):
        if file.path in loaded or not is_for_the_laptop(file.path) or _goes_with(file, others):
            continue
        given = variables(file.variables)
        own = known(given["PORT"].value, "") if "PORT" in given else ""
        for address in addresses(given):
            endpoint = address.endpoint
            meant = [each for each in stores if _is_of(address, known(each.store.engine, "") if each.store else "")]
            if not endpoint.loopback or not meant or not endpoint.port or address.variable.value.span in effective:
                continue
            yield Compared(file)
            if endpoint.port in taken or str(endpoint.port) == own:
                continue
            yield from undecided(file, *hidden)
            if not hidden:
                yield _unpublished(file, address, meant[0])


_NUMBER = regex(r"\d{4,5}")


def _goes_with(file: EnvironmentFile, others: list[set[str]]) -> bool:
    """Whether an env file is called after another Compose file: `.env.cluster` after `compose.cluster.yml`."""
    called = set(words_of(file.name)) - {"env", "example", "sample", "template"}
    return bool(called) and any(called <= each for each in others)


def _is_of(address: Address, engine: str) -> bool:
    """Whether an address is one of a store of an engine, by its scheme or the name of its variable."""
    scheme = address.endpoint.scheme
    if scheme in ("host", "", "keywords"):
        return speaks_of(words_of(address.variable.key), engine)
    return not address.endpoint.web and speaks_scheme(engine, scheme) is True


def _unpublished(file: EnvironmentFile, address: Address, store: Container) -> Finding:
    number, port = next(iter(store.published.items()))
    endpoint = address.endpoint
    at = address.port or address.span
    text = str(number) if address.port is not None else f"{endpoint.host}:{number}"
    old = str(endpoint.port) if address.port is not None else str(endpoint)
    fix = Fix(f"use port {number}")
    if address.exact and (endpoint.written or address.port is not None):
        fix = Fix.replacing(fix.description, at if isinstance(at, Span) else at.span, old, text, safe=True)
    args = {"key": address.variable.key, "file": file.name, "endpoint": endpoint, "service": store.name, "port": number}
    return Finding(subject=file, at=at, args=args, related=(port,), fix=fix)
