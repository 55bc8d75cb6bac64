"""Packs in YAML as a scan loads them: files, folders, parameters, rules of a pack in Python, cases."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from policyengine import cli, engine, plugins, schemas
from policyengine.rules.declarative import yaml_pack
from policyengine.testing import check, load_cases, read_reference
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.capture import CaptureFixture

ACME = """\
    pack: acme
    version: "1.2"
    mandates:
      A1: Images come from Acme's registry.
    parameters:
      registry:
        type: string
        default: ghcr.io
        description: Where images come from.
    rules:
      - id: ACME001
        name: foreign_registry
        summary: A service runs an image of a foreign registry.
        rationale: Only our own registry is scanned.
        remedy: Push the image to Acme's registry.
        severity: error
        mandate: A1
        select:
          service:
            side: local
        where: service.image.repository != "postgres"
        require: service.image.registry == params.registry
        message: "'{service.name}' takes its image from '{service.image.registry}', not from '{params.registry}'."
        fix:
          description: take it from '{params.registry}'
      - id: ACME002
        summary: A service is privileged.
        severity: warning
        select: {service: {}}
        require: service.raw.privileged != true
        message: "'{service.name}' is privileged."
        fix: {description: set it to false, replace: service.raw.restart, by: "no"}
    """
TREE = {
    "docker-compose.yml": """\
        services:
          web:
            image: quay.io/acme/web:1
          worker:
            image: ghcr.io/acme/worker:1
            privileged: true
            restart: on
        """
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trees.write(tmp_path, {"packs/acme.yaml": ACME, **{f"tree/{path}": text for path, text in TREE.items()}})
    return tmp_path


def scanned(folder: Path, *, pack: str = "acme.yaml") -> list[str]:
    report = engine.scan([folder / "tree"], packs=[str(folder / "packs" / pack)], select=["ACME"], cache=False, jobs=1)
    return [f"{each.rule.id} {each.severity.value} {each.message}" for each in report.results]


FOREIGN = "ACME001 error 'web' takes its image from 'quay.io', not from 'ghcr.io'."
PRIVILEGED = "ACME002 warning 'worker' is privileged."


def test_a_file_is_a_pack(folder: Path) -> None:
    assert scanned(folder) == [FOREIGN, PRIVILEGED]


def test_a_folder_of_files_is_a_pack(folder: Path) -> None:
    head, _, second = textwrap.dedent(ACME).partition("  - id: ACME002")
    (folder / "packs" / "acme.yaml").write_text(head)
    (folder / "packs" / "more.yml").write_text(f"rules:\n  - id: ACME002{second}")
    assert scanned(folder, pack="") == [FOREIGN, PRIVILEGED]


def test_the_configuration_sets_a_parameter(folder: Path) -> None:
    trees.write(folder / "tree", {"policyengine.yaml": "version: 1\npacks:\n  acme:\n    registry: quay.io\n"})
    assert scanned(folder) == [
        "ACME001 error 'worker' takes its image from 'ghcr.io', not from 'quay.io'.",
        PRIVILEGED,
    ]


def test_a_parameter_of_another_type_is_told_with_its_line(folder: Path, capsys: CaptureFixture[str]) -> None:
    trees.write(folder / "tree", {"policyengine.yaml": "version: 1\npacks:\n  acme:\n    registry: 7\n"})
    assert cli.main(["scan", str(folder / "tree"), "--pack", str(folder / "packs" / "acme.yaml")]) == cli.USAGE
    assert capsys.readouterr().err == (
        "policyengine: policyengine.yaml:4:15: 'packs.acme.registry' must be a text; write it in quotes\n"
    )


def test_a_rule_is_explained(folder: Path, capsys: CaptureFixture[str]) -> None:
    assert cli.main(["explain", "foreign-registry", "--pack", str(folder / "packs" / "acme.yaml")]) == cli.CLEAN
    out = capsys.readouterr().out
    assert "A service runs an image of a foreign registry" in out
    assert "Only our own registry is scanned." in out
    assert 'packs.acme.registry: string, "ghcr.io" by default. Where images come from.' in out.replace("**", "")


def test_sarif_has_the_rule_its_message_and_its_fix(folder: Path, capsys: CaptureFixture[str]) -> None:
    words = ["scan", str(folder / "tree"), "--pack", str(folder / "packs" / "acme.yaml"), "--select", "ACME001"]
    assert cli.main([*words, "--format", "sarif", "--no-cache"]) == cli.FINDINGS
    run = json.loads(capsys.readouterr().out)["runs"][0]
    (rule,) = [each for each in run["tool"]["driver"]["rules"] if each["id"] == "ACME001"]
    assert rule["name"] == "ForeignRegistry"
    assert rule["messageStrings"]["default"]["text"].startswith("'{0}' takes its image from '{1}', not from '{2}'.")
    (result,) = [each for each in run["results"] if each["ruleId"] == "ACME001"]
    assert result["message"]["arguments"][:3] == ["web", "quay.io", "ghcr.io"]


def test_a_fix_replaces_the_text_of_a_fact(folder: Path) -> None:
    report = engine.scan([folder / "tree"], packs=[str(folder / "packs" / "acme.yaml")], select=["ACME"], jobs=1)
    privileged = report.results[1]
    fix = privileged.finding.fix
    assert fix is not None
    text = (folder / "tree" / "docker-compose.yml").read_text()
    assert [(text[each.span.start : each.span.end], each.text) for each in fix.exact] == [("on", "no")]
    first = report.results[0].finding.fix
    assert first is not None
    assert (first.description, first.edits) == ("take it from 'ghcr.io'", ())


PYTHON = '''
from pathlib import Path
from msgspec import Struct
from policyengine.api import Finding, Pack, Service, Severity, hookimpl, rule, yaml_rules

class Options(Struct, frozen=True):
    """What Acme may set."""

    names: tuple[str, ...] = ("web",)

@rule("ACME001", mandate="A1", severity=Severity.NOTE, message="'{name}' is there.")
def there(graph, options):
    """A service is there."""
    for each in graph.all(Service):
        yield Finding(subject=each, at=each, args={"name": each.name})

@hookimpl
def policyengine_pack():
    rules = yaml_rules(Path(__file__).with_name("rules.yaml"), Options)
    return Pack(name="acme", version="1", rules=(there, *rules), mandates={"A1": "None."}, options=Options)
'''


def test_a_pack_in_python_takes_rules_in_yaml_with_its_own_options(folder: Path) -> None:
    rules = """\
        rules:
          - id: ACME002
            summary: A service has a name of its own.
            severity: warning
            mandate: A1
            select: {service: {}}
            require: service.name in params.names
            message: "'{service.name}' is none of '{params.names}'."
        """
    trees.write(folder / "packs", {"acme_of_python.py": PYTHON, "rules.yaml": rules})
    assert scanned(folder, pack="acme_of_python.py") == [
        "ACME001 note 'web' is there.",
        "ACME001 note 'worker' is there.",
        "ACME002 warning 'worker' is none of 'web'.",
    ]


def test_a_pack_in_yaml_is_tested_with_cases(folder: Path, tmp_path: Path) -> None:
    trees.write(
        folder / "packs",
        {
            "cases/ACME001.yaml": """\
                - name: a registry of others
                  edit:
                    docker-compose.yml:
                      replace: ghcr.io/acme/worker:1
                      with: «docker.io/acme/worker:1»
                """
        },
    )
    (folder / "tree" / "docker-compose.yml").write_text("services:\n  worker:\n    image: ghcr.io/acme/worker:1\n")
    pack = yaml_pack(folder / "packs" / "acme.yaml")
    assert pack.cases == folder / "packs" / "cases"
    (case,) = load_cases(pack.cases / "ACME001.yaml")
    check(case, read_reference(folder / "tree"), tmp_path / "case", (pack,))


def test_the_published_schema_is_current() -> None:
    assert schemas.load("rules") == schemas.of_rules(), "run: python -m policyengine.schemas"


def test_a_run_without_rules_in_yaml_loads_nothing_of_them(tmp_path: Path) -> None:
    from tests.test_start_up import loaded

    trees.write(tmp_path / "tree", TREE)
    found = loaded(tmp_path / "cache", "scan", str(tmp_path / "tree"), "--no-cache")
    ours = {name for name in found if name.startswith(("policyengine.rules.declarative", "cel_expr_python"))}
    assert ours == {"policyengine.rules.declarative"}


def test_packs_are_listed(folder: Path, capsys: CaptureFixture[str]) -> None:
    path = folder / "packs" / "acme.yaml"
    assert cli.main(["packs", "--pack", str(path)]) == cli.CLEAN
    assert capsys.readouterr().out.splitlines()[0].split() == [
        "acme",
        "1.2",
        "2",
        "rules",
        str(path),
    ]
    assert [each.name for each in plugins.load([str(path)]).packs] == ["acme", "clean-hexagon"]


@pytest.mark.parametrize(
    ("asked", "found", "open_"),
    [
        ('service.image.text.startsWith("ghcr.io/")', [], ["'${FROM}/web:1' is not decided"]),
        ('service.image.name == "ghcr.io/web"', [], ["'…/web' is not decided"]),
        ('service.image.repository == "web"', [], []),
        ('written(service.image).startsWith("ghcr.io/")', ["'web'"], []),
    ],
)
def test_what_an_image_is_called_is_open_where_nobody_says_how_it_begins(
    asked: str, found: list[str], open_: list[str], folder: Path
) -> None:
    trees.write(folder / "tree", {"docker-compose.yml": "services: {web: {image: '${FROM}/web:1'}}\n"})
    rule = {"id": "ACME001", "summary": "A.", "severity": "error", "select": {"service": {}}, "require": asked}
    told = {"pack": "acme", "version": "1", "rules": [{**rule, "message": "'{service.name}'"}]}
    (folder / "packs" / "acme.yaml").write_text(json.dumps(told))
    report = engine.scan([folder / "tree"], packs=[str(folder / "packs" / "acme.yaml")], select=["ACME"], cache=False)
    assert [each.message for each in report.results] == found
    assert [each.reason for each in report.undecided] == open_


@pytest.mark.parametrize(
    ("summary", "name"),
    [("A service runs an image of a foreign registry.", "ServiceRunsImageOfForeignRegistry"), ("没有", "RuleAcme001")],
)
def test_a_rule_without_a_name_is_called_by_its_summary_and_not_by_its_id(
    summary: str, name: str, tmp_path: Path
) -> None:
    rule = "{id: ACME001, severity: note, select: {tree: {}}, require: 'false', message: x, summary: " + summary + "}"
    (tmp_path / "acme.yaml").write_text(f"pack: acme\nrules:\n  - {rule}\n", "utf-8")
    assert [each.name for each in yaml_pack(tmp_path / "acme.yaml").rules] == [name]
