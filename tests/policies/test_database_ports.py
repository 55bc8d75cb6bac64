"""What is addressed listens there: databases of siblings (HEX501 to HEX503) and stores of the laptop (HEX511), Cloud Run (HEX513)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STACK = """services:
  app:
    build: .
    environment: {DB_HOST: db, DB_PORT: "5433", OTHER_HOST: db}
  db:
    image: postgres:16%s
"""
TOLD = "'DB_HOST' of 'app' points to 'db:5433', but [the service](1) 'db' does not listen there. Use 'db:5432'."


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", [TOLD]),
        ("\n    environment: {PGPORT: '5433'}", []),
        ("\n    command: [postgres, -p, '5433']", []),
        ("\n    build: db", []),
    ],
    ids=["at another port", "moved by a variable", "moved by a command", "built here"],
)
def test_a_database_listens_at_the_port_of_its_engine_unless_it_is_told(
    more: str, told: list[str], tmp_path: Path
) -> None:
    files = {"compose.yaml": STACK % more, "Dockerfile": "FROM node:22.20.0-slim\nUSER node\n"}
    assert [each.message for each in trees.scan(tmp_path, files, "HEX502").results] == told


def test_the_port_of_the_database_beside_it_is_that_one_s(tmp_path: Path) -> None:
    more = "\n  db2:\n    image: postgres:16\n    ports: ['5433:5432']"
    files = {"compose.yaml": STACK % more, "Dockerfile": "FROM node:22.20.0-slim\nUSER node\n"}
    assert [each.message for each in trees.scan(tmp_path, files, "HEX502").results] == [
        (
            "'DB_HOST' of 'app' points to 'db:5433', but that port is only [published to the host](1). "
            "Use 'db2:5432' inside the network."
        )
    ]


OPEN = """services:
  app:
    build: .
    environment:
      DATABASE_URL: postgresql://${DB_USER:-app}:${DB_PASSWORD:?Set it, please}@%s/app
  db:
    image: postgres:16
    ports: ["5434:5432"]
"""


@pytest.mark.parametrize(
    ("host", "rule", "told"),
    [
        ("db:5432", "HEX501", []),
        ("localhost:5434", "HEX501", ["'DATABASE_URL' of 'app' points to 'localhost:5434', which inside a container"]),
        ("db:5434", "HEX502", ["'DATABASE_URL' of 'app' points to 'db:5434', but that port is only [published"]),
        ("database:5432", "HEX503", ["'DATABASE_URL' of 'app' names the host 'database', to which nothing"]),
    ],
)
def test_an_address_of_which_the_password_alone_is_open_is_judged_by_its_host(
    host: str, rule: str, told: list[str], tmp_path: Path
) -> None:
    files = {"compose.yaml": OPEN % host, "Dockerfile": "FROM node:22.20.0-slim\nUSER node\n"}
    report = trees.scan(tmp_path, files, rule)
    assert [each.message[: len(text)] for each, text in zip(report.results, told, strict=True)] == told
    assert report.undecided == ()


@pytest.mark.parametrize("host", ["${DB_HOST}:5432", "db:${DB_PORT}", "${DB_HOST}-db:5432"])
def test_an_address_of_which_the_host_or_the_port_is_open_stays_open(host: str, tmp_path: Path) -> None:
    files = {"compose.yaml": OPEN % host, "Dockerfile": "FROM node:22.20.0-slim\nUSER node\n"}
    report = trees.scan(tmp_path, files, "HEX501")
    assert report.results == ()
    assert [each.reason for each in report.undecided] == ["the variable 'DB_PASSWORD' set outside the files"]


@pytest.mark.parametrize(("beside", "told"), [("redis", False), ("10.0.0.7", True)])
def test_an_example_is_not_loaded_where_another_file_beside_it_names_the_sibling(
    beside: str, told: bool, tmp_path: Path
) -> None:
    files = {
        "compose.yaml": "services:\n  app: {build: ., env_file: .env}\n  redis: {image: 'redis:7'}\n",
        "Dockerfile": "FROM node:22.20.0-slim\nUSER node\n",
        ".gitignore": ".env\n",
        ".env.example": "REDIS_HOST=127.0.0.1\n",
        ".env.local": f"REDIS_HOST={beside}\n",
    }
    assert len(trees.scan(tmp_path, files, "HEX501").results) == told


RUN = """resource "google_cloud_run_v2_service" "api" {
  name = "api"
  template {
    containers {
      image = "ghcr.io/acme/api:1"
      %s
    }
  }
}
"""


@pytest.mark.parametrize(
    ("command", "port", "told"),
    [
        ('["uvicorn", "main:app", "--port", "8000"]', "", True),
        ('["uvicorn", "main:app", "--port", "8080"]', "", False),
        ('["uvicorn", "main:app", "--port", "8000"]', "ports {\n container_port = 8000\n }", False),
        ('uvicorn main:app --port "${PORT:-8000}"', "", False),
    ],
)
def test_cloud_run_sends_requests_to_its_own_port_where_a_service_names_none(
    command: str, port: str, told: bool, tmp_path: Path
) -> None:
    files = {
        "compose.yaml": "services:\n  api:\n    image: ghcr.io/acme/api:1\n    build: .\n",
        "Dockerfile": f"FROM python:3.12-slim\nENV PORT=8000\nUSER nobody\nCMD {command}\n",
        "main.tf": RUN % port,
    }
    message = "'api' names no port, so requests come at '8080', but [it listens](1) on '8000'."
    assert [each.message for each in trees.scan(tmp_path, files, "HEX513").results] == [message] * told


STORED = "services:\n  db:\n    image: postgres:16\n    ports: ['5434:5432']\n    {more}\n  cache: {{image: 'redis:7', ports: ['6380:6379']}}\n"
ELSEWHERE = "'{key}' in '{file}' goes to '{there}', but [the service](1) '{service}' is published at '{port}'."


@pytest.mark.parametrize(
    ("line", "more", "files", "told"),
    [
        ("DATABASE_URL=postgres://a:b@localhost:5432/x", "", {}, ("localhost:5432", "db", "5434")),
        ("DATABASE_URL=postgres://a:b@localhost:5434/x", "", {}, None),
        ("DATABASE_URL=postgres://a:b@localhost/x", "", {}, ("localhost:5432", "db", "5434")),
        ("DATABASE_URL=postgres://a:b@db.acme.io:5432/x", "", {}, None),
        ("DATABASE_URL=mysql://a:b@localhost:3306/x", "", {}, None),
        ("REDIS_URL=redis://localhost:6379", "", {}, ("localhost:6379", "cache", "6380")),
        ("REDIS_HOST=localhost\nREDIS_PORT=6379", "", {}, ("localhost:6379", "cache", "6380")),
        ("API_URL=http://localhost:5432", "", {}, None),
        ("PORT=5432\nDATABASE_URL=postgres://a:b@localhost:5432/x", "", {}, None),
        ("DATABASE_URL=postgres://a:b@localhost:5432/x", "profiles: [tools]", {}, None),
        (
            "DATABASE_URL=postgres://a:b@localhost:5432/x",
            "",
            {"package.json": '{"name": "x", "scripts": {"db": "tunnel 5432"}}'},
            None,
        ),
        (
            "DATABASE_URL=postgres://a:b@localhost:5432/x",
            "",
            {"docker-compose.other.yml": "services:\n  db: {image: 'postgres:16', ports: ['5432:5432']}\n"},
            None,
        ),
    ],
)
def test_an_env_file_for_the_laptop_goes_to_the_port_at_which_a_store_is_published(
    line: str, more: str, files: Mapping[str, str], told: tuple[str, str, str] | None, tmp_path: Path
) -> None:
    tree = {"docker-compose.yml": STORED.format(more=more), ".env.local": f"{line}\n", **files}
    expected = []
    if told is not None:
        there, service, port = told
        key = line.splitlines()[0].partition("=")[0]
        expected = [ELSEWHERE.format(key=key, file=".env.local", there=there, service=service, port=port)]
    assert [each.message for each in trees.scan(tmp_path, tree, "HEX511").results] == expected


@pytest.mark.parametrize(
    ("name", "loaded", "found"),
    [
        (".env.local", False, True),
        (".env.local", True, False),
        (".env.production", False, False),
        (".env.test", False, False),
        (".env.other", False, False),
        (".env.example", False, True),
    ],
)
def test_an_env_file_that_a_service_loads_or_that_is_for_elsewhere_is_not_asked(
    name: str, loaded: bool, found: bool, tmp_path: Path
) -> None:
    tree = {
        "docker-compose.yml": STORED.format(more=f"env_file: {name}" if loaded else ""),
        "docker-compose.other.yml": "services:\n  db: {image: 'postgres:16'}\n",
        name: "DATABASE_URL=postgres://a:b@localhost:5432/x\n",
    }
    assert bool(trees.scan(tmp_path, tree, "HEX511").results) is found
