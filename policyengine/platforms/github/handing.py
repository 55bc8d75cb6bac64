"""What commands set: variables of their script, and `NAME=value` lines in the files that hand on to later steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.nodes import Word
from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.nodes import ShellCommand
    from policyengine.model.source import Span
    from policyengine.model.value import Value
    from policyengine.platforms.github.expressions import Scope
    from policyengine.repository.files import Files

_LINE = regex(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)
_ECHO = regex(r"`echo (?:-n )?\"?([^`|;&<>()\"']*)\"?`|\$\(echo (?:-n )?\"?([^`|;&<>()\"']*)\"?\)")
_NAMED = regex(r"(?:[^\s:$`]|\$(?!\())*[\w}]:[\w.-]*(?:\$\(|`)")
"""An image with a tag that a command gives: `acme/app:$(git rev-parse HEAD)`."""
_DECLARES = frozenset({"export", "readonly", "declare", "local"})
_FILES = ("GITHUB_ENV", "GITHUB_OUTPUT")


class Handed(Struct, frozen=True):
    """A line that a command writes for later steps: `file` is GITHUB_ENV or GITHUB_OUTPUT."""

    file: str
    name: str
    value: Value[str]
    span: Span


def assigned(command: ShellCommand, scope: Scope) -> Scope:
    """The scope after a line of assignments only."""
    if command.words and command.words[0].text not in _DECLARES:
        return scope
    given = {each.key: word for each, word in zip(command.assignments, command.given, strict=False)}
    for word in command.words[1:]:
        if match := _LINE.fullmatch(word.text):
            given[match[1]] = Word(match[2], word.span, word.literal)
    kept: dict[str, Value[str]] = {}
    for name, word in ((name, _echoed(each)) for name, each in given.items()):
        again = not word.literal and name in word.text  # `X="$X more"`
        text = scope.written(word) if again else word.text
        if again and name in text:
            kept[name] = Unknown("the shell sets it", word.span)
        elif not _runs_inside(word) or _NAMED.match(text):
            kept[name] = Known(text, word.span)
    return replace(scope, variables={**scope.variables, **kept}) if kept else scope


def changed(before: Scope, after: Scope) -> Iterator[str]:
    """The variables that have another value afterwards."""
    for name, value in after.variables.items():
        former = before.variables.get(name)
        same = isinstance(former, Known) and isinstance(value, Known) and former.value == value.value
        if not same and former is not value:
            yield name


def undecided(command: ShellCommand, scope: Scope, perhaps: dict[str, ShellCommand]) -> Scope:
    """The scope of a command, in which variables are open that others have set in branches which need not be taken.

    Those, and what set them, are in `perhaps`, which they leave.
    """
    left = [name for name, by in perhaps.items() if command.branches[: len(by.branches)] != by.branches]
    open_ = {name: Unknown("a branch of the script sets it", perhaps.pop(name).span) for name in left}
    return replace(scope, variables={**scope.variables, **open_}) if open_ else scope


def handed_on(command: ShellCommand, scope: Scope, files: Files) -> Iterator[Handed]:
    """What `echo "NAME=value" >> $GITHUB_OUTPUT` hands on."""
    if command.argv[:1] != ("echo",) or len(command.words) != 2:
        return
    source = files.read(command.span.path)
    word = command.words[1]
    match = _LINE.fullmatch(word.text)
    written = source.slice(command.span) if match and source is not None else ""
    for file in _FILES:
        if match and file in written:
            given = _echoed(Word(match[2], word.span, word.literal))
            open_ = _runs_inside(given) or bool(command.branches)
            value = Unknown("a command gives it", word.span) if open_ else Known(scope.written(given), word.span)
            yield Handed(file, match[1], value, command.span)


def settled(given: Sequence[Handed]) -> Value[str]:
    """The value of a name that was written so often: Known where all agree."""
    values = {each.value.value if isinstance(each.value, Known) else None for each in given}
    return given[-1].value if len(values) == 1 else Unknown("more than one command gives it", given[-1].span)


def _echoed(word: Word) -> Word:
    """A word with what `echo` prints in place of the command: `$(echo app:1)`."""
    if not _runs_inside(word):
        return word
    return Word(_ECHO.sub(lambda match: (match[1] or match[2]).strip(), word.text), word.span, word.literal)


def _runs_inside(word: Word) -> bool:
    """Whether a command decides a part of a word."""
    return not word.literal and ("$(" in word.text or "`" in word.text)
