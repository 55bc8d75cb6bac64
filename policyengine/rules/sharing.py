"""One finding for what several nodes have from one place, or by one cause: services that merge one anchor, or one tag.

This comes after waivers, so that a waiver of one node leaves what is found of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.model.change import Change
    from policyengine.rules.evaluate import Result
    from policyengine.rules.rule import Fix

_MOST = 4
"""So many further nodes are named; of more their number is told."""


def shared(results: Iterable[Result]) -> tuple[Result, ...]:
    """The results, one for those of a rule that give one cause, or say the same of one place but for the node's name.

    It is that of the node whose finding weighs most, has a fix, or stands first, and names the others. A message that
    does not name its node says nothing of the others, so it is left as it is.
    """
    groups: dict[object, list[Result]] = {}
    for number, result in enumerate(results):
        name, args = result.finding.subject.name, result.finding.args
        named = [key for key, value in args.items() if value == name]
        said = tuple((key, str(value)) for key, value in args.items() if key not in named)
        about = result.rule.id, result.finding.variant, result.folded
        alike = result.finding.cause or (result.span, tuple(named), said)
        groups.setdefault((*about, alike) if named else number, []).append(result)
    return tuple(_one(found) if len(found) > 1 else found[0] for found in groups.values())


def _one(found: Sequence[Result]) -> Result:
    first, *others = sorted(found, key=_weight)
    own = first.finding.subject.name
    names = list(dict.fromkeys(each.finding.subject.name for each in others if each.finding.subject.name != own))
    told = [f"'{name}'" for name in names[:_MOST]] + [f"{len(names) - _MOST} more"] * (len(names) > _MOST)
    places = {
        span: place
        for each in (first, *others)
        for span, place in ((each.span, each.finding.at), *zip(each.related, each.finding.related, strict=True))
        if span != first.span and span not in first.related
    }
    fixes = [each.finding.fix for each in (first, *others) if each.finding.fix is not None]
    return replace(
        first,
        message=f"{first.message} The same holds for {', '.join(told)}." if told else first.message,
        related=(*first.related, *places),
        of=(first, *others),
        finding=replace(
            first.finding,
            related=(*first.finding.related, *places.values()),
            fix=replace(fixes[0], edits=_edits(fixes), safe=all(each.safe for each in fixes)) if fixes else None,
        ),
    )


def _weight(result: Result) -> tuple[object, ...]:
    finding = result.finding
    return -result.severity.rank, finding.fix is None, finding.subject.span, result.subject


def _edits(fixes: Sequence[Fix]) -> tuple[Change, ...]:
    """What mends all of them, each edit once; nothing where one of them has none."""
    return tuple(dict.fromkeys(edit for fix in fixes for edit in fix.edits)) if all(fix.edits for fix in fixes) else ()
