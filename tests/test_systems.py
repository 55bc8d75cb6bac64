"""Several systems in one repository: each is compared on its own, and what is found names its system."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from policyengine import engine, plugins, schemas
from policyengine.reports import concise, pairs, sarif, text
from policyengine.reports import json as json_report
from policyengine.reports.identity import identity
from policyengine.repository import discover

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report, Result

FIXTURES = Path(__file__).parent.parent / "fixtures"


def scan(root: Path) -> Report:
    return engine.scan([root], cache=False, jobs=1)


def places(result: Result, folder: str = "") -> tuple[object, ...]:
    """A result as it is seen: rule, severity, message and all places."""
    spans = (result.span, *result.related)
    return result.rule.id, result.severity, result.message, *((folder + at.path, at.start, at.end) for at in spans)


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("monorepo")
    shutil.copytree(FIXTURES / "diverged", root / "a")
    shutil.copytree(FIXTURES / "hndigest", root / "b")
    return root


@pytest.fixture(scope="module")
def alone() -> Report:
    return scan(FIXTURES / "diverged")


@pytest.fixture(scope="module")
def report(monorepo: Path) -> Report:
    return scan(monorepo)


def test_a_monorepo_gives_the_findings_of_its_parts(report: Report, alone: Report) -> None:
    assert len(alone.results) >= 27
    assert {places(each) for each in report.results} == {places(each, "a/") for each in alone.results}
    assert {each.systems for each in report.results} == {("a",)}
    assert [each.subject.partition(":")[2][:2] for each in report.results] == ["a/"] * len(report.results)
    assert (report.undecided, report.failures) == ((), ())
    assert {(each.local, each.cloud) for each in report.systems["b"].graph.pairs} == {
        ("compose:b/services.app", "terraform:b/aws_ecs_task_definition.app#app"),
        ("compose:b/services.db/database", "terraform:b/aws_db_instance.main"),
        ("compose:b/services.redis/cache", "terraform:b/aws_elasticache_replication_group.main"),
        ("compose:b/services.worker", "terraform:b/aws_ecs_task_definition.worker#worker"),
    }


def test_each_of_many_copies_gives_its_finding_under_its_name(tmp_path: Path) -> None:
    names = [f"service-{number}" for number in range(6)]
    for name in names:
        shutil.copytree(FIXTURES / "hndigest", tmp_path / name)
        compose = tmp_path / name / "docker-compose.yml"
        compose.write_text(compose.read_text("utf-8").replace("redis:7-alpine", "redis:8-alpine"), "utf-8")
    copies = scan(tmp_path)
    assert [(each.rule.id, each.systems, each.subject) for each in copies.results] == [
        ("HEX411", (name,), f"compose:{name}/services.redis/cache") for name in names
    ]
    assert len({identity(each) for each in copies.results}) == len(names)


def test_every_format_names_the_system(report: Report) -> None:
    told = json.loads(json_report.report(report))
    jsonschema.validate(told, schemas.load("report"))
    assert {tuple(each["systems"]) for each in told["findings"]} == {("a",)}
    assert [(each["name"], {side["green"] for side in each["coverage"]["sides"]}) for each in told["systems"]] == [
        ("a", {False}),
        ("b", {True}),
    ]
    run = json.loads(sarif.report(report, sarif.Options()).text)["runs"][0]
    assert {tuple(each["properties"]["systems"]) for each in run["results"]} == {("a",)}
    assert [each["name"] for each in run["properties"]["systems"]] == ["a", "b"]
    assert all("] [a] " in line for line in concise.report(report).splitlines()[:-1])
    lines = text.report(report, text.Style()).splitlines()
    assert sum(line.strip() == "= system: a" for line in lines) == len(report.results)
    assert "  a  1✗ 2✗ 3✗ 4✗ 5✗ 6✗  24 errors  5 warnings  6 pairs" in lines
    assert "  b  1✓ 2✓ 3✓ 4✓ 5✓ 6✓  4 pairs" in lines
    heads = [line for line in pairs.report(report.graph, "text").splitlines() if line.startswith("system ")]
    assert heads == ["system a: both sides", "system b: both sides"]


def test_one_system_is_named_nowhere(alone: Report) -> None:
    assert "systems" not in json_report.report(alone)
    assert "= system:" not in text.report(alone, text.Style())


def test_the_graph_of_several_systems_has_what_each_alone_has(monorepo: Path) -> None:
    loaded = plugins.load()
    work = engine.Work(jobs=1, cache=False)
    trees = [discover.open_tree([each]) for each in (monorepo, FIXTURES / "hndigest")]
    joined, alone = (engine.build_graph(tree, engine.load_config(tree, loaded), loaded, work).graph for tree in trees)
    assert list(joined.systems) == ["a", "b"]
    assert len(joined.systems["b"].nodes) == len(alone.nodes)
    assert len(joined.nodes) == sum(len(each.nodes) for each in joined.systems.values())
