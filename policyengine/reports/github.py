"""Annotations of a GitHub workflow: a command a line, which GitHub shows beside the code.

Source: docs.github.com, workflow commands. Of a name and a value `%`, line ends, `:` and `,` are escaped, so that
nothing which a file says becomes a command. GitHub keeps the first ten errors, warnings and notices of a step; the rest
stays in its log. So the most severe come first, and one notice says how many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.reports.entry import entries, undone
from policyengine.reports.lines import visible
from policyengine.reports.view import View
from policyengine.rules.coverage import account, changed, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.reports.entry import Entry, Spot
    from policyengine.rules.evaluate import Report, Since

MOST = 10
"""Annotations of one level that GitHub keeps of a step."""
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def report(found: Report, prefix: str = "") -> str:
    """The commands: what could not be done, then the findings, the most severe and those in the diff first.

    A finding is told at the place to edit. Where the diff of `--since` touches only another place of it, GitHub shows
    no annotation but there, so that one comes first; a second one at either place follows after all others.
    """
    view = View.of(found)
    told = list(undone(view, prefix))
    lines = {level: list[str]() for level in _LEVELS.values()}
    for lost in told:
        place = {} if lost.at is None else {"file": lost.at.path, "line": lost.at.line}
        lines["error"].append(_command("error", {**place, "title": "not done"}, lost.message))
    again: list[tuple[str, str]] = []
    for each, spots in _ordered(list(entries(view, prefix)), found.since, prefix):
        level = _LEVELS[each.severity]
        first, *more = (_annotation(level, each, spot) for spot in spots)
        lines[level].append(first)
        again += [(level, line) for line in more]
    beyond = sum(max(0, len(own) - MOST + (level == "notice")) for level, own in lines.items())
    said = changed(found)
    rest = f"; {beyond} of them are in the log of the step only, since GitHub keeps {MOST} of a kind" if beyond else ""
    told_of = "; ".join(filter(None, (f"{said}{rest}", view.debt, sentence(account(found)))))
    total = _command("notice", {"title": "policyengine"}, visible(told_of))
    lines["notice"].insert(0, total)
    for level, line in again:
        lines[level].append(line)
    return "".join(f"{line}\n" for own in lines.values() for line in own)


def _ordered(found: Sequence[Entry], since: Since | None, prefix: str) -> Iterator[tuple[Entry, tuple[Spot, ...]]]:
    """The findings that the diff touches before the others, each with its places, the one to show first at the head."""
    touched: list[tuple[Entry, tuple[Spot, ...]]] = []
    others: list[tuple[Entry, tuple[Spot, ...]]] = []
    for each in found:
        inside = [spot for spot in (each.at, *each.others) if since is not None and _in_diff(since, spot, prefix)]
        near = tuple(spot for spot in inside if spot != each.at)[:1]
        if each.at in inside or not near:
            (touched if inside else others).append((each, (each.at, *near)))
        else:
            touched.append((each, (*near, each.at)))
    yield from touched
    yield from others


def _in_diff(since: Since, spot: Spot, prefix: str) -> bool:
    return since.touches(spot.path.removeprefix(prefix), spot.line, spot.last_line)


def _annotation(level: str, each: Entry, spot: Spot) -> str:
    place = {"file": spot.path, "line": spot.line, "endLine": spot.last_line}
    if spot.line == spot.last_line:
        place |= {"col": spot.column, "endColumn": max(spot.last_column, spot.column)}
    told = each.whole if each.whole.endswith((".", "!", "?")) else f"{each.whole}."
    if spot == each.at:
        others = f" See also {', '.join(map(str, each.others))}." if each.others else ""
    else:
        others = f" This is the other side; the place to edit is {each.at}."
    return _command(level, {**place, "title": each.result.rule.id}, told + others)


def _command(level: str, properties: dict[str, object], message: str) -> str:
    shown = ",".join(
        f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{level} {shown}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
