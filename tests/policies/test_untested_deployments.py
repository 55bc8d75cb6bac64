"""What is deployed without any test before it is an error under every profile (HEX601, and HEX605 without a stack)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = "services: {api: {build: .}}\n"
TERRAFORM = """\
    resource "aws_ecr_repository" "api" { name = "api" }
    resource "aws_ecs_task_definition" "api" {
      family                = "api"
      container_definitions = jsonencode([{ name = "api", image = "${aws_ecr_repository.api.repository_url}:1" }])
    }
    """
SHIP = [
    "docker build -t 123.dkr.ecr.eu-west-1.amazonaws.com/api:1 .",
    "docker push 123.dkr.ecr.eu-west-1.amazonaws.com/api:1",
    "aws ecs update-service --cluster a --service api --force-new-deployment",
]


def found(
    root: Path,
    *lines: str,
    on: str = "push",
    stack: bool = True,
    more: str = "",
    key: str = "ship",
    runner: str = "ubuntu-latest",
) -> list[str]:
    steps = "".join(f'          - run: "{line}"\n' for line in lines)
    workflow = (
        f"on: {on}\njobs:\n{more}  {key}:\n    runs-on: {runner}\n"
        f"{'    needs: test' if more else ''}\n    steps:\n{steps}"
    )
    files = {"Dockerfile": "FROM node:22.1.0\n", "infra/main.tf": TERRAFORM}
    files |= {"docker-compose.yml": COMPOSE} if stack else {}
    trees.write(root, files)
    (root / ".github/workflows").mkdir(parents=True, exist_ok=True)
    (root / ".github/workflows/ship.yml").write_text(workflow)
    report = trees.scan(root, {}, "HEX601", "HEX605", profile="recommended")
    return [f"{each.rule.id} {each.message}" for each in report.results if not each.folded]


UNTESTED = (
    "HEX601 '.github/workflows/ship.yml' [deploys](1) on 'push' what no test has passed before: it neither runs any nor "
    "brings up the Compose stack (HEX605)."
)
TEST = "  test:\n    runs-on: ubuntu-latest\n    steps: [{run: npx vitest run}]\n"


@pytest.mark.parametrize(
    ("lines", "more"),
    [(SHIP, ""), (["npx vitest run || true", *SHIP], ""), (["mvn package -DskipTests", *SHIP], "")],
    ids=["none", "whatever it says", "left out"],
)  # fmt: skip
def test_a_deployment_that_no_test_comes_before_is_no_convention(lines: list[str], more: str, tmp_path: Path) -> None:
    assert found(tmp_path, *lines, more=more) == [UNTESTED]


@pytest.mark.parametrize(
    ("lines", "more", "on"),
    [
        (["npx vitest run", *SHIP], "", "push"),
        (["./gradlew build", *SHIP], "", "push"),
        (SHIP, TEST, "push"),
        (SHIP, "", "[pull_request, workflow_dispatch]"),
        ([*SHIP, "npx vitest run"], "", "push"),
        (SHIP[2:], "", "push"),
        (["terraform apply -auto-approve"], "", "push"),
    ],
    ids=[
        "before",
        "in a build",
        "in a job that it needs",
        "a preview",
        "afterwards",
        "what others have built",
        "resources",
    ],
)
def test_what_a_test_comes_before_or_what_is_no_code_is_a_convention(
    lines: list[str], more: str, on: str, tmp_path: Path
) -> None:
    assert found(tmp_path, *lines, on=on, more=more) == []


def test_without_a_stack_only_what_no_test_comes_before_is_reported(tmp_path: Path) -> None:
    assert found(tmp_path / "a", *SHIP, stack=False) == [
        "HEX605 'ship' [deploys](1) what no test has passed before: none runs in its workflow."
    ]
    assert found(tmp_path / "b", "npx vitest run", *SHIP, stack=False) == []


@pytest.mark.parametrize(
    ("runner", "command", "told"),
    [
        ("[self-hosted, shop]", "docker compose -f docker-compose.production.yml up -d --build", [UNTESTED]),
        ("[self-hosted, shop]", "docker compose -f docker-compose.yml up -d --build", []),
        ("ubuntu-latest", "docker compose -f docker-compose.production.yml up -d --build", []),
    ],
)
def test_production_that_a_machine_of_ones_own_starts_is_a_deployment_and_no_gate(
    runner: str, command: str, told: list[str], tmp_path: Path
) -> None:
    trees.write(tmp_path, {"docker-compose.production.yml": COMPOSE})
    assert found(tmp_path, command, runner=runner) == told
