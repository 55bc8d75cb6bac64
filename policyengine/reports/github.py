"""Annotations of a GitHub workflow: a command a line, which GitHub shows beside the code.

Source: docs.github.com, workflow commands. Of a name and a value `%`, line ends, `:` and `,` are escaped, so that
nothing which a file says becomes a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.reports.entry import entries, undone
from policyengine.reports.lines import visible
from policyengine.reports.view import View
from policyengine.rules.coverage import account, sentence

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def report(found: Report, prefix: str = "") -> str:
    """The commands: one for each finding, and one for each piece of work that could not be done."""
    view = View.of(found)
    lines = []
    for each in entries(view, prefix):
        place = {"file": each.at.path, "line": each.at.line, "endLine": each.at.last_line}
        if each.at.line == each.at.last_line:
            place |= {"col": each.at.column, "endColumn": max(each.at.last_column, each.at.column)}
        others = f" See also {', '.join(map(str, each.others))}." if each.others else ""
        properties = {**place, "title": each.result.rule.id}
        lines.append(_command(_LEVELS[each.severity], properties, each.whole + others))
    for lost in undone(view, prefix):
        place = {} if lost.at is None else {"file": lost.at.path, "line": lost.at.line}
        lines.append(_command("error", {**place, "title": "not done"}, lost.message))
    lines.append(_command("notice", {"title": "policyengine"}, visible(sentence(account(found)))))
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, properties: dict[str, object], message: str) -> str:
    shown = ",".join(
        f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{level} {shown}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
