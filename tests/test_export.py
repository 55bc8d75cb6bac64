"""The graph as data: valid against its schema, with what lies in front of the containers and what they may read."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from policyengine import engine, plugins
from policyengine.reports import graph as export
from policyengine.repository import discover

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
