"""A Dockerfile as instructions with keyword, flags, arguments and heredocs, each with its exact place.

Logical lines come from `lines.py`; keyword and value of each are told apart by dockerfile-parse, which is given one
neutralised line for each instruction (joined, without heredoc bodies), because what it makes of continuations and
heredocs is not what Docker makes of them. Words, flags and JSON forms are read by BuildKit's rules.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.syntax.dockerfile.forms import (
    NotStringsError,
    between_spaces,
    flags,
    json_strings,
    quoted_words,
    split_keyword,
)
from policyengine.syntax.dockerfile.lines import Heredoc, LogicalLine, ParserDirective, logical_lines
from policyengine.syntax.dockerfile.words import SPACES, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Argument", "Dockerfile", "Flag", "Heredoc", "Instruction", "KeyValue", "ParserDirective", "read"]

LONGEST_FILE = 500_000
"""A larger file is not read. People's Dockerfiles stay below a tenth of it."""

MOST_ERRORS = 100
"""After so many errors, what is no instruction is not listed any more."""

_SPACE_SET = frozenset(SPACES)
_LONGEST_WORD = 12
_JSON_KEYWORDS = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "ADD", "COPY", "VOLUME", "HEALTHCHECK"})
_PAIR_KEYWORDS = frozenset({"ENV", "LABEL"})
_ONE_ARGUMENT = frozenset({"USER", "WORKDIR", "STOPSIGNAL", "MAINTAINER"})
_SOME_ARGUMENTS = frozenset({"ENV", "LABEL", "EXPOSE", "VOLUME", "ARG", "ONBUILD", "HEALTHCHECK"})
_FLAGS = {
    "FROM": frozenset({"platform"}),
    "COPY": frozenset({"from", "chown", "chmod", "link", "parents", "exclude"}),
    "ADD": frozenset({"chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"}),
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
}
_KEYWORDS = _JSON_KEYWORDS | _ONE_ARGUMENT | _SOME_ARGUMENTS | {"FROM"}


class Argument(Struct, frozen=True):
    """One argument. `text` is as written, with quotes and variables; of a JSON string it is the decoded string.

    `content` holds the written characters with their places; of a JSON string those between its quotes.
    """

    text: str
    content: Text
    json: bool = False

    @property
    def span(self) -> Span:
        """Where the word stands; of an empty JSON string with its quotes."""
        place = self.content.place
        if self.json and not self.content.written:
            return Span(place.path, place.start - 1, place.start + 1)
        return place

    @property
    def inner(self) -> Span:
        """The place without quotes around the whole word."""
        text = self.content.written
        if not self.json and len(text) > 2 and text[0] in "'\"" and text.find(text[0], 1) == len(text) - 1:
            return self.content.span(1, len(text) - 1)
        return self.span


class Flag(Struct, frozen=True):
    """`--name=value` with quotes removed. `value` is empty and `value_span` the whole flag when there is no `=`."""

    name: str
    value: str
    span: Span
    value_span: Span


class KeyValue(Struct, frozen=True):
    """`key=value` of an ENV, LABEL or ARG; `value` is None for an ARG without default. The key may hold variables."""

    key: Argument
    value: Argument | None


class Instruction(Struct, frozen=True):
    """One instruction. `text` is its logical line from the keyword on; the arguments start at `start` of it.

    `span` reaches from the keyword to the end of the last line, heredoc terminators included. `json` holds the
    strings of a JSON form (for HEALTHCHECK: of what follows CMD), and is None for the shell form.
    """

    keyword: str
    text: Text
    span: Span
    start: int
    escape: str = "\\"
    flags: tuple[Flag, ...] = ()
    json: tuple[Argument, ...] | None = None
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def keyword_span(self) -> Span:
        """The place of the keyword."""
        return self.text.span(0, len(self.keyword))

    @property
    def argument(self) -> Argument | None:
        """All arguments as one word (USER, WORKDIR, a shell-form RUN), or None when there is none."""
        if self.start >= len(self.text.written):
            return None
        content = self.text.cut(self.start)
        return Argument(content.written, content)

    def words(self) -> tuple[Argument, ...]:
        """The strings of the JSON form, or the words between blanks (FROM, EXPOSE, COPY, ADD, VOLUME …)."""
        if self.json is not None:
            return self.json
        return tuple(map(self._word, between_spaces(self.text.written, self.start, len(self.text.written))))

    def pairs(self) -> tuple[KeyValue, ...]:
        """The pairs of an ENV, LABEL or ARG. `ENV key a b` is one pair; a word without `=` is left out."""
        line, end = self.text.written, len(self.text.written)
        found = quoted_words(line, self.start, end, self.escape)
        if not found:
            return ()
        if self.keyword in _PAIR_KEYWORDS and "=" not in found[0].text:
            key, at = split_keyword(line[self.start :])
            if at + self.start >= end:
                return ()
            first = Range(key, self.start, self.start + len(key))
            return (KeyValue(self._word(first), self._word(Range(line[self.start + at :], self.start + at, end))),)
        return tuple(self._pair(word) for word in found if "=" in word.text or self.keyword == "ARG")

    def flag(self, name: str) -> Flag | None:
        """The last flag of that name, or None."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    def trigger(self) -> Instruction | None:
        """The instruction that an ONBUILD holds, or None for none or an unknown one."""
        if self.keyword != "ONBUILD" or self.start >= len(self.text.written):
            return None
        text = self.text.cut(self.start)
        keyword, start = split_keyword(text.written)
        if keyword.upper() not in _KEYWORDS:
            return None
        return _instruction(
            keyword, start, LogicalLine(text, self.span.end, text.offset(0), self.heredocs), self.escape, []
        )

    def script(self) -> Text | None:
        """What the shell of a RUN, CMD or ENTRYPOINT in shell form is given, heredoc bodies included; else None."""
        argument = self.argument
        if self.json is not None or argument is None:
            return None
        if not self.heredocs:
            return argument.content
        if len(self.heredocs) == 1 and argument.content.place == self.heredocs[0].marker:
            return self.heredocs[0].body
        return _with_bodies(argument.content, self.heredocs)

    def _word(self, part: Range) -> Argument:
        return Argument(part.text, self.text.cut(part.start, part.end))

    def _pair(self, word: Range) -> KeyValue:
        key, equals, value = word.text.partition("=")
        at = word.start + len(key)
        return KeyValue(
            self._word(Range(key, word.start, at)),
            self._word(Range(value, at + 1, word.end)) if equals else None,
        )


class Dockerfile(Struct, frozen=True):
    """A Dockerfile as far as it could be read. `errors` are what Docker would refuse it for, each at its place."""

    source: Source
    instructions: tuple[Instruction, ...]
    directives: tuple[ParserDirective, ...] = ()
    escape: str = "\\"
    errors: tuple[ReadError, ...] = ()

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions)


def read(source: Source) -> Dockerfile:
    """The instructions of a Dockerfile. Never raises: what Docker would refuse is in `errors`."""
    if len(source.text) > LONGEST_FILE:
        message = f"the Dockerfile has over {LONGEST_FILE} characters"
        return Dockerfile(source, (), errors=(ReadError(message, source.span(0, 0), "git-ignore it, or split it"),))
    scanned = logical_lines(source)
    errors = list(scanned.errors)
    instructions: list[Instruction] = []
    for line, (keyword, start) in zip(scanned.lines, _keywords(scanned.lines), strict=True):
        if keyword.upper() not in _KEYWORDS:
            if len(errors) >= MOST_ERRORS:
                continue
            at = line.text.span(0, len(keyword))
            shown = repr(keyword) if keyword.isalpha() and len(keyword) <= _LONGEST_WORD else "at the start of the line"
            errors.append(ReadError(f"the instruction {shown} is unknown", at, "remove or correct it"))
            continue
        instructions.append(_instruction(keyword, start, line, scanned.escape, errors))
    errors += _order(source, instructions)
    errors.sort(key=lambda error: error.span)
    return Dockerfile(source, tuple(instructions), scanned.directives, scanned.escape, tuple(errors))


def _keywords(lines: Sequence[LogicalLine]) -> list[tuple[str, int]]:
    """The keyword of each line as written, and where its value starts, as dockerfile-parse tells them apart.

    A line on which it errs (no value; a trailing escape that continues nothing; white space that only Unicode knows)
    is told apart here.
    """
    from dockerfile_parse import DockerfileParser  # noqa: PLC0415  loaded only where there is a Dockerfile

    neutral = [line.text.written if _is_plain(line.text.written) else "" for line in lines]
    structure = DockerfileParser(fileobj=BytesIO("\n".join(neutral).encode("utf-8", "surrogatepass"))).structure
    told = {row["startline"]: row for row in structure}
    found: list[tuple[str, int]] = []
    for number, line in enumerate(lines):
        text, row = line.text.written, told.get(number)
        if row is None or not row["value"]:
            found.append(split_keyword(text.rstrip(SPACES)))
        else:
            length = len(row["instruction"])
            found.append((text[:length], text.index(row["value"], length)))
    return found


def _is_plain(line: str) -> bool:
    return line.isascii() and line.replace("\t", " ").isprintable() and line[-1:] not in {"\\", "`", " "}


def _instruction(keyword: str, start: int, line: LogicalLine, escape: str, errors: list[ReadError]) -> Instruction:
    text = line.text
    stripped = len(text.written)
    if text.written[-1:] in _SPACE_SET:
        text = text.rstrip(SPACES)
        stripped = len(text.written)
    upper = keyword.upper()
    given: tuple[Flag, ...] = ()
    if text.written.startswith("--", start):
        ranges, start = flags(text.written, start)
        given = tuple(_flag(text, one) for one in ranges)
        allowed = _FLAGS.get(upper, frozenset())
        errors += (
            ReadError(f"the flag --{flag.name} is unknown to {upper}", flag.span, "remove or correct it")
            for flag in given[:MOST_ERRORS]
            if flag.name not in allowed
        )
    strings: tuple[Argument, ...] | None = None
    if upper in _JSON_KEYWORDS and "[" in text.written:
        at = start
        if upper == "HEALTHCHECK":
            at += split_keyword(text.written[start:])[1]
        try:
            found = json_strings(text.written, at)
        except NotStringsError:
            found = None
            advice = "write every element as a string in double quotes"
            span = text.span(at, stripped)
            errors.append(ReadError("the JSON form holds something else than strings", span, advice))
        if found is not None:
            strings = tuple(Argument(one.text, text.cut(one.start, one.end), json=True) for one in found)
    trimmed = text is not line.text and line.end == line.text.offset(len(line.text.written))
    end = text.offset(stripped) if trimmed else line.end
    span = Span(text.path, line.start, end)
    instruction = Instruction(upper, text, span, start, escape, given, strings, line.heredocs)
    errors += _refused(instruction)
    if upper == "ONBUILD":
        errors += _trigger_errors(instruction)
    return instruction


def _trigger_errors(instruction: Instruction) -> list[ReadError]:
    """What Docker refuses about the instruction in an ONBUILD. A chain of them is not followed."""
    text = instruction.text.cut(instruction.start)
    keyword, start = split_keyword(text.written)
    if keyword.upper() not in _KEYWORDS - {"ONBUILD"}:
        return []
    errors: list[ReadError] = []
    _instruction(
        keyword,
        start,
        LogicalLine(text, instruction.span.end, text.offset(0), instruction.heredocs),
        instruction.escape,
        errors,
    )
    return errors


def _flag(text: Text, found: Range) -> Flag:
    name, equals, value = found.text[2:].partition("=")
    span = text.span(found.start, found.end)
    if not equals:
        return Flag(name, "", span, span)
    start = text.written.index("=", found.start) + 1
    end = found.end
    written = text.written[start:end]
    if len(written) > 2 and written[0] in "'\"" and written[-1] == written[0]:
        start, end = start + 1, end - 1
    return Flag(name, value, span, text.span(start, end))


def _with_bodies(argument: Text, heredocs: tuple[Heredoc, ...]) -> Text:
    """The command line, and after it each body with a terminator, as the shell is given them."""
    end = argument.place.end
    parts = [argument, Text.made("\n", Span(argument.path, end, end))]
    for heredoc in heredocs:
        parts.append(heredoc.body)
        if heredoc.terminated:
            start = heredoc.span.end - len(heredoc.name)
            parts += (
                Text.standing(heredoc.name, argument.path, start),
                Text.made("\n", Span(argument.path, heredoc.span.end, heredoc.span.end)),
            )
    return Text.join(parts)


def _refused(instruction: Instruction) -> list[ReadError]:
    """What Docker refuses about the arguments of one instruction."""
    keyword, line, start = instruction.keyword, instruction.text.written, instruction.start
    message = advice = ""
    if keyword in {"RUN", "CMD", "ENTRYPOINT"}:
        return []
    if start >= len(line) and (keyword in _SOME_ARGUMENTS or keyword in _ONE_ARGUMENT):
        count = "exactly one argument" if keyword in _ONE_ARGUMENT else "at least one argument"
        message, advice = f"{keyword} requires {count}", "add it or remove the instruction"
    elif keyword in _PAIR_KEYWORDS:
        return _pair_errors(instruction)
    elif keyword == "FROM":
        words = line[start:].split()
        if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
            message = "FROM requires either one or three arguments"
            advice = "write FROM image or FROM image AS name"
    elif keyword in {"COPY", "ADD"}:
        if len(line[start:].split() if instruction.json is None else instruction.json) < 2:
            message, advice = f"{keyword} requires at least two arguments", "name a source and a destination"
    elif keyword == "SHELL":
        if not instruction.json:
            message = "SHELL requires the arguments to be in JSON form"
            advice = 'write SHELL ["executable", "…"]'
    elif keyword == "ONBUILD":
        inner = split_keyword(line[start:])[0].upper()
        if inner in {"ONBUILD", "FROM", "MAINTAINER"}:
            message, advice = f"{inner} is not allowed as an ONBUILD trigger", "move it out of ONBUILD"
        elif inner not in _KEYWORDS:
            message, advice = f"the ONBUILD trigger {inner[:80]!r} is unknown", "remove or correct it"
    return [ReadError(message, instruction.keyword_span, advice)] if message else []


def _pair_errors(instruction: Instruction) -> list[ReadError]:
    keyword, line = instruction.keyword, instruction.text.written
    found = quoted_words(line, instruction.start, len(line), instruction.escape)
    if "=" not in found[0].text:
        if split_keyword(line[instruction.start :])[1] + instruction.start < len(line):
            return []
        return [ReadError(f"{keyword} must have two arguments", instruction.keyword_span, "write name=value")]
    return [
        ReadError(f"{keyword} has a word without '='", instruction.text.span(word.start, word.end), "write name=value")
        for word in found
        if "=" not in word.text
    ]


def _order(source: Source, instructions: Sequence[Instruction]) -> list[ReadError]:
    for instruction in instructions:
        if instruction.keyword == "FROM":
            return []
        if instruction.keyword != "ARG":
            message = f"{instruction.keyword} stands before the first FROM"
            return [ReadError(message, instruction.keyword_span, "start the Dockerfile with FROM")]
    if not instructions:  # a placeholder, which nobody builds
        return []
    return [ReadError("the Dockerfile has no FROM", source.span(0, 0), "start it with FROM")]
