"""Edits of code: the default of a setting is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.change import Edit
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source, Span

_BEFORE = regex(r"\s*\.default\(\s*[\"'`]?\Z")
_AFTER = regex(r"[\"'`]?\s*,?\s*\)")
_FAR = 80


def drop_default(source: Source, at: Span) -> tuple[Edit, ...] | None:
    """Takes a whole `.default(…)` away of which a place holds the value."""
    text = source.text
    start = max(at.start - _FAR, 0)
    before = _BEFORE.search(text[start : at.start])
    after = _AFTER.match(text, at.end)
    if before is None or after is None:
        return None
    return (Edit(source.span(start + before.start(), after.end()), ""),)
