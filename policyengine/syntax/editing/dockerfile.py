"""Edits of Dockerfiles."""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from policyengine.model.change import Edit
from policyengine.syntax import dockerfile
from policyengine.syntax.editing.lines import below, line_start, newline, whole_lines

if TYPE_CHECKING:
    from policyengine.model.source import Source, Span

_AT_THE_END = frozenset({"CMD", "ENTRYPOINT", "HEALTHCHECK", "EXPOSE", "STOPSIGNAL", "VOLUME", "LABEL"})


@lru_cache(maxsize=4)
def _instructions(source: Source) -> tuple[dockerfile.Instruction, ...]:
    """A Dockerfile, read once for the changes that follow one another there."""
    return dockerfile.read(source).instructions


def add(source: Source, at: Span, line: str) -> tuple[Edit, ...] | None:
    """An instruction before those at the end of the stage of `at` that say how it is started, and their comments."""
    stage: list[dockerfile.Instruction] = []
    for each in _instructions(source):
        if each.keyword == "FROM":
            if stage and stage[0].span.end >= at.end:
                break
            stage = []
        stage.append(each)
    if not stage or not stage[0].span.start <= at.start <= stage[0].span.end:
        return None
    last = [*takewhile(lambda each: each.keyword in _AT_THE_END, reversed(stage))]
    while last and last[-1].keyword not in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        last.pop()
    if not last or line.startswith(("CMD", "ENTRYPOINT")):
        return (below(source, stage[-1].span.end, [line]),)
    text, place = source.text, line_start(source.text, last[-1].span.start)
    while place and text[line_start(text, place - 1) : place].lstrip().startswith("#"):
        place = line_start(text, place - 1)
    return (Edit(source.span(place, place), f"{line}{newline(text)}"),)


def drop(source: Source, at: Span) -> tuple[Edit, ...] | None:
    """Takes the line of a place away, where it is an instruction of its own or a middle line of one; None elsewhere."""
    place = whole_lines(source, at.start, at.end)
    before, behind = source.text[place.start : at.start].strip(), source.text[at.end : place.end].strip()
    alone = before.upper() in ("ENV", "ARG") and not behind
    return (Edit(place, ""),) if alone or (not before and behind == "\\") else None
