from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policyengine.cli import main, output
from policyengine.cli.output import Target, targets
from policyengine.cli.places import uri_prefix
from policyengine.model.source import UsageError
from policyengine.repository.identity import UNKNOWN, identity

ROOT = Path(__file__).parent.parent.parent
SOURCES = os.pathsep.join([str(ROOT), str(ROOT / "policies")])
REFERENCE = str(ROOT / "fixtures" / "hndigest")


@pytest.fixture
def diverged(tmp_path: Path) -> Path:
    """A stack with one certain finding, and a password that must not be shown."""
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n"
        "  app:\n"
        "    build: .\n"
        "    environment:\n"
        "      DATABASE_URL: postgres://app:hunter2hunter2@localhost:5434/app\n"
        "  db:\n"
        "    image: postgres:16.4\n"
        '    ports: ["5434:5432"]\n',
        "utf-8",
    )
    (tmp_path / "Dockerfile").write_text("FROM node:22\nUSER node\n", "utf-8")
    return tmp_path


def policyengine(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "GITHUB_WORKSPACE")
    }
    return subprocess.run(
        [sys.executable, "-m", "policyengine", *words],
        cwd=ROOT,
        env={**clean, "PYTHONPATH": SOURCES, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


# --- which report goes where


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [Target("text")]),
        ([("format", "json")], [Target("json")]),
        (
            [("format", "sarif"), ("output", "a.sarif"), ("format", "text")],
            [Target("sarif", Path("a.sarif")), Target("text")],
        ),
        (
            [("format", "sarif"), ("output", "a"), ("format", "json"), ("output", "b")],
            [Target("sarif", Path("a")), Target("json", Path("b"))],
        ),
        ([("output", "a.sarif"), ("format", "sarif")], [Target("sarif", Path("a.sarif"))]),
        ([("output", "a.sarif"), ("format", "text")], [Target("sarif", Path("a.sarif")), Target("text")]),
        ([("output", "a.json")], [Target("json", Path("a.json"))]),
        ([("output", "out"), ("format", "json")], [Target("json", Path("out"))]),
        ([("format", "json"), ("output", "-")], [Target("json")]),
    ],
)
def test_each_format_goes_to_the_file_next_to_it(options: list[tuple[str, str]], expected: list[Target]) -> None:
    assert targets(options, "text") == expected


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([("format", "json"), ("format", "text")], "two reports would go to standard output"),
        ([("format", "json"), ("output", "a"), ("format", "text"), ("output", "a")], "two reports would go to 'a'"),
        ([("output", "a.xyz")], "the format of 'a.xyz' cannot be told"),
    ],
)
def test_reports_that_would_collide_are_refused(options: list[tuple[str, str]], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        targets(options, "text")


def test_several_formats_come_of_one_run(diverged: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sarif, data = tmp_path / "out.sarif", tmp_path / "out.json"
    code = main(
        [
            "scan",
            str(diverged),
            "--format",
            "sarif",
            "-o",
            str(sarif),
            "--format",
            "json",
            "-o",
            str(data),
            "--format",
            "text",
        ]
    )
    out, err = capfd.readouterr()
    assert code == 1
    assert err == ""
    assert "error[HEX501]" in out
    findings = json.loads(data.read_text("utf-8"))["findings"]
    results = json.loads(sarif.read_text("utf-8"))["runs"][0]["results"]
    assert {each["rule"] for each in findings} == {each["ruleId"] for each in results}
    assert "hunter2" not in out + sarif.read_text("utf-8") + data.read_text("utf-8")


# --- exit codes


def test_the_reference_stack_is_clean(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", REFERENCE]) == 0
    assert "No finding" in capfd.readouterr().out


@pytest.mark.parametrize(("level", "code"), [("never", 0), ("error", 1), ("note", 1)])
def test_fail_on_decides_what_a_finding_costs(diverged: Path, level: str, code: int) -> None:
    assert main(["scan", str(diverged), "--select", "HEX501", "--fail-on", level]) == code


def test_a_file_that_cannot_be_read_is_exit_3_with_all_other_findings(
    diverged: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (diverged / "broken.tf").write_text('resource "aws_db_instance" "a" {\n', "utf-8")
    assert main(["scan", str(diverged), "--fail-on", "never"]) == 3
    out = capfd.readouterr().out
    assert "error[HEX501]" in out
    assert "failure " in out
    assert "broken.tf:" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["scan", "no-such-folder"], "'no-such-folder"),
        (["scan", REFERENCE, "--select", "HEX999"], "no rule begins with 'HEX999'; did you mean"),
        (["scan", REFERENCE, "--ignore", "HEX402,NO1"], "no rule begins with 'NO1'"),
        (["scan", REFERENCE, "--config", "no.yaml"], "configuration 'no.yaml' cannot be read"),
        (["scan", REFERENCE, "--pack", "no_such_pack"], "policy pack 'no_such_pack' does not import"),
        (["scan", REFERENCE, "-o", "no/such/folder/a.json"], "there is no folder 'no/such/folder'"),
        (["scan", REFERENCE, "-o", "."], "the format of '.' cannot be told"),
        (["scan", REFERENCE, "--format", "json", "-o", "."], "it is a folder"),
        (["scan", REFERENCE, "--uri-root", "docs"], "does not hold the scanned folder"),
        (["scan", REFERENCE, "--jobs", "-1"], "--jobs must be 0 or more"),
        (["scan", REFERENCE, "--format", "srif"], "markdown, not 'srif'; did you mean 'sarif'?"),
        (["scan", REFERENCE, "--no-such-option"], "there is no option '--no-such-option'"),
        (["scna"], "did you mean 'scan'?"),
        (["--format", "json"], "a command comes first"),
        (["explain", "HEX40"], "did you mean HEX4"),
        (["explain"], "the following arguments are required: ID"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_clear_sentence(
    words: list[str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_exit_3(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", REFERENCE, "--format", "json", "-o", "/dev/full"]) == 3
    assert "the report could not be written to '/dev/full': no space left on device" in capfd.readouterr().err


def test_help_is_exit_0_and_names_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capfd.readouterr().out
    assert all(f"\n  {name} " in out for name in ("scan", "rules", "explain", "graph"))
    assert main(["scan", "--help"]) == 0
    assert "exit codes:" in capfd.readouterr().out


# --- terminals and pipes


def test_colour_is_for_terminals_and_whoever_forces_it() -> None:
    assert "\x1b" not in policyengine("scan", REFERENCE).stdout
    assert "\x1b" in policyengine("scan", REFERENCE, FORCE_COLOR="1").stdout
    assert "\x1b" not in policyengine("scan", REFERENCE, FORCE_COLOR="1", NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("command", "line"),
    [("scan", b"* 1 Mirroring            ok"), ("pairs", b"  services.app  =  ")],
)
def test_a_latin_terminal_gets_ascii(command: str, line: bytes) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "policyengine", command, REFERENCE],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": SOURCES},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, b"")
    assert line in made.stdout
    assert b"\\u" not in made.stdout


def test_a_closed_pipe_is_no_error(diverged: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "policyengine", "scan", str(diverged)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (1, b"")


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    received: list[bytes] = []

    def read() -> None:
        while data := os.read(reader, 40_000):
            received.append(data)
            time.sleep(0.002)

    thread = threading.Thread(target=read)
    thread.start()
    text = "".join(f"line {number} ✓\n" for number in range(60_000))
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        output.to_stdout(text)
        monkeypatch.undo()
    thread.join()
    os.close(reader)
    assert b"".join(received).decode() == text


# --- where URIs start, and which repository it is


def test_uris_start_at_the_workspace_when_it_holds_the_scanned_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a b" / "c"
    inner.mkdir(parents=True)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    assert uri_prefix(inner, None) == ""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert uri_prefix(inner, None) == "a b/c/"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert uri_prefix(inner, None) == ""
    assert uri_prefix(inner, str(tmp_path)) == "a b/c/"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x-access-token:ghp_abcdefghijkl@github.com/acme/shop.git", "https://github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop"),
        ("ssh://git@github.com/acme/shop", "https://github.com/acme/shop"),
        ("/srv/git/shop", UNKNOWN),
    ],
)
def test_a_repository_is_named_without_credentials(
    tmp_path: Path, url: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {url}\n', "utf-8")
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text(f"{'ab' * 20}\n", "utf-8")
    assert identity(tmp_path) == (expected, "ab" * 20)


def test_a_folder_without_a_repository_has_the_nil_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    assert identity(tmp_path) == (UNKNOWN, "")


# --- the other commands


def test_rules_are_listed_as_a_table_and_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    table = capfd.readouterr().out
    assert main(["rules", "--format", "json"]) == 0
    listed = json.loads(capfd.readouterr().out)["rules"]
    assert listed
    assert all(f"  {each['id']}  {each['severity']}" in table for each in listed)
    assert main(["rules", "HEX4", "--format", "json"]) == 0
    assert {each["side"] for each in json.loads(capfd.readouterr().out)["rules"]} == {"4"}


def test_explain_shows_rationale_mandate_and_cases_as_diffs(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "HEX402"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("HEX402 postgres-minor-mismatch\n")
    assert "Mandate 4.1: " in out
    assert "  -FROM postgres:16.10-bookworm\n  +FROM postgres:16.9-bookworm\n" in out
    assert main(["explain", "hex402", "--format", "markdown"]) == 0
    assert "```diff\n" in capfd.readouterr().out


@pytest.mark.parametrize("form", ["json", "mermaid", "dot"])
def test_the_graph_is_exported(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", REFERENCE, "--format", form]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith({"json": "{", "mermaid": "flowchart LR", "dot": "digraph"}[form])


def test_the_graph_of_the_reference_stack_is_valid_by_its_schema(capfd: pytest.CaptureFixture[str]) -> None:
    import jsonschema

    from policyengine.schemas import load as schema

    assert main(["graph", REFERENCE]) == 0
    jsonschema.Draft202012Validator(schema("graph")).validate(json.loads(capfd.readouterr().out))
