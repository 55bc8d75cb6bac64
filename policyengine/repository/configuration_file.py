"""What may stand in policyengine.yaml, besides the parts of platforms.

The published JSON Schema is made of these types and of those of the platforms and packs, and held to them by a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

Texts = tuple[str, ...]


class PairPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A local service and the cloud resource that it mirrors."""

    local: Annotated[str, Meta(description="A Compose service.")]
    cloud: Annotated[str, Meta(description="A Terraform address; a container of a task definition follows a #.")]


class FactPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What a datastore runs."""

    engine: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


class FactsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What a datastore runs, or a document that another repository exported."""

    of: Annotated[str | UnsetType, Meta(description="A Terraform address or Compose service, with its facts.")] = UNSET
    engine: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    file: Annotated[
        str | UnsetType, Meta(description="A document of 'policyengine facts export', relative to this file.")
    ] = UNSET
    max_age: Annotated[
        Annotated[str, Meta(pattern="^[0-9]{1,6}[dw]$")] | UnsetType, Meta(description="How old it may be: 30d.")
    ] = UNSET


class IgnorePart(Struct, frozen=True, forbid_unknown_fields=True):
    """What has no counterpart, and which rules do not run."""

    local: Annotated[Texts, Meta(description="Compose services that mirror nothing.")] = ()
    cloud: Annotated[Texts, Meta(description="Cloud containers or addresses that are mirrored by nothing.")] = ()
    rules: Annotated[Texts, Meta(description="Rules that are not run, by id or prefix.")] = ()


class WaiverPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that is accepted for a time."""

    rule: str
    reason: Annotated[str, Meta(min_length=1)]
    subject: Annotated[
        str | UnsetType,
        Meta(description="The name or id of what the finding is about; without it the whole rule is waived."),
    ] = UNSET
    owner: str | UnsetType = UNSET
    expires: Annotated[
        Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | UnsetType, Meta(description="The last day.")
    ] = UNSET


class SystemPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One of several systems of the repository."""

    paths: Annotated[
        Annotated[Texts, Meta(min_length=1)],
        Meta(description="Folders and files that are its own, relative to this file; the rest is of all systems."),
    ]


Profile = Literal["strict", "recommended"]
Weight = Literal["error", "warning", "note", "off"]


class RulePart(Struct, frozen=True, forbid_unknown_fields=True):
    """What is other for the rules of an id or prefix, everywhere or in some paths."""

    severity: Annotated[
        Literal["error", "warning", "note", "off"] | UnsetType,
        Meta(description="What their findings weigh; off: none."),
    ] = UNSET
    profile: Annotated[Profile | UnsetType, Meta(description="Which profile holds for them.")] = UNSET
    paths: Annotated[
        Texts, Meta(description="Where, by the file that is reported: patterns as in .gitignore, ! leaves out again.")
    ] = ()
    systems: Annotated[Texts, Meta(description="In which systems, by their names.")] = ()
    environments: Annotated[Texts, Meta(description="In which of the environments that this file names.")] = ()


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """What policyengine cannot read from the files themselves, or should read otherwise."""

    version: Annotated[Literal[1], Meta(description="The version of this format.")]
    profile: Annotated[
        Profile | UnsetType,
        Meta(
            description="strict: the whole strategy; recommended, which holds without it: conventions of the strategy "
            "are notes."
        ),
    ] = UNSET
    select: Annotated[Texts, Meta(description="The only rules that run, by id or prefix.")] = ()
    exclude: Annotated[Texts, Meta(description="Paths that are not read: patterns as in .gitignore.")] = ()
    rules: Annotated[
        dict[str, RulePart],
        Meta(description="Severities and profiles of rules, by id or prefix; the longest prefix wins."),
    ] = {}
    environment: Annotated[
        Annotated[str, Meta(min_length=1)] | UnsetType,
        Meta(description="The cloud environment that the local stack mirrors, such as prod."),
    ] = UNSET
    environments: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(description="Several of them: the local stack is held against each."),
    ] = ()
    systems: Annotated[
        dict[str, SystemPart],
        Meta(
            description="The systems of the repository by their names, where it holds several: each is compared alone."
        ),
    ] = {}
    pairs: Annotated[
        tuple[PairPart, ...],
        Meta(description="Which local service mirrors which cloud resource, where the engine would pair otherwise."),
    ] = ()
    facts: Annotated[
        dict[str, FactPart] | tuple[FactsPart, ...],
        Meta(
            description="Facts that no file holds: by Terraform address or Compose service, or a list that also names "
            "documents of another repository."
        ),
    ] = {}
    equivalences: Annotated[
        tuple[Annotated[str, Meta(pattern="^[a-z0-9-]+~[a-z0-9-]+$")], ...],
        Meta(description="Engines that count as the same, such as redis~valkey."),
    ] = ()
    ignore: IgnorePart = IgnorePart()
    packs: Annotated[
        dict[str, dict[str, Any]],
        Meta(
            description="Packs that must be loaded, with the 'version' that they may have and their options; each pack "
            "says what its options are."
        ),
    ] = {}
    waivers: Annotated[tuple[WaiverPart, ...], Meta(description="Findings that are accepted for a time.")] = ()


def file_type(parts: Mapping[str, type[Struct]]) -> type[File]:
    """The type of a whole file: what every file may hold, and a part for each platform by the key that it stands at."""
    fields = [
        (f"part_{number}", kind, field(default_factory=kind, name=key))
        for number, (key, kind) in enumerate(sorted(parts.items()))
    ]
    namespace = {"__doc__": File.__doc__}
    made: type[File] = defstruct(  # type: ignore[assignment]  # typed as a plain Struct, whatever its bases
        "File", fields, bases=(File,), namespace=namespace, frozen=True, forbid_unknown_fields=True
    )
    return made


def part_of(file: File, parts: Mapping[str, type[Struct]]) -> dict[str, Struct]:
    """The parts of platforms in a file of that type, by their keys."""
    return {key: getattr(file, f"part_{number}") for number, key in enumerate(sorted(parts))}
