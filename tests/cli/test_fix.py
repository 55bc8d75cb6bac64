"""`policyengine fix`: what it shows, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from policyengine import mending
from policyengine.cli import main
from policyengine.engine import Work, evaluate_tree, load_config
from policyengine.repository import discover

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

TERRAFORM = """\
resource "aws_db_instance" "main" {
  identifier     = "main"
  engine         = "postgres"
  engine_version = "16.10"
}
"""
COMPOSE = """\
services:
  db: # the only one
    image: postgres:16.9-bookworm
    environment:
      POSTGRES_PASSWORD: aXd93kfQ2mZ7pLw8
"""
DIFF = """\
--- a/compose.yml
+++ b/compose.yml
@@ -1,5 +1,5 @@
 services:
   db: # the only one
-    image: postgres:16.9-bookworm
+    image: postgres:16.10-bookworm
     environment:
       POSTGRES_PASSWORD: ****************
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.tf").write_text(TERRAFORM)
    (folder / "compose.yml").write_text(COMPOSE)
    return folder


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_the_diff_of_the_safe_fixes_is_shown_and_nothing_is_written(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fix", str(tree)]) == 1
    shown = capsys.readouterr()
    assert shown.out == DIFF
    assert shown.err == (
        "policyengine: HEX402 compose.yml: run Postgres 16.10 (safe)\n"
        "policyengine: HEX404 main.tf: set auto_minor_version_upgrade to false (not applied: it is unsafe)\n"
        "policyengine: 1 fix can be applied with --apply, 1 fix left; --unsafe takes those that are unsafe\n"
    )
    assert (tree / "compose.yml").read_text() == COMPOSE


def test_applied_files_keep_all_other_bytes_and_their_mode(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"\xef\xbb\xbf" + COMPOSE.removesuffix("\n").replace("\n", "\r\n").encode()
    (tree / "compose.yml").write_bytes(data)
    (tree / "compose.yml").chmod(0o640)
    assert main(["fix", str(tree), "--apply"]) == 1
    assert (tree / "compose.yml").read_bytes() == data.replace(b"16.9", b"16.10")
    assert stat.S_IMODE((tree / "compose.yml").stat().st_mode) == 0o640
    assert main(["fix", str(tree), "--apply", "--unsafe"]) == 0
    assert (tree / "main.tf").read_text() == TERRAFORM.replace("     = ", "                 = ").replace(
        'engine_version = "16.10"\n', 'engine_version             = "16.10"\n  auto_minor_version_upgrade = false\n'
    )
    capsys.readouterr()
    assert main(["fix", str(tree), "--apply", "--unsafe"]) == 0
    assert capsys.readouterr() == ("", "policyengine: no fixes applied\n")
    assert sorted(each.name for each in tree.iterdir()) == ["compose.yml", "main.tf"]


def test_rules_may_be_selected(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fix", str(tree), "--apply", "--unsafe", "--select", "HEX404"]) == 0
    assert capsys.readouterr().err.startswith("policyengine: HEX404 main.tf: set auto_minor")
    assert (tree / "compose.yml").read_text() == COMPOSE


def test_uncommitted_changes_are_not_edited_unless_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tree, "init", "-q")
    git(tree, "add", "main.tf")
    git(tree, "commit", "-qm", "one")
    assert main(["fix", str(tree), "--apply"]) == 2
    assert capsys.readouterr().err == (
        "policyengine: 'compose.yml' would be edited and has uncommitted changes; commit them, or pass --allow-dirty\n"
    )
    assert (tree / "compose.yml").read_text() == COMPOSE
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "two")
    (tree / "compose.yml").write_text(f"# mine\n{COMPOSE}")
    assert main(["fix", str(tree), "--apply"]) == 2
    assert main(["fix", str(tree), "--apply", "--allow-dirty"]) == 1
    assert (tree / "compose.yml").read_text() == f"# mine\n{COMPOSE}".replace("16.9", "16.10")
    git(tree, "commit", "-qam", "three")
    (tree / "other.txt").write_text("a change elsewhere\n")
    assert main(["fix", str(tree), "--apply", "--unsafe"]) == 0


def test_a_file_in_a_repository_without_a_commit_counts_as_uncommitted(tree: Path) -> None:
    git(tree, "init", "-q")
    assert main(["fix", str(tree), "--apply"]) == 2
    assert main(["fix", str(tree), "--apply", "--allow-dirty"]) == 1


def test_links_are_not_followed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "real").mkdir()
    (tree / "compose.yml").rename(tree / "real" / "stack.yml")
    (tree / "compose.yml").symlink_to("real/stack.yml")
    assert main(["fix", str(tree), "--apply"]) == 1
    assert (tree / "compose.yml").is_symlink()
    assert (tree / "real" / "stack.yml").read_text() == COMPOSE.replace("16.9", "16.10")
    capsys.readouterr()


def test_a_file_that_cannot_be_written_is_named_and_the_others_are_written(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put = os.replace
    monkeypatch.setattr("pathlib.Path.replace", lambda self, to: refuse(to) if to.name == "main.tf" else put(self, to))

    def refuse(to: Path) -> None:
        raise PermissionError(13, "Permission denied", str(to))

    assert main(["fix", str(tree), "--apply", "--unsafe"]) == 3
    assert "policyengine: 'main.tf' could not be written: permission denied\n" in capsys.readouterr().err
    assert ((tree / "main.tf").read_text(), (tree / "compose.yml").read_text()) == (
        TERRAFORM,
        COMPOSE.replace("16.9", "16.10"),
    )
    assert sorted(each.name for each in tree.iterdir()) == ["compose.yml", "main.tf"]


def test_a_file_in_another_encoding_is_named_and_does_not_count_as_mended(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = b"# caf\xe9\nFROM postgres:16.9-bookworm\n"  # Latin-1, of which Docker minds nothing
    (tree / "Dockerfile").write_bytes(text)
    (tree / "compose.yml").write_text(COMPOSE.replace("image: postgres:16.9-bookworm", "build: ."))
    assert main(["fix", str(tree), "--apply"]) == 3
    said = capsys.readouterr().err
    assert "policyengine: 'Dockerfile' could not be written: it is not UTF-8\n" in said
    assert "policyengine: no fixes applied, 1 fix left" in said
    assert (tree / "Dockerfile").read_bytes() == text


def test_the_diff_is_coloured_where_colours_are_asked_for(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["fix", str(tree)])
    assert "\x1b[31m-    image: postgres:16.9-bookworm\x1b[0m\n" in capsys.readouterr().out


def test_json_has_the_edits_and_whether_they_are_safe(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", str(tree), "--format", "json", "--fail-on", "never"])
    fixes = {each["rule"]: each["fix"] for each in json.loads(capsys.readouterr().out)["findings"]}
    assert (fixes["HEX402"]["applicability"], fixes["HEX404"]["applicability"]) == ("safe", "unsafe")
    assert [(each["text"], each["place"]["text"]) for each in fixes["HEX402"]["edits"]] == [
        ("16.10-bookworm", "16.9-bookworm")
    ]
    assert [each["text"].strip() for each in fixes["HEX404"]["edits"]][-1] == "auto_minor_version_upgrade = false"


def test_edits_that_meet_are_made_one_after_the_other(installed: Plugins, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  web:\n    build: .\n    environment: {A: b}\n")
    (tmp_path / "Dockerfile").write_text('FROM node:22\nUSER node\nCMD ["node", "."]\n')
    (tmp_path / "compose.prod.yml").write_text(
        "services:\n  web:\n    build: .\n    init: true\n    stop_grace_period: 1m\n    environment: {A: b}\n"
    )
    tree = discover.open_tree([tmp_path])
    settings = load_config(tree, installed)
    found = mending.mend(
        tree, lambda each: evaluate_tree(each, settings, installed, work=Work(jobs=1, cache=False)), unsafe=True
    )
    assert [each.rule.id for each in found.done if each.rule.id == "HEX112"] == ["HEX112", "HEX112"]
    assert found.texts["compose.yml"].startswith("services:\n  web:\n    build: .\n    environment: {A: b}\n    ")
    assert {"    init: true", "    stop_grace_period: 60s"} <= set(found.texts["compose.yml"].splitlines())
    assert not found.left


def test_a_fix_that_would_make_another_finding_is_left_and_named(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "compose.yml").write_text(
        "services:\n  app:\n    build: .\n    environment:\n      NEXTAUTH_URL: http://localhost:3000\n"
        '    ports: ["3000:3000"]\n'
    )
    (tree / "Dockerfile").write_text('FROM node:22\nUSER node\nEXPOSE 3000\nCMD ["node", "."]\n')
    assert main(["fix", str(tree), "--select", "HEX506,HEX507"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "not applied: then HEX507 is found of 'app'" in shown.err
