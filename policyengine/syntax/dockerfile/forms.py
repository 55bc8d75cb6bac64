"""The forms that arguments of an instruction take: flags, JSON arrays, quoted words, words between spaces.

All work on a logical line and answer with ranges in it. The rules are BuildKit's.
"""

from __future__ import annotations

import json

from policyengine.patterns import regex
from policyengine.syntax.dockerfile.words import SPACES, Range

_BLANKS = regex(r"[\t\v\f\r ]+")
_SOLID = regex(r"[^\t\v\f\r ]+")
_FLAG_WORD = regex(rf"[^{SPACES}'\"\\]++")
_SPACE_SET = frozenset(SPACES)
_STRING = regex(r'[ \t\n\r]*("((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+)")[ \t\n\r]*([,\]])')
_EMPTY = regex(r"[ \t\n\r]*\]")


class NotStringsError(ValueError):
    """A JSON array that holds something else than strings."""


def split_keyword(line: str) -> tuple[str, int]:
    """The first word of a line as written, and where the next one starts."""
    match = _SOLID.match(line)
    if match is None:
        return "", len(line)
    gap = _BLANKS.match(line, match.end())
    return match[0], gap.end() if gap else len(line)


def flags(line: str, start: int) -> tuple[list[Range], int]:
    """The `--flag=value` words from `start` on with their quotes removed, and where the arguments start."""
    found: list[Range] = []
    at, end = start, len(line)
    while True:
        while at < end and line[at] in _SPACE_SET:
            at += 1
        if line[at : at + 2] != "--":
            return found, at
        begin = at
        word, at = _flag(line, at)
        if word == "--":
            while at < end and line[at] in _SPACE_SET:
                at += 1
            return found, at
        found.append(Range(word, begin, at))


def _flag(line: str, at: int) -> tuple[str, int]:
    chunks: list[str] = []
    quote = ""
    while at < len(line):
        character = line[at]
        if not quote:
            run = _FLAG_WORD.match(line, at)
            if run is not None:
                chunks.append(run[0])
                at = run.end()
                continue
            if character in _SPACE_SET:
                break
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif character == "\\":
            at += 1
            chunks.append(line[at : at + 1])
        else:
            chunks.append(character)
        at += 1
    return "".join(chunks), min(at, len(line))


def json_strings(line: str, start: int) -> list[Range] | None:
    """The strings of the JSON array that starts at `start`, or None where there is none and the shell form is meant.

    What follows the array is ignored, as BuildKit ignores it. A range is that of the string without its quotes.

    Raises:
        NotStringsError: it is an array, but not of strings.
    """
    while start < len(line) and line[start] in _SPACE_SET:
        start += 1
    if line[start : start + 1] != "[":
        return None
    if _EMPTY.match(line, start + 1):
        return []
    found: list[Range] = []
    at = start + 1
    while (match := _STRING.match(line, at)) is not None:
        raw = match[2]
        text = json.loads(match[1]) if "\\" in raw else raw
        found.append(Range(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), *match.span(2)))
        at = match.end()
        if match[3] == "]":
            return found
    if _is_array(line[start:]):
        raise NotStringsError
    return None


def _is_array(text: str) -> bool:
    decoder = json.JSONDecoder(parse_int=_no_number, parse_float=_no_number, parse_constant=_refuse)
    try:
        decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(_text: str) -> None:
    return None


def _refuse(text: str) -> None:
    raise ValueError(text)


def between_spaces(line: str, start: int, end: int) -> list[Range]:
    """The words between blanks, quotes without meaning."""
    return [Range(match[0], match.start(), match.end()) for match in _SOLID.finditer(line, start, end)]


def quoted_words(line: str, start: int, end: int, escape: str) -> list[Range]:
    """The words between spaces outside of quotes; quotes and escapes are kept."""
    plain = _WORD_RUN[escape]
    found: list[Range] = []
    at = start
    while at < end:
        if line[at] in _SPACE_SET:
            at += 1
            continue
        begin = at
        quote = ""
        while at < end:
            character = line[at]
            if not quote:
                run = plain.match(line, at, end)
                if run is not None:
                    at = run.end()
                    continue
                if character in _SPACE_SET:
                    break
                if character in "'\"":
                    quote = character
                elif character == escape:
                    at += 1
            elif character == quote:
                quote = ""
            elif character == escape and quote != "'":
                at += 1
            at += 1
        at = min(at, end)
        word = line[begin:at]
        found.append(Range(word, begin, at))
    return found


_WORD_RUN = {
    "\\": regex(rf"[^{SPACES}'\"\\]++"),
    "`": regex(rf"[^{SPACES}'\"`]++"),
}
