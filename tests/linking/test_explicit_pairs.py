"""Pairs that people name, nodes without a counterpart, and declared facts; told by files as a user writes them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from policyengine import engine, plugins
from policyengine.api import Cache, Database, Floating, Graph, Known, Service, Side
from policyengine.model.source import UsageError
from policyengine.repository import discover
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

TWO_DATABASES = """
resource "aws_db_instance" "orders" {
  engine         = "postgres"
  engine_version = "16.4"
}
resource "aws_db_instance" "bills" {
  engine         = "postgres"
  engine_version = "16.4"
}
"""
SERVICES = """
services:
  orders:
    image: postgres:16.4
  bills:
    image: postgres:16.4
"""


def graph(root: Path, compose: str = SERVICES, terraform: str = TWO_DATABASES, config: str = "") -> Graph:
    files = {"docker-compose.yml": compose, "main.tf": terraform}
    if config:
        files["policyengine.yaml"] = f"version: 1\n{textwrap.dedent(config)}"
    return trees.graph(root, files)


def told(found: Graph) -> dict[tuple[str, str], tuple[str, ...]]:
    """The reasons of each pair, by ids without what reads them."""
    short = {node.id: node.id.partition(":")[2] for node in found.nodes}
    return {(short[pair.local], short[pair.cloud]): pair.reasons for pair in found.pairs}


CROSSED = {
    ("services.orders/database", "aws_db_instance.bills"),
    ("services.bills/database", "aws_db_instance.orders"),
}
STRAIGHT = {
    ("services.orders/database", "aws_db_instance.orders"),
    ("services.bills/database", "aws_db_instance.bills"),
}


def test_names_make_the_pairs_where_nobody_says_otherwise(tmp_path: Path) -> None:
    assert set(told(graph(tmp_path))) == STRAIGHT


@pytest.mark.parametrize(
    "config",
    [
        "pairs: [{local: orders, cloud: aws_db_instance.bills}]",
        "pairs: [{local: services.orders/database, cloud: 'terraform:aws_db_instance.bills'}]",
        "pairs: [{local: 'compose:services.orders', cloud: aws_db_instance.bills}]",
    ],
)
def test_the_configuration_wins_over_every_score(config: str, tmp_path: Path) -> None:
    try:
        found = graph(tmp_path, config=config)
    except UsageError as error:
        assert "against" in str(error)  # a service is no database
        assert "compose:services.orders'" in config
        return
    assert set(told(found)) == CROSSED
    (pair,) = (each for each in found.pairs if each.reasons == ("policyengine.yaml says so",))
    assert (pair.local, pair.cloud, pair.score, pair.certain) == (
        "compose:services.orders/database",
        "terraform:aws_db_instance.bills",
        100,
        True,
    )


@pytest.mark.parametrize(
    "more",
    [
        "x-parity: aws_db_instance.bills",
        "labels:\n  parity.cloud: aws_db_instance.bills",
        "labels: [parity.cloud=aws_db_instance.bills]",
        "x-parity: terraform:aws_db_instance.bills",
    ],
)
def test_a_compose_service_names_its_twin(more: str, tmp_path: Path) -> None:
    compose = SERVICES.replace("  orders:\n", "  orders:\n" + textwrap.indent(more, "    ") + "\n")
    found = graph(tmp_path, compose)
    assert set(told(found)) == CROSSED
    assert told(found)["services.orders/database", "aws_db_instance.bills"] == ("'orders' names it",)


def test_a_tag_of_terraform_names_the_twin(tmp_path: Path) -> None:
    tagged = TWO_DATABASES.replace(
        '"bills" {\n', '"bills" {\n  tags = {\n    "parity:local" = "orders"\n  }\n'
    )  # fmt: skip
    found = graph(tmp_path, terraform=tagged)
    assert set(told(found)) == CROSSED
    assert told(found)["services.orders/database", "aws_db_instance.bills"] == ("'aws_db_instance.bills' names it",)


def test_a_comment_names_the_twin(tmp_path: Path) -> None:
    commented = TWO_DATABASES.replace(
        'resource "aws_db_instance" "bills"', '# parity: local=orders\nresource "aws_db_instance" "bills"'
    )
    assert set(told(graph(tmp_path, terraform=commented))) == CROSSED


def test_the_configuration_wins_over_a_label_and_a_label_over_a_tag(tmp_path: Path) -> None:
    labelled = SERVICES.replace("  orders:\n", "  orders:\n    x-parity: aws_db_instance.bills\n")
    found = graph(tmp_path, labelled, config="pairs: [{local: orders, cloud: aws_db_instance.orders}]")
    assert told(found)["services.orders/database", "aws_db_instance.orders"] == ("policyengine.yaml says so",)
    assert set(told(found)) == STRAIGHT
    tagged = TWO_DATABASES.replace('"bills" {\n', '"bills" {\n  tags = {\n    "parity:local" = "bills"\n  }\n')
    (tmp_path / "policyengine.yaml").unlink()
    found = graph(tmp_path, labelled, tagged)
    assert told(found)["services.orders/database", "aws_db_instance.bills"] == ("'orders' names it",)
    assert set(told(found)) == CROSSED


def test_a_twin_that_is_something_else_is_none(tmp_path: Path) -> None:
    labelled = SERVICES.replace("  orders:\n", "  orders:\n    x-parity: aws_sqs_queue.jobs\n")
    queue = TWO_DATABASES + 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n'
    assert set(told(graph(tmp_path, labelled, queue))) == STRAIGHT


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("pairs: [{local: nobody, cloud: aws_db_instance.bills}]", "'pairs' names 'nobody', which is not in the graph"),
        ("pairs: [{local: orders, cloud: aws_db_instance.no}]", "'pairs' names 'aws_db_instance.no', which is not"),
        (
            "pairs: [{local: aws_db_instance.bills, cloud: aws_db_instance.bills}]",
            "'pairs' names 'aws_db_instance.bills'",
        ),
        ("facts: {nobody: {version: '16.4'}}", "'facts' names 'nobody', which is not in the graph; known are"),
    ],
)
def test_a_name_of_nothing_stops_the_run(config: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        graph(tmp_path, config=config)
    column = config.index(said.split("'")[3]) + 1
    assert f"policyengine.yaml:2:{column}: {said}" in str(caught.value)


def test_eight_of_the_names_that_are_there_are_told(tmp_path: Path) -> None:
    services = "".join(f"  s{number}:\n    image: acme/s:1\n" for number in range(9))
    with pytest.raises(UsageError) as caught:
        graph(tmp_path, f"services:\n{services}", config="pairs: [{local: nobody, cloud: aws_db_instance.bills}]")
    assert str(caught.value).endswith(f"known are {', '.join(f'services.s{number}' for number in range(8))}")


@pytest.mark.parametrize("asked", [["docker-compose.yml"], ["infra"], ["docker-compose.yml", "infra"]])
def test_a_configuration_holds_for_a_part_of_what_it_names(asked: list[str], tmp_path: Path) -> None:
    config = """\
        version: 1
        pairs: [{local: orders, cloud: aws_db_instance.bills}]
        facts: {aws_db_instance.bills: {version: "16.5"}}
        environments: [prod, staging]
        systems: {all: {paths: [docker-compose.yml, infra]}}
        """
    files = {"docker-compose.yml": SERVICES, "infra/main.tf": TWO_DATABASES, "infra/prod.tfvars": ""}
    files |= {"infra/staging.tfvars": "", "policyengine.yaml": textwrap.dedent(config)}
    trees.write(tmp_path, files)
    tree = discover.open_tree([tmp_path / each for each in asked])
    loaded = plugins.load([])
    settings = engine.load_config(tree, loaded)
    assert (settings.path, tree.part) == ("policyengine.yaml", True)
    found = engine.evaluate_tree(tree, settings, loaded, work=engine.Work(cache=False, jobs=1))
    assert found.failures == ()
    named = {("services.orders/database", "aws_db_instance.bills@infra")}
    assert (named <= set(told(found.graph))) == (len(asked) == 2)


def test_a_pair_of_two_roles_stops_the_run(tmp_path: Path) -> None:
    terraform = 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n'
    with pytest.raises(UsageError, match=r"'pairs' holds 'orders' \(.*\) against 'aws_sqs_queue.jobs' \(queue\)"):
        graph(tmp_path, terraform=terraform, config="pairs: [{local: orders, cloud: aws_sqs_queue.jobs}]")


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ("ignore: {local: [bills]}", {"aws_db_instance.bills"}),
        ("ignore: {cloud: [aws_db_instance.bills]}", {"services.bills/database"}),
        ("ignore: {local: [bills], cloud: [aws_db_instance.bills]}", set()),
        ("ignore: {local: ['compose:services.bills/database']}", {"aws_db_instance.bills"}),
    ],
)
def test_what_is_ignored_has_no_counterpart_and_is_not_missed(config: str, left: set[str], tmp_path: Path) -> None:
    found = graph(tmp_path, config=config)
    pairs = set(told(found))
    ignored = {node.partition(":")[2] for node in found.ignored}
    assert not {each for pair in pairs for each in pair} & ignored
    assert ("services.orders/database", "aws_db_instance.orders") in pairs
    missed = {
        node.id.partition(":")[2] for side in (Side.LOCAL, Side.CLOUD) for node in found.unpaired(Database, side=side)
    }
    # The only Postgres of the local side stands for each of the cloud.
    assert missed <= left
    assert not missed & ignored


def test_declared_facts_are_known_and_stand_where_they_are_declared(tmp_path: Path) -> None:
    compose = "services:\n  db:\n    image: registry.example.com/own/database:7\n  cache:\n    image: redis:alpine\n"
    config = """
    facts:
      cache: {version: "7.1.2"}
      aws_db_instance.orders: {engine: postgres, version: "15"}
    """
    found = graph(tmp_path, compose, config=config)
    text = (tmp_path / "policyengine.yaml").read_text()
    cache = found.get(Cache, "compose:services.cache/cache")
    database = found.get(Database, "terraform:aws_db_instance.orders")
    assert cache is not None
    assert database is not None
    assert isinstance(cache.version, Known)
    assert (str(cache.version.value), text[cache.version.span.start : cache.version.span.end]) == ("7.1.2", "7.1.2")
    assert isinstance(cache.engine, Known)
    assert cache.engine.span.path == "docker-compose.yml"
    assert isinstance(database.version, Floating)
    assert (str(database.version.value), database.version.span.path) == ("15", "policyengine.yaml")
    assert isinstance(database.engine, Known)
    assert (database.engine.value, database.engine.span.path) == ("postgres", "policyengine.yaml")
    assert [service.name for service in found.all(Service)] == ["cache", "db"]


def test_a_name_that_fits_several_nodes_stops_the_run(tmp_path: Path) -> None:
    terraform = """
    resource "aws_ecs_task_definition" "web" {
      family                = "web"
      container_definitions = jsonencode([{ name = "one", image = "acme/a:1" }, { name = "two", image = "acme/b:1" }])
    }
    """
    compose = "services:\n  web:\n    image: acme/a:1\n"
    config = "pairs: [{local: web, cloud: aws_ecs_task_definition.web}]"
    with pytest.raises(UsageError) as caught:
        graph(tmp_path, compose, terraform, config)
    assert str(caught.value) == (
        "policyengine.yaml:2:17: 'web' against 'aws_ecs_task_definition.web' fits several nodes; name one of "
        "aws_ecs_task_definition.web#one, aws_ecs_task_definition.web#two, services.web"
    )
    named = graph(tmp_path, compose, terraform, config.replace("web}", "web#two}"))
    assert set(told(named)) == {("services.web", "aws_ecs_task_definition.web#two")}


@pytest.mark.parametrize(
    "config",
    ["ignore: {cloud: [aws_db_instance.bills]}", "ignore: {local: [orders]}"],
)
def test_what_is_ignored_is_paired_by_no_label_either(config: str, tmp_path: Path) -> None:
    labelled = SERVICES.replace("  orders:\n", "  orders:\n    x-parity: aws_db_instance.bills\n")
    assert ("services.orders/database", "aws_db_instance.bills") in told(graph(tmp_path / "a", labelled))
    pairs = told(graph(tmp_path / "b", labelled, config=config))
    assert ("services.orders/database", "aws_db_instance.bills") not in pairs
