"""What the configuration makes of results, and comments do: conventions by profile, severities by path, waivers."""

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
from policyengine.rules.sharing import shared
from policyengine.rules.waivers import Comments

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from policyengine.repository.configuration import Config, RuleSetting, Waiver
    from policyengine.rules.evaluate import Result


NO_COMMENTS = Comments()


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
    comments: Comments = NO_COMMENTS,
    within: tuple[str, str] = ("", ""),
) -> Weighed:
    """Results as the configuration and the comments beside them want them.

    `ran` are the ids of the rules that ran; others' waivers rest. `within` names the system and the environment.
    """
    rules = [each for each in settings.rules if each.concerns(*within)]
    organisation = settings.organisation
    defaults = [each for each in organisation.defaults() if each.concerns(*within)] if organisation is not None else []
    standing: list[Result] = []
    waived: list[Waived] = []
    used: set[Waiver] = set()
    beside: dict[tuple[str, str], list[Waiver]] = {}
    free = [each for each in comments.waivers if not _is_locked(each, settings)]
    for told in free:
        beside.setdefault((told.rule.text, told.rule.span.path), []).append(told)
    central, own = _by_subject(settings.central), _by_subject(settings.waivers)
    for result in results:
        weighed = _weighed(result, rules, profile)
        lock = settings.locks.get(result.rule.id)
        if lock is not None and organisation is not None:
            base = _weighed(result, defaults, organisation.profile or RECOMMENDED)
            floors = [each.severity for each in (base,) if each] + [Severity(each) for each in (lock.severity,) if each]
            for least in floors:
                weighed = _at_least(result, weighed, least)
        near = beside.get((result.rule.id, result.span.path), ())
        mine = [
            *_about(result, central),
            *(each for each in near if each.is_beside(result.span)),
            *_about(result, own),
        ]
        used.update(mine)
        waiver = next((each for each in mine if not each.over(today)), None)
        if weighed is None:
            waived.append(Waived(result, f"switched off in {settings.path}"))
        elif waiver is not None:
            day = "" if waiver.expires is None else str(waiver.expires)
            at = waiver.rule.span
            waived.append(Waived(weighed, waiver.reason, waiver.owner, day, at, inline=bool(waiver.lines)))
        else:
            standing.append(weighed)
    remarks = (
        *_remarks(settings.waivers, used, ran, today),
        *sorted(
            (*_remarks(free, used, ran, today), *comments.remarks, *_refused(comments, settings)),
            key=lambda each: each.span,
        ),
    )
    return Weighed(shared(standing), tuple(waived), remarks)


_BySubject = dict[tuple[str, str | None], list[tuple[int, "Waiver"]]]
"""Waivers of files by their rule and subject, each with its place among all of them."""


def _by_subject(waivers: Iterable[Waiver]) -> _BySubject:
    made: _BySubject = {}
    for number, each in enumerate(waivers):
        subject = None if each.subject is None else each.subject.text
        made.setdefault((each.rule.text, subject), []).append((number, each))
    return made


def _about(result: Result, waivers: _BySubject) -> list[Waiver]:
    """Those that cover a result, in their order."""
    names = {None, result.subject, result.finding.subject.name}
    return [each for _, each in sorted(one for name in names for one in waivers.get((result.rule.id, name), ()))]


def _is_locked(waiver: Waiver, settings: Config) -> bool:
    """Whether an organisation lets no repository waive what a rule finds."""
    lock = settings.locks.get(waiver.rule.text)
    return lock is not None and not lock.waivers


def _refused(comments: Comments, settings: Config) -> Iterator[Remark]:
    who = settings.organisation.name if settings.organisation is not None else "the organisation"
    for each in comments.waivers:
        if _is_locked(each, settings):
            yield Remark(f"the waiver of {each.rule.text} waives nothing: {who} locks the rule", each.rule.span)


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


def accepted(waivers: Iterable[Waiver], today: datetime.date) -> Iterator[Acceptance]:
    """What waivers accept, as nodes that rules can ask for; those of one comment are one."""
    together: dict[tuple[object, ...], list[Waiver]] = {}
    for each in waivers:
        together.setdefault(each.lines or (each,), []).append(each)
    seen: dict[str, int] = {}
    for first, *more in together.values():
        about = f"/{first.subject.text}" if first.subject is not None else ""
        beside = f"/{first.rule.span.path}" if first.lines else ""
        called = f"policyengine:{first.rule.text}{about}{beside}"
        seen[called] = seen.get(called, 0) + 1  # of several comments alike their order tells, and no line
        yield Acceptance(
            id=called if seen[called] == 1 else f"{called}#{seen[called]}",
            name=", ".join(each.rule.text for each in (first, *more)),
            side=Side.SOURCE,
            span=first.rule.span,
            about=about[1:],
            owner=first.owner,
            expires="" if first.expires is None else str(first.expires),
            expired=first.over(today),
        )


def switched_off(settings: Config) -> Iterator[Acceptance]:
    """What the configuration does not want to know at all, as nodes that rules can ask for."""
    off = [each.prefix for each in settings.rules if each.severity == "off" and not each.paths]
    for each in (*settings.ignore, *off):
        yield Acceptance(id=f"policyengine:{each.text}/off", name=each.text, side=Side.SOURCE, span=each.span, off=True)


def _remarks(
    waivers: Iterable[Waiver], used: set[Waiver], ran: frozenset[str], today: datetime.date
) -> Iterator[Remark]:
    for each in waivers:
        remark = _remark(each, today, used=each in used) if each.rule.text in ran else None
        if remark is not None:
            yield remark


def _remark(waiver: Waiver, today: datetime.date, *, used: bool) -> Remark | None:
    about = f"{waiver.rule.text} for '{waiver.subject.text}'" if waiver.subject else waiver.rule.text
    if not used:
        at = (waiver.subject or waiver.rule).span
        what = "covers no finding at its line; remove it" if waiver.lines else "covers no finding; remove it"
        return Remark(f"the waiver of {about} {what}{'' if waiver.lines else ', or correct its subject'}", at)
    if waiver.over(today):
        return Remark(f"the waiver of {about} has expired on {waiver.expires}; mend what it covers", waiver.rule.span)
    return None


@cache
def _holds(paths: tuple[str, ...], path: str) -> bool:
    """Whether patterns as in .gitignore cover a path; such that only leave out cover all others."""
    return not paths or compile_patterns(paths).covers(path, default=all(each.startswith("!") for each in paths))
