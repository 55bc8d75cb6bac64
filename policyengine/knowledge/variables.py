"""What the names of environment variables say: addresses of stores, and which engine they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.loading import Cited, Table, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class StoreWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word that speaks of a store of one of the `engines`: `db` of a Postgres or a MySQL.

    With `password` the address of such a store usually holds one.
    """

    engines: tuple[str, ...]
    source: str
    password: bool = False


class Variables(Table, frozen=True):
    """The table. `address_ends` are the last words of names that hold an address with all that a client needs."""

    store_words: dict[str, StoreWord]
    address_ends: dict[str, Cited]


def speaks_of(words: Iterable[str], engine: str) -> bool:
    """Whether the words of a variable's name (in lower case) speak of an engine: `db` of postgres, `cache` of redis."""
    stores = table("variables", Variables).store_words
    return any(word == engine or (word in stores and engine in stores[word].engines) for word in words)


def is_store_address(words: Sequence[str]) -> bool:
    """Whether the words are those of a name that holds a store's address, its password included: `DATABASE_URL`."""
    variables = table("variables", Variables)
    if not words or words[-1] not in variables.address_ends:
        return False
    before = variables.store_words.get(words[-2]) if len(words) > 1 else None
    return words[-1] == "dsn" or (before is not None and before.password)
