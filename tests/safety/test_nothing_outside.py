"""A hostile tree runs nothing, and makes no command write to a place outside of it, or read without an end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from policyengine.cli import git, main, output
from policyengine.cli.mcp import Tools
from tests.safety.spill import write
from tests.safety.test_ended_runs import until

COMPOSE = "services:\n  db:\n    image: postgres:14.4\n"
FORGES = "from pathlib import Path\nPath({!r}).write_text('ran')\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the tree, with a file that nobody may change."""
    folder = tmp_path / "outside"
    write(folder, {"precious": "as it was\n"})
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a Compose file."""
    write(tmp_path / "tree", {"compose.yml": COMPOSE})
    return tmp_path / "tree"


def of(folder: Path) -> dict[str, str]:
    """What a folder holds."""
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_nothing_of_the_served_repository_is_imported(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python puts the working directory before everything else for `-m`, and at the place of an empty PYTHONPATH entry."""
    forged = FORGES.format(str(tmp_path / "ran"))
    names = ("policyengine/__init__.py", "policyengine/__main__.py", "policies/__init__.py", "json.py", "yaml.py")
    write(tree, dict.fromkeys(names, forged))
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", ".", str(Path(git.__file__).parents[2]), before, "")))
    found = Tools(tree).scan()
    assert not (tmp_path / "ran").exists()
    assert found["result"]["tool"]["name"] == "policyengine"


def test_what_an_agent_asks_in_a_wrong_way_is_refused(tree: Path) -> None:
    assert Tools(tree).query("a\0b")["messages"] == ["there is a NUL character in what is asked"]
    assert Tools(tree).scan("a\0b")["exit_code"] == 2


def _forged(root: Path, *entries: tuple[str, str, bytes]) -> str:
    """A commit of the entries as they are: git itself would write no tree that names one twice."""

    def run(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(["git", "-C", str(root), *words], input=given, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def kept(kind: str, data: bytes) -> str:
        return run("hash-object", "-w", "--literally", "-t", kind, "--stdin", given=data)

    run("init", "-q")
    listed = b""
    for mode, name, data in entries:
        kind = "tree" if mode == "40000" else "blob"
        body = b"100644 inner\0" + bytes.fromhex(kept("blob", data)) if kind == "tree" else data
        listed += f"{mode} {name}\0".encode() + bytes.fromhex(kept(kind, body))
    named = ("-c", "user.name=a", "-c", "user.email=a@b")
    return run(*named, "commit-tree", "-m", "forged", kept("tree", listed))


@pytest.mark.parametrize("link_first", [True, False])
def test_a_forged_commit_writes_nothing_through_its_links(link_first: bool, tree: Path, outside: Path) -> None:
    """A tree that names `a` twice, as a link and as a folder: `git clone` takes it."""
    link, folder = ("120000", "a", str(outside).encode()), ("40000", "a", b"forged\n")
    entries = (link, folder) if link_first else (folder, link)
    commit = _forged(tree, *entries, ("100644", "compose.yml", COMPOSE.encode()))
    write(tree, {".gitignore": ""})
    assert main(["scan", str(tree), "--since", commit, "--no-cache"]) == 0
    assert of(outside) == {"precious": "as it was\n"}


def test_a_report_takes_the_place_of_a_link_and_not_of_what_it_leads_to(tree: Path, outside: Path) -> None:
    for name, target in {"a.sarif": "precious", "b.json": "new", "c.txt": "nowhere/new"}.items():
        (tree / name).symlink_to(Path("../outside") / target)
    (tree / "d.md").symlink_to("/dev/null")
    reports = [word for name in ("a.sarif", "b.json", "c.txt", "d.md") for word in ("-o", str(tree / name))]
    assert main(["scan", str(tree), "--no-cache", *reports]) == 0
    assert of(outside) == {"precious": "as it was\n"}
    assert all((tree / name).stat().st_size and not (tree / name).is_symlink() for name in ("a.sarif", "d.md"))


def test_no_file_beside_a_report_can_be_laid_out_before(
    tree: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process has one of few numbers, in a container above all."""
    (tree / f".policyengine.{os.getpid()}").symlink_to("../outside/precious")
    output.put_in_place(tree / "a.sarif", b"{}")
    monkeypatch.setattr(os, "urandom", bytes)
    (tree / f".policyengine.{os.getpid()}.00000000").symlink_to("../outside/precious")
    with pytest.raises(FileExistsError):
        output.put_in_place(tree / "a.sarif", b"{}")
    assert of(outside) == {"precious": "as it was\n"}


def test_init_and_baseline_write_into_the_tree_or_not_at_all(
    tree: Path, outside: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / ".github").symlink_to("../outside")
    (tree / "policyengine.baseline.json").symlink_to("../outside/new")
    assert main(["init", "--workflow", str(tree)]) == 2
    assert "links to a place outside of" in capfd.readouterr().err
    assert main(["baseline", "create", str(tree), "--no-cache"]) == 0
    assert of(outside) == {"precious": "as it was\n"}
    assert not (tree / "policyengine.baseline.json").is_symlink()


def test_a_baseline_that_never_ends_is_refused(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    known = tree / "policyengine.baseline.json"
    known.symlink_to("/dev/zero")
    assert main(["scan", str(tree), "--baseline", str(known), "--no-cache"]) == 2
    assert capfd.readouterr().err == f"policyengine: the baseline '{known}' cannot be read: it has more than 50 MB\n"


def test_a_forged_baseline_is_shown_harmless_and_masked(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = '{"version": 1, "findings": [{"identity": "a", "rule": "R", "subject": "s\\n::error::x", "message": "API_TOKEN=kQ7wZp2rTmkQ7wZp \\u001b[2J"}]}'
    write(tree, {"policyengine.baseline.json": text})
    assert main(["baseline", "show", str(tree)]) == 0
    assert capfd.readouterr().out == "R s\u240a::error::x: API_TOKEN=**************** \u241b[2J\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_run_that_is_ended_leaves_no_copy_of_an_earlier_commit(tree: Path, tmp_path: Path) -> None:
    names = [
        ("100644", f"f{number}.tf", f"locals {{ a{number} = [{'(1), ' * 3000}] }}\n".encode()) for number in range(60)
    ]
    commit = _forged(tree, *sorted(names, key=lambda each: each[1]))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "policyengine", "scan", str(tree), "--since", commit, "--no-cache", "--jobs", "1"],
        env=os.environ | {"TMPDIR": str(scratch)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in until(60):
        if any(scratch.rglob("f9.tf")) or run.poll() is not None:
            break
    assert run.poll() is None, "the commit takes long enough"
    run.send_signal(signal.SIGTERM)
    assert run.wait(30) == -signal.SIGTERM
    assert list(scratch.iterdir()) == []
