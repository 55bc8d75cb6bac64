"""A Compose file for production is the cloud side, held against the one that developers start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Service, Side, Stage
from policyengine.model.relations import EdgeKind
from policyengine.model.value import Floating, Known, known
from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = 'FROM node:22-bookworm-slim\nUSER node\nCMD ["node", "server.js"]\n'
LOCAL = """
services:
  app:
    build: .
    command: npm run dev
    environment: {SESSION_SECRET: dummy}
  db: {image: "postgres:16.9"}
"""
PRODUCTION = """
services:
  app:
    build: .
    environment:
      SESSION_SECRET: 8f1c2f64a7d94b1e9d3c
      API_TOKEN: ${API_TOKEN}
  db: {image: "postgres:16.4"}
"""
ECS = """
resource "aws_ecs_task_definition" "app" {
  family                = "app"
  container_definitions = jsonencode([{ name = "app", image = "acme/app:1.2.3" }])
}
"""


def test_a_production_compose_file_is_the_cloud_side(tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, ".env.example": "API_TOKEN=sk_live_4eC39HqLyjWDarjtT1zdp7dc\n"})
    assert report.failures == ()
    assert {(each.local, each.cloud) for each in report.graph.pairs} == {
        ("compose:services.app", "compose:docker-compose.prod.yml:services.app"),
        ("compose:services.db/database", "compose:docker-compose.prod.yml:services.db/database"),
    }
    told = {(each.rule.id, each.message) for each in report.results}
    assert ("HEX402", "'db' runs Postgres '16.9', but [production](1) runs '16.4'.") in told
    plain = {message for rule, message in told if rule == "HEX306"}
    assert plain == {"'SESSION_SECRET' of 'app' is a plaintext value in the Compose file of production."}
    places = {each.span.path for each in report.results if each.rule.id == "HEX306"}
    assert places == {"docker-compose.prod.yml"}
    choices = {(each.what, each.chosen, each.reason) for each in report.graph.choices}
    assert (
        "production Compose project",
        "docker-compose.prod.yml",
        "its name says that it is for production",
    ) in choices


def test_one_that_only_changes_the_base_is_started_with_it(tmp_path: Path) -> None:
    over = "services:\n  app: {command: node server.js}\n  db: {image: 'postgres:16.4'}\n"
    report = scan(tmp_path, {"compose.yaml": LOCAL, "compose.production.yaml": over, "Dockerfile": DOCKERFILE})
    assert ("production Compose project", "compose.yaml, compose.production.yaml") in {
        (each.what, each.chosen) for each in report.graph.choices
    }
    assert len(report.graph.pairs) == 2


@pytest.mark.parametrize(("folder", "name", "root"), [("infra/", "infra", "@infra"), ("", ".", "")])
def test_beside_terraform_that_runs_the_services_it_is_another_way_to_deploy_them(
    folder: str, name: str, root: str, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, f"{folder}main.tf": ECS, f"{folder}versions.tf": 'provider "aws" {}\n'})
    assert {name: [pair.cloud for pair in each.graph.pairs] for name, each in report.systems.items()} == {
        "docker-compose.prod.yml": [
            "compose:docker-compose.prod.yml:services.app",
            "compose:docker-compose.prod.yml:services.db/database",
        ],
        name: [f"terraform:aws_ecs_task_definition.app{root}#app"],
    }


def test_a_file_that_only_builds_one_image_is_no_way_to_deploy(tmp_path: Path) -> None:
    only = "services:\n  app: {build: ., image: acme/app}\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": only, "Dockerfile": DOCKERFILE, "main.tf": ECS}
    assert scan(tmp_path, files).systems == {}


def test_where_terraform_runs_other_services_it_is_left_out(tmp_path: Path) -> None:
    other = ECS.replace("app", "shop") + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "main.tf": other})
    pairs = [(each.local, each.cloud) for each in report.graph.pairs]
    assert pairs == [("compose:services.db/database", "terraform:aws_db_instance.main")]
    assert ("none", "docker-compose.prod.yml is left out: Terraform runs the services") in {
        (each.chosen, each.reason) for each in report.graph.choices
    }


def test_beside_a_function_of_terraform_it_runs_the_services(tmp_path: Path) -> None:
    function = 'resource "aws_lambda_function" "thumbs" {\n  function_name = "thumbs"\n  package_type = "Zip"\n}\n'
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "main.tf": function}
    assert "compose:docker-compose.prod.yml:services.app" in {
        each.cloud for each in scan(tmp_path, files, "HEX402").graph.pairs
    }


def test_beside_managed_datastores_it_runs_the_services(tmp_path: Path) -> None:
    database = 'resource "aws_db_instance" "db" {\n  engine = "postgres"\n  engine_version = "16.10"\n}\n'
    only = "services:\n  app:\n    build: .\n"
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": only, "main.tf": database})
    assert {(each.local, each.cloud) for each in report.graph.pairs} == {
        ("compose:services.app", "compose:docker-compose.prod.yml:services.app"),
        ("compose:services.db/database", "terraform:aws_db_instance.db"),
    }


def test_the_configuration_names_it_or_says_that_there_is_none(tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION, "server.yml": PRODUCTION}
    for number, (said, expected) in enumerate([("[server.yml]", {"server.yml"}), ("[]", set())]):
        configured = {**files, "policyengine.yaml": f"version: 1\ncompose: {{production: {said}}}\n"}
        report = scan(tmp_path / str(number), configured)
        assert {each.cloud.split(":")[1] for each in report.graph.pairs} == expected


def test_migrations_of_a_production_compose_job_are_run(tmp_path: Path) -> None:
    job = PRODUCTION + "  migrate:\n    build: .\n    command: npx prisma migrate deploy\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": job, "Dockerfile": DOCKERFILE}
    migrations = {
        "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
        "prisma/migrations/20250101000000_init/migration.sql": "CREATE TABLE a (id int);\n",
        "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
    }
    report = scan(tmp_path, {**files, **migrations}, "HEX610")
    assert report.results == ()
    without = {**files, "docker-compose.prod.yml": PRODUCTION}
    assert scan(tmp_path / "without", {**without, **migrations}, "HEX610").results == ()  # Terraform has no part in it


DEPLOYING = {
    "a stack of Swarm": (
        "scripts/rollout.sh",
        "#!/bin/sh\ndocker stack deploy --with-registry-auth -c docker-stack.yml shop\n",
        "docker-stack.yml",
        "'scripts/rollout.sh' deploys it as a stack of Swarm",
    ),
    "a command on another machine": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - run: ssh shop@example.org 'cd /srv/shop && sudo docker compose -f docker-compose.server.yml up -d'
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' starts it on another machine",
    ),
    "an action that runs a script there": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - uses: appleboy/ssh-action@v1
                with:
                  host: example.org
                  script: |
                    cd /srv/shop
                    docker-compose -f docker-compose.server.yml pull
                    docker-compose -f docker-compose.server.yml up -d
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' starts it on another machine",
    ),
    "a workflow that is called after its tests": (
        ".github/workflows/ci.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - run: ssh shop@example.org docker compose -f docker-compose.server.yml up -d
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ci.yml' starts it on another machine",
    ),
    "a script that is called after deploying": (
        "deploy.sh",
        "docker compose -f docker-compose.server.yml up -d --build\n",
        "docker-compose.server.yml",
        "'deploy.sh' starts it, and is called after deploying",
    ),
    "the script that a machine runs when it starts": (
        "infra/user_data/web.sh",
        """
        #!/bin/bash
        yum install -y docker
        cd /opt/shop/repo
        /usr/local/bin/docker-compose -f docker-compose.server.yml up -d --build
        """,
        "docker-compose.server.yml",
        "'infra/user_data/web.sh' starts it on another machine",
    ),
    "a template of such a script": (
        "infra/user-data.sh.tftpl",
        "#!/bin/bash\nexport DB=${db}\ndocker compose -f docker-compose.server.yml up -d\n",
        "docker-compose.server.yml",
        "'infra/user-data.sh.tftpl' starts it on another machine",
    ),
    "a copied file": (
        ".github/workflows/ship.yml",
        """
        on: push
        jobs:
          ship:
            runs-on: ubuntu-24.04
            steps:
              - uses: appleboy/scp-action@v0.1.7
                with: {host: example.org, source: "docker-compose.server.yml,.env.example", target: /srv/shop}
        """,
        "docker-compose.server.yml",
        "'.github/workflows/ship.yml' copies it to another machine",
    ),
}


@pytest.mark.parametrize("name", DEPLOYING)
def test_what_deploys_a_compose_file_tells_the_cloud_side(name: str, tmp_path: Path) -> None:
    path, text, file, reason = DEPLOYING[name]
    files = {"docker-compose.yml": LOCAL, file: PRODUCTION, "Dockerfile": DOCKERFILE, path: text}
    report = scan(tmp_path, files, "HEX402")
    assert ("production Compose project", file, reason) in {
        (each.what, each.chosen, each.reason) for each in report.graph.choices
    }
    assert [(each.subject, each.finding.against.id) for each in report.results if each.finding.against is not None] == [
        ("compose:services.db/database", f"compose:{file}:services.db/database")
    ]


def test_a_chain_of_files_is_what_the_command_says(tmp_path: Path) -> None:
    over = "services:\n  app: {command: node server.js}\n  db: {image: 'postgres:16.4'}\n"
    command = "ssh shop@example.org docker compose -f docker-compose.yml -f overrides/server.yml up -d\n"
    files = {"docker-compose.yml": LOCAL, "overrides/server.yml": over, "Dockerfile": DOCKERFILE, "ship.sh": command}
    report = scan(tmp_path, files, "HEX402")
    assert ("production Compose project", "docker-compose.yml, overrides/server.yml") in {
        (each.what, each.chosen) for each in report.graph.choices
    }
    assert [each.rule.id for each in report.results] == ["HEX402"]


def test_services_of_a_base_that_both_sides_share_are_compared_with_their_form_in_the_chain(tmp_path: Path) -> None:
    base = "services:\n  app: {image: 'acme/shop:${TAG}'}\n  db: {image: 'postgres:16.4'}\n"
    files = {
        "docker-compose.yml": base,
        ".env": "COMPOSE_FILE=docker-compose.yml:docker/dev.yml\nTAG=dev\n",
        "docker/dev.yml": "services:\n  app: {build: .}\n  db: {image: 'postgres:16.9'}\n",
        "docker/prod.yml": "services:\n  app: {restart: always}\n",
        "docker/monitor.yml": "services:\n  exporter: {image: 'prom/statsd-exporter:v0.28.0'}\n",
        "Makefile": "up:\n\tdocker compose -f docker-compose.yml -f docker/prod.yml -f docker/monitor.yml up -d\n",
        "Dockerfile": DOCKERFILE,
    }
    report = scan(tmp_path, files, "HEX402")
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [
        ("compose:services.app", "compose:docker/prod.yml:services.app"),
        ("compose:services.db/database", "compose:docker/prod.yml:services.db/database"),
    ]
    assert [each.message for each in report.results] == ["'db' runs Postgres '16.9', but [production](1) runs '16.4'."]


def test_what_backs_up_a_database_with_its_image_is_no_database(tmp_path: Path) -> None:
    backup = "  db_backup:\n    image: postgres:16.4\n    command: sh -c 'while true; do /backup.sh; sleep 9; done'\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.prod.yml": PRODUCTION + backup, "Dockerfile": DOCKERFILE}
    assert {each.cloud for each in scan(tmp_path, files, "HEX402").graph.pairs} == {
        "compose:docker-compose.prod.yml:services.app",
        "compose:docker-compose.prod.yml:services.db/database",
    }


def test_profiles_that_are_called_after_machines_leave_nothing_out(tmp_path: Path) -> None:
    over = "services:\n  app: {profiles: [web1, web2]}\n  db: {profiles: [db1], image: 'postgres:16.4'}\n"
    report = scan(
        tmp_path,
        {"compose.yaml": LOCAL, "compose.production.yaml": over, "Dockerfile": DOCKERFILE},
        "HEX402",
    )
    assert len(report.graph.pairs) == 2


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("start.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy-local.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy.sh", "docker compose -f docker-compose.server.yml build"),
        ("deploy.sh", "docker compose -f docker-compose.other.yml up -d"),
        ("tests/e2e/deploy.sh", "docker compose -f docker-compose.server.yml up -d"),
        ("deploy.sh", "echo docker compose -f docker-compose.server.yml up -d"),
        ("deploy-demo.sh", "docker compose -f docker-compose.server.yml up -d"),
        (".github/workflows/deploy.yml", "jobs: {a: {steps: [{run: docker compose -f docker-compose.server.yml up}]}}"),
        ("copy.sh", "cp docker-compose.server.yml build:zone"),
    ],
)
def test_what_does_not_deploy_tells_nothing(path: str, command: str, tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.server.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, path: f"{command}\n"}, "HEX402")
    assert not [each for each in report.graph.choices if each.what == "production Compose project"]


LASTING = PRODUCTION.replace("build: .", "build: .\n    restart: always")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("docker-compose.nas.yml", PRODUCTION),
        ("docker-compose.self-host.yml", PRODUCTION),
        ("docker-stack.yml", PRODUCTION),
        ("docker-compose.server.yml", LASTING),
        ("deploy/docker-compose.aws.yml", LASTING),
    ],
)
def test_a_name_that_says_on_what_it_runs_makes_production_of_a_file(path: str, content: str, tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, path: content, "Dockerfile": DOCKERFILE}
    assert [each.cloud for each in scan(tmp_path, files, "HEX402").graph.pairs] == [
        f"compose:{path}:services.app",
        f"compose:{path}:services.db/database",
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("docker-compose.server.yml", PRODUCTION),  # the server beside a client, as far as anybody can tell
        ("docker-compose.server-check.yml", LASTING),
        ("docker-compose.nas.yml", LASTING.replace("app:", "backup:").replace("db:", "store:")),
        ("local/docker-compose.nas.yml", LASTING),
    ],
)
def test_other_names_make_none(path: str, content: str, tmp_path: Path) -> None:
    files = {"docker-compose.yml": LOCAL, path: content, "Dockerfile": DOCKERFILE}
    assert scan(tmp_path, files, "HEX402").graph.pairs == ()


@pytest.mark.parametrize(
    ("path", "script"),
    [
        ("deploy.sh", 'F="${F:-docker-compose.house.yml}"\ndocker compose -f "$F" up -d\n'),
        ("ship.sh", 'F=docker-compose.house.yml\nF=docker-compose.uat.yml\ndocker stack deploy -c "${F}" shop\n'),
        ("deploy.sh", "up=(docker compose -f docker-compose.house.yml)\n${up[@]} up\n"),
        ("infra/web.tf", 'locals {\n  user_data = "cd /srv && docker compose -f docker-compose.house.yml up -d"\n}\n'),
        ("ansible/site.yml", "- tasks: [{copy: {src: docker-compose.house.yml, dest: /srv/}}]\n"),
        (
            "playbook.yml",
            "- tasks: [{a.b.docker_compose_v2: {project_src: /srv, files: [docker-compose.house.yml]}}]\n",
        ),
        ("cloud-init.yaml", "runcmd:\n  - docker compose -f /srv/docker-compose.house.yml up -d\n"),
    ],
)
def test_what_deploys_may_name_its_file_by_a_variable_or_set_up_a_machine(
    path: str, script: str, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": LOCAL, "docker-compose.house.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, path: script}, "HEX402")
    assert [each.cloud for each in report.graph.pairs] == [
        "compose:docker-compose.house.yml:services.app",
        "compose:docker-compose.house.yml:services.db/database",
    ]


def test_a_file_for_a_machine_is_nothing_that_developers_start(tmp_path: Path) -> None:
    stores = 'services:\n  db: {image: "postgres:16.9"}\n'
    files = {"docker-compose.yml": stores, "docker-compose.vps.yml": PRODUCTION, "docker-compose.prod.yml": PRODUCTION}
    report = scan(tmp_path, {**files, "Dockerfile": DOCKERFILE}, "HEX402")
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [
        ("compose:services.db/database", "compose:docker-compose.prod.yml:services.db/database")
    ]
    assert ("Compose project", "docker-compose.yml") in {(each.what, each.chosen) for each in report.graph.choices}


def test_the_only_file_is_not_held_against_itself(tmp_path: Path) -> None:
    command = "ssh shop@example.org docker compose -f docker-compose.yml up -d\n"
    report = scan(tmp_path, {"docker-compose.yml": LOCAL, "Dockerfile": DOCKERFILE, "ship.sh": command}, "HEX402")
    assert report.graph.pairs == ()
    assert ("Compose project", "docker-compose.yml") in {(each.what, each.chosen) for each in report.graph.choices}


def test_developers_start_another_file_than_the_one_that_is_deployed(tmp_path: Path) -> None:
    command = "ssh shop@example.org docker compose -f docker-compose.yml up -d\n"
    files = {"docker-compose.yml": PRODUCTION, "docker-compose.dev.yml": LOCAL, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, "ship.sh": command}, "HEX402")
    assert [(each.local, each.cloud) for each in report.graph.pairs] == [
        ("compose:services.app", "compose:docker-compose.yml:services.app"),
        ("compose:services.db/database", "compose:docker-compose.yml:services.db/database"),
    ]


def test_one_called_after_staging_is_the_cloud_side_where_none_is_for_production(tmp_path: Path) -> None:
    files = {"compose.yaml": LOCAL, "Dockerfile": DOCKERFILE, "compose.uat.yml": PRODUCTION}
    reason = "its name says that it is for staging, and none is for production"
    report = scan(tmp_path / "alone", files, "HEX402")
    assert ("production Compose project", "compose.uat.yml", reason) in {
        (each.what, each.chosen, each.reason) for each in report.graph.choices
    }
    assert [each.rule.id for each in report.results] == ["HEX402"]
    both = scan(tmp_path / "both", {**files, "compose.live.yml": PRODUCTION}, "HEX402")
    assert {each.cloud.partition(":services")[0] for each in both.graph.pairs} == {"compose:compose.live.yml"}


def test_a_file_that_only_production_mounts_must_be_there_but_for_what_its_machine_makes(tmp_path: Path) -> None:
    proxy = (
        "  proxy:\n    image: nginx:1.27\n    volumes:\n      - ./proxy/site.conf:/etc/nginx/conf.d/default.conf:ro\n"
    )
    made = "      - ./certs/live.pem:/etc/ssl/live.pem:ro\n"
    files = {"compose.yaml": LOCAL, "compose.prod.yaml": PRODUCTION + proxy + made, "Dockerfile": DOCKERFILE}
    files[".gitignore"] = "node_modules\n"
    messages = [each.message for each in scan(tmp_path / "absent", files, "HEX110").results]
    assert messages == ["'proxy' mounts 'proxy/site.conf', which is not in the repository."]
    assert scan(tmp_path / "there", {**files, "proxy/site.conf": "server {}\n"}, "HEX110").results == ()


@pytest.mark.parametrize(
    ("served", "missing"),
    [
        ("FROM node:22 AS made\nRUN npm run build\nFROM nginx:1.27\nCOPY --from=made /dist /usr/share/nginx/html\n", 1),
        ("FROM nginx:1.27\nCOPY site.conf /etc/nginx/conf.d/default.conf\n", 0),
    ],
)
def test_a_web_server_is_a_part_of_the_application_where_its_image_builds_the_pages(
    served: str, missing: int, tmp_path: Path
) -> None:
    pages = "  dashboard:\n    build: {context: ., dockerfile: web.Dockerfile}\n"
    files = {"compose.yaml": LOCAL, "compose.prod.yaml": PRODUCTION + pages, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, "web.Dockerfile": served}, "HEX102")
    told = ["The production Compose service 'dashboard' is never run locally."]
    assert [each.message for each in report.results] == told[:missing]
    assert report.undecided == ()


def test_a_stack_that_starts_nothing_of_the_application_lacks_all_of_it_in_one_finding(tmp_path: Path) -> None:
    two = "services:\n  api: {image: 'acme/api:1'}\n  jobs: {image: 'acme/jobs:1'}\n  db: {image: 'postgres:16.4'}\n"
    files = {"compose.yaml": "services: {db: {image: 'postgres:16.4'}}", "compose.prod.yaml": two}
    (found,) = scan(tmp_path, files, "HEX102").results
    assert found.message == (
        "The production Compose service 'api' has no twin: the Compose stack starts only what the application needs."
        " The same holds for 'jobs'."
    )


@pytest.mark.parametrize(
    ("name", "command", "missing"),
    [
        ("queue-cron", "node cron.js", True),
        ("queue-worker", "node other.js", False),
        ("queue-eu", "node cron.js", False),
    ],
)
def test_a_part_of_the_name_does_not_stand_for_another_duty(
    name: str, command: str, missing: bool, tmp_path: Path
) -> None:
    local = f"{LOCAL}  queue: {{build: ., command: node worker.js}}\n"
    cloud = f"{PRODUCTION}  queue: {{build: ., command: node worker.js}}\n  {name}: {{build: ., command: {command}}}\n"
    report = scan(tmp_path, {"compose.yaml": local, "compose.prod.yaml": cloud, "Dockerfile": DOCKERFILE}, "HEX102")
    told = [f"The production Compose service '{name}' is never run locally."] if missing else []
    assert [each.message for each in report.results] == told


SSM = """
      - run: |
          aws ssm send-command --document-name AWS-RunShellScript --parameters 'commands=["cd /srv", "{0}"]'
"""
SHIPPING = {
    "a folder in a bucket, started by Systems Manager": (
        "      - run: aws s3 sync ./ops/server/ s3://$BUCKET/bundle/" + SSM.format("docker compose up -d"),
        True,
    ),
    "a folder that rsync copies, started by ssh": (
        """
      - run: rsync -az --delete ops/server/ shop@example.org:/srv
      - run: ssh shop@example.org 'cd /srv && docker compose pull && docker compose up -d'
""",
        True,
    ),
    "a folder that an action copies, started by another": (
        """
      - uses: appleboy/scp-action@v1
        with: {host: a.example.org, source: ops/server/*, target: /srv}
      - uses: appleboy/ssh-action@v1
        with: {host: a.example.org, script: cd /srv; docker compose up -d}
""",
        True,
    ),
    "a folder in a bucket that nothing starts": ("      - run: aws s3 sync ops/server/ s3://$BUCKET/bundle/\n", False),
    "another folder": ("      - run: aws s3 sync web/ s3://$BUCKET/" + SSM.format("docker compose up -d"), False),
    "what is started here": (
        "      - run: aws s3 sync ops/server/ s3://$BUCKET/\n      - run: docker compose up -d\n",
        False,
    ),
}


@pytest.mark.parametrize("name", SHIPPING)
def test_the_file_of_a_folder_that_is_shipped_and_started_is_the_cloud_side(name: str, tmp_path: Path) -> None:
    steps, told = SHIPPING[name]
    flow = f"on: push\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    steps:\n{steps}"
    pulled = PRODUCTION.replace("build: .", "image: registry.example.org/shop/app:latest")
    files = {"docker-compose.yml": LOCAL, "ops/server/compose.yaml": pulled, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, ".github/workflows/ship.yml": flow}, "HEX402")
    reason = "'.github/workflows/ship.yml' ships its folder, and starts it on another machine"
    chosen = [(each.chosen, each.reason) for each in report.graph.choices if each.what == "production Compose project"]
    assert chosen == ([("ops/server/compose.yaml", reason)] if told else [])
    assert [each.rule.id for each in report.results] == (["HEX402"] if told else [])


def test_a_deployed_file_that_pulls_its_images_leaves_developers_the_datastores(tmp_path: Path) -> None:
    command = "ssh shop@example.org docker compose -f ops/compose.yml up -d\n"
    stores = "services:\n  db: {image: 'postgres:16.9'}\n"
    files = {"compose.yaml": stores, "ops/compose.yml": PRODUCTION, "Dockerfile": DOCKERFILE, "ship.sh": command}
    built = scan(tmp_path / "built", files, "HEX402")
    assert ("Compose project", "ops/compose.yml") in {(each.what, each.chosen) for each in built.graph.choices}
    pulled = PRODUCTION.replace("build: .", "image: registry.example.org/shop/app:1.2.3")
    report = scan(tmp_path / "pulled", {**files, "ops/compose.yml": pulled}, "HEX402")
    assert ("Compose project", "compose.yaml") in {(each.what, each.chosen) for each in report.graph.choices}
    assert [each.rule.id for each in report.results] == ["HEX402"]


def test_both_files_of_a_local_chain_are_read(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": "services:\n  db: {image: 'postgres:16.9'}\n",
        "docker-compose.dev.yml": "services:\n  app: {build: ., depends_on: [db]}\n",
        "docker-compose.prod.yml": PRODUCTION,
        "Dockerfile": DOCKERFILE,
    }
    assert {(each.local, each.cloud) for each in scan(tmp_path, files, "HEX102").graph.pairs} == {
        ("compose:services.app", "compose:docker-compose.prod.yml:services.app"),
        ("compose:services.db/database", "compose:docker-compose.prod.yml:services.db/database"),
    }


def test_a_file_that_a_workflow_starts_runs_beside_other_services_of_terraform(tmp_path: Path) -> None:
    service = """
        resource "google_cloud_run_v2_service" "one" {
          name     = "thumbs"
          location = "europe-west1"
          template {
            containers {
              name  = "thumbs"
              image = "europe-west1-docker.pkg.dev/acme/own/thumbs:1"
            }
          }
        }
    """
    command = "ssh shop@example.org docker compose -f docker-compose.server.yml up -d\n"
    files = {"docker-compose.yml": LOCAL, "docker-compose.server.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, {**files, "ship.sh": command, "main.tf": service}, "HEX402")
    assert "compose:docker-compose.server.yml:services.app" in {each.cloud for each in report.graph.pairs}


def test_what_a_profile_of_production_leaves_out_mirrors_the_local_service_of_its_name(tmp_path: Path) -> None:
    tools = "  dash: {image: 'grafana/grafana:12.0.0'PROFILE}\n  backup: {image: 'acme/backup:1'PROFILE}\n"
    files = {
        "docker-compose.yml": LOCAL + tools.splitlines(keepends=True)[0].replace("PROFILE", ""),
        "docker-compose.prod.yml": PRODUCTION + tools.replace("PROFILE", ", profiles: [tools]"),
        "Dockerfile": DOCKERFILE,
    }
    report = scan(tmp_path, files)
    cloud = {each.cloud for each in report.graph.pairs}
    assert "compose:docker-compose.prod.yml:services.dash" in cloud
    assert not [each for each in report.graph.nodes if each.id.endswith("services.backup")]


@pytest.mark.parametrize(
    ("base", "over"),
    [
        pytest.param("  cache: {image: 'redis:8.2'}\n", "  cache: {profiles: [unused]}\n", id="only a profile"),
        pytest.param("", "  cache: {image: 'redis:8.2', profiles: [extra]}\n", id="a datastore"),
        pytest.param("", "  dash: {image: 'grafana/grafana:12.0.0', profiles: [local-only]}\n", id="for the laptop"),
    ],
)
def test_what_a_profile_takes_out_of_production_is_not_there(tmp_path: Path, base: str, over: str) -> None:
    tools = "  cache: {image: 'redis:8.2'}\n  dash: {image: 'grafana/grafana:12.0.0'}\n"
    files = {
        "docker-compose.yml": PRODUCTION + base,
        "docker-compose.prod.yml": f"services:\n  app: {{restart: always}}\n{over}",
        "docker-compose.dev.yml": LOCAL + tools,
        "Dockerfile": DOCKERFILE,
        "policyengine.yaml": "version: 1\ncompose:\n  canonical: [docker-compose.dev.yml]\n"
        "  production: [docker-compose.yml, docker-compose.prod.yml]\n",
    }
    report = scan(tmp_path, files)
    cloud = {each.name for each in report.graph.nodes if each.id.startswith("compose:docker-compose.prod.yml:")}
    assert cloud == {"app", "db"}


def test_a_service_that_waits_for_one_that_is_not_there_is_compared_all_the_same(tmp_path: Path) -> None:
    local = LOCAL.replace("build: .", "build: .\n    depends_on: [cache]")
    files = {"docker-compose.yml": local, "docker-compose.prod.yml": PRODUCTION, "Dockerfile": DOCKERFILE}
    report = scan(tmp_path, files)
    assert [each.message for each in report.failures] == ["service 'app' depends on the undefined service 'cache'"]
    told = {each.message for each in report.results if each.rule.id == "HEX109"}
    assert told == {"'app' runs the development server 'npm run dev', but [production](1) runs 'node server.js'."}
    assert [each for each in report.undecided if each.subject == "compose:services.app"] == []


def test_what_production_pulls_is_built_as_the_file_says_that_builds_it_for_production(tmp_path: Path) -> None:
    builds = "build: {context: ., dockerfile: Dockerfile.api}, restart: always, command: node worker.js"
    files = {
        "docker-compose.yml": f"services:\n  app: {{{builds}}}\n  db: {{image: 'postgres:16.4', restart: always}}\n",
        "docker-compose-local.yml": LOCAL.replace("build: .", "build: .\n    volumes: ['.:/srv']"),
        "selfhost/docker-compose.yml": "services:\n  app: {image: 'acme/shop-app:1.2', restart: always}\n",
        "Dockerfile": DOCKERFILE,
        "Dockerfile.api": 'FROM node:22-bookworm-slim\nCMD ["node", "server.js"]\n',
    }
    report = scan(tmp_path, files)
    told = {(each.rule.id, each.message) for each in report.results}
    assert ("HEX208", "The deployed image 'Dockerfile.api' runs as root.") in told
    assert ("HEX201", "'app' is built from 'Dockerfile', but [the deployed image](1) from 'Dockerfile.api'.") in told
    assert (
        "HEX109",
        "'app' runs the development server 'npm run dev', but [production](1) runs 'node server.js'.",
    ) in told


def test_what_production_pulls_is_not_built_from_a_dockerfile_for_development(tmp_path: Path) -> None:
    builds = "build: {context: ., dockerfile: Dockerfile.dev}, restart: always"
    files = {
        "dashboard/docker-compose.yml": f"services:\n  app: {{{builds}}}\n  db: {{image: 'postgres:16.4'}}\n",
        "dashboard/docker-compose.prod.yml": "services:\n  app: {image: 'ghcr.io/acme/shop-app:1.2', restart: always}\n",
        "dashboard/Dockerfile.dev": "FROM node:22-bookworm-slim\n",
        "dashboard/Dockerfile": DOCKERFILE,
    }
    report = scan(tmp_path, files)
    assert not [each.message for each in report.results if each.rule.id == "HEX208"]
    deployed = [each for each in report.graph.all(Service) if each.side is Side.CLOUD]
    assert [each.name for each in deployed] == ["app"]
    (stage,) = report.graph.targets(Stage, EdgeKind.BUILT_FROM, deployed[0])
    assert stage.dockerfile == "dashboard/Dockerfile"


@pytest.mark.parametrize("production", ["postgres", "postgres:19.1"])
def test_one_image_on_both_sides_leaves_no_version_open(production: str, tmp_path: Path) -> None:
    app = "services:\n  app: {build: ., restart: always}\n"
    files = {
        "docker-compose.yml": f"{app}  db: {{image: postgres}}\n",
        "docker-compose.production.yml": f"{app}  db: {{image: '{production}'}}\n",
        "Dockerfile": DOCKERFILE,
    }
    report = scan(tmp_path, files)
    asked = {each.rule for each in report.undecided if each.rule in ("HEX401", "HEX402", "HEX403")}
    assert ("HEX401" in asked) is bool(asked) is (production != "postgres")
    assert ("HEX414" in {each.rule.id for each in report.results}) is (production == "postgres")


@pytest.mark.parametrize(
    ("command", "examples", "tag", "url"),
    [
        ("docker compose -f compose.prod.yml up -d", {}, "latest", None),
        ('export TAG="$SHA"; docker compose -f compose.prod.yml up -d', {}, None, None),
        ("TAG=${{ github.sha }} docker compose -f compose.prod.yml up -d", {}, None, None),
        ('echo "TAG=${{ github.sha }}" >> .env; docker compose -f compose.prod.yml up -d', {}, None, None),
        ("sed -i 's/^TAG=.*/TAG=${{ github.sha }}/' .env; docker compose -f compose.prod.yml up", {}, None, None),
        ("export TAG=${1:-latest}; docker compose -f compose.prod.yml up -d", {}, "latest", None),
        ("export OTHER=$SHA; docker compose -f compose.prod.yml up -d", {}, "latest", None),
        (
            "docker compose -f compose.prod.yml --env-file .env.$STAGE up -d",
            {".env.prod.example": "TAG=7\nSITE=https://shop.example\n"},
            "7",
            "https://shop.example",
        ),
        (
            "docker compose -f compose.prod.yml up -d",
            {".env.production.example": "SITE=https://shop.example\n"},
            "latest",
            "https://shop.example",
        ),
        (
            "docker compose -f compose.prod.yml --env-file .env.dev up -d",
            {".env.dev.example": "SITE=http://dev.example\n"},
            "latest",
            None,
        ),
    ],
)
def test_what_deploys_gives_variables_and_an_env_file(
    command: str, examples: dict[str, str], tag: str | None, url: str | None, tmp_path: Path
) -> None:
    step = "- uses: appleboy/ssh-action@v1\n        with:\n          script: |"
    files = {
        ".env.example": "SITE=http://localhost:8080\n",
        "compose.yml": "services:\n  web:\n    build: .\n    environment: {SITE: $SITE}\n",
        "compose.prod.yml": "services:\n  web: {image: 'acme/web:${TAG:-latest}', environment: {SITE: $SITE}}\n",
        ".github/workflows/deploy.yml": f"on: push\njobs:\n  one:\n    steps:\n      {step}\n            {command}\n",
    }
    report = scan(tmp_path, {**files, **examples}, "HEX607")
    (web,) = [each for each in report.graph.all(Service) if each.side is Side.CLOUD]
    (variable,) = web.environment
    image = web.image.value if isinstance(web.image, Known | Floating) else None
    told = image.tag if image is not None and isinstance(image.tag, str) else None
    assert (told, known(variable.value, None)) == (tag, url)
