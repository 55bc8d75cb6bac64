"""Which rules run: what the configuration and the command line select, and what they name that is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from policyengine.model.source import UsageError
from policyengine.repository import configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span
    from policyengine.repository.configuration import Config, Configured
    from policyengine.rules.rule import Pack


def where(settings: Config, span: Span) -> str:
    """What a mistake in the configuration begins with: its place."""
    return "" if settings.source is None else f"{configuration.where(settings.source, span)}: "


def hint(name: str, rules: Sequence[str]) -> str:
    """What somebody may have meant who named a rule that is not there."""
    close = difflib.get_close_matches(name, rules, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"


def selected(settings: Config, packs: Sequence[Pack[Any]]) -> frozenset[str]:
    """The ids of the rules that a configuration selects.

    Raises:
        UsageError: it names a pack or a rule that is not there.
    """
    _check_names(settings, packs)
    chosen = selection(packs, [each.text for each in settings.select], [each.text for each in settings.ignore])
    return chosen | settings.locks.keys()


def check_locks(settings: Config, chosen: frozenset[str], profile: str) -> None:
    """Refuse a command line that leaves out or lowers what an organisation locks.

    Raises:
        UsageError: `chosen` lacks a locked rule, or `profile` is below the organisation's.
    """
    organisation = settings.organisation
    left = sorted(settings.locks.keys() - chosen)
    if organisation is not None and left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        line = organisation.line(settings.locks[left[0]].span)
        raise UsageError(f"--select and --ignore leave out {left[0]}{more}, which {organisation.name} locks ({line})")
    if organisation is not None and organisation.profile and profile not in ("", organisation.profile):
        raise UsageError(f"--profile {profile} is below '{organisation.profile}', which {organisation.name} asks for")


def selection(packs: Sequence[Pack[Any]], select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The ids of the rules that `select` and `ignore` leave; ids or prefixes of ids.

    Raises:
        UsageError: one of them fits no rule.
    """
    every = sorted(rule.id for pack in packs for rule in pack.rules)
    for prefix in (*select, *ignore):
        if not any(each.startswith(prefix) for each in every):
            raise UsageError(f"no rule begins with '{prefix}'; {hint(prefix, every)}")
    chosen = [each for each in every if not select or each.startswith(tuple(select))]
    return frozenset(each for each in chosen if not each.startswith(tuple(ignore) or ("\0",)))


def check_scopes(settings: Config, systems: Sequence[str]) -> None:
    """Refuse rules for a system or an environment that is not there; `systems` are the names of those that are.

    Raises:
        UsageError: there is one.
    """
    named = [name for name in systems if name]
    environments = [each.text for each in settings.environments] or [settings.environment]
    for told in settings.rules:
        if told.prefix.span.path != settings.path:
            continue  # an organisation's default, which names what some of its repositories have
        for kind, given, known in (("system", told.systems, named), ("environment", told.environments, environments)):
            for each in given:
                if each.text not in known or not each.text:
                    there = ", ".join(filter(None, known)) or f"none; name it under '{kind}s'"
                    raise UsageError(f"{where(settings, each.span)}there is no {kind} '{each.text}'; there are {there}")


def check_version(pack: Pack[Any], told: Configured, place: str) -> None:
    """Refuse a pack of another version than a specifier (PEP 440) allows; `place` begins the sentence.

    Raises:
        UsageError: the version does not fit, or one of the two is none.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  few configurations ask
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  as above

    try:
        allowed = SpecifierSet(told.text)
        if not allowed:
            raise InvalidSpecifier  # noqa: TRY301  an empty one says nothing
    except InvalidSpecifier as error:
        raise UsageError(f"{place}'{told.text}' says no versions of '{pack.name}'; write such as '>=1.2,<2'") from error
    try:
        fits = allowed.contains(Version(pack.version), prereleases=True)
    except InvalidVersion as error:
        raise UsageError(
            f"{place}the pack '{pack.name}' has no version that can be compared: '{pack.version}'"
        ) from error
    if not fits:
        raise UsageError(f"{place}the pack '{pack.name}' must have a version {told.text}, and {pack.version} is loaded")


def _check_names(settings: Config, packs: Sequence[Pack[Any]]) -> None:
    loaded = {pack.name: pack for pack in packs}
    for name in settings.places:
        place = where(settings, settings.places[name])
        if name not in loaded:
            raise UsageError(
                f"{place}the pack '{name}' is not loaded; install it or name it with --pack (loaded are "
                f"{', '.join(sorted(loaded))})"
            )
        if name in settings.constraints:
            check_version(loaded[name], settings.constraints[name], where(settings, settings.constraints[name].span))
    rules = sorted(rule.id for pack in packs for rule in pack.rules)
    for waiver in settings.waivers:
        if waiver.rule.text not in rules:
            meant = hint(waiver.rule.text, rules)
            raise UsageError(
                f"{where(settings, waiver.rule.span)}a waiver names the unknown rule '{waiver.rule.text}'; {meant}"
            )
    for prefix in (*settings.select, *settings.ignore, *(each.prefix for each in settings.rules)):
        if not any(each.startswith(prefix.text) for each in rules):
            meant = hint(prefix.text, rules)
            raise UsageError(f"{where(settings, prefix.span)}no rule begins with '{prefix.text}'; {meant}")
