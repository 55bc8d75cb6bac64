"""Several reports as one: of one local stack against each environment, of the systems of one repository."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.linking.systems import joined
from policyengine.model.nodes import Datastore, Side
from policyengine.rules.evaluate import order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.model.graph import Choice, Graph
    from policyengine.model.source import Span
    from policyengine.rules.evaluate import Remark, Report, Result

_Told = dict[tuple[str, str, "Span", str], dict[str, "Result"]]
"""Results by rule, subject, place and message, each by the name of the report that it stands in."""


def environments(reports: Mapping[str, Report]) -> Report:
    """One report of several, by environment: what holds in all is said once, the rest with where it holds.

    The graph, and with it the account of what was compared, is that of the first.
    """
    every = list(reports.values())

    def said(told: Mapping[str, Result]) -> Result:
        worst = max(told.values(), key=lambda each: each.severity.rank)
        return replace(worst, environments=() if len(told) == len(reports) else tuple(told))

    graph = every[0].graph.sealing(tuple(dict.fromkeys(each for one in every for each in one.graph.sealed)))
    return _together(reports, graph, said, _alike)


def systems(reports: Mapping[str, Report], choice: Choice) -> Report:
    """One report of several, by system: each result names its own, and what is found of a shared file is said once.

    `choice` says which systems these are.
    """
    graph = joined({name: each.graph for name, each in reports.items()}, choice)
    left = {each.node for each in graph.without_twin}
    own = {}
    for name, each in reports.items():
        lonely = tuple(one for one in each.graph.without_twin if one.node in left)
        own[name] = replace(each, graph=each.graph.paired(each.graph.pairs, lonely))
    own = _without_lonely(own, graph)
    read = ", ".join(dict.fromkeys(each.configuration for each in reports.values() if each.configuration))
    made = _together(own, graph, _of_systems, _about)
    return replace(made, results=_once_a_place(made.results), systems=own, configuration=read)


def _once_a_place(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results, one for what several systems say of one place of a local node that each holds against its own twin.

    So is what they say alike of a place on the cloud side of each. It is that which weighs most and says most; the
    places of the other twins stand beside those of its own.
    """
    groups: dict[object, list[Result]] = {}
    for each in results:
        local = each.finding.subject.side is Side.LOCAL
        about = (each.rule.id, each.folded, each.subject if local else each.message, each.span)
        groups.setdefault(about, []).append(each)
    made: list[Result] = []
    for group in groups.values():
        several = Counter(name for each in group for name in each.systems)
        made += [_joined(group)] if len(group) > 1 and several.total() == len(several) else group
    return tuple(sorted(made, key=order))


def _joined(group: Sequence[Result]) -> Result:
    first, *others = sorted(group, key=lambda each: (-each.severity.rank, -len(each.message), each.systems))
    places = {
        span: place
        for each in others
        for span, place in zip(each.related, each.finding.related, strict=True)
        if span not in (first.span, *first.related)
    }
    return replace(
        first,
        related=(*first.related, *places),
        finding=replace(first.finding, related=(*first.finding.related, *places.values())),
        systems=tuple(name for each in group for name in each.systems),
    )


def _without_lonely(reports: Mapping[str, Report], graph: Graph) -> dict[str, Report]:
    """The reports without what only one says, of a local node that has no twin in its system and has one in another."""
    several = Counter(_about(result) for each in reports.values() for result in each.results)
    paired, made = _with_twins(graph), {}
    for name, each in reports.items():
        elsewhere = paired - _with_twins(each.graph)
        kept = (one for one in each.results if one.subject not in elsewhere or several[_about(one)] > 1)
        made[name] = replace(each, results=tuple(kept))
    return made


def _with_twins(graph: Graph) -> frozenset[str]:
    """The local nodes that have a twin, with the services of the datastores that have one."""
    paired = {pair.local for pair in graph.pairs}
    return frozenset(paired.union(store.service for store in graph.all(Datastore) if store.id in paired))


def _alike(result: Result) -> tuple[str, str, Span, str]:
    """What a result is told from others of several environments by, whose root modules may lie in folders of theirs."""
    return result.rule.id, result.finding.subject.name, result.span, result.message


def _about(result: Result) -> tuple[str, str, Span, str]:
    """What a result is told from others of several systems by; of a workflow, whatever each has to say of it."""
    message = "" if result.finding.subject.side is Side.PIPELINE else result.message
    return result.rule.id, result.subject, result.span, message


def _of_systems(told: Mapping[str, Result]) -> Result:
    worst = max(told.values(), key=lambda each: each.severity.rank)
    return replace(worst, systems=tuple(told))


def _together(
    reports: Mapping[str, Report],
    graph: Graph,
    said: Callable[[Mapping[str, Result]], Result],
    key: Callable[[Result], tuple[str, str, Span, str]],
) -> Report:
    every = list(reports.values())
    found = _by_what(key, {name: each.results for name, each in reports.items()})
    waived = _by_what(key, {name: [one.result for one in each.waived] for name, each in reports.items()})
    reasons = {key(one.result): one for each in reversed(every) for one in each.waived}
    questions = {each for one in every for each in one.undecided}
    return replace(
        every[0],
        results=tuple(sorted(map(said, found.values()), key=order)),
        undecided=tuple(sorted(questions, key=lambda each: (each.span, each.rule, each.subject, each.reason))),
        failures=tuple(dict.fromkeys(each for one in every for each in one.failures)),
        waived=tuple(replace(reasons[about], result=said(told)) for about, told in waived.items()),
        rules=tuple(sorted({each for one in every for each in one.rules})),
        graph=graph,
        compared=tuple(sorted({each for one in every for each in one.compared})),
        sources={path: source for one in every for path, source in one.sources.items()},
        remarks=_remarks(every),
    )


def _remarks(reports: Sequence[Report]) -> tuple[Remark, ...]:
    """What all say of a configuration, or of a comment, that read the file in which it stands."""
    said = [frozenset(each.remarks) for each in reports]

    def agreed(configuration: str, remark: Remark) -> bool:
        path = remark.span.path
        return all(
            remark in told
            for each, told in zip(reports, said, strict=True)
            if each.configuration == configuration and (path == configuration or path in each.sources)
        )

    every = dict.fromkeys((each.configuration, remark) for each in reports for remark in each.remarks)
    return tuple(dict.fromkeys(remark for configuration, remark in every if agreed(configuration, remark)))


def _by_what(key: Callable[[Result], tuple[str, str, Span, str]], results: Mapping[str, Sequence[Result]]) -> _Told:
    found: _Told = {}
    for name, each in results.items():
        for result in each:
            found.setdefault(key(result), {}).setdefault(name, result)
    return found
