"""Several environments: what holds in all of them is one finding, wherever their root modules lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
