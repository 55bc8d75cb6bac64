"""Regular expressions, by RE2, whose syntax and meaning Terraform's own (of Go's package regexp) share.

Sources: https://github.com/google/re2/wiki/Syntax; Go's package regexp ("FindAll", "Expand"), read on 2026-11-28.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.platforms.terraform.language.functions.calling import HclFunction, PlainFunction
from policyengine.platforms.terraform.language.kinds import ANY_LIST
from policyengine.platforms.terraform.language.numbers import LONGEST, NotComputed
from policyengine.platforms.terraform.language.plain import Invalid

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from re2 import _Match, _Regexp

    from policyengine.platforms.terraform.language.plain import Plain

_NAMED = regex(r"(?<!\\)\(\?P?<(\w+)>")
_MOST = 20_000
"""Matches in one text."""

_ANY_BYTE = regex(r"(?s)(?:[^\\]|\\[^CQ]|\\Q.*?(?:\\E|\Z))*?\\C")
"""What Go refuses and RE2 takes."""


def _compiled(pattern: str) -> _Regexp[bytes]:
    """A pattern. Raises Invalid, and NotComputed for one that would take RE2 more than its usual 8 MiB."""
    import re2  # noqa: PLC0415 - only where a pattern is used

    if _ANY_BYTE.match(pattern):
        raise Invalid("a regular expression is not valid")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(_bytes(pattern), options)
    except re2.error as error:
        if b"too large" in error.args[0]:
            raise NotComputed("a regular expression is too large to compile") from None
        raise Invalid("a regular expression is not valid") from None


def _names(pattern: _Regexp[bytes], written: str) -> list[str]:
    """The names of all groups in order, none where they have none; the last of equal names counts. Raises Invalid."""
    if not pattern.groupindex:
        return []
    names = _NAMED.findall(written)
    if len(names) < pattern.groups:
        raise Invalid("a regular expression mixes groups with and without names")
    return names


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode("utf-8", "replace")


def _matches(pattern: _Regexp[bytes], text: bytes) -> Iterator[_Match[bytes]]:
    """Every match from left to right; an empty one that abuts the match before it does not count."""
    at, last = 0, -1
    for _ in range(_MOST):
        if at > len(text):
            return
        match = pattern.search(text, at)
        if match is None:
            return
        start, end = match.span()
        if start < end:
            yield match
            at = last = end
            continue
        if start != last:
            yield match
            last = end
        at = end + 1
        while at < len(text) and text[at] & 0xC0 == 0x80:  # within a character
            at += 1
    raise NotComputed("a regular expression matches too often to compute")


def _captured(match: _Match[bytes], names: list[str]) -> Plain:
    """What a match holds: the text, or the groups by their names or in order."""
    groups: list[Plain] = [_text(each) for each in match.groups()]
    if names:
        return dict(zip(names, groups, strict=False))
    return groups or _text(match[0])


def _regex(pattern: str, text: str) -> Plain:
    compiled = _compiled(pattern)
    names = _names(compiled, pattern)
    match = compiled.search(_bytes(text))
    if match is None:
        raise Invalid("a pattern is not found")
    return _captured(match, names)


def _regexall(pattern: str, text: str) -> Plain:
    compiled = _compiled(pattern)
    names = _names(compiled, pattern)
    return [_captured(match, names) for match in _matches(compiled, _bytes(text))]


_DOLLAR = regex(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_NUMBER = regex(r"(?:0|[1-9][0-9]*)\Z")


def _replace(text: str, search: str, replacement: str) -> str:
    """`replace`: the literal text, or, between slashes, a pattern whose groups the replacement may name."""
    if len(search) < 2 or not (search.startswith("/") and search.endswith("/")):
        _fits(len(text) + text.count(search) * len(replacement))
        return text.replace(search, replacement)
    data = _bytes(text)
    made: list[str] = []
    at = length = 0
    for match in _matches(_compiled(search[1:-1]), data):
        made.append(_text(data[at : match.start()]) or "")
        made.append(_DOLLAR.sub(lambda name, match=match: _group(match, name), replacement))  # type: ignore[misc]
        at = match.end()
        length += len(made[-1]) + len(made[-2]) + len(replacement)
        _fits(length)
    made.append(_text(data[at:]) or "")
    return "".join(made)


def _fits(length: int) -> None:
    if length > LONGEST:
        raise NotComputed("a text is too long to compute")


def _group(match: _Match[bytes], name: re.Match[str]) -> str:
    """What a replacement's `$1`, `${name}` or `$$` stands for."""
    if name[1]:
        return "$"
    key = name[2] or name[3]
    number = int(key) if _NUMBER.match(key) else match.re.groupindex.get(key.encode(), -1)
    return (_text(match[number]) or "") if 0 <= number <= match.re.groups else ""


FUNCTIONS: dict[str, HclFunction] = {
    "regex": PlainFunction("ss", _regex),
    "regexall": PlainFunction("ss", _regexall, gives=ANY_LIST),
    "replace": PlainFunction("sss", _replace),
}
