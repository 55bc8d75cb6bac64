from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.model.nodes import Database, Repository
from policyengine.model.value import Known
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower, read_roots
from policyengine.repository.discover import discover

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)

ROOT = """
provider "aws" {}
module "db" {
  source   = "acme/db/aws"
  version  = "1.2.3"
  for_each = { main = "16.4", side = "15.8" }
  version_of_engine = each.value
  name     = each.key
}
"""
MODULE = """
variable "version_of_engine" {}
variable "name" {}
resource "aws_db_instance" "this" {
  engine         = "postgres"
  engine_version = var.version_of_engine
}
module "registry" {
  source = "./modules/registry"
  name   = var.name
}
"""
INNER = """
variable "name" {}
resource "aws_ecr_repository" "this" {
  name = "${var.name}-${trimspace(file("${path.module}/suffix.txt"))}-${join("", fileset(path.module, "*.txt"))}"
}
"""


def write(folder: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def manifest(**places: str) -> str:
    entries = [{"Key": key.replace("__", "."), "Source": "", "Dir": place} for key, place in places.items()]
    return json.dumps({"Modules": [{"Key": "", "Source": "", "Dir": "."}, *entries]})


def tree(folder: Path) -> None:
    write(
        folder,
        {
            ".gitignore": ".terraform/\n",
            "infra/main.tf": ROOT,
            "infra/.terraform/modules/modules.json": manifest(
                db=".terraform/modules/db", db__registry=".terraform/modules/db/modules/registry"
            ),
            "infra/.terraform/modules/db/main.tf": MODULE,
            "infra/.terraform/modules/db/modules/registry/main.tf": INNER,
            "infra/.terraform/modules/db/modules/registry/suffix.txt": "x\n",
            "infra/.terraform/modules/db/examples/complete/main.tf": 'provider "aws" {}\nmodule "db" {\n  source = "../.."\n}\n',
        },
    )


def test_installed_modules_that_git_ignores_are_read_once_for_each_instance(tmp_path: Path) -> None:
    tree(tmp_path)
    result = lower(discover([tmp_path]), PLAIN)
    assert result.problems == ()
    versions = {
        node.name: str(node.version.value)
        for node in result.nodes
        if isinstance(node, Database)
        if isinstance(node.version, Known)
    }
    assert sorted(versions.values()) == ["15.8", "16.4"]
    assert sorted(
        str(node.repository.value)
        for node in result.nodes
        if isinstance(node, Repository) and isinstance(node.repository, Known)
    ) == ["main-x-suffix.txt", "side-x-suffix.txt"]


def test_examples_of_installed_modules_are_no_root_modules(tmp_path: Path) -> None:
    tree(tmp_path)
    files = discover([tmp_path])
    assert [path for path in files.paths if ".terraform" in path] == ["infra/.terraform/modules/modules.json"]
    assert [root.path for root, _ in read_roots(files, PLAIN).projects] == ["infra"]


def test_no_installed_module_is_read_from_outside_the_root(tmp_path: Path) -> None:
    tree(tmp_path / "repository")
    (tmp_path / "repository/infra/.terraform/modules/db").rename(tmp_path / "db")
    (tmp_path / "repository/infra/.terraform/modules/db").symlink_to(tmp_path / "db")
    result = lower(discover([tmp_path / "repository"]), PLAIN)
    assert not [node for node in result.nodes if isinstance(node, Database)]
    write(tmp_path / "repository", {"infra/.terraform/modules/modules.json": manifest(db="../../db", db__x="/etc")})
    result = lower(discover([tmp_path / "repository"]), PLAIN)
    assert not [node for node in result.nodes if isinstance(node, Database)]


def test_a_damaged_list_of_installed_modules_is_passed_over(tmp_path: Path) -> None:
    tree(tmp_path)
    for text in ("{", "[]", '{"Modules": [1]}', '{"Modules": [{"Key": "db"}]}', "[" * 100_000):
        write(tmp_path, {"infra/.terraform/modules/modules.json": text})
        result = lower(discover([tmp_path]), PLAIN)
        assert not [node for node in result.nodes if isinstance(node, Repository)]
