"""The guide to writing a pack, followed to the letter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "packs.md").read_text("utf-8")


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A folder with each file of the guide under its name."""
    for name, text in re.findall(
        r"^(?:For pytest, )?`([\w./]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path


def program(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_cases_of_the_guide_pass(followed: Path) -> None:
    done = program(followed, "pytest", "-q", "-p", "no:cacheprovider", "test_cases.py")
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout


def test_the_guide_shows_what_its_cases_come_to(followed: Path) -> None:
    shown = GUIDE.partition("$ policyengine test ./acme_policies.py\n")[2].partition("```")[0]
    done = program(followed, "policyengine", "test", "./acme_policies.py")
    assert (done.returncode, done.stdout) == (0, shown)
    done = program(followed, "policyengine", "test", "./acme_policies.py", "--coverage")
    assert (done.returncode, "ACME002 has no diverging and no guarding case" in done.stdout) == (1, True)


def test_the_pack_of_the_guide_is_loaded_by_its_path_and_configured(followed: Path) -> None:
    words = ("policyengine", "scan", "reference", "--pack", "./acme_policies.py", "--select", "ACME", "--no-cache")
    assert program(followed, *words).returncode == 0
    configuration = followed / "reference" / "policyengine.yaml"
    configuration.write_text("version: 1\npacks:\n  acme:\n    registry: registry.example.org\n")
    done = program(followed, *words)
    assert done.returncode == 1
    assert "error[ACME001] 'web' takes its image from 'ghcr.io', not from Acme's registry." in done.stdout
    configuration.write_text("version: 1\npacks:\n  acme:\n    registry: [ghcr.io]\n")
    done = program(followed, *words)
    assert done.returncode == 2
    assert "policyengine.yaml:4:15: 'packs.acme.registry' must be of type string" in done.stderr


def test_the_pack_of_the_guide_is_explained_and_passes_into_sarif(followed: Path) -> None:
    explained = program(followed, "policyengine", "explain", "ACME001", "--pack", "./acme_policies.py")
    assert "A cloud service runs an image of a foreign registry." in explained.stdout
    sarif = program(
        followed, "policyengine", "scan", "reference", "--pack", "./acme_policies.py", "--format", "sarif", "--no-cache"
    )
    assert '"id": "ACME001"' in sarif.stdout
    assert "docs/packs.md#the-page-of-a-rule" in sarif.stdout.split('"id": "ACME001"')[1].split('"messageStrings"')[0]
