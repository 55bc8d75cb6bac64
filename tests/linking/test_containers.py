"""What is in force when a container runs, as Docker Compose and ECS decide it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from policyengine.api import Absent, Command, Container, Graph, Known, Origin, Role, Service, Side, Stage, Unknown
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from pathlib import Path

ECS = """
resource "aws_ecs_service" "web" {{
  name            = "web"
  desired_count   = {count}
  launch_type     = "{launch}"
  task_definition = aws_ecs_task_definition.web.arn
}}
resource "aws_ecs_task_definition" "web" {{
  family = "web"
  {more}
  container_definitions = jsonencode([{{ name = "web", image = "{image}", {container} }}])
}}
resource "aws_ecr_repository" "web" {{
  name = "web"
}}
"""
WORKFLOW = """
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with: {context: ., push: true, tags: "1.dkr.ecr.eu-west-1.amazonaws.com/web:1"}
"""
BUILT = "1.dkr.ecr.eu-west-1.amazonaws.com/web:1"
DOCKERFILE = """
FROM node:22-slim
RUN useradd --uid 1234 runner
WORKDIR /app
ENV NODE_ENV=production PORT=3000
EXPOSE 3000
HEALTHCHECK CMD curl -f http://127.0.0.1:3000/
USER runner
ENTRYPOINT ["tini", "--"]
CMD ["node", "server.js"]
"""


def graph(root: Path, **files: str) -> Graph:
    names = {"compose": "docker-compose.yml", "dockerfile": "Dockerfile", "ecs": "main.tf", "env": ".env.local"}
    return graph_of(root, {names.get(name, ".github/workflows/build.yml"): text for name, text in files.items()})


def local(root: Path, service: str, dockerfile: str = DOCKERFILE, **files: str) -> Container:
    compose = "services:\n  web:\n" + textwrap.indent(textwrap.dedent(service), "    ")
    (found,) = graph(root, compose=compose, dockerfile=dockerfile, **files).containers(side=Side.LOCAL)
    return found


def cloud(root: Path, container: str = "", image: str = BUILT, launch: str = "FARGATE", more: str = "") -> Container:
    ecs = ECS.format(count=1, launch=launch, image=image, container=container, more=more)
    (found,) = graph(root, ecs=ecs, dockerfile=DOCKERFILE, workflow=WORKFLOW).containers(side=Side.CLOUD)
    return found


def words(container: Container) -> tuple[str, ...]:
    assert isinstance(container.started, Known)
    return container.started.value.words


@pytest.mark.parametrize(
    ("set_here", "started"),
    [
        ("build: .", ("tini", "--", "node", "server.js")),
        ("build: .\ncommand: node worker.js", ("tini", "--", "node", "worker.js")),
        ("build: .\nentrypoint: /start.sh", ("/start.sh",)),
        ("build: .\nentrypoint: /start.sh\ncommand: now", ("/start.sh", "now")),
        ("build: .\nentrypoint: []", ("node", "server.js")),
        ("image: node:22-slim", ("docker-entrypoint.sh", "node")),
        ("image: node:22-slim\ncommand: npm start", ("docker-entrypoint.sh", "npm", "start")),
        ("image: node:22-slim\nentrypoint: npm start", ("npm", "start")),
    ],
)
def test_what_compose_sets_goes_over_what_the_image_brings(
    tmp_path: Path, set_here: str, started: tuple[str, ...]
) -> None:
    container = local(tmp_path, set_here)
    assert words(container) == started
    assert container.overrides is ("entrypoint" in set_here or "command" in set_here)


@pytest.mark.parametrize(
    ("set_here", "started"),
    [
        ("", ("tini", "--", "node", "server.js")),
        ('command = ["node", "worker.js"]', ("tini", "--", "node", "worker.js")),
        ('entryPoint = ["/start.sh"]', ("/start.sh",)),
        ('entryPoint = ["/start.sh"], command = ["now"]', ("/start.sh", "now")),
    ],
)
def test_an_entry_point_of_ecs_drops_the_command_of_the_image(
    tmp_path: Path, set_here: str, started: tuple[str, ...]
) -> None:
    assert words(cloud(tmp_path, set_here)) == started


def test_an_entrypoint_in_the_shell_form_takes_no_arguments(tmp_path: Path) -> None:
    container = local(tmp_path, "build: .\ncommand: ignored", "FROM node:22-slim\nENTRYPOINT exec node server.js\n")
    assert container.started == container.entrypoint
    assert isinstance(container.started, Known)
    assert container.started.value == Command(("exec node server.js",), shell=True)


@pytest.mark.parametrize(
    ("entrypoint", "command", "line"),
    [
        ("/start.sh $0 $@", "node worker.js 'a b'", "/start.sh node worker.js 'a b'"),
        ('exec /start.sh "$0" "$@"', "node worker.js", "exec /start.sh node worker.js"),
        ("exec node server.js $1", "node worker.js", "exec node server.js $1"),
    ],
)
def test_an_entrypoint_in_the_shell_form_may_hand_on_to_the_command(
    tmp_path: Path, entrypoint: str, command: str, line: str
) -> None:
    dockerfile = f"FROM node:22-slim\nENTRYPOINT {entrypoint}\n"
    container = local(tmp_path, f"build: .\ncommand: {command}", dockerfile)
    assert isinstance(container.started, Known)
    assert container.started.value == Command((line,), shell=True)
    assert container.line == line.removeprefix("exec ")


def test_nothing_is_known_of_an_image_from_elsewhere_but_what_is_set(tmp_path: Path) -> None:
    container = local(tmp_path, "image: ghcr.io/acme/web:1\nuser: '1000:1000'\ncommand: serve\nports: ['80:8080']")
    reason = "no Dockerfile is known for the image of 'web'"
    for value in (container.base, container.workdir, container.healthcheck):
        assert isinstance(value, Unknown)
        assert value.reason == reason
    for command in (container.entrypoint, container.started):
        assert isinstance(command, Unknown)
        assert command.reason == "the entrypoint of the image of 'web' is not known"
    assert isinstance(container.command, Known)
    assert isinstance(container.user, Known)
    assert (container.user.value.text, container.user.value.name, container.user.value.uid) == (
        "1000:1000",
        "1000",
        "1000",
    )
    assert container.listens == {8080}
    assert set(container.published) == {80}


@pytest.mark.parametrize(
    ("set_here", "user", "uid"),
    [
        ("build: .", "runner", "1234"),
        ("build: .\nuser: node", "node", "1000"),
        ("build: .\nuser: '0'", "0", "0"),
        ("build: .\nuser: someone", "someone", ""),
        ("image: node:22-slim", "root", "0"),
        ("image: node:22-slim\nuser: node", "node", "1000"),
        ("image: postgres:16-alpine\nuser: postgres", "postgres", "70"),
    ],
)
def test_a_user_is_known_by_name_and_number(tmp_path: Path, set_here: str, user: str, uid: str) -> None:
    container = local(tmp_path, set_here)
    assert isinstance(container.user, Known)
    assert (container.user.value.name, container.user.value.uid) == (user, uid)
    assert container.user.value.is_root is (uid == "0")


def test_the_user_of_a_public_image_stands_where_the_image_is_named(tmp_path: Path) -> None:
    container = local(tmp_path, "image: node:22-slim")
    text = (tmp_path / "docker-compose.yml").read_text()
    start = text.index("node:22-slim")
    assert isinstance(container.user, Known)
    assert (container.user.span.path, container.user.span.start, container.user.span.end) == (
        "docker-compose.yml",
        start,
        start + len("node:22-slim"),
    )
    assert [step.what for step in container.user.via] == ["default of node"]


def test_variables_that_are_set_win_over_those_of_the_image(tmp_path: Path) -> None:
    container = local(
        tmp_path,
        """
        build: .
        env_file: .env.local
        environment:
          NODE_ENV: development
        """,
        env="NODE_ENV=test\nLOG=debug\n",
    )
    origins = {key: variable.origin for key, variable in container.environment.items()}
    assert origins == {"NODE_ENV": Origin.ENVIRONMENT, "PORT": Origin.IMAGE, "LOG": Origin.ENV_FILE}
    lost = [(each.key, each.origin) for each in container.overridden]
    assert lost == [("NODE_ENV", Origin.IMAGE)]


def test_compose_runs_the_health_check_of_the_image_and_ecs_does_not(tmp_path: Path) -> None:
    here = local(tmp_path / "local", "build: .")
    assert isinstance(here.healthcheck, Known)
    assert here.healthcheck.span.path == "Dockerfile"
    there = cloud(tmp_path / "cloud")
    assert isinstance(there.stage, Known)
    assert isinstance(there.healthcheck, Absent)


@pytest.mark.parametrize(
    ("launch", "more", "platform"),
    [
        ("FARGATE", "", "linux/amd64"),
        ("FARGATE", 'runtime_platform {\n    cpu_architecture = "ARM64"\n  }', "linux/arm64"),
        ("EC2", 'runtime_platform {\n    cpu_architecture = "X86_64"\n  }', "linux/amd64"),
    ],
)
def test_the_architecture_of_a_task_is_a_platform(tmp_path: Path, launch: str, more: str, platform: str) -> None:
    container = cloud(tmp_path, launch=launch, more=more)
    assert isinstance(container.platform, Known)
    assert container.platform.value == platform


def test_instances_decide_the_architecture_of_a_task_that_names_none(tmp_path: Path) -> None:
    platform = cloud(tmp_path, launch="EC2").platform
    assert isinstance(platform, Unknown)
    assert platform.reason == "the architecture of the instances that run 'web' is not known"


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ("php:8.3-fpm-alpine", "php-fpm"),
        ("php:8.3-apache", "apache2-foreground"),
        ("php:8.4", "php -a"),
        ("nginx:1.27-alpine", "nginx -g 'daemon off;'"),
        ("maven:3.9-eclipse-temurin-21", "mvn"),
        ("oven/bun:1", "/usr/local/bin/bun"),
        ("httpd:2.4", "httpd-foreground"),
    ],
)
def test_an_official_image_starts_what_its_entrypoint_hands_on_to(base: str, line: str, tmp_path: Path) -> None:
    found = local(tmp_path, "build: .", f"FROM {base}\n")
    assert (found.gap, found.line) == (None, line)


def test_an_entrypoint_that_is_copied_over_that_of_the_image_is_followed(tmp_path: Path) -> None:
    dockerfile = 'FROM php:8.3-fpm\nCOPY docker-php-entrypoint /usr/local/bin/\nCMD ["php-fpm"]\n'
    found = local(tmp_path, "build: .", dockerfile)
    assert found.gap is not None


@pytest.mark.parametrize(
    ("machines", "platform"),
    [
        (("t4g.small",), "linux/arm64"),
        (("a1.large", "c7gn.xlarge"), "linux/arm64"),
        (("m7i-flex.large", "g4dn.xlarge"), "linux/amd64"),
        (("t4g.small", "t3.small"), None),
        (("t3.small", "${var.size}"), None),
    ],
)
def test_the_types_of_the_instances_tell_the_architecture_where_they_agree(
    machines: tuple[str, ...], platform: str | None, tmp_path: Path
) -> None:
    types = [f'resource "aws_instance" "m{n}" {{\n  instance_type = "{each}"\n}}\n' for n, each in enumerate(machines)]
    ecs = ECS.format(count=1, launch="EC2", image=BUILT, container="", more="") + "".join(types)
    (found,) = graph(tmp_path, ecs=ecs).containers(side=Side.CLOUD)
    assert (found.platform.value if isinstance(found.platform, Known) else None) == platform


@pytest.mark.parametrize(
    ("service", "platform"),
    [
        ("build: .", "the machine's"),
        ("image: acme/web:1\n    ports: ['80:80']", "the architecture of the machine that runs 'web' is not known"),
        ("image: acme/web:1\n    platform: linux/arm64/v8", "linux/arm64"),
    ],
)
def test_the_machine_of_a_production_compose_file_is_not_known(service: str, platform: str, tmp_path: Path) -> None:
    files = {
        "compose.prod.yaml": f"services:\n  web:\n    {service}\n",
        "compose.yaml": "services: {web: {build: .}}\n",
    }
    (found,) = graph_of(tmp_path, {**files, "Dockerfile": DOCKERFILE}).containers(side=Side.CLOUD)
    match found.platform:
        case Known(value):
            assert value == platform
        case Unknown() as gap:
            assert gap.reason == platform
        case _:
            assert platform == "the machine's"


def test_cloud_run_has_one_platform(tmp_path: Path) -> None:
    text = """
        resource "google_cloud_run_v2_service" "api" {
          name = "api"
          template {
            containers {
              image = "europe-docker.pkg.dev/acme/own/api:1"
            }
          }
        }
    """
    (found,) = graph(tmp_path, ecs=text).containers(side=Side.CLOUD)
    assert isinstance(found.platform, Known)
    assert found.platform.value == "linux/amd64"


def test_a_container_knows_its_image_its_builds_and_what_to_call_it(tmp_path: Path) -> None:
    there = cloud(tmp_path)
    assert (there.noun, there.role) == ("ECS container", Role.APP)
    assert [build.tool for build in there.builds] == ["build-push-action"]
    assert there.listens == {3000}
    here = local(tmp_path / "other", "build: .")
    assert here.noun == "Compose service"
    assert [build.tool for build in here.builds] == ["compose"]
    assert isinstance(here.platform, Absent)


def test_what_is_scaled_to_zero_is_not_deployed(tmp_path: Path) -> None:
    ecs = ECS.format(count=0, launch="FARGATE", image=BUILT, container="", more="")
    found = graph(tmp_path, ecs=ecs)
    assert [each.name for each in found.containers(role=Role.APP)] == ["web"]
    assert list(found.deployed()) == []


def test_an_image_is_asked_what_it_starts_by_itself(tmp_path: Path) -> None:
    found = graph(tmp_path, dockerfile='FROM node:22-slim AS build\nFROM build\nUSER node\nCMD ["node", "a.js"]\n')
    build, last = sorted(found.all(Stage), key=lambda stage: stage.index)
    container = found.container(last)
    assert words(container) == ("docker-entrypoint.sh", "node", "a.js")
    assert isinstance(container.user, Known)
    assert container.user.value.uid == "1000"
    with pytest.raises(LookupError, match="holds no container of 'dockerfile:Dockerfile#build'"):
        found.container(build)


def test_a_graph_that_was_not_linked_says_so(tmp_path: Path) -> None:
    found = graph(tmp_path, compose="services:\n  web:\n    image: node:22\n")
    (service,) = found.all(Service)
    with pytest.raises(LookupError, match="holds no container"):
        Graph(found.nodes).container(service)
