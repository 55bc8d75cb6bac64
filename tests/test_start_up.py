"""What a run loads, and that it does without docstrings and with another grammar of HCL."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from policyengine.syntax.hcl import table

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"


def python(*words: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "POLICYENGINE_CACHE_DIR": str(cache), **environment}
    return subprocess.run(
        [sys.executable, *words], check=False, capture_output=True, text=True, encoding="utf-8", env=settings
    )


def loaded(cache: Path, *words: str) -> set[str]:
    """The modules that a command has loaded at its end."""
    program = (
        f"import sys\nfrom policyengine import cli\ncli.main({list(words)!r})\nprint('MODULES', *sorted(sys.modules))"
    )
    lines = python("-c", program, cache=cache).stdout.splitlines()
    return set(next(line for line in lines if line.startswith("MODULES")).split()[1:])


def test_the_version_loads_nothing_of_the_program(tmp_path: Path) -> None:
    found = loaded(tmp_path, "--version")
    assert {name for name in found if name.startswith("policyengine")} == {"policyengine", "policyengine.cli"}
    assert found.isdisjoint({"argparse", "msgspec", "pluggy"})


def test_a_tree_pays_only_for_the_platforms_that_it_has(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Dockerfile").write_text("FROM debian:12\n")
    found = loaded(tmp_path / "cache", "scan", str(tree), "--no-cache")
    assert "policyengine.platforms.docker.image" in found
    ours = {
        name.partition("policyengine.platforms.")[2] for name in found if name.startswith("policyengine.platforms.")
    }
    assert {name for name in ours if name.startswith(("compose.", "github.", "terraform."))} <= {"terraform.part"}
    assert found.isdisjoint({"policyengine.syntax.hcl", "yaml", "lark", "hcl2"})


def test_a_first_run_makes_no_table_of_the_grammar(tmp_path: Path) -> None:
    found = loaded(tmp_path / "cache", "scan", str(FIXTURES / "hndigest"))
    assert "policyengine.syntax.hcl.table" in found
    assert "lark" not in found


def test_a_replayed_report_loads_neither_rules_nor_platforms(tmp_path: Path) -> None:
    words = ("scan", str(FIXTURES / "hndigest"))
    loaded(tmp_path, *words)
    again = loaded(tmp_path, *words)
    kept = {name for name in again if name.startswith("policyengine.")}
    assert (
        kept & {"policyengine.engine", "policyengine.plugins", "policyengine.platforms", "policyengine.rules"} == set()
    )
    assert again.isdisjoint({"pluggy", "clean_hexagon"})


def test_the_table_that_ships_is_that_of_the_installed_grammar() -> None:
    made = table.text(table.build(table.installed()))
    assert table.FILE.read_text("utf-8") == made, "run: python -m policyengine.syntax.hcl.table"


def test_the_table_of_another_grammar_is_made_once_and_kept(tmp_path: Path) -> None:
    package = find_spec("hcl2")
    assert package is not None
    assert package.submodule_search_locations
    grammar = (Path(package.submodule_search_locations[0]) / "hcl2.lark").read_text("utf-8")
    other = tmp_path / "other" / "hcl2"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "hcl2.lark").write_text(f"// another release\n{grammar}")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "main.tf").write_text('resource "aws_db_instance" "db" {\n  engine = "postgres"\n}\n')
    program = (
        "import sys\nfrom policyengine import cli\n"
        f"code = cli.main(['graph', {str(tree)!r}])\nprint('lark' in sys.modules, code, file=sys.stderr)"
    )
    path = os.pathsep.join([str(other.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path])
    runs = [python("-c", program, cache=tmp_path / "cache", PYTHONPATH=path) for _ in range(2)]
    assert [run.stderr for run in runs] == ["True 0\n", "False 0\n"]
    assert runs[0].stdout == runs[1].stdout
    assert '"id": "terraform:aws_db_instance.db"' in runs[1].stdout
    assert len(list((tmp_path / "cache" / "grammar").rglob("*"))) == 2  # a folder, and the table in it


@pytest.mark.parametrize(
    "words",
    [
        ["scan", str(FIXTURES / "diverged"), "--no-cache", "--jobs", "1", "--format", "sarif"],
        ["scan", str(FIXTURES / "diverged"), "--no-cache", "--jobs", "1"],
        ["rules", "--format", "json"],
        ["explain", "HEX402"],
    ],
    ids=["SARIF", "text", "rules", "explain"],
)
def test_docstrings_are_not_needed(words: list[str], tmp_path: Path) -> None:
    plain, bare = (
        python("-m", "policyengine", *words, cache=tmp_path, PYTHONOPTIMIZE=level, PYTHONDONTWRITEBYTECODE="1")
        for level in ("", "2")
    )
    assert (bare.returncode, bare.stdout, bare.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert plain.returncode in (0, 1)
