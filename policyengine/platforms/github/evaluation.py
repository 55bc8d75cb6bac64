"""GitHub's expressions: what one comes to, as far as files decide it.

Source of fact: GitHub's "Evaluate expressions in workflows and actions" (literals, operators, functions, the casts of
loose equality). An operand that only the run decides is Unsettled; `false && x` and `true || x` are decided all the
same.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import Span
from policyengine.model.value import Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEEPEST = 50
"""How deep an expression may be nested (GitHub's own limit)."""
_LONGEST = 20_000
_TOKEN = regex(r"\s*(?:('(?:[^']|'')*')|(0x[0-9A-Fa-f]+|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_][\w-]*)|"
               r"(&&|\|\||[!=<>]=|[!<>().,\[\]*]))")  # fmt: skip
_NUMBER = regex(r"\s*(?:[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|0x[0-9A-Fa-f]+)?\s*")


class Unsettled(Unknown, frozen=True):
    """An Unknown of an expression; `truth` is whether it counts as true, where that much is known.

    `text` is what the run still has to look up: of `a && b || c` it may be `c`. Empty where that is not told. `start`
    is how its text begins.
    """

    reason: str = "only the run knows it"
    span: Span = Span("", 0, 0)
    truth: bool | None = None
    text: str = ""
    start: str = ""


class Untyped(Struct, frozen=True):
    """A scalar of a matrix whose type is not on record: `true` may be a switch or a text."""

    text: str


Outcome = bool | float | str | Untyped | Unsettled | None


class _NotReadError(Exception):
    """The text is no expression."""


def evaluate(text: str, lookup: Callable[[str, Sequence[str]], Outcome]) -> Outcome:
    """What an expression (without its `${{ }}`) comes to; `lookup` gives the value of a context's path."""
    try:
        return _Evaluation(text, lookup).whole()
    except _NotReadError:
        return Unsettled()


def truth(value: Outcome) -> bool | None:
    """Whether a value counts as true; None where that is not decided."""
    match value:
        case Unsettled(truth=decided):
            return decided
        case Untyped(text):
            return bool(text) and text not in {"false", "null", "0", "~"}
        case float():
            return value != 0 and not math.isnan(value)
        case _:
            return bool(value)


def written(value: Outcome) -> str | None:
    """A value as GitHub puts it into a text; None where it is not decided."""
    match value:
        case Unsettled():
            return None
        case Untyped(text):
            return text
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return value


class _Evaluation:
    """One expression, read and evaluated in one pass by recursive descent."""

    def __init__(self, text: str, lookup: Callable[[str, Sequence[str]], Outcome]) -> None:
        if len(text) > _LONGEST:
            raise _NotReadError
        self.lookup = lookup
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _NotReadError
            kind = ("text", "number", "name", "sign")[(match.lastindex or 1) - 1]
            self.tokens.append((kind, match[match.lastindex or 1]))
            at = match.end()
        self.at = 0
        self.depth = 0

    def whole(self) -> Outcome:
        found = self._or()
        if self.at < len(self.tokens):
            raise _NotReadError
        return found

    def _sign(self, *signs: str) -> str:
        """Takes the next token if it is one of the signs."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def _take(self, sign: str) -> None:
        if not self._sign(sign):
            raise _NotReadError

    def _or(self) -> Outcome:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _NotReadError
        left = self._and()
        while self._sign("||"):
            right = self._and()
            known = truth(left)
            if known is None:
                left = Unsettled(truth=True if truth(right) else None, text=_either(left, right))
            elif not known:
                left = right
        self.depth -= 1
        return left

    def _and(self) -> Outcome:
        left = self._equal()
        while self._sign("&&"):
            right = self._equal()
            known = truth(left)
            if known is None:
                left = Unsettled(truth=False if truth(right) is False else None)
            elif known:
                left = right
        return left

    def _equal(self) -> Outcome:
        left = self._compared()
        while sign := self._sign("==", "!="):
            same = _same(left, self._compared())
            left = Unsettled() if same is None else same == (sign == "==")
        return left

    def _compared(self) -> Outcome:
        left = self._negated()
        while sign := self._sign("<", "<=", ">", ">="):
            left = _ordered(left, self._negated(), sign)
        return left

    def _negated(self) -> Outcome:
        flips = 0
        while self._sign("!"):
            flips += 1
        found = self._primary()
        if not flips:
            return found
        known = truth(found)
        if known is None:
            return Unsettled()
        made = known != (flips % 2 == 1)
        return Unsettled(truth=made) if isinstance(found, Unsettled) else made

    def _primary(self) -> Outcome:
        if self._sign("("):
            inner = self._or()
            self._take(")")
            return inner
        if self.at >= len(self.tokens):
            raise _NotReadError
        kind, token = self.tokens[self.at]
        self.at += 1
        match kind:
            case "text":
                return token[1:-1].replace("''", "'")
            case "number":
                return _number(token)
            case "name":
                return self._named(token)
            case _:
                raise _NotReadError

    def _named(self, name: str) -> Outcome:
        words: dict[str, Outcome] = {"true": True, "false": False, "null": None}
        if name in words:
            return words[name]
        first = self.at - 1
        if self._sign("("):
            arguments: list[Outcome] = []
            while not self._sign(")"):
                arguments.append(self._or())
                if not self._sign(","):
                    self._take(")")
                    break
            found = Unsettled() if self._steps() else _called(name.lower(), arguments)
            return self._rest(found, first)
        steps = self._steps()
        path = [step for step in steps if step is not None]
        return self._rest(self.lookup(name.lower(), path) if len(path) == len(steps) else Unsettled(), first)

    def _rest(self, found: Outcome, first: int) -> Outcome:
        """A value, which is the text read since `first` where it is not decided."""
        if not isinstance(found, Unsettled):
            return found
        text = "".join(token for _, token in self.tokens[first : self.at])
        return Unsettled(truth=found.truth, text=text, start=found.start)

    def _steps(self) -> list[str | None]:
        """The `.name`, `['name']` and `.*` behind a context; None for what is not a fixed name."""
        steps: list[str | None] = []
        while sign := self._sign(".", "["):
            if self._sign("*"):
                steps.append(None)
            elif sign == "[":
                steps.append(written(self._or()))
            elif self.at < len(self.tokens) and self.tokens[self.at][0] == "name":
                steps.append(self.tokens[self.at][1])
                self.at += 1
            else:
                raise _NotReadError
            if sign == "[":
                self._take("]")
        return steps


def _either(left: Outcome, right: Outcome) -> str:
    """What is left of `left || right` where the left is not decided."""
    if not isinstance(left, Unsettled) or not left.text or len(left.text) > _LONGEST:
        return ""
    match right:
        case Unsettled(text=text):
            return f"{left.text} || {text}" if text else ""
        case str() if right:
            return f"{left.text} || '" + right.replace("'", "''") + "'"
        case _:
            return "" if truth(right) else left.text


def _number(value: bool | float | str | None) -> float:  # noqa: FBT001  one of the kinds of value
    match value:
        case None:
            return 0.0
        case str():
            if _NUMBER.fullmatch(value) is None:
                return math.nan
            text = value.strip()
            try:
                return float(int(text, 16)) if text.startswith("0x") else float(text or "0")
            except OverflowError:
                return math.inf
        case _:
            return float(value)


def _same(one: Outcome, other: Outcome) -> bool | None:
    """Loose equality: texts ignore case, unlike kinds are compared as numbers."""
    if isinstance(other, Untyped | Unsettled) and not isinstance(one, Unsettled):
        one, other = other, one
    if isinstance(one, Unsettled):
        differs = isinstance(other, str) and not other.lower().startswith(one.start.lower())
        return False if differs else None
    if isinstance(one, Untyped):
        text = written(other)
        if text is None or one.text.lower() != text.lower():
            return False
        return None if isinstance(other, str) and one.text in {"true", "false", "null"} else True
    if isinstance(other, Untyped | Unsettled):
        return None
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if (one is None) and (other is None):
        return True
    return _number(one) == _number(other)


def _ordered(one: Outcome, other: Outcome, sign: str) -> Outcome:
    if isinstance(one, Unsettled | Untyped) or isinstance(other, Unsettled | Untyped):
        return Unsettled()
    if isinstance(one, str) and isinstance(other, str):
        smaller, same = one.lower() < other.lower(), one.lower() == other.lower()
    else:
        left, right = _number(one), _number(other)
        if math.isnan(left) or math.isnan(right):
            return False
        smaller, same = left < right, left == right
    if "=" in sign and same:
        return True
    return smaller if sign[0] == "<" else not smaller and not same


def _called(name: str, arguments: Sequence[Outcome]) -> Outcome:
    """What a function gives; the status functions except `always` and all that looks at files are the run's matter."""
    if name == "always":
        return True
    texts = [written(each) for each in arguments]
    if any(each is None for each in texts) or not texts:
        return Unsettled()
    words = [each or "" for each in texts]
    match name, words:
        case "contains", [whole, part]:
            return part.lower() in whole.lower()
        case "startswith", [whole, part]:
            return whole.lower().startswith(part.lower())
        case "endswith", [whole, part]:
            return whole.lower().endswith(part.lower())
        case "format", [pattern, *rest]:
            return re.sub(
                r"\{\{|\}\}|\{(\d+)\}",
                lambda match: match[0][0] if match[1] is None else "".join(rest[int(match[1]) : int(match[1]) + 1]),
                pattern,
            )
        case "fromjson", [text]:
            return _from_json(text)
        case _:
            return Unsettled()


def _from_json(text: str) -> Outcome:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return Unsettled()
    if found is None or isinstance(found, bool | str):
        return found
    return float(found) if isinstance(found, int | float) and abs(found) < 1e300 else Unsettled()
