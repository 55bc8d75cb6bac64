"""What `rules:` of the configuration makes of results: the last that fits decides, each of what it says."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import Span
from policyengine.repository.configuration import Config, Configured, RuleSetting, Waiver
from policyengine.rules.configured import accepted, switched_off
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


def _at(start: int) -> Span:
    return Span("policyengine.yaml", start, start + 6)


def test_what_is_accepted_or_switched_off_is_told_to_rules_as_nodes() -> None:
    day, lines = datetime.date(2026, 11, 30), (Span("main.tf", 0, 9),)
    beside = Configured("HEX403", Span("main.tf", 3, 9))
    waivers = (
        Waiver(Configured("HEX101", _at(0)), "agreed"),
        Waiver(Configured("HEX102", _at(10)), "agreed", Configured("web", _at(20)), "@ops", day),
        Waiver(Configured("HEX102", _at(30)), "agreed", None, "", day.replace(day=29)),
        Waiver(beside, "agreed", lines=lines),
        Waiver(Configured("HEX404", Span("main.tf", 4, 8)), "agreed", lines=lines),
        Waiver(beside, "agreed", lines=(Span("main.tf", 20, 29),)),
    )
    made = [
        (each.id, each.name, each.side.value, each.span, each.about, each.owner, each.expires, each.expired, each.off)
        for each in accepted(waivers, day)
    ]
    assert made == [
        ("policyengine:HEX101", "HEX101", "source", _at(0), "", "", "", False, False),
        ("policyengine:HEX102/web", "HEX102", "source", _at(10), "web", "@ops", "2026-11-30", False, False),
        ("policyengine:HEX102", "HEX102", "source", _at(30), "", "", "2026-11-29", True, False),
        ("policyengine:HEX403/main.tf", "HEX403, HEX404", "source", beside.span, "", "", "", False, False),
        ("policyengine:HEX403/main.tf#2", "HEX403", "source", beside.span, "", "", "", False, False),
    ]
    rules = (
        RuleSetting(Configured("HEX1", _at(40)), severity="off"),
        RuleSetting(Configured("HEX2", _at(50)), severity="off", paths=("x",)),
        RuleSetting(Configured("HEX3", _at(60)), severity="note"),
    )
    off = switched_off(Config(path="policyengine.yaml", ignore=(Configured("HEX5", _at(70)),), rules=rules))
    assert [(each.id, each.name, each.side.value, each.span, each.off, each.expired) for each in off] == [
        ("policyengine:HEX5/off", "HEX5", "source", _at(70), True, False),
        ("policyengine:HEX1/off", "HEX1", "source", _at(40), True, False),
    ]
