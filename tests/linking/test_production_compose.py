"""A Compose file for production is the cloud side, held against the one that developers start."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def test_where_terraform_runs_the_services_it_is_left_out(tmp_path: Path) -> None:
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "main.tf": ECS})
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
