"""GitHub's expressions, as "Evaluate expressions in workflows and actions" has them; its own tests where that is silent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import Source, Span
from policyengine.model.value import Known, Unknown
from policyengine.platforms.github import documents, expressions
from policyengine.platforms.github.evaluation import Outcome, Unsettled, Untyped, evaluate, truth, written
from policyengine.platforms.github.expressions import Scope
from policyengine.syntax import yaml
from policyengine.syntax.tree import Mapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.syntax.tree import Document

NAMES: dict[str, Outcome] = {
    "a.text": "Word", "a.number": 3.0, "a.yes": True, "a.no": False, "a.null": None, "a.empty": "", "a.dash-ed": "d",
    "m.true": Untyped("true"), "m.word": Untyped("Word"), "m.zero": Untyped("0"), "m.null": Untyped("null"), "m.empty": Untyped(""),
}  # fmt: skip


def lookup(context: str, path: Sequence[str]) -> Outcome:
    return NAMES.get(".".join([context, *path]), Unsettled())


def value(text: str) -> object:
    found = evaluate(text, lookup)
    return "?" if isinstance(found, Unsettled) else found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True), ("false", False), ("null", None), ("1", 1.0), ("-2.5", -2.5), ("0xff", 255.0), ("1e3", 1000.0), ("-1.5E-1", -0.15),
        ("'it''s'", "it's"), ("''", ""), ("(true)", True), ("  'a'  ", "a"),
        ("!true", False), ("!!true", True), ("!''", True), ("!'a'", False), ("!0", True), ("!null", True), ("!a.number", False),
        ("true && false", False), ("true && 'x'", "x"), ("'' && 'x'", ""), ("0 || 'x'", "x"), ("'a' || 'x'", "a"), ("null || false", False),
        ("false || true && false", False), ("(false || true) && true", True), ("true || false && false", True),
        ("1 == 1", True), ("1 != 1", False), ("'a' == 'A'", True), ("'a' != 'A'", False), ("'a' == 'b'", False), ("1 == '1'", True),
        ("0 == ''", True), ("0 == null", True), ("null == null", True), ("null == ''", True), ("null == 'x'", False), ("true == 1", True), ("true == '1'", True),
        ("true == 'true'", False), ("false == 0", True), ("'0x10' == 16", True), ("' 7 ' == 7", True), ("'1e2' == 100", True), ("'x' == 0", False), ("'1.' == 1", True),
        ("1 < 2", True), ("2 < 1", False), ("2 <= 2", True), ("2 < 2", False), ("3 > 2", True), ("2 > 2", False), ("2 >= 2", True), ("1 >= 2", False), ("2 <= 1", False),
        ("'a' < 'B'", True), ("'B' > 'a'", True), ("'a' <= 'A'", True), ("'b' >= 'C'", False), ("'10' < 9", False), ("'x' < 1", False), ("'x' > 1", False), ("null < 1", True),
        ("1 == 1 == true", True), ("1 < 2 == true", True), ("!true == false", True),
        ("a.text == 'word'", True), ("a['text']", "Word"), ("a.dash-ed", "d"), ("A.text", "Word"), ("a.number > 2", True), ("a.null", None), ("a.empty || 'd'", "d"),
        ("contains('Hello', 'ELL')", True), ("contains('Hello', 'x')", False), ("startsWith('Hello', 'he')", True), ("startsWith('Hello', 'lo')", False),
        ("endsWith('Hello', 'LO')", True), ("endsWith('Hello', 'he')", False), ("CONTAINS('a', 'a')", True), ("contains(12, 2)", True), ("contains(true, 'ru')", True),
        ("format('{0}-{1}-{0}', 'a', 2)", "a-2-a"), ("format('{{0}} {0}', 'a')", "{0} a"), ("format('{1}', 'a')", ""), ("format('x')", "x"), ("format('{0}', null)", ""), ("format('{0}', 1.5)", "1.5"),
        ("fromJSON('true')", True), ("fromJSON('3')", 3.0), ("fromJSON('\"a\"')", "a"), ("fromJSON('null')", None), ("fromJSON('{}')", "?"), ("fromJSON('[')", "?"), ("fromJSON('1e400')", "?"),
        ("always()", True), ("always() && false", False), ("success()", "?"), ("failure()", "?"), ("cancelled()", "?"), ("hashFiles('x')", "?"), ("toJSON('x')", "?"),
        ("join('a')", "?"), ("contains('a')", "?"), ("contains(x.y, 'a')", "?"), ("always().x", "?"),
        ("m.true == true", True), ("m.true == 'true'", "?"), ("m.true == 'x'", False), ("m.word == 'word'", True), ("'WORD' == m.word", True), ("m.word == m.word", True), ("m.word != 'x'", True),
        ("m.word < 'x'", "?"), ("m.null == null", False), ("m.zero == 0", True),
        ("x.y", "?"), ("x.y == 1", "?"), ("!x.y", "?"), ("x.y && true", "?"), ("true && x.y", "?"), ("x.y || 'a'", "?"), ("false && x.y", False), ("true || x.y", True), ("x.y < 1", "?"), ("a.*", "?"), ("a[x.y]", "?"), ("a['no']", False),
        ("", "?"), ("1 2", "?"), ("(1", "?"), ("1)", "?"), ("'a", "?"), ("a.", "?"), ("a[1", "?"), ("==", "?"), ("1 ==", "?"), ("&& 1", "?"), ("contains('a', 'a'", "?"), ("contains('a' 'a')", "?"), ("a..b", "?"), ("$", "?"), ("a = b", "?"),
        ("(" * 49 + "1" + ")" * 49, 1.0), ("(" * 50 + "1" + ")" * 50, "?"), ("'" + "a" * 19_998 + "'", "a" * 19_998), ("'" + "a" * 19_999 + "'", "?"),
    ],
)  # fmt: skip
def test_an_expression_comes_to_what_github_says(text: str, expected: object) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "decided", "left"),
    [
        ("x.y", None, "x.y"),
        ("x.y && false", False, ""),
        ("x.y || true", True, ""),
        ("x.y || 'a'", True, "x.y || 'a'"),
        ("x.y || 'it''s'", True, "x.y || 'it''s'"),
        ("x.y || z.w", None, "x.y || z.w"),
        ("x.y || ''", None, "x.y"),
        ("x.y || 3", True, ""),
        ("x.y && z.w", None, ""),
        ("!x.y", None, ""),
        ("!(x.y || true)", False, ""),
        ("true && x.y", None, "x.y"),
        ("x['y'].z", None, "x['y'].z"),
        ("x.y == 1", None, ""),
        ("hashFiles('a')", None, "hashFiles('a')"),
        ("false && x.y || z.w", None, "z.w"),
    ],
)
def test_what_is_left_of_an_expression_that_the_run_decides(text: str, decided: bool | None, left: str) -> None:
    found = evaluate(text, lookup)
    assert isinstance(found, Unsettled)
    assert (found.truth, found.text, found.reason) == (decided, left, "only the run knows it")


@pytest.mark.parametrize(
    ("found", "counts", "text"),
    [
        (True, True, "true"), (False, False, "false"), (None, False, ""), ("", False, ""), ("a", True, "a"), (0.0, False, "0"), (2.0, True, "2"), (2.5, True, "2.5"),
        (math.nan, False, "nan"), (Untyped("true"), True, "true"), (Untyped("false"), False, "false"), (Untyped("null"), False, "null"), (Untyped("0"), False, "0"),
        (Untyped("~"), False, "~"), (Untyped(""), False, ""), (Unsettled(), None, None), (Unsettled(truth=True), True, None),
    ],
)  # fmt: skip
def test_what_counts_as_true_and_how_it_is_written(found: Outcome, counts: bool | None, text: str | None) -> None:
    assert truth(found) is counts
    if not (isinstance(found, float) and math.isnan(found)):
        assert written(found) == text


# Names


AT = Span("w.yml", 0, 4)
SCOPE = Scope(
    variables={"A": Known("1", AT), "B": Known("${{ env.A }}-b", AT), "LATE": Known("${{ github.sha }}", AT), "NO": Unknown("no", AT)},
    inputs={"text": Known("word", AT), "yes": Known("TRUE", AT), "odd": Known("maybe", AT), "number": Known("7", AT), "nan": Known("x", AT), "none": Known("", AT), "late": Known("${{ x.y }}", AT)},
    kinds={"text": "string", "yes": "boolean", "odd": "boolean", "number": "number", "nan": "number", "none": "boolean"},
    matrix={"os": "linux", "image.name": "web", "open": "${{ x }}"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"), ("${{ env.A }}", "1"), ("x${{ env.B }}y", "x1-by"), ("${{ env.LATE }}", "${github.sha}"), ("${{ env.GONE }}", "${env.GONE}"), ("${{ env.NO }}", "${env.NO}"),
        ("${{ inputs.text }}", "word"), ("${{ inputs.gone }}", ""), ("${{ inputs.late }}", "${x.y}"), ("${{ matrix.os }}/${{ matrix.image.name }}", "linux/web"), ("${{ matrix.gone }}", "${matrix.gone}"),
        ("${{ matrix.open }}", "${matrix.open}"), ("${{ inputs.yes && 'on' || 'off' }}", "on"), ("${{ inputs.none && 'on' || 'off' }}", "off"), ("${{ inputs.odd && 'on' || 'off' }}", "${inputs.odd && 'on' || 'off'}"),
        ("${{ inputs.number > 6 }}", "true"), ("${{ inputs.nan > 6 }}", "${inputs.nan > 6}"), ("${{ github.event.inputs.tag || 'v1' }}", "v1"), ("${{ x.y || 'd' }}", "${x.y || 'd'}"),
        ("${{ 'a }}' }}", "a }}"), ("${{ env }}", "${env}"), ("$A ${A}", "$A ${A}"),
    ],
)  # fmt: skip
def test_names_are_put_into_texts(text: str, expected: str) -> None:
    assert SCOPE.text(text, AT).written == expected


def test_an_input_that_only_the_event_gives_is_left_with_what_stands_for_it() -> None:
    scope = Scope()
    assert scope.text("${{ inputs.tag }} ${{ inputs.tag || 'v1' }}", AT).written == "${inputs.tag} v1"
    assert scope.text("${{ inputs.tag }}", AT).unknown == Unknown("'inputs.tag' set by the run", AT)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("inputs.text == 'word'", True), ("${{ inputs.text == 'x' }}", False), ("  ${{ true }}  ", True), ("env.A == '1'", None), ("matrix.os == 'linux'", True), ("github.ref == 'x'", None),
        ("a ${{ true }} b", None), ("${{ true }} && false", None), ("always()", True), ("inputs.gone", False), ("false && github.ref", False), ("broken (", None),
    ],
)  # fmt: skip
def test_whether_a_condition_holds(condition: str, expected: bool | None) -> None:
    assert SCOPE.holds(Known(condition, AT)) is expected
    assert expressions.never(Known(condition, AT), SCOPE) is (expected is False)


def test_a_condition_never_holds_only_where_no_combination_meets_it() -> None:
    condition = Known("matrix.os == 'linux'", AT)
    assert not expressions.never(condition, SCOPE, ({"os": "linux"}, {"os": "mac"}))
    assert expressions.never(condition, SCOPE, ({"os": "windows"}, {"os": "mac"}))
    assert not expressions.never(None, SCOPE)
    assert not expressions.never(Unknown("x", AT), SCOPE)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("a", False),
        ("${{ x }}", True),
        ("${X}", True),
        ("$X", True),
        ("$1", True),
        ("$", False),
        ("$$", False),
        ("{{ x }}", False),
        ("${", False),
    ],
)
def test_what_is_still_replaced(text: str, is_open: bool) -> None:
    assert expressions.is_open(text) is is_open


def document(text: str) -> Document:
    found = yaml.read(Source("w.yml", text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("matrix: {a: [1, 2], b: [x]}", [{"a": "1", "b": "x"}, {"a": "2", "b": "x"}]),
        ("matrix: {a: [1, 2], exclude: [{a: 2}]}", [{"a": "1"}]),
        (
            "matrix: {a: [1, 2], b: [x, y], exclude: [{a: 2, b: y}]}",
            [{"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "x"}],
        ),
        ("matrix: {a: [1, 2], include: [{a: 1, c: z}]}", [{"a": "1", "c": "z"}, {"a": "2"}]),
        ("matrix: {a: [1, 2], include: [{c: z}]}", [{"a": "1", "c": "z"}, {"a": "2", "c": "z"}]),
        ("matrix: {a: [1], include: [{a: 3}]}", [{"a": "1"}, {"a": "3"}]),
        ("matrix: {include: [{a: 1}, {b: 2}]}", [{"a": "1"}, {"b": "2"}]),
        ("matrix: {o: [{n: x, v: {w: 1}}]}", [{"o.n": "x", "o.v.w": "1"}]),
        ("matrix: {a: [[1]]}", []),
        ("matrix: {a: '${{ x }}'}", []),
        ("matrix: '${{ x }}'", []),
        ("fail-fast: true", []),
        ("matrix: {a: [], include: 1}", []),
    ],
)
def test_the_combinations_of_a_matrix(text: str, expected: list[dict[str, str]]) -> None:
    assert expressions.matrix(document(text)) == expected


def test_a_matrix_has_so_many_combinations_at_most() -> None:
    row = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    assert len(expressions.matrix(document(f"matrix: {{a: {row}, b: {row}}}"))) == 64
    assert expressions.matrix(None) == []


# Values of a document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", Known("a", Span("w.yml", 3, 4))), ("'null'", Known("null", Span("w.yml", 4, 8))), ("null", None), ("~", None), ("''", Known("", Span("w.yml", 3, 5))),
        ("[a]", Unknown("the value is no text", Span("w.yml", 3, 6))),
    ],
)  # fmt: skip
def test_a_text_of_a_document(text: str, expected: object) -> None:
    found = documents.value(entry(f"k: {text}"), AT)
    assert found == expected or (expected is None and found.span == AT)


def entry(text: str) -> Document | None:
    found = document(text)
    return found.get("k") if isinstance(found, Mapping) else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("k: true", True), ("k: 'FALSE'", False), ("k: ${{ x }}", "it is ${{ x }}"), ("k: [a]", None), ("j: 1", None)],
)
def test_a_switch_of_a_document(text: str, expected: object) -> None:
    found = documents.boolean(entry(text))
    assert (
        found.value if isinstance(found, Known) else found.reason if isinstance(found, Unknown) else found
    ) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runs-on: ubuntu-latest", "ubuntu-latest"),
        ("runs-on: [self-hosted, arm64, {a: 1}]", "self-hosted arm64"),
        ("runs-on: {group: g, labels: [a, b]}", "a b"),
        ("runs-on: {group: g, labels: a}", "a"),
        ("runs-on: {group: g}", "?the runner is a group"),
        ("runs-on: ${{ x }}", "?the runner is ${{ x }}"),
        ("k: 1", None),
    ],
)
def test_the_labels_of_a_runner(text: str, expected: str | None) -> None:
    body = document(text)
    assert isinstance(body, Mapping)
    found = documents.runs_on(body)
    assert (
        found.value if isinstance(found, Known) else f"?{found.reason}" if isinstance(found, Unknown) else None
    ) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k: prod", "prod"),
        ("k: {name: prod, url: x}", "prod"),
        ("k: {url: x}", "absent"),
        ("k: [a]", None),
        ("j: 1", None),
    ],
)
def test_the_environment_of_a_deployment(text: str, expected: str | None) -> None:
    found = documents.environment(entry(text))
    assert (found.value if isinstance(found, Known) else None if found is None else "absent") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k: push", [("push", (), (), (), (), ())]),
        ("k: [push, pull_request]", [("push", (), (), (), (), ()), ("pull_request", (), (), (), (), ())]),
        ("k: {push: }", [("push", (), (), (), (), ())]),
        ("k: {push: {branches: [a, b], tags: v*, paths: [c]}}", [("push", ("a", "b"), ("v*",), ("c",), (), ())]),
        ("k: {workflow_run: {workflows: [w], types: [completed]}}", [("workflow_run", (), (), (), ("w",), ("completed",))]),
    ],
)  # fmt: skip
def test_the_events_that_start_a_workflow(text: str, expected: list[tuple[object, ...]]) -> None:
    on = entry(text)
    assert on is not None
    found = list(documents.triggers(on))
    assert [
        (each.event, each.branches, each.tags, each.paths, each.workflows, each.types) for each in found
    ] == expected
    assert all(text[each.span.start : each.span.end] == each.event for each in found)
