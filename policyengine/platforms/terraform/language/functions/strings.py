"""Strings. `format` and `join` keep the parts that are not known."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.characters import BLANKS, clusters
from policyengine.platforms.terraform.language.encodings import encode
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
)
from policyengine.platforms.terraform.language.kinds import STRINGS
from policyengine.platforms.terraform.language.numbers import LONGEST, NotComputed, fixed, general, scientific
from policyengine.platforms.terraform.language.plain import Invalid, is_number, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Piece,
    Reference,
    Tree,
    decided,
    gap_of,
    history,
    pieces_of,
    plain,
    unknown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.numbers import Number
    from policyengine.platforms.terraform.language.plain import Plain


_WIDEST = 1_000
"""Characters or digits that one verb may ask for."""


def _whole(value: Number) -> int:
    if isinstance(value, Fraction):
        raise Invalid("a whole number is needed")
    return value


# format

_VERB = regex(r"%([-+# 0]*)([1-9][0-9]{0,8})?(\.[0-9]{0,8})?(?:\[([1-9][0-9]{0,8})\])?([a-zA-Z])")


class _Verb(Struct, frozen=True):
    """A verb of a format with its flags; `width` and `precision` are None where it gives none."""

    letter: str
    flags: str
    width: int | None
    precision: int | None

    @property
    def bare(self) -> bool:
        """Whether it only puts a text in."""
        return self.letter in "sv" and not self.flags and not self.width and not self.precision

    def padded(self, text: str) -> str:
        """A text at its width, in characters."""
        pads = ("0" if "0" in self.flags else " ") * ((self.width or 0) - len(clusters(text)))
        return text + pads if "-" in self.flags else pads + text

    def of_number(self, text: str, *, zeros: bool, prefix: str = "") -> str:
        """A number at its width, with its sign and the prefix of its base; `zeros` tells whether zeros may fill it."""
        sign = "-" if text.startswith("-") else "+" if "+" in self.flags else " " if " " in self.flags else ""
        start, digits = sign + prefix, text.removeprefix("-")
        missing = (self.width or 0) - len(start) - len(digits)
        if zeros:
            return start + "0" * missing + digits
        return start + digits + " " * missing if "-" in self.flags else " " * missing + start + digits


def _spelled(verb: _Verb, value: Plain) -> str:
    match verb.letter:
        case "v":
            if isinstance(value, str) and "#" not in verb.flags:
                return verb.padded(value)
            bare = is_number(value) and "#" not in verb.flags
            return verb.padded(general(to_number(value), None) if bare else encode(value, "json"))
        case "t":
            return "true" if to_bool(value) else "false"
        case "s" | "q":
            text = to_string(value)
            if verb.precision:
                text = "".join(clusters(text)[: verb.precision])
            return verb.padded(encode(text, "json") if verb.letter == "q" else text)
        case "d" | "b" | "o" | "x" | "X":
            whole = _whole(to_number(value))
            digits = format(abs(whole), verb.letter)
            if verb.precision is not None:
                digits = "" if whole == 0 and verb.precision == 0 else digits.rjust(verb.precision, "0")
            prefix = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(verb.letter, "") if "#" in verb.flags else ""
            zeros = "0" in verb.flags and "-" not in verb.flags and verb.precision is None
            return verb.of_number("-" * (whole < 0) + digits, zeros=zeros, prefix=prefix)
        case "f" | "e" | "E" | "g" | "G":
            number = to_number(value)
            if verb.letter == "f":
                text = fixed(number, 6 if verb.precision is None else verb.precision)
            elif verb.letter in "eE":
                text = scientific(number, 6 if verb.precision is None else verb.precision)
            else:
                text = general(number, verb.precision)
            text = text.upper() if verb.letter in "EG" else text
            return verb.of_number(text, zeros="0" in verb.flags and "-" not in verb.flags)
        case _:
            raise Invalid(f"format() has no verb %{verb.letter}")


def _format(calling: Calling, form: Tree, *arguments: Tree) -> Tree:
    if not decided(form):
        return unknown_of(form)
    _spend(calling, form, arguments, 1)
    return _formatted(form, arguments, calling.span, listed=False)


def _spend(calling: Calling, form: Tree, arguments: Sequence[Tree], rows: int) -> None:
    """Count the parts that a format puts together. Raises Exhausted."""
    longest = max((len(each.parts) for each in arguments if isinstance(each, Composite)), default=1)
    calling.frame.scope.budget.spend(to_string(plain(form)).count("%") * longest * rows)


def _formatted(form: Tree, arguments: Sequence[Tree], span: Span, *, listed: bool) -> Tree:
    """The text that a format makes; `listed` tells that arguments are elements of lists, whose nulls have a type."""
    text = to_string(plain(form))
    pieces: list[Piece] = []
    position = used = highest = 0
    while (at := text.find("%", position)) >= 0:
        _literal(pieces, text[position:at], form)
        if text.startswith("%%", at):
            _literal(pieces, "%", form)
            position = at + 2
            continue
        match = _VERB.match(text, at)
        if match is None:
            raise Invalid("a format has a '%' that begins no verb")
        position = match.end()
        flags, width, precision, chosen, letter = match.groups()
        used = int(chosen) if chosen else used + 1
        highest = max(highest, used)
        if used > len(arguments):
            raise Invalid("a format has more verbs than arguments")
        limits = [int(each.lstrip(".") or 0) if each else None for each in (width, precision)]
        if any((each or 0) > _WIDEST for each in limits):
            raise NotComputed("a format is too wide to compute")
        pieces.extend(_verb_pieces(arguments[used - 1], _Verb(letter, flags, *limits), listed=listed))
    if highest < len(arguments):
        raise Invalid("a format has fewer verbs than arguments")
    _literal(pieces, text[position:], form)
    return _assembled(pieces, span)


def _verb_pieces(argument: Tree, verb: _Verb, *, listed: bool) -> Iterator[Piece]:
    text = isinstance(argument, Known) and isinstance(argument.value, str)
    if verb.bare and (text or isinstance(argument, Composite | Encoded | Reference)):
        yield from pieces_of(argument)
        return
    if not decided(argument):
        yield unknown_of(argument)
        return
    value = plain(argument)
    if value is None and not listed:
        yield Unknown("format() of a null depends on its type", argument.span, argument.via)
        return
    if value is None and verb.letter != "v":
        raise Invalid("a format takes no null")
    yield Known(_spelled(verb, value), argument.span, argument.via)


def _literal(pieces: list[Piece], text: str, form: Tree) -> None:
    if text:
        pieces.append(Known(text, form.span, form.via))


def _assembled(pieces: list[Piece], span: Span) -> Tree:
    pieces = [piece for piece in pieces if not (isinstance(piece, Known) and not piece.value)]
    if not pieces:
        return Known("", span)
    if len(pieces) == 1 and isinstance(pieces[0], Known):
        return pieces[0]
    return Composite(tuple(pieces), span)


def _formatlist(calling: Calling, form: Tree, *arguments: Tree) -> Tree:
    if not decided(form):
        return unknown_of(form)
    for each in arguments:
        if isinstance(each, Unknown | Reference | InstanceTree) or gap_of(each) is not None:
            return unknown_of(each)  # it may be a list
    lengths = {len(each.items) for each in arguments if isinstance(each, List)}
    if len(lengths) > 1:
        raise Invalid("formatlist() takes lists of one length")
    rows = range(lengths.pop() if lengths else 1)
    _spend(calling, form, arguments, len(rows))
    listed = any(isinstance(each, List) for each in arguments)
    found = [
        _formatted(
            form,
            [each.items[row] if isinstance(each, List) else each for each in arguments],
            calling.span,
            listed=listed,
        )
        for row in rows
    ]
    return List(tuple(found), calling.span, element="string")


def _join(calling: Calling, separator: Tree, *collections: Tree) -> Tree:
    if not decided(separator):
        return unknown_of(separator)
    between = to_string(plain(separator))
    pieces: list[Piece] = []
    first = True
    for collection in collections:
        if not isinstance(collection, List):
            if decided(collection):
                raise Invalid("join() takes lists")
            return unknown_of(collection)
        if collection.unordered and collection.gap is not None:
            return collection.gap
        items: list[Tree] = [*collection.items, *([collection.gap] if collection.gap is not None else [])]
        for item in items:
            if not first:
                _literal(pieces, between, separator)
            first = False
            pieces.extend(pieces_of(item))
    return _assembled(pieces, calling.span)


def _cased(change: Callable[[str], str]) -> TreeFunction:
    def compute(calling: Calling, first: Tree) -> Tree:
        if not decided(first):
            if not isinstance(first, Composite):
                return unknown_of(first)
            parts = tuple(
                Known(change(part.value), part.span, part.via) if isinstance(part, Known) else part
                for part in first.parts
            )
            return Composite(parts, first.span, first.via)
        text = to_string(plain(first))
        changed = change(text)
        if changed == text and isinstance(first, Known) and isinstance(first.value, str):
            return first
        return Known(changed, calling.span, history(first))

    return TreeFunction("T", compute)


def _substr(text: str, offset: Number, length: Number) -> str:
    characters = clusters(text)
    start, count = _whole(offset), _whole(length)
    if start >= 0 and count == 0:
        return ""
    start = max(start + len(characters), 0) if start < 0 else start
    return "".join(characters[start : start + count] if count > 0 else characters[start:])


def _indent(spaces: Number, text: str) -> str:
    if _whole(spaces) < 0:
        raise Invalid("indent() takes no negative number")
    _fits(text.count("\n") * _whole(spaces))
    return text.replace("\n", "\n" + " " * _whole(spaces))


def _fits(length: int) -> None:
    """Raise NotComputed for a text of more characters than are made."""
    if length > LONGEST:
        raise NotComputed("a text is too long to compute")


def _upper(text: str) -> str:
    """Character for character, as Go does it: `ß` has no upper case of one character."""
    return text.upper() if text.isascii() else "".join(map(_one_upper, text))


def _one_upper(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 else _one_title(character)


def _one_title(character: str) -> str:
    title = character.title()
    return title if len(title) == 1 else character


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(each.lower()[0] for each in text)


def _title(text: str) -> str:
    return "".join(
        _one_title(each) if _separates(before) else each for before, each in zip(" " + text, text, strict=False)
    )


def _separates(character: str) -> bool:
    """Whether a word begins behind a character, to Go's `strings.Title`."""
    if character.isascii():
        return not character.isalnum() and character != "_"
    return character in BLANKS


def _split(separator: str, text: str) -> list[Plain]:
    return [*text.split(separator)] if separator else [*text]


def _sort(values: list[Plain]) -> list[Plain]:
    return [*sorted((to_string(value) for value in values), key=lambda text: text.encode("utf-8", "surrogatepass"))]


FUNCTIONS: dict[str, HclFunction] = {
    "upper": _cased(_upper),
    "lower": _cased(_lower),
    "title": PlainFunction("s", _title),
    "trimspace": PlainFunction("s", lambda text: text.strip(BLANKS)),
    "chomp": PlainFunction("s", lambda text: text.rstrip("\r\n")),
    "strrev": PlainFunction("s", lambda text: "".join(reversed(clusters(text)))),
    "indent": PlainFunction("ns", _indent),
    "trim": PlainFunction("ss", lambda text, cut: text.strip(cut) if cut else text),
    "trimprefix": PlainFunction("ss", lambda text, prefix: text.removeprefix(prefix)),
    "trimsuffix": PlainFunction("ss", lambda text, suffix: text.removesuffix(suffix)),
    "split": PlainFunction("ss", _split, gives=STRINGS),
    "substr": PlainFunction("snn", _substr),
    "startswith": PlainFunction("ss", lambda text, prefix: text.startswith(prefix)),
    "endswith": PlainFunction("ss", lambda text, suffix: text.endswith(suffix)),
    "strcontains": PlainFunction("ss", lambda text, inner: inner in text),
    "format": TreeFunction("TT*", _format),
    "formatlist": TreeFunction("TT*", _formatlist),
    "join": TreeFunction("TTT*", _join),
    "sort": PlainFunction("l", _sort, gives=STRINGS),
}
