"""What speaks for a pair, word by word; and what images and emulators make of services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.linking.evidence import Evidence, Score, called_alike, score
from policyengine.linking.features import Features
from policyengine.model.graph import Graph
from policyengine.model.nodes import Bucket, Database, Datastore, Queue, Role, Service, Side
from policyengine.model.value import Known, Unknown
from tests import trees
from tests.linking.nodes import database, service

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Graph(())


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def app(side: Side, name: str = "", *, role: Role = Role.APP, aside: bool = False, **more: object) -> Features:
    return Features(service("x", side, role=role), words(name), aside, **more)  # type: ignore[arg-type]


def store(side: Side, name: str = "", **more: object) -> Features:
    return Features(database("x", side), words(name), aside=False, **more)  # type: ignore[arg-type]


def both(here: dict[str, object], there: dict[str, object], *, name: str = "a", other: str = "b") -> Score:
    """Of two applications whose commands differ."""
    one, two = {"command": "x"} | here, {"command": "y"} | there
    return score(NOTHING, app(Side.LOCAL, name, **one), app(Side.CLOUD, other, **two))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "there", "points", "reason"),
    [
        ({"dockerfile": "D"}, {"dockerfile": "D"}, 50, "built from the same Dockerfile"),
        ({"dockerfile": "D"}, {"dockerfile": "E"}, 0, ""),
        ({"dockerfile": ""}, {"dockerfile": ""}, 0, ""),
        ({"keys": words("URL")}, {"keys": words("URL X")}, 40, "reached by the same variable"),
        ({"keys": words("URL")}, {"keys": words("X")}, 0, ""),
        ({"nameless": True}, {"nameless": True}, 15, "both named as the project or not at all"),
        ({"nameless": True}, {"nameless": False}, 0, ""),
        ({"nameless": False}, {"nameless": True}, 0, ""),
        ({"named": frozenset({words("b")})}, {}, 35, "a variable of the local side names it"),
        ({"named": frozenset({words("c")})}, {}, 0, ""),
        ({"engine": "postgres"}, {"engine": "postgres"}, 25, "the same engine"),
        ({"engine": "postgres"}, {"engine": "mysql"}, 0, ""),
        ({"database": "shop"}, {"database": "shop"}, 20, "the same database name"),
        ({"database": "shop"}, {"database": "x"}, 0, ""),
        ({"ports": frozenset({1, 2})}, {"ports": frozenset({2})}, 15, "the same container port"),
        ({"ports": frozenset({1})}, {"ports": frozenset({2})}, 0, ""),
        ({"environment": words("A B")}, {"environment": words("A B")}, 15, "shared variables"),
        ({"environment": words("A B C")}, {"environment": words("A")}, 5, "shared variables"),
        ({"environment": words("A")}, {"environment": words("B")}, 0, ""),
        ({"environment": words("A")}, {}, 0, ""),
        ({"command": "z"}, {"command": "z"}, 10, "the same kind of command"),
        ({"command": None}, {"command": None}, 10, "the same kind of command"),
        ({"image": words("web")}, {"image": words("web")}, 20, "the same image name"),
        ({"image": words("b")}, {}, 20, "the same image name"),
        ({"image": words("long")}, {"long": words("long")}, 20, "the same image name"),
        ({}, {"image": words("a")}, 20, "the same image name"),
        ({"image": words("web")}, {"image": words("api")}, 0, ""),
        ({"image": words("web")}, {}, 0, ""),
        ({"folder": words("b")}, {}, 25, "built in a folder of its name"),
        ({"folder": words("long")}, {"long": words("long")}, 25, "built in a folder of its name"),
        ({"folder": words("web")}, {"image": words("web")}, 25, "built in a folder of its name"),
        ({"folder": words("c")}, {}, 0, ""),
    ],
)
def test_what_two_services_share(here: dict[str, object], there: dict[str, object], points: int, reason: str) -> None:
    assert both(here, there) == Score(points, (reason,) if reason else ())


@pytest.mark.parametrize(
    ("name", "other", "long", "points"),
    [
        ("shop", "shop", "", 30),
        ("shop api", "api shop", "", 30),
        ("shop", "shop api", "", 24),
        ("shop api", "shop", "", 24),
        ("shop api", "shop web", "", 12),
        ("shop", "web", "", 0),
        ("", "", "", 0),
        ("", "web", "", 0),
        ("shop", "web", "shop", 30),
        ("shop", "shop", "web", 30),
        ("shop", "web", "shop web", 24),
    ],
)
def test_how_far_two_names_are_alike(name: str, other: str, long: str, points: int) -> None:
    found = both({}, {"long": words(long)}, name=name, other=other)
    assert found == Score(points, ("alike in name",) if points else ())


def test_a_folder_tells_nothing_where_the_names_tell() -> None:
    assert both({"folder": words("shop")}, {}, name="shop api", other="shop").reasons == ("alike in name",)
    long = both({"folder": words("web")}, {"long": words("shop")}, name="shop", other="web")
    assert long.reasons == ("alike in name",)


def test_two_stores_have_no_command() -> None:
    assert score(NOTHING, store(Side.LOCAL), store(Side.CLOUD)) == Score(0)


@pytest.mark.parametrize(
    ("here", "there", "fit"),
    [
        (app(Side.LOCAL), app(Side.CLOUD), True),
        (app(Side.LOCAL, aside=True), app(Side.CLOUD), False),
        (app(Side.LOCAL, aside=True), app(Side.CLOUD, aside=True), True),
        (app(Side.LOCAL, role=Role.JOB), app(Side.CLOUD), False),
        (app(Side.LOCAL, role=Role.JOB), app(Side.CLOUD, role=Role.JOB), True),
        (app(Side.LOCAL, "mail", role=Role.JOB), app(Side.CLOUD, "mail"), True),
        (app(Side.LOCAL, "mail", role=Role.JOB), app(Side.CLOUD, "web", long=words("mail")), True),
        (app(Side.LOCAL, "mail", role=Role.JOB, nameless=True), app(Side.CLOUD, "mail"), False),
        (app(Side.LOCAL, "mail", role=Role.JOB), app(Side.CLOUD, "mail web"), False),
        (app(Side.LOCAL, role=Role.PROXY), app(Side.CLOUD), False),
        (app(Side.LOCAL), app(Side.CLOUD, role=Role.PROXY), False),
        (app(Side.LOCAL, role=Role.PROXY), app(Side.CLOUD, role=Role.PROXY), True),
        (app(Side.LOCAL, "web", role=Role.PROXY), app(Side.CLOUD, "web"), True),
        (app(Side.LOCAL, role=Role.PROXY, dockerfile="D"), app(Side.CLOUD, dockerfile="D"), True),
        (app(Side.LOCAL, role=Role.PROXY, dockerfile="D"), app(Side.CLOUD, dockerfile="E"), False),
        (app(Side.LOCAL, role=Role.PROXY, repository="r"), app(Side.CLOUD, repository="r"), True),
        (app(Side.LOCAL, role=Role.PROXY, repository="r"), app(Side.CLOUD, repository="s"), False),
        (app(Side.LOCAL, role=Role.PROXY, repository="r", dockerfile="D"), app(Side.CLOUD, repository="r", dockerfile="E"), True),
    ],
)  # fmt: skip
def test_who_may_be_a_twin_at_all(here: Features, there: Features, fit: bool) -> None:
    assert ("the same kind of command" in score(NOTHING, here, there).reasons) is fit


@pytest.mark.parametrize(
    ("name", "nameless", "other", "long", "alike"),
    [
        ("mail", False, "mail", "", True),
        ("mail", False, "web", "mail", True),
        ("mail", True, "mail", "", False),
        ("mail", False, "web", "", False),
        ("", False, "", "", False),
        ("", False, "web", "", False),
    ],
)
def test_one_name_that_says_more_than_app(name: str, nameless: bool, other: str, long: str, alike: bool) -> None:
    here, there = app(Side.LOCAL, name, nameless=nameless), app(Side.CLOUD, other, long=words(long))
    assert called_alike(here, there) is alike


def test_evidence_of_a_plug_in_counts_as_far_as_it_holds() -> None:
    half, none = Evidence(30, "half", lambda *_: 0.5), Evidence(30, "none", lambda *_: 0.0)
    here, there = store(Side.LOCAL, engine="x"), store(Side.CLOUD, engine="x")
    assert score(NOTHING, here, there, (half, none)) == Score(40, ("the same engine", "half"))


ECS = """
resource "aws_ecs_task_definition" "db" {{
  family                = "db"
  container_definitions = jsonencode([{{
    name = "db", {image}, portMappings = [{{ containerPort = {port} }}],
    environment = [{{ name = "{key}", value = "shop" }}]
  }}])
}}
"""


@pytest.mark.parametrize(
    ("image", "port", "key", "engine"),
    [
        ('image = "postgres:16.4"', 5432, "POSTGRES_DB", "postgres"),
        ('image = "postgres:16.4"', 1, "X", "postgres"),
        ("image = var.image", 5432, "POSTGRES_DB", "postgres"),
        ("image = var.image", 3306, "MYSQL_DATABASE", "mysql"),
        ("image = var.image", 3306, "POSTGRES_DB", None),
        ("image = var.image", 5432, "X", None),
        ('image = "acme/shop:1"', 5432, "X", None),
    ],
)
def test_a_container_of_the_cloud_is_a_database_by_its_image_or_its_variable_and_port(
    image: str, port: int, key: str, engine: str | None, tmp_path: Path
) -> None:
    text = 'variable "image" {}\n' + ECS.format(image=image, port=port, key=key)
    graph = trees.graph(tmp_path, {"main.tf": text})
    (made,) = graph.all(Service)
    assert made.role is (Role.APP if engine is None else Role.DATABASE)
    stores = list(graph.all(Database))
    assert [each.engine.value for each in stores if isinstance(each.engine, Known)] == (
        [] if engine is None else [engine]
    )
    if "var.image" in image and stores:
        assert stores[0].id == "terraform:aws_ecs_task_definition.db#db/database"
        assert isinstance(stores[0].version, Unknown)
        assert stores[0].version.reason == "what its image holds is not known"
        assert isinstance(stores[0].database_name, Known)
        assert stores[0].database_name.value == "shop"


OPAQUE = "the Dockerfile builds or copies what it installs"


@pytest.mark.parametrize(
    ("line", "vector"),
    [
        ("RUN apt-get update && apt-get install -y postgresql-16-pgvector", True),
        ("RUN apk add pgvector", True),
        ("RUN apt-get install -y postgresql-16-postgis", False),
        ("RUN make install", OPAQUE),
        ("RUN cargo pgrx install", OPAQUE),
        ("COPY pgvector.tar /tmp/", OPAQUE),
        ("COPY extension/ /usr/share/postgresql/", OPAQUE),
        ("COPY init.sql /docker-entrypoint-initdb.d/", False),
        ("RUN echo hello", False),
    ],
)
def test_how_pgvector_comes_into_an_image(line: str, vector: object, tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  db:\n    build: .\n    environment: {POSTGRES_DB: shop}\n",
        "Dockerfile": f"FROM postgres:16.4\n{line}\n",
        "pgvector.tar": "",
        "init.sql": "",
        "extension/x": "",
    }
    (found,) = trees.graph(tmp_path, files).all(Database)
    told = (
        found.vector.value
        if isinstance(found.vector, Known)
        else found.vector.reason
        if isinstance(found.vector, Unknown)
        else None
    )
    assert told == vector
    assert isinstance(found.database_name, Known)
    assert found.database_name.value == "shop"


AWS = """
resource "aws_sqs_queue" "jobs" {
  name = "jobs"
}
resource "aws_s3_bucket" "files" {
  bucket = "files"
}
resource "aws_dynamodb_table" "rows" {
  name = "rows"
}
resource "aws_db_instance" "db" {
  engine = "postgres"
}
"""


@pytest.mark.parametrize(
    ("service", "offered"),
    [
        ("{image: 'localstack/localstack:3'}", {"bucket", "database", "queue"}),
        ("{image: 'localstack/localstack:3', environment: {SERVICES: ''}}", {"bucket", "database", "queue"}),
        ("{image: 'localstack/localstack:3', environment: {SERVICES: 's3'}}", {"bucket"}),
        ("{image: 'localstack/localstack:3', environment: {SERVICES: 's3, sqs'}}", {"bucket", "queue"}),
        ("{image: 'localstack/localstack:3', environment: {SERVICES: 'ses'}}", set()),
        ("{image: 'acme/shop:1'}", set()),
    ],
)
def test_an_emulator_is_each_store_that_it_is_told_to_start(service: str, offered: set[str], tmp_path: Path) -> None:
    graph = trees.graph(tmp_path, {"compose.yml": f"services:\n  aws: {service}\n", "main.tf": AWS})
    made = [each for each in graph.all(Datastore, side=Side.LOCAL) if each.emulates]
    kinds = {Bucket: "bucket", Queue: "queue", Database: "database"}
    assert {kinds[type(each)] for each in made} == offered
    assert {each.service for each in made} <= {"compose:services.aws"}
    assert all(isinstance(each.version, Unknown) for each in made)
