"""Names and values of a tree reach no terminal, workflow log or Markdown raw, on standard output and on stderr."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from policyengine.cli import main
from tests.safety.spill import COMMANDS, write

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "\x1b[31m\x07\r\n::error file=x::y\n##[error]z ##vso[task.complete]w\u202e\u2066\u200f\x9b31m\u2028"
"""A terminal's escape sequence, a bell, commands of GitHub's and Azure's logs, a change of direction, a C1 control."""
QUOTED = json.dumps(HOSTILE)
NAME = HOSTILE.replace("/", "").replace("\r", "")

FILES = {
    f"compose{NAME}.yaml": "services: {",
    "compose.yaml": f"""\
name: shop
services:
  app:
    image: node:20
    environment:
      {QUOTED}: {QUOTED}
      NEXTAUTH_URL: "http://localhost:3000"
    command: [{QUOTED}]
    labels: {{{QUOTED}: {QUOTED}}}
    env_file: [{json.dumps(f"app{NAME}.env")}]
  db:
    image: postgres:14
    ports: ["0.0.0.0:5432:5432"]
""",
    f"app{NAME}.env": "A=1\nB C=2\n",
    f"{NAME}/Dockerfile": "FROM node\nXXX y\n",
    f"{NAME}.tf": 'resource "aws_db_instance" "x" {\n  engine_version = "15\n}\n',
    "main.tf": f"""\
locals {{
  x = {QUOTED}
}}
resource "aws_db_instance" "db" {{
  engine         = "postgres"
  engine_version = "15.3"
  identifier     = {QUOTED}
}}
resource "aws_ecs_task_definition" "app" {{
  family                = {QUOTED}
  container_definitions = jsonencode([{{ name = {QUOTED}, image = "node:latest", environment = [{{ name = "A", value = local.x }}] }}])
}}
resource "aws_ecs_service" "app" {{
  name            = "::add-mask::x"
  task_definition = aws_ecs_task_definition.app.arn
}}
""",
    f".github/workflows/a{NAME}.yml": "on: [push\n",
    ".github/workflows/b.yml": f"""\
name: {QUOTED}
on: push
jobs:
  a:
    name: {QUOTED}
    runs-on: ubuntu-latest
    services:
      {QUOTED}: {{image: "postgres:13"}}
    steps:
      - name: {QUOTED}
        run: {QUOTED}
      - run: docker push {QUOTED}
""",
    "package.json": f'{{"name": {QUOTED}, "scripts": {{{QUOTED}: "x"}}, "dependencies": {{{QUOTED}: "1"}}}}',
    "policyengine.yaml": "version: 1\n",
}

UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
COMMAND = re.compile(r"(?m)^\s*::|##\w*\[")


def harmless(text: str, what: str) -> None:
    if "--format github" in what:  # each line is a command of ours, and what it says is escaped
        text = (
            re.sub(r"(?m)^::(?:error|warning|notice) [^:\n]*::(.*)$", r"\1", text)
            .replace("##[", "")
            .replace("##vso[", "")
        )
    assert UNSAFE.search(text) is None, (what, UNSAFE.search(text))
    assert COMMAND.search(text) is None, (what, COMMAND.search(text))


@pytest.mark.parametrize("words", [*COMMANDS, ("explain", "HEX402"), ("explain", "HEX402", "--format", "markdown")])
def test_no_command_writes_a_hostile_name_raw(
    words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "tree"
    write(root, FILES)
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    line = [str(root) if each == "ROOT" else each for each in words]
    for run in ("cold", "warm"):
        assert main(line) in (0, 1, 3)
        said = capfd.readouterr()
        harmless(said.out, f"{' '.join(words)} {run}")
        harmless(said.err, f"{run} stderr")
    target = tmp_path / "report"
    if "--format" in words:
        main([*line, "-o", str(target)])
        harmless(target.read_text("utf-8"), f"{' '.join(words)} file")
        harmless(capfd.readouterr().err, "stderr beside a file")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("address", ["local.x", "aws_db_instance.db.identifier", "compose:services.app.command"])
def test_no_explanation_writes_a_hostile_value_raw(
    address: str, form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, FILES)
    main(["explain-value", str(tmp_path), address, "--no-cache", "--format", form])
    said = capfd.readouterr()
    harmless(said.out, "stdout")
    harmless(said.err, "stderr")


@pytest.mark.parametrize(
    "words",
    [
        (HOSTILE,),
        (f"::error::{HOSTILE}",),
        ("scan", f"--{HOSTILE}"),
        ("scan", HOSTILE),
        ("scan", ".", "--format", HOSTILE),
        ("scan", ".", "--select", HOSTILE),
        ("scan", ".", "--config", HOSTILE),
        ("scan", ".", "--pack", HOSTILE),
        ("scan", ".", "--uri-root", HOSTILE),
        ("scan", ".", "-o", HOSTILE),
        ("scan", ".", "--jobs", HOSTILE),
        ("scan", ".", "--fail-on", HOSTILE),
        ("explain", HOSTILE),
        ("rules", HOSTILE),
        ("explain-value", ".", HOSTILE),
        ("explain-value", ".", f"local.{HOSTILE}"),
        ("graph", HOSTILE),
        ("pairs", "--format", HOSTILE),
    ],
)
def test_no_mistake_writes_an_argument_raw(
    words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments are names of files where a shell expands a pattern."""
    write(tmp_path, {"main.tf": "locals {\n  x = 1\n}\n", "compose.yaml": "services: {a: {image: x}}\n"})
    monkeypatch.chdir(tmp_path)
    assert main([*words]) == 2
    said = capfd.readouterr()
    harmless(said.out, "stdout")
    harmless(said.err, "stderr")


def test_a_hostile_value_in_json_is_still_the_same_value(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"main.tf": f'resource "aws_db_instance" "db" {{}}\nlocals {{\n  x = {QUOTED}\n}}\n'})
    assert main(["explain-value", str(tmp_path), "local.x", "--no-cache", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["value"] == HOSTILE
