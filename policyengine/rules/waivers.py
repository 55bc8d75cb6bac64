"""Configured waivers: a finding that is accepted for a time, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.rules.evaluate import Waived

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

    from policyengine.repository.configuration import Waiver
    from policyengine.rules.evaluate import Result


def apply(
    results: Iterable[Result], waivers: Sequence[Waiver], today: datetime.date
) -> tuple[tuple[Result, ...], tuple[Waived, ...]]:
    """Split results into those that stand and those that a waiver in force covers."""
    standing: list[Result] = []
    waived: list[Waived] = []
    for result in results:
        waiver = next((each for each in waivers if _covers(each, result, today)), None)
        if waiver is None:
            standing.append(result)
        else:
            waived.append(Waived(result, waiver.reason))
    return tuple(standing), tuple(waived)


def _covers(waiver: Waiver, result: Result, today: datetime.date) -> bool:
    return (
        waiver.rule.text == result.rule.id
        and waiver.subject in ("", result.subject, result.finding.subject.name)
        and (waiver.expires is None or today <= waiver.expires)
    )
