"""Baselines and earlier commits: only what is new fails, what is fixed is said, and a pull request admits nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from policyengine.cli import git, main
from policyengine.repository import identity
from tests.trees import write

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = "services:\n  db: {{image: 'postgres:{local}'}}\n  cache: {{image: 'redis:8.0.1', command: --maxmemory-policy volatile-lru}}\n"
CLOUD = """
resource "aws_db_instance" "db" {{
  engine         = "postgres"
  engine_version = "{cloud}"
  auto_minor_version_upgrade = false
}}
resource "aws_elasticache_cluster" "cache" {{
  engine         = "redis"
  engine_version = "7.1"
}}
"""


def _tree(root: Path, local: str = "14.4", cloud: str = "14.4") -> None:
    write(root, {"compose.yaml": LOCAL.format(local=local), "infra/main.tf": CLOUD.format(cloud=cloud)})


def _scan(root: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = main(["scan", str(root), "--format", "json", "--no-cache", "--jobs", "1", *more])
    return code, json.loads(capsys.readouterr().out)


def _rules(report: dict[str, object]) -> list[str]:
    findings = report["findings"]
    assert isinstance(findings, list)
    return [each["rule"] for each in findings]


def _git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository whose first commit has one finding: Redis 8 against 7.1."""
    root = tmp_path / "repository"
    _tree(root)
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "first")
    return root


def test_a_known_finding_fails_no_run_and_a_new_one_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _tree(tmp_path)
    code, report = _scan(tmp_path, capsys=capsys)
    assert (code, _rules(report)) == (1, ["HEX411"])
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    file = tmp_path / "policyengine.baseline.json"
    (known,) = json.loads(file.read_text("utf-8"))["findings"]
    assert (known["rule"], known["subject"]) == ("HEX411", "compose:services.cache/cache")
    code, report = _scan(tmp_path, "--baseline", str(file), capsys=capsys)
    assert (code, _rules(report)) == (0, [])
    assert len(report["waived"]) == 1  # type: ignore[arg-type]
    moved = "# moved\n\n" + LOCAL.format(local="14.9").replace(
        "8.0.1", "8.2"
    )  # lines and value of the known one change
    (tmp_path / "compose.yaml").write_text(moved, "utf-8")
    code, report = _scan(tmp_path, "--baseline", str(file), capsys=capsys)
    assert (code, _rules(report)) == (1, ["HEX402"])


def test_what_is_fixed_is_said_and_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _tree(tmp_path, local="14.9")
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    file = tmp_path / "policyengine.baseline.json"
    _tree(tmp_path)
    code, report = _scan(tmp_path, "--baseline", str(file), capsys=capsys)
    assert (code, report["fixed"]) == (0, ["HEX402 of 'compose:services.db/database'"])
    code, report = _scan(tmp_path, "--baseline", str(file), "--ignore", "HEX402", capsys=capsys)
    assert report["fixed"] == []  # it was not asked
    capsys.readouterr()
    assert main(["baseline", "prune", str(tmp_path), "--no-cache"]) == 0
    told = f"'{file}' knows 1 finding, 2 before; next: policyengine scan {tmp_path} --baseline {file}"
    assert capsys.readouterr().err == f"policyengine: {told}\n"
    assert [each["rule"] for each in json.loads(file.read_text("utf-8"))["findings"]] == ["HEX411"]
    capsys.readouterr()
    assert main(["baseline", "show", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("HEX411 compose:services.cache/cache: 'cache' runs 'redis:8.0.1'")
    _tree(tmp_path, local="14.9")
    assert main(["baseline", "update", str(tmp_path), "--no-cache"]) == 0
    assert len(json.loads(file.read_text("utf-8"))["findings"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create",), "there is a baseline"),
        (("show", "--baseline", "none.json"), "none.json' cannot be read: no such file or directory"),
    ],
)
def test_misuse_is_one_sentence(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _tree(tmp_path)
    (tmp_path / "policyengine.baseline.json").write_text('{"version": 1, "findings": []}', "utf-8")
    assert main(["baseline", words[0], str(tmp_path), *words[1:]]) == 2
    assert message in capsys.readouterr().err
    (tmp_path / "policyengine.baseline.json").write_text('{"version": 2, "findings": []}', "utf-8")
    assert main(["scan", str(tmp_path), "--baseline", str(tmp_path / "policyengine.baseline.json")]) == 2
    anew = "; restore it, or remove it and write it with 'policyengine baseline create'\n"
    assert capsys.readouterr().err.endswith(f"has version 2; this program reads version 1{anew}")
    (tmp_path / "policyengine.baseline.json").write_text('{"version": 1, "find', "utf-8")
    assert main(["baseline", "update", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(
        f"policyengine.baseline.json' is no baseline: Input data was truncated{anew}"
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(("local", "cloud"), [("14.9", "14.4"), ("14.4", "14.8")])
def test_since_tells_what_either_side_broke(
    local: str, cloud: str, history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = _scan(history, "--since", "HEAD", capsys=capsys)
    assert (code, _rules(report)) == (0, [])
    _tree(history, local, cloud)
    code, report = _scan(history, "--since", "main", capsys=capsys)
    assert (code, _rules(report)) == (1, ["HEX402"])
    _git(history, "commit", "-qam", "second")
    _tree(history)
    before = _git(history, "status", "--short")
    code, report = _scan(history, "--since", "HEAD", capsys=capsys)
    assert (code, _rules(report), report["fixed"]) == (0, [], ["HEX402 of 'compose:services.db/database'"])
    assert _git(history, "status", "--short") == before != ""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_pull_request_does_not_admit_its_own_findings(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "create", str(history), "--no-cache"]) == 0
    _git(history, "add", ".")
    _git(history, "commit", "-qm", "baseline")
    base = _git(history, "rev-parse", "HEAD")
    _tree(history, local="14.9")
    assert main(["baseline", "update", str(history), "--no-cache"]) == 0
    _git(history, "commit", "-qam", "admit everything")
    own = str(history / "policyengine.baseline.json")
    assert _scan(history, "--baseline", own, capsys=capsys)[0] == 0
    code, report = _scan(history, "--baseline-ref", base, capsys=capsys)
    assert (code, _rules(report)) == (1, ["HEX402"])
    assert main(["scan", str(history), "--baseline-ref", base, "--no-cache", "--format", "concise"]) == 1
    assert f"1 known by the baseline '{base}:policyengine.baseline.json'" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_report_takes_the_place_of_no_file_that_is_read(
    history: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(history)
    assert main(["baseline", "create", "--no-cache"]) == 0
    before = {each.name: each.read_bytes() for each in history.iterdir() if each.is_file()}
    capsys.readouterr()
    for words in (
        ("scan", "--format", "json", "-o", "compose.yaml"),
        ("graph", ".", "--format", "json", "-o", "infra/main.tf"),
        ("scan", "--baseline", "policyengine.baseline.json", "-o", "policyengine.baseline.json"),
    ):
        assert main([*words, "--no-cache"]) == 2
        told = f"the report would take the place of '{words[-1]}', which is no report; give -o another file"
        assert capsys.readouterr().err == f"policyengine: {told}\n"
    assert {each.name: each.read_bytes() for each in history.iterdir() if each.is_file()} == before
    for _ in range(2):  # a file of any name that git does not keep may be a former report
        assert main(["scan", "--format", "concise", "-o", "last.log", "--no-cache"]) == 1


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("option", ["--since", "--baseline-ref"])
def test_an_empty_name_of_a_commit_does_not_mean_everything(
    option: str, history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(history), f"{option}="]) == 2
    told = "--since and --baseline-ref name a commit, and this name is empty; leave the option out"
    assert capsys.readouterr().err == f"policyengine: {told}\n"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=touch x", "HEAD:compose.yaml"])
def test_what_is_no_commit_is_refused(revision: str, history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(history), f"--since={revision}", "--no-cache"]) == 2
    assert "policyengine: " in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_an_earlier_commit_keeps_its_address_and_no_credentials(history: Path, tmp_path: Path) -> None:
    _git(history, "remote", "add", "origin", "https://x-access-token:hunter2hunter2@github.com/acme/shop.git")
    _git(history, "config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic aHVudGVyMg==")
    (tmp_path / "copy").mkdir()
    git.extracted(history, "HEAD", tmp_path / "copy")
    assert identity.identity(tmp_path / "copy")[0] == identity.identity(history)[0] == "https://github.com/acme/shop"
    files = {
        each.relative_to(tmp_path / "copy").as_posix() for each in (tmp_path / "copy").rglob("*") if each.is_file()
    }
    assert files == {"compose.yaml", "infra/main.tf", ".git/config", ".git/index"}
    kept = (tmp_path / "copy" / ".git" / "config").read_text("utf-8")
    assert "hunter2" not in kept
    assert "aHVudGVyMg" not in kept


def test_a_known_finding_that_weighs_more_later_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weighs = "version: 1\nrules:\n  HEX411:\n    severity: {}\n"
    _tree(tmp_path)
    write(tmp_path, {"policyengine.yaml": weighs.format("note")})
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    file = tmp_path / "policyengine.baseline.json"
    (known,) = json.loads(file.read_text("utf-8"))["findings"]
    assert known["severity"] == "note"
    for severity, code, rules in (("note", 0, []), ("error", 1, ["HEX411"]), ("warning", 1, ["HEX411"])):
        write(tmp_path, {"policyengine.yaml": weighs.format(severity)})
        found, report = _scan(tmp_path, "--baseline", str(file), capsys=capsys)
        assert (found, _rules(report), report["fixed"]) == (code, rules, [])
    write(tmp_path, {"policyengine.yaml": weighs.format("error")})
    assert main(["baseline", "update", str(tmp_path), "--no-cache"]) == 0
    write(tmp_path, {"policyengine.yaml": weighs.format("warning")})
    assert _scan(tmp_path, "--baseline", str(file), capsys=capsys)[0] == 0


STAGES = """
variable "tag" { default = "14.4" }
resource "aws_db_instance" "db" {
  engine         = "postgres"
  engine_version = var.tag
  auto_minor_version_upgrade = false
}
"""


def test_a_known_finding_of_one_environment_is_new_in_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": LOCAL.format(local="14.4").partition("  cache")[0],
            "infra/main.tf": STAGES,
            "infra/prod.tfvars": 'tag = "14.4"\n',
            "infra/staging.tfvars": 'tag = "14.8"\n',
            "policyengine.yaml": "version: 1\nenvironments: [prod, staging]\n",
        },
    )
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    file = tmp_path / "policyengine.baseline.json"
    (known,) = json.loads(file.read_text("utf-8"))["findings"]
    assert (known["rule"], known["environments"]) == ("HEX402", ["staging"])
    assert _scan(tmp_path, "--baseline", str(file), capsys=capsys)[0] == 0
    write(tmp_path, {"infra/prod.tfvars": 'tag = "14.8"\n'})
    code, report = _scan(tmp_path, "--baseline", str(file), capsys=capsys)
    assert (code, _rules(report)) == (1, ["HEX402"])


def test_the_file_is_sorted_holds_no_secret_and_changes_by_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hunter2-hunter2-hunter2"
    compose = "services:\n  app: {{build: ., environment: {{DATABASE_URL: 'postgres://u:{}@localhost:5432/a'{}}}}}\n"
    compose += "  db: {{image: 'postgres:16.4'}}\n  redis: {{image: 'redis:7.2.4'}}\n"
    write(tmp_path, {"compose.yaml": compose.format(secret, ""), "Dockerfile": "FROM scratch\n"})
    file = tmp_path / "policyengine.baseline.json"
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    first = file.read_text("utf-8").splitlines()
    assert not any(secret in line for line in first)
    more = ", A_URL: 'redis://localhost:6379'"
    write(tmp_path, {"compose.yaml": "# moved\n" + compose.format(secret, more)})
    assert main(["baseline", "update", str(tmp_path), "--no-cache"]) == 0
    second = file.read_text("utf-8").splitlines()
    assert [line for line in first if line not in second] == []
    added = [line.strip() for line in second if line not in first]
    assert [line.partition(":")[0] for line in added] == ['"identity"', '"message"']
    findings = json.loads(file.read_text("utf-8"))["findings"]
    keys = [(each["rule"], each["subject"], each["identity"]) for each in findings]
    assert keys == sorted(keys)
    capsys.readouterr()


def test_what_did_not_run_is_neither_fixed_nor_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _tree(tmp_path)
    assert main(["baseline", "create", str(tmp_path), "--no-cache"]) == 0
    write(tmp_path, {"policyengine.yaml": "version: 1\nrules:\n  HEX411:\n    severity: 'off'\n"})
    file = tmp_path / "policyengine.baseline.json"
    assert _scan(tmp_path, "--baseline", str(file), capsys=capsys)[1]["fixed"] == []
    assert main(["baseline", "prune", str(tmp_path), "--no-cache"]) == 0
    assert [each["rule"] for each in json.loads(file.read_text("utf-8"))["findings"]] == ["HEX411"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_commit_without_the_file_says_so(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(history), "--baseline-ref", "main...", "--no-cache"]) == 2
    assert capsys.readouterr().err == "policyengine: the commit 'main...' has no file 'policyengine.baseline.json'\n"


@pytest.mark.parametrize("name", ["policyengine.baseline.json", "known.json"])
def test_what_the_file_says_is_no_part_of_the_system(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _tree(tmp_path)
    write(tmp_path, {"hosts/shop.hosts": "127.0.0.1 nobody-else.local\n"})
    file = tmp_path / name
    options = ("--baseline", str(file), "--no-cache")
    assert main(["baseline", "create", str(tmp_path), *options]) == 0
    assert "nobody-else.local" in file.read_text("utf-8")
    log = tmp_path / "last.sarif"
    for _ in range(2):  # the log of the first names it too
        code, report = _scan(tmp_path, "-o", "-", "--format", "sarif", "-o", str(log), *options, capsys=capsys)
        assert (code, _rules(report), report["fixed"]) == (0, [], [])
