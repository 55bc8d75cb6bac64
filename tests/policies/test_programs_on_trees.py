"""Which program of a repository loads which settings: only what runs them is asked for their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = 'package main\n\nimport (\n\t"os"\n\t"shop.example/{imports}"\n)\n\nfunc main() {{}}\n'
CONFIG = """package store

import "os"

func Load() string {
\tif v := os.Getenv("STORE_URL"); v != "" {
\t\treturn v
\t}
\treturn "postgres://localhost:5432/shop"
}
"""
PROGRAMS = {
    "go.mod": "module shop.example\n",
    "cmd/insert/main.go": MAIN.format(imports="internal/queue"),
    "cmd/prices/main.go": MAIN.format(imports="internal/prices"),
    "internal/queue/queue.go": 'package queue\n\nimport _ "shop.example/internal/store"\n',
    "internal/prices/prices.go": "package prices\n",
    "internal/store/config.go": CONFIG,
}
DATABASE = "  db:\n    image: postgres:16.4\n    ports: ['5432:5432']\n"


def lacking(root: Path, files: Mapping[str, str]) -> list[str]:
    """The services in which HEX505 finds a variable unset."""
    report = trees.scan(root, files, "HEX505")
    assert report.failures == ()
    return [each.finding.subject.name for each in report.results]


@pytest.mark.parametrize(
    ("build", "service", "expected"),
    [
        ("./cmd/${CMD}", "{context: ., args: {CMD: insert}}", ["one"]),
        ("./cmd/${CMD}", "{context: ., args: {CMD: prices}}", []),
        ("./cmd/${CMD}", ".", ["one"]),  # the default of the argument
        ("./cmd/prices", ".", []),
        ("./cmd/...", ".\n    command: [/bin/insert]", ["one"]),
        ("./cmd/...", ".\n    command: [/bin/prices]", []),
        ("-ldflags '-s -w' ./cmd/insert/main.go", ".", ["one"]),
        (".", ".", []),  # no program stands there
        ("./cmd/...", ".", []),  # which of them runs is not told
    ],
)
def test_a_program_of_go_is_asked_for_what_it_takes_in(
    tmp_path: Path, build: str, service: str, expected: list[str]
) -> None:
    dockerfile = f'FROM golang:1.22\nARG CMD=insert\nCOPY . .\nRUN go build -o /bin/ {build}\nCMD ["/bin/shop"]\n'
    compose = f"services:\n  one:\n    build: {service}\n{DATABASE}"
    assert lacking(tmp_path, {**PROGRAMS, "Dockerfile": dockerfile, "docker-compose.yml": compose}) == expected


def test_a_program_at_the_root_is_what_is_built_without_a_path(tmp_path: Path) -> None:
    files = {
        **PROGRAMS,
        "main.go": MAIN.format(imports="internal/store"),
        "Dockerfile": 'FROM golang:1.22\nWORKDIR /app\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /bin/shop .\nCMD ["/bin/shop"]\n',
        "docker-compose.yml": f"services:\n  one:\n    build: .\n{DATABASE}",
    }
    assert lacking(tmp_path, files) == ["one"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bin/rails server", ["web"]),
        ("bin/shakapacker-dev-server", []),
        ("yarn build --watch", []),
        ("sh -c 'yarn install && bin/vite dev'", []),
        ("sh -c 'yarn build && bin/rails server'", ["web"]),
    ],
)
def test_what_builds_assets_opens_no_database(tmp_path: Path, command: str, expected: list[str]) -> None:
    files = {
        "Gemfile": "gem 'rails'\n",
        "config/database.yml": "default:\n  host: <%= ENV.fetch('DB_HOST', 'localhost') %>\n",
        "Dockerfile": "FROM ruby:3.3\nCOPY . .\n",
        "docker-compose.yml": f"services:\n  web:\n    build: .\n    command: {command}\n{DATABASE}",
    }
    assert lacking(tmp_path, files) == expected


SETTINGS = """import os
HOST = os.environ.get("DB_HOST", "localhost")
PASSWORD = os.environ.get("DB_PASSWORD", "crawler")
MAIL = os.environ.get("EMAIL_HOST", "localhost")
MAIL_PORT = os.environ.get("EMAIL_PORT", "587")
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{DATABASE_URL: 'postgresql://shop@db.example.com/shop'}", []),
        ("{REDIS_URL: 'redis://cache.example.com'}", ["HEX312", "HEX505 DB_HOST"]),
        ("{DB_HOST: db.example.com}", ["HEX312"]),
    ],
)
def test_parts_of_an_address_are_not_asked_where_the_whole_is_given(
    tmp_path: Path, given: str, expected: list[str]
) -> None:
    files = {
        "pyproject.toml": "",
        "settings.py": SETTINGS,
        "Dockerfile": 'FROM python:3.13\nCOPY . .\nCMD ["python", "app.py"]\n',
        "docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {DB_HOST: db, EMAIL_HOST: mail}\n",
        "docker-compose.prod.yml": f"services:\n  app:\n    build: .\n    environment: {given}\n",
    }
    report = trees.scan(tmp_path, files, "HEX312", "HEX505")
    told = [f"HEX505 {each.finding.args['key']}" for each in report.results if each.rule.id == "HEX505"]
    others = [each.rule.id for each in report.results if each.rule.id != "HEX505"]
    # The laptop's mail is sent by another machine, and production's by none.
    assert sorted([*others, *told]) == sorted([*expected, "HEX505 EMAIL_HOST"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("SPRING_DATASOURCE_URL: 'jdbc:mysql://db.example.com/shop'", []),  # of which a password is a part, too
        ("SPRING_DATA_SOURCE_URL: 'jdbc:mysql://db.example.com/shop'", ["HEX312"]),  # underscores count for nothing
        ("SPRING_DATASOURCE_PASSWORD: '${PASSWORD}'", ["HEX505"]),
        ("SPRING_DATASOURCE_USERNAME: shop", ["HEX312", "HEX505"]),
    ],
)
def test_a_variable_of_a_property_replaces_the_placeholders_of_its_value(
    tmp_path: Path, given: str, expected: list[str]
) -> None:
    settings = "spring:\n  datasource:\n    url: jdbc:mysql://${DB_HOST:localhost}:3306/shop\n"
    files = {
        "pom.xml": "",
        "src/main/resources/application.yml": f"{settings}    password: ${{DB_PASSWORD:changeme}}\n",
        "Dockerfile": 'FROM eclipse-temurin:21\nCOPY . .\nCMD ["java", "-jar", "shop.jar"]\n',
        "docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {DB_HOST: db, DB_PASSWORD: x}\n",
        "docker-compose.prod.yml": f"services:\n  app:\n    build: .\n    environment: {{{given}}}\n",
    }
    report = trees.scan(tmp_path, files, "HEX312", "HEX505")
    assert sorted(each.rule.id for each in report.results) == expected


GATEWAY = """
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{{
    name         = "{name}"
    image        = "acme/{name}:1"
    portMappings = [{{ containerPort = {port} }}]
    environment  = [{{ name = "OTHER", value = "x" }}{more}]
  }}])
}}
"""


@pytest.mark.parametrize(
    ("key", "port", "more", "expected"),
    [
        ("CONFIG_URI", 8888, "", ["shop"]),
        ("CONFIG_URI", 9999, "", []),  # nothing of that name listens there
        ("PRICES_URI", 8888, "", []),  # it is called after something else
        ("CONFIG_URI", 8888, ', { name = "SPRING_CLOUD_CONFIG_URI", value = "http://config.internal:8888" }', []),
    ],
)
def test_a_container_of_another_task_is_meant_by_a_variable_that_is_called_after_it(
    tmp_path: Path, key: str, port: int, more: str, expected: list[str]
) -> None:
    pom = "<artifactId>spring-cloud-starter-bootstrap</artifactId>"
    files = {
        "shop/pom.xml": pom,
        "shop/src/main/resources/application.yml": "server:\n  port: ${PORT:8080}\n",
        "shop/src/main/resources/bootstrap.yml": f"spring.cloud.config.uri: ${{{key}:http://localhost:8888}}\n",
        "shop/Dockerfile": 'FROM eclipse-temurin:21\nCOPY . .\nCMD ["java", "-jar", "shop.jar"]\n',
        "docker-compose.yml": "services:\n  shop:\n    build: shop\n    image: acme/shop:1\n",
        "main.tf": GATEWAY.format(name="shop", port=8080, more=more)
        + GATEWAY.format(name="config-server", port=port, more=""),
    }
    assert lacking(tmp_path, files) == expected


INTERPOLATED = {
    ".gitignore": ".env\n",
    ".env.example": "MAIL_PASSWORD=\nLOG_LEVEL=info\n",
    "Dockerfile": "FROM python:3.13\nWORKDIR /app\nCOPY --chown=1001 . /app\nUSER 1001\n",
    "docker-compose.yml": "services:\n  app:\n    build: .\n    environment:\n      MAIL_PASSWORD: ${MAIL_PASSWORD}\n",
}


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({}, 1),
        ({".dockerignore": ".env\n"}, 0),
        ({".gitignore": "venv\n"}, 0),  # HEX302 would say so of a file that Compose loads
        ({".env.example": "LOG_LEVEL=info\n"}, 0),
        ({"docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {LOG_LEVEL: info}\n"}, 1),
    ],
)
def test_the_env_file_from_which_compose_fills_in_secrets_stays_out_of_the_image(
    tmp_path: Path, changed: Mapping[str, str], count: int
) -> None:
    report = trees.scan(tmp_path, {**INTERPOLATED, **changed}, "HEX302")
    assert [each.finding.args for each in report.results] == [{"file": ".env"}] * count


TASK = """resource "aws_lb" "main" {{}}

resource "aws_ecs_task_definition" "app" {{
  container_definitions = jsonencode([{{
    name        = "app"
    image       = "shop:1"
    environment = [{{ name = "{key}", value = "{value}" }}]
  }}])
}}
"""


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [
        ("APP_BASE_URL", "http://${aws_lb.main.dns_name}", 1),
        ("SITE_URL", "http://shop.example.com", 1),
        ("FRONTEND_URL", "http://localhost:3000", 1),
        ("APP_BASE_URL", "https://${aws_lb.main.dns_name}", 0),
        ("FRONTEND_URL", "http://web.shop.local:3000", 0),
        ("REPORTS_URL", "http://reports.example.com", 0),
    ],
)
def test_links_for_people_are_public_in_the_cloud(tmp_path: Path, key: str, value: str, count: int) -> None:
    report = trees.scan(tmp_path, {"main.tf": TASK.format(key=key, value=value)}, "HEX506")
    assert [each.rule.id for each in report.results] == ["HEX506"] * count


@pytest.mark.parametrize(
    ("key", "asked"),
    [("SENTRY_DSN", False), ("API_URL", True), ("MAILER_URL", True), ("DATABASE_URL", True), ("FX_API_URL", False)],
)
def test_an_address_that_nobody_in_the_stack_may_have_is_no_question(tmp_path: Path, key: str, asked: bool) -> None:
    compose = (
        f"services:\n  app:\n    build: .\n    environment:\n      {key}: ${{{key}}}\n"
        "  smtpmailer:\n    image: shop/mailer:1\n    ports: ['25:25']\n"
    )
    report = trees.scan(tmp_path, {"docker-compose.yml": compose, "Dockerfile": "FROM node:22\n"}, "HEX501")
    assert bool(report.undecided) is asked


def test_settings_that_demand_credentials_do_not_get_them_from_a_role(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        "settings.py": (
            "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n"
            "    aws_access_key_id: str\n    aws_region: str\n"
        ),
        "Dockerfile": "FROM python:3.13\nCOPY . .\nUSER 1001\n",
        "docker-compose.yml": "services:\n  app:\n    build: .\n    environment: {AWS_ACCESS_KEY_ID: a}\n",
        "docker-compose.prod.yml": "services:\n  app:\n    build: .\n    environment: {LOG_LEVEL: info}\n",
    }
    report = trees.scan(tmp_path, files, "HEX303")
    assert [each.finding.args["keys"] for each in report.results] == ["AWS_ACCESS_KEY_ID"]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("Server=db;Database=shop;User=shop;Password=${var.db_password};", 1),
        ("jdbc:mysql://db/shop?user=shop&password=${var.db_password}", 1),
        ("postgres://shop:${var.db_password}@db/shop", 1),
        ("Server=db;Database=shop;Encrypt=${var.encrypt}", 0),
        ("Server=${aws_db_instance.main.address};Password=${var.open_password};", 1),
        ("${aws_db_instance.main.address}", 0),
        ("${var.db_password_length}", 0),
    ],
)
def test_a_password_within_an_address_is_plaintext_whatever_the_variable_is_called(
    tmp_path: Path, value: str, count: int
) -> None:
    given = {"db_password": "q7Zr2LmX9vKd", "encrypt": "true", "db_password_length": "24"}
    declared = "".join(f'variable "{name}" {{\n  default = "{text}"\n}}\n' for name, text in given.items())
    declared += 'variable "open_password" {}\nresource "aws_db_instance" "main" {}\n'
    files = {"main.tf": f"{declared}{TASK.format(key='ConnectionStrings__Default', value=value)}"}
    report = trees.scan(tmp_path, files, "HEX306")
    assert [each.finding.args["key"] for each in report.results] == ["ConnectionStrings__Default"] * count


@pytest.mark.parametrize(("local", "severity"), [("{SECRET_KEY: local}", "error"), ("{LOG_LEVEL: info}", "warning")])
def test_a_secret_that_only_the_laptop_sets_falls_back_in_the_cloud(tmp_path: Path, local: str, severity: str) -> None:
    files = {
        "pyproject.toml": "",
        "settings.py": "import os\nKEY = os.environ.get('SECRET_KEY', 'a-key-that-all-can-read')\n",
        "Dockerfile": "FROM python:3.13\nCOPY . .\nUSER 1001\n",
        "docker-compose.yml": f"services:\n  app:\n    build: .\n    environment: {local}\n",
        "docker-compose.prod.yml": "services:\n  app:\n    build: .\n    environment: {LOG_LEVEL: info}\n",
    }
    report = trees.scan(tmp_path, files, "HEX312")
    assert [each.severity.value for each in report.results] == [severity]
