"""One command line is one thing for every reader and every rule: in a workflow, a package script, a task, an image."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from policyengine.api import Graph, Job, Migrate, MigrationRunner, Stage
from policyengine.knowledge import commands
from policyengine.knowledge.programs import commands as table
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def _told() -> Iterator[str]:
    """The command lines of the table that change a schema."""
    for name, program in table().programs.items():
        for words, text in (program.does | program.tasks).items():
            if text.partition(" ")[0] in {"migrate", "push-schema"}:
                yield f"{name} {words.removeprefix(':')}".strip()


LINES = [
    *_told(),
    "infisical run --env=prod -- npx prisma migrate deploy",
    "timeout 600 python manage.py migrate --noinput",
    "doppler run -p web -c prd -- bundle exec rails db:migrate",
    "node node_modules/prisma/build/index.js migrate deploy",
    "poetry run alembic -c db/alembic.ini upgrade head",
    "/app/bin/migrate",
    "python scripts/run_migrations.py",
    "git commit -m 'prisma migrate deploy'",
    "echo prisma migrate deploy",
    "prisma migrate status",
    "rails db:migrate:status",
    "node server.js",
    "npx prisma generate",
]


def _changes(line: str) -> list[tuple[str, bool]]:
    """What a line changes the schema with, and whether it pushes."""
    found = commands.deeds(shlex.split(line))
    return [(deed.tool, deed.kind == "push-schema") for deed in found if deed.kind in {"migrate", "push-schema"}]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return graph_of(tmp_path_factory.mktemp("tree"), dict(_files()))


def _files() -> Iterator[tuple[str, str]]:
    jobs, terraform, scripts = ["on: push", "jobs:"], [], {}
    for number, line in enumerate(LINES):
        run = json.dumps(line)
        jobs.append(f"  run{number}: {{runs-on: ubuntu-latest, steps: [{{run: {run}}}]}}")
        jobs.append(f"  script{number}: {{runs-on: ubuntu-latest, steps: [{{run: npm run go{number}}}]}}")
        scripts[f"go{number}"] = line
        words = json.dumps(shlex.split(line))
        terraform.append(
            f'resource "aws_ecs_task_definition" "t{number}" {{\n'
            f'  family = "t{number}"\n'
            f'  container_definitions = jsonencode([{{ name = "c", image = "app:1", command = {words} }}])\n}}\n'
            f'resource "terraform_data" "r{number}" {{\n'
            f'  provisioner "local-exec" {{\n    command = {run}\n  }}\n}}\n'
        )
        yield f"image{number}/Dockerfile", f"FROM node:22\nCMD {words}\n"
        yield f"shell{number}/Dockerfile", f"FROM node:22\nCMD {line}\n"
        yield f"start{number}/Dockerfile", 'FROM node:22\nCOPY start.sh .\nENTRYPOINT ["./start.sh"]\n'
        yield f"start{number}/start.sh", f"#!/bin/sh\nset -e\n{line}\n"
    yield ".github/workflows/ci.yml", "\n".join(jobs)
    yield "main.tf", 'resource "aws_ecs_service" "x" {\n  name = "x"\n}\n' + "".join(terraform)
    yield "package.json", json.dumps({"name": "app", "scripts": scripts})


def _activities(graph: Graph, name: str) -> list[tuple[str, bool]]:
    job = graph.get(Job, f"github:.github/workflows/ci.yml#{name}")
    assert job is not None
    return [(each.tool, each.push) for step in job.steps for each in step.activities if isinstance(each, Migrate)]


@pytest.mark.parametrize(("number", "line"), list(enumerate(LINES)), ids=LINES)
def test_every_reader_gives_one_answer(graph: Graph, number: int, line: str) -> None:
    expected = _changes(line)
    assert _activities(graph, f"run{number}") == expected
    assert _activities(graph, f"script{number}") == expected
    for folder in ("image", "shell", "start"):
        (stage,) = [each for each in graph.all(Stage) if each.dockerfile == f"{folder}{number}/Dockerfile"]
        container = graph.container(stage)
        assert [each for command in container.commands for each in _changes(shlex.join(command.argv))] == expected
    for runner in (f"aws_ecs_task_definition.t{number}#c/migrations", f"terraform_data.r{number}"):
        found = graph.get(MigrationRunner, f"terraform:{runner}")
        assert (None if found is None else found.tool) == next((tool or "script" for tool, _ in expected), None), runner
