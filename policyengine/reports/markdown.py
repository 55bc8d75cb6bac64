"""A Markdown table, for the summary of a workflow's job or a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Side
from policyengine.patterns import regex
from policyengine.reports.entry import entries, undone
from policyengine.reports.lines import visible
from policyengine.reports.view import View
from policyengine.rules.coverage import account, changed, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.reports.entry import Entry, Spot
    from policyengine.rules.evaluate import Report, Since

_SPECIAL = regex(r"[\\`*_{}\[\]<>()#+!|~&:@-]")
"""What Markdown, or GitHub in it, may take for a mark, a link, a mention or HTML."""
_BYTES = 900_000
"""GitHub takes a summary of 1 MiB (docs.github.com, workflow commands), which what else the step writes shares."""


def report(found: Report, prefix: str = "") -> str:
    """The report as Markdown: what was compared, the findings as a table, and what could not be done.

    With `--since` the table says of each finding which side the diff touches and whether it is new or fixed.
    """
    view = View.of(found)
    said = "; ".join(filter(None, (changed(found), visible(view.debt), sentence(account(found)))))
    lines = ["## policyengine", "", f"{_plain(said)}.", ""]
    if found.failures:
        lines += ["The report is not complete:", ""]
        lines += [
            f"- {_plain(lost.message)}" + (f" {_code(str(lost.at))}" if lost.at is not None else "")
            for lost in undone(view, prefix)
        ]
        lines.append("")
    rows = sorted(entries(view, prefix), key=lambda each: -each.result.severity.rank)
    table = list(_plainly(rows) if found.since is None else _with_state(rows, found.since, prefix))
    return "".join(f"{line}\n" for line in _fitting(lines, table))


def _fitting(lines: Sequence[str], table: Sequence[str]) -> Iterator[str]:
    """The lines and as many rows as the summary of a job takes; the rest is counted."""
    yield from lines
    left = _BYTES - sum(len(line.encode()) + 1 for line in lines)
    for number, row in enumerate(table):
        left -= len(row.encode()) + 1
        if left < 0:
            yield from ("", f"{len(table) - number} more are left out, the least severe.")
            return
        yield row


def _plainly(rows: Sequence[Entry]) -> Iterator[str]:
    if rows:
        yield from ("| | finding | local | cloud or pipeline | remedy |", "| --- | --- | --- | --- | --- |")
    for each in rows:
        yield _row(_head(each), _plain(each.message), *_sides(each), _plain(each.remedy))


def _with_state(rows: Sequence[Entry], since: Since, prefix: str) -> Iterator[str]:
    if rows or since.fixed:
        yield from (
            "| | finding | local | cloud or pipeline | changed here | new or fixed | remedy |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        )
    for each in rows:
        here = dict.fromkeys(shown.side.value for shown in each.sides if _touched(shown.at, since, prefix))
        files = dict.fromkeys(shown.side.value for shown in each.sides if since.touched.get(_path(shown.at, prefix)))
        where = " and ".join(here) or (f"{' and '.join(files)}, elsewhere in the file" if files else "no")
        yield _row(_head(each), _plain(each.message), *_sides(each), where, "**new**", _plain(each.remedy))
    for gone in sorted(since.fixed, key=lambda each: -each.severity.rank):
        places = (_code(visible(f"{prefix}{each}")) if each else "" for each in (gone.local, gone.cloud))
        yield _row(f"{gone.severity.value} {gone.rule}", _plain(visible(gone.message)), *places, "", "fixed", "")


def _head(each: Entry) -> str:
    return f"{each.severity} {each.result.rule.id}"


def _touched(spot: Spot, since: Since, prefix: str) -> bool:
    return since.touches(_path(spot, prefix), spot.line, spot.last_line)


def _path(spot: Spot, prefix: str) -> str:
    return spot.path.removeprefix(prefix)


def _sides(each: Entry) -> tuple[str, str]:
    """What stands on either side; of what both are made of, such as a Dockerfile, that it is the same."""

    def cell(*, far: bool) -> str:
        shown = next((shown for shown in each.sides if shown.side.far is far), None)
        if shown is None:
            return "the same" if far and all(other.side is Side.SOURCE for other in each.sides) else ""
        return f"{_code(shown.text)}<br>{_code(str(shown.at))}" if shown.text else _code(str(shown.at))

    return cell(far=False), cell(far=True)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"
