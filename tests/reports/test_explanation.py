"""What an explanation shows of one value: its state, its text as far as it fits, its reason and its way."""

from __future__ import annotations

import json

import pytest

from policyengine.model.explanation import Explanation
from policyengine.model.graph import Graph
from policyengine.model.source import Source, Span
from policyengine.model.value import Via
from policyengine.reports import explanation

SOURCES = {"main.tf": Source("main.tf", "\n" * 8 + 'a = "x"\nb = a\n')}
FIRST, SECOND = Span("main.tf", 12, 15), Span("main.tf", 20, 21)


def shown(found: Explanation, *, colour: bool = False, unicode: bool = True) -> list[str]:
    made = explanation.text(found, Graph(()), SOURCES, explanation.Setting(colour=colour, unicode=unicode))
    return made.splitlines()


def written(found: Explanation) -> dict[str, object]:
    made: dict[str, object] = json.loads(explanation.data(found, Graph(()), SOURCES))
    return {key: value for key, value in made.items() if key not in ("$schema", "version", "tool")}


@pytest.mark.parametrize(
    ("state", "expected"),
    [("known", "1;32mKnown"), ("floating", "1;33mFloating"), ("unknown", "1;35mUnknown"), ("absent", "1;36mAbsent")],
)
def test_each_state_has_its_colour(state: str, expected: str) -> None:
    assert shown(Explanation("a", state, "x"), colour=True)[-1] == f'\x1b[{expected}\x1b[0m: "x"'


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Explanation("a", "known"), "Known: null"),
        (Explanation("a", "known", "x"), 'Known: "x"'),
        (Explanation("a", "known", 0), "Known: 0"),
        (Explanation("a", "known", value=False), "Known: false"),
        (Explanation("a", "known", "ü"), 'Known: "ü"'),
        (Explanation("a", "unknown"), "Unknown"),
        (Explanation("a", "unknown", reason="nobody knows"), "Unknown: nobody knows"),
        (Explanation("a", "unknown", "x?", "nobody knows"), 'Unknown: "x?" (nobody knows)'),
        (Explanation("a", "floating", "16", "it moves"), 'Floating: "16" (it moves)'),
        (Explanation("a", "known", "z" * 398), f'Known: "{"z" * 398}"'),
        (Explanation("a", "known", "z" * 399), f'Known: "{"z" * 399}…'),
    ],
)
def test_a_verdict_is_one_line(found: Explanation, expected: str) -> None:
    assert shown(found)[-1] == expected


def test_a_way_is_set_with_the_widest_line_number() -> None:
    found = Explanation("b", "known", "x", steps=(Via("b", SECOND), Via("", FIRST)), root="")
    assert shown(found) == [
        "b  in the root module '.'",
        "",
        "   ┌─ main.tf:10:5  b",
        "10 │ b = a",
        "   │     ^",
        "   ├─ main.tf:9:5",
        ' 9 │ a = "x"',
        "   │     ^^^",
        "",
        'Known: "x"',
    ]
    assert [line[:5] for line in shown(found, unicode=False)[2:8]] == [
        "   --",
        "10 | ",
        "   | ",
        "   --",
        " 9 | ",
        "   | ",
    ]


def test_parts_without_a_value_are_a_table() -> None:
    parts = (
        Explanation("a.long", "known", "x", steps=(Via("", FIRST),)),
        Explanation("a.b", "unknown", reason="nobody knows"),
    )
    assert shown(Explanation("a", "known", parts=parts)) == [
        "a",
        "",
        'a.long  Known: "x"  main.tf:9:5',
        "a.b     Unknown: nobody knows",
    ]


def test_parts_of_a_value_come_after_it() -> None:
    part = Explanation("a", "known", "x", steps=(Via("a", FIRST),))
    assert shown(Explanation("b", "known", "x-y", parts=(part,))) == [
        "b",
        "",
        'Known: "x-y"',
        "",
        "  a",
        "    ┌─ main.tf:9:5  a",
        '  9 │ a = "x"',
        "    │     ^^^",
        "",
        '  Known: "x"',
    ]


def test_as_data_a_step_has_its_place_and_its_line() -> None:
    found = Explanation("b", "known", "x", steps=(Via("b", SECOND), Via("nowhere", Span("", 0, 0))), root="infra")
    assert written(found) == {
        "address": "b",
        "root": "infra",
        "state": "known",
        "value": "x",
        "steps": [
            {
                "what": "b",
                "path": "main.tf",
                "start": {"line": 10, "column": 5},
                "end": {"line": 10, "column": 6},
                "line": "b = a",
            }
        ],
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Explanation("a", "known"), {"address": "a", "state": "known", "value": None, "steps": []}),
        (Explanation("a", "absent"), {"address": "a", "state": "absent", "steps": []}),
        (
            Explanation("a", "unknown", reason="why", root=""),
            {"address": "a", "root": ".", "state": "unknown", "reason": "why", "steps": []},
        ),
        (
            Explanation("a", "known", parts=(Explanation("a.b", "known", 1),)),
            {
                "address": "a",
                "state": "known",
                "steps": [],
                "parts": [{"address": "a.b", "state": "known", "value": 1, "steps": []}],
            },
        ),
        (
            Explanation("a", "unknown", reason="gone", steps=(Via("a", Span("gone.tf", 3, 4)),)),
            {"address": "a", "state": "unknown", "reason": "gone", "steps": [{"what": "a", "path": "gone.tf"}]},
        ),
    ],
)
def test_as_data_only_what_there_is_is_said(found: Explanation, expected: dict[str, object]) -> None:
    assert written(found) == expected
