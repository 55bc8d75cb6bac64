"""Rules × graph → Report. A crashing rule loses no other finding and is itself reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.nodes import Datastore, Node, Service
from policyengine.model.nodes.container import PRODUCTION_COMPOSE
from policyengine.rules.rule import Compared, Finding, Severity, Undecided, place
from policyengine.rules.running import Flawed, limit, limited, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.model.graph import Graph, Pair
    from policyengine.model.source import ReadError, Source, Span
    from policyengine.model.value import Unknown
    from policyengine.rules.rule import Pack, Rule


class Failure(Struct, frozen=True):
    """Work the engine could not do: a file it could not read, a rule that crashed, a worker that died.

    `span` is None where no file is to blame. `rule` is the id of a rule that crashed, `trace` the calls in its pack
    that led there, the last one last.
    """

    message: str
    span: Span | None = None
    advice: str = ""
    rule: str = ""
    trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: ReadError) -> Failure:
        """The failure that a ReadError tells."""
        return cls(error.message, error.span, error.advice)


class Result(Struct, frozen=True):
    """A finding with its rule, its final severity, its message and its places as plain spans.

    `folded` tells a convention of the strategy, which the profile `recommended` shows as a note in one line of many.
    `environments` are those that it holds in, where it does not hold in all that were asked for, `systems` those that
    it is found in, where the repository holds several. `of` are the results of several nodes that it tells as one.
    """

    rule: Rule[Any]
    pack: str
    finding: Finding
    severity: Severity
    message: str
    span: Span
    related: tuple[Span, ...]
    pair: Pair | None = None
    folded: bool = False
    environments: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    of: tuple[Result, ...] = ()

    @property
    def subject(self) -> str:
        """The id of the node it is about."""
        return self.finding.subject.id

    @property
    def singly(self) -> tuple[Result, ...]:
        """What it tells as one, each by itself."""
        return tuple(replace(each, environments=self.environments, systems=self.systems) for each in self.of) or (self,)


class Open(Struct, frozen=True):
    """A rule's question that stayed undecided."""

    rule: str
    subject: str
    span: Span
    reason: str


class Comparison(Struct, frozen=True, order=True):
    """That a rule was asked of a node, with the twin it was compared with (an id, or empty)."""

    rule: str
    subject: str
    against: str = ""


class Remark(Struct, frozen=True):
    """What is to be said of the configuration or of a comment, and where: a waiver that covers nothing, or is over."""

    message: str
    span: Span


class Waived(Struct, frozen=True):
    """A result that is not counted, and why: a waiver's reason, or what knows it or switches it off.

    `at` is the place of the waiver, None where there is none; `owner` and `expires` (a day) are what it says, `inline`
    tells that it stands in a comment beside what it covers, `known` that a baseline knows the result.
    """

    result: Result
    reason: str
    owner: str = ""
    expires: str = ""
    at: Span | None = None
    inline: bool = False
    known: bool = False

    @property
    def is_debt(self) -> bool:
        """Whether somebody has accepted it."""
        return self.at is not None


class Gone(Struct, frozen=True):
    """A finding of an earlier commit that is there no more, as it is to be shown. Places are `path:line:column`."""

    rule: str
    severity: Severity
    subject: str
    message: str
    local: str = ""
    cloud: str = ""


class Since(Struct, frozen=True):
    """How a report stands to that of an earlier commit; its `results` are then those that the commit did not have.

    `unchanged` are the results that both have, `fixed` what only the commit has. `touched` are the lines, first and
    last from 1, that differ from the commit, by the paths of files that hold a place of a result. `lacking` says what
    of the commit could not be read; what is found there may be old. `asked` are the questions that the commit left open
    too, as rule and subject; of a node without a twin the rule is empty. `accepted` are the identities of what the
    commit has waived.
    """

    revision: str
    unchanged: tuple[Result, ...] = ()
    fixed: tuple[Gone, ...] = ()
    touched: Mapping[str, tuple[tuple[int, int], ...]] = {}
    lacking: tuple[str, ...] = ()
    asked: frozenset[tuple[str, str]] = frozenset()
    accepted: frozenset[str] = frozenset()

    def of(self, system: str) -> Since:
        """The same of one system."""
        return replace(self, unchanged=tuple(each for each in self.unchanged if system in each.systems))

    def touches(self, path: str, first: int, last: int) -> bool:
        """Whether one of the lines differs from the commit."""
        return any(start <= last and first <= end for start, end in self.touched.get(path, ()))


class Report(Struct, frozen=True):
    """All that a run found out, in a fixed order.

    `results` are sorted by file, place and rule. `packs` are the packs whose rules ran, `rules` the ids that did.
    `sources` are the texts of the files, by path. `compared` is what the rules were asked of, sorted. `configuration`
    is the path of the configuration, empty without one, and `remarks` what is to be said of it. `profile` is what holds
    where the configuration says no other. `fixed` names findings that a baseline or an earlier commit knows and that
    are there no more; `since` tells more of the latter. `systems` are the reports of the systems by their names, where
    this is the sum of several. `locked` are the rules whose findings only the organisation's file accepts.
    """

    results: tuple[Result, ...]
    undecided: tuple[Open, ...]
    failures: tuple[Failure, ...]
    waived: tuple[Waived, ...]
    packs: tuple[Pack[Any], ...]
    rules: tuple[str, ...]
    graph: Graph
    sources: Mapping[str, Source]
    compared: tuple[Comparison, ...] = ()
    configuration: str = ""
    profile: str = ""
    remarks: tuple[Remark, ...] = ()
    fixed: tuple[str, ...] = ()
    systems: Mapping[str, Report] = {}
    locked: tuple[str, ...] = ()
    since: Since | None = None

    def worst(self) -> Severity | None:
        """The highest severity among the results, or None when there are none."""
        return max((result.severity for result in self.results), key=lambda each: each.rank, default=None)


class Reporter(Struct, frozen=True):
    """A format of reports: its name, the endings of files that are written in it, and what makes the text.

    Whatever the text is, values of secrets in it are masked before it goes anywhere.
    """

    name: str
    write: Callable[[Report], str]
    endings: tuple[str, ...] = ()


class Evaluation(Struct, frozen=True):
    """What the rules say, in a fixed order: findings, open questions, what was compared; and which rules crashed."""

    results: tuple[Result, ...]
    undecided: tuple[Open, ...]
    compared: tuple[Comparison, ...]
    failures: tuple[Failure, ...]


def evaluate(
    graph: Graph,
    packs: Sequence[tuple[Pack[Any], object]],
    *,
    selected: frozenset[str],
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Run every selected rule of the packs, each with its pack's options; `progress` is told of each as of a stage.

    Raises:
        UsageError: as `limit` does.
    """
    compared: set[Comparison] = set()
    results: list[Result] = []
    open_questions: set[Open] = set()
    failures: list[Failure] = []
    with limited(limit()) as timer:
        for pack, options, each in ((*of, one) for of in packs for one in of[0].rules if one.id in selected):
            if progress is not None:
                progress(f"rule {each.id}", 1, 1)
            for outcome in outcomes(each, graph, options, timer):
                match outcome:
                    case Finding():
                        found, doubt = _result(graph, pack, each, outcome), _doubt(outcome)
                        if doubt is None:
                            results.append(found)
                        else:
                            open_questions.add(Open(each.id, found.subject, doubt.span, doubt.reason))
                    case Undecided(subject, at, reason):
                        open_questions.add(Open(each.id, subject.id, at, reason))
                    case Compared(subject, against):
                        compared.add(Comparison(each.id, subject.id, "" if against is None else against.id))
                    case Flawed(message, trace):
                        advice = f"report it to the authors of the pack '{pack.name}', or leave it out with --ignore"
                        failures.append(Failure(message, advice=advice, rule=each.id, trace=trace))
    settled, untold = _settled(graph, results)
    open_questions.update(untold)
    return Evaluation(
        results=tuple(sorted(_unrepeated(settled), key=order)),
        undecided=tuple(sorted(open_questions, key=lambda each: (each.span, each.rule, each.subject, each.reason))),
        compared=tuple(sorted(compared)),
        failures=tuple(failures),
    )


def _doubt(finding: Finding) -> Unknown | None:
    """Why what a finding is about, or the twin that it is held against, may not be there at all."""
    nodes = (finding.subject,) if finding.against is None else (finding.subject, finding.against)
    return next((each.doubt for each in nodes if each.doubt is not None), None)


def _settled(graph: Graph, results: Sequence[Result]) -> tuple[list[Result], list[Open]]:
    """The results without those that hold against some of a node's tied twins only; these are open questions."""
    kept: list[Result] = []
    groups: dict[tuple[str, str, Span], list[Result]] = {}
    for result in results:
        if result.pair is None or not result.pair.tied or result.finding.against is None:
            kept.append(result)
        else:
            groups.setdefault((result.rule.id, result.subject, result.span), []).append(result)
    untold = []
    for (rule, subject, span), found in groups.items():
        tied = [pair for pair in graph.pairs_of(found[0].finding.subject) if pair.tied]
        twins = {pair.cloud if pair.local == subject else pair.local for pair in tied}
        if twins == {each.finding.against.id for each in found if each.finding.against is not None}:
            kept.extend(found)
        else:
            names = " or ".join(f"'{twin.partition(':')[2]}'" for twin in sorted(twins))
            untold.append(Open(rule, subject, span, f"whether it mirrors {names} is not known; say so under 'pairs'"))
    return kept, untold


def _unrepeated(results: Iterable[Result]) -> list[Result]:
    """One result for what several say alike of one node and place, with the places of all of them.

    A node that mirrors several may differ from all in the same way, which is one thing to mend.
    """
    unique: dict[tuple[str, str, Span, str], Result] = {}
    for result in results:
        key = (result.rule.id, result.subject, result.span, result.message)
        first = unique.setdefault(key, result)
        more = [number for number, span in enumerate(result.related) if span not in first.related]
        if first is not result and more:
            also = tuple(result.finding.related[number] for number in more)
            unique[key] = replace(
                first,
                finding=replace(first.finding, related=(*first.finding.related, *also)),
                related=(*first.related, *(result.related[number] for number in more)),
            )
    return list(unique.values())


def order(result: Result) -> tuple[Span, str, str, str]:
    """By file, place and rule."""
    return result.span, result.rule.id, result.message, result.subject


def _result(graph: Graph, pack: Pack[Any], rule: Rule[Any], finding: Finding) -> Result:
    if _runs_on_compose(graph, finding.against):
        rule = _of_production(rule)
    pair = graph.pair_of(finding.subject, finding.against) or graph.pair_of(finding.subject)
    severity = finding.severity or rule.severity
    return Result(
        rule=rule,
        pack=pack.name,
        finding=finding,
        severity=severity if pair is None or pair.certain else severity.lowered(),
        message=rule.text(finding),
        span=place(finding.at),
        related=tuple(place(each) for each in finding.related),
        pair=pair,
    )


def _runs_on_compose(graph: Graph, twin: Node | None) -> bool:
    """Whether a twin, or what runs it, is a service of the Compose file that production runs."""
    service = graph.get(Service, twin.service or twin.id) if isinstance(twin, Datastore) else twin
    return isinstance(service, Service) and service.noun == PRODUCTION_COMPOSE


def _of_production(rule: Rule[Any]) -> Rule[Any]:
    """The rule as it speaks of a twin that production runs by Compose: its links name production and no cloud."""
    said = {
        name: text.replace("the cloud](", "production](").replace("The cloud](", "Production](")
        for name, text in rule.messages.items()
    }
    return rule if said == rule.messages else replace(rule, messages=said)
