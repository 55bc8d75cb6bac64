"""What examples and containers lack of what code reads, and what both sides set otherwise, on small whole trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees
from tests.policies.test_configuration_on_trees import BUILT, CONFIG, ECS, told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TAKES = "services:\n  app:\n    image: acme/app:1\n    environment: {{TOKEN: '${{{name}}}'}}\n"
BY_COMPOSE = "'{file}' lacks '{key}', which [the Compose file](1) takes from who starts it."
INJECTED = {"package.json": '{"name": "shop", "scripts": {"up": "infisical run -- docker compose up"}}'}


@pytest.mark.parametrize(
    ("files", "name", "lacking"),
    [
        ({".env.example": "OTHER=1\n"}, "TOKEN", ".env.example"),
        ({".env.example": "# TOKEN=\n"}, "TOKEN", ""),
        ({".env.example": "OTHER=1\n"}, "HOME", ""),
        ({".env.example": "OTHER=1\n"}, "NODE_ENV", ""),
        ({".env.secret.example": "OTHER=1\n"}, "TOKEN", ""),
        ({".env.local.example": "OTHER=1\n"}, "TOKEN", ".env.local.example"),
        ({"app.env": "OTHER=1\n"}, "TOKEN", ""),
        ({".env.example": "OTHER=1\n", "deploy/.env.example": "OTHER=1\n"}, "TOKEN", "deploy/.env.example"),
        ({".env.example": "OTHER=1\n", "other/.env.example": "TOKEN=1\n"}, "TOKEN", ".env.example"),
        ({".env.example": "OTHER=1\n", **INJECTED}, "TOKEN", ""),
        ({".env.example": "OTHER=1\n", "web/package.json": INJECTED["package.json"]}, "TOKEN", ".env.example"),
    ],
)
def test_an_example_names_what_compose_takes_from_who_starts_it(
    files: Mapping[str, str], name: str, lacking: str, tmp_path: Path
) -> None:
    place = "deploy/docker-compose.yml" if "deploy/.env.example" in files else "docker-compose.yml"
    report = trees.scan(tmp_path, {place: TAKES.format(name=name), **files}, "HEX305")
    assert told(report) == ([("HEX305", BY_COMPOSE.format(file=lacking, key=name))] if lacking else [])


PACKAGE = '{"name": "shop", "dependencies": {"zod": "3"}}'
READS = "export const {name} = process.env.{name};\n"


@pytest.mark.parametrize(
    ("files", "file", "keys"),
    [
        ({"src/config.ts": CONFIG}, ".env.example", "API_URL"),
        ({"src/config.ts": CONFIG, ".env.example": "# API_URL=\n"}, "", ""),
        ({"src/config.ts": CONFIG, ".env.example": "OTHER=1\n", ".env.test": "API_URL=1\n"}, "", ""),
        ({"src/config.ts": CONFIG.replace("API_URL", "HOSTNAME")}, "", ""),
        ({"src/config.ts": CONFIG.replace("API_URL", "NODE_ENV")}, "", ""),
        ({"src/config.ts": CONFIG.replace(".url()", ".optional()")}, "", ""),
        ({"tests/config.ts": CONFIG}, "", ""),
        ({"src/config.ts": CONFIG, **INJECTED}, "", ""),
        ({"web/src/config.ts": CONFIG, "web/package.json": PACKAGE}, ".env.example", "API_URL"),
        (
            {"web/src/config.ts": CONFIG, "web/package.json": PACKAGE, "web/.env.example": "OTHER=1\n"},
            "web/.env.example",
            "API_URL",
        ),
        ({"src/config.ts": "".join(READS.format(name=each) for each in ("AA", "BB", "CC"))}, ".env.example", "CC"),
        ({"src/config.ts": "".join(READS.format(name=each) for each in ("AA", "CC"))}, "", ""),
        ({"src/config.ts": CONFIG, "compose.yml": "services:\n  app: {build: .}\n"}, "", ""),
        (
            {"src/config.ts": CONFIG, "compose.yml": "services:\n  app: {build: ., environment: {API_URL: x}}\n"},
            ".env.example",
            "API_URL",
        ),
    ],
)
def test_an_example_names_what_the_code_requires(
    files: Mapping[str, str], file: str, keys: str, tmp_path: Path
) -> None:
    given = {".env.example": "AA=1\nBB=1\n", "Dockerfile": BUILT["Dockerfile"], "package.json": PACKAGE, **files}
    report = trees.scan(tmp_path, given, "HEX305")
    message = f"'{file}' lacks '{keys}', which [the code requires](1)."
    assert told(report) == ([("HEX305", message)] if keys else [])


LOCAL = "services:\n  app:\n    build: .\n    env_file: .env\n    environment: {{{given}}}\n  {other}\n"
ALSO = "jobs: {image: 'acme/jobs:1', command: serve}"
READ = "The container 'app' lacks '{key}', which ['app'](1) sets and [the code](2) reads."
FALLEN = "The container 'app' lacks '{key}', which ['app'](1) sets: it uses what [the code](2) holds."


@pytest.mark.parametrize(
    ("key", "given", "code", "other", "message"),
    [
        ("A_TOKEN", "A_TOKEN: '${A_TOKEN}'", "process.env.A_TOKEN", ALSO, READ),
        ("A_TOKEN", "A_TOKEN: ''", "process.env.A_TOKEN", ALSO, ""),
        ("A_TOKEN", "LOG: info", "process.env.A_TOKEN", ALSO, ""),
        ("A_TOKEN", "A_TOKEN: x", 'process.env.A_TOKEN ?? "dev-only-token"', ALSO, FALLEN),
        ("A_TOKEN", "A_TOKEN: x", 'process.env.A_TOKEN ?? ""', ALSO, ""),
        ("A_COLOUR", "A_COLOUR: x", "process.env.A_COLOUR", ALSO, ""),
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY: x", "process.env.AWS_SECRET_ACCESS_KEY", ALSO, ""),
        ("JOBS_URL", "JOBS_URL: 'http://jobs:4000'", "process.env.JOBS_URL", ALSO, READ),
        ("JOBS_URL", "JOBS_URL: 'http://jobs:4000'", "process.env.JOBS_URL", "jobs: {image: 'nginx:1'}", ""),
    ],
)
def test_the_cloud_sets_what_the_laptop_sets_and_the_code_reads(
    key: str, given: str, code: str, other: str, message: str, tmp_path: Path
) -> None:
    files = {
        **BUILT,
        "a.js": f"use({code})\n",
        ".env.example": "A_TOKEN=1\n",
        ".gitignore": ".env\n",
        "docker-compose.yml": LOCAL.format(given=given, other=other),
        "main.tf": ECS.format(name="app", environment="", secrets=""),
    }
    assert told(trees.scan(tmp_path, files, "HEX303")) == ([("HEX303", message.format(key=key))] if message else [])


@pytest.mark.parametrize(
    ("given", "code", "severity"),
    [
        ("JWT_SECRET", 'process.env.JWT_KEY ?? "dev-only-key"', "error"),
        ("JWT_SECRET", "process.env.JWT_KEY", "warning"),
        ("S3_BUCKET", 'process.env.ASSETS_S3_BUCKET ?? "assets"', "warning"),
        ("S3_BUCKET", "process.env.S3_BUCKET ?? process.env.ASSETS_S3_BUCKET", ""),
    ],
)
def test_a_variable_under_another_name_is_an_error_where_code_holds_the_secret(
    given: str, code: str, severity: str, tmp_path: Path
) -> None:
    entry = f'{{ name = "{given}", value = "x" }}'
    files = {**BUILT, "a.js": f"use({code})\n", "main.tf": ECS.format(name="app", environment=entry, secrets="")}
    assert [each.severity.value for each in trees.scan(tmp_path, files, "HEX303").results] == [severity][
        : bool(severity)
    ]


@pytest.mark.parametrize(
    ("example", "reasons"),
    [
        (".env.example", ["what '.env' sets in production is not in the files"]),
        (".env.production.example", []),
    ],
)
def test_an_example_for_the_laptop_does_not_tell_what_production_sets(
    example: str, reasons: list[str], tmp_path: Path
) -> None:
    production = "services:\n  app: {build: ., env_file: .env, restart: always}\n"
    files = {
        **BUILT,
        "src/config.ts": CONFIG,
        example: "OTHER=1\n",
        ".gitignore": ".env\n",
        "docker-compose.yml": "services:\n  app: {build: .}\n",
        "docker-compose.prod.yml": production.replace(".env", example.removesuffix(".example")),
    }
    report = trees.scan(tmp_path, files, "HEX303")
    assert [each.reason for each in report.undecided] == reasons
    assert bool(report.results) is not bool(reasons)


DIFFERS = "'app' runs with NODE_ENV='{here}', but [the cloud](1) with 'production'."
WITHOUT = "'app' runs without {key}, but [the cloud](1) with 'production'."
ALONE = "'app' runs with NODE_ENV='production', but [the cloud](1) without it."
UNSET = "Neither 'app' nor [the cloud](1) sets NODE_ENV, which [the code reads](2)."
ASKED = CONFIG.replace("API_URL: z.string().url()", "NODE_ENV: z.string()")
SET = '{ name = "NODE_ENV", value = "production" }'
STARTS = {"Dockerfile": BUILT["Dockerfile"].replace('"node", "a.js"', '"npx", "next", "start"')}


@pytest.mark.parametrize(
    ("local", "cloud", "more", "message"),
    [
        ("environment: {NODE_ENV: development}", SET, {}, DIFFERS.format(here="development")),
        ("environment: {NODE_ENV: Production}", SET, {}, ""),
        ("environment: {A: x}", SET, {}, WITHOUT.format(key="NODE_ENV")),
        ("environment: {NODE_ENV: production}", "", {}, ALONE),
        ("environment: {A: x}", SET, STARTS, ""),
        ("environment: {A: x}", SET.replace("NODE", "RAILS"), STARTS, WITHOUT.format(key="RAILS_ENV")),
        ("command: sh -c 'export NODE_ENV=test && node a.js'", SET, {}, DIFFERS.format(here="test")),
        ("command: sh -c 'export NODE_ENV && node a.js'", SET, {}, WITHOUT.format(key="NODE_ENV")),
        ("environment: {A: x}", "", {"src/config.ts": ASKED}, UNSET),
        ("environment: {A: x}", "", {"src/config.ts": ASKED.replace("string()", "string().optional()")}, ""),
        ("environment: {A: x}", "", {"src/config.ts": CONFIG}, ""),
        ("environment: {A: x}", "", {"src/config.ts": ASKED, **STARTS}, ""),
        ("env_file: .env", "", {"src/config.ts": ASKED, ".gitignore": ".env\n"}, ""),
    ],
)
def test_the_mode_is_the_same_on_both_sides(
    local: str, cloud: str, more: Mapping[str, str], message: str, tmp_path: Path
) -> None:
    files = {
        **BUILT,
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    {local}\n",
        "main.tf": ECS.format(name="app", environment=cloud, secrets=""),
        **more,
    }
    assert told(trees.scan(tmp_path, files, "HEX316")) == ([("HEX316", message)] if message else [])


@pytest.mark.parametrize(
    ("local", "cloud", "reason"),
    [
        ("command: sh -c 'export NODE_ENV=$$OTHER && node a.js'", SET, "NODE_ENV is computed"),
        ("environment: {NODE_ENV: '${MODE}'}", SET, "'MODE' set outside the files"),
    ],
)
def test_a_mode_that_files_do_not_tell_is_an_open_question(local: str, cloud: str, reason: str, tmp_path: Path) -> None:
    compose = f"services:\n  app:\n    build: .\n    {local}\n"
    files = {**BUILT, "docker-compose.yml": compose, "main.tf": ECS.format(name="app", environment=cloud, secrets="")}
    report = trees.scan(tmp_path, files, "HEX316")
    assert (told(report), [reason in each.reason for each in report.undecided]) == ([], [True])


NOTED = "'app' runs with other values of '{key}' than [the cloud](1)."


@pytest.mark.parametrize(
    ("key", "here", "there", "message"),
    [
        ("FEATURE", "true", "false", NOTED),
        ("FEATURE", "on", "yes", ""),
        ("FEATURE", "5", "6", NOTED),
        ("FEATURE", "5", "true", ""),
        ("FEATURE", "blue", "green", ""),
        ("FEATURE", "blue", "5", ""),
        ("FEATURE", "1" * 19, "2" * 19, NOTED),
        ("FEATURE", "1" * 20, "2" * 20, ""),
        ("FEATURE", "٥", "٦", ""),
        ("PORT", "3000", "4000", ""),
        ("API_TOKEN", "1", "2", ""),
        ("LOG_LEVEL", "1", "2", ""),
        ("HOSTNAME", "1", "2", ""),
        ("NODE_ENV", "1", "2", ""),
        ("RELEASE", "1", "2", ""),
        ("AWS_MAX_ATTEMPTS", "1", "2", ""),
        ("NEXT_PUBLIC_FEATURE", "1", "2", ""),
        ("API_URL", "1", "2", ""),
        ("MAIL_PROVIDER", "mock", "ses", "'app' uses the MAIL_PROVIDER 'mock', but [the cloud](1) 'ses'."),
        ("MAIL_PROVIDER", "mock", "fake", ""),
        ("MAIL_PROVIDER", "mock", "", ""),
    ],
)
def test_flags_numbers_and_mocks_are_the_same_on_both_sides(
    key: str, here: str, there: str, message: str, tmp_path: Path
) -> None:
    entry = f'{{ name = "{key}", value = "{there}" }}'
    files = {
        **BUILT,
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    environment: {{{key}: '{here}'}}\n",
        "main.tf": ECS.format(name="app", environment=entry, secrets=""),
    }
    assert told(trees.scan(tmp_path, files, "HEX317")) == ([("HEX317", message.format(key=key))] if message else [])


ENTRY = '{{ name = "{}", value = "{}" }}'


@pytest.mark.parametrize(
    ("key", "chooses", "there", "missing"),
    [
        ("MAIL_SENDER", "MAIL_DRIVER", "ses", False),
        ("SES_TEMPLATE", "MAIL_DRIVER", "ses", False),
        ("SENDER", "MAIL_DRIVER", "ses", True),
        ("MAIL_SENDER", "MAIL_DRIVER", "log", True),
        ("MAIL_SENDER", "MAIL_BACKEND", "https://mail.acme.io", True),
        ("MAIL_SENDER", "MAIL_MODE", "ses", True),
    ],
)
def test_the_laptop_needs_no_option_of_a_provider_that_it_does_not_choose(
    key: str, chooses: str, there: str, missing: bool, tmp_path: Path
) -> None:
    given = f"{ENTRY.format(chooses, there)}, {ENTRY.format(key, 'shop')}"
    files = {
        **BUILT,
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    environment: {{{chooses}: log}}\n",
        "main.tf": ECS.format(name="app", environment=given, secrets=""),
    }
    message = f"'app' does not get '{key}', which [the cloud](1) sets."
    assert told(trees.scan(tmp_path, files, "HEX304")) == ([("HEX304", message)] if missing else [])


def test_an_example_tells_no_value_of_production(tmp_path: Path) -> None:
    own = "services:\n  app:\n    build: .\n    environment: {FEATURE: 'true', BETA: 'true'}\n"
    ours = "services:\n  app:\n    build: .\n    environment: {FEATURE: '${FEATURE}', BETA: 'false'}\n"
    files = {**BUILT, "docker-compose.yml": own, "docker-compose.prod.yml": ours, ".env.example": "FEATURE=false\n"}
    files |= {".gitignore": ".env\n"}
    message = "'app' runs with other values of 'BETA' than [production](1)."
    assert told(trees.scan(tmp_path, files, "HEX317")) == [("HEX317", message)]


@pytest.mark.parametrize(("default", "differs"), [("development", True), ("prod", False), ("", False)])
def test_a_mode_that_only_the_cloud_sets_is_held_against_the_default_of_the_code(
    default: str, differs: bool, tmp_path: Path
) -> None:
    asked = CONFIG.replace("API_URL: z.string().url()", f'APP_ENV: z.string().default("{default}")')
    files = {
        **BUILT,
        "src/config.ts": asked if default else CONFIG,
        "docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {A: x}\n",
        "main.tf": ECS.format(name="app", environment=SET.replace("NODE", "APP"), secrets=""),
    }
    message = WITHOUT.format(key="APP_ENV")
    assert told(trees.scan(tmp_path, files, "HEX316")) == ([("HEX316", message)] if differs else [])


JOBS = """
resource "google_cloud_run_v2_service" "api" {{
  name = "api"
  template {{
    containers {{
      image = "ghcr.io/acme/app:1"
      env {{
        name  = "ISSUER"
        value = "shop"
      }}
    }}
  }}
}}
resource "google_cloud_run_v2_job" "digest" {{
  name = "digest"
  template {{
    template {{
      containers {{
        name    = "digest"
        image   = "ghcr.io/acme/{image}:1"
        command = {command}
      }}
    }}
  }}
}}
"""


@pytest.mark.parametrize(
    ("image", "command", "lacking"),
    [
        ("app", '["python", "-m", "shop.digest"]', True),
        ("app", '["alembic", "upgrade", "head"]', False),
        ("app", '["python", "-m", "http.server"]', False),
        ("other", '["python", "-m", "shop.digest"]', False),
    ],
)
def test_a_job_with_the_image_of_an_application_gets_what_its_settings_require(
    image: str, command: str, lacking: bool, tmp_path: Path
) -> None:
    files = {
        ".github/workflows/b.yml": BUILT[".github/workflows/b.yml"],
        "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD python -m shop.main\n",
        "requirements.txt": "pydantic-settings\n",
        "shop/config.py": "from pydantic_settings import BaseSettings\n\nclass S(BaseSettings):\n    issuer: str\n",
        "shop/main.py": "import shop.config\n",
        "shop/digest.py": "import shop.config\n",
        "main.tf": JOBS.format(image=image, command=command),
    }
    message = "The container 'digest' lacks 'ISSUER', which [the code requires](1)."
    report = trees.scan(tmp_path, files, "HEX303")
    assert told(report) == ([("HEX303", message)] if lacking else [])


def test_two_images_that_nobody_knows_are_not_one(tmp_path: Path) -> None:
    unknown = JOBS.format(image="app", command='["python", "-m", "shop.digest"]')
    unknown = unknown.replace('"ghcr.io/acme/app:1"', "var.api", 1).replace('"ghcr.io/acme/app:1"', "var.digest")
    files = {
        ".github/workflows/b.yml": BUILT[".github/workflows/b.yml"],
        "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD python -m shop.main\n",
        "requirements.txt": "pydantic-settings\n",
        "shop/config.py": "from pydantic_settings import BaseSettings\n\nclass S(BaseSettings):\n    issuer: str\n",
        "shop/main.py": "import shop.config\n",
        "shop/digest.py": "import shop.config\n",
        "main.tf": f'variable "api" {{}}\nvariable "digest" {{}}\n{unknown}',
    }
    assert told(trees.scan(tmp_path, files, "HEX303")) == []


def test_an_image_that_may_be_of_either_of_two_builds_has_the_settings_of_neither(tmp_path: Path) -> None:
    settings = "from pydantic_settings import BaseSettings\n\nclass S(BaseSettings):\n    issuer: str\n"
    run = "docker build -t ghcr.io/acme/{0}:1 --build-arg APP={0} . && docker push ghcr.io/acme/{0}:1"
    steps = "".join(f"      - run: {run.format(each)}\n" for each in ("api", "worker"))
    service = 'resource "google_cloud_run_v2_service" "{0}" {{\n  name = "{0}"\n  template {{\n    containers {{\n      image = "{1}"\n    }}\n  }}\n}}\n'
    placeholder = "us-docker.pkg.dev/cloudrun/container/hello"
    files = {
        ".github/workflows/b.yml": f"on: push\njobs:\n  b:\n    runs-on: ubuntu-latest\n    steps:\n{steps}",
        "Dockerfile": "FROM python:3.13\nARG APP=api\nCOPY apps/${APP} apps/${APP}\nCMD exec uvicorn ${APP}.main:app\n",
        "apps/api/pyproject.toml": '[project]\nname = "api"\ndependencies = ["pydantic-settings"]\n',
        "apps/api/api/config.py": settings,
        "apps/worker/pyproject.toml": '[project]\nname = "worker"\ndependencies = ["pydantic-settings"]\n',
        "apps/worker/worker/config.py": settings.replace("issuer", "queue"),
        "main.tf": service.format("api", placeholder) + service.format("resize", placeholder),
    }
    message = "The container 'api' lacks 'ISSUER', which [the code requires](1)."
    assert told(trees.scan(tmp_path, files, "HEX303")) == [("HEX303", message)]


MACHINE = """
variable "db_password" {{
  sensitive = true
}}
resource "digitalocean_droplet" "main" {{
  {attribute} = <<-EOF
    #!/bin/bash
    {cat}
    DB_USER=shop
    {line}
    ENV
  EOF
}}
"""
INTO = "cat <<ENV > /srv/shop/.env"
WRITES = "A machine writes 'DB_PASSWORD' into an env file when it starts, in plain sight of who reads its data."


@pytest.mark.parametrize(
    ("attribute", "cat", "line", "found"),
    [
        ("user_data", INTO, "DB_PASSWORD=${var.db_password}", True),
        ("user_data", "cat > /srv/.env << 'ENV'", 'DB_PASSWORD="${random_password.db.result}"', True),
        ("user_data", "sudo tee /srv/.env <<ENV", "export DB_PASSWORD=${var.db_password}", True),
        ("user_data", INTO, "DB_PASSWORD=$${DB_PASSWORD}", False),
        ("user_data", INTO, "DB_PASSWORD=", False),
        ("user_data", INTO, "DB_NAME=${var.db_name}", False),
        ("user_data", INTO, "DB_SECRET_ARN=${aws_secretsmanager_secret.db.arn}", False),
        ("user_data", "cat <<ENV > /srv/shop/motd", "DB_PASSWORD=${var.db_password}", False),
        ("description", INTO, "DB_PASSWORD=${var.db_password}", False),
    ],
)
def test_a_machine_that_writes_secrets_into_an_env_file_when_it_starts_is_told(
    attribute: str, cat: str, line: str, found: bool, tmp_path: Path
) -> None:
    text = MACHINE.format(attribute=attribute, cat=cat, line=line).replace("    ENV", "ENV")
    assert told(trees.scan(tmp_path, {"main.tf": text}, "HEX307")) == ([("HEX307", WRITES)] if found else [])
