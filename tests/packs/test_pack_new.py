"""`policyengine pack new`: what it writes works at once, installs, and is gone when it is uninstalled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from policyengine import cli

ROOT = Path(__file__).parents[2]


def program(folder: Path, *words: str, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    places = [str(each) for each in path] + [str(ROOT), str(ROOT / "policies")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "NO_COLOR": "1", "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["pack", "new", "acme-web"]) == 0
    assert capsys.readouterr().out == (
        "'acme-web' is a policy pack with the rules ACME001 and ACME002. Go on with:\n"
        "  cd acme-web\n"
        "  policyengine test --coverage\n"
        "  policyengine scan PATH --pack .\n"
        "  pip install -e .\n"
    )
    return tmp_path / "acme-web"


def test_every_file_that_it_writes_is_whole(made: Path) -> None:
    files = {each.relative_to(made).as_posix() for each in made.rglob("*") if each.is_file()}
    assert files == {
        ".github/workflows/test.yml",
        "README.md",
        "acme_web/__init__.py",
        "acme_web/cases/ACME001.yaml",
        "acme_web/cases/ACME002.yaml",
        "acme_web/reference/main.tf",
        "acme_web/rules.yaml",
        "pyproject.toml",
        "tests/test_cases.py",
    }
    assert [name for name in files if re.search("@[a-z]+@", (made / name).read_text("utf-8"))] == []


def test_its_own_cases_pass_at_once(made: Path) -> None:
    done = program(made, "policyengine", "test", "--coverage")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout == f"acme-web 0.1.0  {made}\n✓ ACME001  3 cases\n✓ ACME002  3 cases\n\n6 cases of 2 rules passed\n"
    )
    done = program(made, "pytest", "-q", "-p", "no:cacheprovider")
    assert (done.returncode, "6 passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.slow
def test_installed_it_is_found_without_a_flag_and_uninstalled_it_is_gone(made: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(made / "acme_web" / "reference", tree)
    site = tmp_path / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q"]
    done = program(tmp_path, "pip", "install", *options, "--target", str(site), str(made))
    assert done.returncode == 0, done.stderr
    shutil.rmtree(made)  # nothing of the project is needed any more, its cases neither
    scan = ("policyengine", "scan", str(tree), "--select", "ACME", "--no-cache", "--format", "concise")
    (tree / "policyengine.yaml").write_text(
        "version: 1\npacks:\n  acme-web: {registry: other.example.com, backup_days: 30}\n"
    )
    done = program(tmp_path, *scan, path=(site,))
    assert (done.returncode, "ACME001" in done.stdout, "'30' days" in done.stdout) == (1, True, True), done.stderr
    done = program(tmp_path, "policyengine", "test", "acme-web", "--coverage", path=(site,))
    assert done.stdout.splitlines()[0] == "acme-web 0.1.0  installed by acme-web 0.1.0"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "6 cases of 2 rules passed")
    (tree / "policyengine.yaml").unlink()
    shutil.rmtree(site)
    done = program(tmp_path, *scan)
    assert (done.returncode, done.stderr) == (2, "policyengine: no rule begins with 'ACME'; see 'policyengine rules'\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Acme", "'Acme' is no name of a pack: it has small letters, digits and hyphens, as 'acme-web'"),
        ("acme_web", "'acme_web' is no name of a pack"),
        ("../acme", "'../acme' is no name of a pack"),
        ("acme-", "'acme-' is no name of a pack"),
        ("1acme", "'1acme' is no name of a pack"),
        ("class", "the name 'class' would make a module 'class', which is taken; choose another"),
        ("json", "the name 'json' would make a module 'json', which is taken; choose another"),
        ("clean-hexagon", "the name 'clean-hexagon' would make a module 'clean_hexagon', which is taken"),
        ("there", "'there' is there already; choose another name, or go elsewhere"),
        ("dangling", "'dangling' is there already; choose another name, or go elsewhere"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    code = cli.main(["pack", "new", name])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(f"policyengine: {said}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dangling", "there"]


def test_the_working_directory_brings_no_module(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:12\n")
    for name in ("clean_hexagon", "msgspec", "argparse", "acme_web"):
        (tmp_path / f"{name}.py").write_text("print('executed')\nraise SystemExit(9)\n")
    places = os.pathsep.join([str(ROOT), str(ROOT / "policies")])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "policyengine", "scan", "--no-cache", "--fail-on", "never"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "executed" in done.stdout, done.stderr) == (0, False, "")
