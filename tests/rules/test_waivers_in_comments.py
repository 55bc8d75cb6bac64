"""Waivers in comments: in each format, at their lines, with what is wrong said, and in each report."""

from __future__ import annotations

import datetime
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from policyengine import engine
from policyengine.knowledge.comments import style_of
from policyengine.model.source import Source
from policyengine.reports import concise, github, gitlab, junit, markdown, sarif, text
from policyengine.reports import json as program
from policyengine.rules.waivers import in_comments

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

STACK = Path(__file__).parents[2] / "fixtures" / "hndigest"
DAY = datetime.date(2026, 11, 30)
RULES = frozenset({"HEX402", "HEX403"})


def scan(folder: Path, edits: dict[str, tuple[str, str]], *select: str) -> Report:
    """The report of the reference stack with one text of each file replaced."""
    root = folder / "stack"
    shutil.copytree(STACK, root)
    for path, (old, new) in edits.items():
        written = (root / path).read_text("utf-8")
        assert written.count(old) == 1
        (root / path).write_text(written.replace(old, new), "utf-8")
    return engine.scan([root], select=select, cache=False, jobs=1, today=DAY)


def covered(path: str, written: str) -> list[tuple[str, str, str, list[str]]]:
    """Each waiver of a file: its rule, its reason, its owner, and the lines that it covers."""
    source = Source(path, written)
    found = in_comments({path: source}, RULES)
    return [
        (each.rule.text, each.reason, each.owner, [source.slice(line) for line in each.lines]) for each in found.waivers
    ]


def messages(path: str, written: str) -> list[tuple[str, str]]:
    """What is said of a file's comments, each with the text of its place."""
    source = Source(path, written)
    return [(source.slice(each.span), each.message) for each in in_comments({path: source}, RULES).remarks]


# --- formats

ABOVE = [
    ("compose.yaml", "# policyengine: ignore[HEX402] why", "    image: postgres:16"),
    (".github/workflows/ci.yml", "      # policyengine: ignore[HEX402] why", "      - run: make"),
    ("Dockerfile", "# policyengine: ignore[HEX402] why", "FROM postgres:16"),
    ("docker/Dockerfile.production", "#policyengine:ignore[HEX402] why", "FROM postgres:16"),
    ("main.tf", "# policyengine: ignore[HEX402] why", 'engine_version = "16"'),
    ("main.tf", "// policyengine: ignore[HEX402] why", 'engine_version = "16"'),
    ("prod.tfvars", "/* policyengine: ignore[HEX402] why */", 'engine_version = "16"'),
    (".env.production", "# policyengine: ignore[HEX402] why", "A=1"),
    ("config.ts", "// policyengine: ignore[HEX402] why", "const a = 1;"),
    ("config.js", "/** policyengine: ignore[HEX402] why */", "const a = 1;"),
    ("config.ts", " * policyengine: ignore[HEX402] why", " */"),
    ("init.sql", "-- policyengine: ignore[HEX402] why", "CREATE EXTENSION vector;"),
    ("init.sql", "/* policyengine: ignore[HEX402] why */", "CREATE EXTENSION vector;"),
    ("schema.prisma", "/// policyengine: ignore[HEX402] why", 'provider = "sqlite"'),
    ("start.sh", "# policyengine: ignore[HEX402] why", "exec node server.js"),
    ("config.toml", "# policyengine: ignore[HEX402] why", "major_version = 15"),
    ("settings.py", "## policyengine: ignore[HEX402] why", "A = 1"),
    ("config/database.rb", "# policyengine: ignore[HEX402] why", "a = 1"),
    ("main.go", "\t// policyengine: ignore[HEX402] why", "\ta := 1"),
    ("Application.java", "// policyengine: ignore[HEX402] why", "int a;"),
    ("Makefile", "# policyengine: ignore[HEX402] why", "up:"),
    (".gitignore", "# policyengine: ignore[HEX402] why", ".env"),
    ("docs/setup.md", "<!-- policyengine: ignore[HEX402] why -->", "127.0.0.1 shop.local"),
]


@pytest.mark.parametrize(("path", "comment", "line"), ABOVE, ids=str)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_comment_alone_covers_its_line_and_the_next(path: str, comment: str, line: str, end: str) -> None:
    written = f"first{end}{comment}{end}{line}{end}last{end}"
    assert covered(path, written) == [("HEX402", "why", "", [comment, line])]


BEHIND = [
    ("compose.yaml", "    image: postgres:16 # policyengine: ignore[HEX402] why"),
    ("main.tf", 'engine_version = "16" # policyengine: ignore[HEX402] why'),
    ("main.tf", 'engine_version = "16" // policyengine: ignore[HEX402] why'),
    ("main.tf", 'engine_version = "16" /* policyengine: ignore[HEX402] why */'),
    (".env", "A=1 # policyengine: ignore[HEX402] why"),
    ("config.ts", "const a = f(1);// policyengine: ignore[HEX402] why"),
    ("config.tsx", "const a = 1; /* policyengine: ignore[HEX402] why */ const b = 2;"),
    ("init.sql", "CREATE EXTENSION vector; -- policyengine: ignore[HEX402] why"),
    ("schema.prisma", 'provider = "sqlite" // policyengine: ignore[HEX402] why'),
    ("start.sh", "exec node server.js  # policyengine: ignore[HEX402] why"),
]


@pytest.mark.parametrize(("path", "line"), BEHIND, ids=str)
def test_a_comment_behind_something_covers_its_line_alone(path: str, line: str) -> None:
    assert covered(path, f"first\n{line}\nnext\n") == [("HEX402", "why", "", [line])]


NO_COMMENT = [
    ("package.json", '"scripts": {} // policyengine: ignore[HEX402] why'),
    ("Dockerfile", "FROM postgres:16 # policyengine: ignore[HEX402] why"),
    (".dockerignore", ".env # policyengine: ignore[HEX402] why"),
    ("compose.yaml", "image: postgres:16#policyengine: ignore[HEX402] why"),
    ("compose.yaml", "// policyengine: ignore[HEX402] why"),
    ("config.ts", '"policyengine: ignore[HEX402] why"'),
    ("docs/setup.md", "# policyengine: ignore[HEX402] why"),
    ("notes.unknown", "# policyengine: ignore[HEX402] why"),
    ("main.tf", "# see policyengine: ignore[HEX402] why"),
    ("main.tf", "# policyengine ignores this"),
    ("main.tf", "# policyengine: see the documentation"),
]


@pytest.mark.parametrize(("path", "line"), NO_COMMENT, ids=str)
def test_what_is_no_comment_of_the_format_waives_nothing_and_is_no_mistake(path: str, line: str) -> None:
    assert (covered(path, f"{line}\nnext\n"), messages(path, f"{line}\nnext\n")) == ([], [])


def test_comments_one_below_the_other_cover_the_same_line() -> None:
    above = "# policyengine: ignore[HEX402] one"
    below = "# policyengine: ignore[HEX403] two"
    assert covered("a.yml", f"{above}\n# for people\n{below}\nimage: a\n") == [
        ("HEX402", "one", "", [above, "image: a"]),
        ("HEX403", "two", "", [below, "image: a"]),
    ]
    assert covered("a.yml", f"{above}\n\nimage: a\n") == [("HEX402", "one", "", [above, ""])]
    assert covered("a.yml", above) == [("HEX402", "one", "", [above])]


def test_fields_stand_anywhere_behind_the_ids() -> None:
    written = 'a: 1 # policyengine: ignore[HEX402,HEX403] owner="Data team" it is late expires=2027-01-31'
    found = in_comments({"a.yml": Source("a.yml", written)}, RULES).waivers
    assert [(each.rule.text, each.owner, str(each.expires), each.reason) for each in found] == [
        ("HEX402", "Data team", "2027-01-31", "it is late"),
        ("HEX403", "Data team", "2027-01-31", "it is late"),
    ]


def test_a_file_is_known_by_its_ending_or_its_name() -> None:
    marks = {
        path: [mark for mark, _ in style_of(path).marks] for path in ("a/Containerfile", "x.json", "b.tf", ".env.a")
    }
    assert marks == {"a/Containerfile": ["#"], "x.json": [], "b.tf": ["#", "/*", "//"], ".env.a": ["#"]}


# --- mistakes

MISTAKES = [
    (
        "ignore",
        "policyengine: ignore",
        "this waiver names no rule; write 'policyengine: ignore[HEX403]' and the reason",
    ),
    (
        "ignore HEX402 because",
        "policyengine: ignore HEX402 because",
        "this waiver names no rule; write 'policyengine: ignore[HEX403]' and the reason",
    ),
    (
        "ignore[] x",
        "policyengine: ignore[] x",
        "this waiver names no rule; write 'policyengine: ignore[HEX403]' and the reason",
    ),
    ("ignore[HEX4] x", "HEX4", "a waiver names the unknown rule 'HEX4', so it waives nothing"),
    (
        "ignore[HEX402]",
        "policyengine: ignore[HEX402]",
        "the waiver of HEX402 gives no reason; write it behind the brackets. It waives nothing",
    ),
    (
        "ignore[HEX402] owner=@db expires=2027-01-31",
        "policyengine: ignore[HEX402] owner=@db expires=2027-01-31",
        "the waiver of HEX402 gives no reason; write it behind the brackets. It waives nothing",
    ),
    (
        "ignore[HEX402] x expires=soon",
        "policyengine: ignore[HEX402] x expires=soon",
        "the waiver of HEX402 has no day under 'expires'; write one such as 2026-12-01. It waives nothing",
    ),
    (
        "ignore[HEX402] x expires=2027-02-30",
        "policyengine: ignore[HEX402] x expires=2027-02-30",
        "the waiver of HEX402 has no day under 'expires'; write one such as 2026-12-01. It waives nothing",
    ),
    (
        "ignore[HEX402] x until=2027-01-31",
        "policyengine: ignore[HEX402] x until=2027-01-31",
        "the waiver of HEX402 has 'until=2027-01-31', which says nothing; write 'expires=2027-01-31'. It waives nothing",
    ),
]


@pytest.mark.parametrize(("said", "place", "message"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_a_mistake_is_said_with_its_place_and_waives_nothing(said: str, place: str, message: str) -> None:
    written = f"image: a # policyengine: {said}\n"
    assert messages("a.yml", written) == [(place, message)]
    assert covered("a.yml", written) == []


def test_what_covers_nothing_or_is_over_is_said_with_its_line(tmp_path: Path) -> None:
    report = scan(
        tmp_path,
        {
            "docker/postgres/Dockerfile": (
                "FROM postgres:16.10-bookworm",
                "# policyengine: ignore[HEX402] late owner=@db expires=2026-11-29\nFROM postgres:16.9-bookworm",
            ),
            "infra/terraform/rds.tf": (
                '= "16.10"',
                '= "16.10" # policyengine: ignore[HEX402] the other side owner=@db',
            ),
        },
        "HEX402",
        "HEX105",
    )
    assert report.waived == ()
    assert [(each.rule.id, each.message, each.span.path) for each in report.results] == [
        (
            "HEX105",
            "The waiver of 'HEX402' expired on '2026-11-29'; the divergence is debt.",
            "docker/postgres/Dockerfile",
        ),
        ("HEX402", "'db' runs Postgres '16.9', but [the cloud](1) runs '16.10'.", "docker/postgres/Dockerfile"),
        ("HEX105", "The waiver of 'HEX402' lacks 'expires'.", "infra/terraform/rds.tf"),
    ]
    shown = text.report(report, text.Style())
    assert (
        "docker/postgres/Dockerfile:1:24: the waiver of HEX402 has expired on 2026-11-29; mend what it covers\n"
        in shown
    )
    assert "infra/terraform/rds.tf:41:64: the waiver of HEX402 covers no finding at its line; remove it\n" in shown


def test_a_rule_that_does_not_run_lets_its_waivers_rest(tmp_path: Path) -> None:
    edit = (
        "engine_version              =",
        "# policyengine: ignore[HEX402] x owner=a expires=2099-01-01\n  engine_version =",
    )
    assert scan(tmp_path, {"infra/terraform/rds.tf": edit}, "HEX411").remarks == ()


# --- reports


@pytest.fixture(scope="module")
def waived(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return scan(
        tmp_path_factory.mktemp("waived"),
        {
            "docker/postgres/Dockerfile": (
                "FROM postgres:16.10-bookworm",
                "# policyengine: ignore[HEX402] until autumn owner=@db expires=2027-01-31\nFROM postgres:16.9-bookworm",
            ),
            "docker-compose.yml": (
                "redis:7-alpine",
                "redis:6-alpine # policyengine: ignore[HEX411] the vendor is late owner=@db expires=2027-01-31",
            ),
            "policyengine.yaml": ("waivers: []", "waivers:\n  - {rule: HEX404, reason: security first, owner: '@web'}"),
            "infra/terraform/rds.tf": ("auto_minor_version_upgrade  = false", "auto_minor_version_upgrade = true"),
        },
        "HEX402",
        "HEX404",
        "HEX411",
    )


DEBT = "3 waived: 2 @db until 2027-01-31, 1 @web without end"


def test_the_text_says_how_much_is_waived_whose_and_until_when(waived: Report) -> None:
    assert (waived.results, waived.remarks) == ((), ())
    assert f"\n{DEBT}\n" in text.report(waived, text.Style())


def test_short_formats_say_it_too(waived: Report) -> None:
    assert f"; {DEBT}; " in concise.report(waived)
    assert f"; {DEBT}; " in github.report(waived)
    assert f"; {DEBT.replace(':', '&#58;').replace('-', '&#45;').replace('@', '&#64;')}; " in markdown.report(waived)


def test_json_lists_each_with_its_place(waived: Report) -> None:
    told = json.loads(program.report(waived))
    first = told["waived"][0]
    assert {key: first[key] for key in ("reason", "owner", "expires", "inline")} == {
        "reason": "the vendor is late",
        "owner": "@db",
        "expires": "2027-01-31",
        "inline": True,
    }
    assert (first["place"]["path"], first["place"]["start"]["line"]) == ("docker-compose.yml", 120)
    assert told["debt"] == [
        {"whose": "@db until 2027-01-31", "findings": 2},
        {"whose": "@web without end", "findings": 1},
    ]


def test_junit_skips_what_is_waived(waived: Report) -> None:
    suite = ElementTree.fromstring(junit.report(waived)).findall("testsuite")[-1]  # noqa: S314  our own text
    assert suite.attrib == {"name": DEBT, "tests": "3", "skipped": "3"}
    assert [each.attrib["message"] for each in suite.iter("skipped")][:2] == [
        "@db until 2027-01-31: the vendor is late",
        "@db until 2027-01-31: until autumn",
    ]


def test_gitlab_has_one_issue_for_it(waived: Report) -> None:
    (issue,) = json.loads(gitlab.report(waived))
    assert (issue["description"], issue["severity"]) == (f"{DEBT}.", "info")
    assert issue["location"] == {"path": "docker-compose.yml", "lines": {"begin": 120}}


def test_sarif_tells_suppressions_in_the_full_profile_only(waived: Report) -> None:
    (run,) = json.loads(sarif.report(waived, sarif.Options()).text)["runs"]
    assert run["results"] == []
    assert run["properties"]["debt"] == DEBT
    (run,) = json.loads(sarif.report(waived, sarif.Options(profile="full")).text)["runs"]
    told = {each["ruleId"]: each["suppressions"] for each in run["results"]}
    assert [(each["kind"], each["justification"]) for each in told["HEX402"]] == [
        ("inSource", "until autumn (@db until 2027-01-31)")
    ]
    region = told["HEX402"][0]["location"]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"], region["endColumn"]) == (1, 24, 30)
    assert [(each["kind"], each["justification"]) for each in told["HEX404"]] == [
        ("external", "security first (@web without end)")
    ]


# --- safety


@pytest.mark.parametrize(
    "written",
    [
        "# policyengine: ignore[HEX402] " + "x" * 1_000_000,
        "# policyengine: ignore[" + "HEX402," * 200_000 + "] x",
        "a" * 1_000_000 + " # policyengine: ignore[HEX402] x",
        "# policyengine: ignore[HEX402] x " * 100_000,
        "# policyengine: ignore[HEX402] x\n" * 100_000,
        "policyengine:" * 200_000,
        "# policyengine: ignore[HEX402] " + 'owner="' * 200_000,
        "# policyengine: ignore[HEX402] \x00\x1b[31m\u202e x",
    ],
    ids=["reason", "ids", "line", "one line", "lines", "words", "quotes", "controls"],
)
def test_no_file_keeps_it_busy(written: str) -> None:
    began = time.process_time()
    in_comments({"a.yml": Source("a.yml", written)}, RULES)
    assert time.process_time() - began < 2


def test_no_comment_waives_what_an_organisation_locks(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(
        "version: 1\nname: Acme\nrules:\n  HEX402: {}\n  HEX411: {waivers: true}\n", "utf-8"
    )
    root = tmp_path / "stack"
    shutil.copytree(STACK, root)
    (root / "docker/postgres/Dockerfile").write_text(
        "# policyengine: ignore[HEX402, HEX411] late owner=@db expires=2099-12-31\nFROM postgres:16.9-bookworm\n",
        "utf-8",
    )
    report = engine.scan([root], cache=False, jobs=1, today=DAY, organisation=tmp_path / "acme.yaml")
    assert "HEX402" in {each.rule.id for each in report.results}
    assert [each.message for each in report.remarks] == [
        "the waiver of HEX402 waives nothing: Acme locks the rule",
        "the waiver of HEX411 covers no finding at its line; remove it",
    ]
