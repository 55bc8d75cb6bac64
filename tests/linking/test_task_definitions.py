"""Task definitions of ECS in JSON that a workflow renders or registers are the cloud side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyengine.model.graph import EdgeKind
from policyengine.model.nodes import Cache, Service, Side, Stage
from policyengine.model.value import Absent, Floating, Known, Unknown
from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.rules.evaluate import Report

DOCKERFILE = 'FROM node:22-bookworm-slim\nUSER node\nCMD ["node", "server.js"]\n'
LOCAL = "services:\n  web: {build: {context: ., dockerfile: dev.Dockerfile}, ports: ['3000:3000']}\n"
WEB = {
    "name": "web",
    "image": "<IMAGE>",
    "command": ["node", "server.js", "--port", "3000"],
    "user": "node",
    "essential": True,
    "portMappings": [{"containerPort": 3000}],
    "environment": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "${REGION}"}],
    "secrets": [{"name": "API_TOKEN", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/api"}],
    "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:3000/up || exit 1"], "retries": 4},
}
TASK = {
    "family": "shop",
    "cpu": "256",
    "memory": "512",
    "requiresCompatibilities": ["FARGATE"],
    "runtimePlatform": {"cpuArchitecture": "ARM64"},
    "containerDefinitions": [WEB],
}
BUILT = """
on: push
env: {TASKS: ops/tasks}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - id: build
        run: |
          docker build -t 1.dkr.ecr.eu-west-1.amazonaws.com/shop:${{ github.sha }} .
          docker push 1.dkr.ecr.eu-west-1.amazonaws.com/shop:${{ github.sha }}
          echo "image=1.dkr.ecr.eu-west-1.amazonaws.com/shop:${{ github.sha }}" >> $GITHUB_OUTPUT
"""
RENDERED = (
    BUILT
    + """
      - uses: aws-actions/amazon-ecs-render-task-definition@v1
        with:
          task-definition: ${{ env.TASKS }}/web.json
          container-name: web
          image: ${{ steps.build.outputs.image }}
          environment-variables: |
            LOG_LEVEL=warn
            COMMIT=${{ github.sha }}
"""
)
REGISTERED = BUILT + "      - run: aws ecs register-task-definition --cli-input-json file://./ops/tasks/web.json\n"


def _scan(tmp_path: Path, workflow: str, task: object = TASK, *select: str, **more: str) -> Report:
    files = {
        "compose.yaml": LOCAL,
        "Dockerfile": DOCKERFILE,
        "dev.Dockerfile": DOCKERFILE,
        ".github/workflows/ship.yml": workflow,
        "ops/tasks/web.json": task if isinstance(task, str) else json.dumps(task, indent=2),
    }
    return scan(tmp_path, {**files, **more}, *(select or ("HEX201",)))


def _cloud(report: Report) -> list[Service]:
    return list(report.graph.all(Service, side=Side.CLOUD))


def test_a_rendered_file_says_what_runs_and_the_workflow_which_image(tmp_path: Path) -> None:
    report = _scan(tmp_path, RENDERED)
    (web,) = _cloud(report)
    assert (web.id, web.launch, web.noun) == ("ecs:ops/tasks/web.json#web", "FARGATE", "ECS container")
    assert isinstance(web.image, Floating)
    assert web.image.value.repository == "shop"
    told = [web.user, web.architecture, web.cpus, web.memory, web.essential, web.ports[0].target]
    assert [each.value if isinstance(each, Known) else each for each in told] == [
        "node",
        "ARM64",
        "256",
        "512",
        True,
        3000,
    ]
    assert isinstance(web.command, Known)
    assert web.command.value.words == ("node", "server.js", "--port", "3000")
    assert web.healthcheck is not None
    assert isinstance(web.healthcheck.test, Known)
    assert web.healthcheck.test.value.shell
    held = {each.key: each.value for each in web.environment}
    assert isinstance(held["LOG_LEVEL"], Known)
    assert held["LOG_LEVEL"].value == "warn"
    span = held["LOG_LEVEL"].span
    assert (tmp_path / span.path).read_text("utf-8")[span.start : span.end] == "warn"
    assert all(isinstance(held[name], Unknown) for name in ("REGION", "API_TOKEN", "COMMIT"))
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [("compose:services.web", web.id)]
    assert [each.message for each in report.results] == [
        "'web' is built from 'dev.Dockerfile', but [the deployed image](1) from 'Dockerfile'."
    ]


def test_the_files_of_two_environments_are_one_task_each_by_its_name(tmp_path: Path) -> None:
    workflow, names, files = "on: push\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    steps:\n", ("api", "jobs"), {}
    for where in ("production", "staging"):
        for name in names:
            path = f"ops/{where}/task-{name}.json"
            workflow += f"      - run: aws ecs register-task-definition --cli-input-json file://{path}\n"
            container = {"name": f"shop-{name}", "portMappings": [{"containerPort": 3000}]}
            files[path] = json.dumps({"family": "shop", "containerDefinitions": [container]})
    build = "build: ., ports: ['3000:3000']"
    files["compose.yaml"] = f"services:\n  shop: {{{build}}}\n  shop-jobs: {{{build}}}\n"
    report = scan(tmp_path, {"Dockerfile": DOCKERFILE, ".github/workflows/ship.yml": workflow, **files}, "HEX201")
    assert {(each.local.rpartition(".")[2], each.cloud) for each in report.graph.pairs if "jobs" in str(each)} == {
        ("shop-jobs", f"ecs:ops/{where}/task-jobs.json#shop-jobs") for where in ("production", "staging")
    }


def test_a_registered_file_is_joined_with_the_only_build(tmp_path: Path) -> None:
    report = _scan(tmp_path, REGISTERED)
    assert [each.id for each in _cloud(report)] == ["ecs:ops/tasks/web.json#web"]
    assert [each.rule.id for each in report.results] == ["HEX201"]


def test_what_runs_beside_it_is_its_own(tmp_path: Path) -> None:
    beside = [{"name": "log_router", "image": "fluent/fluent-bit:3.2"}, {"name": "cache", "image": "redis:7.2"}]
    report = _scan(tmp_path, RENDERED, {**TASK, "containerDefinitions": [*beside, WEB]})
    assert {each.name: str(each.role) for each in _cloud(report)} == {
        "log_router": "sidecar",
        "cache": "cache",
        "web": "app",
    }
    assert [each.name for each in report.graph.all(Cache, side=Side.CLOUD)] == ["cache"]
    web = next(each for each in _cloud(report) if each.name == "web")
    assert isinstance(web.cpus, Absent)


@pytest.mark.parametrize(
    ("workflow", "task"),
    [
        (BUILT, TASK),
        (RENDERED.replace("web.json", "other.json"), TASK),
        (RENDERED, "{ not: json"),
        (RENDERED, {"containerDefinitions": {}}),
        (RENDERED.replace("amazon-ecs-render-task-definition", "configure-aws-credentials"), TASK),
    ],
)
def test_what_no_workflow_uses_or_nobody_can_read_tells_nothing(workflow: str, task: object, tmp_path: Path) -> None:
    assert _cloud(_scan(tmp_path, workflow, task)) == []


def test_where_terraform_makes_the_task_its_own_stays(tmp_path: Path) -> None:
    resource = """
    resource "aws_ecs_task_definition" "web" {
      family                = "web"
      container_definitions = jsonencode([{ name = "web", image = "acme/web:1.2.3" }])
    }
    """
    report = _scan(tmp_path, RENDERED, TASK, "HEX201", **{"infra/main.tf": resource})
    assert [each.id for each in _cloud(report)] == ["terraform:aws_ecs_task_definition.web#web"]


def test_of_a_container_that_a_local_service_may_be_the_list_names_it_as_the_nearest(tmp_path: Path) -> None:
    more = {"name": "storefront", "environment": [{"name": name, "value": "x"} for name in ("SHOP_A", "SHOP_B")]}
    task = {**TASK, "containerDefinitions": [{**WEB, **more}]}
    twice = """
    services:
      django: {build: {context: ., dockerfile: dev.Dockerfile}, ports: ['3000:3000'], environment: {SHOP_A: a, SHOP_B: b}}
      vite: {build: {context: ., dockerfile: dev.Dockerfile}, ports: ['5173:5173'], environment: {SHOP_A: a, SHOP_B: b}}
    """
    flow = RENDERED.replace("container-name: web", "container-name: storefront")
    report = _scan(tmp_path, flow, task, "HEX102", **{"compose.yaml": twice})
    assert report.graph.pairs == ()
    assert report.results == ()
    (lonely,) = [each for each in report.graph.without_twin if each.node == "ecs:ops/tasks/web.json#storefront"]
    assert (report.undecided, lonely.candidates[0].node) == ((), "compose:services.django")


def test_each_container_of_a_file_gets_the_image_that_a_step_renders_into_what_the_step_before_made(
    tmp_path: Path,
) -> None:
    worker = {"name": "worker", "command": ["node", "worker.js"], "essential": True}
    task = {**TASK, "containerDefinitions": [WEB, worker]}
    steps = """
      - id: first
        uses: aws-actions/amazon-ecs-render-task-definition@v1
        with: {task-definition: ops/tasks/web.json, container-name: web, image: "${{ env.IMAGE }}"}
      - uses: aws-actions/amazon-ecs-render-task-definition@v1
        with:
          task-definition: ${{ steps.first.outputs.task-definition }}
          container-name: worker
          image: ${{ env.IMAGE }}
"""
    named = 'echo "IMAGE=`echo 1.dkr.ecr.eu-west-1.amazonaws.com/echoed:1`" >> $GITHUB_ENV\n'
    report = _scan(tmp_path, f"{BUILT}      - run: {named}{steps}", task, "HEX208")
    assert {each.name: each.image.value.repository for each in _cloud(report) if isinstance(each.image, Known)} == {
        "web": "echoed",
        "worker": "echoed",
    }


@pytest.mark.parametrize(
    ("other", "found"), [("", ["Dockerfile"]), ("jobs.Dockerfile", []), ("dev.Dockerfile", ["Dockerfile"])]
)
def test_an_image_that_a_workflow_puts_in_is_the_only_one_that_it_pushes(
    other: str, found: list[str], tmp_path: Path
) -> None:
    push = "      - uses: docker/build-push-action@v6\n        with: {push: true, tags: '${{ vars.NAME }}', file: %s}\n"
    job = "on: push\njobs:\n  image:\n    runs-on: ubuntu-24.04\n    steps:\n" + push % "Dockerfile"
    job += push % other if other else ""
    rendered = RENDERED.partition("$GITHUB_OUTPUT\n")[2].replace("${{ env.TASKS }}", "ops/tasks")
    ship = "  ship:\n    needs: image\n    runs-on: ubuntu-24.04\n    steps:\n" + rendered
    two = {**TASK, "containerDefinitions": [WEB, {**WEB, "name": "other"}]}  # so that it is not the only one
    report = _scan(tmp_path, job + ship, two, "HEX208", **({other: DOCKERFILE} if other else {}))
    (web,) = (each for each in _cloud(report) if each.name == "web")
    assert isinstance(web.image, Unknown)
    assert [each.dockerfile for each in report.graph.targets(Stage, EdgeKind.BUILT_FROM, web)] == found
