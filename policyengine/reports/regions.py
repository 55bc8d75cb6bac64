"""Places as SARIF spells them: encoded URIs, regions in UTF-16 units, snippets without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.source import Source, Span

_AROUND = 2
"""Lines of context before and after a region."""
_LONG_LINE = 400
_MOST_LINES = 20


class Regions(Struct, frozen=True):
    """Makes physical locations. `source` gives the masked text of a file, `prefix` leads from the URI root to it."""

    source: Callable[[str], Source | None]
    prefix: str = ""

    def artifact(self, path: str) -> dict[str, object]:
        """The file, relative to the root of the repository."""
        return {"uri": quote(self.prefix + path, safe="/-._~!$&'()*+,;=@"), "uriBaseId": "%SRCROOT%"}

    def physical(self, span: Span) -> dict[str, object]:
        """File, region with its text, and the lines around it."""
        made: dict[str, object] = {"artifactLocation": self.artifact(span.path)}
        source = self.source(span.path)
        if source is None:
            return made
        start, end = _shape(source, span)
        around = _context(source, start, end)
        if around is None and end - start > 1:  # all that there is: a context has to hold more
            end -= 1
            around = start, end + 1
        made["region"] = _region(source, start, end)
        if around is not None:
            made["contextRegion"] = _region(source, *around)
        return made

    def exact(self, span: Span) -> dict[str, object]:
        """The region of just that span, which may be empty."""
        source = self.source(span.path)
        if source is None:
            return {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
        length = len(source.text)
        return _numbers(source, min(span.start, length), min(span.end, length))


def _shape(source: Source, span: Span) -> tuple[int, int]:
    """The span as it is shown: at least a character where its line has one, without a line end at its end."""
    text = source.text
    start = min(span.start, len(text))
    end = min(max(span.end, start), len(text))
    end = start + len(text[start:end].rstrip()) if text[start:end].strip() else end
    first, last = source.position(start).line, source.position(max(end - 1, start)).line
    if last - first > _MOST_LINES or end - start > _LONG_LINE * 10 or (last > first and not text[start:end].strip()):
        end = min(end, _line_end(source, first), start + _LONG_LINE * 10)
    if end <= start:
        stop, begin = _line_end(source, first), source.starts[first - 1]
        start, end = (start, start + 1) if start < stop else (max(begin, stop - 1), stop)
    return start, end


def _line_end(source: Source, line: int) -> int:
    return source.starts[line - 1] + len(source.line(line))


def _context(source: Source, start: int, end: int) -> tuple[int, int] | None:
    """Whole lines around a region, a part of them where they are long, or its line end; None when there is no more."""
    first, last = source.position(start).line, source.position(max(end - 1, start)).line
    before, after = max(1, first - _AROUND), min(len(source.starts), last + _AROUND)
    left = source.starts[before - 1]
    if after > last and after == len(source.starts) and not source.line(after):
        after -= 1
    right = _line_end(source, after)
    left, right = max(left, start - _LONG_LINE), min(right, end + _LONG_LINE)
    if source.text[right - 1 : right + 1] == "\r\n":
        right -= 1
    if (left, right) == (start, end):
        right = next((at for at in source.starts if at > right), right)
    return None if (left, right) == (start, end) else (min(left, start), max(right, end))


def _numbers(source: Source, start: int, end: int) -> dict[str, object]:
    first, second = source.position(start, utf16=True), source.position(end, utf16=True)
    return {
        "startLine": first.line,
        "startColumn": first.column,
        "endLine": second.line,
        "endColumn": second.column,
    }


def _region(source: Source, start: int, end: int) -> dict[str, object]:
    return {**_numbers(source, start, end), "snippet": {"text": source.text[start:end]}}
