"""Variables of make and what references to them come to. Source of fact: the GNU make manual, sections 6 and 8."""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING, NamedTuple

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from policyengine.model.source import Source
    from policyengine.syntax.environment import Environment

_DEEPEST = 8
_LONGEST = 20_000
_MOST = 2_000
"""How many references one text may lead to."""
_MOST_IN_ALL = 500_000
"""How many references of a Makefile are followed."""
NAME = regex(r"[A-Za-z_][\w.-]*\Z")
_BRACKET = regex(r"[(){}]")
_FUNCTION = regex(r"([a-z][a-z-]*)[ \t]+")
_SILENT = frozenset({"eval", "info", "warning", "error"})
_UNAME = {"Linux": "Linux", "macOS": "Darwin"}
"""What `uname` prints by RUNNER_OS."""


class Expanded(NamedTuple):
    """A text with what is known put in and the rest as `${NAME}`.

    `decided` tells that nothing is left; `conditional` names the condition on which a part of it depends. `unset`
    is a variable that nothing in the files sets.
    """

    text: str
    decided: bool = True
    conditional: str = ""
    unset: bool = False


def closers(raw: str, start: int, end: int) -> dict[int, int]:
    """Where each bracket in a range closes; round and curly ones are counted apart, as make does."""
    found: dict[int, int] = {}
    opened: dict[str, list[int]] = {")": [], "}": []}
    for match in _BRACKET.finditer(raw, start, end):
        char = match[0]
        if char in "({":
            opened[")" if char == "(" else "}"].append(match.start())
        elif opened[char]:
            found[opened[char].pop()] = match.start()
    return found


def reference_end(raw: str, dollar: int, end: int, closed: Mapping[int, int]) -> int:
    """Behind the reference at `dollar`: `$x`, or `$(…)` and `${…}` with brackets balanced; behind a lone dollar."""
    opener = raw[dollar + 1 : min(dollar + 2, end)]
    if opener and opener in "({":
        return closed[dollar + 1] + 1 if dollar + 1 in closed else dollar + 1
    return dollar + 2 if opener and opener not in " \t\n" else dollar + 1


class Values:
    """The variables of a Makefile: of the command line, of the file, of the environment."""

    def __init__(
        self, given: dict[str, str], environment: Environment, file: Callable[[str], Source | None] | None
    ) -> None:
        self.variables: MutableMapping[str, str] = {"CURDIR": ".", "PWD": ".", "MAKE": "make"} | given
        self.fixed = frozenset(given)
        self.environment = environment
        self.conditional: dict[str, str] = {}
        """The variables that an undecided condition sets, with the condition."""
        self._file = file
        self._simple: set[str] = set()
        self._left = 0
        self._inside = 0  # how many functions and conditions are around
        self._budget = [_MOST_IN_ALL]
        self._whole: bool | None = None

    def bound(self, more: Mapping[str, str]) -> Values:
        """The values where some variables have others."""
        made = Values({}, self.environment, self._file)
        made.variables = ChainMap(dict(more), self.variables)
        made.fixed, made.conditional, made._budget = self.fixed, self.conditional, self._budget
        return made

    def assign(self, name: str, operator: str, value: str, conditional: str) -> None:
        """Takes an assignment; `conditional` names an undecided condition around it."""
        set_before = name in self.variables or name in self.environment.variables
        if name in self.fixed or (operator == "?=" and set_before):
            return
        before = self.variables.get(name)
        if operator == "+=" and name in self._simple:
            value = self.expanded(value, escape=True).text
        if operator in {":=", "::=", ":::="}:
            self._simple.add(name)
        elif operator != "+=":
            self._simple.discard(name)
        if operator == "+=":
            if before is None and (outer := self.environment.variables.get(name)):
                before = outer
            value = f"{before} {value}" if before else value
        elif operator in {":=", "::=", ":::="}:
            value = self.expanded(value, escape=True).text
        elif operator == "!=":
            self.variables.pop(name, None)
            return
        if conditional and (before != value or operator == "!="):
            self.conditional.setdefault(name, conditional)
        elif not conditional:
            self.conditional.pop(name, None)
        self.variables[name] = value

    def get(self, name: str) -> str | None:
        """The value of a variable as text, empty where it is not set; None where the files do not decide it."""
        if name in self.conditional:
            return None
        if name in self.variables:
            found = self.asked(self.variables[name])
            return found.text if found.decided else None
        return self.environment.get(name)

    def written(self, name: str) -> str | None:
        """The value before it is expanded, which is what `ifdef` asks for; None where it is not known."""
        if name in self.conditional:
            return None
        return self.variables[name] if name in self.variables else self.environment.get(name)

    def asked(self, text: str) -> Expanded:
        """A text as a condition compares it: a variable that nothing in the files sets is empty everywhere."""
        self._inside += 1
        try:
            return self.expanded(text)
        finally:
            self._inside -= 1

    def expanded(
        self, text: str, *, longest: int = _LONGEST, escape: bool = False, whole: bool | None = None
    ) -> Expanded:
        """A text with what is known put in; `escape` keeps `$$`, for a value that is expanded again.

        A variable that nothing in the files sets is empty as a word of its own, and kept within one, where it may only
        seem so. `whole` tells which of both a text that is one reference is.
        """
        if "$" not in text:
            return Expanded(text[:longest])
        self._left = _MOST
        self._whole = whole
        made = self._put(text, 0, {}, escape=escape)
        return made._replace(text=made.text[:longest])

    def _put(self, text: str, depth: int, bound: Mapping[str, str], *, escape: bool = False) -> Expanded:
        pieces: list[str] = []
        decided, conditional = True, ""
        at, length = 0, 0
        closed = closers(text, 0, len(text))
        while (dollar := text.find("$", at)) >= 0 and length < _LONGEST:
            pieces.append(text[at:dollar])
            at = reference_end(text, dollar, len(text), closed)
            if at == dollar + 1 or text[dollar:at] == "$$":
                pieces.append(text[dollar:at] if escape else "$")
                continue
            made = self._reference(text[dollar + 1 : at], depth, bound)
            alone = self._whole if self._whole is not None and depth == 0 else _alone(text, dollar, at)
            if made.unset and (alone or self._inside):
                made = Expanded("")
            if escape and made.decided:
                made = made._replace(text=made.text.replace("$", "$$"))
            pieces.append(made.text)
            length += len(made.text)
            decided, conditional = decided and made.decided, conditional or made.conditional
        pieces.append(text[at:])
        return Expanded("".join(pieces), decided, conditional)

    def _reference(self, written: str, depth: int, bound: Mapping[str, str]) -> Expanded:
        inner = written[1:-1] if written[:1] in {"(", "{"} else written
        self._left -= 1
        self._budget[0] -= 1
        if depth >= _DEEPEST or self._left < 0 or self._budget[0] < 0 or inner == "_":  # of a value expanded before
            return Expanded(_kept(inner), decided=False)
        if function := _FUNCTION.match(inner):
            return self._function(function[1], inner[function.end() :], depth, bound)
        if inner in bound:
            return Expanded(bound[inner])
        if "$" in inner:
            name = self._put(inner, depth + 1, bound)
            if not name.decided or "$" in name.text:
                return Expanded("${_}", decided=False)
            inner = name.text
        if inner in self.variables:
            made = self._put(self.variables[inner], depth + 1, bound)
            if inner in self.conditional:
                return Expanded(_kept(inner), decided=False, conditional=self.conditional[inner])
            return made
        value = self.environment.get(inner) if NAME.match(inner) else None
        if value is None:
            return Expanded(_kept(inner), decided=False)
        unset = inner not in self.environment.variables
        return Expanded(_kept(inner), decided=False, unset=True) if unset else Expanded(value)

    def _function(self, name: str, rest: str, depth: int, bound: Mapping[str, str]) -> Expanded:
        if name in _SILENT:
            return Expanded("")
        if name == "call":
            return self._call(arguments(rest), depth, bound)
        if name == "origin":
            return self._origin(rest.strip())
        self._inside += 1
        given = [self._put(each, depth + 1, bound) for each in arguments(rest)]
        self._inside -= 1
        conditional = next((each.conditional for each in given if each.conditional), "")
        unknown = Expanded("${_}", decided=False, conditional=conditional)
        if name == "if" and given[0].decided:
            at = 1 if given[0].text.strip() else 2
            return given[at] if at < len(given) else Expanded("")
        if name == "or":
            return next((each for each in given if not each.decided or each.text.strip()), Expanded(""))
        if not all(each.decided for each in given):
            return unknown
        found = self._made(name, [each.text for each in given])
        return unknown if found is None else Expanded(found)

    def _call(self, given: list[str], depth: int, bound: Mapping[str, str]) -> Expanded:
        """`$(call name,one,two)`: the variable with `$(1)` and `$(2)` put in."""
        name = given[0].strip()
        if name not in self.variables or name in self.conditional:
            return Expanded("", decided=False, conditional=self.conditional.get(name, ""))
        numbered = {str(number): self._put(each, depth + 1, bound).text for number, each in enumerate(given)}
        return self._put(self.variables[name], depth + 1, {**{str(n): "" for n in range(10)}, **numbered})

    def _origin(self, name: str) -> Expanded:
        if name in self.fixed:
            return Expanded("command line")
        if name in self.variables:
            return Expanded("file") if name not in self.conditional else Expanded("${_}", decided=False)
        value = self.environment.get(name)
        if value is None:
            return Expanded("${_}", decided=False)
        return Expanded("environment" if name in self.environment.variables else "undefined")

    def _made(self, name: str, given: list[str]) -> str | None:
        """What a function of texts gives; None for one that is not known here or asks the machine."""
        match name, given:
            case "strip", [text]:
                return " ".join(text.split())
            case "findstring", [part, text]:
                return part if part in text else ""
            case "filter" | "filter-out", [patterns, text]:
                words = patterns.split()
                return " ".join(word for word in text.split() if _fits(word, words) is (name == "filter"))
            case "firstword", [text]:
                return next(iter(text.split()), "")
            case "word", [number, text] if number.strip().isdigit():
                return "".join(text.split()[int(number[:6]) - 1 : int(number[:6])]) if int(number[:6]) else None
            case "wordlist", [first, last, text] if first.strip().isdigit() and last.strip().isdigit():
                return " ".join(text.split()[max(int(first[:6]) - 1, 0) : int(last[:6])])
            case "words", [text]:
                return str(len(text.split()))
            case "subst", [old, new, text] if old:
                return text.replace(old, new)[:_LONGEST]
            case "addprefix", [prefix, text]:
                return " ".join(prefix + word for word in text.split())[:_LONGEST]
            case "addsuffix", [suffix, text]:
                return " ".join(word + suffix for word in text.split())[:_LONGEST]
            case "and", _:
                return given[-1] if all(each.strip() for each in given) else ""
            case "wildcard", [text]:
                found = self._file is not None and "*" not in text and self._file(text.strip()) is not None
                return text.strip() if found else None  # an earlier command may have made it
            case "shell", _:
                return self._shell(",".join(given).strip())
            case _:
                return None

    def _shell(self, command: str) -> str | None:
        if command == "pwd":
            return "."
        if re.fullmatch(r"uname(?: -s)?(?: 2>/dev/null)?(?: \|\| echo \S+)?", command):
            return _UNAME.get(self.environment.get("RUNNER_OS") or "")
        return None


def _alone(text: str, start: int, end: int) -> bool:
    """Whether a reference is a whole word."""
    return (start == 0 or text[start - 1].isspace()) and (end >= len(text) or text[end].isspace())


def _kept(name: str) -> str:
    return f"${{{name}}}" if NAME.match(name) else "${_}"


def _fits(word: str, patterns: list[str]) -> bool:
    for pattern in patterns:
        before, mark, after = pattern.partition("%")
        long = len(word) >= len(before) + len(after)
        if word == pattern or (mark and long and word.startswith(before) and word.endswith(after)):
            return True
    return False


def arguments(text: str) -> list[str]:
    """The arguments of a function, split at commas outside brackets."""
    found: list[str] = []
    depth, begin = 0, 0
    for at, char in enumerate(text):
        if char in "({":
            depth += 1
        elif char in ")}":
            depth -= 1
        elif char == "," and depth <= 0:
            found.append(text[begin:at])
            begin = at + 1
    return [*found, text[begin:]]
