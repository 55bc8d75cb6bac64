"""Read JSON into the located document tree, with the exact place of every value.

One regular expression takes a whole `"key": value,` at a time and an explicit stack takes the nesting, so reading is
linear in the length of the file and no document overflows the interpreter's stack.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, cast

from policyengine.model.source import ReadError, Source, Span
from policyengine.patterns import regex
from policyengine.syntax.tree import Document, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable

DEEPEST = 128
"""Levels of nesting a document may have."""

_BLANK = r"[ \t\n\r]*"
_STRING = r'"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"'
_LITERAL = r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)"
_VALUE = rf"(?:{_STRING}|{_LITERAL}|([\[{{]))"
_MEMBER = regex(rf"{_BLANK}{_STRING}{_BLANK}:{_BLANK}{_VALUE}{_BLANK}([,}}]?)")
_ITEM = regex(rf"{_BLANK}{_VALUE}{_BLANK}([,\]]?)")
_CLOSE = regex(rf"{_BLANK}([\]}}])")
_NEXT = regex(rf"{_BLANK}([,\]}}])")
_REST = regex(_BLANK)
_SURROGATE = regex("[\ud800-\udfff]")


def read(source: Source, *, unique: bool = False) -> Document:
    """The document of a file. Of a key that is repeated the last value counts, as JavaScript and Go have it.

    Raises:
        ReadError: the file is not valid JSON, is nested deeper than `DEEPEST`, or, with `unique`, repeats a key.
    """
    text, path = source.text, source.path
    if _CLOSE.match(text) or not text.strip(" \t\n\r"):
        _refuse(path, text, 0, "a value")
    new = tuple.__new__
    member, item = _MEMBER.match, _ITEM.match
    stack: list[tuple[list[Document], list[Scalar] | None, int]] = []
    values: list[Document] = []
    keys: list[Scalar] | None = None
    at = 0
    first = False

    while True:
        match = item(text, at) if keys is None else member(text, at)
        closed = ""
        if match is None:
            close = _CLOSE.match(text, at)
            if close is None or not first or close[1] != ("]" if keys is None else "}"):
                _refuse(path, text, at, "a value" if keys is None else 'a member `"key": value`')
            at, closed = close.end(), close[1]
        else:
            if keys is None:
                string, literal, opener, separator = 1, 2, 3, 4
            else:
                start, end = match.span(1)
                keys.append(_string(text, path, start, end))
                string, literal, opener, separator = 2, 3, 4, 5
            start, end = match.span(string)
            if start >= 0:
                values.append(_string(text, path, start, end))
            elif match.start(literal) >= 0:
                start, end = match.span(literal)
                values.append(new(Scalar, (text[start:end], new(Span, (path, start, end)), True, "", ())))
            else:
                at = match.end(opener)
                if len(stack) >= DEEPEST:
                    message = f"the document is nested deeper than {DEEPEST} levels"
                    raise ReadError(message, Span(path, at - 1, at), "flatten it")
                stack.append((values, keys, at - 1))
                values, keys, first = [], None if text[at - 1] == "[" else [], True
                continue
            if not stack:
                return _whole(values, text, path, match.start(separator))
            at, closed = match.end(), match[separator]
            if closed == ",":
                first = False
                continue
        # Here a value or an empty collection is complete: close every collection that ends now.
        while stack:
            if closed == ",":
                first = False
                break
            if closed != ("]" if keys is None else "}"):
                _refuse(path, text, at, "a comma or the end of the collection")
            outer, outer_keys, begin = stack.pop()
            outer.append(_collection(values, keys, Span(path, begin, at), unique=unique))
            values, keys = outer, outer_keys
            if stack:
                follow = _NEXT.match(text, at)
                if follow is None:
                    _refuse(path, text, at, "a comma or the end of the collection")
                at, closed = follow.end(), follow[1]
        else:
            return _whole(values, text, path, at)


def _whole(values: list[Document], text: str, path: str, at: int) -> Document:
    """The one value of the document, when nothing follows it."""
    rest = _REST.match(text, at)
    if rest is not None and rest.end() < len(text):
        _refuse(path, text, at, "the end of the file")
    return values[0]


def _string(text: str, path: str, start: int, end: int) -> Scalar:
    """A string whose content stands at `start:end`."""
    content = text[start:end]
    if "\\" in content:
        try:
            content = cast("str", json.loads(f'"{content}"'))
        except ValueError as error:
            raise ReadError("the string has an escape that JSON does not know", Span(path, start, end)) from error
        if _SURROGATE.search(content):
            content = content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if start == end:
        start, end = start - 1, end + 1
    return tuple.__new__(Scalar, (content, tuple.__new__(Span, (path, start, end)), False, "", ()))


def _collection(values: list[Document], keys: list[Scalar] | None, span: Span, *, unique: bool) -> Document:
    """A list, or a mapping of different keys."""
    if keys is None:
        return Sequence(tuple(values), span)
    if len({key.text for key in keys}) < len(keys):
        if unique:
            _refuse_duplicate(keys)
        last = {key.text: Entry(key, value) for key, value in zip(keys, values, strict=True)}
        return Mapping(tuple(last.values()), span)
    return Mapping(tuple(map(Entry, keys, values)), span)


def _refuse_duplicate(keys: Iterable[Scalar]) -> NoReturn:
    seen: set[str] = set()
    for key in keys:
        if key.text in seen:
            raise ReadError(f"the object has the key {key.text!r} twice", key.span, "remove one of them")
        seen.add(key.text)
    raise AssertionError


def _refuse(path: str, text: str, at: int, wanted: str) -> NoReturn:
    rest = _REST.match(text, at)
    at = rest.end() if rest is not None else at
    raise ReadError(f"not valid JSON: {wanted} is expected here", Span(path, at, min(at + 1, len(text))))
