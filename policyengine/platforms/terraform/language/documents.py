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
from policyengine.platforms.terraform.language.characters import normal
from policyengine.platforms.terraform.language.numbers import NotComputed, parse_number
from policyengine.platforms.terraform.language.plain import Invalid, to_string
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
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as SequenceOf

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.plain import Atom

_COMMENT = regex(r"(?m)^[ \t]*#.*$")

_MERGED = regex(r"""["']<<["']\s*:|<<\s*:\s*\[""")
_OTHER_VERSION = regex(r"%YAML (?!1\.1)")

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
    text = _Joined(parts, span, bare=form == "yaml")
    if not (text.source.text if form == "json" else _COMMENT.sub("", text.source.text)).strip():
        raise Invalid(f"an empty text is no {form} text")
    if form == "yaml" and _MERGED.search(text.source.text):
        return Unknown("a YAML text merges in a way of which Terraform has another idea", span)
    if form == "yaml" and _OTHER_VERSION.match(text.source.text):
        raise Invalid("a YAML text is of a version that is not read")
    try:
        if form == "json":
            from policyengine.syntax import json as reader  # noqa: PLC0415 - only where a text is decoded
        else:
            from policyengine.syntax import yaml as reader  # type: ignore[no-redef] # noqa: PLC0415 - as above
        found = reader.read(text.source)
    except ReadError as error:
        if text.undecided:
            return Unknown(f"a {form} text with unknown parts cannot be read", span)
        if form == "yaml" and "twice" in error.message:
            return Unknown(f"a {form} text cannot be read: {error.message}", span)
        raise Invalid(f"this is no {form} text: {error.message}") from None
    return through(text.tree(found, form), *via)


class _Joined:
    """Parts of a string as one text, in which a letter stands for a part that is not known, and the way back."""

    def __init__(self, parts: tuple[Piece, ...], span: Span, *, bare: bool) -> None:
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
                text = _LETTER if quoted or bare else f'"{_LETTER}"'
                self.undecided.append(length + len(text) // 2)
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
        _checked(found, form)
        if isinstance(found, Sequence):
            return List(tuple(self.tree(item, form) for item in found.items), span)
        entries: dict[str, Tree] = {}
        keys: dict[str, Span] = {}
        gap: Unknown | None = None
        for entry in found.entries:
            if self.is_open(entry.key.span):
                gap = gap or Unknown("a key is not known", self.span)
                continue
            key = _key(entry.key, form)
            entries[key] = self.tree(entry.value, form)
            keys[key] = self.place(entry.key.span.start, entry.key.span.end)[0]
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
        return Known(_resolved(found, form), span, via)

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


_STAMP = regex(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?(Z|[-+]\d\d:\d\d)| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?)?\Z"
)
_INTEGER = regex(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_WORDS: dict[str, Atom] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NO_NUMBERS = frozenset({".nan", ".NaN", ".NAN"})
_ENDLESS = frozenset(sign + name for sign in ("", "+", "-") for name in (".inf", ".Inf", ".INF"))
_TAGS = frozenset({"", "!!str", "!!binary", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"})
_BASE64 = regex(r"(?:[A-Za-z0-9+/\n\r]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*\Z")


def _stamp(text: str) -> str | None:
    """A timestamp of YAML in the form of RFC 3339, None for another text."""
    match = _STAMP.match(text)
    if match is None:
        return None
    import datetime  # noqa: PLC0415 - few documents hold dates

    year, month, day, *times = match.groups()
    hour, minute, second = (int(one or other or 0) for one, other in zip(times[:3], times[4:], strict=True))
    try:
        at = datetime.datetime(int(year), int(month), int(day), hour, minute, second)  # noqa: DTZ001 - the zone is text
    except ValueError:
        return None
    zone = times[3] or "Z"
    return f"{at.isoformat()}{'Z' if zone[1:] == '00:00' else zone}"


def _yaml_value(text: str, tag: str, *, plain: bool) -> Atom:
    """A scalar of YAML as go-cty-yaml, which Terraform uses, resolves it. Raises Invalid and NotComputed."""
    if tag not in _TAGS:
        raise Invalid(f"a YAML text has the unsupported tag {tag}")
    if tag == "!!str" or (not plain and tag != "!!binary"):
        return text
    if tag == "!!binary":
        if not _BASE64.match(text):
            raise Invalid("a YAML text holds binary data that is no Base64")
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text in _ENDLESS:
        raise NotComputed("a number is infinite")
    if tag == "" and text in _NO_NUMBERS:
        raise Invalid("a YAML text holds what is no number")
    stamp = _stamp(text) if tag in ("", "!!timestamp") else None
    if stamp is not None:
        return stamp
    if tag == "!!null":
        return None
    if tag in ("!!timestamp", "!!bool"):
        raise Invalid(f"a YAML text holds what is no {tag}")
    bare = text.replace("_", "") if tag else text
    number = int(bare, 0) if _INTEGER.match(bare) and bare[:2] in ("0x", "0o") else parse_number(bare)
    if number is None and tag:
        raise Invalid("a YAML text holds what is no number")
    return text if number is None else number


def _resolved(found: Scalar, form: str) -> Atom:
    """A scalar as null, a bool, a number or a string. Raises Invalid and NotComputed."""
    if form == "yaml":
        return _yaml_value(found.text, found.tag, plain=found.plain)
    if not found.plain:
        return normal(found.text)
    match found.text:
        case "null":
            return None
        case "true" | "false" as word:
            return word == "true"
        case text:
            return parse_number(text)


def _key(found: Scalar, form: str) -> str:
    """The name of an entry: in YAML, scalars that are no strings become some. Raises Invalid."""
    return to_string(_resolved(found, form)) if form == "yaml" else normal(found.text)


def _checked(found: Sequence | Mapping, form: str) -> None:
    """Raise Invalid for a tag that a sequence or mapping cannot have in YAML."""
    if form == "yaml" and found.tag not in ("", "!!seq" if isinstance(found, Sequence) else "!!map"):
        raise Invalid(f"a YAML text has the unsupported tag {found.tag}")


def from_document(found: Document, form: str = "json") -> Tree:
    """A located document as a tree; its places are the document's own."""
    if isinstance(found, Scalar):
        return Known(_resolved(found, form), found.span, found.via)
    _checked(found, form)
    if isinstance(found, Sequence):
        return List(tuple(from_document(item, form) for item in found.items), found.span)
    entries = {_key(entry.key, form): from_document(entry.value, form) for entry in found.entries}
    return Object(entries, found.span, keys={_key(entry.key, form): entry.key.span for entry in found.entries})
