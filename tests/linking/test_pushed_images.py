"""Which build of the pipeline makes what the cloud runs, where names and folders are written in other ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.graph import EdgeKind
from policyengine.model.nodes import Service, Side, Stage
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "api/Dockerfile": "FROM node:22.20.0-slim AS dev\nFROM dev AS run\nUSER node\n",
    "web/dockerfile": "FROM nginx:1.29.1\n",
    "compose.yaml": "services: {db: {image: 'postgres:16.4'}}\n",
}
WORKFLOW = """
on: push
env: {{ECR: '${{{{ secrets.REGISTRY }}}}', SHA: '${{{{ github.sha }}}}'}}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - run: |
{}
      - run: docker push $ECR/shop-unrelated:$SHA
"""
TASK = """
data "aws_ecr_image" "api" {
  repository_name = "shop-api"
  most_recent     = true
}
resource "aws_ecr_repository" "api" {
  name = "${var.project}-api"
}
resource "aws_ecr_repository" "untold" {
  name = var.name
}
resource "aws_ecs_task_definition" "api" {
  family                = "api"
  container_definitions = jsonencode([{ name = "api", image = %s, essential = true }])
}
"""
BUILD = "docker build -t $ECR/shop-api:$SHA api && docker push $ECR/shop-api:$SHA"
WEB = "docker build -t $ECR/shop-web:$SHA web && docker push $ECR/shop-web:$SHA"


@pytest.mark.parametrize(
    ("image", "script", "stages"),
    [
        ('"ghcr.io/acme/shop/api:1"', [BUILD, WEB], ["api/Dockerfile run"]),
        ('"ghcr.io/acme/shop/web:1"', [BUILD, WEB], ["web/dockerfile 0"]),
        ('"ghcr.io/acme/shop/jobs:1"', [BUILD, WEB], []),
        ("data.aws_ecr_image.api.image_uri", [BUILD, WEB], ["api/Dockerfile run"]),
        ('"${aws_ecr_repository.api.repository_url}:1"', [BUILD, WEB], ["api/Dockerfile run"]),
        ('"${aws_ecr_repository.api.repository_url}:1"', [BUILD.replace("shop-", "")], ["api/Dockerfile run"]),
        ('"${aws_ecr_repository.api.repository_url}:1"', [WEB.replace("web", "api-docs")], []),
        ('"acme/shop-api:1"', ["cd web", "cd -", "docker build -t $ECR/shop-api api", WEB], ["api/Dockerfile run"]),
        (
            '"acme/shop-api:1"',
            ["docker build --target dev -t $ECR/shop-api api || docker build -t $ECR/shop-api api", WEB],
            ["api/Dockerfile dev"],
        ),
    ],
    ids=[
        "a dash for a slash",
        "a Dockerfile in lower case",
        "another name",
        "the newest image of a repository",
        "a name whose beginning is not known",
        "that name as it is pushed",
        "a name that ends otherwise",
        "a folder that is left again",
        "a second try",
    ],
)
def test_what_the_cloud_runs_is_made_by_the_build_of_that_name(
    image: str, script: list[str], stages: list[str], tmp_path: Path
) -> None:
    lines = "\n".join(f"          {line}" for line in script)
    files = FILES | {"main.tf": TASK % image, ".github/workflows/ship.yml": WORKFLOW.format(lines)}
    graph = graph_of(tmp_path, files)
    (api,) = (each for each in graph.all(Service, side=Side.CLOUD) if each.name == "api")
    found = graph.targets(Stage, EdgeKind.BUILT_FROM, api)
    assert [f"{each.dockerfile} {each.name}" for each in found] == stages


def test_a_name_that_a_later_step_gives_is_told_by_its_own_variables(tmp_path: Path) -> None:
    lines = "          docker build -t work api"
    further = """
      - run: docker tag work $IMAGE && docker push $IMAGE
        env: {IMAGE: '${{ secrets.REGISTRY }}/shop-api:${{ github.sha }}'}
"""
    files = FILES | {"main.tf": TASK % '"acme/shop-api:1"'}
    graph = graph_of(tmp_path, files | {".github/workflows/ship.yml": WORKFLOW.format(lines) + further})
    (api,) = (each for each in graph.all(Service, side=Side.CLOUD) if each.name == "api")
    assert [each.dockerfile for each in graph.targets(Stage, EdgeKind.BUILT_FROM, api)] == ["api/Dockerfile"]


def test_a_build_without_a_name_makes_the_image_of_a_repository_without_one_that_is_called_as_its_folder(
    tmp_path: Path,
) -> None:
    lines = "\n".join(
        f"          docker build -t $ECR/${{{{ secrets.{each} }}}}:$SHA {each} --push" for each in ("api", "web")
    )
    files = FILES | {"main.tf": TASK % "aws_ecr_repository.untold.repository_url"}
    graph = graph_of(tmp_path, files | {".github/workflows/ship.yml": WORKFLOW.format(lines)})
    (api,) = (each for each in graph.all(Service, side=Side.CLOUD) if each.name == "api")
    assert [each.dockerfile for each in graph.targets(Stage, EdgeKind.BUILT_FROM, api)] == ["api/Dockerfile"]
