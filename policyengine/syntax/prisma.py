"""Read a Prisma schema: its blocks, the assignments in them, and the types that Prisma does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source, Span

_TOKEN = regex(r"//[^\n\r]*|\"(?:[^\"\\\n\r]|\\.)*+\"?|/\*(?:[^*]|\*(?!/))*+(?:\*/)?")
_INK = regex(r"[^\n\r]")
_BLOCK = regex(r"^[ \t]*(datasource|generator|model|enum|type|view)[ \t]+(\w+)[ \t]*\{", re.MULTILINE)
_END = regex(r"\}")
_ASSIGNMENT = regex(r"^[ \t]*(\w+)[ \t]*=[ \t]*", re.MULTILINE)
_QUOTED = regex(r"\"((?:[^\"\\\n\r]|\\.)*+)\"")
_BARE = regex(r"[^\n\r]*")
_FIELD = regex(r"^[ \t]*(\w+)[ \t]+(\w+)(?:\([^()\n]*\))?(\[\])?", re.MULTILINE)
_ATTRIBUTE = regex(r"^[ \t]*@@(\w+)(\()?", re.MULTILINE)
_MAPPED = regex(r"(?<!@)@map\(\s*(?:name:\s*)?\"([^\"\n]*)\"")
_IGNORED = regex(r"(?<!@)@ignore\b")
_UNSUPPORTED = regex(r"\bUnsupported\(\s*(?=\")")


class Assignment(NamedTuple):
    """A `key = value` of a block. `literal` tells a string (whose text and span lack the quotes) from an expression."""

    key: str
    text: str
    span: Span
    literal: bool


class Block(NamedTuple):
    """A block such as `datasource db { … }` with its assignments; `start` and `end` bound what is in the braces."""

    kind: str
    name: str
    name_span: Span
    start: int
    end: int
    assignments: tuple[Assignment, ...]

    def get(self, key: str) -> Assignment | None:
        """The assignment of `key`, or None."""
        return next((each for each in self.assignments if each.key == key), None)


class Field(NamedTuple):
    """A field of a model: its type, whether it is a list of these, and what it is called in the database."""

    name: str
    span: Span
    type: str
    many: bool
    column: str
    ignored: bool


class Schema(Struct, frozen=True):
    """A Prisma schema. `unsupported` are the type texts of `Unsupported("…")`, with their places.

    `text` has the length of the source, with blanks for comments and within strings.
    """

    source: Source
    blocks: tuple[Block, ...]
    unsupported: tuple[tuple[str, Span], ...]
    text: str

    def fields(self, block: Block) -> tuple[Field, ...]:
        """The fields of a model."""
        found = []
        for match in _FIELD.finditer(self.text, block.start, block.end):
            end = self._line_end(match.end(), block)
            mapped = _MAPPED.search(self.source.text, match.end(), end)
            ignored = _IGNORED.search(self.text, match.end(), end) is not None
            span = self.source.span(*match.span(1))
            found.append(Field(match[1], span, match[2], bool(match[3]), mapped[1] if mapped else match[1], ignored))
        return tuple(found)

    def attribute(self, block: Block, name: str) -> str | None:
        """What an attribute of a block says: `@@map("users")`, empty where it says no text; None without it."""
        for match in _ATTRIBUTE.finditer(self.text, block.start, block.end):
            if match[1] == name:
                quoted = _QUOTED.search(self.source.text, match.end(), self._line_end(match.end(), block))
                return quoted[1] if quoted is not None else ""
        return None

    def _line_end(self, at: int, block: Block) -> int:
        end = self.text.find("\n", at, block.end)
        return block.end if end < 0 else end


def read(source: Source) -> Schema:
    """The schema of a file; never fails."""
    text = source.text
    masked = _TOKEN.sub(_blank, text)
    blocks: list[Block] = []
    at = 0
    while match := _BLOCK.search(masked, at):
        end = _END.search(masked, match.end())
        at = end.start() if end else len(masked)
        assigned = (
            tuple(_assignments(source, masked, match.end(), at)) if match[1] in ("datasource", "generator") else ()
        )
        blocks.append(Block(match[1], match[2], source.span(*match.span(2)), match.end(), at, assigned))
    unsupported: list[tuple[str, Span]] = []
    for match in _UNSUPPORTED.finditer(masked):
        quoted = _QUOTED.match(text, match.end())
        if quoted:
            unsupported.append((quoted[1], source.span(*quoted.span(1))))
    return Schema(source, tuple(blocks), tuple(unsupported), masked)


def _assignments(source: Source, masked: str, start: int, end: int) -> list[Assignment]:
    found: list[Assignment] = []
    for match in _ASSIGNMENT.finditer(masked, start, end):
        quoted = _QUOTED.match(source.text, match.end(), end)
        if quoted:
            found.append(Assignment(match[1], quoted[1], source.span(*quoted.span(1)), literal=True))
            continue
        bare = _BARE.match(masked, match.end(), end)
        stop = bare.end() if bare else match.end()
        text = source.text[match.end() : stop].rstrip()
        found.append(Assignment(match[1], text, source.span(match.end(), match.end() + len(text)), literal=False))
    return found


def _blank(match: re.Match[str]) -> str:
    """Blanks for a comment; a string keeps its quotes, so that what follows it stays on its line."""
    piece = match[0]
    if piece.startswith('"'):
        return '"' + " " * (len(piece) - 2) + '"' if len(piece) > 1 else piece
    return _INK.sub(" ", piece)
