"""Where the characters of a YAML or JSON scalar stand in its file.

A block scalar loses its indentation, a folded one its line ends, a quoted one its escapes. Scripts in such scalars are
read as a `Text`, so that each command keeps its place. Sources: YAML 1.2.2 sections 6.5, 7.3 and 8.1; RFC 8259
section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.text import Text
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.syntax.tree import Scalar

_ESCAPE = regex(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|(\r\n|[\r\n])[ \t]*|.)")
_SPACE = regex(r"[ \t\r\n]*")
_BLANK_LINE = regex(r"[ \t]*(?:\r\n|\r|\n)")
_LINE = regex(r"[^\n]*\n|[^\n]+")
_LINE_END = regex(r"\r\n|\r|\n")
_RUN = regex(r"[^ \n'\\\"]+")


def unfold(source: Source, scalar: Scalar) -> Text:
    """The text of a scalar with the place of each of its characters."""
    span, text = scalar.span, scalar.text
    if not text or (source.text.startswith(text, span.start) and span.end - span.start == len(text)):
        return Text.at(text, span)
    opener = source.text[span.start - 1 : span.start]
    quote = opener if opener in {"'", '"'} and source.text[span.end : span.end + 1] == opener else ""
    parts = None if quote else _lines(source, span.start, text)
    return Text.join(parts if parts is not None else _characters(source, span.start, span.end, text, quote))


def _part(source: Source, text: str, start: int, end: int) -> Text:
    """Characters that the file's characters `[start, end)` stand for."""
    if source.text[start:end] == text:
        return Text.standing(text, source.path, start)
    return Text.made(text, source.span(start, end))


def _lines(source: Source, start: int, text: str) -> list[Text] | None:
    """A literal block scalar, each line of which is one of the file without its indentation; None for another."""
    raw, at = source.text, start
    parts: list[Text] = []
    for line in _LINE.findall(text):
        solid = line.removesuffix("\n")
        content = solid.lstrip(" ")
        if not content.strip():
            blank = _BLANK_LINE.match(raw, at)
            end = blank.end() if blank else at  # blank lines in front of the first one are not in the scalar's span
            parts.append(_part(source, line, max(at, end - len(line)), end))
            at = end
            continue
        found = raw.find(content, at) if content[0] == "\t" else _SPACE.match(raw, at).end()  # type: ignore[union-attr]
        if found < 0 or not raw.startswith(content, found):
            return None
        at = found + len(content)
        parts.append(Text.standing(solid, source.path, found - len(solid) + len(content)))
        if len(solid) < len(line):
            newline = _LINE_END.match(raw, at)
            end = newline.end() if newline else at
            parts.append(_part(source, "\n", at, end))
            at = end
    return parts


def _characters(source: Source, start: int, end: int, text: str, quote: str) -> list[Text]:
    """Folded, plain and quoted scalars, character by character."""
    raw = source.text
    parts: list[Text] = []
    index, at = 0, start
    while index < len(text):
        char, found = text[index], raw[at : at + 1]
        run = _RUN.match(text, index)
        if run and raw.startswith(run.group(), at):
            parts.append(Text.standing(run.group(), source.path, at))
            index, at = run.end(), at + len(run.group())
            continue
        before = at
        if quote == '"' and found == "\\":
            escape = _ESCAPE.match(raw, at)
            at += len(escape.group()) if escape else 1
            if escape and escape.group(1):
                continue
        elif char in " \n" and found and found in "\r\n":
            at += 2 if raw.startswith("\r\n", at) else 1
            if text[index + 1 : index + 2] not in {"\n", " "}:
                parts.append(_part(source, char, before, at))
                index, at = index + 1, _SPACE.match(raw, at).end()  # type: ignore[union-attr]
                continue
        elif found == char:
            at += 2 if quote == char == "'" else 1
        elif found and found in " \t\r\n" and at < end:
            at = _SPACE.match(raw, at).end()  # type: ignore[union-attr]
            continue
        else:
            at = min(at + 1, end)
        parts.append(_part(source, char, before, at))
        index += 1
    return parts
