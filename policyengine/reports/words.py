"""Secrets that are words of a command line, wherever one is written out: in a script, a list, a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge import secret_words
from policyengine.patterns import regex
from policyengine.reports.literals import HEREDOC, Range, heredoc, literal

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Word(NamedTuple):
    """A word without its quotes, the place of each of its characters, and what of the text it stands in."""

    letters: str
    places: list[int]
    start: int
    end: int


class _Line(NamedTuple):
    """One command: its words, where it ends, the word of its here-string, and where its heredoc begins."""

    words: list[_Word]
    end: int
    here: _Word | None = None
    document: int = -1


def ranges(text: str) -> Iterator[Range]:
    """What of a text is secret as a word of a command, or as what a command reads."""
    stack = [(0, len(text), 0)]
    beginnings = secret_words.beginnings()
    while stack:
        at, end, depth = stack.pop()
        while begin := beginnings.search(text, at, end):
            line = _line(text, begin.start(), end)
            found = list(_secrets(text, line))
            yield from found
            if depth < _DEEPEST:
                stack.extend(
                    (each.start, each.end, depth + 1)
                    for each in line.words
                    if " " in each.letters and (each.start, each.end) != (at, end)
                )
            at = max(line.end, begin.end(), *(end for _, end in found))


_DEEPEST = 3
_FARTHEST = 4_000
"""How far the end of a quoted word, or what is piped into a command, is looked for."""


def _secrets(text: str, line: _Line) -> Iterator[Range]:
    found = secret_words.told([each.letters for each in line.words])
    for index, start, end in found.words:
        places = line.words[index].places[start:end]
        if places:
            yield from literal(text, places[0], places[-1] + 1)
    if not found.input:
        return
    opening = HEREDOC.match(text, line.document) if line.document >= 0 else None
    if line.here is not None:
        yield from literal(text, line.here.start, line.here.end)
    elif opening is not None:
        yield from heredoc(text, opening)
    elif line.words:
        yield from _piped(text, line.words[0].start, user=found.input == "user and password")


def _piped(text: str, at: int, *, user: bool) -> Iterator[Range]:
    """What `echo` or `printf` hands to the command that begins at an offset, or a text that PowerShell does."""
    start = _line_start(text, max(0, at - _FARTHEST), at)
    before = _BAR.search(text, start, at)
    if before is None:
        return
    opening = HEREDOC.search(text, start, min(len(text), at + _FARTHEST))
    if opening is not None and opening.start() < before.start():
        yield from heredoc(text, opening)
        return
    echo = next(reversed([*_ECHO.finditer(text, start, before.start())]), None)
    words = _line(text, echo.end() if echo is not None else start, before.start()).words
    if echo is None:
        words = [each for each in words[-1:] if text[each.start : each.start + 1] in ("'", '"')]
    words = [each for each in words if not _SWITCH.match(each.letters)]
    if len(words) > 1 and "%" in words[0].letters:
        words = words[1:]
    for each in words:
        sign = each.letters.find(":") + 1 if user else 0
        if each.places[sign:]:
            yield from literal(text, each.places[sign], each.places[-1] + 1)


def _line_start(text: str, start: int, at: int) -> int:
    """Where the pipeline begins that holds the offset: behind a sign that ends one, or a line that does not go on."""
    start = max(
        [start, *(found + len(sign) for sign in (";", "(", "&&") if (found := text.rfind(sign, start, at)) >= 0)]
    )
    end = at
    while (end := max(text.rfind("\n", start, end), text.rfind("\r", start, end))) >= 0:
        if not text[start:end].endswith(("\\", "|", "\r")):
            return end + 1
    return start


_BAR = regex(r"\|(?=[^|\r\n]*\Z)|\|(?=[^|]*\Z)")
_ECHO = regex(r"\b(?:echo|printf|Write-Output|Write-Host)\b[ \t]+")
_SWITCH = regex(r"-[neE]{1,3}\Z")


# --- words

_PART = regex(
    r"""(?P<blank>[ \t]+\(?|\\\r?\n[ \t]*)
    |(?P<here><<<[ \t]*)
    |(?P<document><<[-~]?[ \t]*["']?\w)
    |(?P<stop>\r?\n|\r|(?<![<>])&|\||;|\)|\\n(?=[ \t]))
    |(?P<reference>\$\{\{[^\r\n]*?\}\}|\$\{[^{}\r\n]*\}|[$<>]\([^()\r\n]*\))
    |(?P<quote>\\?["'`])
    |(?P<bare>\\.|[^\s"'`\\|;&<>)$]+|.)""",
    re.VERBOSE,
)
_AFTER_QUOTE = regex(r"""[\s,\])};|&]|\\?["'`]|\Z""")
_NEXT_ITEM = regex(r"""\\?["'`]?[ \t]*\r?\n[ \t]*-[ \t]+""")
_NEXT_QUOTED = regex(r"""\\?["'`]\s*,\s*(?=\\?["'`])""")
_NEXT_FLOW = regex(r"[ \t]*,[ \t]*")
_ITEM = regex(r"""(?P<open>\\?["'`]?)(?P<value>[^\r\n]*?)(?P=open)[ \t]*(?=[\r\n]|\Z)""")
_QUOTED = regex(r"""\\?["'`]""")
_FLOW = regex(r"""[^,\[\]\r\n]+""")
_NAME = regex(r"""[^\s"'`,\\]*""")


def _line(text: str, at: int, end: int) -> _Line:
    """The command that begins at an offset: a list where its first word stands in one, else words between blanks."""
    start = max(0, at - _LONGEST_PATH)
    while at > start and text[at - 1] not in " \t\r\n\"'`,[({=|;&":
        at -= 1
    stop = _NAME.match(text, at, end)
    after = stop.end() if stop is not None else at
    quoted = at > 0 and text[at - 1] in "\"'`"
    if quoted and _NEXT_QUOTED.match(text, after, end):
        at -= 2 if text[at - 2 : at - 1] == "\\" else 1
        return _listed(text, at, end)
    if _NEXT_ITEM.match(text, after, end) and re.search(r"-[ \t]+\\?[\"'`]?\Z", text[max(0, at - 80) : at]):
        return _items(text, at, end)
    flow = _NEXT_FLOW.match(text, after, end)
    if flow is not None and flow[0].endswith((" ", ",")) and not quoted:
        return _flow(text, at, end)
    return _shell(text, at, end)


_LONGEST_PATH = 200


def _listed(text: str, at: int, end: int) -> _Line:
    """`"mongosh", "-p", "…"`."""
    words: list[_Word] = []
    while (opening := _QUOTED.match(text, at, end)) is not None:
        close = _closing(text, opening, end)
        if close < 0:
            break
        words.append(_word(text, opening.end(), close))
        at = close + len(opening[0])
        following = re.compile(r"\s*,\s*").match(text, at, end)
        if following is None:
            break
        at = following.end()
    return _Line(words, at)


def _items(text: str, at: int, end: int) -> _Line:
    """Items of a YAML list, a line each."""
    words: list[_Word] = []
    while (item := _ITEM.match(text, at, end)) is not None:
        words.append(_word(text, *item.span("value")))
        at = item.end()
        following = _NEXT_ITEM.match(text, at, end)
        if following is None:
            break
        at = following.end()
    if words:  # the first item was entered behind its quote
        first = words[0]
        name = _NAME.match(text, first.start, first.end)
        words[0] = _word(text, first.start, name.end() if name is not None else first.end)
    return _Line(words, at)


def _flow(text: str, at: int, end: int) -> _Line:
    """`[mongosh, -p, …]`, without quotes."""
    words: list[_Word] = []
    while (item := _FLOW.match(text, at, end)) is not None:
        value = item[0].strip().strip("\"'")
        start = text.find(value, item.start()) if value else item.start()
        words.append(_word(text, start, start + len(value)))
        at = item.end()
        if text[at : at + 1] != ",":
            break
        at += 1
    return _Line(words, at)


def _word(text: str, start: int, end: int) -> _Word:
    return _Word(text[start:end], list(range(start, end)), start, end)


def _shell(text: str, at: int, end: int) -> _Line:
    """Words between blanks, up to the end of the command or of the string that it stands in."""
    words: list[_Word] = []
    here, document = -1, -1
    start, letters, places = at, "", list[int]()
    while True:
        part = _PART.match(text, at, end)
        kind = part.lastgroup if part is not None else "stop"
        if part is None or kind in ("blank", "stop", "here", "document"):
            if at > start:
                words.append(_Word(letters, places, start, at))
            if part is None or kind == "stop":
                break
            if kind == "here":
                here = len(words)
            if kind == "document":
                document = part.start()
                at = part.end()
                break
            at = start = part.end()
            letters, places = "", []
            continue
        first, last = part.span()
        if kind == "quote":
            close = _closing(text, part, end) if _opens(text, part, start) else -1
            if close < 0:
                if at > start:
                    words.append(_Word(letters, places, start, at))
                break
            first, last, at = part.end(), close, close + len(part[0])
        else:
            at = last
        letters += text[first:last]
        places.extend(range(first, last))
    found = words.pop(here) if 0 <= here < len(words) else None
    return _Line(words, at, found, document)


def _opens(text: str, quote: re.Match[str], start: int) -> bool:
    """Whether a quote opens a part of a word: it closes the string around the command where a word ends behind it."""
    return quote.start() == start or text.startswith(quote[0], quote.end()) or not _AFTER_QUOTE.match(text, quote.end())


def _closing(text: str, opening: re.Match[str], end: int) -> int:
    """Where the quote stands that closes what one opens; -1 where none does nearby."""
    quote = opening[0]
    if len(quote) > 1:
        return text.find(quote, opening.end(), min(end, opening.end() + _FARTHEST))
    pattern = _IN_SINGLE if quote == "'" else _IN_DOUBLE if quote == '"' else _IN_BACK
    found = pattern.match(text, opening.end(), min(end, opening.end() + _FARTHEST))
    return found.end() - 1 if found is not None else -1


_IN_SINGLE = regex(r"[^']*'")
_IN_DOUBLE = regex(r'(?:\\.|[^"\\])*"', re.DOTALL)
_IN_BACK = regex(r"(?:\\.|[^`\\])*`", re.DOTALL)
