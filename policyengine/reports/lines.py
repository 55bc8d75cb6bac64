"""Source lines as a terminal shows them: display columns, wide characters, tabs, and nothing that could harm."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source, Span

TAB = 4
"""Columns between tab stops."""

_UNSAFE = regex("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_UNSAFE_IN_LINES = regex(
    "\x1b\\[[0-9;]*m|[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
_UNSAFE_IN_JSON = regex("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|(?<=##)\\[|(?<=##vso)\\[")
_COMMAND = regex(r"(?m)^([ \t]*)(?=::)|(?<=##)(?=\w*\[)")
_PLAIN = regex(r"[\x20-\x7e]*\Z")


def visible(text: str) -> str:
    """The text with control and direction characters replaced by pictures, one for one; nothing else changes."""
    return _UNSAFE.sub(_picture, text)


def harmless(text: str, *, colour: bool = False) -> str:
    """Lines for a terminal or the log of a workflow: no control or direction characters but our own colours.

    A line begins with no `::`, and holds no `##[` or `##vso[`: GitHub and Azure Pipelines would take it for a command.
    """
    if _UNSAFE_IN_LINES.search(text):
        text = _UNSAFE_IN_LINES.sub(lambda match: match[0] if colour and len(match[0]) > 1 else visible(match[0]), text)
    return _COMMAND.sub(lambda match: f"{match[0]}\\", text) if "::" in text or "##" in text else text


def harmless_json(text: str) -> str:
    """JSON of the same meaning, with control and direction characters and the marks of log commands as escapes."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def width(text: str) -> int:
    """How many columns a text without tabs takes on a terminal."""
    if _PLAIN.match(text):
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


class Line(Struct, frozen=True):
    """One line as shown: its one-based number, its text, and the columns `[start, end)` that are marked."""

    number: int
    text: str
    start: int
    end: int


def shown(source: Source, span: Span, *, room: int = 160, most: int = 4) -> list[Line | None]:
    """The lines of a span with what to mark in them; None stands for lines left out of a long span.

    A line over `room` columns is cut around the mark. A mark covers at least one column.
    """
    first = source.position(span.start).line
    last = max(first, source.position(max(span.end - 1, span.start)).line)
    numbers: list[int | None] = list(range(first, last + 1))
    if len(numbers) > most:
        numbers = [*range(first, first + most - 1), None, last]
    result: list[Line | None] = []
    for number in numbers:
        if number is None:
            result.append(None)
            continue
        text = source.line(number)
        base = source.starts[number - 1]
        start = min(max(span.start - base, 0), len(text))
        end = min(max(span.end - base, 0), len(text))
        if number > first:
            start = max(start, len(text) - len(text.lstrip()))
        if number < last:
            end = max(start, len(text.rstrip()))
        result.append(_line(number, text, start, max(start, end), room))
    return result


def _line(number: int, text: str, start: int, end: int, room: int) -> Line:
    before = ""
    if len(text) > room:
        left = max(0, min(start - room // 4, len(text) - room))
        right = min(len(text), left + room)
        before = "…" if left else ""
        after = "…" if right < len(text) else ""
        text, start, end = text[left:right] + after, start - left, min(end, right) - left
    head = _expanded(text[:start], width(before))
    mark = _expanded(text[start:end], width(before) + width(head))
    tail = _expanded(text[end:], width(before) + width(head) + width(mark))
    column = width(before) + width(head)
    return Line(number, before + head + mark + tail.rstrip(), column, column + max(width(mark), 1))


def _expanded(text: str, column: int) -> str:
    if "\t" not in text:
        return visible(text)
    pieces: list[str] = []
    for part in re.split("(\t)", text):
        piece = " " * (TAB - column % TAB) if part == "\t" else visible(part)
        column += width(piece)
        pieces.append(piece)
    return "".join(pieces)
