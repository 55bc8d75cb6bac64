"""The report for programs: our own JSON format, version 1. Its JSON Schema is `schemas/report.schema.json`.

Lines and columns start at 1, columns count code points; offsets count code points from the start of the file.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from policyengine import SCHEMA as ADDRESS
from policyengine import __version__
from policyengine.reports.identity import identity
from policyengine.reports.view import View, plain, rules
from policyengine.rules.coverage import account, accounts, side_of
from policyengine.rules.rule import Severity
from policyengine.rules.waivers import owed

if TYPE_CHECKING:
    from policyengine.model.graph import Graph
    from policyengine.model.source import Span
    from policyengine.reports.view import Place
    from policyengine.rules.coverage import Account
    from policyengine.rules.evaluate import Failure, Report, Result, Waived
    from policyengine.rules.rule import Fix

SCHEMA = ADDRESS.format(name="report")


def report(found: Report, *, exit_code: int = 0) -> str:
    """The report as JSON text, ending in a line end."""
    view = View.of(found)
    counts = Counter(result.severity for result in found.results)
    document = {
        "$schema": SCHEMA,
        "version": 1,
        "tool": {"name": "policyengine", "version": __version__},
        "summary": {
            **{each.value: counts[each] for each in Severity},
            "conventions": sum(result.folded for result in found.results),
            "undecided": len(found.undecided),
            "waived": len(found.waived),
            "failures": len(found.failures),
            "files": len(found.sources),
            "exit_code": exit_code,
        },
        "rules": [
            {
                "id": rule.id,
                "name": rule.name,
                "pack": pack.name,
                "side": side_of(rule.id),
                "mandate": rule.mandate,
                "severity": rule.severity.value,
                "summary": rule.summary,
            }
            for pack, rule in rules(found)
        ],
        "findings": [finding(view, result) for result in found.results],
        "undecided": [
            {
                "rule": each.rule,
                "subject": each.subject,
                "reason": each.reason,
                "place": _span(view, each.span),
            }
            for each in found.undecided
        ],
        "waived": [_waived(view, each) for each in found.waived],
        "debt": [{"whose": who, "findings": number} for who, number in owed(found.waived)],
        "fixed": list(found.fixed),
        **_since(view),
        "failures": [_failure(view, each) for each in found.failures],
        "configuration": found.configuration,
        "remarks": [{"message": each.message, "place": _span(view, each.span)} for each in found.remarks],
        "coverage": coverage(account(found)),
        **systems(found),
        "choices": _choices(found.graph),
    }
    return json.dumps(view.redactor.document(document), indent=2, ensure_ascii=False) + "\n"


def systems(found: Report) -> dict[str, object]:
    """What was compared in each of several systems, and what was chosen; nothing where there is one."""
    if not found.systems:
        return {}
    return {
        "systems": [
            {"name": name, "coverage": coverage(counted), "choices": _choices(found.systems[name].graph)}
            for name, counted in accounts(found).items()
        ]
    }


def _choices(graph: Graph) -> list[dict[str, str]]:
    return [{"what": each.what, "chosen": each.chosen, "reason": each.reason} for each in graph.choices]


def coverage(counted: Account) -> dict[str, object]:
    """What was compared and what was not, as JSON; the same in every format."""
    return {
        "sides": [
            {
                "pack": each.pack,
                "side": each.key,
                "title": each.title,
                "compared": each.compared,
                "findings": each.findings,
                "conventions": each.conventions,
                "waived": each.waived,
                "open": each.open,
                "green": each.green,
                **({"nothing": each.nothing} if each.nothing else {}),
                **({"without_twin": each.without_twin} if each.without_twin else {}),
                **({"unchanged": each.unchanged} if each.unchanged else {}),
            }
            for each in counted.sides
            if each.ran
        ],
        "paired": counted.paired,
        "declared": list(counted.declared),
        "unpaired": [
            {
                "node": each.node,
                "candidates": [
                    {"node": near.node, "score": near.score, "reasons": list(near.reasons)} for near in each.candidates
                ],
            }
            for each in counted.unpaired
        ],
        "missing": list(counted.missing),
        **({"unread": list(counted.unread)} if counted.unread else {}),
        "advice": counted.advice,
    }


def _since(view: View) -> dict[str, object]:
    """How the findings stand to an earlier commit; nothing where none was asked about."""
    since = view.report.since
    if since is None:
        return {}
    return {
        "since": {
            "revision": since.revision,
            "unchanged": [finding(view, result) for result in since.unchanged],
            "fixed": [
                {
                    "rule": each.rule,
                    "severity": each.severity.value,
                    "subject": each.subject,
                    "message": each.message,
                    "local": each.local,
                    "cloud": each.cloud,
                }
                for each in since.fixed
            ],
            "lacking": list(since.lacking),
        }
    }


def finding(view: View, result: Result) -> dict[str, object]:
    """A finding as the report holds it."""
    fix = result.finding.fix
    pair = result.pair
    return {
        "fingerprint": identity(result),
        "rule": result.rule.id,
        "pack": result.pack,
        "side": side_of(result.rule.id),
        "mandate": result.rule.mandate,
        "severity": result.severity.value,
        "convention": result.folded,
        "environments": list(result.environments),
        **({"systems": list(result.systems)} if result.systems else {}),
        "message": plain(view.message(result)),
        "subject": result.subject,
        "place": _place(view, view.at(result)),
        "related": [_place(view, place) for place in view.related(result)],
        "pair": None
        if pair is None
        else {
            "local": pair.local,
            "cloud": pair.cloud,
            "score": pair.score,
            "certain": pair.certain,
            "tied": pair.tied,
            "reasons": list(pair.reasons),
        },
        "fix": None if fix is None else _fix(view, fix),
        "remedy": view.remedy(result),
    }


def _waived(view: View, each: Waived) -> dict[str, object]:
    return {
        "reason": each.reason,
        "owner": each.owner,
        "expires": each.expires,
        "inline": each.inline,
        "place": None if each.at is None else _span(view, each.at),
        "finding": finding(view, each.result),
    }


def _fix(view: View, fix: Fix) -> dict[str, object]:
    return {
        "description": fix.description,
        "applicability": fix.applicability,
        "edits": [{"place": _span(view, edit.span), "text": edit.text} for edit in fix.exact],
    }


def _place(view: View, place: Place) -> dict[str, object]:
    return {
        **_span(view, place.span),
        "what": place.what,
        "node": place.node,
        "via": [{"what": step.what, "place": _span(view, step.span)} for step in place.via],
    }


def _span(view: View, span: Span, *, outline: bool = False) -> dict[str, object]:
    found: dict[str, object] = {"path": span.path}
    source = view.source(span.path)
    if source is not None:
        source = view.redactor.outline(source) if outline else source
        end = min(span.end, len(source.text))
        found |= {
            "start": dict(zip(("line", "column"), source.position(min(span.start, end)), strict=True)),
            "end": dict(zip(("line", "column"), source.position(end), strict=True)),
            "offsets": [min(span.start, end), end],
            "text": source.text[span.start : end],
        }
    return found


def _failure(view: View, failure: Failure) -> dict[str, object]:
    return {
        "message": failure.message,
        "advice": failure.advice,
        "rule": failure.rule,
        "place": None if failure.span is None else _span(view, failure.span, outline=True),
    } | ({"trace": list(failure.trace)} if failure.trace else {})
