"""Strings. `format` and `join` keep the parts that are not known."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.functions.calling import Calling, Handler, PlainFunction, TreeFunction
from policyengine.platforms.terraform.language.functions.encoding import encode
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    Invalid,
    List,
    Reference,
    Tree,
    Undecided,
    decided,
    history,
    plain,
    to_bool,
    to_number,
    to_string,
    tree_of,
    unknown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.platforms.terraform.language.numbers import Number
    from policyengine.platforms.terraform.language.values import Plain

_Piece = Known[str] | Unknown | Reference | Encoded


def _whole(value: Number) -> int:
    if isinstance(value, Fraction):
        raise Invalid("a whole number is needed")
    return value


# regular expressions

_GROUP_REPEATED = regex(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{\d)(?:[^()\\]|\\.)*\)(?:[+*]|\{\d)")
_UNBOUNDED = regex(r"(?<!\\)[+*]")
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "punct": r"!-/:-@\[-`{-~", "word": r"\w", "xdigit": "0-9A-Fa-f", "blank": " \t", "cntrl": r"\x00-\x1f\x7f",
}  # fmt: skip


def _compiled(pattern: str, subject: str) -> re.Pattern[str]:
    """A regular expression of RE2 as one of Python. Raises Undecided for what could take too long."""
    heavy = _GROUP_REPEATED.search(pattern) is not None
    loops = len(_UNBOUNDED.findall(pattern))
    limit = 24 if heavy else 20_000 if loops <= 3 else 2_000 if loops <= 5 else 200
    if len(pattern) > 2_000 or (len(subject) > limit and not (heavy and len(subject) <= 200 and loops <= 3)):
        from policyengine.model.source import Span  # noqa: PLC0415 - rare

        raise Undecided(Unknown("a regular expression is too complex to try", Span("", 0, 0)))
    translated = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match[0]), pattern)
    translated = translated.replace(r"\z", r"\Z").replace(r"\pL", r"a-zA-Z").replace(r"\p{L}", "a-zA-Z")
    flags = 0
    leading = re.match(r"\(\?([imsU]+)\)", translated)
    if leading:
        translated = translated[leading.end() :]
        for letter, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)):
            if letter in leading[1]:
                flags |= flag
    try:
        return re.compile(translated, flags | re.ASCII)
    except (re.error, OverflowError, RecursionError):
        raise Invalid("a regular expression is not valid") from None


def _found(match: re.Match[str]) -> Plain:
    if match.re.groupindex:
        if match.re.groups > len(match.re.groupindex):
            raise Invalid("a regular expression mixes groups with and without names")
        return {name: match[name] for name in match.re.groupindex}
    return list(match.groups()) if match.re.groups else match[0]


def _regex(pattern: str, text: str) -> Plain:
    match = _compiled(pattern, text).search(text)
    if match is None:
        raise Invalid("a pattern is not found")
    return _found(match)


def _regexall(pattern: str, text: str) -> Plain:
    return [_found(match) for match in _compiled(pattern, text).finditer(text)]


_DOLLAR = regex(r"\$(?:(\$)|(\d+)|([A-Za-z]\w*)|\{(\w+)\})")


def _replace(text: str, search: str, replacement: str) -> str:
    if len(search) > 1 and search.startswith("/") and search.endswith("/"):

        def expand(match: re.Match[str]) -> str:
            def group(name: re.Match[str]) -> str:
                if name[1]:
                    return "$"
                key = name[2] or name[3] or name[4]
                try:
                    return match[int(key) if key.isdigit() else key] or ""
                except (IndexError, re.error):
                    return ""

            return _DOLLAR.sub(group, replacement)

        return _compiled(search[1:-1], text).sub(expand, text)
    return text.replace(search, replacement)


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


def _format(arguments: list[Tree], calling: Calling) -> Tree:
    form = arguments[0]
    text = to_string(plain(form))
    pieces: list[_Piece] = []
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
        if not 1 <= used < len(arguments):
            raise Invalid("a format has more verbs than arguments")
        pieces.extend(_verb_pieces(arguments[used], verb, flags=flags, width=width, precision=precision))
    rest = text[position:]
    if "%" in rest:
        raise Invalid("a format has a '%' that begins no verb")
    if highest < len(arguments) - 1:
        raise Invalid("a format has fewer verbs than arguments")
    _literal(pieces, rest, form)
    return _assembled(pieces, calling)


def _verb_pieces(argument: Tree, verb: str, *, flags: str, width: str, precision: str | None) -> Iterator[_Piece]:
    from policyengine.platforms.terraform.language.expressions import pieces_of  # noqa: PLC0415 - evaluation calls functions

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


def _literal(pieces: list[_Piece], text: str, form: Tree) -> None:
    if text:
        pieces.append(Known(text, form.span, form.via))


def _assembled(pieces: list[_Piece], calling: Calling) -> Tree:
    pieces = [piece for piece in pieces if not (isinstance(piece, Known) and not piece.value)]
    if not pieces:
        return Known("", calling.span)
    if len(pieces) == 1 and isinstance(pieces[0], Known):
        return pieces[0]
    return Composite(tuple(pieces), calling.span)


def _formatlist(form: str, *arguments: Plain) -> list[Plain]:
    lengths = {len(each) for each in arguments if isinstance(each, list)}
    if len(lengths) > 1:
        raise Invalid("formatlist() takes lists of one length")
    count = lengths.pop() if lengths else 1
    from policyengine.model.source import Span  # noqa: PLC0415 - rare

    nowhere = Span("", 0, 0)
    found: list[Plain] = []
    for index in range(count):
        row: list[Tree] = [Known(form, nowhere)]
        row += [tree_of(each[index] if isinstance(each, list) else each, nowhere) for each in arguments]
        found.append(plain(_format(row, Calling("formatlist", nowhere, None))))  # type: ignore[arg-type]
    return found


def _join(arguments: list[Tree], calling: Calling) -> Tree:
    from policyengine.platforms.terraform.language.expressions import pieces_of  # noqa: PLC0415 - evaluation calls functions

    separator = to_string(plain(arguments[0]))
    pieces: list[_Piece] = []
    first = True
    for collection in arguments[1:]:
        if not isinstance(collection, List):
            if decided(collection):
                raise Invalid("join() takes lists")
            raise Undecided(unknown_of(collection))
        if collection.unordered and collection.gap is not None:
            raise Undecided(collection.gap)
        items: list[Tree] = [*collection.items, *([collection.gap] if collection.gap is not None else [])]
        for item in items:
            if not first:
                _literal(pieces, separator, arguments[0])
            first = False
            pieces.extend(pieces_of(item))
    return _assembled(pieces, calling)


def _cased(change: Callable[[str], str]) -> TreeFunction:
    def compute(arguments: list[Tree], calling: Calling) -> Tree:
        first = arguments[0]
        if isinstance(first, Composite) and not decided(first):
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

    return TreeFunction(compute, 1, 1)


# characters


def clusters(text: str) -> list[str]:
    """The text as Terraform counts characters: a base character with its combining marks."""
    if text.isascii():
        return list(text) if "\r\n" not in text else re.findall(r"\r\n|[\s\S]", text)
    found: list[str] = []
    for character in text:
        joined = found and (
            unicodedata.combining(character)
            or character in "\u200d\ufe0f"
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or found[-1].endswith("\u200d")
        )
        if joined:
            found[-1] += character
        else:
            found.append(character)
    return found


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


FUNCTIONS: dict[str, Handler] = {
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
    "replace": PlainFunction("sss", _replace),
    "regex": PlainFunction("ss", _regex),
    "regexall": PlainFunction("ss", _regexall),
    "split": PlainFunction("ss", _split),
    "substr": PlainFunction("snn", _substr),
    "startswith": PlainFunction("ss", lambda text, prefix: text.startswith(prefix)),
    "endswith": PlainFunction("ss", lambda text, suffix: text.endswith(suffix)),
    "strcontains": PlainFunction("ss", lambda text, inner: inner in text),
    "format": TreeFunction(_format, 1),
    "formatlist": PlainFunction("sa*", _formatlist),
    "join": TreeFunction(_join, 2),
    "sort": PlainFunction("l", _sort),
}
