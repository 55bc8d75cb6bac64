from __future__ import annotations

from policyengine.api import (
    Absent,
    Cache,
    Database,
    Datastore,
    Edge,
    EdgeKind,
    Graph,
    Known,
    Node,
    Pair,
    Role,
    Service,
    Side,
    Span,
    Value,
    Version,
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
