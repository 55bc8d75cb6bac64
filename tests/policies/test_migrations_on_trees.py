"""Who runs the migrations in the cloud (HEX610), on small whole trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.rules.evaluate import Report

PRISMA = {
    "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
    "prisma/migrations/20250101000000_init/migration.sql": 'CREATE TABLE "a" ("id" INTEGER);\n',
    "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
}
DATABASE = 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
NULL = """
resource "terraform_data" "migrate" {{
  triggers_replace = {triggers}
  provisioner "local-exec" {{
    command = "npx prisma migrate deploy"
  }}
}}
"""
HASH = '{ for f in fileset("${path.module}/prisma/migrations", "**") : f => filesha256("${path.module}/prisma/migrations/${f}") }'
TASK = """
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{{ name = "{name}", image = "acme/app:1", command = [{command}] }}])
}}
"""
RUN_TASK = """
resource "terraform_data" "run" {
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = "aws ecs run-task --cluster main --task-definition ${aws_ecs_task_definition.migrate.arn}"
  }
}
"""
WORKFLOW = """
on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    {services}
    steps:
      - uses: actions/checkout@v5
      - run: {run}
"""
DEPLOYED = '"npx", "prisma", "migrate", "deploy"'


def scan(root: Path, terraform: str, files: Mapping[str, str] | None = None) -> Report:
    report = trees.scan(root, {**PRISMA, "main.tf": terraform, **(files or {})}, "HEX610")
    assert report.failures == ()
    return report


@pytest.mark.parametrize(
    ("terraform", "severity", "message"),
    [
        (
            DATABASE,
            "error",
            "Nothing in Terraform runs the 'prisma' migrations in 'prisma/migrations' against [the cloud](1).",
        ),
        (
            'resource "aws_db_instance" "main" {\n  engine = "mysql"\n}\n',
            "error",
            "Nothing in Terraform runs the 'prisma' migrations in 'prisma/migrations' against [the cloud](1).",
        ),
        ('resource "aws_elasticache_cluster" "main" {\n  engine = "redis"\n}\n', "", ""),
        ('resource "aws_s3_bucket" "main" {\n  bucket = "x"\n}\n', "", ""),
        (DATABASE + NULL.format(triggers=HASH), "", ""),
        (DATABASE + NULL.format(triggers="timestamp()"), "", ""),
        (
            DATABASE + NULL.format(triggers='"1"'),
            "warning",
            "'terraform_data.migrate' runs the migrations in 'prisma/migrations', but no trigger tells it that they [changed](1).",
        ),
        (DATABASE + TASK.format(name="app", command=DEPLOYED), "", ""),
        (
            DATABASE + TASK.format(name="app", command='"sh", "-c", "npx prisma migrate deploy && node server.js"'),
            "",
            "",
        ),
        (
            DATABASE + TASK.format(name="app", command='"echo", "prisma migrate deploy"'),
            "error",
            "Nothing in Terraform runs the 'prisma' migrations in 'prisma/migrations' against [the cloud](1).",
        ),
        (DATABASE + TASK.format(name="migrate", command=DEPLOYED) + RUN_TASK, "", ""),
    ],
)
def test_terraform_runs_the_migrations(terraform: str, severity: str, message: str, tmp_path: Path) -> None:
    report = scan(tmp_path, terraform)
    assert [(each.severity.value, each.message) for each in report.results] == (
        [(severity, message)] if message else []
    )


@pytest.mark.parametrize(
    ("run", "services", "message"),
    [
        ("npx prisma migrate deploy", "", "Only [the pipeline](1) runs"),
        ("npx prisma db push", "", "Nothing in Terraform runs"),
        ("npx prisma migrate deploy", "services: {db: {image: 'postgres:16'}}", "Nothing in Terraform runs"),
        ("docker compose up -d && npx prisma migrate deploy", "", "Nothing in Terraform runs"),
        ("echo npx prisma migrate deploy", "", "Nothing in Terraform runs"),
        ("git commit -m 'npx prisma migrate deploy'", "", "Nothing in Terraform runs"),
    ],
)
def test_a_workflow_that_migrates_the_cloud_is_named(run: str, services: str, message: str, tmp_path: Path) -> None:
    files = {".github/workflows/deploy.yml": WORKFLOW.format(run=run, services=services)}
    ((found),) = scan(tmp_path, DATABASE, files).results
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    "files",
    [
        {"config/database.php": "<?php\n"},
        {"policyengine.yaml": "version: 1\n"},
    ],
)
def test_without_terraform_nothing_is_asked(files: Mapping[str, str], tmp_path: Path) -> None:
    assert trees.scan(tmp_path, {**PRISMA, **files}, "HEX610").results == ()


@pytest.mark.parametrize(
    ("dockerfile", "asked"),
    [
        ('FROM node:22\nCMD ["sh", "-c", "npx prisma migrate deploy && node server.js"]\n', False),
        ('FROM node:22\nENTRYPOINT ["npx", "prisma", "migrate", "deploy"]\n', False),
        ('FROM node:22\nCMD ["node", "server.js"]\n', True),
        ('FROM node:22\nRUN npx prisma migrate deploy\nCMD ["node", "server.js"]\n', True),
    ],
)
def test_an_image_that_migrates_when_it_starts_is_a_runner(dockerfile: str, asked: bool, tmp_path: Path) -> None:
    assert bool(scan(tmp_path, DATABASE, {"Dockerfile": dockerfile}).results) is asked
    development = {"Dockerfile.dev": dockerfile}
    (tmp_path / "Dockerfile").unlink()
    assert len(scan(tmp_path, DATABASE, development).results) == 1


def test_a_directory_of_each_application_is_asked_for_itself(tmp_path: Path) -> None:
    more = {path.replace("prisma/", "billing/prisma/"): text for path, text in PRISMA.items()}
    report = scan(tmp_path, DATABASE, more)
    assert [each.subject for each in report.results] == [
        "migrations:billing/prisma/migrations",
        "migrations:prisma/migrations",
    ]


GO = """package main

func main() {
    m, _ := migrate.New("file://db/migrations", os.Getenv("DB_URL"))
    _ = m.Up()
}
"""


@pytest.mark.parametrize(
    ("path", "build", "found"),
    [
        ("cmd/migrate/main.go", "go build -o /shop .", ["db/migrations"]),
        ("cmd/db-migrations/main.go", "go build -o /shop ./cmd/server", ["db/migrations"]),
        ("cmd/migrate/main.go", "go build -o /migrate ./cmd/migrate", []),
        ("cmd/migrate/main.go", "go build -o /bin/ ./...", []),
        ("cmd/server/main.go", "go build -o /shop ./cmd/server", []),
        ("internal/migrate.go", "go build -o /shop .", []),
    ],
)
def test_a_program_of_go_that_only_migrates_counts_where_something_builds_it(
    tmp_path: Path, path: str, build: str, found: list[str]
) -> None:
    files = {
        "db/migrations/000001_first.up.sql": "CREATE TABLE a (id int);\n",
        "db/migrations/000001_first.down.sql": "DROP TABLE a;\n",
        path: GO,
        "Dockerfile": f'FROM golang:1.24\nCOPY . .\nRUN {build}\nCMD ["/shop"]\n',
        "main.tf": DATABASE,
    }
    report = trees.scan(tmp_path, files, "HEX610")
    assert [each.finding.subject.name for each in report.results] == found


ALEMBIC = {
    "alembic.ini": "[alembic]\nscript_location = alembic\n",
    "alembic/env.py": "from alembic import context\n",
    "alembic/versions/001_first.py": 'revision = "1"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n',
}
POD = """
resource "kubernetes_deployment" "api" {
  metadata {
    name = "api"
  }
  spec {
    template {
      spec {
        init_container {
          name    = "run-migrations"
          image   = "acme/api:1"
          command = ["python", "-m", "alembic", "upgrade", "head"]
        }
        container {
          name  = "api"
          image = "acme/api:1"
        }
      }
    }
  }
}
"""
UPGRADE = 'from alembic import command\n\n\ndef start() -> None:\n    command.upgrade(cfg, "head")\n'


@pytest.mark.parametrize(
    ("terraform", "files", "asked"),
    [
        (DATABASE, {}, True),
        (DATABASE + POD, {}, False),
        (DATABASE, {"bot/main.py": UPGRADE}, False),
        (DATABASE, {"tools/upgrade_by_hand.py": UPGRADE}, True),
    ],
    ids=["nothing", "an init container", "the code that starts", "a program of its own"],
)
def test_alembic_is_run_before_the_application_starts_or_by_its_code(
    terraform: str, files: Mapping[str, str], asked: bool, tmp_path: Path
) -> None:
    found = trees.scan(tmp_path, {**ALEMBIC, "main.tf": terraform, **files}, "HEX610").results
    assert [each.finding.variant for each in found] == (["default"] if asked else [])
