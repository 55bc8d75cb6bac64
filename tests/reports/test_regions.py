"""What part of a file a place shows: lines and columns from 1, columns in UTF-16 units, no more than is of use."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.model.source import Source, Span
from policyengine.reports.regions import Regions

LINES = "".join(f"l{number:02}\n" for number in range(1, 31))
LONG = "x" * 5000


def physical(text: str, start: int, end: int) -> dict[str, Any]:
    return Regions(lambda path: Source(path, text)).physical(Span("a.yml", start, end))


def region(text: str, start: int, end: int) -> tuple[int, int, int, int]:
    found = physical(text, start, end)["region"]
    line, column = found["startLine"], found["startColumn"]
    return line, column, found.get("endLine", line), found["endColumn"]


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("ab\ncd\n", 0, 2, (1, 1, 1, 3)),
        ("ab\ncd\n", 3, 5, (2, 1, 2, 3)),
        ("ab\ncd\n", 1, 4, (1, 2, 2, 2)),
        ("ab\ncd\n", 0, 3, (1, 1, 1, 3)),  # without the line end
        ("ab\ncd\n", 0, 0, (1, 1, 1, 2)),  # at least a character
        ("ab\ncd\n", 1, 1, (1, 2, 1, 3)),
        ("ab\ncd\n", 2, 2, (1, 2, 1, 3)),  # at the end of a line the last character
        ("ab\n\ncd", 3, 3, (2, 1, 2, 1)),  # an empty line has none
        ("ab", 2, 2, (1, 2, 1, 3)),
        ("ab", 9, 12, (1, 2, 1, 3)),
        ("", 0, 0, (1, 1, 1, 1)),
        ("a😀b", 2, 3, (1, 4, 1, 5)),
        (LINES, 0, 21 * 4 - 1, (1, 1, 21, 4)),  # twenty lines further
        (LINES, 0, 22 * 4 - 1, (1, 1, 1, 4)),
        (LINES, 4, 23 * 4 - 1, (2, 1, 2, 4)),
        (LONG, 0, 4000, (1, 1, 1, 4001)),
        (LONG, 0, 4001, (1, 1, 1, 4001)),
        (LONG, 500, 4999, (1, 501, 1, 4501)),
    ],
)
def test_a_place_is_shown_as_far_as_it_is_of_use(text: str, start: int, end: int, expected: tuple[int, ...]) -> None:
    assert region(text, start, end) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [(0, "l01\nl02\nl03"), (4, "l01\nl02\nl03\nl04"), (40, "l09\nl10\nl11\nl12\nl13"), (116, "l28\nl29\nl30")],
)
def test_two_lines_stand_before_and_after(start: int, expected: str) -> None:
    assert physical(LINES, start, start + 3)["contextRegion"]["snippet"]["text"].rstrip("\n") == expected


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("x" * 1000, 500, 501, (1, 101, 1, 902)),
        ("x" * 1000, 400, 600, (1, 1, 1, 1001)),
        ("x" * 1000, 401, 599, (1, 2, 1, 1000)),
        (f"a{'x' * 400}\r\nb", 0, 1, (1, 1, 1, 402)),
        (f"a{'x' * 399}\r\nb", 0, 1, (1, 1, 1, 401)),  # not between the two signs of a line end
        (f"a{'x' * 398}\r\nb", 0, 1, (1, 1, 2, 1)),
        ("ab\ncd\n", 0, 2, (1, 1, 2, 3)),
        ("ab\n\ncd", 4, 6, (1, 1, 3, 3)),
    ],
)
def test_of_long_lines_four_hundred_characters_stand_around(
    text: str, start: int, end: int, expected: tuple[int, ...]
) -> None:
    found = physical(text, start, end)["contextRegion"]
    assert tuple(found[key] for key in ("startLine", "startColumn", "endLine", "endColumn")) == expected


def test_what_stands_around_the_only_line_of_a_file_is_more_than_the_place() -> None:
    def shown(text: str) -> list[object]:
        made = physical(text, 0, len(text.rstrip()))
        return [made[name]["snippet"]["text"] for name in ("region", "contextRegion") if name in made]

    assert shown("ab\n") == ["ab", "ab\n"]
    assert shown("ab\r\n") == ["ab", "ab\r\n"]
    assert shown("ab") == ["a", "ab"]
    assert shown("a") == ["a"]


def test_a_file_that_is_gone_has_only_its_name() -> None:
    found = Regions(lambda _: None, "some where/").physical(Span("ü.yml", 1, 2))
    assert found == {"artifactLocation": {"uri": "some%20where/%C3%BC.yml", "uriBaseId": "%SRCROOT%"}}
    assert Regions(lambda _: None).exact(Span("x", 1, 2)) == {
        "startLine": 1,
        "startColumn": 1,
        "endLine": 1,
        "endColumn": 1,
    }
