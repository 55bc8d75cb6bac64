"""Whole trees of a few lines, each for a feature that spans several steps: what is found, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.api import EdgeKind, Queue, Stage
from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def found(root: Path, files: Mapping[str, str], *select: str) -> list[tuple[str, str, str, str]]:
    """Severity, rule, subject and reported text of each finding; the tree leaves no failure."""
    report = trees.scan(root, files, *select)
    assert report.failures == ()
    texts = report.sources
    return [
        (each.severity.value, each.rule.id, each.subject.partition(":")[2], texts[each.span.path].slice(each.span))
        for each in report.results
    ]


STACK = {"docker-compose.yml": "services:\n  app:\n    image: shop:1\n"}
BROKER = {"docker-compose.yml": "services:\n  app:\n    image: shop:1\n  mq:\n    image: rabbitmq:4\n"}
EMULATOR = {
    "docker-compose.yml": "services:\n  app:\n    image: shop:1\n  mq:\n    image: softwaremill/elasticmq:1.6\n"
}
JOBS, FAILED = (
    'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n',
    'resource "aws_sqs_queue" "failed" {\n  name = "failed"\n}\n',
)
INLINE = JOBS.replace(
    "}\n", "  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.failed.arn, maxReceiveCount = 5 })\n}\n"
)
APART = """
resource "aws_sqs_queue_redrive_policy" "jobs" {
  queue_url      = aws_sqs_queue.jobs.id
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.failed.arn })
}
"""
ALLOWED = """
resource "aws_sqs_queue_redrive_allow_policy" "failed" {
  queue_url            = aws_sqs_queue.failed.id
  redrive_allow_policy = jsonencode({ sourceQueueArns = [aws_sqs_queue.jobs.arn] })
}
"""
ONLY_CLOUD = [("warning", "HEX102", "aws_sqs_queue.jobs", "jobs")]


@pytest.mark.parametrize("terraform", [INLINE + FAILED, FAILED + INLINE, JOBS + FAILED + APART])
def test_a_dead_letter_queue_is_part_of_the_queue_it_serves(terraform: str, tmp_path: Path) -> None:
    assert found(tmp_path, {**STACK, "main.tf": terraform}) == ONLY_CLOUD
    graph = trees.graph(tmp_path, {})
    assert [queue.name for queue in graph.all(Queue)] == ["aws_sqs_queue.jobs"]


def test_a_queue_that_is_named_for_dead_letters_is_part_of_another(tmp_path: Path) -> None:
    named = JOBS.replace("jobs", "jobs_dlq")
    assert found(tmp_path, {**STACK, "main.tf": named}) == []


def test_queues_without_a_tie_are_two_and_the_first_speaks_for_all(tmp_path: Path) -> None:
    assert (
        found(
            tmp_path,
            {**STACK, "main.tf": JOBS + FAILED.replace("failed", "mails") + ALLOWED.replace("failed", "mails")},
        )
        == ONLY_CLOUD
    )
    assert [queue.name for queue in trees.graph(tmp_path, {}).all(Queue)] == [
        "aws_sqs_queue.jobs",
        "aws_sqs_queue.mails",
    ]


def test_another_broker_is_no_queue_of_the_cloud_and_an_emulator_is_noted(tmp_path: Path) -> None:
    assert found(tmp_path, {**BROKER, "main.tf": INLINE + FAILED}) == [
        ("error", "HEX103", "services.mq/queue", "rabbitmq:4")
    ]
    assert found(tmp_path, EMULATOR) == [("note", "HEX103", "services.mq/queue", "softwaremill/elasticmq:1.6")]


ECS = """
resource "aws_ecs_service" "{name}" {{
  name            = "{name}"
  task_definition = aws_ecs_task_definition.{name}.arn
}}
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{{ name = "{name}", image = "ghcr.io/acme/shop:1", {more} }}])
}}
"""
PUBLISHED = """
on: workflow_dispatch
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: docker buildx build --platform linux/amd64,linux/arm64 {options} -t ghcr.io/acme/shop:1 --push .
"""


@pytest.mark.parametrize("name", ["Containerfile", "Containerfile.production", "web.Containerfile"])
def test_a_tree_that_only_has_a_containerfile_is_read(name: str, tmp_path: Path) -> None:
    files = {
        name: 'FROM node:22\nUSER root\nCMD ["node", "server.js"]\n',
        "main.tf": ECS.format(name="web", more=""),
        ".github/workflows/build.yml": PUBLISHED.format(options=f"-f {name}"),
        "compose.yml": f"services:\n  web:\n    build: {{context: ., dockerfile: {name}}}\n",
    }
    results = found(tmp_path, files, "HEX208")
    assert results == [("error", "HEX208", f"{name}#0", "root")]
    graph = trees.graph(tmp_path, {})
    assert [stage.dockerfile for stage in graph.all(Stage)] == [name]
    assert {edge.source for edge in graph.edges if edge.kind is EdgeKind.BUILT_FROM} == {
        "compose:services.web",
        "github:.github/workflows/build.yml#build/build-0",
        "terraform:aws_ecs_task_definition.web#web",
    }


SHARED = {
    "docker-compose.yml": """
        services:
          app:
            image: shop:dev
            build: {context: ., dockerfile: Dockerfile.dev}
          worker:
            image: shop:dev
            command: node worker.js
    """,
    "Dockerfile": 'FROM node:22\nUSER node\nCMD ["node", "server.js"]\n',
    "Dockerfile.dev": 'FROM node:22\nUSER root\nCMD ["node", "server.js"]\n',
    ".github/workflows/build.yml": PUBLISHED.format(options=""),
    "main.tf": ECS.format(name="app", more="") + ECS.format(name="worker", more='command = ["node", "worker.js"]'),
}


def test_a_worker_is_judged_by_the_image_that_its_application_builds(tmp_path: Path) -> None:
    results = found(tmp_path, SHARED, "HEX1", "HEX2")
    assert [each for each in results if each[1] == "HEX209"] == [("error", "HEX209", "services.app", "root")]
    (told,) = (each.message for each in trees.scan(tmp_path, SHARED, "HEX209").results)
    assert told.endswith("The same holds for 'worker'.")
    assert [each for each in results if each[1] == "HEX201"] == [("error", "HEX201", "services.app", "Dockerfile.dev")]
    assert {each[1] for each in results} == {"HEX201", "HEX209", "HEX211"}


def test_a_worker_of_an_image_that_nobody_builds_is_judged_by_nothing(tmp_path: Path) -> None:
    files = SHARED | {
        "docker-compose.yml": SHARED["docker-compose.yml"].replace(
            "image: shop:dev\n            command", "image: other:dev\n            command"
        )
    }
    report = trees.scan(tmp_path, files, "HEX209")
    assert [each.subject for each in report.results] == ["compose:services.app"]
    assert [(each.subject, each.reason) for each in report.undecided] == [
        ("compose:services.worker", "no Dockerfile is known for the image of 'worker'")
    ]


GATE = {
    "docker-compose.yml": "services:\n  app:\n    build: .\n    ports: ['3000:3000']\n",
    "Dockerfile": 'FROM node:22\nUSER node\nCMD ["node", "server.js"]\n',
    "package.json": '{"name": "shop", "scripts": {"e2e": "playwright test", "unit": "vitest run"}}',
}
WORKFLOW = """
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker compose up -d --wait
      - run: {run}
"""
IMAGE = "mcr.microsoft.com/playwright:v1.50.0"


@pytest.mark.parametrize(
    ("run", "tested"),
    [
        (f"docker run --rm {IMAGE} npx playwright test", True),
        (f"docker run --rm --network host -e CI=1 --env BASE=x -v $PWD:/w -w /w {IMAGE} npx playwright test", True),
        (f"docker run --rm --entrypoint npx {IMAGE} playwright test", True),
        (f"docker run -it {IMAGE} sh -c 'npx playwright test'", True),
        (f"docker container run {IMAGE} npx playwright test --project=chromium", True),
        ("docker exec app npx playwright test", True),
        ("docker exec -e CI=1 -w /w app npx playwright test", True),
        ("docker compose run --rm app npx playwright test", True),
        ("docker compose exec -T app npx playwright test", True),
        (f"docker run --rm {IMAGE} npm ci", False),
        (f"docker run --rm {IMAGE}", False),
        ("docker run --rm playwright", False),
        ("docker run --rm -e RUN='npx playwright test' alpine true", False),
        (f"docker pull {IMAGE}", False),
        ("docker exec app npm run unit", False),
        ("echo docker run x npx playwright test", False),
    ],
)
def test_what_a_container_is_told_to_run_counts_as_run(run: str, tested: bool, tmp_path: Path) -> None:
    results = found(tmp_path, {**GATE, ".github/workflows/ci.yml": WORKFLOW.format(run=run)}, "HEX6")
    assert results == (
        [] if tested else [("error", "HEX602", ".github/workflows/ci.yml#gate", "docker compose up -d --wait")]
    )
