"""Read env files: one offset-keeping scanner, four dialects, chosen by who reads the file.

Docker Compose, npm `dotenv`, PyPI `python-dotenv` and `docker run --env-file` disagree on comments, quotes, escapes
and expansion. `read` gives the assignments in order, before expansion (see `env_expansion`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable


class Dialect(StrEnum):
    """Who reads the file."""

    COMPOSE = "compose"  # Docker Compose: `env_file`, `.env`
    NODE = "node"  # npm dotenv
    PYTHON = "python"  # PyPI python-dotenv
    DOCKER = "docker"  # docker run --env-file; Compose `env_file` with `format: raw`


class Expands(StrEnum):
    """Which variables a value expands."""

    NOTHING = "nothing"
    COMPOSE = "compose"  # `$A`, `${A}` and all operators
    PYTHON = "python"  # `${A}` and `${A:-b}` only


class EnvEntry(NamedTuple):
    """One `KEY=value`. `value` has its escapes resolved and nothing expanded; it is None for a bare `KEY`."""

    key: str
    key_span: Span
    value: Text | None
    expands: Expands


_SPACE = "\t\v\f\r \x85\xa0"
_EXPORT = regex(r"export\s+")
_KEY = regex(r"([^\W]|[\t\v\f\r \x85\xa0_.\-\[\]])*")
_ESCAPE = regex(r"\\(?:[abcfnrtv$\"\\]|0[0-9]{0,3})")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_BLANK_IN_NAME = "a blank stands in the name of a variable"
_ENDS = regex(r"[^\S\n]*(?:#|\n|\Z)")
_BREAK = regex(r"\r\n|\r|\n")


def read(
    source: Source, dialect: Dialect = Dialect.COMPOSE, lost: list[ReadError] | None = None
) -> tuple[EnvEntry, ...]:
    """The assignments of a file, in order, repeated keys included.

    Docker refuses a file for one wrong line. `lost` takes what is wrong with such lines instead: of one that has a name
    the value is undecided, any other is left out, and the rest of the file counts.

    Raises:
        ReadError: the reader of that dialect refuses the whole file, and `lost` is not given.
    """
    match dialect:
        case Dialect.COMPOSE:
            return tuple(_compose(source, lost))
        case Dialect.DOCKER:
            return tuple(_docker(source, lost))
        case Dialect.NODE:
            return tuple(_node(source))
        case Dialect.PYTHON:
            return tuple(_python(source))


def _compose(source: Source, lost: list[ReadError] | None) -> Iterable[EnvEntry]:
    """Docker Compose's dialect."""
    text = source.text
    size = len(text)
    at = 0
    while True:
        at = _skip_blank(text, at)
        if at >= size:
            return
        if text[at] == "#":
            at = _line_end(text, at)
            continue
        try:
            found, at = _statement(source, at, lost)
        except ReadError as error:
            if lost is None:
                raise
            lost.append(error)
            at = _line_end(text, at)
            continue
        yield found


def _statement(source: Source, at: int, lost: list[ReadError] | None) -> tuple[EnvEntry, int]:
    """The statement of Compose's dialect that starts at `at`, and where it ends."""
    text, path = source.text, source.path
    size = len(text)
    statement = at
    export = _EXPORT.match(text, at)
    if export is not None:
        at += len("export")
        while at < size and text[at] in _SPACE:
            at += 1
    start = at
    if at >= size:
        raise ReadError("'export' names no variable", Span(path, statement, at), "write export KEY=value")
    end = _KEY.match(text, at)
    at = end.end() if end is not None else at
    if at < size and text[at] not in "=:\n":
        message = f"unexpected character {text[at]!r} in a variable name"
        raise ReadError(message, Span(path, at, at + 1), "write KEY=value")
    bare = at < size and text[at] == "\n"
    if at < size:
        key_end = at
        at += 1
    else:  # the name runs to the end of the file: Compose takes it for the value of a variable without a name
        key_end = at = start
    while key_end > start and text[key_end - 1].isspace():
        key_end -= 1
    key = text[start:key_end]
    if " " in key:
        raise ReadError(_BLANK_IN_NAME, Span(path, start, key_end), "write KEY=value")
    while at < size and text[at] in _SPACE:
        at += 1
    span = Span(path, start, key_end) if start < key_end else Span(path, statement, start)
    if bare:
        return EnvEntry(key, span, None, Expands.NOTHING), at
    if at < size and text[at] in "\"'":
        try:
            value, close, expands = _quoted(source, at)
            if lost is not None and "\n" in text[at:close] and _ENDS.match(text, close) is None:
                raise _unclosed(source, at)  # the quote that closes it opens the value of another line
        except ReadError as error:
            if lost is None:
                raise
            lost.append(error)
            return EnvEntry(key, span, undecided(error), Expands.NOTHING), _line_end(text, at)
        return EnvEntry(key, span, value, expands), close
    stop = _line_end(text, at)
    comment = text.find(" #", at, stop)
    last = stop if comment < 0 else comment
    while last > at and text[last - 1].isspace():
        last -= 1
    return EnvEntry(key, span, Text.standing(text[at:last], path, at), Expands.COMPOSE), min(stop + 1, size)


def undecided(error: ReadError) -> Text:
    """The value of a variable that a malformed line sets."""
    return Text.undecided("…", Unknown(f"a malformed line: {error.message}", error.span))


def _line_end(text: str, at: int) -> int:
    newline = text.find("\n", at)
    return len(text) if newline < 0 else newline


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace() and text[at] not in "\x1c\x1d\x1e\x1f":
        at += 1
    return at


def _quoted(source: Source, at: int) -> tuple[Text, int, Expands]:
    """A quoted value of Compose's dialect that starts at `at`, and where it ends."""
    text, path = source.text, source.path
    quote = text[at]
    start = at + 1
    parts: list[tuple[int, int]] = []  # ranges of the source that make up the value: all but the escaping backslashes
    run = start
    end = start
    while True:
        close = text.find(quote, end)
        if close < 0:
            raise _unclosed(source, at)
        slashes = 0
        while close - slashes > start and text[close - slashes - 1] == "\\":
            slashes += 1
        if slashes % 2 == 0:
            break
        parts.append((run, close - 1))
        run = close
        end = close + 1
    parts.append((run, close))
    kept = [Text.standing(text[left:right], path, left) for left, right in parts if left < right]
    if not kept:
        return Text.at("", Span(path, at, close + 1)), close + 1, Expands.NOTHING
    value = Text.join(kept)
    if quote == "'":
        return value, close + 1, Expands.NOTHING
    return value.replaced(_ESCAPE, _meaning), close + 1, Expands.COMPOSE


def _unclosed(source: Source, at: int) -> ReadError:
    message = f"the value has no closing {source.text[at]}"
    return ReadError(message, source.span(at, at + 1), "close the quotes on the line the value ends")


def _meaning(escape: str) -> str:
    r"""What an escape of a double-quoted value means; `\$` becomes `$$`, which expansion turns into a dollar."""
    if escape == "\\$":
        return "$$"
    if escape[1] == "0":  # Go's octal escape takes exactly three digits after the zero
        octal = re.fullmatch(r"[0-3][0-7]{2}", escape[2:])
        return chr(int(octal[0], 8)) if octal else escape
    return _ESCAPED.get(escape[1], escape)


# JavaScript's `\s`: with U+FEFF, without Python's U+001C to U+001F and U+0085.
_JS_SPACE = "[\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_NODE_KEY = regex(
    rf"{_JS_SPACE}*(?:export{_JS_SPACE}+)?([A-Za-z0-9_.-]+)(?:{_JS_SPACE}*=|:(?:\r\n|{_JS_SPACE}))", re.ASCII
)
_NODE_BLANK = regex(f"{_JS_SPACE}*")
_NODE_QUOTED = {quote: regex(rf"{quote}(?:\\{quote}|[^{quote}])*{quote}", re.DOTALL) for quote in ("'", '"', "`")}
_NODE_ESCAPE = regex(r"\\[nr]|\r\n|\r")
_NODE_REST = regex(r"[^\S\r\n]*(?:#[^\r\n\u2028\u2029]*)?(?=[\r\n\u2028\u2029]|\Z)")
_LINE_BREAKS = "\r\n\u2028\u2029"


def _node(source: Source) -> Iterable[EnvEntry]:
    """The dialect of npm's dotenv: every line that looks like an assignment counts, the others do not."""
    text, path = source.text, source.path
    size = len(text)
    at = 0
    while at <= size:
        found = _NODE_KEY.match(text, at)
        if found is None:
            at = _next_line(text, at)
            continue
        value = _node_value(text, found.end())
        if value is None:
            at = _next_line(text, at)
            continue
        start, stop, end = value
        key = Span(path, *found.span(1))
        while start < stop and _NODE_BLANK.fullmatch(text, start, start + 1):
            start += 1
        while stop > start and _NODE_BLANK.fullmatch(text, stop - 1, stop):
            stop -= 1
        yield EnvEntry(found[1], key, _node_text(text[start:stop], Span(path, start, stop)), Expands.NOTHING)
        at = end if end > at else _next_line(text, at)


def _node_value(text: str, at: int) -> tuple[int, int, int] | None:
    """Where the value after a key stands, and where the assignment ends; None when what follows is no value."""
    blank = _NODE_BLANK.match(text, at)
    start = blank.end() if blank is not None else at
    if start < len(text) and text[start] in _NODE_QUOTED:
        quoted = _NODE_QUOTED[text[start]].match(text, start)
        rest = _NODE_REST.match(text, quoted.end()) if quoted is not None else None
        if quoted is not None and rest is not None:
            return start, quoted.end(), rest.end()
    if start < len(text) and text[start] != "#" and _same_line(text, at, start):
        stop = start
        while stop < len(text) and text[stop] not in "#\r\n":
            stop += 1
        rest = _NODE_REST.match(text, stop)
        if rest is not None:
            return start, stop, rest.end()
    rest = _NODE_REST.match(text, at)
    return None if rest is None else (at, at, rest.end())


def _same_line(text: str, start: int, end: int) -> bool:
    return not any(each in text[start:end] for each in "\r\n")


def _node_text(text: str, span: Span) -> Text:
    r"""The value without its quotes; only in double quotes are `\n` and `\r` resolved."""
    if len(text) >= 2 and text[0] in "'\"`" and text[-1] == text[0]:
        inner = Text.standing(text[1:-1], span.path, span.start + 1)
        return _node_escapes(inner, text[0]) if inner.written else Text.at("", span)
    return _node_escapes(Text.at(text, span), text[:1])


def _node_escapes(value: Text, quote: str) -> Text:
    r"""Line ends become line feeds everywhere, `\n` and `\r` are escapes after a double quote."""
    pattern = _NODE_ESCAPE if quote == '"' else _BREAK
    return value.replaced(pattern, lambda found: "\r" if found == "\\r" else "\n")


def _next_line(text: str, at: int) -> int:
    while at < len(text) and text[at] not in _LINE_BREAKS:
        at += 1
    return at + 1


_PY_BLANK = regex(r"\s*", re.MULTILINE)
_PY_EXPORT = regex(r"(?:export[^\S\r\n]+)?")
_PY_KEY = regex(r"'([^']+)'|([^=\#\s]+)")
_PY_SPACE = regex(r"[^\S\r\n]*")
_PY_SINGLE = regex(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL)
_PY_DOUBLE = regex(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_PY_LINE = regex(r"[^\r\n]*")
_PY_COMMENT = regex(r"\s+#.*")
_PY_END = regex(r"[^\S\r\n]*(?:#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|\Z)")
_PY_REST = regex(r"[^\r\n]*(?:\r\n|\n|\r)?")
_PY_ESCAPE = regex(r"\\[\\'\"abfnrtv]")
_PY_SINGLE_ESCAPE = regex(r"\\[\\']")


def _python(source: Source) -> Iterable[EnvEntry]:
    """The dialect of python-dotenv: a statement that it cannot read is left out with the rest of its line."""
    text, path = source.text, source.path
    at = 0
    while True:
        at = _end(_PY_BLANK, text, at)
        if at >= len(text):
            return
        found, at = _python_statement(text, path, at)
        if found is not None:
            yield found


def _python_statement(text: str, path: str, start: int) -> tuple[EnvEntry | None, int]:
    """One statement at `start`, or None, and where the next begins."""
    at = _end(_PY_EXPORT, text, start)
    key = None
    span = Span(path, at, at)
    if not text.startswith("#", at):
        match = _PY_KEY.match(text, at)
        if match is None or (text[at] == "'" and match[1] is None):
            return None, _end(_PY_REST, text, at)
        group = 1 if match[1] is not None else 2
        key, span, at = match[group], Span(path, *match.span(group)), match.end()
    at = _end(_PY_SPACE, text, at)
    value: Text | None = None
    if text.startswith("=", at):
        blank = _end(_PY_SPACE, text, at + 1)
        commented = blank > at + 1 and text.startswith("#", blank)
        at = blank
        first = "" if commented else text[at : at + 1]
        if first in ("'", '"') and first:
            quoted = (_PY_SINGLE if first == "'" else _PY_DOUBLE).match(text, at)
            if quoted is None:
                return None, _end(_PY_REST, text, at)
            inner = Text.at(quoted[1], Span(path, *(quoted.span(1) if quoted[1] else quoted.span())))
            value = _python_unescaped(inner, first)
            at = quoted.end()
        elif first not in ("", "\n", "\r"):
            line = _end(_PY_LINE, text, at)
            part = _PY_COMMENT.sub("", text[at:line]).rstrip()
            value = Text.at(part, Span(path, at, at + len(part)))
            at = line
        else:
            value = Text.at("", Span(path, at, at))
    end = _PY_END.match(text, at)
    if end is None:
        return None, _end(_PY_REST, text, at)
    if key is None:
        return None, end.end()
    return EnvEntry(key, span, value, Expands.PYTHON), end.end()


def _python_unescaped(value: Text, quote: str) -> Text:
    pattern = _PY_ESCAPE if quote == '"' else _PY_SINGLE_ESCAPE
    return value.replaced(pattern, lambda found: {**_ESCAPED, "'": "'"}[found[1]])


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match is not None else at


def _docker(source: Source, lost: list[ReadError] | None) -> Iterable[EnvEntry]:
    """The dialect of `docker run --env-file`: nothing is quoted, escaped or expanded."""
    text, at = source.text, 0
    for line in text.split("\n"):
        start, end = at + len(line) - len(line.lstrip(" \t")), at + len(line.removesuffix("\r"))
        at += len(line) + 1
        if start >= end or text[start] == "#":
            continue
        key, equals, value = text[start:end].partition("=")
        span = source.span(start, start + len(key))
        wrong = None
        if not key:
            wrong = ReadError("the line names no variable", source.span(start, end), "write KEY=value")
        elif any(each in key for each in " \t\n\r\v\f"):
            wrong = ReadError(_BLANK_IN_NAME, span, "write KEY=value")
        if wrong is None:
            given = Text.at(value, source.span(start + len(key) + 1, end)) if equals else None
            yield EnvEntry(key, span, given, Expands.NOTHING)
        elif lost is None:
            raise wrong
        else:
            lost.append(wrong)
