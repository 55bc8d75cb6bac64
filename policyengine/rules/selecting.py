"""Which rules run: what the configuration and the command line select, and what they name that is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from policyengine.model.source import UsageError
from policyengine.repository import configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span
    from policyengine.repository.configuration import Config
    from policyengine.rules.rule import Pack


def where(settings: Config, span: Span) -> str:
    """What a mistake in the configuration begins with: its place."""
    return "" if settings.source is None else f"{configuration.where(settings.source, span)}: "


def _hint(name: str, rules: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, rules, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"


def selected(settings: Config, packs: Sequence[Pack[Any]]) -> frozenset[str]:
    """The ids of the rules that a configuration selects.

    Raises:
        UsageError: it names a pack or a rule that is not there.
    """
    _check_names(settings, packs)
    return selection(packs, [each.text for each in settings.select], [each.text for each in settings.ignore])


def selection(packs: Sequence[Pack[Any]], select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The ids of the rules that `select` and `ignore` leave; ids or prefixes of ids.

    Raises:
        UsageError: one of them fits no rule.
    """
    every = sorted(rule.id for pack in packs for rule in pack.rules)
    for prefix in (*select, *ignore):
        if not any(each.startswith(prefix) for each in every):
            raise UsageError(f"no rule begins with '{prefix}'; {_hint(prefix, every)}")
    chosen = [each for each in every if not select or each.startswith(tuple(select))]
    return frozenset(each for each in chosen if not each.startswith(tuple(ignore) or ("\0",)))


def _check_names(settings: Config, packs: Sequence[Pack[Any]]) -> None:
    names = {pack.name for pack in packs}
    for name in settings.packs:
        if name not in names:
            place = where(settings, settings.places[name])
            raise UsageError(f"{place}'packs' names '{name}'; installed are {', '.join(sorted(names))}")
    rules = sorted(rule.id for pack in packs for rule in pack.rules)
    for waiver in settings.waivers:
        if waiver.rule.text not in rules:
            hint = _hint(waiver.rule.text, rules)
            raise UsageError(
                f"{where(settings, waiver.rule.span)}a waiver names the unknown rule '{waiver.rule.text}'; {hint}"
            )
    for prefix in (*settings.select, *settings.ignore, *(each.prefix for each in settings.rules)):
        if not any(each.startswith(prefix.text) for each in rules):
            hint = _hint(prefix.text, rules)
            raise UsageError(f"{where(settings, prefix.span)}no rule begins with '{prefix.text}'; {hint}")
