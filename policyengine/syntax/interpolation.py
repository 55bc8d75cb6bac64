"""Docker's `${VARIABLE:-default}` templates, on text that knows where each of its parts stands.

Docker Compose uses the same templates in Compose files and in env files. The grammar is its own: a braced expression
reaches to the last brace of its line and is cut at the first balanced one, an operator is the first in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.source import Span
from policyengine.model.value import Via
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOLE = "\uffff"
"""Stands in a text for a part that the files do not decide. YAML and env files cannot hold this character."""

_NAME = regex(r"[_a-z][_a-z0-9]*", re.IGNORECASE)
_OPERATOR = regex(r":?[-+?]")
_DEEPEST = 32
_MOST = 10_000
LONGEST = 131_072
"""Characters that a text may expand to."""

_MOST_PIECES = 1_000


class Piece(NamedTuple):
    """The part `[start, end)` of a text and the `span` it came from; `exact` when it stands there letter by letter."""

    start: int
    end: int
    span: Span
    exact: bool
    via: tuple[Via, ...] = ()


class Text(NamedTuple):
    """A text with the places its parts came from, in order and without overlap."""

    text: str
    pieces: tuple[Piece, ...]

    @classmethod
    def at(cls, text: str, span: Span, via: tuple[Via, ...] = ()) -> Text:
        """A text that stands at one place."""
        return cls(text, (Piece(0, len(text), span, span.end - span.start == len(text), via),))

    def cut(self, start: int, end: int) -> Text:
        """The text from `start` to `end`, with its places."""
        pieces = []
        for piece in self.pieces:
            left, right = max(piece.start, start), min(piece.end, end)
            if left < right or (left == right and piece.start <= left <= piece.end and start == end):
                span = piece.span
                if piece.exact:
                    base = span.start - piece.start
                    span = Span(span.path, base + left, base + right)
                pieces.append(Piece(left - start, right - start, span, piece.exact, piece.via))
        if start == end and len(pieces) > 1:
            pieces = pieces[:1]
        return Text(self.text[start:end], tuple(pieces))

    def stepped(self, *steps: Via) -> Text:
        """The same text after every part of it passed `steps`, the nearest to the user first."""
        return Text(self.text, tuple(piece._replace(via=(*steps, *piece.via)) for piece in self.pieces))

    @property
    def via(self) -> tuple[Via, ...]:
        """All that any part of the text passed, each once."""
        return tuple(dict.fromkeys(step for piece in self.pieces for step in piece.via))


def join(parts: Iterable[Text]) -> Text:
    """The parts one after the other."""
    texts: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for part in parts:
        texts.append(part.text)
        pieces.extend(
            piece._replace(start=piece.start + length, end=piece.end + length)
            for piece in part.pieces
            if piece.start < piece.end or not part.text
        )
        length += len(part.text)
    pieces = [piece for piece in pieces if piece.start < piece.end] if length else pieces[:1]
    if len(pieces) > _MOST_PIECES:  # nobody edits such a value: its places are not worth their memory
        pieces = [Piece(0, length, pieces[0].span, exact=False, via=pieces[0].via)]
    return Text("".join(texts), tuple(pieces))


class TemplateError(Exception):
    """A template that Docker refuses: malformed, or a required variable without a value."""

    def __init__(self, message: str, span: Span, *, required: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.required = required


class Expansion(NamedTuple):
    """What a template became, and the variables that nothing set (each is a hole, or empty when strict)."""

    text: Text
    unset: tuple[str, ...] = ()


def expand(template: Text, lookup: Callable[[str], Text | None], *, strict: bool) -> Expansion:
    """The template with its variables replaced.

    With `strict` an unset variable becomes empty and a missing required one is an error, as Docker has it; without,
    both become a `HOLE`, because the environment of whoever runs Docker is not among the files.

    Raises:
        TemplateError: the template is malformed, or, when strict, requires a variable that is not set.
    """
    if "$" not in template.text:
        return Expansion(template)
    unset: list[str] = []
    text = _substitute(template, lookup, unset, strict=strict, depth=0)
    return Expansion(text, tuple(dict.fromkeys(unset)))


def _substitute(
    template: Text,
    lookup: Callable[[str], Text | None],
    unset: list[str],
    *,
    strict: bool,
    depth: int,
) -> Text:
    """All replacements of one template, left to right."""
    text = template.text
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
            raise TemplateError(f"invalid interpolation format: {text[dollar : dollar + 80]!r}", _place(found))
        step = Via(found.text, _place(found))
        if expression.operator:
            operand = template.cut(*expression.operand)
            name, operator = expression.name, expression.operator
            value = _operated(name, operator, operand, step, lookup, unset, strict=strict, depth=depth)
        else:
            held = lookup(expression.name)
            if held is None:
                unset.append(expression.name)
                held = Text.at("" if strict else HOLE, step.span)
            value = held.stepped(step)
        parts.append(value)
        length += len(value.text)
        if length > longest:
            raise TemplateError(f"the template expands beyond {LONGEST:,} characters", step.span)
    if kept < len(text):
        parts.append(template.cut(kept, len(text)))
    return join(parts)


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


def _operated(
    name: str,
    operator: str,
    operand: Text,
    step: Via,
    lookup: Callable[[str], Text | None],
    unset: list[str],
    *,
    strict: bool,
    depth: int,
) -> Text:
    """The value of `${name<operator>operand}`."""
    held = lookup(name)
    present = held is not None and (not operator.startswith(":") or held.text != "")
    kind = operator[-1]
    if kind == "+":
        if present:
            return _substitute(operand, lookup, unset, strict=strict, depth=depth + 1).stepped(step)
        return held.stepped(step) if held is not None else Text.at("", step.span, (step,))
    if held is not None and present:
        return held.stepped(step)
    if kind == "-":
        return _substitute(operand, lookup, unset, strict=strict, depth=depth + 1).stepped(step)
    if not strict:
        unset.append(name)
        return Text.at(HOLE, step.span, (step,))
    reason = _substitute(operand, lookup, unset, strict=strict, depth=depth + 1).text
    message = f"required variable {name} is missing a value" + (f": {reason}" if reason else "")
    raise TemplateError(message, step.span, required=name)


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


def _place(text: Text) -> Span:
    """The place of a template: from its first part to its last, when both stand in one file."""
    first, last = text.pieces[0].span, text.pieces[-1].span
    return first.cover(last) if first.path == last.path else first
