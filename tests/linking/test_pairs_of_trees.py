"""Pairs that only whole files show: buckets by their variables, emulators, what may not be there, unread images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyengine import plugins
from policyengine.linking.naming import stem
from policyengine.model.nodes import Bucket, Database, Side
from policyengine.model.value import Known, Unknown
from policyengine.reports.pairs import report
from policyengine.rules.coverage import account
from policyengine.testing import scan_files
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from policyengine.api import Graph

TASK = """
resource "aws_ecs_task_definition" "web" {{
  family = "web"
  container_definitions = jsonencode([{{
    name        = "web"
    image       = "acme/web:1"
    environment = [{0}]
  }}])
}}
"""


def buckets(*names: str) -> str:
    return "".join(f'resource "aws_s3_bucket" "{name}" {{\n  bucket = "{name}"\n}}\n' for name in names)


def pairs(graph: Graph) -> list[tuple[str, str]]:
    """The pairs of datastores, without the words that all ids share."""
    return [each for each in applications(graph) if "/" in each[0]]


def applications(graph: Graph) -> list[tuple[str, str]]:
    """The pairs, without the words that all ids share."""
    return [(pair.local.removeprefix("compose:services."), pair.cloud.partition(":")[2]) for pair in graph.pairs]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"UPLOADS_BUCKET": "anything"}, ["uploads"]),
        ({"S3_BUCKET_NAME": "local-uploads"}, ["uploads"]),
        ({"UPLOADS_BUCKET": "a", "EXPORT_S3_BUCKET": "b"}, ["exports", "uploads"]),
        ({"UPLOADS_FOLDER": "uploads"}, []),
    ],
)
def test_a_local_server_of_buckets_mirrors_those_that_variables_name(
    variables: dict[str, str], expected: Iterable[str], tmp_path: Path
) -> None:
    environment = "".join(f"      {key}: {value}\n" for key, value in variables.items())
    compose = f"services:\n  web:\n    image: acme/web:2\n    environment:\n      A: b\n{environment}"
    files = {
        "compose.yml": f"{compose}  minio:\n    image: minio/minio:1\n",
        "main.tf": buckets("uploads", "exports", "other"),
    }
    assert pairs(graph_of(tmp_path, files)) == [("minio/bucket", f"aws_s3_bucket.{name}") for name in expected]


def test_a_variable_of_both_sides_tells_the_bucket(tmp_path: Path) -> None:
    compose = "services:\n  web:\n    image: acme/web:2\n    environment:\n      S3_BUCKET: x\n"
    given = '{ name = "S3_BUCKET", value = aws_s3_bucket.second.id }'
    files = {
        "compose.yml": f"{compose}  minio:\n    image: minio/minio:1\n",
        "main.tf": buckets("first", "second") + TASK.format(given),
    }
    assert pairs(graph_of(tmp_path, files)) == [("minio/bucket", "aws_s3_bucket.second")]


CLOUD = (
    'resource "aws_dynamodb_table" "users" {\n  name = "users"\n}\n'
    'resource "aws_dynamodb_table" "orders" {\n  name = "orders"\n}\n'
    'resource "aws_sqs_queue" "mail" {\n  name = "mail"\n}\n'
)


@pytest.mark.parametrize(
    ("services", "stores"),
    [("", ["dynamodb", "sqs"]), ("s3, dynamodb", ["dynamodb"]), ("s3", [])],
)
def test_an_emulator_of_several_services_is_listed_as_what_it_emulates(
    services: str, stores: list[str], tmp_path: Path
) -> None:
    compose = f'services:\n  aws:\n    image: localstack/localstack:4\n    environment:\n      SERVICES: "{services}"\n'
    graph = graph_of(tmp_path, {"compose.yml": compose, "main.tf": CLOUD})
    listed = [node.id for node in graph.nodes if node.side is Side.LOCAL and "/" in node.id]
    assert listed == [f"compose:services.aws/{store}" for store in stores]
    tables = [("aws/dynamodb", "aws_dynamodb_table.orders"), ("aws/dynamodb", "aws_dynamodb_table.users")]
    assert pairs(graph) == (tables if "dynamodb" in stores else [])


LOCALSTACK = "services:\n  aws: {image: 'localstack/localstack:4', environment: {SERVICES: 's3,sqs'}}\n"


@pytest.mark.parametrize(
    ("held", "script", "expected"),
    [
        (("uploads",), "", ["uploads"]),
        (("uploads", "access_logs"), "", ["uploads"]),
        (("uploads", "exports"), "", []),
        (("uploads", "exports"), "awslocal s3 mb s3://shop-uploads\n", ["uploads"]),
        (("upload", "exports"), "aws s3api create-bucket --region eu-west-1 --bucket shop-uploads\n", ["upload"]),
        (("uploads", "exports"), "mc mb -p local/shop-exports\nmc mb local/uploads\n", ["exports", "uploads"]),
        (("uploads", "exports"), "echo s3://shop-uploads\n", []),
    ],
)
def test_an_emulator_that_is_told_what_to_start_mirrors_the_only_bucket_or_those_that_scripts_create(
    held: tuple[str, ...], script: str, expected: list[str], tmp_path: Path
) -> None:
    files = {"compose.yml": LOCALSTACK, "main.tf": buckets(*held), "localstack/init.sh": script}
    assert pairs(graph_of(tmp_path, files)) == [("aws/s3", f"aws_s3_bucket.{name}") for name in expected]


@pytest.mark.parametrize(
    ("image", "command", "paired"),
    [
        ("gcr.io/google.com/cloudsdktool/google-cloud-cli:emulators", "gcloud beta emulators pubsub start", True),
        ("google/cloud-sdk:500.0.0-emulators", "sh -c 'gcloud beta emulators pubsub start --port 8085'", True),
        ("google/cloud-sdk:500.0.0-emulators", "gcloud beta emulators datastore start", False),
        ("google/cloud-sdk:500.0.0", "", False),
    ],
)
def test_the_command_of_the_google_cloud_cli_says_what_it_emulates(
    image: str, command: str, paired: bool, tmp_path: Path
) -> None:
    compose = f'services:\n  events: {{image: "{image}", command: "{command}"}}\n'
    topic = 'resource "google_pubsub_topic" "orders" {\n  name = "orders"\n}\n'
    found = pairs(graph_of(tmp_path, {"compose.yml": compose, "main.tf": topic}))
    assert found == ([("events/pubsub", "google_pubsub_topic.orders")] if paired else [])


SLOTS = """
services:
  prod-blue: &app
    image: acme/shop-api:1
    profiles: [blue]
    environment: {DB_URL: a, JWT_KEY: b, MAIL_FROM: c, QUEUE: d, PORT: "80"}
  prod-green:
    <<: *app
    profiles: [green]
  edge: {image: "traefik:v3"}
"""


def test_two_that_take_turns_are_one_and_both_are_of_production(tmp_path: Path) -> None:
    local = (
        SLOTS.partition("  prod-green")[0].replace("prod-blue: &app", "backend:").replace("    profiles: [blue]\n", "")
    )
    files = {"compose.yml": local.replace("image: acme/shop-api:1", "build: ."), "compose.prod.yml": SLOTS}
    assert applications(graph_of(tmp_path, {**files, "Dockerfile": "FROM node:22\n"})) == [
        ("backend", "compose.prod.yml:services.prod-blue"),
        ("backend", "compose.prod.yml:services.prod-green"),
    ]


def test_the_only_local_application_mirrors_what_answers_requests_among_the_tasks_of_one_image(tmp_path: Path) -> None:
    local = "services:\n  shop: {build: ., environment: {DB: a, MAIL: b}}\n"
    task = """
resource "aws_ecs_task_definition" "%s" {
  family = "%s"
  container_definitions = jsonencode([{ name = "%s", image = "1.dkr.ecr.eu-west-1.amazonaws.com/platform:1",
    environment = [{ name = "DB", value = "a" }, { name = "MAIL", value = "b" }] }])
}
"""
    tasks = "".join(task % (name, name, name) for name in ("public", "worker", "scheduler"))
    files = {"compose.yml": local, "Dockerfile": "FROM node:22\n", "main.tf": tasks}
    assert applications(graph_of(tmp_path, files)) == [("shop", "aws_ecs_task_definition.public#public")]


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        ("operational", [("db/database", "operational", True), ("db-analytics/database", "analytics", True)]),
        (
            "operational archive",
            [
                ("db/database", "archive", False),
                ("db/database", "operational", False),
                ("db-analytics/database", "analytics", True),
            ],
        ),
    ],
)
def test_a_store_that_is_left_mirrors_the_one_that_is_left_and_none_that_has_a_twin(
    cloud: str, expected: list[tuple[str, str, bool]], tmp_path: Path
) -> None:
    compose = "services:\n  db: {image: 'postgres:15'}\n  db-analytics: {image: 'postgres:15'}\n"
    store = 'resource "aws_db_instance" "%s" {\n  engine = "postgres"\n}\n'
    plan = "".join(store % name for name in (*cloud.split(), "analytics"))
    graph = graph_of(tmp_path, {"compose.yml": compose, "main.tf": plan})
    found = [(pair.local[17:], pair.cloud.rpartition(".")[2], pair.certain) for pair in graph.pairs]
    assert sorted(found) == sorted(expected)


def test_a_queue_of_dead_letters_mirrors_nothing(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  sqs:\n    image: softwaremill/elasticmq:1.6.9\n",
        "main.tf": 'resource "aws_sqs_queue" "mail_dlq" {\n  name = "mail-dlq"\n}\n',
    }
    graph = graph_of(tmp_path, files)
    assert graph.pairs == ()
    assert [(each.node, each.aside) for each in graph.without_twin] == [
        ("compose:services.sqs/queue", False),
        ("terraform:aws_sqs_queue.mail_dlq", True),
    ]


# what may not be there

DATABASE = """
resource "aws_db_instance" "main" {
  count          = %s
  engine         = "postgres"
  engine_version = "14.4"
}
"""
LOCAL = "services:\n  db:\n    image: postgres:15.12\n"


@pytest.mark.parametrize(
    ("count", "variables"),
    [
        ('var.name != "" ? 1 : 0', 'variable "name" {\n  default = ""\n}'),
        ("var.name == null ? 0 : 1", 'variable "name" {\n  default = null\n}'),
        ("var.name ? 1 : 0", 'variable "name" {\n  default = false\n}'),
        ("length(var.name)", 'variable "name" {\n  default = []\n}'),
        ("local.wanted ? 1 : 0", 'locals {\n  wanted = var.name != ""\n}\nvariable "name" {\n  default = ""\n}'),
    ],
)
def test_what_only_the_default_of_a_variable_leaves_out_is_there_and_in_doubt(
    count: str, variables: str, tmp_path: Path
) -> None:
    files = {"compose.yml": LOCAL, "main.tf": DATABASE % count + variables}
    report = scan_files(files, tmp_path / "tree", plugins.load())
    assert [(pair.local, pair.cloud) for pair in report.graph.pairs] == [
        ("compose:services.db/database", "terraform:aws_db_instance.main[0]")
    ]
    assert [each.rule.id for each in report.results if each.rule.id.startswith("HEX4")] == []
    reason = "it is only made where something sets the variable 'name'"
    opened = [(each.rule, each.reason) for each in report.undecided if each.rule.startswith("HEX4")]
    assert opened == [("HEX401", reason), ("HEX404", reason)]


@pytest.mark.parametrize(
    ("count", "files"),
    [
        ("0", {}),
        (
            "var.name ? 1 : 0",
            {"variables.tf": 'variable "name" {\n  default = false\n}', "terraform.tfvars": "x = 1\n"},
        ),
        ("var.name", {"variables.tf": 'variable "name" {\n  default = 0\n}'}),
        (
            'var.name != "" ? 1 : 0',
            {"variables.tf": 'variable "name" {\n  default = ""\n}', "terraform.tfvars": 'name = ""\n'},
        ),
    ],
)
def test_what_the_files_leave_out_is_not_there(count: str, files: dict[str, str], tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"compose.yml": LOCAL, "main.tf": DATABASE % count, **files})
    assert list(graph.all(Database, side=Side.CLOUD)) == []


def test_a_default_that_the_call_of_a_module_does_not_pass_on_is_in_doubt_too(tmp_path: Path) -> None:
    files = {
        "compose.yml": LOCAL,
        "main.tf": 'module "db" {\n  source = "./db"\n  name = var.name\n}\nvariable "name" {\n  default = ""\n}\n',
        "db/main.tf": DATABASE % 'var.name != "" ? 1 : 0' + 'variable "name" {}\n',
    }
    (found,) = graph_of(tmp_path, files).all(Database, side=Side.CLOUD)
    assert found.id == "terraform:module.db.aws_db_instance.main[0]"
    assert found.doubt is not None
    assert found.doubt.reason == "it is only made where something sets the variable 'name'"


def test_a_module_whose_count_is_not_known_is_there_once(tmp_path: Path) -> None:
    files = {
        "main.tf": 'variable "wanted" {\n  type = bool\n}\nmodule "db" {\n  source = "./db"\n'
        "  count = var.wanted ? 1 : 0\n}\n",
        "db/main.tf": 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = "14.4"\n}\n',
    }
    (found,) = graph_of(tmp_path, files).all(Database, side=Side.CLOUD)
    assert found.id == "terraform:module.db.aws_db_instance.main"
    assert isinstance(found.version, Known)
    assert str(found.version.value) == "14.4"


# a datastore that runs in a container of the cloud


@pytest.mark.parametrize(
    ("image", "port", "found"),
    [
        ("acme/store:1", 5432, "unknown"),
        ("acme/store:1", 8080, ""),
        ("postgres:14.4", 5432, "14.4"),
    ],
)
def test_a_container_with_the_variables_and_the_port_of_an_engine_is_its_database(
    image: str, port: int, found: str, tmp_path: Path
) -> None:
    container = (
        f'name = "store"\n    image = "{image}"\n    portMappings = [{{ containerPort = {port} }}]\n'
        '    environment = [{ name = "POSTGRES_DB", value = "shop" }]'
    )
    text = f'resource "aws_ecs_task_definition" "store" {{\n  container_definitions = jsonencode([{{\n    {container}\n'
    graph = graph_of(tmp_path, {"compose.yml": LOCAL, "main.tf": f"{text}  }}])\n}}\n"})
    stores = list(graph.all(Database, side=Side.CLOUD))
    assert [each.shown_version for each in stores] == ([found] if found else [])
    assert len(graph.pairs) == len(stores)
    if found == "unknown":
        assert isinstance(stores[0].version, Unknown)
        assert stores[0].version.reason == "what its image holds is not known"


# modules that are not in the repository


def test_where_a_module_is_unread_nobody_says_that_the_cloud_has_nothing_of_a_role(tmp_path: Path) -> None:
    files = {
        "compose.yml": LOCAL,
        "main.tf": 'module "stack" {\n  source = "acme/platform/aws"\n}\n'
        'module "network" {\n  source = "acme/vpc/aws"\n}\n',
    }
    graph = graph_of(tmp_path, files)
    assert report(graph, "text") == (
        "0 pairs\n\nwithout a twin on the local side\n  services.db/database\n"
        "      its twin may be in a module that is not in the repository: module.stack\n"
    )
    assert json.loads(report(graph, "json"))["unread"] == ["module.stack"]


def test_the_account_names_what_is_unread_and_says_what_to_do(tmp_path: Path) -> None:
    files = {"compose.yml": LOCAL, "main.tf": 'module "stack" {\n  source = "acme/platform/aws"\n}\n'}
    found = account(scan_files(files, tmp_path / "tree", plugins.load()))
    assert found.unread == ("module.stack",)
    assert {side.nothing for side in found.sides} == {"no cloud side outside of unread modules and no workflow found"}
    assert found.advice == (
        "what module.stack makes is not in the repository: scan after 'terraform init', or give a plan"
    )


# what containers and systems are called


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("frontend-webserver", {"front", "web"}),
        ("front_web", {"front", "web"}),
        ("admin-webserver", {"admin", "web"}),
        ("frontend", {"web"}),
        ("web-client", {"front", "web"}),
    ],
)
def test_a_word_means_something_of_its_own_beside_one_of_its_meaning(name: str, words: set[str]) -> None:
    assert stem(name) == words


def task(label: str, *containers: str) -> str:
    listed = ", ".join(f'{{ name = "{each}", image = "acme/{label}-{each}:1" }}' for each in containers)
    return (
        f'resource "aws_ecs_task_definition" "{label}" {{\n  container_definitions = jsonencode([{listed}])\n}}\n'
        f'resource "aws_ecs_service" "{label}" {{\n  task_definition = aws_ecs_task_definition.{label}.arn\n}}\n'
    )


def test_a_proxy_mirrors_a_container_of_its_name_whatever_its_image(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  admin-web:\n    image: nginx:1.27\n  worker:\n    image: acme/worker:1\n",
        "main.tf": task("admin", "web") + task("worker", "worker"),
    }
    assert [(pair.local, pair.cloud) for pair in graph_of(tmp_path, files).pairs] == [
        ("compose:services.admin-web", "terraform:aws_ecs_task_definition.admin#web"),
        ("compose:services.worker", "terraform:aws_ecs_task_definition.worker#worker"),
    ]


def test_what_only_two_names_share_speaks_for_a_pair(tmp_path: Path) -> None:
    environment = "    environment:\n      A: b\n"
    files = {
        "compose.yml": f"services:\n  custom-sql-query:\n    image: x/y:1\n{environment}  mail:\n    image: x/z:1\n",
        "main.tf": 'resource "aws_lambda_function" "custom_sql_tool" {\n  function_name = "custom-sql-tool"\n'
        '  environment {\n    variables = { A = "c" }\n  }\n}\n'
        'resource "aws_lambda_function" "other" {\n  function_name = "other"\n}\n',
    }
    (pair,) = graph_of(tmp_path, files).pairs
    assert (pair.local, pair.cloud) == (
        "compose:services.custom-sql-query",
        "terraform:aws_lambda_function.custom_sql_tool",
    )
    assert "the only ones with a word in their names" in pair.reasons


@pytest.mark.parametrize(
    ("name", "lines", "found"),
    [
        ("checks", "    entrypoint: psql\n    command: [--host=db]\n", False),
        ("checks", '    entrypoint: ["/bin/sh", "-c", "until psql -h db; do sleep 1; done"]\n', False),
        ("db-init", "", False),
        ("store", '    command: ["postgres", "-c", "fsync=off"]\n', True),
        (
            "store",
            '    entrypoint: ["/bin/sh", "-c", "docker-entrypoint.sh postgres & psql -f seed.sql; wait"]\n',
            True,
        ),
    ],
)
def test_a_container_that_asks_a_database_is_none(name: str, lines: str, found: bool, tmp_path: Path) -> None:
    compose = f"services:\n  {name}:\n    image: postgres:14.4\n{lines}"
    stores = list(graph_of(tmp_path, {"compose.yml": compose}).all(Database))
    assert [each.name for each in stores] == ([name] if found else [])


REMOTE = '[remote "origin"]\n\turl = git@github.com:acme/shop.git\n'


@pytest.mark.parametrize("clone", ["shop", "work-copy"])
def test_the_folder_of_a_clone_says_nothing_and_the_remote_does(clone: str, tmp_path: Path) -> None:
    files = {
        f"{clone}/.git/config": REMOTE,
        f"{clone}/compose.yml": "services:\n  shop-mail:\n    image: x/y:1\n  shop:\n    image: x/z:1\n",
        f"{clone}/main.tf": task("shop", "app") + task("mail", "mail"),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (mail,) = [pair for pair in graph_of(tmp_path / clone, {}).pairs if pair.local.endswith("shop-mail")]
    assert (mail.cloud, mail.certain) == ("terraform:aws_ecs_task_definition.mail#mail", True)


BUCKET = 'resource "aws_s3_bucket" "files" {\n  bucket = "files"\n}\n'


@pytest.mark.parametrize("others", [(), ("infra/billing",), ("infra/billing", "infra/shop/network")])
def test_the_id_of_a_node_does_not_depend_on_other_roots(others: tuple[str, ...], tmp_path: Path) -> None:
    files = {f"{root}/main.tf": BUCKET for root in ("infra/shop", *others)}
    graph = graph_of(tmp_path, files)
    assert {each.id for each in graph.all(Bucket)} == {
        f"terraform:aws_s3_bucket.files@{root}" for root in ("infra/shop", *others)
    }


def test_a_folder_called_as_any_is_no_part_of_an_id(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"infra/terraform/main.tf": BUCKET})
    assert [each.id for each in graph.all(Bucket)] == ["terraform:aws_s3_bucket.files"]


def test_no_tick_stands_where_something_is_without_a_twin(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  web:\n    image: x/y:1\n  mail:\n    image: x/z:1\n",
        "main.tf": task("web", "web") + task("report", "report"),
    }
    found = account(scan_files(files, tmp_path / "tree", plugins.load()))
    mirroring = next(side for side in found.sides if side.key == "1")
    assert (mirroring.without_twin, mirroring.green) == (2, False)


JOBS = """
resource "aws_ecs_task_definition" "web" {
  family                = "web"
  container_definitions = jsonencode([{ name = "web", image = "acme/web:1" }])
}

resource "aws_ecs_service" "web" {
  name            = "web"
  task_definition = aws_ecs_task_definition.web.arn
}

resource "aws_ecs_task_definition" "liquibase" {
  family                = "shop-liquibase"
  container_definitions = jsonencode([{ name = "shop-liquibase", image = var.liquibase }])
}

variable "liquibase" {}
"""


@pytest.mark.parametrize("migrates", ["image: liquibase/liquibase:4.31", "build: db"])
def test_a_service_on_the_image_of_a_migration_tool_is_a_job_and_mirrors_the_job_of_its_name(
    migrates: str, tmp_path: Path
) -> None:
    files = {
        "docker-compose.yml": f"services:\n  web: {{image: 'acme/web:2'}}\n  liquibase: {{{migrates}}}\n",
        "db/Dockerfile": "FROM liquibase/liquibase:4.31\nCOPY . /liquibase\n",
        "main.tf": JOBS,
    }
    assert {(each.local, each.cloud) for each in graph_of(tmp_path, files).pairs} == {
        ("compose:services.web", "terraform:aws_ecs_task_definition.web#web"),
        ("compose:services.liquibase", "terraform:aws_ecs_task_definition.liquibase#shop-liquibase"),
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("web_dev", "web_prod"), {"web_dev", "web_prod"}), (("web_dev", "web_test"), {"web_dev"})],
)
def test_services_of_one_dockerfile_for_two_environments_are_variants_of_one(
    names: tuple[str, str], expected: set[str], tmp_path: Path
) -> None:
    services = "".join(f"  {name}: {{build: {{context: ., target: {name[4:]}}}}}\n" for name in names)
    dockerfile = "".join(f'FROM node:22 AS {name[4:]}\nCMD ["node", "{name}.js"]\n' for name in names)
    files = {"docker-compose.yml": f"services:\n{services}", "Dockerfile": dockerfile, "main.tf": TASK.format("")}
    found = {each.local.removeprefix("compose:services.") for each in graph_of(tmp_path, files).pairs}
    assert found == expected


@pytest.mark.parametrize(
    ("languages", "port", "paired"),
    [
        (("python:3.12", "node:22", "python:3.12"), 8000, True),
        (("python:3.12", "python:3.12", "python:3.12"), 8000, False),
        (("ruby:3.4", "node:22", "python:3.12"), 8000, False),
        (("python:3.12", "node:22", "python:3.12"), 9000, False),
    ],
    ids=["one of each", "another of its language", "another language", "nothing else in common"],
)
def test_the_only_services_of_a_language_that_have_more_in_common_are_a_pair(
    languages: tuple[str, str, str], port: int, paired: bool, tmp_path: Path
) -> None:
    names = ("django", "vite", "whole")
    files = {f"{name}/Dockerfile": f"FROM {image}\n" for name, image in zip(names, languages, strict=True)}
    local = "services:\n  django: {build: django, ports: ['8000:8000']}\n  vite: {build: vite}\n"
    cloud = f"services:\n  whole: {{build: whole, ports: ['{port}:{port}']}}\n"
    graph = graph_of(tmp_path, files | {"compose.yaml": local, "compose.prod.yaml": cloud})
    assert [(each.local, each.certain) for each in graph.pairs] == [("compose:services.django", False)] * paired


@pytest.mark.parametrize(
    ("more", "paired"),
    [
        ("", True),
        ("  third: {image: 'acme/x:3', ports: ['9000:9000'], environment: {A: '', B: '', C: '', D: ''}}\n", False),
    ],
)
def test_applications_that_are_left_are_a_pair_where_no_other_has_as_much_in_common(
    more: str, paired: bool, tmp_path: Path
) -> None:
    same = "ports: ['9000:9000'], environment: {A: '', B: '', C: '', D: ''}"
    local = f"services:\n  web: {{build: web}}\n  orders: {{image: 'acme/x:1', {same}, command: run one}}\n"
    cloud = f"services:\n  web: {{build: web}}\n  tickets: {{image: 'acme/y:1', {same}, command: run two}}\n"
    files = {"web/Dockerfile": "FROM node:22\n", "compose.yaml": local + more, "compose.prod.yaml": cloud}
    graph = graph_of(tmp_path, files)
    found = [(each.local, each.certain) for each in graph.pairs if each.cloud.endswith("tickets")]
    assert found == [("compose:services.orders", False)] * paired


SUPABASE = 'resource "supabase_project" "shop" {\n  name = "shop"\n}\n'
STARTED = "[db]\nport = 54322\nmajor_version = 17\n"


def test_the_database_that_supabase_starts_mirrors_the_project_where_no_other_is_here(tmp_path: Path) -> None:
    files = {"supabase/config.toml": STARTED, "main.tf": SUPABASE}
    assert pairs(graph_of(tmp_path, files)) == [("supabase:supabase/config.toml/database", "supabase_project.shop")]


@pytest.mark.parametrize(
    "files",
    [
        {"docker-compose.yml": "services:\n  db: {image: 'postgres:17.2'}\n", "main.tf": SUPABASE},
        {"main.tf": 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'},
    ],
)
def test_it_makes_no_database_beside_another_one_or_without_a_project(files: dict[str, str], tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"supabase/config.toml": STARTED, **files})
    assert [each.id for each in graph.all(Database) if each.id.startswith("supabase:")] == []


MIGRATOR = """
resource "google_cloud_run_v2_job" "migrator" {
  name = "migrator"
  template {
    template {
      containers {
        image = "acme/api:1"
        args  = ["-m", "shop.migrate"]
      }
    }
  }
}
"""


@pytest.mark.parametrize("name", ["migrate", "migrations", "db-migration"])
def test_what_migrates_is_one_however_it_is_called(name: str, tmp_path: Path) -> None:
    compose = f"services:\n  {name}: {{build: ., command: alembic upgrade head}}\n  web: {{image: 'acme/web:1'}}\n"
    found = graph_of(tmp_path, {"docker-compose.yml": compose, "main.tf": MIGRATOR}).pairs
    assert [(each.local, each.cloud) for each in found] == [
        (f"compose:services.{name}", "terraform:google_cloud_run_v2_job.migrator#migrator")
    ]


_DATABASES = "".join(
    f'resource "aws_db_instance" "{name}" {{\n  engine = "postgres"\n  db_name = "{name}"\n}}\n'
    for name in ("orders", "billing")
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["orders"]),
        ("    volumes: ['./init:/docker-entrypoint-initdb.d']\n", ["billing", "orders"]),
        ("      OTHER: billing\n", ["billing", "orders"]),
    ],
)
def test_a_local_database_of_one_name_mirrors_no_other(more: str, expected: list[str], tmp_path: Path) -> None:
    compose = f"services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_DB: orders\n{more}"
    found = pairs(graph_of(tmp_path, {"compose.yml": compose, "main.tf": _DATABASES}))
    assert sorted(found) == [("db/database", f"aws_db_instance.{name}") for name in expected]


def test_a_stand_in_of_a_stock_image_leaves_the_twin_to_what_is_built(tmp_path: Path) -> None:
    compose = (
        "services:\n  web:\n    build: .\n  web-dev:\n    image: golang:1.25\n    profiles: [dev]\n"
        "    environment: {A: b}\n    ports: ['80:80']\n"
    )
    given = '{ name = "A", value = "b" }'
    files = {"compose.yml": compose, "Dockerfile": "FROM scratch\n", "main.tf": TASK.format(given)}
    assert applications(graph_of(tmp_path, files)) == [("web", "aws_ecs_task_definition.web#web")]


def test_a_job_with_the_image_of_a_database_is_none(tmp_path: Path) -> None:
    job = "  migrate:\n    image: postgres:16\n    entrypoint: [sh, -c, bash /up.sh]\n"
    waits = "  web:\n    image: acme/web:1\n    depends_on: {migrate: {condition: service_completed_successfully}}\n"
    compose = f"services:\n  db:\n    image: postgres:16\n{job}{waits}"
    graph = graph_of(tmp_path, {"compose.yml": compose, "compose.prod.yml": compose})
    assert [each for each in pairs(graph) if "migrate" in "".join(each)] == []
    assert sorted({each.name for each in graph.all(Database)}) == ["db"]
