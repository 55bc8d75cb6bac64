"""What makes a pair: each piece of evidence, thresholds, ties, the largest sum, further twins, and who is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from policyengine.linking.evidence import Evidence
from policyengine.linking.link import link
from policyengine.model.graph import Edge, EdgeKind, Graph
from policyengine.model.nodes import Node, Role, Side
from policyengine.model.source import Span
from policyengine.platforms import Lowered
from policyengine.repository.configuration import Config
from tests.linking.nodes import (
    EMPTY,
    build,
    cache,
    certain,
    database,
    linked,
    pairs,
    queue,
    scores,
    service,
    stage,
    without_twin,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOUD = Side.CLOUD
OTHERS = (service("zebra", starts="zebra z"), service("quokka", CLOUD, starts="quokka q"))
"""A service on each side that is like nothing, so that nobody is the only one of its kind."""
STORES = (database("zebra", engine=None), database("quokka", CLOUD, engine=None))


def points(*nodes: Node, edges: tuple[Edge, ...] = ()) -> tuple[int, tuple[str, ...]]:
    """The score of the first two nodes among others, where further evidence makes even the least worth a look."""
    others = STORES if nodes[0].id.endswith("/database") else OTHERS
    more = evidence(**{f"{nodes[0].name}_{nodes[1].name}": 20})
    worth, reasons = scores(linked(*nodes, *others, edges=edges, evidence=more))[nodes[0].name, nodes[1].name]
    return worth - 20, tuple(each for each in reasons if each != "told")


def several(*names: str, side: Side = Side.LOCAL) -> list[Node]:
    """Services that are like nothing."""
    return [service(name, side, starts=f"{name} {name}") for name in names]


def evidence(**given: int) -> tuple[Evidence, ...]:
    """Points for the pairs `here_there`."""
    return tuple(
        Evidence(each, "told", lambda _, one, other, names=names: float(f"{one.name}_{other.name}" == names))  # type: ignore[misc]
        for names, each in given.items()
    )


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ({}, {}, (0, ())),
        ({"ports": [80, 3000]}, {"ports": [3000]}, (15, ("the same container port",))),
        ({"ports": [80]}, {"ports": [3000]}, (0, ())),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"A": "9", "B": "2"}}, (15, ("shared variables",))),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"B": "2", "C": "3"}}, (5, ("shared variables",))),
        ({"env": {"A": "1"}}, {"env": {"B": "1"}}, (0, ())),
        ({"env": {"A": "1"}}, {}, (0, ())),
        ({"starts": "node worker.js"}, {"starts": "npx tsx worker.js"}, (10, ("the same kind of command",))),
        ({"starts": None}, {"starts": None}, (10, ("the same kind of command",))),
        ({"starts": None}, {}, (0, ())),
        ({"runs": "shop/orders:1"}, {"runs": "ghcr.io/acme/orders:2"}, (20, ("the same image name",))),
        ({"runs": "shop/orders:1"}, {"runs": "ghcr.io/acme/bills:2"}, (0, ())),
        ({}, {"runs": "ghcr.io/acme/alpha:2"}, (20, ("the same image name",))),
        ({"runs": "shop/beta:1"}, {}, (20, ("the same image name",))),
        ({"runs": "shop/gamma:1"}, {}, (0, ())),
    ],
)
def test_what_two_services_share_is_worth_its_points(
    here: dict[str, object], there: dict[str, object], expected: tuple[int, tuple[str, ...]]
) -> None:
    one = service("alpha", **({"starts": "a x"} | here))  # type: ignore[arg-type]
    other = service("beta", CLOUD, **({"starts": "b y"} | there))  # type: ignore[arg-type]
    assert points(one, other) == expected


def test_one_dockerfile_is_worth_fifty() -> None:
    here, there = service("alpha", starts="a x"), service("beta", CLOUD, starts="b y")
    image, other = stage("Dockerfile"), stage("worker/Dockerfile")
    for theirs, expected in ((image, (50, ("built from the same Dockerfile",))), (other, (0, ()))):
        edges = (Edge(EdgeKind.BUILT_FROM, here.id, image.id), Edge(EdgeKind.BUILT_FROM, there.id, theirs.id))
        assert points(here, there, image, other, edges=edges) == expected


@pytest.mark.parametrize(
    ("here", "there", "worth"),
    [
        ("orders", "orders", 90),
        ("orders", "bills", 0),
        ("frontend", "web", 90),
        ("sidekiq", "worker", 90),
        ("backend", "server", 90),
        ("orders", "shop-orders", 39),
        ("shop-orders", "mail-orders", 12),
        ("orders", "prod-orders-prod", 90),
        ("app_orders", "OrdersContainer", 90),
        ("orders", "orders-eu-west-1", 90),
        ("orders", "orders[0]", 90),
        ("app", "main-service", 15),
    ],
)
def test_a_name_counts_by_its_words(here: str, there: str, worth: int) -> None:
    reasons: tuple[str, ...] = () if not worth else ("alike in name",)
    reasons += ("the only one of its name on each side",) if worth == 90 else ()
    reasons += ("the only ones with a word in their names",) if worth == 39 else ()
    reasons = ("both named as the project or not at all",) if worth == 15 else reasons
    found = points(service(here, starts="a x"), service(there, CLOUD, starts="b y"))
    assert found == (worth, reasons)


def test_what_stands_in_every_name_of_a_side_says_nothing() -> None:
    found = scores(
        linked(
            service("shop-orders", starts="a x"),
            service("shop-mail", starts="m m"),
            service("orders", CLOUD, starts="b y"),
            service("shop", CLOUD, starts="s s"),
        )
    )
    assert found["shop-orders", "orders"] == (90, ("alike in name", "the only one of its name on each side"))
    assert ("shop-mail", "shop") not in found


@pytest.mark.parametrize(
    ("here", "there", "worth", "reasons"),
    [
        ({}, {}, 85, ("the same engine", "the only one of its engine on each side")),
        ({"engine": "mysql"}, {}, 0, ()),
        ({"engine": None}, {"engine": None}, 0, ()),
        ({"engine": None, "holds": "shop"}, {"engine": None, "holds": "shop"}, 20, ("the same database name",)),
        ({"engine": None, "holds": "shop"}, {"engine": None, "holds": "mail"}, 0, ()),
    ],
)
def test_what_two_databases_share_is_worth_its_points(
    here: dict[str, str | None], there: dict[str, str | None], worth: int, reasons: tuple[str, ...]
) -> None:
    assert points(database("alpha", **here), database("beta", CLOUD, **there)) == (worth, reasons)  # type: ignore[arg-type]


def test_the_variable_by_which_a_datastore_is_reached_is_worth_forty() -> None:
    here, there = database("alpha", engine="mysql"), database("beta", CLOUD)
    app, task = service("shop", starts="a x"), service("mail", CLOUD, starts="b y")
    for key, expected in (("DATABASE_URL", (40, ("reached by the same variable",))), ("DB_URL", (0, ()))):
        edges = (
            Edge(EdgeKind.CONNECTS, app.id, here.id, "DATABASE_URL"),
            Edge(EdgeKind.CONNECTS, task.id, there.id, key),
            Edge(EdgeKind.READS, task.id, there.id, "DATABASE_URL"),
        )
        assert points(here, there, app, task, edges=edges) == expected


def test_the_word_for_what_a_datastore_is_says_nothing() -> None:
    assert points(database("db", engine=None), database("postgres", CLOUD, engine=None)) == (0, ())
    assert points(database("shop-db", engine=None), database("shop-postgres", CLOUD, engine=None))[0] == 90


@pytest.mark.parametrize(
    ("given", "made", "sure"),
    [(39, False, False), (40, True, False), (59, True, False), (60, True, True), (200, True, True)],
)
def test_forty_points_make_a_pair_and_sixty_make_it_certain(given: int, made: bool, sure: bool) -> None:
    here, there = service("alpha", starts="a x"), service("beta", CLOUD, starts="b y")
    graph = linked(here, there, *OTHERS, evidence=evidence(alpha_beta=given))
    assert pairs(graph) == ({("alpha", "beta")} if made else set())
    assert scores(graph)["alpha", "beta"] == (given, ("told",))
    if made:
        assert certain(graph) == {("alpha", "beta"): sure}
    assert without_twin(graph) == {"zebra", "quokka"} | (set() if made else {"alpha", "beta"})


def test_evidence_that_holds_in_part_gives_its_part() -> None:
    here, there = service("alpha", starts="a x"), service("beta", CLOUD, starts="b y")
    half = Evidence(101, "half", lambda _, one, other: 0.4 if (one.name, other.name) == ("alpha", "beta") else 0.0)
    assert scores(linked(here, there, *OTHERS, evidence=(half,)))["alpha", "beta"] == (40, ("half",))


def test_only_one_of_a_kind_on_each_side_is_worth_sixty() -> None:
    graph = linked(cache("a"), cache("b", CLOUD))
    assert scores(graph) == {("a", "b"): (85, ("the same engine", "the only one of its kind on each side"))}
    assert certain(graph) == {("a", "b"): True}


def test_the_only_datastore_of_a_kind_mirrors_the_only_one_of_another_engine() -> None:
    assert certain(linked(cache("a"), cache("b", CLOUD, engine="memcached"))) == {("a", "b"): True}
    assert certain(linked(queue("mq"), queue("jobs", CLOUD, engine="sqs"))) == {("mq", "jobs"): True}
    assert certain(linked(database("a"), database("b", CLOUD, engine="mysql"))) == {("a", "b"): True}


def test_the_only_services_need_more_in_common_than_that_neither_has_a_command() -> None:
    assert pairs(linked(service("orders"), service("mail", CLOUD))) == set()
    assert pairs(linked(service("orders", ports=[80]), service("mail", CLOUD, ports=[80]))) == {("orders", "mail")}


def test_of_several_that_a_datastore_of_another_engine_may_stand_for_none_is_certain() -> None:
    graph = linked(cache("a"), cache("c"), cache("b", CLOUD, engine="memcached"))
    assert certain(graph) == {("a", "b"): False, ("c", "b"): False}
    graph = linked(cache("a"), cache("c", engine="valkey"), cache("b", CLOUD, engine="valkey"))
    assert certain(graph) == {("c", "b"): True}


def test_the_largest_sum_is_taken() -> None:
    nodes = [service(name, starts=f"{name} {name}") for name in ("aa", "bb")]
    nodes += [service(name, CLOUD, starts=f"{name} {name}") for name in ("xx", "yy")]
    graph = linked(*nodes, evidence=evidence(aa_xx=70, aa_yy=65, bb_xx=64))
    assert pairs(graph) == {("aa", "yy"), ("bb", "xx")}
    assert pairs(linked(*nodes, evidence=evidence(aa_xx=130, aa_yy=65, bb_xx=64))) == {("aa", "xx")}


def test_what_ties_is_paired_with_each_and_uncertain() -> None:
    nodes = [service("aa", starts="a a"), service("zz", starts="z z")]
    nodes += [service(name, CLOUD, starts=f"{name} {name}") for name in ("xx", "yy")]
    graph = linked(*nodes, evidence=evidence(aa_xx=80, aa_yy=80))
    assert certain(graph) == {("aa", "xx"): False, ("aa", "yy"): False}
    assert all(pair.tied for pair in graph.pairs)
    graph = linked(*nodes, evidence=evidence(aa_xx=80, aa_yy=79))
    assert (certain(graph), [pair.tied for pair in graph.pairs]) == ({("aa", "xx"): True}, [False])


def test_several_of_the_local_side_may_tie_for_one_of_the_cloud() -> None:
    nodes = [service(name, starts=f"{name} {name}") for name in ("aa", "bb")]
    nodes += [service("xx", CLOUD, starts="x x"), service("zz", CLOUD, starts="z z")]
    graph = linked(*nodes, evidence=evidence(aa_xx=80, bb_xx=80))
    assert certain(graph) == {("aa", "xx"): False, ("bb", "xx"): False}


@pytest.mark.parametrize("given", [{"aa_xx": 80, "aa_yy": 80, "bb_yy": 95}, {"aa_xx": 80, "bb_xx": 80, "bb_yy": 95}])
def test_no_tie_with_what_belongs_to_another_by_more(given: dict[str, int]) -> None:
    graph = linked(*several("aa", "bb"), *several("xx", "yy", side=CLOUD), evidence=evidence(**given))
    assert certain(graph) == {("aa", "xx"): True, ("bb", "yy"): True}


@pytest.mark.parametrize(
    ("images", "paired"),
    [
        (("acme/one:1", "acme/one:2"), True),
        (("acme/one:1", "acme/two:1"), False),
        ((None, None), False),
    ],
)
def test_the_only_application_mirrors_the_one_that_has_no_duty_where_all_run_one_image(
    images: tuple[str | None, str | None], paired: bool
) -> None:
    cloud = [service(name, CLOUD, runs=image, ports=[80]) for name, image in zip(("xx", "worker"), images, strict=True)]
    assert pairs(linked(service("aa", ports=[80]), *cloud)) == ({("aa", "xx")} if paired else set())


def test_the_only_application_mirrors_a_worker_where_nothing_else_stays() -> None:
    found = scores(linked(service("aa", ports=[80]), service("worker", CLOUD, ports=[80])))["aa", "worker"]
    assert found == (
        85,
        ("the same container port", "the same kind of command", "the only one of its kind on each side"),
    )


@pytest.mark.parametrize(("other", "made"), [(0, True), (60, False)])
def test_a_store_that_is_left_shares_the_only_one_that_it_certainly_mirrors(other: int, made: bool) -> None:
    stores = [database(name, engine=None) for name in ("aa", "bb", "cc")]
    stores += [database(name, CLOUD, engine=None) for name in ("xx", "yy")]
    graph = linked(*stores, evidence=evidence(bb_xx=90, cc_yy=90, aa_xx=60, aa_yy=other))
    assert pairs(graph) == {("bb", "xx"), ("cc", "yy")} | ({("aa", "xx")} if made else set())


def test_a_store_with_a_twin_shares_no_second_one_as_one_that_is_left_does() -> None:
    here, there = database("orders", holds="x"), database("orders", CLOUD, engine="mysql", holds="x")
    graph = linked(here, there, database("web", CLOUD, engine="mysql"), evidence=evidence(orders_web=60))
    assert scores(graph)["orders", "web"] == (60, ("told", "the only one of its engine on the local side"))


@pytest.mark.parametrize(
    ("image", "name", "shared"), [("acme/x:1", "bb", True), ("acme/y:1", "bb", False), ("acme/x:1", "cc", False)]
)
def test_a_second_task_of_one_name_and_image_shares_the_local_service(image: str, name: str, shared: bool) -> None:
    first = service("bb", CLOUD, runs="acme/x:1", starts="b b")
    second = replace(service(name, CLOUD, runs=image, starts="c c"), id="terraform:aws_ecs.other")
    here = service("aa", runs="acme/z:1", starts="a a")
    worth = {first.id: 1.0, second.id: 0.6}
    told = Evidence(80, "told", lambda _, one, other: worth.get(other.id, 0.0) if one.id == here.id else 0.0)
    graph = linked(here, first, second, *OTHERS, evidence=(told,))
    assert {pair.cloud for pair in graph.pairs} == {first.id, *([second.id] if shared else ())}


@pytest.mark.parametrize(("left", "made"), [(1, True), (2, True), (3, False)])
def test_a_store_is_on_the_only_one_of_its_engine_as_most_others_are(left: int, made: bool) -> None:
    local = [database(name) for name in ("aa", "bb", "cc", *("dd", "ee", "ff")[:left])]
    cloud = [database("xx", CLOUD), database("yy", CLOUD, engine="mysql")]
    graph = linked(*local, *cloud, evidence=evidence(aa_xx=90, bb_xx=60, cc_xx=60))
    found = scores(graph).get(("dd", "xx"))
    assert (found == (40, ("the same engine", "most others of its engine are on it"))) is made


SAME = {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("more", "given", "made"),
    [
        ([], {}, True),
        ([service("zz", ports=[80], env=SAME)], {}, False),
        ([service("zz")], {"zz_api": 70}, False),
        ([service("yy", CLOUD)], {"app_yy": 70}, False),
        ([service("yy", CLOUD, ports=[80], env=SAME, role=Role.FUNCTION)], {"app_api": -1}, False),
    ],
)
def test_applications_that_are_left_are_a_pair_where_neither_is_nearer_to_another(
    more: list[Node], given: dict[str, int], made: bool
) -> None:
    nodes = [
        service("app", ports=[80], env=SAME, starts="a a"),
        service("api", CLOUD, ports=[80], env=SAME, starts="x x"),
    ]
    graph = linked(*nodes, *several("mm", "nn"), *several("oo", "pp", side=CLOUD), *more, evidence=evidence(**given))
    assert (("app", "api") in pairs(graph)) is made


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (database("same"), cache("same", CLOUD)),
        (cache("same"), queue("same", CLOUD)),
        (database("same", engine="mongodb"), database("same", CLOUD)),
        (database("same", engine="mongodb"), database("same", CLOUD, engine="dynamodb")),
        (service("once", role=Role.JOB), service("same", CLOUD)),
        (service("edge", role=Role.PROXY), service("same", CLOUD)),
        (service("same", role=Role.TOOL), service("same", CLOUD)),
        (service("same", role=Role.DATABASE), database("same", CLOUD)),
    ],
)
def test_a_pair_never_crosses_what_two_nodes_are(here: Node, there: Node) -> None:
    assert pairs(linked(here, there)) == set()


@pytest.mark.parametrize("role", [Role.APP, Role.JOB, Role.PROXY, Role.TOOL])
def test_services_of_one_role_make_a_pair(role: Role) -> None:
    graph = linked(service("same", role=role), service("same", CLOUD, role=role))
    assert certain(graph) == {("same", "same"): True}


@pytest.mark.parametrize("engine", ["mongodb", "docdb", "documentdb"])
def test_document_databases_are_of_one_family(engine: str) -> None:
    assert pairs(linked(database("a", engine="mongo"), database("b", CLOUD, engine=engine))) == {("a", "b")}


def test_a_proxy_mirrors_an_application_of_the_same_image_or_name() -> None:
    here = service("edge", role=Role.PROXY, runs="ghcr.io/acme/edge:1")
    assert pairs(linked(here, service("front", CLOUD, runs="ghcr.io/acme/edge:2"))) == {("edge", "front")}
    assert pairs(linked(here, service("edge", CLOUD, runs="ghcr.io/acme/other:2"))) == {("edge", "edge")}
    assert pairs(linked(here, service("front", CLOUD, runs="ghcr.io/acme/other:2"))) == set()


def test_a_task_that_ends_mirrors_a_service_of_its_name_only() -> None:
    here = service("seeding", role=Role.JOB)
    assert pairs(linked(here, service("seeding", CLOUD))) == {("seeding", "seeding")}
    assert pairs(linked(here, service("web", CLOUD))) == set()


def test_a_service_for_tests_mirrors_the_cloud_only_where_nothing_else_does() -> None:
    assert pairs(linked(database("db-test"), database("db"), database("main", CLOUD))) == {("db", "main")}
    assert pairs(linked(service("orders-test"), service("orders", CLOUD))) == set()
    assert pairs(linked(service("e2e"), service("e2e", CLOUD))) == {("e2e", "e2e")}


def test_what_is_defined_once_in_the_cloud_is_paired_wherever_it_runs() -> None:
    block = Span("search.tf", 5, 9)
    nodes = [
        database("orders", engine="mysql"),
        database('module.r["eu-west-1"].orders', CLOUD, engine="mysql", at=block),
        database('module.r["us-east-1"].orders', CLOUD, engine="mysql", at=block),
    ]
    graph = linked(*nodes, *STORES)
    assert certain(graph) == {
        ("orders", 'module.r["eu-west-1"].orders'): True,
        ("orders", 'module.r["us-east-1"].orders'): True,
    }


def test_services_of_one_name_and_image_are_one_definition() -> None:
    nodes = [
        service("orders", starts="a a"),
        service("mail", starts="m m"),
        service("orders", CLOUD, runs="acme/orders:1", starts="b b", at=Span("a.tf", 1, 2)),
        service("orders-us-east-1", CLOUD, runs="acme/orders:1", starts="c c", at=Span("b.tf", 1, 2)),
        service("orders-us-east-2", CLOUD, runs="acme/other:1", starts="d d", at=Span("c.tf", 1, 2)),
    ]
    graph = linked(*nodes, evidence=evidence(orders_orders=50))
    assert pairs(graph) == {("orders", "orders"), ("orders", "orders-us-east-1")}
    assert without_twin(graph) == {"mail", "orders-us-east-2"}


def test_one_service_for_several_profiles_is_a_variant_of_the_other() -> None:
    nodes = [
        service("app-dev", starts="a a", profiles=("dev",)),
        service("app-prod", starts="b b", profiles=("prod",)),
        service("app", CLOUD, starts="c c"),
    ]
    told = (Evidence(70, "told", lambda _, one, __: float(one.name == "app-prod")),)
    assert certain(linked(*nodes, evidence=told)) == {("app-prod", "app"): True, ("app-dev", "app"): True}
    assert certain(linked(*nodes)) == {("app-prod", "app"): True, ("app-dev", "app"): True}
    again = [service("app-dev", starts="a a"), service("app-prod", starts="b b"), nodes[2]]
    assert pairs(linked(*again, evidence=told)) == {("app-prod", "app")}


def test_the_only_local_server_of_an_engine_stands_for_each_of_the_cloud() -> None:
    nodes = [database("db"), database("orders", CLOUD), database("bills", CLOUD)]
    graph = linked(*nodes, cache("redis"))
    assert certain(graph) == {("db", "orders"): True, ("db", "bills"): True}
    assert without_twin(graph) == {"redis"}


def test_one_of_several_local_servers_of_the_engine_is_an_open_question() -> None:
    graph = linked(database("aa"), database("bb"), database("cc", CLOUD), database("dd", CLOUD), database("ee", CLOUD))
    assert {place: sure for place, sure in certain(graph).items() if place[1] == "ee"} == {
        ("aa", "ee"): False,
        ("bb", "ee"): False,
    }


def test_local_servers_that_each_have_a_twin_are_only_candidates_for_another_of_their_engine() -> None:
    nodes = [database("aa"), database("bb"), database("aa", CLOUD), database("bb", CLOUD), database("cc", CLOUD)]
    graph = linked(*nodes)
    assert certain(graph) == {("aa", "aa"): True, ("bb", "bb"): True}
    (left,) = graph.without_twin
    assert (left.node, [(each.node, each.score) for each in left.candidates]) == (
        "terraform:aws_db_instance.cc",
        [("compose:services.aa/database", 25), ("compose:services.bb/database", 25)],
    )


@pytest.mark.parametrize(("here", "there"), [("app", "backend"), ("app", "billing"), ("orders", "backend")])
def test_those_that_are_left_are_no_pair_where_a_name_tells_of_something_else(here: str, there: str) -> None:
    common = {"ONE": "1", "TWO": "2"}
    graph = linked(
        service(here, ports=[80], env={**common, "THREE": "3"}),
        service("carts", ports=[90]),
        service(there, CLOUD, ports=[80], env={**common, "FOUR": "4"}),
        service("ledger", CLOUD, ports=[91]),
    )
    assert pairs(graph) == ({(here, there)} if (here, there) == ("app", "backend") else set())


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [("ai-family", "ai-planner", False), ("ai-family", "ai", True), ("ai-family-tree", "ai-family-planner", True)],
)
def test_one_word_tells_nothing_where_both_names_have_words_of_their_own(here: str, there: str, found: bool) -> None:
    graph = linked(service(here), service("x"), service(there, CLOUD), service("y", CLOUD))
    assert pairs(graph) == ({(here, there)} if found else set())


def test_a_service_that_is_called_as_the_project_is_the_twin_of_one_that_is_too() -> None:
    names = ("shop", "users", "orders")
    tasks = (
        replace(service(each, CLOUD), id=f'terraform:aws_ecs_task_definition.svc["{each}"]#{each}') for each in names
    )
    parts = [Lowered((*map(service, names), *tasks))]
    assert pairs(link(parts, Config(path="policyengine.yaml"), EMPTY, project="shop")) == {
        (each, each) for each in names
    }


@pytest.mark.parametrize(("names", "found"), [("ab", "ab"), ("abc", ""), (("a", "dead-letter-queue"), "a")])
def test_a_server_of_queues_that_no_variable_names_holds_a_few_of_them(names: Sequence[str], found: str) -> None:
    graph = linked(queue("broker", engine="sqs"), *(queue(name, CLOUD, engine="sqs") for name in names))
    assert {cloud for _, cloud in pairs(graph)} == set(found)
    assert not any(certain(graph).values()) or len(found) == 1


def test_who_has_no_twin_is_shown_with_its_three_nearest() -> None:
    nodes = [service("alpha", starts="a a"), service("other", starts="o o")]
    nodes += [service(name, CLOUD, starts=f"{name} {name}") for name in ("ee", "dd", "cc", "bb")]
    graph = linked(*nodes, evidence=evidence(alpha_bb=10, alpha_cc=30, alpha_dd=30, alpha_ee=20))
    (alpha,) = (each for each in graph.without_twin if each.node == "compose:services.alpha")
    assert [(each.node, each.score, each.reasons) for each in alpha.candidates] == [
        ("terraform:aws_ecs.cc", 30, ("told",)),
        ("terraform:aws_ecs.dd", 30, ("told",)),
        ("terraform:aws_ecs.ee", 20, ("told",)),
    ]


def test_versions_and_images_of_other_tags_change_nothing() -> None:
    def graph(tag: str) -> Graph:
        return linked(service("alpha", runs=f"acme/shop:{tag}"), service("beta", CLOUD, runs="acme/shop:2.1"))

    assert scores(graph("2.1")) == scores(graph("1.0"))


@pytest.mark.parametrize(("crowd", "made"), [(20, True), (23, False)])
def test_a_crowd_that_would_all_do_is_left_to_the_configuration(crowd: int, made: bool) -> None:
    nodes: list[Node] = [service("orders", starts="o o"), service("other", starts="x x")]
    nodes += [service(f"n{number}n", CLOUD, starts=f"{number} {number}") for number in range(crowd)]
    alike = Evidence(80, "told", lambda _, one, __: float(one.name == "orders"))
    graph = linked(*nodes, evidence=(alike,))
    assert bool(pairs(graph)) is made
    assert not any(certain(graph).values())


def test_in_a_crowd_only_those_are_compared_that_share_a_fact() -> None:
    local = [service(f"l{number}l", starts=f"{number} {number}") for number in range(52)]
    cloud = [service(f"c{number}c", CLOUD, starts=f"x{number} y{number}") for number in range(52)]
    here = service("alpha", starts="a x", env={"ONLY_HERE": "1"})
    there = service("beta", CLOUD, starts="b y", env={"ONLY_HERE": "2"})
    asked: list[tuple[str, str]] = []

    def ask(_: Graph, one: Node, other: Node) -> float:
        asked.append((one.name, other.name))
        return 1.0

    graph = linked(here, there, *local, *cloud, evidence=(Evidence(80, "told", ask),))
    assert (asked, pairs(graph)) == ([("alpha", "beta")], {("alpha", "beta")})


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (database("alpha", holds="shop", engine="mysql"), database("beta", CLOUD, holds="shop")),
        (database("alpha", engine="mysql"), database("beta", CLOUD, engine="mysql")),
        (database("orders", engine="mysql"), database("shop-orders", CLOUD)),
    ],
)
def test_in_a_crowd_of_datastores_too(here: Node, there: Node) -> None:
    crowd = [database(f"l{number}l", engine=f"e{number}") for number in range(52)]
    crowd += [database(f"c{number}c", CLOUD, engine=f"f{number}") for number in range(52)]
    asked: list[tuple[str, str]] = []

    def ask(_: Graph, one: Node, other: Node) -> float:
        asked.append((one.name, other.name))
        return 1.0

    linked(here, there, *crowd, evidence=(Evidence(80, "told", ask),))
    assert asked == [(here.name, there.name)]


def test_a_region_in_a_name_says_nothing_in_either_spelling() -> None:
    for name in ("orders-eu-west-1", "orders_us_east_2", "orders_ap_southeast_1"):
        assert points(service("orders", starts="a x"), service(name, CLOUD, starts="b y"))[0] == 90


def test_containers_of_one_block_are_one_definition_without_an_image_too() -> None:
    block = Span("web.tf", 5, 9)
    nodes = [
        service("orders", starts="a a"),
        service("other", starts="o o"),
        service("orders", CLOUD, starts="b b", at=block),
        service("orders-us-east-1", CLOUD, starts="b b", at=block),
    ]
    assert certain(linked(*nodes)) == {("orders", "orders"): True, ("orders", "orders-us-east-1"): True}
    apart = [*nodes[:3], service("orders-us-east-1", CLOUD, starts="b b", at=Span("us.tf", 5, 9))]
    assert pairs(linked(*apart)) == set()


@pytest.mark.parametrize(("here", "found"), [("app", True), ("orders", False)])
def test_a_stage_says_what_a_service_is_where_its_own_name_tells_nothing(here: str, found: bool) -> None:
    image = stage("Dockerfile", "mail", 0)
    one = service(here, starts="a x", built=build(here, side=Side.LOCAL))
    graph = linked(one, image, service("mail", CLOUD, starts="b y"), *OTHERS, evidence=evidence(**{f"{here}_mail": 20}))
    reasons = scores(graph)[here, "mail"][1]
    assert bool(set(reasons) - {"told"}) is found


def test_a_twin_that_another_named_first_is_taken() -> None:
    nodes = [
        service("alpha", starts="a x", parity="aws_ecs.beta"),
        service("gamma", starts="g g", parity="aws_ecs.beta"),
        service("beta", CLOUD, starts="b y"),
        service("delta", CLOUD, starts="d d"),
    ]
    assert pairs(linked(*nodes)) == {("alpha", "beta")}
