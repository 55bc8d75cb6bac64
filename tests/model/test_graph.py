from __future__ import annotations

import pytest

from policyengine.api import (
    Absent,
    Activity,
    Cache,
    ComposeUp,
    Database,
    Datastore,
    Edge,
    EdgeKind,
    EndToEnd,
    Graph,
    Job,
    Known,
    Node,
    Pair,
    Role,
    Service,
    Side,
    Span,
    Step,
    Trigger,
    Value,
    Version,
    Workflow,
)

HERE = Span("docker-compose.yml", 0, 3)
ABSENT: Value[str] = Absent(HERE)


def service(name: str, group: str = "compose:.", side: Side = Side.LOCAL) -> Service:
    return Service(
        id=f"{side}:{name}",
        name=name,
        side=side,
        span=HERE,
        role=Role.APP,
        group=group,
        image=Absent(HERE),
        build=None,
        entrypoint=Absent(HERE),
        command=Absent(HERE),
        user=ABSENT,
        environment=(),
    )


def database(node_id: str, side: Side) -> Database:
    version: Value[Version] = Absent(HERE)
    return Database(id=node_id, name="db", side=side, span=HERE, engine=Known("postgres", HERE), version=version)


def cache(node_id: str, side: Side) -> Cache:
    version: Value[Version] = Absent(HERE)
    return Cache(id=node_id, name="redis", side=side, span=HERE, engine=Known("redis", HERE), version=version)


NODES: tuple[Node, ...] = (
    service("api"),
    service("web"),
    service("other", group="compose:other"),
    service("api", side=Side.CLOUD),
    cache("a:redis", Side.LOCAL),
    database("b:db", Side.LOCAL),
    database("c:db", Side.CLOUD),
)
GRAPH = Graph(
    NODES,
    edges=(Edge(EdgeKind.CONNECTS, "local:api", "b:db", "DATABASE_URL"),),
    pairs=(Pair("local:api", "cloud:api", 90, ()), Pair("b:db", "c:db", 60, ())),
)


def ids(nodes: object) -> list[str]:
    assert hasattr(nodes, "__iter__")
    return [node.id for node in nodes]


def test_a_family_of_nodes_is_asked_for_as_one_in_the_order_of_the_graph() -> None:
    assert ids(GRAPH.all(Datastore)) == ["a:redis", "b:db", "c:db"]
    assert ids(GRAPH.all(Datastore, side=Side.CLOUD)) == ["c:db"]
    assert ids(GRAPH.all(Database)) == ["b:db", "c:db"]
    assert len(list(GRAPH.all(Node))) == len(NODES)


def test_an_edge_is_followed_from_either_end() -> None:
    local, store = NODES[0], NODES[5]
    assert ids(GRAPH.targets(Database, EdgeKind.CONNECTS, local)) == ["b:db"]
    assert ids(GRAPH.sources(Service, EdgeKind.CONNECTS, store)) == ["local:api"]
    assert ids(GRAPH.sources(Database, EdgeKind.CONNECTS, store)) == []
    assert ids(GRAPH.sources(Service, EdgeKind.RUNS, store)) == []


def service_of(node_id: str) -> Service:
    found = GRAPH.get(Service, node_id)
    assert found is not None
    return found


def test_a_node_knows_its_pair_its_mirror_and_its_siblings() -> None:
    api, cloud = service_of("local:api"), service_of("cloud:api")
    assert GRAPH.mirror(api) == cloud
    assert GRAPH.mirror(cloud) == api
    assert GRAPH.mirror(service_of("local:web")) is None
    pair = GRAPH.pair_of(cloud)
    assert pair is not None
    assert pair.score == 90
    assert ids(GRAPH.siblings(api)) == ["local:web"]
    assert ids(GRAPH.siblings(service_of("local:other"))) == []
    assert ids(GRAPH.unpaired(Service, side=Side.LOCAL)) == ["local:web", "local:other"]


def test_other_pairs_leave_no_trace_of_the_former() -> None:
    again = GRAPH.paired((Pair("local:web", "cloud:api", 70, ()),))
    assert again.mirror(service_of("local:api")) is None
    assert again.mirror(service_of("local:web")) == service_of("cloud:api")


SPAN = Span(".github/workflows/ci.yml", 0, 2)


def job(name: str, *activities: Activity, needs: tuple[str, ...] = (), caller: str = "") -> Job:
    step = Step(index=0, name="", span=SPAN, uses=Absent(SPAN), activities=activities)
    return Job(
        id=f"github:ci.yml#{name}",
        name=name,
        side=Side.PIPELINE,
        span=SPAN,
        workflow="ci.yml",
        steps=(step,),
        needs=tuple(f"github:ci.yml#{each}" for each in needs),
        caller=f"github:ci.yml#{caller}" if caller else "",
    )


UP, E2E = ComposeUp(span=SPAN), EndToEnd(span=SPAN, runner="playwright")
BUILD, GATE, CALL = job("build"), job("gate", UP, E2E, needs=("build",)), job("call", needs=("gate",))
INNER = job("call/deploy", needs=("call",), caller="call")
WORKFLOW = Workflow(
    id="github:ci.yml",
    name="CI",
    side=Side.PIPELINE,
    span=SPAN,
    path="ci.yml",
    triggers=(Trigger("workflow_call", SPAN), Trigger("schedule", SPAN), Trigger("push", SPAN, tags=("v*",))),
    jobs=tuple(each.id for each in (BUILD, GATE, CALL, INNER)),
)
PIPELINE = Graph((WORKFLOW, BUILD, GATE, CALL, INNER))


def test_a_job_needs_what_its_needs_need_and_comes_from_its_callers() -> None:
    assert sorted(PIPELINE.needs(INNER)) == [BUILD.id, CALL.id, GATE.id]
    assert PIPELINE.callers(INNER) == (INNER, CALL)
    assert PIPELINE.beside(INNER) == CALL
    assert PIPELINE.beside(INNER, GATE) == CALL
    assert PIPELINE.beside(INNER, INNER) == INNER
    assert INNER.key == "deploy"


def test_what_happens_in_a_workflow_is_told_in_order() -> None:
    found = PIPELINE.happenings(WORKFLOW)
    assert [(each.job.name, each.order, each.activity) for each in found] == [
        ("gate", (0, 0), UP),
        ("gate", (0, 1), E2E),
    ]
    assert [each.works for each in (BUILD.steps[0], GATE.steps[0])] == [False, True]


@pytest.mark.parametrize(
    ("trigger", "brings"),
    [
        (Trigger("push", SPAN), True),
        (Trigger("push", SPAN, branches=("main",), tags=("v*",)), True),
        (Trigger("push", SPAN, tags=("v*",)), False),
        (Trigger("pull_request", SPAN), True),
        (Trigger("pull_request", SPAN, types=("closed",)), False),
        (Trigger("pull_request", SPAN, types=("labeled", "opened")), True),
        (Trigger("workflow_dispatch", SPAN), False),
    ],
)
def test_an_event_brings_new_code_or_not(trigger: Trigger, brings: bool) -> None:
    assert trigger.brings_code is brings


def test_a_workflow_is_named_by_the_event_that_brings_a_change() -> None:
    assert WORKFLOW.events == {"workflow_call", "schedule", "push"}
    assert WORKFLOW.main_event == "push"
    assert WORKFLOW.is_for_changes


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("", True),
        (".", True),
        ("api", True),
        ("api/src", True),
        ("api/src/main.py", True),
        ("ap", False),
        ("api/sr", False),
        ("api-docs", False),
        ("web", False),
    ],
)
def test_a_tree_holds_files_and_the_folders_that_they_lie_in(path: str, *, held: bool) -> None:
    graph = Graph(nodes=(), paths=("api.md", "api/Dockerfile", "api/src/main.py", "app/x"))
    assert graph.holds(path) is held


def test_an_empty_tree_holds_nothing() -> None:
    assert not Graph(nodes=()).holds("")
