"""Env files that several services load: whose a variable is, and where a value that is made of others stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.value import Known
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = """
services:
  web:
    build: web
    env_file: [shared.env]
  api:
    build: api
    env_file: [shared.env]
{api}
  db:
    image: postgres:16.4
    ports: ["5432:5432"]
"""
FILES = {
    "web/Dockerfile": "FROM node:22.20.0\n",
    "api/Dockerfile": "FROM node:22.20.0\n",
    "shared.env": "DATABASE_URL=postgres://app@localhost:5432/shop\n",
}
READS = "import { z } from 'zod';\nexport const c = z.object({ DATABASE_URL: z.string() }).parse(process.env);\n"


@pytest.mark.parametrize(
    ("api", "more", "expected"),
    [
        ("", {}, ["compose:services.api"]),
        ("    environment: {DATABASE_URL: 'postgres://app@db:5432/shop'}", {}, []),
        ("    command: [sh, -c, 'wait-for $DATABASE_URL && node .']", {}, ["compose:services.api"]),
        ("", {"web/package.json": "{}", "web/src/config.ts": READS}, ["compose:services.web"]),
        ("", {"api/package.json": "{}", "api/src/config.ts": READS}, ["compose:services.api"]),
        ("    environment: {DATABASE_URL: 'postgres://app@db:5432/shop'}",
         {"web/package.json": "{}", "web/src/config.ts": READS}, ["compose:services.web"]),
    ],
)  # fmt: skip
def test_a_variable_of_a_shared_env_file_counts_for_who_uses_it(
    api: str, more: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {**FILES, **more, "compose.yaml": COMPOSE.format(api=api)}, "HEX501")
    assert [result.subject for result in report.results] == expected


def test_a_value_that_is_made_of_others_stands_on_its_own_line_and_is_reported_once(tmp_path: Path) -> None:
    text = "HOST=localhost\nDATABASE_URL=postgres://app@${HOST}:5432/shop # own\nHOST=db\n"
    report = trees.scan(tmp_path, {**FILES, "shared.env": text, "compose.yaml": COMPOSE.format(api="")}, "HEX501")
    assert [report.sources[result.span.path].slice(result.span) for result in report.results] == [
        "postgres://app@${HOST}:5432/shop"
    ]


def test_the_way_of_a_composed_image_ends_in_the_env_file(tmp_path: Path) -> None:
    compose = "services:\n  db:\n    image: postgres:${PG_TAG}\n"
    graph = trees.graph(tmp_path, {"compose.yaml": compose, ".env": "# versions\nPG_TAG=16.4\n"})
    (service,) = (node for node in graph.nodes if node.id == "compose:services.db")
    image = service.image  # type: ignore[attr-defined]
    assert isinstance(image, Known)
    assert [(step.what, step.span.path) for step in image.via] == [("${PG_TAG}", "compose.yaml"), ("", ".env")]
    assert image.via[1].span.start == len("# versions\nPG_TAG=")


TASK = (
    'resource "aws_ecs_service" "app" {\n  name = "app"\n  cluster = "main"\n'
    "  task_definition = aws_ecs_task_definition.app.arn\n  desired_count = 1\n}\n"
    'resource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = jsonencode([{\n'
    '    name = "app", image = "ghcr.io/acme/shop:1.0", essential = true,\n'
    '    environment = [{ name = "REDIS_URL", value = "redis://cache:6379" }]\n  }])\n}\n'
)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"pyproject.toml": "[project]\nname = 'shop'\n",
          "app/config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    redis_url: str\n"
                           "    database_url: str\n    port: int = 80\n\n\nsettings = Settings()\n"}, "DATABASE_URL"),
        ({"go.mod": "module shop\n",
          "config/config.go": 'package config\n\nimport ("log"; "os")\n\nfunc Load() {\n\tif os.Getenv("API_KEY") == "" {\n'
                              '\t\tlog.Fatal("API_KEY")\n\t}\n}\n'}, "API_KEY"),
        ({"Gemfile": "", "config/application.rb": 'KEY = ENV.fetch("API_KEY")\nURL = ENV.fetch("REDIS_URL")\n'}, "API_KEY"),
        ({"pom.xml": "<project/>", "src/main/resources/application.yml": "spring:\n  url: ${DB_URL}\n  redis: ${REDIS_URL}\n"}, "DB_URL"),
    ],
)  # fmt: skip
def test_the_cloud_must_set_what_code_of_any_language_demands(
    files: dict[str, str], missing: str, tmp_path: Path
) -> None:
    compose = "services:\n  app:\n    build: .\n    image: ghcr.io/acme/shop:dev\n"
    tree = {**files, "Dockerfile": "FROM debian:12\nCOPY . .\n", "compose.yaml": compose, "main.tf": TASK}
    (result,) = trees.scan(tmp_path, tree, "HEX303").results
    assert dict(result.finding.args)["keys"] == missing


def test_what_a_start_command_exports_is_set(tmp_path: Path) -> None:
    task = TASK.replace(
        "essential = true,", 'essential = true, command = ["sh", "-c", "export API_KEY=1; exec node ."],'
    )
    files = {"Gemfile": "", "config/application.rb": 'KEY = ENV.fetch("API_KEY")\n', "Dockerfile": "FROM debian:12\n"}
    compose = "services:\n  app:\n    build: .\n    image: ghcr.io/acme/shop:dev\n"
    tree = {**files, "compose.yaml": compose}
    assert trees.scan(tmp_path, {**tree, "main.tf": task}, "HEX303").results == ()
    (result,) = trees.scan(tmp_path, {**tree, "main.tf": TASK}, "HEX303").results
    assert dict(result.finding.args)["keys"] == "API_KEY"
