"""How findings are evaluated: order, severity of uncertain pairs, ties, repetitions, crashes, waivers and packs."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct
from msgspec.structs import replace

from policyengine import engine, plugins
from policyengine.api import (
    Compared,
    Finding,
    Fix,
    Graph,
    Outcome,
    Pack,
    Severity,
    Side,
    Span,
    Undecided,
    rule,
    undecided,
)
from policyengine.model.graph import Pair
from policyengine.model.source import UsageError
from policyengine.model.value import Absent, Floating, Known, Unknown
from policyengine.rules.evaluate import Comparison, Failure, Report, Result, evaluate
from tests import trees
from tests.linking.nodes import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policyengine.api import Node
    from policyengine.rules.evaluate import Open
    from policyengine.rules.rule import Rule


class Options(Struct, frozen=True):
    word: str = "plain"


CLOUD = Side.CLOUD
APP, TWIN, OTHER = service("app"), service("twin", CLOUD), service("other", CLOUD)
HERE, THERE = Span("a.yml", 4, 8), Span("b.tf", 2, 3)


def a_rule(*outcomes: Outcome | Exception, name: str = "T1", severity: Severity = Severity.ERROR) -> Rule[Options]:
    """A rule that yields these outcomes, and raises what is an error among them."""

    def check(_: Graph, __: Options) -> Iterator[Outcome]:
        """Says what it is told to say."""
        for each in outcomes:
            if isinstance(each, Exception):
                raise each
            yield each

    message = {"default": "it says '{word}'", "linked": "'{word}' is not [that](1), but [this](2)"}
    return rule(name, mandate="M", severity=severity, message=message)(check)


def finding(word: str = "x", at: object = HERE, subject: object = APP, **more: object) -> Finding:
    return Finding(**{"subject": subject, "at": at, "args": {"word": word}, **more})  # type: ignore[arg-type]


def run(
    *rules: Rule[Options], pairs: tuple[Pair, ...] = (), selected: frozenset[str] | None = None
) -> tuple[list[Result], list[Open], list[Failure]]:
    pack = Pack(name="told", version="1", rules=rules, mandates={"M": "it"}, options=Options)
    graph = Graph((APP, OTHER, TWIN), pairs=pairs)
    chosen = frozenset(each.id for each in rules) if selected is None else selected
    found = evaluate(graph, [(pack, Options())], selected=chosen)
    return list(found.results), list(found.undecided), list(found.failures)


def pair(cloud: Node = TWIN, *, certain: bool = True, tied: bool = False) -> Pair:
    return Pair(APP.id, cloud.id, 60 if certain else 45, ("told",), certain=certain, tied=tied)


def test_a_result_carries_what_its_finding_says() -> None:
    fix = Fix("mend it")
    given = finding(related=(THERE, APP), variant="linked", fix=fix)
    ((result,), questions, failures) = run(a_rule(given), pairs=(pair(),))
    assert (questions, failures) == ([], [])
    assert (result.rule.id, result.pack, result.finding, result.severity) == ("T1", "told", given, Severity.ERROR)
    assert result.message == "'x' is not [that](1), but [this](2)"
    assert (result.span, result.related, result.subject) == (HERE, (THERE, APP.span), APP.id)
    assert result.pair == pair()


@pytest.mark.parametrize(
    ("own", "override", "certain", "expected"),
    [
        (Severity.ERROR, None, True, Severity.ERROR),
        (Severity.ERROR, None, False, Severity.WARNING),
        (Severity.WARNING, None, False, Severity.NOTE),
        (Severity.NOTE, None, False, Severity.NOTE),
        (Severity.WARNING, Severity.ERROR, True, Severity.ERROR),
        (Severity.WARNING, Severity.ERROR, False, Severity.WARNING),
        (Severity.ERROR, Severity.NOTE, True, Severity.NOTE),
    ],
)
def test_an_uncertain_pair_lowers_the_severity_by_one_step(
    own: Severity, override: Severity | None, certain: bool, expected: Severity
) -> None:
    ((result,), _, _) = run(a_rule(finding(severity=override), severity=own), pairs=(pair(certain=certain),))
    assert result.severity is expected


def test_the_pair_is_the_one_that_was_compared() -> None:
    both = (pair(OTHER, certain=False), pair(TWIN))
    ((result,), _, _) = run(a_rule(finding(against=TWIN)), pairs=both)
    assert (result.pair, result.severity) == (pair(TWIN), Severity.ERROR)
    ((result,), _, _) = run(a_rule(finding(against=OTHER)), pairs=both)
    assert (result.pair, result.severity) == (pair(OTHER, certain=False), Severity.WARNING)
    ((result,), _, _) = run(a_rule(finding(subject=TWIN)), pairs=both)
    assert result.pair == pair(TWIN)
    ((result,), _, _) = run(a_rule(finding()), pairs=())
    assert (result.pair, result.severity) == (None, Severity.ERROR)


def test_results_are_sorted_by_file_place_rule_message_and_subject() -> None:
    first = a_rule(
        finding("b", Span("b.yml", 0, 1)),
        finding("b", Span("a.yml", 9, 10)),
        finding("c", HERE),
        finding("b", HERE),
        finding("b", HERE, TWIN),
        finding("b", Span("a.yml", 4, 6)),
        name="T2",
    )
    (results, _, _) = run(first, a_rule(finding("z", HERE), name="T1"))
    assert [(each.span, each.rule.id, each.finding.args["word"], each.subject) for each in results] == [
        (Span("a.yml", 4, 6), "T2", "b", APP.id),
        (HERE, "T1", "z", APP.id),
        (HERE, "T2", "b", APP.id),
        (HERE, "T2", "b", TWIN.id),
        (HERE, "T2", "c", APP.id),
        (Span("a.yml", 9, 10), "T2", "b", APP.id),
        (Span("b.yml", 0, 1), "T2", "b", APP.id),
    ]


def test_what_is_said_twice_of_one_node_is_one_result_with_all_places() -> None:
    again = Span("c.tf", 0, 1)
    twice = a_rule(finding(related=(THERE,)), finding(related=(again,)), finding(related=(THERE,)), finding())
    (results, _, _) = run(twice)
    assert [(each.related, each.finding.related) for each in results] == [((THERE, again), (THERE, again))]
    assert len(run(twice, a_rule(finding(), name="T2"))[0]) == 2
    assert len(run(a_rule(finding("x"), finding("y")))[0]) == 2
    assert len(run(a_rule(finding(), finding(at=THERE)))[0]) == 2
    assert len(run(a_rule(finding(), finding(subject=TWIN)))[0]) == 2


@pytest.mark.parametrize(
    ("value", "open_"),
    [
        (Unknown("a variable decides", THERE), True),
        (Known("x", THERE), False),
        (Floating("x", THERE), False),
        (Absent(THERE), False),
        (None, False),
    ],
)
def test_only_what_is_unknown_is_undecided(value: object, open_: bool) -> None:
    assert list(undecided(APP, Known("y", HERE), value)) == (
        [Undecided(APP, THERE, "a variable decides")] if open_ else []
    )


def test_the_first_unknown_is_the_question() -> None:
    first, second = Unknown("the first", HERE), Unknown("the second", THERE)
    assert list(undecided(APP, Absent(HERE), first, second)) == [Undecided(APP, HERE, "the first")]


def test_open_questions_are_told_once_and_sorted() -> None:
    late, early = Undecided(APP, Span("z.tf", 0, 1), "b"), Undecided(APP, Span("a.tf", 0, 1), "z")
    (results, questions, failures) = run(a_rule(late, early, late, name="T2"), a_rule(late))
    assert (results, failures) == ([], [])
    assert [(each.rule, each.span, each.reason, each.subject) for each in questions] == [
        ("T2", Span("a.tf", 0, 1), "z", APP.id),
        ("T1", Span("z.tf", 0, 1), "b", APP.id),
        ("T2", Span("z.tf", 0, 1), "b", APP.id),
    ]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (finding(args={}), "gave a finding without 'word' in its args, which the message 'default' needs"),
        (finding(variant="none"), "gave a finding with the message 'none', which the rule has not"),
        (finding(variant="linked", related=(THERE,)), "links place 2 in its message, but gave 1 related places"),
        (finding(at=None), "gave a finding without a place: nothing has none; give a value, a node or a span"),
        (finding(at=3), "gave a finding without a place: an int has none; give a value, a node or a span"),
        (finding(at=Span("", 0, 0)), "gave a finding of 'compose:services.app' without a place: it stands in no file"),
        (finding(subject="app"), "gave a finding whose subject is a str, not a node"),
        (finding(severity="fatal"), "gave a finding with the severity 'fatal', which is none"),
        ("told", "gave a str, which is no Finding, Undecided or Compared"),
        (None, "gave nothing, which is no Finding, Undecided or Compared"),
        (
            Undecided(APP, None, ""),  # type: ignore[arg-type]
            "gave an Undecided whose subject is no node, whose place is none, or whose reason is no text",
        ),
    ],
)
def test_what_a_rule_gives_and_is_none_is_told_and_loses_nothing_else(bad: Outcome, said: str) -> None:
    (results, _, failures) = run(a_rule(finding("before"), bad, bad, finding("after"), name="T1"))
    assert [each.finding.args["word"] for each in results] == ["after", "before"]
    advice = "report it to the authors of the pack 'told', or leave it out with --ignore"
    ((where, _, line),) = [each.trace[0].partition(" in check: ") for each in failures]
    assert (where.partition(":")[0].endswith("test_evaluate.py"), line) == (True, "yield each")
    assert [replace(each, trace=()) for each in failures] == [Failure(f"rule T1 {said}", advice=advice, rule="T1")]


def test_what_a_function_behind_a_rule_gives_and_is_none_is_told_at_its_line() -> None:
    def behind() -> Iterator[Outcome]:
        yield "told"  # type: ignore[misc]  # that is the mistake

    def check(_: Graph, __: Options) -> Iterator[Outcome]:
        """Says what another function says."""
        return behind()

    (*_, (failure,)) = run(rule("T1", mandate="M", severity=Severity.ERROR, message="x")(check))
    assert [each.partition(" in ")[2] for each in failure.trace] == [
        'behind: yield "told"  # type: ignore[misc]  # that is the mistake'
    ]


def test_a_rule_that_crashes_loses_nothing_else_and_is_itself_reported() -> None:
    crashing = a_rule(finding("before"), ValueError("no\nmore"), finding("after"), name="T1")
    (results, _, failures) = run(crashing, a_rule(finding("other"), name="T2"))
    assert [each.finding.args["word"] for each in results] == ["before", "other"]
    ((failure),) = failures
    assert (failure.message, failure.rule, failure.span) == ("rule T1 crashed: ValueError: no", "T1", None)
    assert failure.advice == "report it to the authors of the pack 'told', or leave it out with --ignore"
    assert [each.partition(" in ")[2] for each in failure.trace] == ["check: raise each"]


def test_only_selected_rules_run() -> None:
    rules = (a_rule(finding(), name="T1"), a_rule(ValueError(), name="T2"), a_rule(finding(), name="T3"))
    (results, _, failures) = run(*rules, selected=frozenset({"T3"}))
    assert ([each.rule.id for each in results], failures) == (["T3"], [])


TIED = (pair(OTHER, certain=False, tied=True), pair(TWIN, certain=False, tied=True))


def test_what_holds_against_each_of_tied_twins_stands() -> None:
    (results, questions, _) = run(a_rule(finding(against=TWIN), finding(against=OTHER)), pairs=TIED)
    assert ([each.message for each in results], questions) == (["it says 'x'"], [])
    assert [each.severity for each in results] == [Severity.WARNING]
    (results, questions, _) = run(a_rule(finding("x", against=TWIN), finding("y", against=OTHER)), pairs=TIED)
    assert (len(results), questions) == (2, [])


def test_what_holds_against_some_of_tied_twins_is_an_open_question() -> None:
    (results, questions, _) = run(a_rule(finding(against=TWIN)), pairs=TIED)
    assert results == []
    assert [(each.rule, each.subject, each.span, each.reason) for each in questions] == [
        (
            "T1",
            APP.id,
            HERE,
            "whether it mirrors 'aws_ecs.other' or 'aws_ecs.twin' is not known; say so under 'pairs'",
        )
    ]


def test_what_compares_with_no_twin_stands_whatever_ties() -> None:
    (results, questions, _) = run(a_rule(finding()), pairs=TIED)
    assert (len(results), questions) == (1, [])


def report(*severities: Severity) -> Report:
    rules = [a_rule(finding(str(number)), name=f"T{number}", severity=each) for number, each in enumerate(severities)]
    results, _, _ = run(*rules)
    return Report(tuple(results), (), (), (), (), (), Graph(()), {})


@pytest.mark.parametrize(
    ("severities", "worst"),
    [
        ((), None),
        ((Severity.NOTE,), Severity.NOTE),
        ((Severity.NOTE, Severity.WARNING), Severity.WARNING),
        ((Severity.NOTE, Severity.ERROR, Severity.WARNING), Severity.ERROR),
    ],
)
def test_the_worst_of_a_report_is_its_highest_severity(
    severities: tuple[Severity, ...], worst: Severity | None
) -> None:
    assert report(*severities).worst() is worst


DAY = datetime.date(2026, 12, 1)
BEHIND = {
    "docker-compose.yml": "services:\n  db:\n    image: postgres:16.3\n",
    "main.tf": """
        resource "aws_db_instance" "db" {
          engine                     = "postgres"
          engine_version             = "16.4"
          auto_minor_version_upgrade = false
        }
    """,
}


@pytest.mark.parametrize(
    ("given", "covered"),
    [
        ("{rule: HEX402, reason: agreed}", True),
        ("{rule: HEX401, reason: agreed}", False),
        ("{rule: HEX402, reason: agreed, subject: db}", True),
        ("{rule: HEX402, reason: agreed, subject: 'compose:services.db/database'}", True),
        ("{rule: HEX402, reason: agreed, subject: redis}", False),
        ("{rule: HEX402, reason: agreed, expires: 2026-12-01}", True),
        ("{rule: HEX402, reason: agreed, expires: 2026-11-30}", False),
        ("{rule: HEX402, reason: agreed, expires: 2026-12-02}", True),
        ("{rule: HEX402, reason: agreed, subject: redis, expires: 2026-12-02}", False),
        ("{rule: HEX402, reason: gone, expires: 2026-11-30}, {rule: HEX402, reason: agreed}", True),
        ("{rule: HEX402, reason: agreed}, {rule: HEX402, reason: late}", True),
    ],
)
def test_a_waiver_covers_its_rule_its_subject_and_its_time(given: str, covered: bool, tmp_path: Path) -> None:
    trees.write(tmp_path, {**BEHIND, "policyengine.yaml": f"version: 1\nwaivers: [{given}]\n"})
    found = engine.scan([tmp_path], select=["HEX402"], cache=False, jobs=1, today=DAY)
    assert [each.rule.id for each in found.results] == ([] if covered else ["HEX402"])
    assert [(each.result.rule.id, each.reason) for each in found.waived] == ([("HEX402", "agreed")] if covered else [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "implements no hook"),
        ("@hookimpl\ndef policyengine_pack():\n    return 7\n", "returned int, not a Pack"),
        ("@hookimpl\ndef policyengine_pack():\n    raise ValueError('no')\n", "does not load: ValueError: no"),
        ("import nowhere\n", "does not import: ModuleNotFoundError"),
        ("@hookimpl\ndef policyengine_typo():\n    return None\n", "implements an unknown hook"),
        ("MADE = Pack('own', (a_rule('HEX402'),), '1', {'M': ''}, Options)\n", "rule id HEX402 is in the packs"),
        (
            "MADE = Pack('own', (a_rule('T1'),), '1', {}, Options)\n",
            "rule T1 of the pack 'own' names the unknown mandate 'M'",
        ),
        ("MADE = Pack('own', (a_rule('T1'), a_rule('T1')), '1', {'M': ''}, Options)\n", "rule id T1 is in the packs"),
    ],
)
def test_whatever_is_wrong_with_a_pack_stops_the_run(text: str, said: str, tmp_path: Path) -> None:
    head = (
        "from msgspec import Struct\nfrom policyengine.api import Pack, Severity, hookimpl, rule\n\n"
        "class Options(Struct, frozen=True):\n    pass\n\n"
        "def a_rule(name):\n    def check(graph, options):\n        '''It.'''\n        yield from ()\n"
        "    return rule(name, mandate='M', severity=Severity.NOTE, message='it')(check)\n\n"
    )
    hook = "\n@hookimpl\ndef policyengine_pack():\n    return MADE\n" if "MADE" in text else ""
    file = tmp_path / f"pack_{abs(hash(text))}.py"
    file.write_text(head + text + hook)
    with pytest.raises(UsageError) as caught:
        plugins.load([str(file)])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_at_all", "policy pack 'no_such_module_at_all' does not import"),
        ("./nowhere.py", "policy pack './nowhere.py' has no file nowhere.py"),
        ("json.py", "has no file json.py"),
    ],
)
def test_a_pack_that_is_not_there_stops_the_run(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        plugins.load([name])
    assert said in str(caught.value)


def test_a_pack_may_not_take_the_name_of_an_imported_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("")
    with pytest.raises(UsageError, match="has the name of Python's own module 'json'; rename it"):
        plugins.load([str(tmp_path / "json.py")])


@pytest.mark.parametrize("name", ["T", "t1", "TOOLONGNAME1", "T1234567", "T-", ""])
def test_an_id_is_letters_and_a_number(name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        a_rule(name=name)


def test_what_was_compared_is_kept_once_for_each_node_and_twin() -> None:
    pack = Pack(
        name="told",
        version="1",
        rules=(a_rule(Compared(APP, TWIN), Compared(APP, TWIN), Compared(OTHER)),),
        mandates={"M": "it"},
        options=Options,
    )
    found = evaluate(Graph((APP, OTHER, TWIN)), [(pack, Options())], selected=frozenset({"T1"}))
    assert found.compared == (Comparison("T1", APP.id, TWIN.id), Comparison("T1", OTHER.id))
    assert (found.results, found.undecided, found.failures) == ((), (), ())


def test_the_docstring_of_a_rule_is_its_summary_and_its_rationale() -> None:
    def too_much_here(_: Graph, __: Options) -> Iterator[Outcome]:
        """What it flags,
        in one sentence.

        Why it matters.

            An example.
        And more.
        """
        yield from ()

    made = rule("T1", mandate="M", severity=Severity.NOTE, message="it", cwe=(1,), security=10, tags=("a",))(
        too_much_here
    )
    assert (made.id, made.name, made.mandate, made.severity) == ("T1", "TooMuchHere", "M", Severity.NOTE)
    assert made.summary == "What it flags, in one sentence."
    assert made.rationale == "Why it matters.\n\n    An example.\nAnd more."
    assert (made.messages, made.cwe, made.security, made.tags, made.precision) == (
        {"default": "it"},
        (1,),
        10,
        ("a",),
        "high",
    )


@pytest.mark.parametrize("security", [0, -1, 10.1])
def test_a_score_of_security_is_between_0_and_10(security: float) -> None:
    with pytest.raises(ValueError, match="is outside"):
        rule("T1", mandate="M", severity=Severity.NOTE, message="it", security=security)


def test_a_message_has_at_most_five_placeholders() -> None:
    def check(_: Graph, __: Options) -> Iterator[Outcome]:
        """It."""
        yield from ()

    five = rule("T1", mandate="M", severity=Severity.NOTE, message="'{a}' '{b}' '{c}' '{d}' '{e}' '{a}'")(check)
    assert five.placeholders("default") == ("a", "b", "c", "d", "e")
    with pytest.raises(ValueError, match="message 'default' has over five placeholders"):
        rule("T1", mandate="M", severity=Severity.NOTE, message="'{a}' '{b}' '{c}' '{d}' '{e}' '{f}'")(check)
