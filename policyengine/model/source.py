"""Source files and exact places in them.

Offsets are code points into the decoded text, because that is what lark, PyYAML and hand-written scanners count.
Lines and columns exist only in reports: ask `Source.position`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from msgspec import Struct, field

from policyengine.patterns import regex

_LINE_END = regex(r"\r\n|\r|\n")


class Span(NamedTuple):
    """A half-open range of code points `[start, end)` in the file `path` (POSIX, relative to the scanned root)."""

    path: str
    start: int
    end: int

    def cover(self, other: Span) -> Span:
        """The smallest span that holds both; `other` must lie in the same file."""
        return Span(self.path, min(self.start, other.start), max(self.end, other.end))

    def holds(self, other: Span) -> bool:
        """Whether `other` lies within this span, or is the same."""
        return self.path == other.path and self.start <= other.start and other.end <= self.end


class Position(NamedTuple):
    """A one-based line and a one-based column. The column counts what `Source.position` was asked to count."""

    line: int
    column: int


class Source(Struct, frozen=True, eq=False):
    """One file of the scanned tree: its POSIX path relative to the root, and its text without a byte order mark.

    `text` is decoded as UTF-8. Line ends are kept as they are; a line ends at CR LF, LF or a lone CR, as
    SARIF 2.1.0 section 3.30.2 counts them.
    """

    path: str
    text: str
    bom: bool = False
    _starts: list[int] = field(default_factory=list)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and (self.path, self.text, self.bom) == (other.path, other.text, other.bom)

    def __hash__(self) -> int:
        return hash((self.path, self.text))

    @property
    def starts(self) -> list[int]:
        """Offsets at which lines start; the first is 0."""
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(match.end() for match in _LINE_END.finditer(self.text))
        return self._starts

    def span(self, start: int, end: int) -> Span:
        """The span of this file from `start` to `end`."""
        return Span(self.path, start, end)

    def slice(self, span: Span) -> str:
        """The text at `span`."""
        return self.text[span.start : span.end]

    def position(self, offset: int, *, utf16: bool = False) -> Position:
        """Where `offset` lies. Columns count code points, or UTF-16 units with `utf16` (SARIF `columnKind`)."""
        line = bisect_right(self.starts, offset)
        before = self.text[self.starts[line - 1] : offset]
        width = len(before.encode("utf-16-le", "surrogatepass")) // 2 if utf16 else len(before)
        if utf16 and self.bom and line == 1:
            width += 1
        return Position(line, width + 1)

    def line(self, number: int) -> str:
        """The text of a one-based line, without its line end."""
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class ReadError(Exception):
    """A file that could not be read or understood: one clear sentence, the place, and what to do.

    Readers raise it for a file that is lost as a whole, and return it in a list for a part that is lost.
    """

    def __init__(self, message: str, span: Span, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.advice = advice

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, Span, str]]:
        return ReadError, (self.message, self.span, self.advice)

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}" if self.advice else self.message


class UsageError(Exception):
    """The run cannot start: a wrong option, path, pack or configuration. One sentence; the exit code is 2."""


class WorkerDied(Exception):  # noqa: N818 - said of the worker
    """A worker process was killed, so its work is lost."""
