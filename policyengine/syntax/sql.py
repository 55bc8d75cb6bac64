"""Read SQL far enough to find statements: comments and string literals blanked, every offset kept.

Dollar-quoted bodies (`DO $$ … $$`) are code of their own and stay visible, with their comments and strings blanked.
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
    |'(?:[^']|'')*+'?""",
    re.VERBOSE,
)
_INK = regex(r"[^\n\r]")
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
        blocks = list(self._blocks())
        for match in _CREATE_EXTENSION.finditer(self.text):
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
        for match in _VECTOR_TYPE.finditer(self.text):
            kind = (match[match.lastindex or 0]).lower()
            feature = "hnsw" if _HNSW.match(match[0]) else kind if kind in ("halfvec", "sparsevec") else ""
            yield self.source.span(*match.span(match.lastindex or 0)), feature


def read(source: Source) -> Sql:
    """The SQL of a file; never fails."""
    return Sql(source, _TOKEN.sub(_blank, source.text))


def _blank(match: re.Match[str]) -> str:
    return _INK.sub(" ", match[0])
