"""Which paths ignore files leave out: those of git, and those of Docker, whose rules differ.

In a .dockerignore a pattern is cleaned like a path (`./a/../b/` is `b`), matches a path or a folder above it, and the
last one that matches decides. `!` takes back only what is left out at that point: `!a` before or without a match of `a`
itself does not bring back `a/b` that `a/*` leaves out. Source: docs.docker.com/build/concepts/context, and the
behaviour of github.com/moby/patternmatcher.
"""

from __future__ import annotations

import posixpath
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathspec import GitIgnoreSpec

_MOST_DOUBLE_STARS = 4
_CLASS = regex(r"(\^?)((?:[^\]\\]|\\.)+)\]")
_ANOTHER_STAR = regex(r"[^/*\\]+\*(?!\*)")


_LONGEST_PATH = 4096
"""Bytes of a path (Linux' PATH_MAX): a pattern that asks for more characters matches none."""

_ANY_CHARACTER = regex(r"\[!?\^?\]?[^\]]*\]|\\.")
_NO_CHARACTER = regex(r"[*\\]")

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \t", "digit": "0-9", "lower": "a-z", "upper": "A-Z",
    "space": " \t\n\r\f\v", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_POSIX_CLASS = regex(r"\[:([a-z]+):\]")


_AT_ONCE = 500
"""How many patterns are matched at once; thousands exceed the memory of one set of RE2."""


class GitPatterns(Struct, frozen=True):
    """The patterns of one .gitignore, in linear time. Built by `compile_patterns`."""

    specs: tuple[GitIgnoreSpec, ...]

    def verdict(self, path: str) -> bool | None:
        """Whether the file leaves out a path (POSIX, relative to its folder); None where no pattern matches."""
        for spec in reversed(self.specs):
            found = spec.check_file(path).include
            if found is not None:
                return found
        return None

    def covers(self, path: str, *, default: bool = False) -> bool:
        """Whether the patterns match a path or a folder above it; `default` where none says anything of it."""
        parts = path.split("/")
        if any(self.verdict("/".join(parts[:depth]) + "/") for depth in range(1, len(parts))):
            return True
        told = self.verdict(path)
        return default if told is None else told


def compile_patterns(lines: Iterable[str]) -> GitPatterns:
    """The patterns of a .gitignore as git reads them (gitignore(5)).

    What git takes and no path can match, such as `!` alone, a trailing backslash or `[z-a]`, matches nothing here too.
    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  costs 20 ms, and many trees have no .gitignore

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pathspec compiles each pattern by `re`, too, which has doubts
        sound = [line for line in map(_posix, lines) if _sound(line)]
        parts = (sound[start : start + _AT_ONCE] for start in range(0, len(sound), _AT_ONCE))
        return GitPatterns(tuple(GitIgnoreSpec.from_lines(part, backend="re2") for part in parts))


def _posix(line: str) -> str:
    return _POSIX_CLASS.sub(lambda match: _POSIX.get(match[1], match[0]), line)


@cache
def _sound(line: str) -> bool:
    """Whether a line is a pattern that can match; comments and blank lines are none."""
    import re2  # noqa: PLC0415  as pathspec
    from pathspec.patterns.gitignore.base import GitIgnorePatternError  # noqa: PLC0415  as pathspec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415  as pathspec

    if len(_NO_CHARACTER.sub("", _ANY_CHARACTER.sub("x", line))) > _LONGEST_PATH:
        return False
    try:
        expression, _ = GitIgnoreSpecPattern.pattern_to_regex(line)
        if expression is None:
            return False
        options = re2.Options()
        options.log_errors = False
        re2.compile(expression, options)
    except (GitIgnorePatternError, re2.error):
        return False
    return True


def left_out_by_docker(patterns: Iterable[str], path: str) -> bool:
    """Whether the lines of a .dockerignore leave out a path (POSIX, relative to the context)."""
    rules = [rule for rule in map(_rule, patterns) if rule is not None]
    parts = path.split("/")
    above = [False] * len(rules)
    left_out = False
    for depth in range(1, len(parts) + 1):
        prefix = "/".join(parts[:depth])
        left_out, matched = False, []
        for (expression, exception), inherited in zip(rules, above, strict=True):
            match = inherited
            if not match and exception == left_out:
                match = expression.fullmatch(prefix) is not None
            matched.append(match)
            if match:
                left_out = not exception
        above = matched
    return left_out


@cache
def _rule(line: str) -> tuple[re.Pattern[str], bool] | None:
    """A line as an expression and whether it is an exception; None for comments and blank lines."""
    pattern = line.strip()
    if line.startswith("#") or not pattern:
        return None
    exception = pattern.startswith("!")
    pattern = pattern[exception:].strip()
    if not pattern:
        return None
    return _expression(_cleaned(pattern)), exception


def _cleaned(pattern: str) -> str:
    cleaned = "/" + posixpath.normpath(pattern).lstrip("/") if pattern.startswith("/") else posixpath.normpath(pattern)
    return cleaned[1:] if len(cleaned) > 1 and cleaned.startswith("/") else cleaned


def _expression(pattern: str) -> re.Pattern[str]:
    """Go's filepath.Match, with `**` for any number of folders.

    A `*` between fixed parts of one segment takes its shortest match for good (an atomic group), because a longer one
    could never help: matching stays linear in the number of such stars.
    """
    if pattern.count("**") > _MOST_DOUBLE_STARS:
        return re.compile(re.escape(pattern))
    out, open_star, at = "", False, 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            double = pattern.startswith("*", at)
            out += ")" if open_star else ""
            open_star = False
            if double:
                at += 1
                at += pattern.startswith("/", at)
                out += "(?:.*/)?" if at < len(pattern) else ".*"
            elif _ANOTHER_STAR.match(pattern, at):
                out += "(?>[^/]*?"
                open_star = True
            else:
                out += "[^/]*"
        elif character == "?":
            out += "[^/]"
        elif character == "\\" and at < len(pattern):
            out += re.escape(pattern[at])
            at += 1
        elif character == "[" and (closed := _CLASS.match(pattern, at)) is not None:
            out += f"[{closed[1]}" + re.sub(r"([\[&~|]|-(?=-))", r"\\\1", closed[2]) + "]"
            at = closed.end()
        else:
            out += re.escape(character)
    try:
        return re.compile(out, re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))
