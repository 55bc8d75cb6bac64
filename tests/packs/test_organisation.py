"""An organisation's file: a repository cannot weaken it, what it tried is told at its line, and nothing fails open."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from policyengine import cli, schemas
from policyengine.model.source import Source
from policyengine.repository.configuration import plain
from policyengine.syntax import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "organisation.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))

TREE = {
    "docker-compose.yml": "services:\n  app:\n    image: acme/app:1\n    build: .\n    user: root\n",
    "main.tf": 'resource "aws_ecs_service" "web" {\n  task_definition = aws_ecs_task_definition.web.arn\n}\n'
    'resource "aws_ecs_task_definition" "web" {\n  family = "web"\n'
    '  container_definitions = jsonencode([{ name = "web", image = "acme/web:1.4.2", user = "root" }])\n}\n',
    "Dockerfile": "FROM debian:12\n",
}
LOCKED = "version: 1\nname: Acme\nrules:\n  HEX208: {}\n"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("POLICYENGINE_ORG_CONFIG", raising=False)
    yield
    for name in [each for each in sys.modules if each.startswith("acme")]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    for name, text in TREE.items():
        (tmp_path / "tree" / name).write_text(text, "utf-8")
    return tmp_path


class Scanned:
    """A scan of the tree under an organisation's file and with a configuration, as JSON."""

    def __init__(
        self, folder: Path, organisation: str, own: str, capsys: pytest.CaptureFixture[str], *words: str
    ) -> None:
        (folder / "org.yaml").write_text(organisation, "utf-8")
        if own:
            (folder / "tree" / "policyengine.yaml").write_text(f"version: 1\n{own}", "utf-8")
        named = ["--org-config", str(folder / "org.yaml"), "--no-cache", "--format", "json"]
        self.code = cli.main(["scan", str(folder / "tree"), *named, *words])
        self.out, self.err = capsys.readouterr()
        assert self.code in (0, 1, 2), self.err
        self.found = json.loads(self.out) if self.out else {"findings": [], "waived": []}

    @property
    def attempts(self) -> list[tuple[str, str]]:
        """Line and column, and the message, of what was tried."""
        told = [each for each in self.found["findings"] if each["rule"] == "LOCK001"]
        assert {(each["severity"], each["place"]["path"]) for each in told} <= {("error", "policyengine.yaml")}
        starts = [each["place"]["start"] for each in told]
        return [(f"{s['line']}:{s['column']}", each["message"]) for s, each in zip(starts, told, strict=True)]

    def severities(self, rule: str) -> set[str]:
        """What the findings of a rule weigh."""
        return {each["severity"] for each in self.found["findings"] if each["rule"] == rule}


def test_without_a_configuration_nothing_is_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scanned = Scanned(folder, LOCKED, "", capsys)
    assert (scanned.attempts, scanned.severities("HEX208")) == ([], {"error"})


@pytest.mark.parametrize(
    ("own", "place", "said"),
    [
        ("ignore: {rules: [HEX2]}\n", "2:18", "'ignore.rules' leaves out 'HEX208', which 'Acme' locks (org.yaml:4); they run."),
        ("ignore: {rules: [HEX208]}\n", "2:18", "'ignore.rules' leaves out 'HEX208', which 'Acme' locks (org.yaml:4); they run."),
        ("select: [HEX1]\n", "2:9", "'select' leaves out 'HEX208', which 'Acme' locks (org.yaml:4); they run."),
        ("rules: {HEX208: {severity: note}}\n", "2:28", "'rules.HEX208.severity' lowers 'HEX208', which 'Acme' locks (org.yaml:4); their weight stays."),
        ('rules: {HEX2: {severity: "off"}}\n', "2:27", "'rules.HEX2.severity' lowers 'HEX208', which 'Acme' locks (org.yaml:4); their weight stays."),
        ('rules: {HEX: {severity: warning, paths: ["*.tf"]}}\n', "2:25", "'rules.HEX.severity' lowers 'HEX208', which 'Acme' locks (org.yaml:4); their weight stays."),
        ("exclude: ['*.tf']\n", "2:12", "'exclude' hides '*.tf' from the rules that 'Acme' locks; it is read."),
        ("waivers: [{rule: HEX208, reason: x}]\n", "2:18", "'waivers' accepts findings of 'HEX208', which 'Acme' locks (org.yaml:4); they stand."),
        ("waivers: [{rule: HEX208, subject: web, reason: x}]\n", "2:18", "'waivers' accepts findings of 'HEX208', which 'Acme' locks (org.yaml:4); they stand."),
    ],
)  # fmt: skip
def test_what_would_weaken_a_locked_rule_does_not_count_and_is_told_at_its_line(
    own: str, place: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scanned = Scanned(folder, LOCKED, own, capsys)
    assert (scanned.code, scanned.err, scanned.attempts) == (1, "", [(place, said)])
    assert scanned.severities("HEX208") == {"error"}
    assert [each for each in scanned.found["waived"] if each["finding"]["rule"] == "HEX208"] == []


@pytest.mark.parametrize(
    "own",
    [
        "ignore: {rules: [HEX1]}\n",
        'rules: {HEX1: {severity: "off"}}\n',
        "rules: {HEX208: {severity: error}}\n",
        "select: [HEX208]\n",
        "profile: strict\n",
    ],
)
def test_what_weakens_nothing_that_is_locked_is_nobodys_business(
    own: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Scanned(folder, LOCKED, own, capsys).attempts == []


def test_the_weight_is_at_least_what_the_file_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    org = LOCKED.replace("HEX208: {}", "HEX208: {severity: warning}")
    assert Scanned(folder, org, "rules: {HEX208: {severity: note}}\n", capsys).severities("HEX208") == {"error"}
    org = "version: 1\nrules:\n  HEX601: {severity: error}\n"
    (folder / "tree" / ".github" / "workflows").mkdir(parents=True)
    (folder / "tree" / ".github" / "workflows" / "ci.yml").write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm run build\n"
    )
    assert Scanned(folder, "version: 1\n", "", capsys).severities("HEX601") == {"note"}  # a convention
    assert Scanned(folder, org, 'rules: {HEX601: {severity: "off"}}\n', capsys).severities("HEX601") == {"error"}


def test_rules_that_are_not_locked_are_the_repositorys_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    org = "version: 1\npacks:\n  clean-hexagon: {}\nrules:\n  HEX208: {locked: false}\n"
    own = 'rules: {HEX208: {severity: "off"}}\n'
    scanned = Scanned(folder, org, own, capsys)
    assert (scanned.attempts, scanned.severities("HEX208")) == ([], set())
    assert len(Scanned(folder, org.partition("rules")[0], own, capsys).attempts) == 1


def test_a_repository_may_waive_where_the_file_lets_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    org = LOCKED.replace("{}", "{waivers: true}")
    scanned = Scanned(folder, org, "waivers: [{rule: HEX208, reason: x}]\n", capsys)
    assert (scanned.attempts, scanned.severities("HEX208")) == ([], set())


@pytest.mark.parametrize(
    ("waiver", "waived"),
    [
        ("", True),
        (", subject: web", True),
        (", subject: other", False),
        (", expires: 2099-01-01", True),
        (", expires: 2020-01-01", False),
        (", repositories: [Acme/Shop]", True),
        (", repositories: [acme/other]", False),
    ],
)
def test_waivers_of_the_file_hold_where_it_says(
    waiver: str, waived: bool, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder / "tree"))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/shop")
    (folder / "tree" / "docker-compose.yml").unlink()
    org = LOCKED + f"waivers:\n  - {{rule: HEX208, reason: it moves{waiver}}}\n"
    scanned = Scanned(folder, org, "", capsys)
    assert scanned.severities("HEX208") == (set() if waived else {"error"})
    reasons = {each["reason"] for each in scanned.found["waived"] if each["finding"]["rule"] == "HEX208"}
    assert reasons == ({"it moves (waived by Acme)"} if waived else set())


def test_the_profile_and_locked_options_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tree" / "docker-compose.yml").write_text("services:\n  cache:\n    image: redis:6\n")
    locked = "required_user: app, redis: {required_tag: 7-acme}"
    org = f"version: 1\nname: Acme\nprofile: strict\npacks:\n  clean-hexagon: {{{locked}}}\n"
    own = (
        "profile: recommended\nrules:\n  HEX3: {profile: recommended}\n"
        "packs:\n  clean-hexagon: {required_user: root, platforms: [linux/amd64], redis: {required_tag: 6}}\n"
    ).replace("tag: 6", "tag: '6'")
    scanned = Scanned(folder, org, own, capsys)
    assert scanned.attempts == [
        ("2:10", "'profile' is 'recommended', but 'Acme' asks for 'strict' (org.yaml:3); that holds."),
        ("4:19", "'rules.HEX3.profile' is 'recommended', but 'Acme' asks for 'strict' (org.yaml:3); that holds."),
        ("6:34", "'packs.clean-hexagon.required_user' differs from what 'Acme' locks (org.yaml:5); its value holds."),
        (
            "6:89",
            "'packs.clean-hexagon.redis.required_tag' differs from what 'Acme' locks (org.yaml:5); its value holds.",
        ),
    ]
    told = [each["message"] for each in scanned.found["findings"] if each["rule"] == "HEX413"]
    assert told == ["'cache' runs 'redis:6', but the tag of the house is '7-acme'."]
    assert not any(each.get("convention") for each in scanned.found["findings"])


def test_defaults_hold_until_a_repository_says_otherwise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    org = "version: 1\ndefaults:\n  rules:\n    HEX208: {severity: note}\n"
    assert Scanned(folder, org, "", capsys).severities("HEX208") == {"note"}
    scanned = Scanned(folder, org, "rules: {HEX208: {severity: warning}}\n", capsys)
    assert (scanned.severities("HEX208"), scanned.attempts) == ({"warning"}, [])


def test_a_system_with_a_configuration_of_its_own_is_held_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = folder / "tree"
    for name in ("one", "two"):
        (tree / name).mkdir()
        for file in TREE:
            (tree / name / file).write_text((tree / file).read_text())
    for file in TREE:
        (tree / file).unlink()
    (tree / "two" / "policyengine.yaml").write_text('version: 1\nrules: {HEX208: {severity: "off"}}\n')
    scanned = Scanned(folder, LOCKED, "", capsys)
    told = [each for each in scanned.found["findings"] if each["rule"] == "LOCK001"]
    assert [each["place"]["path"] for each in told] == ["two/policyengine.yaml"]
    places = {each["place"]["path"] for each in scanned.found["findings"] if each["rule"] == "HEX208"}
    assert "two/main.tf" in places


def test_a_baseline_that_a_pull_request_can_write_covers_nothing_locked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "ignore: {rules: [HEX208]}\n"
    Scanned(folder, LOCKED, own, capsys)
    words = ["--org-config", str(folder / "org.yaml"), "--baseline", str(folder / "known.json")]
    assert cli.main(["baseline", "create", str(folder / "tree"), *words]) == 0
    capsys.readouterr()
    scanned = Scanned(folder, LOCKED, "", capsys, "--baseline", str(folder / "known.json"))
    assert scanned.err == ""
    assert {each["rule"] for each in scanned.found["findings"]} == {"HEX208", "LOCK001"}


@pytest.mark.parametrize(("place", "uri"), [("tree/ci/other.yaml", "ci/other.yaml"), ("other.yaml", "")])
def test_what_another_configuration_tried_is_told_in_sarif_too(
    place: str, uri: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "tree" / "ci").mkdir()
    (folder / place).write_text("version: 1\nignore: {rules: [HEX208]}\n")
    (folder / "org.yaml").write_text(LOCKED)
    words = [
        "--org-config",
        str(folder / "org.yaml"),
        "--config",
        str(folder / place),
        "--no-cache",
        "--format",
        "sarif",
    ]
    assert cli.main(["scan", str(folder / "tree"), *words]) == 1
    out, err = capsys.readouterr()
    told = [each for each in json.loads(out)["runs"][0]["results"] if each["ruleId"] == "LOCK001"]
    if uri:
        (location,) = told[0]["locations"]
        region = location["physicalLocation"]["region"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == uri
        assert (region["startLine"], region["snippet"]["text"], err) == (2, "HEX208", "")
    else:
        said = f"policyengine: 1 result at '{folder}/other.yaml', outside of the tree, cannot stand in the SARIF log\n"
        assert (told, err) == ([], said)


# the command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ignore", "HEX2"], "--select and --ignore leave out HEX208, which Acme locks (org.yaml:4)"),
        (["--select", "HEX1"], "--select and --ignore leave out HEX208, which Acme locks (org.yaml:4)"),
        (["--profile", "recommended"], "--profile recommended is below 'strict', which Acme asks for"),
        (["--fail-on", "error"], "--fail-on error is below 'note', which Acme asks for"),
        (["--fail-on", "undecided"], "--fail-on undecided is below 'note', which Acme asks for"),
        (["--fail-on", "never"], "--fail-on never is below 'note', which Acme asks for"),
        (["--ignore", "LOCK"], "no rule begins with 'LOCK'; see 'policyengine rules'"),
    ],
)
def test_the_command_line_cannot_go_below_the_file(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scanned = Scanned(folder, f"{LOCKED}profile: strict\nfail_on: note\n", "", capsys, *words)
    assert (scanned.code, scanned.out, scanned.err) == (2, "", f"policyengine: {said}\n")


def test_what_fails_a_run_is_what_the_file_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = Scanned(folder, "version: 1\ndefaults: {rules: {HEX: {severity: note}}}\n", "", capsys)
    assert {each["severity"] for each in notes.found["findings"]} == {"note"}
    assert notes.code == 0
    org = "version: 1\nfail_on: note\ndefaults: {rules: {HEX: {severity: note}}}\n"
    assert Scanned(folder, org, "", capsys).code == 1


def test_the_environment_names_the_file_too_and_only_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "acme.yaml").write_text(LOCKED)
    monkeypatch.setenv("POLICYENGINE_ORG_CONFIG", str(folder / "acme.yaml"))
    code = cli.main(["scan", str(folder / "tree"), "--ignore", "HEX208", "--no-cache"])
    assert (code, capsys.readouterr().err) == (
        2,
        "policyengine: --select and --ignore leave out HEX208, which Acme locks (acme.yaml:4)\n",
    )
    scanned = Scanned(folder, "version: 1\n", "", capsys)
    assert scanned.code == 2
    assert scanned.err.startswith(
        f"policyengine: --org-config names '{folder}/org.yaml', and POLICYENGINE_ORG_CONFIG another"
    )


def test_a_kept_report_is_not_shown_under_another_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "cache"))
    (folder / "tree" / "policyengine.yaml").write_text('version: 1\nrules: {HEX208: {severity: "off"}}\n')
    outs = []
    for text in ("version: 1\n", LOCKED, "version: 1\n"):
        (folder / "org.yaml").write_text(text)
        cli.main(["scan", str(folder / "tree"), "--org-config", str(folder / "org.yaml"), "--format", "concise"])
        outs.append(capsys.readouterr().out)
    assert ["LOCK001" in each for each in outs] == [False, True, False]


def test_the_settings_that_hold_are_shown_with_the_line_that_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    org = (
        "version: 1\nname: Acme\nprofile: strict\nfail_on: note\npacks: {clean-hexagon: {required_user: app}}\n"
        "rules: {HEX: {locked: false}, HEX208: {}}\ndefaults: {packs: {clean-hexagon: {platforms: [linux/arm64]}}}\n"
    )
    own = "profile: recommended\npacks: {clean-hexagon: {required_dockerfile: Dockerfile, required_user: x}}\n"
    scanned = Scanned(folder, org, own, capsys, "--show-settings")
    told = {each["key"]: (each["value"], each["from"]) for each in scanned.found["settings"]}
    at = f"{folder}/org.yaml"
    assert told["profile"] == ("strict", f"{at}:3:10")
    assert told["fail_on"] == ("note", f"{at}:4:10")
    assert told["packs.clean-hexagon.required_user"] == ("app", f"{at}:5:40")
    assert told["packs.clean-hexagon.platforms"] == (["linux/arm64"], f"{at}:7:47")
    assert told["packs.clean-hexagon.required_dockerfile"] == ("Dockerfile", "policyengine.yaml:3:25")
    assert told["organisation"] == ("Acme", at)
    assert told["organisation.locked"] == (["HEX208"], at)


# fail closed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "org.yaml:1:1: the file must be a mapping"),
        ("name: Acme\n", "org.yaml:1:1: the file lacks the key 'version'"),
        ("version: 1\nlocked: []\n", "org.yaml:2:1: unknown key 'locked' in the file; it may be"),
        ("version: 1\nprofile: recommended\n", "org.yaml:2:10: 'profile' must be strict"),
        ("version: 1\nfail_on: never\n", "org.yaml:2:10: 'fail_on' must be one of error, note, undecided, warning"),
        ("version: 1\npacks: {acme: {}}\n", "org.yaml:2:15: the required pack 'acme' is not loaded; install it (loaded are clean-hexagon)"),
        ('version: 1\npacks:\n  clean-hexagon: {version: ">=9"}\n', "org.yaml:3:29: the pack 'clean-hexagon' must have a version >=9, and 0.1.0 is loaded"),
        ("version: 1\npacks:\n  clean-hexagon: {required_usr: x}\n", "org.yaml:3:19: unknown key 'required_usr' in 'packs.clean-hexagon'; it may be"),
        ("version: 1\nrules: {ACME: {}}\n", "org.yaml:2:15: no rule of the loaded packs begins with 'ACME'"),
        ("version: 1\ndefaults: {rules: {ACME: {}}}\n", "org.yaml:2:26: no rule of the loaded packs begins with 'ACME'"),
        ("version: 1\nwaivers: [{rule: ACME001, reason: x}]\n", "org.yaml:2:18: a waiver names the rule 'ACME001', which no loaded pack has"),
        ("version: 1\nwaivers: [{rule: HEX208}]\n", "org.yaml:2:11: 'waivers.0' lacks the key 'reason'"),
        ("version: 1\nwaivers: [{rule: HEX208, reason: x, expires: 2026-13-01}]\n", "org.yaml:2:46: 'expires' must be a day such as 2026-12-01"),
        ("version: [1\n", "org.yaml:2:1: not valid YAML"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_held_to_ends_the_run(
    text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scanned = Scanned(folder, text, "", capsys)
    assert (scanned.code, scanned.out, scanned.err.count("\n")) == (2, "", 1)
    assert scanned.err.startswith(f"policyengine: {folder}/{said}")


def test_a_missing_file_ends_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = folder / "gone.yaml"
    code = cli.main(["scan", str(folder / "tree"), "--org-config", str(gone)])
    said = f"policyengine: the organisation's file '{gone}' cannot be read: no such file or directory\n"
    assert (code, capsys.readouterr().err) == (2, said)


def test_a_required_pack_cannot_be_replaced_from_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "acme_hexagon.py").write_text(
        "from policyengine.api import Pack, Severity, hookimpl, rule\nfrom msgspec import Struct\n"
        "class Options(Struct, frozen=True):\n    pass\n"
        "@rule('HEX402', severity=Severity.NOTE, message='none')\ndef quiet(graph, options):\n    'None.'\n    return ()\n"
        "@hookimpl\ndef policyengine_pack():\n"
        "    return Pack(name='clean-hexagon', version='9', rules=(quiet,), mandates={}, options=Options)\n"
    )
    org = "version: 1\npacks: {clean-hexagon: {}}\n"
    scanned = Scanned(folder, org, "", capsys, "--pack", str(folder / "acme_hexagon.py"))
    said = "policyengine: the pack 'clean-hexagon' is required as it is installed, and --pack names another\n"
    assert (scanned.code, scanned.out, scanned.err) == (2, "", said)


# the page


def test_the_published_schema_of_the_file_is_current_and_takes_the_example() -> None:
    schema = schemas.load("organisation")
    assert schema == schemas.of_organisation(), "run: python -m policyengine.schemas"
    document = plain(yaml.read(Source("acme.yaml", EXAMPLES["organisation"])))
    assert [each.message for each in jsonschema.Draft202012Validator(schema).iter_errors(document)] == []


def test_the_example_of_the_page_does_what_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["pack", "new", "acme"]) == 0
    (folder / "acme.yaml").write_text(EXAMPLES["organisation"], "utf-8")
    (folder / "tree" / "policyengine.yaml").write_text(EXAMPLES["repository"], "utf-8")
    (folder / "tree" / ".env").write_text("STRIPE_SECRET_KEY=sk_live_4eC39HqLyjWDarjtT1zdp7dc\n")
    capsys.readouterr()
    words = ["--org-config", "acme.yaml", "--pack", "acme"]
    assert cli.main(["scan", "tree", "--no-cache", *words]) == 1
    out = capsys.readouterr().out
    told = "".join(f"{line}\n" for line in out.splitlines() if line.startswith("error[LOCK001]"))
    assert told == PAGE.partition("<!-- output -->\n```\n")[2].partition("```")[0]
    assert "not from 'registry.acme.example'" in out
    assert cli.main(["packs", *words]) == 0
    assert "  required by Acme, 2 of its rules locked\n" in capsys.readouterr().out
