"""The located tree that a Compose configuration is while it is merged: typed leaves, lists and mappings.

Every node knows the place of its text and what it passed on its way there. Nodes are never changed; a step of the
pipeline makes new ones.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec.structs import replace

from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.syntax.tree import Scalar, Sequence

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from policyengine.model.value import Unknown, Via
    from policyengine.syntax.tree import Document


MOST_NODES = 100_000
"""Values that a Compose file may hold; Docker Compose has the same limit."""


_RANGE = regex(r"(?:.*:)?(\d{1,5})-(\d{1,5})(?:/\w+)?\Z")


def extent(tree: Node) -> int:
    """How many nodes a tree has as it is written out, whatever its parts share; a range of ports is a node for each."""
    total = 0
    stack: list[Node] = [tree]
    while stack:
        node = stack.pop()
        total += 1
        if isinstance(node, Branch):
            stack.extend(member.node for member in node.entries.values())
        elif isinstance(node, Items):
            stack.extend(node.items)
        elif isinstance(node.value, str) and (found := _RANGE.match(node.value)) is not None:
            total += max(0, int(found[2]) - int(found[1])) * 4
    return total


class Moment(str):
    """A timestamp, spelled as Go prints one."""

    __slots__ = ()


class Single(float):
    """A number of 32 bits, which Go prints with fewer digits."""

    __slots__ = ()


Plain: TypeAlias = bool | int | float | str | None


class Leaf(NamedTuple):
    """A scalar. `text` holds a string's places, and tells what of it is not decided; `value` is it as written."""

    value: Plain
    span: Span
    via: tuple[Via, ...] = ()
    text: Text | None = None

    @property
    def unknown(self) -> Unknown | None:
        """Why the value is not decided, or None."""
        found = None if self.text is None else self.text.unknown
        return None if found is None else replace(found, span=self.span, via=self.via)

    @property
    def written(self) -> Text:
        """The value as Go prints it, with the places it came from."""
        return self.text if self.text is not None else Text.at(go_text(self.value), self.span, self.via)


class Items(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    span: Span
    via: tuple[Via, ...] = ()


class Member(NamedTuple):
    """The value of a key and where the key stands."""

    key: Span
    node: Node


class Branch(NamedTuple):
    """A mapping, in the order its keys were met."""

    entries: dict[str, Member]
    span: Span
    via: tuple[Via, ...] = ()

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        field = self.entries.get(key)
        return None if field is None else field.node

    def with_entry(self, key: str, node: Node, at: Span | None = None) -> Branch:
        """The mapping with a key set; a new key stands at `at`, or where its value does."""
        old = self.entries.get(key)
        span = old.key if old is not None else (at or node.span)
        return self._replace(entries={**self.entries, key: Member(span, node)})

    def without(self, *keys: str) -> Branch:
        """The mapping without some keys."""
        return self._replace(entries={key: field for key, field in self.entries.items() if key not in keys})


Node: TypeAlias = Leaf | Items | Branch
Path: TypeAlias = tuple[str, ...]


class Resets(NamedTuple):
    """What `!reset` and `!override` say of a document: the paths whose former values are dropped."""

    paths: frozenset[Path]


def string(text: Text, span: Span | None = None, via: tuple[Via, ...] = ()) -> Leaf:
    """A string leaf. Its span is the one place its text came from, or else `span`."""
    place = text.pieces[0].span if span is None or len(text.pieces) == 1 else span
    return Leaf(text.written, place, (*via, *text.via), text)


def literal(value: Plain, at: Span, via: tuple[Via, ...] = ()) -> Leaf:
    """A value that Compose adds itself; `at` is what made it do so."""
    return Leaf(value, at, via, Text.made(value, at, via) if isinstance(value, str) else None)


def convert(document: Document) -> tuple[Node, Resets]:
    """A YAML document with its scalars typed, without what `!reset` drops.

    Raises:
        ReadError: a key is no string, or the document is too large.
    """
    if _larger(document):
        raise ReadError(f"the file holds more than {MOST_NODES:,} values", document.span, "split it")
    paths: set[Path] = set()
    node = _convert(document, (), (), paths)
    if node is None:
        node = Leaf(None, document.span)
    return node, Resets(frozenset(paths))


def _larger(document: Document) -> bool:
    """Whether a document has more than `MOST_NODES` nodes."""
    count = 1
    stack = [document]
    while stack:
        each = stack.pop()
        if isinstance(each, Scalar):
            continue
        inner = each.items if isinstance(each, Sequence) else [entry.value for entry in each.entries]
        count += len(inner)
        if count > MOST_NODES:
            return True
        stack.extend(inner)
    return False


def _convert(document: Document, path: Path, via: tuple[Via, ...], paths: set[Path]) -> Node | None:
    if document.tag == "!reset":
        paths.add(path)
        return None
    if document.tag == "!override":
        paths.add(path)
    if document.via:
        via = (*via, *document.via)
    if isinstance(document, Scalar):
        value = typed(document)
        if isinstance(value, float) and not math.isfinite(value):
            raise ReadError(f"the number {document.text[:40]} is not finite", document.span, "quote it")
        text = Text.at(value, document.span) if isinstance(value, str) and not isinstance(value, Moment) else None
        return Leaf(value, document.span, via, text)
    if isinstance(document, Sequence):
        items = [_convert(item, (*path, f"[{index}]"), via, paths) for index, item in enumerate(document.items)]
        return Items(tuple(item for item in items if item is not None), document.span, via)
    entries: dict[str, Member] = {}
    for key, child in document.entries:
        if not isinstance(typed(key), str):
            where = f"in {'.'.join(path)}" if path else "at top level"
            raise ReadError(f"the key {key.text!r} {where} is not a string", key.span, "quote it")
        node = _convert(child, (*path, key.text), via, paths)
        if node is not None:
            entries[key.text] = Member(key.span, node)
    return Branch(entries, document.span, via)


_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = regex(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))\Z")
_FLOAT = regex(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_TIME = regex(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:([Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,9}))?(Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)
_LONGEST_NUMBER = 400


def typed(scalar: Scalar) -> Plain:
    """What Go's YAML makes of a scalar: YAML 1.2 words, numbers of 1.1 and 1.2, and timestamps."""
    text = scalar.text
    if scalar.tag:
        return _number_or_text(text) if scalar.tag in ("!!int", "!!float", "!!bool", "!!null") else text
    if not scalar.plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789+-.":
        return _number_or_text(text)
    return text


def _number_or_text(text: str) -> Plain:
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return math.inf if text.isdecimal() else text
    bare = text.replace("_", "")
    found = _INTEGER.match(bare)
    if found is not None:
        sign = -1 if found[1] == "-" else 1
        for group, radix in ((2, 16), (3, 2), (4, 8), (5, 10)):
            if found[group] is not None:
                value = sign * int(found[group], radix)
                if -(2**63) <= value < 2**64:
                    return value
                break
    if _FLOAT.match(bare):
        value_float = float(bare)
        return value_float if math.isfinite(value_float) else text
    moment = _TIME.match(text)
    return text if moment is None else _moment(moment, text)


def _moment(found: re.Match[str], text: str) -> str:
    import datetime  # noqa: PLC0415 - timestamps are rare

    year, month, day, separator, hour, minute, second, fraction, zone = found.groups()
    try:
        datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
    except ValueError:
        return text
    if separator == " " and zone is not None:
        return text
    if separator in ("T", "t") and zone is None:
        return text
    date = f"{year}-{int(month):02}-{int(day):02}"
    clock = f"{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}"
    fraction = f".{fraction}".rstrip("0") if fraction and fraction.strip("0") else ""
    offset = "+0000 UTC"
    if zone not in (None, "Z", "+00:00", "-00:00"):
        digits = zone.replace(":", "")
        offset = f"{digits} {digits}"
    elif zone in ("+00:00", "-00:00"):
        offset = "+0000 +0000"
    return Moment(f"{date} {clock}{fraction} {offset}")


def go_text(value: Plain) -> str:
    """A value as Go's `%v` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    return str(value)


def go_float(value: float) -> str:
    """A float as Go's `%v` prints it: the shortest digits, an exponent below 1e-4 and from 1e6."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits = shortest32(value) if isinstance(value, Single) else repr(float(value))
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent or 0)
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.lstrip("-").partition(".")
    if part == "0":
        part = ""
    figures = (whole + part).lstrip("0") or "0"
    point = len(whole) + power - (len(whole + part) - len((whole + part).lstrip("0")))
    figures = figures.rstrip("0") or "0"
    if figures == "0":
        return f"{sign}0"
    if point - 1 < -4 or point - 1 >= 6:
        rest = f".{figures[1:]}" if len(figures) > 1 else ""
        return f"{sign}{figures[0]}{rest}e{'-' if point < 1 else '+'}{abs(point - 1):02}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{figures}"
    if point >= len(figures):
        return f"{sign}{figures}{'0' * (point - len(figures))}"
    return f"{sign}{figures[:point]}.{figures[point:]}"


def single(value: float) -> Single:
    """The nearest 32-bit float."""
    try:
        return Single(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return Single(math.copysign(math.inf, value))


def shortest32(value: float) -> str:
    """The shortest decimal that names a 32-bit float."""
    for digits in range(1, 10):
        text = f"{float(value):.{digits}g}"
        if single(float(text)) == value:
            return repr(float(text))
    return repr(float(value))


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every leaf below a node with its path."""
    stack: list[tuple[Path, Node]] = [(path, node)]
    while stack:
        at, each = stack.pop()
        if isinstance(each, Leaf):
            yield at, each
        elif isinstance(each, Items):
            stack.extend(((*at, str(index)), item) for index, item in reversed(list(enumerate(each.items))))
        else:
            stack.extend(((*at, key), field.node) for key, field in reversed(list(each.entries.items())))


def strings(node: Node | None) -> Iterable[Leaf]:
    """The leaves of a list, or the one leaf."""
    if isinstance(node, Items):
        return [item for item in node.items if isinstance(item, Leaf)]
    return [node] if isinstance(node, Leaf) and node.value is not None else []
