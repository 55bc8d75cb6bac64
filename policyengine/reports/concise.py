"""One line a finding: `path:line:column: severity[RULE] message`, as compilers write it and editors read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.reports.entry import entries, undone
from policyengine.reports.lines import visible
from policyengine.reports.view import View
from policyengine.rules.coverage import account, changed, sentence

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report


def report(found: Report, prefix: str = "", *, quiet: bool = False) -> str:
    """The report, which ends in a line that says what was compared, unless it shall be `quiet`."""
    view = View.of(found)
    lines = [f"{each.at}: {each.severity}[{each.result.rule.id}] {each.whole}" for each in entries(view, prefix)]
    lines += [f"{lost.at or ''}: failure: {lost.message}".removeprefix(": ") for lost in undone(view, prefix)]
    if not quiet:
        lines.append(visible("; ".join(filter(None, (changed(found), view.debt, sentence(account(found)))))))
    return "".join(f"{line}\n" for line in lines)
