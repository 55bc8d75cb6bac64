"""The command `query`: answers with their places, what is open, and wrong expressions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import cli
from tests import trees

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture

TREE = {
    "docker-compose.yml": """\
        services:
          web:
            image: ghcr.io/acme/web:${TAG}
            environment:
              DB_PASSWORD: hunter2-hunter2
          api:
            image: ghcr.io/acme/api:latest
        """,
    "main.tf": """\
        variable "days" {}

        resource "aws_db_instance" "main" {
          engine_version          = "16"
          backup_retention_period = var.days
        }

        resource "aws_db_instance" "reports" {
          backup_retention_period = 3
        }

        resource "aws_kms_key" "main" {
          description = "for ${var.days} days"
        }
        """,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query")
    trees.write(folder, TREE)
    return folder


def asked(tree: Path, capsys: CaptureFixture[str], *words: str) -> list[str]:
    assert cli.main(["query", words[0], str(tree), *words[1:], "--jobs", "1"]) == cli.CLEAN
    return capsys.readouterr().out.replace(f"{tree}/", "").splitlines()


def test_a_condition_lists_what_it_holds_for_and_what_is_open(tree: Path, capsys: CaptureFixture[str]) -> None:
    assert asked(tree, capsys, 'service.image.tag == "latest"') == [
        "compose:services.api  docker-compose.yml:6:3",
        "  service.image.tag = latest  docker-compose.yml:7:12",
        "open:",
        "compose:services.web  docker-compose.yml:2:3",
        "  the variable 'TAG' set outside the files  docker-compose.yml:3:29",
        "holds for 1 of 2, open for 1 (service)",
    ]


def test_a_path_lists_what_is_given(tree: Path, capsys: CaptureFixture[str]) -> None:
    lines = asked(
        tree, capsys, "resource.values.backup_retention_period", "--where", 'resource.type == "aws_db_instance"'
    )
    assert lines == [
        "terraform:aws_db_instance.reports  main.tf:8:29",
        "  resource.values.backup_retention_period = 3  main.tf:9:29",
        "open:",
        "terraform:aws_db_instance.main  main.tf:3:29",
        "  variable 'days' has no value in the repository  main.tf:1:11",
        "is given for 1 of 3, open for 1 (resource)",
    ]


def test_a_text_with_an_open_part_moves(tree: Path, capsys: CaptureFixture[str]) -> None:
    assert asked(tree, capsys, "resource.values.description") == [
        "terraform:aws_kms_key.main  main.tf:12:25",
        "  resource.values.description = for ${var.days} days (moves)  main.tf:13:18",
        "is given for 1 of 3 (resource)",
    ]


def test_pairs_are_asked_by_their_sides(capsys: CaptureFixture[str]) -> None:
    stack = Path(__file__).parent.parent.parent / "fixtures" / "hndigest"
    lines = asked(stack, capsys, "local.version.text == cloud.version.text", "--pair", "database")
    assert [line.split()[:3] for line in lines if line.startswith("  ")] == [
        ["local.version.text", "=", "16.10"],
        ["cloud.version.text", "=", "16.10"],
    ]
    assert lines[-1] == "holds for 1 of 1 (pairs of database)"
    assert cli.main(["query", "local.name", str(stack), "--pair", "resource"]) == cli.USAGE
    assert capsys.readouterr().err.startswith("policyengine: there are no pairs of 'resource'; ")


def test_an_expression_gives_a_value(tree: Path, capsys: CaptureFixture[str]) -> None:
    assert asked(tree, capsys, 'service.name + "!"')[0] == "compose:services.api  docker-compose.yml:6:3  api!"


def test_a_secret_is_never_shown(tree: Path, capsys: CaptureFixture[str]) -> None:
    for expression in (
        "service.environment.DB_PASSWORD.value",
        'service.environment.DB_PASSWORD.value + "!"',
        "service.raw.environment",
        'service.environment.exists(v, v.value == "hunter2-hunter2")',
    ):
        for form in ("text", "json"):
            out = "\n".join(asked(tree, capsys, expression, "--format", form))
            assert "hunter2" not in out.replace(expression, "")
    assert asked(tree, capsys, "service.environment.DB_PASSWORD.value")[1] == (
        "  service.environment.DB_PASSWORD.value = ***************  docker-compose.yml:5:20"
    )


def test_a_secret_within_a_list_or_a_mapping_is_masked_where_it_stands(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    """Of three characters, so that no report would look for it in other texts."""
    (tmp_path / "main.tf").write_text(
        'variable "pin" {\n  default   = "4x7"\n  sensitive = true\n}\n'
        'resource "aws_thing" "it" {\n  words = ["plain", var.pin]\n  inner = { db_password = "9z2", team = "shop" }\n}\n'
    )
    assert asked(tmp_path, capsys, "resource.values.words")[1] == "  resource.values.words = plain, ***  main.tf:6:11"
    told = json.loads("\n".join(asked(tmp_path, capsys, "resource.values", "--format", "json")))
    assert told["matches"][0]["facts"][0]["value"] == {
        "words": ["plain", "***"],
        "inner": {"db_password": "***", "team": "shop"},
    }


def test_a_text_that_is_made_of_a_secret_among_variables_is_masked(tmp_path: Path, capsys: CaptureFixture[str]) -> None:
    """The name tells nothing, the variable of Terraform does."""
    text = (
        'variable "pin" {\n  default   = "4x7"\n  sensitive = SENSITIVE\n}\n'
        'resource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = jsonencode([{\n'
        '    name = "app", image = "acme/app:1", environment = [{ name = "GREETING", value = var.pin }] }])\n}\n'
    )
    words = 'service.environment.map(v, v.value)[0] + "!"'
    for sensitive, said in (("false", "4x7!"), ("true", "****")):
        file = tmp_path / sensitive / "main.tf"
        file.parent.mkdir()
        file.write_text(text.replace("SENSITIVE", sensitive))
        assert asked(file.parent, capsys, words)[0].endswith(f"  {said}")


def test_json_has_states_values_and_places(tree: Path, capsys: CaptureFixture[str]) -> None:
    words = ("resource.values.backup_retention_period", "--format", "json")
    assert json.loads("\n".join(asked(tree, capsys, *words))) == {
        "version": 1,
        "expression": "resource.values.backup_retention_period",
        "where": "",
        "kind": "resource",
        "asked": 3,
        "matches": [
            {
                "id": "terraform:aws_db_instance.reports",
                "name": "aws_db_instance.reports",
                "place": {"path": "main.tf", "line": 8, "column": 29},
                "facts": [
                    {
                        "path": "resource.values.backup_retention_period",
                        "state": "known",
                        "value": 3,
                        "place": {"path": "main.tf", "line": 9, "column": 29},
                    }
                ],
            }
        ],
        "open": [
            {
                "id": "terraform:aws_db_instance.main",
                "name": "aws_db_instance.main",
                "place": {"path": "main.tf", "line": 3, "column": 29},
                "facts": [
                    {
                        "path": "resource.values.backup_retention_period",
                        "state": "unknown",
                        "value": None,
                        "place": {"path": "main.tf", "line": 1, "column": 11},
                    }
                ],
                "reason": "variable 'days' has no value in the repository",
                "at": {"path": "main.tf", "line": 1, "column": 11},
            }
        ],
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ['service.image.tga == "latest"'],
            (
                "the expression: an ImageRef has no field 'tga'; did you mean 'tag'?\n"
                '  service.image.tga == "latest"\n'
                "                ^^^\n"
            ),
        ),
        (
            ["service.name == stage.name"],
            (
                "the expression: one query is about one kind; here are 'service' and 'stage'\n"
                "  service.name == stage.name\n"
                "  ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
            ),
        ),
        (["1 == 1"], "the expression: the expression asks nothing, such as service.name\n  1 == 1\n  ^^^^^^\n"),
        (
            ["service.name", "--where", "service.name =="],
            "--where: the expression ends too early\n  service.name ==\n                 ^\n",
        ),
        (
            ["service.name", "--where", "service.role"],
            "--where: the filter is neither true nor false\n  service.role\n  ^^^^^^^^^^^^\n",
        ),
        (
            ["service.name ==\nservice.nmae"],
            (
                "the expression: a Service has no field 'nmae'; did you mean 'name' or 'names'?\n"
                "  service.nmae\n"
                "          ^^^^\n"
            ),
        ),
    ],
)
def test_a_wrong_expression_is_shown_with_its_place(
    words: list[str], said: str, tree: Path, capsys: CaptureFixture[str]
) -> None:
    assert cli.main(["query", words[0], str(tree), *words[1:]]) == cli.USAGE
    assert capsys.readouterr().err == f"policyengine: {said}"
