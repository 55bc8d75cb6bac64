"""The one located text: a run of pieces, each literal or undecided, each with its place and its history.

A YAML block scalar without its indentation, a Dockerfile instruction without its continuations, a Compose value with
its variables replaced, a Terraform template: each is a `Text`. `written` is what a person sees, `${TAG}` for a part
that the files do not decide, and every index of a text is an index of `written`. Searching, splitting and matching see
an undecided part as something that equals no character: `"${HOST}:5432".split(":")` has two parts, and a colon within
`${HOST:-x}` separates nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Via, shortened

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from policyengine.model.source import Source

_new = tuple.__new__  # a third of the time of calling a named tuple
_OPEN = "\uffff"  # equals no character of a pattern; never leaves this module


MOST_STEPS = 32
"""How many steps of its way a piece keeps."""


class Piece(Struct, frozen=True, gc=False):
    """A part of a text.

    `span` is where its characters stand when it is `exact`: letter by letter. Else it is the place of what gave them:
    an escape, a variable, a default that Docker adds. `via` holds what it passed, the nearest to the user first. An
    undecided piece has its `unknown`, and `text` is then what a person sees.
    """

    text: str
    span: Span
    exact: bool = True
    via: tuple[Via, ...] = ()
    unknown: Unknown | None = None

    def cut(self, start: int, end: int) -> Piece:
        """The characters `[start, end)` of the piece; none of an undecided one are decided to be none."""
        span = self.span
        if self.exact:
            span = _new(Span, (span.path, span.start + start, span.start + end))
        return Piece(self.text[start:end], span, self.exact, self.via, self.unknown if start < end else None)


class Text(Struct, frozen=True, gc=False):
    """Pieces one after the other. An empty text has one empty piece, so that it has a place too.

    Make one with `Text.at`, `Text.of`, `Text.standing`, `Text.made`, `Text.undecided` or `Text.join`.
    """

    written: str
    pieces: tuple[Piece, ...]
    _starts: tuple[int, ...] = (0,)

    @classmethod
    def at(cls, text: str, span: Span, via: tuple[Via, ...] = ()) -> Text:
        """A literal text at one place; letter by letter when the place is as long as it."""
        return cls(text, (Piece(text, span, span.end - span.start == len(text), via),))

    @classmethod
    def of(cls, source: Source, span: Span | None = None) -> Text:
        """The text of `source`, or of the part of it at `span`, as it stands."""
        if span is None:
            return cls.standing(source.text, source.path, 0)
        return cls.standing(source.text[span.start : span.end], source.path, span.start)

    @classmethod
    def standing(cls, text: str, path: str, start: int) -> Text:
        """A literal text that stands letter by letter from `start` on in the file `path`."""
        return cls(text, (Piece(text, _new(Span, (path, start, start + len(text)))),))

    @classmethod
    def made(cls, text: str, span: Span, via: tuple[Via, ...] = ()) -> Text:
        """A literal text that stands nowhere; `span` is what gave it."""
        return cls(text, (Piece(text, span, False, via),))  # noqa: FBT003 - not exact

    @classmethod
    def undecided(cls, written: str, unknown: Unknown, via: tuple[Via, ...] = ()) -> Text:
        """A part that the files do not decide, shown as `written`."""
        shown = written or "…"
        return cls(shown, (Piece(shown, unknown.span, False, via, unknown),))  # noqa: FBT003 - not exact

    @classmethod
    def join(cls, parts: Iterable[Text]) -> Text:
        """The parts one after the other; pieces that go on in the file where the one before ends become one.

        Raises:
            ValueError: there are no parts, so that the text would have no place.
        """
        pieces: list[Piece] = []
        empty: Text | None = None
        for part in parts:
            if not part.written:
                empty = empty or part
                continue
            for piece in part.pieces:
                last = pieces[-1] if pieces else None
                if last is not None and _goes_on(last, piece):
                    whole = Span(last.span.path, last.span.start, piece.span.end)
                    pieces[-1] = Piece(last.text + piece.text, whole, via=last.via)
                else:
                    pieces.append(piece)
        if pieces:
            return cls.run(pieces)
        if empty is None:
            raise ValueError("no text to join")
        return empty

    @classmethod
    def run(cls, pieces: Sequence[Piece]) -> Text:
        """The pieces one after the other; none is empty, but for one alone."""
        if len(pieces) == 1:
            return cls(pieces[0].text, (pieces[0],))
        starts: list[int] = []
        length = 0
        for piece in pieces:
            starts.append(length)
            length += len(piece.text)
        return cls("".join([piece.text for piece in pieces]), tuple(pieces), tuple(starts))

    @property
    def path(self) -> str:
        """The file in which the text starts."""
        return self.pieces[0].span.path

    @property
    def decided(self) -> bool:
        """Whether no piece is undecided."""
        return self.unknown is None

    @property
    def unknown(self) -> Unknown | None:
        """Why the text is not decided: the `Unknown` of its first undecided piece; None when it is decided."""
        for piece in self.pieces:
            if piece.unknown is not None:
                return piece.unknown
        return None

    @property
    def literal(self) -> str | None:
        """The characters when all of them are decided, else None."""
        return self.written if self.unknown is None else None

    @property
    def place(self) -> Span:
        """From the first piece to the last, when both stand in one file; else the place of the first."""
        first = self.pieces[0].span
        if len(self.pieces) == 1:
            return first
        last = self.pieces[-1].span
        return first.cover(last) if first.path == last.path else first

    @property
    def via(self) -> tuple[Via, ...]:
        """All that any part of the text passed, each once; behind a variable (`${TAG}`) where its value stands."""
        if len(self.pieces) == 1:
            return self.pieces[0].via
        steps: dict[Via, None] = {}
        for piece in self.pieces:
            steps |= dict.fromkeys(piece.via)
            last = piece.via[-1] if piece.via and piece.unknown is None else None
            if last is not None and last.what.startswith("$") and not last.span.holds(piece.span):
                steps[Via("", piece.span)] = None
        return tuple(steps)

    def value(self) -> Known[str] | Unknown:
        """Known when the text is wholly decided, else Unknown with the reason of its first undecided piece."""
        unknown = self.unknown
        if unknown is not None:
            return replace(unknown, span=self.place, via=self.via)
        return Known(self.written, self.place, self.via)

    def traced(self, origin: Text) -> Text:
        """What was read of the characters of `origin`, as what stands there, decided or not."""
        parts: list[Text] = []
        for piece in self.pieces:
            there = origin.cut(piece.span.start, piece.span.end)
            if piece.unknown is not None:
                parts.append(Text.undecided(piece.text, replace(piece.unknown, span=there.place), piece.via))
            elif piece.exact or not there.decided:
                parts.append(there.stepped(*piece.via))
            else:
                parts.append(Text.made(piece.text, there.place, (*piece.via, *there.via)))
        return Text.join(parts)

    def stepped(self, *steps: Via) -> Text:
        """The same text after every part of it passed `steps`, the nearest to the user first.

        Of a long way the nearest steps are kept, so that a chain of variables costs no more than its length.
        """
        pieces = tuple(
            Piece(piece.text, piece.span, piece.exact, shortened((*steps, *piece.via), MOST_STEPS), piece.unknown)
            for piece in self.pieces
        )
        return Text(self.written, pieces, self._starts)

    def unsettled(self, reason: str) -> Text:
        """The same characters at the same places, none of them decided."""
        pieces = tuple(
            Piece(piece.text, piece.span, piece.exact, piece.via, piece.unknown or Unknown(reason, piece.span))
            for piece in self.pieces
        )
        return Text(self.written, pieces, self._starts)

    # -- places ------------------------------------------------------------------------------------------------------

    def offset(self, index: int) -> int:
        """Where the character at `index` starts in its file (for the index behind the last one: where that ends)."""
        number = bisect_right(self._starts, index) - 1
        piece = self.pieces[number]
        inside = index - self._starts[number]
        if inside >= len(piece.text):
            return piece.span.end
        return piece.span.start + inside if piece.exact else piece.span.start

    def span(self, start: int, end: int) -> Span:
        """The place of the characters `[start, end)`; of what gave them, where they stand nowhere.

        It is empty when there are none, and covers only the first file when they stand in several.
        """
        if len(self.pieces) == 1:
            piece = self.pieces[0]
            span = piece.span
            return _new(Span, (span.path, span.start + start, span.start + max(start, end))) if piece.exact else span
        return self.cut(start, end).place

    # -- parts -------------------------------------------------------------------------------------------------------

    def cut(self, start: int, end: int | None = None) -> Text:
        """The characters `[start, end)`, to the end without `end`, with their places."""
        size = len(self.written)
        if end is None or end > size:
            end = size
        if start <= 0 and end == size:
            return self
        pieces, starts = self.pieces, self._starts
        if len(pieces) == 1:
            piece = pieces[0].cut(start, max(start, end))
            return Text(piece.text, (piece,))
        first = bisect_right(starts, start) - 1
        if start >= end:
            inside = min(start - starts[first], len(pieces[first].text))
            return Text("", (pieces[first].cut(inside, inside),))
        behind = bisect_left(starts, end, first + 1)
        if behind - first == 1:
            piece = pieces[first].cut(start - starts[first], end - starts[first])
            return Text(piece.text, (piece,))
        head = pieces[first].cut(start - starts[first], len(pieces[first].text))
        tail = pieces[behind - 1].cut(0, end - starts[behind - 1])
        return Text(
            self.written[start:end],
            (head, *pieces[first + 1 : behind - 1], tail),
            (0, *(each - start for each in starts[first + 1 : behind])),
        )

    def kept(self, ranges: Iterable[tuple[int, int]]) -> Text:
        """Only the given ranges, one after another; an empty text at the start of this one when all are empty."""
        parts = [self.cut(start, end) for start, end in ranges if start < end]
        return Text.join(parts) if parts else self.cut(0, 0)

    def split(self, separator: str) -> list[Text]:
        """The parts between the separators, as `str.split` has them."""
        parts = []
        start = 0
        for each in self._shape.split(separator):
            parts.append(self.cut(start, start + len(each)))
            start += len(each) + len(separator)
        return parts

    def partition(self, separator: str) -> tuple[Text, Text | None]:
        """What stands before the first separator and what behind it; None where there is no separator."""
        at = self.find(separator)
        return (self, None) if at < 0 else (self.cut(0, at), self.cut(at + len(separator)))

    def strip(self, characters: str | None = None) -> Text:
        """Without the given characters (white space) at both ends."""
        return self.lstrip(characters).rstrip(characters)

    def lstrip(self, characters: str | None = None) -> Text:
        """Without the given characters (white space) at the start."""
        shape = self._shape
        return self.cut(len(shape) - len(shape.lstrip(characters)))

    def rstrip(self, characters: str | None = None) -> Text:
        """Without the given characters (white space) at the end."""
        return self.cut(0, len(self._shape.rstrip(characters)))

    # -- searching: an undecided piece equals no character ------------------------------------------------------------

    def find(self, characters: str, start: int = 0) -> int:
        """Where literal characters first stand from `start` on, or -1."""
        return self._shape.find(characters, start)

    def rfind(self, characters: str, end: int | None = None) -> int:
        """Where literal characters last stand before `end`, or -1."""
        return self._shape.rfind(characters, 0, end)

    def startswith(self, characters: str | tuple[str, ...]) -> bool:
        """Whether the text starts with literal characters."""
        return self._shape.startswith(characters)

    def endswith(self, characters: str | tuple[str, ...]) -> bool:
        """Whether the text ends with literal characters."""
        return self._shape.endswith(characters)

    def match(self, pattern: re.Pattern[str], start: int = 0) -> Match | None:
        """The pattern at `start`, or None. Only `.` and negated classes take an undecided part."""
        found = pattern.match(self._shape, start)
        return None if found is None else Match(self, found)

    def fullmatch(self, pattern: re.Pattern[str]) -> Match | None:
        """The pattern from the start to the end, or None."""
        found = pattern.fullmatch(self._shape)
        return None if found is None else Match(self, found)

    def search(self, pattern: re.Pattern[str], start: int = 0) -> Match | None:
        """The first place of the pattern from `start` on, or None."""
        found = pattern.search(self._shape, start)
        return None if found is None else Match(self, found)

    def matches(self, pattern: re.Pattern[str]) -> Iterator[Match]:
        """All places of the pattern."""
        return (Match(self, found) for found in pattern.finditer(self._shape))

    def replaced(self, pattern: re.Pattern[str], meaning: Callable[[str], str]) -> Text:
        """The text with each match replaced by what it means; that stands where the match does."""
        parts: list[Text] = []
        at = 0
        for found in self.matches(pattern):
            start, end = found.span()
            given = found[0]
            parts += (self.cut(at, start), Text.made(meaning(given.written), given.pieces[0].span, given.via))
            at = end
        return Text.join((*parts, self.cut(at))) if parts else self

    def masked(self, letter: str) -> str:
        """`written` with every character of an undecided piece replaced by `letter`: for a parser of somebody else."""
        if self.decided:
            return self.written
        return "".join(piece.text if piece.unknown is None else letter * len(piece.text) for piece in self.pieces)

    @property
    def _shape(self) -> str:
        return self.masked(_OPEN)


class Match:
    """Where a pattern stands in a text, and its groups as texts."""

    __slots__ = ("_match", "text")

    def __init__(self, text: Text, match: re.Match[str]) -> None:
        self.text = text
        self._match = match

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Start and end of a group; (-1, -1) when it took no part."""
        return self._match.span(group)

    def start(self, group: int | str = 0) -> int:
        """The start of a group, or -1."""
        return self._match.start(group)

    def end(self, group: int | str = 0) -> int:
        """The end of a group, or -1."""
        return self._match.end(group)

    def group(self, group: int | str) -> Text | None:
        """A group, or None when it took no part."""
        start, end = self._match.span(group)
        return None if start < 0 else self.text.cut(start, end)

    def __getitem__(self, group: int | str) -> Text:
        """A group that took part.

        Raises:
            LookupError: it did not.
        """
        found = self.group(group)
        if found is None:
            raise LookupError(group)
        return found


def _goes_on(last: Piece, piece: Piece) -> bool:
    """Whether a literal piece stands right behind another."""
    return (
        last.exact
        and piece.exact
        and last.span.end == piece.span.start
        and last.span.path == piece.span.path
        and last.unknown is None
        and piece.unknown is None
        and last.via == piece.via
    )
