"""Docker's `${VARIABLE:-default}` templates, on text that knows where each of its parts stands.

Docker Compose uses the same templates in Compose files and in env files. The grammar is its own: a braced expression
reaches to the last brace of its line and is cut at the first balanced one, an operator is the first in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.source import Span

_NAME = regex(r"[_a-z][_a-z0-9]*", re.IGNORECASE)
_OPERATOR = regex(r":?[-+?]")
_DEEPEST = 32
_MOST = 10_000
LONGEST = 131_072
"""Characters that a text may expand to."""

_MOST_PIECES = 200


class TemplateError(Exception):
    """A template that Docker refuses: malformed, or a required variable without a value."""

    def __init__(self, message: str, span: Span, *, required: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.required = required


def expand(template: Text, lookup: Callable[[str], Text | None], *, strict: bool) -> Text:
    """The template with its variables replaced.

    With `strict` an unset variable becomes empty and a missing required one is an error, as Docker has it; without,
    both are undecided, because the environment of whoever runs Docker is not among the files.

    Raises:
        TemplateError: the template is malformed, or, when strict, requires a variable that is not set.
    """
    if "$" not in template.written:
        return template
    return _Expanding(lookup, strict).substitute(template, 0)


def unset(name: str, place: Span) -> Unknown:
    """Why a variable that no file sets is not known."""
    return Unknown(f"the variable '{name}' set outside the files", place, about=name)


class _Expanding(NamedTuple):
    """One expansion: what variables are, and whether what is unset is empty."""

    lookup: Callable[[str], Text | None]
    strict: bool

    def substitute(self, template: Text, depth: int) -> Text:
        """All replacements of one template, left to right; what is not decided in it stays as it is."""
        text = template.masked(" ")
        if "$" not in text:
            return template
        if depth > _DEEPEST:
            raise TemplateError(f"the template is nested deeper than {_DEEPEST} levels", template.pieces[0].span)
        parts: list[Text] = []
        kept = at = count = length = 0
        longest = max(LONGEST, 2 * len(text))
        line_end = -1
        while (dollar := text.find("$", at)) >= 0:
            if dollar > line_end:
                newline = text.find("\n", dollar)
                line_end = newline if newline >= 0 else len(text)
            expression = _expression(text, dollar, line_end)
            if expression is None:
                at = dollar + 1
                continue
            if dollar > kept:
                parts.append(template.cut(kept, dollar))
            kept = at = expression.end
            count += 1
            if count > _MOST:
                raise TemplateError(f"the template holds more than {_MOST} variables", template.pieces[0].span)
            if expression.name == "$":
                parts.append(template.cut(dollar + 1, expression.end))
                continue
            found = template.cut(dollar, expression.end)
            if not expression.name:
                raise TemplateError(f"invalid interpolation format: {text[dollar : dollar + 2]!r}", found.place)
            step = Via(found.written, found.place, may_hold_secret(expression.name))
            value = self._value(expression, template.cut(*expression.operand), step, depth)
            parts.append(value)
            length += len(value.written)
            if length > longest:
                raise TemplateError(f"the template expands beyond {LONGEST:,} characters", step.span)
        if kept < len(text):
            parts.append(template.cut(kept))
        return _at_one_place(Text.join(parts)) if parts else template.cut(0, 0)

    def _value(self, expression: _Expression, operand: Text, step: Via, depth: int) -> Text:
        """The value of `$name` or `${name<operator>operand}`."""
        name, operator = expression.name, expression.operator
        held = self.lookup(name)
        present = held is not None and (not operator.startswith(":") or held.written != "")
        match operator[-1:]:
            case "+" if held is not None and operator == ":+" and _may_be_empty(held):
                return held.stepped(step)
            case "+" if present:
                return self.substitute(operand, depth + 1).stepped(step)
            case "+":
                return Text.made("", step.span, (step,)) if self.strict or held is not None else self._unset(name, step)
            case _ if held is not None and present:
                return held.stepped(step)
            case "-":
                return self.substitute(operand, depth + 1).stepped(step)
            case "?" if self.strict:
                reason = self.substitute(operand, depth + 1).written
                message = f"required variable {name} is missing a value" + (f": {reason}" if reason else "")
                raise TemplateError(message, step.span, required=name)
            case "" if self.strict:
                return Text.made("", step.span, (step,))
            case _:
                return self._unset(name, step)

    def _unset(self, name: str, step: Via) -> Text:
        return Text.undecided(step.what, unset(name, step.span), (step,))


def _may_be_empty(text: Text) -> bool:
    """Whether all of a text is undecided, so that it may be empty."""
    return bool(text.written) and all(piece.unknown is not None for piece in text.pieces)


def _at_one_place(text: Text) -> Text:
    """A text of very many pieces as one: nobody edits such a value, and its places are not worth their memory."""
    if len(text.pieces) <= _MOST_PIECES:
        return text
    first, unknown = text.pieces[0], text.unknown
    if unknown is not None:
        return Text.undecided(text.written, unknown, first.via)
    return Text.made(text.written, first.span, first.via)


class _Expression(NamedTuple):
    """What stands at a dollar sign: a variable, `$$` (the name is `$`), or nothing valid (no name)."""

    name: str
    end: int
    operator: str = ""
    operand: tuple[int, int] = (0, 0)


def _expression(text: str, dollar: int, line_end: int) -> _Expression | None:
    """The expression that starts at a dollar sign; None where the sign stands for itself."""
    at = dollar + 1
    if text.startswith("$", at):
        return _Expression("$", at + 1)
    braced = text.startswith("{", at)
    name = _NAME.match(text, at + braced)
    if not braced:
        return None if name is None else _Expression(name[0], name.end())
    invalid = _Expression("", at + 1)
    if name is None:
        return invalid
    if text.startswith("}", name.end()):
        return _Expression(name[0], name.end() + 1)
    operator = _OPERATOR.match(text, name.end())
    if operator is None:
        return invalid
    last = text.rfind("}", operator.end(), line_end)
    if last < 0:
        return invalid
    closing = _closing_brace(text, at, last + 1)
    end = closing if closing >= 0 else last
    return _Expression(name[0], end + 1, operator[0], (operator.end(), end))


def _closing_brace(text: str, start: int, stop: int) -> int:
    """Where the first brace expression closes, as Docker counts: the letter after `{` is not looked at."""
    depth = 0
    at = start
    while at < stop:
        if text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        elif text[at] == "{":
            depth += 1
            at += 1
        at += 1
    return -1
