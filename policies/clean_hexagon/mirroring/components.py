"""What runs on one side runs on the other, with the same engines (HEX101, HEX102, HEX103)."""

from collections.abc import Iterator

from clean_hexagon.enumerations import enumerated
from clean_hexagon.options import Options
from policyengine.api import (
    PRODUCTION_PROJECT,
    Beside,
    Bucket,
    Compared,
    ComposeUp,
    Container,
    Database,
    Datastore,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    OrmSchema,
    Outcomes,
    Queue,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    UnreadModule,
    Value,
    Workflow,
    alike,
    began_as,
    builds_to_files,
    duties,
    family,
    folder_kinds,
    is_address,
    is_dead_letters,
    is_embedded,
    is_for_production,
    is_for_tests,
    known,
    product,
    role_by_name,
    rule,
    serves,
    speaks_of,
    undecided,
    words_of,
)


@rule(
    "HEX102",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Add a Compose service that runs the same image or engine, or say under 'ignore' that it has no twin.",
    message={
        "default": "The {noun} '{name}' is never run locally.",
        "bare": "The {noun} '{name}' has no twin: the Compose stack starts only what the application needs.",
        "data": "The '{engine}' '{name}' exists only in the cloud.",
    },
)
def cloud_only_component(graph: Graph, _: Options) -> Outcomes:
    """A component of the cloud has no twin in the Compose stack.

    What does not run locally is never tested before it is deployed: a worker that only ECS starts fails for the first
    time in production, and a queue that only the cloud has is mocked away.

    An essential ECS container of the application is an error, a datastore a warning; a web server with pages that its
    Dockerfile builds is one of the application. Sidecars (log routers, tracing
    agents, mesh proxies) that are not built here, migration tasks and services with `desired_count = 0` are no
    components of their own. A
    container whose name is that of a local service, or a part of it, is run locally, whatever it was paired with; a
    `celery` that starts a worker is no `celery-beat`. Where much speaks for a local service without a twin, such as its
    port and its variables, the list of what has no twin names it as the nearest. One that another Compose file starts
    is an open question, and none where a workflow starts that file. Where the stack starts nothing of the application,
    all that it lacks is one finding. One
    local server may hold several databases, tables or queues, so a second managed one of an engine that runs locally is
    not reported, and those of an engine that does not are one finding; a dead-letter queue is part of another. An
    emulator such as LocalStack stands in for every AWS service. Where local services join an external network, a
    datastore of another project may be on it, which leaves the question undecided, as does one that another Compose
    file starts, by its name. A repository without any Compose
    service has nothing to mirror with, and is left alone.
    """
    local = list(graph.containers(side=Side.LOCAL))
    if local:
        yield from _containers(graph, local)
        yield from _datastores(graph, local)


_ELSEWHERE = "'{}', which is not part of the Compose project, starts one of that name"


def _containers(graph: Graph, local: list[Container]) -> Outcomes:
    yield from (Compared(each) for each in graph.apps(Side.CLOUD))
    seen: set[tuple[Span, str]] = set()
    paired = [each for each in graph.containers(side=Side.CLOUD) if graph.pair_of(each.node) is not None]
    tried = {path for each in graph.all(Workflow) for path in _brought_up(graph, each)}
    others = {words_of(name): each for each in reversed([*_others(graph, tried)]) for name in each.names}
    variant = "default" if any(each.role is Role.APP for each in local) else "bare"
    for container in graph.deployed():
        if container.role is not Role.APP and not _is_served_application(graph, container):
            continue
        service, name = container.service, container.name
        if graph.pair_of(service) is not None or service.id in graph.ignored:
            continue
        if role_by_name(name) is not None and not isinstance(container.stage, Known):
            continue
        if any(_stands_for(each, name) for each in local) or any(_same(each, container) for each in paired):
            continue
        if not known(service.essential, default=True):
            continue
        if isinstance(service.image, Unknown) and service.image == service.environment_gap:
            continue  # which containers there are is not known; the list of what has no twin names it
        definition = (service.span, _block(service.group))
        other = others.get(words_of(name))
        if other is not None:
            if other.path not in tried:
                yield from undecided(service, Unknown(_ELSEWHERE.format(other.path), other.span))
            continue
        if not _has_rival(graph, service) and definition not in seen:  # one definition, for several regions
            seen.add(definition)
            fix = Fix(f"add a Compose service that runs the image of '{name}' with the same command")
            args = {"noun": container.noun, "name": name}
            cause = "" if variant == "default" else variant
            yield Finding(subject=service, at=service, variant=variant, args=args, fix=fix, cause=cause)


def _is_served_application(graph: Graph, container: Container) -> bool:
    """Whether a web server of an image that is built here serves what another stage of its Dockerfile has built."""
    if container.role is not Role.PROXY or not isinstance(container.stage, Known):
        return False
    stage = container.stage.value
    return len(graph.ingredients(stage)) > 1 and any(copy.stage for copy in stage.copies)


def _brought_up(graph: Graph, workflow: Workflow) -> Iterator[str]:
    """The Compose files that the jobs of a workflow start."""
    for each in graph.happenings(workflow):
        if isinstance(each.activity, ComposeUp):
            yield from each.activity.files


def _others(graph: Graph, tried: set[str]) -> Iterator[Beside]:
    """The Compose files beside the project that people may start, those that workflows start (`tried`) first.

    What is called after production is deployed, as far as no workflow starts it.
    """
    deployed = {each.span.path for each in graph.containers(side=Side.CLOUD)}
    meant = {path for each in graph.choices if each.what == PRODUCTION_PROJECT for path in each.paths}
    for each in sorted(graph.all(Beside), key=lambda each: each.path not in tried):
        aside = is_for_production(each.path) or folder_kinds(each.path) or each.path in meant
        if each.path not in deployed and (each.path in tried or not aside):
            yield each


_LIKELY = 20
"""What speaks for a twin that shares more than a kind of command, such as its port and its variables."""


def _has_rival(graph: Graph, service: Service) -> bool:
    """Whether much speaks for a local service without a twin, if not enough for a pair."""
    found = next((each.candidates for each in graph.without_twin if each.node == service.id), ())
    likely = (graph.get(Service, each.node) for each in found if each.score >= _LIKELY)
    return any(each is not None and graph.pair_of(each) is None for each in likely)


def _stands_for(local: Container, name: str) -> bool:
    """Whether a local service has that name, or a part of it, and does no other duty than the name says."""
    mine = duties(word for text in (local.name, *_texts(local)) for word in words_of(text))
    return alike(local.name, name) and (local.gap is not None or duties(words_of(name)) <= mine)


def _texts(container: Container) -> Iterator[str]:
    return (word.text for command in container.commands for word in command.words)


def _block(address: str) -> str:
    """The block that makes a task, without the modules around it: several may be named by one local value."""
    return ".".join(address.partition("@")[0].split(".")[-2:])


def _same(one: Container, other: Container) -> bool:
    """Whether two containers run one image with one command; a sample, which each replaces by its own, is none."""
    if not isinstance(one.image, Known | Floating) or not isinstance(other.image, Known | Floating):
        return False
    if one.image.value.is_sample:
        return False
    mine, theirs = (known(each.service.command, None) for each in (one, other))
    return one.image.value.repository == other.image.value.repository and mine == theirs


def _datastores(graph: Graph, local: list[Container]) -> Outcomes:
    yield from (Compared(each) for each in graph.all(Datastore, side=Side.CLOUD) if not isinstance(each, Bucket))
    seen: set[Span] = set()
    emulated = any(each.role is Role.EMULATOR for each in local)
    external = [network for each in local for network in each.service.networks if network.external]
    beside = (each for each in _others(graph, set()) if not is_for_tests(each.path))
    others = [(each, words_of(name)) for each in beside for name in each.names]
    for store in graph.unpaired(Datastore, side=Side.CLOUD):
        if isinstance(store, Queue) and (emulated or is_dead_letters(store.name)):
            continue
        if isinstance(store, Bucket) or store.span in seen or _held_locally(graph, store):
            continue
        if not isinstance(store.engine, Known):
            yield from undecided(store, store.engine)
            continue
        seen.add(store.span)
        if external:
            reason = "a datastore may be on the external network that the local services join"
            yield from undecided(store, Unknown(reason, external[0].span))
            continue
        other = next((each for each, words in others if speaks_of(words, store.engine.value)), None)
        if other is not None:
            yield from undecided(store, Unknown(_ELSEWHERE.format(other.path), other.span))
            continue
        engine = product(store.engine.value)
        yield Finding(
            subject=store,
            at=store,
            variant="data",
            severity=Severity.WARNING,
            args={"engine": engine, "name": store.name},
            fix=Fix(f"add a Compose service that runs {engine}"),
            cause=engine,
        )


def _held_locally(graph: Graph, store: Datastore) -> bool:
    """Whether a local server of that kind may hold it, or the local side uses an embedded engine (HEX103)."""
    if isinstance(store, Database) and any(
        known(each.engine, "") == "sqlite" for each in graph.all(OrmSchema) if not each.environment
    ):
        return True
    for local in graph.all(type(store), side=Side.LOCAL):
        if not isinstance(local.engine, Known) or not isinstance(store.engine, Known) or isinstance(store, Queue):
            return True
        here, there = local.engine.value, store.engine.value
        if graph.equivalent(here, there) or serves(here, there):
            return True
    return False


@rule(
    "HEX101",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Put a tool under 'profiles', or say under 'ignore' that it has no counterpart.",
    message={"default": "'{name}' runs only locally.", "tool": "The tool '{name}' runs only locally."},
)
def local_only_service(graph: Graph, _: Options) -> Outcomes:
    """A component of the Compose stack has no twin in the cloud.

    What only the laptop has is either missing in production, or a leftover that everybody starts and nobody needs. A
    tool for developers belongs under `profiles`, so that the stack that everybody starts is the one of the cloud.

    Applications, databases, caches, search engines and queues are reported, tools for developers (mail catchers,
    consoles, dashboards) noted as a convention. Services with `profiles`, jobs, proxies and emulators pass, and what
    serves tests, as does what people start by hand: it has no port, nothing waits for it, and it is a shell, a package
    manager or another tool without arguments, or builds or tests. The question is asked only where the cloud runs a
    twin of some application, since otherwise the cloud of this stack is described elsewhere. A name that the cloud runs
    too, whatever it was paired with, passes, as does an application whose image the pipeline publishes: it is deployed,
    if not by what is read here. A datastore passes where a variable of the cloud holds an address of one. A front end
    that only builds files may be served from a bucket. Where a module that is not in the repository, a function or a
    container without a twin may be the counterpart, or as many applications lack a twin as have one, the list of what
    has no twin says enough.
    """
    paired = {local.id for local, _ in graph.mirrored(role=Role.APP)}
    alone = list(_local_only(graph)) if paired else []
    yield from (Compared(each) for each in graph.all(Service, side=Side.LOCAL) if paired)
    apps = sum(each.role is Role.APP for each in alone)
    unread, opaque = _perhaps(graph), _perhaps(graph, holding=True)
    for container in alone:
        tool, app = container.role is Role.TOOL, container.role is Role.APP
        if tool or (not (app and apps >= len(paired)) and not (unread if app else opaque)):
            yield Finding(
                subject=container.node,
                at=container,
                variant="tool" if tool else "default",
                severity=Severity.NOTE if tool else None,
                args={"name": container.name},
                fix=Fix("put it under 'profiles', or say under 'ignore' that it has no counterpart"),
                convention=tool,
            )


def _local_only(graph: Graph) -> Iterator[Container]:
    """The local services of which nothing runs in the cloud, as far as that is read."""
    cloud = list(graph.containers(side=Side.CLOUD))
    aside = {each.node for each in graph.without_twin if each.aside}
    stores = {each.service: each for each in graph.unpaired(Datastore, side=Side.LOCAL)}
    needed = {one.service for each in graph.all(Service, side=Side.LOCAL) for one in each.depends_on}
    for container in graph.containers(side=Side.LOCAL):
        service, store, role = container.service, stores.get(container.id), container.role
        if role not in (*STORES, Role.APP, Role.TOOL) or service.profiles or service.id in graph.ignored:
            continue
        if role in STORES and (store is None or store.id in aside or _addressed(store, cloud)):
            continue
        if graph.pair_of(service) is not None or is_for_tests(container.name):
            continue
        if any(alike(each.name, container.name) or _same(each, container) for each in cloud):
            continue
        if role is Role.APP and not service.ports and service.name not in needed and _is_run_by_hand(container):
            continue
        shipped = service.id in aside or _is_front_end(container) or _is_published(graph, container)
        if role is not Role.APP or not shipped:
            yield container


def _is_run_by_hand(container: Container) -> bool:
    """Whether people start a container for one thing: it builds or tests, or is a tool that waits for their words."""
    commands = container.commands
    if container.gap is not None or not commands:
        return False
    waits = len(commands) == 1 and commands[0].plain and not commands[0].arguments and not commands[0].deeds
    return waits or all(each.does("build", "test", "e2e") for each in commands)


STORES = (Role.DATABASE, Role.CACHE, Role.SEARCH, Role.QUEUE)
"""The roles of what keeps the data of others."""


def _perhaps(graph: Graph, *, holding: bool = False) -> bool:
    """Whether something of the cloud may be the counterpart: what is not read, or has no twin itself.

    That of a server `holding` data may only be a container of which neither an image of its own nor code is known.
    """
    if any(graph.all(UnreadModule)):
        return True
    for service in graph.all(Service, side=Side.CLOUD):
        if service.id.startswith("rollout:") and service.noun == "Kubernetes deployment":
            return True  # what runs in the cluster besides is not read
    for each in graph.containers(side=Side.CLOUD):
        if holding and (each.role is Role.FUNCTION or isinstance(each.stage, Known)):
            continue
        if graph.pair_of(each.node) is None and each.role in (Role.APP, Role.FUNCTION):
            return True
    return False


def _addressed(store: Datastore, cloud: list[Container]) -> bool:
    """Whether the cloud gives its containers, by some variable, the address of a store of that engine."""
    engine = known(store.engine, "")
    return any(
        each.environment_gap is not None
        or any(speaks_of(words_of(key), engine) and _of_address(key) for key in each.environment)
        for each in cloud
        if each.role in (Role.APP, Role.FUNCTION)
    )


def _of_address(key: str) -> bool:
    """Whether a variable holds an address, by the last word of its name or the first one: `REDIS_URL`, `URL_REDIS`."""
    if words_of(key)[-2:] == ("connection", "string"):
        return True
    return is_address(key) or is_address("_".join(reversed(words_of(key))))


def _is_published(graph: Graph, container: Container) -> bool:
    """Whether the pipeline publishes an image of the Dockerfile that builds it, which is then deployed somewhere."""
    stages = [stage for image in graph.published for build in image.builds if (stage := graph.stage(build))]
    mine = container.stage.value.dockerfile if isinstance(container.stage, Known) else ""
    return any(isinstance(each, Known) and each.value.dockerfile == mine for each in stages)


def _is_front_end(container: Container) -> bool:
    """Whether an application is built to files that a bucket or a CDN may serve."""
    return any(builds_to_files(need.key) for package in container.packages for need in package.dependencies)


@rule(
    "HEX103",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Run the engine of the cloud in the Compose stack too.",
    message={
        "default": "'{local}' runs '{here}', but [the cloud](1) runs '{there}'.",
        "emulator": "'{local}' runs the emulator '{here}' in place of [the '{there}' of the cloud](1).",
        "schema": "'{local}' is written for '{here}', but [the cloud](1) runs '{there}'.",
        "embedded": "'{local}' has '{environment}' run on '{here}', but the application runs on [{there}](1).",
    },
)
def engine_substitution(graph: Graph, _: Options) -> Outcomes:
    """Another engine does the same work locally.

    SQLite accepts what Postgres refuses, MariaDB's JSON is not MySQL's, and OpenSearch has left Elasticsearch: tests
    on a substitute prove the substitute. `equivalences` in policyengine.yaml declares engines to be the same.

    An emulator of an AWS interface (MinIO, LocalStack, ElasticMQ) cannot be avoided and is only noted, once for all it
    stands in for. Redis and Valkey are left to the rule that compares cache engines. A Prisma provider is compared with
    the cloud's databases when none of them is what it names. An embedded engine (H2, SQLite) in the settings of one
    environment of Spring or Django, in phpunit.xml or in conftest.py, is a warning beside a server in the cloud, else
    in the stack.
    """
    emulated: dict[Span, list[tuple[Datastore, Datastore, str]]] = {}
    for local, cloud in graph.mirrors(Datastore):
        yield Compared(local, cloud)
        match local.engine, cloud.engine:
            case Known(here), Known(there) if serves(here, there) and not graph.equivalent(here, there):
                emulated.setdefault(local.engine.span, []).append((local, cloud, product(there)))
            case Known(here), Known(there) if {began_as(here), began_as(there)} == {"redis"}:
                continue
            case Known(here), Known(there) if not graph.equivalent(here, there):
                args = {"local": local.name, "here": product(here), "there": product(there)}
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=local.engine,
                    args=args,
                    related=(cloud.engine,),
                    fix=Fix(f"run {args['there']} locally"),
                )
            case _:
                yield from undecided(local, local.engine, cloud.engine)
    for found in emulated.values():
        local, cloud = found[0][:2]
        services = enumerated(list(dict.fromkeys(each[2] for each in found)))
        yield Finding(
            subject=local,
            against=cloud,
            at=local.engine,
            variant="emulator",
            severity=Severity.NOTE,
            args={"local": local.name, "here": product(known(local.engine, "")), "there": services},
            related=tuple(each[1].engine for each in found),
        )
    yield from _schemas(graph)


def _schemas(graph: Graph) -> Outcomes:
    """What an ORM's schema is written for, where all engines of the cloud's databases are known."""
    cloud = [database.engine for database in graph.all(Database, side=Side.CLOUD)]
    engines = {engine.value for engine in cloud if isinstance(engine, Known)}
    servers = [each.engine for each in graph.all(Database) if each.side is not Side.PIPELINE]
    served = [each for each in (cloud or servers) if family(known(each, "")) == "relational"]
    for schema in graph.all(OrmSchema):
        if schema.environment:
            yield from _embedded(schema, served)
            continue
        if not cloud or not all(isinstance(engine, Known) for engine in cloud):
            continue
        yield Compared(schema)
        match schema.engine:
            case Known(here) if not any(graph.equivalent(here, there) for there in engines):
                there = product(min(engines))
                args = {"local": schema.name, "here": product(here), "there": there}
                fix = Fix(f"use {there} in both places")
                yield Finding(
                    subject=schema, at=schema.engine, variant="schema", args=args, related=(cloud[0],), fix=fix
                )
            case _:
                yield from undecided(schema, schema.engine)


def _embedded(schema: OrmSchema, served: list[Value[str]]) -> Outcomes:
    """An engine in the process of the application, in the settings of one environment, in place of a server's."""
    yield Compared(schema)
    first = next((each for each in served if isinstance(each, Known) and not is_embedded(each.value)), None)
    if first is not None:
        here, there = product(known(schema.engine, "")), product(first.value)
        yield Finding(
            subject=schema,
            at=schema.engine,
            variant="embedded",
            severity=Severity.WARNING,
            args={"local": schema.name, "environment": schema.environment, "here": here, "there": there},
            related=(first,),
            fix=Fix(f"use {there} there too, by a container"),
            cause=f"{here} for {there}",
        )
