"""No secret that a name, a marking or a form tells comes out of any command, in any format, on stderr or in the cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyengine.cli import main
from tests.safety import fresh, later, plants
from tests.safety.spill import leaked, planted, spilled, write

if TYPE_CHECKING:
    from pathlib import Path


TREES = plants.TREES | {f"fresh {name}": tree for name, tree in fresh.TREES.items()}
TREES |= {name: later.TREES[name] for name in ("collections and parts", "forms of other languages")}


EACH = [pytest.param(name, marks=pytest.mark.limits) if name.startswith("fresh ") else name for name in TREES]
"""Those that came later, and take as long again, run with `-m limits`."""


@pytest.mark.parametrize("tree", EACH)
def test_no_planted_secret_comes_out(
    tree: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "tree", tmp_path / "cache"
    files, secrets = planted(TREES[tree])
    write(root, files)
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(cache))
    places: dict[str, list[str]] = {}
    for what, text in spilled(root, cache, capfd):
        for name in leaked(secrets, text):
            places.setdefault(name, []).append(what)
    assert {name: found[:6] for name, found in places.items()} == {}


@pytest.mark.parametrize("shown", ["kQ7wZp2", "2PZW7QK", "a1E3d1pwMn", "6b51377"])
def test_a_part_of_a_secret_is_seen_in_each_form(shown: str) -> None:
    """`printf kQ7wZp2rTm | base64`, `xxd -p`; a character less of each is none."""
    secrets = {"a": "kQ7wZp2rTm", "b": "Yh5vNc8sLd"}
    assert leaked(secrets, f"<{shown}>") == {"a"}
    assert leaked(secrets, f"<{shown[:6]}>") == set()


PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.9.0",
    "variables": {"db_password": {"value": "§plan variable§"}, "word": {"value": "§plan sensitive variable§"}},
    "planned_values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_db_instance.main",
                    "mode": "managed",
                    "type": "aws_db_instance",
                    "name": "main",
                    "values": {"engine": "postgres", "engine_version": "15.3", "password": "§plan attribute§"},
                    "sensitive_values": {"password": True},
                }
            ]
        },
        "outputs": {"word": {"sensitive": True, "value": "§plan output§"}},
    },
    "resource_changes": [
        {
            "address": "aws_db_instance.main",
            "mode": "managed",
            "type": "aws_db_instance",
            "name": "main",
            "change": {
                "actions": ["create"],
                "before": None,
                "after": {
                    "engine": "postgres",
                    "engine_version": "15.3",
                    "password": "§plan change§",
                    "tags": {"a": "§plan tag§"},
                },
                "after_unknown": {},
                "after_sensitive": {"password": True, "tags": {"a": True}},
            },
        }
    ],
    "configuration": {"root_module": {"variables": {"db_password": {}, "word": {"sensitive": True}}}},
}
"""Terraform's documentation: JSON output format, a plan."""


def test_no_secret_of_a_plan_comes_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files, secrets = planted({"plan.json": json.dumps(PLAN)})
    write(tmp_path, files)
    write(
        tmp_path / "tree",
        {
            "main.tf": 'variable "db_password" {}\nvariable "word" {\n  sensitive = true\n}\n'
            'resource "aws_db_instance" "main" {\n  engine   = "postgres"\n  password = var.db_password\n}\n'
            'output "word" {\n  sensitive = true\n  value = var.word\n}\n'
        },
    )
    plan = ["--plan", str(tmp_path / "plan.json"), "--no-cache"]
    root = str(tmp_path / "tree")
    for words in (
        ["scan", root, "--undecided"],
        ["scan", root, "--format", "json"],
        ["graph", root],
        *(["explain-value", root, address] for address in ("var.db_password", "var.word", "output.word")),
        *(["explain-value", root, f"aws_db_instance.main.{each}"] for each in ("password", "tags", "engine_version")),
    ):
        assert main([*words, *plan]) in (0, 1)
        said = capfd.readouterr()
        assert leaked(secrets, said.out + said.err) == set(), words


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        ('base64encode("u:${var.word}")', "dTpacTh3TG0zUnRZNzE="),
        ('join(".", regexall(".", var.word))', "Z.q.8.w.L.m.3.R.t.Y.7.1"),
        ('"--x=${upper(var.word)}"', "ZQ8WLM3RTY71"),
        ("strrev(var.word)", "17YtR3mLw8qZ"),
    ],
)
@pytest.mark.parametrize("place", ["command", "entryPoint"])
def test_nothing_made_of_a_secret_comes_out_of_a_task(
    made: str, shown: str, place: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The texts are Terraform's own, of `terraform console`'s documented functions."""
    text = """
        variable "word" {
          sensitive = SENSITIVE
          default   = "Zq8wLm3RtY71"
        }
        resource "aws_ecs_task_definition" "app" {
          family                = "app"
          container_definitions = jsonencode([{ name = "app", image = "acme/app:1.2.3", PLACE = ["run", MADE] }])
        }
        """.replace("PLACE", place).replace("MADE", made)
    said = {}
    for sensitive in ("false", "true"):
        write(tmp_path / sensitive, {"main.tf": text.replace("SENSITIVE", sensitive)})
        assert main(["graph", str(tmp_path / sensitive), "--no-cache"]) == 0
        said[sensitive] = capfd.readouterr().out
    assert shown in said["false"]  # so that the place is one which is shown
    assert shown not in said["true"]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("made", "shown"),
    [
        ('{ (var.word) = "x" }', "Zq8wLm3RtY71"),
        ('{ "a-${upper(var.word)}" = "x" }', "ZQ8WLM3RTY71"),
        ('{ for each in ["a"] : "${each}-${strrev(var.word)}" => "x" }', "17YtR3mLw8qZ"),
        ('{ outer = { (var.word) = "x" } }', "Zq8wLm3RtY71"),
        ('merge({ (var.word) = "x" }, { b = 1 })', "Zq8wLm3RtY71"),
        ('tomap(merge({ (var.word) = "x" }, {}))', "Zq8wLm3RtY71"),
        ('zipmap([var.word], ["x"])', "Zq8wLm3RtY71"),
        ('{ for k, v in { (var.word) = "x" } : "p-${k}" => v }', "Zq8wLm3RtY71"),
        ('["x", [for k, v in { (var.word) = "y" } : k][0]]', "Zq8wLm3RtY71"),
        ('["x", join("", keys({ (var.word) = "y" }))]', "Zq8wLm3RtY71"),
    ],
)
def test_a_key_that_is_made_of_a_secret_is_covered(
    made: str, shown: str, form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f'locals {{\n  keyed = {made}\n}}\nvariable "word" {{\n  sensitive = SENSITIVE\n  default = "Zq8wLm3RtY71"\n}}\n'
    text += 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
    said = {}
    for sensitive in ("false", "true"):
        root = tmp_path / sensitive
        write(root, {"main.tf": text.replace("SENSITIVE", sensitive)})
        assert main(["explain-value", str(root), "local.keyed", "--format", form, "--no-cache"]) == 0
        said[sensitive] = capfd.readouterr().out.partition("Known:" if form == "text" else '"value":')[2]
    assert shown in said["false"]
    assert shown not in said["true"]
    assert '"x"' in said["true"]  # what is no secret beside it
