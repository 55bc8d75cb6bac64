"""What a container finds on localhost, which is itself (HEX501), on small whole trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

STACK = """services:
  app:
    build: .
    {more}
    environment: {{{given}}}
  db: {{image: 'postgres:16', ports: ['5434:5432']}}
  api: {{image: 'acme/api:1', ports: ['4001:4000'], command: serve}}
  admin: {{image: 'dpage/pgadmin4:8', ports: ['5050:80']}}
"""
TOLD = (
    "'{key}' of 'app' points to '{there}', which inside a container is that container itself. "
    "Use '{right}' to reach [the service](1) '{sibling}'."
)


@pytest.mark.parametrize(
    ("given", "more", "found"),
    [
        ("DATABASE_URL: 'postgres://a:b@localhost:5434/x'", "", ("localhost:5434", "db:5432")),
        ("DATABASE_URL: 'postgres://a:b@127.0.0.1:5432/x'", "", ("127.0.0.1:5432", "db:5432")),
        ("DATABASE_URL: 'postgres://a:b@localhost:5499/x'", "", None),
        ("DATABASE_URL: 'postgres://a:b@db.acme.io:5434/x'", "", None),
        ("DATABASE_URL: 'postgres://a:b@localhost:5434/x'", "network_mode: host", None),
        ("DATABASE_URL: 'postgres://a:b@localhost:5434/x'", "network_mode: 'service:db'", None),
        ("DATABASE_URL: 'postgres://a:b@localhost:5434/x'", "expose: [5434]", None),
        ("DB_HOST: localhost", "", ("localhost", "db:5432")),
        ("DB_HOST: '0.0.0.0'", "", None),
        ("REDIS_URL: 'redis://localhost:6379'", "", None),
        ("API_URL: 'http://localhost:4001'", "", ("localhost:4001", "api:4000")),
        ("API_URL: 'http://localhost:4000'", "", ("localhost:4000", "api:4000")),
        ("API_URL: 'http://localhost:4002'", "", None),
        ("NEXT_PUBLIC_API_URL: 'http://localhost:4001'", "", None),
        ("SITE_LINK: 'http://localhost:4001'", "", None),
        ("ADMIN_URL: 'http://localhost:5050'", "", None),
    ],
)
def test_a_sibling_is_addressed_by_its_name(
    given: str, more: str, found: tuple[str, str] | None, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": STACK.format(given=given, more=more), "Dockerfile": "FROM node:22\nUSER node\n"}
    expected = []
    if found is not None:
        there, right = found
        key, sibling = given.partition(":")[0], right.partition(":")[0]
        expected = [TOLD.format(key=key, there=there, right=right, sibling=sibling)]
    assert [each.message for each in trees.scan(tmp_path, files, "HEX501").results] == expected
