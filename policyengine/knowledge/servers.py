"""How database and cache servers are configured: the forms of their command lines, what holds where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it
from typing import Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table

Form = Literal["assigned", "listed", "named"]
"""How a command line sets something: `-c name=value`, `--name value value`, or `--name=value` and `--name value`."""


class ServerProgram(Struct, frozen=True, forbid_unknown_fields=True):
    """A server's program.

    `letters` are its short options, `files` the settings that name files with further ones, `mounted` how the path of
    one ends that it reads unasked.
    """

    engine: str
    form: Form
    source: str
    letters: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    mounted: tuple[str, ...] = ()


class GivenByVariable(Struct, frozen=True, forbid_unknown_fields=True):
    """A variable by which the start script of some images sets something."""

    setting: str
    images: tuple[str, ...]
    source: str


class ServerDefault(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds where nothing is said, of a service (`rds`) or the program itself (`community`), from a major on."""

    flavour: str
    engine: str
    setting: str
    value: str
    source: str
    since: int = 0


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """The version of Redis that a release of a service is compatible with."""

    flavour: str
    release: str
    redis: str
    source: str


class ComparedSetting(Struct, frozen=True, forbid_unknown_fields=True):
    """A setting of Postgres or MySQL that changes results, errors or limits.

    `default` is what holds everywhere where nothing is said, absent where it depends on the service; `unit` the one in
    which a number without unit counts.
    """

    source: str
    default: str | None = None
    unit: str = ""


class Encrypting(Struct, frozen=True, forbid_unknown_fields=True):
    """The values, in small letters, by which a managed service takes connections over TLS only."""

    values: list[str]
    source: str


class Servers(FactTable, frozen=True):
    """The table: of the defaults that concern a server a later row overrules an earlier one.

    `compared` are the settings of databases that both sides should share, `watching` libraries to schedule and watch.
    """

    programs: dict[str, ServerProgram]
    variables: dict[str, GivenByVariable]
    compared: dict[str, ComparedSetting]
    watching: dict[str, Cited]
    encrypting: dict[str, Encrypting]
    releases: list[Release]
    defaults: list[ServerDefault]


def program(name: str) -> ServerProgram | None:
    """The server that a program of this name is, or None."""
    return table("servers", Servers).programs.get(name)


def program_of(engine: str) -> ServerProgram | None:
    """The program that serves an engine, or None for one that the table does not list."""
    return next((each for each in table("servers", Servers).programs.values() if each.engine == engine), None)


def given_by_variables(image: str) -> dict[str, str]:
    """The variables by which the start script of an image sets something, with what they set."""
    rows = table("servers", Servers).variables.items()
    return {key: each.setting for key, each in rows if image in each.images}


def default(flavour: str, engine: str, major: int | None, setting: str) -> str | None:
    """What holds where nothing is said; None where the table is silent, or it depends on a major that is not known."""
    rows = [each for each in table("servers", Servers).defaults if (each.flavour, each.engine) == (flavour, engine)]
    rows = [each for each in rows if each.setting == setting]
    if major is None and len(rows) > 1:
        return None
    return next((each.value for each in reversed(rows) if major is None or each.since <= major), None)


def encrypting() -> dict[str, list[str]]:
    """The settings by which managed services take connections over TLS only, with the values that say so."""
    return {name: each.values for name, each in table("servers", Servers).encrypting.items()}


def compared(setting: str) -> ComparedSetting | None:
    """What is known of a setting that both sides should share; None for one that may differ."""
    return table("servers", Servers).compared.get(setting)


def is_watching(library: str) -> bool:
    """Whether a library is for scheduling or statistics."""
    return library in table("servers", Servers).watching


def redis_of(flavour: str, release: str) -> str:
    """The version of Redis that a release of a service is compatible with; its own number where nothing is known."""
    rows = table("servers", Servers).releases
    return next((each.redis for each in rows if (each.flavour, each.release) == (flavour, release)), release)
