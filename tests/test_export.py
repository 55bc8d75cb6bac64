"""The graph as data: valid against its schema, with what lies in front of the containers and what they may read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

from policyengine import cli, engine, plugins
from policyengine.api import DeclarationKind, EdgeKind, Role
from policyengine.reports import graph as export
from policyengine.repository import discover
from tests import trees

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parent.parent


def test_the_graph_of_the_reference_stack_is_what_its_schema_says() -> None:
    tree = discover.open_tree([ROOT / "fixtures" / "hndigest"])
    work = engine.Work(jobs=1, cache=False)
    found = plugins.load()
    scanned = engine.build_graph(tree, engine.load_config(tree, found), found, work)
    schema = json.loads((ROOT / "policyengine" / "schemas" / "graph.schema.json").read_text("utf-8"))
    document = json.loads(export.export(scanned.graph, scanned.sources, "json"))
    jsonschema.Draft202012Validator(schema).validate(document)
    edges = {(edge["source"], edge["kind"], edge["target"]): edge["reason"] for edge in document["edges"]}
    app, role = "terraform:aws_ecs_task_definition.app#app", "terraform:aws_iam_role.execution"
    assert edges[app, "acts_as", role] == "execution role"
    assert edges[role, "grants", "terraform:aws_secretsmanager_secret.app"] == "secretsmanager:GetSecretValue"
    assert edges["terraform:aws_lb.app", "forwards", "terraform:aws_lb_target_group.app"] == "port 443"
    assert edges["terraform:aws_lb_target_group.app", "routes", app] == "port 3005"
    facts = next(node["facts"] for node in document["nodes"] if node["id"] == role)
    assert facts["grants"][0]["actions"]["value"] == ["secretsmanager:GetSecretValue"]
    running = {each["id"]: each for each in document["containers"]}
    assert running[app]["noun"] == "ECS container"
    assert running[app]["facts"]["user"]["value"] == {"text": "node", "name": "node", "uid": "1000"}
    assert running[app]["facts"]["stage"]["value"] == {"id": "dockerfile:Dockerfile.production#runner"}
    assert [each["key"] for each in running[app]["facts"]["environment"]][:2] == ["CORS_ORIGINS", "DATABASE_URL"]
    drawn = export.export(scanned.graph, scanned.sources, "mermaid") + export.export(
        scanned.graph, scanned.sources, "dot"
    )
    assert '-->|"routes"|' in drawn
    assert '"terraform:aws_lb.app" -> "terraform:aws_lb_target_group.app" [label="forwards"]' in drawn


def test_the_schema_knows_every_kind_of_edge_every_role_and_every_kind_of_declaration() -> None:
    schema = json.loads((ROOT / "policyengine" / "schemas" / "graph.schema.json").read_text("utf-8"))
    listed = [each["enum"] for each in _within(schema) if "enum" in each]
    for kinds in (EdgeKind, Role, DeclarationKind):
        assert [each.value for each in kinds] in listed


def _within(schema: object) -> Iterator[dict[str, Any]]:
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield schema
    for each in parts:
        yield from _within(each)


SECRETS = {
    "main.tf": """\
        variable "inner" {
          sensitive = true
          default   = "Tr0ub4dor-and-3"
        }
        resource "acme_thing" "it" {
          master_password = "hunter2-hunter2-X"
          settings = {
            api_token = ["kept-to-oneself-9"]
            plain     = "to see"
          }
          made            = "pre-${var.inner}"
        }
    """,
    "compose.yml": """\
        services:
          web:
            image: nginx
            environment: {API_TOKEN: only-for-us-42-only}
            x-own: {db_password: another-of-ours-77}
    """,
    ".github/workflows/ci.yml": """\
        on: push
        jobs:
          it:
            runs-on: ubuntu-24.04
            steps:
              - run: make
                env: {DEPLOY_TOKEN: in-the-workflow-55-x}
    """,
}


def test_all_that_is_declared_is_exported_on_request_with_secrets_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trees.write(tmp_path, SECRETS)
    assert cli.main(["graph", str(tmp_path), "--declared", "--no-cache", "--jobs", "1"]) == 0
    text = capsys.readouterr().out
    document = json.loads(text)
    schema = json.loads((ROOT / "policyengine" / "schemas" / "graph.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    found = {each["id"]: each for each in document["declared"]}
    thing = found["terraform:acme_thing.it"]
    assert (thing["kind"], thing["type"], thing["nodes"]) == ("resource", "acme_thing", [])
    assert thing["content"]["settings"]["entries"]["plain"]["value"] == "to see"
    assert thing["content"]["master_password"]["state"] == "known"
    assert found["compose:services.web"]["nodes"] == ["compose:services.web"]
    assert found["github:.github/workflows/ci.yml#it.steps[run]"]["within"] == "github:.github/workflows/ci.yml#it"
    for secret in ("Tr0ub4dor", "hunter2", "kept-to-oneself", "only-for-us", "another-of-ours", "in-the-workflow"):
        assert secret not in text


def test_what_is_declared_is_in_no_export_that_does_not_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees.write(tmp_path, SECRETS)
    assert cli.main(["graph", str(tmp_path), "--no-cache", "--jobs", "1"]) == 0
    assert "declared" not in json.loads(capsys.readouterr().out)


def test_the_reference_stack_has_all_that_is_declared_as_the_schema_says() -> None:
    tree = discover.open_tree([ROOT / "fixtures" / "hndigest"])
    found = plugins.load()
    work = engine.Work(jobs=1, cache=False)
    scanned = engine.build_graph(tree, engine.load_config(tree, found), found, work)
    export.every(scanned.graph)
    scanned = scanned.asked()
    assert scanned.failures == ()
    document = json.loads(export.export(scanned.graph, scanned.sources, "json", declared=True))
    schema = json.loads((ROOT / "policyengine" / "schemas" / "graph.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    made = {each["id"]: each["nodes"] for each in document["declared"]}
    assert len(made) == len(document["declared"])
    assert made["terraform:aws_db_instance.main"] == ["terraform:aws_db_instance.main"]
    assert made["terraform:aws_ecs_task_definition.app"] == ["terraform:aws_ecs_task_definition.app#app"]
    assert made["github:.github/workflows/ci.yml#gate"] == ["github:.github/workflows/ci.yml#gate"]
