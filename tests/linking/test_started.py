"""What really runs when a container starts, behind shells, wrappers, package scripts and shell files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.api import Container, Side
from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGE = """
{
  "scripts": {
    "start": "next start -p 3000",
    "prestart": "prisma migrate deploy",
    "serve": "npm run start",
    "dev": "next dev",
    "boot": "sh scripts/boot.sh",
    "loop": "npm run loop"
  }
}
"""
BOOT = """
#!/bin/sh
set -e
if [ "$MIGRATE" = yes ]; then
  npx prisma migrate deploy
fi
exec "$@"
"""


def container(root: Path, command: str, files: Mapping[str, str] = {}, entrypoint: str = "") -> Container:
    dockerfile = f"FROM node:22-slim\nWORKDIR /app\nCOPY . .\n{entrypoint}\nCMD {command}\n"
    compose = "services:\n  web:\n    build: .\n"
    every = {"Dockerfile": dockerfile, "docker-compose.yml": compose, "package.json": PACKAGE, **files}
    (found,) = graph_of(root, every).containers(side=Side.LOCAL)
    return found


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ('["node", "server.js"]', "node server.js"),
        ('["node", "node_modules/next/dist/bin/next", "start"]', "node node_modules/next/dist/bin/next start"),
        ('["node_modules/.bin/next", "start"]', "next start"),
        ('["npx", "-y", "next", "start"]', "next start"),
        ('["dumb-init", "--", "node", "server.js"]', "node server.js"),
        ('["infisical", "run", "--env=prod", "--", "node", "server.js"]', "node server.js"),
        ('["timeout", "60", "node", "server.js"]', "node server.js"),
        ('["tsx", "server.ts"]', "tsx server.ts"),
        ('["tsx", "watch", "server.ts"]', "tsx watch server.ts"),
        ('["python", "-m", "gunicorn", "app:app"]', "gunicorn app:app"),
        ('["sh", "-c", "exec node   server.js"]', "node server.js"),
        ('["sh", "-c", "prisma migrate deploy &&  node server.js"]', "prisma migrate deploy && node server.js"),
        ("exec node server.js", "node server.js"),
        ('["npm", "start"]', "next start -p 3000"),
        ('["npm", "run", "serve"]', "next start -p 3000"),
        ('["yarn", "dev", "--port", "4000"]', "next dev --port 4000"),
        ('["npm", "run", "dev", "--", "--port", "4000"]', "next dev --port 4000"),
        ('["npm", "run", "unheard"]', "npm run unheard"),
        ('["node", "--eval", "console.log(1); run()"]', "node --eval 'console.log(1); run()'"),
    ],
)
def test_the_line_for_people_is_without_wrappers_and_package_scripts(tmp_path: Path, command: str, line: str) -> None:
    assert container(tmp_path, command).line == line


def words(found: Container) -> list[str]:
    return [" ".join([each.program, *each.arguments]) for each in found.commands]


def test_what_a_package_manager_runs_around_a_script_runs_too(tmp_path: Path) -> None:
    found = container(tmp_path, '["npm", "start"]')
    assert words(found) == ["next start -p 3000", "prisma migrate deploy"]
    assert [[step.what for step in each.via] for each in found.commands] == [["script start"], ["script prestart"]]
    assert {each.span.path for each in found.commands} == {"package.json"}
    assert found.gap is None


def test_a_shell_file_of_the_tree_is_read_and_hands_on_what_it_is_given(tmp_path: Path) -> None:
    found = container(
        tmp_path,
        '["npm", "run", "dev"]',
        {"docker/entrypoint.sh": BOOT},
        entrypoint='ENTRYPOINT ["/app/docker/entrypoint.sh"]',
    )
    done = words(found)
    assert "prisma migrate deploy" in done
    assert "next dev" in done
    assert found.line == "/app/docker/entrypoint.sh npm run dev"
    migrate = next(each for each in found.commands if each.program == "prisma")
    assert migrate.does("migrate")
    assert (tmp_path / migrate.span.path).read_text()[
        migrate.span.start : migrate.span.end
    ] == "npx prisma migrate deploy"
    assert [step.what for step in migrate.via] == ["/app/docker/entrypoint.sh"]
    assert found.gap is None


def test_a_shell_file_behind_a_package_script_is_read(tmp_path: Path) -> None:
    found = container(tmp_path, '["npm", "run", "boot"]', {"scripts/boot.sh": BOOT})
    assert "prisma migrate deploy" in words(found)


def test_a_shell_file_that_is_not_in_the_tree_is_a_gap(tmp_path: Path) -> None:
    found = container(tmp_path, '["/usr/local/bin/start.sh"]')
    assert found.gap is not None
    assert found.gap.reason == "what the start script does is not known"
    assert found.gap.span.path == "Dockerfile"


def test_of_several_shell_files_of_a_name_the_one_below_the_container_is_meant(tmp_path: Path) -> None:
    compose = "services:\n  web:\n    build: web\n"
    found = container(
        tmp_path,
        '["node", "a.js"]',
        {
            "docker-compose.yml": compose,
            "web/Dockerfile": 'FROM node:22-slim\nCOPY . .\nCMD ["./start.sh"]\n',
            "web/start.sh": "node web.js\n",
            "api/start.sh": "node api.js\n",
        },
    )
    assert "node web.js" in words(found)
    assert "node api.js" not in words(found)


def test_the_entrypoint_of_official_images_is_no_file_of_the_tree_unless_it_is_copied(tmp_path: Path) -> None:
    files = {"db/docker-entrypoint.sh": "prisma migrate deploy\n"}
    assert words(container(tmp_path / "stock", '["node", "a.js"]', files)) == ["node a.js"]
    own = 'COPY db/docker-entrypoint.sh /usr/local/bin/\nENTRYPOINT ["docker-entrypoint.sh"]'
    assert words(container(tmp_path / "own", '["node", "a.js"]', files, own)) == ["prisma migrate deploy", "node a.js"]


def test_a_script_that_calls_itself_ends(tmp_path: Path) -> None:
    found = container(tmp_path, '["npm", "run", "loop"]')
    assert found.line == "npm run loop"


@pytest.mark.parametrize(
    ("command", "dev"),
    [
        ('["npm", "run", "dev"]', True),
        ('["tsx", "watch", "server.ts"]', True),
        ('["npm", "start"]', False),
        ('["flask", "run", "--debug"]', True),
        ('["uvicorn", "app:app", "--reload"]', True),
        ('["uvicorn", "app:app"]', False),
        ('["git", "commit", "-m", "next dev"]', False),
    ],
)
def test_a_development_server_is_told_by_its_words(tmp_path: Path, command: str, dev: bool) -> None:
    found = container(tmp_path, command)
    assert any(each.does("serve-dev") for each in found.commands) is dev
