"""Expand the variables of env files, as their dialects do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.model.value import Via
from policyengine.patterns import regex
from policyengine.syntax.dotenv import Expands, undecided
from policyengine.syntax.interpolation import LONGEST, TemplateError, expand, unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyengine.syntax.dotenv import EnvEntry

_PY_VARIABLE = regex(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")


class Resolved(Struct, frozen=True):
    """One variable after expansion."""

    key: str
    key_span: Span
    text: Text

    @property
    def place(self) -> Span:
        """Where the value stands; of one that is made of several parts, from the first to the last behind its key."""
        if len(self.text.pieces) == 1:
            return self.text.place
        parts = [piece.span for piece in self.text.pieces]
        parts += [step.span for piece in self.text.pieces for step in piece.via]
        own = [span for span in parts if span.path == self.key_span.path and span.start >= self.key_span.end]
        result = own[0] if own else self.key_span
        for span in own:
            result = result.cover(span)
        return result


def resolve(
    assignments: Iterable[EnvEntry],
    lookup: Callable[[str], Text | None],
    *,
    strict: bool,
    before: dict[str, Resolved] | None = None,
    lost: list[ReadError] | None = None,
) -> dict[str, Resolved]:
    """The variables of a file after expansion, the last assignment of a key winning.

    A value may name variables that `lookup` knows, those assigned above it, and those in `before`. A bare `KEY` takes
    what `lookup` has, and is left out when that is nothing. `lost` takes what is wrong with single templates, whose
    values then are undecided.

    Raises:
        ReadError: a template is malformed or requires a variable that is not set, and `lost` is not given.
    """
    found: dict[str, Resolved] = dict(before or {})

    def known(name: str) -> Text | None:
        held = lookup(name)
        if held is None and name in found:
            return found[name].text
        return held

    for assignment in assignments:
        if assignment.value is None and assignment.expands is Expands.PYTHON:
            found.pop(assignment.key, None)  # python-dotenv: a bare key has no value, whatever it had before
            continue
        if assignment.value is None:
            held = lookup(assignment.key)
            if held is not None:
                text = held.stepped(Via(assignment.key, assignment.key_span))
                found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
            elif not strict:
                step = Via(assignment.key, assignment.key_span)
                unknown = unset(assignment.key, assignment.key_span)
                text = Text.undecided(f"${{{assignment.key}}}", unknown, (step,))
                found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
            continue
        text = assignment.value
        try:
            if assignment.expands is Expands.COMPOSE:
                text = expand(text, known, strict=strict)
            elif assignment.expands is Expands.PYTHON:
                text = _expand_python(text, known, strict=strict)
        except (TemplateError, ReadError) as error:
            wrong = error if isinstance(error, ReadError) else ReadError(error.message, error.span)
            if lost is None:
                raise wrong from error
            lost.append(wrong)
            text = undecided(wrong)
        found[assignment.key] = Resolved(assignment.key, assignment.key_span, text)
    return found


def _expand_python(value: Text, lookup: Callable[[str], Text | None], *, strict: bool) -> Text:
    """`${A}` and `${A:-b}` expanded; an unset variable is empty for python-dotenv."""
    parts: list[Text] = []
    at = length = 0
    for match in _PY_VARIABLE.finditer(value.written):
        start, end = match.span()
        parts.append(value.cut(at, start))
        at = end
        step = Via(match[0], value.cut(start, end).pieces[0].span)
        held = lookup(match["name"])
        length += len(held.written) if held is not None else 0
        if length > max(LONGEST, 2 * len(value.written)):
            raise ReadError(f"the value expands beyond {LONGEST:,} characters", step.span)
        if held is not None:
            parts.append(held.stepped(step))
        elif match["default"] is not None:
            parts.append(value.cut(*match.span("default")).stepped(step))
        elif strict:
            parts.append(Text.made("", step.span, (step,)))
        else:
            parts.append(Text.undecided(match[0], unset(match["name"], step.span), (step,)))
    return Text.join((*parts, value.cut(at))) if parts else value
