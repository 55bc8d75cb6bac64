"""Ports that have to be one: at which a container listens, and to which requests are sent (HEX513)."""

from collections.abc import Iterable, Iterator

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Container,
    EdgeKind,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Port,
    Role,
    Severity,
    Side,
    Value,
    known,
    rule,
    undecided,
)


@rule(
    "HEX513",
    mandate="1.1",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' takes requests at port '{here}', but [the {what}](1) at port '{there}'.",
        "balancer": "The load balancer sends requests to port '{there}' of '{service}', which has [port](1) '{here}'.",
        "listens": "'{service}' is given requests at port '{here}', but [it listens](1) on '{there}'.",
    },
)
def container_port_mismatch(graph: Graph, _: Options) -> Outcomes:
    """A container takes requests at another port than the one to which they are sent.

    An image that listens on 3001 behind a load balancer that was told 3000 starts, stays unhealthy and is replaced
    until the deployment is rolled back. On the laptop the same mistake shows as an empty page.

    Three things are held against each other. The ports of a Compose service (else the EXPOSE of its image) and those of
    its twin in the cloud: a finding where both are known and none is shared, so that a port for a debugger does not
    matter; a warning where the variable PORT has each side listen at its own. The port to which a load balancer sends
    requests and those that the container names. And the port at which it listens: what the command says
    (`--port 3001`), else the variable PORT where the image sets or exposes it too or the configuration module reads it.
    A port that only EXPOSE names is documentation, and does not outweigh the others.
    """
    for container in graph.containers():
        if container.role is Role.APP:
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
            told = _listens(local, mine) and _listens(cloud, theirs)
            yield Finding(
                subject=local.node,
                at=here[0],
                severity=Severity.WARNING if told else None,
                args={"local": local.name, "here": ", ".join(mine), "what": cloud.noun, "there": ", ".join(theirs)},
                related=(there[0],),
                against=cloud.node,
                fix=Fix(f"take requests at port {theirs[0]} on both sides"),
            )


def _listens(container: Container, ports: list[str]) -> bool:
    """Whether the variable PORT says of one of the ports that the container listens there."""
    told = container.environment.get("PORT")
    return told is not None and known(told.value, "") in ports


def _within(graph: Graph, container: Container) -> Outcomes:
    """What does not fit in one container: the load balancer in front of it, and the port at which it listens."""
    named = list(_named(container))
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
    if isinstance(told, Known):
        yield Compared(container.node)
        if str(told.value) not in numbers:
            yield _finding(container, "listens", named, told)


def _finding(container: Container, variant: str, named: list[Value[int]], told: Known[int]) -> Finding:
    """What is said of two ports: at that of the load balancer, else at that to which requests are sent."""
    at, right = (told, named[0]) if variant == "balancer" else (named[0], told)
    fix = Fix(f"name port {known(right, 0)}")
    if len(named) == 1 and (variant == "balancer" or container.side is Side.LOCAL):
        fix = Fix.replacing(fix.description, at.span, str(known(at, 0)), str(known(right, 0)))
    args = {"service": container.name, "here": ", ".join(_shown(named)), "there": told.value}
    return Finding(subject=container.node, at=at, variant=variant, args=args, related=(right,), fix=fix)


def _named(container: Container) -> Iterator[Value[int]]:
    """The ports that the service names, without those that only its image exposes."""
    return (port.target for port in container.service.ports if port.protocol == "tcp")


def _numbers(ports: Iterable[Port]) -> list[Value[int]]:
    return [port.target for port in ports if port.protocol == "tcp"]


def _shown(values: Iterable[Value[int]]) -> list[str]:
    return [str(number) for number in dict.fromkeys(known(each, 0) for each in values) if number]
