"""What is built from what, what runs what, who publishes, connects and reads a configuration module."""

from __future__ import annotations

import pytest

from policyengine.model.graph import Edge, EdgeKind, Graph
from policyengine.model.nodes import ConfigModule, Database, Node, Repository, Role, Service, Side
from policyengine.model.source import Span
from policyengine.model.value import Floating, Known, Unknown
from tests.linking.nodes import AT, NOTHING, build, database, known, linked, package, service, stage

CLOUD, LOCAL, PIPELINE = Side.CLOUD, Side.LOCAL, Side.PIPELINE
APP = stage("Dockerfile", "runner", 1, base="node:22")
BASE = stage("Dockerfile", "Base", 0, last=False, base="node:22")
OTHER = stage("worker/Dockerfile", base="node:22")


def targets(graph: Graph, kind: EdgeKind) -> set[tuple[str, str]]:
    """The edges of a kind, by the names of their ends where these are told apart by them, else by id."""
    names = {node.id: node.name for node in graph.nodes if not node.id.startswith("dockerfile:")}
    short = {node.id: node.id.removeprefix("dockerfile:") for node in graph.nodes}
    return {
        (names.get(edge.source, short[edge.source]), names.get(edge.target, short.get(edge.target, edge.target)))
        for edge in graph.edges
        if edge.kind is kind
    }


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (None, "Dockerfile#runner"),
        ("runner", "Dockerfile#runner"),
        ("RUNNER", "Dockerfile#runner"),
        ("base", "Dockerfile#Base"),
        ("0", "Dockerfile#Base"),
        ("1", "Dockerfile#runner"),
        ("nowhere", "Dockerfile#runner"),  # the build fails, but it is of that file
        (Unknown("an argument decides", AT), None),
    ],
)
def test_a_target_names_a_stage_by_name_or_number_and_the_last_is_meant_without(
    target: str | Unknown | None, found: str | None
) -> None:
    made = linked(service("app", built=build("app", side=LOCAL, target=target)), BASE, APP, OTHER)
    assert targets(made, EdgeKind.BUILT_FROM) == (set() if found is None else {("app", found)})


def test_of_two_stages_of_one_name_the_later_is_built() -> None:
    first, second = stage("Dockerfile", "x", 0, last=False), stage("Dockerfile", "X", 1)
    made = linked(build("image", target="x"), first, second)
    assert targets(made, EdgeKind.BUILT_FROM) == {("image", "Dockerfile#X")}


@pytest.mark.parametrize(
    "made",
    [
        build("app", "elsewhere/Dockerfile", side=LOCAL),
        build("app", None, side=LOCAL),
        build("app", side=LOCAL, inline=True),
    ],
)
def test_what_no_file_tells_is_built_from_nothing(made: Node) -> None:
    graph = linked(service("app", built=made), APP)  # type: ignore[arg-type]
    assert targets(graph, EdgeKind.BUILT_FROM) == set()


def test_a_worker_runs_the_image_that_its_application_builds() -> None:
    nodes = (
        service("app", runs="shop:dev", built=build("app", side=LOCAL)),
        service("worker", runs="shop:dev", starts="node worker.js"),
        service("other", runs="shop:prod"),
        service("mail", runs="mail:1", built=build("mail", "worker/Dockerfile", side=LOCAL)),
        service("task", CLOUD, runs="shop:dev"),
    )
    graph = linked(*nodes, APP, OTHER)
    assert targets(graph, EdgeKind.BUILT_FROM) == {
        ("app", "Dockerfile#runner"),
        ("worker", "Dockerfile#runner"),
        ("mail", "worker/Dockerfile#0"),
    }
    assert isinstance(graph.stage(nodes[1]), Known)


PUSHED = build("image", tags=["ghcr.io/acme/shop:1", "ghcr.io/acme/shop:latest"])


@pytest.mark.parametrize(
    ("image", "made", "reason"),
    [
        ("ghcr.io/acme/shop:2", True, "the build pushes acme/shop"),
        ("eu.gcr.io/other/shop:2", True, "the build pushes other/shop"),
        ("ghcr.io/acme/mail:2", False, ""),
        ("postgres:16", False, ""),
    ],
)
def test_a_deployed_image_is_made_by_the_build_that_pushes_its_repository(image: str, made: bool, reason: str) -> None:
    other = build("other", "worker/Dockerfile", tags=["ghcr.io/acme/worker:1"])
    graph = linked(service("task", CLOUD, runs=image), PUSHED, other, APP, OTHER)
    assert targets(graph, EdgeKind.BUILT_BY) == ({("task", "image")} if made else set())
    built = {each for each in targets(graph, EdgeKind.BUILT_FROM) if each[0] == "task"}
    assert built == ({("task", "Dockerfile#runner")} if made else set())
    reasons = {
        edge.reason
        for edge in graph.edges
        if edge.source == "terraform:aws_ecs.task" and edge.kind is not EdgeKind.RUNS
    }
    assert reasons == ({reason} if made else set())


def test_an_exact_repository_goes_before_one_that_is_only_called_so() -> None:
    here = build("here", tags=["ghcr.io/acme/shop:1"])
    there = build("there", "worker/Dockerfile", tags=["ghcr.io/other/shop:1"])
    graph = linked(service("task", CLOUD, runs="ghcr.io/acme/shop:1"), here, there, APP, OTHER)
    assert targets(graph, EdgeKind.BUILT_BY) == {("task", "here")}


@pytest.mark.parametrize("pushed", ["ghcr.io/acme/shop:1", "registry.example.com/acme/other/shop:1"])
def test_what_is_only_built_for_a_check_makes_nothing_that_runs(pushed: str) -> None:
    check = build("check", "worker/Dockerfile", tags=["acme/shop:ci"], push=False)
    graph = linked(
        service("task", CLOUD, runs="acme/shop:1"), build("image", tags=[pushed], push=True), check, APP, OTHER
    )
    assert targets(graph, EdgeKind.BUILT_BY) == {("task", "image")}
    alone = linked(service("task", CLOUD, runs="acme/shop:1"), check, APP, OTHER)
    assert targets(alone, EdgeKind.BUILT_BY) == {("task", "check")}


def test_an_image_of_two_dockerfiles_is_built_by_both_and_from_neither() -> None:
    more = build("more", "worker/Dockerfile", tags=["ghcr.io/acme/shop:2"])
    graph = linked(service("task", CLOUD, runs="ghcr.io/acme/shop:2"), PUSHED, more, APP, OTHER)
    assert targets(graph, EdgeKind.BUILT_BY) == {("task", "image"), ("task", "more")}
    assert not {each for each in targets(graph, EdgeKind.BUILT_FROM) if each[0] == "task"}


ONLY = "the only image that is pushed for the only image that runs"


@pytest.mark.parametrize(
    ("nodes", "made"),
    [
        ((service("task", CLOUD), build("image")), True),
        ((service("task", CLOUD), build("image", push=True)), True),
        ((service("task", CLOUD), build("image", push=False)), False),
        ((service("task", CLOUD), build("image"), build("image2")), True),
        ((service("task", CLOUD), build("image"), build("other", "worker/Dockerfile")), False),
        ((service("task", CLOUD), build("image"), build("other", "worker/Dockerfile", push=False)), True),
        ((service("task", CLOUD), build("image"), build("other", None)), False),
        ((service("task", CLOUD), service("more", CLOUD), build("image")), False),
        ((service("task", CLOUD), service("db", CLOUD, role=Role.DATABASE), build("image")), True),
        ((service("task", CLOUD), service("local"), build("image")), True),
        ((service("task", CLOUD, runs="postgres:16"), build("image")), False),
        ((service("task", CLOUD, role=Role.JOB), build("image")), False),
        ((service("task", PIPELINE), build("image")), False),
        ((service("task", CLOUD), build("image", side=LOCAL)), False),
        ((service("task"), build("image")), False),
    ],
)
def test_the_only_image_of_the_pipeline_is_that_of_the_only_deployed_one(nodes: tuple[Node, ...], made: bool) -> None:
    graph = linked(*nodes, APP, OTHER)
    found = [edge for edge in graph.edges if edge.kind is EdgeKind.BUILT_BY and edge.source == nodes[0].id]
    assert {edge.reason for edge in found} == ({ONLY} if made else set())


def test_a_local_service_may_pull_what_the_pipeline_pushes_but_guesses_nothing() -> None:
    graph = linked(service("app", runs="ghcr.io/acme/shop:1"), service("more", runs="ghcr.io/acme/x:1"), PUSHED, APP)
    assert targets(graph, EdgeKind.BUILT_BY) == {("app", "image")}


def repository(name: str | None) -> Repository:
    return Repository(
        id="terraform:aws_ecr_repository.app",
        name="app",
        side=CLOUD,
        span=AT,
        repository=known(name) if name else Unknown("an account decides", AT),
        immutable=NOTHING,
    )


@pytest.mark.parametrize(("name", "made"), [("acme/shop", True), ("shop", False), ("acme/mail", False), (None, False)])
def test_a_build_publishes_to_the_repository_of_its_tags(name: str | None, made: bool) -> None:
    graph = linked(PUSHED, repository(name))
    assert targets(graph, EdgeKind.PUBLISHES) == ({("image", "app")} if made else set())
    if made:
        assert [edge.reason for edge in graph.edges] == ["pushes acme/shop"]


@pytest.mark.parametrize(
    ("value", "reached"),
    [
        ("postgres://u:p@db:5432/shop", True),
        ("postgres://db/shop", True),
        ("db:5432", True),
        ("db", True),
        ("pg", True),
        ("postgresql+asyncpg://u@pg:5432/x", True),
        ("a=postgres://db:1/x,b=postgres://other:1/x", True),
        ("postgres://db.example.com/shop", False),
        ("mydb", False),
        ("db/x", False),
        ("postgres://other:5432/db", False),
        ("", False),
    ],
)
def test_a_variable_that_names_the_host_connects(value: str, reached: bool) -> None:
    server = service("db", role=Role.DATABASE, runs="postgres:16", hostnames=("pg",))
    app = service("app", env={"DATABASE_URL": value})
    graph = linked(app, server, database("db", of=server.id))
    found = [edge for edge in graph.edges if edge.kind is EdgeKind.CONNECTS]
    assert [(edge.source, edge.target, edge.reason) for edge in found] == (
        [("compose:services.app", "compose:services.db/database", "DATABASE_URL")] if reached else []
    )


@pytest.mark.parametrize(
    ("app", "reached"),
    [
        (service("app", env={"URL": "db"}), True),
        (service("app", PIPELINE, env={"URL": "db"}), False),
        (service("app", CLOUD, env={"URL": "db"}), False),
        (service("app", env={"URL": "db"}, group="other"), False),
        (service("db2", env={"URL": "db"}, role=Role.JOB), True),
    ],
)
def test_a_name_holds_on_its_side_and_in_its_group(app: Service, reached: bool) -> None:
    server = service("db", role=Role.DATABASE, env={"SELF": "db"})
    graph = linked(app, server, database("db", of=server.id))
    assert targets(graph, EdgeKind.CONNECTS) == ({(app.name, "db")} if reached else set())


def test_a_container_of_a_public_image_runs_its_datastore() -> None:
    server = service("db", role=Role.DATABASE, runs="postgres:16")
    assert targets(linked(server, database("db", of=server.id)), EdgeKind.RUNS) == {("db", "db")}


@pytest.mark.parametrize(
    ("base", "engine", "role"),
    [("postgres:16.4", "postgres", Role.DATABASE), ("node:22", None, Role.APP), ("redis:7", "redis", Role.CACHE)],
)
def test_what_is_built_on_a_datastore_is_one(base: str, engine: str | None, role: Role) -> None:
    app = service("db", built=build("db", "docker/Dockerfile", side=LOCAL), env={"POSTGRES_DB": "shop"})
    graph = linked(app, stage("docker/Dockerfile", base=base))
    (made,) = graph.all(Service)
    assert made.role is role
    stores = [node for node in graph.nodes if node.id.startswith("compose:services.db/")]
    engines = [store.engine.value for store in stores if isinstance(getattr(store, "engine", None), Known)]  # type: ignore[attr-defined]
    assert engines == ([] if engine is None else [engine])
    assert targets(graph, EdgeKind.RUNS) == ({("db", "db")} if engine else set())
    if engine == "postgres":
        (store,) = graph.all(Database)
        assert isinstance(store.database_name, Known)
        assert store.database_name.value == "shop"


def module(path: str, directory: str) -> ConfigModule:
    return ConfigModule(
        id=f"config:{path}",
        name=path,
        side=Side.SOURCE,
        span=Span(path, 0, 0),
        path=path,
        directory=directory,
        library="zod",
        keys=(),
    )


ROOT, API, WEB = module("src/config.ts", "."), module("api/src/config.ts", "api"), module("web/env.ts", "web")


@pytest.mark.parametrize(
    ("context", "dockerfile", "modules", "read"),
    [
        (".", "Dockerfile", (ROOT,), ROOT),
        (".", "Dockerfile", (API,), API),
        (".", "Dockerfile", (API, WEB), None),
        (".", "api/Dockerfile", (API, WEB), API),
        ("api", "api/Dockerfile", (API, WEB), API),
        ("./api/", "docker/Dockerfile", (API, WEB), API),
        (".", "Dockerfile", (ROOT, API, WEB), ROOT),
        ("web", "web/Dockerfile", (API,), None),
        (None, "Dockerfile", (API,), API),
        (None, "Dockerfile", (API, WEB), None),
    ],
)
def test_a_service_reads_the_config_module_of_what_it_is_built_from(
    context: str | None, dockerfile: str, modules: tuple[ConfigModule, ...], read: ConfigModule | None
) -> None:
    context = context if context is None else context.removeprefix("./").rstrip("/") or "."
    graph = linked(service("app", built=build("app", dockerfile, side=LOCAL, context=context)), *modules)
    assert targets(graph, EdgeKind.CONFIGURED_BY) == (set() if read is None else {("app", read.name)})


@pytest.mark.parametrize(
    ("app", "reads"),
    [
        (service("task", CLOUD, runs=Unknown("the pipeline says", AT)), True),
        (service("task", CLOUD, runs="ghcr.io/other/tool:1"), False),
        (service("app", runs="ghcr.io/other/tool:1"), False),
        (service("app"), False),
        (service("task", CLOUD, role=Role.JOB, runs=Unknown("the pipeline says", AT)), False),
        (service("task", PIPELINE, runs=Unknown("the pipeline says", AT)), False),
    ],
)
def test_an_image_that_is_not_built_here_has_no_config_module_of_ours(app: Service, reads: bool) -> None:
    graph = linked(app, APP, ROOT)
    assert targets(graph, EdgeKind.CONFIGURED_BY) == ({(app.name, ROOT.name)} if reads else set())
    assert targets(linked(app, APP, OTHER, ROOT), EdgeKind.CONFIGURED_BY) == set()
    assert targets(linked(app, APP, ROOT, API), EdgeKind.CONFIGURED_BY) == set()


DASHBOARD = package("apps/dashboard", "@acme/dashboard")
SERVER = package("apps/api", "@acme/api")
OF_SERVER = module("apps/api/src/env.ts", "apps/api")


@pytest.mark.parametrize(
    ("last", "behind", "reads"),
    [
        ({"starts": "node apps/dashboard/server.js"}, {}, False),
        ({"starts": "node apps/api/main.js"}, {}, True),
        ({"workdir": "/srv/apps/dashboard"}, {}, False),
        ({"workdir": "/srv/apps/api"}, {"copies": [(".", "/srv")]}, True),
        ({"starts": "node main.js"}, {"runs": ["pnpm --filter @acme/api build"]}, True),
        ({"starts": "node main.js"}, {"runs": ["pnpm turbo build --filter=@acme/dashboard..."]}, False),
        ({"starts": "node main.js", "copies": [("/srv/apps/dashboard/dist", ".")]}, {}, False),
        ({"starts": "node main.js", "copies": [("/srv/apps/api/dist", ".")]}, {}, True),
        ({"starts": "node main.js"}, {"copies": [("apps/api/", "apps/api/")]}, True),
        ({"starts": "node main.js"}, {"copies": [(".", ".")]}, False),
    ],
)
def test_of_several_packages_the_one_that_a_dockerfile_names_has_its_own_module(
    last: dict[str, object], behind: dict[str, object], reads: bool
) -> None:
    path = "docker/Dockerfile"
    stages = (
        stage(path, "build", 0, last=False, **behind),  # type: ignore[arg-type]
        stage(path, "run", 1, **{"copies": [("/srv", ".")], "taken": "build"} | last),  # type: ignore[arg-type]
    )
    app = service("app", built=build("app", path, side=LOCAL, context="."))
    worker = service("worker", runs="shop:dev", built=build("worker", path, side=LOCAL, context="."))
    again = service("again", runs="shop:dev")
    graph = linked(app, worker, again, *stages, DASHBOARD, SERVER, package("", "acme"), OF_SERVER)
    found = {name for name, _ in targets(graph, EdgeKind.CONFIGURED_BY)}
    assert found == ({"app", "worker", "again"} if reads else set())


@pytest.mark.parametrize(
    ("context", "packages", "modules", "read"),
    [
        (".", ("api",), (API,), API),
        (".", ("api", "web"), (API,), None),
        (".", ("", "api"), (API,), None),
        ("api", ("api", "web"), (API,), API),
        ("api", ("api/server", "web"), (module("api/server/env.ts", "api/server"),), "api/server/env.ts"),
        ("api", ("api/server", "api/mail"), (module("api/server/env.ts", "api/server"),), None),
        ("api", ("apiary",), (module("apiary/env.ts", "apiary"),), None),
        ("api", ("web",), (WEB,), None),
    ],
)
def test_the_module_of_the_only_package_that_may_be_built_is_read(
    context: str, packages: tuple[str, ...], modules: tuple[ConfigModule, ...], read: ConfigModule | str | None
) -> None:
    app = service("app", built=build("app", "docker/Dockerfile", side=LOCAL, context=context))
    graph = linked(app, APP, OTHER, *(package(each, each) for each in packages), *modules)
    name = read if isinstance(read, str) or read is None else read.name
    assert targets(graph, EdgeKind.CONFIGURED_BY) == (set() if name is None else {("app", name)})


def test_the_module_of_the_folder_that_is_built_stays_where_another_package_is_only_copied() -> None:
    made = build("app", "Dockerfile", side=LOCAL, context=".")
    app = service("app", built=made)
    shop = (package("", "shop"), package("client", "client"), ROOT)
    copied = stage("Dockerfile", copies=[("client/dist", "client")], starts="node main.js")
    assert targets(linked(app, copied, *shop), EdgeKind.CONFIGURED_BY) == {("app", ROOT.name)}
    started = stage("Dockerfile", copies=[("client/dist", "client")], starts="node client/server.js")
    assert targets(linked(app, started, *shop), EdgeKind.CONFIGURED_BY) == set()


def test_a_deployed_service_reads_the_module_of_its_build() -> None:
    made = build("image", "api/Dockerfile", context="api", tags=["ghcr.io/acme/api:1"])
    graph = linked(service("task", CLOUD, runs="ghcr.io/acme/api:1"), made, API, WEB)
    assert targets(graph, EdgeKind.CONFIGURED_BY) == {("task", API.name)}
    assert {edge.reason for edge in graph.edges if edge.kind is EdgeKind.CONFIGURED_BY} == {"reads api/src/config.ts"}


@pytest.mark.parametrize(("base", "reads"), [("nginx:1.27", False), ("node:22", True), ("python:3.13", True)])
def test_an_image_that_is_built_on_a_proxy_reads_no_module(base: str, reads: bool) -> None:
    app = service("app", built=build("app", "Dockerfile", side=LOCAL))
    graph = linked(app, stage("Dockerfile", base=base), ROOT)
    assert targets(graph, EdgeKind.CONFIGURED_BY) == ({("app", ROOT.name)} if reads else set())


def test_a_task_that_runs_the_image_of_a_local_build_reads_its_module() -> None:
    local = service("app", runs="ghcr.io/acme/shop:dev", built=build("app", side=LOCAL, context="api"))
    task = service("task", CLOUD, runs="ghcr.io/acme/shop:1.0")
    other = service("other", CLOUD, runs="ghcr.io/acme/mail:1.0")
    graph = linked(local, task, other, API, WEB)
    assert targets(graph, EdgeKind.CONFIGURED_BY) == {("app", API.name), ("task", API.name)}


def test_edges_are_sorted_and_none_is_lost() -> None:
    app, server = service("app"), service("db", role=Role.DATABASE)
    given = (
        Edge(EdgeKind.READS, app.id, "x", "B"),
        Edge(EdgeKind.READS, app.id, "x", "A"),
        Edge(EdgeKind.ACTS_AS, server.id, "y"),
    )
    assert linked(app, server, edges=given).edges == (given[2], given[1], given[0])


def test_a_floating_image_is_an_image_too() -> None:
    app = service("app", runs="shop:dev", built=build("app", side=LOCAL))
    worker = service("worker", runs="shop:dev")
    assert isinstance(app.image, Known)
    floating = [
        type(each)(
            **{name: getattr(each, name) for name in each.__struct_fields__} | {"image": Floating(app.image.value, AT)}
        )
        for each in (app, worker)
    ]
    assert targets(linked(*floating, APP), EdgeKind.BUILT_FROM) == {
        ("app", "Dockerfile#runner"),
        ("worker", "Dockerfile#runner"),
    }
