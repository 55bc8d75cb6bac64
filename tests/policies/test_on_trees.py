"""Rules on small whole trees: the guards and open questions that no case of the reference stack shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.rules.evaluate import Report

COMPOSE = "services:\n  {service}:\n    image: {image}\n"
ECS = """
resource "aws_ecs_service" "{name}" {{
  name            = "{name}"
  task_definition = aws_ecs_task_definition.{name}.arn
}}
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{containers}])
}}
"""


def ecs(name: str, *containers: str) -> str:
    return ECS.format(name=name, containers=", ".join(containers))


def container(name: str, image: str = "ghcr.io/acme/shop:1", **more: str) -> str:
    fields = {"name": f'"{name}"', "image": f'"{image}"', **more}
    return "{ " + ", ".join(f"{key} = {value}" for key, value in fields.items()) + " }"


def told(report: Report) -> list[tuple[str, str]]:
    """The subject and the reported text of each finding."""
    assert report.failures == ()
    return [
        (each.subject.partition(":")[2], report.sources[each.span.path].slice(each.span)) for each in report.results
    ]


def asked(report: Report) -> list[tuple[str, str]]:
    """The subject and the reason of each open question."""
    return [(each.subject.partition(":")[2], each.reason) for each in report.undecided]


def hex102(root: Path, compose: str, terraform: str, **more: str) -> Report:
    return trees.scan(root, {"docker-compose.yml": compose, "main.tf": terraform, **more}, "HEX102")


TWO_LOCAL = "services:\n  mail:\n    image: acme/mail:1\n  bills:\n    image: acme/bills:1\n"


@pytest.mark.parametrize(
    ("terraform", "reported"),
    [
        (ecs("reports", container("reports")), ["reports"]),
        (ecs("reports", container("reports", essential="false")), []),
        (ecs("reports", container("reports", essential="true")), ["reports"]),
        (ecs("x", container("datadog-agent", "public.ecr.aws/datadog/agent:7")), []),
        (ecs("x", container("xray-daemon", "amazon/aws-xray-daemon:3")), []),
        (ecs("x", container("reports"), container("again")), ["reports", "again"]),
        (ecs("x", container("mail-fast"), container("mail-slow")), []),
        (ecs("x", container("Bills")), []),
        (ecs("x", container("billing-bills-prod")), []),
        (ecs("x", container("b-ills")), []),
    ],
)
def test_a_container_of_the_cloud_runs_locally_under_its_name_or_a_part_of_it(
    terraform: str, reported: list[str], tmp_path: Path
) -> None:
    assert [text for _, text in told(hex102(tmp_path, TWO_LOCAL, terraform))] == reported


def test_containers_that_nobody_knows_are_in_the_list_of_what_has_no_twin(tmp_path: Path) -> None:
    terraform = 'variable "all" {}\n' + ecs("web").replace("jsonencode([])", "var.all")
    report = hex102(tmp_path, TWO_LOCAL, terraform)
    assert (told(report), asked(report)) == ([], [])
    assert "terraform:aws_ecs_task_definition.web" in [each.node for each in report.graph.without_twin]


def test_a_definition_for_two_regions_is_reported_once(tmp_path: Path) -> None:
    report = hex102(
        tmp_path,
        TWO_LOCAL,
        'module "region" {\n  source   = "./region"\n  for_each = toset(["eu", "us"])\n}\n',
        **{"region/main.tf": ecs("reports", container("reports"))},
    )
    assert told(report) == [('module.region["eu"].aws_ecs_task_definition.reports#reports', "reports")]


def test_a_container_that_is_a_paired_one_again_runs_locally(tmp_path: Path) -> None:
    compose = (
        "services:\n  shop:\n    image: ghcr.io/acme/shop:1\n    ports: ['80:80']\n  bills:\n    image: acme/bills:1\n"
    )
    shop = container("shop", portMappings="[{ containerPort = 80 }]")
    again, other = container("background"), container("other", command='["run"]')
    report = hex102(tmp_path, compose, ecs("shop", shop) + ecs("more", again) + ecs("other", other))
    assert told(report) == [("aws_ecs_task_definition.other#other", "other")]


DATABASE = 'resource "aws_db_instance" "{name}" {{\n  engine = {engine}\n}}\n'
SEARCH = 'resource "aws_opensearch_domain" "search" {\n  engine_version = "OpenSearch_2.11"\n}\n'


@pytest.mark.parametrize(
    ("service", "image", "terraform", "reported"),
    [
        ("app", "acme/app:1", DATABASE.format(name="main", engine='"postgres"'), ["main"]),
        ("app", "acme/app:1", SEARCH, ["search"]),
        ("db", "postgres:16.4", DATABASE.format(name="main", engine='"postgres"'), []),
        ("db", "postgres:16.4", "".join(DATABASE.format(name=n, engine='"postgres"') for n in ("a", "b", "c")), []),
        ("db", "postgres:16.4", SEARCH, ["search"]),
        ("aws", "localstack/localstack:4", 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n', []),
        ("aws", "localstack/localstack:4", DATABASE.format(name="main", engine='"postgres"'), ["main"]),
        ("app", "acme/app:1", 'resource "aws_s3_bucket" "files" {\n  bucket = "files"\n}\n', []),
    ],
)
def test_a_datastore_of_the_cloud_needs_a_server_of_its_kind(
    service: str, image: str, terraform: str, reported: list[str], tmp_path: Path
) -> None:
    report = hex102(tmp_path, COMPOSE.format(service=service, image=image), terraform)
    assert [text for _, text in told(report)] == reported


def test_a_datastore_of_an_unknown_engine_is_an_open_question(tmp_path: Path) -> None:
    terraform = 'variable "engine" {}\n' + DATABASE.format(name="main", engine="var.engine")
    report = hex102(tmp_path, COMPOSE.format(service="app", image="acme/app:1"), terraform)
    assert (told(report), asked(report)) == (
        [],
        [("aws_db_instance.main", "variable 'engine' has no value in the repository")],
    )


@pytest.mark.parametrize(("path", "open_"), [("docker-compose.db.yml", True), ("docker-compose.test.yml", False)])
def test_a_datastore_that_another_compose_file_starts_is_an_open_question(
    path: str, open_: bool, tmp_path: Path
) -> None:
    files = {
        "docker-compose.yml": COMPOSE.format(service="app", image="acme/app:1"),
        path: COMPOSE.format(service="postgres", image="postgres:16"),
        "main.tf": DATABASE.format(name="main", engine='"postgres"'),
    }
    report = trees.scan(tmp_path, files, "HEX102")
    assert [text for _, text in told(report)] == ["main"] * (not open_)
    reason = f"'{path}', which is not part of the Compose project, starts one of that name"
    assert [each.reason for each in report.undecided] == [reason] * open_


def test_an_embedded_engine_holds_what_the_cloud_has_and_is_another_engine(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": COMPOSE.format(service="app", image="acme/app:1"),
        "main.tf": DATABASE.format(name="main", engine='"postgres"'),
        "prisma/schema.prisma": 'datasource db {\n  provider = "sqlite"\n  url      = "file:./x.db"\n}\n',
    }
    report = trees.scan(tmp_path, files, "HEX10")
    assert [(each.rule.id, each.message) for each in report.results] == [
        ("HEX103", "'prisma/schema.prisma' is written for 'SQLite', but [the cloud](1) runs 'Postgres'.")
    ]


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("phpunit.xml", '<php>\n  <env name="DB_CONNECTION" value="sqlite"/>\n</php>\n', True),
        ("phpunit.xml", '<php>\n  <!-- <env name="DB_CONNECTION" value="sqlite"/> -->\n</php>\n', False),
        ("phpunit.xml.dist", '<php>\n  <server name="DB_CONNECTION" value="pgsql"/>\n</php>\n', False),
        ("tests/conftest.py", 'engine = create_async_engine("sqlite+aiosqlite:///:memory:")\n', True),
        ("tests/conftest.py", '# engine = create_engine("sqlite://")\n', False),
        ("tests/conftest.py", 'os.environ.setdefault("DATABASE_URL", "sqlite:///./test.db")\n', False),
        ("tests/conftest.py", 'LOCAL = "sqlite://"\nREAL = "postgresql://localhost/test"\n', False),
    ],
)
def test_tests_that_run_on_an_embedded_engine_prove_that_one(path: str, text: str, told: bool, tmp_path: Path) -> None:
    files = {"docker-compose.yml": COMPOSE.format(service="db", image="postgres:16"), path: text}
    message = f"'{path}' has 'tests' run on 'SQLite', but the application runs on [Postgres](1)."
    assert [each.message for each in trees.scan(tmp_path, files, "HEX103").results] == [message] * told


def test_without_any_compose_service_nothing_is_mirrored(tmp_path: Path) -> None:
    assert told(trees.scan(tmp_path, {"main.tf": ecs("web", container("web"))}, "HEX102")) == []


BUILD = """
on: {on}
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with:
          push: {push}
          tags: {tags}
          platforms: {platforms}
"""


def workflow(
    platforms: str, tags: str = "ghcr.io/acme/shop:1", push: str = "true", on: str = "workflow_dispatch"
) -> dict[str, str]:
    text = BUILD.format(on=on, push=push, tags=tags, platforms=platforms)
    return {".github/workflows/image.yml": text if platforms else text.replace("          platforms: \n", "")}


@pytest.mark.parametrize(
    ("platforms", "message"),
    [
        ("linux/amd64,linux/arm64", ""),
        ("linux/arm64/v8, linux/amd64", ""),
        ("linux/amd64", "The image 'acme/shop' is published for 'linux/amd64' only, so 'linux/arm64' is missing."),
        ("linux/arm64", "The image 'acme/shop' is published for 'linux/arm64' only, so 'linux/amd64' is missing."),
        (
            "linux/s390x",
            "The image 'acme/shop' is published for 'linux/s390x' only, so 'linux/amd64, linux/arm64' is missing.",
        ),
        ("", "The image 'acme/shop' is published for 'linux/amd64' only, so 'linux/arm64' is missing."),
    ],
)
def test_an_image_is_published_for_what_developers_and_the_cloud_run(
    platforms: str, message: str, tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, workflow(platforms), "HEX205")
    assert [each.message for each in report.results] == ([message] if message else [])
    for each in report.results:
        assert each.finding.fix is not None
        texts = [edit.text.strip() for edit in each.finding.fix.exact]
        assert texts[-1] == ("linux/amd64,linux/arm64" if platforms else "platforms: linux/amd64,linux/arm64")


def test_platforms_that_a_run_decides_are_an_open_question(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, workflow("${{ vars.PLATFORMS }}"), "HEX205")
    assert told(report) == []
    assert [subject for subject, _ in asked(report)] == [".github/workflows/image.yml#image/build-0"]


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        (workflow("linux/amd64", push="false"), 0),
        (workflow("linux/amd64", tags="ghcr.io/acme/shop-test:1"), 0),
        (workflow("linux/amd64", tags="ghcr.io/acme/e2e:1"), 0),
        (workflow("linux/amd64", tags="ghcr.io/acme/latest:1"), 1),
        ({".github/workflows/e2e-image.yml": workflow("linux/amd64")[".github/workflows/image.yml"]}, 0),
        ({".github/workflows/tests.yml": workflow("linux/amd64")[".github/workflows/image.yml"]}, 0),
        ({".github/workflows/test-image.yml": workflow("linux/amd64")[".github/workflows/image.yml"]}, 0),
        ({".github/workflows/test-release.yml": workflow("linux/amd64")[".github/workflows/image.yml"]}, 1),
        ({".github/workflows/attest.yml": workflow("linux/amd64")[".github/workflows/image.yml"]}, 1),
    ],
)
def test_images_for_the_tests_of_ci_are_not_asked_for(given: Mapping[str, str], reported: int, tmp_path: Path) -> None:
    assert len(told(trees.scan(tmp_path, given, "HEX205"))) == reported


RUNS_SHOP = {"main.tf": ecs("web", container("web", "ghcr.io/acme/shop-test:1"))}


def test_an_image_for_tests_that_the_cloud_runs_is_asked_for(tmp_path: Path) -> None:
    tested = workflow("linux/amd64", tags="ghcr.io/acme/shop-test:1")
    assert len(told(trees.scan(tmp_path, {**tested, **RUNS_SHOP}, "HEX205"))) == 1


@pytest.mark.parametrize(
    ("architecture", "platforms", "launch", "message", "open_"),
    [
        (
            "",
            "linux/arm64",
            "FARGATE",
            "'web' runs on 'linux/amd64', but [its image](1) is built for 'linux/arm64' only: exec format error.",
            False,
        ),
        (
            "X86_64",
            "linux/arm64",
            "EC2",
            "'web' runs on 'linux/amd64', but [its image](1) is built for 'linux/arm64' only: exec format error.",
            False,
        ),
        ("ARM64", "linux/arm64", "FARGATE", "", False),
        ("", "linux/amd64", "FARGATE", "", False),
        ("", "linux/arm64", "EC2", "", True),
        ("ARM64", "${{ vars.PLATFORMS }}", "FARGATE", "", True),
    ],
)
def test_the_cloud_runs_what_the_image_is_built_for(
    architecture: str, platforms: str, launch: str, message: str, open_: bool, tmp_path: Path
) -> None:
    terraform = (
        ecs("web", container("web"))
        .replace(
            'family                = "web"',
            'family                = "web"\n'
            + (f'  runtime_platform {{\n    cpu_architecture = "{architecture}"\n  }}' if architecture else ""),
        )
        .replace('  name            = "web"', f'  name            = "web"\n  launch_type = "{launch}"')
    )
    report = trees.scan(tmp_path, {**workflow(platforms), "main.tf": terraform}, "HEX207")
    assert [each.message for each in report.results] == ([message] if message else [])
    assert [subject for subject, _ in asked(report)] == (["aws_ecs_task_definition.web#web"] if open_ else [])


REDIS = 'resource "aws_elasticache_replication_group" "main" {{\n  engine = "{engine}"\n  {more}\n}}\n'


@pytest.mark.parametrize(
    ("image", "engine", "more", "reported", "open_"),
    [
        ("redis:8", "redis", 'engine_version = "7.1"', True, False),
        ("redis:7.4", "redis", 'engine_version = "7.1"', False, False),
        ("redis:8", "redis", 'parameter_group_name = "default.redis7"', True, False),
        ("redis:8", "redis", "engine_version = var.version", False, True),
        ("acme/own@sha256:" + "0" * 64, "redis", 'engine_version = "7.1"', False, False),
        ("valkey/valkey:8", "valkey", 'engine_version = "7.2"', True, False),
        ("valkey/valkey:8", "redis", 'engine_version = "7.1"', False, False),
        ("memcached:1.6", "redis", 'engine_version = "7.1"', False, False),
    ],
)
def test_the_major_of_a_cache_is_that_of_the_cloud(
    image: str, engine: str, more: str, reported: bool, open_: bool, tmp_path: Path
) -> None:
    terraform = 'variable "version" {}\n' + REDIS.format(engine=engine, more=more)
    report = trees.scan(
        tmp_path, {"docker-compose.yml": COMPOSE.format(service="cache", image=image), "main.tf": terraform}, "HEX411"
    )
    assert bool(told(report)) is reported
    assert bool(asked(report)) is open_


@pytest.mark.parametrize(
    ("required", "image", "tag"),
    [
        ("7-alpine", "redis:8", "7-alpine"),
        ("7.4-bookworm", "redis:8", "7.4-bookworm"),
        ("6-alpine", "redis:8", "7-alpine"),
    ],
)
def test_the_house_has_a_tag_for_its_cache(required: str, image: str, tag: str, tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": COMPOSE.format(service="cache", image=image),
        "main.tf": REDIS.format(engine="redis", more='engine_version = "7.1"'),
        "policyengine.yaml": f"version: 1\npacks:\n  clean-hexagon:\n    redis: {{required_tag: {required}}}\n",
    }
    ((found),) = trees.scan(tmp_path, files, "HEX411").results
    assert found.finding.fix is not None
    assert found.finding.fix.description == f"run '{tag}'"


def test_a_server_listens_on_the_ports_of_its_image_and_on_those_it_was_given(tmp_path: Path) -> None:
    compose = """
    services:
      app:
        image: acme/app:1
        environment:
          A_URL: redis://localhost:6379
          B_URL: redis://localhost:6380
          C_URL: postgres://localhost:5432/x
      cache:
        image: redis:7
        ports: ["6380:6380"]
      db:
        image: postgres:16
    """
    report = trees.scan(tmp_path, {"docker-compose.yml": compose}, "HEX501")
    assert [(each.message.partition(" of ")[0], each.finding.args["right"]) for each in report.results] == [
        ("'A_URL'", "cache:6379"),
        ("'B_URL'", "cache:6380"),
        ("'C_URL'", "db:5432"),
    ]


CALLED = {
    ".github/workflows/build.yml": "on: workflow_call\n"
    + BUILD.format(on="x", push="true", tags="ghcr.io/acme/shop:1", platforms="linux/amd64").partition("on: x\n")[2],
    ".github/workflows/main.yml": "on: push\njobs:\n  image:\n    uses: ./.github/workflows/build.yml\n",
}


def test_a_build_in_a_called_workflow_is_that_of_its_caller(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, CALLED, "HEX205")
    assert told(report) == [(".github/workflows/main.yml#image/image/build-0", "linux/amd64")]


@pytest.mark.parametrize(
    ("key", "value", "description"),
    [
        ("BETTER_AUTH_URL", "https://app.example.com", "use http on 127.0.0.1"),
        ("BETTER_AUTH_URL", "http://localhost:4000", "set BETTER_AUTH_URL to http://127.0.0.1:4000"),
        ("BETTER_AUTH_URL", "http://localhost", "set BETTER_AUTH_URL to http://127.0.0.1"),
        ("BETTER_AUTH_URL", "http://127.0.0.1:4000", ""),
    ],
)
def test_a_local_address_is_on_the_loopback(key: str, value: str, description: str, tmp_path: Path) -> None:
    compose = f"services:\n  app:\n    image: acme/app:1\n    ports: ['4000:4000', '80:80']\n    environment:\n      {key}: {value}\n"
    report = trees.scan(tmp_path, {"docker-compose.yml": compose}, "HEX506")
    assert [each.finding.fix.description for each in report.results if each.finding.fix] == (
        [description] if description else []
    )


@pytest.mark.parametrize(
    ("source", "reported", "open_questions"),
    [
        ("build: .", [("services.shop", "C.UTF-8")], []),
        (
            "image: ghcr.io/acme/shop:1",
            [],
            [("services.shop", "no Dockerfile is known for the image of 'shop'")],
        ),
    ],
)
def test_the_language_of_an_image_that_nobody_has_read_is_an_open_question(
    source: str, reported: list[tuple[str, str]], open_questions: list[tuple[str, str]], tmp_path: Path
) -> None:
    files = {
        "docker-compose.yml": f"services:\n  shop:\n    {source}\n    environment:\n      LANG: C.UTF-8\n",
        "main.tf": ecs("shop", container("shop")),
    }
    if source == "build: .":
        files["Dockerfile"] = 'FROM node:22\nUSER node\nCMD ["node", "a.js"]\n'
    report = trees.scan(tmp_path, files, "HEX106")
    assert told(report) == reported
    assert asked(report) == open_questions


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("http://stories:8080", ""),
        ("http://stories:9200", "search"),
        ("http://serch:8080", "search"),
        ("postgresql://u:p@stories/app", "db"),
    ],
)
def test_an_address_of_the_web_is_not_that_of_whatever_engine_speaks_http(
    value: str, near: str, tmp_path: Path
) -> None:
    compose = (
        f"services:\n  app:\n    image: acme/app:1\n    environment:\n      STORIES_INTERNAL_URL: {value}\n"
        "  search:\n    image: elasticsearch:8.15.0\n  db:\n    image: postgres:16.4\n"
    )
    (result,) = trees.scan(tmp_path, {"docker-compose.yml": compose}, "HEX503").results
    assert result.finding.fix is not None
    assert result.finding.fix.description == (
        f"name the service {near}" if near else "name a service, or add the host to extra_hosts"
    )


@pytest.mark.parametrize(
    ("path", "text", "reported"),
    [
        ("docker-compose.checks.yml", "services: {app: {healthcheck: {test: [CMD, check]}}}", 0),
        ("docker-compose.checks.yml", "services: {app: {command: other}}", 1),
        ("docker-compose.portainer.yml", "services: {app: {image: 'acme/app:1', command: other}}", 0),
        ("docker-compose.full.yml", "# Shop, production\nservices: {app: {image: 'acme/app:1', command: other}}", 0),
    ],
    ids=["what only the override changes", "what it changes itself", "by its name", "by its first line"],
)
def test_another_compose_file_differs_by_what_it_says_and_is_not_of_production(
    path: str, text: str, reported: int, tmp_path: Path
) -> None:
    base = "services:\n  app: {image: 'acme/app:1', command: serve, ports: ['80:80']}\n"
    over = "services: {app: {command: serve --reload}}"
    files = {"docker-compose.yml": base, "docker-compose.override.yml": over, path: text}
    assert len(trees.scan(tmp_path, files, "HEX104").results) == reported


@pytest.mark.parametrize(("key", "reported"), [("FLASK_ENV", 1), ("MIX_ENV", 1), ("GREETING", 0)])
def test_a_service_has_one_mode_in_every_compose_file(key: str, reported: int, tmp_path: Path) -> None:
    service = f"services:\n  app:\n    image: acme/app:1\n    environment:\n      {key}: "
    files = {"docker-compose.yml": f"{service}production\n", "docker-compose.e2e.yml": f"{service}testing\n"}
    messages = [each.message for each in trees.scan(tmp_path, files, "HEX104").results]
    assert messages == [f"'app' differs from [the stack](1) in '{key}'."] * reported


PUSHED = """
on: push
jobs:
  push:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          docker build -t registry.example.org/shop:1 {0} .
          docker push registry.example.org/shop:1
"""


@pytest.mark.parametrize(
    ("options", "base", "told"),
    [
        ("-f ship/Dockerfile", "python:3.12-alpine", True),
        ("-f ship/Dockerfile", "postgres:16.4", False),
        ("-f ship/Dockerfile.dev", "python:3.12-alpine", False),
        ("-f ship/Dockerfile.user", "python:3.12-alpine", False),
        ("-f ship/Dockerfile.base", "python:3.12-alpine", False),
    ],
)
def test_an_image_that_is_pushed_is_deployed_whatever_runs_it(
    options: str, base: str, told: bool, tmp_path: Path
) -> None:
    text = f'FROM {base}\nCMD ["python", "shop.py"]\n'
    files = {"ship/Dockerfile": text, "ship/Dockerfile.user": f"{text}USER 1000\n"}
    files |= {"ship/Dockerfile.dev": text, "ship/Dockerfile.base": text}
    files[".github/workflows/push.yml"] = PUSHED.format(options)
    messages = [each.message for each in trees.scan(tmp_path, files, "HEX208").results]
    assert messages == (["The deployed image 'ship/Dockerfile' runs as root."] if told else [])


@pytest.mark.parametrize("package", ["bull", "bullmq", "@nestjs/bull", "@nestjs/bullmq", "ioredis"])
def test_a_queue_of_jobs_in_redis_wants_that_nothing_is_evicted(package: str, tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": "services:\n  cache:\n    image: redis:7.1\n    command: --maxmemory-policy allkeys-lru\n",
        "main.tf": 'resource "aws_elasticache_cluster" "main" {\n  engine         = "redis"\n  engine_version = "7.1"\n}\n',
        "package.json": f'{{"dependencies": {{"{package}": "1.0.0"}}}}',
    }
    (found,) = trees.scan(tmp_path, files, "HEX421").results
    assert found.message.endswith("BullMQ wants 'noeviction' on both sides.") == (package != "ioredis"), found.message


@pytest.mark.parametrize(("folder", "held"), [("", True), ("e2e/", True), ("admin/", False)])
def test_browser_tests_of_a_folder_of_tests_are_held_against_the_whole_stack(
    folder: str, held: bool, tmp_path: Path
) -> None:
    files = {
        "docker-compose.yml": "services:\n  web:\n    build: ./app\n    ports: ['3000:3000']\n",
        "app/Dockerfile": 'FROM node:22\nCOPY . .\nCMD ["node", "server.js"]\n',
        "app/package.json": '{"name": "app"}',
        "package.json": "{}",
        f"{folder}package.json": '{"devDependencies": {"@playwright/test": "1.50.0"}}',
        f"{folder}playwright.config.ts": "export default defineConfig({ use: { baseURL: 'http://localhost:9999' } });\n",
    }
    found = [each.message for each in trees.scan(tmp_path, files, "HEX608").results]
    said = "The tests open 'http://localhost:9999', but [the Compose stack](1) publishes the application at '3000'."
    assert found == ([said] if held else [])


def test_a_queue_of_dead_letters_is_no_component_of_its_own(tmp_path: Path) -> None:
    queues = "".join(
        f'resource "aws_sqs_queue" "{name}" {{\n  name = "{name}"\n}}\n' for name in ("jobs", "jobs_dlq", "mails_dlq")
    )
    files = {"docker-compose.yml": "services:\n  app:\n    image: acme/app:1\n", "main.tf": queues}
    found = [each.message for each in trees.scan(tmp_path, files, "HEX102").results]
    assert found == ["The 'SQS' 'aws_sqs_queue.jobs' exists only in the cloud."]


ON_ARM = """
resource "aws_ecs_service" "app" {
  name            = "app"
  task_definition = aws_ecs_task_definition.app.arn
}
resource "aws_ecs_task_definition" "app" {
  family = "app"
  runtime_platform { cpu_architecture = "ARM64" }
  container_definitions = jsonencode([{ name = "app", image = "ghcr.io/acme/app:1" }])
}
"""


@pytest.mark.parametrize(
    ("step", "edits"),
    [
        ("run: docker build --platform linux/amd64 -t ghcr.io/acme/app:1 . && docker push ghcr.io/acme/app:1", []),
        ("run: docker buildx build --platform linux/amd64 --push -t ghcr.io/acme/app:1 .", ["linux/amd64,linux/arm64"]),
        (
            "{uses: docker/build-push-action@v6, with: {platforms: linux/amd64, push: true, tags: 'ghcr.io/acme/app:1'}}",
            ["linux/amd64,linux/arm64"],
        ),
    ],
)
def test_platforms_are_written_where_a_build_takes_several(step: str, edits: list[str], tmp_path: Path) -> None:
    workflow = f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n"
    files = {
        "docker-compose.yml": "services:\n  app:\n    build: .\n",
        "Dockerfile": "FROM node:22\n",
        "main.tf": ON_ARM,
        ".github/workflows/ci.yml": workflow,
    }
    (found,) = trees.scan(tmp_path, files, "HEX207").results
    assert found.finding.fix is not None
    assert [edit.text for edit in found.finding.fix.exact] == edits
    assert len(found.finding.fix.edits) == len(edits)
