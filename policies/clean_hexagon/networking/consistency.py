"""One address at which the application is opened locally, in everything that names it (HEX508)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from clean_hexagon.networking.addresses import CLIENTS, Key, address_keys, inner_hosts, is_wrong, rewritten
from clean_hexagon.options import Options
from policyengine.api import (
    BrowserTests,
    Compared,
    ConfigModule,
    Container,
    Endpoint,
    EndToEnd,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Node,
    Outcomes,
    Severity,
    Side,
    Span,
    Value,
    Variable,
    Workflow,
    endpoints,
    is_for_tests,
    is_for_the_laptop,
    known,
    origin_of,
    publishers,
    rule,
    web_origin,
)


class Held(Struct, frozen=True):
    """The local address that a container holds under one of the keys."""

    container: Container
    variable: Variable
    origin: Endpoint


@rule(
    "HEX508",
    mandate="5.2",
    severity=Severity.ERROR,
    remedy="Use one address for the application everywhere on the laptop.",
    message={
        "default": "'{key}' is '{url}' in '{where}', but [the container](1) '{service}' has '{other}'.",
        "tests": "The tests of '{where}' open '{url}', but '{key}' of '{service}' is [the address](1) '{other}'.",
        "given": "'{key}' is '{url}' in '{where}', but the tests open [the address](1) '{other}'.",
        "spelling": "'{where}' is '{url}', to a browser another site than [the address](1) '{other}' of '{key}'.",
    },
)
def public_url_inconsistent(graph: Graph, options: Options) -> Outcomes:
    """The application's local address is one thing here and another there.

    `localhost` and `127.0.0.1` are two sites to a browser: a test that opens the one and is sent to the other by
    NEXTAUTH_URL has lost its cookie, and the login that works by hand fails in CI. So does a page whose
    NEXT_PUBLIC_APP_URL spells the same server in the other way.

    Values are compared within one purpose. What the containers of the Compose stack have is held against env files
    beside them and the defaults of the configuration module, and against the address that Playwright opens where it
    starts no server of its own. The environment of a step that runs the tests, and an env file for tests, are held
    against what Playwright opens there. A variable that a tool builds into pages must not spell the same port with
    another loopback host. Where several applications have addresses, the one of the same package or port counts.

    What HEX506 says of a value is not said again, and a public address, one that code computes, or the stand-in of a
    build, is no local address. Scheme, host and port count.
    """
    keys, inner = address_keys(graph, options), inner_hosts(graph)
    held = [each for each in _held(graph, keys) if each.origin.loopback and each.origin.host not in inner]
    seen: set[Span] = set()
    for finding in (
        *_tests(graph, held, keys, web_origin(options.public_url.canonical)),
        *_given_to_tests(graph, keys),
        *_files(graph, held, keys, options),
        *_defaults(held),
        *_spelled(held, keys),
    ):
        place = finding.at if isinstance(finding.at, Span) else finding.at.span
        if place not in seen:
            seen.add(place)
            yield finding
    for each in held:
        yield Compared(each.container.node)


def _held(graph: Graph, keys: dict[str, Key]) -> Iterator[Held]:
    for container in graph.containers(side=Side.LOCAL):
        for variable in container.environment.values() if container.role in CLIENTS else ():
            origin = origin_of(variable.value) if variable.key in keys else None
            if origin is not None:
                yield Held(container, variable, origin)


def _opened(tests: BrowserTests) -> Endpoint | None:
    origin = web_origin(known(tests.base_url, ""))
    return origin if origin is not None and origin.loopback else None


def _tests(graph: Graph, held: Sequence[Held], keys: dict[str, Key], canonical: Endpoint | None) -> Iterator[Finding]:
    """Addresses that tests open, against those of the application that they are for, unless they are the right one."""
    set_elsewhere = {variable.key for file in graph.all(EnvironmentFile) for variable in file.variables}
    sure = [each for each in held if keys[each.variable.key].sure]
    for tests in graph.all(BrowserTests):
        found = _opened(tests)
        if found is None or tests.starts or not set_elsewhere.isdisjoint(tests.keys):
            continue
        mine = [
            each
            for each in sure
            if any(f"{tests.directory}/".startswith(f"{package.directory}/") for package in each.container.packages)
        ]
        pool = [each for each in mine or sure if each.origin.port == found.port] or mine or sure
        right = canonical is not None and found.same_origin(canonical)
        if len({each.origin.origin for each in pool}) == 1 and not (right or found.same_origin(pool[0].origin)):
            yield _differs("tests", tests, found, tests.base_url, pool[0])


def _given_to_tests(graph: Graph, keys: dict[str, Key]) -> Iterator[Finding]:
    """What the environment of tests says, against what they open there."""
    every = list(graph.all(BrowserTests))
    if len(every) != 1:
        return
    (tests,) = every
    environments: list[tuple[Node, Sequence[Variable]]] = [
        (file, file.variables) for file in graph.all(EnvironmentFile) if is_for_tests(file.path)
    ]
    for job in graph.all(Job):
        workflow = graph.get(Workflow, job.workflow)
        for step in job.steps:
            if any(isinstance(each, EndToEnd) for each in step.activities):
                around = () if workflow is None else workflow.variables
                environments.append((job, (*around, *job.variables, *step.environment)))
    for node, given in environments:
        values = {each.key: each for each in given}
        told = next((values[key].value for key in tests.keys if key in values), tests.base_url)
        opened = origin_of(told)
        for key in keys.keys() & values.keys():
            found = origin_of(values[key].value)
            if opened is None or not opened.loopback or found is None or not found.loopback:
                continue
            if keys[key].sure and not found.same_origin(opened):
                args = {"key": key, "where": node.name, "url": found.origin, "other": opened.origin}
                fix = rewritten(values[key].value, found, opened.origin, f"set {key} to {opened.origin}", safe=True)
                yield Finding(subject=node, at=values[key].value, variant="given", args=args, related=(told,), fix=fix)


def _files(graph: Graph, held: Sequence[Held], keys: dict[str, Key], options: Options) -> Iterator[Finding]:
    """Env files beside the stack or the package, against what is in force in its containers."""
    for file in graph.all(EnvironmentFile):
        folder = file.path.rpartition("/")[0]
        for variable in file.variables if is_for_the_laptop(file.path) else ():
            found = origin_of(variable.value) if variable.key in keys else None
            if found is None or not found.loopback or is_wrong(keys[variable.key], found, options, cloud=False):
                continue
            mine = [each for each in held if each.variable.key == variable.key and folder in _folders(each.container)]
            right = [each for each in mine if not is_wrong(keys[variable.key], each.origin, options, cloud=False)]
            if right and len({each.origin.origin for each in right}) == 1 and not found.same_origin(right[0].origin):
                yield _differs("default", file, found, variable.value, right[0])


def _folders(container: Container) -> set[str]:
    return {"", container.span.path.rpartition("/")[0], *(package.directory for package in container.packages)}


def _defaults(held: Sequence[Held]) -> Iterator[Finding]:
    """Defaults in code, against what is in force in the container that runs it."""
    for each in held:
        for key in each.container.config.keys if each.container.config is not None else ():
            found = origin_of(key.default) if key.key == each.variable.key else None
            if found is not None and found.loopback and not found.same_origin(each.origin):
                where = each.container.config
                yield _differs("default", where or each.container.node, found, key.default, each)


def _spelled(held: Sequence[Held], keys: dict[str, Key]) -> Iterator[Finding]:
    """Variables that are built into pages and spell the same server in another way."""
    for each in held:
        container, origin = each.container, each.origin
        given = (*container.environment.values(), *(arg for build in container.builds for arg in build.args))
        for variable in given if keys[each.variable.key].sure else ():
            value = variable.value
            if variable.key in keys or not publishers(variable.key) or not isinstance(value, Known):
                continue
            found = [other for other in endpoints(value.value) if other.web]
            other = next((one for one in found if one.loopback and one.port == origin.port), None)
            if other is None or other.scheme != origin.scheme or any(one.same_origin(origin) for one in found):
                continue
            place, exact = value.span, value.span.end - value.span.start == len(value.value)
            host = place._replace(start=place.start + other.start, end=place.start + other.start + len(other.host))
            args = {"where": variable.key, "url": other.origin, "other": origin.origin, "key": each.variable.key}
            fix = Fix(f"set the host to {origin.host}")
            fix = (
                Fix.replacing(fix.description, host, other.host, origin.host, safe=container.side is Side.LOCAL)
                if exact and ":" not in origin.host
                else fix
            )
            related = (each.variable.value,)
            yield Finding(subject=container.node, at=place, variant="spelling", args=args, related=related, fix=fix)


def _differs(variant: str, where: Node, found: Endpoint, at: Value[str], held: Held) -> Finding:
    args = {"key": held.variable.key, "where": where.name, "url": found.origin, "other": held.origin.origin}
    return Finding(
        subject=where,
        at=at,
        variant=variant,
        args={**args, "service": held.container.name},
        related=(held.variable.value,),
        fix=rewritten(
            at, found, held.origin.origin, f"use {held.origin.origin}", safe=not isinstance(where, ConfigModule)
        ),
    )
