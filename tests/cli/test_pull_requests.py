"""Pull requests, played in a repository with history: what is new, fixed and unchanged, whichever side they edit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from policyengine.cli import main
from tests.trees import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

COMPOSE = """services:
  db:
    image: postgres:14.4
  cache:
    image: redis:8.0.1
    command: --maxmemory-policy volatile-lru
"""
CLOUD = """resource "aws_db_instance" "db" {
  engine         = "postgres"
  engine_version = "14.4"
  auto_minor_version_upgrade = false
}
resource "aws_elasticache_cluster" "cache" {
  engine         = "redis"
  engine_version = "7.1"
}
"""
WORKFLOW = """on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    services:
      postgres:
        image: postgres:14.4
    steps:
      - run: npm test
"""
FILES = {"compose.yaml": COMPOSE, "infra/main.tf": CLOUD, ".github/workflows/ci.yml": WORKFLOW}
OLD = ("HEX411", "compose:services.cache/cache")
"""The finding that the base branch has: Redis 8 against 7.1."""


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    allowed = ("-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *who, *allowed, "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path, edits: Mapping[str, str]) -> None:
    """One commit that writes files."""
    write(root, edits)
    git(root, "add", "-A", "-f")
    git(root, "commit", "-qm", "change")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A repository on the branch of a pull request, at its base."""
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, FILES)
    git(root, "checkout", "-qb", "change")
    return root


def pulled(
    root: Path, capsys: pytest.CaptureFixture[str], *more: str, since: str = "main..."
) -> tuple[int, dict[str, Any], str, str]:
    """Exit code, JSON, annotations and summary of a scan."""
    made = root.parent / "report.json", root.parent / "report.md"
    reports = ("--format", "json", "-o", str(made[0]), "--format", "markdown", "-o", str(made[1]), "--format", "github")
    code = main(["scan", str(root), "--since", since, "--no-cache", "--jobs", "1", "--ignore", "HEX6", *reports, *more])
    return code, json.loads(made[0].read_text("utf-8")), capsys.readouterr().out, made[1].read_text("utf-8")


def told(report: dict[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
    """New, unchanged and fixed findings, each as rule and subject."""
    lists = report["findings"], report["since"]["unchanged"], report["since"]["fixed"]
    new, unchanged, fixed = ([(each["rule"], each["subject"]) for each in found] for found in lists)
    return new, unchanged, fixed


DB = ("HEX402", "compose:services.db/database")
JOB = ("HEX416", "github:.github/workflows/ci.yml#test/services.postgres/database")
LOCALLY = [JOB, DB]
"""What is new where Compose alone has another Postgres: it differs from the cloud, and the workflow from it."""


@pytest.mark.parametrize(
    ("edit", "new", "first", "here"),
    [
        (
            {"infra/main.tf": CLOUD.replace("14.4", "14.8")},
            [DB],
            {"file=infra/main.tf,line=3,"},
            {"HEX402": "cloud"},
        ),
        (
            {"compose.yaml": COMPOSE.replace("14.4", "14.9")},
            [JOB, DB],
            {"file=compose.yaml,line=3,"},
            {"HEX402": "local", "HEX416": "local"},
        ),
        (
            {".github/workflows/ci.yml": WORKFLOW.replace("14.4", "14.2")},
            [JOB],
            {"file=.github/workflows/ci.yml,line=7,"},
            {"HEX416": "pipeline"},
        ),
    ],
    ids=["only Terraform", "only Compose", "only a workflow"],
)
def test_what_either_side_breaks_is_new_and_told_where_the_diff_is(
    edit: dict[str, str],
    new: list[tuple[str, str]],
    first: set[str],
    here: dict[str, str],
    base: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit(base, edit)
    code, report, annotations, summary = pulled(base, capsys)
    assert (code, *told(report)) == (1, new, [OLD], [])
    lines = [line for line in annotations.splitlines() if not line.startswith("::notice")]
    assert all(any(place in line for place in first) for line in lines[: len(new)])
    assert f"::notice title=policyengine::{len(new)} new, 1 unchanged, 0 fixed since 'main...';" in annotations
    assert f"{len(new)} new, 1 unchanged, 0 fixed since 'main...'" in summary.replace("&#45;", "-")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in summary.splitlines() if "**new**" in line]
    assert {row[0].split()[1]: row[4] for row in rows} == here


def test_an_edit_of_terraform_is_annotated_at_both_places_and_says_which_is_to_edit(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(base, {"infra/main.tf": CLOUD.replace("14.4", "14.8")})
    lines = [line for line in pulled(base, capsys, "--select", "HEX402")[2].splitlines() if "HEX402" in line]
    said = "'db' runs Postgres '14.4', but the cloud runs '14.8'. Run Postgres 14.8."
    assert lines == [
        (
            "::error file=infra/main.tf,line=3,endLine=3,col=21,endColumn=25,title=HEX402::"
            f"{said} This is the other side; the place to edit is compose.yaml:3:12."
        ),
        (
            "::error file=compose.yaml,line=3,endLine=3,col=12,endColumn=25,title=HEX402::"
            f"{said} See also infra/main.tf:3:21."
        ),
    ]


def test_what_is_fixed_is_told_and_fails_nothing(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": COMPOSE.replace("8.0.1", "7.1.4").replace("redis:7.1.4", "redis:7.1-alpine")})
    code, report, annotations, summary = pulled(base, capsys, "--select", "HEX411")
    assert (code, *told(report)) == (0, [], [], [OLD])
    assert "0 new, 0 unchanged, 1 fixed since 'main...'" in annotations
    (row,) = [line for line in summary.splitlines() if line.startswith("| error HEX411")]
    assert [cell.strip() for cell in row.split("|")[3:7]] == [
        "<code>compose.yaml&#58;5&#58;12</code>",
        "<code>infra/main.tf&#58;8&#58;21</code>",
        "",
        "fixed",
    ]


@pytest.mark.parametrize("committed", [True, False])
def test_a_renamed_file_makes_nothing_new(committed: bool, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = {
        "compose.yaml": COMPOSE.replace("14.4", "14.9"),
        ".github/workflows/ci.yml": WORKFLOW.replace("14.4", "14.2"),
    }
    commit(base, broken)
    git(base, "branch", "-f", "main")
    (base / "compose.yaml").rename(base / "docker-compose.yml")
    (base / "infra").rename(base / "terraform")
    workflow = base / ".github/workflows/ci.yml"
    workflow.rename(workflow.with_name("gate.yml"))
    workflow.with_name("gate.yml").write_text(
        f"# renamed\n{workflow.with_name('gate.yml').read_text('utf-8')}", "utf-8"
    )
    if committed:
        git(base, "add", "-A")
        git(base, "commit", "-qm", "rename")
    code, report, *_ = pulled(base, capsys)
    new, unchanged, fixed = told(report)
    assert (code, new, fixed) == (0, [], [])
    assert {rule for rule, _ in unchanged} == {"HEX402", "HEX411", "HEX416"}


def test_a_file_that_is_renamed_and_breaks_something_more_has_one_new_finding(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (base / "compose.yaml").unlink()
    commit(base, {"docker-compose.yml": COMPOSE.replace("14.4", "14.9")})
    _, report, annotations, _ = pulled(base, capsys)
    assert told(report) == (LOCALLY, [OLD], [])
    assert "::error file=docker-compose.yml,line=3," in annotations


def test_what_is_not_committed_counts_and_nothing_in_the_repository_changes(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(base, {"compose.override.yaml": "services:\n  db:\n    image: postgres:14.9\n"})
    before = git(base, "status", "--short"), (base / ".git/index").read_bytes(), git(base, "count-objects", "-v")
    code, report, annotations, _ = pulled(base, capsys, since="HEAD")
    assert (code, *told(report)) == (1, LOCALLY, [OLD], [])
    assert "::error file=compose.override.yaml,line=3," in annotations
    assert (
        git(base, "status", "--short"),
        (base / ".git/index").read_bytes(),
        git(base, "count-objects", "-v"),
    ) == before


def test_a_merge_base_leaves_out_what_others_changed_meanwhile(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": COMPOSE.replace("14.4", "14.9")})
    git(base, "checkout", "-q", "main")
    commit(base, {"infra/main.tf": CLOUD.replace("7.1", "8.0")})
    git(base, "checkout", "-q", "change")
    assert told(pulled(base, capsys, since="main...")[1]) == (LOCALLY, [OLD], [])
    assert OLD in told(pulled(base, capsys, since="main")[1])[0]  # which main has mended


def test_the_log_holds_all_findings_while_only_new_ones_are_told(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(base, {"compose.yaml": COMPOSE.replace("14.4", "14.9")})
    log = tmp_path / "all.sarif"
    pulled(base, capsys, "--format", "sarif", "-o", str(log))
    rules = [each["ruleId"] for each in json.loads(log.read_text("utf-8"))["runs"][0]["results"]]
    assert rules == ["HEX416", "HEX402", "HEX411"]


def test_a_shallow_clone_says_what_to_fetch(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": COMPOSE.replace("14.4", "14.9")})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{base}", str(clone))
    for revision in ("HEAD~1", "HEAD~1..."):
        assert main(["scan", str(clone), "--since", revision, "--no-cache"]) == 2
        assert capsys.readouterr().err == (
            "policyengine: git knows no commit 'HEAD~1' here; the clone is shallow: fetch its history ('fetch-depth: 0' "
            "of actions/checkout, 'GIT_DEPTH: 0' of GitLab, 'git fetch --unshallow' elsewhere)\n"
        )
    git(clone, "fetch", "-q", "--depth=2", "origin", "change")
    assert told(pulled(clone, capsys, since="HEAD~1")[1]) == (LOCALLY, [OLD], [])


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nowhere", "git knows no commit 'nowhere' here; fetch it, or check its name"),
        ("main..HEAD", "'main..HEAD' names several commits; give one, or 'main...'"),
        ("main...other", "'main...other' names several commits; give one, or 'main...'"),
        ("--upload-pack=touch x", "'--upload-pack=touch x' is no revision"),
        ("...", "'...' is no revision"),
    ],
)
def test_what_names_no_commit_is_one_sentence(
    revision: str, message: str, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(base), f"--since={revision}", "--no-cache"]) == 2
    assert capsys.readouterr().err == f"policyengine: {message}\n"


def test_a_folder_that_is_no_repository_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, FILES)
    assert main(["scan", str(tmp_path), "--since", "main", "--no-cache", "--ignore", "HEX6"]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_attributes_links_submodules_and_ignored_files_that_git_keeps_are_read_as_they_are(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    git(part, "init", "-q", "-b", "main")
    commit(part, {"app.env": "A=1\n", "compose.yaml": COMPOSE.replace("14.4", "14.7")})
    git(base, "submodule", "--quiet", "add", f"file://{part}", "part")
    (base / "linked.yaml").symlink_to("compose.yaml")
    commit(
        base,
        {
            ".gitattributes": "*.yaml export-ignore\ninfra/** filter=none eol=crlf\n",
            ".gitignore": "compose.yaml\n",
        },
    )
    git(base, "branch", "-f", "main")
    assert told(pulled(base, capsys, since="main")[1]) == ([], [OLD], [])


def test_a_part_of_a_repository_is_held_against_that_part(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = {f"shop/{path}": text for path, text in FILES.items() if not path.startswith(".")}
    commit(base, moved)
    git(base, "branch", "-f", "main")
    commit(base, {"shop/compose.yaml": COMPOSE.replace("14.4", "14.9")})
    assert told(pulled(base / "shop", capsys)[1]) == ([DB], [OLD], [])
    write(base, {"new/compose.yaml": COMPOSE, "new/main.tf": CLOUD})
    assert told(pulled(base / "new", capsys)[1]) == ([OLD], [], [])  # the commit has no such folder
    commit(base, {"policyengine.yaml": "version: 1\n"})  # which makes the folder above the root
    assert told(pulled(base / "shop", capsys)[1])[1:] == ([("HEX411", "compose:services.cache/cache")], [])


def test_a_commit_that_could_not_be_read_whole_is_named(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": "services: {db: [\n"})
    git(base, "branch", "-f", "main")
    commit(base, {"compose.yaml": COMPOSE})
    code, report, annotations, _ = pulled(base, capsys)
    assert (code, told(report)[0]) == (1, [OLD])
    (why,) = report["since"]["lacking"]
    assert why.startswith("compose.yaml: not valid YAML")
    assert (
        f"1 new, 0 unchanged, 0 fixed since 'main...'; what is new may be old where that could not be read: {why}"
        in (annotations)
    )


def test_a_file_that_breaks_makes_nothing_fixed(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": "services: {db: [\n"})
    code, report, annotations, _ = pulled(base, capsys)
    assert (code, *told(report)[::2]) == (3, [], [])
    assert (
        "0 new, 0 unchanged since 'main...'; what is fixed is not known, since the report is not complete;"
        in annotations
    )


def test_a_configuration_that_was_not_valid_is_that_of_now(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"policyengine.yaml": "version: 1\nwhat: 2\n"})
    git(base, "branch", "-f", "main")
    commit(base, {"policyengine.yaml": "version: 1\n"})
    made = base.parent / "r.json"
    assert (
        main(
            [
                "scan",
                str(base),
                "--since",
                "main",
                "--no-cache",
                "--ignore",
                "HEX6",
                "--format",
                "json",
                "-o",
                str(made),
            ]
        )
        == 0
    )
    assert told(json.loads(made.read_text("utf-8"))) == ([], [OLD], [])
    assert "'main' is held against the configuration of now" in capsys.readouterr().err


def test_a_waiver_that_is_taken_away_makes_its_finding_new(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiver = "version: 1\nwaivers:\n  - rule: HEX411\n    reason: soon\n    owner: a\n    expires: 2999-01-01\n"
    commit(base, {"policyengine.yaml": waiver})
    git(base, "branch", "-f", "main")
    assert told(pulled(base, capsys)[1]) == ([], [], [])
    commit(base, {"policyengine.yaml": "version: 1\n"})
    assert told(pulled(base, capsys)[1]) == ([OLD], [], [])


def test_open_questions_of_the_commit_fail_nothing(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(base, {"compose.yaml": COMPOSE.replace("14.4", "${TAG}")})
    git(base, "branch", "-f", "main")
    code, report, *_ = pulled(base, capsys, "--fail-on", "undecided")
    assert (code, bool(report["undecided"])) == (0, True)
    commit(base, {"compose.yaml": COMPOSE.replace("14.4", "${TAG}").replace("8.0.1", "${OTHER}")})
    assert pulled(base, capsys, "--fail-on", "undecided")[0] == 1


def test_a_side_with_unchanged_findings_has_no_tick(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(base), "--since", "main", "--no-cache", "--ignore", "HEX6"]) == 0
    shown = capsys.readouterr().out
    assert "No new finding" in shown
    assert re.search(r"4 Data services\s+1 unchanged  \d+ compared", shown)
    assert "0 new, 1 unchanged, 0 fixed since 'main'" in shown


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"])
def test_the_environment_of_a_hook_does_not_lead_elsewhere(
    variable: str, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(base, {"compose.yaml": COMPOSE.replace("14.4", "14.9")})
    monkeypatch.setenv(variable, ".git/elsewhere")
    made = base.parent / "r.json"
    assert (
        main(
            [
                "scan",
                str(base),
                "--since",
                "HEAD",
                "--no-cache",
                "--ignore",
                "HEX6",
                "--format",
                "json",
                "-o",
                str(made),
            ]
        )
        == 1
    )
    assert told(json.loads(made.read_text("utf-8"))) == (LOCALLY, [OLD], [])
    assert capsys.readouterr().out == ""
