"""The branches of a shell script: which word must fit which pattern for an arm of `case`, or a side of `if`, to run."""

from __future__ import annotations

from msgspec import Struct

from policyengine.patterns import regex
from policyengine.syntax.shell_tree import CommandList, Pipeline, Simple


class Arm(Struct, frozen=True):
    """An arm of a `case`, or a branch of `if [ A = B ]`.

    The word that is held against the patterns, its own and those of the arms before it; whether it is `literal`.
    """

    subject: str
    patterns: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    literal: bool = False


Branches = tuple[tuple[Arm, ...], tuple[Arm, ...]]
"""What holds where a test succeeds, and where it fails, as far as that is one word against one pattern."""

_OPEN = (Arm("$?", ("*",)),)
UNDECIDED: Branches = (_OPEN, _OPEN)
"""What only the run decides."""


def decided(block: CommandList) -> Branches:
    """What holds behind a condition: `[ A = B ] && [ C = D ]`."""
    joined = {each.text for item in block.items for each in item.operators}
    if len(block.items) != 1 or len(joined) > 1:
        return UNDECIDED
    tests = [tested(pipeline) for pipeline in block.items[0].pipelines]
    met, missed = (tuple(arm for each in tests for arm in each[side]) for side in (0, 1))
    if len(tests) == 1:
        return met, missed
    return (met, _OPEN) if joined == {"&&"} else (_either(met), missed)


def _either(met: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """What holds where one of several tests succeeds: one word fits one of their patterns."""
    first = met[0]
    same = all((each.subject, each.literal, each.earlier) == (first.subject, first.literal, ()) for each in met)
    return (Arm(first.subject, tuple(each.patterns[0] for each in met), (), first.literal),) if same else _OPEN


def tested(pipeline: Pipeline) -> Branches:
    """`false`, `true`, `[ A = B ]`, `[[ A != B ]]`, `test -n A`."""
    simple = pipeline.elements[0] if len(pipeline.elements) == 1 else None
    if not isinstance(simple, Simple) or simple.assignments or simple.redirects:
        return UNDECIDED
    words = simple.words
    if words and words[0].text in {"[", "[[", "test"}:
        words = words[1:] if words[0].text == "test" else words[1:-1]
    match [word.text for word in words]:
        case ["true" | "false" as came] if words is simple.words:
            found = _held(came, "true", literal=True)
        case ["-n" | "-z" as sign, _] if words is not simple.words:
            found = _held(words[1].text, "", literal=words[1].literal)
            found = found if sign == "-z" else found[::-1]
        case [_, "=" | "==" | "!=" as sign, other] if words is not simple.words:
            pattern = other if simple.words[0].text == "[[" and not words[2].quoted else _GLOB.sub(r"[\g<0>]", other)
            found = _held(words[0].text, pattern if words[2].literal else "$", literal=words[0].literal)
            found = found[::-1] if sign == "!=" else found
        case _:
            return UNDECIDED
    return found if pipeline.negation is None else found[::-1]


_GLOB = regex(r"[*?\[]")


def _held(subject: str, pattern: str, *, literal: bool) -> Branches:
    return (Arm(subject, (pattern,), (), literal),), (Arm(subject, ("*",), (pattern,), literal),)


def unquoted(pattern: str) -> str:
    """A pattern of a `case` without the quotes around it; a quoted `*` or `?` is left as one that is computed."""
    inner = pattern[1:-1]
    if len(pattern) > 1 and pattern[0] == pattern[-1] and pattern[0] in "'\"" and pattern[0] not in inner:
        return inner.replace("*", "\\*").replace("?", "\\?").replace("[", "\\[")
    return pattern
