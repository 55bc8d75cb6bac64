"""Several environments: the reports of one local stack against each, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.source import Span
    from policyengine.rules.evaluate import Report, Result


def together(reports: Mapping[str, Report]) -> Report:
    """One report of several, by environment: what holds in all is said once, the rest with where it holds.

    The graph, and with it the account of what was compared, is that of the first.
    """
    first = next(iter(reports.values()))
    found: dict[tuple[str, str, Span, str], list[tuple[str, Result]]] = {}
    for name, report in reports.items():
        for result in report.results:
            found.setdefault((result.rule.id, result.subject, result.span, result.message), []).append((name, result))
    results = []
    for told in found.values():
        names = tuple(name for name, _ in told)
        results.append(replace(told[0][1], environments=() if len(names) == len(reports) else names))
    every = list(reports.values())
    questions = {each for one in every for each in one.undecided}
    return replace(
        first,
        results=tuple(sorted(results, key=lambda each: (each.span, each.rule.id, each.message, each.subject))),
        undecided=tuple(sorted(questions, key=lambda each: (each.span, each.rule, each.subject, each.reason))),
        failures=tuple(dict.fromkeys(each for one in every for each in one.failures)),
        waived=tuple({(each.result.rule.id, each.result.span): each for one in every for each in one.waived}.values()),
        graph=first.graph.sealing(tuple(dict.fromkeys(each for one in every for each in one.graph.sealed))),
        compared=tuple(sorted({each for one in every for each in one.compared})),
        sources={path: source for one in every for path, source in one.sources.items()},
        remarks=tuple(each for each in first.remarks if all(each in one.remarks for one in every)),
    )
