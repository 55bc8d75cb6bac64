"""A baseline: findings that are known, by their identity and not by their line, so that only new ones fail a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, ValidationError
from msgspec import json as typed
from msgspec.structs import replace

from policyengine.model.source import UsageError
from policyengine.reports.identity import identity
from policyengine.reports.view import View, plain
from policyengine.rules.evaluate import Waived
from policyengine.rules.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from policyengine.rules.evaluate import Report, Result


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """A known finding. Subject and message are for people; the message tells apart what has one identity.

    `severity` is what it weighed, and `environments` where it was found, empty for all: what weighs more later, or is
    found in one more environment, is new.
    """

    identity: str
    rule: str
    subject: str
    severity: Literal["error", "warning", "note", ""] = ""
    environments: tuple[str, ...] = ()
    message: str = ""

    def __str__(self) -> str:
        return f"{self.rule} of '{self.subject}'"

    def covers(self, found: Known) -> bool:
        """Whether what is found now, which is the same finding, is no worse than what is known."""
        if self.severity and found.severity and Severity(found.severity).rank > Severity(self.severity).rank:
            return False
        return not self.environments or (found.environments != () and {*found.environments} <= {*self.environments})


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """The document, version 1."""

    version: int
    findings: tuple[Known, ...]


_ANEW = "restore it, or remove it and write it with 'policyengine baseline create'"


def read(text: str, name: str) -> Baseline:
    """The baseline that a text holds; `name` is that of its file.

    Raises:
        UsageError: it is none of version 1.
    """
    try:
        found = typed.decode(text, type=Baseline)
    except (ValidationError, ValueError) as error:
        raise UsageError(f"'{name}' is no baseline: {error}; {_ANEW}") from error
    if found.version != 1:
        raise UsageError(f"the baseline '{name}' has version {found.version}; this program reads version 1; {_ANEW}")
    return found


def of(report: Report) -> Baseline:
    """The baseline that knows every finding of a report."""
    found = known(View.of(report), (each for result in report.results for each in result.singly))
    return Baseline(1, tuple(sorted(found, key=lambda each: (each.rule, each.subject, each.identity, each.message))))


def known(view: View, results: Iterable[Result]) -> list[Known]:
    """Results as a baseline knows them, free of secrets."""
    return [
        Known(
            identity(result),
            result.rule.id,
            view.redactor.name(result.subject),
            result.severity.value,
            result.environments,
            plain(view.message(result)),
        )
        for result in results
    ]


def written(baseline: Baseline) -> str:
    """The baseline as text, in one order, a line a fact."""
    made = {
        "version": baseline.version,
        "findings": [
            {
                "identity": each.identity,
                "rule": each.rule,
                "subject": each.subject,
                "severity": each.severity,
                **({"environments": each.environments} if each.environments else {}),
                "message": each.message,
            }
            for each in baseline.findings
        ],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def matched(now: Sequence[Known], then: Sequence[Known]) -> dict[int, int]:
    """Which of the findings `then` is which of those `now`, by their indexes; of several alike the message decides."""
    waiting: dict[str, list[int]] = {}
    for number, each in enumerate(then):
        waiting.setdefault(each.identity, []).append(number)
    made: dict[int, int] = {}
    for alike in (True, False):
        for number, each in enumerate(now):
            others = waiting.get(each.identity, [])
            found = next((one for one in others if not alike or then[one].message == each.message), None)
            if number not in made and found is not None:
                made[number] = found
                others.remove(found)
    return made


def left(made: Mapping[int, int], then: Sequence[Known]) -> list[int]:
    """The indexes of the findings `then` that are none of those now, as `matched` tells it."""
    there = {*made.values()}
    return [number for number in range(len(then)) if number not in there]


def applied(report: Report, baseline: Baseline, where: str, locked: tuple[str, ...] = ()) -> Report:
    """The report with the known findings waived, and those that are there no more named as fixed.

    `where` says in a waiver's reason what knows them. A finding of a rule that did not run is not fixed. Findings of
    the `locked` rules stand, known or not.
    """
    view = View.of(report)
    found = [*report.results, *(each.result for each in report.waived)]
    now = known(view, (each for result in found for each in result.singly))
    made = matched(now, baseline.findings)
    covered = whole(
        found,
        {
            number
            for number, other in made.items()
            if baseline.findings[other].covers(now[number]) and now[number].rule not in locked
        },
    )
    standing = tuple(result for number, result in enumerate(report.results) if number not in covered)
    known_ = (result for number, result in enumerate(report.results) if number in covered)
    waived = [Waived(each, f"known by {where}", known=True) for each in known_]
    gone = [baseline.findings[number] for number in left(made, baseline.findings)]
    return replace(report, results=standing, waived=(*report.waived, *waived), fixed=fixed(report, gone))


def whole(results: Iterable[Result], numbers: AbstractSet[int]) -> set[int]:
    """The indexes of the results of which all single ones are among the `numbers`, which count these through."""
    found: set[int] = set()
    start = 0
    for number, result in enumerate(results):
        end = start + max(1, len(result.of))
        if all(each in numbers for each in range(start, end)):
            found.add(number)
        start = end
    return found


def fixed(report: Report, gone: Iterable[Known]) -> tuple[str, ...]:
    """Findings that a report does not have any more, in words; none where something of it could not be done."""
    return () if report.failures else tuple(sorted(str(each) for each in gone if each.rule in report.rules))


def pruned(baseline: Baseline, report: Report) -> Baseline:
    """The baseline without what is fixed; what rules would find that did not run is kept."""
    found = (*report.results, *(each.result for each in report.waived))
    now = known(View.of(report), (each for result in found for each in result.singly))
    gone = {*left(matched(now, baseline.findings), baseline.findings)}
    kept = (
        each for number, each in enumerate(baseline.findings) if number not in gone or each.rule not in report.rules
    )
    return Baseline(1, tuple(kept))
