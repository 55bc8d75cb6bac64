"""What the pipeline publishes, and for which platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.api import Known, Side, Unknown
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from pathlib import Path

ONE = """
      - uses: docker/build-push-action@v6
        with: {{context: ., push: {push}, platforms: "{platforms}", tags: "1.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"}}
"""
TASK = """
resource "aws_ecr_repository" "web" { name = "web" }
resource "aws_ecs_task_definition" "web" {
  family = "web"
  requires_compatibilities = ["FARGATE"]
  container_definitions = jsonencode([{ name = "web", image = "1.dkr.ecr.eu-west-1.amazonaws.com/web:1" }])
}
"""


def files(*steps: str, runner: str = "ubuntu-latest", after: str = "") -> dict[str, str]:
    workflow = f"on: push\njobs:\n  b:\n    runs-on: {runner}\n    steps:{''.join(steps)}{after}"
    return {".github/workflows/b.yml": workflow, "Dockerfile": "FROM node:22-slim\n", "main.tf": TASK}


def step(platforms: str = "", name: str = "web", push: str = "true") -> str:
    return ONE.format(platforms=platforms, name=name, push=push)


def test_builds_that_push_one_repository_are_one_image_for_all_their_platforms(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, files(step("linux/amd64"), step("linux/arm64/v8"), step("linux/amd64", "worker")))
    assert [(image.name, len(image.builds)) for image in graph.published] == [("web", 2), ("worker", 1)]
    web, worker = (image.platforms for image in graph.published)
    assert isinstance(web, Known)
    assert web.value == ("linux/amd64", "linux/arm64")
    assert isinstance(worker, Known)
    assert worker.value == ("linux/amd64",)
    (container,) = graph.containers(side=Side.CLOUD)
    assert container.built_for == web


@pytest.mark.parametrize(
    ("runner", "platform"), [("ubuntu-latest", "linux/amd64"), ("ubuntu-24.04-arm", "linux/arm64")]
)
def test_a_build_without_platforms_is_for_that_of_its_runner(tmp_path: Path, runner: str, platform: str) -> None:
    (image,) = graph_of(tmp_path, files(step(), runner=runner)).published
    assert isinstance(image.platforms, Known)
    assert image.platforms.value == (platform,)


def test_the_platform_of_a_runner_of_ones_own_is_not_known(tmp_path: Path) -> None:
    (image,) = graph_of(tmp_path, files(step(), runner="big-machine")).published
    assert isinstance(image.platforms, Unknown)
    assert image.platforms.reason == "the architecture of the runner 'big-machine' is not known"


def test_what_pushes_nothing_is_not_published(tmp_path: Path) -> None:
    assert graph_of(tmp_path, files(step("linux/amd64", push="false"))).published == ()


def test_a_manifest_may_join_single_platforms(tmp_path: Path) -> None:
    join = "      - run: docker buildx imagetools create -t web:1 web:amd64 web:arm64\n"
    (image,) = graph_of(tmp_path, files(step("linux/amd64"), after=join)).published
    assert isinstance(image.platforms, Unknown)
    assert image.platforms.reason == "the platforms of a manifest that is put together from several builds"


def test_an_image_that_is_only_tagged_anew_is_no_manifest_of_several(tmp_path: Path) -> None:
    again = "      - run: docker buildx imagetools create -t web:1 web:amd64\n"
    look = "      - run: docker buildx imagetools inspect web:1 --format '{{json .}}'\n"
    (image,) = graph_of(tmp_path, files(step("linux/amd64"), after=again + look)).published
    assert isinstance(image.platforms, Known)


@pytest.mark.parametrize(
    ("line", "joins"),
    [
        ("docker buildx imagetools create -t acme/web:1 $(cat digests)", True),
        ("docker manifest create acme/web:1 ${{ steps.archs.outputs.sources }}", True),
        ("docker manifest create acme/api:1 acme/api:amd64 acme/api:arm64", False),
    ],
    ids=["as many as are printed", "as many as a step gives", "of another image"],
)
def test_a_manifest_is_of_the_image_that_it_names(line: str, joins: bool, tmp_path: Path) -> None:
    (image,) = graph_of(tmp_path, files(step("linux/amd64"), after=f"      - run: {line}\n")).published
    assert isinstance(image.platforms, Unknown) is joins
