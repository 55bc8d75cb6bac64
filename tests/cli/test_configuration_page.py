"""Each example of docs/configuration.md has the effect that the page names, on the diverged stack."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import engine, schemas
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
COMMENTS = dict(re.findall(r"<!-- comments: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))


def _scan(folder: Path, text: str | None) -> Report:
    root = folder / "stack"
    shutil.copytree(ROOT / "fixtures" / "diverged", root)
    (root / "policyengine.yaml").unlink()
    if text is not None:
        (root / "policyengine.yaml").write_text(text, "utf-8")
    return engine.scan([root], cache=False, jobs=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return _scan(tmp_path_factory.mktemp("plain"), None)


def _weights(report: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for result in report.results:
        found.setdefault(result.rule.id, set()).add(result.severity.value)
    return found


def _pairs(report: Report) -> set[tuple[str, str]]:
    return {(each.local.partition(":")[2], each.cloud.partition(":")[2]) for each in report.graph.pairs}


CONVENTIONS = {
    *("HEX101", "HEX107", "HEX201", "HEX301", "HEX305", "HEX311", "HEX313", "HEX413", "HEX510"),
    *("HEX601", "HEX602", "HEX603", "HEX605", "HEX609"),
}
"""The rules that hold something for a convention in the diverged stack."""


def test_without_a_configuration_conventions_are_folded_notes(plain: Report) -> None:
    folded = {each.rule.id for each in plain.results if each.folded}
    assert {"HEX301", "HEX311", "HEX413", "HEX601", "HEX602"} <= folded <= CONVENTIONS
    assert {each.severity.value for each in plain.results if each.folded} == {"note"}
    assert plain.configuration == ""


def test_strict_weighs_what_recommended_folds(tmp_path: Path, plain: Report) -> None:
    report = _scan(tmp_path, EXAMPLES["profile"])
    assert not any(each.folded for each in report.results)
    assert _weights(report)["HEX601"] == {"error"}
    assert _weights(plain)["HEX601"] == {"error", "note"}  # an error where nothing is tested before it deploys
    assert len(report.results) == len(plain.results)
    assert report.configuration == "policyengine.yaml"


def test_select_and_ignore_leave_rules_out(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["select"])
    assert {rule for rule in report.rules if not rule.startswith("HEX4")} == {"HEX501"}
    assert {"HEX401", "HEX411"} <= set(report.rules) - {"HEX404"} == set(report.rules)
    assert set(_weights(report)) == set(report.rules) - {"HEX412"}  # which an option asks for


def test_rules_weigh_by_prefix_and_path(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["rules"])
    weights = _weights(report)
    assert weights["HEX205"] == weights["HEX209"] == {"warning"}
    assert weights["HEX208"] == {"error"}
    assert weights["HEX402"] == {"note"}  # at docker-compose.yml
    assert weights["HEX401"] == {"error"}  # at the Dockerfile
    assert "HEX605" not in weights
    assert {each.result.rule.id for each in report.waived} == {"HEX605"}
    gates = {(each.span.path, each.folded) for each in report.results if each.rule.id == "HEX601"}
    assert gates == {(".github/workflows/reports.yml", False), (".github/workflows/test.yml", True)}


def test_waivers_cover_what_they_name_and_say_when_they_cover_nothing(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["waivers"])
    assert [(each.result.rule.id, each.reason) for each in report.waived] == [("HEX403", "the archive is read-only")]
    assert [each.message for each in report.remarks] == [
        "the waiver of HEX401 for 'nobody' covers no finding; remove it, or correct its subject"
    ]
    source = report.sources["policyengine.yaml"]
    assert source.text[slice(*report.remarks[0].span[1:])] == "nobody"


def test_comments_cover_what_is_found_at_their_lines(tmp_path: Path) -> None:
    root = tmp_path / "stack"
    shutil.copytree(ROOT / "fixtures" / "hndigest", root)
    for path, text in COMMENTS.items():
        written = (root / path).read_text("utf-8")
        key = text.splitlines()[-1].partition("=")[0].partition(":")[0]
        line = next(each for each in written.splitlines() if each.startswith(key))
        (root / path).write_text(written.replace(line, text.rstrip("\n"), 1), "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    assert (report.results, report.remarks) == ((), ())
    assert [(each.result.rule.id, each.owner, each.expires, each.reason) for each in report.waived] == [
        ("HEX402", "@platform", "2099-12-31", "the cluster is upgraded in autumn"),
        ("HEX404", "Data team", "2099-12-31", "security first"),
    ]


def test_an_expired_waiver_is_told(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["waivers"].replace("2099-12-31", "2020-01-31"))
    assert report.waived == ()
    assert (
        report.remarks[0].message == "the waiver of HEX403 for 'compose:services.archive/database' has expired on "
        "2020-01-31; mend what it covers"
    )


def test_stated_systems_are_compared_alone(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["systems"])
    assert list(report.systems) == ["shop", "reports"]
    assert {each.systems for each in report.results if each.span.path == "docker-compose.yml"} == {("shop",)}
    assert {each.systems for each in report.results if each.span.path.endswith("reports.yml")} == {("reports",)}


def test_pairs_say_who_mirrors_whom(tmp_path: Path) -> None:
    pairs = _pairs(_scan(tmp_path, EXAMPLES["pairs"]))
    assert ("services.analytics/database", "aws_db_instance.main") in pairs
    assert ("services.analytics/database", "aws_db_instance.analytics") not in pairs


def test_ignored_nodes_ask_for_no_twin(tmp_path: Path, plain: Report) -> None:
    report = _scan(tmp_path, EXAMPLES["ignore"])
    assert "HEX102" in _weights(plain)
    assert "HEX102" not in _weights(report)
    assert "HEX403" not in _weights(report)


def test_facts_are_what_no_file_says(tmp_path: Path, plain: Report) -> None:
    assert "HEX401" in _weights(plain)
    assert "HEX401" not in _weights(_scan(tmp_path, EXAMPLES["facts"]))


def test_each_environment_is_held_against_the_local_stack(tmp_path: Path) -> None:
    root = tmp_path / "stack"
    shutil.copytree(ROOT / "fixtures" / "diverged", root)
    (root / "policyengine.yaml").write_text(EXAMPLES["environments"], "utf-8")
    rds = root / "infra/terraform/rds_analytics.tf"
    text = rds.read_text("utf-8")
    rds.write_text(text.replace('"16.10"', "var.analytics_version") + '\nvariable "analytics_version" {}\n', "utf-8")
    values = (root / "infra/terraform/prod.tfvars").read_text("utf-8")
    for name, version in (("prod", "16.10"), ("staging", "16.9")):  # locally 16.9
        (root / f"infra/terraform/{name}.tfvars").write_text(f'{values}\nanalytics_version = "{version}"\n', "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    found = {each.rule.id: each.environments for each in report.results}
    assert found["HEX402"] == ("prod",)
    assert found["HEX411"] == ()
    assert len([each for each in report.results if each.rule.id == "HEX411"]) == 1
    (root / "policyengine.yaml").write_text(EXAMPLES["scopes"], "utf-8")
    for name, version in (("prod", "16.9"), ("staging", "16.10")):
        (root / f"infra/terraform/{name}.tfvars").write_text(f'{values}\nanalytics_version = "{version}"\n', "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    weights = {each.rule.id: (each.environments, each.severity.value) for each in report.results}
    assert weights["HEX402"] == (("staging",), "note")
    assert weights["HEX411"] == ((), "error")


def test_an_environment_that_is_not_there_is_an_error_that_lists_those_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        _scan(tmp_path, "version: 1\nenvironment: preprod\n")
    assert str(caught.value) == (
        "policyengine.yaml:2:14: nothing is named after the environment 'preprod'; found are prod"
    )


def test_several_root_modules_are_read(tmp_path: Path) -> None:
    root = tmp_path / "stack"
    shutil.copytree(ROOT / "fixtures" / "diverged", root)
    for name in ("shared", "bootstrap"):
        (root / "infra" / name).mkdir()
        text = f'resource "aws_elasticache_cluster" "{name}" {{\n  engine = "memcached"\n}}\n'
        (root / "infra" / name / "main.tf").write_text(text, "utf-8")
    (root / "policyengine.yaml").write_text(EXAMPLES["roots"], "utf-8")
    nodes = {node.id for node in engine.scan([root], cache=False, jobs=1).graph.nodes}
    assert {"terraform:aws_db_instance.main", "terraform:aws_elasticache_cluster.shared@infra/shared"} <= nodes
    assert not any("aws_elasticache_cluster.bootstrap" in each for each in nodes)


def test_documents_of_facts_stand_beside_facts_of_nodes(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["documents"])
    assert "HEX401" not in _weights(report)
    assert [each.message for each in report.failures] == ["the facts 'vendor/infra.facts.json' are not there"]


def test_excluded_files_are_not_read(tmp_path: Path, plain: Report) -> None:
    report = _scan(tmp_path, EXAMPLES["exclude"])
    assert set(plain.sources) - set(report.sources) >= {"infra/terraform/rds_analytics.tf"}
    assert not any(each.startswith("reports/") for each in report.sources)
    assert not any(cloud == "aws_db_instance.analytics" for _, cloud in _pairs(report))


@pytest.mark.parametrize("name", ["environment", "equivalences", "compose", "terraform"])
def test_what_the_files_say_already_may_be_said(name: str, tmp_path: Path, plain: Report) -> None:
    report = _scan(tmp_path, EXAMPLES[name])
    assert _weights(report) == _weights(plain)
    assert report.failures == ()


def _changed(root: Path, configuration: str, changes: dict[str, tuple[str, str]], **more: str) -> Report:
    """What is found in the stack after texts of files were replaced, and others written."""
    shutil.copytree(ROOT / "fixtures" / "diverged", root)
    for path, (old, new) in changes.items():
        text = (root / path).read_text("utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new), "utf-8")
    for path, text in more.items():
        (root / path).write_text(text, "utf-8")
    (root / "policyengine.yaml").write_text(configuration, "utf-8")
    return engine.scan([root], cache=False, jobs=1)


RDS = "infra/terraform/rds_analytics.tf"


def test_one_environment_is_held_against_the_local_stack(tmp_path: Path) -> None:
    values = (ROOT / "fixtures/diverged/infra/terraform/prod.tfvars").read_text("utf-8")
    found = {}
    for name in ("prod", "staging"):
        report = _changed(
            tmp_path / name,
            EXAMPLES["environment"].replace("prod", name),
            {RDS: ('"16.10"', "var.analytics")},
            **{
                "infra/terraform/analytics.tf": 'variable "analytics" {}\n',
                "infra/terraform/prod.tfvars": f'{values}\nanalytics = "16.10"\n',
                "infra/terraform/staging.tfvars": f'{values}\nanalytics = "16.9"\n',  # as locally
            },
        )
        found[name] = "HEX402" in _weights(report)
    assert found == {"prod": True, "staging": False}


def test_engines_that_are_stated_to_be_the_same_are(tmp_path: Path) -> None:
    changes = {RDS: ('= "aurora-postgresql"', '= "mysql"')}
    stated = _changed(tmp_path / "stated", EXAMPLES["equivalences"], changes)
    silent = _changed(tmp_path / "silent", "version: 1\n", changes)
    differ = {"stated": stated, "silent": silent}
    subject = "compose:services.analytics/database"
    told = {
        name: any(each.rule.id == "HEX103" and each.subject == subject for each in report.results)
        for name, report in differ.items()
    }
    assert told == {"stated": False, "silent": True}


def test_the_compose_files_and_profiles_that_are_stated_are_read(tmp_path: Path) -> None:
    changes = {
        "docker-compose.yml": ("services:\n", "services:\n  a: {image: x, profiles: [tools], depends_on: [b]}\n")
    }
    other = {"compose.yaml": "services: {app: {build: .}}\n"}  # which Docker Compose would take before the other
    stated = _changed(tmp_path / "stated", EXAMPLES["compose"], changes, **other)
    silent = _changed(tmp_path / "silent", "version: 1\n", changes, **other)
    assert [each.chosen for each in stated.graph.choices if each.what == "Compose project"] == ["docker-compose.yml"]
    assert [each.chosen for each in silent.graph.choices if each.what == "Compose project"] == ["compose.yaml"]
    without = _changed(tmp_path / "without", EXAMPLES["compose"].replace("[tools]", "[]"), changes, **other)
    assert without.failures == ()  # a service that is not on may depend on what is not there, as in Docker Compose
    assert ["'b'" in each.message for each in stated.failures] == [True]


def test_the_root_module_its_values_and_its_workspace_are_those_stated(tmp_path: Path) -> None:
    changes = {RDS: ('"16.10"', 'terraform.workspace == "prod" ? "16.10" : "16.9"')}
    prod = _changed(tmp_path / "prod", EXAMPLES["terraform"], changes)
    other = _changed(tmp_path / "other", EXAMPLES["terraform"].replace("workspace: prod", "workspace: other"), changes)
    assert "HEX402" in _weights(prod)
    assert "HEX402" not in _weights(other)
    values = EXAMPLES["terraform"].replace("prod.tfvars", "other.tfvars")
    with_values = {"infra/terraform/other.tfvars": 'analytics = "16.9"\n', "infra/terraform/x.tf": VARIABLE}
    changes = {RDS: ('"16.10"', "var.analytics")}
    assert "HEX402" not in _weights(_changed(tmp_path / "values", values, changes, **with_values))
    assert "HEX402" in _weights(_changed(tmp_path / "default", EXAMPLES["terraform"], changes, **with_values))


VARIABLE = 'variable "analytics" {\n  default = "16.10"\n}\n'


NO_OPTION = {"HEX101", "HEX107", "HEX510"}
"""Conventions that no option states: tools without a profile, limits of processors and memory, names of hosts files."""


def test_what_options_state_is_no_convention(tmp_path: Path) -> None:
    report = _scan(tmp_path, EXAMPLES["packs"])
    weights = _weights(report)
    assert "HEX205" not in weights  # linux/amd64 alone is asked for
    assert "HEX402" not in weights  # majors are compared
    assert "127.0.0.1:3005" in next(each.message for each in report.results if each.rule.id == "HEX506")
    assert "HEX610" in weights  # no pipeline migrates either
    assert {each.rule.id for each in report.results if each.folded and each.rule.id[:4] != "HEX3"} <= NO_OPTION
    assert weights["HEX601"] == {"error"}  # the gate is stated


def test_every_key_of_the_schema_has_its_example() -> None:
    file = schemas.load("config")["$defs"]["File"]  # type: ignore[index]
    keys = set(file["properties"])
    text = "\n".join(EXAMPLES.values())
    assert {key for key in keys if not re.search(rf"^{key}:", text, re.MULTILINE)} == set()
    options = schemas.load("config")["$defs"]["Options"]  # type: ignore[index]
    assert {key for key in options["properties"] if not re.search(rf"\b{key}:", EXAMPLES["packs"])} == set()
    assert len(EXAMPLES) == PAGE.count("<!-- example:")


def test_the_configuration_is_found_above_up_to_the_repository(tmp_path: Path) -> None:
    shop = tmp_path / "repository" / "apps" / "shop"
    shutil.copytree(ROOT / "fixtures" / "diverged", shop)
    (shop / "policyengine.yaml").unlink()
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / ".gitignore").write_text("apps/shop/Dockerfile.dev\n")
    (tmp_path / "policyengine.yaml").write_text("not: read\n")
    assert engine.scan([shop], cache=False, jobs=1).configuration == ""
    (tmp_path / "repository" / ".policyengine.yaml").write_text(
        "version: 1\nselect: [HEX4]\nexclude: [apps/shop/docs]\n"
    )
    (tmp_path / "repository" / "README.md").write_text("not scanned")
    (tmp_path / "repository" / "compose.yaml").write_text("services: {}\n")
    report = engine.scan([shop], cache=False, jobs=1)
    assert report.configuration == ".policyengine.yaml"
    assert {each[:4] for each in report.rules} == {"HEX4"}
    paths = set(report.sources)
    assert "apps/shop/docker-compose.yml" in paths
    assert "compose.yaml" not in paths
    assert "apps/shop/Dockerfile.dev" not in paths  # ignored above


def test_what_the_configuration_names_may_be_in_a_part_that_is_not_scanned(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures" / "hndigest", tmp_path / "shop")
    (tmp_path / "shop" / ".git").mkdir()
    cloud = engine.scan([tmp_path / "shop" / "infra"], cache=False, jobs=1)
    assert (cloud.failures, [each.rule.id for each in cloud.results]) == ((), [])
    told = [(each.what, each.chosen, each.reason) for each in cloud.graph.choices]
    assert told == [("Compose project", "none", "compose.canonical names files of another part")]
    (tmp_path / "shop" / "cdn").mkdir()
    (tmp_path / "shop" / "cdn" / "main.tf").write_text('resource "aws_s3_bucket" "files" {}\n')
    cdn = engine.scan([tmp_path / "shop" / "cdn"], cache=False, jobs=1)
    assert cdn.failures == ()
    reasons = [each.reason for each in cdn.graph.choices if each.what == "Terraform root"]
    assert reasons == ["terraform.root names 'infra/terraform', of another part"]
