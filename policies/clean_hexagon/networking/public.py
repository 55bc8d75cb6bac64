"""Addresses that browsers open: never a name that only containers know (HEX509)."""

from collections.abc import Iterator

from clean_hexagon.networking.addresses import address_keys, inner_hosts
from clean_hexagon.networking.names import answering, composed, sibling_named
from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Container,
    Endpoint,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Passing,
    Severity,
    Side,
    Span,
    Swap,
    Unknown,
    Variable,
    endpoints,
    hosts,
    is_for_containers,
    publishers,
    rule,
    undecided,
)


@rule(
    "HEX509",
    mandate="5.1",
    severity=Severity.ERROR,
    remedy="Use an address that the browser on the laptop can reach.",
    message={
        "default": (
            "'{key}' of '{service}' sends browsers to '{url}', but only containers know the name of [the service](1)."
        ),
        "published": (
            "'{key}' of '{service}' sends browsers to '{url}', but only containers know the name of [the service](1). "
            "It publishes port '{port}'."
        ),
    },
)
def internal_host_in_public_var(graph: Graph, options: Options) -> Outcomes:
    """A variable that browsers get names a Compose service as its host.

    `NEXT_PUBLIC_API_URL=http://api:4000` is built into what the browser loads, and `NEXTAUTH_URL=http://app:3005` is
    where a provider sends people back. `api` and `app` are names of Docker's network: the laptop's browser answers
    `ERR_NAME_NOT_RESOLVED`, while every request between containers works.

    Asked are variables that a tool builds into the page, in the environment and in build arguments, where the package
    depends on that tool: a worker that shares them sends no page. Asked are those, too, that hold the public address.
    Names that speak of calls between servers pass (`*_INTERNAL`, `VITE_PROXY_TARGET`), and so does a name with a dot,
    which a hosts file may know. Where the project runs the browser itself (Playwright, Selenium), that browser does
    know the names. Of an image that is not built here nobody knows its tools, and a proxy
    or development server that names the variable may pass requests on: open questions.
    """
    public, named, inner = address_keys(graph, options), answering(graph), inner_hosts(graph)
    passing = {key: each.path for each in graph.all(Passing) for key in each.keys}
    seen: set[Span] = set()
    for container in composed(graph):
        for variable in _given(container):
            tools = () if is_for_containers(variable.key) else publishers(variable.key)
            value = variable.value
            if not isinstance(value, Known) or value.span in seen or not (tools or variable.key in public):
                continue
            has = {each.key for package in container.packages for each in package.dependencies}
            if variable.key not in public and has.isdisjoint(tools):
                if not container.packages and inner.intersection(hosts(value.value)):
                    why = f"whether the image of '{container.name}' is built with '{tools[0]}'"
                    yield from undecided(container.node, Unknown(why, value.span))
                continue
            if variable.key in passing and variable.key not in public:
                if inner.intersection(hosts(value.value)):
                    why = f"'{passing[variable.key]}' names it, and may pass requests on from the container"
                    yield from undecided(container.node, Unknown(why, value.span))
                continue
            found = [each for each in endpoints(value.value) if each.web]
            if found:
                yield Compared(container.node)
            for endpoint in found:
                other = sibling_named(named, container, endpoint.host)
                if endpoint.host in container.service.names:
                    other = container
                if other is not None and endpoint.host in inner and value.span not in seen:
                    seen.add(value.span)
                    yield _unknown_to_browsers(container, variable, value, endpoint, other)


def _given(container: Container) -> Iterator[Variable]:
    yield from container.environment.values()
    for build in container.builds:
        yield from build.args


def _unknown_to_browsers(
    container: Container, variable: Variable, value: Known[str], endpoint: Endpoint, other: Container
) -> Finding:
    span, exact = value.span, value.span.end - value.span.start == len(value.value)
    place = Span(span.path, span.start + endpoint.start, span.start + endpoint.end) if exact else span
    port = next((str(number) for number in other.published), "")
    args = {"key": variable.key, "service": container.name, "url": endpoint.origin, "port": port}
    right = f"127.0.0.1:{port}" if port else "an address that the laptop knows"
    return Finding(
        subject=container.node,
        at=place,
        variant="published" if port else "default",
        args=args,
        related=(other,),
        fix=Fix(
            f"use {right}", (Swap(place, str(endpoint), right),) if exact and port else (), container.side is Side.LOCAL
        ),
    )
