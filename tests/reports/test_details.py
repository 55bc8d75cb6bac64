"""Small things that reports say: what knows a waived finding, what a baseline holds, what a drawing joins."""

from __future__ import annotations

import html
import json
import re

import pytest
from msgspec.structs import replace

from policyengine.model.graph import Choice, Edge, EdgeKind, Graph, Pair
from policyengine.model.nodes import Side
from policyengine.model.source import Span
from policyengine.reports import baseline, concise, github, gitlab, graph, junit, markdown, pairs, sarif, text
from policyengine.rules.evaluate import Comparison, Failure, Remark, Waived
from tests.linking.nodes import database, service
from tests.reports import sample


def test_a_baseline_holds_what_a_finding_is_known_by() -> None:
    report = sample.report()
    document = json.loads(baseline.written(baseline.of(report)))
    assert set(document) == {"version", "findings"}
    assert document["version"] == 1
    assert all(set(each) == {"identity", "rule", "subject", "severity", "message"} for each in document["findings"])
    assert {each["subject"] for each in document["findings"]} == {each.subject for each in report.results}
    assert len({each["identity"] for each in document["findings"]}) == len(report.results)
    rows = [(each["rule"], each["subject"], each["identity"]) for each in document["findings"]]
    assert rows == sorted(rows)


def test_what_a_baseline_knows_is_waived_and_counted_by_what_knows_it() -> None:
    report = sample.report()
    known = baseline.applied(report, baseline.of(report), "baseline.json")
    assert (known.results, known.fixed) == ((), ())
    count = len(report.results)
    assert f"{count} waived: {count} known by baseline.json" in text.report(known, text.Style())
    by_hand = sample.report(waived=(Waived(report.results[0], "until the cloud is upgraded"),))
    shown = text.report(by_hand, text.Style())
    assert "1 waived: 1 until the cloud is upgraded\n" in shown


def test_what_is_there_no_more_is_fixed_unless_the_run_failed() -> None:
    whole, none = baseline.of(sample.report()), baseline.Baseline(1, ())
    assert baseline.applied(sample.report(), none, "x").fixed == ()
    gone = baseline.Baseline(1, tuple(replace(each, identity="gone") for each in whole.findings[:1]))
    assert baseline.applied(sample.report(), gone, "x").fixed == (str(gone.findings[0]),)
    failed = sample.report(Failure("rule SMP402 crashed: KeyError", rule="SMP402"))
    assert baseline.applied(failed, gone, "x").fixed == ()


APP, DB, CLOUD_DB = service("app"), database("db"), database("db", Side.CLOUD)


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_a_drawing_joins_only_what_it_shows(form: str) -> None:
    shown = Edge(EdgeKind.CONNECTS, APP.id, DB.id, "X")
    gone = (Edge(EdgeKind.CONNECTS, APP.id, "compose:gone", "X"), Edge(EdgeKind.CONNECTS, "compose:gone", DB.id, "X"))
    lost = (Pair(DB.id, "terraform:gone", 90, ()), Pair("compose:gone", CLOUD_DB.id, 90, ()))
    made = Graph((APP, DB, CLOUD_DB), edges=(shown, *gone), pairs=(Pair(DB.id, CLOUD_DB.id, 90, ()), *lost))
    drawn = graph.export(made, {}, form)
    assert drawn.count("connects") == 1
    assert drawn.count("mirrors") == 1
    assert "gone" not in drawn


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ((APP, CLOUD_DB), "both sides"),
        ((APP,), "no cloud side"),
        ((CLOUD_DB,), "no local side"),
        ((), "no local side, no cloud side"),
    ],
)
def test_a_system_says_which_side_it_lacks(nodes: tuple[object, ...], said: str) -> None:
    whole = Graph((), systems={"one": Graph(nodes), "two": Graph((APP,))})  # type: ignore[arg-type]
    lines = pairs.report(whole, "text").splitlines()
    assert lines[0] == f"system one: {said}"
    assert lines[lines.index("system two: no cloud side") - 1] == ""


def test_a_log_of_just_the_size_that_is_allowed_is_whole() -> None:
    whole = sarif.report(sample.report(), sarif.Options())
    same = sarif.report(sample.report(), sarif.Options(max_bytes=len(whole.text)))
    assert same.text == whole.text
    assert same.left_out == ()


def test_a_side_has_its_tick_only_where_no_rule_of_it_crashed() -> None:
    compared = (Comparison("SMP601", "compose:services.a", ""), Comparison("SMP601", "compose:services.b", ""))
    fine = replace(sample.report(clean=True), compared=compared)
    crashed = replace(fine, failures=(Failure("rule SMP601 crashed: KeyError", rule="SMP601"),))
    lines = [text.report(each, text.Style()).splitlines() for each in (fine, crashed)]
    first, second = (next(line for line in each if "6 Pipeline" in line) for each in lines)
    assert first.endswith("✓ 2 compared")
    assert second.endswith("✗ a rule crashed  2 compared")


def test_the_frame_of_a_place_is_painted() -> None:
    shown = text.report(sample.report(), text.Style(colour=True, undecided=True))
    assert "\x1b[34m┌─\x1b[0m" in shown
    assert "\x1b[34m│\x1b[0m" in shown
    assert not set(re.findall(r"\x1b\[(.*?)m", shown)) - {
        "0",
        "1",
        "2",
        "1;31",
        "1;33",
        "1;34",
        "31",
        "32",
        "33",
        "34",
        "36",
    }


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, ""), (5, " and 1 more")])
def test_four_of_what_is_gone_are_named(count: int, more: str) -> None:
    gone = tuple(f"g{number}" for number in range(count))
    said = text.report(replace(sample.report(), fixed=gone), text.Style()).splitlines()
    assert f"fixed: {', '.join(gone[:4])}{more}" in said


@pytest.mark.parametrize(("count", "shown"), [(3, "[s0, s1, s2] "), (4, "[s0, s1, s2, …] ")])
def test_three_systems_of_a_finding_are_named(count: int, shown: str) -> None:
    whole = sample.report()
    first = replace(whole.results[0], systems=tuple(f"s{number}" for number in range(count)))
    assert f"] {shown}" in concise.report(replace(whole, results=(first,))).splitlines()[0]


def test_a_remark_on_the_configuration_is_a_warning_of_a_log() -> None:
    whole = replace(sample.report(), remarks=(Remark("the waiver of A1 covers nothing", Span("gone.yaml", 0, 3)),))
    (run,) = json.loads(sarif.report(whole, sarif.Options()).text)["runs"]
    assert run["invocations"][0]["toolExecutionNotifications"][-1] == {
        "descriptor": {"id": run["tool"]["driver"]["notifications"][4]["id"], "index": 4},
        "level": "warning",
        "message": {"text": "the waiver of A1 covers nothing."},
    }


def test_the_three_reasons_that_leave_most_open_are_named_and_the_rest_is_counted() -> None:
    whole = sample.report()
    (one,) = whole.undecided
    for reasons, closing in (
        ("a", ""),
        ("abc", ""),
        ("abcd", "  and 1 more reason"),
        ("abcde", "  and 2 more reasons"),
    ):
        asked = tuple(replace(one, reason=reason) for reason in reasons) + (replace(one, reason="b"),) * (
            len(reasons) > 1
        )
        lines = text.report(replace(whole, undecided=asked), text.Style()).splitlines()
        start = lines.index(f"{len(asked)} undecided")
        named = ["  1 × a"] if len(reasons) == 1 else ["  2 × b", "  1 × a", "  1 × c"]
        assert lines[start + 1 : start + 1 + len(named)] == named
        assert lines[start + 1 + len(named)] == (closing or "  --undecided shows each with its place")


def test_a_finding_at_the_same_place_says_what_the_former_does_not() -> None:
    whole = sample.report()
    first = next(each for each in whole.results if each.finding.fix is not None and each.related)
    finding = replace(first.finding, subject=sample.OTHER)
    second = replace(first, finding=finding, systems=("two",), environments=("staging",))
    lines = text.report(replace(whole, results=(first, second), systems={"two": whole}), text.Style()).splitlines()
    start = lines.index(f"  = note: at the same place, of {sample.OTHER.id}")
    assert lines[start + 1 : start + 4] == ["  = system: two", "  = note: only in staging", ""]


def test_a_file_outside_of_the_tree_has_no_prefix() -> None:
    whole = sample.report(Failure("it is old", Span("/elsewhere/facts.json", 0, 0)))
    for form in (concise, github, gitlab, junit, markdown):
        shown = html.unescape(form.report(whole, "apps/shop/"))
        assert "apps/shop/local stack/docker-compose.yml" in shown
        assert "/elsewhere/facts.json" in shown
        assert "apps/shop//elsewhere" not in shown


def test_what_was_chosen_in_a_system_shows_no_secret_in_a_log() -> None:
    chosen = Choice("cloud side", "facts.json", "exported from https://me:hunter2hunter2@git.acme.io/infra")
    system = sample.report()
    whole = replace(sample.report(), systems={"shop": replace(system, graph=replace(system.graph, choices=(chosen,)))})
    log = sarif.report(whole, sarif.Options()).text
    assert "exported from https://me:**************@git.acme.io/infra" in log
