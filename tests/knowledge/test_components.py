"""Engines, emulators and agents: each of the table is asked of the readers and of HEX102 and HEX103."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import components, loading
from policyengine.knowledge.components import Components
from policyengine.knowledge.images import Images
from policyengine.model.nodes import Datastore, Role, Service, Side
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins
    from policyengine.rules.evaluate import Report

TABLE = loading.table("components", Components)
IMAGES = loading.table("images", Images).images
CLOUD = {
    "s3": 'resource "aws_s3_bucket" "files" {\n  bucket = "acme-files"\n}\n',
    "sqs": 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n',
}
"""The services of the cloud that a reader makes a datastore of."""


@pytest.mark.parametrize("engine", TABLE.engines)
def test_an_engine_has_a_name_for_people_and_a_family(engine: str) -> None:
    entry = TABLE.engines[engine]
    assert components.product(engine) == entry.product
    assert components.family(engine) == entry.family


def test_an_engine_that_no_table_knows_is_called_as_it_is() -> None:
    assert components.product("acmedb") == "acmedb"
    assert components.family("acmedb") == "relational"
    assert components.stands_in_for("acmedb") == frozenset()
    assert components.spoken("acmedb") == "acmedb"


@pytest.mark.parametrize("emulator", TABLE.emulators)
def test_an_emulator_is_an_image_of_the_table_and_serves_engines_of_the_table(emulator: str) -> None:
    entry = TABLE.emulators[emulator]
    assert [name for name, image in IMAGES.items() if image.engine == emulator]
    clouds = {each.cloud for each in TABLE.engines.values()} - {""}
    assert set(entry.stands_in_for) <= set(TABLE.engines) | clouds
    assert emulator in TABLE.engines
    for engine in components.stands_in_for(emulator):
        assert components.serves(emulator, engine)
        assert not components.serves(engine, emulator)
    assert not components.serves(emulator, "postgres")


def test_an_emulator_of_a_cloud_serves_every_service_of_that_cloud_and_of_no_other() -> None:
    assert {"s3", "sqs", "sns", "dynamodb"} <= components.stands_in_for("localstack")
    assert components.stands_in_for("localstack") == components.stands_in_for("ministack")
    assert not components.stands_in_for("localstack") & components.stands_in_for("azurite")
    assert components.spoken("minio") == "s3"
    assert components.spoken("localstack") == "localstack"


STANDING_IN = [
    (emulator, image)
    for emulator in TABLE.emulators
    for image, entry in IMAGES.items()
    if entry.engine == emulator
    and entry.purpose in ("storage", "queue")
    and components.stands_in_for(emulator) & set(CLOUD)
]


@pytest.mark.parametrize(("emulator", "image"), STANDING_IN, ids=[image for _, image in STANDING_IN])
def test_an_emulator_is_paired_with_what_it_stands_in_for_and_noted(
    emulator: str, image: str, tmp_path: Path, installed: Plugins
) -> None:
    service = next(each for each in CLOUD if components.serves(emulator, each))
    files = {"compose.yaml": f"services:\n  store:\n    image: {image}:1.0\n", "infra/main.tf": CLOUD[service]}
    report = scan_files(files, tmp_path, installed)
    local, cloud = next(iter(report.graph.mirrors(Datastore)))
    assert (local.service, cloud.side) == ("compose:services.store", Side.CLOUD)
    found = [(each.rule.id, each.severity.value, dict(each.finding.args)) for each in report.results]
    assert [each for each in found if each[0] in ("HEX102", "HEX103")] == [
        (
            "HEX103",
            "note",
            {"local": "store", "here": components.product(emulator), "there": components.product(service)},
        )
    ]


WHOLE_CLOUDS = [
    image
    for image, entry in IMAGES.items()
    if entry.purpose == "emulator" and "sqs" in components.stands_in_for(entry.engine)
]


@pytest.mark.parametrize("image", WHOLE_CLOUDS)
def test_an_emulator_of_aws_is_where_the_queue_of_the_cloud_runs_locally(
    image: str, tmp_path: Path, installed: Plugins
) -> None:
    files = {"compose.yaml": f"services:\n  cloud:\n    image: {image}:1.0\n", "infra/main.tf": CLOUD["sqs"]}
    assert rules(scan_files(files, tmp_path / "with", installed)) & {"HEX102", "HEX103"} == set()
    files["compose.yaml"] = "services:\n  web:\n    image: nginx:1.29.3\n"
    assert "HEX102" in rules(scan_files(files, tmp_path / "without", installed))


def rules(report: Report) -> set[str]:
    return {each.rule.id for each in report.results}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    """A container of each name of the table, alone and within a longer name, on both sides and in a workflow."""
    names = [each for entry in TABLE.names for each in spelled(entry)]
    services = "\n".join(f"  {name}:\n    image: ghcr.io/acme/tool:1.0\n    restart: always" for name in names)
    jobs = "\n".join(f"      {name}:\n        image: ghcr.io/acme/tool:1.0" for name in names)
    containers = "\n".join(
        f'    {{ name = "{name}", image = "ghcr.io/acme/other:1.0", essential = true }},' for name in names
    )
    files = {
        "compose.yaml": f"services:\n{services}\n",
        ".github/workflows/ci.yml": (
            "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n"
            f"{jobs}\n    steps:\n      - run: npm test\n"
        ),
        "infra/main.tf": (
            'resource "aws_ecs_cluster" "main" {\n  name = "main"\n}\n'
            'resource "aws_ecs_service" "all" {\n  name = "all"\n  cluster = aws_ecs_cluster.main.id\n'
            "  task_definition = aws_ecs_task_definition.all.arn\n  desired_count = 1\n}\n"
            'resource "aws_ecs_task_definition" "all" {\n  family = "all"\n  container_definitions = jsonencode([\n'
            f"{containers}\n  ])\n}}\n"
        ),
    }
    return scan_files(files, tmp_path_factory.mktemp("names"), installed)


def spelled(entry: str) -> tuple[str, ...]:
    """The ways in which the words of a container's name are written."""
    return entry.replace(" ", "-"), f"acme_{entry.replace(' ', '_')}_1", f"{entry.replace(' ', '')}-blue"


@pytest.mark.parametrize("entry", TABLE.names)
def test_every_reader_says_the_same_of_a_container_that_is_named_as_an_agent(entry: str, named: Report) -> None:
    for name in spelled(entry):
        assert components.role_by_name(name) == TABLE.names[entry].role
        roles = {each.side: each.role for each in named.graph.all(Service) if each.name == name}
        role = Role.SIDECAR if TABLE.names[entry].role == "sidecar" else Role.APP
        assert roles == {Side.LOCAL: role, Side.PIPELINE: role, Side.CLOUD: role}, name


@pytest.mark.parametrize("entry", TABLE.names)
def test_a_cloud_container_that_is_named_as_an_agent_or_a_proxy_needs_no_twin(
    entry: str, tmp_path: Path, installed: Plugins
) -> None:
    name = spelled(entry)[1]
    task = (
        'resource "aws_ecs_service" "all" {{\n  name = "all"\n  cluster = "main"\n'
        "  task_definition = aws_ecs_task_definition.all.arn\n  desired_count = 1\n}}\n"
        'resource "aws_ecs_task_definition" "all" {{\n  family = "all"\n  container_definitions = jsonencode([\n'
        '    {{ name = "{name}", image = "ghcr.io/acme/other:1.0", essential = true }},\n  ])\n}}\n'
    )
    files = {"compose.yaml": "services:\n  db:\n    image: postgres:16.10\n", "infra/main.tf": task.format(name=name)}
    assert "HEX102" not in rules(scan_files(files, tmp_path / "agent", installed))
    files["infra/main.tf"] = task.format(name="billing")
    assert "HEX102" in rules(scan_files(files, tmp_path / "application", installed))


@pytest.mark.parametrize("name", ["proxyless", "ddos-guard", "vectors", "collectors-api", "envoyage", "web"])
def test_a_name_that_only_contains_a_word_of_an_agent_is_an_application(name: str) -> None:
    assert components.role_by_name(name) is None
