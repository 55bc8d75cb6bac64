"""The whole path, on the two trees of the repository."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policyengine import api, cli, engine, plugins, schemas
from policyengine.model.source import UsageError
from policyengine.repository import discover

FIXTURES = Path(__file__).parent.parent / "fixtures"


def scan(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(["scan", *words])
    return code, out.getvalue()


def test_the_published_schema_of_the_configuration_is_current() -> None:
    found = plugins.load()
    made = schemas.of_config(found.parts, {pack.name: pack.options for pack in found.packs})
    assert schemas.load("config") == made, "run: python -m policyengine.schemas"


def test_the_reference_stack_is_silent_and_leaves_nothing_undecided() -> None:
    report = engine.scan([FIXTURES / "hndigest"], cache=False, jobs=1)
    assert (report.results, report.undecided, report.failures) == ((), (), ())
    assert len(report.graph.pairs) == 4


def test_the_diverged_tree_shows_every_rule() -> None:
    report = engine.scan([FIXTURES / "diverged"], cache=False, jobs=1)
    assert {result.rule.id for result in report.results} == set(report.rules)
    assert len(report.results) >= 27
    assert report.failures == ()


def test_the_first_example_of_the_readme_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES.parent)
    command, *shown = Path("README.md").read_text("utf-8").partition("```console\n")[2].partition("```")[0].splitlines()
    assert command.endswith("policyengine scan fixtures/diverged --fail-on never")
    assert shown.pop() == "…"
    assert scan("fixtures/diverged", "--fail-on", "never", "-o", str(tmp_path / "report.txt"))[0] == 0
    assert "\n".join(shown).rstrip() in (tmp_path / "report.txt").read_text("utf-8")


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_workers_and_the_cache_do_not_change_a_byte(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    tree = str(FIXTURES / "diverged")
    first = scan(tree, "--format", form)
    assert first[0] == 1
    assert scan(tree, "--format", form) == first
    assert scan(tree, "--format", form, "--no-cache", "--jobs", "1") == first
    assert scan(tree, "--format", form, "--no-cache", "--jobs", "2") == first


def test_a_changed_file_is_not_hidden_by_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "tree"
    root.mkdir()
    (root / "docker-compose.yml").write_text("services:\n  db:\n    image: postgres:14.4\n")
    (root / "main.tf").write_text('resource "aws_db_instance" "db" {\n  engine         = "postgres"\n'
                                  '  engine_version = "14.4"\n  auto_minor_version_upgrade = false\n}\n')  # fmt: skip
    assert scan(str(root))[0] == 0
    (root / "docker-compose.yml").write_text("services:\n  db:\n    image: postgres:14.3\n")
    code, text = scan(str(root))
    assert code == 1
    assert "HEX402" in text


@pytest.mark.parametrize("folders", [("",), ("shop/", "blog/")])
def test_a_file_that_is_decrypted_is_not_hidden_by_the_cache(
    folders: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "tree"
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "policyengine.yaml").write_text("version: 1\n")
        (root / folder / "compose.yml").write_text("services: {web: {image: 'node:22.12.0', env_file: web.env}}\n")
        (root / folder / "web.env").write_bytes(b"\0GITCRYPT\0\1\2")
    locked = scan(str(root))
    names = ", ".join(f"{folder}web.env" for folder in sorted(folders))
    assert f"file left aside: {names} (it is encrypted)" in locked[1]
    assert scan(str(root)) == locked
    for folder in folders:
        (root / folder / "web.env").write_text("A=1\n")
    assert "left aside" not in scan(str(root))[1]


def test_the_cache_holds_no_text_of_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    secret = "q7Zr2LmX9vKd4TnB8wYp"
    root = tmp_path / "tree"
    root.mkdir()
    (root / "main.tf").write_text(
        f'resource "aws_db_instance" "db" {{\n  engine   = "postgres"\n  password = "{secret}"\n}}\n'
    )
    (root / ".env").write_text(f"PAYMENT_API_KEY={secret}\n")
    (root / "docker-compose.yml").write_text(
        f"services:\n  app:\n    build: .\n    env_file: .env\n    environment:\n      API_TOKEN: {secret}\n"
    )
    code, text = scan(str(root), "--undecided")
    assert code in (0, 1)
    assert secret not in text
    for form in ("json", "sarif"):
        assert secret not in scan(str(root), "--format", form)[1]
    kept = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(secret.encode() in data for data in kept)


def test_an_unreadable_file_loses_no_other_finding(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services:\n  db:\n    image: postgres:14.3\n")
    (tmp_path / "main.tf").write_text('resource "aws_db_instance" "db" {\n  engine         = "postgres"\n'
                                      '  engine_version = "14.4"\n  auto_minor_version_upgrade = false\n}\n')  # fmt: skip
    (tmp_path / "broken.tf").write_text('resource "aws_db_instance" {\n')
    (tmp_path / "Dockerfile").mkdir()
    report = engine.scan([tmp_path], cache=False, jobs=1)
    assert [result.rule.id for result in report.results] == ["HEX402"]
    assert [failure.span.path for failure in report.failures if failure.span] == ["broken.tf"]
    assert scan(str(tmp_path), "--no-cache")[0] == 3


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text("services:\n  db:\n    image: postgres:14.3\n")
    root = tmp_path / "tree"
    root.mkdir()
    (root / "docker-compose.yml").symlink_to(outside)
    report = engine.scan([root], cache=False, jobs=1)
    assert [failure.message for failure in report.failures] == ["links to a place outside the scanned root"]


def test_a_link_to_an_ignored_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(
        "services: {app: {image: 'app:1', env_file: [{path: web/.env, required: false}]}}"
    )
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / ".env").symlink_to("../.env")
    assert engine.scan([tmp_path], cache=False, jobs=1).failures == ()


@pytest.mark.parametrize("data", [b"\0GITCRYPT\0\x8f\x01", b"$ANSIBLE_VAULT;1.1;AES256\n3237\n"])
def test_an_encrypted_file_leaves_its_variables_unknown(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {app: {build: ., env_file: local.env}}")
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    (tmp_path / "local.env").write_bytes(data)
    report = engine.scan([tmp_path], cache=False, jobs=1)
    assert report.failures == ()
    app = report.graph.get(api.Service, "compose:services.app")
    assert app is not None
    assert app.environment_gap is not None


@pytest.mark.parametrize("how", ["encrypted", "link"])
def test_a_configuration_that_cannot_be_read_is_one_sentence(how: str, tmp_path: Path) -> None:
    file = tmp_path / "policyengine.yaml"
    if how == "link":
        file.symlink_to("elsewhere.yaml")
    else:
        file.write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n3237\n")
    with pytest.raises(UsageError, match=r"configuration 'policyengine\.yaml' is encrypted, or a link"):
        engine.scan([tmp_path], cache=False, jobs=1)


def test_a_link_to_itself_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").symlink_to("Dockerfile")
    failures = engine.scan([tmp_path], cache=False, jobs=1).failures
    assert [failure.span.path for failure in failures if failure.span] == ["Dockerfile"]


def test_a_wrong_path_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", "no-such-folder"]) == 2
    assert capsys.readouterr().err == "policyengine: 'no-such-folder' does not exist; give a folder or files that do\n"


def test_an_unknown_rule_names_what_it_may_have_been(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", str(FIXTURES / "hndigest"), "--select", "HEX4002"]) == 2
    assert "HEX402" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nenviroment: prod\n", "policyengine.yaml:2:1: unknown key 'enviroment'"),
        ("version: 2\n", "policyengine.yaml:1:10: 'version' must be 1"),
        ("environment: prod\n", "policyengine.yaml:1:1: the file lacks the key 'version'"),
        (
            "version: 1\ncompose: {canonical: web.yml}\n",
            "policyengine.yaml:2:22: 'compose.canonical' must be a list",
        ),
        ("version: 1\nwaivers: [{rule: HEX402}]\n", "policyengine.yaml:2:11: 'waivers.0' lacks the key 'reason'"),
        (
            "version: 1\npacks:\n  clean-hexagon:\n    postgres: {match: patch}\n",
            "policyengine.yaml:4:23: 'packs.clean-hexagon.postgres.match' must be one of major, minor",
        ),
        (
            "version: 1\npacks:\n  clean-hexagon:\n    required_usr: x\n",
            "policyengine.yaml:4:5: unknown key 'required_usr'",
        ),
        ("version: 1\npairs:\n  - {local: db, cloud: aws_db_instance.main}\n", "'pairs' names 'db'"),
        ("version: 1\nwaivers: [{rule: HEX999, reason: x}]\n", "unknown rule 'HEX999'"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "policyengine.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        engine.scan([tmp_path], cache=False, jobs=1)
    assert said in str(caught.value)


def test_a_waiver_holds_until_its_day(tmp_path: Path) -> None:
    import datetime

    (tmp_path / "docker-compose.yml").write_text("services:\n  db:\n    image: postgres:14.3\n")
    (tmp_path / "main.tf").write_text('resource "aws_db_instance" "db" {\n  engine         = "postgres"\n'
                                      '  engine_version = "14.4"\n  auto_minor_version_upgrade = false\n}\n')  # fmt: skip
    (tmp_path / "policyengine.yaml").write_text(
        "version: 1\nwaivers:\n  - {rule: HEX402, subject: db, reason: upgrade on Monday, owner: me, expires: 2026-12-01}\n"
    )
    day = datetime.date(2026, 12, 1)
    assert engine.scan([tmp_path], cache=False, jobs=1, today=day).results == ()
    late = engine.scan([tmp_path], cache=False, jobs=1, today=day + datetime.timedelta(days=1))
    assert [result.rule.id for result in late.results] == ["HEX402", "HEX105"]


def test_a_pack_that_does_not_load_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "broken_pack.py").write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="does not import"):
        plugins.load([str(tmp_path / "broken_pack.py")])


def test_an_unknown_hook_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "odd_pack.py").write_text(
        "from policyengine.api import hookimpl\n\n@hookimpl\ndef policyengine_typo():\n    return None\n"
    )
    with pytest.raises(UsageError, match="unknown hook"):
        plugins.load([str(tmp_path / "odd_pack.py")])


def test_ignored_files_are_not_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(".env*\n!.env.example\nbuild/\n")
    for path in (".env.local", ".env.example", "build/docker-compose.yml", "src/a.ts"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("A=1\n")
    assert discover.discover([tmp_path]).paths == (".env.example", ".gitignore", "src/a.ts")


def test_output_to_a_slow_reader_arrives_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "policyengine", "scan", str(FIXTURES / "diverged"), "--format", "json"]
    environment = {**os.environ, "POLICYENGINE_CACHE_DIR": str(tmp_path)}
    whole = subprocess.run(command, check=False, capture_output=True, env=environment).stdout
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        pieces = list(iter(lambda: process.stdout.read(512) if process.stdout else b"", b""))
    assert b"".join(pieces) == whole
    assert whole.endswith(b"}\n")


def test_requirements_in_utf_16_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("pgvector==0.4.1\r\n".encode("utf-16"))
    (tmp_path / "compose.yml").write_text("services:\n  db:\n    image: postgres:17\n")
    report = engine.scan([tmp_path], cache=False, jobs=1)
    assert report.failures == ()
    assert [(result.rule.id, result.span.path) for result in report.results] == [("HEX407", "compose.yml")]


def test_a_stack_that_watches_the_application_is_not_its_local_side(tmp_path: Path) -> None:
    (tmp_path / "observability").mkdir()
    (tmp_path / "observability" / "compose.yaml").write_text("services:\n  probe:\n    image: node:24\n")
    report = engine.scan([tmp_path], cache=False, jobs=1)
    assert [choice for choice in report.graph.choices if choice.what == "Compose project"] == []


def test_without_a_default_name_the_file_for_development_is_the_local_side(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    for name in ("dev", "prod"):
        (tmp_path / "docker" / f"docker-compose.{name}.yml").write_text(f"services:\n  {name}:\n    image: node:24\n")
    report = engine.scan([tmp_path], cache=False, jobs=1)
    assert {(choice.what, choice.chosen) for choice in report.graph.choices} == {
        ("Compose project", "docker/docker-compose.dev.yml"),
        ("production Compose project", "docker/docker-compose.prod.yml"),
    }
    assert [node.name for node in report.graph.all(api.Service, side=api.Side.LOCAL)] == ["dev"]
    assert [node.name for node in report.graph.all(api.Service, side=api.Side.CLOUD)] == ["prod"]


def test_timings_name_every_stage_and_the_slowest_rules_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", str(FIXTURES / "diverged"), "--timings", "--select", "HEX4", "--fail-on", "never"]) == 0
    told = [line.removeprefix("policyengine: ").rsplit(maxsplit=3) for line in capsys.readouterr().err.splitlines()]
    names = [name for name, *_ in told]
    assert {"Compose", "Terraform", "workflows", "link"} <= set(names)
    assert sum(name.startswith("rule HEX4") for name in names) == 10
    assert names[-1] == "in all"
    assert told[-1][3] == "100.0%"
    seconds = {name: float(number) for name, number, _, _ in told}
    parts = [each for name, each in seconds.items() if not name.startswith(("rule ", "in all"))]
    assert sum(parts) == pytest.approx(seconds["in all"], abs=0.02)
