"""The tool that changes code: which changes there are, and that each is the change it says."""

from __future__ import annotations

import ast
import json
import textwrap

import pytest

from tests.mutation.__main__ import KNOWN, ROOT
from tests.mutation.changes import changes


def made(source: str) -> dict[str, list[str]]:
    """What each kind of change makes of the changed expression."""
    found: dict[str, list[str]] = {}
    for change in changes("x.py", textwrap.dedent(source)):
        ast.parse(change.applied(textwrap.dedent(source)))
        found.setdefault(change.kind, []).append(f"{change.was} → {change.text}")
    return found


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("a < b", "comparison", ["a < b → (a <= b)"]),
        ("a is not b", "comparison", ["a is not b → (a is b)"]),
        (
            "(a) == b not in c",
            "comparison",
            ["(a) == b not in c → (a != b not in c)", "(a) == b not in c → (a == b in c)"],
        ),
        ("a and (b or c)", "operand", ["(b or c) → ", "a and (b or c) → (a)", "a and (b or c) → (b or c)"]),
        ("not a", "condition", ["not a → (a)"]),
        ("x if a else y", "condition", ["a → (not a)"]),
        ("[x for x in y if x]", "condition", ["x → (not x)"]),
        ("x + 1", "step", ["x + 1 → (x - 1)"]),
        ("x - y", "step", []),
        ("f(3, 'ä', True, b'', None, 1.5)", "constant", ["3 → 4", "True → False"]),
        ("f('ä', \"b\")", "word", ["'ä' → 'zzä'", "\"b\" → 'zzb'"]),
        ("f(f'{a == 1} x')", "comparison", ["a == 1 → (a != 1)"]),
        ("f(f'{a} x')", "word", []),
    ],
)
def test_an_expression_is_changed_in_every_way_that_it_can_be(source: str, kind: str, expected: list[str]) -> None:
    found = made(source).get(kind, [])
    if kind == "operand":
        assert set(found) >= {"a and (b or c) → (a)", "a and (b or c) → (b or c)"}
        assert len(found) == 4
    else:
        assert found == expected


def test_a_guard_is_negated_and_removed() -> None:
    found = made(
        """
        def f(a):
            for x in a:
                if x.b:
                    continue
                if x.c:
                    g()
        """
    )
    assert found == {"guard": ["x.b → False"], "condition": ["x.b → (not x.b)", "x.c → (not x.c)"]}


def test_an_open_question_is_left_out() -> None:
    assert made("def f(a):\n    yield from undecided(a, a.b)\n") == {"open question": ["undecided(a, a.b) → (())"]}


def test_a_guard_of_a_case_is_negated() -> None:
    assert made("match a:\n    case str() if a.b:\n        pass\n") == {"condition": ["a.b → (not a.b)"]}


def test_what_no_behaviour_hangs_on_stays() -> None:
    source = '''
    """Documentation."""
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from a import b

    __all__ = ["x"]
    T = TypeVar("T", bound="x")

    class A(Struct, frozen=True):
        """More."""

        a: Literal["x"]

        def f(self, a: "str", *, b: int | None = None) -> "int":
            """Still more."""

    if __name__ == "__main__":
        f("x")
    '''
    assert made(source) == {}


def test_places_count_code_points_and_lines() -> None:
    found = changes("x.py", 'ä = "ü"; b = (\n    c)\nd = not "ö".e\n')
    assert [(each.line, each.was) for each in found] == [(1, '"ü"'), (3, 'not "ö".e'), (3, '"ö"')]


def test_each_survivor_that_is_listed_is_a_change_of_today_with_a_reason() -> None:
    for known in json.loads(KNOWN.read_text("utf-8")):
        source = (ROOT / known["path"]).read_text("utf-8")
        lines = source.splitlines()
        offered = {(lines[each.line - 1].strip(), each.text) for each in changes(known["path"], source)}
        assert (known["line"], known["text"]) in offered, known
        assert known["what"] in ("equivalent", "accepted")
        assert known["reason"].endswith(".")
