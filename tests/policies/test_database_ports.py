"""A sibling's database is addressed at the port that it listens on (HEX502)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
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
    ],
    ids=["at another port", "moved by a variable", "moved by a command"],
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
