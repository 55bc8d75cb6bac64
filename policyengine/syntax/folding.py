"""Where the characters of a YAML or JSON scalar stand in its file.

A block scalar loses its indentation, a folded one its line ends, a quoted one its escapes. Scripts in such scalars are
read as a `Text`, so that each command keeps its place. Sources: YAML 1.2.2 sections 6.5, 7.3 and 8.1; RFC 8259
section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import Text
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.syntax.tree import Scalar

_ESCAPE = regex(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|(\r\n|[\r\n])[ \t]*|.)")
_SPACE = regex(r"[ \t\r\n]*")
_RUN = regex(r"[^ \n'\\\"]+")


def unfold(source: Source, scalar: Scalar) -> Text:
    """The text of a scalar with the place of each of its characters."""
    span, text = scalar.span, scalar.text
    if source.text.startswith(text, span.start) and span.end - span.start == len(text):
        return Text(source.path, text, (0,), (span.start,))
    opener = source.text[span.start - 1 : span.start]
    quote = opener if opener in {"'", '"'} and source.text[span.end : span.end + 1] == opener else ""
    segments = _Segments()
    if quote or not _lines(source.text, span.start, text, segments):
        segments = _Segments()
        _characters(source.text, span.start, span.end, text, quote, segments)
    return Text(source.path, text, tuple(segments.starts) or (0,), tuple(segments.offsets) or (span.start,))


class _Segments:
    """Segments in the making; one that only carries on the last is not added."""

    __slots__ = ("offsets", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.offsets: list[int] = []

    def add(self, index: int, offset: int) -> None:
        if self.starts and offset - self.offsets[-1] == index - self.starts[-1]:
            return
        self.starts.append(index)
        self.offsets.append(offset)


def _lines(raw: str, start: int, text: str, segments: _Segments) -> bool:
    """A literal block scalar: each line of the text is a line of the file without its indentation."""
    index, at = 0, start
    for line in text.split("\n"):
        content = line.lstrip(" ")
        if content:
            found = _SPACE.match(raw, at).end() if line.strip() else at  # type: ignore[union-attr]
            lead = len(line) - len(content)
            if content[0] in "\t\r":
                found = raw.find(content, at)
            if found < 0 or not raw.startswith(content, found):
                return False
            segments.add(index, found - lead)
            at = found + len(content)
        else:
            segments.add(index, at)
        index += len(line) + 1
    return True


def _characters(raw: str, start: int, end: int, text: str, quote: str, segments: _Segments) -> None:
    """Folded, plain and quoted scalars, character by character."""
    index, at = 0, start
    while index < len(text):
        char = text[index]
        run = _RUN.match(text, index)
        if run and raw.startswith(run.group(), at):
            segments.add(index, at)
            index, at = run.end(), at + len(run.group())
            continue
        found = raw[at : at + 1]
        if quote == '"' and found == "\\":
            escape = _ESCAPE.match(raw, at)
            width = len(escape.group()) if escape else 1
            if escape and escape.group(1):
                at += width
                continue
            segments.add(index, at)
            index, at = index + 1, at + width
        elif char in " \n" and found and found in "\r\n":
            segments.add(index, at)
            index, at = index + 1, at + (2 if raw.startswith("\r\n", at) else 1)
            if text[index : index + 1] not in {"\n", " "}:
                at = _SPACE.match(raw, at).end()  # type: ignore[union-attr]
        elif found == char:
            segments.add(index, at)
            index, at = index + 1, at + 1
            if quote == "'" and char == "'":
                at += 1
        elif found and found in " \t\r\n" and at < end:
            at = _SPACE.match(raw, at).end()  # type: ignore[union-attr]
        else:
            segments.add(index, at)
            index, at = index + 1, min(at + 1, end)
