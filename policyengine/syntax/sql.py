"""Read SQL far enough to find statements: comments and string literals blanked, every offset kept.

Dollar-quoted bodies (`DO $$ … $$`, `AS $$ … $$`) are code of their own and stay visible, with their comments and
strings blanked; any other dollar-quoted text is a string literal
(https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-DOLLAR-QUOTING).
Reading never fails and is linear in the length of the file.
"""

from __future__ import annotations

import re
from bisect import bisect
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span

_TOKEN = regex(
    r"""--[^\n\r]*
    |/\*(?:[^*]|\*(?!/))*+(?:\*/)?
    |\b[eE]'(?:[^'\\]|\\[\s\S]|'')*+'?
    |'(?:[^']|'')*+'?
    |(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$)""",
    re.VERBOSE,
)
_CODE = regex(r"\b(?:AS|DO(?:\s+LANGUAGE\s+\w+)?)\s*\Z", re.IGNORECASE)
_BEFORE = 60
"""So many characters before a dollar quote tell whether it holds code."""
_BEFORE_TYPE, _AFTER_TYPE = 500, 100
"""So many characters around a type of pgvector tell that it is one."""
_INK = regex(r"[^\n\r]+")
_CREATE_EXTENSION = regex(
    r"\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:\"([^\"\n]+)\"|([A-Za-z_][\w$-]*))", re.IGNORECASE
)
_VECTOR_TYPE = regex(
    r"(?<![\w\"'])(?:\"?\w+\"?\s*\.\s*)?\"?\b(vector|halfvec|sparsevec)\b\"?(?=\s*\(\s*\d)"
    r"|(?:::|\bCOLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:\"[^\"\n]+\"|\w+)\s+(?:TYPE\s+)?)"
    r"(?:\"?\w+\"?\s*\.\s*)?\"?\b(vector|halfvec|sparsevec)\b"
    r"|(?:^[ \t]*+|[,(][ \t\r\n]*+)(?:\"[^\"\n]+\"|\w+)[ \t]+(?:\"?\w+\"?\.)?\"?(vector|halfvec|sparsevec)\b\"?"
    r"(?=[ \t]*(?:[,;)\r\n]|NOT\b|NULL\b|DEFAULT\b))"
    r"|\bUSING\s+(?:hnsw|ivfflat)\s*\([^()\n]*\b((?:vector|halfvec|sparsevec)_\w+_ops)\b",
    re.IGNORECASE | re.MULTILINE,
)


_QUOTE = regex(r"(\bDO\s+(?:LANGUAGE\s+\w+\s+)?)?(\$\w*\$)", re.IGNORECASE)
_HNSW = regex(r"USING\s+hnsw", re.IGNORECASE)


class Sql(Struct, frozen=True):
    """A SQL file. `text` has the length of the source, with blanks for comments and string literals."""

    source: Source
    text: str

    def extensions(self) -> Iterator[tuple[str, Span, bool]]:
        """The names in `CREATE EXTENSION`, with their places, and whether a block of code decides that it runs."""
        found = list(_CREATE_EXTENSION.finditer(self.text)) if "extension" in self.text.lower() else []
        blocks = list(self._blocks()) if found else []
        for match in found:
            group = 1 if match[1] else 2
            name = match[group] if group == 1 else match[group].lower()
            before = bisect(blocks, (match.start(), 0))
            inside = before > 0 and match.start() < blocks[before - 1][1]
            yield name, self.source.span(*match.span(group)), inside

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Where the bodies of `DO $$ … $$` begin and end."""
        begin, tag = 0, ""
        for match in _QUOTE.finditer(self.text):
            if not tag and match[1]:
                begin, tag = match.end(), match[2]
            elif match[2] == tag:
                yield begin, match.start()
                tag = ""

    def vectors(self) -> Iterator[tuple[Span, str]]:
        """Where pgvector's types and operator classes are used: the type's name at each place, and the feature."""
        for match in (match for window in self._near_vectors() for match in _VECTOR_TYPE.finditer(self.text, *window)):
            kind = (match[match.lastindex or 0]).lower()
            feature = "hnsw" if _HNSW.match(match[0]) else kind if kind in ("halfvec", "sparsevec") else ""
            yield self.source.span(*match.span(match.lastindex or 0)), feature

    def _near_vectors(self) -> Iterator[tuple[int, int]]:
        """Where the types of pgvector may be named: apart, and in order. Seeds are long, and speak of none."""
        lowered, begin, end = self.text.lower(), 0, 0
        at = lowered.find("vec")
        while at >= 0:
            if at - _BEFORE_TYPE > end:
                yield begin, end
                begin = at - _BEFORE_TYPE
            end = at + _AFTER_TYPE
            at = lowered.find("vec", at + 3)
        yield begin, end


def read(source: Source) -> Sql:
    """The SQL of a file; never fails."""
    return Sql(source, "".join(_visible(source.text)))


def _visible(text: str) -> Iterator[str]:
    """The text in pieces, blank where it is no code. What a quote opens that nothing closes stays as it is."""
    at, code, open_ended = 0, "", False
    while (match := _TOKEN.search(text, at)) is not None:
        begin, end = match.span()
        yield text[at:begin]
        tag = match["tag"]
        if tag and (code or open_ended or _CODE.search(text, max(0, begin - _BEFORE), begin)):
            code = "" if tag == code else code or tag
            yield tag
        elif tag:
            closed = text.find(tag, end)
            open_ended = closed < 0
            end = end if open_ended else closed + len(tag)
            yield tag if open_ended else _blank(text[begin:end])
        else:
            yield _blank(text[begin:end])
        at = end
    yield text[at:]


def _blank(text: str) -> str:
    return _INK.sub(lambda match: " " * len(match[0]), text)
