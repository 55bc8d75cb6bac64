"""Strings. `format` and `join` keep the parts that are not known."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from policyengine.model.source import Span
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.characters import clusters
from policyengine.platforms.terraform.language.encodings import encode
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
)
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Piece,
    Reference,
    Tree,
    decided,
    history,
    pieces_of,
    plain,
    tree_of,
    unknown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.platforms.terraform.language.numbers import Number
    from policyengine.platforms.terraform.language.plain import Plain


def _whole(value: Number) -> int:
    if isinstance(value, Fraction):
        raise Invalid("a whole number is needed")
    return value


# format

_VERB = regex(r"%(?:\[(\d+)\])?([-+# 0]*)(\d*)(?:\.(\d+))?(?:\[(\d+)\])?([a-zA-Z%])")


def _spelled(verb: str, flags: str, width: str, precision: str | None, value: Plain) -> str:
    match verb:
        case "s":
            text = to_string(value) if not isinstance(value, list | dict) else _refuse()
            text = text[: int(precision)] if precision is not None else text
        case "q":
            text = encode(to_string(value), "json")
        case "v":
            text = _default(value) if "#" not in flags else encode(value, "json")
        case "t":
            text = "true" if to_bool(value) else "false"
        case "d" | "b" | "o" | "x" | "X":
            if verb in "xX" and isinstance(value, str) and not value.lstrip("-").isdigit():
                text = value.encode().hex()
                text = text.upper() if verb == "X" else text
            else:
                number = to_number(value)
                whole = _whole(number)
                text = format(whole, "+" + verb if "+" in flags else verb)
        case "f" | "F" | "e" | "E" | "g" | "G":
            number = to_number(value)
            places = precision if precision is not None else "6"
            if verb in "fF":
                text = _fixed(number, int(places))
            elif verb in "eE":
                text = format(float(number), f".{places}{verb}")
            else:
                text = _general(number)
            text = "+" + text if "+" in flags and number >= 0 else text
        case _:
            raise Invalid(f"format() has no verb %{verb}")
    if " " in flags and verb == "d" and not text.startswith("-"):
        text = " " + text
    size = min(int(width or 0), 1000)
    if "-" in flags:
        return text.ljust(size)
    if "0" in flags and verb not in "sqvt":
        sign = text[0] if text[:1] in "+-" else ""
        return sign + text[len(sign) :].rjust(size - len(sign), "0")
    if "0" in flags:
        return text.rjust(size, "0")
    return text.rjust(size)


def _refuse() -> str:
    raise Invalid("a collection is no string")


def _fixed(number: Number, places: int) -> str:
    scaled = round(Fraction(number) * 10**places)
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _general(number: Number) -> str:
    return to_string(number)


def _default(value: Plain) -> str:
    if value is None:
        return "null"
    return encode(value, "json") if isinstance(value, list | dict) else to_string(value)


def _format(calling: Calling, form: Tree, *arguments: Tree) -> Tree:
    return _formatted(form, arguments, calling.span) if decided(form) else unknown_of(form)


def _formatted(form: Tree, arguments: Sequence[Tree], span: Span) -> Tree:
    text = to_string(plain(form))
    pieces: list[Piece] = []
    position = used = highest = 0
    for match in _VERB.finditer(text):
        if "%" in text[position : match.start()]:
            raise Invalid("a format has a '%' that begins no verb")
        _literal(pieces, text[position : match.start()], form)
        position = match.end()
        index, flags, width, precision, late, verb = match.groups()
        if verb == "%":
            _literal(pieces, "%", form)
            continue
        chosen = index or late
        used = int(chosen) if chosen else used + 1
        highest = max(highest, used)
        if not 1 <= used <= len(arguments):
            raise Invalid("a format has more verbs than arguments")
        pieces.extend(_verb_pieces(arguments[used - 1], verb, flags=flags, width=width, precision=precision))
    rest = text[position:]
    if "%" in rest:
        raise Invalid("a format has a '%' that begins no verb")
    if highest < len(arguments):
        raise Invalid("a format has fewer verbs than arguments")
    _literal(pieces, rest, form)
    return _assembled(pieces, span)


def _verb_pieces(argument: Tree, verb: str, *, flags: str, width: str, precision: str | None) -> Iterator[Piece]:
    bare = verb in "svd" and not flags and not width and precision is None
    text = isinstance(argument, Known) and isinstance(argument.value, str) and verb != "d"
    if bare and (text or isinstance(argument, Composite | Encoded | Reference)):
        yield from pieces_of(argument)
        return
    if not decided(argument):
        yield unknown_of(argument)
        return
    value = plain(argument)
    if value is None and verb != "v":
        raise Invalid("format() takes no null")
    yield Known(_spelled(verb, flags, width, precision, value), argument.span, argument.via)


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


def _formatlist(form: str, *arguments: Plain) -> list[Plain]:
    lengths = {len(each) for each in arguments if isinstance(each, list)}
    if len(lengths) > 1:
        raise Invalid("formatlist() takes lists of one length")
    count = lengths.pop() if lengths else 1
    nowhere = Span("", 0, 0)
    found: list[Plain] = []
    for index in range(count):
        row = [tree_of(each[index] if isinstance(each, list) else each, nowhere) for each in arguments]
        found.append(plain(_formatted(Known(form, nowhere), row, nowhere)))
    return found


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
    if start < 0:
        start = max(len(characters) + start, 0) if -start <= len(characters) else 0
    end = len(characters) if count < 0 else start + count
    return "".join(characters[start:end])


def _indent(spaces: Number, text: str) -> str:
    if _whole(spaces) < 0:
        raise Invalid("indent() takes no negative number")
    return text.replace("\n", "\n" + " " * min(_whole(spaces), 1000))


def _upper(text: str) -> str:
    """Character for character, as Go does it: `ß` has no upper case of one character."""
    return "".join(each if len(each.upper()) > 1 else each.upper() for each in text)


def _lower(text: str) -> str:
    return "".join(each if len(each.lower()) > 1 else each.lower() for each in text)


def _title(text: str) -> str:
    return re.sub(r"(?<!\w)\w", lambda match: _upper(match[0]), text)


def _split(separator: str, text: str) -> list[Plain]:
    if not text:
        return [] if not separator else [""]
    return [*text.split(separator)] if separator else [*clusters(text)]


def _sort(values: list[Plain]) -> list[Plain]:
    return [*sorted((to_string(value) for value in values), key=lambda text: text.encode("utf-8", "surrogatepass"))]


FUNCTIONS: dict[str, HclFunction] = {
    "upper": _cased(_upper),
    "lower": _cased(_lower),
    "title": PlainFunction("s", _title),
    "trimspace": PlainFunction("s", str.strip),
    "chomp": PlainFunction("s", lambda text: text.rstrip("\r\n")),
    "strrev": PlainFunction("s", lambda text: "".join(reversed(clusters(text)))),
    "indent": PlainFunction("ns", _indent),
    "trim": PlainFunction("ss", lambda text, cut: text.strip(cut) if cut else text),
    "trimprefix": PlainFunction("ss", lambda text, prefix: text.removeprefix(prefix)),
    "trimsuffix": PlainFunction("ss", lambda text, suffix: text.removesuffix(suffix)),
    "split": PlainFunction("ss", _split),
    "substr": PlainFunction("snn", _substr),
    "startswith": PlainFunction("ss", lambda text, prefix: text.startswith(prefix)),
    "endswith": PlainFunction("ss", lambda text, suffix: text.endswith(suffix)),
    "strcontains": PlainFunction("ss", lambda text, inner: inner in text),
    "format": TreeFunction("TT*", _format),
    "formatlist": PlainFunction("sa*", _formatlist),
    "join": TreeFunction("TTT*", _join),
    "sort": PlainFunction("l", _sort),
}
