"""The formats for editors, CI systems and comments: each finding with its place, the other side and the remedy."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from policyengine import cli
from policyengine.model.change import Edit
from policyengine.reports import concise, entry, github, gitlab, junit, markdown
from policyengine.reports.view import View
from policyengine.rules.evaluate import Since
from policyengine.rules.rule import Fix, Severity
from tests.reports import sample
from tests.safety.test_nothing_raw import FILES, NAME, UNSAFE
from tests.trees import write

if TYPE_CHECKING:
    from pathlib import Path


def test_concise_is_a_line_a_finding_that_editors_read() -> None:
    *lines, last = concise.report(sample.report(), "sub/").splitlines()
    assert len(lines) == len(sample.report().results)
    assert all(re.match(r"sub/[^:]+:\d+:\d+: (error|warning|note)\[\w+\] \S.*\Z", line) for line in lines)
    assert last.startswith(f"{len(lines)} findings; ")


def test_github_commands_name_file_line_and_columns() -> None:
    lines = github.report(sample.report()).splitlines()
    assert len(lines) == len(sample.report().results) + 1
    first = next(line for line in lines if "postgres:15.1" in line or "15.1" in line)
    assert re.match(
        r"::(error|warning|notice) file=local stack/docker-compose\.yml,line=6,endLine=6,col=15,endColumn=28,title=\w+::",
        first,
    )
    assert "See also infra/größe/" in first
    assert lines[-1].startswith("::notice title=policyengine::")


def test_of_many_annotations_the_most_severe_and_those_in_the_diff_come_first_and_the_rest_is_counted() -> None:
    found = sample.report()
    first = next(each for each in found.results if each.severity is Severity.ERROR and each.related)
    many = [replace(first, severity=severity) for severity in Severity for _ in range(12)]
    inside = found.results[0]
    assert inside.severity is Severity.WARNING
    line = found.sources[inside.span.path].position(inside.span.start)[0]
    since = Since("main", touched={inside.span.path: ((line, line),)})
    lines = github.report(replace(found, results=(*many, inside), since=since, failures=())).splitlines()
    levels = [each.partition(" ")[0] for each in lines]
    assert levels == ["::error"] * 12 + ["::warning"] * 13 + ["::notice"] * 13
    assert lines[12].startswith(f"::warning file={inside.span.path},line={line},")
    assert lines[25].startswith(
        "::notice title=policyengine::37 new, 0 unchanged, 0 fixed since 'main'; 8 of them are in the log of the step only, "
        "since GitHub keeps 10 of a kind;"
    )


def test_what_a_file_says_is_no_workflow_command() -> None:
    found = sample.report()
    hostile = "a%0A\r\n::error::b,c:d ::set-output name=x::y"
    results = (replace(found.results[0], message=hostile), replace(found.results[0], message="##[error]x"))
    lines = github.report(replace(found, results=results, failures=())).splitlines()
    assert len(lines) == 3
    assert "::a%250A" in lines[0]
    assert "\r" not in lines[0]
    assert lines[0].count("\n") == 0
    assert all(line.startswith("::") for line in lines)  # GitHub looks for the older form only where this one is not


def test_junit_has_a_case_a_rule_and_a_failure_a_finding() -> None:
    report = sample.report()
    top = ET.fromstring(junit.report(report))  # noqa: S314  our own text
    assert (top.tag, top.get("tests"), top.get("failures")) == (
        "testsuites",
        str(len(report.rules)),
        str(len(report.results)),
    )
    cases = top.findall("./testsuite/testcase")
    assert len(cases) == len(report.rules)
    failures = top.findall(".//failure")
    assert len(failures) == len(report.results)
    assert {each.get("type") for each in failures} == {each.severity.value for each in report.results}
    assert sum(int(each.get("failures", "0")) for each in top.findall("testsuite")) == len(report.results)
    assert "docker-compose.yml:6:15" in "".join(each.text or "" for each in failures)
    never_asked = next(each for each in cases if each.get("name", "").startswith("SMP601 "))
    assert [(each.tag, each.get("message")) for each in never_asked] == [("skipped", "nothing to compare")]


def test_gitlab_issues_have_what_the_format_asks_for() -> None:
    issues = json.loads(gitlab.report(sample.report()))
    assert len(issues) == len(sample.report().results)
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    assert {each["severity"] for each in issues} <= {"info", "minor", "major", "critical", "blocker"}
    place = next(each["location"] for each in issues if each["location"]["lines"]["begin"] == 6)
    assert place == {"path": "local stack/docker-compose.yml", "lines": {"begin": 6, "end": 6}}


def test_markdown_is_a_table_in_which_nothing_is_a_mark() -> None:
    text = markdown.report(sample.report())
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(sample.report().results)
    assert all(row.count("|") == 6 for row in rows)
    cells = re.sub(r"</?code>|<br>", "", "".join(rows))
    assert re.search(r"[`*_\[\]<>@]", cells) is None


def test_markdown_says_of_what_is_new_where_the_change_is() -> None:
    found = sample.report()
    inside = next(each for each in found.results if len(each.related) == 1 and each.severity is Severity.ERROR)
    line = found.sources[inside.span.path].position(inside.span.start)[0]

    def where(touched: dict[str, tuple[tuple[int, int], ...]]) -> str:
        since = Since("main", touched=touched)
        (row,) = (
            each
            for each in markdown.report(replace(found, results=(inside,), since=since)).splitlines()
            if "new*" in each
        )
        return row.split(" | ")[4]

    assert where({inside.span.path: ((line, line),)}) == "local"
    assert where({inside.span.path: ((line + 90, line + 90),)}) == "local, elsewhere in the file"
    assert where({"other.tf": ((1, 1),)}) == "no"


def test_work_that_was_not_done_is_told_in_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: [\n", "utf-8")
    (tmp_path / "main.tf").write_text('resource "aws_db_instance" "a" {}\n', "utf-8")
    expected = {
        "concise": "compose.yaml:2:1: failure: not valid YAML",
        "github": "::error file=compose.yaml,line=2,title=not done::not valid YAML",
        "junit": '<error message="not valid YAML',
        "markdown": "- not valid YAML",
        "gitlab": '"check_name": "PE9001"',
    }
    for form, said in expected.items():
        assert cli.main(["scan", str(tmp_path), "--format", form, "--no-cache", "--fail-on", "never"]) == 3
        out = capsys.readouterr().out.replace(f"{tmp_path}/", "")
        assert said in out
        if form == "junit":
            top = ET.fromstring(out)  # noqa: S314  our own text
            assert int(top.get("tests", "0")) == len(top.findall("./testsuite/testcase"))
            assert top.get("errors") == "1"


def test_message_and_remedy_are_two_sentences() -> None:
    result = sample.report().results[0]
    spot = entry.Spot("a", 1, 1, 1, 1)
    for message in ("a is b", "a is b."):
        assert entry.Entry(result, message, spot, (), "set c").whole == "a is b. Set c."
    assert entry.Entry(result, "a is b", spot, (), "").whole == "a is b"


@pytest.mark.parametrize(("text", "said"), [(", tests", "add needs: tests"), (", e2e", "add needs: tests: e2e")])
def test_a_remedy_names_what_is_written_without_the_commas_around_it(text: str, said: str) -> None:
    report = sample.report()
    result = next(each for each in report.results if each.finding.fix is not None and each.finding.fix.exact)
    fix = Fix("add needs: tests", (Edit(result.span, text),))
    assert View.of(report).remedy(replace(result, finding=replace(result.finding, fix=fix))) == said


ODD = {
    f"stack{NAME}/compose.yaml": "services:\n  app: {build: .}\n  db: {image: 'postgres:15.1'}\n",
    f"stack{NAME}/Dockerfile": "FROM node:20\n",
    f"stack{NAME}/main.tf": 'resource "aws_db_instance" "db" {\n  engine = "postgres"\n  engine_version = "15.3"\n}\n',
}


@pytest.mark.parametrize(("files", "told"), [(FILES, "NEXTAUTH_URL"), (ODD, "HEX402")])
@pytest.mark.parametrize("form", ["concise", "github", "junit", "markdown", "gitlab"])
def test_no_hostile_name_breaks_out(
    form: str, files: dict[str, str], told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, files)
    assert cli.main(["scan", str(tmp_path), "--format", form, "--no-cache", "--profile", "strict"]) in (0, 1, 3)
    out = capfd.readouterr().out
    assert UNSAFE.search(out) is None
    assert told in out.replace("&#95;", "_")  # so that there is a finding to show
    if form == "github":  # every line is one of our commands, and none is hidden in its values
        for line in out.splitlines():
            command, properties, value = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line).groups()  # type: ignore[union-attr]
            assert command
            assert re.fullmatch(r"(?:\w+=[^,]*(?:,|\Z))+", properties)
            assert not value.startswith("::")
    elif form == "junit":
        ET.fromstring(out)  # noqa: S314  our own text
    elif form == "gitlab":
        json.loads(out)
    else:
        assert re.search(r"(?m)^\s*::", out) is None
