"""What `rules:` of the configuration makes of results: the last that fits decides, each of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.rules.rule import Severity, rule
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

QUEUES = {
    "docker-compose.yml": "services:\n  app:\n    image: shop:1\n",
    "infra/main.tf": 'resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n',
}
GATE = {
    "docker-compose.yml": "services:\n  app:\n    build: .\n    ports: ['3000:3000']\n",
    "Dockerfile": 'FROM node:22\nUSER node\nCMD ["node", "server.js"]\n',
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm run build\n",
}


def told(root: Path, files: dict[str, str], rules: str, *select: str) -> tuple[list[str], list[str]]:
    """The severities of what stands, and the reasons of what is waived."""
    configured = {"policyengine.yaml": f"version: 1\nprofile: recommended\nrules:\n{rules}"} if rules else {}
    report = trees.scan(root, files | configured, *select, profile="recommended")
    assert report.failures == ()
    return [each.severity.value for each in report.results], [each.reason for each in report.waived]


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        ("", "warning"),
        ("  HEX102: {severity: error}\n", "error"),
        ("  HEX1: {severity: note}\n", "note"),
        ("  HEX1: {severity: note}\n  HEX102: {severity: error}\n", "error"),
        ("  HEX1: {severity: note}\n  HEX102: {profile: strict}\n", "note"),
        ("  HEX1: {severity: note}\n  HEX103: {severity: error}\n", "note"),
        ("  HEX2: {severity: error}\n", "warning"),
        ("  HEX1: {severity: error, paths: ['infra/**']}\n", "error"),
        ("  HEX1: {severity: error, paths: ['other/**']}\n", "warning"),
        ("  HEX1: {severity: error, paths: ['!infra/**']}\n", "warning"),
        ("  HEX1: {severity: error, paths: ['!other/**']}\n", "error"),
        ('  HEX102: {severity: "off"}\n', ""),
        ('  HEX1: {severity: "off"}\n  HEX102: {severity: note}\n', "note"),
    ],
)
def test_the_severity_that_the_configuration_gives(rules: str, severity: str, tmp_path: Path) -> None:
    found, waived = told(tmp_path, QUEUES, rules, "HEX102")
    assert found == ([severity] if severity else [])
    assert waived == ([] if severity else ["switched off in policyengine.yaml"])


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        ("", "note"),
        ("  HEX6: {profile: strict}\n", "error"),
        ("  HEX601: {profile: strict, paths: ['.github/**']}\n", "error"),
        ("  HEX601: {profile: strict, paths: ['infra/**']}\n", "note"),
        ("  HEX6: {profile: strict}\n  HEX601: {profile: recommended}\n", "note"),
        ("  HEX6: {profile: strict}\n  HEX601: {severity: warning}\n", "warning"),
    ],
)
def test_a_convention_is_a_note_unless_the_profile_is_strict(rules: str, severity: str, tmp_path: Path) -> None:
    assert told(tmp_path, GATE, rules, "HEX601") == ([severity], [])


def test_a_rule_without_a_docstring_is_refused() -> None:
    def nothing_said(_: object, __: object) -> tuple[()]:
        return ()

    with pytest.raises(ValueError, match="rule ACME001: function 'nothing_said' needs a docstring"):
        rule("ACME001", mandate="1.1", severity=Severity.NOTE, message="said")(nothing_said)  # type: ignore[arg-type]
