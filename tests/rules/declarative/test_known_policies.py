"""Policies that other tools have as examples, as rules in YAML: each is broken by one tree and kept by another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import engine
from policyengine.rules.declarative import yaml_pack

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

FOLDER = Path(__file__).parent.parent.parent.parent / "fixtures" / "packs" / "known-policies"


def scanned(tree: str) -> Report:
    return engine.scan([FOLDER / tree], packs=[str(FOLDER / "policies.yaml")], select=["KNOWN"], cache=False, jobs=1)


@pytest.fixture(scope="module")
def diverging() -> Report:
    return scanned("diverging")


def test_each_policy_is_broken_by_a_tree(diverging: Report) -> None:
    assert diverging.failures == ()
    ids = {rule.id for pack in diverging.packs for rule in pack.rules if rule.id in diverging.rules}
    assert len(ids) >= 40
    assert ids - {each.rule.id for each in diverging.results} == set()


def test_no_policy_is_broken_or_open_where_all_is_as_it_wants() -> None:
    report = scanned("conforming")
    assert report.failures == ()
    assert [f"{each.rule.id} {each.message}" for each in report.results] == []
    assert [f"{each.rule} {each.subject} {each.reason}" for each in report.undecided] == []


def test_what_breaks_policies_is_at_its_place(diverging: Report) -> None:
    places: dict[str, str] = {}
    for each in diverging.results:
        source = diverging.sources[each.span.path]
        places.setdefault(each.rule.id, f"{each.span.path}: {source.slice(each.span)}")
    assert {name: places[name] for name in ("KNOWN003", "KNOWN014", "KNOWN203", "KNOWN402", "KNOWN601")} == {
        "KNOWN003": "main.tf: 1",
        "KNOWN014": "main.tf: m5.24xlarge",
        "KNOWN203": "docker-compose.yml: host",
        "KNOWN402": "Dockerfile: debian",
        "KNOWN601": ".github/workflows/ci.yml: v4",
    }


def test_the_guide_names_each_policy() -> None:
    guide = (FOLDER.parent.parent.parent / "docs" / "yaml-rules.md").read_text("utf-8")
    table = guide.partition("## Policies of other tools")[2].partition("\n## ")[0]
    named = {int(each) for each in re.findall(r"KNOWN(\d+)", table)}
    for first, last in re.findall(r"KNOWN(\d+) to KNOWN(\d+)", table):
        named.update(range(int(first), int(last) + 1))
    known = {int(rule.id.removeprefix("KNOWN")) for rule in yaml_pack(FOLDER / "policies.yaml").rules}
    assert named == known
