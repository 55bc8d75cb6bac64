"""A failing case as marked source: what was expected and what is found, for `policyengine test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import Source, Span
from policyengine.reports.lines import shown as lines
from policyengine.reports.view import View, plain
from policyengine.testing import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.testing import Case, Mark, Tried


class Style(Struct, frozen=True):
    """What the output can show."""

    colour: bool
    unicode: bool

    def mark(self, *, good: bool) -> str:
        """What stands before a rule."""
        sign = ("✓" if good else "✗") if self.unicode else ("ok" if good else "FAILED")
        return self.good(sign) if good else self.bad(sign)

    def bold(self, text: str) -> str:
        """A heading."""
        return self._painted("1", text)

    def dim(self, text: str) -> str:
        """What may be passed over."""
        return self._painted("2", text)

    def good(self, text: str) -> str:
        """What passed."""
        return self._painted("32", text)

    def bad(self, text: str) -> str:
        """What failed."""
        return self._painted("1;31", text)

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def shown(case: Case, tried: Tried, style: Style) -> Iterator[str]:
    """The lines that show how a case fails: each place in its source, then what a case would state of it all."""
    view = View.of(tried.report)
    yield f"  {style.bold(case.name)}"
    for mark in tried.unmarked:
        yield from _place(mark, tried, view, style, f"found, but not marked: {_what(mark)}")
        yield from (f"      {line}" for line in _said(mark, tried, view))
    for mark in tried.unreported:
        yield from _place(mark, tried, view, style, f"marked, but not found: {_what(mark)}")
    yield from (f"    {style.bad(view.redactor.text(line))}" for line in tried.others)
    stated = statement(case.rule, tried.report, tried.files)
    yield style.dim("    what is found, as a case states it:" if stated else "    nothing is found")
    yield from (style.dim(f"      {view.redactor.text(line)}") for line in stated.splitlines())


def _what(mark: Mark) -> str:
    return mark.rule + {"": "", "?": " is undecided here"}.get(mark.what, f" links ({mark.what})")


def _said(mark: Mark, tried: Tried, view: View) -> Iterator[str]:
    """What the rule says at a place."""
    span = Span(mark.path, mark.start, mark.end)
    if mark.what == "?":
        questions = (each for each in tried.report.undecided if each.rule == mark.rule and each.span == span)
        yield from dict.fromkeys(view.redactor.text(each.reason) for each in questions)
    elif not mark.what:
        results = (each for each in tried.report.results if each.rule.id == mark.rule and each.span == span)
        yield from dict.fromkeys(f"{each.severity}: {plain(view.message(each))}" for each in results)


def _place(mark: Mark, tried: Tried, view: View, style: Style, sentence: str) -> Iterator[str]:
    source = view.source(mark.path) or Source(mark.path, tried.files.get(mark.path, ""))
    line, column = source.position(min(mark.start, len(source.text)))
    yield f"    {style.bad(sentence)} at {mark.path}:{line}:{column}"
    bar = "│" if style.unicode else "|"
    for each in lines(source, Span(mark.path, mark.start, mark.end)):
        if each is None:
            yield f"           {bar} …"
            continue
        yield f"      {each.number:>4} {bar} {each.text}"
        under = " " * each.start + style.bad("^" * (each.end - each.start))
        yield f"           {bar} {under}"
