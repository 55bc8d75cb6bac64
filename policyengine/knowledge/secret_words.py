"""Which words of a command line are secrets: what programs take as an option, as an operand, or from standard input."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.secrets import is_random, may_hold_secret
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence


class Taking(Struct, frozen=True, forbid_unknown_fields=True):
    """How a program takes secrets, and which others (`also`) take them in the same way.

    An option of `options` takes one in the next word, behind `=`, or, if it is a letter, right behind it; one of
    `apart` not right behind it, one of `glued` only so. `pairs` are `options` that take a user, the `sign` and a
    password. `operands` count from 1, or from the end with -1. `assigned` options (operands where one is empty) are
    `NAME=value`, whatever the name. With `named`, the operand behind a name that tells a secret is one. With
    `paired`, an operand `user:password` is one, and with `printed` what a format puts behind a name that tells a
    secret. `input` is what is read from standard input.
    """

    source: str
    also: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    glued: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    sign: str = ":"
    operands: tuple[int, ...] = ()
    assigned: tuple[str, ...] = ()
    named: bool = False
    paired: bool = False
    printed: bool = False
    input: Literal["", "password", "user and password"] = ""


class SecretWords(FactTable, frozen=True):
    """The table.

    `programs` by their names with what must follow. `directives` are settings of servers that stand before a secret
    without a sign between. `flags` begin the names of options that take no secret, though a word of theirs sounds so.
    """

    programs: dict[str, Taking]
    directives: dict[str, Cited]
    flags: dict[str, Cited]
    _first: dict[str, list[tuple[tuple[str, ...], Taking]]] = field(default_factory=dict)
    _patterns: list[re.Pattern[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, taking in self.programs.items():
            for each in (name, *taking.also):
                first, *rest = each.split()
                self._first.setdefault(first.lower(), []).append((tuple(rest), taking))

    @property
    def first(self) -> dict[str, list[tuple[tuple[str, ...], Taking]]]:
        """The programs by the first word of their names, in small letters, with the words that must follow."""
        return self._first

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds a word that may take a secret: the name of a program, a long option, a directive."""
        if not self._patterns:
            grouped: dict[str, list[str]] = {}
            for name in sorted({*self._first, *map(str.lower, self.directives)}, reverse=True):
                grouped.setdefault(name[0], []).append(re.escape(name[1:]))
            names = "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in grouped.items())
            self._patterns.append(
                re.compile(
                    rf"""(?i)(?<![\w-])(?=[\w-])(?:(?:{names})(?:\.(?:exe|sh|cmd|bat))?(?=[\s"'`,\\;&|)<]|\Z)
                    |--?[a-z](?=[\w.-]{{2,60}}[\s"'=`,]))""",
                    re.VERBOSE,
                )
            )
        return self._patterns[0]


class Secret(NamedTuple):
    """What of a command line is secret: the index of the word, and the range of its characters."""

    word: int
    start: int
    end: int


class Told(NamedTuple):
    """What is secret of the words of a command line, and what is of its standard input."""

    words: tuple[Secret, ...]
    input: str


class _Begun:
    """A program that was met, the words that must follow its name yet, and how many operands it was given."""

    def __init__(self, rest: tuple[str, ...], taking: Taking) -> None:
        self.rest, self.taking = rest, taking
        self.operands: list[int] = []
        self.name = False
        self.printed: list[bool] = []  # for each directive of a format whether it stands behind a secret's name


def told(words: Sequence[str]) -> Told:
    """What is secret of a command line, which may hold several programs, one started by the other."""
    known = table("secret_words", SecretWords)
    begun: dict[tuple[tuple[str, ...], int], _Begun] = {}
    found: dict[int, Secret] = {}
    reads = ""
    taken: tuple[str, bool] | None = None  # what the option before takes: the sign before a password, and whether named
    for at, word in enumerate(words):
        low = word.lower()
        if taken is not None and low not in known.first and not (taken[1] and _OPTION.match(word)):
            found[at] = _behind(at, word, 0, taken[0])
            for each in begun.values():
                each.name = False
            taken = None
            continue
        taken = None if any(each.rest[:1] == (word,) for each in begun.values()) else _named(known, word)
        if taken is None and (glued := _behind_sign(known, word)) is not None:
            found[at] = Secret(at, glued, len(word))
        for each in begun.values():
            if each.rest:
                each.rest = each.rest[1:] if _is(each.rest[0], word) else each.rest
                if not each.rest:
                    reads = reads or each.taking.input
                continue
            own = _option(each.taking, word)
            if own is not None:
                start, sign = own
                if start < 0:
                    taken = (sign, False)
                else:
                    found[at] = _behind(at, word, start, sign)
            elif not word.startswith("-") or word == "-":
                _operand(each, at, word, found)
        for rest, taking in known.first.get(_program(low), ()):
            begun[rest, id(taking)] = _Begun(rest, taking)
            reads = reads or ("" if rest else taking.input)
    for each in begun.values():
        for index in each.taking.operands:
            if not each.rest and index < 0 and len(each.operands) >= -index:
                at = each.operands[index]
                found[at] = Secret(at, 0, len(words[at]))
    return Told(tuple(found[at] for at in sorted(found)), reads)


def _behind(at: int, word: str, start: int, sign: str) -> Secret:
    """What of a word is secret behind a user and a sign; the user, where it is a token that has no password."""
    user, found, password = word[start:].partition(sign) if sign else ("", "", word)
    if sign and not password:
        return Secret(at, start, start + len(user) if found or is_random(user) else start)
    return Secret(at, start + len(user) + len(found), len(word))


def _is(part: str, word: str) -> bool:
    """Whether a word is the part of a program's name, or an option of a letter among others: `-b` in `-nbB`."""
    if part.startswith("-"):
        return word == part or (len(part) == _LETTER and part[1] in word and _CLUSTER.match(word) is not None)
    return word.startswith(part) if part.endswith(".") else word.lower() == part.lower()


def _program(word: str) -> str:
    return _SUFFIX.sub("", word.rpartition("/")[2].rpartition("\\")[2])


def _named(known: SecretWords, word: str) -> tuple[str, bool] | None:
    """Whether the next word is a secret by the name of this: `--api-token`, `requirepass`."""
    if word in known.directives:
        return "", True
    name = word.lstrip("-").rpartition(".")[2]
    if not _OPTION.match(word) or not may_hold_secret(name):
        return None
    return None if re.split(r"[-_]", word.lstrip("-").lower())[0] in known.flags else ("", True)


def _behind_sign(known: SecretWords, word: str) -> int | None:
    """Where the secret begins in `--api-token=…`."""
    option, sign, _ = word.partition("=")
    return len(option) + 1 if sign and _named(known, option) is not None else None


def _option(taking: Taking, word: str) -> tuple[int, str] | None:
    """Where the secret begins within an option, -1 for the next word, and the sign before it; None for another word."""
    for option in (*taking.options, *taking.apart, *taking.pairs):
        sign = taking.sign if option in taking.pairs else ""
        if word == option:
            return -1, sign
        if word.startswith(f"{option}="):
            return len(option) + 1, sign
        if len(option) == _LETTER and option not in taking.apart:
            if word.startswith(option):
                return len(option), sign
            if word.endswith(option[1]) and _CLUSTER.match(word):
                return -1, sign
    for option in taking.glued:
        begun = word if len(option) == _LETTER else word.lower()  # `mysql -P` takes a port
        if begun.startswith(option) and len(word) > len(option):
            return len(option), ""
    for option in taking.assigned:
        if option and word == option:
            return -1, "="
        if option and word.startswith(f"{option}="):
            return len(option) + 1, "="
    return None


def _operand(begun: _Begun, at: int, word: str, found: dict[int, Secret]) -> None:
    begun.operands.append(at)
    taking = begun.taking
    if len(begun.operands) in taking.operands or begun.name:
        found[at] = Secret(at, 0, len(word))
    if taking.paired and len(begun.operands) > 1 and _PAIR.match(word):
        found[at] = _behind(at, word, 0, taking.sign)
    if taking.printed and len(begun.operands) == 1:
        names = [_PRINTED_NAME.search(word, 0, each.start()) for each in _DIRECTIVE.finditer(word)]
        begun.printed = [name is not None and may_hold_secret(name[1]) for name in names]
    elif begun.printed and begun.printed[(len(begun.operands) - 2) % len(begun.printed)]:
        found[at] = Secret(at, 0, len(word))
    begun.name = taking.named and not begun.name and "=" not in word and any(map(may_hold_secret, _PARTS.split(word)))
    if "" in taking.assigned and "=" in word:
        found[at] = Secret(at, word.find("=") + 1, len(word))


def beginnings() -> re.Pattern[str]:
    """What finds the words of a text with which a command line that holds a secret may begin."""
    return table("secret_words", SecretWords).pattern


_OPTION = regex(r"--?[A-Za-z][\w.-]{2,60}\Z")
_CLUSTER = regex(r"-[A-Za-z]{2,6}\Z")
_PAIR = regex(r"[^\s:/=]+:(?!//)\S+\Z")
_DIRECTIVE = regex(r"(?<!%)%[-+ #0]{0,5}[\d*.]{0,8}[sbqdiuxX]")
_PRINTED_NAME = regex(r"""([A-Za-z_][\w.-]{1,80})\\?["']?[ \t]{0,8}[:=][ \t]{0,8}\\?["']?\Z""")
_PARTS = regex(r"[./:]")
_SUFFIX = regex(r"\.(?:exe|sh|cmd|bat)\Z")
_LETTER = 2
