"""The shell patterns of `${X#p}`, `${X%p}` and `${X/p/r}`: `*` and `?` match no line end, as BuildKit's do not."""

from __future__ import annotations

import re

from policyengine.patterns import regex

WORK = 50_000_000
"""How many steps matching a pattern may take."""

_PART = regex(r"\\.|.", re.DOTALL)


class PatternError(ValueError):
    """A pattern that BuildKit would refuse; a `costly` one it would take, but matching it here takes too long."""

    def __init__(self, message: str, *, costly: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.costly = costly


def trimmed(pattern: str, text: str, *, greedy: bool, suffix: bool) -> str:
    """A text without the shortest (longest when `greedy`) start, or `suffix`, that a pattern matches.

    Raises:
        PatternError: the pattern is malformed or too costly.
    """
    _affordable(pattern, text)
    if suffix:
        pattern, text = "".join(reversed(_PART.findall(pattern))), text[::-1]
    length = _matched(_tokens(pattern), text, 0, longest=greedy)
    rest = text if length is None else text[length:]
    return rest[::-1] if suffix else rest


def replaced(pattern: str, replacement: str, text: str, *, every: bool, most: int) -> str:
    """A text with the first (`every`) match of a pattern replaced.

    Raises:
        PatternError: the pattern is malformed or too costly, or the text grows beyond `most` characters.
    """
    _affordable(pattern, text)
    tokens = _tokens(pattern)
    chunks: list[str] = []
    at = copied = size = 0
    while at <= len(text):
        length = _matched(tokens, text, at, longest=True)
        if length is None:
            at += 1
            continue
        chunks += (text[copied:at], replacement)
        size += at - copied + len(replacement)
        if size > most:
            raise PatternError("the expanded word is too long", costly=True)
        copied = at + length
        if not every or (length and copied == len(text)):
            break
        at = copied if length and copied < len(text) else copied + 1
    return "".join([*chunks, text[copied:]])


def _affordable(pattern: str, text: str) -> None:
    """Refuse a pattern whose matching would take too long: with a `*`, quadratic in the text."""
    length = len(text)
    if len(pattern) * length * (length if "*" in pattern else 1) > WORK:
        raise PatternError("the pattern is too costly to match", costly=True)


def _tokens(pattern: str) -> list[str]:
    """The tokens of a shell pattern: a character each, `*` and `?` doubled."""
    tokens: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character in "*?":
            tokens.append(character * 2)
        elif character == "\\":
            following = pattern[at : at + 1]
            if following in {"}", "/"}:
                continue
            at += 1
            if following not in {"*", "?", "\\"}:
                message = f"invalid pattern ({pattern}) in substitution: invalid escape '\\{following}'"
                raise PatternError(message)
            tokens.append(following)
        else:
            tokens.append(character)
    return tokens


def _matched(tokens: list[str], text: str, at: int, *, longest: bool) -> int | None:
    """How many characters the pattern matches at `at` of the text (longest or shortest), or None.

    The work is bounded by the product of both lengths.
    """
    states = {at}
    for wanted in tokens:
        match wanted:
            case "**":
                reached: set[int] = set()
                for state in sorted(states):
                    if state not in reached:
                        end = text.find("\n", state)
                        reached.update(range(state, (len(text) if end < 0 else end) + 1))
                states = reached
            case "??":
                states = {state + 1 for state in states if state < len(text) and text[state] != "\n"}
            case _:
                states = {state + 1 for state in states if state < len(text) and text[state] == wanted}
        if not states:
            return None
    return (max(states) if longest else min(states)) - at
