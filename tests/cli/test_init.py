from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from policyengine import schemas
from policyengine.cli import main
from tests.trees import write

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
SHOP = {
    "compose.yml": "services:\n  web:\n    build: .\n  db:\n    image: postgres:16.9\n",
    "Dockerfile": "FROM node:22.20.0-bookworm-slim\nUSER node\n",
    "main.tf": 'resource "aws_db_instance" "db" {\n  engine         = "postgres"\n  engine_version = "16.10"\n}\n',
}


def program(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


def findings(capfd: pytest.CaptureFixture[str], root: Path) -> list[tuple[object, ...]]:
    code, out, err = program(capfd, "scan", str(root), "--format", "json", "--no-cache")
    assert code in (0, 1), err
    told = json.loads(out)["findings"]
    return sorted((each["rule"], each["subject"], each["severity"], each["message"]) for each in told)


def accepted(file: Path) -> dict[str, object]:
    """What a configuration says, held against the published schema."""
    made: dict[str, object] = yaml.safe_load(file.read_text("utf-8"))
    jsonschema.validate(made, schemas.load("config"))
    return made


@pytest.mark.parametrize("name", ["hndigest", "diverged"])
def test_what_is_written_of_a_fixture_changes_no_finding(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / name
    shutil.copytree(FIXTURES / name, root)
    (root / "policyengine.yaml").unlink()
    before = findings(capfd, root)
    code, out, err = program(capfd, "init", str(root))
    assert (code, out) == (0, "")
    assert err.startswith(f"policyengine: wrote {root / 'policyengine.yaml'}\npolicyengine: ")
    assert findings(capfd, root) == before
    made = accepted(root / "policyengine.yaml")
    pairs = made["pairs"]
    assert isinstance(pairs, list)
    assert {"local": "services.worker", "cloud": "aws_ecs_task_definition.worker#worker"} in pairs
    assert made["profile"] == "recommended"


def test_the_file_says_what_was_found_and_leaves_as_comments_what_is_not_certain(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {
        **SHOP,
        "more.tf": 'resource "aws_sqs_queue" "jobs" {}\nresource "aws_db_instance" "old" {\n  engine = "mysql"\n}\n',
        "broken.yml": "services: [\n",
    }
    write(tmp_path, files)
    _, _, err = program(capfd, "init", str(tmp_path))
    assert err.endswith(f"1 pair stated; next: policyengine scan {tmp_path}\n")
    assert (tmp_path / "policyengine.yaml").read_text("utf-8") == (
        "# What no file of this repository says. 'policyengine init' began this; keep what is true.\n"
        "# Every key: https://github.com/policyengine-iac/policyengine/blob/main/docs/configuration.md\n"
        "version: 1\n\n"
        "# recommended: what diverges, or breaks in production, with its severity; conventions as notes.\n"
        "# strict: the whole strategy to the letter.\n"
        "profile: recommended\n\n"
        "# The local side: the default-named file nearest to the root.\n"
        "# compose:\n#   canonical: [compose.yml]\n\n"
        "# The cloud side: it is called by no other module.\n"
        '# terraform:\n#   root: "."\n\n'
        "# The environment that the local stack mirrors.\n"
        "# environment: production\n\n"
        "# What mirrors what. A line whose names are there no more is wrong usage; without a line, files tell.\n"
        "pairs:\n"
        "  - {local: services.db/database, cloud: aws_db_instance.db}"
        "  # the same engine; the only one of its engine on each side\n\n"
        "# What has nothing of its role on the other side. Say so of what need not have it:\n"
        '# ignore: {cloud: ["aws_db_instance.old", "aws_sqs_queue.jobs"]}\n'
    )


def test_each_of_several_systems_is_told_and_nothing_changes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, source in (("shop", "diverged"), ("stock", "hndigest")):
        shutil.copytree(
            FIXTURES / source, tmp_path / name, ignore=shutil.ignore_patterns("policyengine.yaml", ".github")
        )
    before = findings(capfd, tmp_path)
    assert program(capfd, "init", str(tmp_path))[0] == 0
    text = (tmp_path / "policyengine.yaml").read_text("utf-8")
    systems = (
        "# systems:\n#   shop: {paths: [shop/docker-compose.yml, shop/infra/terraform]}\n"
        "#   stock: {paths: [stock/docker-compose.yml, stock/infra/terraform]}\n"
    )
    assert systems in text
    assert findings(capfd, tmp_path) == before
    made = accepted(tmp_path / "policyengine.yaml")
    assert {"local": "stock/services.db/database", "cloud": "aws_db_instance.main@stock/infra/terraform"} in made[
        "pairs"
    ]  # type: ignore[operator]
    (tmp_path / "policyengine.yaml").write_text(
        text.replace(systems, systems.replace("# ", "").replace("#", "")), "utf-8"
    )
    assert set(accepted(tmp_path / "policyengine.yaml")["systems"]) == {"shop", "stock"}  # type: ignore[call-overload]
    assert program(capfd, "scan", str(tmp_path), "--format", "concise")[0] == 1


def test_nothing_is_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**SHOP, ".policyengine.yaml": "version: 1\n", "sub/compose.yml": SHOP["compose.yml"]})
    assert program(capfd, "init", str(tmp_path)) == (
        2,
        "",
        f"policyengine: '{tmp_path / '.policyengine.yaml'}' is there already; edit it, or remove it first\n",
    )
    (tmp_path / ".policyengine.yaml").unlink()
    write(
        tmp_path, {".git/HEAD": "", ".pre-commit-config.yaml": "repos: []\n", ".github/workflows/policyengine.yml": ""}
    )
    code, _, err = program(capfd, "init", str(tmp_path / "sub"), "--workflow")
    assert (code, err.partition(" is there")[0]) == (
        2,
        f"policyengine: '{tmp_path / '.github/workflows/policyengine.yml'}'",
    )
    assert not (tmp_path / "sub" / "policyengine.yaml").exists()
    code, out, err = program(capfd, "init", str(tmp_path), "--pre-commit")
    assert code == 0
    assert f"'{tmp_path / '.pre-commit-config.yaml'}' is there already; add this to its 'repos':\n" in err
    assert yaml.safe_load(f"repos:\n{out}")["repos"][0]["hooks"][0]["id"] == "policyengine"
    assert (tmp_path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert (tmp_path / "policyengine.yaml").exists()


def test_the_workflow_and_the_hook_are_written_at_the_top_of_the_repository(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {f"sub/{path}": text for path, text in SHOP.items()})
    write(tmp_path, {".git/HEAD": "", ".git/refs/remotes/origin/HEAD": "ref: refs/remotes/origin/trunk\n"})
    assert program(capfd, "init", str(tmp_path / "sub"), "--workflow", "--pre-commit")[0] == 0
    workflow = yaml.safe_load((tmp_path / ".github/workflows/policyengine.yml").read_text("utf-8"))
    assert workflow[True] == {"push": {"branches": ["trunk"]}, "pull_request": None, "merge_group": None}
    documented = (FIXTURES.parent / "docs" / "ci" / "github.yml").read_text("utf-8")
    written = (tmp_path / ".github/workflows/policyengine.yml").read_text("utf-8")
    assert written == f'{documented.replace("[main]", "[trunk]")}        with:\n          path: "sub"\n'
    (job,) = workflow["jobs"].values()
    action = job["steps"][1]
    inputs = yaml.safe_load((FIXTURES.parent / "action.yml").read_text("utf-8"))["inputs"]
    assert action["uses"].partition("@")[0] == "policyengine-iac/policyengine"
    assert action["with"] == {"path": "sub"}
    assert set(action["with"]) <= set(inputs)
    assert job["permissions"] == {"contents": "read", "security-events": "write"}
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text("utf-8"))
    known = yaml.safe_load((FIXTURES.parent / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hooks["repos"][0]["hooks"][0]["id"] in [each["id"] for each in known]
    assert (tmp_path / "sub" / "policyengine.yaml").is_file()


@pytest.mark.parametrize("home", [".", "sub"])
def test_where_a_configuration_is_there_the_workflow_and_the_hook_come_to_it(
    home: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {".git/HEAD": "", **{f"sub/{path}": text for path, text in SHOP.items()}})
    (there := tmp_path / home / "policyengine.yaml").write_text("version: 1\n")
    more = [tmp_path / ".github/workflows/policyengine.yml", tmp_path / ".pre-commit-config.yaml"]
    code, _, err = program(capfd, "init", str(tmp_path / "sub"), "--workflow", "--pre-commit")
    said = [
        *(f"wrote {file}" for file in more),
        f"'{there}' stays as it is; next: policyengine scan {tmp_path / 'sub'}",
    ]
    assert (code, err) == (0, "".join(f"policyengine: {line}\n" for line in said))
    assert there.read_text() == "version: 1\n"
    assert [each.is_file() for each in more] == [True, True]
    code, _, err = program(capfd, "init", str(tmp_path / "sub"))
    assert (code, err.partition(" is there")[0]) == (2, f"policyengine: '{there}'")


def test_the_workflow_and_the_hook_take_the_commit_that_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    noted = {"url": "https://github.com/policyengine-iac/policyengine", "vcs_info": {"vcs": "git", "commit_id": commit}}
    write(
        tmp_path / "site",
        {
            "policyengine_iac-9.dist-info/METADATA": "Metadata-Version: 2.1\nName: policyengine-iac\nVersion: 9\n",
            "policyengine_iac-9.dist-info/direct_url.json": json.dumps(noted),
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    write(tmp_path / "shop", {".git/HEAD": "", "policyengine.yaml": "version: 1\n"})
    assert program(capfd, "init", str(tmp_path / "shop"), "--workflow", "--pre-commit")[0] == 0
    workflow = (tmp_path / "shop/.github/workflows/policyengine.yml").read_text("utf-8")
    assert f"      - uses: policyengine-iac/policyengine@{commit} # as installed\n" in workflow
    hooks = (tmp_path / "shop/.pre-commit-config.yaml").read_text("utf-8")
    assert f"    rev: {commit} # as installed\n" in hooks


def test_files_are_named_from_where_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {".git/HEAD": "", **{f"sub/{path}": text for path, text in SHOP.items()}})
    monkeypatch.chdir(tmp_path / "sub")
    code, _, err = program(capfd, "init", "--workflow")
    wrote = "policyengine: wrote policyengine.yaml\npolicyengine: wrote ../.github/workflows/policyengine.yml\n"
    assert (code, err.startswith(wrote)) == (0, True)
    (tmp_path / "sub" / "policyengine.yaml").unlink()
    code, _, err = program(capfd, "init", "--workflow")
    there = "'../.github/workflows/policyengine.yml' is there already; edit it, or remove it first"
    assert (code, err) == (2, f"policyengine: {there}\n")


def test_where_there_is_nothing_to_scan_nothing_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program(capfd, "init", str(tmp_path))[0] == 2
    assert program(capfd, "init", str(tmp_path / "none"))[2].startswith("policyengine: '")
    assert list(tmp_path.iterdir()) == []
