from __future__ import annotations

import json

import jsonschema
import pytest
from msgspec.structs import replace

from policyengine.model.graph import Choice, Graph
from policyengine.model.source import Source, Span
from policyengine.reports import json as json_report
from policyengine.reports import text
from policyengine.reports.graph import document, export
from policyengine.reports.lines import shown, visible, width
from policyengine.rules.evaluate import Failure, Waived
from policyengine.schemas import load as schema
from tests.reports import sample

FAILURE = Failure("'}' is missing", Span(sample.BROKEN, 9, 10), "close the block")


def test_both_places_are_shown_with_lines_carets_and_the_way_of_the_value() -> None:
    made = text.report(sample.report(), text.Style())
    assert (
        """\
warning[SMP402] 'db' runs Postgres '16.9', but the cloud runs '16.10'
  ┌─ local stack/docker-compose.yml:3:12  (compose:services.db)
3 │     image: postgres:16.9 # 😀 дом 家
  │            ^^^^^^^^^^^^^
  ├─ infra/größe/prod.tfvars:1:12  the cloud (terraform:aws_db_instance.main)
1 │ version = "16.10"
  │            ─────
  = via: var.version infra/größe/main.tf:2:19 → infra/größe/prod.tfvars:1:12
  = note: the pair is not certain, so this weighs one step less (only database on each side)
  = help: use the version of the cloud: postgres:16.10 (unsafe fix)
"""
        in made
    )


def test_the_report_closes_with_the_sides_and_what_stayed_open() -> None:
    made = text.report(sample.report(FAILURE, waived=(Waived(sample.report().results[0], "agreed"),)), text.Style())
    assert made.endswith(
        """\
  ⬢ 4 Data services        2 errors  2 warnings  ? 1 open  2 compared
  ⬢ 5 Networking and URLs  1 warning  1 compared
  ⬢ 6 Pipeline             – nothing to compare: no workflow found

5 findings: 2 errors, 3 warnings  ·  5 files read, 3 rules checked, 1 pair
1 failure: the report is not complete
1 waived: 1 agreed
1 undecided
  1 × variable 'tag' has no default
  --undecided shows each with its place
environment: prod (the only tfvars file)
"""
    )
    assert "failure infra/größe/broken.tf:1:10: '}' is missing\n  = help: close the block\n" in made


def test_choices_of_one_kind_are_named_together_and_counted_from_five_on() -> None:
    found = sample.report()
    choices = tuple(Choice("Terraform root", f"stacks/{name}", "it is called by no other module") for name in "abcdef")
    graph = Graph(found.graph.nodes, paths=found.graph.paths, choices=choices)
    made = text.report(replace(found, graph=graph), text.Style())
    assert made.splitlines()[-1] == (
        "Terraform root: stacks/a, stacks/b, stacks/c, stacks/d and 2 more (it is called by no other module)"
    )


def test_undecided_questions_are_listed_with_their_places() -> None:
    made = text.report(sample.report(), text.Style(undecided=True))
    assert (
        """\
SMP402 terraform:aws_db_instance.open: variable 'tag' has no default
  ┌─ infra/größe/main.tf:2:19
2 │     engine_version = var.version # "家" |
  │                      ^^^^^^^^^^^
"""
        in made
    )


def test_a_side_whose_rule_crashed_is_not_called_clean() -> None:
    made = text.report(sample.report(Failure("rule SMP601 crashed: KeyError", rule="SMP601")), text.Style())
    assert "⬢ 6 Pipeline             ✗ a rule crashed\n" in made


def test_secrets_are_masked_in_messages_and_lines() -> None:
    made = text.report(sample.report(FAILURE), text.Style(undecided=True))
    assert "DATABASE_URL=postgres://app:***********@localhost:5434/app" in made
    assert "'DATABASE_URL' is 'postgres://app:***********@localhost:5434/app'" in made
    assert "s3cr3t" not in made


def test_without_colour_there_is_no_escape_and_with_it_every_one_is_closed() -> None:
    assert "\x1b" not in text.report(sample.report(), text.Style())
    coloured = text.report(sample.report(), text.Style(colour=True))
    assert coloured.count("\x1b[") == 2 * coloured.count("\x1b[0m") > 0


def test_without_unicode_the_frame_is_ascii() -> None:
    made = text.report(sample.report(), text.Style(unicode=False))
    assert not set(made) & set("│─┌├→⬢✓·…✗×")


def test_a_prefix_makes_paths_that_a_terminal_can_open() -> None:
    assert "┌─ sub/dir/.env.example:1:14" in text.report(sample.report(), text.Style(prefix="sub/dir/"))


@pytest.mark.parametrize(
    ("line", "mark", "start", "end"),
    [
        ("a: 家x", "x", 5, 6),
        ("\tkey: v", "v", 9, 10),
        ("ab\tkey", "key", 4, 7),
        ("家\tkey", "key", 4, 7),
        ("e\u0301: v", "v", 3, 4),
        ("😀: 家", "家", 4, 6),
        ("x\x1b[31my", "y", 6, 7),
    ],
)
def test_carets_stand_under_wide_characters_and_after_tabs(line: str, mark: str, start: int, end: int) -> None:
    at = line.index(mark)
    made = shown(Source("a", line), Span("a", at, at + len(mark)))[0]
    assert made is not None
    assert (made.start, made.end) == (start, end)


def test_nothing_that_steers_a_terminal_is_shown() -> None:
    assert visible("a\x1b[2Jb\r\u202ec\x9b") == "a␛[2Jb␍\ufffdc\ufffd"


def test_a_long_line_is_cut_around_its_mark() -> None:
    line = "x" * 5000 + "MARK" + "y" * 5000
    made = shown(Source("a", line), Span("a", 5000, 5004))[0]
    assert made is not None
    assert width(made.text) <= 170
    assert made.text[made.start : made.end] == "MARK"


def test_a_long_span_is_shown_by_its_first_and_last_lines() -> None:
    source = Source("a", "".join(f"line {number}\n" for number in range(20)))
    made = shown(source, Span("a", 0, len(source.text) - 1))
    assert [None if line is None else line.number for line in made] == [1, 2, 3, None, 20]


def test_the_json_report_is_valid_by_its_schema() -> None:
    waived = (Waived(sample.report().results[0], "agreed"),)
    failures = (FAILURE, Failure("a worker died"), Failure("cannot be opened", Span("gone.yml", 0, 0)))
    made = json.loads(json_report.report(sample.report(*failures, waived=waived), exit_code=3))
    jsonschema.Draft202012Validator(schema("report")).validate(made)
    assert "s3cr3t" not in json.dumps(made)


def test_the_json_report_gives_places_in_code_points_with_their_text() -> None:
    made = json.loads(json_report.report(sample.report()))
    finding = next(each for each in made["findings"] if each["place"]["text"] == "postgres:15.1")
    assert finding["place"]["start"] == {"line": 6, "column": 15}
    assert finding["place"]["end"] == {"line": 6, "column": 28}
    start, end = finding["place"]["offsets"]
    assert sample.TEXTS[sample.COMPOSE][start:end] == "postgres:15.1"
    assert finding["related"][0]["via"][0]["what"] == "var.version"
    assert made["summary"] == {
        "error": 2,
        "warning": 3,
        "note": 0,
        "conventions": 0,
        "undecided": 1,
        "waived": 0,
        "failures": 0,
        "files": 5,
        "exit_code": 0,
    }


def test_the_graph_export_is_valid_by_its_schema_and_holds_no_secret() -> None:
    report = sample.report()
    made = document(report.graph, report.sources)
    jsonschema.Draft202012Validator(schema("graph")).validate(made)
    node = next(node for node in json.loads(json.dumps(made))["nodes"] if node["id"] == "env:.env.example")
    values = [variable["value"]["value"] for variable in node["facts"]["variables"]]
    assert values == ["postgres://app:***********@localhost:5434/app", "****************"]


def test_the_graph_is_drawn_by_sides_with_mirrors() -> None:
    report = sample.report()
    assert export(report.graph, report.sources, "mermaid") == (
        "flowchart LR\n"
        '  subgraph local["Local"]\n'
        '    n0[("db<br/><small>postgres 16.9</small>")]\n'
        '    n1[("#128512;<br/><small>postgres 15.1</small>")]\n'
        '    n2[".env.example<br/><small>EnvironmentFile</small>"]\n'
        "  end\n"
        '  subgraph cloud["Cloud"]\n'
        '    n3[("main<br/><small>postgres 16.10</small>")]\n'
        '    n4[("open<br/><small>postgres</small>")]\n'
        "  end\n"
        '  n2 -->|"connects"| n0\n'
        '  n0 <-. "mirrors" .-> n3\n'
    )
    assert '"compose:services.db" -> "terraform:aws_db_instance.main" [label="mirrors"' in export(
        report.graph, report.sources, "dot"
    )
