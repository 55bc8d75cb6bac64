"""A certain pair lends its Dockerfile to a deployed image of which nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.graph import EdgeKind
from policyengine.model.nodes import Service, Side, Stage
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

TASK = """variable "image" {}
resource "aws_ecs_task_definition" "api" {
  family                = "api"
  container_definitions = jsonencode([{ name = "api", image = %s, essential = true }])
}
"""


def built_from(files: dict[str, str], image: str, folder: Path, installed: Plugins) -> list[str]:
    graph = scan_files({"infra/main.tf": TASK % image, **files}, folder, installed).graph
    (cloud,) = (each for each in graph.all(Service, side=Side.CLOUD) if each.name == "api")
    return [each.dockerfile for each in graph.targets(Stage, EdgeKind.BUILT_FROM, cloud)]


COMPOSE = "services:\n  api:\n    build: %s\n    command: [node, main.js]\n"
DOCKERFILE = "FROM node:22.20.0-slim\nUSER node\n"


@pytest.mark.parametrize(
    ("build", "files", "image", "found"),
    [
        ("./api", {"api/Dockerfile": DOCKERFILE}, "var.image", ["api/Dockerfile"]),
        ("./api", {"api/Dockerfile": DOCKERFILE}, '"ghcr.io/acme/other:1"', ["api/Dockerfile"]),
        ("./api", {"api/Dockerfile": DOCKERFILE}, '"nginx:1.29"', []),
        (
            "./api",
            {"api/Dockerfile": DOCKERFILE, "api/Dockerfile.prod": DOCKERFILE},
            "var.image",
            ["api/Dockerfile.prod"],
        ),
        (
            "./api",
            {"api/Dockerfile": DOCKERFILE, "api/Dockerfile.dev": DOCKERFILE},
            "var.image",
            ["api/Dockerfile"],
        ),
        ("./api", {"api/Dockerfile": DOCKERFILE, "api/Dockerfile.alpine": DOCKERFILE}, "var.image", []),
        ("{context: api, dockerfile: Dockerfile.dev}", {"api/Dockerfile.dev": DOCKERFILE}, "var.image", []),
        (
            "{context: api, target: dev}",
            {"api/Dockerfile": "FROM node:22.20.0-slim AS dev\nFROM dev AS run\nUSER node\n"},
            '"ghcr.io/acme/other:1"',
            [],
        ),
    ],
    ids=[
        "an unknown image",
        "an image of another name",
        "a public image",
        "one beside it for production",
        "one beside it for dev",
        "one beside it for neither",
        "a file for dev",
        "a dev stage",
    ],
)
def test_the_twin_of_an_image_that_nobody_builds_tells_its_dockerfile(
    build: str, files: dict[str, str], image: str, found: list[str], tmp_path: Path, installed: Plugins
) -> None:
    assert built_from({"compose.yaml": COMPOSE % build, **files}, image, tmp_path, installed) == found


def test_a_build_of_the_pipeline_weighs_more_than_the_twin(tmp_path: Path, installed: Plugins) -> None:
    workflow = (
        "on: push\njobs:\n  image:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: docker/build-push-action@v6\n"
        "        with: {context: deploy, push: true, tags: 'ghcr.io/acme/api:1'}\n"
    )
    files = {
        "compose.yaml": COMPOSE % "./api",
        "api/Dockerfile": DOCKERFILE,
        "deploy/Dockerfile": DOCKERFILE,
        ".github/workflows/ci.yml": workflow,
    }
    assert built_from(files, '"ghcr.io/acme/api:1"', tmp_path, installed) == ["deploy/Dockerfile"]


ECR = """resource "aws_ecr_repository" "api" {
  name = "shop-api"
}
"""
OWN = '"${aws_ecr_repository.api.repository_url}:${var.image}"'


@pytest.mark.parametrize(
    ("files", "image", "found"),
    [
        (["api/Dockerfile", "web/Dockerfile"], OWN, ["api/Dockerfile"]),
        (["docker/Dockerfile.api", "docker/Dockerfile.web"], OWN, ["docker/Dockerfile.api"]),
        (["docker/api.Dockerfile", "docker/web.Dockerfile"], OWN, ["docker/api.Dockerfile"]),
        (["Dockerfile"], OWN, ["Dockerfile"]),
        (["Dockerfile", "tests/Dockerfile", "Dockerfile.dev"], OWN, ["Dockerfile"]),
        (["jobs/Dockerfile", "web/Dockerfile"], OWN, []),
        (["api/Dockerfile", "next/api/Dockerfile"], OWN, []),
        (["api/Dockerfile", "web/Dockerfile"], '"ghcr.io/acme/api:1"', []),
        (["Dockerfile"], "var.image", []),
        (["api/Dockerfile", "web/Dockerfile"], "var.image", ["api/Dockerfile"]),
        (["api/Dockerfile", "api/Dockerfile.prod"], OWN, ["api/Dockerfile.prod"]),
        (["api/Dockerfile", "web/Dockerfile"], '"europe-west1-docker.pkg.dev/acme/own/api:1"', ["api/Dockerfile"]),
        (["api/Dockerfile", "web/Dockerfile"], '"acme.azurecr.io/api:1"', ["api/Dockerfile"]),
        (["Dockerfile"], '"eu.gcr.io/acme/other:1"', []),
    ],
    ids=[
        "its folder",
        "behind its name",
        "before its name",
        "the only one",
        "the only one that is neither for tests nor for development",
        "none of its name",
        "two of its name",
        "an image from elsewhere",
        "an unknown image",
        "an unknown image of its name",
        "the one for production",
        "of Artifact Registry",
        "of Azure's registry",
        "of a registry that others use, too",
    ],
)
def test_without_a_twin_the_dockerfile_of_that_name_makes_an_image_of_the_systems_own_repository(
    files: list[str], image: str, found: list[str], tmp_path: Path, installed: Plugins
) -> None:
    made = dict.fromkeys(files, DOCKERFILE) | {"infra/ecr.tf": ECR}
    assert built_from(made, image, tmp_path, installed) == found


def test_where_a_pipeline_pushes_images_no_name_tells_who_makes_them(tmp_path: Path, installed: Plugins) -> None:
    workflow = (
        "on: push\njobs:\n  image:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: docker/build-push-action@v6\n"
        "        with: {context: web, push: true, tags: 'ghcr.io/acme/web:1'}\n"
    )
    files = {
        "api/Dockerfile": DOCKERFILE,
        "web/Dockerfile": DOCKERFILE,
        "infra/ecr.tf": ECR,
        ".github/workflows/ci.yml": workflow,
    }
    assert built_from(files, OWN, tmp_path, installed) == []


@pytest.mark.parametrize(("target", "reported"), [("dev", True), ("RUN", False), ("0", False)])
def test_a_target_that_is_no_stage_is_told_and_the_dockerfile_stays_known(
    target: str, reported: bool, tmp_path: Path, installed: Plugins
) -> None:
    files = {
        "compose.yaml": f"services:\n  api:\n    build: {{context: api, target: '{target}'}}\n",
        "api/Dockerfile": "FROM node:22.20.0-slim AS run\nUSER node\n",
    }
    report = scan_files(files, tmp_path, installed)
    (local,) = report.graph.all(Service, side=Side.LOCAL)
    assert [each.dockerfile for each in report.graph.targets(Stage, EdgeKind.BUILT_FROM, local)] == ["api/Dockerfile"]
    message = f"'api' is to be built up to the stage '{target}', which 'api/Dockerfile' does not have: the build fails."
    assert [each.message for each in report.results if each.rule.id == "HEX203"] == ([message] if reported else [])


PUSHING = """on: push
jobs:
  image:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          docker build -f {0} -t "{1}:$TAG" .
          docker push "{1}:$TAG"
"""
UNNAMED = "$ECR_URL"


@pytest.mark.parametrize(
    ("pushed", "found"),
    [
        ([("api_docker_prod/Dockerfile", UNNAMED)], ["api_docker_prod/Dockerfile"]),
        ([("docker/Dockerfile.api", UNNAMED), ("web/Dockerfile", UNNAMED)], ["docker/Dockerfile.api"]),
        ([("docker/Dockerfile.api", UNNAMED), ("api/Dockerfile", UNNAMED)], []),
        ([("web/Dockerfile", UNNAMED)], []),
        ([("api/Dockerfile", "ghcr.io/acme/other")], []),
    ],
    ids=["its folder", "behind its name", "two", "another name", "an image that has a name"],
)
def test_a_pushed_image_without_a_name_is_what_its_dockerfile_is_called(
    pushed: list[tuple[str, str]], found: list[str], tmp_path: Path, installed: Plugins
) -> None:
    files = {path: DOCKERFILE for path, _ in pushed} | {"infra/ecr.tf": ECR, "jobs/Dockerfile": DOCKERFILE}
    for number, (path, name) in enumerate(pushed):
        files[f".github/workflows/{number}.yml"] = PUSHING.format(path, name)
    other = {
        ".github/workflows/jobs.yml": PUSHING.format("jobs/Dockerfile", UNNAMED)
    }  # so that no build is the only one
    assert built_from(files | other, OWN, tmp_path, installed) == found


@pytest.mark.parametrize(
    ("image", "other", "found"),
    [
        ('"europe-west1-docker.pkg.dev/acme/own/api:1"', "ghcr.io/acme/web", ["api/Dockerfile"]),
        ('"europe-west1-docker.pkg.dev/acme/own/other:1"', "ghcr.io/acme/web", []),
        ('"ghcr.io/acme/api:1"', "ghcr.io/acme/web", []),
        ('"europe-west1-docker.pkg.dev/acme/own/api:1"', UNNAMED, []),
    ],
    ids=["called as its twin", "of another name", "an image from elsewhere", "a pushed image without a name"],
)
def test_beside_other_images_of_the_pipeline_the_twin_tells_one_that_is_called_as_it_is(
    image: str, other: str, found: list[str], tmp_path: Path, installed: Plugins
) -> None:
    files = {"compose.yaml": COMPOSE % "./api", "api/Dockerfile": DOCKERFILE, "web/Dockerfile": DOCKERFILE}
    files |= {".github/workflows/ci.yml": PUSHING.format("web/Dockerfile", other), "jobs/Dockerfile": DOCKERFILE}
    files[".github/workflows/jobs.yml"] = PUSHING.format("jobs/Dockerfile", "ghcr.io/acme/jobs")
    assert built_from(files, image, tmp_path, installed) == found


@pytest.mark.parametrize(("pushed", "found"), [("thumbs", []), ("shop-api", ["Dockerfile"])])
def test_the_only_image_of_a_pipeline_makes_none_of_another_name_in_a_clouds_registry(
    pushed: str, found: list[str], tmp_path: Path, installed: Plugins
) -> None:
    files = {
        "Dockerfile": DOCKERFILE,
        ".github/workflows/ci.yml": PUSHING.format("Dockerfile", f"ghcr.io/acme/{pushed}"),
    }
    assert built_from(files, '"europe-west1-docker.pkg.dev/acme/own/api:1"', tmp_path, installed) == found
