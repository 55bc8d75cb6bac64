"""Units of work: what is read anew, and that their order does not matter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from policyengine import engine, plugins
from policyengine.platforms.units import Kept
from policyengine.reports import graph as export
from policyengine.repository import discover
from policyengine.repository.view import View, same
from policyengine.testing import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.platforms import Platform, Unit
    from policyengine.plugins import Plugins

FIXTURES = Path(__file__).parent.parent / "fixtures"
WORK = engine.Work(jobs=1, cache=False)


def graph_of(folder: Path, found: Plugins, work: engine.Work = WORK) -> str:
    tree = discover.open_tree([folder])
    scanned = engine.build_graph(tree, engine.load_config(tree, found), found, work)
    assert scanned.failures == ()
    return export.export(scanned.graph, scanned.sources, "json")


# reuse


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "hndigest", tmp_path / "stack"))


def test_a_second_scan_in_a_process_reads_only_what_asked_for_the_changed_file(stack: Path, installed: Plugins) -> None:
    kept = Kept()
    work = replace(WORK, kept=kept)
    first = graph_of(stack, installed, work)
    assert {"docker: Dockerfile.production", "github: .github/workflows/ci.yml", "code: package.json"} < {*kept.done}

    kept.begin()
    assert graph_of(stack, installed, work) == first
    assert kept.done == []

    dockerfile = stack / "docker" / "postgres" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("16.10", "16.9"))
    kept.begin()
    second = graph_of(stack, installed, work)
    assert kept.done == ["docker: docker/postgres/Dockerfile"]
    assert second == graph_of(stack, installed)
    assert second != first

    (stack / "docker" / "postgres" / "NOTES.txt").write_text("nobody asks for this\n")
    kept.begin()
    assert graph_of(stack, installed, work) == second
    assert kept.done == []


def test_what_a_unit_is_told_counts_as_well(stack: Path, installed: Plugins) -> None:
    kept = Kept()
    work = replace(WORK, kept=kept)
    graph_of(stack, installed, work)
    file = stack / "policyengine.yaml"
    file.write_text(file.read_text().replace("environment: prod", "environment: staging"))
    kept.begin()
    graph_of(stack, installed, work)
    assert [each for each in kept.done if each.startswith("terraform:")]


def test_a_file_that_comes_or_goes_is_seen(stack: Path, installed: Plugins) -> None:
    kept = Kept()
    work = replace(WORK, kept=kept)
    first = graph_of(stack, installed, work)
    extra = stack / "jobs" / "Dockerfile"
    extra.parent.mkdir()
    extra.write_text("FROM debian:12\n")
    kept.begin()
    assert '"dockerfile:jobs/Dockerfile#0"' in graph_of(stack, installed, work)
    assert "docker: jobs/Dockerfile" in kept.done
    assert "docker: Dockerfile.production" not in kept.done
    extra.unlink()
    assert graph_of(stack, installed, work) == first


# what a view records

TEXTS = {"a/x.tf": "x", "a/y.yml": "y", "b/x.tf": "z"}


@pytest.mark.parametrize(
    ("texts", "is_same"),
    [
        ({**TEXTS, "c.md": ""}, True),
        ({**TEXTS, "b/x.tf": "other"}, True),
        ({**TEXTS, "a/x.tf": "other"}, False),
        ({"a/x.tf": "x", "a/y.yml": "y"}, False),
        ({**TEXTS, "c/z.tf": ""}, False),
        ({**TEXTS, "a/x.json": ""}, False),
        ({**TEXTS, "Makefile": ""}, False),
        ({**TEXTS, "a/x.tf": "\ufeffx"}, False),
    ],
)
def test_a_view_is_the_same_while_the_tree_gives_the_same_answers(texts: dict[str, str], is_same: bool) -> None:
    view = View(Memory(TEXTS))
    view.read("a/x.tf")
    view.read("missing")
    view.ending(".tf")
    view.named("x.json")
    view.holding("akefile")
    view.below("a")
    view.exists("a/y.yml")
    assert same(Memory(TEXTS), view.answers)
    assert same(Memory(texts), view.answers) is is_same


def test_a_record_holds_no_text() -> None:
    view = View(Memory({".env": "DB_PASSWORD=hunter2-and-more\n"}))
    view.read(".env")
    view.once(".env", lambda source: source.text)
    assert "hunter2" not in repr(view.answers)


# order


def backwards(platform: Platform[object]) -> Platform[object]:  # type: ignore[type-var]
    def units(files: object, settings: object) -> Iterator[Unit]:
        yield from reversed(list(platform.units(files, settings)))  # type: ignore[arg-type]

    return replace(platform, units=units)


@pytest.mark.parametrize("tree", ["hndigest", "diverged"])
def test_the_order_of_units_and_platforms_does_not_matter(tree: str, installed: Plugins) -> None:
    turned = replace(installed, platforms=tuple(backwards(each) for each in reversed(installed.platforms)))
    assert graph_of(FIXTURES / tree, turned) == graph_of(FIXTURES / tree, plugins.load())


CALLS = "jobs:\n  inner:\n    uses: ./.github/workflows/{}.yml\n"
JOBS = "jobs:\n  test:\n    services: {{db: {{image: 'postgres:{}'}}}}\n    steps: [{{run: npx playwright test}}]\n"


def test_workflows_that_call_one_another_are_the_same_in_any_order(tmp_path: Path, installed: Plugins) -> None:
    texts = {
        "a.yml": "on: workflow_call\n" + CALLS.format("z"),  # each of the two calls the other
        "z.yml": "on: workflow_call\n" + CALLS.format("a") + JOBS.format(15).removeprefix("jobs:\n"),
        "ci.yml": "on: push\n" + CALLS.format("shared"),
        "nightly.yml": "on: schedule\n" + CALLS.format("shared"),
        "shared.yml": "on: workflow_call\n" + JOBS.format(16),
    }
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    turned = replace(installed, platforms=tuple(backwards(each) for each in installed.platforms))
    made = graph_of(tmp_path, installed)
    assert graph_of(tmp_path, turned) == made
    assert '"github:.github/workflows/ci.yml#inner/test/services.db"' in made
    assert '"github:.github/workflows/nightly.yml#inner/test/services.db"' not in made
    assert '"github:.github/workflows/shared.yml#test"' not in made
    assert '"github:.github/workflows/a.yml#inner/test/services.db"' in made
    assert '"github:.github/workflows/z.yml#test"' not in made
