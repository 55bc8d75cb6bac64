"""The arguments of a shell script: what `$1` is, and which arms of a `case` it chooses."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.syntax.shell import Arm, WrittenCommand
    from policyengine.syntax.shell_tree import WrittenWord

_VARIABLE = regex(r"\$(?:(\w+)|\{(\w+)(?:(:?-)([^${}`]*))?\})")
_COMPUTED_PATTERN = regex(r"[$`\\]|[?*+@!]\(|\[\^|\[:")
_LONGEST = 6  # digits of a number
_DECLARES = frozenset({"local", "declare", "typeset", "readonly", "export"})


class ScriptArguments(Struct):
    """What a script or function was called with, and the variables that it has set so far.

    `words` is None where the call is not known, a word None where its value is not known. `names` holds None for a
    variable that was set to something unknown.
    """

    words: tuple[str | None, ...] | None
    names: dict[str, str | None]

    def value(self, text: str) -> str | None:
        """What a word such as `$1`, `${1:-help}` or `$command` is; None where that is not known."""
        match = _VARIABLE.fullmatch(text)
        if match is None:
            return None
        name = match[1] or match[2]
        if name.isdecimal() and len(name) < _LONGEST:
            place = int(name)
            if self.words is None or not place or None in self.words[:place]:
                return None
            found = self.words[place - 1] if place <= len(self.words) else ""
        else:
            found = self.names.get(name)
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

    def choose(self, arms: Sequence[Arm]) -> bool:
        """Whether a command within these arms may run: False only where that is certain."""
        for arm in arms:
            subject = self.value(arm.subject)
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
        if command.name == "shift":
            count = command.words[1].text if len(command.words) > 1 else "1"
            words = self.words if certain and count.isdecimal() and len(count) < _LONGEST else None
            # an unknown word may be none, or several
            self.words = None if words is None or None in words[: int(count)] else words[int(count) :]
        elif command.name == "set" and any(word.text == "--" for word in command.words):
            self.words = None
        elif command.name == "read":
            self.names.update((word.text, None) for word in command.words[1:])
        if command.name in _DECLARES:
            for word in command.words[1:]:
                name, equals, text = word.text.partition("=")
                if equals:
                    self.names[name] = (text if word.literal else self.value(text)) if certain else None
        elif not command.words:
            for assignment in command.assignments:
                text = assignment.value.text
                value = text if assignment.value.literal else self.value(text)
                self.names[assignment.name] = value if certain else None


def _fits(subject: str, pattern: str) -> bool | None:
    """Whether a pattern of a `case` fits; None where it is computed."""
    return None if _COMPUTED_PATTERN.search(pattern) else fnmatchcase(subject, pattern)
