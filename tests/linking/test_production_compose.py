"""A Compose file for production is the cloud side, held against the one that developers start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = 'FROM node:22-bookworm-slim\nUSER node\nCMD ["node", "server.js"]\n'
LOCAL = """
services:
  app:
    build: .
    command: npm run dev
    environment: {SESSION_SECRET: dummy}
  db: {image: "postgres:16.9"}
"""
PRODUCTION = """
services:
  app:
    build: .
    environment:
      SESSION_SECRET: 8f1c2f64a7d94b1e9d3c
      API_TOKEN: ${API_TOKEN}
  db: {image: "postgres:16.4"}
"""
ECS = """
resource "aws_ecs_task_definition" "app" {
  family                = "app"
  container_definitions = jsonencode([{ name = "app", image = "acme/app:1.2.3" }])
}
"""


def test_a_production_compose_file_is_the_cloud_side(tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, ".env.example": "API_TOKEN=sk_live_4eC39HqLyjWDarjtT1zdp7dc\n"})
    assert report.failures == ()
    assert {(each.local, each.cloud) for each in report.graph.pairs} == {
        ("compose:services.app", "compose:docker-compose.prod.yml:services.app"),
        ("compose:services.db/database", "compose:docker-compose.prod.yml:services.db/database"),
    }
    told = {(each.rule.id, each.message) for each in report.results}
    assert ("HEX402", "'db' runs Postgres '16.9', but [the cloud](1) runs '16.4'.") in told
    plain = {message for rule, message in told if rule == "HEX306"}
    assert plain == {"'SESSION_SECRET' of 'app' is a plaintext value in the Compose file of production."}
    places = {each.span.path for each in report.results if each.rule.id == "HEX306"}
    assert places == {"docker-compose.prod.yml"}
    choices = {(each.what, each.chosen, each.reason) for each in report.graph.choices}
    assert (
        "production Compose project",
        "docker-compose.prod.yml",
        "its name says that it is for production",
    ) in choices


def test_one_that_only_changes_the_base_is_started_with_it(tmp_path: Path) -> None:
    over = "services:\n  app: {command: node server.js}\n  db: {image: 'postgres:16.4'}\n"
    report = scan(tmp_path, {"compose.yaml": LOCAL, "compose.production.yaml": over, "Dockerfile": DOCKERFILE})
    assert ("production Compose project", "compose.yaml, compose.production.yaml") in {
        (each.what, each.chosen) for each in report.graph.choices
    }
    assert len(report.graph.pairs) == 2


@pytest.mark.parametrize(("folder", "name", "root"), [("infra/", "infra", "@infra"), ("", ".", "")])
def test_beside_terraform_that_runs_the_services_it_is_another_way_to_deploy_them(
    folder: str, name: str, root: str, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, f"{folder}main.tf": ECS, f"{folder}versions.tf": 'provider "aws" {}\n'})
    assert {name: [pair.cloud for pair in each.graph.pairs] for name, each in report.systems.items()} == {
        "docker-compose.prod.yml": [
            "compose:docker-compose.prod.yml:services.app",
            "compose:docker-compose.prod.yml:services.db/database",
        ],
        name: [f"terraform:aws_ecs_task_definition.app{root}#app"],
    }


def test_a_file_that_only_builds_one_image_is_no_way_to_deploy(tmp_path: Path) -> None:
    only = "services:\n  app: {build: ., image: acme/app}\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": only, "Dockerfile": DOCKERFILE, "main.tf": ECS}
    assert scan(tmp_path, files).systems == {}


def test_where_terraform_runs_other_services_it_is_left_out(tmp_path: Path) -> None:
    other = ECS.replace("app", "shop")
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "main.tf": other})
    assert not any("docker-compose.prod.yml" in each.cloud for each in report.graph.pairs)
    assert ("none", "docker-compose.prod.yml is left out: Terraform runs the services") in {
        (each.chosen, each.reason) for each in report.graph.choices
    }


def test_beside_managed_datastores_it_runs_the_services(tmp_path: Path) -> None:
    database = 'resource "aws_db_instance" "db" {\n  engine = "postgres"\n  engine_version = "16.10"\n}\n'
    only = "services:\n  app:\n    build: .\n"
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": only, "main.tf": database})
    assert {(each.local, each.cloud) for each in report.graph.pairs} == {
        ("compose:services.app", "compose:docker-compose.prod.yml:services.app"),
        ("compose:services.db/database", "terraform:aws_db_instance.db"),
    }


def test_the_configuration_names_it_or_says_that_there_is_none(tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "server.yml": PRODUCTION}
    for number, (said, expected) in enumerate([("[server.yml]", {"server.yml"}), ("[]", set())]):
        configured = {**files, "policyengine.yaml": f"version: 1\ncompose: {{production: {said}}}\n"}
        report = scan(tmp_path / str(number), configured)
        assert {each.cloud.split(":")[1] for each in report.graph.pairs} == expected


def test_migrations_of_a_production_compose_job_are_run(tmp_path: Path) -> None:
    job = PRODUCTION + "  migrate:\n    build: .\n    command: npx prisma migrate deploy\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": job, "Dockerfile": DOCKERFILE}
    migrations = {
        "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
        "prisma/migrations/20250101000000_init/migration.sql": "CREATE TABLE a (id int);\n",
        "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
    }
    report = scan(tmp_path, {**files, **migrations}, "HEX610")
    assert report.results == ()
    without = {**files, "docker-compose.prod.yml": PRODUCTION}
    assert scan(tmp_path / "without", {**without, **migrations}, "HEX610").results == ()  # Terraform has no part in it


DEPLOYING = {
    "a stack of Swarm": (
        "scripts/rollout.sh",
        "#!/bin/sh\ndocker stack deploy --with-registry-auth -c docker-stack.yml shop\n",
        "docker-stack.yml",
        "'scripts/rollout.sh' deploys it as a stack of Swarm",
    ),
    "a command on another machine": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - run: ssh shop@example.org 'cd /srv/shop && sudo docker compose -f docker-compose.server.yml up -d'
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' starts it on another machine",
    ),
    "an action that runs a script there": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - uses: appleboy/ssh-action@v1
                with:
                  host: example.org
                  script: |
                    cd /srv/shop
                    docker-compose -f docker-compose.server.yml pull
                    docker-compose -f docker-compose.server.yml up -d
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' starts it on another machine",
    ),
    "a script that is called after deploying": (
        "deploy.sh",
        "docker compose -f docker-compose.server.yml up -d --build\n",
        "docker-compose.server.yml",
        "'deploy.sh' starts it, and is called after deploying",
    ),
    "a copied file": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - uses: appleboy/scp-action@v0.1.7
                with: {host: example.org, source: "docker-compose.server.yml,.env.example", target: /srv/shop}
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' copies it to another machine",
    ),
}


@pytest.mark.parametrize("name", DEPLOYING)
def test_what_deploys_a_compose_file_tells_the_cloud_side(name: str, tmp_path: Path) -> None:
    path, text, file, reason = DEPLOYING[name]
    files = {"docker-compose.yml": LOCAL, file: PRODUCTION, "Dockerfile": DOCKERFILE, path: text}
    report = scan(tmp_path, files, "HEX402")
    assert ("production Compose project", file, reason) in {
        (each.what, each.chosen, each.reason) for each in report.graph.choices
    }
    assert [(each.subject, each.finding.against.id) for each in report.results if each.finding.against is not None] == [
        ("compose:services.db/database", f"compose:{file}:services.db/database")
    ]


def test_a_chain_of_files_is_what_the_command_says(tmp_path: Path) -> None:
    over = "services:\n  app: {command: node server.js}\n  db: {image: 'postgres:16.4'}\n"
    command = "ssh shop@example.org docker compose -f docker-compose.yml -f overrides/server.yml up -d\n"
    files = {"docker-compose.yml": LOCAL, "overrides/server.yml": over, "Dockerfile": DOCKERFILE, "ship.sh": command}
    report = scan(tmp_path, files, "HEX402")
    assert ("production Compose project", "docker-compose.yml, overrides/server.yml") in {
        (each.what, each.chosen) for each in report.graph.choices
    }
    assert [each.rule.id for each in report.results] == ["HEX402"]


def test_services_of_a_base_that_both_sides_share_are_compared_with_their_form_in_the_chain(tmp_path: Path) -> None:
    base = "services:\n  app: {image: 'acme/shop:${TAG}'}\n  db: {image: 'postgres:16.4'}\n"
    files = {
        "docker-compose.yml": base,
        ".env": "COMPOSE_FILE=docker-compose.yml:docker/dev.yml\nTAG=dev\n",
        "docker/dev.yml": "services:\n  app: {build: .}\n  db: {image: 'postgres:16.9'}\n",
        "docker/prod.yml": "services:\n  app: {restart: always}\n",
        "docker/monitor.yml": "services:\n  exporter: {image: 'prom/statsd-exporter:v0.28.0'}\n",
        "Makefile": "up:\n\tdocker compose -f docker-compose.yml -f docker/prod.yml -f docker/monitor.yml up -d\n",
        "Dockerfile": DOCKERFILE,
    }
    report = scan(tmp_path, files, "HEX402")
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [
        ("compose:services.app", "compose:docker/prod.yml:services.app"),
        ("compose:services.db/database", "compose:docker/prod.yml:services.db/database"),
    ]
    assert [each.message for each in report.results] == ["'db' runs Postgres '16.9', but [the cloud](1) runs '16.4'."]


def test_what_backs_up_a_database_with_its_image_is_no_database(tmp_path: Path) -> None:
    backup = "  db_backup:\n    image: postgres:16.4\n    command: sh -c 'while true; do /backup.sh; sleep 9; done'\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION + backup, "Dockerfile": DOCKERFILE}
    assert {each.cloud for each in scan(tmp_path, files, "HEX402").graph.pairs} == {
        "compose:docker-compose.prod.yml:services.app",
        "compose:docker-compose.prod.yml:services.db/database",
    }


def test_profiles_that_are_called_after_machines_leave_nothing_out(tmp_path: Path) -> None:
    over = "services:\n  app: {profiles: [web1, web2]}\n  db: {profiles: [db1], image: 'postgres:16.4'}\n"
    report = scan(
        tmp_path,
        {"compose.yaml": LOCAL, "compose.production.yaml": over, "Dockerfile": DOCKERFILE},
        "HEX402",
    )
    assert len(report.graph.pairs) == 2


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("start.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy-local.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy.sh", "docker compose -f docker-compose.server.yml build"),
        ("deploy.sh", "docker compose -f docker-compose.other.yml up -d"),
        ("tests/e2e/deploy.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy.sh", "echo docker compose -f docker-compose.server.yml up -d"),
        ("deploy-demo.sh", "docker compose -f docker-compose.server.yml up -d"),
        (".github/workflows/deploy.yml", "jobs: {a: {steps: [{run: docker compose -f docker-compose.server.yml up}]}}"),
        ("copy.sh", "cp docker-compose.server.yml build:zone"),
    ],
)
def test_what_does_not_deploy_tells_nothing(path: str, command: str, tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.server.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, path: f"{command}\n"}, "HEX402")
    assert not [each for each in report.graph.choices if each.what == "production Compose project"]


def test_the_only_file_is_not_held_against_itself(tmp_path: Path) -> None:
    command = "ssh shop@example.org docker compose -f docker-compose.yml up -d\n"
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "Dockerfile": DOCKERFILE, "ship.sh": command}, "HEX402")
    assert report.graph.pairs == ()
    assert ("Compose project", "docker-compose.yml") in {(each.what, each.chosen) for each in report.graph.choices}


def test_developers_start_another_file_than_the_one_that_is_deployed(tmp_path: Path) -> None:
    command = "ssh shop@example.org docker compose -f docker-compose.yml up -d\n"
    files = {"docker-compose.yml": PRODUCTION, "docker-compose.dev.yml": LOCAL, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, "ship.sh": command}, "HEX402")
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [
        ("compose:services.app", "compose:docker-compose.yml:services.app"),
        ("compose:services.db/database", "compose:docker-compose.yml:services.db/database"),
    ]
