"""Words of Dockerfile instructions: quotes, escapes, and every form of `$X` that BuildKit expands.

The rules are BuildKit's (docs.docker.com/reference/dockerfile, "Environment replacement", and the behaviour of its
`frontend/dockerfile/shell` lexer): `$X`, `${X}`, `${X:-y}`, `${X-y}`, `${X:+y}`, `${X+y}`, `${X:?e}`, `${X?e}`,
`${X#p}`, `${X##p}`, `${X%p}`, `${X%%p}`, `${X/p/r}`, `${X//p/r}`; single quotes keep everything, double quotes expand.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from policyengine.patterns import regex
from policyengine.syntax.dockerfile.substitution import PatternError, replaced, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SPACES = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What BuildKit takes for white space: Unicode's White_Space property."""

DEPTH = 60
"""How deep substitutions may nest before the word counts as malformed."""

LONGEST = 131_072
"""How many characters an expanded word may have before it counts as malformed."""

_SPACE_SET = frozenset(SPACES)
_SPECIAL = frozenset("@*#?-$!0")


class WordError(ValueError):
    """A word that BuildKit would refuse. `start` and `end` tell which part of it is to blame.

    `costly` tells a word that BuildKit would take, but that is refused here because it grows too long.
    """

    def __init__(self, message: str, start: int, end: int, *, costly: bool = False) -> None:
        super().__init__(message)
        self.costly = costly
        self.message = message
        self.start = start
        self.end = end


class VariableUse(Struct, frozen=True):
    """A `$X` or `${X…}` at `[start, end)` of the word. `taken` tells whether the variable's own value was used."""

    name: str
    start: int
    end: int
    taken: bool


class Range(NamedTuple):
    """A part `[start, end)` of a line, and the text that it stands for."""

    text: str
    start: int
    end: int


class ExpandedWord(Struct, frozen=True):
    """What a word expands to. `unknown` names the variables without a known value that `text` would depend on."""

    text: str
    pieces: tuple[Range, ...]
    references: tuple[VariableUse, ...] = ()
    unknown: tuple[str, ...] = ()


def expand(
    word: str, values: Mapping[str, str | None], *, escape: str = "\\", keep_unset: bool = False
) -> ExpandedWord:
    """The word with quotes removed and variables replaced.

    `values` holds the variables that are set; None is a variable that is set to something unknown. An unset variable
    is empty, or stays as written with `keep_unset`.

    Raises:
        WordError: BuildKit would refuse the word: an open quote or brace, an unset `${X?}`, an unknown modifier.
    """
    if "$" not in word and escape not in word and "'" not in word and '"' not in word and "<" not in word:
        return ExpandedWord(word, tuple(split(word)))
    return _Lexer(word, escape, values, keep_unset=keep_unset).run()


def raw_words(line: str) -> tuple[Range, ...]:
    """The words of a line with quotes and escapes kept, as BuildKit looks for heredocs; none when a quote is open."""
    try:
        return _Lexer(line, "\\", {}, keep_unset=True, raw=True).run().pieces
    except WordError:
        return ()


_GAP = regex(f"[{SPACES}]+")
_SOLID = regex(f"[^{SPACES}]+")


def split(text: str) -> list[Range]:
    """The parts of a text without quotes or variables."""
    return [Range(match[0], match.start(), match.end()) for match in _SOLID.finditer(text)]


@cache
def _plain(stop: str, escape: str) -> re.Pattern[str]:
    return re.compile(f"[^$<'\"{re.escape(stop)}{re.escape(escape)}]+")


@cache
def _inside(escape: str) -> re.Pattern[str]:
    return re.compile(f'[^$"{re.escape(escape)}]+')


class _Output(Struct):
    """The expanded text, and its division into words."""

    chunks: list[str] = field(default_factory=list)
    pieces: list[Range] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    start: int = 0
    end: int = 0
    size: int = 0

    def literal(self, text: str, start: int) -> None:
        """Add unquoted text that stands at `start`; white space in it ends a word."""
        self.chunks.append(text)
        at = 0
        for gap in _GAP.finditer(text):
            if gap.start() > at:
                self._extend(text[at : gap.start()], start + at, start + gap.start())
            self.close()
            at = gap.end()
        if at < len(text):
            self._extend(text[at:], start + at, start + len(text))

    def value(self, text: str, start: int, end: int) -> None:
        """Add the value of an unquoted variable that stands at `[start, end)`; white space in it ends a word."""
        self.size += len(text)
        self.chunks.append(text)
        for number, part in enumerate(_GAP.split(text)):
            if number:
                self.close()
            if part:
                self._extend(part, start, end)

    def quoted(self, text: str, start: int, end: int) -> None:
        """Add text that never ends a word."""
        self.size += len(text)
        self.chunks.append(text)
        self._extend(text, start, end)

    def _extend(self, text: str, start: int, end: int) -> None:
        if not self.open:
            self.start = start
        self.end = end
        self.open.append(text)

    def close(self) -> None:
        """End the word that is open; an empty one is none."""
        text = "".join(self.open)
        if text:
            self.pieces.append(Range(text, self.start, self.end))
        self.open.clear()


class _Lexer(Struct):
    """One pass over a word. `raw` keeps quotes, escapes."""

    source: str
    escape: str
    values: Mapping[str, str | None]
    keep_unset: bool = False
    raw: bool = False
    at: int = 0
    depth: int = 0
    work: int = 0
    references: list[VariableUse] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def run(self) -> ExpandedWord:
        output = _Output()
        self._until("", output, keep_escapes=self.raw)
        output.close()
        return ExpandedWord(
            "".join(output.chunks), tuple(output.pieces), tuple(self.references), tuple(dict.fromkeys(self.unknown))
        )

    def _until(self, stop: str, output: _Output, *, keep_escapes: bool) -> None:
        """Read up to the character `stop` (and over it), or to the end when `stop` is empty."""
        source, begin = self.source, self.at
        plain = _plain(stop, self.escape)
        while self.at < len(source):
            start = self.at
            run = plain.match(source, start)
            if run is not None:
                self.at = run.end()
                output.literal(run[0], start)
                continue
            character = source[start]
            if character == stop:
                self.at += 1
                return
            if character == "$":
                text = self._dollar()
                output.value(text, start, self.at)
            elif character == "'":
                output.quoted(self._single(), start, self.at)
            elif character == '"':
                output.quoted(self._double(), start, self.at)
            elif character == "<":
                output.quoted(self._arrows(), start, self.at)
            else:  # the escape
                self.at += 1
                following = source[self.at : self.at + 1]
                self.at += len(following)
                output.quoted((character if keep_escapes else "") + following, start, self.at)
            self._bound(output.size, start)
        if stop:
            raise WordError(f"unexpected end of statement while looking for matching {stop}", begin, len(source))

    def _bound(self, size: int, start: int) -> None:
        if size > LONGEST:
            raise WordError("the expanded word is too long", start, self.at, costly=True)

    def _single(self) -> str:
        start = self.at
        end = self.source.find("'", start + 1)
        if end < 0:
            message = "unexpected end of statement while looking for matching single-quote"
            raise WordError(message, start, len(self.source))
        self.at = end + 1
        return self.source[start : end + 1] if self.raw else self.source[start + 1 : end]

    def _double(self) -> str:
        source, start = self.source, self.at
        self.at += 1
        chunks = ['"'] if self.raw else []
        inside = _inside(self.escape)
        while self.at < len(source):
            run = inside.match(source, self.at)
            if run is not None:
                self.at = run.end()
                chunks.append(run[0])
                continue
            character = source[self.at]
            if character == '"':
                self.at += 1
                if self.raw:
                    chunks.append(character)
                return "".join(chunks)
            if character == "$":
                chunks.append(self._dollar())
                continue
            self.at += 1  # the escape
            following = source[self.at : self.at + 1]
            if self.raw:
                chunks.append(character)
            if following and following in f'"${self.escape}':
                self.at += 1
                chunks.append(following)
            elif following:
                chunks.append(character)
        message = "unexpected end of statement while looking for matching double-quote"
        raise WordError(message, start, len(source))

    def _arrows(self) -> str:
        """`<<` keeps the blanks after it, because a heredoc's marker may follow them."""
        start = self.at
        self.at += 1
        if self.source[self.at : self.at + 1] != "<":
            return "<"
        self.at += 1
        while self.source[self.at : self.at + 1] in {"\t", "\r", " "}:
            self.at += 1
        return self.source[start : self.at]

    def _name(self) -> str:
        source, start = self.source, self.at
        first = source[start : start + 1]
        end = start
        if first.isdecimal():
            while source[end : end + 1].isdecimal():
                end += 1
        elif first in _SPECIAL:
            end += 1
        else:
            while end < len(source) and (source[end].isalpha() or source[end].isdecimal() or source[end] == "_"):
                end += 1
        self.at = end
        return source[start:end]

    def _dollar(self) -> str:
        start = self.at
        self.at += 1
        if self.source[self.at : self.at + 1] == "{":
            if self.depth >= DEPTH:
                raise WordError("substitutions nest too deep", start, len(self.source))
            self.depth += 1
            text = self._braces(start)
            self.depth -= 1
            return text
        name = self._name()
        if not name:
            return "$"
        return self._value(name, start, "$" + name)

    def _value(self, name: str, start: int, written: str) -> str:
        """The value of `$name`, which stands from `start` up to here."""
        if name not in self.values:
            self.references.append(VariableUse(name, start, self.at, taken=False))
            return written if self.keep_unset else ""
        return self._take(name, start)

    def _take(self, name: str, start: int) -> str:
        self.references.append(VariableUse(name, start, self.at, taken=True))
        value = self.values[name]
        if value is None:
            self.unknown.append(name)
            return ""
        self.work += len(value)
        if self.work > LONGEST:
            raise WordError("the expanded word is too long", start, self.at, costly=True)
        return value

    def _braces(self, start: int) -> str:
        source = self.source
        self.at += 1
        first = source[self.at : self.at + 1]
        if not first:
            raise WordError("syntax error: missing '}'", start, len(source))
        if first in "{}:":
            raise WordError("syntax error: bad substitution", start, self.at + 1)
        name = self._name()
        modifier = source[self.at : self.at + 1]
        if not modifier:
            raise WordError("syntax error: missing '}'", start, len(source))
        self.at += 1
        if modifier == "}":
            return self._value(name, start, "${" + name + "}")
        if modifier == "/":
            return self._replaced(name, start)
        colon = modifier == ":"
        if colon:
            modifier = source[self.at : self.at + 1]
            if not modifier:
                raise WordError("syntax error: missing '}'", start, len(source))
            self.at += 1
        shown = ":" * colon + modifier
        if modifier in "#%" if colon else modifier not in "+-?#%":
            raise WordError(f"unsupported modifier ({shown}) in substitution", start, self.at)
        before = len(self.unknown)
        operand = self._operand("}", start, "}", keep_escapes=modifier in "#%")
        if name not in self.values and self.keep_unset:
            return "${" + name + shown + operand + "}"
        if modifier not in "+-?#%":
            raise WordError(f"unsupported modifier ({shown}) in substitution", start, self.at)
        return self._modified(name, modifier, operand, start, before, colon=colon)

    def _operand(self, stop: str, start: int, missing: str, *, keep_escapes: bool) -> str:
        output = _Output()
        try:
            self._until(stop, output, keep_escapes=keep_escapes)
        except WordError as error:
            if self.at >= len(self.source) and error.message.endswith(f"matching {stop}"):
                raise WordError(f"syntax error: missing '{missing}'", start, len(self.source)) from None
            raise
        return "".join(output.chunks)

    def _modified(self, name: str, modifier: str, operand: str, start: int, before: int, *, colon: bool) -> str:
        """`${name<modifier>operand}`. Unknown variables inside an operand that is not used do not count."""
        present = name in self.values
        value = self.values.get(name)
        if present and value is None and (colon or modifier != "+"):
            del self.unknown[before:]
            return self._take(name, start)
        unset = not present or (colon and value == "")
        match modifier:
            case "-":
                if unset:
                    self.references.append(VariableUse(name, start, self.at, taken=False))
                    return operand
                del self.unknown[before:]
                return self._take(name, start)
            case "+":
                self.references.append(VariableUse(name, start, self.at, taken=False))
                if unset:
                    del self.unknown[before:]
                    return ""
                return operand
            case "?":
                if unset:
                    why = operand or f"is not allowed to be {'empty' if present else 'unset'}"
                    raise WordError(f"{name}: {why}", start, self.at)
                del self.unknown[before:]
                return self._take(name, start)
            case _:
                greedy = operand.startswith(modifier)
                text = self._take(name, start) if present else ""
                pattern = operand[1:] if greedy else operand
                return self._substituted(lambda: trimmed(pattern, text, greedy=greedy, suffix=modifier == "%"), start)

    def _replaced(self, name: str, start: int) -> str:
        every = self.source[self.at : self.at + 1] == "/"
        self.at += every
        pattern = self._operand("/", start, "/' in ${}", keep_escapes=True)
        replacement = self._operand("}", start, "}", keep_escapes=True)
        if name not in self.values:
            if self.keep_unset:
                return "${" + name + "/" * (1 + every) + pattern + "/" + replacement + "}"
            text = ""
        else:
            text = self._take(name, start)
        return self._substituted(lambda: replaced(pattern, replacement, text, every=every, most=LONGEST), start)

    def _substituted(self, made: Callable[[], str], start: int) -> str:
        try:
            return made()
        except PatternError as error:
            raise WordError(error.message, start, self.at, costly=error.costly) from None
