"""Waivers in comments beside what they cover: `# policyengine: ignore[HEX403] reason owner=@db expires=2027-01-31`.

A comment covers what is found at its own line; one that has a line for itself also covers the next line that is none.
A finding is at the line at which its place to edit begins. What is wrong with a comment is said, and it waives nothing.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.comments import style_of
from policyengine.patterns import regex
from policyengine.repository.configuration import Configured, Waiver
from policyengine.rules.evaluate import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from policyengine.knowledge.comments import CommentStyle
    from policyengine.model.source import Source, Span
    from policyengine.rules.evaluate import Report, Waived

_WORD = "policyengine:"
_ASKED = regex(r"policyengine:[ \t]*ignore\b[ \t]*(?:\[([^\]\r\n]{0,500})\])?")
_ID = regex(r"[^\s,]+")
_FIELD = regex(r"(?<!\S)(owner|expires)=(?:\"([^\"]*)\"|(\S*))")
_ENDS = regex(r"(?<!\S)(\w+)=\d{4}-\d\d-\d\d(?!\S)")
_LONGEST = 1_000
"""A comment is read so far, and the line before it."""
_MOST = 1_000
"""So many comments of one file are read."""
_MOST_LINES = 50
"""So many comments one below the other may stand before what they cover."""


class Comments(Struct, frozen=True):
    """The waivers in comments, and what is to be said of those that are none."""

    waivers: tuple[Waiver, ...] = ()
    remarks: tuple[Remark, ...] = ()


def in_comments(sources: Mapping[str, Source], rules: frozenset[str]) -> Comments:
    """The waivers in the comments of files. `rules` are the ids that there are."""
    waivers: list[Waiver] = []
    remarks: list[Remark] = []
    for path in sorted(sources):
        if _WORD not in sources[path].text:
            continue
        for made in _of_file(sources[path], rules):
            if isinstance(made, Waiver):
                waivers.append(made)
            else:
                remarks.append(made)
    return Comments(tuple(waivers), tuple(remarks))


def _of_file(source: Source, rules: frozenset[str]) -> Iterator[Waiver | Remark]:
    text, style = source.text, style_of(source.path)
    for number, asked in enumerate(_ASKED.finditer(text) if style.marks else ()):
        if number == _MOST:
            yield Remark(
                f"a file may hold {_MOST} waivers; this one and those below waive nothing", source.span(*asked.span())
            )
            return
        began = _begin(text, asked.start())
        mark = _mark(text[began : asked.start()], style)
        if mark is None:
            continue
        before, closes = mark
        alone = not before.strip() and (began == 0 or text[began - 1] in "\r\n")
        if style.alone and not alone:
            continue
        end = _end(text, asked.end())
        said = text[asked.end() : end].partition(closes)[0] if closes else text[asked.end() : end]
        place = source.span(asked.start(), asked.end() + len(said.rstrip()))
        lines = (source.span(began, _end(text, asked.start())), *(_next(source, end, style) if alone else ()))
        start = asked.start(1)
        found = _ID.finditer(asked[1] or "")
        ids = [Configured(each[0], source.span(start + each.start(), start + each.end())) for each in found]
        yield from _read(place, ids, said.strip(), lines, rules)


def _read(
    place: Span, ids: Sequence[Configured], said: str, lines: tuple[Span, ...], rules: frozenset[str]
) -> Iterator[Waiver | Remark]:
    """What one comment waives, or what is wrong with it."""
    if not ids:
        yield Remark("this waiver names no rule; write 'policyengine: ignore[HEX403]' and the reason", place)
        return
    fields = {each[1]: each[2] or each[3] or "" for each in _FIELD.finditer(said)}
    reason = " ".join(_FIELD.sub("", said).split())
    day, wrong = None, ""
    other = _ENDS.search(reason)
    if other is not None:
        wrong = f"has '{other[0]}', which says nothing; write 'expires={other[0].partition('=')[2]}'"
    elif not reason:
        wrong = "gives no reason; write it behind the brackets"
    elif "expires" in fields:
        try:
            day = datetime.date.fromisoformat(fields["expires"])
        except ValueError:
            wrong = "has no day under 'expires'; write one such as 2026-12-01"
    for rule in ids:
        if rule.text not in rules:
            yield Remark(f"a waiver names the unknown rule '{rule.text}', so it waives nothing", rule.span)
        elif wrong:
            yield Remark(f"the waiver of {rule.text} {wrong}. It waives nothing", place)
        else:
            yield Waiver(rule, reason, None, fields.get("owner", ""), day, lines)


def _begin(text: str, at: int) -> int:
    """Where a line begins, or as much of it as is looked at."""
    low = max(0, at - _LONGEST)
    return max(text.rfind("\n", low, at), text.rfind("\r", low, at), low - 1) + 1


def _end(text: str, at: int) -> int:
    """Where a line ends, or as much of it as is looked at."""
    high = min(len(text), at + _LONGEST)
    return min((found for found in (text.find("\n", at, high), text.find("\r", at, high)) if found >= 0), default=high)


def _mark(before: str, style: CommentStyle) -> tuple[str, str] | None:
    """What stands before the mark that opens a comment, and what closes it; None where the words are in no comment."""
    ink = before.rstrip(" \t")
    if ink.strip() == "*" and "*/" in (closes for _, closes in style.marks):  # within a comment of several lines
        return "", "*/"
    for mark, closes in style.marks:
        rest, head = ink.rstrip(mark[-1]), mark.rstrip(mark[-1])  # also `##`, `///` and `/**`
        if len(ink) - len(rest) >= len(mark) - len(head) and rest.endswith(head):
            rest = rest[: len(rest) - len(head)]
            if not rest or rest[-1].isspace() or closes or mark == "//":
                return rest, closes
    return None


def _next(source: Source, end: int, style: CommentStyle) -> Iterator[Span]:
    """The line below a comment, or below further comments."""
    text, at = source.text, end
    for _ in range(_MOST_LINES):
        if at >= len(text):
            return
        at += 2 if text.startswith("\r\n", at) else 1
        stop = _end(text, at)
        line = text[at:stop].strip()
        if not line.startswith(tuple(mark for mark, _ in style.marks)) or (line.endswith("*/") and "/*" not in line):
            yield source.span(at, stop)
            return
        at = stop


def shown(each: Waived) -> str:
    """Whose a waived finding is and until when, or what else knows it: `@db until 2027-01-31`."""
    if not each.is_debt:
        return each.reason or "without a reason"
    if not each.owner:
        return f"without owner, until {each.expires}" if each.expires else "without owner or end"
    return f"{each.owner} {f'until {each.expires}' if each.expires else 'without end'}"


def debt(report: Report) -> str:
    """How much is waived, whose it is and until when, in one line: `3 waived: 2 @db until 2027-01-31, 1 …`."""
    if not report.waived:
        return ""
    groups = owed(report.waived)
    told = [f"{number} {who}" for who, number in groups[:_MOST_GROUPS]]
    more = sum(number for _, number in groups[_MOST_GROUPS:])
    return f"{len(report.waived)} waived: {', '.join(told)}{f', {more} more' if more else ''}"


_MOST_GROUPS = 5


def owed(waived: Iterable[Waived]) -> list[tuple[str, int]]:
    """How many waived findings are whose and until when: those that end first before those that never do."""
    counts: dict[tuple[str, str], int] = {}
    for each in waived:
        key = (each.expires or "9", shown(each))
        counts[key] = counts.get(key, 0) + 1
    return [(who, counts[key, who]) for key, who in sorted(counts)]
