"""Plans and states on the command line, and `policyengine explain-value`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from policyengine import schemas
from policyengine.cli import main

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """\
terraform {
  backend "s3" {}
}
locals {
  size = 2
  url  = "postgres://app:${var.db_password}@${aws_db_instance.main.address}/app"
}
variable "db_password" {
  default = "hunter2-hunter2"
}
variable "postgres" {}
variable "names" {
  default = []
}
resource "aws_db_instance" "main" {
  engine         = "postgres"
  engine_version = var.postgres
}
resource "aws_db_instance" "floating" {
  engine         = "postgres"
  engine_version = "16"
}
resource "aws_sqs_queue" "many" {
  for_each = toset(var.names)
  name     = each.key
}
module "api" {
  for_each = toset(["blue", "green"])
  source   = "./modules/api"
  replicas = local.size
}
module "remote" {
  source = "git::https://example.com/x.git"
  size   = local.size
}
output "url" {
  value = module.api["blue"].url
}
"""
API = """\
variable "replicas" {
  type = number
}
resource "aws_ecs_service" "this" {
  desired_count = var.replicas
}
resource "aws_db_parameter_group" "this" {
  parameter {
    name  = "max_connections"
    value = upper("a${var.replicas}")
  }
}
output "url" {
  value = "https://${aws_ecs_service.this.name}.example.com"
}
"""
COMPOSE = """\
services:
  db:
    image: postgres:16.4
    environment:
      POSTGRES_PASSWORD: correct-horse-9
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "modules" / "api").mkdir(parents=True)
    (root / "main.tf").write_text(MAIN, "utf-8")
    (root / "prod.tfvars").write_text('postgres = "16.3"\n', "utf-8")
    (root / "modules" / "api" / "main.tf").write_text(API, "utf-8")
    (root / "docker-compose.yml").write_text(COMPOSE, "utf-8")
    return root


def state_file(folder: Path, version: str) -> Path:
    values = {"engine": "postgres", "engine_version": version, "address": "main.abc.rds.amazonaws.com"}
    resource = {"mode": "managed", "type": "aws_db_instance", "name": "main", "values": values, "sensitive_values": {}}
    file = folder / "state.json"
    file.write_text(
        json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": [resource]}}}), "utf-8"
    )
    return file


def explained(repository: Path, address: str, capfd: pytest.CaptureFixture[str], *options: str) -> str:
    code = main(["explain-value", str(repository), address, *options])
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    return out


def as_data(repository: Path, address: str, capfd: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    found = json.loads(explained(repository, address, capfd, "--format", "json", *options))
    assert isinstance(found, dict)
    return found


def steps(found: dict[str, object]) -> list[tuple[str, str]]:
    """What each step is, and where, with the text that is marked."""
    made = found["steps"]
    assert isinstance(made, list)
    return [
        (
            step["what"],
            f"{step['path']}:{step['start']['line']}:{step['start']['column']} "
            + step["line"][step["start"]["column"] - 1 : step["end"]["column"] - 1],
        )
        for step in made
    ]


def test_a_value_is_followed_through_files_to_where_it_stands(
    repository: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    out = explained(repository, "aws_db_instance.main.engine_version", capfd)
    assert out == (
        "aws_db_instance.main.engine_version  in the root module '.'\n"
        "\n"
        "   ┌─ main.tf:17:20  aws_db_instance.main.engine_version → var.postgres\n"
        "17 │   engine_version = var.postgres\n"
        "   │                    ^^^^^^^^^^^^\n"
        "   ├─ prod.tfvars:1:13\n"
        ' 1 │ postgres = "16.3"\n'
        "   │             ^^^^\n"
        "\n"
        'Known: "16.3"\n'
    )


def test_each_step_through_a_module_has_its_place(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = as_data(repository, 'module.api["blue"].aws_ecs_service.this.desired_count', capfd)
    assert (found["state"], found["value"], found["root"]) == ("known", 2, ".")
    assert steps(found) == [
        (
            'module.api["blue"].aws_ecs_service.this.desired_count → var.replicas',
            "modules/api/main.tf:5:19 var.replicas",
        ),
        ('module.api["blue"] sets it → local.size', "main.tf:30:14 local.size"),
        ("", "main.tf:5:10 2"),
    ]


@pytest.mark.parametrize(
    ("address", "state", "value"),
    [
        ("local.size", "known", 2),
        ("var.postgres", "known", "16.3"),
        ("module.api[green].var.replicas", "known", 2),
        ('module.api["green"].replicas', "known", 2),
        ('module.api["green"].aws_db_parameter_group.this.parameter[0].value', "known", "A2"),
        ('module.api["green"].aws_db_parameter_group.this.parameter.name', "known", "max_connections"),
        ("module.remote.size", "known", 2),
        ("module.remote.url", "unknown", "git::https://example.com/x.git is not in the repository"),
        ("output.url", "unknown", "aws_ecs_service.this.name is known only after apply"),
        ('module.api["blue"].url', "unknown", "aws_ecs_service.this.name is known only after apply"),
        ("aws_db_instance.floating.engine_version", "floating", "16"),
        ("aws_db_instance.main.db_name", "absent", "the block does not set 'db_name'"),
        ("compose:services.db/database.version", "known", "16.4"),
        ("terraform:aws_db_instance.floating.version", "floating", "16"),
        ("terraform:aws_db_instance.main.database_name", "absent", "no value is given"),
    ],
)
def test_an_address_leads_to_its_value_or_to_why_there_is_none(
    repository: Path, capfd: pytest.CaptureFixture[str], address: str, state: str, value: object
) -> None:
    found = as_data(repository, address, capfd)
    assert found["state"] == state
    if state in ("unknown", "absent"):
        assert str(value) in str(found["reason"])
    else:
        assert found["value"] == value


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("aws_db_instanc.main.engine_version", "there is no 'aws_db_instanc.main'; did you mean aws_db_instance.main"),
        ("var.postgress", "there is no 'var.postgress'; did you mean postgres?"),
        ("module.api[blue].urls", 'there is no \'module.api["blue"].urls\'; did you mean module.api["blue"].url'),
        ("module.app.x", "there is no 'module.app'; did you mean api?"),
        ("module.api.url", '\'module.api\' has 2 instances: module.api["blue"], module.api["green"]'),
        ('module.api["red"].url', "there is no 'module.api[\"red\"]'"),
        ("module.api[blue].var.replica", "there is no 'module.api[\"blue\"].var.replica'; did you mean replicas?"),
        ("aws_sqs_queue.many.name", "'aws_sqs_queue.many' has no instance: its count or for_each makes none"),
        ("aws_db_instance.main[0].engine", "'aws_db_instance.main' has no key [0]: it has neither count nor for_each"),
        (
            "aws_db_instance.main",
            "'aws_db_instance.main' is a resource; name one of its attributes: engine, engine_version",
        ),
        ("local.size.x", "'local.size.x' leads to nothing: a value has no attribute 'x'"),
        ("compose:services.d", "there is no node 'compose:services.d'; did you mean compose:services.db"),
        ("compose:services.db.imag", "'compose:services.db' has no fact 'imag'; did you mean image?"),
        ("", "the address is empty"),
        ("a..b", "'a..b' is no address of Terraform"),
        ("module", "there is no 'module'"),
        ("data", "there is no 'data'"),
        ("var", "there is no 'var'"),
        ("aws_db_instance", "there is no 'aws_db_instance'"),
        ("var[0]", "there is no 'var[0]'"),
    ],
)
def test_an_address_that_leads_nowhere_gets_one_sentence_with_what_is_near(
    repository: Path, capfd: pytest.CaptureFixture[str], address: str, sentence: str
) -> None:
    assert main(["explain-value", str(repository), address]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"policyengine: {sentence}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    [
        "var.db_password",
        "local.url",
        "compose:services.db.environment.POSTGRES_PASSWORD",
        "compose:services.db.environment",
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_shown(repository: Path, capfd: pytest.CaptureFixture[str], address: str, form: str) -> None:
    out = explained(repository, address, capfd, "--format", form)
    assert "hunter2" not in out
    assert "correct-horse" not in out
    assert "***" in out or address.endswith("environment")


def test_the_parts_of_a_text_are_explained_each(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = as_data(repository, "local.url", capfd)
    assert found["state"] == "unknown"
    parts = found["parts"]
    assert isinstance(parts, list)
    assert [(part["address"], part["state"]) for part in parts] == [
        ("var.db_password", "known"),
        ("aws_db_instance.main.address", "unknown"),
    ]


def test_a_state_is_named_as_the_source_of_a_value(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--state", str(state_file(repository.parent, "16.4")))
    found = as_data(repository, "aws_db_instance.main.engine_version", capfd, *options)
    assert found["value"] == "16.4"
    assert steps(found) == [
        ("aws_db_instance.main.engine_version → actual value (state)", "main.tf:17:20 var.postgres")
    ]
    found = as_data(repository, "aws_db_instance.main.address", capfd, *options)
    assert found["value"] == "main.abc.rds.amazonaws.com"


@pytest.mark.parametrize(
    "address", ["local.url", "aws_db_instance.floating.engine_version", "terraform:aws_db_instance.main", "output.url"]
)
def test_the_data_keep_to_their_schema(repository: Path, capfd: pytest.CaptureFixture[str], address: str) -> None:
    schema = schemas.load("explanation")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_data(repository, address, capfd), schema, jsonschema.Draft202012Validator)


def test_a_node_without_a_fact_lists_its_facts(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = explained(repository, "terraform:aws_db_instance.main", capfd).splitlines()
    assert any(line.startswith("terraform:aws_db_instance.main.version ") and '"16.3"' in line for line in lines)


# scan and graph


def findings(repository: Path, capfd: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    code = main(["scan", str(repository), "--format", "json", "--select", "HEX402", "--fail-on", "never", *options])
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    return {each["rule"]: each["message"] for each in json.loads(out)["findings"]}


def test_a_scan_compares_with_what_a_state_says_and_notices_when_it_changes(
    repository: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(repository.parent / "cache"))
    (repository / "policyengine.yaml").write_text(
        "version: 1\npairs:\n  - {local: db, cloud: aws_db_instance.main}\n", "utf-8"
    )
    assert "16.3" in findings(repository, capfd)["HEX402"]
    file = state_file(repository.parent, "16.4")
    for _ in range(2):
        assert findings(repository, capfd, "--state", str(file)) == {}
    state_file(repository.parent, "16.9")
    for _ in range(2):
        assert "16.9" in findings(repository, capfd, "--state", str(file))["HEX402"]
    assert "16.3" in findings(repository, capfd)["HEX402"]


def test_the_graph_holds_what_a_state_says(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = state_file(repository.parent, "16.4")
    assert main(["graph", str(repository), "--state", str(file)]) == 0
    nodes = {node["id"]: node for node in json.loads(capfd.readouterr().out)["nodes"]}
    version = nodes["terraform:aws_db_instance.main"]["facts"]["version"]
    assert (version["state"], version["value"]) == ("known", "16.4")
    assert version["via"][0]["what"] == "actual value (state)"


@pytest.mark.parametrize("command", [["scan"], ["graph"], ["explain-value"]])
def test_a_plan_that_cannot_be_used_is_wrong_usage(
    repository: Path, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    words = [*command, str(repository), *(["local.size"] if command == ["explain-value"] else [])]
    assert main([*words, "--plan", str(repository / "main.tf")]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"policyengine: {repository / 'main.tf'}:1:1: the plan is not valid JSON")
    assert main([*words, "--state", str(repository / "absent.json")]) == 2
    assert "cannot be read: no such file" in capfd.readouterr().err


def test_a_plan_without_terraform_is_wrong_usage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = state_file(tmp_path, "16.4")
    folder = tmp_path / "empty"
    folder.mkdir()
    assert main(["scan", str(folder), "--state", str(file)]) == 2
    assert "no root module declares none of the state's aws_db_instance.main" in capfd.readouterr().err
