"""The guide to writing a pack, followed to the letter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from policyengine import engine
from tests import trees

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "packs.md").read_text("utf-8")


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A folder with each file of the guide under its name."""
    for name, text in re.findall(
        r"^(?:For pytest, )?`([\w./]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path


def program(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_cases_of_the_guide_pass(followed: Path) -> None:
    done = program(followed, "pytest", "-q", "-p", "no:cacheprovider", "test_cases.py")
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout


def test_the_guide_shows_what_its_cases_come_to(followed: Path) -> None:
    shown = GUIDE.partition("$ policyengine test ./acme_policies.py\n")[2].partition("```")[0]
    done = program(followed, "policyengine", "test", "./acme_policies.py")
    assert (done.returncode, done.stdout) == (0, shown)
    done = program(followed, "policyengine", "test", "./acme_policies.py", "--coverage")
    assert (done.returncode, "ACME002 has no diverging and no guarding case" in done.stdout) == (1, True)


def test_the_pack_of_the_guide_is_loaded_by_its_path_and_configured(followed: Path) -> None:
    words = ("policyengine", "scan", "reference", "--pack", "./acme_policies.py", "--select", "ACME", "--no-cache")
    assert program(followed, *words).returncode == 0
    configuration = followed / "reference" / "policyengine.yaml"
    configuration.write_text("version: 1\npacks:\n  acme:\n    registry: registry.example.org\n")
    done = program(followed, *words)
    assert done.returncode == 1
    assert "error[ACME001] 'web' takes its image from 'ghcr.io', not from Acme's registry." in done.stdout
    configuration.write_text("version: 1\npacks:\n  acme:\n    registry: [ghcr.io]\n")
    done = program(followed, *words)
    assert done.returncode == 2
    assert "policyengine.yaml:4:15: 'packs.acme.registry' must be a text" in done.stderr


def test_the_pack_of_the_guide_is_explained_and_passes_into_sarif(followed: Path) -> None:
    explained = program(followed, "policyengine", "explain", "ACME001", "--pack", "./acme_policies.py")
    assert "A cloud service runs an image of a foreign registry." in explained.stdout
    sarif = program(
        followed, "policyengine", "scan", "reference", "--pack", "./acme_policies.py", "--format", "sarif", "--no-cache"
    )
    assert '"id": "ACME001"' in sarif.stdout
    assert "docs/packs.md#the-page-of-a-rule" in sarif.stdout.split('"id": "ACME001"')[1].split('"messageStrings"')[0]


FILES = {
    "main.tf": """\
        resource "aws_db_instance" "main" { backup_retention_period = 3 }
        resource "aws_cloudwatch_log_group" "app" { name = "/ecs/app" }
        resource "aws_ecs_task_definition" "app" {
          container_definitions = jsonencode([{
            name  = "app"
            image = "nginx"
            logConfiguration = { options = { "awslogs-group" = aws_cloudwatch_log_group.app.name } }
          }])
        }
    """,
    "compose.yml": "services: {web: {image: 'nginx:1.27'}, own: {image: 'ghcr.io/acme/own:${TAG}'}, any: {image: '${R}/any:1'}}\n",
    "Dockerfile": "FROM ghcr.io/acme/base:1 AS build\nFROM build\nFROM node:22\n",
}


def test_the_rules_over_what_files_declare_find_what_they_say(tmp_path: Path) -> None:
    section = GUIDE.split("### Everything that files declare")[1]
    pack = tmp_path / "acme_files.py"
    pack.write_text(section.split("```python\n")[1].split("```")[0], "utf-8")
    trees.write(tmp_path / "tree", FILES)
    found = engine.scan([tmp_path / "tree"], packs=[str(pack)], select=["ACME"], cache=False, jobs=1)
    assert found.failures == ()
    assert {(each.rule.id, each.message, each.span.path) for each in found.results} == {
        ("ACME010", "'aws_db_instance.main' keeps its backups for 3 days.", "main.tf"),
        (
            "ACME011",
            "'aws_ecs_task_definition.app' logs to 'aws_cloudwatch_log_group.app', which keeps everything for ever.",
            "main.tf",
        ),
        ("ACME012", "'nginx:1.27' is not from Acme's registry.", "compose.yml"),
        ("ACME012", "'node:22' is not from Acme's registry.", "Dockerfile"),
    }
    assert [each.reason for each in found.undecided] == ["no file says how '${R}/any:1' begins"]
