"""Read env files: one offset-keeping scanner, four dialects, chosen by who reads the file.

Docker Compose, npm `dotenv`, PyPI `python-dotenv` and `docker run --env-file` disagree on comments, quotes, escapes
and expansion. `read` gives the assignments in order, before expansion; `resolve` expands them as the dialect does.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Via
from policyengine.patterns import regex
from policyengine.syntax.interpolation import LONGEST, TemplateError, expand, unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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


class Resolved(Struct, frozen=True):
    """One variable after expansion."""

    key: str
    key_span: Span
    text: Text

    @property
    def place(self) -> Span:
        """Where the value stands; of one that is made of several parts, from the first to the last behind its key."""
        if len(self.text.pieces) == 1:
            return self.text.place
        parts = [piece.span for piece in self.text.pieces]
        parts += [step.span for piece in self.text.pieces for step in piece.via]
        own = [span for span in parts if span.path == self.key_span.path and span.start >= self.key_span.end]
        result = own[0] if own else self.key_span
        for span in own:
            result = result.cover(span)
        return result


_SPACE = "\t\v\f\r \x85\xa0"
_EXPORT = regex(r"export\s+")
_KEY = regex(r"([^\W]|[\t\v\f\r \x85\xa0_.\-\[\]])*")
_ESCAPE = regex(r"\\(?:[abcfnrtv$\"\\]|0[0-9]{0,3})")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_BLANK = regex(r"\s")
_BREAK = regex(r"\r\n|\r|\n")


def read(source: Source, dialect: Dialect = Dialect.COMPOSE) -> tuple[EnvEntry, ...]:
    """The assignments of a file, in order, repeated keys included.

    Raises:
        ReadError: the reader of that dialect refuses the whole file.
    """
    readers = {Dialect.COMPOSE: _compose, Dialect.NODE: _node, Dialect.PYTHON: _python, Dialect.DOCKER: _docker}
    return tuple(readers[dialect](source))


def resolve(
    assignments: Iterable[EnvEntry],
    lookup: Callable[[str], Text | None],
    *,
    strict: bool,
    before: dict[str, Resolved] | None = None,
) -> dict[str, Resolved]:
    """The variables of a file after expansion, the last assignment of a key winning.

    A value may name variables that `lookup` knows, those assigned above it, and those in `before`. A bare `KEY` takes
    what `lookup` has, and is left out when that is nothing.

    Raises:
        ReadError: a template is malformed or requires a variable that is not set.
    """
    found: dict[str, Resolved] = dict(before or {})

    def known(name: str) -> Text | None:
        held = lookup(name)
        if held is None and name in found:
            return found[name].text
        return held

    for assignment in assignments:
        if assignment.value is None and assignment.expands is Expands.PYTHON:
            found.pop(assignment.key, None)  # python-dotenv: a bare key has no value, whatever it had before
            continue
        if assignment.value is None:
            held = lookup(assignment.key)
            if held is not None:
                text = held.stepped(Via(assignment.key, assignment.key_span))
                found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
            elif not strict:
                step = Via(assignment.key, assignment.key_span)
                unknown = unset(assignment.key, assignment.key_span)
                text = Text.undecided(f"${{{assignment.key}}}", unknown, (step,))
                found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
            continue
        text = assignment.value
        if assignment.expands is Expands.COMPOSE:
            try:
                text = expand(text, known, strict=strict)
            except TemplateError as error:
                raise ReadError(error.message, error.span) from error
        elif assignment.expands is Expands.PYTHON:
            text = _expand_python(text, known, strict=strict)
        found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
    return found


def _compose(source: Source) -> Iterable[EnvEntry]:
    """Docker Compose's dialect."""
    text, path = source.text, source.path
    size = len(text)
    at = 0
    while True:
        at = _skip_blank(text, at)
        if at < size and text[at] == "#":
            newline = text.find("\n", at)
            if newline < 0:
                return
            at = newline
            continue
        if at >= size:
            return
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
            raise _broken(key, Span(path, start, key_end))
        while at < size and text[at] in _SPACE:
            at += 1
        span = Span(path, start, key_end) if start < key_end else Span(path, statement, start)
        if bare:
            yield EnvEntry(key, span, None, Expands.NOTHING)
        elif at < size and text[at] in "\"'":
            value, at, expands = _quoted(source, at)
            yield EnvEntry(key, span, value, expands)
        else:
            newline = text.find("\n", at)
            stop = size if newline < 0 else newline
            comment = text.find(" #", at, stop)
            last = stop if comment < 0 else comment
            while last > at and text[last - 1].isspace():
                last -= 1
            yield EnvEntry(key, span, Text.standing(text[at:last], path, at), Expands.COMPOSE)
            at = min(stop + 1, size)


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
            message = f"the value has no closing {quote}"
            raise ReadError(message, Span(path, at, at + 1), "close the quotes on the line the value ends")
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
_PY_VARIABLE = regex(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")


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


def _expand_python(value: Text, lookup: Callable[[str], Text | None], *, strict: bool) -> Text:
    """`${A}` and `${A:-b}` expanded; an unset variable is empty for python-dotenv."""
    parts: list[Text] = []
    at = length = 0
    for match in _PY_VARIABLE.finditer(value.written):
        start, end = match.span()
        parts.append(value.cut(at, start))
        at = end
        step = Via(match[0], value.cut(start, end).pieces[0].span)
        held = lookup(match["name"])
        length += len(held.written) if held is not None else 0
        if length > max(LONGEST, 2 * len(value.written)):
            raise ReadError(f"the value expands beyond {LONGEST:,} characters", step.span)
        if held is not None:
            parts.append(held.stepped(step))
        elif match["default"] is not None:
            parts.append(value.cut(*match.span("default")).stepped(step))
        elif strict:
            parts.append(Text.made("", step.span, (step,)))
        else:
            parts.append(Text.undecided(match[0], unset(match["name"], step.span), (step,)))
    return Text.join((*parts, value.cut(at))) if parts else value


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match is not None else at


def _docker(source: Source) -> Iterable[EnvEntry]:
    """The dialect of `docker run --env-file`: nothing is quoted, escaped or expanded."""
    text, at = source.text, 0
    for line in text.split("\n"):
        start, end = at + len(line) - len(line.lstrip(" \t")), at + len(line.removesuffix("\r"))
        at += len(line) + 1
        if start >= end or text[start] == "#":
            continue
        key, equals, value = text[start:end].partition("=")
        span = source.span(start, start + len(key))
        if not key:
            raise ReadError("the line names no variable", source.span(start, end), "write KEY=value")
        if any(each in key for each in " \t\n\r\v\f"):
            raise _broken(key, span)
        given = Text.at(value, source.span(start + len(key) + 1, end)) if equals else None
        yield EnvEntry(key, span, given, Expands.NOTHING)


def _broken(key: str, span: Span) -> ReadError:
    message = f"a blank follows {_BLANK.split(key)[0]!r} in the name of a variable"
    return ReadError(message, span, "write KEY=value")
