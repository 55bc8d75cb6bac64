"""Edits of files that consist of lines: env files, ignore files, hosts files; and of whole lines of any file."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from policyengine.model.change import Edit

if TYPE_CHECKING:
    from policyengine.model.source import Source, Span


@lru_cache(maxsize=4)
def newline(text: str) -> str:
    """How the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def append(source: Source, line: str) -> tuple[Edit, ...]:
    """A line at the end. A file without a final line end gets none."""
    text, end = source.text, newline(source.text)
    line = line.replace("\n", end)
    whole = f"{line}{end}" if not text or text.endswith(("\n", "\r")) else f"{end}{line}"
    return (Edit(source.span(len(text), len(text)), whole),)


def drop(source: Source, at: Span) -> tuple[Edit, ...]:
    """Takes the lines away that hold a place."""
    return (Edit(whole_lines(source, at.start, at.end), ""),)


def whole_lines(source: Source, start: int, end: int) -> Span:
    """The lines from one offset to another with their line end; of the last line of a file, the one before it."""
    text = source.text
    first = line_start(text, start)
    last = text.find("\n", max(end - 1, start))
    if last >= 0:
        return source.span(first, last + 1)
    if first and not text.endswith("\n"):
        first -= 2 if text[first - 2 : first] == "\r\n" else 1
    return source.span(first, len(text))


def line_start(text: str, at: int) -> int:
    """Where the line of an offset starts."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the line of an offset ends, before its line end."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1] == "\r" else end


def below(source: Source, at: int, lines: list[str]) -> Edit:
    """Lines to add below the line of an offset."""
    end, place = newline(source.text), line_end(source.text, at)
    return Edit(source.span(place, place), "".join(f"{end}{line}" for line in lines))
