"""Which image a Dockerfile is built on, where its builds say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = """services:
  db:
    build:
      context: db
      args: {RELEASE: %s}
  web: {build: .}
"""
CI = """on: push
jobs:
  test:
    runs-on: ubuntu-latest
    services:
      db: {image: 'mariadb:11.4.2'}
    steps:
      - run: phpunit
"""
OWN = "ARG RELEASE%s\nFROM mariadb:${RELEASE}\nCOPY my.cnf /etc/mysql/conf.d/my.cnf\n"


def tree(given: str, default: str, **more: str) -> dict[str, str]:
    files = {"compose.yaml": COMPOSE % given, "Dockerfile": "FROM php:8.4-fpm\n", ".github/workflows/ci.yml": CI}
    return files | {"db/Dockerfile": OWN % default, ".env": "DB_RELEASE=11.8.3\n"} | more


@pytest.mark.parametrize(
    ("files", "there"),
    [
        (tree("$DB_RELEASE", ""), "11.8.3"),
        (tree("$DB_RELEASE", "=10.11.9"), "11.8.3"),
        (tree("11.4.2", "=10.11.9"), ""),
    ],
    ids=["no default", "another default", "as in the workflow"],
)
def test_an_argument_of_the_build_chooses_the_image(files: dict[str, str], there: str, tmp_path: Path) -> None:
    report = trees.scan(tmp_path, files, "HEX416")
    assert report.undecided == ()
    assert [each.message.partition("runs 'mariadb:")[2] for each in report.results] == (
        [f"11.4.2', but [the local 'db'](1) runs 'mariadb:{there}'."] if there else []
    )


OTHER = "services:\n  db:\n    build:\n      context: db\n      args: {RELEASE: 12.0.1}\n  web: {build: .}\n"


@pytest.mark.parametrize(
    ("default", "there"), [("", ""), ("=10.11.9", "10.11.9")], ids=["not known", "the Dockerfile's own"]
)
def test_where_two_builds_give_two_values_the_default_counts(default: str, there: str, tmp_path: Path) -> None:
    files = tree("11.8.3", default, **{"compose.prod.yaml": OTHER, "up.sh": "docker compose -f compose.prod.yaml up\n"})
    report = trees.scan(tmp_path, files, "HEX416")
    assert [each.message.rpartition("mariadb:")[2] for each in report.results] == ([f"{there}'."] if there else [])
