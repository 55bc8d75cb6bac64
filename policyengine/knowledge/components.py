"""The parts of a system: how engines are called, what stands in for what, which containers only accompany others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import FactTable, table
from policyengine.knowledge.names import runs, words

if TYPE_CHECKING:
    from collections.abc import Iterable

Family = Literal["columns", "documents", "graphs", "relational", "series", "tables", "warehouse"]
"""Databases of one family can stand for one another; those of two cannot."""


class EngineName(Struct, frozen=True, forbid_unknown_fields=True):
    """An engine: `product` as its makers write it, `cloud` for a service that only one cloud offers.

    `began_as` is the engine whose code it was made from: Redis for Valkey.
    """

    product: str
    source: str
    family: Family = "relational"
    cloud: Literal["", "aws", "azure", "google"] = ""
    began_as: str = ""
    embedded: bool = False


class Emulator(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that speaks the protocol of engines (`s3`, the main one first) or all services of a cloud (`aws`).

    With `by_command` of those only that its command names.
    """

    stands_in_for: tuple[str, ...]
    source: str
    by_command: bool = False


class NamedComponent(Struct, frozen=True, forbid_unknown_fields=True):
    """What a container is whose name has these words: an agent beside another container, or a proxy before it."""

    role: Literal["proxy", "sidecar"]
    source: str


class DialectWord(Struct, frozen=True, forbid_unknown_fields=True):
    """The engine that a library's word for its databases means: `mysql2` of Rails."""

    engine: str
    source: str


class StoreProgram(Struct, frozen=True, forbid_unknown_fields=True):
    """A program in the image of a datastore: one that `starts` it, or one that asks it."""

    source: str
    starts: bool = False


class Components(FactTable, frozen=True):
    """The table: engines and emulators by their own word, containers by words of their names."""

    engines: dict[str, EngineName]
    emulators: dict[str, Emulator]
    names: dict[str, NamedComponent]
    dialects: dict[str, DialectWord]
    programs: dict[str, StoreProgram]
    _joined: dict[str, NamedComponent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._joined.update((name.replace(" ", ""), entry) for name, entry in self.names.items())

    def named(self, name: str) -> NamedComponent | None:
        """The first entry that words of a name are."""
        return next((self._joined[run] for _, _, run in runs(words(name)) if run in self._joined), None)


def _components() -> Components:
    return table("components", Components)


def product(engine: str) -> str:
    """An engine as its makers write it: `PostgreSQL` is `Postgres` here, `s3` is `S3`."""
    found = _components().engines.get(engine)
    return engine if found is None else found.product


def is_embedded(engine: str) -> bool:
    """Whether an engine runs in the process of the application, as SQLite and H2 do."""
    found = _components().engines.get(engine)
    return found is not None and found.embedded


def family(engine: str) -> Family:
    """The family of a database."""
    found = _components().engines.get(engine)
    return "relational" if found is None else found.family


def began_as(engine: str) -> str:
    """The engine whose code an engine was made from, `redis` of `valkey`; itself where it was made from none."""
    found = _components().engines.get(engine)
    return found.began_as if found is not None and found.began_as else engine


def stands_in_for(engine: str) -> frozenset[str]:
    """The engines whose protocol an emulator speaks: `s3` for `minio`, every service of AWS for `localstack`."""
    known = _components()
    found = known.emulators.get(engine)
    if found is None:
        return frozenset()
    clouds = {name for name, each in known.engines.items() if each.cloud in found.stands_in_for}
    return frozenset(found.stands_in_for) | clouds


def is_told_by_command(engine: str) -> bool:
    """Whether the command of an emulator says what it stands in for: `gcloud beta emulators pubsub start`."""
    found = _components().emulators.get(engine)
    return found is not None and found.by_command


def serves(here: str, there: str) -> bool:
    """Whether one engine is another, or stands in for it."""
    return here == there or there in stands_in_for(here)


def spoken(engine: str) -> str:
    """The engine whose protocol is spoken first: `s3` by `minio`, the engine itself by what stands in for none."""
    known = _components()
    found = known.emulators.get(engine)
    return engine if found is None or found.stands_in_for[0] not in known.engines else found.stands_in_for[0]


def role_by_name(name: str) -> Literal["proxy", "sidecar"] | None:
    """What a container of that name is for, as far as its name alone tells."""
    found = _components().named(name)
    return None if found is None else found.role


def only_asks(words: Iterable[str]) -> bool:
    """Whether the words of a command line name a program that asks a datastore, and none that starts one."""
    tokens = (token.rpartition("/")[2] for word in words for token in word.split())
    found = [program for token in tokens if (program := _components().programs.get(token)) is not None]
    return bool(found) and not any(program.starts for program in found)


def engine_of_dialect(word: str) -> str | None:
    """The engine that a library's word for its databases means, or None for one that no table knows."""
    found = _components().dialects.get(word.lower())
    return None if found is None else found.engine
