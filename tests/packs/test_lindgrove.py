"""The example of an organisation: its pack holds its own cases, and its file holds in a repository that would weaken it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "fixtures" / "packs" / "lindgrove"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("POLICYENGINE_ORG_CONFIG", raising=False)
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "lindgrove"]:
        del sys.modules[name]


def test_each_rule_has_a_case_that_it_reports_and_one_that_it_leaves_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["test", str(FOLDER), "--coverage"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1].endswith(" cases of 12 rules passed")


def test_eight_rules_are_in_yaml_and_four_in_python() -> None:
    assert (FOLDER / "lindgrove" / "rules.yaml").read_text("utf-8").count("- id: LIND") == 8
    assert (FOLDER / "lindgrove" / "rules.py").read_text("utf-8").count('"LIND') == 4


@pytest.fixture
def expensive(tmp_path: Path) -> Path:
    """The repository of the cases, which spends more than was agreed, and keeps its logs for 60 days."""
    tree = tmp_path / "shop"
    shutil.copytree(FOLDER / "lindgrove" / "reference", tree)
    main = tree / "infra" / "main.tf"
    text = main.read_text("utf-8").replace("retention_in_days = 90", "retention_in_days = 60")
    runner = 'resource "aws_instance" "runner" {\n  count = 8\n  instance_type = "t4g.small"\n  tags = { team = "shop" }\n}\n'
    main.write_text(text + runner, "utf-8")
    return tree


def found(tree: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[tuple[str, str, str]]]:
    named = ["--pack", str(FOLDER), "--org-config", str(FOLDER / "organisation.yaml")]
    code = cli.main(["scan", str(tree), *named, "--no-cache", "--format", "json"])
    out, err = capsys.readouterr()
    assert err == ""
    told = [(each["rule"], each["place"]["path"], each["message"]) for each in json.loads(out)["findings"]]
    return code, [each for each in told if each[0].startswith(("LIND", "LOCK"))]


OVER = (
    "LIND105",
    "infra/main.tf",
    "The machines cost '412' euros in a month, not '400'; 'aws_db_instance.main' costs most of it.",
)


def test_what_the_file_requires_holds_without_a_configuration(
    expensive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = "'aws_cloudwatch_log_group.shop' does not keep logs for '90' to '400' days."
    assert found(expensive, capsys) == (1, [OVER, ("LIND202", "infra/main.tf", logs)])


def test_a_repository_cannot_weaken_what_is_locked_and_may_set_what_is_not(
    expensive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (expensive / "policyengine.yaml").write_text(
        "version: 1\n"
        "packs:\n  lindgrove: {budget: 4000, log_days: 60}\n"
        'rules:\n  LIND1: {severity: "off"}\n'
        "waivers:\n  - {rule: LIND105, reason: it is worth it}\n"
    )
    file = "policyengine.yaml"
    locks = "which 'Lindgrove' locks (organisation.yaml:6);"
    assert found(expensive, capsys) == (
        1,
        [
            OVER,
            ("LOCK001", file, "'packs.lindgrove.budget' differs from what 'Lindgrove' locks (organisation.yaml:7); its value holds."),
            ("LOCK001", file, f"'rules.LIND1.severity' lowers 'LIND101', 'LIND102', 'LIND103' and 2 more, {locks} their weight stays."),
            ("LOCK001", file, f"'waivers' accepts findings of 'LIND105', {locks} they stand."),
        ],
    )  # fmt: skip


def test_the_list_of_packs_tells_what_is_locked(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--pack", str(FOLDER), "--org-config", str(FOLDER / "organisation.yaml")]
    assert cli.main(["packs", "lindgrove", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  budget: integer, 400 by default, locked to 400 by Lindgrove" in lines
    assert "  log_days: integer, 30 by default" in lines


def test_without_the_pack_the_file_stops_the_run(expensive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["scan", str(expensive), "--org-config", str(FOLDER / "organisation.yaml"), "--no-cache"])
    said = "organisation.yaml:6:5: the required pack 'lindgrove' is not loaded; install it (loaded are clean-hexagon)"
    assert code == 2
    assert capsys.readouterr().err == f"policyengine: {FOLDER}/{said}\n"
