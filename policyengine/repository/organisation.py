"""An organisation's file: what holds for all its repositories, and which none of them can weaken."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from policyengine.model.source import Source, Span, UsageError
from policyengine.repository.configuration import (
    VERSION,
    Configured,
    RuleSetting,
    Waiver,
    at,
    document_of,
    typed,
    where,
)
from policyengine.repository.configuration_file import Profile, RulePart, Texts, WaiverPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from policyengine.syntax.tree import Document


class LockPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for the rules of an id or prefix."""

    severity: Annotated[
        Literal["error", "warning", "note"] | UnsetType, Meta(description="The least that their findings weigh.")
    ] = UNSET
    locked: Annotated[bool, Meta(description="false: repositories may do as they like with them.")] = True
    waivers: Annotated[bool, Meta(description="true: repositories may waive their findings.")] = False


class CentralWaiverPart(WaiverPart, frozen=True, forbid_unknown_fields=True):
    """A finding that the organisation accepts for a time."""

    repositories: Annotated[Texts, Meta(description="Where, as owner/name; everywhere without it.")] = ()


class DefaultsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds where a repository says nothing else."""

    profile: Profile | UnsetType = UNSET
    rules: dict[str, RulePart] = {}
    packs: Annotated[dict[str, dict[str, Any]], Meta(description="Options of packs, by the pack's name.")] = {}


class OrganisationFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for all repositories of an organisation: what is not under 'defaults', none of them can weaken."""

    version: Annotated[Literal[1], Meta(description="The version of this format.")]
    name: Annotated[str, Meta(description="What reports call the organisation.")] = "the organisation"
    packs: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="Packs that must run, with all their rules: the 'version' they may have, and locked options."),
    ] = {}
    profile: Annotated[Literal["strict"] | UnsetType, Meta(description="strict: no repository may go below.")] = UNSET
    fail_on: Annotated[
        Literal["error", "warning", "note", "undecided"] | UnsetType, Meta(description="What fails a run, at least.")
    ] = UNSET
    rules: Annotated[dict[str, LockPart], Meta(description="Rules that must run, by id or prefix.")] = {}
    exclude: Annotated[
        Texts, Meta(description="Paths that are not read anywhere; repositories may name no others.")
    ] = ()
    waivers: tuple[CentralWaiverPart, ...] = ()
    defaults: DefaultsPart = DefaultsPart()


class Lock(Struct, frozen=True):
    """What an organisation says of one rule: where, the least it weighs (empty: its own), and if it may be waived."""

    span: Span
    severity: str = ""
    waivers: bool = False


class Attempt(Struct, frozen=True):
    """What of a repository's configuration would weaken what is locked: which message tells it, and where it stands."""

    variant: str
    span: Span
    setting: str
    args: dict[str, str]


class Organisation(Struct, frozen=True):
    """The file as it was read. `rules` are by prefix, the longest last."""

    source: Source
    document: Document
    file: OrganisationFile
    rules: tuple[tuple[Configured, LockPart], ...] = ()

    @property
    def name(self) -> str:
        """What reports call the organisation."""
        return self.file.name

    @property
    def profile(self) -> str:
        """The profile that no repository may go below, empty where any may be chosen."""
        return self.file.profile or ""

    def place(self, *path: str | int) -> str:
        """Where a part of the file begins: `org.yaml:3:5: `."""
        return f"{where(self.source, at(self.document, [*path]).span)}: "

    def line(self, span: Span) -> str:
        """A place in the file as messages name it: its name and line, whatever folder it lies in."""
        return f"{self.source.path.rpartition('/')[2]}:{self.source.position(span.start).line}"

    def lock(self, rule: str, pack: str) -> Lock | None:
        """What is locked of a rule, None for nothing."""
        found = Lock(at(self.document, ["packs", pack]).span) if pack in self.file.packs else None
        for prefix, told in self.rules:
            if rule.startswith(prefix.text):
                severity = told.severity or (found.severity if found is not None else "")
                found = Lock(prefix.span, severity, told.waivers) if told.locked else None
        return found

    def constraint(self, pack: str) -> Configured | None:
        """The versions that a required pack may have."""
        if VERSION not in self.file.packs[pack]:
            return None
        return Configured(str(self.file.packs[pack][VERSION]), at(self.document, ["packs", pack, VERSION]).span)

    def options(self, pack: str) -> dict[str, object]:
        """The locked options of a pack."""
        return {key: value for key, value in self.file.packs.get(pack, {}).items() if key != VERSION}

    def defaults(self) -> Iterator[RuleSetting]:
        """What rules weigh where a repository says nothing else."""
        for prefix, told in self.file.defaults.rules.items():
            span = at(self.document, ["defaults", "rules", prefix]).span
            within = (tuple(Configured(each, span) for each in names) for names in (told.systems, told.environments))
            yield RuleSetting(Configured(prefix, span), told.severity or "", told.profile or "", told.paths, *within)

    def waivers(self, repository: str) -> Iterator[Waiver]:
        """The waivers that hold in a repository, called `owner/name`."""
        for number, told in enumerate(self.file.waivers):
            if told.repositories and repository not in {each.lower() for each in told.repositories}:
                continue
            span = at(self.document, ["waivers", number, "rule"]).span
            subject = Configured(told.subject, span) if told.subject else None
            day = datetime.date.fromisoformat(told.expires) if told.expires else None
            reason = f"{told.reason} (waived by {self.name})"
            yield Waiver(Configured(told.rule, span), reason, subject, told.owner or "", day)


def read(path: Path) -> Organisation:
    """The organisation's file at a path.

    Raises:
        UsageError: it cannot be read or is not valid; nothing is scanned without it.
    """
    try:
        source = Source(path.as_posix(), path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not UTF-8 text").lower()
        raise UsageError(f"the organisation's file '{path}' cannot be read: {reason}") from error
    document = document_of(source)
    file = typed(source, document, OrganisationFile)
    made = Organisation(source, document, file, tuple(_by_length(document, file)))
    for number, told in enumerate(file.waivers):
        try:
            datetime.date.fromisoformat(told.expires or "2000-01-01")
        except ValueError as error:
            place = made.place("waivers", number, "expires")
            raise UsageError(f"{place}'expires' must be a day such as 2026-12-01") from error
    return made


def _by_length(document: Document, file: OrganisationFile) -> Iterable[tuple[Configured, LockPart]]:
    for prefix in sorted(file.rules, key=len):
        yield Configured(prefix, at(document, ["rules", prefix]).span), file.rules[prefix]
