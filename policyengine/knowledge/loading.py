"""The tables of facts: `knowledge/SUBJECT.json`, read once when it is first asked, with what packs add to it.

A lookup module names the shape of its table as a Struct and asks `table(subject, shape)` at each question; what it
derives from a table (an index, a compiled pattern, an answer) it keeps in that Struct, so that it goes with the table.
Every table holds `sources`, and every entry the key of the source that it was taken from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Citation(Struct, frozen=True, forbid_unknown_fields=True):
    """Where facts were taken from, and when (ISO 8601). Without an `address` it is what people of the field know."""

    title: str
    date: str
    address: str = ""


class Cited(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of which only the name matters."""

    source: str


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """What every table holds; `sources` by the key that entries cite."""

    sources: dict[str, Citation]


T = TypeVar("T", bound=Table)

_read: dict[str, Table] = {}
_added: dict[str, list[Mapping[str, object]]] = {}


def table(subject: str, shape: type[T]) -> T:
    """The table of a subject, with what `add` gave.

    Raises:
        ValueError: what a pack added does not have the shape of the table.
    """
    found = _read.get(subject)
    if found is None:
        text = _file(subject).read_bytes()
        if subject in _added:
            merged = msgspec.json.decode(text, type=dict[str, object])
            for entries in _added[subject]:
                merged = _merged(merged, entries)
            found = msgspec.convert(merged, shape)
        else:
            found = msgspec.json.decode(text, type=shape)
        _read[subject] = found
    return cast("T", found)


def add(subject: str, entries: Mapping[str, object]) -> None:
    """Add a part of a table, written as the file is: its entries replace those of the same key.

    What was read of the subject is forgotten, so that the next question sees the entries.

    Raises:
        ValueError: there is no such subject, or it has no such part.
    """
    if not _file(subject).is_file():
        raise ValueError(f"there is no table '{subject}'; the subjects are {', '.join(subjects())}")
    known = msgspec.json.decode(_file(subject).read_bytes(), type=dict[str, msgspec.Raw])
    unknown = sorted(set(entries) - set(known))
    if unknown:
        raise ValueError(f"the table '{subject}' has no '{unknown[0]}'; its parts are {', '.join(known)}")
    _added.setdefault(subject, []).append(entries)
    _read.pop(subject, None)


def forget() -> None:
    """Drop everything that was added, and what was read with it."""
    for subject in _added:
        _read.pop(subject, None)
    _added.clear()


def subjects() -> tuple[str, ...]:
    """The subjects there are, sorted."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.json")))


def _file(subject: str) -> Path:
    return Path(__file__).parent / f"{subject}.json"


def _merged(mine: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """Two levels deep: the parts of a table, and the entries of a part; rows are put after the rows that are there."""
    merged = dict(mine)
    for part, entries in theirs.items():
        match mine.get(part), entries:
            case dict(here), dict(more):
                merged[part] = here | more
            case list(here), list(more):
                merged[part] = here + more
            case _:
                merged[part] = entries
    return merged
