"""Physical lines → logical lines, by the rules of BuildKit's Dockerfile parser.

A logical line is what is left when continuations are joined and the comments and blank lines between them are
dropped. It is a `Text`, so every character of it keeps its place in the file. Only LF ends a line; CR before it is
dropped. Heredoc bodies are consumed here, so that nothing in them is taken for an instruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.source import ReadError, Span
from policyengine.model.text import Piece, Text
from policyengine.patterns import regex
from policyengine.syntax.dockerfile.forms import NotStringsError, flags, json_strings, split_keyword
from policyengine.syntax.dockerfile.words import SPACES, WordError, expand, raw_words

if TYPE_CHECKING:
    from policyengine.model.source import Source

LONGEST_LINE = 65_535
"""BuildKit's line buffer: a longer physical line fails the build."""


class ParserDirective(Struct, frozen=True):
    """A parser directive of the first lines: `# syntax=docker/dockerfile:1`. `span` is the value's."""

    name: str
    value: str
    span: Span


class Heredoc(Struct, frozen=True):
    """A `<<EOF` of a RUN, COPY or ADD.

    `marker` is the place of the word (`<<-"EOF"`), `body` the lines up to the terminator (tabs stripped from their
    start for `<<-`), `span` the same with the terminator. `expand` is False for a quoted marker.
    """

    name: str
    expand: bool
    chomp: bool
    descriptor: int
    marker: Span
    body: Text
    span: Span
    terminated: bool = True


class LogicalLine(Struct, frozen=True):
    """A logical line and its heredocs. `end` is the file offset after its last character, terminators included.

    `start` is where the instruction starts: before its first character, with lines that are a lone escape.
    """

    text: Text
    end: int
    start: int
    heredocs: tuple[Heredoc, ...] = ()


class Lines(Struct, frozen=True):
    """The logical lines of a file, its parser directives and escape character, and what is wrong with it."""

    lines: tuple[LogicalLine, ...]
    directives: tuple[ParserDirective, ...]
    escape: str
    errors: tuple[ReadError, ...]


_DIRECTIVE = regex(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")
_DIRECTIVES = frozenset({"escape", "syntax", "check"})
_SPACE_SET = frozenset(SPACES)
_HEREDOC_KEYWORDS = frozenset({"RUN", "COPY", "ADD"})
_HEREDOC = regex(r"([0-9]*)<<(-?)([^<]*)\Z")


def logical_lines(source: Source) -> Lines:
    """The logical lines of a file. An unterminated heredoc takes the rest of the file, and is an error."""
    text, path, new = source.text, source.path, tuple.__new__
    physical = text.split("\n")
    directives, escape, errors = _directives(source, physical)
    if len(text) > LONGEST_LINE:
        errors += _long_lines(source, physical)
    found: list[LogicalLine] = []
    number, at, count = 0, 0, len(physical)
    while number < count:
        line = physical[number]
        start = at
        number += 1
        at += len(line) + 1
        content = line.rstrip("\r")
        if content[:1] in _SPACE_SET:
            content = content.lstrip(SPACES)
        if not content or content[0] == "#":
            continue
        start += line.index(content[0])
        trimmed = content.rstrip(" \t")
        if trimmed[-1:] != escape or trimmed[-2:-1] == escape:
            end = start + len(content)
            logical_line = LogicalLine(Text(content, (Piece(content, new(Span, (path, start, end))),)), end, start)
            if "<<" in content:
                number, at = _with_heredocs(source, physical, number, at, logical_line, found, errors)
            else:
                found.append(logical_line)
            continue
        first, end = start, start + len(trimmed)
        pieces = [Piece(trimmed[:-1], new(Span, (path, start, end - 1)))]
        while number < count:
            line = physical[number]
            start = at
            number += 1
            at += len(line) + 1
            content = line.rstrip("\r")
            solid = content.lstrip(SPACES)
            if not solid or solid[0] == "#":
                continue
            trimmed = content.rstrip(" \t")
            goes_on = trimmed[-1:] == escape and trimmed[-2:-1] != escape
            if goes_on:
                content = trimmed[:-1]
            end = start + len(content)
            if content:
                pieces.append(Piece(content, new(Span, (path, start, end))))
            if not goes_on:
                break
        else:
            end = len(text)
        logical = Text.run(pieces if pieces[0].text else pieces[1:] or pieces)
        if logical.written[:1] in _SPACE_SET:  # the first physical line can be a lone escape
            logical = logical.lstrip(SPACES)
        if not logical.written:
            continue
        logical_line = LogicalLine(logical, end, first)
        if "<<" in logical.written:
            number, at = _with_heredocs(source, physical, number, at, logical_line, found, errors)
        else:
            found.append(logical_line)
    return Lines(tuple(found), directives, escape, tuple(errors))


def _directives(source: Source, physical: list[str]) -> tuple[tuple[ParserDirective, ...], str, list[ReadError]]:
    found: dict[str, ParserDirective] = {}
    errors: list[ReadError] = []
    escape, at = "\\", 0
    for line in physical:
        if at > LONGEST_LINE or len(line) > LONGEST_LINE:
            break
        stripped = line.rstrip("\r").lstrip(SPACES)
        match = _DIRECTIVE.match(stripped)
        name = match[1].lower() if match else ""
        if match is None or name not in _DIRECTIVES:
            break
        start = at + line.index("#") + match.start(2)
        directive = ParserDirective(name, match[2], source.span(start, start + len(match[2])))
        if name in found:
            errors.append(
                ReadError(f"the parser directive {name!r} is given twice", directive.span, "keep one of them")
            )
        elif name == "escape" and directive.value not in {"\\", "`"}:
            advice = "use a backslash or a backtick"
            errors.append(
                ReadError(f"the escape directive has the invalid value {directive.value!r}", directive.span, advice)
            )
        else:
            found[name] = directive
            escape = directive.value if name == "escape" else escape
        at += len(line) + 1
    return tuple(found.values()), escape, errors


def _long_lines(source: Source, physical: list[str]) -> list[ReadError]:
    at = 0
    for line in physical:
        if len(line) > LONGEST_LINE or (
            len(line) * 4 > LONGEST_LINE and len(line.encode(errors="replace")) > LONGEST_LINE
        ):
            message = f"a line is longer than the {LONGEST_LINE} bytes that Docker reads"
            return [ReadError(message, source.span(at, at + 80), "split it")]
        at += len(line) + 1
    return []


def _with_heredocs(
    source: Source,
    physical: list[str],
    number: int,
    at: int,
    line: LogicalLine,
    found: list[LogicalLine],
    errors: list[ReadError],
) -> tuple[int, int]:
    """Add a logical line that holds `<<`, with the heredocs whose bodies follow it."""
    text, end = line.text, line.end
    heredocs: list[Heredoc] = []
    for name, expands, chomp, descriptor, start, stop in _markers(text.written):
        marker = text.span(start, stop)
        body_start, kept = at, []
        terminated = False
        while number < len(physical):
            physical_line = physical[number]
            number += 1
            here = at
            at += len(physical_line) + 1
            candidate = physical_line.rstrip("\r")
            if (candidate.lstrip("\t") if chomp else candidate) == name:
                terminated = True
                end = here + len(candidate)
                break
            kept.append((here, min(at, len(source.text))))
        if not terminated:
            at = end = len(source.text)
            errors.append(ReadError(f"the heredoc {name!r} does not end", marker, f"add a line {name!r}"))
            here = at
        body_start = min(body_start, len(source.text))
        body = Text.of(source, source.span(body_start, min(here, len(source.text))))
        if chomp:
            body = _chomped(source, kept, body)
        span = source.span(body_start, max(body_start, end))
        heredocs.append(Heredoc(name, expands, chomp, descriptor, marker, body, span, terminated))
    found.append(replace(line, end=end, heredocs=tuple(heredocs)))
    return number, at


def _chomped(source: Source, kept: list[tuple[int, int]], body: Text) -> Text:
    pieces = []
    for start, end in kept:
        line = source.text[start:end]
        pieces.append((start + len(line) - len(line.lstrip("\t")), end))
    joined = Text.of(source).kept(pieces)
    return joined if joined.written else body.cut(0, 0)


def _markers(line: str) -> list[tuple[str, bool, bool, int, int, int]]:
    """Name, expands, chomp, descriptor and place of the heredocs that a logical line announces."""
    if not _may_hold_heredocs(line):
        return []
    markers = []
    for piece in raw_words(line):
        match = _HEREDOC.match(piece.text)
        if match is None or not match[3]:
            continue
        try:
            names = expand(match[3], {}, keep_unset=True).pieces
        except WordError:
            continue
        if len(names) == 1:
            raw = raw_words(match[3])
            same = len(raw) == 1 and raw[0].text == names[0].text
            descriptor = int(match[1][:9] or 0)
            markers.append((names[0].text, same, bool(match[2]), descriptor, piece.start, piece.end))
    return markers


def _may_hold_heredocs(line: str) -> bool:
    keyword, start = split_keyword(line)
    if keyword.upper() == "ONBUILD":
        line = line[flags(line, start)[1] :]
        keyword, start = split_keyword(line)
    if keyword.upper() not in _HEREDOC_KEYWORDS:
        return False
    try:
        return json_strings(line, flags(line, start)[1]) is None
    except NotStringsError:
        return False
