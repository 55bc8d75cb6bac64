"""What is said of the lines of env files that no reader takes for variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyengine.model.source import ReadError, Source

_MOST = 20
"""So many lines of one scan's file are named: a key that is pasted without quotes has as many that are wrong."""


def choices(lost: Iterable[ReadError], read: Callable[[str], Source | None]) -> tuple[Choice, ...]:
    """Each malformed line with its place, what is wrong with it and what to do."""
    found: dict[str, list[Choice]] = {}
    for error in lost:
        source = read(error.span.path)
        line = source.position(error.span.start).line if source is not None else 1
        found.setdefault(error.span.path, []).append(
            Choice("env file, line left out", f"{error.span.path}:{line}", str(error))
        )
    return tuple(each for lines in found.values() for each in dict.fromkeys(lines[:_MOST]))
