"""Options of `scan` that choose what is shown, the page of all options, and completion of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from policyengine.cli import COMMANDS, main, parser_of, reference
from policyengine.cli.described import commands
from tests import trees

ROOT = Path(__file__).parent.parent.parent
REFERENCE = str(ROOT / "fixtures" / "hndigest")
UNPINNED = (
    *("postgres", "postgres:latest", "postgres:alpine", "postgres:bookworm", "library/postgres", "docker.io/postgres"),
    *("docker.io/library/postgres", "public.ecr.aws/docker/library/postgres"),
)
LEVELS = {
    "compose.yml": (
        "services:\n  app:\n    build: .\n    ports: ['3000:3000']\n"
        + "".join(f"  db{number}:\n    image: {image}\n" for number, image in enumerate(UNPINNED))
        + "  cache:\n    image: redis:7-alpine\n    volumes: ['./no.conf:/etc/redis.conf:ro']\n"
    ),
    "Dockerfile": "FROM node:22.20.0-bookworm-slim\nUSER node\n",
    ".gitignore": "*.log\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    trees.write(root, files)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp("options"), LEVELS))


def program(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


def test_errors_stand_first_in_a_side_and_findings_alike_from_the_seventh_on_are_lines(
    tree: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = program(capfd, "scan", str(ROOT / "fixtures" / "diverged"))
    mirroring = out.split("── 1 · Mirroring ")[1].split("\n── ")[0]
    heads = [
        line.partition("]")[0] for line in mirroring.splitlines() if line.startswith(("error[", "warning[", "note["))
    ]
    ranks = [("error", "warning", "note").index(head.partition("[")[0]) for head in heads]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}
    runs = [head for number, head in enumerate(heads) if number == 0 or heads[number - 1] != head]
    assert len(runs) == len(set(runs))  # alike ones stand together
    data = program(capfd, "scan", tree)[1].split("── 4 · Data services ")[1]
    assert data.count("\nwarning[HEX414] 'db") == 3
    assert "\nwarning[HEX414] 5 more like these, which '--format concise' lists with their remedies:\n" in data
    places = [
        line.split("  ")[1].rpartition("/")[2] for line in data.splitlines() if line.startswith("  ") and ": " in line
    ]
    assert [place for place in places if place.startswith("compose.yml:")] == [
        f"compose.yml:{line}:12" for line in (12, 14, 16, 18, 20)
    ]


def test_statistics_count_by_rule_the_most_first(tree: str, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = program(capfd, "scan", tree, "--statistics", "--quiet", "--select", "hex414,hex110")
    assert out == (
        "    8  HEX414  warning  A datastore names no major version, so that it changes under the application "
        "from one day to the next.\n"
        "    1  HEX110  error    A file that the Compose stack mounts, or a Dockerfile that it builds, does not exist.\n\n"
    )


@pytest.mark.parametrize("form", ["text", "concise"])
def test_quiet_leaves_the_summary_out(form: str, tree: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = program(capfd, "scan", tree, "--quiet", "--select", "HEX110", "--format", form)
    assert code == 1
    assert "HEX110" in out
    assert "compared" not in out
    assert program(capfd, "scan", REFERENCE, "-q", "--format", form) == (0, "", "")
    file = str(tmp_path / "report.sarif")
    assert program(capfd, "scan", REFERENCE, "-q", "-o", file) == (0, "", "")


def test_colour_can_be_asked_for(
    tree: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in program(capfd, "scan", tree, "--color", "always")[1]
    assert "\x1b[" in program(capfd, "rules", "HEX402", "--color", "always")[1]
    file = tmp_path / "report.txt"
    program(capfd, "scan", tree, "-o", str(file), "--color", "always")
    assert "\x1b[" in file.read_text("utf-8")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" not in program(capfd, "scan", tree, "--color", "never")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("scan", "--formt", "json"), "there is no option '--formt'; did you mean '--format'?"),
        (
            ("scan", "--fail-on", "eror"),
            "--fail-on is one of error, warning, note, undecided, never, not 'eror'; did you",
        ),
        (("rules", "--format", "jsn"), "--format is one of table, json, not 'jsn'; did you mean 'json'?"),
        (("baseline", "creat"), "ACTION is one of create, update, prune, show, not 'creat'; did you mean 'create'?"),
        (("completion", "csh"), "SHELL is one of bash, zsh, fish, not 'csh'"),
        (("scan", REFERENCE, "--select", "hex4o2"), "no rule begins with 'HEX4O2'; did you mean HEX"),
    ],
)
def test_a_wrong_word_is_one_sentence_with_what_may_be_meant(
    words: tuple[str, ...], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = program(capfd, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"policyengine: {sentence}")


def test_ids_are_taken_in_any_case(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = (
        "version: 1\nselect: [hex414, Hex110]\nignore: {rules: [hEX1]}\nrules: {hex414: {severity: note}}\n"
        "waivers:\n- {rule: hex414, subject: db0, reason: because, owner: me, expires: 2999-01-01}\n"
    )
    root = str(write(tmp_path, {**LEVELS, "policyengine.yaml": settings}))
    code, out, _ = program(capfd, "scan", root, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [(each["rule"], each["severity"]) for each in found["findings"]] == [("HEX414", "note")] * 7
    assert [each["finding"]["rule"] for each in found["waived"]] == ["HEX414"]
    assert program(capfd, "rules", "hex414")[1].count("HEX414") == 1


def test_files_are_listed_with_who_reads_them_and_why_others_are_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {
        **LEVELS,
        ".gitignore": "*.tfstate\nbuild/\n",
        "a.tfstate": "{}",
        "build/out/compose.yml": "services: {}\n",
        "node_modules/a/package.json": "{}",
        "old/main.tf": "",
        "secrets.env": "\0GITCRYPT\0",
        "notes.bin": "x",
        "policyengine.yaml": "version: 1\nexclude: [old/]\n",
    }
    root = str(write(tmp_path, files))
    code, out, _ = program(capfd, "scan", root, "--show-files", "--format", "json")
    found = json.loads(out)
    read = {each["path"]: each["by"] for each in found["read"]}
    assert code == 0
    assert read["Dockerfile"] == "Dockerfiles"
    assert "Compose" in read["compose.yml"]
    assert read["policyengine.yaml"] == "configuration"
    assert {each["path"]: each["reason"] for each in found["not_read"]} == {
        "a.tfstate": "ignored by git",
        "build/": "ignored by git",
        "node_modules/": "never read: not written by people",
        "old/main.tf": "excluded in policyengine.yaml",
        "secrets.env": "it is encrypted",
    }
    assert found["not_asked_for"] == 1
    _, text, _ = program(capfd, "scan", root, "--show-files")
    assert "\nnot read\n  a.tfstate      ignored by git\n" in text


def test_a_file_that_cannot_be_read_is_listed_and_is_exit_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, LEVELS)
    (root / "main.tf").write_bytes(b"\xff")
    code, out, _ = program(capfd, "scan", str(root), "--show-files")
    assert code == 3
    assert "  main.tf  could not be read: is not UTF-8 text: invalid byte at offset 0\n" in out


def test_settings_are_listed_with_the_line_or_the_option_that_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = "version: 1\nprofile: strict\npacks:\n  clean-hexagon:\n    postgres: {match: major}\n"
    root = str(write(tmp_path, {**LEVELS, "policyengine.yaml": settings}))
    _, out, _ = program(capfd, "scan", root, "--show-settings", "--select", "hex4", "--format", "json")
    told = {each["key"]: (each["value"], each["from"]) for each in json.loads(out)["settings"]}
    assert told["profile"] == ("strict", "policyengine.yaml:2:1")
    assert told["packs.clean-hexagon.postgres.match"] == ("major", "policyengine.yaml:5:16")
    assert told["packs.clean-hexagon.redis.match"] == ("major", "default")
    assert told["select"] == (["HEX4"], "--select")
    assert told["environment"] == ("that of production", "default")
    assert told["fail_on"] == ("warning", "default")
    (tmp_path / "policyengine.yaml").unlink()
    bare = program(capfd, "scan", root, "--show-settings", "--profile", "strict")[1]
    assert [line.split() for line in bare.splitlines()[:2]] == [
        ["version", "1", "default"],
        ["profile", '"strict"', "--profile"],
    ]


def test_the_page_of_commands_is_current() -> None:
    written = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert written == reference.page(), "run: python -m policyengine.cli.reference docs/reference/cli.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_help_with_examples(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = program(capfd, name, "--help")
    assert code == 0
    assert out.startswith(f"usage: policyengine {name} [OPTION...]")
    assert f"\nexamples:\n  policyengine {name}" in out
    assert program(capfd, "help", name)[1] == out


def test_each_example_in_a_help_text_is_taken_by_its_parser() -> None:
    for command in commands():
        for line in command.examples:
            program_, name, *words = line.partition(" > ")[0].split()
            assert program_ == "policyengine"
            module, parser = parser_of(name)
            if hasattr(module, "extend"):
                module.extend(parser, ())
            parser.parse_intermixed_args(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["policyengine", "expl"], {"explain", "explain-value"}),
        (["policyengine", "scan", "--sh"], {"--show-files", "--show-settings"}),
        (["policyengine", "scan", "--format", "s"], {"sarif"}),
        (["policyengine", "completion", "z"], {"zsh"}),
        (["policyengine", "scan", "-o", "docker-comp"], {"docker-compose.yml"}),
    ],
)
def test_bash_completes(
    words: list[str], expected: set[str], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    file = tmp_path / "completion.bash"
    file.write_text(program(capfd, "completion", "bash")[1], "utf-8")
    told = " ".join(f"'{word}'" for word in words)
    script = f". {file}; COMP_WORDS=({told}); COMP_CWORD={len(words) - 1}; _policyengine; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    found = subprocess.run([bash, "-c", script], cwd=REFERENCE, capture_output=True, text=True, check=True).stdout
    assert set(found.split()) == expected


def test_fish_and_zsh_complete(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fish, zsh = shutil.which("fish"), shutil.which("zsh")
    for shell in ("fish", "zsh"):
        (tmp_path / shell).write_text(program(capfd, "completion", shell)[1], "utf-8")
    if zsh is not None:
        subprocess.run([zsh, "-f", "-n", tmp_path / "zsh"], capture_output=True, check=True)
    if fish is None:
        pytest.skip("there is no fish")
    asked = [
        ("sca", {"scan"}),
        ("scan --profile ", {"strict", "recommended"}),
        ("scan --show-", {"--show-files", "--show-settings"}),
    ]
    for line, expected in asked:
        script = f"source {tmp_path / 'fish'}; complete -C 'policyengine {line}'"
        done = subprocess.run(
            [fish, "--no-config", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert {each.partition("\t")[0] for each in done.stdout.splitlines()} == expected


def test_zsh_and_fish_get_every_option_quoted(capfd: pytest.CaptureFixture[str]) -> None:
    zsh, fish = (program(capfd, "completion", shell)[1] for shell in ("zsh", "fish"))
    assert (
        "        '*--fail-on=[lowest severity that makes the exit code 1, warning by default; '\\''undecided'\\'' counts"
        in zsh
    )
    assert "        '*:SHELL" not in zsh
    assert "        '*:choice:(bash zsh fish)' \\\n" in zsh
    assert (
        "complete -c policyengine -n '__fish_seen_subcommand_from scan' -l profile -x -a 'strict recommended' -d "
        in fish
    )
    for script in (zsh, fish):
        assert all(line.replace("'\\''", "").replace("\\'", "").count("'") % 2 == 0 for line in script.splitlines())
