"""One finding with all that led to it: the pair and why it is one, both values and their ways, what mends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model import explanation as explaining
from policyengine.model.nodes import Node, Variable
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown
from policyengine.reports import explanation
from policyengine.reports import json as data
from policyengine.reports import text as people
from policyengine.reports.identity import attribute, identity
from policyengine.reports.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.explanation import Explanation
    from policyengine.rules.evaluate import Report, Result


class Asked(Struct, frozen=True):
    """A finding of a report, why it is waived (empty where it is not), and others of the same fingerprint."""

    report: Report
    result: Result
    waived: str = ""
    others: tuple[Result, ...] = ()


def text(asked: Asked, style: people.Style) -> str:
    """The finding for people, ending in a line end."""
    made = "".join(f"{line}\n" for line in _lines(asked, style))
    return made if style.unicode else made.translate(people.ASCII)


def _lines(asked: Asked, style: people.Style) -> Iterator[str]:
    view, result = View.of(asked.report), asked.result
    writer = people.Writer(view, style)
    yield from writer.finding(result)
    pair = result.pair
    if pair is not None:
        yield ""
        yield writer.paint("1", "the pair, and what speaks for it")
        yield f"  {writer.shown(pair.local)}  ↔  {writer.shown(pair.cloud)}"
        weight = "tied with another" if pair.tied else "certain" if pair.certain else "not certain"
        yield f"  {pair.score} points, {weight}: {writer.shown('; '.join(pair.reasons))}"
    setting = explanation.Setting(style.colour, style.unicode, style.prefix)
    for number, found in enumerate(_values(view, result)):
        yield ""
        if not number:
            yield writer.paint("1", "where the values come from")
        yield from explanation.text(found, asked.report.graph, asked.report.sources, setting).splitlines()
    fix = result.finding.fix
    yield ""
    yield writer.paint("1", "what mends it")
    yield f"  {writer.shown(view.remedy(result)) or 'no way is known'}"
    for edit in fix.exact if fix is not None else ():
        source = view.source(edit.span.path)
        old = source.slice(edit.span) if source is not None else ""
        yield (
            f"  {writer.where(edit.span)}: {writer.shown(json.dumps(old, ensure_ascii=False))} becomes "
            + writer.shown(json.dumps(edit.text, ensure_ascii=False))
        )
    yield ""
    if asked.waived:
        yield f"waived: {writer.shown(asked.waived)}"
    for other in asked.others:
        yield f"the same at {writer.where(other.span)}: {writer.shown(other.message)}"
    yield writer.paint("2", f"fingerprint {identity(result)}")
    yield writer.paint("2", f"'policyengine explain {result.rule.id}' says what the rule demands, and why")


def as_json(asked: Asked) -> str:
    """The finding as JSON: as in a report, with an explanation of each value."""
    view, graph, sources = View.of(asked.report), asked.report.graph, asked.report.sources
    told = [json.loads(explanation.data(each, graph, sources)) for each in _values(view, asked.result)]
    made = {
        "version": 1,
        "finding": data.finding(view, asked.result),
        "values": [{key: each[key] for key in each if key not in ("$schema", "version", "tool")} for each in told],
        "waived": asked.waived,
    }
    return json.dumps(view.redactor.document(made), indent=2, ensure_ascii=False) + "\n"


def _values(view: View, result: Result) -> Iterator[Explanation]:
    """The value at the place to edit and those of the other side, where there are values."""
    graph = view.report.graph
    told = [*_value(result.finding.subject, result.finding.at)]
    for at, span in zip(result.finding.related, result.related, strict=True):
        node = graph.get(Node, view.owner(at, span))
        if node is not None:
            told += _value(node, at)
    for found in told:
        if isinstance(found.value, str) and found.steps:  # what is hidden where it stands is hidden here
            shown = view.redactor.standing(found.value, found.steps[-1].span)
            yield replace(found, value=shown, secret=found.secret or (found.value != shown and set(shown) == {"*"}))
        else:
            yield found


def _value(node: Node, at: object) -> Iterator[Explanation]:
    if isinstance(at, Span):
        at = _holding(node, at)
    held = at.value if isinstance(at, Variable) else at
    if isinstance(held, Known | Floating | Unknown | Absent):
        name = attribute(node, at, held.span)
        yield explaining.of_value(f"{node.id}.{name}".rstrip("."), at, node, name.rpartition(".")[2])


def _holding(node: Node, place: Span) -> object:
    """The variable of a node within whose value a place lies; None where there is none."""
    for name in node.__struct_fields__:
        listed = getattr(node, name)
        for each in listed if isinstance(listed, tuple) and not isinstance(listed, Span) else ():
            if isinstance(each, Variable) and each.value.span.holds(place):
                return each
    return None
