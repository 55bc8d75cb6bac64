"""The line of policyengine.yaml that a scan without a cloud side proposes where other Compose files are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from policyengine.rules.coverage import account
from policyengine.rules.proposed import production
from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path

BASE = "services:\n  app: {build: .}\n  db: {image: 'postgres:16.4'}\n"
OVER = "services:\n  app: {environment: {DEBUG: 'false'}}\n"
WHOLE = {"compose.yaml": BASE}

PROPOSED: dict[str, tuple[dict[str, str], str]] = {
    "another file of the same services": (
        {"compose.yaml": BASE, "compose.server.yaml": BASE},
        "compose: {canonical: [compose.yaml], production: [compose.server.yaml]}",
    ),
    "the one with most of them, and those that may be meant as well": (
        {"compose.yaml": BASE, "a/compose.yaml": "services: {app: {image: a/b}}", "compose.server.yaml": BASE},
        "compose: {canonical: [compose.yaml], production: [compose.server.yaml]}  # or a/compose.yaml",
    ),
    "what is for development on top": (
        {"compose.yaml": BASE, "compose.dev.yaml": OVER},
        "compose: {canonical: [compose.yaml, compose.dev.yaml], production: [compose.yaml]}",
    ),
    "what is for development by itself": (
        {"compose.yaml": BASE, "compose.dev.yaml": BASE},
        "compose: {canonical: [compose.dev.yaml], production: [compose.yaml]}",
    ),
    "an override that Compose finds": (
        {"compose.yaml": BASE, "compose.override.yaml": OVER},
        "compose: {canonical: [compose.yaml, compose.override.yaml], production: [compose.yaml]}",
    ),
    "a name that YAML would read otherwise": (
        {"compose.yaml": BASE, "a: b/compose.yaml": BASE},
        'compose: {canonical: [compose.yaml], production: ["a: b/compose.yaml"]}',
    ),
    "one file": (WHOLE, ""),
    "other services": ({"compose.yaml": BASE, "compose.tools.yaml": "services: {mail: {image: a/b}}"}, ""),
    "tests": ({"compose.yaml": BASE, "compose.test.yaml": BASE, "examples/compose.yaml": BASE}, ""),
    "no Compose file": ({"main.py": ""}, ""),
}


@pytest.mark.parametrize("name", PROPOSED)
def test_the_line_names_what_both_sides_start(name: str, tmp_path: Path) -> None:
    files, line = PROPOSED[name]
    report = scan(tmp_path, files)
    assert production(report.graph) == line
    assert (f"say so in policyengine.yaml, as: {line}" in account(report).advice) is bool(line)


@pytest.mark.parametrize("name", [each for each, (_, line) in PROPOSED.items() if line])
def test_the_line_makes_a_cloud_side_where_it_is_pasted(name: str, tmp_path: Path) -> None:
    files, line = PROPOSED[name]
    text = f"version: 1\n{line}\n"
    assert set(yaml.safe_load(text)["compose"]) == {"canonical", "production"}
    report = scan(tmp_path, {**files, "policyengine.yaml": text})
    assert {(each.local, each.cloud.rpartition(":")[2]) for each in report.graph.pairs} == {
        ("compose:services.app", "services.app"),
        ("compose:services.db/database", "services.db/database"),
    }
