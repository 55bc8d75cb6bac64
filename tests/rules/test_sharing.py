"""One finding for what several services take from one place, with what a waiver of one of them leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

ANCHOR = """\
x-app: &app
  build: .
  platform: linux/amd64
services:
  web:
    <<: *app
    command: ["node", "web.js"]
  mails:
    <<: *app
    command: ["node", "mails.js"]
  clock:
    <<: *app
    command: ["node", "clock.js"]
"""
DOCKERFILE = "FROM node:22.11.0\nWORKDIR /srv\nCOPY . .\nUSER node\n"


def test_services_that_merge_one_anchor_are_one_finding_that_names_them(tmp_path: Path) -> None:
    files = {"docker-compose.yml": ANCHOR, "Dockerfile": DOCKERFILE, "web.js": ""}
    report = trees.scan(tmp_path, files, "HEX206")
    assert [(each.subject, each.message) for each in report.results] == [
        (
            "compose:services.web",
            (
                "'web' is held to the platform 'linux/amd64', so it is emulated on machines of the other one."
                " The same holds for 'mails', 'clock'."
            ),
        )
    ]


def test_a_waiver_of_one_service_takes_it_out_of_what_the_others_share(tmp_path: Path) -> None:
    waiver = "version: 1\nwaivers:\n  - {rule: HEX206, subject: web, reason: it is edited live}\n"
    files = {"docker-compose.yml": ANCHOR, "Dockerfile": DOCKERFILE, "web.js": "", "policyengine.yaml": waiver}
    report = trees.scan(tmp_path, files, "HEX206")
    assert [each.result.subject for each in report.waived] == ["compose:services.web"]
    assert [each.message.partition("one. ")[2] for each in report.results] == ["The same holds for 'clock'."]
    assert [each.subject for each in report.results] == ["compose:services.mails"]


def test_services_that_write_the_same_at_places_of_their_own_stay_apart(tmp_path: Path) -> None:
    written = ANCHOR.replace("<<: *app", "build: .\n    platform: linux/amd64")
    report = trees.scan(tmp_path, {"docker-compose.yml": written, "Dockerfile": DOCKERFILE, "web.js": ""}, "HEX206")
    assert [each.subject.rpartition(".")[2] for each in report.results] == ["web", "mails", "clock"]


TAGS = """\
resource "aws_ecs_task_definition" "web" {
  family                = "web"
  container_definitions = jsonencode([{ name = "web", image = "ghcr.io/acme/web:latest" }])
}

resource "aws_ecs_task_definition" "mails" {
  family                = "mails"
  container_definitions = jsonencode([{ name = "mails", image = "ghcr.io/acme/mails:latest" }])
}

resource "aws_ecs_task_definition" "clock" {
  family                = "clock"
  container_definitions = jsonencode([{ name = "clock", image = "ghcr.io/acme/clock:latest" }])
}
"""


def test_findings_of_one_cause_at_places_of_their_own_are_one_that_links_them(tmp_path: Path) -> None:
    report = trees.scan(tmp_path, {"main.tf": TAGS}, "HEX607")
    (result,) = report.results
    assert result.message == (
        "The ECS container 'web' runs 'ghcr.io/acme/web:latest', and the tag 'latest' is another image after each push."
        " The same holds for 'mails', 'clock'."
    )
    assert [TAGS[each.start : each.end].strip('"') for each in result.related] == [
        "ghcr.io/acme/mails:latest",
        "ghcr.io/acme/clock:latest",
    ]


def test_a_waiver_of_one_node_leaves_what_is_found_of_the_others_by_the_same_cause(tmp_path: Path) -> None:
    waiver = "version: 1\nwaivers:\n  - {rule: HEX607, subject: web, reason: it is a demonstration}\n"
    report = trees.scan(tmp_path, {"main.tf": TAGS, "policyengine.yaml": waiver}, "HEX607")
    assert [each.result.finding.subject.name for each in report.waived] == ["web"]
    assert [each.finding.subject.name for each in report.results] == ["mails"]
    assert [each.message.partition("push. ")[2] for each in report.results] == ["The same holds for 'clock'."]
    assert report.remarks == ()
