"""Where variables come from (side 3), on small whole trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.rules.evaluate import Report

ECS = """
variable "db_password" {{
  sensitive = true
}}
variable "anything" {{
}}
resource "random_password" "made" {{
  length = 20
}}
resource "aws_db_instance" "main" {{
  engine   = "postgres"
  password = random_password.made.result
}}
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{{
    name        = "{name}"
    image       = "ghcr.io/acme/app:1"
    environment = [{environment}]
    secrets     = [{secrets}]
  }}])
}}
"""
LONG = "q7Zr2LmX9vKd4TnB8wYp"


def told(report: Report) -> list[tuple[str, str]]:
    """The rule and the message of each finding; the tree is read whole."""
    assert report.failures == ()
    return [(each.rule.id, each.message) for each in report.results]


def ecs(key: str = "", value: str = "", secrets: str = "", name: str = "app") -> str:
    entry = f'{{ name = "{key}", value = {value} }}' if key else ""
    return ECS.format(environment=entry, secrets=secrets, name=name)


PLAIN = "'{key}' of 'app' is a plaintext value in the task definition."
TRACED = "'{key}' of 'app' is plaintext in the task definition and holds '{source}'."


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("API_TOKEN", f'"{LONG}"', PLAIN),
        ("SMTP_PASSWORD", '"hunter2hunter2"', PLAIN),
        ("DATABASE_URL", f'"postgres://app:{LONG}@db/app"', PLAIN),
        ("DATABASE_URL", '"postgres://app@db/app"', ""),
        (
            "DATABASE_URL",
            '"postgres://app:${random_password.made.result}@db/app"',
            TRACED.format(key="{key}", source="random_password.made.result"),
        ),
        (
            "ANYTHING",
            '"postgres://app:${random_password.made.result}@db/app"',
            TRACED.format(key="{key}", source="random_password.made.result"),
        ),
        ("DATABASE_URL", '"postgres://app@${aws_db_instance.main.address}/app"', ""),
        (
            "DB_PASSWORD",
            "random_password.made.result",
            TRACED.format(key="{key}", source="random_password.made.result"),
        ),
        ("DB_PASSWORD", "var.db_password", TRACED.format(key="{key}", source="var.db_password")),
        ("GREETING", f'"{LONG}"', ""),
        ("NEXT_PUBLIC_TOKEN", f'"{LONG}"', ""),
        ("API_TOKEN", '""', ""),
        ("API_TOKEN", '"3600"', ""),
        ("API_TOKEN", '"true"', ""),
        ("API_TOKEN_ARN", '"arn:aws:secretsmanager:eu-west-1:1:secret:x"', ""),
        ("TOKEN_FILE", '"/run/secrets/token"', ""),
        ("TOKEN_URL", '"https://auth.example.com/token"', ""),
    ],
)
def test_a_secret_is_no_plain_value_of_a_task_definition(key: str, value: str, message: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"main.tf": ecs(key, value)}, "HEX306")
    assert told(report) == ([("HEX306", message.format(key=key))] if message else [])
    for each in report.results:
        assert report.sources["main.tf"].slice(each.span) == key
        assert each.finding.fix is not None
        assert each.finding.fix.description == f"move {key} to 'secrets' with a valueFrom"


def test_a_secret_of_an_unknown_value_is_an_open_question(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"main.tf": ecs("API_TOKEN", "var.anything")}, "HEX306")
    assert bool(told(report)) is not bool(report.undecided)


@pytest.mark.parametrize("key", ["DATABASE_URL", "REDIS_URL"])
def test_an_address_of_an_unknown_value_is_an_open_question_too(key: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"main.tf": ecs(key, "var.anything")}, "HEX306")
    assert (told(report), [each.rule for each in report.undecided]) == ([], ["HEX306"])


def test_one_entry_that_makes_a_variable_of_two_containers_is_reported_once(tmp_path: Path) -> None:
    shared = f'locals {{\n  shared = [{{ name = "API_TOKEN", value = "{LONG}" }}]\n}}\n'
    both = "".join(
        ecs(name=name)
        .replace("environment = []", "environment = local.shared")
        .partition('resource "aws_ecs')[2]
        .join(['resource "aws_ecs', ""])
        for name in ("one", "two")
    )
    report = trees.scan(tmp_path, {"main.tf": shared + both}, "HEX306")
    assert [each.subject for each in report.results] == ["terraform:aws_ecs_task_definition.one#one"]


def test_what_a_manager_gives_is_no_plain_value(tmp_path: Path) -> None:
    secrets = '{ name = "API_TOKEN", valueFrom = "arn:aws:secretsmanager:eu-west-1:1:secret:x" }'
    assert told(trees.scan(tmp_path, {"main.tf": ecs(secrets=secrets)}, "HEX306")) == []


COMMITTED = "'{file}' is committed with a value for '{key}'."


@pytest.mark.parametrize(
    ("path", "text", "key"),
    [
        (".env.live", f"API_TOKEN={LONG}\n", "API_TOKEN"),
        (".env", f"LOG=info\nSTRIPE_KEY=sk_live_{LONG}0000\n", "STRIPE_KEY"),
        ("web/.env.production", f"DATABASE_URL=postgres://app:{LONG}@db/app\n", "DATABASE_URL"),
        (".env.live", "API_TOKEN=changeme-please-now\n", ""),
        (".env.live", "API_TOKEN=short\n", ""),
        (".env.live", "API_TOKEN=${TOKEN_FROM_ELSEWHERE}\n", ""),
        (".env.live", "API_TOKEN=/run/secrets/api-token\n", ""),
        (".env.live", f"GREETING={LONG}\n", ""),
        (".env.live", "DATABASE_URL=postgres://app:postgres@db/app\n", ""),
        (".env.example", f"API_TOKEN={LONG}\n", ""),
        (".env.test", f"API_TOKEN={LONG}\n", ""),
        ("e2e/.env", f"API_TOKEN={LONG}\n", ""),
    ],
)
def test_a_committed_env_file_holds_no_secret(path: str, text: str, key: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {path: text}, "HEX302")
    assert told(report) == ([("HEX302", COMMITTED.format(file=path, key=key))] if key else [])
    assert [each.finding.fix.description for each in report.results if each.finding.fix] == (
        [f"remove {path} from git, ignore it, and replace the secret"] if key else []
    )


LOADS = {
    "docker-compose.yml": "services:\n  app:\n    build: .\n    env_file: .env.local\n",
    "Dockerfile": 'FROM node:22\nCOPY . .\nUSER node\nCMD ["node", "a.js"]\n',
    ".env.example": "A=1\n",
}
IGNORED = "'.env.local' holds local secrets, but git does not ignore it."
COPIED = "'COPY' takes '.env.local' into the image, because no .dockerignore leaves it out."


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        ({".gitignore": ".env*\n!.env.example\n", ".dockerignore": ".env*\n"}, []),
        ({".gitignore": "node_modules\n", ".dockerignore": ".env*\n"}, [IGNORED]),
        ({".gitignore": ".env.local\n"}, [COPIED]),
        ({".gitignore": ".env.local\n", ".dockerignore": "node_modules\n"}, [COPIED]),
        ({".gitignore": ".env.local\n", "Dockerfile.dockerignore": ".env.local\n"}, []),
        ({".gitignore": ".env.local\n", "Dockerfile": LOADS["Dockerfile"].replace("COPY . .", "COPY src .")}, []),
        (
            {".gitignore": ".env.local\n", "Dockerfile": LOADS["Dockerfile"].replace("COPY . .", "COPY ./ /app/")},
            [COPIED],
        ),
        (
            {
                ".gitignore": ".env.local\n",
                "Dockerfile": LOADS["Dockerfile"].replace("COPY . .", "COPY --from=node:22 . ."),
            },
            [],
        ),
        (
            {
                ".gitignore": ".env.local\n",
                "Dockerfile": 'FROM node:22 AS build\nWORKDIR /app\nCOPY . .\nFROM node:22\nCOPY --from=build /app /srv\nUSER node\nCMD ["node", "a.js"]\n',
            },
            [COPIED],
        ),
        (
            {
                ".gitignore": ".env.local\n",
                "Dockerfile": 'FROM node:22 AS build\nWORKDIR /app\nCOPY . .\nFROM node:22 AS full\nCOPY --from=build /app/out/ .\nFROM node:22\nCOPY --from=full . .\nUSER node\nCMD ["node", "a.js"]\n',
            },
            [],
        ),
        (
            {
                ".gitignore": ".env.local\n",
                "Dockerfile": 'FROM node:22 AS lint\nCOPY . .\nFROM node:22\nCOPY --from=lint /made made\nCOPY . .\nUSER node\nCMD ["node", "a.js"]\n',
            },
            [COPIED],
        ),
        (
            {
                ".gitignore": ".env.local\n",
                "Dockerfile": 'FROM node:22 AS lint\nCOPY . .\nFROM node:22\nCOPY src src\nUSER node\nCMD ["node", "a.js"]\n',
            },
            [],
        ),
    ],
)
def test_the_local_file_stays_out_of_git_and_of_the_image(
    files: Mapping[str, str], messages: list[str], tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {**LOADS, **files}, "HEX302")
    assert [message for _, message in told(report)] == messages


STORED = """services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: q7Zr2LmX9vKd}
  app:
    build: .
    env_file: .env
"""


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("DB_PASSWORD=q7Zr2LmX9vKd\nAPP_MODE=dev\n", []),
        ("APP_MODE=dev\n", []),
        (
            f"JWT_SECRET={LONG}\n",
            [
                "'.env' is committed with a value for 'JWT_SECRET'.",
                COPIED.replace(".env.local", ".env"),
            ],
        ),
    ],
)
def test_a_committed_file_without_secrets_may_be_copied(text: str, rest: list[str], tmp_path: Path) -> None:
    files = {**LOADS, "docker-compose.yml": STORED, ".env": text, ".gitignore": "dist\n"}
    assert [message for _, message in told(trees.scan(tmp_path, files, "HEX302"))] == rest


def test_without_any_gitignore_the_question_stays_open(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {**LOADS, ".dockerignore": ".env*\n"}, "HEX302")
    assert told(report) == []
    assert [each.reason for each in report.undecided] == ["no .gitignore lies in the scanned tree"]


KEPT = {".gitignore": ".env\n", "Dockerfile": "FROM python:3.13\nWORKDIR /app\nCOPY . .\nCMD python a.py\n"}
BUILDS = {"docker-compose.yml": "services:\n  app:\n    build: .\n"}
PUSHES = "on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker build -t ghcr.io/a/b . && docker push ghcr.io/a/b\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({**BUILDS, ".env.example": "API_TOKEN=\n"}, "error"),
        ({**BUILDS, ".env.example": "LOG=info\n"}, ""),
        ({**BUILDS, ".env.example": "API_TOKEN=\n", ".gitignore": "dist\n"}, ""),
        ({**BUILDS, ".env.example": "API_TOKEN=\n", ".dockerignore": "**/.env\n"}, ""),
        ({**BUILDS, "requirements.txt": "python-dotenv==1.1.0\n"}, "error"),
        ({**BUILDS, "requirements.txt": "flask==3.1.0\n"}, ""),
        ({**BUILDS, "package.json": '{"dependencies": {"dotenv": "17"}}'}, ""),
        (
            {**BUILDS, "package.json": '{"dependencies": {"dotenv": "17"}}', "a.js": "f(process.env.API_TOKEN)\n"},
            "error",
        ),
        ({**BUILDS, "package.json": '{"dependencies": {"vite": "7"}}', "a.js": "f(process.env.API_TOKEN)\n"}, ""),
        ({".github/workflows/ci.yml": PUSHES, ".env.example": "API_TOKEN=\n"}, "warning"),
        ({**BUILDS, "requirements.txt": "python-dotenv==1.1.0\n", "local.env": "LOG=info\n"}, ""),
        (
            {
                "docker-compose.yml": "services:\n  app:\n    build: {context: ., target: dev}\n",
                "Dockerfile": KEPT["Dockerfile"].replace("3.13", "3.13 AS dev") + "FROM python:3.13\nCMD python b.py\n",
                ".env.example": "API_TOKEN=\n",
            },
            "",
        ),
        ({".env.example": "API_TOKEN=\n"}, ""),
        *(
            (
                {
                    "docker-compose.yml": f"services:\n  app:\n    build: {{context: ., dockerfile: {name}}}\n",
                    name: KEPT["Dockerfile"],
                    ".env.example": "API_TOKEN=\n",
                },
                "",
            )
            for name in ("Dockerfile.dev", "Dockerfile.test")
        ),
        *(
            ({**BUILDS, name: "API_TOKEN=\n"}, "")
            for name in (".env.production", "app.env.example", ".env.production.example")
        ),
    ],
)
def test_a_file_that_developers_keep_secrets_in_stays_out_of_the_image(
    files: Mapping[str, str], found: str, tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {**KEPT, **files}, "HEX302")
    assert told(report) == ([("HEX302", COPIED.replace(".env.local", ".env"))] if found else [])
    assert [each.severity for each in report.results] == ([found] if found else [])


@pytest.mark.parametrize(("source", "found"), [("server/", True), ("server", True), ("web/", False), ("serv", False)])
def test_a_copied_folder_takes_its_private_file_along(source: str, found: bool, tmp_path: Path) -> None:
    files = {
        **BUILDS,
        ".gitignore": ".env\n",
        "server/.env.example": "API_TOKEN=\n",
        "Dockerfile": f"FROM python:3.13\nCOPY {source} /app/\nCMD python a.py\n",
    }
    messages = [message for _, message in told(trees.scan(tmp_path, files, "HEX302"))]
    assert messages == ([COPIED.replace(".env.local", "server/.env")] if found else [])


STAGED = """FROM python:3.13 AS make
WORKDIR /app
COPY {copy}
FROM python:3.13
COPY --from=make {taken} /srv/
CMD python a.py
"""


@pytest.mark.parametrize(
    ("copy", "taken", "found"),
    [
        (".env /app/", "/app/.env", True),
        (".env /app", "/app/.env", False),
        (".env /app", "/app", True),
        ("a.py .env /app", "/app/.env", True),
        (".env .", "/app/.env", True),
        (".env /app/", "/app/.env.local", False),
        (".env /app/", "/ap", False),
    ],
)
def test_a_private_file_is_followed_from_stage_to_stage(copy: str, taken: str, found: bool, tmp_path: Path) -> None:
    files = {**KEPT, **BUILDS, ".env.example": "API_TOKEN=\n", "Dockerfile": STAGED.format(copy=copy, taken=taken)}
    assert bool(told(trees.scan(tmp_path, files, "HEX302"))) is found


@pytest.mark.parametrize(("path", "found"), [("server/a.txt", True), ("server/local.env", False), ("local.env", False)])
def test_a_library_tells_of_a_private_file_where_no_env_file_lies_about(path: str, found: bool, tmp_path: Path) -> None:
    files = {
        ".gitignore": ".env\n",
        "docker-compose.yml": "services:\n  app:\n    build: server\n",
        "server/Dockerfile": KEPT["Dockerfile"],
        "server/requirements.txt": "python-dotenv==1.1.0\n",
        path: "LOG=info\n",
    }
    assert bool(told(trees.scan(tmp_path, files, "HEX302"))) is found


SECRET = (
    "services:\n  app:\n    image: a/b:1\n    secrets: [token]\nsecrets:\n  token:\n    file: ./secrets/token.txt\n"
)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({".gitignore": "dist\n"}, True),
        ({".gitignore": "dist\n", "secrets/.gitignore": "*.txt\n"}, False),
        ({".gitignore": "secrets/\n"}, False),
        ({".gitignore": "dist\n", "secrets/token.txt": "for the laptop\n"}, False),
        ({}, False),
    ],
)
def test_the_file_of_a_compose_secret_stays_out_of_git(files: Mapping[str, str], found: bool, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"docker-compose.yml": SECRET, **files}, "HEX302")
    message = "'secrets/token.txt' holds local secrets, but git does not ignore it."
    assert told(report) == ([("HEX302", message)] if found else [])
    assert report.undecided == ()


WRITES = "on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n{}          docker build -t ghcr.io/a/b api\n          docker push ghcr.io/a/b\n"
TOKEN_LINE = '          echo "API_TOKEN=${{ secrets.API_TOKEN }}" >> api/live.env\n'


@pytest.mark.parametrize(
    ("lines", "copy", "keys"),
    [
        (TOKEN_LINE, "COPY . .", "API_TOKEN"),
        (TOKEN_LINE, "COPY live.env /app/.env", "API_TOKEN"),
        (TOKEN_LINE, "COPY src src", ""),
        (TOKEN_LINE.replace("API_TOKEN", "API_URL"), "COPY . .", ""),
        (TOKEN_LINE.replace("api/live.env", "web/live.env"), "COPY . .", ""),
        ('          echo "API_TOKEN=ci" >> api/live.env\n', "COPY . .", ""),
        ('          echo "${{ secrets.LIVE_ENV }}" > api/.env\n', "COPY . .", "an env file"),
        (
            "          cat <<EOF > api/.env\n          LOG=info\n          API_TOKEN=${{ secrets.API_TOKEN }}\n          EOF\n",
            "COPY . .",
            "API_TOKEN",
        ),
    ],
)
def test_an_env_file_that_a_pipeline_writes_stays_out_of_the_image(
    lines: str, copy: str, keys: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM python:3.13\nWORKDIR /app\n{copy}\nCMD python a.py\n"
    files = {".github/workflows/ci.yml": WRITES.replace("{}", lines), "api/Dockerfile": dockerfile}
    report = trees.scan(tmp_path, files, "HEX307")
    file = "api/live.env" if "live.env" in lines else "api/.env"
    message = f"'image' writes '{keys}' into '{file}', which [a COPY](1) takes into the image that it pushes."
    assert told(report) == ([("HEX307", message)] if keys else [])


def test_the_image_holds_what_a_pipeline_writes_into_its_env_file(tmp_path: Path) -> None:
    lines = "          cat <<EOF > .env\n          LIMIT=5\n          API_URL=${{ secrets.API_URL }}\n          EOF\n          echo API_MODE=x\n"
    writes = (
        WRITES.replace("{}", lines)
        .replace("ghcr.io/a/b api", "ghcr.io/acme/app:1 .")
        .replace("ghcr.io/a/b", "ghcr.io/acme/app:1")
    )
    schema = CONFIG.replace("  LOG", "  LIMIT: z.string(),\n  API_MODE: z.string(),\n  LOG")
    image = 'FROM node:22\nWORKDIR /app\nCOPY .env ./\nCMD ["node", "a.js"]\n'
    task = ECS.format(name="app", environment="", secrets="")
    files = {**BUILT, "Dockerfile": image, "src/config.ts": schema, ".github/workflows/b.yml": writes, "main.tf": task}
    message = "The container 'app' lacks 'API_MODE', which [the code requires](1)."
    assert told(trees.scan(tmp_path, files, "HEX303")) == [("HEX303", message)]


TASK = """{"family": "shop", "containerDefinitions": [{"name": "shop", "image": "a/b", "secrets": [
  {"name": "API_TOKEN", "valueFrom": "%s"}]}]}"""
REGISTERS = "on: push\njobs:\n  go:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n%s"
REGISTER = "          aws ecs register-task-definition --cli-input-json file://task.json\n"


@pytest.mark.parametrize(
    ("reference", "before", "word"),
    [
        ("arn:aws:ssm:REGION:ACCOUNT_ID:parameter/shop/token", "", "ACCOUNT_ID"),
        ("arn:aws:ssm:eu-west-1:<ACCOUNT>:parameter/shop/token", "", "<ACCOUNT>"),
        ("arn:aws:secretsmanager:YOUR_REGION:123456789012:secret:token", "", "YOUR_REGION"),
        ("arn:aws:ssm:REGION:ACCOUNT_ID:parameter/shop/token", "          sed -i s/REGION/eu/ task.json\n", ""),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/shop/token", "", ""),
        ("/shop/token", "", ""),
    ],
)
def test_a_word_that_nothing_fills_in_leads_to_no_secret(
    reference: str, before: str, word: str, tmp_path: Path
) -> None:
    files = {"task.json": TASK % reference, ".github/workflows/d.yml": REGISTERS % (before + REGISTER)}
    message = f"'API_TOKEN' of 'shop' is read from an ARN with '{word}', which nothing fills in: no task can start."
    assert told(trees.scan(tmp_path, files, "HEX309")) == ([("HEX309", message)] if word else [])


CONFIG = 'import { z } from "zod";\n\nexport const env = z.object({\n  API_URL: z.string().url(),\n  LOG: z.string().default("info"),\n}).parse(process.env);\n'
BUILT = {
    "Dockerfile": 'FROM node:22\nENV FROM_IMAGE=1\nUSER node\nCMD ["node", "a.js"]\n',
    "package.json": '{"name": "shop", "dependencies": {"zod": "3"}}',
    ".github/workflows/b.yml": "on: workflow_dispatch\njobs:\n  b:\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker build -t ghcr.io/acme/app:1 . && docker push ghcr.io/acme/app:1\n",
}


@pytest.mark.parametrize(
    ("schema", "given", "missing"),
    [
        (CONFIG, "", "API_URL"),
        (CONFIG, '{ name = "API_URL", value = "https://x" }', ""),
        (CONFIG.replace("  API_URL: z.string().url(),\n", ""), "", ""),
        (CONFIG.replace("z.string().url()", "z.string().optional()"), "", ""),
        (CONFIG.replace("API_URL", "FROM_IMAGE"), "", ""),
        (CONFIG.replace("API_URL", "AWS_REGION"), "", ""),
        (CONFIG.replace("  LOG", "  MORE: z.string(),\n  LOG"), "", "API_URL, MORE"),
    ],
)
def test_the_cloud_sets_what_the_code_requires(schema: str, given: str, missing: str, tmp_path: Path) -> None:
    files = {**BUILT, "src/config.ts": schema, "main.tf": ECS.format(name="app", environment=given, secrets="")}
    report = trees.scan(tmp_path, files, "HEX303")
    message = f"The container 'app' lacks '{missing}', which [the code requires](1)."
    assert [(each.severity.value, each.message) for each in report.results] == ([("error", message)] if missing else [])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "The deployed application 'shop' has no config module that checks its environment."),
        ({"src/config.ts": CONFIG}, ""),
        (
            {"src/config.ts": "export const url = process.env.API_URL;\n"},
            "'src/config.ts' reads the environment of the deployed application without checking it.",
        ),
        (
            {
                "src/config.ts": 'if (!process.env.API_URL) {\n  throw new Error("API_URL is missing");\n}\nexport const url = process.env.API_URL;\n'
            },
            "",
        ),
    ],
)
def test_a_deployed_application_checks_its_environment(files: Mapping[str, str], message: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {**BUILT, **files, "main.tf": ecs()}, "HEX311")
    assert told(report) == ([("HEX311", message)] if message else [])


def test_an_application_of_another_runtime_is_not_asked(tmp_path: Path) -> None:
    files = {**BUILT, "Dockerfile": BUILT["Dockerfile"].replace("node:22", "python:3.13"), "main.tf": ecs()}
    assert told(trees.scan(tmp_path, files, "HEX311")) == []


@pytest.mark.parametrize(
    ("service", "message", "edit"),
    [
        ("env_file: .env.local", "", ""),
        ("env_file: [.env, .env.local]", "", ""),
        ("env_file: .env", "'app' loads '.env', not '.env.local'.", ".env.local"),
        ("env_file: [.env, other.env]", "'app' loads '.env, other.env', not '.env.local'.", ", .env.local"),
        (
            "env_file: config/other.env",
            "'app' loads 'config/other.env', not '.env.local'.",
            "[config/other.env, .env.local]",
        ),
        ("environment: {A: '1'}", "'app' loads no '.env.local'.", "env_file: .env.local"),
        ("ports: ['80:80']", "", ""),
    ],
)
def test_an_application_loads_the_one_local_file(service: str, message: str, edit: str, tmp_path: Path) -> None:
    compose = f"services:\n  app:\n    build: .\n    {service}\n"
    report = trees.scan(tmp_path, {"docker-compose.yml": compose, "Dockerfile": "FROM node:22\nUSER node\n"}, "HEX301")
    assert told(report) == ([("HEX301", message)] if message else [])
    for each in report.results:
        assert each.finding.fix is not None
        assert [change.text.lstrip("\n ") for change in each.finding.fix.exact] == [edit]


@pytest.mark.parametrize(
    ("exported", "missing"),
    [
        ("export API_URL=http://api && ", ""),
        ("export LOG=debug API_URL=http://api && ", ""),
        ("export API_URL_OF_OLD=http://api && ", "API_URL"),
        ("export NOTE=API_URL && ", "API_URL"),
        ("", "API_URL"),
    ],
)
def test_a_command_gives_what_it_exports_under_that_name_alone(exported: str, missing: str, tmp_path: Path) -> None:
    service = f'build: .\n    environment: {{A: "1"}}\n    command: ["sh", "-c", "{exported}exec node a.js"]'
    compose = f"services:\n  app:\n    {service}\n"
    files = {**BUILT, "src/config.ts": CONFIG, "docker-compose.yml": compose}
    message = f"'app' does not get '{missing}', which [the code requires](1)."
    assert told(trees.scan(tmp_path, files, "HEX304")) == ([("HEX304", message)] if missing else [])


MOUNTED = """services:
  app:
    build: .
    environment: {A: '1'}
    volumes: ['.:/app']
    working_dir: /app
    command: node a.js
"""
LIBRARY = '{"name": "app", "dependencies": {"dotenv": "16", "zod": "3"}}'


@pytest.mark.parametrize(
    ("files", "missing", "open_"),
    [
        ({}, True, False),  # nothing loads env files
        ({"package.json": LIBRARY, ".gitignore": ".env\n"}, False, True),
        ({"package.json": LIBRARY, ".gitignore": "dist\n"}, True, False),  # git would hold the file, and does not
        ({"package.json": LIBRARY, ".gitignore": ".env\n", ".env.example": "API_URL=\n"}, False, False),
        ({"package.json": LIBRARY, ".gitignore": ".env\n", ".env.example": "# API_URL=\n"}, False, False),
        ({"package.json": LIBRARY, ".gitignore": ".env\n", ".env.example": "OTHER=\n"}, True, False),
        ({"package.json": LIBRARY, ".env": "API_URL=http://api\n"}, False, False),
        ({"package.json": LIBRARY, ".gitignore": "dist\n", ".env.production": "API_URL=http://api\n"}, True, False),
        ({"command": "node --env-file=.env a.js", ".gitignore": ".env\n"}, False, True),
        ({"command": "bun a.ts", ".gitignore": ".env\n"}, False, True),
    ],
)
def test_env_files_of_mounted_sources_count_where_something_loads_them(
    files: dict[str, str], missing: bool, open_: bool, tmp_path: Path
) -> None:
    compose = MOUNTED.replace("node a.js", files.pop("command", "node a.js"))
    tree = {**BUILT, "src/config.ts": CONFIG, "docker-compose.yml": compose, **files}
    report = trees.scan(tmp_path, tree, "HEX304")
    message = "'app' does not get 'API_URL', which [the code requires](1)."
    assert told(report) == ([("HEX304", message)] if missing else [])
    reasons = [each.reason for each in report.undecided]
    assert reasons == (["env files of the mounted folder of 'app' are not known"] if open_ else [])


@pytest.mark.parametrize(
    ("key", "here", "there", "differs"),
    [
        ("APP_ENV", "development", "dev", False),
        ("APP_ENV", "prod", "Production", False),
        ("APP_ENV", "dev", "prod", True),
        ("APP_ENV", "local", "dev", True),
        ("NODE_ENV", "prod", "production", True),
    ],
)
def test_words_for_one_environment_are_one_mode_where_no_framework_reads_them(
    key: str, here: str, there: str, differs: bool, tmp_path: Path
) -> None:
    compose = f"services:\n  app:\n    build: .\n    environment: {{{key}: {here}}}\n"
    files = {**BUILT, "docker-compose.yml": compose, "main.tf": ecs(key, f'"{there}"')}
    message = f"'app' runs with {key}='{here}', but [the cloud](1) with '{there}'."
    assert told(trees.scan(tmp_path, files, "HEX316")) == ([("HEX316", message)] if differs else [])


RAILS = {
    "Gemfile": 'gem "rails"\n',
    "config/application.rb": "Rails.application\n",
    "Dockerfile": 'FROM ruby:3.4\nWORKDIR /app\nCOPY . .\nCMD ["bin/rails", "server"]\n',
}


@pytest.mark.parametrize(
    ("files", "here", "there", "message"),
    [
        ({}, "", "ASPNETCORE_ENVIRONMENT: Production", ""),  # which holds where nothing sets it
        (
            {},
            "",
            "ASPNETCORE_ENVIRONMENT: Staging",
            "'app' runs without ASPNETCORE_ENVIRONMENT, but [the cloud](1) with 'Staging'.",
        ),
        (
            {},
            "NODE_ENV: development",
            "NODE_ENV: development",
            "'app' is deployed with NODE_ENV='development', a mode for development.",
        ),
        (
            {},
            "SPRING_PROFILES_ACTIVE: dev",
            "SPRING_PROFILES_ACTIVE: prod",
            "'app' runs with SPRING_PROFILES_ACTIVE='dev', but [the cloud](1) with 'prod'.",
        ),
        ({}, "APP_ENV: dev", "APP_ENV: dev", ""),
        (
            RAILS,
            "RAILS_ENV: development",
            "LOG: a",
            "'app' is deployed without RAILS_ENV, and so runs in the mode 'development'.",
        ),
        (
            {**RAILS, "Dockerfile": RAILS["Dockerfile"].replace("WORKDIR", "ENV RAILS_ENV=production\nWORKDIR")},
            "LOG: a",
            "LOG: a",
            "",
        ),
        (
            {**RAILS, "Dockerfile": RAILS["Dockerfile"].replace('server"', 'server", "-e", "production"')},
            "LOG: a",
            "LOG: a",
            "",
        ),
        (
            {
                "Dockerfile": 'FROM node:22 AS b\nFROM node:22\nCOPY --from=b /app/.next/standalone ./\nCMD ["node", "server.js"]\n'
            },
            "NODE_ENV: production",
            "LOG: a",
            "",
        ),
    ],
)
def test_production_runs_in_its_own_mode(
    files: Mapping[str, str], here: str, there: str, message: str, tmp_path: Path
) -> None:
    key, value = there.split(": ")
    tree = {
        **BUILT,
        **files,
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    environment:\n      PORT: 1\n      {here}\n",
        "main.tf": ecs(key, f'"{value}"'),
    }
    report = trees.scan(tmp_path, tree, "HEX316")
    assert told(report) == ([("HEX316", message)] if message else [])
    assert report.undecided == ()


def test_what_only_an_example_for_the_laptop_holds_is_nothing_that_production_sets(tmp_path: Path) -> None:
    production = "services:\n  app:\n    image: ghcr.io/acme/app:1\n    restart: always\n    env_file: {}\n"
    files = {
        **BUILT,
        "docker-compose.yml": "services:\n  app:\n    build: .\n",
        ".env.example": "APP_SPACE=x\n",
        ".gitignore": ".env.production\n",
    }
    files["docker-compose.prod.yml"] = production.format(".env.production")
    assert told(trees.scan(tmp_path, files, "HEX304")) == []
    files[".env.production.example"] = "APP_SPACE=x\n"
    message = "'app' does not get 'APP_SPACE', which [production](1) sets."
    assert told(trees.scan(tmp_path, files, "HEX304")) == [("HEX304", message)]


@pytest.mark.parametrize(("key", "asked"), [("SPRING_PROFILES_ACTIVE", False), ("NODE_ENV", True)])
@pytest.mark.parametrize("value", ["var.mode", '"production"'])
def test_profiles_of_spring_that_nobody_can_tell_are_not_compared(
    key: str, asked: bool, value: str, tmp_path: Path
) -> None:
    known = value.startswith('"')
    mode = f"environment: {{{key}: production}}" if not known else f"environment: {{{key}: '${{MODE:?}}'}}"
    files = {
        **BUILT,
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    {mode}\n",
        "main.tf": f'variable "mode" {{}}\n{ecs(key, value)}',
    }
    report = trees.scan(tmp_path, files, "HEX316")
    assert told(report) == []
    assert len(report.undecided) == asked
    assert [each.rule for each in report.compared] == (["HEX316"] if asked else [])


def test_one_env_file_that_both_sides_lack_is_asked_for_once(tmp_path: Path) -> None:
    files = {
        **BUILT,
        "src/config.ts": CONFIG,
        "docker-compose.yml": "services:\n  app:\n    build: .\n    env_file: .env\n",
        "docker-compose.prod.yml": "services:\n  app:\n    image: ghcr.io/acme/app:1\n    restart: always\n    env_file: .env\n",
        ".gitignore": ".env\n",
    }
    report = trees.scan(tmp_path, files, "HEX303", "HEX304")
    assert told(report) == []
    assert [(each.rule, each.reason) for each in report.undecided] == [
        ("HEX303", "the env file '.env' is not among the files")
    ]


def test_a_dockerfile_that_is_not_there_is_told_and_asked_for_no_more(tmp_path: Path) -> None:
    files = {
        **BUILT,
        "docker-compose.yml": "services:\n  app:\n    build: ./web\n",
        "web/a.js": "",
        ".gitignore": "dist\n",
        "main.tf": ecs("NODE_ENV", '"production"'),
    }
    report = trees.scan(tmp_path, files, "HEX110", "HEX304", "HEX316")
    assert [each.rule.id for each in report.results] == ["HEX110"]
    assert report.undecided == ()


REFUSING = """
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    issuer: str = "http://localhost:8080/shop"
"""


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("", True),
        ('        raise ValueError("ISSUER must not point to localhost in production")', False),
        ('        raise ValueError("ISSUER must be an address")', True),
    ],
)
def test_a_default_of_this_machine_that_the_code_refuses_is_no_fallback(
    check: str, found: bool, tmp_path: Path
) -> None:
    image = "FROM python:3.13\nCOPY . .\nCMD python main.py\n"
    settings = f"{REFUSING}\n    def check(self):\n{check or '        pass'}\n"
    files = {
        **BUILT,
        "Dockerfile": image,
        "requirements.txt": "pydantic-settings\n",
        "config.py": settings,
        "main.py": "import config\n",
        "main.tf": ecs("ISSUER", '"https://id.example.com"'),
    }
    del files["package.json"]
    message = "'ISSUER' silently falls back to what 'config.py' holds."
    assert told(trees.scan(tmp_path, files, "HEX312")) == ([("HEX312", message)] if found else [])


@pytest.mark.parametrize(("source", "missing"), [("", False), ("fetch(process.env.BACKEND_URL);\n", True)])
def test_pages_need_no_variable_that_their_code_does_not_read(source: str, missing: bool, tmp_path: Path) -> None:
    files = {
        **BUILT,
        "Dockerfile": 'FROM node:22\nCMD ["npm", "run", "dev"]\n',
        "package.json": '{"name": "pages", "scripts": {"dev": "vite"}, "dependencies": {"vite": "7"}}',
        "vite.config.ts": source,
        "docker-compose.yml": "services:\n  app:\n    build: .\n",
        "main.tf": ecs("BACKEND_URL", '"https://api.example.com"'),
    }
    message = "'app' does not get 'BACKEND_URL', which [the cloud](1) sets."
    assert told(trees.scan(tmp_path, files, "HEX304")) == ([("HEX304", message)] if missing else [])


def test_an_address_of_names_and_ports_alone_holds_no_password(tmp_path: Path) -> None:
    data = 'data "aws_elasticache_cluster" "main" {\n  cluster_id = "main"\n}\n'
    address = "redis://${data.aws_elasticache_cluster.main.cache_nodes[0].address}:6379"
    report = trees.scan(tmp_path, {"main.tf": data + ecs("REDIS_URL", f'"{address}"')}, "HEX306")
    assert (told(report), report.undecided) == ([], ())


@pytest.mark.parametrize(
    ("key", "asked"),
    [("SENTRY_DSN", False), ("PUBLIC_URL", False), ("DATABASE_URL", True), ("BILLING_API_URL", True)],
)
def test_a_blank_of_an_example_is_asked_for_stores_and_siblings_alone(key: str, asked: bool, tmp_path: Path) -> None:
    compose = "services:\n  app:\n    build: .\n    env_file: .env\n  billing-api:\n    image: acme/billing:1\n"
    files = {**BUILT, "docker-compose.yml": compose, ".env.example": f"{key}=\n", ".gitignore": ".env\n"}
    report = trees.scan(tmp_path, files, "HEX501")
    reason = ".env.example, which stands in for .env, leaves it blank"
    assert [each.reason for each in report.undecided] == ([reason] if asked else [])


@pytest.mark.parametrize(
    ("read", "missing"),
    [
        ('z.string().default("")', True),  # off without it, and on in the cloud
        ('z.string().default("eu")', False),
        ("z.string().optional()", False),
        ("z.string()", True),
    ],
)
def test_an_empty_default_of_what_the_cloud_sets_is_no_value(read: str, missing: bool, tmp_path: Path) -> None:
    files = {
        **BUILT,
        "src/config.ts": CONFIG.replace("z.string().url()", "z.string().optional()").replace(
            "  LOG:", f"  REPORT_TO: {read},\n  LOG:"
        ),
        "docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {A: '1'}\n",
        "main.tf": ecs("REPORT_TO", '"x"'),
    }
    report = trees.scan(tmp_path, files, "HEX304")
    assert [message.partition(", which")[0] for _, message in told(report)] == (
        ["'app' does not get 'REPORT_TO'"] if missing else []
    )


SIGNING = """import os

{read}


def later():
    return os.environ["ONLY_LATER"]
"""
PYTHON = {
    "Dockerfile": 'FROM python:3.12\nUSER nobody\nCMD ["uvicorn", "app.main:app"]\n',
    "requirements.txt": "fastapi==0.115.0\n",
    ".github/workflows/b.yml": BUILT[".github/workflows/b.yml"],
    "main.tf": ecs("UNUSED", '"1"'),
}
LACKING = "The container 'app' lacks 'TOKEN_ISSUER', which [the code requires](1)."
FALLS = "'SECRET_KEY' silently falls back to what '{path}' holds."


@pytest.mark.parametrize(
    ("path", "read", "expected"),
    [
        ("app/core/security.py", 'ISSUER = os.environ["TOKEN_ISSUER"]', [("HEX303", LACKING)]),
        ("src/core/auth.py", 'ISSUER = os.environ["TOKEN_ISSUER"]', [("HEX303", LACKING)]),
        ("app/core/security.py", 'if os.getenv("ON"):\n    ISSUER = os.environ["TOKEN_ISSUER"]', []),
        ("app/core/security.py", 'ISSUER = os.environ.get("TOKEN_ISSUER")', []),
        ("tests/core/security.py", 'ISSUER = os.environ["TOKEN_ISSUER"]', []),
        ("app/core/security.py", 'KEY = os.getenv("SECRET_KEY", "sign-with-this")', [("HEX312", FALLS)]),
        ("app/core/security.py", 'KEY = os.getenv("SECRET_KEY", "")', []),
    ],
)
def test_what_signs_sessions_in_python_is_asked_like_settings(
    path: str, read: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {**PYTHON, path: SIGNING.format(read=read)}, "HEX303", "HEX312")
    assert told(report) == [(rule, message.format(path=path)) for rule, message in expected]


USER_DATA = """
variable "db_password" {{
  sensitive = true
}}
resource "aws_db_instance" "main" {{
  engine   = "postgres"
  password = var.db_password
}}
resource "aws_instance" "host" {{
  ami       = "ami-0abc"
  user_data = <<-EOF
    #!/bin/bash
    cat > /srv/docker-compose.yml <<YAML
    services:
      shop:
        image: ghcr.io/acme/shop:1
        environment:
          - {entry}
    YAML
    docker compose -f /srv/docker-compose.yml up -d
  EOF
}}
"""


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("DATABASE_URL=postgres://shop:${var.db_password}@${aws_db_instance.main.address}:5432/shop", "DATABASE_URL"),
        (
            "DATABASE_URL=postgres://${aws_db_instance.main.address}:5432/shop?password=${var.db_password}",
            "DATABASE_URL",
        ),
        ("DATABASE_HOST=${aws_db_instance.main.address}", ""),
        ("MODE=production", ""),
    ],
)
def test_a_password_in_what_a_machine_writes_is_told_though_the_host_is_known_only_after_apply(
    entry: str, key: str, tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {"main.tf": USER_DATA.format(entry=entry)}, "HEX306")
    message = f"'{key}' of 'shop' is a plaintext value in the Compose file of production."
    assert told(report) == ([("HEX306", message)] if key else [])
    assert report.undecided == ()


@pytest.mark.parametrize(
    ("path", "line", "key"),
    [
        ("terraform.tfvars", 'db_password = "Or4nge-Tree"', "db_password"),
        ("envs/prod/live.tfvars", 'api_secret    =   "Or4nge-Tree" # of the mailer', "api_secret"),
        ("envs/prod/live.tfvars", f'jwt_secret = "{LONG}"', "jwt_secret"),
        ("terraform.tfvars", 'db_password = "changeme-now"', ""),
        ("envs/production.tfvars", 'db_password = "Password123"', "db_password"),
        ("terraform.tfvars", 'db_password = "Password123"', ""),
        ("envs/production.tfvars", 'db_password = "changeme-now"', ""),
        ("envs/production.tfvars", 'db_password = "1234567890"', ""),
        ("envs/production.tfvars", 'db_password = "<Or4nge-Tree>"', ""),
        ("envs/production.tfvars", 'db_password = "arn:aws:ssm:eu-west-1:1:parameter/Or4nge"', ""),
        ("terraform.tfvars", 'db_password = "<your password>"', ""),
        ("terraform.tfvars", 'db_password = ""', ""),
        ("terraform.tfvars", 'db_password = "short1"', ""),
        ("terraform.tfvars", 'db_password_secret_name = "shop/database"', ""),
        ("terraform.tfvars", 'db_password_parameter = "shop-database-passwd"', ""),
        ("terraform.tfvars", 'db_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db"', ""),
        ("terraform.tfvars", 'owner = "Or4nge-Tree"', ""),
        ("example.tfvars", 'db_password = "Or4nge-Tree"', ""),
        ("tests/terraform.tfvars", 'db_password = "Or4nge-Tree"', ""),
    ],
)
def test_a_password_in_a_file_of_terraform_variables_is_told(path: str, line: str, key: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"main.tf": ecs(), path: f'region = "eu"\n{line}\n'}, "HEX308")
    assert told(report) == ([("HEX308", f"'{key}' in '{path}' holds a secret.")] if key else [])
    assert key == "" or {each.text for each in report.graph.sealed} >= {line.split('"')[1]}


TOKEN = "ghp_k7Qm2Xv9Rt4Lw8Zp3Nc6Hb1Ys5Jd0Fg7Ue2A"
VARIABLE = 'variable "{}" {{\n  type    = string\n  default = "{}"\n}}\n'
CONNECTION = '{"ConnectionStrings": {"Main": "Server=HOST;Database=shop;User Id=shop;Password=Adra2025;"}}'
INSTANCE = 'resource "aws_db_instance" "main" {{\n  {}\n}}\n'


@pytest.mark.parametrize(
    ("path", "text", "key"),
    [
        ("variables.tf", VARIABLE.format("db_password", "Or4nge-Tree"), "db_password"),
        ("variables.tf", VARIABLE.format("db_password", "shop_pass"), "db_password"),
        ("variables.tf", VARIABLE.format("api_secret", "shop/api-secret-3"), ""),
        ("variables.tf", VARIABLE.format("db_password", "changeme-now"), ""),
        ("variables.tf", VARIABLE.format("owner", "Or4nge-Tree"), ""),
        ("variables.tf", VARIABLE.format("db_password", "Or4nge-T"), "db_password"),
        ("variables.tf", VARIABLE.format("db_password", "1234567890"), ""),
        ("variables.tf", VARIABLE.format("db_password", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"), ""),
        ("variables.tf", VARIABLE.format("db_secret", "https://vault.acme.io/shop/db"), ""),
        ("variables.tf", VARIABLE.format("db_secret", "https://shop:q7Zr2LmX9vKd@acme.io"), "db_secret"),
        ("variables.tf", VARIABLE.format("api_token", TOKEN), "api_token"),
        (
            "docker-compose.prod.yml",
            f"services:\n  web:\n    image: a/b:1\n    environment: {{FEED: {TOKEN}}}\n",
            "FEED",
        ),
        ("Dockerfile", f"FROM node:22 AS base\nENV API_TOKEN={LONG}\nFROM base\n", "API_TOKEN"),
        ("Dockerfile.test", f"FROM node:22\nENV API_TOKEN={LONG}\n", ""),
        ("Dockerfile.dev", f"FROM node:22\nENV API_TOKEN={LONG}\n", ""),
        ("Dockerfile.dev", f"FROM node:22\nENV API_TOKEN={TOKEN}\n", "API_TOKEN"),
        ("Dockerfile", "FROM node:22\nARG API_TOKEN=changeme\n", ""),
        ("variables.tf", VARIABLE.format("region_key", TOKEN), "region_key"),
        ("rds.tf", INSTANCE.format('password = "Or4nge-Tree"'), "password"),
        ("rds.tf", INSTANCE.format('password = "${var.start}-Tree"'), ""),
        ("rds.tf", INSTANCE.format("password = random_password.main.result"), ""),
        ("rds.tf", INSTANCE.format('# password = "Or4nge-Tree"'), ""),
        ("oidc.tf", 'locals {\n  aud = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }\n}\n', ""),
        ("outputs.tf", 'output "list" {\n  value = { client_secret = "Stored as: client" }\n}\n', ""),
        ("src/Shop/appsettings.json", '{"Jwt": {"Key": "awiduahwdhaohwdoahwd"}}', "Jwt.Key"),
        ("src/Shop/appsettings.Production.json", '{"Jwt": {"Key": "awiduahwdhaohwdoahwd"}}', "Jwt.Key"),
        ("src/Shop/appsettings.Development.json", '{"Jwt": {"Key": "awiduahwdhaohwdoahwd"}}', ""),
        ("src/Shop/appsettings.Development.json", f'{{"Feed": {{"Key": "{TOKEN}"}}}}', "Feed.Key"),
        ("src/main/resources/application.yml", "jwt:\n  secret: q7Zr2LmX9vKd4TnB\n", "jwt.secret"),
        ("src/main/resources/application.yml", "jwt:\n  secret: ${JWT_SECRET}\n", ""),
        ("src/main/resources/application.properties", "jwt.secret=q7Zr2LmX9vKd4TnB\n", "jwt.secret"),
        ("src/main/resources/application-docker.yml", "jwt:\n  secret: q7Zr2LmX9vKd4TnB\n", ""),
        ("src/test/resources/application.yml", "jwt:\n  secret: q7Zr2LmX9vKd4TnB\n", ""),
        ("shop/settings.py", "SECRET_KEY = 'q7Zr2LmX9vKd4TnB'\n", "SECRET_KEY"),
        ("shop/settings.py", "SECRET_KEY = 'django-insecure-q7Zr2LmX9vKd4TnB'\n", "SECRET_KEY"),
        ("shop/settings.py", "SECRET_KEY = 'django-insecure-change-me-later'\n", ""),
        ("appsettings.json", CONNECTION.replace("HOST", "10.2.37.214,1433"), "ConnectionStrings.Main"),
        ("appsettings.json", CONNECTION.replace("{", "{ // at home\n", 1).replace("HOST", "tcp:sql.acme.io"), "Main"),
        ("appsettings.json", CONNECTION.replace("HOST", "localhost"), ""),
        ("appsettings.json", CONNECTION.replace("HOST", "127.0.0.1"), ""),
        ("appsettings.json", CONNECTION.replace("HOST", "sql.acme.io").replace("Adra2025", "{password}"), ""),
        ("shop/settings.py", "TOKEN_USER_CLASS = 'shop.models.TokenUser'\n", ""),
        ("shop/settings/local.py", "SECRET_KEY = 'q7Zr2LmX9vKd4TnB'\n", ""),
        ("config/services.php", "<?php return ['mail' => ['secret' => 'q7Zr2LmX9vKd4TnB']];\n", "secret"),
        ("config/secrets.yml", "development:\n  secret_key_base: q7Zr2LmX9vKd4TnB\n", ""),
        ("config/master.key", "0f3a9c1b7e2d4856a1b2c3d4e5f60718", "RAILS_MASTER_KEY"),
        ("config/credentials/production.key", "0f3a9c1b7e2d4856a1b2c3d4e5f60718\n", "RAILS_MASTER_KEY"),
        ("config/credentials/test.key", "0f3a9c1b7e2d4856a1b2c3d4e5f60718\n", ""),
        (
            "ops/templates/env.j2",
            "SHOP_PASSWORD=shop_password\nMAIL_PASSWORD=Or4nge-Tree\n",
            "SHOP_PASSWORD, MAIL_PASSWORD",
        ),
        ("ops/templates/app.env.j2", "SHOP_PASSWORD={{ shop_password }}\nMODE=production\n", ""),
        (
            "firebase-adminsdk-7.json",
            '{"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqh"}',
            "private_key",
        ),
    ],
)
def test_a_secret_in_terraform_or_in_settings_of_an_application_is_told(
    path: str, text: str, key: str, tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {path: text}, "HEX308")
    assert told(report) == ([("HEX308", f"'{key}' in '{path}' holds a secret.")] if key else [])


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("DATABASE_URL", "${{ secrets.DATABASE_URL }}", True),
        ("DIRECT_URL", "${{ secrets.DIRECT_URL }}", True),
        ("DATABASE_URL", "postgres://shop:shop@localhost/shop", False),
        ("API_URL", "${{ secrets.API_URL }}", False),
    ],
)
def test_the_address_of_a_store_that_a_pipeline_gives_to_a_build_is_told(
    name: str, given: str, found: bool, tmp_path: Path
) -> None:
    step = f'docker build --build-arg {name}="{given}" -t ghcr.io/acme/shop .'
    steps = f"    steps:\n      - uses: actions/checkout@v4\n      - run: {step}\n"
    workflow = f"on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n{steps}"
    dockerfile = f"FROM node:22\nARG {name}\nENV {name}=${name}\nCMD node .\n"
    report = trees.scan(tmp_path, {".github/workflows/ci.yml": workflow, "Dockerfile": dockerfile}, "HEX308")
    message = f"'{name}' of 'Dockerfile' is a build argument, which stays in the history of the image."
    assert told(report) == ([("HEX308", message)] if found else [])


HEX = "9f4c1d7a02e85b36c4d8f17e6ab0935d2c7f48e1b6039ad5f1c2e7840b9d63a5"
BASE64 = "q7Zr2LmX9vKd4TnB8wYp3Hs6Jc1Ra5GfE0uQx+N/k2o="
SETTING = "services:\n  web:\n    image: a/b:1\n    environment:\n      {}: {}\n"
STARTING = "services:\n  tunnel:\n    image: cloudflare/cloudflared:2025.1.0\n    command: tunnel run --token {}\n"
AZURITE = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TUNNEL = f"eyJhIjoi{HEX[:40]}{HEX}"


@pytest.mark.parametrize(
    ("path", "text", "key"),
    [
        ("docker-compose.yml", SETTING.format("JWT_SECRET", HEX), "JWT_SECRET"),
        ("docker-compose.yml", SETTING.format("Jwt__Key", BASE64), "Jwt__Key"),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", f"${{JWT_SECRET:-{HEX}}}"), "JWT_SECRET"),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", HEX[:31]), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", HEX[:16] * 4), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", "0123456789abcdef9876543210fedcba"), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", "ThisIsOurVeryOwnKeyForTheTokens1234567890"), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", "our-own-key-for-the-tokens-of-this-stack-42"), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", "dGhpcyBpcyB0aGUga2V5IG9mIG91ciBzdGFjaw=="), ""),
        ("docker-compose.yml", SETTING.format("JWT_SECRET", HEX) + "      NODE_ENV: development\n", ""),
        ("docker-compose.yml", SETTING.format("ACCOUNT_KEY", AZURITE), ""),
        ("docker-compose.yml", SETTING.format("BUILD_DIGEST", HEX), ""),
        ("docker-compose.yml", SETTING.format("NEXT_PUBLIC_API_KEY", HEX), ""),
        ("docker-compose.yml", STARTING.format(TUNNEL), "--token"),
        ("docker-compose.yml", STARTING.format("$TUNNEL_TOKEN"), ""),
        ("docker-compose.yml", SETTING.format("SECRET_KEY", HEX) + "      ENVIRONMENT: development\n", ""),
        ("variables.tf", VARIABLE.format("db_password", "OurPassword123!"), "db_password"),
        ("variables.tf", VARIABLE.format("db_password", "password123"), ""),
    ],
)
def test_what_a_generator_made_and_the_tokens_of_commands_are_told(
    path: str, text: str, key: str, tmp_path: Path
) -> None:
    report = trees.scan(tmp_path, {path: text}, "HEX308")
    assert told(report) == ([("HEX308", f"'{key}' in '{path}' holds a secret.")] if key else [])


@pytest.mark.parametrize(
    ("line", "key"),
    [(f"    command: run --token {TUNNEL}\n", "command"), (f"    # command: --token {TUNNEL}\n", "")],
)
def test_a_token_in_a_compose_file_that_no_project_is_made_of_is_told(line: str, key: str, tmp_path: Path) -> None:
    aside = f"services:\n  tunnel:\n    image: cloudflare/cloudflared:2025.1.0\n{line}"
    files = {"docker-compose.yml": "services:\n  web:\n    image: a/b:1\n", "docker-compose.laptop.yml": aside}
    message = f"'{key}' in 'docker-compose.laptop.yml' holds a secret."
    assert told(trees.scan(tmp_path, files, "HEX308")) == ([("HEX308", message)] if key else [])


def test_what_a_generator_made_is_told_once_a_compose_file(tmp_path: Path) -> None:
    text = SETTING.format("JWT_SECRET", HEX) + f"      API_TOKEN: {HEX[::-1]}\n"
    report = trees.scan(tmp_path, {"docker-compose.yml": text}, "HEX308")
    assert told(report) == [("HEX308", "'JWT_SECRET, API_TOKEN' in 'docker-compose.yml' holds a secret.")]
    assert [each.severity.value for each in report.results] == ["warning"]


@pytest.mark.parametrize(
    ("path", "ignored", "found"),
    [
        ("infra/terraform.tfstate", "", True),
        ("infra/terraform.tfstate.backup", "", True),
        ("infra/terraform.tfstate", "*.tfstate\n", False),
        ("tests/terraform.tfstate", "", False),
        ("infra/shop.backup", "", False),
    ],
)
def test_a_committed_state_of_terraform_is_told_and_not_read(
    path: str, ignored: str, found: bool, tmp_path: Path
) -> None:
    files = {path: f'{{"password": "{LONG}"}}', ".gitignore": f"node_modules\n{ignored}"}
    message = f"'{path}' is committed: the state of Terraform holds the secrets of all its resources."
    assert told(trees.scan(tmp_path, files, "HEX308")) == ([("HEX308", message)] if found else [])
