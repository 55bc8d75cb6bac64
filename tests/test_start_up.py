"""What a run loads, and that it does without docstrings and with another grammar of HCL."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from policyengine import entry_points
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
    assert again.isdisjoint({"pluggy", "clean_hexagon", "importlib.metadata"})


def test_the_entry_points_on_the_path_are_those_that_importlib_tells() -> None:
    found = entry_points._on_path()  # noqa: SLF001
    assert found is not None
    told = {(each.group, each.name, each.module) for each in entry_points._by_metadata()}  # noqa: SLF001
    assert {(each.group, each.name, each.module) for each in found} == told
    assert {each.name for each in found} >= {"clean-hexagon", "code", "compose", "docker", "github", "terraform"}


@pytest.mark.parametrize("archived", [False, True])
def test_a_pack_is_found_in_a_folder_and_in_an_archive(archived: bool, tmp_path: Path) -> None:
    files = {
        "acme.py": (
            "from msgspec import Struct\nfrom policyengine.api import Pack, hookimpl\n\n@hookimpl\n"
            "def policyengine_pack():\n    return Pack('acme', (), '1', {}, Struct)\n"
        ),
        "acme-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1\n",
        "acme-1.dist-info/entry_points.txt": "[console_scripts]\nx = y:z\n\n[policyengine.packs]\nacme = acme [more]\n",
    }
    place = tmp_path / ("site.zip" if archived else "site")
    if archived:
        with zipfile.ZipFile(place, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    path = os.pathsep.join([str(place), *sys.path])
    program = "from policyengine import plugins\nprint([pack.name for pack in plugins.load().packs])"
    assert python("-c", program, cache=tmp_path, PYTHONPATH=path).stdout == "['acme', 'clean-hexagon']\n"


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
