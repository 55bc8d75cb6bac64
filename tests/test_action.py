"""The GitHub action and the pre-commit hook: pinned, and its scan gives what the next steps need."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = ACTION["runs"]["steps"]


def test_every_action_inside_is_pinned_by_commit() -> None:
    used = [each["uses"] for each in STEPS if "uses" in each]
    assert len(used) == 3
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used)


def test_no_expression_stands_in_a_script() -> None:
    scripts = [each["run"] for each in STEPS if "run" in each]
    assert len(scripts) == 3
    assert not any("${{" in each for each in scripts)


def test_the_upload_runs_whatever_the_scan_found_and_the_verdict_comes_last() -> None:
    names = [each.get("name", "") for each in STEPS]
    assert names[-3:] == ["Scan", "Upload", "Verdict"]
    assert "exit" not in STEPS[names.index("Scan")]["run"].replace("exit-code", "")
    assert STEPS[names.index("Upload")]["with"]["category"] == "${{ inputs.category }}"
    assert ACTION["inputs"]["category"]["default"] == "policyengine"
    assert "fork" in STEPS[names.index("Upload")]["continue-on-error"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("fail_on", "more", "code"),
    [("warning", "", 1), ("never", "--profile=recommended\n\n--select=HEX4\n", 0), ("odd", "", 2)],
)
def test_the_scan_writes_log_summary_and_annotations(tmp_path: Path, fail_on: str, more: str, code: int) -> None:
    program = tmp_path / "policyengine" / "bin" / "policyengine"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m policyengine "$@"\n', "utf-8")
    program.chmod(0o755)
    script = next(each["run"] for each in STEPS if each.get("name") == "Scan")
    places = {name: tmp_path / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            **{name: str(path) for name, path in places.items()},
            "RUNNER_TEMP": str(tmp_path),
            "SCANNED": "fixtures/diverged",
            "FAIL_ON": fail_on,
            "ARGS": more,
            "POLICYENGINE_CACHE_DIR": str(tmp_path / "cache"),
            "GITHUB_WORKSPACE": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split("=", 1) for line in places["GITHUB_OUTPUT"].read_text("utf-8").splitlines())
    assert told["code"] == str(code)
    if code == 2:
        assert "sarif" not in told
        return
    results = json.loads(Path(told["sarif"]).read_text("utf-8"))["runs"][0]["results"]
    assert results
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("fixtures/diverged/")
    assert "| error HEX402 |" in places["GITHUB_STEP_SUMMARY"].read_text("utf-8")
    assert "::error file=fixtures/diverged/docker-compose.yml,line=" in done.stdout


def test_the_pre_commit_hook_runs_when_a_file_of_a_side_changes() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["entry"].split()[:2] == ["policyengine", "scan"]
    changed = ("docker-compose.dev.yml", "Dockerfile.production", "infra/rds.tf", ".env.example", "a/compose.yaml")
    assert all(re.search(hook["files"], each) for each in changed)
    assert not re.search(hook["files"], "src/app.py")
