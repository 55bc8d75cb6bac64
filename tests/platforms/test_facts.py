"""Facts that travel: the cloud side of one folder, exported and held against the local side of another."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from policyengine import cli, engine, plugins, schemas
from policyengine.model.nodes import Service, Side
from policyengine.model.source import UsageError
from policyengine.model.value import Known, Unknown
from policyengine.repository import discover

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

ROOT = Path(__file__).parents[2]
DIVERGED = ROOT / "fixtures" / "diverged"


def _exported(to: Path, root: Path = DIVERGED, side: str = "cloud") -> dict[str, object]:
    assert cli.main(["facts", "export", str(root), "--side", side, "-o", str(to), "--no-cache", "--jobs", "1"]) == 0
    made: dict[str, object] = json.loads(to.read_text("utf-8"))
    return made


def _local(folder: Path, more: str = "") -> Path:
    shutil.copytree(DIVERGED, folder)
    shutil.rmtree(folder / "infra")
    text = (DIVERGED / "policyengine.yaml").read_text("utf-8")
    before, _, after = text.partition("terraform:\n")
    (folder / "policyengine.yaml").write_text(before + after.partition("\n\n")[2] + more, "utf-8")
    return folder


def _told(report: Report) -> list[tuple[str, str, str]]:
    return sorted((each.rule.id, each.severity.value, each.message) for each in report.results)


STAYS = {"HEX309", "HEX310", "HEX609"}
"""Rules about the cloud's own files: the keys of a secret, the project of a provider, what Terraform defines at all."""


def test_both_halves_give_the_findings_of_the_whole(tmp_path: Path) -> None:
    _exported(tmp_path / "infra.json")
    tree = discover.open_tree([_local(tmp_path / "app")])
    loaded = plugins.load()
    work = engine.Work(given={"facts": (tmp_path / "infra.json",)}, jobs=1, cache=False)
    apart = engine.evaluate_tree(tree, engine.load_config(tree, loaded), loaded, work=work)
    whole = engine.scan([DIVERGED], cache=False, jobs=1)
    assert apart.failures == ()
    assert _told(apart) == [each for each in _told(whole) if each[0] not in STAYS]
    assert {rule for rule, *_ in {*_told(whole)} - {*_told(apart)}} == STAYS
    found = next(each for each in apart.results if each.rule.id == "HEX402")
    version = found.finding.related[0]
    assert version.via[0].what.startswith("infra/terraform/rds_analytics.tf:5:33 of ")  # type: ignore[union-attr]


def test_what_runs_migrations_travels(tmp_path: Path) -> None:
    """The reference stack has migrations, and a task of Terraform that runs them: none is missed without its files."""
    made = _exported(tmp_path / "infra.json", ROOT / "fixtures" / "hndigest")
    jsonschema.validate(made, schemas.load("facts"))
    folder = tmp_path / "app"
    shutil.copytree(ROOT / "fixtures" / "hndigest", folder)
    shutil.rmtree(folder / "infra")
    before, _, after = (folder / "policyengine.yaml").read_text("utf-8").partition("terraform:\n")
    (folder / "policyengine.yaml").write_text(before + after.partition("\n\n")[2], "utf-8")
    tree, loaded = discover.open_tree([folder]), plugins.load()
    work = engine.Work(given={"facts": (tmp_path / "infra.json",)}, jobs=1, cache=False)
    report = engine.evaluate_tree(tree, engine.load_config(tree, loaded), loaded, work=work, select=["HEX610"])
    assert _told(report) == []
    assert [each.rule for each in report.undecided] == []


def test_a_module_of_which_nothing_is_known_leaves_the_same_questions_open(tmp_path: Path) -> None:
    infra = tmp_path / "infra"
    infra.mkdir()
    (infra / "main.tf").write_text(
        'module "platform" {\n  source = "example/platform/aws"\n  version = "1.0.0"\n}\n'
        'resource "aws_db_instance" "db" {\n  engine = "postgres"\n  engine_version = "16.4"\n}\n'
    )
    made = _exported(tmp_path / "infra.json", infra)
    jsonschema.validate(made, schemas.load("facts"))
    app = tmp_path / "app"
    (app / "migrations").mkdir(parents=True)
    (app / "migrations" / "V1__init.sql").write_text("CREATE TABLE a (b int);\n")
    (app / "compose.yml").write_text(
        "services:\n  db: {image: 'postgres:16.4'}\n"
        "  flyway: {image: 'flyway/flyway:11', volumes: ['./migrations:/flyway/sql']}\n"
    )
    tree, loaded = discover.open_tree([app]), plugins.load()
    work = engine.Work(given={"facts": (tmp_path / "infra.json",)}, jobs=1, cache=False)
    report = engine.evaluate_tree(tree, engine.load_config(tree, loaded), loaded, work=work, select=["HEX610"])
    assert _told(report) == []
    assert [each.reason for each in report.undecided] == ["what 'module.platform' makes is not in the repository"]


def test_the_document_keeps_to_its_schema_and_holds_only_values_that_are_no_secret(tmp_path: Path) -> None:
    made = _exported(tmp_path / "facts.json")
    jsonschema.validate(made, schemas.load("facts"))
    jsonschema.Draft202012Validator.check_schema(schemas.load("facts"))
    assert made["side"] == "cloud"
    assert made["date"] == datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    services = made["services"]
    assert isinstance(services, list)
    app = next(each for each in services if each["name"] == "app")
    assert {
        "name": "NODE_ENV",
        "from": "environment",
        "at": "infra/terraform/ecs_app.tf:36:19",
        "value": {"known": "production", "at": "infra/terraform/ecs_app.tf:36:39"},
    } in app["variables"]
    assert [each["name"] for each in app["variables"] if "value" in each] == ["NODE_ENV", "PORT", "TZ", "LOG_LEVEL"]
    stores = made["datastores"]
    assert isinstance(stores, list)
    analytics = next(each for each in stores if each["name"] == "aws_db_instance.analytics")
    assert analytics["engine"]["known"] == "postgres"
    assert analytics["version"] == {"known": "16.10", "at": "infra/terraform/rds_analytics.tf:5:33"}


def test_no_secret_travels_whatever_tells_it(tmp_path: Path) -> None:
    told = {
        "DB_PASSWORD": "hunter2-by-name",
        "BY_FORM": "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        "BY_LETTERS": "q8Zr1LmT7vXc2BnK5sWd9YfH3jPa6GuE",
        "BY_ADDRESS": "redis://user:hunter3@cache:6379",
        "SHOWN": "smtp",
    }
    lines = "".join(f"      {key}: {value}\n" for key, value in told.items())
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "compose.yml").write_text(
        f"services:\n  web:\n    image: acme/web:1\n    environment:\n{lines}"
    )
    made = _exported(tmp_path / "facts.json", tmp_path / "app", "local")
    services = made["services"]
    assert isinstance(services, list)
    assert {each["name"]: each.get("value", {}).get("known") for each in services[0]["variables"]} == {
        **dict.fromkeys(told),
        "SHOWN": "smtp",
    }
    text = (tmp_path / "facts.json").read_text("utf-8")
    assert not [value for key, value in told.items() if key != "SHOWN" and value in text]


def test_the_local_side_travels_too(tmp_path: Path) -> None:
    made = _exported(tmp_path / "local.json", side="local")
    jsonschema.validate(made, schemas.load("facts"))
    stores = made["datastores"]
    assert isinstance(stores, list)
    assert {each["id"] for each in stores} >= {"compose:services.db/database", "compose:services.redis/cache"}
    services = made["services"]
    assert isinstance(services, list)
    next(each for each in services if each["name"] == "mail")["hostnames"].append("mail.example.org")
    (tmp_path / "local.json").write_text(json.dumps(made), "utf-8")
    shutil.copytree(DIVERGED, tmp_path / "infra")
    (tmp_path / "infra" / "docker-compose.yml").unlink()
    (tmp_path / "infra" / "docker-compose.e2e.yml").unlink()
    tree, loaded = discover.open_tree([tmp_path / "infra"]), plugins.load()
    work = engine.Work(given={"facts": (tmp_path / "local.json",)}, jobs=1, cache=False)
    apart = engine.evaluate_tree(tree, engine.load_config(tree, loaded), loaded, work=work)
    whole = engine.scan([DIVERGED], cache=False, jobs=1)
    assert {(each.local, each.cloud) for each in apart.graph.pairs} >= {
        (each.local, each.cloud) for each in whole.graph.pairs
    }
    told = {each.rule for each in apart.undecided if each.reason == "which env files it loads is not exported"}
    assert told == {"HEX301"}
    first, known = (
        {(rule, text.partition(". ")[0].rstrip(".")) for rule, _, text in _told(each)} for each in (apart, whole)
    )
    assert first <= known
    mail = apart.graph.get(Service, "compose:services.mail")
    assert mail is not None
    assert mail.names == ("mail", "mail.example.org")


def test_the_configuration_names_a_document_of_the_tree(tmp_path: Path) -> None:
    root = _local(tmp_path / "app", "\nfacts:\n  - {file: vendor/infra.json, max_age: 30d}\n")
    (root / "vendor").mkdir()
    _exported(root / "vendor" / "infra.json")
    report = engine.scan([root], cache=False, jobs=1)
    assert report.failures == ()
    found = next(each for each in report.results if each.rule.id == "HEX402")
    place = found.related[0]
    assert report.sources[place.path].text[place.start : place.end] == "16.10"
    choice = next(each for each in report.graph.choices if each.what == "cloud side")
    assert choice.chosen == "vendor/infra.json"


def test_old_facts_are_told_and_still_used(tmp_path: Path) -> None:
    root = _local(tmp_path / "app", "\nfacts:\n  - {file: infra.json, max_age: 4w}\n")
    made = _exported(tmp_path / "infra.json") | {"date": "2020-01-31"}
    (root / "infra.json").write_text(json.dumps(made, indent=1), "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    (failure,) = report.failures
    assert failure.span is not None
    days = (datetime.datetime.now(tz=datetime.UTC).date() - datetime.date(2020, 1, 31)).days
    assert (failure.message, failure.advice) == (f"the facts are {days} days old, over 28 days", "export them anew")
    assert report.sources["infra.json"].text[failure.span.start : failure.span.end] == "2020-01-31"
    assert any(each.rule.id == "HEX402" for each in report.results)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "the facts 'infra.json' are not there"),
        ("{", "not valid JSON: a member"),
        ("{}", "it is no document of facts of version 1"),
        ('{"version": 2, "side": "cloud"}', "it is no document of facts of version 1"),
        (
            '{"version": 1, "side": "cloud", "services": [{"id": "a", "name": "a", "role": "odd"}]}',
            "'odd' is not a valid",
        ),
    ],
)
def test_what_is_no_document_is_told_and_loses_nothing_else(tmp_path: Path, text: str | None, message: str) -> None:
    root = _local(tmp_path / "app", "\nfacts: [{file: infra.json}]\n")
    if text is not None:
        (root / "infra.json").write_text(text, "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    assert len(report.failures) == 1
    assert message in report.failures[0].message
    assert any(each.rule.id == "HEX502" for each in report.results)


def test_facts_of_another_type_are_open_and_end_in_no_error(tmp_path: Path) -> None:
    root = _local(tmp_path / "app", "\nfacts: [{file: infra.json}]\n")
    made = _exported(tmp_path / "infra.json")
    for each in made["services"]:  # type: ignore[attr-defined]
        each["image"] = {"known": {"repository": "app", "registry": {}}, "at": "a:1:1"}
        each |= {"init": {"known": "yes", "at": "a:2:1"}, "count": {"known": "9" * 5_000, "at": "a:3:1"}}
    (root / "infra.json").write_text(json.dumps(made), "utf-8")
    report = engine.scan([root], cache=False, jobs=1)
    assert report.failures == ()
    cloud = [each for each in report.graph.all(Service) if each.side is Side.CLOUD]
    assert len(cloud) == len(made["services"])  # type: ignore[arg-type]
    assert all(isinstance(each.init, Unknown) and isinstance(each.count, Unknown) for each in cloud)
    assert {each.image.value.name for each in cloud if isinstance(each.image, Known)} == {"…/app"}


def test_an_age_of_too_many_digits_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    root = _local(tmp_path / "app", f"\nfacts: [{{file: infra.json, max_age: {'9' * 5_000}d}}]\n")
    with pytest.raises(UsageError, match="max_age"):
        engine.scan([root], cache=False, jobs=1)


def test_an_option_that_names_nothing_ends_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", str(_local(tmp_path / "app")), "--facts", str(tmp_path / "none.json")]) == 2
    assert "none.json' cannot be read: no such file or directory" in capsys.readouterr().err
