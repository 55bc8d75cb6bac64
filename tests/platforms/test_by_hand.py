"""Images that people push with scripts and task runners are those of their Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Build, Job, Side, Workflow
from policyengine.model.value import known
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

HUB = "123.dkr.ecr.eu-west-1.amazonaws.com"
MAKEFILE = f"""\
    NAME = api
    push:
    \tdocker build -t $(NAME) -f etc/pro/Dockerfile .
    \tdocker tag $(NAME):latest {HUB}/$(NAME):latest
    \tdocker push {HUB}/$(NAME):latest
    """
APART = f"""\
    build:
    \t@docker build --tag {HUB}/api:1 -f etc/pro/Dockerfile .
    push:
    \t@docker push {HUB}/api:1
    """
ROOT = f"""\
    #!/usr/bin/env bash
    NAME="${{NAME:-api}}"
    HUB="$(aws sts get-caller-identity --query Account --output text).dkr.ecr.eu-west-1.amazonaws.com"
    HERE="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
    ROOT=$(cd "$HERE/.." && pwd)
    cd "$ROOT/web"
    docker build -f "$ROOT/etc/pro/Dockerfile" -t "{HUB}/$NAME:1" "$ROOT"
    docker push "{HUB}/$NAME:1"
    """
FUNCTION = f"""\
    push() {{ docker build -f "$1" -t "{HUB}/$2:1" . && docker push "{HUB}/$2:1"; }}
    push etc/pro/Dockerfile api
    """
LOOP = f"""\
    cd "$(dirname "$0")/.."
    docker build -f etc/pro/Dockerfile -t api -t {HUB}/api:1 .
    for tag in "${{TAGS[@]}}"; do docker push "$tag"; done
    """
JUST = f"""\
    hub := "{HUB}"
    push tag="1":
        docker build -t {{{{hub}}}}/api:{{{{tag}}}} -f etc/pro/Dockerfile .
        docker push {{{{hub}}}}/api:{{{{tag}}}}
    """
TASK = f"""\
    version: '3'
    tasks:
      push:
        cmds:
          - docker buildx build --push -t {HUB}/api:1 -f etc/pro/Dockerfile .
    """
DOCKERFILES = {"etc/dev/Dockerfile": "FROM golang:1.22\n", "etc/pro/Dockerfile": "FROM alpine:3.20\n"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Makefile", MAKEFILE),
        ("Makefile", APART),
        ("ops/push.sh", ROOT),
        ("push.sh", FUNCTION),
        ("ops/push.sh", LOOP),
        ("justfile", JUST),
        ("Taskfile.yml", TASK),
    ],
    ids=["make", "two targets", "folders of its own", "a function", "a loop", "just", "task"],
)
def test_what_a_script_of_the_tree_builds_and_pushes_is_a_build_without_a_workflow(
    path: str, text: str, tmp_path: Path
) -> None:
    graph = trees.graph(tmp_path, {path: text, **DOCKERFILES})
    (build,) = graph.all(Build, side=Side.PIPELINE)
    assert (known(build.dockerfile, ""), known(build.context, ""), build.pushes) == ("etc/pro/Dockerfile", ".", True)
    assert "api" in {ref.basename for ref in build.references}
    assert (build.by_hand, build.workflow, [*graph.all(Workflow), *graph.all(Job)]) == (True, path, [])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("build.sh", f"docker build -f etc/pro/Dockerfile -t {HUB}/api:1 .\n"),
        ("push.sh", "docker build -f etc/pro/Dockerfile -t localhost:5000/api . && docker push localhost:5000/api\n"),
        ("push-dev.sh", f"docker buildx build --push -f etc/dev/Dockerfile -t {HUB}/api:1 .\n"),
        ("push.sh", f"docker buildx build --push -f elsewhere/Dockerfile -t {HUB}/api:1 .\n"),
    ],
    ids=["not pushed", "to the machine itself", "for developers", "no Dockerfile of the tree"],
)
def test_what_stays_on_the_machine_is_not_deployed(path: str, text: str, tmp_path: Path) -> None:
    assert [*trees.graph(tmp_path, {path: text, **DOCKERFILES}).all(Build, side=Side.PIPELINE)] == []


TERRAFORM = """\
    resource "aws_ecr_repository" "api" { name = "api" }
    resource "aws_ecs_task_definition" "api" {
      family                = "api"
      container_definitions = jsonencode([{ name = "api", image = "${aws_ecr_repository.api.repository_url}:1" }])
    }
    """
COMPOSE = "services: {api: {build: {context: ., dockerfile: etc/dev/Dockerfile}}}\n"
WORKFLOW = f"""\
    on: push
    jobs:
      image:
        runs-on: ubuntu-latest
        steps: [{{run: "docker buildx build --push -f etc/ci/Dockerfile -t {HUB}/api:1 ."}}]
    """


def _deployed(files: dict[str, str], root: Path) -> list[str]:
    every = {"docker-compose.yml": COMPOSE, "infra/main.tf": TERRAFORM, "Makefile": MAKEFILE, **DOCKERFILES, **files}
    return [
        each.message for each in trees.scan(root, every, "HEX201", profile="recommended").results if not each.folded
    ]


def test_the_image_of_the_cloud_is_what_a_makefile_pushes(tmp_path: Path) -> None:
    assert _deployed({}, tmp_path) == [
        "'api' is built from 'etc/dev/Dockerfile', but [the deployed image](1) from 'etc/pro/Dockerfile'."
    ]


def test_a_build_of_the_pipeline_is_believed_before_one_by_hand(tmp_path: Path) -> None:
    files = {".github/workflows/image.yml": WORKFLOW, "etc/ci/Dockerfile": "FROM alpine:3.20\n"}
    assert _deployed(files, tmp_path) == [
        "'api' is built from 'etc/dev/Dockerfile', but [the deployed image](1) from 'etc/ci/Dockerfile'."
    ]
