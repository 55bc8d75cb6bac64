"""Extensions of Postgres: what brings them, which services offer them, and since when."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table


class Brings(Struct, frozen=True, forbid_unknown_fields=True):
    """The extensions that can be created with it, and those that are created unasked."""

    brings: tuple[str, ...]
    source: str
    creates: tuple[str, ...] = ()


class NotOffered(Struct, frozen=True, forbid_unknown_fields=True):
    """The services that do not offer an extension."""

    by: tuple[str, ...]
    source: str


class Offered(Struct, frozen=True, forbid_unknown_fields=True):
    """From which release of each major of Postgres on a service offers a version of pgvector, or a higher one."""

    flavour: str
    version: str
    since: tuple[str, ...]
    source: str


class Feature(Struct, frozen=True, forbid_unknown_fields=True):
    """The version of pgvector that brought a feature."""

    since: str
    source: str


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """What SQL names of an extension, in lower case: types, functions, operator classes."""

    words: tuple[str, ...]
    source: str


class Extensions(FactTable, frozen=True):
    """The table.

    `contrib` are those that come with Postgres, `images` what some images bring beyond them, `packages` what system
    packages do, by a word of their names. `followers` are extensions that create another one with themselves, `words`
    what SQL names of one.
    """

    contrib: dict[str, Cited]
    images: dict[str, Brings]
    packages: dict[str, Brings]
    followers: dict[str, Brings]
    words: dict[str, Words]
    not_offered: dict[str, NotOffered]
    pgvector: list[Offered]
    features: dict[str, Feature]


def _table() -> Extensions:
    return table("extensions", Extensions)


def is_contrib(name: str) -> bool:
    """Whether an extension comes with Postgres itself."""
    return name in _table().contrib


def brought_by_image(image: str) -> tuple[str, ...] | None:
    """What an image brings beyond contrib; None for one of which that is not known."""
    found = _table().images.get(image)
    return None if found is None else found.brings


def created_by_image(image: str) -> tuple[str, ...]:
    """The extensions that an image creates unasked."""
    found = _table().images.get(image)
    return () if found is None else found.creates


def brought_by_package(package: str) -> tuple[str, ...] | None:
    """What a system package such as `postgresql-16-cron` brings; None for one that is no extension we know."""
    words = package.split("-") if package.startswith(("pg", "postg")) else ()  # `cron` alone is the daemon
    packages = _table().packages
    return next((packages[word].brings for word in words if word in packages), None)


def created_with(name: str) -> tuple[str, ...]:
    """The extensions that are created with one: itself, and what it needs."""
    found = _table().followers.get(name)
    return (name,) if found is None else (name, *found.brings)


def words_of_extension(name: str) -> tuple[str, ...]:
    """What SQL names of an extension; nothing for one of which the table has no words."""
    found = _table().words.get(name)
    return () if found is None else found.words


def not_offered(name: str, flavour: str) -> bool:
    """Whether a managed service is known not to offer an extension."""
    found = _table().not_offered.get(name)
    return found is not None and flavour in found.by


def pgvector_offered(flavour: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The versions of pgvector that a service offers, each with the releases of Postgres from which on."""
    return tuple((each.version, each.since) for each in _table().pgvector if each.flavour == flavour)


def pgvector_since(feature: str) -> str | None:
    """The version of pgvector that brought a feature, None where it is as old as the type."""
    found = _table().features.get(feature)
    return None if found is None else found.since
