"""A Markdown table, for the summary of a workflow's job or a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.reports.entry import entries, undone
from policyengine.reports.view import View
from policyengine.rules.coverage import account, sentence

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

_SPECIAL = regex(r"[\\`*_{}\[\]<>()#+!|~&:@-]")
"""What Markdown, or GitHub in it, may take for a mark, a link, a mention or HTML."""


def report(found: Report, prefix: str = "") -> str:
    """The report as Markdown: what was compared, the findings as a table, and what could not be done."""
    view = View.of(found)
    lines = ["## policyengine", "", f"{len(found.results)} findings; {_plain(sentence(account(found)))}.", ""]
    rows = list(entries(view, prefix))
    if rows:
        lines += ["| | finding | place | other side | remedy |", "| --- | --- | --- | --- | --- |"]
    for each in rows:
        cells = (
            f"{each.severity} {each.result.rule.id}",
            _plain(each.message),
            _code(str(each.at)),
            "<br>".join(_code(str(other)) for other in each.others),
            _plain(each.remedy),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if found.failures:
        lines += ["", "The report is not complete:", ""]
        lines += [
            f"- {_plain(lost.message)}" + (f" {_code(str(lost.at))}" if lost.at is not None else "")
            for lost in undone(view, prefix)
        ]
    return "".join(f"{line}\n" for line in lines)


def _plain(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"
