"""Images that the builders of clouds make, options that a script keeps in a variable, and names that nobody has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Build
from policyengine.model.value import Known, Unknown
from tests.trees import graph

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = """
on: push
env:
  REPO: ${{{{ secrets.ECR_REPO || 'shop-web' }}}}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - run: |
{0}
"""


def builds(folder: Path, *lines: str) -> list[Build]:
    script = "\n".join(f"          {line}" for line in lines)
    return list(graph(folder, {".github/workflows/ship.yml": WORKFLOW.format(script)}).all(Build))


@pytest.mark.parametrize(
    ("line", "context", "dockerfile", "repository"),
    [
        (
            "gcloud builds submit backend --tag=europe-docker.pkg.dev/acme/own/api:1 --async",
            "backend",
            "backend/Dockerfile",
            "acme/own/api",
        ),
        ("ID=$(gcloud builds submit --project acme -t eu.gcr.io/acme/api:1)", ".", "Dockerfile", "acme/api"),
        (
            "az acr build -r acme -t api:1 -f docker/api.Dockerfile services",
            "services",
            "services/docker/api.Dockerfile",
            "api",
        ),
        ("az acr build --registry acme --image web/api:$SHA .", ".", "Dockerfile", "web/api"),
        ('docker build -t "$REPO:$SHA" --push app', "app", "app/Dockerfile", "shop-web"),
    ],
)
def test_the_builder_of_a_cloud_builds_the_dockerfile_of_its_folder_and_pushes(
    line: str, context: str, dockerfile: str, repository: str, tmp_path: Path
) -> None:
    (build,) = builds(tmp_path, line)
    assert isinstance(build.context, Known)
    assert isinstance(build.dockerfile, Known)
    assert isinstance(build.push, Known)
    assert (build.context.value, build.dockerfile.value, build.push.value) == (context, dockerfile, True)
    assert [each.repository for each in build.references] == [repository]


def test_a_configuration_of_cloud_build_tells_itself_what_is_built(tmp_path: Path) -> None:
    assert builds(tmp_path, "gcloud builds submit --config deploy/build.yaml .") == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('"--cache-from type=registry,ref=${REF}"', True),
        ("--no-cache", True),
        ('"--cache-from a --target live"', False),
        ("$MORE", False),
    ],
)
def test_a_variable_that_only_gets_options_beside_the_image_leaves_nothing_open(
    given: str, told: bool, tmp_path: Path
) -> None:
    lines = ('ARGS=""', 'if [ "$CACHED" = 1 ]; then', f"  ARGS={given}", "fi", "docker build ${ARGS} -t acme/api .")
    (build,) = builds(tmp_path, *lines)
    assert isinstance(build.dockerfile, Known if told else Unknown)


@pytest.mark.parametrize("registry", ["${HOST:+$HOST/}", "${HOST:+${HOST}/}"])
def test_a_registry_that_need_not_be_given_leaves_the_name_known(registry: str, tmp_path: Path) -> None:
    (build,) = builds(tmp_path, f'docker build -t "{registry}shop:1.4" . --push')
    (image,) = build.references
    assert (image.repository, image.tag) == ("shop", "1.4")


@pytest.mark.parametrize(
    "script",
    [
        "docker build -t acme/shop:$(git rev-parse --short HEAD) . --push",
        "docker build -t acme/shop:`date +%s` . --push",
        'IMAGE="acme/shop:$(git describe --tags)"\ndocker build -t "$IMAGE" . --push',
        'IMAGE="$ECR/acme/shop:$(git rev-parse HEAD)"\ndocker build -t "$IMAGE" . --push',
        'IMAGE=acme/shop:v$(cat "$(pwd)/VERSION")\ndocker build -t $IMAGE . --push',
    ],
)
def test_a_tag_that_a_command_gives_leaves_the_name_known(script: str, tmp_path: Path) -> None:
    (build,) = builds(tmp_path, *script.split("\n"))
    (image,) = build.references
    assert image.repository == "acme/shop"
    assert isinstance(image.tag, Unknown)
