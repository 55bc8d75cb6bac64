"""Configurations of Google Cloud Build are the builds and deployments of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Build, Job, Side, Workflow
from policyengine.model.value import known
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

DOCKER = "gcr.io/cloud-builders/docker"
REPOSITORY = "${_REGION}-docker.pkg.dev/$PROJECT_ID/own/api"


def steps(*lines: str) -> str:
    return "steps:\n" + "".join(f"  - {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            steps(f"{{name: {DOCKER}, dir: api, args: [build, -t, '{REPOSITORY}:$COMMIT_SHA', .]}}")
            + f"images: ['{REPOSITORY}:$COMMIT_SHA']\n",
            ("api/Dockerfile", "api", "own/api", True),
        ),
        (
            steps(f"{{name: docker, args: [build, '--tag={REPOSITORY}', --file, ops/api.Dockerfile, api]}}"),
            ("ops/api.Dockerfile", "api", "own/api", False),
        ),
        (
            steps(
                f"{{name: {DOCKER}, entrypoint: bash, args: [-c, 'docker build -t {REPOSITORY}:1 api']}}",
                f"{{name: {DOCKER}, args: [push, --all-tags, '{REPOSITORY}']}}",
            ),
            ("api/Dockerfile", "api", "own/api", True),
        ),
        (
            steps(
                "{name: 'gcr.io/kaniko-project/executor:latest', args: "
                f"['--destination={REPOSITORY}:1', --context, ./api, --dockerfile=api/Dockerfile, --cache=true]}}"
            ),
            ("api/Dockerfile", "api", "own/api", True),
        ),
        (
            steps(
                f"{{name: {DOCKER}, dir: api, script: 'docker build -t {REPOSITORY}:1 . && docker push {REPOSITORY}:1'}}"
            ),
            ("api/Dockerfile", "api", "own/api", True),
        ),
    ],
    ids=["images", "a file", "a shell", "kaniko", "a script"],
)
def test_a_build_of_cloud_build_is_one_of_the_pipeline(
    text: str, found: tuple[str, str, str, bool], tmp_path: Path
) -> None:
    graph = trees.graph(tmp_path, {"ci/cloudbuild-api.yaml": text, "api/Dockerfile": "FROM node:22\n"})
    (build,) = graph.all(Build, side=Side.PIPELINE)
    named = {ref.repository for ref in build.references}
    assert (known(build.dockerfile, ""), known(build.context, ""), *named, build.pushes) == found


def test_what_is_deployed_by_cloud_build_is_a_deployment_in_a_workflow_without_triggers(tmp_path: Path) -> None:
    text = steps(
        "{name: 'gcr.io/google.com/cloudsdktool/cloud-sdk', entrypoint: gcloud, args: [run, deploy, api, --image=x:1]}",
        "{name: 'gcr.io/google.com/cloudsdktool/cloud-sdk', args: [gcloud, run, deploy, web, '--image=y:1']}",
    )
    graph = trees.graph(tmp_path, {"cloudbuild.yaml": text})
    (workflow,) = graph.all(Workflow)
    (job,) = graph.all(Job)
    assert (workflow.path, workflow.triggers) == ("cloudbuild.yaml", ())
    assert [command.argv[:4] for step in job.steps for command in step.commands] == [
        ("gcloud", "run", "deploy", "api"),
        ("gcloud", "run", "deploy", "web"),
    ]


@pytest.mark.parametrize("text", ["name: x\non: push\njobs: {}\n", "steps: later\n", "steps: [a, {args: [b]}]\n"])
def test_another_file_of_that_name_is_none(text: str, tmp_path: Path) -> None:
    assert list(trees.graph(tmp_path, {"cloudbuild.yml": text}).all(Workflow)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "cloudbuild.yaml",
            "substitutions: {{_DB_PASSWORD: {secret}}}\n" + steps("{{name: docker, args: [build, .]}}"),
        ),
        (
            "buildspec.yml",
            "env: {{variables: {{DB_PASSWORD: {secret}}}}}\nphases: {{build: {{commands: [docker build .]}}}}\n",
        ),
    ],
)
def test_a_secret_of_a_build_is_sealed(path: str, text: str, tmp_path: Path) -> None:
    graph = trees.graph(tmp_path, {path: text.format(secret="zq8Kf02mXw-ab")})
    assert {each.text for each in graph.sealed} == {"zq8Kf02mXw-ab"}
