"""A result as short formats show it: one sentence, its place, the place of the other side, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.reports.lines import visible
from policyengine.reports.view import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Side
    from policyengine.model.source import Span
    from policyengine.reports.view import View
    from policyengine.rules.evaluate import Result


_MOST = 3
"""So many systems of one finding are named."""


class Spot(Struct, frozen=True):
    """A range of a file: lines and columns from 1, columns in code points, the end behind the last one."""

    path: str
    line: int
    column: int
    last_line: int
    last_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Shown(Struct, frozen=True):
    """A place of one side, with what stands there in one short line, free of secrets."""

    side: Side
    at: Spot
    text: str


class Entry(Struct, frozen=True):
    """One finding. `remedy` is empty where none is known. `sides` are all places, the one to edit first."""

    result: Result
    message: str
    at: Spot
    others: tuple[Spot, ...]
    remedy: str
    sides: tuple[Shown, ...] = ()

    @property
    def severity(self) -> str:
        """`error`, `warning` or `note`."""
        return self.result.severity.value

    @property
    def whole(self) -> str:
        """Message and remedy in one text, for tools that show no more."""
        if not self.remedy:
            return self.message
        end = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{end} {self.remedy[:1].upper()}{self.remedy[1:]}."


class Undone(Struct, frozen=True):
    """Work that could not be done, and what to do about it. `at` is None where no file is to blame."""

    message: str
    at: Spot | None


def entries(view: View, prefix: str = "", *, known: bool = False) -> Iterator[Entry]:
    """The findings of a report in its order, and with `known` those that the commit of `--since` has too.

    `prefix` goes before each path.
    """
    unchanged = view.report.since.unchanged if known and view.report.since is not None else ()
    for result in (*view.report.results, *unchanged):
        yield Entry(
            result,
            visible(f"{_of_system(result)}{plain(view.message(result))}"),
            spot(view, prefix, result.span),
            tuple(spot(view, prefix, each) for each in result.related),
            visible(view.remedy(result)),
            tuple(
                Shown(side, spot(view, prefix, each.span), _quoted(view, each.span))
                for side, each in view.sides(result)
            ),
        )


def _quoted(view: View, span: Span) -> str:
    source = view.source(span.path)
    words = " ".join(source.slice(span)[:_LONGEST].split()) if source is not None else ""
    return visible(words if len(words) <= _SHORT else f"{words[: _SHORT - 1]}…")


_SHORT, _LONGEST = 60, 400
"""Characters that are quoted of a place, and that are looked at for them."""


def _of_system(result: Result) -> str:
    """The system of a finding before its message, where the repository holds several."""
    more = ", …" if len(result.systems) > _MOST else ""
    return f"[{', '.join(result.systems[:_MOST])}{more}] " if result.systems else ""


def undone(view: View, prefix: str = "") -> Iterator[Undone]:
    """The failures of a report in its order; `prefix` goes before each path."""
    for failure in view.report.failures:
        text = f"{failure.message}; {failure.advice}" if failure.advice else failure.message
        at = None if failure.span is None else spot(view, prefix, failure.span)
        yield Undone(visible(view.redactor.text(text)), at)


def spot(view: View, prefix: str, span: Span) -> Spot:
    """Lines and columns of a place; `prefix` goes before its path."""
    path = visible(span.path if view.outside(span.path) else prefix + span.path)
    source = view.report.sources.get(span.path)
    if source is None:
        return Spot(path, 1, 1, 1, 1)
    first, last = (source.position(min(at, len(source.text))) for at in (span.start, max(span.start, span.end)))
    return Spot(path, first[0], first[1], last[0], last[1])
