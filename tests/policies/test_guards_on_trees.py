"""Guards of rules that no case of the reference stack shows, on small whole trees: what is left alone, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ECS = """
resource "aws_ecs_service" "web" {{
  name            = "web"
  task_definition = aws_ecs_task_definition.web.arn
}}
resource "aws_ecs_task_definition" "web" {{
  family                = "web"
  container_definitions = jsonencode([{{ name = "web", image = "acme/web:1", {more} }}])
}}
"""


def told(root: Path, files: Mapping[str, str], *select: str) -> list[tuple[str, str, str]]:
    """Rule, subject and reported text of each finding, and rule, subject and reason of each open question."""
    report = trees.scan(root, files, *select)
    assert report.failures == ()
    found = [
        (each.rule.id, each.subject.partition(":")[2], report.sources[each.span.path].slice(each.span))
        for each in report.results
    ]
    return found + [(f"{each.rule}?", each.subject.partition(":")[2], each.reason) for each in report.undecided]


WEB = "services:\n  web:\n    build: .\n    environment: {A: b}\n"


@pytest.mark.parametrize(
    ("more", "reported"),
    [
        ({}, True),
        ({"package.json": '{"scripts": {"up": "docker compose --env-file .env.local up"}}'}, False),
        ({"package.json": '{"scripts": {"up": "docker compose --env-file config/.env.local up"}}'}, False),
        ({"package.json": '{"scripts": {"up": "docker compose --env-file .env up"}}'}, True),
        ({"package.json": '{"scripts": {"up": "cp .env.local .env && docker compose up"}}'}, True),
        ({"package.json": '{"scripts": {"up": "docker run --env-file .env.local shop"}}'}, True),
        ({"package.json": '{"scripts": {"up": 1}}'}, True),
    ],
)
def test_a_script_that_gives_compose_the_file_loads_it(more: dict[str, str], reported: bool, tmp_path: Path) -> None:
    files = {"compose.yml": WEB, "Dockerfile": "FROM node:22\n", **more}
    assert told(tmp_path, files, "HEX301") == ([("HEX301", "services.web", "web")] if reported else [])


@pytest.mark.parametrize(
    ("service", "files", "reported"),
    [
        ("{build: .}", {}, False),
        ("{build: ., environment: {A: b}}", {}, True),
        ("{build: ., env_file: .env}", {".env": "A=b\n"}, True),
        ("{build: ., env_file: .env.local}", {".env.local": "A=b\n"}, False),
        ("{build: ., env_file: [.env, .env.local]}", {".env": "A=b\n", ".env.local": "A=b\n"}, False),
        ("{image: 'acme/other:1', environment: {A: b}}", {}, False),
    ],
)
def test_what_is_built_and_needs_variables_loads_the_file(
    service: str, files: dict[str, str], reported: bool, tmp_path: Path
) -> None:
    tree = {"compose.yml": f"services:\n  web: {service}\n", "Dockerfile": "FROM node:22\n", **files}
    assert [each[0] for each in told(tmp_path, tree, "HEX301")] == (["HEX301"] if reported else [])


@pytest.mark.parametrize(
    ("key", "value", "package", "reported"),
    [
        ("NEXTAUTH_URL", "http://localhost:3005", "{}", True),
        ("NEXTAUTH_URL", "https://localhost:3005", "{}", True),
        ("NEXTAUTH_URL", "https://shop.example.com", "{}", False),
        ("NEXTAUTH_URL", "https://your-domain.com", "{}", False),
        ("NEXTAUTH_URL", "http://127.0.0.1:3005", "{}", False),
        ("NEXTAUTH_URL", "http://127.0.0.1:3005/path", "{}", False),
        ("NEXTAUTH_URL", "http://127.0.0.1:3000", "{}", True),
        ("NEXTAUTH_URL", "", "{}", False),
        ("BETTER_AUTH_URL", "http://127.0.0.1:3000", "{}", False),
        ("BETTER_AUTH_URL", "http://localhost:3000", "{}", True),
        ("AUTH_URL", "http://localhost:3000", "{}", False),
        ("AUTH_URL", "http://localhost:3000", '{"dependencies": {"next-auth": "5"}}', True),
        ("AUTH_URL", "http://localhost:3000", '{"dependencies": {"@auth/core": "1"}}', True),
        ("AUTH_URL", "http://localhost:3000", '{"dependencies": {"next-auth-x": "1"}}', False),
        ("APP_URL", "http://localhost:3000", "{}", True),
        ("APP_URL", "http://shop.local:3000", "{}", False),
        ("OTHER_URL", "http://localhost:3000", "{}", False),
    ],
)
def test_the_address_in_an_env_file(key: str, value: str, package: str, reported: bool, tmp_path: Path) -> None:
    files = {
        "compose.yml": WEB,
        "Dockerfile": "FROM node:22\n",
        "package.json": package,
        ".env.example": f"{key}={value}\n",
    }
    found = [each for each in told(tmp_path, files, "HEX506") if each[1].endswith(".env.example")]
    assert found == ([("HEX506", ".env.example", value)] if reported else [])


def cloud(more: str) -> str:
    return ECS.format(more=f"environment = [{more}]") + 'resource "aws_lb" "main" {\n  internal = false\n}\n'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"https://shop.example.com"', []),
        ('"http://shop.example.com"', ["HEX506"]),
        ('"https://localhost"', ["HEX506"]),
        ("aws_lb.main.dns_name", ["HEX506?"]),
        ('"http://${aws_lb.main.dns_name}"', ["HEX506"]),
        ('"https://${aws_lb.main.dns_name}"', []),
    ],
)
def test_the_address_in_the_cloud(value: str, expected: list[str], tmp_path: Path) -> None:
    found = told(tmp_path, {"main.tf": cloud(f'{{ name = "NEXTAUTH_URL", value = {value} }}')}, "HEX506")
    assert [each[0] for each in found] == expected


@pytest.mark.parametrize(
    ("ports", "url", "expected", "fixed"),
    [
        ("['3005:3005']", "http://127.0.0.1:3005", [], False),
        ("['3000:3000']", "http://127.0.0.1:3005", ["HEX507"], True),
        ("['3000:3000', '3001:3001']", "http://127.0.0.1:3005", ["HEX507"], False),
        ("['3000']", "http://127.0.0.1:3005", ["HEX507?"], False),
        ("['${PORT}:3000']", "http://127.0.0.1:3005", ["HEX507?"], False),
        ("['3000:3000/udp']", "http://127.0.0.1:3005", ["HEX507"], False),
        ("[]", "http://127.0.0.1:3005", ["HEX507"], False),
        ("['3000:3000']", "http://shop.local:3005", [], False),
        ("['3000:3000']", "https://shop.example.com", [], False),
    ],
)
def test_the_port_of_the_address_is_published(
    ports: str, url: str, expected: list[str], fixed: bool, tmp_path: Path
) -> None:
    compose = f"services:\n  web:\n    build: .\n    ports: {ports}\n    environment: {{NEXTAUTH_URL: '{url}'}}\n"
    report = trees.scan(tmp_path, {"compose.yml": compose, "Dockerfile": "FROM node:22\n"}, "HEX507")
    assert [each.rule.id for each in report.results] + [f"{each.rule}?" for each in report.undecided] == expected
    assert [bool(each.finding.fix and each.finding.fix.edits) for each in report.results] == [
        fixed for each in expected if "?" not in each
    ]


STACK = "services:\n  db:\n    image: postgres:16.4\n    ports: ['5434:5432']\n  web:\n    build: .\n{more}"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("    environment: {DATABASE_URL: 'postgres://u@db:5434/x'}\n", ["db:5434"]),
        ("    environment: {DATABASE_URL: 'postgres://u@db:5432/x'}\n", []),
        ("    environment: {DATABASE_URL: 'postgres://u@other:5434/x'}\n", []),
        ("    environment: {NEXTAUTH_URL: 'http://db:5434'}\n", []),
        ("    environment: {A_URL: 'http://db:5434', B_URL: 'http://db:5434'}\n", ["db:5434", "db:5434"]),
        ("    environment: {DATABASE_URL: 'postgres://u@db:5434/x'}\n    network_mode: host\n", []),
    ],
)
def test_a_published_port_within_the_network(more: str, expected: list[str], tmp_path: Path) -> None:
    files = {"compose.yml": STACK.format(more=more), "Dockerfile": "FROM node:22\n"}
    assert [each[2] for each in told(tmp_path, files, "HEX502")] == expected


@pytest.mark.parametrize(
    ("image", "engine", "expected"),
    [
        ("redis:7", "valkey", []),
        ("valkey/valkey:8", "redis", []),
        ("redis:7", "redis", []),
        ("memcached:1", "redis", ["HEX103"]),
    ],
)
def test_redis_and_valkey_are_no_substitutes(image: str, engine: str, expected: list[str], tmp_path: Path) -> None:
    text = f'resource "aws_elasticache_replication_group" "c" {{\n  replication_group_id = "c"\n  engine = "{engine}"\n}}\n'
    files = {"compose.yml": f"services:\n  cache:\n    image: {image}\n", "main.tf": text}
    assert [each[0] for each in told(tmp_path, files, "HEX103")] == expected


_WORKER = """
resource "aws_ecs_task_definition" "worker" {
  family                = "worker"
  container_definitions = jsonencode([{name = "worker", image = "acme/worker:1"}])
}
"""
_STARTED = "services: {worker: {image: 'acme/worker:2', command: [work]}}\n"
_TRIED = """
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - run: docker compose -f docker-compose.prod.yml up -d --wait
"""


_NEVER = ("HEX102", "aws_ecs_task_definition.worker#worker", "worker")
_OPEN = "'docker-compose.jobs.yml', which is not part of the Compose project, starts one of that name"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, _NEVER),
        ({"docker-compose.jobs.yml": _STARTED}, ("HEX102?", _NEVER[1], _OPEN)),
        ({"examples/docker-compose.yml": _STARTED}, _NEVER),
        ({"docker-compose.prod.yml": _STARTED}, _NEVER),
        ({"docker-compose.prod.yml": _STARTED, ".github/workflows/ci.yml": _TRIED}, None),
    ],
    ids=["none", "another file", "an example", "for production", "for production, and started in CI"],
)
def test_a_container_that_another_compose_file_starts(
    files: dict[str, str], expected: tuple[str, str, str] | None, tmp_path: Path
) -> None:
    stack = {"compose.yml": "services: {web: {image: 'acme/web:1'}}\n", "main.tf": _WORKER}
    assert told(tmp_path, {**stack, **files}, "HEX102") == ([] if expected is None else [expected])


def test_a_local_broker_holds_every_queue_of_the_cloud(tmp_path: Path) -> None:
    queues = "".join(f'resource "aws_sqs_queue" "{name}" {{\n  name = "{name}"\n}}\n' for name in ("jobs", "mails"))
    broker = "services:\n  app:\n    image: shop:1\n  mq:\n    image: rabbitmq:4\n"
    assert told(tmp_path, {"compose.yml": broker, "main.tf": queues}, "HEX102") == []


def test_one_local_server_holds_every_table_of_the_cloud(tmp_path: Path) -> None:
    tables = "".join(
        f'resource "aws_dynamodb_table" "{name}" {{\n  name = "{name}"\n}}\n' for name in ("rows", "users")
    )
    server = "services:\n  app:\n    image: shop:1\n  dynamo:\n    image: amazon/dynamodb-local:2\n"
    assert told(tmp_path, {"compose.yml": server, "main.tf": tables}, "HEX102") == []
    assert len(told(tmp_path, {"compose.yml": "services:\n  app:\n    image: shop:1\n"}, "HEX102")) > 0


@pytest.mark.parametrize(
    ("local", "cloud", "expected"),
    [
        ("16.4", 'engine_version = "16.4"', []),
        ("16.4", 'engine_version = "16.3"', [("HEX402", "services.db/database")]),
        ("16.4", "", [("HEX403", "aws_db_instance.db")]),
        ("16.4", 'engine_version = "16"', [("HEX403", "aws_db_instance.db")]),
        ("16", "", [("HEX403", "services.db/database")]),
    ],
)
def test_the_version_that_the_cloud_names_or_does_not(
    local: str, cloud: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = f'resource "aws_db_instance" "db" {{\n  engine = "postgres"\n  {cloud}\n}}\n'
    files = {"compose.yml": f"services:\n  db:\n    image: postgres:{local}\n", "main.tf": text}
    found = told(tmp_path, files, "HEX401", "HEX402", "HEX403")
    assert [each[:2] for each in found] == expected


@pytest.mark.parametrize(
    ("image", "cloud", "expected"),
    [
        ("redis:7-alpine", 'engine_version = "7.1"', []),
        ("redis:7.2", 'engine_version = "7.0"', []),
        ("redis:6", 'engine_version = "7.1"', ["HEX411"]),
        ("redis:8", 'engine_version = "7.1"', ["HEX411"]),
        ("redis:7", 'parameter_group_name = "default.redis6.x"', ["HEX411"]),
        ("redis:6", 'parameter_group_name = "default.redis6.x"', []),
        ("redis:6", 'engine_version = "7.1"\n  parameter_group_name = "default.redis6.x"', ["HEX411"]),
        ("redis:7", "engine_version = var.unset", ["HEX411?"]),
        ("redis:${TAG}", 'engine_version = "7.1"', ["HEX411?"]),
        ("valkey/valkey:8", 'engine = "valkey"\n  engine_version = "8.0"', []),
        ("valkey/valkey:7", 'engine = "valkey"\n  engine_version = "8.0"', ["HEX411"]),
        ("redis:7", 'engine = "valkey"\n  engine_version = "8.0"', []),
    ],
)
def test_majors_of_caches(image: str, cloud: str, expected: list[str], tmp_path: Path) -> None:
    engine = "" if "engine =" in cloud else 'engine = "redis"'
    text = f'variable "unset" {{}}\nresource "aws_elasticache_cluster" "c" {{\n  {engine}\n  {cloud}\n}}\n'
    files = {"compose.yml": f"services:\n  cache:\n    image: {image}\n", "main.tf": text}
    assert [each[0] for each in told(tmp_path, files, "HEX411")] == expected


@pytest.mark.parametrize("image", ["us-docker.pkg.dev/cloudrun/container/hello:latest", "nginxdemos/hello"])
def test_a_sample_image_says_nothing_of_what_the_cloud_runs(image: str, tmp_path: Path) -> None:
    text = ECS.format(more="").replace("acme/web:1", image)
    expected = [("HEX607?", "aws_ecs_task_definition.web#web", f"'{image}' is a sample, which something else replaces")]
    assert told(tmp_path, {"main.tf": text}, "HEX607") == expected


SHOP = {
    "compose.yml": "services:\n  web:\n    build: .\n",
    "main.tf": ECS.format(more=""),
    ".github/workflows/image.yml": """
        on: push
        jobs:
          image:
            runs-on: ubuntu-24.04
            steps:
              - uses: docker/build-push-action@v6
                with: {context: ., push: true, tags: "acme/web:1"}
    """,
}


def test_the_tag_of_what_is_no_name_of_an_image_is_known(tmp_path: Path) -> None:
    run = 'resource "google_cloud_run_v2_service" "api" {\n  template {\n    containers {\n      image = "%s"\n    }\n  }\n}\n'
    found = told(tmp_path, {"main.tf": run % "gcr.io/PROJECT/api:latest"}, "HEX607")
    assert [each[:2] for each in found] == [("HEX607", "google_cloud_run_v2_service.api#api")]


JOB = """
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    defaults: {{run: {{working-directory: {folder}}}}}
    steps:
      - uses: {action}
        with: {{{inputs}}}
      - run: {test}
"""


@pytest.mark.parametrize(
    ("folder", "action", "inputs", "test", "base", "manifest", "reported"),
    [
        (".", "shivammathur/setup-php@v2", "php-version: '8.2'", "vendor/bin/phpunit", "php:8.1-fpm", "composer.json", True),
        (".", "shivammathur/setup-php@v2", "php-version: '8.1'", "vendor/bin/phpunit", "php:8.1-fpm", "composer.json", False),
        (".", "actions/setup-go@v5", "go-version: '1.23'", "go test ./...", "golang:1.22", "go.mod", True),
        (".", "astral-sh/setup-uv@v6", "python-version: '3.12'", "uv run pytest", "python:3.13", "pyproject.toml", True),
        ("tools/lint", "ruby/setup-ruby@v1", "ruby-version: '3.4'", "bundle exec rspec", "ruby:3.3", "Gemfile", False),
        ("lib", "ruby/setup-ruby@v1", "ruby-version: '3.4'", "bundle exec rspec", "ruby:3.3", "Gemfile", True),
        (".", "ruby/setup-ruby@v1", "ruby-version: '3.4', working-directory: tools/lint", "bundle exec rspec", "ruby:3.3",
         "Gemfile", False),
        (".", "ruby/setup-ruby@v1", "ruby-version: .ruby-version", "bundle exec rspec", "ruby:3.3", "Gemfile", False),
    ],
    ids=["php", "the same", "go", "uv", "another application's folder", "a folder of its own", "told by the setup", "a file"],
)  # fmt: skip
def test_a_job_is_held_against_the_image_of_the_application_whose_folder_it_works_in(
    folder: str, action: str, inputs: str, test: str, base: str, manifest: str, reported: bool, tmp_path: Path
) -> None:
    files = {
        "Dockerfile": f"FROM {base}\nUSER 1000\n",
        manifest: "{}" if manifest.endswith("json") else "\n",
        "tools/lint/Gemfile": "\n",
        ".ruby-version": "ruby-3.3.6\n",
        ".github/workflows/ci.yml": JOB.format(folder=folder, action=action, inputs=inputs, test=test),
    }
    found = [each[:2] for each in told(tmp_path, {**SHOP, **files}, "HEX214")]
    assert found == ([("HEX214", ".github/workflows/ci.yml#test")] if reported else [])


@pytest.mark.parametrize(("root", "reported"), [("{}", False), ('{"workspaces": ["server"]}', True)])
def test_a_job_of_another_application_in_the_root_is_not_held_against_those_below_it(
    root: str, reported: bool, tmp_path: Path
) -> None:
    job = JOB.format(folder=".", action="actions/setup-node@v4", inputs="node-version: '20'", test="npx vitest run")
    files = {
        "compose.yml": "services: {web: {build: server}}\n",
        ".github/workflows/image.yml": SHOP[".github/workflows/image.yml"].replace("context: .", "context: server"),
        "server/Dockerfile": "FROM node:22.1.0\nCOPY package.json .\nCMD node a.js\n",
        "server/package.json": "{}",
        "package.json": root,
        ".github/workflows/ci.yml": job,
    }
    found = [each[:2] for each in told(tmp_path, {**SHOP, **files}, "HEX214")]
    assert found == ([("HEX214", ".github/workflows/ci.yml#test")] if reported else [])


@pytest.mark.parametrize(
    ("asked", "base", "reported"),
    [("1.24.3", "golang:1.23", "1.24.3"), ("1.22", "golang:1.23-alpine", ""), ("1.24.3", "golang:1.24", "")],
)
def test_the_go_of_a_module_is_the_least_that_its_image_has(
    asked: str, base: str, reported: str, tmp_path: Path
) -> None:
    files = {"Dockerfile": f"FROM {base}\nUSER 1000\n", "go.mod": f"module acme.test/web\n\ngo {asked}\n"}
    found = told(tmp_path, {**SHOP, **files}, "HEX214")
    assert found == ([("HEX214", "go.mod", reported)] if reported else [])


@pytest.mark.parametrize(
    ("gate", "rules"),
    [
        ("build: gate/dev", [("HEX108", "services.gate", "gate"), ("HEX201", "services.gate", "gate/dev")]),
        ("image: nginx:1.27", []),
    ],
    ids=["built here", "a public image"],
)
def test_a_proxy_that_is_built_here_is_a_part_of_the_application(
    gate: str, rules: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    files = {
        "compose.yaml": f"services:\n  gate:\n    {gate}\n",
        "compose.prod.yaml": """
            services:
              gate:
                build: gate/prod
                healthcheck: {test: [CMD, curl, -f, "http://localhost/ready"]}
        """,
        "gate/dev/Dockerfile": "FROM nginx:1.27\n",
        "gate/prod/Dockerfile": "FROM nginx:1.27\n",
    }
    found = told(tmp_path, files, "HEX108", "HEX201")
    assert [each for each in found if "?" not in each[0]] == rules
