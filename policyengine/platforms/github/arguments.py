"""The arguments of a shell script: what `$1` is, and which arms of a `case` it chooses."""

from __future__ import annotations

import shlex
from fnmatch import fnmatchcase
from posixpath import join, normpath, relpath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.platforms.github.calls import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.text import Piece
    from policyengine.syntax.shell import Arm, Loops, WrittenCommand
    from policyengine.syntax.shell_tree import WrittenWord

_VARIABLE = regex(r"\$(?:(\w+)|\{(\w+)(?:(:?-)([^${}`]*)|:?\?[^{}`]*)?\})")
_ALTERNATIVE = regex(r"\$\{(\w+):?\+([^${}`]*)\}")
_ARRAY = regex(r"\$\{(\w+)\[[@*]\]\}")
_COMPUTED_PATTERN = regex(r"[$`\\]|[?*+@!]\(|\[\^|\[:")
_NAME = regex(r"\$\{?(\w+)")
_LONGEST = 6  # digits of a number
_MOST_WORDS = 100
_MOST_FILLED = 500_000  # characters that variables may put into the words of one script
_TREE = f"{WORKSPACE}/"
_QUIET = regex(r"[\"']|(?<=[\s(])--(?=\s)|\s-P\b|\s[12&]?>\s?(?:/dev/null|&[12])")
_BLANK = regex(r"\s+")
_OWN_FILE = regex(
    r"\$\{?BASH_SOURCE(?:\[0\](?::-\$0)?)?\}?|\$\{0\}|"
    r"\$\((?:readlink -f|realpath) \$(?:0|\{?BASH_SOURCE(?:\[0\])?\}?)\)"
)
_OWN_FOLDER = regex(r"\$\(dirname \$0\)|\$\{0%/\*\}")
_GONE_TO = regex(r"\$\((?:cd ([^\s()&;|]+) ?(?:&&|;) ?pwd|(?:readlink -f|realpath) ([^\s()&;|]+))\)")
_NAMED = regex(r"\$\w+|\$\{\w+\}")
_SQL_FILES = regex(r"(?<![\w${])[\w.*?-]+(?:/[\w.*?-]+)*\.sql\b")
_DECLARES = frozenset({"local", "declare", "typeset", "readonly", "export"})


class ScriptArguments(Struct):
    """What a script or function was called with, and the variables that it has set so far.

    `words` is None where the call is not known, a word None where its value is not known. `names` holds None for a
    variable that was set to something unknown, and a tuple for an array. `filled` counts the characters that variables
    have put in: behind the limit they are left open, so that a script which doubles one does not fill the memory.
    `folder` is that of the script, where it is one of the tree. `given` are the words themselves of a function's call,
    which tell more than `words` where a part of one is open.
    """

    words: tuple[str | None, ...] | None
    names: dict[str, str | tuple[str, ...] | None]
    filled: int = 0
    folder: str | None = None
    given: tuple[WrittenWord, ...] = ()

    def called(self, words: Sequence[WrittenWord]) -> ScriptArguments:
        """What a function sees that is called with these words."""
        every = self.of(words)
        given = tuple(words) if every is not None and len(every) == len(words) else ()
        return replace(self, words=every, given=given)

    def value(self, text: str) -> str | None:
        """What a word such as `$1`, `${1:-help}` or `$command` is; None where that is not known."""
        match = _VARIABLE.fullmatch(text)
        if match is None:
            other = _ALTERNATIVE.fullmatch(text)
            held = self.names.get(other[1]) if other is not None else None
            return None if other is None or held is None else other[2] if held else ""
        name = match[1] or match[2]
        if name.isdecimal() and len(name) < _LONGEST:
            place = int(name)
            if self.words is None or not place or None in self.words[:place]:
                return None
            found = self.words[place - 1] if place <= len(self.words) else ""
        else:
            held = self.names.get(name)
            found = next(iter(held), None) if isinstance(held, tuple) else held
        return match[4] if found == "" and match[3] else found

    def of(self, words: Sequence[WrittenWord]) -> tuple[str | None, ...] | None:
        """The arguments that words are to what they call; None where not even their number is known."""
        found: list[str | None] = []
        for word in words:
            if word.text in ("$@", "$*"):
                if self.words is None:
                    return None
                found.extend(self.words)
            else:
                found.append(word.text if word.literal else self.value(word.text))
        return tuple(found)

    def fill(self, command: WrittenCommand, directory: str = "") -> WrittenCommand:
        """The command with the values of variables in its words, as far as known; secret ones stay as they are.

        Folders of the tree are put in as seen from the one in which it runs.
        """
        redirects = tuple(
            replace(each, target=replace(each.target, content=self._content(each.target, command.loops, directory)))
            if each.operator == "<" and each.target is not None and not each.target.literal
            else each
            for each in command.redirects
        )
        if all(word.literal for word in command.words):
            return command if redirects == command.redirects else replace(command, redirects=redirects)
        words: list[WrittenWord] = []
        for word in command.words:
            if word.text in {"$@", "$*"} and not word.literal and self.words is not None and None not in self.words:
                words.extend(replace(word, content=Text.made(each or "", word.span)) for each in self.words)
                continue
            if word.text in {"$@", "$*"} and not word.literal and self.given:
                words.extend(self.given)
                continue
            array = _ARRAY.fullmatch(word.text)
            held = self.names.get(array[1]) if array is not None and not word.literal else None
            if isinstance(held, tuple):
                words.extend(replace(word, content=Text.made(each, word.span)) for each in held)
                continue
            content = self._content(word, command.loops, directory)
            if not content.decided and "$(" in word.text and (path := self.folder_of(word.text)) is not None:
                content = Text.made(relpath(path, join(WORKSPACE, directory)), word.span)
            if word.quoted or word.literal or not content.decided:
                words.append(word if content.written == word.text else replace(word, content=content))
            else:
                words.extend(replace(word, content=part) for part in content.split(" ") if part.written)
        return replace(command, words=tuple(words), redirects=redirects)

    def _content(self, word: WrittenWord, loops: Loops = (), directory: str | None = None) -> Text:
        return Text.join(self._filled(piece, dict(loops), directory) for piece in word.content.pieces)

    def _filled(self, piece: Piece, loops: dict[str, str], directory: str | None) -> Text:
        match = _NAME.match(piece.text) if piece.unknown is not None else None
        name = match[1] if match is not None else ""
        found = self.value(piece.text) if name and name not in loops and not may_hold_secret(name) else None
        if found is None and piece.text in (f"${name}", f"${{{name}}}") and name.isdecimal():
            given = self.given[int(name) - 1 : int(name)] if 0 < int(name) < _MOST_WORDS else ()
            return given[0].content if given else Text.run([piece])
        if name in loops and (files := _SQL_FILES.search(loops[name])):
            found = files[0]
        if directory is not None and found is not None and f"{found}/".startswith(_TREE):
            found = relpath(found, join(WORKSPACE, directory))
        self.filled += len(found or "")
        if self.filled > _MOST_FILLED:
            found = None
        return Text.run([piece]) if found is None else Text.made(found, piece.span)

    def folder_of(self, text: str) -> str | None:
        """The folder of the tree that `$(cd "$(dirname "$0")/.." && pwd)` gives, in the workspace; None for another."""
        written = _BLANK.sub(" ", _QUIET.sub("", text)).replace("$(git rev-parse --show-toplevel)", WORKSPACE)
        if self.folder is not None:
            written = _OWN_FOLDER.sub(join(WORKSPACE, self.folder), _OWN_FILE.sub("$0", written))
        match = _GONE_TO.fullmatch(written)
        path = _NAMED.sub(lambda each: self.value(each[0]) or each[0], match[1] or match[2] if match else written)
        path = normpath(path)
        return path if f"{path}/".startswith(_TREE) and "$" not in path else None

    def surely(self, command: WrittenCommand) -> bool:
        """Whether a command of a script itself runs for certain where nothing before it fails."""
        arms = command.arms
        outside = not {"(", "$(", "do", "||"}.isdisjoint(command.within) or command.before in ("|", "||")
        return not outside and len(arms) >= len(command.branches) and all(map(self._certain, arms))

    def _certain(self, arm: Arm) -> bool:
        subject = arm.subject if arm.literal else self.value(arm.subject)
        if subject is None or any(_fits(subject, each) is not False for each in arm.earlier):
            return False
        return any(_fits(subject, each) for each in arm.patterns)

    def choose(self, arms: Sequence[Arm]) -> bool:
        """Whether a command within these arms may run: False only where that is certain."""
        for arm in arms:
            subject = arm.subject if arm.literal else self.value(arm.subject)
            if subject is None:
                continue
            if any(_fits(subject, pattern) for pattern in arm.earlier):
                return False
            if all(_fits(subject, pattern) is False for pattern in arm.patterns):
                return False
        return True

    def follow(self, command: WrittenCommand) -> None:
        """Take in what a command does to arguments and variables."""
        certain = not command.within and command.before not in ("&&", "||", "|")
        if command.name in {".", "source", "eval"}:  # it may set any
            self.names.update(dict.fromkeys(self.names))
        elif command.name == "shift":
            count = command.words[1].text if len(command.words) > 1 else "1"
            words = self.words if certain and count.isdecimal() and len(count) < _LONGEST else None
            self.given = self.given[int(count) :] if words is not None else ()
            # an unknown word may be none, or several
            self.words = None if words is None or None in words[: int(count)] else words[int(count) :]
        elif command.name == "set" and any(word.text == "--" for word in command.words):
            self.words, self.given = None, ()
        elif command.name == "read":
            self.names.update((word.text, None) for word in command.words[1:])
        if command.name in _DECLARES:
            for word in command.words[1:]:
                name, equals, _ = word.text.partition("=")
                if equals:
                    self.names[name] = self._meant(self._content(word), len(name) + 1) if certain else None
        elif not command.words:
            for assignment in command.assignments:
                self.names[assignment.name] = self._meant(self._content(assignment.value), 0) if certain else None

    def _meant(self, text: Text, start: int) -> str | tuple[str, ...] | None:
        return self.folder_of(text.written[start:]) if text.literal is None else _set(text.literal, start)


def _set(text: str, start: int) -> str | tuple[str, ...] | None:
    """What a variable is set to by the text behind `NAME=`: `(a b)` is an array."""
    if not (text.startswith("(", start) and text.endswith(")")):
        return text[start:]
    try:
        return tuple(shlex.split(text[start + 1 : -1], comments=True))
    except ValueError:
        return None


def _fits(subject: str, pattern: str) -> bool | None:
    """Whether a pattern of a `case` fits; None where it is computed."""
    return None if _COMPUTED_PATTERN.search(pattern) else fnmatchcase(subject, pattern)
