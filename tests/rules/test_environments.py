"""Several environments: what holds in all of them is one finding, wherever their root modules lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import UsageError
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = """\
    variable "engine_version" {}
    resource "aws_db_instance" "main" {
      engine                     = "postgres"
      engine_version             = var.engine_version
      auto_minor_version_upgrade = true
    }
    """


def _root(minor: int) -> str:
    return f"""\
        provider "aws" {{}}
        module "database" {{
          source         = "../../modules/database"
          engine_version = "16.{minor}"
        }}
        """


def test_a_finding_in_a_shared_module_is_one_and_one_of_a_single_environment_says_so(tmp_path: Path) -> None:
    report = trees.scan(
        tmp_path,
        {
            "docker-compose.yml": "services: {db: {image: 'postgres:16.2'}}\n",
            "infra/modules/database/main.tf": DATABASE,
            "infra/envs/prod/main.tf": _root(2),
            "infra/envs/staging/main.tf": _root(3),
            "policyengine.yaml": "version: 1\nenvironments: [prod, staging]\n",
        },
        "HEX402",
        "HEX404",
    )
    assert [(each.rule.id, each.span.path, each.environments) for each in report.results] == [
        ("HEX402", "docker-compose.yml", ("staging",)),
        ("HEX404", "infra/modules/database/main.tf", ()),
    ]


BOTH = {
    "docker-compose.yml": "services: {db: {image: 'postgres:16.2'}}\n",
    "infra/modules/database/main.tf": DATABASE,
    "infra/envs/prod/main.tf": _root(2),
    "infra/envs/staging/main.tf": _root(3),
}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("{HEX: {severity: note, environments: [staging]}}", [("HEX402", "note", ("staging",)), ("HEX404", "warning", ())]),
        ("{HEX: {severity: note, environments: [prod]}}", [("HEX402", "error", ("staging",)), ("HEX404", "warning", ())]),
        ("{HEX: {severity: note}}", [("HEX402", "note", ("staging",)), ("HEX404", "note", ())]),
        ('{HEX404: {severity: "off", environments: [prod]}}', [("HEX402", "error", ("staging",)), ("HEX404", "warning", ("staging",))]),
        ('{HEX402: {severity: "off", environments: [staging]}}', [("HEX404", "warning", ())]),
    ],
)  # fmt: skip
def test_rules_weigh_otherwise_in_one_environment(
    rules: str, found: list[tuple[str, str, tuple[str, ...]]], tmp_path: Path
) -> None:
    configuration = f"version: 1\nenvironments: [staging, prod]\nrules: {rules}\n"
    report = trees.scan(tmp_path, BOTH | {"policyengine.yaml": configuration}, "HEX402", "HEX404")
    assert [(each.rule.id, each.severity.value, each.environments) for each in report.results] == found


QUEUE = 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n'
TWO = {
    f"{name}/{path}": text
    for name in ("shop", "desk")
    for path, text in {
        "docker-compose.yml": f"services:\n  {name}:\n    image: {name}:1\n",
        "infra/main.tf": f'{QUEUE}resource "aws_ecs_task_definition" "{name}" {{\n  family = "{name}"\n'
        f'  container_definitions = jsonencode([{{ name = "{name}", image = "{name}:1" }}])\n}}\n',
    }.items()
}
NAMED = "systems:\n  shop: {paths: [shop]}\n  desk: {paths: [desk]}\n"


def test_rules_weigh_otherwise_in_one_system(tmp_path: Path) -> None:
    configuration = f"version: 1\n{NAMED}rules:\n  HEX102: {{severity: note, systems: [desk]}}\n"
    report = trees.scan(tmp_path, TWO | {"policyengine.yaml": configuration}, "HEX102")
    assert [(each.span.path, each.severity.value) for each in report.results] == [
        ("desk/infra/main.tf", "note"),
        ("shop/infra/main.tf", "warning"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{NAMED}rules: {{HEX1: {{systems: [kiosk]}}}}\n", "5:26: there is no system 'kiosk'; there are shop, desk"),
        ("environment: prod\nrules: {HEX1: {environments: [qa]}}\n", "3:31: there is no environment 'qa'; there are prod"),
        ("rules: {HEX1: {environments: [qa]}}\n", "2:31: there is no environment 'qa'; there are none; name it under 'environments'"),
    ],
)  # fmt: skip
def test_rules_of_a_system_or_environment_that_is_not_there_are_a_mistake(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        trees.scan(tmp_path, TWO | {"policyengine.yaml": f"version: 1\n{text}"})
    assert str(error.value) == f"policyengine.yaml:{said}"
