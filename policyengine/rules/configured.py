"""What the configuration makes of results: conventions by profile, severities by rule and path, waivers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.ignoring import compile_patterns
from policyengine.model.nodes import Acceptance, Side
from policyengine.repository.configuration import RECOMMENDED
from policyengine.rules.evaluate import Remark, Waived
from policyengine.rules.rule import Severity

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from policyengine.repository.configuration import Config, RuleSetting, Waiver
    from policyengine.rules.evaluate import Result


class Weighed(Struct, frozen=True):
    """The results that stand, those that are waived, and what is to be said of the configuration."""

    standing: tuple[Result, ...]
    waived: tuple[Waived, ...]
    remarks: tuple[Remark, ...]


def weigh(
    results: Iterable[Result],
    settings: Config,
    profile: str,
    ran: frozenset[str],
    today: datetime.date,
    within: tuple[str, str] = ("", ""),
) -> Weighed:
    """Results as the configuration wants them.

    `ran` are the ids of the rules that ran; others' waivers rest. `within` names the system and the environment.
    """
    rules = [each for each in settings.rules if each.concerns(*within)]
    organisation = settings.organisation
    defaults = [each for each in organisation.defaults() if each.concerns(*within)] if organisation is not None else []
    standing: list[Result] = []
    waived: list[Waived] = []
    used: set[Waiver] = set()
    for result in results:
        weighed = _weighed(result, rules, profile)
        lock = settings.locks.get(result.rule.id)
        if lock is not None and organisation is not None:
            base = _weighed(result, defaults, organisation.profile or RECOMMENDED)
            floors = [each.severity for each in (base,) if each] + [Severity(each) for each in (lock.severity,) if each]
            for least in floors:
                weighed = _at_least(result, weighed, least)
        mine = [each for each in settings.waivers if _covers(each, result)]
        used.update(mine)
        every = (*(each for each in settings.central if _covers(each, result)), *mine)
        waiver = next((each for each in every if each.expires is None or today <= each.expires), None)
        if weighed is None:
            waived.append(Waived(result, f"switched off in {settings.path}"))
        elif waiver is not None:
            waived.append(Waived(weighed, waiver.reason))
        else:
            standing.append(weighed)
    remarks = [_remark(each, today, used=each in used) for each in settings.waivers if each.rule.text in ran]
    return Weighed(tuple(standing), tuple(waived), tuple(each for each in remarks if each is not None))


def _weighed(result: Result, rules: Iterable[RuleSetting], profile: str) -> Result | None:
    """A result as settings weigh it; None where they switch it off."""
    held, severity = profile, ""
    for told in rules:
        if result.rule.id.startswith(told.prefix.text) and _holds(told.paths, result.span.path):
            held, severity = told.profile or held, told.severity or severity
    if severity == "off":
        return None
    if severity:
        return replace(result, severity=Severity(severity))
    if result.finding.convention and held == RECOMMENDED:
        return replace(result, severity=Severity.NOTE, folded=True)
    return result


def _at_least(result: Result, weighed: Result | None, least: Severity) -> Result:
    """A result that weighs no less than that."""
    if weighed is not None and weighed.severity.rank >= least.rank:
        return weighed
    return replace(result, severity=least)


def accepted(settings: Config, today: datetime.date) -> Iterator[Acceptance]:
    """What the configuration accepts, as nodes that rules can ask for."""
    for waiver in settings.waivers:
        about = f"/{waiver.subject.text}" if waiver.subject is not None else ""
        yield Acceptance(
            id=f"policyengine:{waiver.rule.text}{about}",
            name=waiver.rule.text,
            side=Side.SOURCE,
            span=waiver.rule.span,
            about=about[1:],
            owner=waiver.owner,
            expires="" if waiver.expires is None else str(waiver.expires),
            expired=waiver.expires is not None and today > waiver.expires,
        )
    off = [each.prefix for each in settings.rules if each.severity == "off" and not each.paths]
    for each in (*settings.ignore, *off):
        yield Acceptance(id=f"policyengine:{each.text}/off", name=each.text, side=Side.SOURCE, span=each.span, off=True)


def _covers(waiver: Waiver, result: Result) -> bool:
    subject = waiver.subject
    named = subject is None or subject.text in (result.subject, result.finding.subject.name)
    return waiver.rule.text == result.rule.id and named


def _remark(waiver: Waiver, today: datetime.date, *, used: bool) -> Remark | None:
    about = f"{waiver.rule.text} for '{waiver.subject.text}'" if waiver.subject else waiver.rule.text
    if not used:
        at = (waiver.subject or waiver.rule).span
        return Remark(f"the waiver of {about} covers no finding; remove it, or correct its subject", at)
    if waiver.expires is not None and today > waiver.expires:
        return Remark(f"the waiver of {about} has expired on {waiver.expires}; mend what it covers", waiver.rule.span)
    return None


@cache
def _holds(paths: tuple[str, ...], path: str) -> bool:
    """Whether patterns as in .gitignore cover a path; such that only leave out cover all others."""
    return not paths or compile_patterns(paths).covers(path, default=all(each.startswith("!") for each in paths))
