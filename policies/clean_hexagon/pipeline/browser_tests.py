"""The end-to-end tests open what the Compose stack serves (HEX608)."""

from msgspec import Struct
from msgspec.structs import replace

from clean_hexagon.options import Options
from clean_hexagon.paths import above
from clean_hexagon.pipeline import gate
from policyengine.api import (
    Beside,
    BrowserTests,
    Compared,
    Container,
    EndToEnd,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    HostAlias,
    Job,
    Outcomes,
    Role,
    Severity,
    Side,
    Unknown,
    Value,
    WebServer,
    Workflow,
    host_kind,
    is_for_tests,
    known,
    rule,
    starts_application,
    undecided,
    web_origin,
)


@rule(
    "HEX608",
    mandate="6.1",
    severity=Severity.ERROR,
    message={
        "default": "Playwright starts '{command}' for its tests, so they do not see the container ['{service}'](1).",
        "port": "The tests open '{url}', but [the Compose stack](1) publishes the application at '{ports}'.",
        "closed": "The tests open '{url}', but [the Compose stack](1) publishes no port of the application.",
    },
    remedy="Let the tests open the Compose stack, and start no server of their own in CI.",
)
def playwright_against_dev_server(graph: Graph, options: Options) -> Outcomes:
    """Playwright tests a server that it starts itself, or an address at which the Compose stack does not answer.

    A development server has another build, another user and another environment than the image, and is often kinder:
    what it compiles on demand, what it proxies, which headers it sends. The tests are green, and the container that is
    deployed was never opened.

    Asked of configurations of Playwright for a package that the Compose stack builds. A server counts that `webServer`
    starts in CI (`CI` is set there), whose command leads to a development server, or to a package script that starts
    or previews the application; what brings up Compose, mocks and other helpers pass, and so does a server that is not
    started because what answers at a port of the stack is used (`reuseExistingServer: true`). Variables that decide
    it count as what the workflow gives the tests. Where no server is started, the port of `baseURL` must be one that
    the stack publishes, with any of its Compose files; an address of another machine or of a container passes, and so
    does a stack on the network of the host. What code computes leaves the question open.

    Where a workflow brings up the stack and runs these tests it is an error; where none does, that the tests belong to
    the stack is a convention, unless the configuration declares the gate.
    """
    every = list(graph.all(BrowserTests))
    if not every:
        return
    stack, given = _stack(graph), _given(graph)
    convention = not options.ci.gate and not _are_gate(graph, options)
    for tests in every:
        for outcome in _judged(graph, tests, stack, given):
            yield replace(outcome, convention=convention) if isinstance(outcome, Finding) else outcome


class _Stack(Struct, frozen=True):
    """The local stack as tests see it: its applications, also by the packages that they are built from, and its ports.

    `chosen` is a port that Docker chooses, or a variable; on the network of the `host` every port is published.
    """

    apps: list[Container]
    homes: dict[str, list[Container]]
    published: set[int]
    beside: set[int]  # the ports of its other Compose files
    chosen: Unknown | None
    host: bool


def _stack(graph: Graph) -> _Stack:
    local = list(graph.containers(side=Side.LOCAL))
    apps = [each for each in local if each.role is Role.APP]
    homes: dict[str, list[Container]] = {}
    for each in apps:
        for home in _homes(each):
            homes.setdefault(home, []).append(each)
    ports = (port.published for each in local for port in each.ports)
    return _Stack(
        apps,
        homes,
        published={port for each in local for port in each.published},
        beside={known(port, 0) for each in graph.all(Beside) for port in each.ports},
        chosen=next((each for each in ports if isinstance(each, Unknown)), None),
        host=any(known(each.service.network_mode, "") == "host" for each in local if each.service.network_mode),
    )


def _judged(graph: Graph, tests: BrowserTests, stack: _Stack, given: dict[str, Value[str]]) -> Outcomes:
    """What is wrong with the configuration, or open."""
    servers = [each for each in tests.servers if _starts(each, given)]
    told: set[str] = set()
    for server in servers:
        tested = _tested(graph, stack, server)
        if tested is None or tested.id in told:
            continue
        yield Compared(tests)
        doubt = server.doubt or (server.command if isinstance(server.command, Unknown) else None)
        published = _port(server.address) in stack.published
        if doubt is not None:
            yield from undecided(tests, doubt)
        elif published and isinstance(server.reuses, Unknown) and _serves(server):
            yield from undecided(tests, server.reuses)
        elif _serves(server) and not (published and known(server.reuses, default=False)):
            told.add(tested.id)
            yield Finding(
                subject=tests,
                at=server.command,
                args={"command": known(server.command, ""), "service": tested.name},
                related=(tested,),
                fix=Fix("leave the server out where CI is set, and test the Compose stack"),
            )
    if not servers:
        yield from _opened(graph, tests, stack, given)


def _opened(graph: Graph, tests: BrowserTests, stack: _Stack, given: dict[str, Value[str]]) -> Outcomes:
    """The address that the tests begin at, against the ports that the stack publishes."""
    package = _package(graph, tests.directory)
    own = stack.homes.get(package, [])
    mine = own or (stack.apps if package in ("", tests.directory) and is_for_tests(tests.directory or "tests") else [])
    url = next((given[key] for key in tests.keys if key in given), tests.base_url)
    if not mine or stack.host:
        return
    origin = web_origin(known(url, ""))
    if isinstance(url, Unknown):
        yield Compared(tests)
        yield from undecided(tests, url)
    if origin is None or not (origin.loopback or _is_alias(graph, origin.host)):
        return
    yield Compared(tests)
    if origin.port in stack.published or origin.port in stack.beside:
        return
    if stack.chosen is not None:
        yield from undecided(tests, stack.chosen)
        return
    if not own and not any(each.published for each in mine):
        return
    ports = sorted({number for each in mine for number in each.published})
    args = {"url": origin.origin, "ports": ", ".join(map(str, ports))}
    at = next((each for each in mine if each.published), mine[0])
    yield Finding(
        subject=tests,
        at=url,
        variant="port" if ports else "closed",
        args=args if ports else {"url": origin.origin},
        related=(next(iter(at.published.values())),) if ports else (at,),
        fix=Fix(f"open a port of the stack: {args['ports']}" if ports else "publish the port of the application"),
    )


def _is_alias(graph: Graph, host: str) -> bool:
    return any(each.name == host and host_kind(each.address) == "loopback" for each in graph.all(HostAlias))


def _starts(server: WebServer, given: dict[str, Value[str]]) -> bool:
    """Whether a server is started, or may be, with what workflows give the tests."""
    return not any(key in given for key in server.unless) and all(key in given for key in server.given)


def _given(graph: Graph) -> dict[str, Value[str]]:
    """The variables that workflows set where they run end-to-end tests, else the env files of the tree."""
    files = sorted(graph.all(EnvironmentFile), key=lambda each: is_for_tests(each.path))
    found = {each.key: each.value for file in files for each in file.variables}
    for job in graph.all(Job):
        workflow = graph.get(Workflow, job.workflow)
        for step in job.steps:
            if any(isinstance(each, EndToEnd) for each in step.activities):
                around = () if workflow is None else workflow.variables
                found.update((each.key, each.value) for each in (*around, *job.variables, *step.environment))
    return found


def _serves(server: WebServer) -> bool:
    """Whether a command starts the application: a development server, or a script that starts or previews it."""
    if any(each.starts("docker") or each.starts("docker-compose") for each in server.commands):
        return False
    called = (step.what.removeprefix("script ") for each in server.commands for step in each.via)
    said = (word for each in server.commands for word in each.arguments[:2])
    return any(each.does("serve-dev") for each in server.commands) or any(map(starts_application, (*called, *said)))


def _tested(graph: Graph, stack: _Stack, server: WebServer) -> Container | None:
    """The container of the local stack that is built from the package whose server is started."""
    named = [step.span.path.rpartition("/")[0] for each in server.commands for step in each.via]
    found = (stack.homes.get(_package(graph, directory), []) for directory in (*named, server.directory))
    return next((each[0] for each in found if each), None)


def _package(graph: Graph, directory: str) -> str:
    """The folder of the package that a folder belongs to: the nearest one with a manifest, else the root."""
    return next((each for each in above(directory) if graph.holds(f"{each}/package.json".lstrip("/"))), "")


def _homes(container: Container) -> set[str]:
    """The packages that a container may be built from: by a Dockerfile in one, or in one as the context."""
    packages = {each.directory for each in container.packages}
    told = [known(path, "") for each in container.builds for path in (each.context, each.dockerfile)]
    folders = {"" if each == "." else each for each in told}
    inside = (each for each in packages if any(f"{folder}/".startswith(f"{each}/") for folder in folders if each))
    return {*inside, *({""} & packages if any("/" not in each for each in folders) else ())}


def _are_gate(graph: Graph, options: Options) -> bool:
    """Whether a workflow brings up the stack and tests it with Playwright."""
    return options.gate.runner == "playwright" and any(
        gate.test_after(graph, up, "playwright") is not None
        for workflow in graph.all(Workflow)
        for up in gate.brought_up(graph, workflow)
    )


def _port(address: Value[str]) -> int:
    text = known(address, "")
    origin = web_origin(text)
    return int(text) if text.isascii() and text.isdigit() else 0 if origin is None else origin.port or 0
