"""A repository's configuration under an organisation's file: what would weaken it does not count, and is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from policyengine import __version__
from policyengine.model.nodes import Node, Side
from policyengine.model.source import Span, UsageError
from policyengine.repository.configuration import RECOMMENDED, STRICT, at, typed
from policyengine.repository.organisation import Attempt
from policyengine.rules.evaluate import Comparison, Result, order
from policyengine.rules.rule import Finding, NoOptions, Pack, Severity, rule
from policyengine.rules.selecting import check_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.graph import Graph
    from policyengine.repository.configuration import Config
    from policyengine.repository.organisation import Lock, Organisation
    from policyengine.rules.evaluate import Report
    from policyengine.rules.rule import Outcome

_MOST = 3
"""So many rules are named in a message."""


@rule(
    "LOCK001",
    mandate="locked",
    severity=Severity.ERROR,
    message={
        "default": "'{setting}' leaves out {rules}, which '{organisation}' locks ({line}); they run.",
        "lowered": "'{setting}' lowers {rules}, which '{organisation}' locks ({line}); their weight stays.",
        "waived": "'{setting}' accepts findings of {rules}, which '{organisation}' locks ({line}); they stand.",
        "excluded": "'{setting}' hides '{pattern}' from the rules that '{organisation}' locks; it is read.",
        "profile": "'{setting}' is 'recommended', but '{organisation}' asks for 'strict' ({line}); that holds.",
        "option": "'{setting}' differs from what '{organisation}' locks ({line}); its value holds.",
    },
    remedy="Take it out of the configuration, or ask whoever keeps the organisation's file to allow it.",
    tags=("configuration",),
)
def locked_setting_weakened(_: Graph, __: NoOptions) -> Iterator[Outcome]:
    """The repository's configuration weakens what the organisation locks.

    The organisation's file says which rules run everywhere and what they weigh at least. What a repository says against
    that does not count, and is shown, so that nobody believes a rule to be off which is not.
    """
    return iter(())


PACK: Pack[NoOptions] = Pack(
    name="organisation",
    version=__version__,
    rules=(locked_setting_weakened,),
    mandates={"locked": "What the organisation locks holds in every repository."},
    sides={"0": "What the organisation locks"},
)
"""What speaks for the organisation's file in reports; it runs wherever there is one."""


def held(settings: Config, organisation: Organisation, packs: Sequence[Pack[Any]], repository: str) -> Config:
    """A configuration under an organisation's file; `repository` is `owner/name`, or empty.

    Raises:
        UsageError: a required pack is not loaded, or the file names what is not there.
    """
    check(organisation, packs)
    pairs = [(each.id, organisation.lock(each.id, pack.name)) for pack in packs for each in pack.rules]
    locks = {name: lock for name, lock in pairs if lock is not None}
    weights = {each.id: each.severity for pack in packs for each in pack.rules}
    attempts = [*_attempts(settings, organisation, locks, weights)]
    refused = {each.span for each in attempts if each.variant == "waived"}
    defaults = tuple(organisation.defaults())
    written = settings.document is not None and at(settings.document, ["profile"]) is not settings.document
    profile = settings.profile if written else organisation.file.defaults.profile or settings.profile
    options = {
        name: _over(
            _over(organisation.file.defaults.packs.get(name, {}), settings.packs.get(name, {})),
            organisation.options(name),
        )
        for name in {*organisation.file.packs, *organisation.file.defaults.packs, *settings.packs}
    }
    return replace(
        settings,
        organisation=organisation,
        locks=locks,
        attempts=tuple(attempts),
        profile=organisation.profile or profile,
        ignore=tuple(each for each in settings.ignore if any(_named(each.text, weights) - locks.keys())),
        exclude=(*organisation.file.exclude, *(() if locks else settings.exclude)),
        rules=tuple(sorted((*defaults, *settings.rules), key=lambda each: len(each.prefix.text))),
        packs=options,
        waivers=tuple(each for each in settings.waivers if each.rule.span not in refused),
        central=tuple(organisation.waivers(repository)),
    )


def told(report: Report, settings: Config) -> Report:
    """A report with a finding for each attempt; nothing waives, lowers or leaves out these."""
    made = locked_setting_weakened
    found = []
    for each in settings.attempts:
        subject = Node(id=f"policyengine:{each.setting}", name=each.setting, side=Side.SOURCE, span=each.span)
        args = {"setting": each.setting, **each.args}
        finding = Finding(subject=subject, at=each.span, args=args, variant=each.variant)
        found.append(Result(made, PACK.name, finding, made.severity, made.text(finding), each.span, ()))
    held_fast = (name for name, lock in settings.locks.items() if not lock.waivers)
    return replace(
        report,
        results=tuple(sorted((*report.results, *found), key=order)),
        packs=(*report.packs, PACK),
        rules=tuple(sorted((*report.rules, made.id))),
        compared=tuple(sorted((*report.compared, Comparison(made.id, "policyengine:configuration")))),
        locked=tuple(sorted((*held_fast, made.id))),
    )


def check(organisation: Organisation, packs: Sequence[Pack[Any]]) -> None:
    """Refuse packs that are not as an organisation's file requires.

    Raises:
        UsageError: one is missing or of another version, or the file names rules or options that are not there.
    """
    loaded = {pack.name: pack for pack in packs}
    for part in (("packs",), ("defaults", "packs")):
        for name in organisation.file.packs if part == ("packs",) else organisation.file.defaults.packs:
            place = organisation.place(*part, name)
            if name not in loaded:
                names = ", ".join(sorted(loaded))
                raise UsageError(f"{place}the required pack '{name}' is not loaded; install it (loaded are {names})")
            given = organisation.options(name) if part == ("packs",) else organisation.file.defaults.packs[name]
            if given:
                typed(organisation.source, None, loaded[name].options, (*part, name), given)
    for name in organisation.file.packs:
        told = organisation.constraint(name)
        if told is not None:
            check_version(loaded[name], told, organisation.place("packs", name, "version"))
    ids = {each.id for pack in packs for each in pack.rules}
    locked = [("rules", prefix.text) for prefix, _ in organisation.rules]
    for path in (*locked, *(("defaults", "rules", prefix) for prefix in organisation.file.defaults.rules)):
        if not _named(path[-1], ids):
            raise UsageError(f"{organisation.place(*path)}no rule of the loaded packs begins with '{path[-1]}'")
    for number, each in enumerate(organisation.file.waivers):
        if each.rule not in ids:
            place = organisation.place("waivers", number, "rule")
            raise UsageError(f"{place}a waiver names the rule '{each.rule}', which no loaded pack has")


def _attempts(
    settings: Config, organisation: Organisation, locks: Mapping[str, Lock], weights: Mapping[str, Severity]
) -> Iterator[Attempt]:
    def told(variant: str, span: Span, setting: str, rules: set[str]) -> Iterator[Attempt]:
        if rules:
            first = sorted(rules)
            more = f" and {len(first) - _MOST} more" if len(first) > _MOST else ""
            line = organisation.line(locks[first[0]].span)
            named = ", ".join(f"'{each}'" for each in first[:_MOST]) + more
            yield Attempt(variant, span, setting, {"rules": named, "organisation": organisation.name, "line": line})

    def place(*path: str | int) -> Span:
        return at(settings.document, [*path]).span if settings.document is not None else Span(settings.path, 0, 0)

    for each in settings.ignore:
        yield from told("default", each.span, "ignore.rules", _named(each.text, locks))
    if settings.select:
        chosen = {name for told_ in settings.select for name in _named(told_.text, locks)}
        yield from told("default", place("select"), "select", {*locks} - chosen)
    for setting in settings.rules:
        prefix = setting.prefix.text
        if setting.severity:
            rank = 0 if setting.severity == "off" else Severity(setting.severity).rank
            least = {name: Severity(locks[name].severity or weights[name]).rank for name in _named(prefix, locks)}
            lowered = {name for name, floor in least.items() if rank < floor}
            yield from told("lowered", place("rules", prefix, "severity"), f"rules.{prefix}.severity", lowered)
        if setting.profile == RECOMMENDED and organisation.profile == STRICT:
            yield _profile(organisation, place("rules", prefix, "profile"), f"rules.{prefix}.profile")
    if organisation.profile == STRICT and settings.profile == RECOMMENDED and place("profile") != place():
        yield _profile(organisation, place("profile"), "profile")
    for number, pattern in enumerate(settings.exclude if locks else ()):
        if pattern not in organisation.file.exclude:
            args = {"pattern": pattern, "organisation": organisation.name}
            yield Attempt("excluded", place("exclude", number), "exclude", args)
    for waiver in settings.waivers:
        lock = locks.get(waiver.rule.text)
        if lock is not None and not lock.waivers:
            yield from told("waived", waiver.rule.span, "waivers", {waiver.rule.text})
    for name in organisation.file.packs:
        for keys in _differing(settings.packs.get(name, {}), organisation.options(name)):
            line = organisation.line(at(organisation.document, ["packs", name, *keys]).span)
            args = {"organisation": organisation.name, "line": line}
            yield Attempt("option", place("packs", name, *keys), ".".join(("packs", name, *keys)), args)


def _profile(organisation: Organisation, span: Span, setting: str) -> Attempt:
    line = organisation.line(at(organisation.document, ["profile"]).span)
    return Attempt("profile", span, setting, {"organisation": organisation.name, "line": line})


def _named(prefix: str, ids: Mapping[str, object] | set[str]) -> set[str]:
    return {each for each in ids if each.startswith(prefix)}


def _over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """One set of options over another, key by key, also within parts."""
    made = dict(below)
    for key, value in above.items():
        former = made.get(key)
        made[key] = _over(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return made


def _differing(own: object, locked: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of keys at which a repository says something else than what is locked."""
    if isinstance(own, dict) and isinstance(locked, dict):
        for key in [key for key in own if key in locked]:
            yield from _differing(own[key], locked[key], (*path, key))
    elif own != locked:
        yield path
