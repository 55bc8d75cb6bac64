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
