"""JSON and YAML texts as trees, with exact places also where parts of the text are interpolated.

A text with parts that are not known is read with a letter for each of them; in the tree the part stands where its
letter does, so that `"image": "${aws_ecr_repository.app.repository_url}:v1"` keeps its reference.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.numbers import NotComputed, parse_number
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Piece,
    Reference,
    Tree,
    decided,
    encoded_text,
    through,
    unknown_of,
)
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Document, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as SequenceOf

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.plain import Atom

_LETTER = "x"
"""Stands for a part that is not known while the text is read; what it is, is told by where it stands."""


def document(tree: Tree, form: str) -> Tree:
    """The value that a text in `form` (`json`, `yaml`) holds. Raises Invalid for no such text."""
    match tree:
        case Encoded(inner, encoding, _, via) if encoding in (form, "json"):
            return through(inner, *via)
        case Encoded(span=span, via=via):
            if not decided(tree):
                return unknown_of(tree)
            return _read((Known(encoded_text(tree), span),), form, span, via)
        case Known(str() as text, span, via):
            return _read((Known(text, span),), form, span, via)
        case Composite(parts, span, via):
            return _read(parts, form, span, via)
        case Unknown() | Reference():
            return unknown_of(tree)
        case _:
            raise Invalid(f"this is no {form} text")


def _read(parts: tuple[Piece, ...], form: str, span: Span, via: tuple[Via, ...]) -> Tree:
    text = _Joined(parts, span)
    if not text.source.text.strip():
        raise Invalid(f"an empty text is no {form} text")
    try:
        if form == "json":
            from policyengine.syntax import json as reader  # noqa: PLC0415 - only where a text is decoded
        else:
            from policyengine.syntax import yaml as reader  # type: ignore[no-redef] # noqa: PLC0415 - as above
        found = reader.read(text.source)
    except ReadError as error:
        if text.undecided:
            return Unknown(f"a {form} text with unknown parts cannot be read", span)
        raise Invalid(f"this is no {form} text: {error.message}") from None
    return through(text.tree(found, form), *via)


class _Joined:
    """Parts of a string as one text, in which a letter stands for a part that is not known, and the way back."""

    def __init__(self, parts: tuple[Piece, ...], span: Span) -> None:
        self.parts = parts
        self.span = span
        self.starts: list[int] = []
        self.undecided: list[int] = []  # where the letters stand
        pieces: list[str] = []
        length = 0
        quoted = False
        for part in parts:
            if isinstance(part, Known):
                text = part.value
                quoted = _inside_string(text, quoted=quoted)
            else:
                text = _LETTER if quoted else f'"{_LETTER}"'
                self.undecided.append(length + (not quoted))
            self.starts.append(length)
            pieces.append(text)
            length += len(text)
        self.source = Source("", "".join(pieces))

    def part(self, offset: int) -> int:
        """Which part stands at an offset of the text."""
        return max(bisect_right(self.starts, offset) - 1, 0)

    def place(self, start: int, end: int) -> tuple[Span, tuple[Via, ...]]:
        """The span, and history, of a range of the text."""
        index = self.part(start)
        part = self.parts[index]
        offset = start - self.starts[index]
        if isinstance(part, Known) and offset <= len(part.value):
            if part.span.end - part.span.start == len(part.value):
                first = part.span.start + offset
                return part.span._replace(start=first, end=min(first + end - start, part.span.end)), part.via
            return part.span, part.via
        return part.span if offset < len(self.source.text) else self.span, ()

    def is_open(self, span: Span) -> bool:
        """Whether a range of the text holds a part that is not known."""
        at = bisect_left(self.undecided, span.start)
        return at < len(self.undecided) and self.undecided[at] < span.end

    def tree(self, found: Document, form: str) -> Tree:
        """The document as a tree."""
        if isinstance(found, Scalar):
            return self._scalar(found, form)
        span, _ = self.place(found.span.start, found.span.end)
        if isinstance(found, Sequence):
            return List(tuple(self.tree(item, form) for item in found.items), span)
        entries: dict[str, Tree] = {}
        keys: dict[str, Span] = {}
        gap: Unknown | None = None
        for entry in found.entries:
            if self.is_open(entry.key.span):
                gap = gap or Unknown("a key is not known", self.span)
                continue
            entries[entry.key.text] = self.tree(entry.value, form)
            keys[entry.key.text] = self.place(entry.key.span.start, entry.key.span.end)[0]
        return Object(entries, span, (), keys, gap)

    def _scalar(self, found: Scalar, form: str) -> Tree:
        if self.is_open(found.span):
            pieces = list(self._pieces(unfold(self.source, found)))
            if len(pieces) == 1 and not isinstance(pieces[0], Known):
                return pieces[0].tree if isinstance(pieces[0], Encoded) else pieces[0]
            return Composite(tuple(pieces), self._cover(pieces))
        if found.span.end - found.span.start == len(found.text) and not found.plain:
            parts = list(self._pieces(Text.at(found.text, found.span)))
            if len(parts) > 1:
                return Composite(tuple(parts), self._cover(parts))
        span, via = self.place(found.span.start, found.span.end)
        return Known(_resolved(found.text, form) if found.plain else found.text, span, via)

    def _cover(self, pieces: SequenceOf[Piece]) -> Span:
        first, last = pieces[0].span, pieces[-1].span
        return first.cover(last) if first.path == last.path and first.start <= last.end else first

    def _pieces(self, text: Text) -> Iterator[Piece]:
        """What a scalar is made of, cut where the parts of the whole text meet."""
        for piece in text.pieces:
            at, end = piece.span.start, piece.span.end
            while at < end:
                index = self.part(at)
                part = self.parts[index]
                stop = min(end, self.starts[index + 1] if index + 1 < len(self.starts) else end)
                if not isinstance(part, Known):
                    yield part
                elif piece.exact:
                    first = at - piece.span.start
                    span, via = self.place(at, stop)
                    yield Known(piece.text[first : first + stop - at], span, via)
                else:
                    yield Known(piece.text, *self.place(at, end))
                    break
                at = stop


def _inside_string(text: str, *, quoted: bool) -> bool:
    """Whether a JSON string is open behind `text`."""
    odd = quoted
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and odd:
            escaped = True
        elif character == '"':
            odd = not odd
    return odd


_YAML_ENDLESS = frozenset(sign + name for sign in ("", "+", "-") for name in (".inf", ".Inf", ".INF")) | {
    ".nan",
    ".NaN",
    ".NAN",
}
_DATE = regex(r"\d{4}-\d{2}-\d{2}\Z")
_YAML_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_TRUE = frozenset({"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_YAML_FALSE = frozenset({"false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})


def _resolved(text: str, form: str) -> Atom:
    """A plain scalar as null, a bool, a number or a string."""
    if text == "null" or (form == "yaml" and text in _YAML_NULL):
        return None
    if text == "true" or (form == "yaml" and text in _YAML_TRUE):
        return True
    if text == "false" or (form == "yaml" and text in _YAML_FALSE):
        return False
    if form == "yaml":
        for prefix, base in (("0x", 16), ("0o", 8)):
            if text.startswith(prefix) and text[2:].isalnum():
                try:
                    return int(text[2:], base)
                except ValueError:
                    return text
        if text in _YAML_ENDLESS:
            raise Invalid("a number is not finite")
        if _DATE.match(text):
            return f"{text}T00:00:00Z"
    try:
        number = parse_number(text)
    except NotComputed:
        return text
    return text if number is None else number


def from_document(found: Document, form: str = "json") -> Tree:
    """A located document as a tree; its places are the document's own."""
    if isinstance(found, Scalar):
        value: Atom = _resolved(found.text, form) if found.plain else found.text
        return Known(value, found.span, found.via)
    if isinstance(found, Sequence):
        return List(tuple(from_document(item, form) for item in found.items), found.span)
    entries = {entry.key.text: from_document(entry.value, form) for entry in found.entries}
    return Object(entries, found.span, keys={entry.key.text: entry.key.span for entry in found.entries})
