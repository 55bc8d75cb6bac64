"""A baseline: findings that are known, by their identity and not by their line, so that only new ones fail a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct, ValidationError
from msgspec import json as typed
from msgspec.structs import replace

from policyengine.model.source import UsageError
from policyengine.reports.identity import identity, unique
from policyengine.reports.view import View, plain
from policyengine.rules.evaluate import Waived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.rules.evaluate import Report, Result

NAME = "policyengine.baseline.json"


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """A known finding. What is not its identity is for people."""

    identity: str
    rule: str
    subject: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.rule} of '{self.subject}'"


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """The document, version 1."""

    version: int
    findings: tuple[Known, ...]


def read(text: str, name: str) -> Baseline:
    """The baseline that a text holds; `name` is that of its file.

    Raises:
        UsageError: it is none of version 1.
    """
    try:
        found = typed.decode(text, type=Baseline)
    except (ValidationError, ValueError) as error:
        raise UsageError(f"the baseline '{name}' cannot be used: {error}") from error
    if found.version != 1:
        raise UsageError(f"the baseline '{name}' has version {found.version}; this program reads version 1")
    return found


def of(report: Report) -> Baseline:
    """The baseline that knows every finding of a report."""
    view = View.of(report)
    found = [
        Known(name, result.rule.id, result.subject, plain(view.message(result)))
        for name, result in identified(report.results)
    ]
    return Baseline(1, tuple(sorted(found, key=lambda each: (each.rule, each.subject, each.identity))))


def written(baseline: Baseline) -> str:
    """The baseline as text, in one order."""
    made = {
        "version": baseline.version,
        "findings": [
            {"identity": each.identity, "rule": each.rule, "subject": each.subject, "message": each.message}
            for each in baseline.findings
        ],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def identified(results: tuple[Result, ...]) -> Iterator[tuple[str, Result]]:
    """Results with identities of which no two are the same."""
    seen: dict[str, int] = {}
    for result in results:
        yield unique(identity(result), seen), result


def applied(report: Report, baseline: Baseline, where: str) -> Report:
    """The report with the known findings waived, and those that are there no more named as fixed.

    `where` says in a waiver's reason what knows them. A finding of a rule that did not run is not fixed.
    """
    known = {each.identity: each for each in baseline.findings}
    standing: list[Result] = []
    waived: list[Waived] = []
    for name, result in identified(report.results):
        if known.pop(name, None) is None:
            standing.append(result)
        else:
            waived.append(Waived(result, f"known by {where}"))
    for name, result in identified(tuple(each.result for each in report.waived)):
        known.pop(name, None)
        del result
    fixed = () if report.failures else tuple(sorted(str(each) for each in known.values() if each.rule in report.rules))
    return replace(report, results=tuple(standing), waived=(*report.waived, *waived), fixed=fixed)
