"""What could not be read, and what is said of it, shows no secret; nor does what was written later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.cli import main
from tests.safety import faults, later
from tests.safety.spill import leaked, planted, write

if TYPE_CHECKING:
    from pathlib import Path

TREES = faults.TREES | later.TREES
COMMANDS = (
    ("scan", "--undecided"),
    ("scan", "--format", "json"),
    ("scan", "--format", "sarif", "--sarif-profile", "full"),
    ("scan", "--format", "github"),
    ("graph",),
    ("pairs", "--format", "json"),
)


@pytest.mark.parametrize("tree", TREES)
def test_no_error_shows_a_secret(tree: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files, secrets = planted(TREES[tree])
    write(tmp_path, files)
    for command, *options in COMMANDS:
        assert main([command, str(tmp_path), *options, "--no-cache"]) in (0, 1, 3)
        said = capfd.readouterr()
        assert leaked(secrets, said.out + said.err) == set(), (command, *options)


def test_a_line_that_no_reader_understood_shows_its_first_word_and_its_signs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"main.tf": 'locals {\n  greeting = "kX82mQz7Lw4pTn9R\n}\n'})
    assert main(["scan", str(tmp_path), "--format", "sarif", "--no-cache"]) == 3
    assert '"text": "locals {\\n  greeting = \\"****************\\n}"' in capfd.readouterr().out


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_a_place_that_was_read_is_quoted_beside_one_that_was_not(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dockerfile = "FROM node:20\nRUNN kX82mQz7Lw4pTn9R\nUSER root\nCMD node server.js\n"
    write(tmp_path, {"Dockerfile": dockerfile, "compose.yaml": "services:\n  a:\n    build: .\n"})
    assert main(["scan", str(tmp_path), "--format", form, "--no-cache"]) == 3
    said = capfd.readouterr().out
    assert "kX82mQz7Lw4pTn9R" not in said
    assert "RUNN" in said
