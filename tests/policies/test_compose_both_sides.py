"""Rules on a laptop's Compose files against those of production, and on secrets that no container reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyengine.reports import sarif
from tests import trees
from tests.policies.test_on_trees import told

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = "FROM php:8.4-fpm AS base\nFROM base AS live\nUSER www-data\nFROM base AS work\nRUN pie install xdebug\n"
BASE = "services:\n  web:\n    build: {context: .}\n    volumes: [%s]\n"
FILES = {"Dockerfile": DOCKERFILE, "src/index.php": "<?php\n"}


def chain(local: str, live: str, base: str = "'./src:/srv'") -> dict[str, str]:
    """A base with a file of the laptop and one of production over it."""
    return FILES | {
        "compose.yaml": BASE % base,
        "compose.override.yaml": "services:\n  web:\n" + local,
        "compose.production.yaml": "services:\n  web:\n    restart: always\n" + live,
        "deploy.sh": "docker compose -f compose.yaml -f compose.production.yaml up -d\n",
    }


@pytest.mark.parametrize(
    ("local", "live", "reported"),
    [
        ("build: {target: work}", "build: {target: live}", [("services.web", "work")]),
        ("environment: {A: '1'}", "build: {target: live}", [("services.web", "{context: .}")]),
        ("build: {target: live}", "build: {target: live}", []),
    ],
    ids=["two targets", "the last stage locally", "one target"],
)
def test_a_chain_of_compose_files_may_build_another_stage_in_production(
    local: str, live: str, reported: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert told(trees.scan(tmp_path, chain(f"    {local}\n", f"    {live}\n"), "HEX203")) == reported


@pytest.mark.parametrize(
    ("live", "how", "reported"),
    [
        ("image: ghcr.io/acme/web:latest", "", [("compose.production.yaml:services.web", "ghcr.io/acme/web:latest")]),
        ("image: ghcr.io/acme/web:latest", "--build", []),
        ("image: web:latest", "", []),
        ("build: {target: live}", "", []),
    ],
    ids=["of a registry", "built there", "a name on the machine", "no image"],
)
def test_the_image_that_an_override_gives_a_service_is_pulled_where_nothing_is_built(
    live: str, how: str, reported: list[tuple[str, str]], tmp_path: Path
) -> None:
    up = f"docker compose -f compose.yaml -f compose.production.yaml up -d {how}"
    files = chain("    restart: always\n", f"    {live}\n") | {"deploy.sh": f"ssh shop '{up}'\n"}
    workflow = "on: push\njobs:\n  ship: {runs-on: ubuntu-latest, steps: [{run: ./deploy.sh}]}\n"
    files[".github/workflows/ship.yml"] = workflow
    assert told(trees.scan(tmp_path, files, "HEX607")) == reported


@pytest.mark.parametrize(
    ("base", "local", "reported"),
    [
        ("'.:/var/www/html'", "environment: {A: '1'}", [("compose.production.yaml:services.web", ".:/var/www/html")]),
        ("'logs:/logs'", "volumes: ['.:/var/www/html']", [("services.web", ".:/var/www/html")]),
        ("'./src:/srv'", "volumes: ['./src:/var/www/html']", [("services.web", "./src:/var/www/html")]),
    ],
    ids=["both sides mount it", "only the laptop does", "the laptop mounts it elsewhere, too"],
)
def test_a_folder_that_production_mounts_too_is_said_of_production_alone(
    base: str, local: str, reported: list[tuple[str, str]], tmp_path: Path
) -> None:
    files = chain(f"    {local}\n", "    environment: {B: '1'}\n", base)
    files["compose.yaml"] += "volumes: {logs: }\n"
    files["Dockerfile"] = "FROM php:8.4-fpm\nWORKDIR /var/www/html\nUSER www-data\n"
    assert told(trees.scan(tmp_path, files, "HEX213")) == reported


def stores(local: str, live: str, more: str = "") -> dict[str, str]:
    app = "services:\n  web: {build: .}\n  db:\n    image: %s\n    environment:\n      POSTGRES_DB: shop\n"
    files = FILES | {"compose.yaml": app % local, "compose.prod.yaml": app % live + more}
    return files | {"deploy.sh": "docker compose -f compose.prod.yaml up -d\n"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            stores("postgres:17", "postgres:17-alpine"),
            (
                "'db' runs 'postgres:17', which sorts by the collations of glibc, "
                "but the C library of [production](1) has none."
            ),
        ),
        (
            stores("postgres:17-alpine", "postgres:17"),
            (
                "'db' runs 'postgres:17-alpine', whose C library has no collations, "
                "but [production](1) sorts by those of glibc."
            ),
        ),
        (stores("postgres:17", "postgres:17-alpine", "      POSTGRES_INITDB_ARGS: --no-locale\n"), ""),
        (stores("postgres:17-alpine", "postgres:17-alpine3.21"), ""),
    ],
    ids=["Alpine in production", "Alpine locally", "without a locale", "Alpine twice"],
)
def test_databases_of_two_c_libraries_sort_in_two_ways(files: dict[str, str], message: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, files, "HEX418")
    assert [each.message for each in report.results] == ([message] if message else [])


def test_one_tag_of_both_sides_is_a_note_and_what_it_breaks_is_said_once(tmp_path: Path) -> None:
    moves = trees.scan(tmp_path / "moves", stores("postgres:17-alpine", "postgres:17-alpine"), "HEX403")
    assert [(each.severity.name, each.message) for each in moves.results] == [
        ("NOTE", "'db' and [production](1) run 'postgres:17-alpine', whose minor moves.")
    ]
    files = {
        path: text.replace("POSTGRES_DB: shop\n", "POSTGRES_DB: shop\n    volumes: ['data:/var/lib/postgresql/data']\n")
        for path, text in stores("postgres", "postgres", "volumes: {data: }\n").items()
    }
    files["compose.yaml"] += "volumes: {data: }\n"
    report = trees.scan(tmp_path / "data", files, "HEX414", "HEX423")
    assert [(each.message, len(each.of), each.finding.fix and each.finding.fix.safe) for each in report.results] == [
        ("'db' runs 'postgres', which fixes no major version: it was '18.6' on '2026-08-22'.", 2, False),
        (
            "'db' mounts its data at '/var/lib/postgresql/data', where [the image 'postgres'](1) does not keep it.",
            2,
            False,
        ),
    ]


LONG = "gunicorn shop.wsgi --bind 0.0.0.0:80 --timeout 120 %s --graceful-timeout 30 --max-requests 900 --backlog 2048 -k gevent"


def test_of_two_long_commands_the_words_are_told_that_differ(tmp_path: Path) -> None:
    app = "services:\n  web: {build: ., command: '%s'}\n"
    files = FILES | {
        "compose.yaml": app % (LONG % "--env S=local"),
        "compose.prod.yaml": app % (LONG % "--env S=live"),
    }
    assert [each.message for each in trees.scan(tmp_path, files, "HEX109").results] == [
        (
            "'web' runs 'gunicorn … --env S=local --graceful-timeout … gevent', "
            "but [production](1) runs 'gunicorn … --env S=live --graceful-timeout … gevent'."
        )
    ]


def test_a_sarif_message_of_production_has_no_id_of_a_text_that_speaks_of_the_cloud(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, stores("postgres:17", "postgres:16"), "HEX401", "HEX403")
    (result,) = json.loads(sarif.report(report, sarif.Options()).text)["runs"][0]["results"]
    assert (result["message"].keys(), "[production](1)" in result["message"]["text"]) == ({"text"}, True)


PARAMETERS = """
locals {
  settings = {
    REGION      = "eu-west-1"
    %s
  }
}
variable "given" { sensitive = true }
resource "aws_secretsmanager_secret" "main" { name = "main" }
resource "aws_ssm_parameter" "settings" {
  for_each = local.settings
  name     = "/shop/${each.key}"
  type     = "%s"
  value    = each.value
}
"""


@pytest.mark.parametrize(
    ("entry", "kind", "reported"),
    [
        ("SESSION_SECRET = var.given", "String", [('aws_ssm_parameter.settings["SESSION_SECRET"]', "String")]),
        ("db-password = var.given", "String", [('aws_ssm_parameter.settings["db-password"]', "String")]),
        ("SESSION_SECRET = var.given", "SecureString", []),
        ("SESSION_SECRET = aws_secretsmanager_secret.main.arn", "String", []),
        ("TOKEN_LIFETIME = 3600", "String", []),
    ],
    ids=["a secret", "in other words", "encrypted", "the address of a secret", "no secret"],
)
def test_a_parameter_that_no_container_reads_is_told_by_its_name(
    entry: str, kind: str, reported: list[tuple[str, str]], tmp_path: Path
) -> None:
    files = {
        "compose.yaml": "services:\n  web: {image: 'ghcr.io/acme/shop:1'}\n",
        "main.tf": PARAMETERS % (entry, kind),
    }
    assert told(trees.scan(tmp_path, files, "HEX307")) == reported


def test_a_log_viewer_beside_the_application_is_a_tool(tmp_path: Path) -> None:
    local = "services:\n  web: {build: .}\n  logs: {image: 'datalust/seq:2025.1'}\n"
    files = FILES | {"compose.yaml": local, "compose.prod.yaml": "services:\n  web: {build: .}\n"}
    report = trees.scan(tmp_path, files, "HEX101")
    assert [(each.severity.name, each.message) for each in report.results] == [
        ("NOTE", "The tool 'logs' runs only locally.")
    ]


def test_what_is_built_of_code_is_no_counterpart_of_a_datastore(tmp_path: Path) -> None:
    local = "services:\n  web: {build: .}\n  search: {image: 'opensearchproject/opensearch:2.11.0'}\n"
    cloud = "services:\n  web: {build: .}\n  reports: {%s}\n"
    only = ["'search' runs only locally."]
    for number, (image, messages) in enumerate([("build: reports", only), ("image: a/b:1", [])]):
        files = {"compose.yaml": local, "compose.prod.yaml": cloud % image, "reports/Dockerfile": "FROM node:22\n"}
        report = trees.scan(tmp_path / str(number), FILES | files, "HEX101")
        assert [each.message for each in report.results] == messages
        assert report.undecided == ()


def test_a_sample_image_makes_two_services_no_copies_of_one(tmp_path: Path) -> None:
    service = """
        resource "google_cloud_run_v2_service" "%s" {
          name     = "%s"
          location = "europe-west1"
          template {
            containers {
              image = "gcr.io/cloudrun/hello"
            }
          }
        }
    """
    files = {"compose.yaml": "services:\n  web: {build: .}\n", "main.tf": service % ("web", "web")}
    files["pages.tf"] = service % ("pages", "pages")
    report = trees.scan(tmp_path, FILES | files, "HEX102")
    assert [each.message for each in report.results] == ["The Cloud Run service 'pages' is never run locally."]


def test_services_in_another_mode_or_without_the_same_variables_are_one_finding(tmp_path: Path) -> None:
    service = "  %s: {build: ., environment: {RAILS_ENV: %s%s}}\n"
    files = FILES | {
        "compose.yaml": "services:\n" + "".join(service % (name, "development", "") for name in ("web", "jobs")),
        "compose.prod.yaml": "services:\n"
        + "".join(service % (name, "production", ", TOKEN: '${TOKEN}'") for name in ("web", "jobs")),
    }
    report = trees.scan(tmp_path, files, "HEX304", "HEX316")
    assert [each.message for each in report.results] == [
        "'web' does not get 'TOKEN', which [production](1) sets. The same holds for 'jobs'.",
        "'web' runs with RAILS_ENV='development', but [production](1) with 'production'. The same holds for 'jobs'.",
    ]


def test_secrets_of_one_container_in_plain_sight_are_one_finding_at_the_first_with_the_places_of_all(
    tmp_path: Path,
) -> None:
    app = """
        variable "api_key" { sensitive = true }
        resource "azurerm_container_app" "web" {
          name = "web"
          template {
            container {
              name  = "web"
              image = "acme/web:1"
              env {
                name  = "API_KEY"
                value = var.api_key
              }
              env {
                name  = "OTHER_API_KEY"
                value = var.api_key
              }
            }
          }
        }
    """
    (found,) = trees.scan(tmp_path, {"main.tf": app}, "HEX307").results
    both = "'API_KEY, OTHER_API_KEY' of the Container App 'web'"
    assert found.message == f"{both} is set in plain sight and comes from no secret manager."
    assert len({found.span, *found.related}) == 2
    assert found.finding.fix is not None
    assert found.finding.fix.description == "read them from a secret manager: API_KEY, OTHER_API_KEY"


@pytest.mark.parametrize(
    ("waiting", "checked", "count"),
    [("[db]", "", 1), ("[]", "", 0), ("[db]", "    healthcheck: {test: pg_isready}\n", 0)],
)
def test_a_store_that_production_waits_for_is_checked_there_where_it_is_locally(
    waiting: str, checked: str, count: int, tmp_path: Path
) -> None:
    files = {
        "docker-compose.yml": "services:\n  app: {build: .}\n  db:\n    image: postgres:16\n"
        "    healthcheck: {test: pg_isready}\n",
        "docker-compose.prod.yml": f"services:\n  app:\n    build: .\n    depends_on: {waiting}\n"
        f"  db:\n    image: postgres:16\n{checked}",
        "Dockerfile": "FROM node:22\n",
    }
    message = "'db' has a health check, but [production](1) has none."
    assert [each.message for each in trees.scan(tmp_path, files, "HEX108").results] == [message] * count
