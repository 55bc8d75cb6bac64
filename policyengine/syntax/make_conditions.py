"""The conditionals of a Makefile: which of its lines count, and what decides where the files do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.patterns import regex
from policyengine.syntax.make_expansion import arguments, closers

if TYPE_CHECKING:
    from policyengine.syntax.make_expansion import Values

_CONDITIONAL = regex(r"[ ]*(else\b[ \t]*)?(ifeq|ifneq|ifdef|ifndef|endif|)(?![\w.-])[ \t]*(.*)", re.DOTALL)
_QUOTED = regex(r"(?:\"([^\"]*)\"|'([^']*)')[ \t]*(?:\"([^\"]*)\"|'([^']*)')")


class _Branch(Struct):
    """One `if … else … endif`: whether the branch holds (None: undecided, and why), and whether one before did.

    `outside` is whether the lines around it count.
    """

    holds: bool | None
    why: str
    taken: bool | None
    outside: bool | None
    why_outside: str


class Conditions:
    """The conditionals around the line at hand."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._branches: list[_Branch] = []

    @property
    def depth(self) -> int:
        """How many there are."""
        return len(self._branches)

    def leave(self, depth: int) -> None:
        """Forget those that a file has left open."""
        del self._branches[depth:]

    def counts(self) -> bool | None:
        """Whether the line at hand counts; None where that is undecided."""
        if not self._branches:
            return True
        branch = self._branches[-1]
        if branch.outside is False or branch.holds is False:
            return False
        return None if branch.outside is None else branch.holds

    def why(self) -> str:
        """The undecided condition around the line at hand; empty where there is none."""
        if not self._branches:
            return ""
        branch = self._branches[-1]
        return branch.why_outside or (branch.why if branch.holds is None else "")

    def take(self, logical: str, depth: int) -> None:
        """Takes a line with `ifdef`, `else` or `endif`; those outside of `depth` belong to another file."""
        match = _CONDITIONAL.match(logical)
        if match is None:
            return
        otherwise, word, rest = match[1], match[2], uncommented(match[3]).strip()
        if word == "endif":
            if len(self._branches) > depth:
                self._branches.pop()
            return
        if not otherwise:
            counts, why = self.counts(), self.why()
            holds = self._holds(word, rest) if counts is not False else False
            self._branches.append(_Branch(holds, f"{word} {rest}", holds, counts, why))
            return
        if len(self._branches) <= depth:
            return
        branch = self._branches[-1]
        if branch.taken is True:
            branch.holds = False
            return
        branch.holds = False
        holds = self._holds(word, rest) if word and branch.outside is not False else True
        branch.holds = None if holds and branch.taken is None else holds
        branch.why = branch.why if branch.taken is None else f"{word} {rest}"
        branch.taken = True if holds else None if holds is None or branch.taken is None else False

    def _holds(self, word: str, rest: str) -> bool | None:
        if word in {"ifdef", "ifndef"}:
            name = self._values.asked(rest)
            value = self._values.written(name.text.strip()) if name.decided else None
            return None if value is None else bool(value) == (word == "ifdef")
        if quoted := _QUOTED.match(rest):
            one, other = quoted[1] or quoted[2] or "", quoted[3] or quoted[4] or ""
        else:
            inner = rest[1 : closers(rest, 0, len(rest)).get(0, 1)]
            one, *others = (each.strip() for each in arguments(inner))
            if not others:
                return None
            other = ",".join(others)
        left, right = self._values.asked(one), self._values.asked(other)
        if not left.decided or not right.decided:
            return None
        return (left.text == right.text) == (word == "ifeq")


def uncommented(text: str) -> str:
    """The text before a `#` that stands behind a blank or first."""
    at = text.find("#")
    while at > 0 and text[at - 1] not in " \t":
        at = text.find("#", at + 1)
    return text if at < 0 else text[:at]
