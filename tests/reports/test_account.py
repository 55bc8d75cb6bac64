"""A tick stands only over what was compared; who has no twin is named, in every format."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from policyengine import cli

COMPOSE = """
services:
  redis:
    image: redis:8.8.0-alpine
  postgres:
    image: postgres:14.18
"""
POSTGRES = """
resource "aws_db_instance" "main" {
  engine                     = "postgres"
  engine_version             = "13.16"
  auto_minor_version_upgrade = false
}
"""


def cache(name: str, version: str = "7.1") -> str:
    return f"""
resource "aws_elasticache_replication_group" "{name}" {{
  replication_group_id = "{name}"
  engine               = "redis"
  engine_version       = "{version}"
}}
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def program(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli.main([*words, "--no-cache", "--jobs", "1"])
    out, err = capfd.readouterr()
    return code, out, err


def report(capfd: pytest.CaptureFixture[str], root: Path, *words: str) -> dict[str, Any]:
    _, out, _ = program(capfd, "scan", str(root), "--format", "json", *words)
    document: dict[str, Any] = json.loads(out)
    return document


def found(document: dict[str, Any]) -> list[tuple[str, str, int]]:
    """What is found, but for the policy by which caches evict: its defaults differ."""
    findings = [each for each in document["findings"] if each["rule"] != "HEX421"]
    return sorted((each["rule"], each["place"]["path"], each["place"]["start"]["line"]) for each in findings)


def test_a_second_cache_of_the_cloud_hides_no_mismatch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, {"compose.yml": COMPOSE, "infra/main.tf": POSTGRES + cache("front") + cache("sessions")})
    document = report(capfd, root)
    assert found(document) == [("HEX401", "compose.yml", 6), ("HEX411", "compose.yml", 4)]
    redis = next(each for each in document["findings"] if each["rule"] == "HEX411")
    assert [place["start"]["line"] for place in redis["related"]] == [
        11,
        17,
    ]  # what both agree on is said once, with both places


def test_a_local_datastore_of_another_kind_hides_no_mismatch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compose = COMPOSE + "  dynamodb:\n    image: amazon/dynamodb-local:2.5.2\n"
    root = write(tmp_path, {"compose.yml": compose, "infra/main.tf": POSTGRES + cache("front")})
    document = report(capfd, root)
    assert found(document) == [("HEX401", "compose.yml", 6), ("HEX411", "compose.yml", 4)]
    assert [each["node"] for each in document["coverage"]["unpaired"]] == ["compose:services.dynamodb/database"]


def test_what_only_some_of_tied_twins_show_is_an_open_question(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compose = """
services:
  one:
    image: redis:7.2
  two:
    image: redis:8.2
"""
    tied = cache("left", "8.0") + cache("right", "7.1")
    document = report(capfd, write(tmp_path, {"compose.yml": compose, "infra/main.tf": tied}))
    assert found(document) == []
    assert {(each["rule"], each["subject"]) for each in document["undecided"]} == {
        ("HEX411", "compose:services.one/cache"),
        ("HEX411", "compose:services.two/cache"),
    }
    assert all("say so under 'pairs'" in each["reason"] for each in document["undecided"])


def test_what_all_tied_twins_show_is_reported_once_for_each_subject(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compose = """
services:
  one:
    image: redis:8.2
  two:
    image: redis:8.2
"""
    tied = cache("left") + cache("right")
    document = report(capfd, write(tmp_path, {"compose.yml": compose, "infra/main.tf": tied}))
    assert found(document) == [("HEX411", "compose.yml", 4), ("HEX411", "compose.yml", 6)]
    assert document["undecided"] == []


def test_a_database_for_tests_is_no_second_twin(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compose = """
services:
  db:
    image: postgres:14.18
  db-test:
    image: postgres:12.1
"""
    document = report(capfd, write(tmp_path, {"compose.yml": compose, "infra/main.tf": POSTGRES}))
    assert found(document) == [("HEX401", "compose.yml", 4)]
    assert document["coverage"]["unpaired"] == [{"node": "compose:services.db-test/database", "candidates": []}]


def test_mariadb_and_aurora_mysql_are_compared_by_their_role(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compose = "services:\n  shop:\n    image: mariadb:11.4\n  postgres:\n    image: postgres:13.16\n"
    cloud = """
resource "aws_rds_cluster" "shop" {
  engine         = "aurora-mysql"
  engine_version = "8.0.mysql_aurora.3.05.2"
}
"""
    document = report(capfd, write(tmp_path, {"compose.yml": compose, "infra/main.tf": POSTGRES + cloud}))
    assert ("HEX103", "compose.yml", 3) in found(document)
    assert {rule for rule, _, _ in found(document)} <= {"HEX103", "HEX404"}


@pytest.mark.parametrize(
    ("files", "missing", "advice"),
    [
        ({"compose.yml": COMPOSE}, ["cloud"], "no cloud side was found"),
        ({"infra/main.tf": POSTGRES}, ["local"], "no local side was found"),
        ({".env.example": "A=1\n"}, ["local", "cloud"], "neither a Compose file nor a cloud side was found"),
    ],
)
def test_a_side_that_is_not_there_leaves_no_tick_and_one_sentence(
    files: dict[str, str], missing: list[str], advice: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path, files)
    document = report(capfd, root)
    assert document["coverage"]["missing"] == missing
    assert document["coverage"]["advice"].startswith(advice)
    code, out, _ = program(capfd, "scan", str(root))
    side = next(line for line in out.splitlines() if "1 Mirroring" in line)
    assert "✓" not in side
    assert "– nothing to compare: no " in side
    assert out.count(advice) == 1
    assert code == 0


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_a_report_to_a_file_tells_its_account_on_stderr(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "tree", {"compose.yml": COMPOSE})
    _, out, err = program(capfd, "scan", str(root), "--format", form, "-o", str(tmp_path / "report"))
    assert out == ""
    assert err.startswith("policyengine: ")
    assert "no cloud side was found" in err
    assert err.count("\n") == 1


def test_the_sarif_log_holds_the_account(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, {"compose.yml": COMPOSE, "infra/main.tf": POSTGRES + cache("front") + cache("sessions")})
    _, out, _ = program(capfd, "scan", str(root), "--format", "sarif")
    run = json.loads(out)["runs"][0]
    assert run["properties"]["coverage"] == report(capfd, root)["coverage"]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert {note["level"] for note in notes} == {"note"}
    told = [note["message"]["text"] for note in notes if note["descriptor"]["id"] == "PE9004"]
    assert [text.partition(":")[0] for text in told[1:]] == [
        f"Side {side['side']} '{side['title']}' of clean-hexagon" for side in run["properties"]["coverage"]["sides"]
    ]
    assert [note["descriptor"]["id"] for note in notes if "associatedRule" in note] == ["PE9007"] * len(
        report(capfd, root)["undecided"]
    )


def test_nothing_to_scan_is_wrong_usage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = program(capfd, "scan", str(tmp_path))
    assert (code, out) == (2, "")
    assert "there is nothing to scan in" in err


def test_a_tree_whose_only_file_is_broken_has_no_tick(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = program(capfd, "scan", str(write(tmp_path, {"compose.yml": "services: [\n"})))
    assert code == 3
    assert "✓" not in out


def test_open_questions_fail_a_run_that_asks_for_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compose = "services:\n  db:\n    image: postgres:${PG}\n"
    root = write(tmp_path, {"compose.yml": compose, "infra/main.tf": POSTGRES})
    assert program(capfd, "scan", str(root))[0] == 0
    assert program(capfd, "scan", str(root), "--fail-on", "undecided")[0] == 1


def test_pairs_are_listed_with_what_would_settle_the_rest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compose = """
services:
  api:
    image: acme/api:1
  search:
    image: getmeili/meilisearch:v1.11
  one:
    image: redis:8.2
  two:
    image: redis:8.2
"""
    root = write(tmp_path, {"compose.yml": compose, "infra/main.tf": POSTGRES + cache("left") + cache("right")})
    code, out, _ = program(capfd, "pairs", str(root))
    assert code == 0
    assert "services.one/cache  ↔  aws_elasticache_replication_group.left" in out
    assert "tied: the same engine; one of several that it may be" in out
    settle = out.partition("policyengine.yaml:\n\n")[2].splitlines()
    assert '  - {local: "services.one/cache", cloud: "aws_elasticache_replication_group.left"}' in settle
    told = "# no file says what runs these in the cloud, so nothing of them is compared: services.api"
    assert settle[0] == told
    assert settle[-1] == 'ignore: {local: ["services.search/search"], cloud: ["aws_db_instance.main"]}'
    config = "version: 1\n" + "\n".join(["pairs:", settle[2], settle[5], settle[-1]]) + "\n"
    (root / "policyengine.yaml").write_text(config)
    document = report(capfd, root)
    assert [each["node"] for each in document["coverage"]["unpaired"]] == ["compose:services.api"]
    assert document["coverage"]["declared"] == ["compose:services.search/search", "terraform:aws_db_instance.main"]
