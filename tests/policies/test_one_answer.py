"""Several rules ask what a container runs, and get one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine import engine

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.rules.evaluate import Report

COMPOSE = """
services:
  web:
    build: .
    {local}
    env_file: .env.local
"""
DOCKERFILE = """
FROM node:22-slim
COPY . .
USER node
ENTRYPOINT ["./entrypoint.sh"]
CMD ["node", "server.js"]
"""
TASK = """
resource "aws_ecr_repository" "web" {{ name = "web" }}
resource "aws_db_instance" "main" {{ engine = "postgres" }}
resource "aws_ecs_task_definition" "web" {{
  family = "web"
  container_definitions = jsonencode([{{
    name = "web", image = "${{aws_ecr_repository.web.repository_url}}:1", {cloud}
  }}])
}}
"""
WORKFLOW = """
on: {workflow_dispatch: {}}
jobs:
  b:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with: {context: ., push: true, tags: "1.dkr.ecr.eu-west-1.amazonaws.com/web:1"}
"""
CONFIG = """
import { z } from "zod";
export const env = z.object({ API_KEY: z.string() }).parse(process.env);
"""


def scan(root: Path, cloud: str, local: str = "") -> Report:
    files = {
        "docker-compose.yml": COMPOSE.format(local=local),
        "Dockerfile": DOCKERFILE,
        "entrypoint.sh": '#!/bin/sh\nset -e\nnpx prisma migrate deploy\nexec "$@"\n',
        "infra/main.tf": TASK.format(cloud=cloud),
        ".github/workflows/build.yml": WORKFLOW,
        "src/config.ts": CONFIG,
        "package.json": '{"name": "web", "scripts": {"start": "node server.js"}}',
        "prisma/migrations/20250101000000_a/migration.sql": "CREATE TABLE a (id int);\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return engine.scan([root], select=["HEX109", "HEX303", "HEX610"], cache=False, jobs=1)


def said(report: Report) -> dict[str, str]:
    return {each.rule.id: each.message for each in report.results}


MIGRATES_NOWHERE = "Nothing in Terraform runs the 'prisma' migrations in 'prisma/migrations' against [the cloud](1)."
LACKS = "The container 'web' lacks 'API_KEY', which [the code requires](1)."
IMAGE = "./entrypoint.sh node server.js"


@pytest.mark.parametrize(
    ("cloud", "expected", "undecided"),
    [
        ("", {"HEX303": LACKS}, []),
        (
            'entryPoint = ["node", "worker.js"]',
            {
                "HEX109": f"'web' runs '{IMAGE}', but [the cloud](1) runs 'node worker.js'.",
                "HEX303": LACKS,
                "HEX610": MIGRATES_NOWHERE,
            },
            [],
        ),
        (
            'entryPoint = ["infisical", "run", "--", "node", "worker.js"]',
            {
                "HEX109": f"'web' runs '{IMAGE}', but [the cloud](1) runs 'node worker.js'.",
                "HEX610": MIGRATES_NOWHERE,
            },
            [("HEX303", "what 'infisical run' injects is not in the files")],
        ),
        (
            'command = ["doppler", "run", "--", "npm", "start"]',
            {"HEX109": f"'web' runs '{IMAGE}', but [the cloud](1) runs './entrypoint.sh doppler run -- npm start'."},
            [("HEX303", "what 'doppler run' injects is not in the files")],
        ),
        (
            'entryPoint = ["sh", "-c", "npx prisma migrate deploy && node server.js"]',
            {
                "HEX109": f"'web' runs '{IMAGE}', but [the cloud](1) runs 'npx prisma migrate deploy && node server.js'.",
                "HEX303": LACKS,
            },
            [],
        ),
        (
            'entryPoint = ["/opt/boot.sh"]',
            {"HEX109": f"'web' runs '{IMAGE}', but [the cloud](1) runs '/opt/boot.sh'.", "HEX303": LACKS},
            [("HEX610", "what the start script does is not known")],
        ),
    ],
)
def test_what_a_container_starts_is_one_answer_for_all_rules(
    tmp_path: Path, cloud: str, expected: dict[str, str], undecided: list[tuple[str, str]]
) -> None:
    report = scan(tmp_path, cloud)
    assert said(report) == expected
    assert [(each.rule, each.reason) for each in report.undecided] == undecided


STOCK = """
services:
  web:
    image: node:22-slim
    command: npm run dev
    env_file: .env.local
    ports: ["3000:3000"]
"""


def test_a_service_that_runs_a_public_image_has_its_user_and_its_entrypoint(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": STOCK,
        "Dockerfile": 'FROM node:22-slim\nUSER node\nCMD ["node","x.js"]\n',
        "main.tf": TASK.format(cloud=""),
        ".github/workflows/b.yml": WORKFLOW,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = engine.scan([tmp_path], select=["HEX109", "HEX209"], cache=False, jobs=1)
    assert [(each.rule.id, each.message, STOCK[each.span.start : each.span.end]) for each in report.results] == [
        ("HEX209", "'web' runs as 'root', but [the cloud](1) runs as 'node'.", "node:22-slim"),
        (
            "HEX109",
            "'web' runs the development server 'npm run dev', but [the cloud](1) runs 'node x.js'.",
            "npm run dev",
        ),
    ]
    assert report.undecided == ()
