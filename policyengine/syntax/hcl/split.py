"""Splits an HCL file into its top-level blocks and attributes without parsing what is in them.

One expression runs over everything that cannot open or close a brace; strings with interpolations, heredocs and
braces are followed with a stack of modes, never by recursion. A heredoc ends as HashiCorp's scanner ends it: at a line
that, trimmed on both sides, is its marker.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.syntax.hcl.syntax import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span
    from policyengine.syntax.tree import Document

LARGEST = 8_000_000
"""Files with more code points than this are not read."""

DEEPEST = 5_000
"""Deeper nesting of braces and strings than this is refused."""

_COMMENT = r"\#[^\n]*+|//[^\n]*+|/\*(?s:.*?)\*/"
_PLAIN = r'"(?:[^"\\$%\n]|\\.|\$\$\{|%%\{|[$%](?!\{))*+"'
_QUIET = regex(rf'(?:[^"\#/<{{}}]|{_PLAIN}|{_COMMENT}|<(?!<)|/(?![/*]))*+')
_QUIET_VALUE = regex(rf'(?:[^"\#/<{{}}()\[\]\n]|{_PLAIN}|{_COMMENT}|<(?!<)|/(?![/*]))*+')
_QUOTED = regex(r'(?:[^"\\$%\n]|\\.|\$\$\{|%%\{|[$%](?!\{))*+')
HEREDOC = regex(r"<<(-?)([^\W\d][\w-]*)[ \t]*\r?\n")
_BLANK = regex(rf"(?:[ \t\r\n]|{_COMMENT})*+")
_GAP = r"(?:[ \t]|/\*(?s:.*?)\*/)*+"
_IDENTIFIER = r"[^\W\d][\w-]*+"
_HEADER = regex(
    rf'({_IDENTIFIER})((?:{_GAP}(?:"(?:[^"\\\n]|\\.)*+"|{_IDENTIFIER}))*+){_GAP}(?:(\{{)|(=(?![=>])))',
)
_LABEL = regex(rf'/\*(?s:.*?)\*/|"((?:[^"\\\n]|\\.)*+)"|({_IDENTIFIER})')
_RESUME = regex(rf'^{_IDENTIFIER}(?:[ \t]+(?:"[^"\n]*"|{_IDENTIFIER}))*+[ \t]*(?:\{{|=(?![=>]))', re.MULTILINE)


class RawBlock(Struct, frozen=True):
    """A top-level block, unparsed. `start` is where its type stands, `end` lies after its closing brace.

    The body lies between the braces, at `[body_start, body_end)`. `document` is what a JSON file gives instead.
    """

    type: str
    labels: tuple[Label, ...]
    start: int
    end: int
    body_start: int
    body_end: int
    document: Document | None = None

    def label(self, index: int) -> str:
        """The text of a label, empty where there is none."""
        return self.labels[index].text if index < len(self.labels) else ""


class RawAttribute(Struct, frozen=True):
    """A top-level attribute (of a tfvars file), unparsed. `[start, end)` is the whole, the value starts at `value`."""

    name: str
    start: int
    end: int
    value: int
    document: Document | None = None


class HclFile(Struct, frozen=True):
    """A file split into blocks and attributes, with the errors met on the way: each lost one block, not the file."""

    source: Source
    blocks: tuple[RawBlock, ...]
    attributes: tuple[RawAttribute, ...] = ()
    errors: tuple[ReadError, ...] = ()

    @property
    def path(self) -> str:
        """The path of the file relative to the root."""
        return self.source.path


class _Unbalanced(Exception):  # noqa: N818 - said of the text
    """What stands open at the end, or may not stand where it does."""

    def __init__(self, message: str, at: int, reached: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.reached = at if reached is None else reached  # how far the text was read to find out


def split(source: Source) -> HclFile:
    """The top-level blocks and attributes of an HCL file."""
    if len(source.text) > LARGEST:
        raise ReadError(
            f"the file has {len(source.text)} characters, more than {LARGEST}",
            source.span(0, 0),
            "split it or leave it out",
        )
    return _split(source, 0, len(source.text))


def items(source: Source, block: RawBlock) -> HclFile:
    """The attributes and blocks directly in the body of a block, unparsed, such as the values of `locals`."""
    return _split(source, block.body_start, block.body_end)


def _split(source: Source, start: int, stop: int) -> HclFile:
    text = source.text
    blocks: list[RawBlock] = []
    attributes: list[RawAttribute] = []
    errors: list[ReadError] = []
    patience = 4 * (stop - start) + 10_000
    position = _skip_blank(text, start, stop)
    while position < stop:
        header = _HEADER.match(text, position, stop)
        try:
            if header is None:
                _fail(_unexpected(text, position), position)
            if header[3] is not None:
                end = _closing(text, header.end())
                if end > stop:
                    _fail("a '{' is never closed", header.end() - 1)
                labels = tuple(_labels(header, text))
                blocks.append(RawBlock(header[1], labels, position, end, header.end(), end - 1))
                position = _line_rest(text, end, stop)
            else:
                if header[2].strip():
                    _fail("an attribute has one name before its '='", header.start(2))
                end, value = _value_end(text, header.end(), stop)
                attributes.append(RawAttribute(header[1], position, end, value))
                position = end
        except _Unbalanced as problem:
            errors.append(ReadError(problem.message, _place(source, problem.at), "correct the syntax of this block"))
            resume = _RESUME.search(text, position + 1, stop)
            patience -= max(problem.reached - position, 0)
            position = resume.start() if resume and patience > 0 else stop
            continue
        position = _skip_blank(text, position, stop)
    return HclFile(source, tuple(blocks), tuple(attributes), tuple(errors))


def _fail(message: str, at: int) -> NoReturn:
    raise _Unbalanced(message, at)


def _place(source: Source, at: int) -> Span:
    return source.span(at, min(at + 1, len(source.text)))


def _unexpected(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "a comment '/*' is never closed"
    character = text[position]
    if character == "}":
        return "a '}' closes nothing"
    return f"{character!r} starts neither a block nor an attribute"


def _skip_blank(text: str, position: int, stop: int) -> int:
    match = _BLANK.match(text, position, stop)
    return match.end() if match else position


_TRAILING = regex(rf"(?:[ \t\r]|{_COMMENT})*+")


def _line_rest(text: str, end: int, stop: int) -> int:
    match = _TRAILING.match(text, end, stop)
    after = match.end() if match else end
    if after < stop and text[after] != "\n" and "\n" not in text[end:after]:
        raise _Unbalanced("a new line must follow the '}' of a block", after)
    return after


def _labels(header: re.Match[str], text: str) -> Iterator[Label]:
    for match in _LABEL.finditer(text, header.start(2), header.end(2)):
        for group in (1, 2):
            if match[group] is not None:
                yield Label(match.start(group), match.end(group), match[group])


def heredoc_end(marker: str) -> re.Pattern[str]:
    """What stops a heredoc: its closing line (group `end`), or the start of an interpolation or directive (`open`)."""
    marker = re.escape(marker)
    return re.compile(
        rf"\$\$\{{|%%\{{|(?P<open>[$%]\{{)|^(?P<lead>[^\S\n]*)(?P<end>{marker})(?=[^\S\n]*$)", re.MULTILINE
    )


def _closing(text: str, position: int, *, opened: str = "{") -> int:
    """The offset after the brace that closes the one before `position`."""
    modes: list[str | re.Pattern[str]] = [opened]
    starts = [position - 1]
    while modes:
        mode = modes[-1]
        if len(modes) > DEEPEST:
            raise _Unbalanced(f"braces are nested more than {DEEPEST} deep", starts[1], position)
        if mode == "{":
            quiet = _QUIET.match(text, position)
            position = quiet.end() if quiet else position
            character = text[position : position + 1]
            if character == "{":
                modes.append("{")
                starts.append(position)
                position += 1
            elif character == "}":
                modes.pop()
                starts.pop()
                position += 1
            elif character == '"':
                modes.append('"')
                starts.append(position)
                position += 1
            elif character == "<":
                position = _open_heredoc(text, position, modes, starts)
            elif character == "/":
                raise _Unbalanced("a comment '/*' is never closed", position, len(text))
            else:
                raise _Unbalanced("a '{' is never closed", starts[0], len(text))
        elif mode == '"':
            position = _in_quotes(text, position, modes, starts)
        elif isinstance(mode, re.Pattern):
            position = _in_heredoc(text, position, mode, modes, starts)
    return position


def _open_heredoc(text: str, position: int, modes: list[str | re.Pattern[str]], starts: list[int]) -> int:
    opening = HEREDOC.match(text, position)
    if opening is None:
        raise _Unbalanced("'<<' starts no heredoc", position)
    modes.append(heredoc_end(opening[2]))
    starts.append(position)
    return opening.end()


def _in_quotes(text: str, position: int, modes: list[str | re.Pattern[str]], starts: list[int]) -> int:
    run = _QUOTED.match(text, position)
    position = run.end() if run else position
    character = text[position : position + 1]
    if character == '"':
        modes.pop()
        starts.pop()
        return position + 1
    if character in ("$", "%"):
        modes.append("{")
        starts.append(position)
        return position + 2
    raise _Unbalanced("a string is not closed on its line", starts[-1])


def _in_heredoc(
    text: str, position: int, mode: re.Pattern[str], modes: list[str | re.Pattern[str]], starts: list[int]
) -> int:
    while True:
        stop = mode.search(text, position)
        if stop is None:
            raise _Unbalanced("a heredoc is never closed", starts[-1], len(text))
        if stop["open"]:
            modes.append("{")
            starts.append(stop.start())
            return stop.end()
        if stop["end"] is not None:
            modes.pop()
            starts.pop()
            return stop.end()
        position = stop.end()


_CLOSES = {"(": ")", "[": "]"}


def _value_end(text: str, position: int, stop: int) -> tuple[int, int]:
    """Where the value after an `=` ends, and where it starts."""
    while text[position : position + 1] in (" ", "\t"):
        position += 1
    value = position
    brackets: list[str] = []
    while True:
        quiet = _QUIET_VALUE.match(text, position, stop)
        position = quiet.end() if quiet else position
        character = text[position : min(position + 1, stop)]
        match character:
            case "":
                if brackets:
                    raise _Unbalanced(f"a {brackets[-1]!r} is never closed", value)
                return position, value
            case "\n":
                if not brackets:
                    return position, value
                position += 1
            case "{":
                position = _closing(text, position + 1)
            case '"':
                modes: list[str | re.Pattern[str]] = ["", '"']
                starts = [position, position]
                position += 1
                while len(modes) > 1:
                    if modes[-1] == "{":
                        modes.pop()
                        starts.pop()
                        position = _closing(text, position)
                    else:
                        position = _in_quotes(text, position, modes, starts)
            case "<":
                modes = [""]
                starts = [position]
                position = _open_heredoc(text, position, modes, starts)
                while len(modes) > 1:
                    last = modes[-1]
                    if isinstance(last, re.Pattern):
                        position = _in_heredoc(text, position, last, modes, starts)
                    else:
                        modes.pop()
                        starts.pop()
                        position = _closing(text, position)
            case "(" | "[":
                brackets.append(character)
                position += 1
                if len(brackets) > DEEPEST:
                    raise _Unbalanced(f"brackets are nested more than {DEEPEST} deep", value)
            case ")" | "]":
                if not brackets or _CLOSES[brackets.pop()] != character:
                    raise _Unbalanced(f"a {character!r} closes nothing", position)
                position += 1
            case _:
                raise _Unbalanced(_unexpected(text, position), position)
