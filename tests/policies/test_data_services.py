from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clean_hexagon import data_services
from clean_hexagon.options import Options
from msgspec import convert

from policyengine.api import (
    Absent,
    Cache,
    Database,
    Edit,
    Extension,
    Finding,
    Floating,
    Graph,
    ImageRef,
    Known,
    Node,
    Outcome,
    Pair,
    Side,
    Span,
    Undecided,
    Unknown,
    Value,
    Version,
)
from policyengine.model.image import engine_of, parse
from tests.policies.linked import said

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = "compose:services.db/database"
CLOUD = "terraform:aws_db_instance.main"
VERSIONS = {"HEX401", "HEX402", "HEX403", "HEX404", "HEX407", "HEX411"}


def reference(text: str) -> tuple[ImageRef, Value[Version]]:
    span = Span("docker-compose.yml", 100, 100 + len(text))
    image = parse(text)
    assert image is not None
    engine = engine_of(image, span)
    assert engine is not None
    return image, engine.version


def local(text: str, vector: Value[bool] | None = None) -> Database:
    image, version = reference(text)
    span = Span("docker-compose.yml", 100, 100 + len(text))
    return Database(
        id=LOCAL,
        name="db",
        side=Side.LOCAL,
        span=span,
        engine=Known("postgres", span),
        version=version,
        image=Known(image, span),
        vector=vector,
    )


def cloud(version: Value[Version], auto: Value[bool] | None = None, flavour: str = "rds") -> Database:
    span = Span("rds.tf", 10, 14)
    return Database(
        id=CLOUD,
        name="main",
        side=Side.CLOUD,
        span=span,
        engine=Known("postgres", span),
        version=version,
        flavour=flavour,
        auto_minor_upgrade=auto,
    )


def pinned(major: int, minor: int) -> Known[Version]:
    return Known(Version(major, minor), Span("rds.tf", 40, 45))


def outcomes(*nodes: Node, given: Options | None = None) -> dict[str, list[Outcome]]:
    pairs = (Pair(nodes[0].id, nodes[1].id, 100, ()),) if len(nodes) > 1 else ()
    graph = Graph(nodes, pairs=pairs)
    rules = [each for each in data_services.RULES if each.id in VERSIONS]
    found = {each.id: said(each.check(graph, given or Options())) for each in rules}
    for each in rules:
        for outcome in found[each.id]:
            if isinstance(outcome, Finding):
                assert each.text(outcome)
    return {rule: each for rule, each in found.items() if each}


def edits(results: dict[str, list[Outcome]], rule: str) -> Iterator[Edit]:
    for outcome in results[rule]:
        assert isinstance(outcome, Finding)
        assert outcome.fix is not None
        yield from outcome.fix.exact


@pytest.mark.parametrize(
    ("image", "version", "expected"),
    [
        ("postgres:17.6", pinned(16, 10), {"HEX401": "default"}),
        ("postgres:17-alpine", pinned(16, 10), {"HEX401": "default"}),
        ("postgres:latest", pinned(16, 10), {"HEX401": "moved"}),
        ("postgres", pinned(16, 10), {"HEX401": "moved"}),
        ("postgres:16.4", pinned(16, 10), {"HEX402": "default"}),
        ("postgres:16.10-alpine3.22", pinned(16, 10), {}),
        ("postgres:16-alpine", pinned(16, 10), {"HEX403": "dated"}),
        ("pgvector/pgvector:pg16", pinned(16, 10), {"HEX403": "local"}),
        ("postgres:16.10", Floating(Version(16), Span("rds.tf", 40, 42)), {"HEX403": "cloud"}),
        ("postgres:16.10", Absent(Span("rds.tf", 10, 14)), {"HEX403": "unset"}),
        ("postgres:16", Absent(Span("rds.tf", 10, 14)), {"HEX403": "neither"}),
        ("postgres:16", Floating(Version(16), Span("rds.tf", 40, 42)), {"HEX403": "both"}),
        ("postgres:latest", pinned(99, 1), {"HEX403": "dated", "HEX401": "undecided"}),
        ("timescale/timescaledb:2.17.2-pg16", pinned(16, 10), {"HEX403": "local"}),
    ],
)
def test_one_cause_is_one_finding(image: str, version: Value[Version], expected: dict[str, str]) -> None:
    results = outcomes(local(image), cloud(version, Known(value=False, span=Span("rds.tf", 60, 65))))
    variants = {
        rule: each[0].variant if isinstance(each[0], Finding) else "undecided" for rule, each in results.items()
    }
    assert variants == expected


def test_an_unknown_version_is_a_question_and_no_finding() -> None:
    results = outcomes(local("postgres:16.4"), cloud(Unknown("variable 'v' has no default", Span("rds.tf", 1, 2))))
    assert all(isinstance(each, Undecided) for found in results.values() for each in found)
    assert set(results) == {"HEX401"}


@pytest.mark.parametrize(
    ("image", "rule", "version", "text"),
    [
        ("postgres:16.4", "HEX402", pinned(16, 10), "16.10"),
        ("postgres:16.4-alpine", "HEX402", pinned(16, 10), "16.10-alpine"),
        ("postgres:16.9-bookworm", "HEX402", pinned(16, 10), "16.10-bookworm"),
        ("postgres:16.9-trixie", "HEX402", pinned(16, 4), None),
        ("postgres:16-alpine", "HEX403", pinned(16, 10), "16.10-alpine"),
        ("postgres:16-trixie", "HEX403", pinned(16, 4), None),
        ("pgvector/pgvector:pg17", "HEX401", pinned(16, 4), "pg16"),
        ("pgvector/pgvector:0.8.0-pg17", "HEX401", pinned(16, 4), "0.8.0-pg16"),
        ("pgvector/pgvector:pg16", "HEX403", pinned(16, 4), None),
        ("pgvector/pgvector:pg16-trixie", "HEX403", pinned(16, 4), None),
        ("postgis/postgis:17-3.5", "HEX401", pinned(16, 4), None),
    ],
)
def test_a_retag_names_only_tags_that_exist(image: str, rule: str, version: Value[Version], text: str | None) -> None:
    changed = list(edits(outcomes(local(image), cloud(version, Known(value=False, span=Span("rds.tf", 1, 2)))), rule))
    start = 100 + len(image.rpartition(":")[0]) + 1
    span = Span("docker-compose.yml", start, 100 + len(image))
    assert changed == ([] if text is None else [Edit(span, text)])


def test_majors_suffice_when_the_house_says_so() -> None:
    given = convert({"postgres": {"match": "major"}}, Options)
    assert outcomes(local("postgres:16-alpine"), cloud(pinned(16, 4), Absent(Span("a", 0, 1))), given=given) == {}


@pytest.mark.parametrize(("flavour", "reported"), [("rds", True), ("aurora", True), ("supabase", False)])
def test_only_managed_aws_databases_upgrade_themselves(flavour: str, reported: bool) -> None:
    node = cloud(pinned(16, 4), Absent(Span("rds.tf", 10, 14)), flavour)
    assert ("HEX404" in outcomes(node)) is reported


def test_a_variable_that_is_true_is_mended_where_it_is_written() -> None:
    node = cloud(pinned(16, 4), Known(value=True, span=Span("prod.tfvars", 7, 11)))
    assert list(edits(outcomes(node), "HEX404")) == [Edit(Span("prod.tfvars", 7, 11), "false")]


def extension() -> Extension:
    span = Span("001.sql", 0, 6)
    return Extension(id="sql:001#vector", name="vector", side=Side.SOURCE, span=span, extension=Known("vector", span))


def test_pgvector_is_asked_only_where_it_is_used() -> None:
    lacking = local("postgres:16.4", Known(value=False, span=Span("docker-compose.yml", 100, 113)))
    assert outcomes(lacking) == {}
    assert set(outcomes(lacking, cloud(pinned(16, 4)), extension())) >= {"HEX407"}
    assert set(outcomes(lacking, given=convert({"postgres": {"require_extensions": ["vector"]}}, Options))) == {
        "HEX407"
    }


def test_what_an_unknown_image_brings_is_undecided() -> None:
    open_question = Unknown("what acme/postgres brings is not known", Span("docker-compose.yml", 100, 113))
    results = outcomes(local("postgres:16.4", open_question), cloud(pinned(16, 4)), extension())
    assert [type(each) for each in results["HEX407"]] == [Undecided]


def caches(text: str, version: Value[Version], family: Value[str] | None = None) -> dict[str, list[Outcome]]:
    image, here = reference(text)
    span = Span("docker-compose.yml", 100, 100 + len(text))
    engine: Value[str] = Known("redis", span)
    one = Cache(
        id="one", name="redis", side=Side.LOCAL, span=span, engine=engine, version=here, image=Known(image, span)
    )
    other = Cache(id="two", name="main", side=Side.CLOUD, span=span, engine=engine, version=version, family=family)
    return outcomes(one, other)


@pytest.mark.parametrize(
    ("image", "version", "family", "variant"),
    [
        ("redis:8-alpine", Floating(Version(7, 1), Span("c.tf", 1, 4)), None, "default"),
        ("redis:alpine", Floating(Version(7, 1), Span("c.tf", 1, 4)), None, "moved"),
        ("redis:6-alpine", Absent(Span("c.tf", 1, 4)), Known("redis7", Span("c.tf", 5, 9)), "default"),
        ("redis:7-alpine", Absent(Span("c.tf", 1, 4)), Known("redis6.x", Span("c.tf", 5, 9)), "default"),
        ("redis:7.2-alpine", Floating(Version(7, 1), Span("c.tf", 1, 4)), None, None),
        ("redis:7-alpine", Absent(Span("c.tf", 1, 4)), Known("default.redis7.cluster.on", Span("c.tf", 5, 9)), None),
    ],
)
def test_redis_compares_majors(
    image: str, version: Value[Version], family: Value[str] | None, variant: str | None
) -> None:
    found = [each for each in caches(image, version, family).get("HEX411", []) if isinstance(each, Finding)]
    assert [each.variant for each in found] == ([] if variant is None else [variant])


def test_redis_is_retagged_to_the_tag_of_the_house() -> None:
    changed = list(edits(caches("redis:8-alpine", Floating(Version(7, 1), Span("c.tf", 1, 4))), "HEX411"))
    assert changed == [Edit(Span("docker-compose.yml", 106, 114), "7-alpine")]
