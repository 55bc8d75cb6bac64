"""HEX605: a push of a candidate beside the tests, whose deployment waits for them, is no way past the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = """\
name: CI
on: push
jobs:
  push:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:{tag} .
      - run: docker push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:{tag}
  e2e:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker compose up --detach --wait
      - run: npx playwright test
  deploy:
    needs: {needs}
    runs-on: ubuntu-latest
    steps:
      - run: aws ecs update-service --cluster shop --service shop --task-definition shop:7
"""
COMPOSE = "services:\n  shop:\n    build: .\n"


@pytest.mark.parametrize(
    ("tag", "needs", "jobs"),
    [
        ("${{ github.sha }}", "[push, e2e]", []),
        ("v1.2.3", "[push, e2e]", []),
        ("latest", "[push, e2e]", ["push"]),
        ("${{ github.sha }}", "[push]", ["push", "deploy"]),
        ("${{ github.sha }}", "[e2e]", ["push"]),
    ],
    ids=["of the commit", "of a version", "of a tag that moves", "deployed untested", "deployed by nobody"],
)
def test_a_push_counts_unless_what_deploys_it_waits_for_the_gate(
    tmp_path: Path, tag: str, needs: str, jobs: list[str]
) -> None:
    files = {
        ".github/workflows/ci.yml": WORKFLOW.format(tag=tag, needs=needs),
        "docker-compose.yml": COMPOSE,
        "Dockerfile": 'FROM node:22.11.0\nUSER node\nCMD ["node", "server.js"]\n',
        "package.json": '{"devDependencies": {"@playwright/test": "1.49.0"}}',
    }
    report = trees.scan(tmp_path, files, "HEX605")
    assert [name for each in report.results for name in each.message.split("'")[1::2]] == jobs
